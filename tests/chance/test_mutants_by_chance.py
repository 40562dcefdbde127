"""The simulation finds every mutant out that it is asked about, by the promise that it breaks."""

import re

import pytest
from chance_weather import End
from mutants import MUTANTS, Mutant
from world import World, command, live_through

MOST = 300
"""How many worlds a mutant may live through."""
SOON = 60.0


def finds(mutant: Mutant) -> str:
    """What the first world says that finds a mutant out; empty: none does."""

    def aim(world: World) -> None:
        if mutant.ends:
            world.weather.ends = [End("point", SOON, point=point, count=1) for point in mutant.ends]

    with mutant.put_on("memory") as patches:
        for seed in range(MOST):
            problems = live_through(seed, aim).ledger.problems
            if found := [one for one in problems if re.search(mutant.chance, one)]:
                patches.check()
                return f"seed {seed}: {found[0]:.200}"
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one.chance], ids=lambda one: one.name)
def test_the_simulation_finds_a_mutant_out(mutant: Mutant) -> None:
    found = finds(mutant)
    print(f"\n{mutant.name} is found out by {found}")
    assert found, f"{mutant.name} ({mutant.mistake}) lives through {MOST} worlds, the last of them {command(MOST - 1)}"
