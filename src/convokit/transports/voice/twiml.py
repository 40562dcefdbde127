"""TwiML documents: what a call does next. Pure; XML is written by the standard library, so that nothing breaks out.

Facts: Twilio, TwiML Voice: Gather, Say, Play, Pause, Redirect, Dial, Number, Hangup (read July 2026).
"""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from attrs import field, frozen

from convokit.messages import Limit
from convokit.wire.text import spans

MEDIA_TYPE = "text/xml; charset=utf-8"
LONGEST_DOCUMENT = 60_000
"""How many bytes a document may have; the platform reads 64 kB."""
LONGEST_UPDATE = 4000
"""How many characters the API takes as a live call's new document."""
LONGEST_SAY = Limit(4000, "characters")
"""How many characters one `<Say>` takes: the platform's limit is 4096."""
PAUSE = 1
"""For how many seconds a caller who waits for the rest hears nothing before they ask for it."""
MOST_HINTS = 100
LONGEST_HINT = 100

# What XML 1.0 does not have, and C1 controls, which no voice says.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]")


@frozen
class Say:
    """Something that is said."""

    text: str


@frozen
class Play:
    """A sound that is played, by its address."""

    url: str


Part = Say | Play


@frozen(kw_only=True)
class Manner:
    """How it is said, and how a caller is heard.

    Args:
        language: A BCP 47 tag: what is said is in it.
        voice: The platform's name of a voice; empty: its own choice.
        hears: The language that callers are heard in.
        hints: Words that callers are likely to say.
        pause: Seconds of silence after which a caller is taken to say nothing.
        barge_in: Whether a caller who speaks stops what is being said.
        reprompts: How often a caller who says nothing is asked again.
    """

    language: str = "en-US"
    voice: str = ""
    hears: str = "en-US"
    hints: tuple[str, ...] = ()
    pause: int = 6
    barge_in: bool = True
    reprompts: int = 2


@frozen(kw_only=True)
class Listening:
    """What is said, and what happens then: the caller is listened to.

    Args:
        action: Where what the caller says is posted to.
        silent: Where the call goes when they say nothing, for good.
        parts: What is said first.
        again: What is said when nothing was heard.
        hints: Words that are likely, beside the manner's.
        keys: How many keys end the answer at once; 0: "#" or a pause ends it.
    """

    action: str
    silent: str
    parts: Sequence[Part] = ()
    again: Sequence[Part] = ()
    hints: Sequence[str] = field(default=())
    keys: int = 0


def listening(what: Listening, how: Manner, *, reprompts: int | None = None) -> bytes:
    """The document that says something, barge-in allowed, listens, and asks again a few times."""
    response = Element("Response")
    _gather(response, what, how, what.parts)
    for _ in range(how.reprompts if reprompts is None else reprompts):
        _gather(response, what, how, what.again)
    _redirect(response, what.silent)
    return _written(response)


def waiting(parts: Sequence[Part], how: Manner, onward: str) -> bytes:
    """The document that says what there is so far, and goes to hear the rest."""
    response = Element("Response")
    _speak(response, parts, how)
    SubElement(response, "Pause", length=str(PAUSE))
    _redirect(response, onward)
    return _written(response)


def ending(parts: Sequence[Part], how: Manner) -> bytes:
    """The document that says something and hangs up."""
    response = Element("Response")
    _speak(response, parts, how)
    SubElement(response, "Hangup")
    return _written(response)


def connecting(number: str, *, over: str, whisper: str, ring: int, caller_id: str = "") -> bytes:
    """The document that connects the caller with a number.

    Args:
        number: E.164.
        over: Where the call goes when the dialled leg has ended.
        whisper: Where the document lies that whoever answers hears before they are connected.
        ring: For how many seconds it rings.
        caller_id: The number that is shown there; empty: the caller's.
    """
    response = Element("Response")
    dial = SubElement(response, "Dial", action=over, method="POST", timeout=str(ring))
    if caller_id:
        dial.set("callerId", caller_id)
    SubElement(dial, "Number", url=whisper, method="POST").text = number
    return _written(response)


def asking_a_key(parts: Sequence[Part], how: Manner, action: str) -> bytes:
    """The document that says something to whoever answered, and connects them only when they press a key.

    Voice mail presses none.
    """
    response = Element("Response")
    gather = SubElement(
        response, "Gather", input="dtmf", action=action, method="POST", numDigits="1", timeout=str(how.pause)
    )
    _speak(gather, parts, how)
    SubElement(response, "Hangup")
    return _written(response)


def speaking(parts: Sequence[Part], how: Manner) -> bytes:
    """The document that says something and is over: then whoever hears it is connected."""
    response = Element("Response")
    _speak(response, parts, how)
    return _written(response)


def doing_nothing() -> bytes:
    """The document that leaves the call as it is."""
    return _written(Element("Response"))


def refusing() -> bytes:
    """The document that does not take a call."""
    response = Element("Response")
    SubElement(response, "Reject")
    return _written(response)


def within(parts: Sequence[Part], most: int = LONGEST_DOCUMENT // 2) -> Sequence[Part]:
    """The parts that a document can hold: where they are too many, the first ones and the last, which asks."""
    kept: list[Part] = []
    left = most - _size(parts[-1]) if parts else 0
    for part in parts[:-1]:
        left -= _size(part)
        if left < 0:
            break
        kept.append(part)
    return (*kept, *parts[-1:])


def _size(part: Part) -> int:
    """How many bytes it has in a document, about: "&" has five."""
    text = part.text if isinstance(part, Say) else part.url
    return 80 + len(text.encode("utf-8", "replace")) + 4 * sum(map(text.count, "&<>"))


def clean(text: str) -> str:
    """The text without what XML cannot carry and no voice can say."""
    return _UNWRITABLE.sub(" ", text)


def _gather(response: Element, what: Listening, how: Manner, parts: Sequence[Part]) -> None:
    likely = _likely((*what.hints, *how.hints))
    gather = SubElement(
        response,
        "Gather",
        input="dtmf speech",
        action=what.action,
        method="POST",
        timeout=str(how.pause),
        speechTimeout="auto",
        language=how.hears,
        bargeIn="true" if how.barge_in else "false",
    )
    if likely:
        gather.set("hints", likely)
    if what.keys:
        gather.set("numDigits", str(what.keys))
    _speak(gather, parts, how)


def _likely(hints: Sequence[str]) -> str:
    words = dict.fromkeys(" ".join(clean(one).replace(",", " ").split())[:LONGEST_HINT].strip() for one in hints)
    return ",".join([one for one in words if one][:MOST_HINTS])


def _speak(parent: Element, parts: Sequence[Part], how: Manner) -> None:
    for part in parts:
        if isinstance(part, Play):
            SubElement(parent, "Play").text = part.url
            continue
        said = clean(part.text)
        for start, end in spans(said, LONGEST_SAY):
            say = SubElement(parent, "Say", language=how.language)
            say.text = said[start:end]
            if how.voice:
                say.set("voice", how.voice)


def _redirect(response: Element, url: str) -> None:
    SubElement(response, "Redirect", method="POST").text = url


def _written(response: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>' + tostring(response, encoding="unicode").encode()
