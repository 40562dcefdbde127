"""One event of a person's conversation, already clean and addressed, into what happened. Pure.

Facts: Messenger Platform reference: messages, messaging_postbacks, messaging_referrals, message_echoes,
message_deliveries, message_reads, messaging_optins, messaging_handovers, standby (read May 2026); Webhooks for
Instagram Messaging: messages, messaging_seen, messaging_referral (read April 2026).
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from convokit.abc import Evidence
from convokit.events import ButtonPressed, MessageDelivered, MessageEdited, MessageRead
from convokit.transports.meta.messages import read_message
from convokit.transports.meta.raw import UnreadableError, digest, identity, listing, mapping, moment, part, words
from convokit.transports.meta.referrals import opened, says_where
from convokit.transports.meta.source import Happening, Source

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


def _postback(source: Source, postback: Mapping[str, Any]) -> list[Happening]:
    payload, label = words(postback.get("payload"), "postback.payload"), words(postback.get("title"), "postback.title")
    if not (payload or label):
        raise UnreadableError("a postback with neither payload nor title")
    own = identity(postback.get("mid")) or f"postback:{source.mark}:{digest(postback)}"
    referral = postback.get("referral")
    if payload and payload == source.get_started:
        return [opened(source, own, referral if isinstance(referral, dict) else {"source": "start"})]
    pressed = ButtonPressed(payload=payload or label, label=label, **source.common(own))
    if isinstance(referral, dict) and says_where(referral):
        return [opened(source, f"{own}:referral", referral), pressed]
    return [pressed]


def _referral(source: Source, referral: Mapping[str, Any]) -> list[Happening]:
    return [opened(source, f"referral:{source.mark}", referral)]


def _delivery(source: Source, delivery: Mapping[str, Any]) -> list[Happening]:
    mids = tuple(filter(None, map(identity, listing(delivery.get("mids"), "delivery.mids"))))
    own = f"delivery:{identity(delivery.get('watermark')) or source.mark}:{digest(mids) if mids else ''}"
    return [MessageDelivered(message_ids=mids, up_to=moment(delivery.get("watermark")), **source.common(own))]


def _read(source: Source, read: Mapping[str, Any]) -> list[Happening]:
    """Messenger tells up to when, Instagram which message."""
    mid = identity(read.get("mid"))
    own = f"read:{mid or identity(read.get('watermark')) or source.mark}"
    up_to = moment(read.get("watermark"))
    return [MessageRead(message_ids=(mid,) if mid else (), up_to=up_to, **source.common(own))]


def _edit(source: Source, edit: Mapping[str, Any]) -> list[Happening]:
    mid = identity(edit.get("mid"))
    if not mid:
        raise UnreadableError("message_edit without mid")
    own = f"edit:{mid}:{identity(edit.get('num_edit')) or source.mark}"
    return [MessageEdited(message_id=mid, text=words(edit.get("text"), "message_edit.text"), **source.common(own))]


_READERS: Mapping[str, Callable[[Source, Mapping[str, Any]], list[Happening]]] = {
    "message": read_message,
    "postback": _postback,
    "referral": _referral,
    "delivery": _delivery,
    "read": _read,
    "message_edit": _edit,
}
