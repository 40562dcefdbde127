"""A text in its smallest pieces: words as they are compared, figures, signs."""

import re
import unicodedata

from attrs import frozen

from convokit.wire.text import fold

LONGEST = 200
"""Texts of more characters are not searched for numbers, dates and times: nobody answers a question at that length."""

FRACTIONS = {"\ue000": "1/2", "\ue001": "1/4", "\ue002": "3/4", "\ue003": "1/3", "\ue004": "2/3"}
"""Signs such as ½ stand as one private character each between folding and reading."""

_FRACTION_SIGNS = {"½": "\ue000", "¼": "\ue001", "¾": "\ue002", "⅓": "\ue003", "⅔": "\ue004"}

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    # The separators of figures, dates and clocks belong to them when digits stand on both sides.
    r"|(?P<figure>[0-9]+(?:[.,:/'\u066b\u066c\-][0-9]+)*)"
    r"|(?P<word>[^\W\d_](?:[^\W\d_]|[\u0900-\u0903\u093a-\u094f\u0962\u0963\u0b00-\u0dff])*)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
# "1 234,50": a space that parts thousands.
_THOUSANDS = re.compile(r"(?<![\d.,:/])([0-9]{1,3})((?: [0-9]{3})+)(?![0-9])")


@frozen(eq=False)
class Token:
    """One piece. `glued`: no space stands before it. `figure`: it begins with a digit. `sign`: it is neither word."""

    text: str
    glued: bool
    figure: bool = False
    sign: bool = False


def folded(text: str) -> str:
    """The text as it is read: folded, the signs of fractions kept apart, other small numbers made unreadable."""
    if not text.isascii():
        text = "".join(_apart(one) for one in text)
    return fold(text)


def _apart(one: str) -> str:
    if one in _FRACTION_SIGNS:
        return f" {_FRACTION_SIGNS[one]} "
    if one in "−–—‒":
        return "-"
    # Folding makes "2" of "²", so "5²" would be read as 52.
    return " \ufffd " if unicodedata.category(one) in {"No", "Nl"} else one


def tokens(text: str) -> list[Token]:
    """The pieces of a text of at most `LONGEST` characters, in order; none of a longer one."""
    if len(text) > LONGEST:
        return []
    said = _THOUSANDS.sub(lambda found: found[1] + found[2].replace(" ", ""), folded(text))
    made: list[Token] = []
    glued = False
    for found in _TOKEN.finditer(said):
        kind = found.lastgroup
        if kind == "space":
            glued = False
            continue
        made.append(Token(found[0], glued, kind == "figure", kind == "sign"))
        glued = True
    return made


def plain_words(phrase: str) -> tuple[str, ...]:
    """A phrase of a table as the words by which it is looked up."""
    return tuple(one.text for one in tokens(phrase) if not one.sign)
