"""Names, forms of one's own, photos, files, places, and one of several kinds."""

# ruff: noqa: E501  rows of phrases: a row holds what belongs together

import re
from typing import Any

import pytest
from expecting import COMMON, asked, pressed, reads

from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, ContactShared, Event, LocationShared
from convokit.expect import (
    Choice,
    Date,
    Document,
    Either,
    Expectation,
    Integer,
    Person,
    Photo,
    Place,
    Regex,
    Text,
    Unclear,
    YesNo,
    options_of,
)  # fmt: skip
from convokit.messages import Audio, File, Image, Location


def sent(*attachments: Any) -> AttachmentReceived:
    return AttachmentReceived(**COMMON, attachments=attachments)


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("en", "Ada Lovelace", "Ada Lovelace"), ("en", "  Ada\n", "Ada"), ("en", "My name is Ada", "Ada"), ("en", "I'm Ada", "Ada"),
        ("en", "Ada Lovelace-Byron Jr.", "Ada Lovelace-Byron Jr."), ("en", "O'Brien", "O'Brien"), ("en", "X Æ A", "X Æ A"),
        ("en", "McDONALD van der Berg", "McDONALD van der Berg"), ("tr", "Benim adım Işık Öz", "Işık Öz"), ("tr", "İpek", "İpek"),
        ("hi", "मेरा नाम आदा है", "आदा"), ("he", "שמי עדה", "עדה"), ("ar", "اسمي عادل", "عادل"), ("es", "Me llamo José María", "José María"),
        ("de", "Ich heiße Zoë", "Zoë"), ("fr", "Je m'appelle Anaïs", "Anaïs"), ("ja", "山田太郎", "山田太郎"), ("en", "Q", "Q"),
    ],
)  # fmt: skip
def test_a_name_is_kept_as_it_is_written(locale: str, text: str, want: str) -> None:
    assert reads(Person(), text, locale) == want


@pytest.mark.parametrize(
    "text",
    [
        "", "Ada?", "12", "Ada 12", "where is my order my friend please tell me", "https://x.org", "ada@x.org", "www.ada.org", "x" * 101,
        "I am not sure", "yes", "no thanks", "Ada\nLovelace", "...", "👍", "<b>Ada</b>",
    ],
)  # fmt: skip
def test_what_cannot_be_a_name_is_asked_again(text: str) -> None:
    assert asked(Person(), text).say == "Just the name, please."


def test_somebody_called_si_is_believed_the_second_time() -> None:
    asked(Person(), "Si")
    assert reads(Person(), "Si", unclear=1) == "Si"


def test_the_name_of_a_shared_contact_counts_when_it_is_their_own() -> None:
    assert reads(Person(), ContactShared(**COMMON, phone="1", name="Ada", own=True)) == "Ada"
    asked(Person(), ContactShared(**COMMON, phone="1", name="Ada"))


def test_a_form_of_ones_own_gives_its_group_or_the_whole() -> None:
    assert reads(Regex(r"[a-z]{2}-\d{4}"), " AB-1234 ") == "AB-1234"
    assert reads(Regex(r"order (\d+)"), "Order 42") == "42"
    assert reads(Regex(r"(\d+)x(\d+)"), "3x4") == "3x4"
    assert reads(Regex(re.compile("A+")), "AA") == "AA"
    assert asked(Regex("a", say="Just a."), "b").say == "Just a."
    assert asked(Regex("a"), "b").say == "That does not look right. Please check it."
    asked(Regex("a+"), "a" * 1001)
    asked(Regex("a*"), "")


def test_named_groups_are_given_by_name() -> None:
    parts = Regex(r"(?P<w>\d+)x(?P<h>\d+)(?P<unit>cm)?").groups
    assert reads(parts, "3x4") == {"w": "3", "h": "4"}
    assert reads(parts, "3x4cm") == {"w": "3", "h": "4", "unit": "cm"}
    asked(parts, "3")


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Regex("(a+)+"), "repeats a part"),
        (lambda: Regex("("), "is no regex"),
        (lambda: Regex("a").groups, "no named group"),
        (lambda: Document({"folder"}), "kinds are some of audio, file, image, video"),
        (lambda: Document([]), "kinds"),
        (lambda: Either(Text()), "two expectations"),  # type: ignore[call-overload]  # which is what is refused
        (lambda: Either(Text(), 5), "two expectations"),  # type: ignore[call-overload]  # as above
    ],
)
def test_what_cannot_be_met_is_refused(make: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()


def test_a_photo_is_a_picture_sent_in_either_way() -> None:
    picture = Image(ref="p")
    assert reads(Photo(), sent(picture, Image(ref="q"))) == picture
    assert reads(Photo(), sent(Audio(ref="a"), picture)) == picture
    assert reads(Photo(), sent(File(ref="f", media_type="image/png", name="x.png"))) == Image(
        ref="f", media_type="image/png", name="x.png"
    )
    for event in (sent(File(ref="f", media_type="application/pdf")), sent(Audio(ref="a"))):
        assert asked(Photo(), event).say == "A photo, please."
    assert asked(Photo(), "here", "de").say == "Bitte ein Foto."


def test_a_document_is_a_file_or_its_picture() -> None:
    file, picture, sound = File(ref="f"), Image(ref="p"), Audio(ref="a")
    assert reads(Document(), sent(sound, file)) == file
    assert reads(Document(), sent(picture)) == picture
    assert reads(Document("audio"), sent(file, sound)) == sound
    assert asked(Document(), sent(sound)).say == "A file or a photo of it, please."
    asked(Document(), "here it is")


@pytest.mark.parametrize(
    "text",
    [
        "41.0082, 28.9784", "41.0082 28.9784", "geo:41.0082,28.9784?z=3", "https://www.google.com/maps/@41.0082,28.9784,15z",
        "https://maps.google.com/?q=41.0082,28.9784", "https://maps.apple.com/?ll=41.0082,28.9784&q=Home",
        "https://www.google.com/maps/place/41.0082,28.9784/data",
    ],
)  # fmt: skip
def test_a_place_is_shared_or_written_as_coordinates(text: str) -> None:
    assert reads(Place(), text) == Location(41.0082, 28.9784)
    assert reads(Place(), LocationShared(**COMMON, latitude=1, longitude=2, title="Home")) == Location(1, 2, "Home")


@pytest.mark.parametrize(
    "text", ["", "12 Crane St", "91.0, 28.9", "41.0, 181.0", "1, 2", "41.0082", "https://maps.google.com/?q=Paris"]
)
def test_an_address_in_words_is_no_place(text: str) -> None:
    assert asked(Place(), text).say == "Please share a location."
    if text:
        assert reads(Either(Place(), Text()), text) == text


def test_of_several_kinds_the_first_that_reads_wins() -> None:
    either = Either(Integer(1, 8), YesNo(), Choice(["Later"]))
    assert [reads(either, one) for one in ("five", "no", "later")] == [5, False, "Later"]
    assert either.options == options_of(either) == ("Yes", "No", "Later")
    assert reads(either, pressed("Later")) == "Later"
    unread = asked(either, "9")
    assert unread.say == "A whole number from 1 to 8, please."
    assert "9 is above 8; neither yes nor no" in unread.reason
    assert asked(Either(Date(), Integer()), "next friday").options == ("Friday 20 November", "Friday 27 November")
    assert asked(Either(Photo(), Place()), "x").say == "A photo, please. Please share a location."
    assert Either(Text(), Place()) == Either(Text(), Place()) != Either(Place(), Text())
    assert len({Either(Text(), Place()), Either(Text(), Place())}) == 1
    assert repr(Either(Photo(), Place())) == "Either(Photo(), Place())"


class Even:
    """An expectation of one's own, that knows nothing of situations."""

    def read(self, event: Event) -> int | Unclear:
        return int(event.text) if event.text in {"2", "4"} else Unclear("odd")


def test_an_expectation_of_ones_own_needs_no_more_than_read() -> None:
    assert isinstance(Even(), Expectation)
    assert reads(Even(), "2") == 2
    assert asked(Either(Even(), YesNo()), "3").reason == "odd; neither yes nor no"
