"""Customers who are signed in, and those who are not."""

from pathlib import Path

import anyio
import pytest
from hosting import Page, hosted
from members_shop import CUSTOMERS, app

SHOP = "https://www.shop.example"
MINE = "cid_0123456789ab"


async def answer(page: Page) -> str:
    """What the bot says to "my orders"."""
    with anyio.fail_after(10):
        await page.opens()
        await page.says({"t": "send", "cid": MINE, "text": "my orders"})
        return (await page.hears(2))[1]


async def test_a_customer_with_the_shops_token_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app, SHOP) as browser:
        (session,) = CUSTOMERS
        token = (await browser.get("/chat-token", headers={"cookie": f"session={session}"})).json()["token"]
        said = await answer(Page(browser, "/web/", origin=SHOP, customer=token))
        assert said == "Customer c-1042: two orders are on their way. We write to ada@example.org when they arrive."


async def test_somebody_else_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with hosted(app, SHOP) as browser:
        assert (await browser.get("/chat-token")).status_code == 401
        assert (await answer(Page(browser, "/web/", origin=SHOP))).startswith("Please sign in first")
