"""Filters: questions about an event and its conversation, composed with `&`, `|` and `~`.

```python
@bot.on(MessageReceived, channel("telegram") & ~user("42"))
@bot.text("hi", locale("tr") | private)
```

A filter is pure: the same event and conversation get the same answer, and nothing is changed by asking.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from attrs import evolve, field, frozen

from convokit._value import Value
from convokit.conversations import Conversation
from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, ButtonPressed, Event
from convokit.messages import ATTACHMENTS
from convokit.patterns import LONGEST_TEXT, Pattern, caller, checked
from convokit.wire.text import fold

Question = Callable[[Event, Conversation], bool]
Sight = Callable[[Event, Conversation], str]
"""What a filter looks at, in words."""

_WORDS = re.compile(r"\w+")


@frozen(kw_only=True, eq=False, repr=False)
class Reason(Value):
    """What a filter says of an event, and on what.

    Args:
        asked: The filter, as it is written.
        passes: What it says.
        found: What it looked at, in words; empty where only the filter itself knows.
        parts: Of `&`, `|` and `~`: what those that were asked said, in order.
    """

    asked: str
    passes: bool
    found: str = ""
    parts: tuple["Reason", ...] = ()

    @property
    def decisive(self) -> tuple["Reason", ...]:
        """The single filters that decided it: of `a & b` that says no, the one that says no."""
        agree = [one for one in self.parts if one.passes is self.passes]
        if agree:
            return tuple(leaf for one in agree for leaf in one.decisive)
        if self.parts and self.parts[0].parts:  # of ~(a & b) that says no, what made a & b say yes
            return self.parts[0].decisive
        return (evolve(self, found=self.parts[0].found, parts=()),) if self.parts else (self,)


class Filter(ABC):
    """A question about an event and its conversation; `&`, `|` and `~` make new ones.

    Two filters are equal when they ask the same: of two routes for the same thing with equal filters the later could
    never be reached, and is refused.
    """

    __slots__ = ()

    @abstractmethod
    def __call__(self, event: Event, conversation: Conversation) -> bool:
        """Whether the event passes."""

    def explain(self, event: Event, conversation: Conversation) -> Reason:
        """What it says, and on what, for `convokit why`. A filter of your own may say what it looked at."""
        return Reason(asked=repr(self), passes=self(event, conversation))

    def __and__(self, other: "Filter") -> "Filter":
        """Passes what passes both; `other` is asked only when this one passes."""
        return _Both(self, _filter(other))

    def __or__(self, other: "Filter") -> "Filter":
        """Passes what passes one of them; `other` is asked only when this one does not."""
        return _Either(self, _filter(other))

    def __invert__(self) -> "Filter":
        """Passes what this one does not."""
        return _Not(self)

    def __bool__(self) -> bool:
        """Refused: `a and b` would drop one of them.

        Raises:
            DefinitionError: Always.
        """
        raise DefinitionError(f"{caller()}: filters compose with &, | and ~, not with and, or, not: {self!r}")


def _filter(given: object) -> Filter:
    if not isinstance(given, Filter):
        raise DefinitionError(f"{caller()}: filters compose with filters; make one of {given!r} with where(…)")
    return given


@frozen(repr=False)
class _Both(Filter):
    one: Filter
    other: Filter

    def __call__(self, event: Event, conversation: Conversation) -> bool:
        return self.one(event, conversation) and self.other(event, conversation)

    def explain(self, event: Event, conversation: Conversation) -> Reason:
        one = self.one.explain(event, conversation)
        parts = (one, self.other.explain(event, conversation)) if one.passes else (one,)
        return Reason(asked=repr(self), passes=all(part.passes for part in parts), parts=parts)

    def __repr__(self) -> str:
        return " & ".join(f"({one!r})" if isinstance(one, _Either) else repr(one) for one in (self.one, self.other))


@frozen(repr=False)
class _Either(Filter):
    one: Filter
    other: Filter

    def __call__(self, event: Event, conversation: Conversation) -> bool:
        return self.one(event, conversation) or self.other(event, conversation)

    def explain(self, event: Event, conversation: Conversation) -> Reason:
        one = self.one.explain(event, conversation)
        parts = (one,) if one.passes else (one, self.other.explain(event, conversation))
        return Reason(asked=repr(self), passes=any(part.passes for part in parts), parts=parts)

    def __repr__(self) -> str:
        return f"{self.one!r} | {self.other!r}"


@frozen(repr=False)
class _Not(Filter):
    one: Filter

    def __call__(self, event: Event, conversation: Conversation) -> bool:
        return not self.one(event, conversation)

    def explain(self, event: Event, conversation: Conversation) -> Reason:
        one = self.one.explain(event, conversation)
        return Reason(asked=repr(self), passes=not one.passes, parts=(one,))

    def __repr__(self) -> str:
        return f"~({self.one!r})" if isinstance(self.one, _Both | _Either) else f"~{self.one!r}"


@frozen(repr=False)
class _Asked(Filter):
    """A named question; `given` in any order asks the same."""

    word: str
    given: tuple[Any, ...] = field(eq=False)
    same: frozenset[Any] = field(init=False)
    ask: Question = field(eq=False)
    look: Sight = field(eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "same", frozenset(self.given))

    def __call__(self, event: Event, conversation: Conversation) -> bool:
        return self.ask(event, conversation)

    def explain(self, event: Event, conversation: Conversation) -> Reason:
        passes = self.ask(event, conversation)
        return Reason(asked=repr(self), passes=passes, found=self.look(event, conversation))

    def __repr__(self) -> str:
        written = (one.pattern if isinstance(one, re.Pattern) else one for one in self.given)
        return f"{self.word}({', '.join(json.dumps(one, ensure_ascii=False) for one in written)})"


def _text_of(event: Event, _: Conversation) -> str:
    return f"the text is {_quoted(event.text)}" if event.text else f"a {type(event).__name__} has no text"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _strings(word: str, given: tuple[object, ...]) -> tuple[str, ...]:
    texts = tuple(one for one in given if isinstance(one, str) and one.strip())
    if texts != given:
        raise DefinitionError(f"{caller()}: {word}(…) takes texts that are not empty, not {given!r}")
    if not texts:
        raise DefinitionError(f"{caller()}: {word}() says nothing to compare with; give it at least one text")
    return texts


def channel(*names: str) -> Filter:
    """Passes what happened on one of these channels."""
    wanted = frozenset(_strings("channel", names))
    return _Asked(
        "channel",
        names,
        lambda event, _: event.conversation.channel in wanted,
        lambda event, _: f"the channel is {_quoted(event.conversation.channel)}",
    )


def text(*phrases: str) -> Filter:
    """Passes what says exactly one of these: the whole text; case, accents, outer space, end punctuation aside."""
    wanted = frozenset(map(fold, _strings("text", phrases)))
    return _Asked("text", phrases, lambda event, _: bool(event.text) and fold(event.text) in wanted, _text_of)


def contains(*words: str) -> Filter:
    """Passes what says one of these words, or phrases, among others; case and accents aside, words whole."""
    wanted = tuple(_spaced(one) for one in _strings("contains", words))
    if "  " in wanted:
        raise DefinitionError(f"{caller()}: contains(…) looks for words; {words!r} holds one without a letter or digit")

    def ask(event: Event, _: Conversation) -> bool:
        said = _spaced(event.text)
        return any(one in said for one in wanted)

    return _Asked("contains", words, ask, _text_of)


def _spaced(said: str) -> str:
    return f" {' '.join(_WORDS.findall(fold(said)))} "


def regex(pattern: str | re.Pattern[str]) -> Filter:
    """Passes what matches as a whole, outer space aside; a pattern given as a string does not mind case.

    Only the first 4096 characters are looked at.

    Raises:
        DefinitionError: The pattern could take time exponential in the text, or is no regex.
    """
    compiled = checked(pattern)
    return _Asked(
        "regex",
        (compiled,),
        lambda event, _: compiled.fullmatch(event.text[:LONGEST_TEXT].strip()) is not None,
        _text_of,
    )


def button(pattern: str) -> Filter:
    """Passes a pressed button whose payload matches, as in `@bot.button("track:{order}")`."""
    made = Pattern(*_strings("button", (pattern,)))
    return _Asked(
        "button",
        (pattern,),
        lambda event, _: isinstance(event, ButtonPressed) and made.match(event.payload) is not None,
        lambda event, _: (
            f"the payload is {_quoted(event.payload)}"
            if isinstance(event, ButtonPressed)
            else f"a {type(event).__name__} is no pressed button"
        ),
    )


def user(*ids: str) -> Filter:
    """Passes what one of these people did, by the platform's id; nothing that nobody did (a timer, a signal)."""
    wanted = frozenset(_strings("user", ids))
    return _Asked(
        "user",
        ids,
        lambda event, _: event.user is not None and event.user.id in wanted,
        lambda event, _: f"the user is {_quoted(event.user.id)}" if event.user is not None else "nobody did it",
    )


def locale(*tags: str) -> Filter:
    """Passes people with one of these languages: "en" stands for "en-GB" too, "en-GB" only for itself.

    For a timer or a signal it asks about who spoke last in the conversation.
    """
    wanted = frozenset(_tag(one) for one in _strings("locale", tags))

    def ask(event: Event, conversation: Conversation) -> bool:
        person = event.user or conversation.user
        if person is None:
            return False
        parts = _tag(person.locale).split("-")
        return any("-".join(parts[:size]) in wanted for size in range(1, len(parts) + 1))

    def look(event: Event, conversation: Conversation) -> str:
        person = event.user or conversation.user
        if person is None:
            return "nobody has spoken yet"
        return f"the language is {_quoted(person.locale)}" if person.locale else "the language is not known"

    return _Asked("locale", tags, ask, look)


def _tag(written: str) -> str:
    return written.strip().replace("_", "-").lower()


def attachment(*kinds: str) -> Filter:
    """Passes what came with an attachment of one of these kinds: image, audio, video, file; any when none is named."""
    wanted = attachment_kinds(kinds)
    return _Asked(
        "attachment",
        kinds,
        lambda event, _: isinstance(event, AttachmentReceived) and any(one.kind in wanted for one in event.attachments),
        lambda event, _: (
            f"it came with {', '.join(one.kind for one in event.attachments)}"
            if isinstance(event, AttachmentReceived)
            else f"a {type(event).__name__} comes without attachments"
        ),
    )


def attachment_kinds(kinds: tuple[str, ...]) -> frozenset[str]:
    """The kinds named, all when none is.

    Raises:
        DefinitionError: One of them is no kind of attachment.
    """
    for one in kinds:
        if one not in ATTACHMENTS:
            raise DefinitionError(f"{caller()}: attachments are {', '.join(ATTACHMENTS)}; {one!r} is none of them")
    return frozenset(kinds or ATTACHMENTS)


def where(function: Question, name: str = "") -> Filter:
    """Passes what `function(event, conversation)` says yes to.

    Args:
        function: Pure and quick: it runs for each event that reaches the route, before anything is recorded.
        name: How the filter shows itself; the function's name when left out.

    Raises:
        DefinitionError: It cannot be called, or is an `async def`.
    """
    given: object = function
    if not callable(given) or iscoroutinefunction(given):
        raise DefinitionError(f"{caller()}: where(…) takes a plain function of event and conversation, not {given!r}")
    return _Where(function, name or getattr(function, "__name__", repr(function)))


@frozen(repr=False)
class _Where(Filter):
    function: Question
    name: str = field(eq=False)

    def __call__(self, event: Event, conversation: Conversation) -> bool:
        return bool(self.function(event, conversation))

    def explain(self, event: Event, conversation: Conversation) -> Reason:
        said = self.function(event, conversation)
        return Reason(asked=repr(self), passes=bool(said), found=f"{self.name} returned {said!r:.80}")

    def __repr__(self) -> str:
        return f"where({self.name})"
