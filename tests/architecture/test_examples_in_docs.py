"""Every Python block in the docs and the README is a piece of a file that is tested."""

import re
import textwrap
from collections.abc import Iterator
from functools import cache

import pytest
from house import DOCS, ROOT, convokit, pages

BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)```(?:python|py)\b[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)
SNIPPET = re.compile(r'^\s*(?:;?-+8<-+\s*"(?P<path>[^"]+)")\s*$', re.MULTILINE)
MARKER = re.compile(r"^\s*# -+8<-+ \[(?:start|end):.*$\n?", re.MULTILINE)


@cache
def proven() -> tuple[str, ...]:
    """The text of every file under examples and tests, white space made one."""
    found = [path for folder in ("examples", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(squeezed(MARKER.sub("", path.read_text(encoding="utf-8"))) for path in found)


def squeezed(code: str) -> str:
    """A text whose white space is single spaces."""
    return " ".join(code.split())


def blocks(text: str) -> Iterator[str]:
    """The Python blocks of a page."""
    for found in BLOCK.finditer(text):
        yield textwrap.dedent(found["code"])


def untested(text: str) -> list[str]:
    """The pieces of a page's blocks that stand in no tested file.

    A line `…` parts a block into pieces.
    """
    missing = []
    for block in blocks(text):
        rest = SNIPPET.sub("", block)
        for piece in re.split(r"^\s*(?:#\s*)?(?:…|\.\.\.)\s*$", rest, flags=re.MULTILINE):
            wanted = squeezed(piece)
            if wanted and not any(wanted in whole for whole in proven()):
                missing.append(piece.strip())
    return missing


def everything() -> dict[str, str]:
    """Every page that shows code to a reader."""
    beside = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
    return beside | {f"docs/{name}": text for name, text in pages().items()}


@pytest.mark.parametrize("page", sorted(everything()))
def test_every_python_block_is_a_piece_of_a_tested_file(page: str) -> None:
    convokit()
    missing = untested(everything()[page])
    assert not missing, f"{page} shows code that no file under examples/ or tests/ holds:\n\n" + "\n\n".join(missing)


def test_every_snippet_that_is_included_exists() -> None:
    convokit()
    lost = []
    for page, text in pages().items():
        for found in SNIPPET.finditer(text):
            path, _, region = found["path"].partition(":")
            file = ROOT / path
            if not file.is_file() or (region and f"[start:{region}]" not in file.read_text(encoding="utf-8")):
                lost.append(f"{page}: {found['path']}")
    assert not lost, f"these regions are not there: {lost}"


def test_code_that_is_nowhere_tested_is_found() -> None:
    assert untested("```python\nthis_stands = nowhere_in(the_tests_" + "of_convokit)\n```\n")
    assert not untested("```python\ndef squeezed(code: str) -> str:\n```\n")


def test_the_docs_fetch_nothing_from_elsewhere() -> None:
    page = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in page
    assert not re.findall(r"https?://[^\s\"']*\.(?:js|css|woff2?)", page)
    drawn = [name for name, text in pages().items() if re.search(r"<script|<link|!\[[^\]]*\]\(https?:", text)]
    assert not drawn, f"these pages load something from another place: {drawn}"
    assert DOCS.is_dir()
