"""The seams: what a plugin author implements. Every method says what it raises and what must hold.

`Transport` carries events in and messages out. `Desk` is the operators' side. `Store` keeps everything.
`Middleware` goes around every turn. `Observer` is told how each step went. `Clock` tells the time, so that tests can
move it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

from attrs import field, frozen

from convokit._value import Value
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Log, Logged
from convokit.errors import Rejected, StoreUnavailable
from convokit.events import ConversationOpened, Event
from convokit.messages import Attachment, Capabilities, Message
from convokit.people import Profile, User

Accept = Callable[[Sequence[Event]], Awaitable[Sequence[bool]]]
"""Makes events durable, all or none; when it returns they are safe. False: seen before, dropped.

Raises `StoreUnavailable` when the store cannot write: nothing was kept, hand them in again. `LaneFull`, which is one,
names the conversations where too much waits already: what came for others is kept. Hand all in again, later.
"""


class Clock(ABC):
    """Tells the time and waits."""

    @abstractmethod
    def now(self) -> datetime:
        """The time, aware, in UTC."""

    @abstractmethod
    async def sleep_until(self, moment: datetime) -> None:
        """Return at `moment` or as soon as possible after it; at once when it is past."""


# ── a run, as its edges see it ──────────────────────────────────────────────────────────────────────────────────────

Site = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI app (HTTP and WebSocket) that an edge brings for one run."""


@frozen(kw_only=True, eq=False, repr=False)
class Hint(Value):
    """Something moved in a conversation. A hint may come twice or not at all: what counts is in the store.

    Args:
        conversation: Where.
        topic: "log": its log or its state was written. Others pass between edges and are kept nowhere: "typing",
            "marks" (how far somebody has read), "here" (an operator looks at it).
        event: With "log", the id of the event whose turn was committed; empty when something was only accepted.
        outcome: With `event`, how the turn went: "handled", "refused", ….
        data: With other topics, JSON values.
    """

    conversation: ConversationId
    topic: str = "log"
    event: str = ""
    outcome: str = ""
    data: Mapping[str, Any] = field(factory=dict)


class Run(Protocol):
    """What the engine offers to transports and desks with pages of their own, for as long as it runs."""

    name: str
    """The bot's."""
    clock: Clock
    store: "Store"
    files: Path
    """The folder where files of customers and operators are kept; it may not exist yet."""

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        """As `Accept`."""
        ...

    def publish(self, hint: Hint) -> None:
        """Tell everybody who watches, in this process."""
        ...

    def watch(self, told: Callable[[Hint], None]) -> Callable[[], None]:
        """Have `told` called with every hint, at once and in the engine's own thread; it must not wait or raise.

        Returns:
            What ends it.
        """
        ...


# ── transports ──────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True, eq=False, repr=False)
class Request(Value):
    """A webhook call as it came over the wire, already bounded in size.

    Args:
        method: "GET" or "POST".
        path: What follows the transport's own mount point, "" or beginning with "/".
        query: The raw query string, without "?".
        headers: Names in lower case, raw values; of a repeated header the last.
        body: The raw bytes: what signatures are computed over.
        at: When it came, by the engine's clock.
    """

    method: str
    path: str = ""
    query: str = ""
    headers: Mapping[str, bytes] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    at: datetime


@frozen(kw_only=True, eq=False, repr=False)
class Evidence(Value):
    """A platform's proof that a message of ours arrived there: the outbox key we sent along, and its id for it."""

    key: str
    platform_id: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Received(Value):
    """What a webhook call said, and what to answer once it is safe.

    Args:
        events: What happened; made durable, all or none, before the answer goes out.
        evidence: Proofs for sends whose outcome was uncertain.
        status: The answer's HTTP status.
        body: The answer's body.
        media_type: The answer's content type.
        answer: Where the platform wants what is said in the HTTP answer: makes the body of the messages, fitted and in
            order, and of whether they are all that the turns of `events` say. None: `body` it is, and what is said goes
            through `send`.
        within: With `answer`: how many seconds may pass until it is called, with what there is then.
        listens: With `answer`: the conversation whose messages belong in it; None: that of the first event.
    """

    events: tuple[Event, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    answer: Callable[[Sequence[Message], bool], bytes] | None = field(default=None, repr=False)
    within: float = 4.5
    listens: ConversationId | None = None


class Proof(Enum):
    """What a platform offers against sending twice when an answer was lost."""

    NONE = "none"
    """Nothing: the send is tried again, or held, as the message says."""
    KEY = "key"
    """It takes an idempotency key: trying again with the same key is safe."""
    EVIDENCE = "evidence"
    """It returns our key in a later webhook: wait for that before trying again."""


@frozen(kw_only=True, eq=False, repr=False)
class Finding(Value):
    """One line of `convokit doctor`: what was looked at, whether it is well, and what to do if not."""

    what: str
    ok: bool
    advice: str = ""


class Transport(ABC):
    """Carries a channel's events in and messages out.

    A transport that listens or polls overrides `run`; one that is called by webhooks overrides `receive`. Both may.
    It is entered (`async with transport`) for the time of a run; open clients there, not in `__init__`.
    """

    channel: str
    """The name under which it is attached; unique in a bot."""
    capabilities: Capabilities = Capabilities()
    """What the channel can show. Messages are fitted to it before `send` sees them."""
    proof: ClassVar[Proof] = Proof.NONE
    """What the platform offers against sending twice."""
    hold_uncertain: bool = False
    """Whether a message whose answer was lost is kept for a person to decide (`convokit failed`), in place of being
    sent again, where the platform offers nothing against sending twice. Set it on a transport to choose."""
    signs_time: ClassVar[bool] = False
    """Whether the platform's signature covers when an event happened: then one older than what the store remembers
    is a replay and dropped."""
    methods: ClassVar[frozenset[str]] = frozenset({"POST"})
    """The HTTP methods its webhook takes; others are answered 405."""
    reads_log: ClassVar[bool] = False
    """Whether its pages read the conversation's log themselves: what a turn says is delivered when it commits, no row
    is written to the outbox, and `send` is never called."""
    window: timedelta | None = None
    """For how long after a customer's word the platform lets anything be sent to them; None: always. What is said
    unasked later is refused with `OutsideWindow`, unless `takes_outside` says that the platform takes it."""
    operators_window: timedelta | None = None
    """Where the platform gives people longer than `window`: for how long after a customer's word what an operator says
    may be sent. After `window` it goes through `send_late`. None: `window` holds for everybody."""
    stops: bool = False
    """Whether customers forbid further messages here by a word of theirs, which comes as `ConversationClosed`: then
    nothing is sent but the first thing that this event's own turn says, until an event `reopens` it."""

    def check(self) -> None:  # noqa: B027  nothing to check is a fine answer
        """Look at the settings before anything starts; no I/O.

        Raises:
            DefinitionError: A setting is missing or wrong; the message names it and the way out.
        """

    async def __aenter__(self) -> Self:
        """Open what a run needs."""
        return self

    async def __aexit__(self, *exc: object) -> None:  # noqa: B027  not everything has to be closed
        """Close it."""

    async def run(self, accept: Accept) -> None:  # noqa: B027  not every transport listens
        """Listen or poll until cancelled, handing what happened to `accept`.

        Returning means there is nothing to listen to. Raising `TransportError` restarts it after a growing pause;
        any other exception ends the engine.
        """

    def receive(self, request: Request) -> Received:
        """Verify and read one webhook call. Pure: no I/O, no clock but `request.at`, nothing kept.

        Verification comes first, over the raw bytes. One unreadable event becomes `MalformedReceived`; its siblings
        pass.

        Raises:
            Forged: The origin could not be verified; answered 403.
            Malformed: Verified, but not readable as a whole; answered 400.
        """
        raise NotImplementedError

    @abstractmethod
    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say `message`, already fitted to `capabilities`, in one call to the platform.

        Returns:
            The platform's id of what was sent, None where it has none.

        Raises:
            Unreachable: No answer; `maybe_sent` says whether it may have gone out.
            RateLimited: The platform wants a pause.
            Rejected: Refused for good.
        """

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Like `send`, with the outbox's key for it, unique and the same at every try.

        Override it where the platform takes the key, or something made of it, and pass it on. Raises as `send`.
        """
        del key
        return await self.send(to, message)

    async def send_late(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Like `send_keyed`, for an operator's words after `window` and before `operators_window` has closed.

        Override it with `operators_window`, and tell the platform that a person speaks. Raises as `send`.
        """
        return await self.send_keyed(to, message, key)

    def opens_window(self, event: Event) -> timedelta | None:
        """For how long after this event the platform lets anything be sent; None: it opens nothing. Pure."""
        return self.window if event.said or isinstance(event, ConversationOpened) else None

    def takes_outside(self, message: Message) -> bool:
        """Whether the platform takes this message, fitted or not, outside its window too. Pure."""
        del message
        return False

    def remarks(self, message: Message) -> Sequence[str]:
        """What `convokit preview` says of a fitted message besides what it shows, a line each. Pure.

        How many parts it is paid as, how it is spoken, what a screen reader says.
        """
        del message
        return ()

    def reopens(self, event: Event) -> bool:
        """With `stops`: whether the customer allows messages again by this event. Pure."""
        return isinstance(event, ConversationOpened)

    def answer_to(self, event: Event) -> Message | None:
        """What is said to an event that no handler is for, while a person has the conversation too; None: nothing.

        For what a channel must always answer: the confirmation of a STOP. Pure.
        """
        del event
        return None

    def link(self, ref: str) -> str:
        """The address that opens a conversation here, as `ConversationOpened(ref)`; empty: the channel has none.

        Raises:
            DefinitionError: It needs a setting that is missing, or `ref` cannot be carried; the message names both.
        """
        del ref
        return ""

    async def download(self, attachment: Attachment, most: int) -> bytes:
        """The bytes of something that a customer sent here. Called while entered.

        Args:
            attachment: As it came in `AttachmentReceived`.
            most: How many bytes are taken at most.

        Raises:
            Rejected: It is larger, is not there any more, or this channel cannot fetch it.
            Unreachable: No answer.
            RateLimited: The platform wants a pause.
        """
        del most
        raise Rejected(self.channel, f"{type(self).__name__} cannot download an attachment ({attachment!r:.60})")

    def site(self, run: Run) -> Site | None:
        """Its own pages for a run, served below its channel's name; None: it has none. Called once a run, entered."""
        del run
        return None

    async def show_typing(self, to: ConversationId) -> None:  # noqa: B027  not every channel can
        """Show "typing…" for a moment. Best effort: raising `TransportError` is ignored."""

    async def examine(self) -> Sequence[Finding]:
        """What `convokit doctor` reports: is the token good, does the webhook point here. Called while entered."""
        return ()

    @property
    def has_webhook(self) -> bool:
        """Whether `receive` is implemented."""
        return type(self).receive is not Transport.receive


# ── desks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True, eq=False, repr=False)
class Attendance(Value):
    """Who is at the desk for a queue.

    Args:
        operators: How many are there and take conversations; None: the desk cannot tell.
        waiting: How many conversations wait there.
        opens_at: When somebody is expected (UTC), as far as known, while nobody is there.
    """

    operators: int | None = None
    waiting: int = 0
    opens_at: datetime | None = None

    @property
    def staffed(self) -> bool:
        """Whether somebody is there; True when the desk cannot tell."""
        return self.operators != 0


class Desk(ABC):
    """The operators' side of a handoff: it is told what customers say, and hands in what operators do.

    What operators do enters by the same door as everything else: `OperatorJoined`, `OperatorReplied` and
    `HandoffClosed` events with the customer's conversation, handed to `accept`. Like a transport it is entered
    (`async with desk`) for the time of a run. Calls come in order per conversation and may be repeated after a crash.
    """

    name: ClassVar[str] = "desk"
    """Where its pages are served, if it has any."""
    silence: timedelta | None = None
    """How long a customer who has written waits for the operator who has the conversation, before it goes back to the
    queue; None: for ever."""
    patience: timedelta | None = None
    """How long a conversation waits in the queue before it goes back to the bot, which says `saying_expired`; None:
    for ever."""
    saying_expired: str = ""
    """What the bot says then, where no handler handles `HandoffClosed`; empty: nothing."""
    promised: ClassVar[bool] = True
    """Whether dialogs may promise a person."""
    reads_log: ClassVar[bool] = False
    """Whether it reads conversations and their logs from the store: then `offer`, `forward` and `withdraw` are never
    called, and no rows for them are written to the outbox."""

    def site(self, run: Run) -> Site | None:
        """Its own pages for a run, served below its name; None: it has none. Called once a run, entered."""
        del run
        return None

    def attendance(self, queue: str) -> Attendance:
        """Who is there for a queue ("": any) right now; no I/O. What `turn.attendance` tells."""
        del queue
        return Attendance()

    async def __aenter__(self) -> Self:
        """Open what a run needs."""
        return self

    async def __aexit__(self, *exc: object) -> None:  # noqa: B027  not everything has to be closed
        """Close it."""

    @abstractmethod
    async def run(self, accept: Accept) -> None:
        """Listen until cancelled, handing in what operators do."""

    @abstractmethod
    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """A customer waits for a person; `transcript` is what was said before, oldest first.

        Raises:
            Unreachable: Tried again.
            Rejected: Given up; the handoff stays open and the failure is told.
        """

    @abstractmethod
    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """The customer said this while a person has, or is about to take, the conversation. Raises as `offer`."""

    @abstractmethod
    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """The handoff ended: take the conversation off the operators' screens. Raises as `offer`."""


DeskCall = Literal["offer", "forward", "withdraw"]

# ── observers ───────────────────────────────────────────────────────────────────────────────────────────────────────

StepName = Literal["receive", "accept", "queue", "load", "select", "handle", "commit", "deliver"]


@frozen(kw_only=True, eq=False, repr=False)
class Mark(Value):
    """Which event a step was for, by its ids: never what was said.

    Args:
        conversation: Where.
        event: The event's id; empty where only its place is known (in "deliver").
        kind: The name of the event's class; empty as `event`.
        seq: Its place in its conversation's lane; 0 before it has one (in "receive" and "accept").
    """

    conversation: ConversationId
    event: str = ""
    kind: str = ""
    seq: int = 0


@frozen(kw_only=True, eq=False, repr=False)
class Step(Value):
    """One of the eight steps that an event takes, over or about to begin.

    `outcome`, `channel`, `handler`, `error` and a mark's `kind` are words of the code, so there are few of each: they
    can be labels. The ids in `marks` name people's conversations: they cannot.

    Args:
        name: "receive": a webhook call was verified and read. "accept": events were made durable. "queue": an event
            waited in its lane. "load": a conversation was claimed, with others in one go. "select": a handler was
            found. "handle": it ran; "select" is a part of it. "commit": its turn was written. "deliver": one call to a
            platform, or to the desk, was made.
        outcome: How it ended; empty where there is but one way, and before it began. "receive": "read", "forged",
            "malformed", "raised"; and of calls whose bodies were not read "busy", "too large", "too slow",
            "broken off". "accept": "new", "duplicate", "full", "unavailable". "select": the action that was chosen.
            "handle": as `Committed.outcome`, or "raised", "cancelled". "commit": "kept", "fenced". "deliver": as
            `Settled.state`, or "cancelled".
        took: Seconds; for "queue" by the engine's clock. 0 before it began.
        channel: The name of the channel, as attached; empty where several are concerned or none is attached as that.
        marks: The events it was for: one, but in "receive", "accept" and "load".
        handler: The name of the handler, as in the log, once it is known.
        error: The class of what was raised; empty where nothing was.
        attempt: Which try it was, from 1, in "handle" and "deliver"; 0 elsewhere.
        size: Bytes of the call's body, in "receive".
        desk: In "deliver": empty, or which of the desk's methods was called.
    """

    name: StepName
    outcome: str = ""
    took: float = 0.0
    channel: str = ""
    marks: tuple[Mark, ...] = ()
    handler: str = ""
    error: str = ""
    attempt: int = 0
    size: int = 0
    desk: DeskCall | Literal[""] = ""


class Observer(ABC):
    """Is told how each step of a run went, for figures and traces; it is never told what was said.

    It is attached by `bot.observe`. Its methods are called in the engine's own thread and must not wait, but for
    `begins`. What they raise is logged, at most once a minute, and hurts no turn.
    """

    name: str = ""
    """Where its pages are served, if it has any."""

    async def begins(self, run: Run) -> None:  # noqa: B027  not every observer asks the run for anything
        """A run has begun: its store is open. What this raises ends the run."""

    def ends(self) -> None:  # noqa: B027  see above
        """The run is over; its store is about to be closed."""

    def around(self, step: Step) -> AbstractContextManager[object] | None:
        """What is entered around a step that is about to begin; None: nothing is.

        It is asked for "handle" and for "deliver", in the task of the step: what handlers and transports call in turn
        can be told to belong to it. `told` follows when it was left.
        """
        del step
        return None

    @abstractmethod
    def told(self, step: Step) -> None:
        """A step is over."""

    def site(self, run: Run) -> Site | None:
        """Its own pages for a run, served below its name; None: it has none. Called once a run, after `begins`."""
        del run
        return None


# ── the store ───────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True, eq=False, repr=False)
class Send(Value):
    """One row of the outbox: one call to a platform or to the desk.

    Args:
        key: Unique: `channel:conversation:sequence:ordinal`. A second row with it is never written.
        conversation: Where to.
        message: What to say, fitted to the channel. Empty for the desk's "offer" and "withdraw".
        by: Who speaks; at a takeover the bot's waiting rows are withdrawn, the operators' are not.
        desk: Empty: to the customer. Else which of the desk's methods to call.
        handoff: What a call to the desk is about.
        expires_at: When to give up (UTC).
        hold_uncertain: When the answer was lost and the platform offers no proof: True keeps the row for a human to
            decide, False tries again.
        attempts: How often it was tried.
        uncertain: Whether an earlier try may have gone out.
    """

    key: str
    conversation: ConversationId
    message: Message = field(factory=Message)
    by: Literal["bot", "operator", "customer"] = "bot"
    desk: DeskCall | Literal[""] = ""
    handoff: Handoff | None = None
    expires_at: datetime
    hold_uncertain: bool = False
    attempts: int = 0
    uncertain: bool = False


SendState = Literal["sent", "retry", "failed", "held"]


@frozen(kw_only=True, eq=False, repr=False)
class Settled(Value):
    """What became of a try.

    Args:
        key: The row's key.
        state: "sent"; "retry" (waits until `retry_at`); "failed" (given up, kept, visible); "held" (for a human).
        platform_id: The platform's id of what was sent.
        retry_at: When to try again (UTC), with "retry".
        uncertain: Whether the try may have gone out; with "retry", what the next claim is told.
        reason: Why not, for humans.
        tell: An event that is accepted in the same transaction, if this changes the row's state; however much waits in
            its conversation.
    """

    key: str
    state: SendState
    platform_id: str = ""
    retry_at: datetime | None = None
    uncertain: bool = False
    reason: str = ""
    tell: Event | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Waiting(Value):
    """An accepted event, its place in its conversation's lane (dense, from 1), and when it was put there (UTC)."""

    seq: int
    event: Event
    accepted_at: datetime | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Lane(Value):
    """A conversation this worker holds: its committed state and the next events, in order.

    Args:
        conversation: The committed state; a fresh one if nothing was ever committed.
        epoch: Rises with every claim; a commit with an older one is refused.
        events: The next events, at least one, at most 16.
        attempts: How often the first event was tried and released with an error.
        profiles: The profiles of the people in `events` and of `conversation.user` that exist, by profile id.
    """

    conversation: Conversation
    epoch: int
    events: tuple[Waiting, ...]
    attempts: int = 0
    profiles: Mapping[str, Profile] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class Timer(Value):
    """A reminder: `TimerFired(name, data)` in `conversation` at `due`. A conversation has at most one of a name."""

    conversation: ConversationId
    name: str
    due: datetime
    user: User | None = None
    data: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class Committed(Value):
    """Everything one turn changes: written in one transaction, or not at all.

    Args:
        epoch: The lane's, as claimed.
        seq: The handled event's place.
        conversation: The new state; its `version` is the old one plus 1.
        sends: New outbox rows, in order. A row whose key already exists is left as it is (it was flushed before).
        withdraw: Whether the bot's rows to the customer that still wait are withdrawn (before `sends` are written); one
            that is in flight gets no second try.
        timers: Timers to set; one of the same name is replaced.
        cancelled: Names of timers to remove (before `timers` are set).
        facts: Profile changes by profile id, merged key by key; None removes the key.
        emits: Events to accept, in this or other conversations, each once.
        entries: What to add to the conversation's log, in order; one whose key is there already is left as it is, one
            without a key is always written.
        closed: Handoffs that ended with this turn, to be kept for `Store.closed_handoffs`.
        put_back: The ids of failed events of this conversation that go back in line, as new tries, in this order; one
            that is not among the failed ones is passed over.
        outcome: How it went, in a word, for people: "handled", "ignored", "forwarded", ….
        handler: The name of what handled it, for people; empty: the engine itself did.
        took: Seconds from when the turn began until it was handed in to be written.
        error: Not empty: the event is kept among the failed ones for this reason, and what this turn changes is what
            `on_error` wanted.
        release: Whether the lane is given up with this commit (claimable at once if it has more events).
    """

    epoch: int
    seq: int
    conversation: Conversation
    sends: tuple[Send, ...] = ()
    withdraw: bool = False
    timers: tuple[Timer, ...] = ()
    cancelled: tuple[str, ...] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    emits: tuple[Event, ...] = ()
    entries: tuple[Entry, ...] = ()
    closed: tuple[Handoff, ...] = ()
    put_back: tuple[str, ...] = ()
    outcome: str = "handled"
    handler: str = ""
    took: float = 0.0
    error: str = ""
    release: bool = True


@frozen(kw_only=True, eq=False, repr=False)
class Failed(Value):
    """What was given up and waits for a human: an event whose handler kept failing, or a send.

    Args:
        key: What `Store.replay` takes: `event:…` or `send:…`.
        conversation: Where.
        at: When it was given up (UTC).
        error: Why.
        attempts: How often it was tried.
        what: The event, or the send.
    """

    key: str
    conversation: ConversationId
    at: datetime
    error: str
    attempts: int
    what: Event | Send


@frozen(kw_only=True, eq=False, repr=False)
class SendAccount(Value):
    """What became of one row of the outbox, as far as it is known now.

    Args:
        send: The row, with its key, and how often it was tried.
        state: "waiting", "in flight", "sent", "failed", "held" or "withdrawn".
        written_at: When it was written (UTC).
        finished_at: When it was sent or given up (UTC); None: neither yet.
        platform_id: The platform's id of what was sent; empty where there is none.
        reason: What the platform, or the line to it, answered to the last try that failed; empty: none did.
    """

    send: Send
    state: str
    written_at: datetime
    finished_at: datetime | None = None
    platform_id: str = ""
    reason: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Account(Value):
    """What happened to one accepted event: what `convokit why` tells.

    An event that was given up and put back in line has one for each place that it had.

    Args:
        event: As it came.
        seq: Its place in its conversation's lane.
        state: "waiting" (not handled yet), "handled" (its turn is committed) or "failed" (it was given up).
        accepted_at: When it was put in line (UTC); of an event that was given up while no accounts were kept: when it
            happened.
        ended_at: When its turn was committed, or when it was given up (UTC); None while it waits.
        outcome: How it went, as `Committed.outcome`; empty while it waits.
        handler: The name of what handled it; empty: the engine itself did, or nothing did yet.
        error: Why it was given up; else why the last try before failed; empty: none did.
        attempts: How often it was tried, with the try that was committed.
        took: Seconds of the turn that was committed, until it was handed in to be written.
        before: The conversation's state when the turn began; None: not known any more.
        after: The state that the turn left; as `before` where none was committed, None while it waits.
        sends: The rows of the outbox that it wrote and that are still there, in order. The store finds them by their
            keys, which begin with the conversation and the event's place.
    """

    event: Event
    seq: int
    state: Literal["waiting", "handled", "failed"]
    accepted_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    handler: str = ""
    error: str = ""
    attempts: int = 0
    took: float = 0.0
    before: Conversation | None = None
    after: Conversation | None = None
    sends: tuple[SendAccount, ...] = ()


ERASE_KEEPS = ("files", "handoffs", "log", "profile")
"""The kinds of data that an erasure can be told to spare."""


@frozen(kw_only=True, eq=False, repr=False)
class Shelved(Value):
    """A value that an edge keeps about a person or a conversation."""

    shelf: str
    key: str
    value: bytes


@frozen(kw_only=True, eq=False, repr=False)
class Belongings(Value):
    """What one conversation holds of a person: all of it where they are alone with the bot, else what is theirs.

    Args:
        conversation: Its committed state.
        alone: Whether nobody else of the people outside was ever there.
        entries: Of the log, oldest first; in a room what they said and what the bot answered to it.
        waiting: Events accepted and not yet handled.
        failed: Events that were given up.
        handled: Events that are over and still accounted for, oldest first.
        sends: Rows of the outbox, as far as they are still there.
        timers: Timers set.
        handoffs: Handoffs that ended; none in a room.
    """

    conversation: Conversation
    alone: bool
    entries: tuple[Logged, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    failed: tuple[Failed, ...] = ()
    handled: tuple[Event, ...] = ()
    sends: tuple[SendAccount, ...] = ()
    timers: tuple[Timer, ...] = ()
    handoffs: tuple[Handoff, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Personal(Value):
    """Everything that a store holds of one person.

    Args:
        users: Their profile ids: the one that was asked for, and those that edges keep on the shelf "aliases" about it.
        profiles: Their profiles that exist.
        conversations: What each conversation holds of them.
        shelf: What edges keep about them and about the conversations that are theirs alone.
        files: The ids of files that they sent, and that were shown in these conversations.
    """

    users: tuple[str, ...]
    profiles: tuple[Profile, ...] = ()
    conversations: tuple[Belongings, ...] = ()
    shelf: tuple[Shelved, ...] = ()
    files: tuple[str, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Audited(Value):
    """A line of the audit trail, which is only ever added to. It names nobody.

    Args:
        at: When (UTC).
        act: "export" or "erase".
        act_id: What the lines of one act share: an erasure writes one with each conversation, and one at its end.
        by: Who did it, as they said.
        whose: A hash of the person's id, with a salt that the store keeps.
        counts: How many of each kind of data were read or removed.
        kept: The kinds that an erasure was told to spare.
    """

    at: datetime
    act: Literal["export", "erase"]
    act_id: str
    by: str
    whose: str
    counts: Mapping[str, int] = field(factory=dict)
    kept: tuple[str, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Erased(Value):
    """What an erasure removed, or would remove.

    Args:
        users: The profile ids of the person, as in `Personal`.
        counts: How many of each kind of data.
        files: The ids of files of which the store knows no more. Whoever has their folder removes them from the disk:
            the store keeps the ids on the shelf "files-gone" until then, and a running engine looks there.
        kept: The kinds that were spared.
    """

    users: tuple[str, ...]
    counts: Mapping[str, int] = field(factory=dict)
    files: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Stats(Value):
    """Counts, for people and for tests.

    Args:
        conversations: Ever seen.
        accepted: Events ever put in line: with timers, emitted ones, and those that were put back.
        waiting: Events accepted and not yet handled.
        oldest_waiting: When the event that waits longest was put in line (UTC); None: none waits.
        ready: Lanes that could be claimed now.
        claimed: Lanes held now.
        failed: Events given up.
        sends: Outbox rows by state: "waiting", "in flight", "sent", "failed", "held", "withdrawn".
        sends_ready: Outbox rows that could be claimed now.
        timers: Timers set.
        turns: Turns committed, ever.
        oldest: When the oldest came (UTC) of what retention can remove, by kind, as far as there is any: "log",
            "failed", "handoffs", "conversations" (by when something last happened there).
    """

    conversations: int = 0
    accepted: int = 0
    waiting: int = 0
    oldest_waiting: datetime | None = None
    ready: int = 0
    claimed: int = 0
    failed: int = 0
    sends: Mapping[str, int] = field(factory=dict)
    sends_ready: int = 0
    timers: int = 0
    turns: int = 0
    oldest: Mapping[str, datetime] = field(factory=dict)


class Store(ABC):
    """Keeps conversations, their waiting events, the outbox and the timers; the page *durability* has its promises.

    Every method may raise `StoreUnavailable`; then nothing of the call happened (of `commit`: of some turns), or,
    where the line to a server broke, all of it: who calls again must bear both. Time comes from the clock given to
    `open`. `convokit.testing.store_contract` is the proof of an implementation.
    """

    most_waiting: int = 1000
    """How many events of a conversation may wait: beyond it `accept` refuses. The engine sets it from its settings."""
    keeps_accounts: bool = True
    """Whether what `accounts` tells is written with each turn. The engine sets it from its settings."""

    @abstractmethod
    async def open(self, clock: Clock, *, claims: bool = True) -> None:
        """Open it. With `claims` this process handles events: every lease of an earlier run is void, and rows in
        flight become uncertain.

        Raises:
            Conflict: Another process claims already, where the store allows only one.
            StoreUnavailable: It cannot be opened; the message says why.
        """  # noqa: D205  its first sentence needs two lines

    @abstractmethod
    async def close(self) -> None:
        """Close it; waits for writes under way. Twice is once."""

    @abstractmethod
    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        """Make events durable, all or none. False: its (conversation, id) was seen in the last 8 days, dropped.

        What a customer said (`event.said`) enters the conversation's log in the same transaction, under the key
        `u:` and the event's id; an event whose key is in the log is dropped however old it is.

        Raises:
            LaneFull: More than `most_waiting` events of a conversation would wait; nothing was kept. What operators do
                (events with an `operator`) and what the store itself puts in line (timers, emitted and replayed
                events) is never refused.
        """

    @abstractmethod
    async def claim(self, worker: str, limit: int, lease: float) -> Sequence[Lane]:
        """Take up to `limit` lanes with work, free or with a lease (seconds) that ran out, longest waiting first."""

    @abstractmethod
    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        """Prolong leases. Returns the conversations still held; the others' turns will be fenced."""

    @abstractmethod
    async def commit(self, turns: Sequence[Committed]) -> Sequence[bool]:
        """Write turns, each atomic by itself. False: fenced (stale epoch, or not the lane's next event): drop it."""

    @abstractmethod
    async def release(
        self, lane: Lane, *, retry_at: datetime | None = None, error: str = "", park: bool = False
    ) -> None:
        """Give a lane up without a commit. A stale epoch does nothing.

        With `error` the first event counts one more attempt, its account tells the error, and the whole conversation
        waits until `retry_at`. With `park` the first event moves to the failed ones and the next may be claimed at
        once.
        """

    @abstractmethod
    async def flush(self, lane: Lane, seq: int, sends: Sequence[Send], entries: Sequence[Entry] = ()) -> bool:
        """Write outbox rows and log entries of the event at `seq` ahead of its turn's commit; those whose key exists
        are left alone. False: fenced, by a stale epoch or because `seq` is not the lane's next event any more.

        An entry without a key is always written: give each one that a second run would write again.
        """  # noqa: D205  its first sentence needs two lines

    @abstractmethod
    async def recall(self, lane: Lane, seq: int, name: str) -> bytes | None:
        """What `remember` kept for this event and name; None if nothing."""

    @abstractmethod
    async def remember(self, lane: Lane, seq: int, name: str, value: bytes) -> bytes:
        """Keep the first value given for this event and name; returns the one kept. Dropped with the event."""

    @abstractmethod
    async def claim_sends(self, worker: str, limit: int, lease: float) -> Sequence[Send]:
        """Take up to `limit` outbox rows, only the first open one of each conversation and destination (customer,
        desk). That they are in flight is durable before it returns. A row whose lease ran out comes back `uncertain`.
        """  # noqa: D205  its first sentence needs two lines

    @abstractmethod
    async def settle(self, outcomes: Sequence[Settled]) -> None:
        """Say what became of rows in flight. Rows settled before are left alone, but a "sent" stands over all."""

    @abstractmethod
    async def resolve(self, evidence: Sequence[Evidence]) -> int:
        """Mark rows as sent on a platform's proof. Returns how many were open."""

    @abstractmethod
    async def fire_due(self, limit: int) -> int:
        """Turn timers that are due into accepted `TimerFired` events, each once. Returns how many."""

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """When, at the latest, to look again: the earliest timer, waiting retry or lease end. None: nothing waits."""

    @abstractmethod
    async def load(self, conversation: ConversationId) -> Conversation | None:
        """The committed state, None when it was never seen."""

    @abstractmethod
    async def history(self, conversation: ConversationId, limit: int, *, before: int | None = None) -> Sequence[Entry]:
        """The last `limit` entries of kind "said", oldest first, in the order of the turns that they belong to.

        Args:
            conversation: Where.
            limit: From 1 to 1000.
            before: Only what belongs to events before this place in the lane; None: all.
        """

    @abstractmethod
    async def log(
        self,
        conversation: ConversationId,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 200,
        public: bool = False,
    ) -> Log:
        """A piece of the log, read at one moment; an empty one for a conversation that was never seen.

        Args:
            conversation: Where.
            after: The entries after this number, the oldest `limit` of them.
            before: Not None: in place of that the newest `limit` entries before this number, oldest first.
            limit: From 1 to 1000.
            public: Count and return public entries only: `after` and `before` are public numbers.
        """

    @abstractmethod
    async def find(self, conversation: ConversationId, key: str) -> Logged | None:
        """The log's entry with this key; None when there is none."""

    @abstractmethod
    async def handed_over(self) -> Sequence[Conversation]:
        """Every conversation with an open handoff, the longest waiting first (by `handoff.opened_at`)."""

    @abstractmethod
    async def closed_handoffs(self, since: datetime) -> Sequence[tuple[ConversationId, Handoff]]:
        """The handoffs that ended at or after `since`, oldest first; `closed_at` is set."""

    @abstractmethod
    async def recent(self, limit: int, *, before: datetime | None = None) -> Sequence[tuple[datetime, Conversation]]:
        """The conversations where something was accepted or committed last, newest first, and when.

        Args:
            limit: From 1 to 1000.
            before: Only those where nothing happened at or after this time.
        """

    @abstractmethod
    async def keep(
        self,
        shelf: str,
        key: str,
        value: bytes,
        *,
        expires_at: datetime | None = None,
        only_new: bool = False,
        about: str = "",
    ) -> bool:
        """Keep a value on a shelf: what transports and desks have to remember (visitors, operators, saved answers).

        On the shelf "aliases" lies, about a person, another profile id of the same person: `export` and `erase` follow
        it.

        Args:
            shelf: Letters, digits and "-": one for each kind of thing.
            key: Any text, not empty.
            value: What is kept; an earlier one is replaced.
            expires_at: From when on it is no longer there (UTC); None: it stays.
            only_new: Keep it only if the key is not there.
            about: Whom or what it is about, a profile id (`channel:user id`) or a conversation (`channel:id`), so that
                it is exported and erased with them; empty: nobody outside.

        Returns:
            False when `only_new` and the key is there.
        """

    @abstractmethod
    async def kept(self, shelf: str, key: str) -> bytes | None:
        """The value under a key; None when there is none or it has expired."""

    @abstractmethod
    async def on_shelf(self, shelf: str, *, prefix: str = "", limit: int = 10_000) -> Mapping[str, bytes]:
        """The values whose keys begin with `prefix`, in the order of the keys, without expired ones."""

    @abstractmethod
    async def take_off(self, shelf: str, key: str) -> bytes | None:
        """Remove a value and return it: of two who take the same one, one gets it. None: it is not there (any more)."""

    @abstractmethod
    async def profile(self, profile_id: str) -> Profile | None:
        """A profile by its id (`channel:user id`)."""

    @abstractmethod
    async def positions(self) -> Mapping[tuple[str, int, str], int]:
        """How many open dialog positions stand at (dialog, version, state)."""

    @abstractmethod
    async def standing(self, limit: int, *, after: ConversationId | None = None) -> Sequence[Conversation]:
        """The conversations where a dialog is open, by channel and id: each once, a page after the other.

        Args:
            limit: From 1 to 1000.
            after: The last one of the page before, whether it is still there or not; None: from the beginning.
        """

    @abstractmethod
    async def failed(self, limit: int) -> Sequence[Failed]:
        """What was given up, newest first: events and sends (also held ones)."""

    @abstractmethod
    async def replay(self, keys: Sequence[str]) -> int:
        """Put given-up events and sends back in line, as new tries, in the order of `keys`. Returns how many.

        A message of the bot's to a customer stays where it is while a person has, or is about to take, the
        conversation: there would be two speakers.
        """

    @abstractmethod
    async def accounts(self, event_id: str, *, conversation: ConversationId | None = None) -> Sequence[Account]:
        """What happened to the events with this id, in the order in which they were put in line, newest last.

        Waiting and failed events have an account too. Those of handled ones are kept while `keeps_accounts` is set,
        until `purge`.

        Args:
            event_id: The event's.
            conversation: Where; None: in all conversations, which takes longer, as an id is unique in one only.
        """

    @abstractmethod
    async def export(self, user: str, *, by: str = "") -> Personal:
        """Everything that is kept of a person, as each conversation was at one moment; the audit trail says so.

        Args:
            user: Their profile id, `channel:user id`; one that nobody has is no error.
            by: Who asks, for the audit trail.

        Raises:
            ValueError: `user` is not written like that.
        """

    @abstractmethod
    async def erase(self, user: str, *, by: str = "", keeps: Sequence[str] = (), dry: bool = False) -> Erased:
        """Remove everything that is kept of a person, each conversation at one moment.

        Conversations of theirs alone are emptied: state, log, waiting and failed events, outbox, timers, values of
        `once`, handoffs, accounts, and what edges keep about them. Elsewhere their entries and the bot's answers to
        them become blank ones of the kind "erased", under the numbers that they had. A turn that runs meanwhile is
        fenced. What stays is a line in the audit trail for each conversation, and for 8 days the ids of events that
        may be delivered again. Done again after it was cut off, it goes on.

        Args:
            user: As in `export`.
            by: Who asks, for the audit trail.
            keeps: Kinds that are spared, of `ERASE_KEEPS`: what the law makes the business keep.
            dry: Only count; nothing is written.

        Raises:
            ValueError: `user` or `keeps` is not what it can be.
        """

    @abstractmethod
    async def audited(self, limit: int, *, user: str = "") -> Sequence[Audited]:
        """The newest `limit` (1 to 1000) lines of the audit trail, newest first; of one person when `user` is given."""

    @abstractmethod
    async def purge(
        self,
        before: datetime,
        *,
        handoffs: datetime | None = None,
        accounts: datetime | None = None,
        log: datetime | None = None,
        failed: datetime | None = None,
        conversations: datetime | None = None,
    ) -> int:
        """Forget what is finished and older than `before`: ids seen, rows sent; failed ones stay. Returns rows.

        Rows of a conversation with waiting events stay: what those flushed must be known when they run again.

        Args:
            before: What is older is forgotten.
            handoffs: Handoffs that ended before this are forgotten too; None: none are.
            accounts: Accounts of events that ended before this are forgotten too; None: none are.
            log: The entries at the beginning of each log that are older than this, by their own time, are forgotten
                too; None: none are. Those of events that wait stay. Numbers stay as they were, and ids of events that
                may be delivered again are known on.
            failed: Events and sends that were given up before this are forgotten too; None: none are.
            conversations: Conversations where nothing happened since are forgotten as a whole, with the profiles of
                people who are in no other conversation's state; None: none are. One that a person has, and one where
                something waits, failed or has a timer, stays.
        """

    @abstractmethod
    async def stats(self) -> Stats:
        """Counts, taken without reading what grows with the age of the store, as far as the store can."""

    @abstractmethod
    async def check(self) -> Sequence[str]:
        """What is wrong with what it holds, a sentence each; empty: nothing was found. It reads everything.

        Looked for are at least: places in lanes without gaps; as many accepted as are done and waiting; numbers of
        logs without gaps; a first open row in every queue of the outbox; nothing of a conversation that is not there.
        """

    async def backup(self, path: Path) -> None:
        """Write a copy of everything, as it is at one moment, to a new file, while the store is in use.

        The file is readable by its owner only, and it is there as a whole or not at all.

        Raises:
            StoreUnavailable: This store cannot be copied like that (what this default says), the file exists, or it
                cannot be written.
        """
        raise StoreUnavailable(f"{path} was not written: {type(self).__name__} has no backups of its own")


Proceed = Callable[[], Awaitable[None]]
"""What a middleware awaits to let the turn go on."""

Middleware = Callable[[Any, Proceed], Awaitable[None]]
"""`async def middleware(turn, proceed)`: goes around every handler; `await proceed()` runs the rest."""
