"""A fitted message into the one request that says it. Pure.

Facts: Messenger Platform, Send API, templates and quick replies (read May 2026).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from convokit.conversations import ConversationId
from convokit.messages import Action, Attachment, Button, Capabilities, Card, Limit, Link, Message
from convokit.transports.messenger.parse import PAGE_PREFIX, USER_REF_PREFIX
from convokit.wire.http import Upload
from convokit.wire.text import shorten

TEXT = Limit(1999, "characters")  # "less than 2000"
TEMPLATE_TEXT = Limit(640, "characters")
QUICK_REPLIES = 13
TEMPLATE_BUTTONS = 3
CARD_TEXT = Limit(80, "characters")
SPEECHLESS = "…"
"""What stands above buttons that came without words: the platform takes none without a text."""
METADATA = 999  # "less than 1000"
UPLOAD_BYTES = 25_000_000

CAPABILITIES = Capabilities(
    text_limit=TEXT,
    buttons=QUICK_REPLIES,
    button_label=Limit(20, "characters"),
    button_payload=Limit(1000, "characters"),
    links=TEMPLATE_BUTTONS,
    text_with_links=TEMPLATE_TEXT,
    buttons_beside_links=TEMPLATE_BUTTONS,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    # Quick replies go away as soon as another message follows: they hang on the last one, whatever it is.
    buttons_with_attachment=True,
    cards=10,
    card_title=CARD_TEXT,
    card_subtitle=CARD_TEXT,
    card_buttons=TEMPLATE_BUTTONS,
    typing=True,
)
"""What Messenger can show. Text is 1 to 1999 characters, 640 beside links; a place becomes a map link."""


class UnfitError(ValueError):
    """The message is not what fitting to `CAPABILITIES` makes of one, or is beyond what the platform takes."""


@frozen(kw_only=True)
class Rendered:
    """One request to the Send API: its parameters, and the file that goes along."""

    body: Mapping[str, Any] = field(repr=False)
    upload: Upload | None = None


def render(to: ConversationId, message: Message, *, key: str = "", tag: str = "") -> Rendered:
    """The request that says `message`.

    Args:
        to: The conversation: a page-scoped id, or `user_ref:` and a plug-in's reference.
        message: Fitted to `CAPABILITIES`.
        key: The outbox's key; comes back in the echo. At most 999 characters, a longer one is left out.
        tag: A message tag; empty: an answer within the 24 hours after the person's last word.

    Raises:
        UnfitError: It cannot be said in one request.
    """
    content, upload = _content(message)
    if key and len(key) <= METADATA:
        content["metadata"] = key
    kind: dict[str, Any] = {"messaging_type": "MESSAGE_TAG", "tag": tag} if tag else {"messaging_type": "RESPONSE"}
    return Rendered(body={"recipient": recipient(to), **kind, "message": content}, upload=upload)


def render_typing(to: ConversationId) -> Rendered:
    """The request that shows "typing…"; the platform takes it only apart from a message."""
    return Rendered(body={"recipient": recipient(to), "sender_action": "typing_on"})


def recipient(to: ConversationId) -> dict[str, str]:
    """Whom a conversation stands for.

    Raises:
        UnfitError: It is the page's own, where nobody listens.
    """
    if to.id.startswith(PAGE_PREFIX):
        raise UnfitError(f"{to} is about the page itself: there is nobody to write to")
    if to.id.startswith(USER_REF_PREFIX):
        return {"user_ref": to.id.removeprefix(USER_REF_PREFIX)}
    return {"id": to.id}


def _content(message: Message) -> tuple[dict[str, Any], Upload | None]:
    links = any(isinstance(one, Link) for one in message.buttons)
    said = [bool(message.text or links), bool(message.attachments), bool(message.cards)]
    if sum(said) > 1 or len(message.attachments) > 1 or message.location or message.empty:
        raise UnfitError("one request says a text, or one attachment, or cards: fit the message to the channel first")
    if message.attachments:
        content, upload = _media(message.attachments[0])
        return {**content, **_quick_replies(message.buttons)}, upload
    if message.cards:
        return {**_cards(message.cards), **_quick_replies(message.buttons)}, None
    return _words(message), None


def _words(message: Message) -> dict[str, Any]:
    """Text, as a button template where there are links."""
    if not any(isinstance(one, Link) for one in message.buttons):
        if not TEXT.holds(message.text):
            raise UnfitError(f"a text takes {TEXT.n} characters, not {TEXT.measure(message.text)}")
        return {"text": message.text or SPEECHLESS, **_quick_replies(message.buttons)}
    if not TEMPLATE_TEXT.holds(message.text):
        raise UnfitError(f"a text beside links takes {TEMPLATE_TEXT.n} characters, not {len(message.text)}")
    return _template("button", text=message.text or SPEECHLESS, buttons=_buttons(message.buttons))


def _quick_replies(actions: Iterable[Action]) -> dict[str, Any]:
    replies = []
    for one in actions:
        if not isinstance(one, Button):
            raise UnfitError("a link beside an attachment or cards takes a message of its own")
        replies.append({"content_type": "text", "title": one.label, "payload": one.payload})
    if len(replies) > QUICK_REPLIES:
        raise UnfitError(f"a message takes {QUICK_REPLIES} quick replies, not {len(replies)}")
    return {"quick_replies": replies} if replies else {}


def _buttons(actions: Sequence[Action]) -> list[dict[str, str]]:
    if len(actions) > TEMPLATE_BUTTONS:
        raise UnfitError(f"a card, or a message with links, takes {TEMPLATE_BUTTONS} actions, not {len(actions)}")
    return [_button(one) for one in actions]


def _button(action: Action) -> dict[str, str]:
    if isinstance(action, Button):
        return {"type": "postback", "title": action.label, "payload": action.payload}
    if isinstance(action, Link) and action.url.lower().startswith(("http://", "https://")):
        return {"type": "web_url", "title": action.label, "url": action.url}
    raise UnfitError(f"no button for {action!r:.80}: Messenger's open http and https addresses")


def _template(kind: str, **payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": {"template_type": kind, **payload}}}


def _cards(cards: Sequence[Card]) -> dict[str, Any]:
    if len(cards) > CAPABILITIES.cards:
        raise UnfitError(f"a carousel takes {CAPABILITIES.cards} cards, not {len(cards)}")
    elements = [_element(card) for card in cards]
    if all(element.keys() == {"title"} for element in elements):
        return {"text": "\n".join(card.title for card in cards)}
    for element in elements:
        if element.keys() == {"title"}:
            # The platform refuses an element with nothing beside its title; a repeated title says nothing new.
            element["subtitle"] = element["title"]
    return _template("generic", elements=elements)


def _element(card: Card) -> dict[str, Any]:
    element: dict[str, Any] = {"title": card.title}
    subtitle = card.subtitle
    if card.image and card.image.url:
        element["image_url"] = card.image.url
    elif card.image and not subtitle.strip():  # an element's picture is given by its address only
        subtitle = shorten(card.image.alt, CARD_TEXT)
    if subtitle.strip():
        element["subtitle"] = subtitle
    if card.buttons:
        element["buttons"] = _buttons(card.buttons)
    return element


def _media(attachment: Attachment) -> tuple[dict[str, Any], Upload | None]:
    """One attachment: by the platform's handle where there is one, else by address, else the bytes themselves."""
    upload = None
    if attachment.ref:
        payload: dict[str, Any] = {"attachment_id": attachment.ref}
    elif attachment.data is None:
        payload = {"url": attachment.url}
    elif len(attachment.data) > UPLOAD_BYTES:
        raise UnfitError(f"a file takes {UPLOAD_BYTES} bytes, not {len(attachment.data)}")
    else:
        payload = {}
        upload = Upload(data=attachment.data, name=attachment.name or attachment.kind, media_type=attachment.media_type)
    return {"attachment": {"type": attachment.kind, "payload": payload}}, upload
