"""The shop's app, called as its own till would call it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
from corner_shop import app, bot

from convokit.testing import Simulation


async def test_a_customer_hears_once_that_an_order_has_left() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada", channel="messenger")

        async def hosted(
            scope: MutableMapping[str, Any],
            receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
            send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        ) -> None:
            # What the host's lifespan puts into every request.
            scope["state"] = {"convokit": {bot.name: world.engine}}
            await app(scope, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(hosted), base_url="http://shop") as till:
            for _ in range(2):
                answer = await till.post("/orders/42/shipped", params={"customer": ada.conversation.id})
                assert answer.is_success
        await world.settles()
        assert ada.hears() == ["Order 42 has left our shop."]
