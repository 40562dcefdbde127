"""What visitors upload, what the bot shows, and who may read it."""

from typing import Any

import pytest
from browsers import Browser

from convokit import Bot, Card, Message, Turn
from convokit.messages import Attachment, File, Image, Link, Location

pytestmark = pytest.mark.anyio

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc00000030101"
    "00c9fe92ef0000000049454e44ae426082"
)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def cid(number: int) -> str:
    return f"cid_0123456789{number:04d}"


async def upload(page: Browser, number: int, body: bytes, kind: str, name: str = "a.png") -> Any:
    headers = {"content-type": kind, "x-name": name, "x-convokit": "1"}
    return await page.request("PUT", f"v1/files/{cid(number)}", body, headers)


async def test_a_file_is_taken_in_said_and_shown(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        reply = await upload(page, 1, PNG, "image/png", "a%20pizza.png")
        assert reply.status == 201, reply.body
        kept = reply.json()
        assert (kept["name"], kept["w"], kept["h"]) == ("a pizza.png", 1, 1)
        assert (await upload(page, 1, PNG, "image/png")).json() == kept
        async with page.open() as line:
            await line.hello()
            await line.send("send", cid=cid(2), text="look", files=[kept["id"]])
            entry = await line.until("entry")
            await line.until("ack")
        (shown,) = entry["files"]
        assert (entry["text"], shown["id"], shown["kind"], shown["w"]) == ("look", kept["id"], "image", 1)
        got = await page.request("GET", shown["url"])
        assert (got.status, got.headers["content-type"]) == (200, "image/png")
        assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
        await shop.engine.quiet()
        (event,) = shop.heard
        assert (event.attachments[0].ref, event.text) == (kept["id"], "look")


async def test_a_file_of_somebody_else_cannot_be_said(open_shop: Any) -> None:
    async with open_shop() as shop:
        ada, eve = shop.browser(), shop.browser()
        await ada.visit()
        await eve.visit()
        kept = (await upload(ada, 1, PNG, "image/png")).json()
        async with eve.open() as line:
            await line.hello()
            await line.send("send", cid=cid(1), files=[kept["id"]])
            assert (await line.until("error"))["code"] == "file_missing"


async def test_what_is_not_taken_is_refused_with_its_figures(open_shop: Any) -> None:
    async with open_shop(file_bytes=1000, file_types=["image/png"]) as shop:
        page = shop.browser()
        assert (await upload(page, 1, PNG, "image/png")).status == 401
        await page.visit()
        big = await upload(page, 1, PNG + b"x" * 2000, "image/png")
        assert (big.status, big.json()) == (413, {"code": "too_big", "max": 1000})
        svg = await upload(page, 2, SVG, "image/svg+xml", "a.svg")
        assert (svg.status, svg.json()) == (415, {"code": "type", "allowed": ["image/png"]})
        for number in range(3, 6):
            await upload(page, number, PNG, "image/png")
        slowed = await upload(page, 6, PNG, "image/png")
        assert (slowed.status, slowed.json()["code"]) == (429, "rate")


def showing_bot(*attachments: Attachment) -> Bot:
    bot = Bot("shop")

    @bot.fallback
    async def show(turn: Turn) -> None:
        turn.reply(Message("Here", attachments=attachments, buttons=[Link("Shop", "https://shop.example/")]))

    return bot


async def test_bytes_that_the_bot_sends_are_given_out_by_a_signed_link(open_shop: Any) -> None:
    bot = showing_bot(
        Image(data=PNG, media_type="image/png", alt="A pizza"),
        File(data=SVG, media_type="image/svg+xml", name="x.svg"),
        Image("https://cdn.example/p.jpg", alt="A photo"),
    )
    async with open_shop(bot=bot) as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await line.send("send", cid=cid(1), text="hi")
            await shop.engine.quiet()
            files = [one for frame in await line.waiting() if frame["t"] == "entry" for one in frame.get("files", ())]
        by_name = {one["alt"] or one["name"]: one for one in files}
        assert by_name["A photo"]["url"] == "https://cdn.example/p.jpg"
        stranger = shop.browser(origin=None)
        picture = await stranger.request("GET", by_name["A pizza"]["url"])
        assert (picture.status, picture.body, picture.headers["content-type"]) == (200, PNG, "image/png")
        assert picture.headers["content-disposition"].startswith("inline")
        drawing = await stranger.request("GET", by_name["x.svg"]["url"])
        assert drawing.headers["content-type"] == "application/octet-stream"
        assert drawing.headers["content-disposition"].startswith("attachment")
        assert drawing.headers["x-content-type-options"] == "nosniff"
        url = by_name["A pizza"]["url"]
        for wrong in (url[:-1] + ("A" if url[-1] != "A" else "B"), url.replace("/0?", "/1?"), url.split("&")[0]):
            assert (await stranger.request("GET", wrong)).status == 404
        await shop.passes(601)
        assert (await stranger.request("GET", url)).status == 404


async def test_cards_and_places_are_shown(open_shop: Any) -> None:
    bot = Bot("shop")

    @bot.fallback
    async def show(turn: Turn) -> None:
        picture = Image(data=PNG, media_type="image/png")
        turn.reply(Message(cards=[Card(title="Pizza", subtitle="hot", image=picture, buttons=["Order"])]))
        turn.reply(Message(location=Location(31.95, 35.91, "Amman")))

    @bot.button("Order")
    async def order(turn: Turn) -> None:
        turn.reply("Ordered")

    async with open_shop(bot=bot) as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await line.send("send", cid=cid(1), text="hi")
            await shop.engine.quiet()
            entries = [one for one in await line.waiting() if one["t"] == "entry"]
            (card,) = entries[1]["cards"]
            assert (card["title"], card["subtitle"]) == ("Pizza", "hot")
            assert card["buttons"] == [{"label": "Order", "payload": "Order"}]
            assert (await page.request("GET", card["image"]["url"])).body == PNG
            assert entries[2]["location"] == {"lat": 31.95, "lon": 35.91, "title": "Amman"}
            choice = {"of": entries[1]["id"], "value": "Order", "label": "Order"}
            await line.send("send", cid=cid(2), choice=choice)
            await shop.engine.quiet()
            assert [one["text"] for one in await line.waiting() if one["t"] == "entry"][-1] == "Ordered"


async def test_the_pages_scripts_are_served_to_every_origin(open_shop: Any) -> None:
    async with open_shop() as shop:
        stranger = shop.browser(origin="https://any.example")
        got = await stranger.request("GET", "static/loader.js")
        assert got.status == 200
        assert got.headers["content-type"].startswith("text/javascript")
        assert got.headers["access-control-allow-origin"] == "*"
        assert (await stranger.request("GET", "static/../site.py")).status == 404
