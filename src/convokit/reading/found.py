"""What was found in a text, and what is left of it."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from attrs import frozen

from convokit.reading.terms import Term

T = TypeVar("T")


@frozen(eq=False)
class Found(Generic[T]):
    """Something that a piece of a text means.

    Attributes:
        values: What it can mean, the likelier first; never empty.
        start: The place of its first term.
        end: The place behind its last term.
    """

    values: tuple[T, ...]
    start: int
    end: int


_TELLING = frozenset(
    {
        *("unsure", "or", "day", "day_part", "weekday", "month", "unit", "span", "week", "in", "after", "ago", "next"),
        *(
            "last",
            "coming",
            "half",
            "quarter",
            "and_half",
            "past",
            "minus",
            "hour",
            "scale",
            "hundred",
            "dozen",
            "plus",
        ),
        *("exact", "three_quarters", "compound_unit", "part", "fraction", "day_from", "weekday_from"),
    }
)
"""What changes the meaning of what was found, when it stands beside it and was not understood."""

_BEGINS_RANGE = frozenset({"de", "from", "von", "desde", "entre"})
_TIED_BY_TO = ("weekday", "month", "day", "part", "exact", "figure", "number")


def clear_of_doubt(said: Sequence[Term], taken: Sequence[bool], *, aside: frozenset[str] = frozenset()) -> bool:
    """Whether nothing that is left over changes the meaning of what was taken: no "not", "or", "before".

    Args:
        said: The terms.
        taken: Which of them were understood.
        aside: Kinds that do not matter here although they tell something elsewhere.
    """
    for place, term in enumerate(said):
        if taken[place]:
            continue
        before = said[place - 1] if place else None
        # "de 5 à 6 heures", "from 5 to 6": what a range begins with is no number of its own.
        number = term.figure or "number" in term
        if (
            before is not None
            and number
            and ((before.text in _BEGINS_RANGE and "suffix" not in before) or ("and" in before and place > 1))
        ):
            return False
        telling = [kind for kind in term.means if kind in _TELLING and kind not in aside]
        if telling and "fill" not in term:
            return False
        after = next((one for one in said[place + 1 :] if "fill" not in one), None)
        if "to" in term and term.text == "to" and after is not None and any(kind in after for kind in _TIED_BY_TO):
            return False
    return True


def whole(said: Sequence[Term], taken: Sequence[bool]) -> bool:
    """Whether all was understood, but for words that say nothing."""
    return all(taken[place] or "fill" in term or "comma" in term for place, term in enumerate(said))


def mark(taken: list[bool], start: int, end: int) -> None:
    """Note that the terms from `start` to before `end` were understood."""
    for place in range(start, end):
        taken[place] = True


def skip(said: Sequence[Term], place: int, *kinds: str) -> int:
    """The next place whose term has none of these meanings."""
    while place < len(said) and any(kind in said[place] for kind in kinds):
        place += 1
    return place
