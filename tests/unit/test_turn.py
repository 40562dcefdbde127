"""A turn's record: what handlers may say and do, and what they are refused."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define

from convokit.abc import Attendance
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.dialogs import END, Dialog
from convokit.errors import DefinitionError, TurnTooLarge
from convokit.events import MessageReceived
from convokit.messages import Button, Image, Location, Message
from convokit.people import User
from convokit.turn import Facts, Turn

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
HERE = ConversationId("shop", "ada")
ELSEWHERE = ConversationId("shop", "bob")


@pytest.fixture
def turn() -> Turn:
    event = MessageReceived(id="1", conversation=HERE, at=NOW, text="hi")
    return Turn(
        event=event, conversation=Conversation(id=HERE), user=User(id="ada"), now=NOW, memory={}, profile=Facts({})
    )


@define
class Order:
    size: str = ""


ordering = Dialog(Order)


@ordering.state(ask="Size?", to=[END])
async def size(turn: Turn, order: Order, answer: str) -> None:
    del turn
    order.size = answer


@pytest.mark.parametrize(
    ("act", "error", "complaint"),
    [
        (lambda turn: turn.reply(), ValueError, "nothing to say"),
        (lambda turn: turn.reply(" \n"), ValueError, "nothing to say"),
        (lambda turn: turn.reply(Message()), ValueError, "nothing to say"),
        (lambda turn: turn.reply(Message("a"), buttons=["b"]), ValueError, "into the Message"),
        (lambda turn: turn.reply(Message("a"), location=Location(0, 0)), ValueError, "into the Message"),
        (lambda turn: turn.reply(None), TypeError, "text must be a str, not NoneType"),
        (lambda turn: turn.reply("a", buttons="Yes"), TypeError, "not the single str 'Yes'"),
        (lambda turn: turn.hand_off("why", saying=" "), ValueError, "nothing to say"),
        (lambda turn: turn.send(ELSEWHERE, ""), ValueError, "nothing to say to shop:bob"),
        (lambda turn: turn.remind(timedelta(seconds=-1), "cart"), ValueError, "not negative"),
        (lambda turn: turn.remind(timedelta(1), ""), ValueError, "a name"),
        (lambda turn: turn.remind(60, "cart"), ValueError, "timedelta.*60"),
        (lambda turn: turn.remind(timedelta(1), "~handoff:patience"), ValueError, "the engine's own"),
        (lambda turn: turn.begin(ordering, "large"), DefinitionError, r"order begins with Order\(…\), not 'large'"),
        (lambda turn: turn.begin(Dialog(Order)), DefinitionError, "has no states"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_trace(
    turn: Turn, act: Callable[[Turn], None], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        act(turn)
    assert (turn.replies, turn.elsewhere, turn.reminders, turn.dialog, turn.handoff) == ([], [], {}, None, None)


def test_replies_are_kept_in_the_order_they_were_said(turn: Turn) -> None:
    turn.reply("a", buttons=["Yes"])
    turn.reply(attachments=[Image("https://example.org/a")])
    turn.hand_off("why", to="sales", saying="One moment")
    assert turn.replies == [
        Message("a", buttons=[Button("Yes")]),
        Message(attachments=[Image("https://example.org/a")]),
        Message("One moment"),
    ]
    assert turn.handoff is not None
    assert (turn.handoff.reason, turn.handoff.queue) == ("why", "sales")
    assert repr(turn) == "Turn(MessageReceived in shop:ada, 3 replies)"


def test_a_reminder_is_replaced_by_one_of_its_name_and_forgotten_when_told(turn: Turn) -> None:
    data = {"n": 1}
    turn.remind(timedelta(0), "cart", data)
    data["n"] = 2
    assert turn.reminders["cart"].data == {"n": 1}
    turn.remind(timedelta(hours=1), "cart")
    assert turn.reminders["cart"].after == timedelta(hours=1)
    turn.forget("cart")
    turn.forget("never set")
    assert (turn.reminders, turn.forgotten) == ({}, ["cart", "never set"])


@pytest.mark.parametrize(
    ("act", "most", "complaint"),
    [
        (lambda turn, number: turn.reply(str(number)), 100, "100 replies: .*Settings.replies_a_turn"),
        (lambda turn, number: turn.hand_off("why", saying=str(number)), 100, "100 replies"),
        (lambda turn, number: turn.remind(timedelta(1), str(number)), 100, "100 reminders"),
        (lambda turn, number: turn.forget(str(number)), 100, "100 forgotten reminders"),
        (lambda turn, _: turn.send(ELSEWHERE, "hi"), 1000, r"1000 messages .*engine\.send"),
    ],
)
def test_a_turn_wants_no_more_than_it_may(
    turn: Turn, act: Callable[[Turn, int], None], most: int, complaint: str
) -> None:
    for number in range(most):
        act(turn, number)
    for _ in range(3):
        with pytest.raises(TurnTooLarge, match=complaint) as told:
            act(turn, most)
        assert told.value.most == most
    found = (turn.replies, turn.elsewhere, turn.reminders, turn.forgotten)
    assert sum(len(one) for one in found) == most


def test_what_is_wanted_again_is_no_more_than_it_was(turn: Turn) -> None:
    for number in range(1000):
        turn.remind(timedelta(1), str(number % 100))
        turn.forget("none")
        turn.remind(timedelta(2), "0")
    assert (len(turn.reminders), turn.forgotten) == (100, ["none"])


async def test_no_more_calls_go_through_once_than_may() -> None:
    made: list[str] = []

    async def keep(name: str, call: Callable[[], Awaitable[int]], function: object) -> int:
        made.append(name)
        return await call()

    async def charge() -> int:
        return 1

    turn = Turn(
        event=MessageReceived(id="1", conversation=HERE, at=NOW, text="hi"),
        conversation=Conversation(id=HERE),
        user=User(id="ada"),
        now=NOW,
        memory={},
        profile=Facts({}),
        once=keep,
    )
    for number in range(1000):
        assert await turn.once(f"charge {number}", charge) == 1
    with pytest.raises(TurnTooLarge, match=r"1000 calls through turn\.once"):
        await turn.once("one more", charge)
    assert len(made) == 1000


def test_the_last_word_on_the_dialog_counts(turn: Turn) -> None:
    turn.begin(ordering)
    assert turn.dialog is not None
    assert turn.dialog.memory == Order()
    turn.leave()
    assert turn.dialog.dialog is None


async def test_the_verbs_that_wait_need_an_engine(turn: Turn) -> None:
    async def charge() -> int:
        return 1

    with pytest.raises(DefinitionError, match="flush"):
        await turn.flush()
    with pytest.raises(DefinitionError, match="once"):
        await turn.once("charge", charge)
    turn.typing()


@pytest.mark.parametrize("limit", [0, 1001, -1])
async def test_history_has_bounds(turn: Turn, limit: int) -> None:
    asked: list[int] = []

    async def history(limit: int) -> list[Entry]:
        asked.append(limit)
        return []

    turn._history = history
    with pytest.raises(ValueError, match=f"1 to 1000, not {limit}"):
        await turn.history(limit)
    await turn.history(1)
    await turn.history(1000)
    assert asked == [1, 1000]


def test_the_circumstances_are_those_of_the_event(turn: Turn) -> None:
    assert turn.context == {}
    page = MessageReceived(id="1", conversation=HERE, at=NOW, text="hi", context={"page": "/cart"})
    turn.event = page
    assert turn.context == {"page": "/cart"}


def test_where_there_is_no_desk_nobody_is_there(turn: Turn) -> None:
    assert not turn.attendance().staffed
    turn._attendance = lambda queue: Attendance(operators=2, waiting=len(queue))
    assert turn.attendance("sales") == Attendance(operators=2, waiting=5)


@pytest.mark.parametrize(("lease", "back"), [(None, False), ("", True), ("grace", False)])
def test_the_bot_takes_back_only_what_waits(turn: Turn, lease: str | None, back: bool) -> None:
    if lease is not None:
        handoff = Handoff(id="h", queue="", reason="", opened_at=NOW, operator=lease)
        turn.conversation = Conversation(id=HERE, handoff=handoff)
    assert turn.take_back() is back
    assert turn.taken_back is back


def test_facts_show_what_is_stored_and_what_this_turn_changed() -> None:
    stored: dict[str, Any] = {"city": "İzmir", "age": 7, "gone": None}
    facts = Facts(stored)
    facts["city"] = "Köln"
    facts["new"] = 0
    del facts["age"]
    assert dict(facts) == {"city": "Köln", "new": 0}
    assert len(facts) == 2
    assert "age" not in facts
    assert "gone" not in facts
    assert facts.get("age", "?") == "?"
    assert facts.changes == {"city": "Köln", "new": 0, "age": None}
    assert stored == {"city": "İzmir", "age": 7, "gone": None}
    assert repr(facts) == "Facts({'city': 'Köln', 'new': 0})"
    with pytest.raises(KeyError):
        del facts["age"]
    assert facts.pop("new") == 0
    assert facts.setdefault("new", 5) == 5
    assert facts.changes["new"] == 5
