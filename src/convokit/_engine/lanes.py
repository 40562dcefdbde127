"""Claims lanes that have work, handles their events in order, commits or gives back."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from time import perf_counter
from typing import TypeVar

import anyio
from attrs import define, evolve, field

from convokit import handoff as rules
from convokit._engine import points
from convokit._engine.loops import Feeder
from convokit._engine.settings import Settings
from convokit._engine.stops import Stops
from convokit._engine.telling import Telling
from convokit._engine.turns import Turns, Unreadable, with_changes
from convokit.abc import Clock, Committed, Lane, Store, Waiting
from convokit.conversations import Conversation, ConversationId
from convokit.errors import LaneFull, ReplyLoop, StoreUnavailable
from convokit.events import DialogsMigrated, Event, MalformedReceived
from convokit.routing import OPERATORS
from convokit.wire.text import scrub

logger = logging.getLogger(__name__)

T = TypeVar("T")


@define
class _Held:
    """A lane in these hands.

    Attributes:
        lane: As it is now.
        lost: Cancelled when somebody else has the lane.
        turn: Around a handler of the bot's while it runs; cancelled when a person takes the conversation.
        since: When the event that is handled was begun, by the event loop's clock.
        told: Whether the log says that its handler does not end.
    """

    lane: Lane
    lost: anyio.CancelScope
    turn: anyio.CancelScope | None = None
    since: float = field(factory=anyio.current_time)
    told: bool = False


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
        ended: Callable[[Event, str], None],
        said: Callable[[Event, Sequence[str]], None],
        withdrew: Callable[[ConversationId], None],
        unsure: Callable[[ConversationId], None],
        stirred: Callable[[], None],
        stops: Stops,
        telling: Telling | None = None,
    ) -> None:
        self._worker = worker
        self._store = store
        self._turns = turns
        self._clock = clock
        self._settings = settings
        self._sends_wait = sends_wait
        self._timers_changed = timers_changed
        self._ended = ended
        self._said = said
        self._withdrew = withdrew
        self._unsure = unsure
        self._stops = stops
        self._telling = telling
        self._held: dict[ConversationId, _Held] = {}
        self.feeder = Feeder(settings.turns_at_once, self._claim, self._work, stirred)

    async def _claim(self, free: int) -> Sequence[Lane]:
        began = perf_counter()
        lanes = await self._store.claim(self._worker, free, self._settings.lease)
        if self._telling is not None:
            self._telling.loaded(lanes, began)
        return lanes

    async def renew(self) -> None:
        """Prolong what is held, a third into each lease; handlers whose lane was lost are cancelled."""
        while True:
            await anyio.sleep(self._settings.lease / 3)
            if not self._held:
                continue
            self._tell_endless()
            # What is claimed while the store is asked is not among the lanes it answers for.
            asked = dict(self._held)
            try:
                kept = await self._store.renew([one.lane for one in asked.values()], self._settings.lease)
            except StoreUnavailable as problem:
                logger.warning("renew failed: %s", problem)
                continue
            for conversation, held in asked.items():
                if conversation not in kept and self._held.get(conversation) is held:
                    logger.warning("conversation=%s lease lost, its turn is cancelled", conversation)
                    held.lost.cancel()

    def _tell_endless(self) -> None:
        """Say once of a handler that it goes on although it was cancelled: nothing but the process's end ends it."""
        # Its own time, that of `on_error`, and some for the store.
        latest = anyio.current_time() - 2 * self._settings.turn_limit - self._settings.lease
        for conversation, held in self._held.items():
            if held.since < latest and not held.told:
                held.told = True
                logger.error(
                    "conversation=%s event=%s its handler was cancelled after %g s and goes on: let it pass on "
                    "cancellation (`except Exception`, not `except BaseException`); until the process ends the "
                    "conversation is held",
                    _plain(conversation),
                    type(held.lane.events[0].event).__name__,
                    self._settings.turn_limit,
                )

    def accepted(self, event: Event) -> None:
        """Stop the bot's turn that runs where a person takes the conversation with this event."""
        held = self._held.get(event.conversation)
        if held is not None and held.turn is not None and rules.takes_over(held.lane.conversation, event):
            held.turn.cancel()

    async def _work(self, lane: Lane) -> None:
        points.reach("lane_claimed")
        if (before := self._held.get(lane.conversation.id)) is not None:
            # Its lease ran out and was not renewed in time: the lane has come back, and that turn would be fenced.
            before.lost.cancel()
        held = self._held[lane.conversation.id] = _Held(lane, anyio.CancelScope())
        try:
            with held.lost:
                await self._events(held)
        except StoreUnavailable as problem:
            # The lease runs out, or is void at the next start; until then the lane rests. Or all was written and the
            # store's answer was lost: whoever would have been woken looks.
            logger.warning("conversation=%s not committed: %s", lane.conversation.id, problem)
            self._unsure(lane.conversation.id)
        finally:
            if self._held.get(lane.conversation.id) is held:
                del self._held[lane.conversation.id]
        self.feeder.ring()

    async def _events(self, held: _Held) -> None:
        while held.lane.events:
            waiting, *left = held.lane.events
            began, held.since = perf_counter(), anyio.current_time()
            if not await self._begins(held, waiting, began):
                return
            lane = held.lane
            try:
                committed = await self._handled(held, waiting, left)
            except Unreadable as problem:
                await self._store.release(lane, error=str(problem), park=True)
                points.reach("event_parked")
                self._ended(waiting.event, "failed")
                return
            except Exception as problem:
                if isinstance(problem, StoreUnavailable) and not isinstance(problem, LaneFull):
                    raise  # what was asked of the store: no fault of the handler's, and no try of the event's
                await self._failed(held, problem, began)
                return
            points.reach("turn_handled")
            committed = evolve(committed, took=perf_counter() - began)
            kept = False
            try:
                with anyio.CancelScope(shield=True):
                    kept = (await self._store.commit([committed]))[0]
            except (TypeError, ValueError) as problem:
                # What the turn recorded has no stored form (a lone surrogate in a reply): its handler's fault, no more.
                await self._failed(held, problem, began)
                return
            points.reach("turn_committed")
            if self._telling is not None:
                self._telling.committed(waiting, committed, began, kept=kept)
            outcome = committed.outcome if kept else "fenced"
            self._log(lane, waiting.event, committed.handler, outcome, len(committed.sends), began)
            if not kept:
                return
            self._after(lane.conversation, waiting.event, committed)
            if committed.release:
                return
            held.lane = with_changes(lane, committed, left)

    async def _begins(self, held: _Held, waiting: Waiting, began: float) -> bool:
        """Whether an event's turn may begin, once is noted what its channel makes of it: a window, a stop."""
        try:
            held.lane = self._turns.heard(held.lane, waiting)
            await self._stops.heard(waiting)
        except Exception as problem:
            if isinstance(problem, StoreUnavailable):
                raise
            # Left to itself it would end the run, and the next one too.
            await self._failed(held, problem, began)
            return False
        if (loop := self._turns.loop(held.lane, waiting)) is not None:
            await self._silent(held, loop, began)
            return False
        return True

    def _after(self, before: Conversation, event: Event, committed: Committed) -> None:
        """Wake whoever has to do with what was committed."""
        if committed.withdraw:
            self._withdrew(before.id)
        self._said(event, [send.key for send in committed.sends if not send.desk])
        self._ended(event, committed.outcome)
        if committed.sends:
            self._sends_wait()
        if committed.timers:
            self._timers_changed()
        if committed.emits or committed.put_back:
            self.feeder.ring()
        if committed.error:
            logger.warning("conversation=%s event is kept as failed: %s", before.id, committed.error)

    async def _handled(self, held: _Held, waiting: Waiting, left: Sequence[Waiting]) -> Committed:
        if self._telling is None:
            return await self._ran(held, waiting, left)
        self._telling.queued(waiting)
        return await self._told_of(held, waiting, lambda: self._ran(held, waiting, left))

    async def _told_of(self, held: _Held, waiting: Waiting, run: Callable[[], Awaitable[T]]) -> T:
        """What `run` returns; observers are told how it went."""
        if self._telling is None:
            return await run()
        with self._telling.handling(held.lane, waiting) as handling:
            done = await run()
            handling.over(done if isinstance(done, Committed) else None)
        return done

    async def _ran(self, held: _Held, waiting: Waiting, left: Sequence[Waiting]) -> Committed:
        """Run a turn, unless a person takes the conversation: before the bot has spoken it is silent then."""
        lane, event = held.lane, waiting.event
        release = not left or self.feeder.stopping
        if isinstance(event, (*OPERATORS, DialogsMigrated, MalformedReceived)):
            return await self._turns.run(lane, waiting, release=release)
        if left and any(rules.takes_over(lane.conversation, later.event) for later in left):
            return self._turns.silenced(lane, waiting, release=release)
        done = await self._unless_taken(held, lambda: self._turns.run(lane, waiting, release=release))
        # Given up, so that the next claim sees what the person did.
        return done or self._turns.silenced(lane, waiting, release=True)

    async def _unless_taken(self, held: _Held, run: Callable[[], Awaitable[T]]) -> T | None:
        """What `run` returns; None when a person took the conversation meanwhile, whatever became of `run`."""
        done = None
        with anyio.CancelScope() as turn:
            held.turn = turn
            try:
                done = await run()
            except Exception:
                if not turn.cancel_called:
                    raise
            finally:
                held.turn = None
        return None if turn.cancel_called else done

    async def _failed(self, held: _Held, problem: Exception, began: float) -> None:
        """Undo: nothing was written. Try again later, or keep the event as failed and tell `on_error`."""
        if held.lost.cancel_called:
            return  # another has the lane: this was no try of it
        points.reach("turn_failed")
        lane = held.lane
        waiting, attempts = lane.events[0], lane.attempts + 1
        event = waiting.event
        said = scrub(f"{type(problem).__name__}: {problem}")
        route = self._turns.table.error_handler(problem)
        tries = self._settings.tries if route is None or route.tries is None else route.tries
        if attempts < tries:
            pause = self._settings.pause(attempts)
            logger.warning(
                "conversation=%s event=%s id=%s attempt=%d of %d failed, again in %.0f s",
                _plain(lane.conversation.id),
                type(event).__name__,
                _plain(event.id),
                attempts,
                tries,
                pause,
                exc_info=problem,
            )
            retry_at = self._clock.now() + timedelta(seconds=pause)
            await self._store.release(lane, retry_at=retry_at, error=said)
            points.reach("turn_given_back")
            self._timers_changed()
            return
        logger.error(
            "conversation=%s event=%s id=%s failed %d times and is kept: convokit failed lists it",
            _plain(lane.conversation.id),
            type(event).__name__,
            _plain(event.id),
            attempts,
            exc_info=problem,
        )
        if route is not None and await self._told(held, problem):
            self._ended(event, "failed")
            return
        await self._store.release(lane, error=said, park=True)
        points.reach("event_parked")
        self._ended(event, "failed")
        self._log(lane, event, "", "failed", 0, began)

    async def _silent(self, held: _Held, loop: ReplyLoop, began: float) -> None:
        """Say nothing to what seems to be a program: keep the event as failed, tell the log and `on_error`."""
        lane = held.lane
        waiting = lane.events[0]
        logger.log(logging.ERROR if lane.conversation.looping is None else logging.INFO, "%s", loop)
        if not await self._told(held, loop):
            unanswered = self._turns.unanswered(lane, waiting, loop)
            with anyio.CancelScope(shield=True):
                await self._store.commit([unanswered])
            if self._telling is not None:
                self._telling.silent(lane, waiting, unanswered)
        self._ended(waiting.event, "failed")
        self._log(lane, waiting.event, "", "failed", 0, began)

    async def _told(self, held: _Held, problem: Exception) -> bool:
        lane = held.lane
        waiting = lane.events[0]
        route = self._turns.table.error_handler(problem)
        if route is None:
            return False
        try:
            committed = await self._told_of(
                held,
                waiting,
                lambda: self._unless_taken(held, lambda: self._turns.run_error_handler(lane, waiting, problem, route)),
            )
            if committed is None:
                return False
            with anyio.CancelScope(shield=True):
                await self._store.commit([evolve(committed, release=True)])
            self._said(waiting.event, [send.key for send in committed.sends if not send.desk])
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
            "conversation=%s event=%s id=%s handler=%s outcome=%s replies=%d duration_ms=%.1f",
            _plain(lane.conversation.id),
            type(event).__name__,
            _plain(event.id),
            handler,
            outcome,
            replies,
            (perf_counter() - began) * 1000,
        )


def _plain(given: ConversationId | str) -> str:
    """An id on one line: it comes from outside."""
    text = str(given)
    return text if text.isprintable() and " " not in text else ascii(text)
