"""What SQLite's tables hold of a person: where it is looked for, and what it is as values."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from convokit.abc import Belongings, Failed, SendAccount, Shelved, Timer, Waiting
from convokit.conversations import Conversation, ConversationId, Handoff, Logged
from convokit.events import Event
from convokit.people import Profile
from convokit.stores import forgetting, rows
from convokit.stores.forgetting import Look
from convokit.wire import codec

SPAN = 2000
"""How many conversations, or accounts, one read looks through."""

_NAMED = (
    "SELECT conv FROM lane WHERE conv > ?1 AND conv <= ?2 AND +channel = ?3 AND ("
    "instr(coalesce(state, x''), ?4) OR instr(coalesce(state, x''), ?5)"
    " OR EXISTS (SELECT 1 FROM log WHERE log.conv = lane.conv AND instr(entry, ?4))"
    " OR EXISTS (SELECT 1 FROM inbox WHERE inbox.conv = lane.conv AND instr(event, ?4))"
    " OR EXISTS (SELECT 1 FROM parked WHERE parked.conv = lane.conv AND instr(event, ?4))"
    " OR EXISTS (SELECT 1 FROM timer WHERE timer.conv = lane.conv AND instr(body, ?4)))"
)
_EVENTS = {
    "waiting": "SELECT seq, at, event FROM inbox WHERE conv = ?",
    "failed": "SELECT seq, at, event FROM parked WHERE conv = ?",
}
_COUNTS = {
    "waiting": "SELECT count(*) FROM inbox WHERE conv = ?",
    "failed": "SELECT count(*) FROM parked WHERE conv = ?",
    "timers": "SELECT count(*) FROM timer WHERE conv = ?",
    "values": "SELECT count(*) FROM once WHERE conv = ?",
    "entries": "SELECT count(*) FROM log WHERE conv = ?",
    "handoffs": "SELECT count(*) FROM closed WHERE conv = ?",
}


@frozen
class Place:
    """A conversation's row, and its name."""

    conv: int
    id: ConversationId

    @property
    def keys(self) -> tuple[str, str]:
        """Between which the keys of its rows in the outbox lie, and perhaps those of others."""
        return f"{self.id}:", f"{self.id};"


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def one_of(db: sqlite3.Connection, query: str, values: Sequence[Any] = ()) -> Any:
    """The only value of a query's first row."""
    return db.execute(query, values).fetchone()[0]


def people(db: sqlite3.Connection, user: str) -> tuple[str, ...]:
    """The profile ids of a person, each once: the one given, and its aliases."""
    found = db.execute(
        "SELECT value FROM shelf WHERE about = ? AND about != '' AND shelf = ? ORDER BY key", (user, forgetting.ALIASES)
    )
    return tuple(dict.fromkeys((user, *(value.decode() for (value,) in found))))


def named(db: sqlite3.Connection, names: Sequence[ConversationId], first: int) -> set[int]:
    """The conversations, in a piece of them, in which something stored names one of these."""
    found = set[int]()
    for one in names:
        values = (first, first + SPAN, one.channel, *forgetting.needles(one.id))
        found |= {conv for (conv,) in db.execute(_NAMED, values)}
    return found


def named_in_accounts(
    db: sqlite3.Connection, names: Sequence[ConversationId], after: int
) -> tuple[int | None, set[int]]:
    """The conversations whose accounts name them, in a piece of the accounts; None: it was the last."""
    texts = [forgetting.needles(one.id)[0] for one in names]
    found = db.execute("SELECT row, conv, event FROM turn WHERE row > ? ORDER BY row LIMIT ?", (after, SPAN)).fetchall()
    named = {conv for _, conv, event in found if any(text in event for text in texts)}
    return found[-1][0] if len(found) == SPAN else None, named


def looked(db: sqlite3.Connection, conv: int, ids: Sequence[str], now: int) -> Look | None:
    """What a conversation holds of a person; None: there is none of this number."""
    found = db.execute("SELECT channel, id FROM lane WHERE conv = ?", (conv,)).fetchone()
    if found is None:
        return None
    since = rows.moment(now) - forgetting.KNOWN_FOR
    look = Look(conversation=ConversationId(*found), ids=frozenset(ids), since=since)
    for seq, _, event in accounted_for(db, conv, look.conversation):
        look.read_event(seq, event)
    return look if read_on(db, conv, look) else None


def read_on(db: sqlite3.Connection, conv: int, look: Look) -> bool:
    """Read what has come since; False: the conversation has another number by now, or is gone."""
    found = db.execute("SELECT state FROM lane WHERE conv = ?", (conv,)).fetchone()
    if found is None:
        return False
    look.read_state(rows.read_conversation(found[0], look.conversation))
    for events in _EVENTS.values():
        for seq, at, data in db.execute(events, (conv,)):
            look.read_event(seq, rows.read_event(data, look.conversation, seq, rows.moment(at)))
    for (data,) in db.execute("SELECT body FROM timer WHERE conv = ?", (conv,)):
        look.read_timer(codec.decode(Timer, data))
    for number, seq, data in db.execute(
        "SELECT number, seq, entry FROM log WHERE conv = ? AND number > ? ORDER BY number", (conv, look.head)
    ):
        if (entry := rows.read_entry(data)) is not None:
            look.read_entry(number, seq, entry)
    return True


def accounted_for(db: sqlite3.Connection, conv: int, conversation: ConversationId) -> Iterable[tuple[int, int, Event]]:
    """The events that are accounted for, newest first: place, row, event."""
    row = (db.execute("SELECT turn FROM lane WHERE conv = ?", (conv,)).fetchone() or (0,))[0]
    while row:
        found = db.execute("SELECT before, seq, at, event FROM turn WHERE row = ? AND conv = ?", (row, conv)).fetchone()
        if found is None:
            return
        before, seq, at, data = found
        yield seq, row, rows.read_event(data, conversation, seq, rows.moment(at))
        row = before


def profiles_of(db: sqlite3.Connection, ids: Sequence[str]) -> list[Profile]:
    """The profiles that exist."""
    found = [db.execute("SELECT body FROM profile WHERE id = ?", (one,)).fetchone() for one in ids]
    return [codec.decode(Profile, one[0]) for one in found if one is not None]


def shelved(db: sqlite3.Connection, about: Sequence[str]) -> list[Shelved]:
    """What edges keep about these people and conversations, in the order of shelves and keys."""
    found = []
    for one in dict.fromkeys(about):
        found += db.execute(
            "SELECT shelf, key, value FROM shelf WHERE about = ? AND about != '' ORDER BY shelf, key", (one,)
        ).fetchall()
    return [Shelved(shelf=shelf, key=key, value=bytes(value)) for shelf, key, value in sorted(found)]


def belongings(db: sqlite3.Connection, place: Place, look: Look) -> Belongings:
    """What a conversation holds of a person, as values."""
    conv, id_ = place.conv, place.id
    numbers = None if look.alone else set(look.numbers)
    entries = [
        Logged(number=number, public=public, entry=entry)
        for number, public, data in db.execute(
            "SELECT number, public, entry FROM log WHERE conv = ? ORDER BY number", (conv,)
        )
        if (numbers is None or number in numbers) and (entry := rows.read_entry(data)) is not None
    ]
    waiting = [
        Waiting(seq=seq, event=rows.read_event(data, id_, seq, rows.moment(at)), accepted_at=rows.moment(at))
        for seq, at, data in db.execute("SELECT seq, at, event FROM inbox WHERE conv = ? ORDER BY seq", (conv,))
        if look.alone or seq in look.places
    ]
    failed = [
        Failed(
            key=key,
            conversation=id_,
            at=rows.moment(at),
            error=error,
            attempts=attempts,
            what=rows.read_event(data, id_, seq, rows.moment(at)),
        )
        for key, seq, at, error, attempts, data in db.execute(
            "SELECT key, seq, at, error, attempts, event FROM parked WHERE conv = ? ORDER BY seq", (conv,)
        )
        if look.alone or seq in look.places
    ]
    handled = [event for seq, _, event in accounted_for(db, conv, id_) if look.alone or look.is_theirs(event.user)]
    timers = [codec.decode(Timer, data) for (data,) in db.execute("SELECT body FROM timer WHERE conv = ?", (conv,))]
    handoffs = db.execute("SELECT handoff FROM closed WHERE conv = ? ORDER BY row", (conv,)).fetchall()
    state = look.state or Conversation(id=id_)
    return Belongings(
        conversation=state if look.alone else forgetting.only(look, state),
        alone=look.alone,
        entries=tuple(entries),
        waiting=tuple(waiting),
        failed=tuple(failed),
        handled=tuple(reversed(handled)),
        sends=tuple(_sends(db, place, look)),
        timers=tuple(one for one in timers if look.alone or look.is_theirs(one.user)),
        handoffs=tuple(codec.decode(Handoff, data) for (data,) in handoffs) if look.alone else (),
    )


def rows_of(db: sqlite3.Connection, place: Place, look: Look) -> list[int]:
    """The conversation's rows in the outbox: all where the person is alone, else those of their events."""
    found = db.execute(
        "SELECT row, key FROM outbox WHERE key >= ? AND key < ? AND conv = ?", (*place.keys, place.conv)
    ).fetchall()
    prefix = place.keys[0]
    return [row for row, key in found if look.alone or forgetting.in_place_of(key, prefix) in look.places]


def _sends(db: sqlite3.Connection, place: Place, look: Look) -> list[SendAccount]:
    found = []
    for row in sorted(rows_of(db, place, look)):
        one = db.execute(
            "SELECT body, attempts, uncertain, state, written, finished, platform_id, reason FROM outbox WHERE row = ?",
            (row,),
        ).fetchone()
        found.append(rows.send_account(*one))
    return found


def counted(db: sqlite3.Connection, conv: int, look: Look, keeps: frozenset[str]) -> dict[str, int]:
    """How much an erasure removes of a conversation, by kind."""
    counts = Counter[str]()
    if not look.alone:
        counts["entries"] = 0 if "log" in keeps else len(look.numbers)
        for kind, events in _EVENTS.items():
            counts[kind] = sum(seq in look.places for seq, _, _ in db.execute(events, (conv,)))
    else:
        spared = {"entries": "log", "handoffs": "handoffs"}
        for kind, query in _COUNTS.items():
            counts[kind] = 0 if spared.get(kind) in keeps else one_of(db, query, (conv,))
        counts["records"] = len(shelved(db, look.abouts))
    counts["sends"] = len(rows_of(db, Place(conv, look.conversation), look))
    counts["accounts"] = sum(1 for _ in accounted_for(db, conv, look.conversation))
    return dict(counts)
