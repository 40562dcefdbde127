"""How fast people answer, as a visitor is told: by the median of the last hours."""

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median

from convokit.abc import Run

COUNTED_FOR = timedelta(hours=2)
KNOWN_FOR = timedelta(minutes=1)


class Paces:
    """How long people were waited for of late, read from the store once a minute at most.

    Args:
        run: The engine's run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._read_at: datetime | None = None
        self._waits: dict[str, int] = {}
        self._reply: int | None = None

    async def wait(self, queue: str) -> int | None:
        """About how many seconds the next one in a queue waits; None: not known."""
        await self._read()
        return self._waits.get(queue)

    async def reply(self) -> int | None:
        """Within how many seconds people usually answer; None: not known."""
        await self._read()
        return self._reply

    async def _read(self) -> None:
        now = self._run.clock.now()
        if self._read_at is not None and now - self._read_at < KNOWN_FOR:
            return
        # Set before the store is asked: who comes meanwhile makes do with what was known.
        self._read_at = now
        waits: dict[str, list[float]] = defaultdict(list)
        replies: list[float] = []
        for _, one in await self._run.store.closed_handoffs(now - COUNTED_FOR):
            if one.taken_at is not None:
                waits[one.queue].append((one.taken_at - one.opened_at).total_seconds())
            if one.answered_at is not None:
                replies.append((one.answered_at - one.opened_at).total_seconds())
        self._waits = {queue: round(median(seconds)) for queue, seconds in waits.items()}
        self._reply = round(median(replies)) if replies else None
