"""A turn either happens or it does not."""

from datetime import timedelta
from typing import Any

import anyio
import pytest
from attrs import define

from convokit import (
    END,
    Bot,
    Button,
    ButtonPressed,
    Capabilities,
    ConversationId,
    DefinitionError,
    MalformedReceived,
    Message,
    MessageFailed,
    MessageRead,
    MessageReceived,
    Rejected,
    Settings,
    Turn,
    Unreachable,
)
from convokit.testing import Simulation

pytestmark = pytest.mark.anyio


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_a_turn_that_raises_leaves_nothing_and_is_tried_again() -> None:
    bot, tries = Bot("shop"), [1]

    @bot.text("buy")
    async def buy(turn: Turn) -> None:
        turn.reply(f"try {len(tries)}")
        turn.memory["bought"] = turn.memory.get("bought", 0) + 1
        turn.profile["city"] = "İzmir"
        if len(tries) < 3:
            tries.append(1)
            raise RuntimeError("the till is jammed")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("buy") == []
        await world.passes(seconds=2)
        assert ada.hears() == []
        await world.passes(seconds=4)
        assert ada.hears() == ["try 3"]
        conversation = await world.engine.store.load(ada.conversation)
        assert conversation is not None
        assert (conversation.version, conversation.memory) == (1, {"bought": 1})


async def test_what_keeps_failing_is_kept_told_and_put_back() -> None:
    bot, broken, told = Bot("shop"), [True], []

    @bot.text("buy")
    async def buy(turn: Turn) -> None:
        turn.reply("never said" if broken[0] else "Bought.")
        if broken[0]:
            raise LookupError("no such thing")

    @bot.on_error(LookupError)
    async def sorry(turn: Turn) -> None:
        told.append(turn.error)
        turn.reply("Sorry, that did not work.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("buy")
        await world.passes(minutes=1)
        assert ada.hears() == ["Sorry, that did not work."]
        assert [str(one) for one in told] == ["no such thing"]
        (failed,) = await world.engine.failed()
        assert "LookupError: no such thing" in failed.error
        assert failed.attempts == 3
        broken[0] = False
        assert await world.engine.replay([failed.key]) == 1
        await world.settles()
        assert ada.hears() == ["Bought."]
        assert list(await world.engine.failed()) == []


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_an_error_handler_may_ask_for_a_single_try() -> None:
    bot, runs = Bot("shop"), []

    @bot.text("pay")
    async def pay(turn: Turn) -> None:
        runs.append(turn.event.id)
        raise PermissionError("declined")

    @bot.on_error(PermissionError, tries=1)
    async def declined(turn: Turn) -> None:
        turn.reply("Your card was declined.")

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("pay") == ["Your card was declined."]
        assert len(runs) == 1


async def test_a_failing_turn_does_not_hold_up_other_conversations_but_its_own() -> None:
    bot, broken = Bot("shop"), [True]

    @bot.text("break")
    async def fails(turn: Turn) -> None:
        if broken[0]:
            raise RuntimeError
        turn.reply("mended")

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    async with Simulation(bot) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await ada.says("break")
        assert await ada.says("hello") == []
        assert await bob.says("hello") == ["hello"]
        broken[0] = False
        await world.passes(seconds=3)
        assert ada.hears() == ["mended", "hello"]


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_what_was_flushed_leaves_at_once_and_only_once() -> None:
    bot, runs = Bot("shop"), []

    @bot.text("look")
    async def look(turn: Turn) -> None:
        turn.reply("One moment…")
        await turn.flush()
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("crashed after the flush")
        turn.reply("Found it.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("look") == ["One moment…"]
        await world.passes(seconds=5)
        assert ada.hears() == ["Found it."]


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_an_event_that_is_put_back_says_again_what_it_flushed_and_does_not_do_again_what_it_did_once() -> None:
    bot, broken, charges = Bot("shop", settings=Settings(tries=1)), [True], []

    async def charge() -> int:
        charges.append(7)
        return 7

    @bot.text("buy")
    async def buy(turn: Turn) -> None:
        turn.reply("One moment…")
        await turn.flush()
        paid = await turn.once("charge", charge)
        if broken[0]:
            raise RuntimeError("the printer is broken")
        turn.reply(f"{paid} paid.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("buy") == ["One moment…"]
        broken[0] = False
        await world.engine.replay([one.key for one in await world.engine.failed()])
        await world.settles()
        assert ada.hears() == ["One moment…", "7 paid."]
        assert charges == [7]


async def test_what_on_error_says_is_not_swallowed_by_what_was_flushed() -> None:
    bot = Bot("shop", settings=Settings(tries=1))

    @bot.text("look")
    async def look(turn: Turn) -> None:
        turn.reply("One moment…")
        await turn.flush()
        raise RuntimeError

    @bot.on_error(RuntimeError)
    async def sorry(turn: Turn) -> None:
        turn.reply("Sorry.")

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("look") == ["One moment…", "Sorry."]


@define
class Receipt:
    number: int
    paid: bool


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_once_runs_once_and_gives_back_the_same_typed_value() -> None:
    bot, charges, runs = Bot("shop"), [], []

    async def charge(amount: int) -> Receipt:
        charges.append(amount)
        return Receipt(number=len(charges), paid=True)

    @bot.text("pay")
    async def pay(turn: Turn) -> None:
        receipt = await turn.once("charge", charge, 42)
        runs.append(receipt)
        if len(runs) == 1:
            raise RuntimeError("crashed after the charge")
        turn.reply(f"Receipt {receipt.number}")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("pay")
        await world.passes(seconds=5)
        assert ada.hears() == ["Receipt 1"]
        assert charges == [42]
        assert runs == [Receipt(1, True), Receipt(1, True)]


async def test_an_event_that_comes_twice_is_handled_once() -> None:
    bot = Bot("shop")

    @bot.button("track:{order}")
    async def track(turn: Turn) -> None:
        turn.reply(f"Order {turn.params['order']} is on its way.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for _ in range(2):
            await world.happens(ButtonPressed, ada.conversation, ada.user, id="press-1", payload="track:42")
        assert ada.hears() == ["Order 42 is on its way."]


async def test_reminders_come_back_in_time_are_replaced_and_can_be_forgotten() -> None:
    bot = Bot("shop")

    @bot.text("cart")
    async def cart(turn: Turn) -> None:
        turn.remind(timedelta(days=30), "cart", {"item": "lamp"})
        turn.remind(timedelta(hours=1), "other")

    @bot.text("soon")
    async def soon(turn: Turn) -> None:
        turn.remind(timedelta(minutes=1), "cart", {"item": "chair"})
        turn.forget("other")

    @bot.timer("cart")
    async def due(turn: Turn) -> None:
        turn.reply(f"Still thinking about the {turn.event.data['item']}, {turn.user.name}?")  # type: ignore[attr-defined]  the route says which kind it is

    @bot.timer("other")
    async def other(turn: Turn) -> None:
        turn.reply("other")

    async with Simulation(bot) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await ada.says("cart")
        await bob.says("cart")
        await bob.says("soon")
        await world.passes(hours=2)
        assert ada.hears() == ["other"]
        assert bob.hears() == ["Still thinking about the chair, Bob?"]
        await world.passes(days=30)
        assert ada.hears() == ["Still thinking about the lamp, Ada?"]
        assert bob.hears() == []


async def test_profile_and_memory_are_there_in_the_next_turn_and_after_a_restart() -> None:
    bot = Bot("shop")

    @bot.text("move")
    async def move(turn: Turn) -> None:
        turn.profile["city"] = "İzmir"
        turn.profile["phone"] = "1"
        turn.memory["visits"] = [1]

    @bot.text("forget")
    async def forget(turn: Turn) -> None:
        del turn.profile["phone"]
        turn.memory["visits"].append(2)

    @bot.fallback
    async def show(turn: Turn) -> None:
        turn.reply(f"{dict(turn.profile)} {turn.memory}")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("move")
        await ada.says("forget")
        await world.restarts()
        assert await ada.says("?") == ["{'city': 'İzmir'} {'visits': [1, 2]}"]


async def test_what_one_conversation_says_in_another_waits_its_turn_there() -> None:
    bot = Bot("shop")

    @bot.text("call the cook")
    async def call(turn: Turn) -> None:
        turn.send(ConversationId("simulation", "cook"), f"{turn.user.name} is hungry")
        turn.reply("Called.")

    async with Simulation(bot) as world:
        ada, cook = world.user("Ada"), world.user("Cook")
        assert await ada.says("call the cook") == ["Called."]
        assert cook.hears() == ["Ada is hungry"]
        await world.engine.send(cook.conversation, Message("Also the boss."))
        await world.settles()
        assert cook.hears() == ["Also the boss."]


async def test_a_signal_with_an_id_is_handled_once() -> None:
    bot = Bot("shop")

    @bot.signal("order.*")
    async def shipped(turn: Turn) -> None:
        turn.reply(f"{turn.event.name}: {turn.event.data['order']}")  # type: ignore[attr-defined]  the route says which kind it is

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for expected in (True, False):
            kept = await world.engine.signal("order.shipped", to=ada.conversation, data={"order": "42"}, id="s-1")
            assert kept is expected
        await world.settles()
        assert ada.hears() == ["order.shipped: 42"]


async def test_nothing_can_be_sent_where_no_transport_is() -> None:
    async with Simulation(Bot("shop")) as world:
        with pytest.raises(DefinitionError, match="no transport is attached as 'pigeon'; attached: simulation"):
            await world.engine.send(ConversationId("pigeon", "7"), "coo")


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_middleware_goes_around_the_handler_outermost_first_and_may_stop_it() -> None:
    bot, steps = Bot("shop"), []

    async def outer(turn: Turn, proceed: Any) -> None:
        steps.append("outer in")
        await proceed()
        steps.append("outer out")

    async def inner(turn: Turn, proceed: Any) -> None:
        if turn.text == "stop":
            turn.reply("stopped")
            return
        steps.append("inner in")
        await proceed()
        steps.append("inner out")

    bot.use(outer)
    bot.use(inner)

    @bot.fallback
    async def handler(turn: Turn) -> None:
        steps.append("handler")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("go")
        assert steps == ["outer in", "inner in", "handler", "inner out", "outer out"]
        assert await ada.says("stop") == ["stopped"]
        assert steps[-2:] == ["outer in", "outer out"]


async def test_receipts_are_kept_only_when_a_handler_asks_for_them() -> None:
    silent, asked = Bot("silent"), Bot("asked")

    @asked.on(MessageRead)
    async def read(turn: Turn) -> None:
        turn.memory["read"] = True

    for bot, versions in ((silent, 0), (asked, 1)):
        async with Simulation(bot) as world:
            ada = world.user("Ada")
            await world.happens(MessageRead, ada.conversation, ada.user, message_ids=("1",))
            conversation = await world.engine.store.load(ada.conversation)
            assert (conversation.version if conversation else 0) == versions


async def test_an_unreadable_event_is_kept_as_failed_without_a_try() -> None:
    async with Simulation(Bot("shop")) as world:
        where = ConversationId("simulation", "malformed")
        await world.happens(MalformedReceived, where, reason="text is a number", raw='{"text": 5}')
        (failed,) = await world.engine.failed()
        assert failed.error == "text is a number"


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_a_send_that_finds_no_line_is_tried_again_in_order() -> None:
    bot = Bot("shop")

    @bot.fallback
    async def two(turn: Turn) -> None:
        turn.reply("first")
        turn.reply("second")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        world.troubles(Unreachable("simulation", "no line"), Unreachable("simulation", "no line"))
        assert await ada.says("hi") == []
        await world.passes(seconds=10)
        assert ada.hears() == ["first", "second"]


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_a_send_that_is_refused_for_good_is_kept_and_told_and_the_next_goes_out() -> None:
    bot, told = Bot("shop"), []

    @bot.text("hi")
    async def hi(turn: Turn) -> None:
        turn.reply("first")
        turn.reply("second")

    @bot.on(MessageFailed)
    async def failed(turn: Turn) -> None:
        told.append(turn.event.reason)  # type: ignore[attr-defined]  the route says which kind it is

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        world.troubles(Rejected("simulation", "blocked by the user"))
        assert await ada.says("hi") == ["second"]
        assert told == ["blocked by the user"]
        (kept,) = await world.engine.failed()
        assert kept.key.startswith("send:")
        await world.passes(minutes=1)
        world.troubles(Rejected("simulation", "still blocked"))
        await world.engine.replay([kept.key])
        await world.settles()
        assert told == ["blocked by the user", "still blocked"]


async def test_a_send_is_given_up_when_its_time_is_up() -> None:
    bot = Bot("shop", settings=Settings(give_up_after=60))

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        world.troubles(*[Unreachable("simulation", "no line")] * 20)
        await ada.says("hi")
        await world.passes(minutes=10)
        assert ada.hears() == []
        (kept,) = await world.engine.failed()
        assert "its time was up" in kept.error


@define
class Survey:
    stars: str = ""
    why: str = ""


def survey_bot() -> Bot:
    bot = Bot("survey")
    survey = bot.dialog(Survey)

    @survey.state(ask="How was it?", choices=["Good", "Bad"], to=["why", END])
    async def stars(turn: Turn, survey: Survey, answer: str) -> str:
        survey.stars = answer
        return "why" if answer == "Bad" else END

    @survey.state(ask="Why?", to=[END])
    async def why(turn: Turn, survey: Survey, answer: str) -> None:
        survey.why = answer
        turn.reply(f"{survey.stars} because {survey.why}")

    @bot.text("start")
    async def start(turn: Turn) -> None:
        turn.begin(survey)

    @bot.text("menu")
    async def menu(turn: Turn) -> None:
        turn.reply("What now?", buttons=[Button("Track it", "track:42"), Button("Pay", "pay")])

    @bot.button("track:{order}")
    async def track(turn: Turn) -> None:
        turn.reply(f"tracking {turn.params['order']}")

    @bot.text("1")
    async def one(turn: Turn) -> None:
        turn.reply("one")

    @bot.fallback
    async def other(turn: Turn) -> None:
        turn.reply("?")

    return bot


@pytest.mark.parametrize("typed", ["2", "2.", "bad", "BAD!", "the second"])
async def test_numbers_labels_and_ordinals_press_where_there_are_no_buttons(typed: str) -> None:
    async with Simulation(survey_bot(), capabilities=Capabilities()) as world:
        ada = world.user("Ada")
        assert await ada.says("start") == ["How was it?\n1) Good\n2) Bad"]
        assert await ada.says(typed) == ["Why?"]
        assert await ada.says("2") == ["Bad because 2"]


async def test_a_near_typo_of_a_label_presses_it_when_nothing_else_is_meant() -> None:
    async with Simulation(survey_bot(), capabilities=Capabilities()) as world:
        ada = world.user("Ada")
        assert await ada.says("menu") == ["What now?\n1) Track it\n2) Pay"]
        assert await ada.says("trck it") == ["tracking 42"]
        assert await ada.says("something else") == ["?"]


async def test_options_of_an_older_message_do_not_press_when_newer_ones_were_offered() -> None:
    async with Simulation(survey_bot(), capabilities=Capabilities()) as world:
        ada = world.user("Ada")
        await ada.says("menu")
        await ada.says("start")
        assert await ada.says("track it") == ["How was it?\n1) Good\n2) Bad"]
        assert await ada.says("1") == []
        assert await ada.says("1") == ["one"]


async def test_a_dialog_goes_on_after_a_restart() -> None:
    async with Simulation(survey_bot()) as world:
        ada = world.user("Ada")
        await ada.says("start")
        await world.restarts()
        assert await ada.presses("Bad") == ["Why?"]
        await world.restarts()
        assert await ada.says("cold") == ["Bad because cold"]


async def test_in_a_room_only_who_was_asked_answers() -> None:
    async with Simulation(survey_bot()) as world:
        ada, bob = world.user("Ada", room="kitchen"), world.user("Bob", room="kitchen")
        await ada.says("start")
        assert await bob.says("Bad") == ["?"]
        assert await bob.says("start") == ["How was it?"]
        assert await ada.says("Bad") == ["Why?"]
        assert await bob.says("Good") == []
        assert await ada.says("cold") == ["Bad because cold"]


async def test_a_start_is_refused_when_people_stand_where_the_code_has_no_state() -> None:
    async with Simulation(survey_bot()) as world:
        await world.user("Ada").says("start")
        await world.user("Bob").says("start")
        store = world.engine.store
    smaller = Bot("survey")
    with pytest.raises(DefinitionError, match=r"2 in survey version 1, state stars"):
        async with Simulation(smaller, store=store):
            pytest.fail("it started")


@pytest.mark.slow
async def test_of_a_thousand_customers_none_sees_anything_of_another() -> None:
    bot = Bot("secrets")
    order = bot.dialog(Survey)

    @order.state(ask=lambda turn, _: f"For {turn.memory['secret']}?", to=[END])
    async def size(turn: Turn, order: Survey, answer: str) -> None:
        earlier = [one.message.text for one in await turn.history()]
        turn.reply(f"{turn.user.id} {turn.memory['secret']} {turn.profile['secret']} {answer} {earlier}")

    @bot.regex(r"I am (?P<secret>\w+)")
    async def begins(turn: Turn) -> None:
        turn.memory["secret"] = turn.profile["secret"] = turn.params["secret"]
        await anyio.lowlevel.checkpoint()
        turn.begin(order)

    async with Simulation(bot) as world:
        people = {f"canary{number}": world.user(f"user{number}") for number in range(1000)}
        for text in ("I am {}", "for {}"):
            events = [
                MessageReceived(
                    id=text,
                    conversation=one.conversation,
                    at=world.clock.now(),
                    user=one.user,
                    text=text.format(secret),
                )
                for secret, one in people.items()
            ]
            await world.engine.accept(events)
            await world.settles()
        for secret, one in people.items():
            asked = f"For {secret}?"
            assert one.hears() == [
                asked,
                f"{one.user.id} {secret} {secret} for {secret} {[f'I am {secret}', asked]}",
            ]
