"""What of an event enters the log, said once for every store."""

from datetime import UTC, datetime

import pytest
from attrs import frozen

from convokit.conversations import ConversationId, Entry
from convokit.events import Event, MessageReceived, OperatorReplied
from convokit.messages import Message
from convokit.people import User
from convokit.stores import rows

HERE = ConversationId("test", "ada")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@frozen(kw_only=True, eq=False, repr=False)
class Murmured(Event):
    """Reads as a message, but the customer did not say it."""

    def as_message(self) -> Message:
        return Message("mm")


@frozen(kw_only=True, eq=False, repr=False)
class Nodded(Event):
    """Said, but without words."""

    said = True


def test_what_a_customer_said_becomes_an_entry_under_the_events_id() -> None:
    event = MessageReceived(id="m1", conversation=HERE, at=NOON, user=User(id="ada", name="Ada"), text="hi")
    assert rows.said(event) == Entry(
        at=NOON, author="user", message=Message("hi"), name="Ada", key="u:m1", by="ada", kind="said", private=False
    )


def test_what_nobody_known_said_has_no_author_id() -> None:
    entry = rows.said(MessageReceived(id="m1", conversation=HERE, at=NOON, text="hi"))
    assert entry is not None
    assert (entry.author, entry.by, entry.name) == ("user", "", "")


@pytest.mark.parametrize(
    "event",
    [
        Murmured(id="x", conversation=HERE, at=NOON),
        Nodded(id="x", conversation=HERE, at=NOON),
        OperatorReplied(id="x", conversation=HERE, at=NOON, operator=User(id="op1"), message=Message("hello")),
    ],
)
def test_what_the_customer_did_not_say_in_words_enters_no_log(event: Event) -> None:
    assert rows.said(event) is None


def test_a_cursor_from_outside_is_cut_to_what_a_database_counts() -> None:
    assert [rows.cursor(number) for number in (-1, 0, 7, 10**40)] == [0, 0, 7, rows.MOST_NUMBER]


def test_a_limit_is_from_nothing_to_a_thousand() -> None:
    assert [rows.at_most(limit) for limit in (-1, 0, 7, 1001)] == [0, 0, 7, 1000]
