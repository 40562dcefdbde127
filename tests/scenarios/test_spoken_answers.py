"""What is said in the HTTP answer: a platform that asks gets what the turn says, once, in order, and in time."""

from collections.abc import Sequence

import anyio
import msgspec
import pytest

from convokit import (
    Bot,
    Button,
    ConversationId,
    Event,
    Malformed,
    Message,
    MessageReceived,
    Settings,
    Turn,
    Unreachable,
    User,
)
from convokit._engine.lines import LONGEST_OWED, MOST_KEPT, Lines
from convokit.abc import Received, Request, Transport
from convokit.errors import StoreUnavailable
from convokit.messages import Capabilities
from convokit.stores import Memory
from convokit.testing import VirtualClock

pytestmark = pytest.mark.anyio

SETTINGS = Settings(poll=86_400, purge_every=86_400)
ADA = ConversationId("phone", "ada")


class Telephone(Transport):
    """A platform that plays what it is answered; `{"id": …, "text": …}`, or `{}` to hear what else there is."""

    channel = "phone"
    capabilities = Capabilities(buttons=3)

    def __init__(self, within: float = 5.0) -> None:
        self.within = within
        self.later: list[str] = []
        self.troubles: list[Unreachable] = []

    def receive(self, request: Request) -> Received:
        try:
            said = msgspec.json.decode(request.body, type=dict[str, str])
        except ValueError as problem:
            raise Malformed(self.channel, str(problem)) from None
        events = ()
        if "id" in said:
            user = User(id="ada")
            events = (MessageReceived(id=said["id"], conversation=ADA, at=request.at, user=user, text=said["text"]),)
        return Received(events=events, answer=self.spoken, within=self.within, listens=ADA)

    @staticmethod
    def spoken(messages: Sequence[Message], whole: bool) -> bytes:
        return "|".join([*(one.text for one in messages), *([] if whole else ["…"])]).encode()

    async def send(self, to: ConversationId, message: Message) -> str | None:
        del to
        if self.troubles:
            raise self.troubles.pop()
        self.later.append(message.text)
        return None


def a_bot() -> Bot:
    bot = Bot("switchboard")

    @bot.text("hello")
    async def greet(turn: Turn) -> None:
        turn.reply("Welcome.")
        turn.reply("What can we do for you?", buttons=[Button("Order"), Button("Hours")])

    @bot.text("nothing")
    async def silent(turn: Turn) -> None:
        del turn

    @bot.text("broken")
    async def broken(turn: Turn) -> None:
        raise RuntimeError("no luck")

    @bot.on_error(RuntimeError, tries=1)
    async def apologise(turn: Turn) -> None:
        turn.reply("Something went wrong.")

    return bot


def ring(said: dict[str, str], clock: VirtualClock) -> Request:
    return Request(method="POST", body=msgspec.json.encode(said), at=clock.now())


async def test_all_that_a_turn_says_is_in_the_answer_in_order_and_nothing_is_sent_besides() -> None:
    bot, phone, clock = a_bot(), Telephone(), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        answer = await engine.take(phone, ring({"id": "1", "text": "hello"}, clock))
        assert answer.body == b"Welcome.|What can we do for you?"
        await engine.quiet()
        assert (await engine.stats()).sends == {"sent": 2}
    assert phone.later == []


async def test_a_turn_that_says_nothing_is_answered_at_once() -> None:
    bot, phone, clock = a_bot(), Telephone(within=3600), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        with anyio.fail_after(30):
            assert (await engine.take(phone, ring({"id": "1", "text": "nothing"}, clock))).body == b""


async def test_what_on_error_says_is_the_answer() -> None:
    bot, phone, clock = a_bot(), Telephone(within=3600), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        with anyio.fail_after(30):
            answer = await engine.take(phone, ring({"id": "1", "text": "broken"}, clock))
        assert answer.body == b"Something went wrong."


async def test_a_call_that_is_made_again_gets_the_same_answer() -> None:
    bot, phone, clock = a_bot(), Telephone(), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        first, again = [(await engine.take(phone, ring({"id": "1", "text": "hello"}, clock))).body for _ in range(2)]
        assert first == again == b"Welcome.|What can we do for you?"
        assert (await engine.stats()).sends == {"sent": 2}


async def test_a_slow_turn_is_answered_with_what_there_is_and_the_rest_with_the_next_call() -> None:
    bot, phone, clock = Bot("slow"), Telephone(within=0.0), VirtualClock()
    goes_on, begun = anyio.Event(), anyio.Event()

    @bot.fallback
    async def look_it_up(turn: Turn) -> None:
        begun.set()
        await goes_on.wait()
        turn.reply("Here it is.")

    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine, anyio.create_task_group() as tasks:
        assert (await engine.take(phone, ring({"id": "1", "text": "look"}, clock))).body == "…".encode()
        await begun.wait()
        phone.within = 3600
        answers: list[bytes] = []

        async def listen() -> None:
            answers.append((await engine.take(phone, ring({}, clock))).body)

        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        goes_on.set()
        with anyio.fail_after(30):
            while not answers:
                await anyio.lowlevel.checkpoint()
        assert answers == [b"Here it is."]
    assert phone.later == []


async def test_what_is_said_while_nobody_listens_goes_the_other_way() -> None:
    bot, phone, clock = a_bot(), Telephone(), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        await engine.send(ADA, "Your table is ready.")
        await engine.quiet()
        assert phone.later == ["Your table is ready."]
        answer = await engine.take(phone, ring({"id": "1", "text": "hello"}, clock))
        assert answer.body == b"Welcome.|What can we do for you?"


async def test_who_only_listens_hears_what_is_said_unasked() -> None:
    bot, phone, clock = a_bot(), Telephone(within=3600), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine, anyio.create_task_group() as tasks:

        async def tell() -> None:
            await anyio.wait_all_tasks_blocked()
            await engine.send(ADA, "Your table is ready.")

        tasks.start_soon(tell)
        with anyio.fail_after(30):
            assert (await engine.take(phone, ring({}, clock))).body == b"Your table is ready."
    assert phone.later == []


async def test_nothing_of_a_call_is_left_when_it_is_over() -> None:
    bot, phone, clock = a_bot(), Telephone(), VirtualClock()
    bot.attach(phone)
    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine:
        for number in range(5):
            await engine.take(phone, ring({"id": str(number), "text": "hello"}, clock))
        lines = engine._lines
        assert (lines._open, lines._owed, lines._taken) == ({}, {}, {})


class Full(Memory):
    """A store that cannot write for a while."""

    full = False

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        if self.full:
            raise StoreUnavailable("the disk is full")
        return await super().accept(events)


async def test_a_call_whose_events_could_not_be_kept_holds_up_no_later_one() -> None:
    bot, phone, clock = a_bot(), Telephone(within=3600), VirtualClock()
    bot.attach(phone)
    store = Full()
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        store.full = True
        with pytest.raises(StoreUnavailable):
            await engine.take(phone, ring({"id": "1", "text": "hello"}, clock))
        store.full = False
        with anyio.fail_after(30):
            assert (await engine.take(phone, ring({"id": "2", "text": "nothing"}, clock))).body == b""
        assert engine._lines._owed == {}


async def test_a_call_made_again_while_the_first_is_answered_gets_the_same_answer() -> None:
    bot, phone, clock = Bot("slow"), Telephone(within=3600), VirtualClock()
    goes_on, begun = anyio.Event(), anyio.Event()

    @bot.fallback
    async def look_it_up(turn: Turn) -> None:
        turn.reply("One moment.")
        await turn.flush()
        begun.set()
        await goes_on.wait()
        turn.reply("Here it is.")

    bot.attach(phone)
    answers: list[bytes] = []

    async with bot.serve(Memory(), clock=clock, settings=SETTINGS) as engine, anyio.create_task_group() as tasks:

        async def call() -> None:
            answers.append((await engine.take(phone, ring({"id": "1", "text": "look"}, clock))).body)

        with anyio.fail_after(30):
            tasks.start_soon(call)
            await begun.wait()
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(call)
            await anyio.wait_all_tasks_blocked()
            assert answers == []
            goes_on.set()
            while len(answers) < 2:
                await anyio.lowlevel.checkpoint()
        assert answers == [b"One moment.|Here it is."] * 2
        assert engine._lines._owed == {}
    assert phone.later == []


async def test_a_turn_that_ends_elsewhere_is_waited_for_no_longer_than_a_while() -> None:
    now = 0.0
    lines = Lines(now=lambda: now)
    first, second = (
        MessageReceived(id=one, conversation=ADA, at=VirtualClock().now(), user=User(id="ada"), text=one)
        for one in ("first", "second")
    )
    with lines.opened(ADA, [first]) as line:
        assert not line.whole
    now = LONGEST_OWED + 1
    with lines.opened(ADA, [second]) as line:
        assert list(line.owed) == ["second"]
        lines.committed(second, ())
        assert line.whole
    assert (lines._open, lines._owed, lines._taken) == ({}, {}, {})


async def test_calls_that_ended_before_their_turns_are_remembered_up_to_a_bound() -> None:
    lines = Lines()
    for number in range(MOST_KEPT + 10):
        where = ConversationId("phone", str(number))
        event = MessageReceived(id="1", conversation=where, at=VirtualClock().now(), user=User(id="ada"), text="")
        with lines.opened(where, [event]):
            pass
    assert len(lines._owed) == MOST_KEPT
