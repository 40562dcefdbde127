"""The tables, and how a connection to them is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path
from secrets import randbits
from typing import Literal

from convokit.errors import StoreUnavailable

VERSION = 1
"""Kept in `PRAGMA user_version`; a file with a higher one is refused."""
APPLICATION = 0x63767374
"""Kept in `PRAGMA application_id` ("cvst"): a file of another program is refused."""
BUSY_SECONDS = 5.0
"""How long a write waits for another process's write."""

Synchronous = Literal["FULL", "NORMAL"]

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('opened', 0);

-- A conversation. Events done + 1 .. accepted wait in the inbox. Times are microseconds since 1970. `logged` and
-- `shown` are the newest number and public number of its log. `touched` is when something was accepted or committed
-- last (0: never), `handed` when its open handoff began.
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

-- What transports and desks remember; `expires` is NULL for what stays.
CREATE TABLE shelf (
  shelf TEXT NOT NULL, key TEXT NOT NULL, expires INTEGER, value BLOB NOT NULL,
  PRIMARY KEY (shelf, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX shelf_expires ON shelf (expires) WHERE expires IS NOT NULL;
"""


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


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Create the tables, or check that they are ours and not newer.

    Raises:
        StoreUnavailable: The file is another program's, or of a newer convokit.
    """
    db.execute("BEGIN IMMEDIATE")
    with closing(db.execute("PRAGMA user_version")) as found:
        version = found.fetchone()[0]
    with closing(db.execute("PRAGMA application_id")) as found:
        application = found.fetchone()[0]
    with closing(db.execute("SELECT count(*) FROM sqlite_schema")) as found:
        tables = found.fetchone()[0]
    if (tables or version) and application != APPLICATION:
        db.execute("ROLLBACK")
        raise StoreUnavailable(f"{path} is another program's SQLite database: name another file for the bot")
    if version > VERSION:
        db.execute("ROLLBACK")
        raise StoreUnavailable(
            f"{path} was written by a newer convokit (schema {version}, this one knows {VERSION}): upgrade convokit"
        )
    if not tables:
        for statement in TABLES.split(";\n"):
            db.execute(statement)
        db.execute("INSERT INTO meta VALUES ('log', ?)", (randbits(63),))  # names the numbering of its logs
        db.execute("PRAGMA application_id = 1668707188")
        db.execute("PRAGMA user_version = 1")
    db.execute("COMMIT")
