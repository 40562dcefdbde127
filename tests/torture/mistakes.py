"""The mistakes, each as patches: what the engine, or a store, does wrong.

Those of stores are there for both kinds: the torture run needs a store that outlives its process, the simulation one
that takes no time.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import anyio
from attrs import evolve
from patching import Patches, Reworded

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
    """Whoever comes with a turn may write: the last one wins, whether its turn sends something or not."""

    def worse(commit: Any) -> Any:
        def commits(self: Memory, prepared: Any, now: int) -> bool:
            turn = prepared.turn
            lane = self._lanes[turn.conversation.id]
            if self._holding(lane.id, turn.epoch) is None:
                lane.epoch, self._held[lane.id] = turn.epoch, lane
            if not commit(self, prepared, now):
                lane.state, lane.version = prepared.state, turn.conversation.version
                self._write(prepared.sends, now)
            return True

        return commits

    patches.replace(Memory, "_commit", worse)


def fences_nothing_in_sqlite(patches: Patches) -> None:
    """Whoever comes with a turn may write: the last one wins, whether its turn sends something or not."""
    words = {
        "SET done = ?2,": "SET done = max(done, ?2),",
        " AND done = ?2 - 1 AND version = ?3 - 1 AND accepted >= ?2": "",
    }

    def worse(commit: Any) -> Any:
        def commits(self: Any, db: Any, one: Any, now: int, *, accounted: bool) -> bool:
            turn, here = one.turn, one.turn.conversation.id
            if self.leases.holding(here, turn.epoch) is None:
                before = self.leases.held.get(here)
                until = now if before is None else before.until
                row = "SELECT conv, version FROM lane WHERE channel = ? AND id = ?"
                conv, version = db.execute(row, (here.channel, here.id)).fetchone()
                self.leases._put(here, lanes.Lease(conv, turn.epoch, until, version))
            return commit(self, db, one, now, accounted=accounted) or commit(
                self, Reworded(db, words), one, now, accounted=False
            )

        return commits

    patches.says(lanes.Lanes, "commit", words)
    patches.replace(lanes.Lanes, "commit", worse)


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
