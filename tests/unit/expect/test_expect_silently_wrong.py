"""What the field's libraries get wrong without a word: each row is read right here, or asked back."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from expecting import asked, pressed, reads

from convokit.expect import Amount, Date, DateTime, Decimal, Duration, Email, Integer, Money, Phone, Time

ISTANBUL = ZoneInfo("Europe/Istanbul")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ISTANBUL)


# ── a parser of dates ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_is_not_replaced_by_the_time_it_is_now() -> None:
    assert reads(DateTime(), "morgen um 17 Uhr", "de") == at(19, 17)
    assert reads(DateTime(), "at 8 tonight") == at(18, 20)
    assert reads(DateTime(), "מחר ב-17:00", "he") == at(19, 17)
    assert reads(DateTime(), "dentro de media hora", "es") == at(18, 15)
    assert reads(Time(), "٥ مساءً", "ar") == time(17)


def test_five_oclock_is_asked_back() -> None:
    assert asked(DateTime(), "yarın saat 5", "tr").options == ("19 Kasım Perşembe, 05:00", "19 Kasım Perşembe, 17:00")
    assert len(asked(DateTime(), "غدا الساعة 5", "ar").options) == 2


def test_a_table_for_four_on_friday_is_on_friday() -> None:
    assert reads(Date(), "table for 4 on friday at 8pm") == date(2026, 11, 20)
    assert reads(DateTime(), "table for 4 on friday at 8pm") == at(20, 20)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "5"),
        ("en", "2"),
        ("en", "in 5"),
        ("en", "May I have a table?"),
        ("de", "son"),
        ("es", "mar"),
        ("en", "1234"),
    ],
)
def test_what_is_no_day_is_not_read_as_one(locale: str, text: str) -> None:
    asked(Date(), text, locale)
    asked(DateTime(earliest=timedelta(0), latest=timedelta(minutes=1)), text, locale)


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("es", "el viernes", 20), ("es", "pasado mañana", 20), ("de", "am Freitag", 20), ("tr", "cuma günü", 20),
        ("ar", "بعد غد", 20), ("he", "מחרתיים", 20), ("hi", "परसों", 20), ("en-GB", "the day after tomorrow", 20),
    ],
)  # fmt: skip
def test_common_phrases_are_known(locale: str, text: str, want: int) -> None:
    assert reads(Date(), text, locale) == date(2026, 11, want)


def test_eight_in_spanish_is_a_time() -> None:
    assert len(asked(Time(), "a las ocho", "es").options) == 2


def test_a_time_that_does_not_exist_is_asked_back() -> None:
    assert asked(DateTime(), "2026-03-29 02:30", zone="Europe/Berlin").options == ("Sunday 29 March 2026, 03:30",)


def test_an_order_of_day_and_month_that_is_not_known_is_asked_back() -> None:
    assert len(asked(Date(), "03/04", "en").options) == 2


def test_i_have_two_kids_says_nothing_of_time() -> None:
    for expectation in (Date(), Time(), DateTime(), Duration()):
        asked(expectation, "I have 2 kids")  # type: ignore[arg-type]  # the tuple mixes kinds


# ── parsers of numbers and money ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("fr", "deux mille cinq cents", "2500"), ("ar", "ألفان وخمسمائة", "2500"), ("en", "three and a half", "3.5"),
        ("es", "una docena", "12"), ("en", "12,34", "12.34"), ("de", "1.5", "1.5"), ("tr", "1234.50", "1234.5"),
        ("fr", "1 234,50", "1234.5"), ("fr", "1\u00a0234,50", "1234.5"), ("ar", "١٬٢٣٤٫٥٠", "1234.5"),
        ("de-CH", "1'234.50", "1234.5"), ("hi", "1,23,456", "123456"), ("hi", "१२३४", "1234"),
    ],
)  # fmt: skip
def test_a_number_is_what_it_says(locale: str, text: str, want: str) -> None:
    from decimal import Decimal as Exact  # noqa: PLC0415  the expectation has the same name

    assert reads(Decimal(), text, locale) == Exact(want)


def test_money_keeps_its_sign_its_thousands_and_its_currency() -> None:
    assert reads(Money("EUR", least=None), "-5 €") == Amount(-500, "EUR")
    assert reads(Money("EUR"), "5k") == Amount(500_000, "EUR")
    assert reads(Money("USD"), "5 dollars") == Amount(500, "USD")
    assert reads(Money("ILS"), '99.90 ש"ח', "he") == Amount(9990, "ILS")
    asked(Money("TRY"), "100-200 TL", "tr")
    asked(Money("EUR"), "free")


# ── parsers of phones and addresses ─────────────────────────────────────────────────────────────────────────────────


def test_phones_and_addresses() -> None:
    asked(Phone("TR"), "my number is 5551234")
    asked(Phone("TR"), "112")
    assert asked(Phone(), "+1 555 0100").options == ("+1 5550100",)
    assert reads(Phone(), pressed("+1 5550100")) == "+15550100"
    assert reads(Email(), "mailto:<ada@example.org>,") == "ada@example.org"
    assert asked(Email(), "ada@gmial.com").options[0] == "ada@gmail.com"


def test_running_text_keeps_its_number() -> None:
    wanted: list[tuple[Any, str, int]] = [(Integer(), "I want five", 5), (Integer(), "just one please", 1)]
    assert [reads(expectation, text) for expectation, text, _ in wanted] == [want for _, _, want in wanted]
