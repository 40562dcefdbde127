"""A dialog's definition: its states, in the order written, checked when written and compiled at start."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar, overload

import attrs

from convokit._machine import advance, compile_table
from convokit.dialogs.describing import Description, described, digest
from convokit.dialogs.states import (
    END,
    Ask,
    Business,
    State,
    StateHandler,
    Varying,
    check_said,
    check_times,
    check_verbs,
    checked_state,
    goals,
    skipped_to,
    where_of,
)
from convokit.dialogs.versions import Migration, check_beside, check_chain, checked_migration
from convokit.errors import DefinitionError, HandlerFailed
from convokit.expect import Choice, Expectation, Text
from convokit.messages import Message
from convokit.turn import Beginnable, Turn
from convokit.wire.codec import from_json, to_json

M = TypeVar("M")
T = TypeVar("T")

Choices = Sequence[str] | Callable[[Turn, M], Sequence[str]]
Hook = Callable[[Turn, M], Awaitable[str | None]]
Extract = Callable[[Turn, M], Awaitable[Mapping[str, Any]]]


def snake(name: str) -> str:
    """A class's name as a dialog's: `TableOrder` is `table_order`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _chosen(what: str, choices: Choices[Any] | None) -> Expectation[str]:
    if choices is None:
        return Text()
    if isinstance(choices, Sequence) or not callable(choices):
        return Choice(choices)
    try:
        inspect.signature(choices).bind(None, None)
    except TypeError as problem:
        raise DefinitionError(f"{what}: choices as a function takes (turn, memory): {problem}") from problem
    return Varying(choices)


class Dialog(Generic[M]):
    """A conversation of several turns: states, in the order written; the first is where it begins.

    Args:
        memory: The attrs class of what it remembers; every field has a default.
        name: Its name in the store; the class's name in snake case when left out. Keep it when the class is renamed.
        version: Raised when stored positions would no longer fit; from 1. `migrate` brings them to the next one.
        timeout: How long any answer is waited for; None: as the dialog that called it says, else for ever. Then
            `on_timeout` is called and the dialog is over.
        reminders: When, after a question, the customer is reminded of it; before the timeout. Where neither is given,
            those of the dialog that called it.
        hours: Business hours: then `timeout` and `reminders` count open time only.
        help: What is said to "help"; when left out, which verbs can be said.
        without: The verbs that are not heard in this dialog, of "back", "change", "start_over", "cancel", "repeat",
            "skip", "summary", "help", "person". Without "summary" its answers are told in no summary of a dialog that
            calls it either; without "change" they are not changed from there.
        beside: The dialog of the same name as it was in an older version: who stands in it goes on in it to its end;
            it is not begun any more.

    Raises:
        DefinitionError: `memory` is not an attrs class, or cannot be made without arguments or stored; a time or a
            verb is wrong.
    """

    def __init__(
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
        beside: "Dialog[Any] | None" = None,
    ) -> None:
        given: object = memory
        if not (isinstance(given, type) and attrs.has(given)):
            raise DefinitionError(f"a dialog's memory is an attrs class (@define class Order: …), not {memory!r}")
        if type(version) is not int or version < 1:
            raise DefinitionError(f"dialog {memory.__name__}: version is a whole number from 1, not {version!r}")
        self.memory: type[M] = memory
        self.name = name or snake(memory.__name__)
        self.version = version
        self.states: dict[str, State[M]] = {}
        self.timeout = timeout
        self.reminders = tuple(reminders)
        self.hours = hours
        self.help = help
        self.without = frozenset(without)
        self.hooks: dict[str, Hook[M]] = {}
        self.asides: frozenset[str] = frozenset()  # states whose answers are not among what was answered
        self.extracts: Extract[M] | None = None
        self.migrations: dict[int, Migration] = {}
        self.beside = beside
        self._machine: Any = None
        check_times(f"dialog {self.name}", timeout, self.reminders)
        check_verbs(f"dialog {self.name}", self.without)
        if beside is not None:
            check_beside(self, beside)
        if help is not None:
            check_said(f"dialog {self.name}: help", help, function=False)
        self._blank = self._made_blank()

    def __repr__(self) -> str:
        return f"Dialog({self.name!r}, states={list(self.states)})"

    def _made_blank(self) -> dict[str, Any]:
        try:
            blank = self.memory()
            stored = to_json(blank)
            from_json(self.memory, stored)
        except (TypeError, ValueError) as problem:
            raise DefinitionError(
                f"dialog {self.name}: {self.memory.__name__}() cannot be made without arguments, or not stored: "
                f"{problem}; give every field a default, of a kind that JSON can hold"
            ) from problem
        for one in attrs.fields(self.memory):  # type: ignore[arg-type]  # M is checked above
            if one.name.startswith("_"):
                raise DefinitionError(
                    f"dialog {self.name}: {self.memory.__name__}.{one.name} would not be stored: fields that begin "
                    "with _ are left out; name it without"
                )
        return {one.name: getattr(blank, one.name) for one in attrs.fields(self.memory)}  # type: ignore[arg-type]  # M is checked above

    # ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────

    @overload
    def state(
        self,
        *,
        ask: Ask[M],
        to: Sequence[str],
        expect: Expectation[T],
        retry: str | Message | None = None,
        tries: int | None = None,
        exhausted: str = "",
        skip: str | bool = False,
        label: str = "",
        also: Sequence[str] = (),
        help: str | Message | None = None,
        without: Sequence[str] = (),
        depends_on: Sequence[str] = (),
        timeout: timedelta | None = None,
        reminders: Sequence[timedelta] | None = None,
        aliases: Sequence[str] = (),
        calls: Sequence[Beginnable] = (),
    ) -> Callable[[StateHandler[M, T]], StateHandler[M, T]]: ...
    @overload
    def state(
        self,
        *,
        ask: Ask[M],
        to: Sequence[str],
        choices: Choices[M] | None = None,
        retry: str | Message | None = None,
        tries: int | None = None,
        exhausted: str = "",
        skip: str | bool = False,
        label: str = "",
        also: Sequence[str] = (),
        help: str | Message | None = None,
        without: Sequence[str] = (),
        depends_on: Sequence[str] = (),
        timeout: timedelta | None = None,
        reminders: Sequence[timedelta] | None = None,
        aliases: Sequence[str] = (),
        calls: Sequence[Beginnable] = (),
    ) -> Callable[[StateHandler[M, str]], StateHandler[M, str]]: ...
    def state(
        self,
        *,
        ask: Ask[M],
        to: Sequence[str],
        expect: Expectation[Any] | None = None,
        choices: Choices[M] | None = None,
        retry: str | Message | None = None,
        tries: int | None = None,
        exhausted: str = "",
        skip: str | bool = False,
        label: str = "",
        also: Sequence[str] = (),
        help: str | Message | None = None,  # noqa: A002  what customers say
        without: Sequence[str] = (),
        depends_on: Sequence[str] = (),
        timeout: timedelta | None = None,
        reminders: Sequence[timedelta] | None = None,
        aliases: Sequence[str] = (),
        calls: Sequence[Beginnable] = (),
    ) -> Callable[[StateHandler[M, Any]], StateHandler[M, Any]]:
        """Make the decorated `async def name(turn, memory, answer)` a state of this name.

        The handler returns the next state's name, `END`, or `call(…)`; with a single way out it may return nothing.
        Returning its own name asks again.

        Args:
            ask: The question.
            to: The goals the handler may return; at least one.
            expect: How the answer is read: `Integer(1, 8)`, `YesNo()`, …; any text when left out.
            choices: Short for `expect=Choice(choices)`; or a function of turn and memory that returns the labels.
            retry: What is said when the answer cannot be read, instead of the question.
            tries: How many unclear answers in a row are taken (1 to 100); None: any number.
            exhausted: The goal after so many, one of `to`; left out: a person joins, or where the bot has no desk the
                dialog is cancelled.
            skip: The goal when the customer skips the question, one of `to`; True where there is only one. The handler
                does not run then.
            label: What the answer is called in the summary and in "change the …"; the state's name when left out.
            also: Other words for it.
            help: What is said to "help" here.
            without: The verbs that are not heard here.
            depends_on: The states whose change has this one asked again. (One whose question or options read otherwise
                than before is asked again anyway.)
            timeout: How long this answer is waited for; the dialog's when left out.
            reminders: When, after the question, the customer is reminded of it; the dialog's when left out.
            aliases: Names that the state had in earlier versions: whoever stands there stands here.
            calls: The dialogs that the handler may call, for drawings and checks.

        Raises:
            DefinitionError: The handler or an argument is wrong; the message names the line and the way out.
        """

        def register(handler: StateHandler[M, Any]) -> StateHandler[M, Any]:
            where, name = where_of(handler), getattr(handler, "__name__", "")
            if name in self.states:
                raise DefinitionError(
                    f"{where}: dialog {self.name} has a state {name} already ({self.states[name].where})"
                )
            ways = goals(where, name, to)
            if expect is not None and choices is not None:
                raise DefinitionError(f"{where}: state {name}: give expect or choices, not both")
            reads = expect if expect is not None else _chosen(f"{where}: state {name}", choices)
            made = State(
                name=name,
                ask=ask,
                expect=reads,
                to=ways,
                handler=handler,
                where=where,
                retry=retry,
                tries=tries,
                exhausted=exhausted,
                skip=skipped_to(where, name, skip, ways),
                label=label or name.replace("_", " "),
                also=tuple(also),
                help=help,
                without=frozenset(without),
                depends_on=tuple(depends_on),
                timeout=timeout,
                reminders=None if reminders is None else tuple(reminders),
                aliases=tuple(aliases),
                calls=tuple(calls),
            )
            self.states[name] = checked_state(self.name, where, made)
            self._machine = None
            return handler

        return register

    def on_timeout(self, handler: Hook[M]) -> Hook[M]:
        """Call `async def handler(turn, memory)` when an answer was waited for long enough.

        Returning a state's name goes on there; else the dialog is over. When it would lead on a second time, with
        nothing heard from the customer in between, the dialog is over, too: what it said then is not sent, the customer
        is told that nobody waits any more, and `on_cancel` is called. So it is without `on_timeout`.

        When a dialog that was called is over by time, its caller's `on_timeout` is called after its own, and may go on
        in a state of the caller's; and so on to the first caller. Of a dialog that has none `on_cancel` is called.
        """
        return self._hooked("on_timeout", handler)

    def on_cancel(self, handler: Hook[M]) -> Hook[M]:
        """Call `async def handler(turn, memory)` when the customer cancels the dialog, or too much stayed unclear."""
        return self._hooked("on_cancel", handler)

    def on_end(self, handler: Hook[M]) -> Hook[M]:
        """Call `async def handler(turn, memory)` when the dialog has come to its end."""
        return self._hooked("on_end", handler)

    def extract(self, handler: Extract[M]) -> Extract[M]:
        """Call `async def handler(turn, memory)` to find what a message tells besides the answer.

        It returns values by field of the memory: what it finds is not asked any more. It is called with what began the
        dialog and with each answer, those that were not understood too: a language model, or code of one's own.
        """
        where = where_of(handler)
        if self.extracts is not None or not inspect.iscoroutinefunction(handler):
            raise DefinitionError(f"{where}: dialog {self.name}: extract takes one async def (turn, memory)")
        self.extracts = handler
        return handler

    def migrate(self, version: int) -> Callable[[Migration], Migration]:
        """Bring positions of a version to the next one: `def old(state, memory)` returns both as that has them.

        `memory` is a dict of JSON values, which may be changed. Chained, one for each version, they lead to the current
        one. They must be pure: they run when a person is met who stands in an old version, in `convokit migrate`, and
        for the answers so far, too. A state that was only renamed needs none: `aliases` on it.

        Args:
            version: From 1 to the one before the current.

        Raises:
            DefinitionError: There is no such version, it has one already, or it is no plain `def` of two arguments.
        """

        def register(function: Migration) -> Migration:
            self.migrations[version] = checked_migration(self, version, function)
            self._machine = None
            return function

        return register

    def _hooked(self, kind: str, handler: Hook[M]) -> Hook[M]:
        where = where_of(handler)
        if kind in self.hooks:
            raise DefinitionError(f"{where}: dialog {self.name} has an {kind} already ({where_of(self.hooks[kind])})")
        if not inspect.iscoroutinefunction(handler):
            raise DefinitionError(f"{where}: dialog {self.name}: {kind} takes an async def")
        try:
            inspect.signature(handler).bind(None, None)
        except TypeError as problem:
            raise DefinitionError(f"{where}: dialog {self.name}: {kind} takes (turn, memory): {problem}") from problem
        self.hooks[kind] = handler
        return handler

    # ── what is made of it ──────────────────────────────────────────────────────────────────────────────────────────

    def start(self, memory: M | None) -> M:
        """The memory to begin with: `memory`, or a fresh one.

        Raises:
            DefinitionError: It is not of the dialog's class, or the dialog has no states.
        """
        self._has_states()
        if memory is None:
            return self.memory()
        if not isinstance(memory, self.memory):
            raise DefinitionError(f"dialog {self.name} begins with {self.memory.__name__}(…), not {memory!r:.80}")
        return memory

    @property
    def timed(self) -> bool:
        """Whether any of its answers is waited for only so long."""
        own = self.timeout is not None or bool(self.reminders)
        if self.beside is not None and self.beside.timed:
            return True
        return own or any(one.timeout is not None or one.reminders for one in self.states.values())

    def _has_states(self) -> None:
        if not self.states:
            raise DefinitionError(f"dialog {self.name} has no states: write one with @….state(ask=…, to=[END])")

    def compile(self) -> None:
        """Check the table and build its machine; what `bot.serve` does at start.

        Raises:
            DefinitionError: There are no states, or one leads to a state that does not exist; two had one name, or from
                an older version nothing leads to this one.
        """
        if self._machine is not None:
            return
        self._has_states()
        for state in self.states.values():
            for goal in state.to:
                if goal != END and goal not in self.states:
                    raise DefinitionError(
                        f"{state.where}: dialog {self.name}: state {state.name} leads to "
                        f'"{goal}", which is no state; {self._near(goal)}'
                    )
            for other in state.depends_on:
                if other not in self.states:
                    raise DefinitionError(
                        f"{state.where}: dialog {self.name}: state {state.name} depends on "
                        f'"{other}", which is no state; {self._near(other)}'
                    )
        self._check_aliases()
        check_chain(self)
        if self.beside is not None:
            self.beside.compile()
        ways = {name: state.to for name, state in self.states.items()}
        self._machine = compile_table(next(iter(self.states)), ways, END)

    def _check_aliases(self) -> None:
        taken: dict[str, State[M]] = dict(self.states)
        for state in self.states.values():
            for alias in state.aliases:
                if alias in taken:
                    raise DefinitionError(
                        f"{state.where}: dialog {self.name}: state {state.name} was called {alias}, but so "
                        f"{'is' if alias in self.states else 'was'} {taken[alias].name} ({taken[alias].where})"
                    )
                taken[alias] = state

    def _near(self, name: str) -> str:
        from difflib import get_close_matches  # noqa: PLC0415  only a wrong table pays for it

        names = {one.lower(): one for one in (*self.states, END)}
        near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
        return f'did you mean "{names[near[0]]}"?' if near else f"its states are {', '.join(self.states)}"

    def named(self, name: str) -> State[M] | None:
        """The state of this name, or that had it in an earlier version; None: there is none."""
        found = self.states.get(name)
        return found or next((one for one in self.states.values() if name in one.aliases), None)

    def gives(self, memory: Any) -> Any:
        """What a caller's `into=` gets when it has ended: its memory."""
        return memory

    def told(self, turn: Turn, memory: Any, state: str) -> list[str] | None:
        """What the summary says at a state, a line each; None: the answers, as they were given."""
        del turn, memory, state
        return None

    def holds(self, state: str, known: object) -> bool:
        """Whether a state's answer still counts, by what the memory holds under the state's name."""
        del state, known
        return True

    def known(self, memory: M) -> tuple[str, ...]:
        """The states whose answers a memory holds already: fields of their name that are not blank."""
        return tuple(name for name in self.states if name in self._blank and getattr(memory, name) != self._blank[name])

    def reopens(self, state: str) -> bool:
        """Whether what a state's answer leads to is asked even if it is known."""
        del state
        return False

    def skips(self, state: State[M], memory: M) -> str:
        """Where skipping a state's question goes."""
        del memory
        return state.skip

    def reached(self, state: State[M], goal: object) -> str:
        """Where a state's handler goes.

        Args:
            state: The state.
            goal: What its handler returned.

        Raises:
            HandlerFailed: There is no such way.
        """
        if goal is None:
            if len(state.to) != 1:
                raise HandlerFailed(
                    f"{self.name}.{state.name}",
                    f"it returned nothing, but has several ways out: return one of {', '.join(state.to)}",
                )
            goal = state.to[0]
        if goal == state.name and goal not in state.to:
            return state.name
        self.compile()
        reached = advance(self._machine, state.name, goal) if isinstance(goal, str) else None
        if reached is None:
            raise HandlerFailed(
                f"{self.name}.{state.name}",
                f"it returned {goal!r:.60}, which is not in to=[{', '.join(state.to)}] ({state.where})",
            )
        return reached

    def kept(self, state: State[M], memory: M) -> Mapping[str, Any]:
        """The memory as it is stored, read back once: a value of another type would strand the person at every answer.

        Raises:
            HandlerFailed: It cannot be stored, or not be read again.
        """
        try:
            kept: Mapping[str, Any] = to_json(memory)
            from_json(self.memory, kept)
        except (TypeError, ValueError) as problem:
            raise HandlerFailed(
                f"{self.name}.{state.name}",
                f"the memory cannot be kept: {problem}; {self.memory.__name__}'s fields must hold what their types say",
            ) from problem
        return kept

    def recalled(self, memory: Mapping[str, Any]) -> M:
        """The memory from how it is stored."""
        return from_json(self.memory, memory)

    def described(self) -> Description:
        """What it is made of, in words: the states, their goals and what they expect, the memory's fields and types."""
        return described(self)

    @property
    def schema(self) -> str:
        """A digest of states, goals, expectations and memory: the same in every process, another when one changes."""
        return digest(self.described())

    def draw(self, *, text: bool = False, standing: Mapping[str, int] | None = None) -> str:
        """The dialog as a Mermaid state diagram, or as text for a terminal.

        Args:
            text: As text.
            standing: How many conversations stand in each state, to be written there.

        Raises:
            DefinitionError: As `compile`.
        """
        from convokit.dialogs.drawing import mermaid, outline  # noqa: PLC0415  no run draws

        self.compile()
        return outline(self, standing or {}) if text else mermaid(self, standing or {})
