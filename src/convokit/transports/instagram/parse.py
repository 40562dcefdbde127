"""Instagram's webhooks: an account's messages, and the comments below its posts. Pure.

Facts: Webhooks for Instagram Messaging (read April 2026); Instagram Platform, webhook examples (read November 2025) and
private replies (read June 2026). No judge but ours has seen how these bodies are read.
"""

from attrs import evolve

from convokit.conversations import ConversationId
from convokit.people import User
from convokit.transports.meta.envelope import Product, Reader
from convokit.transports.meta.raw import identity, part
from convokit.transports.meta.source import Happening, Source

ACCOUNT_PREFIX = "account:"
"""How the conversation of what concerns the account and no person begins: `account:` and the account's id."""
COMMENT_PREFIX = "comment:"
"""How the conversation of one comment begins: `comment:` and its id. What is said there is the private reply to it."""

FIELDS = frozenset(
    {
        "messages",
        "message_edit",
        "message_reactions",
        "messaging_handover",
        "messaging_optins",
        "messaging_postbacks",
        "messaging_referral",
        "messaging_seen",
        "standby",
    }
)
"""The webhook fields that tell of conversations."""
COMMENTS = {"comments": "comment", "live_comments": "live_comment"}
"""The webhook fields that tell of comments, and the signals that they become."""


def read_change(source: Source) -> list[Happening]:
    """A comment of somebody else below one of the account's posts, as a signal in a conversation of its own."""
    name, value = COMMENTS.get(identity(source.raw.get("field"))), source.raw.get("value")
    if name is None or not isinstance(value, dict):
        return []
    own, author = identity(value.get("id")), identity(part(value, "from", "id"))
    if not own or not author or source.conversation.id == ACCOUNT_PREFIX + author:
        return []
    handle = part(value, "from", "username")
    place = evolve(
        source,
        conversation=ConversationId(source.channel, COMMENT_PREFIX + own),
        user=User(id=author, username=handle if isinstance(handle, str) else ""),
    )
    # An advertised post's comment is told twice: its id is that of the event.
    return [place.signal(f"{name}:{own}", name, {**value, "id": own})]


PRODUCT = Product(name="instagram", prefix=ACCOUNT_PREFIX, fields=FIELDS, change=read_change)


def reader(channel: str, account_id: str = "") -> Reader:
    """What reads the webhooks of an account; of every account of the app, where `account_id` is empty."""
    return Reader(product=PRODUCT, channel=channel, account=account_id)
