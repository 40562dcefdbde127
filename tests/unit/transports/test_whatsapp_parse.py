"""What WhatsApp's webhooks say, as events: each kind, whoever it is of, and nothing that was not said."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convokit.abc import Evidence, Received
from convokit.conversations import ConversationId
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationOpened,
    Event,
    LocationShared,
    MalformedReceived,
    MessageDelivered,
    MessageEdited,
    MessageFailed,
    MessageRead,
    MessageReceived,
    SignalReceived,
    TimerFired,
    UnknownReceived,
)
from convokit.people import User
from convokit.transports.whatsapp import AD_WINDOW, ENTRY, WINDOW, WhatsApp, _pattern
from convokit.transports.whatsapp.parse import Reader
from convokit.wire.codec import encode_event
from convokit.wire.signing import Secret

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ADA = {"profile": {"name": "Ada", "username": "ada_x"}, "wa_id": "447911123456", "user_id": "GB.13491"}
COMMON = {"from": "447911123456", "id": "wamid.1", "timestamp": "1790000000"}


def read(value: dict[str, Any], *, field: str = "messages", **settings: Any) -> Received:
    whole = {"metadata": {"phone_number_id": "11"}, "contacts": [ADA], **value}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "9", "changes": [{"field": field, "value": whole}]}],
    }
    options = {"number": "11", **settings}
    reader = Reader(channel="wa", entry=_pattern(ENTRY), token=Secret("canary-token", "token"), **options)
    return reader.read(json.dumps(body).encode(), NOW)


def events(*messages: dict[str, Any], **settings: Any) -> tuple[Event, ...]:
    return read({"messages": [{**COMMON, **one} for one in messages]}, **settings).events


def one(message: dict[str, Any], **settings: Any) -> Any:
    [event] = events(message, **settings)
    return event


def text(body: str = "hi", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body}, **more}


# ── who it is ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_is_known_by_their_user_id_and_the_number_is_told_beside() -> None:
    event = one(text())
    assert isinstance(event, MessageReceived)
    assert event.conversation == ConversationId("wa", "GB.13491")
    assert event.user == User(id="GB.13491", name="Ada", username="ada_x")
    assert (event.id, event.text, event.context) == ("wamid.1", "hi", {"phone": "447911123456"})
    assert event.at == datetime.fromtimestamp(1790000000, UTC)


def test_without_a_user_id_the_number_is_who_they_are_and_the_other_way_round() -> None:
    nameless = {"messages": [{**COMMON, **text()}], "contacts": []}
    assert read(nameless).events[0].conversation.id == "447911123456"
    hidden = {"messages": [{"id": "wamid.1", "timestamp": "1", **text(), "from_user_id": "GB.13491"}]}
    assert read(hidden, by="phone").events[0].conversation.id == "GB.13491"
    assert one(text(), by="phone").conversation.id == "447911123456"


def test_another_contact_of_the_same_call_is_not_taken_for_the_sender() -> None:
    other = {**ADA, "wa_id": "49170", "user_id": "DE.1"}
    found = read({"messages": [{**COMMON, **text()}], "contacts": [other]}).events[0]
    assert found.conversation.id == "447911123456"
    both = read({"messages": [{**COMMON, **text()}], "contacts": [other, ADA]}).events[0]
    assert both.conversation.id == "GB.13491"


def test_what_is_for_another_number_of_the_app_is_dropped() -> None:
    assert read({"messages": [{**COMMON, **text()}], "metadata": {"phone_number_id": "12"}}).events == ()
    assert len(read({"messages": [{**COMMON, **text()}], "metadata": {"phone_number_id": "12"}}, number="").events) == 1


def test_a_groups_message_happens_in_the_group() -> None:
    event = one(text(group_id="G1"))
    assert (event.conversation.id, event.user.id) == ("group:G1", "GB.13491")


# ── what they did ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_names_what_it_answers_and_what_was_forwarded_says_so() -> None:
    event = one(text(context={"id": "wamid.0", "forwarded": True, "referred_product": {"catalog_id": "3"}}))
    assert event.reply_to == "wamid.0"
    assert event.context["forwarded"] is True
    assert event.context["product"] == {"catalog_id": "3"}


@pytest.mark.parametrize(
    ("kind", "is_called"),
    [("image", "image"), ("sticker", "image"), ("audio", "audio"), ("video", "video"), ("document", "file")],
)
def test_a_file_is_told_by_its_id(kind: str, is_called: str) -> None:
    event = one({"type": kind, kind: {"id": "65", "mime_type": "x/y", "filename": "a.b", "caption": "Mine"}})
    assert isinstance(event, AttachmentReceived)
    [attachment] = event.attachments
    assert (attachment.kind, attachment.ref, attachment.media_type, attachment.name) == (is_called, "65", "x/y", "a.b")
    assert event.text == "Mine"


def test_a_voice_message_says_so() -> None:
    assert one({"type": "audio", "audio": {"id": "65", "voice": True}}).context["voice"] is True


def test_presses_of_buttons_lists_and_templates_bring_their_payloads() -> None:
    for message in (
        {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "p", "title": "T"}}},
        {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "p", "title": "T"}}},
        {"type": "button", "button": {"payload": "p", "text": "T"}},
    ):
        event = one(message)
        assert isinstance(event, ButtonPressed)
        assert (event.payload, event.label) == ("p", "T")


def test_a_place_has_its_degrees_and_its_name() -> None:
    event = one(
        {"type": "location", "location": {"latitude": -12.25, "longitude": 43, "name": "HQ", "address": "1 Way"}}
    )
    assert isinstance(event, LocationShared)
    assert (event.latitude, event.longitude, event.title) == (-12.25, 43.0, "HQ, 1 Way")


def test_a_contact_is_the_senders_own_when_the_platform_says_it_is_their_number() -> None:
    theirs = {"name": {"formatted_name": "Ada"}, "phones": [{"phone": "+44 7911 123456", "wa_id": "447911123456"}]}
    other = {"name": {"formatted_name": "Cy"}, "phones": [{"phone": "+1 555", "wa_id": "1555"}]}
    forged = {"name": {"formatted_name": "Ada"}, "phones": [{"phone": "+44 7911 123456"}]}
    passed_off = {"name": {"formatted_name": "Ada"}, "phones": [{"phone": "+15550001111", "wa_id": "447911123456"}]}
    found = events({"type": "contacts", "contacts": [theirs, other, forged, passed_off]})
    assert [(one.phone, one.own) for one in found if isinstance(one, ContactShared)] == [
        ("+44 7911 123456", True),
        ("+1 555", False),
        ("+44 7911 123456", False),
        ("+15550001111", False),
    ]
    assert len({one.id for one in found}) == 4


def test_an_edit_names_the_first_message() -> None:
    event = one({"type": "edit", "edit": {"original_message_id": "wamid.0", "message": text("new")}})
    assert isinstance(event, MessageEdited)
    assert (event.message_id, event.text) == ("wamid.0", "new")


@pytest.mark.parametrize(
    ("message", "name", "data"),
    [
        (
            {"type": "reaction", "reaction": {"message_id": "m", "emoji": "👍"}},
            "reaction",
            {"message_id": "m", "emoji": "👍"},
        ),
        ({"type": "reaction", "reaction": {"message_id": "m"}}, "reaction", {"message_id": "m", "emoji": ""}),
        ({"type": "revoke", "revoke": {"original_message_id": "m"}}, "message_deleted", {"message_id": "m"}),
        (
            {"type": "system", "system": {"type": "user_changed_number", "wa_id": "1"}},
            "system",
            {"type": "user_changed_number", "wa_id": "1"},
        ),
        (
            {
                "type": "interactive",
                "interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": '{"a": 1}'}},
            },
            "flow",
            {"name": "flow", "response": {"a": 1}},
        ),
    ],
)
def test_what_has_no_kind_of_its_own_is_a_signal(message: dict[str, Any], name: str, data: dict[str, Any]) -> None:
    event = one(message)
    assert isinstance(event, SignalReceived)
    assert (event.name, event.data) == (f"wa.{name}", data)


@pytest.mark.parametrize("message", [{"type": "hologram"}, {"type": "unsupported"}, {"type": "interactive"}, {}])
def test_what_is_not_known_is_kept(message: dict[str, Any]) -> None:
    event = one(message)
    assert isinstance(event, UnknownReceived)
    assert event.raw["id"] == "wamid.1"


@pytest.mark.parametrize(
    ("answered", "response"),
    [
        ('{"a": "\\ud800\\u0000b"}', {"a": "\ufffdb"}),
        ('{"a": NaN, "b": 99999999999999999999}', {"a": None, "b": "99999999999999999999"}),
        ("[" * 40 + "]" * 40, "[" * 40 + "]" * 40),
        ("[" * 5000, "[" * 5000),
        ("no JSON", "no JSON"),
        ("", {}),
    ],
)
def test_what_a_flow_brings_can_be_kept_whatever_stands_in_it(answered: str, response: object) -> None:
    nfm = {"name": "flow", "response_json": answered}
    event = one({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": nfm}})
    assert isinstance(event, SignalReceived)
    assert event.data["response"] == response
    encode_event(event)


# ── by which way ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", ["Hello! [spring-sale]", "hello!  [spring-sale]", " Hello! [ spring-sale ] \n"])
def test_the_words_of_a_link_are_a_way_in(said: str) -> None:
    event = one(text(said))
    assert isinstance(event, ConversationOpened)
    assert (event.ref, event.source) == ("spring-sale", "wa.me")


@pytest.mark.parametrize(
    "said", ["Hello! [spring sale]", "Hello! [x] and more", "Hello!", "[spring-sale]", "Hello! []"]
)
def test_other_words_are_words(said: str) -> None:
    assert isinstance(one(text(said)), MessageReceived)


def test_an_ad_is_told_before_what_was_said() -> None:
    referral = {"source_id": "77", "source_type": "ad", "headline": "Half price", "ctwa_clid": "c"}
    opened, message = events(text(referral=referral))
    assert isinstance(opened, ConversationOpened)
    assert (opened.ref, opened.source) == ("ad:77", "ad")
    assert opened.context["headline"] == "Half price"
    assert isinstance(message, MessageReceived)


# ── what became of ours ─────────────────────────────────────────────────────────────────────────────────────────────


def ours(**fields: Any) -> Received:
    return read({"statuses": [{"id": "wamid.O", "timestamp": "1790000000", "recipient_id": "447911123456", **fields}]})


@pytest.mark.parametrize(
    ("status", "kind"), [("delivered", MessageDelivered), ("read", MessageRead), ("played", MessageRead)]
)
def test_a_status_is_a_receipt_in_the_persons_conversation(status: str, kind: type[Event]) -> None:
    [event] = ours(status=status).events
    assert type(event) is kind
    assert event.conversation.id == "GB.13491"
    assert event.message_ids == ("wamid.O",)  # type: ignore[attr-defined]  # every receipt has them
    assert event.id == f"wamid.O:{status}"


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_our_key_in_a_status_proves_that_it_arrived(status: str) -> None:
    assert ours(status=status, biz_opaque_callback_data="wa:1:2:0").evidence == (
        Evidence(key="wa:1:2:0", platform_id="wamid.O"),
    )
    assert ours(status=status).evidence == ()


def test_a_failure_says_why_without_the_token() -> None:
    error = {"code": 131047, "message": "Re-engagement canary-token", "error_data": {"details": "24 hours"}}
    [event] = ours(status="failed", errors=[error]).events
    assert isinstance(event, MessageFailed)
    assert "send a template" in event.reason
    assert "canary-token" not in event.reason
    [event] = ours(status="failed").events
    assert isinstance(event, MessageFailed)
    assert "no reason" in event.reason


def test_a_status_of_another_number_is_not_taken_for_the_only_contacts() -> None:
    [event] = ours(status="read", recipient_id="49170").events
    assert event.conversation.id == "49170"


def test_marketing_that_was_stopped_is_a_signal_of_the_person() -> None:
    given = {"user_preferences": [{"wa_id": "447911123456", "value": "stop", "timestamp": "1790000000"}]}
    [event] = read(given, field="user_preferences").events
    assert isinstance(event, SignalReceived)
    assert (event.name, event.conversation.id, event.data["value"]) == ("wa.preferences", "GB.13491", "stop")


def test_what_concerns_the_account_is_told_in_a_conversation_of_its_own() -> None:
    [event] = read({"event": "APPROVED"}, field="message_template_status_update").events
    assert isinstance(event, UnknownReceived)
    assert (event.conversation.id, event.user) == ("business:9", None)


def test_one_that_cannot_be_read_costs_no_sibling() -> None:
    found = events({"type": "location", "location": {"latitude": 1000}}, text(id="wamid.2"), {"type": "image"})
    assert [type(one) for one in found] == [MalformedReceived, MessageReceived, MalformedReceived]


# ── the window ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whatever_a_person_does_opens_the_window_and_an_ad_opens_it_longer() -> None:
    whatsapp = WhatsApp("token", "a-secret-of-16-by", "verify", "11223", channel="wa")
    opened, message = events(text(referral={"source_id": "77", "source_type": "ad"}))
    assert whatsapp.opens_window(message) == WINDOW
    assert whatsapp.opens_window(opened) == AD_WINDOW
    assert whatsapp.opens_window(one(text("Hello! [sale]"))) == WINDOW
    assert whatsapp.opens_window(one({"type": "reaction", "reaction": {"message_id": "m"}})) == WINDOW
    assert whatsapp.opens_window(ours(status="read").events[0]) is None
    assert whatsapp.opens_window(one({"type": "system", "system": {"type": "user_changed_number"}})) is None
    stopped = {"user_preferences": [{"wa_id": "447911123456", "value": "stop"}]}
    assert whatsapp.opens_window(read(stopped, field="user_preferences").events[0]) is None
    ada = User(id="GB.13491")
    timer = TimerFired(id="t", conversation=message.conversation, at=NOW, user=ada, name="later")
    assert whatsapp.opens_window(timer) is None


# ── anything at all ─────────────────────────────────────────────────────────────────────────────────────────────────

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
KINDS = st.sampled_from(
    [
        "text",
        "image",
        "audio",
        "location",
        "contacts",
        "button",
        "interactive",
        "reaction",
        "order",
        "system",
        "edit",
        "x",
    ]
)


@given(
    KINDS, JSON, st.dictionaries(st.sampled_from(["context", "referral", "from", "id", "timestamp"]), JSON, max_size=3)
)
def test_whatever_stands_in_a_message_it_is_read_or_kept(kind: str, content: Any, more: dict[str, Any]) -> None:
    for event in events({"type": kind, kind: content, **more}):
        assert event.conversation.channel == "wa"


@given(st.dictionaries(st.sampled_from(["messages", "statuses", "contacts", "metadata", "user_preferences"]), JSON))
def test_whatever_stands_in_a_change_nothing_is_said_by_nobody(value: dict[str, Any]) -> None:
    for event in read(value).events:
        assert event.user is None or event.user.id
