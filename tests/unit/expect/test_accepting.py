"""Values that did not come as answers: an expectation takes those that it could have given, and no others."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal as Number
from typing import Any

import pytest
from expecting import somebody

from convokit.expect import (
    Amount,
    Choice,
    Choices,
    Date,
    DateTime,
    Decimal,
    Duration,
    Either,
    Integer,
    Money,
    Regex,
    Text,
    Time,
    YesNo,
    accepted,
)

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("expectation", "taken", "refused"),
    [
        (Integer(1, 8), [1, 8], [0, 9, True, "4", 4.0]),
        (
            Decimal(0, 2, places=1),
            [Number(0), Number("1.5"), Number(2)],
            [Number("1.55"), Number("2.1"), Number("NaN"), 1],
        ),
        (Choice(["small", "large"]), ["small"], ["huge", "Small", 1]),
        (
            Choices(["a", "b", "c"], least=1, most=2),
            [("a",), ["a", "c"]],
            [(), ("a", "b", "c"), ("a", "a"), ("d",), "a"],
        ),
        (Text(longest=3), ["abc"], ["", " ", "abcd", 3, "\u200b"]),
        (YesNo(), [True, False], ["yes", 1, None]),
        (Date(earliest=timedelta(0)), [date(2026, 11, 18)], [date(2026, 11, 17), datetime(2026, 11, 18), "today"]),  # noqa: DTZ001  no zone is the point
        (Time(time(9), time(17)), [time(9), time(17)], [time(8, 59), time(17, 1), "9"]),
        (
            Duration(HOUR, 2 * HOUR),
            [HOUR, 2 * HOUR],
            [HOUR - timedelta(seconds=1), 2 * HOUR + timedelta(seconds=1), 60],
        ),
        (Duration(), [HOUR], [timedelta(0), -HOUR]),
        (
            Money("EUR", least=1, most=2),
            [Amount(100, "EUR"), Amount(200, "EUR")],
            [Amount(99, "EUR"), Amount(100, "USD"), 1],
        ),
        (Regex(r"[a-z]+"), ["abc"], [1]),
        (Either(Integer(1, 2), YesNo()), [1, True], [3, "x"]),
        (
            DateTime(earliest=timedelta(0), latest=HOUR, opens=time(9), closes=time(15)),
            [datetime(2026, 11, 18, 11, 30, tzinfo=UTC)],
            # Before now; past three in Istanbul; without a zone.
            [
                datetime(2026, 11, 18, 11, 29, tzinfo=UTC),
                datetime(2026, 11, 18, 12, 1, tzinfo=UTC),
                datetime(2026, 11, 18),  # noqa: DTZ001  no zone is the point
            ],
        ),
    ],
    ids=lambda one: type(one).__name__ if hasattr(one, "read") else "",
)
def test_what_is_within_the_bounds_is_taken_and_nothing_else(
    expectation: Any, taken: list[Any], refused: list[Any]
) -> None:
    assert [one for one in taken if not accepted(expectation, one, somebody())] == []
    assert [one for one in refused if accepted(expectation, one, somebody())] == []


def test_one_of_ones_own_that_says_nothing_takes_everything() -> None:
    class Own:
        def read(self, event: object) -> str:
            del event
            return "read"

    assert accepted(Own(), object(), somebody())
