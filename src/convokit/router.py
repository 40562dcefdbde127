"""The `Router`: a group of handlers, dialogs and middleware, and the decorators that say which handler is for what."""

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, overload

from convokit.abc import Middleware
from convokit.dialogs import Dialog, Form
from convokit.dialogs.states import Business
from convokit.errors import DefinitionError
from convokit.events import ButtonPressed, ConversationOpened, Event, SignalReceived, TimerFired
from convokit.filters import Filter
from convokit.messages import Message
from convokit.patterns import Pattern, caller
from convokit.routes import (
    Handler,
    Route,
    check_arguments,
    refuse_hidden,
    refuse_same_dialog,
    refuse_same_errors,
    route_of,
)
from convokit.triggers import LOCATION, Attached, Command, Kind, Patterned, Regex, Text, Trigger, no_dialog_timer

H = TypeVar("H", bound=Handler)
W = TypeVar("W", bound=Middleware)
M = TypeVar("M")
F = TypeVar("F")


def _split(word: str, given: tuple[str | Filter, ...], least: int = 1) -> tuple[tuple[str, ...], tuple[Filter, ...]]:
    """The texts, and the filters after them."""
    texts = tuple(one for one in given if isinstance(one, str))
    for one in given[: len(texts)]:
        if not isinstance(one, str) or not one.strip():
            raise DefinitionError(
                f"{caller()}: {word}(…) takes texts that are not empty, then filters, not {one!r}; "
                f'write @….{word}("…") above the handler'
            )
    if len(texts) < least:
        raise DefinitionError(f'{caller()}: {word}(…) needs at least one text; write @….{word}("…") above the handler')
    return texts, _filters(given[len(texts) :])


def _filters(given: Iterable[Any]) -> tuple[Filter, ...]:
    filters = tuple(given)
    for one in filters:
        if not isinstance(one, Filter):
            raise DefinitionError(f"{caller()}: {one!r} is no filter; make one of your own function with where(…)")
    return filters


def _bare(given: tuple[Any, ...]) -> tuple[Any, tuple[Filter, ...]]:
    """The handler, when the decorator stands without brackets, or the filters."""
    if len(given) == 1 and callable(given[0]) and not isinstance(given[0], Filter):
        return given[0], ()
    return None, _filters(given)


class Router:
    """A group of handlers, dialogs and middleware; a `Bot` is one too.

    Decorators return the handler as it was, so that several can stand above one function. Each takes further filters
    after its own arguments and `interrupts=True`, which puts the route before the dialog in progress. A decorator
    raises `DefinitionError` when the handler is not an `async def` of one turn, or could never be reached.

    Args:
        name: For people; may be empty.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._routes: list[Route] = []
        self._fallbacks: list[Route] = []
        self._error_routes: list[Route] = []
        self._middlewares: list[Middleware] = []
        self._dialogs: dict[str, tuple[Dialog[Any], str]] = {}
        self._included: list[tuple[Router, str]] = []
        self._taken: dict[tuple[Trigger, frozenset[Filter]], Route] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {len(self._routes)} routes)"

    # ── what customers say and do ───────────────────────────────────────────────────────────────────────────────────

    def command(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For messages that begin with "/" and one of these names; "start" is also a channel's own start button.

        Case does not matter; what follows the name is `turn.params["args"]`.
        """
        names, filters = _split("command", given)
        bare = [one.removeprefix("/").casefold() for one in names]
        for one in bare:
            if not one or any(c.isspace() for c in one):
                raise DefinitionError(f'{caller()}: a command is one word, such as "menu", not {one!r}')
        return self._register((Command(one) for one in bare), filters, interrupts=interrupts)

    def text(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For messages whose whole text is one of these; case, accents, outer space, end punctuation aside."""
        phrases, filters = _split("text", given)
        return self._register((Text(one) for one in phrases), filters, interrupts=interrupts)

    def regex(self, pattern: str | re.Pattern[str], *filters: Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For messages that match as a whole, outer space aside; named groups are in `turn.params`.

        A pattern given as a string does not mind case. Only the first 4096 characters are looked at.
        """
        if not isinstance(pattern, str | re.Pattern):
            raise DefinitionError(f"{caller()}: regex(…) takes a pattern, not {pattern!r}")
        return self._register([Regex(pattern)], filters, interrupts=interrupts)

    def button(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For pressed buttons with one of these payloads: "track:{order}" is caught as `turn.params["order"]`."""
        return self._patterned("button", ButtonPressed, given, interrupts=interrupts)

    def opened(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For conversations entered by a link, QR code or ad with one of these refs; any, or none, when left out."""
        whole = given if any(isinstance(one, str) for one in given) else ("*", *given)
        return self._patterned("opened", ConversationOpened, whole, interrupts=interrupts)

    def attachment(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For attachments of these kinds: "image", "audio", "video", "file"; any when none is named."""
        kinds, filters = _split("attachment", given, least=0)
        return self._register([Attached(kinds)], filters, interrupts=interrupts)

    @overload
    def location(self, handler: H, /) -> H: ...
    @overload
    def location(self, *filters: Filter, interrupts: bool = False) -> Callable[[H], H]: ...
    def location(self, *given: Any, interrupts: bool = False) -> Any:
        """For shared places; used bare or with filters."""
        handler, filters = _bare(given)
        register = self._register([LOCATION], filters, interrupts=interrupts)
        return register if handler is None else register(handler)

    # ── what else happens ───────────────────────────────────────────────────────────────────────────────────────────

    def signal(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For the business's own events with one of these names: "order.shipped", "order.*", "order.{what}"."""
        return self._patterned("signal", SignalReceived, given, interrupts=interrupts)

    def timer(self, *given: str | Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For reminders with one of these names, as given to `turn.remind`."""
        for one in given:
            if isinstance(one, str):
                no_dialog_timer(one)
        return self._patterned("timer", TimerFired, given, interrupts=interrupts)

    def on(self, kind: type[Event], *filters: Filter, interrupts: bool = False) -> Callable[[H], H]:
        """For any event of a kind."""
        named: object = kind
        if not (isinstance(named, type) and issubclass(named, Event)):
            raise DefinitionError(f"{caller()}: on(…) takes a kind of event such as MessageRead, not {kind!r}")
        return self._register([Kind(kind)], filters, interrupts=interrupts)

    @overload
    def fallback(self, handler: H, /) -> H: ...
    @overload
    def fallback(self, *filters: Filter) -> Callable[[H], H]: ...
    def fallback(self, *given: Any) -> Any:
        """For what customers said, or came in with, that nothing else was for; used bare or with filters."""
        handler, filters = _bare(given)

        def register(written: H) -> H:
            made = route_of(written, (Kind(Event),), filters)
            for earlier in self._fallbacks:
                refuse_hidden(earlier, made, "what is left over")
            self._fallbacks.append(made)
            return written

        return register if handler is None else register(handler)

    def on_error(self, *kinds: type[Exception], tries: int | None = None) -> Callable[[H], H]:
        """For events whose handler raised one of these; any exception when none is named. The nearest class wins.

        It runs when the event was tried as often as the settings say, and is kept among the failed ones. `tries=1`
        is for errors that another try cannot mend: the handler is told at once.
        """
        if tries is not None and tries < 1:
            raise DefinitionError(f"{caller()}: on_error(…, tries={tries}): an event is tried at least once")
        named: tuple[object, ...] = kinds
        for one in named:
            if not (isinstance(one, type) and issubclass(one, Exception)):
                raise DefinitionError(f"{caller()}: on_error(…) takes classes of exceptions, not {one!r}")

        def register(written: H) -> H:
            made = route_of(written, errors=kinds or (Exception,), tries=tries)
            for earlier in self._error_routes:
                refuse_same_errors(earlier, made)
            self._error_routes.append(made)
            return written

        return register

    # ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def use(self, middleware: W) -> W:
        """Put `async def middleware(turn, proceed)` around every turn, inside those put before."""
        given: object = middleware
        call = type(given).__call__ if callable(given) else None
        if not (inspect.iscoroutinefunction(given) or inspect.iscoroutinefunction(call)):
            raise DefinitionError(f"{caller()}: a middleware is an async def of turn and proceed, not {middleware!r}")
        check_arguments(middleware, 2, "a middleware takes turn and proceed", caller())
        self._middlewares.append(middleware)
        return middleware

    def include(self, router: "Router") -> None:
        """Take in a group of handlers, dialogs and middleware; its routes come after this one's own.

        Raises:
            DefinitionError: It is no router, is included already, or would include itself.
        """
        where = caller()
        if not isinstance(router, Router):
            raise DefinitionError(f"{where}: include(…) takes a Router, not {router!r}")
        if any(one is self for one, _ in router.members(where)):
            raise DefinitionError(f"{where}: {router!r} cannot be included in what it includes itself")
        present = {id(one): at for one, at in self.members("")}
        for one, _ in router.members(where):
            if id(one) in present:
                raise DefinitionError(f"{where}: {one!r} is included already ({present[id(one)]}); include it once")
        self._included.append((router, where))

    def dialog(
        self,
        memory: type[M],
        *,
        name: str | None = None,
        version: int = 1,
        timeout: timedelta | None = None,
        reminders: Sequence[timedelta] = (),
        hours: Business | None = None,
        help: str | Message | None = None,  # noqa: A002  what customers say
        without: Sequence[str] = (),
        beside: Dialog[Any] | None = None,
    ) -> Dialog[M]:
        """A new `Dialog` that remembers an instance of `memory`, an attrs class; its arguments are told there.

        Raises:
            DefinitionError: `memory` is no attrs class, or the name is taken.
        """
        made = Dialog(
            memory,
            name=name,
            version=version,
            timeout=timeout,
            reminders=reminders,
            hours=hours,
            help=help,
            without=without,
            beside=beside,
        )
        self._registers(made, caller())
        return made

    def form(
        self,
        filled: type[F],
        *,
        name: str | None = None,
        version: int = 1,
        timeout: timedelta | None = None,
        reminders: Sequence[timedelta] = (),
        hours: Business | None = None,
        review: str | bool = True,
        right: str = "",
        change: str = "",
        help: str | Message | None = None,  # noqa: A002  what customers say
        without: Sequence[str] = (),
        beside: Dialog[Any] | None = None,
    ) -> Form[F]:
        """A new `Form` that fills an instance of `filled`, an attrs class; its arguments are told there.

        Raises:
            DefinitionError: `filled` cannot be asked, or the name is taken.
        """
        made = Form(
            filled,
            name=name,
            version=version,
            timeout=timeout,
            reminders=reminders,
            hours=hours,
            review=review,
            right=right,
            change=change,
            help=help,
            without=without,
            beside=beside,
        )
        self._registers(made, caller())
        return made

    def _registers(self, made: Dialog[Any], where: str) -> None:
        if made.name in self._dialogs:
            refuse_same_dialog(made.name, self._dialogs[made.name][1], where)
        self._dialogs[made.name] = (made, where)

    def members(self, where: str = "") -> list[tuple["Router", str]]:
        """This router and all that it includes, in the order they are looked at, each with where it was included.

        Raises:
            DefinitionError: One of them is included twice.
        """
        found: dict[int, tuple[Router, str]] = {}
        waiting: list[tuple[Router, str]] = [(self, where)]
        while waiting:
            router, at = waiting.pop()
            if id(router) in found:
                raise DefinitionError(
                    f"{at}: {router!r} is included already ({found[id(router)][1] or 'by itself'}); include it once"
                )
            found[id(router)] = (router, at)
            waiting.extend(reversed(router._included))  # noqa: SLF001  another of this class
        return list(found.values())

    def _patterned(
        self, word: str, kind: type[Event], given: tuple[str | Filter, ...], *, interrupts: bool
    ) -> Callable[[H], H]:
        patterns, filters = _split(word, given)
        return self._register((Patterned(kind, Pattern(one)) for one in patterns), filters, interrupts=interrupts)

    def _register(
        self, triggers: Iterable[Trigger], filters: Iterable[Filter], *, interrupts: bool
    ) -> Callable[[H], H]:
        made, also = tuple(dict.fromkeys(triggers)), _filters(filters)

        def register(written: H) -> H:
            route = route_of(written, made, also, interrupts=interrupts)
            same = frozenset(also)
            for trigger in made:
                for asked in {frozenset[Filter](), same}:
                    if (trigger, asked) in self._taken:
                        refuse_hidden(self._taken[trigger, asked], route, str(trigger))
            for trigger in made:
                self._taken[trigger, same] = route
            self._routes.append(route)
            return written

        return register
