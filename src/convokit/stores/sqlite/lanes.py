"""Events and lanes in SQL: accept, claim, commit, release. Every function runs inside the writer's transaction.

Leases and epochs live in memory: only one process claims, so a claim writes nothing and costs no fsync. An epoch
begins with the number of times the store was opened, so that none from before a restart is ever valid again.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import count
from logging import getLogger
from typing import Any

from attrs import define, field, frozen

from convokit.abc import Committed, Lane, Send, Timer, Waiting
from convokit.conversations import ConversationId
from convokit.errors import LaneFull
from convokit.events import Event, MalformedReceived
from convokit.people import Profile
from convokit.stores import rows
from convokit.stores.sqlite import accounts, outbox
from convokit.wire import codec

log = getLogger(__name__)

SEEN_MICROS = rows.SEEN_FOR // timedelta(microseconds=1)
REST = timedelta(hours=1)
"""How long a conversation is left alone whose state cannot be read: a person has to look, and others are served."""


@frozen
class Lease:
    """Who holds a lane: the row's number, the epoch, until when (microseconds since 1970), and the state's version."""

    conv: int
    epoch: int
    until: int
    version: int = 0


@define(eq=False)
class Leases:
    """The lanes held now; what a rolled back transaction changed in it is taken back."""

    first_epoch: int
    held: dict[ConversationId, Lease] = field(factory=dict)
    numbers: set[int] = field(factory=set)
    """The rows of the lanes held."""
    _epochs: "count[int]" = field(init=False)
    _before: list[tuple[ConversationId, Lease | None]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._epochs = count(self.first_epoch)

    def holding(self, conversation: ConversationId, epoch: int) -> Lease | None:
        """The lease, if `epoch` is the newest of its lane."""
        lease = self.held.get(conversation)
        return lease if lease is not None and lease.epoch == epoch else None

    def take(self, conversation: ConversationId, conv: int, until: int, version: int) -> Lease:
        """Hold a lane under a new epoch."""
        lease = Lease(conv, next(self._epochs), until, version)
        self._put(conversation, lease)
        return lease

    def prolong(self, conversation: ConversationId, lease: Lease, until: int) -> None:
        """Hold it until another time."""
        self._put(conversation, Lease(lease.conv, lease.epoch, until, lease.version))

    def go_on(self, conversation: ConversationId, lease: Lease) -> None:
        """Hold it after a turn."""
        self._put(conversation, Lease(lease.conv, lease.epoch, lease.until, lease.version + 1))

    def drop(self, conversation: ConversationId) -> None:
        """Hold it no longer."""
        self._put(conversation, None)

    def running(self, now: int) -> list[int]:
        """The rows of the lanes whose lease has not run out."""
        return [lease.conv for lease in self.held.values() if lease.until > now]

    def drop_expired(self, now: int) -> None:
        """Hold no longer what ran out."""
        for conversation in [one for one, lease in self.held.items() if lease.until <= now]:
            self.drop(conversation)

    def _put(self, conversation: ConversationId, lease: Lease | None) -> None:
        self._before.append((conversation, self._set(conversation, lease)))

    def _set(self, conversation: ConversationId, lease: Lease | None) -> Lease | None:
        before = self.held.pop(conversation, None)
        if before is not None:
            self.numbers.discard(before.conv)
        if lease is not None:
            self.held[conversation] = lease
            self.numbers.add(lease.conv)
        return before

    def undo(self) -> None:
        """Take back what changed since `keep`."""
        for conversation, lease in reversed(self._before):
            self._set(conversation, lease)
        self._before.clear()

    def keep(self) -> None:
        """What changed is committed."""
        self._before.clear()


@define(eq=False)
class Counted:
    """How much a transaction adds to the counts of everything that ever was; written once for all of its requests."""

    accepted: int = 0
    turns: int = 0

    def write(self, db: sqlite3.Connection) -> None:
        """Add it, at the end of the transaction."""
        if self.accepted or self.turns:
            db.execute(
                "UPDATE meta SET value = value + CASE name WHEN 'accepted' THEN ? ELSE ? END"
                " WHERE name IN ('accepted', 'turns')",
                (self.accepted, self.turns),
            )

    def begin(self) -> None:
        """It is written, or was rolled back."""
        self.accepted = self.turns = 0


def number(db: sqlite3.Connection, conversation: ConversationId) -> int:
    """The conversation's row, made when it is new."""
    place = (conversation.channel, conversation.id)
    found = db.execute("SELECT conv FROM lane WHERE channel = ? AND id = ?", place).fetchone()
    if found is None:
        found = db.execute("INSERT INTO lane (channel, id) VALUES (?, ?) RETURNING conv", place).fetchone()
    conv: int = found[0]
    return conv


@frozen(kw_only=True)
class Prepared:
    """A turn whose values are encoded already, by the caller and not by the writer."""

    turn: Committed
    state: bytes
    sends: tuple[tuple[Send, bytes], ...]
    timers: tuple[tuple[Timer, bytes], ...]
    emits: tuple[rows.Incoming, ...]
    lines: tuple[rows.Line, ...]
    closed: tuple[tuple[int, bytes], ...]
    handed: int | None
    size: int


def prepared(turn: Committed) -> Prepared:
    """Encode a turn. Raises `TypeError` when something in it has no JSON form."""
    state = codec.encode(turn.conversation)
    sends = tuple((send, codec.encode(send)) for send in turn.sends)
    timers = tuple((timer, codec.encode(timer)) for timer in turn.timers)
    emits = tuple(rows.incoming(event) for event in turn.emits)
    lines = tuple(rows.line(entry) for entry in turn.entries)
    closed = rows.ended(turn.closed)
    size = len(state) + sum(len(data) for _, data in (*sends, *timers, *closed))
    size += sum(event.size for event in emits) + sum(len(line.data) for line in lines)
    size += len(codec.encode(turn.facts)) if turn.facts else 0
    return Prepared(
        turn=turn,
        state=state,
        sends=sends,
        timers=timers,
        emits=emits,
        lines=lines,
        closed=closed,
        handed=rows.handed(turn.conversation),
        size=size,
    )


@define(eq=False)
class Lanes:
    """What changes lanes, with the leases, the counter that orders them, and the newest account of a turn."""

    leases: Leases
    ticks: "count[int]"
    newest: int = 0
    remembering: set[int] = field(factory=set)
    """The rows of the lanes for which `once` has kept something, in this run or before."""
    counted: Counted = field(factory=Counted)

    def keep(self) -> None:
        """A transaction was committed."""
        self.leases.keep()
        self.counted.begin()

    def undo(self) -> None:
        """A transaction was rolled back."""
        self.leases.undo()
        self.counted.begin()

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def accept_all(
        self, db: sqlite3.Connection, incoming: Sequence[rows.Incoming], now: int, most: int
    ) -> list[bool] | LaneFull:
        """Append events to their lanes, all of them or, where more than `most` would wait, none.

        The refusal is returned: raised, it would undo what others write in the same transaction.
        """
        looked_up = [self._look_up(db, one, now) for one in incoming]
        waiting = dict[ConversationId, int]()
        for one, found in zip(incoming, looked_up, strict=True):
            if rows.refusable(one.event) and not (found and found[1]):
                place = one.event.conversation
                waiting[place] = waiting.get(place, found[2] if found else 0) + 1
        try:
            rows.refuse_full(waiting, most)
        except LaneFull as full:
            return full
        if len({one.event.conversation for one in incoming}) == len(incoming):
            return [self._accept(db, one, now, found) for one, found in zip(incoming, looked_up, strict=True)]
        return [self.accept(db, one, now) for one in incoming]

    def accept(self, db: sqlite3.Connection, one: rows.Incoming, now: int) -> bool:
        """Append an event to its lane, and what was said to its log, unless it is in the log or was seen lately."""
        return self._accept(db, one, now, self._look_up(db, one, now))

    @staticmethod
    def _look_up(db: sqlite3.Connection, one: rows.Incoming, now: int) -> tuple[int, bool, int] | None:
        """The row of the event's lane, whether the event is known, and how many wait; None: the lane is new."""
        place = one.event.conversation
        found: tuple[int, bool, int] | None = db.execute(
            "SELECT conv, EXISTS (SELECT 1 FROM log WHERE log.conv = lane.conv AND log.key = ?3 AND log.key != '')"
            " OR EXISTS (SELECT 1 FROM seen WHERE seen.conv = lane.conv AND seen.id = ?4 AND seen.at > ?5),"
            " accepted - done FROM lane WHERE channel = ?1 AND id = ?2",
            (place.channel, place.id, one.key, one.event.id, now - SEEN_MICROS),
        ).fetchone()
        return found

    def _accept(
        self, db: sqlite3.Connection, one: rows.Incoming, now: int, found: tuple[int, bool, int] | None
    ) -> bool:
        event, line = one.event, one.line
        place = event.conversation
        if found is not None and found[1]:
            return False
        conv = number(db, place) if found is None else found[0]
        if line is None:
            seq, _, _ = self.append(db, conv, one.data, now)
            db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", (conv, event.id, now, seq))
        else:
            seq, logged, shown = self.append(db, conv, one.data, now, said=1)
            db.execute(
                "INSERT INTO log (conv, number, public, seq, key, kind, entry) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (conv, logged, shown, seq, line.key, line.kind, line.data),
            )
        return True

    def append(
        self, db: sqlite3.Connection, conv: int, data: bytes, now: int, *, said: int = 0
    ) -> tuple[int, int, int]:
        """Put an event at the end of its lane, whatever its id, and count `said` (0 or 1) entries of the log.

        Returns:
            Its place, and the newest number and public number of the log.
        """
        seq, logged, shown = db.execute(
            "UPDATE lane SET accepted = accepted + 1, logged = logged + ?4, shown = shown + ?4, touched = ?2,"
            " ready_at = CASE WHEN accepted = done THEN ?2 ELSE ready_at END,"
            " tick = CASE WHEN accepted = done THEN ?3 ELSE tick END,"
            " retrying = CASE WHEN accepted = done THEN 0 ELSE retrying END"
            " WHERE conv = ?1 RETURNING accepted, logged, shown",
            (conv, now, next(self.ticks), said),
        ).fetchone()
        db.execute("INSERT INTO inbox (conv, seq, at, event) VALUES (?, ?, ?, ?)", (conv, seq, now, data))
        self.counted.accepted += 1
        return seq, logged, shown

    def fire_due(self, db: sqlite3.Connection, limit: int, now: int) -> int:
        """Turn due timers into events; their id cannot have been seen, but a stranger's may look like it."""
        due = db.execute(
            "SELECT conv, name, body FROM timer WHERE due <= ? ORDER BY due LIMIT ?", (now, max(limit, 0))
        ).fetchall()
        for conv, name, body in due:
            db.execute("DELETE FROM timer WHERE conv = ? AND name = ?", (conv, name))
            accepted = db.execute("SELECT accepted FROM lane WHERE conv = ?", (conv,)).fetchone()[0]
            event = _fired(db, conv, name, body, accepted + 1, now)
            db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", (conv, event.id, now, accepted + 1))
            self.append(db, conv, codec.encode_event(event), now)
        return len(due)

    # ── claimed ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def claim(self, db: sqlite3.Connection, limit: int, now: int, until: int) -> list[Lane]:
        """Hand out free lanes that have work, longest waiting first."""
        self.leases.drop_expired(now)
        if limit <= 0:
            return []
        most = limit + len(self.leases.held)
        found = db.execute(
            "SELECT ready_at, tick, conv FROM lane WHERE accepted > done AND retrying = 0"
            " ORDER BY ready_at, tick LIMIT ?",
            (most,),
        ).fetchall()
        rested = db.execute(
            "SELECT ready_at, tick, conv FROM lane"
            " WHERE accepted > done AND retrying = 1 AND ready_at <= ? ORDER BY ready_at, tick LIMIT ?",
            (now, most),
        ).fetchall()
        if rested:
            found = sorted(found + rested)
        free = [conv for _, _, conv in found if conv not in self.leases.numbers]
        # Its time has come: a clock that is set back does not make it wait again.
        again = {conv for _, _, conv in rested}.intersection(free[:limit])
        db.executemany("UPDATE lane SET retrying = 0 WHERE conv = ?", [(conv,) for conv in again])
        lanes = []
        for conv in free[:limit]:
            try:
                lanes.append(self._hand_out(db, conv, until))
            except rows.UNREADABLE as problem:
                _rest(db, conv, now, problem)
        return lanes

    def _hand_out(self, db: sqlite3.Connection, conv: int, until: int) -> Lane:
        channel, id_, done, attempts, state = db.execute(
            "SELECT channel, id, done, attempts, state FROM lane WHERE conv = ?", (conv,)
        ).fetchone()
        conversation = ConversationId(channel, id_)
        waiting = db.execute(
            "SELECT seq, at, event FROM inbox WHERE conv = ? AND seq > ? ORDER BY seq LIMIT ?",
            (conv, done, rows.LANE_EVENTS),
        ).fetchall()
        committed = rows.read_conversation(state, conversation)
        events = tuple(
            Waiting(seq=seq, event=rows.read_event(data, conversation, seq, moment), accepted_at=moment)
            for seq, moment, data in ((seq, rows.moment(at), data) for seq, at, data in waiting)
        )
        profiles = {}
        for one in rows.people(committed, (waits.event for waits in events)):
            found = db.execute("SELECT body FROM profile WHERE id = ?", (one,)).fetchone()
            if found is not None:
                profiles[one] = codec.decode(Profile, found[0])
        epoch = self.leases.take(conversation, conv, until, committed.version).epoch
        return Lane(conversation=committed, epoch=epoch, events=events, attempts=attempts, profiles=profiles)

    def renew(self, lanes: Sequence[Lane], until: int) -> set[ConversationId]:
        """Prolong what is still held."""
        held = set()
        for lane in lanes:
            lease = self.leases.holding(lane.conversation.id, lane.epoch)
            if lease is not None:
                self.leases.prolong(lane.conversation.id, lease, until)
                held.add(lane.conversation.id)
        return held

    def release(
        self,
        db: sqlite3.Connection,
        lane: Lane,
        *,
        retry_at: int | None,
        error: str,
        park: bool,
        now: int,
        accounted: bool,
    ) -> None:
        """Give a lane up without a commit."""
        lease = self.leases.holding(lane.conversation.id, lane.epoch)
        if lease is None:
            return
        self.leases.drop(lane.conversation.id)
        conv = lease.conv
        if _erased(db, lease):
            return  # what waits now is another event
        if error:
            db.execute("UPDATE lane SET attempts = attempts + 1, error = ? WHERE conv = ?", (error, conv))
        if park:
            self._park(db, lane.conversation.id, conv, error, now, accounted=accounted)
        waits = not park and retry_at is not None and retry_at > now
        db.execute(
            "UPDATE lane SET ready_at = ?, tick = ?, retrying = ? WHERE conv = ?",
            (retry_at if waits else now, next(self.ticks), waits, conv),
        )

    def _park(
        self, db: sqlite3.Connection, conversation: ConversationId, conv: int, error: str, now: int, *, accounted: bool
    ) -> None:
        seq, attempts, turn = db.execute("SELECT done + 1, attempts, turn FROM lane WHERE conv = ?", (conv,)).fetchone()
        if _keep_failed(db, conversation, conv, seq, error, attempts, now):
            if accounted:
                turn = self._next_turn(now)
                accounts.write(db, turn, conv, seq, now, outcome="failed", error=error, failed=True)
            db.execute("DELETE FROM inbox WHERE conv = ? AND seq = ?", (conv, seq))
            db.execute("UPDATE lane SET done = ?, attempts = 0, error = '', turn = ? WHERE conv = ?", (seq, turn, conv))

    def _next_turn(self, now: int) -> int:
        self.newest = max(self.newest + 1, now)
        return self.newest

    # ── committed ───────────────────────────────────────────────────────────────────────────────────────────────────

    def commit(self, db: sqlite3.Connection, one: Prepared, now: int, *, accounted: bool) -> bool:
        """Write a turn, all of it; False, and nothing, when it is fenced."""
        turn = one.turn
        conversation = turn.conversation
        lease = self.leases.holding(conversation.id, turn.epoch)
        if lease is None:
            return False
        conv = lease.conv
        account = self._next_turn(now) if accounted else 0
        if accounted and not _account(db, account, conv, one, now):
            return self._fenced(db, conversation.id, lease)
        tried = _tries(db, conv) if turn.error else 0
        before = db.execute(
            "UPDATE lane SET done = ?2, version = ?3, state = ?4, standing = ?5, attempts = 0, ready_at = ?6,"
            " tick = ?7, retrying = 0, touched = ?6, handed = ?8, logged = logged + ?9, shown = shown + ?10,"
            " error = '', turn = CASE WHEN ?11 THEN ?11 ELSE turn END"
            " WHERE conv = ?1 AND done = ?2 - 1 AND version = ?3 - 1 AND accepted >= ?2"
            " RETURNING logged - ?9, shown - ?10",
            (
                conv,
                turn.seq,
                conversation.version,
                one.state,
                len(conversation.positions),
                now,
                next(self.ticks),
                one.handed,
                len(one.lines),
                sum(not line.private for line in one.lines),
                account,
            ),
        ).fetchone()
        if before is None:
            return self._fenced(db, conversation.id, lease)
        self.counted.turns += 1
        if turn.error:
            _keep_failed(db, conversation.id, conv, turn.seq, turn.error, tried + 1, now)
        elif conv in self.remembering:
            db.execute("DELETE FROM once WHERE conv = ? AND seq = ?", (conv, turn.seq))
        db.execute("DELETE FROM inbox WHERE conv = ? AND seq = ?", (conv, turn.seq))
        self._write_rest(db, conv, one, before, now)
        if turn.release:
            self.leases.drop(conversation.id)
        else:
            self.leases.go_on(conversation.id, lease)
        return True

    def _write_rest(self, db: sqlite3.Connection, conv: int, one: Prepared, before: tuple[int, int], now: int) -> None:
        """Write what a turn changes outside of its lane, whose log ended with the numbers `before`."""
        turn, here = one.turn, one.turn.conversation.id
        if turn.withdraw:
            outbox.withdraw(db, conv, now)
        self.write_sends(db, here, conv, one.sends, now)
        self._set_timers(db, conv, one)
        for profile_id, facts in turn.facts.items():
            _merge(db, profile_id, facts)
        _write_lines(db, conv, turn.seq, one.lines, *before)
        for at, handoff in one.closed:
            db.execute("INSERT INTO closed (at, conv, handoff) VALUES (?, ?, ?)", (at, conv, handoff))
        for event in one.emits:
            self.accept(db, event, now)
        self._put_back(db, here, conv, turn.put_back, now)

    def _fenced(self, db: sqlite3.Connection, conversation: ConversationId, lease: Lease) -> bool:
        """Say no to a turn; where its conversation was erased meanwhile, the lane is free at once: nobody holds it."""
        if _erased(db, lease):
            self.leases.drop(conversation)
        return False

    def flush(
        self,
        db: sqlite3.Connection,
        lane: Lane,
        seq: int,
        sends: Sequence[tuple[Send, bytes]],
        lines: Sequence[rows.Line],
        now: int,
    ) -> bool:
        """Write rows and entries of the lane's next event ahead of its commit; False when it is fenced."""
        lease = self.leases.holding(lane.conversation.id, lane.epoch)
        if lease is None:
            return False
        before = db.execute(
            "UPDATE lane SET logged = logged + ?3, shown = shown + ?4 WHERE conv = ?1 AND done = ?2 - 1"
            " AND accepted >= ?2 RETURNING logged - ?3, shown - ?4",
            (lease.conv, seq, len(lines), sum(not line.private for line in lines)),
        ).fetchone()
        if before is None:
            return False
        self.write_sends(db, lane.conversation.id, lease.conv, sends, now)
        _write_lines(db, lease.conv, seq, lines, *before)
        return True

    def _put_back(
        self, db: sqlite3.Connection, conversation: ConversationId, conv: int, event_ids: Sequence[str], now: int
    ) -> None:
        for event_id in event_ids:
            there = db.execute("SELECT seq FROM seen WHERE conv = ? AND id = ?", (conv, event_id)).fetchone()
            if there is not None:
                self.replay(db, rows.event_key(conversation, there[0]), now)

    @staticmethod
    def _set_timers(db: sqlite3.Connection, conv: int, one: Prepared) -> None:
        for name in one.turn.cancelled:
            db.execute("DELETE FROM timer WHERE conv = ? AND name = ?", (conv, name))
        for timer, data in one.timers:
            there = number(db, timer.conversation)
            due = rows.micros(timer.due)
            db.execute("INSERT OR REPLACE INTO timer VALUES (?, ?, ?, ?)", (there, timer.name, due, data))

    @staticmethod
    def write_sends(
        db: sqlite3.Connection,
        here: ConversationId,
        conv: int,
        sends: Sequence[tuple[Send, bytes]],
        now: int,
    ) -> None:
        """Append rows to the outbox; one whose key exists is left as it is. Most go `here`, whose row is known."""
        for send, data in sends:
            outbox.append(db, conv if send.conversation == here else number(db, send.conversation), send, data, now)

    # ── once ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def remember(self, db: sqlite3.Connection, lane: Lane, seq: int, name: str, value: bytes) -> bytes:
        """Keep the first value given while the event waits; returns the one kept."""
        conv = number(db, lane.conversation.id)
        self.remembering.add(conv)
        db.execute(
            "INSERT INTO once SELECT conv, ?2, ?3, ?4 FROM lane WHERE conv = ?1 AND done < ?2 ON CONFLICT DO NOTHING",
            (conv, seq, name, value),
        )
        kept = db.execute(
            "SELECT value FROM once WHERE conv = ? AND seq = ? AND name = ?", (conv, seq, name)
        ).fetchone()
        first: bytes = value if kept is None else kept[0]
        return first

    # ── given up ────────────────────────────────────────────────────────────────────────────────────────────────────

    def replay(self, db: sqlite3.Connection, key: str, now: int) -> bool:
        """Put a parked event at the end of its lane, with what `once` kept for it."""
        found = db.execute("DELETE FROM parked WHERE key = ? RETURNING conv, seq, event", (key,)).fetchone()
        if found is None:
            return False
        conv, before, data = found
        seq, _, _ = self.append(db, conv, data, now)
        db.execute(
            "UPDATE log SET seq = ?1 WHERE conv = ?2 AND seq = ?3 AND kind = 'said' AND substr(key, 1, 2) = ?4",
            (seq, conv, before, rows.SAID),
        )
        db.execute("UPDATE once SET seq = ? WHERE conv = ? AND seq = ?", (seq, conv, before))
        db.execute("UPDATE seen SET seq = ? WHERE conv = ? AND seq = ?", (seq, conv, before))
        return True


def _account(db: sqlite3.Connection, row: int, conv: int, one: Prepared, now: int) -> bool:
    """Write the account of a turn before it is committed; False when it is fenced."""
    turn = one.turn
    return accounts.write(
        db,
        row,
        conv,
        turn.seq,
        now,
        outcome=turn.outcome,
        error=turn.error,
        failed=bool(turn.error),
        handler=turn.handler,
        took=turn.took,
        state=one.state,
        version=turn.conversation.version,
    )


def _tries(db: sqlite3.Connection, conv: int) -> int:
    """How often the first event was tried; 0 where there is no such lane any more."""
    found = db.execute("SELECT attempts FROM lane WHERE conv = ?", (conv,)).fetchone()
    return 0 if found is None else found[0]


def _erased(db: sqlite3.Connection, lease: Lease) -> bool:
    """Whether the conversation, or somebody in it, was erased since the lane was claimed."""
    found = db.execute("SELECT version FROM lane WHERE conv = ?", (lease.conv,)).fetchone()
    return found is None or found[0] != lease.version


def _rest(db: sqlite3.Connection, conv: int, now: int, problem: Exception) -> None:
    """Leave a conversation alone for a while that cannot be handed out: one damaged row must not stop the others."""
    channel, id_ = db.execute(
        "UPDATE lane SET retrying = 1, ready_at = ?, error = ? WHERE conv = ? RETURNING channel, id",
        (now + REST // timedelta(microseconds=1), f"what is stored of it cannot be read: {problem}", conv),
    ).fetchone()
    where = ascii(str(ConversationId(channel, id_)))[1:-1]
    log.error(
        "conversation=%s what is stored of it cannot be read, it is left alone for an hour; `convokit verify` looks "
        "what else is damaged: %s",
        where,
        problem,
    )


def _fired(db: sqlite3.Connection, conv: int, name: str, body: bytes, seq: int, now: int) -> Event:
    """What a due timer becomes; one that cannot be read is kept among the failed events."""
    try:
        return rows.fired(codec.decode(Timer, body), seq)
    except rows.UNREADABLE as problem:
        channel, id_ = db.execute("SELECT channel, id FROM lane WHERE conv = ?", (conv,)).fetchone()
        return MalformedReceived(
            id=f"unreadable:timer:{name}:{seq}",
            conversation=ConversationId(channel, id_),
            at=rows.moment(now),
            reason=f"the store holds a reminder that cannot be read: {problem}",
            raw=body.decode("utf-8", "replace")[: rows.DAMAGED_RAW],
        )


def _keep_failed(
    db: sqlite3.Connection, conversation: ConversationId, conv: int, seq: int, error: str, attempts: int, now: int
) -> bool:
    """Copy a waiting event to the failed ones; False when it does not wait."""
    copied = db.execute(
        "INSERT INTO parked (key, conv, seq, at, error, attempts, event)"
        " SELECT ?, conv, seq, ?, ?, ?, event FROM inbox WHERE conv = ? AND seq = ?",
        (rows.event_key(conversation, seq), now, error, attempts, conv, seq),
    )
    return copied.rowcount > 0


def _write_lines(
    db: sqlite3.Connection, conv: int, seq: int, lines: Sequence[rows.Line], logged: int, shown: int
) -> None:
    """Add to a log that ends at `logged` and `shown` and whose lane counts `lines` already, as if each were new."""
    count_again = False
    for line in lines:
        public = 0 if line.private else shown + 1
        written = db.execute(
            "INSERT INTO log (conv, number, public, seq, key, kind, entry) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (conv, key) WHERE key != '' DO NOTHING",
            (conv, logged + 1, public, seq, line.key, line.kind, line.data),
        ).rowcount
        if written:
            logged, shown = logged + 1, max(public, shown)
        else:
            count_again = True
    if count_again:
        db.execute("UPDATE lane SET logged = ?, shown = ? WHERE conv = ?", (logged, shown, conv))


def _merge(db: sqlite3.Connection, profile_id: str, facts: Mapping[str, Any]) -> None:
    found = db.execute("SELECT body FROM profile WHERE id = ?", (profile_id,)).fetchone()
    body = rows.merged(found[0] if found else None, profile_id, facts)
    db.execute("INSERT OR REPLACE INTO profile VALUES (?, ?)", (profile_id, body))
