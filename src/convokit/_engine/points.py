"""The named points of a message's way: where a process may die, and what must hold if it does.

They are all listed here. `reach` says that one was reached; normally nobody listens. `convokit torture` has the process
killed at each of them in every run, and the simulation under `tests/chance` lets an engine end there.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

POINTS: Mapping[str, str] = MappingProxyType(
    {
        "webhook_read": "a webhook was verified and read; nothing of it is kept",
        "accepted_before_200": "events are durable; the webhook is not answered",
        "proof_before_200": "a platform's proof is noted; the webhook is not answered",
        "lane_claimed": "a conversation is held; its turn has not begun",
        "turn_handled": "a handler has returned; nothing of its turn is written",
        "turn_flushed": "what a handler has flushed is durable; its turn is not",
        "once_called": "what `turn.once` called has returned; the result is not kept",
        "once_kept": "the result is kept; the turn is not written",
        "turn_committed": "a turn is written; nobody was woken",
        "turn_failed": "a handler has raised; the conversation is not given back",
        "turn_given_back": "the conversation waits for its next try; nobody was woken",
        "event_parked": "an event is among the failed ones; nobody was told",
        "send_claimed": "a row of the outbox is marked as in flight; the platform was not called",
        "send_answered": "the platform has answered; nobody has noted it",
        "send_settled": "what became of a row is noted; nobody was woken",
        "timers_fired": "due timers have become events; nobody was woken",
        "purged": "what is finished was forgotten",
        "draining": "the engine was asked to stop; turns and sends are under way",
    }
)
"""Every point, and what holds there."""

_told: Callable[[str], None] | None = None


def reach(point: str) -> None:
    """A point was reached."""
    if _told is not None:
        _told(point)


def watch(told: Callable[[str], None] | None) -> None:
    """Have `told` called with the name of each point that is reached in this process, in the engine's own thread.

    For tests and the torture run only: what it raises ends the engine. None ends it.
    """
    global _told  # noqa: PLW0603  one process, one way to die
    _told = told
