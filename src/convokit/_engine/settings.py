"""The numbers of a run, each with its bounds."""

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.abc import ERASE_KEEPS
from convokit.errors import DefinitionError


def _between(low: float, high: float) -> Callable[[Any, Any, Any], None]:
    def check(_: object, attribute: Any, value: object) -> None:
        whole = attribute.type is int
        kinds = int if whole else int | float
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            number = "a whole number" if whole else "a number"
            raise DefinitionError(f"Settings: {attribute.name} is {number} from {low} to {high}, not {value!r:.60}")

    return check


def _for_ever_or(low: float) -> Callable[[Any, Any, Any], None]:
    among = _between(low, 36_500)

    def check(settings: object, attribute: Any, value: object) -> None:
        if isinstance(value, bool) or value != 0:
            try:
                among(settings, attribute, value)
            except DefinitionError as problem:
                raise DefinitionError(f"{problem}; 0: for ever") from None

    return check


def _words(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else value


def _kinds(_: object, attribute: Any, value: object) -> None:
    if not isinstance(value, tuple) or not set(value) <= set(ERASE_KEEPS):
        kinds = ", ".join(f'"{one}"' for one in ERASE_KEEPS)
        raise DefinitionError(f"Settings: {attribute.name} is a tuple of any of {kinds}, not {value!r:.60}")


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
        turn_limit: Seconds that a turn may take, its handler and middleware (0.1 to 86400); then it is cancelled and
            counts as failed, `TurnTooLong`.
        replies_a_turn: How many replies a turn may give (1 to 10000); beyond it `turn.reply` raises `TurnTooLarge`.
        loop_limit: Seconds for which the event loop may stand still (0 to 3600) before the log says where; 0: never.
        drain: Seconds that turns and sends under way get to finish when the engine stops (0 to 3600).
        poll: Seconds between looks into the store for what other processes accepted (0.01 to 2592000).
        purge_every: Seconds between purges of what is finished (1 to 2592000).
        body_limit: Bytes a webhook's body may have (1024 to 64 MiB); a larger one is answered 413.
        body_deadline: Seconds a webhook's body may take to arrive (0.1 to 600); a slower one is answered 408.
        webhooks_at_once: How many webhooks may be under way at the same time (1 to 100000); those beyond are answered
            503 before their bodies are read.
        bodies_at_once: Bytes that the bodies of all webhooks under way may have together (1024 to 16 GiB), not less
            than `body_limit`; a webhook that would make it more is answered 503.
        forget_after: Days that sent messages' rows are kept (8 to 3650). Events' ids are known for 8 days, whatever it
            is: platforms deliver again for up to 7.
        keep_accounts: Days that the store can tell what became of an event (0 to 3650), `convokit why`; 0: no accounts
            are written.
        remember_handoffs: Days that handoffs are remembered after their end (1 to 36500).
        keep_log: Days that the entries of logs are kept (8 to 36500); 0: for ever.
        keep_failed: Days that events and messages that were given up are kept (1 to 36500); 0: for ever.
        keep_conversations: Days after which a conversation where nothing happens is forgotten as a whole (8 to 36500),
            with its people's profiles; 0: never.
        keep_files: Days that uploaded files are kept (1 to 36500); 0: as long as the channels want them.
        erase_keeps: What `convokit erase` spares, because the law makes the business keep it: any of "files",
            "handoffs", "log", "profile".
        lane_limit: How many events may wait in one conversation (16 to 1000000); beyond it `LaneFull` is raised, and
            webhooks are answered 503. What operators do is always taken.
        answers_a_minute: How many times within a minute the bot answers in one conversation without a human being in
            between (1 to 1000000); beyond it the bot is silent there, `ReplyLoop`.
        loop_rest: Seconds without any event after which it answers there again (60 to 2592000).
        files: The folder for what customers and operators upload; left empty, "<bot's name>-files" in the current one.

    Raises:
        DefinitionError: A number is out of its bounds, `bodies_at_once` is less than `body_limit`, `erase_keeps` names
            something else, or `files` is no text.
    """

    turns_at_once: int = field(default=256, validator=_between(1, 10_000))
    sends_at_once: int = field(default=32, validator=_between(1, 1000))
    lease: float = field(default=30.0, validator=_between(1, 3600))
    tries: int = field(default=3, validator=_between(1, 100))
    retry_pause: float = field(default=2.0, validator=_between(0, 3600))
    longest_pause: float = field(default=300.0, validator=_between(1, 86_400))
    give_up_after: float = field(default=86_400.0, validator=_between(1, 604_800))
    evidence_wait: float = field(default=30.0, validator=_between(0, 3600))
    turn_limit: float = field(default=60.0, validator=_between(0.1, 86_400))
    replies_a_turn: int = field(default=100, validator=_between(1, 10_000))
    loop_limit: float = field(default=1.0, validator=_between(0, 3600))
    drain: float = field(default=10.0, validator=_between(0, 3600))
    poll: float = field(default=1.0, validator=_between(0.01, 2_592_000))
    purge_every: float = field(default=3600.0, validator=_between(1, 2_592_000))
    body_limit: int = field(default=1 << 20, validator=_between(1024, 64 << 20))
    body_deadline: float = field(default=10.0, validator=_between(0.1, 600))
    webhooks_at_once: int = field(default=256, validator=_between(1, 100_000))
    bodies_at_once: int = field(default=64 << 20, validator=_between(1024, 16 << 30))
    forget_after: float = field(default=8.0, validator=_between(8, 3650))
    keep_accounts: float = field(default=7.0, validator=_between(0, 3650))
    remember_handoffs: float = field(default=400.0, validator=_between(1, 36_500))
    keep_log: float = field(default=0.0, validator=_for_ever_or(8))
    keep_failed: float = field(default=0.0, validator=_for_ever_or(1))
    keep_conversations: float = field(default=0.0, validator=_for_ever_or(8))
    keep_files: float = field(default=0.0, validator=_for_ever_or(1))
    erase_keeps: tuple[str, ...] = field(default=(), converter=_words, validator=_kinds)
    lane_limit: int = field(default=1000, validator=_between(16, 1_000_000))
    answers_a_minute: int = field(default=20, validator=_between(1, 1_000_000))
    loop_rest: float = field(default=600.0, validator=_between(60, 2_592_000))
    files: str = field(default="", validator=_text)

    def __attrs_post_init__(self) -> None:
        if self.bodies_at_once < self.body_limit:
            raise DefinitionError(
                f"Settings: bodies_at_once is {self.bodies_at_once}, less than body_limit, {self.body_limit}: no "
                "webhook of that size could ever be taken; raise the one or lower the other"
            )

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the given failed attempt (from 1)."""
        return float(min(self.longest_pause, self.retry_pause * 2 ** min(attempt - 1, 30)))
