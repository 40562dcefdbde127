"""A store that takes its time, fails, and dies with its process: every method of the seam goes through one door.

What it holds is a `Memory` that outlives the process, as a file does. A call takes a while before its effect and a
while after it; a process that dies in between has done it, and nobody was told. As with the SQLite store, a caller that
is cancelled waits for the end of what is under way.
"""

import inspect
import re
from abc import ABCMeta
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from convokit.abc import Store
from convokit.conversations import ConversationId
from convokit.errors import StoreUnavailable
from convokit.stores import Memory

if TYPE_CHECKING:
    from world import Life

RANDOM = re.compile(r"\b[0-9a-f]{32}\b")
"""Ids that the engine makes up: the same world has other ones."""
DEAD = "the process is dead"


class _Door:
    """What all methods of the double have in common."""

    def __init__(self, life: "Life") -> None:
        self._life = life
        self._world = life.world
        self._memory: Memory = life.world.memory

    @property
    def most_waiting(self) -> int:
        return self._memory.most_waiting

    @most_waiting.setter
    def most_waiting(self, most: int) -> None:
        self._memory.most_waiting = most

    async def through(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call: wait, fail or do it, tell the ledger, wait, fail or answer."""
        await checkpoint_if_cancelled()
        weather = self._world.weather
        with anyio.CancelScope(shield=True):
            fails = weather.store_fails(name)
            dies = self._life.dies_in_call()
            await self._while_alive(weather.latency())
            if dies == "before":
                self._life.kill(f"before store.{name}")
            self._still_alive()
            if fails == "before":
                self._world.note("store.{} fails", name)
                self._failed(name, args)
                raise StoreUnavailable(f"{name}: it came to nothing")
            result = await getattr(self._memory, name)(*args, **kwargs)
            self._told(name, args, result)
            self._world.note("store.{}{} -> {}", name, _Brief(args), _Brief(result))
            if dies == "after":
                self._life.kill(f"after store.{name}")
            self._still_alive()
            await self._while_alive(weather.latency())
            self._still_alive()
            if fails == "after":
                self._world.note("store.{} has happened and fails", name)
                self._failed(name, args)
                raise StoreUnavailable(f"{name}: it happened, and nobody was told")
            return result

    async def _while_alive(self, seconds: float) -> None:
        if seconds:
            with anyio.move_on_after(seconds):
                await self._life.died.wait()

    def _still_alive(self) -> None:
        if self._life.dead:
            raise StoreUnavailable(DEAD)

    def _failed(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "settle":
            self._world.excuse(one.key for one in args[0])

    def _told(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        told = _LEDGER.get(name)
        if told is not None:
            told(self._world, result, *args)


_LEDGER: dict[str, Callable[..., None]] = {
    "accept": lambda world, fresh, events, *_: world.ledger.took(events, fresh),
    "claim": lambda world, lanes, *_: world.ledger.claimed(lanes),
    "commit": lambda world, written, turns, *_: world.ledger.wrote_turns(turns, written),
    "flush": lambda world, written, _, __, sends, *___: world.ledger.wrote(sends if written else ()),
    "remember": lambda world, kept, lane, seq, name, *_: world.ledger.remembered(lane, seq, name, kept),
    "claim_sends": lambda world, sends, *_: world.ledger.takes(sends),
    "settle": lambda world, _, outcomes: world.ledger.settled(outcomes),
    "resolve": lambda world, _, evidence: world.proved(evidence),
    "replay": lambda world, _, keys: world.ledger.put_back(keys),
    "fire_due": lambda world, count, _: world.ledger.fires(count, world.clock.now()),
}
"""What the ledger is told of an effect: the world, what the store returned, what it was given."""


def _method(name: str) -> Callable[..., Awaitable[Any]]:
    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await self.through(name, args, kwargs)

    method.__name__ = name
    return method


def _forwarded() -> dict[str, Any]:
    """All that the seam asks of a store, whatever is added to it."""
    names = sorted(Store.__abstractmethods__)
    waiting = [name for name in names if inspect.iscoroutinefunction(getattr(Store, name))]
    assert waiting == names, f"a store's methods are awaited, and these are not: {set(names) - set(waiting)}"
    return {name: _method(name) for name in names}


ChanceStore: Any = ABCMeta("ChanceStore", (_Door, Store), _forwarded())
"""The double: `ChanceStore(life)`. It has every abstract method of `Store`, each through `_Door.through`."""


class _Brief:
    """A value in a few words, for the trace; put into words only when somebody reads it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __str__(self) -> str:
        return _brief(self._value)


def _brief(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(_brief(one) for one in value)})"
    if isinstance(value, set | frozenset | dict):
        return f"{{{', '.join(sorted(str(one) for one in value))}}}"
    if value is None or isinstance(value, bool | int | float | ConversationId):
        return str(value)
    parts = [type(value).__name__]
    for name in ("key", "id", "seq", "epoch", "state", "outcome", "retry_at"):
        found = getattr(value, name, None)
        if isinstance(found, str | int):
            parts.append(f"{name}={RANDOM.sub('…', str(found))}")
    conversation = getattr(value, "conversation", None)
    if conversation is not None:
        parts.append(
            str(getattr(conversation, "id", conversation)) if hasattr(conversation, "version") else str(conversation)
        )
    return " ".join(parts)
