"""The door for webhooks: nothing that comes in makes it fall over, and 200 means that it is kept."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import msgspec
import pytest
from attrs import evolve
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from convokit import (
    Bot,
    ConversationId,
    ConversationOpened,
    DefinitionError,
    Event,
    Forged,
    LaneFull,
    Malformed,
    Message,
    MessageReceived,
    OperatorJoined,
    Settings,
    StoreUnavailable,
    Turn,
    User,
)
from convokit.abc import Received, Request, Transport
from convokit.stores import Memory
from convokit.testing import VirtualClock

pytestmark = pytest.mark.anyio

App = Any


class Hook(Transport):
    """A platform that signs with a word and sends `{"id": …, "from": …, "text": …}`."""

    channel = "hook"

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def receive(self, request: Request) -> Received:
        if request.headers.get("x-word") != b"sesame":
            raise Forged(self.channel)
        try:
            said = msgspec.json.decode(request.body, type=dict[str, str])
            where = ConversationId(self.channel, said["from"])
            event = MessageReceived(
                id=said["id"], conversation=where, at=request.at, user=User(id=said["from"]), text=said["text"]
            )
        except (KeyError, ValueError, RecursionError) as problem:
            raise Malformed(self.channel, str(problem)) from problem
        return Received(events=(event,), body=b"thanks")

    async def send(self, to: ConversationId, message: Message) -> str | None:
        self.sent.append((to.id, message.text))
        return None


class Full(Memory):
    """A store whose disk is full while `full`."""

    full = False

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        if self.full:
            raise StoreUnavailable("the disk is full")
        return await super().accept(events)


def echo_bot() -> tuple[Bot, Hook]:
    bot, hook = Bot("echo"), Hook()
    bot.attach(hook)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    return bot, hook


BODY = b'{"id": "1", "from": "ada", "text": "hi"}'
SIGNED = {"x-word": "sesame"}
BEGINNING = datetime(2026, 1, 5, tzinfo=UTC)


async def call(
    app: App,
    path: str,
    *parts: bytes,
    method: str = "POST",
    headers: Mapping[str, str] = SIGNED,
    state: Mapping[str, Any] | None = None,
    hangs: bool = False,
) -> tuple[int, dict[str, str], bytes]:
    """One request to an ASGI app; with `hangs` the body never ends."""
    waiting = list(parts or (b"",))
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        if not waiting:
            await anyio.sleep_forever()
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting) or hangs}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer["status"], answer["headers"] = message["status"], message["headers"]
        else:
            answer["body"] += message["body"]

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "state": dict(state or {}),
    }
    await app(scope, receive, send)
    return answer["status"], {k.decode(): v.decode() for k, v in answer["headers"]}, answer["body"]


@asynccontextmanager
async def running(bot: Bot, **kwargs: Any) -> AsyncIterator[tuple[App, Any]]:
    """The bot's app with a running engine, as a host would have it."""
    async with bot.serve(kwargs.pop("store", None) or Memory(), **kwargs) as engine:
        state = {"convokit": {bot.name: engine}}

        async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
            await bot.asgi()({**scope, "state": state}, receive, send)

        yield app, engine


async def test_a_signed_call_is_kept_answered_and_handled_once() -> None:
    bot, hook = echo_bot()
    async with running(bot) as (app, engine):
        for _ in range(3):
            status, headers, body = await call(app, "/hook", BODY)
            assert (status, body) == (200, b"thanks")
            assert headers["x-content-type-options"] == "nosniff"
        await engine.quiet()
    assert hook.sent == [("ada", "hi")]


@pytest.mark.parametrize(
    ("path", "method", "headers", "body", "status"),
    [
        ("/hook", "POST", {}, BODY, 403),
        ("/hook", "POST", {"x-word": "sesam\xe9"}, BODY, 403),
        ("/hook", "POST", SIGNED, b"[1]", 400),
        ("/hook", "POST", SIGNED, b"\xff", 400),
        ("/hook", "POST", SIGNED, b"", 400),
        ("/nowhere", "POST", SIGNED, BODY, 404),
        ("/", "GET", SIGNED, b"", 404),
        ("/hook", "DELETE", SIGNED, b"", 405),
        ("/hook", "GET", SIGNED, b"", 405),
    ],
)
async def test_what_is_not_a_good_call_is_refused_without_detail(
    path: str, method: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    bot, hook = echo_bot()
    async with running(bot) as (app, engine):
        answered, sent_headers, said = await call(app, path, body, method=method, headers=headers)
        assert answered == status
        assert len(said) < 30
        assert ("allow" in sent_headers) == (status == 405)
        await engine.quiet()
        assert (await engine.stats()).conversations == 0
    assert hook.sent == []


async def test_a_stranger_who_forges_many_calls_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bot, _ = echo_bot()
    clock = VirtualClock()
    async with running(bot, clock=clock) as (app, _engine):
        for minutes, calls in ((0, 100), (2, 1)):
            await clock.move_to(clock.now() + timedelta(minutes=minutes))
            for _ in range(calls):
                assert (await call(app, "/hook", BODY, headers={}))[0] == 403
    refused = [one.getMessage() for one in caplog.records if "refused" in one.getMessage()]
    assert len(refused) == 2
    assert "(99 more since" in refused[1]


@pytest.mark.parametrize(("over", "status"), [(-1, 200), (0, 200), (1, 413)])
async def test_a_body_is_bounded_by_what_arrives_not_by_what_it_says(over: int, status: int) -> None:
    bot, _ = echo_bot()
    async with running(bot, settings=Settings(body_limit=2048)) as (app, _engine):
        body = b'{"id": "1", "from": "ada", "text": "' + b"x" * (2048 + over - 38) + b'"}'
        assert len(body) == 2048 + over
        lying = {**SIGNED, "content-length": "10"}
        assert (await call(app, "/hook", body[:1000], body[1000:], headers=lying))[0] == status


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    bot, _ = echo_bot()
    async with running(bot, settings=Settings(body_deadline=0.1)) as (app, _engine):
        assert (await call(app, "/hook", BODY[:5], hangs=True))[0] == 408


@pytest.mark.parametrize("forget_after", [8, 30])
async def test_a_signed_call_kept_until_its_id_is_forgotten_is_not_handled_again(forget_after: int) -> None:
    """Replayed by a stranger who recorded it, on each of nine days."""

    class Dated(Hook):
        """A platform that signs the time too."""

        signs_time = True

        def receive(self, request: Request) -> Received:
            (event,) = super().receive(request).events
            known = {"conversation": event.conversation, "at": BEGINNING, "user": event.user}
            # What was said is in the log for ever; of what leaves no line there the id is forgotten.
            return Received(events=(evolve(event, at=BEGINNING), ConversationOpened(id=f"{event.id} opened", **known)))

    clock, hook, bot = VirtualClock(BEGINNING), Dated(), Bot("echo")
    bot.attach(hook)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    @bot.on(ConversationOpened)
    async def greet(turn: Turn) -> None:
        turn.reply("welcome")

    settings = Settings(poll=2_592_000, forget_after=forget_after)
    async with running(bot, clock=clock, settings=settings) as (app, engine):
        for _ in range(9):
            assert (await call(app, "/hook", BODY))[0] == 200
            await clock.move_to(clock.now() + timedelta(days=1))
            await engine.quiet()
        assert (await call(app, "/hook", BODY))[0] == 200
        await engine.quiet()
        assert hook.sent == [("ada", "hi"), ("ada", "welcome")]


async def test_where_too_much_waits_it_is_503_until_some_is_handled_and_others_are_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot, goes_on = Bot("slow", settings=Settings(lane_limit=16, answers_a_minute=1000)), anyio.Event()
    hook = Hook()
    bot.attach(hook)

    @bot.fallback
    async def wait(turn: Turn) -> None:
        if turn.user.id == "ada":
            await goes_on.wait()
        turn.reply(turn.text)

    def body(number: int, who: str = "ada") -> bytes:
        return msgspec.json.encode({"id": f"m{number}", "from": who, "text": f"{number}"})

    where = ConversationId("hook", "ada")
    async with running(bot) as (app, engine):
        for number in range(16):
            assert (await call(app, "/hook", body(number)))[0] == 200
        status, headers, _ = await call(app, "/hook", body(16))
        assert (status, headers["retry-after"]) == (503, "5")
        assert "16 events wait in hook:ada" in caplog.text
        assert (await call(app, "/hook", body(15)))[0] == 200
        assert (await call(app, "/hook", body(1, "bob")))[0] == 200
        with pytest.raises(LaneFull, match="hook:ada"):
            await engine.send(where, "news")
        # What came for others in the same call is kept, and known when all comes again.
        both = [
            MessageReceived(
                id="both", conversation=ConversationId("hook", who), at=BEGINNING, user=User(id=who), text="both"
            )
            for who in ("bob", "ada")
        ]
        with pytest.raises(LaneFull):
            await engine.accept(both)
        join = OperatorJoined(id="j", conversation=where, at=BEGINNING, operator=User(id="grace"), epoch=7)
        assert list(await engine.accept([join])) == [True]
        goes_on.set()
        await engine.quiet()
        assert list(await engine.accept(both)) == [False, True]
        assert (await call(app, "/hook", body(16)))[0] == 200
        await engine.quiet()
    assert [text for who, text in hook.sent if who == "ada"] == [*map(str, range(16)), "both", "16"]
    assert [text for who, text in hook.sent if who == "bob"] == ["1", "both"]


async def test_while_the_store_cannot_write_it_is_503_and_nothing_is_lost() -> None:
    bot, hook = echo_bot()
    store = Full()
    async with running(bot, store=store) as (app, engine):
        store.full = True
        status, headers, _ = await call(app, "/hook", BODY)
        assert (status, headers["retry-after"]) == (503, "5")
        store.full = False
        assert (await call(app, "/hook", BODY))[0] == 200
        await engine.quiet()
    assert hook.sent == [("ada", "hi")]


@pytest.mark.parametrize("host", [Starlette, FastAPI])
async def test_it_mounts_in_a_host_that_runs_it(host: Any) -> None:
    bot, hook = echo_bot()
    lifespans: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Mapping[str, Any]]:
        async with bot.serve(Memory()) as engine:
            lifespans.append("in")
            yield {"convokit": {bot.name: engine}}
            await engine.quiet()
        lifespans.append("out")

    routes = [Mount("/bot", app=bot.asgi())]
    app = host(routes=routes, lifespan=lifespan)
    async with app.router.lifespan_context(app) as state:
        status, _, body = await call(app, "/bot/hook", BODY, state=state)
        assert (status, body) == (200, b"thanks")
        assert (await call(app, "/bot/nowhere", BODY, state=state))[0] == 404
        assert (await call(app, "/hook", BODY, state=state))[0] == 404
    assert hook.sent == [("ada", "hi")]
    assert lifespans == ["in", "out"]


async def test_the_bots_own_lifespan_runs_it_on_a_file_named_after_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bot, hook = echo_bot()
    app = FastAPI(lifespan=bot.lifespan)
    app.mount("/bot", bot.asgi())
    async with app.router.lifespan_context(app) as state:
        assert (await call(app, "/bot/hook", BODY, state=state))[0] == 200
        await state["convokit"]["echo"].quiet()
    assert hook.sent == [("ada", "hi")]
    assert (tmp_path / "echo.db").exists()


async def test_a_mounted_bot_that_nobody_runs_says_what_is_missing() -> None:
    bot, _ = echo_bot()
    app = FastAPI()
    app.mount("/bot", bot.asgi())
    with pytest.raises(DefinitionError, match=r"lifespan=bot\.lifespan"):
        await call(app, "/bot/hook", BODY)


async def test_served_by_itself_it_starts_and_stops_with_the_server() -> None:
    bot, hook = echo_bot()
    app = bot.asgi("memory:")
    to_app, from_server = anyio.create_memory_object_stream[dict[str, Any]](2)
    from_app: list[str] = []
    started = anyio.Event()

    async def send(message: Any) -> None:
        from_app.append(message["type"])
        started.set()

    with to_app, from_server:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(app, {"type": "lifespan"}, from_server.receive, send)
            to_app.send_nowait({"type": "lifespan.startup"})
            await started.wait()
            assert (await call(app, "/hook", BODY))[0] == 200
            to_app.send_nowait({"type": "lifespan.shutdown"})
    assert from_app == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert hook.sent in ([("ada", "hi")], [])


async def test_a_bot_that_fails_while_it_stops_says_so_in_the_servers_words() -> None:
    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        yield
        raise ValueError("the kitchen does not close")

    bot, told = Bot("kitchen", lifespan=resources), []
    to_app, from_server = anyio.create_memory_object_stream[dict[str, Any]](2)

    async def send(message: Any) -> None:
        told.append((message["type"], message.get("message", "")))

    with to_app, from_server:
        to_app.send_nowait({"type": "lifespan.startup"})
        to_app.send_nowait({"type": "lifespan.shutdown"})
        with pytest.raises(ValueError, match="does not close"):
            await bot.asgi("memory:")({"type": "lifespan"}, from_server.receive, send)
    assert told == [
        ("lifespan.startup.complete", ""),
        ("lifespan.shutdown.failed", "ValueError: the kitchen does not close"),
    ]


async def test_what_the_bots_lifespan_yields_is_what_handlers_see() -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def resources() -> AsyncIterator[dict[str, str]]:
        yield {"kitchen": "open"}
        closed.append("closed")

    bot, hook = Bot("kitchen", lifespan=resources), Hook()
    bot.attach(hook)

    @bot.fallback
    async def show(turn: Turn) -> None:
        turn.reply(turn.app["kitchen"])

    async with running(bot) as (app, engine):
        await call(app, "/hook", BODY)
        await engine.quiet()
    assert hook.sent == [("ada", "open")]
    assert closed == ["closed"]


def test_no_body_whatever_makes_it_fall_over() -> None:
    bot, _ = echo_bot()

    async def tried(body: bytes, word: bytes) -> int:
        async with running(bot) as (app, _engine):
            return (await call(app, "/hook", body, headers={"x-word": word.decode("latin-1")}))[0]

    @given(body=st.binary(max_size=200) | st.just(b"[" * 100_000), word=st.sampled_from([b"sesame", b"", b"\xff"]))
    def property_(body: bytes, word: bytes) -> None:
        assert anyio.run(tried, body, word) in {200, 400, 403}

    property_()
