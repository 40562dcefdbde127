"""How long customers wait for a person: what a queue's next one may expect."""

from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

from attrs import define, field

from convokit.conversations import Handoff

COUNTED = 20
"""Of how many of the newest waits a queue's expected wait is made."""
COUNTED_FOR = timedelta(hours=24)


@define(eq=False)
class Waits:
    """The newest waits of each queue, each from the request to the first operator who took it."""

    _queues: dict[str, deque[tuple[str, datetime, float]]] = field(
        factory=lambda: defaultdict(lambda: deque(maxlen=COUNTED))
    )

    def count(self, handoff: Handoff | None) -> None:
        """Count a handoff once, as soon as it was taken."""
        if handoff is None or handoff.taken_at is None:
            return
        known = self._queues[handoff.queue]
        if all(name != handoff.id for name, _, _ in known):
            known.append((handoff.id, handoff.taken_at, (handoff.taken_at - handoff.opened_at).total_seconds()))

    def count_all(self, handoffs: Iterable[Handoff]) -> None:
        """Count what was taken before this run, in any order."""
        taken = [(one.taken_at, one) for one in handoffs if one.taken_at is not None]
        for _, one in sorted(taken, key=lambda each: each[0]):
            self.count(one)

    def expected(self, queue: str, now: datetime) -> int | None:
        """About how many seconds the next one waits; None: nobody was taken there for a day."""
        waits = [seconds for _, at, seconds in self._queues.get(queue, ()) if now - at <= COUNTED_FOR]
        return round(median(waits)) if waits else None
