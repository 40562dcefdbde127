"""Verified webhook bodies into events: pure, each event by itself, so that one bad one never costs its siblings.

Facts: Messenger Platform reference, webhook events (read May 2026); Instagram Platform, webhook examples (read November
2025): with Instagram's own login an entry may be one change itself, its `field` and `value` beside `id` and `time`.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from convokit.abc import Evidence, Received
from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import Event, MalformedReceived
from convokit.people import User
from convokit.transports.meta.happenings import read_echo, read_person, read_standby
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

USER_REF_PREFIX = "user_ref:"
"""How the conversation of a person begins who is known only by a plug-in's `user_ref`."""


@frozen(kw_only=True)
class Product:
    """One of the platform's products.

    Args:
        name: What a body's `object` says.
        prefix: How the conversation of what concerns the account and no person begins; the account's id follows.
        fields: Which changes are a conversation's event, in an envelope of another shape.
        change: Reads any other change; None: it is kept as unknown.
    """

    name: str
    prefix: str
    fields: frozenset[str] = frozenset()
    change: Callable[[Source], list[Happening]] | None = None


@frozen(kw_only=True)
class Reader:
    """Reads verified bodies.

    Args:
        product: Which of the platform's products.
        channel: The channel's name.
        account: The page or account that is served; events for another one are dropped. Empty: whichever the app
            serves.
        get_started: The payload of the page's start button; empty: there is none.
    """

    product: Product
    channel: str
    account: str = ""
    get_started: str = ""

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
        body_digest = hashlib.sha256(body).hexdigest()[:16]
        for number, entry in enumerate(entries):
            found += _Entry(
                reader=self,
                account=identity(part(entry, "id")),
                at=moment(part(entry, "time")) or at,
                product=self._other(whole.get("object")),
                place=f"malformed:{body_digest}:{number}",
            ).read(entry)
        return Received(
            events=tuple(one for one in found if isinstance(one, Event)),
            evidence=tuple(one for one in found if isinstance(one, Evidence)),
        )

    def _other(self, told: Any) -> str:
        """Of an app's other products only the kind is told: their ids are not this account's people."""
        return "" if told == self.product.name else identity(told) or "unknown"


_Read = Callable[["_Entry", Mapping[str, Any]], list[Happening]]


@frozen(kw_only=True)
class _Entry:
    """One entry of a body.

    Args:
        reader: How to read.
        account: The page's or account's id; may be empty.
        at: The entry's time, or that of the request.
        product: What the entry is about when it is another product's ("instagram"), else empty.
        place: Where in the body: the id of an event that cannot be read.
    """

    reader: Reader
    account: str
    at: datetime
    product: str
    place: str

    def read(self, entry: Any) -> list[Happening]:
        if self._foreign(self.account):
            return []
        if self.product:
            return self._one(entry, _Entry.other_product, self.place)
        if not isinstance(entry, dict):
            return [self._malformed(entry, "an entry must be an object", self.place)]
        found: list[Happening] = []
        for name, read in _LISTS.items():
            try:
                items = listing(entry.get(name), name)
            except UnreadableError as error:
                found.append(self._malformed(entry, str(error), f"{self.place}:{name}"))
                continue
            for number, item in enumerate(items):
                found += self._one(item, read, f"{self.place}:{name}:{number}")
        if isinstance(entry.get("field"), str):
            found += self._one(entry, _Entry.change, self.place)
        return found

    def _one(self, item: Any, read: _Read, place: str) -> list[Happening]:
        try:
            return read(self, mapping(tame(item), "an event"))
        except (UnreadableError, RecursionError) as error:
            return [self._malformed(item, str(error), place)]

    def _foreign(self, account: str) -> bool:
        return bool(self.reader.account and account and account != self.reader.account)

    def _malformed(self, item: Any, reason: str, place: str) -> Event:
        return MalformedReceived(
            id=place, conversation=self._account_conversation(), at=self.at, reason=reason, raw=snippet(item)
        )

    def _account_conversation(self) -> ConversationId:
        return ConversationId(self.reader.channel, self.reader.product.prefix + (self.account or "unknown"))

    def _source(self, raw: Mapping[str, Any], person: str) -> Source:
        return Source(
            channel=self.reader.channel,
            conversation=ConversationId(self.reader.channel, person) if person else self._account_conversation(),
            user=User(id=person) if person else None,
            at=moment(raw.get("timestamp")) or self.at,
            mark=stamp(raw.get("timestamp")) or digest(raw),
            get_started=self.reader.get_started,
            raw=raw,
        )

    def messaging(self, raw: Mapping[str, Any]) -> list[Happening]:
        """An event of a conversation that this app owns."""
        found = self._parties(raw)
        if found is None:
            return []
        person, echo = found
        return (read_echo if echo else read_person)(self._source(raw, person))

    def standby(self, raw: Mapping[str, Any]) -> list[Happening]:
        """An event of a conversation that another app owns: told as a signal, which no dialog takes for an answer."""
        found = self._parties(raw)
        if found is None:
            return []
        person, echo = found
        return read_standby(self._source(raw, person), echo=echo)

    def change(self, raw: Mapping[str, Any]) -> list[Happening]:
        """A change of the account itself, such as a comment; or a conversation's event, told as one."""
        field, product = identity(raw.get("field")), self.reader.product
        if field in product.fields and isinstance(value := raw.get("value"), dict) and _ENDS & value.keys():
            return self.standby(value) if field == "standby" else self.messaging(value)
        source = self._source(raw, "")
        found = [] if product.change is None else product.change(source)
        return found or [source.unknown(f"change:{digest(raw)}", f"changes.{field}")]

    def other_product(self, raw: Mapping[str, Any]) -> list[Happening]:
        """A whole entry about another product."""
        return [self._source(raw, "").unknown(f"{self.product}:{digest(raw)}", self.product)]

    def _parties(self, raw: Mapping[str, Any]) -> tuple[str, bool] | None:
        """The person, and whether the account spoke; None when the event is for another one."""
        sender, recipient = _party(raw.get("sender")), _party(raw.get("recipient"))
        # What the account itself sent is an echo even where the flag is missing: it is never the customer's.
        own = bool(self.account) and sender == self.account and recipient not in ("", sender)
        echo = own or bool(part(raw, "message", "is_echo"))
        account, person = (sender, recipient) if echo else (recipient, sender)
        if self._foreign(account) or (self.reader.account and not (account or self.account)):
            return None
        # The check-box plug-in's opt-in has no sender.
        reference = identity(part(raw, "optin", "user_ref"))
        return person or (USER_REF_PREFIX + reference if reference else ""), echo


_ENDS = frozenset({"sender", "recipient"})
_LISTS: Mapping[str, _Read] = {"messaging": _Entry.messaging, "standby": _Entry.standby, "changes": _Entry.change}


def _party(value: Any) -> str:
    """A sender's or recipient's id; empty when there is none."""
    reference = identity(part(value, "user_ref"))
    return identity(part(value, "id")) or (USER_REF_PREFIX + reference if reference else "")
