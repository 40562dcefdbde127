"""Many runs of simulated customers, and the shortest way to what they find."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import zip_longest
from random import Random
from typing import Any

import anyio
from attrs import define, evolve, field, frozen

from convokit._engine.settings import Settings
from convokit._value import Value
from convokit.bot import Bot
from convokit.errors import DefinitionError
from convokit.messages import Capabilities
from convokit.testing.personas.acts import Act
from convokit.testing.personas.people import EVERYBODY, Persona
from convokit.testing.personas.playing import MOST_CUSTOMERS, Drawn, Plan, Play, Trouble
from convokit.testing.simulation import Simulation
from convokit.triggers import Command, Text

MOST_REPLAYS = 500
"""How often a failure is played again to find a shorter way to it."""


class CustomersFailed(AssertionError):
    """Simulated customers have found something wrong; the message is the shortest chat that shows it, and the seed.

    Attributes:
        kind: "silence" (no answer), "error" (a handler failed), "dead end", "two speakers" (the bot spoke while a
            person had the conversation), "foreign" (another customer's words), "too long" (for the channel),
            "too large" (what is kept of a conversation), "restart" (it went otherwise after one).
        seed: The run's.
        acts: What the customers did, shortened.
        transcript: The chat.
    """

    def __init__(self, trouble: Trouble, seed: int, acts: Sequence[Act], drawn: int, who: str) -> None:
        super().__init__(
            f"{trouble.kind}: {trouble.said}\n\n{trouble.transcript}\n\n"
            f"{len(acts)} acts, shortened from {drawn}; seed {seed} ({who}).\n"
            f"wander(…, runs=1, seed={seed}) finds it again."
        )
        self.kind = trouble.kind
        self.seed = seed
        self.acts = tuple(acts)
        self.transcript = trouble.transcript


@frozen(kw_only=True, eq=False)
class Wandered(Value):
    """What was done without finding anything wrong.

    Args:
        runs: How many runs there were.
        acts: How many things their customers did.
        states: The states, as "dialog.state", in which somebody stood after an act.
    """

    runs: int
    acts: int
    states: frozenset[str]


async def wander(
    bot: Bot | Callable[[], Bot],
    *,
    runs: int = 100,
    seed: int = 0,
    personas: Sequence[Persona] = EVERYBODY,
    customers: int = 2,
    acts: int = 15,
    answers: Sequence[str] = (),
    openings: Sequence[str] | None = None,
    signals: Mapping[str, Mapping[str, Any]] | None = None,
    capabilities: Capabilities | None = None,
    settings: Settings | None = None,
    most_kept: int = 512 * 1024,
) -> Wandered:
    """Let simulated customers talk with a bot, and raise when something is wrong.

    In every run a few of them talk at once, each with a habit, and it is looked after each act whether

    - everybody gets an answer while no person has their conversation, and nobody but the person speaks while one has,
    - no handler failed, and nobody reads another's words,
    - every message is one that the channel can show, and what is kept of a conversation stays below `most_kept`.

    At the end all of them must get out of the dialog that they stand in: by "cancel", to a person, or to its end. A
    quarter of the runs restarts the process in between; it must go as without. So the bot has to say the same when it
    is told the same: chance and outside services are to be handed in, and those that remember, made anew with the bot
    by a function.

    What is found is tried again with fewer and plainer acts, until none can be left out.

    Args:
        bot: The bot, or a function that makes one for each run.
        runs: How many runs, each with the next seed.
        seed: The first run's.
        personas: Among whom the customers are drawn.
        customers: How many talk at once (1 to 8).
        acts: How many things are done in a run.
        answers: Words that are worth a try where text or numbers are asked for: a booking code, a PIN.
        openings: What customers begin with; when left out, the texts and commands for which there are handlers.
        signals: What the business tells in between: the data by the signal's name.
        capabilities: What the channel can show; everything when left out.
        settings: The numbers of the runs; the bot's when left out.
        most_kept: The most bytes that may be kept of one conversation.

    Raises:
        CustomersFailed: Something is wrong.
        DefinitionError: `customers` is out of bounds, or nobody is among the personas.
    """
    if not 1 <= customers <= MOST_CUSTOMERS or not personas:
        raise DefinitionError(f"wander takes 1 to {MOST_CUSTOMERS} customers and at least one persona")

    def made() -> Bot:
        return bot if isinstance(bot, Bot) else bot()

    plan = Plan(
        bot=made,
        customers=customers,
        answers=tuple(answers),
        openings=tuple(openings) if openings is not None else openings_of(made()),
        signals=dict(signals or {}),
        capabilities=capabilities,
        settings=settings,
        most_kept=most_kept,
    )
    done, states = 0, set[str]()
    for each in range(seed, seed + runs):
        chance = Random(each)  # noqa: S311  chance that a seed repeats, not secrets
        cast = tuple(chance.choice(list(personas)) for _ in range(customers))
        trial = Trial(plan=plan, seed=each)
        trouble = await trial.drawn(Drawn(seed=each, personas=cast, acts=acts))
        done += len(trial.done)
        states |= trial.states
        if trouble is not None:
            shortest, trouble_there = await trial.shrunk(trouble)
            who = ", ".join(one.name for one in cast)
            raise CustomersFailed(trouble_there, each, shortest, len(trial.done), who)
    return Wandered(runs=runs, acts=done, states=frozenset(states))


def check_with_customers(
    bot: Bot | Callable[[], Bot],
    *,
    runs: int = 100,
    seed: int = 0,
    backends: Sequence[str] = ("asyncio", "trio"),
    **arguments: Any,
) -> None:
    """`wander` for tests that are no coroutines: the runs are shared among the event loops that are installed.

    Args:
        bot: The bot, or a function that makes one.
        runs: How many runs in all.
        seed: The first run's.
        backends: The event loops.
        **arguments: As in `wander`.

    Raises:
        CustomersFailed: Something is wrong.
    """
    there = [one for one in backends if one == "asyncio" or find_spec(one) is not None]
    for number, backend in enumerate(there):
        share = range(number, runs, len(there))
        first = seed + sum(len(range(one, runs, len(there))) for one in range(number))

        async def all_of_them(many: int = len(share), begin: int = first) -> None:
            await wander(bot, runs=many, seed=begin, **arguments)

        anyio.run(all_of_them, backend=backend)


def openings_of(bot: Bot) -> tuple[str, ...]:
    """The texts and commands for which a bot has handlers, as a customer would write them."""
    found: list[str] = []
    for route in bot.table().routes:
        found += [one.phrase for one in route.triggers if isinstance(one, Text)]
        found += [f"/{one.name}" for one in route.triggers if isinstance(one, Command)]
    return tuple(dict.fromkeys(found))


@define(eq=False)
class Trial:
    """One run: drawn once, and played again where something was wrong."""

    plan: Plan
    seed: int
    done: list[Act] = field(factory=list, init=False)
    states: set[str] = field(factory=set, init=False)
    _left: int = field(default=MOST_REPLAYS, init=False)

    async def drawn(self, draws: Drawn) -> Trouble | None:
        """Play it with acts that are drawn as it goes."""
        play = await self._played(draws.play)
        self.done = list(play.done)
        if play.trouble is None and any(one.kind == "restarts" for one in self.done):
            return await self._restarted(self.done)
        return play.trouble

    async def again(self, acts: Sequence[Act]) -> Trouble | None:
        """Play it with these acts."""
        return (await self._played(partial(_all_done, acts=acts))).trouble

    async def _played(self, how: Callable[[Play], Awaitable[None]]) -> Play:
        bot = self.plan.bot()
        world = Simulation(bot, capabilities=self.plan.capabilities, settings=self.plan.settings)
        async with world:
            play = Play(self.plan, world)
            await how(play)
            acted = len(play.done)
            for who in range(self.plan.customers):
                if (place := play.position(who)) is not None:
                    self.states.add(f"{place.dialog}.{place.state}")
                await play.leaves(who, Random(self.seed))  # noqa: S311  see above
            if play.trouble is None or play.trouble.kind == "dead end":
                del play.done[acted:]
            return play

    async def _restarted(self, acts: Sequence[Act]) -> Trouble | None:
        """Whether it goes otherwise without the restarts among these acts."""
        told: list[Play] = []
        for chosen in (acts, [one for one in acts if one.kind != "restarts"]):
            play = await self._played(partial(_all_done, acts=chosen))
            if play.trouble is not None:
                return play.trouble
            told.append(play)
        with_them, without = told
        for one, other in zip(with_them.said, without.said, strict=True):
            if one != other:
                pairs = zip_longest(one, other, fillvalue="nothing")
                said, instead = next((said, instead) for said, instead in pairs if said != instead)
                said = f"{said!r:.80} is said, and without the restart {instead!r:.80}"
                return Trouble(kind="restart", said=said, transcript=with_them.transcript)
        return None

    # ── the shortest way there ──────────────────────────────────────────────────────────────────────────────────────

    async def shrunk(self, trouble: Trouble) -> tuple[list[Act], Trouble]:
        """The acts with all left out that need not be, as plain as they can be, and what is wrong then."""
        acts, found = list(self.done), trouble
        size = max(1, len(acts) // 2)
        while size:
            place = 0
            while place < len(acts):
                fewer = acts[:place] + acts[place + size :]
                if (there := await self._still(fewer, trouble.kind)) is not None:
                    acts, found = fewer, there
                else:
                    place += size
            size = min(size // 2, len(acts) // 2) if size > 1 else 0
        alone = [evolve(act, who=0) for act in acts]
        if alone != acts and (there := await self._still(alone, trouble.kind)) is not None:
            acts, found = alone, there
        for place in range(len(acts)):
            for plainer in _plainer(acts[place]):
                tried = [*acts[:place], plainer, *acts[place + 1 :]]
                if (there := await self._still(tried, trouble.kind)) is not None:
                    acts, found = tried, there
                    break
        return acts, found

    async def _still(self, acts: Sequence[Act], kind: str) -> Trouble | None:
        if self._left <= 0:
            return None
        self._left -= 1
        found = await (self._restarted(acts) if kind == "restart" else self.again(acts))
        return found if found is not None and found.kind == kind else None


async def _all_done(play: Play, acts: Sequence[Act]) -> None:
    for act in acts:
        if not await play.does(act):
            return


def _plainer(act: Act) -> Iterator[Act]:
    """Simpler acts that may show the same, the simplest first."""
    if act.times > 1:
        yield evolve(act, times=1)
    if act.kind == "says":
        for text in ("x", act.text[:10], act.text[:200]):
            if len(text) < len(act.text):
                yield evolve(act, text=text)
