"""The program that the torture run kills: it answers every message with its number in the conversation."""

import os
import sys

from convokit import Bot, Settings, Turn
from convokit.transports import Telegram

bot = Bot("counting", settings=Settings(answers_a_minute=1_000_000))
bot.attach(
    Telegram(
        os.environ["COUNTING_TOKEN"],
        public_url="https://shop.example/bot",
        mode="webhook",
        api_url=os.environ["COUNTING_API"],
    )
)


@bot.fallback
async def count(turn: Turn) -> None:
    number = turn.memory["number"] = turn.memory.get("number", 0) + 1
    turn.reply(f"{number} {turn.text}")


if __name__ == "__main__":
    bot.run(sys.argv[1], port=int(sys.argv[2]))
