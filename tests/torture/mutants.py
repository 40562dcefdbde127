"""Engines and stores with one mistake each: whoever says that the promises hold must find every one of them out.

A mutant is a patch on a seam, put on in one process, and counted: one that no longer fits, or that nothing has come
by, fails the test that uses it. The judges are the torture run (`mutant_victim.py` is its victim), the simulation in
`tests/chance` and the state machine in `tests/contracts`. `MUTANTS` says which of them finds what.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import mistakes
import pytest
from attrs import frozen
from patching import Patches

Where = Literal["engine", "sqlite", "memory"]


@frozen(kw_only=True)
class Tortured:
    """How a torture run finds a mutant out.

    Args:
        by: The lines of its verdict of which one at least must be broken.
        points: Where the victim is killed; one life each.
        each: How many lives are late, suspended and stopped, of each kind.
        messages: How many events are delivered at least.
        calm: How many webhooks each line delivers in the calm.
    """

    by: tuple[str, ...]
    points: tuple[str, ...] = ()
    each: int = 0
    messages: int = 60
    calm: int = 2


@frozen(kw_only=True)
class Mutant:
    """One mistake, and who finds it out.

    Args:
        name: What it is called.
        mistake: What it does wrong, by the list of those that must be found out.
        patches: What puts it on: in the engine, or in each store.
        torture: How the torture run finds it.
        chance: What the simulation says then, as a pattern; empty: it is not asked.
        machine: In which of the state machine's functions an assertion fails then; empty: it is not asked, because it
            sees no engine.
        ends: The named points at which the lives of the simulated world end, in place of those that a seed draws.
    """

    name: str
    mistake: str
    patches: Mapping[Where, Callable[[Patches], None]]
    torture: Tortured
    chance: str = ""
    machine: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()

    @contextmanager
    def put_on(self, store: Literal["sqlite", "memory"]) -> Iterator[Patches]:
        """Make the mistake in this process, over one kind of store, until the end; raises `Unfit`."""
        with pytest.MonkeyPatch.context() as patch:
            patches = Patches(patch)
            self.apply(patches, store)
            yield patches

    def apply(self, patches: Patches, store: Literal["sqlite", "memory"]) -> None:
        """Make the mistake, over one kind of store."""
        for where in ("engine", store):
            if where in self.patches:
                self.patches[where](patches)


ALWAYS = "nothing_is_lost_and_nothing_idle_has_work"

MUTANTS = (
    Mutant(
        name="answers_first",
        mistake="200 before commit",
        patches={"engine": mistakes.answers_first},
        torture=Tortured(by=("lost",), points=("turn_committed", "lane_claimed", "send_settled", "turn_committed")),
        chance=r"answered with 200 and are lost",
    ),
    Mutant(
        name="takes_all_for_new",
        mistake="no dedupe",
        patches={"memory": mistakes.takes_all_for_new_in_memory, "sqlite": mistakes.takes_all_for_new_in_sqlite},
        torture=Tortured(by=("handled twice",)),
        chance=r"were handled twice",
        machine=("webhook",),
    ),
    Mutant(
        name="fences_nothing",
        mistake="no fence",
        patches={"memory": mistakes.fences_nothing_in_memory, "sqlite": mistakes.fences_nothing_in_sqlite},
        torture=Tortured(by=("lost", "state unequal to outbox"), each=1, messages=30),
        chance=r"a turn of epoch \d+ was written though \d+ has it",
        machine=("commits",),
    ),
    Mutant(
        name="lets_sleep",
        mistake="lost wake-up",
        patches={"memory": mistakes.lets_sleep_in_memory, "sqlite": mistakes.lets_sleep_in_sqlite},
        torture=Tortured(by=("left waiting", "nobody woken")),
        chance=r"nobody was woken|of calm there is still something to do",
        machine=("claims", ALWAYS),
    ),
    Mutant(
        name="wakes_no_sender",
        mistake="lost wake-up",
        patches={"engine": mistakes.wakes_no_sender},
        torture=Tortured(by=("left waiting", "nobody woken"), messages=30, calm=1),
        chance=r"nobody was woken|of calm there is still something to do",
    ),
    Mutant(
        name="marks_late",
        mistake="in-flight mark after the call",
        patches={"memory": mistakes.marks_late_in_memory, "sqlite": mistakes.marks_late_in_sqlite},
        torture=Tortured(by=("doubled with evidence",), points=("send_answered",) * 8),
        chance=r"arrived \d+ times though the platform gives proof",
        machine=("claims_sends",),
    ),
    Mutant(
        name="overtakes",
        mistake="outbox out of order",
        patches={"memory": mistakes.overtakes_in_memory, "sqlite": mistakes.overtakes_in_sqlite},
        torture=Tortured(by=("replies out of order",)),
        chance=r"out of order: .* was tried before it",
        machine=("claims_sends", ALWAYS),
    ),
    Mutant(
        name="fires_again",
        mistake="timer fired twice",
        patches={"memory": mistakes.fires_again_in_memory, "sqlite": mistakes.fires_again_in_sqlite},
        torture=Tortured(by=("timers fired twice",), points=("timers_fired",) * 3),
        chance=r"timers fired",
        machine=("fire", ALWAYS),
        ends=("timers_fired", "timers_fired"),
    ),
    Mutant(
        name="writes_rows_later",
        mistake="turn committed without its outbox",
        patches={"memory": mistakes.writes_rows_later_in_memory, "sqlite": mistakes.writes_rows_later_in_sqlite},
        torture=Tortured(by=("replies lost",), points=("turn_committed",) * 5),
        chance=r"never arrived",
        machine=(ALWAYS,),
        ends=("turn_committed", "turn_committed"),
    ),
)
"""Every mutant, with its judges: the torture run for each, and the simulation or the state machine, or both."""

MISTAKES = (
    "200 before commit",
    "no dedupe",
    "no fence",
    "lost wake-up",
    "in-flight mark after the call",
    "outbox out of order",
    "timer fired twice",
    "turn committed without its outbox",
)
"""Every mistake that must be found out."""

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
