"""The chat in the terminal: what is typed becomes events, what is said is shown, the desk is played beside it."""

from collections.abc import Sequence

import pytest
from attrs import define, field

from convokit import Bot, Button, ConversationId, ConversationOpened, Event, Link, Message, MessageReceived, Turn
from convokit.cli.pizzeria import bot as pizzeria
from convokit.cli.talking import Backstage
from convokit.errors import StoreUnavailable
from convokit.stores import Memory
from convokit.transports import Console
from convokit.transports.console.terminal import _without_room
from convokit.transports.console.words import Look, in_words, one_line


@define
class Paper:
    """A screen whose lines were written beforehand, and that keeps what is shown."""

    lines: list[str] = field(factory=list)
    interactive: bool = False
    colours: bool = False
    shown: str = ""

    async def read(self, prompt: str) -> str:
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def write(self, text: str) -> None:
        self.shown += text


async def chat(
    bot: Bot, *lines: str, store: Memory | None = None, interactive: bool = False, colours: bool = False
) -> str:
    """What is on the screen when these lines were typed."""
    paper, backstage = Paper(list(lines), interactive, colours), Backstage()
    console = Console(screen=paper, backstage=backstage)
    async with bot.serve(store or Memory(), transports={"console": console}, desk=backstage) as engine:
        backstage.begins(engine)
        await console.over()
    return paper.shown


async def typed(*lines: str, console: Console | None = None) -> list[Event]:
    """The events that these lines become."""
    accepted: list[Event] = []

    async def accept(events: Sequence[Event]) -> Sequence[bool]:
        accepted.extend(events)
        return [True] * len(events)

    one = console or Console(screen=Paper(list(lines)))
    async with one:
        await one.run(accept)
    return accepted


async def test_a_line_is_a_message_of_the_person_in_their_own_conversation() -> None:
    first, second = await typed("hello there", "/as Ada Lovelace", "", "me too")
    assert isinstance(first, MessageReceived)
    assert (first.text, first.conversation, first.user and first.user.name) == (
        "hello there",
        ConversationId("console", "you"),
        "you",
    )
    assert (second.text, second.conversation) == ("me too", ConversationId("console", "ada lovelace"))
    assert first.id != second.id


async def test_a_person_keeps_their_conversation_however_the_name_is_spelt() -> None:
    upper, lower = await typed("/as ADA", "x", "/as ada", "y")
    assert upper.conversation == lower.conversation


async def test_open_is_a_link_that_carries_a_ref() -> None:
    (event,) = await typed("/open spring-sale")
    assert isinstance(event, ConversationOpened)
    assert event.ref == "spring-sale"


async def test_commands_that_are_not_the_consoles_are_the_bots_and_two_slashes_make_them_so() -> None:
    assert [event.text for event in await typed("/start", "//help", "/help", "/quit", "not read any more")] == [
        "/start",
        "/help",
    ]


async def test_what_cannot_be_stored_is_scrubbed_from_what_is_typed() -> None:
    (event,) = await typed("a\udcffb\x00")
    assert "\udcff" not in event.text
    assert "\x00" not in event.text


async def test_an_order_reads_as_the_chat_that_it_was() -> None:
    assert await chat(pizzeria, "pizza", "2", "12 Crane St") == (
        "you › pizza\n"
        "bot › Small or large?\n"
        "      1) small\n"
        "      2) large\n"
        "you › 2\n"
        "bot › Where shall we bring it?\n"
        "you › 12 Crane St\n"
        "bot › One large pizza is on its way to 12 Crane St.\n"
    )


async def test_the_conversation_goes_on_in_the_next_run_and_shows_what_was_said() -> None:
    store = Memory()
    await chat(pizzeria, "pizza", "large", store=store)
    shown = await chat(pizzeria, "12 Crane St", store=store)
    assert shown.startswith("Earlier:\nyou › pizza\n")
    assert shown.endswith("bot › One large pizza is on its way to 12 Crane St.\n")


async def test_silence_is_told() -> None:
    assert (await chat(pizzeria, "what is this?")).endswith("(No answer so far.)\n")


async def test_an_operator_takes_the_conversation_speaks_and_gives_it_back() -> None:
    shown = await chat(
        pizzeria, "/as Ada", "help", "pizza", "/operator Grace", "1", "In the oven.", "/close", "/customer", "pizza"
    )
    assert "/operator: be that person" in shown
    assert "Ada › pizza\n(The person at the desk has it.)\n" in shown
    assert "1) Ada: wants a person\n" in shown
    assert "Grace → Ada › In the oven.\n→ Ada › In the oven.\n" in shown
    assert shown.endswith("Ada › pizza\nbot › Small or large?\n      1) small\n      2) large\n")


async def test_the_desk_shows_what_was_said_before_and_since() -> None:
    shown = await chat(pizzeria, "help", "hurry up", "/operator", "/take 1")
    taken = shown[shown.index("desk › /take 1") :]
    assert "you › help\nbot › One moment, a colleague will join us.\n" in taken
    assert "you › hurry up\n" in taken


async def test_a_handoff_of_an_earlier_run_is_at_the_desk_again() -> None:
    store = Memory()
    await chat(pizzeria, "help", store=store)
    shown = await chat(pizzeria, "/operator", "1", "Here I am.", "/close", "/customer", "pizza", store=store)
    assert "1) you: wants a person\n" in shown
    assert "bot › Small or large?" in shown


async def test_at_an_empty_desk_nobody_can_be_spoken_to() -> None:
    shown = await chat(pizzeria, "/operator", "hello?", "7")
    assert shown.count("Nobody waits for a person.") == 3


async def test_without_a_run_behind_it_there_is_no_desk_and_it_says_so() -> None:
    paper = Paper(["/operator"])
    await typed(console=Console(screen=paper))
    assert "There is no desk here" in paper.shown


async def test_others_are_shown_with_their_name() -> None:
    paper = Paper(["/as Ada", "x", "/as you"])
    console = Console(screen=paper)
    await typed(console=console)
    async with console:
        await console.send(ConversationId("console", "ada"), Message("for Ada"))
        await console.send(ConversationId("console", "you"), Message("for you"))
    assert paper.shown.endswith("→ Ada › for Ada\nbot › for you\n")


HARMFUL = ["\x1b[2J", "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;title\x07", "\x9b31m", "\u202eevil", "a\rb", "\x08\x08", "\x7f"]


@pytest.mark.parametrize("harm", HARMFUL)
async def test_nothing_that_is_said_or_typed_drives_the_terminal(harm: str) -> None:
    bot = Bot("parrot")

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(Message(f"you said {turn.text}", buttons=[Button(f"b {harm}")]))
        turn.hand_off(f"because {harm}")

    shown = await chat(bot, f"/as A{harm}", f"hi {harm}", f"/operator G{harm}", "1", f"yes {harm}", "/close")
    driving = {c for c in harm if not c.isprintable()}
    assert driving
    assert not driving & set(shown)


async def test_colours_are_there_only_where_they_are_understood() -> None:
    assert "\x1b[" in await chat(pizzeria, "pizza", colours=True)
    assert "\x1b[" not in await chat(pizzeria, "pizza")


async def test_what_somebody_types_themselves_is_not_shown_twice() -> None:
    assert "you › pizza" not in await chat(pizzeria, "pizza", interactive=True)


async def test_what_the_store_cannot_keep_is_told_and_the_chat_goes_on() -> None:
    answers = [StoreUnavailable("disk full"), None]
    kept: list[Event] = []

    async def accept(events: Sequence[Event]) -> Sequence[bool]:
        problem = answers.pop(0)
        if problem is not None:
            raise problem
        kept.extend(events)
        return [True]

    paper = Paper(["one", "two"])
    console = Console(screen=paper)
    async with console:
        await console.run(accept)
    assert "say it again: disk full" in paper.shown
    assert [event.text for event in kept] == ["two"]


async def test_a_reader_who_has_gone_ends_the_chat() -> None:
    class Gone(Paper):
        def write(self, text: str) -> None:
            raise BrokenPipeError

    console = Console(screen=Gone())
    async with console:
        await console.send(ConversationId("console", "you"), Message("anyone?"))
        await console.over()


def test_what_is_not_text_is_named() -> None:
    message = Message("Choose", buttons=[Button("Small"), Link("Shop", "https://example.com"), Button("Large")])
    assert in_words(message) == "Choose\nShop: https://example.com\n1) Small\n2) Large"


def test_a_long_name_is_cut_and_stays_on_one_line() -> None:
    assert one_line("a\nb") == "a b"
    assert len(one_line("x" * 500)) == 40


def test_colours_take_no_room_on_the_line_that_is_edited() -> None:
    marked = _without_room(Look(colours=True).prompt("customer", "ada"))
    assert marked == "\x01\x1b[1;32m\x02ada\x01\x1b[0m\x02 › "
