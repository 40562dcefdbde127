"""Traces for OpenTelemetry: one for each event, with one span for each step."""

import hmac
import os
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import time_ns
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from convokit import ConversationId, MissingExtra, __version__
from convokit.abc import Mark, Observer, Run, Step

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, TracerProvider

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

REMEMBERED = 10_000
"""Of how many events the trace is known at the same time: those beyond begin a new one at their next step."""
SHELF = "opentelemetry"
WRONG = frozenset({"forged", "malformed", "raised", "full", "unavailable", "cancelled", "fenced", "failed", "held"})
"""Outcomes whose spans have the status of an error."""


class OpenTelemetry(Observer):
    """Draws a trace of each event, with a span for each step: `bot.observe(OpenTelemetry())`.

    The first step that this process sees begins the trace, below the caller's own span if there is one; the others are
    its children, in whatever task they run. What a handler or a transport calls, if instrumented, hangs below the spans
    "convokit handle" and "convokit deliver". An event that an earlier process accepted gets a trace of its own: made-up
    ids of traces would take the decision what is sampled from your sampler. Both have the same `convokit.event`.

    Attributes are those of `Step`. The ids of conversations and events are in them as keyed hashes, the same in every
    run on one store; nothing that people wrote is. Without an SDK in the process spans are not recorded and cost next
    to nothing. Needs the extra `otel`.

    Args:
        tracer_provider: In place of the process's own.

    Raises:
        MissingExtra: `opentelemetry-api` is not installed.
    """

    def __init__(self, *, tracer_provider: "TracerProvider | None" = None) -> None:
        try:
            from opentelemetry import trace  # noqa: PLC0415  an extra
        except ImportError as problem:
            raise MissingExtra("OpenTelemetry", "otel") from problem
        self._trace = trace
        self._tracer = trace.get_tracer("convokit", __version__, tracer_provider)
        self._key = os.urandom(32)
        self._events: _Newest[tuple[ConversationId, str], SpanContext] = _Newest(REMEMBERED)
        self._places: _Newest[tuple[ConversationId, int], SpanContext] = _Newest(REMEMBERED)
        self._open: _Newest[tuple[str, ConversationId, int], Span] = _Newest(REMEMBERED)

    async def begins(self, run: Run) -> None:
        """Take the key for hashes from the store, where the first run has put it."""
        await run.store.keep(SHELF, "key", self._key, only_new=True)
        self._key = await run.store.kept(SHELF, "key") or self._key

    def hashed(self, conversation: ConversationId, event: str = "") -> str:
        """What stands for a conversation, or for an event in it, in `convokit.conversation` and `convokit.event`."""
        named = f"{conversation}\n{event}" if event else str(conversation)
        return hmac.digest(self._key, named.encode("utf-8", "surrogatepass"), "sha256").hex()[:16]

    def around(self, step: Step) -> AbstractContextManager[object] | None:
        """The step's span, as the current one for what is called in it."""
        mark = step.marks[0]
        span = self._begun(step, mark, time_ns())
        if not span.get_span_context().is_valid:
            return None  # no SDK
        self._open[step.name, mark.conversation, mark.seq] = span
        return self._current(span)

    @contextmanager
    def _current(self, span: "Span") -> Iterator[None]:
        # What is raised may hold what people said: neither message nor trace of it is recorded.
        with self._trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield

    def told(self, step: Step) -> None:
        """Draw a step's span, or end the one that was around it."""
        end = time_ns()
        for mark in step.marks:
            span = self._open.pop((step.name, mark.conversation, mark.seq))
            if span is None:
                span = self._begun(step, mark, end - round(step.took * 1e9))
            if span.is_recording():
                span.set_attributes(self._attributes(step, mark))
                if step.outcome in WRONG:
                    span.set_status(self._trace.StatusCode.ERROR, step.error or step.outcome)
            span.end(end)
        if not step.marks and step.name == "receive":
            span = self._tracer.start_span("convokit receive", start_time=end - round(step.took * 1e9))
            span.set_attributes(self._attributes(step, None))
            if step.outcome in WRONG:
                span.set_status(self._trace.StatusCode.ERROR, step.outcome)
            span.end(end)

    def _begun(self, step: Step, mark: Mark, start: int) -> "Span":
        """A span in the trace of its event."""
        kind = self._trace.SpanKind
        span = self._tracer.start_span(
            f"convokit {step.name}",
            context=self._above(step, mark),
            kind=kind.CLIENT if step.name == "deliver" else kind.INTERNAL,
            start_time=start,
        )
        own = span.get_span_context()
        if not own.is_valid:
            return span
        root = self._root(mark) or own
        if mark.event:
            self._events[mark.conversation, mark.event] = root
        if mark.seq:
            self._places[mark.conversation, mark.seq] = root
        return span

    def _root(self, mark: Mark) -> "SpanContext | None":
        """The first span of the event's trace, as far as this process knows it."""
        known = self._events.get((mark.conversation, mark.event)) if mark.event else None
        return known or self._places.get((mark.conversation, mark.seq))

    def _above(self, step: Step, mark: Mark) -> "Context":
        """Below what a step's span hangs."""
        from opentelemetry.context import Context, get_current  # noqa: PLC0415  an extra

        # Choosing a handler is a part of the turn that is under way.
        handle = self._open.get(("handle", mark.conversation, mark.seq)) if step.name == "select" else None
        if handle is not None:
            return self._trace.set_span_in_context(handle, Context())
        root = self._root(mark)
        if root is not None:
            return self._trace.set_span_in_context(self._trace.NonRecordingSpan(root), Context())
        # Only what is handed in has a caller: an engine's own tasks have what was current when it was started.
        if step.name in {"receive", "accept"} and self._trace.get_current_span().is_recording():
            return get_current()
        return Context()

    def _attributes(self, step: Step, mark: Mark | None) -> dict[str, Any]:
        """What of a step may be seen."""
        found: dict[str, Any] = {
            "convokit.step": step.name,
            "convokit.outcome": step.outcome,
            "convokit.channel": step.channel,
            "convokit.handler": step.handler,
            "convokit.attempt": step.attempt,
            "convokit.size": step.size,
            "convokit.desk": step.desk,
            "error.type": step.error,
        }
        if mark is not None:
            found["convokit.conversation"] = self.hashed(mark.conversation)
            found["convokit.event"] = self.hashed(mark.conversation, mark.event) if mark.event else ""
            found["convokit.kind"] = mark.kind
            found["convokit.seq"] = mark.seq
        return {name: value for name, value in found.items() if value}


class _Newest(Generic[K, V]):
    """Remembers the newest so many values."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._kept.get(key)

    def pop(self, key: K) -> V | None:
        return self._kept.pop(key, None)

    def __setitem__(self, key: K, value: V) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
