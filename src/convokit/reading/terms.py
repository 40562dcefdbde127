"""A text as terms: its pieces with all that they can mean in one language."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from convokit.reading.language import Language, language
from convokit.reading.tokens import FRACTIONS, Token, tokens

LONGEST_COMPOUND = 60
_SPOKEN = ("number", "hundred", "scale")
_IN_COMPOUNDS = (*_SPOKEN, "and", "and_half")

# What stands for itself in every language.
_SIGNS: Mapping[str, str] = {
    "-": "fill", ".": "fill", ",": "comma", ":": "fill", ";": "comma", "/": "or", "!": "fill", "(": "fill", ")": "fill",
    "'": "fill", '"': "fill", "\u201c": "fill", "\u201d": "fill", "\u05f4": "fill", "\u05f3": "fill", "?": "fill",
    "\u060c": "comma", "\u061f": "fill", "\u0964": "fill", "«": "fill", "»": "fill", "¿": "fill", "¡": "fill",
    "+": "plus_sign", "~": "fill", "&": "and",
}  # fmt: skip


CURRENCY_SIGNS: Mapping[str, str] = {
    "€": "EUR", "£": "GBP EGP", "₺": "TRY", "₹": "INR", "₪": "ILS", "¥": "JPY CNY", "₽": "RUB", "₩": "KRW", "₴": "UAH",
    "$": "USD CAD AUD NZD SGD HKD MXN ARS CLP COP", "₫": "VND", "฿": "THB", "₦": "NGN", "₱": "PHP",
}  # fmt: skip
"""The currencies that a sign can stand for."""


@frozen(eq=False)
class Term:
    """One or more pieces that mean something together.

    Attributes:
        text: As folded.
        means: Values by kind of meaning; empty for an unknown word.
        figure: Whether it is written in digits.
        glued: Whether no space stands before it.
    """

    text: str
    means: Mapping[str, Any]
    figure: bool = False
    glued: bool = False

    def __contains__(self, kind: str) -> bool:
        return kind in self.means

    def get(self, kind: str) -> Any:
        """The value of one meaning; None when it has not that meaning."""
        return self.means.get(kind)


def terms(text: str, code: str) -> list[Term]:
    """The terms of a text, read with the words of one language; unknown words are terms without meaning."""
    known = language(code)
    pieces = tokens(text)
    made: list[Term] = []
    place = 0
    while place < len(pieces):
        piece = pieces[place]
        if piece.figure:
            made.append(Term(piece.text, {"figure": piece.text}, figure=True, glued=piece.glued))
            place += 1
        elif piece.sign:
            # The hyphen of "twenty-three" says nothing.
            if not (piece.text == "-" and _between_words(pieces, place)):
                made.append(_sign(piece))
            place += 1
        else:
            found, place = _phrase(pieces, place, known)
            made.extend(found)
    return made


def _between_words(pieces: list[Token], place: int) -> bool:
    if not 0 < place < len(pieces) - 1:
        return False
    before, after = pieces[place - 1], pieces[place + 1]
    return pieces[place].glued and after.glued and not (before.figure or before.sign or after.figure or after.sign)


def _sign(piece: Token) -> Term:
    if piece.text in FRACTIONS:
        return Term(piece.text, {"fraction": FRACTIONS[piece.text]}, glued=piece.glued)
    if piece.text in CURRENCY_SIGNS:
        return Term(piece.text, {"currency": CURRENCY_SIGNS[piece.text]}, glued=piece.glued)
    kind = _SIGNS.get(piece.text)
    return Term(piece.text, {kind: True} if kind else {}, glued=piece.glued)


def _phrase(pieces: list[Token], place: int, known: Language) -> tuple[list[Term], int]:
    """The longest phrase that begins here, and the place behind it; hyphens may stand between its words."""
    words: list[str] = []
    ends: list[int] = []
    at = place
    while at < len(pieces) and len(words) < known.longest:
        piece = pieces[at]
        if piece.figure:
            break
        if not piece.sign:
            words.append(piece.text)
            ends.append(at + 1)
        elif piece.text not in "-'\u05f4\".":
            break
        at += 1
    for length in range(len(words), 0, -1):
        means = known.phrases.get(tuple(words[:length]))
        if means is not None:
            return [Term(" ".join(words[:length]), means, glued=pieces[place].glued)], ends[length - 1]
    return list(_parts(pieces[place], known)), place + 1


def _parts(piece: Token, known: Language) -> Iterator[Term]:
    """A word that is in no table: prefixes and compounds are taken apart."""
    taken: list[Term] = []
    rest = piece.text
    for _ in range(2):
        prefix = next((one for one in known.prefixes if rest.startswith(one) and len(rest) > len(one)), None)
        if prefix is None:
            break
        taken.append(Term(prefix, {known.prefixes[prefix]: True}, glued=piece.glued and not taken))
        rest = rest[len(prefix) :]
        means = known.phrases.get((rest,))
        if means is not None:
            yield from taken
            yield Term(rest, means)
            return
    if known.compounds and len(piece.text) <= LONGEST_COMPOUND:
        apart = _compound(piece.text, known)
        if apart:
            yield from apart
            return
    yield Term(piece.text, {}, glued=piece.glued)


def _compound(word: str, known: Language) -> list[Term]:
    """A number written in one word as its parts, longest first; empty when it is none."""
    dead: set[int] = set()

    def walk(start: int) -> list[Term] | None:
        if start == len(word):
            return []
        if start in dead:
            return None
        for end in range(len(word), start + 1, -1):
            means = known.phrases.get((word[start:end],))
            if means is not None and any(kind in means for kind in _IN_COMPOUNDS):
                rest = walk(end)
                if rest is not None:
                    return [Term(word[start:end], means), *rest]
        dead.add(start)
        return None

    found = walk(0) or []
    return found if any(kind in one for one in found for kind in _SPOKEN) else []
