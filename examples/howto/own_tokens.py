"""A shop whose customers have tokens of its own already."""

# --8<-- [start:verify]
from convokit import Bot, Turn, User
from convokit.transports import WebChat

TOKENS = {"tok-8f1c2a": ("1042", "Ada Lovelace")}


async def shops_customer(token: str) -> User | None:
    found = TOKENS.get(token)
    return User(id=found[0], name=found[1]) if found else None


bot = Bot("shop")
bot.attach(WebChat(customers="required", verify=shops_customer))
# --8<-- [end:verify]


@bot.fallback
async def greet(turn: Turn) -> None:
    if turn.user.verified:
        turn.reply(f"Hello, {turn.user.name}.")
