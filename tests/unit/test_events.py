"""What happened: kinds, their words, and what a conversation's history makes of them."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest

from convokit import events
from convokit.conversations import ConversationId
from convokit.events import (
    KINDS,
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationOpened,
    Event,
    LocationShared,
    MessageReceived,
    TimerFired,
)
from convokit.messages import Image, Message

COMMON: dict[str, Any] = {
    "id": "1",
    "conversation": ConversationId("shop", "ada"),
    "at": datetime(2026, 1, 5, tzinfo=UTC),
}


def test_every_kind_of_event_can_be_found_by_its_name() -> None:
    written = {
        name
        for name, kind in vars(events).items()
        if inspect.isclass(kind) and issubclass(kind, Event) and kind is not Event
    }
    assert set(KINDS) == written
    assert all(kind.__name__ == name for name, kind in KINDS.items())


@pytest.mark.parametrize("wrong", ["", None, 7])
def test_an_event_without_an_id_is_refused_by_the_name_of_its_kind(wrong: Any) -> None:
    with pytest.raises(ValueError, match="MessageReceived: id must be a str, not empty"):
        MessageReceived(**{**COMMON, "id": wrong}, text="hi")


@pytest.mark.parametrize(
    ("event", "text", "message"),
    [
        (MessageReceived(**COMMON, text="hi"), "hi", Message("hi")),
        (ButtonPressed(**COMMON, payload="p", label="Yes"), "Yes", Message("Yes")),
        (ButtonPressed(**COMMON, payload="p"), "", Message("p")),
        (
            AttachmentReceived(**COMMON, attachments=(Image(ref="r"),), text="look"),
            "look",
            Message("look", attachments=[Image(ref="r")]),
        ),
        (ContactShared(**COMMON, phone="+49"), "", Message("+49")),
        (LocationShared(**COMMON, latitude=1, longitude=-2.5), "", Message("📍 1.000000,-2.500000")),
        (LocationShared(**COMMON, latitude=1, longitude=2, title="Home"), "", Message("📍 Home 1.000000,2.000000")),
    ],
)
def test_what_the_customer_said_has_words_and_is_a_message(event: Event, text: str, message: Message) -> None:
    assert event.said
    assert event.text == text
    assert event.as_message() == message


def test_what_nobody_said_is_no_message() -> None:
    for event in (ConversationOpened(**COMMON, ref="spring"), TimerFired(**COMMON, name="cart")):
        assert not event.said
        assert event.text == ""
        assert event.as_message() is None


def test_receipts_are_the_three_kinds_that_tell_what_became_of_a_message() -> None:
    assert {name for name, kind in KINDS.items() if kind.receipt} == {
        "MessageDelivered",
        "MessageRead",
        "MessageFailed",
    }
    assert not any(kind.said and kind.receipt for kind in KINDS.values())
