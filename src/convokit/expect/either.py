"""The expectation of one of several kinds of answers."""

from typing import Any, TypeVar, overload

from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.protocol import Expectation, Situated, Unclear, accepted, options_of, understood
from convokit.reading.situation import Situation

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T_co = TypeVar("T_co", covariant=True)


class Either(Situated[T_co]):
    """An answer of one of two to four kinds, tried in order: `Either(Place(), Text())` is a `Location` or a `str`.

    The first that reads the answer wins: write the stricter one first. When none does, what they say is put together.

    Args:
        *of: The expectations.

    Raises:
        DefinitionError: There are fewer than two, or one is none.
    """

    __slots__ = ("of",)

    @overload
    def __init__(self: "Either[A | B]", first: Expectation[A], second: Expectation[B], /) -> None: ...
    @overload
    def __init__(
        self: "Either[A | B | C]", first: Expectation[A], second: Expectation[B], third: Expectation[C], /
    ) -> None: ...
    @overload
    def __init__(
        self: "Either[A | B | C | D]",
        first: Expectation[A],
        second: Expectation[B],
        third: Expectation[C],
        fourth: Expectation[D],
        /,
    ) -> None: ...
    def __init__(self, *of: Expectation[Any]) -> None:
        if len(of) < 2 or not all(hasattr(one, "read") for one in of):  # noqa: PLR2004  either, or
            raise DefinitionError(
                f"Either takes two expectations or more, such as Either(Place(), Text()), not {of!r:.80}"
            )
        self.of = of

    def __repr__(self) -> str:
        return f"Either({', '.join(map(repr, self.of))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Either) and self.of == other.of

    def __hash__(self) -> int:
        return hash((Either, self.of))

    @property
    def greedy(self) -> bool:
        """Whether one of them takes nearly any text."""
        return any(getattr(one, "greedy", False) for one in self.of)

    @property
    def options(self) -> tuple[str, ...]:
        """What they offer, one after the other."""
        return tuple(dict.fromkeys(label for one in self.of for label in options_of(one)))

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether one of them accepts it."""
        return any(accepted(one, value, situation) for one in self.of)

    def read_in(self, event: Event, situation: Situation) -> T_co | Unclear:
        """The answer of the first that reads it."""
        unread: list[Unclear] = []
        for one in self.of:
            answer = understood(one, event, situation)
            if not isinstance(answer, Unclear):
                found: T_co = answer
                return found
            unread.append(answer)
        asked = next((one for one in unread if one.options), None)
        if asked is not None:
            return asked
        say = " ".join(dict.fromkeys(one.say for one in unread if one.say))
        return Unclear("; ".join(one.reason for one in unread), say=say)
