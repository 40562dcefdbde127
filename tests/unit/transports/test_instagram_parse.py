"""Instagram webhooks become events: both envelopes, every kind, each by itself."""

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
    MalformedReceived,
    MessageEdited,
    MessageRead,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.messages import File, Image
from convokit.transports.instagram.parse import reader
from convokit.wire.codec import decode_event, encode_event

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SENT = datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)
ADA = ConversationId("instagram", "IGSID")
OURS = ConversationId("instagram", "account:IGID")
CDN = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1"


def body(*events: Any, name: str = "messaging", **entry: Any) -> bytes:
    told = {"id": "IGID", "time": 1790000000000, name: events, **entry}
    return json.dumps({"object": "instagram", "entry": [told]}).encode()


def event(**parts: Any) -> dict[str, Any]:
    return {"sender": {"id": "IGSID"}, "recipient": {"id": "IGID"}, "timestamp": 1790000000123, **parts}


def said(**message: Any) -> dict[str, Any]:
    return event(message={"mid": "aWdf1", **message})


def changed(field: str, value: Any) -> dict[str, Any]:
    return {"field": field, "value": value}


def read(*events: Any, account_id: str = "", **more: Any) -> Received:
    received = reader("instagram", account_id).read(body(*events, **more), NOW)
    for one in received.events:
        assert decode_event(encode_event(one)) == one
    return received


def only(*events: Any, **more: Any) -> Event:
    (found,) = read(*events, **more).events
    return found


# ── envelopes ──


def test_text_is_a_message_with_the_platforms_id_time_and_person() -> None:
    found = only(said(text="Hello", reply_to={"mid": "aWdf0"}))
    assert isinstance(found, MessageReceived)
    assert (found.id, found.conversation, found.at, found.text) == ("aWdf1", ADA, SENT, "Hello")
    assert (found.user and found.user.id, found.reply_to, found.context) == ("IGSID", "aWdf0", {})


@pytest.mark.parametrize(
    ("field", "parts", "kind"),
    [
        ("messages", {"message": {"mid": "m", "text": "x"}}, MessageReceived),
        ("messaging_postbacks", {"postback": {"mid": "m", "title": "Hours", "payload": "hours"}}, ButtonPressed),
        ("messaging_seen", {"read": {"mid": "m"}}, MessageRead),
        ("message_reactions", {"reaction": {"mid": "m", "action": "react", "reaction": "love"}}, SignalReceived),
        ("messaging_referral", {"referral": {"ref": "r", "source": "IGME-SOURCE-LINK"}}, ConversationOpened),
        ("standby", {"message": {"mid": "m", "text": "x"}}, SignalReceived),
    ],
)
def test_both_envelopes_say_the_same(field: str, parts: dict[str, Any], kind: type[Event]) -> None:
    name = "standby" if field == "standby" else "messaging"
    usual = only(event(**parts), name=name)
    wrapped = only(changed(field, event(**parts)), name="changes")
    beside = only(name="messaging", field=field, value=event(**parts))
    assert isinstance(usual, kind)
    assert usual == wrapped == beside


def test_a_change_may_write_its_time_as_text_in_seconds() -> None:
    found = only(changed("messages", event(timestamp="1790000000", message={"mid": "m", "text": "x"})), name="changes")
    assert found.at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        changed("messages", {"text": "x"}),
        changed("messages", "x"),
        changed("messages", None),
        changed("story_insights", {"media_id": "1"}),
        {"value": event(message={"mid": "m", "text": "x"})},
    ],
)
def test_any_other_change_is_kept_raw_and_is_nobodys(change: dict[str, Any]) -> None:
    found = only(change, name="changes")
    assert isinstance(found, UnknownReceived)
    assert (found.conversation, found.user, found.raw) == (OURS, None, change)


def test_a_pages_events_are_not_the_accounts() -> None:
    told = json.dumps({"object": "page", "entry": [{"id": "P", "messaging": [said(text="x")]}]})
    (found,) = reader("instagram").read(told.encode(), NOW).events
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.conversation.id) == ("page", "account:P")


def test_events_for_another_account_are_dropped() -> None:
    assert read(said(text="x"), account_id="IGID").events
    assert not read(said(text="x"), account_id="OTHER").events
    assert not read(changed("messages", said(text="x")), name="changes", account_id="OTHER").events
    assert not read(field="messages", value=said(text="x"), account_id="OTHER").events


@pytest.mark.parametrize("whole", [b"", b"[]", b'{"object":"instagram"}', b'{"object":"instagram","entry":5}'])
def test_a_body_that_is_none_is_malformed(whole: bytes) -> None:
    with pytest.raises(Malformed):
        reader("instagram").read(whole, NOW)


def test_one_unreadable_event_costs_no_other() -> None:
    bad, good = said(text=5), event(message={"mid": "m2", "text": "fine"})
    first, second = read(bad, good).events
    assert isinstance(first, MalformedReceived)
    assert first.conversation == OURS
    assert isinstance(second, MessageReceived)


# ── what customers say ──


def test_a_quick_reply_and_a_postback_are_pressed_buttons() -> None:
    quick = only(said(text="Red", quick_reply={"payload": "C_RED"}))
    breaker = only(event(postback={"mid": "aWdf2", "title": "Are you open?", "payload": "hours"}))
    assert isinstance(quick, ButtonPressed)
    assert isinstance(breaker, ButtonPressed)
    assert (quick.payload, quick.label) == ("C_RED", "Red")
    assert (breaker.id, breaker.payload, breaker.label) == ("aWdf2", "hours", "Are you open?")


def test_there_is_no_start_button_that_a_postback_could_be_taken_for() -> None:
    found = only(event(postback={"mid": "m", "title": "Start", "payload": "GET_STARTED"}))
    assert isinstance(found, ButtonPressed)
    untold = only(event(postback={"mid": "m", "title": "Start"}))
    assert isinstance(untold, ButtonPressed)
    assert untold.payload == "Start"


def test_an_answer_to_a_story_says_to_which() -> None:
    found = only(said(text="Wow", reply_to={"story": {"id": "178", "url": CDN}}))
    assert isinstance(found, MessageReceived)
    assert (found.text, found.reply_to, found.context) == ("Wow", "", {"story": {"id": "178", "url": CDN}})


def test_a_mention_in_a_story_brings_the_story_along() -> None:
    found = only(said(attachments=[{"type": "story_mention", "payload": {"url": CDN}}]))
    assert isinstance(found, AttachmentReceived)
    assert found.attachments == (File(CDN),)
    assert found.context == {"story": {"url": CDN, "mentions": True}}


def test_pictures_come_with_their_words() -> None:
    found = only(said(text="this one", attachments=[{"type": "image", "payload": {"url": CDN}}]))
    assert isinstance(found, AttachmentReceived)
    assert (found.attachments, found.text) == ((Image(CDN),), "this one")


@pytest.mark.parametrize(
    ("shared", "told"),
    [
        ({"type": "share", "payload": {"url": "https://p"}}, {"type": "share", "url": "https://p"}),
        (
            {"type": "ig_reel", "payload": {"url": "https://r", "title": "Bread", "reel_video_id": 178}},
            {"type": "ig_reel", "url": "https://r", "title": "Bread", "id": "178"},
        ),
        (
            {"type": "ig_post", "payload": {"url": "https://p", "ig_post_media_id": "5"}},
            {"type": "ig_post", "url": "https://p", "id": "5"},
        ),
    ],
)
def test_a_shared_post_is_its_address_and_is_told_of(shared: dict[str, Any], told: dict[str, str]) -> None:
    alone = only(said(attachments=[shared]))
    with_words = only(said(text="this?", attachments=[shared]))
    assert isinstance(alone, MessageReceived)
    assert (alone.text, with_words.text) == (told["url"], "this?")
    assert alone.context == with_words.context == {"shares": [told]}


def test_a_share_without_an_address_is_kept_raw() -> None:
    found = only(said(attachments=[{"type": "share", "payload": {}}]))
    assert isinstance(found, UnknownReceived)
    assert found.kind == "attachment.share"


def test_a_question_about_a_product_names_it_and_opens_nothing() -> None:
    found = only(said(text="Is it warm?", referral={"product": {"id": 55}}))
    assert isinstance(found, MessageReceived)
    assert found.context == {"product": "55"}


def test_what_the_platform_does_not_pass_on_is_unknown() -> None:
    found = only(said(is_unsupported=True))
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.user and found.user.id) == ("message.unsupported", "IGSID")


def test_a_message_that_was_taken_back_is_a_signal_and_no_second_message() -> None:
    found = only(said(is_deleted=True))
    assert isinstance(found, SignalReceived)
    assert (found.name, found.data, found.said) == ("instagram.message_deleted", {"mid": "aWdf1"}, False)
    assert found.id != "aWdf1"
    assert isinstance(only(said(is_deleted=False, text="x")), MessageReceived)


def test_an_edit_names_the_message_and_the_new_text() -> None:
    found = only(event(message_edit={"mid": "m_1", "text": "two", "num_edit": 1}))
    assert isinstance(found, MessageEdited)


def test_a_reaction_is_a_signal() -> None:
    data = {"mid": "aWdf1", "action": "react", "reaction": "love", "emoji": "❤"}
    found = only(event(reaction=data))
    assert isinstance(found, SignalReceived)
    assert (found.name, found.data, found.conversation) == ("instagram.reaction", data, ADA)


def test_a_message_is_seen_by_its_id() -> None:
    found = only(event(read={"mid": "aWdf9"}))
    assert isinstance(found, MessageRead)
    assert (found.message_ids, found.up_to) == (("aWdf9",), None)
    assert only(event(read={"mid": "aWdf8"})).id != found.id


# ── ways in ──


def test_a_link_opens_with_its_ref_and_no_further_facts() -> None:
    found = only(event(referral={"ref": "spring", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}))
    assert isinstance(found, ConversationOpened)
    assert (found.ref, found.source, found.context) == ("spring", "IGME-SOURCE-LINK", {})


def test_an_ad_opens_with_what_the_platform_tells_of_it() -> None:
    ad = {"ad_title": "Bread", "photo_url": "https://cdn/x"}
    referral = {"ad_id": 9, "source": "ADS", "type": "OPEN_THREAD", "ads_context_data": ad}
    opened, written = read(said(text="Hello", referral=referral)).events
    assert isinstance(opened, ConversationOpened)
    assert (opened.ref, opened.source) == ("ad:9", "ADS")
    assert opened.context == {"ad_id": 9, "ads_context_data": ad}
    assert isinstance(written, MessageReceived)


# ── echoes ──


def echo(**message: Any) -> dict[str, Any]:
    return event(sender={"id": "IGID"}, recipient={"id": "IGSID"}, message={"is_echo": True, "mid": "e", **message})


def test_our_own_echo_is_evidence_and_no_event() -> None:
    received = read(echo(text="Hello", metadata="instagram:IGSID:7:0"))
    assert received.events == ()
    assert received.evidence == (Evidence(key="instagram:IGSID:7:0", platform_id="e"),)


def test_what_somebody_wrote_in_the_app_is_kept_and_never_the_customers() -> None:
    for sent in (echo(text="pizza"), event(sender={"id": "IGID"}, recipient={"id": "IGSID"}, message={"mid": "e"})):
        found = only(sent)
        assert isinstance(found, UnknownReceived)
        assert (found.kind, found.user, found.said, found.conversation) == ("message_echo", None, False, ADA)


def test_the_account_writing_to_itself_is_an_echo() -> None:
    own = event(sender={"id": "IGID"}, recipient={"id": "IGID"}, message={"is_echo": True, "mid": "e", "text": "x"})
    assert isinstance(only(own), UnknownReceived)


# ── comments ──

COMMENT = {
    "id": 17900,
    "text": "How much?",
    "from": {"id": "IGSID", "username": "ada"},
    "media": {"id": "5", "media_product_type": "FEED"},
}


@pytest.mark.parametrize(("field", "name"), [("comments", "comment"), ("live_comments", "live_comment")])
def test_a_comment_is_a_signal_in_a_conversation_of_its_own(field: str, name: str) -> None:
    found = only(changed(field, COMMENT), name="changes")
    assert isinstance(found, SignalReceived)
    assert (found.name, found.conversation.id, found.said) == (f"instagram.{name}", "comment:17900", False)
    assert found.user is not None
    assert (found.user.id, found.user.username) == ("IGSID", "ada")
    assert found.data == COMMENT | {"id": "17900"}
    assert only(field=field, value=COMMENT).id == found.id


@pytest.mark.parametrize(
    "value", [COMMENT | {"from": {"id": "IGID"}}, COMMENT | {"from": None}, {"text": "x", "from": {"id": "IGSID"}}, 5]
)
def test_the_accounts_own_comment_or_one_of_nobody_is_kept_raw(value: Any) -> None:
    found = only(changed("comments", value), name="changes")
    assert isinstance(found, UnknownReceived)
    assert (found.kind, found.conversation, found.user) == ("changes.comments", OURS, None)
