"""One damaged row in a SQLite file: whose it is waits, everybody else is served."""

import logging
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from convokit import Bot, Turn
from convokit.stores import SQLite
from convokit.testing import Simulation
from convokit.testing.store_contract import HandClock, StoreUser

pytestmark = pytest.mark.anyio


def echo() -> Bot:
    bot = Bot("echo")

    @bot.text("remind me")
    async def reminds(turn: Turn) -> None:
        turn.remind(timedelta(minutes=5), "tea")

    @bot.timer("tea")
    async def tea(turn: Turn) -> None:
        turn.reply("Tea!")

    @bot.fallback
    async def anything(turn: Turn) -> None:
        turn.reply(f"you said {turn.text}")

    return bot


def damage(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    assert db.execute(statement).rowcount == 1
    db.commit()
    db.close()


async def test_a_state_that_cannot_be_read_stops_nobody_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "bot.db"
    async with Simulation(echo(), store=SQLite(path)) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await ada.says("hi")
        damage(path, "UPDATE lane SET state = x'7b' WHERE id = 'ada'")
        assert await ada.says("again") == []
        assert await bob.says("hi") == ["you said hi"]
        assert (await world.engine.stats()).waiting == 1
        told = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
        assert [one.split(" what")[0] for one in told] == ["conversation=simulation:ada"]
        await world.passes(minutes=61)
        assert await bob.says("still there") == ["you said still there"]


async def test_a_timer_that_cannot_be_read_is_among_the_failed_events(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with Simulation(echo(), store=SQLite(path)) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await ada.says("remind me")
        await bob.says("remind me")
        damage(path, "UPDATE timer SET body = x'7b' WHERE conv = (SELECT conv FROM lane WHERE id = 'ada')")
        assert (await world.engine.store.check())[0].startswith("a reminder of simulation:ada cannot be read")
        await world.passes(minutes=6)
        assert (ada.hears(), bob.hears()) == ([], ["Tea!"])
        (failed,) = await world.engine.failed()
        assert failed.error.startswith("the store holds a reminder that cannot be read")
        assert await ada.says("hi") == ["you said hi"]


async def test_a_message_that_cannot_be_read_stops_nobody_else(tmp_path: Path) -> None:
    user = StoreUser(SQLite(tmp_path / "bot.db"), HandClock())
    await user.store.open(user.clock)
    await user.writes(user.send("a", to="ada"))
    await user.writes(user.send("b", to="bob"))
    damage(tmp_path / "bot.db", "UPDATE outbox SET body = x'7b' WHERE key = 'a'")
    assert [one.key for one in await user.takes()] == ["b"]
    await user.settles("b", "sent")
    assert (await user.store.stats()).sends == {"in flight": 1, "sent": 1}
    assert await user.store.check() == ["a message of test:ada cannot be read: Input data was truncated"]
    await user.store.close()


async def test_a_purge_that_fails_is_told_and_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(SQLite):
        tried = 0

        async def purge(self, *args: object, **kwargs: object) -> int:
            self.tried += 1
            raise ValueError("a row cannot be read")

    store = Failing(tmp_path / "bot.db")
    async with Simulation(echo(), store=store) as world:
        await world.passes(days=65)
        assert store.tried == 2
        assert await world.user("Ada").says("hi") == ["you said hi"]
    assert "purge failed" in caplog.text
