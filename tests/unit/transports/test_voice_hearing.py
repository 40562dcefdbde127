"""What Twilio's calls about phone calls mean."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.abc import Request
from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import (
    ConversationClosed,
    ConversationOpened,
    Event,
    HandoffClosed,
    MessageReceived,
    UnknownReceived,
)
from convokit.transports.twilio import Form
from convokit.transports.voice.hearing import Ear, Heard, Step
from convokit.wire.codec import decode_event, encode_event

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CALL = "CA" + 32 * "b"
ADA = ConversationId("voice", "+447700900123")
EAR = Ear(channel="voice")
USUAL = {
    "CallSid": CALL,
    "CallStatus": "in-progress",
    "Direction": "inbound",
    "From": "+447700900123",
    "To": "+442079460000",
}


def hear(path: str, query: str = "step=0-1", *, ear: Ear = EAR, **fields: str) -> Heard | None:
    told = {**USUAL, **fields}
    return ear.hear(Request(method="POST", path=path, query=query, at=NOW), Form(tuple(told.items())))


def events(path: str, query: str = "step=0-1", *, ear: Ear = EAR, **fields: str) -> tuple[Event, ...]:
    heard = hear(path, query, ear=ear, **fields)
    assert heard is not None
    return heard.events


def test_a_ring_opens_the_conversation_of_the_number_with_what_is_told_of_the_call() -> None:
    (event,) = events("", "", CallStatus="ringing", FromCity="LONDON", FromCountry="GB", CallerName="Ada L")
    assert isinstance(event, ConversationOpened)
    assert (event.id, event.conversation, event.source, event.ref) == (f"{CALL}:ring", ADA, "call", "")
    assert event.user is not None
    assert (event.user.id, event.user.name) == ("+447700900123", "Ada L")
    assert event.context == {"call": CALL, "to": "+442079460000", "city": "LONDON", "country": "GB"}


@pytest.mark.parametrize(
    "number", ["", "anonymous", "Anonymous", "Restricted", "+266696687", "sip:anonymous@x.example"]
)
def test_who_withholds_their_number_has_a_conversation_for_each_call(number: str) -> None:
    (event,) = events("", From=number)
    assert event.conversation == ConversationId("voice", f"call:{CALL}")
    assert event.user is not None
    assert event.user.id == f"call:{CALL}"


def test_a_line_may_take_each_call_as_a_conversation_and_knows_the_caller_all_the_same() -> None:
    (event,) = events("", ear=Ear(channel="voice", by_call=True))
    assert event.conversation == ConversationId("voice", f"call:{CALL}")
    assert event.user is not None
    assert event.user.id == "+447700900123"


def test_in_a_call_that_the_business_made_the_customer_is_who_was_called() -> None:
    (event,) = events("", Direction="outbound-api", From="+442079460000", To="+447700900123")
    assert event.conversation == ADA


def test_speech_is_what_the_caller_says_with_how_sure_the_platform_is() -> None:
    (event,) = events("/heard", SpeechResult=" A large one. ", Confidence="0.91")
    assert isinstance(event, MessageReceived)
    assert (event.id, event.text) == (f"{CALL}:0-1", "A large one.")
    assert event.context == {"call": CALL, "confidence": 0.91}


@pytest.mark.parametrize(
    ("keys", "options", "text"),
    [
        ("2", 3, "#2"),
        ("02", 3, "#2"),
        ("3", 3, "#3"),
        ("4", 3, "4"),
        ("0", 3, "0"),
        ("12", 0, "12"),
        ("07700900123", 2, "07700900123"),
        ("*", 3, "*"),
    ],
)
def test_a_key_that_stands_for_an_option_is_marked_as_one(keys: str, options: int, text: str) -> None:
    (event,) = events("/heard", f"step=0-1&options={options}", Digits=keys)
    assert isinstance(event, MessageReceived)
    assert event.text == text
    assert event.context["keys"] == keys


def test_nothing_heard_is_no_event() -> None:
    assert events("/heard", SpeechResult="  ") == ()


@pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", "canceled"])
def test_the_end_of_a_call_closes_the_conversation(status: str) -> None:
    (event,) = events("/status", "", CallStatus=status)
    assert isinstance(event, ConversationClosed)
    assert (event.id, event.reason) == (f"{CALL}:closed", status)


@pytest.mark.parametrize("status", ["initiated", "ringing", "in-progress"])
def test_a_call_that_goes_on_is_nothing_new(status: str) -> None:
    assert events("/status", "", CallStatus=status) == ()


def test_a_status_of_another_day_is_kept_as_it_came() -> None:
    (event,) = events("/status", "", CallStatus="teleported")
    assert isinstance(event, UnknownReceived)
    assert (event.kind, event.raw["CallStatus"]) == ("status.teleported", "teleported")


def test_a_caller_who_says_nothing_for_good_leaves_and_the_later_status_says_nothing_more() -> None:
    (silent,) = events("/silent")
    (ended,) = events("/status", CallStatus="completed")
    assert isinstance(silent, ConversationClosed)
    assert silent.reason == "silence"
    assert silent.id == ended.id


def test_a_leg_that_was_dialled_is_none_of_the_callers() -> None:
    assert hear("/status", "", CallSid="CA" + 32 * "c", ParentCallSid=CALL, CallStatus="completed") is None


def test_the_end_of_a_dialled_leg_gives_the_conversation_back() -> None:
    heard = hear("/connected", "step=ab12-0", DialCallStatus="no-answer")
    assert heard is not None
    (event,) = heard.events
    assert isinstance(event, HandoffClosed)
    assert (event.outcome, event.ended, heard.dialled) == ("no-answer", False, "no-answer")
    assert event.operator is not None
    assert event.operator.id == "phone"


def test_with_a_desk_a_ring_and_an_end_give_back_what_an_earlier_call_left() -> None:
    ear = Ear(channel="voice", desk=True)
    assert [type(one) for one in events("", ear=ear)] == [HandoffClosed, ConversationOpened]
    back, _ = events("/status", "", ear=ear, CallStatus="completed")
    assert isinstance(back, HandoffClosed)
    assert back.ended


@pytest.mark.parametrize(
    ("path", "query", "fields"),
    [
        ("", "", {"CallSid": ""}),
        ("", "", {"CallSid": "SM" + 32 * "b"}),
        ("", "", {"CallSid": CALL + "\n"}),
        ("/heard", "", {}),
        ("/heard", "step=", {}),
        ("/heard", "step=0-9999999", {}),
        ("/heard", "step=0-١", {}),
        ("/heard", "step=../..-1", {}),
        ("/elsewhere", "step=0-1", {}),
        ("/status/", "step=0-1", {}),
    ],
)
def test_what_is_no_call_of_ours_is_malformed(path: str, query: str, fields: dict[str, str]) -> None:
    request = Request(method="POST", path=path, query=query, at=NOW)
    with pytest.raises(Malformed):
        EAR.hear(request, Form(tuple({**USUAL, **fields}.items())))


def test_steps_count_within_their_branch() -> None:
    assert str(Step()) == "0-0"
    assert str(Step("ab", 3).next) == "ab-4"


ODD = st.text(max_size=40) | st.sampled_from(["\0", "\ud800", "x" * 10_000, "-1", "9" * 400, "CA", "completed", "+1"])


@settings(max_examples=300)
@given(
    path=st.sampled_from(["", "/heard", "/listen", "/silent", "/status", "/connected", "/x"]) | st.text(max_size=10),
    fields=st.dictionaries(
        st.sampled_from([*USUAL, "Digits", "SpeechResult", "Confidence", "DialCallStatus", "CallerName", "FromCity"]),
        ODD,
    ),
    missing=st.sets(st.sampled_from([*USUAL])),
    query=st.text(max_size=40) | st.just("step=0-1&options=3&waits=2"),
    desk=st.booleans(),
)
def test_whatever_a_call_carries_it_never_fails_otherwise_and_can_be_stored(
    path: str, fields: dict[str, str], missing: set[str], query: str, desk: bool
) -> None:
    told: dict[str, Any] = {name: value for name, value in {**USUAL, **fields}.items() if name not in missing}
    request = Request(method="POST", path=path, query=query, at=NOW)
    try:
        heard = Ear(channel="voice", desk=desk).hear(request, Form(tuple(told.items())))
    except Malformed:
        return
    for event in heard.events if heard else ():
        assert decode_event(encode_event(event)) == event
        assert event.conversation.channel == "voice"
        # No words are made up: what was said stands in the call.
        if isinstance(event, MessageReceived):
            assert event.text.lstrip("#") in (told.get("SpeechResult", "") + "|" + told.get("Digits", ""))


def test_a_leg_that_was_taken_up_and_never_connected_was_not_answered() -> None:
    heard = hear("/connected", "step=ab-0", DialCallStatus="completed", DialBridged="false")
    assert heard is not None
    assert heard.dialled == "no-answer"
    heard = hear("/connected", "step=ab-0", DialCallStatus="completed", DialBridged="true")
    assert heard is not None
    assert heard.dialled == "completed"


def test_a_fallback_brings_no_second_ring_and_goes_on_after_the_step_that_failed() -> None:
    failed = "https://bots.example.com/voice/heard?step=0-7&options=2"
    heard = hear("", "", ErrorCode="11200", ErrorUrl=failed)
    assert heard is not None
    assert (heard.what, heard.events, str(heard.step)) == ("failed", (), "0-7")
    heard = hear("", "", ErrorCode="11200", ErrorUrl="https://bots.example.com/voice")
    assert heard is not None
    assert [type(one) for one in heard.events] == [ConversationOpened]
