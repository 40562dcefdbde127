"""What every expectation is: something that reads an answer, or says what is unclear about it."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, ButtonPressed, Event, MessageReceived
from convokit.reading.situation import Situation
from convokit.wire.text import fold

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LONGEST_LABEL = 200
"""A choice is read from at most this many characters: folding a page of ligatures takes 50 ms."""


def _labels(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@frozen(eq=False, repr=False)
class Unclear(Value):
    """An answer that could not be read.

    Args:
        reason: For logs and for people who look into a conversation.
        options: What it could mean, as labels to choose from; the expectation reads each of them.
        say: A sentence that helps the customer, in their language; empty when the question says enough.
    """

    reason: str
    options: tuple[str, ...] = field(default=(), converter=_labels)
    say: str = ""


@runtime_checkable
class Expectation(Protocol[T_co]):
    """What a state expects. Anything with `read` is one; `options` are what is offered as buttons, if any.

    One that needs the customer's language, region, time zone or the time has `read_in(event, situation)` too, which is
    called in place of `read`: see `Situated`. One that has bounds may have `accepts(value, situation)` too, which says
    of a value that was known up front, or found by `extract`, whether it is within them: else it is asked. One that
    takes nearly any text has `greedy = True`: then a dialog's own words ("back", "cancel") are heard before it reads.
    """

    __slots__ = ()

    def read(self, event: Event) -> T_co | Unclear:
        """The answer in `event`, or why it is none. Pure; at most a few milliseconds for any event."""
        ...


class Situated(Expectation[T_co]):
    """A base for expectations that read by the customer's situation: write `read_in`, and have `read`."""

    __slots__ = ()

    @abstractmethod
    def read_in(self, event: Event, situation: Situation) -> T_co | Unclear:
        """The answer in `event` from somebody in this situation, or why it is none. Pure, as `Expectation.read`."""

    def read(self, event: Event) -> T_co | Unclear:
        """The answer, with the locale that the platform told, at the time of the event, in UTC."""
        return self.read_in(event, situation_of(event))


def situation_of(event: Event, *, locale: str = "", zone: str = "UTC", unclear: int = 0) -> Situation:
    """The situation of whoever made the event.

    Args:
        event: What happened; it tells the person's own locale, if the platform knows it, and when it was.
        locale: In place of an unknown one.
        zone: The IANA name of the time zone.
        unclear: How many answers to this question could not be read before.
    """
    own = event.user.locale if event.user is not None else ""
    return Situation(locale=own or locale, zone=zone, now=event.at, unclear=unclear)


def understood(expectation: Expectation[T], event: Event, situation: Situation) -> T | Unclear:
    """The answer as the expectation reads it: by the situation when it can, else by the event alone."""
    read_in = getattr(expectation, "read_in", None)
    if read_in is None:
        return expectation.read(event)
    answer: T | Unclear = read_in(event, situation)
    return answer


def accepted(expectation: Expectation[Any], value: object, situation: Situation) -> bool:
    """Whether a value that did not come as an answer is one that the expectation could have given.

    One that has no `accepts` takes every value.
    """
    accepts = getattr(expectation, "accepts", None)
    return True if accepts is None else bool(accepts(value, situation))


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


def bounds_fit(what: str, least: object, most: object) -> None:
    """Refuse bounds of which the first is above the second.

    Raises:
        DefinitionError: It is.
    """
    if least is not None and most is not None and least > most:  # type: ignore[operator]  # checked by kind before
        raise DefinitionError(f"{what}: the first bound is above the second")
