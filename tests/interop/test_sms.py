"""Text messages before judges that are not ours: Twilio's and Vonage's own packages, Twilio's API description, smsutil.

The judges are in the extra interop; where one is absent, its tests are skipped.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.abc import Request
from convokit.errors import Forged
from convokit.events import MessageReceived
from convokit.fitting import fit
from convokit.messages import Button, Image, Link, Message
from convokit.transports.sms import Sms, Twilio, Vonage, segments
from convokit.transports.sms.vonage import signature
from convokit.transports.twilio import Account, sign

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SID, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"
PUBLIC = "https://shop.example/bot"
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def over_twilio(**given: Any) -> Sms:
    return Sms(Twilio(SID, TOKEN, **{"public_url": PUBLIC, "sender": "+15550001111", **given}))


# ── Twilio ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_signature_vectors_are_ours_too(shared: Path) -> None:
    vectors = json.loads((shared / "oracles" / "signature_vectors.json").read_text())
    form, multi, body = vectors["twilio_form"], vectors["twilio_multi"], vectors["twilio_json"]
    assert sign(form["token"].encode(), form["url"], form["params"].items()).decode() == form["header"]
    pairs = [(name, one) for name, values in multi["params_multi"].items() for one in values]
    assert sign(multi["token"].encode(), multi["url"], pairs).decode() == multi["header"]
    assert sign(body["token"].encode(), body["url"]).decode() == body["header"]
    account = Account(sid=SID, token=body["token"], public_url="https://h.example")
    query = body["url"].partition("?")[2]
    headers = {"x-twilio-signature": body["header"].encode()}
    called = Request(method="POST", query=query, headers=headers, body=body["body"].encode(), at=NOW)
    assert len(account.read("x", called)) == 0
    with pytest.raises(Forged):
        account.read("x", Request(method="POST", query=query, headers=headers, body=b'{"a":2}', at=NOW))


def test_a_recorded_message_is_read(shared: Path) -> None:
    body = (shared / "oracles" / "fixtures" / "sms" / "Twilio_NoMediaPayload.txt").read_bytes().strip()
    proof = sign(TOKEN.encode(), f"{PUBLIC}/sms", parse_qsl(body.decode(), keep_blank_values=True))
    transport = Sms(Twilio("4444", TOKEN, public_url=PUBLIC, sender="+1111"))
    request = Request(method="POST", headers={"x-twilio-signature": proof}, body=body, at=NOW)
    (event,) = transport.receive(request).events
    assert isinstance(event, MessageReceived)
    assert (event.id, event.text, event.conversation.id) == ("3333", "Hello", "+2222")
    assert event.context == {"state": "Amba", "country": "US"}


@settings(deadline=None)
@given(st.dictionaries(words, words, max_size=5), st.sampled_from(["", "?a=1", "?a=%20&b"]))
def test_twilios_validator_accepts_what_we_sign_and_we_what_it_signs(fields: dict[str, str], query: str) -> None:
    validation = pytest.importorskip("twilio.request_validator", reason="twilio judges the signature")
    validator = validation.RequestValidator(TOKEN)
    url = f"{PUBLIC}/sms{query}"
    theirs = validator.compute_signature(url, fields)
    assert sign(TOKEN.encode(), url, fields.items()).decode() == theirs
    assert validator.validate(url, fields, theirs)
    account = Account(sid=SID, token=TOKEN, public_url=PUBLIC)
    request = Request(
        method="POST",
        query=query.removeprefix("?"),
        headers={"x-twilio-signature": theirs.encode()},
        body=urlencode(fields).encode(),
        at=NOW,
    )
    assert account.read("sms", request).pairs == tuple(fields.items())
    for wrong in (
        validator.compute_signature(url + "x", fields),
        validator.compute_signature(url, {**fields, "x": "y"}),
    ):
        with pytest.raises(Forged):
            account.read(
                "sms",
                Request(
                    method="POST",
                    query=query.removeprefix("?"),
                    headers={"x-twilio-signature": wrong.encode()},
                    body=urlencode(fields).encode(),
                    at=NOW,
                ),
            )


@pytest.fixture(scope="module")
def message_parameters(shared: Path) -> dict[str, Any]:
    """What Twilio's description says of the call that sends a message."""
    told = json.loads((shared / "oracles" / "specs" / "twilio_api_v2010.json").read_text())
    call = told["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    form: dict[str, Any] = call["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    return form


actions = st.lists(
    st.one_of(st.builds(Button, words.filter(str.strip)), st.just(Link("Shop", "https://x.example"))), max_size=4
)
said = st.builds(
    lambda text, buttons, pictures: Message(
        text or "x", buttons=buttons, attachments=[Image(f"https://x.example/{one}") for one in range(pictures)]
    ),
    words,
    actions,
    st.integers(0, 12),
)


@settings(deadline=None)
@given(
    message=said,
    setting=st.sampled_from([{}, {"sender": "", "service": "MG" + "0" * 32}, {"smart_encoding": True}]),
)
def test_everything_sent_uses_the_apis_own_parameters(
    message: Message, setting: dict[str, Any], message_parameters: dict[str, Any]
) -> None:
    transport = over_twilio(**setting)
    provider = transport.provider
    assert isinstance(provider, Twilio)
    for one in fit(message, transport.capabilities).messages:
        pictures = [each.url for each in one.attachments]
        fields = provider.request("sms", "+15552223333", one.text, pictures=pictures, key="sms:+15552223333:1:0")
        names = [name for name, _ in fields]
        assert set(names) <= set(message_parameters["properties"])
        assert set(message_parameters["required"]) <= set(names)
        for name in set(names):
            several = message_parameters["properties"][name].get("type") == "array"
            assert several or names.count(name) == 1, name


def test_every_status_in_the_apis_list_is_known_or_told_as_unknown(shared: Path) -> None:
    from convokit.transports.sms.twilio import _STATES  # noqa: PLC0415  only this test needs it

    told = json.loads((shared / "oracles" / "specs" / "twilio_api_v2010.json").read_text())
    listed = set(told["components"]["schemas"]["message_enum_status"]["enum"])
    assert listed - set(_STATES) == {"receiving", "received", "partially_delivered"}
    assert set(_STATES) <= listed


# ── Vonage ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-z-]{1,12}", fullmatch=True).filter(lambda one: one != "sig"), words, max_size=6),
    st.sampled_from(["sha256", "sha512"]),
)
def test_vonages_package_signs_as_we_do(fields: dict[str, str], algorithm: Any) -> None:
    judge = pytest.importorskip("vonage_http_client.auth", reason="vonage-http-client judges the signature")
    auth = judge.Auth(api_key="abcd", signature_secret=TOKEN, signature_method=algorithm)
    fields = {**fields, "timestamp": "1790000000"}
    theirs = auth.sign_params(dict(fields))
    assert signature(TOKEN.encode(), fields, algorithm) == theirs
    assert auth.check_signature({**fields, "sig": signature(TOKEN.encode(), fields, algorithm)})


def test_what_vonages_package_signs_is_accepted_and_nothing_altered() -> None:
    judge = pytest.importorskip("vonage_http_client.auth", reason="vonage-http-client judges the signature")
    auth = judge.Auth(api_key="abcd", signature_secret=TOKEN, signature_method="sha256")
    fields = {"msisdn": "15552223333", "messageId": "0B1", "text": "a=b&c", "type": "text", "timestamp": "1790000000"}
    signed = {**fields, "sig": auth.sign_params(dict(fields))}
    transport = Sms(Vonage("abcd", "s" * 16, TOKEN, sender="+15550001111"))

    def post(told: dict[str, str]) -> Any:
        return transport.receive(Request(method="POST", body=urlencode(told).encode(), at=NOW)).events

    assert len(post(signed)) == 1
    with pytest.raises(Forged):
        post({**signed, "text": "a=b&d"})


def test_everything_sent_to_vonage_is_of_its_packages_fields() -> None:
    requests = pytest.importorskip("vonage_sms.requests", reason="vonage-sms judges the parameters")
    known = {one.serialization_alias or name for name, one in requests.SmsMessage.model_fields.items()}
    provider = Vonage("abcd", "s" * 16, TOKEN, sender="BELLA")
    fields = provider.request("+15552223333", "İyi günler", key="sms:1:2:0")
    assert {name for name, _ in fields} <= known
    told = {name.replace("-", "_").replace("from", "from_"): value for name, value in fields}
    requests.SmsMessage(**told)


# ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(st.one_of(*(st.text(letters, min_size=1, max_size=500) for letters in ("abc €{}[]", "abcşğ", "a😀b", "Grüße "))))
def test_smsutil_counts_the_same_parts(text: str) -> None:
    smsutil = pytest.importorskip("smsutil", reason="smsutil judges the parts")
    found, judged = segments(text), smsutil.split(text)
    assert (found.parts, found.encoding == "GSM-7") == (len(judged.parts), judged.encoding == "gsm0338")
