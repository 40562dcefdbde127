"""What a customer sees, and what somebody who understands the question would answer."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any

from attrs import frozen

from convokit._value import Value
from convokit.expect import Expectation, options_of
from convokit.testing.personas.acts import Act


@frozen(kw_only=True, eq=False)
class Sight(Value):
    """What a customer sees before they do the next thing.

    Args:
        who: Which of the customers they are.
        name: A word that only they say: nobody else may ever read it.
        now: The time.
        text: What they were told last.
        buttons: The labels that they were shown last.
        old: The labels of all messages before.
        due: What the open question takes, as somebody who reads it understands; None: no question is open.
        openings: What the bot's handlers wait for, as customers know it from posters.
        answers: Words that the test says are worth a try.
        locale: The language that they speak.
    """

    who: int
    name: str
    now: datetime
    text: str = ""
    buttons: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    due: Expectation[Any] | None = None
    openings: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    locale: str = ""

    def says(self, text: str) -> Act:
        """To write something."""
        return Act(kind="says", who=self.who, text=text)

    def presses(self, label: str, *, old: bool = False) -> Act:
        """To press a button."""
        return Act(kind="presses", who=self.who, text=label, old=old)


def sensible(sees: Sight, chance: Random) -> Act:
    """What somebody does who wants to get on: begins something, presses a button, answers the question."""
    if sees.due is None:
        if sees.buttons and chance.random() < 0.4:  # noqa: PLR2004  some press, more write
            return sees.presses(chance.choice(sees.buttons))
        return sees.says(chance.choice(sees.openings or ("hello",)))
    if sees.answers and not options_of(sees.due) and chance.random() < 0.5:  # noqa: PLR2004  half of the time
        return sees.says(chance.choice(sees.answers))
    if sees.buttons and options_of(sees.due) and chance.random() < 0.7:  # noqa: PLR2004  most press what is offered
        return sees.presses(chance.choice(sees.buttons))
    return _answers(sees.due, sees, chance)


def _answers(due: Expectation[Any], sees: Sight, chance: Random) -> Act:
    parts = getattr(due, "of", None)
    if isinstance(parts, tuple):
        return _answers(chance.choice(parts), sees, chance)
    kind = type(due).__name__
    if kind in {"Photo", "Document"}:
        return Act(kind="sends", who=sees.who)
    if kind == "Place":
        return Act(kind="shares", who=sees.who)
    if (found := _WORDED.get(kind)) is not None:
        return sees.says(found(due, sees, chance))
    if options := options_of(due):
        return sees.says(chance.choice(options))
    return sees.says(chance.choice((f"the blue one, {sees.name}", f"12 Crane St, {sees.name}", sees.name)))


def _number(due: Any, _: Sight, chance: Random) -> str:
    least = int(due.least) if due.least is not None else 1
    most = int(due.most) if due.most is not None else least + 50
    return str(chance.randint(least, max(least, most)))


def _day(due: Any, sees: Sight, chance: Random) -> str:
    today = sees.now.date()
    first, last = due.between(today) if hasattr(due, "between") else (today, today + timedelta(days=30))
    if last < today:
        return str(max(first, last - timedelta(days=chance.randint(0, 9000))))
    first = max(first, today)
    return str(min(last, first + timedelta(days=chance.randint(0, 20))) if first < date.max else first)


def _said(*texts: str) -> Callable[[Any, Sight, Random], str]:
    return lambda _, __, chance: chance.choice(texts)


_WORDED: Mapping[str, Callable[[Any, Sight, Random], str]] = MappingProxyType(
    {
        "Integer": _number,
        "Decimal": _number,
        "Money": _number,
        "Date": _day,
        "DateTime": lambda due, sees, chance: f"{_day(due, sees, chance)} {chance.randint(9, 21)}:30",
        "Time": _said("18:30", "half past six in the evening", "12:00", "20:15"),
        "Duration": _said("two hours", "30 minutes", "3 days"),
        "Email": lambda _, sees, __: f"{sees.name.lower()}@example.com",
        "Phone": _said("+90 532 123 45 67", "+44 20 7946 0018"),
        "Url": _said("https://example.com/menu"),
        "Person": lambda _, sees, __: f"Ada {sees.name}",
    }
)
