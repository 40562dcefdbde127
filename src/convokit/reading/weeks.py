"""How far one day is from another as people say it: "tomorrow week", "vendredi en huit", "שבוע מהיום"."""

from collections.abc import Sequence
from decimal import Decimal

from attrs import frozen

from convokit.reading.calendar import WEEK
from convokit.reading.numbers import quantity
from convokit.reading.situation import Situation
from convokit.reading.spans import amount
from convokit.reading.terms import Term

_DAYS = {"d": 1, "w": WEEK}
_FURTHEST = 3660
_ABLATIVE = ("dan", "den", "tan", "ten")
"""How a Turkish word ends of which something is counted from."""

# "dans quinze jours" is in two weeks, "in acht Tagen" in one; said by somebody who counts, it is 15 or 8 days.
_IDIOMS = {"fr": {8: 7, 15: 14}, "es": {8: 7, 15: 14}, "de": {8: 7}}


@frozen(eq=False)
class Apart:
    """How many days later, the likelier first, and the place behind the words that say so.

    `named`: whether it counts from a weekday too, and not only from today and tomorrow.
    """

    days: tuple[int, ...]
    end: int
    named: bool = True


def counted(number: Decimal, unit: str, code: str) -> tuple[Decimal, ...]:
    """The numbers that are meant by one before a unit: of "quinze jours" 14 and 15."""
    idiom = _IDIOMS.get(code, {}).get(int(number)) if unit == "d" and number == int(number) else None
    return (number,) if idiom is None else (Decimal(idiom), number)


def behind_day(said: Sequence[Term], place: int, situation: Situation, code: str) -> Apart | None:
    """What stands behind a day: the "week" of "Friday week", the "en huit" of "vendredi en huit"."""
    if place >= len(said):
        return None
    term = said[place]
    if "week_on" in term:
        return Apart((term.get("week_on"),), place + 1)
    if "counted_from" in term or "counted_in" in term:
        found = _days(said, place + 1, situation, code)
        if found is not None and "counted_from" in term:
            return _later(said, found)
        if found is not None:
            return Apart(found.days, found.end, named=len(found.days) > 1)
    return _bare(said, place + 1, situation, code) if "counted_in" in term else None


def before_day(said: Sequence[Term], place: int, situation: Situation, code: str) -> Apart | None:
    """What stands before a day: "a week from" tomorrow, "a fortnight" today, "haftaya" bugün, "بعد أسبوع من" الغد."""
    if place >= len(said):
        return None
    if "week_before" in said[place]:
        return Apart((said[place].get("week_before"),), place + 1, named=False)
    ahead = "in" in said[place]
    found = _days(said, place + ahead, situation, code)
    if found is None or found.end >= len(said):
        return None
    before = said[place - 1] if place else None
    if before is not None and (not before.means or before.figure or "number" in before or before.text == "for"):
        # "for a week from Friday", "we stay a week from Friday": how long, and from when.
        return None
    following = said[found.end]
    if "day_from" in following or "weekday_from" in following:
        return found
    if "from_day" in following:
        return Apart(found.days, found.end + 1)
    if "after" in following and code == "tr":
        return Apart(found.days, found.end + 1, named=False)
    if code == "en" and not ahead and not found.days[0] % WEEK:
        on = following.text == "on"
        return Apart(found.days, found.end + on)
    return None


def counts_from_another(said: Sequence[Term], place: int, code: str) -> bool:
    """Whether the word before a length of time says what it counts from: "toplantıdan bir hafta sonra"."""
    before = said[place - 1] if place else None
    if before is None:
        return False
    if not before.means:
        return code == "tr" and before.text.endswith(_ABLATIVE)
    return any(kind in before for kind in ("counted_from", "day_from", "weekday_from"))


def from_day(said: Sequence[Term], place: int, situation: Situation, code: str) -> Apart | None:
    """What stands behind a day in the case that says "from": yarından "bir hafta sonra"."""
    found = _days(said, place, situation, code)
    return None if found is None else _later(said, found)


def _later(said: Sequence[Term], found: Apart) -> Apart | None:
    if found.end >= len(said) or "after" not in said[found.end]:
        return None
    return Apart(found.days, found.end + 1)


def _days(said: Sequence[Term], place: int, situation: Situation, code: str) -> Apart | None:
    found = amount(said, place, situation, code)
    if found is None or found[1] not in _DAYS or found[0] > _FURTHEST or found[0] != int(found[0]):
        return None
    number, unit, end = found
    return Apart(tuple(int(one) * _DAYS[unit] for one in counted(number, unit, code)), end)


def _bare(said: Sequence[Term], place: int, situation: Situation, code: str) -> Apart | None:
    """The "huit" of "vendredi en huit", which counts no people."""
    found = quantity(said, place, situation, code) if place < len(said) else None
    if found is None or found.other is not None or found.value not in _IDIOMS.get(code, {}):
        return None
    after = said[found.end] if found.end < len(said) else None
    if after is not None and any(kind in after for kind in ("unit", "people", "oclock", "minus", "and_half")):
        return None
    return Apart((_IDIOMS[code][int(found.value)],), found.end)
