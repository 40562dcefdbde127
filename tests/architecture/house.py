"""The house as these tests see it: the source files with their syntax trees, the layers, the docs, the public names."""

import ast
import importlib
import re
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "convokit"
DOCS = ROOT / "docs"

LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("errors", ("errors",)),
    ("values", ("_value", "messages", "events", "conversations", "people")),
    ("seams", ("abc",)),
    ("wire", ("wire",)),
    (
        "rules",
        (
            *("patterns", "triggers", "filters", "routes", "router", "_index", "routing", "turn", "expect", "reading"),
            *("explaining", "dialogs", "repair", "handoff", "fitting", "links", "refs", "_machine"),
        ),
    ),
    ("run", ("bot", "_engine")),
    ("edges", ("transports", "stores", "desks")),
    ("skills", ("skills",)),
    ("tools", ("web", "testing", "cli", "__main__")),
)
"""From top to bottom; an import may only point up or stay within its layer."""

RANK = {room: rank for rank, (_, rooms) in enumerate(LAYERS) for room in rooms}
LAYER = {room: layer for layer, rooms in LAYERS for room in rooms}
EDGES_SEE = frozenset({"errors", "values", "seams", "wire"})


@frozen(kw_only=True, eq=False)
class Source:
    """A Python file of the package. `name` is its path below `src/convokit`; `room` the file or folder at the top."""

    path: Path
    name: str
    room: str
    tree: ast.Module
    lines: tuple[str, ...]


@frozen(kw_only=True)
class Import:
    """What an import statement brings in: the module as written in full, and the name taken from it, if any."""

    module: str
    taken: str
    line: int
    at_start: bool
    for_types: bool = False


@cache
def sources() -> tuple[Source, ...]:
    """Every file of the package, by name."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        inside = path.relative_to(PACKAGE)
        found.append(
            Source(
                path=path,
                name=inside.as_posix(),
                room=inside.parts[0].removesuffix(".py"),
                tree=ast.parse(text, str(path)),
                lines=tuple(text.splitlines()),
            )
        )
    return tuple(found)


@cache
def imports(source: Source) -> tuple[Import, ...]:
    """Every import of a file, those inside functions and under `TYPE_CHECKING` (`for_types`) included."""
    return tuple(found_imports(source))


def found_imports(source: Source) -> Iterator[Import]:
    """See `imports`."""
    package = ("convokit", *Path(source.name).parent.parts)
    late = {
        id(node)
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    typing = {
        id(node)
        for branch in ast.walk(source.tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(source.tree):
        when = {"at_start": id(node) not in late, "for_types": id(node) in typing}
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=alias.name, taken="", line=node.lineno, **when)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join((*start, *([node.module] if node.module else [])))
            for alias in node.names:
                yield Import(module=module, taken=alias.name, line=node.lineno, **when)


def room_of(module: str, taken: str) -> str:
    """The file or folder of convokit that an import reaches; empty for other packages, "__init__" for its own top."""
    head, *rest = module.split(".")
    if head != "convokit":
        return ""
    if rest:
        return rest[0]
    return taken if taken in RANK else "__init__"


def convokit() -> Any:
    """The package, as a user imports it; skips while it has no `Bot`, which is the last name to come."""
    package = importlib.import_module("convokit")
    if not hasattr(package, "Bot"):
        pytest.skip("convokit.Bot does not exist yet: the public names are not complete")
    return package


def public_names(package: types.ModuleType) -> tuple[str, ...]:
    """What a module offers: its `__all__` without the version."""
    names: list[str] = list(package.__all__)
    return tuple(name for name in names if not name.startswith("__"))


@cache
def pages(folder: str = "") -> dict[str, str]:
    """Every page of the docs below `folder`, by its path below `docs`."""
    return {
        path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((DOCS / folder).rglob("*.md"))
    }


def reference() -> str:
    """The whole reference as one text."""
    return "\n".join(pages("reference").values())


def has_word(text: str, word: str) -> bool:
    """Whether `word` stands in `text` by itself, not as a piece of a longer name."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None
