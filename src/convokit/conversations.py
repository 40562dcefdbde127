"""Where talk happens, and what is kept of it between two turns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from attrs import evolve, field, frozen

from convokit._value import Value
from convokit.messages import Message
from convokit.people import User

Author = Literal["user", "bot", "operator", "system"]
EntryKind = Literal["said", "note", "waiting", "taken", "transferred", "returned", "closed", "expired", "erased"]
"""What an entry of the log is: something said, a note among operators, or a change of who speaks: somebody waits for a
person, a person took the conversation, gave it to another, gave it back to the bot, ended it, or fell silent. "erased":
somebody's words stood there, who had them removed."""


def _plain_channel(_: object, __: object, value: Any) -> None:
    # With a colon in it, two conversations could be written alike, and share outbox keys and profiles.
    if not isinstance(value, str) or not value or ":" in value:
        raise ValueError(f"ConversationId: channel must be a str, not empty, without ':', not {value!r:.60}")


def _given_id(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"ConversationId: id must be a str, not empty, not {value!r:.60}")


@frozen(eq=False, repr=False)
class ConversationId(Value):
    """A conversation's name: the channel and the platform's own id of the room, thread or person.

    Args:
        channel: The name under which the transport is attached; without ":".
        id: Decided once by the transport; any text, not empty.
    """

    channel: str = field(validator=_plain_channel)
    id: str = field(validator=_given_id)

    # Every step of a message's way looks conversations up by it: the general way would cost five times as much.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConversationId):
            return NotImplemented
        return self.id == other.id and self.channel == other.channel

    def __hash__(self) -> int:
        return hash((self.channel, self.id))

    def __str__(self) -> str:
        """`channel:id`."""
        return f"{self.channel}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "ConversationId":
        """The inverse of `str`.

        Raises:
            ValueError: There is no ":" in `text`, or nothing beside it.
        """
        channel, colon, rest = text.partition(":")
        if not colon or not channel or not rest:
            raise ValueError(f"a conversation is written channel:id, not {text!r}")
        return cls(channel, rest)


@frozen(kw_only=True, eq=False, repr=False)
class Step(Value):
    """An answer that was given in a dialog: what "back", "change the …" and the summary need.

    Args:
        state: The state whose question it answered.
        undo: What it changed in the dialog's memory: the fields as they were before.
        event: The answer, an encoded event; empty: it was known up front, or the question was skipped.
        asked: A digest of the question and its options, as they read then.
        given: The states whose answers were known up front and not used yet.
        skipped: Whether the question was skipped.
        called: Where the dialog that was called with this answer stood at its end, with the answers in it; its `then`
            is empty when it had not ended.
    """

    state: str
    undo: Mapping[str, Any] = field(factory=dict)
    event: str = ""
    asked: str = ""
    given: tuple[str, ...] = ()
    skipped: bool = False
    called: "Position | None" = None


@frozen(kw_only=True, eq=False, repr=False)
class Position(Value):
    """Where a person stands in a dialog.

    Args:
        dialog: The dialog's name.
        version: The dialog's version when the position was written.
        state: The state whose question is open.
        user: The id of the person who is asked; in a room, others do not answer for them.
        memory: The dialog's memory, as JSON values.
        given: Names of states whose answers were given up front and are not asked.
        unclear: How many answers to the open question could not be read.
        asked: How many questions were asked so far.
        steps: The answers so far, oldest first.
        redo: Answers to be used again after an earlier one was changed, as long as they still fit.
        changed: The states whose answers were changed, as long as there is something to be used again.
        under: The dialog that lies below: it is paused, or it has called this one.
        then: Where the caller goes on when this dialog ends; empty: nobody called it.
        into: The field of the caller's memory that gets this dialog's.
        unasked: Whether the open question was not asked yet: the dialog was changed, and they stand elsewhere since.
        result: Where the dialog stood at its end that was called to come here: its memory is `turn.result`.
        late: Whether `on_timeout` has led on, and the person was not heard since.
    """

    dialog: str
    version: int
    state: str
    user: str
    memory: Mapping[str, Any] = field(factory=dict)
    given: tuple[str, ...] = ()
    unclear: int = 0
    asked: int = 0
    steps: tuple[Step, ...] = ()
    redo: tuple[Step, ...] = ()
    changed: tuple[str, ...] = ()
    under: "Position | None" = None
    then: str = ""
    into: str = ""
    unasked: bool = False
    result: "Position | None" = None
    late: bool = False

    @property
    def stack(self) -> "tuple[Position, ...]":
        """This position and all that lie below it, the topmost first."""
        return (self,) if self.under is None else (self, *self.under.stack)

    @property
    def calls(self) -> "tuple[Position, ...]":
        """This position and those whose dialogs wait for its end, since they called it: the topmost first."""
        return (self,) if self.under is None or not self.then else (self, *self.under.calls)


@frozen(kw_only=True, eq=False, repr=False)
class Option(Value):
    """One thing that could be pressed: its label as shown and the payload it stands for."""

    label: str
    payload: str


@frozen(kw_only=True, eq=False, repr=False)
class Offer(Value):
    """The options that the newest message with buttons offered, so that "2", "large" or "the second" press them.

    Args:
        options: In the order shown.
        numbered: Whether the customer saw them as "1) …", because the channel shows no buttons.
    """

    options: tuple[Option, ...]
    numbered: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Handoff(Value):
    """The lease by which a person has the conversation and the bot is silent.

    Args:
        id: Unique within the store.
        queue: Which operators it is for; empty: any.
        reason: Why, for the operator to read.
        opened_at: When the bot handed over (UTC).
        operator: The id of who has it; empty while it waits.
        operator_name: What customers read as their name.
        taken_at: When an operator took it first (UTC).
        answered_at: When an operator first said something to the customer (UTC).
        unanswered_since: When the customer said the first thing that no operator has answered yet (UTC).
        closed_at: When it ended (UTC); only in what `Store.closed_handoffs` returns.
        outcome: The operator's word for how it ended, or "expired".
    """

    id: str
    queue: str
    reason: str
    opened_at: datetime
    operator: str = ""
    operator_name: str = ""
    taken_at: datetime | None = None
    answered_at: datetime | None = None
    unanswered_since: datetime | None = None
    closed_at: datetime | None = None
    outcome: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Conversation(Value):
    """What is kept between two turns. A turn replaces it whole, or not at all.

    Args:
        id: Its name.
        version: How many turns were committed.
        user: Who spoke last; None before anybody did.
        memory: The conversation's own JSON values (`turn.memory`).
        positions: Open dialogs, the newest last; at most one a person.
        handoff: The lease, while a person has the conversation.
        offer: What a typed "2" would press.
        postponed: Encoded events that came while a person had the conversation and are handled when it returns.
        epoch: How often who speaks has changed, from 0; an operator's command that names an older one is refused.
        closed: Whether an operator has ended it; the customer's next word opens it again.
        set_aside: The ids of events that came while a person had the conversation and for which there was no room in
            `postponed`: they are kept among the failed ones, and put back in line when it returns.
        answers: How many times the bot answered since `answers_since`, with no human being in between for sure.
        answers_since: When it did so first (UTC); None: it has not since a human being was there.
        looping: When the last event came about which the bot was silent, because it seemed to talk with a program.
        reachable_until: Until when the platform takes messages that nobody asked for (UTC); None: always, as far as is
            known.
    """

    id: ConversationId
    version: int = 0
    user: User | None = None
    memory: Mapping[str, Any] = field(factory=dict)
    positions: tuple[Position, ...] = ()
    handoff: Handoff | None = None
    offer: Offer | None = None
    postponed: tuple[str, ...] = ()
    epoch: int = 0
    closed: bool = False
    set_aside: tuple[str, ...] = ()
    answers: int = 0
    answers_since: datetime | None = None
    looping: datetime | None = None
    reachable_until: datetime | None = None

    def position_of(self, user: User | None) -> Position | None:
        """The open dialog of this person, None when there is none. An event of nobody meets the newest.

        One that was begun before anybody had spoken, by a signal say, is everybody's until somebody answers.
        """
        for position in reversed(self.positions):
            if user is None or position.user == user.id:
                return position
        return next((one for one in self.positions if not one.user), None)

    def standing(self, position: Position | None, user_id: str) -> "Conversation":
        """The conversation with this person's dialog at `position` (None: in none)."""
        others = tuple(one for one in self.positions if one.user not in {user_id, ""})
        return evolve(self, positions=others if position is None else (*others, position))


@frozen(kw_only=True, eq=False, repr=False)
class Entry(Value):
    """One entry of a conversation's log: what was said, a note, or a change of who speaks.

    Args:
        at: When (UTC).
        author: Who: a field, never read from the text.
        name: The author's name, as far as known.
        message: What was said; for a change of who speaks its reason, note or outcome, or nothing.
        key: Unique in the conversation; a second entry with the same key is the same entry, and is not written.
        by: The author's id: the user's, the operator's; empty for the bot.
        kind: What it is.
        to: For "transferred" and "taken", the name of who has the conversation now, or of the queue.
        private: Only operators see it.
    """

    at: datetime
    author: Author
    message: Message
    name: str = ""
    key: str = ""
    by: str = ""
    kind: EntryKind = "said"
    to: str = ""
    private: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Logged(Value):
    """An entry and its place in the conversation's log.

    Args:
        number: Dense from 1 over all entries, in the order in which they were made durable.
        public: Dense from 1 over the entries that the customer may see; 0 for a private one.
        entry: The entry.
    """

    number: int
    public: int
    entry: Entry


@frozen(kw_only=True, eq=False, repr=False)
class Log(Value):
    """A piece of a conversation's log, read at one moment.

    Args:
        id: Names the numbering: a cursor is this id and a number. Another id means that the numbers begin anew.
        head: The number of the newest entry; 0 when there is none.
        public_head: The public number of the newest public entry; 0 when there is none.
        entries: The piece, oldest first.
    """

    id: str
    head: int = 0
    public_head: int = 0
    entries: tuple[Logged, ...] = ()
