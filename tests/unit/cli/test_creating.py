"""`convokit new transport`: the project works from its first minute, under whatever name."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from convokit.cli import main


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_project_is_certified_by_its_own_tests(in_a_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "transport", "carrier-pigeon"]) == 0
    place = in_a_folder / "convokit-carrier-pigeon"
    assert "convokit-carrier-pigeon has 11 files" in capsys.readouterr().out
    environment = {**os.environ, "PYTHONPATH": str(place / "src")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  what we have just written
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("name", ["x", "pigeon", "carrier-pigeon", "a" * 40, "line2-work"])
def test_every_name_gives_code_that_can_be_read_and_packaging_that_names_it(in_a_folder: Path, name: str) -> None:
    assert main(["new", "transport", name, "--folder", "here"]) == 0
    place = in_a_folder / "here"
    for file in place.rglob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"))
    project = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))
    [(entry, value)] = project["project"]["entry-points"]["convokit.transports"].items()
    module, _, kind = value.partition(":")
    assert entry == name
    assert f"class {kind}(Transport)" in (place / "src" / module / "__init__.py").read_text(encoding="utf-8")
    assert "igeon" not in "".join(map(str, place.rglob("*"))) or "pigeon" in name
    assert (place / ".gitignore").is_file()


@pytest.mark.parametrize("name", ["", "Pigeon", "2x", "a_b", "a--b", "-a", "a-", "../evil", "a" * 41, "é", "test"])
def test_another_name_is_refused(name: str, capsys: pytest.CaptureFixture[str], in_a_folder: Path) -> None:
    assert main(["new", "transport", "--", name]) == 2
    assert "such as pigeon" in capsys.readouterr().err
    assert not any(in_a_folder.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(in_a_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (in_a_folder / "convokit-pigeon").mkdir()
    (in_a_folder / "convokit-pigeon" / "mine").write_text("mine")
    assert main(["new", "transport", "pigeon"]) == 2
    assert "--folder" in capsys.readouterr().err
    assert [one.name for one in (in_a_folder / "convokit-pigeon").iterdir()] == ["mine"]
