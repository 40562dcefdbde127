"""The feeder: within its limit, over every item, through a store that fails, without losing a wake-up."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
import pytest

from convokit._engine.loops import Bell, Feeder
from convokit.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


class Shop:
    """Items to work on, who works on how many at once, and faults to come."""

    def __init__(self, items: int, limit: int) -> None:
        self.waiting = list(range(items))
        self.done: list[int] = []
        self.at_once = 0
        self.most = 0
        self.asked: list[int] = []
        self.faults = 0
        self.moved = anyio.Event()
        self.hold: anyio.Event | None = None
        self.arrives_late: Callable[[], Awaitable[None]] | None = None
        self.feeder = Feeder[int](limit, self.claim, self.work, self.stirred)

    def stirred(self) -> None:
        self.moved.set()
        self.moved = anyio.Event()

    async def claim(self, limit: int) -> Sequence[int]:
        self.asked.append(limit)
        await anyio.lowlevel.checkpoint()
        if self.faults:
            self.faults -= 1
            raise StoreUnavailable("the disk is full")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        if self.arrives_late is not None:
            await self.arrives_late()
        return taken

    async def work(self, item: int) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        for _ in range(item % 3):
            await anyio.lowlevel.checkpoint()
        if self.hold is not None:
            await self.hold.wait()
        self.at_once -= 1
        self.done.append(item)

    async def until_idle(self) -> None:
        while self.feeder.busy:
            await self.moved.wait()


async def test_a_bell_rung_often_is_heard_once_and_never_missed() -> None:
    bell = Bell()
    rounds = 0

    async def listen() -> None:
        nonlocal rounds
        while True:
            await bell.wait()
            rounds += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            bell.ring()
        assert bell.rung
        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        assert (rounds, bell.rung) == (1, False)
        bell.ring()
        await anyio.wait_all_tasks_blocked()
        assert rounds == 2
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(("items", "limit"), [(0, 1), (1, 1), (7, 1), (50, 8), (8, 8), (3, 100)])
async def test_every_item_is_worked_on_once_and_never_more_than_the_limit_at_once(items: int, limit: int) -> None:
    shop = Shop(items, limit)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shop.feeder.run, tasks)
            await anyio.wait_all_tasks_blocked()
            await shop.until_idle()
            tasks.cancel_scope.cancel()
    assert sorted(shop.done) == list(range(items))
    assert shop.most <= limit
    assert all(1 <= asked <= limit for asked in shop.asked)
    assert (shop.feeder.active, shop.feeder.busy) == (0, False)


async def test_what_arrives_while_the_store_is_asked_is_found_in_the_next_round() -> None:
    shop = Shop(0, 4)

    async def another() -> None:
        shop.arrives_late = None
        shop.waiting.append(5)
        shop.feeder.ring()

    shop.arrives_late = another
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shop.feeder.run, tasks)
            await anyio.wait_all_tasks_blocked()
            assert shop.done == [5]
            tasks.cancel_scope.cancel()


async def test_what_arrives_while_all_hands_are_full_is_worked_on_when_one_is_free() -> None:
    shop = Shop(2, 2)
    shop.hold = anyio.Event()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shop.feeder.run, tasks)
            await anyio.wait_all_tasks_blocked()
            assert shop.feeder.active == 2
            shop.waiting += [7, 8, 9]
            shop.feeder.ring()
            await anyio.wait_all_tasks_blocked()
            assert shop.asked == [2]
            shop.hold.set()
            await anyio.wait_all_tasks_blocked()
            assert sorted(shop.done) == [0, 1, 7, 8, 9]
            tasks.cancel_scope.cancel()


async def test_a_store_that_cannot_be_asked_is_asked_again_at_the_next_ring(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(3, 2)
    shop.faults = 2
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shop.feeder.run, tasks)
            await anyio.wait_all_tasks_blocked()
            assert (shop.done, shop.feeder.busy) == ([], False)
            shop.feeder.ring()
            await anyio.wait_all_tasks_blocked()
            assert shop.done == []
            shop.feeder.ring()
            await anyio.wait_all_tasks_blocked()
            assert sorted(shop.done) == [0, 1, 2]
            tasks.cancel_scope.cancel()
    assert caplog.text.count("the disk is full") == 2


async def test_a_feeder_that_stops_finishes_what_it_has_and_claims_no_more() -> None:
    shop = Shop(5, 2)
    shop.hold = anyio.Event()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shop.feeder.run, tasks)
            await anyio.wait_all_tasks_blocked()
            shop.feeder.stopping = True
            shop.hold.set()
            shop.feeder.ring()
            await anyio.wait_all_tasks_blocked()
            assert sorted(shop.done) == [0, 1]
            assert shop.waiting == [2, 3, 4]
            tasks.cancel_scope.cancel()
