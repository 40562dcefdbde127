"""Dialogs that have changed while people stood in them: positions of older versions are brought to the current one."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any, TypeVar

from attrs import evolve

from convokit.conversations import Position, Step
from convokit.dialogs.describing import Versioned
from convokit.dialogs.states import END, where_of
from convokit.errors import DefinitionError, MigrationFailed
from convokit.wire.codec import from_json, to_json

D = TypeVar("D", bound=Versioned)

Migration = Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]]
"""From the state and the memory of one version to those of the next."""


def checked_migration(dialog: Versioned, version: int, function: Migration) -> Migration:
    """The function, if it can bring positions of `version` to the next version of the dialog.

    Raises:
        DefinitionError: There is no such version, it has a function already, or this one cannot be called so.
    """
    where = where_of(function)
    what = f"{where}: dialog {dialog.name}: migrate({version!r})"
    if type(version) is not int or not 1 <= version < dialog.version:
        if dialog.version == 1:
            raise DefinitionError(f"{what}: there is nothing older than version 1: raise it, version=2")
        raise DefinitionError(f"{what} takes a version from 1 to {dialog.version - 1}, each brought to the next")
    if version in dialog.migrations:
        raise DefinitionError(f"{what} is written already ({where_of(dialog.migrations[version])})")
    if inspect.iscoroutinefunction(function) or not inspect.isroutine(function):
        raise DefinitionError(f"{what} takes a plain def (state, memory), which asks nobody and waits for nothing")
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as problem:
        raise DefinitionError(f"{what} takes (state, memory): {problem}") from problem
    return function


def check_chain(dialog: Versioned) -> None:
    """Refuse a gap between the oldest version that can be migrated and the current one, and a wrong `beside`.

    Raises:
        DefinitionError: There is one.
    """
    first = min(dialog.migrations, default=dialog.version)
    missing = [n for n in range(first, dialog.version) if n not in dialog.migrations]
    if missing:
        raise DefinitionError(
            f"{where_of(dialog.migrations[first])}: dialog {dialog.name}: migrate({first}) leads nowhere: version "
            f"{dialog.version} is reached by migrate({missing[0]}) too, which is not written"
        )


def check_beside(dialog: Versioned, old: Versioned) -> None:
    """Refuse what is no older version of a dialog beside it.

    Raises:
        DefinitionError: It has another name, or a version that is not older.
    """
    if old.name != dialog.name:
        raise DefinitionError(
            f"dialog {dialog.name}: beside={old.name} is another dialog: the old version needs the same name, "
            f"Dialog({old.memory.__name__}, name={dialog.name!r}, version=…)"
        )
    if old.version >= dialog.version:
        raise DefinitionError(
            f"dialog {dialog.name}: version {old.version} beside version {dialog.version} is not older: raise the "
            f"version of the new one, version={old.version + 1}"
        )


def line_of(dialog: D) -> tuple[D, ...]:
    """A dialog and the older ones that run beside it, the newest first."""
    return (dialog,) if dialog.beside is None else (dialog, *line_of(dialog.beside))


def taker(dialog: D | None, version: int) -> D | None:
    """The dialog that takes positions of this version: its own, or the oldest to which they can be migrated."""
    if dialog is None:
        return None
    line = line_of(dialog)
    own = next((one for one in line if one.version == version), None)
    if own is not None:
        return own
    return next((one for one in reversed(line) if version < one.version and version in one.migrations), None)


# ── one position ────────────────────────────────────────────────────────────────────────────────────────────────────


def placed(dialogs: Mapping[str, Versioned], position: Position, who: str) -> Position:
    """The position, and all that lies below it, as the dialogs of today have it; itself when nothing has changed.

    Args:
        dialogs: By name.
        position: Where a person stands.
        who: The conversation, for messages.

    Raises:
        MigrationFailed: It cannot be placed: there is no such dialog, version or state any more, or a migration failed.
    """
    under, position = position.under, _with_ends(dialogs, position, who)
    if under is not None:
        now = placed(dialogs, under, who)
        if now is not under or position.then not in {"", END}:
            position = _called_by(dialogs, position, under, now, who)
    dialog = taker(dialogs.get(position.dialog), position.version)
    if dialog is None:
        raise _lost(dialogs, position, who)
    if dialog.version == position.version:
        return _renamed(dialog, position, who)
    return _migrated(dialog, position, who)


def _lost(dialogs: Mapping[str, Versioned], position: Position, who: str) -> MigrationFailed:
    dialog = dialogs.get(position.dialog)
    if dialog is None:
        why = f"this bot has no dialog {position.dialog}"
    elif position.version > dialog.version:
        why = f"this bot has version {dialog.version}, which is older: run the newer code"
    else:
        why = f"nothing leads to version {dialog.version}: write migrate({position.version}), or keep it with beside=…"
    return _failed(position, 0 if dialog is None else dialog.version, who, why)


def _failed(position: Position, version: int, who: str, why: str) -> MigrationFailed:
    return MigrationFailed(who, position.dialog, position.version, version, position.state, why)


def _renamed(dialog: Versioned, position: Position, who: str) -> Position:
    """A position of the dialog's own version: states that were renamed stand under their new names."""
    behind = (*position.steps, *position.redo)
    if position.state in dialog.states and all(one.state in dialog.states for one in behind):
        return position
    state = dialog.named(position.state)
    if state is None:
        raise _failed(position, dialog.version, who, f"it has no state {position.state} any more")
    return evolve(
        position,
        state=state.name,
        given=_names(dialog, position.given, position.memory),
        steps=tuple(_step(dialog, one, one.undo, position.memory) for one in position.steps if dialog.named(one.state)),
        redo=tuple(_step(dialog, one, one.undo, position.memory) for one in position.redo if dialog.named(one.state)),
        changed=_names(dialog, position.changed),
    )


def _migrated(dialog: Versioned, position: Position, who: str) -> Position:
    """A position of an older version, from version to version."""
    try:
        name, memory = carried(dialog, position.version, position.state, position.memory)
    except Exception as problem:
        why = str(problem) if isinstance(problem, _Refused) else f"{type(problem).__name__}: {problem}"
        raise _failed(position, dialog.version, who, why) from problem
    was = dialog.named(position.state)
    moved = was is None or was.name != name
    return evolve(
        position,
        version=dialog.version,
        state=name,
        memory=memory,
        given=_names(dialog, position.given, memory),
        unclear=0,
        # The question that they have before their eyes is another: what they say next does not answer the new one.
        unasked=position.unasked or moved,
        steps=_steps(dialog, position, memory),
        redo=tuple(_step(dialog, one, {}, memory) for one in position.redo if dialog.named(one.state)),
        changed=_names(dialog, position.changed),
    )


class _Refused(Exception):
    """What a migration function returned is no position."""


def carried(dialog: Versioned, version: int, state: str, memory: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A state and a memory of an older version as the dialog's own.

    Raises:
        Exception: A migration function failed, or its result does not fit.
    """
    now = deepcopy(dict(memory))
    for step in range(version, dialog.version):
        returned: object = dialog.migrations[step](state, now)
        if not (isinstance(returned, tuple) and len(returned) == 2):  # noqa: PLR2004  a state and a memory
            raise _Refused(f"migrate({step}) must return (state, memory), not {returned!r:.80}")
        goal, new = returned
        if not (isinstance(goal, str) and isinstance(new, dict)):
            raise _Refused(f"migrate({step}) must return a state's name and a dict, not {returned!r:.80}")
        state, now = goal, new
    found = dialog.named(state)
    if found is None:
        raise _Refused(
            f"migrate({dialog.version - 1}) returned the state {state!r:.60}, which version {dialog.version} does not "
            f"have; its states are {', '.join(dialog.states)}"
        )
    try:
        return found.name, to_json(from_json(dialog.memory, to_json(now)))
    except (TypeError, ValueError) as problem:
        raise _Refused(
            f"the migrated memory is no {dialog.memory.__name__} of version {dialog.version}: {problem}"
        ) from problem


def _steps(dialog: Versioned, position: Position, memory: Mapping[str, Any]) -> tuple[Step, ...]:
    """The answers so far: "back" finds the memory that would have been migrated if the person had stood there then.

    The answers of states that are gone go, and what they had changed is undone with the answer before them.
    """
    then, after = dict(position.memory), memory
    found: list[Step] = []
    for step in reversed(position.steps):
        then |= step.undo
        if dialog.named(step.state) is None:
            continue
        try:
            _, before = carried(dialog, position.version, step.state, then)
        except Exception:  # noqa: BLE001  what was true then need not fit any more; the answer itself does
            before = after
        undo = {name: value for name, value in before.items() if after.get(name) != value}
        found.append(_step(dialog, step, undo, memory))
        after = before
    return tuple(reversed(found))


def _step(dialog: Versioned, step: Step, undo: Mapping[str, Any], memory: Mapping[str, Any]) -> Step:
    state = dialog.named(step.state)
    name = step.state if state is None else state.name
    return evolve(step, state=name, undo=undo, given=_names(dialog, step.given, memory))


def _names(dialog: Versioned, names: tuple[str, ...], memory: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """States by their new names; without those that are gone, or have no field in `memory`."""
    states = (dialog.named(one) for one in names)
    found = (one.name for one in states if one is not None)
    return tuple(one for one in found if memory is None or one in memory)


def _called_by(
    dialogs: Mapping[str, Versioned], position: Position, was: Position, caller: Position, who: str
) -> Position:
    """A position whose caller was brought to another version: where that goes on, by its new name."""
    if position.then in {"", END}:
        return evolve(position, under=caller)
    name = _then(taker(dialogs.get(caller.dialog), caller.version), was, position.then)
    if not name:
        why = f"a dialog that it called goes on in {position.then}, which is gone: let migrate map that state too"
        raise _failed(was, caller.version, who, why)
    if caller is was and name == position.then:
        return position
    into = position.into if position.into in caller.memory else ""
    return evolve(position, under=caller, then=name, into=into)


def _then(dialog: Versioned | None, position: Position, then: str) -> str:
    """Where a caller that stood at `position` goes on now; empty: that state is gone."""
    if dialog is None or then in {"", END}:
        return then if dialog is not None else ""
    if dialog.version != position.version:
        with suppress(Exception):  # a state of the same name will do
            return carried(dialog, position.version, then, position.memory)[0]
    found = dialog.named(then)
    return "" if found is None else str(found.name)


# ── what called dialogs have left ───────────────────────────────────────────────────────────────────────────────────


def _with_ends(dialogs: Mapping[str, Versioned], position: Position, who: str) -> Position:
    """The position with what dialogs that it called have left in it, as today's dialogs have it.

    What cannot be placed is left out: those dialogs are over, and nobody is lost with them.
    """
    result = _end(dialogs, position.result, who)
    steps = tuple(_with_end(dialogs, position, one, who) for one in position.steps)
    redo = tuple(_with_end(dialogs, position, one, who) for one in position.redo)
    was, now = (position.result, *position.steps, *position.redo), (result, *steps, *redo)
    if all(new is old for new, old in zip(now, was, strict=True)):
        return position
    return evolve(position, result=result, steps=steps, redo=redo)


def _with_end(dialogs: Mapping[str, Versioned], position: Position, step: Step, who: str) -> Step:
    called = _end(dialogs, step.called, who)
    if called is not None and called.then:
        then = _then(taker(dialogs.get(position.dialog), position.version), position, called.then)
        if then != called.then:
            called = evolve(called, then=then) if then else None
    return step if called is step.called else evolve(step, called=called)


def _end(dialogs: Mapping[str, Versioned], end: Position | None, who: str) -> Position | None:
    try:
        return None if end is None else placed(dialogs, end, who)
    except MigrationFailed:
        return None
