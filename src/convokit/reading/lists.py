"""Answers of several parts: "small and large", "all of them", "none", "3 or 4 March"."""

from functools import cache

from convokit.reading.language import language
from convokit.reading.languages_of import own_language
from convokit.reading.situation import CODES, Situation
from convokit.reading.tokens import LONGEST
from convokit.wire.text import fold

_MOST_WORDS = 12


@cache
def _said(code: str, kind: str) -> frozenset[str]:
    return frozenset(fold(one) for one in str(language(code).words.get(kind, "")).split("|") if one)


def all_or_none(text: str, situation: Situation) -> bool | None:
    """True for "all of them", False for "none of them", None for anything else; in the person's language or another."""
    said = fold(text)
    own = own_language(text, situation)
    for code in dict.fromkeys([*([own] if own else []), *CODES]):
        if said in _said(code, "all"):
            return True
        if said in _said(code, "none"):
            return False
    return None


def listed(text: str, situation: Situation) -> list[str]:
    """What stands between the "and"s: of the person's language, or a whole word of another one.

    Hebrew and Arabic write it with the next word.
    """
    known = language(own_language(text, situation) or "en")
    joined = next((letter for letter, kind in known.prefixes.items() if kind == "and"), "")
    ands = _said(known.code, "and") | {word for code in CODES for word in _said(code, "and") if len(word) > 1}
    parts: list[list[str]] = [[]]
    for word in text.split():
        if fold(word) in ands:
            parts.append([])
        elif joined and parts[-1] and word.startswith(joined) and len(word) > len(joined) + 1:
            parts.append([word[len(joined) :].lstrip("-")])
        else:
            parts[-1].append(word)
    return [" ".join(one) for one in parts if one]


def alternatives(text: str, situation: Situation) -> list[str]:
    """What stands on both sides of "or": "3 March" and "4 March" of "3 or 4 March"; empty when nothing does."""
    if len(text) > LONGEST:
        return []
    ors = _said(own_language(text, situation) or "en", "or")
    words = text.split()
    places = [place for place, word in enumerate(words) if fold(word) in ors]
    if len(places) != 1 or len(words) > _MOST_WORDS:
        return []
    first, second = words[: places[0]], words[places[0] + 1 :]
    if not first or not second:
        return []
    if len(first) == 1 and first[0].rstrip(".").isdecimal() and len(second) > 1:
        first = [*first, *second[1:]]
    return [" ".join(first), " ".join(second)]
