"""`convokit backup`, `restore` and `verify`: copies of a store, put back, and looked at."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio

from convokit._engine.clock import SystemClock
from convokit.abc import Store
from convokit.bot import open_url
from convokit.cli.speaking import FINE, WRONG, complain, say
from convokit.errors import DefinitionError, StoreUnavailable
from convokit.stores import SQLite
from convokit.stores.sqlite import checking, schema, upkeep

MOST_PROBLEMS = 50
"""How many are printed."""


def backup(store_url: str, file: str) -> int:
    """Copy a store to a new file, look whether the copy is sound, and say what is in it.

    Raises:
        DefinitionError: No store is known for the URL, or it is none in a file.
        StoreError: The copy could not be made.
    """
    store, target = _sqlite(store_url, "backup"), Path(file)
    anyio.run(store.backup, target)
    if _wrong(target, checking.problems(target)):
        complain(f"convokit: {target} is a true copy of what is wrong in {store.path}: restore an earlier one")
        return WRONG
    say(f"{target}: {_megabytes(target)}, sound; {_inside(checking.contents(target))}.")
    say("Uploaded files are not in it: copy their folder after it.")
    return FINE


def verify(store_url: str) -> int:
    """Look for what is wrong in a store, which may be in use.

    Raises:
        DefinitionError: No store is known for the URL.
        StoreError: It cannot be read.
    """
    store = open_url(store_url)
    if isinstance(store, SQLite):
        found: Sequence[str] = checking.problems(store.path)
        inside = _inside(checking.contents(store.path)) if not found else ""
    else:
        found, inside = anyio.run(_opened_and_checked, store)
    if _wrong(store_url, found):
        complain("convokit: stop the bot, and restore the newest backup that `convokit verify` finds sound")
        return WRONG
    say(f"Nothing is wrong; {inside}.")
    return FINE


def restore(store_url: str, file: str) -> int:
    """Put a copy in the store's place, and say what it does not know.

    Raises:
        DefinitionError: No store is known for the URL, or it is none in a file.
        Conflict: A process uses the store.
        StoreError: The copy is not sound, or something could not be read or written.
    """
    store, copy = _sqlite(store_url, "restore"), Path(file)
    if copy.exists() and store.path.exists() and copy.samefile(store.path):
        raise DefinitionError(f"{copy} is the store itself: name a copy of it")
    if _wrong(copy, checking.problems(copy)):
        complain(f"convokit: {copy} was not restored: {store.path} is as it was")
        return WRONG
    contents = checking.contents(copy)
    kept = upkeep.restore(copy, store.path, datetime.now(UTC))
    say(f"{store.path} is what {copy} holds: {_inside(contents)}.")
    if kept is not None:
        say(f"What was there is in {kept}: remove it when you do not need it any more.")
    say(
        "It knows nothing of what happened after it was made. What customers and the bot said since then is not in it; "
        "messages that waited in it are sent, again where they had been sent; what platforms deliver again is handled "
        "again; who was erased since then is in it, and is to be erased again. Open pages read their conversations "
        "anew."
    )
    return FINE


def _sqlite(store_url: str, command: str) -> SQLite:
    store = open_url(store_url)
    if not isinstance(store, SQLite):
        raise DefinitionError(
            f"convokit {command} works on a store in a file, sqlite:///file.db, not on {store_url}: use its own tools"
        )
    if command == "backup" and not store.path.exists():
        raise StoreUnavailable(f"there is no store {store.path}; name the bot's own: --store sqlite:///file.db")
    return store


async def _opened_and_checked(store: Store) -> tuple[Sequence[str], str]:
    await store.open(SystemClock(), claims=False)
    try:
        stats = await store.stats()
        return await store.check(), f"{_count(stats.conversations, 'conversation')}, {stats.waiting} events wait"
    finally:
        await store.close()


def _wrong(what: object, problems: Sequence[str]) -> bool:
    """Tell what is wrong; whether anything is."""
    for one in problems[:MOST_PROBLEMS]:
        complain(f"{what}: {one}")
    if len(problems) > MOST_PROBLEMS:
        complain(f"{what}: and {len(problems) - MOST_PROBLEMS} more")
    return bool(problems)


def _inside(found: checking.Contents) -> str:
    when = datetime.fromtimestamp(found.touched / 1e6, UTC)
    last = f", the last of it from {when:%Y-%m-%d %H:%M:%S} UTC" if found.touched else ""
    newer = f", schema {found.version}: the next start brings it to {schema.VERSION}"
    older = newer if found.version != schema.VERSION else ""
    return (
        f"{_count(found.conversations, 'conversation')}, {_count(found.waiting, 'event')} waiting, "
        f"{_count(found.failed, 'event')} given up, {_count(found.sends, 'message')} to be sent, "
        f"{_count(found.timers, 'timer')}{last}{older}"
    )


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:,.1f} MB"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
