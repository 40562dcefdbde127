"""What is known of a language: its words by meaning, and how dates are written in it."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from attrs import field, frozen

from convokit.reading.tokens import plain_words

WHOLE_ANSWERS = frozenset({"yes", "no", "polite", "none", "all", "lead"})
"""Kinds of words that are looked for in whole answers, not beside dates and numbers."""

Words = Mapping[str, Mapping[Any, str] | str]
Meanings = Mapping[str, Any]


@frozen(kw_only=True, eq=False, repr=False)
class Language:
    """One language's table.

    Args:
        code: Such as "tr".
        words: By kind of meaning, then by value: the phrases, with "|" between them. A kind without values has its
            phrases alone.
        months: January to December as written inside a date.
        weekdays: Monday to Sunday.
        day_form: How a day is written, with {weekday}, {day}, {month}.
        year_form: The same with {year}.
        moment_form: How a day and a time are written together, with {day} and {time}.
        prefixes: Letters that are written together with the next word, each with its meaning: Hebrew and Arabic "and".
        compounds: Whether numbers are written in one word, as in German.
        units_first: Whether "five and twenty" is 25.
        tens_join: Whether ten and five are 15.
        twenties: Whether sixty and fifteen are 75, as in French.
        half_before: Whether "half nine" is half past eight.
        hours: How a time is written where it is not by 24 hours: forms with {hour} and {minute}, each from its hour of
            the day to the next one's; empty: always by 24 hours.
    """

    code: str
    words: Words
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    day_form: str
    year_form: str
    moment_form: str = "{day}, {time}"
    prefixes: Mapping[str, str] = field(factory=dict)
    compounds: bool = False
    units_first: bool = False
    tens_join: bool = False
    twenties: bool = False
    half_before: bool = False
    hours: Mapping[int, str] = field(factory=dict)
    phrases: Mapping[tuple[str, ...], Meanings] = field(init=False)
    longest: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        made: dict[tuple[str, ...], dict[str, Any]] = {}
        for kind, by_value in self.words.items():
            if kind in WHOLE_ANSWERS:
                continue
            rows = {True: by_value} if isinstance(by_value, str) else by_value
            for value, alternatives in rows.items():
                for phrase in alternatives.split("|"):
                    made.setdefault(plain_words(phrase), {}).setdefault(kind, value)
        made.pop((), None)
        object.__setattr__(self, "phrases", made)
        object.__setattr__(self, "longest", max(map(len, made)))


@cache
def language(code: str) -> Language:
    """The table of one of `situation.CODES`; loaded when first asked for."""
    found: Language = import_module(f"convokit.reading.languages.{code}").LANGUAGE
    return found
