"""What customers and their surroundings do in a simulation: one value an act, which can be done again."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal

from attrs import define, evolve, field, frozen

from convokit._value import Value
from convokit.conversations import Conversation
from convokit.events import AttachmentReceived, ButtonPressed, Event, LocationShared, MessageReceived
from convokit.messages import Button, Image
from convokit.testing.simulation import Heard, Operator, Person, Simulation, patiently

Kind = Literal[
    "says", "presses", "sends", "shares", "speaks", "waits", "signal", "restarts", "takes", "answers", "returns"
]
BY_CUSTOMERS = frozenset({"says", "presses", "sends", "shares"})
"""The kinds that a customer says something by."""

_LONGEST_LINE = 160


@frozen(kw_only=True, eq=False)
class Act(Value):
    """One thing that somebody does.

    Args:
        kind: What. A customer "says" the text, "presses" the button of that label, "sends" a picture, "shares" a place,
            or "speaks" another language from now on (a locale). Time passes ("waits"), the business tells a "signal",
            the process "restarts". An operator "takes" the conversation, "answers", and "returns" it to the bot.
        who: Which of the customers, from 0.
        text: The words, the label, the locale or the signal's name.
        times: How often, before the bot gets to answer: 2 is a double tap.
        old: Whether the oldest button of this label is pressed, rather than the newest.
        span: How long it "waits".
    """

    kind: Kind
    who: int = 0
    text: str = ""
    times: int = 1
    old: bool = False
    span: timedelta = timedelta(0)


@define(eq=False)
class Cast:
    """The people of one run, and how each act is done.

    Args:
        world: The simulation.
        people: The customers.
        signals: The data of each signal.
    """

    world: Simulation
    people: list[Person]
    signals: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    _staff: Operator = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._staff = self.world.operator("Grace")

    async def does(self, act: Act) -> bool:
        """Do it and wait until all it leads to is done. Returns whether it could be done: a button may be missing."""
        person = self.people[act.who]
        match act.kind:
            case "waits":
                await self.world.passes(seconds=act.span.total_seconds())
            case "restarts":
                await self.world.restarts()
            case "signal":
                await self.world.signals(act.text, person, **self.signals.get(act.text, {}))
            case "speaks":
                person.user = evolve(person.user, locale=act.text)
                self.world.note(f"({person.user.name} speaks {act.text})")
            case "takes" | "answers" | "returns":
                return await self._operates(act, person)
            case _:
                return await self._said(act, person)
        return True

    async def conversation(self, who: int) -> Conversation | None:
        """What is kept of a customer's conversation; None before their first word."""
        return await self.world.engine.store.load(self.people[who].conversation)

    async def _operates(self, act: Act, person: Person) -> bool:
        conversation = await self.conversation(act.who)
        lease = conversation.handoff if conversation is not None else None
        if lease is None or (act.kind != "takes" and not lease.operator):
            return False
        if act.kind == "takes":
            await self._staff.joins(person)
        elif act.kind == "answers":
            await self._staff.says(act.text, to=person)
        else:
            await self._staff.closes(person)
        return True

    async def _said(self, act: Act, person: Person) -> bool:
        made = self._event(act, person)
        if made is None:
            return False
        line, make = made
        self.world.note(f"{person.user.name}{line}{', twice' if act.times > 1 else ''}")
        events = [make(f"{len(self.world.lines)}-{n}") for n in range(act.times)]
        await patiently(lambda: self.world.engine.accept(events))
        await self.world.settles()
        return True

    def _event(self, act: Act, person: Person) -> tuple[str, Callable[[str], Event]] | None:
        def make(kind: type[Event], **fields: Any) -> Callable[[str], Event]:
            at, place, user = self.world.clock.now(), person.conversation, person.user
            return lambda key: kind(id=f"act-{key}", conversation=place, user=user, at=at, **fields)

        match act.kind:
            case "says":
                return f": {shortened(act.text)}", make(MessageReceived, text=act.text)
            case "sends":
                picture = Image(ref="picture")
                return " sends a picture", make(AttachmentReceived, attachments=(picture,), text=act.text)
            case "shares":
                return " shares a place", make(LocationShared, latitude=41.01, longitude=28.98)
            case _:
                pressed = button(person.seen, act.text, old=act.old)
                if pressed is None:
                    return None
                older = "an old " if act.old else ""
                return (
                    f" presses {older}[{act.text}]",
                    make(ButtonPressed, payload=pressed.payload, label=pressed.label),
                )


def button(seen: tuple[Heard, ...], label: str, *, old: bool) -> Button | None:
    """The newest or the oldest button of this label; None: there is none."""
    for message in seen if old else reversed(seen):
        for one in message.buttons:
            if isinstance(one, Button) and one.label == label:
                return one
    return None


def shortened(line: str) -> str:
    """A line of a transcript, cut where it is very long."""
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[:_LONGEST_LINE]}… ({len(line):,} characters)"
