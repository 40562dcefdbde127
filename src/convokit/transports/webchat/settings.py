"""What a web chat is set to, and the few forms that ids and texts of its wire have."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

from attrs import field, frozen

from convokit._value import Value
from convokit.messages import Capabilities, Limit, Message
from convokit.people import User
from convokit.transports.webchat.customers import Keys
from convokit.wire.signing import Secret

Customers = Literal["optional", "required", "none"]
Verify = Callable[[str], Awaitable[User | None]]
"""The host's own word on a customer's token: who it is, or None."""

CID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
"""The form of a command's id: the page makes it when Send is pressed, and it never changes."""
LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
TEXT_CHARACTERS = 8000
CONTEXT_BYTES = 2048
"""What a page may tell of its circumstances, as JSON."""
REF_CHARACTERS = 256

CAPABILITIES = Capabilities(
    text_limit=Limit(TEXT_CHARACTERS, "characters"),
    buttons=13,
    button_label=Limit(200, "characters"),
    button_payload=Limit(1000, "characters"),
    links=13,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    album=10,
    caption=Limit(TEXT_CHARACTERS, "characters"),
    buttons_with_attachment=True,
    cards=10,
    card_title=Limit(200, "characters"),
    card_subtitle=Limit(500, "characters"),
    card_buttons=6,
    location=True,
    typing=True,
)
"""What the chat's page can show."""


@frozen(kw_only=True, eq=False, repr=False)
class Bounds(Value):
    """How much one visitor, one address and all together may do.

    Rates are (how many at once, the seconds until one more).

    Args:
        sockets: Pages that may be open at once, by WebSocket or long poll; more are turned away with 4503.
        per_visitor: Of those, of one visitor.
        per_address: Of those, from one address (IPv6: one /64).
        connects: How often a visitor may open a line.
        frames: How many frames of any kind a page may send.
        sends: How many messages a visitor may send.
        uploads: How many files a visitor may upload.
        upload_bytes: How many bytes a visitor may upload in 24 hours.
        conversations: How many conversations a visitor may begin.
        visitors: How many visitors may be made from one address.
    """

    sockets: int = 5000
    per_visitor: int = 5
    per_address: int = 50
    connects: tuple[int, float] = (10, 10.0)
    frames: tuple[int, float] = (60, 0.1)
    sends: tuple[int, float] = (8, 2.0)
    uploads: tuple[int, float] = (5, 20.0)
    upload_bytes: int = 50 << 20
    conversations: tuple[int, float] = (5, 720.0)
    visitors: tuple[int, float] = (30, 2.0)


@frozen(kw_only=True, eq=False, repr=False)
class Setup(Value):
    """What `WebChat` was given; its constructor describes each."""

    channel: str
    origins: frozenset[str] = frozenset()
    customers: Customers = "optional"
    keys: Keys = field(factory=Keys, repr=False)
    verify: Verify | None = None
    greeting: Message | None = None
    bot_name: str = ""
    away: str = ""
    file_types: tuple[str, ...] = ()
    file_bytes: int = 10 << 20
    files_for: timedelta = timedelta(days=400)
    bounds: Bounds = field(factory=Bounds)
    direct_line_secret: Secret = field(factory=lambda: Secret.unset("direct_line_secret"), repr=False)
