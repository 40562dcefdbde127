"""A shop that signs its customers in to the chat: the page about that shows pieces of it."""

# --8<-- [start:keys]
import os
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException, Request

from convokit import Bot, Turn
from convokit.transports import WebChat
from convokit.transports.webchat import customer_token

KEY = os.environ["CHAT_KEY"]

bot = Bot("shop")
bot.attach(WebChat(keys={"2026-01": KEY}))
# --8<-- [end:keys]

app = FastAPI(lifespan=bot.lifespan)
CUSTOMERS = {"a session of the shop's own": ("c-1042", "Ada Lovelace", "ada@example.org")}


# --8<-- [start:token]
@app.get("/chat-token")
async def chat_token(request: Request) -> dict[str, str]:
    customer = CUSTOMERS.get(request.cookies.get("session", ""))
    if customer is None:
        raise HTTPException(401)
    number, name, email = customer
    now = datetime.now(UTC)
    token = customer_token(KEY, "2026-01", bot="shop", sub=number, now=now, name=name, email=email, email_verified=True)
    return {"token": token}


# --8<-- [end:token]


# --8<-- [start:who]
@bot.text("my orders")
async def my_orders(turn: Turn) -> None:
    if not turn.user.verified:
        turn.reply("Please sign in first; then I can look up your orders.")
        return
    customer = turn.user.id.removeprefix("customer:")
    address = turn.event.context["customer"].get("email", "")
    turn.reply(f"Customer {customer}: two orders are on their way. We write to {address} when they arrive.")


# --8<-- [end:who]

app.mount("/", bot.asgi())
