"""Who is chatting: anonymous visitors by a token that only they have, customers by the business's word.

Of a token only its SHA-256 is kept, on the shelf "visitors"; which conversations somebody has, on the shelf "chats".
"""

import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import anyio
from attrs import evolve, field, frozen

from convokit._value import Value
from convokit.abc import Run
from convokit.people import User
from convokit.transports.webchat.customers import PREFIX, Customer
from convokit.transports.webchat.settings import Setup
from convokit.wire import codec
from convokit.wire.naming import new_id

TOKENS = "visitors"
CHATS = "chats"
ALIASES = "aliases"
"""The store's own shelf of people's other ids: what is exported and erased with a customer."""
TOKEN_START = "ckv_"  # noqa: S105  how a token begins, not a token
KEPT_FOR = timedelta(days=30)
ROTATED_AFTER = timedelta(days=1)
GRACE = timedelta(seconds=60)
VERIFIED_FOR = timedelta(minutes=15)
"""How long the host's own word on a customer counts, since it names no end."""
EARLIER = 50
"""How many earlier conversations of one person are remembered."""


@frozen(kw_only=True, eq=False, repr=False)
class Visitor(Value):
    """Who has a page open.

    Args:
        user: An anonymous visitor (`v_…`) or a customer (`customer:…`, verified).
        session: What all tokens since one sign-in share; empty for a customer who shows the business's token itself.
        until: When a customer has to be vouched for again; None for an anonymous visitor.
        facts: What the business says of a customer.
    """

    user: User
    session: str = ""
    until: datetime | None = None
    facts: Mapping[str, Any] = field(factory=dict)

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id

    @property
    def kind(self) -> str:
        """The wire's word."""
        return "customer" if self.user.verified else "anonymous"


@frozen(kw_only=True, eq=False, repr=False)
class Chats(Value):
    """Which conversations somebody has.

    Args:
        current: The one that goes on; empty: the next word begins one.
        earlier: Those before, the newest last.
        was: The anonymous visitors whose conversation was attached: what they had sent must be known as theirs.
    """

    current: str = ""
    earlier: tuple[str, ...] = ()
    was: tuple[str, ...] = ()

    def begun(self, conversation: str) -> "Chats":
        """With another current conversation ("": none yet)."""
        rest = [one for one in (*self.earlier, self.current) if one and one != conversation]
        return evolve(self, current=conversation, earlier=tuple(rest[-EARLIER:]))

    def owns(self, conversation: str) -> bool:
        """Whether it is one of them."""
        return conversation == self.current or conversation in self.earlier


@frozen(kw_only=True, eq=False, repr=False)
class _Kept(Value):
    """What is kept under a token's hash."""

    user: User
    session: str
    issued: datetime
    until: datetime | None = None
    facts: Mapping[str, Any] = field(factory=dict)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Visitors:
    """The visitors of one channel.

    Args:
        run: The engine's run.
        setup: The chat's settings.
    """

    def __init__(self, run: Run, setup: Setup) -> None:
        self._run = run
        self._setup = setup
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    # ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def known(self, token: str) -> Visitor | None:
        """Who shows this token: one of ours, or the business's for a customer. None: nobody we know."""
        if not token.startswith(TOKEN_START):
            customer = await self.customer(token)
            if customer is None:
                return None
            return Visitor(user=customer.user, until=customer.until, facts=customer.facts)
        kept = await self._kept(token)
        if kept is None or not self._welcome(kept.user):
            return None
        return Visitor(user=kept.user, session=kept.session, until=kept.until, facts=kept.facts)

    def _welcome(self, user: User) -> bool:
        return self._setup.customers != ("none" if user.verified else "required")

    async def customer(self, token: str) -> Customer | None:
        """Whom the business vouches for with this token; None: it does not."""
        if self._setup.customers == "none" or not token:
            return None
        now = self._run.clock.now()
        found = self._setup.keys.read(token, audience=self._run.name, now=now) if self._setup.keys else None
        if found is None and self._setup.verify is not None:
            user = await self._setup.verify(token)
            if user is not None:
                named = evolve(user, id=PREFIX + user.id.removeprefix(PREFIX), verified=True)
                found = Customer(user=named, until=now + VERIFIED_FOR)
        return found

    async def begin(self, customer: Customer | None = None) -> tuple[Visitor, str]:
        """A new visitor, or a new session of a customer, and the token for it."""
        now = self._run.clock.now()
        user = customer.user if customer is not None else User(id=new_id("v_", now))
        made = _Kept(
            user=user,
            session=os.urandom(16).hex(),
            issued=now,
            until=customer.until if customer is not None else None,
            facts=customer.facts if customer is not None else {},
        )
        return await self._issued(made)

    async def renewed(self, token: str, customer: Customer | None = None) -> tuple[Visitor, str | None] | None:
        """Who shows one of our tokens, and a new one when this one is a day old (it works a minute more).

        Args:
            token: One of ours.
            customer: The same customer, vouched for again.
        """
        kept = await self._kept(token)
        if kept is None:
            return None
        now = self._run.clock.now()
        if customer is not None:
            kept = evolve(kept, user=customer.user, until=customer.until, facts=customer.facts)
        if now - kept.issued >= ROTATED_AFTER:
            await self._keep(token, kept, min(now + GRACE, kept.until or now + GRACE))
            visitor, fresh = await self._issued(evolve(kept, issued=now))
            if not visitor.user.verified:  # it slides with the token
                await self.keep_chats(visitor.id, await self.chats(visitor.id))
            return visitor, fresh
        if customer is not None:
            await self._keep(token, kept, customer.until)
        return Visitor(user=kept.user, session=kept.session, until=kept.until, facts=kept.facts), None

    async def forget(self, token: str) -> None:
        """Make a token worthless."""
        await self._run.store.take_off(TOKENS, self._key(_hash(token)))

    async def _issued(self, kept: _Kept) -> tuple[Visitor, str]:
        token = TOKEN_START + urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        await self._keep(token, kept, kept.until or kept.issued + KEPT_FOR)
        return Visitor(user=kept.user, session=kept.session, until=kept.until, facts=kept.facts), token

    async def _keep(self, token: str, kept: _Kept, until: datetime) -> None:
        value, whose = codec.encode(kept), self._key(kept.user.id)
        await self._run.store.keep(TOKENS, self._key(_hash(token)), value, expires_at=until, about=whose)

    async def _kept(self, token: str) -> _Kept | None:
        if not token.startswith(TOKEN_START):
            return None
        data = await self._run.store.kept(TOKENS, self._key(_hash(token)))
        return None if data is None else codec.decode(_Kept, data)

    def _key(self, key: str) -> str:
        return f"{self._setup.channel}:{key}"

    # ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────

    async def chats(self, visitor: str) -> Chats:
        """The conversations of a visitor, by their id."""
        data = await self._run.store.kept(CHATS, self._key(visitor))
        return Chats() if data is None else codec.decode(Chats, data)

    async def keep_chats(self, visitor: str, chats: Chats) -> None:
        """Keep them: a customer's for good, an anonymous visitor's as long as their token could be good."""
        until = None if visitor.startswith(PREFIX) else self._run.clock.now() + KEPT_FOR * 2
        whose = self._key(visitor)
        await self._run.store.keep(CHATS, whose, codec.encode(chats), expires_at=until, about=whose)

    def turn_of(self, visitor: str) -> anyio.Lock:
        """One at a time begins or attaches conversations of a visitor."""
        lock = self._locks.get(visitor)
        if lock is None:
            lock = self._locks[visitor] = anyio.Lock()
        return lock

    async def attach(self, anonymous: str, customer: str) -> None:
        """Give the current conversation of an anonymous visitor to the customer that they turned out to be, once.

        The visitor has no conversation from then on, so that whoever else knows their token hears nothing more.
        """
        async with self.turn_of(anonymous):
            data = await self._run.store.take_off(CHATS, self._key(anonymous))
        theirs = Chats() if data is None else codec.decode(Chats, data)
        if not theirs.current:
            return
        async with self.turn_of(customer):
            chats = (await self.chats(customer)).begun(theirs.current)
            await self.keep_chats(customer, evolve(chats, was=(*chats.was, anonymous)[-EARLIER:]))
            whose, alias = self._key(customer), self._key(anonymous)
            await self._run.store.keep(ALIASES, f"{whose} {alias}", alias.encode(), about=whose)
