"""What can be said to any dialog: back, change, start over, cancel, repeat, skip, summary, help, a person."""

from typing import Any

from attrs import define, evolve

from convokit import handoff
from convokit.conversations import Position
from convokit.dialogs.answers import Answer, answers, before, last_asked, left, unheard
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.pressing import press
from convokit.dialogs.states import END, State
from convokit.dialogs.timing import stop_waiting
from convokit.dialogs.walking import Walk
from convokit.dialogs.words import VERBS, Heard
from convokit.errors import HandlerFailed
from convokit.events import ButtonPressed, Event, MessageReceived
from convokit.messages import Action, Button, Message
from convokit.wire.codec import decode_event
from convokit.wire.text import fold


@define(eq=False)
class Repairs:
    """What one person says to the dialog that they stand in, rather than to its question."""

    steps: Walk
    dialog: Dialog[Any]
    state: State[Any]
    position: Position

    def allows(self, verb: str) -> bool:
        """Whether a verb is heard here."""
        return verb not in self.dialog.without and verb not in self.state.without

    def heard(self, event: Event) -> Heard | None:
        """The verb that an event is, if it is heard here."""
        if (pressed := self.pressed(event)) is not None:
            return Heard("change", pressed)
        if not isinstance(event, MessageReceived) and not _is_said(event):
            return None
        found = self.steps.around.words.heard(event.text, self.steps.languages)
        return found if found is not None and self.allows(found.verb) else None

    def goes_first(self, heard: Heard) -> bool:
        """Whether a verb counts before the answer is read: where any text is one, and the verb can do something."""
        if not getattr(self.state.expect, "greedy", False):
            return False
        if heard.verb == "skip":
            return bool(self.state.skip)
        return not heard.what or self._named(heard.what) is not None

    def pressed(self, event: Event) -> str | None:
        """The label of the answer whose button under "What would you like to change?" was pressed."""
        if not isinstance(event, ButtonPressed) or not event.payload.startswith("?"):
            return None
        return next((one.state.label for one in self.answered("change") if event.payload == _payload(one)), None)

    async def act(self, heard: Heard) -> Position | None:
        """Do what was said."""
        match heard.verb:
            case "back":
                return await self.back()
            case "change":
                return await self.change(heard.what)
            case "start_over":
                return await self.start_over()
            case "cancel":
                return await self.cancel()
            case "skip":
                return await self.skip()
            case "summary":
                return await self._asks_again(self.summary())
            case "help":
                return await self._asks_again(self.helps())
            case "person":
                return await self.person()
            case _:
                return await self._asks_again("")

    async def _asks_again(self, said: str | Message) -> Position:
        """Say something before the open question, in one message."""
        steps = self.steps
        question = await steps.question(self.dialog, self.state, self.dialog.recalled(self.position.memory))
        if isinstance(said, Message):
            steps.turn.reply(said)
        elif said:
            question = question.but(text="\n".join(one for one in (said, question.text) if one))
        steps.ask(question)
        return steps.asked(self.position)

    # ── back and change ─────────────────────────────────────────────────────────────────────────────────────────────

    async def back(self) -> Position:
        """Undo the last answer: memory as it was, and its question again."""
        # At the first question of a dialog that was called: back to what the caller asked before.
        for position in self.position.calls:
            if path := last_asked(position):
                return await self._asks_at(before(self.steps.dialog, position, path, again=False))
        return await self._asks_again(self.steps.says("at_the_start"))

    async def _asks_at(self, position: Position) -> Position:
        steps = self.steps
        dialog, state = steps.at(position)
        steps.ask(await steps.question(dialog, state, dialog.recalled(position.memory)))
        return steps.asked(position)

    async def change(self, what: str) -> Position:
        """Ask an earlier question again; later answers are used again as long as they fit."""
        answered = self.answered("change")
        if not answered:
            return await self._asks_again(self.steps.says("nothing_yet"))
        found = self._named(what)
        if found is None:
            said = self.steps.says("unknown_answer" if what else "change_what")
            newest = {one.state.label: one for one in answered}
            buttons: list[Action] = [Button(label, _payload(one)) for label, one in newest.items()]
            self.steps.turn.reply(Message(said, buttons=buttons))
            return self.position
        position = self.position
        for _ in range(found.level):
            position = left(position)
        return await self._asks_at(before(self.steps.dialog, position, found.path, again=True))

    def answered(self, verb: str) -> list[Answer]:
        """What was answered so far, here and in the dialogs that called this one, if those let this verb be."""
        return [one for one in answers(self.steps.dialog, self.position) if verb not in one.dialog.without]

    def _named(self, what: str) -> Answer | None:
        """The newest answer of this name."""
        named = fold(what)
        return next((one for one in reversed(self.answered("change")) if named in _names(one.state)), None)

    # ── the other verbs ─────────────────────────────────────────────────────────────────────────────────────────────

    async def start_over(self) -> Position | None:
        """Begin the dialog anew, with nothing known."""
        self.steps.turn.reply(self.steps.says("started_over"))
        first = next(iter(self.dialog.states.values()))
        fresh = self.dialog.memory()
        position = evolve(
            self.position,
            state=first.name,
            memory=self.dialog.kept(first, fresh),
            given=(),
            steps=(),
            redo=(),
            changed=(),
            unclear=0,
            result=None,
        )
        return await self.steps.enter(self.dialog, position, fresh)

    async def cancel(self, said: str = "cancelled") -> Position | None:
        """End the dialog, and those that called it; what was paused below goes on."""
        steps = self.steps
        if steps.around.timed:
            stop_waiting(steps.turn, self.position.user)
        if said == "gave_up" and self.position.calls[-1].under is not None:
            said = "gave_up_here"  # what was paused goes on, so there is nothing to wait for
        steps.turn.reply(steps.says(said))
        over: Position | None = self.position
        while over is not None:
            dialog, called = steps.dialog(over), bool(over.then)
            if (hook := dialog.hooks.get("on_cancel")) is not None:
                await hook(steps.turn, dialog.recalled(over.memory))
            over = over.under
            if not called:
                break
        return await steps.uncovered(over)

    async def skip(self) -> Position | None:
        """Leave the question unanswered, where the state allows it."""
        if not self.state.skip:
            return await self._asks_again(self.steps.says("cannot_skip"))
        return await self.steps.skipped(self.dialog, self.position, self.dialog.recalled(self.position.memory))

    def summary(self) -> str:
        """What was answered so far, a line each; a caller's answers first."""
        memory = self.dialog.recalled(self.position.memory)
        own = self.dialog.told(self.steps.turn, memory, self.state.name)
        told = [one for one in self.answered("summary") if own is None or one.level]
        lines = [*(f"{one.state.label}: {_said(one)}" for one in told), *(own or ())]
        if lines:
            return "\n".join((self.steps.says("summary"), *lines))
        return self.steps.says("nothing_yet") if own is None else ""

    def helps(self) -> str | Message:
        """What can be done here."""
        own = self.state.help if self.state.help is not None else self.dialog.help
        if own is not None:
            return own
        words, languages = self.steps.around.words, self.steps.languages
        can = [one for one in VERBS if one != "help" and self.allows(one) and self._works(one)]
        return self.steps.says("help", verbs=", ".join(words.phrase(one, languages) for one in can))

    def _works(self, verb: str) -> bool:
        match verb:
            case "skip":
                return bool(self.state.skip)
            case "person":
                return self.steps.around.has_desk
            case "back" | "change" | "summary":
                return any(one.steps for one in self.position.calls)
            case _:
                return True

    async def person(self) -> Position:
        """Hand the conversation over; the dialog goes on when it comes back."""
        if not self.steps.around.has_desk:
            return await self._asks_again(self.steps.says("nobody"))
        self.steps.turn.hand_off(handoff.ASKED_FOR_PERSON, saying=self.steps.says("handing_over"))
        return self.position

    # ── when it cannot go on ────────────────────────────────────────────────────────────────────────────────────────

    async def exhausted(self) -> Position | None:
        """Too many answers were unclear: go where the state says, to a person, or give up."""
        position = evolve(self.position, unclear=0)
        if self.state.exhausted:
            memory = self.dialog.recalled(position.memory)
            goal = self.dialog.reached(self.state, self.state.exhausted)
            return await self.steps.went(self.dialog, position, memory, goal)
        if self.steps.around.has_desk:
            reason = f"{self.dialog.name}.{self.state.name}: {self.state.tries} answers were unclear"
            self.steps.turn.hand_off(reason, saying=self.steps.says("gave_up_person"))
            return position
        return await self.cancel("gave_up")

    async def timed_out(self) -> Position | None:
        """Nobody answered: `on_timeout` may say where to go; else the dialog is over, and its caller is asked."""
        steps, chain = self.steps, self.position.calls
        below = chain[-1].under
        if steps.around.timed:
            stop_waiting(steps.turn, self.position.user)
        # Where something was paused below, that it goes on says what there is to say.
        if below is None and not any("on_timeout" in steps.dialog(one).hooks for one in chain):
            steps.turn.reply(steps.says("timed_out"))
        for one in chain:
            dialog = steps.dialog(one)
            memory = dialog.recalled(one.memory)
            steps.stands(one)
            if goal := await self._leads_on(dialog, one, memory):
                return await steps.went(dialog, unheard(one), memory, goal)
        return await steps.uncovered(below)

    async def _leads_on(self, dialog: Dialog[Any], position: Position, memory: Any) -> str:
        """Where `on_timeout` goes on; empty: the dialog is over, and told so."""
        turn = self.steps.turn
        hook, over = dialog.hooks.get("on_timeout"), dialog.hooks.get("on_cancel")
        if hook is not None:
            said, begun = len(turn.replies), turn.dialog
            goal = await hook(turn, memory)
            if goal is not None and goal != END and goal not in dialog.states:
                raise HandlerFailed(f"{dialog.name}.on_timeout", f"it returned {goal!r:.60}, which is no state")
            leads_on = goal is not None and goal != END
            if not position.late or not (leads_on or turn.dialog is not begun):
                return goal if leads_on and goal is not None else ""
            # It has led on before, and nobody was heard since: whoever is silent is not asked for ever.
            del turn.replies[said:]
            turn.dialog = begun
            stopped = self.steps.says("timed_out")
            if self.position.calls[-1].under is None and not any(one.text == stopped for one in turn.replies):
                turn.reply(stopped)
        if over is not None:
            await over(turn, memory)
        return ""


def _said(answer: Answer) -> str:
    """What the customer said then, in their words; of what was known up front, the memory's."""
    if not answer.step.event:
        return str("" if answer.known is None else answer.known)
    event = decode_event(answer.step.event.encode())
    message = event.as_message()
    return event.text or (message.text if message is not None else "")


def _payload(answer: Answer) -> str:
    return press(answer.dialog.name, "\0change", answer.state.name)


def _is_said(event: Event) -> bool:
    """Whether a press is no more than its words."""
    return isinstance(event, ButtonPressed) and event.payload == event.label


def _names(state: State[Any]) -> set[str]:
    return {fold(one) for one in (state.label, state.name, state.name.replace("_", " "), *state.also)}
