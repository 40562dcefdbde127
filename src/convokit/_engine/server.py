"""A bot run by itself: signals, and a web server where a transport takes webhooks."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio

from convokit.abc import Transport
from convokit.errors import MissingExtra


def serve_http(
    name: str,
    transports: Mapping[str, Transport],
    serve: Callable[[], AbstractAsyncContextManager[Any]],
    app: Any,
    host: str,
    port: int,
) -> None:
    """Run until stopped. Without a webhook among the transports no port is opened.

    Raises:
        MissingExtra: A transport takes webhooks and the extra `serve` is not installed.
        SystemExit: The web server could not listen; it has logged why.
        ConvokitError: As `Bot.serve`.
    """
    if not any(one.has_webhook for one in transports.values()):
        anyio.run(_until_stopped, serve)
        return
    try:
        import uvicorn  # noqa: PLC0415  a web server is an extra
    except ImportError as problem:
        raise MissingExtra(f"bot {name}: serving webhooks", "serve") from problem
    problems: list[Exception] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as problem:
            if scope["type"] == "lifespan":
                problems.append(problem)
            raise

    # One log of its own is enough: access lines would carry the addresses of platforms only.
    config = uvicorn.Config(watched, host=host, port=port, access_log=False, log_config=None, server_header=False)
    try:
        uvicorn.Server(config).run()
    except SystemExit:
        # The web server ends the process when the bot does not start; the bot's own reason says more.
        if problems:
            raise problems[0] from None
        raise


async def _until_stopped(serve: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    async with serve():
        await stopped()


async def stopped() -> None:
    """Return when the process is asked to stop (SIGINT, SIGTERM)."""
    import signal  # noqa: PLC0415  kept beside its only use

    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            return
