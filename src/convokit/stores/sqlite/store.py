"""The `Store` seam on one SQLite file: what each method asks of the writer or of the reader."""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import count
from logging import getLogger
from pathlib import Path
from typing import TypeVar, get_args

from anyio import CancelScope, from_thread, to_thread
from anyio.lowlevel import checkpoint_if_cancelled
from attrs import define
from filelock import FileLock

from convokit.abc import (
    Account,
    Audited,
    Clock,
    Committed,
    Erased,
    Evidence,
    Failed,
    Lane,
    Personal,
    Send,
    Settled,
    Stats,
    Store,
)
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Log, Logged
from convokit.errors import Conflict, DefinitionError, LaneFull, StoreUnavailable
from convokit.events import Event
from convokit.people import Profile
from convokit.stores import forgetting, rows
from convokit.stores.sqlite import accounts, checking, files, outbox, privacy, reading, retention, schema, upkeep
from convokit.stores.sqlite.accounts import forget as forget_accounts
from convokit.stores.sqlite.lanes import SEEN_MICROS, Counted, Lanes, Leases, prepared
from convokit.stores.sqlite.privacy import Privacy
from convokit.stores.sqlite.writer import DatabaseThread, end_process, unavailable
from convokit.wire import codec

logger = getLogger(__name__)

T = TypeVar("T")

TIDY_EVERY = 60_000_000
"""Microseconds between two looks for ids of events that nobody will deliver again."""
TIDY_PIECE = 100
EPOCHS_A_RUN = 1 << 32


@define(eq=False)
class _Tidying:
    """What is done at the end of every transaction that writes: it is counted, and now and then a few of the ids older
    than 8 days and of what has expired are forgotten."""  # noqa: D205, D209  its sentence needs two lines

    counted: Counted
    now: int = 0
    """The newest time that a call was given: the writer asks no clock."""
    _next: int = 0

    def __call__(self, db: sqlite3.Connection) -> None:
        self.counted.write(db)
        if self.now >= self._next:
            seen = reading.forget_seen(db, self.now - SEEN_MICROS, TIDY_PIECE)
            expired = reading.forget_expired(db, self.now, TIDY_PIECE)
            self._next = self.now if TIDY_PIECE in {seen, expired} else self.now + TIDY_EVERY


@define(eq=False)
class _Run:
    """What exists between `open` and `close`."""

    clock: Clock
    claims: bool
    lock: FileLock | None
    lanes: Lanes
    tidying: _Tidying
    writer: DatabaseThread
    reader: DatabaseThread


class SQLite(Store):
    """Keeps everything in one SQLite file, in WAL mode, with group commit; the default store.

    One process claims events; others may open it with `claims=False` and accept.

    Args:
        path: The file; made, readable by this user only, when it is not there. A lock file `<path>.lock` and
            SQLite's `-wal` and `-shm` stand beside it.
        synchronous: "FULL": what was answered survives a power cut. "NORMAL": it survives the process being killed,
            but a power cut may undo the last moments, including answered webhooks.
        on_lost_write: Called, in the writer's thread, with a sentence when an fsync failed. The default ends the
            process with exit status 74: after a failed fsync nobody knows what the disk holds.

    Raises:
        DefinitionError: `path` or `synchronous` is not one that it can be.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: schema.Synchronous = "FULL",
        on_lost_write: Callable[[str], None] = end_process,
    ) -> None:
        if synchronous not in get_args(schema.Synchronous):
            raise DefinitionError(f'SQLite: synchronous is "FULL" or "NORMAL", not {synchronous!r}')
        if not os.fspath(path) or os.fspath(path).startswith((":", "file:")):
            raise DefinitionError(
                f"SQLite: path is a file's, not {os.fspath(path)!r}; in memory: convokit.stores.Memory()"
            )
        self.path = Path(path)
        self.synchronous: schema.Synchronous = synchronous
        self._on_lost_write = on_lost_write
        self._run: _Run | None = None

    def __repr__(self) -> str:
        return f"SQLite({str(self.path)!r}, synchronous={self.synchronous!r})"

    # ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self, clock: Clock, *, claims: bool = True) -> None:
        """Open the file, making it if needed; an open one is closed and opened anew."""
        await self.close()
        with CancelScope(shield=True):
            writing, beside, lock, lanes = await to_thread.run_sync(self._open, clock, claims)
            tidying, name = _Tidying(lanes.counted), str(self.path)
            self._run = _Run(
                clock=clock,
                claims=claims,
                lock=lock,
                lanes=lanes,
                tidying=tidying,
                writer=DatabaseThread(
                    writing,
                    name,
                    before_commit=tidying,
                    undo=lanes.undo,
                    kept=lanes.keep,
                    on_lost_write=self._on_lost_write,
                ),
                reader=DatabaseThread(beside, name, on_lost_write=self._on_lost_write),
            )

    def _open(
        self, clock: Clock, claims: bool
    ) -> tuple[sqlite3.Connection, sqlite3.Connection, FileLock | None, Lanes]:
        files.create(self.path)
        lock = files.lock(self.path) if claims else None
        connections: list[sqlite3.Connection] = []
        try:
            writing = schema.connect(self.path, self.synchronous)
            connections.append(writing)
            schema.prepare(writing, self.path, locked=lock is not None)
            first_epoch = _recover(writing, rows.micros(clock.now())) if claims else 0
            with closing(writing.execute("SELECT coalesce(max(tick), 0) + 1 FROM lane")) as found:
                first_tick = found.fetchone()[0]
            with closing(writing.execute("SELECT coalesce(max(row), 0) FROM turn")) as found:
                newest = found.fetchone()[0]
            with closing(writing.execute("SELECT DISTINCT conv FROM once")) as found:
                remembering = {conv for (conv,) in found}
            connections.append(schema.connect(self.path, self.synchronous))
        except BaseException as error:
            for one in connections:
                one.close()
            if lock is not None:
                lock.release()
            if isinstance(error, sqlite3.Error):
                raise unavailable(error, str(self.path)) from error
            raise
        return writing, connections[1], lock, Lanes(Leases(first_epoch), count(first_tick), newest, remembering)

    async def close(self) -> None:
        """Finish the writes under way, close the file, let go of the lock. Twice is once."""
        run, self._run = self._run, None
        if run is None:
            return
        with CancelScope(shield=True):
            await run.reader.close()
            await run.writer.close()
            if run.lock is not None:
                run.lock.release()

    def _opened(self, *, claims: bool = False) -> tuple[_Run, int]:
        run = self._run
        if run is None:
            raise StoreUnavailable(f"{self.path}: the store is not open: await store.open(clock) first")
        if claims and not run.claims:
            raise Conflict(f"{self.path}: the store was opened with claims=False: it only accepts")
        now = run.tidying.now = rows.micros(run.clock.now())
        return run, now

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        run, _ = self._opened()
        return await run.reader.run(work, writes=False)

    # ── events and lanes ────────────────────────────────────────────────────────────────────────────────────────────

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        """Make events durable, all or none."""
        run, now = self._opened()
        encoded = [rows.incoming(event) for event in events]
        most = self.most_waiting
        accepted = await run.writer.run(
            lambda db: run.lanes.accept_all(db, encoded, now, most), size=sum(one.size for one in encoded)
        )
        if isinstance(accepted, LaneFull):
            raise accepted
        return accepted

    async def claim(self, worker: str, limit: int, lease: float) -> Sequence[Lane]:
        """Take up to `limit` lanes that have work; writes nothing."""
        del worker
        run, now = self._opened(claims=True)
        until = now + round(lease * 1e6)
        return await run.writer.run(lambda db: run.lanes.claim(db, limit, now, until), writes=False)

    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        """Prolong leases; one that ran out and that no claim has voided counts as held."""
        run, now = self._opened(claims=True)
        until = now + round(lease * 1e6)
        return await run.writer.run(lambda _: run.lanes.renew(lanes, until), writes=False)

    async def commit(self, turns: Sequence[Committed]) -> Sequence[bool]:
        """Write turns; all that were given at once are in one transaction."""
        run, now = self._opened(claims=True)
        encoded = [prepared(turn) for turn in turns]
        accounted = self.keeps_accounts
        return await run.writer.run(
            lambda db: [run.lanes.commit(db, one, now, accounted=accounted) for one in encoded],
            size=sum(one.size for one in encoded),
        )

    async def release(
        self, lane: Lane, *, retry_at: datetime | None = None, error: str = "", park: bool = False
    ) -> None:
        """Give a lane up without a commit."""
        run, now = self._opened(claims=True)
        later = None if retry_at is None else rows.micros(retry_at)
        accounted = self.keeps_accounts
        await run.writer.run(
            lambda db: run.lanes.release(db, lane, retry_at=later, error=error, park=park, now=now, accounted=accounted)
        )

    async def flush(self, lane: Lane, seq: int, sends: Sequence[Send], entries: Sequence[Entry] = ()) -> bool:
        """Write outbox rows and log entries ahead of the turn's commit; fenced too when `seq` is not the next event."""
        run, now = self._opened(claims=True)
        encoded = [(send, codec.encode(send)) for send in sends]
        lines = [rows.line(entry) for entry in entries]
        return await run.writer.run(
            lambda db: run.lanes.flush(db, lane, seq, encoded, lines, now),
            size=sum(len(data) for _, data in encoded) + sum(len(line.data) for line in lines),
        )

    async def recall(self, lane: Lane, seq: int, name: str) -> bytes | None:
        """What `remember` kept."""
        return await self._read(lambda db: reading.recall(db, lane.conversation.id, seq, name))

    async def remember(self, lane: Lane, seq: int, name: str, value: bytes) -> bytes:
        """Keep the first value given."""
        run, _ = self._opened()
        return await run.writer.run(lambda db: run.lanes.remember(db, lane, seq, name, value), size=len(value))

    # ── the outbox ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim_sends(self, worker: str, limit: int, lease: float) -> Sequence[Send]:
        """Take up to `limit` rows; that they are in flight is on disk when it returns."""
        del worker
        run, now = self._opened(claims=True)
        until = now + round(lease * 1e6)
        taken = await run.writer.run(lambda db: outbox.claim(db, limit, now, until))
        sends = []
        for body, attempts, uncertain in taken:
            try:
                sends.append(rows.read_send(body, attempts, uncertain))
            except rows.UNREADABLE as problem:  # it comes back when its lease has run out
                logger.error("a message in the outbox cannot be read, and holds back those behind it: %s", problem)  # noqa: TRY400  no fault of the code
        return sends

    async def settle(self, outcomes: Sequence[Settled]) -> None:
        """Say what became of rows in flight."""
        run, now = self._opened(claims=True)
        told = [None if one.tell is None else rows.incoming(one.tell) for one in outcomes]

        def work(db: sqlite3.Connection) -> None:
            for one, event in zip(outcomes, told, strict=True):
                if outbox.settle(db, one, now) and event is not None:
                    run.lanes.accept(db, event, now)

        await run.writer.run(work)

    async def resolve(self, evidence: Sequence[Evidence]) -> int:
        """Mark rows as sent on a platform's proof."""
        run, now = self._opened()
        return await run.writer.run(lambda db: sum(outbox.resolve(db, one, now) for one in evidence))

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def fire_due(self, limit: int) -> int:
        """Turn due timers into accepted events."""
        run, now = self._opened(claims=True)
        return await run.writer.run(lambda db: run.lanes.fire_due(db, limit, now))

    async def next_due(self) -> datetime | None:
        """When, at the latest, to look again; may be past. What another process accepts is not announced."""
        run, _ = self._opened()
        due = await run.writer.run(lambda db: reading.next_due(db, run.lanes.leases), writes=False)
        return None if due is None else rows.moment(due)

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, conversation: ConversationId) -> Conversation | None:
        """The committed state; a fresh one when events were accepted and nothing was committed."""
        return await self._read(lambda db: reading.load(db, conversation))

    async def history(self, conversation: ConversationId, limit: int, *, before: int | None = None) -> Sequence[Entry]:
        """The last `limit` things said, oldest first, in the order of the turns that they belong to."""
        return await self._read(lambda db: reading.history(db, conversation, rows.at_most(limit), before))

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
        return await self._read(
            lambda db: reading.log(
                db, conversation, after=after, before=before, limit=rows.at_most(limit), public=public
            )
        )

    async def find(self, conversation: ConversationId, key: str) -> Logged | None:
        """The log's entry with this key."""
        return await self._read(lambda db: reading.find(db, conversation, key))

    async def handed_over(self) -> Sequence[Conversation]:
        """Every conversation with an open handoff, the longest waiting first."""
        return await self._read(reading.handed_over)

    async def closed_handoffs(self, since: datetime) -> Sequence[tuple[ConversationId, Handoff]]:
        """The handoffs that ended at or after `since`, oldest first."""
        first = rows.micros(since)
        return await self._read(lambda db: reading.closed_handoffs(db, first))

    async def recent(self, limit: int, *, before: datetime | None = None) -> Sequence[tuple[datetime, Conversation]]:
        """The conversations where something happened last, newest first, and when."""
        until = None if before is None else rows.micros(before)
        found = await self._read(lambda db: reading.recent(db, rows.at_most(limit), until))
        return [(rows.moment(touched), conversation) for touched, conversation in found]

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
        run, now = self._opened()
        return await run.writer.run(
            lambda db: reading.keep(db, shelf, key, value, expires, only_new, about, now), size=len(value)
        )

    async def kept(self, shelf: str, key: str) -> bytes | None:
        """The value under a key."""
        rows.check_shelf(shelf)
        _, now = self._opened()
        return await self._read(lambda db: reading.kept(db, shelf, key, now))

    async def on_shelf(self, shelf: str, *, prefix: str = "", limit: int = 10_000) -> Mapping[str, bytes]:
        """The values whose keys begin with `prefix`, in the order of the keys."""
        rows.check_shelf(shelf)
        _, now = self._opened()
        return await self._read(lambda db: reading.on_shelf(db, shelf, prefix, limit, now))

    async def take_off(self, shelf: str, key: str) -> bytes | None:
        """Remove a value and return it; the writer's order decides who gets it."""
        rows.check_shelf(shelf)
        run, now = self._opened()
        return await run.writer.run(lambda db: reading.take_off(db, shelf, key, now))

    # ── people, dialogs, what was given up ──────────────────────────────────────────────────────────────────────────

    async def profile(self, profile_id: str) -> Profile | None:
        """A profile by its id."""
        return await self._read(lambda db: reading.profile(db, profile_id))

    async def positions(self) -> Mapping[tuple[str, int, str], int]:
        """How many open dialog positions stand where; reads every conversation that stands in a dialog."""
        return await self._read(reading.positions)

    async def standing(self, limit: int, *, after: ConversationId | None = None) -> Sequence[Conversation]:
        """The conversations where a dialog is open, by channel and id."""
        return await self._read(lambda db: reading.standing(db, limit, after))

    async def failed(self, limit: int) -> Sequence[Failed]:
        """What was given up, newest first."""
        return await self._read(lambda db: reading.failed(db, limit))

    async def replay(self, keys: Sequence[str]) -> int:
        """Put given-up events and sends back in line, at its end."""
        run, now = self._opened()

        def work(db: sqlite3.Connection) -> int:
            return sum(
                outbox.replay(db, key.removeprefix("send:"), now)
                if key.startswith("send:")
                else run.lanes.replay(db, key, now)
                for key in dict.fromkeys(keys)
            )

        return await run.writer.run(work)

    async def accounts(self, event_id: str, *, conversation: ConversationId | None = None) -> Sequence[Account]:
        """What happened to the events with this id, newest last."""
        return await self._read(lambda db: accounts.told(db, event_id, conversation))

    # ── personal data ───────────────────────────────────────────────────────────────────────────────────────────────

    def _privacy(self) -> Privacy:
        run, now = self._opened()
        return Privacy(run.reader, run.writer, now)

    async def export(self, user: str, *, by: str = "") -> Personal:
        """Everything that is kept of a person; each conversation in one read."""
        forgetting.check_user(user)
        return await self._privacy().export(user, by)

    async def erase(self, user: str, *, by: str = "", keeps: Sequence[str] = (), dry: bool = False) -> Erased:
        """Remove everything that is kept of a person, each conversation in one transaction; the WAL is emptied."""
        forgetting.check_user(user)
        spared = forgetting.check_keeps(keeps)
        erased = await self._privacy().erase(user, by, spared, dry=dry)
        if not dry:
            await to_thread.run_sync(privacy.checkpoint, self.path)
        return erased

    async def audited(self, limit: int, *, user: str = "") -> Sequence[Audited]:
        """The newest lines of the audit trail."""
        return await self._privacy().audited(rows.at_most(limit), user)

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
        """Forget what is finished and older than `before`, in small pieces between other writes."""
        _, now = self._opened()
        limit = rows.micros(before)
        forgotten = 0
        work = [
            partial(reading.forget_seen, before=limit),
            partial(reading.forget_sent, before=limit),
            partial(reading.forget_expired, before=min(now, limit)),
        ]
        if handoffs is not None:
            work.append(partial(reading.forget_handoffs, before=rows.micros(handoffs)))
        if accounts is not None:
            work.append(partial(forget_accounts, before=rows.micros(accounts), limit=reading.PIECE))
        for forget in work:
            piece = reading.PIECE
            while piece == reading.PIECE:
                piece = await self._privacy().piece(forget)
                forgotten += piece
        return forgotten + await self._forget_personal(log, failed, conversations)

    async def _forget_personal(
        self, log: datetime | None, failed: datetime | None, conversations: datetime | None
    ) -> int:
        """Forget what people said and what is about them, in small pieces."""
        sweeping = self._privacy()
        forgotten, piece = 0, reading.PIECE
        while failed is not None and piece >= reading.PIECE:
            piece = await sweeping.piece(partial(retention.forget_failed, before=rows.micros(failed)))
            forgotten += piece
        if log is not None:
            old = retention.LogPurge(before=rows.micros(log), now=sweeping.now)
            while await sweeping.piece(old):
                pass
            forgotten += old.forgotten
        if conversations is not None:
            forgotten += await retention.forget_idle(sweeping, rows.micros(conversations))
        await sweeping.piece(retention.forget_names)
        await sweeping.sweep()  # what an erasure that was cut off has left
        return forgotten

    async def stats(self) -> Stats:
        """Counts; of leases as they were a moment before the rest."""
        run, now = self._opened()
        held = await run.writer.run(lambda _: run.lanes.leases.running(now), writes=False)
        return await run.reader.run(lambda db: reading.stats(db, held, now), writes=False)

    # ── upkeep ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def check(self) -> Sequence[str]:
        """What is wrong in the file, a sentence each; of one moment, while others write. It need not be open."""
        return await to_thread.run_sync(checking.problems, self.path)

    async def backup(self, path: Path) -> None:
        """Write a copy of everything to a new file, readable by its owner only, while the store is in use.

        The store need not be open. Cancelled, it leaves nothing behind. Raises `StoreUnavailable`.
        """
        try:
            await to_thread.run_sync(upkeep.copy, self.path, Path(path), _cancelled)
        except StoreUnavailable:
            await checkpoint_if_cancelled()
            raise


def _cancelled() -> bool:
    """Whether the caller of this worker thread was cancelled."""
    try:
        from_thread.check_cancelled()
    except BaseException:  # noqa: BLE001  each event loop has its own
        return True
    return False


def _recover(db: sqlite3.Connection, now: int) -> int:
    """Void what the run before held; returns the first epoch of this one."""
    db.execute("BEGIN IMMEDIATE")
    with closing(db.execute("UPDATE meta SET value = value + 1 WHERE name = 'opened' RETURNING value")) as found:
        opened = found.fetchone()[0]
    outbox.recover(db, now)
    db.execute("COMMIT")
    first: int = opened * EPOCHS_A_RUN
    return first
