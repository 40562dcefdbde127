"""What Messenger can show, and how a fitted message is written as the one request that says it. Pure.

Facts: Messenger Platform, Send API, templates and quick replies (read May 2026).
"""

from typing import Any

from convokit.conversations import ConversationId
from convokit.messages import Attachment, Capabilities, Limit
from convokit.transports.messenger.parse import PAGE_PREFIX
from convokit.transports.meta.envelope import USER_REF_PREFIX
from convokit.transports.meta.render import Renderer, UnfitError

UPLOAD_BYTES = 25_000_000

CAPABILITIES = Capabilities(
    text_limit=Limit(1999, "characters"),  # "less than 2000"
    buttons=13,
    button_label=Limit(20, "characters"),
    button_payload=Limit(1000, "characters"),
    links=3,
    text_with_links=Limit(640, "characters"),
    buttons_beside_links=3,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    # Quick replies go away as soon as another message follows: they hang on the last one, whatever it is.
    buttons_with_attachment=True,
    cards=10,
    card_title=Limit(80, "characters"),
    card_subtitle=Limit(80, "characters"),
    card_buttons=3,
    typing=True,
)
"""What Messenger can show. Text is 1 to 1999 characters, 640 beside links; a place becomes a map link."""


def recipient(to: ConversationId) -> dict[str, str]:
    """Whom a conversation stands for: a page-scoped id, or `user_ref:` and a plug-in's reference.

    Raises:
        UnfitError: It is the page's own, where nobody listens.
    """
    if to.id.startswith(PAGE_PREFIX):
        raise UnfitError(f"{to} is about the page itself: there is nobody to write to")
    if to.id.startswith(USER_REF_PREFIX):
        return {"user_ref": to.id.removeprefix(USER_REF_PREFIX)}
    return {"id": to.id}


def _own(attachment: Attachment) -> dict[str, Any]:
    return {"type": attachment.kind, "payload": {"attachment_id": attachment.ref}}


RENDERER = Renderer(
    name="Messenger",
    can=CAPABILITIES,
    recipient=recipient,
    own=_own,
    most_bytes=dict.fromkeys(("image", "audio", "video", "file"), UPLOAD_BYTES),
)
