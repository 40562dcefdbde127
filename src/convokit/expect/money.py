"""The expectation of an amount of money, and the amount as a value."""

import decimal
from collections.abc import Iterable

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.numbers import range_sentence
from convokit.expect.protocol import Situated, Unclear, bounds_fit, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation


def checked_currency(what: str, currency: object) -> str:
    """The code of a currency.

    Raises:
        DefinitionError: ISO 4217 has no such code.
    """
    from convokit.reading.money import CODES  # noqa: PLC0415  only who deals with money loads it

    if not isinstance(currency, str) or currency not in CODES:
        raise DefinitionError(f'{what}: a currency is a code of ISO 4217 such as "EUR", not {currency!r:.60}')
    return currency


@frozen(eq=False, repr=False, order=False)
class Amount(Value):
    """An amount of money, exact.

    Args:
        minor: In the currency's smallest units: cents for EUR, yen for JPY, fils (a thousandth) for KWD.
        currency: Its code by ISO 4217, such as "EUR".

    Raises:
        DefinitionError: `minor` is no whole number, or the currency is unknown.
    """

    minor: int
    currency: str

    def __attrs_post_init__(self) -> None:
        if type(self.minor) is not int:
            raise DefinitionError(f"Amount: minor is a whole number of the smallest units, not {self.minor!r:.60}")
        checked_currency("Amount", self.currency)

    @classmethod
    def of(cls, value: decimal.Decimal | int | str, currency: str) -> "Amount":
        """The amount of so many whole units: `Amount.of("12.50", "EUR")`.

        Raises:
            DefinitionError: It is no number, or has more decimal places than the currency.
        """
        from convokit.reading.money import minor_units  # noqa: PLC0415  see above

        try:
            number = decimal.Decimal(value)
        except (decimal.InvalidOperation, TypeError, ValueError) as problem:
            raise DefinitionError(f"Amount.of takes a number, not {value!r:.60}") from problem
        minor = minor_units(number, checked_currency("Amount.of", currency)) if number.is_finite() else None
        if minor is None:
            raise DefinitionError(f"Amount.of: {currency} has no amount of {value!r:.60}")
        return cls(minor, currency)

    @property
    def value(self) -> decimal.Decimal:
        """In whole units: 12.50."""
        from convokit.reading.money import exponent  # noqa: PLC0415  see above

        return decimal.Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        """The amount in digits with its code: "12.50 EUR"."""
        return f"{self.value:f} {self.currency}"


def _currencies(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@frozen(eq=False, repr=False)
class Money(Value, Situated[Amount]):
    """An amount of money: "€12.50", "1.234,50 TL", "five dollars", "5k", "99.90 ש"ח"; the answer is an `Amount`.

    Without a currency it is in the first of those expected. Ranges ("100-200") and amounts in another currency are
    asked again.

    Args:
        currencies: The code of the currency expected, or several: `Money("EUR")`, `Money(["EUR", "USD"])`.
        least: The smallest, in whole units of the currency; None: no bound below.
        most: The largest; None: no bound above.

    Raises:
        DefinitionError: A currency is unknown, or the bounds are wrong.
    """

    currencies: tuple[str, ...] = field(converter=_currencies)
    least: decimal.Decimal | int | None = field(default=0, kw_only=True)
    most: decimal.Decimal | int | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.currencies:
            raise DefinitionError('Money: name a currency, such as Money("EUR")')
        for one in self.currencies:
            checked_currency("Money", one)
        for bound in (self.least, self.most):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, decimal.Decimal | int)):
                raise DefinitionError(f"Money: a bound is a Decimal or an int, not {bound!r:.60}")
        bounds_fit("Money", self.least, self.most)

    def read_in(self, event: Event, situation: Situation) -> Amount | Unclear:
        """The amount."""
        from convokit.reading.money import amounts_in, minor_units  # noqa: PLC0415  see above
        from convokit.reading.numbers import decimal_sign  # noqa: PLC0415  see above

        found = amounts_in(written(event), situation, self.currencies[0])
        say = range_sentence("money", situation, self._shown(self.least or None), self._shown(self.most))
        if not found:
            return Unclear("not one amount of money", say=say)
        if len(found) > 1 and decimal_sign(situation):
            found = found[:1]
        readings: dict[Amount, None] = {}
        for number, named in found:
            for currency in self._meant(named, situation):
                minor = minor_units(number, currency)
                if minor is not None:
                    readings[Amount(minor, currency)] = None
        if not readings:
            codes = ", ".join(self.currencies)
            return Unclear(f"not an amount of {codes}", say=sentence("money_in", situation, currencies=codes))
        fitting = [one for one in readings if self._fits(one.value)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return Unclear("it can be read in several ways", map(_label, fitting), sentence("which", situation))
        return Unclear(f"{next(iter(readings))} is out of bounds", say=say)

    def _meant(self, named: tuple[str, ...], situation: Situation) -> tuple[str, ...]:
        """The currencies expected among those that were named: "$" is each country's own dollar."""
        del situation
        return self.currencies[:1] if not named else tuple(one for one in self.currencies if one in named)

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is an amount within the bounds, in one of the currencies."""
        del situation
        return isinstance(value, Amount) and value.currency in self.currencies and self._fits(value.value)

    def _fits(self, value: decimal.Decimal) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def _shown(self, bound: decimal.Decimal | int | None) -> str | None:
        return None if bound is None else f"{bound} {self.currencies[0]}"


def _label(amount: Amount) -> str:
    """Written so that it reads back as itself, by whatever locale: three decimal places could be thousands."""
    shown = f"{amount.value:f}"
    return f"{shown}{'0' if shown[-4:-3] == '.' else ''} {amount.currency}"
