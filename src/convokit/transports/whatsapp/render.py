"""A fitted message as a call of WhatsApp's Cloud API. Pure.

Facts: WhatsApp Cloud API, messages; Meta's OpenAPI description of it (v23.0, November 2025).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from convokit.conversations import ConversationId
from convokit.messages import Attachment, Button, Capabilities, Limit, Link, Location, Message, Parameter, Template
from convokit.transports.whatsapp.happenings import TWIN
from convokit.transports.whatsapp.parse import BUSINESS_PREFIX, GROUP_PREFIX
from convokit.wire.http import Upload

ASK_LOCATION = "whatsapp:ask_location"
"""The payload of a `Button` that asks for a place: alone below a text it is shown as WhatsApp's own button for it, and
the place comes as `LocationShared`. On other channels it is a button like any other."""
LONGEST_KEY = 512
REPLY_BUTTONS = 3
ROWS = 10
LABEL = 20
PICTURES = frozenset({"image/jpeg", "image/png"})
"""The media types of pictures that are shown."""
MOST_BYTES: Mapping[str, int] = {"image": 5 << 20, "audio": 16 << 20, "video": 16 << 20, "document": 100 << 20}
"""How large a file of each kind may be, in bytes; of what is given by its address only the platform knows."""
LIST_BUTTON = "☰"
"""What stands on the button that opens a list: more than three buttons are one."""

CAPABILITIES = Capabilities(
    text_limit=Limit(4096, "characters"),
    buttons=ROWS,
    button_label=Limit(LABEL, "characters"),
    button_payload=Limit(190, "characters"),
    text_with_buttons=Limit(1024, "characters"),
    links=1,
    text_with_links=Limit(1024, "characters"),
    buttons_beside_links=1,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    album=1,
    caption=Limit(1024, "characters"),
    cards=0,
    location=True,
    typing=True,
    templates=True,
)
"""What the channel shows. Cards become pictures and text; of a link and buttons each has a message of its own."""

_PHONE = re.compile(r"\+?[0-9]{5,20}", re.ASCII)
_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,200}", re.ASCII)
_GROUP = re.compile(r"[\w.=-]{1,200}", re.ASCII)
_KINDS: Mapping[str, str] = {"image": "image", "audio": "audio", "video": "video", "file": "document"}
_REF = re.compile(r"[\w.-]{1,200}", re.ASCII)


class UnfitError(ValueError):
    """Nothing that the platform could take can be made of it; the message says why."""


@frozen(kw_only=True)
class Rendered:
    """What is sent: the body, and the file to be uploaded before, whose id then stands in it."""

    body: Mapping[str, Any]
    upload: Upload | None = None

    def with_id(self, media_id: str) -> Mapping[str, Any]:
        """The body with the id of what was uploaded."""
        kind = self.body["type"]
        if kind == "template":
            raise UnfitError("a template's picture is given by its address")
        return {**self.body, kind: {"id": media_id, **self.body[kind]}}


def render(to: ConversationId, message: Message, *, key: str = "") -> Rendered:
    """A fitted message for a conversation; `key` comes back in every status of it.

    Raises:
        UnfitError: Nothing is written there, or there is nothing to say.
    """
    body: dict[str, Any] = {"messaging_product": "whatsapp", **address(to)}
    if key and len(key) <= LONGEST_KEY:
        body["biz_opaque_callback_data"] = key
    upload = None
    if message.template is not None:
        content: Mapping[str, Any] = {"type": "template", "template": _template(message.template)}
    elif message.attachments:
        content, upload = _media(message.attachments[0], message.text)
    elif message.location is not None:
        content = {"type": "location", "location": _location(message.location)}
    elif message.buttons:
        content = {"type": "interactive", "interactive": _interactive(message)}
    elif message.text.strip():
        # Addresses in a text are shown with a preview of the page, as people's own are.
        content = {"type": "text", "text": {"body": message.text, "preview_url": "://" in message.text}}
    else:
        raise UnfitError("there is nothing to say")
    return Rendered(body={**body, **content}, upload=upload)


def address(to: ConversationId) -> dict[str, str]:
    """Who it is for: a phone number, a business-scoped user id, or a group.

    Raises:
        UnfitError: Nothing is written there.
    """
    if to.id.startswith(GROUP_PREFIX) and _GROUP.fullmatch(group := to.id.removeprefix(GROUP_PREFIX)):
        return {"recipient_type": "group", "to": group}
    if _PHONE.fullmatch(to.id):
        return {"recipient_type": "individual", "to": to.id.removeprefix("+")}
    if _USER_ID.fullmatch(to.id):
        return {"recipient_type": "individual", "recipient": to.id}
    if to.id.startswith(BUSINESS_PREFIX):
        raise UnfitError("this conversation is about the business's account: nobody reads there")
    raise UnfitError(f"{to.id!r:.60} is neither a phone number with its country's code, nor a user id")


def render_typing(message_id: str) -> dict[str, Any]:
    """Marks a message as read, and shows "typing…" for 25 seconds or until the next message."""
    return {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": message_id,
        "typing_indicator": {"type": "text"},
    }


def _media(attachment: Attachment, text: str) -> tuple[dict[str, Any], Upload | None]:
    kind = _KINDS[attachment.kind]
    if kind == "audio" and text.strip():
        kind = "document"  # a sound has no caption: as a file it has, and nothing of the text is lost
    if kind == "image" and attachment.media_type and attachment.media_type not in PICTURES:
        kind = "document"  # such as a GIF, which is shown nowhere but can be opened
    given: dict[str, Any] = {}
    upload = None
    if attachment.data is not None:
        most = MOST_BYTES[kind]
        if len(attachment.data) > most:
            raise UnfitError(f"a {kind} has at most {most >> 20} MiB here, this one has {len(attachment.data)} bytes")
        name = attachment.name or f"{attachment.kind}.{attachment.media_type.rpartition('/')[2] or 'bin'}"
        upload = Upload(data=attachment.data, name=name[:240], media_type=attachment.media_type)
    elif attachment.url:
        given["link"] = attachment.url
    elif _REF.fullmatch(attachment.ref):
        given["id"] = attachment.ref
    else:
        raise UnfitError("a file of another channel: it has neither address nor bytes")
    if text.strip():
        given["caption"] = text
    if kind == "document" and attachment.name:
        given["filename"] = attachment.name[:240]
    return {"type": kind, kind: given}, upload


def _location(place: Location) -> dict[str, Any]:
    given: dict[str, Any] = {"latitude": place.latitude, "longitude": place.longitude}
    return {**given, "name": place.title} if place.title.strip() else given


def _interactive(message: Message) -> dict[str, Any]:
    body = {"text": message.text}
    first = message.buttons[0]
    if isinstance(first, Link):
        parameters = {"display_text": _labels([first.label])[0], "url": first.url}
        return {"type": "cta_url", "body": body, "action": {"name": "cta_url", "parameters": parameters}}
    buttons = [one for one in message.buttons if isinstance(one, Button)]
    if len(buttons) == 1 and buttons[0].payload == ASK_LOCATION:
        return {"type": "location_request_message", "body": body, "action": {"name": "send_location"}}
    labels = _labels([one.label for one in buttons])
    if len(buttons) <= REPLY_BUTTONS:
        replies = [
            {"type": "reply", "reply": {"id": payload, "title": label}}
            for payload, label in zip(_ids(buttons), labels, strict=True)
        ]
        return {"type": "button", "body": body, "action": {"buttons": replies}}
    rows = [{"id": payload, "title": label} for payload, label in zip(_ids(buttons[:ROWS]), labels, strict=False)]
    return {"type": "list", "body": body, "action": {"button": LIST_BUTTON, "sections": [{"rows": rows}]}}


def _ids(buttons: Sequence[Button]) -> list[str]:
    """The payloads, told apart by what nobody sees and the parser takes off again."""
    made: list[str] = []
    for one in buttons:
        payload = one.payload
        while payload in made:
            payload += TWIN
        made.append(payload)
    return made


def _labels(given: Sequence[str]) -> list[str]:
    """On one line each, and told apart: the platform refuses two titles that are the same."""
    made: list[str] = []
    for one in given:
        plain = " ".join(one.split())
        label, number = plain, 2
        while label in made:
            mark = f" {number}"
            label, number = plain[: LABEL - len(mark)] + mark, number + 1
        made.append(label)
    return made


def _template(template: Template) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    header = _header(template)
    if header is not None:
        parts.append({"type": "header", "parameters": [header]})
    if template.body:
        parts.append({"type": "body", "parameters": [_parameter(one) for one in template.body]})
    for button in template.buttons:
        given = {"quick_reply": "payload", "url": "text", "copy_code": "coupon_code"}[button.kind]
        parts.append(
            {
                "type": "button",
                "sub_type": button.kind,
                "index": str(button.index),
                "parameters": [{"type": given, given: button.value}],
            }
        )
    made: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    return {**made, "components": parts} if parts else made


def _header(template: Template) -> dict[str, Any] | None:
    if template.header is not None:
        return _parameter(template.header)
    if template.place is not None:
        return {"type": "location", "location": _location(template.place)}
    if template.picture is None:
        return None
    content, upload = _media(template.picture, "")
    if upload is not None:
        raise UnfitError("a template's picture is given by its address, not as bytes")
    if content["type"] == "audio":
        raise UnfitError("a template has a picture, a film or a file above its text, no sound")
    return content


def _parameter(given: Parameter) -> dict[str, Any]:
    named = {"parameter_name": given.name} if given.name else {}
    if given.currency:
        money = {"fallback_value": given.text, "code": given.currency, "amount_1000": given.thousandths}
        return {"type": "currency", "currency": money, **named}
    if given.moment:
        return {"type": "date_time", "date_time": {"fallback_value": given.text}, **named}
    return {"type": "text", "text": given.text, **named}
