"""The way through dialogs: entering states, calling, ending, going on below. All that lasts is the `Position`."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import define, evolve, field, frozen

from convokit._value import Value
from convokit.conversations import Position, Step
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.pressing import press
from convokit.dialogs.states import END, Call, State, Varying
from convokit.dialogs.timing import await_answer, stop_waiting
from convokit.dialogs.versions import placed, taker
from convokit.dialogs.words import Vocabulary
from convokit.errors import DefinitionError, HandlerFailed
from convokit.events import Event
from convokit.expect import Unclear, options_of, understood
from convokit.messages import Action, Button, Message
from convokit.turn import Turn
from convokit.wire.codec import decode_event, encode_event

MOST_OPEN = 8
"""How many dialogs of one person are open at most: called ones, and paused ones."""
MOST_KEPT = 32_768
"""How many characters of earlier answers are kept in a dialog: older ones cannot be undone."""
MOST_STEPS = 30
"""How many answers "back" and "change" reach: older ones stay in the memory, but cannot be undone."""


@frozen(kw_only=True, eq=False, repr=False)
class Around(Value):
    """What the steps of all dialogs of a bot have around them.

    Args:
        dialogs: By name.
        words: What is said to any dialog, and what it says.
        has_desk: Whether there is somebody to hand over to.
        timed: Whether any answer is waited for only so long.
    """

    dialogs: Mapping[str, Dialog[Any]] = field(factory=dict)
    words: Vocabulary = field(factory=Vocabulary)
    has_desk: bool = False
    timed: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "timed", any(one.timed for one in self.dialogs.values()))


@define(eq=False)
class Walk:
    """The way of one person in one turn. What is returned is where they stand after it; None: nowhere."""

    turn: Turn
    around: Around

    def __attrs_post_init__(self) -> None:
        self.turn.sentence = self.says

    @property
    def languages(self) -> Sequence[str]:
        """The languages in which the person may speak, theirs first."""
        return (self.turn.situation.language,)

    def says(self, name: str, **values: str) -> str:
        """One of the sentences that any dialog says."""
        return self.around.words.say(name, self.languages, **values)

    async def opened(
        self, dialog: Dialog[Any], memory: Any, user_id: str, under: Position | None, *, then: str, into: str
    ) -> Position | None:
        """Open a dialog on top of what is open, and ask its first question whose answer is not known yet.

        Raises:
            HandlerFailed: Too many are open already.
        """
        dialog.compile()
        if under is not None and len(under.stack) >= MOST_OPEN:
            names = " → ".join(one.dialog for one in reversed(under.stack))
            raise HandlerFailed(dialog.name, f"{MOST_OPEN} dialogs are open already ({names}): let one end first")
        first = next(iter(dialog.states.values()))
        known = dialog.known(memory)
        # A copy: handlers change the memory in place, and what `turn.begin` was given may be shared by all customers.
        kept = dialog.kept(first, memory)
        blank = Position(
            dialog=dialog.name,
            version=dialog.version,
            state=first.name,
            user=user_id,
            memory=kept,
            given=known,
            asked=self.turn.conversation.version,  # higher than in any dialog before: no timer of theirs fits
            under=under,
            then=then,
            into=into,
        )
        begun = dialog.recalled(kept)
        return await self.enter(dialog, await self.found(dialog, blank, begun, answered=False), begun)

    async def found(self, dialog: Dialog[Any], position: Position, memory: Any, *, answered: bool) -> Position:
        """Let `extract` look for what the event tells besides the answer: what it finds is known from now on."""
        if dialog.extracts is None or not self.turn.text:
            return position
        found = dict(await dialog.extracts(self.turn, memory))
        if answered:
            found.pop(position.state, None)
        state = dialog.states[position.state]
        if unknown := sorted(set(found) - set(position.memory)):
            raise HandlerFailed(f"{dialog.name}.extract", f"{dialog.memory.__name__} has no field {', '.join(unknown)}")
        for name, value in found.items():
            setattr(memory, name, value)
        # Through its stored form and back: what is not of the field's type fails here, under its own name.
        kept = dialog.kept(state, memory)
        for name, value in attrs.asdict(dialog.recalled(kept), recurse=False).items():
            setattr(memory, name, value)
        known = (name for name in found if name in dialog.states and name not in position.given)
        undo = {name: position.memory.get(name) for name in found}
        if not found:
            return position
        step = Step(state=position.state, undo=undo, given=position.given)
        return evolve(position, memory=kept, given=(*position.given, *known), steps=(*position.steps, step))

    async def handled(
        self, dialog: Dialog[Any], position: Position, memory: Any, value: object, event: Event | None
    ) -> Position | None:
        """Let the state's handler have the answer, and go where it says.

        Args:
            dialog: The dialog.
            position: Where its person stands.
            memory: Its memory, which the handler changes.
            value: The answer.
            event: What gave it; None: it was known up front.
        """
        state = dialog.states[position.state]
        asked = "" if event is None else await self._digest(dialog, position)
        goal = await state.handler(self.turn, memory, value)
        after = self.stepped(dialog, state, position, memory, Step(state=state.name, asked=asked, event=_stored(event)))
        if isinstance(goal, Call):
            return await self._called(dialog, state, after, goal)
        return await self.went(dialog, after, memory, dialog.reached(state, goal))

    async def went(self, dialog: Dialog[Any], position: Position, memory: Any, goal: str) -> Position | None:
        """Go to a state, or to the end."""
        if goal == END:
            return await self.ended(dialog, position, memory)
        if dialog.reopens(position.state):
            position = evolve(position, given=tuple(one for one in position.given if one != goal))
        return await self.enter(dialog, evolve(position, state=goal, unclear=0), memory)

    async def _called(
        self, dialog: Dialog[Any], state: State[Any], position: Position, wanted: Call
    ) -> Position | None:
        then = dialog.reached(state, wanted.then)
        called = self.around.dialogs.get(wanted.dialog.name)
        if called is None or called is not wanted.dialog:
            raise DefinitionError(
                f"{dialog.name}.{state.name}: call: the dialog {wanted.dialog.name!r} is not this bot's: make it with "
                "bot.dialog(…), or include the router that has it"
            )
        if wanted.into and wanted.into not in position.memory:
            raise HandlerFailed(
                f"{dialog.name}.{state.name}",
                f"call(…, into={wanted.into!r}): {dialog.memory.__name__} has no such field",
            )
        return await self.opened(called, wanted.memory, position.user, position, then=then, into=wanted.into)

    def stepped(self, dialog: Dialog[Any], state: State[Any], position: Position, memory: Any, step: Step) -> Position:
        """The position with one more answer behind it, and the memory as the handler has left it."""
        kept, was = dialog.kept(state, memory), position.memory
        undo = {name: was.get(name) for name, value in kept.items() if was.get(name) != value}
        done = evolve(step, undo=undo, given=position.given)
        given = tuple(name for name in position.given if name != state.name)
        steps = _bounded((*position.steps, done))
        changed = (*position.changed, state.name) if position.redo else ()
        return evolve(position, memory=kept, given=given, steps=steps, changed=changed)

    # ── entering and ending ─────────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, dialog: Dialog[Any], position: Position, memory: Any) -> Position | None:
        """Ask a state's question, unless its answer is known: given up front, or before an earlier one was changed."""
        state = dialog.states[position.state]
        if state.name in position.given:
            return await self.handled(dialog, position, memory, getattr(memory, state.name), None)
        again = next((one for one in position.redo if one.state == state.name), None)
        if again is not None:
            left = position.redo[position.redo.index(again) + 1 :]
            position = evolve(position, redo=left)
            if (event := await self._fits(dialog, position, memory, again)) is not None:
                return await self._answered_before(dialog, position, memory, *event)
        self.ask(await self.question(dialog, state, memory))
        kept = dialog.kept(state, memory)
        return self.asked(dialog, evolve(position, memory=kept))

    def asked(self, dialog: Dialog[Any], position: Position) -> Position:
        """The position whose question was just asked; its answer is waited for from now on."""
        position = evolve(position, asked=position.asked + 1, unasked=False)
        if self.around.timed:
            await_answer(self.turn, dialog, position)
        return position

    def ask(self, question: Message) -> None:
        """Say a question: of a turn that hands over or begins another dialog, it is taken back."""
        self.turn.reply(question)
        self.turn.question = question

    async def _answered_before(
        self, dialog: Dialog[Any], position: Position, memory: Any, value: object, event: Event
    ) -> Position | None:
        said = len(self.turn.replies)
        state = dialog.states[position.state]
        asked = await self._digest(dialog, position)
        goal = await state.handler(self.turn, memory, value)
        del self.turn.replies[said:]  # the customer heard it when they answered first
        step = Step(state=state.name, asked=asked, event=_stored(event))
        after = evolve(self.stepped(dialog, state, position, memory, step), changed=position.changed)
        if isinstance(goal, Call):
            return await self._called(dialog, state, after, goal)
        return await self.went(dialog, after, memory, dialog.reached(state, goal))

    async def _fits(
        self, dialog: Dialog[Any], position: Position, memory: Any, again: Step
    ) -> tuple[object, Event] | None:
        """The earlier answer, read again; None when the question is another one now, or does not take it any more."""
        state = dialog.states[position.state]
        if not again.event or not set(position.changed).isdisjoint(state.depends_on):
            return None
        standing = evolve(position, memory=dialog.kept(state, memory))
        if await self._digest(dialog, standing) != again.asked:
            return None
        event = decode_event(again.event.encode())
        value = understood(self.live(state, memory).expect, event, self.turn.situation)
        return None if isinstance(value, Unclear) else (value, event)

    async def ended(self, dialog: Dialog[Any], position: Position, memory: Any) -> Position | None:
        """The dialog is over: its caller goes on, or what was paused below it does."""
        if (hook := dialog.hooks.get("on_end")) is not None:
            await hook(self.turn, memory)
        if self.around.timed:
            stop_waiting(self.turn, position.user)
        below = position.under
        if below is None or not position.then:
            return await self.uncovered(below)
        caller = self.dialog(below)
        self.turn.result = memory
        theirs = caller.recalled(below.memory)
        if position.into:
            setattr(theirs, position.into, memory)
            below = evolve(below, memory=caller.kept(caller.states[below.state], theirs))
        return await self.went(caller, below, theirs, position.then)

    async def uncovered(self, below: Position | None) -> Position | None:
        """What was paused goes on, and says so."""
        if below is None:
            return None
        dialog, state = self.at(below)
        question = await self.question(dialog, state, dialog.recalled(below.memory))
        text = "\n".join(one for one in (self.says("resumed"), question.text) if one)
        self.ask(question.but(text=text))
        return self.asked(dialog, below)

    async def ask_again(self, position: Position) -> Position:
        """Ask the open question again: the conversation came back from somewhere else."""
        position = self.placed(position)
        dialog, state = self.at(position)
        self.ask(await self.question(dialog, state, dialog.recalled(position.memory)))
        return self.asked(dialog, position)

    # ── what it looks up ────────────────────────────────────────────────────────────────────────────────────────────

    def placed(self, position: Position) -> Position:
        """Where a person stands, as the dialogs of today have it: brought to the current version, if it is older."""
        return placed(self.around.dialogs, position, str(self.turn.conversation.id))

    def dialog(self, position: Position) -> Dialog[Any]:
        """The dialog in which a person stands."""
        found = taker(self.around.dialogs.get(position.dialog), position.version)
        if found is None:
            raise DefinitionError(f"there is no dialog {position.dialog!r}, where a conversation stands")
        return found

    def at(self, position: Position) -> tuple[Dialog[Any], State[Any]]:
        """The dialog and the state in which a person stands."""
        dialog = self.dialog(position)
        state = dialog.named(position.state)
        if state is None:
            raise DefinitionError(f"dialog {dialog.name} has no state {position.state!r}, where a conversation stands")
        dialog.compile()
        return dialog, state

    def live(self, state: State[Any], memory: Any) -> State[Any]:
        """The state as it is in this turn: its choices may depend on what is known."""
        return evolve(state, expect=state.expect.now(self.turn, memory)) if isinstance(state.expect, Varying) else state

    async def question(self, dialog: Dialog[Any], state: State[Any], memory: Any) -> Message:
        """A state's question, with the buttons of its answers."""
        state = self.live(state, memory)
        asked = state.ask
        if callable(asked):
            said = asked(self.turn, memory)
            asked = await said if inspect.isawaitable(said) else said
        message = asked if isinstance(asked, Message) else Message(asked)
        offered = [Button(one, press(dialog.name, state.name, one)) for one in options_of(state.expect)]
        if not offered:
            return message
        own: list[Action] = [one for one in message.buttons if one not in offered]
        return message.but(buttons=[*offered, *own])

    async def _digest(self, dialog: Dialog[Any], position: Position) -> str:
        """What the question reads like: another digest means another question."""
        from hashlib import blake2b  # noqa: PLC0415  see `press`

        state = dialog.states[position.state]
        if not callable(state.ask) and not isinstance(state.expect, Varying):
            return ""
        message = await self.question(dialog, state, dialog.recalled(position.memory))
        labels = (getattr(one, "label", "") for one in message.buttons)
        return blake2b("\0".join((message.text, *labels)).encode(), digest_size=6).hexdigest()


def _bounded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The newest answers, as many as are kept."""
    kept, room = 0, MOST_KEPT
    for step in reversed(steps[-MOST_STEPS:]):
        room -= len(step.event) + sum(len(str(value)) for value in step.undo.values())
        if room < 0 and kept:
            break
        kept += 1
    return steps[len(steps) - kept :]


def _stored(event: Event | None) -> str:
    return "" if event is None else encode_event(event).decode()
