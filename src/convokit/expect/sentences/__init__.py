"""What customers are told when an answer could not be read: a file of sentences for each language."""

from collections.abc import Mapping
from functools import cache

from convokit.reading.situation import CODES, Situation


@cache
def _built_in(code: str) -> Mapping[str, str]:
    import tomllib  # noqa: PLC0415  only unclear answers need it
    from importlib.resources import files  # noqa: PLC0415  see above

    file = files("convokit.expect.sentences").joinpath(f"{code}.toml")
    made: Mapping[str, str] = tomllib.loads(file.read_text("utf-8"))
    return made


def sentence(key: str, situation: Situation, **values: object) -> str:
    """The sentence in the person's language, with its values; one's own sentences first, English for other languages.

    Args:
        key: Its name in the files.
        situation: Who is spoken to; its `sentences` go before the built-in ones.
        **values: What stands for {names} in it.
    """
    code = situation.language
    own = situation.sentences.get(code, {})
    text = own.get(key) or _built_in(code if code in CODES else "en")[key]
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text
