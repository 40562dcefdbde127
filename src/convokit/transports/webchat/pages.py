"""All open pages of a chat, by their visitor: how many there may be, and what all of one visitor's are told."""

from collections import Counter
from datetime import datetime
from typing import Protocol

from convokit.conversations import ConversationId
from convokit.transports.webchat.settings import Bounds
from convokit.transports.webchat.visitors import Visitor
from convokit.wire.live import Buckets, Line, Refused

WARNED_SECONDS = 60.0
"""How long before a customer has to be vouched for again their pages are told."""
RETRY_MS = 1000
SPREAD_MS = 5000


class OpenPage(Protocol):
    """A page of a visitor."""

    visitor: Visitor
    address: str
    line: Line
    warned: bool
    """Whether it was told that its customer has to be vouched for again."""

    async def now_in(self, conversation: ConversationId) -> None:
        """Another page of the same visitor began a conversation."""
        ...

    async def look_at_another(self) -> None:
        """The visitor put the conversation away."""
        ...


class Pages:
    """The open pages of one chat.

    Args:
        bounds: How many there may be.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._open: dict[str, set[OpenPage]] = {}
        self._addresses: Counter[str] = Counter()
        self._count = 0
        self.stopped = False

    def __len__(self) -> int:
        return self._count

    def refusal(self, visitor: Visitor, address: str, connects: Buckets, now: float) -> Refused | None:
        """Why one more page may not be opened; None: it may."""
        if self.stopped:
            return Refused(4503, "stopping")
        if self._count >= self._bounds.sockets:
            return Refused(4503, "full")
        if len(self._open.get(visitor.id, ())) >= self._bounds.per_visitor:
            return Refused(4429, "10000")
        if self._addresses[address] >= self._bounds.per_address:
            return Refused(4429, "10000")
        if wait := connects.wait(visitor.id, now):
            return Refused(4429, str(round(wait * 1000)))
        return None

    def add(self, page: OpenPage) -> None:
        """A page was opened."""
        self._open.setdefault(page.visitor.id, set()).add(page)
        self._addresses[page.address] += 1
        self._count += 1

    def remove(self, page: OpenPage) -> None:
        """A page is gone; twice is once."""
        theirs = self._open.get(page.visitor.id, set())
        if page not in theirs:
            return
        theirs.discard(page)
        if not theirs:
            del self._open[page.visitor.id]
        self._addresses[page.address] -= 1
        if self._addresses[page.address] <= 0:
            del self._addresses[page.address]
        self._count -= 1

    def of(self, visitor: str) -> list[OpenPage]:
        """The open pages of a visitor."""
        return list(self._open.get(visitor, ()))

    def all(self) -> list[OpenPage]:
        """Every open page."""
        return [page for theirs in self._open.values() for page in theirs]

    async def now_in(self, visitor: str, conversation: ConversationId) -> None:
        """The visitor has begun a conversation: all of their pages follow it."""
        for page in self.of(visitor):
            await page.now_in(conversation)

    async def put_away(self, visitor: str) -> None:
        """The visitor has left an ended conversation: their pages show an empty one."""
        for page in self.of(visitor):
            await page.look_at_another()

    def turn_away(self, visitor: str, *, session: str | None = None) -> None:
        """Send the pages of a visitor (of one session, if it is named) away: they must visit anew."""
        for page in self.of(visitor):
            if session is None or page.visitor.session == session:
                page.line.close(4401, "signed out")

    def vouch(self, now: datetime) -> None:
        """Warn the pages of customers who must be vouched for again, and send away those for whom nobody did."""
        for page in self.all():
            until = page.visitor.until
            if until is None:
                continue
            left = (until - now).total_seconds()
            if left <= 0:
                page.line.close(4401, "expired")
            elif left <= WARNED_SECONDS and not page.warned:
                page.warned = True
                page.line.push({"t": "auth", "exp_in": round(left * 1000)})

    def goodbye(self) -> None:
        """The server stops: tell every page when to come back, spread over some seconds, and close."""
        self.stopped = True
        for page in self.all():
            page.line.push({"t": "goodbye", "retry_ms": RETRY_MS, "spread_ms": SPREAD_MS})
            page.line.close(1012, "restart")
