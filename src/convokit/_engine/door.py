"""The one door for the web: webhooks, and the pages of transports and desk; a bare ASGI app that any host can mount.

For a webhook bounds come first and the transport's word second; pages answer for themselves.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import quote

import anyio

from convokit._engine.engine import Engine
from convokit._engine.turnstile import Passage
from convokit.abc import Request, Transport
from convokit.errors import Forged, Malformed, StoreUnavailable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Answer(NamedTuple):
    """What goes back over the wire."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    unread: bool = False
    """Whether more of the request's body may come: it is let in for a moment and dropped."""


AGAIN = (b"retry-after", b"5")
"""Platforms call again by themselves; a proxy may read it."""
CLOSE = (b"connection", b"close")
BUSY = Answer(503, b"try again", headers=(AGAIN, CLOSE), unread=True)
LINGER = 5.0
"""Seconds for which a refused caller may finish what it is sending: cut off before, it would not read the answer."""
UNREAD = {400: "broken off", 408: "too slow", 413: "too large"}
"""Why a body was not read to its end, by what is answered: the words that observers are told."""
NOT_FOUND = 4404
"""How a line that leads nowhere is closed, before it is open: the server answers 403 or 404 to its opening."""


async def enter(engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an HTTP request or open a WebSocket: a site's if there is one under this name, else a webhook's."""
    name, slash, rest = below(scope).removeprefix("/").partition("/")
    site = engine.sites.get(name)
    if site is not None and (slash or scope["type"] == "websocket"):
        await site(_at_site(scope, name), receive, send)
    elif site is not None:
        await respond(send, _with_slash(scope, name))
    elif scope["type"] == "http":
        reply = await answer(engine, name, rest, scope, receive)
        await (_refuse(engine, reply, receive, send) if reply.unread else respond(send, reply))
    else:
        await send({"type": "websocket.close", "code": NOT_FOUND})


def below(scope: Scope) -> str:
    """The path below where the app is mounted, as frameworks read it; it begins with "/" or is empty."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if _is_below(path, root) else path


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def _at_site(scope: Scope, name: str) -> Scope:
    """The scope as a mounted app gets it: the root path grows by the name, the path stays whole."""
    root: str = scope.get("root_path", "").rstrip("/")
    path: str = scope["path"]
    # A proxy in front took the root path away and told it all the same: put it back, or no site would find itself.
    stripped = bool(root) and not _is_below(path, root)
    own = f"{root}/{name}"
    # A site is an app by itself: what a host's router left in the scope would have it make the host's addresses.
    inner = {key: value for key, value in scope.items() if key not in {"router", "endpoint", "path_params"}}
    return {**inner, "root_path": own, "app_root_path": own, "path": root + path if stripped else path}


def _with_slash(scope: Scope, name: str) -> Answer:
    """The way to a site's own first page, whose links are relative; no host, which comes from outside, is named."""
    if scope["method"] not in {"GET", "HEAD"}:
        return Answer(404, b"not found")
    query = scope.get("query_string", b"")
    there = quote(name).encode() + b"/" + (b"?" + query if query else b"")
    return Answer(307, headers=((b"location", there),))


async def answer(engine: Engine, channel: str, rest: str, scope: Scope, receive: Receive) -> Answer:
    """What a webhook call is answered; never raises for what came in."""
    transport = engine.transports.get(channel)
    if transport is None or not transport.has_webhook:
        return Answer(404, b"not found")
    if scope["method"] not in transport.methods:
        allow = ", ".join(sorted(transport.methods)).encode()
        return Answer(405, b"method not allowed", headers=((b"allow", allow),))
    with engine.webhooks.passing() as passage:
        if passage is None:
            _tell_busy(engine, channel, f"{engine.webhooks.under_way} are under way (webhooks_at_once)")
            return BUSY
        body = await _body(receive, engine.settings.body_limit, engine.settings.body_deadline, passage)
        if isinstance(body, Answer):
            if body.status == BUSY.status:
                _tell_busy(engine, channel, f"the bodies under way have {engine.webhooks.held} bytes (bodies_at_once)")
            else:
                engine.unread(channel, UNREAD[body.status])
            return body
        request = Request(
            method=scope["method"],
            path=f"/{rest}" if rest else "",
            query=scope.get("query_string", b"").decode("ascii", "replace"),
            headers=_headers(scope),
            body=body,
            at=engine.clock.now(),
        )
        return await _taken(engine, transport, request)


def _tell_busy(engine: Engine, channel: str, why: str) -> None:
    engine.unread(channel, "busy")
    engine.complain(channel, "busy", f"webhook answered 503, the platform delivers again: {why}")


async def _taken(engine: Engine, transport: Transport, request: Request) -> Answer:
    channel = transport.channel
    try:
        received = await engine.take(transport, request)
    except Forged:
        engine.complain(channel, "forged", "webhook refused: its origin could not be verified")
        return Answer(403, b"forbidden")
    except Malformed as problem:
        engine.complain(channel, "malformed", f"webhook refused: malformed ({ascii(problem.reason)[:200]})")
        return Answer(400, b"bad request")
    except StoreUnavailable as problem:
        engine.complain(channel, "store", f"webhook answered 503, the platform delivers again: {problem}")
        return Answer(503, b"try again", headers=(AGAIN,))
    return Answer(received.status, received.body, received.media_type)


async def _body(receive: Receive, limit: int, deadline: float, passage: Passage) -> bytes | Answer:
    """The raw body, counted while it comes: what a header says of its length is not believed."""
    parts: list[bytes] = []
    size = 0
    with anyio.move_on_after(deadline):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return Answer(400, b"the body did not arrive whole")
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                return Answer(413, b"too large", headers=(CLOSE,))
            if not passage.take(len(part)):
                return BUSY._replace(unread=message.get("more_body", False))
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)
    return Answer(408, b"too slow", headers=(CLOSE,))


def _headers(scope: Scope) -> Mapping[str, bytes]:
    return {name.decode("latin-1").lower(): value for name, value in scope["headers"]}


async def _refuse(engine: Engine, reply: Answer, receive: Receive, send: Send) -> None:
    """Send an answer first, and let the caller finish what it is sending after that; nothing of it is kept."""
    with engine.webhooks.refusing() as may_finish:
        await respond(send, reply, ends=not may_finish)
        if not may_finish:
            return
        left = engine.settings.body_limit
        with anyio.move_on_after(LINGER):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b"")) or 1
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    break
        await send({"type": "http.response.body", "body": b""})


async def respond(send: Send, reply: Answer, *, ends: bool = True) -> None:
    """Send an answer with the headers that every answer of ours has; `ends`: whether that is all."""
    headers = [
        (b"content-type", reply.media_type.encode("latin-1", "replace")),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": not ends})
