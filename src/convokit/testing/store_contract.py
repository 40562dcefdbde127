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

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import define, evolve, field

from convokit.abc import Clock, Committed, Evidence, Lane, Send, SendState, Settled, Stats, Store, Timer
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Offer, Option, Position
from convokit.errors import StoreError, StoreUnavailable
from convokit.events import Event, MessageReceived, SendRequested, TimerFired
from convokit.messages import Button, Card, Image, Link, Location, Message
from convokit.people import Profile, User

LEASE = 30.0
"""Seconds that the contract's claims last."""


@define
class HandClock(Clock):
    """A clock that stands still until it is moved."""

    time: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it was moved to."""
        return self.time

    async def sleep_until(self, moment: datetime) -> None:
        """Return when somebody has moved the clock to `moment`."""
        while self.time < moment:
            await anyio.lowlevel.checkpoint()

    def passes(self, **amount: float) -> None:
        """Move it by a `timedelta` of these arguments; negative moves it back."""
        self.time += timedelta(**amount)


def conversation(name: str = "ada") -> ConversationId:
    """A conversation on a channel of the contract's own."""
    return ConversationId("test", name)


@define(eq=False)
class StoreUser:
    """Short verbs on a store, so that a test reads as what happens.

    Args:
        store: The store under test, open.
        clock: Its clock.
    """

    store: Store
    clock: HandClock
    _heard: int = field(default=0, init=False)

    def said(self, text: str, by: str = "ada", *, event_id: str = "") -> MessageReceived:
        """An event: `by` wrote `text`, with an id of its own unless one is given."""
        self._heard += 1
        return MessageReceived(
            id=event_id or f"e{self._heard}",
            conversation=conversation(by),
            at=self.clock.now(),
            user=User(id=by, name=by.title()),
            text=text,
        )

    async def hears(self, *texts: str, by: str = "ada") -> None:
        """Accept one event per text."""
        accepted = await self.store.accept([self.said(text, by) for text in texts])
        assert list(accepted) == [True] * len(texts)

    async def claims(self, limit: int = 100) -> list[Lane]:
        """What can be claimed now."""
        return list(await self.store.claim("worker", limit, LEASE))

    async def claims_one(self) -> Lane:
        """The only lane that can be claimed now."""
        (lane,) = await self.claims()
        return lane

    def turn(self, lane: Lane, **changes: Any) -> Committed:
        """The commit that handles the lane's first event; `changes` are fields of `Committed`."""
        seq = changes.pop("seq", lane.events[0].seq)
        state = changes.pop("state", lane.conversation)
        version = lane.conversation.version + 1
        return Committed(epoch=lane.epoch, seq=seq, conversation=evolve(state, version=version), **changes)

    async def commits(self, lane: Lane, **changes: Any) -> bool:
        """Whether the lane's first event could be committed."""
        (kept,) = await self.store.commit([self.turn(lane, **changes)])
        return kept

    def send(self, key: str, to: str = "ada", text: str = "hello", **changes: Any) -> Send:
        """An outbox row that expires in a day."""
        expires_at = self.clock.now() + timedelta(days=1)
        return Send(key=key, conversation=conversation(to), message=Message(text), expires_at=expires_at, **changes)

    async def writes(self, *sends: Send, **changes: Any) -> None:
        """A turn in the first row's conversation that writes these outbox rows."""
        await self.hears("a reason to send", by=sends[0].conversation.id)
        for lane in await self.claims():
            mine = lane.conversation.id == sends[0].conversation
            assert await self.commits(lane, **({"sends": sends, **changes} if mine else {}))

    async def takes(self, limit: int = 100) -> list[Send]:
        """The outbox rows that can be claimed now."""
        return list(await self.store.claim_sends("worker", limit, LEASE))

    async def settles(self, key: str, state: SendState = "sent", **more: Any) -> None:
        """Say what became of a row."""
        await self.store.settle([Settled(key=key, state=state, **more)])

    async def counts(self) -> Stats:
        """The store's counts."""
        return await self.store.stats()


def texts(lane: Lane) -> list[str]:
    """What the lane's events say."""
    return [one.event.text for one in lane.events]


def names(lanes: Sequence[Lane]) -> list[str]:
    """Whose lanes these are."""
    return [lane.conversation.id.id for lane in lanes]


def keys(sends: Sequence[Send]) -> list[str]:
    """The rows' keys."""
    return [send.key for send in sends]


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


class StoreContract:
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

    async def test_an_id_is_forgotten_after_eight_days(self, user: StoreUser) -> None:
        said = user.said("hi", event_id="m1")
        await user.store.accept([said])
        assert await user.commits(await user.claims_one())
        user.clock.passes(days=8, seconds=1)
        assert list(await user.store.accept([said])) == [True]

    async def test_accept_is_all_or_nothing(self, user: StoreUser) -> None:
        good = user.said("hi")
        bad = TimerFired(id="x", conversation=conversation(), at=user.clock.now(), name="n", data={"no": object()})
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            await user.store.accept([good, bad])
        assert (await user.counts()).waiting == 0
        assert list(await user.store.accept([good])) == [True]

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
        assert await user.counts() == Stats(conversations=1, waiting=1, ready=1, turns=1)

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
        entries = [Entry(at=user.clock.now(), author="user", message=_full_message())]
        entries += [Entry(at=user.clock.now(), author="bot", message=Message(str(n)), name="Bot") for n in range(4)]
        await user.hears("a", "b", "c")
        await user.commits(await user.claims_one(), entries=entries[:2])
        await user.commits(await user.claims_one())
        await user.commits(await user.claims_one(), entries=entries[2:])
        await self.crash(user)
        assert list(await user.store.history(conversation(), 100)) == entries
        assert list(await user.store.history(conversation(), 2)) == entries[-2:]
        assert list(await user.store.history(conversation("bob"), 2)) == []

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
        assert await user.store.flush(lane, [user.send("k1")])
        assert keys(await user.takes()) == ["k1"]
        assert await user.store.flush(lane, [user.send("k1"), user.send("k2")])
        assert await user.commits(lane, sends=(user.send("k1"), user.send("k2"), user.send("k3")))
        await user.settles("k1")
        assert keys(await user.takes()) == ["k2"]
        assert (await user.counts()).sends == {"sent": 1, "in flight": 1, "waiting": 1}

    async def test_a_fenced_flush_writes_nothing(self, user: StoreUser) -> None:
        await user.hears("a")
        stale = await user.claims_one()
        user.clock.passes(seconds=LEASE)
        await user.claims_one()
        assert not await user.store.flush(stale, [user.send("k1")])
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
        done, failed, waits = (user.said(text, text, event_id="m") for text in ("done", "failed", "waits"))
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
        assert await user.store.purge(user.clock.now()) == 0
        assert await user.store.purge(user.clock.now() + timedelta(seconds=1)) == 2
        assert await user.store.purge(user.clock.now() + timedelta(seconds=1)) == 0
        assert list(await user.store.accept([done, failed, waits])) == [True, False, False]
        assert (await user.counts()).sends == {"held": 1, "failed": 1, "waiting": 1}
        assert len(await user.store.failed(10)) == 3

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
        assert await user.counts() == Stats(conversations=3, waiting=3, ready=1, claimed=1, turns=1)
        user.clock.passes(hours=1)
        assert await user.counts() == Stats(conversations=3, waiting=3, ready=3, claimed=0, turns=1)

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
