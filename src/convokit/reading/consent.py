"""Yes and no, with the words of politeness that go with them."""

from collections.abc import Mapping
from functools import cache

from convokit.reading.language import language
from convokit.reading.languages_of import own_language
from convokit.reading.situation import CODES, Situation
from convokit.reading.tokens import plain_words, tokens

_MOST_WORDS = 10
_SIGNS = {
    "👍": "yes", "👌": "yes", "✅": "yes", "✔": "yes", "☑": "yes", "🆗": "yes",
    "👎": "no", "❌": "no", "🚫": "no", "✖": "no",
    "🙏": "polite", "😊": "polite", "🙂": "polite", "😀": "polite", "🎉": "polite", "❤": "polite",
}  # fmt: skip
_SKIN = frozenset("🏻🏼🏽🏾🏿")
_LONGEST_PHRASE = 5


@cache
def _phrases(code: str) -> Mapping[tuple[str, ...], str]:
    made: dict[tuple[str, ...], str] = {}
    for kind in ("polite", "no", "yes"):
        for phrase in str(language(code).words.get(kind, "")).split("|"):
            made[plain_words(phrase)] = kind
    return made


def consent(text: str, situation: Situation) -> bool | None:
    """Whether a text says yes or no, in the person's language or another; None when it says anything else as well."""
    pieces = tokens(text)
    if not pieces or len(pieces) > _MOST_WORDS * 2:
        return None
    words = [one.text for one in pieces if not one.sign or one.text in _SIGNS]
    odd = [one.text for one in pieces if one.sign and one.text not in _SIGNS and one.text not in _SKIN]
    if not words or len(words) > _MOST_WORDS or any(one not in ".,!;:-'\u060c\u0964()" for one in odd):
        return None
    own = own_language(text, situation)
    for code in dict.fromkeys([*([own] if own else []), *CODES]):
        kinds = _kinds(words, _phrases(code))
        if kinds is not None:
            return None if {"yes", "no"} <= kinds or kinds == {"polite"} else "yes" in kinds
    return None


def _kinds(words: list[str], phrases: Mapping[tuple[str, ...], str]) -> set[str] | None:
    """What the words say, taken together; None when one of them is unknown."""
    kinds: set[str] = set()
    place = 0
    while place < len(words):
        if words[place] in _SIGNS:
            kinds.add(_SIGNS[words[place]])
            place += 1
            continue
        for length in range(min(_LONGEST_PHRASE, len(words) - place), 0, -1):
            kind = phrases.get(tuple(words[place : place + length]))
            if kind is not None:
                kinds.add(kind)
                place += length
                break
        else:
            return None
    return kinds
