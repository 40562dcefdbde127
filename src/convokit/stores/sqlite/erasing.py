"""Erasing in SQL. What can be seen of a conversation goes in one transaction, however long it is.

A conversation that is somebody's alone gets a new number: whatever is kept under the old one is out of sight at once,
and a turn that runs meanwhile finds no lane to write to. What was left behind is removed in small pieces, between the
writes of others; rows of `meta` remember it over a crash.
"""

import sqlite3
from collections.abc import Iterable
from secrets import randbits

from convokit.abc import Timer
from convokit.conversations import Conversation, ConversationId, Entry
from convokit.stores import forgetting, rows
from convokit.stores.forgetting import Look
from convokit.stores.sqlite import outbox
from convokit.stores.sqlite.looking import Place, one_of, rows_of
from convokit.wire import codec

PIECE = 500
"""How many rows one transaction removes or changes at most, so that nobody waits for it."""
ERASING, TURNS, NUMBERING = "erasing:", "turns:", "log:"
"""What rows of `meta` are called that remember what is still to be removed, and by which id a log goes."""

_NEW_NUMBER = (
    "SELECT 1 + max(coalesce((SELECT max(conv) FROM lane), 0), coalesce("
    "(SELECT max(CAST(substr(name, 9) AS INTEGER)) FROM meta WHERE name GLOB 'erasing:*'), 0))"
)
_EMPTY = (
    "DELETE FROM inbox WHERE conv = ?",
    "DELETE FROM parked WHERE conv = ?",
    "DELETE FROM once WHERE conv = ?",
    "DELETE FROM timer WHERE conv = ?",
)
_OF_EVENTS = {
    "SELECT DISTINCT seq FROM parked WHERE conv = ?": "DELETE FROM parked WHERE conv = ? AND seq = ?",
    "SELECT DISTINCT seq FROM once WHERE conv = ?": "DELETE FROM once WHERE conv = ? AND seq = ?",
}


# ── erasing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def empty(db: sqlite3.Connection, place: Place, look: Look, keeps: frozenset[str], now: int) -> None:
    """Erase a conversation that is somebody's alone; where its log is kept it keeps its number."""
    old = place.conv
    new = old if "log" in keeps else one_of(db, _NEW_NUMBER)
    outbox_rows = [(row,) for row in rows_of(db, place, look)]
    db.executemany("DELETE FROM outbox WHERE row = ?", outbox_rows if new == old else outbox_rows[:PIECE])
    db.execute("DELETE FROM outbox WHERE conv = ? AND state IN ('waiting', 'in flight')", (old,))
    for statement in _EMPTY:
        db.execute(statement, (old,))
    if "handoffs" not in keeps:
        db.execute("DELETE FROM closed WHERE conv = ?", (old,))
    drop_accounts(db, old)
    db.executemany("DELETE FROM shelf WHERE about = ? AND about != ''", [(one,) for one in look.abouts])
    version, accepted = db.execute("SELECT version, accepted FROM lane WHERE conv = ?", (old,)).fetchone()
    db.execute(
        "UPDATE lane SET conv = ?, done = accepted, version = version + 1, state = ?, standing = 0, attempts = 0,"
        " ready_at = 0, retrying = 0, handed = NULL, error = '' WHERE conv = ?",
        (new, codec.encode(forgetting.fresh(place.id, version + 1)), old),
    )
    if new == old:
        return
    if "handoffs" in keeps:
        db.execute("UPDATE closed SET conv = ? WHERE conv = ?", (new, old))
    db.execute("UPDATE lane SET logged = 0, shown = 0, touched = 0 WHERE conv = ?", (new,))
    db.execute("UPDATE seen SET conv = ? WHERE conv = ?", (new, old))
    _know(db, new, list(look.recent)[-PIECE:], accepted, now)  # the others are moved by `sweep`
    db.execute("DELETE FROM meta WHERE name = ?", (f"{NUMBERING}{old}",))
    db.execute("INSERT INTO meta VALUES (?, ?)", (f"{NUMBERING}{new}", randbits(63)))
    db.execute("INSERT INTO meta VALUES (?, ?)", (f"{ERASING}{old}", new))


def _know(db: sqlite3.Connection, conv: int, event_ids: Iterable[str], seq: int, now: int) -> None:
    """Remember ids of events that are in no log any more, so that one delivered again is dropped."""
    db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", [(conv, one, now, seq) for one in event_ids])


def drop_accounts(db: sqlite3.Connection, conv: int) -> None:
    """Let go of a conversation's accounts; `sweep` removes them."""
    row = one_of(db, "SELECT turn FROM lane WHERE conv = ?", (conv,))
    if row:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"{TURNS}{row}", row))
        db.execute("UPDATE lane SET turn = 0 WHERE conv = ?", (conv,))


def leave_room(db: sqlite3.Connection, place: Place, look: Look, keeps: frozenset[str], now: int) -> list[int]:
    """Erase a person from a conversation with others. Returns the entries that are still to be made blank."""
    conv, places = place.conv, look.places
    db.executemany("DELETE FROM outbox WHERE row = ?", [(row,) for row in rows_of(db, place, look)])
    outbox.mark_heads(db, conv)
    for which, statement in _OF_EVENTS.items():
        there = db.execute(which, (conv,)).fetchall()
        db.executemany(statement, [(conv, seq) for (seq,) in there if seq in places])
    timers = db.execute("SELECT name, body FROM timer WHERE conv = ?", (conv,)).fetchall()
    theirs = [(conv, name) for name, data in timers if look.is_theirs(codec.decode(Timer, data).user)]
    db.executemany("DELETE FROM timer WHERE conv = ? AND name = ?", theirs)
    drop_accounts(db, conv)
    version, done, accepted = db.execute("SELECT version, done, accepted FROM lane WHERE conv = ?", (conv,)).fetchone()
    # A turn of theirs that runs is fenced by its place, one of somebody else by the version: it runs again.
    while done < accepted and done + 1 in places:
        done += 1
        db.execute("DELETE FROM inbox WHERE conv = ? AND seq = ?", (conv, done))
    for seq in (one for one in places if one > done):
        data = codec.encode_event(forgetting.nothing(place.id, seq, rows.moment(now)))
        db.execute("UPDATE inbox SET event = ? WHERE conv = ? AND seq = ?", (data, conv, seq))
    state = forgetting.without(look, look.state or Conversation(id=place.id), version + 1)
    db.execute(
        "UPDATE lane SET done = ?, version = ?, state = ?, standing = ?, attempts = 0, error = '' WHERE conv = ?",
        (done, version + 1, codec.encode(state), len(state.positions), conv),
    )
    if "log" in keeps:
        return []
    for key, seq in look.own_recent.items():
        _know(db, conv, [key], seq, now)
    numbers = look.numbers
    blank(db, conv, numbers[:PIECE])
    return numbers[PIECE:]


def blank(db: sqlite3.Connection, conv: int, numbers: Iterable[int]) -> None:
    """Leave nothing of entries but their numbers."""
    for number in numbers:
        found = db.execute("SELECT row, entry FROM log WHERE conv = ? AND number = ?", (conv, number)).fetchone()
        if found is not None:
            entry = forgetting.blank(codec.decode(Entry, found[1]))
            values = (entry.kind, codec.encode(entry), found[0])
            db.execute("UPDATE log SET key = '', kind = ?, entry = ? WHERE row = ?", values)


def drop_files(db: sqlite3.Connection, files: Iterable[str]) -> None:
    """Know no more of files, but that whoever has their folder is to remove them."""
    wanted = set(files)
    if not wanted:
        return
    db.executemany("DELETE FROM shelf WHERE shelf = ? AND key = ?", [(forgetting.FILES, one) for one in wanted])
    gone = [(forgetting.GONE, one) for one in sorted(wanted)]
    db.executemany("INSERT OR REPLACE INTO shelf (shelf, key, value) VALUES (?, ?, x'')", gone)
    known = db.execute("SELECT key, value FROM shelf WHERE shelf = ?", (forgetting.CIDS,)).fetchall()
    asked = [(forgetting.CIDS, key) for key, value in known if value.decode() in wanted]
    db.executemany("DELETE FROM shelf WHERE shelf = ? AND key = ?", asked)


# ── what was left behind ────────────────────────────────────────────────────────────────────────────────────────────


def sweep(db: sqlite3.Connection, now: int) -> bool:
    """Remove a piece of what erased conversations left; False: nothing is left."""
    found = db.execute("SELECT name, value FROM meta WHERE name GLOB ? LIMIT 1", (f"{ERASING}*",)).fetchone()
    if found is not None:
        name, new = found
        if _sweep_conversation(db, int(name.removeprefix(ERASING)), new, now) < PIECE:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
        return True
    found = db.execute("SELECT name, value FROM meta WHERE name GLOB ? LIMIT 1", (f"{TURNS}*",)).fetchone()
    if found is None:
        return False
    name, row = found
    for _ in range(PIECE):
        gone = db.execute("DELETE FROM turn WHERE row = ? RETURNING before", (row,)).fetchone()
        row = gone[0] if gone is not None else 0
        if not row:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
            return True
    db.execute("UPDATE meta SET value = ? WHERE name = ?", (row, name))
    return True


def _sweep_conversation(db: sqlite3.Connection, old: int, new: int, now: int) -> int:
    """Remove up to a piece of the rows with an old number. Returns how many were there; less than a piece: all."""
    found = db.execute("SELECT row, entry FROM log WHERE conv = ? ORDER BY number LIMIT ?", (old, PIECE)).fetchall()
    lane = db.execute("SELECT channel, id, done FROM lane WHERE conv = ?", (new,)).fetchone() if new else None
    if lane is not None:
        entries = [rows.read_entry(data) for _, data in found]
        known = [key for one in entries if one and (key := forgetting.still_known(one, rows.moment(now)))]
        _know(db, new, known, lane[2], now)
    db.executemany("DELETE FROM log WHERE row = ?", [(row,) for row, _ in found])
    count = len(found)
    if lane is not None and count < PIECE:
        count += db.execute(
            "DELETE FROM outbox WHERE row IN (SELECT row FROM outbox WHERE key >= ? AND key < ? AND conv = ? LIMIT ?)",
            (*Place(new, ConversationId(lane[0], lane[1])).keys, old, PIECE - count),
        ).rowcount
    return count


def numbering(db: sqlite3.Connection, conv: int | None) -> str:
    """What names the numbering of a conversation's log: the file's own name, until the conversation was erased."""
    (id_,) = db.execute(
        "SELECT value FROM meta WHERE name IN ('log', ?) ORDER BY name DESC LIMIT 1", (f"{NUMBERING}{conv or 0}",)
    ).fetchone()
    return f"{id_:016x}"
