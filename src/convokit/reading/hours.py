"""Hours with their minutes as people write them: "17:30", "half past six", "saat beşe çeyrek var", "halb neun"."""

import re
from collections.abc import Sequence

from attrs import frozen

from convokit.reading.found import skip
from convokit.reading.language import Language
from convokit.reading.numbers import quantity, words_at
from convokit.reading.situation import Situation
from convokit.reading.terms import Term

DAY = 24
NOON = 12
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4])[:.]([0-5][0-9])(?::([0-5][0-9]))?")
_HALF = 30
_NARROW = 3
_FIVE = 5


@frozen(eq=False)
class Hour:
    """An hour as written. `fixed`: by 24 hours ("17", "05:00"); `cued`: something says that it is a time."""

    hour: int
    minute: int
    end: int
    second: int = 0
    fixed: bool = False
    cued: bool = False
    spoken: bool = False


def hour_at(said: Sequence[Term], place: int, situation: Situation, known: Language) -> Hour | None:
    """The hour with its minutes that begins here."""
    for form in (_before_hour, _half_before, _figures, _case_form, _plain_hour):
        found = form(said, place, situation, known)
        if found is not None:
            return found
    return None


# ── the forms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _figures(said: Sequence[Term], place: int, situation: Situation, known: Language) -> Hour | None:
    """Such as "17:30", "5.30", "17h30"."""
    del known
    if place >= len(said) or not said[place].figure:
        return None
    found = _CLOCK.fullmatch(said[place].text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if hour == DAY and (minute or second):
        return None
    fixed = hour > NOON or hour == 0 or found[1].startswith("0") or (len(found[1]) > 1 and situation.by_24_hours)
    # "5.30" is a number as well: only with a colon does it say by itself that it is a time.
    return Hour(hour % DAY, minute, place + 1, second, fixed=fixed, cued=":" in said[place].text)


def _number(said: Sequence[Term], place: int, known: Language) -> tuple[int, int, bool] | None:
    """A small whole number: its value, the place behind it, whether it is in words."""
    if place >= len(said):
        return None
    if said[place].figure:
        following = said[place + 1] if place + 1 < len(said) else None
        if following is not None and following.glued and "ordinal" in following and "oclock" not in following:
            return None
        whole = said[place].text.isdigit() and len(said[place].text) <= 2  # noqa: PLR2004  hours and minutes
        return (int(said[place].text), endings(said, place + 1), False) if whole else None
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
    return (found[0], found[1]) if found is not None and found[0] <= DAY else None


def _before_hour(said: Sequence[Term], place: int, situation: Situation, known: Language) -> Hour | None:
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
    if hour is None or hour[0] > NOON:
        return None
    if past:
        return _cued(Hour(hour[0], minutes, hour[1]))
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


def _cued(hour: Hour) -> Hour:
    return Hour(hour.hour, hour.minute, hour.end, fixed=hour.fixed, cued=True)


def _plus(hour: Hour, minutes: int) -> Hour:
    total = hour.hour * 60 + hour.minute + minutes
    return Hour(total // 60, total % 60, hour.end, cued=True)


def _minus(hour: int, minutes: int, end: int) -> Hour:
    """`minutes` before the full hour; an hour from 1 to 12 stays one."""
    total = hour * 60 - minutes
    found = total // 60 or (NOON if hour == 1 else 0)
    return Hour(found, total % 60, end, cued=True)


def _half_before(said: Sequence[Term], place: int, situation: Situation, known: Language) -> Hour | None:
    """Such as "halb neun" is half past eight; "half six" in English half past six."""
    if place >= len(said) or "half" not in said[place]:
        return None
    hour = _named_hour(said, place + 1, known)
    if hour is None or not 1 <= hour[0] <= NOON:
        return None
    if known.half_before:
        return _minus(hour[0], 30, hour[1])
    return Hour(hour[0], 30, hour[1], cued=True) if known.code == "en" and situation.region != "US" else None


def _case_form(said: Sequence[Term], place: int, situation: Situation, known: Language) -> Hour | None:
    """Turkish: "beşi çeyrek geçe", "5'e 10 var"."""
    del situation
    if known.code != "tr":
        return None
    hour = _named_hour(said, place, known)
    if hour is None or hour[0] > NOON or not hour[0]:
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
        return Hour(hour[0], minutes, at + 1, cued=True)
    return _minus(hour[0], minutes, at + 1) if at < len(said) and "to" in said[at] else None


def _plain_hour(said: Sequence[Term], place: int, situation: Situation, known: Language) -> Hour | None:
    """Such as "6", "six", "18 Uhr 30", "six heures et demie", "las seis menos cuarto", "साढ़े छह", "five thirty"."""
    if place >= len(said):
        return None
    spoken = not said[place].figure
    if "hour" in said[place]:
        hour, minute, at, cued = int(said[place].get("hour")), 0, place + 1, known.code == "ar"
    elif "plus" in said[place] or ("number" in said[place] and "." in str(said[place].get("number"))):
        found = quantity(said, place, situation, known.code)
        if found is None or found.value >= NOON + 1 or found.value * 60 != int(found.value * 60):
            return None
        total = int(found.value * 60)
        return Hour(total // 60, total % 60, found.end)
    else:
        number = _number(said, place, known)
        if number is None or number[0] > DAY:
            return None
        hour, at, minute, cued = number[0], number[1], 0, False
    fixed = (hour > NOON or hour == 0 or (not spoken and said[place].text.startswith("0"))) and "hour" not in said[
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
        return Hour(made.hour, made.minute, at, fixed=fixed, cued=cued, spoken=spoken)
    return Hour(hour % DAY, minute, at, fixed=fixed, cued=cued, spoken=spoken)


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


def endings(said: Sequence[Term], place: int) -> int:
    """Behind the endings that are written to a figure: the "'da" of "17.30'da"."""
    while place < len(said) and said[place].glued and ("suffix" in said[place] or said[place].text == "'"):
        place += 1
    return place
