"""What a seed decides: how big the world is, what fails in it, how each of its lives ends."""

from random import Random
from typing import Any

from attrs import define, field

from convokit._engine.points import POINTS
from convokit._engine.settings import Settings

LONG = 10 * 86_400.0
"""Seconds between polls that hide nothing: whoever is not woken sleeps until the end of the world."""


class Killed(BaseException):
    """The process dies at this very moment."""


@define(eq=False)
class End:
    """How a life ends: in calm ("stop"), or killed at a time, a point, or in the n-th call of the store."""

    how: str
    after: float
    point: str = ""
    count: int = 0
    before: bool = True
    drain: float = 0.0


@define(eq=False)
class Weather:
    """The world of one seed. While `storms` is false nothing fails any more."""

    chance: Random
    storms: bool = True
    channels: tuple[str, ...] = ()
    customers: int = 2
    messages: int = 6
    flood: bool = False
    store_faults: float = 0.0
    line_faults: float = 0.0
    slow: float = 0.0
    jumps: bool = False
    stalls: bool = False
    operators: bool = False
    hold: bool = False
    elsewhere: bool = False
    loops: bool = False
    replays: bool = False
    ends: list[End] = field(factory=list)
    settings: Settings = field(factory=Settings)

    @classmethod
    def of(cls, seed: int) -> "Weather":
        """The world that a seed stands for."""
        chance = Random(f"convokit {seed}")
        often = chance.random
        weather = cls(chance)
        weather.channels = tuple(chance.sample(["key", "proof", "plain"], chance.randint(1, 3)))
        weather.customers = chance.randint(1, 2)
        weather.messages = chance.randint(3, 8)
        weather.flood = often() < 0.06
        weather.store_faults = chance.choice([0.0, 0.0, 0.02, 0.08])
        weather.line_faults = chance.choice([0.0, 0.2, 0.4, 0.6])
        weather.slow = chance.choice([0.0, 0.02, 0.2, 1.0])
        weather.jumps = often() < 0.15
        weather.stalls = often() < 0.15
        weather.operators = often() < 0.5
        weather.hold = often() < 0.2
        weather.elsewhere = weather.store_faults == 0 and often() < 0.1
        weather.loops = often() < 0.08
        weather.replays = often() < 0.2
        weather.ends = [weather.end() for _ in range(chance.randint(0, 5))]
        weather.settings = weather.numbers()
        return weather

    @property
    def wakes(self) -> bool:
        """Whether everything must be woken, because nobody polls."""
        return self.settings.poll == LONG

    @property
    def even(self) -> bool:
        """Whether time goes evenly."""
        return not self.jumps and not self.stalls

    def numbers(self) -> Settings:
        """The numbers of every run."""
        chance = self.chance
        polls = self.store_faults > 0 or self.elsewhere
        return Settings(
            turns_at_once=chance.choice([1, 2, 256]),
            sends_at_once=chance.choice([1, 2, 32]),
            lease=chance.choice([3.0, 30.0]),
            retry_pause=chance.choice([0.0, 2.0]),
            longest_pause=8.0,
            poll=LONG if not polls else 20.0 if self.jumps else chance.choice([0.5, 2.0, 5.0]),
            purge_every=chance.choice([3.0, 3600.0]),
            drain=0.0,
            lane_limit=16 if self.flood else 1000,
            answers_a_minute=4 if self.loops else 1_000_000,
            loop_rest=60.0,
            loop_limit=0.0,  # its watchdog goes by real time
            turn_limit=600.0,
        )

    def end(self) -> End:
        """How a life ends."""
        chance = self.chance
        after = chance.uniform(0.5, 25)
        match chance.choice(["time", "call", "point", "point", "point", "stop", "draining"]):
            case "time":
                return End("time", after)
            case "call":
                return End("call", after, count=chance.randint(1, 120), before=chance.random() < 0.5)
            case "point":
                point = chance.choice([one for one in POINTS if one != "draining"])
                return End("point", after + 30, point=point, count=min(chance.randint(1, 8), chance.randint(1, 8)))
            case "stop":
                return End("stop", after, drain=chance.choice([0.0, 0.3, 10.0]))
            case _:
                return End("draining", after, point="draining", count=1, drain=10.0)

    # ── drawn while the world turns ─────────────────────────────────────────────────────────────────────────────────

    def happens(self, probability: float) -> bool:
        """Whether something happens that has this probability while it storms."""
        return self.storms and probability > 0 and self.chance.random() < probability

    def between(self, least: float, most: float) -> float:
        """Some seconds."""
        return self.chance.uniform(least, most)

    def latency(self) -> float:
        """How long one way to the store takes; often no time at all."""
        if self.slow == 0 or self.chance.random() < 0.5:
            return 0.0
        return self.chance.uniform(0, self.slow)

    def store_fails(self, name: str) -> str:
        """Whether a call of the store fails: "" or "before" or "after" its effect."""
        if name == "close" or not self.happens(self.store_faults):
            return ""
        return self.chance.choice(["before", "after"]) if name != "open" else "before"

    def fate(self) -> str:
        """What becomes of a call to a platform."""
        if not self.happens(self.line_faults):
            return "done"
        return self.chance.choice(
            ["refused", "lost", "done and lost", "done and lost", "limited", "done late", "fault", "rejected"]
        )

    def pick(self, given: Any) -> Any:
        """One of several."""
        return self.chance.choice(given)
