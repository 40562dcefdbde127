"""The table of what customers can say to any dialog says what the files of words say."""

import tomllib
from functools import cache
from typing import Any

from house import PACKAGE, convokit, pages

from convokit.dialogs.words import VERBS

LANGUAGES = ("en", "tr", "de", "es", "fr", "ar", "he", "hi")


@cache
def words(language: str) -> dict[str, Any]:
    return tomllib.loads((PACKAGE / "words" / f"{language}.toml").read_text(encoding="utf-8"))


def row(verb: str) -> str:
    phrases = " | ".join(words(language)["verbs"][verb][0] for language in LANGUAGES)
    return f"| `{verb}` | {phrases} |"


def test_the_table_of_verbs_is_what_is_heard() -> None:
    convokit()
    table = "\n".join((f"| Verb | {' | '.join(LANGUAGES)} |", "|---|" + "---|" * len(LANGUAGES), *map(row, VERBS)))
    assert table in pages("reference")["reference/dialogs.md"], f"docs/reference/dialogs.md should hold:\n{table}"


def test_every_language_has_every_verb_and_every_sentence() -> None:
    there = {path.stem for path in (PACKAGE / "words").glob("*.toml")}
    assert there == set(LANGUAGES)
    for language in LANGUAGES:
        assert set(words(language)["verbs"]) == set(VERBS), language
        assert set(words(language)["say"]) == set(words("en")["say"]), language
