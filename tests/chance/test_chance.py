"""Worlds drawn from seeds: whatever fails and whenever the process dies, no promise is broken."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from world import command, live_through

from convokit._engine.engine import Engine
from convokit._engine.loops import Bell
from convokit._engine.points import POINTS
from convokit.abc import Store
from convokit.stores import Memory

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


# ── worse engines and stores are found out ──────────────────────────────────────────────────────────────────────────

Patches = list[tuple[type, str, Any]]


@contextmanager
def _patched(patches: Patches) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, worse in patches:
            patch.setattr(owner, name, worse)
        yield


def _not_deduplicated() -> Patches:
    return [(Memory, "_known", lambda *_: False)]


def _not_fenced() -> Patches:
    def holding(self: Any, conversation: Any, epoch: int) -> Any:
        return self._lanes.get(conversation)

    def commit(self: Any, prepared: Any, now: int) -> Any:
        lane = self._lanes[prepared.turn.conversation.id]
        state = evolve(prepared.turn.conversation, version=lane.version + 1)
        turn = evolve(prepared.turn, seq=lane.done + 1, conversation=state)
        prepared.turn = turn
        return committed(self, prepared, now) if lane.inbox else False

    committed = Memory._commit
    return [(Memory, "_holding", holding), (Memory, "_commit", commit)]


def _not_woken() -> Patches:
    ring = Bell.ring
    count = [0]

    def rings_mostly(self: Bell) -> None:
        count[0] += 1
        if count[0] % 7:
            ring(self)

    return [(Bell, "ring", rings_mostly)]


def _answered_too_early() -> Patches:
    accept = Engine.accept

    async def accepts_later(self: Engine, events: Any) -> Any:
        assert self._tasks is not None
        self._tasks.start_soon(accept, self, events)
        return [True] * len(events)

    return [(Engine, "accept", accepts_later)]


def _fired_twice() -> Patches:
    fire_due = Memory.fire_due

    async def fires_twice(self: Any, limit: int) -> int:
        before = dict(self._timers)
        count = await fire_due(self, limit)
        if count:
            left = {key: one for key, one in before.items() if key not in self._timers}
            self._timers.update(left)
            await fire_due(self, limit)
        return count

    return [(Memory, "fire_due", fires_twice)]


def _turns_without_outbox() -> Patches:
    return [(Memory, "_write", lambda *_: None)]


def _out_of_order() -> Patches:
    write = Memory._write

    def writes_backwards(self: Any, sends: Any, now: int) -> None:
        write(self, [*reversed(sends)], now)

    return [(Memory, "_write", writes_backwards)]


def _marked_too_late() -> Patches:
    """The row is marked as in flight when the platform has answered: who dies before has no idea of it."""
    opened = Memory.open

    async def forgets_what_was_in_flight(self: Any, clock: Any, *, claims: bool = True) -> None:
        before = {key: row.uncertain for key, row in self._outbox.items()}
        await opened(self, clock, claims=claims)
        for key, uncertain in before.items():
            self._outbox[key].uncertain = uncertain

    return [(Memory, "open", forgets_what_was_in_flight)]


MUTANTS = [
    _not_deduplicated,
    _not_fenced,
    _not_woken,
    _answered_too_early,
    _fired_twice,
    _turns_without_outbox,
    _out_of_order,
    _marked_too_late,
]


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_worse_engine_is_found_out(mutant: Callable[[], Patches]) -> None:
    for seed in range(300):
        with _patched(mutant()):
            world = live_through(seed)
        if world.ledger.problems:
            print(f"{mutant.__name__} is found out by seed {seed}: {world.ledger.problems[0]:.200}")
            return
    pytest.fail(f"{mutant.__name__} lives through 300 worlds")
