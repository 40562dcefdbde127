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
