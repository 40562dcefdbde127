"""Days in eight languages."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from expecting import asked, reads, somebody
from phrases import NO_DAY, READ

from convokit.errors import DefinitionError
from convokit.expect import Date, Unclear
from convokit.reading.moments import days_in
from convokit.reading.writing import written_day


@pytest.mark.parametrize("locale", READ)
def test_a_day_is_read_as_people_write_it(locale: str) -> None:
    rows = [(text, want) for kind, text, want in READ[locale] if kind == "day"]
    assert len(rows) >= 12
    found = [(text, days_in(text, somebody(locale)) or ()) for text, _ in rows]
    assert [(text, " | ".join(one.isoformat() for one in several)) for text, several in found] == rows


@pytest.mark.parametrize("locale", NO_DAY)
def test_what_names_no_day_or_leaves_doubt_is_asked_again(locale: str) -> None:
    for text in NO_DAY[locale]:
        assert not days_in(text, somebody(locale)), text
        asked(Date(), text, locale)


def test_next_friday_is_asked_back_unless_the_bounds_leave_one() -> None:
    options = asked(Date(), "next Friday").options
    assert options == ("Friday 20 November", "Friday 27 November")
    assert [reads(Date(), one) for one in options] == [date(2026, 11, 20), date(2026, 11, 27)]
    assert reads(Date(latest=timedelta(days=7)), "next Friday") == date(2026, 11, 20)
    assert reads(Date(earliest=date(2026, 11, 23)), "next Friday") == date(2026, 11, 27)


def test_a_weekday_on_that_day_is_today_or_in_a_week() -> None:
    assert asked(Date(), "Wednesday").options == ("Wednesday 18 November", "Wednesday 25 November")
    assert reads(Date(), "this Wednesday") == date(2026, 11, 18)
    assert reads(Date(earliest=timedelta(1)), "Wednesday") == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("locale", "want"),
    [
        ("en-US", "2027-03-04"), ("en-GB", "2027-04-03"), ("en-IN", "2027-04-03"), ("de", "2027-04-03"),
        ("tr", "2027-04-03"), ("es", "2027-04-03"), ("es-US", "2027-03-04"), ("fr", "2027-04-03"), ("ar", "2027-04-03"),
    ],
)  # fmt: skip
def test_whether_the_month_is_first_follows_from_the_region_not_the_language(locale: str, want: str) -> None:
    assert reads(Date(), "03/04", locale) == date.fromisoformat(want)


@pytest.mark.parametrize("locale", ["en", "en-CA", ""])
def test_where_both_orders_are_written_both_are_offered(locale: str) -> None:
    options = asked(Date(), "03/04", locale).options
    assert options == ("Thursday 4 March", "Saturday 3 April")
    assert reads(Date(), "25/12", locale) == reads(Date(), "12/25", locale) == date(2026, 12, 25)


def test_the_week_begins_where_it_begins() -> None:
    assert reads(Date(), "Sunday next week", "en-GB") == date(2026, 11, 29)
    assert reads(Date(), "Sunday next week", "en-US") == date(2026, 11, 22)


def test_of_a_day_without_year_the_next_within_the_bounds_is_meant() -> None:
    assert reads(Date(), "3 March") == date(2027, 3, 3)
    assert reads(Date(), "3 December") == date(2026, 12, 3)
    assert reads(Date(), "29 February") == date(2028, 2, 29)
    assert reads(Date(latest=date(2026, 11, 18), earliest=date(2026, 1, 1)), "3 March") == date(2026, 3, 3)


def test_a_birthday_needs_its_year() -> None:
    birthday = Date(latest=timedelta(0))
    assert asked(birthday, "3 March").say == "With the year, please."
    assert reads(birthday, "3 March 1990") == date(1990, 3, 3)
    assert reads(birthday, "3.4.86", "de") == date(1986, 4, 3)
    assert reads(birthday, "yesterday") == date(2026, 11, 17)


@pytest.mark.parametrize(("word", "after", "before"), [("कल", 19, 17), ("परसों", 20, 16)])
def test_the_hindi_words_for_both_directions_go_where_the_answer_is_expected(
    word: str, after: int, before: int
) -> None:
    assert reads(Date(), word, "hi") == date(2026, 11, after)
    assert reads(Date(latest=timedelta(0)), word, "hi") == date(2026, 11, before)


def test_the_day_is_that_of_the_time_zone() -> None:
    late = datetime(2026, 11, 18, 22, 30, tzinfo=UTC)
    assert reads(Date(), "today", zone="Europe/Istanbul", now=late) == date(2026, 11, 19)
    assert reads(Date(), "today", zone="America/New_York", now=late) == date(2026, 11, 18)


def test_what_is_out_of_bounds_is_told_with_the_bounds() -> None:
    soon = Date(earliest=timedelta(0), latest=timedelta(days=7))
    assert asked(soon, "yesterday").say == "A day from Wednesday 18 November to Wednesday 25 November, please."
    assert asked(Date(earliest=timedelta(0)), "yesterday").say == "Wednesday 18 November or later, please."
    assert asked(Date(latest=date(2026, 12, 1)), "24 December 2026").say == "Tuesday 1 December or earlier, please."


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-GB", "3 or 4 March"), ("tr", "3 veya 4 Mart"), ("hi", "3 या 4 मार्च"), ("he", "3 או 4 במרץ"),
        ("ar", "3 أو 4 مارس"), ("es", "3 o 4 de marzo"), ("de", "3. oder 4. März"), ("fr", "3 ou 4 mars"),
    ],
)  # fmt: skip
def test_of_two_days_that_are_named_both_are_offered(locale: str, text: str) -> None:
    options = asked(Date(), text, locale).options
    assert [reads(Date(), one, locale) for one in options] == [date(2027, 3, 3), date(2027, 3, 4)]
    assert asked(Date(timedelta(0), date(2027, 3, 3)), text, locale).options == ()


def test_one_of_two_is_offered_only_when_nothing_leaves_doubt() -> None:
    assert asked(Date(), "friday or saturday").options == ("Friday 20 November", "Saturday 21 November")
    for text in ("not friday or saturday", "friday or so", "friday or saturday or sunday", "or", "friday or", "5 or 6"):
        assert asked(Date(), text).options == (), text


def test_a_weekday_that_contradicts_its_date_is_asked_again() -> None:
    assert reads(Date(), "Friday 20 November") == date(2026, 11, 20)
    assert reads(Date(), "Friday, 27 November") == date(2026, 11, 27)
    asked(Date(), "Friday 21 November")
    asked(Date(), "Friday in two weeks")


def test_a_language_without_a_table_is_read_in_those_whose_words_explain_all() -> None:
    assert reads(Date(), "24/12/2026", "it") == date(2026, 12, 24)
    assert reads(Date(), "2026-12-24", "ja") == date(2026, 12, 24)
    assert reads(Date(), "tomorrow", "it") == date(2026, 11, 19)
    asked(Date(), "domani", "it")
    assert asked(Date(), "next friday", "it").options == ("2026-11-20", "2026-11-27")


class Duckling:
    def days(self, text: str, situation: object) -> list[date]:
        return [date(2026, 12, 24)] if text == "Christmas Eve" else []


def test_a_second_opinion_is_asked_where_ours_is_that_there_is_none() -> None:
    assert reads(Date(opinion=Duckling()), "Christmas Eve") == date(2026, 12, 24)
    assert reads(Date(opinion=Duckling()), "tomorrow") == date(2026, 11, 19)
    asked(Date(opinion=Duckling()), "not Christmas Eve")


@pytest.mark.parametrize("locale", [*READ, "en-US", "it", ""])
def test_a_day_that_we_write_reads_back_as_itself(locale: str) -> None:
    situation = somebody(locale)
    for ahead in range(-400, 800, 7):
        day = situation.today + timedelta(days=ahead)
        shown = written_day(day, situation)
        assert reads(Date(), shown, locale) == day, shown


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Date("tomorrow"), "earliest: a bound is a date"),
        (lambda: Date(datetime(2026, 1, 1, tzinfo=UTC)), "earliest"),
        (lambda: Date(latest=3), "latest"),
        (lambda: Date(date(2026, 2, 1), date(2026, 1, 1)), "the first bound is above the second"),
        (lambda: Date(timedelta(2), timedelta(1)), "the first bound is above the second"),
    ],
)
def test_bounds_that_are_none_are_refused(make: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()


def test_bounds_beyond_the_calendar_are_no_bounds() -> None:
    assert reads(Date(timedelta(days=-999_999_999), timedelta(days=999_999_999)), "tomorrow") == date(2026, 11, 19)
    assert isinstance(reads(Date(), "in 999999999 years"), Unclear)
