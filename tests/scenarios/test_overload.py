"""More than can be handled: refused with 503 before it takes memory, and one busy conversation slows no other."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from attrs import define, evolve, field

from convokit import Bot, ConversationId, Event, Forged, Malformed, Message, MessageReceived, Settings, Turn, User
from convokit._engine.clock import SystemClock
from convokit._engine.engine import Engine
from convokit.abc import Committed, Lane, Received, Request, Store, Transport
from convokit.stores import Memory, SQLite

pytestmark = pytest.mark.anyio

BODY = b'{"id": "%d", "from": "ada", "text": "hi"}'


class Hook(Transport):
    """A platform that sends `{"id": …, "from": …, "text": …}`, with whatever else; what it is sent is forgotten."""

    channel = "hook"

    def receive(self, request: Request) -> Received:
        if request.headers.get("x-word") != b"sesame":
            raise Forged(self.channel)
        try:
            said = msgspec.json.decode(request.body, type=dict[str, str])
        except ValueError as problem:
            raise Malformed(self.channel, str(problem)) from problem
        where = ConversationId(self.channel, said["from"])
        return Received(events=(MessageReceived(id=said["id"], conversation=where, at=request.at, text=said["text"]),))

    async def send(self, to: ConversationId, message: Message) -> str | None:
        del to, message
        return None


class Slow(Memory):
    """A store whose disk is slow until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.came = 0
        self.go = anyio.Event()

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        self.came += 1
        await self.go.wait()
        return await super().accept(events)


@define
class Call:
    """One webhook: what was asked of it, in order, and what it was answered."""

    number: int = 0
    parts: Sequence[bytes] = ()
    word: str = "sesame"
    hangs: bool = False
    steps: list[str] = field(factory=list)
    status: int = 0
    headers: dict[bytes, bytes] = field(factory=dict)
    body: bytes = b""

    async def made(self, app: Any) -> "Call":
        """Make it."""
        left = list(self.parts or (BODY % self.number,))

        async def receive() -> Mapping[str, Any]:
            self.steps.append("receive")
            if not left:
                if not self.hangs:
                    return {"type": "http.disconnect"}
                await anyio.sleep_forever()
            part = left.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(left) or self.hangs}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status, self.headers = message["status"], dict(message["headers"])
            else:
                self.body += message["body"]
            self.steps.append("more" if message.get("more_body") else message["type"].rpartition(".")[2])

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/hook",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"x-word", self.word.encode())],
        }
        await app(scope, receive, send)
        return self


@asynccontextmanager
async def running(store: Store | None = None, **settings: Any) -> AsyncIterator[tuple[Any, Engine]]:
    """A bot's app with a running engine, as a host would have it."""
    bot = Bot("busy", settings=Settings(**settings))
    bot.attach(Hook())
    async with bot.serve(store or Memory()) as engine:
        asgi = bot.asgi()

        async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
            await asgi({**scope, "state": {"convokit": {bot.name: engine}}}, receive, send)

        yield app, engine


async def at_rest() -> None:
    """Let what can go on without a clock go on."""
    for _ in range(30):
        await anyio.lowlevel.checkpoint()


async def many(app: Any, calls: Sequence[Call], settled: Callable[[], None]) -> None:
    """Make calls that overlap; `settled` is called when all of them wait for something."""
    async with anyio.create_task_group() as tasks:
        for one in calls:
            tasks.start_soon(one.made, app)
            await at_rest()  # one after the other: trio starts tasks in any order
        settled()


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [3, 4, 5, 50])
async def test_as_many_webhooks_as_may_be_are_under_way_and_those_beyond_are_answered_503_unread(count: int) -> None:
    store, calls = Slow(), [Call(number) for number in range(count)]
    async with running(store, webhooks_at_once=4) as (app, engine):

        def settled() -> None:
            assert store.came == min(count, 4)
            assert engine.webhooks.under_way == min(count, 4)
            store.go.set()

        await many(app, calls, settled)
        let_in, refused = calls[:4], calls[4:]
        assert {one.status for one in let_in} == {200}
        assert all(one.steps[0] == "receive" for one in let_in)
        for one in refused:
            assert (one.status, one.headers[b"retry-after"], one.headers[b"connection"]) == (503, b"5", b"close")
            assert one.steps == ["start", "more", "receive", "body"]  # answered before anything of it is read
            assert one.body == b"try again"
        assert (await Call(99).made(app)).status == 200
        stats = await engine.stats()
        assert stats.turns + stats.waiting == len(let_in) + 1


async def test_the_log_tells_once_a_minute_that_webhooks_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    store = Slow()
    with caplog.at_level(logging.WARNING):
        async with running(store, webhooks_at_once=1) as (app, _):
            await many(app, [Call(number) for number in range(20)], store.go.set)
    (line,) = [one.getMessage() for one in caplog.records if "503" in one.getMessage()]
    assert line == "channel=hook webhook answered 503, the platform delivers again: 1 are under way (webhooks_at_once)"


@pytest.mark.parametrize(("size", "status"), [(1023, 200), (1024, 200), (1025, 503)])
async def test_the_bodies_of_all_webhooks_together_have_a_bound(size: int, status: int) -> None:
    store, padded = Slow(), b'{"id": "2", "from": "bob", "text": ""}'
    first = Call(parts=[b'{"id": "1", "from": "ada", "text": "hi"}'.ljust(1024)])
    second = Call(parts=[padded.ljust(size - 500), b" " * 500])
    async with running(store, body_limit=1100, bodies_at_once=2048) as (app, engine):

        def settled() -> None:
            assert engine.webhooks.held == (1024 + size if status == 200 else 1024)
            store.go.set()

        await many(app, [first, second], settled)
        assert (first.status, second.status) == (200, status)
        assert engine.webhooks.held == 0
        again = Call(parts=[padded.ljust(size)])
        assert (await again.made(app)).status == 200


async def test_a_body_that_is_too_much_in_its_middle_is_answered_first_and_then_let_in_and_dropped() -> None:
    store = Slow()
    first = Call(parts=[BODY.ljust(1024)], hangs=True)
    second = Call(parts=[b" " * 500, b" " * 600, b" " * 700])
    async with running(store, body_limit=1100, bodies_at_once=1100, body_deadline=0.5) as (app, engine):
        await many(app, [first, second], store.go.set)
        assert (first.status, second.status) == (408, 503)
        assert second.steps == ["receive", "start", "more", "receive", "receive", "body"]
        assert (engine.webhooks.under_way, engine.webhooks.held, engine.webhooks.lingering) == (0, 0, 0)


async def test_refused_callers_may_finish_sending_but_not_any_number_of_them() -> None:
    store = Slow()
    refused = [Call(number, hangs=True) for number in range(6)]
    async with running(store, webhooks_at_once=1) as (app, engine), anyio.create_task_group() as tasks:
        tasks.start_soon(Call(7).made, app)
        await at_rest()
        for one in refused:
            tasks.start_soon(one.made, app)
            await at_rest()
        assert engine.webhooks.lingering == 4
        let_in, cut_off = [["start", "more", "receive", "receive"]], [["start", "body"]]
        assert [one.steps for one in refused] == [*let_in * 4, *cut_off * 2]
        tasks.cancel_scope.cancel()
    assert (engine.webhooks.under_way, engine.webhooks.held, engine.webhooks.lingering) == (0, 0, 0)


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (Call(word="wrong"), 403),
        (Call(parts=[b"[1]"]), 400),
        (Call(parts=[b" " * 2000]), 413),
        (Call(parts=[b"{"], hangs=True), 408),
    ],
)
async def test_however_a_webhook_ends_its_place_is_free_again(call: Call, status: int) -> None:
    async with running(webhooks_at_once=1, body_limit=1024, bodies_at_once=1024, body_deadline=0.1) as (app, engine):
        for _ in range(3):
            again = Call(parts=call.parts, word=call.word, hangs=call.hangs)
            assert (await again.made(app)).status == status
        assert (engine.webhooks.under_way, engine.webhooks.held) == (0, 0)
        assert (await Call(1).made(app)).status == 200


# ── a busy conversation ─────────────────────────────────────────────────────────────────────────────────────────────

WAITING = 10_000


def said(name: str, number: int) -> MessageReceived:
    return MessageReceived(
        id=f"m{number}",
        conversation=ConversationId("hook", name),
        at=SystemClock().now(),
        user=User(id=name),
        text="hi",
    )


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Memory() if request.param == "memory" else SQLite(tmp_path / "busy.db")


async def test_ten_thousand_waiting_events_of_one_conversation_do_not_hold_up_another(store: Store) -> None:
    bot = Bot("busy", settings=Settings(turns_at_once=1, lane_limit=20_000, answers_a_minute=1_000_000))
    bot.attach(Hook())
    handled: list[str] = []
    begun, served = anyio.Event(), anyio.Event()
    asked_at: list[int] = []

    @bot.fallback
    async def note(turn: Turn) -> None:
        handled.append(turn.user.id)
        begun.set()
        if turn.user.id != "flood":
            served.set()
            await anyio.sleep_forever()  # what is behind it does not matter here

    async with bot.serve(store, settings=bot.settings) as engine:
        await engine.accept([said("flood", number) for number in range(WAITING)])
        with anyio.fail_after(30):
            await begun.wait()
            await engine.accept([said("ada", 1)])
            asked_at.append(len(handled))
            await served.wait()
        behind = len(handled) - asked_at[0]
        # With one worker: what is left of the 16 that one claim hands over, and of one more claim at most.
        assert behind <= 2 * 16
        engine._lanes.feeder.stopping = True
        for held in engine._lanes._held.values():
            held.lost.cancel()


async def steps(store: SQLite, work: Callable[[], Any]) -> int:
    """How many steps of SQLite's machine something takes."""
    assert store._run is not None
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    writer = store._run.writer
    await writer.run(lambda db: db.set_progress_handler(count, 1), writes=False)
    await work()
    await writer.run(lambda db: db.set_progress_handler(None, 1), writes=False)
    return counted


async def costs(store: SQLite, waiting: int) -> dict[str, int]:
    """What the writer's verbs take of SQLite's steps while so many events of one conversation wait."""
    store.most_waiting = 20_000
    await store.open(SystemClock())
    try:
        await store.accept([said("flood", number) for number in range(waiting)])
        lanes: list[Lane] = []

        async def claim() -> None:
            lanes.extend(await store.claim("w", 10, 30))

        async def commit() -> None:
            (lane,) = lanes
            conversation = evolve(lane.conversation, version=1)
            turn = Committed(epoch=lane.epoch, seq=1, conversation=conversation, release=False)
            assert await store.commit([turn]) == [True]

        return {
            "accept there": await steps(store, lambda: store.accept([said("flood", WAITING + 1)])),
            "claim": await steps(store, claim),
            "commit": await steps(store, commit),
            "accept elsewhere": await steps(store, lambda: store.accept([said("ada", 1)])),
            "release": await steps(store, lambda: store.release(lanes[0], error="again")),
            "next due": await steps(store, store.next_due),
        }
    finally:
        await store.close()


async def test_no_verb_of_the_writer_costs_more_where_more_waits(tmp_path: Path) -> None:
    few, many_more = await costs(SQLite(tmp_path / "few.db"), 20), await costs(SQLite(tmp_path / "many.db"), WAITING)
    print({name: (few[name], many_more[name]) for name in few})
    assert all(0 < many_more[name] <= 1.1 * few[name] for name in few)
