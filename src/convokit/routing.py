"""Which route an event takes: the table that is compiled at start, its index, and the precedence in `select`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

from attrs import evolve, field, frozen

from convokit._index import Index, indexed, of_kind, refuse_unreachable
from convokit._value import Value
from convokit.abc import Middleware
from convokit.conversations import Conversation, Position
from convokit.dialogs import Dialog, Vocabulary
from convokit.dialogs.versions import line_of, taker
from convokit.events import (
    ConversationOpened,
    DialogsMigrated,
    Event,
    HandoffClosed,
    HandoffTransferred,
    HandoffUnattended,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
    SendRequested,
    SignalReceived,
    TimerFired,
)
from convokit.reading.situation import Situation
from convokit.router import Router
from convokit.routes import Match, Route, refuse_hidden, refuse_same_dialog, refuse_same_errors
from convokit.triggers import DIALOG_TIMER

__all__ = ["Action", "Finds", "Match", "Selected", "Table", "select"]

OPERATORS = (OperatorJoined, OperatorReplied, NoteWritten, HandoffTransferred, HandoffUnattended, HandoffClosed)
"""What comes from the desk, or tells of it."""
PATIENT = (TimerFired, SignalReceived, SendRequested)
"""What waits while a person has the conversation."""

Action = Literal["operator", "migrate", "receipt", "send", "forward", "postpone", "route", "dialog", "fallback", "none"]


@frozen(kw_only=True, eq=False, repr=False)
class Selected(Value):
    """What is to be done with an event.

    Args:
        action: "operator": the desk's event is applied, then `match` handles it, if there is one. "migrate": who stands
            in an older version of a dialog is brought to the current one. "receipt", "route",
            "fallback": `match` handles it. "send": its message is said. "forward": it goes to the operator.
            "postpone": it waits for the end of the handoff. "dialog": it belongs to the dialog at `position`. "none":
            nothing.
        match: The route, where there is one.
        position: Where the dialog stands, for "dialog".
    """

    action: Action
    match: Match | None = None
    position: Position | None = None


class Finds(Protocol):
    """What `select` asks for routes: a `Table`, or something that notes besides what it looked at."""

    def first(self, event: Event, conversation: Conversation) -> Match | None:
        """The first route in the written order that matches, whether it interrupts or not; fallbacks aside."""
        ...

    def interrupting(self, event: Event, conversation: Conversation) -> Match | None:
        """The first route that interrupts and matches."""
        ...

    def fallback(self, event: Event, conversation: Conversation) -> Match | None:
        """The first fallback that passes, for what customers said or came in with; None for all else."""
        ...


def select(event: Event, conversation: Conversation, table: Finds) -> Selected:
    """What is to be done with an event: the precedence, from top to bottom. Pure."""
    # What operators do is never kept from the bot: it is how a handoff ends. Nor are the engine's own affairs.
    if isinstance(event, (*OPERATORS, DialogsMigrated)):
        moved = isinstance(event, DialogsMigrated)
        return Selected(action="migrate") if moved else _operator(event, conversation, table)

    # Receipts tell about messages, not about the talk: neither dialogs nor handoffs see them.
    if event.receipt:
        return _with("receipt", table.first(event, conversation))

    # While a person has the conversation the bot is silent; what is due waits, what is said is theirs to read.
    if conversation.handoff is not None:
        if event.said:
            return Selected(action="forward")
        waits = isinstance(event, PATIENT)
        return Selected(action="postpone" if waits else "none")

    if isinstance(event, SendRequested):
        return Selected(action="send")

    # A dialog's own timers reach that dialog only.
    position = conversation.position_of(event.user)
    if isinstance(event, TimerFired) and event.name.startswith(DIALOG_TIMER):
        return Selected(action="dialog", position=position) if position else Selected(action="none")

    if match := table.interrupting(event, conversation):
        return Selected(action="route", match=match)

    if event.said and position is not None:
        return Selected(action="dialog", position=position)

    if match := table.first(event, conversation):
        return Selected(action="route", match=match)

    return _with("fallback", table.fallback(event, conversation))


def _operator(event: Event, conversation: Conversation, table: Finds) -> Selected:
    return Selected(action="operator", match=table.first(event, conversation))


def _with(action: Action, match: Match | None) -> Selected:
    return Selected(action=action, match=match) if match else Selected(action="none")


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True, eq=False, repr=False)
class Table(Value):
    """All that a bot is made of, checked and indexed; what `Bot.serve` compiles at start. Make it with `compile`.

    Args:
        routes: In the written order: the bot's own, then those of included routers.
        fallbacks: What is left over goes to the first that passes.
        error_routes: What `on_error` wrote.
        middlewares: Outermost first.
        dialogs: By name.
        situation: The locale and the time zone of customers who tell none.
        words: What can be said to any dialog.
    """

    routes: tuple[Route, ...] = ()
    fallbacks: tuple[Route, ...] = ()
    error_routes: tuple[Route, ...] = ()
    middlewares: tuple[Middleware, ...] = ()
    dialogs: Mapping[str, Dialog[Any]] = field(factory=dict)
    situation: Situation = field(factory=Situation)
    words: Vocabulary = field(factory=Vocabulary)
    _all: Mapping[type[Event], Index] = field(init=False, repr=False, eq=False)
    _interrupting: Mapping[type[Event], Index] = field(init=False, repr=False, eq=False)
    _errors: Mapping[type[BaseException], Route] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_all", indexed(self.routes))
        object.__setattr__(self, "_interrupting", indexed(one for one in self.routes if one.interrupts))
        named = {kind: route for route in self.error_routes for kind in route.errors}
        object.__setattr__(self, "_errors", named)

    @classmethod
    def compile(cls, router: Router, situation: Situation | None = None, words: Vocabulary | None = None) -> "Table":
        """The table of a router and all that it includes, for customers in this situation.

        Raises:
            DefinitionError: A route can never be reached, a dialog leads nowhere, two dialogs have one name, or a
                router is included twice.
        """
        members = [one for one, _ in router.members()]
        written = (route for one in members for route in one._routes)  # noqa: SLF001  the router's own compiler
        routes = tuple(evolve(route, order=order) for order, route in enumerate(written))
        refuse_unreachable(routes)
        fallbacks = tuple(route for one in members for route in one._fallbacks)  # noqa: SLF001  see above
        errors = tuple(route for one in members for route in one._error_routes)  # noqa: SLF001  see above
        for place, later in enumerate(fallbacks):
            for earlier in fallbacks[:place]:
                refuse_hidden(earlier, later, "what is left over")
        for place, later in enumerate(errors):
            for earlier in errors[:place]:
                refuse_same_errors(earlier, later)
        return cls(
            routes=routes,
            fallbacks=fallbacks,
            error_routes=errors,
            middlewares=tuple(middleware for one in members for middleware in one._middlewares),  # noqa: SLF001  see above
            dialogs=MappingProxyType(_dialogs(members)),
            situation=situation or Situation(),
            words=words or Vocabulary(),
        )

    def first(self, event: Event, conversation: Conversation) -> Match | None:
        """The first route in the written order that matches, whether it interrupts or not; fallbacks aside."""
        index = of_kind(self._all, type(event))
        return index.find(event, conversation) if index else None

    def interrupting(self, event: Event, conversation: Conversation) -> Match | None:
        """The first route that interrupts and matches."""
        index = of_kind(self._interrupting, type(event))
        return index.find(event, conversation) if index else None

    def fallback(self, event: Event, conversation: Conversation) -> Match | None:
        """The first fallback that passes, for what customers said or came in with; None for all else."""
        if event.said or isinstance(event, ConversationOpened):
            for route in self.fallbacks:
                if route.passes(event, conversation):
                    return Match(route)
        return None

    def misplaced(self, positions: Mapping[tuple[str, int, str], int]) -> list[str]:
        """Where people stand that these dialogs have no state for, a phrase each: "2 in order version 1, state size".

        Args:
            positions: How many people stand at (dialog, version, state), as the store tells.
        """
        lost = []
        for (name, version, state), people in sorted(positions.items()):
            dialog = taker(self.dialogs.get(name), version)
            if dialog is None or (dialog.version == version and dialog.named(state) is None):
                lost.append(f"{people} in {name} version {version}, state {state}")
        return lost

    @property
    def every_dialog(self) -> tuple[Dialog[Any], ...]:
        """Every dialog; after each the older versions that run beside it."""
        return tuple(one for dialog in self.dialogs.values() for one in line_of(dialog))

    def wants(self, kind: type[Event]) -> bool:
        """Whether there is a route for this kind of event."""
        return of_kind(self._all, kind) is not None

    def error_handler(self, error: BaseException) -> Route | None:
        """The route for what a handler raised: the nearest class wins. None: nobody wants it."""
        for kind in type(error).__mro__:
            if kind in self._errors:
                return self._errors[kind]
        return None


def _dialogs(members: list[Router]) -> dict[str, Dialog[Any]]:
    found: dict[str, tuple[Dialog[Any], str]] = {}
    for one in members:
        for name, (dialog, where) in one._dialogs.items():  # noqa: SLF001  the router's own compiler
            if name in found:
                refuse_same_dialog(name, found[name][1], where)
            dialog.compile()
            found[name] = (dialog, where)
    return {name: dialog for name, (dialog, _) in found.items()}
