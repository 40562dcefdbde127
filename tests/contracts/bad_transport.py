"""A small transport with faults that can be switched on, one at a time: what the suite for transports must find."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from convokit.abc import Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Forged, Malformed, RateLimited, Rejected, Unreachable
from convokit.events import Event, MalformedReceived, MessageReceived, UnknownReceived
from convokit.messages import Button, Capabilities, Limit, Message
from convokit.people import User
from convokit.testing.platform_double import HttpCall, Reply
from convokit.testing.transport_contract import TransportContract
from convokit.wire.http import Client, retry_after
from convokit.wire.lenient import read_json
from convokit.wire.signing import Secret, hmac_sha256, same
from convokit.wire.text import scrub, scrub_json

TOKEN, SECRET = "canary-token-of-bad", "canary-secret-of-bad"
SIGNATURE, STAMP = "x-bad-signature", "x-bad-time"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

FAULTS = (
    "no signature check",
    "compares a prefix",
    "proof without the body",
    "takes old proofs",
    "starts without a secret",
    "a sibling is swallowed",
    "a new id at each delivery",
    "numbers as ids fail",
    "an unknown kind raises",
    "an unknown kind is dropped",
    "fails on damaged fields",
    "lone surrogates pass",
    "429 is a refusal",
    "every failure is tried again",
    "a lost answer was not sent",
    "the token in an error",
    "the secret in its repr",
    "texts are cut",
    "over its own limit",
    "sends buttons it cannot show",
    "two calls for one message",
    "buttons are lost",
    "tries again by itself",
)
"""What can be wrong with it."""


class Bad(Transport):
    """`{"events": [{"id", "from", "text"}]}` in, signed with its time; `POST /send` out; `fault` is what is wrong."""

    channel = "bad"
    capabilities = Capabilities(text_limit=Limit(100), buttons=3, button_label=Limit(20))

    def __init__(
        self, token: str | Secret, secret: str | Secret, api_url: str, timeout: float, fault: str = ""
    ) -> None:
        self.fault = fault
        self._token = token if isinstance(token, Secret) else Secret(token, "token")
        unset = isinstance(secret, str) and not secret.strip() and fault == "starts without a secret"
        self._secret = (
            Secret.unset("secret") if unset else secret if isinstance(secret, Secret) else Secret(secret, "secret")
        )
        self._api_url, self._timeout = api_url, timeout
        self._count = 0
        self._client: Client | None = None

    def __repr__(self) -> str:
        return f"Bad({self._secret.reveal()})" if self.fault == "the secret in its repr" else "Bad()"

    def check(self) -> None:
        if not self._secret and self.fault != "starts without a secret":
            raise DefinitionError("bad: the secret is not set")

    async def __aenter__(self) -> Self:
        self._client = await Client("bad", self._api_url, total=self._timeout).__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._client is not None:
            await self._client.__aexit__(*exc)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        if self.fault != "no signature check":
            self._verify(request)
        try:
            body = read_json(request.body)
        except ValueError as problem:
            raise Malformed(self.channel, str(problem)) from None
        happenings = body.get("events") if isinstance(body, dict) else None
        if not isinstance(happenings, list):
            raise Malformed(self.channel, "no events")
        found: list[Event] = []
        for number, one in enumerate(happenings):
            try:
                found.append(self._event(one, request))
            except KeyError:
                if self.fault == "a sibling is swallowed":
                    return Received()
                where = ConversationId(self.channel, "unknown")
                digest = hashlib.sha256(request.body).hexdigest()[:16]
                found.append(
                    MalformedReceived(id=f"{digest}:{number}", conversation=where, at=request.at, reason="no id")
                )
        return Received(events=tuple(found))

    def _verify(self, request: Request) -> None:
        if not self._secret:
            if self.fault == "starts without a secret":
                return
            raise Forged(self.channel)
        stamp, given = request.headers.get(STAMP, b""), request.headers.get(SIGNATURE, b"")
        covered = b"" if self.fault == "proof without the body" else request.body
        expected = hmac_sha256(self._secret.reveal().encode(), stamp, b".", covered).hex().encode()
        good = given[:8] == expected[:8] if self.fault == "compares a prefix" else same(expected, given)
        if not good or not stamp.isdigit():
            raise Forged(self.channel)
        age = abs(request.at - datetime.fromtimestamp(int(stamp), UTC))
        if age > timedelta(minutes=5) and self.fault != "takes old proofs":
            raise Forged(self.channel)

    def _event(self, one: Any, request: Request) -> Event:
        if self.fault == "fails on damaged fields":
            one = {**one, "text": one["text"].strip() if "text" in one else None}
        if not isinstance(one, dict):
            raise KeyError("event")
        clean = (lambda text: text) if self.fault == "lone surrogates pass" else scrub
        number, sender = one.get("id"), one.get("from")
        if self.fault == "numbers as ids fail" and isinstance(number, int):
            raise TypeError("an id is a text")
        if isinstance(number, bool) or not isinstance(number, str | int) or not str(number):
            raise KeyError("id")
        if isinstance(sender, bool) or not isinstance(sender, str | int) or not str(sender):
            raise KeyError("from")
        self._count += 1
        name = f"{number}:{self._count}" if self.fault == "a new id at each delivery" else clean(str(number))
        person = clean(str(sender))
        common: dict[str, Any] = {
            "id": name,
            "conversation": ConversationId(self.channel, person),
            "at": request.at,
            "user": User(id=person),
        }
        text = one.get("text")
        if isinstance(text, str) and text:
            return MessageReceived(text=clean(text), **common)
        if self.fault == "an unknown kind raises":
            raise NotImplementedError("what is that?")
        if self.fault == "an unknown kind is dropped":
            return MessageReceived(text="?", **common)
        return UnknownReceived(kind="something", raw=scrub_json(one), **common)

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:  # noqa: C901  its faults are many
        assert self._client is not None
        text = message.text
        if self.fault == "texts are cut":
            text = text[:90]
        elif self.fault == "over its own limit":
            text = text * 2
        labels = [one.label for one in message.buttons if isinstance(one, Button)]
        if self.fault == "sends buttons it cannot show":
            labels = [message.buttons[0].label] if labels else [message.buttons[0]["label"]]  # type: ignore[attr-defined, index]  # the fault itself
        elif self.fault == "buttons are lost":
            labels = []
        body = {"to": to.id, "text": text, "buttons": labels}
        headers = {"authorization": f"Bearer {self._token.reveal()}"}
        try:
            answer = await self._client.post_json("/send", body, headers=headers, what="send")
        except Unreachable as problem:
            if self.fault == "a lost answer was not sent":
                raise Unreachable(self.channel, problem.reason) from None
            raise
        if self.fault == "two calls for one message" or (self.fault == "tries again by itself" and not answer.ok):
            await self._client.post_json("/send", body, headers=headers, what="send")
        if answer.ok:
            return "id"
        told = f"answered {answer.status}"
        if self.fault == "the token in an error":
            told += f" to {self._token.reveal()}"
        if answer.status == 429 and self.fault != "429 is a refusal":
            raise RateLimited(self.channel, told, retry_after=retry_after(answer.headers.get("retry-after")))
        if answer.status >= 500 or self.fault == "every failure is tried again":
            raise Unreachable(self.channel, told, maybe_sent=answer.status != 503)
        raise Rejected(self.channel, told)


class BadContract(TransportContract):
    """The suite over it; a subclass, or an instance, says which fault is on."""

    fault = ""
    secrets = (TOKEN, SECRET)
    genuine = (
        b'{"events": [{"id": "1", "from": "ada", "text": "hi"}]}',
        b'{"events": [{"id": "2", "from": "7", "text": "one"}, {"id": 3, "from": "7", "text": "two"}]}',
    )
    unknown = (b'{"events": [{"id": "4", "from": "ada", "dance": true}]}',)
    conversation = "ada"
    signature_header = SIGNATURE

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Bad(TOKEN, SECRET, api_url, timeout, self.fault)

    def sign(self, body: bytes) -> Request:
        return self._signed(body, NOW)

    def stale(self, body: bytes) -> Request:
        return self._signed(body, NOW - timedelta(minutes=6))

    def _signed(self, body: bytes, when: datetime) -> Request:
        stamp = str(int(when.timestamp())).encode()
        proof = hmac.new(SECRET.encode(), stamp + b"." + body, hashlib.sha256).hexdigest().encode()
        if self.fault == "proof without the body":
            proof = hmac.new(SECRET.encode(), stamp + b".", hashlib.sha256).hexdigest().encode()
        return Request(method="POST", headers={SIGNATURE: proof, STAMP: stamp}, body=body, at=NOW)

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        parts = [json.loads(body) for body in bodies]
        listed = [one.get("events") if isinstance(one, dict) else one for one in parts]
        return json.dumps(
            {"events": [event for one in listed for event in (one if isinstance(one, list) else [one])]}
        ).encode()

    def said(self, call: HttpCall) -> str:
        return str(call.json()["text"])

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        return (
            lambda: Bad(TOKEN, " ", "http://127.0.0.1:1", 1.0, self.fault),
            lambda: Bad(TOKEN, Secret.unset("secret"), "http://127.0.0.1:1", 1.0, self.fault),
        )

    def refusal(self, status: int) -> Reply:
        return Reply(status=status, headers={"retry-after": "7"} if status == 429 else {})
