"""Times of day as people write them: "17:30", "half past six", "akşam 6", "tonight at eight"."""

from collections.abc import Iterable, Sequence
from datetime import time

from convokit.reading.found import Found, skip
from convokit.reading.hours import DAY, NOON, Hour, endings, hour_at
from convokit.reading.language import language
from convokit.reading.situation import Situation
from convokit.reading.terms import Term

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
    hour = exact or hour_at(said, here, situation, known)
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
    end = endings(said, end)
    if not cued and not alone:
        return None
    values = _hours(hour, part)
    return Found(values, start, end) if values else None


def _over_fill(said: Sequence[Term], place: int) -> int:
    """Behind small words, when a part of the day follows them; else where it was."""
    after = skip(said, place, "fill")
    return after if after < len(said) and "part" in said[after] else place


def _part_at(said: Sequence[Term], place: int) -> tuple[str | None, int]:
    if place < len(said):
        if "part" in said[place] and "past" not in said[place]:
            return str(said[place].get("part")), place + 1
        if "day_part" in said[place]:
            return str(said[place].get("day_part")[1]), place + 1
        if "part" in said[place]:
            return str(said[place].get("part")), place + 1
    return None, place


def _exact_at(said: Sequence[Term], place: int) -> Hour | None:
    if place >= len(said) or "exact" not in said[place]:
        return None
    hour = int(said[place].get("exact"))
    half, end = _half_after(said, place + 1)
    return Hour(hour, 30 if half else 0, end if half else place + 1, fixed=True, cued=True)


def _half_after(said: Sequence[Term], place: int) -> tuple[bool, int]:
    at = skip(said, place, "and")
    at = skip(said, at, "article") if at > place else at
    half = at < len(said) and ("half" in said[at] and at > place)
    return half, at + 1


def in_part(at: time, part: str) -> bool:
    """Whether a time belongs to a part of the day: 20:00 to the evening."""
    named = _PARTS[part].get(at.hour % NOON or NOON)
    return named == at.hour


def _hours(hour: Hour, part: str | None) -> tuple[time, ...]:
    """The times that an hour can be; none when it does not go with the part of the day."""
    if part is not None:
        return tuple(_in_part(hour, part))
    if hour.fixed or hour.hour == NOON:
        return (time(hour.hour, hour.minute, hour.second),)
    return time(hour.hour, hour.minute, hour.second), time((hour.hour + NOON) % DAY, hour.minute, hour.second)


def _in_part(hour: Hour, part: str) -> Iterable[time]:
    if 1 <= hour.hour <= NOON and hour.hour in _PARTS[part]:
        yield time(_PARTS[part][hour.hour], hour.minute, hour.second)
    elif hour.fixed:
        low, high = _SPANS[part]
        if low <= hour.hour <= high or low <= hour.hour + DAY <= high:
            yield time(hour.hour, hour.minute, hour.second)
