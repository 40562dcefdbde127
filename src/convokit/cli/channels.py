"""The commands about channels: what is installed, what leads there, what a message looks like, and a new one."""

from argparse import ArgumentParser, Namespace

from convokit.cli.command import Command, add_target

# As in `commands`, what a command needs is imported when it is run.


def _links_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument("ref", metavar="REF", help="what comes back in ConversationOpened, such as spring-sale")
    parser.add_argument("--qr", metavar="FOLDER", help="write QR codes there, one a channel and kind")
    parser.add_argument("--label", default="", help="what stands below a QR code, and on a button")
    parser.add_argument("--colour", default="#000000", help="the QR codes' colour on white (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, help="the QR codes' width in pixels (default: %(default)s)")
    parser.add_argument("--font", metavar="FILE", help="a TrueType file for the label on PNG files")
    parser.add_argument("--button", action="store_true", help="print the HTML of a page's button too")
    parser.add_argument("--json", action="store_true", help="print JSON in place of lines")


def _links(given: Namespace) -> int:
    from convokit.cli import linking, naming  # noqa: PLC0415  see the top

    return linking.links(naming.bot_named(given.target), given)


def _transports_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON in place of lines")


def _transports(given: Namespace) -> int:
    from convokit.cli import installed  # noqa: PLC0415  see the top

    return installed.transports(as_json=given.json)


def _preview_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument("message", metavar="MESSAGE", help="a text, a Message as module:attribute, or @file.json")
    parser.add_argument("--channel", metavar="NAME", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--page", metavar="FILE", help="write a page that shows them side by side, too")


def _preview(given: Namespace) -> int:
    from convokit.cli import naming, previewing  # noqa: PLC0415  see the top

    return previewing.preview(naming.bot_named(given.target), given.message, page=given.page, channels=given.channel)


def _new_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=["transport"], help="what to begin")
    parser.add_argument("name", metavar="NAME", help="the platform's: lower-case letters, digits and '-'")
    parser.add_argument("--folder", metavar="FOLDER", help="where (default: a new folder convokit-NAME)")


def _new(given: Namespace) -> int:
    from convokit.cli import creating  # noqa: PLC0415  see the top

    return creating.transport(given.name, given.folder)


CHANNELS: tuple[Command, ...] = (
    Command(
        name="links",
        summary="print what opens a conversation on each channel: address, QR code, button",
        description="Print the address that opens a conversation on each of the bot's channels, as "
        "ConversationOpened(ref); with --qr, write its QR code as SVG and PNG.",
        examples="  convokit links pizza:bot spring-sale\n"
        '  convokit links pizza:bot table-7 --qr posters --label "Order here" --colour "#0a5c36"',
        arguments=_links_arguments,
        act=_links,
    ),
    Command(
        name="preview",
        summary="show how a message looks on each channel",
        description="Show how a message looks on each of the bot's channels: what is sent as it is, what it becomes "
        "where it cannot be; with --page, as an HTML page too. Nothing is sent. Exit status 1 if a channel cannot take "
        "it.",
        examples='  convokit preview pizza:bot "Your table is ready."\n'
        "  convokit preview pizza:bot pizza:menu --channel whatsapp --page menu.html",
        arguments=_preview_arguments,
        act=_preview,
    ),
    Command(
        name="new",
        summary="begin a transport of your own, as a project that works",
        description="Write the project of a new transport: a small platform that works, its tests by convokit's own "
        "suite, packaging with the entry point. The page Write a transport takes it from there.",
        examples="  convokit new transport pigeon\n  convokit new transport carrier-pigeon --folder work/pigeons",
        arguments=_new_arguments,
        act=_new,
    ),
    Command(
        name="transports",
        summary="list the transports that are installed",
        description="List the transports that are installed, built in and from other packages, by their entry points. "
        "Nothing of them is imported.",
        examples="  convokit transports\n  convokit transports --json",
        arguments=_transports_arguments,
        act=_transports,
    ),
)
"""The commands about channels, in the order in which help lists them."""
