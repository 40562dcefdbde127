"""A run: conversations side by side, each in order; a stop that drains; lines that break; leases that are lost."""

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

import anyio
import pytest

from convokit import (
    Bot,
    Button,
    Capabilities,
    ConversationId,
    DefinitionError,
    Event,
    Limit,
    Message,
    MessageReceived,
    RateLimited,
    Settings,
    StoreUnavailable,
    Turn,
    Unreachable,
    User,
)
from convokit._engine.clock import SystemClock
from convokit.abc import Accept, Evidence, Lane, Proof, Received, Request, Transport
from convokit.desks import Local
from convokit.stores import Memory
from convokit.testing import Simulation, VirtualClock

pytestmark = pytest.mark.anyio


def said(name: str, text: str, number: int = 1) -> MessageReceived:
    where = ConversationId("simulation", name)
    return MessageReceived(
        id=f"{text}-{number}", conversation=where, at=SystemClock().now(), user=User(id=name), text=text
    )


class Gate:
    """Handlers wait here, and tests see who came."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.open = anyio.Event()
        self._arrival = anyio.Event()

    async def passes(self, name: str) -> None:
        self.came.append(name)
        self._arrival.set()
        await self.open.wait()

    async def until(self, count: int) -> None:
        with anyio.fail_after(5):
            while len(self.came) < count:
                self._arrival = anyio.Event()
                await self._arrival.wait()


def gated_bot(**settings: Any) -> tuple[Bot, Gate]:
    bot, gate = Bot("gated", settings=Settings(**settings)), Gate()

    @bot.fallback
    async def wait(turn: Turn) -> None:
        await gate.passes(f"{turn.user.id} {turn.text}")
        turn.reply(turn.text)

    return bot, gate


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_conversations_are_handled_side_by_side_and_each_in_order() -> None:
    bot, gate = gated_bot()
    async with Simulation(bot) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await world.engine.accept([said("ada", "one"), said("ada", "two"), said("bob", "one")])
        await gate.until(2)
        assert sorted(gate.came) == ["ada one", "bob one"]
        gate.open.set()
        await world.settles()
        assert (ada.hears(), bob.hears()) == (["one", "two"], ["one"])


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_no_more_turns_run_at_once_than_the_setting_allows() -> None:
    bot, gate = gated_bot(turns_at_once=2)
    async with Simulation(bot) as world:
        await world.engine.accept([said(name, "hi") for name in ("ada", "bob", "eve")])
        await gate.until(2)
        await anyio.wait_all_tasks_blocked()
        assert len(gate.came) == 2
        gate.open.set()
        await world.settles()
        assert len(gate.came) == 3


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_a_stop_lets_turns_under_way_finish_and_leaves_the_rest_for_the_next_run() -> None:
    bot, gate = gated_bot(turns_at_once=1)
    store = Memory()
    async with Simulation(bot, store=store) as world:
        ada = world.user("Ada")
        await world.engine.accept([said("ada", "one"), said("ada", "two"), said("bob", "one")])
        await gate.until(1)
        gate.open.set()
        await world.restarts()
        assert sorted(gate.came) == ["ada one", "ada two", "bob one"]
        assert ada.hears() == ["one", "two"]


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_a_turn_that_does_not_finish_in_time_is_cancelled_and_runs_again_in_the_next_run() -> None:
    bot, gate = gated_bot(drain=0)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await world.engine.accept([said("ada", "one")])
        await gate.until(1)
        await world._stack.aclose()
        assert ada.hears() == []
        gate.open.set()
        await world._begin()
        assert ada.hears() == ["one"]
        assert gate.came == ["ada one", "ada one"]


class Thief(Memory):
    """A store from which another worker takes the lanes."""

    stolen = False

    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        return set() if self.stolen else await super().renew(lanes, lease)


async def test_a_handler_whose_lane_was_lost_is_cancelled() -> None:
    bot, gate = gated_bot(lease=1)
    cancelled = anyio.Event()

    @bot.text("long")
    async def long(turn: Turn) -> None:
        try:
            await gate.passes("long")
        except anyio.get_cancelled_exc_class():
            cancelled.set()
            raise

    store = Thief()
    async with Simulation(bot, store=store, settings=Settings(lease=1)) as world:
        await world.engine.accept([said("ada", "long")])
        await gate.until(1)
        store.stolen = True
        with anyio.fail_after(5):
            await cancelled.wait()
        gate.open.set()


class Slow(Memory):
    """A store whose answer to the first renewal takes until another lane was claimed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = anyio.Event()
        self.answers = anyio.Event()
        self.renewed = 0

    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        kept = await super().renew(lanes, lease)
        self.asked.set()
        await self.answers.wait()
        self.renewed += 1
        return kept


async def test_a_turn_that_began_while_leases_were_renewed_goes_on() -> None:
    bot, gate = gated_bot(lease=1)
    store = Slow()
    async with Simulation(bot, store=store, settings=Settings(lease=1)) as world:
        await world.engine.accept([said("ada", "one")])
        await gate.until(1)
        with anyio.fail_after(5):
            await store.asked.wait()
        await world.engine.accept([said("bob", "one")])
        await gate.until(2)
        store.answers.set()
        with anyio.fail_after(5):
            while store.renewed < 2:
                await anyio.sleep(0.01)
        gate.open.set()
        await world.settles()
        assert sorted(gate.came) == ["ada one", "bob one"]


class Moody(Memory):
    """A store that cannot write for a while."""

    refuses: AbstractSet[str] = frozenset()

    def _refuse(self, what: str) -> None:
        if what in self.refuses:
            raise StoreUnavailable("the disk is full")

    async def commit(self, turns: Any) -> Any:
        self._refuse("commit")
        return await super().commit(turns)

    async def claim(self, worker: str, limit: int, lease: float) -> Any:
        self._refuse("claim")
        return await super().claim(worker, limit, lease)

    async def claim_sends(self, worker: str, limit: int, lease: float) -> Any:
        self._refuse("claim_sends")
        return await super().claim_sends(worker, limit, lease)


@pytest.mark.parametrize("what", ["commit", "claim", "claim_sends"])
async def test_a_store_that_cannot_write_for_a_while_loses_nothing(what: str) -> None:
    bot = Bot("echo", settings=Settings(lease=10))

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    store = Moody()
    clock_settings = Settings(lease=10)
    async with Simulation(bot, store=store, settings=clock_settings) as world:
        ada = world.user("Ada")
        store.refuses = frozenset({what})
        await world.engine.accept([said("ada", "hi")])
        await anyio.wait_all_tasks_blocked()
        assert ada.hears() == []
        store.refuses = frozenset()
        world.engine._ring_all()
        await world.passes(minutes=5)
        assert ada.hears() == ["hi"]


class Line(Transport):
    """A line that breaks twice before it stays."""

    channel = "line"

    def __init__(self) -> None:
        self.tries = 0
        self.sent: list[str] = []

    async def run(self, accept: Accept) -> None:
        self.tries += 1
        if self.tries < 3:
            raise Unreachable(self.channel, "no line")
        where = ConversationId(self.channel, "ada")
        await accept(
            [MessageReceived(id="1", conversation=where, at=SystemClock().now(), user=User(id="a"), text="hi")]
        )
        await anyio.sleep_forever()

    async def send(self, to: ConversationId, message: Message) -> str | None:
        self.sent.append(message.text)
        return None


async def test_a_transport_whose_line_breaks_is_run_again() -> None:
    bot, line = Bot("echo", settings=Settings(retry_pause=0)), Line()
    bot.attach(line)
    answered = anyio.Event()

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)
        answered.set()

    async with bot.serve(Memory()) as engine:
        with anyio.fail_after(5):
            await answered.wait()
        await engine.quiet()
    assert (line.tries, line.sent) == (3, ["hi"])


class Proving(Transport):
    """A platform that loses answers, and offers what a test says against sending twice."""

    channel = "proving"

    def __init__(self, proof: Proof) -> None:
        self.proof = proof  # type: ignore[misc]  # a class says it once; this double is all three
        self.keys: list[str] = []
        self.texts: list[str] = []
        self.troubles: list[Exception] = []
        self.hangs = False
        self.takes_its_time: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint

    def receive(self, request: Request) -> Received:
        return Received(evidence=(Evidence(key=request.body.decode()),))

    async def send(self, to: ConversationId, message: Message) -> str | None:
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        await self.takes_its_time()
        self.keys.append(key)
        self.texts.append(message.text)
        if self.hangs:
            await anyio.sleep_forever()
        if self.troubles:
            raise self.troubles.pop(0)
        return "id"


@pytest.mark.parametrize(
    ("proof", "evidence", "tries"),
    [(Proof.KEY, False, 2), (Proof.NONE, False, 2), (Proof.EVIDENCE, False, 2), (Proof.EVIDENCE, True, 1)],
)
async def test_an_uncertain_send_is_repeated_by_key_after_evidence_stayed_away_or_as_it_is(
    proof: Proof, evidence: bool, tries: int
) -> None:
    bot, platform, clock = Bot("echo"), Proving(proof), VirtualClock()
    bot.attach(platform)
    async with bot.serve(Memory(), clock=clock, settings=Settings(poll=86_400, purge_every=86_400)) as engine:
        platform.troubles = [Unreachable("proving", "the answer was lost", maybe_sent=True)]
        await engine.send(ConversationId("proving", "ada"), "hi")
        await engine.quiet()
        assert len(platform.keys) == 1
        if evidence:
            key = platform.keys[0]
            await engine.take(platform, Request(method="POST", body=key.encode(), at=clock.now()))
        for _ in range(3):
            await clock.move_to(clock.now() + timedelta(seconds=31))
            await engine.quiet()
        assert len(platform.keys) == tries
        assert len(set(platform.keys)) == 1
        assert (await engine.stats()).sends == {"sent": 1}


async def test_a_send_that_a_crash_left_in_flight_waits_for_evidence_once_and_is_repeated() -> None:
    bot, platform, clock, store = Bot("echo"), Proving(Proof.EVIDENCE), VirtualClock(), Memory()
    bot.attach(platform)
    settings = Settings(poll=86_400, purge_every=86_400, drain=0)
    platform.hangs = True
    async with bot.serve(store, clock=clock, settings=settings) as engine:
        await engine.send(ConversationId("proving", "ada"), "hi")
        await anyio.wait_all_tasks_blocked()
    platform.hangs = False
    async with bot.serve(store, clock=clock, settings=settings) as engine:
        await engine.quiet()
        assert len(platform.keys) == 1
        await clock.move_to(clock.now() + timedelta(seconds=31))
        await engine.quiet()
        assert len(platform.keys) == 2
        assert (await engine.stats()).sends == {"sent": 1}


async def test_an_uncertain_send_can_be_held_for_a_person_instead() -> None:
    bot, platform, clock = Bot("echo"), Proving(Proof.NONE), VirtualClock()
    platform.hold_uncertain = True
    bot.attach(platform)
    async with bot.serve(Memory(), clock=clock, settings=Settings(poll=86_400, purge_every=86_400)) as engine:
        platform.troubles = [Unreachable("proving", "the answer was lost", maybe_sent=True)]
        await engine.send(ConversationId("proving", "ada"), "hi")
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(hours=1))
        await engine.quiet()
        assert len(platform.keys) == 1
        (held,) = await engine.failed()
        assert "a person decides" in held.error
        await engine.replay([held.key])
        await engine.quiet()
        assert (await engine.stats()).sends == {"sent": 1}


async def test_a_platform_that_wants_a_pause_gets_it_on_all_its_conversations() -> None:
    bot, platform, clock = Bot("echo"), Proving(Proof.NONE), VirtualClock()
    bot.attach(platform)
    async with bot.serve(Memory(), clock=clock, settings=Settings(poll=86_400, purge_every=86_400)) as engine:
        platform.troubles = [RateLimited("proving", retry_after=60)]
        await engine.send(ConversationId("proving", "ada"), "one")
        await engine.quiet()
        await engine.send(ConversationId("proving", "bob"), "two")
        await engine.quiet()
        assert len(platform.keys) == 1
        await clock.move_to(clock.now() + timedelta(seconds=59))
        await engine.quiet()
        assert len(platform.keys) == 1
        await clock.move_to(clock.now() + timedelta(seconds=1))
        await engine.quiet()
        assert sorted(platform.texts) == ["one", "one", "two"]


@pytest.mark.parametrize(
    ("trouble", "pause"),
    [
        (RateLimited("proving", retry_after=60), 60),
        (Unreachable("proving", "the answer was lost", maybe_sent=True), 30),
    ],
    ids=["Retry-After", "wait for evidence"],
)
async def test_a_pause_is_counted_from_the_answer_not_from_the_beginning_of_the_try(
    trouble: Exception, pause: int
) -> None:
    bot, platform, clock = Bot("echo"), Proving(Proof.EVIDENCE), VirtualClock()
    bot.attach(platform)
    async with bot.serve(Memory(), clock=clock, settings=Settings(poll=86_400, purge_every=86_400)) as engine:
        platform.troubles = [trouble]
        platform.takes_its_time = lambda: clock.move_to(clock.now() + timedelta(seconds=25))
        await engine.send(ConversationId("proving", "ada"), "one")
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(seconds=pause - 1))
        await engine.quiet()
        assert len(platform.keys) == 1
        await clock.move_to(clock.now() + timedelta(seconds=1))
        await engine.quiet()
        assert len(platform.keys) == 2


async def test_a_long_upload_is_not_taken_for_lost_while_it_goes_on() -> None:
    bot, platform, clock = Bot("echo"), Proving(Proof.NONE), VirtualClock()
    bot.attach(platform)

    async def upload() -> None:
        platform.takes_its_time = anyio.lowlevel.checkpoint
        await clock.move_to(clock.now() + timedelta(seconds=130))
        await anyio.wait_all_tasks_blocked()

    async with bot.serve(Memory(), clock=clock, settings=Settings(poll=10, purge_every=86_400)) as engine:
        platform.takes_its_time = upload
        await engine.send(ConversationId("proving", "ada"), "a film")
        await engine.quiet()
        assert platform.texts == ["a film"]


async def test_a_desk_that_wants_a_pause_does_not_silence_the_customers_channel() -> None:
    class Busy(Local):
        async def offer(self, *case: object) -> None:
            del case
            raise RateLimited("desk", retry_after=600)

    bot, platform, clock = Bot("echo", desk=Busy()), Proving(Proof.NONE), VirtualClock()
    bot.attach(platform)

    @bot.text("person")
    async def person(turn: Turn) -> None:
        turn.hand_off("asked for one")

    async with bot.serve(Memory(), clock=clock, settings=Settings(poll=86_400, purge_every=86_400)) as engine:
        ada = ConversationId("proving", "ada")
        await engine.accept([MessageReceived(id="1", conversation=ada, at=clock.now(), text="person")])
        await engine.quiet()
        await engine.send(ConversationId("proving", "bob"), "two")
        await engine.quiet()
        assert platform.texts == ["two"]


async def test_what_cannot_be_fitted_fails_the_turn_and_names_the_way_out() -> None:
    bot = Bot("shop", settings=Settings(tries=1))

    @bot.fallback
    async def long(turn: Turn) -> None:
        turn.reply("?", buttons=[Button("Go", "x" * 65)])

    async with Simulation(bot, capabilities=Capabilities(buttons=3)) as world:
        assert await world.user("Ada").says("hi") == ["?"]
    tiny = Capabilities(buttons=3, button_payload=Limit(10, "bytes"))
    async with Simulation(bot, capabilities=tiny) as world:
        await world.user("Ada").says("hi")
        (failed,) = await world.engine.failed()
        assert "DefinitionError" in failed.error
        assert "65 bytes, the channel takes 10" in failed.error


async def test_a_dialog_of_another_bot_cannot_be_begun() -> None:
    from attrs import define  # noqa: PLC0415  only here

    @define
    class Form:
        name: str = ""

    other, bot = Bot("other"), Bot("shop", settings=Settings(tries=1))
    form = other.dialog(Form)

    @form.state(ask="?", to=["END"])
    async def name(turn: Turn, form: Form, answer: str) -> None: ...

    @bot.fallback
    async def start(turn: Turn) -> None:
        turn.begin(form)

    async with Simulation(bot) as world:
        await world.user("Ada").says("hi")
        (failed,) = await world.engine.failed()
        assert "make it with bot.dialog" in failed.error


async def test_events_of_an_unknown_channel_are_kept_as_failed_not_lost() -> None:
    bot = Bot("shop", settings=Settings(tries=1))

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply("hi")

    async with Simulation(bot) as world:
        event: Event = MessageReceived(
            id="1", conversation=ConversationId("gone", "1"), at=world.clock.now(), user=User(id="a"), text="hi"
        )
        await world.engine.accept([event])
        await world.settles()
        (failed,) = await world.engine.failed()
        assert "no transport is attached as 'gone'" in failed.error


def test_attaching_says_what_is_wrong() -> None:
    bot = Bot("shop")
    bot.attach(Line())
    with pytest.raises(DefinitionError, match="two transports are attached as 'line'"):
        bot.attach(Line())
    with pytest.raises(DefinitionError, match=r"takes transports such as Telegram\.from_env"):
        bot.attach("telegram")  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(DefinitionError, match="a bot's name has only letters"):
        Bot("my bot")
