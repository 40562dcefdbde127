"""Numbers as people write them: in digits with their separators, in words, with halves, dozens and thousands."""

import re
from collections.abc import Sequence
from decimal import Decimal

from attrs import frozen

from convokit.reading.language import Language, language
from convokit.reading.situation import Situation
from convokit.reading.terms import Term

HALF, QUARTER = Decimal("0.5"), Decimal("0.25")
LONGEST_FIGURE = 32
"""A number is read from at most this many characters: a giant one takes minutes to convert."""

_TENS = range(20, 100, 10)
_PLAIN = re.compile(r"[0-9]+")
_LAST_SIGN = re.compile(r"[.,'\u066b\u066c]")

# Whether a single separator with three digits behind it parts the thousands, by the sign's role in the language.
_POINT = frozenset({"en", "hi", "he"})
_COMMA = frozenset({"tr", "es", "de", "fr"})
_POINT_REGIONS = frozenset({"CH", "LI", "MX", "US", "PR", "GT", "HN", "NI", "PA", "PE", "DO", "SV"})
_UNSURE_REGIONS = frozenset({"ZA"})


@frozen(eq=False)
class Quantity:
    """A number found in a text.

    Attributes:
        value: What it is.
        end: The place of the term behind it.
        other: What it would be if the separator meant the other thing; None when there is one reading.
        spoken: Whether it is written in words.
        weak: Whether it is a word that is more often an article or a pronoun ("one", "bir", "una").
        plain: Whether it is written in digits without separators.
    """

    value: Decimal
    end: int
    other: Decimal | None = None
    spoken: bool = False
    weak: bool = False
    plain: bool = False


def decimal_sign(situation: Situation) -> str:
    """The sign that parts the whole from the fraction where the person is, "." or ","; empty when it is not known."""
    code, region = situation.language, situation.region
    if region in _UNSURE_REGIONS:
        return ""
    if code in _POINT or (code in {"es", "de", "fr", "it"} and region in _POINT_REGIONS and code != "fr"):
        return "."
    return "," if code in _COMMA else ""


def figure(text: str, sign: str) -> tuple[Decimal, Decimal | None] | None:
    """A number in digits, and what it would be if its only separator meant the other thing; None when it is none.

    The last separator with one or two digits behind it parts the fraction. With three digits behind it, a single
    separator could part thousands as well: `sign`, the person's own, decides; without it both readings are returned.
    """
    if len(text) > LONGEST_FIGURE:
        return None
    if _PLAIN.fullmatch(text):
        return Decimal(text), None
    if ":" in text or "-" in text or "/" in text:
        return _fraction(text)
    signs = _LAST_SIGN.findall(text)
    parts = _LAST_SIGN.split(text)
    last, kinds = parts[-1], dict.fromkeys(signs)
    if len(kinds) > 2 or (len(kinds) == 2 and (signs.count(signs[-1]) > 1 or signs[-1] in "'\u066c")):  # noqa: PLR2004  a separator of each kind
        return None
    whole, broken = Decimal("".join(parts)), Decimal("".join(parts[:-1]) + "." + last)
    if len(kinds) == 2:  # noqa: PLR2004  see above
        return (broken, None) if _grouped(parts[:-1]) else None
    if signs[-1] == "\u066b":
        return (broken, None) if len(signs) == 1 else None
    if len(signs) > 1 or signs[-1] in "'\u066c":
        return (whole, None) if _grouped(parts) else None
    if len(last) != 3 or len(parts[0]) > 3 or parts[0].startswith("0"):  # noqa: PLR2004  groups of thousands
        return broken, None
    if not sign:
        return whole, broken
    return (broken, whole) if signs[-1] == sign else (whole, broken)


def _fraction(text: str) -> tuple[Decimal, None] | None:
    found = re.fullmatch(r"([1-9])/([248])", text)
    return (Decimal(found[1]) / Decimal(found[2]), None) if found and found[1] < found[2] else None


def _grouped(parts: Sequence[str]) -> bool:
    """Whether these are groups of thousands; India's have two digits before the last."""
    first, *middle, last = parts if len(parts) > 1 else (parts[0], "000")
    if len(last) != 3 or not 1 <= len(first) <= 3:  # noqa: PLR2004  groups of thousands
        return False
    return all(len(one) == 3 for one in middle) or (len(first) <= 2 and all(len(one) == 2 for one in middle))  # noqa: PLR2004  see above


def quantity(said: Sequence[Term], place: int, situation: Situation, code: str) -> Quantity | None:
    """The number that begins at `place`, as much of it as there is; None when there is none."""
    known = language(code)
    first = said[place]
    article = "article" in first and "number" not in first
    start = place + 1 if article and place + 1 < len(said) else place
    if article and not _counts(said[start]):
        return None
    # "une demi-heure", "media docena": the article of a half is no number.
    if "article" in first and start == place and place + 1 < len(said) and "half" in said[place + 1]:
        start = place + 1
    found = _figure_at(said, start, situation) or words_at(said, start, known) or _alone(said, start)
    if found is None:
        return None
    found = _with_half(said, found)
    return _times(said, found, known)


def _counts(term: Term) -> bool:
    return any(kind in term for kind in ("dozen", "hundred", "scale", "half", "quarter"))


def _figure_at(said: Sequence[Term], place: int, situation: Situation) -> Quantity | None:
    term = said[place]
    if "fraction" in term:
        top, bottom = term.get("fraction").split("/")
        return Quantity(Decimal(top) / Decimal(bottom), place + 1)
    if not term.figure or (term.glued and place and not _open(said[place - 1])):
        return None
    read = figure(term.text, decimal_sign(situation))
    if read is None:
        return None
    return Quantity(read[0], place + 1, other=read[1], plain=term.text.isdigit())


def _open(term: Term) -> bool:
    """Whether figures may follow this term without a space: "(5", "ב5", "€5", but not "A5" nor "1_0"."""
    # Behind a point or a comma stands a fraction: ".5" is not five.
    if term.text in ".,:;":
        return False
    return any(kind in term for kind in ("fill", "and", "to", "at", "currency", "plus_sign", "oclock", "or"))


def words_at(said: Sequence[Term], place: int, known: Language) -> Quantity | None:
    """The number in words that begins at `place`, without halves: "two thousand five hundred"."""
    plus = said[place].get("plus")
    start = place + 1 if plus is not None else place
    total, group, before = Decimal(0), None, Decimal("Infinity")
    end = start
    while end < len(said):
        joined = "and" in said[end] and end > start
        at = end + joined
        added = _added(said[at], total, group, before, joined, known) if at < len(said) else None
        if added is None:
            break
        total, group, before = added
        if plus is not None and group is not None:
            group, plus = group + Decimal(str(plus)), None
        end = at + 1
    if end == start:
        return None
    weak = "article" in said[place] and end == place + 1
    return Quantity(total + (group or 0), end, spoken=True, weak=weak)


def _added(
    term: Term, total: Decimal, group: Decimal | None, before: Decimal, joined: bool, known: Language
) -> tuple[Decimal, Decimal | None, Decimal] | None:
    """The sum so far with one more word; None when the word does not continue the number."""
    if "number" in term:
        value = Decimal(str(term.get("number")))
        if value >= 1000:  # noqa: PLR2004  "two thousand" as one word (Hebrew, Arabic)
            return (total + value, None, value / 2) if group is None and before > value / 2 else None
        if group is None:
            return (total, value, before) if not (joined and not total) else None
        return (total, group + value, before) if _fits(group, value, joined, known) else None
    if "hundred" in term and not (joined and group is not None and group % 100 != 0 and group > 0):
        if group is None:
            return total, Decimal(100), before
        return (total, group * 100, before) if 0 < group < 100 and not joined else None  # noqa: PLR2004  "twelve hundred"
    if "scale" in term:
        scale = Decimal(term.get("scale"))
        if scale >= before or (joined and group is not None):
            return None
        return total + (Decimal(1) if group is None else group) * scale, None, scale
    return None


def _fits(group: Decimal, value: Decimal, joined: bool, known: Language) -> bool:
    """Whether a number below a hundred continues one: "hundred" and "five", "twenty" and "five"."""
    if not group or not value or value != int(value) or group != int(group):
        return False
    low = int(group) % 100
    if low == 0:
        return value < 100  # noqa: PLR2004  below the next hundred
    if known.units_first:
        return joined and low < 10 and int(value) in _TENS  # noqa: PLR2004  units before tens
    if joined and known.code in {"en", "tr", "hi"}:
        return False
    if known.twenties and low in {60, 80}:
        return value < 20  # noqa: PLR2004  as the French count
    return value < 10 and (low in _TENS or (known.tens_join and low == 10))  # noqa: PLR2004  a digit after a ten


def _alone(said: Sequence[Term], place: int) -> Quantity | None:
    term = said[place]
    if "half" in term:
        return Quantity(HALF, place + 1, spoken=True)
    if "dozen" in term:
        return Quantity(Decimal(term.get("dozen")), place + 1, spoken=True)
    return Quantity(QUARTER, place + 1, spoken=True) if "quarter" in term else None


def _with_half(said: Sequence[Term], found: Quantity) -> Quantity:
    """With "and a half" after it, where there is one."""
    at = found.end
    if at >= len(said) or found.value != int(found.value):
        return found
    if "fraction" in said[at]:
        top, bottom = said[at].get("fraction").split("/")
        return _grown(found, found.value + Decimal(top) / Decimal(bottom), at + 1)
    if "and_half" in said[at]:
        return _grown(found, found.value + HALF, at + 1)
    if "and" in said[at] and at + 1 < len(said):
        at += 2 if "article" in said[at + 1] and at + 2 < len(said) and "half" in said[at + 2] else 1
        if "half" in said[at]:
            return _grown(found, found.value + HALF, at + 1)
        if "quarter" in said[at]:
            return _grown(found, found.value + QUARTER, at + 1)
    return found


def _grown(found: Quantity, value: Decimal, end: int) -> Quantity:
    return Quantity(value, end, spoken=found.spoken)


def _times(said: Sequence[Term], found: Quantity, known: Language) -> Quantity:
    """Times the thousands or dozens after it: "2.5 million", "5k", "half a dozen"."""
    at = found.end
    if at < len(said) and "of" in said[at]:
        at += 1
    if at < len(said) and "article" in said[at] and "number" not in said[at]:
        at += 1
    if at >= len(said):
        return found
    thousand = said[at].text == "k" and said[at].glued and at == found.end and not found.spoken
    factor = 1000 if thousand else said[at].get("dozen") or (said[at].get("scale") if at == found.end else None)
    if factor is None and at == found.end and "hundred" in said[at] and found.value < 100:  # noqa: PLR2004  "ढाई सौ"
        factor = 100
    if factor is None:
        return found
    value = found.value * Decimal(factor)
    end = at + 1
    if "scale" in said[at] and not thousand and end < len(said):
        rest = said[end]
        below = Decimal(rest.text) if rest.figure and rest.text.isdigit() and len(rest.text) <= 7 else None  # noqa: PLR2004  below any scale
        if below is not None and below < factor and found.plain:
            return Quantity(value + below, end + 1)
        spoken = words_at(said, end, known)
        if spoken is not None and spoken.value < factor and not found.plain:
            return Quantity(value + spoken.value, spoken.end, spoken=True)
    return Quantity(value, end, spoken=found.spoken)
