"""How much slower a conversation is answered while 10,000 events of another wait and are handled.

`pytest tests/bench/test_busy_neighbour.py -s` prints it as a ratio: it is reported, never asserted.
"""

from pathlib import Path
from statistics import median
from time import perf_counter

import anyio
import pytest

from convokit import Bot, ConversationId, Message, MessageReceived, Settings, Turn, User
from convokit._engine.clock import SystemClock
from convokit._engine.engine import Engine
from convokit.abc import Store, Transport
from convokit.stores import Memory, SQLite

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WAITING = 10_000
ASKED = 200
CLOCK = SystemClock()


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough for a ratio."""
    return "asyncio"


class Quick(Transport):
    """A platform that takes a message at once, and says so."""

    channel = "quick"

    def __init__(self) -> None:
        self.heard = anyio.Event()

    async def send(self, to: ConversationId, message: Message) -> str | None:
        del message
        if to.id == "ada":
            self.heard.set()
        return None


def said(name: str, number: int) -> MessageReceived:
    where = ConversationId("quick", name)
    return MessageReceived(id=f"m{number}", conversation=where, at=CLOCK.now(), user=User(id=name), text="hi")


async def asked(engine: Engine, quick: Quick, first: int) -> list[float]:
    """Milliseconds from each of Ada's messages to the call that answers it, one after the other."""
    took = []
    for number in range(first, first + ASKED):
        quick.heard = anyio.Event()
        began = perf_counter()
        await engine.accept([said("ada", number)])
        await quick.heard.wait()
        took.append((perf_counter() - began) * 1000)
    return took


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_busy_neighbour(kind: str, tmp_path: Path) -> None:
    store: Store = Memory() if kind == "memory" else SQLite(tmp_path / "busy.db")
    bot, quick = Bot("busy", settings=Settings(lane_limit=2 * WAITING, answers_a_minute=1_000_000)), Quick()
    bot.attach(quick)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        if turn.user.id == "ada":
            turn.reply(turn.text)

    async with bot.serve(store) as engine:
        alone = await asked(engine, quick, 1)
        await engine.accept([said("flood", number) for number in range(WAITING)])
        before = (await engine.stats()).waiting
        beside = await asked(engine, quick, 1001)
        left = (await engine.stats()).waiting
    ratio = median(beside) / median(alone)
    print(
        f"\n{kind}: {median(alone):.2f} ms alone, {median(beside):.2f} ms beside {before} waiting events, "
        f"{before - left} of which were handled meanwhile: {ratio:.2f} times"
    )
