"""What must hold at the end of a world: what platforms saw, what the store holds and what handlers did agree."""

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attrs import define
from chance_bot import says, tells
from chance_ledger import Ledger, Row
from chance_people import said

from convokit.abc import Committed, Failed, Send
from convokit.conversations import ConversationId, Entry
from convokit.events import Event, HandoffClosed, MessageReceived, OperatorReplied, SendRequested, SignalReceived
from convokit.wire.codec import decode_json

if TYPE_CHECKING:
    from world import World

RAN = frozenset({"fallback", "route"})
LAST_SECONDS = frozenset({"taken", "waiting", "transferred", "expired"})
"""What ends the bot's right to speak, in a log."""


async def judge(world: "World") -> None:
    """Complain about whatever does not hold."""
    failed = await world.memory.failed(10_000)
    stats = await world.memory.stats()
    ledger = world.ledger
    for left in ("waiting", "in flight"):
        ledger.check(not stats.sends.get(left), f"the outbox still has rows {left}: {stats.sends}")
    ledger.check(not stats.waiting, f"{stats.waiting} events still wait")
    ledger.check(stats.turns == sum(len(one) for one in ledger.turns.values()), f"{stats.turns} turns were counted")
    for place in ledger.fresh:
        state = await world.memory.load(place)
        profile = await world.memory.profile(f"{place.channel}:{place.id}")
        log = await world.memory.log(place, limit=1000)
        case = Case(
            world=world,
            ledger=ledger,
            place=place,
            memory=dict(state.memory) if state else {},
            facts=dict(profile.facts) if profile else {},
            log=[one.entry for one in log.entries],
            failed=[one for one in failed if one.conversation == place],
            turns=ledger.turns[place],
        )
        case.judge()
    for place, text in world.market.promised:
        ledger.check((place, text) in ledger.words, f"{place}: {text!r} was promised and not said")


@define(eq=False, kw_only=True)
class Case:
    """One conversation at the end."""

    world: "World"
    ledger: Ledger
    place: ConversationId
    memory: dict[str, Any]
    facts: dict[str, Any]
    log: list[Entry]
    failed: list[Failed]
    turns: list[Committed]

    def wrong(self, what: str) -> None:
        self.ledger.wrong(f"{self.place}: {what}")

    def event(self, turn: Committed) -> Event:
        return self.ledger.places[self.place, turn.seq]

    def ran(self, turn: Committed) -> bool:
        """Whether the turn is one of a handler that obeys words."""
        returned = turn.outcome == "operator" and isinstance(self.event(turn), HandoffClosed)
        return not turn.error and (returned or turn.outcome in RAN) and not self.event(turn).receipt

    def judge(self) -> None:
        """Everything."""
        if not self.nothing_is_lost():
            return
        self.state_is_what_turns_made_it()
        self.who_failed_had_a_reason()
        self.timers_came_once()
        self.the_log_says_what_was_said()
        self.what_others_said_arrived()
        self.two_never_speak()
        self.the_desk_heard()
        said_by_us = [one for one in self.log if one.kind == "said" and one.author in {"bot", "operator"}]
        rows = {text: row for (place, text), row in self.ledger.words.items() if place == self.place}
        if sorted(one.message.text for one in said_by_us) != sorted(rows):
            self.wrong(f"the log has {[one.message.text for one in said_by_us]}, the outbox {list(rows)}")
        for row in rows.values():
            self.message_arrived(row)
        self.messages_came_in_order([*rows.values()])

    # ── what came in ────────────────────────────────────────────────────────────────────────────────────────────────

    def nothing_is_lost(self) -> bool:
        """All that was accepted is done or failed, no place is empty, and what was answered with 200 is among it."""
        count = self.ledger.fresh[self.place]
        places = {seq: event.id for (place, seq), event in self.ledger.places.items() if place == self.place}
        if sorted(places) != list(range(1, count + 1)):
            self.wrong(f"{count} events were accepted, and the places {sorted(places)} were handed out")
            return False
        failed = {int(one.key.rpartition(":")[2]) for one in self.failed if not isinstance(one.what, Send)}
        again = {seq for place, seq in self.ledger.replayed_places if place == self.place}
        done = Counter(turn.seq for turn in self.turns)
        if {*done, *failed, *again} != set(places) or any(count > 1 for count in done.values()):
            self.wrong(f"of the places 1 to {count}, {sorted(done.elements())} are done and {sorted(failed)} failed")
        handled = Counter(self.event(turn).id for turn in self.turns if not turn.error)
        if twice := [one for one, times in handled.items() if times > 1]:
            self.wrong(f"{twice} were handled twice")
        known = set(places.values())
        if lost := [one for place, one in self.ledger.answered if place == self.place and one not in known]:
            self.wrong(f"{lost} were answered with 200 and are lost")
        postponed = [self.event(turn).id for turn in self.turns if turn.outcome == "postpone" and not turn.error]
        if gone := [one for one in postponed if not any(each.startswith(f"{one}~") for each in known)]:
            self.wrong(f"{gone} were postponed and never came back")
        return True

    def who_failed_had_a_reason(self) -> None:
        """What is among the failed ones is there because its handler wanted it."""
        for one in self.failed:
            event = one.what
            if isinstance(event, Send):
                continue
            looped = one.error.startswith("ReplyLoop") and self.world.weather.loops
            words = said(event) if isinstance(event, MessageReceived | SignalReceived) else ""
            if not looped and not {"fail:98", "fail:99"} & {*words.split()}:
                self.wrong(f"{event.id} ({words}) is kept as failed: {one.error}")

    # ── what was done ───────────────────────────────────────────────────────────────────────────────────────────────

    def state_is_what_turns_made_it(self) -> None:
        """The memory and the profile are what the turns that were written made of them."""
        ran = [self.event(turn).id for turn in self.turns if self.ran(turn)]
        if self.memory.get("seen", []) != ran:
            self.wrong(f"the memory has seen {self.memory.get('seen', [])}, the turns are {ran}")
        if self.memory.get("facts", 0) != self.facts.get("turns", 0):
            self.wrong(f"the profile counts {self.facts.get('turns')} turns, the memory {self.memory.get('facts')}")
        for name, value in self.memory.get("once", {}).items():
            event_id, _, call = name.rpartition(" ")
            kept = self.ledger.kept.get((self.place, event_id, call))
            if kept is None or decode_json(kept) != value:
                self.wrong(f"once({call!r}) of {event_id} returned {value!r}, and {kept!r} is kept")
        weather = self.world.weather
        if not weather.ends and not weather.store_faults and weather.even and not weather.operators:
            for (place, event_id, call), times in self.ledger.calls.items():
                if place == self.place and times > 1:
                    self.wrong(f"once({call!r}) of {event_id} was called {times} times for no reason")

    def timers_came_once(self) -> None:
        """Every timer that fell due was handled once."""
        due = Counter(
            f"{name}:{data['by']}"
            for place, name, data in self.ledger.fired
            if place == self.place and not name.startswith("~")
        )
        came = Counter(self.memory.get("timers", ()))
        if due != came:
            self.wrong(f"timers fired {dict(due)}, and were handled {dict(came)}")

    def the_log_says_what_was_said(self) -> None:
        """The bot's words in the log are those of the turns that were written, in their order, each once."""
        expected: list[str] = []
        flushed: set[str] = set()
        for turn in self.turns:
            event = self.event(turn)
            if self.ran(turn):
                count = sum(word in {"say", "handoff"} for word in said(event).split())
                about = (turn.conversation.version - 1, self.ledger.replayed[self.place, event.id])
                expected += [says(event.id, number, *about) for number in range(count)]
            elif turn.outcome == "send" and isinstance(event, SendRequested):
                expected.append(event.message.text)
            elif turn.error.startswith("Doomed"):
                expected.append(f"sorry {event.id}@{turn.conversation.version - 1}")
            if not self.ran(turn):
                flushed.add(event.id)
        flushed |= {event_id for place, event_id in self.ledger.replayed if place == self.place}
        flushed |= {one.what.id for one in self.failed if isinstance(one.what, Event)}
        bot = [one.message.text for one in self.log if one.author == "bot" and one.kind == "said"]
        kept = [one for one in bot if one in expected or one.partition("/")[0] not in flushed]
        if kept != expected:
            self.wrong(f"the turns said {expected}, the log has {bot}")

    def what_others_said_arrived(self) -> None:
        """What the turns said elsewhere is said there, and what operators said is in the log."""
        for turn in self.turns:
            if not self.ran(turn):
                continue
            elsewhere = [word[3:] for word in said(self.event(turn)).split() if word.startswith("to:")]
            for number, there in enumerate(elsewhere):
                words = (ConversationId.parse(there), tells(self.place, self.event(turn).id, number))
                self.ledger.check(words in self.ledger.words, f"{there}: {words[1]!r} was never said")
        replied = [self.event(turn) for turn in self.turns if turn.outcome == "operator"]
        spoken = [one.message.text for one in self.log if one.author == "operator" and one.kind == "said"]
        wanted = [one.message.text for one in replied if isinstance(one, OperatorReplied)]
        if spoken != wanted:
            self.wrong(f"operators said {wanted}, the log has {spoken}")

    def two_never_speak(self) -> None:
        """While a person has, or is about to take, the conversation the bot says nothing."""
        handed = False
        for one in self.log:
            if one.kind in LAST_SECONDS:
                handed = True
            elif one.kind in {"returned", "closed"}:
                handed = False
            elif one.author == "bot" and one.kind == "said" and handed:
                self.wrong(f"the bot said {one.message.text!r} while a person had the conversation")

    def the_desk_heard(self) -> None:
        """What the customer said to a person was told to the desk, in order."""
        said_there = [said(self.event(turn)) for turn in self.turns if turn.outcome == "forward"]
        rows = [one for one in self.ledger.rows.values() if one.send.conversation == self.place]
        forwarded = [one for one in rows if one.send.desk == "forward"]
        if [one.send.message.text for one in forwarded] != said_there:
            self.wrong(f"the customer said {said_there} to a person, and the desk was to be told otherwise")
        failed = {one.what.key for one in self.failed if isinstance(one.what, Send)}
        wanted = [one.send.message.text for one in forwarded if not one.replays and one.send.key not in failed]
        told = [text for call, _, text in self.world.platforms.desk[self.place] if call == "forward"]
        left = iter(told)
        if not all(text in left for text in wanted):
            self.wrong(f"the desk was told {told}, the customer said {wanted}")

    # ── what went out ───────────────────────────────────────────────────────────────────────────────────────────────

    def message_arrived(self, row: Row) -> None:
        """A message is on the customer's screen once; twice only where nobody could know."""
        send, key = row.send, row.send.key
        seen = self.world.platforms.screens[self.place].count(send.message.text)
        given_up = next((one for one in self.failed if isinstance(one.what, Send) and one.what.key == key), None)
        if seen == 0 and given_up is None and key not in self.ledger.withdrawn:
            self.wrong(f"{key} ({send.message.text}) never arrived")
        if seen and not row.settled and given_up is None and key not in self.ledger.withdrawn:
            self.wrong(f"{key} has arrived and the store does not know it")
        if given_up is not None and not self.world.platforms.refused[key] and not self.world.weather.hold:
            self.wrong(f"{key} was given up: {given_up.error}")
        if seen < 2:
            return
        if send.conversation.channel == "proof" and self.world.weather.even:
            self.wrong(f"{key} arrived {seen} times though the platform gives proof")
        if send.conversation.channel == "plain" and self.world.weather.hold and seen > 1 + row.replays:
            self.wrong(f"{key} arrived {seen} times though it was to be held")
        acted = [one for one in row.tries if one.acted]
        for earlier, later in pairwise(acted):
            known = earlier.answered and not earlier.excused
            if known and (earlier.life, earlier.jumps) == (later.life, later.jumps):
                self.wrong(f"{key} was sent again though the platform had answered")

    def messages_came_in_order(self, rows: list[Row]) -> None:
        """Messages whose first try told what it did came in the order in which they were written."""
        plain = {row.send.message.text: row.place for row in rows if len(row.tries) == 1 and row.tries[0].answered}
        came = [plain[text] for text in self.world.platforms.screens[self.place] if text in plain]
        if came != sorted(came):
            self.wrong(f"messages came out of order: {self.world.platforms.screens[self.place]}")
