"""Desks: where operators work."""

from convokit.desks.inbox import Hours, Inbox, Operator, Queue
from convokit.desks.local import Case, Local

__all__ = ["Case", "Hours", "Inbox", "Local", "Operator", "Queue"]
