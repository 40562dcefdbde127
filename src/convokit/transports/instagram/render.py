"""What Instagram can show, and how a fitted message is written as the one request that says it. Pure.

Facts: Instagram Platform, messaging API: send a message, quick replies, button template, generic template, upload media
(read June 2026). Quick replies and templates show in the apps only. How long a button template's text may be is not
told: Messenger's 640 are taken, counted in bytes.
"""

from typing import Any

from convokit.conversations import ConversationId
from convokit.messages import Attachment, Capabilities, Image, Limit
from convokit.transports.instagram.parse import ACCOUNT_PREFIX, COMMENT_PREFIX
from convokit.transports.meta.envelope import USER_REF_PREFIX
from convokit.transports.meta.render import Renderer, UnfitError

MOST_BYTES = {"image": 8_000_000, "audio": 25_000_000, "video": 25_000_000, "file": 25_000_000}
"""How large a file may be, by its kind."""

LIKE_HEART = Image(ref="like_heart", alt="❤️")
"""Instagram's own sticker, the red heart: `Message(attachments=[LIKE_HEART])`."""

CAPABILITIES = Capabilities(
    text_limit=Limit(1000, "bytes"),
    buttons=13,
    button_label=Limit(20, "characters"),
    button_payload=Limit(1000, "characters"),
    links=3,
    text_with_links=Limit(640, "bytes"),
    buttons_beside_links=3,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    cards=10,
    card_title=Limit(80, "characters"),
    card_subtitle=Limit(80, "characters"),
    card_buttons=3,
    typing=True,
)
"""What Instagram can show. Text is 1 to 1000 bytes, 640 beside links; a place becomes a map link."""


def recipient(to: ConversationId) -> dict[str, str]:
    """Whom a conversation stands for: an Instagram-scoped id, or `comment:` and a comment's id.

    Raises:
        UnfitError: It is the account's own, where nobody listens, or a plug-in's, which there are none of here.
    """
    if to.id.startswith(COMMENT_PREFIX):
        return {"comment_id": to.id.removeprefix(COMMENT_PREFIX)}
    if to.id.startswith((ACCOUNT_PREFIX, USER_REF_PREFIX)):
        raise UnfitError(f"{to} is about the account itself: there is nobody to write to")
    return {"id": to.id}


def _own(attachment: Attachment) -> dict[str, Any]:
    """The heart, else a post of the account or an uploaded file, by its id."""
    if attachment.ref == LIKE_HEART.ref:
        return {"type": "like_heart"}
    return {"type": "MEDIA_SHARE", "payload": {"id": attachment.ref}}


RENDERER = Renderer(
    name="Instagram",
    can=CAPABILITIES,
    recipient=recipient,
    own=_own,
    most_bytes=MOST_BYTES,
    ascii_names=True,
)
