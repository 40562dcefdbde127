"""The program that is stopped under load and flooded: it echoes; "slow" takes time, "hang" and "block" do not end."""

import json
import os
import sys
import time

import anyio

from convokit import Bot, Settings, Turn
from convokit.transports import Telegram

given = json.loads(os.environ["OVERLOADED"])
bot = Bot("overloaded", settings=Settings(answers_a_minute=1_000_000, **given["settings"]))
bot.attach(
    Telegram(given["token"], public_url="https://shop.example/bot", mode="webhook", api_url=given["api"], timeout=5)
)


@bot.fallback
async def echo(turn: Turn) -> None:
    if turn.text.startswith("slow"):
        await anyio.sleep(given["slow"])
    if turn.text.startswith("hang") and given["hangs"]:
        await anyio.sleep_forever()
    if turn.text.startswith("block") and given["hangs"]:
        time.sleep(3600)  # noqa: ASYNC251  what a handler must not do
    turn.reply(turn.text)


if __name__ == "__main__":
    if given["memory"]:
        import resource  # not every system has it

        resource.setrlimit(resource.RLIMIT_AS, (given["memory"], given["memory"]))
    bot.run(sys.argv[1], port=int(sys.argv[2]))
