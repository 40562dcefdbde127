"""The commands: what each is for, what it takes, what it does."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from convokit.abc import ERASE_KEEPS
from convokit.cli.channels import CHANNELS
from convokit.cli.command import Command, add_store, add_target, number_between
from convokit.errors import DefinitionError

# What a command needs is imported when it is run: `convokit --help` answers at once, and a missing extra concerns
# only who needs it.


def _run_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    add_store(parser, "a file named after the bot")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=number_between(1, 65535), default=8000, help="the port to listen on (default: %(default)s)"
    )


def _run(given: Namespace) -> int:
    from convokit.cli import naming, serving  # noqa: PLC0415  see the top

    return serving.run(naming.bot_named(given.target), given.target, given.store, given.host, given.port)


def _chat_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    add_store(parser, "a file named after the bot, with -chat: never the one that `convokit run` uses")


def _chat(given: Namespace) -> int:
    from convokit.cli import naming, talking  # noqa: PLC0415  see the top

    return talking.chat_with(naming.bot_named(given.target), given.store, debug=given.debug)


def _demo_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--dir", metavar="FOLDER", default=".convokit-demo", help="where its files are kept (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=number_between(1, 65535), help="the port to listen on (default: a free one from 8000)"
    )
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
    add_target(parser, "the dialog, or a bot for all its dialogs: a module or file and what it is called there")
    parser.add_argument("--text", action="store_true", help="as text, to be read in a terminal")
    parser.add_argument("--live", action="store_true", help="with how many people stand in each state now")
    add_store(parser, "with --live, the bot's file")


def _draw(given: Namespace) -> int:
    from convokit import Bot  # noqa: PLC0415  see the top
    from convokit.cli import drawing, naming  # noqa: PLC0415  see the top

    what, store = naming.drawable_named(given.target), given.store
    if given.live and store is None:
        if not isinstance(what, Bot):
            raise DefinitionError(
                f"{given.target} is a dialog, which has no store: name one, --store sqlite:///file.db"
            )
        store = f"sqlite:///{what.name}.db"
    return drawing.draw(what, text=given.text, store=store if given.live else None)


def _migrate_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    add_store(parser, "the bot's file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", action="store_true", help="print where everybody would go; change nothing")
    what.add_argument("--apply", action="store_true", help="take everybody there, in the conversations' own turns")
    parser.add_argument(
        "--batch",
        type=number_between(1, 1000),
        default=500,
        help="with --apply: how many conversations at once (default: %(default)s)",
    )


def _migrate(given: Namespace) -> int:
    from convokit.cli import migrating, naming  # noqa: PLC0415  see the top

    bot = naming.bot_named(given.target)
    store = given.store or f"sqlite:///{bot.name}.db"
    return migrating.plan(bot, store) if given.plan else migrating.apply(bot, store, given.batch)


def _check_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument("--ignore", metavar="CODE", nargs="+", default=[], help="leave these remarks out, such as C103")
    parser.add_argument("--strict", action="store_true", help="exit with 1 on warnings too")
    parser.add_argument("--json", action="store_true", help="list them as JSON, for programs")


def _check(given: Namespace) -> int:
    from convokit.cli import checking, naming  # noqa: PLC0415  see the top

    bot = naming.bot_named(given.target)
    return checking.check(bot, ignore=given.ignore, strict=given.strict, as_json=given.json)


def _failed_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
    add_store(parser, "the bot's file")
    parser.add_argument(
        "--retry", metavar="KEY", nargs="+", default=[], help='put these back in line; "all" for all of them'
    )
    parser.add_argument(
        "--limit",
        type=number_between(1, 100_000),
        default=100,
        help="how many to list, newest first (default: %(default)s)",
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
        add_store(one, "the bot's file")
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
                "--max", type=number_between(1, 1000), default=4, help="conversations at once (default: %(default)s)"
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
    add_target(parser)
    add_store(parser, "a file named after the bot")


def _doctor(given: Namespace) -> int:
    from convokit.cli import doctor, naming  # noqa: PLC0415  see the top

    return doctor.doctor(naming.bot_named(given.target), given.target, given.store)


def _torture_arguments(parser: ArgumentParser) -> None:
    add_store(parser, "a file that is removed afterwards")
    parser.add_argument(
        "--kills",
        type=number_between(0, 1_000_000),
        default=50,
        help="how often the process is killed (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=number_between(0, 1 << 32), help="repeats a run (default: another one each time)"
    )
    parser.add_argument(
        "--chats",
        type=number_between(1, 10_000),
        default=24,
        help="how many conversations there are (default: %(default)s)",
    )
    parser.add_argument(
        "--messages",
        type=number_between(0, 100_000_000),
        default=1000,
        help="how many events are delivered at least (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON, for programs")


def _torture(given: Namespace) -> int:
    from convokit.cli import torture  # noqa: PLC0415  see the top

    return torture.torture(
        store=given.store,
        kills=given.kills,
        seed=given.seed,
        chats=given.chats,
        messages=given.messages,
        as_json=given.json,
    )


def _stats_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
    add_store(parser, "the bot's file")
    parser.add_argument(
        "--json", action="store_true", help="print them as JSON, for programs; with --watch a line each"
    )
    parser.add_argument(
        "--watch", metavar="SECONDS", type=number_between(1, 86_400), help="print them again every so often"
    )


def _stats(given: Namespace) -> int:
    from convokit.cli import naming, stats  # noqa: PLC0415  see the top

    if given.store is None and given.target is None:
        raise DefinitionError("name the bot or its store: convokit stats pizza:bot, or --store sqlite:///pizzeria.db")
    store = given.store or f"sqlite:///{naming.bot_named(given.target).name}.db"
    return stats.stats(store, as_json=given.json, every=given.watch)


def _why_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("event", metavar="EVENT_ID", nargs="?", help="the event's id, or its key in `convokit failed`")
    parser.add_argument(
        "target",
        metavar="MODULE:ATTRIBUTE",
        nargs="?",
        help="the bot, for its default store and to be told which of its routes were asked",
    )
    add_store(parser, "the bot's file")
    parser.add_argument(
        "--conversation", metavar="CHANNEL:ID", help="where; without an EVENT_ID: list what was said there last"
    )
    parser.add_argument("--json", action="store_true", help="tell it as JSON, for programs")


def _why(given: Namespace) -> int:
    from convokit.cli import naming, why  # noqa: PLC0415  see the top

    event, target = given.event, given.target
    if given.conversation and event and not target and not given.store:
        event, target = "", event  # without a store it can only be the bot
    if given.store is None and target is None:
        raise DefinitionError(
            f"name the bot or its store: convokit why {event or 'ID'} pizza:bot, or --store sqlite:///pizzeria.db"
        )
    if not event and not given.conversation:
        raise DefinitionError("name an event by its id, or a conversation: convokit why --conversation telegram:7 …")
    bot = naming.bot_named(target) if target else None
    store = given.store or f"sqlite:///{bot.name if bot else ''}.db"
    return why.why(bot, store, event or "", conversation=given.conversation or "", as_json=given.json)


def _person(parser: ArgumentParser, *, optional: bool = False) -> None:
    if optional:
        parser.add_argument("--user", metavar="USER", help="only what was done with this person's data")
    else:
        parser.add_argument("user", metavar="USER", help="the person: channel:user id, such as telegram:4711")
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot: for its store and its settings")
    add_store(parser, "the bot's file")


def _where(given: Namespace) -> Any:
    from convokit.cli import naming, personal  # noqa: PLC0415  see the top

    bot = naming.bot_named(given.target) if given.target is not None else None
    return personal.place(bot, given.store, getattr(given, "folder", None))


def _folder(parser: ArgumentParser) -> None:
    parser.add_argument("--folder", metavar="FOLDER", help="where uploaded files lie (default: the bot's)")
    parser.add_argument("--by", metavar="NAME", help="who does it, for the audit trail (default: the system's user)")


def _export_arguments(parser: ArgumentParser) -> None:
    _person(parser)
    parser.add_argument("--out", metavar="FILE", help="a new file that only you can read (default: standard output)")
    parser.add_argument("--files", action="store_true", help="put the uploaded files beside it, into FILE.zip")
    parser.add_argument("--notes", action="store_true", help="with what operators wrote for each other")
    _folder(parser)


def _export(given: Namespace) -> int:
    from convokit.cli import personal  # noqa: PLC0415  see the top

    return personal.export(_where(given), given.user, out=given.out, files=given.files, notes=given.notes, by=given.by)


def _erase_arguments(parser: ArgumentParser) -> None:
    _person(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would go")
    parser.add_argument(
        "--keep",
        metavar="KIND",
        action="append",
        choices=ERASE_KEEPS,
        default=[],
        help=f"spare this, besides what the settings say: {', '.join(ERASE_KEEPS)}; may be given several times",
    )
    _folder(parser)


def _erase(given: Namespace) -> int:
    from convokit.cli import personal  # noqa: PLC0415  see the top

    return personal.erase(_where(given), given.user, keep=given.keep, yes=given.yes, dry_run=given.dry_run, by=given.by)


def _audit_arguments(parser: ArgumentParser) -> None:
    _person(parser, optional=True)
    parser.add_argument(
        "--limit", type=number_between(1, 1000), default=100, help="how many lines, newest first (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="list them as JSON, for programs")


def _audit(given: Namespace) -> int:
    from convokit.cli import personal  # noqa: PLC0415  see the top

    return personal.audit(_where(given), user=given.user, limit=given.limit, as_json=given.json)


def _backup_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
    parser.add_argument("file", metavar="FILE", help="the new file")
    add_store(parser, "the bot's file")


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="COPY", help="what `convokit backup` wrote")
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
    add_store(parser, "the bot's file")


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="MODULE:ATTRIBUTE", nargs="?", help="the bot whose default store is meant")
    add_store(parser, "the bot's file")


def _store_named(given: Namespace, example: str) -> str:
    """The URL of the store that a command names, by itself or by its bot."""
    if given.store is None and given.target is None:
        raise DefinitionError(f"name the bot or its store: convokit {example}, or --store sqlite:///pizzeria.db")
    if given.store is not None:
        return str(given.store)
    from convokit.cli import naming  # noqa: PLC0415  see the top

    return f"sqlite:///{naming.bot_named(given.target).name}.db"


def _backup(given: Namespace) -> int:
    from convokit.cli import keeping  # noqa: PLC0415  see the top

    return keeping.backup(_store_named(given, "backup pizza:bot copy.db"), given.file)


def _restore(given: Namespace) -> int:
    from convokit.cli import keeping  # noqa: PLC0415  see the top

    return keeping.restore(_store_named(given, "restore copy.db pizza:bot"), given.file)


def _verify(given: Namespace) -> int:
    from convokit.cli import keeping  # noqa: PLC0415  see the top

    return keeping.verify(_store_named(given, "verify pizza:bot"))


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
        summary="draw a dialog as a diagram, with who stands where",
        description="Print a dialog, or all dialogs of a bot, as Mermaid state diagrams or as text; with --live, how "
        "many people stand in each state now. It works while the bot runs in another process.",
        examples="  convokit draw pizza:ordering\n  convokit draw pizza:bot > dialogs.mmd\n"
        "  convokit draw pizza:bot --text --live",
        arguments=_draw_arguments,
        act=_draw,
    ),
    Command(
        name="check",
        summary="look for what is likely to go wrong with dialogs and routes",
        description="Look for what is likely to go wrong with a bot's dialogs and routes, without running it; exit "
        "status 1 if there is an error. The page Checks explains each code.",
        examples="  convokit check pizza:bot\n  convokit check pizza:bot --strict --ignore C103",
        arguments=_check_arguments,
        act=_check,
    ),
    Command(
        name="migrate",
        summary="bring people who stand in older versions of dialogs to the current ones",
        description="Print where people would go who stand in older versions of dialogs, and who cannot be placed "
        "(--plan), or take them there (--apply): in batches, in turns of their conversations, saying nothing. It works "
        "while the bot runs in another process, and can be repeated. Exit status 1 if somebody cannot be placed.",
        examples="  convokit migrate pizza:bot --plan\n  convokit migrate pizza:bot --apply",
        arguments=_migrate_arguments,
        act=_migrate,
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
        name="stats",
        summary="count what is there and what waits",
        description="Print how many conversations, events, turns, messages and timers there are, how many wait and "
        "since when. It works while the bot runs in another process.",
        examples="  convokit stats pizza:bot\n  convokit stats --store sqlite:///pizzeria.db --watch 5",
        arguments=_stats_arguments,
        act=_stats,
    ),
    Command(
        name="why",
        summary="tell why an event went as it did",
        description="Tell what became of an event: which routes were asked, which filter said no and on what, what it "
        "changed, what was sent, when, and with which answer. It prints what people said.",
        examples="  convokit why --conversation telegram:7 pizza:bot\n  convokit why 1042 pizza:bot\n"
        "  convokit why 1042 --store sqlite:///pizzeria.db --json",
        arguments=_why_arguments,
        act=_why,
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
        name="export",
        summary="write what is kept of a person, as JSON",
        description="Write everything that is kept of a person as one JSON document: not other people's words, not "
        "what operators wrote for each other. The audit trail says that it was done. It works while the bot runs in "
        "another process.",
        examples="  convokit export telegram:4711 pizza:bot --out ada.json\n"
        "  convokit export web:customer:42 pizza:bot --out ada.json --files",
        arguments=_export_arguments,
        act=_export,
    ),
    Command(
        name="erase",
        summary="remove what is kept of a person",
        description="Remove everything that is kept of a person, but what the bot's settings (erase_keeps) or --keep "
        "spare. You type the id before anything goes. It works while the bot runs in another process.",
        examples="  convokit erase telegram:4711 pizza:bot --dry-run\n  convokit erase telegram:4711 pizza:bot",
        arguments=_erase_arguments,
        act=_erase,
    ),
    Command(
        name="audit",
        summary="list who exported and erased what",
        description="List the audit trail of exports and erasures, newest first. It names nobody: with --user it lists "
        "the lines about one person, told by a hash.",
        examples="  convokit audit pizza:bot\n  convokit audit pizza:bot --user telegram:4711",
        arguments=_audit_arguments,
        act=_audit,
    ),
    Command(
        name="backup",
        summary="copy a bot's store to a new file while it runs",
        description="Copy a bot's store to a new file, readable by its owner only, and look whether the copy is sound. "
        "It works while the bot runs in another process.",
        examples="  convokit backup pizza:bot /var/backups/pizzeria.db\n"
        "  convokit backup --store sqlite:////var/lib/pizzeria/pizzeria.db /var/backups/pizzeria.db",
        arguments=_backup_arguments,
        act=_backup,
    ),
    Command(
        name="restore",
        summary="put a copy in the store's place, while the bot is stopped",
        description="Put a copy that `convokit backup` wrote in the store's place. The bot must be stopped; what was "
        "there is kept beside it.",
        examples="  convokit restore /var/backups/pizzeria.db pizza:bot",
        arguments=_restore_arguments,
        act=_restore,
    ),
    Command(
        name="verify",
        summary="look whether a store is sound",
        description="Look whether a store is sound: SQLite's own check, and the rules of what is kept in it; exit "
        "status 1 if anything is wrong. It reads everything, changes nothing, and works while the bot runs in another "
        "process.",
        examples="  convokit verify pizza:bot\n  convokit verify --store sqlite:////var/backups/pizzeria.db",
        arguments=_verify_arguments,
        act=_verify,
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
    Command(
        name="torture",
        summary="kill a bot's process again and again, and count what was promised",
        description="Kill a bot's process again and again, at random moments and at every point where it may die, "
        "while doubles of its platforms deliver, repeat and lose; then count what was lost, handled twice, out of "
        "order or sent twice. It brings a bot of its own, and needs a store of its own: name one that does not exist "
        "yet. Exit status 1 if a promise did not hold.",
        examples="  convokit torture --kills 200\n  convokit torture --kills 200 --store sqlite:////var/lib/torture.db",
        arguments=_torture_arguments,
        act=_torture,
    ),
    *CHANNELS,
)
