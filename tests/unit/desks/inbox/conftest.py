from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that operators send are kept below the current folder: not in the one that the tests run in."""
    monkeypatch.chdir(tmp_path)
