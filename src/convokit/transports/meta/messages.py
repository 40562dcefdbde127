"""What a customer sent: words, pictures, shared posts, stories. Pure.

Facts: Messenger Platform reference, messages (read May 2026); Webhooks for Instagram Messaging (read April 2026).
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from convokit.events import AttachmentReceived, ButtonPressed, Event, LocationShared, MessageReceived
from convokit.messages import ATTACHMENTS, Attachment, File, Image
from convokit.transports.meta.raw import digest, identity, listing, mapping, part, words
from convokit.transports.meta.referrals import opened, says_where
from convokit.transports.meta.source import Happening, Source

SHARES = frozenset({"fallback", "share", "reel", "ig_reel", "post", "ig_post"})
"""The kinds of attachment that are a link: to a page, a post, a reel."""


def read_message(source: Source, message: Mapping[str, Any]) -> list[Happening]:
    """What the customer said, or that they took something back.

    What it is about stands in the event's `context`: "story" (answered, or one that mentions the business), "shares",
    "product".

    Raises:
        UnreadableError: It is not of its shape.
    """
    mid = identity(message.get("mid")) or f"message:{source.mark}:{digest(message)}"
    if _yes(message.get("is_deleted")):
        return [source.signal(f"deleted:{mid}", "message_deleted", {"mid": mid})]
    text = words(message.get("text"), "message.text")
    found: list[Happening] = []
    if isinstance(referral := message.get("referral"), dict) and says_where(referral):
        found.append(opened(source, f"{mid}:referral", referral))
    if payload := words(part(message, "quick_reply", "payload"), "quick_reply.payload"):
        return [*found, ButtonPressed(payload=payload, label=text, **source.common(mid))]
    return [*found, *_said(source, message, mid, text)]


def _said(source: Source, message: Mapping[str, Any], mid: str, text: str) -> list[Event]:
    parts = _Parts.of(listing(message.get("attachments"), "message.attachments"))
    about = {**_about(message), **parts.about}
    said: list[Event] = []
    if parts.media:
        said.append(AttachmentReceived(attachments=parts.media, text=text, **source.common(mid, about)))
    elif text or parts.shared:
        reply_to = identity(part(message, "reply_to", "mid"))
        said.append(MessageReceived(text=text or parts.shared, reply_to=reply_to, **source.common(mid, about)))
    for latitude, longitude, title in parts.places:
        here = source.common(f"{mid}:place" if said else mid, about)
        said.append(LocationShared(latitude=latitude, longitude=longitude, title=title, **here))
    if parts.unknown or not said:
        # The platform itself says "unsupported" of what it does not pass on: GIFs, stickers, pictures seen once.
        plain = "message.unsupported" if _yes(message.get("is_unsupported")) else "message"
        kind = f"attachment.{parts.unknown}" if parts.unknown else plain
        said.append(source.unknown(f"{mid}:unknown" if said else mid, kind))
    return said


def _yes(flag: Any) -> bool:
    return flag is True or flag == "true"  # some of the platform's examples write every value as text


def _about(message: Mapping[str, Any]) -> dict[str, Any]:
    """The story that is answered, and the product that is asked about."""
    about: dict[str, Any] = {}
    story, product = part(message, "reply_to", "story"), part(message, "referral", "product")
    if isinstance(story, dict):
        about["story"] = {name: value for name in ("id", "url") if isinstance(value := story.get(name), str)}
    if isinstance(product, dict) and (own := identity(product.get("id"))):
        about["product"] = own
    return about


@frozen(kw_only=True)
class _Parts:
    """A message's attachments, sorted.

    Args:
        media: Pictures, sounds, films and files, and stories that mention the business.
        places: At most one: latitude, longitude, title.
        shared: The address of the first shared link.
        about: What is shared, and the story of a mention, for `context`.
        unknown: The type of the first attachment that is none of these.
    """

    media: tuple[Attachment, ...]
    places: tuple[tuple[float, float, str], ...]
    shared: str
    about: Mapping[str, Any]
    unknown: str

    @classmethod
    def of(cls, attachments: list[Any]) -> "_Parts":
        media: dict[str, Attachment] = {}  # by URL: until August 2026 a sticker comes twice, as image and as sticker
        places: list[tuple[float, float, str]] = []
        shares: list[dict[str, str]] = []
        about: dict[str, Any] = {}
        unknown = ""
        for one in attachments:
            given = mapping(one, "an attachment")
            kind, url = identity(given.get("type")), part(given, "payload", "url")
            if kind in ATTACHMENTS and _fetchable(url):
                media.setdefault(url, ATTACHMENTS[kind](url))
            elif kind == "sticker" and _fetchable(url):
                media.setdefault(url, Image(url))
            elif kind == "story_mention" and _fetchable(url):
                media.setdefault(url, File(url))  # a picture or a film: the platform does not say
                about["story"] = {"url": url, "mentions": True}
            elif kind == "location" and (place := _place(given)):
                places[:] = [place]
            elif kind in SHARES and (share := _share(kind, given)):
                shares.append(share)
            elif kind != "fallback":
                unknown = unknown or kind or "unknown"
        if shares:
            about["shares"] = shares
        return cls(
            media=tuple(media.values()),
            places=tuple(places),
            shared=shares[0]["url"] if shares else "",
            about=about,
            unknown=unknown,
        )


def _fetchable(url: Any) -> bool:
    return isinstance(url, str) and url.lower().startswith(("http://", "https://"))


def _place(attachment: Mapping[str, Any]) -> tuple[float, float, str] | None:
    latitude = part(attachment, "payload", "coordinates", "lat")
    longitude = part(attachment, "payload", "coordinates", "long")
    for degrees, most in ((latitude, 90), (longitude, 180)):
        if isinstance(degrees, bool) or not isinstance(degrees, int | float) or not -most <= degrees <= most:
            return None
    title = attachment.get("title")
    return float(latitude), float(longitude), title if isinstance(title, str) else ""


def _share(kind: str, attachment: Mapping[str, Any]) -> dict[str, str] | None:
    """What is shared: its kind, its address, and what else the platform tells; None without an address."""
    payload = attachment.get("payload")
    given = {**attachment, **payload} if isinstance(payload, dict) else dict(attachment)
    url = given.get("url")
    if not isinstance(url, str) or not url:
        return None
    title = given.get("title")
    told = {"type": kind, "url": url}
    if isinstance(title, str) and title:
        told["title"] = title
    if own := next(filter(None, map(identity, map(given.get, ("id", "reel_video_id", "ig_post_media_id")))), ""):
        told["id"] = own
    return told
