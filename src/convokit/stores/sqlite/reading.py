"""What is read, and what is forgotten. Reading runs on a connection of its own, so that it never waits for an fsync."""

import sqlite3
from collections import Counter

from convokit.abc import Failed, Stats
from convokit.conversations import Conversation, ConversationId, Entry
from convokit.people import Profile
from convokit.stores import rows
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


def history(db: sqlite3.Connection, conversation: ConversationId, limit: int) -> list[Entry]:
    """The last entries, oldest first."""
    found = db.execute(
        "SELECT entry FROM history WHERE conv = (SELECT conv FROM lane WHERE channel = ? AND id = ?)"
        " ORDER BY seq DESC, part DESC LIMIT ?",
        (conversation.channel, conversation.id, max(limit, 0)),
    ).fetchall()
    return [codec.decode(Entry, data) for (data,) in reversed(found)]


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
        for one in codec.decode(Conversation, state).positions:
            standing[one.dialog, one.version, one.state] += 1
    return dict(standing)


def failed(db: sqlite3.Connection, limit: int) -> list[Failed]:
    """What was given up, newest first."""
    found: list[tuple[int, int, Failed]] = []
    for row, key, channel, id_, seq, at, error, attempts, data in db.execute(
        "SELECT row, key, channel, id, seq, at, error, parked.attempts, event FROM parked JOIN lane USING (conv)"
        " ORDER BY at DESC, row DESC LIMIT ?",
        (max(limit, 0),),
    ):
        conversation, when = ConversationId(channel, id_), rows.moment(at)
        event = rows.read_event(data, conversation, seq, when)
        one = Failed(key=key, conversation=conversation, at=when, error=error, attempts=attempts, what=event)
        found.append((at, row, one))
    for row, key, at, reason, attempts, uncertain, data in db.execute(
        "SELECT row, key, finished, reason, attempts, uncertain, body FROM outbox WHERE state IN ('failed', 'held')"
        " AND state NOT IN ('waiting', 'in flight') ORDER BY finished DESC, row DESC LIMIT ?",
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


def stats(db: sqlite3.Connection, leases: Leases, now: int) -> Stats:
    """Counts."""
    conversations, waiting, turns = db.execute(
        "SELECT count(*), coalesce(sum(accepted - done), 0), coalesce(sum(version), 0) FROM lane"
    ).fetchone()
    held = [one for one, lease in leases.held.items() if lease.until > now]
    ready = _count(
        db.execute("SELECT count(*) FROM lane WHERE accepted > done AND (retrying = 0 OR ready_at <= ?)", (now,))
    )
    for one in held:
        ready -= _count(
            db.execute(
                "SELECT count(*) FROM lane WHERE channel = ? AND id = ? AND accepted > done"
                " AND (retrying = 0 OR ready_at <= ?)",
                (one.channel, one.id, now),
            )
        )
    return Stats(
        conversations=conversations,
        waiting=waiting,
        ready=ready,
        claimed=len(held),
        failed=_count(db.execute("SELECT count(*) FROM parked")),
        sends=dict(db.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall()),
        sends_ready=_count(db.execute("SELECT count(*) FROM outbox WHERE head = 1 AND ready_at <= ?", (now,))),
        timers=_count(db.execute("SELECT count(*) FROM timer")),
        turns=turns,
    )


def _count(found: sqlite3.Cursor) -> int:
    counted: int = found.fetchone()[0]
    return counted


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
