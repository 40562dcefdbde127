"""`convokit torture`: what it refuses, what its table says, what it returns."""

import json
from pathlib import Path
from typing import Any

import pytest

from convokit.cli import main
from convokit.testing.torture import Row, Torture, Verdict

FACTS: dict[str, Any] = {
    "seed": 7,
    "seconds": 3.2,
    "kills": 20,
    "at named points": 18,
    "lives": {"at a point": 18, "at random": 2, "late": 1},
    "accepted": 100,
    "webhooks": {"calls": 120, "again": 9, "hung up": 4, "no answer": 7},
    "said": 90,
    "calls": 95,
    "faults": {"lost": 3, "busy": 2},
}
HELD = Verdict(rows=(Row(name="lost", count=0), Row(name="doubled with neither", count=3, promised=False)), facts=FACTS)
BROKEN = Verdict(rows=(Row(name="lost", count=1, examples=("keyed:c0: event 7 is gone",)),), facts=FACTS)


def ends_with(monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> list[Torture]:
    """Let every run end with this verdict at once. Returns the runs."""
    runs: list[Torture] = []

    async def run(self: Torture) -> Verdict:
        runs.append(self)
        assert self.folder is not None
        (self.folder / "victim.log").touch()
        return verdict

    monkeypatch.setattr(Torture, "run", run)
    return runs


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_when_every_promise_held_the_table_says_so_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    runs = ends_with(monkeypatch, HELD)
    assert main(["torture", "--kills", "20", "--seed", "7", "--chats", "9", "--messages", "50"]) == 0
    said, complaint = capsys.readouterr()
    assert "seed 7: 20 kills, 18 of them at named points; besides 1 late; 3 seconds" in said
    assert "lost                                 0  ok" in said
    assert "doubled with neither                 3  allowed" in said
    assert said.endswith("Every promise held.\n")
    assert complaint == ""
    assert list(temporary.iterdir()) == []
    assert (runs[0].kills, runs[0].seed, runs[0].chats, runs[0].messages) == (20, 7, 9, 50)


def test_a_broken_promise_is_told_with_an_example_and_what_was_left_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    ends_with(monkeypatch, BROKEN)
    assert main(["torture", "--kills", "20"]) == 1
    said, complaint = capsys.readouterr()
    assert "lost: keyed:c0: event 7 is gone" in said
    assert said.endswith("Broken: lost.\n")
    (kept,) = temporary.iterdir()
    assert str(kept) in complaint


def test_the_verdict_can_be_had_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    ends_with(monkeypatch, BROKEN)
    assert main(["torture", "--kills", "20", "--json"]) == 1
    read = json.loads(capsys.readouterr().out)
    assert (read["held"], read["seed"], read["counts"]) == (False, 7, {"lost": 1})
    assert read["broken"] == {"lost": ["keyed:c0: event 7 is gone"]}


def test_fewer_kills_than_named_points_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["torture", "--kills", "3"]) == 2
    assert "each is hit in every run" in capsys.readouterr().err


def test_a_store_that_is_no_store_is_refused(capsys: pytest.CaptureFixture[str], temporary: Path) -> None:
    assert main(["torture", "--store", "memory:"]) == 2
    assert "outlives the process" in capsys.readouterr().err
    assert list(temporary.iterdir()) == []
