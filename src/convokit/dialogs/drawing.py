"""Dialogs as diagrams: Mermaid for pages, an outline for terminals."""

from collections.abc import Container, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from convokit.dialogs.states import END, State
from convokit.expect import options_of

if TYPE_CHECKING:
    from convokit.dialogs.dialog import Dialog

A_PERSON = "a person, or the dialog is cancelled"
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def mermaid(dialog: "Dialog[Any]", standing: Mapping[str, int]) -> str:
    """A dialog, compiled, as a Mermaid state diagram; `standing`: how many conversations stand in each state."""
    ids = {name: _mermaid_id(name, dialog.states) for name in dialog.states} | {END: "[*]"}
    lines = ["stateDiagram-v2", f"    [*] --> {ids[next(iter(dialog.states))]}"]
    for state in dialog.states.values():
        asked, here = asks(state), standing.get(state.name, 0)
        if asked or here or ids[state.name] != state.name:
            people = f" ({here} here)" if here else ""
            lines.append(f"    {ids[state.name]} : {_mermaid(asked) or state.name}{people}")
    for state in dialog.states.values():
        offered = " / ".join(_mermaid(one) for one in options_of(state.expect))
        lines += [f"    {ids[state.name]} --> {ids[goal]}{_label(state, goal, offered)}" for goal in state.to]
        lines += [f"    {ids[state.name]} --> [*] : {_mermaid(why)}" for why, _ in _unanswered(dialog, state)]
        if reminded := _reminded(dialog, state):
            lines.append(f"    note right of {ids[state.name]} : {reminded}")
    if crowded := [ids[name] for name in dialog.states if standing.get(name)]:
        lines += ["    classDef here font-weight:bold,stroke-width:3px", f"    class {','.join(crowded)} here"]
    return "\n".join(lines) + "\n"


def outline(dialog: "Dialog[Any]", standing: Mapping[str, int]) -> str:
    """A dialog, compiled, as text: each state with its question and the ways out of it."""
    lines = [f"{dialog.name}, version {dialog.version}"]
    width = max(map(len, dialog.states))
    for place, state in enumerate(dialog.states.values()):
        here = standing.get(state.name, 0)
        people = f"   [{here} here]" if here else ""
        question = _short(asks(state)) or "(a function asks)"
        lines += ["", f"{'●' if place else '▶'} {state.name:<{width}}  {question}{people}"]
        ways = list(_ways(dialog, state))
        for number, (why, goal) in enumerate(ways):
            corner = "└─" if number == len(ways) - 1 else "├─"
            lines.append(f"  {corner} {why} ──▶ {goal}")
        if reminded := _reminded(dialog, state):
            lines.append(f"     ({reminded})")
    return "\n".join(lines) + "\n"


def asks(state: State[Any]) -> str:
    """A state's question on one line; empty when a function asks it."""
    asked = "" if callable(state.ask) else state.ask if isinstance(state.ask, str) else state.ask.text
    return " ".join(asked.split())


def _ways(dialog: "Dialog[Any]", state: State[Any]) -> Iterator[tuple[str, str]]:
    """Every way out of a state: what leads there, and where to."""
    offered = " / ".join(options_of(state.expect)) or type(state.expect).__name__
    called = ", ".join(one.name for one in state.calls)
    answered = f"{_short(offered)}, maybe after {called}" if called else _short(offered)
    for goal in state.to:
        yield answered, goal
    if state.skip:
        yield "skip", state.skip
    if state.exhausted:
        yield f"{state.tries} unclear answers", state.exhausted
    yield from _unanswered(dialog, state)


def _unanswered(dialog: "Dialog[Any]", state: State[Any]) -> Iterator[tuple[str, str]]:
    """The ways that lead out of a dialog without an answer, though not by `to`: why, and where to."""
    if state.tries is not None and not state.exhausted:
        yield f"{state.tries} unclear answers: {A_PERSON}", END
    timeout = state.timeout if state.timeout is not None else dialog.timeout
    if timeout is not None:
        decides = ", on_timeout decides" if "on_timeout" in dialog.hooks else ""
        yield f"no answer for {span(timeout)}{decides}", END


def _reminded(dialog: "Dialog[Any]", state: State[Any]) -> str:
    reminders = state.reminders if state.reminders is not None else dialog.reminders
    return f"reminded after {', '.join(span(one) for one in reminders)}" if reminders else ""


def span(time: timedelta) -> str:
    """A time in words: "1 d 2 h"."""
    left, parts = int(time.total_seconds()), []
    for seconds, unit in UNITS:
        if left >= seconds:
            parts.append(f"{left // seconds} {unit}")
            left %= seconds
    return " ".join(parts) or f"{time.total_seconds():g} s"


def _label(state: State[Any], goal: str, offered: str) -> str:
    """What stands at an arrow: the answers, and ways that no answer takes."""
    parts = [offered] if offered else []
    if state.exhausted == goal:
        parts.append(f"after {state.tries} unclear answers")
    if state.skip == goal:
        parts.append("skipped")
    called = ", ".join(_mermaid(one.name) for one in state.calls)
    if called:
        parts.append(f"after {called}")
    return f" : {' / '.join(parts)}" if parts else ""


_MERMAID_WORDS = frozenset(
    {"accdescr", "acctitle", "class", "classdef", "click", "default", "direction", "end", "href", "note", "scale"}
    | {"state", "style"}
)


def _mermaid_id(name: str, taken: Container[str]) -> str:
    """`name` as Mermaid (11) can take it: its own words, in any case, get underscores behind them."""
    if name.lower() not in _MERMAID_WORDS:
        return name
    safe = f"{name}_"
    while safe in taken:
        safe += "_"
    return safe


def _mermaid(text: str) -> str:
    """`text` on one line, without what Mermaid reads as its own."""
    plain = " ".join(text.split())
    return "".join(f"#{ord(c)};" if c in ':;#"<>{}' else c for c in plain)


def _short(text: str, most: int = 70) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
