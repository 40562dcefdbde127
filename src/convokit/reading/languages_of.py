"""Which languages a text is read in, and in which order."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from convokit.reading.situation import CODES, Situation
from convokit.reading.terms import Term, terms
from convokit.reading.tokens import LONGEST

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LONGEST_ELSEWHERE = 80
"""Longer texts are read in the person's own language only."""

_CODE = 3
"""How many letters a currency's code has, which is in no table."""


class Reader(Protocol[T_co]):
    """What looks for a meaning in terms."""

    def __call__(self, said: Sequence[Term], code: str, /, *, strict: bool) -> Sequence[T_co] | None:
        """What terms of a language can mean; nothing when they mean nothing, None when doubt is left ("not Friday").

        Args:
            said: The terms.
            code: Their language.
            strict: Whether all of them must be understood.
        """
        ...


_SCRIPTS = (("\u0590", "\u05ff", "he"), ("\u0600", "\u06ff", "ar"), ("\u0900", "\u097f", "hi"))
_OWN_SCRIPT = {"he", "ar", "hi"}


def own_language(text: str, situation: Situation) -> str:
    """The language that the text is first read in: that of its letters, the person's, English when none is known."""
    for first, last, code in _SCRIPTS:
        if any(first <= one <= last and one.isalpha() for one in text):
            return code
    # Figures alone need no language.
    if not situation.language or not any(map(str.isalpha, text)):
        return situation.language if situation.language in CODES else "en"
    return situation.language if situation.language in CODES else ""


def read_in_turn(text: str, situation: Situation, reader: Reader[T]) -> Sequence[T] | None:
    """What a text can mean, in the person's own language; else in any other whose words explain all of it.

    In their own language, words beside what is looked for are allowed ("a table on Friday"). In another one they are
    not, and no word may be one of their own language: Turkish "on" is ten, English "on" is nothing of the kind.
    """
    if not text or len(text) > LONGEST:
        return ()
    own = own_language(text, situation)
    known: frozenset[str] = frozenset()
    if own:
        said = terms(text, own)
        if not said:
            return ()
        found = reader(said, own, strict=False)
        if found is None or found:
            return found
        known = frozenset(word for one in said if one.means and not one.figure for word in one.text.split())
        if own in _OWN_SCRIPT and not text.isascii() and own != situation.language:
            return ()
    return _elsewhere(text, own, known, reader) if len(text) <= LONGEST_ELSEWHERE else ()


def _elsewhere(text: str, own: str, known: frozenset[str], reader: Reader[T]) -> Sequence[T] | None:
    shared: list[T] | None = None
    for code in CODES:
        if code == own or (code in _OWN_SCRIPT) != _foreign_script(text, code):
            continue
        said = terms(text, code)
        if any(not one.means and len(one.text) != _CODE for one in said):
            continue
        if own and any(
            word in known and any(map(str.isalpha, word)) for one in said if not one.figure for word in one.text.split()
        ):
            continue
        if not any((one.means or len(one.text) == _CODE) and not one.figure for one in said):
            continue
        found = reader(said, code, strict=True)
        if found:
            # Languages that disagree leave doubt: the bounds of what is expected may not choose among them.
            shared = list(found) if shared is None else [one for one in shared if one in found]
    return () if shared is None else tuple(shared) or None


def _foreign_script(text: str, code: str) -> bool:
    """Whether a text is written in the script of Hebrew, Arabic or Hindi."""
    return any(
        first <= one <= last
        for first, last, named in _SCRIPTS
        if named == code or code not in _OWN_SCRIPT
        for one in text
    )
