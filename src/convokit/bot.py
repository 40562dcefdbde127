"""The program a developer defines. It holds nothing of a run and can be imported anywhere."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convokit._engine.settings import Settings
from convokit.abc import Clock, Desk, Observer, Store, Transport
from convokit.dialogs import Vocabulary
from convokit.errors import DefinitionError
from convokit.reading.situation import Situation, checked_locale, zone_named
from convokit.router import Router
from convokit.routing import Table

if TYPE_CHECKING:
    # What only a run needs is loaded when one begins: a module that defines a bot is also read by tools and tests.
    from convokit._engine.door import App, Receive, Send
    from convokit._engine.engine import Engine
    from convokit.links import Invitation

Lifespan = Callable[[], AbstractAsyncContextManager[Any]]


def open_url(url: str) -> Store:
    """The store that a URL names, found among the installed stores by its scheme.

    Args:
        url: `sqlite:///pizzeria.db` (relative), `sqlite:////var/lib/pizzeria.db` (absolute), `memory:`, or what an
            installed plugin offers under the entry point group `convokit.stores`.

    Raises:
        DefinitionError: No installed store knows the scheme, or the store refuses the URL.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415  25 ms that only opening a store by URL pays

    scheme = url.partition(":")[0]
    stores = entry_points(group="convokit.stores")
    if scheme not in stores.names:
        known = ", ".join(sorted(stores.names)) or "none; is convokit-sdk installed?"
        # Never the whole URL: a store that is not installed may be named with its password.
        raise DefinitionError(f"store {scheme}:…: no installed store is called {scheme!r}; there are: {known}")
    store: Store = stores[scheme].load()(url)
    return store


class Bot(Router):
    """A bot: its handlers and dialogs, its transports, its desk.

    Args:
        name: Letters, digits, "-" and "_"; the default store's file is named after it.
        desk: Where conversations go that are handed to a person; None: `turn.hand_off` fails the turn.
        lifespan: An async context manager function around every run; what it yields is `turn.app`.
        settings: The numbers of a run.
        locale: BCP 47 of the customers whose platform does not tell theirs, such as "tr-TR": in its language and by its
            region answers are read. Empty: English, of no country.
        zone: The IANA name of the time zone in which customers mean "tomorrow" and "at five".
        sentences: One's own sentences for answers that cannot be read, by language and name, in place of the built-in.
        words: A file of one's own words for dialogs, named after its language (`it.toml`), or a folder of such files.

    Raises:
        DefinitionError: The name has other characters; the locale or the zone is not known.
    """

    def __init__(
        self,
        name: str,
        *,
        desk: Desk | None = None,
        lifespan: Lifespan | None = None,
        settings: Settings | None = None,
        locale: str = "",
        zone: str = "UTC",
        sentences: Mapping[str, Mapping[str, str]] | None = None,
        words: str | Path | None = None,
    ) -> None:
        super().__init__(name)
        if not name or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
            raise DefinitionError(
                f"a bot's name has only letters, digits, - and _ (its file is named after it), not {name!r}"
            )
        self.desk = desk
        self.settings = settings or Settings()
        self.transports: dict[str, Transport] = {}
        self.observers: list[Observer] = []
        self._lifespan = lifespan
        self.words = Vocabulary.load(words)
        zone_named(zone)
        self.situation = Situation(locale=checked_locale("Bot", locale), zone=zone, sentences=dict(sentences or {}))

    def attach(self, *transports: Transport) -> None:
        """Attach transports, each under its `channel`.

        Raises:
            DefinitionError: Two have the same channel, or one is no `Transport`.
        """
        for transport in transports:
            if not isinstance(transport, Transport):
                raise DefinitionError(f"bot.attach takes transports such as Telegram.from_env(), not {transport!r:.80}")
            if transport.channel in self.transports:
                raise DefinitionError(
                    f"two transports are attached as {transport.channel!r}: give one another channel=…"
                )
            self.transports[transport.channel] = transport

    def link(self, ref: str) -> "Mapping[str, Invitation]":
        """The ways into a conversation that begins with `ConversationOpened(ref)`, by channel.

        Each has the address, the QR code (`svg`, `png`) and a snippet for a page's button (`button`). A channel that
        has no such address is left out.

        Args:
            ref: 1 to 64 letters, digits, "-" and "_". Whoever sees it can change it: one that means something is
                signed, with `SignedRefs`.

        Raises:
            DefinitionError: The ref has other characters, or a channel needs a setting that is missing.
        """
        from convokit.links import Invitation, check_ref  # noqa: PLC0415  few runs make links

        checked = check_ref(ref)
        ways = {channel: transport.link(checked) for channel, transport in self.transports.items()}
        return {channel: Invitation(channel=channel, ref=ref, url=url) for channel, url in ways.items() if url}

    def observe(self, *observers: Observer) -> None:
        """Let observers be told how each step of every run goes: `bot.observe(Prometheus())`.

        Raises:
            DefinitionError: One is no `Observer`, or is attached already.
        """
        for observer in observers:
            if not isinstance(observer, Observer):
                raise DefinitionError(f"bot.observe takes observers such as Prometheus(), not {observer!r:.80}")
            if any(one is observer for one in self.observers):
                raise DefinitionError(f"bot.observe: this {type(observer).__name__} observes the bot already")
            self.observers.append(observer)

    def table(self) -> Table:
        """The routes and dialogs, compiled and checked.

        Raises:
            DefinitionError: A route or a dialog is wrong; the message names its line.
        """
        table = Table.compile(self, self.situation, self.words)
        for dialog in table.dialogs.values():
            dialog.compile()
        return table

    @asynccontextmanager
    async def serve(
        self,
        store: Store | str | None = None,
        *,
        clock: Clock | None = None,
        transports: Mapping[str, Transport] | None = None,
        desk: Desk | None = None,
        settings: Settings | None = None,
    ) -> "AsyncIterator[Engine]":
        """Run the bot: `async with bot.serve() as engine`. Leaving drains; what is not finished stays in the store.

        Args:
            store: A store or its URL; a SQLite file named after the bot when left out.
            clock: Tells the time; tests hand in one that they move.
            transports: In place of the attached ones, by channel.
            desk: In place of the bot's.
            settings: In place of the bot's.

        Raises:
            DefinitionError: A route, dialog, transport or setting is wrong.
            Conflict: Another process runs on this store.
            StoreUnavailable: The store cannot be opened.
        """
        from convokit._engine.clock import SystemClock  # noqa: PLC0415  see above
        from convokit._engine.engine import Engine  # noqa: PLC0415  see above

        if store is None:
            store = f"sqlite:///{self.name}.db"
        table = self.table()
        async with (self._lifespan or nullcontext)() as app:
            engine = Engine(
                name=self.name,
                table=table,
                transports=self.transports if transports is None else transports,
                desk=self.desk if desk is None else desk,
                store=open_url(store) if isinstance(store, str) else store,
                clock=clock or SystemClock(),
                settings=settings or self.settings,
                app=app,
                observers=self.observers,
            )
            async with engine.running():
                yield engine

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[Mapping[str, Any]]:
        """Run the bot for as long as an ASGI host runs: `FastAPI(lifespan=bot.lifespan)`.

        What it yields is the host's lifespan state: `request.state.convokit[bot.name]` is the engine, and the app made
        by `bot.asgi()` finds it there.
        """
        del app
        async with self.serve() as engine:
            yield {"convokit": {self.name: engine}}

    def asgi(self, store: Store | str | None = None) -> "App":
        """The bot's webhooks and pages as an ASGI app: `/CHANNEL` is the transport attached as CHANNEL.

        The desk's pages are under its name (`/inbox/`), those of a transport under its channel (`/web/`).

        Served by itself it runs the bot for its own lifespan. Mounted in a host, the host runs it, by
        `lifespan=bot.lifespan`.

        Args:
            store: As in `serve`; only for an app that is served by itself.
        """
        from convokit._engine.door import Receive, Scope, Send, enter  # noqa: PLC0415  see above

        engines: list[Engine] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await _lifespan_protocol(self, store, engines, receive, send)
            else:
                shared = scope.get("state", {}).get("convokit", {})
                engine = shared.get(self.name) or (engines[0] if engines else None)
                if engine is None:
                    raise DefinitionError(
                        f"bot {self.name} is mounted, but not running: give the host app lifespan=bot.lifespan"
                    )
                await enter(engine, scope, receive, send)

        return app

    def run(self, store: Store | str | None = None, *, host: str = "127.0.0.1", port: int = 8000) -> None:
        """Run the bot until it is stopped (SIGINT, SIGTERM), and serve its webhooks and pages if it has any.

        A stop gives requests 5 seconds and turns and sends `Settings.drain`. Where a handler blocks the event loop or
        swallows its cancellation, the process is ended 10 seconds after that, with exit status 70; nothing is lost.

        Args:
            store: As in `serve`.
            host: The address to listen on; put a TLS proxy in front of it.
            port: 1 to 65535.

        Raises:
            MissingExtra: There are webhooks or pages, and the extra `serve` is not installed.
        """
        from convokit._engine.server import serve_http  # noqa: PLC0415  see above

        serve_http(
            self.name,
            [*self.transports.values(), *([self.desk] if self.desk else []), *self.observers],
            lambda: self.serve(store),
            self.asgi(store),
            host,
            port,
            self.settings.drain,
        )


async def _lifespan_protocol(
    bot: Bot, store: Store | str | None, engines: "list[Engine]", receive: "Receive", send: "Send"
) -> None:
    """ASGI's own start and stop, for an app that is served by itself."""
    await receive()
    started = False
    try:
        async with bot.serve(store) as engine:
            engines.append(engine)
            started = True
            await send({"type": "lifespan.startup.complete"})
            await receive()
            engines.clear()
    except Exception as problem:
        kind = "lifespan.shutdown.failed" if started else "lifespan.startup.failed"
        await send({"type": kind, "message": f"{type(problem).__name__}: {problem}"})
        raise
    await send({"type": "lifespan.shutdown.complete"})
