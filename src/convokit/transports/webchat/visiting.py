"""A visit: who opens the chat, by what they show, before the first line is opened. Nothing else makes visitors."""

import logging
from typing import Any, Literal

from attrs import frozen

from convokit._value import Value
from convokit.transports.webchat.customers import Customer
from convokit.transports.webchat.front import Front
from convokit.transports.webchat.pages import Pages
from convokit.transports.webchat.visitors import KEPT_FOR, TOKEN_START, Visitor

logger = logging.getLogger(__name__)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class NotAdmitted(Exception):
    """A visit is refused.

    Args:
        status: The HTTP status.
        code: The wire's word for it.
        after: With 429, the seconds until it may be tried again.
    """

    def __init__(self, status: int, code: str, after: float = 0.0) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.after = after


@frozen(kw_only=True, eq=False, repr=False)
class Admitted(Value):
    """Who visits, and the token to keep from now on; None: the one that was shown."""

    visitor: Visitor
    token: str | None = None


class Visiting:
    """Lets visitors in and out.

    Args:
        front: The chat.
        pages: Its open pages.
    """

    def __init__(self, front: Front, pages: Pages) -> None:
        self._front = front
        self._pages = pages
        self._visitors = front.visitors

    async def visit(self, shown: str, vouched: str, address: str) -> Admitted:
        """Who visits.

        Args:
            shown: The token of ours that came along; may be empty.
            vouched: The business's token for a customer; may be empty.
            address: Where from.

        Raises:
            NotAdmitted: 401 auth_required, 429 rate.
            StoreUnavailable: The store cannot be asked.
        """
        if vouched and self._front.setup.customers != "none":
            customer = await self._visitors.customer(vouched)
            if customer is None:
                raise NotAdmitted(401, "auth_required")
            return await self._customer(shown, customer)
        visitor = await self._visitors.known(shown) if shown.startswith(TOKEN_START) else None
        if visitor is not None:
            renewed = await self._visitors.renewed(shown)
            if renewed is not None:
                return Admitted(visitor=renewed[0], token=renewed[1])
        if self._front.setup.customers == "required":
            raise NotAdmitted(401, "auth_required")
        if wait := self._front.newcomers.wait(address, self._front.seconds):
            raise NotAdmitted(429, "rate", wait)
        made, token = await self._visitors.begin()
        return Admitted(visitor=made, token=token)

    async def _customer(self, shown: str, customer: Customer) -> Admitted:
        was = await self._visitors.known(shown) if shown.startswith(TOKEN_START) else None
        if was is not None and was.id == customer.user.id:
            renewed = await self._visitors.renewed(shown, customer)
            if renewed is not None:
                return Admitted(visitor=renewed[0], token=renewed[1])
        if shown:
            # Whoever else knows this token, or planted it, must not hear what the customer says.
            await self._visitors.forget(shown)
        if was is not None and not was.user.verified:
            await self._visitors.attach(was.id, customer.user.id)
            self._pages.turn_away(was.id)
        elif was is not None:
            self._pages.turn_away(was.id, session=was.session)
        made, token = await self._visitors.begin(customer)
        return Admitted(visitor=made, token=token)

    async def leave(self, shown: str) -> None:
        """Sign out: the token is worthless, and the pages that were opened with it are closed."""
        visitor = await self._visitors.known(shown) if shown.startswith(TOKEN_START) else None
        if visitor is not None:
            await self._visitors.forget(shown)
            self._pages.turn_away(visitor.id, session=visitor.session)


# ── cookies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def cookie_name(front: Front, scope: Any, host: str) -> str:
    """The cookie's name: bound to this host and to TLS, but for a developer's own machine, which has none."""
    mine = front.run.name if front.channel == "web" else f"{front.run.name}-{front.channel}"
    name = host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()
    local = name in LOOPBACK and scope.get("scheme") in {"http", "ws"}
    return f"ck-{mine}" if local else f"__Host-ck-{mine}"


def cookie(name: str, token: str) -> str:
    """The header that sets it; that removes it, when `token` is empty."""
    seconds = int(KEPT_FOR.total_seconds()) if token else 0
    secure = " Secure;" if name.startswith("__Host-") else ""
    return f"{name}={token}; Max-Age={seconds}; Path=/; HttpOnly;{secure} SameSite=Lax"


Where = Literal["cookie", "token"]


def where_to_keep(origin: str | None, host: str, fetch_site: str, *, bearer: bool) -> Where:
    """Where a page keeps its token: a cookie where browsers take and send one, else with the page itself.

    Args:
        origin: The `Origin` header.
        host: The `Host` header.
        fetch_site: The `Sec-Fetch-Site` header; empty where a browser sends none.
        bearer: Whether the page showed one that it keeps itself.
    """
    if bearer or origin is None:
        return "token"
    scheme, _, rest = origin.partition("://")
    name = rest.rpartition(":")[0] if rest.rpartition(":")[2].isdigit() else rest
    if scheme == "http" and name.lower() not in LOOPBACK:
        return "token"  # a cookie that needs TLS would not be taken
    same_site = fetch_site in {"same-origin", "same-site"} or (not fetch_site and rest.lower() == host.lower())
    return "cookie" if same_site else "token"
