"""A torture run's victim with one mistake: `python mutant_victim.py MUTANT FOLDER` and what the victim takes.

For each patch that something comes by, it puts a file of the patch's name into the folder.
"""

import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from mutants import BY_NAME
from patching import Patches

from convokit.testing.torture import victim


def main(name: str, folder: Path, argv: list[str]) -> None:
    """Make the mistake, and run until killed."""
    patches = Patches(pytest.MonkeyPatch(), told=lambda where: (folder / quote(where, safe="")).touch())
    BY_NAME[name].apply(patches, "sqlite")
    victim.main(argv)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
