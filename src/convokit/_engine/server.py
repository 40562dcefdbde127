"""A bot run by itself: signals, and a web server where there are webhooks or pages."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from signal import SIGINT, SIGTERM
from typing import Any

import anyio

from convokit._engine.stopping import MARGIN, LastResort, stopping
from convokit.abc import Desk, Observer, Transport
from convokit.errors import MissingExtra

WS_FRAME = (64 << 10) + 4096
"""Bytes of the largest WebSocket frame that the server reads: what pages may send, and a margin for them to refuse."""

STOP_SECONDS = 5
"""How long requests under way are waited for when the server stops: a poll that is held would take 25."""


Edge = Transport | Desk | Observer
"""What may be reached over HTTP."""


def has_pages(edge: Edge) -> bool:
    """Whether a transport, a desk or an observer may bring pages of its own."""
    if isinstance(edge, Observer):
        return bool(edge.name) and type(edge).site is not Observer.site
    return type(edge).site is not (Desk if isinstance(edge, Desk) else Transport).site


def opens_port(edge: Edge) -> bool:
    """Whether it is reached over HTTP."""
    return has_pages(edge) or (isinstance(edge, Transport) and edge.has_webhook)


def configured(app: Any, host: str, port: int) -> Any:
    """The settings of the web server, as `uvicorn.Config`; raises `ImportError` when it is not installed."""
    import uvicorn  # noqa: PLC0415  a web server is an extra

    # One log of its own is enough: access lines would carry the addresses of platforms only.
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        ws_max_size=WS_FRAME,
        # Compression keeps buffers for every idle page, and tells by its sizes what secrets are like chosen text.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def serve_http(
    name: str,
    edges: Sequence[Edge],
    serve: Callable[[], AbstractAsyncContextManager[Any]],
    app: Any,
    host: str,
    port: int,
    drain: float,
) -> None:
    """Run until stopped, or until the bot itself ends; a stop takes the time that it is given, and not much longer.

    Where neither transports nor desk nor observers are reached over HTTP no port is opened.

    Raises:
        MissingExtra: One is, and the extra `serve` is not installed.
        SystemExit: The web server could not listen; it has logged why.
        ConvokitError: As `Bot.serve`.
        Exception: What ended the bot while it ran, or while it stopped.
    """
    if not any(opens_port(one) for one in edges):
        with LastResort(drain + MARGIN) as last:
            anyio.run(_until_stopped, serve, last)
        return
    try:
        import uvicorn  # noqa: PLC0415  a web server is an extra
    except ImportError as problem:
        raise MissingExtra(f"bot {name}: serving webhooks and pages", "serve") from problem
    problems: list[Exception] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as problem:
            if scope["type"] == "lifespan":
                problems.append(problem)
                # A server without its bot would answer 503 for ever; whoever watches the process can start it anew.
                server.should_exit = True
            raise

    server = uvicorn.Server(configured(watched, host, port))
    try:
        with LastResort(STOP_SECONDS + drain + MARGIN) as last, stopping(server, last):
            server.run()
    except SystemExit:
        # The web server ends the process when the bot does not start; the bot's own reason says more.
        if problems:
            raise problems[0] from None
        raise
    if problems:
        raise problems[0]


async def _until_stopped(serve: Callable[[], AbstractAsyncContextManager[Any]], last: LastResort) -> None:
    async with serve():
        await stopped()
        last.ask()


async def stopped() -> None:
    """Return when the process is asked to stop (SIGINT, SIGTERM)."""
    with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
        async for _ in signals:
            return
