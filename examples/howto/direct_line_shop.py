"""A chat that Direct Line clients speak with, and the business's own endpoint that gives them tokens."""

# --8<-- [start:chat]
import os
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI

from convokit import Bot, ConversationOpened, SignalReceived, Turn
from convokit.transports import WebChat

SECRET = os.environ["DIRECT_LINE_SECRET"]

bot = Bot("shop")
bot.attach(WebChat(direct_line_secret=SECRET, origins=["https://www.shop.example"]))

app = FastAPI(lifespan=bot.lifespan)
# --8<-- [end:chat]


# --8<-- [start:greet]
@bot.on(ConversationOpened)
async def greet(turn: Turn) -> None:
    if isinstance(turn.event, ConversationOpened) and turn.event.source == "direct-line":
        turn.reply("Hello. What can we do for you?")


@bot.signal("web.page-left")
async def left(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        turn.memory["last_page"] = turn.event.data.get("page", "")


# --8<-- [end:greet]


@bot.fallback
async def echo(turn: Turn) -> None:
    turn.reply(f"You said: {turn.text}")


# --8<-- [start:token]
def own_server() -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url="http://127.0.0.1:8000")


@app.post("/direct-line-token")
async def direct_line_token(server: Annotated[httpx.AsyncClient, Depends(own_server)]) -> dict[str, str]:
    async with server:
        answer = await server.post(
            "/web/v3/directline/tokens/generate",
            headers={"Authorization": f"Bearer {SECRET}"},
            json={"trustedOrigins": ["https://www.shop.example"]},
        )
    return {"token": answer.raise_for_status().json()["token"]}


# --8<-- [end:token]

app.mount("/", bot.asgi())
