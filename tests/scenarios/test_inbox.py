"""The operators' inbox with a real bot: who has a conversation, who sees it, what time does to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from desk_world import JONAS, LEA, MAYA, Tab, World

from convokit import Bot, HandoffClosed, HandoffUnattended, MessageReceived, Turn
from convokit.abc import Hint
from convokit.conversations import ConversationId
from convokit.desks import Hours, Inbox, Operator, Queue
from convokit.desks.inbox.figures import figures
from convokit.people import User
from convokit.stores import Memory

pytestmark = pytest.mark.anyio

BILLING = Operator(id="bea", name="Bea", queues=["billing"])
GENERAL = Operator(id="gus", name="Gus", queues=[""])


async def take(tab: Tab, conversation: str) -> dict[str, Any]:
    return await tab.ask("take", conv=conversation, epoch=await tab.world.epoch(conversation))


async def test_a_customer_asks_an_operator_answers_and_gives_back() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        assert maya.standing("queue") == {conv}
        row = maya.row(conv)
        assert (row["name"], row["mode"], row["dir"], row["owner"]) == ("Ada", "waiting", "bot", None)
        opened = await maya.has(conv)
        assert [one.get("text") or one["event"] for one in opened["entries"]] == [
            "person",
            "One moment, please.",
            "waiting",
        ]
        assert opened["handoff"]["reason"] == "wants a person"
        taken = await take(maya, conv)
        assert taken["t"] == "ack"
        assert maya.standing("queue") == set()
        assert maya.standing("mine") == {conv}
        said = await maya.ask("send", conv=conv, epoch=taken["epoch"], text="Hello Ada")
        assert said["t"] == "ack"
        assert maya.newest("entry")["by"] == {"role": "person", "id": "maya", "name": "Maya"}
        assert maya.newest("entry")["cid"] == said["re"]
        await world.says("Ada", "thank you")
        assert maya.newest("entry")["text"] == "thank you"
        back = await maya.ask("return", conv=conv, epoch=taken["epoch"], note="all is well")
        assert back["t"] == "ack"
        assert maya.standing("mine") == set()
        assert maya.row(conv)["mode"] == "bot"
        await world.says("Ada", "hm")
        assert (await world.public(conv))[-1] == "You said: hm"
        assert maya.lseqs()


async def test_of_two_operators_who_take_at_once_one_has_it() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        for number in range(100):
            conv = await world.says(f"Ada{number}", "person")
            epoch = await world.epoch(conv)
            cids = {maya: world.new_cid(), jonas: world.new_cid()}
            maya.forget()
            jonas.forget()
            async with anyio.create_task_group() as tasks:
                for tab, cid in cids.items():
                    tasks.start_soon(tab.page.take, {"t": "take", "cid": cid, "conv": conv, "epoch": epoch})
            await world.settles()
            answers = {tab: next(one for one in tab.heard() if one.get("re") == cid) for tab, cid in cids.items()}
            won = [tab for tab, answer in answers.items() if answer["t"] == "ack"]
            assert len(won) == 1
            (lost,) = set(cids) - set(won)
            assert answers[lost]["code"] == "taken"
            assert answers[lost]["owner"]["id"] == won[0].page.operator.id
            assert answers[lost]["at"]
            assert (await world.kinds(conv)).count("taken") == 1
            await world.passes(seconds=2)  # they are held to five commands a second


async def test_who_has_lost_the_conversation_is_refused_and_nothing_of_it_is_in_the_log() -> None:
    async with World() as world:
        maya, lea = await world.sits(MAYA), await world.sits(LEA)
        await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        epoch = (await take(maya, conv))["epoch"]
        assert (await maya.has(conv))["owner"]["id"] == "maya"
        given = await lea.ask("assign", conv=conv, to={"operator": "jonas"}, reason="knows her", epoch=epoch)
        assert given["t"] == "ack"
        lease = maya.newest("lease")
        assert (lease["owner"]["id"], lease["why"], lease["epoch"]) == ("jonas", "transferred", epoch + 1)
        for stale in (epoch, epoch + 1):
            refused = await maya.ask("send", conv=conv, epoch=stale, text="MARKER")
            assert (refused["code"], refused["owner"]["id"]) == ("lease_lost", "jonas")
        assert "MARKER" not in str(await world.public(conv))
        for kind in ("close", "return"):
            refused = await maya.ask(kind, conv=conv, epoch=epoch + 1, outcome="x")
            assert refused["code"] == "lease_lost"
        assert (await maya.ask("offer", conv=conv, epoch=epoch + 1, to={"queue": ""}, note="n"))["code"] == "lease_lost"


async def test_a_late_word_of_the_bots_never_reaches_the_customer_after_a_take() -> None:
    waits: list[anyio.Event] = []

    def slow_bot(desk: Inbox) -> Bot:
        bot = Bot("shop", desk=desk)

        @bot.fallback
        async def slow(turn: Turn) -> None:
            waits.append(anyio.Event())
            await waits[-1].wait()
            turn.reply("LATE")

        return bot

    async with World(bot=slow_bot) as world:
        maya = await world.sits(MAYA)
        event = ConversationId("web", "c_ada")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(world.engine.accept, [_said(world, event)])
        while not waits:
            await anyio.lowlevel.checkpoint()
        cid = world.new_cid()
        await maya.page.take({"t": "take", "cid": cid, "conv": str(event), "epoch": 0})
        await world.settles()
        waits[0].set()
        await world.settles()
        assert next(one for one in maya.heard() if one.get("re") == cid)["t"] == "ack"
        assert "LATE" not in await world.public(str(event))
        assert maya.row(str(event))["mode"] == "person"


def _said(world: World, conversation: ConversationId) -> Any:
    return MessageReceived(
        id="m-slow", conversation=conversation, at=world.clock.now(), user=User(id="v_ada", name="Ada"), text="hi"
    )


async def test_who_is_gone_for_five_minutes_loses_the_conversation_to_its_old_place_in_the_queue() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        since = jonas.row(conv)["waiting_since"]
        taken = await take(maya, conv)
        await maya.ask("send", conv=conv, epoch=taken["epoch"], text="One moment")
        await world.passes(minutes=1)
        maya.leaves()
        await world.settles()
        await world.passes(seconds=91)
        assert {one["id"]: one["connected"] for one in jonas.newest("operators")["operators"]}["maya"] is False
        assert jonas.standing("queue") == set()
        await world.passes(minutes=4)
        assert jonas.standing("queue") == {conv}
        assert jonas.row(conv)["waiting_since"] == since
        assert (await world.kinds(conv))[-1] == "expired"


async def test_who_is_back_within_four_minutes_keeps_the_conversation() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        taken = await take(maya, conv)
        await maya.ask("send", conv=conv, epoch=taken["epoch"], text="One moment")
        maya.leaves()
        await world.passes(minutes=4)
        maya = await world.sits(MAYA)
        await world.passes(minutes=10)
        assert maya.standing("mine") == {conv}


async def test_an_operator_who_does_not_come_back_after_a_restart_loses_the_conversation() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        taken = await take(maya, conv)
        await maya.ask("send", conv=conv, epoch=taken["epoch"], text="One moment")
        maya.leaves()
        await world.restarts()
        jonas = await world.sits(JONAS)
        await world.passes(minutes=4)
        assert jonas.row(conv)["owner"]["id"] == "maya"
        await world.passes(minutes=2)
        assert jonas.standing("queue") == {conv}


async def test_an_operator_who_falls_silent_loses_it_to_the_queue_and_then_to_the_bot_which_says_so() -> None:
    desk = Inbox(silence=timedelta(minutes=10), patience=timedelta(minutes=30), saying_expired="Nobody came.")
    async with World(desk) as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        await take(maya, conv)
        assert (await maya.has(conv))["handoff"]["lease_until"]
        await world.passes(minutes=11)
        assert maya.standing("queue") == {conv}
        await world.passes(minutes=31)
        assert maya.standing("queue") == set()
        assert maya.row(conv)["mode"] == "bot"
        assert (await world.public(conv))[-1] == "Nobody came."


async def test_an_offer_is_accepted() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        epoch = (await take(maya, conv))["epoch"]
        made = await maya.ask("offer", conv=conv, epoch=epoch, to={"operator": "jonas"}, note="You know her")
        offer = jonas.newest("offer")
        assert (offer["id"], offer["name"], offer["from"]["name"], offer["note"]) == (
            made["id"],
            "Ada",
            "Maya",
            "You know her",
        )
        accepted = await jonas.ask("accept", conv=conv, offer=offer["id"])
        assert accepted["t"] == "ack"
        assert maya.newest("offered")["state"] == "accepted"
        assert jonas.standing("mine") == {conv}
        assert (await jonas.ask("accept", cid=accepted["re"], conv=conv, offer=offer["id"])) == accepted


async def test_an_offer_is_declined_or_runs_out_and_stays_with_its_giver() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        epoch = (await take(maya, conv))["epoch"]
        what = {"conv": conv, "epoch": epoch, "to": {"operator": "jonas"}, "note": "please"}
        first = await maya.ask("offer", **what)
        assert (await jonas.ask("decline", offer=first["id"]))["t"] == "ack"
        assert maya.newest("offered")["state"] == "declined"
        second = await maya.ask("offer", **what)
        await world.passes(seconds=61)
        assert maya.newest("offered") == {"t": "offered", "id": second["id"], "conv": conv, "state": "expired"}
        assert (await jonas.ask("accept", offer=second["id"], conv=conv))["code"] == "offer_gone"
        assert maya.standing("mine") == {conv}


async def test_nobody_who_is_not_there_or_has_no_room_is_offered_anything() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        epoch = (await take(maya, conv))["epoch"]

        async def offered(note: str = "n") -> Any:
            answer = await maya.ask("offer", conv=conv, epoch=epoch, to={"operator": "jonas"}, note=note)
            return answer.get("code")

        assert await offered(note="") == "empty"
        assert (await jonas.ask("status", status="away"))["t"] == "ack"
        assert await offered() == "not_present"
        await jonas.ask("status", status="available")
        jonas.leaves()
        await world.passes(seconds=91)
        assert await offered() == "not_present"
        nobody = await maya.ask("offer", conv=conv, epoch=epoch, to={"operator": "nobody"}, note="n")
        assert nobody["code"] == "not_present"


async def test_a_note_is_never_on_the_customers_side() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        await take(maya, conv)
        await jonas.has(conv)
        noted = await jonas.ask("note", conv=conv, text="MARKER she called twice", mentions=["maya"])
        assert noted["t"] == "ack"
        assert jonas.newest("entry")["kind"] == "note"
        assert maya.row(conv)["dir"] == "note"
        assert "MARKER" not in str(await world.public(conv))
        log = await world.store.log(ConversationId.parse(conv), limit=100)
        assert [one.public for one in log.entries if one.entry.kind == "note"] == [0]


async def test_a_note_of_a_transfer_is_for_colleagues_only() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        await maya.has(await world.says("Ada", "person"))
        conv = await world.says("Ada", "hm")
        taken = await take(maya, conv)
        moved = await maya.ask("offer", conv=conv, epoch=taken["epoch"], to={"queue": ""}, note="MARKER pays late")
        assert moved["t"] == "ack"
        assert maya.newest("entry")["event"] == "transferred"
        assert maya.newest("entry")["note"] == "MARKER pays late"


async def test_a_draft_belongs_to_the_conversation_and_is_there_on_another_device() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        ada, bob = await world.says("Ada", "person"), await world.says("Bob", "person")
        await maya.ask("draft", conv=ada, text="Dear Ada", mode="reply")
        await maya.ask("draft", conv=bob, text="he is angry", mode="note")
        phone = await world.sits(MAYA)
        assert (await phone.has(ada))["draft"] == {"text": "Dear Ada", "mode": "reply"}
        assert (await phone.has(bob))["draft"] == {"text": "he is angry", "mode": "note"}
        jonas = await world.sits(JONAS)
        assert (await jonas.has(ada))["draft"] is None
        await maya.ask("draft", conv=ada, text="", mode="reply")
        assert (await maya.has(ada))["draft"] is None
        await world.restarts()
        maya = await world.sits(MAYA)
        assert (await maya.has(bob))["draft"] == {"text": "he is angry", "mode": "note"}


async def test_only_a_persons_word_to_the_customer_stops_the_clock() -> None:
    async with World(Inbox(first_answer=timedelta(minutes=2), next_answer=timedelta(minutes=5))) as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        due = maya.row(conv)
        assert due["due"] == "first"
        taken = await take(maya, conv)
        await maya.ask("note", conv=conv, text="looking")
        assert (maya.row(conv)["due"], maya.row(conv)["due_at"]) == ("first", due["due_at"])
        await maya.ask("send", conv=conv, epoch=taken["epoch"], text="Hello")
        assert (maya.row(conv)["due"], maya.row(conv)["due_at"]) == (None, None)
        await world.passes(minutes=1)
        await world.says("Ada", "one")
        first = maya.row(conv)["due_at"]
        await world.passes(minutes=1)
        await world.says("Ada", "two")
        assert (maya.row(conv)["due"], maya.row(conv)["due_at"]) == ("next", first)
        assert maya.row(conv)["unread"] == 2


async def test_hours_without_operators_do_not_count_and_the_bot_learns_that_nobody_is_there() -> None:
    learnt: list[Any] = []

    def bot(desk: Inbox) -> Bot:
        made = Bot("shop", desk=desk)

        @made.text("person")
        async def person(turn: Turn) -> None:
            learnt.append(turn.attendance())
            turn.hand_off("wants a person")

        @made.on(HandoffUnattended)
        async def nobody(turn: Turn) -> None:
            event = turn.event
            assert isinstance(event, HandoffUnattended)
            learnt.append(event.opens_at)

        return made

    hours = Hours(zone="UTC", week={"mon-fri": "09:00-17:00"})
    desk = Inbox(queues=[Queue("", "Front desk", hours)], patience=None, silence=None)
    async with World(desk, bot=bot) as world:
        await world.passes(hours=9)  # it is Monday, 18:00
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        tomorrow = datetime(2026, 1, 6, 9, tzinfo=UTC)
        assert learnt[0].operators == 0
        assert learnt[0].opens_at == tomorrow
        assert learnt[1] == tomorrow
        assert maya.row(conv)["due_at"] == "2026-01-06T09:02:00.000Z"


async def test_nobody_at_the_desk_is_told_and_somebody_there_is_counted() -> None:
    async with World() as world:
        assert world.desk.attendance("").operators == 0
        maya = await world.sits(MAYA)
        assert world.desk.attendance("").operators == 1
        await world.says("Ada", "person")
        assert world.desk.attendance("").waiting == 1
        await maya.ask("status", status="busy")
        assert world.desk.attendance("").operators == 0
        await maya.ask("status", status="available")
        maya.leaves()
        await world.passes(seconds=89)
        assert world.desk.attendance("").operators == 1
        await world.passes(seconds=2)
        assert world.desk.attendance("").operators == 0


async def test_the_bot_gets_the_note_when_the_conversation_is_given_back() -> None:
    learnt: list[Any] = []

    def bot(desk: Inbox) -> Bot:
        made = Bot("shop", desk=desk)

        @made.text("person")
        async def person(turn: Turn) -> None:
            turn.hand_off("wants a person")

        @made.on(HandoffClosed)
        async def back(turn: Turn) -> None:
            event = turn.event
            assert isinstance(event, HandoffClosed)
            learnt.append((event.note, event.operator.id if event.operator else ""))

        return made

    async with World(bot=bot) as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        taken = await take(maya, conv)
        await maya.ask("return", conv=conv, epoch=taken["epoch"], note="she wants the red one")
        assert learnt == [("she wants the red one", "maya")]


async def test_a_conversation_is_closed_with_an_outcome_and_tags_and_opened_again() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        taken = await take(maya, conv)
        await maya.ask("send", conv=conv, epoch=taken["epoch"], text="Done")
        closed = await maya.ask(
            "close", conv=conv, epoch=taken["epoch"], outcome="solved", tags=["refund", "refund", " vip "]
        )
        assert closed["t"] == "ack"
        row = maya.row(conv)
        assert (row["mode"], row["tags"]) == ("closed", ["refund", "vip"])
        again = await maya.ask("send", conv=conv, epoch=taken["epoch"], text="too late")
        assert again["code"] in {"closed", "lease_lost"}
        reopened = await maya.ask("reopen", conv=conv, epoch=closed["epoch"])
        assert reopened["t"] == "ack"
        assert maya.row(conv)["mode"] == "person"


async def test_a_page_that_was_away_catches_up_with_its_lists_and_misses_no_colleagues_reply() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        opened = await jonas.has(conv)
        known, head = jonas.lseqs(), opened["head"]
        members = jonas.standing("all")
        jonas.leaves()
        taken = await take(maya, conv)
        for number in range(30):
            await world.says(f"Customer{number}", "hello")
        await maya.ask("send", conv=conv, epoch=taken["epoch"], text="A colleague's reply")
        jonas = await world.sits(JONAS, lists=known, convs={conv: {"log": opened["log"], "after": head}})
        lists = jonas.newest("welcome")["lists"]
        assert lists["all"]["snapshot"] is False
        changed = {one["conv"] for one in lists["all"]["rows"] if not one.get("gone")}
        assert len(members | changed) == 31
        assert {one["conv"]: one.get("gone") for one in lists["queue"]["rows"]} == {conv: True}
        assert [one["text"] for one in jonas.newest("opened")["entries"] if one["kind"] == "text"] == [
            "A colleague's reply"
        ]


async def test_a_page_of_another_run_or_far_behind_gets_its_lists_whole() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        await world.says("Ada", "person")
        known = maya.lseqs()
        for number in range(600):
            await world.says(f"Customer{number % 20}", f"hello {number}")
            maya.heard()
        far = await world.sits(MAYA, lists=known)
        assert far.newest("welcome")["lists"]["all"]["snapshot"] is True
        await world.restarts()
        other = await world.sits(MAYA, lists=far.lseqs())
        assert other.newest("welcome")["lists"]["all"]["snapshot"] is True
        assert len(other.newest("welcome")["lists"]["all"]["rows"]) == 21


async def test_what_queues_do_not_give_is_not_there() -> None:
    async with World() as world:
        bea, gus, maya = await world.sits(BILLING), await world.sits(GENERAL), await world.sits(MAYA)
        bill, general = await world.says("Ada", "bill"), await world.says("Bob", "person")
        talk = await world.says("Cem", "hello")
        assert (bea.standing("all"), bea.standing("queue")) == ({bill}, {bill})
        assert (gus.standing("all"), gus.standing("queue")) == ({general, talk}, {general})
        assert maya.standing("all") == {bill, general, talk}
        assert [one["id"] for one in bea.newest("queues")["queues"]] == ["billing"]
        gus.forget()
        await world.says("Ada", "my SECRET bill")
        assert "SECRET" not in str(gus.heard())
        epoch = await world.epoch(bill)
        for kind, fields in {
            "take": {"epoch": epoch},
            "send": {"epoch": epoch, "text": "x"},
            "note": {"text": "x"},
            "return": {"epoch": epoch},
            "close": {"epoch": epoch},
            "reopen": {"epoch": epoch},
            "offer": {"epoch": epoch, "to": {"queue": ""}, "note": "x"},
            "draft": {"text": "x"},
            "view": {"on": True},
            "typing": {"on": True},
            "seen": {"seq": 1},
        }.items():
            hidden = await gus.ask(kind, conv=bill, **fields)
            missing = await gus.ask(kind, conv="web:c_nobody", **fields)
            assert (hidden["t"], hidden["code"]) == ("error", "not_found"), kind
            assert {**hidden, "re": "", "conv": ""} == {**missing, "re": "", "conv": ""}
            await world.passes(seconds=2)
        await gus.say("open", conv=bill)
        await gus.say("more", conv=bill, before=10)
        assert gus.heard("opened") == []
        assert gus.heard("page") == []
        assert (await gus.ask("assign", conv=bill, to={"queue": ""}, reason="x", epoch=epoch))["code"] == "forbidden"
        world.engine.publish(
            Hint(conversation=ConversationId.parse(bill), topic="typing", data={"by": "user", "on": True})
        )
        assert gus.heard("typing") == []


async def test_a_queue_is_remembered_after_the_handoff_and_a_restart() -> None:
    async with World() as world:
        bea = await world.sits(BILLING)
        bill = await world.says("Ada", "bill")
        taken = await take(bea, bill)
        await bea.ask("return", conv=bill, epoch=taken["epoch"])
        await world.restarts()
        bea, gus = await world.sits(BILLING), await world.sits(GENERAL)
        assert bea.standing("all") == {bill}
        assert gus.standing("all") == set()


async def test_a_conversation_that_moves_to_another_queue_leaves_the_pages_that_may_not_see_it() -> None:
    async with World(Inbox(queues=["", "billing"])) as world:
        gus, lea = await world.sits(GENERAL), await world.sits(LEA)
        conv = await world.says("Ada", "person")
        await gus.has(conv)
        moved = await lea.ask(
            "assign", conv=conv, to={"queue": "billing"}, reason="a bill", epoch=await world.epoch(conv)
        )
        assert moved["t"] == "ack"
        assert gus.standing("all") == set()
        gus.forget()
        await world.says("Ada", "SECRET")
        assert "SECRET" not in str(gus.heard())


async def test_a_command_that_is_repeated_gets_the_same_answer_and_is_done_once() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        taken = await take(maya, conv)
        first = await maya.ask("send", conv=conv, epoch=taken["epoch"], text="once")
        again = await maya.ask("send", cid=first["re"], conv=conv, epoch=taken["epoch"], text="once")
        assert again == first
        await world.restarts()
        maya = await world.sits(MAYA)
        later = await maya.ask("send", cid=first["re"], conv=conv, epoch=taken["epoch"], text="once")
        assert {**later, "epoch": 0} == {**first, "epoch": 0}
        assert (await world.public(conv)).count("once") == 1


async def test_taking_what_is_ones_own_already_is_fine() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        await take(maya, conv)
        assert (await take(maya, conv))["t"] == "ack"


async def test_an_operator_steps_in_where_nobody_asked_for_one() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "hello")
        assert (await take(maya, conv))["t"] == "ack"
        await world.says("Ada", "oh")
        assert "You said: oh" not in await world.public(conv)


async def test_colleagues_see_who_looks_and_who_types_and_it_ends_by_itself() -> None:
    async with World() as world:
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        await jonas.has(conv)
        await maya.has(conv)
        await maya.ask("view", conv=conv, on=True)
        assert jonas.newest("here")["who"] == [{"id": "maya", "name": "Maya", "typing": False}]
        await maya.ask("typing", conv=conv, on=True, mode="note")
        assert jonas.newest("here")["who"] == [{"id": "maya", "name": "Maya", "typing": "note"}]
        await world.passes(seconds=7)
        assert jonas.newest("here")["who"] == [{"id": "maya", "name": "Maya", "typing": False}]
        maya.leaves()
        assert jonas.newest("here")["who"] == []
        await world.settles()
        assert jonas.row(conv)["here"] == []


async def test_typing_goes_both_ways_but_a_note_is_typed_in_silence() -> None:
    async with World() as world:
        heard: list[Hint] = []
        world.engine.watch(lambda hint: heard.append(hint) if hint.topic == "typing" else None)
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        await maya.has(conv)
        await take(maya, conv)
        await maya.ask("typing", conv=conv, on=True, mode="note")
        assert heard == []
        await maya.ask("typing", conv=conv, on=True, mode="reply")
        assert heard[-1].data == {"by": "operator", "name": "Maya", "on": True}
        data = {"by": "user", "name": "Ada", "on": True}
        world.engine.publish(Hint(conversation=ConversationId.parse(conv), topic="typing", data=data))
        assert maya.newest("typing") == {"t": "typing", "conv": conv, "by": "user", "name": "Ada", "ttl": 6000}


async def test_marks_go_both_ways_in_public_numbers() -> None:
    async with World() as world:
        heard: list[Hint] = []
        world.engine.watch(lambda hint: heard.append(hint) if hint.topic == "marks" else None)
        maya, jonas = await world.sits(MAYA), await world.sits(JONAS)
        conv = await world.says("Ada", "person")
        taken = await take(maya, conv)
        await maya.ask("note", conv=conv, text="a note, so that numbers differ")
        await world.says("Ada", "are you there?")
        assert maya.row(conv)["unread"] == 2
        head = (await maya.has(conv))["head"]
        await jonas.has(conv)
        await jonas.ask("seen", conv=conv, seq=head)
        assert maya.row(conv)["unread"] == 2
        assert heard == []
        await maya.ask("seen", conv=conv, seq=head)
        assert maya.row(conv)["unread"] == 0
        assert heard[-1].data == {"by": "operator", "seen": head - 1}
        key = ConversationId.parse(conv)
        world.engine.publish(Hint(conversation=key, topic="marks", data={"by": "user", "seen": head - 1}))
        await world.settles()
        assert maya.newest("seen") == {"t": "seen", "conv": conv, "by": "user", "seq": head}
        await world.restarts()
        maya = await world.sits(MAYA)
        assert maya.row(conv)["unread"] == 0
        assert taken


async def test_older_entries_come_by_the_page() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        for number in range(60):
            conv = await world.says("Ada", f"line {number}")
        opened = await maya.has(conv)
        assert (opened["head"], len(opened["entries"]), opened["entries"][0]["seq"]) == (120, 50, 71)
        await maya.say("more", conv=conv, before=71, limit=50)
        page = maya.newest("page")
        assert (page["entries"][0]["seq"], page["entries"][-1]["seq"], page["start"]) == (21, 70, False)
        await maya.say("more", conv=conv, before=21, limit=50)
        assert (maya.newest("page")["entries"][0]["seq"], maya.newest("page")["start"]) == (1, True)


async def test_an_inbox_starts_on_a_store_that_has_conversations_already() -> None:
    store = Memory()
    async with World(store=store) as world:
        waiting, talking = await world.says("Ada", "person"), await world.says("Bob", "hello")
    async with World(store=store) as world:
        maya = await world.sits(MAYA)
        assert maya.standing("queue") == {waiting}
        assert maya.standing("all") == {waiting, talking}
        assert maya.row(talking)["preview"] == "You said: hello"


# ── lists, presence, mentions ───────────────────────────────────────────────────────────────────────────────────────


async def test_of_many_changes_in_a_moment_the_lists_are_told_the_latest() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "hello")
        await world.passes(seconds=1)
        maya.forget()
        thread = world.floor.threads[ConversationId.parse(conv)]
        for name in ("a", "b", "c"):
            thread.tags = (name,)
            world.floor.show(thread)
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
        assert [one["tags"] for one in maya.heard("row")] == [["a"]]
        await world.clock.move_to(world.clock.now() + timedelta(milliseconds=250))
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert [one["tags"] for one in maya.heard("row")] == [["a"], ["c"]]
        world.floor.show(thread)
        await world.passes(seconds=1)
        assert len(maya.heard("row")) == 2, "a row that did not change was told again"


async def test_a_page_that_does_not_read_makes_its_lists_wait_and_is_not_sent_away() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "hello")
        for number in range(400):
            await world.accepts(_said_by(world, conv, f"line {number} {'x' * 200}"))
        assert maya.line.closed is None
        maya.heard()
        await world.settles()
        assert maya.row(conv)["preview"].startswith("You said: line 399")
        assert maya.lseqs()


def _said_by(world: World, conversation: str, text: str) -> MessageReceived:
    return MessageReceived(
        id=f"m-{text}",
        conversation=ConversationId.parse(conversation),
        at=world.clock.now(),
        user=User(id="v_ada", name="Ada"),
        text=text,
    )


async def test_rows_further_down_a_list_come_when_they_are_asked_for() -> None:
    async with World() as world:
        convs = [await world.says(f"Ada{number}", "person") for number in range(5)]
        maya = await world.sits(MAYA)
        await maya.say("rows", list="queue", after=convs[1], limit=2)
        rows = maya.newest("rows")
        assert ([one["conv"] for one in rows["rows"]], rows["total"], rows["end"]) == (convs[2:4], 5, False)
        await maya.say("rows", list="queue", after=convs[3])
        rows = maya.newest("rows")
        assert ([one["conv"] for one in rows["rows"]], rows["end"]) == (convs[4:], True)
        await maya.say("rows", list="theirs", after="")
        assert len(maya.heard("rows")) == 2


async def test_rows_tell_how_many_stand_in_their_list() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        first, second = await world.says("Ada", "person"), await world.says("Bob", "person")
        assert [one["total"] for one in maya.heard("row") if one["list"] == "queue"][-1] == 2
        await take(maya, first)
        assert maya.newest("gone")["total"] == 1
        assert second in maya.standing("queue")


async def test_whom_a_note_names_reads_it_in_the_row_and_in_the_entry_also_after_a_restart() -> None:
    async with World() as world:
        maya, jonas, bea = await world.sits(MAYA), await world.sits(JONAS), await world.sits(BILLING)
        conv = await world.says("Ada", "person")
        await maya.has(conv)
        said = await maya.ask("note", conv=conv, text="@Jonas look", mentions=["jonas", "bea", "nobody", 7, "jonas"])
        assert said["t"] == "ack"
        assert maya.newest("entry")["mentions"] == ["jonas"], "only who may see the conversation"
        assert jonas.row(conv)["mentions"] == ["jonas"]
        assert bea.row(conv) == {}
        await world.restarts()
        jonas = await world.sits(JONAS)
        assert jonas.row(conv)["mentions"] == ["jonas"]
        assert (await jonas.has(conv))["entries"][-1]["mentions"] == ["jonas"]
        await world.says("Ada", "hm")
        assert "mentions" not in jonas.row(conv)


async def test_a_channel_is_told_that_nobody_is_at_the_desk_and_when_somebody_is() -> None:
    told: list[tuple[str, Any]] = []
    async with World() as world:
        stop = world.engine.watch(lambda hint: _note_attendance(told, hint))
        conv = await world.says("Ada", "person")
        assert told == [(conv, 0)]
        maya = await world.sits(MAYA)
        assert told[1:] == [(conv, 1)]
        other = await world.says("Bob", "person")
        assert told[2:] == [], "somebody is there: nothing to tell"
        await maya.ask("status", status="away")
        assert sorted(told[2:]) == [(conv, 0), (other, 0)]
        stop()


def _note_attendance(told: list[tuple[str, Any]], hint: Hint) -> None:
    if hint.topic == "attendance":
        told.append((str(hint.conversation), hint.data["operators"]))


async def test_operators_see_since_when_a_customer_has_no_page_open() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        assert maya.row(conv)["gone_at"] is None
        for on in (False, True):
            data = {"by": "user", "on": on}
            world.engine.publish(Hint(conversation=ConversationId.parse(conv), topic="presence", data=data))
            await world.settles()
            assert (maya.row(conv)["gone_at"] is None) is on
            assert ((await maya.has(conv))["gone_at"] is None) is on


async def test_a_queue_tells_how_long_the_next_one_may_wait() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        for name, minutes in (("Ada", 2), ("Bob", 4), ("Cem", 20)):
            conv = await world.says(name, "person")
            await world.passes(minutes=minutes)
            await take(maya, conv)
        await world.says("Dan", "person")
        assert maya.newest("queues")["queues"][0]["wait_s"] == 240
        await world.restarts()
        again = await world.sits(MAYA)
        assert again.newest("welcome")["queues"][0]["wait_s"] == 240


async def test_figures_tell_how_fast_people_answered_and_how_conversations_ended() -> None:
    async with World(Inbox(waiting_target=3, patience=None, silence=None)) as world:
        lea, maya = await world.sits(LEA), await world.sits(MAYA)
        waits = [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330]
        for number, seconds in enumerate(waits):
            conv = await world.says(f"Ada{number}", "person")
            await world.passes(seconds=seconds)
            epoch = (await take(maya, conv))["epoch"]
            await maya.ask("send", conv=conv, epoch=epoch, text="Hello")
            await world.passes(seconds=5)
            await maya.ask("close", conv=conv, epoch=epoch, outcome="solved", tags=[])
        left = await world.says("Eve", "person")
        epoch = (await take(maya, left))["epoch"]
        await maya.ask("return", conv=left, epoch=epoch)
        await world.says("Fay", "hello")
        for window in ("day", "week"):
            found = await figures(world.floor, lea.page.operator, window)
            assert found["waiting"]["target"] == 3
            assert found["first_reply"]["count"] == 11
            assert (found["first_reply"]["p50"], found["first_reply"]["p90"]) == (180.0, 300.0)
            assert {one["id"]: one["closed"] for one in found["operators"]}["maya"] == 12
            assert found["outcomes"] == {"bot": 1, "person": 11, "left": 1}
            assert sum(one["n"] for one in found["arrivals"]) == 12
        await world.passes(hours=25)
        day = await figures(world.floor, lea.page.operator, "day")
        assert (day["first_reply"]["count"], day["outcomes"]) == (0, {"bot": 0, "person": 0, "left": 0})
        week = await figures(world.floor, lea.page.operator, "week")
        assert week["first_reply"]["count"] == 11
