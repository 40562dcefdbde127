"""What a visitor says and is told, over a line."""

import json
from typing import Any

import pytest
from browsers import Closed, Line

from convokit import Button, ButtonPressed, Message, MessageReceived

pytestmark = pytest.mark.anyio

CID = "cid_0123456789ab{:04d}"


def cid(number: int) -> str:
    return CID.format(number)


async def said(line: Line, number: int, text: str) -> dict[str, Any]:
    """Say something; returns the ack."""
    await line.send("send", cid=cid(number), text=text)
    return await line.until("ack", "error")


async def test_hello_of_a_newcomer_is_welcomed_and_writes_no_conversation(open_shop: Any) -> None:
    async with open_shop(greeting="Hello there") as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            assert line.subprotocol == "convokit.v1"
            welcome = await line.hello(lang="de", tz="Europe/Berlin")
        assert welcome["conv"] is None
        assert welcome["mode"] == "bot"
        assert welcome["greeting"]["text"] == "Hello there"
        assert (await shop.engine.stats()).conversations == 0


async def test_what_is_said_is_acknowledged_after_it_is_kept_and_answered_in_order(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "hi")
            assert (ack["seq"], ack["cid"]) == (1, cid(1))
            await shop.engine.quiet()
            rest = [one for one in (await line.waiting()) if one["t"] == "entry"]
        assert [(one["seq"], one["text"], one["by"]["role"]) for one in rest[-1:]] == [(2, "You said: hi", "bot")]
        log = await shop.store.log(shop.conversation(ack["conv"]), public=True)
        assert [one.entry.message.text for one in log.entries] == ["hi", "You said: hi"]


async def test_a_repeat_of_a_cid_gets_the_same_ack_and_is_said_once(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            first = await said(line, 1, "hi")
            again = await said(line, 1, "hi")
        assert first == again
        await shop.engine.quiet()
        log = await shop.store.log(shop.conversation(first["conv"]))
        assert log.head == 2


async def test_a_page_that_comes_back_gets_what_it_missed(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "one")
            await shop.engine.quiet()
        async with page.open() as line:
            welcome = await line.hello(conv=ack["conv"], log=ack["log"], after=1)
            assert [one["seq"] for one in welcome["entries"]] == [2]
            assert (welcome["head"], welcome["from"], welcome["reset"], welcome["gap"]) == (2, 2, False, False)
        async with page.open() as line:
            assert (await line.hello(conv=ack["conv"], log="another", after=1))["reset"] is True
        async with page.open() as line:
            welcome = await line.hello(conv=None, log=None, after=2)
            assert (welcome["conv"], welcome["entries"], welcome["reset"]) == (ack["conv"], [], False)


async def test_a_page_that_missed_more_than_two_hundred_gets_the_last_fifty(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 0, "0")
        where = shop.conversation(ack["conv"])
        for number in range(120):
            await shop.engine.send(where, f"news {number}")
            await shop.engine.send(where, f"more news {number}")
        await shop.engine.quiet()
        async with page.open() as line:
            welcome = await line.hello(conv=ack["conv"], log=ack["log"], after=1)
            assert welcome["gap"] is True
            assert [one["seq"] for one in welcome["entries"]] == list(range(193, 243))
            await line.send("more", before=193, limit=50)
            older = await line.until("page")
            assert ([one["seq"] for one in older["entries"]], older["start"]) == (list(range(143, 193)), False)
            await line.send("more", before=3, limit=50)
            oldest = await line.until("page")
            assert ([one["seq"] for one in oldest["entries"]], oldest["start"]) == ([1, 2], True)
            await line.send("more", after=10, limit=2)
            assert [one["seq"] for one in (await line.until("page"))["entries"]] == [11, 12]


async def test_all_pages_of_a_visitor_hear_the_same_and_follow_a_conversation_that_one_of_them_began(
    open_shop: Any,
) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as one, page.open() as two:
            await one.hello()
            await two.hello()
            await one.send("send", cid=cid(1), text="hi")
            mine = await one.until("entry")
            theirs = await two.until("entry")
            assert mine == theirs
            assert (theirs["seq"], theirs["cid"], theirs["text"]) == (1, cid(1), "hi")
            await shop.engine.quiet()
            assert [(await line.until("entry"))["seq"] for line in (one, two)] == [2, 2]


async def test_a_button_presses_only_what_was_offered(open_shop: Any) -> None:
    async with open_shop(greeting=None) as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await said(line, 1, "menu")
            await shop.engine.quiet()
            offer = next(one for one in await line.waiting() if one.get("buttons"))
            assert [one["payload"] for one in offer["buttons"]] == ["size:s", "size:l"]
            choice = {"of": offer["id"], "value": "size:l", "label": "Large"}
            await line.send("send", cid=cid(2), choice=choice)
            await line.until("ack")
            await shop.engine.quiet()
            forged = {"of": offer["id"], "value": "size:refund", "label": "Refund"}
            await line.send("act", cid=cid(3), name="card", args=forged)
            await line.until("ack")
            await shop.engine.quiet()
            texts = [one.get("text") for one in (await line.waiting()) if one["t"] == "entry"]
        kinds = [type(one).__name__ for one in shop.heard]
        assert kinds == ["MessageReceived", "ButtonPressed", "MessageReceived"]
        assert texts[-1:] == ["You said: Refund"]


async def test_who_speaks_is_told_and_what_is_for_colleagues_is_not(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        seen: list[dict[str, Any]] = []
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "person please")
            where = shop.conversation(ack["conv"])
            await shop.engine.quiet()
            seen += await line.waiting()
            states = [one for one in seen if one["t"] == "state"]
            assert states[-1]["mode"] == "waiting"
            assert states[-1]["queue"] == {"place": 1}
            await shop.takes(where)
            await shop.answers(where, "How can I help?")
            seen += await line.waiting()
            assert [one["mode"] for one in seen if one["t"] == "state"][-1] == "person"
            assert [one["people"] for one in seen if one["t"] == "state"][-1] == [{"id": "o_grace", "name": "Grace"}]
            await shop.closes(where)
            seen += await line.waiting()
            assert [one["mode"] for one in seen if one["t"] == "state"][-1] == "closed"
            refused = await said(line, 2, "wait")
            assert (refused["t"], refused["code"], refused["re"]) == ("error", "closed", cid(2))
            again = await said(line, 1, "person please")
            assert (again["t"], again["seq"]) == ("ack", 1)
        events = [one["event"] for one in seen if one["t"] == "entry" and one["kind"] == "event"]
        assert events == ["waiting", "taken", "closed"]
        assert "secret" not in str(seen)
        numbers = [one["seq"] for one in seen if one["t"] == "entry"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_after_a_closed_conversation_a_new_one_begins(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "person please")
            where = shop.conversation(ack["conv"])
            await shop.engine.quiet()
            await line.send("act", cid=cid(2), name="new", args={})
            await line.until("ack")
            assert (await said(line, 3, "still here"))["conv"] == ack["conv"], "an open one is not left"
            await shop.takes(where)
            await shop.closes(where)
            await line.send("act", cid=cid(4), name="new", args={})
            welcome = await line.until("welcome")
            assert (welcome["conv"], welcome["reset"], welcome["mode"]) == (None, True, "bot")
            await line.until("ack")
            fresh = await said(line, 5, "hello again")
            assert fresh["conv"] != ack["conv"]
            assert fresh["seq"] == 1
        async with page.open() as line:
            assert (await line.hello(conv=ack["conv"]))["mode"] == "closed", "an earlier one can still be read"


async def test_a_visitor_may_go_back_to_the_bot_while_nobody_has_taken_the_conversation(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "person please")
            await shop.engine.quiet()
            await line.waiting()
            await line.send("act", cid=cid(2), name="bot")
            await line.until("ack")
            await shop.engine.quiet()
            assert [one["mode"] for one in (await line.waiting()) if one["t"] == "state"][-1] == "bot"
            await line.send("act", cid=cid(3), name="bot")
            assert (await line.until("error"))["code"] == "forbidden"
        assert (await shop.store.load(shop.conversation(ack["conv"]))).handoff is None


async def test_acts_come_to_the_bot_as_signals(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await line.send("act", cid=cid(9), name="end")
            assert (await line.until("error"))["code"] == "not_found"
            await line.send("act", cid=cid(1), name="person", args={})
            await line.until("ack")
            await line.send("act", cid=cid(2), name="rate", args={"score": 5, "comment": "fine"})
            await line.until("ack")
            await said(line, 3, "person please")
            await shop.engine.quiet()
            await line.send("act", cid=cid(4), name="end")
            ack = await line.until("ack")
            await shop.engine.quiet()
            assert [one["mode"] for one in (await line.waiting()) if one["t"] == "state"][-1:] in (["bot"], ["closed"])
            await line.send("act", cid=cid(5), name="dance")
            assert (await line.until("error"))["code"] == "unknown_type"
        signals = [(one.name, dict(one.data)) for one in shop.heard if type(one).__name__ == "SignalReceived"]
        assert signals == [("web.person", {}), ("web.rated", {"score": 5, "comment": "fine"}), ("web.ended", {})]
        assert (await shop.store.load(shop.conversation(ack["conv"]))).handoff is None


async def test_a_ref_opens_a_conversation_once(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            welcome = await line.hello(ref="spring-sale", source="poster", context={"page": "/pizza"})
            await shop.engine.quiet()
            assert welcome["conv"] is not None
            assert [one["text"] for one in (await line.waiting()) if one["t"] == "entry"] == ["Spring greetings"]
        async with page.open() as line:
            again = await line.hello(ref="spring-sale", conv=welcome["conv"], log=welcome["log"], after=1)
            assert again["conv"] == welcome["conv"]
            await shop.engine.quiet()
        (event,) = shop.heard
        assert (event.ref, event.source, event.context) == ("spring-sale", "poster", {"page": "/pizza"})


async def test_context_and_language_reach_the_events_and_cannot_claim_a_customer(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello(lang="ar", context={"cart": [1, 2], "customer": {"email": "boss@shop.example"}})
            await said(line, 1, "hi")
            await line.send("send", cid=cid(2), text="more", context={"page": "/cart"})
            await line.until("ack")
            await line.send("hello", v=1, conv=None, log=None, after=2, context={"big": "x" * 3000})
            await line.until("welcome")
            await said(line, 3, "big")
            await shop.engine.quiet()
        first, second, third = shop.heard
        assert first.context == {"cart": [1, 2]}
        assert first.user.locale == "ar"
        assert second.context == {"cart": [1, 2], "page": "/cart"}
        assert third.context == {}


async def test_what_is_typed_and_read_is_told_to_the_other_side(open_shop: Any) -> None:
    async with open_shop() as shop:
        hints: list[Any] = []
        shop.engine.watch(hints.append)
        page = shop.browser()
        await page.visit()
        async with page.open() as line, page.open() as other:
            await line.hello()
            await other.hello()
            ack = await said(line, 1, "hi")
            await shop.engine.quiet()
            await line.send("typing", on=True)
            await line.send("typing", on=True)
            await line.send("seen", seq=2)
            await line.send("seen", seq=1)
            await line.send("seen", seq=99)
            assert (await other.until("seen")) == {"t": "seen", "by": "me", "seq": 2}
            await line.send("ping", n=7)
            assert (await line.until("pong"))["n"] == 7
        typed = [one for one in hints if one.topic == "typing"]
        assert [one.data["by"] for one in typed] == ["user"]
        marks = [one.data for one in hints if one.topic == "marks"]
        assert marks == [{"by": "user", "seen": 2, "got": 2}]
        kept = await shop.store.kept("marks", f"web:{ack['conv']}")
        assert kept is not None
        assert b'"user":{"seen":2,"got":2}' in kept


async def test_an_operators_typing_and_reading_reach_the_page(open_shop: Any) -> None:
    from convokit.abc import Hint  # noqa: PLC0415  beside its only use

    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "hi")
            await shop.engine.quiet()
            where = shop.conversation(ack["conv"])
            shop.engine.publish(Hint(conversation=where, topic="typing", data={"by": "operator", "name": "Grace"}))
            assert (await line.until("typing")) == {
                "t": "typing",
                "by": {"role": "person", "name": "Grace"},
                "ttl": 6000,
            }
            shop.engine.publish(Hint(conversation=where, topic="marks", data={"by": "operator", "seen": 2, "got": 2}))
            assert (await line.until("seen")) == {"t": "seen", "by": "them", "seq": 2}
            await shop.chat.show_typing(where)
            assert (await line.until("typing"))["by"]["role"] == "bot"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"t": "send", "cid": "short", "text": "x"}, "bad_frame"),
        ({"t": "send", "text": "x"}, "bad_frame"),
        ({"t": "send", "cid": cid(1), "text": "x" * 8001}, "too_long"),
        ({"t": "send", "cid": cid(1), "text": "  \u0000 "}, "empty"),
        ({"t": "send", "cid": cid(1), "text": 5}, "bad_frame"),
        ({"t": "send", "cid": cid(1), "files": ["f_nobody"]}, "file_missing"),
        ({"t": "send", "cid": cid(1), "location": {"lat": 91, "lon": 0}}, "bad_frame"),
        ({"t": "act", "cid": cid(1), "name": ["x"]}, "bad_frame"),
        ({"t": "dance", "cid": cid(1)}, "unknown_type"),
    ],
)
async def test_a_frame_that_is_wrong_is_refused_with_its_reason(open_shop: Any, frame: Any, code: str) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await line.send(**frame)
            assert (await line.until("error"))["code"] == code
            assert (await said(line, 2, "and goes on"))["t"] == "ack"


async def test_a_place_is_shared(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await line.send("send", cid=cid(1), location={"lat": 31.95, "lon": 35.91, "title": "Amman"})
            await line.until("ack")
            await shop.engine.quiet()
        (event,) = shop.heard
        assert (event.latitude, event.longitude, event.title) == (31.95, 35.91, "Amman")


async def test_who_floods_is_slowed_then_sent_away_and_others_are_not(open_shop: Any) -> None:
    async with open_shop() as shop:
        page, calm = shop.browser(), shop.browser(address="198.51.100.1")
        await page.visit()
        await calm.visit()
        async with page.open() as line, calm.open() as other:
            await line.hello()
            await other.hello()
            for number in range(8):
                assert (await said(line, number, "x"))["t"] == "ack"
            refused = await said(line, 8, "x")
            assert (refused["code"], refused["retry"], refused["after_ms"]) == ("rate", "after", 2000)
            assert (await said(other, 1, "calm"))["t"] == "ack"
            await shop.passes(2)
            assert (await said(line, 8, "x"))["t"] == "ack"
            for number in range(9, 15):
                await line.send("send", cid=cid(number), text="x")
            assert (await line.closed()).code == 4429


async def test_the_server_says_goodbye_when_it_stops(open_shop: Any) -> None:
    from convokit.stores import Memory  # noqa: PLC0415  beside its only use

    store = Memory()
    async with open_shop(store=store) as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await said(line, 1, "hi")
            await shop.engine.quiet()
            await line.waiting()
            shop.chat._goodbye()
            goodbye = await line.next()
            assert goodbye["t"] == "goodbye"
            with pytest.raises(Closed) as end:
                await line.next()
            assert end.value.code == 1012
    async with open_shop(store=store, clock=shop.clock) as again:
        page.app = again.browser().app
        async with page.open() as line:
            welcome = await line.hello(conv=ack["conv"], log=ack["log"], after=1)
            assert [one["text"] for one in welcome["entries"]] == ["You said: hi"]
            assert welcome["reset"] is False
            assert (await said(line, 1, "hi")) == ack, "what was sent before the restart is known after it"


# ── the greeting, and where somebody writes from ────────────────────────────────────────────────────────────────────


async def test_a_choice_of_the_greeting_without_a_payload_of_its_own_is_said_as_its_label(open_shop: Any) -> None:
    greeting = Message("Hello", buttons=[Button("menu"), Button("A small one", "size:s")])
    async with open_shop(greeting=greeting) as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            for number, (value, label) in enumerate([("menu", "menu"), ("size:s", "A small one")]):
                await line.send("send", cid=cid(number), choice={"of": "greeting", "value": value, "label": label})
                await line.until("ack")
                await shop.engine.quiet()
            log = await shop.store.log(shop.heard[0].conversation, public=True)
    assert [type(one) for one in shop.heard] == [MessageReceived, ButtonPressed]
    assert [one.entry.message.text for one in log.entries] == ["menu", "What size?", "A small one", "size s"]


async def test_where_somebody_writes_from_is_kept_for_the_operators(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello(context={"title": "Oils", "customer": "not the page's to say"})
            ack = await said(line, 1, "hi")
        kept = await shop.store.kept("context", str(shop.conversation(ack["conv"])))
        assert json.loads(kept) == {"title": "Oils"}
        async with page.open() as line:
            await line.hello(context={"title": "Soaps"})
            await said(line, 2, "and these?")
        kept = await shop.store.kept("context", str(shop.conversation(ack["conv"])))
        assert json.loads(kept) == {"title": "Soaps"}
