"""The command line: `convokit run`, `chat`, `demo`, `draw`, `failed`, `doctor`, `torture`."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from convokit import __version__
from convokit.cli.commands import COMMANDS
from convokit.cli.speaking import FINE, MISUSED, WRONG, complain
from convokit.errors import ConvokitError, DefinitionError, MissingExtra

__all__ = ["main", "parser"]

EPILOG = """\
examples:
  convokit demo                   a shop with a chat and its operators' inbox, in the browser
  convokit chat pizza:bot         talk with the bot that pizza.py calls `bot`
  convokit doctor pizza:bot       look at tokens, webhooks and the store, and say what to do
  convokit run pizza:bot          serve its channels

Tokens and passwords come from the environment, never from the command line.
Exit status: 0 fine; 1 something is wrong, or went wrong while running; 2 the command or the bot's code is wrong.
"""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="convokit",
        description="Talk with your customers on every channel, from your own app.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"convokit {__version__}")
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--debug", action="store_true", help="show where errors were raised")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        one = commands.add_parser(
            command.name,
            parents=[every],
            help=command.summary,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(one)
        one.set_defaults(act=command.act)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the process's exit status.

    Args:
        argv: The arguments after the program's name; the process's own when left out.
    """
    try:
        given = parser().parse_args(argv)
    except SystemExit as told:
        # argparse has said what is wrong, or printed its help.
        return FINE if told.code in (None, FINE) else MISUSED
    try:
        return int(given.act(given))
    except KeyboardInterrupt:
        return FINE
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except Exception as problem:  # noqa: BLE001  told as one sentence, or with its trace when it is our own fault
        known = isinstance(problem, ConvokitError)
        if given.debug or not known:
            complain("".join(traceback.format_exception(problem)).rstrip())
        if known:
            complain(f"convokit: {problem}")
        return MISUSED if isinstance(problem, DefinitionError | MissingExtra) else WRONG
