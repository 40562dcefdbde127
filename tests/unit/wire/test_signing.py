"""Secrets do not show, signatures are what the standard says, numbers from outside match a pattern."""

import copy
import json
import pickle
from pathlib import Path

import msgspec
import pytest

from convokit.errors import DefinitionError
from convokit.wire.signing import Secret, digits, hmac_sha256, same, whole

CANARY = "canary-secret"


def test_same_bytes_are_the_same_and_bytes_beyond_ascii_can_be_compared() -> None:
    assert same(b"\xff\x00", b"\xff\x00")
    assert not same(b"a", b"b")
    assert not same(b"", b"a")


def test_the_hmac_is_the_standards() -> None:
    # RFC 4231, test case 2, whole and in parts.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == expected
    assert hmac_sha256(b"Jefe", b"what do ya want ", b"for nothing?").hex() == expected
    with pytest.raises(ValueError, match="not empty"):
        hmac_sha256(b"", b"x")


def test_the_hmac_is_what_a_peer_library_accepted(shared: Path) -> None:
    vector = json.loads((shared / "oracles" / "signature_vectors.json").read_text())["meta_x_hub_signature_256"]
    assert "sha256=" + hmac_sha256(vector["secret"].encode(), vector["body"].encode()).hex() == vector["header"]


def test_a_secret_shows_only_when_asked_by_its_one_accessor() -> None:
    secret = Secret(f"  {CANARY}\n", "TOKEN")
    assert secret.reveal() == CANARY
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>30}", "%s" % secret, repr([secret])]  # noqa: UP031  the old way of formatting must not show it either
    assert not [one for one in shown if CANARY in one]
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_written_anywhere() -> None:
    for write in (pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode):
        with pytest.raises(TypeError):
            write(Secret(CANARY))


@pytest.mark.parametrize("value", ["", " ", "\n\t"])
def test_an_empty_secret_is_refused(value: str) -> None:
    with pytest.raises(DefinitionError, match="TOKEN is empty"):
        Secret(value, "TOKEN")


def test_a_secret_is_text() -> None:
    with pytest.raises(TypeError):
        Secret(b"x")  # type: ignore[arg-type]  what a caller without types may do


def test_a_missing_variable_is_an_unset_secret_that_raises_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "  ")
    secret = Secret.from_env("TOKEN")
    assert (bool(secret), secret.name) == (False, "TOKEN")
    with pytest.raises(DefinitionError, match="TOKEN is not set"):
        secret.reveal()
    monkeypatch.setenv("TOKEN", CANARY)
    assert Secret.from_env("TOKEN") == Secret(CANARY)
    assert Secret.from_env("TOKEN") != Secret("other")
    assert Secret(CANARY) != CANARY
    assert hash(Secret(CANARY)) == hash(Secret(CANARY))


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", " 7", "１２３", "1e9", "nan", "1.5", "0x1", "1" * 13, "7\n"])
def test_what_is_not_plain_digits_is_no_number(text: str) -> None:
    assert digits(text) is None


def test_digits_are_a_number() -> None:
    assert digits("007") == 7
    assert digits("9" * 12) == 10**12 - 1


@pytest.mark.parametrize("value", [True, None, 1.0, "1_0", "１", "", "--1", 2**63, -(2**63) - 1, "9" * 20, [1]])
def test_what_no_store_could_keep_is_no_whole_number(value: object) -> None:
    assert whole(value) is None


def test_whole_numbers_come_as_numbers_or_texts() -> None:
    assert (whole(-5), whole("-5"), whole(2**63 - 1), whole("0")) == (-5, -5, 2**63 - 1, 0)
