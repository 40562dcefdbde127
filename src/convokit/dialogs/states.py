"""What a state of a dialog says of itself, checked where it is written; and calls from one dialog to another."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import field, frozen

from convokit._value import Value
from convokit.dialogs.words import VERBS
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect import Choice, Expectation, Unclear
from convokit.messages import Message
from convokit.turn import Beginnable, Turn

M = TypeVar("M")
T = TypeVar("T")

END: Final = "END"
"""The goal that ends a dialog."""

Ask = str | Message | Callable[[Turn, M], str | Message | Awaitable[str | Message]]


class Business(Protocol):
    """Business hours: `convokit.desks.Hours` is one."""

    def after(self, moment: datetime, duration: timedelta) -> datetime:
        """The moment by which it will have been open for `duration` since `moment`."""
        ...


@frozen(eq=False, repr=False)
class Varying(Value):
    """One of some labels that a function gives when the question is asked."""

    choices: Callable[[Turn, Any], Sequence[str]]

    def __repr__(self) -> str:
        return "Varying()"  # the same in every process: what a dialog is made of is remembered

    def read(self, event: Event) -> str | Unclear:
        """Nothing: what it can be is known only in a turn."""
        del event
        return Unclear("its options are known only when it is asked")

    def now(self, turn: Turn, memory: Any) -> Choice:
        """What it expects in this turn.

        Raises:
            DefinitionError: The function gives no labels, or two that cannot be told apart.
        """
        return Choice(tuple(self.choices(turn, memory)))


class Callee(Protocol[M]):
    """What can be called: a dialog whose memory is an M."""

    name: str

    def start(self, memory: M | None) -> M:
        """The memory to begin with, checked to be of the dialog's class."""
        ...


@frozen(eq=False, repr=False)
class Call(Value):
    """What a state's handler returns to have another dialog ask first; made by `call`.

    Args:
        dialog: The dialog that is called.
        then: The state of the calling dialog that goes on when it has ended.
        memory: What the called dialog begins with; what it holds already is not asked again.
        into: The field of the caller's memory that gets the called dialog's memory; empty: none.
    """

    dialog: Beginnable
    then: str
    memory: Any = None
    into: str = ""


def call(dialog: Callee[M], *, then: str, memory: M | None = None, into: str = "") -> Call:
    """Let another dialog ask first: what a state's handler returns.

    When it ends, the caller goes on in the state `then`: there `turn.result` is the memory of the called dialog, in the
    question and in the handler, whenever they come. When the customer cancels it, the caller is cancelled with it.

    Where it has no `timeout` of its own, answers in it are waited for as its caller says. When one was waited for long
    enough, it is over, and then its caller's `on_timeout` is called.

    Args:
        dialog: What `bot.dialog(...)` returned.
        then: A state of the caller, named in `to` of the state that calls; or END.
        memory: An instance of the called dialog's class; what it already holds is not asked again.
        into: The field of the caller's memory that gets the result: the called dialog's memory, of a form the filled
            instance.

    Raises:
        DefinitionError: `memory` is not of the called dialog's class.
    """
    return Call(dialog=dialog, then=then, memory=dialog.start(memory), into=into)


StateHandler = Callable[[Turn, M, T], Awaitable[str | Call | None]]


@frozen(kw_only=True, eq=False, repr=False)
class State(Value, Generic[M]):
    """One question of a dialog.

    Args:
        name: Its handler's name.
        ask: The question: text, a `Message`, or a function of turn and memory.
        expect: How the answer is read.
        to: The goals its handler may return.
        handler: What is done with the answer.
        where: "file:line" of the handler.
        retry: What is said when an answer cannot be read; None: what helps, and the question again.
        tries: How many unclear answers in a row are taken; None: any number.
        exhausted: The goal after so many; empty: a person, or where the bot has no desk, the dialog ends.
        skip: The goal when the customer skips the question; empty: it cannot be skipped.
        label: What the answer is called in the summary and in "change the …".
        also: Other words for it.
        help: What is said to "help"; None: the dialog's.
        without: The verbs that are not heard here.
        depends_on: The states whose change has this one asked again.
        timeout: How long an answer is waited for; None: as the dialog says.
        reminders: When, after the question, the customer is reminded of it.
        aliases: Names that it had in earlier versions.
        calls: The dialogs that its handler may call, for drawings and checks.
    """

    name: str
    ask: Ask[M]
    expect: Expectation[object]
    to: tuple[str, ...]
    handler: StateHandler[M, Any]
    where: str
    retry: str | Message | None = None
    tries: int | None = None
    exhausted: str = ""
    skip: str = ""
    label: str = ""
    also: tuple[str, ...] = ()
    help: str | Message | None = None
    without: frozenset[str] = frozenset()
    depends_on: tuple[str, ...] = ()
    timeout: timedelta | None = None
    reminders: tuple[timedelta, ...] | None = None
    aliases: tuple[str, ...] = ()
    calls: tuple[Beginnable, ...] = field(default=(), repr=False)


def where_of(handler: Callable[..., object]) -> str:
    """ "file:line" of a handler."""  # noqa: D210  a quote begins the sentence
    code = handler.__code__ if inspect.isfunction(handler) else None
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(handler)


def checked_state(dialog: str, where: str, state: State[M]) -> State[M]:
    """The state, once what stands in it can be what it is; whether its goals exist is known at `compile`.

    Raises:
        DefinitionError: It cannot; the message names the line and the way out.
    """
    what = f"{where}: state {state.name}"
    _check_handler(dialog, state.handler, where)
    if state.name == END:
        raise DefinitionError(f"{where}: a state cannot be called {END}: that is how a dialog ends")
    check_said(f"{what}: ask", state.ask)
    for name in ("retry", "help"):
        said = getattr(state, name)
        if said is not None:
            check_said(f"{what}: {name}", said, function=False)
    if not hasattr(state.expect, "read"):
        raise DefinitionError(f"{what}: expect needs a method read(event), {state.expect!r} has none")
    if state.tries is not None and (type(state.tries) is not int or not 1 <= state.tries <= 100):  # noqa: PLR2004  the bound that the message names
        raise DefinitionError(f"{what}: tries is a whole number from 1 to 100, not {state.tries!r:.60}")
    if state.exhausted and state.tries is None:
        raise DefinitionError(f"{what}: exhausted={state.exhausted!r} is never reached: give tries=3 with it")
    for name in ("exhausted", "skip"):
        goal = getattr(state, name)
        if goal and goal not in state.to:
            raise DefinitionError(f"{what}: {name}={goal!r} must stand in to=[{', '.join(state.to)}] too")
    check_times(what, state.timeout, state.reminders or ())
    check_verbs(what, state.without)
    return state


def goals(where: str, name: str, to: Sequence[str]) -> tuple[str, ...]:
    """The goals, each once.

    Raises:
        DefinitionError: There are none, or they are no list of names.
    """
    if isinstance(to, str) or not to or not all(isinstance(goal, str) for goal in to):
        raise DefinitionError(f"{where}: state {name}: to is a list of goals such as ['address'] or [END], not {to!r}")
    return tuple(dict.fromkeys(to))


def skipped_to(where: str, name: str, skip: str | bool, to: tuple[str, ...]) -> str:
    """The goal when the question is skipped; empty: it cannot be.

    Raises:
        DefinitionError: `skip` is True, and there are several ways out.
    """
    if isinstance(skip, str):
        return skip
    if skip and len(to) != 1:
        raise DefinitionError(f"{where}: state {name}: skip=True has several ways out: name one, skip={to[0]!r}")
    return to[0] if skip else ""


def check_times(what: str, timeout: object, reminders: Sequence[object]) -> None:
    """Refuse times that cannot come one after the other.

    Raises:
        DefinitionError: They cannot.
    """
    spans = [*reminders, *([] if timeout is None else [timeout])]
    if not all(isinstance(one, timedelta) and one > timedelta(0) for one in spans):
        raise DefinitionError(
            f"{what}: timeout and reminders are times such as timedelta(minutes=30), not {spans!r:.80}"
        )
    if any(later <= earlier for earlier, later in pairwise(spans)):  # type: ignore[operator]  # checked
        raise DefinitionError(f"{what}: reminders come one after the other, and before the timeout, not {spans!r:.80}")


def check_verbs(what: str, without: frozenset[str]) -> None:
    """Refuse names of verbs that there are not.

    Raises:
        DefinitionError: One is unknown.
    """
    if unknown := sorted(set(without) - set(VERBS)):
        raise DefinitionError(f"{what}: without={unknown!r} names no verb; there are {', '.join(VERBS)}")


def check_said(what: str, said: object, *, function: bool = True) -> None:
    """Refuse a question or retry text that a customer could not read.

    Raises:
        DefinitionError: It is none.
    """
    if function and callable(said):
        try:
            inspect.signature(said).bind(None, None)
        except TypeError as problem:
            raise DefinitionError(f"{what} as a function takes (turn, memory): {problem}") from problem
    elif not isinstance(said, str | Message):
        raise DefinitionError(f"{what} is a text or a Message, not {said!r:.60}")
    elif not said.strip() if isinstance(said, str) else said.empty:
        raise DefinitionError(f"{what} is empty; it is what the customer reads")


def _check_handler(dialog: str, handler: Callable[..., object], where: str) -> None:
    name = getattr(handler, "__name__", "")
    if not name.isidentifier():
        raise DefinitionError(f"{where}: dialog {dialog}: a state is an async def of its own, whose name it bears")
    if not inspect.iscoroutinefunction(handler):
        raise DefinitionError(f"{where}: dialog {dialog}: state {name} must be an async def")
    try:
        inspect.signature(handler).bind(None, None, None)
    except TypeError as problem:
        raise DefinitionError(
            f"{where}: dialog {dialog}: state {name} takes (turn, memory, answer): {problem}"
        ) from problem
