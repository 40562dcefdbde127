"""Which handler an event goes to, typed options and a handoff's own timers included. Pure.

The engine asks it for every event, and `convokit why` asks it again for a recorded one.
"""

from typing import TypeGuard

from convokit import handoff as rules
from convokit.conversations import Conversation, Option
from convokit.events import ButtonPressed, Event, MessageReceived, TimerFired
from convokit.fitting import resolve
from convokit.routing import Finds, Selected, select
from convokit.triggers import HANDOFF_TIMER


def selected(event: Event, conversation: Conversation, table: Finds) -> tuple[Event, Selected]:
    """What typed options and a handoff's own timers stand for, and who handles it."""
    if own_timer(event):
        meant = rules.expired(event, conversation)
        if meant is None:
            return event, Selected(action="none")
        event = meant
    offer = conversation.offer if isinstance(event, MessageReceived) and conversation.handoff is None else None
    if offer is None or event.text.startswith("/"):
        return event, select(event, conversation, table)
    option = resolve(event.text, offer)
    if option is not None:
        event = _pressed(event, option)
        return event, select(event, conversation, table)
    found = select(event, conversation, table)
    if found.action in {"dialog", "fallback", "none"}:
        option = resolve(event.text, offer, near=True)
        if option is not None and (found.action != "dialog" or option.payload.startswith("?")):
            event = _pressed(event, option)
            found = select(event, conversation, table)
    return event, found


def own_timer(event: Event) -> TypeGuard[TimerFired]:
    """Whether it is one of the timers that end a handoff."""
    return isinstance(event, TimerFired) and event.name.startswith(HANDOFF_TIMER)


def handler_of(found: Selected) -> str:
    """The name of what handles an event, as in the log."""
    if found.action == "dialog" and found.position is not None:
        return f"{found.position.dialog}.{found.position.state}"
    return found.match.route.name if found.match is not None else found.action


def _pressed(event: Event, option: Option) -> ButtonPressed:
    return ButtonPressed(
        id=event.id,
        conversation=event.conversation,
        at=event.at,
        user=event.user,
        payload=option.payload,
        label=option.label,
    )
