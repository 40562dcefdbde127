"""Verified webhook bodies into events: pure, each event by itself, so that one bad one never costs its siblings.

Facts: Messenger Platform reference, webhook events (read May 2026).
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
from convokit.transports.messenger.happenings import Happening, Source, read_echo, read_person, read_standby
from convokit.transports.messenger.raw import (
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

PAGE_PREFIX = "page:"
"""How the conversation of what concerns the page and no person begins: `page:` and the page's id."""
USER_REF_PREFIX = "user_ref:"
"""How the conversation of a person begins who is known only by a plug-in's `user_ref`."""


@frozen(kw_only=True)
class Reader:
    """Reads verified bodies.

    Args:
        channel: The channel's name.
        page_id: The page that is served; events for another one are dropped. Empty: whichever page the app serves.
        get_started: The payload of the page's start button.
    """

    channel: str
    page_id: str = ""
    get_started: str = "GET_STARTED"

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
                page=identity(part(entry, "id")),
                at=moment(part(entry, "time")) or at,
                # Of an app's other products only the kind is told: their ids are not this page's people.
                product="" if whole.get("object") == "page" else identity(whole.get("object")) or "unknown",
                place=f"malformed:{body_digest}:{number}",
            ).read(entry)
        return Received(
            events=tuple(one for one in found if isinstance(one, Event)),
            evidence=tuple(one for one in found if isinstance(one, Evidence)),
        )


_Read = Callable[["_Entry", Mapping[str, Any]], list[Happening]]


@frozen(kw_only=True)
class _Entry:
    """One entry of a body.

    Args:
        reader: How to read.
        page: The page's id; may be empty.
        at: The entry's time, or that of the request.
        product: What the entry is about when it is not about a page ("instagram"), else empty.
        place: Where in the body: the id of an event that cannot be read.
    """

    reader: Reader
    page: str
    at: datetime
    product: str
    place: str

    def read(self, entry: Any) -> list[Happening]:
        if self._foreign(self.page):
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
        return found

    def _one(self, item: Any, read: _Read, place: str) -> list[Happening]:
        try:
            return read(self, mapping(tame(item), "an event"))
        except (UnreadableError, RecursionError) as error:
            return [self._malformed(item, str(error), place)]

    def _foreign(self, page: str) -> bool:
        return bool(self.reader.page_id and page and page != self.reader.page_id)

    def _malformed(self, item: Any, reason: str, place: str) -> Event:
        return MalformedReceived(
            id=place, conversation=self._page_conversation(), at=self.at, reason=reason, raw=snippet(item)
        )

    def _page_conversation(self) -> ConversationId:
        return ConversationId(self.reader.channel, PAGE_PREFIX + (self.page or "unknown"))

    def _source(self, raw: Mapping[str, Any], person: str) -> Source:
        return Source(
            channel=self.reader.channel,
            conversation=ConversationId(self.reader.channel, person) if person else self._page_conversation(),
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
        """A change of the page itself, such as a comment in its feed."""
        source = self._source(raw, "")
        return [source.unknown(f"change:{digest(raw)}", f"changes.{identity(raw.get('field'))}")]

    def other_product(self, raw: Mapping[str, Any]) -> list[Happening]:
        """A whole entry about something else than a page."""
        return [self._source(raw, "").unknown(f"{self.product}:{digest(raw)}", self.product)]

    def _parties(self, raw: Mapping[str, Any]) -> tuple[str, bool] | None:
        """The person, and whether the page spoke; None when the event is for another page."""
        sender, recipient = _party(raw.get("sender")), _party(raw.get("recipient"))
        # What the page itself sent is an echo even where the flag is missing: it is never the customer's.
        own = bool(self.page) and sender == self.page and recipient not in ("", sender)
        echo = own or bool(part(raw, "message", "is_echo"))
        page, person = (sender, recipient) if echo else (recipient, sender)
        if self._foreign(page) or (self.reader.page_id and not (page or self.page)):
            return None
        # The check-box plug-in's opt-in has no sender.
        reference = identity(part(raw, "optin", "user_ref"))
        return person or (USER_REF_PREFIX + reference if reference else ""), echo


_LISTS: Mapping[str, _Read] = {"messaging": _Entry.messaging, "standby": _Entry.standby, "changes": _Entry.change}


def _party(value: Any) -> str:
    """A sender's or recipient's id; empty when there is none."""
    reference = identity(part(value, "user_ref"))
    return identity(part(value, "id")) or (USER_REF_PREFIX + reference if reference else "")
