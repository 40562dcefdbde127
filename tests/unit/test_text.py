"""Text from strangers: stored, compared, cut, printed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from convokit.wire.codec import encode
from convokit.wire.text import FOLD_LIMIT, fold, for_log, for_terminal, safe_cut, scrub, scrub_json

ANY = st.text(alphabet=st.characters(), max_size=40)
GLUE = "\u0301\u0345\u200d\ufe0f\U0001f468\U0001f1e9\r\n \u0600\u0915\u094d\u1100\u1161"
MEAN = st.text(alphabet=st.sampled_from("aI\u0130\u0131\u00df\ufdfa\ud800\x00!?.\u00bf" + GLUE), max_size=30)


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("a\x00b\x1b[31m\x7f", "ab[31m"),
        ("a\ud83db", "a\ufffdb"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("Köln 👨‍👩‍👧 हाँ", "Köln 👨‍👩‍👧 हाँ"),
    ],
)
def test_scrub_takes_out_what_no_store_can_take(given_text: str, kept: str) -> None:
    assert scrub(given_text) == kept


@given(ANY | MEAN)
def test_scrubbed_text_is_storable_and_scrubbing_again_changes_nothing(text: str) -> None:
    clean = scrub(text)
    assert scrub(clean) == clean
    assert "\x00" not in clean
    clean.encode()


def test_scrub_json_reaches_every_key_and_value() -> None:
    poison = {"a\x00": ["\ud800", {"b": 2**63}], "n": -(2**63), "f": float("nan"), "t": True, "none": None}
    assert scrub_json(poison) == {
        "a": ["\ufffd", {"b": "9223372036854775808"}],
        "n": -(2**63),
        "f": None,
        "t": True,
        "none": None,
    }
    encode(scrub_json(poison))


def test_scrub_json_refuses_what_is_nested_too_deep() -> None:
    nested: object = "bottom"
    for _ in range(64):
        nested = [nested]
    assert scrub_json(nested) == nested
    with pytest.raises(ValueError, match="too deep"):
        scrub_json([nested])
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ValueError, match="too deep"):
        scrub_json(nested)


@pytest.mark.parametrize("value", [2**5000, object(), b"bytes", {1, 2}])
def test_scrub_json_refuses_what_json_cannot_hold(value: object) -> None:
    with pytest.raises(ValueError, match=r"bits|not a JSON value"):
        scrub_json([value])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("İPTAL", "iptal"),
        ("IŞIK", "ışık"),
        ("ışık", "isik"),
        ("Straße", "STRASSE"),
        ("  Hello,   there!! ", "hello, there"),
        ("¿Cómo?", "como"),
        ("Évidemment", "evidemment"),
        ("e\u0301te", "été"),
        ("أهلا", "اهلا"),
        ("إلغاء", "الغاء"),
        ("قهوة", "قهوه"),
        ("على", "علي"),
        ("كـــبير", "كبير"),
        ("كَبِير", "كبير"),
        ("שָׁלוֹם", "שלום"),
        ("पिज़्ज़ा", "पिज्जा"),
        ("हाँ।", "हां"),
        ("ｐｉｚｚａ！", "pizza"),
        ("pi\u200bz\u00adza", "pizza"),
        ("٢ كيلو", "2 كيلو"),
        ("big\n\t one", "big one"),
        ("it’s", "it's"),
        ("❤️", "❤"),
    ],
)
def test_two_writings_of_the_same_words_fold_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("कि", "की"),  # the marks are the vowels
        ("か", "が"),
        ("มา", "มี"),
        ("small", "smaller"),
        ("?", "!"),
        ("C", "C++"),
        ("", "."),
    ],
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(ANY | MEAN)
def test_folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once


def test_folding_is_bounded_even_for_characters_that_grow() -> None:
    began = time.process_time()
    grown = fold("\ufdfa" * 1_000_000)
    assert len(grown) <= FOLD_LIMIT
    assert fold(grown) == grown
    assert time.process_time() - began < 0.5


@given(ANY | MEAN, st.integers(-2, 45))
def test_a_safe_cut_stands_between_two_graphemes_and_is_the_last_one_before_the_index(text: str, index: int) -> None:
    boundaries = [0]
    for one in iter_graphemes(text):
        boundaries.append(boundaries[-1] + len(one))
    assert safe_cut(text, index) == max(place for place in boundaries if place <= max(index, 0))


@pytest.mark.parametrize("whole", ["👨‍👩‍👧", "🇩🇪", "👍🏽", "क्षि", "é".replace("é", "e\u0301"), "1️⃣", "\r\n", "각"])
def test_what_a_reader_sees_as_one_character_is_never_cut(whole: str) -> None:
    assert [safe_cut("x" + whole + "y", 1 + inside) for inside in range(len(whole))] == [1] * len(whole)
    assert safe_cut("x" + whole + "y", 1 + len(whole)) == 1 + len(whole)


ATTACKS = [
    "\x1b[2J",
    "\x1b]52;c;AAAA\x07",
    "\x9b31m",
    "\x1b]0;title\x1b\\",
    "\b\b\b",
    "\r",
    "\u202e",
    "\u2066",
    "\u2028",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_drives_a_terminal_is_printed(attack: str) -> None:
    shown = for_terminal("before " + attack + " after\n\tnext")
    assert shown.startswith("before \\")
    assert shown.endswith(" after\n\tnext")
    assert all(c.isprintable() or c in "\n\t" for c in shown)


def test_the_terminal_shows_every_language_as_it_is() -> None:
    text = "Köln, हाँ, שלום, مرحبا, 👨\u200d👩\u200d👧"
    assert for_terminal(text) == text


@given(ANY | MEAN)
def test_a_value_in_the_log_is_one_line_and_ends_where_its_quotes_end(text: str) -> None:
    logged = for_log(text, 20)
    assert len(logged.splitlines()) == 1
    inner = logged[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner
    assert not inner.endswith("\\")
    for_terminal(logged).encode()


def test_a_forged_log_line_is_seen_for_what_it_is() -> None:
    assert for_log('Ada"\nINFO paid=1\x1b[0m') == '"Ada\\"\\nINFO paid=1\\x1b[0m"'
    assert for_log("x" * 300, 3) == '"xxx…"'
