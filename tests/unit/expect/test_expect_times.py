"""Times of day, moments, lengths of time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from expecting import asked, reads, somebody
from hypothesis import given
from hypothesis import strategies as st
from phrases import NO_TIME, READ

from convokit.errors import DefinitionError
from convokit.expect import DateTime, Duration, Time
from convokit.reading.moments import durations_in, moments_in, times_in
from convokit.reading.writing import written_moment, written_time
from convokit.wire.codec import decode, encode


def rows(locale: str, wanted: str) -> list[tuple[str, str]]:
    return [(text, want) for kind, text, want in READ[locale] if kind == wanted]


@pytest.mark.parametrize("locale", READ)
def test_a_time_of_day_is_read_as_people_write_it(locale: str) -> None:
    found = [(text, times_in(text, somebody(locale)) or ()) for text, _ in rows(locale, "time")]
    assert len(found) >= 12
    assert [(text, " | ".join(f"{one:%H:%M}" for one in several)) for text, several in found] == rows(locale, "time")


@pytest.mark.parametrize("locale", READ)
def test_a_moment_is_read_as_people_write_it(locale: str) -> None:
    found = [(text, moments_in(text, somebody(locale)) or ()) for text, _ in rows(locale, "moment")]
    shown = [(text, " | ".join(f"{one:%Y-%m-%d %H:%M}" for one in several)) for text, several in found]
    assert shown == rows(locale, "moment")


@pytest.mark.parametrize("locale", READ)
def test_a_length_of_time_is_read_as_people_write_it(locale: str) -> None:
    found = [(text, durations_in(text, somebody(locale)) or ()) for text, _ in rows(locale, "length")]
    shown = [(text, " | ".join(f"{one.total_seconds() / 60:.0f} min" for one in several)) for text, several in found]
    assert shown == rows(locale, "length")


@pytest.mark.parametrize("locale", NO_TIME)
def test_what_names_no_time_or_leaves_doubt_is_asked_again(locale: str) -> None:
    for text in NO_TIME[locale]:
        assert not times_in(text, somebody(locale)), text
        asked(Time(), text, locale)


def test_a_bare_hour_is_asked_back_unless_the_bounds_leave_one() -> None:
    assert asked(Time(), "5").options == ("05:00", "17:00")
    assert asked(Time(), "5", "en-US").options == ("5:00 am", "5:00 pm")
    assert reads(Time(time(11), time(22)), "5") == time(17)
    assert reads(Time(time(18), time(2)), "1") == time(1)
    assert asked(Time(time(11), time(22)), "9 am").say == "A time from 11:00 to 22:00, please."
    assert asked(Time(time(11)), "sabah 9", "tr").say == "Lütfen 11:00 veya sonrası için bir saat yazın."
    assert asked(Time(latest=time(11)), "9 Uhr abends", "de").say == "Bitte 11:00 oder früher."


def test_ten_oclock_in_figures_is_in_the_morning_where_people_count_24_hours() -> None:
    assert reads(Time(), "10:00", "de") == reads(Time(), "10:00") == reads(Time(), "10:00", "it") == time(10)
    assert asked(Time(), "10:00", "en-US").options == ("10:00 am", "10:00 pm")
    assert len(asked(Time(), "10:00", "hi").options) == len(asked(Time(), "10:00", "es-MX").options) == 2
    assert len(asked(Time(), "9:30", "de").options) == 2


def test_five_to_six_in_figures_may_be_a_range() -> None:
    assert asked(Time(), "5 to 6").options == ()
    assert asked(Time(), "five to six").options == asked(Time(), "5 minutes to 6").options == ("05:55", "17:55")
    assert asked(Time(), "20 to 6").options == ("05:40", "17:40")


def test_of_two_times_that_are_named_both_are_offered() -> None:
    assert asked(Time(), "8 or 9 pm").options == ("20:00", "21:00")
    assert asked(Time(time(12), time(23)), "8 or 9").options == ("20:00", "21:00")
    assert asked(Time(), "19:00 oder 20:00", "de").options == ("19:00", "20:00")
    assert asked(Time(), "8 or so").options == asked(Time(), "not 8 or 9").options == ()


def test_half_six_is_half_past_six_where_people_say_so() -> None:
    assert asked(Time(), "half six").options == ("06:30", "18:30")
    assert asked(Time(), "half six", "en-US").options == ()
    assert asked(Time(), "halb sechs", "de").options == ("05:30", "17:30")


@pytest.mark.parametrize("locale", [*READ, "en-US", "it", ""])
@given(at=st.times())
def test_a_time_that_we_write_reads_back_as_itself(locale: str, at: time) -> None:
    at = at.replace(second=0, microsecond=0, tzinfo=None, fold=0)
    assert reads(Time(), written_time(at, somebody(locale)), locale) == at


# ── moments ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ISTANBUL = ZoneInfo("Europe/Istanbul")


def test_a_moment_has_the_zone_and_can_be_kept_in_a_dialogs_memory() -> None:
    answer = reads(DateTime(), "tomorrow at 5 pm")
    assert answer == datetime(2026, 11, 19, 17, tzinfo=ISTANBUL)
    assert decode(datetime, encode(answer)) == answer


def test_a_bare_hour_of_a_moment_is_asked_back_unless_the_opening_hours_leave_one() -> None:
    assert asked(DateTime(), "tomorrow at 5").options == ("Thursday 19 November, 05:00", "Thursday 19 November, 17:00")
    assert reads(DateTime(opens=time(11), closes=time(23)), "tomorrow at 5") == datetime(
        2026, 11, 19, 17, tzinfo=ISTANBUL
    )
    assert asked(DateTime(opens=time(11), closes=time(23)), "tomorrow at 9 am").say.startswith("A time from 11:00")


def test_a_time_alone_is_today_or_tomorrow_whichever_comes_next() -> None:
    assert reads(DateTime(), "18:00") == datetime(2026, 11, 18, 18, tzinfo=ISTANBUL)
    assert reads(DateTime(), "12:00") == datetime(2026, 11, 19, 12, tzinfo=ISTANBUL)
    assert asked(DateTime(), "at 5").options == ("Wednesday 18 November, 17:00", "Thursday 19 November, 05:00")
    assert reads(DateTime(latest=timedelta(hours=6)), "at 5") == datetime(2026, 11, 18, 17, tzinfo=ISTANBUL)


def test_a_day_without_a_time_is_asked_for_the_time() -> None:
    assert asked(DateTime(), "Friday").say == "With the time too, please, such as Friday at 17:30."
    assert asked(DateTime(), "hello").say == "A day and a time, please, such as Friday at 17:30."
    assert asked(DateTime(earliest=timedelta(0)), "yesterday at 17:30").say.startswith("That is too early")


def test_a_time_that_the_clocks_leave_out_is_asked_again() -> None:
    gone = asked(DateTime(), "29/03/2026 02:30", zone="Europe/Berlin")
    assert gone.options == ("Sunday 29 March 2026, 03:30",)
    assert gone.say.startswith("The clocks go forward")
    either = asked(DateTime(), "29.03.2026 um 2:30 Uhr", "de", zone="Europe/Berlin")
    assert either.options == ("Sonntag, 29. März 2026, 03:30 Uhr", "Sonntag, 29. März 2026, 14:30 Uhr")
    assert reads(DateTime(), gone.options[0], zone="Europe/Berlin").utcoffset() == timedelta(hours=2)


def test_of_a_time_that_comes_twice_both_are_offered() -> None:
    twice = asked(DateTime(), "25/10/2026 02:30", zone="Europe/Berlin")
    assert twice.options == (
        "Sunday 25 October 2026, 02:30 UTC+02:00",
        "Sunday 25 October 2026, 02:30 UTC+01:00",
    )
    first, second = (reads(DateTime(), one, zone="Europe/Berlin") for one in twice.options)
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)


@pytest.mark.parametrize("locale", [*READ, "en-US", "it"])
def test_a_moment_that_we_write_reads_back_as_itself(locale: str) -> None:
    situation = somebody(locale)
    for hours in range(0, 9000, 173):
        moment = datetime(2026, 11, 18, 15, tzinfo=ISTANBUL) + timedelta(hours=hours)
        shown = written_moment(moment, situation)
        assert reads(DateTime(), shown, locale) == moment, shown


# ── lengths of time ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_length_has_bounds_and_months_have_no_length() -> None:
    assert asked(Duration(most=timedelta(hours=1)), "2 hours").say == "That is too long."
    assert asked(Duration(least=timedelta(hours=3)), "2 hours", "fr").say == "C'est trop court."
    for text in ("a month", "2 years", "5", "", "soon", "1 hour or 2 hours", "30 minutes 2 hours", "0 minutes"):
        asked(Duration(), text)


def test_a_bare_number_counts_the_unit_that_is_expected() -> None:
    assert reads(Duration(unit="minutes"), "90") == timedelta(minutes=90)
    assert reads(Duration(unit="hours"), "anderthalb", "de") == timedelta(hours=1.5)
    assert reads(Duration(unit="hours"), "90 min") == timedelta(minutes=90)
    for text in ("90 or 100", "not 90", "-5", "9999999", "a month"):
        asked(Duration(unit="minutes"), text)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Time("11:00"), "Time: earliest is a time"),
        (lambda: Time(latest=time(1, tzinfo=UTC)), "Time: latest"),
        (lambda: DateTime(datetime(2026, 1, 1)), "with its zone"),  # noqa: DTZ001  which is what is refused
        (lambda: DateTime(date(2026, 1, 1)), "with its zone"),
        (lambda: DateTime(opens=5), "opens"),
        (lambda: Duration(5), "a timedelta"),
        (lambda: Duration(timedelta(2), timedelta(1)), "the first bound is above"),
        (lambda: Duration(unit="months"), "unit is minutes"),
    ],
)
def test_bounds_of_another_kind_are_refused(make: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()


def test_words_of_another_language_are_read_unless_languages_disagree() -> None:
    assert reads(Time(), "9 am", "tr") == time(9)
    asked(Time(time(11)), "9 am", "tr")
    assert reads(DateTime(), "tomorrow at 5 pm", "tr") == datetime(2026, 11, 19, 17, tzinfo=ISTANBUL)
    assert reads(Time(), "शाम 6 बजे", "tr") == time(18)


def test_midnight_and_the_small_hours_belong_to_two_days() -> None:
    assert asked(DateTime(), "friday at midnight").options == (
        "Friday 20 November, 00:00",
        "Saturday 21 November, 00:00",
    )
    assert reads(DateTime(), "tonight at midnight") == datetime(2026, 11, 19, tzinfo=ISTANBUL)
    assert reads(DateTime(), "friday 00:30") == datetime(2026, 11, 20, 0, 30, tzinfo=ISTANBUL)
    assert len(asked(DateTime(), "cuma gece 1", "tr").options) == 2
    assert reads(DateTime(), "cuma sabah 5", "tr") == datetime(2026, 11, 20, 5, tzinfo=ISTANBUL)


def test_a_number_beside_a_time_may_be_the_day_and_is_asked() -> None:
    asked(DateTime(), "on 20 at 8 pm")
    assert reads(DateTime(), "am 20. um 20 Uhr", "de") == datetime(2026, 11, 20, 20, tzinfo=ISTANBUL)
    assert reads(DateTime(), "le 20 à 20h", "fr") == datetime(2026, 11, 20, 20, tzinfo=ISTANBUL)
