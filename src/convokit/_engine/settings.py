"""The numbers of a run, each with its bounds."""

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError


def _between(low: float, high: float) -> Callable[[Any, Any, Any], None]:
    def check(_: object, attribute: Any, value: object) -> None:
        whole = attribute.type is int
        kinds = int if whole else int | float
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            number = "a whole number" if whole else "a number"
            raise DefinitionError(f"Settings: {attribute.name} is {number} from {low} to {high}, not {value!r:.60}")

    return check


def _text(_: object, attribute: Any, value: object) -> None:
    if not isinstance(value, str):
        raise DefinitionError(f"Settings: {attribute.name} is a folder's path as a str, not {value!r:.60}")


@frozen(kw_only=True, eq=False, repr=False)
class Settings(Value):
    """The numbers of a run; all have working defaults.

    Args:
        turns_at_once: How many conversations are handled at the same time (1 to 10000).
        sends_at_once: How many messages are on their way to platforms at the same time (1 to 1000).
        lease: Seconds a worker holds a conversation before others may take it (1 to 3600); renewed while it works.
        tries: How often a handler that raises is tried before its event is kept as failed (1 to 100).
        retry_pause: Seconds before the second try; doubled for each further one (0 to 3600).
        longest_pause: Seconds that no pause between tries exceeds (1 to 86400).
        give_up_after: Seconds after which a message that could not be sent is kept as failed (1 to 604800).
        evidence_wait: Seconds to wait for a platform's proof before an uncertain send is tried again (0 to 3600).
        drain: Seconds that turns and sends under way get to finish when the engine stops (0 to 3600).
        poll: Seconds between looks into the store for what other processes accepted (0.01 to 2592000).
        purge_every: Seconds between purges of what is finished (1 to 2592000).
        body_limit: Bytes a webhook's body may have (1024 to 64 MiB); a larger one is answered 413.
        body_deadline: Seconds a webhook's body may take to arrive (0.1 to 600); a slower one is answered 408.
        forget_after: Days that sent messages' rows are kept (8 to 3650). Events' ids are known for 8 days, whatever it
            is: platforms deliver again for up to 7.
        remember_handoffs: Days that handoffs are remembered after their end (1 to 36500).
        lane_limit: How many events may wait in one conversation (16 to 1000000); beyond it `LaneFull` is raised, and
            webhooks are answered 503. What operators do is always taken.
        answers_a_minute: How many times within a minute the bot answers in one conversation without a human being in
            between (1 to 1000000); beyond it the bot is silent there, `ReplyLoop`.
        loop_rest: Seconds without any event after which it answers there again (60 to 2592000).
        files: The folder for what customers and operators upload; left empty, "<bot's name>-files" in the current one.

    Raises:
        DefinitionError: A number is out of its bounds, or `files` is no text.
    """

    turns_at_once: int = field(default=256, validator=_between(1, 10_000))
    sends_at_once: int = field(default=32, validator=_between(1, 1000))
    lease: float = field(default=30.0, validator=_between(1, 3600))
    tries: int = field(default=3, validator=_between(1, 100))
    retry_pause: float = field(default=2.0, validator=_between(0, 3600))
    longest_pause: float = field(default=300.0, validator=_between(1, 86_400))
    give_up_after: float = field(default=86_400.0, validator=_between(1, 604_800))
    evidence_wait: float = field(default=30.0, validator=_between(0, 3600))
    drain: float = field(default=10.0, validator=_between(0, 3600))
    poll: float = field(default=1.0, validator=_between(0.01, 2_592_000))
    purge_every: float = field(default=3600.0, validator=_between(1, 2_592_000))
    body_limit: int = field(default=1 << 20, validator=_between(1024, 64 << 20))
    body_deadline: float = field(default=10.0, validator=_between(0.1, 600))
    forget_after: float = field(default=8.0, validator=_between(8, 3650))
    remember_handoffs: float = field(default=400.0, validator=_between(1, 36_500))
    lane_limit: int = field(default=1000, validator=_between(16, 1_000_000))
    answers_a_minute: int = field(default=20, validator=_between(1, 1_000_000))
    loop_rest: float = field(default=600.0, validator=_between(60, 2_592_000))
    files: str = field(default="", validator=_text)

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the given failed attempt (from 1)."""
        return float(min(self.longest_pause, self.retry_pause * 2 ** min(attempt - 1, 30)))
