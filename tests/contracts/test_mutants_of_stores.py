"""The state machine finds every store out that makes a mistake, by the promise that it breaks."""

from traceback import walk_tb
from typing import Any

import pytest
import test_store_machine
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from mutants import MUTANTS, Mutant
from test_store_machine import SOME, MemoryMachine, SQLiteMachine

# What was found once is found again, and nobody needs its shortest form.
LOOK = settings(SOME, max_examples=200, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
MACHINES: dict[Any, Any] = {"memory": MemoryMachine, "sqlite": SQLiteMachine}


@pytest.mark.slow
@pytest.mark.parametrize("store", MACHINES)
@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one.machine], ids=lambda one: one.name)
def test_the_state_machine_finds_a_store_out(mutant: Mutant, store: Any) -> None:
    with mutant.put_on(store) as patches, pytest.raises(AssertionError) as found:
        run_state_machine_as_test(MACHINES[store], settings=LOOK)
    patches.check()
    at = [
        frame.f_code.co_name
        for frame, _ in walk_tb(found.tb)
        if frame.f_code.co_filename == test_store_machine.__file__
    ]
    assert at[-1] in mutant.machine, f"{mutant.name} ({mutant.mistake}) was found out by another promise: {found.value}"
