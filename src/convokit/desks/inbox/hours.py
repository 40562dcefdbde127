"""When somebody is at a queue: a weekly table in a time zone."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from convokit._value import Value

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_DAYS_AHEAD = 366
"""How far ahead an opening is looked for."""

Span = tuple[time, time]


def _clock_time(text: str, day: str) -> time:
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(hours) <= 2 and len(minutes) == 2):  # noqa: PLR2004  two digits
        raise ValueError(f"Hours: {day} has the time {text!r}; write it as 09:00")
    if (int(hours), int(minutes)) == (24, 0):
        return time.max
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004  a day's last hour, an hour's last minute
        raise ValueError(f"Hours: {day} has the time {text!r}; a day goes from 00:00 to 24:00")
    return time(int(hours), int(minutes))


def _spans(day: str, given: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    for one in given.split(","):
        start, dash, end = one.partition("-")
        if not dash:
            raise ValueError(f"Hours: {day} is {given!r}; write 09:00-17:00, or 09:00-12:00, 13:00-17:00")
        span = (_clock_time(start, day), _clock_time(end, day))
        if span[0] >= span[1] or (spans and span[0] < spans[-1][1]):
            raise ValueError(f"Hours: {day} is {given!r}; each span ends after it begins, and after the one before it")
        spans.append(span)
    return tuple(spans)


def _week(given: Mapping[str, str]) -> Mapping[int, tuple[Span, ...]]:
    week: dict[int, tuple[Span, ...]] = {}
    for days, spans in given.items():
        first, dash, last = days.strip().lower().partition("-")
        names = (first, last) if dash else (first, first)
        if not all(one in DAYS for one in names):
            raise ValueError(f"Hours: {days!r} is no day; write {', '.join(DAYS)}, or mon-fri")
        start, end = (DAYS.index(one) for one in names)
        for number in range(start, end + 1 if end >= start else end + 8):
            week[number % 7] = _spans(days, spans)
    if not week:
        raise ValueError("Hours: the week is empty; leave the hours out for a queue that is always open")
    return week


def _zone(_: object, __: object, value: Any) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError(f"Hours: {value!r} is no time zone here; write one such as Europe/Berlin") from None


def _dates(given: Iterable[date]) -> frozenset[date]:
    return frozenset(given)


@frozen(kw_only=True, eq=False, repr=False)
class Hours(Value):
    """A weekly table of opening hours: `Hours(zone="Europe/Berlin", week={"mon-fri": "09:00-17:00"})`.

    Args:
        zone: The IANA name of the time zone that the times are told in.
        week: Days ("mon", "mon-fri") to spans ("09:00-12:00, 13:00-17:00"; "24:00" is the end of the day); a day that
            is left out is closed.
        closed: Days without any, such as holidays.
    """

    zone: str = field(validator=_zone)
    week: Mapping[int, tuple[Span, ...]] = field(converter=_week)
    closed: frozenset[date] = field(default=frozenset(), converter=_dates)

    def is_open(self, moment: datetime) -> bool:
        """Whether somebody is there at a moment (aware)."""
        return any(start <= moment < end for start, end in self._spans_of(moment, -1, 1))

    def opens_at(self, moment: datetime) -> datetime | None:
        """When it opens next (UTC), `moment` itself while it is open; None when not within a year."""
        for start, end in self._spans_of(moment, -1, MOST_DAYS_AHEAD):
            if end > moment:
                return max(start, moment.astimezone(UTC))
        return None

    def after(self, moment: datetime, duration: timedelta) -> datetime:
        """The moment (UTC) by which it will have been open for `duration` since `moment`."""
        left = duration
        for start, end in self._spans_of(moment, -1, MOST_DAYS_AHEAD):
            if end <= moment:
                continue
            begin = max(start, moment.astimezone(UTC))
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return moment.astimezone(UTC) + duration

    def _spans_of(self, moment: datetime, first: int, last: int) -> Iterable[tuple[datetime, datetime]]:
        """The open spans from `first` to `last` days after the day of `moment`, in order, in UTC."""
        zone = ZoneInfo(self.zone)
        today = moment.astimezone(zone).date()
        ended = datetime.min.replace(tzinfo=UTC)
        for offset in range(first, last + 1):
            day = today + timedelta(days=offset)
            if day in self.closed:
                continue
            for start, end in self.week.get(day.weekday(), ()):
                stop = datetime.combine(day + timedelta(days=1), time.min, zone) if end == time.max else None
                ends = (stop or datetime.combine(day, end, zone)).astimezone(UTC)
                # Where clocks are set forward a span may shrink to nothing, or run into the next one.
                begins = max(datetime.combine(day, start, zone).astimezone(UTC), ended)
                if begins < ends:
                    ended = ends
                    yield begins, ends


@frozen(eq=False, repr=False)
class Queue(Value):
    """A queue of the inbox.

    Args:
        id: What `turn.hand_off(…, to=id)` names; empty: the one for everybody.
        name: What operators read; the id when left out.
        hours: When somebody is there; None: always.
    """

    id: str
    name: str = ""
    hours: Hours | None = None
