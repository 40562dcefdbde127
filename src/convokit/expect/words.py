"""Expectations of a person's name, and of a text of a form of one's own."""

import re
from typing import Any, ClassVar

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import ContactShared, Event
from convokit.expect.protocol import Situated, Unclear, written
from convokit.expect.sentences import sentence
from convokit.patterns import checked
from convokit.reading.situation import Situation

LONGEST_NAME = 100
LONGEST_MATCHED = 1000
"""A form of one's own is looked for in at most this many characters."""

_MOST_WORDS = 7
_NO_NAME = re.compile(r"[\d@/\\<>{}\[\]=+*#%&^~|_;:?!()\"\n\t]|\.\w{2,}\b|\bwww\b", re.IGNORECASE)


@frozen(eq=False, repr=False)
class Person(Value, Situated[str]):
    """A person's name, kept as it is written; "My name is" before it is left out, in eight languages.

    Names have no rules: only what cannot be one is refused (digits, addresses, questions, sentences of many words, more
    than 100 characters).
    """

    greedy: ClassVar[bool] = True

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The name."""
        text = event.name.strip() if isinstance(event, ContactShared) and event.own else written(event)
        from convokit.reading.names import doubtful, named  # noqa: PLC0415  only dialogs that ask for names load it

        unread = Unclear("not a name", say=sentence("person", situation))
        if not 0 < len(text) <= LONGEST_NAME:
            return unread
        name = named(text, situation)
        if not any(map(str.isalpha, name)) or _NO_NAME.search(name) or len(name.split()) > _MOST_WORDS:
            return unread
        # Some people are called like a "yes" or a "no": whoever writes it again means it.
        return unread if not situation.unclear and doubtful(name, situation) else name


def _compiled(given: str | re.Pattern[str]) -> re.Pattern[str]:
    return checked(given)


@frozen(eq=False, repr=False)
class Regex(Value, Situated[str]):
    r"""A text that matches a regular expression from end to end, case left out of account.

    The answer is what the expression's only group caught, and the whole text when it has none or several; with
    `groups` it is all that its named groups caught.

    Args:
        pattern: The expression: `Regex(r"[a-z]{2}-\d{4}")`. One that a text can keep busy for minutes is refused.
        say: What customers are told when their answer does not match.

    Raises:
        DefinitionError: The expression is wrong, or could be made to take minutes.
    """

    pattern: re.Pattern[str] = field(converter=_compiled)
    say: str = ""

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """What was caught."""
        found = self._matched(event)
        if found is None:
            return Unclear(f"does not match {self.pattern.pattern:.60}", say=self.say or sentence("regex", situation))
        caught = found[1] if self.pattern.groups == 1 else found[0]
        return caught if caught is not None else found[0]

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a text; whether it would be caught is not known of what was caught."""
        del situation
        return isinstance(value, str)

    @property
    def groups(self) -> "Groups":
        """The same expectation, whose answer is what each named group caught."""
        return Groups(self)

    def _matched(self, event: Event) -> re.Match[str] | None:
        text = written(event)
        return self.pattern.fullmatch(text) if text and len(text) <= LONGEST_MATCHED else None


def _has_names(_: object, __: Any, value: Regex) -> None:
    if not value.pattern.groupindex:
        raise DefinitionError(
            f"Regex({value.pattern.pattern!r}).groups: the expression has no named group such as (?P<order>...)"
        )


@frozen(eq=False, repr=False)
class Groups(Value, Situated[dict[str, str]]):
    """What the named groups of a `Regex` caught, by name; groups that took no part are left out."""

    of: Regex = field(validator=_has_names)

    def read_in(self, event: Event, situation: Situation) -> dict[str, str] | Unclear:
        """What was caught."""
        whole = self.of.read_in(event, situation)
        found = self.of._matched(event)  # noqa: SLF001  the same expectation, seen another way
        if isinstance(whole, Unclear) or found is None:
            return whole if isinstance(whole, Unclear) else Unclear("does not match")
        return {name: caught for name, caught in found.groupdict().items() if caught is not None}
