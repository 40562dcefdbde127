"""A shop with the chat on its pages and operators behind it, in FastAPI: the how-to pages show pieces of it."""

# --8<-- [start:app]
from fastapi import FastAPI

from convokit import Bot, Button, ConversationOpened, Message, SignalReceived, Turn
from convokit.desks import Inbox
from convokit.transports import WebChat

bot = Bot("shop", desk=Inbox())
bot.attach(
    WebChat(
        origins=["https://www.shop.example"],
        greeting=Message("Hello. What can we do for you?", buttons=[Button("Track my order", "track")]),
        bot_name="The shop",
        away="We are here from 9 to 17. Leave a message, and we will write back.",
    )
)

app = FastAPI(lifespan=bot.lifespan)
app.mount("/bot", bot.asgi())
# --8<-- [end:app]


# --8<-- [start:opened]
@bot.opened("spring-sale")
async def spring(turn: Turn) -> None:
    turn.reply("Welcome! The spring sale is over there, and I am here for your questions.")


@bot.on(ConversationOpened)
async def welcome(turn: Turn) -> None:
    if isinstance(turn.event, ConversationOpened) and turn.event.source == "direct-line":
        turn.reply("Hello. What can we do for you?", buttons=[Button("Track my order", "track")])


# --8<-- [end:opened]


# --8<-- [start:context]
@bot.text("shipping", "how much is shipping")
async def shipping(turn: Turn) -> None:
    cart = turn.event.context.get("cart", {})
    free = cart.get("total", 0) >= 50
    turn.reply("Shipping is free for this cart." if free else "Shipping is €4.90, and free from €50 on.")


# --8<-- [end:context]


@bot.button("track")
async def track(turn: Turn) -> None:
    turn.reply("Which order is it?")


# --8<-- [start:signals]
@bot.signal("web.rated")
async def rated(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        turn.profile["rating"] = turn.event.data["score"]


@bot.signal("web.person")
async def call_colleague(turn: Turn) -> None:
    turn.hand_off("asked for a person", saying="One moment, a colleague will join us.")


# --8<-- [end:signals]
