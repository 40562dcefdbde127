"""The expectation of yes or no."""

from attrs import frozen

from convokit._value import Value
from convokit.events import Event
from convokit.expect.choice import Choice
from convokit.expect.protocol import Situated, Unclear, folded, written
from convokit.reading.situation import Situation
from convokit.wire.text import fold


@frozen(eq=False, repr=False)
class YesNo(Value, Situated[bool]):
    """Yes or no, as a bool; in English, Turkish, Hindi, Hebrew, Arabic, Spanish, German and French.

    "yes please", "sure, go ahead", "no thanks", "evet lütfen", 👍. The whole answer must say one of the two: of
    "yes, but …" it is asked again.

    Args:
        yes: The label of the button that means True.
        no: The label of the button that means False.
    """

    yes: str = "Yes"
    no: str = "No"

    def __attrs_post_init__(self) -> None:
        Choice((self.yes, self.no))

    @property
    def options(self) -> tuple[str, ...]:
        """The two labels."""
        return (self.yes, self.no)

    def read_in(self, event: Event, situation: Situation) -> bool | Unclear:
        """The answer."""
        from convokit.reading.consent import consent  # noqa: PLC0415  only dialogs that ask yes or no load it

        said = folded(event)
        for label in self.options:
            if said and said == fold(label):
                return label == self.yes
        answer = consent(written(event), situation)
        return Unclear("neither yes nor no") if answer is None else answer

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is True or False."""
        del situation
        return isinstance(value, bool)
