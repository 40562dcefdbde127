"""The expectation of a day."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from attrs import evolve, field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.protocol import Situated, Unclear, bounds_fit, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation

MOST_OPTIONS = 4
"""How many readings of one answer are offered to choose from."""

_YEAR = dt.timedelta(days=366)

Bound = dt.date | dt.timedelta


class Opinion(Protocol):
    """A second opinion on days in words, asked when ours is that there is none: a service such as Duckling."""

    def days(self, text: str, situation: Situation) -> Sequence[dt.date]:
        """The days that the text can mean, the likelier first; empty when it names none. Pure and quick."""
        ...


def _a_day(what: str, bound: object) -> None:
    right = isinstance(bound, dt.date | dt.timedelta) and not isinstance(bound, dt.datetime)
    if bound is not None and not right:
        raise DefinitionError(f"{what}: a bound is a date, or a timedelta from today, not {bound!r:.60}")


@frozen(eq=False, repr=False)
class Date(Value, Situated[dt.date]):
    """A day: "tomorrow", "Friday", "3 March", "in two weeks", "2026-12-24", "haftaya cuma"; the answer is a `date`.

    In eight languages; which day it is follows from the customer's time zone, and whether "03/04" is in March or April
    from their region. Where it can be two days ("next Friday", "03/04" in no known region), they are offered as
    buttons, unless the bounds leave one. Without a year the next one to come is meant that is within the bounds.

    Args:
        earliest: The first day that is accepted: a `date`, or a `timedelta` from today; `timedelta(0)` is today. None:
            no bound.
        latest: The last one, likewise.
        opinion: Whom to ask about a text in which we find no day.

    Raises:
        DefinitionError: A bound is of another kind.
    """

    earliest: Bound | None = None
    latest: Bound | None = None
    opinion: Opinion | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _a_day("Date: earliest", self.earliest)
        _a_day("Date: latest", self.latest)
        if type(self.earliest) is type(self.latest):
            bounds_fit("Date", self.earliest, self.latest)

    def read_in(self, event: Event, situation: Situation) -> dt.date | Unclear:
        """The day."""
        from convokit.reading.moments import days_in  # noqa: PLC0415  only dialogs that ask for days load it
        from convokit.reading.writing import written_day  # noqa: PLC0415  see above

        text = written(event)
        first, last = self.between(situation.today)

        def fits(day: dt.date) -> bool:
            return first <= day <= last

        found = days_in(text, situation, fits)
        if not found and found is not None and self.opinion is not None and text:
            found = self.opinion.days(text[:200], situation)
        if not found:
            return self._one_of_two(text, situation) or Unclear(
                "no day is named, or several", say=sentence("date", situation)
            )
        fitting = [one for one in found if fits(one)]
        if not fitting:
            return Unclear(f"{found[0]} is out of bounds", say=self._bounds_told(situation, first, last))
        if self._needs_year(situation.today) and _without_year(text, situation, fitting[0]):
            return Unclear("the year is missing", say=sentence("date_year", situation))
        if len(fitting) == 1:
            return fitting[0]
        options = [written_day(one, situation, fits) for one in sorted(fitting[:MOST_OPTIONS])]
        return Unclear("it can be several days", options, sentence("date_which", situation))

    def _one_of_two(self, text: str, situation: Situation) -> Unclear | None:
        """Such as "3 or 4 March": both as options; None when it does not name two days."""
        from convokit.reading.lists import alternatives  # noqa: PLC0415  see above
        from convokit.reading.moments import days_in  # noqa: PLC0415  see above
        from convokit.reading.writing import written_day  # noqa: PLC0415  see above

        first, last = self.between(situation.today)
        found = [days_in(part, situation, lambda day: first <= day <= last) for part in alternatives(text, situation)]
        if not found or not all(found):
            return None
        fitting = sorted({day for days in found for day in days or () if first <= day <= last})
        if not 1 < len(fitting) <= MOST_OPTIONS:
            return None
        options = [written_day(one, situation, lambda day: first <= day <= last) for one in fitting]
        return Unclear("one of several days", options, sentence("date_which", situation))

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a day within the bounds."""
        first, last = self.between(situation.today)
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime) and first <= value <= last

    def between(self, today: dt.date) -> tuple[dt.date, dt.date]:
        """The first and the last day that are accepted on that day."""
        return _resolved(self.earliest, today, dt.date.min), _resolved(self.latest, today, dt.date.max)

    def _needs_year(self, today: dt.date) -> bool:
        """Whether days of long ago are expected, as of a birthday: the next "3 March" is not what is meant then."""
        first, last = self.between(today)
        return last <= today and today - first > _YEAR

    def _bounds_told(self, situation: Situation, first: dt.date, last: dt.date) -> str:
        from convokit.reading.writing import written_day  # noqa: PLC0415  see above

        low = None if self.earliest is None else written_day(first, situation)
        high = None if self.latest is None else written_day(last, situation)
        if low and high:
            return sentence("date_between", situation, earliest=low, latest=high)
        return sentence("date_from", situation, earliest=low) if low else sentence("date_to", situation, latest=high)


def _resolved(bound: Bound | None, today: dt.date, without: dt.date) -> dt.date:
    if bound is None:
        return without
    try:
        return today + bound if isinstance(bound, dt.timedelta) else bound
    except OverflowError:
        return dt.date.max if isinstance(bound, dt.timedelta) and bound > dt.timedelta(0) else without


def _without_year(text: str, situation: Situation, day: dt.date) -> bool:
    """Whether the same words name another year's day when they are said in another year."""
    from convokit.reading.moments import days_in  # noqa: PLC0415  see above

    later = evolve(situation, now=situation.now + 2 * _YEAR)
    said_later = days_in(text, later) or ()
    return any((one.month, one.day) == (day.month, day.day) and one.year != day.year for one in said_later)
