"""The way through dialogs: entering states, calling, ending, going on below. All that lasts is the `Position`."""

import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
from attrs import define, evolve, field, frozen

from convokit._value import Value
from convokit.conversations import Position, Step
from convokit.dialogs.answers import at_its_end, bounded, changing, heard_from, later_of, with_result
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.pressing import press
from convokit.dialogs.states import END, Call, State, Varying
from convokit.dialogs.timing import Waits, await_answer, by_dialog_timer, stop_waiting, waits_of
from convokit.dialogs.versions import placed, taker
from convokit.dialogs.words import Vocabulary
from convokit.errors import DefinitionError, HandlerFailed
from convokit.events import Event, SendRequested, SignalReceived, TimerFired
from convokit.expect import Unclear, accepted, options_of, understood
from convokit.messages import Action, Button, Message
from convokit.turn import Turn
from convokit.wire.codec import decode_event, encode, encode_event

MOST_OPEN = 8
"""How many dialogs of one person are open at most: called ones, and paused ones."""


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
    _replayed: dict[str, bytes] = field(factory=dict, init=False)

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
        self,
        dialog: Dialog[Any],
        memory: Any,
        user_id: str,
        under: Position | None,
        *,
        then: str,
        into: str,
        redo: tuple[Step, ...] = (),
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
        # What is out of bounds is not taken for an answer, and is asked.
        known = tuple(one for one in dialog.known(memory) if self._accepts(dialog, one, memory))
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
            redo=redo,
            under=under,
            then=then,
            into=into,
            # What a dialog begins or calls when nobody has answered it is waited for as little as itself.
            late=under.late if under is not None and then else by_dialog_timer(self.turn),
        )
        begun = dialog.recalled(kept)
        self.stands(blank)
        if not redo:
            blank = await self.found(dialog, blank, begun, answered=False)
        return await self.enter(dialog, blank, begun)

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
        recalled = dialog.recalled(kept)
        refused = [name for name in found if name in dialog.states and not self._accepts(dialog, name, recalled)]
        if refused:
            # Out of bounds, it is no answer: what was known before stays, and the question is asked.
            was = dialog.recalled(position.memory)
            for name in refused:
                setattr(recalled, name, getattr(was, name))
                del found[name]
            kept = dialog.kept(state, recalled)
        for name, value in attrs.asdict(recalled, recurse=False).items():
            setattr(memory, name, value)
        known = (name for name in found if name in dialog.states and name not in position.given)
        undo = {name: position.memory.get(name) for name in found}
        if not found:
            return position
        step = Step(state=position.state, undo=undo, given=position.given)
        return evolve(position, memory=kept, given=(*position.given, *known), steps=(*position.steps, step))

    def _accepts(self, dialog: Dialog[Any], name: str, memory: Any) -> bool:
        """Whether what the memory holds for a state is an answer that its question would take."""
        expect = self.live(dialog.states[name], memory).expect
        return accepted(expect, getattr(memory, name), self.turn.situation)

    async def handled(
        self,
        dialog: Dialog[Any],
        position: Position,
        memory: Any,
        value: object,
        event: Event | None,
        *,
        again: Step | None = None,
    ) -> Position | None:
        """Let the state's handler have the answer, and go where it says.

        Args:
            dialog: The dialog.
            position: Where its person stands.
            memory: Its memory, which the handler changes.
            value: The answer.
            event: What gave it; None: it was known up front.
            again: The earlier answer that is used again; None: it is a new one.
        """
        state = dialog.states[position.state]
        before, position = (again, position) if again is not None else changing(position)
        asked = "" if event is None else await self.digest(dialog, position)
        said = len(self.turn.replies)
        goal = await state.handler(self.turn, memory, value)
        after = self.stepped(dialog, state, position, memory, Step(state=state.name, asked=asked, event=_stored(event)))
        if again is not None:
            del self.turn.replies[said:]  # the customer heard it when they answered first
            after = evolve(after, changed=position.changed)
        if isinstance(goal, Call):
            return await self._called(dialog, state, after, goal, None if before is None else before.called)
        return await self.went(dialog, after, memory, dialog.reached(state, goal))

    async def skipped(
        self, dialog: Dialog[Any], position: Position, memory: Any, *, again: bool = False
    ) -> Position | None:
        """Leave the question of a state that allows it unanswered; `again`: as it was left before."""
        state = dialog.states[position.state]
        if not again:
            _, position = changing(position)
        step = Step(state=state.name, asked=await self.digest(dialog, position), skipped=True)
        goal = dialog.reached(state, dialog.skips(state, memory))
        after = self.stepped(dialog, state, position, memory, step)
        return await self.went(dialog, evolve(after, changed=position.changed) if again else after, memory, goal)

    async def went(
        self, dialog: Dialog[Any], position: Position, memory: Any, goal: str, *, result: Position | None = None
    ) -> Position | None:
        """Go to a state, or to the end; `result`: what a dialog has given that was called to go there."""
        if goal == END:
            self.stands(position if result is None else evolve(position, result=result))
            return await self.ended(dialog, position, memory)
        if dialog.reopens(position.state):
            position = evolve(position, given=tuple(one for one in position.given if one != goal))
        if result is None and goal == position.state:
            result = position.result
        return await self.enter(dialog, evolve(position, state=goal, unclear=0, result=result), memory)

    async def _called(
        self, dialog: Dialog[Any], state: State[Any], position: Position, wanted: Call, before: Position | None
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
        redo = later_of(before, called.name)
        if redo and before is not None and before.then:
            self._replayed[called.name] = encode(before.memory)
        return await self.opened(called, wanted.memory, position.user, position, then=then, into=wanted.into, redo=redo)

    def stepped(self, dialog: Dialog[Any], state: State[Any], position: Position, memory: Any, step: Step) -> Position:
        """The position with one more answer behind it, and the memory as the handler has left it."""
        kept, was = dialog.kept(state, memory), position.memory
        undo = {name: was.get(name) for name, value in kept.items() if was.get(name) != value}
        done = evolve(step, undo=undo, given=position.given)
        given = tuple(name for name in position.given if name != state.name)
        steps = bounded((*position.steps, done))
        changed = (*position.changed, state.name) if position.redo else ()
        return evolve(position, memory=kept, given=given, steps=steps, changed=changed)

    # ── entering and ending ─────────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, dialog: Dialog[Any], position: Position, memory: Any) -> Position | None:
        """Ask a state's question, unless its answer is known: given up front, or before an earlier one was changed."""
        self.stands(position)
        state = dialog.states[position.state]
        place = next((place for place, one in enumerate(position.redo) if one.state == state.name), None)
        again = None if place is None else position.redo[place]
        if again is not None and place is not None:
            position = evolve(position, redo=position.redo[place + 1 :])
        if state.name in position.given:
            return await self.handled(dialog, position, memory, getattr(memory, state.name), None, again=again)
        if again is not None and await self._reads_the_same(dialog, position, memory, again):
            if again.skipped and state.skip:
                return await self.skipped(dialog, position, memory, again=True)
            if (event := self._fits(state, memory, again)) is not None:
                return await self.handled(dialog, position, memory, *event, again=again)
        if again is not None and again.called is not None:
            position = evolve(position, redo=(again, *position.redo))
        self.ask(await self.question(dialog, state, memory))
        kept = dialog.kept(state, memory)
        return self.asked(evolve(position, memory=kept))

    def asked(self, position: Position) -> Position:
        """The position whose question was just asked; its answer is waited for from now on."""
        position = evolve(position, asked=position.asked + 1, unasked=False)
        if self.around.timed:
            await_answer(self.turn, self.waits(position), position)
        return position

    def ask(self, question: Message) -> None:
        """Say a question: of a turn that hands over or begins another dialog, it is taken back."""
        self.turn.reply(question)
        self.turn.question = question

    async def _reads_the_same(self, dialog: Dialog[Any], position: Position, memory: Any, again: Step) -> bool:
        """Whether the question of an earlier answer is what it was, and nothing that it depends on was changed."""
        state = dialog.states[position.state]
        if not set(position.changed).isdisjoint(state.depends_on):
            return False
        return await self.digest(dialog, evolve(position, memory=dialog.kept(state, memory))) == again.asked

    def _fits(self, state: State[Any], memory: Any, again: Step) -> tuple[object, Event] | None:
        """The earlier answer, read again; None when the question does not take it any more."""
        if not again.event:
            return None
        event = decode_event(again.event.encode())
        value = understood(self.live(state, memory).expect, event, self.turn.situation)
        return None if isinstance(value, Unclear) else (value, event)

    async def ended(self, dialog: Dialog[Any], position: Position, memory: Any) -> Position | None:
        """The dialog is over: its caller goes on, or what was paused below it does."""
        said = len(self.turn.replies)
        if (hook := dialog.hooks.get("on_end")) is not None:
            await hook(self.turn, memory)
        over = evolve(position, memory=dialog.kept(dialog.states[position.state], memory))
        if self._replayed.pop(dialog.name, None) == encode(over.memory):
            del self.turn.replies[said:]  # every answer was used again: the customer heard it when it ended first
        if self.around.timed:
            stop_waiting(self.turn, position.user)
        below = position.under
        if below is None or not position.then:
            return await self.uncovered(below)
        caller = self.dialog(below)
        theirs = caller.recalled(below.memory)
        below = with_result(below, over)
        if position.into:
            setattr(theirs, position.into, dialog.gives(dialog.recalled(over.memory)))
            below = self._filled(caller, below, theirs, position.into)
        return await self.went(caller, below, theirs, position.then, result=at_its_end(over))

    def _filled(self, caller: Dialog[Any], below: Position, memory: Any, into: str) -> Position:
        """The caller, with the result in its memory; going back before the call takes it out again."""
        kept, steps = caller.kept(caller.states[below.state], memory), below.steps
        if steps:
            undo = {into: below.memory.get(into), **steps[-1].undo}
            steps = (*steps[:-1], evolve(steps[-1], undo=undo))
        return evolve(below, memory=kept, steps=steps)

    async def uncovered(self, below: Position | None) -> Position | None:
        """What was paused goes on, and says so."""
        if below is None:
            return None
        dialog, state = self.at(below)
        question = await self.question(dialog, state, dialog.recalled(below.memory))
        text = "\n".join(one for one in (self.says("resumed"), question.text) if one)
        self.ask(question.but(text=text))
        return self.asked(below)

    async def ask_again(self, position: Position) -> Position:
        """Ask the open question again: the conversation came back from somewhere else."""
        position = self.met(position)
        dialog, state = self.at(position)
        self.ask(await self.question(dialog, state, dialog.recalled(position.memory)))
        return self.asked(position)

    # ── what it looks up ────────────────────────────────────────────────────────────────────────────────────────────

    def placed(self, position: Position) -> Position:
        """Where a person stands, as the dialogs of today have it: brought to the current version, if it is older."""
        return placed(self.around.dialogs, position, str(self.turn.conversation.id))

    def met(self, position: Position) -> Position:
        """Where a person stands, as the dialogs of today have it, at an event that may be theirs."""
        position = self.placed(position)
        by_program = isinstance(self.turn.event, TimerFired | SignalReceived | SendRequested)
        return position if by_program or not any(one.late for one in position.stack) else heard_from(position)

    def stands(self, position: Position) -> None:
        """Let `turn.result` be what a dialog has given that was called to come to this position."""
        end = position.result
        dialog = None if end is None else taker(self.around.dialogs.get(end.dialog), end.version)
        self.turn.result = None
        if end is not None and dialog is not None:
            with suppress(TypeError, ValueError):  # it has changed since, in a way that nothing leads on from
                self.turn.result = dialog.recalled(end.memory)

    def waits(self, position: Position) -> Waits:
        """How long an answer is waited for here."""
        caller = self.waits(position.under) if position.under is not None and position.then else Waits()
        dialog = self.dialog(position)
        return waits_of(dialog, dialog.named(position.state), caller)

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
        self.stands(position)
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

    async def digest(self, dialog: Dialog[Any], position: Position) -> str:
        """What the question reads like: another digest means another question."""
        from hashlib import blake2b  # noqa: PLC0415  see `press`

        state = dialog.states[position.state]
        if not callable(state.ask) and not isinstance(state.expect, Varying):
            return ""
        message = await self.question(dialog, state, dialog.recalled(position.memory))
        labels = (getattr(one, "label", "") for one in message.buttons)
        return blake2b("\0".join((message.text, *labels)).encode(), digest_size=6).hexdigest()


def _stored(event: Event | None) -> str:
    return "" if event is None else encode_event(event).decode()
