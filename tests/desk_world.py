"""A bot with the operators' inbox, customers and operators' pages, on a clock that tests move."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self

import anyio
from attrs import define, evolve, field

from convokit import Bot, MessageReceived, Turn
from convokit.abc import Store, Transport
from convokit.conversations import ConversationId
from convokit.desks import Inbox, Operator
from convokit.desks.inbox.page import Limits, Page
from convokit.events import Event
from convokit.messages import Message
from convokit.people import User
from convokit.stores import Memory
from convokit.testing.simulation import RICH, VirtualClock
from convokit.wire.files import FileBox
from convokit.wire.live import Line

MAYA = Operator(id="maya", name="Maya")
JONAS = Operator(id="jonas", name="Jonas")
LEA = Operator(id="lea", name="Lea", role="lead")


class Paper(Transport):
    """A channel whose pages read the log: nothing is ever sent."""

    channel = "web"
    capabilities = RICH
    reads_log = True

    async def send(self, to: ConversationId, message: Message) -> str | None:
        raise AssertionError(f"{message!r} was sent to {to}, whose pages read the log")


def helping_bot(desk: Inbox) -> Bot:
    """A bot that gives a person when asked for one, else says it back."""
    bot = Bot("shop", desk=desk)

    @bot.text("person")
    async def person(turn: Turn) -> None:
        turn.hand_off("wants a person", saying="One moment, please.")

    @bot.text("bill")
    async def bill(turn: Turn) -> None:
        turn.hand_off("about a bill", to="billing")

    @bot.fallback
    async def other(turn: Turn) -> None:
        turn.reply(f"You said: {turn.text}")

    return bot


@define(eq=False)
class Tab:
    """An operator's page, seen from the browser: what it says, and the frames that came."""

    world: "World"
    line: Line
    page: Page
    frames: list[dict[str, Any]] = field(factory=list)

    async def say(self, kind: str, **fields: Any) -> None:
        """Say a frame and wait until all it leads to is done."""
        await self.page.take({"t": kind, **fields})
        await self.world.settles()

    async def ask(self, kind: str, cid: str = "", **fields: Any) -> dict[str, Any]:
        """Say a command; its answer."""
        cid = cid or self.world.new_cid()
        before = len(self.heard())
        await self.say(kind, cid=cid, **fields)
        answers = [one for one in self.heard()[before:] if one.get("re") == cid]
        assert len(answers) == 1, f"{kind} was answered {len(answers)} times: {answers}"
        return answers[0]

    def heard(self, kind: str = "") -> list[dict[str, Any]]:
        """Every frame since the page is open, or those of a kind."""
        self.frames += [json.loads(one) for one in self.line.take()]
        return [one for one in self.frames if not kind or one["t"] == kind]

    def newest(self, kind: str) -> dict[str, Any]:
        """The newest frame of a kind."""
        found = self.heard(kind)
        assert found, f"no {kind} among {[one['t'] for one in self.frames]}"
        return found[-1]

    def forget(self) -> None:
        """Forget what was heard so far."""
        self.heard()
        self.frames.clear()

    def row(self, conversation: str) -> dict[str, Any]:
        """A conversation's row in the list of all, as the page has it after every frame."""
        found: dict[str, Any] = {}
        for frame in self.heard():
            if frame["t"] == "welcome":
                found = {one["conv"]: one for one in frame["lists"]["all"]["rows"]}.get(conversation, found)
            elif frame["t"] == "row" and frame["list"] == "all" and frame["conv"] == conversation:
                found = frame
        return found

    def standing(self, name: str) -> set[str]:
        """Who stands in a list, as the page has it after every frame."""
        members: set[str] = set()
        for frame in self.heard():
            if frame["t"] == "welcome":
                sheet = frame["lists"][name]
                members = set() if sheet["snapshot"] else members
                for one in sheet["rows"]:
                    (members.discard if one.get("gone") else members.add)(one["conv"])
            elif frame["t"] == "row" and frame["list"] == name:
                members.add(frame["conv"])
            elif frame["t"] == "gone" and frame["list"] == name:
                members.discard(frame["conv"])
        return members

    def lseqs(self) -> dict[str, int]:
        """The numbers up to which the page has each list."""
        numbers: dict[str, int] = {}
        for frame in self.heard():
            if frame["t"] == "welcome":
                numbers = {name: sheet["lseq"] for name, sheet in frame["lists"].items()}
            elif frame["t"] in {"row", "gone"}:
                assert frame["lseq"] == numbers[frame["list"]] + 1, f"a hole in {frame['list']}: {frame}"
                numbers[frame["list"]] = frame["lseq"]
        return numbers

    async def has(self, conversation: str, **fields: Any) -> dict[str, Any]:
        """Open a conversation; the frame with it."""
        await self.say("open", conv=conversation, **fields)
        return self.newest("opened")

    def texts(self, conversation: str) -> list[str]:
        """What was said in an open conversation, as the page has it."""
        entries: dict[int, dict[str, Any]] = {}
        for frame in self.heard():
            if frame.get("conv") != conversation:
                continue
            if frame["t"] in {"opened", "page"}:
                entries |= {one["seq"]: one for one in frame["entries"]}
            elif frame["t"] == "entry":
                assert frame["seq"] not in entries, f"entry {frame['seq']} came twice"
                entries[frame["seq"]] = frame
        assert list(entries) == sorted(entries)
        return [one.get("text") or one.get("event", "") for one in entries.values()]

    def leaves(self) -> None:
        """The line ends."""
        self.line.close(1001)
        self.page.left()


class World:
    """A running bot with an inbox: `async with World() as world`."""

    def __init__(self, desk: Inbox | None = None, *, bot: Any = helping_bot, store: Store | None = None) -> None:
        self.desk = desk or Inbox()
        self.bot: Bot = bot(self.desk)
        self.store = store or Memory()
        self.clock = VirtualClock()
        self.limits = Limits()
        self.engine: Any = None
        self._numbers = count(1)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Nobody else writes to the store: no polling, so that hours pass in a moment.
        month = 30 * 86_400.0
        settings = evolve(self.bot.settings, poll=month, purge_every=month, answers_a_minute=1_000_000)
        self.engine = await self._stack.enter_async_context(
            self.bot.serve(self.store, clock=self.clock, transports={"web": Paper()}, settings=settings)
        )
        await self.settles()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def restarts(self) -> None:
        """End the run and begin another on the same store."""
        await self._stack.aclose()
        await self.__aenter__()

    @property
    def floor(self) -> Any:
        """What the inbox's pages share."""
        return self.desk._floor

    def new_cid(self) -> str:
        """A command's id."""
        return f"cid-{next(self._numbers):012}"

    async def settles(self) -> None:
        """Wait until nothing is left to do now."""
        for _ in range(3):
            await self.engine.quiet()
            for _ in range(40):
                await anyio.lowlevel.checkpoint()
            self.floor.show_rows()

    async def passes(self, **duration: float) -> None:
        """Let time pass."""
        until = self.clock.now() + timedelta(**duration)
        while (moment := self.clock.next_sleeper()) is not None and moment <= until:
            await self.clock.move_to(moment)
            await self.settles()
        await self.clock.move_to(until)
        await self.settles()

    async def says(self, name: str, text: str) -> str:
        """A customer says something; their conversation."""
        conversation = ConversationId("web", f"c_{name.lower()}")
        event = MessageReceived(
            id=f"m-{next(self._numbers)}",
            conversation=conversation,
            at=self.clock.now(),
            user=User(id=f"v_{name.lower()}", name=name),
            text=text,
        )
        await self.accepts(event)
        return str(conversation)

    async def accepts(self, event: Event) -> None:
        """Hand in an event, and wait until all it leads to is done."""
        await self.engine.accept([event])
        await self.settles()

    async def sits(self, operator: Operator = MAYA, **hello: Any) -> Tab:
        """An operator opens a page."""
        line = Line()

        async def still() -> Operator | None:
            return operator

        async def counted(who: Operator, answer: str) -> None: ...

        files = FileBox(Path(self.engine.files), self.store, self.clock)
        files._secret = b"a secret of the tests' own"
        page = Page(
            floor=self.floor,
            line=line,
            operator=operator,
            still=still,
            key="",
            files=files,
            limits=self.limits,
            build="1",
            counted=counted,
        )
        tab = Tab(self, line, page)
        await page.hello({"t": "hello", "v": 1, "lists": {}, "convs": {}, **hello})
        await self.settles()
        return tab

    async def epoch(self, conversation: str) -> int:
        """A conversation's epoch."""
        found = await self.store.load(ConversationId.parse(conversation))
        return found.epoch if found is not None else 0

    async def public(self, conversation: str) -> list[str]:
        """What the customer may see of the log, as text."""
        log = await self.store.log(ConversationId.parse(conversation), public=True, limit=1000)
        return [one.entry.message.text for one in log.entries]

    async def kinds(self, conversation: str) -> list[str]:
        """The kinds of all entries of the log."""
        log = await self.store.log(ConversationId.parse(conversation), limit=1000)
        return [one.entry.kind for one in log.entries]
