"""What is read, what is kept on shelves, and what is forgotten.

Reading runs on a connection of its own, so that it never waits for an fsync.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from convokit.abc import Failed, Stats
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Log, Logged
from convokit.people import Profile
from convokit.stores import rows
from convokit.stores.sqlite import retention
from convokit.stores.sqlite.erasing import numbering
from convokit.stores.sqlite.lanes import Leases
from convokit.wire import codec

PIECE = 500
"""How many rows one transaction forgets at most, so that nobody waits for it."""


def load(db: sqlite3.Connection, conversation: ConversationId) -> Conversation | None:
    """The committed state; a fresh one when nothing was committed; None when it was never seen."""
    found = db.execute(
        "SELECT state FROM lane WHERE channel = ? AND id = ?", (conversation.channel, conversation.id)
    ).fetchone()
    return None if found is None else rows.read_conversation(found[0], conversation)


def history(db: sqlite3.Connection, conversation: ConversationId, limit: int, before: int | None) -> list[Entry]:
    """The last things said, oldest first, in the order of the lane."""
    found = db.execute(
        "SELECT entry FROM log WHERE conv = (SELECT conv FROM lane WHERE channel = ? AND id = ?)"
        " AND kind = 'said' AND seq < ? ORDER BY seq DESC, number DESC LIMIT ?",
        (conversation.channel, conversation.id, rows.cursor(before if before is not None else rows.MOST_NUMBER), limit),
    ).fetchall()
    return [codec.decode(Entry, data) for (data,) in reversed(found)]


def log(
    db: sqlite3.Connection, conversation: ConversationId, *, after: int, before: int | None, limit: int, public: bool
) -> Log:
    """A piece of a log."""
    place = db.execute(
        "SELECT conv, logged, shown FROM lane WHERE channel = ? AND id = ?", (conversation.channel, conversation.id)
    ).fetchone()
    id_ = numbering(db, None if place is None else place[0])
    if place is None:
        return Log(id=id_)
    conv, head, public_head = place
    # A public number is at most the number, and less than it by at most as many as there are private entries: so the
    # numbers, which the table is ordered by, tell where to look.
    if before is None:
        first = rows.cursor(after)
        found = db.execute(
            "SELECT number, public, entry FROM log WHERE conv = ?1 AND number > ?2 AND (NOT ?3 OR public > ?2)"
            " ORDER BY number LIMIT ?4",
            (conv, first, public, limit),
        ).fetchall()
    else:
        last = rows.cursor(before)
        end = last + head - public_head if public else last
        found = db.execute(
            "SELECT number, public, entry FROM log WHERE conv = ?1 AND number < ?2"
            " AND (NOT ?3 OR (public > 0 AND public < ?4)) ORDER BY number DESC LIMIT ?5",
            (conv, end, public, last, limit),
        ).fetchall()[::-1]
    entries = tuple(_logged(*one) for one in found)
    return Log(id=id_, head=head, public_head=public_head, entries=entries)


def find(db: sqlite3.Connection, conversation: ConversationId, key: str) -> Logged | None:
    """The log's entry with this key."""
    found = db.execute(
        "SELECT number, public, entry FROM log WHERE conv = (SELECT conv FROM lane WHERE channel = ? AND id = ?)"
        " AND key = ? AND key != ''",
        (conversation.channel, conversation.id, key),
    ).fetchone()
    return None if found is None else _logged(*found)


def _logged(number: int, public: int, data: bytes) -> Logged:
    return Logged(number=number, public=public, entry=codec.decode(Entry, data))


def handed_over(db: sqlite3.Connection) -> list[Conversation]:
    """Every conversation with an open handoff, the longest waiting first."""
    found = db.execute("SELECT state FROM lane WHERE handed IS NOT NULL ORDER BY handed, conv").fetchall()
    return [codec.decode(Conversation, state) for (state,) in found]


def closed_handoffs(db: sqlite3.Connection, since: int) -> list[tuple[ConversationId, Handoff]]:
    """The handoffs that ended at or after `since`, oldest first."""
    found = db.execute(
        "SELECT channel, id, handoff FROM closed JOIN lane USING (conv) WHERE closed.at >= ?"
        " ORDER BY closed.at, closed.row",
        (since,),
    ).fetchall()
    return [(ConversationId(channel, id_), codec.decode(Handoff, data)) for channel, id_, data in found]


def recent(db: sqlite3.Connection, limit: int, before: int | None) -> list[tuple[int, Conversation]]:
    """The conversations where something happened last, newest first, and when."""
    found = db.execute(
        "SELECT touched, channel, id, state FROM lane WHERE touched > 0 AND touched < ? ORDER BY touched DESC LIMIT ?",
        (rows.MOST_NUMBER if before is None else before, limit),
    ).fetchall()
    return [
        (touched, rows.read_conversation(state, ConversationId(channel, id_))) for touched, channel, id_, state in found
    ]


def kept(db: sqlite3.Connection, shelf: str, key: str, now: int) -> bytes | None:
    """A value on a shelf that has not expired."""
    found = db.execute(
        "SELECT value FROM shelf WHERE shelf = ? AND key = ? AND (expires IS NULL OR expires > ?)", (shelf, key, now)
    ).fetchone()
    return None if found is None else bytes(found[0])


def on_shelf(db: sqlite3.Connection, shelf: str, prefix: str, limit: int, now: int) -> dict[str, bytes]:
    """The values whose keys begin with `prefix`: a run of neighbours in the order of the keys."""
    found: dict[str, bytes] = {}
    if limit <= 0:
        return found
    for key, value in db.execute(
        "SELECT key, value FROM shelf WHERE shelf = ? AND key >= ? AND (expires IS NULL OR expires > ?) ORDER BY key",
        (shelf, prefix, now),
    ):
        if not key.startswith(prefix) or len(found) == limit:
            break
        found[key] = bytes(value)
    return found


def keep(
    db: sqlite3.Connection,
    shelf: str,
    key: str,
    value: bytes,
    expires: int | None,
    only_new: bool,
    about: str,
    now: int,
) -> bool:
    """Put a value on a shelf; False when `only_new` and one is there that has not expired."""
    return bool(
        db.execute(
            "INSERT INTO shelf (shelf, key, expires, value, about) VALUES (?1, ?2, ?3, ?4, ?7)"
            " ON CONFLICT (shelf, key) DO UPDATE SET expires = excluded.expires, value = excluded.value,"
            " about = excluded.about WHERE NOT ?5 OR shelf.expires <= ?6",
            (shelf, key, expires, value, only_new, now, about),
        ).rowcount
    )


def take_off(db: sqlite3.Connection, shelf: str, key: str, now: int) -> bytes | None:
    """Remove a value and return it, if it has not expired."""
    # Compared here: in SQLite 3.40 `RETURNING expires IS NULL` is wrong for a table without row ids.
    found = db.execute(
        "DELETE FROM shelf WHERE shelf = ? AND key = ? RETURNING value, expires", (shelf, key)
    ).fetchone()
    if found is None:
        return None
    value, expires = found
    return bytes(value) if expires is None or expires > now else None


def recall(db: sqlite3.Connection, conversation: ConversationId, seq: int, name: str) -> bytes | None:
    """What `turn.once` returned before for this event."""
    found = db.execute(
        "SELECT value FROM once WHERE conv = (SELECT conv FROM lane WHERE channel = ? AND id = ?)"
        " AND seq = ? AND name = ?",
        (conversation.channel, conversation.id, seq, name),
    ).fetchone()
    return None if found is None else bytes(found[0])


def profile(db: sqlite3.Connection, profile_id: str) -> Profile | None:
    """A profile by its id."""
    found = db.execute("SELECT body FROM profile WHERE id = ?", (profile_id,)).fetchone()
    return None if found is None else codec.decode(Profile, found[0])


def positions(db: sqlite3.Connection) -> dict[tuple[str, int, str], int]:
    """How many open dialog positions stand where."""
    standing = Counter[tuple[str, int, str]]()
    for (state,) in db.execute("SELECT state FROM lane WHERE standing > 0"):
        for one in (each for top in codec.decode(Conversation, state).positions for each in top.stack):
            standing[one.dialog, one.version, one.state] += 1
    return dict(standing)


def standing(db: sqlite3.Connection, limit: int, after: ConversationId | None) -> list[Conversation]:
    """The conversations where a dialog is open, by channel and id.

    The "+" has the index of channel and id used, on which each page begins where the one before has ended.
    """
    found = db.execute(
        "SELECT state FROM lane WHERE +standing > 0 AND (channel, id) > (?, ?) ORDER BY channel, id LIMIT ?",
        (*(("", "") if after is None else (after.channel, after.id)), max(limit, 0)),
    )
    return [codec.decode(Conversation, state) for (state,) in found]


def failed(db: sqlite3.Connection, limit: int) -> list[Failed]:
    """What was given up, newest first."""
    found: list[tuple[int, int, Failed]] = []
    for row, key, channel, id_, seq, at, error, attempts, data in db.execute(
        "SELECT row, key, channel, id, seq, at, parked.error, parked.attempts, event FROM parked JOIN lane USING (conv)"
        " ORDER BY at DESC, row DESC LIMIT ?",
        (max(limit, 0),),
    ):
        conversation, when = ConversationId(channel, id_), rows.moment(at)
        event = rows.read_event(data, conversation, seq, when)
        one = Failed(key=key, conversation=conversation, at=when, error=error, attempts=attempts, what=event)
        found.append((at, row, one))
    for row, key, at, reason, attempts, uncertain, data in db.execute(
        "SELECT row, key, finished, reason, attempts, uncertain, body FROM outbox INDEXED BY outbox_unsent"
        " WHERE state IN ('failed', 'held', 'withdrawn') AND state != 'withdrawn'"
        " ORDER BY finished DESC, row DESC LIMIT ?",
        (max(limit, 0),),
    ):
        send = rows.read_send(data, attempts, bool(uncertain))
        one = Failed(
            key=rows.send_key(key),
            conversation=send.conversation,
            at=rows.moment(at),
            error=reason,
            attempts=attempts,
            what=send,
        )
        found.append((at, row, one))
    found.sort(key=lambda each: each[:2], reverse=True)
    return [one for _, _, one in found[: max(limit, 0)]]


def next_due(db: sqlite3.Connection, leases: Leases) -> int | None:
    """The earliest timer, waiting retry or lease end."""
    moments = [lease.until for lease in leases.held.values()]
    moments += db.execute("SELECT due FROM timer ORDER BY due LIMIT 1").fetchone() or ()
    moments += (
        db.execute(
            "SELECT ready_at FROM outbox WHERE head = 1 AND attempts > 0 ORDER BY ready_at, row LIMIT 1"
        ).fetchone()
        or ()
    )
    for ready_at, channel, id_ in db.execute(
        "SELECT ready_at, channel, id FROM lane WHERE accepted > done AND retrying = 1 ORDER BY ready_at LIMIT ?",
        (len(leases.held) + 1,),
    ).fetchall():
        if ConversationId(channel, id_) not in leases.held:
            moments.append(ready_at)
            break
    return min(moments) if moments else None


def stats(db: sqlite3.Connection, held: Sequence[int], now: int) -> Stats:
    """Counts; from the indexes of what is open, and from counters for what ever was.

    Args:
        db: The reader's connection.
        held: The rows of the lanes that are held now.
        now: In microseconds.
    """
    ever = dict(db.execute("SELECT name, value FROM meta").fetchall())
    waiting, ready = db.execute(
        "SELECT coalesce(sum(accepted - done), 0), coalesce(sum(retrying = 0 OR ready_at <= ?), 0)"
        " FROM lane INDEXED BY lane_ready WHERE accepted > done",
        (now,),
    ).fetchone()
    for conv in held:
        ready -= _count(
            db.execute(
                "SELECT count(*) FROM lane WHERE conv = ? AND accepted > done AND (retrying = 0 OR ready_at <= ?)",
                (conv, now),
            )
        )
    oldest = _count(
        db.execute(
            "SELECT min(at) FROM lane INDEXED BY lane_ready JOIN inbox ON inbox.conv = lane.conv"
            " AND inbox.seq = lane.done + 1 WHERE accepted > done"
        )
    )
    return Stats(
        conversations=_count(db.execute("SELECT count(*) FROM lane")),
        accepted=ever["accepted"],
        waiting=waiting,
        oldest_waiting=None if oldest is None else rows.moment(oldest),
        ready=ready,
        claimed=len(held),
        failed=_count(db.execute("SELECT count(*) FROM parked")),
        sends=_sends(db),
        sends_ready=_count(db.execute("SELECT count(*) FROM outbox WHERE head = 1 AND ready_at <= ?", (now,))),
        timers=_count(db.execute("SELECT count(*) FROM timer")),
        turns=ever["turns"],
        oldest={kind: rows.moment(at) for kind, at in retention.oldest(db).items()},
    )


def _sends(db: sqlite3.Connection) -> dict[str, int]:
    """How many rows of the outbox are in each state: those that were sent are what the others leave."""
    counts: dict[str, int] = dict(
        db.execute(
            "SELECT state, count(*) FROM outbox INDEXED BY outbox_open WHERE state IN ('waiting', 'in flight')"
            " GROUP BY state UNION ALL SELECT state, count(*) FROM outbox INDEXED BY outbox_unsent"
            " WHERE state IN ('failed', 'held', 'withdrawn') GROUP BY state"
        ).fetchall()
    )
    sent = _count(db.execute("SELECT count(*) FROM outbox")) - sum(counts.values())
    return {**counts, "sent": sent} if sent else counts


def _count(found: sqlite3.Cursor) -> Any:
    return found.fetchone()[0]


def forget_seen(db: sqlite3.Connection, before: int, limit: int = PIECE) -> int:
    """Forget ids of events that are done and older than `before`; returns how many."""
    return db.execute(
        "DELETE FROM seen WHERE (conv, id) IN (SELECT seen.conv, seen.id FROM seen JOIN lane USING (conv)"
        " WHERE seen.at < ? AND seen.seq <= lane.done"
        " AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.conv = seen.conv AND parked.seq = seen.seq) LIMIT ?)",
        (before, limit),
    ).rowcount


def forget_sent(db: sqlite3.Connection, before: int, limit: int = PIECE) -> int:
    """Forget rows that were sent or withdrawn before `before`; returns how many."""
    return db.execute(
        "DELETE FROM outbox WHERE row IN (SELECT row FROM outbox WHERE state NOT IN ('waiting', 'in flight')"
        " AND state IN ('sent', 'withdrawn') AND finished < ?"
        " AND conv NOT IN (SELECT conv FROM lane WHERE accepted > done) LIMIT ?)",
        (before, limit),
    ).rowcount


def forget_handoffs(db: sqlite3.Connection, before: int, limit: int = PIECE) -> int:
    """Forget handoffs that ended before `before`; returns how many."""
    return db.execute(
        "DELETE FROM closed WHERE row IN (SELECT row FROM closed WHERE at < ? LIMIT ?)", (before, limit)
    ).rowcount


def forget_expired(db: sqlite3.Connection, before: int, limit: int = PIECE) -> int:
    """Forget what was on shelves until `before` at the longest; returns how many."""
    return db.execute(
        "DELETE FROM shelf WHERE (shelf, key) IN (SELECT shelf, key FROM shelf WHERE expires <= ? LIMIT ?)",
        (before, limit),
    ).rowcount
