"""The answers so far: finding one, going back to it, and what is kept of them. In dialogs that were called, too."""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, frozen

from convokit._value import Value
from convokit.conversations import Position, Step
from convokit.dialogs.dialog import Dialog
from convokit.dialogs.states import State

MOST_KEPT = 32_768
"""How many characters of earlier answers are kept in a dialog: older ones cannot be undone."""
MOST_STEPS = 30
"""How many answers "back" and "change" reach: older ones stay in the memory, but cannot be undone."""

DialogOf = Callable[[Position], Dialog[Any]]
Path = tuple[int, ...]
"""The place of an answer in `steps`; in a dialog that was called with it, the place there follows."""


@frozen(kw_only=True, eq=False, repr=False)
class Answer(Value):
    """An answer that can be changed.

    Args:
        dialog: The dialog that asked.
        state: The state that asked.
        step: What is kept of it.
        known: What that dialog's memory holds under the state's name.
        level: In which dialog it is: 0 is the open one, 1 the one that called it.
        path: Where in that dialog's answers.
    """

    dialog: Dialog[Any]
    state: State[Any]
    step: Step
    known: Any
    level: int
    path: Path


def answers(dialog_of: DialogOf, position: Position) -> list[Answer]:
    """What was answered, in the open dialog and those that called it, each question once, the oldest answer first."""
    newest: dict[tuple[str, str], Answer] = {}
    for level, one in reversed(list(enumerate(position.calls))):
        for answer in _inside(dialog_of, one, level):
            if answer.step.skipped or answer.state.name in answer.dialog.asides:
                continue
            if _is_answer(answer.step) and answer.dialog.holds(answer.state.name, answer.known):
                key = (answer.dialog.name, answer.state.name)
                newest.pop(key, None)
                newest[key] = answer
    return list(newest.values())


def _inside(dialog_of: DialogOf, position: Position, level: int, path: Path = ()) -> Iterator[Answer]:
    dialog = dialog_of(position)
    for place, step in enumerate(position.steps):
        state, here = dialog.named(step.state), (*path, place)
        if state is not None:
            known = position.memory.get(state.name)
            yield Answer(dialog=dialog, state=state, step=step, known=known, level=level, path=here)
        if step.called is not None:
            yield from _inside(dialog_of, step.called, level, here)


def last_asked(position: Position) -> Path:
    """Where the newest answer is that was asked for; empty: nothing was."""
    for place in reversed(range(len(position.steps))):
        step = position.steps[place]
        if step.called is not None and (inner := last_asked(step.called)):
            return (place, *inner)
        if was_asked(step):
            return (place,)
    return ()


def _is_answer(step: Step) -> bool:
    """Whether the state's own question was answered: not only another one's, in words that left this one open."""
    return was_asked(step) or step.called is not None or step.state in step.given


def was_asked(step: Step) -> bool:
    """Whether the customer was asked: what was known up front or found in another answer was not."""
    return bool(step.event) or step.skipped


# ── going back to one ───────────────────────────────────────────────────────────────────────────────────────────────


def left(position: Position) -> Position:
    """The caller, as if the open dialog had not been called; what was answered in it is kept with the caller's answer.

    It is used again should the caller call it again.
    """
    caller = position.under
    if caller is None or not caller.steps:
        return caller or position
    *before, step = caller.steps
    return evolve(caller, steps=(*before, evolve(step, called=evolve(position, under=None, then="", result=None))))


def before(dialog_of: DialogOf, position: Position, path: Path, *, again: bool) -> Position:
    """Where somebody stood before they gave an answer.

    Args:
        dialog_of: The dialog of a position.
        position: Where they stand, in the dialog that asked or one that called it.
        path: Which answer.
        again: Whether later answers are to be used again.
    """
    place, *inner = path
    step = position.steps[place]
    aside = dialog_of(position).asides
    later = [one for one in (*position.steps[place + 1 :], *position.redo) if one.state not in aside and reusable(one)]
    if not inner or step.called is None:
        if step.called is not None:
            later.insert(0, step)  # the dialog that it called is not asked anew when it is called again
        return evolve(
            _undone(position, place),
            state=step.state,
            given=tuple(one for one in step.given if one != step.state),
            redo=tuple(later) if again else (),
        )
    caller = evolve(
        _undone(position, place + 1),
        state=step.state,
        steps=(*position.steps[:place], evolve(step, called=None)),
        result=None,
        redo=tuple(later) if again else (),
    )
    return before(dialog_of, evolve(step.called, under=caller), tuple(inner), again=again)


def _undone(position: Position, place: int) -> Position:
    memory = dict(position.memory)
    for step in reversed(position.steps[place:]):
        memory |= step.undo
    given = position.steps[place].given if place < len(position.steps) else position.given
    state = position.steps[place].state if place < len(position.steps) else position.state
    steps = position.steps[:place]
    result = _result(steps, state) or (position.result if state == position.state else None)
    return evolve(
        position, memory=memory, given=given, steps=steps, changed=(), unclear=0, result=result, unasked=False
    )


def _result(steps: tuple[Step, ...], state: str) -> Position | None:
    """What a dialog had given that was called to come to a state."""
    for step in reversed(steps):
        if step.called is not None:
            return at_its_end(step.called) if step.called.then == state else None
        if step.state != state:
            return None
    return None


def reusable(step: Step) -> bool:
    """Whether an answer is worth to be kept until its question comes again."""
    return was_asked(step) or step.called is not None


def later_of(called: Position | None, dialog: str) -> tuple[Step, ...]:
    """The answers that were given in a dialog when it was called before."""
    if called is None or called.dialog != dialog:
        return ()
    return tuple(one for one in (*called.steps, *called.redo) if reusable(one))


def changing(position: Position) -> tuple[Step | None, Position]:
    """The earlier answer to the open question, if it is changed and something hangs on it; and the position without."""
    if not position.redo or position.redo[0].state != position.state:
        return None, position
    return position.redo[0], evolve(position, redo=position.redo[1:])


# ── what is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


def at_its_end(position: Position) -> Position:
    """Where a dialog stood, without the way there."""
    return Position(
        dialog=position.dialog,
        version=position.version,
        state=position.state,
        user=position.user,
        memory=position.memory,
    )


def with_result(caller: Position, called: Position) -> Position:
    """The caller of a dialog that has ended: its last answer keeps the other's answers."""
    if not caller.steps:
        return caller
    *earlier, step = caller.steps
    end = evolve(called, under=None, result=None, redo=(), changed=(), given=(), unclear=0, late=False)
    return evolve(caller, steps=bounded((*earlier, evolve(step, called=end))))


def bounded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The newest answers, as many as are kept; of the newest at least the answer itself."""
    kept, room = 0, MOST_KEPT
    for step in reversed(steps[-MOST_STEPS:]):
        room -= _size(step)
        if room < 0:
            break
        kept += 1
    if kept or not steps:
        return steps[len(steps) - kept :]
    newest = steps[-1]
    if newest.called is not None:
        newest = evolve(newest, called=evolve(newest.called, steps=()))
    return (newest,)


def _size(step: Step) -> int:
    own = len(step.event) + sum(len(str(value)) for value in step.undo.values())
    if step.called is None:
        return own
    within = sum(_size(one) for one in (*step.called.steps, *step.called.redo))
    return own + within + sum(len(str(value)) for value in step.called.memory.values())


def unheard(position: Position) -> Position:
    """The position that `on_timeout` leads on from: its person was not heard, in the dialogs that called it neither."""
    under = unheard(position.under) if position.under is not None and position.then else position.under
    return evolve(position, late=True, under=under)


def heard_from(position: Position) -> Position:
    """The position of somebody who was heard, in all dialogs that are open."""
    under = None if position.under is None else heard_from(position.under)
    return evolve(position, late=False, under=under)
