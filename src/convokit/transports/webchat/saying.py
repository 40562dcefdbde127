"""What a visitor says: read from a frame, and made an event of the conversation."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from attrs import field, frozen

from convokit._value import Value
from convokit.conversations import ConversationId, Logged
from convokit.events import AttachmentReceived, ButtonPressed, Event, LocationShared, MessageReceived
from convokit.messages import Action, Attachment, Button, Location, Message
from convokit.people import User
from convokit.transports.webchat.settings import CID, CONTEXT_BYTES, TEXT_CHARACTERS
from convokit.wire.live import Frame
from convokit.wire.text import scrub, scrub_json

MOST_FILES = 10
GREETING = "greeting"
"""What a choice names when it presses a button of the greeting, which is no entry."""
_SHORT = 1000

Retry = Literal["no", "same", "after"]


class Unsaid(Exception):
    """A command was refused; nothing of it happened.

    Args:
        code: The wire's word for why.
        retry: "no": it will be refused again; "same": it may be sent again as it is; "after": so, but later.
        after: With "after", how many seconds later.
    """

    def __init__(self, code: str, *, retry: Retry = "no", after: float = 0.0) -> None:
        super().__init__(code)
        self.code = code
        self.retry = retry
        self.after = after


@frozen(kw_only=True, eq=False, repr=False)
class Choice(Value):
    """A button that was pressed: the entry that offered it, its payload, and its label as the page says."""

    of: str
    value: str
    label: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Said(Value):
    """What somebody wants to say.

    Args:
        text: In words; scrubbed.
        files: Ids of files that were taken in before.
        choice: A button.
        location: A place.
        context: What the page tells of its circumstances.
    """

    text: str = ""
    files: tuple[str, ...] = ()
    choice: Choice | None = None
    location: Location | None = None
    context: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class Spoken(Value):
    """What became of it: its place in the log, and whether it was new (False: this command was known already)."""

    logged: Logged
    fresh: bool


def cid_of(frame: Frame) -> str:
    """The command's id.

    Raises:
        Unsaid: bad_frame, it is none.
    """
    cid = frame.get("cid")
    if not isinstance(cid, str) or not CID.fullmatch(cid):
        raise Unsaid("bad_frame")
    return cid


def read_said(frame: Mapping[str, Any]) -> Said:
    """What a `send` says.

    Raises:
        Unsaid: bad_frame, too_long or empty.
    """
    text, files, choice = frame.get("text"), frame.get("files"), frame.get("choice")
    if not isinstance(text, str | None) or not isinstance(files, list | None):
        raise Unsaid("bad_frame")
    if text is not None and len(text) > TEXT_CHARACTERS:
        raise Unsaid("too_long")
    if files and (len(files) > MOST_FILES or not all(isinstance(one, str) and 0 < len(one) <= 64 for one in files)):  # noqa: PLR2004  ids are shorter
        raise Unsaid("bad_frame")
    said = Said(
        text=scrub(text or "").strip(),
        files=tuple(dict.fromkeys(files or ())),
        choice=read_choice(choice) if choice is not None else None,
        location=_place(frame["location"]) if frame.get("location") is not None else None,
    )
    if not (said.text or said.files or said.choice or said.location):
        raise Unsaid("empty")
    return said


def read_choice(given: object) -> Choice:
    """A pressed button.

    Raises:
        Unsaid: bad_frame.
    """
    if not isinstance(given, dict):
        raise Unsaid("bad_frame")
    of, value, label = given.get("of"), given.get("value"), given.get("label", "")
    if not (isinstance(of, str) and isinstance(value, str) and isinstance(label, str)):
        raise Unsaid("bad_frame")
    if len(of) > _SHORT or len(value) > _SHORT or len(label) > _SHORT:
        raise Unsaid("too_long")
    return Choice(of=scrub(of), value=scrub(value), label=scrub(label).strip())


def _place(given: object) -> Location:
    if not isinstance(given, dict):
        raise Unsaid("bad_frame")
    latitude, longitude, title = given.get("lat"), given.get("lon"), given.get("title", "")
    if not (_finite(latitude) and _finite(longitude) and isinstance(title, str | None)):
        raise Unsaid("bad_frame")
    try:
        return Location(latitude, longitude, scrub((title or "")[:_SHORT]).strip())
    except (TypeError, ValueError):
        raise Unsaid("bad_frame") from None


def _finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def read_context(given: object) -> dict[str, Any]:
    """What a page tells of its circumstances; nothing when it is no object, or too large.

    The name "customer" is not the page's to give: it stands for what the business has signed.
    """
    if not isinstance(given, dict):
        return {}
    try:
        whole = scrub_json(given, max_depth=8)
        if len(json.dumps(whole, ensure_ascii=False).encode()) > CONTEXT_BYTES:
            return {}
    except ValueError:
        return {}
    return {key: value for key, value in whole.items() if key != "customer"}


def offered(message: Message, payload: str) -> Button | None:
    """The button with this payload that a message shows, on itself or on one of its cards."""
    actions: list[Action] = [*message.buttons, *(one for card in message.cards for one in card.buttons)]
    return next((one for one in actions if isinstance(one, Button) and one.payload == payload), None)


def event_of(
    said: Said,
    *,
    id: str,  # noqa: A002  the word that events have for it
    conversation: ConversationId,
    at: datetime,
    user: User,
    button: Button | None,
    attachments: tuple[Attachment, ...],
) -> Event:
    """The event that it is.

    Args:
        said: What was said.
        id: The event's id.
        conversation: Where.
        at: When.
        user: Who.
        button: The button that was truly offered, when one was pressed; a press of none is taken as text.
        attachments: The files.

    Raises:
        Unsaid: empty, when nothing is left of it.
    """
    if button is not None:
        return ButtonPressed(
            id=id,
            conversation=conversation,
            at=at,
            user=user,
            context=said.context,
            payload=button.payload,
            label=button.label,
        )
    if attachments:
        return AttachmentReceived(
            id=id,
            conversation=conversation,
            at=at,
            user=user,
            context=said.context,
            attachments=attachments,
            text=said.text,
        )
    if said.location is not None:
        return LocationShared(
            id=id,
            conversation=conversation,
            at=at,
            user=user,
            context=said.context,
            latitude=said.location.latitude,
            longitude=said.location.longitude,
            title=said.location.title or said.text[:_SHORT],
        )
    text = said.text or (said.choice.label if said.choice is not None else "")
    if not text:
        raise Unsaid("empty")
    return MessageReceived(id=id, conversation=conversation, at=at, user=user, context=said.context, text=text)
