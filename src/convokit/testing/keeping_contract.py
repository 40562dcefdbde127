"""What a store promises of accounts, counts, checks and copies; `StoreContract` has these tests too."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from convokit.abc import Account, SendState, Store, Timer
from convokit.conversations import Conversation, ConversationId
from convokit.errors import StoreUnavailable

if TYPE_CHECKING:
    from convokit.testing.store_user import StoreUser

ADA = ConversationId("test", "ada")


class KeepingContract:
    """The part of the contract that is about looking back and keeping safe; part of `StoreContract`."""

    async def crash(self, user: "StoreUser") -> None:
        """End the run and begin a new one on what was kept."""
        raise NotImplementedError

    def opened_copy(self, store: Store, path: Path) -> Store | None:
        """A store on the copy that `store.backup(path)` has written, not open; None: this store has no backups."""
        del store, path
        return None

    # ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_account_tells_the_event_its_turn_and_the_states_around_it(self, user: "StoreUser") -> None:
        first, second = user.said("a", event_id="m1"), user.said("b", event_id="m2")
        began = user.clock.now()
        await user.store.accept([first, second])
        user.clock.passes(seconds=2)
        lane = await user.claims_one()
        state = evolve(lane.conversation, memory={"size": "large"})
        assert await user.commits(lane, state=state, outcome="handled", handler="order", took=0.25)
        (account,) = await user.store.accounts("m1")
        assert account == Account(
            event=first,
            seq=1,
            state="handled",
            accepted_at=began,
            ended_at=began + timedelta(seconds=2),
            outcome="handled",
            handler="order",
            attempts=1,
            took=0.25,
            before=Conversation(id=ADA),
            after=evolve(state, version=1),
        )
        assert await user.commits(await user.claims_one())
        (account,) = await user.store.accounts("m2")
        assert account.before == evolve(state, version=1)
        assert account.after == evolve(state, version=2)

    async def test_an_account_is_there_after_a_crash(self, user: "StoreUser") -> None:
        await user.store.accept([user.said("a", event_id="m1"), user.said("b", event_id="m2")])
        assert await user.commits(await user.claims_one())
        await self.crash(user)
        assert await user.commits(await user.claims_one())
        ((first,), (second,)) = await user.store.accounts("m1"), await user.store.accounts("m2")
        assert second.before == first.after

    async def test_an_account_tells_what_became_of_each_message(self, user: "StoreUser") -> None:
        await user.store.accept([user.said("a", event_id="m1"), user.said("b", event_id="m2")])
        written = user.clock.now()
        sends = tuple(user.send(f"{ADA}:1:{n}", text=f"line {n}") for n in range(3))
        assert await user.commits(await user.claims_one(), sends=sends)
        assert await user.commits(await user.claims_one(), sends=(user.send(f"{ADA}:2:0"),))
        user.clock.passes(seconds=1)
        (taken,) = await user.takes()
        await user.settles(taken.key, platform_id="p-1")
        (taken,) = await user.takes()
        await user.settles(taken.key, "failed", reason="blocked")
        (account,) = await user.store.accounts("m1")
        sent, failed, waiting = account.sends
        assert (sent.send.key, sent.state, sent.platform_id) == (f"{ADA}:1:0", "sent", "p-1")
        assert (sent.send.attempts, sent.written_at, sent.finished_at) == (1, written, written + timedelta(seconds=1))
        assert (failed.state, failed.reason) == ("failed", "blocked")
        assert (waiting.state, waiting.finished_at, waiting.send.message.text) == ("waiting", None, "line 2")

    async def test_rows_of_a_conversation_whose_id_goes_on_with_a_place_are_not_taken_for_its_own(
        self, user: "StoreUser"
    ) -> None:
        await user.store.accept([user.said("a", event_id="m1"), user.said("b", "ada:1", event_id="m2")])
        for lane in await user.claims():
            place = lane.conversation.id
            assert await user.commits(lane, sends=(user.send(f"{place}:1:0", place.id),))
        (account,) = await user.store.accounts("m1")
        assert [one.send.key for one in account.sends] == ["test:ada:1:0"]

    async def test_what_waits_has_an_account_with_the_error_of_its_last_try(self, user: "StoreUser") -> None:
        await user.store.accept([user.said("a", event_id="m1"), user.said("b", event_id="m2")])
        lane = await user.claims_one()
        await user.store.flush(lane, 1, [user.send(f"{ADA}:1:0")])
        await user.store.release(lane, error="ValueError: boom")
        (first,) = await user.store.accounts("m1")
        assert (first.state, first.seq, first.attempts, first.error) == ("waiting", 1, 1, "ValueError: boom")
        assert (first.ended_at, first.outcome, first.before, first.after) == (None, "", Conversation(id=ADA), None)
        assert [one.send.key for one in first.sends] == [f"{ADA}:1:0"]
        (second,) = await user.store.accounts("m2")
        assert (second.state, second.seq, second.attempts, second.error, second.before) == ("waiting", 2, 0, "", None)
        assert await user.commits(await user.claims_one())
        (first,) = await user.store.accounts("m1")
        assert (first.state, first.attempts, first.error) == ("handled", 2, "ValueError: boom")
        assert await user.commits(await user.claims_one())
        (second,) = await user.store.accounts("m2")
        assert (second.attempts, second.error) == (1, "")

    async def test_what_was_given_up_and_put_back_has_an_account_for_each_place(self, user: "StoreUser") -> None:
        await user.store.accept([user.said("a", event_id="m1"), user.said("b", event_id="m2")])
        assert await user.commits(await user.claims_one(), outcome="failed", error="told to give up")
        await user.store.release(await user.claims_one(), error="ValueError: boom", park=True)
        assert await user.store.replay([f"event:{ADA}:1", f"event:{ADA}:2"]) == 2
        assert await user.commits(await user.claims_one())
        failed, handled = await user.store.accounts("m1")
        assert (failed.seq, failed.state, failed.outcome) == (1, "failed", "failed")
        assert (failed.error, failed.attempts, handled.seq, handled.state) == ("told to give up", 1, 3, "handled")
        assert handled.before == failed.after
        failed, waits = await user.store.accounts("m2")
        assert (failed.seq, failed.state, failed.error, failed.attempts) == (2, "failed", "ValueError: boom", 1)
        assert failed.before == failed.after
        assert failed.after is not None
        assert failed.after.version == 1
        assert (waits.seq, waits.state, waits.attempts, waits.error) == (4, "waiting", 0, "")

    async def test_accounts_of_one_conversation_or_of_all_with_the_id(self, user: "StoreUser") -> None:
        await user.store.accept([user.said("a", event_id="m1")])
        user.clock.passes(seconds=1)
        await user.store.accept([user.opened("bob", event_id="m1"), user.said("c", "cem", event_id="m1x")])
        for lane in await user.claims():
            assert await user.commits(lane)
        assert [one.event.conversation.id for one in await user.store.accounts("m1")] == ["ada", "bob"]
        there = await user.store.accounts("m1", conversation=ConversationId("test", "bob"))
        assert [one.event.conversation.id for one in there] == ["bob"]
        assert list(await user.store.accounts("m1", conversation=ConversationId("test", "nobody"))) == []
        assert list(await user.store.accounts("m2")) == []
        assert list(await user.store.accounts('m1" OR "')) == []

    async def test_a_fired_timer_has_an_account(self, user: "StoreUser") -> None:
        await user.hears("remind me")
        timer = Timer(conversation=ADA, name="n", due=user.clock.now())
        assert await user.commits(await user.claims_one(), timers=(timer,))
        await user.store.fire_due(10)
        lane = await user.claims_one()
        assert await user.commits(lane)
        (account,) = await user.store.accounts(lane.events[0].event.id)
        assert account.state == "handled"

    async def test_a_fenced_turn_leaves_no_account(self, user: "StoreUser") -> None:
        await user.store.accept([user.said("a", event_id="m1")])
        lane = await user.claims_one()
        assert not await user.commits(lane, seq=2)
        assert not await user.commits(evolve(lane, conversation=evolve(lane.conversation, version=3)))
        user.clock.passes(seconds=31)
        again = await user.claims_one()
        assert not await user.commits(lane, outcome="late")
        assert await user.commits(again)
        assert [one.outcome for one in await user.store.accounts("m1")] == ["handled"]

    async def test_accounts_are_forgotten_when_they_are_old_and_what_comes_after_stays(self, user: "StoreUser") -> None:
        for number in range(3):
            await user.store.accept([user.said("a", event_id=f"m{number}")])
            assert await user.commits(await user.claims_one())
            user.clock.passes(hours=1)
        before = user.clock.now() - timedelta(hours=1, minutes=30)
        assert await user.store.purge(before) == 0
        assert await user.store.purge(before - timedelta(days=1), accounts=before) == 2
        assert [len(await user.store.accounts(f"m{number}")) for number in range(3)] == [0, 0, 1]
        (account,) = await user.store.accounts("m2")
        assert account.before is None
        assert account.after is not None
        assert list(await user.store.check()) == []

    async def test_where_no_accounts_are_kept_only_what_waits_or_was_given_up_has_one(self, user: "StoreUser") -> None:
        user.store.keeps_accounts = False
        await user.store.accept([user.said(text, event_id=text) for text in ("a", "b", "c")])
        assert await user.commits(await user.claims_one())
        await user.store.release(await user.claims_one(), error="boom", park=True)
        assert list(await user.store.accounts("a")) == []
        (failed,), (waits,) = await user.store.accounts("b"), await user.store.accounts("c")
        assert (failed.state, failed.error, failed.attempts, waits.state) == ("failed", "boom", 1, "waiting")
        user.store.keeps_accounts = True
        assert await user.commits(await user.claims_one())
        (account,) = await user.store.accounts("c")
        assert account.before is None

    # ── counts ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_waits_longest_is_told(self, user: "StoreUser") -> None:
        await user.hears("a", by="ada")
        first = user.clock.now()
        user.clock.passes(seconds=5)
        await user.hears("b", "c", by="bob")
        assert (await user.store.stats()).oldest_waiting == first
        lanes = {lane.conversation.id.id: lane for lane in await user.claims()}
        assert await user.commits(lanes["ada"])
        assert (await user.store.stats()).oldest_waiting == first + timedelta(seconds=5)
        assert await user.commits(lanes["bob"])
        assert (await user.store.stats()).oldest_waiting == first + timedelta(seconds=5)

    async def test_what_was_ever_accepted_and_handled_is_counted_over_crashes_and_purges(
        self, user: "StoreUser"
    ) -> None:
        await user.hears("a", "b")
        assert list(await user.store.accept([user.said("again", event_id="e1")])) == [False]
        emitted = user.said("c", "bob", event_id="emitted")
        assert await user.commits(await user.claims_one(), emits=(emitted,))
        await self.crash(user)
        user.clock.passes(days=9)
        await user.store.purge(user.clock.now(), accounts=user.clock.now())
        stats = await user.store.stats()
        assert (stats.accepted, stats.turns, stats.waiting) == (3, 1, 2)

    async def test_sends_are_counted_by_state(self, user: "StoreUser") -> None:
        states = ("sent", "failed", "held", "withdrawn", "in flight", "waiting")
        names = dict(zip(states, ("ada", "bob", "cem", "dan", "eve", "fay"), strict=True))
        for name in names.values():
            await user.writes(user.send(f"x:{name}", name))
        outcomes: dict[str, SendState] = {"ada": "sent", "bob": "failed", "cem": "held", "dan": "retry"}
        for send in await user.takes(5):
            if send.conversation.id in outcomes:
                await user.settles(send.key, outcomes[send.conversation.id])
        await user.hears("a person, please", by="dan")
        assert await user.commits(await user.claims_one(), withdraw=True)
        assert dict((await user.store.stats()).sends) == dict.fromkeys(names, 1)
        assert (await user.store.stats()).sends_ready == 1

    # ── check and backup ────────────────────────────────────────────────────────────────────────────────────────────

    async def test_nothing_is_wrong_with_a_store_that_has_seen_everything(self, user: "StoreUser") -> None:
        assert list(await user.store.check()) == []
        await _much_happens(user)
        assert list(await user.store.check()) == []
        await self.crash(user)
        assert list(await user.store.check()) == []

    async def test_a_backup_is_a_store_with_everything_or_says_that_there_is_none(
        self, user: "StoreUser", tmp_path: Path
    ) -> None:
        await _much_happens(user)
        path = tmp_path / "copies" / "copy.db"
        path.parent.mkdir()
        copy = self.opened_copy(user.store, path)
        if copy is None:
            with pytest.raises(StoreUnavailable, match="no backups"):
                await user.store.backup(path)
            assert list(path.parent.iterdir()) == []
            return
        await user.store.backup(path)
        expected = await user.store.stats()
        await user.hears("after the copy")
        assert list(await copy.check()) == []
        await copy.open(user.clock, claims=False)
        try:
            found = await copy.stats()
            assert evolve(found, claimed=0, ready=0) == evolve(expected, claimed=0, ready=0)
            assert await copy.load(ADA) == await user.store.load(ADA)
            log = await user.store.log(ADA)
            assert (await copy.log(ADA)).entries == log.entries[:-1]
        finally:
            await copy.close()
        with pytest.raises(StoreUnavailable, match="already"):
            await user.store.backup(path)


async def _much_happens(user: "StoreUser") -> None:
    """Something of every kind."""
    await user.hears("a", "b", "c")
    await user.writes(user.send(f"{ADA}:9:0"), user.send(f"{ADA}:9:1"))
    await user.hears("d", "e", by="bob")
    await user.store.accept([user.opened("cem")])
    (taken,) = await user.takes()
    await user.settles(taken.key, platform_id="p")
    lanes = {lane.conversation.id.id: lane for lane in await user.claims()}
    await user.store.remember(lanes["bob"], 1, "charge", b"1")
    await user.store.release(lanes["bob"], error="boom", park=True)
    timer = Timer(conversation=ADA, name="n", due=user.clock.now() + timedelta(hours=1))
    assert await user.commits(
        lanes["ada"], timers=(timer,), facts={"test:ada": {"a": 1}}, entries=(user.entry("o:1", private=True),)
    )
    await user.store.keep("notes", "a", b"b")
