"""What a typed "2", "large" or "the second" presses."""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from convokit.conversations import Offer, Option
from convokit.wire.text import fold

# Position words, one to ten and the last, "/" between alternatives: what may stand before a word, after it, the words.
_ORDINALS = (
    ("", "", "first second third fourth fifth sixth seventh eighth ninth tenth last"),
    ("", "si su", "birinci/ilk ikinci üçüncü dördüncü beşinci altıncı yedinci sekizinci dokuzuncu onuncu sonuncu/son"),
    (
        "",
        "",
        (
            "पहला/पहली/पहले दूसरा/दूसरी/दूसरे तीसरा/तीसरी/तीसरे चौथा/चौथी/चौथे पाँचवाँ/पाँचवीं/पाँचवा छठा/छठी/छठे सातवाँ/सातवीं/सातवा "
            "आठवाँ/आठवीं/आठवा नौवाँ/नौवीं/नौवा दसवाँ/दसवीं/दसवा आखिरी/अंतिम"
        ),
    ),
    (
        "ה",
        "",
        (
            "ראשון/ראשונה שני/שנייה/שניה שלישי/שלישית רביעי/רביעית חמישי/חמישית שישי/שישית שביעי/שביעית שמיני/שמינית "
            "תשיעי/תשיעית עשירי/עשירית אחרון/אחרונה"
        ),
    ),
    (
        "ال",
        "",
        (
            "أول/أولى ثاني/ثانية ثالث/ثالثة رابع/رابعة خامس/خامسة سادس/سادسة سابع/سابعة ثامن/ثامنة تاسع/تاسعة عاشر/"
            "عاشرة أخير/أخيرة/آخر"
        ),
    ),
    (
        "",
        "",
        (
            "primero/primera/primer segundo/segunda tercero/tercera/tercer cuarto/cuarta quinto/quinta sexto/sexta "
            "séptimo/séptima octavo/octava noveno/novena décimo/décima último/última"
        ),
    ),
    ("", "r s n", "erste zweite dritte vierte fünfte sechste siebte/siebente achte neunte zehnte letzte"),
    (
        "",
        "",
        (
            "premier/première deuxième/seconde troisième quatrième cinquième sixième septième huitième neuvième "
            "dixième dernier/dernière"
        ),
    ),
)
_CARDINALS = (
    ("", "", "one two three four five six seven eight nine ten"),
    ("", "", "bir iki üç dört beş altı yedi sekiz dokuz on"),
    ("", "", "एक दो तीन चार पाँच छह/छः/छे सात आठ नौ दस"),
    (
        "",
        "",
        "אחת/אחד שתיים/שתים/שניים שלוש/שלושה ארבע/ארבעה חמש/חמישה שש/שישה שבע/שבעה שמונה תשע/תשעה עשר/עשרה",
    ),
    (
        "",
        "",
        "واحد/واحدة اثنان/اثنين/اثنتان ثلاثة/ثلاث أربعة/أربع خمسة/خمس ستة/ست سبعة/سبع ثمانية/ثمان تسعة/تسع عشرة/عشر",
    ),
    ("", "", "uno/una dos tres cuatro cinco seis siete ocho nueve diez"),
    ("", "", "eins zwei drei vier fünf sechs sieben acht neun zehn"),
    ("", "", "un/une deux trois quatre cinq six sept huit neuf dix"),
)
_AROUND = (
    "the please pls plz option number nr one  lütfen seçenek numara olan  कृपया वाला वाली वाले विकल्प नंबर  "
    "בבקשה אפשרות מספר את  من فضلك لو سمحت رجاء خيار الخيار رقم  el la los las por favor opción número  "
    "der die das den bitte nummer  le les s'il te vous plaît svp stp numéro"
)
_BETWEEN = re.compile(r"[\s,;:!?.()\[\]\"/\u2010-\u2015\u201c-\u201f\u00ab\u00bb\u060c\u061b\u061f\u06d4\u0964\u0965]+")
_MARKED = re.compile(r"#\s?(\d{1,3})|[(\[]?(\d{1,3})\s?[)\]]")
_NUMBER = re.compile(r"(\d{1,3})(?:'?(?:st|nd|rd|th|i?nci|u?ncu|ere?|re|e|eme|o|a|te[rsn]?))?")
_LAST = 10

NEAR_TOKENS = 64
NEAR_OPTIONS = 200
_PREFIX = 4
_TYPO = 5

Words = tuple[str, ...]


def resolve(text: str, offer: Offer, *, near: bool = False) -> Option | None:
    """The option that a typed text presses, None when it presses none or could mean two.

    In this order: a label (compared by `fold`, with or without "the" and "please"); a number ("2", "2)", "#2",
    "2nd", "two", in any script) and an ordinal ("second", "ikinci", "الثاني", "last"), in eight languages. A label
    wins over a number, so does a word that stands in a label. Bare numbers count when the customer saw numbers, or
    when no label holds a digit.

    Args:
        text: What the customer wrote.
        offer: What was offered last.
        near: Whether, after all that, a near miss counts: every word written is a word of one label alone, or its
            beginning (4 letters or more), or one typing error away (labels' words of 5 letters or more). Texts of
            more than 64 words and offers of more than 200 options have none.
    """
    said = fold(text)
    if not said:
        return None
    labels, known = _labels(tuple([one.label for one in offer.options]))
    if said in labels:
        return offer.options[labels.index(said)] if labels.count(said) == 1 else None
    words = _words(said)
    if words in known:
        return offer.options[known.index(words)] if known.count(words) == 1 else None
    place = _place(said, words, known, numbered=offer.numbered)
    if place is not None:
        return offer.options[place] if -1 <= place < len(known) else None
    if not near or len(words) > NEAR_TOKENS or len(known) > NEAR_OPTIONS:
        return None
    alike = [option for option, label in zip(offer.options, known, strict=True) if _resembles(words, label)]
    return alike[0] if len(alike) == 1 else None


def alike(text: str, labels: Sequence[str]) -> tuple[int, ...]:
    """The places of the labels that a near miss could mean, as in `resolve`: several when it fits several."""
    words = _words(fold(text))
    if not words or len(words) > NEAR_TOKENS or len(labels) > NEAR_OPTIONS:
        return ()
    known = _labels(tuple(labels))[1]
    return tuple(place for place, label in enumerate(known) if _resembles(words, label))


def inside(text: str, labels: Sequence[str]) -> tuple[int, ...]:
    """The places of the labels whose words stand in a text, next to each other: "large" in "the large one, please".

    A label that is a part of another one that stands there is left out.
    """
    words = _words(fold(text))
    known = _labels(tuple(labels))[1]
    found = [place for place, label in enumerate(known) if _holds(words, label)]
    return tuple(
        place
        for place in found
        if not any(
            place != other and known[place] != known[other] and _holds(known[other], known[place]) for other in found
        )
    )


def _holds(words: Words, label: Words) -> bool:
    return any(words[at : at + len(label)] == label for at in range(len(words) - len(label) + 1))


@lru_cache(maxsize=512)
def _labels(given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Words, ...]]:
    """Labels as they are compared, whole and as words. Cached, since a bot offers the same over and over."""
    folded = tuple(map(fold, given))
    return folded, tuple(map(_words, folded))


@cache
def _tables() -> tuple[dict[str, int], dict[str, int], frozenset[str]]:
    """Ordinals and cardinals by folded word, counted from 0, the last being -1; and what may stand around an answer."""
    made: list[dict[str, int]] = []
    for rows in (_ORDINALS, _CARDINALS):
        table: dict[str, int] = {}
        for before, after, words in rows:
            for place, alternatives in enumerate(words.split()):
                for word in alternatives.split("/"):
                    for form in (word, before + word, *(word + ending for ending in after.split())):
                        table.setdefault(fold(form), -1 if place == _LAST else place)
        made.append(table)
    return made[0], made[1], frozenset(fold(one) for one in _AROUND.split())


def _words(folded: str) -> Words:
    """The words that matter: without punctuation, emoji beside words, and "the" or "please" around them."""
    words = [one for one in _BETWEEN.split(folded) if one]
    words = [one for one in words if any(map(str.isalnum, one))] or words
    around = _tables()[2]
    first, end = 0, len(words)
    while end - first > 1 and words[end - 1] in around:
        end -= 1
    while end - first > 1 and words[first] in around:
        first += 1
    return tuple(words[first:end]) or (folded,)


def _place(said: str, words: Words, known: Sequence[Words], *, numbered: bool) -> int | None:
    """Which option a number or ordinal means, from 0 (-1: the last, below: none); None when it is neither."""
    marked = _MARKED.fullmatch(said)
    if marked:
        return _index(marked[1] or marked[2])
    if len(words) != 1:
        return None
    counts = numbered or not any(c.isdigit() for label in known for word in label for c in word)
    number = _NUMBER.fullmatch(words[0])
    if number and counts and (number[0].isdigit() or not _in_any(words, known)):
        return _index(number[1])
    ordinals, cardinals, _ = _tables()
    word = words[0]
    if _in_any(words, known):
        return None
    if word in ordinals:
        return ordinals[word]
    if word in cardinals and counts and not any(one in cardinals for label in known for one in label):
        return cardinals[word]
    return None


def _index(number: str) -> int:
    """From 0; "0" is no option."""
    return int(number) - 1 if int(number) else -2


def _in_any(words: Words, known: Iterable[Words]) -> bool:
    return any(words[0] in label for label in known)


def _resembles(said: Words, label: Words) -> bool:
    if len(said) > len(label):
        return _one_edit("".join(said), "".join(label)) if len("".join(label)) >= _TYPO else False
    rest = list(label)
    for word in said:
        found = word if word in rest else next((one for one in rest if _alike(word, one)), None)
        if found is None:
            return False
        rest.remove(found)
    return sum(map(len, said)) >= _PREFIX


def _alike(word: str, meant: str) -> bool:
    near = (len(word) >= _PREFIX and meant.startswith(word)) or (len(meant) >= _TYPO and _one_edit(word, meant))
    # Digits are never a typing error: "12:30" is not "12:00".
    return near and not any(map(str.isdigit, word + meant))


def _one_edit(one: str, other: str) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, make one the other."""
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[same:] == long[same + 1 :]
    swapped = short[same : same + 2] == long[same : same + 2][::-1] and short[same + 2 :] == long[same + 2 :]
    return swapped or short[same + 1 :] == long[same + 1 :]
