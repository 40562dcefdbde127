"""The program that a torture run kills: `python -m convokit.testing.torture.victim --store URL --port N --api URL`.

It does everything that convokit promises something about, and counts in its conversations' memory what it has done.
"""

import argparse
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import anyio
from attrs import define, field, frozen

from convokit import Bot, ConversationOpened, MessageReceived, Settings, TimerFired, Turn
from convokit._engine import points
from convokit._engine.clock import SystemClock
from convokit.abc import Clock, Lane, Store
from convokit.bot import open_url
from convokit.conversations import ConversationId
from convokit.testing.torture import script
from convokit.testing.torture.channels import MADE
from convokit.testing.torture.script import LEASE, SECRET
from convokit.wire.http import Client

LONG_ENOUGH = 1.6 * LEASE
"""Seconds for which a turn lasts that is to outlive its lease."""
NEVER = 2_592_000.0
JUMP = timedelta(hours=12)


@frozen(kw_only=True)
class Orders:
    """What this life of the victim is like.

    Args:
        store: The store's URL.
        port: Where webhooks are taken, on loopback.
        api: The doubles' address.
        evidence_wait: Seconds to wait for a platform's proof.
        crash_at: The named point at which the process kills itself; empty: at none.
        crash_after: At which time that it comes there, from 1.
        late: Whether slow turns outlive their lease: renewals do not get through while one runs.
        calm: Whether the store is never looked into by itself, so that a wake-up that was lost shows.
        keep: How many of the numbers heard a conversation remembers, the newest; 0: all.
        jump: Seconds after which its clock jumps half a day ahead, again and again; 0: it does not.
        since: From when on it does so, in seconds since 1970.
    """

    store: str
    port: int
    api: str
    evidence_wait: float = 5.0
    crash_at: str = ""
    crash_after: int = 1
    late: bool = False
    calm: bool = False
    keep: int = 0
    jump: float = 0.0
    since: float = 0.0


class JumpingClock(Clock):
    """The machine's clock, with days that are short: so what is kept for days is forgotten within minutes.

    Args:
        every: Seconds after which it jumps.
        since: From when on, in seconds since 1970; all lives of a run have the same.
    """

    def __init__(self, every: float, since: float) -> None:
        self._every = every
        self._since = since

    def now(self) -> datetime:
        """The time, in UTC."""
        now = time()
        return datetime.fromtimestamp(now, UTC) + JUMP * int((now - self._since) // self._every)

    async def sleep_until(self, moment: datetime) -> None:
        """Return at `moment`; looks again after each jump."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            await anyio.sleep(min(left, self._every / 4))


def orders(argv: Sequence[str] | None = None) -> Orders:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="victim", description="The program that a torture run kills.")
    parser.add_argument("--store", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--evidence-wait", type=float, default=5.0)
    parser.add_argument("--crash-at", default="", metavar="POINT:N")
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--calm", action="store_true")
    parser.add_argument("--keep", type=int, default=0)
    parser.add_argument("--jump", type=float, default=0.0)
    parser.add_argument("--since", type=float, default=0.0)
    given = vars(parser.parse_args(argv))
    point, _, times = given.pop("crash_at").partition(":")
    return Orders(**given, crash_at=point, crash_after=int(times or 1))


def settings(given: Orders) -> Settings:
    """Everything that waits waits shortly."""
    return Settings(
        lease=LEASE,
        tries=100,
        retry_pause=0.05,
        longest_pause=1.0,
        evidence_wait=given.evidence_wait,
        poll=NEVER if given.calm else 0.1,
        purge_every=1.0,
        lane_limit=1_000_000,
        answers_a_minute=1_000_000,
        webhooks_at_once=10_000,
        # What is kept for ever cannot be forgotten within a run's time.
        give_up_after=604_800,
        keep_log=8.0,
        keep_failed=8.0,
    )


@define
class Handlers:
    """What the bot does; `given` says what this life is like."""

    given: Orders
    running_late: int = 0
    """How many turns run that are to outlive their lease."""
    _seen: set[tuple[ConversationId, str]] = field(factory=set)

    def first_time(self, turn: Turn) -> bool:
        """Whether this process sees the event for the first time, and not for the second."""
        known = (turn.conversation.id, turn.event.id)
        if known in self._seen:
            self._seen.remove(known)
            return False
        self._seen.add(known)
        return True

    async def opened(self, turn: Turn) -> None:
        """Somebody came in by a link: heard, and nothing is said."""
        event: Any = turn.event
        self._heard(turn, script.read(event.ref).number)

    async def message(self, turn: Turn) -> None:
        """Do what the message's kind is for."""
        said = script.read(turn.text)
        self._heard(turn, said.number)
        match said.kind:
            case "flush":
                turn.reply(script.reply(said.number, 0))
                await turn.flush()
            case "once":
                await turn.once("receipt", self._business, turn)
                if said.number % 2 and self.first_time(turn):
                    raise RuntimeError("it stumbled after it had called the business")
            case "remind":
                pause = timedelta(seconds=0.05 + said.number % 7 / 10)
                turn.remind(pause, f"t{said.number}", {"number": said.number, "due": (turn.now + pause).isoformat()})
            case "send":
                where = ConversationId.parse(said.to)
                turn.send(where, script.elsewhere(turn.conversation.id, said.number))
            case "stumble" if self.first_time(turn):
                turn.reply("what a turn that fails has said")
                raise RuntimeError("it stumbled")
            case "slow":
                await self._slow(turn)
        already = 1 if said.kind == "flush" else 0
        for text in said.replies[already:]:
            turn.reply(text)
        turn.memory["said"] = turn.memory.get("said", 0) + len(said.replies)

    async def timer(self, turn: Turn) -> None:
        """A timer that `remind` has set."""
        event: Any = turn.event
        number = event.data["number"]
        self._count(turn)
        turn.memory["timers"] = [*turn.memory.get("timers", ()), number][-self._most :]
        if turn.now < datetime.fromisoformat(event.data["due"]):
            turn.memory["early"] = turn.memory.get("early", 0) + 1
        turn.memory["said"] = turn.memory.get("said", 0) + 1
        turn.reply(script.reminded(number))

    @property
    def _most(self) -> int:
        return self.given.keep or 1_000_000_000

    def _heard(self, turn: Turn, number: int) -> None:
        self._count(turn)
        turn.memory["heard"] = [*turn.memory.get("heard", ()), number][-self._most :]

    def _count(self, turn: Turn) -> None:
        turn.memory["count"] = turn.memory.get("count", 0) + 1
        turn.profile["count"] = turn.profile.get("count", 0) + 1

    async def _business(self, turn: Turn) -> str:
        """Another system, which takes the event's id as its idempotency key."""
        client: Client = turn.app
        answer = await client.post_json("/business", {"key": f"{turn.conversation.id}/{turn.event.id}"})
        return str(answer.json()["receipt"])

    async def _slow(self, turn: Turn) -> None:
        if not (self.given.late and self.first_time(turn)):
            await anyio.sleep(0.02)
            return
        self.running_late += 1
        try:
            # As a call in a thread would: it does not end when its turn is cancelled, and comes to its commit too late.
            with anyio.CancelScope(shield=True):
                await anyio.sleep(LONG_ENOUGH)
        finally:
            self.running_late -= 1


class Timed(Bot):
    """A bot whose runs have another clock than the machine's."""

    clock: Clock = SystemClock()

    def serve(  # type: ignore[override]  # what else a run takes is passed on
        self, store: Store | str | None = None, **more: Any
    ) -> AbstractAsyncContextManager[Any]:
        """As `Bot.serve`, with `clock`."""
        return super().serve(store, clock=self.clock, **more)


def bot(given: Orders, handlers: Handlers) -> Bot:
    """The bot with its three channels."""

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Client]:
        async with Client("business", given.api, total=30.0) as client:
            yield client

    made = Timed("torture", lifespan=lifespan, settings=settings(given))
    if given.jump:
        made.clock = JumpingClock(given.jump, given.since)
    secret = os.environ[SECRET]
    made.attach(*(kind(channel, given.api, secret) for channel, kind in MADE.items()))
    made.on(ConversationOpened)(handlers.opened)
    made.on(MessageReceived)(handlers.message)
    made.on(TimerFired)(handlers.timer)
    return made


def hold_up_renewals(store: Store, handlers: Handlers) -> None:
    """Let no renewal through while a turn runs that is to outlive its lease, as a line that is cut would."""
    renew: Callable[[Sequence[Lane], float], Awaitable[Any]] = store.renew

    async def late(lanes: Sequence[Lane], lease: float) -> Any:
        while handlers.running_late:
            await anyio.sleep(0.02)
        return await renew(lanes, lease)

    store.renew = late  # type: ignore[method-assign]  # a subclass would have to be one of every store


def die_at(point: str, times: int) -> None:
    """Have this process killed when it reaches a named point for the nth time.

    Raises:
        KeyError: There is no such point.
    """
    points.POINTS[point]
    left = times

    def told(reached: str) -> None:
        nonlocal left
        left -= reached == point
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    points.watch(told)


def main(argv: Sequence[str] | None = None) -> None:
    """Run until killed, or until asked to stop."""
    given = orders(argv)
    if given.crash_at:
        die_at(given.crash_at, given.crash_after)
    handlers = Handlers(given)
    store = open_url(given.store)
    if given.late:
        hold_up_renewals(store, handlers)
    bot(given, handlers).run(store, port=given.port)


if __name__ == "__main__":
    main()
