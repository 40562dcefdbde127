"""One message of a customer, already clean and addressed, into what happened. Pure.

Facts: WhatsApp Cloud API, webhooks, components (read May 2026).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationOpened,
    LocationShared,
    MessageEdited,
    MessageReceived,
)
from convokit.messages import ATTACHMENTS, AttachmentKind
from convokit.transports.meta.raw import UnreadableError, digest, identity, listing, load, mapping, part, tame, words
from convokit.transports.meta.source import Happening, Source

MEDIA: Mapping[str, AttachmentKind] = {
    "image": "image",
    "sticker": "image",
    "audio": "audio",
    "video": "video",
    "document": "file",
}
"""The kinds of messages that carry a file, and what it is here."""
CONTACTS = 20
"""How many of the contacts in one message are told."""
PRODUCTS = 200
TWIN = "\u2063"
"""What tells apart buttons of one message that have the same payload: the platform takes no id twice."""
_NOT_DIGITS = re.compile(r"[^0-9]+", re.ASCII)


def read_message(source: Source, entry: re.Pattern[str]) -> list[Happening]:
    """What a customer did; `entry` matches what a link of ours has them say.

    Raises:
        UnreadableError: It is of a known kind and not of its shape.
    """
    raw = source.raw
    mid = identity(raw.get("id")) or f"message:{source.mark}:{digest(raw)}"
    kind = identity(raw.get("type"))
    found: list[Happening] = []
    if isinstance(referral := raw.get("referral"), dict):
        found.append(_by_ad(source, f"{mid}:referral", referral))
    read = _READERS.get(kind)
    if kind == "text":
        text = words(part(raw, "text", "body"), "text.body")
        if (by_link := entry.fullmatch(text.strip())) is not None:
            opened = ConversationOpened(ref=by_link["ref"], source="wa.me", **source.common(mid, about(source)))
            return [*found, opened]
    said = read(source, mid) if read is not None else []
    return [*found, *(said or [source.unknown(mid, kind or "message")])]


def about(source: Source) -> dict[str, Any]:
    """What the channel says of a message besides: the phone number, what it answers, a product, whether forwarded."""
    raw, context = source.raw, source.raw.get("context")
    told: dict[str, Any] = {}
    if phone := identity(raw.get("from")):
        told["phone"] = phone
    if isinstance(context, dict):
        if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
            told["forwarded"] = True
        if isinstance(product := context.get("referred_product"), dict):
            told["product"] = product
    return told


def _by_ad(source: Source, event_id: str, referral: Mapping[str, Any]) -> ConversationOpened:
    """They came by an ad or a post: its facts go into the context, none of them is a proof."""
    kind, number = identity(referral.get("source_type")), identity(referral.get("source_id"))
    return ConversationOpened(
        ref=f"ad:{number}" if number else "",
        source=kind or "ad",
        **source.common(event_id, {**about(source), **referral}),
    )


def _text(source: Source, mid: str) -> list[Happening]:
    text = words(part(source.raw, "text", "body"), "text.body")
    if not text:
        return []
    reply_to = identity(part(source.raw, "context", "id"))
    return [MessageReceived(text=text, reply_to=reply_to, **source.common(mid, about(source)))]


def _media(source: Source, mid: str) -> list[Happening]:
    kind = identity(source.raw.get("type"))
    given = mapping(source.raw.get(kind), kind)
    ref = identity(given.get("id"))
    if not ref:
        raise UnreadableError(f"{kind} without an id")
    attachment = ATTACHMENTS[MEDIA[kind]](
        ref=ref,
        media_type=words(given.get("mime_type"), "mime_type")[:100],
        name=words(given.get("filename"), "filename")[:256],
    )
    text = words(given.get("caption"), "caption")
    more = {"voice": True} if given.get("voice") is True else {}
    common = source.common(mid, {**about(source), **more})
    return [AttachmentReceived(attachments=(attachment,), text=text, **common)]


def _location(source: Source, mid: str) -> list[Happening]:
    given = mapping(source.raw.get("location"), "location")
    north, east = given.get("latitude"), given.get("longitude")
    for degrees, most in ((north, 90), (east, 180)):
        if isinstance(degrees, bool) or not isinstance(degrees, int | float) or not -most <= degrees <= most:
            raise UnreadableError("a location without degrees")
    title = ", ".join(filter(None, (words(given.get(name), name) for name in ("name", "address"))))
    common = source.common(mid, about(source))
    return [LocationShared(latitude=float(north or 0), longitude=float(east or 0), title=title, **common)]


def _contacts(source: Source, mid: str) -> list[Happening]:
    found: list[Happening] = []
    sender = identity(source.raw.get("from"))
    for one in listing(source.raw.get("contacts"), "contacts")[:CONTACTS]:
        given = mapping(one, "a contact")
        name = words(part(given, "name", "formatted_name"), "formatted_name")
        for number in listing(given.get("phones"), "phones")[:1]:
            known = identity(part(number, "wa_id"))
            phone = words(part(number, "phone"), "phone") or known
            # Its WhatsApp id is the platform's word on the number; what is written beside it may be another one.
            own = bool(sender) and known == sender == _NOT_DIGITS.sub("", phone)
            event_id = mid if not found else f"{mid}:{len(found)}"
            common = source.common(event_id, about(source))
            found.append(ContactShared(phone=phone, name=name, own=own, **common))
    return found


def _button(source: Source, mid: str) -> list[Happening]:
    """A quick reply of a template."""
    payload, label = (words(part(source.raw, "button", name), name) for name in ("payload", "text"))
    if not (payload or label):
        raise UnreadableError("a button with neither payload nor text")
    return [ButtonPressed(payload=payload or label, label=label, **source.common(mid, about(source)))]


def _interactive(source: Source, mid: str) -> list[Happening]:
    given = source.raw.get("interactive")
    kind = identity(part(given, "type"))
    if kind in ("button_reply", "list_reply"):
        payload, label = (words(part(given, kind, name), name) for name in ("id", "title"))
        if not payload.rstrip(TWIN):
            raise UnreadableError(f"{kind} without an id")
        return [ButtonPressed(payload=payload.rstrip(TWIN), label=label, **source.common(mid, about(source)))]
    if kind == "nfm_reply":
        told = words(part(given, kind, "response_json"), "response_json")
        try:
            # JSON within JSON: it has escapes and depths of its own, which nobody has looked at yet.
            response = tame(load(told.encode())) if told else {}
        except UnreadableError:
            response = told
        return [source.signal(mid, "flow", {"name": identity(part(given, kind, "name")), "response": response})]
    return []


def _reaction(source: Source, mid: str) -> list[Happening]:
    given = mapping(source.raw.get("reaction"), "reaction")
    emoji = words(given.get("emoji"), "emoji")
    return [source.signal(mid, "reaction", {"message_id": identity(given.get("message_id")), "emoji": emoji})]


def _order(source: Source, mid: str) -> list[Happening]:
    given = mapping(source.raw.get("order"), "order")
    items = listing(given.get("product_items"), "product_items")[:PRODUCTS]
    return [source.signal(mid, "order", {**given, "product_items": items})]


def _system(source: Source, mid: str) -> list[Happening]:
    """The platform's own word: the number or the user id changed, or the person has a new device."""
    return [source.signal(mid, "system", mapping(source.raw.get("system"), "system"))]


def _edit(source: Source, mid: str) -> list[Happening]:
    edit = mapping(source.raw.get("edit"), "edit")
    first = identity(edit.get("original_message_id"))
    if not first:
        raise UnreadableError("an edit without original_message_id")
    message = edit.get("message")
    kind = identity(part(message, "type"))
    text = words(part(message, "text", "body") or part(message, kind, "caption"), "the new text")
    return [MessageEdited(message_id=first, text=text, **source.common(mid, about(source)))]


def _revoke(source: Source, mid: str) -> list[Happening]:
    gone = identity(part(source.raw, "revoke", "original_message_id"))
    return [source.signal(mid, "message_deleted", {"message_id": gone})]


_READERS: Mapping[str, Callable[[Source, str], list[Happening]]] = {
    "text": _text,
    **dict.fromkeys(MEDIA, _media),
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "revoke": _revoke,
}
