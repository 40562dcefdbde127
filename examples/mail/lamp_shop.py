"""A lamp shop that answers its mail: the how-to page "Answer mail" shows pieces of it."""

# --8<-- [start:attach]
from convokit import AttachmentReceived, Bot, ConversationClosed, MessageFailed, SignalReceived, Turn
from convokit.desks import Local
from convokit.transports import Email

bot = Bot("lamps", desk=Local())
bot.attach(Email.from_env(name="Lamp Shop", conversations="thread", unsubscribe=True))
# --8<-- [end:attach]


# --8<-- [start:answer]
@bot.regex(r"(?s).*\blamps?\b.*")
async def offer(turn: Turn) -> None:
    turn.reply("Which lamp may it be?", buttons=["Desk lamp", "Floor lamp"])


@bot.button("Desk lamp", "Floor lamp")
async def reserve(turn: Turn) -> None:
    turn.reply(f"We keep one for you: {turn.text.lower()}.")


# --8<-- [end:answer]


# --8<-- [start:files]
@bot.on(AttachmentReceived)
async def damaged(turn: Turn) -> None:
    if isinstance(turn.event, AttachmentReceived):
        picture = await turn.download(turn.event.attachments[0])
        turn.profile["picture_bytes"] = len(picture)
    turn.hand_off("sent a picture", saying="Thank you. A colleague looks at it and writes to you.")


# --8<-- [end:files]


# --8<-- [start:proof]
@bot.regex(r"(?s).*\borders?\b.*")
async def orders(turn: Turn) -> None:
    context = turn.event.context
    known = context.get("replied") or context.get("authentication", {}).get("dmarc") == "pass"
    turn.reply("Your order 4711 is on its way." if known else "Please answer a mail of ours, so that we know you.")


# --8<-- [end:proof]


# --8<-- [start:happenings]
@bot.on(MessageFailed)
async def bounced(turn: Turn) -> None:
    if isinstance(turn.event, MessageFailed):
        turn.profile["mail_fails"] = turn.event.reason


@bot.on(ConversationClosed)
async def unsubscribed(turn: Turn) -> None:
    turn.profile["wants_news"] = False


@bot.on(SignalReceived)
async def away(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived) and turn.event.name == "email.automatic":
        turn.profile["last_automatic"] = turn.event.data["subject"]


# --8<-- [end:happenings]
