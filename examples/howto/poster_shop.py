"""A shop with posters: each table, each promotion and each voucher opens the chat at its own point."""

from datetime import timedelta
from pathlib import Path

from convokit import Bot, ConversationOpened, SignedRefs, Turn
from convokit.transports import Telegram, WebChat
from convokit.wire.signing import Secret

bot = Bot("cafe")
bot.attach(Telegram.from_env(username="cafe_bot"), WebChat(page="https://cafe.example/"))


# --8<-- [start:opened]
@bot.opened("table-{number}")
async def at_a_table(turn: Turn) -> None:
    turn.reply(f"Welcome to table {turn.params['number']}! What can we bring you?")


@bot.opened("spring-sale")
async def spring(turn: Turn) -> None:
    turn.reply("Our spring menu is here. Write 'menu' to see it.")


# --8<-- [end:opened]


# --8<-- [start:print]
def print_posters(folder: Path) -> None:
    for table in range(1, 13):
        for way in bot.link(f"table-{table}").values():
            poster = way.svg(label=f"Table {table}: order here", colour="#0a5c36")
            (folder / f"{way.channel}-{table}.svg").write_text(poster, encoding="utf-8")


# --8<-- [end:print]


# --8<-- [start:voucher]
vouchers = SignedRefs(Secret.from_env("VOUCHER_SECRET"))


def a_voucher() -> str:
    ref = vouchers.sign("free_coffee", until=timedelta(days=30), once=True)
    return bot.link(ref)["telegram"].url


@bot.opened(vouchers.genuine)
async def voucher(turn: Turn) -> None:
    if await vouchers.take(turn) == "free_coffee":
        turn.reply("Your coffee is on the house: show this message at the till.")
    else:
        turn.reply("This voucher was used already, or its time is over.")


# --8<-- [end:voucher]


# --8<-- [start:otherwise]
@bot.opened()
async def welcome(turn: Turn) -> None:
    came = turn.event
    if isinstance(came, ConversationOpened) and came.context:
        turn.memory["ad"] = dict(came.context)  # what the platform tells of an ad
    turn.reply("Welcome!")


# --8<-- [end:otherwise]
