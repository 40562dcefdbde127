"""Customers whom the business signs in with a key pair: the chat holds the public half only."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="Ed25519 keys need cryptography: the extra `eddsa` brings it")

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from convokit import DefinitionError
from convokit.transports.webchat import Ed25519
from convokit.transports.webchat.customers import TYPE, Keys

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(private: Ed25519PrivateKey = PRIVATE, **head: Any) -> str:
    issued = int(NOW.timestamp())
    claims = {"aud": "shop", "sub": "ida", "iat": issued, "exp": issued + 600, "name": "Ida"}
    signed = f"{part({'alg': 'EdDSA', 'kid': 'k1', 'typ': TYPE, **head})}.{part(claims)}"
    return f"{signed}.{part(private.sign(signed.encode()))}"


def read(given: str, key: Ed25519 | None = None) -> Any:
    return Keys({"k1": key or Ed25519(public(PRIVATE))}).read(given, audience="shop", now=NOW)


@pytest.mark.parametrize("key", [public(PRIVATE), part(public(PRIVATE))])
def test_a_token_of_the_keys_owner_signs_the_customer_in(key: bytes | str) -> None:
    customer = read(token(), Ed25519(key))
    assert (customer.user.id, customer.user.name, customer.user.verified) == ("customer:ida", "Ida", True)


def test_a_token_that_somebody_else_signed_is_none() -> None:
    assert read(token(OTHER)) is None


def test_a_token_that_was_changed_is_none() -> None:
    head, claims, mark = token().split(".")
    forged = part({**json.loads(_plain(claims)), "sub": "root"})
    assert read(f"{head}.{forged}.{mark}") is None


@pytest.mark.parametrize("algorithm", ["HS256", "none", "eddsa", None])
def test_no_other_algorithm_is_taken_for_the_key(algorithm: str | None) -> None:
    assert read(token(alg=algorithm)) is None


def test_the_public_key_is_no_shared_secret() -> None:
    import hashlib  # noqa: PLC0415  beside its only use
    import hmac  # noqa: PLC0415  beside its only use

    head, claims, _ = token(alg="HS256").split(".")
    mark = hmac.new(public(PRIVATE), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert read(f"{head}.{claims}.{part(mark)}") is None


@pytest.mark.parametrize("key", [b"short", b"x" * 33, "not base64!", ""])
def test_what_is_no_public_key_is_refused_when_it_is_given(key: bytes | str) -> None:
    with pytest.raises(DefinitionError, match="32 bytes"):
        Ed25519(key)


def _plain(text: str) -> bytes:
    from base64 import urlsafe_b64decode  # noqa: PLC0415  beside its only use

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
