"""A bakery on Instagram and Messenger: questions before the first word, stories, shared posts, comments."""

from convokit import AttachmentReceived, Bot, Button, Link, MessageReceived, SignalReceived, Turn
from convokit.transports import Instagram, Messenger

bot = Bot("bakery")

# --8<-- [start:attach]
bot.attach(
    Instagram.from_env(
        ice_breakers=["Are you open today?", Button("What does a cake cost?", "prices")],
        menu=[Button("Prices", "prices"), Link("Our shop", "https://bakery.example/")],
    )
)
# --8<-- [end:attach]

# --8<-- [start:page]
bot.attach(
    Messenger.from_env(
        greeting="Bread since 1911. Ask us anything.",
        ice_breakers=["Are you open today?"],
        menu=[Button("Prices", "prices"), Link("Our shop", "https://bakery.example/")],
    )
)
# --8<-- [end:page]


@bot.button("Are you open today?")
async def hours(turn: Turn) -> None:
    turn.reply("Yes, until six.")


@bot.button("prices")
async def prices(turn: Turn) -> None:
    turn.reply("Cakes start at 24 €.")


# --8<-- [start:stories]
@bot.attachment()
async def mentioned(turn: Turn) -> None:
    assert isinstance(turn.event, AttachmentReceived)
    if turn.event.context.get("story", {}).get("mentions"):
        turn.reply("Thank you for the mention!")


@bot.on(MessageReceived)
async def written(turn: Turn) -> None:
    assert isinstance(turn.event, MessageReceived)
    if story := turn.event.context.get("story"):
        turn.memory["story"] = story.get("id", "")
        turn.reply("You like what is in our story? It is in the shop until Sunday.")
    elif shares := turn.event.context.get("shares"):
        turn.reply(f"We look at it: {shares[0]['url']}")


# --8<-- [end:stories]


# --8<-- [start:comments]
@bot.signal("instagram.comment")
async def commented(turn: Turn) -> None:
    assert isinstance(turn.event, SignalReceived)
    if "price" in str(turn.event.data.get("text", "")).lower():
        turn.reply("Cakes start at 24 €. Shall we put one aside for you?")


# --8<-- [end:comments]
