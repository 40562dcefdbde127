"""The door for webhooks: a bare ASGI app that any host can mount; bounds first, the transport's word second."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

import anyio

from convokit._engine.engine import Engine
from convokit.abc import Request
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


async def answer(engine: Engine, scope: Scope, receive: Receive) -> Answer:
    """What a webhook call is answered; never raises for what came in."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    channel, _, rest = path.strip("/").partition("/")
    transport = engine.transports.get(channel)
    if transport is None or not transport.has_webhook:
        return Answer(404, b"not found")
    if scope["method"] not in transport.methods:
        allow = ", ".join(sorted(transport.methods)).encode()
        return Answer(405, b"method not allowed", headers=((b"allow", allow),))
    body = await _body(receive, engine.settings.body_limit, engine.settings.body_deadline)
    if isinstance(body, Answer):
        return body
    request = Request(
        method=scope["method"],
        path=f"/{rest}" if rest else "",
        query=scope.get("query_string", b"").decode("ascii", "replace"),
        headers=_headers(scope),
        body=body,
        at=engine.clock.now(),
    )
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
        return Answer(503, b"try again", headers=((b"retry-after", b"5"),))
    return Answer(received.status, received.body, received.media_type)


async def _body(receive: Receive, limit: int, deadline: float) -> bytes | Answer:
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
                return Answer(413, b"too large", headers=((b"connection", b"close"),))
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)
    return Answer(408, b"too slow", headers=((b"connection", b"close"),))


def _headers(scope: Scope) -> Mapping[str, bytes]:
    return {name.decode("latin-1").lower(): value for name, value in scope["headers"]}


async def respond(send: Send, reply: Answer) -> None:
    """Send an answer with the headers that every answer of ours has."""
    headers = [
        (b"content-type", reply.media_type.encode("latin-1", "replace")),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
