"""Values to bytes and back: whatever a store writes, it reads."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from attrs import define, evolve, field, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import (
    Conversation,
    ConversationId,
    Entry,
    Handoff,
    Offer,
    Option,
    Position,
)
from convokit.events import KINDS, Event, MessageReceived
from convokit.messages import (
    ATTACHMENTS,
    Action,
    Attachment,
    Audio,
    Button,
    Card,
    File,
    Image,
    Link,
    Location,
    Message,
    Video,
)
from convokit.people import User
from convokit.wire.codec import decode, decode_event, encode, encode_event, from_json, to_json

UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = UNICODE.filter(lambda text: bool(text.strip()))
MOMENT = st.datetimes(timezones=st.just(dt.UTC))
NAME = st.builds(ConversationId, WORD.filter(lambda text: ":" not in text), WORD)
PERSON = st.builds(User, id=UNICODE, name=UNICODE, locale=UNICODE, username=UNICODE)
URL = WORD.map(lambda text: f"https://example.org/{text}")
BUTTON = st.builds(Button, WORD, UNICODE)
ACTION = BUTTON | st.builds(Link, WORD, URL)
MEDIA = st.one_of(
    [
        made
        for kind in ATTACHMENTS.values()
        for made in (
            st.builds(kind, URL, alt=UNICODE, name=UNICODE),
            st.builds(kind, data=st.binary(max_size=20), media_type=st.just("a/b")),
            st.builds(kind, ref=WORD),
        )
    ]
)
PLACE = st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), UNICODE)
CARD = st.builds(
    Card,
    title=WORD,
    subtitle=UNICODE,
    image=st.none() | st.builds(Image, URL),
    buttons=st.lists(ACTION, max_size=2),
)
MESSAGE = st.builds(
    Message,
    UNICODE,
    buttons=st.lists(ACTION, max_size=2),
    attachments=st.lists(MEDIA, max_size=2),
    cards=st.lists(CARD, max_size=2),
    location=st.none() | PLACE,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | UNICODE,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(UNICODE, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(UNICODE, JSON, max_size=2)
ENTRY = st.builds(
    Entry, at=MOMENT, author=st.sampled_from(["user", "bot", "operator", "system"]), message=MESSAGE, name=UNICODE
)
BY_FIELD: dict[str, st.SearchStrategy[Any]] = {
    "id": WORD,
    "conversation": NAME,
    "at": MOMENT,
    "user": st.none() | PERSON,
    "attachments": st.lists(MEDIA, max_size=2).map(tuple),
    "latitude": st.floats(-90, 90),
    "longitude": st.floats(-180, 180),
    "own": st.booleans(),
    "message_ids": st.lists(UNICODE, max_size=2).map(tuple),
    "up_to": st.none() | MOMENT,
    "member": PERSON,
    "data": OBJECT,
    "context": OBJECT,
    "epoch": st.none() | st.integers(0, 2**53),
    "ended": st.booleans(),
    "to": st.none() | PERSON,
    "opens_at": st.none() | MOMENT,
    "message": MESSAGE,
    "transcript": st.lists(ENTRY, max_size=2).map(tuple),
}


def _strategy(kind: type[Event], name: str) -> st.SearchStrategy[Any]:
    if name == "operator":
        return (st.none() | PERSON) if kind.__name__ in {"HandoffClosed", "HandoffTransferred"} else PERSON
    if name == "raw":
        return UNICODE if kind.__name__ == "MalformedReceived" else JSON
    return BY_FIELD.get(name, UNICODE)


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=list(KINDS))
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_every_kind_of_event_comes_back_as_it_was(kind: type[Event], data: st.DataObject) -> None:
    event = kind(**{one.name: data.draw(_strategy(kind, one.name)) for one in fields(kind)})
    again = decode_event(encode_event(event))
    assert again == event
    assert type(again) is kind


@settings(max_examples=30, deadline=None)
@given(MESSAGE)
def test_a_message_comes_back_as_it_was_with_every_part_of_its_own_class(message: Message) -> None:
    again = decode(Message, encode(message))
    assert again == message
    assert [type(one) for one in again.attachments] == [type(one) for one in message.attachments]
    assert [type(one) for one in again.buttons] == [type(one) for one in message.buttons]


def test_a_conversation_comes_back_with_all_that_is_kept_between_two_turns() -> None:
    moment = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
    kept = Conversation(
        id=ConversationId("shop", "a:b"),
        version=7,
        user=User(id="ada", name="Ada\u200d🍕"),
        memory={"cart": [{"pizza": 1.5}]},
        positions=(Position(dialog="order", version=2, state="size", user="ada", memory={"a": None}, given=("b",)),),
        handoff=Handoff(id="h", queue="", reason="why", opened_at=moment, operator="grace"),
        offer=Offer(options=(Option(label="A", payload="a"),), numbered=True),
        postponed=('["X",{}]',),
    )
    assert decode(Conversation, encode(kept)) == kept
    assert decode(Conversation, encode(evolve(kept, user=None, handoff=None, offer=None))).user is None


@pytest.mark.parametrize(
    "data",
    [
        b'["FromTheFuture",{"id":"1"}]',
        b"",
        b"[]",
        b"{}",
        b'["MessageReceived",{}]',
        b'["MessageReceived",{"id":7}]',
        b'["MessageReceived",',
    ],
)
def test_what_is_no_known_event_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_event(data)


def test_an_event_of_an_unknown_kind_is_named_with_a_guess_at_the_cause() -> None:
    with pytest.raises(ValueError, match=r"unknown kind 'FromTheFuture'.*newer convokit"):
        decode_event(b'["FromTheFuture",{"id":"1"}]')


def test_fields_that_a_newer_version_added_are_passed_over() -> None:
    event = MessageReceived(id="1", conversation=ConversationId("a", "b"), at=dt.datetime.now(dt.UTC), text="hi")
    assert decode_event(encode_event(event).replace(b'"text"', b'"mood":"glad","text"')) == event


@pytest.mark.parametrize(
    "data",
    [
        b'{"attachments":[{"kind":"hologram","url":"https://a"}]}',
        b'{"attachments":[{"url":"https://a"}]}',
        b'{"attachments":[{"kind":["image"],"url":"https://a"}]}',
        b'{"attachments":["https://a"]}',
        b'{"buttons":[5]}',
        b'{"buttons":["url"]}',
        b'{"buttons":[{"label":"","payload":"x"}]}',
        b'{"buttons":[{"label":"x","url":"javascript:1"}]}',
        b'{"location":{"latitude":500,"longitude":1}}',
        b'{"text":7}',
        b"7",
    ],
)
def test_bytes_of_another_shape_are_a_validation_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(Message, data)


@pytest.mark.parametrize("value", [object(), {"a": {1, object()}}, ..., lambda: None])
def test_what_has_no_json_form_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, Message("a\udfffb")])
def test_a_lone_surrogate_cannot_be_written(value: object) -> None:
    with pytest.raises(UnicodeEncodeError):
        encode(value)


@define
class Kept:
    by_number: dict[int, str] = field(factory=lambda: {1: "a"})
    by_day: dict[dt.date, Decimal] = field(factory=lambda: {dt.date(2026, 1, 5): Decimal("1.10")})
    pressed: Action = field(factory=lambda: Button("a"))
    photo: Attachment | None = None


@pytest.mark.parametrize(
    "photo", [Image("https://a"), Audio(ref="r"), Video("https://v"), File(data=b"\0", media_type="a/b"), None]
)
def test_json_values_come_back_also_through_bytes_and_are_left_as_they_are(photo: Attachment | None) -> None:
    kept = Kept(photo=photo, pressed=Link("a", "https://b"))
    stored = decode(dict[str, Any], encode(to_json(kept)))
    for _ in range(2):
        assert from_json(Kept, stored) == kept
        assert stored == to_json(kept)
