"""The expectation of any text."""

from typing import ClassVar

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import ButtonPressed, Event
from convokit.expect.protocol import Unclear, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation
from convokit.wire.text import fold

LONGEST_TEXT = 65536


@frozen(eq=False, repr=False)
class Text(Value):
    """Any text in which there is something to see, as written, without outer space.

    Args:
        longest: The most characters it may have (1 to 65536).
    """

    greedy: ClassVar[bool] = True
    longest: int = field(default=4000)

    @longest.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _bounded(self, _: object, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_TEXT:
            raise DefinitionError(f"Text: longest is a whole number from 1 to {LONGEST_TEXT}, not {value!r:.60}")

    def read(self, event: Event) -> str | Unclear:
        """The text."""
        text = written(event)
        if not _visible(text):
            return Unclear("there is no text")
        if len(text) > self.longest:
            return Unclear(f"{len(text)} characters are more than {self.longest}")
        return text

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is a text in which there is something to see, and not too long."""
        del situation
        return isinstance(value, str) and _visible(value) and len(value) <= self.longest

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The text; what is too long or missing is told in the person's language."""
        answer = self.read(event)
        if not isinstance(answer, Unclear):
            return answer
        if isinstance(event, ButtonPressed):
            # A button of an earlier question: this one is only asked again.
            return answer
        key = "text_too_long" if _visible(written(event)) else "text_missing"
        return Unclear(answer.reason, say=sentence(key, situation, longest=self.longest))


def _visible(text: str) -> bool:
    """Whether there is more than space and characters that nobody sees."""
    return bool(fold(text))
