"""The verbs for personal data on one SQLite file: export, erase, and the audit trail."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from logging import getLogger
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import anyio
from attrs import define, field, frozen

from convokit.abc import Audited, Belongings, Erased, Personal, Shelved
from convokit.people import Profile
from convokit.stores import forgetting, rows
from convokit.stores.forgetting import Look
from convokit.stores.sqlite import erasing, looking
from convokit.stores.sqlite.writer import DatabaseThread, Work
from convokit.wire import codec

log = getLogger(__name__)

T = TypeVar("T")

LONGEST_PAUSE = 0.1
"""How long, in seconds, at most, others have the file to themselves between two pieces."""


@frozen(kw_only=True)
class Deed:
    """An export or an erasure: what its lines in the audit trail have in common."""

    act: Any
    by: str
    whose: str
    kept: frozenset[str] = frozenset()
    act_id: str = field(factory=lambda: os.urandom(8).hex())

    def write(self, db: sqlite3.Connection, counts: dict[str, int], now: int) -> None:
        """Add a line to the audit trail."""
        line = Audited(
            at=rows.moment(now),
            act=self.act,
            act_id=self.act_id,
            by=self.by,
            whose=self.whose,
            counts=forgetting.told(counts),
            kept=tuple(sorted(self.kept)),
        )
        db.execute("INSERT INTO audit (at, entry) VALUES (?, ?)", (now, codec.encode(line)))


@define(eq=False)
class Privacy:
    """The verbs on one opened file.

    Args:
        reader: Reads beside the writer.
        writer: Writes.
        now: The time.
    """

    reader: DatabaseThread
    writer: DatabaseThread
    now: int

    # ── the verbs ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def export(self, user: str, by: str) -> Personal:
        """Everything about a person, once the audit trail says so."""
        whose = await self._whose(user)
        ids = await self.reader.run(lambda db: looking.people(db, user), writes=False)
        found = []
        shelves, files = list(ids), set[str]()
        for conv in await self._conversations(ids):
            taken = await self.reader.run(partial(self._belongings, conv=conv, ids=ids), writes=False)
            if taken is None:
                continue
            belongings, look = taken
            found.append(belongings)
            files |= look.files
            if look.alone:
                shelves.append(str(look.conversation))
        profiles, shelf = await self.reader.run(
            lambda db: (looking.profiles_of(db, ids), looking.shelved(db, shelves)), writes=False
        )
        files |= {one.key for one in shelf if one.shelf == forgetting.FILES}
        found.sort(key=lambda one: str(one.conversation.id))
        deed = Deed(act="export", by=by, whose=whose)
        counts = {"conversations": len(found), "entries": sum(len(one.entries) for one in found)}
        counts |= {"profiles": len(profiles), "records": len(shelf), "files": len(files)}
        await self.writer.run(lambda db: deed.write(db, counts, self.now))
        return Personal(
            users=ids,
            profiles=tuple(profiles),
            conversations=tuple(found),
            shelf=tuple(shelf),
            files=tuple(sorted(files)),
        )

    async def erase(self, user: str, by: str, keeps: frozenset[str], *, dry: bool) -> Erased:
        """Remove everything about a person, but what is spared."""
        ids = await self.reader.run(lambda db: looking.people(db, user), writes=False)
        deed = Deed(act="erase", by=by, whose="" if dry else await self._whose(user), kept=keeps)
        counts: dict[str, int] = {}
        files = set[str]()
        for conv in await self._conversations(ids):
            look = await self.reader.run(partial(looking.looked, conv=conv, ids=ids, now=self.now), writes=False)
            if look is None or not look.theirs:
                continue
            if dry:
                of_it = await self.reader.run(partial(looking.counted, conv=conv, look=look, keeps=keeps), writes=False)
            else:
                of_it = await self._erase(conv, look, deed)
            counts = forgetting.added(counts, {**of_it, "conversations": 1})
            if not keeps & {"files", "log"}:
                files |= look.files
        if dry:
            rest, known = await self.reader.run(lambda db: _counted_rest(db, ids, keeps), writes=False)
        else:
            rest, known = await self.writer.run(lambda db: _erase_rest(db, ids, deed, self.now))
        counts = forgetting.added(counts, rest)
        files |= known
        if files:
            counts["files"] = len(files)
        return Erased(users=ids, counts=forgetting.told(counts), files=tuple(sorted(files)), kept=tuple(sorted(keeps)))

    async def audited(self, limit: int, user: str) -> list[Audited]:
        """The newest lines of the audit trail."""
        whose = await self._whose(user) if user else ""
        return await self.reader.run(lambda db: _audited(db, limit, whose), writes=False)

    # ── pieces ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _whose(self, user: str) -> str:
        """The person's name in the audit trail."""
        salt = await self.writer.run(_salt)
        return forgetting.hashed(salt, user)

    async def _conversations(self, ids: Sequence[str]) -> list[int]:
        """The rows of conversations in which something names the person, by what is stored of it; a wide net."""
        found = set[int]()
        names = [forgetting.check_user(one) for one in ids]
        last = await self.reader.run(
            lambda db: looking.one_of(db, "SELECT coalesce(max(conv), 0) FROM lane"), writes=False
        )
        for first in range(0, last, looking.SPAN):
            found |= await self.reader.run(partial(looking.named, names=names, first=first), writes=False)
        row: int | None = 0
        while row is not None:
            row, named = await self.reader.run(partial(looking.named_in_accounts, names=names, after=row), writes=False)
            found |= named
        return sorted(found)

    def _belongings(self, db: sqlite3.Connection, conv: int, ids: Sequence[str]) -> tuple[Belongings, Look] | None:
        look = looking.looked(db, conv, ids, self.now)
        if look is None or not look.theirs or look.state is None:
            return None
        place = looking.Place(conv, look.conversation)
        return looking.belongings(db, place, look), look

    async def _erase(self, conv: int, look: Look, deed: Deed) -> dict[str, int]:
        """Erase one conversation: all that can be seen of it in one transaction."""

        def first(db: sqlite3.Connection) -> tuple[dict[str, int], list[int]]:
            if not looking.read_on(db, conv, look):
                return {}, []  # somebody else has just erased it
            counts = looking.counted(db, conv, look, deed.kept)
            place = looking.Place(conv, look.conversation)
            left: list[int] = []
            if look.alone:
                erasing.empty(db, place, look, deed.kept, self.now)
            else:
                left = erasing.leave_room(db, place, look, deed.kept, self.now)
            erasing.drop_files(db, () if deed.kept & {"files", "log"} else look.files)
            deed.write(db, counts, self.now)
            return counts, left

        counts, left = await self.writer.run(first)
        while left:
            piece, left = left[: erasing.PIECE], left[erasing.PIECE :]
            await self.piece(partial(erasing.blank, conv=conv, numbers=piece))
        await self.sweep()
        return counts

    async def sweep(self) -> None:
        """Remove what erased conversations left behind, in pieces."""
        while await self.piece(lambda db: erasing.sweep(db, self.now)):
            pass

    async def piece(self, work: Work[T]) -> T:
        """Do a piece of work that has time, and leave the file to others for a while: they wait for it by polling."""
        began = perf_counter()
        done = await self.writer.run(work)
        await anyio.sleep(min(3 * (perf_counter() - began), LONGEST_PAUSE))
        return done


# ── what belongs to no conversation ───────────────────────────────────────────────────────────────────────────────────


def _salt(db: sqlite3.Connection) -> bytes:
    place = (forgetting.SECRETS, forgetting.SALT)
    found = db.execute("SELECT value FROM shelf WHERE shelf = ? AND key = ?", place).fetchone()
    if found is None:
        found = (os.urandom(32),)
        db.execute("INSERT INTO shelf (shelf, key, value) VALUES (?, ?, ?)", (*place, *found))
    return bytes(found[0])


def _rest(db: sqlite3.Connection, ids: Sequence[str], keeps: frozenset[str]) -> tuple[list[Shelved], list[Profile]]:
    spared = forgetting.FILE_SHELVES if keeps & {"files", "log"} else ()
    shelf = [one for one in looking.shelved(db, ids) if one.shelf not in spared]
    return shelf, [] if "profile" in keeps else looking.profiles_of(db, ids)


def _counted_rest(
    db: sqlite3.Connection, ids: Sequence[str], keeps: frozenset[str]
) -> tuple[dict[str, int], frozenset[str]]:
    shelf, profiles = _rest(db, ids, keeps)
    files = frozenset(one.key for one in shelf if one.shelf == forgetting.FILES)
    return {"records": len(shelf), "profiles": len(profiles)}, files


def _erase_rest(
    db: sqlite3.Connection, ids: Sequence[str], deed: Deed, now: int
) -> tuple[dict[str, int], frozenset[str]]:
    """Erase what belongs to no conversation: profiles and what edges keep about the person."""
    counts, files = _counted_rest(db, ids, deed.kept)
    shelf, profiles = _rest(db, ids, deed.kept)
    db.executemany("DELETE FROM shelf WHERE shelf = ? AND key = ?", [(one.shelf, one.key) for one in shelf])
    db.executemany("DELETE FROM profile WHERE id = ?", [(one.id,) for one in profiles])
    erasing.drop_files(db, files)
    deed.write(db, {**counts, "files": len(files)}, now)
    return counts, files


def _audited(db: sqlite3.Connection, limit: int, whose: str) -> list[Audited]:
    found = []
    for (data,) in db.execute("SELECT entry FROM audit ORDER BY row DESC"):
        line = codec.decode(Audited, data)
        if not whose or line.whose == whose:
            found.append(line)
        if len(found) == limit:
            break
    return found[:limit]


def checkpoint(path: Path) -> bool:
    """Empty the write-ahead log, in which erased rows still stand; False: somebody reads it, a later one empties it."""
    try:
        with closing(sqlite3.connect(path, timeout=0.25, isolation_level=None)) as db:
            busy = looking.one_of(db, "PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as problem:
        log.warning("%s: the write-ahead log was not emptied: %s", path, problem)
        return False
    return not busy
