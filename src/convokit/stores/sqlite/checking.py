"""What can be wrong in a file, looked for at one moment while it may be in use, without changing anything.

SQLite looks after its pages; these are the rules of what we keep in them. A file of an earlier schema can be looked at
too: it is not brought to a newer one for that.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import frozen

from convokit.abc import Send, Timer
from convokit.conversations import ConversationId, Entry
from convokit.errors import StoreUnavailable
from convokit.stores import rows
from convokit.stores.sqlite import schema
from convokit.stores.sqlite.writer import unavailable
from convokit.wire import codec

MOST_SHOWN = 20
"""How many of SQLite's own findings are told."""
MOST_COUNTED = 10_000

BODIES: Mapping[str, tuple[type[Any], str]] = {
    "an entry of the log": (Entry, "SELECT channel, id, entry FROM log JOIN lane USING (conv)"),
    "a message": (Send, "SELECT channel, id, body FROM outbox JOIN lane USING (conv)"),
    "a reminder": (Timer, "SELECT channel, id, body FROM timer JOIN lane USING (conv)"),
}
"""What is kept in one piece, by what it is called: what it is read as, and where it is."""
_GONE = (
    "SELECT '{0} of conversation ' || conv FROM {0} WHERE conv NOT IN (SELECT conv FROM lane)"
    " AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'erasing:' || conv)"
)

RULES = {
    "more is done than was accepted in": ("SELECT channel || ':' || id FROM lane WHERE done > accepted"),
    "what waits does not fill the places between done and accepted in": (
        "SELECT channel || ':' || id FROM lane LEFT JOIN inbox USING (conv) GROUP BY conv"
        " HAVING count(seq) != accepted - done OR min(seq) != done + 1 OR max(seq) != accepted"
    ),
    "an event that was given up has a place that is not done yet:": (
        "SELECT parked.key FROM parked JOIN lane USING (conv) WHERE parked.seq > lane.done"
    ),
    "an event is known that has no place:": (
        "SELECT channel || ':' || lane.id FROM seen JOIN lane USING (conv) WHERE seen.seq > lane.accepted"
    ),
    "the numbers of the log have gaps, or end elsewhere than is counted, in": (
        "SELECT channel || ':' || id FROM lane JOIN log USING (conv) GROUP BY conv"
        " HAVING max(number) - min(number) + 1 != count(*) OR max(number) != logged"
    ),
    "the public numbers of the log have gaps, or end elsewhere than is counted, in": (
        "SELECT channel || ':' || id FROM lane JOIN log USING (conv) WHERE public > 0 GROUP BY conv"
        " HAVING max(public) - min(public) + 1 != count(*) OR max(public) != shown"
    ),
    "a row of the outbox is in a state that there is not:": (
        "SELECT key FROM outbox WHERE state NOT IN ('waiting', 'in flight', 'sent', 'failed', 'held', 'withdrawn')"
    ),
    "a queue of the outbox has another first row than it is marked:": (
        "SELECT key FROM outbox WHERE head != (state IN ('waiting', 'in flight')"
        " AND row = (SELECT min(row) FROM outbox AS other WHERE other.conv = outbox.conv"
        " AND other.desk = outbox.desk AND other.state IN ('waiting', 'in flight')))"
    ),
    "what turn.once kept belongs to no event that waits or was given up:": (
        "SELECT channel || ':' || id || ' ' || once.name FROM once JOIN lane USING (conv) WHERE once.seq <= lane.done"
        " AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.conv = once.conv AND parked.seq = once.seq)"
    ),
    "a conversation is not there any more, but something of it is:": " UNION ALL ".join(
        _GONE.format(table) for table in ("inbox", "seen", "parked", "once", "outbox", "timer", "log", "closed")
    ),
}
"""What is wrong, and a query for where."""
RULES_OF_2 = {
    "there is an account of a turn that is not done in": (
        "SELECT channel || ':' || id FROM lane JOIN turn ON turn.row = lane.turn AND turn.conv = lane.conv"
        " WHERE turn.seq > lane.done"
    ),
    "an account of a turn comes before itself:": "SELECT row FROM turn WHERE before >= row",
    "a conversation is not there any more, but accounts of its turns are:": _GONE.format("turn"),
}


@frozen(kw_only=True)
class Contents:
    """What a file holds, in numbers; `touched` is when something was accepted or committed last (0: never)."""

    version: int
    conversations: int
    waiting: int
    failed: int
    sends: int
    timers: int
    touched: int


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the file as it is at one moment and cannot change it.

    Raises:
        StoreUnavailable: It is not there, or cannot be read.
    """
    if not path.is_file():
        raise StoreUnavailable(f"there is no store {path}")
    try:
        with closing(_connection(path)) as db:
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        raise unavailable(error, str(path)) from error


def _connection(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=schema.BUSY_SECONDS, isolation_level=None)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        # A copy on a read-only disk: SQLite cannot put its side files there, and nobody changes it.
        db.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True, isolation_level=None)
    except BaseException:
        db.close()
        raise
    return db


def contents(path: Path) -> Contents:
    """What a file holds. Raises `StoreUnavailable`, also when it is not ours."""
    with reading(path) as db:
        version = schema.version_of(db, path)
        if not version:
            raise StoreUnavailable(f"{path} is empty: no bot has used it")
        names = ("conversations", "waiting", "touched")
        counted = db.execute(
            "SELECT count(*), coalesce(sum(accepted - done), 0), coalesce(max(touched), 0) FROM lane"
        ).fetchone()
        failed, sends, timers = db.execute(
            "SELECT (SELECT count(*) FROM parked), (SELECT count(*) FROM outbox WHERE state IN"
            " ('waiting', 'in flight')), (SELECT count(*) FROM timer)"
        ).fetchone()
        return Contents(
            version=version, failed=failed, sends=sends, timers=timers, **dict(zip(names, counted, strict=True))
        )


def problems(path: Path) -> list[str]:
    """What is wrong in a file, a sentence each. It reads all of it.

    Raises:
        StoreUnavailable: It is not there, is not ours, or cannot be opened at all.
    """
    with reading(path) as db:
        version = schema.version_of(db, path)
        found = [f"SQLite: {text}" for text in _damage(db)]
        rules = {**RULES, **(RULES_OF_2 if version > 1 else {})} if version else {}
        try:
            for what, query in rules.items():
                found += _broken(db, what, query)
            found += [*_states(db), *_unreadable(db)] if version else []
        except sqlite3.DatabaseError as error:
            if not found:
                raise
            found.append(f"SQLite: it could not be read to its end: {error}")
        return found


def _damage(db: sqlite3.Connection) -> Iterator[str]:
    try:
        for (text,) in db.execute(f"PRAGMA integrity_check({MOST_SHOWN})").fetchall():
            if text != "ok":
                yield text
    except sqlite3.DatabaseError as error:
        yield str(error)


def _broken(db: sqlite3.Connection, what: str, query: str) -> Iterator[str]:
    found = db.execute(query).fetchmany(MOST_COUNTED)
    if found:
        more = "" if len(found) == 1 else f" and {len(found) - 1}{'+' if len(found) == MOST_COUNTED else ''} more"
        yield f"{what} {found[0][0]}{more}"


def _unreadable(db: sqlite3.Connection) -> Iterator[str]:
    """What cannot be read of the log, the outbox and the timers: the first of each kind, and how many there are."""
    for what, (kind, query) in BODIES.items():
        first, count = "", 0
        for channel, id_, data in db.execute(query):
            try:
                codec.decode(kind, data)
            except rows.UNREADABLE as error:
                first = first or f"{what} of {ConversationId(channel, id_)} cannot be read: {error}"
                count += 1
        if count:
            yield first + (f"; and {count - 1} more" if count > 1 else "")


def _states(db: sqlite3.Connection) -> Iterator[str]:
    """Whether every state can be read and says what its row says."""
    for channel, id_, state, standing, handed in db.execute("SELECT channel, id, state, standing, handed FROM lane"):
        place = ConversationId(channel, id_)
        try:
            conversation = rows.read_conversation(state, place)
        except (ValueError, TypeError, RecursionError) as error:
            yield f"the state of {place} cannot be read: {error}"
            continue
        if (len(conversation.positions), rows.handed(conversation)) != (standing, handed):
            yield f"the state of {place} does not fit what its row says of dialogs and handoffs"
