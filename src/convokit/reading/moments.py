"""Whole texts read as a day, a time of day, both, or a length of time."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar

from convokit.reading.calendar import Fits
from convokit.reading.clock import clock, in_part
from convokit.reading.days import day
from convokit.reading.found import Found, clear_of_doubt, mark, whole
from convokit.reading.languages_of import read_in_turn
from convokit.reading.situation import Situation
from convokit.reading.spans import SECONDS, amount, duration
from convokit.reading.terms import Term

T = TypeVar("T")

_NAMED_TWICE = 2


def days_in(text: str, situation: Situation, fits: Fits = lambda _: True) -> Sequence[date] | None:
    """The days that a text can mean, the likelier first; nothing when it names none, None when it leaves doubt."""

    def reader(said: Sequence[Term], code: str, *, strict: bool) -> Sequence[date] | None:
        taken = [False] * len(said)
        found = _days(said, taken, situation, code, fits)
        if found is None or not found:
            return found
        # The time beside a day does not matter: "Friday at 8".
        _clocks(said, taken, situation, code)
        return _judged(said, taken, found, strict=strict, aside=frozenset({"part", "exact"}))

    return read_in_turn(text, situation, reader)


def times_in(text: str, situation: Situation) -> Sequence[time] | None:
    """The times of day that a text can mean; nothing when it names none, None when it leaves doubt."""

    def reader(said: Sequence[Term], code: str, *, strict: bool) -> Sequence[time] | None:
        taken = [False] * len(said)
        relative = _from_now(said, situation, code)
        if relative is not None:
            mark(taken, relative.start, relative.end)
            return _judged(said, taken, [relative.values[0].time()], strict=strict)
        # "10.12" is ten past twelve when a time is expected.
        pointed = [place for place, one in enumerate(said) if one.figure and one.text.count(".") == 1]
        if not pointed:
            _days(said, taken, situation, code, lambda _: True)
        clocks = _clocks(said, taken, situation, code)
        if not clocks:
            return clocks
        return _judged(said, taken, clocks, strict=strict)

    return read_in_turn(text, situation, reader)


def moments_in(text: str, situation: Situation, fits: Fits = lambda _: True) -> Sequence[datetime] | None:
    """The moments, without a zone, that a text can mean: a day and a time of day, or "in two hours".

    A time of day alone is meant today or tomorrow, whichever comes next. A day without a time is none.
    """

    def reader(said: Sequence[Term], code: str, *, strict: bool) -> Sequence[datetime] | None:
        taken = [False] * len(said)
        relative = _from_now(said, situation, code)
        if relative is not None:
            mark(taken, relative.start, relative.end)
            return _judged(said, taken, relative.values, strict=strict)
        days = _days(said, taken, situation, code, fits)
        clocks = _clocks(said, taken, situation, code, beside_day=bool(days))
        if days is None or clocks is None:
            return None
        if not clocks:
            return ()
        now = situation.local.replace(tzinfo=None)
        if days:
            made = [
                datetime.combine(one + timedelta(days=later), at)
                for one in days
                for at in clocks
                for later in _nights(at, said)
            ]
        elif any((one.figure or "number" in one) and not taken[place] for place, one in enumerate(said)):
            # A number beside the time may be the day: "on the 20 at 8".
            return None
        else:
            made = sorted(_next(at, now) for at in clocks)
        return _judged(said, taken, made, strict=strict)

    return read_in_turn(text, situation, reader)


def durations_in(text: str, situation: Situation) -> Sequence[timedelta] | None:
    """The lengths of time that a text can mean; nothing when it names none, None when it leaves doubt."""

    def reader(said: Sequence[Term], code: str, *, strict: bool) -> Sequence[timedelta] | None:
        taken = [False] * len(said)
        all_found: list[Found[timedelta]] = []
        place = 0
        while place < len(said):
            found = duration(said, place, situation, code)
            if found is not None:
                mark(taken, found.start, found.end)
                all_found.append(found)
            place = found.end if found is not None else place + 1
        if not all_found:
            return None if any("unit" in one or "span" in one for one in said) else ()
        rest = [one for place, one in enumerate(said) if not taken[place]]
        if len(all_found) > 1 or any(one.figure or "number" in one for one in rest):
            return None
        return _judged(said, taken, all_found[0].values, strict=strict)

    return read_in_turn(text, situation, reader)


def _judged(
    said: Sequence[Term],
    taken: Sequence[bool],
    values: Sequence[T],
    *,
    strict: bool,
    aside: frozenset[str] = frozenset(),
) -> Sequence[T] | None:
    if strict:
        return values if whole(said, taken) else ()
    return tuple(dict.fromkeys(values)) if clear_of_doubt(said, taken, aside=aside) else None


def _days(
    said: Sequence[Term], taken: list[bool], situation: Situation, code: str, fits: Fits
) -> Sequence[date] | None:
    """All days named, as one: "Friday, 20 November" names it twice. None when they contradict each other."""
    several: list[Found[date]] = []
    place = 0
    while place < len(said):
        found = day(said, place, situation, code, fits)
        if found is not None and _weak(said, found):
            found = None
        if found is None:
            place += 1
            continue
        mark(taken, found.start, found.end)
        several.append(found)
        place = found.end
    if not several:
        return ()
    together = [one for one in several[0].values if all(one in other.values for other in several[1:])]
    if not together and len(several) == _NAMED_TWICE:
        together = list(_weekday_with_date(several, said))
    if not together:
        return None
    numbered = _numbered(said, taken, several, situation)
    return together if numbered is None else numbered


_BESIDE_SHORT = frozenset({"on", "at", "the", "of", "in", "-", ",", ".", "please"})


def _weak(said: Sequence[Term], found: Found[date]) -> bool:
    """Whether a day rests on a short word that is an ordinary one as well ("sat", "sun") amid other words."""
    short = any("weekday_abbreviated" in one for one in said[found.start : found.end])
    return short and any(not one.means or ("fill" in one and one.text not in _BESIDE_SHORT) for one in said)


def _weekday_with_date(several: Sequence[Found[date]], said: Sequence[Term]) -> Sequence[date]:
    """Such as "Friday, 27 November": the weekday only repeats what the date says."""
    for one, other in ((several[0], several[1]), (several[1], several[0])):
        bare = one.end - one.start == 1 and ("weekday" in said[one.start] or "weekday_abbreviated" in said[one.start])
        if bare:
            matching = [found for found in other.values if found.weekday() == one.values[0].weekday()]
            if matching:
                return matching
    return ()


def _numbered(
    said: Sequence[Term], taken: list[bool], several: Sequence[Found[date]], situation: Situation
) -> Sequence[date] | None:
    """Such as "Friday 27": the days that it can mean when a bare number follows a weekday; None when none does."""
    last = several[-1]
    if len(several) > 1 or last.end >= len(said) or "weekday" not in said[last.end - 1]:
        return None
    place = last.end
    term = said[place]
    if not (term.figure and term.text.isdigit() and 1 <= int(term.text[:3]) <= 31):  # noqa: PLR2004  days of a month
        return None
    after = said[place + 1] if place + 1 < len(said) else None
    if after is not None and "fill" not in after and "ordinal" not in after:
        return None
    number = int(term.text)
    ahead = [situation.today + timedelta(days=one) for one in range(62)]
    matching = [one for one in ahead if one.day == number and one.weekday() == last.values[0].weekday()]
    if matching and matching[0] in last.values:
        taken[place] = True
        return matching[:1]
    return None if number <= 24 else matching[:1] or None  # noqa: PLR2004  it may be an hour


def _clocks(
    said: Sequence[Term], taken: list[bool], situation: Situation, code: str, *, beside_day: bool = False
) -> Sequence[time] | None:
    """All times of day named; nothing when none is, None when there are several."""
    found = _look_for_clocks(said, taken, situation, code, alone=False)
    if not found:
        rest = [one for place, one in enumerate(said) if not taken[place] and "fill" not in one and "comma" not in one]
        numbers = [one for one in rest if one.figure or "number" in one or "hour" in one]
        alone = (
            bool(numbers)
            and not any("people" in one for one in said)
            and all(one.means and _may_stand(one, rest, place) for place, one in enumerate(rest))
        )
        if "in" in said[0] and len(said) > 1 and said[1].figure:
            # "in 5": minutes, or five o'clock; nobody knows.
            alone = False
        if alone or (beside_day and len(rest) == 1 and numbers):
            found = _look_for_clocks(said, taken, situation, code, alone=True)
    found = found or _middays(said, taken)
    if not found:
        return ()
    shared = [one for one in found[0].values if all(one in other.values for other in found[1:])]
    for place, one in enumerate(said):
        # "akşam için, saat 8": the part of the day may stand anywhere.
        part = one.get("part") or (one.get("day_part") or (0, None))[1]
        if part is not None and len(shared) > 1 and not any(each.start <= place < each.end for each in found):
            shared = [at for at in shared if in_part(at, str(part))]
            taken[place] = True
    return shared or None


def _middays(said: Sequence[Term], taken: list[bool]) -> list[Found[time]]:
    """Noon, where a word for the middle of the day ("mittags", "öğlen") is all that is said of the time."""
    places = [place for place, one in enumerate(said) if "midday" in one]
    rest = [one for place, one in enumerate(said) if place not in places and not taken[place]]
    if len(places) != 1 or not all("fill" in one or "comma" in one for one in rest):
        return []
    mark(taken, places[0], places[0] + 1)
    return [Found((time(12),), places[0], places[0] + 1)]


def _may_stand(term: Term, rest: Sequence[Term], place: int) -> bool:
    """Whether a term may stand beside a bare hour: "2 saat" is two hours, "saat 2" is two o'clock."""
    if "unit" not in term or "oclock" in term:
        return True
    before_number = any(one.figure or "number" in one or "hour" in one for one in rest[place + 1 :])
    return term.get("unit") == "m" or ("at" in term and before_number)


def _look_for_clocks(
    said: Sequence[Term], taken: list[bool], situation: Situation, code: str, *, alone: bool
) -> list[Found[time]]:
    several: list[Found[time]] = []
    place = 0
    while place < len(said):
        found = None
        if not taken[place] or "day_part" in said[place]:
            found = clock(said, place, situation, code, alone=alone)
        if found is not None and any(
            taken[one] and "day_part" not in said[one] for one in range(found.start, found.end)
        ):
            found = None
        if found is None:
            place += 1
            continue
        mark(taken, found.start, found.end)
        several.append(found)
        place = found.end
    return several


def _from_now(said: Sequence[Term], situation: Situation, code: str) -> Found[datetime] | None:
    """Such as "in two hours", "yarım saat sonra", "dans une demi-heure"."""
    for place in range(len(said)):
        ahead = "in" in said[place]
        found = amount(said, place + ahead, situation, code)
        if found is None or found[1] not in {"s", "m", "h"}:
            continue
        number, unit, end = found
        if not ahead:
            if end >= len(said) or "after" not in said[end]:
                continue
            end += 1
        seconds = number * Decimal(SECONDS[unit])
        if seconds > 366 * 86_400:
            return None
        then = (situation.now + timedelta(seconds=float(seconds))).astimezone(situation.tz)
        return Found((then.replace(tzinfo=None, microsecond=0),), place, end)
    return None


_EARLY = 6


def _nights(at: time, said: Sequence[Term]) -> tuple[int, ...]:
    """How many days after the day named a time is: "Friday at midnight" is where it begins, or where it ends."""
    if at.hour >= _EARLY or any(one.figure and one.text.startswith("0") for one in said):
        return (0,)
    if any("day_part" in one and one.get("day_part")[1] in {"evening", "night"} for one in said):
        return (1,)
    night = any(one.get("part") == "night" for one in said)
    return (0, 1) if at.hour == 0 or night else (0,)


def _next(at: time, now: datetime) -> datetime:
    today = datetime.combine(now.date(), at)
    return today if today > now else today + timedelta(days=1)
