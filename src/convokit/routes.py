"""What a handler is for: the `Route`, and the refusal of handlers and routes that cannot work."""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.conversations import Conversation
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.filters import Filter
from convokit.patterns import NOTHING, caller
from convokit.triggers import Params, Trigger
from convokit.turn import Turn

Handler = Callable[[Turn], Coroutine[Any, Any, None]]


@frozen(kw_only=True, eq=False, repr=False)
class Route(Value):
    """What a handler is for.

    Args:
        triggers: What it waits for, any of them; the first that matches says what was caught.
        filters: What must hold besides, all of them.
        handler: What is run.
        interrupts: Whether it comes before the dialog in progress.
        name: The handler's qualified name.
        where: "file:line" of the handler.
        order: Its place in the written order, from 0; -1 before the table is compiled.
        errors: For `on_error`: the exceptions it is for; such a route has no triggers.
        tries: For `on_error`: how often an event is tried that raises these; None: as often as the settings say.
    """

    triggers: tuple[Trigger, ...] = ()
    filters: tuple[Filter, ...] = ()
    handler: Handler = field(repr=False)
    interrupts: bool = False
    name: str
    where: str
    order: int = -1
    errors: tuple[type[Exception], ...] = ()
    tries: int | None = None

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """The kinds of events it can be for."""
        return tuple(dict.fromkeys(kind for trigger in self.triggers for kind in trigger.kinds))

    def match(self, event: Event, conversation: Conversation) -> Params | None:
        """What was caught, None when the event is not for this route."""
        for trigger in self.triggers:
            caught = trigger.match(event)
            if caught is not None:
                return caught if self.passes(event, conversation) else None
        return None

    def passes(self, event: Event, conversation: Conversation) -> bool:
        """Whether the event passes all filters."""
        return not self.filters or all(one(event, conversation) for one in self.filters)


@frozen(eq=False, repr=False)
class Match(Value):
    """A route, and what its trigger caught in the event."""

    route: Route
    params: Params = NOTHING


def route_of(
    handler: Handler,
    triggers: tuple[Trigger, ...] = (),
    filters: tuple[Filter, ...] = (),
    *,
    interrupts: bool = False,
    errors: tuple[type[Exception], ...] = (),
    tries: int | None = None,
) -> Route:
    """The route to a handler.

    Raises:
        DefinitionError: The handler is not an `async def` that takes a turn and nothing else.
    """
    plain = handler.func if isinstance(handler, partial) else handler
    name = getattr(plain, "__qualname__", None) or type(plain).__qualname__
    code = getattr(inspect.unwrap(plain), "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code is not None else caller()
    if not inspect.iscoroutinefunction(handler):
        raise DefinitionError(f"{where}: handler {name} must be written async def {plain_name(name)}(turn)")
    check_arguments(handler, 1, f"handler {name} takes one argument, the turn", where)
    return Route(
        triggers=triggers,
        filters=filters,
        handler=handler,
        interrupts=interrupts,
        name=name,
        where=where,
        errors=errors,
        tries=tries,
    )


def plain_name(qualified: str) -> str:
    """The last part of a qualified name."""
    return qualified.rpartition(".")[2]


def check_arguments(function: Callable[..., Any], count: int, rule: str, where: str) -> None:
    """Refuse a function that cannot be called with `count` arguments in a row.

    Raises:
        DefinitionError: It needs more, takes fewer, or has a keyword without a default.
    """
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError as problem:
        raise DefinitionError(f"{where}: {rule}: {problem}") from problem


def hides(earlier: Route, later: Route) -> bool:
    """Whether `earlier`, looked at first for the same thing, leaves nothing to `later`."""
    return not earlier.filters or set(earlier.filters) == set(later.filters)


def looked_at_first(routes: Iterable[Route]) -> list[Route]:
    """The routes in the order in which they are asked: those that interrupt, then the others, each as written."""
    return sorted(routes, key=lambda route: not route.interrupts)


def refuse_hidden(earlier: Route, later: Route, what: str) -> None:
    """Refuse two routes, in the order written, of which one takes all of `what` from the other.

    Raises:
        DefinitionError: One of them can never be reached.
    """
    first, hidden = looked_at_first((earlier, later))
    if hides(first, hidden):
        why = ", which interrupts," if first is later else ""
        raise DefinitionError(
            f"{hidden.where}: {hidden.name} is never reached for {what}: that goes to {first.name}{why} at "
            f"{first.where}; remove one of the two, or give {plain_name(first.name)} a filter of its own, "
            "such as channel(…)"
        )


def refuse_same_errors(earlier: Route, later: Route) -> None:
    """Refuse two error handlers for the same class of exceptions.

    Raises:
        DefinitionError: There is a class that both name.
    """
    for kind in later.errors:
        if kind in earlier.errors:
            raise DefinitionError(
                f"{later.where}: {later.name} is never reached: {kind.__name__} goes to {earlier.name} at "
                f"{earlier.where}; remove one of the two, or name a narrower class"
            )


def refuse_same_dialog(name: str, earlier: str, later: str) -> None:
    """Refuse two dialogs of one name.

    Raises:
        DefinitionError: Always.
    """
    raise DefinitionError(f'{later}: there is a dialog "{name}" at {earlier} already; give this one name="…"')
