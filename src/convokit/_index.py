"""The index over routes: few have to be asked, however many there are; and the refusal of those never reached."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from operator import attrgetter

from attrs import evolve, field, frozen

from convokit._value import Value
from convokit.conversations import Conversation
from convokit.events import KINDS, Event, MessageReceived
from convokit.filters import Filter
from convokit.patterns import NOTHING
from convokit.routes import Match, Route, looked_at_first, refuse_hidden
from convokit.triggers import Attached, Command, Kind, Params, Patterned, Text, Trigger, command_in, covers, subject
from convokit.wire.text import fold


@frozen(eq=False, repr=False)
class _Entry(Value):
    """One trigger of one route; `sure` when being found means that it matches and catches nothing."""

    rank: int
    route: Route
    trigger: Trigger
    sure: bool = False


_rank = attrgetter("rank")
_Lane = list[_Entry]


@frozen(eq=False, repr=False)
class Index(Value):
    """The routes for one kind of event, so laid out that few have to be asked. Every lane is in the written order.

    Texts, commands and payloads without placeholders are found by hash; patterns by their literal beginning, with one
    look-up for each length that a beginning has; all else is asked in one scan.
    """

    texts: dict[str, _Lane] = field(factory=dict)
    commands: dict[str, _Lane] = field(factory=dict)
    exact: dict[str, _Lane] = field(factory=dict)
    prefixes: dict[int, dict[str, _Lane]] = field(factory=dict)
    scan: _Lane = field(factory=list)
    slashed: list[str] = field(factory=list)
    """The texts that begin like a command; where there are none, commands need not be folded."""

    def add(self, rank: int, route: Route, trigger: Trigger) -> None:
        """Take in a trigger; ranks only rise."""
        entry = _Entry(rank, route, trigger)
        if isinstance(trigger, Text):
            self.texts.setdefault(trigger.folded, []).append(evolve(entry, sure=True))
            if trigger.folded.startswith("/"):
                self.slashed.append(trigger.folded)
        elif isinstance(trigger, Command):
            self.commands.setdefault(trigger.name, []).append(entry)
        elif isinstance(trigger, Patterned) and trigger.pattern.exact:
            self.exact.setdefault(trigger.pattern.prefix, []).append(evolve(entry, sure=True))
        elif isinstance(trigger, Patterned):
            prefix = trigger.pattern.prefix
            self.prefixes.setdefault(len(prefix), {}).setdefault(prefix, []).append(entry)
        else:
            self.scan.append(entry)

    def find(self, event: Event, conversation: Conversation) -> Match | None:
        """The first route in the written order that matches."""
        command = command_in(event) if self.commands else None
        lanes = self._lanes(event, command)
        if not lanes:
            return None
        for entry in lanes[0] if len(lanes) == 1 else merge(*lanes, key=_rank):
            if entry.sure:
                caught: Params | None = NOTHING
            elif command is not None and isinstance(entry.trigger, Command):
                caught = {"args": command[1]}
            else:
                caught = entry.trigger.match(event)
            if caught is not None and entry.route.passes(event, conversation):
                return Match(entry.route, caught)
        return None

    def _lanes(self, event: Event, command: tuple[str, str] | None) -> list[_Lane]:
        lanes = [self.scan] if self.scan else []
        written = self.texts and isinstance(event, MessageReceived) and (self.slashed or event.text[:1] != "/")
        if written and (lane := self.texts.get(fold(event.text))):
            lanes.append(lane)
        if command is not None and (lane := self.commands.get(command[0])):
            lanes.append(lane)
        if self.exact or self.prefixes:
            said = subject(event)
            if lane := self.exact.get(said):
                lanes.append(lane)
            for length, starts in self.prefixes.items():
                if lane := starts.get(said[:length]):
                    lanes.append(lane)
        return lanes


def indexed(routes: Iterable[Route]) -> Mapping[type[Event], Index]:
    """An index for each kind of event that any route is for."""
    found = [(route, trigger, kind) for route in routes for trigger in route.triggers for kind in trigger.kinds]
    known = dict.fromkeys((*KINDS.values(), *(kind for _, _, kind in found)))
    below = {kind: [one for one in known if issubclass(one, kind)] for kind in {kind for _, _, kind in found}}
    indexes: dict[type[Event], Index] = {}
    for rank, (route, trigger, kind) in enumerate(found):
        for one in below[kind]:
            indexes.setdefault(one, Index()).add(rank, route, trigger)
    return indexes


def of_kind(indexes: Mapping[type[Event], Index], kind: type[Event]) -> Index | None:
    index = indexes.get(kind)
    if index is None and kind.__name__ not in KINDS:
        # A kind of somebody's own: what is for the kind it derives from is for it too.
        index = next((indexes[one] for one in kind.__mro__ if one in indexes), None)
    return index


# ── what is never reached ───────────────────────────────────────────────────────────────────────────────────────────


@frozen(eq=False, repr=False)
class _Seen(Value):
    """The routes looked at so far, by what they could take from later ones."""

    same: dict[tuple[Trigger, frozenset[Filter]], Route] = field(factory=dict)
    broad: dict[type[Event], list[tuple[Trigger, Route]]] = field(factory=dict)
    patterns: Index = field(factory=Index)

    def rivals(self, trigger: Trigger, filters: frozenset[Filter]) -> Iterator[Route]:
        """The routes that see all of what `trigger` waits for, before it."""
        for asked in (frozenset[Filter](), filters):
            if (trigger, asked) in self.same:
                yield self.same[trigger, asked]
        for kind in trigger.kinds[0].__mro__:
            yield from (route for cover, route in self.broad.get(kind, ()) if covers(cover, trigger))
        if isinstance(trigger, Patterned):
            known = trigger.pattern.prefix
            for length, starts in self.patterns.prefixes.items():
                yield from (one.route for one in starts.get(known[:length], ()) if covers(one.trigger, trigger))

    def add(self, route: Route, rank: int) -> None:
        """Take in a route that has been looked at. Filters that differ take only a part, so they count as nothing."""
        for trigger in route.triggers:
            self.same.setdefault((trigger, frozenset(route.filters)), route)
            if route.filters:
                continue
            if isinstance(trigger, Kind | Attached):
                self.broad.setdefault(trigger.kinds[0], []).append((trigger, route))
            elif isinstance(trigger, Patterned):
                self.patterns.add(rank, route, trigger)


def refuse_unreachable(routes: Iterable[Route]) -> None:
    """Refuse the first route to which those looked at before leave nothing of one of its triggers.

    Raises:
        DefinitionError: As said.
    """
    seen = _Seen()
    for rank, route in enumerate(looked_at_first(routes)):
        for trigger in route.triggers:
            for rival in seen.rivals(trigger, frozenset(route.filters)):
                earlier, later = sorted((rival, route), key=attrgetter("order"))
                refuse_hidden(earlier, later, str(trigger))
        seen.add(route, rank)
