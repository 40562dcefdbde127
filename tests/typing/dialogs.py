"""What a type checker must see in a bot's dialogs: a state's handler gets what the state expects.

Every `type: ignore` here is a mistake that must be found: mypy tells when one is not needed.
"""

from typing import assert_type

from attrs import define

from convokit import END, Bot, Choice, Dialog, Event, Expectation, Integer, Message, Text, Turn, Unclear, YesNo


@define
class Order:
    size: str = ""
    guests: int = 0


class Day:
    """An expectation of one's own."""

    def read(self, event: Event) -> bytes | Unclear:
        return event.text.encode() or Unclear("nothing")


bot = Bot("shop")
ordering = bot.dialog(Order)
assert_type(ordering, Dialog[Order])
number: Expectation[int] = Integer()
text: Expectation[str] = Text()
one_of: Expectation[str] = Choice(["a"])
sure: Expectation[bool] = YesNo()
wrong: Expectation[str] = Integer()  # type: ignore[assignment]  # must be found


def asked(turn: Turn, order: Order) -> str:
    return order.size


async def asked_later(turn: Turn, order: Order) -> Message:
    return Message(order.size)


def asked_of_another(turn: Turn, order: int) -> str:
    return str(order)


@ordering.state(ask="?", choices=["small"], to=["guests"])
async def size(turn: Turn, order: Order, answer: str) -> None:
    assert_type(turn, Turn)


@ordering.state(ask=asked, expect=Integer(1, 8), to=[END, "sure_of_it"])
async def guests(turn: Turn, order: Order, answer: int) -> str:
    return END


@ordering.state(ask=asked_later, expect=YesNo(), to=["day"])
async def sure_of_it(turn: Turn, order: Order, answer: bool) -> str | None:
    return None


@ordering.state(ask=Message("?"), expect=Day(), to=["words"])
async def day(turn: Turn, order: Order, answer: bytes) -> None: ...


@ordering.state(ask="?", to=[END])
async def words(turn: Turn, order: Order, answer: str) -> None: ...


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@ordering.state(ask="?", expect=Integer(), to=[END])  # type: ignore[arg-type]  # must be found
async def number_as_text(turn: Turn, order: Order, answer: str) -> None: ...


@ordering.state(ask="?", choices=["a"], to=[END])  # type: ignore[arg-type]  # must be found
async def choice_as_number(turn: Turn, order: Order, answer: int) -> None: ...


@ordering.state(ask="?", to=[END])  # type: ignore[arg-type]  # must be found
async def another_memory(turn: Turn, order: int, answer: str) -> None: ...


@ordering.state(ask="?", to=[END])  # type: ignore[arg-type]  # must be found
def not_async(turn: Turn, order: Order, answer: str) -> None: ...


@ordering.state(ask="?", to=[END])  # type: ignore[arg-type]  # must be found
async def wrong_goal(turn: Turn, order: Order, answer: str) -> int:
    return 1


@ordering.state(ask=asked_of_another, to=[END])  # type: ignore[arg-type]  # must be found
async def wrong_question(turn: Turn, order: Order, answer: str) -> None: ...


@ordering.state(ask="?", expect=Integer(), choices=["a"], to=[END])  # type: ignore[call-overload, untyped-decorator]  # must be found
async def both(turn: Turn, order: Order, answer: str) -> None: ...
