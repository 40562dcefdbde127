"""What a voice says of messages."""

import re

import pytest

from convokit.errors import DefinitionError
from convokit.fitting import fit, resolve
from convokit.messages import Audio, Button, Card, File, Image, Link, Location, Message, Video
from convokit.transports.voice.sentences import ENGLISH, SENTENCES, Sentences
from convokit.transports.voice.speaking import CAPABILITIES, Spoken, host, in_words, speak, spelled
from convokit.transports.voice.twiml import Play, Say

PLAIN = Sentences("en-GB", {})


def spoken(*messages: Message, sentences: Sentences = PLAIN) -> Spoken:
    return speak([one for message in messages for one in fit(message, CAPABILITIES).messages], sentences)


def texts(what: Spoken) -> list[str]:
    return [one.text if isinstance(one, Say) else f"♪ {one.url}" for one in what.parts]


def test_a_text_is_said() -> None:
    assert texts(spoken(Message("Hello."))) == ["Hello."]


def test_up_to_three_options_are_told_with_key_and_word() -> None:
    what = spoken(Message("Which size?", buttons=["Small", "Large"]))
    assert texts(what) == ["Which size?", "For Small, press 1, or say Small. For Large, press 2, or say Large."]
    assert (what.options, what.keys, what.asks) == (("Small", "Large"), 1, True)


def test_more_options_are_told_shorter() -> None:
    what = spoken(Message("Which day?", buttons=["Mon", "Tue", "Wed", "Thu"]))
    assert texts(what)[1] == (
        "For Mon, press 1. For Tue, press 2. For Wed, press 3. For Thu, press 4. Or just say what you would like."
    )


def test_ten_options_need_two_keys_and_one_stands_beside_a_number_that_is_asked() -> None:
    assert spoken(Message("?", buttons=[str(one) for one in range(10)])).keys == 0
    assert spoken(Message("Your number?", buttons=["Skip"])).keys == 0


def test_the_keys_press_what_the_engine_takes_them_for() -> None:
    for message in (
        Message("When?", buttons=["12:30", "13:00", "2 o'clock"]),
        Message("How many?", buttons=["2", "4", "6"]),
        Message("Pick", cards=[Card(title="A", buttons=["One of A"]), Card(title="B", buttons=["One of B"])]),
        Message("Pick", cards=[Card(title="A", buttons=["One of A"])], buttons=["None of them"]),
        Message("Many", buttons=[f"Number {one}" for one in range(30)]),
    ):
        offer = fit(message, CAPABILITIES).offer
        assert offer is not None
        for place, label in enumerate(spoken(message).options):
            option = resolve(f"#{place + 1}", offer)
            assert option is not None
            assert option.label == label


def test_of_two_questions_in_a_row_the_last_ones_options_can_be_pressed() -> None:
    what = spoken(Message("Size?", buttons=["Small", "Large"]), Message("Crust?", buttons=["Thin", "Thick"]))
    assert what.options == ("Thin", "Thick")
    assert texts(what)[1] == "Small, Large."


def test_options_are_told_after_what_follows_them() -> None:
    what = spoken(Message("Size?", buttons=["Small", "Large"]), Message("We close at six."))
    assert texts(what)[:2] == ["Size?", "We close at six."]
    assert what.options == ("Small", "Large")
    assert isinstance(what.last[0], Say)
    assert what.last[0].text == "Size?"


def test_an_address_is_never_spelled_out() -> None:
    assert in_words("See https://www.shop.example/m?x=1#a, or www.other.example.") == (
        "See shop.example, or other.example."
    )
    assert texts(spoken(Message("Look:", buttons=[Link("Menu", "https://shop.example/a/b?c=d")]))) == [
        "Look:",
        "Menu: that is a page on the web, at shop.example.",
    ]


def test_a_shop_that_texts_its_links_says_so() -> None:
    ours = Sentences("en", {"link": "I will text you the link for {label}."})
    what = spoken(Message("Look:", buttons=[Link("the menu", "https://shop.example/a")]), sentences=ours)
    assert texts(what)[1] == "I will text you the link for the menu."


def test_sounds_are_played_and_what_can_be_seen_is_described() -> None:
    what = spoken(
        Message(
            attachments=[
                Audio("https://shop.example/a.mp3"),
                Audio(data=b"x", media_type="audio/mpeg", alt="A bell"),
                Image(data=b"x", media_type="image/png"),
                Video("https://shop.example/v.mp4", alt="How to fold it."),
                File("https://shop.example/f.pdf", name="Prices"),
            ]
        )
    )
    assert what.parts[0] == Play("https://shop.example/a.mp3")
    assert texts(what)[1:] == [
        "A bell, which I cannot show on the phone.",
        "There is something that I cannot show on the phone.",
        "How to fold it, which I cannot show on the phone.",
        "Prices, which I cannot show on the phone.",
    ]


def test_cards_and_places_are_told() -> None:
    cards = [Card(title="Rye", subtitle="Dark and dense", buttons=["Take rye"]), Card(title="Spelt")]
    assert texts(spoken(Message("We have", cards=cards)))[:3] == ["We have", "Rye. Dark and dense.", "Spelt."]
    assert texts(spoken(Message(location=Location(51.5, -0.1, "the market")))) == ["The place is the market."]
    assert "map" in texts(spoken(Message(location=Location(51.5, -0.1))))[0]


def test_lines_become_sentences_and_pictures_are_silent() -> None:
    assert in_words("Sizes:\n- small\n- large 🍕\nOk?") == "Sizes: - small. - large. Ok?"


def test_nothing_is_said_of_nothing() -> None:
    assert speak((), PLAIN) == Spoken()


def test_a_number_is_said_digit_by_digit() -> None:
    assert spelled("+4420") == "4 4 2 0"


@pytest.mark.parametrize("odd", ["https://[", "", "://", "https://", "http://\0"])
def test_an_odd_address_has_no_host_and_does_no_harm(odd: str) -> None:
    assert "/" not in host(odd)


def test_every_language_has_every_sentence_with_every_word() -> None:
    words = re.compile(r"\{[a-z]+\}")
    for language, sentences in SENTENCES.items():
        assert set(sentences) == set(ENGLISH), language
        for name, sentence in sentences.items():
            assert set(words.findall(sentence)) == set(words.findall(ENGLISH[name])), (language, name)


def test_an_unknown_language_speaks_english_and_an_unknown_sentence_is_told() -> None:
    assert Sentences("nl-NL", {}).say("goodbye") == "Goodbye."
    assert Sentences("de", {}).say("choice", label="Groß", key="2") == "Für Groß drücken Sie die 2 oder sagen Sie Groß."
    with pytest.raises(DefinitionError, match="there is none called 'helo'"):
        Sentences("en", {"helo": "Hi"})
    with pytest.raises(DefinitionError, match=r"needs \{key\}"):
        Sentences("en", {"choice": "Say {label}."})


def test_a_button_beside_a_label_of_another_script_is_said_as_it_is() -> None:
    assert "כן" in texts(spoken(Message("?", buttons=[Button("כן", "yes")]), sentences=Sentences("he-IL", {})))[1]
