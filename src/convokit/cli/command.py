"""What a command of the command line is, and the arguments that several take."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable

from attrs import frozen


@frozen(kw_only=True)
class Command:
    """One command of the command line.

    Args:
        name: The word after `convokit`.
        summary: One line for the list of commands.
        description: What it does, for its own help.
        examples: Command lines, one a line, indented by two spaces.
        arguments: Adds its arguments to a parser.
        act: Does it; returns the exit status.
    """

    name: str
    summary: str
    description: str
    examples: str
    arguments: Callable[[ArgumentParser], None]
    act: Callable[[Namespace], int]


def add_target(parser: ArgumentParser, what: str = "the bot: a module or file and what it is called there") -> None:
    """The argument that names a bot, or what else lies in a module."""
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", help=f"{what}, such as pizza:bot or pizza.py:bot")


def add_store(parser: ArgumentParser, default: str) -> None:
    """The option that names a store; `default` says in words which one it is when left out."""
    parser.add_argument(
        "--store", metavar="URL", help=f"where everything is kept: sqlite:///file.db; {default} when left out"
    )


def number_between(low: int, high: int) -> Callable[[str], int]:
    """What reads a whole number within bounds from an argument."""

    def number(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return number
