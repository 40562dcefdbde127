"""A shop's own app, with its bot inside: the page about FastAPI shows pieces of it."""

# --8<-- [start:app]
from fastapi import FastAPI, Request

from convokit import Bot, ConversationId, SignalReceived, Turn
from convokit.transports import Messenger

bot = Bot("shop")
bot.attach(Messenger.from_env())

app = FastAPI(lifespan=bot.lifespan)
app.mount("/bot", bot.asgi())
# --8<-- [end:app]


# --8<-- [start:signal]
@bot.signal("order.shipped")
async def tell_customer(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        turn.reply(f"Order {turn.event.data['order']} has left our shop.")


@app.post("/orders/{order}/shipped")
async def shipped(order: str, customer: str, request: Request) -> None:
    engine = request.state.convokit["shop"]
    where = ConversationId("messenger", customer)
    await engine.signal("order.shipped", to=where, data={"order": order}, id=f"shipped:{order}")


# --8<-- [end:signal]
