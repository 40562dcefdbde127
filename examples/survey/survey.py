"""A survey after a delivery: three questions, one of them only for the unhappy, and silence is an answer, too.

It begins by itself when the shop tells that something was delivered:

    await engine.signal("order.delivered", to=conversation, data={"order": "42"})
"""

# --8<-- [start:program]
from datetime import timedelta

from attrs import define

from convokit import END, Bot, SignalReceived, Turn
from convokit.desks import Inbox
from convokit.expect import Choices, Integer, Text

bot = Bot("survey", desk=Inbox())


@define
class Opinion:
    order: str = ""
    score: int = -1
    problems: tuple[str, ...] = ()
    wish: str = ""


opinion = bot.dialog(Opinion, timeout=timedelta(days=2), reminders=[timedelta(hours=4)])


@opinion.state(
    ask="How likely is it that you order again, from 0 to 10?",
    expect=Integer(0, 10),
    to=["problems", "wish"],
)
async def score(turn: Turn, given: Opinion, answer: int) -> str:
    given.score = answer
    return "problems" if answer < 7 else "wish"


@opinion.state(
    ask="What was wrong? You can name several.",
    expect=Choices(["Too late", "Damaged", "Not what I ordered", "Too dear"]),
    to=["wish"],
    skip=True,
)
async def problems(turn: Turn, given: Opinion, answer: tuple[str, ...]) -> None:
    given.problems = answer


@opinion.state(ask="What shall we do better? Or say “skip”.", expect=Text(longest=1000), to=[END], skip=True)
async def wish(turn: Turn, given: Opinion, answer: str) -> None:
    given.wish = answer


@opinion.on_end
async def thanks(turn: Turn, given: Opinion) -> None:
    keep(turn, given)
    turn.reply("Thank you! That helps us.")


@opinion.on_timeout
async def as_far_as_it_went(turn: Turn, given: Opinion) -> None:
    keep(turn, given)


@opinion.on_cancel
async def not_now(turn: Turn, given: Opinion) -> None:
    turn.reply("We will not ask again about this order.")


def keep(turn: Turn, given: Opinion) -> None:
    turn.profile["opinion"] = {
        "order": given.order,
        "score": given.score,
        "problems": list(given.problems),
        "wish": given.wish,
    }


@bot.signal("order.delivered")
async def delivered(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        turn.reply("Your order has arrived. May we ask three short questions?")
        turn.begin(opinion, Opinion(order=str(turn.event.data["order"])))


# --8<-- [end:program]


@bot.text("survey")
async def begin(turn: Turn) -> None:
    turn.begin(opinion)


@bot.text("a person", "talk to a person")
async def person(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


@bot.fallback
async def welcome(turn: Turn) -> None:
    turn.reply("Say “survey” to tell us how it was, or “a person” to talk to one of us.")
