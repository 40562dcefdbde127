"""Pages without a browser: an ASGI app driven in process, over HTTP and WebSocket, on asyncio and trio."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from attrs import define, field

App = Any
Frame = dict[str, Any]
PATIENCE = 5.0
"""Seconds that a test waits for what should come at once; on a slow machine nothing else decides."""


@define
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Closed(Exception):
    """The server closed the line."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@define
class Line:
    """A WebSocket, seen from the page."""

    _to_server: MemoryObjectSendStream[Any]
    _from_server: MemoryObjectReceiveStream[Any]
    subprotocol: str | None = None

    async def send(self, t: str, **fields: Any) -> None:
        await self.raw(json.dumps({"t": t, **fields}))

    async def raw(self, text: str) -> None:
        await self._to_server.send({"type": "websocket.receive", "text": text})

    async def next(self) -> Frame:
        """The next frame; raises `Closed` when there is none any more."""
        with anyio.fail_after(PATIENCE):
            message = await self._from_server.receive()
        if message["type"] == "websocket.close":
            raise Closed(message.get("code", 1000), message.get("reason") or "")
        frame: Frame = json.loads(message["text"])
        return frame

    async def until(self, *kinds: str) -> Frame:
        """The next frame of one of these kinds; what comes before is thrown away."""
        while True:
            frame = await self.next()
            if frame["t"] in kinds:
                return frame

    async def closed(self) -> Closed:
        """How the line is closed; what comes before is thrown away."""
        while True:
            try:
                await self.next()
            except Closed as end:
                return end

    async def waiting(self) -> list[Frame]:
        """What has come and was not looked at, once nobody has anything left to do."""
        await anyio.wait_all_tasks_blocked()
        found = []
        while True:
            try:
                message = self._from_server.receive_nowait()
            except (anyio.WouldBlock, anyio.EndOfStream):
                return found
            if message["type"] == "websocket.send":
                found.append(json.loads(message["text"]))

    async def hello(self, **fields: Any) -> Frame:
        """Say hello, and return the welcome."""
        await self.send("hello", v=1, **{"conv": None, "log": None, "after": 0, **fields})
        return await self.until("welcome")


@define
class Browser:
    """A browser at one page: it keeps cookies and sends its origin.

    Args:
        app: The server.
        path: Where the chat is mounted.
        origin: The page's; None: no browser at all.
        host: The server's.
        address: Where from.
    """

    app: App
    path: str = "/web"
    origin: str | None = "https://shop.example"
    host: str = "shop.example"
    scheme: str = "https"
    address: str = "203.0.113.7"
    site: str = ""
    token: str = ""
    cookies: dict[str, str] = field(factory=dict)

    def _headers(self, extra: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        headers = {"host": self.host}
        if self.origin is not None:
            headers["origin"] = self.origin
        if self.site:
            headers["sec-fetch-site"] = self.site
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers |= {name.lower(): value for name, value in extra.items()}
        return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    def _scope(self, kind: str, path: str, extra: Mapping[str, str]) -> dict[str, Any]:
        parts = urlsplit(path)
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme if kind == "http" else {"https": "wss", "http": "ws"}[self.scheme],
            "path": f"{self.path}/{parts.path}",
            "raw_path": f"{self.path}/{parts.path}".encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": self._headers(extra),
            "client": (self.address, 1234),
            "server": (self.host, 443),
        }

    async def request(
        self, method: str, path: str, body: bytes | Sequence[bytes] = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One HTTP request."""
        pieces = [body] if isinstance(body, bytes) else list(body)
        messages = [
            {"type": "http.request", "body": one, "more_body": number < len(pieces) - 1}
            for number, one in enumerate(pieces)
        ]
        gone = anyio.Event()
        status, told, answer = 0, [], bytearray()

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status, told
            if message["type"] == "http.response.start":
                status, told = message["status"], message.get("headers", [])
            else:
                answer.extend(message.get("body", b""))
                if not message.get("more_body"):
                    gone.set()

        extra = dict(headers or {})
        if self.token and "authorization" not in {one.lower() for one in extra}:
            extra["authorization"] = f"Bearer {self.token}"
        await self.app({**self._scope("http", path, extra), "method": method}, receive, send)
        for name, value in told:
            if name.lower() == b"set-cookie":
                self._keep(value.decode())
        return Reply(status, {name.decode().lower(): value.decode("latin-1") for name, value in told}, bytes(answer))

    def _keep(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value

    async def post(self, path: str, said: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """A POST of JSON."""
        return await self.request("POST", path, json.dumps(said or {}).encode(), headers)

    async def visit(self, customer: str = "", **said: Any) -> Reply:
        """Visit the chat; keep what identifies us from now on."""
        headers = {"authorization": f"Bearer {customer}"} if customer else {}
        reply = await self.post("v1/visit", said, headers)
        if reply.status == 200 and "token" in reply.json():
            self.token = reply.json()["token"]
        return reply

    @asynccontextmanager
    async def open(self, *, token: str | None = None, path: str = "v1/ws") -> AsyncIterator[Line]:
        """A WebSocket, opened; left, it is cut."""
        to_server, server_in = anyio.create_memory_object_stream[Any](10_000)
        server_out, from_server = anyio.create_memory_object_stream[Any](10_000)
        shown = self.token if token is None else token
        offered = ["convokit.v1", *([f"auth.{shown}"] if shown else [])]
        scope = {**self._scope("websocket", path, {}), "subprotocols": offered}
        done = anyio.Event()

        async def serve() -> None:
            try:
                await self.app(scope, server_in.receive, server_out.send)
            finally:
                done.set()

        async with to_server, server_in, server_out, from_server, anyio.create_task_group() as tasks:
            await to_server.send({"type": "websocket.connect"})
            tasks.start_soon(serve)
            with anyio.fail_after(PATIENCE):
                accepted = await from_server.receive()
            assert accepted["type"] == "websocket.accept", f"refused before it was accepted: {accepted}"
            yield Line(to_server, from_server, accepted.get("subprotocol"))
            await to_server.send({"type": "websocket.disconnect", "code": 1006})
            with anyio.move_on_after(PATIENCE):
                await done.wait()
            tasks.cancel_scope.cancel()
