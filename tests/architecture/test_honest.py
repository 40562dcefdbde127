"""Nothing is left for later in the source, and every silenced check says why."""

import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ROOT

LATER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|WIP)\b|(?i:not implemented yet|to be implemented|simplified for now)")
# "noqa: F401  the reason": two or more words after the code.
SILENCED = re.compile(r"#\s*(?:noqa|type: ignore|pyright: ignore|pragma: no cover)")
REASONED = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type: ignore\[[\w, -]+\]|pyright: ignore\[[\w, -]+\]|pragma: no cover)"
    r"[\s#(—:;-]+\S+.*\s\S+"
)


def files() -> list[Path]:
    """Every Python file of the project but this one, which has to name what it looks for."""
    found = [path for folder in ("src", "tests", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if path != Path(__file__).resolve()]


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """A file's comments with their lines; none of a file that silences nothing."""
    if not SILENCED.search(path.read_text(encoding="utf-8")):
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def test_nothing_in_the_source_is_left_for_later() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LATER.search(line)
    ]
    assert not found, "\n".join(found)


def test_every_silenced_check_has_its_reason_beside_it() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{number} {comment}"
        for path in files()
        for number, comment in comments(path)
        if SILENCED.search(comment) and not REASONED.search(comment)
    ]
    assert not silent, "give the reason after the code, in words:\n" + "\n".join(silent)


@pytest.mark.parametrize(
    ("comment", "fine"),
    [
        ("# noqa: S603  our own interpreter, a constant program", True),
        ("# noqa: PLC0415, I001  only a bot with dialogs pays", True),
        ("# type: ignore[misc]  attrs cannot say it", True),
        ("# noqa: S603", False),
        ("# noqa", False),
        ("# type: ignore  because I want", False),
    ],
)
def test_a_reason_is_told_from_a_bare_code(comment: str, fine: bool) -> None:
    assert bool(REASONED.search(comment)) is fine


def test_every_check_that_is_switched_off_for_all_has_its_reason_beside_it() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ignored = set(settings["tool"]["ruff"]["lint"]["ignore"])
    for rules in settings["tool"]["ruff"]["lint"].get("per-file-ignores", {}).values():
        ignored |= set(rules)
    silent = []
    reason = False
    for line in reversed((ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()):
        # A reason ends the line of the rule, or of the rules that follow it on the next ones.
        reason = "#" in line or (reason and bool(re.match(r'\s*"', line)))
        silent += [code for code in re.findall(r'"([A-Z]+\d*)"', line) if code in ignored and not reason]
    assert not silent, f"pyproject.toml does not say why these are ignored: {silent}"
