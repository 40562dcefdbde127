"""`convokit demo`: a shop's page with the chat, and its operators' inbox beside it, on one SQLite file."""

import logging
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import evolve

from convokit import Bot, Button, Message, MissingExtra
from convokit._engine.clock import SystemClock
from convokit.cli.speaking import FINE, WRONG, log_to, say
from convokit.desks import Inbox
from convokit.desks.inbox.people import Operator, account_of, add, one_time_link
from convokit.stores import SQLite
from convokit.transports import WebChat

PAGES = Path(__file__).parent
HOST = "127.0.0.1"
PORTS = range(8000, 8020)
"""Where a free port is looked for when none is named."""
OPERATOR = Operator(id="demo", name="Maya", role="lead", max=20)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws:; img-src 'self' blob:; "
    "media-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
GREETING = Message(
    "Hello. I take your order, or fetch a colleague.", buttons=[Button("pizza"), Button("talk to a person")]
)

SAID = """\
A pizzeria's shop and its operators' inbox, on your own machine. What is said is kept in {file}.

  {address}#{token}
      both, side by side; this link signs one browser in as an operator, once, within 15 minutes

  {address}shop      the shop's page, with the chat
  {address}inbox/    the operators' inbox

Order a pizza in the chat; ask to talk to a person, and take the conversation in the inbox.
Ctrl-C ends it; start `convokit demo` again and all goes on where it was.
The program behind it is {program}
"""


def demo(folder: str, *, port: int | None, browser: bool) -> int:
    """Serve the shop and the inbox until stopped.

    Args:
        folder: Where its files are kept.
        port: 1 to 65535; None: the first free one from 8000 on.
        browser: Whether to open the page in the system's browser.

    Raises:
        MissingExtra: The web server is not installed.
    """
    try:
        import uvicorn  # noqa: PLC0415  a web server is an extra
    except ImportError as problem:
        raise MissingExtra("the demo", "serve") from problem
    from convokit._engine.server import configured  # noqa: PLC0415  only what serves needs it
    from convokit.cli import pizzeria  # noqa: PLC0415  only the demo loads a bot

    chosen = port or _free_port()
    if chosen is None:
        say(f"no port from {PORTS.start} to {PORTS.stop - 1} is free: name another with --port")
        return WRONG
    log_to(logging.StreamHandler(sys.stderr), logging.WARNING)
    app = shop(pizzeria.bot, Path(folder), f"http://{HOST}:{chosen}/", program=str(pizzeria.__file__), browser=browser)
    try:
        uvicorn.Server(configured(app, HOST, chosen)).run()
    except SystemExit as told:
        return WRONG if told.code else FINE
    return FINE


def shop(bot: Bot, folder: Path, address: str, *, program: str, browser: bool) -> Any:
    """The demo as an ASGI app: the front page, the shop's page, and the bot's own pages below `/`.

    Args:
        bot: Whose shop it is; what it has attached is left aside, for it wants tokens.
        folder: Where its files are kept.
        address: Under which it is reached, with "/" at its end.
        program: The bot's file, for people to read.
        browser: Whether to open the front page.
    """
    from starlette.applications import Starlette  # noqa: PLC0415  a web framework is an extra
    from starlette.requests import Request  # noqa: PLC0415  as above
    from starlette.responses import FileResponse, Response  # noqa: PLC0415  as above
    from starlette.routing import Mount, Route  # noqa: PLC0415  as above

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def shown(request: Request) -> Response:
            del request
            return FileResponse(PAGES / name, headers={"content-security-policy": POLICY, "cache-control": "no-cache"})

        return shown

    file = folder / "pizzeria.db"

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[Mapping[str, Any]]:
        del app
        settings = evolve(bot.settings, files=str(folder / "files"))
        chat = WebChat(bot_name="Crane Street Pizza", greeting=GREETING)
        desk = Inbox(framed_by=("'self'",))
        await _hire(file)
        async with bot.serve(SQLite(file), transports={chat.channel: chat}, desk=desk, settings=settings) as engine:
            token = await one_time_link(engine.store, OPERATOR.id, engine.clock.now())
            say(SAID.format(file=file, address=address, token=token, program=program))
            sys.stdout.flush()
            if browser:
                webbrowser.open(f"{address}#{token}")
            yield {"convokit": {bot.name: engine}}

    # Named one by one: whatever else lies in the folder is not served.
    pages = {"/": "front.html", "/shop": "shop.html", "/demo/demo.css": "demo.css", "/demo/front.js": "front.js"}
    routes = [Route(path, page(name)) for path, name in pages.items()]
    return Starlette(routes=[*routes, Mount("/", bot.asgi())], lifespan=lifespan)


async def _hire(file: Path) -> None:
    """See to it that somebody works in the inbox before it opens: it warns when nobody can enter."""
    store = SQLite(file)
    await store.open(SystemClock(), claims=False)
    try:
        if await account_of(store, OPERATOR.id) is None:
            await add(store, OPERATOR)
    finally:
        await store.close()


def _free_port() -> int | None:
    for port in PORTS:
        with socket.socket() as probe:
            # As the web server does it: a port that a demo has just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    return None
