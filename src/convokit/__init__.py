"""convokit: talk with your customers on every channel, from your own app."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convokit._engine.settings import Settings
from convokit.abc import Attendance
from convokit.bot import Bot
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.dialogs import END, Dialog
from convokit.errors import (
    Conflict,
    ConvokitError,
    DefinitionError,
    Forged,
    HandlerFailed,
    LaneFull,
    Malformed,
    MissingExtra,
    RateLimited,
    Rejected,
    ReplyLoop,
    StoreError,
    StoreUnavailable,
    TransportError,
    Unreachable,
)
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationClosed,
    ConversationOpened,
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
from convokit.expect import Choice, Expectation, Integer, Text, Unclear, YesNo
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
    Video,
)
from convokit.people import Profile, User
from convokit.router import Router
from convokit.turn import Turn

if TYPE_CHECKING:
    from convokit._engine.engine import Engine as Engine

__version__ = "0.1.0"

__all__ = [
    "END",
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
    "Conflict",
    "ContactShared",
    "Conversation",
    "ConversationClosed",
    "ConversationId",
    "ConversationOpened",
    "ConvokitError",
    "DefinitionError",
    "Dialog",
    "Engine",
    "Entry",
    "Event",
    "Expectation",
    "File",
    "Forged",
    "HandlerFailed",
    "Handoff",
    "HandoffClosed",
    "HandoffTransferred",
    "HandoffUnattended",
    "Image",
    "Integer",
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
    "MissingExtra",
    "NoteWritten",
    "OperatorJoined",
    "OperatorReplied",
    "Profile",
    "RateLimited",
    "Rejected",
    "ReplyLoop",
    "Router",
    "SendRequested",
    "Settings",
    "SignalReceived",
    "StoreError",
    "StoreUnavailable",
    "Text",
    "TimerFired",
    "TransportError",
    "Turn",
    "Unclear",
    "UnknownReceived",
    "Unreachable",
    "User",
    "Video",
    "YesNo",
]


def __getattr__(name: str) -> Any:
    # The engine is loaded when a bot runs, or when somebody names its class.
    if name == "Engine":
        return import_module("convokit._engine.engine").Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
