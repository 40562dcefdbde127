"""The rules of the lease: never two speakers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from convokit.conversations import Conversation, ConversationId, Position
from convokit.events import (
    Event,
    HandoffClosed,
    HandoffTransferred,
    MessageReceived,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
    TimerFired,
)
from convokit.handoff import (
    MOST_POSTPONED,
    PATIENCE,
    SILENCE,
    answered,
    asked,
    closed,
    expired,
    may_close,
    may_speak,
    nobody_has,
    opened,
    over,
    patience,
    postponed,
    set_aside,
    silence,
    taken,
    takes_over,
    transferred,
)
from convokit.messages import Message
from convokit.people import User
from convokit.turn import HandoffWanted

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
HERE = ConversationId("shop", "ada")
FREE = Conversation(id=HERE, version=3, memory={"a": 1})
GRACE, LINUS = User(id="grace", name="Grace"), User(id="linus")
WAITING = opened(FREE, HandoffWanted(reason="why", queue="sales"), "h1", NOW)


def _held() -> Conversation:
    held = taken(WAITING, GRACE, "h2", LATER)
    assert held is not None
    return held


def _given(conversation: Conversation, **how: Any) -> Conversation | None:
    event = HandoffTransferred(id="t", conversation=HERE, at=LATER, **how)
    return transferred(conversation, event, "h7", LATER)


def test_a_conversation_that_was_given_away_waits_for_anyone() -> None:
    lease = WAITING.handoff
    assert lease is not None
    assert (lease.id, lease.queue, lease.reason, lease.opened_at, lease.operator) == ("h1", "sales", "why", NOW, "")
    assert evolve(WAITING, handoff=None, epoch=0) == FREE
    assert nobody_has(WAITING)
    assert not nobody_has(FREE)


def test_giving_it_away_again_changes_nothing() -> None:
    again = HandoffWanted(reason="other", queue="")
    assert opened(WAITING, again, "h9", LATER) is WAITING
    held = _held()
    assert opened(held, again, "h9", LATER) is held


def test_one_operator_takes_it_and_no_other() -> None:
    held = _held()
    assert held.handoff is not None
    assert (held.handoff.id, held.handoff.operator, held.handoff.opened_at) == ("h1", "grace", NOW)
    assert (held.handoff.operator_name, held.handoff.taken_at) == ("Grace", LATER)
    assert taken(held, LINUS, "h3", LATER) is None
    assert taken(held, GRACE, "h3", LATER) is held


def test_an_operator_may_step_in_unasked_and_opens_what_was_closed() -> None:
    stepped_in = taken(evolve(FREE, closed=True), GRACE, "h5", LATER)
    assert stepped_in is not None
    assert stepped_in.handoff is not None
    assert (stepped_in.handoff.id, stepped_in.handoff.operator, stepped_in.handoff.opened_at) == ("h5", "grace", LATER)
    assert stepped_in.handoff.reason
    assert not stepped_in.closed


def test_every_change_of_speaker_raises_the_epoch() -> None:
    held = _held()
    passed_on = _given(held, operator=GRACE, to=LINUS)
    assert passed_on is not None
    queued = _given(passed_on, operator=LINUS, queue="billing")
    assert queued is not None
    back = closed(queued)
    assert [one.epoch for one in (FREE, WAITING, held, passed_on, queued, back)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("conversation", "grace", "linus"), [(FREE, False, False), (WAITING, True, True), (_held(), True, False)]
)
def test_only_who_has_it_or_could_have_it_may_speak(conversation: Conversation, grace: bool, linus: bool) -> None:
    assert may_speak(conversation, GRACE) is grace
    assert may_speak(conversation, LINUS) is linus


def test_who_has_seen_that_the_bot_has_it_may_speak_all_the_same() -> None:
    assert may_speak(FREE, GRACE, 0)
    assert not may_speak(_held(), LINUS, 2)


def test_a_conversation_given_on_keeps_its_place_and_its_first_taking() -> None:
    held = _held()
    on = _given(held, operator=GRACE, to=LINUS, queue="billing")
    assert on is not None
    assert on.handoff is not None
    lease = on.handoff
    assert (lease.operator, lease.operator_name, lease.queue, lease.taken_at) == ("linus", "linus", "billing", LATER)
    back = _given(on, operator=None)
    assert back is not None
    assert back.handoff is not None
    assert (back.handoff.operator, back.handoff.queue, back.handoff.opened_at) == ("", "billing", NOW)
    for_everybody = _given(back, operator=GRACE, queue="")
    assert for_everybody is not None
    assert for_everybody.handoff is not None
    assert for_everybody.handoff.queue == ""


@pytest.mark.parametrize(
    ("conversation", "how"),
    [
        (FREE, {"operator": GRACE, "queue": "sales"}),
        (FREE, {}),
        (WAITING, {"operator": GRACE, "queue": "sales"}),
        (_held(), {"operator": GRACE, "to": GRACE}),
        (_held(), {"operator": LINUS, "to": LINUS}),
    ],
    ids=["the bot's to a queue", "the bot's to nobody", "where it is", "to oneself", "somebody else's"],
)
def test_what_cannot_be_given_on_is_refused(conversation: Conversation, how: dict[str, Any]) -> None:
    assert _given(conversation, **how) is None


def test_a_lead_who_has_seen_who_has_it_gives_it_to_anyone() -> None:
    for conversation in (FREE, WAITING, _held()):
        assigned = _given(conversation, operator=LINUS, to=LINUS, epoch=conversation.epoch)
        assert assigned is not None
        assert assigned.handoff is not None
        assert assigned.handoff.operator == "linus"


@pytest.mark.parametrize(
    ("kind", "fields", "takes"),
    [
        (OperatorJoined, {"operator": GRACE}, True),
        (OperatorJoined, {"operator": GRACE, "epoch": 0}, True),
        (OperatorJoined, {"operator": GRACE, "epoch": 1}, False),
        (OperatorReplied, {"operator": GRACE, "message": Message("x")}, False),
        (OperatorReplied, {"operator": GRACE, "message": Message("x"), "epoch": 0}, True),
        (OperatorReplied, {"operator": GRACE, "message": Message("x"), "epoch": 4}, False),
        (HandoffTransferred, {"operator": GRACE, "to": LINUS}, True),
        (HandoffTransferred, {"operator": GRACE}, False),
        (NoteWritten, {"operator": GRACE, "message": Message("x")}, False),
        (MessageReceived, {"text": "x"}, False),
    ],
)
def test_only_what_would_be_applied_takes_a_conversation_from_the_bot(
    kind: type[Event], fields: dict[str, Any], takes: bool
) -> None:
    event = kind(id="1", conversation=HERE, at=NOW, **fields)
    assert takes_over(FREE, event) is takes
    assert not takes_over(WAITING, evolve(event, epoch=1) if hasattr(event, "epoch") else event)


def test_what_comes_meanwhile_waits_in_order_and_what_finds_no_room_is_set_aside() -> None:
    conversation = _held()
    for number in range(MOST_POSTPONED):
        waits = postponed(conversation, str(number))
        assert waits is not None
        conversation = waits
    assert conversation.postponed == tuple(str(number) for number in range(MOST_POSTPONED))
    assert postponed(conversation, "more") is None
    for event_id in ("one", "two", "one"):
        conversation = set_aside(conversation, event_id)
    assert conversation.set_aside == ("two", "one")
    assert closed(conversation) == evolve(FREE, epoch=3)


def test_only_who_has_it_or_has_seen_who_has_it_may_end_it() -> None:
    held = _held()
    assert may_close(held, GRACE)
    assert not may_close(held, LINUS)
    assert may_close(held, LINUS, held.epoch)
    assert may_close(held, None)
    assert may_close(WAITING, LINUS)


def test_an_end_leaves_dialogs_and_a_return_does_not() -> None:
    position = Position(dialog="order", version=1, state="size", user="ada")
    talking = evolve(_held(), positions=(position,))
    assert (closed(talking).positions, closed(talking).closed) == ((position,), False)
    ended = closed(talking, ended=True)
    assert (ended.positions, ended.closed, ended.handoff) == ((), True, None)


def test_what_ended_is_remembered_with_its_end() -> None:
    lease = _held().handoff
    assert lease is not None
    assert over(lease, "solved", LATER) == evolve(lease, closed_at=LATER, outcome="solved")


def test_the_clock_of_an_answer_begins_with_the_first_word_and_ends_with_the_operators() -> None:
    assert asked(FREE, NOW) is FREE
    assert answered(FREE, NOW) is FREE
    held = asked(_held(), NOW)
    assert held.handoff is not None
    assert held.handoff.unanswered_since == NOW
    assert asked(held, LATER) is held
    once = answered(held, LATER)
    twice = answered(asked(once, LATER), LATER + timedelta(hours=1))
    assert twice.handoff is not None
    assert (twice.handoff.unanswered_since, twice.handoff.answered_at) == (None, LATER)
    by_customer = opened(FREE, HandoffWanted(reason="", queue=""), "h1", NOW, asked=True)
    assert by_customer.handoff is not None
    assert by_customer.handoff.unanswered_since == NOW


# ── when time ends it ───────────────────────────────────────────────────────────────────────────────────────────────


def _fired(name: str, data: Any) -> TimerFired:
    return TimerFired(id="t", conversation=HERE, at=LATER, name=name, data=data)


def test_a_wait_that_is_over_gives_it_back_to_the_bot_and_an_earlier_one_does_not() -> None:
    mark = patience(WAITING)
    assert mark is not None
    ends = expired(_fired(PATIENCE, mark), WAITING)
    assert isinstance(ends, HandoffClosed)
    assert (ends.outcome, ends.operator) == ("expired", None)
    assert patience(_held()) is None
    assert patience(FREE) is None
    assert expired(_fired(PATIENCE, mark), _held()) is None
    assert expired(_fired(PATIENCE, mark), evolve(WAITING, epoch=9)) is None


def test_a_silence_that_is_over_gives_it_back_to_the_queue_and_an_answered_one_does_not() -> None:
    owed = asked(_held(), NOW)
    mark = silence(owed)
    assert mark is not None
    ends = expired(_fired(SILENCE, mark), owed)
    assert isinstance(ends, HandoffTransferred)
    assert (ends.operator, ends.to) == (None, None)
    for over_by_now in (FREE, WAITING, _held(), asked(_held(), LATER), evolve(owed, epoch=9)):
        assert expired(_fired(SILENCE, mark), over_by_now) is None
    assert silence(asked(WAITING, NOW)) is None
