"""Lengths of time as people write them: "2 hours", "1h30", "an hour and a half", "yarım saat", "عشر دقائق"."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from convokit.reading.found import Found
from convokit.reading.numbers import HALF, QUARTER, quantity
from convokit.reading.situation import Situation
from convokit.reading.terms import Term

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""The units whose length does not depend on the calendar."""

_MOST = Decimal(10**9)


def amount(said: Sequence[Term], place: int, situation: Situation, code: str) -> tuple[Decimal, str, int] | None:
    """A number and its unit that begin at `place` ("3", "d"), and the place behind them; None when there are none.

    "an hour and a half" is 1.5 hours; Hebrew and Arabic have one word for "two days".
    """
    if place >= len(said):
        return None
    term = said[place]
    if "article" in term and place + 1 < len(said) and "compound_unit" in said[place + 1]:
        place, term = place + 1, said[place + 1]
    if "span" in term:
        number, unit = term.get("span")
        return _and_half(said, Decimal(number), unit, place + 1)
    if "compound_unit" in term:
        number, unit = term.get("compound_unit")
        return Decimal(number), unit, place + 1
    found = quantity(said, place, situation, code)
    if found is None and "article" in term and place + 1 < len(said) and "unit" in said[place + 1]:
        return _and_half(said, Decimal(1), said[place + 1].get("unit"), place + 2)
    if found is None:
        # "שעה וחצי", "ساعة ونصف", "ساعة": a unit without a number is one of it.
        if "unit" in term and code in {"he", "ar"}:
            return _and_half(said, Decimal(1), term.get("unit"), place + 1)
        return None
    at = found.end
    # "demi-heure", "quarter of an hour".
    while at < len(said) and (
        "of" in said[at] or said[at].text in {"-", "'"} or ("article" in said[at] and "number" not in said[at])
    ):
        at += 1
    if at >= len(said) or "unit" not in said[at] or found.other is not None or found.value > _MOST:
        return None
    return _and_half(said, found.value, said[at].get("unit"), at + 1)


def _and_half(said: Sequence[Term], number: Decimal, unit: str, place: int) -> tuple[Decimal, str, int]:
    at = place
    if at < len(said) and "and_half" in said[at]:
        return number + HALF, unit, at + 1
    if at + 1 < len(said) and "and" in said[at]:
        at += 2 if "article" in said[at + 1] and "number" not in said[at + 1] and at + 2 < len(said) else 1
        # "an hour and a half an hour later" does not exist, "a week and half an hour" does.
        alone = at + 1 >= len(said) or "unit" not in said[at + 1]
        if "half" in said[at] and alone:
            return number + HALF, unit, at + 1
        if "quarter" in said[at] and alone:
            return number + QUARTER, unit, at + 1
    return number, unit, place


def duration(said: Sequence[Term], place: int, situation: Situation, code: str) -> Found[timedelta] | None:
    """The length of time that begins at `place`, all its units together; None when there is none.

    Months and years have no length of their own and are none.
    """
    total, at = Decimal(0), place
    smaller = Decimal("Infinity")
    while at < len(said):
        joined = at > place and ("and" in said[at] or "comma" in said[at])
        found = amount(said, at + joined, situation, code)
        if found is None or found[1] not in SECONDS:
            break
        number, unit, end = found
        size = Decimal(SECONDS[unit])
        if size >= smaller:
            return None
        total, smaller, at = total + number * size, size, end
        # "1h30", "1 Stunde 30".
        rest = said[at] if at < len(said) else None
        if unit == "h" and rest is not None and rest.figure and rest.text.isdigit() and len(rest.text) == 2:  # noqa: PLR2004  two figures
            following = said[at + 1] if at + 1 < len(said) else None
            if following is None or "unit" not in following:
                total, at = total + int(rest.text) * 60, at + 1
                break
    if at == place or not 0 < total <= _MOST:
        return None
    return Found((timedelta(seconds=float(total)),), place, at)
