"""Phone calls before a judge that is not ours: Twilio's own library knows TwiML's verbs, attributes and nesting."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from inspect import signature
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree.ElementTree import Element, canonicalize, fromstring

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convokit.abc import Request
from convokit.conversations import ConversationId
from convokit.errors import Rejected
from convokit.fitting import fit
from convokit.messages import Audio, Button, Card, File, Image, Link, Location, Message, Video
from convokit.transports.twilio import Account
from convokit.transports.voice import Voice, hearing, twiml
from convokit.transports.voice.hearing import Heard, Step
from convokit.transports.voice.sentences import SENTENCES
from convokit.transports.voice.speaking import CAPABILITIES

judge: Any = pytest.importorskip("twilio.twiml.voice_response", reason="the package twilio is not installed")
validator: Any = pytest.importorskip("twilio.request_validator")

SID = "AC" + 32 * "a"
CALL = "CA" + 32 * "b"
TOKEN = "an auth token of 32 characters.."
PUBLIC = "https://bots.example.com"
ADA = ConversationId("voice", "+447700900123")
# What each verb's own element takes: an address, a number or words in it, under the name that the library has for it.
INSIDE = {"Say": "message", "Play": "url", "Redirect": "url", "Number": "phone_number"}


def line(**settings: Any) -> Voice:
    return Voice(Account(sid=SID, token=TOKEN, public_url=PUBLIC), **settings)


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def build(parent: Any, element: Element) -> None:
    """Write an element anew with Twilio's library: a verb or attribute that it does not know ends the test."""
    for child in element:
        make = getattr(parent, child.tag.lower(), None)
        assert make is not None, f"<{child.tag}> does not stand in <{element.tag}>"
        given = {snake(name): value for name, value in child.attrib.items()}
        unknown = set(given) - set(signature(make).parameters)
        assert not unknown, f"<{child.tag}> has no {sorted(unknown)}"
        if child.text:
            given[INSIDE[child.tag]] = child.text
        build(make(**given), child)


def judged(document: bytes, *, longest: int = 64 << 10) -> Element:
    """The document, once the library has written the same."""
    assert len(document) <= longest
    root = fromstring(document)  # noqa: S314  our own document
    assert root.tag == "Response"
    theirs = judge.VoiceResponse()
    build(theirs, root)
    assert canonicalize(str(theirs)) == canonicalize(document.decode())
    for one in walked(root):
        for name, url in [*one.attrib.items(), ("text", one.text or "")]:
            if name in {"action", "url"} or one.tag == "Redirect":
                assert url.startswith((PUBLIC + "/", "https://", "http://")) or name == "method", (one.tag, name, url)
        if one.tag == "Say":
            assert 0 < len(one.text or "") <= 4096
        if one.tag == "Gather":
            assert int(one.attrib["timeout"]) >= 1
            assert len(one.attrib.get("hints", "").split(",")) <= 500
            assert all(len(hint) <= 100 for hint in one.attrib.get("hints", "").split(","))
    return root


def walked(element: Element) -> Iterator[Element]:
    yield element
    for child in element:
        yield from walked(child)


ANY_TEXT = st.text(min_size=1, max_size=200).filter(str.strip)
LABELS = st.text(min_size=1, max_size=80).filter(str.strip)
URLS = st.sampled_from(
    ["https://shop.example/a?b=c&d=<e>", "http://x.example/é", "HTTPS://Shop.Example", "https://[::1]/"]
)
MEDIA = st.builds(
    lambda kind, url, alt: kind(url, alt=alt),
    st.sampled_from([Image, Audio, Video, File]),
    URLS,
    st.text(max_size=80),
)
ACTIONS = st.lists(
    st.builds(Button, LABELS) | st.builds(Link, LABELS, URLS | st.just("tel:+442079460000")), max_size=14
)
CARDS = st.lists(
    st.builds(lambda title, subtitle, buttons: Card(title=title, subtitle=subtitle, buttons=buttons), LABELS,
              st.text(max_size=300), ACTIONS),
    max_size=3,
)  # fmt: skip
MESSAGES = st.builds(
    lambda text, buttons, attachments, cards, place: Message(
        text, buttons=buttons, attachments=attachments, cards=cards, location=place
    ),
    st.text(max_size=3000),
    ACTIONS,
    st.lists(MEDIA, max_size=3),
    CARDS,
    st.none() | st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), st.text(max_size=50)),
).filter(lambda message: not message.empty)


def fitted(messages: Sequence[Message]) -> list[Message]:
    return [one for message in messages for one in fit(message, CAPABILITIES).messages]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    messages=st.lists(MESSAGES, max_size=4),
    language=st.sampled_from([*SENTENCES, "en-GB", "nl-NL"]),
    what=st.sampled_from([hearing.RING, hearing.HEARD, hearing.LISTEN, hearing.CONNECTED]),
    whole=st.booleans(),
    waits=st.integers(0, 20),
)
def test_whatever_is_said_the_answer_is_twiml_that_twilio_writes_alike(
    messages: list[Message], language: str, what: str, whole: bool, waits: int
) -> None:
    documents = line(language=language, voice="Polly.Amy", hints=["rye", "a,b"]).documents
    heard = Heard(what=what, call=CALL, conversation=ADA, step=Step(), waits=waits, dialled="no-answer")
    document, seconds = documents.answer(heard, fitted(messages), whole=whole)
    root = judged(document)
    assert seconds >= 0
    # A caller is always listened to, or sent to hear the rest: no document ends in silence.
    assert root[-1].tag == "Redirect"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=MESSAGES, language=st.sampled_from([*SENTENCES]))
def test_what_is_said_in_the_middle_of_a_call_fits_into_an_update(message: Message, language: str) -> None:
    documents = line(language=language).documents
    for one in fit(message, CAPABILITIES).messages:
        try:
            document, _ = documents.update(one)
        except Rejected:
            assert len(one.buttons) + sum(len(card.buttons) + 1 for card in one.cards) > 3 or len(one.text) > 500
            continue
        assert len(document.decode()) <= 4000
        judged(document)


def test_a_turn_that_says_very_much_still_fits_into_an_answer_with_its_question() -> None:
    documents = line().documents
    heard = Heard(what=hearing.HEARD, call=CALL, conversation=ADA)
    much = [Message("& long words " * 70)] * 200 + [Message("Which one?", buttons=["x" * 50] * 99)]
    document, _ = documents.answer(heard, fitted(much), whole=True)
    root = judged(document)
    said = [one.text or "" for one in root[0]]
    assert "press 99." in " ".join(said)


def test_the_other_documents_are_twiml_too() -> None:
    manner = line().manner
    parts = (twiml.Say('Hello <there> & "you"'), twiml.Play("https://shop.example/a.mp3?x=1&y=2"))
    for document in (
        twiml.ending(parts, manner),
        twiml.ending((), manner),
        twiml.speaking(parts, manner),
        twiml.doing_nothing(),
        twiml.refusing(),
        twiml.asking_a_key(parts, manner, f"{PUBLIC}/phone-desk/phone/take?handoff=ab"),
        twiml.connecting(
            "+442079460001",
            over=f"{PUBLIC}/voice/connected?step=a-0",
            whisper=f"{PUBLIC}/x",
            ring=25,
            caller_id="+4420",
        ),
    ):
        judged(document)


def test_a_verb_that_stands_where_it_must_not_is_found_by_the_judge() -> None:
    with pytest.raises(AssertionError, match="<Dial> does not stand in <Gather>"):
        judged(b"<Response><Gather><Dial/></Gather></Response>")
    with pytest.raises(AssertionError, match="<Gather> has no"):
        judged(b'<Response><Gather bargeInn="true"/></Response>')


def test_twilios_own_signature_is_taken_and_no_other() -> None:
    url = f"{PUBLIC}/voice/heard?step=0-1&options=2"
    told = {"CallSid": CALL, "AccountSid": SID, "From": ADA.id, "SpeechResult": "Größe zwei"}
    for token, taken in ((TOKEN, True), (TOKEN + "x", False)):
        signed = validator.RequestValidator(token).compute_signature(url, told)
        request = Request(
            method="POST",
            path="/heard",
            query="step=0-1&options=2",
            headers={"x-twilio-signature": signed.encode()},
            body=urlencode(told).encode(),
            at=datetime(2026, 11, 22, tzinfo=UTC),
        )
        if taken:
            (event,) = line().receive(request).events
            assert event.text == "Größe zwei"
        else:
            with pytest.raises(Exception, match="verified"):
                line().receive(request)


def test_the_calls_to_the_api_are_the_specifications(shared: Any) -> None:
    import json  # noqa: PLC0415  the specification is large

    spec = json.loads((shared / "oracles" / "specs" / "twilio_api_v2010.json").read_text())
    base = "/2010-04-01/Accounts/{AccountSid}"
    update = spec["paths"][f"{base}/Calls/{{Sid}}.json"]["post"]["requestBody"]["content"]
    fields = update["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert "Twiml" in fields
    for path, asked in (
        (f"{base}/Calls.json", "From=x&To=y&Status=in-progress&PageSize=5&ParentCallSid=z"),
        (f"{base}/IncomingPhoneNumbers.json", "PhoneNumber=x"),
    ):
        known = {one["name"] for one in spec["paths"][path]["get"]["parameters"]}
        assert {name for name, _ in parse_qsl(asked)} <= known
    call = spec["components"]["schemas"]["api.v2010.account.call"]["properties"]
    assert {"sid", "status", "parent_call_sid"} <= set(call)
    number = spec["components"]["schemas"]["api.v2010.account.incoming_phone_number"]["properties"]
    assert {"voice_url", "voice_method", "status_callback", "status_callback_method"} <= set(number)
