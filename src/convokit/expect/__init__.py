"""What a dialog's state expects to hear, and how it is read. All pure, all bounded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convokit.expect.choice import Choice
from convokit.expect.protocol import Expectation, Situated, Unclear, accepted, options_of, situation_of, understood
from convokit.expect.text import Text
from convokit.reading.situation import Situation

if TYPE_CHECKING:
    # Each is loaded when it is named: a bot pays for what its dialogs ask.
    from convokit.expect.choices import Choices as Choices
    from convokit.expect.contact import Email as Email
    from convokit.expect.contact import Phone as Phone
    from convokit.expect.contact import Url as Url
    from convokit.expect.dates import Date as Date
    from convokit.expect.dates import Opinion as Opinion
    from convokit.expect.durations import Duration as Duration
    from convokit.expect.either import Either as Either
    from convokit.expect.money import Amount as Amount
    from convokit.expect.money import Money as Money
    from convokit.expect.numbers import Decimal as Decimal
    from convokit.expect.numbers import Integer as Integer
    from convokit.expect.things import Document as Document
    from convokit.expect.things import Photo as Photo
    from convokit.expect.things import Place as Place
    from convokit.expect.times import DateTime as DateTime
    from convokit.expect.times import Time as Time
    from convokit.expect.words import Person as Person
    from convokit.expect.words import Regex as Regex
    from convokit.expect.yes_no import YesNo as YesNo

HOMES = {
    "Amount": "money",
    "Choices": "choices",
    "Date": "dates",
    "DateTime": "times",
    "Decimal": "numbers",
    "Document": "things",
    "Duration": "durations",
    "Either": "either",
    "Email": "contact",
    "Integer": "numbers",
    "Money": "money",
    "Opinion": "dates",
    "Person": "words",
    "Phone": "contact",
    "Photo": "things",
    "Place": "things",
    "Regex": "words",
    "Time": "times",
    "Url": "contact",
    "YesNo": "yes_no",
}
"""The module of each name that is loaded when it is used first."""

__all__ = [
    "HOMES",
    "Amount",
    "Choice",
    "Choices",
    "Date",
    "DateTime",
    "Decimal",
    "Document",
    "Duration",
    "Either",
    "Email",
    "Expectation",
    "Integer",
    "Money",
    "Opinion",
    "Person",
    "Phone",
    "Photo",
    "Place",
    "Regex",
    "Situated",
    "Situation",
    "Text",
    "Time",
    "Unclear",
    "Url",
    "YesNo",
    "accepted",
    "options_of",
    "situation_of",
    "understood",
]


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(f"convokit.expect.{HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
