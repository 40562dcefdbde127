"""Reads a mailbox as long as the bot runs: every mail once, in order, and none is passed over.

How far it was read is kept in the store, not in the mailbox's flags: a colleague who opens a mail must not hide it
from the bot. It moves on when the mail's events are safe. A crash before that brings the mail again, and its Message-ID
drops it.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from attrs import define, evolve, field

from convokit.errors import LaneFull, StoreUnavailable
from convokit.transports.email.line import Line
from convokit.transports.email.shelves import Position, Shelves

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRUNCATED = 256 << 10
"""How many bytes are read of a mail that is too large: what was written stands at its beginning."""
MOST_LATER = 1000
MOST_AGAIN = 5
"""How often a mailbox is looked into again that announces mails and has none."""
_AGAIN = 5.0
_BACK = timedelta(days=2)

Take = Callable[[bytes, datetime | None, bool], Awaitable[None]]
"""Makes a mail's events durable; the last says whether only its beginning was read."""


@define(eq=False)
class Mailbox:
    """One mailbox.

    Args:
        line: Makes a line.
        shelves: Where it is kept how far it was read.
        name: The mailbox's, on the shelf.
        take: What is done with a mail.
        most: The largest mail that is read whole, in bytes.
        marks_seen: Whether mails that were taken are marked as read.
        idle: For how many seconds one IDLE waits.
        poll: For how many seconds nobody looks where the server has no IDLE.
    """

    line: Callable[[], Line]
    shelves: Shelves
    name: str
    take: Take
    most: int
    marks_seen: bool
    idle: float
    poll: float
    ready: anyio.Event = field(factory=anyio.Event)
    _threads: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(1))
    _position: Position | None = None

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            Unreachable: The line is gone.
            Rejected: User, password or mailbox is refused.
            StoreUnavailable: It cannot be told how far it was read.
        """
        line = self.line()
        try:
            await self._opened(line)
            await self._begin(line)
            while True:
                await self._read(line)
                self.ready.set()
                if line.idles:
                    await self._in_thread(line, line.wait, self.idle)
                else:
                    await anyio.sleep(self.poll)
                    await self._in_thread(line, line.noop)
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5, shield=True):
                await anyio.to_thread.run_sync(line.close, abandon_on_cancel=True)

    async def _opened(self, line: Line) -> None:
        def work() -> None:
            try:
                line.open()
            finally:
                if given_up:
                    line.close()

        given_up: list[bool] = []
        try:
            # Nothing can be cut while there is no socket yet: the thread is left to its time-out.
            await anyio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            given_up.append(True)
            line.cut()
            raise

    async def _in_thread(self, line: Line, work: Callable[..., T], *args: Any) -> T:
        """What a blocking call on the line gives; cancelled, the line is cut, and the thread is gone before we are."""
        over = False

        async def cut_when_cancelled() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                if not over:
                    line.cut()

        result: list[T] = []
        problem: list[Exception] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cut_when_cancelled)
            try:
                with anyio.CancelScope(shield=True):
                    result.append(await anyio.to_thread.run_sync(work, *args, limiter=self._threads))
            except Exception as raised:  # noqa: BLE001  raised again below, not wrapped in a group
                problem.append(raised)
            over = True
            tasks.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint_if_cancelled()
        if problem:
            raise problem[0]
        return result[0]

    async def _begin(self, line: Line) -> None:
        """Find the place to go on from."""
        known = await self.shelves.position(self.name)
        if known is None:
            # What lay there before the bot came was answered by people, or is nobody's business any more.
            known = Position(validity=line.validity, uid=line.next_uid - 1, day=self._now)
            await self.shelves.move(self.name, known)
        elif known.validity != line.validity:
            known = await self._renumbered(line, known)
        self._position = known

    async def _renumbered(self, line: Line, known: Position) -> Position:
        """The mailbox was made anew: all that came lately is looked at again, and Message-IDs tell what was taken."""
        day = datetime.fromtimestamp(known.day, UTC) - _BACK
        again = await self._in_thread(line, line.since, day.date())
        logger.warning(
            "channel=%s the mailbox has new numbers (UIDVALIDITY %d, was %d): %d mails are looked at again",
            self.shelves.channel, line.validity, known.validity, len(again),
        )  # fmt: skip
        start = min(again, default=line.next_uid) - 1
        made = Position(validity=line.validity, uid=start, day=known.day)
        await self.shelves.move(self.name, made)
        return made

    async def _read(self, line: Line) -> None:
        """Take what is new, one mail after the other, and what could not be taken before."""
        assert self._position is not None  # noqa: S101  for the type checker: `run` has begun
        for uid in self._position.later:
            await self._one(line, uid)
        again = MOST_AGAIN
        while again:
            found = await self._in_thread(line, line.after, self._position.uid)
            for uid in found:
                await self._one(line, uid)
            # What came meanwhile was announced with some answer, and an IDLE tells only of what comes later.
            again = MOST_AGAIN if found else again - 1 if line.moved else 0

    async def _one(self, line: Line, uid: int) -> None:
        found = await self._in_thread(line, line.mail, uid, self.most + 1)
        taken = True
        if found is not None:
            raw, size, at = found
            partial = size > self.most or len(raw) > self.most
            taken = await self._taken(uid, raw[:TRUNCATED] if partial else raw, at, partial=partial)
        await self._moved(uid, taken=taken)
        if taken and found is not None and self.marks_seen:
            await self._in_thread(line, line.seen, [uid])

    async def _taken(self, uid: int, raw: bytes, at: datetime | None, *, partial: bool) -> bool:
        """Whether a mail's events are safe; False: too much waits from its sender, and others come first."""
        while True:
            try:
                await self.take(raw, at, partial)
            except LaneFull as problem:
                logger.warning("channel=%s mail %d is tried again later: %s", self.shelves.channel, uid, problem)
                return False
            except StoreUnavailable as problem:
                logger.warning("channel=%s the store cannot write, mails wait: %s", self.shelves.channel, problem)
                await anyio.sleep(_AGAIN)
            else:
                return True

    async def _moved(self, uid: int, *, taken: bool) -> None:
        before = self._position
        assert before is not None  # noqa: S101  for the type checker: `run` has begun
        later = [one for one in before.later if one != uid]
        if not taken:
            later.append(uid)
        after = evolve(before, uid=max(uid, before.uid), later=tuple(later[-MOST_LATER:]), day=self._now)
        while True:
            try:
                await self.shelves.move(self.name, after)
            except StoreUnavailable as problem:
                logger.warning("channel=%s the store cannot write, mails wait: %s", self.shelves.channel, problem)
                await anyio.sleep(_AGAIN)
            else:
                break
        self._position = after

    @property
    def _now(self) -> float:
        return self.shelves.run.clock.now().timestamp()
