"""How long a dialog waits for an answer: one timer a person, set anew with each question."""

from datetime import timedelta
from typing import Any, Literal

from convokit.conversations import Position
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.states import State
from convokit.events import TimerFired
from convokit.triggers import DIALOG_TIMER
from convokit.turn import Reminder, Turn


def timer_of(user_id: str) -> str:
    """The name of the timer of a person's dialog."""
    return f"{DIALOG_TIMER}{user_id}"


def await_answer(turn: Turn, dialog: Dialog[Any], position: Position, *, after: TimerFired | None = None) -> None:
    """Set the timer for the next reminder of the open question, or for the end of waiting; `after`: what fired last."""
    spans = _spans(dialog, dialog.states.get(position.state) or dialog.named(position.state))
    done = 0 if after is None else int(after.data.get("done", 0)) + 1
    name = timer_of(position.user)
    if done >= len(spans):
        if after is None:
            stop_waiting(turn, position.user)
        return
    left = spans[done] - (spans[done - 1] if done else timedelta(0))
    if dialog.hours is not None:
        left = dialog.hours.after(turn.now, left) - turn.now
    data = {"dialog": position.dialog, "version": position.version, "asked": position.asked, "state": position.state}
    data["done"] = done
    turn.reminders[name] = Reminder(name=name, after=left, data=data)


def stop_waiting(turn: Turn, user_id: str) -> None:
    """Nobody waits for this person's answer any more."""
    turn.reminders.pop(timer_of(user_id), None)
    turn.forgotten.append(timer_of(user_id))


def stage_of(
    dialog: Dialog[Any], state: State[Any], position: Position, event: TimerFired
) -> Literal["remind", "over"] | None:
    """What a timer says of the open question; None: it belongs to an older one."""
    data = event.data
    same = (data.get("dialog"), data.get("asked")) == (position.dialog, position.asked)
    # One of an older version may know the state by another name: that it is this question, its number tells.
    if data.get("version", position.version) == position.version:
        same = same and dialog.named(str(data.get("state"))) is state
    if event.name != timer_of(position.user) or not same:
        return None
    spans = _spans(dialog, state)
    done = int(data.get("done", 0))
    if done >= len(spans):
        return None
    reminders = state.reminders if state.reminders is not None else dialog.reminders
    return "remind" if done < len(reminders) else "over"


def _spans(dialog: Dialog[Any], state: State[Any] | None) -> tuple[timedelta, ...]:
    """When, after the question, something happens: the reminders, then the end."""
    if state is None:
        return ()
    reminders = state.reminders if state.reminders is not None else dialog.reminders
    timeout = state.timeout if state.timeout is not None else dialog.timeout
    return (*reminders, *(() if timeout is None else (timeout,)))
