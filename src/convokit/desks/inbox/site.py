"""The inbox's pages and their endpoints, as an ASGI app; every address in it is relative to where it is mounted."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import define, field

from convokit.abc import Site
from convokit.conversations import ConversationId
from convokit.desks.inbox import canned, figures
from convokit.desks.inbox.asked import owner_name
from convokit.desks.inbox.doors import ENTER_SCRIPT, Doors, Visitor
from convokit.desks.inbox.entries import Json, attachment_at, attachments_of
from convokit.desks.inbox.floor import NEWEST, Floor
from convokit.desks.inbox.page import Limits, Page
from convokit.desks.inbox.people import Operator
from convokit.errors import MissingExtra, StoreUnavailable
from convokit.wire import sniffing
from convokit.wire.files import FileBox
from convokit.wire.lenient import read_json
from convokit.wire.live import FRAME_BYTES, Buckets, Line, Polls, Refused, body_of, disconnected, serve_socket
from convokit.wire.naming import disposition
from convokit.wire.pages import static

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; frame-ancestors "
)
HEADERS = (
    ("cross-origin-opener-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ("cache-control", "no-store"),
)
MOST_JSON = 64 << 10
PIECE = 200
"""How many entries of a log are read at once."""
STATUS_OF = {4400: 400, 4401: 401, 4403: 403, 4404: 404, 4413: 413, 4429: 429, 4503: 503}

Answerer = Callable[["Request"], Awaitable["Response"]]


def make_site(floor: Floor, doors: Doors, files: FileBox, framed_by: Collection[str] = ()) -> Site:
    """The app for one run; only pages of `framed_by` may show it in a frame.

    Raises:
        MissingExtra: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette  # noqa: PLC0415  an extra
        from starlette.routing import Mount, Route, WebSocketRoute  # noqa: PLC0415  an extra
    except ImportError:
        raise MissingExtra("the operators' inbox", "serve") from None
    desk = _Site(floor, doors, files)
    app = Starlette(
        routes=[
            Route("/", desk.page, methods=["GET"]),
            Route("/signin", desk.safe(desk.sign_in_page), methods=["GET"]),
            Route("/signin", desk.safe(desk.sign_in), methods=["POST"]),
            Route("/signin/{secret}", desk.safe(desk.by_link), methods=["GET", "POST"]),
            Route("/signout", desk.guarded(doors.sign_out), methods=["POST"]),
            WebSocketRoute("/v1/ws", desk.socket),
            Route("/v1/enter.js", desk.enter_script, methods=["GET"]),
            Route("/v1/poll", desk.signed(desk.poll), methods=["POST"]),
            Route("/v1/metrics", desk.signed(desk.metrics), methods=["GET"]),
            Route("/v1/answers", desk.signed(desk.answers), methods=["GET", "POST", "DELETE"]),
            Route("/v1/answers/{id}", desk.signed(desk.answers), methods=["DELETE"]),
            Route("/v1/files/{name}", desk.signed(desk.put_file), methods=["PUT"]),
            Route("/v1/files/{name}", desk.signed(desk.get_file), methods=["GET"]),
            Route("/v1/said/{number:int}/{part:int}", desk.signed(desk.said), methods=["GET"]),
            Mount("/static", static(FOLDER)),
        ]
    )
    # The redirect would name the Host header, which comes from outside.
    app.router.redirect_slashes = False
    return _with_headers(app, framed_by)


def _with_headers(app: Site, framed_by: Collection[str]) -> Site:
    """Give every answer the headers that it does not have yet."""
    policy = POLICY + (" ".join(framed_by) or "'none'")
    headers = [("content-security-policy", policy), *HEADERS]
    if not framed_by:
        headers.append(("x-frame-options", "DENY"))
    given = [(name.encode(), value.encode()) for name, value in headers]

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        async def say(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                more = [one for one in given if one[0] not in present]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        await app(scope, receive, say if scope["type"] == "http" else send)

    return serve


def build_of(folder: Path) -> str:
    """Names the version of a folder's files."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hashed.update(f"{path.relative_to(folder).as_posix()}\n".encode())
            hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:12]


@define(eq=False)
class _Site:
    """What the routes do."""

    floor: Floor
    doors: Doors
    files: FileBox
    limits: Limits = field(factory=Limits)
    uploads: Buckets = field(factory=lambda: Buckets(10, 5.0))
    build: str = field(factory=lambda: build_of(FOLDER))
    polls: Polls = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.polls = Polls(self.floor.run.clock)

    # ── doors ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def safe(self, act: Answerer) -> Answerer:
        """Answer 503 while the store is not there, and 400 for a body that broke off."""

        async def answered(request: "Request") -> "Response":
            from starlette.requests import ClientDisconnect  # noqa: PLC0415  an extra

            try:
                return await act(request)
            except StoreUnavailable as problem:
                logger.warning("the inbox answered 503: %s", problem)
                return _json({"code": "unavailable"}, 503)
            except ClientDisconnect:
                return _json({"code": "bad_frame"}, 400)

        return answered

    def guarded(self, act: Answerer) -> Answerer:
        """Refuse what may have been sent by another site's page."""

        async def answered(request: "Request") -> "Response":
            if request.method not in {"GET", "HEAD"} and not (
                self.doors.own_origin(request) and request.headers.get("x-convokit") == "1"
            ):
                return _json({"code": "forbidden"}, 403)
            return await act(request)

        return self.safe(answered)

    def signed(self, act: "Callable[[Request, Visitor], Awaitable[Response]]") -> Answerer:
        """Let in who is signed in."""

        async def answered(request: "Request") -> "Response":
            visitor = await self.doors.visitor(request)
            if visitor is None:
                return _json({"code": "auth_required"}, 401)
            return await act(request, visitor)

        return self.guarded(answered)

    async def page(self, request: "Request") -> "Response":
        """The inbox, or the way to sign in."""
        return await self.safe(self._page)(request)

    async def _page(self, request: "Request") -> "Response":
        from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse  # noqa: PLC0415  an extra

        if await self.doors.visitor(request) is not None:
            return FileResponse(FOLDER / "inbox.html", media_type="text/html; charset=utf-8")
        if self.doors.authenticate is not None:
            return PlainTextResponse("Sign in to the application first, as somebody who works in the inbox.", 403)
        return RedirectResponse("signin", 303)

    async def sign_in_page(self, request: "Request") -> "Response":
        """The form."""
        if self.doors.authenticate is not None:
            return _json({"code": "not_found"}, 404)
        return self.doors.form(request, (FOLDER / "signin.html").read_text(encoding="utf-8"))

    async def sign_in(self, request: "Request") -> "Response":
        """The form was sent."""
        if self.doors.authenticate is not None:
            return _json({"code": "not_found"}, 404)
        return await self.doors.sign_in(request)

    async def by_link(self, request: "Request") -> "Response":
        """A one-time link, looked at or used."""
        if self.doors.authenticate is not None:
            return _json({"code": "not_found"}, 404)
        if request.method == "POST":
            return await self.doors.use_link(request)
        return await self.doors.link_page(request)

    async def enter_script(self, request: "Request") -> "Response":
        """Sends the form of a one-time link, so that a person need not press its button."""
        del request
        from starlette.responses import Response  # noqa: PLC0415  an extra

        return Response(ENTER_SCRIPT, media_type="text/javascript")

    # ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _made(self, request: "HTTPConnection", visitor: Visitor, line: Line) -> Page:
        return Page(
            floor=self.floor,
            line=line,
            operator=visitor.operator,
            still=self.doors.still(request, visitor),
            key=visitor.key,
            files=self.files,
            limits=self.limits,
            build=self.build,
            counted=self._counted,
        )

    async def _counted(self, operator: Operator, answer_id: str) -> None:
        await canned.count_use(self.floor.run.store, operator, answer_id)

    async def socket(self, websocket: "WebSocket") -> None:
        """A page's line."""
        refused, visitor = None, None
        try:
            if not self.doors.own_origin(websocket):
                refused = Refused(4403, "origin")
            else:
                visitor = await self.doors.visitor(websocket)
                await self.files.open()
        except StoreUnavailable:
            refused = Refused(4503, "store")
        if visitor is None:
            visitor = Visitor(NOBODY, "")
            refused = refused or Refused(4401, "sign in")
        line = Line()
        await serve_socket(websocket, line, self._made(websocket, visitor, line), refused=refused)

    async def poll(self, request: "Request", visitor: Visitor) -> "Response":
        """A page's line where sockets are blocked."""
        from starlette.responses import Response  # noqa: PLC0415  an extra

        body = await body_of(request.stream(), FRAME_BYTES * 2)
        await self.files.open()
        if body is None:
            return _json({"code": "too_long", "max": FRAME_BYTES * 2}, 413)
        try:
            said = await self.polls.answer(
                body,
                lambda line: self._made(request, visitor, line),
                owner=visitor.key or owner_name(visitor.operator),
                gone=partial(disconnected, request.receive),
            )
        except Refused as problem:
            return _json({"code": problem.reason, "close": problem.code}, STATUS_OF.get(problem.code, 400))
        return Response(msgspec.json.encode(said), media_type="application/json")

    # ── beside the line ─────────────────────────────────────────────────────────────────────────────────────────────

    async def metrics(self, request: "Request", visitor: Visitor) -> "Response":
        """A lead's figures."""
        from starlette.responses import Response  # noqa: PLC0415  an extra

        if not visitor.operator.lead:
            return _json({"code": "forbidden"}, 403)
        window = request.query_params.get("window", "day")
        if window not in figures.WINDOWS:
            return _json({"code": "bad_frame"}, 400)
        found = await figures.figures(self.floor, visitor.operator, "week" if window == "week" else "day")
        still = {**found, "now": "", "since": ""}
        tag = f'"{hashlib.sha256(msgspec.json.encode(still)).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(msgspec.json.encode(found), media_type="application/json", headers=headers)

    async def answers(self, request: "Request", visitor: Visitor) -> "Response":
        """Saved answers: read, keep, remove."""
        from starlette.responses import Response  # noqa: PLC0415  an extra

        store, operator = self.floor.run.store, visitor.operator
        if request.method in {"GET", "HEAD"}:
            found = await canned.answers(store, operator)
            return _json({"answers": [one.as_json() for one in found], "rev": self.floor.answers_rev})
        try:
            if request.method == "DELETE":
                name = request.path_params.get("id") or request.query_params.get("id", "")
                await canned.remove(store, operator, name)
                answer: Response = Response(status_code=204)
            else:
                body = await body_of(request.stream(), MOST_JSON)
                if body is None:
                    return _json({"code": "too_long", "max": MOST_JSON}, 413)
                saved = await canned.save(store, self.floor.run.clock, operator, read_json(body))
                answer = _json(saved.as_json())
        except ValueError:
            return _json({"code": "bad_frame"}, 400)
        except canned.NotSaved as problem:
            status = {"forbidden": 403, "not_found": 404, "too_many": 409}.get(problem.code, 400)
            return _json({"code": problem.code}, status)
        self.floor.answers_changed()
        return answer

    async def put_file(self, request: "Request", visitor: Visitor) -> "Response":
        """An operator's file, to be sent with a message."""
        wait = self.uploads.wait(visitor.operator.id, self.floor.now.timestamp())
        if wait:
            return _json({"code": "rate", "after_ms": round(wait * 1000)}, 429)
        owner = owner_name(visitor.operator)
        return await self.files.receive(request, owner=owner, cid=request.path_params["name"])

    async def get_file(self, request: "Request", visitor: Visitor) -> "Response":
        """A file by a link that one of the operator's pages was given."""
        asked, name = request.query_params, request.path_params["name"]
        kept = await self.files.about(name)
        mine = kept is not None and kept.owner == owner_name(visitor.operator)
        # A link is good for minutes, a conversation may be given to others sooner.
        if not mine and not await self._stands_in(visitor.operator, asked.get("conv", ""), name):
            return _json({"code": "not_found"}, 404)
        return await self.files.answer(name, asked.get("e"), asked.get("s"))

    async def _stands_in(self, operator: Operator, conv: str, name: str) -> bool:
        """Whether a file was sent in a conversation that this operator may see."""
        try:
            key = ConversationId.parse(conv)
        except ValueError:
            return False
        if await self.floor.thread(operator, key) is None:
            return False
        before = NEWEST
        while before > 1:
            log = await self.floor.run.store.log(key, before=before, limit=PIECE)
            if any(name == one.ref for logged in log.entries for one in attachments_of(logged.entry.message)):
                return True
            before = log.entries[0].number if log.entries else 0
        return False

    async def said(self, request: "Request", visitor: Visitor) -> "Response":
        """An attachment whose bytes are in the log itself."""
        from starlette.responses import Response  # noqa: PLC0415  an extra

        missing = _json({"code": "not_found"}, 404)
        try:
            key = ConversationId.parse(request.query_params.get("conv", ""))
        except ValueError:
            return missing
        number = request.path_params["number"]
        if number >= 1 << 60 or await self.floor.thread(visitor.operator, key) is None:
            return missing
        log = await self.floor.run.store.log(key, before=number + 1, limit=1)
        if not log.entries or log.entries[0].number != number:
            return missing
        attachment = attachment_at(log.entries[0].entry.message, request.path_params["part"])
        if attachment is None or attachment.data is None:
            return missing
        kind = sniffing.sniff(attachment.data[: sniffing.HEAD])
        shown = kind in sniffing.INLINE
        name = attachment.name or attachment.kind
        headers = {
            "content-disposition": disposition("inline" if shown else "attachment", name),
            "content-security-policy": "sandbox; default-src 'none'",
            "cache-control": "private, max-age=600",
        }
        return Response(attachment.data, headers=headers, media_type=kind if shown else "application/octet-stream")


NOBODY = Operator(id="nobody", name="nobody", queues=())


def _json(value: Json, status: int = 200) -> "Response":
    from starlette.responses import JSONResponse  # noqa: PLC0415  an extra

    return JSONResponse(value, status)
