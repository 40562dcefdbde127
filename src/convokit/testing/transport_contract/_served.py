"""A really served bot behind the platform's webhook: deliveries repeated, shuffled, cut off, too large."""

import random
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from convokit.abc import Request, Transport
from convokit.bot import Bot
from convokit.events import Event
from convokit.stores import Memory
from convokit.testing.simulation import VirtualClock
from convokit.testing.transport_contract._members import Members

BODY_LIMIT = 64 << 10
"""The bound on bodies of the bot that is served here, in bytes."""


class Served(Members):
    """What a transport holds behind the bot's own door."""

    @asynccontextmanager
    async def _door(self) -> AsyncIterator[tuple[Any, Any]]:
        """A served bot with this transport, and what calls it: `await call(request, …)` gives the status."""
        transport = self.transport("http://127.0.0.1:1", 1.0)
        if not transport.has_webhook or not self.genuine:
            pytest.skip("this transport takes no webhooks")
        bot = Bot("contract")
        bot.attach(_Deaf(transport))
        settings = evolve(bot.settings, body_limit=BODY_LIMIT, poll=86_400, purge_every=864_000)
        clock = VirtualClock(max(one.at for one in self._happenings(transport)))
        async with bot.serve(Memory(), clock=clock, settings=settings) as engine:

            async def call(request: Request, *parts: bytes, breaks_off: bool = False) -> int:
                return await _called(bot, engine, transport.channel, request, parts or (request.body,), breaks_off)

            yield call, engine

    def _happenings(self, transport: Transport) -> list[Event]:
        return [one for body in self.genuine for one in transport.receive(self.sign(body)).events]

    @pytest.mark.anyio
    async def test_a_served_bot_takes_each_happening_once_however_it_is_delivered(self) -> None:
        """Each call thrice, in another order, and once more six days later: as many are kept as happened."""
        async with self._door() as (call, engine):
            deliveries = [self.sign(body) for body in self.genuine for _ in range(3)]
            random.Random(7).shuffle(deliveries)  # noqa: S311  no secret: the same order every time
            assert {await call(request) for request in deliveries} == {200}
            await engine.quiet()
            receiver = self.transport("http://127.0.0.1:1", 1.0)
            events = self._happenings(receiver)
            newest = max(one.at for one in events)
            # Of a platform that signs the time, what is older than a week is a replay and dropped.
            fresh = [one for one in events if not receiver.signs_time or newest - one.at < timedelta(days=7)]
            happened = {(one.conversation, one.id) for one in fresh if not one.receipt}
            assert (await engine.stats()).accepted == len(happened)
            await engine.clock.move_to(engine.clock.now() + timedelta(days=6))
            # A proof that covers the time of the call is too old by then.
            assert {await call(self.sign(body)) for body in self.genuine} <= {200, 403}
            await engine.quiet()
            assert (await engine.stats()).accepted == len(happened)

    @pytest.mark.anyio
    async def test_a_call_that_breaks_off_leaves_nothing(self) -> None:
        """In the middle of its body, and before it."""
        async with self._door() as (call, engine):
            request = self.sign(self.genuine[0])
            for part in (b"", request.body[: len(request.body) // 2], request.body[:-1]):
                assert await call(request, part, breaks_off=True) in {400, 403}
            assert (await engine.stats()).accepted == 0
            assert await call(request, request.body[:3], request.body[3:]) == 200

    @pytest.mark.anyio
    async def test_a_body_is_read_up_to_the_bound_and_no_further(self) -> None:
        """At it, and one byte over it."""
        async with self._door() as (call, engine):
            body = self.genuine[0]
            if self.sign(body + b" ").body != body + b" ":
                pytest.skip("the proof is a part of the body: it has not the size that is asked for")
            at, over = (self.sign(body + b" " * (size - len(body))) for size in (BODY_LIMIT, BODY_LIMIT + 1))
            assert await call(at) in {200, 400, 403}
            kept = (await engine.stats()).accepted
            assert await call(over) == 413
            assert (await engine.stats()).accepted == kept

    @pytest.mark.anyio
    async def test_a_forged_call_is_answered_403_and_leaves_nothing(self) -> None:
        """Without a word on why."""
        async with self._door() as (call, engine):
            request = self.sign(self.genuine[0])
            if self.signature_header not in request.headers:
                pytest.skip("the proof is not in a header")
            bare = {name: one for name, one in request.headers.items() if name != self.signature_header}
            assert await call(evolve(request, headers=bare)) == 403
            assert (await engine.stats()).accepted == 0


class _Deaf(Transport):
    """A transport's webhook alone: what it says goes nowhere, and it does not listen."""

    def __init__(self, inner: Transport) -> None:
        self.channel = inner.channel
        self.inner = inner
        self.methods = inner.methods  # type: ignore[misc]  # the class's own, told by the instance
        self.signs_time = inner.signs_time  # type: ignore[misc]  # see above
        self.capabilities = inner.capabilities

    def receive(self, request: Request) -> Any:
        return self.inner.receive(request)

    async def send(self, to: object, message: object) -> None:
        del to, message


async def _called(
    bot: Bot, engine: Any, channel: str, request: Request, parts: tuple[bytes, ...], breaks_off: bool
) -> int:
    waiting = list(parts)
    told: dict[str, Any] = {}

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting) or breaks_off}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told["status"] = message["status"]

    path = f"/{channel}{request.path}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": request.query.encode(),
        "scheme": "http",
        "headers": [(name.encode(), value) for name, value in request.headers.items()],
        "state": {"convokit": {bot.name: engine}},
    }
    await bot.asgi()(scope, receive, send)
    return int(told["status"])
