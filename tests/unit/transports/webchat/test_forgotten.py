"""What pages show of a log whose beginning is forgotten, and of a visitor who was erased."""

from datetime import timedelta
from typing import Any

import pytest
from browsers import Closed, Line

pytestmark = pytest.mark.anyio


async def say(shop: Any, line: Line, number: int) -> dict[str, Any]:
    await line.send("send", cid=f"cid_{number:016d}", text=f"m{number}")
    ack = await line.until("ack")
    await shop.engine.quiet()
    await line.waiting()
    return ack


async def test_a_page_that_comes_back_shows_what_is_left(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            acks = [await say(shop, line, number) for number in (1, 2)]
            await shop.passes(10 * 86_400)
            acks.append(await say(shop, line, 3))
        conv, log = acks[0]["conv"], acks[0]["log"]
        await shop.passes(86_400)
        await page.visit()
        before = shop.clock.now() - timedelta(days=8)
        assert await shop.store.purge(before, log=before) == 4

        async with page.open() as line:
            welcome = await line.hello(conv=conv, log=log, after=1)
            assert (welcome["head"], welcome["from"], welcome["gap"], welcome["reset"]) == (6, 5, True, False)
            assert [one["text"] for one in welcome["entries"]] == ["m3", "You said: m3"]
            await line.send("more", before=5, limit=50)
            assert (await line.until("page"))["start"] is True
        async with page.open() as line:
            welcome = await line.hello(conv=conv, log=log, after=5)
            assert (welcome["from"], welcome["gap"]) == (6, False)

        await shop.passes(20 * 86_400)
        await page.visit()
        await shop.store.purge(before, log=shop.clock.now())
        async with page.open() as line:
            welcome = await line.hello(conv=conv, log=log, after=2)
            assert (welcome["head"], welcome["from"], welcome["gap"], welcome["entries"]) == (6, 7, True, [])
            assert (await say(shop, line, 4))["seq"] == 7


async def test_the_open_page_of_an_erased_visitor_starts_over(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            ack = await say(shop, line, 1)
            conversation = await shop.store.load(shop.conversation(ack["conv"]))
            erased = await shop.store.erase(f"web:{conversation.user.id}")
            assert erased.counts["entries"] == 2
            assert await shop.store.on_shelf("visitors") == {}
            assert await shop.store.on_shelf("chats") == {}
            await line.send("send", cid=f"cid_{2:016d}", text="m2")
            with pytest.raises(Closed, match="1012 renumbered"):
                await line.until("ack")
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            with pytest.raises(Closed, match="4404 no such conversation"):
                await line.hello(conv=ack["conv"], log=ack["log"], after=2)
        async with page.open() as line:
            welcome = await line.hello()
            assert (welcome["conv"], welcome["entries"]) == (None, [])
            assert (await say(shop, line, 2))["seq"] == 1
