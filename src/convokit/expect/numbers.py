"""Expectations of numbers: whole ones, and those with a fraction."""

import decimal
from collections.abc import Sequence

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.protocol import Situated, Unclear, bounds_fit, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation

_MOST_PLACES = 12


def range_sentence(kind: str, situation: Situation, least: object, most: object) -> str:
    """The sentence that asks for a number within bounds."""
    if least is not None and most is not None:
        return sentence(f"{kind}_between", situation, least=least, most=most)
    if least is not None:
        return sentence(f"{kind}_from", situation, least=least)
    return sentence(f"{kind}_to", situation, most=most) if most is not None else sentence(kind, situation)


def _readings(event: Event, situation: Situation) -> Sequence[Sequence[decimal.Decimal]] | None:
    """The numbers that an answer can be, each with its other reading; nothing for none, None for several."""
    from convokit.reading.counts import counts_of  # noqa: PLC0415  only dialogs that ask for numbers load it

    found = counts_of(written(event), situation)
    if found is None:
        return None
    return [[one.value] if one.other is None else [one.value, one.other] for one in found]


@frozen(eq=False, repr=False)
class Integer(Value, Situated[int]):
    """A whole number from `least` to `most`: "5", "٥", "five", "I want five", "twenty-three", "1,000", "5k".

    Digits of any script, number words of eight languages. The answer holds one number and nothing that changes it: of
    "5 or 6", "not five", "at least 5" it is asked again.

    Args:
        least: The smallest; None: no bound below.
        most: The largest; None: no bound above.
    """

    least: int | None = None
    most: int | None = None

    def __attrs_post_init__(self) -> None:
        for bound in (self.least, self.most):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
                raise DefinitionError(f"Integer: a bound is a whole number or None, not {bound!r:.60}")
        bounds_fit(f"Integer({self.least}, {self.most})", self.least, self.most)

    def read_in(self, event: Event, situation: Situation) -> int | Unclear:
        """The number."""
        from convokit.reading.numbers import decimal_sign  # noqa: PLC0415  see `_readings`

        say = range_sentence("integer", situation, self.least, self.most)
        found = _readings(event, situation)
        if not found:
            return Unclear("not a whole number", say=say)
        # Where the locale says which sign parts thousands, its reading is the one that counts.
        known = bool(decimal_sign(situation))
        found = [count[:1] if known and count[0] == int(count[0]) else count for count in found]
        whole = [one for count in found for one in count if one == int(one)]
        if not whole:
            return Unclear("not a whole number", say=say)
        # "1.234" is no whole number as it is written here, but one where points part thousands: which is not known.
        doubtful = any(len(count) > 1 and count[0] != int(count[0]) for count in found)
        numbers = list(dict.fromkeys(int(one) for one in whole))
        fitting = [one for one in numbers if self._fits(one)]
        if len(fitting) == 1 and not doubtful:
            return fitting[0]
        if fitting:
            return Unclear(
                "it can be read in several ways", [str(one) for one in fitting], sentence("which", situation)
            )
        return Unclear(self._complaint(numbers[0]), say=say)

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a whole number within the bounds."""
        del situation
        return isinstance(value, int) and not isinstance(value, bool) and self._fits(value)

    def _fits(self, number: int) -> bool:
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)

    def _complaint(self, number: int) -> str:
        if self.least is not None and number < self.least:
            return f"{number} is below {self.least}"
        return f"{number} is above {self.most}"


def _exact(given: decimal.Decimal | int | str | None) -> decimal.Decimal | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, decimal.Decimal | int | str):
        raise DefinitionError(f'Decimal: a bound is a Decimal, an int or a text such as "0.5", not {given!r:.60}')
    try:
        made = decimal.Decimal(given)
    except decimal.InvalidOperation as problem:
        raise DefinitionError(f"Decimal: a bound is a number, not {given!r:.60}") from problem
    if not made.is_finite():
        raise DefinitionError(f"Decimal: a bound is a finite number, not {given!r:.60}")
    return made


@frozen(eq=False, repr=False)
class Decimal(Value, Situated[decimal.Decimal]):
    """A number that may have a fraction: "1,5", "3½", "three and a half", "anderthalb", "साढ़े तीन".

    Which sign parts the fraction follows from the digits, and from the customer's locale where it does not: "1.234"
    is 1234 in German and 1.234 in English; where that is not known, it is asked.

    Args:
        least: The smallest; None: no bound below.
        most: The largest; None: no bound above.
        places: How many decimal places it may have (0 to 12); None: any number.
    """

    least: decimal.Decimal | None = field(default=None, converter=_exact)
    most: decimal.Decimal | None = field(default=None, converter=_exact)
    places: int | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        places: object = self.places
        if places is not None and (type(places) is not int or not 0 <= places <= _MOST_PLACES):
            raise DefinitionError(f"Decimal: places is a whole number from 0 to {_MOST_PLACES}, not {places!r:.60}")
        bounds_fit(f"Decimal({self.least}, {self.most})", self.least, self.most)

    def read_in(self, event: Event, situation: Situation) -> decimal.Decimal | Unclear:
        """The number."""
        from convokit.reading.numbers import decimal_sign  # noqa: PLC0415  see `_readings`

        say = range_sentence("decimal", situation, self.least, self.most)
        found = _readings(event, situation)
        if not found:
            return Unclear("not a number", say=say)
        # Where the locale says which sign parts the fraction, its reading is the only one.
        known = bool(decimal_sign(situation))
        every = [one for count in found for one in (count[:1] if known else count)]
        numbers = list(dict.fromkeys(every))
        fitting = [one for one in numbers if self._fits(one)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            shown = [_written(one, situation) for one in fitting]
            return Unclear("it can be read in several ways", shown, sentence("which", situation))
        return Unclear(f"{numbers[0]} is out of bounds, or has too many decimal places", say=say)

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a number within the bounds, with as many decimal places as it may have."""
        del situation
        return isinstance(value, decimal.Decimal) and value.is_finite() and self._fits(value)

    def _fits(self, number: decimal.Decimal) -> bool:
        if self.places is not None and number != round(number, self.places):
            return False
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)


def _written(number: decimal.Decimal, situation: Situation) -> str:
    """The number so that it reads back as itself: a fraction of three digits gets a fourth."""
    from convokit.reading.numbers import decimal_sign  # noqa: PLC0415  see `_readings`

    plain = f"{number:f}"
    if "." not in plain:
        return plain
    whole, fraction = plain.split(".")
    fraction += "0" if len(fraction) == 3 else ""  # noqa: PLR2004  three could be thousands
    return f"{whole}{decimal_sign(situation) or '.'}{fraction}"
