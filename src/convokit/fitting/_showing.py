"""Any message as messages that a channel can show."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import define, evolve, field, frozen

from convokit._value import Value
from convokit.conversations import Offer, Option
from convokit.errors import DefinitionError
from convokit.messages import Action, Attachment, Button, Capabilities, Card, Limit, Link, Location, Message
from convokit.wire.text import shorten, spans

MAP_LINK = "https://maps.google.com/?q="


@frozen(kw_only=True, eq=False, repr=False)
class Fitted(Value):
    """A message as a channel can show it.

    Args:
        messages: In the order to be sent; each is one call to the platform, within its capabilities.
        offer: What numbers, labels and ordinals stand for; None when the message offers no `Button`.
    """

    messages: tuple[Message, ...]
    offer: Offer | None = None


def fit(message: Message, capabilities: Capabilities) -> Fitted:
    """The message as calls to the platform, each within the channel's capabilities; an empty message gives none.

    Nothing of the text is lost but white space at cuts. What comes first: text (as a caption where it fits), then
    attachments, cards, location. Actions hang on the last message of text or attachments that can carry them, after
    cards on a message of their own; what is over a message's count goes on further messages with the text "…".
    Buttons that cannot be shown are numbered lines of the text, links that cannot are "label: address".
    Only `http` and `https` links are buttons, since platforms refuse others; where links limit the text
    (`text_with_links`), they need a text and do not hang on attachments.

    Raises:
        DefinitionError: A button's payload is over the channel's limit.
    """
    if (
        not (message.buttons or message.attachments or message.cards or message.location or message.template)
        and capabilities.text_limit.holds(message.text)
    ):  # fmt: skip
        return Fitted(messages=(message,) if message.text.strip() else ())
    if message.template is not None:
        if capabilities.templates:
            return Fitted(messages=(message,))
        if evolve(message, template=None).empty:
            raise DefinitionError(
                f"template {message.template.name!r}: the channel has no templates, and the message has no text to say "
                "instead: Message('…', template=…)"
            )
    work = _Fitting(capabilities)
    place = message.location
    lines = () if place is None or capabilities.location else (_map_line(place),)
    if not message.cards:
        work.say(message.text, message.attachments, message.buttons, lines)
    else:
        work.say(message.text, message.attachments)
        work.deal(message.cards)
        work.say("", (), message.buttons, lines)
    work.emit()
    if place is not None and capabilities.location:
        work.messages.append(Message(location=place))
    options = (*work.numbered, *work.pressed)
    numbered = bool(work.numbered) or capabilities.button_numbers
    offer = Offer(options=options, numbered=numbered) if options else None
    return Fitted(messages=tuple(work.messages), offer=offer)


@define
class _Part:
    """What belongs together: blocks of text, each with the gap before it, then attachments; actions on the last."""

    blocks: list[tuple[str, str]] = field(factory=list)
    media: tuple[Attachment, ...] = ()
    actions: list[Action] = field(factory=list)


@define
class _Fitting:
    """One message being fitted: what is finished, and the part to which more plain text may still be joined."""

    can: Capabilities
    messages: list[Message] = field(factory=list)
    numbered: list[Option] = field(factory=list)
    pressed: list[Option] = field(factory=list)
    part: _Part = field(factory=_Part)

    def say(
        self,
        text: str,
        attachments: Iterable[Attachment],
        actions: Iterable[Action] = (),
        lines: Iterable[str] = (),
    ) -> None:
        """Add a part; it is joined to the one before when both are plain text."""
        native: list[Attachment] = []
        written = [text] if text.strip() else []
        for one in attachments:
            if self._sendable(one):
                native.append(one)
            else:
                written.append(_attachment_line(one))
        written += lines
        shown = []
        for action in actions:
            if self._pressable(action):
                shown.append(self._pressed(action))
            else:
                written.append(self._action_line(action))
        if native or shown or self.part.media or self.part.actions:
            self.emit()
        self.part.media, self.part.actions = tuple(native), shown
        for line in written:
            self.part.blocks.append(("\n" if line is not written[0] else "\n\n", line))

    def deal(self, cards: Sequence[Card]) -> None:
        """Add cards: as carousels where every card can be shown whole, else as pictures and text."""
        if not self._dealable(cards):
            for card in cards:
                headline = f"{card.title}\n{card.subtitle}" if card.subtitle.strip() else card.title
                self.say(headline, (card.image,) if card.image else (), card.buttons)
            return
        self.emit()
        fitted = [one for card in cards for one in self._card(card)]
        for first in range(0, len(fitted), self.can.cards):
            self.messages.append(Message(cards=fitted[first : first + self.can.cards]))

    def emit(self) -> None:
        """Turn the part into messages."""
        part, self.part = self.part, _Part()
        can = self.can
        texts = _pack(part.blocks, can.text_limit)
        albums = list(self._albums(part.media))
        groups = list(self._groups(part.actions))
        first = groups[0] if groups else ()
        hangs = bool(first and albums) and self._hangs(first, albums[-1])
        whole = len(texts) == 1 and can.caption is not None and can.caption.holds(texts[0])
        caption = texts.pop() if albums and whole and (hangs or not first) else ""
        media = [Message(caption if not i else "", attachments=album) for i, album in enumerate(albums)]
        if hangs:
            media[-1] = evolve(media[-1], buttons=first)
            said = [Message(text) for text in texts]
        else:
            said = self._said(texts, first)
        # A text that would be the caption, but for its buttons, stands below with them, where the eye ends.
        below = not hangs and bool(first) and (whole or not texts)
        self.messages += [*media, *said] if below else [*said, *media]
        for group in groups[1:]:
            self.messages += self._said([], group)

    def _said(self, texts: list[str], actions: Sequence[Action]) -> list[Message]:
        """Messages of these texts, the last with these actions."""
        if not actions:
            return [Message(text) for text in texts]
        limit = self.can.text_limit
        if self.can.text_with_links is not None and any(isinstance(one, Link) for one in actions):
            limit = self.can.text_with_links
        elif self.can.text_with_buttons is not None:
            limit = self.can.text_with_buttons
        *before, last = texts or ["…" if limit.holds("…") else "."]
        if not limit.holds(last):
            start = spans(last, limit)[-1][0]
            if head := last[:start].rstrip():  # none where it is too long by the white space at its end only
                before.append(head)
            last = last[start:].rstrip()
        return [*(Message(text) for text in before), Message(last, buttons=actions)]

    def _albums(self, media: Sequence[Attachment]) -> Iterator[list[Attachment]]:
        album: list[Attachment] = []
        for one in media:
            fits = bool(album) and len(album) < self.can.album and {one.kind, album[0].kind} <= {"image", "video"}
            if album and not fits:
                yield album
                album = []
            album.append(one)
        if album:
            yield album

    def _groups(self, actions: Iterable[Action]) -> Iterator[list[Action]]:
        """Actions in their order, as many together as one message can carry."""
        group: list[Action] = []
        buttons = links = 0
        for one in actions:
            link = isinstance(one, Link)
            if group and not self._carries(buttons + (not link), links + link):
                yield group
                group, buttons, links = [], 0, 0
            group.append(one)
            links += link
            buttons += not link
        if group:
            yield group

    def _carries(self, buttons: int, links: int) -> bool:
        beside = self.can.buttons_beside_links
        together = beside is None or not links or buttons + links <= beside
        return together and buttons <= self.can.buttons and links <= self.can.links

    def _hangs(self, actions: Sequence[Action], album: Sequence[Attachment]) -> bool:
        """Whether the actions can hang on this album: no platform takes them below several pictures."""
        template = self.can.text_with_links is not None and any(isinstance(one, Link) for one in actions)
        return self.can.buttons_with_attachment and len(album) == 1 and not template

    def _sendable(self, attachment: Attachment) -> bool:
        return attachment.kind in self.can.attachments and (self.can.attachments_by_data or attachment.data is None)

    def _pressable(self, action: Action) -> bool:
        if isinstance(action, Link):
            return self.can.links > 0 and self.can.buttons_beside_links != 0 and _on_the_web(action)
        return self.can.buttons > 0

    def _pressed(self, action: Action) -> Action:
        """The action as a button of the channel; a `Button` is offered."""
        limit, most = self.can.button_label, self.can.button_payload
        if isinstance(action, Button):
            if not most.holds(action.payload):
                raise DefinitionError(
                    f"button {action.label!r}: its payload has {most.measure(action.payload)} {most.unit}, "
                    f"the channel takes {most.n}; use a shorter payload, such as a key to what it stands for"
                )
            self.pressed.append(Option(label=action.label, payload=action.payload))
            label = f"{len(self.pressed)}) {action.label}" if self.can.button_numbers else action.label
            if label == action.label and limit.holds(label):
                return action
            return Button(shorten(label, limit), action.payload)
        if isinstance(action, Link) and not limit.holds(action.label):
            return Link(shorten(action.label, limit), action.url)
        return action

    def _action_line(self, action: Action) -> str:
        if isinstance(action, Link):
            address = action.url if _on_the_web(action) else action.url.partition(":")[2].partition("?")[0]
            return address if action.label in (action.url, address) else f"{action.label}: {address}"
        if isinstance(action, Button):
            self.numbered.append(Option(label=action.label, payload=action.payload))
            return f"{len(self.numbered)}) {' '.join(action.label.split())}"
        raise TypeError(f"an action is a Button or a Link, not {type(action).__name__}")

    def _dealable(self, cards: Sequence[Card]) -> bool:
        actions = [one for card in cards for one in card.buttons]
        linked = all(self._pressable(one) for one in actions if isinstance(one, Link))
        return self.can.cards > 0 and linked and (self.can.card_buttons > 0 or not actions)

    def _card(self, card: Card) -> Iterator[Card]:
        """The card within the limits; buttons over its count are on further cards of the same title."""
        title = shorten(card.title, self.can.card_title)
        subtitle = shorten(card.subtitle, self.can.card_subtitle) if card.subtitle.strip() else ""
        image = card.image
        if image is not None and image.data is not None and not self.can.attachments_by_data:
            image = None
        actions = [self._pressed(one) for one in card.buttons]
        count = max(1, self.can.card_buttons)
        yield Card(title=title, subtitle=subtitle, image=image, buttons=actions[:count])
        for first in range(count, len(actions), count):
            yield Card(title=title, buttons=actions[first : first + count])


def _pack(blocks: Iterable[tuple[str, str]], limit: Limit) -> list[str]:
    """Blocks joined into as few texts as the limit allows, a block cut only when it alone is over it."""
    texts: list[str] = []
    current = ""
    for gap, block in blocks:
        joined = current + gap + block if current else block
        if limit.holds(joined):
            current = joined
            continue
        if current:
            texts.append(current)
        *full, current = [block] if limit.holds(block) else [block[start:end] for start, end in spans(block, limit)]
        texts += full
    return [*texts, current] if current else texts


def _on_the_web(link: Link) -> bool:
    return link.url.lower().startswith(("http://", "https://"))


def _attachment_line(one: Attachment) -> str:
    what = one.alt.strip() or one.name.strip()
    if one.url:
        return f"{what}: {one.url}" if what else one.url
    return what or f"[{one.kind}]"


def _map_line(place: Location) -> str:
    north, east = (f"{degrees:.6f}".rstrip("0").rstrip(".") for degrees in (place.latitude, place.longitude))
    title = place.title.strip()
    return f"{title}: {MAP_LINK}{north},{east}" if title else f"{MAP_LINK}{north},{east}"
