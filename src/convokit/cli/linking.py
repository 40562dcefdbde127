"""`convokit links`: what opens a conversation on each channel."""

import json
from argparse import Namespace
from pathlib import Path

from convokit import Bot, DefinitionError, Invitation
from convokit.cli.speaking import FINE, WRONG, complain, say


def links(bot: Bot, given: Namespace) -> int:
    """Print the addresses of a bot's ways in, and write their QR codes where that is wanted.

    Raises:
        DefinitionError: The ref, the label or the colour is wrong, a channel needs a setting that is missing, or a file
            cannot be written.
        MissingExtra: QR codes are wanted, and the extra "qr" is not installed.
    """
    ways = bot.link(given.ref)
    try:
        written = {name: _drawn(way, given) for name, way in ways.items()} if given.qr else {}
        buttons = {
            name: way.button(given.label or f"Chat ({name})") if given.button else "" for name, way in ways.items()
        }
    except ValueError as problem:
        raise DefinitionError(str(problem)) from None
    except OSError as problem:
        raise DefinitionError(f"{problem.filename or given.qr} cannot be written: {problem.strerror}") from None
    if given.json:
        say(json.dumps([_told(way, written.get(name, ()), buttons[name]) for name, way in ways.items()], indent=2))
    else:
        for name, way in ways.items():
            say(f"{name}: {way.url}")
            for file in written.get(name, ()):
                say(f"  {file}")
            if buttons[name]:
                say(f"  {buttons[name].rstrip()}")
    silent = [name for name in bot.transports if name not in ways]
    if silent:
        complain(f"no address opens a conversation on {', '.join(silent)}")
    return FINE if ways else WRONG


def _told(way: Invitation, files: tuple[Path, ...], button: str) -> dict[str, object]:
    told: dict[str, object] = {"channel": way.channel, "ref": way.ref, "url": way.url}
    if files:
        told["files"] = [str(file) for file in files]
    if button:
        told["button"] = button
    return told


def _drawn(way: Invitation, given: Namespace) -> tuple[Path, ...]:
    """Write one channel's QR codes; its ref and channel are letters, digits, "-" and "_", or made so."""
    folder = Path(given.qr)
    folder.mkdir(parents=True, exist_ok=True)
    plain = "".join(one if one.isalnum() or one in "-_" else "-" for one in f"{way.channel}-{way.ref}")
    svg, png = folder / f"{plain}.svg", folder / f"{plain}.png"
    svg.write_text(way.svg(label=given.label, colour=given.colour, size=given.size), encoding="utf-8")
    png.write_bytes(way.png(label=given.label, colour=given.colour, size=given.size, font=given.font))
    return svg, png
