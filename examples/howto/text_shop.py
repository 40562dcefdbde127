"""A shop that texts: a reminder by SMS, a way in by keyword, and words of its own for who stops."""

import os

from convokit import Bot, Button, ConversationClosed, ConversationOpened, Turn
from convokit.transports import Sms
from convokit.transports.sms import Twilio, Vonage

bot = Bot("shop")

# --8<-- [start:attach]
bot.attach(Sms.from_env(saying_help="The Corner Shop, +44 20 7946 0000. Reply STOP to get no more texts."))
# --8<-- [end:attach]


def others() -> list[Sms]:
    # --8<-- [start:twilio]
    texts = Sms(
        Twilio(
            os.environ["TWILIO_ACCOUNT_SID"],
            os.environ["TWILIO_AUTH_TOKEN"],
            public_url="https://bots.example.com",
            service="MG00000000000000000000000000000000",
            pictures=True,
        ),
        saying_stopped="You are out. START brings you back.",
    )
    # --8<-- [end:twilio]
    # --8<-- [start:vonage]
    abroad = Sms(Vonage.from_env(), channel="texts")
    # --8<-- [end:vonage]
    return [texts, abroad]


# --8<-- [start:opened]
@bot.opened("spring-sale")
async def sale(turn: Turn) -> None:
    turn.reply("Two for one until Sunday. Which shall we put aside?", buttons=["Bread", "Cake"])


@bot.on(ConversationOpened)
async def opened(turn: Turn) -> None:
    turn.reply("Hello! Ask us anything.")


# --8<-- [end:opened]


# --8<-- [start:stopped]
@bot.on(ConversationClosed)
async def stopped(turn: Turn) -> None:
    assert isinstance(turn.event, ConversationClosed)
    if turn.event.reason == "stop" and not turn.event.context.get("answered"):
        turn.reply("No more texts from the Corner Shop. START brings you back.")
    turn.profile["texts"] = False


# --8<-- [end:stopped]


@bot.button("Bread")
async def bread(turn: Turn) -> None:
    turn.reply("A loaf it is.", buttons=[Button("Two, please", "two")])
