"""Dialogs: tables of states, compiled to a `transitions` machine at start, and the steps through them."""

import inspect
import re
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Any, Final, Generic, TypeVar, overload

import attrs
from attrs import evolve, frozen

from convokit._machine import advance, compile_table
from convokit._value import Value
from convokit.conversations import Position
from convokit.errors import DefinitionError, HandlerFailed
from convokit.events import ButtonPressed, Event
from convokit.expect import Choice, Expectation, Text, Unclear, options_of, understood
from convokit.messages import Action, Button, Message
from convokit.turn import Turn
from convokit.wire.codec import from_json, to_json

M = TypeVar("M")
T = TypeVar("T")

END: Final = "END"
"""The goal that ends a dialog."""

Ask = str | Message | Callable[[Turn, M], str | Message | Awaitable[str | Message]]
StateHandler = Callable[[Turn, M, T], Awaitable[str | None]]


@frozen(kw_only=True, eq=False, repr=False)
class State(Value, Generic[M]):
    """One question of a dialog.

    Args:
        name: Its handler's name.
        ask: The question: text, a `Message`, or a function of turn and memory.
        expect: How the answer is read.
        retry: What is said when an answer cannot be read; None: the question again.
        to: The goals its handler may return.
        handler: What is done with the answer.
        where: "file:line" of the handler.
    """

    name: str
    ask: Ask[M]
    expect: Expectation[object]
    retry: str | Message | None
    to: tuple[str, ...]
    handler: StateHandler[M, Any]
    where: str


def _press(dialog: str, state: str, label: str) -> str:
    """The payload of an answer's button: bound to its question, short whatever the label, the same on every run."""
    from hashlib import blake2b  # noqa: PLC0415  OpenSSL's hashes cost the start of every program 5 ms

    return "?" + blake2b(f"{dialog}\0{state}\0{label}".encode(), digest_size=9).hexdigest()


def _where(handler: Callable[..., object]) -> str:
    code = handler.__code__ if inspect.isfunction(handler) else None
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(handler)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Dialog(Generic[M]):
    """A conversation of several turns: states, in the order written; the first is where it begins.

    Args:
        memory: The attrs class of what it remembers; every field has a default.
        name: Its name in the store; the class's name in snake case when left out. Keep it when the class is renamed.
        version: Raised when stored positions would no longer fit; from 1.

    Raises:
        DefinitionError: `memory` is not an attrs class, or cannot be made without arguments or stored.
    """

    def __init__(self, memory: type[M], *, name: str | None = None, version: int = 1) -> None:
        given: object = memory
        if not (isinstance(given, type) and attrs.has(given)):
            raise DefinitionError(f"a dialog's memory is an attrs class (@define class Order: …), not {memory!r}")
        if type(version) is not int or version < 1:
            raise DefinitionError(f"dialog {memory.__name__}: version is a whole number from 1, not {version!r}")
        self.memory: type[M] = memory
        self.name = name or _snake(memory.__name__)
        self.version = version
        self.states: dict[str, State[M]] = {}
        self._machine: Any = None
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

    @overload
    def state(
        self, *, ask: Ask[M], to: Sequence[str], expect: Expectation[T], retry: str | Message | None = None
    ) -> Callable[[StateHandler[M, T]], StateHandler[M, T]]: ...
    @overload
    def state(
        self,
        *,
        ask: Ask[M],
        to: Sequence[str],
        choices: Sequence[str] | None = None,
        retry: str | Message | None = None,
    ) -> Callable[[StateHandler[M, str]], StateHandler[M, str]]: ...
    def state(
        self,
        *,
        ask: Ask[M],
        to: Sequence[str],
        expect: Expectation[Any] | None = None,
        choices: Sequence[str] | None = None,
        retry: str | Message | None = None,
    ) -> Callable[[StateHandler[M, Any]], StateHandler[M, Any]]:
        """Make the decorated `async def name(turn, memory, answer)` a state of this name.

        The handler returns the next state's name, or `END`; with a single way out it may return nothing. Returning its
        own name asks again.

        Args:
            ask: The question.
            to: The goals the handler may return; at least one.
            expect: How the answer is read: `Integer(1, 8)`, `YesNo()`, …; any text when left out.
            choices: Short for `expect=Choice(choices)`.
            retry: What is said when the answer cannot be read, instead of the question.

        Raises:
            DefinitionError: The handler or an argument is wrong; the message names the line and the way out.
        """

        def register(handler: StateHandler[M, Any]) -> StateHandler[M, Any]:
            where = _where(handler)
            name = getattr(handler, "__name__", "")
            _check_handler(self.name, handler, where)
            if name in self.states:
                raise DefinitionError(
                    f"{where}: dialog {self.name} has a state {name} already ({self.states[name].where})"
                )
            if name == END:
                raise DefinitionError(f"{where}: a state cannot be called {END}: that is how a dialog ends")
            if isinstance(to, str) or not to or not all(isinstance(goal, str) for goal in to):
                raise DefinitionError(
                    f"{where}: state {name}: to is a list of goals such as ['address'] or [END], not {to!r}"
                )
            if expect is not None and choices is not None:
                raise DefinitionError(f"{where}: state {name}: give expect or choices, not both")
            _check_said(f"{where}: state {name}: ask", ask)
            if retry is not None:
                _check_said(f"{where}: state {name}: retry", retry, function=False)
            reads = expect if expect is not None else (Choice(choices) if choices is not None else Text())
            if not hasattr(reads, "read"):
                raise DefinitionError(f"{where}: state {name}: expect needs a method read(event), {reads!r} has none")
            self.states[name] = State(
                name=name, ask=ask, expect=reads, retry=retry, to=tuple(dict.fromkeys(to)), handler=handler, where=where
            )
            self._machine = None
            return handler

        return register

    def start(self, memory: M | None) -> M:
        """The memory to begin with: `memory`, or a fresh one.

        Raises:
            DefinitionError: It is not of the dialog's class, or the dialog has no states.
        """
        if not self.states:
            raise DefinitionError(f"dialog {self.name} has no states: write one with @….state(ask=…, to=[END])")
        if memory is None:
            return self.memory()
        if not isinstance(memory, self.memory):
            raise DefinitionError(f"dialog {self.name} begins with {self.memory.__name__}(…), not {memory!r:.80}")
        return memory

    def compile(self) -> None:
        """Check the table and build its machine; what `bot.serve` does at start.

        Raises:
            DefinitionError: There are no states, or one leads to a state that does not exist.
        """
        if self._machine is not None:
            return
        if not self.states:
            raise DefinitionError(f"dialog {self.name} has no states: write one with @….state(ask=…, to=[END])")
        for state in self.states.values():
            for goal in state.to:
                if goal != END and goal not in self.states:
                    names = {one.lower(): one for one in (*self.states, END)}
                    from difflib import get_close_matches  # noqa: PLC0415  only a wrong table pays for it

                    near = get_close_matches(goal.lower(), names, n=1, cutoff=0.5)
                    hint = f'did you mean "{names[near[0]]}"?' if near else f"its states are {', '.join(self.states)}"
                    raise DefinitionError(
                        f"{state.where}: dialog {self.name}: state {state.name} leads to "
                        f'"{goal}", which is no state; {hint}'
                    )
        ways = {name: state.to for name, state in self.states.items()}
        self._machine = compile_table(next(iter(self.states)), ways, END)

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, turn: Turn, memory: M, user_id: str) -> Position | None:
        """Ask the first question whose answer is not known yet. None: all were known, and the dialog is over."""
        self.compile()
        known = tuple(
            name for name in self.states if name in self._blank and getattr(memory, name) != self._blank[name]
        )
        first = next(iter(self.states))
        # A copy: handlers change the memory in place, and what `turn.begin` was given may be shared by all customers.
        memory = from_json(self.memory, self._kept(self.states[first], memory))
        blank = Position(dialog=self.name, version=self.version, state=first, user=user_id, given=known)
        return await self._enter(turn, memory, blank)

    async def answer(self, turn: Turn, position: Position) -> Position | None:
        """Read the turn's event as the answer to the open question and go on. None: the dialog is over."""
        state = self._state(position)
        memory = from_json(self.memory, position.memory)
        situation = evolve(turn.situation, unclear=position.unclear)
        value = understood(state.expect, self._own_press(state, turn.event), situation)
        if isinstance(value, Unclear):
            turn.reply(self._again(state, await self._question(turn, state, memory), value))
            return evolve(position, unclear=position.unclear + 1)
        return await self._handled(turn, state, memory, value, position)

    async def ask_again(self, turn: Turn, position: Position) -> Position:
        """Ask the open question again: the conversation came back from somewhere else."""
        state = self._state(position)
        turn.reply(await self._question(turn, state, from_json(self.memory, position.memory)))
        return position

    def _again(self, state: State[M], question: Message, value: Unclear) -> Message:
        """What is said to an answer that is unclear: what helps, the question, and what the answer could mean."""
        own = [Button(one, _press(self.name, state.name, one)) for one in value.options]
        buttons: list[Action] = [*own, *question.buttons] if own else [*question.buttons]
        if state.retry is not None:
            retry = state.retry if isinstance(state.retry, Message) else Message(state.retry)
            return retry if retry.buttons and not own else retry.but(buttons=buttons)
        text = "\n".join(one for one in (value.say, question.text) if one.strip())
        return question.but(text=text, buttons=buttons)

    def _state(self, position: Position) -> State[M]:
        state = self.states.get(position.state)
        if state is None:
            raise DefinitionError(f"dialog {self.name} has no state {position.state!r}, where a conversation stands")
        self.compile()
        return state

    async def _handled(
        self, turn: Turn, state: State[M], memory: M, value: object, position: Position
    ) -> Position | None:
        goal: object = await state.handler(turn, memory, value)
        if goal is None:
            if len(state.to) != 1:
                raise HandlerFailed(
                    f"{self.name}.{state.name}",
                    f"it returned nothing, but has several ways out: return one of {', '.join(state.to)}",
                )
            goal = state.to[0]
        reached: str | None = None
        if goal == state.name and goal not in state.to:
            reached = state.name
        elif isinstance(goal, str):
            reached = advance(self._machine, state.name, goal)
        if reached is None:
            raise HandlerFailed(
                f"{self.name}.{state.name}",
                f"it returned {goal!r:.60}, which is not in to=[{', '.join(state.to)}] ({state.where})",
            )
        if reached == END:
            return None
        return await self._enter(turn, memory, evolve(position, state=reached, unclear=0))

    async def _enter(self, turn: Turn, memory: M, position: Position) -> Position | None:
        state = self.states[position.state]
        if position.state in position.given:
            left = tuple(name for name in position.given if name != position.state)
            return await self._handled(turn, state, memory, getattr(memory, state.name), evolve(position, given=left))
        turn.reply(await self._question(turn, state, memory))
        return evolve(position, memory=self._kept(state, memory))

    def _kept(self, state: State[M], memory: M) -> Any:
        """The memory as it is stored, read back once: a value of another type would strand the person at every answer.

        Raises:
            HandlerFailed: It cannot be stored, or not be read again.
        """
        try:
            kept = to_json(memory)
            from_json(self.memory, kept)
        except (TypeError, ValueError) as problem:
            raise HandlerFailed(
                f"{self.name}.{state.name}",
                f"the memory cannot be kept: {problem}; {self.memory.__name__}'s fields must hold what their types say",
            ) from problem
        return kept

    async def _question(self, turn: Turn, state: State[M], memory: M) -> Message:
        asked = state.ask
        if callable(asked):
            said = asked(turn, memory)
            asked = await said if inspect.isawaitable(said) else said
        message = asked if isinstance(asked, Message) else Message(asked)
        offered = [Button(one, _press(self.name, state.name, one)) for one in options_of(state.expect)]
        if not offered:
            return message
        own: list[Action] = [one for one in message.buttons if one not in offered]
        return message.but(buttons=[*offered, *own])

    def _own_press(self, state: State[M], event: Event) -> Event:
        """A press of this question's own button reads as its label; one of another question reads as nothing."""
        if not isinstance(event, ButtonPressed) or not event.payload.startswith("?"):
            return event
        if event.payload == _press(self.name, state.name, event.label):
            return event
        for one in options_of(state.expect):
            if event.payload == _press(self.name, state.name, one):
                return evolve(event, label=one)
        return evolve(event, label="")

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def draw(self) -> str:
        """The dialog as a Mermaid state diagram.

        Raises:
            DefinitionError: As `compile`.
        """
        self.compile()
        ids = {name: _mermaid_id(name, self.states) for name in self.states} | {END: "[*]"}
        lines = ["stateDiagram-v2", f"    [*] --> {ids[next(iter(self.states))]}"]
        for state in self.states.values():
            asked = "" if callable(state.ask) else state.ask if isinstance(state.ask, str) else state.ask.text
            if asked.strip() or ids[state.name] != state.name:
                lines.append(f"    {ids[state.name]} : {_mermaid(asked) or state.name}")
        for state in self.states.values():
            offered = " / ".join(_mermaid(one) for one in options_of(state.expect))
            label = f" : {offered}" if offered else ""
            lines += [f"    {ids[state.name]} --> {ids[goal]}{label}" for goal in state.to]
        return "\n".join(lines) + "\n"


_MERMAID_WORDS = frozenset(
    {"accdescr", "acctitle", "class", "classdef", "click", "default", "direction", "end", "href", "note", "scale"}
    | {"state", "style"}
)


def _mermaid_id(name: str, taken: Container[str]) -> str:
    """`name` as Mermaid (11) can take it: its own words, in any case, get underscores behind them."""
    if name.lower() not in _MERMAID_WORDS:
        return name
    safe = f"{name}_"
    while safe in taken:
        safe += "_"
    return safe


def _mermaid(text: str) -> str:
    """`text` on one line, without what Mermaid reads as its own."""
    plain = " ".join(text.split())
    return "".join(f"#{ord(c)};" if c in ':;#"<>{}' else c for c in plain)


def _check_said(what: str, said: object, *, function: bool = True) -> None:
    """Refuse a question or retry text that a customer could not read."""
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
