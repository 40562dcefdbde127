"""Chromium through Playwright, a host page under the strict policy, and a server that speaks the chat's protocol.

The browser is Debian's `chromium` (or what the variable CHROMIUM names). Pages come from a server of the standard
library on the loopback; what the component says is answered inside the test, to be cut, delayed and doubled at will.
"""

import json
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    WebSocketRoute,
    sync_playwright,
)

STATIC = Path(__file__).resolve().parents[2] / "src/convokit/transports/webchat/static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://127.0.0.1:*; "
    "img-src 'self' blob:; media-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-lcd-text",
]


def _png(width: int, height: int) -> bytes:
    """A picture of warm green, shaded from the top down."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes((120 + 60 * y // height, 140 - 40 * y // height, 70)) * width for y in range(height))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = _png(160, 100)
Frame = dict[str, Any]


@pytest.fixture(scope="session")
def chromium(pytestconfig: Any) -> Iterator[Browser]:
    """One Chromium for all tests."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("Chromium is not installed; set CHROMIUM to its path")
    # A thread has one Playwright at a time: whoever comes first starts it for the whole run.
    playwright = getattr(pytestconfig, "playwright", None)
    if playwright is None:
        playwright = pytestconfig.playwright = sync_playwright().start()
        pytestconfig.add_cleanup(playwright.stop)
    browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
    yield browser
    browser.close()


class _Pages(SimpleHTTPRequestHandler):
    """Static files under /bot/web/static, and what `pages` has under the other paths."""

    pages: dict[str, str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.pages:
            self._say(200, "text/html; charset=utf-8", self.pages[path].encode(), {"Content-Security-Policy": POLICY})
        elif path.startswith("/bot/web/static/") and (STATIC / path.removeprefix("/bot/web/static/")).is_file():
            file = STATIC / path.removeprefix("/bot/web/static/")
            kinds = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
            self._say(200, f"{kinds[file.suffix]}; charset=utf-8", file.read_bytes(), {"Cache-Control": "no-store"})
        elif path.endswith(".js") and path in self.pages:
            self._say(200, "text/javascript", self.pages[path].encode(), {})
        elif path == "/favicon.ico":
            self._say(204, "image/x-icon", b"", {})
        else:
            self._say(404, "text/plain", b"not found", {})

    def _say(self, status: int, kind: str, body: bytes, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the overridden method's name for it
        """Say nothing."""


class Site:
    """The loopback server. `pages` maps a path to HTML; every page is served under the strict policy."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        handler = type("_Handler", (_Pages,), {"pages": self.pages})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def host(self, attributes: str = "", *, head: str = "", html: str = 'lang="en"', body: str = "") -> str:
        """Put a page with the component at a path, and return its URL."""
        path = f"/host{len(self.pages)}.html"
        self.pages[path] = (
            f'<!doctype html><html {html}><head><meta charset="utf-8"><title>Olive Store</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}'
            '<script type="module" src="/bot/web/static/loader.js"></script></head>'
            f"<body><main><h1>Olive Store</h1><p>Oils and more.</p>{body}</main>"
            f"<convokit-chat {attributes}></convokit-chat></body></html>"
        )
        return self.url + path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def watched() -> Iterator[Callable[[Page], Page]]:
    """Hold a page to this: no error in its console, none uncaught, and no violation of the policy."""
    problems: list[str] = []

    def spoke(message: ConsoleMessage) -> None:
        # A socket that was cut or a request that was refused by the test's server is what the test is about.
        lost = ("WebSocket connection to", "Failed to load resource")
        if message.type == "error" and not message.text.startswith(lost):
            problems.append(message.text)

    def watch(page: Page) -> Page:
        page.on("console", spoke)
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => "
            "console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`))"
        )
        return page

    yield watch
    assert problems == []


class Hook(Protocol):
    """What a test says to a frame instead of the server; True when it is answered with that."""

    def __call__(self, line: "Socket | Poll", frame: Frame, /) -> bool: ...


class Socket:
    """One open WebSocket of a page."""

    def __init__(self, server: "ChatServer", route: WebSocketRoute) -> None:
        self.server = server
        self.route = route
        self.live = True
        self.hello: Frame = {}
        self.deaf = False

    def push(self, frame: Frame) -> None:
        if self.live:
            self.route.send(json.dumps(frame))

    def close(self, code: int = 1006, reason: str = "") -> None:
        if self.live:
            self.live = False
            # 1006 cannot be said: it is what a page hears when nothing is.
            self.route.close(code=1011 if code == 1006 else code, reason=reason)

    def heard(self, text: str | bytes) -> None:
        if self.live and not self.deaf:
            self.server.hear(self, json.loads(text))


class Poll:
    """A page that polls: frames wait here until it asks."""

    def __init__(self, server: "ChatServer", sid: str) -> None:
        self.server = server
        self.sid = sid
        self.waiting: list[Frame] = []
        self.held: Route | None = None
        self.live = True
        self.hello: Frame = {}

    def push(self, frame: Frame) -> None:
        self.waiting.append(frame)
        if self.held is not None:
            held, self.held = self.held, None
            self.answer(held)

    def answer(self, route: Route) -> None:
        frames, self.waiting = self.waiting, []
        route.fulfill(json={"sid": self.sid, "frames": frames})

    def close(self, code: int = 1006, reason: str = "") -> None:
        self.live = False
        self.server.polls.pop(self.sid, None)
        if self.held is not None:
            held, self.held = self.held, None
            held.abort()


class ChatServer:
    """The other end of the component's wire, as its reference has it: a log, cursors, ids that are answered once.

    `hook` sees every frame first. `lines` are the open ones, `frames` all that came, `opened` counts attempts.
    """

    def __init__(self) -> None:
        self.log: list[Frame] = []
        self.log_id = "log1"
        self.conv: str | None = None
        self.mode = "bot"
        self.people: list[Frame] = []
        self.extra: Frame = {}
        self.limits: Frame = {"text": 8000, "file_bytes": 1_000_000, "types": ["image/png", "text/plain", ".pdf"]}
        self.seen = {"me": 0, "them": 0}
        self.visitor = {"id": "v_1", "kind": "anonymous"}
        self.visit_answer: Frame = {"visitor": {"id": "v_1"}}
        self.visit_status = 200
        self.visits: list[dict[str, Any]] = []
        self.frames: list[Frame] = []
        self.lines: list[Socket | Poll] = []
        self.polls: dict[str, Poll] = {}
        self.opened = 0
        self.protocols: list[Any] = []
        self.refuse: list[tuple[int, str]] = []
        self.down = False
        self.hook: Hook | None = None
        self.known: dict[str, Frame] = {}
        self.uploads: list[dict[str, Any]] = []
        self.upload_answers: list[tuple[int, Frame]] = []
        self.hour = 14

    # ── the page's side ──

    def serve(self, target: Page | BrowserContext) -> None:
        target.route_web_socket("**/v1/ws", self._socket)
        target.route("**/v1/poll", self._poll)
        target.route("**/v1/visit", self._visit)
        target.route("**/v1/files/**", self._file)

    def _socket(self, route: WebSocketRoute) -> None:
        self.opened += 1
        if self.down:
            route.close(code=1012)
            return
        if self.refuse:
            code, reason = self.refuse.pop(0)
            route.close(code=code, reason=reason)
            return
        line = Socket(self, route)
        self.lines.append(line)
        route.on_message(line.heard)

        def left(code: int | None, reason: str | None) -> None:
            line.live = False

        route.on_close(left)

    def _visit(self, route: Route) -> None:
        request = route.request
        self.visits.append({"headers": request.headers, "body": request.post_data_json})
        assert request.headers.get("x-convokit") == "1"
        route.fulfill(status=self.visit_status, json=self.visit_answer)

    def _poll(self, route: Route) -> None:
        if self.down:
            route.abort()
            return
        body = route.request.post_data_json
        assert isinstance(body, dict)
        poll = self.polls.get(body.get("sid") or "")
        if poll is None:
            poll = Poll(self, f"s_{len(self.polls) + 1}_{self.opened}")
            self.polls[poll.sid] = poll
            self.lines.append(poll)
        for frame in body["frames"]:
            self.hear(poll, frame)
        if not poll.live:
            route.abort()
        elif poll.waiting or not body["wait"]:
            poll.answer(route)
        else:
            poll.held = route

    def _file(self, route: Route) -> None:
        request = route.request
        if request.method == "GET":
            route.fulfill(status=200, content_type="image/png", body=PNG)
            return
        assert request.headers["x-convokit"] == "1"
        self.uploads.append({"url": request.url, "name": request.headers["x-name"], "body": request.post_data_buffer})
        if self.upload_answers:
            status, answer = self.upload_answers.pop(0)
            route.fulfill(status=status, json=answer)
            return
        kind = request.headers["content-type"]
        size = len(request.post_data_buffer or b"")
        answer = {"id": f"f_{len(self.uploads)}", "name": "x", "type": kind, "size": size, "w": 40, "h": 30}
        route.fulfill(status=201, json=answer)

    # ── the server's side ──

    @property
    def live(self) -> list["Socket | Poll"]:
        return [line for line in self.lines if line.live and line.hello]

    def push(self, frame: Frame) -> None:
        for line in self.live:
            line.push(frame)

    def cut(self, code: int = 1011, reason: str = "") -> None:
        for line in self.lines:
            if line.live:
                line.close(code, reason)

    def entry(self, role: str = "bot", text: str | None = "", **more: Any) -> Frame:
        """Put an entry into the log, without telling anyone."""
        seq = len(self.log) + 1
        names = {"bot": "", "person": "Maya", "visitor": "", "system": ""}
        made: Frame = {
            "seq": seq,
            "id": f"e_{seq}",
            "kind": "text",
            "by": {"role": role, "id": role, "name": names[role]},
            "at": f"2026-03-02T{self.hour:02}:{min(seq, 59):02}:00.000Z",
            **({"text": text} if text else {}),
            **more,
        }
        self.log.append(made)
        self.conv = self.conv or "c_1"
        return made

    def says(self, role: str = "bot", text: str | None = "", **more: Any) -> Frame:
        """Put an entry into the log and tell every page."""
        made = self.entry(role, text, **more)
        self.push({"t": "entry", **made})
        return made

    def happens(self, event: str, role: str = "person", **more: Any) -> Frame:
        return self.says(role, None, kind="event", event=event, **more)

    def turns(self, mode: str, **more: Any) -> None:
        self.mode = mode
        self.push({"t": "state", "mode": mode, "people": self.people, **more})

    def welcome(self, after: int, log: str | None) -> Frame:
        head = len(self.log)
        reset = log is not None and log != self.log_id
        start = 0 if reset else after
        gap = head - start > 200
        if gap:
            start = head - 50
        return {
            "t": "welcome",
            "v": 1,
            "sid": "s_1",
            "conv": self.conv,
            "log": self.log_id if self.conv else None,
            "head": head,
            "from": start + 1,
            "reset": reset,
            "gap": gap,
            "entries": self.log[start:],
            "seen": self.seen,
            "mode": self.mode,
            "people": self.people,
            "visitor": self.visitor,
            "limits": self.limits,
            "bot": {"name": "Olive Store"},
            "hb": 25000,
            "now": "2026-03-02T14:00:00.000Z",
            **self.extra,
        }

    def hear(self, line: Socket | Poll, frame: Frame) -> None:
        self.frames.append(frame)
        if self.hook is not None and self.hook(line, frame):
            return
        kind = frame["t"]
        if kind == "hello":
            line.hello = frame
            line.push(self.welcome(frame["after"], frame["log"]))
        elif kind == "send":
            self.accept(line, frame)
        elif kind == "act":
            line.push({"t": "ack", "cid": frame["cid"]})
        elif kind == "ping":
            line.push({"t": "pong", "n": frame["n"]})
        elif kind == "more":
            self._page(line, frame)
        elif kind == "seen":
            self.seen["me"] = max(self.seen["me"], frame["seq"])
            for other in self.live:
                if other is not line:
                    other.push({"t": "seen", "by": "me", "seq": frame["seq"]})

    def _page(self, line: Socket | Poll, frame: Frame) -> None:
        if "after" in frame:
            entries = self.log[frame["after"] :][: frame["limit"]]
        else:
            entries = self.log[: frame["before"] - 1][-frame["limit"] :]
        start = "before" in frame and (not entries or entries[0]["seq"] == 1)
        line.push({"t": "page", "entries": entries, "start": start})

    def commit(self, frame: Frame) -> tuple[Frame, bool]:
        """The entry of a `send`, and whether it is new: an id is answered once."""
        if frame["cid"] in self.known:
            return self.known[frame["cid"]], False
        text = frame.get("text") or (frame.get("choice") or {}).get("label")
        more: Frame = {"cid": frame["cid"]}
        if frame.get("files"):
            more["files"] = [
                {"id": one, "kind": "image", "url": f"v1/files/{one}?e=1&s=1", "name": "x.png", "type": "image/png",
                 "size": 70, "w": 40, "h": 30}
                for one in frame["files"]
            ]  # fmt: skip
        if frame.get("choice"):
            more["choice"] = frame["choice"]
        made = self.known[frame["cid"]] = self.entry("visitor", text, **more)
        return made, True

    def accept(self, line: Socket | Poll, frame: Frame) -> None:
        made, fresh = self.commit(frame)
        line.push({"t": "ack", "cid": frame["cid"], "id": made["id"], "seq": made["seq"], "at": made["at"]})
        if fresh:
            self.push({"t": "entry", **made})

    def sent(self) -> list[str]:
        """The texts of the log that the visitor said."""
        return [one.get("text", "") for one in self.log if one["by"]["role"] == "visitor"]


@pytest.fixture
def server() -> ChatServer:
    return ChatServer()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 900, "height": 720}, locale="en-GB", timezone_id="UTC")
    made.set_default_timeout(5_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, watched: Callable[[Page], Page], server: ChatServer) -> Page:
    """A page whose chat talks with `server`."""
    made = watched(context.new_page())
    server.serve(made)
    return made
