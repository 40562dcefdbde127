"""`convokit why` and `convokit stats`: what they tell of a store, and that nothing in it drives the terminal."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from convokit import Message, MessageReceived, OperatorJoined, Rejected, User
from convokit._engine.clock import SystemClock
from convokit.abc import Transport
from convokit.cli import main, naming
from convokit.cli.stats import _span
from convokit.conversations import ConversationId
from convokit.stores import SQLite
from convokit.testing import Simulation

Write = Callable[..., Path]
Told = Callable[..., str]

SHOP = """
from attrs import define

from convokit import END, Bot, MessageReceived, Settings, Turn
from convokit.desks import Local
from convokit.filters import channel, contains, user, where

bot = Bot("shop", desk=Local(), settings=Settings(retry_pause=0, tries=2))


@define
class Order:
    size: str = ""


ordering = bot.dialog(Order, name="order")


@ordering.state(ask="Small or large?", choices=["small", "large"], to=[END])
async def size(turn: Turn, order: Order, answer: str) -> None:
    order.size = answer
    turn.reply(f"A {answer} one.")


@bot.command("stop", interrupts=True)
async def stop(turn: Turn) -> None: ...


@bot.text("pizza", "order")
async def order_pizza(turn: Turn) -> None:
    turn.memory["orders"] = 1
    turn.begin(ordering)


@bot.on(MessageReceived, channel("web") & contains("hallo"))
async def web_only(turn: Turn) -> None: ...


@bot.on(MessageReceived, ~user("ada") & contains("hallo"))
async def not_ada(turn: Turn) -> None: ...


@bot.button("buy:{what}")
async def buy(turn: Turn) -> None: ...


@bot.text("break")
async def breaks(turn: Turn) -> None:
    raise KeyError("a \\x1b[31m red word")


@bot.text("help")
async def helps(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment.")


@bot.fallback
async def anything(turn: Turn) -> None:
    turn.reply("Pardon?")
"""


@pytest.fixture
def shop(write: Write) -> Any:
    """A bot in a module called shop."""
    write("shop", SHOP)
    return naming.bot_named("shop:bot")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What a command prints; it goes well unless another status is expected."""

    def run(*argv: str, status: int = 0) -> str:
        capsys.readouterr()
        assert main(argv) == status
        said = capsys.readouterr()
        return said.out if status == 0 else said.err

    return run


def talk(bot: Any, *words: str, troubles: Rejected | None = None) -> None:
    """Let Ada say these on the bot's own file."""

    async def run() -> None:
        async with Simulation(bot, store=SQLite("shop.db")) as world:
            if troubles is not None:
                world.troubles(troubles)
            for number, one in enumerate(words, 1):
                ada = world.user("Ada")
                await world.happens(MessageReceived, ada.conversation, ada.user, text=one, id=f"m{number}")

    anyio.run(run)


# ── why ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_tells_which_routes_were_asked_and_which_filter_said_no_on_what(shop: Any, told: Told) -> None:
    talk(shop, "hallo")
    said = told("why", "m1", "shop:bot")
    of_both = '(of channel("web") & contains("hallo"))'
    for line in (
        "MessageReceived m1 in simulation:ada, place 1",
        "  no person had the conversation, no dialog was open",
        '  for a MessageReceived: it says "hallo"',
        '    no   stop  waits for the command "/stop"',
        '    no   order_pizza  waits for the text "pizza" or the text "order"',
        f'    no   web_only     channel("web") says no: the channel is "simulation" {of_both}',
        '    no   not_ada      ~user("ada") says no: the user is "ada" (of ~user("ada") & contains("hallo"))',
        "    no   for other kinds of events: buy",
        "    yes  anything  nothing else was for it",
        "  version 0 → 1",
    ):
        assert line in said.splitlines()
    assert "fallback, by anything" in said
    assert "(shop.py:" in said
    assert 'to the customer, 1 try, the platform\'s id is "sent-1"  "Pardon?"' in said


def test_it_tells_of_the_dialog_that_asked_and_what_a_typed_answer_stood_for(shop: Any, told: Told) -> None:
    talk(shop, "pizza", "2")
    first, second = told("why", "m1", "shop:bot"), told("why", "m2", "shop:bot")
    assert '    yes  order_pizza  got the text "pizza"' in first
    assert '  dialog.ada.state: nothing → "order.size"' in first
    assert "  memory.orders: nothing → 1" in first
    assert '  offer: nothing → "small | large"' in first
    assert "  the dialog order.size was asking ada" in second
    assert '  it stood for the button "large"' in second
    assert "order.size: the dialog that asks gets it" in second
    assert '"A large one."' in second


def test_a_handler_with_two_routes_is_told_by_the_one_that_passed(shop: Any, write: Write, told: Told) -> None:
    two = '@bot.command("stop", interrupts=True)\n@bot.text("enough")\n'
    write("other", SHOP.replace('@bot.command("stop", interrupts=True)\n', two))
    talk(shop, "enough")
    said = told("why", "m1", "other:bot", "--store", "sqlite:///shop.db")
    assert '    no   stop  waits for the command "/stop"' in said
    assert '    yes  stop  got the text "enough"' in said


def test_it_tells_that_a_person_had_the_conversation(shop: Any, told: Told) -> None:
    talk(shop, "help", "hello?")
    said = told("why", "m2", "shop:bot")
    assert "  the conversation waited for a person, since" in said
    assert "no route is asked" in said
    assert "desk.forward, 1 try" in said


def test_it_tells_what_became_of_the_bots_words_when_a_person_took_over(shop: Any, told: Told) -> None:
    async def run() -> None:
        shop.attach(Pages())
        where, maya = ConversationId("pages", "v1"), User(id="maya")
        async with Simulation(shop, store=SQLite("shop.db")) as world:
            now = world.clock.now()
            said = MessageReceived(id="m1", conversation=where, at=now, user=User(id="v1"), text="what?")
            await world.engine.accept([said, OperatorJoined(id="j1", conversation=where, at=now, operator=maya)])
            await world.settles()

    anyio.run(run)
    said = told("why", "m1", "shop:bot")
    assert "silenced" in said
    assert "a person took the conversation before the bot had spoken" in said
    assert "  nothing\n" in said


def test_it_tells_what_failed_and_what_the_platform_answered(shop: Any, told: Told) -> None:
    talk(shop, "hallo", "break", troubles=Rejected("simulation", "blocked by the customer"))
    refused, broken = told("why", "m1", "shop:bot"), told("why", "m2", "shop:bot")
    assert "  failed  " in refused
    assert "    blocked by the customer" in refused
    assert "given up after 2 tries" in broken
    assert "error KeyError:" in broken
    assert "nothing: no turn of it was committed" in broken


def test_the_key_that_failed_lists_will_do(shop: Any, told: Told) -> None:
    talk(shop, "break")
    assert "convokit why KEY" in told("failed", "shop:bot")
    assert "MessageReceived m1 in simulation:ada" in told("why", "event:simulation:ada:1", "shop:bot")


def test_an_event_that_waits_is_told_by_the_state_as_it_is_now(shop: Any, told: Told) -> None:
    async def accepted() -> None:
        store = SQLite("shop.db")
        await store.open(SystemClock())
        where = ConversationId("telegram", "7")
        event = MessageReceived(id="late", conversation=where, at=datetime.now(UTC), user=User(id="7"), text="order")
        await store.accept([event])
        await store.close()

    anyio.run(accepted)
    said = told("why", "late", "shop:bot")
    assert "not yet: it waits" in said
    assert '    yes  order_pizza  got the text "order"' in said
    assert "nothing yet" in said


def test_without_the_code_it_tells_what_can_be_told(shop: Any, told: Told) -> None:
    talk(shop, "hallo")
    said = told("why", "m1", "--store", "sqlite:///shop.db")
    assert "name the bot (convokit why ID pizza:bot) to be told which routes were asked" in said
    assert "fallback, by anything" in said
    assert '"Pardon?"' in said


def test_code_that_has_changed_since_is_told(shop: Any, write: Write, told: Told) -> None:
    talk(shop, "hallo")
    write("other", SHOP.replace('"hallo"', '"salut"').replace('@bot.text("help")', '@bot.text("help", "hallo")'))
    said = told("why", "m1", "other:bot", "--store", "sqlite:///shop.db")
    assert "then it was anything: the code has changed since" in said


def test_a_filter_that_raises_is_named(shop: Any, write: Write, told: Told) -> None:
    talk(shop, "hallo")
    broken = SHOP.replace('channel("web") & contains("hallo")', 'where(lambda event, conversation: 1 // 0, "halves")')
    write("other", broken)
    said = told("why", "m1", "other:bot", "--store", "sqlite:///shop.db")
    assert "    !!!  web_only     raised ZeroDivisionError" in said
    assert "a filter raised: there was no route" in said


def test_what_customers_and_platforms_say_cannot_drive_the_terminal(shop: Any, told: Told) -> None:
    bad = "hallo \x1b]52;c;aGk=\x07 \x9b2J \u202eevil\r\nEND"
    talk(shop, bad, "break", troubles=Rejected("simulation", bad))
    for argv in (
        ("why", "m1", "shop:bot"),
        ("why", "m2", "shop:bot"),
        ("why", "m1", "shop:bot", "--json"),
        ("why", "--conversation", "simulation:ada", "shop:bot"),
        ("why", "event:\x1b[2J", "shop:bot"),
    ):
        said = told(*argv, status=0 if "2J" not in argv[1] else 1)
        assert not any(one in said for one in "\x1b\x07\x9b\u202e\r")
        assert "\nEND" not in said


def test_an_unknown_id_is_answered_with_those_that_are_like_it(shop: Any, told: Told) -> None:
    talk(shop, "hallo")
    said = told("why", "m11", "shop:bot", status=1)
    assert "nothing is known of an event 'm11'" in said
    assert "Ids like it: m1 in simulation:ada" in said
    assert "convokit why --conversation" in told("why", "completely-else", "shop:bot", status=1)


def test_a_conversations_last_events_are_listed_with_their_ids(shop: Any, told: Told) -> None:
    talk(shop, "hallo", "pizza")
    for argv in (["shop:bot"], ["--store", "sqlite:///shop.db"]):
        first, second, hint = told("why", "--conversation", "simulation:ada", *argv).splitlines()
        assert first.endswith('m1  Ada: "hallo"')
        assert second.endswith('m2  Ada: "pizza"')
        assert "convokit why ID" in hint
    assert "nobody has said anything" in told("why", "--conversation", "simulation:bob", "shop:bot", status=1)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["why", "m1"], "name the bot or its store: convokit why m1 pizza:bot"),
        (["why", "--store", "sqlite:///shop.db"], "name an event by its id, or a conversation"),
        (["why", "m1", "shop:bot", "--conversation", "ada"], "--conversation: a conversation is written channel:id"),
    ],
)
def test_what_is_missing_is_named(shop: Any, told: Told, argv: list[str], complaint: str) -> None:
    assert complaint in told(*argv, status=2)


def test_a_store_that_is_not_there_is_not_made(told: Told, tmp_path: Path) -> None:
    for command in (["why", "m1"], ["stats"]):
        assert "there is no store" in told(*command, "--store", "sqlite:///nothing.db", status=1)
    assert not (tmp_path / "nothing.db").exists()


def test_programs_get_all_of_it(shop: Any, told: Told) -> None:
    talk(shop, "hallo")
    (found,) = json.loads(told("why", "m1", "shop:bot", "--json"))
    assert found["event"]["kind"] == "MessageReceived"
    assert (found["routed"]["action"], found["routed"]["handler"]) == ("fallback", "anything")
    (web,) = [one for look in found["routed"]["looks"] for one in look["considered"] if one["handler"] == "web_only"]
    assert web["filters"][0]["parts"][0] == {
        "asked": 'channel("web")',
        "passes": False,
        "found": 'the channel is "simulation"',
        "parts": [],
    }
    assert found["sends"][0]["platform_id"] == "sent-1"
    assert found["changed"]["version"] == {"before": 0, "after": 1}


class Pages(Transport):
    """A channel whose pages read the log."""

    channel = "pages"
    reads_log = True

    async def send(self, to: ConversationId, message: Message) -> str | None:
        raise AssertionError("it reads the log")


def test_what_pages_read_in_the_log_is_told(shop: Any, told: Told) -> None:
    async def run() -> None:
        shop.attach(Pages())
        async with shop.serve(SQLite("shop.db")) as engine:
            where = ConversationId("pages", "v1")
            event = MessageReceived(
                id="m1", conversation=where, at=engine.clock.now(), user=User(id="v1"), text="what?"
            )
            await engine.accept([event])
            await engine.quiet()

    anyio.run(run)
    said = told("why", "m1", "shop:bot")
    assert "  in the log  " in said
    assert '  "Pardon?"' in said
    assert "where pages read the log, that is how they get it" in said


# ── stats ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows(said: str) -> dict[str, str]:
    """The table's lines by their names."""
    return {line[:18].strip(): " ".join(line[18:].split()) for line in said.splitlines()[1:]}


def test_what_is_there_is_counted(shop: Any, told: Told) -> None:
    talk(shop, "hallo", "break", troubles=Rejected("simulation", "no"))
    found = rows(told("stats", "shop:bot"))
    assert found["conversations"] == "1"
    assert found["events accepted"] == "2"
    assert found["waiting"] == "0"
    assert found["given up"] == "1 convokit failed lists them"
    assert found["failed"] == "1 convokit failed lists them"
    assert found["file"].split()[1] == "KB"


def test_the_oldest_that_waits_is_told(shop: Any, told: Told) -> None:
    class Earlier(SystemClock):
        def now(self) -> datetime:
            return super().now() - timedelta(hours=3)

    async def accepted() -> None:
        store = SQLite("shop.db")
        await store.open(Earlier())
        where = ConversationId("telegram", "7")
        event = MessageReceived(id="late", conversation=where, at=Earlier().now(), user=User(id="7"), text="order")
        await store.accept([event])
        await store.close()

    anyio.run(accepted)
    assert "1  the oldest for 3 hours, since " in told("stats", "shop:bot")
    found = json.loads(told("stats", "--store", "sqlite:///shop.db", "--json"))
    assert (found["waiting"], found["ready"], found["conversations"]) == (1, 1, 1)
    waited = datetime.fromisoformat(found["at"]) - datetime.fromisoformat(found["oldest_waiting"])
    assert timedelta(hours=2.9) < waited < timedelta(hours=3.1)


def test_how_old_the_oldest_is_that_retention_can_remove_is_told(shop: Any, told: Told) -> None:
    talk(shop, "hallo", "break")
    said = rows(told("stats", "shop:bot"))
    assert said["oldest entry"] == said["longest idle"]
    assert said["oldest entry"].endswith(" since 2026-01-05")
    assert said["oldest given up"].endswith(" since 2026-01-05")
    assert "oldest handoff" not in said
    assert list(json.loads(told("stats", "shop:bot", "--json"))["oldest"]) == ["log", "failed", "conversations"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (119, "119 seconds"), (150, "2 minutes"), (9000, "2 hours"), (2e5, "2 days")],
)
def test_a_span_is_told_in_the_largest_unit_that_it_fills_twice(seconds: float, words: str) -> None:
    assert _span(seconds) == words


def test_a_store_must_be_named(told: Told) -> None:
    assert "name the bot or its store: convokit stats pizza:bot" in told("stats", status=2)


def test_it_is_printed_again_and_again_until_stopped(
    shop: Any, told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talk(shop, "hallo")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("convokit.cli.stats.anyio.sleep", sleep)
    said = told("stats", "shop:bot", "--watch", "5", "--json")
    assert [json.loads(line)["turns"] for line in said.splitlines()] == [1, 1, 1]
    assert slept == [5, 5, 5]
