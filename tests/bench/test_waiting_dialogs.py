"""What conversations cost that wait in the middle of a dialog: the engine nothing, and a step no more than among few.

`pytest tests/bench/test_waiting_dialogs.py -s` prints the figures; what can be compared are the ratios.
"""

import gc
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from attrs import define, evolve, field

from convokit import END, Bot, Capabilities, Message, Settings, Turn
from convokit.abc import Committed, Timer, Transport
from convokit.conversations import Conversation, ConversationId, Position
from convokit.events import MessageReceived
from convokit.people import User
from convokit.stores import SQLite
from convokit.testing.simulation import MONDAY_MORNING, RICH, VirtualClock

FEW, MANY = 10, 100_000
STEPS = 300
REST = 3
"""Seconds."""
BATCH = 500


@define
class Order:
    size: str = ""
    street: str = ""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pizzas() -> Bot:
    bot = Bot("pizzas")
    ordering = bot.dialog(Order)

    @ordering.state(ask="Small or large?", choices=["small", "large"], to=["street"])
    async def size(turn: Turn, order: Order, answer: str) -> None:
        order.size = answer

    @ordering.state(ask="Which street?", to=[END])
    async def street(turn: Turn, order: Order, answer: str) -> None:
        turn.reply(f"One {order.size} pizza for {answer}.")

    @bot.text("pizza")
    async def pizza(turn: Turn) -> None:
        turn.begin(ordering)

    return bot


async def fill(path: Path, many: int) -> None:
    """Put as many conversations into a file that wait for a size, each with a timer of its own in a year."""
    store = SQLite(path, synchronous="NORMAL")
    await store.open(VirtualClock())
    for start in range(0, many, BATCH):
        names = [f"w{number}" for number in range(start, min(many, start + BATCH))]
        places = [ConversationId("simulation", name) for name in names]
        await store.accept(
            [
                MessageReceived(
                    id=f"e{one.id}", conversation=one, at=MONDAY_MORNING, user=User(id=one.id), text="pizza"
                )
                for one in places
            ]
        )
        lanes = await store.claim("bench", BATCH, 600)
        await store.commit([waiting(lane.conversation, lane.epoch, lane.events[0].seq) for lane in lanes])
    await store.close()


def waiting(conversation: Conversation, epoch: int, seq: int) -> Committed:
    name = conversation.id.id
    place = Position(dialog="order", version=1, state="size", user=name, memory={"size": "", "street": ""}, asked=1)
    timer = Timer(
        conversation=conversation.id,
        name="someday",
        due=datetime.now(UTC) + timedelta(days=365),
        user=User(id=name),
        data={},
    )
    return Committed(
        epoch=epoch,
        seq=seq,
        conversation=evolve(conversation, version=conversation.version + 1, positions=(place,)),
        timers=(timer,),
        release=True,
    )


@define(eq=False)
class Ears(Transport):
    """A channel whose customers wait for one answer at a time."""

    channel: str = "simulation"
    capabilities: Capabilities = RICH
    heard: anyio.Event = field(factory=anyio.Event)

    async def send(self, to: ConversationId, message: Message) -> str | None:
        self.heard.set()
        return None


async def measured(path: Path) -> dict[str, float]:
    """What an engine over this file holds and uses at rest, and what a step takes."""
    gc.collect()
    tracemalloc.start()
    ears = Ears()
    store = SQLite(path, synchronous="NORMAL")
    unlimited = Settings(answers_a_minute=1_000_000)
    async with pizzas().serve(store, transports={"simulation": ears}, settings=unlimited) as engine:
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        began = time.process_time()
        await anyio.sleep(REST)
        rest = time.process_time() - began
        began = time.process_time()
        for number in range(STEPS):
            name, text = f"w{number % FEW}", ("large", "Crane St", "pizza")[number // FEW % 3]
            ears.heard = anyio.Event()
            place, now = ConversationId("simulation", name), datetime.now(UTC)
            await engine.accept(
                [MessageReceived(id=f"s{number}", conversation=place, at=now, user=User(id=name), text=text)]
            )
            with anyio.fail_after(10):
                await ears.heard.wait()
        step = (time.process_time() - began) / STEPS
    return {"held": held / 2**20, "rest": rest / REST * 1e3, "step": step * 1e6}


@pytest.mark.slow
async def test_what_waits_in_dialogs_costs_nothing(tmp_path: Path) -> None:
    found = {}
    for place, many in enumerate((FEW, FEW, MANY)):  # the first one loads what any run loads
        path = tmp_path / f"{place}.db"
        await fill(path, many)
        figures = found[many] = await measured(path)
        print(
            f"\n{many:7,} wait: a step takes {figures['step']:5.0f} µs of CPU; at rest the engine takes "
            f"{figures['rest']:4.1f} ms of CPU a second and holds {figures['held']:.2f} MiB"
        )
    ratios = {name: found[MANY][name] / found[FEW][name] for name in found[FEW]}
    print("ratios:", ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    # The times are for people to read. What is held for each that waits would be tens of MiB.
    assert found[MANY]["held"] - found[FEW]["held"] < 5
