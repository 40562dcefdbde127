"""What observers cost a turn: none, one that does nothing, Prometheus, OpenTelemetry without and with an SDK.

`pytest tests/bench/test_observers.py -s` prints CPU time per event as medians of several rounds, taken in turns in one
process, and as ratios to a run that nobody observes. They are reported, never asserted.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider

from convokit import Bot, ConversationId, MessageReceived, Settings, Turn, User
from convokit.abc import Observer, Step, Store, Transport
from convokit.messages import Message
from convokit.skills import OpenTelemetry, Prometheus
from convokit.stores import Memory, SQLite

pytestmark = pytest.mark.slow

ROUNDS = 15
EVENTS = 400
PEOPLE = 50


class Null(Transport):
    """Says what it is told to nobody."""

    channel = "null"

    async def send(self, to: ConversationId, message: Message) -> str | None:
        return None


class Idle(Observer):
    """Is told, and does nothing with it."""

    def told(self, step: Step) -> None: ...


CASES: dict[str, Callable[[], Sequence[Observer]]] = {
    "nobody": lambda: (),
    "one that is idle": lambda: [Idle()],
    "Prometheus": lambda: [Prometheus()],
    "OpenTelemetry, no SDK": lambda: [OpenTelemetry()],
    "OpenTelemetry, SDK": lambda: [OpenTelemetry(tracer_provider=TracerProvider(shutdown_on_exit=False))],
}


async def measured(observers: Sequence[Observer], number: int, store: Store) -> float:
    """CPU microseconds per event, from `accept` to the call that answers it."""
    bot = Bot("bench", settings=Settings(answers_a_minute=1_000_000))
    bot.attach(Null())
    bot.observe(*observers)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    async with bot.serve(store) as engine:

        async def say(person: int) -> None:
            here = ConversationId("null", str(person))
            for place in range(EVENTS // PEOPLE):
                event = MessageReceived(
                    id=f"{number}:{place}",
                    conversation=here,
                    at=datetime.now(UTC),
                    user=User(id=here.id),
                    text="hello",
                )
                await engine.accept([event])

        began = process_time()
        async with anyio.create_task_group() as tasks:
            for person in range(PEOPLE):
                tasks.start_soon(say, person)
        await engine.quiet()
        return (process_time() - began) / EVENTS * 1e6


STORES: dict[str, Callable[[Path], Store]] = {"Memory": lambda _: Memory(), "SQLite": SQLite}


@pytest.mark.parametrize("kind", STORES)
def test_what_observers_cost_a_turn(kind: str, tmp_path: Path) -> None:
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for number in range(ROUNDS):
        for name, made in CASES.items():
            store = STORES[kind](tmp_path / f"{number}-{name}.db")
            taken[name].append(anyio.run(measured, made(), number, store))
    alone = median(taken["nobody"])
    print(f"\n{kind}, observed by{'':<10}{'CPU µs':>8}{'more':>8}{'ratio':>8}")
    for name, found in taken.items():
        cost = median(found)
        print(f"{name:<28}{cost:>8.0f}{cost - alone:>8.0f}{cost / alone:>8.2f}")
