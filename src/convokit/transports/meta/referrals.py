"""By which way somebody came: links, ads, posts. Pure.

Facts: Messenger Platform, messaging_referrals (read July 2025); Instagram Platform, messaging_referral.
"""

from collections.abc import Mapping
from typing import Any

from convokit.events import ConversationOpened
from convokit.transports.meta.raw import identity, words
from convokit.transports.meta.source import Source

AD_PREFIX = "ad:"
"""How the ref of somebody begins who came by an ad that carries none: `ad:` and the ad's id."""

_FIELDS = frozenset({"ref", "source", "type"})  # the type is OPEN_THREAD, whatever the way


def says_where(referral: Mapping[str, Any]) -> bool:
    """Whether it tells of a way in. One that only names a product accompanies a question and opens nothing."""
    return any(isinstance(referral.get(key), str) for key in ("ref", "source", "ad_id"))


def opened(source: Source, event_id: str, referral: Mapping[str, Any]) -> ConversationOpened:
    """Somebody came in by the way that a referral tells of.

    `context` is the rest of the platform's object, such as `{"ad_id", "ads_context_data": {"ad_title", …}}`; empty for
    a plain link. What a link carries anybody can write: a hint, never a proof.

    Raises:
        UnreadableError: It is not of its shape.
    """
    ref, ad = words(referral.get("ref"), "referral.ref"), identity(referral.get("ad_id"))
    about = {name: value for name, value in referral.items() if name not in _FIELDS and value is not None}
    return ConversationOpened(
        ref=ref or (AD_PREFIX + ad if ad else ""),
        source=words(referral.get("source"), "referral.source"),
        **source.common(event_id, about),
    )
