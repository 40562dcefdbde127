"""A ticket machine with a dead end: who travels abroad on a passport that it does not know never gets out again."""

from attrs import define

from convokit import END, Bot, Turn
from convokit.expect import Regex

bot = Bot("tickets")


@define
class Ticket:
    where: str = ""
    passport: str = ""


ticket = bot.dialog(Ticket)


@ticket.state(ask="Within the country or abroad?", choices=["Within the country", "Abroad"], to=["passport", END])
async def where(turn: Turn, memory: Ticket, answer: str) -> str:
    memory.where = answer
    if answer == "Abroad":
        return "passport"
    turn.reply("Here is your ticket.")
    return END


@ticket.state(ask="Which passport do you have?", choices=["Turkish", "German", "Another"], to=["visa", END])
async def passport(turn: Turn, memory: Ticket, answer: str) -> str:
    memory.passport = answer
    if answer == "Another":
        return "visa"
    turn.reply("Here is your ticket.")
    return END


# Somebody meant well: a visa's number may be any words, so no verb may be heard in it. But nobody has such a number.
@ticket.state(
    ask="The number of your visa, please.",
    expect=Regex(r".*"),
    to=[END, "visa"],
    without=["back", "change", "start_over", "cancel", "skip", "person"],
)
async def visa(turn: Turn, memory: Ticket, answer: str) -> str:
    if answer.startswith("№-"):
        turn.reply("Here is your ticket.")
        return END
    turn.reply("That is no visa.")
    return "visa"


@bot.text("ticket")
async def begin(turn: Turn) -> None:
    turn.begin(ticket)


@bot.fallback
async def welcome(turn: Turn) -> None:
    turn.reply("Say “ticket”.")
