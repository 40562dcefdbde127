"""A process is killed again and again while platforms deliver and lose: every promise of the table holds.

The run itself is `convokit.testing.torture`, the same that `convokit torture` starts. `pytest tests/torture -s` prints
what it found, and its seed: `CONVOKIT_SEED=… pytest tests/torture -s` repeats it.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from convokit import DefinitionError
from convokit._engine.clock import SystemClock
from convokit._engine.points import POINTS
from convokit.conversations import ConversationId
from convokit.events import MessageReceived
from convokit.stores import SQLite
from convokit.testing.torture import Torture, Verdict, VictimBroken, wires

pytest.importorskip("uvicorn", reason="the process that is killed takes webhooks: the extra `serve` brings a server")


def free_port() -> int:
    """A port nobody listens on."""
    return wires.free_port(random.Random())


async def tortured(folder: Path, **wanted: Any) -> Verdict:
    """One run, whose promises held."""
    seed = int(os.environ.get("CONVOKIT_SEED") or random.randrange(1 << 32))
    verdict = await Torture(seed=seed, folder=folder, **wanted).run()
    print(f"\n{json.dumps(verdict.as_json(), indent=1)}")
    assert verdict.held, (seed, [(row.name, row.examples) for row in verdict.broken])
    return verdict


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


async def test_a_few_kills_break_no_promise(tmp_path: Path) -> None:
    points = ("send_answered", "accepted_before_200")
    verdict = await tortured(
        tmp_path, kills=3, points=points, each=0, chats=6, messages=50, calm=1, evidence_wait=2.0, pace=0.1
    )
    assert verdict.facts["kills"] == 3
    assert verdict.facts["accepted"] >= 50


@pytest.mark.slow
async def test_two_hundred_kills_break_no_promise(tmp_path: Path) -> None:
    verdict = await tortured(tmp_path, kills=200, store=f"sqlite:///{tmp_path / 'torture.db'}")
    assert verdict.facts["kills"] == 200
    assert verdict.facts["at named points"] == len(POINTS)
    # It was torture, and not a stroll: answers were lost, and somebody was told twice where nobody can know.
    assert verdict.facts["webhooks"]["no answer"] > 100
    assert verdict.count("doubled with neither") > 0


async def test_a_store_that_somebody_uses_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    store = SQLite(path)
    await store.open(SystemClock())
    ada = ConversationId("web", "ada")
    await store.accept([MessageReceived(id="1", conversation=ada, at=SystemClock().now(), text="hi")])
    await store.close()
    with pytest.raises(DefinitionError, match="has 1 conversations already"):
        await Torture(store=f"sqlite:///{path}", folder=tmp_path).run()


async def test_a_store_that_is_lost_with_its_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="outlives the process"):
        await Torture(store="memory:", folder=tmp_path).run()


async def test_a_victim_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(VictimBroken, match="ended before it listened") as told:
        await Torture(victim=("python", "-c", "raise SystemExit('no such bot')"), kills=1, points=(), each=0).run()
    assert "no such bot" in str(told.value)
