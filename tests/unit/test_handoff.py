"""The rules of the lease: never two speakers."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convokit.conversations import Conversation, ConversationId
from convokit.handoff import MOST_POSTPONED, closed, may_speak, opened, postponed, taken
from convokit.people import User
from convokit.turn import HandoffWanted

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FREE = Conversation(id=ConversationId("shop", "ada"), version=3, memory={"a": 1})
GRACE, LINUS = User(id="grace"), User(id="linus")
WAITING = opened(FREE, HandoffWanted(reason="why", queue="sales"), "h1", NOW)


def _held() -> Conversation:
    held = taken(WAITING, GRACE, "h2", LATER)
    assert held is not None
    return held


def test_a_conversation_that_was_given_away_waits_for_anyone() -> None:
    lease = WAITING.handoff
    assert lease is not None
    assert (lease.id, lease.queue, lease.reason, lease.opened_at, lease.operator) == ("h1", "sales", "why", NOW, "")
    assert evolve(WAITING, handoff=None) == FREE


def test_giving_it_away_again_changes_nothing() -> None:
    again = HandoffWanted(reason="other", queue="")
    assert opened(WAITING, again, "h9", LATER) is WAITING
    held = _held()
    assert opened(held, again, "h9", LATER) is held


def test_one_operator_takes_it_and_no_other() -> None:
    held = _held()
    assert held.handoff is not None
    assert (held.handoff.id, held.handoff.operator, held.handoff.opened_at) == ("h1", "grace", NOW)
    assert taken(held, LINUS, "h3", LATER) is None
    assert taken(held, GRACE, "h3", LATER) == held


def test_an_operator_may_step_in_unasked() -> None:
    stepped_in = taken(FREE, GRACE, "h5", LATER)
    assert stepped_in is not None
    assert stepped_in.handoff is not None
    assert (stepped_in.handoff.id, stepped_in.handoff.operator, stepped_in.handoff.opened_at) == ("h5", "grace", LATER)
    assert stepped_in.handoff.reason


@pytest.mark.parametrize(
    ("conversation", "grace", "linus"), [(FREE, False, False), (WAITING, True, True), (_held(), True, False)]
)
def test_only_who_has_it_or_could_have_it_may_speak(conversation: Conversation, grace: bool, linus: bool) -> None:
    assert may_speak(conversation, GRACE) is grace
    assert may_speak(conversation, LINUS) is linus


def test_what_comes_meanwhile_waits_in_order_and_the_oldest_give_way() -> None:
    conversation = _held()
    for number in range(MOST_POSTPONED + 2):
        conversation = postponed(conversation, str(number))
    assert conversation.postponed == tuple(str(number) for number in range(2, MOST_POSTPONED + 2))
    assert closed(conversation) == FREE
    assert closed(FREE) == FREE
