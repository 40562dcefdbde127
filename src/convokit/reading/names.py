"""A name without the words that introduce it."""

from functools import cache

from convokit.reading.consent import consent
from convokit.reading.language import language
from convokit.reading.languages_of import own_language
from convokit.reading.situation import Situation
from convokit.reading.terms import terms
from convokit.wire.text import fold


@cache
def _leads(code: str) -> tuple[str, ...]:
    known = str(language(code).words.get("lead", ""))
    return tuple(sorted((fold(one) for one in known.split("|") if one), key=len, reverse=True))


def named(text: str, situation: Situation) -> str:
    """The name in "My name is Ada", as it was written; the whole text when nothing introduces it.

    In Hindi the "है" at the end goes with "मेरा नाम" at the beginning.
    """
    words = text.split()
    for lead in _leads(own_language(text, situation) or "en"):
        count = len(lead.split())
        if len(words) > count and fold(" ".join(words[:count])) == lead:
            rest = words[count:]
            if len(rest) > 1 and fold(rest[-1]) in {"है", "हूं"}:
                rest = rest[:-1]
            return " ".join(rest).strip(" ,.:")
    return text


def doubtful(name: str, situation: Situation) -> bool:
    """Whether it is rather a yes, a no, or the end of "I am not sure" than a name."""
    code = own_language(name, situation) or "en"
    if any("unsure" in one and one.text in _NEVER_NAMES.get(code, ()) for one in terms(name, code)):
        return True
    return consent(name, situation) is not None


_NEVER_NAMES = {
    "en": ("not", "no", "don", "maybe", "any", "nothing"), "tr": ("degil", "hayir", "yok", "belki"),
    "de": ("nicht", "kein"), "fr": ("pas", "non"), "es": ("no",),
    "he": ("לא",), "ar": ("لا", "مش"), "hi": ("नहीं", "मत"),
}  # fmt: skip
