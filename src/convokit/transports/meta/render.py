"""A fitted message into the one request that says it, for products with Messenger's Send API. Pure.

Facts: Messenger Platform, Send API, templates and quick replies (read May 2026); Instagram Platform, messaging API:
button template, generic template, quick replies (read June 2026).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from convokit.conversations import ConversationId
from convokit.messages import Action, Attachment, Button, Capabilities, Card, Link, Message
from convokit.wire.http import Upload
from convokit.wire.text import shorten

SPEECHLESS = "…"
"""What stands above buttons that came without words: the platform takes none without a text."""
METADATA = 999  # "less than 1000"


class UnfitError(ValueError):
    """The message is not what fitting makes of one, or is beyond what the platform takes."""


@frozen(kw_only=True)
class Rendered:
    """One request to the Send API: its parameters, and the file that goes along."""

    body: Mapping[str, Any] = field(repr=False)
    upload: Upload | None = None


@frozen(kw_only=True)
class Renderer:
    """Writes one product's requests.

    Args:
        name: The product's, for people.
        can: What it can show, and its limits.
        recipient: Whom a conversation stands for; raises `UnfitError`.
        own: What a platform's handle of an attachment is sent as.
        most_bytes: How large a file may be, by its kind.
        ascii_names: Whether files' names must be ASCII.
    """

    name: str
    can: Capabilities
    recipient: Callable[[ConversationId], Mapping[str, str]]
    own: Callable[[Attachment], dict[str, Any]]
    most_bytes: Mapping[str, int]
    ascii_names: bool = False

    def say(self, to: ConversationId, message: Message, *, key: str = "", tag: str = "") -> Rendered:
        """The request that says `message`.

        Args:
            to: The conversation.
            message: Fitted to `can`.
            key: The outbox's key; comes back in the echo. At most 999 characters, a longer one is left out.
            tag: A message tag; empty: an answer within the 24 hours after the person's last word.

        Raises:
            UnfitError: It cannot be said in one request.
        """
        content, upload = self._content(message)
        if key and len(key) <= METADATA:
            content["metadata"] = key
        kind: dict[str, Any] = {"messaging_type": "MESSAGE_TAG", "tag": tag} if tag else {"messaging_type": "RESPONSE"}
        return Rendered(body={"recipient": self.recipient(to), **kind, "message": content}, upload=upload)

    def typing(self, to: ConversationId) -> Rendered:
        """The request that shows "typing…"; the platform takes it only apart from a message."""
        return Rendered(body={"recipient": self.recipient(to), "sender_action": "typing_on"})

    # ── parts ──

    def _content(self, message: Message) -> tuple[dict[str, Any], Upload | None]:
        links = any(isinstance(one, Link) for one in message.buttons)
        said = [bool(message.text or links), bool(message.attachments), bool(message.cards)]
        if sum(said) > 1 or len(message.attachments) > 1 or message.location or message.empty:
            raise UnfitError("one request says a text, or one attachment, or cards: fit the message first")
        if message.attachments:
            content, upload = self._media(message.attachments[0])
            return {**content, **self._quick_replies(message.buttons)}, upload
        if message.cards:
            return {**self._cards(message.cards), **self._quick_replies(message.buttons)}, None
        return self._words(message, links=links), None

    def _words(self, message: Message, *, links: bool) -> dict[str, Any]:
        """Text, as a button template where there are links."""
        limit = (self.can.text_with_links or self.can.text_limit) if links else self.can.text_limit
        if not limit.holds(message.text):
            where = "a text beside links" if links else "a text"
            raise UnfitError(f"{where} takes {limit.n} {limit.unit}, not {limit.measure(message.text)}")
        text = message.text or SPEECHLESS
        if links:
            return _template("button", text=text, buttons=self._buttons(message.buttons, self.can.links))
        return {"text": text, **self._quick_replies(message.buttons)}

    def _quick_replies(self, actions: Iterable[Action]) -> dict[str, Any]:
        replies = []
        for one in actions:
            if not isinstance(one, Button):
                raise UnfitError("a link beside an attachment or cards takes a message of its own")
            replies.append({"content_type": "text", "title": one.label, "payload": one.payload})
        if len(replies) > self.can.buttons:
            raise UnfitError(f"a message takes {self.can.buttons} quick replies, not {len(replies)}")
        return {"quick_replies": replies} if replies else {}

    def _buttons(self, actions: Sequence[Action], most: int) -> list[dict[str, str]]:
        if len(actions) > most:
            raise UnfitError(f"a card, or a message with links, takes {most} actions, not {len(actions)}")
        return [self._button(one) for one in actions]

    def _button(self, action: Action) -> dict[str, str]:
        if isinstance(action, Button):
            return {"type": "postback", "title": action.label, "payload": action.payload}
        if isinstance(action, Link) and action.url.lower().startswith(("http://", "https://")):
            return {"type": "web_url", "title": action.label, "url": action.url}
        raise UnfitError(f"no button for {action!r:.80}: {self.name}'s open http and https addresses")

    def _cards(self, cards: Sequence[Card]) -> dict[str, Any]:
        if len(cards) > self.can.cards:
            raise UnfitError(f"a carousel takes {self.can.cards} cards, not {len(cards)}")
        elements = [self._element(card) for card in cards]
        titles = "\n".join(card.title for card in cards)
        if all(element.keys() == {"title"} for element in elements) and self.can.text_limit.holds(titles):
            return {"text": titles}
        for element in elements:
            if element.keys() == {"title"}:
                # The platform refuses an element with nothing beside its title; a repeated title says nothing new.
                element["subtitle"] = element["title"]
        return _template("generic", elements=elements)

    def _element(self, card: Card) -> dict[str, Any]:
        element: dict[str, Any] = {"title": card.title}
        subtitle = card.subtitle
        if card.image and card.image.url:
            element["image_url"] = card.image.url
        elif card.image and not subtitle.strip():  # an element's picture is given by its address only
            subtitle = shorten(card.image.alt, self.can.card_subtitle)
        if subtitle.strip():
            element["subtitle"] = subtitle
        if card.buttons:
            element["buttons"] = self._buttons(card.buttons, self.can.card_buttons)
        return element

    def _media(self, attachment: Attachment) -> tuple[dict[str, Any], Upload | None]:
        """One attachment: by the platform's handle where there is one, else by address, else the bytes themselves."""
        kind = attachment.kind
        if attachment.ref:
            return {"attachment": self.own(attachment)}, None
        if attachment.data is None:
            return {"attachment": {"type": kind, "payload": {"url": attachment.url}}}, None
        if len(attachment.data) > (most := self.most_bytes[kind]):
            raise UnfitError(f"{kind}: {self.name} takes {most} bytes, not {len(attachment.data)}")
        name = attachment.name or kind
        upload = Upload(
            data=attachment.data,
            name=_ascii(name, kind) if self.ascii_names else name,
            media_type=attachment.media_type,
        )
        return {"attachment": {"type": kind, "payload": {}}}, upload


def _template(kind: str, **payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": {"template_type": kind, **payload}}}


def _ascii(name: str, otherwise: str) -> str:
    """The name, or another with the same ending where it holds other letters."""
    if name.isascii():
        return name
    _, dot, ending = name.rpartition(".")
    return otherwise + dot + ending if dot and ending.isascii() else otherwise
