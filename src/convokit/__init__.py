"""convokit: talk with your customers on every channel, from your own app."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convokit._engine.settings import Settings
from convokit.abc import Attendance
from convokit.bot import Bot
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.dialogs import END, Dialog, Form, ask, call
from convokit.errors import (
    Conflict,
    ConvokitError,
    DefinitionError,
    Forged,
    HandlerFailed,
    LaneFull,
    Malformed,
    MigrationFailed,
    MissingExtra,
    OutsideWindow,
    RateLimited,
    Rejected,
    ReplyLoop,
    StoreError,
    StoreUnavailable,
    TransportError,
    TurnTooLarge,
    TurnTooLong,
    Unreachable,
)
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationClosed,
    ConversationOpened,
    DialogsMigrated,
    Event,
    HandoffClosed,
    HandoffTransferred,
    HandoffUnattended,
    LocationShared,
    MalformedReceived,
    MemberJoined,
    MemberLeft,
    MessageDelivered,
    MessageEdited,
    MessageFailed,
    MessageRead,
    MessageReceived,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
    SendRequested,
    SignalReceived,
    TimerFired,
    UnknownReceived,
)
from convokit.expect import Choice, Expectation, Situated, Situation, Text, Unclear
from convokit.messages import (
    Attachment,
    Audio,
    Button,
    Capabilities,
    Card,
    File,
    Image,
    Limit,
    Link,
    Location,
    Message,
    Parameter,
    Template,
    TemplateButton,
    Video,
)
from convokit.people import Profile, User
from convokit.router import Router
from convokit.turn import Turn

if TYPE_CHECKING:
    from convokit._engine.engine import Engine as Engine
    from convokit.expect import Amount as Amount
    from convokit.expect import Choices as Choices
    from convokit.expect import Date as Date
    from convokit.expect import DateTime as DateTime
    from convokit.expect import Decimal as Decimal
    from convokit.expect import Document as Document
    from convokit.expect import Duration as Duration
    from convokit.expect import Either as Either
    from convokit.expect import Email as Email
    from convokit.expect import Integer as Integer
    from convokit.expect import Money as Money
    from convokit.expect import Person as Person
    from convokit.expect import Phone as Phone
    from convokit.expect import Photo as Photo
    from convokit.expect import Place as Place
    from convokit.expect import Regex as Regex
    from convokit.expect import Time as Time
    from convokit.expect import Url as Url
    from convokit.expect import YesNo as YesNo
    from convokit.links import Invitation as Invitation
    from convokit.refs import SignedRefs as SignedRefs

__version__ = "0.1.0"

__all__ = [
    "END",
    "Amount",
    "Attachment",
    "AttachmentReceived",
    "Attendance",
    "Audio",
    "Bot",
    "Button",
    "ButtonPressed",
    "Capabilities",
    "Card",
    "Choice",
    "Choices",
    "Conflict",
    "ContactShared",
    "Conversation",
    "ConversationClosed",
    "ConversationId",
    "ConversationOpened",
    "ConvokitError",
    "Date",
    "DateTime",
    "Decimal",
    "DefinitionError",
    "Dialog",
    "DialogsMigrated",
    "Document",
    "Duration",
    "Either",
    "Email",
    "Engine",
    "Entry",
    "Event",
    "Expectation",
    "File",
    "Forged",
    "Form",
    "HandlerFailed",
    "Handoff",
    "HandoffClosed",
    "HandoffTransferred",
    "HandoffUnattended",
    "Image",
    "Integer",
    "Invitation",
    "LaneFull",
    "Limit",
    "Link",
    "Location",
    "LocationShared",
    "Malformed",
    "MalformedReceived",
    "MemberJoined",
    "MemberLeft",
    "Message",
    "MessageDelivered",
    "MessageEdited",
    "MessageFailed",
    "MessageRead",
    "MessageReceived",
    "MigrationFailed",
    "MissingExtra",
    "Money",
    "NoteWritten",
    "OperatorJoined",
    "OperatorReplied",
    "OutsideWindow",
    "Parameter",
    "Person",
    "Phone",
    "Photo",
    "Place",
    "Profile",
    "RateLimited",
    "Regex",
    "Rejected",
    "ReplyLoop",
    "Router",
    "SendRequested",
    "Settings",
    "SignalReceived",
    "SignedRefs",
    "Situated",
    "Situation",
    "StoreError",
    "StoreUnavailable",
    "Template",
    "TemplateButton",
    "Text",
    "Time",
    "TimerFired",
    "TransportError",
    "Turn",
    "TurnTooLarge",
    "TurnTooLong",
    "Unclear",
    "UnknownReceived",
    "Unreachable",
    "Url",
    "User",
    "Video",
    "YesNo",
    "ask",
    "call",
]


_LATE = {"Engine": "convokit._engine.engine", "Invitation": "convokit.links", "SignedRefs": "convokit.refs"}


def __getattr__(name: str) -> Any:
    # The engine is loaded when a bot runs, or when somebody names its class; an expectation when a dialog names it.
    if name in __all__:
        return getattr(import_module(_LATE.get(name, "convokit.expect")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
