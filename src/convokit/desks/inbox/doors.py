"""Who comes in: sign-in, its cookie, its limits, and what every request has to show."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from attrs import define, field, frozen

from convokit.desks.inbox import people
from convokit.desks.inbox.floor import Floor
from convokit.desks.inbox.people import Account, Operator, Passwords
from convokit.errors import MissingExtra
from convokit.wire.live import Buckets, body_of, origin_allowed
from convokit.wire.signing import same
from convokit.wire.text import fold

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response

logger = logging.getLogger(__name__)

Authenticate = Callable[[Any], Awaitable[Operator | None]]
"""The host's own: who a request, or the opening of a socket, comes from; None: nobody who works here."""

COOKIE = "convokit-inbox"
FORM_COOKIE = "convokit-inbox-form"
FORM_REFERRER = "strict-origin"
MOST_FORM = 8 << 10
HOME = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FRAGMENT = re.compile(r"#[\w/.~%:@+-]{0,300}", re.ASCII)
_SECRET = re.compile(r"[0-9a-f]{64}", re.ASCII)


@frozen
class Visitor:
    """Who a request comes from.

    Args:
        operator: Who.
        key: Names their sign-in; empty where the host's own is used.
    """

    operator: Operator
    key: str


@define(eq=False)
class Throttle:
    """How often somebody may try to sign in."""

    pairs: Buckets = field(factory=lambda: Buckets(5, 60.0))
    names: Buckets = field(factory=lambda: Buckets(30, 30.0))
    addresses: Buckets = field(factory=lambda: Buckets(20, 15.0))

    def wait(self, name: str, address: str, now: float) -> float:
        """Count a try. Returns 0.0 when it may be made, else the seconds until it may."""
        for bucket, key in ((self.pairs, f"{name} {address}"), (self.addresses, address), (self.names, name)):
            wait = bucket.wait(key, now)
            if wait:
                return wait
        return 0.0


@define(eq=False)
class Doors:
    """Says who somebody is, and signs them in and out.

    Args:
        floor: The run's.
        authenticate: The host's own way, in place of passwords and links.
        origins: Origins beside the inbox's own that its requests may come from.
    """

    floor: Floor
    authenticate: Authenticate | None
    origins: frozenset[str]
    throttle: Throttle = field(factory=Throttle)
    _passwords: Passwords | None = None

    # ── who ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def visitor(self, request: "HTTPConnection") -> Visitor | None:
        """Who this request comes from.

        Raises:
            StoreUnavailable: It cannot be told.
        """
        if self.authenticate is not None:
            operator = await self.authenticate(request)
            return None if operator is None else Visitor(operator, "")
        cookie = request.cookies.get(_cookie_name(request, COOKIE), "")
        if not _SECRET.fullmatch(cookie):
            return None
        key = people.digest(cookie)
        account = await people.signed_in(self.floor.run.store, key, self.floor.now)
        return None if account is None else Visitor(account.operator, key)

    def still(self, request: "HTTPConnection", visitor: Visitor) -> Callable[[], Awaitable[Operator | None]]:
        """Tells who an open page's operator is, later on."""

        async def by_key() -> Operator | None:
            account = await people.signed_in(self.floor.run.store, visitor.key, self.floor.now)
            return None if account is None else account.operator

        async def by_host() -> Operator | None:
            found = await self.visitor(request)
            return None if found is None else found.operator

        return by_key if self.authenticate is None else by_host

    def own_origin(self, request: "HTTPConnection") -> bool:
        """Whether a request says that it comes from our pages; browsers say it of every one that can do something."""
        origin = request.headers.get("origin")
        return origin is not None and origin_allowed(origin, request.headers.get("host", ""), self.origins)

    # ── signing in ──────────────────────────────────────────────────────────────────────────────────────────────────

    def form(self, request: "HTTPConnection", page: str) -> "Response":
        """A page with forms, each with a token that is also in a cookie: only our own page can send both."""
        from starlette.responses import HTMLResponse  # noqa: PLC0415  an extra

        known = request.cookies.get(_cookie_name(request, FORM_COOKIE), "")
        token = known if _SECRET.fullmatch(known) else people.fresh_secret()
        hidden = f'<input type="hidden" name="form" value="{token}">'
        # Under "no-referrer" browsers send a form with the Origin "null"; this names the origin, and no path, to it.
        page = page.replace('content="no-referrer"', f'content="{FORM_REFERRER}"')
        answer = HTMLResponse(page.replace("</form>", f"{hidden}</form>"), headers={"referrer-policy": FORM_REFERRER})
        _set_cookie(request, answer, FORM_COOKIE, token, 3600)
        return answer

    async def _fields(self, request: "Request") -> Mapping[str, str] | None:
        """The fields of one of our forms; None when it is not ours."""
        if not self.own_origin(request):
            return None
        body = await body_of(request.stream(), MOST_FORM)
        if body is None or "urlencoded" not in request.headers.get("content-type", "application/x-www-form-urlencoded"):
            return None
        try:
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10))
        except ValueError:
            return None
        cookie = request.cookies.get(_cookie_name(request, FORM_COOKIE), "")
        given = fields.get("form", "")
        return fields if _SECRET.fullmatch(cookie) and same(cookie.encode(), given.encode("utf-8", "replace")) else None

    async def sign_in(self, request: "Request") -> "Response":
        """Answer the sign-in form: to the inbox with a new cookie, or back to the form with why not."""
        fields = await self._fields(request)
        if fields is None:
            return _forbidden()
        name = fold(fields.get("name", "")[:200])
        address = request.client.host if request.client is not None else ""
        if self.throttle.wait(name, address, self.floor.now.timestamp()):
            logger.warning("sign-ins to the inbox come too often from %s", ascii(address))
            return _see("signin?error=slow#slow")
        if self._passwords is None:
            try:
                self._passwords = Passwords()
            except MissingExtra as problem:
                logger.error("nobody can sign in with a password: %s", problem)  # noqa: TRY400  the sentence says it all
                return _see("signin?error=other#other")
        account = await people.account_named(self.floor.run.store, fields.get("name", "")[:200])
        if not await self._passwords.fits(account, fields.get("password", "")) or account is None:
            logger.info("a sign-in to the inbox failed, from %s", ascii(address))
            return _see("signin?error=wrong#wrong")
        following = fields.get("next", "")
        return await self._in(request, account, f"./{following}" if _FRAGMENT.fullmatch(following) else "./")

    async def _in(self, request: "Request", account: Account, there: str) -> "Response":
        store = self.floor.run.store
        old = request.cookies.get(_cookie_name(request, COOKIE), "")
        if _SECRET.fullmatch(old):
            # A new secret at every sign-in; one that somebody planted before dies here.
            await people.sign_out(store, people.digest(old))
        secret = await people.sign_in(store, account, self.floor.now)
        logger.info("operator=%s signed in", account.operator.id)
        answer = _see(there)
        _set_cookie(request, answer, COOKIE, secret, int(people.SIGNED_IN_FOR.total_seconds()))
        return answer

    async def link_page(self, request: "Request") -> "Response":
        """Show whose one-time link this is. Looking at it uses nothing up: programs look at links, too."""
        account = await people.linked(self.floor.run.store, request.path_params["secret"])
        if account is None:
            return _see("../signin?error=link#link")
        return self.form(request, LINK_PAGE.replace("NAME", _escaped(account.operator.name)))

    async def use_link(self, request: "Request") -> "Response":
        """Sign in with a one-time link, which is used up by it."""
        fields = await self._fields(request)
        if fields is None:
            return _forbidden()
        account = await people.use_link(self.floor.run.store, request.path_params["secret"])
        if account is None:
            return _see("../signin?error=link#link")
        return await self._in(request, account, "../")

    async def sign_out(self, request: "Request") -> "Response":
        """End the sign-in, and close its lines."""
        from starlette.responses import Response  # noqa: PLC0415  an extra

        visitor = await self.visitor(request)
        answer = Response(status_code=204)
        if visitor is not None and visitor.key:
            await people.sign_out(self.floor.run.store, visitor.key)
            self.floor.sign_out(visitor.key)
            logger.info("operator=%s signed out", visitor.operator.id)
        _set_cookie(request, answer, COOKIE, "", 0)
        return answer


def _at_home(request: "HTTPConnection") -> bool:
    """Whether a browser asks its own machine without TLS, where some keep no Secure cookies."""
    host = request.headers.get("host", "").lower()
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return request.scope.get("scheme") in {"http", "ws"} and name in HOME


def _cookie_name(request: "HTTPConnection", name: str) -> str:
    return name if _at_home(request) else f"__Host-{name}"


def _set_cookie(request: "HTTPConnection", answer: "Response", name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        _cookie_name(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=not _at_home(request),
        httponly=True,
        samesite="strict",
    )


def _see(there: str) -> "Response":
    from starlette.responses import RedirectResponse  # noqa: PLC0415  an extra

    answer = RedirectResponse(there, 303)
    answer.headers["location"] = quote(there, safe=":/%#?=@[]!$&'()*+,;~-._")
    return answer


def _forbidden() -> "Response":
    from starlette.responses import PlainTextResponse  # noqa: PLC0415  an extra

    return PlainTextResponse("This did not come from the inbox's own page. Open it anew, and allow its cookies.", 403)


def _escaped(text: str) -> str:
    from html import escape  # noqa: PLC0415  needed for the page of a link only

    return escape(text)


LINK_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in · Inbox</title>
<link rel="icon" href="../static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="../static/inbox.css">
<script type="module" src="../v1/enter.js"></script>
</head>
<body class="signin">
<main>
<form class="card" method="post">
<h1>Inbox</h1>
<button type="submit" class="primary">Sign in as <bdi>NAME</bdi></button>
</form>
</main>
</body>
</html>
"""
ENTER_SCRIPT = 'document.querySelector("form").requestSubmit();\n'
