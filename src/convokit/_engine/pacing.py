"""Whether the bot talks with a program: so many answers within a minute that no human being can have been in between.

Echoes and senders that say that they are bots are dropped at the door; this stops the others (an auto-reply, a bot
behind a person's account). A text proves nothing, so only what programs do not do counts as a human being's: pressing,
sharing a place or a contact, and whatever an operator does.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from convokit._engine.settings import Settings
from convokit.conversations import Conversation
from convokit.events import ButtonPressed, ContactShared, DialogsMigrated, Event, LocationShared
from convokit.routing import OPERATORS, PATIENT

MINUTE = timedelta(minutes=1)
_HUMAN = (ButtonPressed, LocationShared, ContactShared)
_UNASKED = (*OPERATORS, *PATIENT, DialogsMigrated)


def by_a_human(event: Event) -> bool:
    """Whether a human being did it for sure, as far as its kind tells: an event as it came, not as it was read."""
    return isinstance(event, _HUMAN) or getattr(event, "operator", None) is not None


def is_looping(conversation: Conversation, event: Event, now: datetime, settings: Settings) -> bool:
    """Whether the bot is to be silent about this event."""
    if conversation.handoff is not None or not _answerable(event) or by_a_human(event):
        return False
    if conversation.looping is not None:
        return now - conversation.looping < timedelta(seconds=settings.loop_rest)
    since = conversation.answers_since
    return conversation.answers >= settings.answers_a_minute and since is not None and now - since < MINUTE


def silent(conversation: Conversation, now: datetime) -> Conversation:
    """The conversation after one more event about which the bot is silent."""
    return evolve(conversation, looping=now, answers=0, answers_since=None)


def counted(conversation: Conversation, event: Event, now: datetime, *, spoke: bool) -> Mapping[str, Any]:
    """What a turn that was not silent changes of the conversation; `spoke`: whether the bot said something in it."""
    if by_a_human(event):
        return {"looping": None, "answers": 0, "answers_since": None}
    if not spoke or not _answerable(event):
        return {}
    since = conversation.answers_since
    if since is None or not timedelta(0) <= now - since < MINUTE:
        return {"looping": None, "answers": 1, "answers_since": now}
    return {"looping": None, "answers": conversation.answers + 1}


def _answerable(event: Event) -> bool:
    return not event.receipt and not isinstance(event, _UNASKED)
