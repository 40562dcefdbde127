"""The program that the chats' torture kills: it answers every message with its number in the conversation."""

import sys

from convokit import Bot, Settings, Turn
from convokit.transports import WebChat
from convokit.transports.webchat import Bounds

QUICK = (1000, 0.001)
files = sys.argv[3] if len(sys.argv) > 3 else "files"
bot = Bot("chatting", settings=Settings(files=files, answers_a_minute=1_000_000))
bot.attach(
    WebChat(
        bounds=Bounds(
            per_address=5000, connects=QUICK, frames=QUICK, sends=QUICK, conversations=(100, 0.01), visitors=QUICK
        )
    )
)


@bot.fallback
async def count(turn: Turn) -> None:
    number = turn.memory["number"] = turn.memory.get("number", 0) + 1
    turn.reply(f"{number} {turn.text}")


if __name__ == "__main__":
    bot.run(sys.argv[1], port=int(sys.argv[2]))
