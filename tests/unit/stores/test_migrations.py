"""A file of every earlier schema is brought to this one: once, as a whole, by one process."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from convokit.conversations import ConversationId
from convokit.errors import StoreUnavailable
from convokit.stores import SQLite
from convokit.stores.sqlite import checking, files, schema
from convokit.testing.store_contract import HandClock, StoreUser, conversation

SCHEMAS = Path(__file__).parents[2] / "contracts" / "schemas"
VERSIONS = [path for path in sorted(SCHEMAS.glob("*.sql")) if path.stem != str(schema.VERSION)]

pytestmark = pytest.mark.anyio


def written(path: Path, dump: Path) -> Path:
    """A file as that version left it, in WAL mode as all are."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump.read_text(encoding="utf-8"))
        db.execute("PRAGMA journal_mode = WAL")
    path.chmod(0o600)
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        number: int = db.execute("PRAGMA user_version").fetchone()[0]
        return number


@pytest.fixture(params=VERSIONS, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return written(tmp_path / "old.db", request.param)


def columns(db: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every table with its columns, every index with its own."""
    found = {}
    for kind, name in db.execute("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'index')").fetchall():
        pragma = "table_xinfo" if kind == "table" else "index_xinfo"
        found[name] = db.execute(f"PRAGMA {pragma}({name})").fetchall()
    return found


def test_there_is_a_file_of_every_earlier_schema_and_a_step_from_it() -> None:
    assert [path.stem for path in VERSIONS] == [str(number) for number in range(1, schema.VERSION)]
    assert set(schema.STEPS) == set(range(2, schema.VERSION + 1))


async def test_a_file_that_was_brought_up_has_the_same_tables_as_a_new_one(old: Path, tmp_path: Path) -> None:
    for path in (old, tmp_path / "new.db"):
        store = SQLite(path)
        await store.open(HandClock())
        await store.close()
    with closing(sqlite3.connect(old)) as db, closing(sqlite3.connect(tmp_path / "new.db")) as new:
        assert columns(db) == columns(new)
        assert version_of(old) == schema.VERSION
        names = "SELECT type, name FROM sqlite_schema ORDER BY type, name"
        assert db.execute(names).fetchall() == new.execute(names).fetchall()


async def test_a_store_of_an_earlier_schema_goes_on_where_it_was(old: Path) -> None:
    assert checking.problems(old) == []
    before = checking.contents(old)
    user = StoreUser(SQLite(old), HandClock())
    user.clock.passes(seconds=10)
    await user.store.open(user.clock)
    stats = await user.store.stats()
    assert (stats.conversations, stats.waiting, stats.failed) == (before.conversations, before.waiting, before.failed)
    assert stats.accepted == stats.turns + stats.waiting + stats.failed
    assert list(await user.store.accept([user.said("pizza", event_id="e1")])) == [False]
    assert await user.store.replay([one.key for one in await user.store.failed(10)]) == 2
    user.clock.passes(hours=2)
    await user.store.fire_due(10)
    while lanes := await user.claims():
        for lane in lanes:
            assert await user.commits(lane)
    while sends := await user.takes():
        for send in sends:
            await user.settles(send.key)
    stats = await user.store.stats()
    assert (stats.waiting, stats.failed) == (0, 0)
    place = conversation("bob")
    told = [one for number in range(20) for one in await user.store.accounts(f"e{number}", conversation=place)]
    assert [one.seq for one in told if one.state == "handled"] == [4, 2, 3]
    assert list(await user.store.check()) == []
    user.clock.passes(days=30)
    assert await user.store.purge(user.clock.now(), accounts=user.clock.now()) > 0
    await user.store.close()


def grown(path: Path) -> Path:
    """Make a version-1 file so big that bringing it up takes a while."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
            " INSERT INTO lane (channel, id, accepted, done, version) SELECT 'big', i, 3, 3, 3 FROM n"
        )
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)"
            " INSERT INTO outbox (key, conv, desk, author, state, written, finished, body)"
            " SELECT 'big:' || i, 1, 0, 'bot', 'withdrawn', 1, 1, (SELECT body FROM outbox LIMIT 1) FROM n"
        )
        db.commit()
    return path


MIGRATE = """
import sqlite3, sys, anyio, os, signal
from pathlib import Path
from convokit.stores.sqlite import schema
path, moment = Path(sys.argv[1]), int(sys.argv[2])
db = schema.connect(path, "FULL")
if moment >= 0:
    left = [moment]
    def count():
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    db.set_progress_handler(count, 20_000)
if moment == -1:
    said = []
    def trace(text):
        said.append(text)
        if said[-2:] == ["PRAGMA user_version = 2", "COMMIT"]:
            os.kill(os.getpid(), signal.SIGKILL)
    db.set_trace_callback(trace)
print("begins", flush=True)
schema.prepare(db, path, locked=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed there")
@pytest.mark.parametrize(
    "moment", [20, -1, *(pytest.param(one, marks=pytest.mark.slow) for one in (1, 3, 7, 12, 35, 60))]
)
def test_a_migration_that_is_killed_leaves_the_old_file_whole(tmp_path: Path, moment: int) -> None:
    path = grown(written(tmp_path / "old.db", SCHEMAS / "1.sql"))
    ended = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", MIGRATE, str(path), str(moment)], check=False, timeout=60
    )
    assert ended.returncode == -signal.SIGKILL
    assert version_of(path) == 1
    assert checking.problems(path) == []
    with closing(schema.connect(path, "FULL")) as db:
        schema.prepare(db, path, locked=True)
    assert version_of(path) == schema.VERSION
    assert checking.problems(path) == []


@pytest.mark.skipif(os.name != "posix", reason="a stopped process")
async def test_one_that_only_accepts_waits_for_another_that_brings_the_file_up(tmp_path: Path) -> None:
    path = grown(written(tmp_path / "old.db", SCHEMAS / "1.sql"))
    held = files.lock(path)
    command = [sys.executable, "-c", MIGRATE, str(path), "-2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as migrating:  # noqa: ASYNC220, S603  our own program
        assert migrating.stdout is not None
        assert migrating.stdout.readline() == b"begins\n"
        user = StoreUser(SQLite(path), HandClock())
        await user.store.open(user.clock, claims=False)
        await user.hears("hello", by="zoe")
        await user.store.close()
    assert migrating.returncode == 0
    held.release()
    assert version_of(path) == schema.VERSION


async def test_while_an_older_convokit_runs_on_a_file_it_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "old.db", SCHEMAS / "1.sql")
    monkeypatch.setattr(schema, "CALM_SECONDS", 0.1)
    held = files.lock(path)
    with pytest.raises(StoreUnavailable, match="restart that one with this convokit"):
        await SQLite(path).open(HandClock(), claims=False)
    held.release()
    assert version_of(path) == 1
    user = StoreUser(SQLite(path), HandClock())
    await user.store.open(user.clock, claims=False)
    await user.store.close()
    assert version_of(path) == schema.VERSION
    files.lock(path).release()


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is one that may only be read, as it is to a user without rights on it."""
    connect = schema.connect

    def reading(path: Path, synchronous: schema.Synchronous) -> sqlite3.Connection:
        db = connect(path, synchronous)
        db.execute("PRAGMA query_only = ON")
        return db

    monkeypatch.setattr(schema, "connect", reading)


@pytest.mark.usefixtures("refused")
async def test_a_read_only_file_of_an_earlier_schema_says_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path / "old.db", SCHEMAS / "1.sql")
    with pytest.raises(StoreUnavailable, match="must be brought to schema 2, and it is read-only: give this"):
        await SQLite(path).open(HandClock())
    assert version_of(path) == 1


async def test_timers_and_profiles_of_an_earlier_schema_are_there(tmp_path: Path) -> None:
    user = StoreUser(SQLite(written(tmp_path / "old.db", SCHEMAS / "1.sql")), HandClock())
    await user.store.open(user.clock)
    profile = await user.store.profile("test:ada")
    assert profile is not None
    assert dict(profile.facts) == {"name": "Ada"}
    assert await user.store.next_due() is not None
    assert await user.store.kept("notes", "a") == b"kept"
    assert [one.id.id for one in await user.store.handed_over()] == ["cem"]
    closed = await user.store.closed_handoffs(user.clock.now() - timedelta(days=1))
    assert [place for place, _ in closed] == [ConversationId("test", "dan")]
    await user.store.close()
