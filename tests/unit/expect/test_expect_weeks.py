"""Days so many weeks from a day, and noon as a word of its own."""

# ruff: noqa: E501  rows of phrases: a row holds what belongs together, in its own script

from datetime import date, datetime, time
from typing import Any

import pytest
from expecting import asked, reads, somebody

from convokit.expect import Date, DateTime, Duration, Integer, Time
from convokit.reading.moments import moments_in


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("en-GB", "tomorrow week", "2026-11-26"), ("en-GB", "Friday week", "2026-11-27"), ("en-GB", "today week", "2026-11-25"),
        ("en-GB", "tomorrow fortnight", "2026-12-03"), ("en-GB", "in a fortnight", "2026-12-02"), ("en-GB", "in a fortnight's time", "2026-12-02"),
        ("en-GB", "a week today", "2026-11-25"), ("en-GB", "a fortnight today", "2026-12-02"), ("en-GB", "a week on Friday", "2026-11-27"),
        ("en-GB", "two weeks from Friday", "2026-12-04"), ("en-GB", "10 days from tomorrow", "2026-11-29"),
        ("en-GB", "a fortnight on Saturday, please", "2026-12-05"),
        ("de", "heute in einer Woche", "2026-11-25"), ("de", "morgen in zwei Wochen", "2026-12-03"), ("de", "heute in 14 Tagen", "2026-12-02"),
        ("de", "Freitag in acht Tagen", "2026-11-27"), ("de", "heute in drei Tagen", "2026-11-21"),
        ("fr", "d'aujourd'hui en huit", "2026-11-25"), ("fr", "demain en huit", "2026-11-26"), ("fr", "vendredi en huit", "2026-11-27"),
        ("fr", "mardi en 15", "2026-12-08"), ("fr", "dans une quinzaine", "2026-12-02"),
        ("fr", "une table vendredi en huit pour 4 personnes", "2026-11-27"),
        ("es", "de hoy en ocho", "2026-11-25"), ("es", "de mañana en ocho", "2026-11-26"), ("es", "el viernes en ocho días", "2026-11-27"),
        ("es", "del viernes en quince", "2026-12-04"),
        ("tr", "haftaya bugün", "2026-11-25"), ("tr", "iki hafta sonra bugün", "2026-12-02"), ("tr", "yarından bir hafta sonra", "2026-11-26"),
        ("tr", "cumadan iki hafta sonra", "2026-12-04"), ("tr", "haftaya cuma", "2026-11-27"),
        ("hi", "आज से एक हफ्ते बाद", "2026-11-25"), ("hi", "शुक्रवार से एक हफ्ते बाद", "2026-11-27"),
        ("he", "שבוע מהיום", "2026-11-25"), ("he", "שבועיים ממחר", "2026-12-03"), ("he", "שבוע מיום שישי", "2026-11-27"),
        ("he", "היום בעוד שבוע", "2026-11-25"),
        ("ar", "بعد أسبوع من اليوم", "2026-11-25"), ("ar", "بعد أسبوعين من الغد", "2026-12-03"), ("ar", "أسبوع من يوم الجمعة", "2026-11-27"),
    ],
)  # fmt: skip
def test_a_day_so_many_weeks_from_another_is_read(locale: str, text: str, want: str) -> None:
    assert reads(Date(), text, locale) == date.fromisoformat(want)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-GB", "for two weeks from Friday"), ("en-GB", "we stay a week from Friday"), ("en-GB", "not Friday week"),
        ("en-GB", "before Friday week"), ("en-GB", "a week after the meeting"), ("en-GB", "every week on Friday"),
        ("en-GB", "once a week on Friday"), ("en-GB", "a week ago today"), ("en-GB", "Friday in two weeks"), ("en-GB", "fortnight"),
        ("de", "morgen in einer Stunde"), ("de", "Freitag in einer Woche"), ("fr", "demain en 8 minutes"),
        ("es", "mañana en 15 minutos"), ("tr", "toplantıdan bir hafta sonra"), ("tr", "cumadan pazara"),
        ("tr", "yarından iki gün önce"), ("tr", "haftaya"), ("hi", "कल से शुक्रवार तक"), ("he", "למשך שבוע מהיום"),
        ("ar", "لمدة أسبوع من الغد"),
    ],
)  # fmt: skip
def test_what_may_be_a_length_or_counts_from_something_unknown_is_asked_again(locale: str, text: str) -> None:
    assert asked(Date(), text, locale).options == ()


def test_who_counts_days_from_today_may_mean_them() -> None:
    assert asked(Date(), "heute in acht Tagen", "de").options == ("Mittwoch, 25. November", "Donnerstag, 26. November")
    assert asked(Date(), "Wednesday week").options == ("Wednesday 25 November", "Wednesday 2 December")
    assert asked(Date(), "Friday week or Saturday week").options == ("Friday 27 November", "Saturday 28 November")


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("tr", "öğlen"), ("tr", "öğleyin"), ("tr", "öğlen gibi"), ("tr", "bu öğlen"), ("tr", "yarın öğlen"), ("de", "mittags"),
        ("de", "gegen Mittag"), ("de", "am Mittag"), ("de", "morgen Mittag"), ("ar", "ظهرا"), ("ar", "عند الظهر"), ("ar", "غدا ظهرا"),
        ("en-GB", "at midday"), ("fr", "vers midi"), ("es", "al mediodía"),
    ],
)  # fmt: skip
def test_a_word_for_noon_that_stands_alone_is_twelve(locale: str, text: str) -> None:
    assert reads(Time(), text, locale) == time(12)


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("tr", "öğlen 1", 13), ("tr", "saat 1 öğlen", 13), ("de", "mittags um eins", 13), ("de", "um mittags 1", 13),
        ("ar", "ظهرا الساعة الواحدة", 13),
    ],
)  # fmt: skip
def test_an_hour_beside_it_says_which(locale: str, text: str, want: int) -> None:
    assert reads(Time(), text, locale) == time(want)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("tr", "öğle yemeği"), ("tr", "öğlen için 5 kişi"), ("tr", "öğleden sonra"), ("tr", "öğlen olmaz"), ("de", "nach Mittag"),
        ("de", "nicht mittags"), ("de", "ab Mittag"), ("de", "Mittagessen"), ("ar", "بعد الظهر"), ("ar", "قبل الظهر"),
        ("hi", "दोपहर में"), ("he", "בצהריים"),
    ],
)  # fmt: skip
def test_what_only_touches_noon_is_asked_again(locale: str, text: str) -> None:
    asked(Time(), text, locale)


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("en-GB", "tomorrow week at 8pm", ["2026-11-26 20:00"]), ("fr", "vendredi en huit à 20h", ["2026-11-27 20:00"]),
        ("de", "morgen Mittag", ["2026-11-19 12:00"]), ("tr", "haftaya bugün saat 20:00", ["2026-11-25 20:00"]),
        ("tr", "bu öğlen", ["2026-11-18 12:00"]),
    ],
)  # fmt: skip
def test_they_stand_beside_times_and_days(locale: str, text: str, want: list[str]) -> None:
    found: Any = moments_in(text, somebody(locale))
    assert [one.strftime("%Y-%m-%d %H:%M") for one in found] == want


def test_a_fortnight_is_a_length_too() -> None:
    assert reads(Duration(), "a fortnight").days == reads(Duration(), "une quinzaine", "fr").days == 14
    asked(Integer(), "une quinzaine de personnes", "fr")
    assert reads(Date(), "une quinzaine de personnes vendredi", "fr") == date(2026, 11, 20)
    assert isinstance(reads(DateTime(), "in a fortnight at noon"), datetime)
