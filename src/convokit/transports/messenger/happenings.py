"""One event of a person's conversation, already clean and addressed, into what happened. Pure.

Facts: Messenger Platform reference: messages, messaging_postbacks, messaging_referrals, message_echoes,
message_deliveries, message_reads, messaging_optins, messaging_handovers, standby (read May 2026).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen

from convokit.abc import Evidence
from convokit.conversations import ConversationId
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    Event,
    LocationShared,
    MessageDelivered,
    MessageEdited,
    MessageRead,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.messages import ATTACHMENTS, Attachment, Image
from convokit.people import User
from convokit.transports.messenger.raw import (
    UnreadableError,
    digest,
    identity,
    listing,
    mapping,
    moment,
    part,
    words,
)

Happening = Event | Evidence

_ENVELOPE = frozenset({"sender", "recipient", "timestamp"})
_SIGNALS: Mapping[str, str] = {
    "optin": "optin",
    "reaction": "reaction",
    "account_linking": "account_linking",
    "policy-enforcement": "policy_enforcement",
    "policy_enforcement": "policy_enforcement",
    "pass_thread_control": "pass_thread_control",
    "take_thread_control": "take_thread_control",
    "request_thread_control": "request_thread_control",
    "app_roles": "app_roles",
}


@frozen(kw_only=True)
class Source:
    """Where one event comes from: what everything read from it shares.

    Args:
        channel: The channel's name.
        conversation: Where it happened.
        user: Who did it; None when it concerns the page only.
        at: When.
        mark: The timestamp as sent, else a digest of the event: what tells apart events that have no id of their own.
        get_started: The payload of the page's start button.
        raw: The whole event.
    """

    channel: str
    conversation: ConversationId
    user: User | None
    at: datetime
    mark: str
    get_started: str
    raw: Mapping[str, Any] = field(repr=False)

    def common(self, event_id: str) -> dict[str, Any]:
        """The fields of every event."""
        return {"id": event_id, "conversation": self.conversation, "at": self.at, "user": self.user}

    def unknown(self, event_id: str, kind: str) -> UnknownReceived:
        """The whole event as one that this version does not know."""
        return UnknownReceived(kind=kind, raw=self.raw, **self.common(event_id))

    def signal(self, event_id: str, name: str, data: Mapping[str, Any]) -> SignalReceived:
        """The platform's own event, its name after the channel's."""
        return SignalReceived(name=f"{self.channel}.{name}", data=data, **self.common(event_id))


def read_person(source: Source) -> list[Happening]:
    """What the customer did, or what became of our messages to them.

    Raises:
        UnreadableError: It is of a known kind and not of its shape.
    """
    found: list[Happening] = []
    for key in source.raw:
        if key in _READERS:
            if source.user is None:
                raise UnreadableError(f"{key} without a sender")
            found += _READERS[key](source, mapping(source.raw[key], key))
        elif key in _SIGNALS:
            data = mapping(source.raw[key], key)
            mid = identity(data.get("mid"))
            found.append(source.signal(f"{key}:{mid}:{source.mark}", _SIGNALS[key], data))
    if not found:
        kind = next((key for key in source.raw if key not in _ENVELOPE), "event")
        found.append(source.unknown(f"{kind}:{source.mark}", kind))
    return found


def read_echo(source: Source) -> list[Happening]:
    """What the page said to the customer, by whichever app or person.

    Our own is proof that the send with the key in `metadata` arrived, and no event. What another app or a person in
    the page's inbox said is kept raw as `message_echo`, by nobody, so that a bot may notice that somebody stepped in.
    """
    message = mapping(source.raw.get("message"), "message")
    key, mid = message.get("metadata"), identity(message.get("mid"))
    found: list[Happening] = []
    if isinstance(key, str) and key:
        found.append(Evidence(key=key, platform_id=mid))
        if key.startswith(f"{source.channel}:"):
            return found
    found.append(_of_nobody(source).unknown(mid or f"message_echo:{source.mark}", "message_echo"))
    return found


def read_standby(source: Source, *, echo: bool) -> list[Happening]:
    """What happened in a conversation that another app has: a signal that carries the whole event."""
    if echo:
        source = _of_nobody(source)
    own = identity(part(source.raw, "message", "mid")) or identity(part(source.raw, "postback", "mid")) or source.mark
    found: list[Happening] = [source.signal(f"standby:{own}:{digest(source.raw)}", "standby", source.raw)]
    key = part(source.raw, "message", "metadata")
    if echo and isinstance(key, str) and key:
        found.append(Evidence(key=key, platform_id=own))
    return found


def _of_nobody(source: Source) -> Source:
    return evolve(source, user=None)


def _message(source: Source, message: Mapping[str, Any]) -> list[Happening]:
    mid = identity(message.get("mid")) or f"message:{source.mark}:{digest(message)}"
    text = words(message.get("text"), "message.text")
    found: list[Happening] = []
    if isinstance(referral := message.get("referral"), dict) and _says_where(referral):
        found.append(_opened(source, f"{mid}:referral", referral))
    if payload := words(part(message, "quick_reply", "payload"), "quick_reply.payload"):
        return [*found, ButtonPressed(payload=payload, label=text, **source.common(mid))]

    parts = _Parts.of(listing(message.get("attachments"), "message.attachments"))
    said: list[Event] = []
    if parts.media:
        said.append(AttachmentReceived(attachments=parts.media, text=text, **source.common(mid)))
    elif text or parts.shared:
        reply_to = identity(part(message, "reply_to", "mid"))
        said.append(MessageReceived(text=text or parts.shared, reply_to=reply_to, **source.common(mid)))
    for latitude, longitude, title in parts.places:
        here = source.common(f"{mid}:place" if said else mid)
        said.append(LocationShared(latitude=latitude, longitude=longitude, title=title, **here))
    if parts.unknown or not said:
        kind = f"attachment.{parts.unknown}" if parts.unknown else "message"
        said.append(source.unknown(f"{mid}:unknown" if said else mid, kind))
    return [*found, *said]


@frozen(kw_only=True)
class _Parts:
    """A message's attachments, sorted.

    Args:
        media: Pictures, sounds, films and files.
        places: At most one: latitude, longitude, title.
        shared: The address of a shared link.
        unknown: The type of the first attachment that is none of these.
    """

    media: tuple[Attachment, ...]
    places: tuple[tuple[float, float, str], ...]
    shared: str
    unknown: str

    @classmethod
    def of(cls, attachments: list[Any]) -> "_Parts":
        media: dict[str, Attachment] = {}  # by URL: until August 2026 a sticker comes twice, as image and as sticker
        places: list[tuple[float, float, str]] = []
        shared = unknown = ""
        for one in attachments:
            given = mapping(one, "an attachment")
            kind, url = identity(given.get("type")), part(given, "payload", "url")
            if kind in ATTACHMENTS and _fetchable(url):
                media.setdefault(url, ATTACHMENTS[kind](url))
            elif kind == "sticker" and _fetchable(url):
                media.setdefault(url, Image(url))
            elif kind == "location" and (place := _place(given)):
                places[:] = [place]
            elif kind == "fallback":
                shared = shared or _shared(given)
            else:
                unknown = unknown or kind or "unknown"
        return cls(media=tuple(media.values()), places=tuple(places), shared=shared, unknown=unknown)


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


def _shared(attachment: Mapping[str, Any]) -> str:
    for url in (part(attachment, "payload", "url"), attachment.get("url")):
        if isinstance(url, str) and url:
            return url
    return ""


def _postback(source: Source, postback: Mapping[str, Any]) -> list[Happening]:
    payload, label = words(postback.get("payload"), "postback.payload"), words(postback.get("title"), "postback.title")
    if not (payload or label):
        raise UnreadableError("a postback with neither payload nor title")
    own = identity(postback.get("mid")) or f"postback:{source.mark}:{digest(postback)}"
    referral = postback.get("referral")
    if payload == source.get_started:
        return [_opened(source, own, referral if isinstance(referral, dict) else {"source": "start"})]
    pressed = ButtonPressed(payload=payload or label, label=label, **source.common(own))
    if isinstance(referral, dict) and _says_where(referral):
        return [_opened(source, f"{own}:referral", referral), pressed]
    return [pressed]


def _referral(source: Source, referral: Mapping[str, Any]) -> list[Happening]:
    return [_opened(source, f"referral:{source.mark}", referral)]


def _says_where(referral: Mapping[str, Any]) -> bool:
    # A referral that only names a product accompanies a question about it and opens nothing.
    return any(isinstance(referral.get(key), str) for key in ("ref", "source", "ad_id"))


def _opened(source: Source, event_id: str, referral: Mapping[str, Any]) -> ConversationOpened:
    ref, ad = words(referral.get("ref"), "referral.ref"), identity(referral.get("ad_id"))
    return ConversationOpened(
        ref=ref or (f"ad:{ad}" if ad else ""),
        source=words(referral.get("source"), "referral.source"),
        **source.common(event_id),
    )


def _delivery(source: Source, delivery: Mapping[str, Any]) -> list[Happening]:
    mids = tuple(filter(None, map(identity, listing(delivery.get("mids"), "delivery.mids"))))
    own = f"delivery:{identity(delivery.get('watermark')) or source.mark}:{digest(mids) if mids else ''}"
    return [MessageDelivered(message_ids=mids, up_to=moment(delivery.get("watermark")), **source.common(own))]


def _read(source: Source, read: Mapping[str, Any]) -> list[Happening]:
    own = f"read:{identity(read.get('watermark')) or source.mark}"
    return [MessageRead(up_to=moment(read.get("watermark")), **source.common(own))]


def _edit(source: Source, edit: Mapping[str, Any]) -> list[Happening]:
    mid = identity(edit.get("mid"))
    if not mid:
        raise UnreadableError("message_edit without mid")
    own = f"edit:{mid}:{identity(edit.get('num_edit')) or source.mark}"
    return [MessageEdited(message_id=mid, text=words(edit.get("text"), "message_edit.text"), **source.common(own))]


_READERS: Mapping[str, Callable[[Source, Mapping[str, Any]], list[Happening]]] = {
    "message": _message,
    "postback": _postback,
    "referral": _referral,
    "delivery": _delivery,
    "read": _read,
    "message_edit": _edit,
}
