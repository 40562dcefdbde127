"""What a Direct Line client may do: tokens for one conversation and one user, and tickets that open one stream."""

import binascii
import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.abc import Run
from convokit.people import User
from convokit.wire import codec
from convokit.wire.lenient import read_json
from convokit.wire.signing import hmac_sha256, same

TOKEN_SECONDS = 1800
TICKET_SECONDS = 60
LONGEST_TOKEN = 8192
KEPT_FOR = timedelta(days=60)
"""How long it is known to whom a conversation belongs, after somebody has last come back to it."""
SECRETS, CONVERSATIONS, TICKETS = "secrets", "direct-line", "direct-line-tickets"

# The word "JWT" lets Web Chat read the user's id out of the token; what verifies one is below, and takes nothing else.
_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()


@frozen(kw_only=True, eq=False, repr=False)
class Grant(Value):
    """What a token allows.

    Args:
        conversation: The id of the only conversation that it is for.
        user: Who speaks there.
        until: When it ends, in seconds since 1970; None: never (the business's own server, by its secret).
        origins: From which origins it may be used; empty: from all that the chat allows.
        facts: What the business says of a signed customer.
    """

    conversation: str
    user: User
    until: int | None = None
    origins: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class Ticket(Value):
    """What a stream's address stands for: whose it is, after which number it begins, and until when it may last."""

    grant: Grant
    after: int


class Expired(Exception):
    """A token was good, and is no more."""


class Grants:
    """Makes and reads tokens and tickets for one channel.

    Args:
        run: The engine's run.
        channel: The chat's.
    """

    def __init__(self, run: Run, channel: str) -> None:
        self._run = run
        self._channel = channel
        self._secret = b""

    async def open(self) -> None:
        """Read what tokens are signed with; more than once is once. Raises `StoreUnavailable`."""
        if not self._secret:
            name = f"direct-line-{self._channel}"
            await self._run.store.keep(SECRETS, name, os.urandom(32), only_new=True)
            self._secret = await self._run.store.kept(SECRETS, name) or b""

    # ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def token(self, grant: Grant) -> str:
        """A token for half an hour from now."""
        now = int(self._run.clock.now().timestamp())
        claims = {
            "aud": self._channel,
            "conv": grant.conversation,
            "user": grant.user.id,
            "name": grant.user.name,
            "locale": grant.user.locale,
            "verified": grant.user.verified,
            "origins": list(grant.origins),
            "facts": dict(grant.facts),
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        body = f"{_HEADER}.{_written(json.dumps(claims, separators=(',', ':')).encode())}"
        return f"{body}.{self._signed(body)}"

    def read(self, token: str) -> Grant | None:
        """What a token allows; None for everything that is wrong with one.

        Raises:
            Expired: It was good.
        """
        body, _, mark = token.rpartition(".")
        if len(token) > LONGEST_TOKEN or not same(self._signed(body).encode(), mark.encode("utf-8", "replace")):
            return None
        claims = _read(body.partition(".")[2])
        if claims is None or claims.get("aud") != self._channel:
            return None
        if self._run.clock.now().timestamp() >= claims["exp"]:
            raise Expired
        user = User(
            id=claims["user"], name=claims["name"], locale=claims["locale"], verified=claims["verified"] is True
        )
        return Grant(
            conversation=claims["conv"],
            user=user,
            until=claims["exp"],
            origins=tuple(claims["origins"]),
            facts=claims["facts"],
        )

    def _signed(self, body: str) -> str:
        return _written(hmac_sha256(self._secret, f"direct-line\n{body}".encode("utf-8", "replace")))

    # ── whose a conversation is ─────────────────────────────────────────────────────────────────────────────────────

    async def begun(self, grant: Grant) -> bool:
        """Remember to whom a conversation belongs. False: it was known already."""
        key, until = self._key(grant.conversation), self._run.clock.now() + KEPT_FOR
        kept = codec.encode(Grant(conversation=grant.conversation, user=grant.user, facts=grant.facts))
        whose = self._key(grant.user.id)
        fresh = await self._run.store.keep(CONVERSATIONS, key, kept, expires_at=until, only_new=True, about=whose)
        if not fresh:
            await self._run.store.keep(CONVERSATIONS, key, kept, expires_at=until, about=whose)
        return fresh

    async def whose(self, conversation: str) -> Grant | None:
        """What is remembered of a conversation; None when it never began, or nobody came back to it for long."""
        data = await self._run.store.kept(CONVERSATIONS, self._key(conversation))
        return None if data is None else codec.decode(Grant, data)

    # ── tickets ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def ticket(self, grant: Grant, after: int) -> str:
        """What opens one stream, once, within a minute: it stands in an address, where a token must not stand."""
        ticket = _written(os.urandom(24))
        until = self._run.clock.now() + timedelta(seconds=TICKET_SECONDS)
        kept = codec.encode(Ticket(grant=grant, after=after))
        whose = self._key(grant.user.id)
        await self._run.store.keep(TICKETS, self._key(_hash(ticket)), kept, expires_at=until, about=whose)
        return ticket

    async def redeem(self, ticket: str, conversation: str) -> Ticket | None:
        """What a ticket stands for; None when it is of another conversation, too old, or was used."""
        data = await self._run.store.take_off(TICKETS, self._key(_hash(ticket)))
        found = codec.decode(Ticket, data) if data is not None else None
        return found if found is not None and found.grant.conversation == conversation else None

    def _key(self, key: str) -> str:
        return f"{self._channel}:{key}"


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()


def _written(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(part: str) -> dict[str, Any] | None:
    try:
        found = read_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return None
    return found if isinstance(found, dict) else None
