"""Observers are told how each step went: nothing that was said, and whatever they do, no turn is hurt."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

from convokit import (
    Bot,
    ConversationId,
    DefinitionError,
    Engine,
    Malformed,
    MessageReceived,
    Rejected,
    Settings,
    Turn,
    Unreachable,
    User,
)
from convokit.abc import Observer, Request, Run, Site, Step, Transport
from convokit.errors import Forged
from convokit.messages import Message
from convokit.stores import Memory
from convokit.testing import Simulation

SECRET = "xyzzy-4111"
"""What a customer says, and must be in no step."""


class Notes(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.runs: list[str] = []

    async def begins(self, run: Run) -> None:
        self.runs.append(f"{run.name} begins")

    def ends(self) -> None:
        self.runs.append("ends")

    def told(self, step: Step) -> None:
        self.steps.append(step)

    def of(self, name: str) -> list[Step]:
        return [one for one in self.steps if one.name == name]


def shop() -> tuple[Bot, Notes]:
    bot, notes = Bot("shop", settings=Settings(retry_pause=0, tries=2)), Notes()

    @bot.text(SECRET)
    async def answer(turn: Turn) -> None:
        turn.reply(f"You said {turn.text}")

    @bot.text("break")
    async def breaks(turn: Turn) -> None:
        raise KeyError(turn.text)

    @bot.fallback
    async def silent(turn: Turn) -> None: ...

    bot.observe(notes)
    return bot, notes


@pytest.mark.faultless
async def test_the_steps_of_an_event_are_told_in_order() -> None:
    bot, notes = shop()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says(SECRET) == [f"You said {SECRET}"]
    assert [one.name for one in notes.steps] == ["accept", "load", "queue", "select", "handle", "commit", "deliver"]
    assert [one.outcome for one in notes.steps] == ["new", "", "", "route", "route", "kept", "sent"]
    handlers = {one.name: one.handler.rpartition(".")[2] for one in notes.steps if one.handler}
    assert handlers == {"select": "answer", "handle": "answer", "commit": "answer"}
    assert {one.channel for one in notes.steps if one.name != "load"} == {"simulation"}
    assert all(mark.conversation == ada.conversation for one in notes.steps for mark in one.marks)
    assert {mark.event for one in notes.steps for mark in one.marks} == {"event-1", ""}
    assert {mark.kind for one in notes.steps for mark in one.marks} == {"MessageReceived", ""}
    assert all(one.took >= 0 for one in notes.steps)
    assert notes.runs == ["shop begins", "ends"]


@pytest.mark.faultless
async def test_nothing_that_was_said_is_in_any_step() -> None:
    bot, notes = shop()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says(SECRET)
        await ada.says(f"break {SECRET}")
        await ada.says("break")
        world.troubles(Rejected("simulation", f"no {SECRET} here"))
        await ada.says(SECRET)
    assert len(notes.steps) > 20
    assert SECRET not in repr(notes.steps)
    assert "You said" not in repr(notes.steps)


@pytest.mark.faultless
async def test_what_was_seen_before_is_told_as_a_duplicate() -> None:
    bot, notes = shop()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for _ in range(2):
            await world.happens(MessageReceived, ada.conversation, ada.user, text="hi", id="same")
    assert [(one.outcome, len(one.marks)) for one in notes.of("accept")] == [("new", 1), ("duplicate", 1)]


@pytest.mark.faultless
async def test_a_handler_that_raises_is_told_with_its_name_and_the_error() -> None:
    bot, notes = shop()

    @bot.on_error(KeyError)
    async def sorry(turn: Turn) -> None:
        turn.reply("Sorry.")

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("break") == ["Sorry."]
    told = [(one.handler.rpartition(".")[2], one.outcome, one.error, one.attempt) for one in notes.of("handle")]
    assert told == [
        ("breaks", "raised", "KeyError", 1),
        ("breaks", "raised", "KeyError", 2),
        ("sorry", "failed", "", 2),
    ]


@pytest.mark.faultless
async def test_silence_towards_a_program_is_told_as_a_turn_that_failed() -> None:
    bot, notes = shop()
    async with Simulation(bot, settings=Settings(answers_a_minute=2)) as world:
        ada = world.user("Ada")
        for _ in range(3):
            await ada.says(SECRET)
    assert [one.outcome for one in notes.of("handle")] == ["route", "route", "failed"]


@pytest.mark.faultless
async def test_a_call_that_is_given_up_untried_is_told() -> None:
    bot, notes = shop()
    async with Simulation(bot, settings=Settings(give_up_after=10, retry_pause=100)) as world:
        world.troubles(Unreachable("simulation", "no line"))
        await world.user("Ada").says(SECRET)
        await world.passes(seconds=200)
    assert [(one.outcome, one.attempt) for one in notes.of("deliver")] == [("retry", 1), ("failed", 2)]


@pytest.mark.faultless
async def test_each_call_to_a_platform_is_told() -> None:
    bot, notes = shop()
    async with Simulation(bot) as world:
        world.troubles(Rejected("simulation", "blocked"))
        await world.user("Ada").says(SECRET)
    (told,) = notes.of("deliver")
    assert (told.outcome, told.channel, told.attempt, told.marks[0].seq) == ("failed", "simulation", 1, 1)


@pytest.mark.faultless
async def test_the_wait_in_the_lane_is_told_by_the_engines_clock() -> None:
    bot, notes = shop()
    async with Simulation(bot, settings=Settings(retry_pause=100, tries=2)) as world:
        await world.user("Ada").says("break")
        await world.passes(seconds=200)
    assert [round(one.took) for one in notes.of("queue")] == [0, 100]


class Around(Notes):
    """Is there while handlers and sends are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    @contextmanager
    def _around(self, name: str) -> Iterator[None]:
        self.order.append(f"{name} begins")
        try:
            yield
        finally:
            self.order.append(f"{name} ends")

    def around(self, step: Step) -> Any:
        return self._around(step.name)


@pytest.mark.faultless
async def test_handlers_and_sends_run_inside_what_observers_put_around_them() -> None:
    bot, _ = shop()
    around = Around()
    bot.observe(around)

    @bot.text("look")
    async def look(turn: Turn) -> None:
        around.order.append("handler")
        turn.reply("seen")

    async with Simulation(bot) as world:
        await world.user("Ada").says("look")
    assert around.order == ["handle begins", "handler", "handle ends", "deliver begins", "deliver ends"]


class Broken(Observer):
    """Raises wherever it can."""

    def told(self, step: Step) -> None:
        raise ZeroDivisionError("told")

    def around(self, step: Step) -> Any:
        return self._broken() if step.name == "handle" else 1 // 0

    @contextmanager
    def _broken(self) -> Iterator[None]:
        yield
        raise ZeroDivisionError("around")

    def ends(self) -> None:
        raise ZeroDivisionError("ends")


@pytest.mark.faultless
async def test_an_observer_that_raises_hurts_no_turn_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bot, notes = shop()
    bot.observe(Broken())
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for _ in range(3):
            assert await ada.says(SECRET) == [f"You said {SECRET}"]
        assert (await world.engine.stats()).failed == 0
    assert len(notes.of("deliver")) == 3
    assert [one.message for one in caplog.records if "observer" in one.message] == [
        "observer=Broken raised; no turn is hurt by it"
    ]


class Door(Transport):
    """A channel with webhooks."""

    channel = "door"

    def receive(self, request: Request) -> Any:
        if request.body == b"forged":
            raise Forged("door", "no signature")
        raise Malformed("door", "no JSON")

    async def send(self, to: ConversationId, message: Message) -> str | None:
        return None


@pytest.mark.parametrize("body", [b"forged", b"malformed"])
async def test_webhooks_that_are_refused_are_told(body: bytes) -> None:
    bot, notes = shop()
    door = Door()
    bot.attach(door)
    async with bot.serve(Memory()) as engine:
        with pytest.raises((Forged, Malformed)):
            await engine.take(door, Request(method="POST", body=body, at=engine.clock.now()))
    (told,) = notes.of("receive")
    assert (told.outcome, told.channel, told.size, told.marks) == (body.decode(), "door", len(body), ())


@pytest.mark.parametrize(
    ("arrives", "outcome"),
    [
        ({"type": "http.request", "body": b"x" * 2000}, "too large"),
        ({"type": "http.disconnect"}, "broken off"),
        ({"type": "http.request", "body": b"forged"}, "forged"),
    ],
)
async def test_webhooks_that_are_turned_away_are_told(arrives: dict[str, Any], outcome: str) -> None:
    bot, notes = shop()
    bot.attach(Door())
    async with bot.serve(Memory(), settings=Settings(body_limit=1024)) as engine:
        await called(bot, engine, arrives)
    assert [(one.outcome, one.channel) for one in notes.of("receive")] == [(outcome, "door")]


async def test_webhooks_beyond_the_bound_are_told_as_busy() -> None:
    bot, notes = shop()
    bot.attach(Door())
    async with bot.serve(Memory(), settings=Settings(webhooks_at_once=1)) as engine:
        with engine.webhooks.passing():
            await called(bot, engine, {"type": "http.request", "body": b"forged"})
    assert [one.outcome for one in notes.of("receive")] == ["busy"]


async def called(bot: Bot, engine: Engine, arrives: dict[str, Any]) -> None:
    """A webhook call, as a host's server makes it."""

    async def receive() -> dict[str, Any]:
        return arrives

    async def send(message: Any) -> None: ...

    scope = {"type": "http", "method": "POST", "path": "/door", "headers": [], "state": {"convokit": {"shop": engine}}}
    await bot.asgi()(scope, receive, send)


class Pages(Notes):
    """Has a page."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def site(self, run: Run) -> Site | None:
        async def page(scope: Any, receive: Any, send: Any) -> None:
            await anyio.lowlevel.checkpoint()

        return page


@pytest.mark.parametrize(("name", "complaint"), [("", "which is no name"), ("door", "which is taken")])
async def test_pages_need_a_name_of_their_own(name: str, complaint: str) -> None:
    bot, _ = shop()
    bot.attach(Door())
    bot.observe(Pages(name))
    with pytest.raises(DefinitionError, match=complaint):
        async with bot.serve(Memory()):
            pass


def test_only_observers_observe_and_each_once() -> None:
    bot, notes = shop()
    with pytest.raises(DefinitionError, match="takes observers such as"):
        bot.observe("prometheus")  # type: ignore[arg-type]  what somebody may write
    with pytest.raises(DefinitionError, match="this Notes observes the bot already"):
        bot.observe(notes)


async def test_channels_that_nobody_attached_become_no_label() -> None:
    bot, notes = shop()
    async with bot.serve(Memory()) as engine:
        event = MessageReceived(
            id="1", conversation=ConversationId("made-up", "1"), at=engine.clock.now(), user=User(id="1"), text="hi"
        )
        await engine.accept([event])
        await engine.quiet()
    assert {one.channel for one in notes.steps} == {""}
