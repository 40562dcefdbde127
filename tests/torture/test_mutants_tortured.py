"""The torture run finds every mutant out, by the promise that it breaks.

`CONVOKIT_SEED=… pytest tests/torture/test_mutants_tortured.py -s` looks with another seed.
"""

import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from mutants import BY_NAME, MISTAKES, MUTANTS, Mutant, Tortured
from patching import Patches, Unfit

from convokit.stores import Memory
from convokit.testing.torture import VICTIM, Torture, Verdict, run

pytest.importorskip("uvicorn", reason="the process that is killed takes webhooks: the extra `serve` brings a server")

SCRIPT = Path(__file__).parent / "mutant_victim.py"
SEED = int(os.environ.get("CONVOKIT_SEED") or 4711)
STILL = 3.0
"""Seconds for which nothing happens in the calm until what waits counts as left waiting, or as not woken."""


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


async def tortured(folder: Path, aim: Tortured, *victim: str) -> Verdict:
    """A short run, aimed at a mistake."""
    return await Torture(
        seed=SEED,
        kills=len(aim.points),
        points=aim.points,
        each=aim.each,
        messages=aim.messages,
        calm=aim.calm,
        chats=12,
        pace=0.1,
        evidence_wait=2.0,
        victim=victim or VICTIM,
        folder=folder,
    ).run()


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
async def test_a_torture_run_finds_a_mutant_out(
    mutant: Mutant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STILL_SECONDS", STILL)
    monkeypatch.setattr(run, "WAKE_SECONDS", STILL)
    seen = tmp_path / "seen"
    seen.mkdir()
    verdict = await tortured(tmp_path, mutant.torture, sys.executable, str(SCRIPT), mutant.name, str(seen))
    with mutant.put_on("sqlite") as patches:
        expected = {quote(where, safe="") for where in patches.unused}
    assert {one.name for one in seen.iterdir()} == expected, "the victim never came by some patches"
    broken = {row.name: row.examples for row in verdict.broken}
    counts = {row.name: row.count for row in verdict.broken}
    print(f"\n{mutant.name}: {verdict.facts['seconds']} s, {counts}")
    assert broken.keys() & set(mutant.torture.by), f"{mutant.name} ({mutant.mistake}) survives; broken: {broken}"


@pytest.mark.slow
async def test_the_same_run_without_a_mutant_breaks_no_promise(tmp_path: Path) -> None:
    points = tuple({point for mutant in MUTANTS for point in mutant.torture.points})
    verdict = await tortured(tmp_path, Tortured(by=(), points=points, each=1, messages=100, calm=2))
    assert verdict.held, [(row.name, row.examples) for row in verdict.broken]


# ── the mutants themselves ──────────────────────────────────────────────────────────────────────────────────────────


def test_every_mistake_has_a_mutant_and_every_mutant_two_judges() -> None:
    assert {mutant.mistake for mutant in MUTANTS} == set(MISTAKES)
    assert len(BY_NAME) == len(MUTANTS)
    for mutant in MUTANTS:
        assert mutant.torture.by
        assert mutant.chance or mutant.machine
        assert "engine" in mutant.patches or {"sqlite", "memory"} <= set(mutant.patches)


@pytest.mark.parametrize("store", ["sqlite", "memory"])
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_a_mutant_still_fits(mutant: Mutant, store: str) -> None:
    with mutant.put_on(store) as patches:
        assert patches.unused


def test_a_patch_on_what_is_gone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unfit, match=r"Memory\.no_such_method is gone"):
        Patches(monkeypatch).replace(Memory, "no_such_method", lambda _: None)


def test_a_patch_that_nobody_comes_by_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    patches = Patches(monkeypatch)
    patches.replace(Memory, "stats", lambda stats: stats)
    with pytest.raises(Unfit, match=r"nobody came by Memory\.stats"):
        patches.check()
