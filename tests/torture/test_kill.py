"""A process is killed at random moments while a platform delivers: nothing is lost, nothing is handled twice.

`pytest tests/torture -s` prints the figures. The seed is printed too: `CONVOKIT_SEED=… pytest tests/torture -s` repeats
its order of deliveries and kills.
"""

import json
import os
import random
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import httpx
import pytest
from attrs import define, field

from convokit import ConversationId
from convokit._engine.clock import SystemClock
from convokit.stores import SQLite
from convokit.testing.platform_double import HttpCall, PlatformDouble, Reply
from convokit.transports.telegram.presses import secret_token

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz01234567"
HERE = Path(__file__).parent


@define
class Figures:
    """What happened in a run."""

    kills: int = 0
    deliveries: int = 0
    calls: int = 0
    accepted: int = 0
    replies: Counter[tuple[int, str]] = field(factory=Counter)

    def row(self, lost: int, twice: int, disorder: int) -> str:
        """One line for people."""
        doubled = sum(self.replies.values()) - len(self.replies)
        return (
            f"kills={self.kills} messages={self.deliveries} webhook calls={self.calls} accepted={self.accepted} "
            f"lost={lost} handled twice={twice} out of order={disorder} replies doubled={doubled}"
        )


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def update(chat: int, number: int) -> bytes:
    """A Telegram update with the text "m<number>"."""
    person = {"id": chat, "is_bot": False, "first_name": "Ann"}
    message = {
        "message_id": number,
        "date": 1_790_000_000,
        "chat": {"id": chat, "type": "private", "first_name": "Ann"},
        "from": person,
        "text": f"m{number}",
    }
    return json.dumps({"update_id": chat * 10_000 + number, "message": message}).encode()


class Run:
    """One torture run: a platform that delivers until it gets a 200, an API that counts, and a process that dies."""

    def __init__(self, folder: Path, *, chats: int, messages: int, kills: int, seed: int) -> None:
        self.figures = Figures(kills=kills)
        self._random = random.Random(seed)
        self._chats = range(1, chats + 1)
        self._messages = messages
        self._kills = kills
        self._database = folder / "counting.db"
        self._log = folder / "log.txt"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._delivered = anyio.Event()

    def answer(self, call: HttpCall) -> Reply:
        """The Bot API: remember what was said, and that it was."""
        if call.path.endswith("/sendMessage"):
            body = call.json()
            self.figures.replies[int(body["chat_id"]), body["text"]] += 1
            return Reply.of({"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}})
        return Reply.of({"ok": True, "result": True})

    def start(self, api_url: str) -> None:
        """Start the process."""
        environment = {**os.environ, "COUNTING_TOKEN": TOKEN, "COUNTING_API": api_url}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "counting_bot.py"), f"sqlite:///{self._database}", str(self._port)],
                env=environment,
                stdout=log,
                stderr=log,
            )

    def end(self, *, kill: bool) -> int:
        """Kill the process, or ask it to stop. Returns its exit code."""
        assert self._process is not None
        (self._process.kill if kill else self._process.terminate)()
        return self._process.wait(30)

    async def ready(self) -> None:
        """Wait until the process listens."""
        with anyio.fail_after(30):
            while True:
                try:
                    async with await anyio.connect_tcp("127.0.0.1", self._port):
                        return
                except OSError:
                    assert self._process is not None
                    assert self._process.poll() is None, self._log.read_text()[-3000:]
                    await anyio.sleep(0.02)

    async def deliver(self, chat: int, client: httpx.AsyncClient) -> None:
        """Deliver a chat's messages in order, each until it was accepted, some of them again after that."""
        for number in range(1, self._messages + 1):
            self.figures.deliveries += 1
            again = 1 + (self._random.random() < 0.2)
            while again:
                self.figures.calls += 1
                try:
                    answered = await client.post(
                        f"http://127.0.0.1:{self._port}/telegram",
                        content=update(chat, number),
                        headers={"x-telegram-bot-api-secret-token": secret_token(TOKEN)},
                    )
                except httpx.HTTPError:
                    await anyio.sleep(0.05)
                    continue
                if answered.status_code == 200:
                    again -= 1
                else:
                    await anyio.sleep(0.05)
            self.figures.accepted += 1
            await anyio.sleep(self._random.uniform(0, 0.4))

    async def murder(self, api_url: str) -> None:
        """Kill and start again, as often as asked, while deliveries go on."""
        for _ in range(self._kills):
            await self.ready()
            await anyio.sleep(self._random.uniform(0.05, 0.5))
            self.end(kill=True)
            self.start(api_url)
        await self.ready()

    async def play(self) -> None:
        """The whole run."""
        async with PlatformDouble(self.answer) as api:
            self.start(api.url)
            try:
                async with (
                    httpx.AsyncClient(limits=httpx.Limits(max_connections=64), timeout=5, trust_env=False) as client,
                    anyio.create_task_group() as tasks,
                ):
                    tasks.start_soon(self.murder, api.url)
                    for chat in self._chats:
                        tasks.start_soon(self.deliver, chat, client)
                expected = len(self._chats) * self._messages
                with anyio.move_on_after(60):
                    while len(self.figures.replies) < expected:
                        await anyio.sleep(0.1)
            finally:
                self.end(kill=False)

    async def verdict(self) -> tuple[int, int, int]:
        """Lost, handled twice, out of order: from the replies, and from the database itself."""
        expected = {(chat, f"{n} m{n}") for chat in self._chats for n in range(1, self._messages + 1)}
        said = set(self.figures.replies)
        disorder = len(said - expected)
        texts = Counter((chat, text.partition(" ")[2]) for chat, text in said)
        twice = sum(1 for times in texts.values() if times > 1)
        lost = sum(1 for chat, text in expected if (chat, text.partition(" ")[2]) not in texts)
        store = SQLite(str(self._database))
        await store.open(SystemClock())
        try:
            stats = await store.stats()
            assert (stats.waiting, stats.failed) == (0, 0)
            assert set(stats.sends) <= {"sent"}
            for chat in self._chats:
                kept = await store.load(ConversationId("telegram", str(chat)))
                assert kept is not None
                assert kept.version == kept.memory["number"]
                twice += kept.version > self._messages
                lost += kept.version < self._messages
        finally:
            await store.close()
        return lost, twice, disorder


async def torture(folder: Path, *, chats: int, messages: int, kills: int) -> Run:
    """One run, judged."""
    seed = int(os.environ.get("CONVOKIT_SEED") or random.randrange(1 << 32))
    run = Run(folder, chats=chats, messages=messages, kills=kills, seed=seed)
    await run.play()
    lost, twice, disorder = await run.verdict()
    print(f"\nseed={seed} {run.figures.row(lost, twice, disorder)}")
    assert (lost, twice, disorder) == (0, 0, 0)
    assert run.figures.accepted == chats * messages
    return run


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


@pytest.mark.slow
async def test_twenty_kills_lose_nothing_and_handle_nothing_twice(tmp_path: Path) -> None:
    run = await torture(tmp_path, chats=40, messages=60, kills=20)
    # Telegram offers neither an idempotency key nor evidence: what was on its way at a kill may be said twice.
    doubled = sum(run.figures.replies.values()) - len(run.figures.replies)
    assert doubled <= run.figures.kills * 32


async def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    await torture(tmp_path, chats=10, messages=8, kills=2)


async def test_a_stop_that_is_asked_for_finishes_what_was_accepted(tmp_path: Path) -> None:
    await torture(tmp_path, chats=10, messages=4, kills=0)
