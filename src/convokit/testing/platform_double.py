"""A double of a platform's API: a tiny HTTP/1.1 server on a loopback address that answers as a test says."""

import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from enum import Enum
from typing import Any, Self

import anyio
from anyio.abc import ByteStream, SocketAttribute
from attrs import field, frozen


@frozen(kw_only=True)
class HttpCall:
    """One request as it came in; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body, read as JSON. Raises ValueError when it is none."""
        return json.loads(self.body)


@frozen(kw_only=True)
class Reply:
    """What the double answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> Self:
        """`value` as JSON; header names are written with underscores."""
        named = {name.replace("_", "-"): one for name, one in headers.items()}
        return cls(
            status=status, body=json.dumps(value).encode(), headers={"content-type": "application/json", **named}
        )


class Fault(Enum):
    """What the double does instead of answering, after it read the whole request."""

    DROP = "drop"
    """It closes the connection."""
    HANG = "hang"
    """It keeps the connection open and says nothing."""


Script = Callable[[HttpCall], Reply | Fault]


class PlatformDouble:
    """The server. Inside `async with`, `url` is its address and `calls` is what it was asked, in order.

    Args:
        script: What to answer to a call. May be replaced at any time by setting `script`.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[HttpCall] = []
        self.url = ""
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  anyio's extra, not Django's
        self.url = f"http://127.0.0.1:{port}"
        await self._open.enter_async_context(listener)
        tasks = await self._open.enter_async_context(anyio.create_task_group())
        self._open.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(listener.serve, self._connection)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._open.aclose()

    async def _connection(self, stream: ByteStream) -> None:
        async with stream:
            try:
                while await self._exchange(stream):
                    pass
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async def _exchange(self, stream: ByteStream) -> bool:
        head, _, rest = await _until(stream, b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(rest) < length:
            rest += await stream.receive()
        call = HttpCall(method=method, path=path, headers=headers, body=rest[:length])
        self.calls.append(call)
        reply = self.script(call)
        if reply is Fault.HANG:
            while True:  # until the caller closes the line, which ends the exchange
                await stream.receive()
        if not isinstance(reply, Reply):
            return False
        said = {"content-length": str(len(reply.body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} -", *(f"{name}: {value}" for name, value in said.items())]
        await stream.send("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
        return True


async def _until(stream: ByteStream, mark: bytes) -> tuple[bytes, bytes, bytes]:
    got = b""
    while mark not in got:
        got += await stream.receive()
    return got.partition(mark)
