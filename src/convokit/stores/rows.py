"""What the stores have in common: their keys, the time as a number, and what a timer becomes when it fires."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from convokit.abc import Send, Timer
from convokit.conversations import Conversation, ConversationId
from convokit.events import Event, MalformedReceived, TimerFired
from convokit.people import Profile
from convokit.wire import codec

SEEN_FOR = timedelta(days=8)
"""How long an event's id is remembered; platforms deliver again for up to 7 days."""
LANE_EVENTS = 16
"""The most events that a claim hands over for one conversation."""
DAMAGED_RAW = 4096
"""How much of an unreadable row is shown to a human, in characters."""

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
    except (ValueError, TypeError, RecursionError) as error:
        return MalformedReceived(
            id=f"unreadable:{seq}",
            conversation=conversation,
            at=at,
            reason=f"the store holds an event that cannot be read: {error}",
            raw=data.decode("utf-8", "replace")[:DAMAGED_RAW],
        )


def read_conversation(data: bytes | None, conversation: ConversationId) -> Conversation:
    """The committed state, a fresh one when nothing was committed."""
    return Conversation(id=conversation) if data is None else codec.decode(Conversation, data)


def read_send(data: bytes, attempts: int, uncertain: bool) -> Send:
    """A stored outbox row with what is known of it by now."""
    return evolve(codec.decode(Send, data), attempts=attempts, uncertain=uncertain)


def merged(stored: bytes | None, profile_id: str, changes: Mapping[str, Any]) -> bytes:
    """A stored profile with `changes` laid over it, key by key; None removes the key."""
    facts = {} if stored is None else codec.decode(Profile, stored).facts
    laid_over = {**facts, **changes}
    kept = {key: value for key, value in laid_over.items() if value is not None}
    return codec.encode(Profile(id=profile_id, facts=kept))
