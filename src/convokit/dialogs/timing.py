"""How long a dialog waits for an answer: one timer a person, set anew with each question."""

from datetime import timedelta
from typing import Any, Literal

from attrs import frozen

from convokit._value import Value
from convokit.conversations import Position
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.states import Business, State
from convokit.events import TimerFired
from convokit.triggers import DIALOG_TIMER
from convokit.turn import Reminder, Turn


@frozen(kw_only=True, eq=False, repr=False)
class Waits(Value):
    """How long an answer is waited for.

    Args:
        reminders: When, after the question, the customer is reminded of it.
        timeout: When it is waited for no longer; None: never.
        hours: Business hours, if only open time counts.
    """

    reminders: tuple[timedelta, ...] = ()
    timeout: timedelta | None = None
    hours: Business | None = None

    @property
    def spans(self) -> tuple[timedelta, ...]:
        """When, after the question, something happens: the reminders, then the end."""
        return (*self.reminders, *(() if self.timeout is None else (self.timeout,)))


def waits_of(dialog: Dialog[Any], state: State[Any] | None, caller: Waits) -> Waits:
    """How long a state waits: as it says itself, as its dialog says, or as long as the caller would."""
    own = state.timeout if state is not None and state.timeout is not None else dialog.timeout
    reminders = state.reminders if state is not None and state.reminders is not None else dialog.reminders
    if own is None and not reminders and (state is None or state.reminders is None):
        reminders = caller.reminders
    timeout = caller.timeout if own is None else own
    return Waits(
        reminders=reminders if timeout is None else tuple(one for one in reminders if one < timeout),
        timeout=timeout,
        hours=dialog.hours if dialog.hours is not None or own is not None else caller.hours,
    )


def timer_of(user_id: str) -> str:
    """The name of the timer of a person's dialog."""
    return f"{DIALOG_TIMER}{user_id}"


def await_answer(turn: Turn, waits: Waits, position: Position, *, after: TimerFired | None = None) -> None:
    """Set the timer for the next reminder of the open question, or for the end of waiting; `after`: what fired last."""
    spans = waits.spans
    done = 0 if after is None else int(after.data.get("done", 0)) + 1
    name = timer_of(position.user)
    if done >= len(spans):
        if after is None:
            stop_waiting(turn, position.user)
        return
    left = spans[done] - (spans[done - 1] if done else timedelta(0))
    if waits.hours is not None:
        left = waits.hours.after(turn.now, left) - turn.now
    data = {"dialog": position.dialog, "version": position.version, "asked": position.asked, "state": position.state}
    data["done"] = done
    turn.reminders[name] = Reminder(name=name, after=left, data=data)


def stop_waiting(turn: Turn, user_id: str) -> None:
    """Nobody waits for this person's answer any more."""
    turn.reminders.pop(timer_of(user_id), None)
    turn.forgotten.append(timer_of(user_id))


def stage_of(
    dialog: Dialog[Any], state: State[Any], waits: Waits, position: Position, event: TimerFired
) -> Literal["remind", "over"] | None:
    """What a timer says of the open question; None: it belongs to an older one."""
    data = event.data
    same = (data.get("dialog"), data.get("asked")) == (position.dialog, position.asked)
    # One of an older version may know the state by another name: that it is this question, its number tells.
    if data.get("version", position.version) == position.version:
        same = same and dialog.named(str(data.get("state"))) is state
    if event.name != timer_of(position.user) or not same:
        return None
    done = int(data.get("done", 0))
    if done >= len(waits.spans):
        return None
    return "remind" if done < len(waits.reminders) else "over"


def by_dialog_timer(turn: Turn) -> bool:
    """Whether the turn has come about because nobody answered a dialog."""
    return isinstance(turn.event, TimerFired) and turn.event.name.startswith(DIALOG_TIMER)
