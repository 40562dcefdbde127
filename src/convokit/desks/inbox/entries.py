"""Entries of the log, and what goes with them, as the page reads them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from convokit.conversations import Author, Conversation, ConversationId, Entry, Handoff, Logged
from convokit.messages import Action, Attachment, Button, Link, Message

Json = dict[str, Any]
MOST_PREVIEW = 140
ROLES: Mapping[Author, str] = {"user": "visitor", "bot": "bot", "operator": "person", "system": "system"}
DIRECTIONS: Mapping[Author, str] = {"user": "in", "bot": "bot", "operator": "out", "system": "bot"}


@frozen
class Place:
    """Where an attachment stands: in which conversation, entry and place. With it, bytes kept in the log are found."""

    conversation: ConversationId
    number: int
    part: int


Address = Callable[[Attachment, Place], str]
"""The address at which an operator's page gets an attachment; empty where there is none."""


def stamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mode_of(conversation: Conversation) -> str:
    """Who speaks: "bot", "waiting", "person" or "closed"."""
    if conversation.handoff is not None:
        return "person" if conversation.handoff.operator else "waiting"
    return "closed" if conversation.closed else "bot"


def owner_of(handoff: Handoff | None) -> Json | None:
    """Who has it, as {"id", "name"}."""
    if handoff is None or not handoff.operator:
        return None
    return {"id": handoff.operator, "name": handoff.operator_name or handoff.operator}


def entry_of(conversation: ConversationId, logged: Logged, address: Address) -> Json:
    """An entry on the wire."""
    entry = logged.entry
    wire: Json = {
        "seq": logged.number,
        "id": entry.key or f"n:{logged.number}",
        "kind": "text" if entry.kind == "said" else "note" if entry.kind == "note" else "event",
        "by": {"role": ROLES[entry.author], "id": entry.by, "name": entry.name},
        "at": stamp(entry.at),
    }
    if entry.author == "operator" and entry.key.startswith(f"o:{entry.by}:"):
        wire["cid"] = entry.key.removeprefix(f"o:{entry.by}:")
    if wire["kind"] == "event":
        wire["event"] = entry.kind
        if entry.to:
            wire["to"] = entry.to
        if entry.message.text:
            wire["reason" if entry.kind in {"waiting", "expired"} else "note"] = entry.message.text
    else:
        wire.update(_said(entry.message, lambda one, part: address(one, Place(conversation, logged.number, part))))
    return wire


def _said(message: Message, address: Callable[[Attachment, int], str]) -> Json:
    wire: Json = {}
    if message.text:
        wire["text"] = message.text
    if message.buttons:
        wire["buttons"] = [_action(one) for one in message.buttons]
    if message.attachments:
        wire["files"] = [_file(one, address(one, part)) for part, one in enumerate(message.attachments)]
    if message.cards:
        first = len(message.attachments)
        wire["cards"] = [
            {
                "title": card.title,
                "subtitle": card.subtitle,
                "buttons": [_action(one) for one in card.buttons],
                **({"image": _file(card.image, address(card.image, first + number))} if card.image else {}),
            }
            for number, card in enumerate(message.cards)
        ]
    if message.location is not None:
        place = message.location
        wire["location"] = {"lat": place.latitude, "lon": place.longitude, "title": place.title}
    return wire


def _action(one: Action) -> Json:
    if isinstance(one, Link):
        return {"label": one.label, "url": one.url}
    return {"label": getattr(one, "label", ""), "payload": one.payload if isinstance(one, Button) else ""}


def _file(one: Attachment, url: str) -> Json:
    wire: Json = {"kind": one.kind, "url": url, "name": one.name, "type": one.media_type, "alt": one.alt}
    if one.data is not None:
        wire["size"] = len(one.data)
    return wire


def attachment_at(message: Message, part: int) -> Attachment | None:
    """The attachment at this place of a message, counted over its attachments and then its cards."""
    parts = [*message.attachments, *(card.image for card in message.cards)]
    return parts[part] if 0 <= part < len(parts) else None


def attachments_of(message: Message) -> list[Attachment]:
    """Every attachment of a message, with its cards' pictures."""
    return [*message.attachments, *(card.image for card in message.cards if card.image is not None)]


def preview_of(entry: Entry) -> str:
    """One line of what was said."""
    message = entry.message
    line = " ".join(message.text.split())
    if not line and message.attachments:
        first = message.attachments[0]
        line = first.alt or first.name or f"[{first.kind}]"
    if not line and message.cards:
        line = message.cards[0].title
    if not line and message.location is not None:
        line = message.location.title or "[location]"
    return line if len(line) <= MOST_PREVIEW else line[: MOST_PREVIEW - 1] + "…"


def handoff_of(handoff: Handoff | None, lease_until: datetime | None) -> Json | None:
    """The handoff on the wire."""
    if handoff is None:
        return None
    return {
        "id": handoff.id,
        "queue": handoff.queue,
        "reason": handoff.reason,
        "opened_at": stamp(handoff.opened_at),
        "taken_at": stamp(handoff.taken_at),
        "answered_at": stamp(handoff.answered_at),
        "unanswered_since": stamp(handoff.unanswered_since),
        "lease_until": stamp(lease_until),
    }
