"""Expectations of a time of day, and of a day with one."""

import datetime as dt
import re
from collections.abc import Sequence

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.dates import MOST_OPTIONS
from convokit.expect.protocol import Situated, Unclear, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation

_OFFSET = re.compile(r"\s*\(?UTC([+-]\d\d:\d\d)\)?$", re.IGNORECASE)


@frozen(eq=False, repr=False)
class Time(Value, Situated[dt.time]):
    """A time of day: "17:30", "half past six", "6 pm", "akşam 6", "halb neun", "साढ़े छह बजे"; the answer is a `time`.

    A bare hour from 1 to 11 can be in the morning or in the evening: both are offered, unless the bounds leave one.

    Args:
        earliest: The earliest time that is accepted; None: no bound.
        latest: The latest; before `earliest` it is one of the next day: `Time(time(18), time(2))`.

    Raises:
        DefinitionError: A bound is no `time`, or has a zone.
    """

    earliest: dt.time | None = None
    latest: dt.time | None = None

    def __attrs_post_init__(self) -> None:
        _a_time("Time: earliest", self.earliest)
        _a_time("Time: latest", self.latest)

    def read_in(self, event: Event, situation: Situation) -> dt.time | Unclear:
        """The time of day."""
        from convokit.reading.moments import times_in  # noqa: PLC0415  see `Date`
        from convokit.reading.writing import written_time  # noqa: PLC0415  see `Date`

        found = times_in(written(event), situation)
        if not found:
            return self._one_of_two(written(event), situation) or Unclear(
                "no time is named, or several", say=sentence("time", situation)
            )
        fitting = [one for one in found if within(one, self.earliest, self.latest)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            options = [written_time(one, situation) for one in fitting[:MOST_OPTIONS]]
            return Unclear("it can be several times", options, sentence("time_which", situation))
        return Unclear(f"{found[0]} is out of bounds", say=hours_told(situation, self.earliest, self.latest))

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a time of day within the bounds."""
        del situation
        return isinstance(value, dt.time) and within(value.replace(tzinfo=None), self.earliest, self.latest)

    def _one_of_two(self, text: str, situation: Situation) -> Unclear | None:
        """Such as "8 or 9 pm": both as options; None when it does not name two times."""
        from convokit.reading.lists import alternatives  # noqa: PLC0415  see above
        from convokit.reading.moments import times_in  # noqa: PLC0415  see above
        from convokit.reading.writing import written_time  # noqa: PLC0415  see above

        found = [times_in(part, situation) for part in alternatives(text, situation)]
        if not found or not all(found):
            return None
        fitting = sorted({at for times in found for at in times or () if within(at, self.earliest, self.latest)})
        if not 1 < len(fitting) <= MOST_OPTIONS:
            return None
        options = [written_time(one, situation) for one in fitting]
        return Unclear("one of several times", options, sentence("time_which", situation))


def _a_time(what: str, bound: object) -> None:
    if bound is not None and (not isinstance(bound, dt.time) or bound.tzinfo is not None):
        raise DefinitionError(f"{what} is a time without a zone, not {bound!r:.60}")


def within(at: dt.time, earliest: dt.time | None, latest: dt.time | None) -> bool:
    """Whether a time is within bounds; the later bound may be one of the next day."""
    if earliest is not None and latest is not None and earliest > latest:
        return at >= earliest or at <= latest
    return (earliest is None or at >= earliest) and (latest is None or at <= latest)


def hours_told(situation: Situation, earliest: dt.time | None, latest: dt.time | None) -> str:
    """The sentence that asks for a time within bounds."""
    from convokit.reading.writing import written_time  # noqa: PLC0415  see `Date`

    low = None if earliest is None else written_time(earliest, situation)
    high = None if latest is None else written_time(latest, situation)
    if low and high:
        return sentence("time_between", situation, earliest=low, latest=high)
    return sentence("time_from", situation, earliest=low) if low else sentence("time_to", situation, latest=high)


@frozen(eq=False, repr=False)
class DateTime(Value, Situated[dt.datetime]):
    """A day with a time of day: "tomorrow at 5 pm", "Friday 20:00", "in two hours"; the answer has the time zone.

    A time alone is meant today, or tomorrow when it is over today. A time that the clocks leave out when they are put
    forward is asked again, and of one that comes twice when they are put back, both are offered.

    Args:
        earliest: The first moment that is accepted: a `datetime` with its zone, or a `timedelta` from now. None: no
            bound.
        latest: The last one, likewise.
        opens: The earliest time of day that is accepted: of "at 5", it leaves one reading.
        closes: The latest; before `opens` it is one of the next day.

    Raises:
        DefinitionError: A bound is of another kind.
    """

    earliest: dt.datetime | dt.timedelta | None = None
    latest: dt.datetime | dt.timedelta | None = None
    opens: dt.time | None = field(default=None, kw_only=True)
    closes: dt.time | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for bound in (self.earliest, self.latest):
            aware = isinstance(bound, dt.datetime) and bound.tzinfo is not None
            if bound is not None and not aware and not isinstance(bound, dt.timedelta):
                raise DefinitionError(
                    f"DateTime: a bound is a datetime with its zone, or a timedelta from now, not {bound!r:.60}"
                )
        _a_time("DateTime: opens", self.opens)
        _a_time("DateTime: closes", self.closes)

    def read_in(self, event: Event, situation: Situation) -> dt.datetime | Unclear:
        """The moment."""
        from convokit.reading.moments import moments_in  # noqa: PLC0415  see `Date`

        text = written(event)
        offset = _OFFSET.search(text[-14:])
        if offset:
            text = _OFFSET.sub("", text)
        first, last = (_moment(one, situation.now) for one in (self.earliest, self.latest))

        def fits(day: dt.date) -> bool:
            zone = situation.tz
            return (first is None or day >= first.astimezone(zone).date()) and (
                last is None or day <= last.astimezone(zone).date()
            )

        found = moments_in(text, situation, fits)
        if not found:
            return self._not_found(text, situation)
        at_hours = [one for one in found if within(one.time(), self.opens, self.closes)]
        if not at_hours:
            return Unclear(f"{found[0]} is out of hours", say=hours_told(situation, self.opens, self.closes))
        missing = [one for one in at_hours if not _on_the_clock(one, situation)]
        if missing:
            return _left_out(missing[0], at_hours, situation)
        real = [made for one in at_hours for made in _on_the_clock(one, situation)]
        fitting = [one for one in real if (first is None or one >= first) and (last is None or one <= last)]
        if offset and len(fitting) > 1:
            fitting = [one for one in fitting if _offset(one) == offset[1]] or fitting
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            options = _told_apart(sorted(fitting[:MOST_OPTIONS]), situation)
            return Unclear("it can be several moments", options, sentence("moment_which", situation))
        return Unclear(f"{real[0]} is out of bounds", say=sentence("moment_bounds", situation))

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a moment, with its zone, within the bounds and the hours of the customer's zone."""
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            return False
        first, last = (_moment(one, situation.now) for one in (self.earliest, self.latest))
        there = value.astimezone(situation.tz).time()
        in_bounds = (first is None or value >= first) and (last is None or value <= last)
        return in_bounds and within(there, self.opens, self.closes)

    def _not_found(self, text: str, situation: Situation) -> Unclear:
        from convokit.reading.moments import days_in  # noqa: PLC0415  see `Date`

        if days_in(text, situation):
            return Unclear("a day without a time", say=sentence("moment_time", situation))
        return Unclear("no moment is named, or several", say=sentence("moment", situation))


def _moment(bound: dt.datetime | dt.timedelta | None, now: dt.datetime) -> dt.datetime | None:
    if not isinstance(bound, dt.timedelta):
        return bound
    try:
        return now + bound
    except OverflowError:
        return None


def _on_the_clock(naive: dt.datetime, situation: Situation) -> list[dt.datetime]:
    """The moments at which the clock shows this: none in the gap when it is put forward, two when it is put back."""
    zone = situation.tz
    made: list[dt.datetime] = []
    for fold in (0, 1):
        one = naive.replace(tzinfo=zone, fold=fold)
        back = one.astimezone(dt.UTC).astimezone(zone)
        if back.replace(tzinfo=None, fold=0) == naive and all(one.utcoffset() != other.utcoffset() for other in made):
            made.append(one)
    return made


def _left_out(naive: dt.datetime, several: Sequence[dt.datetime], situation: Situation) -> Unclear:
    """A time that the clocks leave out, with the one they show instead and what else it could be."""
    from convokit.reading.writing import written_moment  # noqa: PLC0415  see `Date`

    shown = naive.replace(tzinfo=situation.tz).astimezone(dt.UTC).astimezone(situation.tz).replace(tzinfo=None, fold=0)
    options = sorted({shown, *(one for one in several if _on_the_clock(one, situation))})
    return Unclear(
        f"{naive} does not exist in {situation.zone}",
        [written_moment(one, situation) for one in options[:MOST_OPTIONS]],
        sentence("moment_gap", situation),
    )


def _offset(moment: dt.datetime) -> str:
    return moment.isoformat()[-6:]


def _told_apart(moments: Sequence[dt.datetime], situation: Situation) -> list[str]:
    from convokit.reading.writing import written_moment  # noqa: PLC0415  see `Date`

    labels = [written_moment(one, situation) for one in moments]
    return [
        label if labels.count(label) == 1 else f"{label} UTC{_offset(one)}"
        for label, one in zip(labels, moments, strict=True)
    ]
