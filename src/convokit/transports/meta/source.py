"""What everything that is read from one event of a webhook shares. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from convokit.abc import Evidence
from convokit.conversations import ConversationId
from convokit.events import Event, SignalReceived, UnknownReceived
from convokit.people import User

Happening = Event | Evidence


@frozen(kw_only=True)
class Source:
    """Where one event comes from: what everything read from it shares.

    Args:
        channel: The channel's name.
        conversation: Where it happened.
        user: Who did it; None when it concerns the page only.
        at: When.
        mark: The timestamp as sent, else a digest of the event: what tells apart events that have no id of their own.
        get_started: The payload of the page's start button; empty: there is none.
        raw: The whole event.
    """

    channel: str
    conversation: ConversationId
    user: User | None
    at: datetime
    mark: str
    get_started: str
    raw: Mapping[str, Any] = field(repr=False)

    def common(self, event_id: str, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The fields of every event; `about` is its context."""
        told = {"id": event_id, "conversation": self.conversation, "at": self.at, "user": self.user}
        return {**told, "context": about} if about else told

    def unknown(self, event_id: str, kind: str) -> UnknownReceived:
        """The whole event as one that this version does not know."""
        return UnknownReceived(kind=kind, raw=self.raw, **self.common(event_id))

    def signal(self, event_id: str, name: str, data: Mapping[str, Any]) -> SignalReceived:
        """The platform's own event, its name after the channel's."""
        return SignalReceived(name=f"{self.channel}.{name}", data=data, **self.common(event_id))
