"""What is forgotten with time, each kind in small pieces, so that no writer waits for it.

Which conversations are idle, and whose profiles go with them, is looked for on the reader's connection.
"""

import sqlite3
from collections.abc import Sequence
from functools import partial

from attrs import define, field

from convokit.conversations import ConversationId
from convokit.stores import forgetting, rows
from convokit.stores.sqlite.erasing import ERASING, NUMBERING, PIECE, drop_accounts, drop_files
from convokit.stores.sqlite.looking import SPAN, Place, looked
from convokit.stores.sqlite.privacy import Privacy

_IDLE = (
    "touched > 0 AND touched < ? AND accepted = done AND handed IS NULL AND conv < (SELECT max(conv) FROM lane)"
    " AND NOT EXISTS (SELECT 1 FROM timer WHERE timer.conv = lane.conv)"
    " AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.conv = lane.conv)"
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.conv = lane.conv AND state IN ('waiting', 'in flight'))"
)
_FORGET = (
    "DELETE FROM once WHERE conv = ?",
    "DELETE FROM seen WHERE conv = ?",
    "DELETE FROM closed WHERE conv = ?",
)


@define(eq=False)
class LogPurge:
    """Forgets the beginnings of logs, from the oldest row of the table on.

    Args:
        before: What is older, by its own time (microseconds since 1970), is forgotten.
        now: The time.
    """

    before: int
    now: int
    forgotten: int = 0
    _after: int = 0
    _stays: set[int] = field(factory=set)
    """The conversations of which an entry stays: what follows it stays too."""

    def __call__(self, db: sqlite3.Connection) -> bool:
        """Look at a piece; False: there is nothing more."""
        found = db.execute(
            "SELECT row, log.conv, seq, entry, coalesce(done, -1) FROM log LEFT JOIN lane USING (conv)"
            " WHERE row > ? ORDER BY row LIMIT ?",
            (self._after, PIECE),
        ).fetchall()
        gone, old = [], False
        before, now = rows.moment(self.before), rows.moment(self.now)
        # Rows are in the order in which they came: one that cannot be read is about as old as the next that can.
        entries, at = [rows.read_entry(data) for _, _, _, data, _ in found], now
        times = []
        for entry in reversed(entries):
            at = at if entry is None else entry.at
            times.append(at)
        for (row, conv, seq, _, done), entry, came in zip(found, entries, reversed(times), strict=True):
            old |= came < before
            if conv in self._stays or came >= before or seq > done:
                self._stays.add(conv)
                continue
            gone.append((row,))
            if entry is not None and (known := forgetting.still_known(entry, now)):
                db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", (conv, known, self.now, seq))
        db.executemany("DELETE FROM log WHERE row = ?", gone)
        self.forgotten += len(gone)
        self._after = found[-1][0] if found else self._after
        # After a whole piece of young ones there are no old ones.
        return len(found) == PIECE and old


def forget_failed(db: sqlite3.Connection, before: int) -> int:
    """Forget events and sends that were given up before `before`, a piece of each; returns how many."""
    found = db.execute("SELECT row, conv, seq FROM parked WHERE at < ? ORDER BY at LIMIT ?", (before, PIECE)).fetchall()
    for row, conv, seq in found:
        db.execute("DELETE FROM parked WHERE row = ?", (row,))
        db.execute("DELETE FROM once WHERE conv = ? AND seq = ?", (conv, seq))
    sends = 0
    for state in ("failed", "held"):
        sends += db.execute(
            "DELETE FROM outbox WHERE row IN (SELECT row FROM outbox WHERE state = ? AND state IN"
            " ('failed', 'held', 'withdrawn') AND finished < ? LIMIT ?)",
            (state, before, PIECE),
        ).rowcount
    return len(found) + sends


async def forget_idle(privacy: Privacy, before: int) -> int:
    """Forget conversations where nothing happened since `before`; returns how many."""
    forgotten, after = 0, (0, 0)
    while True:
        found = await privacy.reader.run(partial(_idle, before=before, after=after), writes=False)
        if not found:
            return forgotten
        for _, conv in found:
            profiles = await _profiles_of(privacy, conv)
            forgotten += await privacy.piece(partial(_forget, conv=conv, before=before, profiles=profiles))
            await privacy.sweep()
        after = found[-1]


def _idle(db: sqlite3.Connection, before: int, after: tuple[int, int]) -> list[tuple[int, int]]:
    return db.execute(
        f"SELECT touched, conv FROM lane WHERE {_IDLE} AND (touched, conv) > (?, ?) ORDER BY touched, conv LIMIT 50",  # noqa: S608  all of it is above
        (before, *after),
    ).fetchall()


async def _profiles_of(privacy: Privacy, conv: int) -> list[str]:
    """The profiles of a conversation's people that go with it: they are named in no other conversation's state."""
    there = await privacy.reader.run(lambda db: _people(db, conv, privacy.now), writes=False)
    going = []
    for one in there:
        id_ = ConversationId.parse(one)
        elsewhere = False
        first, last = 0, 1
        while first < last and not elsewhere:
            look = partial(_elsewhere, user=id_, conv=conv, first=first)
            last, elsewhere = await privacy.reader.run(look, writes=False)
            first += SPAN
        if not elsewhere:
            going.append(one)
    return going


def _people(db: sqlite3.Connection, conv: int, now: int) -> list[str]:
    look = looked(db, conv, (), now)
    if look is None:
        return []
    return [one for one in sorted(look.people) if db.execute("SELECT 1 FROM profile WHERE id = ?", (one,)).fetchone()]


def _elsewhere(db: sqlite3.Connection, user: ConversationId, conv: int, first: int) -> tuple[int, bool]:
    last = db.execute("SELECT max(conv) FROM lane").fetchone()[0] or 0
    found = db.execute(
        "SELECT 1 FROM lane WHERE conv > ? AND conv <= ? AND conv != ? AND +channel = ?"
        " AND instr(coalesce(state, x''), ?) LIMIT 1",
        (first, first + SPAN, conv, user.channel, forgetting.needles(user.id)[0]),
    ).fetchone()
    return last, found is not None


def _forget(db: sqlite3.Connection, conv: int, before: int, profiles: Sequence[str]) -> int:
    """Forget an idle conversation as a whole, if it still is; its rows are left to `sweep`."""
    found = db.execute(f"SELECT channel, id FROM lane WHERE conv = ? AND {_IDLE}", (conv, before)).fetchone()  # noqa: S608  all of it is above
    if found is None:
        return 0
    place = Place(conv, ConversationId(*found))
    drop_accounts(db, conv)
    db.execute("DELETE FROM outbox WHERE key >= ? AND key < ? AND conv = ?", (*place.keys, conv))
    for statement in _FORGET:
        db.execute(statement, (conv,))
    abouts = (str(place.id), *profiles)
    files = [
        key
        for about in abouts
        for (key,) in db.execute(
            "SELECT key FROM shelf WHERE about = ? AND about != '' AND shelf = ?", (about, forgetting.FILES)
        )
    ]
    db.executemany("DELETE FROM shelf WHERE about = ? AND about != ''", [(one,) for one in abouts])
    drop_files(db, files)
    db.executemany("DELETE FROM profile WHERE id = ?", [(one,) for one in profiles])
    db.execute("DELETE FROM lane WHERE conv = ?", (conv,))
    db.execute("DELETE FROM meta WHERE name = ?", (f"{NUMBERING}{conv}",))
    db.execute("INSERT INTO meta VALUES (?, 0)", (f"{ERASING}{conv}",))
    return 1


def forget_names(db: sqlite3.Connection) -> int:
    """Forget the names of erased conversations that hold nothing any more, a piece of them; returns how many."""
    gone = 0
    for (name,) in db.execute("SELECT name FROM meta WHERE name GLOB ? LIMIT ?", (f"{NUMBERING}*", PIECE)).fetchall():
        conv = int(name.removeprefix(NUMBERING))
        gone += db.execute(
            "DELETE FROM lane WHERE conv = ?1 AND touched = 0 AND accepted = done AND turn = 0"
            " AND conv < (SELECT max(conv) FROM lane)"
            " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.conv = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM log WHERE log.conv = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM timer WHERE timer.conv = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM closed WHERE closed.conv = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.conv = ?1 AND state IN ('waiting', 'in flight'))"
            " AND NOT EXISTS (SELECT 1 FROM meta WHERE name GLOB 'erasing:*' AND value = ?1)",
            (conv,),
        ).rowcount
        db.execute("DELETE FROM meta WHERE name = ? AND NOT EXISTS (SELECT 1 FROM lane WHERE conv = ?)", (name, conv))
    return gone


def oldest(db: sqlite3.Connection) -> dict[str, int]:
    """When the oldest of each kind came (microseconds since 1970)."""
    found: dict[str, int] = {}
    for (data,) in db.execute("SELECT entry FROM log ORDER BY row LIMIT ?", (PIECE,)):
        if (entry := rows.read_entry(data)) is not None:
            found["log"] = rows.micros(entry.at)
            break
    for kind, query in {
        "failed": "SELECT min(at) FROM parked",
        "handoffs": "SELECT min(at) FROM closed",
        "conversations": "SELECT touched FROM lane WHERE touched > 0 ORDER BY touched LIMIT 1",
    }.items():
        one = db.execute(query).fetchone()
        if one is not None and one[0] is not None:
            found[kind] = one[0]
    return found
