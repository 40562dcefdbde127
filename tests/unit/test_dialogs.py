"""Dialogs: the table is checked when it is written or compiled, and every step goes where it says."""

import datetime as dt
import enum
import functools
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, evolve, field

from convokit import Router
from convokit.conversations import Conversation, ConversationId, Position
from convokit.dialogs import END, Around, Dialog, Steps
from convokit.errors import DefinitionError, HandlerFailed, MigrationFailed
from convokit.events import ButtonPressed, Event, MessageReceived
from convokit.expect import Choice, Integer, YesNo
from convokit.messages import Attachment, Button, Image, Link, Message
from convokit.people import User
from convokit.turn import Facts, Turn
from convokit.wire.codec import decode, encode

NOW = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
COMMON: dict[str, Any] = {"id": "1", "conversation": ConversationId("shop", "ada"), "at": NOW}


def turn_of(event: Event) -> Turn:
    conversation = Conversation(id=COMMON["conversation"])
    return Turn(event=event, conversation=conversation, user=User(id="ada"), now=NOW, memory={}, profile=Facts({}))


def steps_of(turn: Turn, *dialogs: Dialog[Any]) -> Steps:
    return Steps(turn, Around(dialogs={one.name: one for one in dialogs}))


class Chat:
    """One person in one dialog; between two steps the position goes through bytes, as in a store."""

    def __init__(self, dialog: Dialog[Any]) -> None:
        self.dialog = dialog
        self.position: Position | None = None
        self.heard: list[Message] = []

    def _kept(self, turn: Turn, position: Position | None) -> list[str]:
        self.position = decode(Position, encode(position)) if position is not None else None
        self.heard = turn.replies
        return [one.text for one in turn.replies]

    async def begins(self, memory: Any = None) -> list[str]:
        turn = turn_of(MessageReceived(**COMMON, text="go"))
        begun = await steps_of(turn, self.dialog).begin(self.dialog, self.dialog.start(memory), "ada", None)
        return self._kept(turn, begun)

    async def does(self, event: Event) -> list[str]:
        assert self.position is not None
        turn = turn_of(event)
        return self._kept(turn, await steps_of(turn, self.dialog).answer(self.position))

    async def says(self, text: str) -> list[str]:
        return await self.does(MessageReceived(**COMMON, text=text))

    async def presses(self, button: Button) -> list[str]:
        return await self.does(ButtonPressed(**COMMON, payload=button.payload, label=button.label))

    def buttons(self) -> list[Button]:
        return [one for one in self.heard[-1].buttons if isinstance(one, Button)]


@define
class Order:
    size: str = ""
    guests: int = 0
    done: bool = False


async def nothing(turn: Turn, order: Order, answer: str) -> None:
    """A state's handler that does nothing."""


def state(**arguments: Any) -> Callable[[], object]:
    """Makes a dialog whose only state has these arguments."""
    whole = {"ask": "?", "to": [END], **arguments}
    handler = whole.pop("handler", nothing)
    return lambda: Dialog(Order).state(**whole)(handler)


def ordering(*, name: str | None = None) -> Dialog[Order]:
    made = Dialog(Order, name=name)

    @made.state(ask="Small or large?", choices=["small", "large"], to=["guests"])
    async def size(turn: Turn, order: Order, answer: str) -> None:
        order.size = answer

    @made.state(ask="How many?", expect=Integer(1, 8), retry="A number from 1 to 8.", to=[END, "done"])
    async def guests(turn: Turn, order: Order, answer: int) -> str:
        order.guests = answer
        if answer == 7:
            return "guests"
        return "done" if answer < 5 else "size" if answer == 5 else END

    @made.state(ask="Sure?", expect=YesNo(), to=[END])
    async def done(turn: Turn, order: Order, answer: bool) -> None:
        order.done = answer
        turn.reply(f"{order.size} for {order.guests}: {answer}")

    return made


# ── definition ──────────────────────────────────────────────────────────────────────────────────────────────────────


@define
class NoDefault:
    size: str


@define
class WrongDefault:
    size: str = None  # type: ignore[assignment]  # wrong on purpose


@define
class Unstorable:
    what: object = field(factory=object)


@define
class Hidden:
    _secret: int = 0


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: Dialog(dict), ["attrs class", "dict"]),
        (lambda: Dialog(Order()), ["attrs class", "Order"]),
        (lambda: Dialog(NoDefault), ["no_default", "size", "default"]),
        (lambda: Dialog(WrongDefault), ["wrong_default", "size", "default"]),
        (lambda: Dialog(Unstorable), ["unstorable", "stored"]),
        (lambda: Dialog(Hidden), ["hidden", "_secret", "without"]),
        (lambda: Dialog(Order, version=0), ["Order", "version", "from 1", "0"]),
        (lambda: Dialog(Order, version="3"), ["Order", "version", "'3'"]),
        (lambda: Dialog(Order, version=1.5), ["Order", "version", "1.5"]),
        (state(to="END"), [__file__, "nothing", "list of goals", "'END'"]),
        (state(to=[]), ["list of goals"]),
        (state(to=[nothing]), ["list of goals", "nothing"]),
        (state(expect=Integer(), choices=["a"]), ["nothing", "not both"]),
        (state(expect=int), ["read(event)", "int"]),
        (state(choices="ab"), ["'ab'"]),
        (state(ask=""), ["nothing", "ask", "empty"]),
        (state(ask=" "), ["ask", "empty"]),
        (state(ask=None), ["ask", "None"]),
        (state(ask=Message()), ["ask", "empty"]),
        (state(ask=lambda _: "?"), ["ask", "(turn, memory)"]),
        (state(retry=""), ["retry", "empty"]),
        (state(retry=7), ["retry", "7"]),
        (state(handler=lambda _, __, ___: None), ["test_dialogs.py", "async def"]),
        (state(handler=functools.partial(nothing)), ["async def", "name"]),
        (lambda: Dialog(Order).start(None), ["no states", "state(ask="]),
        (lambda: Dialog(Order).compile(), ["no states"]),
        (lambda: ordering().start("large"), ["Order(…)", "'large'"]),
    ],
)
def test_a_table_that_cannot_work_is_refused_with_the_way_out(make: Callable[[], object], parts: list[str]) -> None:
    with pytest.raises(DefinitionError) as refused:
        make()
    for part in parts:
        assert part in str(refused.value)


def test_handlers_that_cannot_be_called_are_refused_with_their_line() -> None:
    made: Dialog[Any] = Dialog(Order)

    def plain(turn: Turn, order: Order, answer: str) -> None: ...
    async def short(turn: Turn, order: Order) -> None: ...
    async def END(turn: Turn, order: Order, answer: str) -> None: ...  # noqa: N802  the name is what is tested

    for handler, complaint in ((plain, "must be an async def"), (short, "takes"), (END, "cannot be called END")):
        line = handler.__code__.co_firstlineno
        with pytest.raises(DefinitionError, match=complaint) as refused:
            made.state(ask="?", to=["END"])(handler)  # type: ignore[arg-type]  # wrong on purpose
        assert f"{__file__}:{line}" in str(refused.value)
    made.state(ask="?", to=["END"])(nothing)
    with pytest.raises(DefinitionError, match="has a state nothing already"):
        made.state(ask="?", to=["END"])(nothing)


@pytest.mark.parametrize(
    ("goal", "hint"),
    [("adress", 'did you mean "address"'), ("end", 'did you mean "END"'), ("zzz", "its states are size, address")],
)
def test_a_goal_that_is_no_state_is_refused_at_start_with_the_nearest_one(goal: str, hint: str) -> None:
    made = Dialog(Order)

    @made.state(ask="?", to=[goal])
    async def size(turn: Turn, order: Order, answer: str) -> None: ...

    @made.state(ask="?", to=[END])
    async def address(turn: Turn, order: Order, answer: str) -> None: ...

    with pytest.raises(DefinitionError, match=re.escape(hint)) as refused:
        made.compile()
    assert f'state size leads to "{goal}"' in str(refused.value)
    assert __file__ in str(refused.value)


@pytest.mark.parametrize(
    ("written", "name"), [("Order", "order"), ("PizzaOrder", "pizza_order"), ("HTTPOrder", "http_order"), ("V2", "v2")]
)
def test_a_dialog_is_named_after_its_class(written: str, name: str) -> None:
    assert Dialog(define(type(written, (), {}))).name == name
    assert Dialog(Order, name="other").name == "other"


def test_two_dialogs_of_one_class_need_names_of_their_own() -> None:
    router = Router("shop")
    router.dialog(Order)
    with pytest.raises(DefinitionError, match="order"):
        router.dialog(Order)
    assert router.dialog(Order, name="second").name == "second"


# ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_dialog_goes_from_question_to_question_to_its_end() -> None:
    ada = Chat(ordering())
    assert await ada.begins() == ["Small or large?"]
    assert [one.label for one in ada.buttons()] == ["small", "large"]
    assert await ada.says("huge") == ["Small or large?"]
    assert ada.position is not None
    assert ada.position.unclear == 1
    assert await ada.says("LARGE") == ["How many?"]
    assert ada.position.unclear == 0
    assert ada.position.memory == {"size": "large", "guests": 0, "done": False}
    assert await ada.says("4") == ["Sure?"]
    assert await ada.says("yes") == ["large for 4: True"]
    assert ada.position is None


async def test_naming_its_own_state_asks_again_though_it_is_not_among_the_goals() -> None:
    ada = Chat(ordering())
    await ada.begins(Order(size="small"))
    assert await ada.says("7") == ["How many?"]
    assert ada.position is not None
    assert ada.position.state == "guests"
    assert ada.position.memory["guests"] == 7


async def test_a_computed_goal_that_is_not_in_to_fails_the_turn() -> None:
    ada = Chat(ordering())
    await ada.begins(Order(size="small"))
    before = ada.position
    with pytest.raises(HandlerFailed, match=r"order.guests failed.*'size', which is not in to=\[END, done\]"):
        await ada.says("5")
    assert ada.position == before


@pytest.mark.parametrize("returned", [["a"], 5, True, object(), "", "trigger"])
async def test_what_is_no_goal_at_all_fails_the_turn_in_the_same_words(returned: Any) -> None:
    made = Dialog(Order)

    @made.state(ask="?", to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> Any:
        return returned

    ada = Chat(made)
    await ada.begins()
    with pytest.raises(HandlerFailed, match=r"order.size failed: it returned .* which is not in to=\[END\]"):
        await ada.says("x")


async def test_returning_nothing_with_several_ways_out_fails_the_turn() -> None:
    made = Dialog(Order)

    @made.state(ask="?", to=[END, "size"])
    async def size(turn: Turn, order: Order, answer: str) -> None: ...

    ada = Chat(made)
    await ada.begins()
    with pytest.raises(HandlerFailed, match="returned nothing, but has several ways out: return one of END, size"):
        await ada.says("x")


async def test_answers_known_up_front_are_not_asked() -> None:
    ada = Chat(ordering())
    assert await ada.begins(Order(guests=3)) == ["Small or large?"]
    assert await ada.says("small") == ["Sure?"]
    assert await ada.says("no") == ["small for 3: False"]


async def test_when_all_is_known_the_dialog_is_over_at_once() -> None:
    ada = Chat(ordering())
    assert await ada.begins(Order(size="small", guests=3, done=True)) == ["small for 3: True"]
    assert ada.position is None


async def test_a_known_answer_that_its_handler_refuses_is_asked_for() -> None:
    ada = Chat(ordering())
    assert await ada.begins(Order(size="small", guests=7)) == ["How many?"]
    assert await ada.says("8") == []
    assert ada.position is None


@define
class Cart:
    size: str = ""
    items: list[str] = field(factory=list)


async def test_the_memory_a_dialog_begins_with_is_copied_for_each_customer() -> None:
    made = Dialog(Cart)

    @made.state(ask="?", to=["more"])
    async def size(turn: Turn, cart: Cart, answer: str) -> None:
        cart.items.append(answer)

    @made.state(ask="More?", to=[END])
    async def more(turn: Turn, cart: Cart, answer: str) -> None: ...

    shared = Cart(size="large")
    for _ in range(2):
        ada = Chat(made)
        await ada.begins(shared)
        assert ada.position is not None
        assert ada.position.memory["items"] == ["large"]
    assert shared == Cart(size="large")


async def test_a_memory_that_could_not_be_read_again_fails_the_turn_that_wrote_it() -> None:
    made = Dialog(Order)

    @made.state(ask="?", to=["guests"])
    async def size(turn: Turn, order: Order, answer: Any) -> None:
        order.guests = object() if answer == "object" else answer

    @made.state(ask="?", to=[END])
    async def guests(turn: Turn, order: Order, answer: str) -> None: ...

    ada = Chat(made)
    await ada.begins()
    for text in ("five", "object"):
        with pytest.raises(HandlerFailed, match=r"the memory cannot be kept.*Order's fields must hold"):
            await ada.says(text)
    with pytest.raises(HandlerFailed, match="cannot be kept"):
        await ada.begins(Order(guests="5"))  # type: ignore[arg-type]  # wrong on purpose


class Colour(enum.Enum):
    RED = "red"


@define
class Address:
    street: str = ""
    number: int | None = None


@define
class Everything:
    day: dt.date = dt.date(2026, 1, 5)
    moment: dt.datetime | None = None
    clock: dt.time = dt.time(9)
    pause: dt.timedelta = dt.timedelta(0)
    price: Decimal = Decimal(0)
    colour: Colour | None = None
    address: Address | None = None
    others: list[Address] = field(factory=list)
    by_number: dict[int, Decimal] = field(factory=dict)
    pair: tuple[int, str] = (0, "")
    tags: set[str] = field(factory=set)
    photo: Attachment | None = None


async def test_a_memory_keeps_its_types_from_step_to_step() -> None:
    whole = Everything(
        day=dt.date(2024, 2, 29),
        moment=NOW,
        clock=dt.time(23, 59, 59, 5),
        pause=dt.timedelta(days=3, microseconds=1),
        price=Decimal("1.10"),
        colour=Colour.RED,
        address=Address("Crane St 🍕", 12),
        others=[Address(), Address("b")],
        by_number={1: Decimal("0.1")},
        pair=(7, "x"),
        tags={"a", "b"},
        photo=Image("https://example.org/a"),
    )
    made = Dialog(Everything)
    seen: list[Everything] = []

    @made.state(ask="?", to=[END, "again"])
    async def again(turn: Turn, memory: Everything, answer: str) -> str:
        seen.append(evolve(memory))
        return "again" if answer == "more" else END

    ada = Chat(made)
    await ada.begins(whole)
    await ada.says("more")
    await ada.says("more")
    await ada.says("enough")
    assert seen == [whole] * 3


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_question_may_be_a_message_with_buttons_of_its_own_behind_the_answers() -> None:
    made = Dialog(Order)
    question = Message("Size?", buttons=[Button("Help", "help:size"), Link("Menu", "https://example.org")])

    @made.state(ask=question, choices=["small", "large"], retry="Which?", to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> None: ...

    ada = Chat(made)
    await ada.begins()
    labels = ["small", "large", "Help", "Menu"]
    assert [getattr(one, "label", "") for one in ada.heard[0].buttons] == labels
    assert await ada.says("?") == ["Which?"]
    assert [getattr(one, "label", "") for one in ada.heard[0].buttons] == labels
    assert await ada.presses(Button("Help", "help:size")) == ["Which?"]
    assert question.buttons[0] == Button("Help", "help:size")


async def test_a_retry_with_buttons_keeps_its_own() -> None:
    made = Dialog(Order)

    @made.state(ask="Size?", choices=["small"], retry=Message("Hm?", buttons=["Help"]), to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> None: ...

    ada = Chat(made)
    await ada.begins()
    await ada.says("huge")
    assert ada.heard == [Message("Hm?", buttons=["Help"])]


async def asked_later(turn: Turn, order: Order) -> str:
    return f"{turn.user.id}, {order.size or 'no'} size?"


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (asked_later, "ada, no size?"),
        (lambda turn, order: Message(f"{turn.user.id}{order.size}?"), "ada?"),
        (lambda _, order: f"{order.guests}?", "0?"),
    ],
)
async def test_a_question_may_be_a_function_plain_or_async(ask: Any, text: str) -> None:
    made = Dialog(Order)

    @made.state(ask=ask, to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> None: ...

    ada = Chat(made)
    assert await ada.begins() == [text]
    assert ada.position is not None
    turn = turn_of(MessageReceived(**COMMON, text="back"))
    again = await steps_of(turn, made).ask_again(ada.position)
    assert again == evolve(ada.position, asked=ada.position.asked + 1)
    assert [one.text for one in turn.replies] == [text]


async def test_a_press_answers_its_own_question_and_no_other() -> None:
    made = Dialog(Order)

    @made.state(ask="A?", choices=["yes", "no"], to=["second"])
    async def first(turn: Turn, order: Order, answer: str) -> None: ...

    @made.state(ask="B?", choices=["yes", "no"], to=["third"])
    async def second(turn: Turn, order: Order, answer: str) -> None: ...

    @made.state(ask="C?", to=[END])
    async def third(turn: Turn, order: Order, answer: str) -> None: ...

    ada = Chat(made)
    await ada.begins()
    stale = ada.buttons()[0]
    assert await ada.presses(stale) == ["B?"]
    assert await ada.presses(stale) == ["B?"]
    assert await ada.presses(evolve(ada.buttons()[0], label="anything")) == ["C?"]
    assert await ada.presses(stale) == ["C?"]
    assert await ada.presses(Button("free", "own")) == []


async def test_the_payload_of_a_press_is_short_the_same_on_every_run_and_the_dialogs_own() -> None:
    one, twin, other = Chat(ordering()), Chat(ordering()), Chat(ordering(name="other"))
    for chat in (one, twin, other):
        await chat.begins()
    assert one.buttons() == twin.buttons()
    assert not {each.payload for each in one.buttons()} & {each.payload for each in other.buttons()}
    assert all(len(each.payload.encode()) <= 20 for each in one.buttons())


async def test_a_conversation_in_a_state_that_is_gone_is_told_by_name() -> None:
    gone = Position(dialog="order", version=1, state="gone", user="ada")
    with pytest.raises(MigrationFailed, match="dialog order, version 1, state gone: it has no state gone any more"):
        await steps_of(turn_of(MessageReceived(**COMMON, text="x")), ordering()).answer(gone)


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# What Mermaid's grammar of state diagrams takes a line for: an id holds no space, colon, dash or brace and is none of
# its words in any case; a text goes to the end of the line and, entities aside, holds no colon or semicolon.
ID = r"(?!(?:state|note|end|direction|class|classdef|style|click|default|scale|href|acctitle)\b)[^:\s\-{}\[\]]+"
TEXT = r"(?:[^:;#\"<>{}\n]|#\d+;)+"
LINE = re.compile(rf"    (?:{ID} : {TEXT}|(?:\[\*\]|{ID}) --> (?:\[\*\]|{ID})(?: : {TEXT})?)", re.IGNORECASE)


def test_a_dialog_draws_itself() -> None:
    assert ordering().draw() == (
        "stateDiagram-v2\n"
        "    [*] --> size\n"
        "    size : Small or large?\n"
        "    guests : How many?\n"
        "    done : Sure?\n"
        "    size --> guests : small / large\n"
        "    guests --> [*]\n"
        "    guests --> done\n"
        "    done --> [*] : Yes / No\n"
    )


def test_a_drawing_is_one_mermaid_can_read_whatever_the_names_and_texts() -> None:
    made = Dialog(Order)

    @made.state(ask='"A": b; #c <d>\n{e} %%{init}%% --> [*]', to=["state", "note_", END], choices=["a:b", "c;#d"])
    async def note(turn: Turn, order: Order, answer: str) -> None: ...

    @made.state(ask=lambda *_: "?", to=["größe"])
    async def state(turn: Turn, order: Order, answer: str) -> None: ...

    @made.state(ask=Message(attachments=[Image("https://example.org/a")]), to=["note"])
    async def note_(turn: Turn, order: Order, answer: str) -> None: ...

    @made.state(ask="x", to=[END], expect=Choice(["🍕"]))
    async def größe(turn: Turn, order: Order, answer: str) -> None: ...  # noqa: PLC2401  people name so

    head, *lines = made.draw().rstrip("\n").split("\n")
    assert head == "stateDiagram-v2"
    for line in lines:
        assert LINE.fullmatch(line), line
    ids = {line.split()[0] for line in lines if " : " in line and "-->" not in line.split(" : ")[0]}
    assert len(ids) == 3
    assert lines[0] == "    [*] --> note__"
    assert "    state_ : state" in lines
