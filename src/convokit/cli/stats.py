"""`convokit stats`: how much is there, how much waits, and since when."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from convokit._engine.clock import SystemClock
from convokit.abc import Stats, Store
from convokit.cli.reaching import existing, opened
from convokit.cli.speaking import FINE, coloured, say, say_styled

OPEN = ("waiting", "in flight")
GIVEN_UP = ("failed", "held")
OLDEST = {
    "log": "oldest entry",
    "failed": "oldest given up",
    "handoffs": "oldest handoff",
    "conversations": "longest idle",
}
"""What retention can remove, and what the line is called that tells how old the oldest of it is."""
LONG = 60.0
"""Seconds of waiting from which on it is worth a look."""


def stats(store_url: str, *, as_json: bool, every: int | None) -> int:
    """Print the counts of a store; every so many seconds until stopped, if wanted.

    Raises:
        DefinitionError: No store is known for the URL.
        StoreError: The store cannot be opened.
    """
    return anyio.run(_stats, existing(store_url), as_json, every)


async def _stats(store: Store, as_json: bool, every: int | None) -> int:
    clock = SystemClock()
    async with opened(store):
        while True:
            found, now = await store.stats(), clock.now()
            size = _size(getattr(store, "path", None))
            if as_json:
                say(json.dumps(_as_json(found, now, size), indent=None if every else 2))
            else:
                for line in _table(found, now, size):
                    say_styled(line)
            if every is None:
                return FINE
            if not as_json:
                say()
            await anyio.sleep(every)


def _size(path: object) -> tuple[int, int] | None:
    """Bytes of the store's file, and of its write-ahead log; None: it has no file."""
    if not isinstance(path, Path):
        return None
    return _bytes(path), _bytes(path.with_name(f"{path.name}-wal"))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _as_json(found: Stats, now: datetime, size: tuple[int, int] | None) -> dict[str, Any]:
    oldest = found.oldest_waiting
    return {
        "at": now.isoformat(),
        "conversations": found.conversations,
        "accepted": found.accepted,
        "turns": found.turns,
        "waiting": found.waiting,
        "oldest_waiting": None if oldest is None else oldest.isoformat(),
        "ready": found.ready,
        "claimed": found.claimed,
        "failed": found.failed,
        "timers": found.timers,
        "sends": dict(found.sends),
        "sends_ready": found.sends_ready,
        "oldest": {kind: found.oldest[kind].isoformat() for kind in OLDEST if kind in found.oldest},
        "file_bytes": None if size is None else size[0],
        "log_bytes": None if size is None else size[1],
    }


def _table(found: Stats, now: datetime, size: tuple[int, int] | None) -> Iterator[str]:
    yield coloured("dim", f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    yield _row("conversations", found.conversations)
    yield _row("events accepted", found.accepted)
    yield _row("  waiting", found.waiting, _since(found.oldest_waiting, now))
    yield _row("  given up", found.failed, "convokit failed lists them", bad=found.failed > 0)
    yield _row("turns committed", found.turns)
    yield _row("lanes with work", found.ready, "conversations that could be handled now")
    if found.claimed:
        yield _row("lanes claimed", found.claimed)
    yield _row("outbox", sum(found.sends.values()))
    known = (*OPEN, "sent", *GIVEN_UP, "withdrawn")
    for state in (*known, *(one for one in found.sends if one not in known)):
        count = found.sends.get(state, 0)
        if count or state in {"waiting", "sent"}:
            note = "convokit failed lists them" if state in GIVEN_UP else ""
            yield _row(f"  {state}", count, note, bad=state in GIVEN_UP)
    yield _row("timers", found.timers)
    for kind, name in OLDEST.items():
        if (at := found.oldest.get(kind)) is not None:
            age = max(0.0, (now - at).total_seconds())
            yield _line(name, _span(age), f"since {at.astimezone(UTC):%Y-%m-%d}")
    if size is not None:
        yield _line("file", _human(size[0]), f"and {_human(size[1])} of write-ahead log" if size[1] else "")


def _since(oldest: datetime | None, now: datetime) -> str:
    if oldest is None:
        return ""
    waited = max(0.0, (now - oldest).total_seconds())
    said = f"the oldest for {_span(waited)}, since {oldest.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return coloured("bad", said) if waited >= LONG else said


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _row(name: str, count: int, note: str = "", *, bad: bool = False) -> str:
    return _line(name, f"{count:,}", note if count else "", bad=bad and count > 0)


def _line(name: str, figure: str, note: str = "", *, bad: bool = False) -> str:
    # A note may be coloured already; the space before it is counted without its colour.
    shown = coloured("bad", f"{figure:>12}") if bad else coloured("strong", f"{figure:>12}")
    return f"{name:<18}{shown}{f'  {note}' if note else ''}"


def _human(size: int) -> str:
    amount = float(size)
    for unit in ("bytes", "KB", "MB"):
        if amount < 1024:  # noqa: PLR2004  the step from one unit to the next
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"
