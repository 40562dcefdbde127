"""What customers sent, fetched from Meta's own addresses and from nowhere else."""

from collections.abc import Mapping
from typing import Any

from convokit.errors import Rejected
from convokit.messages import Attachment
from convokit.wire.http import fetch

HOSTS = (".fbcdn.net", ".fbsbx.com", ".cdninstagram.com")
"""Where Meta keeps what people send: `scontent….fbcdn.net`, `cdn.fbsbx.com`, `lookaside.fbsbx.com`, ….

Seen in recorded webhooks and in the platform's examples; no page of Meta's lists them.
"""


async def download(
    channel: str,
    attachment: Attachment,
    most: int,
    *,
    headers: Mapping[str, str] | None = None,
    transport: Any = None,
    hosts: tuple[str, ...] = HOSTS,
) -> bytes:
    """The bytes that lie at an attachment's address; see `Transport.download`. The addresses end after some days."""
    if not attachment.url:
        raise Rejected(channel, "this attachment has no address to fetch it from")
    return await fetch(channel, attachment.url, hosts=hosts, most=most, headers=headers, transport=transport)
