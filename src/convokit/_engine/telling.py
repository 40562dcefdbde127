"""Tells observers how each step of a run went. Whatever they raise is logged, and hurts no turn."""

import logging
from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from convokit.abc import (
    Clock,
    Committed,
    Lane,
    Mark,
    Observer,
    Received,
    Request,
    Send,
    Settled,
    Step,
    StepName,
    Store,
    Transport,
    Waiting,
)
from convokit.conversations import ConversationId
from convokit.errors import Forged, LaneFull, Malformed, StoreUnavailable
from convokit.events import Event

logger = logging.getLogger(__name__)

QUIET = timedelta(minutes=1)
"""How often it is logged, at most, that an observer raises."""


class Telling:
    """What an engine with observers tells them; an engine without has none of it.

    Args:
        observers: Who is told, in this order.
        channels: The names under which transports are attached: no other becomes a label.
        clock: The engine's.
    """

    def __init__(self, observers: Sequence[Observer], channels: Container[str], clock: Clock) -> None:
        self._observers = tuple(observers)
        self._around = tuple(one for one in observers if type(one).around is not Observer.around)
        self._channels = channels
        self._clock = clock
        self._chosen: dict[ConversationId, str] = {}
        self._logged: dict[int, datetime] = {}

    # ── observers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def told(self, step: Step) -> None:
        """Tell everybody that a step is over."""
        for one in self._observers:
            try:
                one.told(step)
            except Exception as problem:  # noqa: BLE001  an observer must not hurt what it observes
                self.raised(one, problem)

    def around(self, step: Step) -> AbstractContextManager[object]:
        """What is entered around a step: all that observers want there."""
        return _Around(self, self._around, step) if self._around else nullcontext()

    def raised(self, observer: Observer, problem: Exception) -> None:
        """Log what an observer raised, at most once a minute for each."""
        now, last = self._clock.now(), self._logged.get(id(observer))
        if last is None or now - last >= QUIET:
            self._logged[id(observer)] = now
            logger.error("observer=%s raised; no turn is hurt by it", type(observer).__name__, exc_info=problem)

    def _channel(self, conversation: ConversationId) -> str:
        return conversation.channel if conversation.channel in self._channels else ""

    # ── the door ────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, transport: Transport, request: Request) -> Received:
        """As `transport.receive`, told."""
        began, outcome, received = perf_counter(), "raised", Received()
        try:
            received = transport.receive(request)
            outcome = "read"
        except Forged:
            outcome = "forged"
            raise
        except Malformed:
            outcome = "malformed"
            raise
        finally:
            self.told(
                Step(
                    name="receive",
                    outcome=outcome,
                    took=perf_counter() - began,
                    channel=transport.channel,
                    marks=tuple(map(_mark, received.events)),
                    size=len(request.body),
                )
            )
        return received

    async def accept(self, store: Store, events: Sequence[Event]) -> Sequence[bool]:
        """As `store.accept`, told: one step for each channel and outcome."""
        began = perf_counter()
        try:
            fresh = await store.accept(events)
        except LaneFull as full:
            # The others are handed in again by themselves.
            refused = [one for one in events if str(one.conversation) in full.conversations]
            self._accepted(refused, ["full"] * len(refused), began)
            raise
        except StoreUnavailable:
            self._accepted(events, ["unavailable"] * len(events), began)
            raise
        self._accepted(events, ["new" if new else "duplicate" for new in fresh], began)
        return fresh

    def _accepted(self, events: Sequence[Event], outcomes: Sequence[str], began: float) -> None:
        took = perf_counter() - began
        groups: dict[tuple[str, str], list[Mark]] = {}
        for event, outcome in zip(events, outcomes, strict=True):
            groups.setdefault((self._channel(event.conversation), outcome), []).append(_mark(event))
        for (channel, outcome), marks in groups.items():
            self.told(Step(name="accept", outcome=outcome, took=took, channel=channel, marks=tuple(marks)))

    # ── lanes and turns ─────────────────────────────────────────────────────────────────────────────────────────────

    def loaded(self, lanes: Sequence[Lane], began: float) -> None:
        """Lanes were claimed, their conversations read."""
        if lanes:
            marks = tuple(_mark(lane.events[0].event, lane.events[0].seq) for lane in lanes)
            self.told(Step(name="load", took=perf_counter() - began, marks=marks))

    def queued(self, waiting: Waiting) -> None:
        """An event's wait in its lane is over."""
        waited = 0.0
        if waiting.accepted_at is not None:
            waited = max(0.0, (self._clock.now() - waiting.accepted_at).total_seconds())
        self.told(self._step("queue", waiting, took=waited))

    def selected(self, waiting: Waiting, action: str, handler: str, began: float) -> None:
        """A handler was found."""
        self._chosen[waiting.event.conversation] = handler
        took = perf_counter() - began
        self.told(self._step("select", waiting, took=took, outcome=action, handler=handler))

    def handling(self, lane: Lane, waiting: Waiting) -> "Handling":
        """What is entered around a turn: it tells how that went when it is left."""
        return Handling(self, self._step("handle", waiting, attempt=lane.attempts + 1), self._chosen)

    def silent(self, lane: Lane, waiting: Waiting, committed: Committed) -> None:
        """The bot was silent about an event: no handler ran."""
        with self.handling(lane, waiting) as handling:
            handling.over(committed)

    def committed(self, waiting: Waiting, committed: Committed, began: float, *, kept: bool) -> None:
        """A turn was written, or refused."""
        took = max(0.0, perf_counter() - began - committed.took)
        outcome = "kept" if kept else "fenced"
        self.told(self._step("commit", waiting, took=took, outcome=outcome, handler=committed.handler))

    def _step(self, name: StepName, waiting: Waiting, **more: Any) -> Step:
        event = waiting.event
        return Step(name=name, channel=self._channel(event.conversation), marks=(_mark(event, waiting.seq),), **more)

    # ── the outbox ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def deliver(self, send: Send, call: Callable[[Send], Awaitable[Settled]]) -> Settled:
        """As `call`, told."""
        step, began, outcome = self._sending(send), perf_counter(), "cancelled"
        try:
            with self.around(step):
                settled = await call(send)
            outcome = settled.state
        finally:
            self.told(_over(step, outcome, began))
        return settled

    def given_up(self, send: Send, settled: Settled) -> None:
        """A row was given up, or held, without another call."""
        self.told(evolve(self._sending(send), outcome=settled.state))

    def _sending(self, send: Send) -> Step:
        place = send.key.split(":")[-2:-1]  # of the event whose turn wrote the row
        seq = int(place[0]) if place and place[0].isdecimal() else 0
        marks = (Mark(conversation=send.conversation, seq=seq),)
        channel = self._channel(send.conversation)
        return Step(name="deliver", channel=channel, marks=marks, attempt=send.attempts + 1, desk=send.desk)


class Handling:
    """A turn under way."""

    def __init__(self, telling: Telling, step: Step, chosen: dict[ConversationId, str]) -> None:
        self._telling = telling
        self._step = step
        self._chosen = chosen
        self._outcome = "cancelled"
        self._handler = ""
        self._began = 0.0
        self._around: AbstractContextManager[object]

    def __enter__(self) -> Self:
        self._began = perf_counter()
        self._around = self._telling.around(self._step)
        self._around.__enter__()
        return self

    def over(self, committed: Committed | None) -> None:
        """It has ended well; None: it was given up for a person who takes the conversation."""
        if committed is not None:
            self._outcome, self._handler = committed.outcome, committed.handler

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._around.__exit__(kind, problem, trace)
        chosen = self._chosen.pop(self._step.marks[0].conversation, "")
        raised = isinstance(problem, Exception)
        self._telling.told(
            _over(
                self._step,
                "raised" if raised else self._outcome,
                self._began,
                handler=self._handler or chosen,
                error=type(problem).__name__ if raised else "",
            )
        )


class _Around(AbstractContextManager[object]):
    """All that observers want around a step. None of them can stop it, or keep what it raises."""

    def __init__(self, telling: Telling, observers: Sequence[Observer], step: Step) -> None:
        self._telling = telling
        self._observers = observers
        self._step = step
        self._entered: list[tuple[Observer, AbstractContextManager[object]]] = []

    def __enter__(self) -> None:
        for one in self._observers:
            try:
                wanted = one.around(self._step)
                if wanted is not None:
                    wanted.__enter__()
                    self._entered.append((one, wanted))
            except Exception as problem:  # noqa: BLE001  an observer must not hurt what it observes
                self._telling.raised(one, problem)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, entered in reversed(self._entered):
            try:
                entered.__exit__(kind, problem, trace)
            except Exception as raised:  # noqa: BLE001  see above
                if raised is not problem:
                    self._telling.raised(one, raised)


def _over(step: Step, outcome: str, began: float, *, handler: str = "", error: str = "") -> Step:
    """A step that has ended. Written out, because `evolve` takes longer than all else that is told of a turn."""
    return Step(
        name=step.name,
        outcome=outcome,
        took=perf_counter() - began,
        channel=step.channel,
        marks=step.marks,
        handler=handler,
        error=error,
        attempt=step.attempt,
        desk=step.desk,
    )


def _mark(event: Event, seq: int = 0) -> Mark:
    return Mark(conversation=event.conversation, event=event.id, kind=type(event).__name__, seq=seq)
