"""Chats as tests: people and operators who talk with a bot in virtual time, in one process."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from secrets import token_hex
from typing import Any, Self, TypeVar

import anyio
from attrs import evolve, frozen

from convokit._engine.engine import Engine
from convokit._engine.settings import Settings
from convokit.abc import Accept, Clock, Store, Transport
from convokit.bot import Bot
from convokit.conversations import ConversationId
from convokit.desks import Local
from convokit.errors import LaneFull, StoreUnavailable, TransportError
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    Event,
    LocationShared,
    MessageReceived,
)
from convokit.messages import Attachment, Button, Capabilities, Limit, Location, Message
from convokit.people import User
from convokit.stores import Memory
from convokit.testing.faults import FaultyStore, Spared

T = TypeVar("T")

RICH = Capabilities(
    text_limit=Limit(65536),
    buttons=100,
    links=100,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    album=10,
    caption=Limit(65536),
    buttons_with_attachment=True,
    cards=10,
    card_title=Limit(1000),
    card_subtitle=Limit(1000),
    location=True,
)
"""A channel that can show everything: what a simulation uses for channels that the bot has no transport for."""

MONDAY_MORNING = datetime(2026, 1, 5, 9, tzinfo=UTC)
PATIENCE = 50
"""How often something is handed in again while the store fails; then it fails for good."""
FAULTY_LEASE = 1.0
"""Seconds after which comes back what a `FaultyStore` claimed without a word: little time may pass by itself."""


class VirtualClock(Clock):
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = MONDAY_MORNING) -> None:
        self._now = start
        self._tie = count()
        self._sleepers: list[tuple[datetime, int, anyio.Event]] = []
        self._waking = 0

    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        """Return when the clock was moved to `moment`."""
        if moment <= self._now:
            await anyio.lowlevel.checkpoint()
            return
        woken = anyio.Event()
        heappush(self._sleepers, (moment, next(self._tie), woken))
        try:
            await woken.wait()
        finally:
            if woken.is_set():
                self._waking -= 1
            else:
                self._sleepers = [one for one in self._sleepers if one[2] is not woken]
                heapify(self._sleepers)

    def next_sleeper(self) -> datetime | None:
        """When the first of those who sleep is to be woken."""
        return self._sleepers[0][0] if self._sleepers else None

    async def move_to(self, moment: datetime) -> None:
        """Move the clock forward and wake whose time has come; returns when they are awake."""
        self._now = max(self._now, moment)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            self._waking += 1
            heappop(self._sleepers)[2].set()
        while self._waking:
            await anyio.lowlevel.checkpoint()


@frozen(eq=False)
class Heard(Message):
    """A message as a customer got it: compares equal to a string by its text, and to a message by all of it."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.text == other
        if isinstance(other, Message):
            return all(
                getattr(self, part) == getattr(other, part)
                for part in ("text", "buttons", "attachments", "cards", "location")
            )
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def labels(self) -> list[str]:
        """What stands on its buttons and links."""
        return [getattr(one, "label", "") for one in self.buttons]

    def __repr__(self) -> str:
        labels = self.labels
        parts = [f"{len(self.attachments)} attachments"] * bool(self.attachments) + [f"{len(self.cards)} cards"] * bool(
            self.cards
        )
        extras = ([f"buttons={labels}"] if labels else []) + parts + ([repr(self.location)] if self.location else [])
        return f"Heard({self.text!r}, {', '.join(extras)})" if extras else repr(self.text)


class Twin(Transport):
    """Stands in a simulation for a channel's transport: what is sent is put before the people who are there."""

    def __init__(
        self, world: "Simulation", channel: str, capabilities: Capabilities, window: timedelta | None = None
    ) -> None:
        self.channel = channel
        self.capabilities = capabilities
        self.window = window
        self.troubles: deque[TransportError | None] = deque()
        self._world = world

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Let the people of the conversation hear it, unless the test wants this try to fail."""
        if self.troubles:
            trouble = self.troubles.popleft()
            if trouble is not None:
                raise trouble
        return self._world.heard(to, message)


class Backstage(Local):
    """The desk of a simulation: what operators do is handed in until it is kept."""

    async def run(self, accept: Accept) -> None:
        """Take what operators do until cancelled."""
        await super().run(lambda events: patiently(lambda: accept(events)))


class Assumed(Backstage):
    """A desk for a bot that has none, so that a handoff can be tried: dialogs promise nobody there."""

    promised = False


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """What `call` returns, called again while the store fails: as platforms, pages and supervisors do.

    Raises:
        LaneFull: Too much waits in a conversation.
        StoreUnavailable: It still fails.
    """
    for _ in range(PATIENCE):
        try:
            with Spared(meet=True):
                return await call()
        except LaneFull:
            raise
        except StoreUnavailable:
            await anyio.lowlevel.checkpoint()
    with Spared(meet=True):
        return await call()


class Person:
    """A customer in a simulation: says things, presses buttons, hears what the bot and operators say."""

    def __init__(self, world: "Simulation", user: User, conversation: ConversationId) -> None:
        self.user = user
        self.conversation = conversation
        self._world = world
        self._unheard: list[Heard] = []
        self._seen: list[Heard] = []

    def __repr__(self) -> str:
        return f"Person({self.user.name!r}, {self.conversation})"

    async def says(self, text: str) -> list[Heard]:
        """Write `text`. Returns what comes back."""
        return await self._does(f"{self.user.name}: {text}", MessageReceived, text=text)

    async def presses(self, label: str) -> list[Heard]:
        """Press the newest button of this label. Returns what comes back.

        Raises:
            AssertionError: No message so far has such a button.
        """
        for message in reversed(self._seen):
            cards = [one for card in message.cards for one in card.buttons]
            for one in (*message.buttons, *cards):
                if isinstance(one, Button) and one.label == label:
                    return await self._does(
                        f"{self.user.name} presses [{label}]", ButtonPressed, payload=one.payload, label=label
                    )
        raise AssertionError(f"{self.user.name} sees no button {label!r}\n{self._world.transcript}")

    async def opens(self, ref: str = "", source: str = "link") -> list[Heard]:
        """Come in by a link, QR code or ad that carries `ref`. Returns what comes back."""
        return await self._does(f"{self.user.name} opens ref={ref!r}", ConversationOpened, ref=ref, source=source)

    async def sends(self, *what: Attachment | Location, text: str = "") -> list[Heard]:
        """Send pictures, sounds, films, files (with a caption), or a place. Returns what comes back."""
        heard: list[Heard] = []
        attachments = tuple(one for one in what if isinstance(one, Attachment))
        for one in what:
            if isinstance(one, Location):
                line = f"{self.user.name} shares a place"
                heard += await self._does(
                    line, LocationShared, latitude=one.latitude, longitude=one.longitude, title=one.title
                )
        if attachments:
            line = f"{self.user.name} sends {', '.join(one.kind for one in attachments)} {text}".rstrip()
            heard += await self._does(line, AttachmentReceived, attachments=attachments, text=text)
        return heard

    def hears(self) -> list[Heard]:
        """What came that was not returned by anything yet."""
        came, self._unheard = self._unheard, []
        return came

    @property
    def seen(self) -> tuple[Heard, ...]:
        """Every message that was put before this person so far."""
        return tuple(self._seen)

    async def _does(self, line: str, kind: type[Event], **fields: Any) -> list[Heard]:
        earlier = self.hears()
        self._world.note(line)
        await self._world.happens(kind, self.conversation, self.user, **fields)
        came, self._unheard = self._unheard, earlier
        return came

    def deliver(self, message: Heard) -> None:
        """Put a message before this person."""
        self._seen.append(message)
        self._unheard.append(message)


class Operator:
    """An operator in a simulation."""

    def __init__(self, world: "Simulation", user: User) -> None:
        self.user = user
        self._world = world

    async def joins(self, person: Person) -> None:
        """Take the person's conversation."""
        self._world.note(f"({self.user.name} joins {person.user.name})")
        await self._world.desk.join(person.conversation, self.user)
        await self._world.settles()

    async def takes(self, person: Person) -> bool:
        """Take the person's conversation. Returns whether this operator has it now."""
        await self.joins(person)
        conversation = await self._world.engine.store.load(person.conversation)
        lease = conversation.handoff if conversation is not None else None
        return lease is not None and lease.operator == self.user.id

    async def says(self, text: Message | str, to: Person) -> None:
        """Say something to the person."""
        await self._world.desk.reply(to.conversation, self.user, text)
        await self._world.settles()

    async def notes(self, text: Message | str, about: Person) -> None:
        """Leave a note for colleagues."""
        self._world.note(f"({self.user.name} notes on {about.user.name})")
        await self._world.desk.note(about.conversation, self.user, text)
        await self._world.settles()

    async def transfers(self, person: Person, *, to: "Operator | str", note: str = "") -> None:
        """Give the person's conversation to another operator, or to a queue by its name."""
        who = to.user if isinstance(to, Operator) else None
        queue = to if isinstance(to, str) else None
        self._world.note(f"({self.user.name} gives {person.user.name} to {who.name if who else queue})")
        await self._world.desk.transfer(person.conversation, self.user, to=who, queue=queue, note=note)
        await self._world.settles()

    async def closes(self, person: Person, outcome: str = "", *, ended: bool = False, note: str = "") -> None:
        """Give the person's conversation back to the bot, or end it."""
        self._world.note(f"({self.user.name} {'ends with' if ended else 'gives back'} {person.user.name})")
        await self._world.desk.close(person.conversation, self.user, outcome, ended=ended, note=note)
        await self._world.settles()

    def sees(self, person: Person) -> list[str]:
        """What the person said since the handoff, as text."""
        case = self._world.desk.cases.get(person.conversation)
        return [one.text for one in case.heard] if case else []


class Simulation:
    """A bot with people, operators and a clock of its own: `async with Simulation(bot) as world`.

    It runs a real engine over in-memory twins of the channels and never changes `bot`.

    Over a `FaultyStore` what people and operators do is handed in again until it is kept, and time passes by itself
    until what a fault left lying is taken up again; what the test itself asks the store meets no faults.

    Args:
        bot: The bot.
        store: In place of a fresh `Memory` store.
        capabilities: What the simulated channels can show; the attached transports' own when left out, and
            everything for channels without one.
        window: For how long after a customer's word the simulated channels let anything be sent; None: always, also
            where the attached transports have a window.
        settings: The numbers of the run; the bot's when left out.
        start: The virtual time at the beginning.

    Attributes:
        engine: The running engine.
        clock: The virtual clock.
        desk: The operators' desk; it is as patient as the bot's own.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        store: Store | None = None,
        capabilities: Capabilities | None = None,
        window: timedelta | None = None,
        settings: Settings | None = None,
        start: datetime = MONDAY_MORNING,
    ) -> None:
        self.bot = bot
        self.clock = VirtualClock(start)
        own = bot.desk or Local()
        self.desk = (Backstage if bot.desk is not None else Assumed)(
            silence=own.silence, patience=own.patience, saying_expired=own.saying_expired
        )
        self.engine: Engine
        self._store = store or self.fresh_store()
        # Nobody else writes to the store and virtual months pass in one step: no polling, purges by the month.
        month = 30 * 86_400.0
        given = settings or bot.settings
        # Time stands still while people here talk: by its own number alone nobody is taken for a program.
        pace = given.answers_a_minute if given.answers_a_minute != Settings().answers_a_minute else 1_000_000
        self._settings = evolve(given, poll=month, purge_every=month, answers_a_minute=pace)
        if isinstance(self._store, FaultyStore):
            self._store.longest_lease = FAULTY_LEASE
        self._twins: dict[str, Twin] = {
            channel: Twin(self, channel, capabilities or transport.capabilities, window)
            for channel, transport in bot.transports.items()
        }
        self._twins.setdefault("simulation", Twin(self, "simulation", capabilities or RICH, window))
        self._people: dict[ConversationId, list[Person]] = {}
        self._lines: list[str] = []
        self._ids = count(1)
        self._stack: AsyncExitStack
        self._peace = Spared()

    async def __aenter__(self) -> Self:
        self._peace.__enter__()
        await self._begin()
        return self

    async def __aexit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if problem is not None and self._lines:
            problem.add_note(f"The conversation so far:\n{self.transcript}")
        if problem is not None and isinstance(self._store, FaultyStore):
            problem.add_note(self._store.told)
        try:
            await self._stack.aclose()
        finally:
            self._peace.__exit__()

    async def _begin(self) -> None:
        self._stack = AsyncExitStack()
        self.engine = await patiently(self._started)
        await self.settles()

    async def _started(self) -> Engine:
        run = self.bot.serve(
            self._store, clock=self.clock, transports=self._twins, desk=self.desk, settings=self._settings
        )
        return await self._stack.enter_async_context(run)

    @staticmethod
    def fresh_store() -> Store:
        """What a simulation that is handed no store keeps everything in. A suite may put another in its place."""
        return Memory()

    # ── who is there ────────────────────────────────────────────────────────────────────────────────────────────────

    def user(
        self,
        name: str,
        *,
        channel: str = "simulation",
        room: str = "",
        locale: str = "",
        id: str = "",  # noqa: A002  the word that `User` has for it
    ) -> Person:
        """A customer. People with the same `room` talk in one conversation; else each has one of their own.

        Raises:
            ValueError: The bot has no such channel.
        """
        if channel not in self._twins:
            raise ValueError(f"no channel {channel!r} here; there are {', '.join(self._twins)}")
        user = User(id=id or name.lower(), name=name, locale=locale)
        person = Person(self, user, ConversationId(channel, room or user.id))
        self._people.setdefault(person.conversation, []).append(person)
        return person

    def operator(self, name: str) -> Operator:
        """An operator at the desk."""
        return Operator(self, User(id=name.lower(), name=name))

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────────────────

    async def happens(
        self, kind: type[Event], conversation: ConversationId, user: User | None = None, **fields: Any
    ) -> None:
        """Hand in any kind of event and wait until all it leads to is done."""
        event_id = fields.pop("id", "") or f"event-{next(self._ids)}"
        event = kind(id=event_id, conversation=conversation, at=self.clock.now(), user=user, **fields)
        await patiently(lambda: self.engine.accept([event]))
        await self.settles()

    async def signals(self, name: str, to: Person, **data: Any) -> None:
        """Let the business tell a person's conversation that something happened."""
        self.note(f"(signal {name} for {to.user.name})")
        once = token_hex(8)
        await patiently(lambda: self.engine.signal(name, to=to.conversation, data=data, id=once))
        await self.settles()

    def troubles(self, *errors: TransportError | None, channel: str = "simulation") -> None:
        """Let the next tries to send on a channel raise these; None lets one through."""
        self._twins[channel].troubles.extend(errors)

    async def passes(self, **duration: float) -> None:
        """Let time pass: `passes(minutes=30)`, in the words of `timedelta`; what falls due on the way happens."""
        until = self.clock.now() + timedelta(**duration)
        self.note(f"({timedelta(**duration)} later)")
        while (moment := await self._next_moment()) is not None and moment <= until:
            await self.clock.move_to(moment)
            await self.settles()
        await self.clock.move_to(until)
        await self.settles()

    async def _next_moment(self) -> datetime | None:
        """When something falls due; also what the engine does not sleep for, because the store failed when it asked."""
        due = await self.engine.store.next_due()
        moments = [self.clock.next_sleeper(), due if due is None or due > self.clock.now() else None]
        return min((one for one in moments if one is not None), default=None)

    async def restarts(self, bot: Bot | None = None) -> None:
        """Throw the engine away and start a new one on the same store; with another bot: deploy new code.

        Raises:
            DefinitionError: The new bot refuses to start; another can be tried after it.
        """
        self.note("(the process restarts)" if bot is None else "(new code is deployed)")
        await self._stack.aclose()
        self.bot = bot or self.bot
        await self._begin()

    async def settles(self) -> None:
        """Wait until nothing is left to do now, and until what a fault left lying is taken up again."""
        await self.engine.quiet()
        looked = False
        while (moment := await self._left_lying()) is not None:
            # As in a run that looks every second: time passes only where looking does not help.
            if looked:
                await self.clock.move_to(moment)
            looked = not looked
            self.engine.look()
            await self.engine.quiet()

    async def _left_lying(self) -> datetime | None:
        """When to look for what should be done by now and nobody works on; None: there is nothing of the kind."""
        stats = await self.engine.stats()
        due = await self.engine.store.next_due()
        if due is None:
            return None
        return due if due <= self.clock.now() or stats.claimed or stats.sends.get("in flight") else None

    # ── what was said ───────────────────────────────────────────────────────────────────────────────────────────────

    def heard(self, conversation: ConversationId, message: Message) -> str:
        """Put a message before the people of a conversation."""
        heard = Heard(
            message.text,
            buttons=message.buttons,
            attachments=message.attachments,
            cards=message.cards,
            location=message.location,
        )
        self.note(f"    {self.bot.name}: {heard!r}")
        for person in self._people.get(conversation, ()):
            person.deliver(heard)
        return f"sent-{next(self._ids)}"

    def note(self, line: str) -> None:
        """Add a line to the transcript."""
        self._lines.append(line)

    @property
    def transcript(self) -> str:
        """Everything that happened so far, a line each."""
        return "\n".join(self._lines)

    @property
    def lines(self) -> Sequence[str]:
        """The transcript's lines."""
        return tuple(self._lines)
