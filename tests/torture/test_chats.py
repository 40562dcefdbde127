"""The server of a web chat is killed in the middle of many chats: every one goes on, nothing is lost or doubled.

`pytest tests/torture/test_chats.py -s` prints the figures.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import anyio
import httpx
import pytest

pytest.importorskip("websockets", reason="the chats' torture needs websockets: the extra `serve` brings it")

from chat_client import Visitor
from test_kill import free_port

HERE = Path(__file__).parent


class Server:
    """The process that is killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._log = folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [f"sqlite:///{self._folder / 'chats.db'}", str(self.port), str(self._folder / "files")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "chat_bot.py"), *words], stdout=log, stderr=log, env={**os.environ}
            )

    async def ready(self) -> None:
        with anyio.fail_after(30):
            while True:
                try:
                    async with await anyio.connect_tcp("127.0.0.1", self.port):
                        return
                except OSError:
                    assert self._process is not None
                    assert self._process.poll() is None, self._log.read_text()[-3000:]
                    await anyio.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)


async def chats(folder: Path, *, visitors: int, messages: int, kills: int) -> list[Visitor]:
    """Chats that go on while the server dies. Returns the visitors, once all were answered."""
    server = Server(folder)
    server.start()
    everybody = [Visitor(port=server.port) for _ in range(visitors)]
    chance = random.Random(7)

    async def talk(visitor: Visitor) -> None:
        for number in range(1, messages + 1):
            visitor.say(f"m{number}")
            await anyio.sleep(chance.uniform(0, 0.3))

    async def answered(visitor: Visitor) -> None:
        while len(visitor.texts("bot")) < messages or len(visitor.texts("visitor")) < messages:
            await visitor.arrived.wait()

    try:
        await server.ready()
        async with (
            httpx.AsyncClient(timeout=5, trust_env=False) as client,
            anyio.create_task_group() as lines,
        ):
            for visitor in everybody:
                await visitor.visit(client)
                lines.start_soon(visitor.live)
            async with anyio.create_task_group() as talks:
                for visitor in everybody:
                    talks.start_soon(talk, visitor)
                for _ in range(kills):
                    await anyio.sleep(chance.uniform(0.2, 0.7))
                    server.kill()
                    server.start()
                    await server.ready()
            with anyio.fail_after(60):
                for visitor in everybody:
                    await answered(visitor)
            lines.cancel_scope.cancel()
    finally:
        server.stop()
    return everybody


def judge(everybody: list[Visitor], messages: int) -> None:
    """Nothing lost, nothing doubled, order kept, on every page."""
    expected = [f"m{number}" for number in range(1, messages + 1)]
    for visitor in everybody:
        assert visitor.texts("visitor") == expected
        assert visitor.texts("bot") == [f"{number} m{number}" for number in range(1, messages + 1)]
        assert sorted(visitor.entries) == list(range(1, 2 * messages + 1))
        assert visitor.doubled == 0


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


async def test_chats_go_on_where_they_were_when_the_server_is_killed(tmp_path: Path) -> None:
    everybody = await chats(tmp_path, visitors=5, messages=6, kills=1)
    judge(everybody, 6)
    assert sum(one.opened for one in everybody) > len(everybody)


@pytest.mark.slow
async def test_fifty_chats_go_on_through_ten_kills(tmp_path: Path) -> None:
    everybody = await chats(tmp_path, visitors=50, messages=40, kills=10)
    lines = sum(one.opened for one in everybody)
    print(f"\nvisitors=50 messages=2000 kills=10 lines opened={lines} lost=0 doubled=0 out of order=0 when all holds")
    judge(everybody, 40)
