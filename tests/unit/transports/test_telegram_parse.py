"""What Telegram sends becomes events, and nothing it could send raises."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationClosed,
    ConversationOpened,
    LocationShared,
    MalformedReceived,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessageReceived,
    UnknownReceived,
)
from convokit.messages import Audio, File, Image, Video
from convokit.transports.telegram.parse import Reading, decode, parse, query_of
from convokit.transports.telegram.presses import press_key, sealed
from convokit.wire.codec import decode_event, encode_event

AT = datetime(2026, 11, 22, tzinfo=UTC)
SENT = datetime(2026, 9, 21, 13, 33, 20, tzinfo=UTC)
KEY = press_key("7:token")
READING = Reading(channel="telegram", key=KEY, bot_id="7", username="PizzaBot")
ADA = {"id": 77, "is_bot": False, "first_name": "Ada", "last_name": "L", "username": "ada", "language_code": "en-GB"}
PRIVATE = {"id": 77, "type": "private"}
GROUP = {"id": -100, "type": "supergroup"}


def message(chat: dict[str, Any] = PRIVATE, /, **fields: Any) -> dict[str, Any]:
    body = {"message_id": 5, "date": 1_789_997_600, "chat": chat, "from": ADA, **fields}
    return {"update_id": 10, "message": body}


def events(update: object, reading: Reading = READING) -> tuple[Any, ...]:
    return parse(update, reading, AT)


def only(update: object, reading: Reading = READING) -> Any:
    (event,) = events(update, reading)
    return event


def test_a_text_is_a_message_with_its_sender_time_and_what_it_answers() -> None:
    event = only(message(text="hi\0", reply_to_message={"message_id": 4}))
    assert isinstance(event, MessageReceived)
    assert (event.id, str(event.conversation), event.at) == ("10", "telegram:77", SENT)
    assert (event.text, event.reply_to) == ("hi", "4")
    assert event.user is not None
    assert (event.user.id, event.user.name, event.user.locale, event.user.username) == ("77", "Ada L", "en-GB", "ada")


def test_a_bare_start_is_a_command_and_a_start_with_a_ref_opens_the_conversation() -> None:
    assert only(message(text="/start")).text == "/start"
    opened = only(message(text="/start spring_sale-1"))
    assert isinstance(opened, ConversationOpened)
    assert (opened.ref, opened.source) == ("spring_sale-1", "start")
    assert only(message(GROUP, text="/start@pizzabot poster")).source == "startgroup"
    assert isinstance(only(message(text="/start what is this?")), MessageReceived)


def test_a_command_to_us_loses_our_name_and_one_to_another_bot_is_ignored() -> None:
    assert only(message(GROUP, text="/menu@PIZZABOT now")).text == "/menu now"
    assert events(message(GROUP, text="/menu@OtherBot")) == ()
    assert only(message(GROUP, text="/menu")).text == "/menu"
    assert only(message(GROUP, text="mail@PizzaBot")).text == "mail@PizzaBot"


def test_what_bots_wrote_is_dropped() -> None:
    assert events(message(text="hi", **{"from": {**ADA, "is_bot": True}})) == ()
    edited = {"update_id": 1, "edited_message": {**message(text="x")["message"], "from": {**ADA, "is_bot": True}}}
    assert events(edited) == ()


def press(data: object, /, chat: dict[str, Any] = PRIVATE, **fields: Any) -> dict[str, Any]:
    keyboard = [[{"text": "Large", "callback_data": data}]]
    shown = {"message_id": 6, "date": 0, "chat": chat, "reply_markup": {"inline_keyboard": keyboard}}
    return {"update_id": 11, "callback_query": {"id": "43", "from": ADA, "message": shown, "data": data, **fields}}


def test_a_pressed_button_comes_back_with_payload_and_label() -> None:
    event = only(press(sealed(KEY, 77, "size:large")))
    assert isinstance(event, ButtonPressed)
    assert (event.payload, event.label, event.at) == ("size:large", "Large", AT)
    assert query_of(press("x")) == "43"


@pytest.mark.parametrize("data", ["refund:42", "", "short", sealed(KEY, 78, "size:large"), "é" * 20, "\ud800" * 12])
def test_a_forged_press_is_unknown(data: str) -> None:
    event = only(press(data))
    assert isinstance(event, UnknownReceived)
    assert event.kind == "callback_query"


@pytest.mark.parametrize("fields", [{"data": None}, {"message": None}, {"data": 5}])
def test_a_press_without_message_or_data_is_unknown(fields: dict[str, Any]) -> None:
    assert isinstance(only(press("x", **fields)), UnknownReceived)


@pytest.mark.parametrize(
    ("fields", "kind", "ref"),
    [
        ({"photo": [{"file_id": "small"}, {"file_id": "large"}]}, Image, "large"),
        ({"document": {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf"}}, File, "d"),
        ({"voice": {"file_id": "v", "mime_type": "audio/ogg"}}, Audio, "voice:v"),
        ({"audio": {"file_id": "a"}}, Audio, "a"),
        ({"video": {"file_id": "f"}}, Video, "f"),
        ({"video_note": {"file_id": "n"}}, Video, "video_note:n"),
        ({"animation": {"file_id": "g"}, "document": {"file_id": "g"}}, Video, "animation:g"),
        ({"sticker": {"file_id": "s", "emoji": "🍕"}}, Image, "sticker:s"),
    ],
)
def test_media_carry_what_sends_them_again(fields: dict[str, Any], kind: type, ref: str) -> None:
    event = only(message(caption="look", **fields))
    assert isinstance(event, AttachmentReceived)
    assert event.text == "look"
    assert [(type(one), one.ref) for one in event.attachments] == [(kind, ref)]


def test_places_have_coordinates_and_a_venue_its_title() -> None:
    place = {"latitude": 38.4, "longitude": 27}
    event = only(message(location=place))
    assert isinstance(event, LocationShared)
    assert (event.latitude, event.longitude, event.title) == (38.4, 27.0, "")
    assert only(message(venue={"title": "Shop", "location": place}, location=place)).title == "Shop"
    assert isinstance(only(message(location={"latitude": 91, "longitude": 0})), MalformedReceived)
    assert isinstance(only(message(location={"latitude": 10**400, "longitude": 0})), MalformedReceived)


def test_a_contact_is_their_own_only_when_telegram_says_so() -> None:
    own = only(message(contact={"phone_number": "+90", "first_name": "Ada", "user_id": 77}))
    assert isinstance(own, ContactShared)
    assert (own.phone, own.name, own.own) == ("+90", "Ada", True)
    assert not only(message(contact={"phone_number": "+90", "first_name": "Ada", "user_id": 78})).own
    assert not only(message(contact={"phone_number": "+90", "first_name": "Ada"})).own


def test_an_edit_names_the_message_and_its_new_text() -> None:
    event = only({"update_id": 1, "edited_message": {**message(text="new")["message"], "edit_date": 1_789_997_600}})
    assert isinstance(event, MessageEdited)
    assert (event.message_id, event.text) == ("5", "new")


def membership(chat: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    us = {"id": 7, "is_bot": True, "first_name": "Pizza"}
    sides = {"old_chat_member": {"status": before, "user": us}, "new_chat_member": {"status": after, "user": us}}
    return {"update_id": 12, "my_chat_member": {"chat": chat, "from": ADA, "date": 1_789_997_600, **sides}}


def test_blocking_the_bot_closes_the_conversation() -> None:
    event = only(membership(PRIVATE, "member", "kicked"))
    assert isinstance(event, ConversationClosed)
    assert event.reason == "blocked"
    assert isinstance(only(membership(PRIVATE, "kicked", "member")), UnknownReceived)


def test_the_bot_joins_and_leaves_rooms() -> None:
    joined = only(membership(GROUP, "left", "administrator"))
    assert isinstance(joined, MemberJoined)
    assert joined.member.id == "7"
    left, closed = events(membership(GROUP, "member", "kicked"))
    assert isinstance(left, MemberLeft)
    assert isinstance(closed, ConversationClosed)
    assert left.id != closed.id


def test_people_join_and_leave_rooms() -> None:
    bob, us = {"id": 78, "first_name": "Bob"}, {"id": 7, "is_bot": True}
    joined = events(message(GROUP, new_chat_members=[ADA, us, bob]))
    assert [(one.id, one.member.id) for one in joined] == [("10", "77"), ("10:1", "78")]
    assert only(message(GROUP, left_chat_member=bob)).member.id == "78"
    assert events(message(GROUP, left_chat_member=us)) == ()


def test_topics_and_people_in_groups_have_conversations_of_their_own() -> None:
    topic = {"message_thread_id": 3, "is_topic_message": True, "reply_to_message": {"message_id": 3}}
    each = Reading(channel="telegram", key=KEY, bot_id="7", per_user=True)
    assert only(message(GROUP, text="x", **topic)).conversation.id == "-100:3"
    assert only(message(GROUP, text="x", **topic)).reply_to == ""
    assert only(message(GROUP, text="x", message_thread_id=3)).conversation.id == "-100"
    assert only(message(GROUP, text="x"), each).conversation.id == "-100/77"
    assert only(message(GROUP, text="x", **topic), each).conversation.id == "-100:3/77"
    assert only(message(text="x"), each).conversation.id == "77"


@pytest.mark.parametrize(
    ("update", "kind", "conversation"),
    [
        ({"update_id": 1, "poll": {"id": "5"}}, "poll", "unknown"),
        ({"update_id": 1, "chat_member": {"chat": GROUP, "from": ADA}}, "chat_member", "-100"),
        ({"update_id": 1, "message_reaction": {"chat": PRIVATE, "user": ADA}}, "message_reaction", "77"),
        ({"update_id": 1}, "", "unknown"),
        (message(dice={"emoji": "🎲"}), "dice", "77"),
        (message(migrate_to_chat_id=-5), "migrate_to_chat_id", "77"),
        ({"update_id": 1, "edited_message": message(location={})["message"]}, "edited_message", "77"),
    ],
)
def test_an_unknown_kind_is_kept_raw(update: dict[str, Any], kind: str, conversation: str) -> None:
    event = only(update)
    assert isinstance(event, UnknownReceived)
    assert (event.kind, event.conversation.id, event.raw) == (kind, conversation, update)


@pytest.mark.parametrize(
    "update",
    [
        [],
        None,
        {},
        {"update_id": "x"},
        {"update_id": 2**63, "message": {}},
        {"update_id": 1, "message": 5},
        {"update_id": 1, "message": {"chat": {"id": "abc"}, "text": "x"}},
        {"update_id": 1, "message": {"chat": PRIVATE, "from": {"id": 2**70}, "text": "x"}},
        message(text=5),
        message(photo=[]),
        message(document={"file_id": "../x"}),
        membership(GROUP, "left", "banished"),
    ],
)
def test_an_unreadable_update_is_one_malformed_event(update: object) -> None:
    assert isinstance(only(update), MalformedReceived)


def test_ids_may_come_as_texts() -> None:
    update = {"update_id": "10", "message": {"chat": {"id": "77"}, "from": {"id": "77"}, "text": "x"}}
    event = only(update)
    assert (event.id, event.conversation, event.user.id) == ("10", ConversationId("telegram", "77"), "77")


def test_a_lone_surrogate_is_replaced_and_does_not_jam_the_webhook() -> None:
    body = json.dumps(message(text="x\ud800y")).encode()
    assert only(decode("telegram", body)).text == "x\ufffdy"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"NaN", b"[" * 200_000, b'{"a":' * 100_000, b"1" * 10_000, b'{"update_id":NaN}']
)
def test_a_body_that_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode("telegram", body)


SAMPLES = [
    message(GROUP, text="/start@PizzaBot ref", message_thread_id=3, is_topic_message=True),
    press(sealed(KEY, 77, "size:large")),
    message(photo=[{"file_id": "small"}], caption="look"),
    message(venue={"title": "t", "location": {}}, location={"latitude": 1.5, "longitude": 2}),
    message(contact={"phone_number": "1", "user_id": 77}),
    message(GROUP, new_chat_members=[ADA]),
    membership(GROUP, "member", "kicked"),
    {"update_id": 1, "edited_message": message(text="x")["message"]},
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(min_value=2**62) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
) | st.just("\ud800")


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A genuine update with some fields deleted, of another type, or added."""
    update = json.loads(json.dumps(draw(st.sampled_from(SAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = update
        for _ in range(draw(st.integers(0, 4))):
            inner = [
                one for one in (at.values() if isinstance(at, dict) else at) if isinstance(one, dict | list) and one
            ]
            if not inner:
                break
            at = draw(st.sampled_from(inner))
        if not at:
            continue
        key = draw(st.sampled_from(list(at) if isinstance(at, dict) else list(range(len(at)))))
        if draw(st.booleans()):
            at[key] = draw(JUNK)
        elif isinstance(at, dict):
            at.pop(key)
            at["new"] = draw(JUNK)
    return update


@given(update=damaged() | JUNK, per_user=st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_damaged_update_never_raises_and_what_comes_of_it_can_be_stored(update: object, *, per_user: bool) -> None:
    reading = Reading(channel="telegram", key=KEY, bot_id="7", username="PizzaBot", per_user=per_user)
    first = events(update, reading)
    assert events(update, reading) == first
    assert len({one.id for one in first}) == len(first)
    for event in first:
        assert decode_event(encode_event(event)) == event


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_body_is_read_or_malformed(body: bytes) -> None:
    try:
        update = decode("telegram", body)
    except Malformed:
        return
    query_of(update)
    events(update)
