"""Where talk happens: names that cannot be mistaken for another, and who stands where."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import Conversation, ConversationId, Position
from convokit.people import User

WORD = st.text(st.characters(), min_size=1, max_size=12)


@given(WORD.filter(lambda text: ":" not in text), WORD)
def test_a_conversation_is_found_again_by_what_it_is_written_as(channel: str, ident: str) -> None:
    name = ConversationId(channel, ident)
    assert ConversationId.parse(str(name)) == name


@settings(max_examples=40)
@given(WORD, WORD, WORD, WORD)
def test_two_conversations_are_never_written_alike(a: str, b: str, c: str, d: str) -> None:
    try:
        one, other = ConversationId(a, b), ConversationId(c, d)
    except ValueError:
        assert ":" in a + c
        return
    assert (str(one) == str(other)) is (one == other)


@pytest.mark.parametrize("text", ["", "telegram", "telegram:", ":7", ":"])
def test_what_is_no_conversation_is_refused_with_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="channel:id") as refused:
        ConversationId.parse(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("channel", "ident", "named"),
    [("", "1", "channel"), ("a", "", "id"), ("a:b", "c", "channel"), (None, "1", "channel"), ("a", 7, "id")],
)
def test_a_name_without_a_part_is_refused(channel: Any, ident: Any, named: str) -> None:
    with pytest.raises(ValueError, match=f"ConversationId: {named} must be"):
        ConversationId(channel, ident)


def _at(user: str, state: str = "size") -> Position:
    return Position(dialog="order", version=1, state=state, user=user)


def test_everybody_in_a_room_stands_in_a_dialog_of_their_own() -> None:
    room = Conversation(id=ConversationId("shop", "room"))
    room = room.standing(_at("ada"), "ada").standing(_at("bob"), "bob").standing(_at("ada", "address"), "ada")
    assert room.positions == (_at("bob"), _at("ada", "address"))
    assert room.position_of(User(id="ada")) == _at("ada", "address")
    assert room.position_of(User(id="bob")) == _at("bob")
    assert room.position_of(User(id="eve")) is None
    assert room.position_of(None) == _at("ada", "address")
    assert room.standing(None, "ada").positions == (_at("bob"),)
    assert room.standing(None, "eve").positions == room.positions
    assert Conversation(id=room.id).position_of(None) is None
