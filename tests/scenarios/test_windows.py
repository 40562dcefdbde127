"""A platform's window for messages that nobody asked for: refused before they are tried; replies are never held."""

from datetime import timedelta

import pytest
from attrs import evolve

from convokit import (
    Bot,
    ConversationId,
    ConversationOpened,
    Event,
    Message,
    MessageFailed,
    MessageReceived,
    OutsideWindow,
    Rejected,
    Settings,
    SignalReceived,
    TimerFired,
    Turn,
    User,
)
from convokit.abc import Transport
from convokit.stores import Memory
from convokit.testing import Simulation, VirtualClock

pytestmark = pytest.mark.anyio

SETTINGS = Settings(poll=86_400, purge_every=864_000)
ADA = ConversationId("windowed", "ada")
DAY = timedelta(hours=24)


class Windowed(Transport):
    """A platform with a window of a day, of three after an ad; "template: …" it takes at any time."""

    channel = "windowed"
    window = DAY

    def __init__(self) -> None:
        self.sent: list[str] = []

    def opens_window(self, event: Event) -> timedelta | None:
        if isinstance(event, ConversationOpened) and event.source == "ad":
            return 3 * DAY
        return super().opens_window(event)

    def takes_outside(self, message: Message) -> bool:
        return message.text.startswith("template:")

    async def send(self, to: ConversationId, message: Message) -> str | None:
        self.sent.append(message.text)
        return f"{to.id}:{len(self.sent)}"


def a_shop() -> tuple[Bot, Windowed, VirtualClock, list[str]]:
    bot, platform, failures = Bot("shop"), Windowed(), list[str]()

    @bot.text("hello")
    async def greet(turn: Turn) -> None:
        turn.reply("Hi.")
        turn.remind(timedelta(hours=30), "later")
        turn.remind(timedelta(hours=20), "soon")

    @bot.on(MessageFailed)
    async def failed(turn: Turn) -> None:
        assert isinstance(turn.event, MessageFailed)
        failures.append(turn.event.reason)

    @bot.signal("shipped")
    async def shipped(turn: Turn) -> None:
        assert isinstance(turn.event, SignalReceived)
        turn.reply(str(turn.event.data.get("say", "It is on its way.")))

    @bot.on(TimerFired)
    async def timed(turn: Turn) -> None:
        assert isinstance(turn.event, TimerFired)
        turn.reply(f"About {turn.event.name}.")

    bot.attach(platform)
    return bot, platform, VirtualClock(), failures


def said(text: str, clock: VirtualClock) -> MessageReceived:
    return MessageReceived(id=f"m:{clock.now()}", conversation=ADA, at=clock.now(), user=User(id="ada"), text=text)


async def test_the_window_is_open_until_its_last_moment_and_closed_from_then_on() -> None:
    bot, platform, clock, _ = a_shop()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        began = clock.now()
        await engine.accept([said("hello", clock)])
        await engine.quiet()
        await clock.move_to(began + DAY - timedelta(microseconds=1))
        await engine.quiet()
        await engine.send(ADA, "just in time")
        await engine.quiet()
        await clock.move_to(began + DAY)
        with pytest.raises(OutsideWindow, match="closed at 2026") as told:
            await engine.send(ADA, "too late")
        assert told.value.until == began + DAY
        assert isinstance(told.value, Rejected)
        await engine.quiet()
    assert platform.sent == ["Hi.", "About soon.", "just in time"]


async def test_to_who_has_never_written_only_what_the_platform_takes_at_any_time_is_sent() -> None:
    bot, platform, clock, _ = a_shop()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        with pytest.raises(OutsideWindow, match="has not written here yet") as told:
            await engine.send(ADA, "buy now")
        assert told.value.until is None
        await engine.send(ADA, "template: your parcel")
        await engine.quiet()
        with pytest.raises(OutsideWindow):
            await engine.send(ADA, "buy now")
        assert platform.sent == ["template: your parcel"]


async def test_what_a_timer_or_a_signal_says_outside_is_given_up_untried_and_told() -> None:
    bot, platform, clock, failures = a_shop()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        await engine.accept([said("hello", clock)])
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(hours=21))
        await engine.quiet()
        assert platform.sent == ["Hi.", "About soon."]
        await clock.move_to(clock.now() + timedelta(hours=10))
        await engine.quiet()
        await engine.signal("shipped", to=ADA)
        await engine.signal("shipped", to=ADA, data={"say": "template: shipped"})
        await engine.quiet()
        assert platform.sent == ["Hi.", "About soon.", "template: shipped"]
        assert len(failures) == 2
        assert all("outside the platform's window" in one and "it closed at" in one for one in failures)
        assert len(await engine.failed()) == 2


async def test_the_next_word_opens_the_window_again_and_replies_are_never_held() -> None:
    bot, platform, clock, failures = a_shop()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        await engine.accept([said("hello", clock)])
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(days=9))
        await engine.quiet()
        await engine.accept([said("hello", clock)])
        await engine.quiet()
        await engine.send(ADA, "unasked")
        await engine.quiet()
        assert platform.sent == ["Hi.", "Hi.", "unasked"]
        assert len(failures) == 2  # both reminders were due only when it was closed


async def test_a_channel_may_keep_it_open_longer_for_what_came_in_by_an_ad() -> None:
    bot, platform, clock, _ = a_shop()
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        began = clock.now()
        opened = ConversationOpened(id="o", conversation=ADA, at=began, user=User(id="ada"), ref="s", source="ad")
        await engine.accept([opened])
        await engine.quiet()
        await engine.accept([said("hello", clock)])  # a shorter window does not take the longer one away
        await engine.quiet()
        await clock.move_to(began + 3 * DAY - timedelta(seconds=1))
        await engine.send(ADA, "still open")
        await engine.quiet()
        await clock.move_to(began + 3 * DAY)
        with pytest.raises(OutsideWindow):
            await engine.send(ADA, "closed")
        await engine.quiet()
        assert "still open" in platform.sent


async def test_it_outlives_the_process() -> None:
    bot, platform, clock, _ = a_shop()
    store = Memory()
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        began = clock.now()
        await engine.accept([said("hello", clock)])
        await engine.quiet()
    await clock.move_to(began + DAY)
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        with pytest.raises(OutsideWindow):
            await engine.send(ADA, "too late")
        await engine.quiet()
    assert "too late" not in platform.sent


async def test_a_simulation_has_a_window_when_it_is_given_one() -> None:
    bot = Bot("shop")

    @bot.text("hello")
    async def greet(turn: Turn) -> None:
        turn.reply("Hi.")

    async with Simulation(bot, window=DAY) as world:
        ada = world.user("Ada")
        await ada.says("hello")
        await world.passes(hours=23)
        await world.engine.send(ada.conversation, "Still there?")
        await world.settles()
        assert ada.hears() == ["Still there?"]
        await world.passes(hours=1)
        with pytest.raises(OutsideWindow):
            await world.engine.send(ada.conversation, "Still there?")


class Confused(Windowed):
    """A platform whose transport has a fault of its own."""

    def opens_window(self, event: Event) -> timedelta | None:
        if isinstance(event, MessageReceived) and event.text == "odd":
            raise KeyError("source")
        return super().opens_window(event)


async def test_a_transport_that_fails_over_an_event_costs_that_event_and_not_the_run() -> None:
    bot, platform, clock = Bot("shop"), Confused(), VirtualClock()

    @bot.text("hello")
    async def greet(turn: Turn) -> None:
        turn.reply("Hi.")

    bot.attach(platform)
    settings = Settings(poll=86_400, purge_every=864_000, tries=1)
    async with bot.serve(Memory(), clock=clock, settings=settings) as engine:
        await engine.accept([evolve(said(text, clock), id=text) for text in ("odd", "hello")])
        await engine.quiet()
        assert [one.error for one in await engine.failed()] == ["KeyError: 'source'"]
    assert platform.sent == ["Hi."]
