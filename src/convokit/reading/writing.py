"""Days and times as they are shown to people, so that what is shown reads back as itself."""

from collections.abc import Callable
from datetime import date, datetime, time

from convokit.reading.situation import CODES, Situation

Fits = Callable[[date], bool]

_NOON = 12
_EARLY = 6


def written_day(day: date, situation: Situation, fits: Fits = lambda _: True) -> str:
    """The day in the person's language, "Friday 20 November"; with its year where another would be understood.

    As "2026-11-20" where the language has no table.
    """
    from convokit.reading.language import language  # noqa: PLC0415  only who writes days loads the tables
    from convokit.reading.moments import days_in  # noqa: PLC0415  see above

    code = situation.language or "en"
    if code not in CODES:
        return day.isoformat()
    known = language(code)
    values = {"weekday": known.weekdays[day.weekday()], "day": str(day.day), "month": known.months[day.month - 1]}
    short = _filled(known.day_form, values)
    if days_in(short, situation, fits) == (day,):
        return short
    return _filled(known.year_form, values | {"year": str(day.year)})


def written_time(at: time, situation: Situation) -> str:
    """The time of day: "17:00" where people count 24 hours, else "5:00 pm"."""
    from convokit.reading.language import language  # noqa: PLC0415  see above

    code = situation.language or "en"
    if code in CODES and not situation.by_24_hours and language(code).hours:
        forms = language(code).hours
        form = forms[max(one for one in forms if one <= at.hour)]
        return _filled(form, {"hour": str(at.hour % _NOON or _NOON), "minute": f"{at.minute:02}"})
    return f"{at.hour:02}:{at.minute:02}"


def written_moment(moment: datetime, situation: Situation, fits: Fits = lambda _: True) -> str:
    """Day and time of day together: "Friday 20 November, 17:00"."""
    from convokit.reading.language import language  # noqa: PLC0415  see above

    code = situation.language or "en"
    form = language(code).moment_form if code in CODES else "{day} {time}"
    day, at = written_day(moment.date(), situation, fits), written_time(moment.time(), situation)
    if moment.hour == 0 or (moment.hour < _EARLY and code == "hi"):
        # "Friday, 12:00 am" and "Friday night, 1:00" are both the night before and the night after.
        at = f"{moment.hour:02}:{moment.minute:02}"
    return _filled(form, {"day": day, "time": at})


def _filled(form: str, values: dict[str, str]) -> str:
    """The form with its values; only names in braces are replaced, nothing is looked up in them."""
    for name, value in values.items():
        form = form.replace("{" + name + "}", value)
    return form
