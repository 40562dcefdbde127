"""What a message costs from its bytes to the call that answers it: parse, route, dialog step, reply, commit, send.

`pytest tests/bench -s` prints the figures: wall and CPU time per event, medians of several rounds in one process. They
are reported, never asserted; compare them as ratios within one run.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import anyio
import httpx
import pytest
from attrs import define

from convokit import END, Bot, Integer, Settings, Turn
from convokit._engine.clock import SystemClock
from convokit._engine.engine import Engine
from convokit.abc import Request, Store
from convokit.stores import Memory, SQLite
from convokit.transports import Telegram
from convokit.transports.telegram.presses import secret_token

pytestmark = pytest.mark.slow

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz01234567"
SENT = json.dumps({"ok": True, "result": {"message_id": 42, "date": 1, "chat": {"id": 7, "type": "private"}}}).encode()
ROUNDS = 5
USERS = 200
AT_ONCE = 64


class Null(httpx.AsyncBaseTransport):
    """An API that has answered before it was asked: what is left is our own cost and the client's."""

    def __init__(self) -> None:
        self.calls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.calls += request.url.path.endswith("/sendMessage")
        return httpx.Response(200, content=SENT, headers={"content-type": "application/json"})


@define
class Order:
    name: str = ""
    age: int = 0
    city: str = ""


def ordering_bot(null: Null) -> Bot:
    bot = Bot("bench", settings=Settings(answers_a_minute=1_000_000))
    bot.attach(Telegram(TOKEN, public_url="https://shop.example/bot", http=null))
    order = bot.dialog(Order)

    @order.state(ask="name?", to=["age"])
    async def name(turn: Turn, order: Order, answer: str) -> None:
        order.name = answer

    @order.state(ask="age?", expect=Integer(1, 120), to=["city"])
    async def age(turn: Turn, order: Order, answer: int) -> None:
        order.age = answer

    @order.state(ask="city?", to=[END])
    async def city(turn: Turn, order: Order, answer: str) -> None:
        turn.reply(f"{order.name} {order.age} {answer}")

    @bot.command("start")
    async def start(turn: Turn) -> None:
        turn.begin(order)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(f"echo {turn.text}")

    return bot


def update(user: int, seq: int, text: str) -> bytes:
    person = {"id": user, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    chat = {"id": user, "first_name": "Ann", "type": "private"}
    message = {"message_id": seq, "from": person, "chat": chat, "date": 1_764_000_000, "text": text}
    return json.dumps({"update_id": seq, "message": message}).encode()


async def fed(engine: Engine, bodies: list[bytes]) -> None:
    """Hand webhooks in, `AT_ONCE` at a time, and wait until all is answered."""
    transport = engine.transports["telegram"]
    headers = {"x-telegram-bot-api-secret-token": secret_token(TOKEN).encode()}
    waiting = list(reversed(bodies))

    async def deliver() -> None:
        while waiting:
            request = Request(method="POST", headers=headers, body=waiting.pop(), at=engine.clock.now())
            await engine.take(transport, request)

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(deliver)
    await engine.quiet()


async def measured(store: Store, steps: tuple[str, ...]) -> tuple[float, float]:
    """Wall and CPU microseconds per event of one work on one store."""
    null = Null()
    wall, cpu, seq = [], [], 0
    async with ordering_bot(null).serve(store, clock=SystemClock()) as engine:
        for _ in range(ROUNDS):
            rounds: list[list[bytes]] = []
            for step in steps:
                rounds.append([update(user, seq + user, step) for user in range(1, USERS + 1)])
                seq += USERS
            before = null.calls
            began, cpu_began = perf_counter(), process_time()
            for bodies in rounds:
                await fed(engine, bodies)
            events = USERS * len(steps)
            wall.append((perf_counter() - began) / events * 1e6)
            cpu.append((process_time() - cpu_began) / events * 1e6)
            assert null.calls - before == events
    return median(wall), median(cpu)


STORES: dict[str, Callable[[Path], Store]] = {
    "Memory": lambda _: Memory(),
    "SQLite NORMAL": lambda folder: SQLite(str(folder / "normal.db"), synchronous="NORMAL"),
    "SQLite FULL": lambda folder: SQLite(str(folder / "full.db"), synchronous="FULL"),
}
WORKS: dict[str, tuple[str, ...]] = {"echo": ("hello",), "dialog": ("/start", "Ann", "abc", "33", "Paris")}


def test_what_an_event_costs_from_its_bytes_to_its_answer(tmp_path: Path) -> None:
    print(f"\n{'store':<15}{'work':<8}{'events/s':>10}{'wall µs':>10}{'CPU µs':>10}")
    for place, (name, made) in enumerate(STORES.items()):
        for work, steps in WORKS.items():
            folder = tmp_path / f"{place}-{work}"
            folder.mkdir()
            run: Callable[..., Awaitable[Any]] = measured
            wall, cpu = anyio.run(run, made(folder), steps)
            print(f"{name:<15}{work:<8}{1e6 / wall:>10,.0f}{wall:>10.0f}{cpu:>10.0f}")
