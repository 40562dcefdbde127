"""What can be said to any dialog: back, change, start over, cancel, repeat, skip, summary, help, a person."""

from typing import Any

from attrs import define, evolve

from convokit import handoff
from convokit.conversations import Position, Step
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
        return not heard.what or self._place_of(heard.what) is not None

    def pressed(self, event: Event) -> str | None:
        """The label of the answer whose button under "What would you like to change?" was pressed."""
        if not isinstance(event, ButtonPressed) or not event.payload.startswith("?"):
            return None
        return next((one.label for one, _ in self._answered() if event.payload == self._payload(one)), None)

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
        return steps.asked(self.dialog, self.position)

    # ── back and change ─────────────────────────────────────────────────────────────────────────────────────────────

    async def back(self) -> Position:
        """Undo the last answer: memory as it was, and its question again."""
        place = next((n for n in reversed(range(len(self.position.steps))) if _was_asked(self.position.steps[n])), None)
        if place is not None:
            return await self._asks_at(self._undone(place))
        below = self.position.under
        if below is not None and self.position.then and any(map(_was_asked, below.steps)):
            # The first question of a dialog that was called: back to what the caller asked before.
            dialog, state = self.steps.at(below)
            return await Repairs(self.steps, dialog, state, below).back()
        return await self._asks_again(self.steps.says("at_the_start"))

    def _undone(self, place: int) -> Position:
        """The position before the answer at this place in `steps`."""
        memory = dict(self.position.memory)
        for step in reversed(self.position.steps[place:]):
            memory |= step.undo
        step = self.position.steps[place]
        return evolve(
            self.position,
            state=step.state,
            memory=memory,
            given=tuple(one for one in step.given if one != step.state),
            steps=self.position.steps[:place],
            redo=(),
            changed=(),
            unclear=0,
        )

    async def _asks_at(self, position: Position) -> Position:
        steps = self.steps
        dialog, state = steps.at(position)
        steps.ask(await steps.question(dialog, state, dialog.recalled(position.memory)))
        return steps.asked(dialog, position)

    async def change(self, what: str) -> Position:
        """Ask an earlier question again; later answers are used again as long as they fit."""
        answered = self._answered()
        if not answered:
            return await self._asks_again(self.steps.says("nothing_yet"))
        found = self._place_of(what)
        if found is None:
            said = self.steps.says("unknown_answer" if what else "change_what")
            buttons: list[Action] = [Button(state.label, self._payload(state)) for state, _ in answered]
            self.steps.turn.reply(Message(said, buttons=buttons))
            return self.position
        aside = self.dialog.asides
        later = tuple(one for one in (*self.position.steps[found + 1 :], *self.position.redo) if one.state not in aside)
        return await self._asks_at(evolve(self._undone(found), redo=later))

    def _place_of(self, what: str) -> int | None:
        """Where in `steps` the newest answer of this name is."""
        named = fold(what)
        return next((place for state, place in reversed(self._answered()) if named in _names(state)), None)

    def _answered(self) -> list[tuple[State[Any], int]]:
        """The states that were answered, each once, and the place of the newest answer in `steps`."""
        newest: dict[str, tuple[State[Any], int]] = {}
        for place, step in enumerate(self.position.steps):
            state = self.dialog.named(step.state)
            if state is not None and not step.skipped and state.name not in self.dialog.asides:
                newest.pop(state.name, None)
                newest[state.name] = (state, place)
        return list(newest.values())

    def _payload(self, state: State[Any]) -> str:
        return press(self.dialog.name, "\0change", state.name)

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
        )
        return await self.steps.enter(self.dialog, position, fresh)

    async def cancel(self, said: str = "cancelled") -> Position | None:
        """End the dialog, and those that called it; what was paused below goes on."""
        steps = self.steps
        if steps.around.timed:
            stop_waiting(steps.turn, self.position.user)
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
        step = Step(state=self.state.name, skipped=True)
        memory = self.dialog.recalled(self.position.memory)
        goal = self.dialog.reached(self.state, self.dialog.skips(self.state, memory))
        after = self.steps.stepped(self.dialog, self.state, self.position, memory, step)
        return await self.steps.went(self.dialog, after, memory, goal)

    def summary(self) -> str:
        """What was answered so far, a line each; a caller's answers first."""
        lines: list[str] = []
        chain = [self.position]
        while chain[-1].then and chain[-1].under is not None:
            chain.append(chain[-1].under)
        for position in reversed(chain):
            dialog, state = self.steps.at(position)
            each = Repairs(self.steps, dialog, state, position)
            lines += [f"{one.label}: {each.said_at(place)}" for one, place in each._answered()]
        return "\n".join((self.steps.says("summary"), *lines)) if lines else self.steps.says("nothing_yet")

    def said_at(self, place: int) -> str:
        """What the customer said then, in their words; of what was known up front, the memory's."""
        step = self.position.steps[place]
        if not step.event:
            return str(self.position.memory.get(step.state, ""))
        event = decode_event(step.event.encode())
        message = event.as_message()
        return event.text or (message.text if message is not None else "")

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
                return bool(self.position.steps)
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
        """Nobody answered: let `on_timeout` say where to go; else the dialog is over, with those that called it."""
        hook = self.dialog.hooks.get("on_timeout")
        if hook is None:
            return await self.cancel("timed_out")
        memory = self.dialog.recalled(self.position.memory)
        goal = await hook(self.steps.turn, memory)
        if goal is not None and goal != END:
            if goal not in self.dialog.states:
                raise HandlerFailed(f"{self.dialog.name}.on_timeout", f"it returned {goal!r:.60}, which is no state")
            return await self.steps.enter(self.dialog, evolve(self.position, state=goal, unclear=0), memory)
        if self.steps.around.timed:
            stop_waiting(self.steps.turn, self.position.user)
        over: Position | None = self.position
        while over is not None and over.then:
            over = over.under
        return await self.steps.uncovered(over.under if over is not None else None)


def _is_said(event: Event) -> bool:
    """Whether a press is no more than its words."""
    return isinstance(event, ButtonPressed) and event.payload == event.label


def _was_asked(step: Step) -> bool:
    return bool(step.event) or step.skipped


def _names(state: State[Any]) -> set[str]:
    return {fold(one) for one in (state.label, state.name, state.name.replace("_", " "), *state.also)}
