"""Direct Line 3.0 on the web chat, for clients that speak it already: Microsoft's Web Chat and their like.

A client has a token for one conversation and one user. What it may read and say is the conversation's log, as the
chat's own page reads it: a watermark is a public number of the log, and an activity's id is made of one.
"""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from attrs import evolve

from convokit.abc import Hint, Site
from convokit.conversations import ConversationId
from convokit.errors import MissingExtra, StoreUnavailable
from convokit.events import SignalReceived
from convokit.messages import Attachment, Button
from convokit.people import User
from convokit.transports.webchat.activities import ACTIVITY, Posted, activity_id, activity_of, read_activity
from convokit.transports.webchat.calls import (
    ACTIVITY_BYTES,
    PREFLIGHT,
    Wrong,
    base_of,
    file_name,
    json_of,
    object_of,
    refused,
    say,
    watermark_of,
    wrong,
)
from convokit.transports.webchat.front import Front, address_of
from convokit.transports.webchat.grants import KEPT_FOR, TOKEN_SECONDS, Expired, Grant, Grants
from convokit.transports.webchat.saying import MOST_FILES, Said, Unsaid, event_of, offered
from convokit.transports.webchat.settings import LOCALE, REF_CHARACTERS
from convokit.transports.webchat.streams import Streams
from convokit.wire import codec
from convokit.wire.files import FileRefused
from convokit.wire.live import body_of, origin_allowed
from convokit.wire.multipart import Form, NoForm, boundary_of
from convokit.wire.naming import new_id
from convokit.wire.signing import same
from convokit.wire.text import scrub

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

logger = logging.getLogger(__name__)

PIECE = 100
"""How many activities one poll gets at most."""
LOOKED_THROUGH = 200
"""How many of the newest entries may have offered a button that is pressed, or be what the bot answers."""
ECHOES = "direct-line-echoes"
_REMEMBERED = 10_000
_SHORT = 200

Endpoint = Callable[["Request"], Awaitable["Response"]]


class DirectLine:
    """Answers Direct Line's calls for one chat.

    Args:
        front: The chat.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._grants = Grants(front.run, front.channel)
        self.streams = Streams(front)
        self._answered: OrderedDict[ConversationId, tuple[int, int]] = OrderedDict()

    # ── who calls ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _caller(self, request: "Request") -> Grant | None:
        """What the token allows; None for the secret, or for nobody where nobody needs one.

        Raises:
            Wrong: 401, neither; 403, a token that is none, or no more, or not from there.
        """
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        shown = shown.strip() if scheme.lower() == "bearer" else ""
        shown = "" if shown in {"undefined", "null"} else shown  # what a client in JavaScript sends for none
        secret = self._front.setup.direct_line_secret
        if secret and shown and same(shown.encode("utf-8", "replace"), secret.reveal().encode()):
            return None
        if not shown:
            if secret or self._front.setup.customers == "required":
                raise Wrong(401, "Unauthorized", "give a token, or the secret, as a bearer")
            return None
        try:
            grant = self._grants.read(shown)
        except Expired:
            raise Wrong(403, "TokenExpired", "the token has expired") from None
        if grant is None:
            grant = await self._customer(shown)
        if grant is None:
            raise Wrong(403, "Forbidden", "this is no token of ours")
        origin = request.headers.get("origin")
        if grant.origins and origin is not None and origin not in grant.origins:
            raise Wrong(403, "Forbidden", "the token is not for this origin")
        return grant

    async def _customer(self, shown: str) -> Grant | None:
        """A new conversation for whom the business vouches for with a token of its own."""
        customer = await self._front.visitors.customer(shown)
        if customer is None:
            return None
        return Grant(conversation=self._front.new_conversation().id, user=customer.user, facts=customer.facts)

    async def _granted(self, request: "Request") -> tuple[Grant, ConversationId]:
        """What the caller may do in the conversation that the path names.

        Raises:
            Wrong: 401 and 403 as `_caller`; 404, there is none.
        """
        named = str(request.path_params["conversation"])
        grant = await self._caller(request)
        known = await self._grants.whose(named)
        if grant is None:
            if not self._front.setup.direct_line_secret:
                raise Wrong(401, "Unauthorized", "give the conversation's token as a bearer")
            if known is None:
                raise Wrong(404, "NotFound", "there is no such conversation")
            grant = known
        elif grant.conversation != named:
            raise Wrong(403, "Forbidden", "the token is for another conversation")
        elif known is not None:
            grant = evolve(grant, user=evolve(known.user, verified=grant.user.verified), facts=known.facts)
        conversation = self._front.conversation(named)
        self.streams.prolong(conversation, grant.until)
        return grant, conversation

    async def _new(self, request: "Request", asked: Mapping[str, Any]) -> Grant:
        """A new conversation for whoever asks with the secret, or for anybody.

        Only who has the secret may say who the user is: else anybody could speak as anybody.
        """
        user, trusted = asked.get("user"), asked.get("trustedOrigins") or ()
        if not isinstance(user, dict | None) or not isinstance(trusted, list | tuple):
            raise Wrong(400, "BadArgument", "user is an object, trustedOrigins a list")
        named, name = (user or {}).get("id"), (user or {}).get("name")
        secret = bool(self._front.setup.direct_line_secret)
        if not secret and (wait := self._front.newcomers.wait(address_of(request.scope), self._front.seconds)):
            raise Wrong(429, "TooManyRequests", "too many conversations begin from here", after=wait)
        given = scrub(named) if isinstance(named, str) and secret else ""
        if given and (not given.startswith("dl_") or len(given) > _SHORT):
            # Other ids are those of visitors and customers; Web Chat makes some up, and goes by what the token says.
            given = ""
        return Grant(
            conversation=self._front.new_conversation().id,
            user=User(
                id=given or new_id("dl_", self._front.run.clock.now()),
                name=scrub(name)[:_SHORT].strip() if isinstance(name, str) else "",
            ),
            origins=tuple(one for one in trusted if isinstance(one, str))[:20],
        )

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def generate(self, request: "Request") -> "Response":
        """`POST tokens/generate`: a token for a new conversation, which begins when somebody starts it."""
        grant = await self._caller(request)
        if grant is not None and grant.until is not None:
            raise Wrong(403, "Forbidden", "a token makes no tokens: refresh it, or use the secret")
        return self._token(grant or await self._new(request, await object_of(request)))

    async def refresh(self, request: "Request") -> "Response":
        """`POST tokens/refresh`: half an hour more for the same conversation and user."""
        grant = await self._caller(request)
        if grant is None or grant.until is None:
            raise Wrong(403, "Forbidden", "only a token can be refreshed")
        answer = self._token(grant)
        self.streams.prolong(self._front.conversation(grant.conversation), int(self._front.seconds) + TOKEN_SECONDS)
        return answer

    def _token(self, grant: Grant, status: int = 200, **more: str) -> "Response":
        token = self._grants.token(grant)
        said = {"conversationId": grant.conversation, "token": token, "expires_in": TOKEN_SECONDS, **more}
        return say(said, status)

    async def start(self, request: "Request") -> "Response":
        """`POST conversations`: begin the token's conversation, or a new one; the bot learns that somebody came."""
        grant = await self._caller(request)
        asked = await object_of(request)
        if grant is None:
            grant = await self._new(request, asked)
        locale = asked.get("locale")
        if isinstance(locale, str) and LOCALE.fullmatch(locale):
            grant = evolve(grant, user=evolve(grant.user, locale=locale))
        conversation = self._front.conversation(grant.conversation)
        known = await self._grants.whose(grant.conversation)
        if known is None:
            if wait := self._front.beginnings.wait(grant.user.id, self._front.seconds):
                raise Wrong(429, "TooManyRequests", "too many conversations begin", after=wait)
            ref = request.query_params.get("ref", "")
            ref = scrub(ref).strip() if len(ref) <= REF_CHARACTERS else ""
            await self._front.opened(conversation, grant.user, ref, "direct-line", self._context(grant))
        await self._grants.begun(grant)
        return await self._started(request, grant, 0, 201 if known is None else 200)

    async def resume(self, request: "Request") -> "Response":
        """`GET conversations/{id}`: a new token and a new stream, after the watermark, or of what is new from now."""
        grant, conversation = await self._granted(request)
        after = watermark_of(request)
        if after is None:
            after = (await self._front.log(conversation, limit=1)).public_head
        await self._grants.begun(grant)
        return await self._started(request, grant, after, 200)

    async def _started(self, request: "Request", grant: Grant, after: int, status: int) -> "Response":
        ends = int(self._front.seconds) + TOKEN_SECONDS
        ticket = await self._grants.ticket(evolve(grant, until=ends), after)
        there = f"{base_of(request, web_socket=True)}v3/directline/conversations/{grant.conversation}/stream?t={ticket}"
        return self._token(grant, status, streamUrl=there)

    async def read(self, request: "Request") -> "Response":
        """`GET conversations/{id}/activities`: what the log has after the watermark; all of it without one."""
        _, conversation = await self._granted(request)
        after = watermark_of(request) or 0
        log = await self._front.log(conversation, after=after, limit=PIECE)
        shown = [await self._front.show(conversation, log.id, one) for one in log.entries]
        activities = await self._render(base_of(request))(conversation, shown)
        mark = shown[-1]["seq"] if shown else min(after, log.public_head)
        return say({"activities": activities, "watermark": str(mark)})

    async def post(self, request: "Request") -> "Response":
        """`POST conversations/{id}/activities`: answered when it is in the log, before the bot has seen it."""
        grant, conversation = await self._granted(request)
        posted = read_activity(json_of(await body_of(request.stream(), ACTIVITY_BYTES)))
        return await self._take(grant, conversation, posted, ())

    async def upload(self, request: "Request") -> "Response":
        """`POST conversations/{id}/upload`: files, and the activity that they belong to."""
        grant, conversation = await self._granted(request)
        if wait := self._front.uploads.wait(grant.user.id, self._front.seconds):
            raise Wrong(429, "TooManyRequests", "too many files", after=wait)
        posted, files = await self._uploaded(grant, request)
        if not files:
            raise Wrong(400, "MissingProperty", "there is no file in it")
        return await self._take(grant, conversation, posted, files)

    async def _uploaded(self, grant: Grant, request: "Request") -> tuple[Posted, list[Attachment]]:
        """What an upload brings: a form with an activity and files, or one file as the body."""
        declared = request.headers.get("content-type", "")
        posted = read_activity({"type": "message"})
        files: list[Attachment] = []
        async with aclosing(request.stream()) as stream:
            if not declared.lower().startswith("multipart/"):
                name = file_name(request.headers.get("content-disposition", ""))
                return posted, [await self._kept(grant, posted.cid, stream, name, declared)]
            form = Form(stream, boundary_of(declared))
            while (part := await form.next()) is not None:
                kind = part.media_type.lower()
                if kind.startswith(ACTIVITY) or (part.name == "activity" and not part.file_name):
                    posted = read_activity(json_of(await body_of(part.content, ACTIVITY_BYTES)))
                elif len(files) >= MOST_FILES:
                    raise Wrong(400, "BadArgument", f"a message has at most {MOST_FILES} files")
                else:
                    cid = f"{posted.cid}-{len(files)}"
                    files.append(await self._kept(grant, cid, part.content, part.file_name, part.media_type))
        return posted, files

    async def _kept(
        self, grant: Grant, cid: str, content: AsyncIterator[bytes], name: str, declared: str
    ) -> Attachment:
        box = self._front.files
        about = f"{self._front.channel}:{grant.user.id}"
        kept = await box.take_in(content, owner=grant.user.id, cid=cid, name=name, declared=declared, about=about)
        return await box.as_attachment(kept.id)

    # ── saying ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _take(
        self, grant: Grant, conversation: ConversationId, posted: Posted, files: Sequence[Attachment]
    ) -> "Response":
        user = evolve(grant.user, locale=posted.locale) if posted.locale else grant.user
        if posted.kind == "message":
            number = await self._say(evolve(grant, user=user), conversation, posted, files)
            return say({"id": activity_id(conversation.id, number)})
        if self._front.frames.wait(user.id, self._front.seconds):
            raise Wrong(429, "TooManyRequests", "too many activities", after=1.0)
        if posted.kind == "typing":
            told = {"by": "user", "name": user.name, "on": True}
            self._front.run.publish(Hint(conversation=conversation, topic="typing", data=told))
        elif posted.kind == "event" and posted.name:
            value = posted.value
            await self._front.signal(
                SignalReceived(
                    id=f"{user.id}:{posted.cid}",
                    conversation=conversation,
                    at=self._front.run.clock.now(),
                    user=user,
                    context=self._context(grant),
                    name=f"{self._front.channel}.{posted.name}",
                    data=value if isinstance(value, dict) else {} if value is None else {"value": value},
                )
            )
        return say({"id": f"{conversation.id}|{posted.cid}"})

    async def _say(
        self, grant: Grant, conversation: ConversationId, posted: Posted, files: Sequence[Attachment]
    ) -> int:
        """Put a message into the log, once for each of the client's ids; its public number.

        Unlike a page, such a client has no way to begin another conversation: one that an operator has ended goes on
        with what is said next.
        """
        front = self._front
        key = f"u:{grant.user.id}:{posted.cid}"
        known = await front.found(conversation, key)
        if known is not None:
            return known.public
        if wait := front.sends.wait(grant.user.id, front.seconds):
            raise Unsaid("rate", retry="after", after=wait)
        button = await self._offered(conversation, posted.payload) if posted.payload is not None else None
        text = posted.text or (posted.payload or "").strip()
        event = event_of(
            Said(text=scrub(text), context=self._context(grant)),
            id=key[2:],
            conversation=conversation,
            at=front.run.clock.now(),
            user=grant.user,
            button=button,
            attachments=tuple(files),
        )
        # Before the entry, so that whoever reads the entry finds it.
        echo = codec.encode(posted.echoed)
        until = front.run.clock.now() + KEPT_FOR
        await front.run.store.keep(ECHOES, f"{conversation}:{key}", echo, expires_at=until, about=str(conversation))
        await front.run.accept([event])
        logged = await front.found(conversation, key)
        if logged is None:
            raise Unsaid("unavailable", retry="same")
        return logged.public

    async def _offered(self, conversation: ConversationId, payload: str) -> Button | None:
        """The button with this payload that was truly offered there lately; None: nobody offered it."""
        head = (await self._front.log(conversation, limit=1)).public_head
        log = await self._front.log(conversation, before=head + 1, limit=LOOKED_THROUGH)
        for logged in reversed(log.entries):
            found = offered(logged.entry.message, payload) if logged.entry.author != "user" else None
            if found is not None:
                return found
        return None

    def _context(self, grant: Grant) -> dict[str, Any]:
        return {"customer": dict(grant.facts)} if grant.facts else {}

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _render(self, base: str) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
        """Makes activities of entries, with links that begin with `base`."""

        async def render(conversation: ConversationId, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
            made = []
            last = await self._last_said(conversation, entries[0]["seq"]) if entries else 0
            for entry in entries:
                echoed: Mapping[str, Any] = {}
                if entry["by"]["role"] == "visitor":
                    last = entry["seq"]
                    kept = await self._front.run.store.kept(ECHOES, f"{conversation}:{entry['id']}")
                    echoed = codec.decode_json(kept) if kept else {}
                reply_to = activity_id(conversation.id, last) if last else ""
                made.append(activity_of(entry, bot=self._front.bot_name, base=base, reply_to=reply_to, echoed=echoed))
            if entries:
                self._answered[conversation] = (entries[-1]["seq"], last)
                self._answered.move_to_end(conversation)
                if len(self._answered) > _REMEMBERED:
                    self._answered.popitem(last=False)
            return made

        return render

    async def _last_said(self, conversation: ConversationId, before: int) -> int:
        """The number of what the visitor said last before an entry: what the bot answers with it; 0: nothing."""
        at, last = self._answered.get(conversation, (0, 0))
        if at == before - 1:
            return last
        log = await self._front.log(conversation, before=before, limit=LOOKED_THROUGH)
        return next((one.public for one in reversed(log.entries) if one.entry.author == "user"), 0)

    async def stream(self, websocket: "WebSocket") -> None:
        """`GET conversations/{id}/stream?t=…`: the socket that a `streamUrl` leads to; its ticket is good once."""
        try:
            await self._open()
            ticket = await self._grants.redeem(
                websocket.query_params.get("t", ""), str(websocket.path_params["conversation"])
            )
        except StoreUnavailable as problem:
            logger.warning("channel=%s a stream is refused: %s", self._front.channel, problem)
            ticket = None
        if ticket is None or self.streams.full:
            await websocket.close(4403)
            return
        await self.streams.serve(websocket, ticket, self._render(base_of(websocket)))

    # ── the app ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _open(self) -> None:
        await self._front.open()
        await self._grants.open()

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, behind the list of origins, with errors as the protocol writes them."""
        from starlette.requests import ClientDisconnect  # noqa: PLC0415  an extra
        from starlette.responses import Response  # noqa: PLC0415  an extra

        async def answered(request: "Request") -> "Response":
            origin = request.headers.get("origin")
            if not origin_allowed(origin, request.headers.get("host", ""), self._front.setup.origins):
                answer = wrong(Wrong(403, "Forbidden", "this origin is not allowed"))
                answer.headers["Vary"] = "Origin"
                return answer
            try:
                if request.method == "OPTIONS":
                    answer = Response(status_code=204, headers=PREFLIGHT)
                else:
                    await self._open()
                    answer = await endpoint(request)
            except (Wrong, Unsaid, NoForm, FileRefused, StoreUnavailable) as problem:
                answer = refused(problem)
            except ClientDisconnect:
                answer = Response(status_code=400)
            answer.headers["Vary"] = "Origin"
            if origin is not None:
                answer.headers["Access-Control-Allow-Origin"] = origin
                answer.headers["Access-Control-Expose-Headers"] = "Retry-After"
            return answer

        return answered

    async def nothing(self, request: "Request") -> "Response":
        """Whatever else the protocol knows."""
        raise Wrong(404, "NotFound", f"{request.method} {request.url.path[:_SHORT]} is not answered here")


def site(front: Front) -> Site:
    """Direct Line as an ASGI app, to be mounted at `v3/directline` of the chat's address.

    Args:
        front: The chat.

    Raises:
        MissingExtra: Starlette is not installed.
    """
    try:
        from starlette.routing import Route, Router, WebSocketRoute  # noqa: PLC0415  an extra
    except ImportError:
        raise MissingExtra("Direct Line", "serve") from None
    line = DirectLine(front)
    front.closing.append(line.streams.close)

    def route(path: str, method: str, endpoint: Endpoint) -> Any:
        return Route(path, line.guarded(endpoint), methods=[method, "OPTIONS"])

    async def activities(request: "Request") -> "Response":
        return await (line.read(request) if request.method == "GET" else line.post(request))

    return Router(
        [
            route("/tokens/generate", "POST", line.generate),
            route("/tokens/refresh", "POST", line.refresh),
            route("/conversations", "POST", line.start),
            route("/conversations/{conversation}", "GET", line.resume),
            Route(
                "/conversations/{conversation}/activities",
                line.guarded(activities),
                methods=["GET", "POST", "OPTIONS"],
            ),
            route("/conversations/{conversation}/upload", "POST", line.upload),
            WebSocketRoute("/conversations/{conversation}/stream", line.stream),
            Route("/{rest:path}", line.guarded(line.nothing), methods=["GET", "POST", "OPTIONS"]),
        ]
    )
