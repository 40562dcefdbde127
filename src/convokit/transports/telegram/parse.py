"""Telegram's updates to events. Pure; never raises but `Malformed`, whatever it is given."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from attrs import field, frozen

from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationClosed,
    ConversationOpened,
    Event,
    LocationShared,
    MalformedReceived,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessageReceived,
    UnknownReceived,
)
from convokit.messages import ATTACHMENTS, Attachment, AttachmentKind
from convokit.people import User
from convokit.transports.telegram.addresses import Address
from convokit.transports.telegram.parts import (
    UnreadableError,
    degrees,
    full_name,
    integer,
    moment,
    optional,
    part,
    user_of,
    words,
)
from convokit.transports.telegram.presses import opened
from convokit.wire.lenient import read_json
from convokit.wire.signing import whole
from convokit.wire.text import scrub, scrub_json

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{3,64}))?(?=\s|\Z)", re.ASCII)
_REF = re.compile(r"\s+([A-Za-z0-9_-]{1,64})\s*", re.ASCII)
_QUERY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,300}", re.ASCII)
_RAW = 4000

_PRESENT = ("member", "administrator", "creator", "restricted")
_ABSENT = ("left", "kicked")


@frozen(kw_only=True)
class Reading:
    """What the parser must know of the bot.

    Args:
        channel: The transport's name.
        key: The key of the marks on buttons.
        bot_id: The bot's own id.
        username: The bot's name without "@"; empty while it is not known: then every "@name" is taken for ours.
        per_user: Whether each person in a group has a conversation of their own.
    """

    channel: str
    key: bytes = field(repr=False)
    bot_id: str
    username: str = ""
    per_user: bool = False


@frozen(kw_only=True)
class _Scene:
    """What every event of one update has in common."""

    reading: Reading
    id: str
    at: datetime
    address: Address
    user: User | None = None
    private: bool = True

    def common(self, ordinal: int = 0) -> dict[str, Any]:
        return {
            "id": f"{self.id}:{ordinal}" if ordinal else self.id,
            "conversation": ConversationId(self.reading.channel, str(self.address)),
            "at": self.at,
            "user": self.user,
        }


def decode(channel: str, body: bytes) -> Any:
    """A body as JSON's own types. Lone surrogates pass: one broken character must not jam the webhook.

    Raises:
        Malformed: It is not JSON, or nested too deep.
    """
    try:
        return read_json(body)
    except ValueError as error:
        raise Malformed(channel, f"the body is {error}") from None


def parse(update: object, reading: Reading, at: datetime) -> tuple[Event, ...]:
    """The events of one update, in order; none for what bots wrote and for commands to other bots.

    An update that cannot be read is one `MalformedReceived`, one of a kind not known here one `UnknownReceived`.

    Args:
        update: An object of `getUpdates`' answer, or a webhook's whole body, decoded.
        reading: What must be known of the bot.
        at: When it came: the time of events for which Telegram names none.
    """
    try:
        if not isinstance(update, dict):
            raise UnreadableError("an update is an object")
        return _update(update, reading, at)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        reason = str(error) if isinstance(error, UnreadableError) else type(error).__name__
        raw = _raw_text(update)
        return (
            MalformedReceived(
                id=_update_id(update) or "bad-" + hashlib.sha256(raw.encode()).hexdigest()[:32],
                conversation=ConversationId(reading.channel, _some_chat(update)),
                at=at,
                reason=reason,
                raw=raw[:_RAW],
            ),
        )


def query_of(update: object) -> str:
    """The id of the callback query that an update holds and that waits for an answer; empty when there is none."""
    query = update.get("callback_query") if isinstance(update, dict) else None
    found = query.get("id") if isinstance(query, dict) else None
    return found if isinstance(found, str) and _QUERY.fullmatch(found) else ""


# ── one update ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _update(update: dict[str, Any], reading: Reading, at: datetime) -> tuple[Event, ...]:
    update_id = _update_id(update)
    if not update_id:
        raise UnreadableError("no update_id")
    for kind, read in _UPDATES.items():
        if kind in update:
            return read(part(update, kind), reading, update_id, at, update)
    kind = next((name for name in update if name != "update_id"), "")
    held = update.get(kind)
    user = user_of(held.get("from")) if isinstance(held, dict) else None
    return _unplaced(update, reading, at, user, kind)


def _unplaced(
    update: dict[str, Any], reading: Reading, at: datetime, user: User | None, kind: str
) -> tuple[Event, ...]:
    """An update of which only the chat can be told, if that."""
    return (
        UnknownReceived(
            id=_update_id(update),
            conversation=ConversationId(reading.channel, _some_chat(update)),
            at=at,
            user=user,
            kind=scrub(kind)[:64],
            raw=scrub_json(update),
        ),
    )


def _message(
    message: dict[str, Any], reading: Reading, update_id: str, at: datetime, update: dict[str, Any]
) -> tuple[Event, ...]:
    sender = optional(message, "from")
    if sender is not None and sender.get("is_bot") is True:
        return ()
    user = user_of(sender)
    scene = _scene(message, reading, update_id, moment(message.get("date"), at), user)
    for name, read in _CONTENT.items():
        if name in message:
            return read(scene, message)
    envelope = ("message_id", "message_thread_id", "from", "chat", "date", "is_topic_message", "sender_chat")
    kind = next((name for name in message if name not in envelope), "message")
    return (UnknownReceived(**scene.common(), kind=scrub(kind)[:64], raw=scrub_json(update)),)


def _edited(
    message: dict[str, Any], reading: Reading, update_id: str, at: datetime, update: dict[str, Any]
) -> tuple[Event, ...]:
    sender = optional(message, "from")
    if sender is not None and sender.get("is_bot") is True:
        return ()
    scene = _scene(message, reading, update_id, moment(message.get("edit_date"), at), user_of(sender))
    if "text" not in message and "caption" not in message:
        return (UnknownReceived(**scene.common(), kind="edited_message", raw=scrub_json(update)),)
    text = words(message, "text") or words(message, "caption")
    return (MessageEdited(**scene.common(), message_id=str(integer(message, "message_id")), text=text),)


def _pressed(
    query: dict[str, Any], reading: Reading, update_id: str, at: datetime, update: dict[str, Any]
) -> tuple[Event, ...]:
    user = user_of(part(query, "from"))
    message = optional(query, "message")
    data = query.get("data")
    if message is None or not isinstance(data, str):
        return _unplaced(update, reading, at, user, "callback_query")
    # The press has no time of its own; the message's is that of the question.
    scene = _scene(message, reading, update_id, at, user)
    payload = opened(reading.key, scene.address.chat, data)
    if payload is None:
        return (UnknownReceived(**scene.common(), kind="callback_query", raw=scrub_json(update)),)
    return (ButtonPressed(**scene.common(), payload=scrub(payload), label=_label(message, data)),)


def _membership(
    change: dict[str, Any], reading: Reading, update_id: str, at: datetime, update: dict[str, Any]
) -> tuple[Event, ...]:
    """What became of the bot itself: blocked by a person, added to a room, removed from one."""
    user = user_of(part(change, "from"))
    scene = _scene(change, reading, update_id, moment(change.get("date"), at), user, whole_room=True)
    before = _present(part(change, "old_chat_member"))
    after = _present(part(change, "new_chat_member"))
    if scene.private and before and not after:
        return (ConversationClosed(**scene.common(), reason="blocked"),)
    if scene.private or before == after:
        return (UnknownReceived(**scene.common(), kind="my_chat_member", raw=scrub_json(update)),)
    member = user_of(part(change["new_chat_member"], "user")) or User(id=reading.bot_id)
    if after:
        return (MemberJoined(**scene.common(), member=member),)
    return (
        MemberLeft(**scene.common(), member=member),
        ConversationClosed(**scene.common(1), reason="removed"),
    )


_Read = Callable[[dict[str, Any], Reading, str, datetime, dict[str, Any]], tuple[Event, ...]]
_UPDATES: Mapping[str, _Read] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _pressed,
    "my_chat_member": _membership,
}
ALLOWED_UPDATES = tuple(_UPDATES)
"""The kinds of updates that are asked for; Telegram keeps the others to itself."""


# ── what a message holds ────────────────────────────────────────────────────────────────────────────────────────────


def _text(scene: _Scene, message: dict[str, Any]) -> tuple[Event, ...]:
    text = words(message, "text")
    command = _COMMAND.match(text)
    if command and command[2]:
        ours = not scene.reading.username or command[2].lower() == scene.reading.username.lower()
        if not ours and not scene.private:
            return ()
        text = f"/{command[1]}{text[command.end() :]}"
    if command and command[1] == "start":
        ref = _REF.fullmatch(text, len("/start"))
        if ref:
            source = "start" if scene.private else "startgroup"
            return (ConversationOpened(**scene.common(), ref=ref[1], source=source),)
    return (MessageReceived(**scene.common(), text=text, reply_to=_reply_to(message)),)


def _location(scene: _Scene, message: dict[str, Any]) -> tuple[Event, ...]:
    venue = optional(message, "venue") or {}
    place = part(message, "location")
    latitude, longitude = degrees(place, "latitude", 90.0), degrees(place, "longitude", 180.0)
    title = words(venue, "title")[:256]
    return (LocationShared(**scene.common(), latitude=latitude, longitude=longitude, title=title),)


def _contact(scene: _Scene, message: dict[str, Any]) -> tuple[Event, ...]:
    contact = part(message, "contact")
    owner = whole(contact.get("user_id"))
    own = owner is not None and scene.user is not None and str(owner) == scene.user.id
    phone = words(contact, "phone_number")[:32]
    return (ContactShared(**scene.common(), phone=phone, name=full_name(contact), own=own),)


def _attachment(field_name: str, kind: AttachmentKind, prefix: str = "") -> Any:
    def read(scene: _Scene, message: dict[str, Any]) -> tuple[Event, ...]:
        found = message[field_name]
        if field_name == "photo":  # the same picture in several sizes, the largest last
            if not isinstance(found, list) or not found:
                raise UnreadableError("photo is not a list of sizes")
            found = found[-1]
        if not isinstance(found, dict):
            raise UnreadableError(f"{field_name} is not an object")
        attachment = _media(found, kind, prefix)
        return (AttachmentReceived(**scene.common(), attachments=(attachment,), text=words(message, "caption")),)

    return read


def _media(found: dict[str, Any], kind: AttachmentKind, prefix: str) -> Attachment:
    file_id = found.get("file_id")
    if not isinstance(file_id, str) or not _FILE_ID.fullmatch(file_id):
        raise UnreadableError("no file_id")
    return ATTACHMENTS[kind](
        ref=prefix + file_id,
        media_type=words(found, "mime_type")[:100],
        name=words(found, "file_name")[:256],
        alt=words(found, "emoji")[:16],
    )


def _joined(scene: _Scene, message: dict[str, Any]) -> tuple[Event, ...]:
    given = message["new_chat_members"]
    if not isinstance(given, list):
        raise UnreadableError("new_chat_members is not a list")
    # That the bot itself was added comes as my_chat_member too, which tells more.
    members = [one for one in map(user_of, given) if one and one.id != scene.reading.bot_id]
    return tuple(MemberJoined(**scene.common(ordinal), member=member) for ordinal, member in enumerate(members))


def _left(scene: _Scene, message: dict[str, Any]) -> tuple[Event, ...]:
    member = user_of(part(message, "left_chat_member"))
    if member is None or member.id == scene.reading.bot_id:
        return ()
    return (MemberLeft(**scene.common(), member=member),)


_CONTENT: Mapping[str, Callable[[_Scene, dict[str, Any]], tuple[Event, ...]]] = {
    "text": _text,
    "location": _location,
    "contact": _contact,
    "photo": _attachment("photo", "image"),
    "animation": _attachment("animation", "video", "animation:"),  # before document, which comes beside it
    "video": _attachment("video", "video"),
    "video_note": _attachment("video_note", "video", "video_note:"),
    "audio": _attachment("audio", "audio"),
    "voice": _attachment("voice", "audio", "voice:"),
    "sticker": _attachment("sticker", "image", "sticker:"),
    "document": _attachment("document", "file"),
    "new_chat_members": _joined,
    "left_chat_member": _left,
}


# ── what updates and messages have in common ───────────────────────────────────────────────────────────────────────


def _scene(
    message: dict[str, Any],
    reading: Reading,
    update_id: str,
    at: datetime,
    user: User | None,
    *,
    whole_room: bool = False,
) -> _Scene:
    chat = part(message, "chat")
    chat_id = integer(chat, "id")
    private = chat.get("type") == "private" or ("type" not in chat and chat_id > 0)
    topic = whole(message.get("message_thread_id")) if message.get("is_topic_message") is True else None
    per_user = reading.per_user and not private and user is not None and not whole_room
    address = Address(
        chat=chat_id,
        topic=topic if topic is not None and topic >= 0 else None,
        user=whole(user.id) if per_user and user is not None else None,
    )
    return _Scene(reading=reading, id=update_id, at=at, address=address, user=user, private=private)


def _present(member: dict[str, Any]) -> bool:
    status = member.get("status")
    if status in _PRESENT:
        return status != "restricted" or member.get("is_member") is not False
    if status in _ABSENT:
        return False
    raise UnreadableError("a member's status is not known")


def _reply_to(message: dict[str, Any]) -> str:
    answered = optional(message, "reply_to_message")
    number = whole(answered.get("message_id")) if answered else None
    # In a topic every message "answers" the one that opened the topic.
    return "" if number is None or number == whole(message.get("message_thread_id")) else str(number)


def _label(message: dict[str, Any], data: str) -> str:
    markup = message.get("reply_markup")
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    for row in rows if isinstance(rows, list) else ():
        for button in row if isinstance(row, list) else ():
            if isinstance(button, dict) and button.get("callback_data") == data:
                label = button.get("text")
                return scrub(label)[:256] if isinstance(label, str) else ""
    return ""


def _update_id(update: object) -> str:
    number = whole(update.get("update_id")) if isinstance(update, dict) else None
    return "" if number is None else str(number)


def _some_chat(update: object) -> str:
    """A chat that an update has to do with, wherever it names one; "unknown" when it names none."""
    for piece in update.values() if isinstance(update, dict) else ():
        if isinstance(piece, dict):
            message = piece.get("message")
            for holder in (piece, message if isinstance(message, dict) else {}):
                for name in ("chat", "from", "user"):
                    found = holder.get(name)
                    number = whole(found.get("id")) if isinstance(found, dict) else None
                    if number is not None:
                        return str(number)
    return "unknown"


def _raw_text(update: object) -> str:
    try:
        return msgspec.json.encode(scrub_json(update)).decode()
    except (ValueError, TypeError, RecursionError):
        return type(update).__name__
