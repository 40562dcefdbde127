"""Direct Line's streams: what the log gains, sent to the one socket that a conversation's client has open."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from convokit.conversations import ConversationId
from convokit.errors import StoreUnavailable
from convokit.transports.webchat.activities import typing
from convokit.transports.webchat.feeds import Feed
from convokit.transports.webchat.front import Front
from convokit.transports.webchat.grants import Ticket
from convokit.wire import codec
from convokit.wire.live import BUFFER_BYTES, PING_SECONDS, SEND_SECONDS, Line

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

logger = logging.getLogger(__name__)

PIECE = 50
"""How many activities a frame may hold."""

Render = Callable[[ConversationId, Sequence[Mapping[str, Any]]], Awaitable[list[dict[str, Any]]]]
"""Makes activities of entries, which follow each other in a conversation."""


class Stream:
    """One client's socket, as a follower of its conversation."""

    def __init__(self, conversation: ConversationId, after: int, until: int | None) -> None:
        self.conversation = conversation
        self.line = Line()
        self.sent: int | None = None
        self.feed: Feed | None = None
        self.cursor = after
        self.until = until


class Streams:
    """The open streams of one chat: at most one a conversation.

    Args:
        front: The chat.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._open: dict[ConversationId, Stream] = {}
        self.stopped = False

    @property
    def full(self) -> bool:
        """Whether no more may be opened."""
        return self.stopped or len(self._open) >= self._front.setup.bounds.sockets

    def prolong(self, conversation: ConversationId, until: int | None) -> None:
        """The client has shown a newer token: its stream may last as long as that."""
        stream = self._open.get(conversation)
        if stream is not None and stream.until is not None:
            stream.until = None if until is None else max(until, stream.until)

    async def serve(self, websocket: "WebSocket", ticket: Ticket, render: Render) -> None:
        """Serve a socket until it ends; a stream that the conversation had before is closed as a collision.

        What the client sends is not looked at: it sends empty frames to see whether the line still holds.
        """
        await websocket.accept()
        conversation = self._front.conversation(ticket.grant.conversation)
        stream = Stream(conversation, ticket.after, ticket.grant.until)
        earlier = self._open.get(conversation)
        if earlier is not None:
            earlier.line.close(1000, "collision")
        self._open[conversation] = stream
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, websocket, stream)
                await self._write(websocket, stream, render)
                tasks.cancel_scope.cancel()
        finally:
            if stream.feed is not None:
                stream.feed.leave(stream)
            stream.line.close(1001, "gone")
            if self._open.get(conversation) is stream:
                del self._open[conversation]

    async def _listen(self, websocket: "WebSocket", stream: Stream) -> None:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            if len(message.get("text") or message.get("bytes") or "") > BUFFER_BYTES:
                stream.line.close(1009, "too long")
        stream.line.close(1001, "gone")

    async def _write(self, websocket: "WebSocket", stream: Stream, render: Render) -> None:
        try:
            # In one go: a feed that nobody has joined yet is thrown away when another page leaves it.
            stream.feed = self._front.feeds.of(stream.conversation)
            await stream.feed.join(stream, stream.cursor)
            await self._catch_up(websocket, stream, render)
            while stream.line.closed is None:
                with anyio.move_on_after(PING_SECONDS) as waited:
                    await stream.line.arrived()
                if waited.cancelled_caught:
                    await _send(websocket, "")
                    self._end_with_token(stream)
                await self._tell(websocket, stream, render)
            code, reason = stream.line.closed
            if reason != "gone":
                with anyio.move_on_after(SEND_SECONDS):
                    await websocket.close(code, reason)
        except StoreUnavailable as problem:
            logger.warning("conversation=%s its stream is closed: %s", stream.conversation, problem)
            await websocket.close(1011, "unavailable")
        except (RuntimeError, OSError) as problem:
            # Starlette raises RuntimeError or OSError for a socket that went away, TimeoutError is one for a slow one.
            logger.debug("a stream went away while it was written to: %s", problem)

    def _end_with_token(self, stream: Stream) -> None:
        if stream.until is not None and self._front.seconds >= stream.until:
            stream.line.close(1008, "token expired")

    async def _catch_up(self, websocket: "WebSocket", stream: Stream, render: Render) -> None:
        """Send what the log has after the cursor."""
        while True:
            log = await self._front.log(stream.conversation, after=stream.cursor, limit=PIECE)
            shown = [await self._front.show(stream.conversation, log.id, one) for one in log.entries]
            await self._say(websocket, stream, shown, render)
            if stream.cursor >= log.public_head or not log.entries:
                return

    async def _tell(self, websocket: "WebSocket", stream: Stream, render: Render) -> None:
        """Send what was pushed, in order; what is missing before an entry is read from the log."""
        entries: list[dict[str, Any]] = []
        for frame in map(codec.decode_json, stream.line.take()):
            if frame["t"] == "typing":
                await self._say(websocket, stream, entries, render)
                entries = []
                written = typing(stream.conversation.id, frame["by"], self._front.bot_name)
                await self._frame(websocket, stream, [written])
            elif frame["t"] == "entry" and frame["seq"] > stream.cursor + len(entries):
                if frame["seq"] != stream.cursor + len(entries) + 1:
                    await self._catch_up(websocket, stream, render)
                    entries = []
                else:
                    entries.append(frame)
        await self._say(websocket, stream, entries, render)

    async def _say(self, websocket: "WebSocket", stream: Stream, entries: list[dict[str, Any]], render: Render) -> None:
        if entries:
            activities = await render(stream.conversation, entries)
            stream.cursor = entries[-1]["seq"]
            await self._frame(websocket, stream, activities)

    async def _frame(self, websocket: "WebSocket", stream: Stream, activities: list[dict[str, Any]]) -> None:
        frame = {"activities": activities, "watermark": str(stream.cursor)}
        await _send(websocket, msgspec.json.encode(frame).decode())

    def close(self) -> None:
        """Close every stream: the server stops, and clients come back after some seconds."""
        self.stopped = True
        for stream in list(self._open.values()):
            stream.line.close(1012, "restart")


async def _send(websocket: "WebSocket", text: str) -> None:
    with anyio.fail_after(SEND_SECONDS):
        await websocket.send_text(text)
