"""The commands: what each is for, what it takes, what it does."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable

from attrs import frozen

from convokit.errors import DefinitionError

# What a command needs is imported when it is run: `convokit --help` answers at once, and a missing extra concerns
# only who needs it.


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


def _target(parser: ArgumentParser, what: str = "the bot: a module or file and what it is called there") -> None:
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", help=f"{what}, such as pizza:bot or pizza.py:bot")


def _store(parser: ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--store", metavar="URL", help=f"where everything is kept: sqlite:///file.db; {default} when left out"
    )


def _between(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return number


def _run_arguments(parser: ArgumentParser) -> None:
    _target(parser)
    _store(parser, "a file named after the bot")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_between(1, 65535), default=8000, help="the port to listen on (default: %(default)s)"
    )


def _run(given: Namespace) -> int:
    from convokit.cli import naming, serving  # noqa: PLC0415  see the top

    return serving.run(naming.bot_named(given.target), given.target, given.store, given.host, given.port)


def _chat_arguments(parser: ArgumentParser) -> None:
    _target(parser)
    _store(parser, "a file named after the bot, with -chat: never the one that `convokit run` uses")


def _chat(given: Namespace) -> int:
    from convokit.cli import naming, talking  # noqa: PLC0415  see the top

    return talking.chat_with(naming.bot_named(given.target), given.store, debug=given.debug)


def _demo_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--dir", metavar="FOLDER", default=".convokit-demo", help="where its file is kept (default: %(default)s)"
    )


def _demo(given: Namespace) -> int:
    from convokit.cli import talking  # noqa: PLC0415  see the top

    return talking.demo(given.dir, debug=given.debug)


def _draw_arguments(parser: ArgumentParser) -> None:
    _target(parser, "the dialog, or a bot for all its dialogs: a module or file and what it is called there")


def _draw(given: Namespace) -> int:
    from convokit.cli import drawing, naming  # noqa: PLC0415  see the top

    return drawing.draw(naming.drawable_named(given.target))


def _failed_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
    _store(parser, "the bot's file")
    parser.add_argument(
        "--retry", metavar="KEY", nargs="+", default=[], help='put these back in line; "all" for all of them'
    )
    parser.add_argument(
        "--limit", type=_between(1, 100_000), default=100, help="how many to list, newest first (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="list them as JSON, for programs")


def _failed(given: Namespace) -> int:
    from convokit.cli import failures, naming  # noqa: PLC0415  see the top

    if given.store is None and given.target is None:
        raise DefinitionError("name the bot or its store: convokit failed pizza:bot, or --store sqlite:///pizzeria.db")
    store = given.store or f"sqlite:///{naming.bot_named(given.target).name}.db"
    return failures.failed(store, retry=given.retry, limit=given.limit, as_json=given.json)


def _doctor_arguments(parser: ArgumentParser) -> None:
    _target(parser)
    _store(parser, "a file named after the bot")


def _doctor(given: Namespace) -> int:
    from convokit.cli import doctor, naming  # noqa: PLC0415  see the top

    return doctor.doctor(naming.bot_named(given.target), given.target, given.store)


COMMANDS = (
    Command(
        name="run",
        summary="serve a bot's channels",
        description="Serve a bot's channels until stopped (Ctrl-C, SIGTERM). Put a TLS proxy in front of webhooks.",
        examples="  convokit run pizza:bot\n  convokit run pizza:bot --store sqlite:////var/lib/pizzeria/pizzeria.db",
        arguments=_run_arguments,
        act=_run,
    ),
    Command(
        name="chat",
        summary="talk with a bot in the terminal",
        description="Talk with a bot in the terminal, in place of its channels; /operator plays its desk.",
        examples="  convokit chat pizza:bot\n  convokit chat shop/pizza.py:bot --store memory:",
        arguments=_chat_arguments,
        act=_chat,
    ),
    Command(
        name="demo",
        summary="talk with a pizzeria in the terminal",
        description="A pizzeria in the terminal, on a SQLite file in a folder of its own: what a bot is like.",
        examples="  convokit demo\n  printf 'pizza\\nlarge\\n12 Crane St\\n' | convokit demo",
        arguments=_demo_arguments,
        act=_demo,
    ),
    Command(
        name="draw",
        summary="draw a dialog as a Mermaid diagram",
        description="Print a dialog, or all dialogs of a bot, as Mermaid state diagrams.",
        examples="  convokit draw pizza:ordering\n  convokit draw pizza:bot > dialogs.mmd",
        arguments=_draw_arguments,
        act=_draw,
    ),
    Command(
        name="failed",
        summary="list what was given up, and put it back in line",
        description="List the events and messages that were given up, or put them back in line. "
        "It works while the bot runs in another process.",
        examples="  convokit failed pizza:bot\n  convokit failed --store sqlite:///pizzeria.db --retry all",
        arguments=_failed_arguments,
        act=_failed,
    ),
    Command(
        name="doctor",
        summary="look at code, tokens, webhooks and store, and say what to do",
        description="Look at the bot's code, its channels' tokens and webhooks and its store, a line each; "
        "exit status 1 if anything is wrong.",
        examples="  convokit doctor pizza:bot",
        arguments=_doctor_arguments,
        act=_doctor,
    ),
)
