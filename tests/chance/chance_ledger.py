"""What is written down while a world runs: every effect on the store, every call to a platform; and what breaks a rule.

The ledger takes nothing from the engine or the store on trust. It is told of effects, in the order in which they
happen, and complains at once about those that must never be; `chance_rules` judges the rest at the end.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define, field

from convokit.abc import Committed, Lane, Send, Settled
from convokit.conversations import Conversation, ConversationId
from convokit.events import Event


@define(eq=False)
class Row:
    """A row of the outbox, as it was written, and what became of it as far as anybody told."""

    send: Send
    place: int
    """Its place in its queue."""
    settled: bool = False
    """The store knows that it was sent."""
    replays: int = 0
    tries: list["Try"] = field(factory=list)


@define(eq=False)
class Try:
    """A call to a platform or the desk for a row."""

    life: int
    at: float
    jumps: int
    """How often time had jumped before it."""
    acted: int = 0
    """How often the platform did it; a copy that it knew by its key is not counted."""
    answered: bool = False
    """The caller learned that it was done."""
    excused: bool = False
    """Its outcome could not be written, or the caller could not know it."""


@define(eq=False)
class Ledger:
    """Everything that happened to one store over all its lives."""

    problems: list[str] = field(factory=list)
    reached: Counter[str] = field(factory=Counter)
    crashed: Counter[str] = field(factory=Counter)
    places: dict[tuple[ConversationId, int], Event] = field(factory=dict)
    fresh: Counter[ConversationId] = field(factory=Counter)
    """How many events entered each lane, by whatever door."""
    epochs: dict[ConversationId, int] = field(factory=dict)
    done: Counter[ConversationId] = field(factory=Counter)
    turns: dict[ConversationId, list[Committed]] = field(factory=lambda: defaultdict(list))
    states: dict[ConversationId, Conversation] = field(factory=dict)
    rows: dict[str, Row] = field(factory=dict)
    words: dict[tuple[ConversationId, str], Row] = field(factory=dict)
    """The rows of what is said to customers: no two in a conversation say the same."""
    queues: Counter[tuple[ConversationId, bool]] = field(factory=Counter)
    newest: dict[tuple[ConversationId, bool], Row] = field(factory=dict)
    withdrawn: set[str] = field(factory=set)
    """Rows that stood there at a takeover."""
    timers: dict[tuple[ConversationId, str], tuple[datetime, Mapping[str, Any]]] = field(factory=dict)
    fired: list[tuple[ConversationId, str, Mapping[str, Any]]] = field(factory=list)
    emitted: set[tuple[ConversationId, str]] = field(factory=set)
    kept: dict[tuple[ConversationId, str, str], bytes] = field(factory=dict)
    calls: Counter[tuple[ConversationId, str, str]] = field(factory=Counter)
    replayed: Counter[tuple[ConversationId, str]] = field(factory=Counter)
    replayed_places: set[tuple[ConversationId, int]] = field(factory=set)
    accepted: set[tuple[ConversationId, str]] = field(factory=set)
    answered: set[tuple[ConversationId, str]] = field(factory=set)
    """What was handed in and answered with 200: it must never be lost."""

    def wrong(self, what: str) -> None:
        """A rule was broken."""
        if len(self.problems) < 20:
            self.problems.append(what)

    def check(self, holds: object, what: str) -> None:
        """Complain unless it holds."""
        if not holds:
            self.wrong(what)

    # ── events and lanes ────────────────────────────────────────────────────────────────────────────────────────────

    def took(self, events: Sequence[Event], fresh: Sequence[bool]) -> None:
        """The store took events in."""
        for event, new in zip(events, fresh, strict=True):
            if new:
                self.fresh[event.conversation] += 1
                self.accepted.add((event.conversation, event.id))

    def claimed(self, lanes: Sequence[Lane]) -> None:
        """The store handed lanes out."""
        for lane in lanes:
            place = lane.conversation.id
            before = self.epochs.get(place, 0)
            self.check(lane.epoch > before, f"{place}: claimed with epoch {lane.epoch} after {before}")
            self.epochs[place] = lane.epoch
            for one in lane.events:
                known = self.places.setdefault((place, one.seq), one.event)
                self.check(
                    known.id == one.event.id, f"{place}: place {one.seq} was {known.id} and is {one.event.id} now"
                )

    def wrote_turns(self, turns: Sequence[Committed], written: Sequence[bool]) -> None:
        """The store wrote turns, or fenced them off."""
        for turn, kept in zip(turns, written, strict=True):
            if kept:
                self.committed(turn)

    def committed(self, turn: Committed) -> None:
        """The store wrote a turn."""
        state = turn.conversation
        place = state.id
        latest, last = self.epochs.get(place, 0), self.done[place]
        self.check(turn.epoch == latest, f"{place}: a turn of epoch {turn.epoch} was written though {latest} has it")
        self.check(turn.seq > last, f"{place}: place {turn.seq} was written after {last}: handled twice")
        before = self.states[place].version if place in self.states else 0
        self.check(state.version == before + 1, f"{place}: version {state.version} was written over {before}")
        self.done[place] = max(last, turn.seq)
        self.states[place] = state
        self.turns[place].append(turn)
        if turn.withdraw:
            waiting = (key for key, row in self.rows.items() if row.send.conversation == place and row.send.by == "bot")
            self.withdrawn.update(waiting)
        self.wrote(turn.sends)
        for name in turn.cancelled:
            self.timers.pop((place, name), None)
        for timer in turn.timers:
            self.timers[timer.conversation, timer.name] = (timer.due, timer.data)
        for event in turn.emits:
            if (event.conversation, event.id) not in self.emitted:
                self.emitted.add((event.conversation, event.id))
                self.fresh[event.conversation] += 1
        for event_id in turn.put_back:
            self.replays(place, max(seq for (at, seq), one in self.places.items() if (at, one.id) == (place, event_id)))

    def put_back(self, keys: Sequence[str]) -> None:
        """A human put failed events and rows back in line."""
        for key in keys:
            kind, _, rest = key.partition(":")
            if kind == "send":
                self.again(rest)
            else:
                conversation, _, seq = rest.rpartition(":")
                self.replays(ConversationId.parse(conversation), int(seq))

    def replays(self, place: ConversationId, seq: int) -> None:
        """A failed event goes back in line."""
        self.replayed[place, self.places[place, seq].id] += 1
        self.replayed_places.add((place, seq))
        self.fresh[place] += 1

    def fires(self, count: int, now: datetime) -> None:
        """The store turned due timers into events."""
        due = sorted((at, str(key[0]), key[1], key) for key, (at, _) in self.timers.items() if at <= now)
        self.check(len(due) == count, f"{count} timers fired where {len(due)} were due")
        for *_, key in due:
            _, data = self.timers.pop(key)
            self.fired.append((*key, data))
            self.fresh[key[0]] += 1

    def remembered(self, lane: Lane, seq: int, name: str, value: bytes) -> None:
        """The store kept what `once` returned."""
        place = lane.conversation.id
        self.kept.setdefault((place, self.places[place, seq].id, name), value)

    def charged(self, place: ConversationId, event_id: str, name: str, *, alone: bool) -> int:
        """The business did what `once` called. Returns how often it did.

        `alone`: no other hands can have the same event, as they can where the process stood still for a lease.
        """
        key = (place, event_id, name)
        again = alone and key in self.kept
        self.check(not again, f"{place}: once({name!r}) of {event_id} was called again though it is kept")
        self.calls[key] += 1
        return self.calls[key]

    # ── the outbox ──────────────────────────────────────────────────────────────────────────────────────────────────

    def wrote(self, sends: Sequence[Send]) -> None:
        """The store wrote rows; one whose key is there stays as it is."""
        for send in sends:
            if send.key not in self.rows:
                queue = (send.conversation, bool(send.desk))
                self.queues[queue] += 1
                row = self.rows[send.key] = Row(send, self.queues[queue])
                if not send.desk:
                    words = (send.conversation, send.message.text)
                    self.check(words not in self.words, f"{send.key}: {words[1]!r} is said a second time")
                    self.words[words] = row

    def takes(self, sends: Sequence[Send]) -> None:
        """The store handed rows out, to be sent."""
        for send in sends:
            row = self.rows.get(send.key)
            if row is None:
                self.wrong(f"{send.key}: a row is sent that nobody wrote")
                continue
            queue = (send.conversation, bool(send.desk))
            newest = self.newest.get(queue)
            self.check(not row.settled, f"{send.key}: is sent again though it was settled as sent")
            self.check(
                newest is None or newest.place <= row.place,
                f"{send.key}: out of order: {newest.send.key if newest else ''} was tried before it",
            )
            self.newest[queue] = row
            state = self.states.get(send.conversation)
            has = state.handoff.operator if state is not None and state.handoff is not None else ""
            speaks = send.by == "bot" and not send.desk
            self.check(not (has and speaks), f"{send.key}: the bot speaks while {has} has {send.conversation}")

    def settled(self, outcomes: Sequence[Settled]) -> None:
        """The store noted what became of rows."""
        for one in outcomes:
            if one.state == "sent" and one.key in self.rows:
                self.rows[one.key].settled = True
            event = one.tell
            if (
                event is not None
                and not self.rows[one.key].settled
                and (event.conversation, event.id) not in self.emitted
            ):
                self.emitted.add((event.conversation, event.id))
                self.fresh[event.conversation] += 1

    def again(self, key: str) -> None:
        """A human put a row back in line."""
        row = self.rows[key]
        queue = (row.send.conversation, bool(row.send.desk))
        self.queues[queue] += 1
        row.place = self.queues[queue]
        row.replays += 1
