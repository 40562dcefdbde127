"""The expectation of a length of time."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.protocol import Situated, Unclear, bounds_fit, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation


@frozen(eq=False, repr=False)
class Duration(Value, Situated[dt.timedelta]):
    """A length of time: "2 hours", "1h30", "an hour and a half", "yarım saat", "عشر دقائق".

    The answer is a `timedelta`.

    Months and years have no length of their own and are asked again.

    Args:
        least: The shortest; None: any above zero.
        most: The longest; None: no bound.
        unit: What a bare number counts: "90" is 90 minutes with `unit="minutes"`. None: a bare number is asked again.

    Raises:
        DefinitionError: A bound is no `timedelta`, or the unit is unknown.
    """

    least: dt.timedelta | None = None
    most: dt.timedelta | None = None
    unit: Literal["minutes", "hours", "days", "weeks"] | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for bound in (self.least, self.most):
            if bound is not None and not isinstance(bound, dt.timedelta):
                raise DefinitionError(f"Duration: a bound is a timedelta, not {bound!r:.60}")
        bounds_fit("Duration", self.least, self.most)
        if self.unit not in {None, "minutes", "hours", "days", "weeks"}:
            raise DefinitionError(f"Duration: unit is minutes, hours, days or weeks, not {self.unit!r:.60}")

    def read_in(self, event: Event, situation: Situation) -> dt.timedelta | Unclear:
        """The length of time."""
        from convokit.reading.moments import durations_in  # noqa: PLC0415  only dialogs that ask for it load it

        found = durations_in(written(event), situation)
        if found is not None and not found and self.unit is not None:
            found = _counted(written(event), self.unit, situation)
        if not found or len(found) > 1:
            return Unclear("no length of time is named, or several", say=sentence("duration", situation))
        if self.least is not None and found[0] < self.least:
            return Unclear(f"{found[0]} is below {self.least}", say=sentence("duration_short", situation))
        if self.most is not None and found[0] > self.most:
            return Unclear(f"{found[0]} is above {self.most}", say=sentence("duration_long", situation))
        return found[0]

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a length of time within the bounds."""
        del situation
        if not isinstance(value, dt.timedelta) or value <= dt.timedelta(0):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def _counted(text: str, unit: str, situation: Situation) -> Sequence[dt.timedelta]:
    from convokit.reading.counts import counts_of  # noqa: PLC0415  see above

    found = counts_of(text, situation)
    if not found or len(found) > 1 or found[0].other is not None or not 0 < found[0].value < 10**6:
        return ()
    return [dt.timedelta(**{unit: float(found[0].value)})]
