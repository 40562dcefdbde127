"""The server of the web chat's load: whoever writes first is handed to an operator."""

import sys
from datetime import timedelta

from convokit import Bot, Settings, Turn
from convokit.desks import Inbox
from convokit.transports import WebChat
from convokit.transports.webchat import Bounds

QUICK = (5000, 0.001)
database, port, files = sys.argv[1:]
bot = Bot("loaded", desk=Inbox(silence=timedelta(hours=1)), settings=Settings(files=files))
bot.attach(
    WebChat(
        bounds=Bounds(
            per_address=5000, connects=QUICK, frames=QUICK, sends=QUICK, conversations=(5000, 0.001), visitors=QUICK
        )
    )
)


@bot.fallback
async def fetch(turn: Turn) -> None:
    turn.hand_off("wants a person")


if __name__ == "__main__":
    bot.run(f"sqlite:///{database}", port=int(port))
