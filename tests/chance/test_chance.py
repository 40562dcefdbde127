"""Worlds drawn from seeds: whatever fails and whenever the process dies, no promise is broken."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from world import command, live_through

from convokit._engine.loops import Bell
from convokit._engine.points import POINTS
from convokit.abc import Store

SCRIPT = Path(__file__).parent / "world.py"
ROOT = SCRIPT.parents[2]
SEEDS = 1000
FEW = 8


def looks_at(seeds: str, hash_seed: str = "random") -> subprocess.Popen[str]:
    """A process that lives through seeds, and writes a line of JSON for each."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), seeds, "--json"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )


def tells(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What a process has to tell of its worlds."""
    output, _ = process.communicate()
    return [json.loads(line) for line in output.splitlines()]


def broken(worlds: list[dict[str, Any]]) -> str:
    """What was broken, with how to see it again."""
    return "\n".join(f"{command(one['seed'])}\n    {problem}" for one in worlds for problem in one["problems"])


@pytest.mark.parametrize("seed", range(FEW))
def test_the_world_of_a_seed_breaks_no_promise(seed: int) -> None:
    world = live_through(seed)
    assert not world.ledger.problems, f"{command(seed)}\n" + "\n".join(world.ledger.problems)


def test_a_seed_is_the_same_world_in_every_process() -> None:
    one, other = (tells(looks_at("3:7", hash_seed)) for hash_seed in ("1", "4711"))
    assert [world["fingerprint"] for world in one] == [world["fingerprint"] for world in other]
    assert len({world["fingerprint"] for world in one}) == len(one)
    again = live_through(3)
    assert again.fingerprint == one[0]["fingerprint"]


def test_every_method_of_the_store_goes_through_the_door_that_fails() -> None:
    from chance_store import ChanceStore  # noqa: PLC0415  made from what the seam asks for

    assert not ChanceStore.__abstractmethods__
    assert all(name in vars(ChanceStore) for name in Store.__abstractmethods__)


@pytest.mark.slow
def test_a_thousand_worlds_break_no_promise_and_die_everywhere() -> None:
    step = SEEDS // 2
    processes = [looks_at(f"{first}:{first + step}") for first in range(0, SEEDS, step)]
    worlds = [world for process in processes for world in tells(process)]
    assert len(worlds) == SEEDS
    assert not broken(worlds)
    reached, crashed = Counter[str](), Counter[str]()
    for world in worlds:
        reached.update(world["reached"])
        crashed.update(world["crashed"])
    assert set(reached) == set(POINTS)
    assert set(crashed) == set(POINTS), "the process died nowhere at " + ", ".join({*POINTS} - {*crashed})
    turns, lives = (sum(world[what] for world in worlds) for what in ("turns", "lives"))
    print(f"{SEEDS} worlds, {lives} lives, {turns} turns, {crashed.total()} deaths at named points")


# ── what is worse is found out: see test_mutants_by_chance.py too ───────────────────────────────────────────────────


@pytest.mark.slow
def test_an_engine_whose_bells_sometimes_do_not_ring_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Bell.ring
    count = 0

    def rings_mostly(self: Bell) -> None:
        nonlocal count
        count += 1
        if count % 7:
            ring(self)

    monkeypatch.setattr(Bell, "ring", rings_mostly)
    assert any(live_through(seed).ledger.problems for seed in range(300))
