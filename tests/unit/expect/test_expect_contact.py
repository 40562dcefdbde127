"""E-mail addresses, telephone numbers, web addresses."""

# ruff: noqa: E501  rows of phrases: a row holds what belongs together

import importlib.util
from typing import Any

import pytest
from expecting import COMMON, asked, pressed, reads

from convokit.errors import DefinitionError, MissingExtra
from convokit.events import ContactShared
from convokit.expect import Email, Phone, Url


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("ada@example.com", "ada@example.com"), ("mailto:Ada@EXAMPLE.com", "Ada@example.com"), ("<ada@gmail.com>,", "ada@gmail.com"),
        ("my mail is ada@gmail.com.", "ada@gmail.com"), ("Ada Lovelace <ada@gmail.com>", "ada@gmail.com"),
        ("ada@münchen.de", "ada@münchen.de"), ("a.b+c@yahoo.co.uk", "a.b+c@yahoo.co.uk"),
    ],
)  # fmt: skip
def test_an_address_is_found_without_what_stands_around_it(text: str, want: str) -> None:
    assert reads(Email(), text) == want


@pytest.mark.parametrize(
    "text", ["", "ada", "a b@c", "ada@@x.com", "a@b.com c@d.com", "@", "ada@", "ada@-x.com", "x" * 400 + "@a.com"]
)
def test_what_is_no_address_is_asked_again(text: str) -> None:
    assert asked(Email(), text, "tr").say == "Lütfen bir e-posta adresi yazın, örneğin ada@example.org."


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ada@gmial.com", "ada@gmail.com"), ("ada@gmai.com", "ada@gmail.com"), ("ada@hotmial.com", "ada@hotmail.com"),
        ("ada@yaho.com", "ada@yahoo.com"), ("ada@outlok.com", "ada@outlook.com"), ("ada@gmaill.com", "ada@gmail.com"),
    ],
)  # fmt: skip
def test_a_likely_typing_error_is_asked_back_once(typed: str, meant: str) -> None:
    hint = asked(Email(), typed)
    assert hint.options == (meant, typed)
    assert hint.say == f"Did you mean {meant}?"
    assert [reads(Email(), pressed(one)) for one in hint.options] == [meant, typed]
    assert reads(Email(), typed, unclear=1) == typed


def test_domains_of_their_own_are_no_typing_errors() -> None:
    for address in ("ada@gmail.com", "ada@example.org", "ada@mail.de", "ada@web.at", "ada@me.co"):
        assert reads(Email(), address) == address


@pytest.mark.parametrize(
    ("locale", "region", "text", "want"),
    [
        ("tr", "TR", "+90 (532) 123 45 67", "+905321234567"), ("tr", "TR", "0532 123 45 67", "+905321234567"),
        ("en", "TR", "٠٥٣٢١٢٣٤٥٦٧", "+905321234567"), ("tr", "", "00905321234567", "+905321234567"),
        ("fr", "", "06 12 34 56 78", "+33612345678"), ("hi", "", "९८७६५४३२१०", "+919876543210"),
        ("en-US", "", "1-800-FLOWERS", "+18003569377"), ("de", "TR", "call me at +90 532 123 45 67 please", "+905321234567"),
        ("", "", "+90-532-123-45-67", "+905321234567"), ("he", "", "+972 3-623-5678", "+97236235678"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written_where_people_are(locale: str, region: str, text: str, want: str) -> None:
    assert reads(Phone(region), text, locale) == want


@pytest.mark.parametrize(
    "text",
    ["", "no", "my number is 5551234", "112", "order 4711 of 2026", "1" * 60, "+90 532 123 45 67 or +90 532 123 45 68"],
)
def test_what_is_no_number_is_asked_again(text: str) -> None:
    asked(Phone("TR"), text)


def test_a_number_of_no_known_plan_is_asked_once_more_and_then_taken() -> None:
    first = asked(Phone(), "054-123-4567", "he")
    assert first.options == ("+972 54-123-4567",)
    assert reads(Phone(), pressed(first.options[0]), "he") == "+972541234567"
    assert reads(Phone(), "054-123-4567", "he", unclear=1) == "+972541234567"


def test_a_number_without_country_needs_a_region() -> None:
    assert "country code" in asked(Phone(), "0532 123 45 67", "").say


def test_their_own_number_may_be_shared_and_nobody_elses() -> None:
    for phone in ("905321234567", "+905321234567"):
        assert reads(Phone(), ContactShared(**COMMON, phone=phone, own=True)) == "+905321234567"
    assert reads(Phone("TR"), ContactShared(**COMMON, phone="0532 123 45 67", own=True)) == "+905321234567"
    assert asked(Phone(), ContactShared(**COMMON, phone="905321234567")).say == "Your own number, please."
    asked(Phone(), ContactShared(**COMMON, phone="x", own=True))


def test_a_region_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DefinitionError, match="such as \"TR\", not 'Turkey'"):
        Phone("Turkey")


@pytest.mark.parametrize(
    ("make", "module", "extra"), [(Phone, "phonenumbers", "phone"), (Email, "email_validator", "email")]
)
def test_a_missing_extra_is_told_where_the_dialog_is_written(
    make: Any, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else there(name))
    with pytest.raises(MissingExtra, match=rf"convokit-sdk\[{extra}\]"):
        make()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("https://example.org/x?y=1", "https://example.org/x?y=1"), ("example.org", "https://example.org"),
        ("see https://example.org.", "https://example.org"), ("(http://a-b.co.uk:8080/)", "http://a-b.co.uk:8080/"),
        ("www.münchen.de/a", "https://www.münchen.de/a"), ("HTTPS://EXAMPLE.ORG", "HTTPS://EXAMPLE.ORG"),
    ],
)  # fmt: skip
def test_a_web_address_is_found(text: str, want: str) -> None:
    assert reads(Url(), text) == want


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "javascript:alert(1)", "http://a:b@c.org", "http://localhost", "ftp://x.org", "a.b", "https://", "I am at home.",
        "https://a.org https://b.org", "http://a.org:99999/", "http://[::1/", "https://a..org", "x" * 3000, "https://a b.org@c.org",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_asked_again(text: str) -> None:
    asked(Url(), text)
