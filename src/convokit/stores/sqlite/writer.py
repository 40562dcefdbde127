"""A thread that owns a connection and gathers what waits into one transaction: group commit.

An fsync costs the same for one request as for two hundred, so whatever has gathered while the last transaction was
being written shares the next one. Nothing ever waits for more to come.
"""

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from anyio import CancelScope, Event
from anyio.lowlevel import EventLoopToken, checkpoint_if_cancelled, current_token
from attrs import define, field

from convokit.errors import StoreUnavailable

log = getLogger(__name__)

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

MOST_REQUESTS = 256
MOST_BYTES = 4 * 1024 * 1024

LOST_WRITES = frozenset(
    {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_COMMIT_ATOMIC}
)
"""After these nobody knows what the disk holds: a kernel may forget the pages it could not write and report success
next time. Only reading the file anew, in a new process, is sure. (A write that is refused at once is no such case.)"""

ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, it goes on by itself",
    sqlite3.SQLITE_BUSY: "another process keeps it locked for writing",
    sqlite3.SQLITE_LOCKED: "another connection keeps it locked",
    sqlite3.SQLITE_READONLY: "it is read-only: give this user write permission on the file and on its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened for writing: check the path, the permissions of the folder, and that "
    "its file system is not mounted read-only",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore a backup",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    sqlite3.SQLITE_PERM: "access is refused: check the permissions of the file and its folder",
}


def end_process(sentence: str) -> None:
    """Say why and end at once, with exit status 74 (EX_IOERR): no handler may act on what may not be written."""
    log.critical("%s", sentence)
    sys.stderr.write(f"convokit: {sentence}\n")
    sys.stderr.flush()
    os._exit(74)


def unavailable(error: sqlite3.Error, what: str) -> StoreUnavailable:
    """The error that tells a human what to do about SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0)
    return StoreUnavailable(f"{what}: {ADVICE.get(code & 0xFF, str(error))}")


@define(eq=False)
class _Request:
    work: Work[Any]
    writes: bool
    size: int
    done: Event = field(factory=Event)
    result: Any = None
    error: Exception | None = None


class DatabaseThread:
    """Runs requests in order, in a thread of its own, as many in one transaction as wait.

    A request that raises does not touch the others: the transaction is rolled back and each is run by itself.

    Args:
        db: The connection; from now on used by this thread only, which closes it.
        what: What it is called in errors: the file's path.
        before_commit: Called with the connection at the end of every transaction that writes.
        undo: Called after every transaction that was rolled back, to take back what requests changed in memory.
        kept: Called after every transaction that was committed.
        on_lost_write: What to do when the disk failed in a way that leaves open what it holds.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        what: str,
        *,
        before_commit: Work[None] = lambda _: None,
        undo: Callable[[], None] = lambda: None,
        kept: Callable[[], None] = lambda: None,
        on_lost_write: Callable[[str], None] = end_process,
    ) -> None:
        self.transactions = 0
        """How many transactions that wrote were committed."""
        self._db = db
        self._what = what
        self._before_commit = before_commit
        self._undo = undo
        self._kept = kept
        self._on_lost_write = on_lost_write
        self._broken = ""
        self._closed = False
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._soon = _soon(current_token())
        self._ended = Event()
        self._thread = Thread(target=self._run, name=f"convokit {what}", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T], *, writes: bool = True, size: int = 0) -> T:
        """What `work` returned, once its transaction is committed.

        A caller that is cancelled before the request is queued changes nothing; after that the request runs to its
        end and the cancellation waits for it.

        Args:
            work: Called with the connection, in the thread; may be called twice, the first time without effect.
            writes: Whether it changes the database.
            size: About how many bytes it writes.

        Raises:
            StoreUnavailable: SQLite could not do it; nothing of it happened.
        """
        await checkpoint_if_cancelled()
        if self._closed:
            raise StoreUnavailable(f"{self._what}: it is closed")
        request = _Request(work, writes, size)
        self._requests.put(request)
        with CancelScope(shield=True):
            await request.done.wait()
        if request.error is not None:
            raise request.error
        result: T = request.result
        return result

    async def close(self) -> None:
        """Finish what waits, close the connection, end the thread. Twice is once."""
        if not self._closed:
            self._closed = True
            self._requests.put(None)
        with CancelScope(shield=True):
            await self._ended.wait()
        self._thread.join()

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            batch, goes_on = self._gather()
            if batch:
                self._perform(batch)
                self._tell(batch)
        with suppress(sqlite3.Error):
            self._db.close()
        with suppress(RuntimeError):
            self._soon(self._ended.set)

    def _gather(self) -> tuple[list[_Request], bool]:
        """What waits, at least one request; False once the last one has come."""
        batch: list[_Request] = []
        size = 0
        request = self._requests.get()
        while request is not None:
            batch.append(request)
            size += request.size
            if len(batch) >= MOST_REQUESTS or size >= MOST_BYTES:
                return batch, True
            try:
                request = self._requests.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _perform(self, batch: list[_Request]) -> None:
        error = self._transaction(batch)
        if error is None:
            return
        if len(batch) == 1:
            batch[0].error = error
            return
        for request in batch:
            request.error = self._transaction([request])

    def _transaction(self, batch: list[_Request]) -> Exception | None:
        if self._broken:
            return StoreUnavailable(self._broken)
        writes = any(request.writes for request in batch)
        try:
            self._db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            for request in batch:
                request.result = request.work(self._db)
            if writes:
                self._before_commit(self._db)
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  whatever it is belongs to the request's caller, not to this thread
            self._undo()
            return self._rolled_back(error)
        self._kept()
        self.transactions += writes
        return None

    def _rolled_back(self, error: Exception) -> Exception:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as worse:
            error = worse
        if not isinstance(error, sqlite3.Error):
            return error
        if getattr(error, "sqlite_errorcode", 0) in LOST_WRITES:
            self._broken = (
                f"{self._what}: the disk failed while writing ({error}): nobody knows what it holds; start again"
            )
            self._on_lost_write(self._broken)
            return StoreUnavailable(self._broken)
        return unavailable(error, self._what)

    def _tell(self, batch: list[_Request]) -> None:
        def wake() -> None:
            for request in batch:
                request.done.set()

        with suppress(RuntimeError):  # the event loop has ended: nobody waits any more
            self._soon(wake)


def _soon(token: EventLoopToken) -> Callable[[Callable[[], object]], object]:
    """How to call into the event loop from a thread without waiting for it.

    `anyio.from_thread.run_sync` waits until the loop has called: the disk would be idle meanwhile.
    """
    native: Any = token.native_token
    soon: Callable[[Callable[[], object]], object] = (
        getattr(native, "run_sync_soon", None) or native.call_soon_threadsafe
    )
    return soon
