"""A disk that is full or read-only: 503 and a sentence with the way out, nothing lost, and on with it afterwards."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest
from disks import call, counting_bot, handled, judge, remount, small_disk

from convokit import StoreUnavailable
from convokit._engine.clock import SystemClock
from convokit.stores import SQLite

pytestmark = pytest.mark.anyio

linux = pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="a tmpfs is Linux's")


async def fill(bot: Any, engine: Any, accepted: list[int], refused: list[int]) -> None:
    """Deliver until some calls in a row are refused, and a few more."""
    number, in_a_row = 0, 0
    while in_a_row < 10:
        number += 1
        assert number < 2000, "the disk is never full"
        status, headers = await call(bot, engine, number)
        if status == 200:
            accepted.append(number)
            in_a_row = 0
        else:
            assert (status, headers["retry-after"]) == (503, "5")
            refused.append(number)
            in_a_row += 1
        await anyio.lowlevel.checkpoint()


async def deliver_again(bot: Any, engine: Any, accepted: list[int], refused: list[int]) -> None:
    """The platform's second tries: in its order, each until it is taken."""
    for number in refused:
        with anyio.fail_after(10):
            while (await call(bot, engine, number))[0] != 200:
                await anyio.sleep(0.05)
        accepted.append(number)


@linux
async def test_a_full_disk_is_503_loses_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "counting.db"
        bot, hook = counting_bot()
        accepted: list[int] = []
        refused: list[int] = []
        async with bot.serve(SQLite(path)) as engine:
            await fill(bot, engine, accepted, refused)
            assert accepted
            assert "the disk is full: make room, it goes on by itself" in caplog.text
            remount(disk, "size=32m")
            await deliver_again(bot, engine, accepted, refused)
            await handled(engine, len(accepted))
        judge(hook.sent, accepted, path)


async def test_a_database_that_may_not_grow_is_503_loses_nothing_and_goes_on_when_it_may(tmp_path: Path) -> None:
    path = tmp_path / "counting.db"
    bot, hook = counting_bot()
    store = SQLite(path)
    accepted: list[int] = []
    refused: list[int] = []

    async def pragma(statement: str) -> None:
        assert store._run is not None
        await store._run.writer.run(lambda db: db.execute(statement).fetchall(), writes=False)

    async with bot.serve(store) as engine:
        await pragma("PRAGMA max_page_count = 120")
        await fill(bot, engine, accepted, refused)
        assert accepted
        await pragma("PRAGMA max_page_count = 1000000")
        await deliver_again(bot, engine, accepted, refused)
        await handled(engine, len(accepted))
    judge(hook.sent, accepted, path)


@linux
async def test_a_process_that_ends_while_the_disk_is_full_finds_everything_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "counting.db"
        bot, hook = counting_bot()
        accepted: list[int] = []
        refused: list[int] = []
        async with bot.serve(SQLite(path)) as engine:
            await fill(bot, engine, accepted, refused)
        remount(disk, "size=32m")
        async with bot.serve(SQLite(path)) as engine:
            await deliver_again(bot, engine, accepted, refused)
            await handled(engine, len(accepted))
        # What was on its way when it ended may be said twice here: this platform gives no proof.
        judge(list(dict.fromkeys(hook.sent)), accepted, path)


async def test_while_the_database_is_read_only_it_is_503_and_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "counting.db"
    bot, hook = counting_bot()
    store = SQLite(path)

    async def pragma(statement: str) -> None:
        assert store._run is not None
        await store._run.writer.run(lambda db: db.execute(statement).fetchall(), writes=False)

    async with bot.serve(store) as engine:
        assert (await call(bot, engine, 1))[0] == 200
        await handled(engine, 1)
        await pragma("PRAGMA query_only = ON")
        status, headers = await call(bot, engine, 2)
        assert (status, headers["retry-after"]) == (503, "5")
        assert "it is read-only: give this user write permission on the file and on its folder" in caplog.text
        await pragma("PRAGMA query_only = OFF")
        assert (await call(bot, engine, 2))[0] == 200
        await handled(engine, 2)
    judge(hook.sent, [1, 2], path)


@linux
async def test_a_start_on_a_read_only_file_system_says_so_and_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "counting.db"
        store = SQLite(path)
        await store.open(SystemClock())
        await store.close()
        before = path.read_bytes()
        remount(disk, "ro")
        with pytest.raises(StoreUnavailable, match=r"counting\.db.* (Read-only file system|mounted read-only)"):
            await store.open(SystemClock())
        with pytest.raises(StoreUnavailable, match=r"counting\.db.* (Read-only file system|mounted read-only)"):
            await store.open(SystemClock(), claims=False)
        assert path.read_bytes() == before
        remount(disk, "rw")
        await store.open(SystemClock())
        await store.close()


@pytest.mark.skipif(os.name != "posix", reason="users and modes are POSIX's")
@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_start_without_write_permission_says_so(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "kept"
    path = folder / "counting.db"
    store = SQLite(path)
    await store.open(SystemClock())
    await store.close()
    for beside in folder.glob("counting.db?*"):
        beside.unlink()
    (path if what == "file" else folder).chmod(0o444 if what == "file" else 0o555)
    ways = [tmp_path, *tmp_path.parents]
    opened = {one: one.stat().st_mode for one in ways if one.stat().st_uid == os.geteuid() == 0 and len(one.parts) > 2}
    for one in opened:
        one.chmod(0o755)
    root = os.geteuid() == 0
    if root:  # root may write everywhere: be nobody for a moment
        folder.chmod(0o777 if what == "file" else 0o555)
        os.seteuid(65534)
    try:
        with pytest.raises(StoreUnavailable, match=r"counting\.db.*(give this user write|Permission denied)"):
            await store.open(SystemClock())
    finally:
        if root:
            os.seteuid(0)
        for one, mode in opened.items():
            one.chmod(mode)
        folder.chmod(0o700)
    path.chmod(0o600)
    await store.open(SystemClock())
    await store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
