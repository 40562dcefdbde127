"""A bakery that takes orders by phone, spoken or with the keys, and calls somebody to the phone when it has to.

convokit doctor bakery_line:bot
convokit run bakery_line:bot
"""

# --8<-- [start:line]
from typing import Any

from attrs import define

from convokit import Bot, ConversationClosed, HandoffClosed, Turn, ask
from convokit.expect import Choice, Integer
from convokit.transports.voice import PhoneDesk, Voice

voice = Voice.from_env(language="en-GB", voice="Polly.Amy-Neural", hints=["sourdough", "rye", "spelt", "loaves"])
bot = Bot("bakery-line", desk=PhoneDesk(voice, {"": "+442079460001", "orders": "+442079460002"}), locale="en-GB")
bot.attach(voice)
# --8<-- [end:line]


# --8<-- [start:order]
@define
class Order:
    bread: str = ask("Which bread would you like?", Choice(["Sourdough", "Rye", "Spelt"]))
    loaves: int = ask("How many loaves?", Integer(1, 20))


order = bot.form(Order)


@order.on_complete
async def ordered(turn: Turn, order: Order) -> None:
    turn.profile["usual"] = order.bread
    turn.reply(f"{order.loaves} of {order.bread.lower()}, ready from eight tomorrow. See you then!")


@order.on_cancel
async def not_ordered(turn: Turn, draft: Any) -> None:
    turn.reply("Nothing is ordered.")


# --8<-- [end:order]


# --8<-- [start:ring]
@bot.opened()
async def ring(turn: Turn) -> None:
    if turn.conversation.positions:
        turn.reply("Corner Bakery. We were cut off in the middle of your order.")
    else:
        turn.reply("Corner Bakery. What can we do for you?", buttons=["Order bread", "Opening hours", "Somebody else"])


# --8<-- [end:ring]


@bot.text("order", "order bread", "i would like some bread")
@bot.button("Order bread")
async def begin(turn: Turn) -> None:
    turn.begin(order)


@bot.text("opening hours", "when are you open")
@bot.button("Opening hours")
async def hours(turn: Turn) -> None:
    turn.reply("We are open from seven to six, on Sundays from eight to noon.")


# --8<-- [start:handoff]
@bot.text("somebody", "somebody else", "talk to somebody", "operator")
@bot.button("Somebody else")
async def call_somebody(turn: Turn) -> None:
    turn.hand_off("wants to talk to somebody", saying="One moment, I will call somebody.")


@bot.on(HandoffClosed)
async def back(turn: Turn) -> None:
    event = turn.event
    if isinstance(event, HandoffClosed) and event.outcome in {"busy", "no-answer", "failed"}:
        turn.reply("Nobody can come to the phone. Shall I take your order?", buttons=["Order bread"])


# --8<-- [end:handoff]


# --8<-- [start:hangup]
@bot.on(ConversationClosed)
async def hung_up(turn: Turn) -> None:
    turn.memory["calls"] = turn.memory.get("calls", 0) + 1


# --8<-- [end:hangup]
