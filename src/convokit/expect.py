"""What a dialog's state expects to hear, and how it is read. All pure, all bounded."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, ButtonPressed, Event, MessageReceived
from convokit.wire.text import fold

T_co = TypeVar("T_co", covariant=True)

LONGEST_NUMBER = 32
"""A number is read from at most this many characters: a giant one takes minutes to convert."""

LONGEST_TEXT = 65536

LONGEST_LABEL = 200
"""A choice is read from at most this many characters: folding a page of ligatures takes 50 ms."""


@frozen(eq=False, repr=False)
class Unclear(Value):
    """An answer that could not be read. `reason` is for logs and for people who look into a conversation."""

    reason: str


@runtime_checkable
class Expectation(Protocol[T_co]):
    """What a state expects. Anything with `read` is one; `options` are what is offered as buttons, if any."""

    def read(self, event: Event) -> T_co | Unclear:
        """The answer in `event`, or why it is none. Pure; at most 1 ms for any event."""
        ...


def options_of(expectation: Expectation[object]) -> tuple[str, ...]:
    """The labels an expectation offers as buttons; empty for most."""
    offered: Sequence[str] = getattr(expectation, "options", ())
    return tuple(offered)


def written(event: Event) -> str:
    """What was written or pressed, without outer space; empty for everything else."""
    if isinstance(event, MessageReceived | ButtonPressed | AttachmentReceived):
        return event.text.strip()
    return ""


def folded(event: Event) -> str:
    """What was written or pressed, folded; empty for a text that is too long to be a label."""
    said = written(event)
    return fold(said) if len(said) <= LONGEST_LABEL else ""


def digits_to_ascii(text: str) -> str:
    """`text` with the decimal digits of any script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if unicodedata.decimal(c, None) is not None else c for c in text)


@frozen(eq=False, repr=False)
class Text(Value):
    """Any text that is not empty, as written, without outer space.

    Args:
        longest: The most characters it may have (1 to 65536).
    """

    longest: int = field(default=4000)

    @longest.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _bounded(self, _: object, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_TEXT:
            raise DefinitionError(f"Text: longest is a whole number from 1 to {LONGEST_TEXT}, not {value!r:.60}")

    def read(self, event: Event) -> str | Unclear:
        """The text."""
        text = written(event)
        if not text:
            return Unclear("there is no text")
        if len(text) > self.longest:
            return Unclear(f"{len(text)} characters are more than {self.longest}")
        return text


_INTEGER = re.compile(r"[+-]?[0-9]+")


@frozen(eq=False, repr=False)
class Integer(Value):
    """A whole number from `least` to `most`, in the digits of any script, alone in its message.

    Args:
        least: The smallest; None: no bound below.
        most: The largest; None: no bound above.
    """

    least: int | None = None
    most: int | None = None

    def __attrs_post_init__(self) -> None:
        for bound in (self.least, self.most):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
                raise DefinitionError(f"Integer: a bound is a whole number or None, not {bound!r:.60}")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise DefinitionError(f"Integer({self.least}, {self.most}): the first bound is above the second")

    def read(self, event: Event) -> int | Unclear:
        """The number."""
        said = written(event)
        if len(said) > LONGEST_NUMBER:
            return Unclear("not a whole number")
        text = digits_to_ascii(said.replace("−", "-")).rstrip(".!")
        if not _INTEGER.fullmatch(text):
            return Unclear("not a whole number")
        number = int(text)
        if self.least is not None and number < self.least:
            return Unclear(f"{number} is below {self.least}")
        if self.most is not None and number > self.most:
            return Unclear(f"{number} is above {self.most}")
        return number


def _labels(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise DefinitionError(f"Choice takes a list of labels, not the single string {given!r}")
    return tuple(given)


@frozen(eq=False, repr=False)
class Choice(Value):
    """One of some labels; they are offered as buttons, and what people type for one is read too.

    Args:
        options: The labels, different from each other also when case and accents are left out of account.
    """

    options: tuple[str, ...] = field(converter=_labels)

    @options.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _distinct(self, _: object, value: tuple[str, ...]) -> None:
        if not value or not all(type(one) is str and fold(one) for one in value):
            raise DefinitionError(f"Choice needs labels that are not empty, not {value!r}")
        seen: dict[str, str] = {}
        for one in value:
            twin = seen.get(fold(one))
            if twin is not None:
                raise DefinitionError(f"Choice: {twin!r} and {one!r} cannot be told apart when typed")
            seen[fold(one)] = one

    def read(self, event: Event) -> str | Unclear:
        """The label."""
        if written(event) in self.options:
            return written(event)
        said = folded(event)
        for one in self.options:
            if said and fold(one) == said:
                return one
        return Unclear(f"not one of {', '.join(self.options)}")


# Common usage; each word was chosen to be unmistakable alone.
_YES = "yes y yeah yep sure ok okay evet tamam हाँ हां जी כן نعم أجل sí si claro ja klar oui"
_NO = "no n nope hayır yok नहीं ना לא لا nein non"


@frozen(eq=False, repr=False)
class YesNo(Value):
    """Yes or no, as a bool; in English, Turkish, Hindi, Hebrew, Arabic, Spanish, German and French.

    Args:
        yes: The label of the button that means True.
        no: The label of the button that means False.
    """

    yes: str = "Yes"
    no: str = "No"

    def __attrs_post_init__(self) -> None:
        Choice((self.yes, self.no))

    @property
    def options(self) -> tuple[str, ...]:
        """The two labels."""
        return (self.yes, self.no)

    def read(self, event: Event) -> bool | Unclear:
        """The answer."""
        chosen = Choice(self.options).read(event)
        if not isinstance(chosen, Unclear):
            return chosen == self.yes
        said = folded(event)
        if said in _words(_YES):
            return True
        if said in _words(_NO):
            return False
        return Unclear("neither yes nor no")


_folded: dict[str, frozenset[str]] = {}


def _words(table: str) -> frozenset[str]:
    known = _folded.get(table)
    if known is None:
        known = _folded[table] = frozenset(fold(one) for one in table.split())
    return known
