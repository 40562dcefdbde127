"""The outbox in SQL. Every function runs inside the writer's transaction.

Only the first open row of a conversation and destination can be taken: `head` marks it, and whatever closes a row
marks the next.
"""

import sqlite3
from datetime import timedelta

from attrs import evolve

from convokit.abc import Evidence, Send, Settled
from convokit.stores import rows
from convokit.wire import codec

_MARK_HEAD = (
    "UPDATE outbox SET head = 1 WHERE row = (SELECT min(row) FROM outbox"
    " WHERE conv = ? AND desk = ? AND state IN ('waiting', 'in flight'))"
)

# Rows that were in flight when a person took over: they are never tried again.
_RECALLED_ALL = (
    "UPDATE outbox SET state = 'withdrawn', head = 0, finished = ?"
    " WHERE state = 'in flight' AND author = 'recalled' RETURNING conv, desk"
)
_RECALLED_LONG_AGO = (
    "UPDATE outbox SET state = 'withdrawn', head = 0, finished = ?"
    " WHERE state = 'in flight' AND author = 'recalled' AND head = 1 AND ready_at <= ? RETURNING conv, desk"
)
_RECALLED_ONE = (
    "UPDATE outbox SET state = 'withdrawn', head = 0, finished = ?"
    " WHERE state = 'in flight' AND author = 'recalled' AND key = ? RETURNING conv, desk"
)


def append(db: sqlite3.Connection, conv: int, send: Send, data: bytes, now: int) -> None:
    """Write a row at the end; one whose key exists is left as it is."""
    db.execute(
        "INSERT INTO outbox (key, conv, desk, author, written, body, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE conv = ?2 AND desk = ?3 AND state IN ('waiting', 'in flight')))"
        " ON CONFLICT (key) DO NOTHING",
        (send.key, conv, bool(send.desk), send.by, now, data),
    )


def withdraw(db: sqlite3.Connection, conv: int, now: int) -> None:
    """Take back the bot's rows to the customer that wait; what is in flight is recalled: it gets no second try."""
    db.execute(
        "UPDATE outbox SET author = 'recalled' WHERE conv = ? AND desk = 0 AND author = 'bot' AND state = 'in flight'",
        (conv,),
    )
    withdrawn = db.execute(
        "UPDATE outbox SET state = 'withdrawn', head = 0, finished = ?"
        " WHERE conv = ? AND desk = 0 AND author = 'bot' AND state = 'waiting'",
        (now, conv),
    )
    if withdrawn.rowcount:
        db.execute(_MARK_HEAD, (conv, 0))


def claim(db: sqlite3.Connection, limit: int, now: int, until: int) -> list[tuple[bytes, int, bool]]:
    """Mark rows as in flight until the lease's end. Returns body, earlier tries, and whether one may have gone out."""
    _take_back(db, _RECALLED_LONG_AGO, now, now)
    found = db.execute(
        "SELECT row, body, attempts, uncertain OR state = 'in flight' FROM outbox WHERE head = 1 AND ready_at <= ?"
        " ORDER BY ready_at, row LIMIT ?",
        (now, max(limit, 0)),
    ).fetchall()
    db.executemany(
        "UPDATE outbox SET state = 'in flight', ready_at = ?, attempts = attempts + 1, uncertain = ? WHERE row = ?",
        [(until, uncertain, row) for row, _, _, uncertain in found],
    )
    return [(body, attempts, bool(uncertain)) for _, body, attempts, uncertain in found]


def settle(db: sqlite3.Connection, one: Settled, now: int) -> bool:
    """Note what became of a row in flight; "sent" stands over everything. False: it was known."""
    if one.state == "retry":
        _take_back(db, _RECALLED_ONE, now, one.key)
        waits = db.execute(
            "UPDATE outbox SET state = 'waiting', ready_at = ?, uncertain = ?, reason = ?"
            " WHERE key = ? AND state = 'in flight'",
            (rows.micros(one.retry_at) if one.retry_at else 0, one.uncertain, one.reason, one.key),
        )
        return waits.rowcount > 0
    closed = db.execute(
        "UPDATE outbox SET state = ?1, head = 0, finished = ?2, uncertain = uncertain OR ?3, platform_id = ?4,"
        " reason = ?5 WHERE key = ?6 AND (state = 'in flight' OR (?1 = 'sent' AND state != 'sent'))"
        " RETURNING conv, desk",
        (one.state, now, one.uncertain, one.platform_id, one.reason, one.key),
    ).fetchone()
    if closed is not None:
        db.execute(_MARK_HEAD, closed)
    return closed is not None


def resolve(db: sqlite3.Connection, one: Evidence, now: int) -> bool:
    """Mark a row as sent on a platform's proof. True when nobody knew yet what had become of it."""
    found = db.execute("SELECT row, conv, desk, state FROM outbox WHERE key = ?", (one.key,)).fetchone()
    if found is None or found[3] == "sent":
        return False
    row, conv, desk, state = found
    db.execute(
        "UPDATE outbox SET state = 'sent', head = 0, finished = ?, platform_id = ? WHERE row = ?",
        (now, one.platform_id, row),
    )
    db.execute(_MARK_HEAD, (conv, desk))
    return state in {"waiting", "in flight", "held"}


def replay(db: sqlite3.Connection, key: str, now: int) -> bool:
    """Write a failed or held row anew at the end of the line, with as much time as it had.

    The bot's own stay where they are while a person has the conversation.
    """
    found = db.execute(
        "DELETE FROM outbox WHERE key = ? AND state IN ('failed', 'held') AND (desk = 1 OR author NOT IN"
        " ('bot', 'recalled') OR (SELECT handed FROM lane WHERE lane.conv = outbox.conv) IS NULL)"
        " RETURNING conv, written, body",
        (key,),
    ).fetchone()
    if found is None:
        return False
    conv, written, body = found
    send = codec.decode(Send, body)
    again = evolve(send, expires_at=send.expires_at + timedelta(microseconds=now - written))
    append(db, conv, again, codec.encode(again), now)
    return True


def _take_back(db: sqlite3.Connection, recalled: str, *values: int | str) -> None:
    """Withdraw recalled rows that would be tried again, and let the next go."""
    for closed in db.execute(recalled, values).fetchall():
        db.execute(_MARK_HEAD, closed)


def mark_heads(db: sqlite3.Connection, conv: int) -> None:
    """Let the first open rows of a conversation go, after some were removed."""
    for desk in (0, 1):
        db.execute(_MARK_HEAD, (conv, desk))


def recover(db: sqlite3.Connection, now: int) -> None:
    """After a restart nobody knows what became of the rows in flight."""
    _take_back(db, _RECALLED_ALL, now)
    db.execute("UPDATE outbox SET state = 'waiting', uncertain = 1, ready_at = 0 WHERE state = 'in flight'")
