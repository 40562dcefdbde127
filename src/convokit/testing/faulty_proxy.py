"""A proxy with faults: what the line between a bot and a platform can do to a call, as a test says or by a seed."""

import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import Enum
from random import Random
from typing import Final, Self
from urllib.parse import urlsplit

import anyio
from anyio.abc import Listener, SocketAttribute, SocketStream, TaskGroup

HEAD_BYTES: Final = 64 << 10
BODY_BYTES: Final = 64 << 20
PIECE: Final = 64 << 10
RESETS: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a reset."""
BROKEN: Final = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class Trouble(Enum):
    """What becomes of one call. What the platform got is certain to the proxy, and to nobody else."""

    NONE = "none"
    """It is passed on, and so is its answer."""
    DROP = "drop"
    """The line is closed when the call has come; the platform gets nothing."""
    LOSE = "lose"
    """The platform gets it and answers; the line is closed without the answer."""
    STALL = "stall"
    """The platform gets it and answers; nothing comes back, and the line stays open."""
    RESET = "reset"
    """The line is reset when the call has come; the platform gets nothing."""
    CUT = "cut"
    """The platform gets it and answers; the line is closed in the middle of the answer."""

    @property
    def arrives(self) -> bool:
        """Whether the platform gets the call."""
        return self not in {Trouble.DROP, Trouble.RESET}


class FaultyProxy:
    """Stands between a client and an HTTP/1.1 server on this machine, and lets calls go wrong.

    Inside `async with`, `url` is its address. Bodies must say their length.

    ```python
    async with PlatformDouble(answer) as api, FaultyProxy(api.url) as line:
        line.troubles.extend([Trouble.LOSE, Trouble.NONE])
        bot.attach(Telegram(TOKEN, api_url=line.url))
    ```

    Args:
        url: The server's address: http, on a loopback address.
        chances: How likely a call that `troubles` says nothing about has which trouble.
        seed: The same seed and the same order of calls: the same troubles.

    Attributes:
        troubles: What becomes of the next calls, in order.
        did: What became of the calls so far.
    """

    def __init__(self, url: str, *, chances: Mapping[Trouble, float] | None = None, seed: int = 0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise ValueError(f"FaultyProxy: a server's address reads http://127.0.0.1:8000, not {url!r}")
        self.troubles: deque[Trouble] = deque()
        self.did: list[Trouble] = []
        self.url = ""
        self._to = (parts.hostname, parts.port)
        self._chances = dict(chances or {})
        self._random = Random(seed)  # noqa: S311  faults are no secret
        self._port = 0
        self._open = AsyncExitStack()
        self._lines: set[SocketStream] = set()
        self._listens_until: anyio.CancelScope | None = None

    async def __aenter__(self) -> Self:
        self._tasks: TaskGroup = await self._open.enter_async_context(anyio.create_task_group())
        self._open.callback(self._tasks.cancel_scope.cancel)
        await self._listens()
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._open.aclose()

    def heal(self) -> None:
        """From now on every call is passed on."""
        self.troubles.clear()
        self._chances.clear()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Nobody listens meanwhile: lines that are open end, and new ones are refused."""
        if self._listens_until is None:
            raise RuntimeError("FaultyProxy: it is away already, or not entered")
        self._listens_until.cancel()
        self._listens_until = None
        await self._gone.wait()
        for one in tuple(self._lines):
            await one.aclose()
        try:
            yield
        finally:
            await self._listens()

    # ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listens(self) -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self._port)
        self._port = listener.extra(SocketAttribute.local_port)  # noqa: S610  anyio's extra, not Django's
        self._listens_until, self._gone = anyio.CancelScope(), anyio.Event()
        self._tasks.start_soon(self._serve, listener, self._listens_until, self._gone)

    async def _serve(self, listener: Listener[SocketStream], until: anyio.CancelScope, gone: anyio.Event) -> None:
        try:
            with until:
                await listener.serve(self._line, self._tasks)
        finally:
            with anyio.CancelScope(shield=True):
                await listener.aclose()
            gone.set()

    async def _line(self, client: SocketStream) -> None:
        self._lines.add(client)
        try:
            async with client:
                with suppress(*BROKEN):
                    while await self._call(client):
                        pass
        finally:
            self._lines.remove(client)

    async def _call(self, client: SocketStream) -> bool:
        """Pass one call on, or do to it what is its lot. Returns whether the line goes on."""
        asked = await _message(client)
        trouble = self.troubles.popleft() if self.troubles else self._drawn()
        self.did.append(trouble)
        if not trouble.arrives:
            if trouble is Trouble.RESET:
                raw = client.extra(SocketAttribute.raw_socket)  # noqa: S610  anyio's extra, not Django's
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
            return False
        async with await anyio.connect_tcp(*self._to) as server:
            await server.send(asked)
            answered = await _message(server)
        match trouble:
            case Trouble.LOSE:
                return False
            case Trouble.STALL:
                await anyio.sleep_forever()
            case Trouble.CUT:
                await client.send(answered[: len(answered) // 2])
                return False
        await client.send(answered)
        return True

    def _drawn(self) -> Trouble:
        luck = self._random.random()
        for trouble, chance in self._chances.items():
            if luck < chance:
                return trouble
            luck -= chance
        return Trouble.NONE


async def _message(stream: SocketStream) -> bytes:
    """One whole request or answer, as it came.

    Raises:
        anyio.EndOfStream: The line ended before it was whole.
        ValueError: It is too long, or does not say how long it is.
    """
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += await _piece(stream, len(got), HEAD_BYTES)
    length = _length(got[:end].decode("latin-1").split("\r\n")[1:])
    while len(got) < end + 4 + length:
        got += await _piece(stream, len(got), HEAD_BYTES + BODY_BYTES)
    return bytes(got)


async def _piece(stream: SocketStream, so_far: int, most: int) -> bytes:
    if so_far > most:
        raise ValueError(f"FaultyProxy: a message has more than {most} bytes")
    return await stream.receive(PIECE)


def _length(lines: Iterable[str]) -> int:
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "chunked" in headers.get("transfer-encoding", ""):
        raise ValueError("FaultyProxy: a message comes in chunks; it must say its length")
    return int(headers.get("content-length", "0"))
