"""What a type checker must see in handlers, turns and messages."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, assert_type

from attrs import define

from convokit import Bot, Button, Card, ConversationId, Entry, Image, Link, Location, Message, Turn, User

bot = Bot("shop")


@define
class Receipt:
    amount: int


async def charge(amount: int, *, currency: str = "EUR") -> Receipt:
    return Receipt(amount)


@bot.text("hi")
async def hi(turn: Turn) -> None:
    assert_type(turn.text, str)
    assert_type(turn.user, User)
    assert_type(turn.memory, dict[str, Any])
    assert_type(turn.params["order"], str)
    assert_type(await turn.history(), Sequence[Entry])
    assert_type(await turn.once("charge", charge, 5, currency="TRY"), Receipt)
    turn.reply("a", buttons=["b", Button("c"), Link("d", "https://example.org")], location=Location(1, 2))
    turn.reply(attachments=[Image("https://example.org/a")], cards=[Card(title="a", buttons=["b"])])
    turn.remind(timedelta(hours=1), "cart", {"n": 1})
    turn.send(ConversationId("shop", "ada"), Message("a", buttons=["b"]))


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@bot.text("plain")  # type: ignore[type-var]  # must be found
def plain(turn: Turn) -> None: ...


@bot.text("wrong")
async def wrong(turn: Turn) -> None:
    turn.reply(7)  # type: ignore[arg-type]  # must be found
    turn.reply("a", buttons=[7])  # type: ignore[list-item]  # must be found
    turn.remind(60, "cart")  # type: ignore[arg-type]  # must be found
    turn.send("ada", "a")  # type: ignore[arg-type]  # must be found
    await turn.once("charge", charge, "5")  # type: ignore[arg-type]  # must be found
    await turn.once("charge", charge, 5, money="TRY")  # type: ignore[call-arg]  # must be found
    turn.text = "b"  # type: ignore[misc]  # must be found
    Message("a").text = "b"  # type: ignore[misc]  # must be found
