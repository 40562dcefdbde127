"""`convokit draw`: dialogs as diagrams, and how many conversations stand where."""

from collections.abc import Mapping
from typing import Any

import anyio

from convokit import Bot, DefinitionError, Dialog
from convokit.abc import Store
from convokit.cli.reaching import existing, opened
from convokit.cli.speaking import FINE, say

Standing = Mapping[tuple[str, int, str], int]


def draw(what: Bot | Dialog[Any], *, text: bool = False, store: str | None = None) -> int:
    """Print a dialog, or every dialog of a bot under its name.

    Args:
        what: The dialog, or the bot.
        text: As text for the terminal; else as Mermaid.
        store: Where the conversations are counted; None: they are not.

    Raises:
        DefinitionError: The dialog is wrong, or the bot has none; there is no such store.
        StoreError: The store cannot be read.
    """
    dialogs = _dialogs(what)
    standing: Standing = {} if store is None else anyio.run(_standing, existing(store))
    for number, dialog in enumerate(dialogs):
        if number:
            say()
        if not text and isinstance(what, Bot):
            older = dialog is not what.table().dialogs[dialog.name]
            say(f"%% {dialog.name}{f', version {dialog.version}' if older else ''}")
        say(dialog.draw(text=text, standing=_in(dialog, standing)).rstrip())
    for line in _elsewhere(dialogs, standing) if isinstance(what, Bot) else []:
        say(f"\n{line}" if text else f"\n%% {line}")
    return FINE


def _dialogs(what: Bot | Dialog[Any]) -> tuple[Dialog[Any], ...]:
    if isinstance(what, Dialog):
        return (what,)
    dialogs = what.table().every_dialog
    if not dialogs:
        raise DefinitionError(f"bot {what.name} has no dialog to draw: ordering = bot.dialog(Order) makes one")
    return dialogs


async def _standing(store: Store) -> Standing:
    async with opened(store):
        return await store.positions()


def _in(dialog: Dialog[Any], standing: Standing) -> Mapping[str, int]:
    """How many stand in each state of a dialog, by the names of today."""
    found: dict[str, int] = {}
    for (name, version, where), people in standing.items():
        state = dialog.named(where) if (name, version) == (dialog.name, dialog.version) else None
        if state is not None:
            found[state.name] = found.get(state.name, 0) + people
    return found


def _elsewhere(dialogs: tuple[Dialog[Any], ...], standing: Standing) -> list[str]:
    """Who stands in no state that was drawn."""
    drawn = {(one.name, one.version): one for one in dialogs}
    lost = []
    for (name, version, where), people in sorted(standing.items()):
        dialog = drawn.get((name, version))
        if dialog is None or dialog.named(where) is None:
            lost.append(f"{people} in {name} version {version}, state {where}: convokit migrate … --plan")
    return lost
