"""Which operators are there, and how they are."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from attrs import define, field

from convokit.conversations import ConversationId
from convokit.desks.inbox.entries import Json
from convokit.desks.inbox.people import Operator

Status = Literal["available", "busy", "away"]
STATUSES: Mapping[str, Status] = {"available": "available", "busy": "busy", "away": "away"}
LINGERS = timedelta(seconds=90)
"""How long an operator whose last line ended still counts as there: a reload, a tunnel."""


@define(eq=False)
class Presence:
    """An operator, as colleagues see them.

    Attributes:
        operator: Who.
        status: What they said of themselves.
        lines: How many pages of theirs are open.
        gone_at: Since when there is none.
        owned: The conversations that they have.
    """

    operator: Operator
    gone_at: datetime
    status: Status = "available"
    lines: int = 0
    owned: set[ConversationId] = field(factory=set)
    ever: bool = False
    """Whether a page of theirs was open in this run."""

    def connected(self, now: datetime) -> bool:
        """Whether a page of theirs is open, or was a moment ago."""
        return self.lines > 0 or (self.ever and now - self.gone_at < LINGERS)

    def takes(self, now: datetime) -> bool:
        """Whether they are there and take conversations."""
        return self.status == "available" and self.connected(now)

    def has_room(self, now: datetime) -> bool:
        """Whether a colleague may give them one more."""
        return self.takes(now) and len(self.owned) < self.operator.max

    def as_json(self, now: datetime) -> Json:
        """As the page reads it."""
        return {
            "id": self.operator.id,
            "name": self.operator.name,
            "role": self.operator.role,
            "status": self.status,
            "open": len(self.owned),
            "max": self.operator.max,
            "connected": self.connected(now),
        }


def there(people: Iterable[Presence], queue: str, now: datetime) -> int:
    """How many take conversations of a queue now."""
    return sum(1 for one in people if one.takes(now) and one.operator.sees(queue))
