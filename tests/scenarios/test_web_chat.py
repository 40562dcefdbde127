"""The web chat as it is deployed: a real server, real sockets, a SQLite file, and a restart in the middle."""

import json
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from convokit import Bot, Settings, Turn
from convokit._engine.clock import SystemClock
from convokit.stores import SQLite
from convokit.transports import WebChat
from convokit.transports.webchat import Bounds

pytest.importorskip("uvicorn")
websockets = pytest.importorskip("websockets.asyncio.client")

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio only."""
    backend: str = request.param
    return backend


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def pizzeria(folder: Path) -> Bot:
    bot = Bot("pizzeria", settings=Settings(files=str(folder / "files")))
    bounds = Bounds(per_address=10_000, visitors=(10_000, 0.001), connects=(1000, 0.001), sends=(1000, 0.001))
    bot.attach(WebChat(bounds=bounds))

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(f"You said: {turn.text}")

    return bot


@asynccontextmanager
async def serving(folder: Path, port: int) -> AsyncIterator[None]:
    import uvicorn  # noqa: PLC0415  an extra

    app = pizzeria(folder).asgi(f"sqlite:///{folder / 'pizzeria.db'}")
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        while not server.started:
            await anyio.sleep(0.01)
        try:
            yield
        finally:
            server.should_exit = True


def visit(port: int) -> str:
    """The cookie of a new visitor."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/web/v1/visit", b"{}", {"Origin": f"http://127.0.0.1:{port}"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  as above
        return str(answer.headers["set-cookie"]).partition(";")[0]


class Page:
    """A page with a real socket."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port = port
        self.cookie = cookie
        self.conv: str | None = None
        self.log: str | None = None
        self.seen: list[tuple[int, str]] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        async with websockets.connect(
            f"ws://127.0.0.1:{self.port}/web/v1/ws",
            subprotocols=["convokit.v1"],
            origin=f"http://127.0.0.1:{self.port}",
            additional_headers={"Cookie": self.cookie},
            proxy=None,
        ) as line:
            hello = {"t": "hello", "v": 1, "conv": self.conv, "log": self.log, "after": len(self.seen)}
            await line.send(json.dumps(hello))
            yield line

    async def read_until(self, line: Any, count: int) -> None:
        """Read until so many entries are known."""
        with anyio.fail_after(20):
            while len(self.seen) < count:
                frame = json.loads(await line.recv())
                self.conv, self.log = frame.get("conv") or self.conv, frame.get("log") or self.log
                for one in frame.get("entries", [frame] if frame["t"] == "entry" else []):
                    if one["seq"] == len(self.seen) + 1:
                        self.seen.append((one["seq"], one["text"]))

    async def say(self, line: Any, number: int) -> None:
        await line.send(json.dumps({"t": "send", "cid": f"cid_{number:016d}", "text": f"m{number}"}))


async def test_fifty_chats_go_on_over_a_restart_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    port = free_port()
    pages: list[Page] = []
    async with serving(tmp_path, port):
        pages += [Page(port, await anyio.to_thread.run_sync(visit, port)) for _ in range(50)]

        async def first(page: Page) -> None:
            async with page.open() as line:
                await page.say(line, 1)
                await page.read_until(line, 2)
                await page.say(line, 2)  # and leave before anything is heard of it

        async with anyio.create_task_group() as tasks:
            for page in pages:
                tasks.start_soon(first, page)
    async with serving(tmp_path, port):

        async def second(page: Page) -> None:
            async with page.open() as line:
                await page.say(line, 2)
                await page.say(line, 3)
                await page.read_until(line, 6)

        async with anyio.create_task_group() as tasks:
            for page in pages:
                tasks.start_soon(second, page)
    for page in pages:
        texts = [text for _, text in page.seen]
        assert sorted(texts) == sorted([f"m{n}" for n in (1, 2, 3)] + [f"You said: m{n}" for n in (1, 2, 3)])
        assert [text for text in texts if text.startswith("m")] == ["m1", "m2", "m3"]


async def test_a_server_that_stops_closes_its_lines_so_that_pages_come_back(tmp_path: Path) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        async with serving(tmp_path, port):
            page = Page(port, await anyio.to_thread.run_sync(visit, port))
            line = await stack.enter_async_context(page.open())
            await page.say(line, 1)
            await page.read_until(line, 2)
        with anyio.fail_after(10):
            await line.wait_closed()
        assert line.close_code == 1012


async def test_the_page_of_an_erased_visitor_starts_over_and_nothing_of_theirs_is_left(tmp_path: Path) -> None:
    """Erased from another process while the page is open, and again when it comes back."""
    port = free_port()
    async with serving(tmp_path, port):
        page = Page(port, await anyio.to_thread.run_sync(visit, port))
        async with page.open() as line:
            await page.say(line, 4711)
            await page.read_until(line, 2)
            other = SQLite(tmp_path / "pizzeria.db")
            await other.open(SystemClock(), claims=False)
            (_, conversation), *_ = await other.recent(1)
            assert conversation.user is not None
            visitor = f"web:{conversation.user.id}"
            exported = await other.export(visitor)
            assert {one.shelf for one in exported.shelf} == {"visitors", "chats"}
            assert [one.entry.message.text for one in exported.conversations[0].entries] == ["m4711", "You said: m4711"]
            await other.erase(visitor)
            assert (await other.export(visitor)).shelf == ()
        old = page.log
        page.seen.clear()
        page.conv = page.log = None
        page.cookie = await anyio.to_thread.run_sync(visit, port)
        async with page.open() as line:
            await page.say(line, 1)
            await page.read_until(line, 2)
        assert [text for _, text in page.seen] == ["m1", "You said: m1"]
        assert old is not None
        await other.close()
    assert told_by(tmp_path, b"m4711") == []


def told_by(folder: Path, text: bytes) -> list[str]:
    """The store's files in which a text stands."""
    return [one.name for one in folder.glob("pizzeria.db*") if text in one.read_bytes()]
