"""`convokit draw`: dialogs as Mermaid diagrams."""

from typing import Any

from convokit import Bot, DefinitionError, Dialog
from convokit.cli.speaking import FINE, say


def draw(what: Bot | Dialog[Any]) -> int:
    """Print a dialog, or every dialog of a bot under its name.

    Raises:
        DefinitionError: The dialog is wrong, or the bot has none.
    """
    if isinstance(what, Dialog):
        say(what.draw().rstrip())
        return FINE
    dialogs = what.table().dialogs
    if not dialogs:
        raise DefinitionError(f"bot {what.name} has no dialog to draw: ordering = bot.dialog(Order) makes one")
    for number, (name, dialog) in enumerate(dialogs.items()):
        say(f"{'' if number == 0 else chr(10)}%% {name}")
        say(dialog.draw().rstrip())
    return FINE
