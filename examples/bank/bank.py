"""A bank that blocks cards, once it knows who asks: verification with tries, and a person where it fails.

Say "block my card" with the customer number 100200 and the PIN 2468. The verification is a dialog of its own, which
every service calls. Three wrong PINs end in the security queue, whatever the customer says in between: the count stands
in the conversation's memory, where "back" and "start over" cannot undo it.
"""

# --8<-- [start:verification]
from datetime import timedelta

from attrs import define, field

from convokit import END, Bot, HandoffClosed, Turn, call
from convokit.desks import Inbox, Queue
from convokit.dialogs import Call
from convokit.expect import Choice, Money, Regex, YesNo

bot = Bot("bank", desk=Inbox(queues=["", Queue("security", "Security")]))

CUSTOMERS = {"100200": "2468", "100300": "1357"}
MOST_WRONG = 3
SIX_DIGITS = Regex(r"\d{6}", say="The customer number has six digits. It stands on your card, under your name.")
FOUR_DIGITS = Regex(r"\d{4}", say="The PIN for this chat has four digits.")


@define
class Identity:
    number: str = ""


# What was typed here is a secret: it is not shown again, and not changed one by one.
verifying = bot.dialog(Identity, timeout=timedelta(minutes=10), without=["summary", "change", "skip"])


@verifying.state(ask="Your customer number, please.", expect=SIX_DIGITS, tries=3, to=["pin"])
async def number(turn: Turn, identity: Identity, answer: str) -> None:
    identity.number = answer


@verifying.state(ask="And the PIN for this chat?", expect=FOUR_DIGITS, tries=3, to=[END, "number"])
async def pin(turn: Turn, identity: Identity, answer: str) -> str:
    if turn.memory.get("wrong", 0) < MOST_WRONG and CUSTOMERS.get(identity.number) == answer:
        turn.memory["wrong"] = 0
        return END
    turn.memory["wrong"] = turn.memory.get("wrong", 0) + 1
    if turn.memory["wrong"] >= MOST_WRONG:
        turn.leave()
        turn.hand_off("three wrong PINs", to="security", saying="I cannot verify you. Our security team will join us.")
    else:
        turn.reply("Number and PIN do not fit together.")
    return "number"


# --8<-- [end:verification]


@define
class Blocking:
    card: str = ""
    who: Identity = field(factory=Identity)


@define
class Payment:
    amount: str = ""
    who: Identity = field(factory=Identity)


blocking = bot.dialog(Blocking, timeout=timedelta(minutes=30))
limits = bot.dialog(Payment, name="limits", timeout=timedelta(minutes=30))


# --8<-- [start:calls]
@blocking.state(ask="Which card?", expect=Choice(["Debit card", "Credit card"]), to=["sure"], calls=[verifying])
async def card(turn: Turn, block: Blocking, answer: str) -> Call:
    block.card = answer
    return call(verifying, then="sure", into="who")


@blocking.state(
    ask=lambda _, block: f"Shall I block the {block.card.lower()} of customer {block.who.number} for good?",
    expect=YesNo(),
    to=[END],
)
async def sure(turn: Turn, block: Blocking, answer: bool) -> None:
    turn.reply(f"Your {block.card.lower()} is blocked. A new one is on its way." if answer else "It is not blocked.")


@blocking.on_cancel
async def not_blocked(turn: Turn, block: Blocking) -> None:
    turn.reply("No card is blocked.")


# --8<-- [end:calls]


@limits.state(
    ask="What shall your daily limit be?", expect=Money("EUR", least=50, most=5000), to=["agreed"], calls=[verifying]
)
async def amount(turn: Turn, payment: Payment, answer: object) -> Call:
    payment.amount = str(answer)
    return call(verifying, then="agreed", into="who")


@limits.state(ask=lambda _, payment: f"{payment.amount} a day, from today?", expect=YesNo(), to=[END])
async def agreed(turn: Turn, payment: Payment, answer: bool) -> None:
    turn.reply("Your limit is changed." if answer else "Your limit stays as it was.")


# --8<-- [start:begin]
@bot.text("block my card", "I lost my card")
@bot.button("Block my card")
async def block_card(turn: Turn) -> None:
    turn.begin(blocking)


@bot.text("change my limit")
@bot.button("Change my limit")
async def change_limit(turn: Turn) -> None:
    turn.begin(limits)


@bot.on(HandoffClosed)
async def trusted_again(turn: Turn) -> None:
    turn.memory["wrong"] = 0  # a person has looked at it


# --8<-- [end:begin]


@bot.text("a person", "talk to a person")
async def person(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


@bot.fallback
async def welcome(turn: Turn) -> None:
    turn.reply("I can block a card or change a limit.", buttons=["Block my card", "Change my limit"])
