"""What goes out: parameters, lengths, failures; settings that are told before anything starts."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_calls import ADA, PUBLIC, SENDER, SID, TOKEN, sms

from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.fitting import fit
from convokit.messages import Button, Card, File, Image, Link, Location, Message
from convokit.transports.sms import Sms, Twilio, Vonage
from convokit.transports.twilio import Account, failure, meaning
from convokit.wire.http import Answer
from convokit.wire.signing import Secret

HERE = ConversationId("sms", ADA)
SERVICE = "MG" + "0" * 32


def over(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Sms:
    provider = Twilio(SID, TOKEN, **{"public_url": PUBLIC, "sender": SENDER, **settings})
    return Sms(provider, http_transport=httpx.MockTransport(answer))


async def sent(message: Message, key: str = "", **settings: Any) -> list[tuple[str, str]]:
    calls: list[httpx.Request] = []

    def took(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(201, json={"sid": "SM9"})

    async with over(took, **settings) as transport:
        assert await transport.send_keyed(HERE, message, key) == "SM9"
    (call,) = calls
    assert call.url.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert call.headers["authorization"].startswith("Basic ")
    return parse_qsl(call.content.decode(), keep_blank_values=True)


@pytest.mark.anyio
async def test_a_text_goes_from_the_sender_to_the_number_with_an_address_for_what_becomes_of_it() -> None:
    assert await sent(Message("Hello & good bye"), f"{HERE}:12:0") == [
        ("To", ADA),
        ("StatusCallback", f"{PUBLIC}/sms/status?key=12%3A0"),
        ("From", SENDER),
        ("Body", "Hello & good bye"),
    ]


@pytest.mark.anyio
async def test_a_messaging_service_takes_the_senders_place() -> None:
    fields = dict(await sent(Message("Hello"), sender="", service=SERVICE))
    assert fields["MessagingServiceSid"] == SERVICE
    assert "From" not in fields
    assert fields["StatusCallback"] == f"{PUBLIC}/sms/status"


@pytest.mark.anyio
async def test_pictures_go_by_their_addresses_with_the_text_as_caption() -> None:
    pictures = [Image("https://shop.example/1.jpg"), Image("https://shop.example/2.jpg")]
    (fitted,) = fit(Message("Two cakes", attachments=pictures), sms().capabilities).messages
    fields = await sent(fitted)
    assert [value for name, value in fields if name == "MediaUrl"] == [one.url for one in pictures]
    assert ("Body", "Two cakes") in fields


@pytest.mark.anyio
async def test_smart_encoding_is_asked_for_where_it_is_wanted() -> None:
    assert ("SmartEncoded", "true") in await sent(Message("Hello"), smart_encoding=True)


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["other:1:0", f"{HERE}:bad key\n", f"{HERE}:" + "9" * 200, "x"])
async def test_a_key_that_an_address_cannot_carry_stays_at_home(key: str) -> None:
    assert dict(await sent(Message("Hello"), key))["StatusCallback"] == f"{PUBLIC}/sms/status"


@pytest.mark.anyio
async def test_what_was_not_fitted_is_refused() -> None:
    odd = [
        Message("x", buttons=["Yes"]),
        Message("x" * 1601),
        Message("😀" * 801),
        Message(location=Location(1, 2)),
        Message(cards=[Card(title="x")]),
        Message(attachments=[File(ref="f_1")]),
        Message(attachments=[Image("https://x.example/1")] * 11),
        Message(""),
    ]
    async with over(lambda _: httpx.Response(201, json={"sid": "SM9"})) as transport:
        for message in odd:
            with pytest.raises(Rejected):
                await transport.send(HERE, message)
    async with over(lambda _: httpx.Response(201), pictures=False) as transport:
        with pytest.raises(Rejected, match="words only"):
            await transport.send(HERE, Message(attachments=[Image("https://x.example/1")]))


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=900).filter(
    lambda one: bool(one.strip())
)
messages = st.builds(
    lambda text, labels, pictures: Message(
        text * 3,
        buttons=[*(Button(one[:60]) for one in labels), Link("Shop", "https://shop.example")],
        attachments=[Image(f"https://shop.example/{one}") for one in range(pictures)],
    ),
    words,
    st.lists(words, max_size=3),
    st.integers(0, 12),
)


@given(messages, st.booleans())
def test_whatever_is_fitted_can_be_sent_and_no_text_is_cut_within_a_character(message: Message, pictures: bool) -> None:
    transport = sms(pictures=pictures)
    for one in fit(message, transport.capabilities).messages:
        transport._fitted(one)
        assert len(one.text.encode("utf-16-le")) <= 3200


def test_buttons_are_numbered_lines() -> None:
    fitted = fit(Message("Which size?", buttons=["Small", "Large"]), sms().capabilities)
    assert fitted.messages == (Message("Which size?\n1) Small\n2) Large"),)
    assert fitted.offer is not None
    assert fitted.offer.numbered


def test_a_family_of_emoji_stays_together() -> None:
    family = "👨‍👩‍👧‍👦"
    for one in fit(Message("x" * 1595 + family), sms().capabilities).messages:
        assert one.text in {"x" * 1595, family}


# ── what the platform answers ───────────────────────────────────────────────────────────────────────────────────────


def told(status: int, code: int | None = None, **headers: str) -> TransportError | None:
    body = b"" if code is None else b'{"code": %d, "message": "because"}' % code
    return failure("sms", Answer(status, headers, body), Secret(TOKEN))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21610, Rejected),
        (400, 21211, Rejected),
        (401, 20003, Rejected),
        (400, 63016, OutsideWindow),
        (429, 20429, RateLimited),
        (400, 30001, RateLimited),
        (429, None, RateLimited),
        (500, 20500, Unreachable),
        (503, None, Unreachable),
        (404, None, Rejected),
    ],
)
def test_an_error_of_the_platforms_has_its_class(status: int, code: int | None, kind: type[TransportError]) -> None:
    assert type(told(status, code)) is kind


def test_an_error_says_what_it_means_before_its_number_and_the_platforms_words() -> None:
    assert str(told(400, 21610)) == (
        "sms: they sent STOP to this sender: nothing more may be sent until they send START: error 21610: because"
    )
    assert meaning(99999) == "error 99999"
    assert meaning(None) == ""
    assert told(201) is None


def test_a_quoted_secret_is_masked() -> None:
    body = b'{"code": 20003, "message": "wrong: %s"}' % TOKEN.encode()
    assert "***" in str(failure("sms", Answer(401, {}, body), Secret(TOKEN)))
    assert TOKEN not in str(failure("sms", Answer(401, {}, body), Secret(TOKEN)))


@pytest.mark.anyio
async def test_an_answer_that_is_no_json_was_a_success_all_the_same() -> None:
    async with over(lambda _: httpx.Response(201, content=b"OK")) as transport:
        assert await transport.send(HERE, Message("Hello")) is None


# ── pictures that came in ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.anyio
async def test_a_picture_is_fetched_with_the_credentials_for_the_api_only() -> None:
    asked: list[tuple[str, bool]] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"picture"

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, "authorization" in request.headers))
        if request.url.host == "api.twilio.com":
            return httpx.Response(307, headers={"location": "https://mms.twiliocdn.com/x"})
        return httpx.Response(200, content=pieces())

    transport = over(serve)
    assert await transport.download(Image("https://api.twilio.com/2010-04-01/x"), 100) == b"picture"
    assert asked == [("api.twilio.com", True), ("mms.twiliocdn.com", False)]
    for elsewhere in ("https://evil.example/x", "https://api.twilio.com.evil.example/x", "http://api.twilio.com/x"):
        with pytest.raises(Rejected, match="not the platform's"):
            await transport.download(Image(elsewhere), 100)
    with pytest.raises(Rejected, match="more than the 3 bytes"):
        await transport.download(Image("https://api.twilio.com/2010-04-01/x"), 3)
    assert asked[-1] == ("mms.twiliocdn.com", False)


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"sender": ""}, "TWILIO_FROM"),
        ({"service": SERVICE}, "TWILIO_FROM"),
        ({"sender": "", "service": "MG1"}, "TWILIO_MESSAGING_SERVICE_SID"),
        ({"sender": "0049151"}, None),
        ({"sender": "+0151"}, "TWILIO_FROM"),
        ({"sender": "PIZZERIA BELLA"}, "TWILIO_FROM"),
        ({"sender": "PIZZERIA"}, "one_way=True"),
        ({"public_url": "shop.example"}, "TWILIO_PUBLIC_URL"),
        ({"public_url": ""}, "TWILIO_PUBLIC_URL"),
        ({"public_url": "https://shop.example/?x=1"}, "TWILIO_PUBLIC_URL"),
        ({"api_key": "SK1"}, "TWILIO_API_SECRET"),
        ({"api_url": "http://evil.example"}, "https://"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_starts(settings: dict[str, Any], named: str | None) -> None:
    if named is None:
        sms(**settings).check()
        return
    with pytest.raises(DefinitionError, match=named):
        sms(**settings).check()


def test_a_name_that_only_tells_a_short_code_and_a_service_are_fine() -> None:
    for settings in ({"sender": "PIZZERIA", "one_way": True}, {"sender": "12345"}, {"sender": "", "service": SERVICE}):
        sms(**settings).check()


def test_a_keyword_that_stops_or_is_no_word_is_refused() -> None:
    for keyword in ("STOP", "two words", "", "ÄRGER"):
        with pytest.raises(DefinitionError, match="keyword"):
            Sms(sms().provider, keyword=keyword).check()
    with pytest.raises(DefinitionError, match="stop_words"):
        Sms(sms().provider, stop_words=()).check()


def test_a_link_needs_a_number_and_a_ref_that_can_be_written() -> None:
    for settings in ({"sender": "PIZZERIA"}, {"sender": "", "service": SERVICE}):
        with pytest.raises(DefinitionError, match="needs a number"):
            sms(**settings).link("x")
    with pytest.raises(DefinitionError, match="1 to 128 letters"):
        sms().link("spring sale")


def test_the_environment_names_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT_SID", "AUTH_TOKEN", "PUBLIC_URL", "FROM", "MESSAGING_SERVICE_SID", "API_KEY", "API_SECRET"):
        monkeypatch.delenv(f"TWILIO_{name}", raising=False)
    monkeypatch.delenv("VONAGE_API_KEY", raising=False)
    with pytest.raises(DefinitionError, match="TWILIO_ACCOUNT_SID"):
        Sms.from_env().check()
    with pytest.raises(DefinitionError, match="TWILIO_ACCOUNT_SID"):
        Account.from_env().check("sms")
    for name, value in (("ACCOUNT_SID", SID), ("AUTH_TOKEN", TOKEN), ("PUBLIC_URL", PUBLIC), ("FROM", SENDER)):
        monkeypatch.setenv(f"TWILIO_{name}", value)
    Sms.from_env().check()
    Account.from_env().check("sms")
    monkeypatch.delenv("TWILIO_ACCOUNT_SID")
    for name, value in (
        ("API_KEY", "abcd"),
        ("API_SECRET", "s" * 16),
        ("SIGNATURE_SECRET", "s" * 32),
        ("FROM", SENDER),
    ):
        monkeypatch.setenv(f"VONAGE_{name}", value)
    made = Sms.from_env()
    made.check()
    assert isinstance(made.provider, Vonage)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"api_key": ""}, "VONAGE_API_KEY"),
        ({"sender": ""}, "VONAGE_FROM"),
        ({"sender": "BELLA"}, "one_way"),
        ({"algorithm": "md5"}, "sha256"),
        ({"api_url": "ftp://x"}, "https://"),
    ],
)
def test_a_wrong_setting_of_vonages_is_told_too(settings: dict[str, Any], named: str) -> None:
    given = {"api_key": "abcd", "api_secret": "s" * 16, "signature_secret": "s" * 32, "sender": SENDER, **settings}
    with pytest.raises(DefinitionError, match=named):
        Sms(Vonage(**given)).check()


# ── the doctor, the preview, the log ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.anyio
async def test_the_doctor_tells_where_messages_go() -> None:
    there = f"{PUBLIC}/sms#rc=3"

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("IncomingPhoneNumbers.json"):
            return httpx.Response(200, json={"incoming_phone_numbers": [{"sms_url": there}] if there else []})
        return httpx.Response(200, json={"friendly_name": "Shop", "status": "active"})

    async with over(serve) as transport:
        assert [one.ok for one in await transport.examine()] == [True, True]
        there = "https://demo.twilio.com/welcome"
        (_, finding) = await transport.examine()
        assert not finding.ok
        assert f"{PUBLIC}/sms" in finding.advice
        there = ""
        assert "no such number" in (await transport.examine())[1].advice
    async with over(lambda _: httpx.Response(401, json={"code": 20003})) as transport:
        (finding,) = await transport.examine()
        assert "TWILIO_AUTH_TOKEN" in finding.advice
    async with over(serve, sender="PIZZERIA", one_way=True) as transport:
        assert "nobody can answer PIZZERIA" in [one.what for one in await transport.examine()]


@pytest.mark.anyio
async def test_what_a_message_costs_is_in_the_log_at_level_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "convokit.transports.sms"):
        await sent(Message("İyi günler"))
    assert "1 part (UCS-2, 10 units)" in caplog.text
    assert sms().remarks(Message("Good day")) == ("1 part (GSM-7, 8 units)",)
    assert sms().remarks(Message("x", attachments=[Image("https://x.example/1")])) == ("1 MMS",)


# ── Vonage ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def at_vonage(*statuses: str, http: int = 200, body: bytes | None = None) -> Sms:
    parts = [{"status": one, "message-id": f"0C{number}"} for number, one in enumerate(statuses)]

    def serve(request: httpx.Request) -> httpx.Response:
        assert request.url == "https://rest.nexmo.com/sms/json"
        answer = {"message-count": str(len(parts)), "messages": parts}
        return httpx.Response(http, content=body) if body is not None else httpx.Response(http, json=answer)

    provider = Vonage("abcd", "s" * 16, "s" * 32, sender=SENDER)
    return Sms(provider, http_transport=httpx.MockTransport(serve))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        (("1",), RateLimited),
        (("5",), Unreachable),
        (("7",), Rejected),
        (("0", "1"), Rejected),
        (("odd",), Rejected),
        ((), Rejected),
    ],
)
async def test_a_status_of_vonages_has_its_class(statuses: tuple[str, ...], kind: type[TransportError]) -> None:
    async with at_vonage(*statuses) as transport:
        with pytest.raises(kind):
            await transport.send(HERE, Message("Hello"))


@pytest.mark.anyio
async def test_vonage_is_told_the_alphabet_and_gets_numbers_without_plus() -> None:
    async with at_vonage("0", "0") as transport:
        assert await transport.send_keyed(HERE, Message("Hello"), "k") == "0C0"
        with pytest.raises(Rejected):
            await transport.send(HERE, Message(attachments=[Image("https://x.example/1")]))
    provider = Vonage("abcd", "s" * 16, "s" * 32, sender=SENDER)
    fields = dict(provider.request(ADA, "Grüße", key="sms:1:2:0"))
    assert fields == {
        "from": "15550001111",
        "to": "15552223333",
        "text": "Grüße",
        "type": "text",
        "status-report-req": "true",
        "client-ref": "sms:1:2:0",
    }
    assert dict(provider.request(ADA, "İyi"))["type"] == "unicode"
    assert "client-ref" not in dict(provider.request(ADA, "x", key="k" * 101))


@pytest.mark.anyio
async def test_an_answer_of_vonages_that_is_none_is_a_refusal() -> None:
    async with at_vonage(body=b"<html>") as transport:
        with pytest.raises(Rejected):
            await transport.send(HERE, Message("Hello"))
