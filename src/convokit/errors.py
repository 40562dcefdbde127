"""Every error convokit raises. The class is the policy: what is tried again and what is not.

```
ConvokitError
├── DefinitionError           the bot's code or settings are wrong; raised at definition or start
├── TransportError(channel)   a platform or the line to it
│   ├── Unreachable           tried again; `maybe_sent` says whether the message may have gone out
│   ├── RateLimited           tried again after `retry_after` seconds
│   ├── Rejected              refused for good: never tried again
│   │   └── OutsideWindow     unasked, and the platform's window for it is closed: refused before it is tried
│   ├── Forged                a webhook whose origin could not be verified: answered 403
│   └── Malformed             a verified webhook that could not be read: answered 400
├── StoreError
│   ├── Conflict              somebody else changed what this call was about
│   └── StoreUnavailable      the store cannot write now: webhooks are answered 503
│       └── LaneFull          too much waits in a conversation already: hand it in again later
├── HandlerFailed             a handler raised; its turn was undone
├── TurnTooLong               a turn took longer than `Settings.turn_limit`; it was cancelled and undone
├── TurnTooLarge              a turn wants more said or done than one turn may; it is undone
├── ReplyLoop                 the bot talks with a program: it is silent there
└── MissingExtra              an optional dependency is not installed (also an ImportError)
```
"""

from collections.abc import Collection
from datetime import datetime


class ConvokitError(Exception):
    """Whatever convokit raises of its own."""


class DefinitionError(ConvokitError):
    """The bot's code or its settings are wrong.

    Raised when a handler, dialog or transport is defined, or at the latest when the bot starts. The message names
    the line or setting, the value and the way out.
    """


class TransportError(ConvokitError):
    """A platform, or the line to it, did not do what was asked."""

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(f"{channel}: {reason}")
        self.channel = channel
        self.reason = reason


class Unreachable(TransportError):
    """The platform did not answer; tried again with growing pauses.

    Attributes:
        maybe_sent: True when the request was on its way, so that the message may have gone out (a time-out while
            waiting for the answer); False when it certainly did not (no connection, TLS failure, 503).
    """

    def __init__(self, channel: str, reason: str, *, maybe_sent: bool = False) -> None:
        super().__init__(channel, reason)
        self.maybe_sent = maybe_sent


class RateLimited(TransportError):
    """The platform wants fewer calls; tried again after `retry_after` seconds (None: with growing pauses).

    Attributes:
        retry_after: Seconds.
        everywhere: Whether the pause is the whole channel's; False: this conversation's alone.
    """

    def __init__(
        self, channel: str, reason: str = "rate limited", *, retry_after: float | None = None, everywhere: bool = True
    ) -> None:
        super().__init__(channel, reason)
        self.retry_after = retry_after
        self.everywhere = everywhere


class Rejected(TransportError):
    """The platform refused for good: a blocked bot, a closed window, a message it does not take."""


class OutsideWindow(Rejected):
    """Nobody asked for it, and the platform's window for such messages is closed: it was not tried.

    Args:
        told: The platform's own refusal, where it was tried all the same: the numbers and the words.

    Attributes:
        until: When the window closed (UTC); None: the customer has never written here, or only the platform knows.
    """

    def __init__(self, channel: str, until: datetime | None, told: str = "") -> None:
        since = "the customer has not written here yet" if until is None else f"it closed at {until:%Y-%m-%d %H:%M} UTC"
        since = told or since
        super().__init__(
            channel,
            f"outside the platform's window for messages that nobody asked for: {since}. Wait until the customer "
            "writes, or send what the platform takes at any time, such as a template it has approved",
        )
        self.until = until


class Forged(TransportError):
    """A webhook's origin could not be verified. Answered 403 without detail."""

    def __init__(self, channel: str, reason: str = "the request's origin could not be verified") -> None:
        super().__init__(channel, reason)


class Malformed(TransportError):
    """A verified webhook could not be read. Answered 400."""


class StoreError(ConvokitError):
    """The store did not do what was asked."""


class Conflict(StoreError):
    """Somebody else holds or has changed what this call was about (a second process claims, a turn was fenced)."""


class StoreUnavailable(StoreError):
    """The store cannot write now: a full disk, a locked file, a lost server. Webhooks are answered 503."""


class LaneFull(StoreUnavailable):
    """As many events wait in a conversation as may: what is handed in again later passes. Webhooks are answered 503.

    Attributes:
        conversations: Where nothing more is taken now, as `channel:id`. What the same call held for other conversations
            is kept.
    """

    def __init__(self, conversations: Collection[str], most: int) -> None:
        super().__init__(
            f"{most} events wait in {', '.join(sorted(conversations))} already: hand them in again when some are "
            "handled, or raise Settings.lane_limit"
        )
        self.conversations = frozenset(conversations)


class HandlerFailed(ConvokitError):
    """A handler raised; its turn was undone. `__cause__` is what it raised.

    Attributes:
        handler: The name of the handler.
    """

    def __init__(self, handler: str, reason: str) -> None:
        super().__init__(f"handler {handler} failed: {reason}")
        self.handler = handler


class MigrationFailed(ConvokitError):
    """Where a person stands in a dialog could not be brought to the version that the bot has now.

    Attributes:
        conversation: Where, as `channel:id`.
        dialog: The dialog's name.
        version: The version in which they stand.
        state: The state in which they stand.
        reason: What is wrong.
    """

    def __init__(self, conversation: str, dialog: str, version: int, current: int, state: str, reason: str) -> None:
        way = f"version {version}" if version == current or not current else f"version {version} to {current}"
        super().__init__(f"{conversation} stands in dialog {dialog}, {way}, state {state}: {reason}")
        self.conversation = conversation
        self.dialog = dialog
        self.version = version
        self.state = state
        self.reason = reason


class TurnTooLong(ConvokitError):
    """A turn took longer than `Settings.turn_limit`: it was cancelled, and nothing of it happened.

    It counts as a try like any other error, and an `on_error(TurnTooLong)` handler is told in the end.

    Attributes:
        handler: The name of what was running; empty when it was the engine's own part.
        seconds: The limit.
    """

    def __init__(self, handler: str, seconds: float) -> None:
        super().__init__(
            f"{handler or 'the turn'} took longer than {seconds:g} s and was cancelled: let it wait less, hand long "
            "work to a job that reports with engine.signal(…), or raise Settings.turn_limit"
        )
        self.handler = handler
        self.seconds = seconds


class TurnTooLarge(ConvokitError):
    """A turn wants more said or done than one turn may; raised by the verb that went too far, and the turn is undone.

    Attributes:
        what: What there was too much of, such as "replies".
        most: How much of it one turn may have.
    """

    def __init__(self, what: str, most: int, way_out: str) -> None:
        super().__init__(f"one turn has at most {most} {what}: {way_out}")
        self.what = what
        self.most = most


class ReplyLoop(ConvokitError):
    """The bot answered so often within a minute, with no human being in between, that it talks with a program.

    It is silent there: what is said is kept among the failed events, untried. An `on_error(ReplyLoop)` handler is told
    of each; its own replies are not said, but it may hand the conversation off.

    Attributes:
        conversation: Where, as `channel:id`.
    """

    def __init__(self, conversation: str, answers: int) -> None:
        super().__init__(
            f"{conversation}: the bot gave {answers} answers within a minute and no human being was in between: it is "
            "silent until an operator steps in, or nothing has come for Settings.loop_rest seconds"
        )
        self.conversation = conversation


class MissingExtra(ConvokitError, ImportError):
    """An optional dependency is not installed. The message is the pip line that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs the extra "{extra}": python -m pip install "convokit-sdk[{extra}]"')
        self.extra = extra
