"""A clock that is set by an hour, either way, and the nights on which the clocks of a zone change."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import pytest

from convokit import Bot, MessageReceived, Settings, Turn, Unreachable
from convokit.abc import Store
from convokit.desks import Hours
from convokit.stores import Memory, SQLite
from convokit.testing import Simulation

pytestmark = pytest.mark.anyio

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Memory() if request.param == "memory" else SQLite(tmp_path / "bot.db")


async def jump(world: Simulation, by: timedelta) -> None:
    """Set the clock; what sleeps by it is woken if its time has come, and the engine looks, as it does every second."""
    world.clock._now += by
    await world.clock.move_to(world.clock.now())
    world.engine.look()
    await world.settles()


def shop() -> Bot:
    bot = Bot("shop")

    @bot.text("remind")
    async def remind(turn: Turn) -> None:
        turn.remind(timedelta(minutes=30), "soon")

    @bot.timer("soon")
    async def soon(turn: Turn) -> None:
        turn.reply("It is time.")

    @bot.fallback
    async def count(turn: Turn) -> None:
        turn.memory["count"] = turn.memory.get("count", 0) + 1
        turn.reply(f"{turn.memory['count']} {turn.text}")

    return bot


@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_a_chat_goes_on_in_order_over_a_jump(store: Store, by: timedelta) -> None:
    async with Simulation(shop(), store=store) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        assert await ada.says("one") == ["1 one"]
        await jump(world, by)
        assert await ada.says("two") == ["2 two"]
        assert await bob.says("one") == ["1 one"]
        await jump(world, -by)
        assert await ada.says("three") == ["3 three"]
        history = await world.engine.history(ada.conversation)
        assert [one.message.text for one in history] == ["one", "1 one", "two", "2 two", "three", "3 three"]
        stats = await world.engine.stats()
        assert (stats.waiting, stats.failed, stats.sends) == (0, 0, {"sent": 4})


@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_an_event_that_comes_again_after_a_jump_is_still_known(store: Store, by: timedelta) -> None:
    async with Simulation(shop(), store=store) as world:
        ada = world.user("Ada")
        await world.happens(MessageReceived, ada.conversation, ada.user, id="m", text="one")
        await jump(world, by)
        await world.happens(MessageReceived, ada.conversation, ada.user, id="m", text="one")
        assert ada.hears() == ["1 one"]


async def test_a_timer_over_a_jump_forward_fires_at_once_and_once(store: Store) -> None:
    async with Simulation(shop(), store=store) as world:
        ada = world.user("Ada")
        await ada.says("remind")
        await jump(world, HOUR)
        assert ada.hears() == ["It is time."]
        await jump(world, -HOUR)
        await world.passes(hours=3)
        assert ada.hears() == []


async def test_a_timer_over_a_jump_back_fires_once_and_never_early_by_the_stores_clock(store: Store) -> None:
    async with Simulation(shop(), store=store) as world:
        ada = world.user("Ada")
        await ada.says("remind")
        due = world.clock.now() + timedelta(minutes=30)
        await jump(world, -HOUR)
        await world.passes(minutes=89, seconds=59)
        assert ada.hears() == []
        await world.passes(seconds=1)
        assert (ada.hears(), world.clock.now()) == (["It is time."], due)
        await world.passes(hours=3)
        assert ada.hears() == []


@pytest.mark.parametrize(("by", "waits"), [(HOUR, timedelta(0)), (-HOUR, HOUR + timedelta(seconds=2))])
async def test_a_retry_over_a_jump_is_late_by_it_at_most(store: Store, by: timedelta, waits: timedelta) -> None:
    bot, tries = Bot("shop"), [0]

    @bot.fallback
    async def buy(turn: Turn) -> None:
        tries[0] += 1
        if tries[0] == 1:
            raise RuntimeError("the till is jammed")
        turn.reply("Bought.")

    async with Simulation(bot, store=store) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        assert await ada.says("buy") == []
        await jump(world, by)
        assert await bob.says("buy") == ["Bought."]
        await world.passes(seconds=waits.total_seconds())
        assert ada.hears() == ["Bought."]


@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_a_send_that_waits_for_its_next_try_goes_out_once_over_a_jump(store: Store, by: timedelta) -> None:
    async with Simulation(shop(), store=store) as world:
        ada = world.user("Ada")
        world.troubles(Unreachable("simulation", "no line"))
        assert await ada.says("one") == []
        await jump(world, by)
        heard = ada.hears() + await ada.says("two")
        await world.passes(hours=1, seconds=3)
        assert heard + ada.hears() == ["1 one", "2 two"]


@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_a_turn_that_runs_over_a_jump_is_committed_once(store: Store, by: timedelta) -> None:
    bot, arrived, goes_on = Bot("shop", settings=Settings(lease=30)), anyio.Event(), anyio.Event()

    @bot.fallback
    async def slow(turn: Turn) -> None:
        turn.memory["count"] = turn.memory.get("count", 0) + 1
        arrived.set()
        await goes_on.wait()
        turn.reply(f"{turn.memory['count']} {turn.text}")

    async with Simulation(bot, store=store) as world:
        ada = world.user("Ada")
        message = MessageReceived(id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="hi")
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await arrived.wait()
        world.clock._now += by
        await world.clock.move_to(world.clock.now())
        world.engine.look()
        await anyio.wait_all_tasks_blocked()
        goes_on.set()
        with anyio.fail_after(5):
            await world.settles()
        assert ada.hears() == ["1 hi"]
        assert await ada.says("there") == ["2 there"]


# ── the nights of a zone ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 28, 20, tzinfo=UTC),  # at 2 in the night it becomes 3
        datetime(2026, 10, 24, 20, tzinfo=UTC),  # at 3 in the night it becomes 2
        datetime(2026, 6, 1, 20, tzinfo=UTC),
    ],
)
async def test_who_is_to_be_asked_at_nine_is_asked_at_nine_whatever_happens_to_the_clocks(start: datetime) -> None:
    bot = Bot("shop")

    @bot.text("tomorrow")
    async def tomorrow(turn: Turn) -> None:
        here = turn.now.astimezone(BERLIN)
        nine = (here + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
        turn.remind(nine.astimezone(UTC) - turn.now, "nine")

    @bot.timer("nine")
    async def at_nine(turn: Turn) -> None:
        turn.reply(f"{turn.now.astimezone(BERLIN):%d %H:%M}")

    async with Simulation(bot, start=start) as world:
        ada = world.user("Ada")
        await ada.says("tomorrow")
        await world.passes(hours=24)
        assert ada.hears() == [f"{start.day + 1:02} 09:00"]


@pytest.mark.parametrize("start", [datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)])
async def test_a_reminder_in_so_many_hours_comes_after_so_many_hours(start: datetime) -> None:
    async with Simulation(shop(), start=start) as world:
        ada = world.user("Ada")
        await ada.says("remind")
        await world.passes(minutes=29, seconds=59)
        assert ada.hears() == []
        await world.passes(seconds=1)
        assert ada.hears() == ["It is time."]


NIGHT = Hours(zone="Europe/Berlin", week={"sun": "01:30-02:30, 02:40-03:30, 04:00-05:00"})
SPRING = datetime(2026, 3, 29, tzinfo=UTC)
"""From 01:00 UTC on it is two hours later in Berlin: there is no time between 02:00 and 03:00."""
AUTUMN = datetime(2026, 10, 25, tzinfo=UTC)
"""From 01:00 UTC on it is one hour later in Berlin: there are two times between 02:00 and 03:00."""


def open_minutes(day: datetime) -> list[str]:
    """When it opens and closes within seven hours, in UTC, found minute by minute."""
    found, before = list[str](), False
    for minute in range(7 * 60):
        moment = day - timedelta(hours=1) + timedelta(minutes=minute)
        now = NIGHT.is_open(moment)
        if now != before:
            found.append(f"{moment:%H:%M}")
        before = now
    return found


def test_hours_in_a_night_without_them_are_shorter_and_never_end_before_they_begin() -> None:
    # 01:30 to 02:30, which is 03:30 then; the second span overlaps the first; the third is a common one.
    assert open_minutes(SPRING) == ["00:30", "01:30", "02:00", "03:00"]


def test_hours_in_a_night_that_has_them_twice_are_those_of_the_first_time() -> None:
    assert open_minutes(AUTUMN) == ["23:30", "00:30", "00:40", "02:30", "03:00", "04:00"]


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_when_it_opens_and_how_long_it_was_open_agree_with_what_is_open_minute_by_minute(day: datetime) -> None:
    moments = [day - HOUR + timedelta(minutes=one) for one in range(7 * 60)]
    opened = [one for one in moments if NIGHT.is_open(one)]
    for moment in moments[: 6 * 60 : 7]:
        later = [one for one in opened if one >= moment]
        assert NIGHT.opens_at(moment) == (later[0] if later else NIGHT.opens_at(moment))
        if len(later) > 20:
            assert NIGHT.after(moment, timedelta(minutes=20)) == later[19] + timedelta(minutes=1)


def test_hours_that_a_night_leaves_out_do_not_open_and_add_nothing() -> None:
    gap = Hours(zone="Europe/Berlin", week={"sun": "02:30-03:00, 04:00-05:00"})
    before = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)
    assert gap.opens_at(before) == datetime(2026, 3, 29, 2, tzinfo=UTC)
    assert gap.after(before, timedelta(minutes=10)) == datetime(2026, 3, 29, 2, 10, tzinfo=UTC)
