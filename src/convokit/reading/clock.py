"""Times of day as people write them: "17:30", "half past six", "akşam 6", "saat beşe çeyrek var", "halb neun"."""

import re
from collections.abc import Iterable, Sequence
from datetime import time

from attrs import frozen

from convokit.reading.found import Found, skip
from convokit.reading.language import Language, language
from convokit.reading.numbers import quantity, words_at
from convokit.reading.situation import Situation
from convokit.reading.terms import Term

_CLOCK = re.compile(r"([01]?[0-9]|2[0-4])[:.]([0-5][0-9])(?::([0-5][0-9]))?")
_HOUR = re.compile(r"[01]?[0-9]|2[0-4]")
_DAY = 24
_NOON = 12
_HALF = 30
_NARROW = 3
_FIVE = 5

# Which hours of a day an hour from 1 to 12 can be, by part of the day.
_PARTS: dict[str, dict[int, int]] = {
    "am": {12: 0} | {hour: hour for hour in range(1, 12)},
    "pm": {12: 12} | {hour: hour + 12 for hour in range(1, 12)},
    "morning": {hour: hour for hour in range(1, 13)},
    "noon": {11: 11, 12: 12} | {hour: hour + 12 for hour in range(1, 5)},
    "afternoon": {12: 12} | {hour: hour + 12 for hour in range(1, 12)},
    "evening": {hour: hour + 12 for hour in range(3, 12)},
    "night": {12: 0} | {hour: hour for hour in range(1, 6)} | {hour: hour + 12 for hour in range(6, 12)},
}
_SPANS = {
    "am": (0, 11), "pm": (12, 23), "morning": (4, 12), "noon": (11, 16), "afternoon": (12, 21), "evening": (15, 23),
    "night": (18, 29),
}  # fmt: skip


@frozen(eq=False)
class _Hour:
    """An hour as written. `fixed`: by 24 hours ("17", "05:00"); `cued`: something says that it is a time."""

    hour: int
    minute: int
    end: int
    second: int = 0
    fixed: bool = False
    cued: bool = False
    spoken: bool = False


def clock(said: Sequence[Term], place: int, situation: Situation, code: str, *, alone: bool) -> Found[time] | None:
    """The time of day that begins at `place`; None when none does.

    Args:
        said: The terms.
        place: Where to look.
        situation: Who writes.
        code: The language of the terms.
        alone: Whether a bare number may be an hour: the message says nothing else.
    """
    known = language(code)
    start = place
    part, place = _part_at(said, place)
    cued = part is not None
    here = place
    # "um", "saat", "a las": what says that an hour follows, with or without other small words before it.
    here = skip(said, here, "fill") if part is not None else here
    while here < len(said) and "number" not in said[here]:
        if "at" in said[here] or "oclock" in said[here]:
            cued = True
        elif not (cued and "fill" in said[here]):
            break
        here += 1
    exact = _exact_at(said, here)
    hour = exact or _hour_at(said, here, situation, known)
    if hour is None:
        return None
    cued = cued or hour.cued
    end = hour.end
    if part is None and exact is None:
        after = skip(said, end, "oclock", "suffix")
        part, behind = _part_at(said, _over_fill(said, after))
        if part is not None:
            cued, end = True, behind
        elif after > end:
            cued, end = True, after
    # The apostrophe and ending of "17.30'da" belong to the clock.
    end = _endings(said, end)
    if not cued and not alone:
        return None
    values = _hours(hour, part)
    return Found(values, start, end) if values else None


def _over_fill(said: Sequence[Term], place: int) -> int:
    """Behind small words, when a part of the day follows them; else where it was."""
    after = skip(said, place, "fill")
    return after if after < len(said) and "part" in said[after] else place


def _endings(said: Sequence[Term], place: int) -> int:
    while place < len(said) and said[place].glued and ("suffix" in said[place] or said[place].text == "'"):
        place += 1
    return place


def _part_at(said: Sequence[Term], place: int) -> tuple[str | None, int]:
    if place < len(said):
        if "part" in said[place] and "past" not in said[place]:
            return str(said[place].get("part")), place + 1
        if "day_part" in said[place]:
            return str(said[place].get("day_part")[1]), place + 1
        if "part" in said[place]:
            return str(said[place].get("part")), place + 1
    return None, place


def _exact_at(said: Sequence[Term], place: int) -> _Hour | None:
    if place >= len(said) or "exact" not in said[place]:
        return None
    hour = int(said[place].get("exact"))
    half, end = _half_after(said, place + 1)
    return _Hour(hour, 30 if half else 0, end if half else place + 1, fixed=True, cued=True)


def _half_after(said: Sequence[Term], place: int) -> tuple[bool, int]:
    at = skip(said, place, "and")
    at = skip(said, at, "article") if at > place else at
    half = at < len(said) and ("half" in said[at] and at > place)
    return half, at + 1


def _hour_at(said: Sequence[Term], place: int, situation: Situation, known: Language) -> _Hour | None:
    """The hour with its minutes that begins here."""
    for form in (_before_hour, _half_before, _figures, _case_form, _plain_hour):
        found = form(said, place, situation, known)
        if found is not None:
            return found
    return None


# ── the forms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _figures(said: Sequence[Term], place: int, situation: Situation, known: Language) -> _Hour | None:
    """Such as "17:30", "5.30", "17h30"."""
    del known
    if place >= len(said) or not said[place].figure:
        return None
    found = _CLOCK.fullmatch(said[place].text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if hour == _DAY and (minute or second):
        return None
    fixed = hour > _NOON or hour == 0 or found[1].startswith("0") or (len(found[1]) > 1 and situation.by_24_hours)
    # "5.30" is a number as well: only with a colon does it say by itself that it is a time.
    return _Hour(hour % _DAY, minute, place + 1, second, fixed=fixed, cued=":" in said[place].text)


def _number(said: Sequence[Term], place: int, known: Language) -> tuple[int, int, bool] | None:
    """A small whole number: its value, the place behind it, whether it is in words."""
    if place >= len(said):
        return None
    if said[place].figure:
        following = said[place + 1] if place + 1 < len(said) else None
        if following is not None and following.glued and "ordinal" in following and "oclock" not in following:
            return None
        whole = said[place].text.isdigit() and len(said[place].text) <= 2  # noqa: PLR2004  hours and minutes
        return (int(said[place].text), _endings(said, place + 1), False) if whole else None
    if "number" not in said[place]:
        return None
    found = words_at(said, place, known)
    if found is None or found.value != int(found.value) or found.value >= 60:  # noqa: PLR2004  minutes of an hour
        return None
    return int(found.value), found.end, True


def _named_hour(said: Sequence[Term], place: int, known: Language) -> tuple[int, int] | None:
    """An hour from 0 to 24 without minutes, and the place behind it."""
    at = skip(said, place, "at", "oclock") if place < len(said) and "number" not in said[place] else place
    if at < len(said) and "hour" in said[at]:
        return int(said[at].get("hour")), at + 1
    found = _number(said, at, known)
    return (found[0], found[1]) if found is not None and found[0] <= _DAY else None


def _before_hour(said: Sequence[Term], place: int, situation: Situation, known: Language) -> _Hour | None:
    """Such as "half past six", "quarter to five", "ten past five", "Viertel nach fünf", "רבע לחמש"."""
    at = skip(said, place, "article") if place < len(said) and "number" not in said[place] else place
    if at >= len(said):
        return None
    if "three_quarters" in said[at]:
        ahead = _named_hour(said, at + 1, known)
        return _minus(ahead[0], 15, ahead[1]) if ahead else None
    counted = _counted_minutes(said, at, known)
    if counted is None:
        return None
    minutes, at, spoken = counted
    if at >= len(said) or not ("past" in said[at] or "to" in said[at]):
        return None
    past = "past" in said[at]
    if known.half_before and at + 1 < len(said) and "half" in said[at + 1]:
        half = _half_before(said, at + 1, situation, known)
        if half is None:
            return None
        return _plus(half, minutes) if past else _minus(half.hour, minutes - half.minute, half.end)
    hour = _named_hour(said, at + 1, known)
    if hour is None or hour[0] > _NOON:
        return None
    if past:
        return _cued(_Hour(hour[0], minutes, hour[1]))
    # Nobody says half to, nor nine to; "5 to 6" in digits is from five to six as well.
    if minutes == _HALF or minutes % _FIVE or (not spoken and 0 < hour[0] - minutes <= _NARROW):
        return None
    return _cued(_minus(hour[0], minutes, hour[1]))


def _counted_minutes(said: Sequence[Term], at: int, known: Language) -> tuple[int, int, bool] | None:
    """The minutes before or after an hour: how many, the place behind them, whether they are said in words."""
    if "half" in said[at]:
        return _HALF, at + 1, True
    if "quarter" in said[at]:
        return 15, at + 1, True
    number = _number(said, at, known)
    if number is None or not 1 <= number[0] < _HALF:
        return None
    minutes, end, spoken = number
    with_unit = _unit(said, end)
    return minutes, with_unit, spoken or with_unit > end


def _cued(hour: _Hour) -> _Hour:
    return _Hour(hour.hour, hour.minute, hour.end, fixed=hour.fixed, cued=True)


def _plus(hour: _Hour, minutes: int) -> _Hour:
    total = hour.hour * 60 + hour.minute + minutes
    return _Hour(total // 60, total % 60, hour.end, cued=True)


def _minus(hour: int, minutes: int, end: int) -> _Hour:
    """`minutes` before the full hour; an hour from 1 to 12 stays one."""
    total = hour * 60 - minutes
    found = total // 60 or (_NOON if hour == 1 else 0)
    return _Hour(found, total % 60, end, cued=True)


def _half_before(said: Sequence[Term], place: int, situation: Situation, known: Language) -> _Hour | None:
    """Such as "halb neun" is half past eight; "half six" in English half past six."""
    if place >= len(said) or "half" not in said[place]:
        return None
    hour = _named_hour(said, place + 1, known)
    if hour is None or not 1 <= hour[0] <= _NOON:
        return None
    if known.half_before:
        return _minus(hour[0], 30, hour[1])
    return _Hour(hour[0], 30, hour[1], cued=True) if known.code == "en" and situation.region != "US" else None


def _case_form(said: Sequence[Term], place: int, situation: Situation, known: Language) -> _Hour | None:
    """Turkish: "beşi çeyrek geçe", "5'e 10 var"."""
    del situation
    if known.code != "tr":
        return None
    hour = _named_hour(said, place, known)
    if hour is None or hour[0] > _NOON or not hour[0]:
        return None
    at = hour[1]
    if at < len(said) and "quarter" in said[at]:
        minutes, at = 15, at + 1
    else:
        number = _number(said, at, known)
        if number is None or not 1 <= number[0] <= 29:  # noqa: PLR2004  minutes before or after an hour
            return None
        minutes, at = number[0], number[1]
        at = skip(said, at, "unit") if at < len(said) and said[at].get("unit") == "m" else at
    if at < len(said) and "past" in said[at]:
        return _Hour(hour[0], minutes, at + 1, cued=True)
    return _minus(hour[0], minutes, at + 1) if at < len(said) and "to" in said[at] else None


def _plain_hour(said: Sequence[Term], place: int, situation: Situation, known: Language) -> _Hour | None:
    """Such as "6", "six", "18 Uhr 30", "six heures et demie", "las seis menos cuarto", "साढ़े छह", "five thirty"."""
    if place >= len(said):
        return None
    spoken = not said[place].figure
    if "hour" in said[place]:
        hour, minute, at, cued = int(said[place].get("hour")), 0, place + 1, known.code == "ar"
    elif "plus" in said[place] or ("number" in said[place] and "." in str(said[place].get("number"))):
        found = quantity(said, place, situation, known.code)
        if found is None or found.value >= _NOON + 1 or found.value * 60 != int(found.value * 60):
            return None
        total = int(found.value * 60)
        return _Hour(total // 60, total % 60, found.end)
    else:
        number = _number(said, place, known)
        if number is None or number[0] > _DAY:
            return None
        hour, at, minute, cued = number[0], number[1], 0, False
    fixed = (hour > _NOON or hour == 0 or (not spoken and said[place].text.startswith("0"))) and "hour" not in said[
        place
    ]
    behind = skip(said, at, "oclock")
    cued = cued or behind > at or (place > 0 and "at" in said[place - 1])
    tail = _minutes(said, behind, known, spoken=spoken, cued=cued)
    if tail is not None:
        minute, at = tail
        cued = True
    else:
        at = behind
    if minute < 0:
        made = _minus(hour, -minute, at)
        return _Hour(made.hour, made.minute, at, fixed=fixed, cued=cued, spoken=spoken)
    return _Hour(hour % _DAY, minute, at, fixed=fixed, cued=cued, spoken=spoken)


def _minutes(said: Sequence[Term], place: int, known: Language, *, spoken: bool, cued: bool) -> tuple[int, int] | None:
    """The minutes behind an hour, negative before it, and the place behind them."""
    if place >= len(said):
        return None
    at = place
    if "minus" in said[at]:
        at = skip(said, at + 1, "article", "and") if "number" not in said[min(at + 1, len(said) - 1)] else at + 1
        if at < len(said) and "quarter" in said[at]:
            return -15, at + 1
        number = _number(said, at, known)
        return (-number[0], _unit(said, number[1])) if number and 1 <= number[0] <= 29 else None  # noqa: PLR2004  minutes of an hour
    if "and_half" in said[at]:
        return 30, at + 1
    joined = "and" in said[at]
    at += joined
    article = skip(said, at, "article") if at < len(said) and "number" not in said[at] else at
    if joined and article < len(said) and "half" in said[article]:
        return 30, article + 1
    if joined and article < len(said) and "quarter" in said[article]:
        return 15, article + 1
    number = _number(said, at, known)
    if number is None or not 1 <= number[0] <= 59:  # noqa: PLR2004  minutes of an hour
        return None
    minute, end, in_words = number
    two_figures = not in_words and len(said[at].text) == 2  # noqa: PLR2004  "17h30", "18 Uhr 30"
    unit = _unit(said, end)
    if joined and ((in_words and spoken) or unit > end or (cued and two_figures)):
        return minute, unit
    if not joined and ((cued and (two_figures or in_words)) or (spoken and in_words and minute >= 10)):  # noqa: PLR2004  "five thirty"
        return minute, unit
    return None


def _unit(said: Sequence[Term], place: int) -> int:
    return place + 1 if place < len(said) and said[place].get("unit") == "m" else place


def in_part(at: time, part: str) -> bool:
    """Whether a time belongs to a part of the day: 20:00 to the evening."""
    named = _PARTS[part].get(at.hour % _NOON or _NOON)
    return named == at.hour


def _hours(hour: _Hour, part: str | None) -> tuple[time, ...]:
    """The times that an hour can be; none when it does not go with the part of the day."""
    if part is not None:
        return tuple(_in_part(hour, part))
    if hour.fixed or hour.hour == _NOON:
        return (time(hour.hour, hour.minute, hour.second),)
    return time(hour.hour, hour.minute, hour.second), time((hour.hour + _NOON) % _DAY, hour.minute, hour.second)


def _in_part(hour: _Hour, part: str) -> Iterable[time]:
    if 1 <= hour.hour <= _NOON and hour.hour in _PARTS[part]:
        yield time(_PARTS[part][hour.hour], hour.minute, hour.second)
    elif hour.fixed:
        low, high = _SPANS[part]
        if low <= hour.hour <= high or low <= hour.hour + _DAY <= high:
            yield time(hour.hour, hour.minute, hour.second)
