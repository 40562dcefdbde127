"""Backups, restores and checks of a store's file."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from convokit.errors import Conflict, StoreUnavailable
from convokit.stores import SQLite
from convokit.stores.sqlite import checking, upkeep
from convokit.testing.store_contract import HandClock, StoreUser, conversation

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[2] / "contracts" / "schemas"

pytestmark = pytest.mark.anyio


async def opened(path: Path) -> StoreUser:
    user = StoreUser(SQLite(path), HandClock())
    await user.store.open(user.clock)
    return user


async def filled(path: Path) -> None:
    """A store in which something waits, something was sent, something was said."""
    user = await opened(path)
    await user.writes(user.send("test:ada:1:0"), user.send("test:ada:1:1"))
    await user.hears("again", by="bob")
    await user.store.close()


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def damaged(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


# ── backup ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(os.name != "posix", reason="modes")
async def test_a_copy_is_for_its_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    await filled(tmp_path / "bot.db")
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "copy.db"
    umask = os.umask(0)
    try:
        await SQLite(tmp_path / "bot.db").backup(copy)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert names_in(copy.parent) == ["copy.db"]
    assert copy.stat().st_nlink == 1


async def test_a_copy_never_takes_the_place_of_anything(tmp_path: Path) -> None:
    await filled(tmp_path / "bot.db")
    there, link = tmp_path / "there.db", tmp_path / "link.db"
    there.write_text("mine")
    link.symlink_to(tmp_path / "nowhere.db")
    for target in (there, link):
        with pytest.raises(StoreUnavailable, match="is there already: name a new file"):
            await SQLite(tmp_path / "bot.db").backup(target)
    assert there.read_text() == "mine"
    assert not (tmp_path / "nowhere.db").exists()
    with pytest.raises(StoreUnavailable, match="cannot be written: No such file or directory"):
        await SQLite(tmp_path / "bot.db").backup(tmp_path / "no" / "copy.db")


async def test_one_that_comes_first_keeps_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(tmp_path / "bot.db")
    target = tmp_path / "copy.db"
    write = upkeep._write

    def slow(*values: object) -> None:
        write(*values)  # type: ignore[arg-type]  what it was given
        target.write_text("first")

    monkeypatch.setattr(upkeep, "_write", slow)
    with pytest.raises(StoreUnavailable, match="is there already"):
        await SQLite(tmp_path / "bot.db").backup(target)
    assert target.read_text() == "first"
    assert not [name for name in names_in(tmp_path) if name.endswith(".part")]


async def test_where_there_are_no_hard_links_a_copy_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    await filled(tmp_path / "bot.db")
    monkeypatch.setattr(os, "link", refuse)
    await SQLite(tmp_path / "bot.db").backup(tmp_path / "copy.db")
    assert checking.problems(tmp_path / "copy.db") == []
    assert upkeep.restore(tmp_path / "copy.db", tmp_path / "bot.db", NOW) is not None
    assert not [name for name in names_in(tmp_path) if name.endswith(".part")]


async def test_a_cancelled_copy_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(tmp_path / "bot.db")
    damaged(
        tmp_path / "bot.db",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " INSERT INTO shelf (shelf, key, value) SELECT 'big', i, zeroblob(500) FROM n",
    )
    monkeypatch.setattr(upkeep, "STEPS_BETWEEN_LOOKS", 100)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await SQLite(tmp_path / "bot.db").backup(tmp_path / "copy.db")
    assert scope.cancelled_caught
    looks = iter((False, False, True))
    with pytest.raises(StoreUnavailable, match="interrupted"):
        upkeep.copy(tmp_path / "bot.db", tmp_path / "copy.db", lambda: next(looks, True))
    assert names_in(tmp_path) == ["bot.db", "bot.db.lock"]


async def test_while_a_copy_is_made_events_are_accepted_and_are_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await opened(tmp_path / "bot.db")
    await user.hears("before")
    from_thread = anyio.from_thread
    sync = upkeep._sync

    def meanwhile(path: Path) -> None:
        from_thread.run(user.hears, "meanwhile")
        sync(path)

    monkeypatch.setattr(upkeep, "_sync", meanwhile)
    await SQLite(tmp_path / "bot.db").backup(tmp_path / "copy.db")
    await user.store.close()
    assert checking.contents(tmp_path / "copy.db").waiting == 1


async def test_what_was_deleted_is_not_in_a_copy(tmp_path: Path) -> None:
    user = await opened(tmp_path / "bot.db")
    await user.store.keep("notes", "a", b"canary-4711" * 400)
    await user.store.take_off("notes", "a")
    await user.store.backup(tmp_path / "copy.db")
    await user.store.close()
    assert b"canary-4711" not in (tmp_path / "copy.db").read_bytes()


async def test_what_is_no_store_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database " * 100)
    damaged(tmp_path / "other.db", "CREATE TABLE mine (a)")
    (tmp_path / "empty.db").touch()
    for name, sentence in {
        "text": "not an SQLite database",
        "other": "another program's",
        "empty": "is empty",
        "no": "there is no store",
    }.items():
        with pytest.raises(StoreUnavailable, match=sentence):
            await SQLite(tmp_path / f"{name}.db").backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_a_copy_of_an_older_file_is_of_the_older_schema(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.executescript((SCHEMAS / "1.sql").read_text(encoding="utf-8"))
    await SQLite(tmp_path / "old.db").backup(tmp_path / "copy.db")
    assert [checking.contents(tmp_path / name).version for name in ("old.db", "copy.db")] == [1, 1]
    assert checking.problems(tmp_path / "copy.db") == []


# ── restore ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_restored_copy_is_the_store_and_what_was_there_is_kept(tmp_path: Path) -> None:
    path, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    await filled(path)
    await SQLite(path).backup(copy)
    user = await opened(path)
    log = (await user.store.log(conversation())).id
    await user.hears("lost", by="cem")
    await user.store.close()
    kept = upkeep.restore(copy, path, NOW)
    assert kept == tmp_path / "bot.db.before-20300102T030405Z"
    assert checking.problems(path) == checking.problems(kept) == []
    assert (checking.contents(path).conversations, checking.contents(kept).conversations) == (2, 3)
    user = await opened(path)
    assert (await user.store.log(conversation())).id != log
    assert await user.store.load(conversation("cem")) is None
    lanes = {lane.conversation.id.id: lane for lane in await user.claims()}
    assert [one.seq for one in lanes["bob"].events] == [1]
    await user.store.accept([user.said("next", event_id="next")])
    (lane,) = await user.claims()
    assert lane.events[0].seq == 2 + upkeep.PLACES_LEFT_OUT
    assert await user.commits(lane)
    assert [send.uncertain for send in await user.takes()] == [True]
    await user.store.close()
    assert checking.problems(path) == []
    again = upkeep.restore(copy, path, NOW)
    assert again is not None
    assert again.name.startswith("bot.db.before-20300102T030405Z-")


async def test_a_copy_is_restored_where_nothing_was(tmp_path: Path) -> None:
    await filled(tmp_path / "bot.db")
    await SQLite(tmp_path / "bot.db").backup(tmp_path / "copy.db")
    assert upkeep.restore(tmp_path / "copy.db", tmp_path / "new.db", NOW) is None
    assert checking.contents(tmp_path / "new.db").conversations == 2


async def test_a_store_that_is_in_use_is_not_replaced(tmp_path: Path) -> None:
    path, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    user = await opened(path)
    await user.hears("hi")
    await user.store.backup(copy)
    with pytest.raises(Conflict, match="stop it first, and restore then"):
        upkeep.restore(copy, path, NOW)
    await user.store.close()
    await user.store.open(user.clock, claims=False)
    with pytest.raises(Conflict, match="open: stop everything"):
        upkeep.restore(copy, path, NOW)
    await user.hears("still here", by="bob")
    await user.store.close()
    assert checking.contents(path).conversations == 2
    assert not [name for name in names_in(tmp_path) if "before" in name]


async def test_a_damaged_store_is_replaced_and_kept_with_its_side_files(tmp_path: Path) -> None:
    path, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    await filled(path)
    await SQLite(path).backup(copy)
    path.write_bytes(b"x" * 8192)
    (tmp_path / "bot.db-wal").write_bytes(b"y" * 100)
    kept = upkeep.restore(copy, path, NOW)
    assert kept is not None
    assert kept.read_bytes() == b"x" * 8192
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"y" * 100
    assert checking.problems(path) == []
    user = await opened(path)
    assert len(await user.claims()) == 1
    await user.store.close()


# ── check ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE lane SET done = accepted + 1 WHERE id = 'ada'", "more is done than was accepted in test:ada"),
        ("DELETE FROM inbox", "what waits does not fill the places between done and accepted in test:bob"),
        ("UPDATE inbox SET seq = 7", "what waits does not fill the places between done and accepted in test:bob"),
        ("UPDATE log SET number = 9 WHERE key = 'u:e1'", "the numbers of the log have gaps, or end elsewhere"),
        ("UPDATE lane SET shown = 9 WHERE id = 'ada'", "the public numbers of the log have gaps, or end elsewhere"),
        ("UPDATE outbox SET head = 0", "a queue of the outbox has another first row than it is marked: test:ada:1:0"),
        ("UPDATE outbox SET head = 1", "a queue of the outbox has another first row than it is marked: test:ada:1:1"),
        ("UPDATE outbox SET state = 'lost', head = 0", "a row of the outbox is in a state that there is not"),
        ("INSERT INTO once VALUES (1, 1, 'a', x'00')", "what turn.once kept belongs to no event"),
        ("DELETE FROM lane WHERE id = 'bob'", "a conversation is not there any more, but something of it is: inbox"),
        ("UPDATE lane SET state = x'00' WHERE id = 'ada'", "the state of test:ada cannot be read"),
        ("UPDATE lane SET handed = 7 WHERE id = 'ada'", "the state of test:ada does not fit what its row says"),
        ("INSERT INTO seen VALUES (1, 'x', 0, 99)", "an event is known that has no place: test:ada"),
        ("UPDATE turn SET before = row", "an account of a turn comes before itself"),
        ("UPDATE turn SET seq = 9", "there is an account of a turn that is not done in test:ada"),
        ("UPDATE turn SET conv = 99", "a conversation is not there any more, but accounts of its turns are"),
    ],
)
async def test_what_is_wrong_is_told(tmp_path: Path, statement: str, sentence: str) -> None:
    path = tmp_path / "bot.db"
    await filled(path)
    assert checking.problems(path) == []
    damaged(path, statement)
    assert any(sentence in one for one in checking.problems(path)), checking.problems(path)


async def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await filled(path)
    data = bytearray(path.read_bytes())
    (root,) = rows_of(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'lane_touched'")[0]
    assert isinstance(root, int)
    data[(root - 1) * 4096 : (root - 1) * 4096 + 100] = b"\xff" * 100
    path.write_bytes(data)
    assert any(one.startswith("SQLite: ") for one in checking.problems(path))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
async def test_a_copy_in_a_folder_that_may_only_be_read_is_checked(tmp_path: Path) -> None:
    await filled(tmp_path / "bot.db")
    folder = tmp_path / "copies"
    folder.mkdir()
    shutil.copy(tmp_path / "bot.db", folder / "copy.db")
    folder.chmod(0o500)
    try:
        assert checking.problems(folder / "copy.db") == []
    finally:
        folder.chmod(0o700)


async def test_what_an_erasure_still_has_to_sweep_is_not_wrong(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await filled(path)
    damaged(path, "INSERT INTO timer VALUES (99, 'n', 1, x'00')")
    assert checking.problems(path) != []
    damaged(path, "INSERT INTO meta VALUES ('erasing:99', 99)")
    assert checking.problems(path) == []
