"""A world in one process: an engine that dies and comes back, a store that outlives it, platforms, people, and time.

Everything that happens is drawn from one seed: who runs first (trio's scheduler), how long anything takes, what fails
and when the process dies. The same seed makes the same world, line by line:

    python tests/chance/world.py 4711 --trace      tells everything that happens in the world of seed 4711
    python tests/chance/world.py 0:500             looks at many, and tells which broke a promise
"""

import argparse
import hashlib
import json
import logging
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from traceback import format_exception
from typing import Any

import trio
import trio.testing
from attrs import define, evolve, field
from chance_bot import obeying
from chance_ledger import Ledger
from chance_people import Market
from chance_platforms import ChanceDesk, Line, Platforms
from chance_rules import judge
from chance_store import ChanceStore
from chance_weather import End, Killed, Weather

from convokit._engine import points
from convokit._engine.clock import SystemClock
from convokit._engine.engine import Engine
from convokit.abc import Evidence
from convokit.errors import StoreUnavailable
from convokit.stores import Memory

CALM = 3 * 3600.0
"""Virtual seconds after which what is still not done will never be; in a world of even time a ninth of it."""


class WorldClock(SystemClock):
    """The machine's clock over trio's virtual time; it can be set."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(seconds=round(trio.current_time(), 6)) + self.shift


@define(eq=False)
class Life:
    """One run of the engine, from its start until it stops or is killed."""

    world: "World"
    number: int
    end: End | None
    died: trio.Event = field(factory=trio.Event)
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    engine: Engine | None = None
    dead: bool = False
    calls: int = 0
    reached: dict[str, int] = field(factory=dict)
    serving: trio.Nursery | None = None

    def kill(self, where: str) -> None:
        """Die: from now on nothing that runs here reaches anything outside."""
        if not self.dead:
            self.world.note("═══ life {} dies {}", self.number, where)
            self.dead = True
            self.died.set()
            self.scope.cancel()

    def dies_in_call(self) -> str:
        """Whether the process is to die in this call of the store: "" or "before" or "after" its effect."""
        self.calls += 1
        if self.end is None or self.end.how != "call" or self.calls != self.end.count:
            return ""
        return "before" if self.end.before else "after"

    def reach(self, point: str) -> None:
        """A point was reached."""
        if self.dead:
            raise Killed
        self.reached[point] = count = self.reached.get(point, 0) + 1
        self.world.ledger.reached[point] += 1
        if self.end is not None and (self.end.point, self.end.count) == (point, count):
            self.world.ledger.crashed[point] += 1
            self.kill(f"at {point}")
            raise Killed

    async def call(self, work: Callable[[Engine], Awaitable[Any]]) -> tuple[Any, ...]:
        """Let the process do something for somebody outside. Returns what it answered; empty: nothing."""
        answers: list[Any] = []
        done = trio.Event()

        async def run(engine: Engine) -> None:
            try:
                answers.append(await work(engine))
            except StoreUnavailable as problem:
                self.world.note("503: {}", problem)
            except Killed:
                pass
            finally:
                done.set()

        if self.serving is None or self.engine is None or self.dead:
            return ()
        self.serving.start_soon(run, self.engine)
        await done.wait()
        return () if self.died.is_set() else tuple(answers)


@define(eq=False)
class World:
    """Everything of one seed."""

    seed: int
    weather: Weather = field(init=False)
    clock: WorldClock = field(factory=WorldClock)
    memory: Memory = field(factory=Memory)
    ledger: Ledger = field(factory=Ledger)
    platforms: Platforms = field(init=False)
    market: Market = field(init=False)
    mock: trio.testing.MockClock = field(factory=lambda: trio.testing.MockClock(autojump_threshold=0))
    nursery: trio.Nursery = field(init=False)
    life: Life | None = None
    started: trio.Event = field(factory=trio.Event)
    jumps: int = 0
    lines: list[tuple[float, str, tuple[Any, ...]]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.weather = Weather.of(self.seed)
        self.platforms = Platforms(self)
        self.market = Market(self)

    # ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────

    def note(self, what: str, *about: Any) -> None:
        """Add a line to the trace."""
        self.lines.append((trio.current_time(), what, about))

    @property
    def trace(self) -> Sequence[str]:
        """Everything that happened, a line each."""
        return [f"{at:10.3f}  {what.format(*about)}" for at, what, about in self.lines]

    @property
    def fingerprint(self) -> str:
        """What is the same for the same world."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    def proved(self, evidence: Sequence[Evidence]) -> None:
        """A platform's proofs are in the store."""
        for one in evidence:
            if one.key in self.ledger.rows:
                self.ledger.rows[one.key].settled = True

    def excuse(self, keys: Iterable[str]) -> None:
        """What became of the last tries of these rows could not be written."""
        for key in keys:
            if key in self.ledger.rows and self.ledger.rows[key].tries:
                self.ledger.rows[key].tries[-1].excused = True

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def stall(self, seconds: float) -> None:
        """Let time pass while nothing in the process runs: a blocked loop, a machine under load."""
        self.note("(the process stands still for {:.1f} s)", seconds)
        self.jumps += 1
        self.mock.jump(seconds)

    def set_clock(self, seconds: float) -> None:
        """Set the machine's clock; what waits by the monotonic clock notices nothing."""
        self.note("(the clock is set by {:.0f} s)", seconds)
        self.jumps += 1
        self.clock.shift += timedelta(seconds=seconds)

    # ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def alive(self) -> Life:
        """The life that serves now; waits for one."""
        while self.life is None or self.life.serving is None or self.life.dead:
            await self.started.wait()
            await trio.lowlevel.checkpoint()
        return self.life

    async def lives(self) -> None:
        """Let the engine live and die as the seed says, then once more in calm, until everything is done."""
        for number, end in enumerate([*self.weather.ends, None], 1):
            await self.live(Life(self, number, end))
            if end is not None:
                await trio.sleep(self.weather.pick([0.0, 0.1, self.weather.between(0, 10)]))

    async def live(self, life: Life) -> None:
        """One run of the engine."""
        self.note("═══ life {} begins", life.number)
        self.life = life
        points.watch(life.reach)
        settings = self.weather.settings
        if life.end is not None:
            settings = evolve(settings, drain=life.end.drain)
        bot = obeying(life)
        lines = {channel: Line(life, channel) for channel in self.platforms.channels}
        for line in lines.values():
            line.hold_uncertain = self.weather.hold
        try:
            with life.scope:
                async with (
                    bot.serve(
                        ChanceStore(life), clock=self.clock, transports=lines, desk=ChanceDesk(life), settings=settings
                    ) as life.engine,
                    self.serves(life),
                ):
                    await self.until_its_end(life)
        except StoreUnavailable as problem:
            self.note("it cannot start: {}", problem)
            if life.end is None:
                await trio.sleep(1)
                await self.live(Life(self, life.number + 1, None))
        except BaseException as problem:
            if not life.dead or any(not isinstance(one, Killed) for one in _inside(problem)):
                raise
        finally:
            points.watch(None)
        self.note("═══ life {} is over", life.number)

    async def until_its_end(self, life: Life) -> None:
        """Wait until a life is to stop, or kill it."""
        if life.end is None:
            await self.calms_down()
            return
        await trio.sleep(life.end.after)
        if life.end.how not in {"stop", "draining"}:
            life.kill("when its time is up")
            await trio.sleep_forever()

    @asynccontextmanager
    async def serves(self, life: Life) -> AsyncIterator[None]:
        """Take calls from outside, until the process stops or dies."""
        async with trio.open_nursery() as serving:
            life.serving = serving
            started, self.started = self.started, trio.Event()
            started.set()
            try:
                yield
            finally:
                life.serving = None
                serving.cancel_scope.cancel()

    async def calms_down(self) -> None:
        """Wait for the end of the storm, and for everything to be done."""
        await self.market.over.wait()
        self.weather.storms = False
        self.note("═══ calm")
        begins = trio.current_time()
        most = CALM if self.weather.jumps else CALM / 9
        while trio.current_time() < begins + most:
            if await self.market.nothing_left():
                return
            await trio.sleep(2)
        stats = await self.memory.stats()
        self.ledger.wrong(f"after {most:.0f} s of calm there is still something to do: {stats}")

    async def run(self) -> None:
        """Everything, from the first message to the verdict."""
        async with trio.open_nursery() as self.nursery:
            self.nursery.start_soon(self.market.opens)
            self.nursery.start_soon(self.market.watches)
            await self.lives()
            self.nursery.cancel_scope.cancel()
        await self.memory.open(self.clock)
        await judge(self)


def _inside(problem: BaseException) -> Iterator[BaseException]:
    if isinstance(problem, BaseExceptionGroup):
        for one in problem.exceptions:
            yield from _inside(one)
    else:
        yield problem


@contextmanager
def _by_chance_only(seed: int) -> Iterator[None]:
    """Let the scheduler and `random` follow the seed, and the engine's log be silent."""
    core: Any = trio._core._run
    log = logging.getLogger("convokit")
    before = (core._ALLOW_DETERMINISTIC_SCHEDULING, core._r.getstate(), random.getstate(), log.disabled, log.level)
    core._ALLOW_DETERMINISTIC_SCHEDULING = True
    core._r.seed(seed)
    random.seed(seed)
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        core._ALLOW_DETERMINISTIC_SCHEDULING = before[0]
        core._r.setstate(before[1])
        random.setstate(before[2])
        log.setLevel(before[4])


def live_through(seed: int, mutate: Callable[[World], None] | None = None) -> World:
    """The world of a seed, after its end; `ledger.problems` has the promises that were broken.

    Args:
        seed: Any whole number.
        mutate: Called with the world before it begins, to make something worse.
    """
    world = World(seed)
    if mutate is not None:
        mutate(world)
    with _by_chance_only(seed):
        try:
            trio.run(world.run, clock=world.mock)
        except Exception as problem:  # noqa: BLE001  whatever ended it is the finding
            world.ledger.wrong("the engine ended: " + "".join(format_exception(problem))[-3000:])
        except BaseExceptionGroup as group:
            world.ledger.wrong("the engine ended: " + "".join(format_exception(group))[-3000:])
    return world


def command(seed: int) -> str:
    """How to see a seed's world again."""
    return f"python tests/chance/world.py {seed} --trace"


def main(given: Sequence[str] | None = None) -> int:
    """Look at seeds. Returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Replay the worlds of seeds, and tell which promises they broke.")
    parser.add_argument("seeds", help="a seed, or FROM:TO")
    parser.add_argument("--trace", action="store_true", help="tell everything that happens")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each seed")
    options = parser.parse_args(given)
    first, colon, last = options.seeds.partition(":")
    broken = 0
    for seed in range(int(first), int(last) if colon else int(first) + 1):
        world = live_through(seed)
        broken += bool(world.ledger.problems)
        if options.trace:
            print("\n".join(world.trace))
        if options.json:
            print(json.dumps(told(world)), flush=True)
        elif world.ledger.problems or not colon:
            print(f"seed {seed}: {len(world.lines)} lines, {world.fingerprint[:16]}", flush=True)
            for one in world.ledger.problems:
                print(f"  BROKEN {one}\n         {command(seed)}", flush=True)
    return 1 if broken else 0


def told(world: World) -> dict[str, Any]:
    """A world in a few words, for a process that looks at many."""
    return {
        "seed": world.seed,
        "fingerprint": world.fingerprint,
        "problems": world.ledger.problems,
        "reached": world.ledger.reached,
        "crashed": world.ledger.crashed,
        "turns": sum(len(one) for one in world.ledger.turns.values()),
        "lives": len(world.weather.ends) + 1,
    }


if __name__ == "__main__":
    # Under its own name: a module that was run as a program would be loaded a second time by those that import it.
    from world import main as run

    sys.exit(run())
