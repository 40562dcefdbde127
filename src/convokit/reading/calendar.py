"""What a calendar knows: which dates there are, where the week begins, how a date in figures is ordered."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

Fits = Callable[[date], bool]

WEEK = 7

# "03/04" is 4 March in the first, 3 April in nearly all others, and both are written in the second.
_MONTH_FIRST = frozenset({"US", "FM", "MH", "PW", "GU", "PR"})
_EITHER = frozenset({"CA", "PH", "", "ZA", "KE", "GH"})
# The first day of the week, Monday being 0.
_SUNDAY_FIRST = frozenset(
    {"US", "CA", "IL", "IN", "JP", "KR", "MX", "BR", "SA", "ZA", "PH", "CO", "PE", "VE", "GT", "HK", "TW"}
)
_SATURDAY_FIRST = frozenset({"EG", "AE", "DZ", "IQ", "JO", "KW", "LY", "OM", "QA", "SD", "SY", "YE", "BH", "IR", "AF"})


def week_start(region: str) -> int:
    """The first day of the week there, Monday being 0."""
    return 6 if region in _SUNDAY_FIRST else 5 if region in _SATURDAY_FIRST else 0


def day_first(region: str) -> bool | None:
    """Whether "03/04" is 3 April there; None where both ways are written, or the region is not known."""
    return None if region in _EITHER else region not in _MONTH_FIRST


def moved(start: date, number: Decimal, unit: str) -> date | None:
    """So many days, weeks, months or years later; None when that is no whole number, or beyond the calendar."""
    if number != int(number):
        return None
    count = int(number)
    try:
        if unit in {"d", "w"}:
            return start + timedelta(days=count * (WEEK if unit == "w" else 1))
        months = start.year * 12 + start.month - 1 + count * (12 if unit == "y" else 1)
        # The 31st of a month that has none is its last day.
        return next(
            made for days in range(start.day, 0, -1) if (made := real(months // 12, months % 12 + 1, days)) is not None
        )
    except (OverflowError, StopIteration):
        return None


def real(year: int, month: int, number: int) -> date | None:
    """The date, None when the calendar has none such."""
    try:
        return date(year, month, number)
    except ValueError:
        return None


def anchored(month: int, number: int, today: date, fits: Fits) -> date | None:
    """The day of a year-less date: the next to come that fits, else the last that does; the next, when none fits."""
    years = range(today.year, today.year + 9)
    ahead = [made for year in years if (made := real(year, month, number)) is not None and made >= today]
    back = [made for year in reversed(range(today.year - 8, today.year + 1)) if (made := real(year, month, number))]
    behind = [made for made in back if made < today]
    fitting = next((one for one in [*ahead[:2], *behind[:2]] if fits(one)), None)
    return fitting or (ahead[0] if ahead else None)
