"""At start: whether everybody who is in the middle of a dialog can go on, and which dialogs have changed since."""

import logging
from collections.abc import Mapping
from typing import Any

from convokit.abc import Store
from convokit.dialogs import Dialog
from convokit.dialogs.describing import changes
from convokit.errors import DefinitionError, StoreUnavailable
from convokit.routing import Table
from convokit.wire.codec import decode_json, encode

logger = logging.getLogger(__name__)

SHELF = "dialogs"
"""Where the description of each dialog in each version is kept."""


async def place(bot: str, table: Table, store: Store) -> None:
    """Refuse to start when somebody stands where a bot has no state; warn when a dialog has changed under its version.

    Raises:
        DefinitionError: People stand where the bot has no state, and nothing leads from there.
        StoreUnavailable: The store cannot be read.
    """
    positions = await store.positions()
    if lost := table.misplaced(positions):
        raise DefinitionError(
            f"bot {bot} cannot place conversations that are in the middle of a dialog: {'; '.join(lost)}. {WAYS_OUT}"
        )
    for dialog in table.every_dialog:
        try:
            await _compare(dialog, positions, store)
        except StoreUnavailable as problem:
            logger.warning("whether dialog %s has changed is not known: %s", dialog.name, problem)


WAYS_OUT = (
    "Keep these states; or raise the dialog's version, and lead them on with @dialog.migrate; or give renamed states "
    "aliases=; or let the old version run to its end with beside=; or run the earlier code until the dialogs are over"
)


async def _compare(dialog: Dialog[Any], positions: Mapping[tuple[str, int, str], int], store: Store) -> None:
    key, now = f"{dialog.name} {dialog.version}", dialog.described()
    kept = await store.kept(SHELF, key)
    was = decode_json(kept) if kept is not None else now
    if kept is not None and was == now:
        return
    people = sum(count for (name, version, _), count in positions.items() if (name, version) == key_of(dialog))
    if was != now and people:
        logger.warning(
            "dialog %s has changed, but not its version, %d, in which %d %s: %s. Where stored memories or states no "
            "longer fit, raise the version and write @dialog.migrate(%d)",
            dialog.name,
            dialog.version,
            people,
            "person stands" if people == 1 else "people stand",
            "; ".join(changes(was, now)),
            dialog.version,
        )
    await store.keep(SHELF, key, encode(now))


def key_of(dialog: Dialog[Any]) -> tuple[str, int]:
    """What tells one version of a dialog from the others."""
    return dialog.name, dialog.version
