"""Whole texts read as one number: "5", "five please", "I want five", "three and a half", "-5 €"."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from attrs import frozen

from convokit._value import Value
from convokit.reading.found import mark
from convokit.reading.language import language
from convokit.reading.languages_of import read_in_turn
from convokit.reading.numbers import Quantity, decimal_sign, figure, quantity
from convokit.reading.situation import Situation
from convokit.reading.terms import CURRENCY_SIGNS, Term
from convokit.reading.tokens import LONGEST, folded

Beside = Callable[[Term], tuple[str, ...]]

_ALONE = re.compile(r"([+-]?)\s?([0-9][0-9.,'\u066b\u066c]*)")
# Marks and words that turn a number into something else when they stand beside it.
_TELLING = frozenset(
    {"unsure", "or", "half", "quarter", "and_half", "scale", "hundred", "dozen", "plus", "minus", "fraction", "number"}
    | {"part", "weekday", "month", "day", "hour", "oclock", "past", "last", "next", "ago", "after"}
    | {"span", "compound_unit"}
)
_ODD = frozenset("%/*=^_#@<>|\\{}[]~\ufffd")
_UNKNOWN_MOST = 8


@frozen(eq=False, repr=False)
class Count(Value):
    """A number that is the only one in its text.

    Attributes:
        value: What it is.
        other: What it would be if its separator meant the other thing; None when there is one reading.
        beside: What was asked for beside it: the currencies it can be in.
    """

    value: Decimal
    other: Decimal | None = None
    beside: tuple[str, ...] = ()


def counts_of(text: str, situation: Situation, beside: Beside = lambda _: ()) -> Sequence[Count] | None:
    """The number that a text holds; several when languages differ.

    Nothing when it holds none; None when it holds more than one, or when a word beside it leaves doubt ("not five",
    "5 or 6", "at least 5").

    Args:
        text: What was written; none is found in a text of more than 200 characters.
        situation: Who writes: their language, and which sign parts the fraction.
        beside: What terms beside the number stand for, such as currencies.
    """
    if len(text) > LONGEST:
        return ()
    alone = _ALONE.fullmatch(folded(text))
    if alone:
        read = figure(alone[2], decimal_sign(situation))
        if read is None:
            return None
        return [_signed(read[0], read[1], negative=alone[1] == "-")]

    def reader(said: Sequence[Term], code: str, *, strict: bool) -> Sequence[Count] | None:
        return _only(said, code, situation, beside, strict=strict)

    return read_in_turn(text, situation, reader)


def _only(
    said: Sequence[Term], code: str, situation: Situation, beside: Beside, *, strict: bool
) -> Sequence[Count] | None:
    taken = [False] * len(said)
    found: list[tuple[int, Quantity]] = []
    place = 0
    while place < len(said):
        one = quantity(said, place, situation, code) if not beside(said[place]) else None
        if one is not None:
            found.append((place, one))
            mark(taken, place, one.end)
        place = place + 1 if one is None else one.end
    strong = [one for one in found if not one[1].weak]
    edges = {one[0] for one in strong} | {one[1].end for one in strong}
    if any(place in edges or one.end in edges for place, one in found if one.weak):
        # "one two" are two numbers, "a table for two" is one.
        return None
    chosen = strong or found
    if not chosen:
        return None if any(one.figure for one in said) else ()
    if len(chosen) > 1:
        return None
    currencies, rest = _beside(said, taken, beside)
    place, number = chosen[0]
    if currencies is None or not _clear(said, rest, weak=not strong, strict=strict, code=code):
        return () if strict else None
    negative = _negative(said, place)
    if negative is None:
        return None
    return [_signed(number.value, number.other, currencies, negative=negative)]


def _signed(value: Decimal, other: Decimal | None, beside: tuple[str, ...] = (), *, negative: bool) -> Count:
    # `copy_negate`: arithmetic would round a long number.
    if not negative:
        return Count(value, other, beside)
    return Count(value.copy_negate(), None if other is None else other.copy_negate(), beside)


def _beside(said: Sequence[Term], taken: Sequence[bool], beside: Beside) -> tuple[tuple[str, ...] | None, list[Term]]:
    """The currencies named, None when two are named; and the terms that are left."""
    rest: list[Term] = []
    named: list[tuple[str, ...]] = []
    for place, term in enumerate(said):
        if taken[place]:
            continue
        stands_for = beside(term)
        if stands_for:
            named.append(stands_for)
        else:
            rest.append(term)
    if len(set(named)) > 1:
        return None, rest
    return (named[0] if named else ()), rest


def _clear(said: Sequence[Term], rest: Sequence[Term], *, weak: bool, strict: bool, code: str) -> bool:
    """Whether nothing beside the number changes it."""
    unknown = 0
    for term in rest:
        if term.figure or term.text in _ODD or any(one in _ODD for one in term.text):
            return False
        if "fill" in term or "comma" in term or "plus_sign" in term:
            continue
        if any(kind in _TELLING for kind in term.means) or _range(said, term):
            return False
        # A number glued to letters is a code, an ordinal or a unit: "A5", "5th", "1e5".
        unknown += 1
    unread = [one for place, one in enumerate(said) if place and said[place - 1].figure and _glued_word(one, code)]
    if any(one in rest for one in unread):
        return False
    return not unknown if weak or strict else unknown <= _UNKNOWN_MOST


def _glued_word(term: Term, code: str) -> bool:
    known = language(code)
    return (
        term.glued
        and not term.figure
        and any(map(str.isalpha, term.text))
        and not any(kind in term for kind in ("scale", "currency", "suffix", "fill"))
        and known.code not in {"he", "ar"}
    )


def _range(said: Sequence[Term], term: Term) -> bool:
    return "to" in term and term.text == "to" and any(one.figure or "number" in one for one in said)


def _negative(said: Sequence[Term], place: int) -> bool | None:
    """Whether a minus stands before the number, at the beginning or behind a space; None when there are two signs."""
    at = place - 1
    while at >= 0 and said[at].text in CURRENCY_SIGNS:
        at -= 1
    if at < 0 or said[at].text != "-":
        return False
    if at and said[at - 1].text in {"-", "+"}:
        return None
    return at == 0 or not said[at].glued
