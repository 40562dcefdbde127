"""What a visitor learns of the people at the desk, and they of the visitor."""

from datetime import timedelta
from typing import Any

import anyio
import pytest

from convokit.abc import Hint

pytestmark = pytest.mark.anyio

CID = "cid_0123456789ab{:04d}"


async def waits(shop: Any, line: Any, number: int = 1) -> Any:
    """Ask for a person; the conversation."""
    await line.send("send", cid=CID.format(number), text="person please")
    ack = await line.until("ack")
    await shop.engine.quiet()
    return shop.conversation(ack["conv"])


def attendance(conversation: Any, operators: int, opens_at: str | None = None) -> Hint:
    return Hint(conversation=conversation, topic="attendance", data={"operators": operators, "opens_at": opens_at})


async def test_who_waits_while_nobody_is_at_the_desk_is_told_and_when_somebody_is(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            conversation = await waits(shop, line)
            states = [one for one in await line.waiting() if one["t"] == "state"]
            assert (states[-1]["mode"], states[-1]["queue"]["place"]) == ("waiting", 1)
            shop.engine.publish(attendance(conversation, 0, "2030-01-01T08:00:00.000Z"))
            state = await line.until("state")
            assert (state["mode"], state["opens_at"]) == ("away", "2030-01-01T08:00:00.000Z")
        async with page.open() as line:
            assert (await line.hello())["mode"] == "away", "it is known also to a page that comes back"
            shop.engine.publish(attendance(conversation, 1))
            assert (await line.until("state"))["mode"] == "waiting"
            shop.engine.publish(attendance(conversation, 0))
            assert (await line.until("state"))["mode"] == "away"
            await shop.takes(conversation)
            assert (await line.until("state"))["mode"] == "person"


async def test_a_desk_that_was_empty_is_told_also_to_a_page_that_was_not_open(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            conversation = await waits(shop, line)
        shop.engine.publish(attendance(conversation, 0))
        async with page.open() as line:
            assert (await line.hello())["mode"] == "away"


async def test_watchers_are_told_when_the_first_page_opens_and_the_last_one_closes(open_shop: Any) -> None:
    told: list[bool] = []

    def note(hint: Hint) -> None:
        if hint.topic == "presence":
            told.append(bool(hint.data["on"]))

    async with open_shop() as shop:
        stop = shop.engine.watch(note)
        page = shop.browser()
        await page.visit()
        async with page.open() as one:
            await one.hello()
            await waits(shop, one)
            async with page.open() as two:
                await two.hello()
            await shop.engine.quiet()
            assert told == [True]
        await shop.engine.quiet()
        assert told == [True, False]
        stop()


async def test_how_fast_people_answered_of_late_is_told(open_shop: Any) -> None:
    async with open_shop() as shop:
        for number, seconds in enumerate((60, 120, 600)):
            page = shop.browser()
            await page.visit()
            async with page.open() as line:
                assert "reply_s" not in await line.hello() or number
                conversation = await waits(shop, line)
                await shop.passes(seconds)
                await shop.takes(conversation)
                await shop.answers(conversation, "Hello")
                await shop.closes(conversation)
        await shop.passes(61)
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            assert (await line.hello())["reply_s"] == 120
            await waits(shop, line)
            states = [one for one in await line.waiting() if one["t"] == "state"]
            assert states[-1]["queue"] == {"place": 1, "wait_s": 120}


async def test_earlier_conversations_are_listed_with_their_last_words_and_can_be_opened(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        names = []
        for number in range(2):
            async with page.open() as line:
                await line.hello()
                conversation = await waits(shop, line, number)
                names.append(conversation.id)
                await shop.takes(conversation)
                await shop.answers(conversation, f"Bye {number}")
                await shop.closes(conversation)
                await line.waiting()
                await line.send("act", cid=CID.format(50 + number), name="new", args={})
                await line.until("ack")
        async with page.open() as line:
            await line.hello()
            await line.send("earlier")
            earlier = await line.until("earlier")
            assert [(one["conv"], one["text"]) for one in earlier["conversations"]] == [
                (names[1], "Bye 1"),
                (names[0], "Bye 0"),
            ]
        async with page.open() as line:
            welcome = await line.hello(conv=names[0])
            assert (welcome["conv"], welcome["mode"]) == (names[0], "closed")
        other = shop.browser()
        await other.visit()
        async with other.open() as line:
            await line.hello()
            await line.send("earlier")
            assert (await line.until("earlier"))["conversations"] == []


async def test_files_that_are_too_old_are_forgotten_by_a_server_that_runs(open_shop: Any) -> None:
    async with open_shop(files_for=timedelta(days=2)) as shop:
        page = shop.browser()
        await page.visit()
        for number in range(2):
            headers = {"content-type": "text/plain", "x-name": "a.txt"}
            put = await page.request("PUT", f"v1/files/{CID.format(number)}", b"hello", headers)
            assert put.status in {200, 201}, put.body
            await shop.passes(86_400 * 1.5)
        with anyio.fail_after(5):  # they are removed in a thread
            while len(await shop.store.on_shelf("files")) != 1:
                await anyio.lowlevel.checkpoint()
