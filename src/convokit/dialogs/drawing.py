"""Dialogs as diagrams: Mermaid for pages."""

from collections.abc import Container, Mapping
from typing import Any

from convokit.dialogs.states import END, State
from convokit.expect import options_of


def mermaid(states: Mapping[str, State[Any]]) -> str:
    """A dialog's states as a Mermaid state diagram."""
    ids = {name: _mermaid_id(name, states) for name in states} | {END: "[*]"}
    lines = ["stateDiagram-v2", f"    [*] --> {ids[next(iter(states))]}"]
    for state in states.values():
        asked = "" if callable(state.ask) else state.ask if isinstance(state.ask, str) else state.ask.text
        if asked.strip() or ids[state.name] != state.name:
            lines.append(f"    {ids[state.name]} : {_mermaid(asked) or state.name}")
    for state in states.values():
        offered = " / ".join(_mermaid(one) for one in options_of(state.expect))
        lines += [f"    {ids[state.name]} --> {ids[goal]}{_label(state, goal, offered)}" for goal in state.to]
    return "\n".join(lines) + "\n"


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
