"""What only the SQLite store promises: its files, its disk, its transactions."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from convokit.errors import Conflict, DefinitionError, StoreUnavailable
from convokit.events import Event, SignalReceived
from convokit.stores import SQLite
from convokit.stores.sqlite import files, schema
from convokit.stores.sqlite import writer as writer_module
from convokit.testing.store_contract import HandClock, StoreUser, conversation, texts


@pytest.fixture
async def user(tmp_path: Path) -> AsyncIterator[StoreUser]:
    user = StoreUser(SQLite(tmp_path / "bot.db"), HandClock())
    await user.store.open(user.clock)
    yield user
    await user.store.close()


def writer_of(user: StoreUser) -> writer_module.DatabaseThread:
    assert isinstance(user.store, SQLite)
    assert user.store._run is not None
    return user.store._run.writer


async def pragma(user: StoreUser, statement: str) -> None:
    """Change a setting of the connection that writes."""
    await writer_of(user).run(lambda db: db.execute(statement).fetchall(), writes=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0])
async def test_the_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "new" / "deeper"
    before = os.umask(umask)
    try:
        user = StoreUser(SQLite(folder / "bot.db"), HandClock())
        for _ in range(2):
            await user.store.open(user.clock)
            await user.hears("a secret")
            assert {one.name: mode(one) for one in folder.iterdir()} == {
                "bot.db": 0o600,
                "bot.db-wal": 0o600,
                "bot.db-shm": 0o600,
                "bot.db.lock": 0o600,
            }
            await user.store.close()
    finally:
        os.umask(before)
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o700)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "bot.db"
    path.touch(0o644)
    path.chmod(0o644)
    store = SQLite(path)
    await store.open(HandClock())
    await store.close()
    assert "can be read by others (mode 644)" in caplog.text


async def test_a_second_process_may_accept_and_may_not_claim(tmp_path: Path, user: StoreUser) -> None:
    other = StoreUser(SQLite(tmp_path / "bot.db"), user.clock)
    with pytest.raises(Conflict, match=r"handles the events .* already"):
        await other.store.open(user.clock)
    await other.store.open(user.clock, claims=False)
    await other.hears("from the other process")
    assert texts(await user.claims_one()) == ["from the other process"]
    await other.store.close()


async def test_the_lock_is_free_again_after_closing(tmp_path: Path, user: StoreUser) -> None:
    await user.store.close()
    other = SQLite(tmp_path / "bot.db")
    await other.open(user.clock)
    await other.close()


async def test_a_new_file_carries_the_version_that_is_checked(tmp_path: Path, user: StoreUser) -> None:
    await user.store.close()
    with sqlite3.connect(tmp_path / "bot.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION,)
    db.close()


async def test_a_newer_schema_is_refused(tmp_path: Path, user: StoreUser) -> None:
    await user.store.close()
    with sqlite3.connect(tmp_path / "bot.db") as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    with pytest.raises(StoreUnavailable, match="newer convokit"):
        await user.store.open(user.clock)


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "their.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StoreUnavailable, match="another program's"):
        await SQLite(path).open(HandClock())
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    db.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poem.txt"
    path.write_text("not a database, " * 100)
    with pytest.raises(StoreUnavailable, match="not an SQLite database"):
        await SQLite(path).open(HandClock())


async def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="is not a file"):
        await SQLite(tmp_path).open(HandClock())


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        await SQLite(tmp_path / "file" / "bot.db").open(HandClock())


@pytest.mark.parametrize("path", ["", ":memory:", "file:x?mode=memory"])
def test_a_path_that_is_no_file_is_refused_at_definition(path: str) -> None:
    with pytest.raises(DefinitionError, match="Memory"):
        SQLite(path)


def test_an_unknown_synchronous_is_refused_at_definition(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match='"FULL" or "NORMAL"'):
        SQLite(tmp_path / "bot.db", synchronous="OFF")  # type: ignore[arg-type]  # what is refused


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /srv/shared nfs4 rw 0 0
//win/share /srv/my\\040share cifs rw 0 0
tmpfs /srv/shared/local tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/bot", "ext4"),
        ("/srv/shared/bot", "nfs4"),
        ("/srv/shared", "nfs4"),
        ("/srv/sharedness", "ext4"),
        ("/srv/my share/bot", "cifs"),
        ("/srv/shared/local/bot", "tmpfs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_innermost_mount(folder: str, kind: str) -> None:
    assert files.filesystem(Path(folder), MOUNTS) == kind


async def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/export {tmp_path / 'net'} nfs rw 0 0\n")
    monkeypatch.setattr(files, "MOUNTS", mounts)
    with pytest.raises(StoreUnavailable, match="network file system"):
        await SQLite(tmp_path / "net" / "bot.db").open(HandClock())


# ── transactions ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_comes_at_once_shares_a_transaction(user: StoreUser) -> None:
    before = writer_of(user).transactions
    async with anyio.create_task_group() as tasks:
        for n in range(60):
            tasks.start_soon(user.store.accept, [user.said(str(n), f"user{n}")])
    assert (await user.counts()).waiting == 60
    assert writer_of(user).transactions - before <= 10


async def test_a_claim_writes_nothing(user: StoreUser) -> None:
    await user.hears("hi")
    before = writer_of(user).transactions
    await user.claims_one()
    await user.counts()
    assert writer_of(user).transactions == before


async def test_a_request_that_fails_does_not_spoil_the_others_of_its_batch(user: StoreUser) -> None:
    failed: list[str] = []

    async def accept(text: str, event_id: str) -> None:
        try:
            await user.store.accept([user.said(text, event_id=event_id)])
        except UnicodeEncodeError:
            failed.append(text)

    async with anyio.create_task_group() as tasks:
        for n in range(20):
            tasks.start_soon(accept, str(n), "\ud800" if n == 7 else f"m{n}")
    assert failed == ["7"]
    assert (await user.counts()).waiting == 19


async def test_a_claim_in_a_batch_that_was_rolled_back_holds_nothing(user: StoreUser) -> None:
    await user.hears("hi")
    await user.claims_one()
    user.clock.passes(hours=1)

    def breaks(_: sqlite3.Connection) -> None:
        raise LookupError("broken")

    held: list[int] = []

    async def claim() -> None:
        held.extend(lane.epoch for lane in await user.claims())

    async def fail() -> None:
        with pytest.raises(LookupError):
            await writer_of(user).run(breaks)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim)
        tasks.start_soon(fail)
    assert len(held) == 1
    assert (await user.counts()).claimed == 1


async def test_a_full_disk_is_told_loses_nothing_and_recovers(user: StoreUser) -> None:
    await user.hears("before")
    await pragma(user, "PRAGMA max_page_count = 1")  # SQLite sets it to what is used already
    big: list[Event] = [user.said("x" * 20_000, "bob") for _ in range(10)]
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await user.store.accept(big)
    assert (await user.counts()).waiting == 1
    assert texts(await user.claims_one()) == ["before"]
    await pragma(user, "PRAGMA max_page_count = 1000000")
    assert list(await user.store.accept(big)) == [True] * 10


async def test_a_read_only_database_is_told_with_what_to_do(user: StoreUser) -> None:
    await user.hears("before")
    await pragma(user, "PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match=r"read-only: give this user write permission"):
        await user.hears("no")
    assert texts(await user.claims_one()) == ["before"]


async def test_a_database_locked_by_another_program_is_told(tmp_path: Path, user: StoreUser) -> None:
    await pragma(user, "PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process keeps it locked"):
        await user.hears("no")
    other.execute("ROLLBACK")
    other.close()
    await user.hears("yes")


async def test_a_failed_fsync_ends_the_process_and_nothing_is_written_after(tmp_path: Path) -> None:
    told: list[str] = []
    user = StoreUser(SQLite(tmp_path / "bot.db", on_lost_write=told.append), HandClock())
    await user.store.open(user.clock)

    def fsync_fails(_: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(StoreUnavailable, match="nobody knows what it holds"):
        await writer_of(user).run(fsync_fails)
    with pytest.raises(StoreUnavailable, match="start again"):
        await user.hears("no")
    assert len(told) == 1
    await user.store.close()


def test_ending_the_process_says_why_on_standard_error() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from convokit.stores.sqlite.writer import end_process; end_process('bot.db: why')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 74
    assert "convokit: bot.db: why" in ended.stderr


async def test_ids_older_than_eight_days_are_forgotten_little_by_little(user: StoreUser) -> None:
    await user.store.accept([user.opened() for _ in range(300)])
    while lanes := await user.claims():
        for lane in lanes:
            await user.commits(lane)
    user.clock.passes(days=9)
    left = []
    for n in range(5):
        await user.hears(f"later {n}", by="bob")
        left.append(await writer_of(user).run(lambda db: db.execute("SELECT count(*) FROM seen").fetchone()[0]))
    assert left[0] > 100
    assert left[-1] <= 5


async def test_what_has_expired_on_a_shelf_is_removed_little_by_little(user: StoreUser) -> None:
    until = user.clock.now() + timedelta(hours=1)
    for n in range(150):
        await user.store.keep("notes", f"{n}", b"", expires_at=until)
    await user.store.keep("notes", "stays", b"")
    user.clock.passes(hours=1)
    left = []
    for n in range(3):
        await user.hears(f"later {n}", by="bob")
        left.append(await writer_of(user).run(lambda db: db.execute("SELECT count(*) FROM shelf").fetchone()[0]))
    assert left == [51, 1, 1]


async def test_what_was_said_costs_no_row_among_the_ids_seen(user: StoreUser) -> None:
    await user.hears("in the log")
    await user.store.accept([user.opened()])
    assert await writer_of(user).run(lambda db: db.execute("SELECT count(*) FROM seen").fetchone()[0]) == 1


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT entry FROM log WHERE conv = 1 AND number > 5 AND public > 5 ORDER BY number LIMIT 9", "log_number"),
        ("SELECT entry FROM log WHERE conv = 1 AND key = 'k' AND key != ''", "log_key"),
        (
            "SELECT entry FROM log WHERE conv = 1 AND kind = 'said' AND seq < 9 ORDER BY seq DESC, number DESC LIMIT 9",
            "log_said",
        ),
        ("SELECT state FROM lane WHERE handed IS NOT NULL ORDER BY handed, conv", "lane_handed"),
        (
            "SELECT state FROM lane WHERE touched > 0 AND touched < 9 ORDER BY touched DESC LIMIT 9",
            "lane_touched",
        ),
        ("SELECT key FROM shelf WHERE shelf = 'notes' AND key >= 'a' ORDER BY key", "PRIMARY KEY"),
        ("SELECT key FROM shelf WHERE expires <= 9 LIMIT 9", "shelf_expires"),
        ("SELECT handoff FROM closed JOIN lane USING (conv) WHERE at >= 9 ORDER BY at, row", "closed_at"),
    ],
)
async def test_what_pages_read_often_is_found_by_an_index_and_never_sorted(
    user: StoreUser, query: str, index: str
) -> None:
    plan = await writer_of(user).run(lambda db: db.execute("EXPLAIN QUERY PLAN " + query).fetchall())
    steps = " / ".join(step[3] for step in plan)
    assert index in steps
    assert "SCAN" not in steps.replace("SCAN lane USING INDEX lane_handed", "")
    assert "TEMP B-TREE" not in steps


async def test_a_process_that_only_accepts_reads_and_keeps_as_the_other_does(tmp_path: Path, user: StoreUser) -> None:
    other = StoreUser(SQLite(tmp_path / "bot.db"), user.clock)
    await other.store.open(user.clock, claims=False)
    await other.store.accept([other.said("from the other process", event_id="m1")])
    await other.store.keep("links", "token", b"once")
    assert await user.logged() == [(1, 1, "u:m1")]
    assert await user.store.take_off("links", "token") == b"once"
    assert await other.store.kept("links", "token") is None
    assert (await other.store.log(conversation())).id == (await user.store.log(conversation())).id
    await other.store.close()


def everything_in(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.iterdir())


async def test_what_is_erased_does_not_stay_in_free_pages(tmp_path: Path, user: StoreUser) -> None:
    signal = SignalReceived(id="s1", conversation=conversation(), at=user.clock.now(), name="canary-4711" * 400)
    await user.store.accept([signal])
    await user.commits(await user.claims_one())
    user.clock.passes(seconds=1)
    await user.store.purge(user.clock.now() - timedelta(days=8), accounts=user.clock.now())
    await user.store.keep("notes", "a", b"canary-4711" * 400)
    await user.store.take_off("notes", "a")
    await user.store.close()
    assert b"canary-4711" not in everything_in(tmp_path)


async def test_an_event_that_cannot_be_read_any_more_does_not_stop_the_others(user: StoreUser) -> None:
    await user.hears("a", "b")
    await user.hears("c", by="bob")
    await writer_of(user).run(
        lambda db: db.execute("UPDATE inbox SET event = ? WHERE seq = 1 AND conv = 1", (b'["FromTheFuture",{}]',))
    )
    ada, bob = await user.claims()
    assert [type(one.event).__name__ for one in ada.events] == ["MalformedReceived", "MessageReceived"]
    assert "FromTheFuture" in getattr(ada.events[0].event, "reason", "")
    assert texts(bob) == ["c"]


async def test_a_store_opened_twice_begins_a_new_run(user: StoreUser) -> None:
    await user.hears("hi")
    before = await user.claims_one()
    await user.store.open(user.clock)
    assert not await user.commits(before)
    assert await user.commits(await user.claims_one())


# ── kill -9 ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BUSY = """
import sys, anyio
from datetime import UTC, datetime
from convokit.stores import SQLite
from convokit.testing.store_contract import HandClock, StoreUser

async def main():
    user = StoreUser(SQLite(sys.argv[1]), HandClock())
    await user.store.open(user.clock)
    async def work(name):
        for n in range(100_000):
            await user.hears(str(n), by=name)
            print(f"accepted {name} {n}", flush=True)
            for lane in await user.claims():
                seq = lane.events[0].seq
                sends = (user.send(f"k:{lane.conversation.id}:{seq}"),)
                if await user.commits(lane, sends=sends, entries=(user.entry(f"b:{seq}:0"),)):
                    print(f"committed {lane.conversation.id.id} {lane.events[0].seq}", flush=True)
    async with anyio.create_task_group() as tasks:
        for k in range(8):
            tasks.start_soon(work, f"user{k}")

anyio.run(main)
"""


def killed_after(path: Path, lines: int) -> list[str]:
    """What a busy process had printed, after answers of the store, when it was killed in the middle of it."""
    command = [sys.executable, "-c", BUSY, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  it is the text above
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        return printed + process.stdout.readlines()


async def test_what_was_answered_before_kill_nine_is_there_after(tmp_path: Path) -> None:
    for lines in (50, 333):
        path = tmp_path / f"{lines}.db"
        printed = [line.split() for line in killed_after(path, lines) if line.endswith("\n")]
        accepted = sum(line[0] == "accepted" for line in printed)
        committed = sum(line[0] == "committed" for line in printed)
        assert committed > 0
        user = StoreUser(SQLite(path), HandClock())
        await user.store.open(user.clock)
        stats = await user.counts()
        assert stats.turns >= committed
        assert stats.turns + stats.waiting >= accepted
        assert stats.sends == {"waiting": stats.turns}
        user.clock.passes(minutes=1)
        again = await user.claims()
        assert sum(len(lane.events) for lane in again) == stats.waiting
        logs = [await user.store.log(conversation(f"user{k}"), limit=1000) for k in range(8)]
        assert all([one.number for one in log.entries] == list(range(1, log.head + 1)) for log in logs)
        assert sum(log.head for log in logs) == 2 * stats.turns + stats.waiting
        await user.store.close()
