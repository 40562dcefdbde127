"""A visitor of a web chat, as the page's own script is one: a cursor, an outbox, and a line that may break."""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import anyio
import httpx
from attrs import define, field
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

Frame = dict[str, Any]
BROKEN = (OSError, ConnectionClosed, InvalidHandshake, EOFError, TimeoutError)


@define(eq=False)
class Visitor:
    """One visitor with one page.

    Attributes:
        port: Where the server listens, on loopback.
        said: What was to be said, by cid, in order.
        entries: What the page shows: the public log, by its numbers.
        acknowledged: The cids that were acknowledged.
        doubled: How often an entry came again with another content, or a hole was skipped.
    """

    port: int
    said: dict[str, str] = field(factory=dict)
    entries: dict[int, Frame] = field(factory=dict)
    acknowledged: set[str] = field(factory=set)
    doubled: int = 0
    token: str = ""
    conv: str | None = None
    log: str | None = None
    cursor: int = 0
    opened: int = 0
    arrived: anyio.Event = field(factory=anyio.Event)

    @property
    def base(self) -> str:
        return f"127.0.0.1:{self.port}/web/v1"

    async def visit(self, client: httpx.AsyncClient) -> None:
        """Become a visitor, however often it takes."""
        while not self.token:
            try:
                answer = await client.post(f"http://{self.base}/visit", json={}, headers={"x-convokit": "1"})
            except httpx.HTTPError:
                await anyio.sleep(0.05)
                continue
            if answer.status_code == 200:
                self.token = answer.json()["token"]
            else:
                await anyio.sleep(0.1)

    async def live(self) -> None:
        """Keep a line open until cancelled: say hello from the cursor, say again what was not acknowledged, listen."""
        while True:
            try:
                await self._one_line()
            except BROKEN:
                await anyio.sleep(0.05)

    async def _one_line(self) -> None:
        protocols = ["convokit.v1", f"auth.{self.token}"]
        async with connect(
            f"ws://{self.base}/ws",
            subprotocols=protocols,  # type: ignore[arg-type]  # texts are what they are
            proxy=None,
            open_timeout=5,
            close_timeout=0.1,
            ping_interval=None,
        ) as line:
            self.opened += 1
            hello = {"t": "hello", "v": 1, "conv": self.conv, "log": self.log, "after": self.cursor}
            await line.send(json.dumps(hello))
            welcomed = False
            async with anyio.create_task_group() as tasks:
                # A line that breaks must not come out of the group wrapped in another error.
                with suppress(*BROKEN):
                    async for raw in line:
                        frame = json.loads(raw)
                        self._take(frame)
                        if frame["t"] == "ping":
                            await line.send(json.dumps({"t": "pong", "n": frame["n"]}))
                        elif frame["t"] == "welcome" and not welcomed:
                            welcomed = True
                            tasks.start_soon(self._speak, line)
                tasks.cancel_scope.cancel()

    async def _speak(self, line: ClientConnection) -> None:
        """One message on its way at a time, as the page does it; what breaks is said by the reader."""
        while True:
            cid = next((one for one in self.said if one not in self.acknowledged), None)
            waits = self.arrived
            if cid is not None:
                try:
                    await line.send(json.dumps({"t": "send", "cid": cid, "text": self.said[cid]}))
                except BROKEN:
                    return
                with anyio.move_on_after(10):
                    while cid not in self.acknowledged:
                        waits = self.arrived
                        await waits.wait()
                    continue
                return
            await waits.wait()

    def say(self, text: str) -> str:
        """Write a message into the outbox. Returns its cid, which never changes."""
        cid = secrets.token_hex(12)
        self.said[cid] = text
        self._stir()
        return cid

    def _stir(self) -> None:
        self.arrived.set()
        self.arrived = anyio.Event()

    def _take(self, frame: Mapping[str, Any]) -> None:
        match frame["t"]:
            case "welcome":
                if frame["reset"] or frame["gap"]:
                    self.doubled += 1
                self.conv, self.log = frame["conv"], frame["log"]
                for entry in frame["entries"]:
                    self._show(entry)
            case "entry":
                self.conv = frame.get("conv") or self.conv
                self.log = frame.get("log") or self.log
                self._show(dict(frame))
            case "ack":
                self.acknowledged.add(frame["cid"])
            case "error":
                if frame.get("re") and frame.get("retry") == "no":
                    raise AssertionError(f"refused for good: {frame}")
        self._stir()

    def _show(self, entry: Frame) -> None:
        number = entry["seq"]
        known = self.entries.get(number)
        if known is not None:
            self.doubled += known["id"] != entry["id"]
            return
        if number != self.cursor + 1:
            self.doubled += 1
        self.entries[number] = entry
        self.cursor = max(self.cursor, number)

    def texts(self, role: str) -> list[str]:
        """What somebody has said, as the page shows it."""
        return [one.get("text", "") for _, one in sorted(self.entries.items()) if one["by"]["role"] == role]
