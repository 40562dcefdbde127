"""What choosing a route costs, among 10, 1,000 and 10,000. Prints figures; asserts no times."""

from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import process_time_ns
from typing import Any

import pytest

from convokit.conversations import Conversation, ConversationId
from convokit.events import ButtonPressed, ConversationOpened, Event, MessageReceived
from convokit.people import User
from convokit.router import Router
from convokit.routing import Table, select
from convokit.turn import Turn

HERE = Conversation(id=ConversationId("telegram", "1"))
SIZES = (10, 1_000, 10_000)


def happened(kind: type[Event], **more: Any) -> Event:
    return kind(id="1", conversation=HERE.id, at=datetime(2026, 1, 1, tzinfo=UTC), user=User(id="ada"), **more)


async def handle(turn: Turn) -> None: ...


def mixed(router: Router, place: int) -> None:
    """Mostly texts; of each ten one command, one payload, one ref and one pattern."""
    sort = place % 10
    if sort == 0:
        router.command(f"command{place}")(handle)
    elif sort == 1:
        router.button(f"payload{place}")(handle)
    elif sort == 2:
        router.opened(f"ref{place}")(handle)
    elif sort == 3:
        router.button(f"track{place}:{{order}}")(handle)
    else:
        router.text(f"text {place}")(handle)


def patterns(router: Router, place: int) -> None:
    router.button(f"track{place}:{{order}}")(handle)


def said(words: str) -> Event:
    return happened(MessageReceived, text=words)


def pressed(payload: str) -> Event:
    return happened(ButtonPressed, payload=payload)


Write = Callable[[Router, int], None]
CASES: list[tuple[str, Write, Callable[[int], Event]]] = [
    ("mixed: a text", mixed, lambda n: said(f"Text {n - 1}!")),
    ("mixed: a text with accents", mixed, lambda n: said(f"Téxt {n - 1}!")),
    ("mixed: a text that none wants", mixed, lambda _: said("Where is my pizza?")),
    ("mixed: a command", mixed, lambda n: said(f"/command{n - 10} now")),
    ("mixed: a payload", mixed, lambda n: pressed(f"payload{n - 9}")),
    ("mixed: a pattern", mixed, lambda n: pressed(f"track{n - 7}:42")),
    ("mixed: a ref", mixed, lambda n: happened(ConversationOpened, ref=f"ref{n - 8}")),
    ("patterns: the last", patterns, lambda n: pressed(f"track{n - 1}:42")),
    ("patterns: a forged payload", patterns, lambda _: pressed("track" * 200)),
]


def microseconds(table: Table, event: Event) -> float:
    """CPU time of one choice: the median of 9 rounds of 2,000."""
    rounds = []
    for _ in range(9):
        begun = process_time_ns()
        for _ in range(2_000):
            select(event, HERE, table)
        rounds.append((process_time_ns() - begun) / 2_000 / 1_000)
    return median(rounds)


@pytest.mark.slow
def test_what_choosing_a_route_costs() -> None:
    tables: dict[tuple[Write, int], Table] = {}
    for write in (mixed, patterns):
        for size in SIZES:
            router = Router()
            begun = process_time_ns()
            for place in range(size):
                write(router, place)
            written = process_time_ns()
            tables[write, size] = Table.compile(router)
            compiled = process_time_ns()
            print(
                f"{write.__name__:9} {size:6,} routes: written in {(written - begun) / 1e6:7.1f} ms, "
                f"compiled in {(compiled - written) / 1e6:7.1f} ms"
            )
    print(f"{'µs of CPU a choice, among':32}" + "".join(f"{size:9,}" for size in SIZES) + "  most/least")
    for name, write, event in CASES:
        costs = [microseconds(tables[write, size], event(size)) for size in SIZES]
        shown = "".join(f"{cost:9.2f}" for cost in costs)
        print(f"{name:32}{shown}{costs[-1] / costs[0]:10.2f} x")
        assert (
            select(event(10), HERE, tables[write, 10]).action
            == select(event(10_000), HERE, tables[write, 10_000]).action
        )
