"""What text messages mean: words that stop, refs, pictures, receipts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_calls import ADA, NOW, PUBLIC, SENDER, SID, TOKEN, call, sms

from convokit.abc import Evidence, Received
from convokit.errors import Malformed
from convokit.events import (
    KINDS,
    AttachmentReceived,
    ConversationClosed,
    ConversationOpened,
    Event,
    MessageDelivered,
    MessageFailed,
    MessageRead,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.messages import File, Image
from convokit.transports.sms import Incoming, Other, Sms, Status, Twilio
from convokit.wire.codec import decode_event, encode_event
from convokit.wire.text import scrub

WORDS_OF_STOP = ("STOP", "stop", " Stop. ", "Stop!", "STOP ALL", "stopall", "Unsubscribe", "CANCEL", "End", "quit")
MORE_WORDS_OF_STOP = (
    "ARRET",
    "Arrêt",
    "ABMELDEN",
    "Baja",
    "İPTAL",
    "iptal",
    "הסר",
    "إيقاف",
    "बंद करो",
    "opt-out",
    "ＳＴＯＰ",
)


def received(transport: Sms | None = None, path: str = "", query: str = "", **fields: str) -> Received:
    return (transport or sms()).receive(call(path=path, query=query, **fields))


def event(transport: Sms | None = None, **fields: str) -> Event:
    (found,) = received(transport, **fields).events
    return found


@pytest.mark.parametrize("text", [*WORDS_OF_STOP, *MORE_WORDS_OF_STOP])
def test_a_word_that_stops_closes_the_conversation(text: str) -> None:
    found = event(Body=text)
    assert isinstance(found, ConversationClosed)
    assert found.reason == "stop"
    assert found.context["word"] == text


@pytest.mark.parametrize("text", ["Please stop by at noon", "stop it", "shop", "STOP 1", "the end", "don't stop", ""])
def test_a_word_within_a_sentence_is_a_message(text: str) -> None:
    assert isinstance(event(Body=text), MessageReceived)


def test_what_the_provider_took_for_a_word_is_one_and_answered_whatever_it_says() -> None:
    for kind, meant in (("STOP", ConversationClosed), ("START", ConversationOpened), ("HELP", SignalReceived)):
        found = event(Body="Adiós amigos", OptOutType=kind)
        assert isinstance(found, meant)
        told = found.data if isinstance(found, SignalReceived) else found.context
        assert told["answered"] is True


def test_whether_the_provider_answers_is_known_word_by_word() -> None:
    assert event(Body="STOP").context["answered"] is True
    assert event(Body="ABMELDEN").context["answered"] is False
    assert event(sms(keywords=False), Body="STOP").context["answered"] is False


def test_help_is_a_signal_where_it_is_answered_and_a_message_where_it_is_not() -> None:
    assert isinstance(event(Body="HELP"), SignalReceived)
    assert isinstance(event(sms(keywords=False), Body="HELP"), MessageReceived)
    answering = Sms(sms(keywords=False).provider, saying_help="We are the Corner Shop.")
    found = event(answering, Body="help?")
    assert isinstance(found, SignalReceived)
    assert found.name == "sms.help"
    said = answering.answer_to(found)
    assert said is not None
    assert said.text == "We are the Corner Shop."
    assert answering.answer_to(event(answering, Body="Hilfe")) == said


def test_start_opens_the_conversation_and_yes_is_an_answer() -> None:
    found = event(Body="Start")
    assert isinstance(found, ConversationOpened)
    assert (found.source, found.ref) == ("start", "")
    yes = event(Body="Yes")
    assert isinstance(yes, MessageReceived)
    assert sms().reopens(found)
    assert sms().reopens(yes)
    assert not sms().reopens(event(Body="hello"))


@pytest.mark.parametrize("text", ["JOIN spring-sale", "join  spring-sale ", "Join spring-sale"])
def test_the_keyword_and_a_ref_open_the_conversation(text: str) -> None:
    found = event(Body=text)
    assert isinstance(found, ConversationOpened)
    assert (found.ref, found.source) == ("spring-sale", "keyword")


@pytest.mark.parametrize("text", ["JOIN", "JOIN us today", "join <script>", "JOIN " + "x" * 129, "JOINspring"])
def test_what_is_no_ref_is_a_message(text: str) -> None:
    assert isinstance(event(Body=text), MessageReceived)


def test_the_link_comes_back_as_the_ref_that_it_was_made_for() -> None:
    assert sms().link("spring-sale") == "sms:+15550001111?&body=JOIN%20spring-sale"
    assert sms().link("") == "sms:+15550001111?&body=START"


def test_pictures_and_files_are_attachments_in_their_order() -> None:
    found = event(
        Body="look",
        NumMedia="3",
        MediaUrl0="https://api.twilio.com/0",
        MediaContentType0="image/jpeg",
        MediaUrl1="https://api.twilio.com/1",
        MediaContentType1="text/vcard",
        MediaUrl2="javascript:alert(1)",
        MediaContentType2="image/png",
    )
    assert isinstance(found, AttachmentReceived)
    assert found.text == "look"
    assert found.attachments == (
        Image("https://api.twilio.com/0", media_type="image/jpeg"),
        File("https://api.twilio.com/1", media_type="text/vcard"),
    )


def test_stop_below_a_picture_is_no_stop() -> None:
    found = event(Body="stop", NumMedia="1", MediaUrl0="https://api.twilio.com/0", MediaContentType0="image/gif")
    assert isinstance(found, AttachmentReceived)


def test_a_number_of_media_that_is_a_lie_costs_nothing() -> None:
    for lie in ("999999999999", "-1", "1e9", "x", ""):
        assert isinstance(event(Body="x", NumMedia=lie), MessageReceived)


def test_who_wrote_and_from_where_is_told() -> None:
    found = event(Body="hi", FromCountry="US", FromCity="BERKELEY", ToCity="OAKLAND")
    assert found.id == "SM1"
    assert found.conversation.id == ADA
    assert found.user is not None
    assert found.user.id == ADA
    assert found.at == NOW
    assert found.context == {"country": "US", "city": "BERKELEY"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [("delivered", MessageDelivered), ("read", MessageRead), ("failed", MessageFailed), ("undelivered", MessageFailed)],
)
def test_what_became_of_a_message_is_a_receipt(status: str, kind: type[Any]) -> None:
    found = received(path="/status", From=SENDER, To=ADA, MessageSid="SM9", MessageStatus=status).events
    assert len(found) == 1
    assert isinstance(found[0], kind)
    assert found[0].message_ids == ("SM9",)
    assert found[0].conversation.id == ADA


def test_a_failure_says_why_in_words() -> None:
    told = received(From=SENDER, To=ADA, MessageSid="SM9", MessageStatus="undelivered", ErrorCode="30003")
    (found,) = told.events
    assert isinstance(found, MessageFailed)
    assert found.reason == "undelivered: the phone is off or out of reach: error 30003"


def test_a_failure_because_of_a_stop_elsewhere_closes_the_conversation() -> None:
    told = received(From=SENDER, To=ADA, MessageSid="SM9", MessageStatus="failed", ErrorCode="21610")
    failed, closed = told.events
    assert isinstance(failed, MessageFailed)
    assert isinstance(closed, ConversationClosed)
    assert sms().answer_to(closed) is None


def test_each_status_of_a_message_is_an_event_of_its_own_and_the_same_one_again_is_not() -> None:
    def ids(status: str) -> list[str]:
        return [one.id for one in received(From=SENDER, To=ADA, MessageSid="SM9", MessageStatus=status).events]

    assert ids("delivered") == ids("delivered") == ["SM9:delivered"]
    assert ids("read") == ["SM9:read"]


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "accepted", "delivered"])
def test_every_status_proves_that_the_message_was_sent(status: str) -> None:
    told = received(path="/status", query="key=12%3A0", From=SENDER, To=ADA, MessageSid="SM9", MessageStatus=status)
    assert told.evidence == (Evidence(key=f"sms:{ADA}:12:0", platform_id="SM9"),)
    assert len(told.events) == (status == "delivered")


def test_what_is_about_another_account_or_another_number_is_dropped() -> None:
    assert received(Body="hi", AccountSid="AC" + "1" * 32).events == ()
    assert received(Body="hi", To="+15559999999").events == ()
    assert received(From="+15559999999", To=ADA, MessageSid="SM9", MessageStatus="delivered").events == ()
    pool = Sms(Twilio(SID, TOKEN, public_url=PUBLIC, service="MG" + "0" * 32))
    assert len(received(pool, Body="hi", To="+15559999999").events) == 1


def test_who_cannot_be_answered_is_told_as_unknown() -> None:
    for number in ("BANK", "whatsapp:+15552223333", "rcs:x", "+"):
        assert isinstance(event(From=number, Body="STOP"), UnknownReceived)


def test_a_call_without_its_ids_is_malformed() -> None:
    for missing in ("MessageSid", "From"):
        with pytest.raises(Malformed):
            received(Body="hi", **{missing: ""})


def test_the_answer_says_nothing_back() -> None:
    told = received(Body="hi")
    assert told.media_type == "text/xml"
    assert told.body.endswith(b"<Response></Response>")


anything = st.text(max_size=30)
tolds = st.one_of(
    st.builds(
        Incoming,
        id=anything.filter(scrub),
        number=st.just(ADA),
        text=st.one_of(anything, st.sampled_from(["STOP", "JOIN x", "HELP", "YES"])),
        meant=st.sampled_from(["", "stop", "start", "help"]),
        answered=st.booleans(),
        context=st.dictionaries(anything, anything, max_size=3),
    ),
    st.builds(
        Status,
        id=anything.filter(scrub),
        number=st.just(ADA),
        state=st.sampled_from(["accepted", "delivered", "read", "failed"]),
        key=anything,
        reason=anything,
        stopped=st.booleans(),
    ),
    st.builds(
        Other, id=anything.filter(scrub), number=st.just(ADA), kind=anything, raw=st.dictionaries(anything, anything)
    ),
)


@given(st.lists(tolds, max_size=4))
def test_whatever_a_provider_tells_becomes_events_that_can_be_stored(told: list[Any]) -> None:
    for one in sms()._reader.read(told, datetime(2026, 1, 1, tzinfo=UTC)):
        if isinstance(one, Event):
            assert type(one).__name__ in KINDS
            assert decode_event(encode_event(one)) == one


@pytest.mark.parametrize("told", [Incoming(id="", number=ADA), Status(id="x", number="", state="read")])
def test_what_names_nobody_is_malformed(told: Any) -> None:
    with pytest.raises(Malformed):
        list(sms()._reader.read([told], NOW))


FIELDS = (
    "MessageSid",
    "From",
    "To",
    "Body",
    "NumMedia",
    "MediaUrl0",
    "MediaContentType0",
    "MessageStatus",
    "ErrorCode",
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "ErrorCode", "OptOutType", "SmsStatus", "New"]), st.text(max_size=12)))
def test_fields_that_are_missing_odd_or_new_never_cost_more_than_their_call(fields: dict[str, str]) -> None:
    given = {"AccountSid": "", "MessageSid": "", "From": "", "To": "", **fields}
    try:
        told = received(**given)
    except Malformed:
        return
    for one in told.events:
        assert decode_event(encode_event(one)) == one
