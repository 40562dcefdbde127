"""How an event was routed, told to people: which routes were asked, which filter said no and on what."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from convokit.abc import Account
from convokit.cli.speaking import coloured
from convokit.cli.wording import dim, one_line, quoted, utc
from convokit.conversations import Conversation
from convokit.events import Event
from convokit.explaining import Considered, Look, in_words
from convokit.filters import Reason
from convokit.routes import Route
from convokit.routing import Selected
from convokit.wire.text import for_terminal

MOST = 30
"""How many routes of one look are printed, those that come first; `--json` has them all."""


@frozen(kw_only=True)
class Routed:
    """How an event is routed by the code as it is now.

    Attributes:
        event: What is handled: a typed answer may stand for a press.
        state: The state that it meets.
        now: Whether that is the state as it is now, because the one before its turn is not known.
        found: What is to be done with it; None: a filter raised.
        handler: The name of what handles it.
        looks: Which routes were looked at on the way.
    """

    event: Event
    state: Conversation
    now: bool
    found: Selected | None
    handler: str
    looks: tuple[Look, ...]


def state_met(before: Conversation | None, *, now: bool = False) -> Iterator[str]:
    """The state that the event met, as far as it decides about routes."""
    if before is None:
        yield dim("  the state before it is not known any more")
        return
    if now:
        yield dim("  the state before it is not known: told by the state as it is now")
    lease = before.handoff
    if lease is not None:
        who = for_terminal(lease.operator_name or lease.operator)
        has = f"{who} had the conversation" if lease.operator else "the conversation waited for a person"
        yield f"  {has}, since {utc(lease.opened_at)}"
    for position in before.positions:
        where = for_terminal(f"{position.dialog}.{position.state}")
        yield f"  the dialog {where} was asking {for_terminal(position.user)}"
    if lease is None and not before.positions:
        yield "  no person had the conversation, no dialog was open"


def told(account: Account, routed: Routed) -> Iterator[str]:
    """The lines about what the bot's code says."""
    yield from state_met(routed.state, now=routed.now)
    if type(routed.event) is not type(account.event):
        means = f"the button {quoted(routed.event.text)}" if routed.event.text else f"a {type(routed.event).__name__}"
        yield f"  it stood for {means}"
    known: set[tuple[int, str]] = set()
    event = None
    for look in routed.looks:
        if look.event is not event:
            event = look.event
            yield dim(f"  for a {type(event).__name__}: {one_line(in_words(event), 100)}")
        yield from _look(look, known)
    yield f"  {dim('→')} {_decision(routed)}"
    then = account.handler
    if account.state == "handled" and then and routed.handler != then and account.outcome != "silenced":
        yield coloured("bad", f"    then it was {then}: the code has changed since, or a turn was run by on_error")


_DECISIONS: Mapping[str, str] = {
    "operator": "the desk's own event: it is applied whatever the bot is doing",
    "migrate": "who stood in an older version of a dialog stands in the current one since",
    "receipt": "it tells what became of a message: neither dialogs nor handoffs see it",
    "send": "its message is said",
    "forward": "what customers say then goes to the person, and no route is asked",
    "postpone": "it waits for the end of the handoff, and no route is asked",
    "dialog": "the dialog that asks gets it, as no route that interrupts wanted it",
    "none": "nothing was for it: it was let go",
}


def _decision(routed: Routed) -> str:
    found = routed.found
    if found is None:
        return coloured("bad", "a filter raised: there was no route, and the turn failed")
    said = _DECISIONS.get(found.action, "")
    if found.match is not None:
        caught = ", ".join(f"{name}={quoted(value)}" for name, value in found.match.params.items() if value)
        said = f"{said}{', then ' if said else ''}{coloured('good', _route(found.match.route))}"
        return f"{said}, with {caught}" if caught else said
    if found.action == "dialog":
        return f"{coloured('good', routed.handler)}: {said}" if found.position is not None else said
    return said


def _look(look: Look, known: set[tuple[int, str]]) -> Iterator[str]:
    """One look; routes that said no in an earlier one for the same event are not told again."""
    others = [one for one in look.considered if not one.passed and _other_kind(one, look)]
    asked = [one for one in look.considered if one.passed or not _other_kind(one, look)]
    told = [one for one in asked if one.passed or _place(one, look) not in known]
    known.update(_place(one, look) for one in told)
    if not told and not others:
        return
    yield dim(f"  among {look.among}:")
    shown = told if len(told) <= MOST else [*told[: MOST - 1], told[-1]]
    width = max((len(one.route.name) for one in shown), default=0)
    for one in shown:
        mark = coloured("good", "yes") if one.passed else coloured("bad", "!!!") if one.raised else "no "
        first, *more = [*_because(one), ""]
        name = coloured("good" if one.passed else "strong", f"{one.route.name:<{width}}")
        yield f"    {mark}  {name}  {first}".rstrip()
        yield from (f"         {' ' * width}  {line}" for line in more if line)
    if len(shown) < len(told):
        yield dim(f"    …    {len(told) - len(shown)} more said no; --json has them all")
    if others:
        names = ", ".join(one.route.name for one in others[:5]) + (", …" if len(others) > 5 else "")  # noqa: PLR2004  what fits on a line
        yield dim(f"    no   for other kinds of events: {names}")


def _place(one: Considered, look: Look) -> tuple[int, str]:
    """Which route it is, and for what it was asked."""
    return one.route.order, type(look.event).__name__


def _other_kind(one: Considered, look: Look) -> bool:
    return not isinstance(look.event, one.route.kinds)


def _because(one: Considered) -> Iterator[str]:
    if one.trigger is None and not one.raised:
        wanted = " or ".join(str(trigger) for trigger in one.route.triggers)
        yield dim(f"waits for {one_line(wanted, 160)}")
    for reason in one.reasons:
        for leaf in reason.decisive:
            yield _reason(reason, leaf)
    if one.raised:
        yield coloured("bad", f"raised {one_line(one.raised, 200)}")
    if one.passed and not one.reasons:
        yield dim(f"got {one_line(str(one.trigger), 160)}" if one.route.order >= 0 else "nothing else was for it")


def _reason(whole: Reason, leaf: Reason) -> str:
    word = "yes" if leaf.passes else "no"
    found = f": {one_line(leaf.found, 160)}" if leaf.found else ""
    of = f" (of {one_line(whole.asked, 160)})" if leaf.asked != whole.asked else ""
    said = f"{one_line(leaf.asked, 160)} says {word}{found}{of}"
    return dim(said) if whole.passes else for_terminal(said)


def _route(route: Route) -> str:
    file, _, line = route.where.rpartition(":")
    path = Path(file)
    near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return for_terminal(f"{route.name}  ({near}:{line})")
