"""What a state expects to hear, however people write it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convokit.conversations import ConversationId
from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, ButtonPressed, LocationShared, MessageReceived
from convokit.expect import Choice, Integer, Text, Unclear, YesNo, options_of
from convokit.messages import Image

COMMON: dict[str, Any] = {"id": "1", "conversation": ConversationId("a", "b"), "at": datetime(2026, 1, 5, tzinfo=UTC)}


def said(text: str) -> MessageReceived:
    return MessageReceived(**COMMON, text=text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5), (" 5 ", 5), ("+5", 5), ("-3", -3), ("−3", -3), ("5.", 5), ("5!", 5), ("007", 7),
        ("٣", 3), ("۴۲", 42), ("१२", 12), ("１２", 12), ("𝟗", 9), ("9" * 32, int("9" * 32)),
    ],
)  # fmt: skip
def test_a_whole_number_is_read_in_the_digits_of_any_script(text: str, number: int) -> None:
    assert Integer().read(said(text)) == number


@pytest.mark.parametrize(
    "text",
    ["", " ", "1_0", "1e5", "5.5", "0x10", "²", "½", "Ⅴ", "--5", "+-5", "+", "9" * 33, ".5", "A5", "5%",
     "9" * 5000, "5" + "." * 32 + "7", "9" * 32 + "!8", "\ud800", "5²", "²5", "1.2.3", "1,2,3", "5:00", "5/8", "5=5"],
)  # fmt: skip
def test_what_is_no_whole_number_is_unclear(text: str) -> None:
    assert isinstance(Integer().read(said(text)), Unclear)


@given(st.integers(-(10**30), 10**30))
def test_a_number_is_read_as_it_is_written(number: int) -> None:
    assert Integer().read(said(str(number))) == number


def test_a_number_has_bounds_that_belong_to_it() -> None:
    party = Integer(1, 8)
    assert [party.read(said(text)) for text in ("1", "8")] == [1, 8]
    say = "A whole number from 1 to 8, please."
    assert party.read(said("0")) == Unclear("0 is below 1", say=say)
    assert party.read(said("9")) == Unclear("9 is above 8", say=say)
    assert Integer(-2, -2).read(said("-2")) == -2


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Integer(5, 1), r"Integer\(5, 1\)"),
        (lambda: Integer("1"), "whole number or None, not '1'"),
        (lambda: Integer(most=2.5), "not 2.5"),
        (lambda: Text(0), "from 1 to 65536, not 0"),
        (lambda: Text(65537), "not 65537"),
        (lambda: Choice([]), "not empty"),
        (lambda: Choice("abc"), "not the single string 'abc'"),
        (lambda: Choice([1, 2]), "labels"),
        (lambda: Choice(["a", " "]), "not empty"),
        (lambda: Choice(["a", "\u200b"]), "not empty"),
        (lambda: Choice(["a", "a"]), "cannot be told apart"),
        (lambda: Choice(["Café", "cafe!"]), "'Café' and 'cafe!' cannot be told apart"),
        (lambda: YesNo("Ja", "ja"), "cannot be told apart"),
        (lambda: YesNo("", "No"), "not empty"),
    ],
)
def test_an_expectation_that_cannot_be_met_is_refused_where_it_is_written(make: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()


@pytest.mark.parametrize(
    ("label", "texts"),
    [
        ("Large", ["large", " LARGE ", "Large.", "lárge", "ｌａｒｇｅ"]),
        ("İstanbul", ["istanbul", "ISTANBUL", "İSTANBUL", "ıstanbul"]),
        ("Straße", ["strasse", "STRASSE"]),
        ("Größe L", ["grosse l", "GRÖSSE  L"]),
        ("Si, señor", ["si, senor!", "SÍ, SEÑOR"]),
        ("हाँ", ["हां"]),
        ("كَبِير", ["كبير"]),
        ("שָׁלוֹם", ["שלום"]),
        ("Ça va", ["ca va", "ÇA VA?"]),
    ],
)
def test_a_choice_is_read_however_its_label_is_typed(label: str, texts: list[str]) -> None:
    choice = Choice([label, "other"])
    assert [choice.read(said(text)) for text in texts] == [label] * len(texts)
    assert choice.read(ButtonPressed(**COMMON, payload="?x", label=label)) == label


def test_a_choice_returns_its_label_and_nothing_like_it() -> None:
    choice = Choice(["a", "long" * 100])
    assert choice.read(said("long" * 100)) == "long" * 100
    assert isinstance(choice.read(said("aa")), Unclear)
    assert isinstance(choice.read(said("")), Unclear)
    assert isinstance(choice.read(said("\u200b")), Unclear)
    assert isinstance(choice.read(LocationShared(**COMMON, latitude=0, longitude=0)), Unclear)
    assert options_of(choice) == ("a", "long" * 100)


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("Yes!", "no"), ("Evet", "HAYIR"), ("EVET", "hayır"), ("हाँ", "नहीं"), ("हां", "नहीं।"), ("כן", "לא"),
        ("نعم", "لا"), ("Sí", "no"), ("ja", "Nein"), ("OUI", "non"), ("ok", "nope"), ("أجل", "yok"),
    ],
)  # fmt: skip
def test_yes_and_no_are_read_in_eight_languages(yes: str, no: str) -> None:
    assert YesNo().read(said(yes)) is True
    assert YesNo().read(said(no)) is False


def test_yes_and_no_are_read_by_their_own_labels_first() -> None:
    swapped = YesNo(yes="No", no="Yes")
    assert swapped.read(said("no")) is True
    assert swapped.read(said("yes")) is False
    assert isinstance(YesNo().read(said("perhaps")), Unclear)
    assert isinstance(YesNo().read(said("yes no")), Unclear)
    assert options_of(YesNo("Ja", "Nein")) == ("Ja", "Nein")


def test_any_text_is_text_as_it_was_written_within_its_length() -> None:
    assert Text().read(said("  12 Crane St\n")) == "12 Crane St"
    assert Text(3).read(said("abc")) == "abc"
    assert Text(3).read(said("abcd")) == Unclear("4 characters are more than 3")
    assert Text().read(said(" \n")) == Unclear("there is no text")
    assert Text().read(said("\u200b\u2063 \ufe0f")) == Unclear("there is no text")
    assert Text().read(AttachmentReceived(**COMMON, attachments=(Image(ref="r"),), text="look")) == "look"
    assert options_of(Text()) == ()
