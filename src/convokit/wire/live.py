"""A page's line to the server: JSON frames over a WebSocket, or over long polls where sockets are blocked.

A page sends objects with a type `t`, the first of which is `hello`; the server pushes objects back at any time. What
is said over a line and who may say it is the business of a `Peer`; bounds on sizes, rates and time are kept here, once.
Starlette is imported when a line is served, and not before.
"""

import logging
import math
import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
from attrs import define, field

from convokit.abc import Clock
from convokit.wire.lenient import read_json
from convokit.wire.signing import whole

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

logger = logging.getLogger(__name__)

Frame = dict[str, Any]
"""One JSON object with its type under "t"."""

FRAME_BYTES = 64 << 10
"""What a frame from a page may have; a larger one closes the line with 4413."""
BUFFER_BYTES = 256 << 10
"""What may wait for a page that does not read; more closes the line with 4008: its cursor brings the page back."""
HELLO_SECONDS = 5.0
"""How long a page has to say hello after it opened a line."""
SEND_SECONDS = 60.0
"""How long a page may take to read what waits for it before it counts as gone."""
CLOSE_SECONDS = 5.0
PING_SECONDS = 25.0
"""How often the server says something at least: pages cannot see a WebSocket's own pings."""
HOLD_SECONDS = 25.0
"""How long a poll is held at most: under every proxy's idle limit."""
POLL_IDLE_SECONDS = 60.0
"""How long a polling page may be silent before it counts as gone."""
SUBPROTOCOL = "convokit.v1"
TOKEN_PROTOCOL = "auth."  # noqa: S105  the word before a token, not a token

_encoder = msgspec.json.Encoder()


class Refused(Exception):
    """A page is sent away: the line is closed with a code from 4400 to 4599, which tells it what to do.

    Args:
        code: 4401 wants a new token, 4403 is blocked or of a foreign origin, 4404 has lost its conversation, 4429 comes
            too often, 4503 finds no room.
        reason: At most 120 bytes; with 4429 the milliseconds to wait.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Line:
    """The way out to one page. What is pushed waits here until the page takes it; it never blocks who pushes."""

    __slots__ = ("_arrived", "_frames", "batches", "closed", "size")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._arrived: anyio.Event | None = None
        self.size = 0
        """How many bytes wait for the page."""
        self.batches = False
        """Whether the page reads `{"t": "batch", "frames": […]}`: then what waits together goes out together."""
        self.closed: tuple[int, str] | None = None
        """The close code and its reason, once the line is closed."""

    def push(self, frame: Mapping[str, Any]) -> None:
        """Send a frame; nothing happens when the line is closed."""
        self.push_encoded(_encoder.encode(frame))

    def push_encoded(self, frame: bytes) -> None:
        """Send a frame that is JSON already, for one that goes to many pages."""
        if self.closed is not None:
            return
        self._frames.append(frame)
        self.size += len(frame)
        if self.size > BUFFER_BYTES:
            self.close(4008, "slow")
        self._wake()

    def close(self, code: int, reason: str = "") -> None:
        """Close it; the first code stands. What waits is thrown away after a slow page, sent otherwise."""
        if self.closed is None:
            self.closed = (code, reason)
            if code == 4008:  # noqa: PLR2004  the code's meaning is in `BUFFER_BYTES`
                self._frames.clear()
            self._wake()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None

    async def arrived(self) -> None:
        """Return when there is something to take, or the line is closed; several may wait for it."""
        if self._frames or self.closed is not None:
            return
        if self._arrived is None:
            self._arrived = anyio.Event()
        await self._arrived.wait()

    def take(self) -> list[bytes]:
        """What waits, oldest first."""
        frames, self._frames, self.size = self._frames, [], 0
        return frames


class Peer(ABC):
    """The server's side of one open page; made for a line, and told what the page says, one frame after the other."""

    @abstractmethod
    async def hello(self, frame: Frame) -> None:
        """The page said who it is and how far it has read; answered by pushing `welcome`.

        Raises:
            Refused: It is sent away.
        """

    @abstractmethod
    async def take(self, frame: Frame) -> None:
        """The page said something else. Raises `Refused` as `hello`."""

    async def polled(self, asked: Frame) -> None:  # noqa: B027  not every peer has a cursor
        """The page polls again, and `asked` says how far it has read: an answer may have been lost on its way."""

    def left(self) -> None:  # noqa: B027  not every peer has something to undo
        """The page is gone; called once, whatever ended it, after `hello` was begun."""


async def serve_socket(
    websocket: "WebSocket",
    line: Line,
    peer: Peer,
    *,
    refused: Refused | None = None,
    ping_seconds: float = PING_SECONDS,
) -> None:
    """Serve one WebSocket until it ends.

    It is accepted first and refused after: a page sees a close before that as a lost network. The subprotocol
    `convokit.v1` is echoed, and no other, since the second one carries a token.

    Args:
        websocket: Starlette's.
        line: What the peer pushes into.
        peer: What the page talks with.
        refused: Close with this at once.
        ping_seconds: How often something is said at least.
    """
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    if refused is not None:
        await websocket.close(refused.code, refused.reason)
        return
    begun = False
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_write, websocket, line, ping_seconds, tasks.cancel_scope)
            try:
                hello = await _hello(websocket)
                if hello is None:
                    return
                begun = True
                await peer.hello(hello)
                while (frame := await _read(websocket)) is not None:
                    await answer(line, peer, frame)
            except Refused as problem:
                line.close(problem.code, problem.reason)
                await anyio.sleep_forever()  # the writer says it and ends us
            except Exception:
                logger.exception("a page's line is closed: its frame could not be answered")
                line.close(1011, "fault")
                await anyio.sleep_forever()
            finally:
                tasks.cancel_scope.cancel()
    finally:
        if line.closed is None:
            line.close(1001, "gone")
        if begun:
            peer.left()


async def answer(line: Line, peer: Peer, frame: Frame) -> None:
    """Hand a frame that is not the first to its peer; pings are answered here."""
    if frame.get("t") == "ping":
        line.push({"t": "pong", "n": whole(frame.get("n"))})
    elif frame.get("t") != "pong":
        await peer.take(frame)


async def _write(websocket: "WebSocket", line: Line, ping_seconds: float, scope: anyio.CancelScope) -> None:
    from starlette.websockets import WebSocketDisconnect  # noqa: PLC0415  an extra

    number = 0
    try:
        while line.closed is None:
            with anyio.move_on_after(ping_seconds) as waited:
                await line.arrived()
            if waited.cancelled_caught:
                number += 1
                line.push({"t": "ping", "n": number})
            with anyio.fail_after(SEND_SECONDS):
                # Again, for what was pushed while this was sent: a closed line still says its last words.
                while frames := line.take():
                    if line.batches and len(frames) > 1:
                        frames = [b'{"t":"batch","frames":[' + b",".join(frames) + b"]}"]
                    for frame in frames:
                        await websocket.send_text(frame.decode())
        with anyio.move_on_after(CLOSE_SECONDS):
            await websocket.close(*line.closed)
    except TimeoutError:
        line.close(4008, "slow")
    except (RuntimeError, OSError, WebSocketDisconnect) as problem:
        # What Starlette and servers raise for a socket that went away between two looks.
        logger.debug("a socket went away while it was written to: %s", problem)
    scope.cancel()


async def _hello(websocket: "WebSocket") -> Frame | None:
    try:
        with anyio.fail_after(HELLO_SECONDS):
            frame = await _read(websocket)
    except TimeoutError:
        raise Refused(4408, "no hello") from None
    if frame is not None and frame.get("t") != "hello":
        raise Refused(4400, "hello comes first")
    return frame


async def _read(websocket: "WebSocket") -> Frame | None:
    """The next frame; None when the page is gone. Raises `Refused` for what is no frame."""
    message = await websocket.receive()
    if message["type"] != "websocket.receive":
        return None
    text = message.get("text")
    if text is None:
        raise Refused(4400, "frames are text")
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > FRAME_BYTES:
        raise Refused(4413, f"a frame has at most {FRAME_BYTES} bytes")
    return read_frame(raw)


def read_frame(raw: bytes) -> Frame:
    """A frame from its JSON.

    Raises:
        Refused: 4400, it is no JSON object with a text under "t".
    """
    try:
        frame = read_json(raw)
    except ValueError:
        raise Refused(4400, "a frame is JSON") from None
    if not _is_frame(frame):
        raise Refused(4400, 'a frame is an object with a text under "t"')
    whole: Frame = frame
    return whole


def _is_frame(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("t"), str)


# ── long polls ──────────────────────────────────────────────────────────────────────────────────────────────────────


@define(eq=False)
class _Polled:
    line: Line
    peer: Peer
    owner: str
    used: float
    busy: int = 0


@define(eq=False)
class Polls:
    """The pages that poll, each with its line, for one site.

    Args:
        clock: The run's.
        most: How many pages may poll at once; more are refused with 4503.
    """

    clock: Clock
    most: int = 10_000
    _open: "OrderedDict[str, _Polled]" = field(factory=OrderedDict, init=False)

    async def answer(
        self,
        body: bytes,
        make: Callable[[Line], Peer],
        *,
        owner: str,
        gone: Callable[[], Awaitable[object]] = anyio.sleep_forever,
    ) -> Frame:
        """Answer one poll: `{"sid", "conv", "log", "after", "wait", "frames"}` with `{"sid", "frames"}`.

        An unknown `sid` begins anew, with a `hello` made of the poll's own fields when its first frame is none. The
        answer is given at once when there is something to say, or after `wait` milliseconds (0 to 25000). A closed
        line adds `{"close": {"code", "reason"}}`.

        Args:
            body: The request's body.
            make: Makes the peer for a new line.
            owner: Who asks: a `sid` of somebody else is unknown.
            gone: Returns when the page has gone away: nobody holds a poll for it, and what there is to say stays.

        Raises:
            Refused: 4400, it is no poll; 4413, it is too large; 4503, too many poll.
        """
        asked, frames, wait = _poll(body)
        known = True
        now = self.clock.now().timestamp()
        self.sweep()
        sid = asked.get("sid")
        polled = self._open.get(sid) if isinstance(sid, str) else None
        if polled is None or polled.owner != owner:
            if len(self._open) >= self.most:
                raise Refused(4503, "too many pages poll")
            known = False
            sid = f"s_{os.urandom(16).hex()}"
            line = Line()
            polled = self._open[sid] = _Polled(line, make(line), owner, now)
            if not frames or frames[0].get("t") != "hello":
                frames.insert(0, {"t": "hello", "v": 1, **{key: asked.get(key) for key in ("conv", "log", "after")}})
        assert isinstance(sid, str)  # noqa: S101  for the type checker: it is ours, or it found a line
        polled.busy += 1
        polled.used = now
        self._open.move_to_end(sid)
        left = anyio.Event()
        try:
            await self._hand_over(polled, frames, asked if known else None)
            if wait:
                with anyio.move_on_after(wait):
                    await _arrived(polled.line, gone, left)
        finally:
            polled.busy -= 1
            polled.used = self.clock.now().timestamp()
        if left.is_set():
            return {"sid": sid, "frames": []}
        said: Frame = {"sid": sid, "frames": [msgspec.Raw(one) for one in polled.line.take()]}
        if polled.line.closed is not None:
            code, reason = polled.line.closed
            said["close"] = {"code": code, "reason": reason}
            self._forget(sid)
        return said

    async def _hand_over(self, polled: _Polled, frames: list[Frame], asked: Frame | None) -> None:
        try:
            if asked is not None and polled.line.closed is None:
                await polled.peer.polled(asked)
            for frame in frames:
                if frame.get("t") == "hello":
                    await polled.peer.hello(frame)
                else:
                    await answer(polled.line, polled.peer, frame)
        except Refused as problem:
            polled.line.close(problem.code, problem.reason)
        except Exception:
            logger.exception("a page's line is closed: its frame could not be answered")
            polled.line.close(1011, "fault")

    def sweep(self) -> None:
        """Let go of pages that have not polled for a minute."""
        oldest = self.clock.now().timestamp() - POLL_IDLE_SECONDS
        for sid, polled in list(self._open.items()):
            if polled.used > oldest:
                break
            if not polled.busy:
                self._forget(sid)

    def close(self, code: int, reason: str = "") -> None:
        """Close every line."""
        for sid, polled in list(self._open.items()):
            polled.line.close(code, reason)
            if not polled.busy:
                self._forget(sid)

    def _forget(self, sid: str) -> None:
        polled = self._open.pop(sid, None)
        if polled is not None:
            polled.line.close(1001, "gone")
            polled.peer.left()


async def disconnected(receive: Callable[[], Awaitable[Any]]) -> None:
    """Return when the client of an ASGI request, whose body has been read, has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _arrived(line: Line, gone: Callable[[], Awaitable[object]], left: anyio.Event) -> None:
    """Wait until there is something to say, or until nobody is there to hear it: then `left` is set."""

    async def watch() -> None:
        await gone()
        left.set()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await line.arrived()
        tasks.cancel_scope.cancel()


def _poll(body: bytes) -> tuple[Frame, list[Frame], float]:
    """A poll's fields, its frames, and how many seconds it may be held."""
    if len(body) > FRAME_BYTES * 2:
        raise Refused(4413, f"a poll has at most {FRAME_BYTES * 2} bytes")
    try:
        asked = read_json(body)
    except ValueError:
        raise Refused(4400, "a poll is JSON") from None
    frames = asked.get("frames", []) if isinstance(asked, dict) else None
    if not isinstance(frames, list) or not all(
        isinstance(one, dict) and isinstance(one.get("t"), str) for one in frames
    ):
        raise Refused(4400, "a poll is an object with a list of frames")
    wait = asked.get("wait", 0)
    seconds = wait / 1000 if isinstance(wait, int | float) and math.isfinite(wait) else 0.0
    return asked, list(frames), min(max(seconds, 0.0), HOLD_SECONDS)


async def body_of(stream: AsyncIterator[bytes], limit: int) -> bytes | None:
    """A request's body, counted while it comes; None when it has more than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in stream:
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
    finally:
        # A generator that is left in the middle is closed here, not by whoever collects it some time.
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
    return b"".join(parts)


# ── doors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Buckets:
    """Rate limits by key: each key may do `burst` things at once and one more every `seconds` after.

    Args:
        burst: From 1.
        seconds: Until one more is allowed.
        most: How many keys are remembered; the one that was looked at longest ago gives way.
    """

    def __init__(self, burst: int, seconds: float, *, most: int = 100_000) -> None:
        self._burst = burst
        self._seconds = seconds
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Do one thing. Returns 0.0 when it is allowed, else the seconds until it would be; then nothing is counted.

        Args:
            key: Who.
            now: Seconds, of a clock that may jump.
        """
        whole = self._burst * self._seconds
        full_at = min(max(self._full_at.get(key, now), now), now + whole)
        wait = full_at + self._seconds - now - whole
        if wait > 1e-6:  # noqa: PLR2004  seconds since 1970 as a float are exact to a quarter of a microsecond
            return wait
        self._full_at[key] = full_at + self._seconds
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return 0.0


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a request of this `Origin` may come in: of the same host and port, or named in `allowed`, exactly.

    The scheme of the same host is not compared: behind a proxy that ends TLS the app does not see it. Without an
    `Origin` it is no browser's cross-site request; "null" is refused.

    Args:
        origin: The header; None when there is none.
        host: The `Host` header.
        allowed: Origins such as "https://shop.example".
    """
    if origin is None:
        return True
    if origin in allowed:
        return True
    # Not by `urlsplit`, which forgives much and raises for the rest.
    scheme, _, there = origin.partition("://")
    return scheme in {"http", "https"} and there.lower() == host.lower() != ""
