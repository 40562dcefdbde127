"""The store that lives in this process's memory: for tests, and as the shortest reading of the `Store` seam.

Everything is kept encoded, as the durable stores keep it, so that a test sees the types that a real store returns.
Nothing waits inside a method: each is atomic because no other task can run in between.
"""

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from heapq import heappop, heappush, nlargest
from itertools import count, islice
from secrets import token_hex

from anyio.lowlevel import checkpoint_if_cancelled
from attrs import define, evolve, field

from convokit.abc import (
    Account,
    Clock,
    Committed,
    Evidence,
    Failed,
    Lane,
    Send,
    SendAccount,
    Settled,
    Stats,
    Store,
    Timer,
    Waiting,
)
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Log, Logged
from convokit.errors import Conflict, StoreUnavailable
from convokit.events import Event
from convokit.people import Profile
from convokit.stores import rows
from convokit.stores.memory_personal import MemoryPersonal
from convokit.wire import codec

Destination = tuple[ConversationId, bool]
"""Where a row of the outbox goes: the conversation, and whether to the desk."""


@define(eq=False)
class _Logged:
    """An entry of a log; its number is its index, plus 1, plus how many are forgotten."""

    public: int
    seq: int
    line: rows.Line


@define(eq=False)
class _Lane:
    """A conversation: its state and its waiting events; `inbox[0]` has the place `done + 1`."""

    id: ConversationId
    state: bytes | None = None
    version: int = 0
    done: int = 0
    inbox: deque[tuple[datetime, bytes]] = field(factory=deque)
    attempts: int = 0
    ready_at: int = 0
    tick: int = 0
    retrying: bool = False
    epoch: int | None = None
    until: int = 0
    """The lease's end, when `epoch` is set."""
    log: list[_Logged] = field(factory=list)
    keys: dict[str, int] = field(factory=dict)
    """The numbers of the log's entries by key."""
    shown: int = 0
    """The public number of the newest public entry."""
    touched: int = 0
    """When something was accepted or committed last; 0: never."""
    handed: int | None = None
    """When its open handoff began."""
    once: dict[tuple[int, str], bytes] = field(factory=dict)
    error: str = ""
    """Why the last try of `inbox[0]` failed."""
    ended: list["_Ended"] = field(factory=list)
    forgotten: int = 0
    """How many entries at the beginning of its log are forgotten."""
    log_id: str = ""
    """What names the numbering of its log since it was erased."""


@define(eq=False)
class _Ended:
    """What became of an event, for `accounts`."""

    seq: int
    accepted: datetime
    at: int
    outcome: str
    handler: str
    error: str
    failed: bool
    attempts: int
    took: float
    event: bytes
    state: bytes | None
    """What its turn left; None: none was committed."""


RECALLED = "recalled"
"""Who speaks in a bot's row that was in flight when a person took over: it gets no second try."""


@define(eq=False)
class _Row:
    """A row of the outbox."""

    key: str
    to: Destination
    by: str
    body: bytes
    written: int
    state: str = "waiting"
    ready_at: int = 0
    """Waiting: when to try (0: at once); in flight: the lease's end."""
    attempts: int = 0
    uncertain: bool = False
    reason: str = ""
    finished: int = 0
    """When it left the outbox, for `purge` and `failed`."""
    platform_id: str = ""

    @property
    def open(self) -> bool:
        return self.state in {"waiting", "in flight"}


@define(eq=False)
class _Parked:
    """An event that was given up."""

    key: str
    conversation: ConversationId
    seq: int
    at: int
    error: str
    attempts: int
    event: bytes
    once: dict[str, bytes]


@define(eq=False)
class _Prepared:
    """A turn whose values are encoded already, so that nothing can fail once writing has begun."""

    turn: Committed
    state: bytes
    sends: list[tuple[Send, bytes]]
    timers: list[tuple[Timer, bytes]]
    emits: list[rows.Incoming]
    lines: list[rows.Line]
    closed: tuple[tuple[int, bytes], ...]
    handed: int | None


def _prepare(turn: Committed) -> _Prepared:
    codec.encode(turn.facts)  # they are merged later; what has no JSON form is refused now
    return _Prepared(
        turn=turn,
        state=codec.encode(turn.conversation),
        sends=[(send, codec.encode(send)) for send in turn.sends],
        timers=[(timer, codec.encode(timer)) for timer in turn.timers],
        emits=[rows.incoming(event) for event in turn.emits],
        lines=[rows.line(entry) for entry in turn.entries],
        closed=rows.ended(turn.closed),
        handed=rows.handed(turn.conversation),
    )


class Memory(MemoryPersonal, Store):
    """Keeps everything in memory: lost with the process, kept over `close` and `open` of the same object.

    Opening it again is what a restart is to a durable store: leases are void, rows in flight are uncertain.
    """

    def __init__(self) -> None:
        self._clock: Clock | None = None
        self._claims = False
        self._epochs = count(1)
        self._ticks = count(1)
        self._lanes: dict[ConversationId, _Lane] = {}
        # Heaps; entries whose tick is not the lane's are stale. Two, because a clock that jumps back must not keep
        # a lane waiting that never asked for a pause.
        self._ready: list[tuple[int, int, _Lane]] = []
        self._resting: list[tuple[int, int, _Lane]] = []
        self._held: dict[ConversationId, _Lane] = {}
        self._seen: dict[tuple[ConversationId, str], tuple[int, int]] = {}  # (when, place in the lane)
        self._outbox: dict[str, _Row] = {}
        self._queues: dict[Destination, deque[_Row]] = {}  # open rows, in order; an empty queue is removed
        self._timers: dict[tuple[ConversationId, str], tuple[int, bytes]] = {}
        self._profiles: dict[str, bytes] = {}
        self._parked: dict[str, _Parked] = {}
        self._closed: list[tuple[int, ConversationId, bytes]] = []  # by when they ended
        self._shelf: dict[tuple[str, str], tuple[bytes, int | None]] = {}  # (value, when it expires)
        self._abouts: dict[tuple[str, str], str] = {}
        self._audit: list[bytes] = []
        self._log_id = token_hex(8)
        self._accepted = 0
        self._turns = 0

    # ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self, clock: Clock, *, claims: bool = True) -> None:
        """Open it; an open one is opened anew. Never raises."""
        self._clock = clock
        self._claims = claims
        if not claims:
            return
        for lane in list(self._held.values()):
            self._free(lane, lane.ready_at)
        for row in self._outbox.values():
            if row.state == "in flight" and row.by == RECALLED:
                self._finish(row, "withdrawn", rows.micros(clock.now()))
            elif row.state == "in flight":
                row.state, row.uncertain, row.ready_at = "waiting", True, 0

    async def close(self) -> None:
        """Close it. What it holds stays, for the next `open`."""
        self._clock = None

    async def _begin(self, *, claims: bool = False) -> int:
        """The time; a caller that was cancelled stops here, before anything happened."""
        await checkpoint_if_cancelled()
        if self._clock is None:
            raise StoreUnavailable("the memory store is not open: await store.open(clock) first")
        if claims and not self._claims:
            raise Conflict("the memory store was opened with claims=False: it only accepts")
        return rows.micros(self._clock.now())

    # ── events and lanes ────────────────────────────────────────────────────────────────────────────────────────────

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        """Make events safe until the process ends, all or none."""
        now = await self._begin()
        incoming = [rows.incoming(event) for event in events]
        waiting = dict[ConversationId, int]()
        for one in incoming:
            place = one.event.conversation
            lane = self._lanes.get(place)
            if rows.refusable(one.event) and not (lane and self._known(lane, one, now)):
                waiting[place] = waiting.get(place, len(lane.inbox) if lane else 0) + 1
        rows.refuse_full(waiting, self.most_waiting)
        return [self._accept(one, now) for one in incoming]

    def _known(self, lane: _Lane, one: rows.Incoming, now: int) -> bool:
        before = self._seen.get((lane.id, one.event.id))
        lately = before is not None and now - before[0] < rows.SEEN_FOR // timedelta(microseconds=1)
        return lately or one.key in lane.keys

    def _accept(self, one: rows.Incoming, now: int) -> bool:
        lane = self._lane(one.event.conversation)
        if self._known(lane, one, now):
            return False
        key = (lane.id, one.event.id)
        seq = self._append(lane, one.data, now)
        if one.line is None:
            self._seen[key] = (now, seq)
        else:
            self._log(lane, seq, [one.line])
        return True

    def _append(self, lane: _Lane, data: bytes, now: int) -> int:
        lane.inbox.append((rows.moment(now), data))
        self._accepted += 1
        lane.touched = now
        if len(lane.inbox) == 1 and lane.epoch is None:
            self._free(lane, now)
        return lane.done + len(lane.inbox)

    @staticmethod
    def _log(lane: _Lane, seq: int, lines: Sequence[rows.Line]) -> None:
        for line in lines:
            if line.key in lane.keys:
                continue
            lane.shown += not line.private
            lane.log.append(_Logged(0 if line.private else lane.shown, seq, line))
            if line.key:
                lane.keys[line.key] = lane.forgotten + len(lane.log)

    def _lane(self, conversation: ConversationId) -> _Lane:
        lane = self._lanes.get(conversation)
        if lane is None:
            lane = self._lanes[conversation] = _Lane(conversation)
        return lane

    def _free(self, lane: _Lane, ready_at: int, *, retrying: bool = False) -> None:
        """Give the lane up; it can be claimed from `ready_at` on, if it has work."""
        self._held.pop(lane.id, None)
        lane.epoch, lane.retrying = None, retrying
        if lane.inbox:
            lane.ready_at, lane.tick = ready_at, next(self._ticks)
            heappush(self._resting if retrying else self._ready, (lane.ready_at, lane.tick, lane))

    async def claim(self, worker: str, limit: int, lease: float) -> Sequence[Lane]:
        """Take up to `limit` lanes that have work, longest waiting first."""
        del worker
        now = await self._begin(claims=True)
        for lane in [one for one in self._held.values() if one.until <= now]:
            self._free(lane, lane.ready_at)
        taken: list[Lane] = []
        while len(taken) < limit:
            # A lane whose retry is due stays where it is until it is taken: the clock may yet be set back.
            due = bool(self._resting) and self._resting[0][0] <= now
            if due and (not self._ready or self._resting[0] < self._ready[0]):
                _, tick, lane = heappop(self._resting)
            elif self._ready:
                _, tick, lane = heappop(self._ready)
            else:
                break
            if lane.tick != tick or lane.epoch is not None or not lane.inbox:
                continue
            lane.epoch, lane.retrying = next(self._epochs), False
            lane.until = now + round(lease * 1e6)
            self._held[lane.id] = lane
            taken.append(self._handed_out(lane, lane.epoch))
        return taken

    def _handed_out(self, lane: _Lane, epoch: int) -> Lane:
        conversation = rows.read_conversation(lane.state, lane.id)
        events = tuple(
            Waiting(seq=seq, event=rows.read_event(data, lane.id, seq, at), accepted_at=at)
            for seq, (at, data) in zip(range(lane.done + 1, lane.done + 1 + rows.LANE_EVENTS), lane.inbox, strict=False)
        )
        wanted = rows.people(conversation, (one.event for one in events))
        return Lane(
            conversation=conversation,
            epoch=epoch,
            events=events,
            attempts=lane.attempts,
            profiles={one: codec.decode(Profile, self._profiles[one]) for one in wanted if one in self._profiles},
        )

    @staticmethod
    def _rests(lane: _Lane) -> bool:
        """Whether the lane's next try waits for its time, or waits to be claimed since."""
        return lane.retrying and lane.epoch is None and bool(lane.inbox)

    def _holding(self, conversation: ConversationId, epoch: int) -> _Lane | None:
        lane = self._held.get(conversation)
        return lane if lane is not None and lane.epoch == epoch else None

    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        """Prolong leases; one that ran out and was not taken by another worker counts as held."""
        now = await self._begin(claims=True)
        held = [lane for one in lanes if (lane := self._holding(one.conversation.id, one.epoch)) is not None]
        for lane in held:
            lane.until = now + round(lease * 1e6)
        return {lane.id for lane in held}

    async def commit(self, turns: Sequence[Committed]) -> Sequence[bool]:
        """Apply turns, each atomic by itself."""
        now = await self._begin(claims=True)
        return [self._commit(one, now) for one in [_prepare(turn) for turn in turns]]

    def _commit(self, prepared: _Prepared, now: int) -> bool:
        turn = prepared.turn
        conversation = turn.conversation
        lane = self._holding(conversation.id, turn.epoch)
        if lane is None or turn.seq != lane.done + 1 or not lane.inbox or conversation.version != lane.version + 1:
            return False
        self._turns += 1
        lane.ended += [_ended(lane, now, turn, prepared.state)] if self.keeps_accounts else []
        if turn.error:
            lane.attempts += 1
            self._park(lane, turn.error, now)
        else:
            self._drop_head(lane)
        lane.version, lane.state = conversation.version, prepared.state
        lane.handed, lane.touched = prepared.handed, now
        if turn.withdraw:
            self._withdraw(conversation.id, now)
        self._write(prepared.sends, now)
        for name in turn.cancelled:
            self._timers.pop((conversation.id, name), None)
        for timer, data in prepared.timers:
            self._timers[timer.conversation, timer.name] = (rows.micros(timer.due), data)
        for one, facts in turn.facts.items():
            self._profiles[one] = rows.merged(self._profiles.get(one), one, facts)
        self._log(lane, turn.seq, prepared.lines)
        for at, handoff in prepared.closed:
            insort(self._closed, (at, lane.id, handoff), key=lambda one: one[0])
        for event in prepared.emits:
            self._accept(event, now)
        self._put_back(lane, turn.put_back, now)
        if turn.release:
            self._free(lane, now)
        return True

    def _put_back(self, lane: _Lane, event_ids: Sequence[str], now: int) -> None:
        for event_id in event_ids:
            _, seq = self._seen.get((lane.id, event_id), (0, 0))
            self._replay_event(rows.event_key(lane.id, seq), now)

    @staticmethod
    def _drop_head(lane: _Lane) -> bytes:
        _, data = lane.inbox.popleft()
        lane.done += 1
        lane.attempts, lane.error = 0, ""
        lane.once = {key: value for key, value in lane.once.items() if key[0] > lane.done}
        return data

    async def release(
        self, lane: Lane, *, retry_at: datetime | None = None, error: str = "", park: bool = False
    ) -> None:
        """Give a lane up without a commit. A stale epoch does nothing."""
        now = await self._begin(claims=True)
        held = self._holding(lane.conversation.id, lane.epoch)
        if held is None:
            return
        if error:
            held.attempts += 1
            held.error = error
        if park and held.inbox:
            if self.keeps_accounts:
                held.ended.append(_given_up(held, now, error))
            self._park(held, error, now)
            self._free(held, now)
        else:
            waits = retry_at is not None and rows.micros(retry_at) > now
            self._free(held, rows.micros(retry_at) if waits and retry_at else now, retrying=waits)

    def _park(self, lane: _Lane, error: str, now: int) -> None:
        attempts, seq = lane.attempts, lane.done + 1
        once = {name: value for (at, name), value in lane.once.items() if at == seq}
        event = self._drop_head(lane)
        key = rows.event_key(lane.id, seq)
        self._parked[key] = _Parked(key, lane.id, seq, now, error, attempts, event, once)

    async def flush(self, lane: Lane, seq: int, sends: Sequence[Send], entries: Sequence[Entry] = ()) -> bool:
        """Write outbox rows and log entries ahead of the turn's commit; fenced too when `seq` is not the next event."""
        now = await self._begin(claims=True)
        held = self._holding(lane.conversation.id, lane.epoch)
        lines = [rows.line(entry) for entry in entries]
        encoded = [(send, codec.encode(send)) for send in sends]
        if held is None or seq != held.done + 1 or not held.inbox:
            return False
        self._write(encoded, now)
        self._log(held, seq, lines)
        return True

    async def recall(self, lane: Lane, seq: int, name: str) -> bytes | None:
        """What `remember` kept."""
        await self._begin()
        return self._lane(lane.conversation.id).once.get((seq, name))

    async def remember(self, lane: Lane, seq: int, name: str, value: bytes) -> bytes:
        """Keep the first value given, as long as the event waits."""
        await self._begin()
        kept = self._lane(lane.conversation.id)
        return kept.once.setdefault((seq, name), value) if seq > kept.done else kept.once.get((seq, name), value)

    # ── the outbox ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, sends: Sequence[tuple[Send, bytes]], now: int) -> None:
        for send, data in sends:
            if send.key not in self._outbox:
                to = (self._lane(send.conversation).id, bool(send.desk))
                row = _Row(send.key, to, send.by, data, now)
                self._outbox[send.key] = row
                self._queues.setdefault(to, deque()).append(row)

    def _withdraw(self, conversation: ConversationId, now: int) -> None:
        for row in list(self._queues.get((conversation, False), ())):
            if row.by == "bot" and row.state == "waiting":
                self._finish(row, "withdrawn", now)
            elif row.by == "bot":
                row.by = RECALLED

    def _finish(self, row: _Row, state: str, now: int, reason: str = "") -> None:
        if row.open:
            queue = self._queues.pop(row.to)
            queue.remove(row)
            if queue:
                self._queues[row.to] = queue  # put at the end: conversations take turns
        row.state, row.finished, row.reason = state, now, reason

    async def claim_sends(self, worker: str, limit: int, lease: float) -> Sequence[Send]:
        """Take up to `limit` rows, the first open one of each conversation and destination."""
        del worker
        now = await self._begin(claims=True)
        taken: list[Send] = []
        for row in [queue[0] for queue in self._queues.values()]:
            if row.by == RECALLED and row.ready_at <= now:
                self._finish(row, "withdrawn", now)
        for queue in self._queues.values():
            if len(taken) >= limit:
                break
            row = queue[0]
            if row.ready_at > now:
                continue
            row.uncertain = row.uncertain or row.state == "in flight"
            taken.append(rows.read_send(row.body, row.attempts, row.uncertain))
            row.state, row.ready_at = "in flight", now + round(lease * 1e6)
            row.attempts += 1
        return taken

    async def settle(self, outcomes: Sequence[Settled]) -> None:
        """Say what became of rows in flight."""
        now = await self._begin(claims=True)
        told = [None if one.tell is None else rows.incoming(one.tell) for one in outcomes]
        for one, event in zip(outcomes, told, strict=True):
            row = self._outbox.get(one.key)
            if row is None or row.state == "sent" or (row.state != "in flight" and one.state != "sent"):
                continue
            row.uncertain = one.uncertain if one.state == "retry" else row.uncertain or one.uncertain
            if one.state == "retry" and row.by == RECALLED:
                self._finish(row, "withdrawn", now, one.reason)
            elif one.state == "retry":
                row.state, row.reason = "waiting", one.reason
                row.ready_at = 0 if one.retry_at is None else rows.micros(one.retry_at)
            else:
                row.platform_id = one.platform_id
                self._finish(row, one.state, now, one.reason)
            if event is not None:
                self._accept(event, now)

    async def resolve(self, evidence: Sequence[Evidence]) -> int:
        """Mark rows as sent on a platform's proof."""
        now = await self._begin()
        were_open = 0
        for one in evidence:
            row = self._outbox.get(one.key)
            if row is not None and row.state != "sent":
                were_open += row.open or row.state == "held"
                row.platform_id = one.platform_id
                self._finish(row, "sent", now, row.reason)
        return were_open

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def fire_due(self, limit: int) -> int:
        """Turn due timers into accepted events."""
        now = await self._begin(claims=True)
        due = sorted((at, str(key[0]), key[1], key) for key, (at, _) in self._timers.items() if at <= now)
        for *_, key in due[:limit]:
            timer = codec.decode(Timer, self._timers.pop(key)[1])
            lane = self._lane(timer.conversation)
            event = rows.fired(timer, lane.done + len(lane.inbox) + 1)
            seq = self._append(lane, codec.encode_event(event), now)
            self._seen[event.conversation, event.id] = (now, seq)
        return len(due[:limit])

    async def next_due(self) -> datetime | None:
        """When, at the latest, to look again; may be past."""
        await self._begin()
        moments = [at for at, _ in self._timers.values()]
        moments += [lane.until for lane in self._held.values()]
        moments += [lane.ready_at for lane in self._lanes.values() if self._rests(lane)]
        moments += [queue[0].ready_at for queue in self._queues.values() if queue[0].attempts]
        return rows.moment(min(moments)) if moments else None

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, conversation: ConversationId) -> Conversation | None:
        """The committed state; a fresh one when events wait and nothing was committed."""
        await self._begin()
        lane = self._lanes.get(conversation)
        return None if lane is None else rows.read_conversation(lane.state, conversation)

    async def history(self, conversation: ConversationId, limit: int, *, before: int | None = None) -> Sequence[Entry]:
        """The last `limit` things said, oldest first, in the order of the turns that they belong to."""
        await self._begin()
        lane = self._lanes.get(conversation)
        said = [one for one in lane.log if one.line.kind == "said"] if lane else []
        if before is not None:
            said = [one for one in said if one.seq < before]
        newest = sorted(said, key=lambda one: one.seq)[-rows.at_most(limit) :] if limit > 0 else []
        return [codec.decode(Entry, one.line.data) for one in newest]

    async def log(
        self,
        conversation: ConversationId,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 200,
        public: bool = False,
    ) -> Log:
        """A piece of the log."""
        await self._begin()
        lane = self._lanes.get(conversation)
        if lane is None:
            return Log(id=self._log_id)
        numbered = [
            (one.public if public else number, number, one)
            for number, one in enumerate(lane.log, lane.forgotten + 1)
            if one.public or not public
        ]
        if before is None:
            piece = [each for each in numbered if each[0] > after][: rows.at_most(limit)]
        else:
            piece = [each for each in numbered if each[0] < before]
            piece = piece[max(len(piece) - rows.at_most(limit), 0) :]
        return Log(
            id=lane.log_id or self._log_id,
            head=lane.forgotten + len(lane.log),
            public_head=lane.shown,
            entries=tuple(_logged(number, one) for _, number, one in piece),
        )

    async def find(self, conversation: ConversationId, key: str) -> Logged | None:
        """The log's entry with this key."""
        await self._begin()
        lane = self._lanes.get(conversation)
        number = lane.keys.get(key) if lane else None
        return _logged(number, lane.log[number - 1 - lane.forgotten]) if lane and number else None

    async def handed_over(self) -> Sequence[Conversation]:
        """Every conversation with an open handoff, the longest waiting first."""
        await self._begin()
        handed = [(lane.handed, lane) for lane in self._lanes.values() if lane.handed is not None]
        return [rows.read_conversation(lane.state, lane.id) for _, lane in sorted(handed, key=lambda one: one[0])]

    async def closed_handoffs(self, since: datetime) -> Sequence[tuple[ConversationId, Handoff]]:
        """The handoffs that ended at or after `since`, oldest first."""
        await self._begin()
        first = bisect_left(self._closed, rows.micros(since), key=lambda one: one[0])
        return [(conversation, codec.decode(Handoff, data)) for _, conversation, data in self._closed[first:]]

    async def recent(self, limit: int, *, before: datetime | None = None) -> Sequence[tuple[datetime, Conversation]]:
        """The conversations where something happened last, newest first, and when."""
        await self._begin()
        until = None if before is None else rows.micros(before)
        touched = [one for one in self._lanes.values() if one.touched and (until is None or one.touched < until)]
        newest = nlargest(rows.at_most(limit), touched, key=lambda lane: lane.touched)
        return [(rows.moment(lane.touched), rows.read_conversation(lane.state, lane.id)) for lane in newest]

    # ── the shelf ───────────────────────────────────────────────────────────────────────────────────────────────────

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
        """Keep a value; False when `only_new` and the key is there."""
        rows.check_shelf(shelf, key)
        expires = None if expires_at is None else rows.micros(expires_at)
        now = await self._begin()
        if only_new and self._on_shelf(shelf, key, now) is not None:
            return False
        self._shelf[shelf, key] = (value, expires)
        self._abouts[shelf, key] = about
        return True

    async def kept(self, shelf: str, key: str) -> bytes | None:
        """The value under a key."""
        rows.check_shelf(shelf)
        return self._on_shelf(shelf, key, await self._begin())

    async def on_shelf(self, shelf: str, *, prefix: str = "", limit: int = 10_000) -> Mapping[str, bytes]:
        """The values whose keys begin with `prefix`, in the order of the keys."""
        rows.check_shelf(shelf)
        now = await self._begin()
        keys = sorted(key for on, key in self._shelf if on == shelf and key.startswith(prefix))
        found = {key: value for key in keys if (value := self._on_shelf(shelf, key, now)) is not None}
        return dict(islice(found.items(), max(limit, 0)))

    async def take_off(self, shelf: str, key: str) -> bytes | None:
        """Remove a value and return it."""
        rows.check_shelf(shelf)
        value = self._on_shelf(shelf, key, await self._begin())
        self._shelf.pop((shelf, key), None)
        self._abouts.pop((shelf, key), None)
        return value

    def _on_shelf(self, shelf: str, key: str, now: int) -> bytes | None:
        value, expires = self._shelf.get((shelf, key), (None, None))
        return value if expires is None or now < expires else None

    # ── people, dialogs, what was given up ──────────────────────────────────────────────────────────────────────────

    async def profile(self, profile_id: str) -> Profile | None:
        """A profile by its id."""
        await self._begin()
        data = self._profiles.get(profile_id)
        return None if data is None else codec.decode(Profile, data)

    async def positions(self) -> Mapping[tuple[str, int, str], int]:
        """How many open dialog positions stand where."""
        await self._begin()
        standing = Counter[tuple[str, int, str]]()
        for lane in self._lanes.values():
            standing_there = rows.read_conversation(lane.state, lane.id).positions
            for one in (each for top in standing_there for each in top.stack):
                standing[one.dialog, one.version, one.state] += 1
        return dict(standing)

    async def standing(self, limit: int, *, after: ConversationId | None = None) -> Sequence[Conversation]:
        """The conversations where a dialog is open, by channel and id."""
        await self._begin()
        behind = ("", "") if after is None else (after.channel, after.id)
        found = sorted(
            (one for one in self._lanes if (one.channel, one.id) > behind), key=lambda one: (one.channel, one.id)
        )
        states = (rows.read_conversation(self._lanes[one].state, one) for one in found)
        return list(islice((one for one in states if one.positions), max(limit, 0)))

    async def failed(self, limit: int) -> Sequence[Failed]:
        """What was given up, newest first."""
        await self._begin()
        found: list[tuple[int, Failed]] = []
        for row in self._outbox.values():
            if row.state in {"failed", "held"}:
                send = rows.read_send(row.body, row.attempts, row.uncertain)
                insort(found, (row.finished, _failed_send(row, send)), key=lambda one: one[0])
        for one in self._parked.values():
            event = rows.read_event(one.event, one.conversation, one.seq, rows.moment(one.at))
            insort(found, (one.at, _failed_event(one, event)), key=lambda one: one[0])
        return [one for _, one in reversed(found)][: max(limit, 0)]

    async def replay(self, keys: Sequence[str]) -> int:
        """Put given-up events and sends back in line, as new tries."""
        now = await self._begin()
        return sum(self._replay_event(key, now) or self._replay_send(key, now) for key in dict.fromkeys(keys))

    def _replay_event(self, key: str, now: int) -> bool:
        parked = self._parked.pop(key, None)
        if parked is None:
            return False
        lane = self._lane(parked.conversation)
        seq = self._append(lane, parked.event, now)
        lane.once |= {(seq, name): value for name, value in parked.once.items()}
        for one in lane.log:
            if one.seq == parked.seq and one.line.key.startswith(rows.SAID):
                one.seq = seq
        for seen, (when, at) in self._seen.items():
            if seen[0] == parked.conversation and at == parked.seq:
                self._seen[seen] = (when, seq)
        return True

    def _replay_send(self, key: str, now: int) -> bool:
        row = self._outbox.get(key.removeprefix("send:")) if key.startswith("send:") else None
        if row is None or row.state not in {"failed", "held"}:
            return False
        if row.by in {"bot", RECALLED} and not row.to[1] and self._lane(row.to[0]).handed is not None:
            return False  # a person speaks there
        send = codec.decode(Send, row.body)
        again = evolve(send, expires_at=rows.moment(now) + (send.expires_at - rows.moment(row.written)))
        del self._outbox[row.key]
        self._write([(again, codec.encode(again))], now)
        return True

    async def accounts(self, event_id: str, *, conversation: ConversationId | None = None) -> Sequence[Account]:
        """What happened to the events with this id, newest last."""
        await self._begin()
        lanes = [lane for lane in self._lanes.values() if conversation in (None, lane.id)]
        found = [one for lane in lanes for one in self._accounts(lane, event_id)]
        return sorted(found, key=lambda one: (one.accepted_at, one.seq))

    def _accounts(self, lane: _Lane, event_id: str) -> Iterator[Account]:
        told = {one.seq for one in lane.ended}
        for index, one in enumerate(lane.ended):
            event = rows.read_event(one.event, lane.id, one.seq, one.accepted)
            if event.id == event_id:
                before = _state_before(lane, index)
                yield Account(
                    event=event,
                    seq=one.seq,
                    state="failed" if one.failed else "handled",
                    accepted_at=one.accepted,
                    ended_at=rows.moment(one.at),
                    outcome=one.outcome,
                    handler=one.handler,
                    error=one.error,
                    attempts=one.attempts,
                    took=one.took,
                    before=before,
                    after=before if one.state is None else rows.read_conversation(one.state, lane.id),
                    sends=self._sends_of(lane.id, one.seq),
                )
        for parked in self._parked.values():
            if parked.conversation == lane.id and parked.seq not in told:
                event = rows.read_event(parked.event, lane.id, parked.seq, rows.moment(parked.at))
                if event.id == event_id:
                    yield rows.parked_account(
                        event, parked.seq, parked.at, parked.error, parked.attempts, self._sends_of(lane.id, parked.seq)
                    )
        for seq, (at, data) in enumerate(lane.inbox, lane.done + 1):
            event, first = rows.read_event(data, lane.id, seq, at), seq == lane.done + 1
            if event.id == event_id:
                yield Account(
                    event=event,
                    seq=seq,
                    state="waiting",
                    accepted_at=at,
                    attempts=lane.attempts if first else 0,
                    error=lane.error if first else "",
                    before=rows.read_conversation(lane.state, lane.id) if first else None,
                    sends=self._sends_of(lane.id, seq),
                )

    def _sends_of(self, conversation: ConversationId, seq: int) -> tuple[SendAccount, ...]:
        """The rows of the outbox that the event at `seq` wrote."""
        first, _ = rows.keys_of(conversation, seq)
        return tuple(
            rows.send_account(
                row.body, row.attempts, row.uncertain, row.state, row.written, row.finished, row.platform_id, row.reason
            )
            for key, row in self._outbox.items()
            if key.startswith(first) and row.to[0] == conversation
        )

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
        """Forget what is finished and older than `before`, and handoffs that ended before `handoffs`."""
        now = await self._begin()
        limit = rows.micros(before)
        parked = {(one.conversation, one.seq) for one in self._parked.values()}
        old = [
            key
            for key, (when, seq) in self._seen.items()
            if when < limit and seq <= self._lanes[key[0]].done and (key[0], seq) not in parked
        ]
        sent = [
            row.key
            for row in self._outbox.values()
            if row.state in {"sent", "withdrawn"} and row.finished < limit and not self._lanes[row.to[0]].inbox
        ]
        for key in old:
            del self._seen[key]
        expired = [one for one, (_, at) in self._shelf.items() if at is not None and at <= min(now, limit)]
        for one in sent:
            del self._outbox[one]
        for place in expired:
            del self._shelf[place]
            self._abouts.pop(place, None)
        over = 0 if handoffs is None else bisect_left(self._closed, rows.micros(handoffs), key=lambda one: one[0])
        del self._closed[:over]
        forgotten = len(old) + len(sent) + len(expired) + over + self._purge_accounts(accounts)
        return forgotten + self._forget_personal(now, log, failed, conversations)

    def _purge_accounts(self, before: datetime | None) -> int:
        forgotten = 0
        for lane in self._lanes.values() if before is not None else ():
            kept = [one for one in lane.ended if before is None or one.at >= rows.micros(before)]
            forgotten += len(lane.ended) - len(kept)
            lane.ended = kept
        return forgotten

    async def stats(self) -> Stats:
        """Counts."""
        now = await self._begin()
        lanes = self._lanes.values()
        free = [lane for lane in lanes if lane.inbox and (lane.epoch is None or lane.until <= now)]
        return Stats(
            conversations=len(lanes),
            accepted=self._accepted,
            oldest_waiting=min((lane.inbox[0][0] for lane in lanes if lane.inbox), default=None),
            waiting=sum(len(lane.inbox) for lane in lanes),
            ready=sum(1 for lane in free if not lane.retrying or lane.ready_at <= now),
            claimed=sum(1 for lane in self._held.values() if lane.until > now),
            failed=len(self._parked),
            sends=dict(Counter(row.state for row in self._outbox.values())),
            sends_ready=sum(1 for queue in self._queues.values() if queue[0].ready_at <= now),
            timers=len(self._timers),
            turns=self._turns,
            oldest=self._oldest(),
        )

    async def check(self) -> Sequence[str]:
        """What is wrong with what it holds."""
        await self._begin()
        return [
            *(problem for lane in self._lanes.values() for problem in self._wrong_in(lane)),
            *(f"{row.key}: an open row that nobody would take" for row in self._outbox.values() if self._stuck(row)),
            *(f"{one.key}: a failed event that is not done" for one in self._parked.values() if self._undone(one)),
        ]

    def _wrong_in(self, lane: _Lane) -> Iterator[str]:
        numbered = enumerate(lane.log, lane.forgotten + 1)
        if lane.keys != {one.line.key: number for number, one in numbered if one.line.key}:
            yield f"{lane.id}: the keys of its log do not fit its entries"
        shown = [one.public for one in lane.log if one.public]
        if shown != list(range(lane.shown + 1 - len(shown), lane.shown + 1)):
            yield f"{lane.id}: the public numbers of its log have gaps"
        if lane.inbox and lane.epoch is None and not any(one[2] is lane for one in (*self._ready, *self._resting)):
            yield f"{lane.id}: {len(lane.inbox)} events wait, and nobody would claim it"

    def _stuck(self, row: _Row) -> bool:
        return row.open and row not in self._queues.get(row.to, ())

    def _undone(self, one: _Parked) -> bool:
        return one.conversation not in self._lanes or one.seq > self._lanes[one.conversation].done


def _ended(lane: _Lane, now: int, turn: Committed, state: bytes) -> _Ended:
    accepted, event = lane.inbox[0]
    return _Ended(
        seq=turn.seq,
        accepted=accepted,
        at=now,
        outcome=turn.outcome,
        handler=turn.handler,
        error=turn.error or lane.error,
        failed=bool(turn.error),
        attempts=lane.attempts + 1,
        took=turn.took,
        event=event,
        state=state,
    )


def _given_up(lane: _Lane, now: int, error: str) -> _Ended:
    accepted, event = lane.inbox[0]
    return _Ended(
        seq=lane.done + 1,
        accepted=accepted,
        at=now,
        outcome="failed",
        handler="",
        error=error,
        failed=True,
        attempts=lane.attempts,
        took=0.0,
        event=event,
        state=None,
    )


def _state_before(lane: _Lane, index: int) -> Conversation | None:
    """What the turn before left; None when that is not known any more."""
    seq = lane.ended[index].seq
    for one in reversed(lane.ended[:index]):
        if one.seq != seq - 1:
            return None
        if one.state is not None:
            return rows.read_conversation(one.state, lane.id)
        seq = one.seq
    return Conversation(id=lane.id) if seq == 1 else None


def _logged(number: int, one: _Logged) -> Logged:
    return Logged(number=number, public=one.public, entry=codec.decode(Entry, one.line.data))


def _failed_send(row: _Row, send: Send) -> Failed:
    return Failed(
        key=rows.send_key(row.key),
        conversation=send.conversation,
        at=rows.moment(row.finished),
        error=row.reason,
        attempts=row.attempts,
        what=send,
    )


def _failed_event(parked: _Parked, event: Event) -> Failed:
    return Failed(
        key=parked.key,
        conversation=parked.conversation,
        at=rows.moment(parked.at),
        error=parked.error,
        attempts=parked.attempts,
        what=event,
    )
