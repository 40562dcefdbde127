"""The expectation of one label among several."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from attrs import field, frozen

from convokit._value import Value
from convokit.conversations import Offer, Option
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect.protocol import Situated, Unclear, folded, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation
from convokit.wire.text import fold

_MOST_WORDS = 6
"""A label is looked for inside an answer of at most this many words."""

_DIGITS = re.compile(r"[0-9]+")
_LONGEST_NUMBER = 12

_MOST_NEAR = 12
"""Typing errors are looked for in an answer of at most this many words."""


def labels_of(given: Iterable[str]) -> tuple[str, ...]:
    """The labels as given.

    Raises:
        DefinitionError: It is one text.
    """
    if isinstance(given, str):
        raise DefinitionError(f"Choice takes a list of labels, not the single string {given!r}")
    return tuple(given)


def distinct(_: object, __: object, value: tuple[str, ...]) -> None:
    """Refuse labels that are empty, or that nobody can tell apart.

    Raises:
        DefinitionError: There are such.
    """
    if not value or not all(type(one) is str and fold(one) for one in value):
        raise DefinitionError(f"Choice needs labels that are not empty, not {value!r}")
    seen: dict[str, str] = {}
    for one in value:
        twin = seen.get(fold(one))
        if twin is not None:
            raise DefinitionError(f"Choice: {twin!r} and {one!r} cannot be told apart when typed")
        seen[fold(one)] = one


@frozen(eq=False, repr=False)
class Choice(Value, Situated[str]):
    """One of some labels; they are offered as buttons, and what people type for one is read too.

    That is its label however it is written, its number or place ("2", "the second"; where labels hold numbers
    themselves, the one that holds it), its beginning or a typing error
    away from it, or the label inside a short sentence ("the large one, please"). What fits two labels is asked back.

    Args:
        options: The labels, different from each other also when case and accents are left out of account.
    """

    options: tuple[str, ...] = field(converter=labels_of, validator=distinct)

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The label."""
        said = written(event)
        if said in self.options:
            return said
        if not folded(event):
            return Unclear(f"not one of {', '.join(self.options):.200}")
        return chosen(said, self.options, situation)

    def accepts(self, value: object, situation: Situation) -> bool:
        """Whether it is one of the labels."""
        del situation
        return value in self.options


@lru_cache(maxsize=512)
def _folded(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold, labels))


def chosen(said: str, options: Sequence[str], situation: Situation) -> str | Unclear:
    """The one label that a text of at most 200 characters means."""
    from convokit.fitting import alike, inside, resolve  # noqa: PLC0415  only typed answers need it

    unknown = Unclear(f"not one of {', '.join(options):.200}")
    labels = tuple(options)
    known = _folded(labels)
    if fold(said) in known:
        return labels[known.index(fold(said))]
    offer = Offer(options=tuple([Option(label=one, payload=one) for one in labels]))
    pressed = resolve(said, offer)
    if pressed is not None:
        return pressed.label
    numbered = _numbered(fold(said), known)
    if len(numbered) == 1:
        return labels[numbered[0]]
    near = numbered or (alike(said, labels) if len(said.split()) <= _MOST_NEAR else ())
    if len(near) == 1:
        return labels[near[0]]
    if len(said.split()) <= _MOST_WORDS and not near:
        near = inside(said, labels)
        if near and _doubted(said, labels, situation):
            return unknown
        if len(near) == 1:
            return labels[near[0]]
    if len(near) > 1:
        several = [labels[place] for place in near]
        return Unclear(f"it could mean {', '.join(several):.200}", several, sentence("which", situation))
    return unknown


def _numbered(said: str, known: tuple[str, ...]) -> tuple[int, ...]:
    """The places of the labels that a bare number means where labels hold numbers: those that hold it as a whole.

    The one that begins with it goes before others. Where none holds it, and there are labels without a number, it
    counts them.
    """
    if not (said.isascii() and said.isdecimal() and len(said) <= _LONGEST_NUMBER):
        return ()
    held = [_DIGITS.findall(label) for label in known]
    holding = tuple(place for place, numbers in enumerate(held) if said in numbers)
    beginning = tuple(place for place in holding if _DIGITS.match(known[place]) and held[place][0] == said)
    if not holding and not all(held) and 1 <= int(said) <= len(known):
        return (int(said) - 1,)
    return beginning if len(beginning) == 1 else holding


def _doubted(said: str, options: Sequence[str], situation: Situation) -> bool:
    """Whether a word beside the label turns it round: "not the large one"."""
    from convokit.reading.languages_of import own_language  # noqa: PLC0415  only long answers load it
    from convokit.reading.terms import terms  # noqa: PLC0415  see above

    labels = {word for one in options for word in fold(one).split()}
    found = terms(said, own_language(said, situation) or "en")
    return any("unsure" in one and one.text not in labels for one in found)
