"""The program that the tests suspend, and whose disk fails: it numbers every message and says so to an API."""

import json
import os
import sys
from typing import Self

import anyio

from convokit import Bot, ConversationId, MessageReceived, Settings, Turn, Unreachable, User
from convokit.abc import Received, Request, Transport
from convokit.messages import Capabilities, Message
from convokit.wire.http import Client


class Hook(Transport):
    """A platform that calls by webhook, and takes what is said over HTTP."""

    channel = "hook"
    capabilities = Capabilities()

    def __init__(self, url: str) -> None:
        self._client = Client(self.channel, url)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__(*exc)

    def receive(self, request: Request) -> Received:
        asked = json.loads(request.body)
        event = MessageReceived(
            id=asked["id"],
            conversation=ConversationId(self.channel, asked["who"]),
            at=request.at,
            user=User(id=asked["who"]),
            text=asked["id"],
        )
        return Received(events=(event,))

    async def send(self, to: ConversationId, message: Message) -> str | None:
        answered = await self._client.post_json("/say", {"to": to.id, "text": message.text})
        if not answered.ok:
            raise Unreachable(self.channel, f"status {answered.status}", maybe_sent=True)
        return None


bot = Bot("counting", settings=Settings(lease=1, poll=0.05, answers_a_minute=1_000_000))
bot.attach(Hook(os.environ["COUNTING_API"]))


@bot.fallback
async def count(turn: Turn) -> None:
    number = turn.memory["number"] = turn.memory.get("number", 0) + 1
    await anyio.sleep(float(os.environ.get("COUNTING_PAUSE", "0")))
    turn.reply(f"{number} {turn.text}")


if __name__ == "__main__":
    bot.run(sys.argv[1], port=int(sys.argv[2]))
