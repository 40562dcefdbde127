"""A chat for those only whom the shop's own check knows."""

from pathlib import Path

import anyio
import pytest
from hosting import Page, hosted
from own_tokens import TOKENS, bot
from starlette.applications import Starlette
from starlette.routing import Mount

SHOP = "https://www.shop.example"
app = Starlette(routes=[Mount("/", bot.asgi())], lifespan=bot.lifespan)


async def test_whom_the_shop_knows_is_greeted_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app, SHOP) as browser:
        (token,) = TOKENS
        page = Page(browser, "/web/", origin=SHOP, customer=token)
        with anyio.fail_after(10):
            await page.opens()
            await page.says({"t": "send", "cid": "cid_0123456789ab", "text": "hi"})
            assert await page.hears(2) == ["hi", "Hello, Ada Lovelace."]


async def test_whom_it_does_not_know_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app, SHOP) as browser:
        for customer in ("", "made up"):
            refused = await Page(browser, "/web/", origin=SHOP, customer=customer).post("v1/visit", {})
            assert refused.status_code == 401
