"""Signed customers: the token by which the business's own server says who is chatting. Verified, or nobody.

A token is a JWS in compact form with the header `{"alg", "kid", "typ": "ck-customer+jwt"}`. Which algorithm verifies it
is a property of the key that `kid` names, never of the header. HS256 needs only the standard library.
"""

import binascii
import hashlib
import hmac
import json
import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError, MissingExtra
from convokit.people import User
from convokit.wire.lenient import read_json
from convokit.wire.signing import Secret, same, whole
from convokit.wire.text import for_log, scrub, scrub_json

logger = logging.getLogger(__name__)

TYPE = "ck-customer+jwt"
LONGEST_TOKEN = 8192
SHORTEST_KEY = 32
SKEW_SECONDS = 60
LONGEST_LIFE_SECONDS = 3600
ATTRS_BYTES = 2048
PREFIX = "customer:"
"""What a signed customer's id begins with: `customer:` and the token's `sub`."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


@frozen(kw_only=True, eq=False, repr=False)
class Customer(Value):
    """Whom a token vouches for.

    Args:
        user: Their id is `customer:` and the token's `sub`.
        until: When the token ends.
        facts: What else it says: email, email_verified, phone, attrs.
    """

    user: User
    until: datetime
    facts: Mapping[str, Any] = field(factory=dict)


class Ed25519:
    """A public key for tokens signed with EdDSA; needs the extra `eddsa`.

    Args:
        public: The 32 bytes of the public key, or its base64url text.

    Raises:
        DefinitionError: It is not 32 bytes.
    """

    algorithm = "EdDSA"

    def __init__(self, public: bytes | str) -> None:
        raw = _decoded(public) if isinstance(public, str) else public
        if raw is None or len(raw) != 32:  # noqa: PLR2004  what an Ed25519 key has
            raise DefinitionError("an Ed25519 public key has 32 bytes; give them, or their base64url text")
        self._public = raw

    def ready(self) -> None:
        """Raise `MissingExtra` when what verifies is not installed."""
        _ed25519()

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature is of the key's owner."""
        exceptions, ed25519 = _ed25519()
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self._public).verify(signature, signed)
        except exceptions.InvalidSignature:
            return False
        return True


def _ed25519() -> tuple[Any, Any]:
    try:
        return (
            import_module("cryptography.exceptions"),
            import_module("cryptography.hazmat.primitives.asymmetric.ed25519"),
        )
    except ImportError:
        raise MissingExtra("an Ed25519 key", "eddsa") from None


class _Shared:
    """A secret shared with the business's server, for HS256."""

    algorithm = "HS256"

    def __init__(self, secret: Secret) -> None:
        self.secret = secret

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        made = hmac.new(self.secret.reveal().encode(), signed, hashlib.sha256).digest()
        return same(made, signature)


class Keys:
    """The keys that sign customers in, by `kid`: any number, so that they can be exchanged without a stop.

    Args:
        keys: A `str` or `Secret` of at least 32 bytes is shared, for HS256; an `Ed25519` is a public key.
    """

    def __init__(self, keys: Mapping[str, "str | Secret | Ed25519"] | None = None) -> None:
        self._keys: dict[str, _Shared | Ed25519] = {
            kid: one if isinstance(one, Ed25519) else _Shared(one if isinstance(one, Secret) else Secret(one, kid))
            for kid, one in (keys or {}).items()
        }

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._keys)})"

    def check(self, channel: str) -> None:
        """Raises `DefinitionError` when a secret is missing or short, `MissingExtra` for an `Ed25519` without it."""
        for kid, key in self._keys.items():
            if isinstance(key, Ed25519):
                key.ready()
            elif not key.secret:
                raise DefinitionError(f"{channel}: the customers' key {kid!r} ({key.secret.name}) is not set")
            elif len(key.secret.reveal().encode()) < SHORTEST_KEY:
                raise DefinitionError(
                    f"{channel}: the customers' key {kid!r} is shorter than {SHORTEST_KEY} bytes: with a guessable one "
                    "anybody can chat as any customer; make one with `openssl rand -base64 48`"
                )

    def read(self, token: str, *, audience: str, now: datetime) -> Customer | None:
        """Whom a token vouches for; None for everything that is wrong with one.

        Args:
            token: As it came.
            audience: The bot's name: what `aud` must say.
            now: The time.
        """
        if len(token) > LONGEST_TOKEN or not _COMPACT.fullmatch(token):
            return None
        head, body, mark = token.split(".")
        header, claims, signature = _object(head), _object(body), _decoded(mark)
        if header is None or claims is None or signature is None or header.get("typ") != TYPE or "crit" in header:
            return None
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            logger.warning("a customer's token names the unknown key %s for bot %s", for_log(kid, 60), audience)
            return None
        if header.get("alg") != key.algorithm or not key.verifies(f"{head}.{body}".encode(), signature):
            return None
        return _customer(claims, audience, now)


def _customer(claims: Mapping[str, Any], audience: str, now: datetime) -> Customer | None:
    meant = claims.get("aud")
    if meant != audience and not (isinstance(meant, list) and audience in meant):
        return None
    issued, ends, seconds = whole_number(claims.get("iat")), whole_number(claims.get("exp")), now.timestamp()
    if issued is None or ends is None or not 0 < ends - issued <= LONGEST_LIFE_SECONDS:
        return None
    if not issued - SKEW_SECONDS <= seconds < ends + SKEW_SECONDS:
        return None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject.strip()) <= 200 or scrub(subject) != subject:  # noqa: PLR2004  long enough for any id
        return None
    facts: dict[str, Any] = {
        name: _told(claims[name]) for name in ("email", "phone") if isinstance(claims.get(name), str)
    }
    if facts.get("email"):
        facts["email_verified"] = claims.get("email_verified") is True
    attrs = claims.get("attrs")
    if isinstance(attrs, dict) and len(json.dumps(attrs)) <= ATTRS_BYTES:
        with suppress(ValueError):  # numbers of thousands of digits
            facts["attrs"] = scrub_json(attrs)
    name = claims.get("name")
    user = User(id=PREFIX + subject, name=_told(name) if isinstance(name, str) else "", verified=True)
    # The allowance is for clocks that differ, so it is at the end too.
    return Customer(user=user, until=now + timedelta(seconds=ends + SKEW_SECONDS - seconds), facts=facts)


def whole_number(value: object) -> int | None:
    """A whole number, and no text that spells one."""
    return whole(value) if isinstance(value, int) else None


def _told(text: str) -> str:
    return scrub(text)[:200].strip()


def _object(part: str) -> dict[str, Any] | None:
    raw = _decoded(part)
    if raw is None:
        return None
    try:
        value = read_json(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _decoded(part: str) -> bytes | None:
    """Base64url without padding, in its one canonical spelling."""
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if urlsafe_b64encode(raw).rstrip(b"=") == part.encode("utf-8", "surrogatepass") else None


def customer_token(
    key: str | Secret, kid: str, *, bot: str, sub: str, now: datetime, minutes: float = 15, **claims: Any
) -> str:
    """A token that signs a customer in (HS256): made by the business's own server for its own page.

    Args:
        key: The secret that `WebChat(keys={kid: …})` has.
        kid: Its name there.
        bot: The bot's name.
        sub: The customer's id in the business's own books; it never changes and is never given to somebody else.
        now: The time.
        minutes: How long it is good, at most 60.
        **claims: name, email, email_verified, phone, attrs.
    """
    secret = key if isinstance(key, Secret) else Secret(key, kid)
    issued = int(now.timestamp())
    said = {"aud": bot, "sub": sub, "iat": issued, "exp": issued + int(minutes * 60), **claims}
    signed = ".".join(_encoded(one) for one in ({"alg": "HS256", "kid": kid, "typ": TYPE}, said))
    mark = hmac.new(secret.reveal().encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def _encoded(value: Mapping[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()
