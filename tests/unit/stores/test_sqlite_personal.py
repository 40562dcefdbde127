"""Personal data in SQLite's files: what is erased is in none of them, and nobody waits for it."""

import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import anyio
import pytest
from attrs import evolve

from convokit.abc import Timer
from convokit.conversations import ConversationId, Handoff
from convokit.errors import StoreUnavailable
from convokit.events import MessageReceived
from convokit.people import User
from convokit.stores import SQLite
from convokit.stores.sqlite import erasing, privacy
from convokit.testing.store_contract import HandClock, StoreUser

CANARY = "zebra-lemonade-4711"


@pytest.fixture
async def user(tmp_path: Path) -> AsyncIterator[StoreUser]:
    user = StoreUser(SQLite(tmp_path / "bot.db"), HandClock())
    await user.store.open(user.clock)
    yield user
    await user.store.close()


async def beside(user: StoreUser) -> SQLite:
    """The store as another process opens it, which does not claim."""
    assert isinstance(user.store, SQLite)
    other = SQLite(user.store.path)
    await other.open(user.clock, claims=False)
    return other


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def told_by(folder: Path) -> list[str]:
    """The files in which the canary stands."""
    return [one.name for one in folder.iterdir() if CANARY.encode() in one.read_bytes()]


async def filled(user: StoreUser, by: str = "ada") -> None:
    """Put the canary wherever a person's data can be."""
    user_ = User(id=by, name=CANARY, username=CANARY)
    where = ConversationId("test", by)
    said = [
        MessageReceived(id=f"{by}{n}", conversation=where, at=user.clock.now(), user=user_, text=f"{CANARY} {n}" * n)
        for n in range(1, 60)
    ]
    await user.store.accept(said[:40])
    while lanes := await user.claims():
        (lane,) = lanes
        seq = lane.events[0].seq
        if seq == 7:
            await user.store.remember(lane, seq, "call", CANARY.encode())
            await user.store.release(lane, error=CANARY, park=True)
            continue
        handoff = Handoff(
            id="h", queue=CANARY, reason=CANARY, opened_at=user.clock.now(), closed_at=user.clock.now(), outcome=CANARY
        )
        timer = Timer(conversation=where, name=CANARY, due=user.clock.now() + timedelta(days=1), data={"x": CANARY})
        kept = await user.commits(
            lane,
            state=evolve(lane.conversation, user=user_, memory={CANARY: CANARY}),
            sends=[evolve(user.send(f"{where}:{seq}:0", text=CANARY), conversation=where)],
            entries=[user.entry(f"b:{seq}:0", CANARY), user.entry("", CANARY, "note", private=True, by="maya")],
            timers=[timer],
            closed=[handoff],
            facts={f"test:{by}": {"name": CANARY}},
        )
        assert kept
        if seq % 3 == 0:
            for row in await user.takes():
                await user.settles(row.key, "failed" if seq % 2 else "sent", reason=CANARY, platform_id=CANARY)
    await user.store.accept(said[40:])
    for shelf in ("visitors", "context", "files"):
        await user.store.keep(shelf, f"{shelf}-{by}", CANARY.encode(), about=f"test:{by}")
    await user.store.keep("aliases", by, b"test:v_1", about=f"test:{by}")
    await user.store.keep("visitors", "v_1", CANARY.encode(), about="test:v_1")


async def test_what_was_erased_is_in_no_file_any_more(user: StoreUser, tmp_path: Path) -> None:
    await filled(user)
    await user.hears("hello", by="bob")
    assert told_by(tmp_path) != []

    other = await beside(user)
    erased = await other.erase("test:ada", by="root")
    await other.close()

    assert erased.counts["entries"] > 100
    assert told_by(tmp_path) == []
    assert (tmp_path / "bot.db-wal").stat().st_size == 0
    assert await user.store.check() == []
    await user.store.close()
    assert (
        rows_of(tmp_path / "bot.db", "SELECT name FROM meta WHERE name GLOB 'erasing:*' OR name GLOB 'turns:*'") == []
    )
    assert told_by(tmp_path) == []
    assert rows_of(tmp_path / "bot.db", "PRAGMA integrity_check") == [("ok",)]


async def test_what_was_erased_in_a_room_is_in_no_file_any_more(
    user: StoreUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "PIECE", 20)
    room = ConversationId("test", "room")
    told = []
    for n in range(100):
        by, text = ("ada", f"{CANARY} {n}") if n % 2 else ("bob", "hello")
        who = User(id=by, name=by)
        told.append(MessageReceived(id=f"r{n}", conversation=room, at=user.clock.now(), user=who, text=text))
    await user.store.accept(told)
    while lanes := await user.claims():
        (lane,) = lanes
        one = lane.events[0]
        entry = user.entry(f"b:{one.seq}:0", f"you said {one.event.text}")
        send = evolve(user.send(f"{room}:{one.seq}:0", text=one.event.text), conversation=room)
        if one.seq < 70:
            await user.commits(lane, entries=[entry], sends=[send])
        else:
            break
    erased = await user.store.erase("test:ada")
    assert erased.counts["entries"] == 50 + 34
    assert told_by(tmp_path) == []
    assert (await user.store.log(room)).head == 100 + 69
    assert await user.store.check() == []


async def test_a_turn_in_another_process_is_fenced(user: StoreUser) -> None:
    """Leases live in the memory of the process that claims: whoever erases does not know them."""
    other = await beside(user)
    for keeps in ([], ["log"]):
        await user.hears("secret")
        lane = await user.claims_one()
        await other.erase("test:ada", keeps=keeps)
        await user.hears("new")
        assert not await user.store.flush(lane, lane.events[0].seq, [], [user.entry("b", CANARY)])
        await user.store.remember(lane, lane.events[0].seq, "call", CANARY.encode())
        assert not await user.commits(lane, entries=[user.entry("b", CANARY)], error="boom")
        await user.store.release(lane, error=CANARY, park=True)
        assert list(await user.store.failed(10)) == []
        lane = await user.claims_one()  # at once: the lease was given up with the refusal
        assert (lane.events[0].event.text, lane.attempts) == ("new", 0)
        assert await user.commits(lane)
    await other.close()
    assert isinstance(user.store, SQLite)
    assert rows_of(user.store.path, "SELECT count(*) FROM once") == [(0,)]
    assert await user.store.check() == []


async def test_a_room_goes_on_at_once_after_an_erasure(user: StoreUser) -> None:
    room, other = ConversationId("test", "room"), await beside(user)
    for by in ("bob", "ada"):
        event = MessageReceived(id=by, conversation=room, at=user.clock.now(), user=User(id=by), text=f"I am {by}")
        await user.store.accept([event])
    lane = await user.claims_one()
    await other.erase("test:ada")
    await other.close()
    assert not await user.commits(lane)
    lane = await user.claims_one()
    assert [one.event.text for one in lane.events] == ["I am bob", ""]


async def test_an_erasure_that_was_cut_off_is_finished_by_the_next_purge(
    user: StoreUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(user)

    async def killed(_: privacy.Privacy) -> None:
        raise StoreUnavailable("killed")

    monkeypatch.setattr(privacy.Privacy, "sweep", killed)
    with pytest.raises(StoreUnavailable, match="killed"):
        await user.store.erase("test:ada")
    monkeypatch.undo()
    assert await user.remembers() == []
    assert await user.logged() == []
    assert await user.store.check() == []
    await user.hears("I am new")

    await user.store.purge(user.clock.now() - timedelta(days=8))
    assert rows_of(tmp_path / "bot.db", "SELECT count(*) FROM log") == [(1,)]
    assert rows_of(tmp_path / "bot.db", "SELECT count(*) FROM turn") == [(0,)]
    assert rows_of(tmp_path / "bot.db", "SELECT name FROM meta WHERE name GLOB '*:*'") == [("log:2",)]
    again = [user.said("again", event_id="ada1"), user.said("again", event_id="ada33")]
    assert list(await user.store.accept(again)) == [False, False]
    await user.store.erase("test:ada")
    await user.store.close()
    assert told_by(tmp_path) == []


async def test_the_number_of_a_conversation_is_never_another_ones(user: StoreUser) -> None:
    """A turn that runs holds it: were it given again, one conversation's turn could be written into another."""
    await user.hears("hello", by="ada")
    lane = await user.claims_one()
    for name in ("bob", "cem"):
        await user.store.erase("test:ada")
        await user.hears("hello", by=name)
        await user.hears("hello again", by="ada")
    assert isinstance(user.store, SQLite)
    numbers = rows_of(user.store.path, "SELECT id, conv FROM lane ORDER BY conv")
    assert numbers == [("bob", 3), ("ada", 4), ("cem", 5)]  # and 1 and 2 were Ada's
    assert not await user.commits(lane)


async def test_the_audit_trail_can_only_be_added_to(user: StoreUser, tmp_path: Path) -> None:
    await user.store.erase("test:ada")
    with sqlite3.connect(tmp_path / "bot.db") as db:
        for statement in ("DELETE FROM audit", "UPDATE audit SET at = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                db.execute(statement)
    db.close()
    assert len(await user.store.audited(10)) == 1


@pytest.mark.slow
async def test_writers_do_not_wait_for_an_erasure_or_a_purge(
    user: StoreUser, capsys: pytest.CaptureFixture[str]
) -> None:
    """The erasure in a process of its own, as `convokit erase` is; the bounds are wide, for a busy machine."""
    for n in range(0, 50_000, 5000):
        entries = [user.entry(f"k{n + one}", f"{CANARY} {one}") for one in range(5000)]
        for name in ("ada", "bob"):
            await user.hears("hello", by=name)
        for lane in await user.claims():
            assert await user.commits(lane, entries=entries)
    user.clock.passes(days=10)
    assert isinstance(user.store, SQLite)
    url = f"sqlite:///{user.store.path}"
    command = [sys.executable, "-m", "convokit", "erase", "test:ada", "--store", url, "--yes"]
    for what in ("nothing", "erase", "purge"):
        waits: list[float] = []
        over = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keeps_writing, user, what, waits, over)
            began = perf_counter()
            if what == "nothing":
                await anyio.sleep(3)
            elif what == "erase":
                assert b"entries" in (await anyio.run_process(command)).stdout
            else:
                old = user.clock.now() - timedelta(days=8)
                assert await user.store.purge(old, log=old) >= 50_010
            took = perf_counter() - began
            over.set()
        waits.sort()
        middle, late = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
        with capsys.disabled():
            sys.stdout.write(
                f"\n{what}: {took:.1f} s, {len(waits)} accepts beside it: median {middle * 1000:.1f} ms, "
                f"p99 {late * 1000:.1f} ms, longest {waits[-1] * 1000:.0f} ms\n"
            )
        assert len(waits) > 50
        assert late < 0.5
    assert await user.store.check() == []


async def keeps_writing(user: StoreUser, what: str, waits: list[float], over: anyio.Event) -> None:
    """Accept one event after the other, and note how long each took."""
    while not over.is_set():
        began = perf_counter()
        await user.hears("hello", by=f"{what}{len(waits) // 500}")
        waits.append(perf_counter() - began)


async def test_a_damaged_entry_stops_neither_counting_nor_forgetting(user: StoreUser, tmp_path: Path) -> None:
    async def says(*texts: str) -> None:
        await user.hears(*texts)
        while lanes := await user.claims():
            assert await user.commits(lanes[0])

    began = user.clock.now()
    await says("one", "two")
    user.clock.passes(days=1)
    await says("three", "four")
    db = sqlite3.connect(tmp_path / "bot.db")
    db.execute("UPDATE log SET entry = x'7b' WHERE number IN (1, 3)")
    db.commit()
    db.close()

    assert await user.store.check() == [
        "an entry of the log of test:ada cannot be read: Input data was truncated; and 1 more"
    ]
    assert (await user.store.stats()).oldest["log"] == began
    assert len((await user.store.export("test:ada")).conversations[0].entries) == 2
    user.clock.passes(days=29)
    assert await user.store.purge(began - timedelta(days=1), log=began + timedelta(hours=1)) == 2
    assert rows_of(tmp_path / "bot.db", "SELECT number FROM log ORDER BY number") == [(3,), (4,)]
    assert (await user.store.stats()).oldest["log"] == began + timedelta(days=1)

    db = sqlite3.connect(tmp_path / "bot.db")
    db.execute("UPDATE log SET entry = x'7b'")
    db.commit()
    db.close()
    assert "log" not in (await user.store.stats()).oldest
    limit = user.clock.now() - timedelta(days=8)
    assert await user.store.purge(began - timedelta(days=1), log=limit) == 0, "nobody knows how old they are"
    await user.store.erase("test:ada")
    assert rows_of(tmp_path / "bot.db", "SELECT * FROM log") == []
    assert await user.store.check() == []
