"""The part of the proof of a store that is about personal data: `StoreContract` inherits it."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from convokit.abc import ERASE_KEEPS, Audited, Lane, Timer
from convokit.conversations import ConversationId, Entry, Handoff, Position
from convokit.events import MessageReceived, SignalReceived
from convokit.messages import Image, Message
from convokit.people import User

if TYPE_CHECKING:
    from convokit.testing.store_user import StoreUser

ROOM = ConversationId("test", "room")
FILE = "f_01JQ0000000000000000000000"


def _told(user: "StoreUser", by: str, text: str, event_id: str, *, room: bool = True) -> MessageReceived:
    """An event: `by` wrote `text` in the room, or in a conversation of their own."""
    return MessageReceived(
        id=event_id,
        conversation=ROOM if room else ConversationId("test", by),
        at=user.clock.now(),
        user=User(id=by, name=by.title()),
        text=text,
    )


async def _answered(user: "StoreUser", *, facts: str = "") -> None:
    """Handle every waiting event with an answer that repeats it, and a row of the outbox."""
    while lanes := await user.claims():
        for lane in lanes:
            one = lane.events[0]
            said = f"you said {one.event.text}"
            state = evolve(lane.conversation, user=one.event.user or lane.conversation.user, memory={"last": said})
            key = f"{lane.conversation.id}:{one.seq}:0"
            send = evolve(user.send(key, text=said), conversation=lane.conversation.id)
            entry = user.entry(f"b:{one.seq}:0", said)
            known = {f"test:{one.event.user.id}": {"likes": facts}} if facts and one.event.user else {}
            assert await user.commits(lane, state=state, sends=[send], entries=[entry], facts=known)


async def _in_room(user: "StoreUser") -> None:
    """Ada and Bob talk in the room, and the bot answers both."""
    events = [_told(user, "ada", "ada's 1", "r1"), _told(user, "bob", "bob's 1", "r2")]
    events += [_told(user, "ada", "ada's 2", "r3"), _told(user, "bob", "bob's 2", "r4")]
    await user.store.accept(events)
    await _answered(user, facts="tea")


class PersonalContract:
    """What every store promises about one person's data."""

    async def crash(self, user: "StoreUser") -> None:
        """End the run and begin a new one on what was kept."""
        raise NotImplementedError

    # ── export ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_export_holds_all_of_a_persons_own_conversation(self, user: "StoreUser") -> None:
        await user.hears("hello")
        await _answered(user, facts="tea")
        lane_user = User(id="ada")
        timer = Timer(conversation=ConversationId("test", "ada"), name="later", due=user.clock.now(), user=lane_user)
        handoff = Handoff(id="h", queue="", reason="", opened_at=user.clock.now(), closed_at=user.clock.now())
        await user.hears("again")
        lane = await user.claims_one()
        await user.commits(lane, timers=[timer], closed=[handoff])
        await user.hears("not yet handled")
        await user.hears("bob's secret", by="bob")

        found = await user.store.export("test:ada", by="maya")

        assert found.users == ("test:ada",)
        assert [(one.id, dict(one.facts)) for one in found.profiles] == [("test:ada", {"likes": "tea"})]
        (one,) = found.conversations
        assert one.alone
        assert one.conversation.id == ConversationId("test", "ada")
        assert [(entry.number, entry.entry.message.text) for entry in one.entries] == [
            (1, "hello"),
            (2, "you said hello"),
            (3, "again"),
            (4, "not yet handled"),
        ]
        assert [waits.event.text for waits in one.waiting] == ["not yet handled"]
        assert [send.send.message.text for send in one.sends] == ["you said hello"]
        assert [timer.name for timer in one.timers] == ["later"]
        assert [handoff.id for handoff in one.handoffs] == ["h"]
        assert "bob" not in str(found)

    async def test_an_export_of_a_room_holds_what_is_theirs_and_what_the_bot_answered_to_it(
        self, user: "StoreUser"
    ) -> None:
        await _in_room(user)

        (one,) = (await user.store.export("test:ada")).conversations

        assert not one.alone
        assert [entry.entry.message.text for entry in one.entries] == [
            "ada's 1",
            "ada's 2",
            "you said ada's 1",
            "you said ada's 2",
        ]
        assert [send.send.message.text for send in one.sends] == ["you said ada's 1", "you said ada's 2"]
        assert (one.conversation.user, dict(one.conversation.memory)) == (None, {})  # Bob spoke last

    async def test_nobody_has_no_data_and_a_person_is_named_by_channel_and_id(self, user: "StoreUser") -> None:
        found = await user.store.export("test:nobody")
        assert (found.profiles, found.conversations, found.shelf) == ((), (), ())
        for verb in (user.store.export, user.store.erase):
            with pytest.raises(ValueError, match="channel:user id"):
                await verb("nobody")

    # ── erase ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_erased_person_leaves_nothing_and_begins_anew(self, user: "StoreUser") -> None:
        await user.hears("my secret", "another")
        await _answered(user, facts="tea")
        await user.hears("waiting secret")
        before = await user.store.log(ConversationId("test", "ada"))

        erased = await user.store.erase("test:ada", by="maya")

        assert {kind: erased.counts[kind] for kind in ("conversations", "entries", "sends", "waiting", "profiles")} == {
            "conversations": 1,
            "entries": 5,
            "sends": 2,
            "waiting": 1,
            "profiles": 1,
        }
        assert await user.claims() == []
        assert await user.takes() == []
        assert await user.store.profile("test:ada") is None
        assert await user.remembers() == []
        state = await user.store.load(ConversationId("test", "ada"))
        assert state is None or (dict(state.memory), state.user) == ({}, None)
        after = await user.store.log(ConversationId("test", "ada"))
        assert (after.head, after.entries) == (0, ())
        assert after.id != before.id
        assert await user.store.accounts("e1") == []
        again = await user.store.export("test:ada")
        assert (again.conversations, again.profiles) == ((), ())

        await user.hears("hello, I am new")
        lane = await user.claims_one()
        assert (dict(lane.conversation.memory), lane.conversation.user, lane.profiles) == ({}, None, {})
        assert await user.commits(lane, entries=[user.entry("b", "welcome")])
        assert await user.logged() == [(1, 1, "u:e4"), (2, 2, "b")]
        assert await user.store.check() == []

    async def test_what_was_erased_is_not_taken_again_for_eight_days(self, user: "StoreUser") -> None:
        events = [user.said("said", event_id="m1"), user.opened(event_id="m2")]
        await user.store.accept(events)
        await _answered(user)
        await user.store.erase("test:ada")

        assert list(await user.store.accept(events)) == [False, False]
        user.clock.passes(days=7, hours=23)
        await user.store.purge(user.clock.now() - timedelta(days=8))
        assert list(await user.store.accept(events)) == [False, False]
        user.clock.passes(hours=2)
        await user.store.purge(user.clock.now() - timedelta(days=8))
        assert list(await user.store.accept(events)) == [True, True]

    async def test_a_turn_that_runs_during_the_erasure_writes_nothing_back(self, user: "StoreUser") -> None:
        await user.hears("secret")
        lane = await user.claims_one()
        await user.store.erase("test:ada")
        await user.hears("new")

        said = user.entry("b:1:0", "you said secret")
        assert not await user.store.flush(lane, 1, [user.send("test:ada:1:0")], [said])
        await user.store.remember(lane, 1, "charge", b"secret")
        assert not await user.commits(lane, facts={"test:ada": {"x": 1}}, sends=[user.send("test:ada:1:0")])
        await user.store.release(lane, error="secret", park=True)
        assert list(await user.store.failed(10)) == []
        assert await user.store.profile("test:ada") is None
        assert await user.remembers() == ["new"]
        user.clock.passes(seconds=60)
        lane = await user.claims_one()
        assert [one.event.text for one in lane.events] == ["new"]
        assert lane.attempts == 0
        assert await user.commits(lane)
        assert await user.takes() == []
        assert await user.store.check() == []

    async def test_a_person_in_a_room_leaves_blank_entries_and_the_others_theirs(self, user: "StoreUser") -> None:
        await _in_room(user)

        erased = await user.store.erase("test:ada")

        assert (erased.counts["entries"], erased.counts["sends"]) == (4, 2)
        log = await user.store.log(ROOM)
        assert (log.head, log.public_head) == (8, 8)
        assert [(one.number, one.public, one.entry.kind, one.entry.message.text) for one in log.entries] == [
            (1, 1, "erased", ""),
            (2, 2, "said", "bob's 1"),
            (3, 3, "erased", ""),
            (4, 4, "said", "bob's 2"),
            (5, 5, "erased", ""),
            (6, 6, "said", "you said bob's 1"),
            (7, 7, "erased", ""),
            (8, 8, "said", "you said bob's 2"),
        ]
        assert all(not one.entry.name and not one.entry.by for one in log.entries if one.entry.kind == "erased")
        remembered = await user.store.history(ROOM, 10)
        assert [one.message.text for one in remembered][::2] == ["bob's 1", "bob's 2"]
        assert len(remembered) == 4
        assert [send.message.text for send in await user.takes()] == ["you said bob's 1"]
        assert await user.store.profile("test:ada") is None
        assert await user.store.profile("test:bob") is not None
        assert list(await user.store.accept([_told(user, "ada", "ada's 1", "r1")])) == [False]
        assert (await user.store.export("test:ada")).conversations == ()
        assert await user.store.check() == []

    async def test_waiting_words_of_an_erased_person_are_passed_over_in_a_room(self, user: "StoreUser") -> None:
        told = [("ada", "a1"), ("bob", "b1"), ("ada", "a2"), ("bob", "b2")]
        await user.store.accept([_told(user, by, text, text) for by, text in told])
        running = await user.claims_one()

        await user.store.erase("test:ada")

        assert not await user.commits(running, entries=[user.entry("b:1:0", "you said a1")])
        user.clock.passes(seconds=60)
        heard: list[str] = []
        while lanes := await user.claims():
            (lane,) = lanes
            heard.append(lane.events[0].event.text)
            assert lane.events[0].event.user is None or lane.events[0].event.user.id == "bob"
            assert await user.commits(lane)
        assert heard == ["b1", "", "b2"]
        assert (await user.counts()).waiting == 0
        assert await user.store.check() == []

    async def test_a_room_forgets_where_an_erased_person_stood(self, user: "StoreUser") -> None:
        await _in_room(user)
        await user.store.accept([_told(user, "ada", "order", "r5")])
        lane = await user.claims_one()
        standing = [Position(dialog="d", version=1, state="s", user=one) for one in ("ada", "bob")]
        timers = [Timer(conversation=ROOM, name=one, due=user.clock.now(), user=User(id=one)) for one in ("ada", "bob")]
        state = evolve(lane.conversation, user=User(id="ada", name="Ada"), positions=tuple(standing))
        assert await user.commits(lane, state=state, timers=timers)

        await user.store.erase("test:ada")

        room = await user.store.load(ROOM)
        assert room is not None
        assert room.user is None
        assert [one.user for one in room.positions] == ["bob"]
        assert await user.store.positions() == {("d", 1, "s"): 1}
        assert await user.store.fire_due(10) == 1
        assert [lane.events[0].event.user for lane in await user.claims()] == [User(id="bob")]

    async def test_failed_events_and_sends_of_an_erased_person_are_gone(self, user: "StoreUser") -> None:
        await user.hears("poison")
        lane: Lane = await user.claims_one()
        await user.store.remember(lane, 1, "charge", b"1")
        await user.store.release(lane, error="boom: poison", park=True)
        await user.hears("fine")
        await _answered(user)
        await user.takes()
        await user.settles("test:ada:2:0", "failed", reason="no such chat")
        assert len(await user.store.failed(10)) == 2

        await user.store.erase("test:ada")

        assert list(await user.store.failed(10)) == []
        assert await user.store.replay(["event:test:ada:1", "send:test:ada:2:0"]) == 0
        assert (await user.counts()).sends == {}
        await user.settles("test:ada:2:0", "sent")
        assert (await user.counts()).sends == {}

    async def test_what_is_kept_about_a_person_goes_with_them(self, user: "StoreUser") -> None:
        await user.hears("hello")
        await _answered(user)
        keep = user.store.keep
        await keep("visitors", "test:hash", b'{"name": "Ada"}', about="test:ada")
        await keep("marks", "test:ada", b"{}", about="test:ada")
        await keep("visitors", "test:other", b"{}", about="test:bob")
        await keep("operators", "maya", b"{}")
        await keep("aliases", "test:ada test:v_1", b"test:v_1", about="test:ada")
        await keep("chats", "test:v_1", b"{}", about="test:v_1")
        await user.hears("before I signed in", by="v_1")

        found = await user.store.export("test:ada")
        assert found.users == ("test:ada", "test:v_1")
        assert [(one.shelf, one.key) for one in found.shelf] == [
            ("aliases", "test:ada test:v_1"),
            ("chats", "test:v_1"),
            ("marks", "test:ada"),
            ("visitors", "test:hash"),
        ]
        await user.store.erase("test:ada")

        assert list(await user.store.on_shelf("visitors")) == ["test:other"]
        assert list(await user.store.on_shelf("operators")) == ["maya"]
        for shelf in ("aliases", "chats", "marks"):
            assert await user.store.on_shelf(shelf) == {}
        assert await user.store.load(ConversationId("test", "v_1")) is not None  # its name, for eight days
        assert (await user.store.export("test:v_1")).conversations == ()

    async def test_files_that_were_shown_to_an_erased_person_are_named_and_no_longer_known(
        self, user: "StoreUser"
    ) -> None:
        await user.hears("hello")
        lane = await user.claims_one()
        picture = Entry(
            at=user.clock.now(), author="operator", message=Message(attachments=[Image(ref=FILE)]), key="o:1", by="maya"
        )
        await user.commits(lane, entries=[picture])
        own = FILE.replace("Q", "R")
        await user.store.keep("files", FILE, b"{}")
        await user.store.keep("file-cids", "hash", FILE.encode())
        await user.store.keep("files", own, b"{}", about="test:ada")

        assert (await user.store.export("test:ada")).files == (FILE, own)
        assert (await user.store.erase("test:ada", keeps=["files"], dry=True)).files == ()
        erased = await user.store.erase("test:ada")

        assert erased.files == (FILE, own)
        assert erased.counts["files"] == 2
        assert await user.store.on_shelf("files") == {}
        assert await user.store.on_shelf("file-cids") == {}

    async def test_kinds_that_the_law_keeps_are_spared(self, user: "StoreUser") -> None:
        await user.hears("my order")
        lane = await user.claims_one()
        handoff = Handoff(id="h", queue="", reason="", opened_at=user.clock.now(), closed_at=user.clock.now())
        await user.commits(lane, closed=[handoff], facts={"test:ada": {"likes": "tea"}}, sends=[user.send("k")])
        await user.hears("waits")

        erased = await user.store.erase("test:ada", keeps=list(ERASE_KEEPS))

        assert erased.kept == ERASE_KEEPS
        assert await user.remembers() == ["my order", "waits"]
        assert await user.store.profile("test:ada") is not None
        assert len(await user.store.closed_handoffs(user.clock.now())) == 1
        assert await user.claims() == []
        assert await user.takes() == []
        await user.hears("new")
        lane = await user.claims_one()
        assert await user.commits(lane)
        await user.store.erase("test:ada", keeps=["handoffs"])
        assert await user.remembers() == []
        assert len(await user.store.closed_handoffs(user.clock.now())) == 1
        with pytest.raises(ValueError, match="files, handoffs, log, profile"):
            await user.store.erase("test:ada", keeps=["everything"])

    async def test_a_dry_erasure_only_counts(self, user: "StoreUser") -> None:
        await _in_room(user)
        await user.hears("hello", by="ada")
        await _answered(user)

        told = await user.store.erase("test:ada", dry=True)
        assert list(await user.store.audited(10)) == []
        assert await user.remembers() == ["hello", "you said hello"]
        assert (await user.store.erase("test:ada")).counts == told.counts

    async def test_the_audit_trail_says_what_was_done_and_names_nobody(self, user: "StoreUser") -> None:
        await user.hears("hello")
        await user.store.export("test:ada", by="maya")
        user.clock.passes(hours=1)
        await user.store.erase("test:ada", by="root", keeps=["profile"])
        await user.store.erase("test:bob", by="root")

        lines = await user.store.audited(100)
        assert [(one.act, one.by) for one in lines] == [
            ("erase", "root"),
            ("erase", "root"),
            ("erase", "root"),
            ("export", "maya"),
        ]
        assert {(one.act_id, one.whose) for one in lines[1:3]} == {(lines[1].act_id, lines[3].whose)}
        assert lines[0].whose != lines[1].whose
        assert lines[2].counts == {"entries": 1, "waiting": 1}
        assert lines[2].kept == ("profile",)
        assert lines[3].counts == {"conversations": 1, "entries": 1}
        assert lines[2].at - lines[3].at == timedelta(hours=1)
        assert "test:ada" not in str(lines)
        of_ada: list[Audited] = list(await user.store.audited(2, user="test:ada"))
        assert of_ada == list(lines[1:3])

    async def test_a_name_of_which_nothing_is_left_is_forgotten(self, user: "StoreUser") -> None:
        await user.hears("hello")
        await user.hears("hello", by="bob")
        await _answered(user)
        await user.store.erase("test:ada")
        await user.hears("hello", by="cem")
        user.clock.passes(days=9)
        await user.store.purge(user.clock.now() - timedelta(days=8))

        assert await user.store.load(ConversationId("test", "ada")) is None
        assert await user.store.load(ConversationId("test", "bob")) is not None
        assert await user.store.check() == []

    # ── retention ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_old_entries_are_forgotten_and_the_others_keep_their_numbers(self, user: "StoreUser") -> None:
        for day in range(4):
            await user.store.accept([user.said(f"day {day}", event_id=f"d{day}")])
            await _answered(user)
            user.clock.passes(days=10)
        old = user.clock.now() - timedelta(days=25)

        assert await user.store.purge(user.clock.now() - timedelta(days=365), log=old) == 4

        assert await user.logged() == [(5, 3 + 2, "u:d2"), (6, 6, "b:3:0"), (7, 7, "u:d3"), (8, 8, "b:4:0")]
        assert await user.logged(after=5, limit=2) == [(6, 6, "b:3:0"), (7, 7, "u:d3")]
        assert await user.logged(before=6) == [(5, 5, "u:d2")]
        assert await user.logged(before=7, public=True) == [(5, 5, "u:d2"), (6, 6, "b:3:0")]
        assert await user.remembers() == ["day 2", "you said day 2", "day 3", "you said day 3"]
        assert await user.store.find(ConversationId("test", "ada"), "u:d1") is None
        found = await user.store.find(ConversationId("test", "ada"), "u:d3")
        assert found is not None
        assert found.number == 7
        await user.hears("today")
        assert (await user.logged(after=8))[0][:2] == (9, 9)
        assert (await user.store.stats()).oldest["log"] == user.clock.now() - timedelta(days=20)
        assert await user.store.check() == []
        await self.crash(user)
        assert [one[0] for one in await user.logged()] == [5, 6, 7, 8, 9]

    async def test_forgotten_entries_leave_the_ids_that_may_be_delivered_again(self, user: "StoreUser") -> None:
        late = evolve(user.said("late", event_id="m1"), at=user.clock.now() - timedelta(days=7))
        await user.store.accept([late])
        await _answered(user)
        user.clock.passes(days=2)
        assert await user.store.purge(user.clock.now() - timedelta(days=8), log=user.clock.now() - timedelta(days=8))
        assert list(await user.store.accept([late])) == [False]

    async def test_entries_of_events_that_wait_are_not_forgotten(self, user: "StoreUser") -> None:
        await user.hears("one", "two")
        lane = await user.claims_one()
        await user.commits(lane)
        user.clock.passes(days=400)
        assert await user.store.purge(user.clock.now() - timedelta(days=500), log=user.clock.now()) == 1
        assert await user.remembers() == ["two"]

    async def test_what_was_given_up_is_forgotten_with_time(self, user: "StoreUser") -> None:
        await user.hears("poison")
        await user.store.release(await user.claims_one(), error="boom", park=True)
        await user.writes(user.send("a"))
        await user.takes()
        await user.settles("a", "held")
        at = user.clock.now()
        user.clock.passes(days=30)
        long_ago = at - timedelta(days=1)
        assert (await user.store.stats()).oldest["failed"] == at
        assert await user.store.purge(long_ago, failed=at) == 0
        assert await user.store.purge(long_ago, failed=at + timedelta(seconds=1)) == 2
        assert list(await user.store.failed(10)) == []
        assert await user.store.check() == []

    async def test_idle_conversations_are_forgotten_as_a_whole(self, user: "StoreUser") -> None:
        await user.hears("hello", by="ada")
        await user.hears("hello", by="bob")
        await _answered(user, facts="tea")
        await _in_room(user)
        for name in ("ada", "bob"):
            await user.store.keep("marks", f"test:{name}", b"{}", about=f"test:{name}")
        while rows := await user.takes():
            for row in rows:
                await user.settles(row.key)
        user.clock.passes(days=100)
        await user.hears("still here", by="bob")
        await user.store.accept([SignalReceived(id="s", conversation=ROOM, at=user.clock.now(), name="on")])
        await _answered(user)
        before = user.clock.now() - timedelta(days=90)

        assert await user.store.purge(user.clock.now() - timedelta(days=365), conversations=before) == 1

        assert await user.store.load(ConversationId("test", "ada")) is None
        assert await user.logged() == []
        assert await user.store.profile("test:ada") is None  # in the room's state it is Bob who spoke last
        assert await user.store.profile("test:bob") is not None
        assert list(await user.store.on_shelf("marks")) == ["test:bob"]
        assert len(await user.store.history(ROOM, 100)) > 0
        assert await user.store.check() == []
        await user.hears("back again")
        assert [one[:2] for one in await user.logged()] == [(1, 1)]

    async def test_a_conversation_that_is_waited_for_is_not_idle(self, user: "StoreUser") -> None:
        for name in ("waits", "timer", "failed", "handed", "newest"):
            await user.hears("hello", by=name)
        lanes = {lane.conversation.id.id: lane for lane in await user.claims()}
        due = user.clock.now() + timedelta(days=365)
        await user.commits(
            lanes["timer"], timers=[Timer(conversation=lanes["timer"].conversation.id, name="birthday", due=due)]
        )
        await user.store.release(lanes["failed"], error="boom", park=True)
        lease = Handoff(id="h", queue="", reason="", opened_at=user.clock.now())
        await user.commits(lanes["handed"], state=evolve(lanes["handed"].conversation, handoff=lease))
        await user.commits(lanes["newest"])
        user.clock.passes(days=400)

        await user.store.purge(user.clock.now() - timedelta(days=500), conversations=user.clock.now())
        for name in ("waits", "timer", "failed", "handed"):
            assert await user.store.load(ConversationId("test", name)) is not None
