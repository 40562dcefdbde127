"""What the command line says: to standard output what was asked for, to standard error what went wrong."""

import logging
import os
import sys

from convokit.wire.text import for_terminal

FINE, WRONG, MISUSED = 0, 1, 2

_COLOURS = {"good": "\x1b[32m", "bad": "\x1b[1;31m", "dim": "\x1b[2m", "strong": "\x1b[1m"}


def say(text: str = "") -> None:
    """Print what was asked for; what came from outside cannot drive the terminal."""
    sys.stdout.write(f"{for_terminal(text)}\n")


def complain(text: str) -> None:
    """Print what went wrong to standard error."""
    sys.stderr.write(f"{for_terminal(text)}\n")


def coloured(colour: str, text: str) -> str:
    """The text, harmless, in a colour where standard output shows colours."""
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return for_terminal(text) if plain else f"{_COLOURS[colour]}{for_terminal(text)}\x1b[0m"


def say_styled(text: str) -> None:
    """Print text whose pieces have been made harmless, by `coloured`."""
    sys.stdout.write(f"{text}\n")


class HarmlessFormatter(logging.Formatter):
    """Log lines that cannot drive a terminal: an exception's text may be a customer's."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as lines."""
        return for_terminal(super().format(record))


def log_to(handler: logging.Handler, level: int) -> None:
    """Send the process's log to a handler, in place of the terminal; files that the program opened stay."""
    handler.setFormatter(HarmlessFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    for one in list(root.handlers):
        if type(one) is logging.StreamHandler:
            root.removeHandler(one)
    root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "transitions"):
        # The first two log addresses, and Telegram's carry the token; the last each step of each dialog.
        logging.getLogger(noisy).setLevel(logging.WARNING)
