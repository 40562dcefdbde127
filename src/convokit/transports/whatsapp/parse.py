"""Verified webhook bodies into events: pure, each event by itself, so that one bad one never costs its siblings.

Facts: WhatsApp Cloud API, webhooks, components and examples; business-scoped user ids (read May 2026).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from attrs import frozen

from convokit.abc import Evidence, Received
from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import Event, MalformedReceived, MessageDelivered, MessageFailed, MessageRead
from convokit.people import User
from convokit.transports.meta.raw import (
    UnreadableError,
    digest,
    identity,
    listing,
    load,
    mapping,
    moment,
    part,
    snippet,
    stamp,
    tame,
)
from convokit.transports.meta.source import Happening, Source
from convokit.transports.whatsapp.errors import CODES
from convokit.transports.whatsapp.happenings import read_message
from convokit.wire.signing import Secret

OBJECT = "whatsapp_business_account"
BUSINESS_PREFIX = "business:"
"""How the conversation of what concerns the business and no person begins; its account's id follows."""
GROUP_PREFIX = "group:"
"""How the conversation of a group begins; the group's id follows."""


@frozen(kw_only=True)
class Reader:
    """Reads verified bodies.

    Args:
        channel: The channel's name.
        number: The id of the phone number that is served; events for another one are dropped. Empty: any.
        by: What people are known by: their business-scoped user id, or their phone number as long as it is told.
        entry: Matches what a link of ours has a customer say, with the group "ref".
        token: What is masked where the platform quotes it.
    """

    channel: str
    entry: re.Pattern[str]
    token: Secret
    number: str = ""
    by: Literal["user_id", "phone"] = "user_id"

    def read(self, body: bytes, at: datetime) -> Received:
        """What a body says. `at` stands in for timestamps that cannot be read.

        Raises:
            Malformed: The body as a whole cannot be read.
        """
        try:
            whole = mapping(load(body), "the body")
            entries = listing(whole.get("entry"), "entry")
        except UnreadableError as error:
            raise Malformed(self.channel, str(error)) from error
        if "entry" not in whole:
            raise Malformed(self.channel, "the body has no entry list")
        found: list[Happening] = []
        place = f"malformed:{hashlib.sha256(body).hexdigest()[:16]}"
        for number, entry in enumerate(entries):
            account = identity(part(entry, "id"))
            product = "" if whole.get("object") == OBJECT else identity(whole.get("object")) or "unknown"
            one = _Entry(reader=self, account=account, at=moment(part(entry, "time")) or at, place=f"{place}:{number}")
            found += one.read(entry, product)
        return Received(
            events=tuple(one for one in found if isinstance(one, Event)),
            evidence=tuple(one for one in found if isinstance(one, Evidence)),
        )


@frozen(kw_only=True)
class _Entry:
    """One entry of a body: the account it is for, its time, and where in the body it stands."""

    reader: Reader
    account: str
    at: datetime
    place: str

    def read(self, entry: Any, product: str) -> list[Happening]:
        if product:  # of an app's other products only the kind is told: their ids are not this channel's people
            return self._one(entry, self.place, lambda raw: [self._about_business(raw, f"{product}:", product)])
        try:
            changes = listing(mapping(entry, "an entry").get("changes"), "changes")
        except UnreadableError as error:
            return [self._malformed(entry, str(error), self.place)]
        found: list[Happening] = []
        for number, change in enumerate(changes):
            place = f"{self.place}:{number}"
            value = change.get("value") if isinstance(change, dict) else None
            if isinstance(value, dict) and self._foreign(identity(part(value, "metadata", "phone_number_id"))):
                continue
            if isinstance(value, dict) and part(change, "field") == "messages":
                found += self._of_people(change, value, place)
            elif isinstance(value, dict) and part(change, "field") == "user_preferences":
                found += self._preferences(value, place)
            else:
                kind = identity(part(change, "field")) or "change"
                found += self._one(change, place, lambda raw, kind=kind: [self._about_business(raw, "", kind)])  # type: ignore[misc]  # bound here and now
        return found

    def _of_people(self, change: Mapping[str, Any], value: Mapping[str, Any], place: str) -> list[Happening]:
        contacts = [one for one in _listed(value.get("contacts")) if isinstance(one, dict)]
        found: list[Happening] = []
        for name, read in (("messages", self._message), ("statuses", self._status)):
            try:
                items = listing(value.get(name), name)
            except UnreadableError as error:
                found.append(self._malformed(value.get(name), str(error), f"{place}:{name}"))
                continue
            for number, item in enumerate(items):
                found += self._one(item, f"{place}:{name}:{number}", lambda raw, read=read: read(raw, contacts))  # type: ignore[misc]  # bound here and now
        if found or _listed(value.get("messages")) or _listed(value.get("statuses")):
            return found
        return self._one(change, place, lambda raw: [self._about_business(raw, "", "messages")])

    def _message(self, raw: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> list[Happening]:
        phone, user_id = identity(raw.get("from")), identity(raw.get("from_user_id"))
        contact = _contact(contacts, phone, user_id)
        key = self._key(phone, user_id or identity(contact.get("user_id")))
        if not key:
            raise UnreadableError("a message without a sender")
        name, username = (identity(part(contact, "profile", one)) for one in ("name", "username"))
        group = identity(raw.get("group_id"))
        user = User(id=key, name=name, username=username)
        return read_message(self._source(raw, GROUP_PREFIX + group if group else key, user), self.reader.entry)

    def _status(self, raw: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> list[Happening]:
        """What became of a message of ours. Our key in it proves that it reached the platform."""
        mid, status = identity(raw.get("id")), identity(raw.get("status"))
        phone = identity(raw.get("recipient_id"))
        if not mid or not status:
            raise UnreadableError("a status without id or status")
        found: list[Happening] = []
        key = raw.get("biz_opaque_callback_data")
        if isinstance(key, str) and key:
            found.append(Evidence(key=key, platform_id=mid))
        if identity(raw.get("recipient_type")) == "group":
            person = GROUP_PREFIX + (phone or "unknown")
        else:
            user_id = identity(raw.get("recipient_user_id")) or identity(_contact(contacts, phone, "").get("user_id"))
            person = self._key(phone, user_id)
        if not person:
            raise UnreadableError("a status without a recipient")
        source = self._source(raw, person, None)
        common = source.common(f"{mid}:{status}")
        match status:
            case "sent":
                pass
            case "delivered":
                found.append(MessageDelivered(message_ids=(mid,), **common))
            case "read" | "played":
                found.append(MessageRead(message_ids=(mid,), **common))
            case "failed":
                errors = [one for one in _listed(raw.get("errors")) if isinstance(one, dict)]
                reason = CODES.told(errors[0], self.reader.token) if errors else ""
                found.append(
                    MessageFailed(message_ids=(mid,), reason=reason or "the platform tells no reason", **common)
                )
            case _:
                found.append(source.unknown(f"{mid}:{status}", f"status.{status}"))
        return found

    def _preferences(self, value: Mapping[str, Any], place: str) -> list[Happening]:
        """People have stopped, or allow again, marketing messages."""
        contacts = [one for one in _listed(value.get("contacts")) if isinstance(one, dict)]
        found: list[Happening] = []
        for number, item in enumerate(_listed(value.get("user_preferences"))):

            def read(raw: Mapping[str, Any]) -> list[Happening]:
                phone, user_id = identity(raw.get("wa_id")), identity(raw.get("user_id"))
                key = self._key(phone, user_id or identity(_contact(contacts, phone, user_id).get("user_id")))
                if not key:
                    raise UnreadableError("preferences of nobody")
                source = self._source(raw, key, User(id=key))
                return [source.signal(f"preferences:{digest(raw)}", "preferences", raw)]

            found += self._one(item, f"{place}:{number}", read)
        return found

    def _one(self, item: Any, place: str, read: Callable[[Mapping[str, Any]], list[Happening]]) -> list[Happening]:
        try:
            return read(mapping(tame(item), "an event"))
        except (UnreadableError, RecursionError) as error:
            return [self._malformed(item, str(error), place)]

    def _key(self, phone: str, user_id: str) -> str:
        return (user_id or phone) if self.reader.by == "user_id" else (phone or user_id)

    def _foreign(self, number: str) -> bool:
        return bool(self.reader.number and number and number != self.reader.number)

    def _business(self) -> ConversationId:
        return ConversationId(self.reader.channel, BUSINESS_PREFIX + (self.account or "unknown"))

    def _about_business(self, raw: Mapping[str, Any], prefix: str, kind: str) -> Happening:
        source = self._source(raw, self._business().id, None)
        return source.unknown(f"{prefix or 'change:'}{digest(raw)}", kind if prefix else f"changes.{kind}")

    def _malformed(self, item: Any, reason: str, place: str) -> Event:
        return MalformedReceived(id=place, conversation=self._business(), at=self.at, reason=reason, raw=snippet(item))

    def _source(self, raw: Mapping[str, Any], where: str, user: User | None) -> Source:
        return Source(
            channel=self.reader.channel,
            conversation=ConversationId(self.reader.channel, where),
            user=user,
            at=moment(raw.get("timestamp")) or self.at,
            mark=stamp(raw.get("timestamp")) or digest(raw),
            get_started="",
            raw=raw,
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _contact(contacts: Sequence[Mapping[str, Any]], phone: str, user_id: str) -> Mapping[str, Any]:
    """Who of the contacts it is; where only one is told, and nothing speaks against it, that one."""
    for one in contacts:
        if (phone and identity(one.get("wa_id")) == phone) or (user_id and identity(one.get("user_id")) == user_id):
            return one
    alone = contacts[0] if len(contacts) == 1 else {}
    other = any(
        known and told and known != told
        for known, told in ((phone, identity(alone.get("wa_id"))), (user_id, identity(alone.get("user_id"))))
    )
    return {} if other else alone
