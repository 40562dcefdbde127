"""One HTTP call over a line of its own, as platforms make them, and as lines break: the caller may hang up at once."""

import random
import socket
from collections.abc import Mapping

import anyio

PATIENCE = 3.0
"""Seconds that an answer may take."""
PORTS = range(20_000, 32_000)
"""Where the victim listens: below the ports that a connection's own end gets. A caller that tries a port of those while
nobody listens may be connected with itself, and then nobody else can listen there.
"""

_BROKEN = (OSError, TimeoutError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ValueError)


def free_port(chance: random.Random) -> int:
    """A port nobody listens on."""
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


async def post(port: int, path: str, headers: Mapping[str, str], body: bytes, *, hang_up: bool = False) -> int | None:
    """The status of the answer; None when none came, or when the caller was to hang up before it."""
    named = {"host": "127.0.0.1", "connection": "close", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    try:
        with anyio.fail_after(PATIENCE):
            async with await anyio.connect_tcp("127.0.0.1", port) as line:
                await line.send(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
                if hang_up:
                    return None
                got = b""
                while b"\r\n" not in got:
                    got += await line.receive(4096)
                return int(got.split(b" ", 2)[1])
    except _BROKEN:
        return None


async def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        async with await anyio.connect_tcp("127.0.0.1", port):
            return True
    except OSError:
        return False
