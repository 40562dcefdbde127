"""The pages behind the links of a mail: one button each, which answers or unsubscribes.

Opening a link does nothing: mail servers open every link, to look for harm. Only the page's button does, by POST. The
one POST without a page is RFC 8058's: a mail program unsubscribes with `List-Unsubscribe=One-Click`.
"""

import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

import anyio
from attrs import define

from convokit.errors import StoreUnavailable
from convokit.events import ButtonPressed, ConversationClosed, Event
from convokit.people import User
from convokit.transports.email.addresses import Place
from convokit.transports.email.setup import Setup, Wording
from convokit.transports.email.shelves import Shelves
from convokit.wire.text import scrub

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BODY = 4096
MOST_UNREAD = 1 << 20
"""How much of a body that is too large is let in and dropped, so that its sender reads the answer."""
SECONDS = 10.0
_PRESS = re.compile(r"/press/([a-z2-7]{32})/(\d{1,3})", re.ASCII)
_LEAVE = re.compile(r"/leave/([a-z2-7]{32})", re.ASCII)
_ONCE = re.compile(r"[0-9a-f]{16}", re.ASCII)
_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
]
_STYLE = "font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#111827"
_BUTTON = "font:inherit;padding:.7rem 1.2rem;border:0;border-radius:.4rem;background:#1d4ed8;color:#fff;cursor:pointer"


@define(eq=False)
class Pages:
    """The pages of one run, as an ASGI app."""

    setup: Setup
    shelves: Shelves

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4404})
            return
        try:
            status, page = await self._answered(scope, receive)
        except StoreUnavailable:
            status, page = 503, b""
        body = page if scope["method"] != "HEAD" else b""
        length = (b"content-length", str(len(page)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, length]})
        await send({"type": "http.response.body", "body": body})

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        path = _below(scope)
        pressed, leaves = _PRESS.fullmatch(path), _LEAVE.fullmatch(path)
        found = pressed or leaves
        if found is None:
            return 404, b""
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return 405, b""
        name = found[1]
        known = await self.shelves.paged(name)
        words = self.setup.wording
        if known is None:
            return 410, _page(words, words.over)
        place, buttons = known
        form: dict[str, str] | None = None
        if scope["method"] == "POST":
            form = await _form(receive)
            if form is None:
                return 413, b""
        if leaves is not None:
            return await self._leave(place, name, form)
        number = int(pressed[2]) if pressed is not None else 0
        if number >= len(buttons):
            return 404, b""
        return await self._press(place, name, number, buttons[number], form)

    async def _press(
        self, place: Place, name: str, number: int, button: tuple[str, str], form: dict[str, str] | None
    ) -> tuple[int, bytes]:
        words = self.setup.wording
        payload, label = button
        if form is None:
            return 200, _page(words, words.ask, label, words.send, os.urandom(8).hex())
        # The page's own number makes a second click one press; without it, each button presses once.
        once = form.get("once", "")
        once = once if _ONCE.fullmatch(once) else "0"
        event = ButtonPressed(id=f"press:{name}:{number}:{once}", payload=payload, label=label, **self._common(place))
        await self.shelves.resume(place.address, event.at)
        await self.shelves.run.accept([event])
        return 200, _page(words, words.done, label)

    async def _leave(self, place: Place, name: str, form: dict[str, str] | None) -> tuple[int, bytes]:
        words = self.setup.wording
        if form is None:
            return 200, _page(words, words.leave, place.address, words.leave_now)
        await self.shelves.stop(place.address, "unsubscribed")
        event: Event = ConversationClosed(id=f"leave:{name}", reason="unsubscribed", **self._common(place))
        await self.shelves.run.accept([event])
        return 200, _page(words, words.left)

    def _common(self, place: Place) -> dict[str, Any]:
        return {
            "conversation": self.shelves.conversation(place),
            "at": self.shelves.run.clock.now(),
            "user": User(id=place.address),
        }


def _below(scope: Scope) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


async def _form(receive: Receive) -> dict[str, str] | None:
    """The fields of a form, as browsers and mail programs send it; None when it is larger than any of ours."""
    body, size = b"", 0
    with anyio.move_on_after(SECONDS):
        while True:
            message = await receive()
            piece = message.get("body", b"")
            body, size = body + piece[: MOST_BODY + 1 - len(body)], size + len(piece)
            if size > MOST_UNREAD or message["type"] == "http.disconnect":
                return None
            if not message.get("more_body", False):
                if size > MOST_BODY:
                    return None
                try:
                    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
                except ValueError:
                    return {}
                return {key: values[0] for key, values in fields.items()}
    return None


def _page(words: Wording, title: str, said: str = "", button: str = "", once: str = "") -> bytes:
    """A page with a title, a line and at most one button; built as a tree, so that nothing becomes a tag."""
    page = ET.Element("html", {"lang": words.locale, "dir": "auto"})
    head = ET.SubElement(page, "head")
    ET.SubElement(head, "meta", {"charset": "utf-8"})
    ET.SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    ET.SubElement(head, "title").text = scrub(title)
    main = ET.SubElement(ET.SubElement(page, "body", {"style": _STYLE}), "main")
    ET.SubElement(main, "h1", {"style": "font-size:1.3rem"}).text = scrub(title)
    if said:
        ET.SubElement(main, "p", {"dir": "auto"}).text = scrub(said)
    if button:
        form = ET.SubElement(main, "form", {"method": "post"})
        if once:
            ET.SubElement(form, "input", {"type": "hidden", "name": "once", "value": once})
        ET.SubElement(form, "button", {"style": _BUTTON}).text = scrub(button)
    return b"<!DOCTYPE html>\n" + ET.tostring(page, encoding="unicode", method="html").encode()
