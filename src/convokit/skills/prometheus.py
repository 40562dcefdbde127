"""Figures for Prometheus: what was accepted, handled and sent, how long each step took, what waits."""

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import anyio
from anyio import to_thread

from convokit import DefinitionError, MissingExtra, StoreError, __version__
from convokit.abc import Observer, Run, Site, Stats, Step

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""The upper bounds of the histograms: from a look-up in memory to an hour's wait."""
SHORTEST = 16
"""Characters of the shortest token: one that can be guessed is none."""
OLDEST = ("log", "failed", "handoffs", "conversations")
SENDS = ("waiting", "in flight", "sent", "failed", "held", "withdrawn")
MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Prometheus(Observer):
    """Counts and times every step of a run, in a registry of its own: `bot.observe(Prometheus(token=…))`.

    Labels are words of the code: names of channels, handlers, events' classes, steps and outcomes. Nothing that people
    wrote, and no id of theirs, ever becomes one. Needs the extra `metrics`.

    Args:
        token: What a scraper must send as `Authorization: Bearer …`, 16 characters or more; then the figures are a page
            of the bot's, `/metrics/`. None: there is no page, and `metrics` is for a page of your own.
        name: Where the page is.
        refresh: Seconds for which the store's counts are used again (0 to 3600): many scrapers cost the store no more
            than one.

    Attributes:
        registry: The `prometheus_client.CollectorRegistry`; figures of your own may be registered there.

    Raises:
        DefinitionError: A setting is out of its bounds.
        MissingExtra: `prometheus-client` is not installed.
    """

    def __init__(self, *, token: str | None = None, name: str = "metrics", refresh: float = 5.0) -> None:
        if token is not None and len(token) < SHORTEST:
            raise DefinitionError(
                f"Prometheus: token has {SHORTEST} characters or more, not {len(token)}: "
                "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"
            )
        if not 0 <= refresh <= 3600:  # noqa: PLR2004  an hour
            raise DefinitionError(f"Prometheus: refresh is a number of seconds from 0 to 3600, not {refresh!r:.60}")
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415  an extra
        except ImportError as problem:
            raise MissingExtra("Prometheus", "metrics") from problem
        # Without a token there is no page, and so no name that it could be found under.
        self.name = name if token is not None else ""
        self.registry = CollectorRegistry(auto_describe=False)
        self._token = token
        self._refresh = refresh
        self._run: Run | None = None
        self._looked = 0.0
        self._looking: anyio.Lock | None = None

        def counter(what: str, said: str, *labels: str) -> Counter:
            return Counter(f"convokit_{what}", said, labels, registry=self.registry)

        def gauge(what: str, said: str, *labels: str) -> Gauge:
            return Gauge(f"convokit_{what}", said, labels, registry=self.registry)

        def histogram(what: str, said: str, *labels: str) -> Histogram:
            return Histogram(f"convokit_{what}", said, labels, registry=self.registry, buckets=SECONDS)

        self._webhooks = counter("webhooks", "Webhook calls read, by outcome.", "channel", "outcome")
        self._bytes = counter("webhook_bytes", "Bytes of their bodies.", "channel")
        self._events = counter("events", "Events handed in: new, duplicate, or refused.", "channel", "outcome")
        self._turns = counter("turns", "Turns, by how they went.", "handler", "kind", "outcome")
        self._sends = counter("sends", "Calls to platforms and desk, by outcome.", "channel", "to", "outcome")
        self._steps = histogram("step_seconds", "Seconds that each step took.", "step", "channel")
        self._handlers = histogram("handler_seconds", "Seconds that each handler took.", "handler")
        self._about = gauge("run", "1 while a run is under way.", "bot", "version")
        self._store_up = gauge("store_up", "1 when the store answered the last time it was asked.")
        self._conversations = gauge("conversations", "Conversations ever seen.")
        self._waiting = gauge("events_waiting", "Events accepted and not yet handled.")
        self._oldest = gauge("oldest_waiting_seconds", "How long the event waits that waits longest; 0: none waits.")
        self._ages = gauge("oldest_seconds", "Age of the oldest that retention can remove; 0: there is none.", "kind")
        self._failed = gauge("events_failed", "Events given up, which wait for a person.")
        self._lanes = gauge("lanes", "Conversations with work: ready to be claimed, or claimed.", "state")
        self._outbox = gauge("outbox", "Rows of the outbox.", "state")
        self._timers = gauge("timers", "Timers set.")

    # ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────

    async def begins(self, run: Run) -> None:
        """A run has begun.

        Raises:
            DefinitionError: Another run is under way already: the counts of two stores would be one.
        """
        if self._run is not None:
            raise DefinitionError(
                f"Prometheus: this one observes a run of the bot {self._run.name} already: give the bot {run.name} "
                "one of its own"
            )
        self._run, self._looked, self._looking = run, 0.0, anyio.Lock()
        self._about.labels(run.name, __version__).set(1)

    def ends(self) -> None:
        """The run is over: counters stay, what only a store can tell goes."""
        if self._run is not None:
            self._about.labels(self._run.name, __version__).set(0)
        self._run = self._looking = None
        self._store_up.set(0)

    def told(self, step: Step) -> None:
        """Count a step."""
        self._steps.labels(step.name, step.channel).observe(step.took)
        match step.name:
            case "receive":
                self._webhooks.labels(step.channel, step.outcome).inc()
                self._bytes.labels(step.channel).inc(step.size)
            case "accept":
                self._events.labels(step.channel, step.outcome).inc(len(step.marks))
            case "handle":
                self._turns.labels(step.handler, step.marks[0].kind, step.outcome).inc()
                self._handlers.labels(step.handler).observe(step.took)
            case "deliver":
                self._sends.labels(step.channel, f"desk.{step.desk}" if step.desk else "customer", step.outcome).inc()
            case _:
                pass

    # ── what is asked for ───────────────────────────────────────────────────────────────────────────────────────────

    async def metrics(self) -> bytes:
        """All figures, in Prometheus's text format (`text/plain; version=0.0.4`)."""
        from prometheus_client import generate_latest  # noqa: PLC0415  an extra

        await self._look()
        # Some hundred histograms take tens of milliseconds to write down: not in the thread that serves people.
        return await to_thread.run_sync(generate_latest, self.registry)

    async def _look(self) -> None:
        """Read the store's counts, unless that was done a moment ago."""
        run, looking = self._run, self._looking
        if run is None or looking is None:
            return
        async with looking:
            now = anyio.current_time()
            if self._looked and now - self._looked < self._refresh:
                return
            try:
                self._counted(await run.store.stats(), run)
            except StoreError:
                self._store_up.set(0)
            self._looked = now

    def _counted(self, found: Stats, run: Run) -> None:
        self._store_up.set(1)
        self._conversations.set(found.conversations)
        self._waiting.set(found.waiting)
        now = run.clock.now()
        self._oldest.set(_age(found.oldest_waiting, now))
        for kind in OLDEST:
            self._ages.labels(kind).set(_age(found.oldest.get(kind), now))
        self._failed.set(found.failed)
        self._timers.set(found.timers)
        self._lanes.labels("ready").set(found.ready)
        self._lanes.labels("claimed").set(found.claimed)
        for state in (*SENDS, *(one for one in found.sends if one not in SENDS)):
            self._outbox.labels(state).set(found.sends.get(state, 0))

    # ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────

    def site(self, run: Run) -> Site | None:
        """The page with the figures; None without a token."""
        del run
        return None if self._token is None else self._page

    async def _page(self, scope: Any, receive: Any, send: Any) -> None:
        del receive
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4404})
            return
        rest = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        if rest:
            await _answer(send, 404, b"not found")
        elif not self._may_read(scope["headers"]):
            await _answer(send, 401, b"unauthorized", (b"www-authenticate", b"Bearer"))
        elif scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, b"method not allowed", (b"allow", b"GET, HEAD"))
        else:
            await _answer(send, 200, await self.metrics(), media_type=MEDIA_TYPE)

    def _may_read(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        given = next((value for name, value in headers if name.lower() == b"authorization"), b"")
        wanted = f"Bearer {self._token}".encode()
        return hmac.compare_digest(given, wanted)


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


async def _answer(send: Any, status: int, body: bytes, *more: tuple[bytes, bytes], media_type: bytes = b"") -> None:
    headers = [
        (b"content-type", media_type or b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
