"""What a provider tells, as events. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from convokit.abc import Evidence
from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import (
    AttachmentReceived,
    ConversationClosed,
    ConversationOpened,
    Event,
    MessageDelivered,
    MessageFailed,
    MessageRead,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.people import User
from convokit.transports.sms.provider import Incoming, Other, Status, Told, is_number
from convokit.transports.sms.words import Words
from convokit.wire.text import scrub, scrub_json

REF = re.compile(r"[\w.~-]{1,128}", re.ASCII)
"""What a ref in a message's text may be."""


@frozen(kw_only=True)
class Reader:
    """Makes events.

    Args:
        channel: The channel's name.
        words: The words for stop, start and help.
        keyword: The word before a ref: "JOIN" in "JOIN spring-sale".
        helps: Whether the channel answers HELP itself.
    """

    channel: str
    words: Words
    keyword: str
    helps: bool

    def read(self, told: Sequence[Told], at: datetime) -> Iterator[Event | Evidence]:
        """What was told, as events and proofs; `at` is when, where the provider does not say.

        Raises:
            Malformed: Something has no id, or is about no number.
        """
        for one in told:
            own, number = scrub(one.id), scrub(one.number)
            if not own or not number:
                raise Malformed(self.channel, "what the provider tells has no id, or names no number")
            common: dict[str, Any] = {
                "id": own,
                "conversation": ConversationId(self.channel, number),
                "at": one.at or at,
            }
            if isinstance(one, Status):
                yield from _status(one, common)
            elif isinstance(one, Other):
                yield UnknownReceived(kind=scrub(one.kind), raw=scrub_json(dict(one.raw)), **common)
            elif not is_number(number):
                # Nobody who can be answered: a sender that is a name.
                raw = {"text": one.text, **one.context}
                yield UnknownReceived(kind="sender", raw=scrub_json(raw), **common)
            else:
                context = scrub_json(dict(one.context))
                yield self._message(one, {**common, "user": User(id=number), "context": context})

    def _message(self, one: Incoming, common: dict[str, Any]) -> Event:
        text = scrub(one.text)
        meant = one.meant or ("" if one.attachments else self.words.meant(text))
        if meant:
            told = {"word": text, "answered": one.answered}
            if meant == "stop":
                return ConversationClosed(reason="stop", **{**common, "context": {**common["context"], **told}})
            if meant == "start":
                source = {**common, "context": {**common["context"], **told}}
                return ConversationOpened(source="start", **source)
            if one.answered or self.helps:
                return SignalReceived(name=f"{self.channel}.help", data=told, **common)
        if (ref := self._ref(text)) and not one.attachments:
            return ConversationOpened(ref=ref, source="keyword", **common)
        if one.attachments:
            return AttachmentReceived(attachments=one.attachments, text=text, **common)
        return MessageReceived(text=text, **common)

    def _ref(self, text: str) -> str:
        """The ref of a message that says nothing but the keyword and a ref; empty when it says something else."""
        word, _, ref = text.strip().partition(" ")
        ref = ref.strip()
        return ref if word.casefold() == self.keyword.casefold() and REF.fullmatch(ref) else ""


def _status(one: Status, common: dict[str, Any]) -> Iterator[Event | Evidence]:
    own = common["id"]
    if one.key:
        yield Evidence(key=scrub(one.key), platform_id=own)
    receipt: dict[str, Any] = {**common, "id": f"{own}:{one.state}", "message_ids": (own,)}
    if one.state == "delivered":
        yield MessageDelivered(**receipt)
    elif one.state == "read":
        yield MessageRead(**receipt)
    elif one.state == "failed":
        yield MessageFailed(reason=scrub(one.reason), **receipt)
        if one.stopped:
            # They stopped at the provider, where we did not hear it: it has told them so.
            told = {**common, "id": f"{own}:stopped"}
            yield ConversationClosed(reason="stop", context={"answered": True}, **told)
