"""`convokit new transport`: a project that works from its first minute, to be changed a piece at a time."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from convokit import DefinitionError, __version__
from convokit.cli.speaking import FINE, say

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
LONGEST = 40
"""How many characters a transport's name may have."""
_TAKEN = frozenset({"test", "testing", "sdk", "core", "transport", "transports"})


def transport(name: str, folder: str | None = None) -> int:
    """Write the project of a new transport.

    Args:
        name: Lower-case letters, digits and "-", at most 40: the channel's name, and that of package and class.
        folder: Where; a new folder `convokit-NAME` when left out.

    Raises:
        DefinitionError: The name has other characters, or the folder exists and is not empty.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST or name in _TAKEN:
        raise DefinitionError(
            f"a transport's name has lower-case letters, digits and '-', begins with a letter, has at most {LONGEST} "
            f"characters and is a platform's, such as pigeon or carrier-pigeon, not {name!r:.60}"
        )
    place = Path(folder or f"convokit-{name}")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise DefinitionError(f"{place} exists and is not empty: name another folder with --folder")
    words = {
        "convokit_pigeon": f"convokit_{name.replace('-', '_')}",
        "pigeon_post": f"{name.replace('-', '_')}_post",
        "test_pigeon": f"test_{name.replace('-', '_')}",
        "PIGEON": name.replace("-", "_").upper(),
        "Pigeon": "".join(part.capitalize() for part in name.split("-")),
        "pigeon": name,
        "CONVOKIT_VERSION": __version__,
    }
    written = list(_written(files("convokit.cli").joinpath("scaffold", "transport"), place, words))
    say(f"{place} has {len(written)} files. What to do next:")
    say(f"  cd {place}")
    say('  python -m pip install -e ".[serve,test]"')
    say("  pytest                     # convokit's own suite for transports, on the platform that is there")
    say("  less README.md             # how to try it; then put your platform in place of the one that is there")
    return FINE


def _written(there: Traversable, here: Path, words: dict[str, str]) -> list[Path]:
    here.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for one in sorted(there.iterdir(), key=lambda entry: entry.name):
        name = _named(one.name, words)
        if one.is_dir():
            made += _written(one, here / name, words)
        elif name.endswith(".txt"):
            plain = name.removesuffix(".txt")
            file = here / (".gitignore" if plain == "gitignore" else plain)
            file.write_text(_named(one.read_text(encoding="utf-8"), words), encoding="utf-8")
            made.append(file)
    return made


def _named(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found.group()], text)
