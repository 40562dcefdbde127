"""A wait for a platform's proof: it counts only while somebody is there to whom the proof could come."""

from datetime import timedelta

import pytest
from test_engine import Proving

from convokit import Bot, ConversationId, Settings, Unreachable
from convokit._engine import outbox
from convokit.abc import Proof, Request
from convokit.stores import Memory
from convokit.testing import VirtualClock

pytestmark = pytest.mark.anyio

SETTINGS = Settings(poll=86_400, purge_every=86_400, evidence_wait=30)
ADA = ConversationId("proving", "ada")


@pytest.mark.parametrize("proven", [True, False], ids=["the proof comes", "no proof comes"])
async def test_a_wait_that_a_stop_cut_short_begins_anew(proven: bool) -> None:
    bot, platform, clock, store = Bot("echo"), Proving(Proof.EVIDENCE), VirtualClock(), Memory()
    bot.attach(platform)
    platform.troubles = [Unreachable("proving", "the answer was lost", maybe_sent=True)]
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        await engine.send(ADA, "hi")
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(seconds=1))
    # Nobody was there for an hour: no proof could come, and none is missing.
    await clock.move_to(clock.now() + timedelta(hours=1))
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        await engine.quiet()
        assert len(platform.keys) == 1
        if proven:
            await engine.take(platform, Request(method="POST", body=platform.keys[0].encode(), at=clock.now()))
        await clock.move_to(clock.now() + timedelta(seconds=31))
        await engine.quiet()
        assert len(platform.keys) == (1 if proven else 2)
        assert (await engine.stats()).sends == {"sent": 1}


async def test_what_was_waited_for_is_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_AWAITED", 3)
    bot, platform, clock = Bot("echo"), Proving(Proof.EVIDENCE), VirtualClock()
    bot.attach(platform)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        for number in range(10):
            platform.troubles = [Unreachable("proving", "the answer was lost", maybe_sent=True)]
            await engine.send(ADA, f"hi {number}")
            await engine.quiet()
            await engine.take(platform, Request(method="POST", body=platform.keys[-1].encode(), at=clock.now()))
            await clock.move_to(clock.now() + timedelta(seconds=31))
            await engine.quiet()
        assert len(engine._outbox._awaited) <= 3
        assert (await engine.stats()).sends == {"sent": 10}
        assert len(platform.keys) == 10
