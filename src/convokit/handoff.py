"""The rules of the lease by which a person has a conversation: who may take it, who may speak, when it ends.

Every change of speaker is a change of the conversation and commits with it, so that two never speak at once; and it
raises the conversation's epoch, so that a command of somebody who has not seen it yet is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from convokit.conversations import Conversation, Handoff
from convokit.events import (
    Event,
    HandoffClosed,
    HandoffTransferred,
    OperatorJoined,
    OperatorReplied,
    SignalReceived,
    TimerFired,
)
from convokit.people import User
from convokit.triggers import HANDOFF_TIMER
from convokit.turn import NOBODY, HandoffWanted

MOST_POSTPONED = 100
"""How many timers, signals and sends wait with a conversation's state while a person has it. Those beyond are set aside
among the failed events, for the state is written with every turn."""

PATIENCE = f"{HANDOFF_TIMER}:patience"
SILENCE = f"{HANDOFF_TIMER}:silence"
EXPIRED = "expired"
"""The outcome of what time ended."""
UNATTENDED = "unattended"
"""The outcome of what the bot took back, because nobody was there."""


# ── who speaks ──────────────────────────────────────────────────────────────────────────────────────────────────────


ASKED_FOR_PERSON = "asked for a person"
"""The reason of a handoff that no handler has given another."""


def asks_for_person(event: Event) -> bool:
    """Whether a customer asked for a person by a channel's own means, such as the chat page's menu.

    Where no route handles it, the conversation is handed over: the way to a person must not lead nowhere.
    """
    return isinstance(event, SignalReceived) and event.name == f"{event.conversation.channel}.person"


def opened(
    conversation: Conversation, wanted: HandoffWanted, handoff_id: str, now: datetime, *, asked: bool = False
) -> Conversation:
    """The conversation after the bot gave it away. One that a person has already stays with that person.

    Args:
        conversation: The conversation.
        wanted: What the handler said.
        handoff_id: The new lease's.
        now: The time.
        asked: Whether it was the customer's word that led to it, which no operator has answered yet.
    """
    if conversation.handoff is not None:
        return conversation
    lease = Handoff(
        id=handoff_id,
        queue=wanted.queue,
        reason=wanted.reason,
        opened_at=now,
        unanswered_since=now if asked else None,
    )
    return _with(conversation, lease)


def taken(conversation: Conversation, operator: User, handoff_id: str, now: datetime) -> Conversation | None:
    """The conversation after `operator` took it; None: somebody else has it.

    An operator may also step in where the bot did not ask for one.
    """
    lease = conversation.handoff
    if lease is None:
        lease = _stepped_in(handoff_id, now)
    elif lease.operator == operator.id:
        return conversation
    elif lease.operator:
        return None
    return _with(conversation, _held(lease, operator, now))


def transferred(
    conversation: Conversation, event: HandoffTransferred, handoff_id: str, now: datetime
) -> Conversation | None:
    """The conversation after it was given to another operator or queue; None: it cannot be given so.

    Whoever names the epoch has seen who has it, and may give away what is not theirs (a lead who assigns); else only
    what waits or is one's own can be given. Nobody gives a conversation of the bot's to a queue.
    """
    lease = conversation.handoff
    if lease is None:
        if event.to is None:
            return None
        lease = _stepped_in(handoff_id, now)
    elif event.operator is not None and event.epoch is None and lease.operator not in {"", event.operator.id}:
        return None
    after = evolve(lease, queue=lease.queue if event.queue is None else event.queue)
    after = evolve(after, operator="", operator_name="") if event.to is None else _held(after, event.to, now)
    if conversation.handoff is not None and (after.operator, after.queue) == (lease.operator, lease.queue):
        return None
    return _with(conversation, after)


def closed(conversation: Conversation, *, ended: bool = False) -> Conversation:
    """The conversation in the bot's hands again, with nothing postponed; `ended`: it is over, and dialogs are left."""
    positions = () if ended else conversation.positions
    return evolve(
        conversation,
        handoff=None,
        postponed=(),
        set_aside=(),
        positions=positions,
        closed=ended,
        epoch=conversation.epoch + 1,
    )


def over(lease: Handoff, outcome: str, now: datetime) -> Handoff:
    """The lease as it is remembered after its end."""
    return evolve(lease, closed_at=now, outcome=outcome)


def may_speak(conversation: Conversation, operator: User, epoch: int | None = None) -> bool:
    """Whether this operator has the conversation, or it waits for anyone; one whose lease has ended may not.

    Whoever names the epoch knows that the bot has it and may speak all the same: that takes it.
    """
    lease = conversation.handoff
    if lease is None:
        return epoch is not None
    return lease.operator in {"", operator.id}


def takes_over(conversation: Conversation, event: Event) -> bool:
    """Whether this event, when it is handled, takes the conversation out of the bot's hands."""
    match event:
        case OperatorJoined():
            named = event.epoch is None or event.epoch == conversation.epoch
        case OperatorReplied():
            named = event.epoch == conversation.epoch
        case HandoffTransferred():
            named = event.to is not None and event.epoch in {None, conversation.epoch}
        case _:
            return False
    return named and conversation.handoff is None


def _with(conversation: Conversation, lease: Handoff) -> Conversation:
    return evolve(conversation, handoff=lease, closed=False, epoch=conversation.epoch + 1)


def _held(lease: Handoff, operator: User, now: datetime) -> Handoff:
    return evolve(
        lease,
        operator=operator.id,
        operator_name=operator.name or operator.id,
        taken_at=lease.taken_at or now,
    )


def _stepped_in(handoff_id: str, now: datetime) -> Handoff:
    return Handoff(id=handoff_id, queue="", reason="an operator stepped in", opened_at=now)


# ── what is said meanwhile ──────────────────────────────────────────────────────────────────────────────────────────


def asked(conversation: Conversation, at: datetime) -> Conversation:
    """The conversation after the customer said something that no operator has answered yet."""
    lease = conversation.handoff
    if lease is None or lease.unanswered_since is not None:
        return conversation
    return evolve(conversation, handoff=evolve(lease, unanswered_since=at))


def answered(conversation: Conversation, now: datetime) -> Conversation:
    """The conversation after the operator said something."""
    lease = conversation.handoff
    if lease is None:
        return conversation
    return evolve(conversation, handoff=evolve(lease, unanswered_since=None, answered_at=lease.answered_at or now))


def postponed(conversation: Conversation, encoded_event: str) -> Conversation | None:
    """The conversation with one more event that waits for its return; None: there is no room, and it is `set_aside`."""
    if len(conversation.postponed) >= MOST_POSTPONED:
        return None
    return evolve(conversation, postponed=(*conversation.postponed, encoded_event))


def set_aside(conversation: Conversation, event_id: str) -> Conversation:
    """The conversation that remembers one more event which waits among the failed ones for its return."""
    others = tuple(one for one in conversation.set_aside if one != event_id)
    return evolve(conversation, set_aside=(*others, event_id))


def may_close(conversation: Conversation, operator: User | None, epoch: int | None = None) -> bool:
    """Whether this operator may end the handoff: who has it, anyone while it waits, the desk itself (None).

    Whoever names the epoch has seen who has it, and may end what is not theirs.
    """
    lease = conversation.handoff
    return lease is None or operator is None or epoch is not None or lease.operator in {"", operator.id}


# ── when time ends it ───────────────────────────────────────────────────────────────────────────────────────────────


def patience(conversation: Conversation) -> Mapping[str, Any] | None:
    """What a wait is told apart by from an earlier one, as the data of its timer; None: it does not wait."""
    lease = conversation.handoff
    return None if lease is None or lease.operator else {"epoch": conversation.epoch}


def silence(conversation: Conversation) -> Mapping[str, Any] | None:
    """What an operator's silence is told apart by from an earlier one; None: nobody is owed an answer."""
    lease = conversation.handoff
    if lease is None or not lease.operator or lease.unanswered_since is None:
        return None
    return {"epoch": conversation.epoch, "since": lease.unanswered_since.isoformat()}


def expired(event: TimerFired, conversation: Conversation) -> HandoffClosed | HandoffTransferred | None:
    """What a handoff's own timer means now; None: what it was set for is over."""
    what: dict[str, Any] = {"id": event.id, "conversation": event.conversation, "at": event.at}
    if event.name == PATIENCE and patience(conversation) == event.data:
        return HandoffClosed(**what, outcome=EXPIRED, epoch=conversation.epoch)
    if event.name == SILENCE and silence(conversation) == event.data:
        return HandoffTransferred(**what, epoch=conversation.epoch)
    return None


def nobody_has(conversation: Conversation) -> bool:
    """Whether it waits for an operator, and none has taken it."""
    return conversation.handoff is not None and conversation.handoff.operator == NOBODY.id
