"""The shop, called as its own pages call it."""

from pathlib import Path

import anyio
import pytest
from hosting import Page, hosted
from web_shop import app, bot

from convokit.testing import Simulation

SHOP = "https://www.shop.example"


async def test_a_visitor_is_answered_by_what_the_page_tells_of_the_cart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app, "https://api.shop.example") as browser:
        page = Page(browser, "/bot/web/", origin=SHOP)
        with anyio.fail_after(10):
            welcome = await page.opens(context={"cart": {"total": 61.5}})
            assert welcome["greeting"]["text"] == "Hello. What can we do for you?"
            assert welcome["greeting"]["choices"] == [{"label": "Track my order", "payload": "track"}]
            await page.says({"t": "send", "cid": "cid_0123456789ab", "text": "shipping"})
            assert await page.hears(2) == ["shipping", "Shipping is free for this cart."]


async def test_a_page_of_another_origin_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app, "https://api.shop.example") as browser:
        refused = await Page(browser, "/bot/web/", origin="https://evil.example").post("v1/visit", {})
        assert refused.status_code == 403


async def test_the_page_the_component_and_the_inbox_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app) as browser:
        for path in ("web/", "web/static/loader.js", "inbox/signin"):
            assert (await browser.get(f"/bot/{path}")).status_code == 200, path


async def test_a_link_with_a_ref_is_greeted_accordingly() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada", channel="web")
        (said,) = await ada.opens(ref="spring-sale")
        assert said.text.startswith("Welcome!")
        assert await ada.opens() == []


async def test_a_person_can_be_asked_for_and_a_rating_is_kept() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada", channel="web")
        await ada.opens()
        await world.engine.signal("web.rated", to=ada.conversation, data={"score": 5})
        await world.engine.signal("web.person", to=ada.conversation)
        await world.settles()
        assert ada.hears() == ["One moment, a colleague will join us."]
