"""What the store in memory does with personal data: the part of it that exports, erases and forgets."""

import os
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any

from convokit.abc import Audited, Belongings, Erased, Failed, Personal, SendAccount, Shelved, Timer, Waiting
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Logged
from convokit.people import Profile
from convokit.stores import forgetting, rows
from convokit.stores.forgetting import Look
from convokit.wire import codec


class MemoryPersonal:
    """The verbs of `Memory` for personal data; everything they need is `Memory`'s."""

    _lanes: dict[ConversationId, Any]
    _outbox: dict[str, Any]
    _queues: dict[Any, deque[Any]]
    _seen: dict[tuple[ConversationId, str], tuple[int, int]]
    _timers: dict[tuple[ConversationId, str], tuple[int, bytes]]
    _profiles: dict[str, bytes]
    _parked: dict[str, Any]
    _closed: list[tuple[int, ConversationId, bytes]]
    _shelf: dict[tuple[str, str], tuple[bytes, int | None]]
    _abouts: dict[tuple[str, str], str]
    """Whom or what values on shelves are about."""
    _audit: list[bytes]

    async def _begin(self, *, claims: bool = False) -> int:
        """The time."""
        raise NotImplementedError

    def _free(self, lane: Any, ready_at: int, *, retrying: bool = False) -> None:
        """Give the lane up."""
        raise NotImplementedError

    # ── the verbs ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def export(self, user: str, *, by: str = "") -> Personal:
        """Everything that is kept of a person."""
        forgetting.check_user(user)
        now = await self._begin()
        ids = self._people(user)
        looks = self._looks(ids, now)
        files = {one for look in looks for one in look.files}
        shelf = self._about([*ids, *(str(look.conversation) for look in looks if look.alone)])
        files |= {one.key for one in shelf if one.shelf == forgetting.FILES}
        found = [self._belongings(look) for look in looks]
        profiles = [codec.decode(Profile, self._profiles[one]) for one in ids if one in self._profiles]
        counts = {"conversations": len(found), "entries": sum(len(one.entries) for one in found)}
        counts |= {"profiles": len(profiles), "records": len(shelf), "files": len(files)}
        self._note("export", token_hex(8), by, user, counts, frozenset(), now)
        return Personal(
            users=ids,
            profiles=tuple(profiles),
            conversations=tuple(sorted(found, key=lambda one: str(one.conversation.id))),
            shelf=tuple(shelf),
            files=tuple(sorted(files)),
        )

    async def erase(self, user: str, *, by: str = "", keeps: Sequence[str] = (), dry: bool = False) -> Erased:
        """Remove everything that is kept of a person."""
        forgetting.check_user(user)
        spared = forgetting.check_keeps(keeps)
        now = await self._begin()
        ids, act_id = self._people(user), token_hex(8)
        counts: dict[str, int] = {}
        files = set[str]()
        for look in self._looks(ids, now):
            of_it = self._counted(look, spared)
            counts = forgetting.added(counts, {**of_it, "conversations": 1})
            gone = look.files if not spared & {"files", "log"} else frozenset()
            files |= gone
            if not dry:
                (self._empty if look.alone else self._leave_room)(look, spared, now)
                self._drop_files(gone)
                self._note("erase", act_id, by, user, of_it, spared, now)
        kept_shelves = forgetting.FILE_SHELVES if spared & {"files", "log"} else ()
        shelf = [one for one in self._about(ids) if one.shelf not in kept_shelves]
        known = {one.key for one in shelf if one.shelf == forgetting.FILES}
        profiles = [] if "profile" in spared else [one for one in ids if one in self._profiles]
        rest = {"records": len(shelf), "profiles": len(profiles)}
        counts = forgetting.added(counts, rest)
        if not dry:
            self._take_off_all((one.shelf, one.key) for one in shelf)
            self._drop_files(known)
            for one in profiles:
                del self._profiles[one]
            self._note("erase", act_id, by, user, {**rest, "files": len(known)}, spared, now)
        counts["files"] = len(files | known)
        return Erased(
            users=ids,
            counts=forgetting.told(counts),
            files=tuple(sorted(files | known)),
            kept=tuple(sorted(spared)),
        )

    async def audited(self, limit: int, *, user: str = "") -> Sequence[Audited]:
        """The newest lines of the audit trail."""
        await self._begin()
        whose = forgetting.hashed(self._salt(), user) if user else ""
        lines = [codec.decode(Audited, data) for data in reversed(self._audit)]
        return [one for one in lines if not whose or one.whose == whose][: rows.at_most(limit)]

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _salt(self) -> bytes:
        return self._shelf.setdefault((forgetting.SECRETS, forgetting.SALT), (os.urandom(32), None))[0]

    def _note(
        self, act: Any, act_id: str, by: str, user: str, counts: dict[str, int], kept: frozenset[str], now: int
    ) -> None:
        line = Audited(
            at=rows.moment(now),
            act=act,
            act_id=act_id,
            by=by,
            whose=forgetting.hashed(self._salt(), user),
            counts=forgetting.told(counts),
            kept=tuple(sorted(kept)),
        )
        self._audit.append(codec.encode(line))

    def _about(self, about: Sequence[str]) -> list[Shelved]:
        """What is kept about people and conversations, in the order of shelves and keys."""
        places = sorted(place for place, whom in self._abouts.items() if whom in about and place in self._shelf)
        return [Shelved(shelf=shelf, key=key, value=self._shelf[shelf, key][0]) for shelf, key in places]

    def _people(self, user: str) -> tuple[str, ...]:
        found = [one.value.decode() for one in self._about([user]) if one.shelf == forgetting.ALIASES]
        return tuple(dict.fromkeys((user, *found)))

    def _looks(self, ids: Sequence[str], now: int) -> list[Look]:
        looks = [self._look(lane, ids, now) for lane in self._lanes.values()]
        return [one for one in looks if one.theirs]

    def _look(self, lane: Any, ids: Sequence[str], now: int) -> Look:
        since = rows.moment(now) - forgetting.KNOWN_FOR
        look = Look(conversation=lane.id, ids=frozenset(ids), since=since)
        look.read_state(rows.read_conversation(lane.state, lane.id))
        for seq, at, data in self._events(lane):
            look.read_event(seq, rows.read_event(data, lane.id, seq, at))
        for (conversation, _), (_, data) in self._timers.items():
            if conversation == lane.id:
                look.read_timer(codec.decode(Timer, data))
        for number, one in enumerate(lane.log, lane.forgotten + 1):
            look.read_entry(number, one.seq, codec.decode(Entry, one.line.data))
        return look

    def _events(self, lane: Any) -> list[tuple[int, datetime, bytes]]:
        """The events that wait, failed or are accounted for."""
        found = [(seq, at, data) for seq, (at, data) in enumerate(lane.inbox, lane.done + 1)]
        found += [(one.seq, rows.moment(one.at), one.event) for one in self._parked_in(lane.id)]
        return found + [(one.seq, one.accepted, one.event) for one in lane.ended]

    def _parked_in(self, conversation: ConversationId) -> list[Any]:
        return [one for one in self._parked.values() if one.conversation == conversation]

    def _rows_of(self, look: Look) -> list[Any]:
        found = [row for row in self._outbox.values() if row.to[0] == look.conversation]
        prefix = f"{look.conversation}:"
        return [row for row in found if look.alone or forgetting.in_place_of(row.key, prefix) in look.places]

    def _belongings(self, look: Look) -> Belongings:
        lane, alone = self._lanes[look.conversation], look.alone
        numbers = set(look.numbers)
        state = look.state or Conversation(id=lane.id)
        timers = [codec.decode(Timer, data) for (one, _), (_, data) in self._timers.items() if one == lane.id]
        events = [rows.read_event(one.event, lane.id, one.seq, one.accepted) for one in lane.ended]
        return Belongings(
            conversation=state if alone else forgetting.only(look, state),
            alone=alone,
            entries=tuple(
                Logged(number=number, public=one.public, entry=codec.decode(Entry, one.line.data))
                for number, one in enumerate(lane.log, lane.forgotten + 1)
                if alone or number in numbers
            ),
            waiting=tuple(
                Waiting(seq=seq, event=rows.read_event(data, lane.id, seq, at), accepted_at=at)
                for seq, (at, data) in enumerate(lane.inbox, lane.done + 1)
                if alone or seq in look.places
            ),
            failed=tuple(
                Failed(
                    key=one.key,
                    conversation=lane.id,
                    at=rows.moment(one.at),
                    error=one.error,
                    attempts=one.attempts,
                    what=rows.read_event(one.event, lane.id, one.seq, rows.moment(one.at)),
                )
                for one in self._parked_in(lane.id)
                if alone or one.seq in look.places
            ),
            handled=tuple(one for one in events if alone or look.is_theirs(one.user)),
            sends=tuple(_account(row) for row in self._rows_of(look)),
            timers=tuple(one for one in timers if alone or look.is_theirs(one.user)),
            handoffs=tuple(codec.decode(Handoff, data) for _, one, data in self._closed if alone and one == lane.id),
        )

    def _counted(self, look: Look, keeps: frozenset[str]) -> dict[str, int]:
        lane = self._lanes[look.conversation]
        counts = Counter[str](sends=len(self._rows_of(look)), accounts=len(lane.ended))
        parked = self._parked_in(lane.id)
        if not look.alone:
            counts["entries"] = 0 if "log" in keeps else len(look.numbers)
            counts["waiting"] = sum(seq in look.places for seq in range(lane.done + 1, lane.done + 1 + len(lane.inbox)))
            counts["failed"] = sum(one.seq in look.places for one in parked)
            return dict(counts)
        counts["entries"] = 0 if "log" in keeps else len(lane.log)
        counts["handoffs"] = 0 if "handoffs" in keeps else sum(one == lane.id for _, one, _ in self._closed)
        counts["waiting"], counts["failed"] = len(lane.inbox), len(parked)
        counts["timers"] = sum(one == lane.id for one, _ in self._timers)
        counts["values"] = len(lane.once) + sum(len(one.once) for one in parked)
        counts["records"] = len(self._about(look.abouts))
        return dict(counts)

    # ── erasing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _empty(self, look: Look, keeps: frozenset[str], now: int) -> None:
        """Erase a conversation that is somebody's alone."""
        lane = self._lanes[look.conversation]
        for row in self._rows_of(look):
            self._drop_row(row)
        for one in self._parked_in(lane.id):
            del self._parked[one.key]
        self._timers = {key: value for key, value in self._timers.items() if key[0] != lane.id}
        if "handoffs" not in keeps:
            self._closed = [one for one in self._closed if one[1] != lane.id]
        self._take_off_all((one.shelf, one.key) for one in self._about(look.abouts))
        lane.done += len(lane.inbox)
        lane.inbox.clear()
        lane.once.clear()
        lane.ended.clear()
        self._free(lane, now)
        lane.version, lane.attempts, lane.error, lane.retrying, lane.handed = lane.version + 1, 0, "", False, None
        lane.state = codec.encode(forgetting.fresh(lane.id, lane.version))
        if "log" in keeps:
            return
        for known in look.recent:
            self._seen[lane.id, known] = (now, lane.done)
        lane.log.clear()
        lane.keys.clear()
        lane.shown = lane.forgotten = lane.touched = 0
        lane.log_id = token_hex(8)

    def _leave_room(self, look: Look, keeps: frozenset[str], now: int) -> None:
        """Erase a person from a conversation with others."""
        lane = self._lanes[look.conversation]
        for row in self._rows_of(look):
            self._drop_row(row)
        for one in self._parked_in(lane.id):
            if one.seq in look.places:
                del self._parked[one.key]
        for key, (_, data) in list(self._timers.items()):
            if key[0] == lane.id and look.is_theirs(codec.decode(Timer, data).user):
                del self._timers[key]
        lane.ended.clear()
        self._skip(lane, look, now)
        self._free(lane, now)
        lane.version, lane.attempts, lane.error = lane.version + 1, 0, ""
        state = forgetting.without(look, look.state or Conversation(id=lane.id), lane.version)
        lane.state = codec.encode(state)
        if "log" not in keeps:
            self._blank(lane, look, now)

    @staticmethod
    def _skip(lane: Any, look: Look, now: int) -> None:
        """Leave nothing of the person's waiting events but their places."""
        while lane.inbox and lane.done + 1 in look.places:
            lane.inbox.popleft()
            lane.done += 1
        for index, seq in enumerate(range(lane.done + 1, lane.done + 1 + len(lane.inbox))):
            if seq in look.places:
                nothing = forgetting.nothing(lane.id, seq, rows.moment(now))
                lane.inbox[index] = (lane.inbox[index][0], codec.encode_event(nothing))
        lane.once = {key: value for key, value in lane.once.items() if key[0] not in look.places}

    def _blank(self, lane: Any, look: Look, now: int) -> None:
        """Leave nothing of the person's entries but their numbers."""
        for known, seq in look.own_recent.items():
            self._seen[lane.id, known] = (now, seq)
        for number in look.numbers:
            one = lane.log[number - 1 - lane.forgotten]
            lane.keys.pop(one.line.key, None)
            one.line = rows.line(forgetting.blank(codec.decode(Entry, one.line.data)))

    def _drop_row(self, row: Any) -> None:
        if row.open:
            queue = self._queues[row.to]
            queue.remove(row)
            if not queue:
                del self._queues[row.to]
        del self._outbox[row.key]

    def _drop_files(self, files: Iterable[str]) -> None:
        wanted = set(files)
        self._take_off_all([(forgetting.FILES, one) for one in wanted])
        self._shelf |= {(forgetting.GONE, one): (b"", None) for one in wanted}
        asked = [
            place
            for place, (value, _) in self._shelf.items()
            if place[0] == forgetting.CIDS and value.decode() in wanted
        ]
        self._take_off_all(asked)

    def _take_off_all(self, places: Iterable[tuple[str, str]]) -> None:
        for place in places:
            self._shelf.pop(place, None)
            self._abouts.pop(place, None)

    # ── retention ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _forget_personal(
        self, now: int, log: datetime | None, failed: datetime | None, conversations: datetime | None
    ) -> int:
        forgotten = self._forget_failed(rows.micros(failed)) if failed is not None else 0
        if log is not None:
            forgotten += sum(self._forget_entries(lane, now, log) for lane in self._lanes.values())
        forgotten += self._forget_idle(rows.micros(conversations), now) if conversations is not None else 0
        self._forget_names()
        return forgotten

    def _forget_failed(self, before: int) -> int:
        events = [one.key for one in self._parked.values() if one.at < before]
        sends = [one for one in self._outbox.values() if one.state in {"failed", "held"} and one.finished < before]
        for key in events:
            del self._parked[key]
        for row in sends:
            self._drop_row(row)
        return len(events) + len(sends)

    def _forget_entries(self, lane: Any, now: int, before: datetime) -> int:
        count = 0
        for one in lane.log:
            entry = codec.decode(Entry, one.line.data)
            if entry.at >= before or one.seq > lane.done:
                break
            if known := forgetting.still_known(entry, rows.moment(now)):
                self._seen.setdefault((lane.id, known), (now, one.seq))
            lane.keys.pop(one.line.key, None)
            count += 1
        del lane.log[:count]
        lane.forgotten += count
        return count

    def _forget_idle(self, before: int, now: int) -> int:
        busy = {row.to[0] for row in self._outbox.values() if row.open} | {one for one, _ in self._timers}
        busy |= {one.conversation for one in self._parked.values()}
        idle = [
            lane
            for lane in self._lanes.values()
            if 0 < lane.touched < before and not lane.inbox and lane.handed is None and lane.id not in busy
        ]
        for lane in idle:
            look = self._look(lane, (), now)
            del self._lanes[lane.id]
            for row in [one for one in self._outbox.values() if one.to[0] == lane.id]:
                self._drop_row(row)
            self._seen = {key: value for key, value in self._seen.items() if key[0] != lane.id}
            self._closed = [one for one in self._closed if one[1] != lane.id]
            states = [rows.read_conversation(one.state, one.id) for one in self._lanes.values()]
            elsewhere = {one for state in states for one in _named(state)}
            profiles = [one for one in look.people if one in self._profiles and one not in elsewhere]
            for one in profiles:
                del self._profiles[one]
            shelf = self._about([str(lane.id), *profiles])
            self._take_off_all((one.shelf, one.key) for one in shelf)
            self._drop_files(one.key for one in shelf if one.shelf == forgetting.FILES)
        return len(idle)

    def _forget_names(self) -> None:
        """Forget the names of erased conversations that hold nothing any more."""
        named = {one for one, _ in self._seen} | {one for one, _ in self._timers}
        named |= {row.to[0] for row in self._outbox.values()} | {one for _, one, _ in self._closed}
        for lane in [one for one in self._lanes.values() if one.log_id and not one.touched and not one.inbox]:
            if lane.id not in named and not lane.log:
                del self._lanes[lane.id]

    def _oldest(self) -> Mapping[str, datetime]:
        """When the oldest of each kind came."""
        lanes = self._lanes.values()
        found = {
            "log": [rows.micros(one.at) for one in map(_first, lanes) if one is not None],
            "failed": [one.at for one in self._parked.values()],
            "handoffs": [at for at, _, _ in self._closed],
            "conversations": [lane.touched for lane in lanes if lane.touched],
        }
        return {kind: rows.moment(min(moments)) for kind, moments in found.items() if moments}


def _first(lane: Any) -> Entry | None:
    """The oldest entry of a log that can be read."""
    return next((entry for one in lane.log if (entry := rows.read_entry(one.line.data)) is not None), None)


def _named(state: Conversation) -> list[str]:
    users = [one.user for one in state.positions] + ([state.user.id] if state.user is not None else [])
    return [rows.profile_id(state.id, one) for one in users]


def _account(row: Any) -> SendAccount:
    return rows.send_account(
        row.body, row.attempts, row.uncertain, row.state, row.written, row.finished, row.platform_id, row.reason
    )
