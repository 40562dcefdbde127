"""What routes wait for: one small value each, that says whether an event is it and what it caught."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    Event,
    LocationShared,
    MessageReceived,
    SignalReceived,
    TimerFired,
)
from convokit.filters import attachment_kinds
from convokit.patterns import LONGEST_TEXT, NOTHING, Pattern, caller, checked
from convokit.wire.text import fold

Params = Mapping[str, str]

DIALOG_TIMER = "dialog:"
"""How the names of the dialogs' own timers begin; a route cannot wait for them."""
HANDOFF_TIMER = "~handoff"
"""How the names of the timers begin that end a handoff; neither routes nor reminders can have them."""


class Trigger(ABC):
    """What a route waits for. Two that are equal wait for the same."""

    __slots__ = ()

    @property
    @abstractmethod
    def kinds(self) -> tuple[type[Event], ...]:
        """The kinds of events among which it can be."""

    @abstractmethod
    def match(self, event: Event) -> Params | None:
        """What was caught, None when the event is not it."""


@frozen(eq=False, repr=False)
class Command(Value, Trigger):
    """A message that begins with "/" and the name; for "start" also a conversation opened without a ref.

    The rest of the text is caught as `args`.
    """

    name: str

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """Messages; for "start" also openings."""
        return (MessageReceived, ConversationOpened) if self.name == "start" else (MessageReceived,)

    def match(self, event: Event) -> Params | None:
        """`{"args": …}`."""
        command = command_in(event)
        return {"args": command[1]} if command is not None and command[0] == self.name else None

    def __str__(self) -> str:
        return f'the command "/{self.name}"'


def command_in(event: Event) -> tuple[str, str] | None:
    """The command that the event gives, its name in lower case, and the rest of its text; None when it gives none."""
    if isinstance(event, MessageReceived):
        if event.text[:1] != "/" or event.text[1:2].isspace():
            return None
        name, *rest = event.text[1:LONGEST_TEXT].split(None, 1) or ("",)
        return (name.casefold(), rest[0].rstrip() if rest else "") if name else None
    return ("start", "") if isinstance(event, ConversationOpened) and not event.ref else None


@frozen(eq=False, repr=False)
class Text(Value, Trigger):
    """A message whose whole text is this phrase; case, accents, outer space and end punctuation aside."""

    phrase: str = field(eq=False)
    folded: str = field(init=False, repr=False)

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """Messages."""
        return (MessageReceived,)

    def __attrs_post_init__(self) -> None:
        folded = fold(self.phrase)
        if not folded:
            raise DefinitionError(f"{caller()}: {self.phrase!r} holds nothing that a customer could write")
        object.__setattr__(self, "folded", folded)

    def match(self, event: Event) -> Params | None:
        """Nothing is caught."""
        return NOTHING if isinstance(event, MessageReceived) and fold(event.text) == self.folded else None

    def __str__(self) -> str:
        return f'the text "{self.phrase}"'


@frozen(eq=False, repr=False)
class Regex(Value, Trigger):
    """A message that matches as a whole, outer space aside; named groups are caught, "" where one took no part."""

    pattern: re.Pattern[str] = field(converter=checked)

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """Messages."""
        return (MessageReceived,)

    def match(self, event: Event) -> Params | None:
        """The named groups."""
        if not isinstance(event, MessageReceived):
            return None
        found = self.pattern.fullmatch(event.text[:LONGEST_TEXT].strip())
        return None if found is None else found.groupdict(default="")

    def __str__(self) -> str:
        return f"what matches {self.pattern.pattern!r}"


@frozen(eq=False, repr=False)
class Patterned(Value, Trigger):
    """An event one of whose texts matches a `Pattern`: a button's payload, a ref, a signal's or timer's name."""

    kind: type[Event]
    pattern: Pattern

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """The one kind."""
        return (self.kind,)

    def match(self, event: Event) -> Params | None:
        """The placeholders."""
        return self.pattern.match(subject(event)) if isinstance(event, self.kind) else None

    def __str__(self) -> str:
        return f'{self.kind.__name__} "{self.pattern.text}"'


def subject(event: Event) -> str:
    """The text of an event that a `Pattern` is matched against; "" for kinds that have none."""
    if isinstance(event, ButtonPressed):
        return event.payload
    if isinstance(event, ConversationOpened):
        return event.ref
    return event.name if isinstance(event, (SignalReceived, TimerFired)) else ""


@frozen(eq=False, repr=False)
class Attached(Value, Trigger):
    """Attachments, at least one of them of these kinds."""

    of: frozenset[str] = field(converter=attachment_kinds)

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """Attachments."""
        return (AttachmentReceived,)

    def match(self, event: Event) -> Params | None:
        """Nothing is caught."""
        if not isinstance(event, AttachmentReceived):
            return None
        return NOTHING if any(one.kind in self.of for one in event.attachments) else None

    def __str__(self) -> str:
        return f"attachments ({', '.join(sorted(self.of))})"


@frozen(eq=False, repr=False)
class Kind(Value, Trigger):
    """Any event of a kind, or of a kind derived from it."""

    kind: type[Event]

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """The one kind."""
        return (self.kind,)

    def match(self, event: Event) -> Params | None:
        """Nothing is caught."""
        return NOTHING if isinstance(event, self.kind) else None

    def __str__(self) -> str:
        return self.kind.__name__


LOCATION = Kind(LocationShared)


def covers(earlier: Trigger, later: Trigger) -> bool:
    """Whether every event that is `later` is `earlier` too, as far as that can be told at a glance."""
    if earlier == later:
        return True
    if isinstance(earlier, Kind):
        return all(issubclass(kind, earlier.kind) for kind in later.kinds)
    if isinstance(earlier, Patterned) and isinstance(later, Patterned) and earlier.kind is later.kind:
        exact = later.pattern.exact
        return earlier.pattern.anything or (exact and earlier.pattern.match(later.pattern.prefix) is not None)
    return isinstance(earlier, Attached) and isinstance(later, Attached) and later.of <= earlier.of


def no_dialog_timer(pattern: str) -> None:
    """Refuse a timer that no route can ever see.

    Raises:
        DefinitionError: The name begins as the dialogs' or the handoffs' own timers do.
    """
    if pattern.startswith(HANDOFF_TIMER):
        raise DefinitionError(
            f'{caller()}: timers named "{HANDOFF_TIMER}…" belong to handoffs: wait for HandoffClosed or '
            "HandoffTransferred, or choose another name"
        )
    if pattern.startswith(DIALOG_TIMER):
        raise DefinitionError(f'{caller()}: timers named "{DIALOG_TIMER}…" belong to dialogs; choose another name')
