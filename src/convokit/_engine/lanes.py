"""Claims lanes that have work, handles their events in order, commits or gives back."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import perf_counter

import anyio
from attrs import evolve

from convokit._engine.loops import Feeder
from convokit._engine.settings import Settings
from convokit._engine.turns import Turns, Unreadable, with_changes
from convokit.abc import Clock, Lane, Store
from convokit.conversations import ConversationId
from convokit.errors import StoreUnavailable
from convokit.events import Event
from convokit.wire.text import scrub

logger = logging.getLogger(__name__)


class Lanes:
    """The loop that hands lanes to workers. One conversation is in one pair of hands, many conversations at once."""

    def __init__(
        self,
        *,
        worker: str,
        store: Store,
        turns: Turns,
        clock: Clock,
        settings: Settings,
        sends_wait: Callable[[], None],
        timers_changed: Callable[[], None],
        stirred: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._store = store
        self._turns = turns
        self._clock = clock
        self._settings = settings
        self._sends_wait = sends_wait
        self._timers_changed = timers_changed
        self._held: dict[ConversationId, tuple[Lane, anyio.CancelScope]] = {}
        self.feeder = Feeder(settings.turns_at_once, self._claim, self._work, stirred)

    async def _claim(self, free: int) -> Sequence[Lane]:
        return await self._store.claim(self._worker, free, self._settings.lease)

    async def renew(self) -> None:
        """Prolong what is held, a third into each lease; handlers whose lane was lost are cancelled."""
        while True:
            await anyio.sleep(self._settings.lease / 3)
            if not self._held:
                continue
            try:
                kept = await self._store.renew([lane for lane, _ in self._held.values()], self._settings.lease)
            except StoreUnavailable as problem:
                logger.warning("renew failed: %s", problem)
                continue
            for conversation, (_, scope) in list(self._held.items()):
                if conversation not in kept:
                    logger.warning("conversation=%s lease lost, its turn is cancelled", conversation)
                    scope.cancel()

    async def _work(self, lane: Lane) -> None:
        scope = anyio.CancelScope()
        self._held[lane.conversation.id] = (lane, scope)
        try:
            with scope:
                await self._events(lane)
        except StoreUnavailable as problem:
            # The lease runs out, or is void at the next start; until then the lane rests.
            logger.warning("conversation=%s not committed: %s", lane.conversation.id, problem)
        finally:
            del self._held[lane.conversation.id]
        self.feeder.ring()

    async def _events(self, lane: Lane) -> None:
        while lane.events:
            waiting, *left = lane.events
            release = not left or self.feeder.stopping
            began = perf_counter()
            try:
                committed, handler = await self._turns.run(lane, waiting, release=release)
            except Unreadable as problem:
                await self._store.release(lane, error=str(problem), park=True)
                return
            except Exception as problem:  # noqa: BLE001  a handler may raise anything
                await self._failed(lane, problem, began)
                return
            kept = False
            try:
                with anyio.CancelScope(shield=True):
                    kept = (await self._store.commit([committed]))[0]
            except (TypeError, ValueError) as problem:
                # What the turn recorded has no stored form (a lone surrogate in a reply): its handler's fault, no more.
                await self._failed(lane, problem, began)
                return
            self._log(
                lane, waiting.event, handler, committed.outcome if kept else "fenced", len(committed.sends), began
            )
            if not kept:
                return
            if committed.sends:
                self._sends_wait()
            if committed.timers:
                self._timers_changed()
            if committed.emits:
                self.feeder.ring()
            if release:
                return
            lane = with_changes(lane, committed, left)

    async def _failed(self, lane: Lane, problem: Exception, began: float) -> None:
        """Undo: nothing was written. Try again later, or keep the event as failed and tell `on_error`."""
        waiting, attempts = lane.events[0], lane.attempts + 1
        event = waiting.event
        said = scrub(f"{type(problem).__name__}: {problem}")
        route = self._turns.table.error_handler(problem)
        tries = self._settings.tries if route is None or route.tries is None else route.tries
        if attempts < tries:
            pause = self._settings.pause(attempts)
            logger.warning(
                "conversation=%s event=%s attempt=%d of %d failed, again in %.0f s",
                lane.conversation.id,
                type(event).__name__,
                attempts,
                tries,
                pause,
                exc_info=problem,
            )
            retry_at = self._clock.now() + timedelta(seconds=pause)
            await self._store.release(lane, retry_at=retry_at, error=said)
            self._timers_changed()
            return
        logger.error(
            "conversation=%s event=%s failed %d times and is kept: convokit failed lists it",
            lane.conversation.id,
            type(event).__name__,
            attempts,
            exc_info=problem,
        )
        if route is not None and await self._told(lane, problem):
            return
        await self._store.release(lane, error=said, park=True)
        self._log(lane, event, "", "failed", 0, began)

    async def _told(self, lane: Lane, problem: Exception) -> bool:
        waiting = lane.events[0]
        route = self._turns.table.error_handler(problem)
        if route is None:
            return False
        try:
            committed = await self._turns.run_error_handler(lane, waiting, problem, route)
            with anyio.CancelScope(shield=True):
                await self._store.commit([evolve(committed, release=True)])
        except StoreUnavailable:
            raise
        except Exception:
            logger.exception("conversation=%s on_error handler %s failed", lane.conversation.id, route.name)
            return False
        self._sends_wait()
        self._timers_changed()
        return True

    def _log(self, lane: Lane, event: Event, handler: str, outcome: str, replies: int, began: float) -> None:
        logger.info(
            "conversation=%s event=%s handler=%s outcome=%s replies=%d duration_ms=%.1f",
            _plain(lane.conversation.id),
            type(event).__name__,
            handler,
            outcome,
            replies,
            (perf_counter() - began) * 1000,
        )


def _plain(conversation: ConversationId) -> str:
    """The id on one line: it comes from outside."""
    text = str(conversation)
    return text if text.isprintable() and " " not in text else ascii(text)
