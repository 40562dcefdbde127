"""Transports and desks with pages of their own: where they are served, what they are given, and what reads the log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from convokit import (
    Bot,
    Capabilities,
    ConversationId,
    DefinitionError,
    Limit,
    Message,
    MessageReceived,
    OperatorReplied,
    Settings,
    Turn,
    User,
)
from convokit._engine.server import has_pages, opens_port
from convokit.abc import Desk, Received, Request, Run, Site, Transport
from convokit.cli import serving
from convokit.desks import Inbox, Local
from convokit.stores import Memory

pytestmark = pytest.mark.anyio

ADA = ConversationId("pages", "ada")


def site_of(name: str) -> Site:
    """A site that answers who it is and where it thinks to be."""

    async def page(request: WebRequest) -> PlainTextResponse:
        own = request.url_for("page", path="x").path
        return PlainTextResponse(f"{name} {request.path_params['path']} {own}")

    async def line(socket: WebSocket) -> None:
        await socket.accept(subprotocol="convokit.v1")
        await socket.send_text(f"{name} {await socket.receive_text()}")
        await socket.close()

    app: Site = Starlette(routes=[WebSocketRoute("/v1/ws", line), Route("/{path:path}", page, name="page")])
    return app


class Pages(Transport):
    """A transport with pages that read the log by themselves."""

    channel = "pages"
    capabilities = Capabilities(text_limit=Limit(10))
    reads_log = True

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def site(self, run: Run) -> Site | None:
        self.runs.append(run)
        return site_of(self.channel)

    def receive(self, request: Request) -> Received:
        return Received(body=b"webhook")

    async def send(self, to: ConversationId, message: Message) -> str | None:
        raise AssertionError("what is in the log needs no sending")


class Window(Desk):
    """A desk with pages that read the store by themselves."""

    name = "window"
    reads_log = True

    def site(self, run: Run) -> Site | None:
        return site_of(self.name)

    async def run(self, accept: Any) -> None:
        """Nothing comes in here."""

    async def offer(self, *_: Any) -> None:
        raise AssertionError("it reads the store")

    forward = withdraw = offer


class Hook(Transport):
    """A transport with a webhook only."""

    channel = "hook"

    def receive(self, request: Request) -> Received:
        return Received(body=b"webhook")

    async def send(self, to: ConversationId, message: Message) -> str | None:
        return None


def paged_bot() -> tuple[Bot, Pages]:
    bot, pages = Bot("paged", desk=Window()), Pages()
    bot.attach(pages, Hook())

    @bot.text("help")
    async def call(turn: Turn) -> None:
        turn.reply("one two three four")
        turn.hand_off("asked")

    @bot.text("look")
    async def look(turn: Turn) -> None:
        turn.reply("one two three four")
        await turn.flush()
        turn.reply("found it")

    return bot, pages


@asynccontextmanager
async def serving_at(prefix: str, bot: Bot, root: str = "") -> AsyncIterator[Any]:
    """The bot's app below a prefix of a host's, by itself, or behind what says a root path."""
    async with bot.serve(Memory()) as engine:
        own: Any = bot.asgi()
        host: Any = Starlette(routes=[Mount(prefix, app=own)]) if prefix else own

        async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
            await host({**scope, "root_path": root, "state": {"convokit": {bot.name: engine}}}, receive, send)

        yield app


async def ask(app: Any, path: str, *, method: str = "GET", query: bytes = b"") -> tuple[int, Mapping[str, str], str]:
    """One request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "scheme": "http",
        "server": ("test", 80),
        "headers": [(b"host", b"evil.example")],
    }
    await app(scope, receive, send)
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]).decode()


async def call(app: Any, path: str) -> list[dict[str, Any]]:
    """What a WebSocket that says "hi" gets."""
    sent: list[dict[str, Any]] = []
    coming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hi"}]

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1001}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "ws",
        "headers": [],
        "subprotocols": ["convokit.v1"],
    }
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("prefix", "root", "outside"),
    [("", "", ""), ("/bot", "", "/bot"), ("/a/b", "", "/a/b"), ("", "/proxied", "/proxied")],
    ids=["alone", "mounted", "mounted deep", "behind a root path"],
)
async def test_pages_are_found_below_their_names_wherever_the_bot_is_mounted(
    prefix: str, root: str, outside: str
) -> None:
    bot, _ = paged_bot()
    async with serving_at(prefix, bot, root) as app:
        for name in ("pages", "window"):
            assert await said(app, f"{outside}/{name}/") == f"{name}  {outside}/{name}/x"
            assert await said(app, f"{outside}/{name}/a/b") == f"{name} a/b {outside}/{name}/x"
            opened, heard, closed = await call(app, f"{outside}/{name}/v1/ws")
            assert (opened["type"], opened["subprotocol"]) == ("websocket.accept", "convokit.v1")
            assert (heard["text"], closed["type"]) == (f"{name} hi", "websocket.close")
        assert (await ask(app, f"{outside}/hook", method="POST"))[2] == "webhook"
        assert (await ask(app, f"{outside}/nowhere/"))[0] == 404


async def said(app: Any, path: str) -> str:
    status, _, body = await ask(app, path)
    assert status == 200
    return body


async def test_a_proxy_that_takes_the_root_path_away_and_tells_it_finds_the_pages_too() -> None:
    bot, _ = paged_bot()
    async with serving_at("", bot, "/support") as app:
        assert await said(app, "/window/a") == "window a /support/window/x"


async def test_a_page_without_its_slash_is_led_to_it_by_a_way_that_names_no_host() -> None:
    bot, _ = paged_bot()
    async with serving_at("/bot", bot) as app:
        status, headers, _ = await ask(app, "/bot/window", query=b"next=1")
        assert (status, headers["location"]) == (307, "window/?next=1")
        assert (await ask(app, "/bot/window", method="POST"))[0] == 404


@pytest.mark.parametrize("path", ["/hook/v1/ws", "/nowhere", "/", ""])
async def test_a_line_that_leads_nowhere_is_closed_before_it_is_open(path: str) -> None:
    bot, _ = paged_bot()
    async with serving_at("", bot) as app:
        assert await call(app, path) == [{"type": "websocket.close", "code": 4404}]


async def test_a_line_to_a_bot_that_nobody_runs_says_what_is_missing() -> None:
    bot, _ = paged_bot()
    with pytest.raises(DefinitionError, match=r"lifespan=bot\.lifespan"):
        await call(bot.asgi(), "/pages/v1/ws")


async def test_a_channel_cannot_have_the_desks_name() -> None:
    bot, _ = paged_bot()
    hook = Hook()
    hook.channel = "window"
    bot.attach(hook)
    with pytest.raises(DefinitionError, match="a channel has the desk's name, 'window'"):
        async with bot.serve(Memory()):
            pytest.fail("it started")


async def test_pages_get_the_run_once_a_run_with_all_that_they_need(tmp_path: Path) -> None:
    bot, pages = paged_bot()
    async with bot.serve(Memory()) as engine:
        (run,) = pages.runs
        assert (run.name, run.store, run.clock) == ("paged", engine.store, engine.clock)
        assert run.files == Path("paged-files")
        assert set(engine.sites) == {"pages", "window"}
    assert engine.sites == {}
    async with bot.serve(Memory(), settings=Settings(files=str(tmp_path))):
        assert pages.runs[-1].files == tmp_path
    assert len(pages.runs) == 2


async def test_where_pages_read_the_log_nothing_is_sent_and_a_fitted_message_is_an_entry() -> None:
    bot, pages = paged_bot()
    grace = User(id="grace", name="Grace")
    async with bot.serve(Memory()) as engine:
        (run,) = pages.runs
        now = datetime.now(UTC)
        await run.accept([MessageReceived(id="1", conversation=ADA, at=now, user=User(id="ada"), text="look")])
        await engine.quiet()
        await run.accept([MessageReceived(id="2", conversation=ADA, at=now, user=User(id="ada"), text="help")])
        await engine.quiet()
        kept = await run.store.load(ADA)
        assert kept is not None
        await run.accept([MessageReceived(id="3", conversation=ADA, at=now, user=User(id="ada"), text="hm")])
        reply = OperatorReplied(
            id="4", conversation=ADA, at=now, operator=grace, message=Message("five six seven"), epoch=kept.epoch
        )
        await run.accept([reply, evolve(reply, id="5", message=Message("stale"), epoch=9)])
        await engine.quiet()
        log = await run.store.log(ADA)
        assert [(one.entry.key, one.entry.message.text) for one in log.entries] == [
            ("u:1", "look"),
            ("b:1:0", "one two"),
            ("b:1:1", "three four"),
            ("b:1:2", "found it"),
            ("u:2", "help"),
            ("b:2:0", "one two"),
            ("b:2:1", "three four"),
            ("w:2", "asked"),
            ("u:3", "hm"),
            ("o:4:taken", ""),
            ("o:4", "five six"),
            ("o:4:1", "seven"),
        ]
        assert (await engine.stats()).sends == {}


def test_a_port_is_opened_for_webhooks_and_pages_only() -> None:
    edges: list[tuple[Transport | Desk, bool, bool]] = [
        (Pages(), True, True),
        (Window(), True, True),
        (Hook(), False, True),
        (Local(), False, False),
    ]
    for edge, pages, port in edges:
        assert (has_pages(edge), opens_port(edge)) == (pages, port)


@pytest.mark.parametrize(("host", "open_to_others"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True)])  # noqa: S104  only said
def test_the_command_line_says_when_the_inbox_is_open_to_other_machines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, host: str, *, open_to_others: bool
) -> None:
    bot = Bot("paged", desk=Inbox())
    bot.attach(Pages())
    monkeypatch.setattr(bot, "run", lambda *_, **__: None)
    monkeypatch.setattr(serving, "log_to", lambda *_: None)
    serving.run(bot, "paged:bot", None, host, 8080)
    assert ("convokit operators add" in capsys.readouterr().out) is open_to_others


def test_the_command_line_says_where_the_pages_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, _ = paged_bot()
    monkeypatch.setattr(bot, "run", lambda *_, **__: None)
    serving.run(bot, "paged:bot", None, "::1", 8080)
    said = capsys.readouterr().out
    assert "pages: pages at http://[::1]:8080/pages/\n" in said
    assert "hook: webhook http://[::1]:8080/hook\n" in said
    assert "window: pages at http://[::1]:8080/window/\n" in said
