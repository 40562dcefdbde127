"""A store with faults: what a disk, a server or the line to it can do to a bot, drawn by a seed that repeats it."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import ContextVar
from random import Random
from typing import Any, Final

import anyio

from convokit.abc import Committed, Store
from convokit.errors import StoreUnavailable

LAST: Final = 30
"""How many of the last faults `FaultyStore.told` lists."""
MOST_TURNS: Final = 20
"""How often a slow call lets others run, at most."""

_spared: ContextVar[bool] = ContextVar("convokit_spared", default=False)


class Spared:
    """`with Spared():` — calls from here, and from tasks that are started here, meet no faults of a `FaultyStore`.

    So a test looks into the store in peace, while the engine has no such luck.

    Args:
        meet: They do meet them after all, inside of another `Spared()`.
    """

    # No generator: one that is never finished is finished by the garbage collector, in whatever task that runs in.
    __slots__ = ("_before", "_meet")

    def __init__(self, *, meet: bool = False) -> None:
        self._meet = meet
        self._before = False

    def __enter__(self) -> None:
        self._before = _spared.get()
        _spared.set(not self._meet)

    def __exit__(self, *exc: object) -> None:
        _spared.set(self._before)


def _seam() -> dict[str, Callable[..., Any]]:
    """Every public method of the seam, those too that a later version adds."""
    return {name: one for name, one in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")}


def _faulty(name: str) -> Callable[..., Awaitable[Any]]:
    async def call(self: "FaultyStore", *args: Any, **kwargs: Any) -> Any:
        return await self._called(name, args, kwargs)

    return call


def _passed_on(name: str) -> Callable[..., Any]:
    def call(self: "FaultyStore", *args: Any, **kwargs: Any) -> Any:
        return getattr(self.store, name)(*args, **kwargs)

    return call


def _attribute(name: str) -> Any:
    def get(self: "FaultyStore") -> Any:
        return getattr(self.store, name)

    def change(self: "FaultyStore", value: object) -> None:
        setattr(self.store, name, value)

    return property(get, change, doc="As the store inside has it.")


def _whole_seam() -> Any:
    """A `Store` that has every method of the seam, each of which asks `FaultyStore._called`."""
    methods: dict[str, Any] = {}
    for name, one in _seam().items():
        made = _faulty(name) if inspect.iscoroutinefunction(one) else _passed_on(name)
        made.__name__, made.__qualname__, made.__doc__ = name, f"FaultyStore.{name}", one.__doc__
        methods[name] = made
    methods |= {name: _attribute(name) for name in Store.__annotations__}
    return type("_WholeSeam", (Store,), methods)


_WholeSeam: Any = _whole_seam()


class FaultyStore(_WholeSeam):  # type: ignore[misc]  # made at import, so that no method of the seam is forgotten
    """Any store, with faults: calls fail before they did anything or after they did it, dawdle, or do half.

    Every fault is a `StoreUnavailable`, as the seam allows. What is drawn depends on the seed and on the order of
    calls only.

    ```python
    async with Simulation(bot, store=FaultyStore(Memory(), seed=7)) as world:
        assert await world.user("Ada").says("hi") == ["Hello, Ada!"]
    ```

    Args:
        store: Where everything is kept.
        seed: The same seed and the same calls: the same faults.
        before: How likely a call fails before anything happened, from 0 to 1.
        after: How likely it fails although all of it happened: the answer was lost.
        slow: How likely it takes its time, so that others run in between.
        half: How likely a `commit` of several turns does some of them and fails.
        delay: How many seconds a slow call takes at most; 0: others run in between, and no time passes.
        spare: Methods that never fail.

    Attributes:
        store: The store inside.
        did: What was done to which call, in order: "commit: after", "claim: slow", ….
        longest_lease: No lease lasts longer, in seconds: what a claim whose answer was lost holds comes back then. A
            simulation sets it to 1, so that little of its time passes by itself.
    """

    store: Store
    did: list[str]
    longest_lease: float

    def __init__(
        self,
        store: Store,
        seed: int,
        *,
        before: float = 0.05,
        after: float = 0.05,
        slow: float = 0.1,
        half: float = 0.25,
        delay: float = 0.0,
        spare: Collection[str] = ("open", "close"),
    ) -> None:
        strange = set(spare) - _seam().keys()
        if strange:
            raise ValueError(f"FaultyStore: spare names no methods of a store: {', '.join(sorted(strange))}")
        self.store = store
        self.seed = seed
        self.did = []
        self.longest_lease = float("inf")
        self._chances = {"before": before, "after": after, "half": half}
        self._slow = slow
        self._delay = delay
        self._spare = frozenset(spare)
        self._random = Random(seed)  # noqa: S311  faults are no secret
        self._healed = False

    def __repr__(self) -> str:
        return f"FaultyStore({self.store!r}, seed={self.seed})"

    def heal(self) -> None:
        """From now on there are no faults."""
        self._healed = True

    @property
    def told(self) -> str:
        """The seed and the last faults, for a failing test."""
        earlier = f"{len(self.did) - LAST} earlier ones, " if len(self.did) > LAST else ""
        return f"faults of seed {self.seed}: {earlier}{', '.join(self.did[-LAST:]) or 'none'}"

    async def _called(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = self._bounded(name)
        if self._healed or _spared.get() or name in self._spare:
            return await call(*args, **kwargs)
        if self._random.random() < self._slow:
            await self._dawdle(name)
        turns: Sequence[Committed] = args[0] if name == "commit" and args else kwargs.get("turns", ())
        fault = self._drawn(several=len(turns) > 1)
        if fault:
            self.did.append(f"{name}: {fault}")
        if fault == "before":
            raise StoreUnavailable(f"{name}: a fault of seed {self.seed}: nothing of it happened")
        if fault == "half":
            done = self._random.sample(range(len(turns)), self._random.randrange(1, len(turns)))
            await self.store.commit([turns[one] for one in sorted(done)])
            raise StoreUnavailable(f"{name}: a fault of seed {self.seed}: the turns {sorted(done)} happened")
        answer = await call(*args, **kwargs)
        if fault == "after":
            raise StoreUnavailable(f"{name}: a fault of seed {self.seed}: it happened, the answer was lost")
        return answer

    def _bounded(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The call as it is made, with a lease that ends soon."""
        call: Callable[..., Awaitable[Any]] = getattr(self.store, name)
        if name not in {"claim", "claim_sends", "renew"}:
            return call

        def with_lease(*given: Any, **named: Any) -> Awaitable[Any]:
            """`lease` is the last one of each of these."""
            if "lease" in named:
                return call(*given, **{**named, "lease": min(named["lease"], self.longest_lease)})
            return call(*given[:-1], min(given[-1], self.longest_lease), **named)

        return with_lease

    async def _dawdle(self, name: str) -> None:
        self.did.append(f"{name}: slow")
        for _ in range(self._random.randrange(1, MOST_TURNS)):
            await anyio.lowlevel.checkpoint()
        if self._delay:
            await anyio.sleep(self._random.uniform(0, self._delay))

    def _drawn(self, *, several: bool) -> str:
        """Which fault there is, if any."""
        luck = self._random.random()
        for fault, chance in self._chances.items():
            if fault == "half" and not several:
                continue
            if luck < chance:
                return fault
            luck -= chance
        return ""
