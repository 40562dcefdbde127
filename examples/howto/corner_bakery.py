"""A bakery: the how-to pages show pieces of it."""

from datetime import timedelta

from convokit import Bot, HandoffClosed, Turn
from convokit.desks import Local
from convokit.transports import Telegram

bot = Bot("bakery", desk=Local())


@bot.opened("spring-sale")
async def greet(turn: Turn) -> None:
    turn.reply("Welcome! Rye is half price this week.")


@bot.text("bread")
async def choose(turn: Turn) -> None:
    turn.reply("Which one?", buttons=["Rye", "Spelt"])


@bot.button("Rye", "Spelt")
async def keep(turn: Turn) -> None:
    turn.reply(f"We keep one for you: {turn.text.lower()}.")
    turn.remind(timedelta(hours=2), "bread")


@bot.timer("bread")
async def remember(turn: Turn) -> None:
    turn.reply("Your bread is still here.")


@bot.text("help")
async def call_colleague(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


# --8<-- [start:handback]
@bot.on(HandoffClosed)
async def welcome_back(turn: Turn) -> None:
    turn.reply("It is the bot again. Can I do anything else?")


# --8<-- [end:handback]

bot.attach(Telegram.from_env())
