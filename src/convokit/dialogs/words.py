"""What customers say to any dialog ("back", "cancel"), and what it says to them, in their language.

The words stand in files, one a language (`convokit/words/en.toml`); one's own are added in files of the same form.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.wire.text import fold

VERBS = ("back", "change", "start_over", "cancel", "repeat", "skip", "summary", "help", "person")
"""What can be said to any dialog, without code."""

LONGEST_VERB = 100
"""A verb is heard in a message of at most this many characters."""

WHAT = "{what}"


@frozen(eq=False, repr=False)
class Heard(Value):
    """A verb that was said; `what`: the words in the place of {what}."""

    verb: str
    what: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class Words(Value):
    """One language's words.

    Args:
        verbs: By verb: the phrases, the first of which is told in the help.
        say: Sentences by name.
    """

    verbs: Mapping[str, tuple[str, ...]] = field(factory=dict)
    say: Mapping[str, str] = field(factory=dict)
    _whole: Mapping[str, str] = field(init=False)
    _around: tuple[tuple[str, str, str], ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        whole = {fold(one): verb for verb, phrases in self.verbs.items() for one in phrases if WHAT not in one}
        around = []
        for verb, phrases in self.verbs.items():
            for before, _, after in (one.partition(WHAT) for one in phrases if WHAT in one):
                around.append((verb, fold(before), fold(after)))
        around.sort(key=lambda one: -len(one[1]) - len(one[2]))
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "_around", tuple(around))

    def heard(self, said: str) -> Heard | None:
        """The verb in a folded message; None: it is none."""
        verb = self._whole.get(said)
        if verb is not None:
            return Heard(verb)
        for one, before, after in self._around:
            first, last = f"{before} " if before else "", f" {after}" if after else ""
            what = said[len(first) : len(said) - len(last)].strip()
            if what and said.startswith(first) and said.endswith(last):
                return Heard(one, what)
        return None


def _checked(path: str, read: Mapping[str, Any]) -> Words:
    verbs, say = read.get("verbs", {}), read.get("say", {})
    if unknown := sorted(set(read) - {"verbs", "say"}) or sorted(set(verbs) - set(VERBS)):
        raise DefinitionError(f"{path}: {', '.join(unknown)}: the file has [verbs] ({', '.join(VERBS)}) and [say]")
    english = _built_in("en").say
    if unknown := sorted(set(say) - set(english)):
        raise DefinitionError(f"{path}: [say] {', '.join(unknown)}: its sentences are {', '.join(english)}")
    for verb, phrases in verbs.items():
        if not isinstance(phrases, list) or not all(isinstance(one, str) and fold(one) for one in phrases):
            raise DefinitionError(f"{path}: [verbs] {verb} is a list of phrases, not {phrases!r:.80}")
        if verb != "change" and any(WHAT in one for one in phrases):
            raise DefinitionError(f"{path}: [verbs] {verb}: only change has {WHAT}")
    for name, sentence in say.items():
        if not isinstance(sentence, str) or not sentence.strip():
            raise DefinitionError(f"{path}: [say] {name} is a sentence, not {sentence!r:.80}")
        if "{verbs}" in english[name] and "{verbs}" not in sentence:
            raise DefinitionError(f"{path}: [say] {name} needs {{verbs}}, where the verbs are told")
    return Words(verbs={verb: tuple(phrases) for verb, phrases in verbs.items()}, say=dict(say))


@lru_cache(maxsize=64)
def _built_in(language: str) -> Words:
    """The built-in words of a language; none where it is not among them."""
    found = files("convokit") / "words" / f"{language}.toml"
    if not language.isalpha() or not found.is_file():
        return Words()
    read = tomllib.loads(found.read_text(encoding="utf-8"))
    verbs = {verb: tuple(phrases) for verb, phrases in read["verbs"].items()}
    return Words(verbs=verbs, say=read["say"])


@define(eq=False)
class Vocabulary:
    """The words of all languages: the built-in ones, and one's own.

    Args:
        own: One's own by language; what stands there is heard besides, and said in place of the built-in.
    """

    own: Mapping[str, Words] = field(factory=dict)

    @classmethod
    def load(cls, path: str | Path | None) -> "Vocabulary":
        """One's own words from a file named after its language (`it.toml`), or from all such files of a folder.

        Raises:
            DefinitionError: There is no such file, or it cannot be read; the message says what is wrong.
        """
        if path is None:
            return cls()
        there = Path(path)
        found = sorted(there.glob("*.toml")) if there.is_dir() else [there]
        if not found:
            raise DefinitionError(f"words={str(path)!r}: the folder has no file such as it.toml")
        own = {}
        for one in found:
            try:
                own[one.stem.lower()] = _checked(str(one), tomllib.loads(one.read_text(encoding="utf-8")))
            except (OSError, ValueError) as problem:
                raise DefinitionError(f"words: {one} cannot be read: {problem}") from problem
        return cls(own)

    def heard(self, text: str, languages: Sequence[str]) -> Heard | None:
        """The verb that a message is, in one of these languages or in English; None: it is none."""
        if not text.strip() or len(text) > LONGEST_VERB:
            return None
        said = fold(text)
        for words in self._of(languages):
            if (heard := words.heard(said)) is not None:
                return heard
        return None

    def say(self, name: str, languages: Sequence[str], **values: str) -> str:
        """A sentence in the first of these languages that has it; in English when none has."""
        for words in self._of(languages):
            if (sentence := words.say.get(name)) is not None:
                for key, value in values.items():
                    sentence = sentence.replace(f"{{{key}}}", value)
                return sentence
        raise KeyError(name)

    def phrase(self, verb: str, languages: Sequence[str]) -> str:
        """How a verb is told in the first of these languages that has it."""
        for words in self._of(languages):
            if phrases := words.verbs.get(verb):
                return phrases[0]
        raise KeyError(verb)

    def _of(self, languages: Sequence[str]) -> list[Words]:
        every = dict.fromkeys((*(one for one in languages if one), "en"))
        return [words for one in every for words in (self.own.get(one), _built_in(one)) if words is not None]
