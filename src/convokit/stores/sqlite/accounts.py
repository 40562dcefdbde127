"""The accounts of turns: written with each, read for `convokit why`, forgotten a piece at a time.

Writing has to cost next to nothing, reading may take a while. So there is no index: the rows are appended where the
last one was, each with the number of the one before of its conversation, and read backwards from the newest.
"""

import sqlite3
from collections.abc import Iterator

from attrs import frozen

from convokit.abc import Account, SendAccount
from convokit.conversations import Conversation, ConversationId
from convokit.stores import rows
from convokit.wire import codec

# A conversation's rows, from the newest back; one that was forgotten ends it.
_CHAIN = (
    "WITH RECURSIVE chain (row) AS (SELECT turn FROM lane WHERE conv = ?1 UNION ALL"
    " SELECT turn.before FROM chain JOIN turn USING (row) WHERE turn.conv = ?1 AND turn.before < turn.row)"
)
_TURNS = "SELECT row, seq, state IS NOT NULL FROM chain JOIN turn USING (row) WHERE conv = ?1 ORDER BY row DESC"
_READ_CHAIN = f"{_CHAIN} {_TURNS}"
_ERASE_CHAIN = f"{_CHAIN} DELETE FROM turn WHERE row IN chain AND conv = ?1"  # noqa: S608  constants only


@frozen
class _Row:
    """A row of the table, without its values."""

    row: int
    seq: int
    changed: bool
    """Whether it left a state."""


# ── written ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(
    db: sqlite3.Connection,
    row: int,
    conv: int,
    seq: int,
    now: int,
    *,
    outcome: str,
    error: str = "",
    failed: bool = False,
    handler: str = "",
    took: float = 0.0,
    state: bytes | None = None,
    version: int | None = None,
) -> bool:
    """Write the account of the lane's first event, which ends with this; False when `seq` is not its place.

    To be called before the lane moves on; whoever moves it gives it the new `turn`. False, too, when `version` is not
    the one that follows the lane's.
    """
    written = db.execute(
        "INSERT INTO turn SELECT ?1, lane.turn, lane.conv, inbox.seq, inbox.at, ?4, ?5, ?6, ?7,"
        " CASE WHEN ?5 THEN ?8 ELSE lane.error END, lane.attempts + ?9, ?10, inbox.event, ?11"
        " FROM lane JOIN inbox USING (conv) WHERE lane.conv = ?2 AND lane.done = ?3 - 1 AND inbox.seq = ?3"
        " AND (?12 IS NULL OR lane.version = ?12 - 1)",
        (row, conv, seq, now, failed, outcome, handler, error, state is not None, took, state, version),
    )
    return written.rowcount > 0


def forget(db: sqlite3.Connection, before: int, limit: int) -> int:
    """Forget the oldest accounts that ended before `before`; returns how many."""
    return db.execute(
        "DELETE FROM turn WHERE row IN (SELECT row FROM turn WHERE row < ? LIMIT ?)", (before, limit)
    ).rowcount


def erase(db: sqlite3.Connection, conv: int) -> int:
    """Forget all accounts of a conversation; returns how many."""
    erased = db.execute(_ERASE_CHAIN, (conv,)).rowcount
    db.execute("UPDATE lane SET turn = 0 WHERE conv = ?", (conv,))
    return erased


# ── read ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def told(db: sqlite3.Connection, event_id: str, conversation: ConversationId | None) -> list[Account]:
    """What happened to the events with this id, newest last."""
    found: list[Account] = []
    for conv, place in _places(db, event_id, conversation):
        found += _ended(db, event_id, conv, place)
        found += _parked(db, event_id, conv, place, {one.seq for one in found if one.event.conversation == place})
        found += _waiting(db, event_id, conv, place)
    return sorted(found, key=lambda one: (one.accepted_at, one.seq))


def _places(
    db: sqlite3.Connection, event_id: str, conversation: ConversationId | None
) -> list[tuple[int, ConversationId]]:
    """Where an event with this id may be."""
    if conversation is not None:
        place = (conversation.channel, conversation.id)
        found = db.execute("SELECT conv FROM lane WHERE channel = ? AND id = ?", place).fetchall()
        return [(conv, conversation) for (conv,) in found]
    lanes = db.execute(
        "SELECT conv FROM lane WHERE EXISTS (SELECT 1 FROM log WHERE log.conv = lane.conv AND log.key = ?1 AND"
        " log.key != '') OR EXISTS (SELECT 1 FROM seen WHERE seen.conv = lane.conv AND seen.id = ?2)",
        (rows.SAID + event_id, event_id),
    ).fetchall()
    if not lanes:  # neither said nor seen lately
        lanes = db.execute("SELECT DISTINCT conv FROM turn WHERE instr(event, ?)", (codec.encode(event_id),)).fetchall()
    return [
        (conv, ConversationId(channel, id_))
        for (one,) in lanes
        for conv, channel, id_ in db.execute("SELECT conv, channel, id FROM lane WHERE conv = ?", (one,))
    ]


def _ended(db: sqlite3.Connection, event_id: str, conv: int, place: ConversationId) -> Iterator[Account]:
    """The events that were handled or given up."""
    chain = [_Row(*one) for one in db.execute(_READ_CHAIN, (conv,)).fetchall()]
    wanted = codec.encode(event_id)
    for index, one in enumerate(chain):
        found = db.execute(
            "SELECT accepted, at, failed, outcome, handler, error, attempts, took, event, state FROM turn"
            " WHERE row = ? AND instr(event, ?)",
            (one.row, wanted),
        ).fetchone()
        if found is None:
            continue
        accepted, at, failed, outcome, handler, error, attempts, took, data, state = found
        event = rows.read_event(data, place, one.seq, rows.moment(accepted))
        if event.id != event_id:
            continue
        before, after = _states(db, place, chain, index, state)
        yield Account(
            event=event,
            seq=one.seq,
            state="failed" if failed else "handled",
            accepted_at=rows.moment(accepted),
            ended_at=rows.moment(at),
            outcome=outcome,
            handler=handler,
            error=error,
            attempts=attempts,
            took=took,
            before=before,
            after=after,
            sends=_sends(db, conv, place, one.seq),
        )


def _states(
    db: sqlite3.Connection, place: ConversationId, chain: list[_Row], index: int, state: bytes | None
) -> tuple[Conversation | None, Conversation | None]:
    """The state before and after one of the rows: before it is what the turn before left."""
    after = None if state is None else rows.read_conversation(state, place)
    seq = chain[index].seq
    before: Conversation | None = None
    for one in chain[index + 1 :]:
        if one.seq != seq - 1:
            break  # what was between has no account
        seq = one.seq
        if one.changed:
            (data,) = db.execute("SELECT state FROM turn WHERE row = ?", (one.row,)).fetchone()
            before = rows.read_conversation(data, place)
            break
    if before is None and (seq == 1 or (after is not None and after.version == 1)):
        before = Conversation(id=place)
    return before, before if after is None else after


def _parked(
    db: sqlite3.Connection, event_id: str, conv: int, place: ConversationId, told: set[int]
) -> Iterator[Account]:
    """The events that were given up and have no row of their own: from when none were written."""
    for seq, at, error, attempts, data in db.execute(
        "SELECT seq, at, error, attempts, event FROM parked WHERE conv = ? ORDER BY seq", (conv,)
    ).fetchall():
        event = rows.read_event(data, place, seq, rows.moment(at))
        if event.id == event_id and seq not in told:
            yield rows.parked_account(event, seq, at, error, attempts, _sends(db, conv, place, seq))


def _waiting(db: sqlite3.Connection, event_id: str, conv: int, place: ConversationId) -> Iterator[Account]:
    """The events that wait; the first of them may have been tried."""
    done, attempts, error, state = db.execute(
        "SELECT done, attempts, error, state FROM lane WHERE conv = ?", (conv,)
    ).fetchone()
    for seq, at, data in db.execute(
        "SELECT seq, at, event FROM inbox WHERE conv = ? AND instr(event, ?) ORDER BY seq",
        (conv, codec.encode(event_id)),
    ).fetchall():
        event, first = rows.read_event(data, place, seq, rows.moment(at)), seq == done + 1
        if event.id == event_id:
            yield Account(
                event=event,
                seq=seq,
                state="waiting",
                accepted_at=rows.moment(at),
                attempts=attempts if first else 0,
                error=error if first else "",
                before=rows.read_conversation(state, place) if first else None,
                sends=_sends(db, conv, place, seq),
            )


def _sends(db: sqlite3.Connection, conv: int, place: ConversationId, seq: int) -> tuple[SendAccount, ...]:
    """The rows of the outbox that the event at `seq` wrote."""
    first, end = rows.keys_of(place, seq)
    return tuple(
        rows.send_account(*one)
        for one in db.execute(
            "SELECT body, attempts, uncertain, state, written, finished, platform_id, reason FROM outbox"
            " WHERE key >= ? AND key < ? AND conv = ? ORDER BY row",
            (first, end, conv),
        )
    )
