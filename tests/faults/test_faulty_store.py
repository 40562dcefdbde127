"""The store with faults itself: what it does to a call, that a seed repeats it, and that no method is forgotten."""

import inspect
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from convokit import ConversationId, MessageReceived, StoreUnavailable, User
from convokit.abc import Committed, Store
from convokit.conversations import Conversation
from convokit.stores import Memory
from convokit.testing import FaultyStore, Spared, VirtualClock

pytestmark = pytest.mark.anyio

NEVER = {"before": 0.0, "after": 0.0, "slow": 0.0, "half": 0.0}


def said(name: str) -> MessageReceived:
    where = ConversationId("test", name)
    return MessageReceived(
        id="1", conversation=where, at=datetime(2026, 1, 5, tzinfo=UTC), user=User(id=name), text="hi"
    )


async def opened(**chances: float) -> FaultyStore:
    store = FaultyStore(Memory(), 1, **{**NEVER, **chances})
    await store.open(VirtualClock())
    return store


async def turns(store: FaultyStore, names: list[str]) -> list[Committed]:
    """What ends the turns of one event in each of these conversations."""
    await store.store.accept([said(name) for name in names])
    lanes = await store.store.claim("worker", 100, 30)
    return [
        Committed(epoch=one.epoch, seq=1, conversation=Conversation(id=one.conversation.id, version=1)) for one in lanes
    ]


async def test_a_fault_before_leaves_nothing_and_one_after_leaves_all_of_it() -> None:
    for chance, waiting in (("before", 0), ("after", 1)):
        store = await opened(**{chance: 1.0})
        with pytest.raises(StoreUnavailable, match="accept: a fault of seed 1"):
            await store.accept([said("ada")])
        assert (await store.store.stats()).waiting == waiting
        assert store.did == [f"accept: {chance}"]


async def test_of_a_commit_of_several_turns_it_does_some_and_fails() -> None:
    store = await opened(half=1.0)
    names = [f"user{number}" for number in range(10)]
    batch = await turns(store, names)
    with pytest.raises(StoreUnavailable, match=r"commit: .* the turns .* happened"):
        await store.commit(batch)
    done = (await store.store.stats()).turns
    assert 0 < done < 10
    store.heal()
    # Who calls again with the whole batch: what was done is fenced, the others are written once.
    assert sum(await store.commit(batch)) == 10 - done
    assert (await store.store.stats()).turns == 10


async def test_one_turn_alone_has_no_half() -> None:
    store = await opened(half=1.0)
    assert list(await store.commit(await turns(store, ["ada"]))) == [True]


async def test_a_slow_call_does_what_it_should() -> None:
    store = await opened(slow=1.0)
    assert list(await store.accept([said("ada")])) == [True]
    assert store.did == ["accept: slow"]


async def some(seed: int) -> list[str]:
    store = FaultyStore(Memory(), seed)
    await store.open(VirtualClock())
    for _ in range(200):
        with suppress(StoreUnavailable):
            await store.accept([said("ada")])
    return store.did


async def test_the_same_seed_and_calls_meet_the_same_faults_about_as_often_as_was_asked_for() -> None:
    first = await some(7)
    assert first == await some(7)
    assert first != await some(8)
    counted = Counter(first)
    assert set(counted) == {"accept: before", "accept: after", "accept: slow"}
    assert all(2 <= times <= 40 for times in counted.values()), counted


async def test_it_heals_and_a_test_that_looks_into_it_is_spared() -> None:
    store = await opened(before=1.0)
    with Spared():
        assert (await store.stats()).waiting == 0
        with Spared(meet=True), pytest.raises(StoreUnavailable):
            await store.stats()
        assert (await store.stats()).waiting == 0
    with pytest.raises(StoreUnavailable):
        await store.stats()
    assert store.told == "faults of seed 1: stats: before, stats: before"
    store.heal()
    assert (await store.stats()).waiting == 0


async def test_leases_are_no_longer_than_asked_for_however_they_are_handed_over() -> None:
    store, clock = FaultyStore(Memory(), 1, **NEVER), VirtualClock()
    await store.open(clock)
    store.longest_lease = 1
    await store.accept([said("ada"), said("bob")])
    (first,) = await store.claim("worker", 1, 30)
    (second,) = await store.claim(worker="worker", limit=1, lease=30)
    await store.renew([first, second], 30)
    await clock.move_to(clock.now().replace(second=2))
    assert len(await store.claim("worker", 10, 30)) == 2


def test_no_method_and_no_attribute_of_the_seam_is_forgotten() -> None:
    store: Any = FaultyStore(Memory(), 1)
    for name, _ in inspect.getmembers(Store, inspect.isfunction):
        if not name.startswith("_"):
            assert getattr(type(store), name).__qualname__ == f"FaultyStore.{name}", name
    for name in Store.__annotations__:
        assert getattr(store, name) == getattr(store.store, name)
    store.most_waiting = 17
    assert store.store.most_waiting == 17


def test_what_is_to_be_spared_is_a_method() -> None:
    with pytest.raises(ValueError, match="spare names no methods of a store: comit"):
        FaultyStore(Memory(), 1, spare=["comit", "claim"])
