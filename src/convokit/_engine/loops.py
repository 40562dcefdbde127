"""What the engine's loops are made of: a bell that wakes one, and a feeder that claims items and works on them."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import anyio
from anyio.abc import ObjectReceiveStream, TaskGroup

from convokit.errors import StoreUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Bell:
    """Wakes one loop: rung once or often before it looks, the loop goes round once."""

    __slots__ = ("_event", "rung")

    def __init__(self) -> None:
        self._event = anyio.Event()
        self.rung = False

    def ring(self) -> None:
        """Let the loop go round."""
        if not self.rung:
            self.rung = True
            self._event.set()

    async def wait(self) -> None:
        """Return when rung; several rings are one."""
        await self._event.wait()
        self._event = anyio.Event()
        self.rung = False


class Feeder(Generic[T]):
    """Claims items when rung, and works on them side by side, in workers that stay.

    A task per item would cost more than most items do.

    Args:
        limit: How many items at once.
        claim: Takes up to so many items from the store.
        work: What is done with an item; it handles its own errors.
        stirred: Called whenever something moved.
    """

    def __init__(
        self,
        limit: int,
        claim: Callable[[int], Awaitable[Sequence[T]]],
        work: Callable[[T], Awaitable[None]],
        stirred: Callable[[], None],
    ) -> None:
        self._bell = Bell()
        self._limit = limit
        self._claim = claim
        self._work = work
        self._stirred = stirred
        self._workers = 0
        self._active = 0
        self._looking = False
        self._full = False
        self.stopping = False

    @property
    def busy(self) -> bool:
        """Whether anything is under way or about to be."""
        return self._active > 0 or self._looking or self._bell.rung

    @property
    def active(self) -> int:
        """How many items are worked on."""
        return self._active

    def ring(self) -> None:
        """There may be something to claim."""
        self._bell.ring()

    async def run(self, tasks: TaskGroup) -> None:
        """Claim and feed until cancelled."""
        self.ring()
        give, take = anyio.create_memory_object_stream[T](self._limit)
        with give, take:
            while True:
                await self._bell.wait()
                self._looking = True
                try:
                    for item in await self._claimed():
                        self._active += 1
                        give.send_nowait(item)
                        if self._workers < self._active:
                            self._workers += 1
                            tasks.start_soon(self._worker, take)
                finally:
                    self._looking = False
                self._stirred()

    async def _claimed(self) -> Sequence[T]:
        if self.stopping:
            return ()
        free = self._limit - self._active
        if free == 0:
            self._full = True
            return ()
        try:
            items = await self._claim(free)
        except StoreUnavailable as problem:
            logger.warning("claiming failed, tried again within the poll interval: %s", problem)
            return ()
        self._full = len(items) == free
        return items

    async def _worker(self, take: ObjectReceiveStream[T]) -> None:
        while True:
            try:
                item = await take.receive()
            except (anyio.EndOfStream, anyio.ClosedResourceError):
                return
            try:
                await self._work(item)
            finally:
                self._active -= 1
                if self._full:
                    self._full = False
                    self.ring()
                self._stirred()
