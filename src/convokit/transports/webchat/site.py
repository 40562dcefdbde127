"""The chat's own address: visits, lines, polls, files and the page's scripts, as one Starlette app."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http.cookies import CookieError, SimpleCookie
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convokit.abc import Site
from convokit.errors import MissingExtra, StoreUnavailable
from convokit.transports.webchat.customers import LONGEST_TOKEN
from convokit.transports.webchat.front import Front, address_of
from convokit.transports.webchat.page import VisitorPage
from convokit.transports.webchat.pages import Pages
from convokit.transports.webchat.visiting import NotAdmitted, Visiting, cookie, cookie_name, where_to_keep
from convokit.transports.webchat.visitors import TOKEN_START, Visitor
from convokit.wire.lenient import read_json
from convokit.wire.live import (
    FRAME_BYTES,
    TOKEN_PROTOCOL,
    Frame,
    Line,
    Peer,
    Polls,
    Refused,
    body_of,
    disconnected,
    origin_allowed,
    serve_socket,
)
from convokit.wire.pages import static

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
_STATUS = {4400: 400, 4401: 401, 4403: 403, 4404: 404, 4413: 413, 4429: 429, 4503: 503}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_VISIT_BYTES = 16 << 10
_PAGE_HEADERS = {
    # Pictures may lie wherever the bot says they do; everything else comes from here.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; "
    "img-src 'self' blob: https:; media-src 'self' blob: https:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'; require-trusted-types-for 'script'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin",
}

Endpoint = Callable[["Request"], Awaitable["Response"]]


class Door:
    """Answers what comes to one chat's address.

    Args:
        front: The chat.
        pages: Its open pages.
        polls: Those of them that poll.
    """

    def __init__(self, front: Front, pages: Pages, polls: Polls) -> None:
        self._front = front
        self._pages = pages
        self._polls = polls
        self._visiting = Visiting(front, pages)

    # ── who comes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _allowed(self, connection: "HTTPConnection") -> bool:
        headers = connection.headers
        return origin_allowed(headers.get("origin"), headers.get("host", ""), self._front.setup.origins)

    def _cookie(self, connection: "HTTPConnection") -> str:
        """Our token in a cookie; not looked at where no `Origin` says which page has sent it."""
        if connection.headers.get("origin") is None:
            return ""
        name = cookie_name(self._front, connection.scope, connection.headers.get("host", ""))
        try:
            found = SimpleCookie(connection.headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return found.value if found is not None else ""

    @staticmethod
    def _bearer(connection: "HTTPConnection") -> str:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        return token.strip()[:LONGEST_TOKEN] if scheme.lower() == "bearer" else ""

    async def _visitor(self, connection: "HTTPConnection", token: str) -> Visitor | None:
        token = token or self._cookie(connection)
        return await self._front.visitors.known(token) if token else None

    # ── visits ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def visit(self, request: "Request") -> "Response":
        """`POST v1/visit`: who is it? Sets the cookie, or answers with the token that the page keeps itself."""
        asked = await _object(request, _VISIT_BYTES)
        if asked is None:
            return _answer({"code": "bad_frame"}, 400)
        bearer, mine = self._bearer(request), self._cookie(request)
        was = asked.get("was")
        kept = bearer if bearer.startswith(TOKEN_START) else was if isinstance(was, str) else ""
        shown = kept[:LONGEST_TOKEN] or mine
        name = cookie_name(self._front, request.scope, request.headers.get("host", ""))
        if asked.get("out") is True:
            await self._visiting.leave(shown)
            return _answer({}, headers={"Set-Cookie": cookie(name, "")} if mine else {})
        vouched = bearer if bearer and not bearer.startswith(TOKEN_START) else ""
        try:
            admitted = await self._visiting.visit(shown, vouched, address_of(request.scope))
        except NotAdmitted as problem:
            said: dict[str, Any] = {"code": problem.code}
            extra = {}
            if problem.after:
                said["after_ms"] = round(problem.after * 1000)
                extra["Retry-After"] = str(round(problem.after) + 1)
            return _answer(said, problem.status, headers=extra)
        told: dict[str, Any] = {
            "visitor": {
                "id": admitted.visitor.id,
                "kind": admitted.visitor.kind,
                "name": admitted.visitor.user.name,
            }
        }
        if admitted.token is None:
            return _answer(told)
        where = where_to_keep(
            request.headers.get("origin"),
            request.headers.get("host", ""),
            request.headers.get("sec-fetch-site", ""),
            bearer=bool(kept),
        )
        if where == "token":
            return _answer({**told, "token": admitted.token})
        return _answer(told, headers={"Set-Cookie": cookie(name, admitted.token)})

    # ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def socket(self, websocket: "WebSocket") -> None:
        """`GET v1/ws`."""
        line = Line()
        if not self._allowed(websocket):
            await serve_socket(websocket, line, _Nobody(), refused=Refused(4403, "origin"))
            return
        offered = websocket.scope.get("subprotocols", [])
        token = next((one.removeprefix(TOKEN_PROTOCOL) for one in offered if one.startswith(TOKEN_PROTOCOL)), "")
        try:
            visitor = await self._visitor(websocket, token)
        except StoreUnavailable:
            await serve_socket(websocket, line, _Nobody(), refused=Refused(4503, "unavailable"))
            return
        address = address_of(websocket.scope)
        if visitor is None:
            refusal: Refused | None = Refused(4401, "visit first")
        else:
            refusal = self._pages.refusal(visitor, address, self._front.connects, self._front.seconds)
        if visitor is None or refusal is not None:
            await serve_socket(websocket, line, _Nobody(), refused=refusal)
            return
        page = VisitorPage(self._front, self._pages, line, visitor, address)
        try:
            await serve_socket(websocket, line, page)
        finally:
            page.left()

    async def poll(self, request: "Request") -> "Response":
        """`POST v1/poll`: the same frames, for pages whose sockets are blocked."""
        visitor = await self._visitor(request, self._bearer(request))
        if visitor is None:
            return _answer({"code": "auth_required"}, 401)
        body = await body_of(request.stream(), FRAME_BYTES * 2)
        if body is None:
            return _answer({"code": "too_long"}, 413)
        address = address_of(request.scope)

        def made(line: Line) -> VisitorPage:
            refusal = self._pages.refusal(visitor, address, self._front.connects, self._front.seconds)
            if refusal is not None:
                raise refusal
            return VisitorPage(self._front, self._pages, line, visitor, address)

        try:
            said = await self._polls.answer(
                body, made, owner=f"{visitor.id} {visitor.session}", gone=partial(disconnected, request.receive)
            )
        except Refused as problem:
            after = {"after_ms": int(problem.reason)} if problem.reason.isdigit() else {}
            return _answer({"code": _CODES.get(problem.code, "bad_frame"), **after}, _STATUS.get(problem.code, 400))
        return _answer(said)

    # ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    async def page(request: "Request") -> "Response":
        """`GET ./`: the chat alone on a page, for a link or a QR code, and to try a bot with."""
        from starlette.responses import FileResponse  # noqa: PLC0415  an extra

        del request
        return FileResponse(STATIC / "page.html", headers=_PAGE_HEADERS)

    # ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def upload(self, request: "Request") -> "Response":
        """`PUT v1/files/{cid}`."""
        visitor = await self._visitor(request, self._bearer(request))
        if visitor is None:
            return _answer({"code": "auth_required"}, 401)
        if wait := self._front.uploads.wait(visitor.id, self._front.seconds):
            after = {"Retry-After": str(round(wait) + 1)}
            return _answer({"code": "rate", "after_ms": round(wait * 1000)}, 429, headers=after)
        return await self._front.files.receive(
            request, owner=visitor.id, cid=request.path_params["cid"], about=f"{self._front.channel}:{visitor.id}"
        )

    async def file(self, request: "Request") -> "Response":
        """`GET v1/files/{id}`: whoever has a signed link may read it, for as long as it is good."""
        given = request.query_params
        return await self._front.files.answer(request.path_params["id"], given.get("e"), given.get("s"))

    async def entry(self, request: "Request") -> "Response":
        """`GET v1/entry/{conv}/{key}/{n}`: bytes that stand in the log itself, by a signed link."""
        await self._front.open()
        given, part = request.query_params, request.path_params
        conversation = self._front.conversation(part["conv"])
        return await self._front.showing.answer(conversation, part["key"], part["n"], given.get("e"), given.get("s"))

    # ── the app ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def guarded(self, endpoint: Endpoint, *, any_origin: bool = False) -> Endpoint:
        """The endpoint behind the list of origins, with the headers that pages of listed origins need.

        Args:
            endpoint: What answers.
            any_origin: Whether the origin is not looked at (what is answered by a signed link).
        """
        from starlette.requests import ClientDisconnect  # noqa: PLC0415  an extra
        from starlette.responses import Response  # noqa: PLC0415  an extra

        async def answered(request: "Request") -> "Response":
            origin = request.headers.get("origin")
            if not any_origin and not self._allowed(request):
                return _answer({"code": "forbidden"}, 403, headers={"Vary": "Origin"})
            try:
                if request.method == "OPTIONS":
                    answer = Response(status_code=204, headers=_PREFLIGHT)
                else:
                    answer = await endpoint(request)
            except StoreUnavailable as problem:
                logger.warning("channel=%s answered 503: %s", self._front.channel, problem)
                answer = _answer({"code": "unavailable"}, 503, headers={"Retry-After": "5"})
            except ClientDisconnect:
                answer = Response(status_code=400)
            answer.headers.append("Vary", "Origin")
            if origin is not None and not any_origin:
                answer.headers["Access-Control-Allow-Origin"] = origin
                answer.headers["Access-Control-Allow-Credentials"] = "true"
            elif any_origin:
                answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            return answer

        return answered


_CODES = {4413: "too_long", 4429: "rate", 4503: "unavailable", 4401: "auth_required", 4403: "forbidden"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, PUT, GET",
    "Access-Control-Allow-Headers": "authorization, content-type, x-name, x-convokit",
    "Access-Control-Max-Age": "600",
}


class _Nobody(Peer):
    """Whom a line is refused to, before anything is said."""

    async def hello(self, frame: Frame) -> None:
        """Not reached: the line is closed first."""
        del frame
        raise Refused(4403)

    async def take(self, frame: Frame) -> None:
        """As `hello`."""
        del frame
        raise Refused(4403)


async def _object(request: "Request", limit: int) -> Mapping[str, Any] | None:
    """The body as a JSON object; an empty one is an empty object. None: it is something else."""
    body = await body_of(request.stream(), limit)
    if body is None:
        return None
    try:
        found = read_json(body) if body.strip() else {}
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _answer(said: Mapping[str, Any], status: int = 200, *, headers: Mapping[str, str] | None = None) -> "Response":
    from starlette.responses import Response  # noqa: PLC0415  an extra

    from convokit.wire.codec import encode  # noqa: PLC0415  beside it

    return Response(encode(said), status, {**_HEADERS, **(headers or {})}, "application/json")


def site(front: Front, pages: Pages, polls: Polls) -> Site:
    """The chat's own pages as an ASGI app.

    Args:
        front: The chat.
        pages: Its open pages.
        polls: Those of them that poll.

    Raises:
        MissingExtra: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette  # noqa: PLC0415  an extra
        from starlette.routing import Mount, Route, WebSocketRoute  # noqa: PLC0415  an extra
    except ImportError:
        raise MissingExtra("the web chat", "serve") from None
    door = Door(front, pages, polls)
    routes: list[Any] = [
        Route("/v1/visit", door.guarded(door.visit), methods=["POST", "OPTIONS"]),
        Route("/v1/poll", door.guarded(door.poll), methods=["POST", "OPTIONS"]),
        Route("/v1/files/{cid}", door.guarded(door.upload), methods=["PUT", "OPTIONS"]),
        Route("/v1/files/{id}", door.guarded(door.file, any_origin=True), methods=["GET"]),
        Route("/v1/entry/{conv}/{key}/{n}", door.guarded(door.entry, any_origin=True), methods=["GET"]),
        WebSocketRoute("/v1/ws", door.socket),
    ]
    if STATIC.is_dir():
        routes += [Route("/", door.page, methods=["GET"]), Mount("/static", static(STATIC))]
    if front.setup.direct_line_secret and find_spec("convokit.transports.webchat.directline") is not None:
        from importlib import import_module  # noqa: PLC0415  beside it

        routes.append(Mount("/v3/directline", import_module("convokit.transports.webchat.directline").site(front)))
    return Starlette(routes=routes)
