"""The double of the platforms' API: it acts, and loses answers; and of the business that handlers call."""

import random
from collections import Counter
from collections.abc import Callable

from attrs import define, field, frozen

from convokit.conversations import ConversationId
from convokit.testing.platform_double import Fault, HttpCall, Reply
from convokit.testing.torture.channels import ANSWER_LOST


@frozen(kw_only=True)
class Act:
    """Something that the bot said and a customer reads.

    Args:
        text: What.
        key: The outbox's key for it, where the channel takes one.
        answered: Whether the platform answered that it was said.
        life: In which life of the victim.
        answer_lost: Whether the caller told that an earlier answer never came.
    """

    text: str
    key: str
    answered: bool
    life: int
    answer_lost: bool


BEFORE = ("refused", "busy", "told to wait", "dropped")
AFTER = ("lost", "stalled", "error")

FAULTS: dict[str, float] = {
    "refused": 2,
    "busy": 1,
    "told to wait": 0.1,
    "dropped": 2,
    "lost": 4,
    "stalled": 1,
    "error": 1,
}
"""How many of a hundred calls meet what. "refused" (503), "busy" (429) and "dropped" come before the
platform has acted; "lost" (the line is closed), "stalled" (nothing is said until the caller gives up) and "error" (500)
after it has.
"""
RARELY_DROPPED = {**FAULTS, "dropped": 0.4}
"""The same where evidence is given: what never arrived gives none, and costs the wait for it, with all that follows."""


@define
class Api:
    """The doubles.

    Attributes:
        acts: What customers read, by conversation, in the order in which it came.
        calls: How many calls came to the platforms.
        business: How often the business was called, by key.
        faults: How often each fault was drawn.
        life: Which life of the victim this is; whoever ends one counts it up.
    """

    seed: int
    proven: Callable[[ConversationId, str, str], None]
    """Called with conversation, key and platform's id of what was said where the platform gives evidence."""
    faulty: bool = True
    acts: dict[ConversationId, list[Act]] = field(factory=dict)
    calls: int = 0
    business: Counter[str] = field(factory=Counter)
    faults: Counter[str] = field(factory=Counter)
    life: int = 0
    _tries: Counter[tuple[str, str, str]] = field(factory=Counter)
    _keys: dict[str, str] = field(factory=dict)

    def answer(self, call: HttpCall) -> Reply | Fault:
        """What a call is answered."""
        if call.path == "/business":
            key = call.json()["key"]
            self.business[key] += 1
            # The key makes the call repeatable: the same receipt for the same key.
            return Reply.of({"receipt": f"receipt of {key}"})
        self.calls += 1
        channel = call.path.split("/")[1]
        body = call.json()
        fault = self._fault(channel, body["to"], body["text"])
        if fault in BEFORE:
            return _before(fault)
        said = self._said(ConversationId(channel, body["to"]), body["text"], body["key"], call, answered=not fault)
        match fault:
            case "lost":
                return Fault.DROP
            case "stalled":
                return Fault.HANG
            case "error":
                return Reply.of({}, 500)
            case _:
                return Reply.of({"id": said})

    def _fault(self, channel: str, to: str, text: str) -> str:
        """Drawn from what is said and how often it was tried: so it does not hang on who came first."""
        self._tries[channel, to, text] += 1
        if not self.faulty:
            return ""
        chance = random.Random(f"{self.seed}:api:{channel}:{to}:{text}:{self._tries[channel, to, text]}")
        faults = RARELY_DROPPED if channel == "evident" else FAULTS
        fault = chance.choices(("", *faults), (100 - sum(faults.values()), *faults.values()))[0]
        if fault:
            self.faults[fault] += 1
        return fault

    def _said(self, to: ConversationId, text: str, key: str, call: HttpCall, *, answered: bool) -> str:
        if to.channel == "keyed" and key in self._keys:
            return self._keys[key]
        acts = self.acts.setdefault(to, [])
        acts.append(Act(text=text, key=key, answered=answered, life=self.life, answer_lost=ANSWER_LOST in call.headers))
        said = f"m{len(acts)}"
        if to.channel == "keyed":
            self._keys[key] = said
        elif to.channel == "evident":
            self.proven(to, key, said)
        return said


def _before(fault: str) -> Reply | Fault:
    if fault == "dropped":
        return Fault.DROP
    if fault == "refused":
        return Reply.of({}, 503)
    return Reply.of({}, 429) if fault == "busy" else Reply.of({}, 429, retry_after="1")
