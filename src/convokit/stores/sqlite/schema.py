"""The tables, and how a connection to them is opened."""

import sqlite3
from contextlib import closing
from logging import getLogger
from pathlib import Path
from secrets import randbits
from time import monotonic, sleep
from typing import Literal

from convokit.errors import Conflict, StoreUnavailable
from convokit.stores.sqlite import files

log = getLogger(__name__)

VERSION = 2
"""Kept in `PRAGMA user_version`; a file with a higher one is refused, one with a lower one is brought up to it."""
APPLICATION = 0x63767374
"""Kept in `PRAGMA application_id` ("cvst"): a file of another program is refused."""
BUSY_SECONDS = 5.0
"""How long a write waits for another process's write."""
MIGRATION_SECONDS = 600.0
"""How long one that only accepts waits for another process that brings the file to this version."""
CALM_SECONDS = 3.0
"""How long it waits when that process writes nothing."""

Synchronous = Literal["FULL", "NORMAL"]

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('opened', 0), ('accepted', 0), ('turns', 0);

-- A conversation. Events done + 1 .. accepted wait in the inbox. Times are microseconds since 1970. `logged` and
-- `shown` are the newest number and public number of its log. `touched` is when something was accepted or committed
-- last (0: never), `handed` when its open handoff began. `turn` is the newest row about it in the table of that name
-- (0: none), `error` why the last try of its first waiting event failed.
CREATE TABLE lane (
  conv INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  id TEXT NOT NULL,
  accepted INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  state BLOB,
  standing INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  ready_at INTEGER NOT NULL DEFAULT 0,
  tick INTEGER NOT NULL DEFAULT 0,
  retrying INTEGER NOT NULL DEFAULT 0,
  logged INTEGER NOT NULL DEFAULT 0,
  shown INTEGER NOT NULL DEFAULT 0,
  touched INTEGER NOT NULL DEFAULT 0,
  handed INTEGER,
  turn INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  UNIQUE (channel, id)
) STRICT;
CREATE INDEX lane_ready ON lane (retrying, ready_at, tick) WHERE accepted > done;
CREATE INDEX lane_standing ON lane (conv) WHERE standing > 0;
CREATE INDEX lane_touched ON lane (touched);
CREATE INDEX lane_handed ON lane (handed, conv) WHERE handed IS NOT NULL;

CREATE TABLE inbox (
  conv INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, event BLOB NOT NULL,
  PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;

-- Ids of events that are in no log: those of others are the log's keys, and known for ever.
CREATE TABLE seen (
  conv INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (conv, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_at ON seen (at);

CREATE TABLE parked (
  row INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  conv INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  error TEXT NOT NULL, attempts INTEGER NOT NULL, event BLOB NOT NULL,
  UNIQUE (conv, seq)
) STRICT;
CREATE INDEX parked_at ON parked (at);

CREATE TABLE once (
  conv INTEGER NOT NULL, seq INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (conv, seq, name)
) STRICT, WITHOUT ROWID;

-- The outbox. `head` is 1 on the first open (waiting or in flight) row of each (conv, desk), 0 on all others.
-- `ready_at`: of a waiting row when to try it (0: at once), of one in flight the lease's end.
CREATE TABLE outbox (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  conv INTEGER NOT NULL,
  desk INTEGER NOT NULL,
  author TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  head INTEGER NOT NULL DEFAULT 0,
  ready_at INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  uncertain INTEGER NOT NULL DEFAULT 0,
  written INTEGER NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0,
  platform_id TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  body BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_open ON outbox (conv, desk, row) WHERE state IN ('waiting', 'in flight');
CREATE INDEX outbox_head ON outbox (ready_at, row) WHERE head = 1;
CREATE INDEX outbox_finished ON outbox (finished) WHERE state NOT IN ('waiting', 'in flight');
CREATE INDEX outbox_unsent ON outbox (state, finished) WHERE state IN ('failed', 'held', 'withdrawn');

CREATE TABLE timer (
  conv INTEGER NOT NULL, name TEXT NOT NULL, due INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (conv, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due);

CREATE TABLE profile (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- What was said, noted and changed. `number` is dense from 1, `public` is dense over the public entries and 0 for the
-- others, `seq` is the place in the lane of the event that it belongs to. An entry without a key is never a second one.
-- With row ids, unlike the others: what many conversations say at once is then written to the same few pages.
CREATE TABLE log (
  row INTEGER PRIMARY KEY,
  conv INTEGER NOT NULL, number INTEGER NOT NULL, public INTEGER NOT NULL, seq INTEGER NOT NULL,
  key TEXT NOT NULL, kind TEXT NOT NULL, entry BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_number ON log (conv, number);
CREATE UNIQUE INDEX log_key ON log (conv, key) WHERE key != '';
CREATE INDEX log_said ON log (conv, seq, number) WHERE kind = 'said';

CREATE TABLE closed (
  row INTEGER PRIMARY KEY, at INTEGER NOT NULL, conv INTEGER NOT NULL, handoff BLOB NOT NULL
) STRICT;
CREATE INDEX closed_at ON closed (at, row);
CREATE INDEX closed_conv ON closed (conv);

-- What transports and desks remember; `expires` is NULL for what stays, `about` says which person or conversation a
-- record is about.
CREATE TABLE shelf (
  shelf TEXT NOT NULL, key TEXT NOT NULL, expires INTEGER, value BLOB NOT NULL, about TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (shelf, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX shelf_expires ON shelf (expires) WHERE expires IS NOT NULL;
CREATE INDEX shelf_about ON shelf (about) WHERE about != '';

-- What was exported and erased, when and by whom.
CREATE TABLE audit (row INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;

-- What became of events, for people. `row` is about the microsecond in which it ended, and rises: what is old lies
-- together. A conversation's rows are a chain, because an index of them would be written to everywhere: `lane.turn` is
-- the newest, `before` the one before. `accepted` is when it was put in line, `state` what the turn left, NULL where
-- none was committed.
CREATE TABLE turn (
  row INTEGER PRIMARY KEY, before INTEGER NOT NULL,
  conv INTEGER NOT NULL, seq INTEGER NOT NULL, accepted INTEGER NOT NULL, at INTEGER NOT NULL, failed INTEGER NOT NULL,
  outcome TEXT NOT NULL, handler TEXT NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL, took REAL NOT NULL,
  event BLOB NOT NULL, state BLOB
) STRICT;
PRAGMA application_id = 1668707188;
PRAGMA user_version = 2;
"""

STEPS = {
    2: """
INSERT INTO meta SELECT 'accepted', coalesce(sum(accepted), 0) FROM lane;
INSERT INTO meta SELECT 'turns', coalesce(sum(version), 0) FROM lane;
ALTER TABLE lane ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN error TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_unsent ON outbox (state, finished) WHERE state IN ('failed', 'held', 'withdrawn');
CREATE INDEX parked_at ON parked (at);
CREATE INDEX closed_conv ON closed (conv);
ALTER TABLE shelf ADD COLUMN about TEXT NOT NULL DEFAULT '';
CREATE INDEX shelf_about ON shelf (about) WHERE about != '';
UPDATE shelf SET about = key WHERE shelf IN ('marks', 'context', 'inbox-tags', 'inbox-queues', 'chats');
CREATE TABLE audit (row INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TABLE turn (
  row INTEGER PRIMARY KEY, before INTEGER NOT NULL,
  conv INTEGER NOT NULL, seq INTEGER NOT NULL, accepted INTEGER NOT NULL, at INTEGER NOT NULL, failed INTEGER NOT NULL,
  outcome TEXT NOT NULL, handler TEXT NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL, took REAL NOT NULL,
  event BLOB NOT NULL, state BLOB
) STRICT;
PRAGMA user_version = 2;
""",
}
"""What brings a file to a version from the one before: each is one transaction, which sets the version's number."""


def connect(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    """A connection in WAL mode that begins and ends transactions only when told.

    The caller keeps to one thread at a time: `check_same_thread` is off because the thread that opens is not the one
    that works.
    """
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL" if synchronous == "NORMAL" else "PRAGMA synchronous = FULL")
        if synchronous == "FULL":
            db.execute("PRAGMA fullfsync = ON")  # macOS: without it an fsync stops at the drive's cache
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:  # it may be no database at all
        db.close()
        raise
    return db


def prepare(db: sqlite3.Connection, path: Path, *, locked: bool) -> None:
    """Create the tables, or check that they are ours, and bring an older file to this version.

    Only one process does that to a file, while nobody handles its events: an older convokit that runs on it would not
    know what it meets.

    Args:
        db: A connection of `connect`.
        path: The file.
        locked: Whether this process holds the lock beside it.

    Raises:
        StoreUnavailable: The file is another program's, of a newer convokit, or of an older one that runs.
    """
    version = version_of(db, path)
    if version == VERSION:
        return
    if locked or not version:
        _bring_up(db, path)
        return
    moment = monotonic()
    calm = moment + CALM_SECONDS  # a process that has the lock may be about to begin
    while version_of(db, path) != VERSION:
        try:
            held = files.lock(path)
        except Conflict:
            if _writes(db):
                calm = monotonic() + CALM_SECONDS
            if monotonic() > min(calm, moment + MIGRATION_SECONDS):
                raise StoreUnavailable(
                    f"{path} has an older schema than this convokit, and a process that handles its events holds it: "
                    "restart that one with this convokit, which brings the file up, then try again"
                ) from None
            sleep(0.05)
        else:
            try:
                _bring_up(db, path)
            finally:
                held.release()


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """The file's version; 0 when it is empty.

    Raises:
        StoreUnavailable: The file is another program's, or of a newer convokit.
    """
    alone = not db.in_transaction
    if alone:
        db.execute("BEGIN")  # the three are of one moment
    version, application = _one(db, "PRAGMA user_version"), _one(db, "PRAGMA application_id")
    tables = _one(db, "SELECT count(*) FROM sqlite_schema")
    if alone:
        db.execute("COMMIT")
    if (tables or version) and application != APPLICATION:
        raise StoreUnavailable(f"{path} is another program's SQLite database: name another file for the bot")
    if version > VERSION:
        raise StoreUnavailable(
            f"{path} was written by a newer convokit (schema {version}, this one knows {VERSION}): upgrade convokit"
        )
    return version


def _bring_up(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or take each step that is missing, in a transaction of its own."""
    version = -1
    try:
        while version != VERSION:
            db.execute("BEGIN IMMEDIATE")
            version = version_of(db, path)
            if version == 0:
                _run(db, TABLES)
                db.execute("INSERT INTO meta VALUES ('log', ?)", (randbits(63),))  # names the numbering of its logs
                version = VERSION
            elif version < VERSION:
                log.warning("%s: brought from schema %d to %d", path, version, version + 1)
                version += 1
                _run(db, STEPS[version])
            db.execute("COMMIT")
    except BaseException as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
            raise StoreUnavailable(
                f"{path} must be brought to schema {VERSION}, and it is read-only: give this user write permission on "
                "the file and on its folder"
            ) from error
        raise


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        db.execute(statement)


def _writes(db: sqlite3.Connection) -> bool:
    """Whether another process writes to the file at this moment."""
    db.execute("PRAGMA busy_timeout = 0")
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    return False


def _one(db: sqlite3.Connection, query: str) -> int:
    with closing(db.execute(query)) as found:
        number: int = found.fetchone()[0]
    return number
