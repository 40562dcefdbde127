"""What is said: values that refuse what no channel could take, in words that name it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convokit.messages import (
    ATTACHMENTS,
    Attachment,
    Button,
    Capabilities,
    Card,
    File,
    Image,
    Limit,
    Link,
    Location,
    Message,
)

PIZZA = "https://example.org/pizza.jpg"


@pytest.mark.parametrize(
    ("make", "error", "parts"),
    [
        (lambda: Button(""), ValueError, ["Button", "label", "empty"]),
        (lambda: Button(" \n"), ValueError, ["Button", "label", "empty"]),
        (lambda: Button(7), TypeError, ["Button", "label", "str", "int", "7"]),
        (lambda: Button("Yes", payload=None), TypeError, ["Button", "payload", "NoneType"]),
        (lambda: Link("Shop", "javascript:alert(1)"), ValueError, ["Link 'Shop'", "https://", "'javascript:alert(1)'"]),
        (lambda: Link("Shop", " https://example.org"), ValueError, ["Link", "url"]),
        (lambda: Link("Shop", ""), ValueError, ["Link", "url", "empty"]),
        (Image, ValueError, ["Image", "url", "data"]),
        (lambda: Image(PIZZA, data=b"x", media_type="image/png"), ValueError, ["Image", "not both"]),
        (lambda: Image("ftp://example.org/a"), ValueError, ["Image", "http://", "'ftp://example.org/a'"]),
        (lambda: Image(data=b"x"), ValueError, ["Image", "media_type", "image/jpeg"]),
        (lambda: File(data="x", media_type="text/plain"), TypeError, ["File", "data", "bytes", "str"]),
        (lambda: Image(PIZZA, alt=None), TypeError, ["Image", "alt", "str"]),
        (lambda: Card(title=""), ValueError, ["Card", "title", "empty"]),
        (lambda: Card(title="a", subtitle=None), TypeError, ["Card", "subtitle", "str"]),
        (lambda: Card(title="a", image=PIZZA), TypeError, ["Card 'a'", "Image(url)", PIZZA]),
        (lambda: Card(title="a", buttons="Yes"), TypeError, ["buttons", "list", "'Yes'"]),
        (lambda: Location(91, 0), ValueError, ["latitude", "-90 to 90", "91"]),
        (lambda: Location(0, float("nan")), ValueError, ["longitude", "-180 to 180", "nan"]),
        (lambda: Location("here", 0), TypeError, ["Location", "'here'"]),
        (lambda: Message(None), TypeError, ["Message", "text", "str", "NoneType"]),
        (lambda: Message("a", buttons="Yes"), TypeError, ["buttons", "list", "'Yes'"]),
        (lambda: Message("a", buttons=Button("Yes")), TypeError, ["buttons", "list", "Button"]),
        (lambda: Message("a", buttons=[None]), TypeError, ["buttons", "Button or Link", "None"]),
        (lambda: Message("a", buttons=[""]), ValueError, ["Button", "label", "empty"]),
        (lambda: Message(attachments=Image(PIZZA)), TypeError, ["attachments", "list", "Image"]),
        (lambda: Message(attachments=[PIZZA]), TypeError, ["attachments", "Image", "str"]),
        (lambda: Message(cards=Card(title="a")), TypeError, ["cards", "list", "Card"]),
        (lambda: Message(cards=["a"]), TypeError, ["cards", "Card", "str"]),
        (lambda: Message(location=(1, 2)), TypeError, ["location", "Location(latitude, longitude)", "(1, 2)"]),
        (lambda: Limit(0), ValueError, ["Limit", "n", "1", "0"]),
        (lambda: Limit("9"), ValueError, ["Limit", "whole number", "'9'"]),
        (lambda: Limit(9, "words"), ValueError, ["Limit", "characters, utf16, bytes", "'words'"]),
        (lambda: Capabilities(buttons=-1), ValueError, ["Capabilities", "buttons", "0", "-1"]),
        (lambda: Capabilities(album=0), ValueError, ["Capabilities", "album", "1", "0"]),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_thing_the_value_and_the_way_out(
    make: Callable[[], Any], error: type[Exception], parts: list[str]
) -> None:
    with pytest.raises(error) as refused:
        make()
    for part in parts:
        assert part in str(refused.value)


def test_an_error_shows_no_more_than_the_beginning_of_a_giant_value() -> None:
    with pytest.raises(ValueError, match="Link") as refused:
        Link("x", "a" * 10_000)
    assert len(str(refused.value)) < 300


def test_a_button_comes_back_as_its_label_when_it_has_no_payload() -> None:
    assert Button("Yes") == Button("Yes", "Yes")
    assert Message("Sure?", buttons=["Yes"]).buttons == (Button("Yes"),)


def test_a_button_says_its_label_alone_only_when_the_payload_is_another() -> None:
    assert Button("Yes", "y").payload == "y"
    assert Button("Yes", "").payload == "Yes"


@pytest.mark.parametrize("url", ["http://a", "HTTPS://A", "mailto:a@example.org", "tel:+4930"])
def test_a_link_opens_pages_mails_and_phones(url: str) -> None:
    assert Link("x", url).url == url


@pytest.mark.parametrize("kind", list(ATTACHMENTS))
def test_every_attachment_knows_its_kind_and_keeps_its_bytes_out_of_logs(kind: str) -> None:
    made = ATTACHMENTS[kind](data=b"secret", media_type="a/b", name="n")
    assert made.kind == kind
    assert isinstance(made, Attachment)
    assert "secret" not in repr(made)
    assert ATTACHMENTS[kind](ref="handle").ref == "handle"


def test_attachments_of_two_kinds_are_never_equal() -> None:
    assert len({made(PIZZA) for made in ATTACHMENTS.values()}) == 4


@pytest.mark.parametrize(
    ("message", "empty"),
    [
        (Message(), True),
        (Message(" \n\t"), True),
        (Message("a"), False),
        (Message(buttons=["a"]), False),
        (Message(attachments=[Image(PIZZA)]), False),
        (Message(cards=[Card(title="a")]), False),
        (Message(location=Location(0, 0)), False),
    ],
)
def test_a_message_is_empty_only_when_nothing_at_all_is_said(message: Message, empty: bool) -> None:
    assert message.empty is empty


def test_but_changes_what_it_is_given_and_nothing_else() -> None:
    said = Message("a", buttons=["Yes"], attachments=[Image(PIZZA)], cards=[Card(title="c")], location=Location(1, 2))
    assert said.but() == said
    assert said.but(text="") == Message(
        "", buttons=["Yes"], attachments=said.attachments, cards=said.cards, location=said.location
    )
    assert said.but(buttons=[]).buttons == ()
    assert said.but(buttons=["No"]).buttons == (Button("No"),)
    assert said.buttons == (Button("Yes"),)


@pytest.mark.parametrize(
    ("text", "characters", "utf16", "utf8"),
    [("", 0, 0, 0), ("abc", 3, 3, 3), ("ş", 1, 1, 2), ("€", 1, 1, 3), ("🍕", 1, 2, 4), ("\ud800", 1, 1, 3)],
)
def test_a_limit_counts_in_its_unit(text: str, characters: int, utf16: int, utf8: int) -> None:
    assert Limit(9).measure(text) == characters
    assert Limit(9, "utf16").measure(text) == utf16
    assert Limit(9, "bytes").measure(text) == utf8


@given(st.text(st.characters(), max_size=12), st.integers(1, 40), st.sampled_from(["characters", "utf16", "bytes"]))
def test_a_limit_holds_what_it_measures(text: str, n: int, unit: Any) -> None:
    limit = Limit(n, unit)
    assert limit.holds(text) is (limit.measure(text) <= n)
    if unit == "utf16":
        assert limit.measure(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_capabilities_begin_with_the_poorest_channel() -> None:
    poorest = Capabilities()
    assert (poorest.buttons, poorest.links, poorest.cards, poorest.attachments) == (0, 0, 0, frozenset())
    assert Capabilities(attachments=["image", "image"]).attachments == frozenset({"image"})  # type: ignore[arg-type]  # any iterable is taken
