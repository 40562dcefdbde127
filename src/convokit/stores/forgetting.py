"""What the stores have in common about one person: what in a conversation is theirs, and what is left of it."""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from attrs import define, evolve, field

from convokit.abc import ERASE_KEEPS, Timer
from convokit.conversations import Conversation, ConversationId, Entry
from convokit.events import Event, TimerFired
from convokit.messages import Attachment, Message
from convokit.people import User
from convokit.stores import rows
from convokit.wire import codec
from convokit.wire.naming import FILE_ID

ALIASES = "aliases"
"""The shelf on which edges keep, about a profile id, another one of the same person."""
FILES, CIDS = "files", "file-cids"
"""The shelves on which is kept what is known of files, by their ids, and which ids senders were given."""
GONE = "files-gone"
"""The shelf with the ids of files of which nothing is known any more, until somebody has removed them from the disk."""
SECRETS, SALT = "secrets", "audit"
"""Where the salt of the hashes in the audit trail is kept."""
FILE_SHELVES = (FILES, CIDS, "file-quotas")

KNOWN_FOR = 2 * rows.SEEN_FOR
"""An event may be accepted 8 days after it happened, by its own time, and be delivered again for 8 days more."""


def check_user(user: str) -> ConversationId:
    """A person's id, taken apart: its channel and the platform's id.

    Raises:
        ValueError: It is not `channel:user id`.
    """
    try:
        return ConversationId.parse(user)
    except ValueError:
        raise ValueError(f"a person is named channel:user id, such as telegram:4711, not {user!r:.60}") from None


def check_keeps(keeps: Collection[str]) -> frozenset[str]:
    """The kinds of data that an erasure spares.

    Raises:
        ValueError: One is no kind.
    """
    if strange := sorted(set(keeps) - set(ERASE_KEEPS)):
        raise ValueError(f"erase keeps {', '.join(ERASE_KEEPS)}, not {', '.join(strange)!r:.60}")
    return frozenset(keeps)


def hashed(salt: bytes, user: str) -> str:
    """What the audit trail calls a person: who has the salt and an id can tell whether it is about them."""
    return hmac.new(salt, user.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def needles(user_id: str) -> tuple[bytes, bytes]:
    """What stored JSON that names a person contains: the id as a text, and as a text within a text."""
    plain = codec.encode(user_id)
    return plain, codec.encode(plain.decode())[1:-1]


def nothing(conversation: ConversationId, seq: int, at: datetime) -> Event:
    """What stands in line in place of an erased event: a handoff's timer that means nothing, which no handler sees."""
    return TimerFired(id=f"erased:{seq}", conversation=conversation, at=at, name="~handoff:erased")


def blank(entry: Entry) -> Entry:
    """What stays of an erased entry: that there was one, and when."""
    return Entry(at=entry.at, author=entry.author, message=Message(), kind="erased", private=entry.private)


def refs(message: Message) -> frozenset[str]:
    """The ids of uploaded files that a message shows."""
    shown: Iterable[Attachment | None] = (*message.attachments, *(card.image for card in message.cards))
    return frozenset(one.ref for one in shown if one is not None and FILE_ID.fullmatch(one.ref))


def event_id(key: str) -> str:
    """The id of the event that an entry of the log with this key is of; empty for others."""
    return key.removeprefix(rows.SAID) if key.startswith(rows.SAID) else ""


@define(eq=False)
class Look:
    """What one conversation holds of a person, as far as it has been read.

    Args:
        conversation: Where.
        ids: The profile ids of the person, each `channel:user id`.
        since: Ids of events that happened before this are not wanted any more.
    """

    conversation: ConversationId
    ids: frozenset[str]
    since: datetime
    head: int = 0
    """The number of the newest entry of the log that was read."""
    theirs: bool = False
    """Whether the person was here."""
    others: bool = False
    """Whether anybody else of the people outside was."""
    places: set[int] = field(factory=set)
    """The places in the lane of the person's events."""
    recent: dict[str, int] = field(factory=dict)
    """The ids of events of the log that may be delivered again, with their places."""
    state: Conversation | None = None
    people: set[str] = field(factory=set)
    """The profile ids of everybody outside who was here."""
    _said: dict[int, list[int]] = field(factory=dict)
    """The numbers of the person's entries, by the places of their events."""
    _answered: dict[int, list[int]] = field(factory=dict)
    """The numbers of the bot's entries, likewise."""
    _shown: dict[int, frozenset[str]] = field(factory=dict)
    """The ids of files that entries show, by number."""
    _mine: set[str] = field(factory=set)
    """The keys of `recent` that are the person's own."""

    @property
    def alone(self) -> bool:
        """Whether the conversation is the person's and nobody else's."""
        return self.theirs and not self.others

    @property
    def abouts(self) -> tuple[str, ...]:
        """About what edges keep things that go with this conversation; none where it has the person's own name."""
        name = str(self.conversation)
        return () if name in self.ids else (name,)

    def is_theirs(self, user: User | None) -> bool:
        """Whether this is the person; remembers who else is here."""
        if user is None:
            return False
        return self._is(user.id)

    def _is(self, user_id: str) -> bool:
        profile = rows.profile_id(self.conversation, user_id)
        found = profile in self.ids
        self.people.add(profile)
        self.theirs |= found
        self.others |= not found
        return found

    def read_state(self, conversation: Conversation) -> None:
        """Look at the committed state."""
        self.state = conversation
        self.is_theirs(conversation.user)
        for position in conversation.positions:
            self._is(position.user)
        for one in postponed(conversation):
            self.is_theirs(one.user)

    def read_event(self, seq: int, event: Event) -> bool:
        """Look at an event that waits, failed or is accounted for; True when it is theirs."""
        found = self.is_theirs(event.user)
        if found:
            self.places.add(seq)
        return found

    def read_timer(self, timer: Timer) -> bool:
        """Look at a timer; True when it is theirs."""
        return self.is_theirs(timer.user)

    def read_entry(self, number: int, seq: int, entry: Entry) -> None:
        """Look at an entry of the log."""
        self.head = max(self.head, number)
        theirs = entry.author == "user" and bool(entry.by) and self._is(entry.by)
        if theirs:
            self.places.add(seq)
            self._said.setdefault(seq, []).append(number)
        elif entry.author == "bot" and entry.kind == "said":
            self._answered.setdefault(seq, []).append(number)
        if shown := refs(entry.message):
            self._shown[number] = shown
        if (known := event_id(entry.key)) and entry.at > self.since:
            self.recent[known] = seq
            if theirs:
                self._mine.add(known)

    @property
    def numbers(self) -> list[int]:
        """The entries of the log that are about the person: what they said and what the bot answered, by place."""
        found: list[int] = []
        for seq in sorted(self.places):
            found += self._answered.get(seq, ())
            found += self._said.get(seq, ())
        return found

    @property
    def own_recent(self) -> dict[str, int]:
        """Those of `recent` that are the person's own."""
        return {key: seq for key, seq in self.recent.items() if key in self._mine}

    @property
    def files(self) -> frozenset[str]:
        """The ids of the files that were sent and shown there: all where the person is alone, else theirs."""
        wanted: Collection[int] = self._shown if self.alone else self.numbers
        return frozenset().union(*(self._shown.get(number, frozenset()) for number in wanted))


def postponed(conversation: Conversation) -> Sequence[Event]:
    """The events that wait with a conversation's state for its return; what cannot be read is left out."""
    found: list[Event] = []
    for one in conversation.postponed:
        try:
            found.append(codec.decode_event(one.encode()))
        except (ValueError, TypeError):
            continue
    return found


def fresh(conversation: ConversationId, version: int) -> Conversation:
    """The state of an erased conversation: none, but that running turns of before are refused."""
    return Conversation(id=conversation, version=version)


def only(look: Look, conversation: Conversation) -> Conversation:
    """A room's state, but only what of it is one person's."""

    def theirs(user: User | None) -> bool:
        return user is not None and rows.profile_id(conversation.id, user.id) in look.ids

    return Conversation(
        id=conversation.id,
        version=conversation.version,
        user=conversation.user if theirs(conversation.user) else None,
        positions=tuple(
            one for one in conversation.positions if rows.profile_id(conversation.id, one.user) in look.ids
        ),
    )


def without(look: Look, conversation: Conversation, version: int) -> Conversation:
    """A room's state without one person."""

    def gone(user_id: str) -> bool:
        return rows.profile_id(conversation.id, user_id) in look.ids

    user = conversation.user
    kept: list[str] = []
    for one in conversation.postponed:
        try:
            of = codec.decode_event(one.encode()).user
        except (ValueError, TypeError):
            of = None
        if of is None or not gone(of.id):
            kept.append(one)
    return evolve(
        conversation,
        version=version,
        user=None if user is not None and gone(user.id) else user,
        positions=tuple(one for one in conversation.positions if not gone(one.user)),
        postponed=tuple(kept),
    )


def in_place_of(key: str, prefix: str) -> int:
    """The place in the lane of the event that a row of the outbox is of, by its key; 0: the key does not tell."""
    place = key.removeprefix(prefix).partition(":")[0]
    return int(place) if place.isascii() and place.isdigit() else 0


def too_old(entry: Entry, before: datetime) -> bool:
    """Whether retention reaches an entry."""
    return entry.at < before


def still_known(entry: Entry, now: datetime) -> str:
    """The event's id that must be known after its entry is gone, because it may be delivered again; else empty."""
    return event_id(entry.key) if entry.at > now - KNOWN_FOR else ""


def added(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Counts by kind, together."""
    return {kind: counts.get(kind, 0) + more.get(kind, 0) for kind in {**counts, **more}}


def told(counts: dict[str, Any]) -> dict[str, int]:
    """Counts by kind in a stable order, without zeros."""
    return {kind: int(counts[kind]) for kind in sorted(counts) if counts[kind]}
