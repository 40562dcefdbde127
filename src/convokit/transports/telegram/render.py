"""Fitted messages to calls of the Bot API. Pure. Text goes out plain: no parse mode is ever set."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from convokit.errors import Rejected
from convokit.messages import Action, Attachment, Button, Capabilities, Limit, Link, Message
from convokit.transports.telegram.addresses import Address
from convokit.transports.telegram.presses import CALLBACK_DATA_BYTES, MARK, sealed
from convokit.wire.http import Upload

TEXT = Limit(4096, "utf16")
CAPTION = Limit(1024, "utf16")
PHOTO_BYTES = 10 * 1000 * 1000
FILE_BYTES = 50 * 1000 * 1000

CAPABILITIES = Capabilities(
    text_limit=TEXT,
    buttons=100,
    button_label=Limit(64, "characters"),  # ours: Telegram names no bound, and its clients cut earlier
    button_payload=Limit(CALLBACK_DATA_BYTES - MARK, "bytes"),
    links=100,
    buttons_beside_links=100,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    album=10,
    caption=CAPTION,
    buttons_with_attachment=True,
    location=True,
    typing=True,
)
"""Bot API 10.1, 11 June 2026. Cards are pictures with captions and buttons here."""

_ROW = 3
_ROW_CHARACTERS = 30
_ONLY_BUTTONS = "👇"
_BY_KIND = {
    "image": ("sendPhoto", "photo"),
    "video": ("sendVideo", "video"),
    "audio": ("sendAudio", "audio"),
    "file": ("sendDocument", "document"),
}
# What was received as one of these can only be sent again as the same.
_BY_REF = {
    "voice": ("sendVoice", "voice"),
    "animation": ("sendAnimation", "animation"),
    "video_note": ("sendVideoNote", "video_note"),
    "sticker": ("sendSticker", "sticker"),
}


@frozen(kw_only=True)
class Call:
    """One call of the Bot API: its method, its JSON parameters, and the files that go along."""

    method: str
    body: Mapping[str, Any]
    files: Mapping[str, Upload] = field(factory=dict)

    def fields(self) -> dict[str, str]:
        """The parameters as fields of a multipart body: texts as they are, everything else as JSON."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            for name, value in self.body.items()
        }


def render(message: Message, to: Address, key: bytes, channel: str) -> Call:
    """The one call that says `message`, which was fitted to `CAPABILITIES`.

    Args:
        message: What to say.
        to: Where.
        key: The key of the marks on buttons.
        channel: What errors name.

    Raises:
        Rejected: It cannot be said in one call, or a file is too large.
    """
    body: dict[str, Any] = {"chat_id": to.chat}
    if to.topic is not None:
        body["message_thread_id"] = to.topic
    markup = _keyboard(message.buttons, to.chat, key)
    if len(message.attachments) > 1:
        return _album(message, body, channel)
    for attachment in message.attachments:
        return _single(attachment, message.text, body | markup, channel)
    if message.location is not None:
        return _place(message, body | markup)
    text = message.text if message.text.strip() else _ONLY_BUTTONS
    return Call(method="sendMessage", body=body | {"text": text} | markup)


def as_links(message: Message) -> Message | None:
    """The message with its pictures and files as addresses in the text, for when Telegram cannot fetch them.

    None when there is no address in it, a part is given otherwise, or the text would be too long.
    """
    if not message.attachments or any(not one.url for one in message.attachments):
        return None
    lines = [f"{one.alt or one.name}: {one.url}".removeprefix(": ") for one in message.attachments]
    text = "\n".join([message.text, *lines]).strip()
    return evolve(message, text=text, attachments=()) if TEXT.holds(text) else None


def _keyboard(actions: Sequence[Action], chat: int, key: bytes) -> dict[str, Any]:
    if not actions:
        return {}
    return {"reply_markup": {"inline_keyboard": [[_button(one, chat, key) for one in row] for row in _rows(actions)]}}


def _rows(actions: Sequence[Action]) -> list[list[Action]]:
    """Up to three short ones beside each other, long ones alone."""
    rows: list[list[Action]] = []
    room = 0
    for one in actions:
        needs = len(_label(one)) + 2
        if not rows or len(rows[-1]) >= _ROW or needs > room:
            rows.append([])
            room = _ROW_CHARACTERS
        rows[-1].append(one)
        room -= needs
    return rows


def _label(action: Action) -> str:
    return action.label if isinstance(action, Button | Link) else ""


def _button(action: Action, chat: int, key: bytes) -> dict[str, str]:
    if isinstance(action, Button):
        return {"text": action.label, "callback_data": sealed(key, chat, action.payload)}
    return {"text": _label(action), "url": action.url if isinstance(action, Link) else ""}


def _single(attachment: Attachment, text: str, body: dict[str, Any], channel: str) -> Call:
    method, name = _BY_KIND[attachment.kind]
    kind, colon, file_id = attachment.ref.partition(":")
    if attachment.data is not None:
        if attachment.kind == "image" and len(attachment.data) > PHOTO_BYTES:
            method, name = _BY_KIND["file"]
        files = {name: _upload(attachment, channel)}
        return Call(method=method, body=body | _caption(text), files=files)
    if colon and not attachment.url:
        method, name = _BY_REF.get(kind, (method, name))
    given = {name: attachment.url or (file_id if colon else attachment.ref)}
    if method in ("sendSticker", "sendVideoNote") and text.strip():
        raise Rejected(channel, "stickers and round films carry no text: send it as a message of its own")
    return Call(method=method, body=body | given | _caption(text))


def _album(message: Message, body: dict[str, Any], channel: str) -> Call:
    """Pictures and films as one album, which takes no buttons."""
    if message.buttons:
        raise Rejected(channel, "an album takes no buttons: send them with a message of their own")
    if any(one.ref and ":" in one.ref and not one.url for one in message.attachments):
        raise Rejected(channel, "stickers, animations and round films cannot be part of an album")
    media: list[dict[str, Any]] = []
    files: dict[str, Upload] = {}
    for place, one in enumerate(message.attachments):
        given = one.url or one.ref
        if one.data is not None:
            files[f"file{place}"] = _upload(one, channel)
            given = f"attach://file{place}"
        item = {"type": _BY_KIND[one.kind][1], "media": given}
        media.append(item | (_caption(message.text) if place == 0 else {}))
    return Call(method="sendMediaGroup", body=body | {"media": media}, files=files)


def _place(message: Message, body: dict[str, Any]) -> Call:
    place = message.location
    if place is None:  # pragma: no cover  the caller looked
        raise ValueError("no location")
    where = {"latitude": place.latitude, "longitude": place.longitude}
    title = place.title.strip() or message.text.strip()
    if not title:
        return Call(method="sendLocation", body=body | where)
    address = message.text.strip() or f"{place.latitude:.5f}, {place.longitude:.5f}"
    return Call(method="sendVenue", body=body | where | {"title": title, "address": address})


def _caption(text: str) -> dict[str, str]:
    return {"caption": text} if text.strip() else {}


def _upload(attachment: Attachment, channel: str) -> Upload:
    content = attachment.data or b""
    if len(content) > FILE_BYTES:
        raise Rejected(channel, f"a file of {len(content)} bytes; Telegram takes {FILE_BYTES}")
    return Upload(data=content, name=attachment.name or attachment.kind, media_type=attachment.media_type)
