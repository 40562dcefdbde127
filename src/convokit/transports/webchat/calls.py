"""What all of Direct Line's calls have in common: bodies, addresses, answers, and how it is told what is wrong."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from convokit.transports.webchat.saying import Unsaid
from convokit.wire import codec
from convokit.wire.files import FileRefused, TooMuch
from convokit.wire.lenient import read_json
from convokit.wire.live import body_of
from convokit.wire.multipart import NoForm
from convokit.wire.signing import digits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

logger = logging.getLogger(__name__)

ACTIVITY_BYTES = 256 << 10
"""What a posted activity may have."""
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, x-ms-bot-agent, x-requested-with",
    "Access-Control-Max-Age": "600",
}
_UNSAID = {
    "too_long": (413, "MessageSizeTooBig"),
    "rate": (429, "TooManyRequests"),
    "unavailable": (503, "ServiceError"),
}


class Wrong(Exception):
    """A call is refused, with the HTTP status and the protocol's word for why."""

    def __init__(self, status: int, code: str, message: str, *, after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.after = after


_FILES = {"too_big": "MessageSizeTooBig", "rate": "TooManyRequests", "unavailable": "ServiceError"}


def watermark_of(request: "Request") -> int | None:
    """The public number after which to read; None when there is none, which an empty one means too.

    Raises:
        Wrong: 400, it is none of ours.
    """
    given = request.query_params.get("watermark", "")
    number = digits(given)
    if given and number is None:
        raise Wrong(400, "BadArgument", "a watermark is what an earlier answer gave as one")
    return number


def base_of(connection: "Request | WebSocket", *, web_socket: bool = False) -> str:
    """Where the chat's address begins, as the client sees it, with a slash at the end.

    A page that was loaded by TLS came by TLS, whatever a proxy in between says.
    """
    url, headers = connection.url, connection.headers
    secure = url.scheme in {"https", "wss"} or headers.get("origin", "").startswith("https://")
    scheme = ("wss" if secure else "ws") if web_socket else "https" if secure else "http"
    path = connection.scope["path"].rpartition("/v3/directline/")[0]
    return f"{scheme}://{headers.get('host', url.netloc)}{path}/"


def json_of(body: bytes | None) -> Any:
    """A body's JSON.

    Raises:
        Wrong: 413, it was too long (None); 400, it is no JSON.
    """
    if body is None:
        raise Wrong(413, "MessageSizeTooBig", f"an activity has at most {ACTIVITY_BYTES} bytes")
    try:
        return read_json(body)
    except ValueError:
        raise Wrong(400, "MalformedData", "it is no JSON") from None


async def object_of(request: "Request") -> Mapping[str, Any]:
    """The body as an object; an empty one is an empty object."""
    body = await body_of(request.stream(), ACTIVITY_BYTES)
    found = {} if body is not None and not body.strip() else json_of(body)
    if not isinstance(found, dict):
        raise Wrong(400, "MalformedData", "it is no object")
    return found


def file_name(disposition: str) -> str:
    """The name in a `Content-Disposition`; empty when there is none."""
    name = disposition.partition("filename=")[2].strip().strip('"')
    return unquote(name, errors="replace")


def refused(problem: Exception) -> "Response":
    """The answer to a call that was refused, or failed in a way that its caller has to know."""
    if isinstance(problem, Wrong):
        return wrong(problem)
    if isinstance(problem, Unsaid):
        status, code = _UNSAID.get(problem.code, (400, "BadArgument"))
        return wrong(Wrong(status, code, f"it was not said: {problem.code}", after=problem.after))
    if isinstance(problem, FileRefused):
        after = problem.retry_after if isinstance(problem, TooMuch) else 0.0
        return wrong(Wrong(problem.status, _FILES.get(problem.code, "BadArgument"), str(problem), after=after))
    if isinstance(problem, NoForm):
        return wrong(Wrong(400, "MalformedData", str(problem)))
    logger.warning("a Direct Line call is answered 503: %s", problem)
    return wrong(Wrong(503, "ServiceError", "try again", after=5.0))


def wrong(problem: Wrong) -> "Response":
    """An error as the protocol writes it."""
    after = {"Retry-After": str(round(problem.after) + 1)} if problem.after else None
    return say({"error": {"code": problem.code, "message": str(problem)}}, problem.status, after)


def say(said: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> "Response":
    """What a call is answered, as JSON."""
    from starlette.responses import Response  # noqa: PLC0415  an extra

    return Response(codec.encode(said), status, {**_HEADERS, **(headers or {})}, "application/json")
