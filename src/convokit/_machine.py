"""The only file that knows `transitions`: a dialog's table, and one step in it.

One `Machine` a dialog, compiled at start, without a model: a step works on any object that has a `state`. A model
per conversation would leak and cost three times as much; `AsyncMachine` does not run on trio.
"""

from collections.abc import Mapping, Sequence
from typing import Any

TO = "to "
"""Before a goal in a trigger's name, since `transitions` refuses a trigger called "state"."""


class Cursor:
    """Where a step starts and, after it, where it ended."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


def compile_table(start: str, ways: Mapping[str, Sequence[str]], end: str) -> Any:
    """A machine with a trigger for every goal, named `TO` and the goal.

    Args:
        start: The first state.
        ways: Every state's goals.
        end: The final state, which has no ways.
    """
    from transitions import Machine  # noqa: PLC0415  20 ms that only a bot with dialogs pays, at start

    return Machine(
        model=None,
        states=[*ways, end],
        initial=start,
        auto_transitions=False,
        transitions=[
            {"trigger": TO + goal, "source": state, "dest": goal} for state, goals in ways.items() for goal in goals
        ],
    )


def advance(machine: Any, state: str, goal: str) -> str | None:
    """The state after going from `state` to `goal`; None when there is no such way."""
    from transitions import MachineError  # noqa: PLC0415  see above

    way = machine.events.get(TO + goal)
    if way is None:
        return None
    cursor = Cursor(state)
    try:
        way.trigger(cursor)
    except MachineError:
        return None
    return cursor.state
