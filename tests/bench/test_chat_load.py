"""What one process carries: open chats, and messages to and fro between customers and operators.

`pytest tests/bench/test_chat_load.py -s` prints the figures of a short run; `CONVOKIT_LOAD_SECONDS=60` makes it a long
one. Nothing may be lost, doubled or out of order; times are reported, never asserted.
"""

import json
import os
import resource
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from attrs import define, field

pytest.importorskip("websockets", reason="the load needs websockets: the extra `serve` brings it")

from websockets.asyncio.client import ClientConnection, connect

from convokit._engine.clock import SystemClock
from convokit.desks.inbox import people
from convokit.stores import SQLite

HERE = Path(__file__).parent
SOCKETS = int(os.environ.get("CONVOKIT_LOAD_SOCKETS", "1000"))
OPERATORS = 50
PER_OPERATOR = 10
RATE = 200
"""Messages a second, both ways together."""
SECONDS = float(os.environ.get("CONVOKIT_LOAD_SECONDS", "5"))

Frame = dict[str, Any]


class Batch(msgspec.Struct):
    """A message to an operator's page, read as far as the load needs it."""

    t: str
    frames: list[msgspec.Raw] = []


_batches = msgspec.json.Decoder(Batch)


def memory_of(pid: int) -> int:
    """Bytes of memory a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def seconds_of(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@define(eq=False)
class Customer:
    """A visitor with an open socket."""

    token: str
    line: ClientConnection | None = None
    conv: str = ""
    seqs: list[int] = field(factory=list)
    heard: list[str] = field(factory=list)
    trips: list[float] = field(factory=list)
    said: int = 0
    waits: anyio.Event = field(factory=anyio.Event)

    async def live(self, port: int) -> None:
        protocols: Any = ["convokit.v1", f"auth.{self.token}"]
        address = f"ws://127.0.0.1:{port}/web/v1/ws"
        async with connect(address, subprotocols=protocols, proxy=None, ping_interval=None, compression=None) as line:
            self.line = line
            await line.send(json.dumps({"t": "hello", "v": 1, "conv": None, "log": None, "after": 0}))
            async for raw in line:
                self.take(json.loads(raw))

    def take(self, frame: Frame) -> None:
        if frame["t"] == "entry":
            self.conv = frame.get("conv") or self.conv
            self.seqs.append(frame["seq"])
            if frame["by"]["role"] == "person" and frame["kind"] == "text":
                self.heard.append(frame["text"])
                self.trips.append(time.monotonic() - float(frame["text"].split()[2]))
        elif frame["t"] == "welcome":
            self.conv = frame["conv"] or self.conv
        self.waits.set()
        self.waits = anyio.Event()

    async def say(self, text: str) -> None:
        assert self.line is not None
        await self.line.send(json.dumps({"t": "send", "cid": secrets.token_hex(12), "text": text}))


@define(eq=False)
class Operator:
    """An operator who answers whatever comes."""

    name: str
    cookie: str
    line: ClientConnection | None = None
    epochs: dict[str, int] = field(factory=dict)
    seen: dict[str, list[str]] = field(factory=dict)
    refused: list[Frame] = field(factory=list)
    there: list[float] = field(factory=list)
    frames: int = 0
    waits: anyio.Event = field(factory=anyio.Event)

    async def live(self, port: int) -> None:
        protocols: Any = ["convokit.v1"]
        headers = {"Cookie": f"convokit-inbox={self.cookie}", "Origin": f"http://127.0.0.1:{port}"}
        async with connect(
            f"ws://127.0.0.1:{port}/inbox/v1/ws",
            subprotocols=protocols,
            additional_headers=headers,
            proxy=None,
            ping_interval=None,
            compression=None,
        ) as line:
            self.line = line
            await line.send(json.dumps({"t": "hello", "v": 1, "lists": {}, "convs": {}, "can": ["batch"]}))
            async for raw in line:
                message = _batches.decode(raw)
                for one in message.frames if message.t == "batch" else [raw.encode()]:
                    self.frames += 1
                    # Most of what an operator's page hears are rows of its lists; here nobody looks at them.
                    if not bytes(one).startswith(b'{"t":"row"'):
                        await self.take(json.loads(bytes(one)))

    async def take(self, frame: Frame) -> None:
        assert self.line is not None
        if frame["t"] in {"opened", "lease"}:
            self.epochs[frame["conv"]] = frame["epoch"]
        elif frame["t"] == "error":
            self.refused.append(frame)
            self.epochs[frame["conv"]] = frame.get("epoch", self.epochs.get(frame["conv"], 0))
        elif frame["t"] == "entry" and frame["by"]["role"] == "visitor" and frame["text"].startswith("ping "):
            _, number, sent = frame["text"].split()
            self.there.append(time.monotonic() - float(sent))
            self.seen.setdefault(frame["conv"], []).append(number)
            await self.command(
                "send", conv=frame["conv"], epoch=self.epochs[frame["conv"]], text=f"pong {number} {sent}"
            )
        self.waits.set()
        self.waits = anyio.Event()

    async def command(self, t: str, **fields: Any) -> None:
        assert self.line is not None
        await self.line.send(json.dumps({"t": t, "cid": secrets.token_hex(12), **fields}))


async def until(waits: Any, holds: Any, seconds: float, what: str) -> None:
    """Wait for something to hold, woken by what comes in."""
    with anyio.move_on_after(seconds) as late:
        while not holds():
            await waits().wait()
    assert not late.cancelled_caught, f"{what}: not within {seconds:.0f} s"


async def accounts(database: Path) -> list[Operator]:
    """Operators who are signed in."""
    store, clock = SQLite(database), SystemClock()
    await store.open(clock)
    made = []
    for number in range(OPERATORS):
        operator = people.Operator(id=f"o{number}", name=f"Operator {number}", max=1000)
        await people.add(store, operator)
        account = await people.account_of(store, operator.id)
        assert account is not None
        made.append(Operator(operator.id, await people.sign_in(store, account, clock.now())))
    await store.close()
    return made


def percentile(figures: list[float], share: float) -> float:
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * share))] * 1000 if figures else 0.0


@pytest.fixture
def anyio_backend() -> str:
    """What is measured is a process of its own."""
    return "asyncio"


@pytest.fixture
def sockets() -> Iterator[None]:
    """As many open files as two processes with all these sockets need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SOCKETS + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this machine lets a process have {hard} open files, and {needed} are needed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.usefixtures("sockets")
async def test_a_thousand_open_chats_and_two_hundred_messages_a_second(tmp_path: Path) -> None:
    database, port = tmp_path / "loaded.db", _free_port()
    operators = await accounts(database)
    with (tmp_path / "log.txt").open("wb") as log:
        words = [sys.executable, str(HERE / "chat_server.py"), str(database), str(port), str(tmp_path / "files")]
        server = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        await _ready(port)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client, anyio.create_task_group() as lines:
            customers = []
            for _ in range(SOCKETS):
                answer = await client.post(
                    f"http://127.0.0.1:{port}/web/v1/visit", json={}, headers={"x-convokit": "1"}
                )
                customers.append(Customer(answer.json()["token"]))
            before = memory_of(server.pid)
            for one in customers:
                lines.start_soon(one.live, port)
            with anyio.fail_after(60):
                while not all(one.line for one in customers):
                    await anyio.sleep(0.1)
            await anyio.sleep(2)
            idle = (memory_of(server.pid) - before) / SOCKETS
            for operator in operators:
                lines.start_soon(operator.live, port)
            talking = customers[: OPERATORS * PER_OPERATOR]
            await _hand_over(talking, operators)
            began, used = time.monotonic(), seconds_of(server.pid)
            await _talk(talking)
            took, used = time.monotonic() - began, seconds_of(server.pid) - used
            lines.cancel_scope.cancel()
    finally:
        server.terminate()
        server.wait(30)
    said = sum(one.said for one in talking)
    there = [one for operator in operators for one in operator.there]
    round_trips = [one for customer in talking for one in customer.trips]
    rows = sum(operator.frames for operator in operators)
    print(
        f"\nframes to operators={rows}"
        f" sockets={SOCKETS} operators={OPERATORS} messages={2 * said} in {took:.0f} s"
        f" ({2 * said / took:.0f}/s), CPU {used / took * 100:.0f} % of a core,"
        f" {used / (2 * said) * 1e6:.0f} µs a message;"
        f" to the operator p50={percentile(there, 0.5):.0f} p99={percentile(there, 0.99):.0f} ms;"
        f" and back p50={percentile(round_trips, 0.5):.0f} p99={percentile(round_trips, 0.99):.0f} ms;"
        f" memory per idle visitor {idle / 1024:.0f} KiB"
    )
    assert [operator.refused for operator in operators if operator.refused] == []
    for customer in talking:
        assert [text.split()[1] for text in customer.heard] == [str(n) for n in range(1, customer.said + 1)]
        assert customer.seqs == list(range(customer.seqs[0], customer.seqs[0] + len(customer.seqs)))
    seen = {conv: numbers for operator in operators for conv, numbers in operator.seen.items()}
    assert len(seen) == sum(1 for one in talking if one.said)
    assert sum(map(len, seen.values())) == said
    assert all(numbers == [str(n) for n in range(1, len(numbers) + 1)] for numbers in seen.values())


async def _hand_over(talking: list[Customer], operators: list[Operator]) -> None:
    """Every customer asks for a person, and has one: each operator takes their share."""
    for one in talking:
        await one.say("hello")
    for one in talking:
        await until(
            lambda one=one: one.waits, lambda one=one: one.conv and len(one.seqs) >= 2, 60, "a wait for a person"
        )
    for place, customer in enumerate(talking):
        operator = operators[place % OPERATORS]
        conv = f"web:{customer.conv}"
        await operator.command("open", conv=conv)
        await until(
            lambda operator=operator: operator.waits,
            lambda operator=operator, conv=conv: conv in operator.epochs,
            30,
            "an opened conversation",
        )
        before = len(customer.seqs)
        with anyio.fail_after(30):
            while len(customer.seqs) == before:
                known = len(operator.refused)
                await operator.command("take", conv=conv, epoch=operator.epochs[conv])
                # What the desk showed may be older than what the customer's page knows: it says so, and is asked again.
                while len(customer.seqs) == before and len(operator.refused) == known:
                    with anyio.move_on_after(0.1):
                        await customer.waits.wait()
        operator.refused.clear()


async def _talk(talking: list[Customer]) -> None:
    """Customers write in turns, at the rate; each waits for its answer before it writes again."""
    pause = 2 / RATE
    began = time.monotonic()
    number = 0
    while (now := time.monotonic()) - began < SECONDS:
        customer = talking[number % len(talking)]
        number += 1
        customer.said += 1
        await customer.say(f"ping {customer.said} {time.monotonic()}")
        await anyio.sleep(max(0.0, began + number * pause - now))
    for one in talking:
        await until(lambda one=one: one.waits, lambda one=one: len(one.heard) == one.said, 60, "every answer")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def _ready(port: int) -> None:
    with anyio.fail_after(30):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return
            except OSError:
                await anyio.sleep(0.05)
