"""The commands: what each is for, what it takes, what it does."""

import sys
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
        "--dir", metavar="FOLDER", default=".convokit-demo", help="where its files are kept (default: %(default)s)"
    )
    parser.add_argument("--port", type=_between(1, 65535), help="the port to listen on (default: a free one from 8000)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page, only print its address")
    parser.add_argument("--terminal", action="store_true", help="talk with the pizzeria in this terminal instead")


def _demo(given: Namespace) -> int:
    if given.terminal:
        from convokit.cli import talking  # noqa: PLC0415  see the top

        return talking.demo(given.dir, debug=given.debug)
    from convokit.cli import demo  # noqa: PLC0415  see the top

    # Where nobody looks at the output, nobody wants a window.
    return demo.demo(given.dir, port=given.port, browser=not given.no_browser and sys.stdout.isatty())


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


def _operators_arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="what", metavar="ACTION", required=True, title="actions")
    for what, summary in {
        "add": "add an operator; the password is asked for, or read from the standard input",
        "list": "list the operators",
        "remove": "remove an operator, who is signed out at once",
        "password": "give an operator another password, which signs them out everywhere",
        "link": "print a link that signs an operator in once, within 15 minutes",
    }.items():
        one = acts.add_parser(what, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if what != "list":
            one.add_argument("operator", metavar="ID", help="the operator's id: letters, digits and _ . @ + -")
        one.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
        _store(one, "the bot's file")
        if what == "add":
            one.add_argument("--name", help="what colleagues and customers read (default: the id)")
            one.add_argument("--role", choices=("operator", "lead"), default="operator", help="default: %(default)s")
            one.add_argument(
                "--queue",
                metavar="NAME",
                nargs="+",
                default=["*"],
                help='default: "*", all',
            )
            one.add_argument(
                "--max", type=_between(1, 1000), default=4, help="conversations at once (default: %(default)s)"
            )
            one.add_argument("--language", metavar="TAG", nargs="+", default=[], help="what they write, such as tr")
            one.add_argument("--no-password", action="store_true", help="let them sign in by links only")
        if what == "link":
            one.add_argument(
                "--url", default="http://127.0.0.1:8000/inbox/", help="the inbox's address (default: %(default)s)"
            )


def _operators(given: Namespace) -> int:
    from convokit.cli import naming, operators  # noqa: PLC0415  see the top

    if given.store is None and given.target is None:
        raise DefinitionError(
            f"name the bot or its store: convokit operators {given.what} … pizza:bot, or --store sqlite:///pizzeria.db"
        )
    return operators.act(given, given.store or f"sqlite:///{naming.bot_named(given.target).name}.db")


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
        summary="a shop with a chat and its operators' inbox, in the browser",
        description="A pizzeria's shop with a chat, and its operators' inbox beside it, on a SQLite file in a folder "
        "of its own: what a bot is like.",
        examples="  convokit demo\n  convokit demo --terminal",
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
        name="operators",
        summary="add, list and remove who works in the inbox",
        description="Add, list and remove the operators of the inbox, give them passwords, print sign-in links. "
        "It works while the bot runs in another process. A password is never given on the command line.",
        examples="  convokit operators add maya pizza:bot --name Maya --role lead\n"
        "  convokit operators link maya --store sqlite:///pizzeria.db\n"
        "  convokit operators list pizza:bot",
        arguments=_operators_arguments,
        act=_operators,
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
