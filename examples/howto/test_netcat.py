"""The transport, spoken to over a real socket."""

import socket

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream
from netcat import Netcat

from convokit import Bot, Turn
from convokit.stores import Memory


# --8<-- [start:test]
async def test_a_line_is_a_message_and_a_connection_a_conversation() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    bot = Bot("echo")
    bot.attach(Netcat(port=port))

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(f"You said {turn.text}.")

    async with bot.serve(Memory()):
        with anyio.fail_after(10):
            peer = await connected(port)
            async with peer:
                await peer.send(b"hello\n")
                assert await BufferedByteReceiveStream(peer).receive_until(b"\n", 100) == b"You said hello."


# --8<-- [end:test]


async def connected(port: int) -> anyio.abc.SocketStream:
    """A connection, as soon as somebody listens."""
    while True:
        try:
            return await anyio.connect_tcp("127.0.0.1", port)
        except OSError:
            await anyio.lowlevel.checkpoint()
