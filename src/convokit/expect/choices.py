"""The expectation of several labels."""

import re

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import ButtonPressed, Event
from convokit.expect.choice import chosen, distinct, labels_of
from convokit.expect.protocol import LONGEST_LABEL, Situated, Unclear, folded, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation
from convokit.wire.text import fold

_BETWEEN = re.compile(r"\s*[,;&+\n/\u060c]\s*")
_NUMBERS = re.compile(r"\d{1,3}(?:\s+\d{1,3})+")


@frozen(eq=False, repr=False)
class Choices(Value, Situated[tuple[str, ...]]):
    """Several of some labels, in the labels' order; they are offered as buttons, and read as they are typed.

    "1 and 3", "small, large", "all of them", "none". A pressed button is an answer of that one label.

    Args:
        options: As in `Choice`.
        least: How many must be chosen (from 0; with 0, "none" is an answer too).
        most: How many may be chosen; None: all.

    Raises:
        DefinitionError: The labels or the numbers are wrong.
    """

    options: tuple[str, ...] = field(converter=labels_of, validator=distinct)
    least: int = field(default=1, kw_only=True)
    most: int | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        most: object = len(self.options) if self.most is None else self.most
        if type(self.least) is not int or type(most) is not int or not 0 <= self.least <= most <= len(self.options):
            raise DefinitionError(
                f"Choices: least and most are whole numbers with 0 <= least <= most <= {len(self.options)} labels, "
                f"not {self.least!r:.20} and {self.most!r:.20}"
            )

    def read_in(self, event: Event, situation: Situation) -> tuple[str, ...] | Unclear:
        """The labels."""
        said = written(event)
        if said in self.options:
            found: set[str] | Unclear = {said}
        elif not folded(event):
            found = Unclear(f"not some of {', '.join(self.options):.200}")
        elif isinstance(event, ButtonPressed):
            one = chosen(said, self.options, situation)
            found = one if isinstance(one, Unclear) else {one}
        else:
            found = self._several(said, situation)
        if isinstance(found, Unclear):
            return found
        most = len(self.options) if self.most is None else self.most
        if not self.least <= len(found) <= most:
            return Unclear(f"{len(found)} labels", say=self._how_many(situation))
        return tuple(one for one in self.options if one in found)

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is as many of the labels as may be chosen, each once."""
        del situation
        if not isinstance(value, tuple | list) or len(set(value)) < len(value) or not set(value) <= set(self.options):
            return False
        return self.least <= len(value) <= (len(self.options) if self.most is None else self.most)

    def _several(self, said: str, situation: Situation) -> set[str] | Unclear:
        whole = _everything(said, situation)
        if whole is not None:
            return set(self.options) if whole else set()
        same = [one for one in self.options if fold(one) == fold(said)]
        parts = [said] if same else _parts(said, situation)
        found: set[str] = set()
        for part in parts:
            one = chosen(part, self.options, situation)
            if isinstance(one, Unclear):
                return one
            found.add(one)
        return found

    def _how_many(self, situation: Situation) -> str:
        most = len(self.options) if self.most is None else self.most
        if self.least == most:
            return sentence("choices_exactly", situation, least=self.least)
        if self.most is None:
            return sentence("choices_from", situation, least=self.least)
        return sentence("choices_between", situation, least=self.least, most=most)


def _parts(said: str, situation: Situation) -> list[str]:
    """What stands between commas and "and"."""
    from convokit.reading.lists import listed  # noqa: PLC0415  only answers of several parts load it

    if _NUMBERS.fullmatch(said):
        return said.split()
    return [one for part in _BETWEEN.split(said) for one in listed(part, situation) if one] or [said]


def _everything(said: str, situation: Situation) -> bool | None:
    """True for "all of them", False for "none", None for anything else."""
    from convokit.reading.lists import all_or_none  # noqa: PLC0415  see above

    return all_or_none(said[:LONGEST_LABEL], situation)
