"""What the stores have in common: keys, the time as a number, what of an event enters the log, what a timer becomes."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from convokit.abc import Account, Send, SendAccount, Timer
from convokit.conversations import Conversation, ConversationId, Entry, EntryKind, Handoff
from convokit.errors import LaneFull
from convokit.events import Event, MalformedReceived, TimerFired
from convokit.people import Profile
from convokit.wire import codec

SEEN_FOR = timedelta(days=8)
"""How long an event's id is remembered; platforms deliver again for up to 7 days."""
LANE_EVENTS = 16
"""The most events that a claim hands over for one conversation."""
DAMAGED_RAW = 4096
"""How much of an unreadable row is shown to a human, in characters."""
UNREADABLE = (ValueError, TypeError, RecursionError)
"""What `wire.codec` raises on what it cannot read: a damaged row, or one of another version."""
MOST_AT_ONCE = 1000
"""The most entries or conversations that one call returns."""
MOST_NUMBER = 1 << 53
"""No log is as long: what a cursor from outside is cut to, because a database's numbers end somewhere."""

_SHELF = re.compile(r"[A-Za-z0-9-]+")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """An aware time as microseconds since 1970: sorts as a number and loses nothing."""
    return (moment - _EPOCH) // _TICK


def moment(micros: int) -> datetime:
    """The inverse of `micros`, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def event_key(conversation: ConversationId, seq: int) -> str:
    """What `Store.replay` takes for a failed event."""
    return f"event:{conversation}:{seq}"


def send_key(key: str) -> str:
    """What `Store.replay` takes for a failed or held outbox row."""
    return f"send:{key}"


# ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────────

SAID = "u:"
"""What the log's keys of what customers said begin with; the event's id follows."""


@frozen
class Line:
    """An entry of the log, encoded; one without a key is always written."""

    key: str
    kind: EntryKind
    private: bool
    data: bytes


@frozen
class Incoming:
    """An event to be accepted, encoded, with its line in the log if the customer said something with it."""

    event: Event
    data: bytes
    line: Line | None

    @property
    def key(self) -> str:
        """Under which it is, or would be, in the log."""
        return SAID + self.event.id

    @property
    def size(self) -> int:
        """About how many bytes it writes."""
        return len(self.data) + (len(self.line.data) if self.line else 0)


def refusable(event: Event) -> bool:
    """Whether it may be refused where too much waits: an operator can always step in."""
    return getattr(event, "operator", None) is None


def refuse_full(waiting: Mapping[ConversationId, int], most: int) -> None:
    """Refuse what would make more than `most` events wait.

    Raises:
        LaneFull: They would.
    """
    if full := [str(conversation) for conversation, count in waiting.items() if count > most]:
        raise LaneFull(full, most)


def said(event: Event) -> Entry | None:
    """What an accepted event adds to its conversation's log; None when the customer said nothing with it."""
    message = event.as_message() if event.said else None
    if message is None:
        return None
    user = event.user
    return Entry(
        at=event.at,
        author="user",
        message=message,
        name=user.name if user else "",
        key=SAID + event.id,
        by=user.id if user else "",
    )


def line(entry: Entry) -> Line:
    """Encode an entry. Raises `TypeError` when something in it has no JSON form."""
    return Line(entry.key, entry.kind, entry.private, codec.encode(entry))


def incoming(event: Event) -> Incoming:
    """Encode an event. Raises `TypeError` when something in it has no JSON form."""
    entry = said(event)
    return Incoming(event, codec.encode_event(event), None if entry is None else line(entry))


def at_most(limit: int) -> int:
    """A limit as the stores take it: from 0 to 1000."""
    return min(max(limit, 0), MOST_AT_ONCE)


def cursor(number: int) -> int:
    """A place in the log as it may come from outside: not negative, and not more than a database can count."""
    return min(max(number, 0), MOST_NUMBER)


# ── handoffs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def handed(conversation: Conversation) -> int | None:
    """When its open handoff began, in microseconds; None when a person does not have it."""
    return None if conversation.handoff is None else micros(conversation.handoff.opened_at)


def ended(handoffs: Iterable[Handoff]) -> tuple[tuple[int, bytes], ...]:
    """Handoffs that ended, encoded, with the time in microseconds.

    Raises:
        ValueError: One has no `closed_at`.
    """
    found = []
    for one in handoffs:
        if one.closed_at is None:
            raise ValueError(f"Committed: the closed handoff {one.id!r} has no closed_at: say when it ended")
        found.append((micros(one.closed_at), codec.encode(one)))
    return tuple(found)


# ── the shelf ───────────────────────────────────────────────────────────────────────────────────────────────────────


def check_shelf(shelf: str, key: str | None = None) -> None:
    """Refuse what no shelf or key is called.

    Raises:
        ValueError: The shelf's name has other characters than letters, digits and "-", or the key is empty.
    """
    if not _SHELF.fullmatch(shelf):
        raise ValueError(f'a shelf is named with letters, digits and "-", not {shelf!r:.60}')
    if key == "":
        raise ValueError(f"a key on the shelf {shelf!r} is not empty: name what is kept")


# ── events and what is read ─────────────────────────────────────────────────────────────────────────────────────────


def fired(timer: Timer, seq: int) -> TimerFired:
    """The event that a due timer becomes; `seq`, its place in the lane, makes its id unique."""
    return TimerFired(
        id=f"timer:{timer.name}:{seq}",
        conversation=timer.conversation,
        at=timer.due,
        user=timer.user,
        name=timer.name,
        data=timer.data,
    )


def profile_id(conversation: ConversationId, user_id: str) -> str:
    """The id of a person's profile: `channel:user id`."""
    return f"{conversation.channel}:{user_id}"


def people(conversation: Conversation, events: Iterable[Event]) -> tuple[str, ...]:
    """The ids of the profiles that the handlers of `events` will want, each once."""
    users = [event.user for event in events] + [conversation.user]
    return tuple(dict.fromkeys(profile_id(conversation.id, user.id) for user in users if user is not None))


def read_event(data: bytes, conversation: ConversationId, seq: int, at: datetime) -> Event:
    """A stored event. One that this version cannot read becomes `MalformedReceived`, so that its lane moves on."""
    try:
        return codec.decode_event(data)
    except UNREADABLE as error:
        return MalformedReceived(
            id=f"unreadable:{seq}",
            conversation=conversation,
            at=at,
            reason=f"the store holds an event that cannot be read: {error}",
            raw=data.decode("utf-8", "replace")[:DAMAGED_RAW],
        )


def read_entry(data: bytes) -> Entry | None:
    """A log's entry; None: it cannot be read, and what only counts or forgets goes on without it."""
    try:
        return codec.decode(Entry, data)
    except UNREADABLE:
        return None


def read_conversation(data: bytes | None, conversation: ConversationId) -> Conversation:
    """The committed state, a fresh one when nothing was committed."""
    return Conversation(id=conversation) if data is None else codec.decode(Conversation, data)


def read_send(data: bytes, attempts: int, uncertain: bool) -> Send:
    """A stored outbox row with what is known of it by now."""
    return evolve(codec.decode(Send, data), attempts=attempts, uncertain=uncertain)


def keys_of(conversation: ConversationId, seq: int) -> tuple[str, str]:
    """The first key that a row written by the event at `seq` can have, and what all of them come before.

    The keys of another conversation, whose id goes on with ":", can lie between.
    """
    return f"{conversation}:{seq}:", f"{conversation}:{seq};"


def send_account(
    data: bytes,
    attempts: int,
    uncertain: bool,
    state: str,
    written: int,
    finished: int,
    platform_id: str,
    reason: str,
) -> SendAccount:
    """What became of a stored row; `finished` is 0 while it is open."""
    return SendAccount(
        send=read_send(data, attempts, bool(uncertain)),
        state=state,
        written_at=moment(written),
        finished_at=moment(finished) if finished else None,
        platform_id=platform_id,
        reason=reason,
    )


def parked_account(
    event: Event, seq: int, at: int, error: str, attempts: int, sends: tuple[SendAccount, ...]
) -> Account:
    """The account of an event that was given up while none were written: when it was put in line nobody knows."""
    return Account(
        event=event,
        seq=seq,
        state="failed",
        accepted_at=event.at,
        ended_at=moment(at),
        outcome="failed",
        error=error,
        attempts=attempts,
        sends=sends,
    )


def merged(stored: bytes | None, profile_id: str, changes: Mapping[str, Any]) -> bytes:
    """A stored profile with `changes` laid over it, key by key; None removes the key."""
    facts = {} if stored is None else codec.decode(Profile, stored).facts
    laid_over = {**facts, **changes}
    kept = {key: value for key, value in laid_over.items() if value is not None}
    return codec.encode(Profile(id=profile_id, facts=kept))
