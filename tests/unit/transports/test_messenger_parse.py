"""Messenger webhooks become events: every kind, each by itself."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from convokit.abc import Evidence, Received
from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    Event,
    LocationShared,
    MalformedReceived,
    MessageDelivered,
    MessageEdited,
    MessageRead,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.messages import Audio, File, Image, Video
from convokit.transports.messenger.parse import reader
from convokit.wire.codec import decode_event, encode_event

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SENT = datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)
ADA = ConversationId("messenger", "PSID")
PAGE = ConversationId("messenger", "page:PAGE")


def body(*events: Any, name: str = "messaging", **entry: Any) -> bytes:
    return json.dumps(
        {"object": "page", "entry": [{"id": "PAGE", "time": 1790000000000, name: events, **entry}]}
    ).encode()


def event(**parts: Any) -> dict[str, Any]:
    return {"sender": {"id": "PSID"}, "recipient": {"id": "PAGE"}, "timestamp": 1790000000123, **parts}


def read(*events: Any, page_id: str = "", **more: Any) -> Received:
    received = reader("messenger", page_id).read(body(*events, **more), NOW)
    for one in received.events:
        assert decode_event(encode_event(one)) == one
    return received


def only(*events: Any, **more: Any) -> Event:
    (found,) = read(*events, **more).events
    return found


def test_text_is_a_message_with_the_platforms_id_time_and_person() -> None:
    found = only(event(message={"mid": "m_1", "text": "Hello", "reply_to": {"mid": "m_0"}}))
    assert isinstance(found, MessageReceived)
    assert (found.id, found.conversation, found.at, found.text, found.reply_to) == ("m_1", ADA, SENT, "Hello", "m_0")
    assert found.user is not None
    assert found.user.id == "PSID"


def test_a_quick_reply_is_a_pressed_button() -> None:
    found = only(event(message={"mid": "m_1", "text": "Red", "quick_reply": {"payload": "C_RED"}}))
    assert isinstance(found, ButtonPressed)
    assert (found.id, found.payload, found.label) == ("m_1", "C_RED", "Red")


def test_a_postback_is_a_pressed_button() -> None:
    found = only(event(postback={"mid": "m_2", "title": "Track it", "payload": "track:42"}))
    assert isinstance(found, ButtonPressed)
    assert (found.id, found.payload, found.label) == ("m_2", "track:42", "Track it")


@pytest.mark.parametrize(
    ("referral", "ref", "source"),
    [
        ({"ref": "promo7", "source": "SHORTLINK", "type": "OPEN_THREAD"}, "promo7", "SHORTLINK"),
        ({"ref": "promo7", "type": "OPEN_THREAD"}, "promo7", ""),
        (None, "", "start"),
    ],
)
def test_the_start_button_opens_the_conversation(referral: Any, ref: str, source: str) -> None:
    postback = {"mid": "m_2", "title": "Start", "payload": "GET_STARTED"} | ({"referral": referral} if referral else {})
    found = only(event(postback=postback))
    assert isinstance(found, ConversationOpened)
    assert (found.ref, found.source) == (ref, source)


def test_another_buttons_referral_opens_the_conversation_before_the_press() -> None:
    opened, pressed = read(event(postback={"mid": "m", "payload": "menu", "referral": {"ref": "poster"}})).events
    assert isinstance(opened, ConversationOpened)
    assert isinstance(pressed, ButtonPressed)
    assert opened.ref == "poster"
    assert opened.id != pressed.id


def test_a_link_in_an_existing_thread_opens_the_conversation() -> None:
    found = only(event(referral={"ref": "promo7", "source": "SHORTLINK", "type": "OPEN_THREAD"}))
    assert isinstance(found, ConversationOpened)
    assert (found.ref, found.source) == ("promo7", "SHORTLINK")


def test_an_ad_without_a_ref_is_known_by_its_id() -> None:
    referral = {"ad_id": "6045", "source": "ADS", "type": "OPEN_THREAD", "ads_context_data": {"ad_title": "Shoes"}}
    found = only(event(referral=referral))
    assert isinstance(found, ConversationOpened)
    assert (found.ref, found.source) == ("ad:6045", "ADS")


def test_a_first_message_after_an_ad_opens_the_conversation_and_says_its_text() -> None:
    message = {"mid": "m_1", "text": "Hi", "referral": {"ref": "shoes", "source": "ADS"}}
    opened, said = read(event(message=message)).events
    assert isinstance(opened, ConversationOpened)
    assert isinstance(said, MessageReceived)


def test_a_question_about_a_product_opens_nothing() -> None:
    found = only(event(message={"mid": "m_1", "text": "Is it blue?", "referral": {"product": {"id": "77"}}}))
    assert isinstance(found, MessageReceived)


@pytest.mark.parametrize(("kind", "cls"), [("image", Image), ("audio", Audio), ("video", Video), ("file", File)])
def test_media_carry_their_address_and_the_caption(kind: str, cls: type) -> None:
    attachment = {"type": kind, "payload": {"url": "https://cdn.example/x"}}
    found = only(event(message={"mid": "m_1", "text": "look", "attachments": [attachment]}))
    assert isinstance(found, AttachmentReceived)
    assert found.attachments == (cls("https://cdn.example/x"),)
    assert found.text == "look"


def test_a_sticker_that_comes_twice_is_one_picture() -> None:
    payload = {"url": "https://cdn.example/sticker", "sticker_id": 369}
    twice = [{"type": "image", "payload": payload}, {"type": "sticker", "payload": payload}]
    found = only(event(message={"mid": "m_1", "sticker_id": 369, "attachments": twice}))
    assert isinstance(found, AttachmentReceived)
    assert found.attachments == (Image("https://cdn.example/sticker"),)


def test_a_place_is_shared() -> None:
    place = {"type": "location", "title": "Ada", "payload": {"coordinates": {"lat": 41.0, "long": 29}}}
    found = only(event(message={"mid": "m_1", "attachments": [place]}))
    assert isinstance(found, LocationShared)
    assert (found.latitude, found.longitude, found.title) == (41.0, 29.0, "Ada")


@pytest.mark.parametrize("latitude", [91, True, "41", None, float("nan")])
def test_an_impossible_place_is_unknown(latitude: Any) -> None:
    place = {"type": "location", "payload": {"coordinates": {"lat": latitude, "long": 29}}}
    assert isinstance(only(event(message={"mid": "m_1", "attachments": [place]})), UnknownReceived)


def test_a_shared_link_is_its_text_or_else_its_address() -> None:
    shared = {"type": "fallback", "title": "News", "payload": {"url": "https://news.example"}}
    with_text = only(event(message={"mid": "m_1", "text": "see https://news.example", "attachments": [shared]}))
    without = only(event(message={"mid": "m_1", "attachments": [shared]}))
    assert with_text.text == "see https://news.example"
    assert without.text == "https://news.example"
    assert isinstance(only(event(message={"mid": "m", "attachments": [{"type": "fallback"}]})), UnknownReceived)


def test_an_unknown_attachment_is_kept_raw_beside_the_text() -> None:
    hologram = {"type": "hologram", "payload": {"url": "https://x.example"}}
    said, kept = read(event(message={"mid": "m_1", "text": "look", "attachments": [hologram]})).events
    assert isinstance(said, MessageReceived)
    assert isinstance(kept, UnknownReceived)
    assert kept.kind == "attachment.hologram"
    assert kept.raw["message"]["mid"] == "m_1"
    assert kept.id != said.id


def test_a_picture_with_an_address_nobody_can_open_is_unknown() -> None:
    attachment = {"type": "image", "payload": {"url": "javascript:alert(1)"}}
    assert isinstance(only(event(message={"mid": "m", "attachments": [attachment]})), UnknownReceived)


def echo(**message: Any) -> dict[str, Any]:
    return event(sender={"id": "PAGE"}, recipient={"id": "PSID"}, message={"is_echo": True, "mid": "m_e", **message})


def test_our_own_echo_is_evidence_and_no_event() -> None:
    received = read(echo(text="Hello", app_id=123, metadata="messenger:PSID:7:0"))
    assert received.events == ()
    assert received.evidence == (Evidence(key="messenger:PSID:7:0", platform_id="m_e"),)


@pytest.mark.parametrize("metadata", [{}, {"metadata": None}, {"metadata": 5}])
def test_somebody_elses_echo_is_kept_and_never_the_customers(metadata: dict[str, Any]) -> None:
    received = read(echo(text="pizza", app_id=263902037430900, **metadata))
    (found,) = received.events
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.user, found.said, found.conversation) == ("message_echo", None, False, ADA)
    assert received.evidence == ()


def test_another_apps_metadata_hides_nothing() -> None:
    received = read(echo(text="pizza", metadata="theirs"))
    assert [type(one) for one in received.events] == [UnknownReceived]
    assert received.evidence == (Evidence(key="theirs", platform_id="m_e"),)


def test_what_the_page_sent_is_an_echo_even_without_the_flag() -> None:
    found = only(event(sender={"id": "PAGE"}, recipient={"id": "PSID"}, message={"mid": "m", "text": "pizza"}))
    assert isinstance(found, UnknownReceived)


@pytest.mark.parametrize("watermark", [1790000000123, "1790000000123"])
def test_deliveries_and_reads_name_messages_and_times(watermark: Any) -> None:
    delivered = only(event(delivery={"mids": ["m_1", "m_2"], "watermark": watermark}))
    read_up = only(event(read={"watermark": watermark}))
    assert isinstance(delivered, MessageDelivered)
    assert (delivered.message_ids, delivered.up_to) == (("m_1", "m_2"), SENT)
    assert isinstance(read_up, MessageRead)
    assert read_up.up_to == SENT


def test_a_delivery_without_ids_still_tells_up_to_when() -> None:
    found = only(event(delivery={"watermark": 1790000000123}))
    assert isinstance(found, MessageDelivered)
    assert (found.message_ids, found.up_to) == ((), SENT)


def test_an_edit_names_the_message_and_the_new_text() -> None:
    found = only(event(message_edit={"mid": "m_1", "text": "two pizzas", "num_edit": 1}))
    assert isinstance(found, MessageEdited)
    assert (found.message_id, found.text) == ("m_1", "two pizzas")


@pytest.mark.parametrize(
    ("key", "name", "data"),
    [
        ("optin", "messenger.optin", {"type": "notification_messages", "payload": "x"}),
        ("reaction", "messenger.reaction", {"reaction": "love", "action": "react", "mid": "m_1"}),
        ("account_linking", "messenger.account_linking", {"status": "linked", "authorization_code": "c"}),
        ("policy-enforcement", "messenger.policy_enforcement", {"action": "block", "reason": "spam"}),
        ("pass_thread_control", "messenger.pass_thread_control", {"new_owner_app_id": 123, "metadata": None}),
        ("take_thread_control", "messenger.take_thread_control", {"previous_owner_app_id": 123}),
        ("request_thread_control", "messenger.request_thread_control", {"requested_owner_app_id": 123}),
        ("app_roles", "messenger.app_roles", {"123": ["automation"]}),
    ],
)
def test_the_platforms_own_events_are_signals_with_their_data(key: str, name: str, data: dict[str, Any]) -> None:
    found = only(event(**{key: data}))
    assert isinstance(found, SignalReceived)
    assert (found.name, found.data, found.conversation) == (name, data, ADA)


def test_an_event_of_the_page_and_no_person_happens_in_the_pages_conversation() -> None:
    found = only({"recipient": {"id": "PAGE"}, "timestamp": 1790000000123, "app_roles": {"123": ["automation"]}})
    assert (found.conversation, found.user) == (PAGE, None)


def test_a_checkbox_optin_without_a_sender_is_known_by_its_reference() -> None:
    found = only({"recipient": {"id": "PAGE"}, "timestamp": 1, "optin": {"ref": "cart", "user_ref": "u-77"}})
    assert found.conversation == ConversationId("messenger", "user_ref:u-77")


def test_a_sender_may_be_a_reference() -> None:
    found = only(event(sender={"user_ref": "u-77"}, postback={"mid": "m", "payload": "x"}))
    assert found.conversation == ConversationId("messenger", "user_ref:u-77")


def test_standby_events_are_signals_and_answer_nothing() -> None:
    raw = event(message={"mid": "m_1", "text": "pizza"})
    found = only(raw, name="standby")
    assert isinstance(found, SignalReceived)
    assert (found.name, found.data, found.said, found.conversation) == ("messenger.standby", raw, False, ADA)
    assert found.id != "m_1"


def test_our_own_echo_in_standby_is_still_evidence() -> None:
    received = read(echo(metadata="messenger:PSID:7:0"), name="standby")
    assert received.evidence == (Evidence(key="messenger:PSID:7:0", platform_id="m_e"),)
    assert [one.user for one in received.events] == [None]


def test_messaging_and_standby_come_in_one_entry() -> None:
    one, two = event(message={"mid": "m_1", "text": "a"}), event(message={"mid": "m_2", "text": "b"})
    assert [type(found) for found in read(one, standby=[two]).events] == [MessageReceived, SignalReceived]


def test_a_change_of_the_page_is_kept_raw() -> None:
    found = only({"field": "feed", "value": {"item": "comment"}}, name="changes")
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.conversation, found.raw["value"]) == ("changes.feed", PAGE, {"item": "comment"})


def test_an_unknown_kind_is_kept_raw() -> None:
    found = only(event(game_play={"score": 3}))
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.conversation) == ("game_play", ADA)


def test_another_product_of_the_app_is_kept_raw_and_is_nobodys_message() -> None:
    told = json.dumps({"object": "instagram", "entry": [{"id": "IG", "messaging": [event(message={"text": "x"})]}]})
    (found,) = reader("messenger").read(told.encode(), NOW).events
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.conversation.id) == ("instagram", "page:IG")


def test_events_for_another_page_are_dropped() -> None:
    said = event(message={"mid": "m_1", "text": "x"})
    assert read(said, page_id="PAGE").events
    assert not read(said, page_id="OTHER").events
    assert not read(event(recipient={"id": "ELSEWHERE"}, message={"mid": "m", "text": "x"}), page_id="PAGE").events
    assert not read({"field": "feed"}, name="changes", page_id="OTHER").events
    assert not read({"message": {"mid": "m", "text": "x"}, "sender": {"id": "PSID"}}, id=None, page_id="PAGE").events


def test_ids_may_be_numbers() -> None:
    told = event(sender={"id": 77}, recipient={"id": 88}, message={"mid": "m", "text": "x"})
    found = only(told, id=88, page_id="88")
    assert found.conversation.id == "77"


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (1790000000, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("1790000000", datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("1790000000123", SENT),
        (2**62, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        (-5, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("nan", datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("１２３", datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        (True, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        (None, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
    ],
)
def test_an_odd_timestamp_falls_back_to_the_entrys(stamp: Any, expected: datetime) -> None:
    assert only(event(timestamp=stamp, message={"mid": "m", "text": "x"})).at == expected


def test_without_any_timestamp_the_requests_time_counts() -> None:
    assert only(event(timestamp=None, message={"mid": "m", "text": "x"}), time="soon").at == NOW


def test_the_same_body_gives_the_same_ids_and_different_events_different_ones() -> None:
    events = (
        event(read={"watermark": 1}),
        event(read={"watermark": 2}),
        event(delivery={"watermark": 1}),
        event(delivery={"watermark": 1, "mids": ["m_1"]}),
        event(reaction={"mid": "m_1", "action": "react"}),
        event(reaction={"mid": "m_2", "action": "react"}),
        event(referral={"ref": "a"}),
        event(timestamp=None, referral={"ref": "b"}),
        event(timestamp=None, referral={"ref": "c"}),
        event(message="broken"),
        event(message="broken"),
    )
    first, second = ([one.id for one in read(*events).events] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(events)


@pytest.mark.parametrize(
    "broken",
    [
        5,
        "text",
        [],
        event(message=5),
        event(message={"mid": "m", "text": 5}),
        event(message={"mid": "m", "attachments": 5}),
        event(message={"mid": "m", "attachments": [5]}),
        event(postback={"mid": "m"}),
        event(delivery=[]),
        event(message_edit={"text": "x"}),
        event(referral={"ref": ["x"]}),
        {"recipient": {"id": "PAGE"}, "message": {"mid": "m", "text": "nobody's"}},
    ],
)
def test_one_bad_event_never_costs_its_siblings(broken: Any) -> None:
    good = [event(message={"mid": f"m_{n}", "text": "fine"}) for n in range(2)]
    before, bad, after = read(good[0], broken, good[1]).events
    assert isinstance(bad, MalformedReceived)
    assert bad.conversation == PAGE
    assert bad.raw == json.dumps(broken)
    assert (before.id, after.id) == ("m_0", "m_1")


def test_a_bad_entry_never_costs_its_siblings() -> None:
    good = {"id": "PAGE", "messaging": [event(message={"mid": "m", "text": "fine"})]}
    told = json.dumps({"object": "page", "entry": [5, {"id": "PAGE", "messaging": 7}, good]}).encode()
    found = reader("messenger").read(told, NOW).events
    assert [type(one) for one in found] == [MalformedReceived] * 2 + [MessageReceived]


@pytest.mark.parametrize("told", [b"", b"\xff", b"{", b"[]", b"5", b"null", b"{}", b'{"entry":5}', b"[" * 200_000])
def test_an_unreadable_body_is_malformed(told: bytes) -> None:
    with pytest.raises(Malformed):
        reader("messenger").read(told, NOW)


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


def test_a_deeply_nested_event_never_costs_its_siblings() -> None:
    bad, good = read(event(game_play=nested(60)), event(message={"mid": "m", "text": "fine"})).events
    assert isinstance(bad, MalformedReceived)
    assert isinstance(good, MessageReceived)


def test_what_no_store_can_keep_is_made_harmless() -> None:
    told = body(event(message={"mid": "m", "text": "HERE"}, more=0))
    told = told.replace(b"HERE", rb"a\ud83db\u0000c").replace(
        b'"more": 0', b'"more": [1e999, NaN, ' + b"9" * 5000 + b"]"
    )
    found = reader("messenger").read(told, NOW).events[0]
    assert found.text == "a\ufffdbc"
    assert decode_event(encode_event(found)) == found


def test_a_byte_order_mark_is_no_error() -> None:
    assert reader("messenger").read(b"\xef\xbb\xbf" + body(event(read={"watermark": 1})), NOW).events
