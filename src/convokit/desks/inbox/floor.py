"""The inbox for the time of one run: what all pages share, kept in step with the store by the run's hints."""

import json
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

import anyio
import msgspec
from anyio.abc import TaskGroup
from attrs import define, evolve, field

from convokit.abc import Attendance, Hint, Run
from convokit.conversations import Conversation, ConversationId, Logged
from convokit.desks.inbox import people
from convokit.desks.inbox.boards import Board
from convokit.desks.inbox.entries import Json, owner_of, stamp
from convokit.desks.inbox.hours import Queue
from convokit.desks.inbox.people import Operator
from convokit.desks.inbox.presence import LINGERS, STATUSES, Presence, Status, there
from convokit.desks.inbox.threads import TAIL, Promises, Thread, looks_official, row_of
from convokit.desks.inbox.waits import Waits
from convokit.errors import StoreUnavailable
from convokit.events import Event, HandoffTransferred
from convokit.people import User
from convokit.wire import codec
from convokit.wire.live import Line

logger = logging.getLogger(__name__)

QUEUES_OF = "inbox-queues"
"""The shelf of the queue that each conversation belongs to, while it waits and after."""
TAGS = "inbox-tags"
STATUS = "operator-status"
STAFFED = "inbox-staffed"
"""The shelf of how many operators were there, by hour."""
STAFFED_FOR = timedelta(days=8)
MARKS = "marks"
"""The shelf of how far customers and operators have read, in public numbers."""
CONTEXT = "context"
"""The shelf of what a channel last said of the circumstances of a conversation."""

MOST_THREADS = 3000
FIRST_THREADS = 1000
LAST_QUEUES_FOR = timedelta(days=30)
MOST_ANSWERS = 20_000
MOST_CONVERSATIONS = 1000
MOST_MENTIONS = 5000
MENTIONS = "inbox-mentions"
"""The shelf of whom a note names, by its conversation and key."""
MENTIONS_FOR = timedelta(days=400)
OFFER_FOR = timedelta(seconds=60)
TYPING_FOR = timedelta(seconds=6)
CHECK_EVERY = timedelta(seconds=30)
"""How often pages that say nothing are asked whether they are still signed in."""
NEWEST = 1 << 62
ROWS_EVERY = timedelta(milliseconds=200)
"""How often rows of the lists are told at most; of what changes meanwhile only the latest is."""


class Seat(Protocol):
    """An open page of an operator's, as the floor knows it."""

    operator: Operator
    line: Line
    key: str
    """Names the sign-in; empty where the host's own is used."""
    cursors: dict[ConversationId, int | None]
    """How far each conversation that it has open was sent."""

    async def bring(self, thread: Thread, fresh: Sequence[Logged]) -> None:
        """Send what an open conversation has beyond the page's cursor."""
        ...

    def close_of(self, conversation: ConversationId) -> None:
        """A conversation is no longer this operator's to see."""
        ...

    async def check(self, *, anew: bool = False) -> None:
        """Look again whether the operator is still who they were."""
        ...


@define(eq=False)
class Ask:
    """An offer of a conversation to a colleague, open for 60 seconds."""

    id: str
    conversation: ConversationId
    epoch: int
    giver: Operator
    to: str
    note: str
    until: datetime

    def as_json(self, name: str) -> Json:
        """As the colleague's page reads it."""
        return {
            "t": "offer",
            "id": self.id,
            "conv": str(self.conversation),
            "name": name,
            "from": {"id": self.giver.id, "name": self.giver.name},
            "note": self.note,
            "until": stamp(self.until),
        }


@define(eq=False)
class Look:
    """A page that has a conversation before its operator's eyes; `typing` is "", "reply" or "note"."""

    typing: str = ""
    until: datetime | None = None


@define(eq=False)
class Awaited:
    """A turn that somebody waits for."""

    done: anyio.Event
    outcome: str = ""


@define(eq=False)
class Floor:
    """What all pages share for one run.

    Args:
        run: The run.
        queues: The named queues by id.
        promises: Within how long customers are answered.
        silence: As the desk's.
        disconnected: How long an operator may be gone before their conversations go back to the queue.
        target: How many should wait at most; shown beside the figures.
    """

    run: Run
    queues: Mapping[str, Queue]
    promises: Promises
    silence: timedelta | None
    disconnected: timedelta
    target: int | None = None
    threads: dict[ConversationId, Thread] = field(factory=dict)
    people: dict[str, Presence] = field(factory=dict)
    boards: dict[str, Board] = field(factory=dict)
    pages: set[Seat] = field(factory=set)
    opened: dict[ConversationId, set[Seat]] = field(factory=dict)
    looks: dict[ConversationId, dict[Seat, Look]] = field(factory=dict)
    offers: dict[str, Ask] = field(factory=dict)
    waiting: dict[str, set[ConversationId]] = field(factory=dict)
    answers: "OrderedDict[str, Json]" = field(factory=OrderedDict)
    answers_rev: int = field(factory=lambda: secrets.randbelow(1 << 40))
    tasks: TaskGroup | None = None
    ready: anyio.Event = field(factory=anyio.Event)
    _dirty: "dict[ConversationId, bool]" = field(factory=dict)
    """What to look at anew; True: its state may be another one, False: only its log has grown."""
    _shown: dict[ConversationId, bytes] = field(factory=dict)
    _stale: "dict[ConversationId, None]" = field(factory=dict)
    _moved: anyio.Event = field(factory=anyio.Event)
    waits: Waits = field(factory=Waits)
    _attended: dict[ConversationId, tuple[bool, datetime | None]] = field(factory=dict)
    """What was told of an empty desk, for each conversation that waits."""
    _mentions: "OrderedDict[str, tuple[str, ...]]" = field(factory=OrderedDict)
    _locks: "WeakValueDictionary[ConversationId, anyio.Lock]" = field(factory=WeakValueDictionary)
    _counted: "dict[ConversationId, tuple[str, bool, str]]" = field(factory=dict)
    _stirred: anyio.Event = field(factory=anyio.Event)
    _alarm: anyio.Event = field(factory=anyio.Event)
    _awaited: dict[str, Awaited] = field(factory=dict)
    _crowd: tuple[Any, ...] = ()
    _counts: tuple[Any, ...] = ()
    _checked: datetime | None = None
    _started: datetime | None = None
    _staffed: dict[datetime, tuple[int, int]] = field(factory=dict)
    """The most operators that took conversations in an hour, and how many at its last change."""

    # ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def work(self) -> None:
        """Keep in step with the store until cancelled."""
        stop = self.run.watch(self._told)
        try:
            async with anyio.create_task_group() as tasks:
                self._started = self.now
                await self._patiently(self._gather)
                self.tasks = tasks
                self.ready.set()
                self._move()
                tasks.start_soon(self._watch_the_clock)
                tasks.start_soon(self._show_rows)
                await self._keep_in_step()
        finally:
            stop()
            self.tasks = None
            for page in list(self.pages):
                page.line.push({"t": "goodbye", "retry_ms": 500, "spread_ms": 5000})
                page.line.close(1012, "restart")

    @property
    def now(self) -> datetime:
        """The run's time."""
        return self.run.clock.now()

    async def _patiently(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do something with the store, again until it is there."""
        while True:
            try:
                return await act()
            except StoreUnavailable as problem:
                logger.warning("the inbox waits for the store: %s", problem)
                await self.run.clock.sleep_until(self.now + timedelta(seconds=1))

    async def _gather(self) -> None:
        store, now = self.run.store, self.now
        for account in await people.accounts(store):
            self.meet(account.operator)
        for operator_id, kept in (await store.on_shelf(STATUS)).items():
            if operator_id in self.people:
                self.people[operator_id].status = _status(kept.decode())
        for key, kept in (await store.on_shelf(STAFFED)).items():
            most, last = json.loads(kept)
            self._staffed[datetime.fromisoformat(key)] = (int(most), int(last))
        closed = await store.closed_handoffs(now - LAST_QUEUES_FOR)
        self.waits.count_all([handoff for _, handoff in closed][-MOST_CONVERSATIONS:])
        queues = {conversation: handoff.queue for conversation, handoff in closed}
        queues |= {ConversationId.parse(key): kept.decode() for key, kept in (await store.on_shelf(QUEUES_OF)).items()}
        known = {one.id: (at, one) for at, one in reversed(await store.recent(FIRST_THREADS))}
        known |= {one.id: (now, one) for one in await store.handed_over() if one.id not in known}
        for at, conversation in known.values():
            thread = Thread(conversation=conversation, at=at, queue=queues.get(conversation.id, ""))
            self.threads[conversation.id] = thread
            await self.refresh(conversation.id)
            thread.at = at

    def _told(self, hint: Hint) -> None:
        """What the run tells; called in between everything else."""
        if hint.topic == "log":
            self.stir(hint.conversation, state=bool(hint.event))
            awaited = self._awaited.get(_turn(hint.conversation, hint.event)) if hint.event else None
            if awaited is not None:
                awaited.outcome = hint.outcome
                awaited.done.set()
        elif hint.topic == "typing" and hint.data.get("by") != "operator" and hint.data.get("on"):
            who = {"by": str(hint.data.get("by")), "name": str(hint.data.get("name", ""))}
            self._to_open(hint.conversation, {"t": "typing", "conv": str(hint.conversation), **who, "ttl": 6000})
        elif hint.topic == "presence" and hint.data.get("by") == "user":
            self._came_or_went(hint)
        elif hint.topic == "marks" and hint.data.get("by") == "user" and self.tasks is not None:
            self.tasks.start_soon(self._marked, hint.conversation, "user", hint.data.get("seen"))

    def _came_or_went(self, hint: Hint) -> None:
        thread = self.threads.get(hint.conversation)
        if thread is not None:
            thread.gone_at = None if hint.data.get("on") else self.now
            self.show(thread)

    def stir(self, conversation: ConversationId, *, state: bool = True) -> None:
        """Look at a conversation anew; without `state` only its log has grown."""
        self._dirty[conversation] = state or self._dirty.get(conversation, False)
        self._stirred.set()

    async def _keep_in_step(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred = anyio.Event()
            dirty, self._dirty = self._dirty, {}
            for conversation, state in dirty.items():
                await self._patiently(partial(self.refresh, conversation, state=state))
            self._move()
            self._evict()

    def _move(self) -> None:
        self._moved.set()

    async def _show_rows(self) -> None:
        """Tell the lists' changes: the first at once, those that follow it together."""
        while True:
            await self._moved.wait()
            if self.show_rows():
                self._moved = anyio.Event()
            await self.run.clock.sleep_until(self.now + ROWS_EVERY)

    def show_rows(self) -> bool:
        """Tell the pages what changed in their lists, and who is there. False: some page does not keep up."""
        told = self._show_stale()
        self._tell_counts()
        self._tell_attendance()
        return told

    def _show_stale(self) -> bool:
        stale, self._stale = self._stale, {}
        changed = []
        for key in stale:
            thread = self.threads.get(key)
            row = msgspec.json.encode(self.row(thread)) if thread is not None else b""
            if row and self._shown.get(key) != row:
                self._shown[key] = row
                changed.append(key)
        told = [board.show(changed, self.threads, self._shown) for board in self.boards.values()]
        return all(told)

    def _evict(self) -> None:
        """Let go of conversations where nothing happened for longest, once there are many."""
        if len(self.threads) <= MOST_THREADS:
            return
        idle = [one for one in self.threads.values() if one.conversation.handoff is None and one.id not in self.opened]
        idle.sort(key=lambda one: one.at)
        for thread in idle[: len(self.threads) - MOST_THREADS * 9 // 10]:
            del self.threads[thread.id]
            self._shown.pop(thread.id, None)
            self._counted.pop(thread.id, None)
            for board in self.boards.values():
                for name in board.sheets:
                    board.drop(thread.id, name)

    # ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────

    async def refresh(self, key: ConversationId, *, state: bool = True) -> None:
        """Read what is new in a conversation, and tell the pages; without `state` only its log.

        Raises:
            StoreUnavailable: It could not be read.
        """
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = anyio.Lock()
        async with lock:
            await self._read(key, state=state)

    async def _read(self, key: ConversationId, *, state: bool) -> None:
        store = self.run.store
        thread = self.threads.get(key)
        conversation = await store.load(key) if state or thread is None else thread.conversation
        if thread is None or not thread.log:
            log = await store.log(key, before=NEWEST, limit=TAIL)
        else:
            log = await store.log(key, after=thread.head)
            if log.id != thread.log:
                log = await store.log(key, before=NEWEST, limit=TAIL)
        if conversation is None:
            if not log.entries:
                return
            conversation = _accepted(key, log.entries)
        if thread is None:
            kept = await store.kept(QUEUES_OF, str(key))
            at = log.entries[-1].entry.at if log.entries else self.now
            thread = Thread(conversation=conversation, at=at, queue=kept.decode() if kept else "")
        if not thread.log:
            tags = await store.kept(TAGS, str(key))
            thread.tags = tuple(json.loads(tags)) if tags else ()
            await self._read_marks(thread, log.id)
        fresh = list(thread.take_in(log))
        while log.entries and thread.head < log.head:
            log = await store.log(key, after=thread.head)
            fresh += thread.take_in(log)
        before, thread.conversation = thread.conversation, conversation
        last = thread.last
        thread.mentioned = await self.mentioned_in(key, last.key) if last is not None and last.kind == "note" else ()
        lease = conversation.handoff
        self.waits.count(lease)
        if lease is not None and (lease.queue != thread.queue or before.handoff is None):
            thread.queue = lease.queue
            await store.keep(QUEUES_OF, str(key), lease.queue.encode(), about=str(key))
        self.threads[key] = thread
        self._count(thread)
        if before.epoch != conversation.epoch or owner_of(before.handoff) != owner_of(lease):
            self._tell_lease(thread, fresh)
        await self._pass_on(thread, fresh)
        self.show(thread)

    async def _read_marks(self, thread: Thread, log: str) -> None:
        kept = await self.run.store.kept(MARKS, str(thread.id))
        marks = _marks(kept)
        thread.log = log
        for who in ("user", "operator"):
            thread.read[who] = await self.number_of(thread.id, marks[who].get("seen", 0))

    async def mentioned_in(self, conversation: ConversationId, key: str) -> tuple[str, ...]:
        """The ids of the operators whom a note names."""
        name = f"{conversation} {key}"
        if name not in self._mentions:
            kept = await self.run.store.kept(MENTIONS, name)
            self._mentions[name] = tuple(json.loads(kept)) if kept else ()
            if len(self._mentions) > MOST_MENTIONS:
                self._mentions.popitem(last=False)
        return self._mentions[name]

    async def mention(self, conversation: ConversationId, key: str, operators: Sequence[str]) -> None:
        """Keep whom a note names, before it is written."""
        name = f"{conversation} {key}"
        value = codec.encode(list(operators))
        until = self.now + MENTIONS_FOR
        await self.run.store.keep(MENTIONS, name, value, expires_at=until, about=str(conversation))
        self._mentions[name] = tuple(operators)

    async def number_of(self, conversation: ConversationId, public: int) -> int:
        """The number among all entries of a public number."""
        if public <= 0:
            return 0
        log = await self.run.store.log(conversation, before=public + 1, limit=1, public=True)
        return log.entries[-1].number if log.entries else 0

    async def _pass_on(self, thread: Thread, fresh: Sequence[Logged]) -> None:
        for page in list(self.opened.get(thread.id, ())):
            if not self.sees(page.operator, thread):
                page.close_of(thread.id)
            else:
                await page.bring(thread, fresh)

    def lease_until(self, conversation: Conversation) -> datetime | None:
        """When an operator who stays silent loses the conversation."""
        lease = conversation.handoff
        if lease is None or not lease.operator or lease.unanswered_since is None or self.silence is None:
            return None
        return lease.unanswered_since + self.silence

    def _tell_lease(self, thread: Thread, fresh: Sequence[Logged]) -> None:
        changes = [one.entry.kind for one in fresh if one.entry.kind not in {"said", "note"}]
        frame = {
            "t": "lease",
            "conv": str(thread.id),
            "epoch": thread.conversation.epoch,
            "owner": owner_of(thread.conversation.handoff),
            "until": stamp(self.lease_until(thread.conversation)),
            "why": changes[-1] if changes else "",
        }
        self._to_open(thread.id, frame)
        for offer in [one for one in self.offers.values() if one.conversation == thread.id]:
            if offer.epoch != thread.conversation.epoch and offer.to != thread.owner:
                self.end_offer(offer, "expired")

    def _to_open(self, conversation: ConversationId, frame: Json, *, but: Seat | None = None) -> None:
        for page in list(self.opened.get(conversation, ())):
            if page is not but:
                page.line.push(frame)

    def show(self, thread: Thread) -> None:
        """Have the pages told a conversation's row soon, if it has changed."""
        self._stale[thread.id] = None
        self._move()

    def row(self, thread: Thread) -> Json:
        """A conversation's row."""
        return row_of(thread, self.promises, self.here(thread.id), self._looks_official)

    def _looks_official(self, name: str) -> bool:
        return looks_official(name, [self.run.name, *(one.operator.name for one in self.people.values())])

    def sees(self, operator: Operator, thread: Thread) -> bool:
        """Whether a conversation is this operator's to see."""
        return operator.sees(thread.queue) or thread.owner == operator.id

    async def thread(self, operator: Operator, conversation: ConversationId) -> Thread | None:
        """The conversation, read from the store where it is not known; None when it is not there or not theirs."""
        if conversation not in self.threads:
            await self.refresh(conversation)
        thread = self.threads.get(conversation)
        return thread if thread is not None and self.sees(operator, thread) else None

    def _count(self, thread: Thread) -> None:
        standing = (thread.queue, thread.waiting, thread.owner)
        if self._counted.get(thread.id) == standing:
            return
        self._counted[thread.id] = standing
        for name, members in self.waiting.items():
            if name != thread.queue or not thread.waiting:
                members.discard(thread.id)
        if thread.waiting:
            self.waiting.setdefault(thread.queue, set()).add(thread.id)
        for one in self.people.values():
            if one.operator.id != thread.owner:
                one.owned.discard(thread.id)
        if thread.owner:
            self._count_owned(thread)

    def _count_owned(self, thread: Thread) -> None:
        if thread.owner not in self.people:
            lease = thread.conversation.handoff
            with suppress(ValueError):
                self.meet(Operator(id=thread.owner, name=(lease.operator_name if lease else "") or thread.owner))
        one = self.people.get(thread.owner)
        if one is not None and thread.id not in one.owned:
            one.owned.add(thread.id)
            self._alarm.set()

    # ── who is there ────────────────────────────────────────────────────────────────────────────────────────────────

    def meet(self, operator: Operator) -> Presence:
        """Know an operator, with the rights that they have now."""
        one = self.people.get(operator.id)
        if one is None:
            one = self.people[operator.id] = Presence(operator=operator, gone_at=self._started or self.now)
        elif one.operator != operator:
            one.operator = operator
        return one

    def join(self, page: Seat) -> Board:
        """A page of an operator's is there: it finds its lists as they are now."""
        self._show_stale()
        one = self.meet(page.operator)
        one.lines += 1
        one.ever = True
        self.pages.add(page)
        board = self.boards.get(page.operator.id)
        if board is None or board.operator != page.operator:
            board = self.boards[page.operator.id] = Board(operator=page.operator)
            board.fill(self.threads)
        board.lines.add(page.line)
        self._alarm.set()
        self._move()
        return board

    def leave(self, page: Seat) -> None:
        """A page of an operator's is gone."""
        if page not in self.pages:
            return
        self.pages.discard(page)
        for board in self.boards.values():
            board.lines.discard(page.line)
        for conversation in list(self.looks):
            self.look(page, conversation, on=False)
        one = self.people[page.operator.id]
        one.lines -= 1
        if one.lines == 0:
            one.gone_at = self.now
        self._move()
        self._alarm.set()

    async def set_status(self, operator: Operator, status: Status) -> None:
        """An operator says how they are."""
        self.meet(operator).status = status
        await self.run.store.keep(STATUS, operator.id, status.encode())
        self._move()

    def operators(self) -> list[Json]:
        """Everybody, by name."""
        everybody = sorted(self.people.values(), key=lambda one: one.operator.name)
        return [one.as_json(self.now) for one in everybody]

    def queues_of(self, operator: Operator) -> list[Json]:
        """The queues that an operator sees, and how many wait there."""
        known = dict.fromkeys([*self.queues, *(name for name, members in self.waiting.items() if members)])
        return [
            {
                "id": name,
                "name": self.queues[name].name or name if name in self.queues else name,
                "waiting": len(self.waiting.get(name, ())),
                "wait_s": self.waits.expected(name, self.now),
            }
            for name in known
            if operator.sees(name)
        ]

    def _tell_counts(self) -> None:
        """Tell the pages who is there and how many wait, where it has changed."""
        now = self.now
        crowd = tuple(
            (one.operator.id, one.operator.name, one.status, len(one.owned), one.operator.max, one.connected(now))
            for one in self.people.values()
        )
        counts = tuple(sorted((name, len(members)) for name, members in self.waiting.items()))
        if crowd != self._crowd:
            self._crowd = crowd
            self._count_staff(sum(1 for one in self.people.values() if one.takes(now)))
            frame = {"t": "operators", "operators": self.operators()}
            for page in list(self.pages):
                page.line.push(frame)
        if counts != self._counts:
            self._counts = counts
            for page in list(self.pages):
                page.line.push({"t": "queues", "queues": self.queues_of(page.operator)})

    def attendance(self, queue: str) -> Attendance:
        """Who takes conversations of a queue now, how many wait there, and when it opens while it is closed."""
        waiting = len(self.waiting.get(queue, ()))
        known = self.queues.get(queue)
        if known is not None and known.hours is not None and not known.hours.is_open(self.now):
            return Attendance(operators=0, waiting=waiting, opens_at=known.hours.opens_at(self.now))
        return Attendance(operators=there(self.people.values(), queue, self.now), waiting=waiting)

    def _tell_attendance(self) -> None:
        """Tell the channels of who waits that nobody is at the desk, and when somebody is again."""
        found: dict[ConversationId, tuple[bool, datetime | None]] = {}
        for queue, members in self.waiting.items():
            now = self.attendance(queue) if members else Attendance()
            found |= dict.fromkeys(members, (now.staffed, now.opens_at))
        before, self._attended = self._attended, found
        for conversation, (staffed, opens_at) in found.items():
            if before.get(conversation, (True, None)) != (staffed, opens_at):
                told = {"operators": int(staffed), "opens_at": stamp(opens_at)}
                self.run.publish(Hint(conversation=conversation, topic="attendance", data=told))

    def _count_staff(self, level: int) -> None:
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        most, last = self._staffed.get(hour, (self.staffed_at(hour), -1))
        if (max(most, level), level) != (most, last):
            self._staffed[hour] = (max(most, level), level)
            for old in [one for one in self._staffed if one < self.now - STAFFED_FOR]:
                del self._staffed[old]
            if self.tasks is not None:
                self.tasks.start_soon(self._keep_staff, hour)

    async def _keep_staff(self, hour: datetime) -> None:
        with suppress(StoreUnavailable):  # a figure, kept with the next change
            value = codec.encode(self._staffed[hour])
            await self.run.store.keep(STAFFED, hour.isoformat(), value, expires_at=self.now + STAFFED_FOR)

    def staffed_at(self, hour: datetime) -> int:
        """How many operators took conversations in an hour, at most: as after the last change, where there was none."""
        if hour in self._staffed:
            return self._staffed[hour][0]
        before = [one for one in self._staffed if one < hour]
        return self._staffed[max(before)][1] if before else 0

    def pages_of(self, operator_id: str) -> list[Seat]:
        """The open pages of an operator."""
        return [page for page in self.pages if page.operator.id == operator_id]

    def here(self, conversation: ConversationId) -> list[Json]:
        """Who has a conversation before their eyes, each once."""
        found: dict[str, Json] = {}
        for page, look in self.looks.get(conversation, {}).items():
            one = found.setdefault(
                page.operator.id, {"id": page.operator.id, "name": page.operator.name, "typing": False}
            )
            if look.typing:
                one["typing"] = look.typing
        return list(found.values())

    def look(self, page: Seat, conversation: ConversationId, *, on: bool) -> None:
        """A page shows a conversation, or no longer does."""
        looking = self.looks.setdefault(conversation, {})
        if on and page not in looking:
            looking[page] = Look()
        elif not on and page in looking:
            del looking[page]
        else:
            if not looking:
                del self.looks[conversation]
            return
        if not looking:
            del self.looks[conversation]
        self._tell_here(conversation)

    def types(self, page: Seat, conversation: ConversationId, typing: str) -> None:
        """An operator writes a "reply" or a "note", or (empty) no longer does."""
        look = self.looks.setdefault(conversation, {}).setdefault(page, Look())
        changed, look.typing = look.typing != typing, typing
        look.until = self.now + TYPING_FOR if typing else None
        if changed:
            self._tell_here(conversation)
        self._alarm.set()

    def _tell_here(self, conversation: ConversationId) -> None:
        frame = {"t": "here", "conv": str(conversation), "who": self.here(conversation)}
        self._to_open(conversation, frame)
        thread = self.threads.get(conversation)
        if thread is not None:
            self.show(thread)

    # ── marks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _marked(self, conversation: ConversationId, who: str, public: object) -> None:
        thread = self.threads.get(conversation)
        if thread is None or isinstance(public, bool) or not isinstance(public, int):
            return
        try:
            number = await self.number_of(conversation, public)
        except StoreUnavailable:
            return  # the next mark, or the next start, makes up for it
        if number > thread.read[who]:
            thread.read[who] = number
            self._to_open(conversation, {"t": "seen", "conv": str(conversation), "by": who, "seq": number})
            self.show(thread)

    async def mark(self, thread: Thread, number: int) -> None:
        """The operator who has a conversation has seen it up to a number."""
        log = await self.run.store.log(thread.id, before=number + 1, limit=TAIL)
        public = max((one.public for one in log.entries), default=0)
        if number <= thread.read["operator"]:
            return
        thread.read["operator"] = min(number, log.head)
        self._to_open(thread.id, {"t": "seen", "conv": str(thread.id), "by": "operator", "seq": number})
        self.show(thread)
        if public:
            marks = _marks(await self.run.store.kept(MARKS, str(thread.id)))
            marks["operator"]["seen"] = max(marks["operator"].get("seen", 0), public)
            await self.run.store.keep(MARKS, str(thread.id), codec.encode(marks), about=str(thread.id))
            self.run.publish(
                Hint(conversation=thread.id, topic="marks", data={"by": "operator", "seen": marks["operator"]["seen"]})
            )

    # ── turns ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def expect(self, event: Event) -> Awaited:
        """Notice when the turn of this event is over, from before it is handed in; `forget` it after."""
        return self._awaited.setdefault(_turn(event.conversation, event.id), Awaited(done=anyio.Event()))

    def forget(self, event: Event) -> None:
        """Notice no longer."""
        self._awaited.pop(_turn(event.conversation, event.id), None)

    def remember(self, event_id: str, answer: Json) -> None:
        """Keep what a command was answered, for when it is repeated."""
        self.answers[event_id] = answer
        if len(self.answers) > MOST_ANSWERS:
            self.answers.popitem(last=False)

    # ── offers, and what time ends ──────────────────────────────────────────────────────────────────────────────────

    def offer(self, ask: Ask) -> None:
        """Put an offer before a colleague."""
        self.offers[ask.id] = ask
        thread = self.threads.get(ask.conversation)
        user = thread.conversation.user if thread is not None else None
        for page in self.pages_of(ask.to):
            page.line.push(ask.as_json(user.name if user is not None else ""))
        self._alarm.set()

    def end_offer(self, ask: Ask, state: str, by: Operator | None = None) -> None:
        """An offer is over: tell both sides."""
        if self.offers.pop(ask.id, None) is None:
            return
        frame: Json = {"t": "offered", "id": ask.id, "conv": str(ask.conversation), "state": state}
        if by is not None:
            frame["by"] = {"id": by.id, "name": by.name}
        for page in [*self.pages_of(ask.giver.id), *self.pages_of(ask.to)]:
            page.line.push(frame)

    async def _watch_the_clock(self) -> None:
        while True:
            self._alarm = anyio.Event()
            self._ring()
            due = self._next_due()
            if due is None:
                await self._alarm.wait()
                continue
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._until, due, tasks.cancel_scope)
                await self._alarm.wait()
                tasks.cancel_scope.cancel()

    async def _until(self, due: datetime, scope: anyio.CancelScope) -> None:
        await self.run.clock.sleep_until(due)
        scope.cancel()

    def _next_due(self) -> datetime | None:
        now = self.now
        dues = [one.until for one in self.offers.values()]
        for one in self.people.values():
            if one.lines:
                continue
            if one.ever and one.gone_at + LINGERS > now:
                dues.append(one.gone_at + LINGERS)
            if one.owned:
                dues.append(max(one.gone_at + self.disconnected, now + timedelta(seconds=1)))
        dues += [look.until for looking in self.looks.values() for look in looking.values() if look.until is not None]
        if self.pages:
            dues.append((self._checked or now) + CHECK_EVERY)
        return min(dues, default=None)

    def _ring(self) -> None:
        """Do what is due."""
        now = self.now
        for offer in [one for one in self.offers.values() if one.until <= now]:
            self.end_offer(offer, "expired")
        for conversation, looking in list(self.looks.items()):
            late = [one for one in looking.values() if one.until is not None and one.until <= now]
            for look in late:
                look.typing, look.until = "", None
            if late:
                self._tell_here(conversation)
        for one in self.people.values():
            if not one.lines and one.owned and one.gone_at + self.disconnected <= now and self.tasks is not None:
                for conversation in sorted(one.owned, key=str):
                    self.tasks.start_soon(self._take_away, conversation, one)
        if self.pages and self.tasks is not None and now >= (self._checked or now) + CHECK_EVERY:
            self._checked = now
            self.tasks.start_soon(self._check_pages)
        elif self._checked is None or not self.pages:
            self._checked = now
        self._move()

    async def _take_away(self, key: ConversationId, one: Presence) -> None:
        """Put a conversation of an operator who has gone back in its queue."""
        thread = self.threads.get(key)
        lease = thread.conversation.handoff if thread is not None else None
        if thread is None or lease is None or lease.operator != one.operator.id or one.lines:
            return
        event = HandoffTransferred(
            id=f"inbox:gone:{lease.id}:{thread.conversation.epoch}",
            conversation=key,
            at=self.now,
            epoch=thread.conversation.epoch,
        )
        with suppress(StoreUnavailable):  # the clock rings again in a second
            await self.run.accept([event])

    async def _check_pages(self) -> None:
        for page in list(self.pages):
            with suppress(StoreUnavailable):  # asked again in half a minute
                await page.check(anew=True)

    def answers_changed(self) -> None:
        """Tell the pages that saved answers are others now."""
        self.answers_rev += 1
        for page in list(self.pages):
            page.line.push({"t": "answers", "rev": self.answers_rev})

    def sign_out(self, key: str) -> None:
        """Close the lines of a sign-in that has ended."""
        for page in list(self.pages):
            if page.key and page.key == key:
                page.line.close(4401, "signed out")


def _turn(conversation: ConversationId, event_id: str) -> str:
    return f"{event_id} {conversation}"


def _status(text: str) -> Status:
    return STATUSES.get(text, "available")


def _marks(kept: bytes | None) -> dict[str, dict[str, int]]:
    """What the shelf has of a conversation's marks, whoever wrote it."""
    marks: dict[str, dict[str, int]] = {"user": {}, "operator": {}}
    try:
        found = json.loads(kept) if kept else {}
    except ValueError:
        return marks
    for who, given in found.items() if isinstance(found, dict) else ():
        if isinstance(given, dict):
            marks[who] = {
                key: value for key, value in given.items() if isinstance(value, int) and not isinstance(value, bool)
            }
    return marks


def _accepted(key: ConversationId, entries: Sequence[Logged]) -> Conversation:
    """A conversation of which nothing was committed yet."""
    for one in reversed(entries):
        if one.entry.author == "user" and one.entry.by:
            return evolve(Conversation(id=key), user=User(id=one.entry.by, name=one.entry.name))
    return Conversation(id=key)
