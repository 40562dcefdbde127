"""The proof of a store: subclass `StoreContract`, say how yours is made, and run it with pytest.

```python
class TestMyStore(StoreContract):
    def make(self, folder: Path) -> Store:
        return MyStore(folder / "my.db")

    def after_crash(self, store: Store) -> Store:
        return MyStore(store.path)
```

Each test is one promise of the page *durability* or of a sentence in `convokit.abc.Store`.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve

from convokit.abc import Committed, Evidence, Send, SendState, Settled, Stats, Store, Timer
from convokit.conversations import (
    Conversation,
    ConversationId,
    Entry,
    Handoff,
    Log,
    Offer,
    Option,
    Position,
)
from convokit.errors import LaneFull, StoreError, StoreUnavailable
from convokit.events import (
    ButtonPressed,
    Event,
    MessageFailed,
    MessageReceived,
    OperatorJoined,
    SendRequested,
    SignalReceived,
    TimerFired,
)
from convokit.messages import Button, Card, Image, Link, Location, Message
from convokit.people import Profile, User
from convokit.testing.keeping_contract import KeepingContract
from convokit.testing.personal_contract import PersonalContract
from convokit.testing.store_user import LEASE, HandClock, StoreUser, conversation, keys, names, texts

__all__ = ["LEASE", "HandClock", "StoreContract", "StoreUser", "conversation", "keys", "names", "texts"]


def _full_message() -> Message:
    return Message(
        "İstanbul 🍕 \u202e",
        buttons=[Button("Track", "track:42"), Link("Shop", "https://example.org/")],
        attachments=[
            Image("https://example.org/p.jpg", alt="A pizza"),
            Image(data=b"\x00\xff", media_type="image/png"),
        ],
        cards=[Card(title="Large", subtitle="12 slices", buttons=["Buy"])],
        location=Location(41.0, 29.0, "Here"),
    )


class StoreContract(KeepingContract, PersonalContract):
    """What every store promises; subclass it as `Test…` and override `make` (and `after_crash`)."""

    pytestmark = pytest.mark.anyio

    def make(self, folder: Path) -> Store:
        """A new, empty store, not open; `folder` is empty and the test's own."""
        raise NotImplementedError

    def after_crash(self, store: Store) -> Store:
        """The store as a new process finds it, not open; `store` was closed. The same object, where that is enough."""
        return store

    @pytest.fixture
    async def user(self, tmp_path: Path) -> AsyncIterator[StoreUser]:
        """The store, open, with short verbs; closed after the test."""
        user = StoreUser(self.make(tmp_path), HandClock())
        await user.store.open(user.clock)
        yield user
        await user.store.close()

    async def crash(self, user: StoreUser) -> None:
        """End the run and begin a new one on what was kept."""
        await user.store.close()
        user.store = self.after_crash(user.store)
        await user.store.open(user.clock)

    # ── open and close ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_closed_store_says_that_it_is_not_open(self, user: StoreUser) -> None:
        await user.store.close()
        await user.store.close()
        with pytest.raises(StoreUnavailable, match="not open"):
            await user.hears("hi")

    async def test_a_new_store_is_empty(self, user: StoreUser) -> None:
        assert await user.claims() == []
        assert await user.takes() == []
        assert await user.store.next_due() is None
        assert await user.store.load(conversation()) is None
        assert await user.store.profile("test:ada") is None
        assert list(await user.store.history(conversation(), 10)) == []
        log = await user.store.log(conversation())
        assert (log.head, log.public_head, log.entries) == (0, 0, ())
        assert await user.store.find(conversation(), "u:m1") is None
        assert list(await user.store.handed_over()) == []
        assert list(await user.store.closed_handoffs(user.clock.now() - timedelta(days=1))) == []
        assert list(await user.store.recent(10)) == []
        assert await user.store.kept("notes", "a") is None
        assert list(await user.store.failed(10)) == []
        assert await user.counts() == Stats()

    async def test_a_store_opened_without_claims_accepts_and_does_not_claim(self, user: StoreUser) -> None:
        await user.store.close()
        await user.store.open(user.clock, claims=False)
        await user.hears("hi")
        with pytest.raises(StoreError):
            await user.claims()
        await self.crash(user)
        assert texts(await user.claims_one()) == ["hi"]

    # ── accept ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_accepted_event_survives_a_crash(self, user: StoreUser) -> None:
        await user.hears("hi")
        await self.crash(user)
        assert texts(await user.claims_one()) == ["hi"]

    async def test_an_event_comes_back_as_it_was(self, user: StoreUser) -> None:
        said = SendRequested(id="x", conversation=conversation(), at=user.clock.now(), message=_full_message())
        await user.store.accept([said])
        assert (await user.claims_one()).events[0].event == said

    async def test_the_same_id_in_the_same_conversation_is_dropped(self, user: StoreUser) -> None:
        said = user.said("hi", event_id="m1")
        assert list(await user.store.accept([said, said])) == [True, False]
        assert list(await user.store.accept([said])) == [False]
        assert texts(await user.claims_one()) == ["hi"]

    async def test_the_same_id_in_another_conversation_is_another_event(self, user: StoreUser) -> None:
        first, second = user.said("hi", "ada", event_id="m1"), user.said("hi", "bob", event_id="m1")
        assert list(await user.store.accept([first, second])) == [True, True]

    async def test_a_handled_event_is_not_accepted_again_within_eight_days_even_after_a_crash(
        self, user: StoreUser
    ) -> None:
        said = user.said("hi", event_id="m1")
        await user.store.accept([said])
        assert await user.commits(await user.claims_one())
        user.clock.passes(days=7, hours=23)
        await self.crash(user)
        await user.hears("others keep writing", by="bob")
        assert list(await user.store.accept([said])) == [False]

    async def test_an_id_is_forgotten_after_eight_days_where_nothing_was_said(self, user: StoreUser) -> None:
        opened = user.opened(event_id="m1")
        await user.store.accept([opened])
        assert await user.commits(await user.claims_one())
        user.clock.passes(days=7, hours=23)
        assert list(await user.store.accept([opened])) == [False]
        user.clock.passes(hours=1, seconds=1)
        assert list(await user.store.accept([opened])) == [True]

    async def test_what_was_said_is_never_accepted_twice_however_old_and_purged(self, user: StoreUser) -> None:
        said = user.said("hi", event_id="m1")
        await user.store.accept([said])
        assert await user.commits(await user.claims_one())
        user.clock.passes(days=400)
        await user.store.purge(user.clock.now())
        await self.crash(user)
        assert list(await user.store.accept([said, user.opened(event_id="m1")])) == [False, False]
        assert await user.logged() == [(1, 1, "u:m1")]

    async def test_one_id_is_one_event_whatever_its_kind(self, user: StoreUser) -> None:
        opened, said = user.opened(event_id="m1"), user.said("hi", event_id="m1")
        assert list(await user.store.accept([opened, said])) == [True, False]
        assert await user.logged() == []

    async def test_accept_is_all_or_nothing(self, user: StoreUser) -> None:
        good = user.said("hi")
        bad = TimerFired(id="x", conversation=conversation(), at=user.clock.now(), name="n", data={"no": object()})
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            await user.store.accept([good, bad])
        assert (await user.counts()).waiting == 0
        assert await user.logged() == []
        assert list(await user.store.accept([good])) == [True]

    async def test_where_too_much_waits_nothing_more_is_taken_until_some_is_handled(self, user: StoreUser) -> None:
        user.store.most_waiting = 16
        await user.hears(*(str(number) for number in range(15)))
        last, more, other = user.said("last"), user.said("more"), user.said("hi", "bob")
        with pytest.raises(LaneFull, match="16 events wait in test:ada") as full:
            await user.store.accept([other, last, more])
        assert full.value.conversations == {"test:ada"}
        assert (await user.counts()).waiting == 15
        assert await user.logged("bob") == []
        assert list(await user.store.accept([other, last])) == [True, True]
        with pytest.raises(LaneFull):
            await user.store.accept([more])
        assert list(await user.store.accept([last, last])) == [False, False]
        await user.commits(next(lane for lane in await user.claims() if lane.conversation.id == conversation()))
        assert list(await user.store.accept([more])) == [True]
        assert len(await user.logged()) == 17

    async def test_operators_timers_and_what_is_emitted_or_replayed_find_room_where_too_much_waits(
        self, user: StoreUser
    ) -> None:
        user.store.most_waiting = 16
        await user.hears("boom")
        await user.store.release(await user.claims_one(), error="boom", park=True)
        now = user.clock.now()
        await user.hears("a timer, please", by="bob")
        timer = Timer(conversation=conversation(), name="n", due=now)
        emitted = SignalReceived(id="s", conversation=conversation(), at=now, name="n")
        await user.hears(*(str(number) for number in range(16)))
        lanes = {lane.conversation.id: lane for lane in await user.claims()}
        assert await user.commits(lanes[conversation("bob")], timers=(timer,), emits=(emitted,))
        operator = OperatorJoined(id="o", conversation=conversation(), at=now, operator=User(id="grace"))
        assert list(await user.store.accept([operator])) == [True]
        assert await user.store.fire_due(10) == 1
        assert await user.store.replay([f"event:{conversation()}:1"]) == 1
        assert (await user.counts()).waiting == 20

    async def test_accepting_nothing_is_nothing(self, user: StoreUser) -> None:
        assert list(await user.store.accept([])) == []

    async def test_sixty_at_once_are_all_kept_each_once(self, user: StoreUser) -> None:
        said = [user.said(str(n), f"user{n % 7}", event_id=f"m{n % 40}-{n % 7}") for n in range(60)]
        kept: list[bool] = []

        async def accept(event: Event) -> None:
            kept.extend(await user.store.accept([event]))

        async with anyio.create_task_group() as tasks:
            for event in said:
                tasks.start_soon(accept, event)
        assert sum(kept) == len({(event.conversation, event.id) for event in said})
        assert (await user.counts()).waiting == sum(kept)

    @pytest.mark.parametrize(
        "text", ["", "\x00", "'; DROP TABLE lane; --", "ı İ ß 👩‍👩‍👧", "\u202e", "a" * 100_000, "%_\\", '"]}']
    )
    async def test_any_text_comes_back_as_it_was(self, user: StoreUser, text: str) -> None:
        place = ConversationId("test", "id " + text)
        said = MessageReceived(id="id " + text, conversation=place, at=user.clock.now(), text=text, user=User(id=text))
        await user.store.accept([said])
        lane = await user.claims_one()
        assert lane.events[0].event == said
        state = evolve(lane.conversation, memory={text: text})
        timer = Timer(conversation=place, name=text, due=user.clock.now())
        assert await user.commits(lane, state=state, timers=(timer,), facts={f"test:{text}": {text: text}})
        assert await user.store.load(place) == evolve(state, version=1)
        assert await user.store.profile(f"test:{text}") == Profile(id=f"test:{text}", facts={text: text})
        assert await user.store.fire_due(10) == 1

    # ── lanes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_events_come_in_order_with_dense_places_from_one(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        await user.hears("c")
        lane = await user.claims_one()
        assert [(one.seq, one.event.text) for one in lane.events] == [(1, "a"), (2, "b"), (3, "c")]
        assert lane.conversation == Conversation(id=conversation())
        assert lane.attempts == 0

    async def test_a_lane_shows_at_most_sixteen_events(self, user: StoreUser) -> None:
        await user.hears(*map(str, range(20)))
        assert texts(await user.claims_one()) == [str(n) for n in range(16)]

    async def test_a_held_lane_is_not_claimed_again_even_when_more_comes(self, user: StoreUser) -> None:
        await user.hears("a")
        await user.claims_one()
        await user.hears("b")
        assert await user.claims() == []
        assert (await user.counts()).claimed == 1

    async def test_a_claim_takes_at_most_its_limit_longest_waiting_first(self, user: StoreUser) -> None:
        for name in ("zoe", "ada", "bob"):
            await user.hears("hi", by=name)
        await user.hears("again", by="zoe")
        assert names(await user.claims(limit=2)) == ["zoe", "ada"]
        assert names(await user.claims(limit=0)) == []
        assert names(await user.claims(limit=2)) == ["bob"]

    async def test_a_lane_that_was_served_waits_behind_those_that_were_not(self, user: StoreUser) -> None:
        await user.hears("1", "2", by="ada")
        await user.hears("1", by="bob")
        (ada,) = await user.claims(limit=1)
        user.clock.passes(seconds=1)
        assert await user.commits(ada)
        assert names(await user.claims()) == ["bob", "ada"]

    async def test_a_lane_whose_lease_ran_out_can_be_claimed_under_a_higher_epoch(self, user: StoreUser) -> None:
        await user.hears("a")
        before = await user.claims_one()
        user.clock.passes(seconds=LEASE)
        assert await user.store.next_due() is not None
        after = await user.claims_one()
        assert after.epoch > before.epoch
        assert not await user.commits(before)
        assert await user.commits(after)

    async def test_renewing_prolongs_a_lease_and_tells_what_is_still_held(self, user: StoreUser) -> None:
        await user.hears("a", by="ada")
        await user.hears("a", by="bob")
        ada, bob = await user.claims()
        user.clock.passes(seconds=LEASE - 1)
        assert await user.store.renew([ada], LEASE) == {ada.conversation.id}
        user.clock.passes(seconds=2)
        (again,) = await user.claims()
        assert again.conversation.id == bob.conversation.id
        assert await user.store.renew([ada, bob], LEASE) == {ada.conversation.id}
        assert await user.store.renew([ada, again], LEASE) == {ada.conversation.id, bob.conversation.id}

    async def test_every_lease_is_void_after_a_restart_and_its_epoch_never_valid_again(self, user: StoreUser) -> None:
        await user.hears("a", by="ada")
        await user.hears("a", by="bob")
        before = await user.claims()
        await self.crash(user)
        assert not await user.commits(before[0])
        assert await user.store.renew(before, LEASE) == set()
        after = await user.claims()
        assert names(after) == names(before)
        assert min(lane.epoch for lane in after) > max(lane.epoch for lane in before)
        assert not await user.commits(before[1])
        assert await user.commits(after[1])

    async def test_a_clock_that_jumps_back_keeps_no_lane_waiting(self, user: StoreUser) -> None:
        await user.hears("a")
        await user.writes(user.send("k", to="bob"))
        await user.hears("b", by="cem")
        user.clock.passes(hours=-1)
        assert names(await user.claims()) == ["cem"]
        assert keys(await user.takes()) == ["k"]

    # ── commit ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_committed_state_is_what_the_next_claim_sees_even_after_a_crash(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        lane = await user.claims_one()
        now = user.clock.now()
        state = evolve(
            lane.conversation,
            user=User(id="ada", name="Ada", locale="tr"),
            memory={"cart": [1, {"x": None}]},
            positions=(Position(dialog="order", version=2, state="size", user="ada", memory={"n": 1}, given=("a",)),),
            handoff=Handoff(id="h1", queue="q", reason="r", opened_at=now),
            offer=Offer(options=(Option(label="L", payload="p"),), numbered=True),
            postponed=("x",),
        )
        assert await user.commits(lane, state=state)
        expected = evolve(state, version=1)
        assert await user.store.load(conversation()) == expected
        await self.crash(user)
        again = await user.claims_one()
        assert again.conversation == expected
        assert texts(again) == ["b"]

    async def test_a_lane_with_more_events_is_ready_again_after_a_commit(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        assert await user.commits(await user.claims_one())
        assert (await user.counts()).ready == 1
        assert texts(await user.claims_one()) == ["b"]

    async def test_a_lane_that_got_an_event_while_held_is_ready_again_after_the_commit(self, user: StoreUser) -> None:
        await user.hears("a")
        lane = await user.claims_one()
        await user.hears("b")
        assert await user.commits(lane)
        assert texts(await user.claims_one()) == ["b"]

    async def test_an_idle_lane_costs_nothing_and_wakes_with_the_next_event(self, user: StoreUser) -> None:
        await user.hears("a")
        assert await user.commits(await user.claims_one())
        assert await user.claims() == []
        await user.hears("b")
        assert [one.seq for one in (await user.claims_one()).events] == [2]

    async def test_a_worker_may_keep_the_lane_from_turn_to_turn(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        lane = await user.claims_one()
        assert await user.commits(lane, release=False)
        assert await user.claims() == []
        second = evolve(lane.conversation, version=2)
        (kept,) = await user.store.commit([Committed(epoch=lane.epoch, seq=2, conversation=second)])
        assert kept
        await user.hears("c")
        assert texts(await user.claims_one()) == ["c"]

    async def test_a_commit_is_refused_whole_when_it_is_not_the_next_event_or_given_up(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        lane = await user.claims_one()
        rows = {"sends": (user.send("k"),), "emits": (user.said("x", "bob"),), "facts": {"test:ada": {"a": 1}}}
        assert not await user.commits(lane, seq=2, **rows)
        assert not await user.commits(lane, seq=3, **rows)
        assert not await user.commits(evolve(lane, epoch=lane.epoch - 1), **rows)
        assert not await user.commits(evolve(lane, epoch=lane.epoch + 1), **rows)
        assert not await user.commits(evolve(lane, conversation=evolve(lane.conversation, version=3)), **rows)
        assert not await user.commits(evolve(lane, conversation=Conversation(id=conversation("nobody"))), **rows)
        assert await user.commits(lane)
        assert not await user.commits(lane, **rows)
        assert await user.takes() == []
        assert await user.store.profile("test:ada") is None
        counts = await user.counts()
        assert (counts.conversations, counts.accepted, counts.waiting, counts.ready, counts.turns) == (1, 2, 1, 1, 1)

    async def test_one_fenced_turn_does_not_hold_back_the_others(self, user: StoreUser) -> None:
        await user.hears("a", by="ada")
        await user.hears("a", by="bob")
        ada, bob = await user.claims()
        stale = evolve(ada, epoch=ada.epoch - 1)
        assert list(await user.store.commit([user.turn(stale), user.turn(bob), user.turn(ada)])) == [False, True, True]

    async def test_a_turn_that_cannot_be_written_changes_nothing(self, user: StoreUser) -> None:
        await user.hears("a")
        lane = await user.claims_one()
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            await user.commits(lane, sends=(user.send("k"),), facts={"test:ada": {"no": object()}})
        assert await user.takes() == []
        assert await user.commits(lane)

    async def test_a_turn_with_an_error_commits_and_keeps_its_event_among_the_failed(self, user: StoreUser) -> None:
        await user.hears("poison", "b")
        await user.store.release(await user.claims_one(), error="first")
        lane = await user.claims_one()
        await user.store.remember(lane, 1, "charge", b"paid")
        assert await user.commits(lane, error="boom", sends=(user.send("sorry"),))
        assert keys(await user.takes()) == ["sorry"]
        (failed,) = await user.store.failed(10)
        assert (failed.key, failed.error, failed.attempts) == ("event:test:ada:1", "boom", 2)
        assert failed.what == lane.events[0].event
        assert await user.store.replay([failed.key]) == 1
        again = await user.claims_one()
        assert (texts(again), again.attempts, again.conversation.version) == (["b", "poison"], 0, 1)
        assert await user.store.recall(again, 3, "charge") == b"paid"

    async def test_profile_facts_are_merged_key_by_key_and_none_removes(self, user: StoreUser) -> None:
        await user.hears("a", "b", "c")
        await user.commits(await user.claims_one(), facts={"test:ada": {"city": "İzmir", "size": [1, 2]}})
        await user.commits(await user.claims_one(), facts={"test:ada": {"size": None, "name": "Ada"}})
        expected = Profile(id="test:ada", facts={"city": "İzmir", "name": "Ada"})
        assert await user.store.profile("test:ada") == expected
        assert (await user.claims_one()).profiles == {"test:ada": expected}

    async def test_a_lane_brings_the_profiles_of_whoever_spoke_last_too(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        lane = await user.claims_one()
        state = evolve(lane.conversation, user=User(id="bob"))
        assert await user.commits(lane, state=state, facts={"test:bob": {"x": 1}, "test:cem": {"x": 2}})
        assert set((await user.claims_one()).profiles) == {"test:bob"}

    async def test_emitted_events_are_accepted_with_the_turn_each_once_also_in_the_same_conversation(
        self, user: StoreUser
    ) -> None:
        await user.hears("a", "b")
        there, here = user.said("there", "bob"), user.said("here", "ada")
        assert await user.commits(await user.claims_one(), emits=(there, there, here))
        ada, bob = sorted(await user.claims(), key=lambda lane: lane.conversation.id.id)
        assert (texts(ada), texts(bob)) == (["b", "here"], ["there"])
        assert list(await user.store.accept([there])) == [False]

    async def test_an_event_that_only_emits_to_itself_leaves_the_lane_ready(self, user: StoreUser) -> None:
        await user.hears("a")
        assert await user.commits(await user.claims_one(), emits=(user.said("again"),))
        assert texts(await user.claims_one()) == ["again"]

    async def test_history_gives_the_last_entries_oldest_first(self, user: StoreUser) -> None:
        entries = [Entry(at=user.clock.now(), author="operator", message=_full_message(), key="o:x", by="op1")]
        entries += [
            Entry(at=user.clock.now(), author="bot", message=Message(str(n)), name="Bot", key=f"b:{n}")
            for n in range(4)
        ]
        await user.store.accept([user.opened() for _ in range(3)])
        await user.commits(await user.claims_one(), entries=entries[:2])
        await user.commits(await user.claims_one())
        await user.commits(await user.claims_one(), entries=entries[2:])
        await self.crash(user)
        assert list(await user.store.history(conversation(), 100)) == entries
        assert list(await user.store.history(conversation(), 2)) == entries[-2:]
        assert list(await user.store.history(conversation(), 0)) == []
        assert list(await user.store.history(conversation("bob"), 2)) == []

    # ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_a_customer_says_is_in_the_log_when_it_is_accepted(self, user: StoreUser) -> None:
        said = user.said("hi 🍕", event_id="m1")
        pressed = ButtonPressed(id="p1", conversation=conversation(), at=user.clock.now(), payload="track:42")
        signal = SignalReceived(id="s1", conversation=conversation(), at=user.clock.now(), name="paid")
        await user.store.accept([said, signal, pressed])
        await self.crash(user)
        log = await user.store.log(conversation())
        assert (log.head, log.public_head) == (2, 2)
        assert [one.entry for one in log.entries] == [
            Entry(at=said.at, author="user", message=Message("hi 🍕"), name="Ada", key="u:m1", by="ada"),
            Entry(at=pressed.at, author="user", message=Message("track:42"), key="u:p1"),
        ]

    async def test_an_event_that_is_refused_leaves_no_second_entry(self, user: StoreUser) -> None:
        said = user.said("hi", event_id="m1")
        await user.store.accept([said, said])
        await user.store.accept([said])
        assert await user.logged() == [(1, 1, "u:m1")]

    async def test_numbers_are_dense_and_public_ones_skip_what_is_private(self, user: StoreUser) -> None:
        await user.store.accept([user.said(text, event_id=text) for text in ("a", "b")])
        lane = await user.claims_one()
        entries = (user.entry("b:1:0"), user.entry("o:n", kind="note", private=True), user.entry("b:1:1"))
        assert await user.commits(lane, entries=entries)
        await user.store.accept([user.said("c", event_id="c")])
        expected = [
            (1, 1, "u:a"),
            (2, 2, "u:b"),
            (3, 3, "b:1:0"),
            (4, 0, "o:n"),
            (5, 4, "b:1:1"),
            (6, 5, "u:c"),
        ]
        assert await user.logged() == expected
        await self.crash(user)
        assert await user.logged() == expected
        log = await user.store.log(conversation(), limit=1)
        assert (log.head, log.public_head) == (6, 5)

    async def test_an_entry_comes_back_as_it_was(self, user: StoreUser) -> None:
        entry = Entry(
            at=user.clock.now(),
            author="operator",
            message=_full_message(),
            name="Oya \u202e",
            key="o:op1:c\x00%_",
            by="op1",
            kind="transferred",
            to="billing",
            private=True,
        )
        await user.hears("a")
        assert await user.commits(await user.claims_one(), entries=(entry,))
        (_, logged) = (await user.store.log(conversation())).entries
        assert (logged.number, logged.public, logged.entry) == (2, 0, entry)
        found = await user.store.find(conversation(), entry.key)
        assert found == logged
        assert await user.store.find(conversation("bob"), entry.key) is None
        assert await user.store.find(conversation(), "") is None

    async def test_an_entry_whose_key_is_there_is_left_as_it_is_and_takes_no_number(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        first, second, note = user.entry("k1", "first"), user.entry("k2"), user.entry("n", private=True)
        assert await user.commits(await user.claims_one(), entries=(first, first, note))
        assert await user.commits(
            await user.claims_one(), entries=(user.entry("k1", "again"), evolve(note, private=False), second)
        )
        assert (await user.logged())[2:] == [(3, 3, "k1"), (4, 0, "n"), (5, 4, "k2")]
        found = await user.store.find(conversation(), "k1")
        assert found is not None
        assert found.entry.message.text == "first"
        log = await user.store.log(conversation())
        assert (log.head, log.public_head) == (5, 4)

    async def test_the_same_key_in_another_conversation_is_another_entry(self, user: StoreUser) -> None:
        for name in ("ada", "bob"):
            await user.hears("a", by=name)
            assert await user.commits(await user.claims_one(), entries=(user.entry("k"),))
        assert [one[0] for one in await user.logged("ada")] == [1, 2]
        assert [one[0] for one in await user.logged("bob")] == [1, 2]

    async def test_what_was_flushed_is_in_the_log_at_once_and_once_after_the_commit_and_a_second_run(
        self, user: StoreUser
    ) -> None:
        await user.store.accept([user.said("a", event_id="a")])
        lane = await user.claims_one()
        assert await user.store.flush(lane, 1, [], [user.entry("b:1:0", "said before the crash")])
        assert await user.logged() == [(1, 1, "u:a"), (2, 2, "b:1:0")]
        await self.crash(user)
        lane = await user.claims_one()
        await user.store.accept([user.said("b", event_id="b")])
        assert await user.store.flush(lane, 1, [], [user.entry("b:1:0", "again"), user.entry("b:1:1")])
        entries = tuple(user.entry(f"b:1:{n}") for n in range(3))
        assert await user.commits(lane, entries=entries)
        assert await user.logged() == [
            (1, 1, "u:a"),
            (2, 2, "b:1:0"),
            (3, 3, "u:b"),
            (4, 4, "b:1:1"),
            (5, 5, "b:1:2"),
        ]
        assert await user.remembers() == ["a", "said before the crash", "hello", "hello", "b"]

    async def test_a_fenced_turn_and_a_fenced_flush_write_no_entry(self, user: StoreUser) -> None:
        await user.store.accept([user.said("a", event_id="a"), user.said("b", event_id="b")])
        stale = await user.claims_one()
        assert not await user.commits(stale, seq=2, entries=(user.entry("k"),))
        assert not await user.store.flush(stale, 2, [user.send("s")], [user.entry("k")])
        user.clock.passes(seconds=LEASE)
        lane = await user.claims_one()
        assert not await user.commits(stale, entries=(user.entry("k"),))
        assert not await user.store.flush(stale, 1, [user.send("s")], [user.entry("k")])
        assert await user.commits(lane, release=False)
        assert not await user.store.flush(lane, 1, [user.send("s")], [user.entry("k")])
        assert await user.logged() == [(1, 1, "u:a"), (2, 2, "u:b")]
        assert await user.takes() == []

    async def test_a_turn_that_cannot_be_written_leaves_no_entry(self, user: StoreUser) -> None:
        await user.store.accept([user.said("a", event_id="a")])
        lane = await user.claims_one()
        bad = TimerFired(id="x", conversation=conversation(), at=user.clock.now(), name="n", data={"no": object()})
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            await user.commits(lane, entries=(user.entry("k"),), emits=(bad,))
        assert await user.logged() == [(1, 1, "u:a")]

    async def test_what_is_said_in_an_emitted_event_follows_what_its_turn_said(self, user: StoreUser) -> None:
        await user.store.accept([user.said("a", event_id="a")])
        lane = await user.claims_one()
        emits = (user.said("x", event_id="x"), user.said("y", "bob", event_id="y"))
        assert await user.commits(lane, entries=(user.entry("k"),), emits=emits)
        assert await user.logged() == [(1, 1, "u:a"), (2, 2, "k"), (3, 3, "u:x")]
        assert await user.logged("bob") == [(1, 1, "u:y")]

    async def test_a_piece_of_the_log_is_what_comes_after_or_before_a_number(self, user: StoreUser) -> None:
        await user.store.accept([user.opened()])
        entries = tuple(user.entry(f"k{n}") for n in range(1, 10))
        assert await user.commits(await user.claims_one(), entries=entries)

        async def numbers(**piece: Any) -> list[int]:
            return [number for number, _, _ in await user.logged(**piece)]

        assert await numbers() == list(range(1, 10))
        assert await numbers(after=7) == [8, 9]
        assert await numbers(after=3, limit=2) == [4, 5]
        assert await numbers(after=9) == []
        assert await numbers(after=10**30) == []
        assert await numbers(after=-5, limit=1) == [1]
        assert await numbers(before=10, limit=2) == [8, 9]
        assert await numbers(before=3) == [1, 2]
        assert await numbers(before=3, after=7) == [1, 2]
        assert await numbers(before=1) == []
        assert await numbers(before=10**30, limit=1) == [9]

    async def test_a_public_piece_counts_public_entries_only(self, user: StoreUser) -> None:
        await user.store.accept([user.opened()])
        entries = tuple(user.entry(f"k{n}", private=n % 3 != 0) for n in range(12))
        assert await user.commits(await user.claims_one(), entries=entries)
        everything = [(1, 1, "k0"), (4, 2, "k3"), (7, 3, "k6"), (10, 4, "k9")]
        assert await user.logged(public=True) == everything
        assert await user.logged(public=True, after=-1) == everything
        assert await user.logged(public=True, after=2) == everything[2:]
        assert await user.logged(public=True, after=1, limit=2) == everything[1:3]
        assert await user.logged(public=True, before=5, limit=2) == everything[2:]
        assert await user.logged(public=True, before=3, limit=1) == everything[1:2]
        assert await user.logged(public=True, before=4) == everything[:3]
        log = await user.store.log(conversation(), public=True, after=4)
        assert (log.head, log.public_head, log.entries) == (12, 4, ())

    async def test_a_piece_has_at_most_a_thousand_entries(self, user: StoreUser) -> None:
        await user.store.accept([user.opened()])
        entries = tuple(user.entry(f"k{n}") for n in range(1010))
        assert await user.commits(await user.claims_one(), entries=entries)
        assert [len(await user.logged(limit=limit)) for limit in (1, 1000, 5000)] == [1, 1000, 1000]
        assert [len(await user.logged(before=5000, limit=limit)) for limit in (1, 1000, 5000)] == [1, 1000, 1000]
        assert len(await user.store.history(conversation(), 5000)) == 1000

    async def test_the_numbering_keeps_its_name_over_restarts_and_a_new_store_has_another(
        self, user: StoreUser, tmp_path: Path
    ) -> None:
        before: Log = await user.store.log(conversation("nobody"))
        await user.hears("a")
        await self.crash(user)
        assert before.id
        assert (await user.store.log(conversation())).id == before.id
        (tmp_path / "another").mkdir()
        other = self.make(tmp_path / "another")
        await other.open(user.clock)
        assert (await other.log(conversation())).id != before.id
        await other.close()

    async def test_history_is_in_the_order_of_the_turns_and_has_only_what_was_said(self, user: StoreUser) -> None:
        await user.hears("1", "2", "3")
        taken, note = user.entry("o:t", "", "taken", by="op1"), user.entry("o:n", "psst", "note", private=True)
        assert await user.commits(await user.claims_one(), entries=(user.entry("b:1:0", "one"), taken))
        assert await user.commits(await user.claims_one(), entries=(note, user.entry("b:2:0", "two")))
        await self.crash(user)
        assert await user.remembers() == ["1", "one", "2", "two", "3"]
        assert await user.remembers(before=3) == ["1", "one", "2", "two"]
        assert await user.remembers(2, before=3) == ["2", "two"]
        assert await user.remembers(3) == ["2", "two", "3"]
        assert await user.remembers(before=1) == []

    async def test_what_was_said_in_a_failed_event_moves_to_its_new_place_when_it_is_replayed(
        self, user: StoreUser
    ) -> None:
        await user.hears("poison", "b")
        lane = await user.claims_one()
        assert await user.commits(lane, error="boom", entries=(user.entry("b:1:e0", "sorry"),))
        assert await user.remembers() == ["poison", "sorry", "b"]
        before = await user.logged()
        assert await user.store.replay(["event:test:ada:1"]) == 1
        assert await user.remembers() == ["sorry", "b", "poison"]
        assert await user.remembers(before=3) == ["sorry", "b"]
        assert await user.logged() == before

    async def test_the_log_stays_whole_when_sixty_speak_at_once(self, user: StoreUser) -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(60):
                tasks.start_soon(user.store.accept, [user.said(str(n), event_id=f"m{n % 40}")])
        logged = await user.logged()
        assert [(number, public) for number, public, _ in logged] == [(n, n) for n in range(1, 41)]
        assert {key for _, _, key in logged} == {f"u:m{n}" for n in range(40)}

    # ── for the desk ────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_conversations_with_an_open_handoff_come_longest_waiting_first(self, user: StoreUser) -> None:
        start = user.clock.now()

        async def hands(name: str, minutes: int | None) -> None:
            await user.hears("x", by=name)
            lane = await user.claims_one()
            handoff = None
            if minutes is not None:
                opened_at = start + timedelta(minutes=minutes)
                handoff = Handoff(id=f"h-{name}", queue="q", reason="r", opened_at=opened_at, operator="op1")
            assert await user.commits(lane, state=evolve(lane.conversation, handoff=handoff, epoch=1, closed=True))

        for name, minutes in (("ada", 3), ("bob", 1), ("cem", 2), ("dan", None)):
            await hands(name, minutes)
        assert [one.id.id for one in await user.store.handed_over()] == ["bob", "cem", "ada"]
        await hands("cem", None)
        await self.crash(user)
        waiting = list(await user.store.handed_over())
        assert [one.id.id for one in waiting] == ["bob", "ada"]
        assert waiting[0] == await user.store.load(conversation("bob"))

    async def test_closed_handoffs_are_kept_oldest_first(self, user: StoreUser) -> None:
        now = user.clock.now()

        def closed(name: str, minutes: int) -> Handoff:
            return Handoff(
                id=name,
                queue="q",
                reason="r",
                opened_at=now,
                operator="op1",
                operator_name="Oya",
                taken_at=now,
                answered_at=now,
                closed_at=now + timedelta(minutes=minutes),
                outcome="solved",
            )

        first, second, third = closed("h1", 1), closed("h2", 2), closed("h3", 3)
        for name, handoffs in {"ada": (third,), "bob": (first, second)}.items():
            await user.hears("x", by=name)
            assert await user.commits(await user.claims_one(), closed=handoffs)
        await self.crash(user)
        ada, bob = conversation("ada"), conversation("bob")
        found = [tuple(one) for one in await user.store.closed_handoffs(now)]
        assert found == [(bob, first), (bob, second), (ada, third)]
        later = await user.store.closed_handoffs(now + timedelta(minutes=2))
        assert [one.id for _, one in later] == ["h2", "h3"]
        assert list(await user.store.closed_handoffs(now + timedelta(minutes=3, seconds=1))) == []

    async def test_closed_handoffs_are_forgotten_only_when_that_is_asked(self, user: StoreUser) -> None:
        now = user.clock.now()
        handoffs = [
            Handoff(id=str(minutes), queue="", reason="r", opened_at=now, closed_at=now + timedelta(minutes=minutes))
            for minutes in (1, 2, 3)
        ]
        await user.hears("x")
        assert await user.commits(await user.claims_one(), closed=tuple(handoffs))
        assert await user.store.purge(now) == 0
        assert await user.store.purge(now, handoffs=now + timedelta(minutes=2)) == 1
        assert [one.id for _, one in await user.store.closed_handoffs(now)] == ["2", "3"]
        assert await user.store.purge(now, handoffs=now + timedelta(minutes=2)) == 0

    async def test_a_closed_handoff_without_its_time_is_refused_before_anything_is_written(
        self, user: StoreUser
    ) -> None:
        await user.hears("x")
        lane = await user.claims_one()
        still_open = Handoff(id="h1", queue="", reason="", opened_at=user.clock.now())
        with pytest.raises(ValueError, match="closed_at"):
            await user.commits(lane, closed=(still_open,), entries=(user.entry("k"),))
        assert await user.store.find(conversation(), "k") is None
        assert await user.commits(lane)

    async def test_the_conversations_where_something_happened_last_come_first(self, user: StoreUser) -> None:
        start = user.clock.now()
        for name in ("ada", "bob", "cem"):
            user.clock.passes(minutes=1)
            await user.hears("x", by=name)
        lanes = {lane.conversation.id.id: lane for lane in await user.claims()}
        user.clock.passes(minutes=1)
        assert await user.commits(lanes["ada"], sends=(user.send("k", to="dan"),))
        await self.crash(user)

        async def recent(limit: int, before: datetime | None = None) -> list[tuple[float, str, int]]:
            found = await user.store.recent(limit, before=before)
            return [((at - start).total_seconds() / 60, one.id.id, one.version) for at, one in found]

        assert await recent(10) == [(4, "ada", 1), (3, "cem", 0), (2, "bob", 0)]
        assert await recent(1) == [(4, "ada", 1)]
        assert await recent(10, start + timedelta(minutes=3)) == [(2, "bob", 0)]
        assert await recent(1, start + timedelta(minutes=4)) == [(3, "cem", 0)]

    # ── the shelf ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_is_kept_on_a_shelf_survives_a_crash_and_is_replaced(self, user: StoreUser) -> None:
        assert await user.store.keep("notes", "a", b"\x00\xff")
        assert await user.store.keep("notes", "b", b"")
        assert await user.store.keep("other", "a", b"other")
        await self.crash(user)
        assert await user.store.kept("notes", "a") == b"\x00\xff"
        assert await user.store.kept("notes", "b") == b""
        assert await user.store.kept("notes", "c") is None
        assert await user.store.keep("notes", "a", b"new")
        assert await user.store.kept("notes", "a") == b"new"
        assert await user.store.kept("other", "a") == b"other"

    async def test_what_expires_is_gone_by_the_stores_clock(self, user: StoreUser) -> None:
        until = user.clock.now() + timedelta(minutes=1)
        await user.store.keep("notes", "a", b"1", expires_at=until)
        await user.store.keep("notes", "b", b"2")
        user.clock.passes(seconds=59)
        assert await user.store.kept("notes", "a") == b"1"
        assert await user.store.on_shelf("notes") == {"a": b"1", "b": b"2"}
        user.clock.passes(seconds=1)
        assert await user.store.kept("notes", "a") is None
        assert await user.store.on_shelf("notes") == {"b": b"2"}
        assert await user.store.take_off("notes", "a") is None
        await user.store.keep("notes", "b", b"3", expires_at=until)
        assert await user.store.kept("notes", "b") is None

    async def test_keeping_anew_sets_the_time_anew(self, user: StoreUser) -> None:
        until = user.clock.now() + timedelta(minutes=1)
        await user.store.keep("notes", "a", b"1", expires_at=until)
        await user.store.keep("notes", "a", b"2")
        user.clock.passes(hours=1)
        assert await user.store.kept("notes", "a") == b"2"

    async def test_only_a_new_key_is_kept_when_that_is_asked_and_an_expired_one_is_new(self, user: StoreUser) -> None:
        until = user.clock.now() + timedelta(minutes=1)
        assert await user.store.keep("notes", "a", b"1", expires_at=until, only_new=True)
        assert not await user.store.keep("notes", "a", b"2", only_new=True)
        assert await user.store.kept("notes", "a") == b"1"
        user.clock.passes(minutes=1)
        assert await user.store.keep("notes", "a", b"3", only_new=True)
        assert not await user.store.keep("notes", "a", b"4", only_new=True)
        assert await user.store.kept("notes", "a") == b"3"

    async def test_of_many_who_take_the_same_value_off_the_shelf_one_gets_it(self, user: StoreUser) -> None:
        await user.store.keep("links", "token", b"once")
        got: list[bytes | None] = []

        async def take() -> None:
            got.append(await user.store.take_off("links", "token"))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(take)
        assert sorted(got, key=bool) == [None] * 19 + [b"once"]
        assert await user.store.kept("links", "token") is None
        await self.crash(user)
        assert await user.store.take_off("links", "token") is None

    async def test_of_many_who_keep_a_new_key_one_does(self, user: StoreUser) -> None:
        kept: list[bool] = []

        async def keep(n: int) -> None:
            kept.append(await user.store.keep("names", "oya", str(n).encode(), only_new=True))

        async with anyio.create_task_group() as tasks:
            for n in range(20):
                tasks.start_soon(keep, n)
        assert sorted(kept) == [False] * 19 + [True]

    async def test_a_shelf_is_read_by_prefix_in_the_order_of_its_keys(self, user: StoreUser) -> None:
        names = [
            "a%",
            "a%b",
            "a_",
            "a_b",
            "ab",
            "aB",
            "a",
            "a\x00",
            "A",
            "b",
            "a\U0010ffff",
            "a'; --",
            "a\\",
            "ı",
            "a*",
        ]
        for name in names:
            await user.store.keep("notes", name, name.encode())
        await user.store.keep("notes2", "a", b"another shelf")

        async def keys(prefix: str, **more: Any) -> list[str]:
            return list(await user.store.on_shelf("notes", prefix=prefix, **more))

        for prefix in ("", "a", "a%", "a_", "a\x00", "a\U0010ffff", "a\\", "a*", "%", "ı", "zzz"):
            assert await keys(prefix) == sorted(name for name in names if name.startswith(prefix))
        assert await keys("a", limit=2) == sorted(name for name in names if name.startswith("a"))[:2]
        assert await keys("a", limit=0) == []
        assert (await user.store.on_shelf("notes", prefix="a%b")) == {"a%b": b"a%b"}

    async def test_a_shelf_without_a_plain_name_and_an_empty_key_are_refused(self, user: StoreUser) -> None:
        for shelf in ("", "a b", "a:b", "ı", "a\n"):
            with pytest.raises(ValueError, match="shelf"):
                await user.store.keep(shelf, "a", b"")
            with pytest.raises(ValueError, match="shelf"):
                await user.store.on_shelf(shelf)
        with pytest.raises(ValueError, match="empty"):
            await user.store.keep("notes", "", b"")

    # ── dialogs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_positions_are_counted_by_dialog_version_and_state(self, user: StoreUser) -> None:
        def at(state: str, who: str) -> Position:
            return Position(dialog="order", version=3, state=state, user=who)

        for name, standing in {"ada": (at("size", "a"), at("size", "b")), "bob": (at("end", "b"),)}.items():
            await user.hears("a", by=name)
            lane = await user.claims_one()
            await user.commits(lane, state=evolve(lane.conversation, positions=standing))
        assert await user.store.positions() == {("order", 3, "size"): 2, ("order", 3, "end"): 1}
        await user.hears("b", by="ada")
        lane = await user.claims_one()
        await user.commits(lane, state=evolve(lane.conversation, positions=()))
        assert await user.store.positions() == {("order", 3, "end"): 1}

    async def test_conversations_with_open_dialogs_are_listed_in_pages(self, user: StoreUser) -> None:
        for name in ("dan", "bob", "Eve", "ada", "cem"):
            await user.hears("a", by=name)
            lane = await user.claims_one()
            open_there = (Position(dialog="order", version=1, state="size", user=name),) if name != "bob" else ()
            await user.commits(lane, state=evolve(lane.conversation, positions=open_there))
        first = await user.store.standing(3)
        assert [one.id.id for one in first] == ["Eve", "ada", "cem"]
        assert first[1].positions[0].user == "ada"
        await user.hears("b", by="cem")
        lane = await user.claims_one()
        await user.commits(lane, state=evolve(lane.conversation, positions=()))
        second = await user.store.standing(3, after=first[-1].id)
        assert [one.id.id for one in second] == ["dan"]
        assert await user.store.standing(3, after=second[-1].id) == []

    # ── release ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_lane_given_up_without_a_word_is_ready_at_once(self, user: StoreUser) -> None:
        await user.hears("a")
        lane = await user.claims_one()
        await user.store.release(lane)
        again = await user.claims_one()
        assert (again.attempts, texts(again)) == (0, ["a"])
        assert not await user.commits(lane)

    async def test_after_an_error_the_whole_conversation_waits_and_the_try_is_counted(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        retry_at = user.clock.now() + timedelta(seconds=10)
        await user.store.release(await user.claims_one(), retry_at=retry_at, error="boom")
        await user.hears("c")
        assert await user.claims() == []
        assert (await user.counts()).ready == 0
        assert await user.store.next_due() == retry_at
        user.clock.passes(seconds=10)
        assert await user.store.next_due() == retry_at
        lane = await user.claims_one()
        assert (lane.attempts, texts(lane)) == (1, ["a", "b", "c"])
        assert await user.commits(lane)
        assert (await user.claims_one()).attempts == 0

    async def test_tries_and_pauses_survive_a_crash(self, user: StoreUser) -> None:
        await user.hears("a")
        retry_at = user.clock.now() + timedelta(seconds=10)
        await user.store.release(await user.claims_one(), retry_at=retry_at, error="boom")
        await self.crash(user)
        assert await user.claims() == []
        assert await user.store.next_due() == retry_at
        user.clock.passes(seconds=11)
        assert (await user.claims_one()).attempts == 1

    async def test_a_parked_event_is_kept_among_the_failed_and_the_next_goes_on(self, user: StoreUser) -> None:
        await user.hears("poison", "b")
        for _ in range(2):
            await user.store.release(await user.claims_one(), retry_at=user.clock.now(), error="boom")
        lane = await user.claims_one()
        await user.store.release(lane, error="boom for good", park=True)
        again = await user.claims_one()
        assert ([one.seq for one in again.events], again.attempts) == ([2], 0)
        assert again.conversation.version == 0
        await self.crash(user)
        (failed,) = await user.store.failed(10)
        assert failed.key == "event:test:ada:1"
        assert (failed.error, failed.attempts, failed.at) == ("boom for good", 3, user.clock.now())
        assert failed.conversation == conversation()
        assert failed.what == lane.events[0].event
        assert (await user.counts()).failed == 1

    async def test_a_stale_release_does_nothing(self, user: StoreUser) -> None:
        await user.hears("a")
        stale = await user.claims_one()
        user.clock.passes(seconds=LEASE)
        lane = await user.claims_one()
        await user.store.release(stale, error="boom", park=True)
        await user.store.release(stale, retry_at=user.clock.now() + timedelta(days=1), error="boom")
        assert list(await user.store.failed(10)) == []
        assert await user.commits(lane)

    async def test_a_replayed_event_goes_to_the_end_of_its_lane_as_a_new_try(self, user: StoreUser) -> None:
        await user.hears("poison")
        await user.store.release(await user.claims_one(), error="boom", park=True)
        assert await user.claims() == []
        await user.hears("b")
        assert await user.store.replay(["event:test:ada:1", "event:test:ada:1", "event:test:bob:9", "x"]) == 1
        assert await user.store.replay(["event:test:ada:1"]) == 0
        lane = await user.claims_one()
        assert [(one.seq, one.event.text) for one in lane.events] == [(2, "b"), (3, "poison")]
        assert lane.attempts == 0
        assert list(await user.store.failed(10)) == []

    async def test_a_turn_puts_failed_events_of_its_conversation_back_in_line_in_the_order_it_says(
        self, user: StoreUser
    ) -> None:
        signals = [
            SignalReceived(id=one, conversation=conversation(), at=user.clock.now(), name=one) for one in ("s1", "s2")
        ]
        await user.store.accept(signals)
        for _ in signals:
            await user.store.release(await user.claims_one(), error="waits", park=True)
        await user.hears("a")
        lane = await user.claims_one()
        turn = user.turn(lane, put_back=("s2", "never", "s1"), release=False)
        assert list(await user.store.commit([turn, turn])) == [True, False]
        assert list(await user.store.failed(10)) == []
        await user.store.open(user.clock)
        after = await user.claims_one()
        assert [one.event.id for one in after.events] == ["s2", "s1"]

    async def test_a_replayed_event_wakes_an_idle_lane(self, user: StoreUser) -> None:
        await user.hears("poison")
        await user.store.release(await user.claims_one(), error="boom", park=True)
        assert await user.store.replay(["event:test:ada:1"]) == 1
        assert texts(await user.claims_one()) == ["poison"]

    # ── once ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_the_first_value_remembered_stays_also_after_a_crash(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        lane = await user.claims_one()
        assert await user.store.recall(lane, 1, "charge") is None
        assert await user.store.remember(lane, 1, "charge", b"first") == b"first"
        assert await user.store.remember(lane, 1, "charge", b"second") == b"first"
        assert await user.store.remember(lane, 1, "other", b"\x00") == b"\x00"
        await self.crash(user)
        lane = await user.claims_one()
        assert await user.store.recall(lane, 1, "charge") == b"first"
        assert await user.store.recall(lane, 2, "charge") is None

    async def test_what_was_remembered_goes_with_its_event_but_not_with_a_failed_one(self, user: StoreUser) -> None:
        await user.hears("a", "b")
        lane = await user.claims_one()
        await user.store.remember(lane, 1, "charge", b"a")
        assert await user.commits(lane, release=False)
        assert await user.store.recall(lane, 1, "charge") is None
        await user.store.remember(lane, 2, "charge", b"b")
        await user.store.release(lane, error="boom", park=True)
        await user.hears("c")
        assert await user.commits(await user.claims_one())
        await user.store.replay(["event:test:ada:2"])
        assert await user.store.recall(await user.claims_one(), 4, "charge") == b"b"

    # ── outbox ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_row_comes_back_as_it_was_and_is_taken_once(self, user: StoreUser) -> None:
        handoff = Handoff(id="h", queue="", reason="r", opened_at=user.clock.now())
        row = evolve(user.send("k", by="customer", desk="forward", handoff=handoff), message=_full_message())
        await user.writes(row)
        assert (await user.counts()).sends_ready == 1
        assert await user.takes() == [row]
        assert await user.takes() == []
        stats = await user.counts()
        assert (stats.sends, stats.sends_ready) == ({"in flight": 1}, 0)

    async def test_rows_of_a_conversation_go_in_order_one_at_a_time(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"), user.send("k2"), user.send("k3"))
        await user.writes(user.send("b1", to="bob"))
        assert sorted(keys(await user.takes())) == ["b1", "k1"]
        await user.settles("k1")
        assert keys(await user.takes()) == ["k2"]
        await user.settles("k2", "failed", reason="blocked")
        assert keys(await user.takes()) == ["k3"]
        await user.settles("k3")
        assert await user.takes() == []
        assert (await user.counts()).sends == {"sent": 2, "failed": 1, "in flight": 1}

    async def test_the_desk_and_the_customer_are_two_destinations(self, user: StoreUser) -> None:
        await user.writes(
            user.send("k1"), user.send("d1", desk="offer"), user.send("k2"), user.send("d2", desk="forward")
        )
        assert sorted(keys(await user.takes())) == ["d1", "k1"]

    async def test_a_claim_of_sends_takes_at_most_its_limit(self, user: StoreUser) -> None:
        for name in ("ada", "bob", "cem"):
            await user.writes(user.send(f"k-{name}", to=name))
        assert await user.takes(0) == []
        assert len(await user.takes(2)) == 2
        assert len(await user.takes(2)) == 1

    async def test_a_key_is_written_once(self, user: StoreUser) -> None:
        await user.writes(user.send("k1", text="first"))
        await user.takes()
        await user.settles("k1")
        await user.writes(user.send("k1", text="second"), user.send("k2"))
        assert keys(await user.takes()) == ["k2"]

    async def test_flushed_rows_leave_before_the_commit_which_leaves_them_alone(self, user: StoreUser) -> None:
        await user.hears("a")
        lane = await user.claims_one()
        assert await user.store.flush(lane, 1, [user.send("k1")])
        assert keys(await user.takes()) == ["k1"]
        assert await user.store.flush(lane, 1, [user.send("k1"), user.send("k2")])
        assert await user.commits(lane, sends=(user.send("k1"), user.send("k2"), user.send("k3")))
        await user.settles("k1")
        assert keys(await user.takes()) == ["k2"]
        assert (await user.counts()).sends == {"sent": 1, "in flight": 1, "waiting": 1}

    async def test_a_fenced_flush_writes_nothing(self, user: StoreUser) -> None:
        await user.hears("a")
        stale = await user.claims_one()
        user.clock.passes(seconds=LEASE)
        await user.claims_one()
        assert not await user.store.flush(stale, 1, [user.send("k1")])
        assert await user.takes() == []

    async def test_a_row_to_be_tried_again_waits_its_time_and_blocks_the_rest(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"), user.send("k2"))
        await user.takes()
        retry_at = user.clock.now() + timedelta(seconds=5)
        await user.settles("k1", "retry", retry_at=retry_at, reason="429")
        assert await user.takes() == []
        assert await user.store.next_due() == retry_at
        user.clock.passes(seconds=5)
        (again,) = await user.takes()
        assert (again.key, again.attempts, again.uncertain) == ("k1", 1, False)

    async def test_a_row_whose_answer_was_lost_comes_back_uncertain_until_the_doubt_is_settled(
        self, user: StoreUser
    ) -> None:
        await user.writes(user.send("k1"))
        assert (await user.takes())[0].uncertain is False
        await user.settles("k1", "retry", uncertain=True)
        (again,) = await user.takes()
        assert (again.attempts, again.uncertain) == (1, True)
        await user.settles("k1", "retry")
        assert (await user.takes())[0].uncertain is False

    async def test_a_row_whose_lease_ran_out_comes_back_uncertain(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"))
        await user.takes()
        due = user.clock.now() + timedelta(seconds=LEASE)
        assert await user.store.next_due() == due
        user.clock.passes(seconds=LEASE)
        (again,) = await user.takes()
        assert (again.key, again.attempts, again.uncertain) == ("k1", 1, True)

    async def test_rows_in_flight_are_uncertain_after_a_crash_and_waiting_ones_are_not(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"), user.send("d1", desk="offer"))
        await user.writes(user.send("b1", to="bob"))
        await user.takes(1)
        await self.crash(user)
        assert sorted((send.attempts, send.uncertain) for send in await user.takes()) == [
            (0, False),
            (0, False),
            (1, True),
        ]

    async def test_a_row_settled_before_is_left_alone_but_sent_stands_over_all(self, user: StoreUser) -> None:
        for name in ("failed", "held", "sent"):
            await user.writes(user.send(name, to=name))
        await user.takes()
        states: tuple[SendState, ...] = ("failed", "held", "sent")
        for name in states:
            await user.settles(name, name)
            await user.settles(name, "retry")
            await user.settles(name, "failed")
        assert (await user.counts()).sends == {"failed": 1, "held": 1, "sent": 1}
        for name in ("failed", "held", "unknown"):
            await user.settles(name, "sent")
        assert (await user.counts()).sends == {"sent": 3}

    async def test_what_a_settled_row_tells_is_accepted_with_it_and_only_when_it_changes_the_row(
        self, user: StoreUser
    ) -> None:
        await user.writes(user.send("k1"))
        await user.takes()
        there, at = conversation(), user.clock.now()
        told = [MessageFailed(id=one, conversation=there, at=at, message_ids=("k1",)) for one in ("first", "second")]
        user.store.most_waiting = 0
        await user.store.settle([Settled(key="k1", state="failed", reason="no", tell=told[0])])
        await user.store.settle([Settled(key="k1", state="failed", reason="no", tell=told[1])])
        await user.store.settle([Settled(key="unknown", state="failed", reason="no", tell=told[1])])
        lane = await user.claims_one()
        assert [one.event.id for one in lane.events] == ["first"]

    async def test_a_held_row_waits_for_a_human_and_the_rest_passes(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"), user.send("k2"))
        await user.takes()
        await user.settles("k1", "held", uncertain=True, reason="the answer was lost")
        assert keys(await user.takes()) == ["k2"]
        (held,) = await user.store.failed(10)
        assert (held.key, held.error, held.attempts) == ("send:k1", "the answer was lost", 1)
        assert isinstance(held.what, Send)
        assert (held.what.key, held.what.uncertain) == ("k1", True)

    async def test_a_replayed_row_is_a_new_try_with_the_time_it_had(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"), user.send("k2"))
        await user.takes()
        await user.settles("k1", "failed", reason="gave up", uncertain=True)
        user.clock.passes(days=3)
        assert await user.store.replay(["send:k1", "send:k2", "send:none"]) == 1
        assert keys(await user.takes()) == ["k2"]
        await user.settles("k2")
        (again,) = await user.takes()
        assert (again.key, again.attempts, again.uncertain) == ("k1", 0, False)
        assert again.expires_at == user.clock.now() + timedelta(days=1)

    async def test_while_a_person_has_the_conversation_only_the_bots_failed_rows_stay_where_they_are(
        self, user: StoreUser
    ) -> None:
        rows = (user.send("bot"), user.send("held"), user.send("operator", by="operator"))
        await user.writes(*rows, user.send("desk", desk="offer"))
        for key in ("desk", "bot", "held", "operator"):
            await user.takes()
            await user.settles(key, "held" if key == "held" else "failed")
        await user.hears("help")
        lane = await user.claims_one()
        handoff = Handoff(id="h", queue="", reason="r", opened_at=user.clock.now())
        assert await user.commits(lane, state=evolve(lane.conversation, handoff=handoff))
        every = [one.key for one in await user.store.failed(10)]
        assert len(every) == 4
        assert await user.store.replay(every) == 2
        assert sorted(keys(await user.takes())) == ["desk", "operator"]
        assert sorted(one.key for one in await user.store.failed(10)) == ["send:bot", "send:held"]
        await user.settles("operator")
        await user.hears("thanks")
        lane = await user.claims_one()
        assert await user.commits(lane, state=evolve(lane.conversation, handoff=None))
        assert await user.store.replay(["send:bot"]) == 1
        assert keys(await user.takes()) == ["bot"]

    async def test_a_takeover_withdraws_the_bots_waiting_rows_before_new_ones_are_written(
        self, user: StoreUser
    ) -> None:
        await user.writes(
            user.send("flying"),
            user.send("bot"),
            user.send("operator", by="operator"),
            user.send("desk", desk="offer"),
        )
        await user.writes(user.send("other", to="bob"))
        assert sorted(keys(await user.takes())) == ["desk", "flying", "other"]
        await user.settles("desk")
        await user.settles("other")
        await user.writes(user.send("last words"), withdraw=True)
        assert (await user.counts()).sends == {"sent": 2, "in flight": 1, "withdrawn": 1, "waiting": 2}
        await user.settles("flying")
        assert keys(await user.takes()) == ["operator"]
        await user.settles("operator")
        assert keys(await user.takes()) == ["last words"]

    async def test_a_row_in_flight_at_a_takeover_gets_no_second_try(self, user: StoreUser) -> None:
        for ends in ("told", "lost"):
            await user.writes(user.send(f"flying {ends}"), user.send(f"behind {ends}", by="operator"))
            assert keys(await user.takes()) == [f"flying {ends}"]
            await user.writes(user.send(f"x {ends}", desk="offer"), withdraw=True)
            if ends == "told":
                await user.settles(f"flying {ends}", "retry", uncertain=True)
            else:
                user.clock.passes(seconds=2 * LEASE)
            assert sorted(keys(await user.takes())) == [f"behind {ends}", f"x {ends}"]
            await user.settles(f"behind {ends}")
            await user.settles(f"x {ends}")
        assert (await user.counts()).sends == {"withdrawn": 2, "sent": 4}

    async def test_when_the_first_waiting_row_is_withdrawn_the_next_can_go(self, user: StoreUser) -> None:
        await user.writes(user.send("bot"), user.send("operator", by="operator"))
        await user.writes(user.send("x", desk="offer"), withdraw=True)
        assert sorted(keys(await user.takes())) == ["operator", "x"]

    async def test_evidence_marks_rows_as_sent_and_lets_the_next_go(self, user: StoreUser) -> None:
        await user.writes(user.send("k1"), user.send("k2"))
        await user.takes()
        evidence = [Evidence(key="k1", platform_id="mid.1"), Evidence(key="unknown")]
        assert await user.store.resolve(evidence) == 1
        assert await user.store.resolve(evidence) == 0
        await user.settles("k1", "retry", uncertain=True)
        assert keys(await user.takes()) == ["k2"]
        assert (await user.counts()).sends == {"sent": 1, "in flight": 1}

    # ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_timer_fires_once_never_early_and_survives_a_crash(self, user: StoreUser) -> None:
        due = user.clock.now() + timedelta(hours=1)
        timer = Timer(conversation=conversation(), name="cart", due=due, user=User(id="ada"), data={"n": [1]})
        await user.hears("a")
        assert await user.commits(await user.claims_one(), timers=(timer,))
        await self.crash(user)
        assert await user.store.next_due() == due
        user.clock.passes(minutes=59)
        assert await user.store.fire_due(10) == 0
        user.clock.passes(minutes=1)
        assert await user.store.fire_due(10) == 1
        assert await user.store.fire_due(10) == 0
        assert await user.store.next_due() is None
        event = (await user.claims_one()).events[0].event
        assert isinstance(event, TimerFired)
        assert (event.name, event.data, event.user) == ("cart", {"n": [1]}, User(id="ada"))

    async def test_due_timers_fire_in_order_at_most_the_limit(self, user: StoreUser) -> None:
        now = user.clock.now()
        timers = tuple(
            Timer(conversation=conversation(), name=f"t{n}", due=now - timedelta(seconds=n)) for n in range(3)
        )
        await user.hears("a")
        assert await user.commits(await user.claims_one(), timers=timers)
        assert await user.store.fire_due(2) == 2
        assert await user.store.fire_due(2) == 1
        fired = [one.event for one in (await user.claims_one()).events]
        assert [one.name for one in fired if isinstance(one, TimerFired)] == ["t2", "t1", "t0"]

    async def test_a_timer_of_the_same_name_is_replaced_and_cancelled_ones_are_gone(self, user: StoreUser) -> None:
        def timer(name: str, hours: int) -> Timer:
            return Timer(conversation=conversation(), name=name, due=user.clock.now() + timedelta(hours=hours))

        await user.hears("a", "b")
        assert await user.commits(await user.claims_one(), timers=(timer("x", 1), timer("y", 1), timer("z", 1)))
        assert await user.commits(
            await user.claims_one(), cancelled=("y", "z", "none"), timers=(timer("x", 2), timer("z", 3))
        )
        assert (await user.counts()).timers == 2
        assert await user.store.next_due() == user.clock.now() + timedelta(hours=2)

    async def test_a_timer_set_again_for_the_same_moment_fires_again(self, user: StoreUser) -> None:
        timer = Timer(conversation=conversation(), name="x", due=user.clock.now())
        await user.hears("a", "b")
        for _ in range(2):
            assert await user.commits(await user.claims_one(), timers=(timer,))
            assert await user.store.fire_due(10) == 1
        assert (await user.counts()).waiting == 2

    async def test_a_timer_fires_though_a_platform_used_an_id_that_looks_like_its_own(self, user: StoreUser) -> None:
        timer = Timer(conversation=conversation(), name="x", due=user.clock.now())
        await user.store.accept([user.said(str(n), event_id=f"timer:x:{n}") for n in range(5)])
        assert await user.commits(await user.claims_one(), timers=(timer,))
        assert await user.store.fire_due(10) == 1
        assert (await user.counts()).waiting == 5

    async def test_the_earliest_of_all_that_waits_is_next(self, user: StoreUser) -> None:
        now = user.clock.now()
        await user.hears("a", by="ada")
        await user.commits(
            await user.claims_one(),
            timers=(Timer(conversation=conversation(), name="x", due=now + timedelta(hours=1)),),
        )
        assert await user.store.next_due() == now + timedelta(hours=1)
        await user.hears("b", by="bob")
        await user.store.release(await user.claims_one(), retry_at=now + timedelta(minutes=9), error="boom")
        assert await user.store.next_due() == now + timedelta(minutes=9)
        await user.hears("c", by="cem")
        await user.claims_one()
        assert await user.store.next_due() == now + timedelta(seconds=LEASE)

    # ── keeping house ───────────────────────────────────────────────────────────────────────────────────────────────

    async def test_purging_forgets_what_is_finished_and_old_and_nothing_else(self, user: StoreUser) -> None:
        done, failed, waits = (user.opened(name, event_id="m") for name in ("done", "failed", "waits"))
        await user.store.accept([done, failed, waits])
        lanes = {lane.conversation.id.id: lane for lane in await user.claims()}
        await user.commits(
            lanes["done"], sends=tuple(user.send(key, to=key) for key in ("sent", "held", "gone", "waiting"))
        )
        await user.store.release(lanes["failed"], error="boom", park=True)
        await user.takes(100)
        outcomes: dict[str, SendState] = {"sent": "sent", "held": "held", "gone": "failed", "waiting": "retry"}
        for key, state in outcomes.items():
            await user.settles(key, state)
        await user.store.keep("notes", "gone", b"", expires_at=user.clock.now())
        await user.store.keep("notes", "stays", b"", expires_at=user.clock.now() + timedelta(microseconds=1))
        assert await user.store.purge(user.clock.now() - timedelta(seconds=1)) == 0
        assert await user.store.purge(user.clock.now() + timedelta(seconds=1)) == 3
        assert await user.store.purge(user.clock.now() + timedelta(seconds=1)) == 0
        assert list(await user.store.accept([done, failed, waits])) == [True, False, False]
        assert (await user.counts()).sends == {"held": 1, "failed": 1, "waiting": 1}
        assert len(await user.store.failed(10)) == 3
        assert list(await user.store.on_shelf("notes")) == ["stays"]

    async def test_failed_things_come_newest_first_up_to_the_limit(self, user: StoreUser) -> None:
        await user.writes(user.send("k", to="bob"))
        await user.takes()
        await user.settles("k", "failed", reason="r")
        user.clock.passes(seconds=1)
        await user.hears("a", "b")
        for _ in range(2):
            await user.store.release(await user.claims_one(), error="boom", park=True)
            user.clock.passes(seconds=1)
        expected = ["event:test:ada:2", "event:test:ada:1", "send:k"]
        assert [one.key for one in await user.store.failed(10)] == expected
        assert [one.key for one in await user.store.failed(2)] == expected[:2]
        assert list(await user.store.failed(0)) == []

    async def test_counts_tell_what_is_there(self, user: StoreUser) -> None:
        await user.hears("1", "2", by="ada")
        await user.hears("1", by="bob")
        await user.hears("1", by="cem")
        ada, bob, _ = await user.claims()
        await user.store.release(bob, retry_at=user.clock.now() + timedelta(hours=1), error="boom")
        await user.commits(ada)
        since = user.clock.now()
        expected = Stats(conversations=3, accepted=4, waiting=3, oldest_waiting=since, ready=1, claimed=1, turns=1)
        assert await user.counts() == expected
        user.clock.passes(hours=1)
        assert await user.counts() == evolve(expected, ready=3, claimed=0)

    async def test_a_conversation_that_only_spoke_has_a_fresh_state(self, user: StoreUser) -> None:
        await user.hears("a")
        assert await user.store.load(conversation()) == Conversation(id=conversation())
        assert await user.store.load(conversation("bob")) is None

    async def test_a_caller_who_is_cancelled_leaves_all_or_nothing(self, user: StoreUser) -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await user.store.accept([user.said("a"), user.said("b")])
        assert (await user.counts()).waiting in {0, 2}
        with anyio.move_on_after(0):
            await user.claims()
        user.clock.passes(seconds=LEASE)
        await user.hears("c", by="bob")
        assert "bob" in names(await user.claims())
