"""Pieces of what the command line tells: quotes, lines, times; all of them harmless to a terminal."""

from datetime import UTC, datetime

from convokit.cli.speaking import coloured
from convokit.wire.text import for_log, for_terminal


def quoted(text: str, most: int = 200) -> str:
    """What somebody said: on one line, in quotes, harmless to a terminal."""
    return for_log(text, most)


def head(text: str) -> str:
    """A heading."""
    return coloured("strong", text)


def dim(text: str) -> str:
    """What is beside the point."""
    return coloured("dim", text)


def one_line(text: str, most: int) -> str:
    """A text on one line, harmless."""
    line = for_terminal(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def utc(moment: datetime) -> str:
    """A time, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """A time that something took, in a unit that suits it."""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.1f} ms" if abs(seconds) < 0.01 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004  one digit
    return f"{seconds:.1f} s" if abs(seconds) < 600 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  ten minutes
