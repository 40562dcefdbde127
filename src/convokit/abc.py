"""The seams: what a plugin author implements. Every method says what it raises and what must hold.

`Transport` carries events in and messages out. `Desk` is the operators' side. `Store` keeps everything.
`Middleware` goes around every turn. `Clock` tells the time, so that tests can move it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

from attrs import field, frozen

from convokit._value import Value
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Log, Logged
from convokit.events import Event
from convokit.messages import Capabilities, Message
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
    """

    events: tuple[Event, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"


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

        Override it where `proof` is not `NONE`, and pass the key to the platform. Raises as `send`.
        """
        del key
        return await self.send(to, message)

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


# ── the store ───────────────────────────────────────────────────────────────────────────────────────────────────────

DeskCall = Literal["offer", "forward", "withdraw"]


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
    """

    key: str
    state: SendState
    platform_id: str = ""
    retry_at: datetime | None = None
    uncertain: bool = False
    reason: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Waiting(Value):
    """An accepted event and its place in its conversation's lane (dense, from 1)."""

    seq: int
    event: Event


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
class Stats(Value):
    """Counts, for people and for tests.

    Args:
        conversations: Ever seen.
        waiting: Events accepted and not yet handled.
        ready: Lanes that could be claimed now.
        claimed: Lanes held now.
        failed: Events given up.
        sends: Outbox rows by state: "waiting", "in flight", "sent", "failed", "held", "withdrawn".
        sends_ready: Outbox rows that could be claimed now.
        timers: Timers set.
        turns: Turns committed, ever.
    """

    conversations: int = 0
    waiting: int = 0
    ready: int = 0
    claimed: int = 0
    failed: int = 0
    sends: Mapping[str, int] = field(factory=dict)
    sends_ready: int = 0
    timers: int = 0
    turns: int = 0


class Store(ABC):
    """Keeps conversations, their waiting events, the outbox and the timers; the page *durability* has its promises.

    Every method may raise `StoreUnavailable`; then nothing of the call happened. Time comes from the clock given to
    `open`. `convokit.testing.store_contract` is the proof of an implementation.
    """

    most_waiting: int = 1000
    """How many events of a conversation may wait: beyond it `accept` refuses. The engine sets it from its settings."""

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

        With `error` the first event counts one more attempt and the whole conversation waits until `retry_at`. With
        `park` the first event moves to the failed ones and the next may be claimed at once.
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
        self, shelf: str, key: str, value: bytes, *, expires_at: datetime | None = None, only_new: bool = False
    ) -> bool:
        """Keep a value on a shelf: what transports and desks have to remember (visitors, operators, saved answers).

        Args:
            shelf: Letters, digits and "-": one for each kind of thing.
            key: Any text, not empty.
            value: What is kept; an earlier one is replaced.
            expires_at: From when on it is no longer there (UTC); None: it stays.
            only_new: Keep it only if the key is not there.

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
    async def failed(self, limit: int) -> Sequence[Failed]:
        """What was given up, newest first: events and sends (also held ones)."""

    @abstractmethod
    async def replay(self, keys: Sequence[str]) -> int:
        """Put given-up events and sends back in line, as new tries, in the order of `keys`. Returns how many.

        A message of the bot's to a customer stays where it is while a person has, or is about to take, the
        conversation: there would be two speakers.
        """

    @abstractmethod
    async def purge(self, before: datetime, *, handoffs: datetime | None = None) -> int:
        """Forget what is finished and older than `before`: ids seen, rows sent; failed ones stay. Returns rows.

        Rows of a conversation with waiting events stay: what those flushed must be known when they run again.

        Args:
            before: What is older is forgotten.
            handoffs: Handoffs that ended before this are forgotten too; None: none are.
        """

    @abstractmethod
    async def stats(self) -> Stats:
        """Counts."""


Proceed = Callable[[], Awaitable[None]]
"""What a middleware awaits to let the turn go on."""

Middleware = Callable[[Any, Proceed], Awaitable[None]]
"""`async def middleware(turn, proceed)`: goes around every handler; `await proceed()` runs the rest."""
