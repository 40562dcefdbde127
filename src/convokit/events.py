"""What happened. Every kind is a frozen value with the fields of `Event` and its own; names are in the past tense."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from attrs import field, frozen

from convokit._value import Value
from convokit.conversations import ConversationId, Entry
from convokit.messages import Attachment, Message
from convokit.people import User


def _given_id(event: object, _: object, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{type(event).__name__}: id must be a str, not empty, not {value!r:.60}")


@frozen(kw_only=True, eq=False, repr=False)
class Event(Value):
    """Something that happened in a conversation.

    Args:
        id: The platform's own id of it, unique within the conversation: a second event with the same id is dropped.
        conversation: Where it happened.
        at: When, by the platform's clock (UTC).
        user: Who did it; None when nobody outside did (a timer, a signal).
        context: What the channel says of the circumstances: the page, a product, a cart. A hint, never a proof.
    """

    said: ClassVar[bool] = False
    """Whether the customer said it: what answers a dialog's question and what an operator gets to read."""
    receipt: ClassVar[bool] = False
    """Whether it only tells what became of a message; not kept unless a handler asks for its kind."""

    id: str = field(validator=_given_id)
    conversation: ConversationId
    at: datetime
    user: User | None = None
    context: Mapping[str, Any] = field(factory=dict)

    @property
    def text(self) -> str:
        """What it says in words; empty for most kinds."""
        return ""

    def as_message(self) -> Message | None:
        """What it would be as a message, for history and operators; None where nothing was said."""
        return None


@frozen(kw_only=True, eq=False, repr=False)
class MessageReceived(Event):
    """The customer wrote. `reply_to` is the platform's id of the message it answers, if any."""

    said: ClassVar[bool] = True
    text: str  # pyright: ignore[reportIncompatibleMethodOverride]  here it is what was written
    reply_to: str = ""

    def as_message(self) -> Message:
        """The text."""
        return Message(self.text)


@frozen(kw_only=True, eq=False, repr=False)
class AttachmentReceived(Event):
    """The customer sent pictures, sounds, films or files; `text` is the caption."""

    said: ClassVar[bool] = True
    attachments: tuple[Attachment, ...]
    text: str = ""  # pyright: ignore[reportIncompatibleMethodOverride]  here it is what was written

    def as_message(self) -> Message:
        """Caption and attachments."""
        return Message(self.text, attachments=self.attachments)


@frozen(kw_only=True, eq=False, repr=False)
class ButtonPressed(Event):
    """The customer pressed a button, or wrote what stands for one ("2", "large", "the second")."""

    said: ClassVar[bool] = True
    payload: str
    label: str = ""

    @property
    def text(self) -> str:
        """The label."""
        return self.label

    def as_message(self) -> Message:
        """The label."""
        return Message(self.label or self.payload)


@frozen(kw_only=True, eq=False, repr=False)
class LocationShared(Event):
    """The customer shared a place: degrees, WGS 84."""

    said: ClassVar[bool] = True
    latitude: float
    longitude: float
    title: str = ""

    def as_message(self) -> Message:
        """The place in words and numbers."""
        return Message(f"📍 {self.title} {self.latitude:.6f},{self.longitude:.6f}".replace("  ", " "))


@frozen(kw_only=True, eq=False, repr=False)
class ContactShared(Event):
    """The customer shared a contact. `own` is True only when the platform vouches that it is their own number."""

    said: ClassVar[bool] = True
    phone: str
    name: str = ""
    own: bool = False

    def as_message(self) -> Message:
        """Name and number."""
        return Message(f"{self.name} {self.phone}".strip())


@frozen(kw_only=True, eq=False, repr=False)
class ConversationOpened(Event):
    """The customer came in by a link, a QR code, an ad or a start button.

    Args:
        ref: What the link carried; a hint, never a proof. Empty for a bare start.
        source: The platform's word for the way in ("SHORTLINK", "ADS", "start"); opaque.
    """

    ref: str = ""
    source: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class ConversationClosed(Event):
    """The customer blocked the bot or left; nothing can be sent any more. `reason` is the platform's word."""

    reason: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class MessageEdited(Event):
    """The customer changed a message they had sent: the platform's id of it, and the new text."""

    message_id: str
    text: str  # pyright: ignore[reportIncompatibleMethodOverride]  here it is what was written


@frozen(kw_only=True, eq=False, repr=False)
class MessageDelivered(Event):
    """Messages of ours reached the customer's device: by id, or all up to `up_to`."""

    receipt: ClassVar[bool] = True
    message_ids: tuple[str, ...] = ()
    up_to: datetime | None = None


@frozen(kw_only=True, eq=False, repr=False)
class MessageRead(Event):
    """Messages of ours were read: by id, or all up to `up_to`."""

    receipt: ClassVar[bool] = True
    message_ids: tuple[str, ...] = ()
    up_to: datetime | None = None


@frozen(kw_only=True, eq=False, repr=False)
class MessageFailed(Event):
    """A message of ours will not arrive: the platform told, or the outbox gave up. `reason` says why."""

    receipt: ClassVar[bool] = True
    message_ids: tuple[str, ...] = ()
    reason: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class MemberJoined(Event):
    """Somebody, or the bot itself, was added to a room."""

    member: User


@frozen(kw_only=True, eq=False, repr=False)
class MemberLeft(Event):
    """Somebody left a room or was removed."""

    member: User


@frozen(kw_only=True, eq=False, repr=False)
class TimerFired(Event):
    """A reminder fell due. `data` is what `turn.remind` was given."""

    name: str
    data: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class SignalReceived(Event):
    """The business's own event, put in with `engine.signal`, or a platform's (its name begins with the channel)."""

    name: str
    data: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class SendRequested(Event):
    """Another conversation's turn, or the business's own code, wants this said here."""

    message: Message


@frozen(kw_only=True, eq=False, repr=False)
class OperatorJoined(Event):
    """An operator took the conversation.

    Args:
        operator: Who.
        epoch: The conversation's epoch as the operator saw it; when it has changed since, nothing happens. None: it is
            not looked at.
    """

    operator: User
    epoch: int | None = None


@frozen(kw_only=True, eq=False, repr=False)
class OperatorReplied(Event):
    """An operator spoke. `epoch` as in `OperatorJoined`."""

    operator: User
    message: Message
    epoch: int | None = None


@frozen(kw_only=True, eq=False, repr=False)
class NoteWritten(Event):
    """An operator left a note for colleagues: in the log, never shown to the customer, and no change of who speaks."""

    operator: User
    message: Message


@frozen(kw_only=True, eq=False, repr=False)
class HandoffTransferred(Event):
    """An operator gave the conversation to another, or back to a queue.

    Args:
        operator: Who gave it; None when it was taken from somebody who fell silent or left.
        to: Who has it now; None: it waits in `queue`, at its original place.
        queue: The queue it belongs to from now on, "" being the one for everybody; None: the one it was in.
        note: For whoever takes it; colleagues read it, the customer does not.
        epoch: As in `OperatorJoined`.
    """

    operator: User | None = None
    to: User | None = None
    queue: str | None = None
    note: str = ""
    epoch: int | None = None


@frozen(kw_only=True, eq=False, repr=False)
class HandoffUnattended(Event):
    """A conversation was handed over, and nobody is at the desk.

    The bot is still silent: a handler that wants to offer a callback takes the conversation back
    (`turn.take_back()`) and speaks. Without a handler it waits, up to the desk's patience.

    Args:
        queue: For whom it waits.
        opens_at: When somebody is expected (UTC), as far as known.
    """

    queue: str = ""
    opens_at: datetime | None = None


@frozen(kw_only=True, eq=False, repr=False)
class HandoffClosed(Event):
    """The conversation came back from the desk.

    Args:
        operator: Who had it; None when nobody took it, or when time ended it.
        outcome: The operator's word for how it ended; "expired" when time ended it; may be empty.
        ended: Whether the conversation is over: open dialogs are left instead of asking their question again.
        note: From the operator, for the bot's handlers and for colleagues; the customer does not see it.
        epoch: As in `OperatorJoined`. Without it an operator ends only what is theirs, or waits for anyone.
        transcript: What was said since the handoff; filled in by the engine before handlers see the event.
    """

    operator: User | None = None
    outcome: str = ""
    ended: bool = False
    note: str = ""
    epoch: int | None = None
    transcript: tuple[Entry, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class DialogsMigrated(Event):
    """The bot's dialogs have new versions: who stands in an older one here is brought to the current one.

    `convokit migrate --apply` tells it. The engine itself does what it says, whoever has the conversation; no handler
    sees it, and nothing is said.
    """


@frozen(kw_only=True, eq=False, repr=False)
class UnknownReceived(Event):
    """A platform sent what this version does not know. `kind` is the platform's word, `raw` its JSON, as sent."""

    kind: str
    raw: Any = None


@frozen(kw_only=True, eq=False, repr=False)
class MalformedReceived(Event):
    """One event of a verified webhook could not be read. Kept among the failed ones, never handled."""

    reason: str
    raw: str = ""


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        MessageReceived,
        AttachmentReceived,
        ButtonPressed,
        LocationShared,
        ContactShared,
        ConversationOpened,
        ConversationClosed,
        MessageEdited,
        MessageDelivered,
        MessageRead,
        MessageFailed,
        MemberJoined,
        MemberLeft,
        TimerFired,
        SignalReceived,
        SendRequested,
        OperatorJoined,
        OperatorReplied,
        NoteWritten,
        HandoffTransferred,
        HandoffUnattended,
        HandoffClosed,
        DialogsMigrated,
        UnknownReceived,
        MalformedReceived,
    )
}
"""Every kind by its name: what the store writes beside an event."""
