"""When a queue is open, and how long a promise lasts that counts only open hours."""

from datetime import UTC, date, datetime, timedelta

import pytest

from convokit.desks import Hours, Inbox, Operator, Queue
from convokit.errors import DefinitionError

OFFICE = Hours(zone="Europe/Berlin", week={"mon-fri": "09:00-12:00, 13:00-17:00"}, closed=[date(2026, 1, 6)])


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of January 2026, in UTC: Berlin is one hour ahead. The 5th is a Monday."""
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (at(5, 7, 59), False),
        (at(5, 8), True),
        (at(5, 11), False),
        (at(5, 12), True),
        (at(5, 16), False),
        (at(6, 9), False),
    ],
)
def test_it_is_open_from_the_first_minute_to_before_the_last(moment: datetime, is_open: bool) -> None:
    assert OFFICE.is_open(moment) is is_open


def test_it_opens_next_after_lunch_after_a_holiday_and_after_a_weekend() -> None:
    assert OFFICE.opens_at(at(5, 9)) == at(5, 9)
    assert OFFICE.opens_at(at(5, 11, 30)) == at(5, 12)
    assert OFFICE.opens_at(at(5, 20)) == at(7, 8)
    assert OFFICE.opens_at(at(9, 20)) == at(12, 8)


def test_a_promise_counts_open_hours_only() -> None:
    assert OFFICE.after(at(5, 10, 30), timedelta(hours=1)) == at(5, 12, 30)
    assert OFFICE.after(at(5, 15, 50), timedelta(minutes=20)) == at(7, 8, 10)
    assert OFFICE.after(at(10, 12), timedelta(minutes=2)) == at(12, 8, 2)


def test_the_clocks_change_with_the_zone() -> None:
    assert OFFICE.opens_at(datetime(2026, 3, 29, 20, tzinfo=UTC)) == datetime(2026, 3, 30, 7, tzinfo=UTC)


def test_a_day_may_last_to_midnight() -> None:
    night = Hours(zone="UTC", week={"sat-mon": "20:00-24:00"})
    assert night.is_open(datetime(2026, 1, 4, 23, 59, 59, tzinfo=UTC))
    assert not night.is_open(datetime(2026, 1, 5, 0, 0, tzinfo=UTC))
    assert not night.is_open(datetime(2026, 1, 6, 21, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "week"),
    [
        ("Mars/Olympus", {"mon": "09:00-10:00"}),
        ("../etc/passwd", {"mon": "09:00-10:00"}),
        ("UTC", {}),
        ("UTC", {"someday": "09:00-10:00"}),
        ("UTC", {"mon": "9-17"}),
        ("UTC", {"mon": "17:00-09:00"}),
        ("UTC", {"mon": "09:00-12:00, 11:00-13:00"}),
        ("UTC", {"mon": "25:00-26:00"}),
    ],
)
def test_hours_that_cannot_be_are_refused_with_the_value(zone: str, week: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Hours: "):
        Hours(zone=zone, week=week)


@pytest.mark.parametrize(
    "settings",
    [
        {"queues": "billing"},
        {"queues": ["a", Queue("a")]},
        {"queues": ["*"]},
        {"silence": timedelta(0)},
        {"disconnected": None},
        {"first_answer": 5},
        {"origins": "https://a.example"},
        {"origins": ["a.example"]},
        {"origins": ["https://*.example"]},
        {"framed_by": ["https://a.example; script-src *"]},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(DefinitionError, match="Inbox: "):
        Inbox(**settings)  # type: ignore[arg-type]  that is the point


@pytest.mark.parametrize(
    "given",
    [{"id": "a b"}, {"id": ""}, {"name": " "}, {"name": "x" * 81}, {"role": "admin"}, {"max": 0}, {"max": True}],
)
def test_an_operator_who_cannot_be_is_refused(given: dict[str, object]) -> None:
    fields = {"id": "maya", "name": "Maya", **given}
    with pytest.raises(ValueError, match="Operator: "):
        Operator(**fields)  # type: ignore[arg-type]  that is the point


def test_an_operator_sees_their_queues_and_all_with_a_star() -> None:
    assert Operator(id="a", name="A").sees("billing")
    assert not Operator(id="a", name="A", queues=[""]).sees("billing")
    assert not Operator(id="a", name="A", queues=["billing"]).sees("")
