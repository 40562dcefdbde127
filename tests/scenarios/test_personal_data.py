"""Personal data in a running bot: erased in the middle of a turn, forgotten with time, gone from the disk."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from convokit import Bot, Settings, Turn, User
from convokit.abc import Store
from convokit.conversations import ConversationId
from convokit.stores import Memory, SQLite
from convokit.testing import Simulation
from convokit.wire.files import FileBox


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return when it holds: a purge does its work beside everything else, and nobody waits for it."""
    with anyio.fail_after(20):
        while not await holds():
            await anyio.sleep(0.001)


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    return Memory if request.param == "memory" else lambda: SQLite(tmp_path / "bot.db", synchronous="NORMAL")


@pytest.mark.faultless("waits for a handler while no time passes")
async def test_who_is_erased_while_a_handler_runs_is_forgotten_and_welcomed_anew(make: Callable[[], Store]) -> None:
    bot, came, go_on = Bot("slow"), anyio.Event(), anyio.Event()

    @bot.fallback
    async def remember(turn: Turn) -> None:
        known = turn.memory.get("name")
        if turn.text.startswith("I am"):
            turn.memory["name"] = turn.profile["name"] = turn.text
            await turn.flush()
            await turn.once("call", lambda: _answer(turn.text))
            came.set()
            await go_on.wait()
        turn.reply(f"I know {known}")

    async with Simulation(bot, store=make()) as world:
        ada = world.user("Ada")
        assert await ada.says("hi") == ["I know None"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ada.says, "I am Ada")
            await came.wait()
            await world.engine.store.erase("simulation:ada", by="test")
            go_on.set()
        assert ada.hears() == []
        assert await ada.says("hello?") == ["I know None"]
        history = await world.engine.history(ada.conversation)
        assert [one.message.text for one in history] == ["hello?", "I know None"]
        assert await world.engine.store.profile("simulation:ada") is None
        assert await world.engine.store.check() == []


async def _answer(text: str) -> str:
    return text


@pytest.mark.faultless("waits for a handler while no time passes")
async def test_a_room_goes_on_when_one_of_it_is_erased(make: Callable[[], Store]) -> None:
    bot, came, go_on = Bot("room"), anyio.Event(), anyio.Event()

    @bot.fallback
    async def echo(turn: Turn) -> None:
        came.set()
        await go_on.wait()
        turn.reply(f"{turn.user.id}: {turn.text}")

    async with Simulation(bot, store=make()) as world:
        ada, bob = world.user("Ada", room="team"), world.user("Bob", room="team")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bob.says, "one")
            await came.wait()
            tasks.start_soon(ada.says, "secret")
            await anyio.wait_all_tasks_blocked()
            await world.engine.store.erase("simulation:ada")
            go_on.set()
        await world.passes(minutes=1)
        await bob.says("two")
        entries = (await world.engine.store.log(ConversationId("simulation", "team"))).entries
        told = [(one.entry.kind, one.entry.message.text) for one in entries]
        assert told == [
            ("said", "one"),
            ("erased", ""),
            ("said", "bob: one"),
            ("said", "two"),
            ("said", "bob: two"),
        ]
        stats = await world.engine.stats()
        assert (stats.waiting, stats.failed) == (0, 0)


async def purged(world: Simulation) -> bool:
    """Whether no purge is under way: two wait for their time, the purge and the alarms."""
    return len(world.clock._sleepers) == 2


@pytest.mark.faultless("nothing is asked of the people here for months")
async def test_four_hundred_days_leave_no_more_than_the_settings_say(make: Callable[[], Store]) -> None:
    settings = Settings(
        keep_log=30, keep_failed=20, keep_conversations=90, keep_accounts=7, remember_handoffs=60, tries=1
    )
    bot = Bot("shop", settings=settings)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.profile["seen"] = turn.text
        if turn.text == "poison":
            raise ValueError(turn.text)
        turn.reply(turn.text)

    async with Simulation(bot, store=make()) as world:
        store, regular = world.engine.store, world.user("Regular")
        sizes = []
        for week in range(58):
            await world.user(f"Guest{week}").says("hello")
            await regular.says(f"week {week}")
            await regular.says("poison")
            await world.passes(days=7)
            await until(lambda: purged(world))
            oldest, now = (await store.stats()).oldest, world.clock.now()
            for kind, days in {"log": 30, "failed": 20, "conversations": 90}.items():
                assert now - oldest[kind] <= timedelta(
                    days=days + 37
                )  # simulations purge by the month; weeks pass here
            sizes.append((await store.stats()).conversations)
        assert max(sizes[20:]) <= max(sizes[:20])
        assert await store.profile("simulation:guest0") is None
        assert await store.profile("simulation:guest57") is not None
        assert await store.profile("simulation:regular") is not None
        numbers = [one.number for one in (await store.log(regular.conversation)).entries]
        assert numbers == list(range(numbers[0], 58 * 3 + 1))
        assert numbers[0] > 58 * 3 - 30
        assert await store.check() == []


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_files_of_an_erased_person_and_old_ones_leave_the_disk(tmp_path: Path) -> None:
    bot = Bot("shop", settings=Settings(files=str(tmp_path / "files"), keep_files=60))

    async with Simulation(bot) as world:
        store = world.engine.store
        box = FileBox(world.engine.files, store, world.clock)

        async def upload(owner: str) -> str:
            async def stream() -> AsyncIterator[bytes]:
                yield b"hello"

            kept = await box.take_in(
                stream(), owner=owner, cid=f"{owner}-0123456789abcdef", declared="text/plain", about=f"web:{owner}"
            )
            return kept.id

        ada, bob = await upload("ada"), await upload("bob")
        erased = await store.erase("web:ada")
        assert erased.files == (ada,)
        assert await box.about(ada) is None
        assert box.path(ada).exists()
        await world.passes(days=31)
        await until(lambda: purged(world))
        assert not await store.on_shelf("files-gone")
        assert [one.name for one in world.engine.files.iterdir()] == [bob]
        for _ in range(2):  # months, one at a time: who is late with one purge misses the next
            await world.passes(days=31)
            await until(lambda: purged(world))
        assert list(world.engine.files.iterdir()) == []


async def test_the_pieces_of_the_guide_work() -> None:
    bot = Bot("pizzeria", settings=Settings(erase_keeps=("log", "handoffs")))
    channel, user, key, value = "web", User(id="ada"), "hash", b"{}"
    conversation = ConversationId(channel, "c_1")
    async with Simulation(bot) as world:
        run = world.engine
        await run.store.keep("visitors", key, value, about=f"{channel}:{user.id}")  # a person
        await run.store.keep("marks", str(conversation), value, about=str(conversation))  # a conversation
        found = await run.store.export("web:ada")
        assert [one.shelf for one in found.shelf] == ["visitors"]
        assert run.settings.erase_keeps == ("log", "handoffs")
