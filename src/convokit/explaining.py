"""Why an event takes a route: `select` itself, asking somebody who notes what was looked at.

The precedence is that of `routing.select`, word for word: `Looking` stands in for the table there. It asks every
route in turn in place of the index, and tests hold it to the index's answers.
"""

from collections.abc import Iterable
from typing import Literal

from attrs import define, field, frozen

from convokit._value import Value
from convokit.conversations import Conversation
from convokit.events import AttachmentReceived, ConversationOpened, Event, MessageReceived
from convokit.filters import Reason
from convokit.routes import Match, Route
from convokit.routing import Selected, Table, select
from convokit.triggers import Trigger, subject

Among = Literal["those that interrupt", "all routes", "the fallbacks"]


@frozen(kw_only=True, eq=False, repr=False)
class Considered(Value):
    """A route that was looked at.

    Args:
        route: The route.
        trigger: What it waited for and got; None: the event was nothing that it waits for, and no filter was asked.
        reasons: What its filters said, up to the first that said no.
        passed: Whether it is the one.
        raised: What a trigger or filter raised, which ends the turn; empty: nothing.
    """

    route: Route
    trigger: Trigger | None = None
    reasons: tuple[Reason, ...] = ()
    passed: bool = False
    raised: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Look(Value):
    """One look for a route.

    Args:
        among: Where.
        event: For what: a typed answer is looked up as the press that it stands for, too.
        considered: The routes that were asked, in order, the last of them passed if one did.
    """

    among: Among
    event: Event
    considered: tuple[Considered, ...]


@define
class Looking:
    """Finds routes as a `Table` does, and keeps every look in `looks`."""

    table: Table
    looks: list[Look] = field(factory=list)

    def first(self, event: Event, conversation: Conversation) -> Match | None:
        """As `Table.first`."""
        return self._found("all routes", self.table.routes, event, conversation)

    def interrupting(self, event: Event, conversation: Conversation) -> Match | None:
        """As `Table.interrupting`."""
        routes = [one for one in self.table.routes if one.interrupts]
        return self._found("those that interrupt", routes, event, conversation)

    def fallback(self, event: Event, conversation: Conversation) -> Match | None:
        """As `Table.fallback`."""
        wanted = event.said or isinstance(event, ConversationOpened)
        return self._found("the fallbacks", self.table.fallbacks if wanted else (), event, conversation)

    def _found(self, among: Among, routes: Iterable[Route], event: Event, conversation: Conversation) -> Match | None:
        considered: list[Considered] = []
        match = None
        try:
            for route in routes:
                one, match = _asked(route, event, conversation)
                considered.append(one)
                if match is not None or one.raised:
                    break
        finally:
            self.looks.append(Look(among=among, event=event, considered=tuple(considered)))
        if considered and considered[-1].raised:
            raise Unselected(considered[-1].raised)
        return match


class Unselected(Exception):
    """A trigger or a filter raised: there is no route, and the turn fails."""


def explain(event: Event, conversation: Conversation, table: Table) -> tuple[Selected | None, tuple[Look, ...]]:
    """What `select` says, and what it looked at on its way; None in place of it when a filter raises."""
    looking = Looking(table)
    try:
        found = select(event, conversation, looking)
    except Unselected:
        found = None
    return found, tuple(looking.looks)


def _asked(route: Route, event: Event, conversation: Conversation) -> tuple[Considered, Match | None]:
    trigger, reasons = None, []
    try:
        for trigger in route.triggers:
            caught = trigger.match(event)
            if caught is not None:
                break
        else:
            return Considered(route=route), None
        for one in route.filters:
            reasons.append(one.explain(event, conversation))
            if not reasons[-1].passes:
                return Considered(route=route, trigger=trigger, reasons=tuple(reasons)), None
    except Exception as problem:  # noqa: BLE001  a filter is the user's own, and this tells what became of it
        said = f"{type(problem).__name__}: {problem}"
        return Considered(route=route, trigger=trigger, reasons=tuple(reasons), raised=said), None
    return Considered(route=route, trigger=trigger, reasons=tuple(reasons), passed=True), Match(route, caught)


def in_words(event: Event) -> str:
    """What of an event triggers look at: "it says "hallo""."""
    if isinstance(event, MessageReceived):
        return f'it says "{event.text}"'
    if isinstance(event, AttachmentReceived):
        return f"it brings {', '.join(one.kind for one in event.attachments)}"
    named = subject(event)
    if isinstance(event, ConversationOpened):
        return f'its ref is "{named}"' if named else "it has no ref"
    return f'it is "{named}"' if named else f"it is a {type(event).__name__}"
