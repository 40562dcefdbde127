"""Copies of a file: made while it is in use, put in its place when nobody uses it.

A copy is written under a name of its own beside its place and put there when it is whole and synced, so that a kill or
a full disk leaves no half of one.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from secrets import randbits, token_hex

from convokit.errors import Conflict, StoreUnavailable
from convokit.stores.sqlite import checking, files, schema
from convokit.stores.sqlite.writer import unavailable

PLACES_LEFT_OUT = 1_000_000
"""By how much a restored conversation's next place is moved on: what was said in the time that the copy does not know
had the places that come next, and platforms that drop a second message with the same key would drop new ones."""

STEPS_BETWEEN_LOOKS = 10_000
"""How many of SQLite's instructions pass between two looks at whether a copy is still wanted: a millisecond or less."""


def copy(source: Path, target: Path, broken_off: Callable[[], bool] = lambda: False) -> None:
    """Write what `source` holds at this moment to `target`, a new file that only its owner can read.

    Reading holds up nobody who writes. What was deleted is not in the copy.

    Args:
        source: A store's file.
        target: Where to.
        broken_off: Asked now and then whether to give up.

    Raises:
        StoreUnavailable: `target` exists or cannot be written, or `source` cannot be read.
    """
    if os.path.lexists(target):
        raise StoreUnavailable(f"{target} is there already: name a new file")
    with _part(target) as part:
        _write(source, part, broken_off)
        _put(part, target)


def restore(source: Path, path: Path, now: datetime) -> Path | None:
    """Put a copy in the store's place; what was there is kept beside it.

    The log gets a new id, because numbers that pages have seen are given again; messages that were waiting may have
    gone out; and lanes go on some places later.

    Args:
        source: The copy; it stays as it is.
        path: The store's file; it may not exist.
        now: What the kept file is named after.

    Returns:
        Where what was there is now.

    Raises:
        Conflict: A process uses the store.
        StoreUnavailable: A file cannot be read or written.
    """
    try:
        held = files.lock(path)
    except Conflict:
        raise Conflict(f"a bot runs on {path}: stop it first, and restore then") from None
    try:
        whole = not path.exists() or _alone(path)
        with _part(path) as part:
            _write(source, part)
            _renumber(part)
            kept = _set_aside(path, now, whole=whole) if path.exists() else None
            part.replace(path)
            _sync(path.parent)
            return kept
    except OSError as error:
        raise StoreUnavailable(f"{path} was not replaced: {error.strerror}") from error
    finally:
        held.release()


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """An empty file beside `target`, gone at the end unless it was put in its place."""
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{target} cannot be written: {error.strerror}") from error
    try:
        yield part
    finally:
        for one in (part, *(part.with_name(part.name + side) for side in ("-journal", "-wal", "-shm"))):
            with suppress(OSError):
                one.unlink()


def _write(source: Path, part: Path, broken_off: Callable[[], bool] = lambda: False) -> None:
    """Fill an empty file with what a store holds."""
    with checking.reading(source) as db:
        if not schema.version_of(db, source):
            raise StoreUnavailable(f"{source} is empty: no bot has used it")
        db.execute("COMMIT")
        db.set_progress_handler(broken_off, STEPS_BETWEEN_LOOKS)
        try:
            db.execute("PRAGMA query_only = OFF")  # it would forbid to write the copy, too
            db.execute("VACUUM INTO ?", (str(part),))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise StoreUnavailable(f"{part.parent}: the disk is full, no copy was written: make room") from error
            raise
        db.execute("BEGIN")
    _sync(part)


def _put(part: Path, target: Path) -> None:
    """Give a whole file its name, which nobody else has."""
    try:
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            part.replace(target)
        _sync(target.parent)
    except FileExistsError:
        raise StoreUnavailable(f"{target} is there already: name a new file") from None
    except OSError as error:
        raise StoreUnavailable(f"{target} cannot be written: {error.strerror}") from error


def _sync(path: Path) -> None:
    """Have the disk hold a file, or a folder's names."""
    if path.is_dir() and os.name != "posix":
        return
    there = os.open(path, os.O_RDONLY)
    try:
        os.fsync(there)
    except OSError as error:
        raise StoreUnavailable(f"{path} was not written: {error.strerror}") from error
    finally:
        os.close(there)


def _renumber(part: Path) -> None:
    """Let a copy go on from where it was made, in a world that has gone on."""
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE meta SET value = ? WHERE name = 'log'", (randbits(63),))
            db.execute("UPDATE outbox SET uncertain = 1 WHERE state IN ('waiting', 'in flight')")
            db.execute(
                "UPDATE lane SET accepted = accepted + ?1, done = done + ?1 WHERE done = accepted", (PLACES_LEFT_OUT,)
            )
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise unavailable(error, str(part.parent)) from error
    _sync(part)


def _alone(path: Path) -> bool:
    """Put everything into the one file, which only works when nobody else has it open. False: it is damaged.

    Raises:
        Conflict: Another process has it open.
    """
    with path.open("rb") as file:
        if file.read(16) not in {b"", b"SQLite format 3\0"}:
            return False  # SQLite would remove what is beside it
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
            (mode,) = db.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return False
        mode = "wal"
    except sqlite3.DatabaseError:
        return False
    if mode == "wal":
        raise Conflict(f"another process has {path} open: stop everything that uses it first")
    return True


def _set_aside(path: Path, now: datetime, *, whole: bool) -> Path:
    """Give the store's file a second, dated name; what belongs to a damaged one goes with it."""
    kept = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}")
    if os.path.lexists(kept):
        kept = kept.with_name(f"{kept.name}-{token_hex(2)}")
    for side in () if whole else ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).replace(kept.with_name(kept.name + side))
    try:
        os.link(path, kept)  # the first name stays until the copy takes it: there is a store at every moment
    except OSError:
        path.replace(kept)
    return kept
