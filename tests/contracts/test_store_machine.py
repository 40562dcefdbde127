"""A store under any order of calls, crashes and clock jumps, against a model of forty lines."""

import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from convokit.abc import Account, Committed, Lane, Send, Stats, Store, Timer
from convokit.conversations import Log
from convokit.stores import Memory, SQLite
from convokit.testing.store_contract import LEASE, HandClock, StoreUser, conversation

PEOPLE = st.sampled_from(["ada", "bob", "cem"])
EIGHT_DAYS = timedelta(days=8)


@define
class ModelLane:
    """What a conversation is, as simply as can be said."""

    events: list[str] = field(factory=list)
    """Every id ever appended, by place; the first `done` are handled or given up."""
    done: int = 0
    turns: int = 0
    failed: int = 0
    replayed: int = 0
    epoch: int = 0
    until: Any = None
    """The lease's end; None: free."""
    retry_at: Any = None
    attempts: int = 0

    @property
    def waiting(self) -> list[str]:
        return self.events[self.done :]

    def claimable(self, now: Any) -> bool:
        free = self.until is None or self.until <= now
        return bool(self.waiting) and free and (self.retry_at is None or self.retry_at <= now)

    def moved_on(self) -> None:
        self.done += 1
        self.attempts = 0


@define
class Model:
    """What a store promises."""

    lanes: dict[str, ModelLane] = field(factory=lambda: {name: ModelLane() for name in ("ada", "bob", "cem")})
    seen: dict[tuple[str, str], Any] = field(factory=dict)
    accepted: int = 0
    logs: dict[str, list[tuple[str, bool]]] = field(factory=lambda: {name: [] for name in ("ada", "bob", "cem")})
    """Every log: the keys of its entries in order, and whether each is public."""
    sends: dict[str, str] = field(factory=dict)
    """Outbox rows by key: "waiting", "in flight", "recalled" (in flight at a takeover), "sent", "failed", "withdrawn".

    In the order written.
    """
    uncertain: set[str] = field(factory=set)
    """Rows that may have gone out already: they were in flight at a crash."""
    closed: dict[str, Any] = field(factory=dict)
    """When rows were sent or withdrawn."""
    timers: dict[tuple[str, str], Any] = field(factory=dict)

    def becomes(self, key: str, state: str, now: Any) -> None:
        """A row changes; one that is closed keeps the time."""
        if self.sends[key] != state:
            self.closed[key] = now
        self.sends[key] = state

    def accept(self, name: str, event_id: str, now: Any, *, said: bool = True) -> bool:
        before = self.seen.get((name, event_id))
        if (f"u:{event_id}", True) in self.logs[name] or (before is not None and now - before < EIGHT_DAYS):
            return False
        self.append(name, event_id)
        if said:
            self.logs[name].append((f"u:{event_id}", True))
        else:
            self.seen[name, event_id] = now
        return True

    def enters(self, name: str, *entries: tuple[str, bool]) -> None:
        """Entries of the log; one whose key is there is left as it is."""
        for key, public in entries:
            if key not in dict(self.logs[name]):
                self.logs[name].append((key, public))

    def append(self, name: str, event_id: str) -> None:
        self.lanes[name].events.append(event_id)
        self.accepted += 1

    def heads(self) -> list[str]:
        first: dict[str, str] = {}
        for key, state in self.sends.items():
            if state in {"waiting", "in flight", "recalled"}:
                first.setdefault(key.split(":")[1], key)
        return list(first.values())


class StoreMachine(RuleBasedStateMachine):
    """Drives one store on one event loop; what the model does not expect is a failure."""

    backend = "asyncio"

    def __init__(self) -> None:
        super().__init__()
        self._portal_scope: AbstractContextManager[BlockingPortal] = start_blocking_portal(self.backend)
        self._portal = self._portal_scope.__enter__()
        self._folder = tempfile.TemporaryDirectory()
        self.clock = HandClock()
        self.model = Model()
        self.user = StoreUser(self.make(), self.clock)
        self.held: deque[Lane] = deque(maxlen=12)  # every lane handed out lately: fresh and stale
        self.made = 0
        self.call(self.user.store.open, self.clock)

    def make(self) -> Store:
        raise NotImplementedError

    def path(self) -> Path:
        return Path(self._folder.name) / "bot.db"

    def teardown(self) -> None:
        self.call(self.user.store.close)
        self._portal_scope.__exit__(None, None, None)
        self._folder.cleanup()

    def call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        async def run() -> Any:
            return await function(*args, **kwargs)

        return self._portal.call(run)

    def fresh(self, lane: Lane) -> ModelLane | None:
        """The model's lane when this claim still holds it."""
        mine = self.model.lanes[lane.conversation.id.id]
        return mine if mine.until is not None and mine.epoch == lane.epoch else None

    def one_of_held(self, data: st.DataObject) -> Lane:
        """Mostly a claim that holds, sometimes one that was lost."""
        fresh = [lane for lane in self.held if self.fresh(lane)]
        holds = bool(fresh) and data.draw(st.integers(0, 3)) > 0
        return data.draw(st.sampled_from(fresh if holds else list(self.held)))

    # ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @initialize()
    def a_busy_morning(self) -> None:
        """Work for everybody and two lanes held, so that few steps already mean something."""
        events = [self.user.said("hi", name, event_id=f"first{n}") for name in self.model.lanes for n in range(3)]
        assert all(self.call(self.user.store.accept, events))
        for event in events:
            self.model.accept(event.conversation.id, event.id, self.clock.now())
        self.claims(2)

    @rule(messages=st.lists(st.tuples(PEOPLE, st.integers(0, 9)), min_size=1, max_size=4))
    def webhook(self, messages: list[tuple[str, int]]) -> None:
        """New events, and duplicates of what came before."""
        events = [
            self.user.said("hi", name, event_id=f"m{number}")
            if number % 2
            else self.user.opened(name, event_id=f"m{number}")
            for name, number in messages
        ]
        expected = [
            self.model.accept(name, f"m{number}", self.clock.now(), said=number % 2 == 1) for name, number in messages
        ]
        assert list(self.call(self.user.store.accept, events)) == expected

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        self.claims(limit)

    def claims(self, limit: int) -> None:
        now = self.clock.now()
        for lane in self.model.lanes.values():
            if lane.until is not None and lane.until <= now:
                lane.until = None
        claimable = {name for name, lane in self.model.lanes.items() if lane.claimable(now)}
        lanes = self.call(self.user.claims, limit)
        assert len(lanes) == min(limit, len(claimable))
        for lane in lanes:
            name = lane.conversation.id.id
            mine = self.model.lanes[name]
            assert name in claimable
            assert lane.epoch > mine.epoch
            assert lane.attempts == mine.attempts
            assert lane.conversation.version == mine.turns
            assert [one.event.id for one in lane.events] == mine.waiting[:16]
            assert [one.seq for one in lane.events] == list(range(mine.done + 1, mine.done + 1 + len(lane.events)))
            mine.epoch, mine.until, mine.retry_at = lane.epoch, now + timedelta(seconds=LEASE), None
            self.held.append(lane)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), sends=st.integers(0, 2), withdraw=st.booleans(), emit=st.none() | PEOPLE, timer=st.booleans())
    def commit(self, data: st.DataObject, *, sends: int, withdraw: bool, emit: str | None, timer: bool) -> None:
        """A turn, of a lane that is held or of one that was lost since."""
        if not any(self.fresh(lane) for lane in self.held):
            self.claims(3)
        lane = self.one_of_held(data)
        self.commits(lane, sends=sends, withdraw=withdraw, emit=emit, timer=timer)

    @precondition(lambda self: any(self.fresh(lane) for lane in self.held))
    @rule(data=st.data())
    def commit_too_late(self, data: st.DataObject) -> None:
        """A worker stalls, its lease runs out, another takes the lane, then the first one comes with a turn."""
        lane = data.draw(st.sampled_from([lane for lane in self.held if self.fresh(lane)]))
        self.passes(LEASE + 1)
        self.claims(100)
        self.commits(lane, sends=0, withdraw=False, emit=None, timer=False)

    def commits(self, lane: Lane, *, sends: int, withdraw: bool, emit: str | None, timer: bool) -> None:
        name, seq = lane.conversation.id.id, lane.events[0].seq
        mine = self.fresh(lane)
        valid = mine is not None and mine.done + 1 == seq
        rows = tuple(self.user.send(f"x:{name}:{seq}:{n}", name) for n in range(sends))
        self.made += 1
        emitted = () if emit is None else (self.user.said("emitted", emit, event_id=f"emit{self.made}"),)
        timers = (Timer(conversation=lane.conversation.id, name="t", due=self.clock.now() + timedelta(seconds=40)),)
        turn = Committed(
            epoch=lane.epoch,
            seq=seq,
            conversation=evolve(lane.conversation, version=lane.conversation.version + 1),
            sends=rows,
            withdraw=withdraw,
            emits=emitted,
            timers=timers if timer else (),
            entries=(
                *(self.user.entry(f"b:{seq}:{n}") for n in range(sends)),
                *([self.user.entry(f"o:{seq}", "psst", "note", private=True)] if withdraw else []),
            ),
        )
        assert list(self.call(self.user.store.commit, [turn])) == [valid]
        if valid:
            assert mine is not None
            self._committed(mine, name, rows, withdraw=withdraw)
            self.model.enters(name, *((f"b:{seq}:{n}", True) for n in range(sends)))
            self.model.enters(name, *([(f"o:{seq}", False)] if withdraw else []))
            if emit is not None:
                assert self.model.accept(emit, f"emit{self.made}", self.clock.now())
            if timer:
                self.model.timers[name, "t"] = timers[0].due

    def _committed(self, mine: ModelLane, name: str, rows: tuple[Send, ...], *, withdraw: bool) -> None:
        mine.moved_on()
        mine.turns += 1
        mine.until = None
        if withdraw:
            for key, state in self.model.sends.items():
                if state in {"waiting", "in flight"} and key.split(":")[1] == name:
                    self.model.becomes(key, "withdrawn" if state == "waiting" else "recalled", self.clock.now())
        for row in rows:
            self.model.sends.setdefault(row.key, "waiting")

    @precondition(lambda self: self.held)
    @rule(data=st.data(), pause=st.integers(0, 100), error=st.booleans(), park=st.booleans())
    def release(self, data: st.DataObject, *, pause: int, error: bool, park: bool) -> None:
        """The handler raised, or was cancelled."""
        lane = self.one_of_held(data)
        mine = self.fresh(lane)
        retry_at = self.clock.now() + timedelta(seconds=pause)
        self.call(self.user.store.release, lane, retry_at=retry_at, error="boom" if error else "", park=park)
        if mine is None:
            return
        mine.until = None
        mine.attempts += error
        if park and mine.waiting:
            mine.moved_on()
            mine.failed += 1
        elif pause:
            mine.retry_at = retry_at if not park else None

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        lanes = data.draw(st.lists(st.sampled_from(list(self.held)), max_size=3))
        held = {lane.conversation.id for lane in lanes if self.fresh(lane)}
        assert self.call(self.user.store.renew, lanes, LEASE) == held
        for place in held:
            self.model.lanes[place.id].until = self.clock.now() + timedelta(seconds=LEASE)

    @rule()
    def replay(self) -> None:
        """A human puts all failed events and sends back."""
        failed = self.call(self.user.store.failed, 100)
        assert self.call(self.user.store.replay, [one.key for one in failed]) == len(failed)
        for one in failed:
            name = one.conversation.id
            if isinstance(one.what, Send):
                del self.model.sends[one.what.key]
                self.model.sends[one.what.key] = "waiting"
                self.model.uncertain.discard(one.what.key)
            else:
                self.model.append(name, one.what.id)
                self.model.lanes[name].failed -= 1
                self.model.lanes[name].replayed += 1

    # ── outbox ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def flush(self, data: st.DataObject) -> None:
        """Rows ahead of the turn, whose keys its commit will bring again."""
        lane = self.one_of_held(data)
        name, mine = lane.conversation.id.id, self.fresh(lane)
        seq = lane.events[0].seq
        row, entry = self.user.send(f"x:{name}:{seq}:0", name), self.user.entry(f"b:{seq}:0")
        assert self.call(self.user.store.flush, lane, seq, [row], [entry]) == (mine is not None)
        if mine is not None:
            self.model.sends.setdefault(row.key, "waiting")
            self.model.enters(name, (entry.key, True))

    @rule(limit=st.integers(1, 4))
    def claim_sends(self, limit: int) -> None:
        self.claims_sends(limit)

    @rule()
    def claim_all_sends_and_more(self) -> None:
        """While a row is in flight none after it in its conversation is handed out."""
        self.claims_sends(100)
        self.claims_sends(100)

    def claims_sends(self, limit: int) -> None:
        ready = [key for key in self.model.heads() if self.model.sends[key] == "waiting"]
        sends = self.call(self.user.takes, limit)
        taken = [send.key for send in sends]
        assert len(set(taken)) == len(taken) == min(limit, len(ready))
        assert set(taken) <= set(ready)
        assert {send.key for send in sends if send.uncertain} == self.model.uncertain.intersection(taken)
        for key in taken:
            self.model.sends[key] = "in flight"

    @precondition(lambda self: self.model.sends)
    @rule(data=st.data(), state=st.sampled_from(["sent", "failed", "retry"]))
    def settle(self, data: st.DataObject, state: str) -> None:
        """An answer of the platform, or a late one."""
        self.claims_sends(1)
        flying = [key for key, now in self.model.sends.items() if now in {"in flight", "recalled"}]
        expected = bool(flying) and data.draw(st.integers(0, 3)) > 0
        key = data.draw(st.sampled_from(flying if expected else sorted(self.model.sends)))
        self.call(self.user.settles, key, state)
        before = self.model.sends[key]
        if state == "retry" and before == "recalled":
            self.model.becomes(key, "withdrawn", self.clock.now())
        elif state == "sent" or before in {"in flight", "recalled"}:
            self.model.uncertain -= {key} if state == "retry" else set()
            self.model.becomes(key, state.replace("retry", "waiting"), self.clock.now())

    # ── time and trouble ────────────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def fire(self) -> None:
        due = sorted(name for (name, _), at in self.model.timers.items() if at <= self.clock.now())
        assert self.call(self.user.store.fire_due, 100) == len(due)
        for name in due:
            del self.model.timers[name, "t"]
            lane = self.model.lanes[name]
            event_id = f"timer:t:{len(lane.events) + 1}"
            self.model.seen[name, event_id] = self.clock.now()
            self.model.append(name, event_id)

    @rule(seconds=st.sampled_from([1, 29, 30, 60, 3600, 7 * 86400, 9 * 86400]))
    def time_passes(self, seconds: int) -> None:
        """Any time, from a second to more than ids are remembered."""
        self.passes(seconds)

    def passes(self, seconds: float) -> None:
        """Leases on rows in flight end with it: the model does not follow those, so they are settled first."""
        for key, state in list(self.model.sends.items()):
            if state in {"in flight", "recalled"}:
                self.call(self.user.settles, key, "retry")
                self.model.uncertain.discard(key)
                self.model.becomes(key, "waiting" if state == "in flight" else "withdrawn", self.clock.now())
        self.clock.passes(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 3600]))
    def the_clock_jumps_back(self, seconds: int) -> None:
        self.clock.passes(seconds=-seconds)

    @rule()
    def purge(self) -> None:
        """Ids of finished events older than an hour, and rows that were sent or withdrawn where nothing waits."""
        before = self.clock.now() - timedelta(hours=1)
        self.call(self.user.store.purge, before)
        kept = {(name, one) for name, lane in self.model.lanes.items() for one in lane.waiting}
        failed = {(one.conversation.id, getattr(one.what, "id", "")) for one in self.call(self.user.store.failed, 100)}
        for key, at in list(self.model.seen.items()):
            if at < before and key not in kept and key not in failed:
                del self.model.seen[key]
        for key, state in list(self.model.sends.items()):
            idle = not self.model.lanes[key.split(":")[1]].waiting
            if state in {"sent", "withdrawn"} and self.model.closed[key] < before and idle:
                del self.model.sends[key]

    @rule()
    def crash_and_reopen(self) -> None:
        self.call(self.user.store.close)
        if isinstance(self.user.store, SQLite):
            self.user.store = self.make()
        self.call(self.user.store.open, self.clock)
        for lane in self.model.lanes.values():
            lane.until = None
        for key, state in self.model.sends.items():
            if state in {"in flight", "recalled"}:
                self.model.uncertain.add(key)
                self.model.becomes(key, "waiting" if state == "in flight" else "withdrawn", self.clock.now())

    @rule(name=PEOPLE)
    def somebody_asks_what_became_of_everything(self, name: str) -> None:
        """Each place has one account, of what waits as of what is done; a turn begins where the last one ended."""
        lane = self.model.lanes[name]
        accounts = self.call(self.told, name, sorted(set(lane.events)))
        assert [one.seq for one in accounts] == list(range(1, len(lane.events) + 1))
        assert [one.event.id for one in accounts] == lane.events
        states = [one.state for one in accounts]
        assert states.count("waiting") == len(lane.waiting)
        assert "waiting" not in states[: lane.done]
        assert states.count("failed") == lane.failed + lane.replayed
        for before, one in pairwise(accounts[: lane.done]):
            assert one.before == before.after
        assert list(self.call(self.checks)) == []

    async def told(self, name: str, event_ids: list[str]) -> list[Account]:
        found = [
            one
            for event_id in event_ids
            for one in await self.user.store.accounts(event_id, conversation=conversation(name))
        ]
        return sorted(found, key=lambda one: one.seq)

    async def checks(self) -> Sequence[str]:
        return await self.user.store.check()

    # ── always ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_is_lost_and_nothing_idle_has_work(self) -> None:
        stats, versions = self.call(self.looks)
        now = self.clock.now()
        lanes = self.model.lanes.values()
        assert stats.waiting == sum(len(lane.waiting) for lane in lanes)
        assert stats.failed == sum(lane.failed for lane in lanes)
        assert stats.turns == sum(lane.turns for lane in lanes)
        replayed = sum(lane.replayed for lane in lanes)
        assert stats.accepted == self.model.accepted
        assert self.model.accepted == stats.turns + stats.waiting + stats.failed + replayed
        assert stats.ready == sum(lane.claimable(now) for lane in lanes)
        assert stats.timers == len(self.model.timers)
        outbox = [one.replace("recalled", "in flight") for one in self.model.sends.values()]
        for state in ("waiting", "in flight", "failed", "sent", "withdrawn"):
            assert stats.sends.get(state, 0) == outbox.count(state)
        ready = [key for key in self.model.heads() if self.model.sends[key] == "waiting"]
        assert stats.sends_ready == len(ready)
        assert versions == {name: lane.turns for name, lane in self.model.lanes.items()}

    @invariant()
    def every_log_is_dense_and_has_what_was_said_once(self) -> None:
        for name, expected in self.model.logs.items():
            log, public, said = self.call(self.reads, name)
            assert [(one.entry.key, one.public > 0) for one in log.entries] == expected
            assert [one.number for one in log.entries] == list(range(1, len(expected) + 1))
            shown = [one for one in log.entries if one.public]
            assert [one.public for one in shown] == list(range(1, len(shown) + 1))
            assert all(one.public <= one.number for one in shown)
            assert (log.head, log.public_head) == (len(expected), len(shown))
            assert list(public.entries) == shown
            in_lane = {f"u:{one}": place for place, one in enumerate(self.model.lanes[name].events, 1)}
            places = [(in_lane.get(key) or int(key.split(":")[1]), key) for key in said]
            assert sorted(said) == sorted(one.entry.key for one in log.entries if one.entry.kind == "said")
            assert [place for place, _ in places] == sorted(place for place, _ in places)

    async def reads(self, name: str) -> tuple[Log, Log, list[str]]:
        place, store = conversation(name), self.user.store
        said = [one.key for one in await store.history(place, 1000)]
        return await store.log(place, limit=1000), await store.log(place, limit=1000, public=True), said

    async def looks(self) -> tuple[Stats, dict[str, int]]:
        versions = {}
        for name in self.model.lanes:
            state = await self.user.store.load(conversation(name))
            versions[name] = 0 if state is None else state.version
        return await self.user.counts(), versions


class MemoryMachine(StoreMachine):
    def make(self) -> Store:
        return Memory()


class SQLiteMachine(StoreMachine):
    def make(self) -> Store:
        return SQLite(self.path(), synchronous="NORMAL")


class TrioMachine(SQLiteMachine):
    backend = "trio"


SOME = settings(
    max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
MANY = settings(SOME, max_examples=400, stateful_step_count=60)


@pytest.mark.parametrize("machine", [MemoryMachine, SQLiteMachine])
def test_a_store_does_what_the_model_does(machine: type[StoreMachine]) -> None:
    run_state_machine_as_test(machine, settings=SOME)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [MemoryMachine, SQLiteMachine, TrioMachine])
def test_a_store_does_what_the_model_does_for_long(machine: type[StoreMachine]) -> None:
    run_state_machine_as_test(machine, settings=MANY)
