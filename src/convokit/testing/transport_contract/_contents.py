"""What is said: texts at, below and above every limit, and every kind of content, fitted and then sent."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

import pytest

from convokit.conversations import ConversationId
from convokit.errors import RateLimited
from convokit.fitting import fit
from convokit.messages import (
    Audio,
    Button,
    Card,
    File,
    Image,
    Limit,
    Link,
    Location,
    Message,
    Template,
    Video,
)
from convokit.testing.platform_double import PlatformDouble
from convokit.testing.transport_contract._members import Members

PIECES = ("a", "e\u0301", "\U0001f469\u200d\U0001f467", "ש", "a\u200b", "中", "word ", "\u0915\u094d\u0937")
"""What long texts are made of: letters, a letter with its accent, a family, right to left, with nothing between."""
HUGE = 64 << 10
PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82"
)

CONTENTS: dict[str, Message] = {
    "a text": Message("Hello"),
    "one button": Message("Which?", buttons=["A"]),
    "thirty buttons": Message("Which?", buttons=[Button(f"Option {n}", f"p{n}") for n in range(30)]),
    "buttons without a text": Message(buttons=["A", "B"]),
    "labels that are far too long": Message("Which?", buttons=[Button("A" * 200, "a"), Button("B" * 200, "b")]),
    "labels on several lines": Message("Which?", buttons=[Button("One\ntwo", "p")]),
    "a link": Message("Look", buttons=[Link("Our shop", "https://shop.example/?a=1&b=<2>")]),
    "links of other kinds": Message("Call", buttons=[Link("Call", "tel:+4420"), Link("Write", "mailto:a@b.example")]),
    "links and buttons": Message("Look", buttons=[Link("Shop", "https://shop.example/"), Button("Later", "l")]),
    "a picture": Message(attachments=[Image("https://shop.example/a.jpg", alt="A pizza")]),
    "a picture with a text": Message("Look", attachments=[Image("https://shop.example/a.jpg")]),
    "a picture with a text and buttons": Message("Look", attachments=[Image("https://x.example/a")], buttons=["A"]),
    "a picture as bytes": Message("Look", attachments=[Image(data=PIXEL, media_type="image/png", alt="A dot")]),
    "a sound": Message("Listen", attachments=[Audio("https://shop.example/a.mp3")]),
    "a film": Message(attachments=[Video("https://shop.example/a.mp4")]),
    "a file as bytes": Message(attachments=[File(data=b"%PDF-", media_type="application/pdf", name="a\r\n.pdf")]),
    "many pictures": Message("Look", attachments=[Image(f"https://shop.example/{n}.jpg") for n in range(12)]),
    "cards": Message(
        "Ours",
        cards=[
            Card(
                title=f"Card {n}", subtitle="x" * 300, image=Image("https://x.example/1"), buttons=["A", "B", "C", "D"]
            )
            for n in range(12)
        ],
    ),
    "a place": Message("Here", location=Location(41.0082, 28.9784, "Our shop")),
    "a template": Message("On its way.", template=Template("sent", "en", body=["Ada"])),
}
"""One message of each kind."""


class Contents(Members):
    """What becomes of what is said."""

    async def delivered(self, message: Message) -> Sequence[Any]:
        """Fit a message, send all it becomes, and return what reached the platform: calls of its API, as they came.

        Override it for a transport that does not call an HTTP API; `said` then reads what you return.
        """
        self.needs_http()
        async with PlatformDouble(self.answers) as double, self.transport(double.url, 10.0) as transport:
            to = ConversationId(transport.channel, self.conversation)
            with suppress(RateLimited):
                for number, one in enumerate(fit(message, transport.capabilities).messages):
                    await transport.send_keyed(to, one, f"{to}:1:{number}")
            return double.calls

    @pytest.mark.anyio
    @pytest.mark.parametrize("content", CONTENTS)
    async def test_every_kind_of_content_that_was_fitted_is_sent(self, content: str) -> None:
        """Natively or not: the transport takes whatever fits its own capabilities, though it may want a pause."""
        assert await self.delivered(CONTENTS[content])

    @pytest.mark.anyio
    async def test_no_label_and_no_address_is_lost(self) -> None:
        """Whatever buttons, links and pictures the fitting leaves stand in the calls to the platform."""
        self.needs_http()
        capabilities = self.transport("http://127.0.0.1:1", 1.0).capabilities
        message = Message(
            "Which?",
            buttons=[Button("Margherita", "m"), Button("Funghi", "f"), Link("Menu", "https://shop.example/menu")],
            attachments=[Image("https://shop.example/pizza.jpg")],
        )
        calls = "".join(unquote_plus(call.body.decode("utf-8", "replace")) for call in await self.delivered(message))
        for one in fit(message, capabilities).messages:
            wanted = [part for action in one.buttons if isinstance(action, Button | Link) for part in (action.label,)]
            wanted += [action.url for action in one.buttons if isinstance(action, Link)]
            wanted += [attachment.url for attachment in one.attachments]
            assert [part for part in wanted if part not in calls] == []

    @pytest.mark.anyio
    @pytest.mark.parametrize("piece", PIECES, ids=lambda one: one.encode("unicode_escape").decode())
    async def test_no_text_is_lost_or_over_the_limit(self, piece: str) -> None:
        """At, below and above the limit, in its own unit, and far above it."""
        limit = self.transport("http://127.0.0.1:1", 1.0).capabilities.text_limit
        for text in (*_around(piece, limit), (piece * HUGE)[:HUGE]):
            said = [one for one in map(self.said, await self.delivered(Message(text))) if one]
            assert _dense("".join(said)) == _dense(text)
            assert [one for one in said if not limit.holds(one)] == []


def _around(piece: str, limit: Limit) -> list[str]:
    """Texts of this piece just below the limit, as near to it as can be, and just above it."""
    count = limit.n // max(limit.measure(piece), 1)
    fill = "a" * (limit.n - limit.measure(piece * count))
    return [piece * max(count - 1, 1), fill + piece * count, fill + piece * count + "b"]


def _dense(text: str) -> str:
    """Without white space, which cuts may cost."""
    return "".join(text.split())
