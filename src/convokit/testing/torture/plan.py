"""The plan of a run: every life of the victim, and how it ends. Pure: a seed always gives the same one."""

import random
from collections.abc import Sequence
from typing import Literal

from attrs import frozen

from convokit._engine.points import POINTS

RARE = frozenset({"event_parked", "purged", "draining"})
"""Points that a life reaches once in a while: the first time is taken."""

_WHILE_IT_STARTS = 0.1
"""How many of the random kills come while the victim starts."""

End = Literal["at a point", "at random", "while it starts", "late", "suspended", "stopped"]


@frozen(kw_only=True)
class Life:
    """One life.

    Args:
        end: How it ends. "at a point": the process kills itself where `point` is reached for the nth time. "at random":
            it is killed `after` seconds of work. "while it starts": `after` seconds after its start. "late": as at
            random, and turns outlive their lease. "suspended": it stands still for longer than its lease, goes on, and
            is killed. "stopped": it is asked to stop, under load.
        point: The named point.
        times: At which time that it is reached, from 1.
        after: Seconds.
    """

    end: End
    point: str = ""
    times: int = 1
    after: float = 0.0

    @property
    def kills(self) -> bool:
        """Whether it counts as a kill at a point or at a random moment."""
        return self.end in {"at a point", "at random", "while it starts"}


def planned(
    seed: int, kills: int, *, points: Sequence[str] = tuple(POINTS), each: int | None = None
) -> tuple[Life, ...]:
    """Every life of a run, in order.

    Args:
        seed: What is drawn from.
        kills: How many kills; the first are those at `points`, each once.
        points: The named points.
        each: How many lives are late, suspended and stopped besides, of each kind; one for 40 kills when left out.
    """
    chance = random.Random(f"{seed}:plan")
    order = list(points)
    chance.shuffle(order)
    named = [Life(end="at a point", point=point, times=1 if point in RARE else chance.randint(1, 8)) for point in order]
    drawn = [_random(chance) for _ in range(kills - len(named))]
    besides = max(1, kills // 40) if each is None else each
    for _ in range(besides):
        drawn += [
            Life(end="late", after=chance.uniform(2.2, 3.0)),
            Life(end="suspended", after=chance.uniform(0.1, 0.6)),
            Life(end="stopped", after=chance.uniform(0.1, 0.6)),
        ]
    chance.shuffle(drawn)
    return (*named, *drawn)


def _random(chance: random.Random) -> Life:
    if chance.random() < _WHILE_IT_STARTS:
        return Life(end="while it starts", after=chance.uniform(0.1, 0.5))
    return Life(end="at random", after=chance.uniform(0.02, 0.5))
