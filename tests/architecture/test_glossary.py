"""One word per concept: the glossary's words are the classes' names, and other words stay out of them."""

import ast
import re
from collections.abc import Iterator

from house import DOCS, Source, convokit, public_names, sources

KEPT_OUT = ("adapter", "manager", "helper", "util", "base", "data", "info", "context", "session", "agent")
PIECES = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def rows() -> list[list[str]]:
    """The table's rows, as cells."""
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def defined(source: Source) -> Iterator[str]:
    """The classes and the named types of a file."""
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_every_class_that_the_glossary_names_exists() -> None:
    known = set(public_names(convokit()))
    # What plugins implement is offered by `convokit.abc`, the rest of these by their packages.
    for room in ("abc", "transports", "desks", "stores"):
        known |= {name for source in sources() if source.room == room for name in defined(source)}
    # The engine is reached through `bot.serve`, the state through `dialog.state`.
    known |= {"Engine", "State"} & {
        node.name for source in sources() for node in source.tree.body if isinstance(node, ast.ClassDef)
    }
    named = {word for row in rows() for cell in row[:2] for word in re.findall(r"\*\*([A-Z]\w+?)s?\*\*", cell)}
    named |= {word for row in rows() for word in re.findall(r"`([A-Z][a-z]\w+)`", row[1])}
    assert len(named) > 15, "the glossary's table was not found: its words are bold, its kinds in backquotes"
    assert named <= known, f"the glossary names what convokit does not have: {sorted(named - known)}"


def test_the_words_that_the_glossary_refuses_are_in_no_public_name() -> None:
    taken = []
    for source in sources():
        names = [*source.name.removesuffix(".py").split("/")]
        names += [
            node.name for node in source.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        ]
        for name in names:
            pieces = {piece.lower() for piece in PIECES.findall(name)}
            taken += [f"{source.name}: {name}" for word in KEPT_OUT if {word, f"{word}s"} & pieces]
    assert not taken, f"the glossary has better words than {', '.join(KEPT_OUT)}: {taken}"


def test_the_glossary_says_which_words_are_kept_out_of_names() -> None:
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    assert not [word for word in KEPT_OUT if word not in text]
