"""One label of several, several labels, yes and no."""

# ruff: noqa: E501  rows of phrases: a row holds what belongs together

from typing import Any

import pytest
from expecting import asked, pressed, reads, somebody

from convokit.errors import DefinitionError
from convokit.expect import Choice, Choices, YesNo

MENU = Choice(["Small pizza", "Large pizza", "Cancel order", "Order status"])
TOPPINGS = Choices(["Cheese", "Ham", "Olives", "Salt and pepper"], least=0)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("small", "Small pizza"), ("large one please", "Large pizza"), ("the second", "Large pizza"), ("2", "Large pizza"),
        ("I want the large pizza", "Large pizza"), ("lareg pizza", "Large pizza"), ("cancl order", "Cancel order"),
        ("last", "Order status"), ("ikinci", "Large pizza"), ("الثاني", "Large pizza"), ("STATUS", "Order status"),
    ],
)  # fmt: skip
def test_a_choice_is_read_by_its_place_its_beginning_and_a_typing_error(text: str, want: str) -> None:
    assert reads(MENU, text) == want


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("order", ("Cancel order", "Order status")), ("pizza", ("Small pizza", "Large pizza")),
        ("ok", ()), ("not the large pizza", ()), ("no", ()), ("9", ()), ("sm", ()), ("", ()),
    ],
)  # fmt: skip
def test_what_fits_two_labels_is_offered_and_what_fits_none_is_asked(text: str, options: tuple[str, ...]) -> None:
    assert asked(MENU, text).options == options


def test_labels_inside_a_short_sentence_are_found() -> None:
    sizes = Choice(["small", "large", "extra large"])
    assert reads(sizes, "a large one, thank you") == "large"
    assert reads(sizes, "I take extra large") == "extra large"
    assert asked(sizes, "small or large").options == ("small", "large")
    asked(sizes, "my flat is rather small and so I eat little at home")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("1 and 3", ("Cheese", "Olives")), ("cheese, ham", ("Cheese", "Ham")), ("olives and ham", ("Ham", "Olives")),
        ("salt and pepper", ("Salt and pepper",)), ("cheese, salt", ("Cheese", "Salt and pepper")), ("2 4", ("Ham", "Salt and pepper")),
        ("all", ("Cheese", "Ham", "Olives", "Salt and pepper")), ("none of them", ()), ("ham", ("Ham",)),
        ("cheese & ham", ("Cheese", "Ham")), ("ham + ham", ("Ham",)), ("the first and the last", ("Cheese", "Salt and pepper")),
    ],
)  # fmt: skip
def test_several_labels_are_read_in_their_own_order(text: str, want: tuple[str, ...]) -> None:
    assert reads(TOPPINGS, text) == want


@pytest.mark.parametrize(
    ("locale", "text", "want"),
    [
        ("tr", "peynir ve zeytin", ("Peynir", "Zeytin")), ("tr", "hepsi", ("Peynir", "Zeytin")), ("tr", "hiçbiri", ()),
        ("de", "Peynir und Zeytin", ("Peynir", "Zeytin")), ("fr", "Peynir et Zeytin", ("Peynir", "Zeytin")),
        ("es", "Peynir y Zeytin", ("Peynir", "Zeytin")), ("hi", "Peynir और Zeytin", ("Peynir", "Zeytin")),
        ("he", "גבינה וזיתים", ("גבינה", "זיתים")), ("ar", "جبن وزيتون", ("جبن", "زيتون")),
    ],
)  # fmt: skip
def test_and_is_known_in_eight_languages(locale: str, text: str, want: tuple[str, ...]) -> None:
    labels = {"he": ["גבינה", "זיתים"], "ar": ["جبن", "زيتون"]}.get(locale, ["Peynir", "Zeytin"])
    assert reads(Choices(labels, least=0), text, locale) == want


def test_several_labels_have_their_bounds_and_buttons() -> None:
    assert reads(TOPPINGS, pressed("Ham")) == ("Ham",)
    assert asked(Choices(["a", "b", "c"], least=2), pressed("a")).say == "Please choose at least 2."
    assert asked(Choices(["a", "b", "c"], least=2, most=2), "all").say == "Please choose 2."
    assert asked(Choices(["a", "b", "c"], most=2), "all", "de").say == "Bitte 1 bis 2 auswählen."
    asked(TOPPINGS, "pineapple")
    asked(TOPPINGS, "ham and pineapple")
    asked(TOPPINGS, "not ham")
    assert TOPPINGS.options == ("Cheese", "Ham", "Olives", "Salt and pepper")


YES = {
    "en": ["yes please", "sure, go ahead", "Yes!", "ok thanks!", "yep", "of course", "that's right", "👍", "👍🏽", "sure 👍", "✅"],
    "tr": ["evet lütfen", "tamam olur", "tabii ki", "olur", "EVET", "evet teşekkürler"],
    "hi": ["हाँ जी", "जी हाँ", "ठीक है", "बिल्कुल"], "he": ["כן בבקשה", "בטח", "כן, תודה", "בסדר"],
    "ar": ["نعم من فضلك", "طبعا", "تمام", "نعم، شكرا"], "es": ["sí, por favor", "claro que sí", "vale", "si señor"],
    "de": ["ja gerne", "ja bitte", "na klar", "Ja, sehr gerne"], "fr": ["oui merci", "bien sûr", "d'accord", "oui, s'il vous plaît"],
}  # fmt: skip
NO = {
    "en": ["no thanks", "nope", "no, thank you", "not really", "👎", "no no"], "tr": ["hayır teşekkürler", "istemiyorum", "yok"],
    "hi": ["जी नहीं", "नहीं", "नहीं चाहिए"], "he": ["לא תודה", "ממש לא"], "ar": ["لا شكرا", "كلا"],
    "es": ["no gracias", "claro que no"], "de": ["nein danke", "auf keinen Fall"], "fr": ["non merci", "pas du tout"],
}  # fmt: skip
NEITHER = [
    "yes but", "not sure", "yes no", "ok no", "right now", "no problem", "why", "yes 👎", "please", "thanks", "yes tomorrow", "",
    "yes if it is free", "I don't know", "maybe", "yesterday", "ja aber", "evet ama", "oui mais non", "no idea", "🍕",
]  # fmt: skip


@pytest.mark.parametrize("locale", YES)
def test_yes_and_no_are_read_with_their_politeness(locale: str) -> None:
    for said_in in (locale, "it"):
        assert {text: reads(YesNo(), text, said_in) for text in YES[locale]} == dict.fromkeys(YES[locale], True)
        assert {text: reads(YesNo(), text, said_in) for text in NO[locale]} == dict.fromkeys(NO[locale], False)


@pytest.mark.parametrize("locale", ["en", "tr", "de", "fr"])
def test_what_says_more_than_yes_or_no_is_asked_again(locale: str) -> None:
    for text in NEITHER:
        assert asked(YesNo(), text, locale).say == "", text


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Choices([]), "not empty"),
        (lambda: Choices("ab"), "single string"),
        (lambda: Choices(["a"], least=2), "0 <= least <= most <= 1 labels"),
        (lambda: Choices(["a", "b"], least=1, most=3), "<= 2 labels"),
        (lambda: Choices(["a"], least=-1), "least"),
    ],
)
def test_choices_that_nobody_can_make_are_refused(make: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()


def test_a_situation_knows_its_language_and_region() -> None:
    assert (somebody("tr").language, somebody("tr").region) == ("tr", "TR")
    assert (somebody("zh-Hans-TW").language, somebody("zh-Hans-TW").region) == ("zh", "TW")
    assert (somebody("iw").language, somebody("en").region, somebody("").region) == ("he", "", "")
    assert somebody("en_GB").region == "GB"
    assert somebody("??").language == "??"


@pytest.mark.parametrize(
    ("said", "labels", "meant"),
    [
        ("2", ["1 person", "2 people"], "2 people"),
        ("2", ["Table 1", "Table 2"], "Table 2"),
        ("12", ["10:00", "12:00", "14:00"], "12:00"),
        ("7", ["Table 7", "7 up"], "7 up"),
        ("٢", ["1 person", "2 people"], "2 people"),
        ("2", ["COVID-19 test", "Flu shot"], "Flu shot"),
        ("2", ["10:00", "12:00", "14:00"], None),
        ("3", ["Table 1", "Table 2", "Table 7"], None),
        ("0", ["COVID-19 test", "Flu shot"], None),
        ("3", ["COVID-19 test", "Flu shot"], None),
    ],
)
def test_a_number_means_the_label_that_holds_it_and_else_its_place(
    said: str, labels: list[str], meant: str | None
) -> None:
    if meant is None:
        asked(Choice(labels), said)
    else:
        assert reads(Choice(labels), said) == meant


def test_a_number_that_two_labels_hold_is_asked_back() -> None:
    answer = asked(Choice(["Room 5, north", "Room 5, south", "Room 6"]), "5")
    assert answer.options == ("Room 5, north", "Room 5, south")
