"""Steps through dialogs: one beginning, one answer or one timer at a time."""

from typing import Any

from attrs import define, evolve

from convokit.conversations import Position
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.pressing import own_press, press
from convokit.dialogs.repairing import Repairs
from convokit.dialogs.states import State
from convokit.dialogs.timing import await_answer, stage_of
from convokit.dialogs.walking import Walk
from convokit.events import TimerFired
from convokit.expect import Unclear, understood
from convokit.messages import Action, Button, Message


@define(eq=False)
class Steps(Walk):
    """The steps of one turn. What each of its methods returns is where the person stands after it; None: nowhere."""

    # ── beginning ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, dialog: Dialog[Any], memory: Any, user_id: str, below: Position | None) -> Position | None:
        """Ask a dialog's first question whose answer is not known yet.

        What is open pauses below it, unless it is the same dialog: that begins anew, in its old place.
        """
        below = None if below is None else self.met(below)
        old = next((one for one in below.stack if one.dialog == dialog.name), None) if below is not None else None
        if old is not None:
            below = old.under
        return await self.opened(
            dialog, memory, user_id, below, then=old.then if old else "", into=old.into if old else ""
        )

    # ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def answer(self, position: Position) -> Position | None:
        """Read the turn's event as the answer to the open question and go on."""
        position = self.met(position)
        dialog, state = self.at(position)
        memory = dialog.recalled(position.memory)
        state = self.live(state, memory)
        event = own_press(dialog, state, self.turn.event)
        repairs = Repairs(self, dialog, state, position)
        heard = repairs.heard(event)
        if position.unasked:
            return await repairs.act(heard) if heard is not None else await self.ask_again(position)
        if heard is not None and (repairs.pressed(event) is not None or repairs.goes_first(heard)):
            return await repairs.act(heard)
        value = understood(state.expect, event, evolve(self.turn.situation, unclear=position.unclear))
        if dialog.extracts is not None and (heard is None or not isinstance(value, Unclear)):
            position = await self.found(dialog, position, memory, answered=not isinstance(value, Unclear))
            if state.name in position.given:
                return await self.enter(dialog, position, memory)
        if not isinstance(value, Unclear):
            return await self.handled(dialog, position, memory, value, event)
        if heard is not None:
            return await repairs.act(heard)
        if state.tries is not None and position.unclear + 1 >= state.tries:
            return await repairs.exhausted()
        self.ask(_again(dialog, state, await self.question(dialog, state, memory), value))
        return self.asked(evolve(position, unclear=position.unclear + 1))

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def fired(self, position: Position, event: TimerFired) -> Position | None:
        """Remind of the open question, or wait no longer. A timer of an older question does nothing."""
        position = self.placed(position)
        dialog, state = self.at(position)
        waits = self.waits(position)
        stage = stage_of(dialog, state, waits, position, event)
        if stage is None:
            return position
        if stage == "remind":
            question = await self.question(dialog, state, dialog.recalled(position.memory))
            text = "\n".join(one for one in (self.says("reminder"), question.text) if one)
            self.ask(question.but(text=text))
            await_answer(self.turn, waits, position, after=event)
            return evolve(position, unasked=False)
        return await Repairs(self, dialog, state, position).timed_out()


def _again(dialog: Dialog[Any], state: State[Any], question: Message, value: Unclear) -> Message:
    """What is said to an answer that is unclear: what helps, and the question; or which of its meanings is meant."""
    retry = Message(state.retry) if isinstance(state.retry, str) else state.retry
    if value.options:
        meant: list[Action] = [Button(one, press(dialog.name, state.name, one)) for one in value.options]
        return (retry or Message(value.say or question.text)).but(buttons=meant)
    if retry is not None:
        return retry if retry.buttons else retry.but(buttons=question.buttons)
    return question.but(text="\n".join(one for one in (value.say, question.text) if one.strip()))
