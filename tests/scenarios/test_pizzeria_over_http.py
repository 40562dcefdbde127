"""The pizzeria, run as its owner runs it: webhooks over HTTP, a SQLite file, the platforms' APIs on loopback."""

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import define, field

from convokit.testing.platform_double import HttpCall, PlatformDouble, Reply
from convokit.transports.telegram.presses import secret_token

pytestmark = pytest.mark.anyio

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz01234567"
APP_SECRET = "an app secret of 32 characters.."
VERIFY = "a verify token of ours"
PIZZERIA = Path(__file__).parents[2] / "examples" / "pizzeria"


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


@define
class Shop:
    """The running pizzeria and the platforms around it."""

    port: int
    folder: Path
    api: PlatformDouble
    process: "subprocess.Popen[bytes] | None" = None
    replies: list[tuple[str, str, str]] = field(factory=list)

    def answer(self, call: HttpCall) -> Reply:
        """Telegram's and Meta's APIs in one."""
        if call.path.endswith("/sendMessage"):
            said = call.json()
            self.replies.append(("telegram", str(said["chat_id"]), said["text"]))
            return Reply.of({"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}})
        if call.path.endswith("/messages"):
            said = call.json()
            person = said["recipient"]["id"]
            self.replies.append(("messenger", person, said["message"].get("text", "")))
            return Reply.of({"recipient_id": person, "message_id": f"m_{len(self.replies)}"})
        return Reply.of({"ok": True, "result": True})

    async def start(self) -> None:
        environment = {
            **os.environ,
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_PUBLIC_URL": "https://pizzeria.example",
            "TELEGRAM_API_URL": self.api.url,
            "MESSENGER_PAGE_TOKEN": "a page token of the pizzeria",
            "MESSENGER_APP_SECRET": APP_SECRET,
            "MESSENGER_VERIFY_TOKEN": VERIFY,
            "MESSENGER_API_URL": self.api.url,
        }
        store = f"sqlite:///{self.folder / 'pizzeria.db'}"
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "convokit",
                    "run",
                    "on_every_channel:bot",
                    "--store",
                    store,
                    "--port",
                    str(self.port),
                ],
                cwd=PIZZERIA,
                env=environment,
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

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    async def says(self, count: int) -> list[tuple[str, str, str]]:
        """Wait until the pizzeria has said so many things in all."""
        with anyio.move_on_after(20):
            while len(self.replies) < count:
                await anyio.sleep(0.02)
        return self.replies

    async def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post(f"http://127.0.0.1:{self.port}/{path}", content=body, headers=named)

    async def telegram(self, number: int, text: str, secret: str | None = None) -> httpx.Response:
        person = {"id": 77, "is_bot": False, "first_name": "Ann"}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": 77, "type": "private", "first_name": "Ann"},
            "from": person,
            "text": text,
        }
        body = json.dumps({"update_id": number, "message": message}).encode()
        return await self.post(
            "telegram", body, X_Telegram_Bot_Api_Secret_Token=secret_token(TOKEN) if secret is None else secret
        )

    async def messenger(self, payload: dict[str, Any], key: str = APP_SECRET) -> httpx.Response:
        body = json.dumps(payload).encode()
        signed = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return await self.post("messenger", body, X_Hub_Signature_256=f"sha256={signed}")


def _nothing_yet(call: HttpCall) -> Reply:
    raise AssertionError(call)


@asynccontextmanager
async def pizzeria(folder: Path) -> AsyncIterator[Shop]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    async with PlatformDouble(_nothing_yet) as api:
        shop = Shop(port=port, folder=folder, api=api)
        api.script = shop.answer
        try:
            await shop.start()
            yield shop
        finally:
            if shop.process is not None and shop.process.poll() is None:
                shop.stop(signal.SIGKILL)


def said_on_messenger(text: str, number: int, recorded: dict[str, Any] | None = None) -> dict[str, Any]:
    """A message on Messenger, now: recorded ones are dated 1970, and old ones are refused as replays."""
    now = int(time.time() * 1000)
    event = {
        "sender": {"id": "PSID"},
        "recipient": {"id": "PAGE"},
        "timestamp": now,
        "message": {"mid": f"m_in_{number}", "text": text},
    }
    payload = recorded or {"object": "page", "entry": [{"id": "PAGE", "time": now, "messaging": [event]}]}
    for entry in payload["entry"]:
        for one in entry["messaging"]:
            one["timestamp"] = now
    return payload


async def test_an_order_on_telegram_outlives_a_kill_in_the_middle(tmp_path: Path) -> None:
    async with pizzeria(tmp_path) as shop:
        assert (await shop.telegram(1, "pizza")).status_code == 200
        assert await shop.says(1) == [("telegram", "77", "Small or large?")]
        assert (await shop.telegram(2, "large")).status_code == 200
        shop.stop(signal.SIGKILL)
        await shop.start()
        assert (await shop.says(2))[1:] == [("telegram", "77", "Where shall we bring it?")]
        assert (await shop.telegram(2, "large")).status_code == 200
        assert (await shop.telegram(3, "12 Crane St")).status_code == 200
        assert (await shop.says(3))[2:] == [("telegram", "77", "One large pizza is on its way to 12 Crane St.")]
        shop.stop()
        assert "outcome=dialog" in shop.log
        assert "Traceback" not in shop.log
        assert TOKEN not in shop.log
        assert "Crane" not in shop.log


async def test_forged_calls_are_refused_on_both_channels(tmp_path: Path) -> None:
    async with pizzeria(tmp_path) as shop:
        assert (await shop.telegram(1, "pizza", secret="wrong")).status_code == 403
        assert (await shop.post("telegram", b"{}")).status_code == 403
        assert (await shop.messenger(said_on_messenger("pizza", 1), key="wrong")).status_code == 403
        assert (await shop.post("messenger", b"{}", X_Hub_Signature_256="sha256=00")).status_code == 403
        assert (await shop.post("elsewhere", b"{}")).status_code == 404
        handshake = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
        async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{shop.port}") as client:
            answered = await client.get("/messenger", params=handshake)
            assert (answered.status_code, answered.text) == (200, "1158201444")
            refused = await client.get("/messenger", params={**handshake, "hub.verify_token": "guess"})
            assert refused.status_code == 403
        assert shop.replies == []


async def test_an_order_on_messenger(tmp_path: Path) -> None:
    async with pizzeria(tmp_path) as shop:
        for number, text in enumerate(("pizza", "small", "1 Main St"), 1):
            for _ in range(2):
                assert (await shop.messenger(said_on_messenger(text, number))).status_code == 200
            await shop.says(number)
        assert [text for *_, text in shop.replies] == [
            "Small or large?",
            "Where shall we bring it?",
            "One small pizza is on its way to 1 Main St.",
        ]


async def test_a_signed_call_from_last_month_is_not_handled_again(tmp_path: Path) -> None:
    async with pizzeria(tmp_path) as shop:
        old = said_on_messenger("pizza", 1)
        old["entry"][0]["messaging"][0]["timestamp"] -= 30 * 86_400_000
        assert (await shop.messenger(old)).status_code == 200
        assert (await shop.messenger(said_on_messenger("pizza", 2))).status_code == 200
        assert len(await shop.says(1)) == 1


async def test_recorded_webhooks_are_taken_and_what_is_sent_passes_the_schemas(
    tmp_path: Path,
    shared: Path,
    telegram_schema: Callable[[str, str, dict[str, Any]], list[str]],
    messenger_parameters: dict[str, set[str] | None],
) -> None:
    recorded = sorted((shared / "oracles" / "fixtures" / "messenger").glob("*.json"))
    async with pizzeria(tmp_path) as shop:
        for number, one in enumerate(recorded):
            payload = json.loads(one.read_text(encoding="utf-8-sig"))
            assert (await shop.messenger(said_on_messenger("", number, payload))).status_code == 200
        assert (await shop.messenger(said_on_messenger("pizza", 99))).status_code == 200
        assert (await shop.telegram(1, "pizza")).status_code == 200
        await shop.says(2)
        shop.stop()
    for call in shop.api.calls:
        if f"/bot{TOKEN}/" in call.path:
            assert telegram_schema("method", call.path.rpartition("/")[2], call.json()) == []
        elif call.path.endswith("/messages"):
            assert set(call.json()) <= set(messenger_parameters)
