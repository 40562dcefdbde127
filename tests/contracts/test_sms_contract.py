"""Text messages hold what every transport holds, over each provider."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from attrs import evolve

from convokit.abc import Request, Transport
from convokit.errors import Forged
from convokit.testing.platform_double import HttpCall, Reply
from convokit.testing.transport_contract import TransportContract
from convokit.testing.transport_contract._damage import flipped
from convokit.transports.sms import Sms, Twilio, Vonage
from convokit.transports.sms.vonage import signature
from convokit.transports.twilio import sign

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SID = "AC" + "0" * 32
TOKEN = "canary-auth-token-0123456789abcd"
KEY_SECRET = "canary-api-secret-0123456789"
PUBLIC = "https://shop.example/bot"
SENDER = "+15550001111"
FORM = b"application/x-www-form-urlencoded"
ADA = "+15552223333"


def form(**fields: str) -> bytes:
    return urlencode({"AccountSid": SID, "From": ADA, "To": SENDER, "MessageSid": "SM1", **fields}).encode()


def status(**fields: str) -> bytes:
    return form(**{"From": SENDER, "To": ADA, "MessageSid": "SM9", **fields})


class TestSmsOverTwilio(TransportContract):
    secrets = (TOKEN, KEY_SECRET)
    signature_header = "x-twilio-signature"
    conversation = ADA
    sent = Reply.of({"sid": "SM9", "status": "queued"}, status=201)
    genuine = (
        form(Body="Hello é", SmsStatus="received", NumMedia="0", FromCountry="US"),
        form(Body="", NumMedia="2", MediaUrl0="https://api.twilio.com/x", MediaContentType0="image/jpeg"),
        form(Body="STOP", OptOutType="STOP"),
        form(Body="Abmelden"),
        form(Body="join spring-sale"),
        form(Body="START"),
        form(Body="HELP"),
        status(MessageStatus="delivered"),
        status(MessageStatus="read"),
        status(MessageStatus="failed", ErrorCode="21610"),
    )
    unknown = (status(MessageStatus="partially_delivered"), form(From="BANK", Body="Your code"))

    def transport(self, api_url: str, timeout: float) -> Transport:
        provider = Twilio(
            SID,
            TOKEN,
            public_url=PUBLIC,
            sender=SENDER,
            api_key="SK" + "0" * 32,
            api_secret=KEY_SECRET,
            api_url=api_url,
        )
        return Sms(provider, timeout=timeout)

    def sign(self, body: bytes) -> Request:
        try:
            fields = parse_qsl(body.decode("ascii"), keep_blank_values=True)
        except UnicodeDecodeError:
            fields = []
        proof = sign(TOKEN.encode(), f"{PUBLIC}/sms", fields)
        headers = {self.signature_header: proof, "content-type": FORM}
        return Request(method="POST", headers=headers, body=body, at=NOW)

    def said(self, call: HttpCall) -> str:
        return dict(parse_qsl(call.body.decode())).get("Body", "")

    def test_every_flipped_bit_of_the_body_is_refused(self, webhook: Transport) -> None:
        # "%2B" and "%2b" are two spellings of one value: what is signed, and what is read, are the values.
        request = self.sign(self.genuine[0])
        meant = parse_qsl(request.body.decode(), keep_blank_values=True)
        for wrong in flipped(request.body):
            try:
                same = parse_qsl(wrong.decode("ascii"), keep_blank_values=True) == meant
            except UnicodeDecodeError:
                same = False
            if not same:
                with pytest.raises(Forged):
                    webhook.receive(evolve(request, body=wrong))

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        def over(token: str, url: str = PUBLIC) -> Callable[[], Transport]:
            return lambda: Sms(Twilio(SID, token, public_url=url, sender=SENDER))

        return (over(""), over(" \n"), over("short"), over(TOKEN, ""))


class TestSmsOverVonage(TransportContract):
    secrets = ("canary-vonage-secret", "canary-signature-secret-0123")
    conversation = ADA
    signature_header = "x-none"
    sent = Reply.of({"message-count": "1", "messages": [{"status": "0", "message-id": "0C1", "to": "15552223333"}]})
    genuine = (
        urlencode(
            {"msisdn": "15552223333", "to": "15550001111", "messageId": "0B1", "text": "Hi é", "type": "unicode"}
        ).encode(),
        json.dumps(
            {"msisdn": "15552223333", "to": "15550001111", "messageId": "0B2", "text": "STOP", "type": "text"}
        ).encode(),
        json.dumps({"msisdn": "15552223333", "to": "15550001111", "messageId": "0C1", "status": "delivered"}).encode(),
        json.dumps(
            {"msisdn": "15552223333", "messageId": "0C2", "status": "failed", "err-code": "5", "client-ref": "sms:1"}
        ).encode(),
    )
    unknown = (
        json.dumps({"msisdn": "15552223333", "messageId": "0C3", "status": "unknown"}).encode(),
        json.dumps({"msisdn": "15552223333", "messageId": "0B3", "type": "binary", "data": "00"}).encode(),
    )

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Sms(Vonage("abcd1234", *self.secrets, sender=SENDER, api_url=api_url), timeout=timeout)

    def sign(self, body: bytes) -> Request:
        """Signed as the platform does: in the body itself, which stays as it is where it is no form and no object."""
        extra = {"timestamp": "1790000000", "nonce": "aa"}
        try:
            if body[:1] == b"{":
                fields = json.loads(body)
                told = {name: value for name, value in fields.items() if isinstance(value, str | int)}
                proof = signature(self.secrets[1].encode(), {**{k: str(v) for k, v in told.items()}, **extra}, "sha256")
                body = json.dumps({**fields, **extra, "sig": proof}).encode()
            else:
                pairs = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True))
                proof = signature(self.secrets[1].encode(), {**pairs, **extra}, "sha256")
                body = urlencode({**pairs, **extra, "sig": proof}).encode()
        except (ValueError, RecursionError):
            pass
        form = body[:1] not in {b"{", b"["}
        return Request(
            method="POST", headers={"content-type": FORM if form else b"application/json"}, body=body, at=NOW
        )

    def said(self, call: HttpCall) -> str:
        return dict(parse_qsl(call.body.decode())).get("text", "")

    # The proof stands in the body: what the contract does to a header is done to the field.

    def test_a_call_without_its_proof_is_refused(self, webhook: Transport) -> None:
        for body in self.genuine:
            request = self.sign(body)
            for odd in (b"", b"sig=", b"sig=0", b'"sig": ""'):
                wrong = request.body.replace(b"sig", odd or b"gis")
                with pytest.raises(Forged):
                    webhook.receive(evolve(request, body=wrong))

    def test_every_flipped_bit_of_the_proof_is_refused(self, webhook: Transport) -> None:
        request = self.sign(self.genuine[0])
        before, _, proof = request.body.rpartition(b"sig=")
        for wrong in (*flipped(proof), proof[:-1], proof + b"0"):
            if wrong.lower() != proof:  # the platform's own libraries differ in the case of the hex digits
                with pytest.raises(Forged):
                    webhook.receive(evolve(request, body=before + b"sig=" + wrong))

    def test_every_flipped_bit_of_the_body_is_refused(self, webhook: Transport) -> None:
        request = self.sign(self.genuine[0])
        meant = {name: value.lower() if name == "sig" else value for name, value in parse_qsl(request.body.decode())}
        for wrong in flipped(request.body):
            try:
                fields = {name: value.lower() if name == "sig" else value for name, value in parse_qsl(wrong.decode())}
            except UnicodeDecodeError:
                fields = {}
            if fields != meant:
                with pytest.raises(Forged):
                    webhook.receive(evolve(request, body=wrong))

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        def over(secret: str, signing: str) -> Callable[[], Transport]:
            return lambda: Sms(Vonage("abcd1234", secret, signing, sender=SENDER))

        return (over("", self.secrets[1]), over("secret", ""), over("secret", "short"))
