"""The bakery on Instagram: what its webhooks say, read by the channel itself, and what the bot answers."""

import json
from typing import Any

from photo_bakery import bot

from convokit.testing import Simulation
from convokit.transports.instagram.parse import reader


async def answers(world: Simulation, *messaging: dict[str, Any], **entry: Any) -> list[str]:
    """What is said in the conversation of what came."""
    told = {"id": "77", "messaging": messaging, **entry}
    body = json.dumps({"object": "instagram", "entry": [told]}).encode()
    (event,) = reader("instagram").read(body, world.clock.now()).events
    room = event.conversation.id
    person = world.user("Ada", channel="instagram", room=room)
    await world.engine.accept([event])
    await world.settles()
    return [one.text for one in person.hears()]


def came(**message: Any) -> dict[str, Any]:
    return {"sender": {"id": "ada"}, "recipient": {"id": "77"}, "message": {"mid": "m", **message}}


async def test_an_ice_breaker_is_answered() -> None:
    asked = {"mid": "m", "title": "What does a cake cost?", "payload": "prices"}
    async with Simulation(bot) as world:
        said = await answers(world, {"sender": {"id": "ada"}, "recipient": {"id": "77"}, "postback": asked})
        assert said == ["Cakes start at 24 €."]


async def test_a_story_is_answered_whether_it_is_ours_or_theirs() -> None:
    url = "https://lookaside.fbsbx.com/1"
    async with Simulation(bot) as world:
        ours = await answers(world, came(text="Yummy", reply_to={"story": {"id": "178", "url": url}}))
        assert ours == ["You like what is in our story? It is in the shop until Sunday."]
    async with Simulation(bot) as world:
        theirs = await answers(world, came(attachments=[{"type": "story_mention", "payload": {"url": url}}]))
        assert theirs == ["Thank you for the mention!"]


async def test_a_shared_post_is_looked_at() -> None:
    async with Simulation(bot) as world:
        shared = {"type": "share", "payload": {"url": "https://www.instagram.com/p/1"}}
        assert await answers(world, came(attachments=[shared])) == ["We look at it: https://www.instagram.com/p/1"]


async def test_a_comment_about_prices_gets_one_private_reply() -> None:
    comment = {"id": "c1", "text": "PRICE??", "from": {"id": "ada", "username": "ada"}}
    async with Simulation(bot) as world:
        said = await answers(world, field="comments", value=comment)
        assert said == ["Cakes start at 24 €. Shall we put one aside for you?"]
        assert await answers(world, field="comments", value=comment | {"id": "c2", "text": "Nice!"}) == []
