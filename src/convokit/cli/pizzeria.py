"""A pizzeria that takes orders, and fetches a colleague when asked to."""

# --8<-- [start:program]
from attrs import define

from convokit import END, Bot, Turn
from convokit.desks import Inbox
from convokit.transports import Telegram, WebChat

bot = Bot("pizzeria", desk=Inbox())


@define
class Order:
    size: str = ""
    address: str = ""


ordering = bot.dialog(Order)


@ordering.state(ask="Small or large?", choices=["small", "large"], to=["address"])
async def size(turn: Turn, order: Order, answer: str) -> None:
    order.size = answer


@ordering.state(ask="Where shall we bring it?", to=[END])
async def address(turn: Turn, order: Order, answer: str) -> None:
    order.address = answer
    turn.reply(f"One {order.size} pizza is on its way to {order.address}.")


@bot.text("pizza", "order")
async def order_pizza(turn: Turn) -> None:
    turn.begin(ordering)


@bot.text("help", "talk to a person")
async def call_colleague(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


bot.attach(WebChat(), Telegram.from_env())
# --8<-- [end:program]
