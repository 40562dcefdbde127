"""`convokit run`: a bot behind its channels, one log line a turn."""

import logging
import signal
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from threading import current_thread, main_thread

from convokit import Bot, DefinitionError
from convokit._engine.server import has_pages
from convokit.abc import Transport
from convokit.cli.speaking import FINE, WRONG, log_to, say


def run(bot: Bot, target: str, store: str | None, host: str, port: int) -> int:
    """Serve a bot until it is stopped.

    Raises:
        DefinitionError: The bot's code is wrong, a setting is missing, or nothing is attached.
        MissingExtra: There are webhooks, and the web server is not installed.
        StoreError: The store cannot be opened.
    """
    bot.table()
    if not bot.transports:
        raise DefinitionError(
            f"{target} has no channel to serve: bot.attach(Telegram.from_env()) before the module ends; "
            f"`convokit chat {target}` talks with it in the terminal meanwhile"
        )
    for transport in bot.transports.values():
        try:
            transport.check()
        except DefinitionError as problem:
            raise DefinitionError(
                f"{problem}; or leave this channel out of bot.attach(…). "
                f"`convokit chat {target}` talks with the bot in the terminal and needs no channel"
            ) from None
    log_to(logging.StreamHandler(sys.stderr), logging.INFO)
    say(f"{bot.name}, on {store or f'{bot.name}.db'}")
    for transport in bot.transports.values():
        say(f"  {way_in(transport, host, port)}")
    for line in _pages(bot, host, port):
        say(f"  {line}")
    sys.stdout.flush()
    if current_thread() is main_thread():
        # The web server hands the signal that stopped it back when it has: SIGTERM shall then end us as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        bot.run(store, host=host, port=port)
    except SystemExit as told:
        # The web server has logged that it cannot listen, or that it was asked to stop.
        return WRONG if told.code else FINE
    return FINE


def _pages(bot: Bot, host: str, port: int) -> Iterator[str]:
    """Where the pages of desk and observers are."""
    if bot.desk is not None and has_pages(bot.desk):
        yield f"{bot.desk.name}: pages at {address(bot.desk.name, host, port)}/"
        if not is_loopback(host) and getattr(bot.desk, "authenticate", "") is None:
            yield (
                f"{bot.desk.name}: {host} is open to other machines, and operators sign in with passwords there: "
                f"put TLS before it, and make them with `convokit operators add`"
            )
    for observer in bot.observers:
        if has_pages(observer):
            yield f"{observer.name}: pages at {address(observer.name, host, port)}/"


def way_in(transport: Transport, host: str, port: int) -> str:
    """How a channel's events come in, on one line."""
    at = address(transport.channel, host, port)
    public = str(getattr(transport, "public_url", "") or "")
    if getattr(transport, "mode", "") == "polling":
        return f"{transport.channel}: polling"
    if has_pages(transport):
        return f"{transport.channel}: pages at {at}/"
    if transport.has_webhook:
        return f"{transport.channel}: webhook {at}" + (f", from {public}" if public else "")
    return f"{transport.channel}: listens by itself"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(name: str, host: str, port: int) -> str:
    """Where a channel or the desk is reached on this machine."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{name}"
