"""The rules of the lease by which a person has a conversation: who may take it, who may speak, when it ends.

Every change of speaker is a change of the conversation and commits with it, so that two never speak at once.
"""

from datetime import datetime

from attrs import evolve

from convokit.conversations import Conversation, Handoff
from convokit.people import User
from convokit.turn import HandoffWanted

MOST_POSTPONED = 100
"""How many timers, signals and sends wait, per conversation, while a person has it; the oldest give way."""


def opened(conversation: Conversation, wanted: HandoffWanted, handoff_id: str, now: datetime) -> Conversation:
    """The conversation after the bot gave it away. One that a person has already stays with that person."""
    if conversation.handoff is not None:
        return conversation
    return evolve(
        conversation,
        handoff=Handoff(id=handoff_id, queue=wanted.queue, reason=wanted.reason, opened_at=now),
    )


def taken(conversation: Conversation, operator: User, handoff_id: str, now: datetime) -> Conversation | None:
    """The conversation after `operator` took it; None: somebody else has it.

    An operator may also step in where the bot did not ask for one.
    """
    lease = conversation.handoff
    if lease is None:
        lease = Handoff(id=handoff_id, queue="", reason="an operator stepped in", opened_at=now)
    elif lease.operator and lease.operator != operator.id:
        return None
    return evolve(conversation, handoff=evolve(lease, operator=operator.id))


def may_speak(conversation: Conversation, operator: User) -> bool:
    """Whether this operator has the conversation, or it waits for anyone; one whose lease has ended may not."""
    lease = conversation.handoff
    return lease is not None and lease.operator in {"", operator.id}


def postponed(conversation: Conversation, encoded_event: str) -> Conversation:
    """The conversation with one more event that waits for its return."""
    return evolve(conversation, postponed=(*conversation.postponed, encoded_event)[-MOST_POSTPONED:])


def closed(conversation: Conversation) -> Conversation:
    """The conversation in the bot's hands again, with nothing postponed."""
    return evolve(conversation, handoff=None, postponed=())
