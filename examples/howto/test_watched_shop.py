"""The shop's figures, over its own route and over the bot's page."""

import logging

import httpx
import pytest
from watched_shop import Slow, app, bot, figures

from convokit.abc import Step
from convokit.testing import Simulation


async def test_a_question_is_counted_and_the_hosts_route_shows_it() -> None:
    async with Simulation(bot) as world:
        assert await world.user("Ada").says("opening hours") == ["From nine to six."]
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example")
        async with client:
            found = await client.get("/internal/figures")
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'convokit_turns_total{handler="opening_hours",kind="MessageReceived",outcome="route"}' in found.text
    assert 'convokit_sends_total{channel="simulation",outcome="sent",to="customer"}' in found.text
    assert not figures.name, "without a token the bot has no page for them"


def test_a_slow_step_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "shop")
    slow = Slow()
    slow.told(Step(name="handle", took=0.1, handler="opening_hours", outcome="route"))
    slow.told(Step(name="handle", took=3, handler="opening_hours", outcome="route"))
    assert [one.message for one in caplog.records] == ["handle took 3.0 s: opening_hours route"]
