"""Text from strangers made harmless, comparable, and cut without breaking what a reader sees as one character.

`scrub` before anything is stored, `fold` before anything is compared, `safe_cut` (or `spans`, `shorten`) before
anything is cut, `for_terminal` and `for_log` before anything is printed.
"""

import math
import re
import unicodedata
from typing import Any

from convokit.errors import DefinitionError
from convokit.messages import Limit

FOLD_LIMIT = 4096
"""How many characters of a text `fold` looks at, and at most returns."""

_UNSTORABLE = re.compile("\r\n?|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")


def _storable(found: re.Match[str]) -> str:
    first = found.group()[0]
    if first == "\r":
        return "\n"
    return "\ufffd" if first >= "\ud800" else ""


def scrub(text: str) -> str:
    r"""The text as every store and platform can take it. Idempotent, linear.

    Lone surrogates become U+FFFD; NUL, DEL and the other C0 controls go, except tab and newline; "\r\n" and "\r"
    become "\n".
    """
    return _UNSTORABLE.sub(_storable, text)


_SIGNED_64 = 1 << 63
_LARGEST_INT_BITS = 4096


def scrub_json(value: Any, max_depth: int = 64) -> Any:
    """A decoded JSON value as every store can take it: a new value, the given one is left as it is.

    Every string and key is scrubbed; integers beyond signed 64 bit become their decimal text; NaN and the infinities,
    which JSON does not have, become None.

    Args:
        value: None, bool, int, float, str, list, tuple or dict, nested.
        max_depth: How many lists and dicts may stand inside each other.

    Raises:
        ValueError: It is nested deeper than `max_depth`, holds an integer beyond 4096 bits, or something that is not
            JSON's own.
    """
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _scrub_int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if max_depth <= 0:
        raise ValueError("JSON nested too deep")
    if isinstance(value, dict):
        return {scrub(str(key)): scrub_json(one, max_depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [scrub_json(one, max_depth - 1) for one in value]
    raise ValueError(f"not a JSON value: {type(value).__name__}")


def _scrub_int(value: int) -> int | str:
    if -_SIGNED_64 <= value < _SIGNED_64:
        return value
    if value.bit_length() > _LARGEST_INT_BITS:
        raise ValueError(f"an integer of {value.bit_length()} bits")
    return str(value)


# Marks that writers leave out without changing the word: accents, niqqud, harakat, variation selectors, the nukta.
# All others are kept: in Devanagari, Thai, Tamil or kana they are vowels and consonants of their own.
_OPTIONAL_MARKS = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5),
    (0x05C7, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06DC), (0x06DF, 0x06E4),
    (0x06E7, 0x06E8), (0x06EA, 0x06ED), (0x093C, 0x093C), (0x1AB0, 0x1ACE), (0x1DC0, 0x1DFF), (0x20D0, 0x20F0),
    (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xE0100, 0xE01EF),
)  # fmt: skip
_INVISIBLE = (
    (0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x034F, 0x034F), (0x0640, 0x0640),
    (0x061C, 0x061C), (0x115F, 0x1160), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
    (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
)  # fmt: skip
_DIGIT_ZEROS = (
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810,
)  # fmt: skip
_LETTERS = {
    "\u0131": "i",  # dotless i; "I" and "İ" come here as "i" by casefold and the dropped dot
    "\u0671": "\u0627",  # alef wasla to alef; the hamza forms decompose and lose their mark
    "\u0649": "\u064a",  # alef maksura to ya
    "\u06cc": "\u064a",  # Persian ya
    "\u06a9": "\u0643",  # Persian kaf
    "\u0629": "\u0647",  # ta marbuta to ha
    "\u0901": "\u0902",  # candrabindu to anusvara
    "\u2018": "'",
    "\u2019": "'",
    "\u02bc": "'",
}

_FOLDED: dict[int, str | None] = {
    **{code: None for first, last in (*_OPTIONAL_MARKS, *_INVISIBLE) for code in range(first, last + 1)},
    **{zero + digit: str(digit) for zero in _DIGIT_ZEROS for digit in range(10)},
    **{ord(letter): plain for letter, plain in _LETTERS.items()},
}
_AT_END = " .!?,;:\u3002\uff61\u060c\u061b\u061f\u06d4\u0964\u0965\u1362\u1367\u3001"
_AT_START = " \u00bf\u00a1"


def fold(text: str) -> str:
    """The text as it is compared: two writings of the same words fold to the same. Idempotent, linear, bounded.

    Case, accents, harakat and niqqud, the Turkish dots of i, forms of alef, ya and ta marbuta, compatibility forms
    (full width, ligatures), scripts' own digits, invisible characters, outer space, end punctuation and runs of space
    do not matter. A text of nothing but punctuation keeps it. Never show folded text to anybody.

    Only the first `FOLD_LIMIT` characters count, before and after folding.
    """
    text = text[:FOLD_LIMIT]
    if text.isascii() and text.isprintable():
        folded = text.lower()
    else:
        # Case is folded between two decompositions: some capitals appear only by the first, some accents by casefold.
        apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        folded = unicodedata.normalize("NFC", apart.translate(_FOLDED))
    folded = " ".join(folded.split())[:FOLD_LIMIT].rstrip()
    return folded.lstrip(_AT_START).rstrip(_AT_END) or folded


def safe_cut(text: str, index: int) -> int:
    """The last place at or before `index` where `text` can be cut without cutting a grapheme in two (UAX #29).

    0 when the first grapheme reaches beyond `index`. An index outside the text is taken as its nearer end.
    """
    if index <= 0:
        return 0
    if index >= len(text):
        return len(text)
    if text[index - 1 : index + 1].isascii() and text[index - 1 : index + 1] != "\r\n":
        return index
    # Imported here: its tables cost more than the rest of the package, and few texts are ever cut.
    from wcwidth import grapheme_boundary_before  # noqa: PLC0415  see above

    return grapheme_boundary_before(text, index + 1)


# White space, or the place after a full stop of a script that writes no space there.
_GAP = re.compile(r"\s+|(?<=[\u3002\uff61\uff01\uff1f])(?=\S)")
_SPACE = re.compile(r"\s*")
# A full stop after one or two letters is an abbreviation more often than an end ("Dr.", "z.B.").
_ENDS_SENTENCE = re.compile(
    r"(?:[!?\u2026\u061f\u06d4\u0964\u0965\u3002\uff61\uff01\uff1f]|(?:\w{3}|\d)\.)[\"')\]\u201d\u2019\u00bb]*$"
)
_LINES_OF_A_PARAGRAPH = 2


def spans(text: str, limit: Limit) -> list[tuple[int, int]]:
    """Where to cut a text so that every `text[start:end]` is within the limit; only white space is left out.

    Cuts stand after a paragraph, line or sentence where that leaves a piece at least half full, else between words,
    else between graphemes; inside a grapheme only when it alone is over the limit.

    Raises:
        DefinitionError: The limit cannot hold one character of the text (possible only below 4 units).
    """
    found = []
    start = _after_space(text, 0)
    while start < len(text):
        end = _reach(text, start, limit)
        if end == start:
            raise DefinitionError(f"a limit of {limit.n} {limit.unit} cannot hold the character {text[start]!r}")
        if end < len(text):
            end = _best_cut(text, start, end)
        found.append((start, start + len(text[start:end].rstrip())))
        start = _after_space(text, end)
    return found


def shorten(text: str, limit: Limit) -> str:
    """The text itself if within the limit, else its beginning, cut between graphemes, with an ellipsis."""
    if limit.holds(text):
        return text
    text = text.strip()
    ellipsis = "…" if limit.measure("…") < limit.n else ""
    end = _reach(text, 0, Limit(limit.n - limit.measure(ellipsis), limit.unit))
    # A first grapheme over the limit is cut; a first character over it (below 4 bytes) cannot be shown at all.
    cut = safe_cut(text[: end + 1], end) or end
    return text[:cut].rstrip() + ellipsis or "?"


def _reach(text: str, start: int, limit: Limit) -> int:
    """The furthest end for which `text[start:end]` is within the limit."""
    window = text[start : start + limit.n]
    if limit.holds(window):
        return start + len(window)
    low, high = 0, len(window)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if limit.measure(window[:middle]) <= limit.n else (low, middle - 1)
    return start + low


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    after = found.end() if found else place
    # A mark behind the last space belongs to it: they stay together.
    return after - 1 + safe_cut(text[after - 1 : after + 1], 1) if place < after < len(text) else after


def _best_cut(text: str, start: int, end: int) -> int:
    """The end of the piece that begins at `start` and may reach to `end`, which is before the text's end."""
    window = text[start : end + 1]
    paragraph = line = sentence = word = 0
    for gap in _GAP.finditer(window):
        word = gap.start()
        newlines = gap.group().count("\n")
        if newlines >= _LINES_OF_A_PARAGRAPH:
            paragraph = word
        elif newlines:
            line = word
        elif _ENDS_SENTENCE.search(window, max(0, word - 8), word) and not window[gap.end() : gap.end() + 1].islower():
            sentence = word
    # The window begins at a boundary, so looking no further back keeps long texts linear.
    reach = len(window) - 1
    wanted = next((cut for cut in (paragraph, line, sentence) if cut * 2 >= len(window)), word) or reach
    return start + (safe_cut(window, wanted) or safe_cut(window, reach) or reach)


_DRIVES_A_TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS_A_LOG_LINE = re.compile(_DRIVES_A_TERMINAL.pattern[:-1] + '\t\n"\\\\]')
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004  what \x can hold


def for_terminal(text: str) -> str:
    r"""The text as it may be printed to a terminal: it cannot move the cursor, set titles or turn the writing round.

    ESC and the other C0 controls except tab and newline, DEL, C1, line separators, bidirectional embeddings,
    overrides and isolates, and lone surrogates are shown escaped: "\x1b", "\u202e".
    """
    return _DRIVES_A_TERMINAL.sub(_escaped, text)


def for_log(value: object, limit: int = 200) -> str:
    """The value in double quotes on one line, harmless to terminals and log readers, cut after `limit` characters."""
    text = str(value)
    shown = text if len(text) <= limit else text[:limit] + "…"
    return '"' + _BREAKS_A_LOG_LINE.sub(lambda found: _SHORT.get(found.group()) or _escaped(found), shown) + '"'
