"""Amounts of money as people write them: "€1.234,50", "99.90 ש"ח", "5k TL", "five dollars"."""

from collections.abc import Sequence
from decimal import Decimal

from convokit.reading.counts import Count, counts_of
from convokit.reading.situation import Situation
from convokit.reading.terms import Term

_NO_PLACES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS = {**dict.fromkeys(_NO_PLACES.split(), 0), **dict.fromkeys(_THREE_PLACES.split(), 3)}
"""How many decimal places a currency has (ISO 4217), where they are not two."""

_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD "
    "HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD "
    "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN "
    "PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY "
    "TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CODES = frozenset(_CODES.split())
"""The codes of ISO 4217 that people pay with."""


LONGEST_AMOUNT = 15


def exponent(currency: str) -> int:
    """How many decimal places the currency has."""
    return EXPONENTS.get(currency, 2)


def minor_units(value: Decimal, currency: str) -> int | None:
    """The value in the currency's smallest units; None when it has more decimal places than the currency."""
    # Beyond this many digits arithmetic would round.
    if len(value.as_tuple().digits) > LONGEST_AMOUNT or value.adjusted() > LONGEST_AMOUNT:
        return None
    scaled = value.scaleb(exponent(currency))
    return int(scaled) if scaled == int(scaled) else None


def named(term: Term) -> tuple[str, ...]:
    """The currencies that a sign, a code or a word can stand for."""
    word = term.get("currency")
    if word is not None:
        return tuple(str(word).split())
    code = term.text.upper()
    return (code,) if code in CODES and not term.figure and not term.means else ()


def amounts_in(text: str, situation: Situation, default: str) -> Sequence[tuple[Decimal, tuple[str, ...]]] | None:
    """What a text can mean: numbers with the currencies they can be in, none when the text names none.

    Nothing when it holds no number; None when it holds several, a range, or something that leaves doubt.

    Args:
        text: What was written.
        situation: Who writes.
        default: The currency expected: its decimal places tell "1.234" from 1,234.
    """
    found = counts_of(text, situation, named)
    if not found:
        return None if found is None else ()
    return [one for count in found for one in _amounts(count, default)]


def _amounts(count: Count, default: str) -> Sequence[tuple[Decimal, tuple[str, ...]]]:
    currencies = count.beside
    places = exponent(currencies[0] if currencies else default)
    values = [count.value] if count.other is None else [count.value, count.other]
    # Three digits behind a separator are thousands for a currency with two decimal places.
    fitting = [one for one in values if _places(one) <= places] or values
    return [(one, currencies) for one in fitting]


def _places(value: Decimal) -> int:
    shown = value.as_tuple().exponent
    return -shown if isinstance(shown, int) and shown < 0 else 0
