"""One run: customers do their acts against a bot, and after each it is looked whether all still holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from attrs import define, field, frozen

from convokit._engine.settings import Settings
from convokit._value import Value
from convokit.bot import Bot
from convokit.conversations import Conversation, Position
from convokit.dialogs.walking import MOST_OPEN
from convokit.expect import Expectation
from convokit.messages import Button, Capabilities
from convokit.testing.personas.acts import BY_CUSTOMERS, Act, Cast, shortened
from convokit.testing.personas.answering import Sight, sensible
from convokit.testing.personas.people import Persona, verb
from convokit.testing.simulation import RICH, Heard, Simulation
from convokit.wire.codec import encode

NAMES = ("Zephyrine", "Quillon", "Wrenfield", "Oxanthe", "Jorvika", "Vashti", "Umberlee", "Kestrin")
"""The customers' names, words that no bot says by itself: whoever reads another's has got what is not theirs."""
MOST_CUSTOMERS = len(NAMES)
_PATIENT_ANSWERS = 25
"""How many sensible answers lead to the end of a dialog that cannot be left otherwise."""

MakesBot = Callable[[], Bot]


@frozen(kw_only=True, eq=False)
class Trouble(Value):
    """What went wrong in a run.

    Args:
        kind: "silence", "error", "dead end", "two speakers", "foreign", "too long", "too large" or "restart".
        said: A sentence.
        transcript: The chat up to there.
    """

    kind: str
    said: str
    transcript: str


@frozen(kw_only=True, eq=False)
class Plan(Value):
    """What is the same in all runs: the bot and its surroundings; `wander` explains them."""

    bot: MakesBot
    customers: int
    answers: tuple[str, ...]
    openings: tuple[str, ...]
    signals: Mapping[str, Mapping[str, Any]]
    capabilities: Capabilities | None
    settings: Settings | None
    most_kept: int


@define(eq=False)
class Play:
    """One run in progress."""

    plan: Plan
    world: Simulation
    cast: Cast = field(init=False)
    done: list[Act] = field(factory=list, init=False)
    said: list[list[Heard]] = field(factory=list, init=False)
    trouble: Trouble | None = field(default=None, init=False)
    _read: list[int] = field(init=False)
    _kept: list[Conversation | None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        people = [self.world.user(name) for name in NAMES[: self.plan.customers]]
        self.cast = Cast(self.world, people, self.plan.signals)
        self.said = [[] for _ in people]
        self._read = [0 for _ in people]
        self._kept = [None for _ in people]

    # ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def does(self, act: Act) -> bool:
        """Do an act and look. Returns whether everything still holds."""
        before = list(self._kept)
        if not await self.cast.does(act):
            return True
        self.done.append(act)
        await self._looks(act, before)
        return self.trouble is None

    async def _looks(self, act: Act, before: Sequence[Conversation | None]) -> None:
        heard = self._heard()
        self._kept = [await self.cast.conversation(who) for who in range(len(self.cast.people))]
        if act.kind in BY_CUSTOMERS and not heard[act.who] and not _held(before[act.who]):
            heard = await self._waits_for_answer(act.who, heard)
        stats = await self.world.engine.stats()
        if stats.failed:
            (failed,) = await self.world.engine.store.failed(1)
            self._finds("error", f"a handler failed: {shortened(failed.error)}")
        for who, messages in enumerate(heard):
            self._reads(act, who, messages, before[who])
            self._stands_still(who, before[who])
        for one in self._kept:
            if one is not None and (size := len(encode(one))) > self.plan.most_kept:
                self._finds(
                    "too large", f"{size:,} bytes are kept of one conversation, more than {self.plan.most_kept:,}"
                )

    def _heard(self) -> list[list[Heard]]:
        """What each of them was told since it was looked last."""
        found = []
        for who, person in enumerate(self.cast.people):
            found.append(list(person.seen[self._read[who] :]))
            self._read[who] = len(person.seen)
            self.said[who] += found[-1]
        return found

    async def _waits_for_answer(self, who: int, heard: list[list[Heard]]) -> list[list[Heard]]:
        """Nothing was said: a handler may have failed and be tried again, or the conversation have gone to a person."""
        if (await self.world.engine.stats()).waiting:
            await self.world.passes(hours=2)
            later = self._heard()
            heard = [[*one, *two] for one, two in zip(heard, later, strict=True)]
            self._kept[who] = await self.cast.conversation(who)
        failed = (await self.world.engine.stats()).failed
        if not heard[who] and not failed and not _held(self._kept[who]):
            self._finds("silence", f"{NAMES[who]} gets no answer")
        return heard

    def _reads(self, act: Act, who: int, messages: Sequence[Heard], was: Conversation | None) -> None:
        if messages and _held(was) and _same_lease(was, self._kept[who]) and (act.kind, act.who) != ("answers", who):
            self._finds("two speakers", f"the bot says {messages[0].text!r:.80} while a person has the conversation")
        limits = self.plan.capabilities or RICH
        for one in messages:
            if not limits.text_limit.holds(one.text) or len(one.buttons) > max(limits.buttons, limits.links):
                self._finds("too long", f"the channel cannot show {shortened(one.text)!r}")
            others = [name for name in NAMES[: self.plan.customers] if name != NAMES[who]]
            words = "\n".join((one.text, *one.labels)).casefold()
            if found := next((name for name in others if name.casefold() in words), None):
                self._finds("foreign", f"{NAMES[who]} reads what {found} has said")

    def _stands_still(self, who: int, was: Conversation | None) -> None:
        """While a person has the conversation, no dialog goes on in it."""
        now = self._kept[who]
        if was is not None and now is not None and _same_lease(was, now) and was.positions != now.positions:
            self._finds("two speakers", f"a dialog goes on with {NAMES[who]} while a person has the conversation")

    def _finds(self, kind: str, said: str) -> None:
        if self.trouble is None:
            self.trouble = Trouble(kind=kind, said=said, transcript=self.transcript)

    @property
    def transcript(self) -> str:
        """The chat so far, very long lines cut."""
        return "\n".join(map(shortened, self.world.lines))

    # ── the way out ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def leaves(self, who: int, chance: Random) -> None:
        """Let a customer get out of the dialog that they stand in: cancelled, with a person, or to its end."""
        place, before = self.position(who), len(self.world.lines)
        if place is None or self.trouble is not None:
            return
        transcript = self.transcript
        for act in self._ways_out(who, chance):
            if not await self.does(act):
                return
            if self.position(who) is None or _held(self._kept[who]):
                return
        tried = len(self.world.lines) - before
        said = (
            f"{NAMES[who]} cannot get out of {place.dialog}.{place.state}: neither by “cancel”, nor to a person, nor "
            f"by {_PATIENT_ANSWERS} answers ({tried} lines)"
        )
        self.trouble = Trouble(kind="dead end", said=said, transcript=transcript)

    def _ways_out(self, who: int, chance: Random) -> Iterator[Act]:
        for _ in range(MOST_OPEN):
            depth = self._depth(who)
            yield verb("cancel", self.sight(who))
            if self._depth(who) >= depth:
                break
        yield verb("person", self.sight(who))
        for number in range(_PATIENT_ANSWERS):
            again = number % 6 == 5  # noqa: PLR2004  now and then an answer is taken back
            yield verb("back", self.sight(who)) if again else sensible(self.sight(who), chance)

    def position(self, who: int) -> Position | None:
        """Where a customer stands; None: in no dialog."""
        kept = self._kept[who]
        return None if kept is None else kept.position_of(self.cast.people[who].user)

    def _depth(self, who: int) -> int:
        position = self.position(who)
        return 0 if position is None else len(position.stack)

    # ── what they see ───────────────────────────────────────────────────────────────────────────────────────────────

    def held(self, who: int) -> bool:
        """Whether a person has this customer's conversation, or it waits for one."""
        return _held(self._kept[who])

    def taken(self, who: int) -> bool:
        """Whether an operator has it."""
        kept = self._kept[who]
        return kept is not None and kept.handoff is not None and bool(kept.handoff.operator)

    def sight(self, who: int) -> Sight:
        """What a customer sees now."""
        person = self.cast.people[who]
        last = person.seen[-1] if person.seen else None
        older = (one.label for message in person.seen[:-1] for one in message.buttons if isinstance(one, Button))
        return Sight(
            who=who,
            name=NAMES[who],
            now=self.world.clock.now(),
            text=last.text if last else "",
            buttons=tuple(one.label for one in last.buttons if isinstance(one, Button)) if last else (),
            old=tuple(dict.fromkeys(older)),
            due=self._due(who),
            openings=self.plan.openings,
            answers=self.plan.answers,
            locale=person.user.locale,
        )

    def _due(self, who: int) -> Expectation[Any] | None:
        position = self.position(who)
        dialog = self.world.bot.table().dialogs.get(position.dialog) if position is not None else None
        state = dialog.named(position.state) if dialog is not None and position is not None else None
        return None if state is None else state.expect


@frozen(kw_only=True, eq=False)
class Drawn(Value):
    """What draws the acts of a run: a seed, and who the customers are."""

    seed: int
    personas: tuple[Persona, ...]
    acts: int

    async def play(self, play: Play) -> None:
        """Draw acts and do them, one after the other."""
        chance = Random(self.seed)  # noqa: S311  chance that a seed repeats, not secrets
        deploys = chance.random() < 0.25  # noqa: PLR2004  each act of such a run may come after a restart
        while len(play.done) < self.acts:
            for act in self._next(play, chance, deploys=deploys):
                if not await play.does(act):
                    return

    def _next(self, play: Play, chance: Random, *, deploys: bool) -> Sequence[Act]:
        who = min(chance.randrange(len(self.personas) + 1), len(self.personas) - 1)
        if deploys and chance.random() < 0.3:  # noqa: PLR2004  see above
            return (Act(kind="restarts"),)
        if play.held(who):
            return (self._while_held(play, who, chance),)
        if play.plan.signals and chance.random() < 0.1:  # noqa: PLR2004  now and then
            return (Act(kind="signal", who=who, text=chance.choice(sorted(play.plan.signals))),)
        return self.personas[who].acts(play.sight(who), chance)

    def _while_held(self, play: Play, who: int, chance: Random) -> Act:
        if chance.random() < 0.4:  # noqa: PLR2004  customers write while they wait
            return sensible(play.sight(who), chance)
        if not play.taken(who):
            return Act(kind="takes", who=who)
        if chance.random() < 0.4:  # noqa: PLR2004  and operators answer before they give back
            return Act(kind="answers", who=who, text="I am looking into it.")
        return Act(kind="returns", who=who)


def _held(conversation: Conversation | None) -> bool:
    return conversation is not None and conversation.handoff is not None


def _same_lease(was: Conversation | None, now: Conversation | None) -> bool:
    if was is None or now is None or was.handoff is None or now.handoff is None:
        return False
    return was.handoff.id == now.handoff.id
