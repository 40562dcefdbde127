"""A transport of one's own, complete: chat over plain TCP."""

from datetime import UTC, datetime
from functools import partial
from itertools import count
from uuid import uuid4

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import define, field

from convokit import Capabilities, ConversationId, Limit, Message, MessageReceived, Rejected, User
from convokit.abc import Accept, Transport

LONGEST_LINE = 65536


@define(eq=False)
class Netcat(Transport):
    """Chat over plain TCP: a connection is a conversation, a line is a message."""

    capabilities = Capabilities(text_limit=Limit(4096, "bytes"))

    port: int = 4000
    channel: str = "netcat"
    _peers: dict[str, ByteStream] = field(factory=dict, init=False)

    async def run(self, accept: Accept) -> None:
        """Listen until cancelled."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self.port) as listener:
            await listener.serve(partial(self._talk, accept))

    async def _talk(self, accept: Accept, stream: ByteStream) -> None:
        name = uuid4().hex
        here, user = ConversationId(self.channel, name), User(id=name)
        lines = BufferedByteReceiveStream(stream)
        self._peers[name] = stream
        try:
            for number in count(1):
                line = await lines.receive_until(b"\n", LONGEST_LINE)
                text = line.decode("utf-8", "replace").strip()
                now = datetime.now(UTC)
                await accept([MessageReceived(id=str(number), conversation=here, at=now, user=user, text=text)])
        except (anyio.IncompleteRead, anyio.DelimiterNotFound, anyio.BrokenResourceError):
            pass  # they hung up, or never end their line: either way the talk is over
        finally:
            del self._peers[name]
            await stream.aclose()

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Write a line; TCP gives it no id."""
        peer = self._peers.get(to.id)
        if peer is None:
            raise Rejected(self.channel, "they hung up")
        try:
            await peer.send(message.text.encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as problem:
            raise Rejected(self.channel, "they hung up while we spoke") from problem
        return None
