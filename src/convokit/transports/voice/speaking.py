"""Messages as what a voice says of them, and which keys press what. Pure.

No address is read out: of a link its label and the host are said, and whoever wants to text it says so with a sentence
of their own (`sentences={"link": …}`).
"""

import re
from collections.abc import Iterator, Sequence
from time import monotonic
from urllib.parse import urlsplit

from attrs import frozen

from convokit.messages import Attachment, Button, Capabilities, Card, Limit, Link, Location, Message
from convokit.transports.voice.sentences import Sentences
from convokit.transports.voice.twiml import Part, Play, Say

CAPABILITIES = Capabilities(
    # An update of a live call has 4000 characters, with its XML.
    text_limit=Limit(1000, "characters"),
    buttons=99,
    button_label=Limit(60, "characters"),
    links=99,
    # All of these are spoken of here: as addresses in a text they would be spelled out.
    attachments=("image", "audio", "video", "file"),
    attachments_by_data=True,
    caption=Limit(1000, "characters"),
    buttons_with_attachment=True,
    cards=99,
    card_title=Limit(80, "characters"),
    card_subtitle=Limit(200, "characters"),
    card_buttons=99,
    location=True,
)
MOST_WITH_BOTH = 3
"""Up to so many options are told with key and word each; more would be a litany."""
ONE_KEY = 9
"""Up to so many options are pressed with one key."""
MOMENT = 2.0
"""The longest wait, in seconds, until it is looked again whether a voice has ended."""
WORDS_A_SECOND = 2.5
"""How fast a voice speaks, about."""
LETTERS_A_SECOND = 14.0
"""The same in writings without spaces."""

_NOTHING = frozenset({"…", "."})
"""Texts of messages that are there for their buttons alone."""
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]", re.IGNORECASE)
_PICTURES = re.compile("[\u200b\u200d\u2060\ufe0e\ufe0f\u20e3\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
_ENDED = re.compile("[.!?:;,\u2026\u061f\u060c\u0964\u3002\uff01\uff1f]$")
_ASKS = re.compile("[?\u061f\uff1f]\\s*$")


@frozen(kw_only=True)
class Spoken:
    """What is said of some messages.

    Args:
        parts: In order.
        last: What is said again when the caller says nothing: the last message, with its options.
        options: The labels that keys press, in order: "1" the first.
        asks: Whether the last message wants an answer.
    """

    parts: tuple[Part, ...] = ()
    last: tuple[Part, ...] = ()
    options: tuple[str, ...] = ()
    asks: bool = False

    @property
    def keys(self) -> int:
        """How many keys answer at once; 0: that cannot be said. One option may stand beside a number that is asked."""
        return 1 if 2 <= len(self.options) <= ONE_KEY else 0  # noqa: PLR2004  see above

    @property
    def seconds(self) -> float:
        """About how long it takes to say it. A sound's length is not known: 5 seconds are taken."""
        return sum(_seconds(one) for one in self.parts)


@frozen
class _Said:
    """One message's parts, and the options that it offers."""

    parts: tuple[Part, ...]
    options: tuple[str, ...] = ()
    asks: bool = False


class Speaking:
    """A voice that speaks.

    Args:
        seconds: For how long, about.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = monotonic() + seconds
        self._waited: dict[str, float] = {}

    def moment(self, who: str) -> float:
        """For how many seconds `who` waits before asking again; 0: it has ended.

        It is asked again soon: the caller may speak first, and then what waits belongs into the answer.
        """
        waited = self._waited.get(who, 0.0)
        left = min(self._until - monotonic(), self._seconds - waited)
        if left <= 0:
            return 0.0
        self._waited[who] = waited + (moment := max(min(left, MOMENT), 0.1))
        return moment


def speak(messages: Sequence[Message], sentences: Sentences) -> Spoken:
    """What is said of messages that were fitted to `CAPABILITIES`.

    The last options can be pressed, which is what the bot takes an answer for, and they are told at the very end. Those
    of earlier messages are named only.
    """
    said = [_group(one, sentences) for one in _groups(messages)]
    if not said:
        return Spoken()
    offering = [one for one in said if one.options]
    live = offering[-1] if offering else None
    parts: list[Part] = []
    for one in said:
        parts += one.parts
        if one.options and one is not live:
            parts.append(Say(", ".join(map(_label, one.options)) + "."))
    choices = (Say(_choices(live.options, sentences)),) if live is not None else ()
    return Spoken(
        parts=(*parts, *choices),
        last=(*(live or said[-1]).parts, *choices),
        options=live.options if live is not None else (),
        asks=live is not None or said[-1].asks,
    )


def _groups(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages that were one before they were fitted: what begins with "…" and buttons goes on with the one before."""
    group: list[Message] = []
    for one in messages:
        if group and not (one.buttons and one.text in _NOTHING):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _group(messages: Sequence[Message], sentences: Sentences) -> _Said:
    parts: list[Part] = []
    options: list[str] = []
    asks = False
    for message in messages:
        if message.text.strip() and message.text not in _NOTHING:
            parts.append(Say(in_words(message.text)))
            asks = bool(_ASKS.search(message.text.strip()))
        parts += [_attachment(one, sentences) for one in message.attachments]
        for card in message.cards:
            parts.append(Say(_card(card, sentences)))
            options += [one.label for one in card.buttons if isinstance(one, Button)]
        if message.location is not None:
            parts.append(Say(_place(message.location, sentences)))
        parts += [Say(_link(one, sentences)) for one in message.buttons if isinstance(one, Link)]
        options += [one.label for one in message.buttons if isinstance(one, Button)]
    return _Said(tuple(parts), tuple(options), asks)


def in_words(text: str) -> str:
    """A text as it can be said: an address as its host, no pictures, and a pause where a line ends."""
    told = _PICTURES.sub("", _ADDRESS.sub(lambda found: host(found[0]), text))
    lines = [" ".join(line.split()) for line in told.splitlines()]
    lines = [line for line in lines if line]
    ended = [line if _ENDED.search(line) else f"{line}." for line in lines[:-1]]
    return " ".join([*ended, *lines[-1:]])


def host(address: str) -> str:
    """The host in a web address, as one says it; empty when it has none."""
    try:
        found = urlsplit(address if "://" in address else f"https://{address}").hostname or ""
    except ValueError:
        return ""
    return found.removeprefix("www.")


def spelled(number: str) -> str:
    """A phone number digit by digit."""
    return " ".join(number.removeprefix("+"))


def _choices(options: Sequence[str], sentences: Sentences) -> str:
    name = "choice" if len(options) <= MOST_WITH_BOTH else "choice_of_many"
    told = [sentences.say(name, label=_label(one), key=str(key)) for key, one in enumerate(options, 1)]
    if len(options) > MOST_WITH_BOTH:
        told.append(sentences.say("or_say"))
    return " ".join(told)


def _label(label: str) -> str:
    return in_words(label).rstrip(".,;:") or label


def _attachment(one: Attachment, sentences: Sentences) -> Part:
    if one.kind == "audio" and one.url:
        return Play(one.url)
    title = in_words(one.alt) or in_words(one.name)
    return Say(sentences.say("media", title=title.rstrip(".")) if title else sentences.say("unnamed_media"))


def _card(card: Card, sentences: Sentences) -> str:
    told = [in_words(card.title), in_words(card.subtitle)]
    told += [_link(one, sentences) for one in card.buttons if isinstance(one, Link)]
    return " ".join(one if _ENDED.search(one) else f"{one}." for one in told if one)


def _link(link: Link, sentences: Sentences) -> str:
    return sentences.say("link", label=in_words(link.label).rstrip("."), host=host(link.url))


def _place(place: Location, sentences: Sentences) -> str:
    title = in_words(place.title)
    return sentences.say("place", title=title.rstrip(".")) if title else sentences.say("unnamed_place")


def _seconds(part: Part) -> float:
    if isinstance(part, Play):
        return 5.0
    return max(len(part.text.split()) / WORDS_A_SECOND, len(part.text) / LETTERS_A_SECOND)
