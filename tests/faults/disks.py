"""What the tests of failing disks share: a bot with a webhook, a way to call it, and a small file system to fill."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from convokit import Bot, ConversationId, MessageReceived, Settings, Turn, User
from convokit.abc import Received, Request, Transport
from convokit.messages import Capabilities, Limit, Message

QUICK = Settings(lease=1, poll=0.05, retry_pause=0.05, longest_pause=1)
TEXT = "x" * 4000


class Hook(Transport):
    """A platform that calls by webhook, one message a call, and keeps what is said."""

    channel = "hook"
    capabilities = Capabilities(text_limit=Limit(100_000))

    def __init__(self) -> None:
        self.sent: list[str] = []

    def receive(self, request: Request) -> Received:
        number = json.loads(request.body)["number"]
        who = f"person{number % 5}"
        said = f"{number} {TEXT}"
        event = MessageReceived(
            id=str(number), conversation=ConversationId("hook", who), at=request.at, user=User(id=who), text=said
        )
        return Received(events=(event,))

    async def send(self, to: ConversationId, message: Message) -> str | None:
        self.sent.append(f"{to.id} {message.text}")
        return None


def counting_bot() -> tuple[Bot, Hook]:
    """It answers each message with its number in the conversation and the message's own."""
    bot, hook = Bot("counting", settings=QUICK), Hook()
    bot.attach(hook)

    @bot.fallback
    async def count(turn: Turn) -> None:
        turn.memory["count"] = turn.memory.get("count", 0) + 1
        turn.reply(f"{turn.memory['count']} {turn.text.partition(' ')[0]}")

    return bot, hook


async def call(bot: Bot, engine: Any, number: int) -> tuple[int, Mapping[str, str]]:
    """One webhook call; its status and headers."""
    told: dict[str, Any] = {}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"number": number}).encode(), "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        told.update({key: one for key, one in message.items() if key != "body"})

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/hook",
        "query_string": b"",
        "headers": [],
        "state": {"convokit": {bot.name: engine}},
    }
    await bot.asgi()(scope, receive, send)
    return told["status"], {name.decode(): value.decode() for name, value in told["headers"]}


async def handled(engine: Any, count: int) -> None:
    """Wait until so many messages were handled and answered, and nothing is left to do."""
    with anyio.fail_after(30):
        while True:
            stats = await engine.stats()
            if (stats.waiting, stats.sends) == (0, {"sent": count}):
                return
            await anyio.sleep(0.05)


def judge(sent: list[str], accepted: list[int], path: Path) -> None:
    """Every accepted message was handled once and answered once, in order; the file is sound."""
    expected: list[str] = []
    for who in range(5):
        mine = [number for number in accepted if number % 5 == who]
        expected += [f"person{who} {count} {number}" for count, number in enumerate(mine, 1)]
    assert sorted(sent) == sorted(expected)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


@contextmanager
def small_disk(folder: Path, size: str = "2m") -> Iterator[Path]:
    """A file system of its own in memory; the test is skipped where none can be mounted."""
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("there is no mount here")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    """Mount it anew: "ro", "rw", or with another size."""
    subprocess.run([str(shutil.which("mount")), "-o", f"remount,{how}", str(folder)], check=True)
