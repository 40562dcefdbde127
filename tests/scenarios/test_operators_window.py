"""Where a platform gives people longer than bots: an operator's words go out after the window, the bot's do not."""

from datetime import timedelta

import pytest

from convokit import (
    Bot,
    ConversationId,
    Message,
    MessageFailed,
    MessageReceived,
    OperatorJoined,
    OperatorReplied,
    Settings,
    SignalReceived,
    Turn,
    User,
)
from convokit.abc import Proof, Transport
from convokit.stores import Memory
from convokit.testing import VirtualClock

pytestmark = pytest.mark.anyio

SETTINGS = Settings(poll=86_400, purge_every=864_000)
ADA = ConversationId("windowed", "ada")
GRACE = User(id="grace", name="Grace")
DAY = timedelta(hours=24)


class Windowed(Transport):
    """A platform with a window of a day; of seven for people, where the shop has the permission."""

    channel = "windowed"
    window = DAY
    proof = Proof.KEY

    def __init__(self, operators_window: timedelta | None) -> None:
        self.operators_window = operators_window
        self.sent: list[str] = []

    async def send(self, to: ConversationId, message: Message) -> str | None:
        raise AssertionError(to, message)

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        assert key
        self.sent.append(message.text)
        return None

    async def send_late(self, to: ConversationId, message: Message, key: str) -> str | None:
        assert key
        self.sent.append(f"late: {message.text}")
        return None


def a_shop(operators_window: timedelta | None) -> tuple[Bot, Windowed, list[str]]:
    bot, platform, failures = Bot("shop"), Windowed(operators_window), list[str]()

    @bot.text("hello")
    async def greet(turn: Turn) -> None:
        turn.reply("Hi.")

    @bot.signal("shipped")
    async def shipped(turn: Turn) -> None:
        assert isinstance(turn.event, SignalReceived)
        turn.reply("It is on its way.")

    @bot.on(MessageFailed)
    async def failed(turn: Turn) -> None:
        assert isinstance(turn.event, MessageFailed)
        failures.append(turn.event.reason)

    bot.attach(platform)
    return bot, platform, failures


async def spoken(operators_window: timedelta | None, *after: timedelta) -> tuple[list[str], list[str]]:
    """What reaches Ada of what Grace says so long after her word, and why what does not."""
    bot, platform, failures = a_shop(operators_window)
    clock = VirtualClock()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        began = clock.now()
        hello = MessageReceived(id="m", conversation=ADA, at=began, user=User(id="ada"), text="hello")
        await engine.accept([hello])
        await engine.quiet()
        await engine.accept([OperatorJoined(id="j", conversation=ADA, at=began, operator=GRACE)])
        await engine.quiet()
        for number, one in enumerate(after):
            await clock.move_to(began + one)
            said = Message(f"{one / DAY:g} days")
            event = OperatorReplied(id=f"o{number}", conversation=ADA, at=clock.now(), operator=GRACE, message=said)
            await engine.accept([event])
            await engine.quiet()
    return platform.sent, failures


async def test_an_operator_speaks_after_the_window_and_is_marked_as_a_person() -> None:
    sent, failures = await spoken(7 * DAY, DAY / 2, DAY, 6 * DAY)
    assert sent == ["Hi.", "0.5 days", "late: 1 days", "late: 6 days"]
    assert failures == []


async def test_when_the_longer_window_has_closed_too_an_operators_words_are_given_up_untried() -> None:
    sent, failures = await spoken(7 * DAY, 7 * DAY)
    assert sent == ["Hi."]
    (reason,) = failures
    assert "outside the platform's window" in reason


async def test_without_a_longer_window_the_usual_one_holds_for_operators() -> None:
    sent, failures = await spoken(None, DAY / 2, DAY)
    assert sent == ["Hi.", "0.5 days"]
    assert len(failures) == 1


async def test_the_bots_own_words_get_no_longer_window() -> None:
    bot, platform, failures = a_shop(7 * DAY)
    clock = VirtualClock()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        hello = MessageReceived(id="m", conversation=ADA, at=clock.now(), user=User(id="ada"), text="hello")
        await engine.accept([hello])
        await engine.quiet()
        await clock.move_to(clock.now() + 2 * DAY)
        await engine.signal("shipped", to=ADA)
        await engine.quiet()
    assert platform.sent == ["Hi."]
    assert len(failures) == 1
