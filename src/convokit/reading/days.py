"""Days as people write them: "tomorrow", "next Friday", "3 March", "03/04", "in 3 days", "haftaya cuma"."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from attrs import evolve, frozen

from convokit.reading.calendar import WEEK, Fits, anchored, day_first, moved, real, week_start
from convokit.reading.found import Found, skip
from convokit.reading.language import Language, language
from convokit.reading.numbers import words_at
from convokit.reading.situation import Situation
from convokit.reading.spans import amount
from convokit.reading.terms import Term
from convokit.reading.weeks import (
    Apart,
    before_day,
    behind_day,
    counted,
    counts_from_another,
    from_day,
)

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_NO_YEAR = re.compile(r"([0-9]{1,2})([/.])([0-9]{1,2})")
_YEAR = re.compile(r"(?:19|20|21)[0-9]{2}")
_DAY = re.compile(r"0?[1-9]|[12][0-9]|3[01]")

_FURTHEST = 3660
_BEFORE_DAYS = {"fr": ("le",), "es": ("el",), "de": ("am", "den", "dem")}
_POINTED = frozenset({"tr", "de", "he"})
"""The languages in which "3.4." is a day."""


@frozen(eq=False)
class _Look:
    """What a form looks at."""

    said: Sequence[Term]
    place: int
    situation: Situation
    known: Language
    fits: Fits

    def at(self, place: int) -> Term | None:
        return self.said[place] if 0 <= place < len(self.said) else None


def day(
    said: Sequence[Term], place: int, situation: Situation, code: str, fits: Fits = lambda _: True
) -> Found[date] | None:
    """The day that begins at `place`; None when none does. The likelier reading is the first.

    Args:
        said: The terms.
        place: Where to look.
        situation: Who writes, where and when.
        code: The language of the terms.
        fits: Whether a day is within what is expected: of a day without a year, the next one that fits is meant.
    """
    look = _Look(said, place, situation, language(code), fits)
    for form in (_apart, _relative, _named, _weekday, _figures, _with_month, _ordinal):
        found = form(look)
        if found is not None and found.values:
            return Found(tuple(dict.fromkeys(found.values)), found.start, found.end)
    return None


# ── the forms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _apart(look: _Look) -> Found[date] | None:
    """Such as "tomorrow week", "a week from Friday", "vendredi en huit", "yarından bir hafta sonra"."""
    ahead = before_day(look.said, look.place, look.situation, look.known.code)
    if ahead is not None:
        start = _start(look, ahead.end)
        return None if start is None else _later(look, start, ahead, start.end)
    start = _start(look, look.place)
    term = look.at(look.place)
    if start is None or term is None:
        return None
    if "day_from" in term or "weekday_from" in term:
        behind = from_day(look.said, start.end, look.situation, look.known.code)
    else:
        behind = behind_day(look.said, start.end, look.situation, look.known.code)
    return None if behind is None else _later(look, start, behind, behind.end)


def _start(look: _Look, place: int) -> Found[date] | None:
    """The day that is counted from: today, tomorrow, a weekday; in the case that says "from" too."""
    term = look.at(place)
    if term is None:
        return None
    here = evolve(look, place=place)
    if "day_from" in term:
        return Found((look.situation.today + timedelta(days=term.get("day_from")),), place, place + 1)
    if "weekday_from" in term:
        return Found(tuple(_days_named(here, term.get("weekday_from"), (), None)), place, place + 1)
    if "day" in term:
        return _named(here)
    if "weekday" in term or "weekday_abbreviated" in term:
        number = term.get("weekday") if "weekday" in term else term.get("weekday_abbreviated")
        return Found(tuple(_days_named(here, number, (), None)), place, place + 1)
    return None


def _later(look: _Look, start: Found[date], apart: Apart, end: int) -> Found[date] | None:
    """The days so many days later; none where it is not said so of such a day."""
    term = look.said[start.start]
    today = start.values == (look.situation.today,)
    weekday = "weekday" in term or "weekday_abbreviated" in term
    if not apart.named and (weekday or (not today and apart.days[0] % WEEK)):
        return None
    # Only from today does anybody count the days of "en huit jours".
    several = apart.days if today else apart.days[:1]
    later = [moved(one, Decimal(days), "d") for one in start.values for days in several]
    return Found(tuple(one for one in later if one is not None), look.place, end)


def _relative(look: _Look) -> Found[date] | None:
    """Such as "in 3 days", "3 gün sonra", "بعد يومين", "hace dos días"."""
    term = look.at(look.place)
    ahead = term is not None and "in" in term
    behind = term is not None and "ago" in term
    found = amount(look.said, look.place + (ahead or behind), look.situation, look.known.code)
    if found is None:
        return None
    before = look.at(look.place - 1)
    if before is not None and not (ahead or behind) and (before.figure or "number" in before):
        # "two or three days later", without the "or".
        return None
    number, unit, end = found
    after = look.at(end)
    if not (ahead or behind) and after is not None:
        if counts_from_another(look.said, look.place, look.known.code):
            # "toplantıdan bir hafta sonra": a week after what we know nothing of.
            return None
        ahead, behind = "after" in after, "ago" in after
        end += 1
    if not (ahead or behind) or unit not in {"d", "w", "M", "y"} or number > _FURTHEST:
        return None
    counts = counted(number, unit, look.known.code) if ahead else (number,)
    later = [moved(look.situation.today, one if ahead else -one, unit) for one in counts]
    return Found(tuple(one for one in later if one is not None), look.place, end)


def _named(look: _Look) -> Found[date] | None:
    """Such as "today", "tomorrow", "कल"."""
    term = look.at(look.place)
    if term is None or not ("day" in term or "day_part" in term):
        return None
    offsets = term.get("day_part")[0] if "day_part" in term and "day" not in term else term.get("day")
    several = offsets if isinstance(offsets, tuple) else (offsets,)
    days = [look.situation.today + timedelta(days=one) for one in several]
    # One word for yesterday and tomorrow: what is expected decides, and else what is to come.
    chosen = next((one for one in days if look.fits(one)), days[0])
    # The part of the day in "tonight" is the clock's to read.
    return Found((chosen,), look.place, look.place + 1)


def _weekday(look: _Look) -> Found[date] | None:
    """Such as "Friday", "next Friday", "Friday next week", "الجمعة القادمة", "this Friday"."""
    at = look.place
    kinds = ("this", "coming", "next", "last", "week")
    before = [kind for kind in kinds if (term := look.at(at)) is not None and kind in term]
    week = look.at(at).get("week") if "week" in before else None  # type: ignore[union-attr]  # `before` holds only what is there
    at = skip(look.said, at + 1, "fill") if before else at
    named = look.at(at)
    if named is None or not ("weekday" in named or "weekday_abbreviated" in named):
        return None
    number = named.get("weekday") if "weekday" in named else named.get("weekday_abbreviated")
    end = at + 1
    after = skip(look.said, end, "fill", "comma")
    behind = look.at(after)
    if not before and behind is not None and any(kind in behind for kind in kinds) and "month" not in behind:
        # "Friday this evening" has nothing to do with this week.
        before = [kind for kind in kinds if kind in behind]
        week, end = behind.get("week"), after + 1
    return Found(tuple(_days_named(look, number, before, week)), look.place, end)


def _days_named(look: _Look, number: int, modes: Sequence[str], week: int | None) -> Iterable[date]:
    today = look.situation.today
    coming = today + timedelta(days=(number - today.weekday()) % WEEK)
    if week is not None:
        first = today - timedelta(days=(today.weekday() - week_start(look.situation.region)) % WEEK)
        start = first + timedelta(days=WEEK * week)
        yield start + timedelta(days=(number - start.weekday()) % WEEK)
    elif "last" in modes:
        yield coming - timedelta(days=WEEK)
    elif "next" in modes:
        # Some mean the one that comes next, some the one of next week.
        yield coming if coming > today else coming + timedelta(days=WEEK)
        yield (coming if coming > today else coming + timedelta(days=WEEK)) + timedelta(days=WEEK)
    elif "this" in modes:
        yield coming
    elif coming == today:
        if "coming" not in modes:
            yield today
        yield today + timedelta(days=WEEK)
    else:
        yield coming


def _figures(look: _Look) -> Found[date] | None:
    """Such as "2026-03-04", "3.4.2026", "03/04"."""
    term = look.at(look.place)
    if term is None or not term.figure:
        return None
    end = look.place + 1
    found = _YEAR_FIRST.fullmatch(term.text)
    if found:
        made = real(int(found[1]), int(found[3]), int(found[4]))
        return Found((made,), look.place, end) if made else None
    found = _YEAR_LAST.fullmatch(term.text)
    if found:
        values = [
            made
            for first, second in _orders(int(found[1]), int(found[3]), found[2], look)
            for year in _years(found[4], look)
            if (made := real(year, second, first)) is not None
        ]
        return Found(tuple(values), look.place, end)
    found = _NO_YEAR.fullmatch(term.text)
    # "6.30" is a time or a number where days are not written with points.
    if found and (found[2] == "/" or look.known.code in _POINTED):
        values = [
            made
            for first, second in _orders(int(found[1]), int(found[3]), found[2], look)
            if (made := anchored(second, first, look.situation.today, look.fits)) is not None
        ]
        return Found(tuple(values), look.place, end)
    return None


def _orders(first: int, second: int, sign: str, look: _Look) -> list[tuple[int, int]]:
    """The (day, month) that two numbers can be. Points stand between day and month wherever they are used."""
    by_day = True if sign == "." else day_first(look.situation.region)
    if look.situation.region == "" and look.known.code != "en":
        by_day = True
    ways = [(first, second)] if by_day else [(second, first)]
    if by_day is None:
        ways = [(first, second), (second, first)]
    possible = [one for one in ways if one[1] <= 12 and one[0] <= 31]  # noqa: PLR2004  months and days
    if sign == ".":
        return possible
    # "25/12" is Christmas also where the month is written first.
    return possible or [one for one in [(second, first), (first, second)] if one[1] <= 12 and one[0] <= 31]  # noqa: PLR2004  see above


def _years(written: str, look: _Look) -> list[int]:
    if len(written) == 4:  # noqa: PLR2004  in full
        return [int(written)]
    this = look.situation.today.year
    century = this // 100 * 100
    year = century + int(written)
    # "86" is 1986 for a birthday, and never 2086 for a table.
    return [year if year <= this + 20 else year - 100]


def _with_month(look: _Look) -> Found[date] | None:
    """Such as "3 March", "March 3rd", "3 de marzo de 2027", "3. März", "3 במרץ"."""
    term = look.at(look.place)
    if term is None:
        return None
    if "month" in term and "number" not in term:
        number = _day_of_month(look, skip(look.said, look.place + 1, "fill"))
        if number is None or not _clear_number(look, number[1]):
            return None
        return _dated(look, number[0], term.get("month"), number[1])
    number = _day_of_month(look, look.place)
    if number is None:
        return None
    at = skip(look.said, number[1], "fill", "at", "of")
    month = look.at(at)
    if month is None or "month" not in month:
        return None
    return _dated(look, number[0], month.get("month"), at + 1)


def _clear_number(look: _Look, place: int) -> bool:
    """Whether the number before `place` is not the hour of "March at 5 pm" nor the count of "March 3 people"."""
    term = look.at(place)
    return term is None or not any(kind in term for kind in ("oclock", "part", "unit"))


def _day_of_month(look: _Look, place: int) -> tuple[int, int] | None:
    term = look.at(place)
    if term is None:
        return None
    if term.figure:
        if not _DAY.fullmatch(term.text):
            return None
        end = place + 1
        while (after := look.at(end)) is not None and (
            (("ordinal" in after or "suffix" in after) and (after.glued or "month" not in after))
            or (after.text in {".", "'", "º", "ª"} and after.glued)
        ):
            end += 1
        return int(term.text), end
    found = words_at(look.said, place, look.known) if "number" in term else None
    if found is None or found.value != int(found.value) or not 1 <= found.value <= 31:  # noqa: PLR2004  days of a month
        return None
    return int(found.value), found.end


def _dated(look: _Look, number: int, month: int, end: int) -> Found[date] | None:
    at = skip(look.said, end, "comma", "of", "fill")
    year = look.at(at)
    if year is not None and year.figure and _YEAR.fullmatch(year.text):
        made = real(int(year.text), month, number)
        return Found((made,), look.place, at + 1) if made else None
    found = anchored(month, number, look.situation.today, look.fits)
    # "mart'ta", "3 Mart'ta": the ending belongs to the month.
    while (after := look.at(end)) is not None and after.glued and ("suffix" in after or after.text == "'"):
        end += 1
    return Found((found,), look.place, end) if found else None


def _ordinal(look: _Look) -> Found[date] | None:
    """Such as "the 5th": the next one to come."""
    term, after = look.at(look.place), look.at(look.place + 1)
    if term is None or not term.figure or not _DAY.fullmatch(term.text):
        return None
    marked = (
        after is not None and after.glued and ("ordinal" in after or (after.text == "." and look.known.code == "de"))
    )
    before = look.at(look.place - 1)
    # "le 20", "el 20", "am 20.": the article says that it is a day, unless it is one of several things.
    named = before is not None and before.text in _BEFORE_DAYS.get(look.known.code, ())
    behind = look.at(look.place + 1 + marked)
    free = behind is None or not any(kind in behind for kind in ("unit", "people", "month", "oclock", "part"))
    if look.known.code == "de":
        named = named and (marked or after is None)
        marked = named
    if not free or not (marked or (named and (behind is None or "fill" in behind or "at" in behind))):
        return None
    today = look.situation.today
    following = [(today.year + (today.month + one - 1) // 12, (today.month + one - 1) % 12 + 1) for one in range(13)]
    ahead = [made for year, month in following if (made := real(year, month, int(term.text))) and made >= today]
    chosen = next((one for one in ahead if look.fits(one)), ahead[0])
    return Found((chosen,), look.place, look.place + 1 + (after is not None and after.glued))
