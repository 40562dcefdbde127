"""The files of a page that come with the package: scripts, styles, words.

Starlette is imported when they are served, and not before.
"""

from pathlib import Path
from typing import Any

from convokit.abc import Site

FRESH_SECONDS = 300
"""How long a browser keeps such a file before it asks whether it has changed."""

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


def static(folder: Path) -> Site:
    """An ASGI app for the files of a folder.

    They may be fetched from pages of any origin, and carry no cookies. A browser asks again after five minutes, and
    is answered 304 as long as nothing has changed. What they are is told by their ending, never guessed by a browser
    or by the machine's own list of endings.

    Args:
        folder: Where they lie; nothing outside it is served.
    """
    from starlette.staticfiles import StaticFiles  # noqa: PLC0415  an extra

    files = StaticFiles(directory=folder)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        kind = _TYPES.get(Path(scope.get("path", "")).suffix.lower())

        async def say(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message.get("headers", ()) if name != b"set-cookie"]
                if message["status"] in {200, 304}:
                    headers.append((b"cache-control", f"public, max-age={FRESH_SECONDS}".encode()))
                    if kind is not None:
                        headers = [(name, value) for name, value in headers if name != b"content-type"]
                        headers.append((b"content-type", kind.encode()))
                headers += [(b"access-control-allow-origin", b"*"), (b"x-content-type-options", b"nosniff")]
                message = {**message, "headers": headers}
            await send(message)

        await files(scope, receive, say)

    return serve
