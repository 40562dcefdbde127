"""A mail that came, as events of the right conversation, made durable.

A conversation is named after the address that its mails are from, so that nobody speaks in somebody else's, and what
is said there goes to that address and to no other, whatever a mail's `Reply-To` wants.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import anyio.to_thread
from attrs import define

from convokit.abc import Accept
from convokit.conversations import ConversationId
from convokit.errors import MissingExtra, StoreUnavailable
from convokit.events import (
    AttachmentReceived,
    ConversationClosed,
    ConversationOpened,
    Event,
    MalformedReceived,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.messages import Attachment
from convokit.people import User
from convokit.transports.email.addresses import Place
from convokit.transports.email.guards import Report
from convokit.transports.email.mime import digest
from convokit.transports.email.parse import Mail, bare, read, tags_at
from convokit.transports.email.setup import Setup
from convokit.transports.email.shelves import Shelves, Thread
from convokit.transports.email.tags import Tags, thread_of
from convokit.wire.files import FileBox, FileRefused, NoRoom

logger = logging.getLogger(__name__)

NOWHERE = "unreadable"
"""The conversation of mails that cannot be read, and of reports about mails that are not known."""
MOST_FILES = 20
_GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.10", "5.2.1"})
"""What a server says of an address to which nothing will ever arrive."""


@define(eq=False)
class Incoming:
    """Takes mails in, for one run.

    Args:
        setup: The settings.
        shelves: What is remembered.
        files: Where files are kept.
    """

    setup: Setup
    shelves: Shelves
    files: FileBox

    async def take(self, accept: Accept, raw: bytes, at: datetime | None, partial: bool) -> None:
        """Make a mail's events durable.

        Raises:
            StoreUnavailable: The store cannot write; hand it in again.
        """
        events = await self.events(raw, at, partial=partial)
        if events:
            await accept(events)

    async def events(self, raw: bytes, at: datetime | None, *, partial: bool = False) -> Sequence[Event]:
        """What a mail says; what it refers to and where it belongs is remembered."""
        when = at or self.shelves.run.clock.now()
        try:
            mail = await anyio.to_thread.run_sync(self._read, raw, when)
        except (MissingExtra, StoreUnavailable):
            raise
        except Exception as problem:  # whatever a stranger sends must not stop the others' mails
            if not isinstance(problem, ValueError):
                logger.exception("channel=%s a mail could not be read", self.setup.channel)
            return (self._malformed(raw, when, str(problem)),)
        if not mail.sender:
            return (self._malformed(raw, when, "it does not say whom it is from"),)
        if self.setup.is_own(mail.sender):
            return ()
        if mail.report is not None:
            return await self._reported(mail, mail.report)
        tags = await self.shelves.tags()
        if any(tags.left(tag, mail.sender) for tag in tags_at(mail, self.setup.address)):
            return await self._leaves(mail)
        place, replied = await self._place(mail, tags)
        if mail.automatic:
            return (self._signal(mail, place, "automatic", {"why": mail.automatic, "text": mail.text[:2000]}),)
        await self.shelves.resume(mail.sender, mail.at)
        chain = (*reversed(mail.references), mail.id)
        await self.shelves.keep_thread(place, Thread(subject=bare(mail.subject), chain=chain))
        return await self._said(mail, place, replied=replied, partial=partial)

    def _read(self, raw: bytes, at: datetime) -> Mail:
        return read(raw, at, authority=self.setup.authority, mark=self.setup.mark)

    def _malformed(self, raw: bytes, at: datetime, reason: str) -> MalformedReceived:
        where = ConversationId(self.setup.channel, NOWHERE)
        return MalformedReceived(
            id=digest(raw),
            conversation=where,
            at=at,
            reason=f"a mail: {reason}"[:300],
            raw=raw[:2000].decode("latin-1").replace("\x00", ""),
        )

    # ── where it belongs ──

    async def _place(self, mail: Mail, tags: Tags) -> tuple[Place, bool]:
        """The conversation that a mail belongs to, and whether it proves to answer a mail of ours.

        By our tag in the address it was sent to, else by In-Reply-To, else by References from right to left; else it
        begins one. Only a conversation with its own sender is found.
        """
        sender = mail.sender
        for tag in tags_at(mail, self.setup.address):
            if (place := tags.replied(tag, sender)) is not None:
                await self.shelves.remember(sender, mail.id, place.thread)
                return place, True
        thread = ""
        if self.setup.conversations == "thread":
            for reference in (mail.id, *mail.references):
                if (found := await self.shelves.thread_of(sender, reference)) is not None:
                    thread = found
                    break
            else:
                thread = thread_of(mail.references[-1] if mail.references else mail.id)
        # Remembered before anything else, so that the same mail, handed in again, belongs to the same conversation.
        thread = await self.shelves.remember(sender, mail.id, thread)
        return Place(address=sender, thread=thread), False

    # ── what it says ──

    async def _said(self, mail: Mail, place: Place, *, replied: bool, partial: bool) -> Sequence[Event]:
        attachments, left_out = await self._taken_in(mail)
        if partial:
            left_out = [*left_out, "what is beyond the largest mail that is read"]
        facts: dict[str, Any] = {"subject": mail.subject, "replied": replied}
        if mail.vouched:
            facts["authentication"] = dict(mail.vouched)
        if left_out:
            facts["left_out"] = left_out[:20]
        common = self._common(mail, place, facts)
        opened = (
            [ConversationOpened(id=f"{mail.id}#opened", ref=mail.ref, source="mailto", **common)] if mail.ref else []
        )
        if attachments:
            return (*opened, AttachmentReceived(id=mail.id, attachments=tuple(attachments), text=mail.text, **common))
        answered = mail.references[0] if mail.references else ""
        return (*opened, MessageReceived(id=mail.id, text=mail.text, reply_to=answered, **common))

    def _common(self, mail: Mail, place: Place, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "conversation": self.shelves.conversation(place),
            "at": mail.at,
            "user": User(id=mail.sender, name=mail.name),
            "context": facts,
        }

    async def _taken_in(self, mail: Mail) -> tuple[list[Attachment], list[str]]:
        """The files, kept in our folder; and the names of those that are not taken."""
        taken: list[Attachment] = []
        left_out = list(mail.left_out)
        for one in mail.enclosures:
            if len(taken) >= MOST_FILES:
                left_out.append(one.name or one.media_type)
                continue
            try:
                kept = await self.files.take_in(
                    _piece(one.data),
                    owner=mail.sender,
                    cid=digest(mail.id, str(one.number)),
                    name=one.name or one.cid,
                    declared="" if one.media_type == "application/octet-stream" else one.media_type,
                    about=f"{self.setup.channel}:{mail.sender}",
                )
            except NoRoom as problem:
                raise StoreUnavailable(str(problem)) from problem
            except FileRefused as problem:
                left_out.append(f"{one.name or one.media_type}: {problem}"[:200])
                continue
            taken.append(await self.files.as_attachment(kept.id))
        return taken, left_out

    def _signal(self, mail: Mail, place: Place, what: str, data: Mapping[str, Any]) -> Event:
        return SignalReceived(
            id=mail.id,
            name=f"{self.setup.channel}.{what}",
            data={"subject": mail.subject, **data},
            **self._common(mail, place, {}),
        )

    async def _leaves(self, mail: Mail) -> Sequence[Event]:
        place = Place(address=mail.sender)
        await self.shelves.stop(mail.sender, "unsubscribed")
        return (ConversationClosed(id=mail.id, reason="unsubscribed", **self._common(mail, place, {})),)

    # ── what became of ours ──

    async def _reported(self, mail: Mail, report: Report) -> Sequence[Event]:
        place = await self.shelves.sent_to(report.message_id) if report.message_id else None
        if place is None:
            where = ConversationId(self.setup.channel, NOWHERE)
            told = {"subject": mail.subject, "reason": report.reason, "message_id": report.message_id}
            return (UnknownReceived(id=mail.id, conversation=where, at=mail.at, kind="report", raw=told),)
        where = self.shelves.conversation(place)
        ids = (report.message_id,)
        if report.outcome == "delivered":
            return (MessageDelivered(id=mail.id, conversation=where, at=mail.at, message_ids=ids),)
        if report.outcome == "delayed":
            data = {"message_id": report.message_id, "reason": report.reason, "status": report.status}
            name = f"{self.setup.channel}.delayed"
            return (SignalReceived(id=mail.id, conversation=where, at=mail.at, name=name, data=data),)
        if report.status in _GONE:
            await self.shelves.stop(place.address, f"the server there says {report.status}")
        return (MessageFailed(id=mail.id, conversation=where, at=mail.at, message_ids=ids, reason=report.reason),)


async def _piece(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 16):
        yield data[start : start + (1 << 16)]
