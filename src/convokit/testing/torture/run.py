"""A torture run: the doubles, the victim's lives one after another, the calm at the end, and the verdict."""

import random
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import anyio
from anyio.abc import TaskGroup
from attrs import define, evolve, field, frozen

from convokit._engine.points import POINTS
from convokit.abc import Store
from convokit.conversations import ConversationId
from convokit.testing.platform_double import Fault, HttpCall, PlatformDouble, Reply
from convokit.testing.torture import script
from convokit.testing.torture.api import Api
from convokit.testing.torture.deliveries import Deliveries, Line, lines
from convokit.testing.torture.lives import LOOK, Lives, VictimBroken
from convokit.testing.torture.observed import Chat
from convokit.testing.torture.plan import Life, planned
from convokit.testing.torture.reading import left, observe, opened, refuse_used
from convokit.testing.torture.verdict import Verdict, judge
from convokit.testing.torture.wires import free_port

VICTIM = (sys.executable, "-m", "convokit.testing.torture.victim")
"""What starts the victim."""
POINT_SECONDS = 20.0
"""How long a life may take to reach its named point."""
STILL_SECONDS = 20.0
"""How long the last life may do nothing while something waits, before that counts as left waiting."""
WAKE_SECONDS = 6.0
"""How long an event may wait in the silence, or a message, before nobody seems to have been woken."""
BREATH = 0.3
"""Seconds between the end of a suspension and the kill."""


@frozen(kw_only=True)
class Progress:
    """How far a run is.

    Args:
        lives: How many lives of the victim have ended.
        of: How many there will be.
        accepted: How many events got a 200.
        now: What happens, in a few words.
    """

    lives: int
    of: int
    accepted: int
    now: str


@define(kw_only=True)
class Torture:
    """A torture run, against one store: `verdict = await Torture(store="sqlite:///torture.db", kills=50).run()`.

    A process with a bot handles made-up talk on three made-up channels, and is killed again and again, while doubles of
    its platforms deliver and lose. In the end it is left alone; then what the doubles saw is held against what the
    store holds.

    Args:
        store: The URL of a store without conversations; a SQLite file that is removed afterwards when left out.
        kills: How often the victim is killed, from 0: first once at each of `points`, then at random moments.
        seed: Repeats what is said, how it is delivered, which faults the API has and how lives end. What the operating
            system makes of it, it does not repeat.
        chats: How many conversations there are, from 1.
        messages: How many events are delivered at least, before the calm.
        seconds: How long deliveries go on at least, before the calm.
        calm: How many webhooks each line delivers in the calm.
        points: At which named points the victim is killed.
        each: How many lives are late, suspended and stopped besides, of each kind; one for 40 kills when left out.
        pace: Seconds between two webhooks of a line, at most.
        evidence_wait: Seconds that the victim waits for a platform's proof. Proofs set out within 0.3 seconds; how long
            they take then hangs on how busy the machine is.
        victim: What starts the victim. A mutant's command stands here in the tests of the run itself.
        told: Called whenever the run has come further.
        words: Further words for every life, for the victim's command line.
        folder: Where the victims' log is kept; a temporary folder when left out.

    Attributes:
        lives: The victim's, while it runs.
    """

    store: str = ""
    kills: int = 50
    seed: int = field(factory=lambda: secrets.randbelow(1 << 32))
    chats: int = 24
    messages: int = 1000
    seconds: float = 0.0
    calm: int = 6
    points: Sequence[str] = tuple(POINTS)
    each: int | None = None
    pace: float = 0.4
    evidence_wait: float = 4.0
    victim: Sequence[str] = VICTIM
    told: Callable[[Progress], None] | None = None
    words: Sequence[str] = ()
    folder: Path | None = None
    lives: Lives = field(init=False)
    _api: Api = field(init=False)
    _deliveries: Deliveries = field(init=False)
    _lines: list[Line] = field(init=False)
    _double: PlatformDouble = field(init=False)
    _tasks: TaskGroup = field(init=False)
    _business_before: Mapping[str, int] = field(factory=dict, init=False)
    _unreached: list[str] = field(factory=list, init=False)
    _bad_stops: int = field(default=0, init=False)
    _asleep: int = field(default=0, init=False)
    _storm: bool = field(default=True, init=False)
    _done: int = field(default=0, init=False)
    _of: int = field(default=0, init=False)
    _proofs: int = field(default=0, init=False)

    async def run(self) -> Verdict:
        """Torture, and judge.

        Raises:
            DefinitionError: The store has conversations, or is lost with its process.
            StoreError: The store cannot be opened.
            VictimBroken: The victim does not start.
        """
        with ExitStack() as stack:
            folder = self.folder
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convokit-torture-")))
            url = self.store or f"sqlite:///{folder.absolute() / 'torture.db'}"
            await refuse_used(url)
            began = perf_counter()
            try:
                await self._played(url, folder)
            except BaseExceptionGroup as group:
                raise _only(group) from None
            observed = await observe(url, self._known())
            observed = evolve(
                observed,
                business=dict(self._api.business),
                business_before=self._business_before,
                unreached=tuple(self._unreached),
                by_itself=self.lives.by_itself,
                bad_stops=self._bad_stops,
                asleep=self._asleep,
                forged_taken=self._deliveries.forged_taken,
                refused=dict(self._deliveries.statuses),
            )
            return judge(observed, self._facts(perf_counter() - began))

    async def _played(self, url: str, folder: Path) -> None:
        """The whole run, up to the victim's last end."""
        # The seed repeats everything but what the operating system gives away: the port, and the secret.
        port, secret = free_port(random.Random()), secrets.token_hex(16)
        self._api = Api(seed=self.seed, proven=self._proven)
        async with PlatformDouble(self._answer) as self._double, anyio.create_task_group() as self._tasks:
            log = folder / "victim.log"
            words = ["--store", url, "--port", str(port), "--api", self._double.url]
            words += ["--evidence-wait", str(self.evidence_wait), *self.words]
            self.lives = Lives([*self.victim, *words], port, secret, log, self._begins)
            self._deliveries = Deliveries(
                seed=self.seed, port=port, secret=secret, up=self.lives.up, pace=self.pace, chats=self.chats
            )
            # Ids are forgotten after eight days of the victim's clock: nothing may come again when they have jumped by.
            self._deliveries.much_later = not self.seconds
            self._lines = lines(self._deliveries, self.chats)
            try:
                async with anyio.create_task_group() as storm:
                    for line in self._lines:
                        storm.start_soon(line.run, lambda: self._storm)
                    await self._every_life()
                    self._business_before = dict(self._api.business)
                    await self._start("--calm")
                    self._storm = False
                await self._calm(url)
            finally:
                await self.lives.kill(expected=False)
            self._tasks.cancel_scope.cancel()

    # ── the doubles ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, call: HttpCall) -> Reply | Fault:
        self._double.calls.clear()
        return self._api.answer(call)

    def _begins(self) -> None:
        self._api.life += 1
        self._deliveries.stopping = False

    def _proven(self, conversation: ConversationId, key: str, platform_id: str) -> None:
        self._proofs += 1
        self._tasks.start_soon(self._prove, conversation, key, platform_id)

    async def _prove(self, conversation: ConversationId, key: str, platform_id: str) -> None:
        await self._deliveries.prove(conversation, key, platform_id)
        self._proofs -= 1

    # ── the storm ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _every_life(self) -> None:
        every = self._planned
        self._of = len(every) + 1
        until = anyio.current_time() + self.seconds
        for one in every:
            self._tell(f"killed {one.end} {one.point}".rstrip() if one.kills else one.end)
            await self._live(one)
            self._done += 1
        self._tell("storm")
        await self._start()
        while self.lives.alive and (self._deliveries.accepted < self.messages or anyio.current_time() < until):
            await anyio.sleep(LOOK)
        await self.lives.kill()

    async def _live(self, one: Life) -> None:
        match one.end:
            case "at a point":
                await self._up_to(one)
            case "while it starts":
                await self.lives.start()
                await anyio.sleep(one.after)
                await self.lives.kill()
            case "stopped":
                await self._start()
                await anyio.sleep(one.after)
                await self._stop()
            case "suspended":
                await self._start()
                await anyio.sleep(one.after)
                await self.lives.suspend(1.4 * script.LEASE)
                await anyio.sleep(BREATH)
                await self.lives.kill()
            case _:
                await self._start(*(("--late",) if one.end == "late" else ()))
                await anyio.sleep(one.after)
                await self.lives.kill()

    async def _start(self, *words: str) -> None:
        """Start a life that is to listen.

        Raises:
            VictimBroken: It ended before.
        """
        await self.lives.start(*words)
        if not await self.lives.ready():
            raise VictimBroken(f"the victim ended before it listened. {self.lives.last_words()}")

    async def _stop(self) -> None:
        self._deliveries.stopping = True
        self._bad_stops += not await self.lives.stop()

    async def _up_to(self, one: Life) -> None:
        """A life that kills itself at a named point."""
        await self.lives.start("--crash-at", f"{one.point}:{one.times}")
        if await self.lives.ready() and one.point == "draining":
            await anyio.sleep(BREATH)
            self._deliveries.stopping = True
            self.lives.ask_to_stop()
        await self.lives.over(POINT_SECONDS)
        if not self.lives.killed:
            self._unreached.append(one.point)
        await self.lives.kill(expected=not self.lives.killed)

    # ── the calm ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _calm(self, url: str) -> None:
        """Leave the victim alone, which never looks by itself: everything must be finished by what wakes it."""
        self._tell("calm")
        chance = random.Random(f"{self.seed}:calm")
        async with anyio.create_task_group() as tasks:
            for line in self._lines:
                tasks.start_soon(line.say, self.calm)
        await self._deliveries.deliver_late(chance, all_of_them=True)
        async with opened(url) as store:
            if await self._finished(store, STILL_SECONDS):
                await self._silence(store)
        await self._stop()
        self._done = self._of
        self._tell("over")

    async def _silence(self, store: Store) -> None:
        """Deliver one webhook at a time into a silence where nothing else would wake anybody."""
        self._tell("silence")
        self._api.faulty, self._deliveries.once = False, True
        for line in self._lines:
            await line.say(1)
            self._asleep += not await self._finished(store, WAKE_SECONDS)

    async def _finished(self, store: Store, patience: float) -> bool:
        """Wait until nothing is left to do. False: nothing has moved for longer than `patience`, in seconds."""
        before, since = None, anyio.current_time()
        while self.lives.alive and anyio.current_time() - since < patience:
            now = (*await left(store), self._proofs)
            if not any(now):
                return True
            if now != before:
                before, since = now, anyio.current_time()
            await anyio.sleep(LOOK)
        return False

    @property
    def _planned(self) -> tuple[Life, ...]:
        return planned(self.seed, self.kills, points=self.points, each=self.each)

    # ── what is known ───────────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, now: str) -> None:
        if self.told is not None:
            self.told(Progress(lives=self._done, of=self._of, accepted=self._deliveries.accepted, now=now))

    def _known(self) -> dict[ConversationId, Chat]:
        strict = {script.chat(index) for line in self._lines if line.strict for index in line.indexes}
        everybody = {script.chat(index) for index in range(self.chats)}
        return {
            one: Chat(
                sent=tuple(self._deliveries.sent.get(one, ())),
                strict=one in strict,
                acts=tuple(self._api.acts.get(one, ())),
            )
            for one in sorted(everybody, key=str)
        }

    def _facts(self, seconds: float) -> dict[str, Any]:
        counts = self._deliveries.counts
        return {
            "seed": self.seed,
            "seconds": round(seconds, 1),
            "kills": sum(one.kills for one in self._planned),
            "at named points": len(self.points),
            "lives": dict(Counter(one.end for one in self._planned)),
            "accepted": self._deliveries.accepted,
            "webhooks": dict(counts),
            "said": sum(len(acts) for acts in self._api.acts.values()),
            "calls": self._api.calls,
            "faults": dict(self._api.faults),
        }


def _only(group: BaseException) -> BaseException:
    """The one exception in nested groups; the group itself when there are several."""
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group
