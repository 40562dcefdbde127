"""Engines and stores with one mistake each: whoever says that the promises hold must find every one of them out.

A mutant is a patch on a seam, put on in one process, and counted: one that no longer fits, or that nothing has come
by, fails the test that uses it. The judges are the torture run (`mutant_victim.py` is its victim), the simulation in
`tests/chance` and the state machine in `tests/contracts`. `MUTANTS` says which of them finds what.
"""

import inspect
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Literal
from weakref import WeakKeyDictionary

import anyio
import pytest
from attrs import define, evolve, field, frozen

from convokit._engine.engine import Engine
from convokit.abc import Committed, Send
from convokit.errors import StoreUnavailable
from convokit.stores import Memory, SQLite, rows
from convokit.stores.sqlite import lanes, outbox
from convokit.wire import codec

WRITE_BEHIND = 0.05
"""Seconds after the 200 at which the mutant that answers too early begins to write."""
NEVER = 250_000_000_000_000_000
"""In microseconds since 1970; the year 9892."""

Where = Literal["engine", "sqlite", "memory"]


class Unfit(Exception):
    """A patch is on nothing: what it was to change is gone, or nobody comes by there."""


@define
class Patches:
    """The patches of one mutant, in this process.

    Args:
        patch: Puts them on, and takes them off.
        told: Called with each patch's name when the first call comes by it.
    """

    patch: pytest.MonkeyPatch
    told: Callable[[str], None] = lambda _: None
    unused: set[str] = field(factory=set)

    def replace(self, owner: Any, name: str, worse: Callable[[Any], Any]) -> None:
        """Put what `worse` makes of a method, or of a module's function, in its place.

        Raises:
            Unfit: There is none of this name.
        """
        where = f"{owner.__name__}.{name}"
        if name not in vars(owner):
            raise Unfit(f"{where} is gone: put the patch where its work is done now")
        made = worse(getattr(owner, name))
        self.unused.add(where)

        @wraps(made)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.used(where)
            return made(*args, **kwargs)

        self.patch.setattr(owner, name, staticmethod(counted) if _static(owner, name) else counted)

    def says(self, owner: Any, name: str, words: Iterable[str]) -> None:
        """Raise `Unfit` when what a method says in SQL has not all of these words."""
        said = " ".join(one for one in getattr(owner, name).__code__.co_consts if isinstance(one, str))
        if gone := [one for one in words if one not in said]:
            raise Unfit(f"{owner.__name__}.{name} does not say {gone} any more: reword what it says now")

    def used(self, where: str) -> None:
        """Somebody came by."""
        if where in self.unused:
            self.unused.discard(where)
            self.told(where)

    def check(self) -> None:
        """Raise `Unfit` when nobody came by one of the patches."""
        if self.unused:
            raise Unfit(f"nobody came by {', '.join(sorted(self.unused))}: put the patch where this is done now")


def _static(owner: Any, name: str) -> bool:
    return inspect.isclass(owner) and isinstance(vars(owner)[name], staticmethod)


@frozen
class Reworded:
    """A connection that says one thing in place of another in its SQL."""

    db: sqlite3.Connection
    words: Mapping[str, str]

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Reword, and execute."""
        for old, new in self.words.items():
            if old in sql:
                sql = sql.replace(old, new)
        return self.db.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


# ── 200 before commit ───────────────────────────────────────────────────────────────────────────────────────────────


def answers_first(patches: Patches) -> None:
    """The engine says that events are safe, and writes them a moment later."""

    def worse(accept: Any) -> Any:
        async def accepts_soon(self: Engine, events: Sequence[Any]) -> Sequence[bool]:
            async def later() -> None:
                await anyio.sleep(WRITE_BEHIND)
                with suppress(StoreUnavailable):
                    await accept(self, events)

            if self._tasks is None:
                return await accept(self, events)
            self._tasks.start_soon(later)
            return [True] * len(events)

        return accepts_soon

    patches.replace(Engine, "accept", worse)


# ── no dedupe ───────────────────────────────────────────────────────────────────────────────────────────────────────


def takes_all_for_new_in_memory(patches: Patches) -> None:
    """No event was ever seen before."""
    patches.replace(Memory, "_known", lambda _: lambda *_: False)


def takes_all_for_new_in_sqlite(patches: Patches) -> None:
    """What the look-up says of an event that is known already is passed over."""

    def worse(accept: Any) -> Any:
        def accepts(self: Any, db: Any, one: rows.Incoming, now: int, found: Any) -> bool:
            if found is not None and found[1]:
                found = (found[0], False, found[2])
                one = one if one.line is None else evolve(one, line=evolve(one.line, key=""))
            return accept(self, db, one, now, found)

        return accepts

    patches.replace(lanes.Lanes, "_accept", worse)


# ── no fence ────────────────────────────────────────────────────────────────────────────────────────────────────────


def fences_nothing_in_memory(patches: Patches) -> None:
    """Whoever once held a lane may write: the last one wins, whether its turn sends something or not."""

    def worse(commit: Any) -> Any:
        def commits(self: Memory, prepared: Any, now: int) -> bool:
            if not commit(self, prepared, now):
                lane = self._lanes[prepared.turn.conversation.id]
                lane.state, lane.version = prepared.state, prepared.turn.conversation.version
                self._write(prepared.sends, now)
            return True

        return commits

    patches.replace(Memory, "_holding", lambda _: lambda self, conversation, __: self._lanes.get(conversation))
    patches.replace(Memory, "_commit", worse)


def fences_nothing_in_sqlite(patches: Patches) -> None:
    """Whoever once held a lane may write: the last one wins, whether its turn sends something or not."""
    last: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()
    words = {
        "SET done = ?2,": "SET done = max(done, ?2),",
        " AND done = ?2 - 1 AND version = ?3 - 1 AND accepted >= ?2": "",
    }

    def takes(take: Any) -> Any:
        def worse(self: Any, conversation: Any, *args: Any) -> Any:
            lease = last.setdefault(self, {})[conversation] = take(self, conversation, *args)
            return lease

        return worse

    def holds(_: Any) -> Any:
        return lambda self, conversation, __: self.held.get(conversation) or last.get(self, {}).get(conversation)

    def commits(commit: Any) -> Any:
        def worse(self: Any, db: Any, one: Any, now: int, *, accounted: bool) -> bool:
            return commit(self, db, one, now, accounted=accounted) or commit(
                self, Reworded(db, words), one, now, accounted=False
            )

        return worse

    patches.says(lanes.Lanes, "commit", words)
    patches.replace(lanes.Leases, "take", takes)
    patches.replace(lanes.Leases, "holding", holds)
    patches.replace(lanes.Lanes, "commit", commits)


# ── lost wake-up ────────────────────────────────────────────────────────────────────────────────────────────────────


def lets_sleep_in_memory(patches: Patches) -> None:
    """A turn that gives its lane back takes it for done though more was accepted meanwhile: that wakes nobody."""

    def commits(commit: Any) -> Any:
        def worse(self: Any, prepared: Any, now: int) -> bool:
            kept: bool = commit(self, prepared, now)
            lane = self._lanes[prepared.turn.conversation.id]
            if kept and prepared.turn.release and lane.inbox:
                lane.tick = next(self._ticks)  # what stands in the line of those that are ready is no longer it
            return kept

        return worse

    patches.replace(Memory, "_commit", commits)


def lets_sleep_in_sqlite(patches: Patches) -> None:
    """A turn that gives its lane back takes it for done though more was accepted meanwhile: that wakes nobody."""

    def commits(commit: Any) -> Any:
        def worse(self: Any, db: Any, one: Any, now: int, *, accounted: bool) -> bool:
            kept: bool = commit(self, db, one, now, accounted=accounted)
            here = one.turn.conversation.id
            if kept and one.turn.release:
                db.execute(
                    "UPDATE lane SET retrying = 1, ready_at = ? WHERE channel = ? AND id = ? AND accepted > done",
                    (NEVER, here.channel, here.id),
                )
            return kept

        return worse

    patches.replace(lanes.Lanes, "commit", commits)


def wakes_no_sender(patches: Patches) -> None:
    """Rows of the outbox are written, and the sender is not told."""
    patches.replace(Engine, "_sends_wait", lambda _: lambda _: None)


# ── in-flight mark after the call ───────────────────────────────────────────────────────────────────────────────────


def marks_late_in_memory(patches: Patches) -> None:
    """That a row is in flight is written with its answer: a process that dies before leaves the row as it was."""

    def worse(open_: Any) -> Any:
        async def opens(self: Any, clock: Any, **more: Any) -> None:
            before = {key: row.uncertain for key, row in self._outbox.items()}
            await open_(self, clock, **more)
            for key, uncertain in before.items():
                self._outbox[key].uncertain = uncertain

        return opens

    patches.replace(Memory, "open", worse)


def marks_late_in_sqlite(patches: Patches) -> None:
    """That a row is in flight is written with its answer: a process that dies before leaves the row as it was."""

    def worse(recover: Any) -> Any:
        def recovers(db: sqlite3.Connection, now: int) -> None:
            before = db.execute("SELECT uncertain, row FROM outbox WHERE state = 'in flight'").fetchall()
            recover(db, now)
            db.executemany("UPDATE outbox SET uncertain = ? WHERE row = ?", before)

        return recovers

    patches.replace(outbox, "recover", worse)


# ── outbox out of order ─────────────────────────────────────────────────────────────────────────────────────────────


def overtakes_in_memory(patches: Patches) -> None:
    """A row does not wait for the one before it in its conversation."""

    def worse(claim_sends: Any) -> Any:
        async def claims(self: Any, *args: Any) -> Sequence[Send]:
            now = rows.micros(self._clock.now())
            for queue in self._queues.values():
                ready = next((row for row in queue if row.state == "waiting" and row.ready_at <= now), None)
                if ready is not None and queue[0].ready_at > now:
                    queue.remove(ready)
                    queue.appendleft(ready)
            return await claim_sends(self, *args)

        return claims

    patches.replace(Memory, "claim_sends", worse)


def overtakes_in_sqlite(patches: Patches) -> None:
    """A row does not wait for the one before it in its conversation."""

    def worse(append: Any) -> Any:
        def appends(db: sqlite3.Connection, conv: int, send: Send, data: bytes, now: int) -> None:
            append(db, conv, send, data, now)
            db.execute("UPDATE outbox SET head = 1 WHERE key = ? AND state = 'waiting'", (send.key,))

        return appends

    patches.replace(outbox, "append", worse)


# ── timer fired twice ───────────────────────────────────────────────────────────────────────────────────────────────


def fires_again_in_memory(patches: Patches) -> None:
    """A timer that has fired is removed by the next look, and not with its event."""

    def fires(fire_due: Any) -> Any:
        async def worse(self: Any, limit: int) -> int:
            for key, timer in self.__dict__.pop("over", ()):
                if self._timers.get(key) == timer:
                    del self._timers[key]
            before = dict(self._timers)
            count: int = await fire_due(self, limit)
            self.over = [(key, timer) for key, timer in before.items() if key not in self._timers]
            self._timers.update(self.over)
            return count

        return worse

    patches.replace(Memory, "fire_due", fires)
    patches.replace(Memory, "open", lambda open_: _forgetting(open_, "over"))


def fires_again_in_sqlite(patches: Patches) -> None:
    """A timer that has fired is removed by the next look, and not with its event."""
    over: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()

    def worse(fire_due: Any) -> Any:
        def fires(self: Any, db: sqlite3.Connection, limit: int, now: int) -> int:
            for conv, name, due, _ in over.pop(self, []):
                db.execute("DELETE FROM timer WHERE conv = ? AND name = ? AND due = ?", (conv, name, due))
            there = "SELECT conv, name, due, body FROM timer WHERE due <= ? ORDER BY due LIMIT ?"
            over[self] = db.execute(there, (now, limit)).fetchall()
            count: int = fire_due(self, db, limit, now)
            db.executemany("INSERT OR IGNORE INTO timer (conv, name, due, body) VALUES (?, ?, ?, ?)", over[self])
            return count

        return fires

    patches.replace(lanes.Lanes, "fire_due", worse)


# ── turn committed without its outbox ───────────────────────────────────────────────────────────────────────────────


def _without_sends(commit: Any) -> Any:
    """A turn is committed without its rows, which are kept in mind."""

    async def worse(self: Any, turns: Sequence[Committed]) -> Sequence[bool]:
        written: Sequence[bool] = await commit(self, [evolve(turn, sends=()) for turn in turns])
        late = [turn for turn, kept in zip(turns, written, strict=True) if kept and turn.sends]
        self.__dict__.setdefault("late", []).extend(late)
        return written

    return worse


def writes_rows_later_in_memory(patches: Patches) -> None:
    """What a turn sends is written when the sender looks, after the turn."""

    def claims(claim_sends: Any) -> Any:
        async def worse(self: Any, *args: Any) -> Sequence[Send]:
            for turn in self.__dict__.pop("late", ()):
                self._write([(send, codec.encode(send)) for send in turn.sends], rows.micros(self._clock.now()))
            return await claim_sends(self, *args)

        return worse

    patches.replace(Memory, "commit", _without_sends)
    patches.replace(Memory, "claim_sends", claims)
    patches.replace(Memory, "open", lambda open_: _forgetting(open_, "late"))


def writes_rows_later_in_sqlite(patches: Patches) -> None:
    """What a turn sends is written when the sender looks, after the turn."""

    def claims(claim_sends: Any) -> Any:
        async def worse(self: Any, *args: Any) -> Sequence[Send]:
            late = self.__dict__.pop("late", ())
            run, now = self._opened()

            def work(db: sqlite3.Connection) -> None:
                for turn in late:
                    here, sends = turn.conversation.id, [(send, codec.encode(send)) for send in turn.sends]
                    run.lanes.write_sends(db, here, lanes.number(db, here), sends, now)

            if late:
                await run.writer.run(work)
            return await claim_sends(self, *args)

        return worse

    patches.replace(SQLite, "commit", _without_sends)
    patches.replace(SQLite, "claim_sends", claims)


def _forgetting(open_: Any, what: str) -> Any:
    """What a store had in mind is gone with its process."""

    async def opens(self: Any, clock: Any, **more: Any) -> None:
        self.__dict__.pop(what, None)
        await open_(self, clock, **more)

    return opens


# ── who finds them out ──────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Tortured:
    """How a torture run finds a mutant out.

    Args:
        by: The lines of its verdict of which one at least must be broken.
        points: Where the victim is killed; one life each.
        each: How many lives are late, suspended and stopped, of each kind.
        messages: How many events are delivered at least.
        calm: How many webhooks each line delivers in the calm.
    """

    by: tuple[str, ...]
    points: tuple[str, ...] = ()
    each: int = 0
    messages: int = 60
    calm: int = 2


@frozen(kw_only=True)
class Mutant:
    """One mistake, and who finds it out.

    Args:
        name: What it is called.
        mistake: What it does wrong, by the list of those that must be found out.
        patches: What puts it on: in the engine, or in each store.
        torture: How the torture run finds it.
        chance: What the simulation says then, as a pattern; empty: it is not asked.
        machine: In which of the state machine's functions an assertion fails then; empty: it is not asked, because it
            sees no engine.
        ends: The named points at which the lives of the simulated world end, in place of those that a seed draws.
    """

    name: str
    mistake: str
    patches: Mapping[Where, Callable[[Patches], None]]
    torture: Tortured
    chance: str = ""
    machine: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()

    @contextmanager
    def put_on(self, store: Literal["sqlite", "memory"]) -> Iterator[Patches]:
        """Make the mistake in this process, over one kind of store, until the end; raises `Unfit`."""
        with pytest.MonkeyPatch.context() as patch:
            patches = Patches(patch)
            self.apply(patches, store)
            yield patches

    def apply(self, patches: Patches, store: Literal["sqlite", "memory"]) -> None:
        """Make the mistake, over one kind of store."""
        for where in ("engine", store):
            if where in self.patches:
                self.patches[where](patches)


ALWAYS = "nothing_is_lost_and_nothing_idle_has_work"

MUTANTS = (
    Mutant(
        name="answers_first",
        mistake="200 before commit",
        patches={"engine": answers_first},
        torture=Tortured(by=("lost",), points=("turn_committed", "lane_claimed", "send_settled", "turn_committed")),
        chance=r"answered with 200 and are lost",
    ),
    Mutant(
        name="takes_all_for_new",
        mistake="no dedupe",
        patches={"memory": takes_all_for_new_in_memory, "sqlite": takes_all_for_new_in_sqlite},
        torture=Tortured(by=("handled twice",)),
        chance=r"were handled twice",
        machine=("webhook",),
    ),
    Mutant(
        name="fences_nothing",
        mistake="no fence",
        patches={"memory": fences_nothing_in_memory, "sqlite": fences_nothing_in_sqlite},
        torture=Tortured(by=("state unequal to outbox",), each=2, messages=30),
        chance=r"a turn of epoch \d+ was written though \d+ has it",
        machine=("commits",),
    ),
    Mutant(
        name="lets_sleep",
        mistake="lost wake-up",
        patches={"memory": lets_sleep_in_memory, "sqlite": lets_sleep_in_sqlite},
        torture=Tortured(by=("left waiting", "nobody woken")),
        chance=r"of calm there is still something to do",
        machine=("claims", ALWAYS),
    ),
    Mutant(
        name="wakes_no_sender",
        mistake="lost wake-up",
        patches={"engine": wakes_no_sender},
        torture=Tortured(by=("left waiting", "nobody woken"), messages=30, calm=1),
        chance=r"of calm there is still something to do",
    ),
    Mutant(
        name="marks_late",
        mistake="in-flight mark after the call",
        patches={"memory": marks_late_in_memory, "sqlite": marks_late_in_sqlite},
        torture=Tortured(by=("doubled with evidence",), points=("send_answered",) * 4),
        chance=r"arrived \d+ times though the platform gives proof",
    ),
    Mutant(
        name="overtakes",
        mistake="outbox out of order",
        patches={"memory": overtakes_in_memory, "sqlite": overtakes_in_sqlite},
        torture=Tortured(by=("replies out of order",)),
        chance=r"out of order: .* was tried before it",
        machine=("claims_sends", ALWAYS),
    ),
    Mutant(
        name="fires_again",
        mistake="timer fired twice",
        patches={"memory": fires_again_in_memory, "sqlite": fires_again_in_sqlite},
        torture=Tortured(by=("timers fired twice",), points=("timers_fired",) * 3),
        chance=r"timers fired",
        machine=("fire", ALWAYS),
        ends=("timers_fired", "timers_fired"),
    ),
    Mutant(
        name="writes_rows_later",
        mistake="turn committed without its outbox",
        patches={"memory": writes_rows_later_in_memory, "sqlite": writes_rows_later_in_sqlite},
        torture=Tortured(by=("replies lost",), points=("turn_committed",) * 5),
        chance=r"never arrived",
        machine=(ALWAYS,),
        ends=("turn_committed", "turn_committed"),
    ),
)
"""Every mutant, with its judges: the torture run for each, and the simulation or the state machine, or both."""

MISTAKES = (
    "200 before commit",
    "no dedupe",
    "no fence",
    "lost wake-up",
    "in-flight mark after the call",
    "outbox out of order",
    "timer fired twice",
    "turn committed without its outbox",
)
"""Every mistake that must be found out."""

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
