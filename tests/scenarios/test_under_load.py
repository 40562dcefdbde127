"""A process of its own under load: asked to stop it drains in time and loses nothing, flooded it says 503 and lives.

`pytest tests/scenarios/test_under_load.py -s` prints the figures.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync

from convokit._engine.clock import SystemClock
from convokit._engine.server import STOP_SECONDS
from convokit._engine.stopping import MARGIN, STATUS
from convokit.stores import SQLite
from convokit.testing.platform_double import HttpCall, PlatformDouble, Reply
from convokit.transports.telegram.presses import secret_token

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz01234567"
SENT = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}}
HERE = Path(__file__).parent


@pytest.fixture
def anyio_backend() -> str:
    """The process has the web server's own loop; what is here only looks on."""
    return "asyncio"


def update(chat: int, number: int, text: str, size: int = 0) -> bytes:
    """A Telegram update, as large as wished."""
    person = {"id": chat, "is_bot": False, "first_name": "Ann"}
    message = {
        "message_id": number,
        "date": int(time.time()),
        "chat": {"id": chat, "type": "private", "first_name": "Ann"},
        "from": person,
        "text": text,
    }
    return json.dumps({"update_id": chat * 10_000 + number, "message": message, "padding": "x" * size}).encode()


class World:
    """The bot's process, the platform that calls it, and the API that it calls."""

    def __init__(self, folder: Path, api: str = "") -> None:
        self.folder = folder
        self.api = api
        self.said = Counter[str]()
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port: int = one.getsockname()[1]

    def answer(self, call: HttpCall) -> Reply:
        """The Bot API: remember what was said."""
        if call.path.endswith("/sendMessage"):
            self.said[call.json()["text"]] += 1
            return Reply.of(SENT)
        return Reply.of({"ok": True, "result": True})

    async def start(self, *, hangs: bool = True, slow: float = 0.3, memory: int = 0, **settings: Any) -> None:
        """Start the process and wait until it listens."""
        given = {
            "token": TOKEN,
            "api": self.api,
            "settings": settings,
            "hangs": hangs,
            "slow": slow,
            "memory": memory,
        }
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(HERE / "overloaded_bot.py"),
                    f"sqlite:///{self.folder / 'bot.db'}",
                    str(self.port),
                ],
                env={**os.environ, "OVERLOADED": json.dumps(given)},
                stdout=log,
                stderr=log,
            )
        with anyio.fail_after(30):
            while True:
                try:
                    async with await anyio.connect_tcp("127.0.0.1", self.port):
                        return
                except OSError:
                    assert self.process.poll() is None, self.log
                    await anyio.sleep(0.02)

    @property
    def log(self) -> str:
        """What the process has logged."""
        return (self.folder / "log.txt").read_text()

    async def stop(self) -> tuple[int, float]:
        """Ask it to stop. Returns its exit status and how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = await run_sync(self.process.wait, 60)
        return status, time.monotonic() - began

    async def deliver(self, client: httpx.AsyncClient, body: bytes) -> int:
        """Deliver an update once; 0: the line broke."""
        try:
            answered = await client.post(
                f"http://127.0.0.1:{self.port}/telegram",
                content=body,
                headers={"x-telegram-bot-api-secret-token": secret_token(TOKEN)},
            )
        except httpx.HTTPError:
            return 0
        if answered.status_code == 503:
            assert answered.headers["retry-after"] == "5"
        return answered.status_code

    async def hears(self, texts: set[str]) -> None:
        """Wait until all of them were said."""
        with anyio.move_on_after(60):
            while texts - self.said.keys():
                await anyio.sleep(0.05)
        assert not texts - self.said.keys(), f"lost: {sorted(texts - self.said.keys())[:10]}\n{self.log[-3000:]}"


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A world whose process is not left behind."""
    made = World(folder)
    async with PlatformDouble(made.answer) as api:
        made.api = api.url
        try:
            yield made
        finally:
            if made.process is not None:
                made.process.kill()
                made.process.wait()


def client(connections: int) -> httpx.AsyncClient:
    """A platform's client."""
    return httpx.AsyncClient(limits=httpx.Limits(max_connections=connections), timeout=30, trust_env=False)


@pytest.mark.parametrize(("kinds", "drain"), [(["m", "slow"], 10.0), (["m", "slow", "hang"], 1.0)])
async def test_a_stop_under_load_drains_in_time_and_nothing_accepted_is_lost(
    tmp_path: Path, kinds: list[str], drain: float
) -> None:
    accepted: set[str] = set()
    async with world(tmp_path) as bot, client(32) as platform:
        await bot.start(drain=drain, turns_at_once=16)

        async def customer(chat: int) -> None:
            for number in range(1, 2000):
                text = f"{kinds[number % len(kinds)]} {chat}-{number}"
                status = await bot.deliver(platform, update(chat, number, text))
                if status == 200:
                    accepted.add(text)
                elif status == 0:
                    return

        status, took = -1, 0.0
        async with anyio.create_task_group() as tasks:
            for chat in range(1, 33):
                tasks.start_soon(customer, chat)
            with anyio.fail_after(30):
                while len(accepted) < 300:
                    await anyio.sleep(0.02)
            status, took = await bot.stop()
        assert status == 0, bot.log[-3000:]
        assert took < STOP_SECONDS + drain + 3
        store = SQLite(tmp_path / "bot.db")
        await store.open(SystemClock())
        stats = await store.stats()
        await store.close()
        assert stats.turns + stats.waiting >= len(accepted)
        assert stats.waiting > 0 or "hang" not in kinds
        before = len(bot.said)
        await bot.start(hangs=False, slow=0)
        await bot.hears(accepted)
        assert {text: times for text, times in bot.said.items() if times > 1} == {}
        assert (await bot.stop())[0] == 0
    print(f"accepted={len(accepted)} said before the stop={before} waiting={stats.waiting} stopped in {took:.1f} s")


async def test_a_process_whose_loop_is_blocked_is_ended_all_the_same_and_loses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as bot, client(2) as platform:
        await bot.start(drain=0)
        assert await bot.deliver(platform, update(1, 1, "m before")) == 200
        await bot.hears({"m before"})
        with anyio.move_on_after(2):  # the answer may be behind the handler that blocks; the event is kept
            await bot.deliver(platform, update(1, 2, "block"))
        with anyio.fail_after(10):
            while "stood still" not in bot.log:
                await anyio.sleep(0.05)
        status, took = await bot.stop()
        assert status == STATUS, bot.log[-3000:]
        assert STOP_SECONDS + MARGIN <= took < STOP_SECONDS + MARGIN + 3
        assert "asked to stop 15 s ago and still running" in bot.log
        assert bot.log.count("time.sleep(3600)") >= 2  # told by the watchdog, and at the end
        await bot.start(hangs=False)
        await bot.hears({"block"})
        assert (await bot.stop())[0] == 0


def high_water(process: "subprocess.Popen[bytes]") -> int:
    """The most memory that a process has had, in MiB; 0 where the machine does not tell."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(one.split()[1]) >> 10 for one in lines if one.startswith("VmHWM")), 0)


async def test_a_flood_of_large_webhooks_is_answered_200_or_503_and_what_was_answered_200_is_there(
    tmp_path: Path,
) -> None:
    answers, accepted = Counter[int](), set[str]()
    async with world(tmp_path) as bot, client(120) as platform:
        # 120 bodies of a million bytes at a time, 8 MB of which may be in the process; it may have 1 GiB of addresses.
        await bot.start(memory=1 << 30, webhooks_at_once=32, bodies_at_once=8 << 20)

        async def flood(chat: int) -> None:
            for number in range(1, 5):
                text = f"m {chat}-{number}"
                status = await bot.deliver(platform, update(chat, number, text, 1_000_000))
                answers[status] += 1
                if status == 200:
                    accepted.add(text)

        async with anyio.create_task_group() as tasks:
            for chat in range(1, 121):
                tasks.start_soon(flood, chat)
        assert bot.process is not None
        assert bot.process.poll() is None, bot.log[-3000:]
        most = high_water(bot.process)
        assert await bot.deliver(platform, update(999, 1, "m after")) == 200
        await bot.hears(accepted | {"m after"})
        assert (await bot.stop())[0] == 0
    print(f"answers={dict(answers)} most memory={most} MiB")
    assert set(answers) == {200, 503}, (answers, bot.log[-3000:])
    assert len(accepted) == answers[200]
    assert most < 200


async def test_bodies_that_are_held_back_at_their_last_byte_do_not_fill_the_memory(tmp_path: Path) -> None:
    answers, callers = Counter[int](), 120
    async with world(tmp_path) as bot:
        await bot.start(webhooks_at_once=32, bodies_at_once=8 << 20, body_deadline=60)
        assert bot.process is not None
        before = high_water(bot.process)
        left, all_sent = callers, anyio.Event()

        async def hold_back(chat: int) -> None:
            nonlocal left
            body = update(chat, 1, f"m {chat}", 1_000_000)
            head = (
                f"POST /telegram HTTP/1.1\r\nhost: here\r\ncontent-length: {len(body)}\r\n"
                f"x-telegram-bot-api-secret-token: {secret_token(TOKEN)}\r\n\r\n"
            )
            async with await anyio.connect_tcp("127.0.0.1", bot.port) as stream:
                await stream.send(head.encode() + body[:-1])
                left -= 1
                if not left:
                    all_sent.set()
                await all_sent.wait()
                with suppress(anyio.BrokenResourceError):  # a refused caller was let go meanwhile
                    await stream.send(body[-1:])
                answers[int((await stream.receive()).split()[1])] += 1

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for chat in range(1, callers + 1):
                    tasks.start_soon(hold_back, chat)
        most = high_water(bot.process)
        await bot.stop()
    print(f"answers={dict(answers)} memory={before} MiB, at most {most} MiB")
    assert set(answers) == {200, 503}
    assert answers.total() == callers
    assert most - before < 70  # all at once would be 120 MB, and more than that in pieces
