"""The chat alone on a page, at the chat's own address: for a link or a QR code."""

import re
from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def test_the_chats_own_address_is_a_page_with_the_chat_under_a_strict_policy(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser(origin=None)
        got = await page.request("GET", "")
        assert got.status == 200
        assert got.headers["content-type"].startswith("text/html")
        policy = got.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        text = got.body.decode()
        assert "<convokit-chat" in text
        assert not re.search(r"<style|style=|<script>|\bon\w+=|https?:", text), "nothing inline, nothing from elsewhere"
        for address in re.findall(r'(?:href|src)="([^"]+)"', text):
            assert (await page.request("GET", address)).status == 200, address
        assert "set-cookie" not in got.headers
