"""Vonage's SMS API as a provider of text messages.

Facts: Vonage developer pages: SMS API reference, Inbound SMS, Delivery receipts, Signing messages, Troubleshooting SMS
(read November 2026); the packages vonage-sms 1.2 and vonage-http-client 1.5 say the same of parameters and signatures.
"""

import hashlib
import hmac
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import parse_qsl

from convokit.abc import Proof, Request
from convokit.errors import DefinitionError, Forged, Malformed, RateLimited, Rejected, TransportError, Unreachable
from convokit.transports.sms.provider import Heard, Incoming, Other, SmsProvider, State, Status, Told, check_sender
from convokit.transports.sms.segments import gsm_alphabet
from convokit.wire.http import Answer, Client, check_base_url, retry_after
from convokit.wire.lenient import read_json
from convokit.wire.signing import Secret, digits, same
from convokit.wire.text import scrub

MOST_FIELDS = 100
SHORTEST_SECRET = 16
LONGEST_REF = 100
_DIGITS = re.compile(r"[0-9]{3,15}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_STATES: Mapping[str, State] = {
    "accepted": "accepted",
    "buffered": "accepted",
    "delivered": "delivered",
    "expired": "failed",
    "failed": "failed",
    "rejected": "failed",
}
_MEANINGS: Mapping[int, str] = {
    1: "too many messages a second for this account",
    4: "the credentials are not good: look at VONAGE_API_KEY and VONAGE_API_SECRET",
    5: "the platform failed",
    6: "it could not be processed: is it a phone number?",
    7: "the number is barred: they may have sent STOP",
    8: "the account is suspended",
    9: "the account has no credit left",
    10: "too many connections at once",
    15: "the sender is not allowed there: look at VONAGE_FROM",
    29: "a trial account writes to listed numbers only",
}
_TOO_MANY = frozenset({1, 10})
_FAILED = 5


class Vonage(SmsProvider):
    """A number, short code or name of a Vonage account, over its SMS API.

    In the dashboard's API settings, choose the signature method SHA-256 HMAC (or SHA-512), and have Vonage's support
    switch on signed webhooks: calls that are not signed are refused.

    A long message of a customer comes in parts, each as a message of its own: Vonage does not put them together.

    Args:
        api_key: The account's key.
        api_secret: Its secret.
        signature_secret: The secret with which Vonage signs what it sends us.
        sender: Who writes: a number of the account, a short code, or a name.
        algorithm: The signature method chosen in the dashboard.
        one_way: Whether it is meant that nobody can answer: for a sender that is a name.
        api_url: The API's address.

    Raises:
        DefinitionError: A secret is empty.
    """

    proof = Proof.EVIDENCE
    signs_time = True
    methods = frozenset({"GET", "POST"})

    def __init__(
        self,
        api_key: str,
        api_secret: str | Secret,
        signature_secret: str | Secret,
        *,
        sender: str,
        algorithm: Literal["sha256", "sha512"] = "sha256",
        one_way: bool = False,
        api_url: str = "https://rest.nexmo.com",
    ) -> None:
        self._api_key = api_key
        self._api_secret = _secret(api_secret, "api_secret")
        self._signature_secret = _secret(signature_secret, "signature_secret")
        self.sender = sender
        self.algorithm = algorithm
        self.one_way = one_way
        self.api_url = api_url

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With VONAGE_API_KEY, VONAGE_API_SECRET, VONAGE_SIGNATURE_SECRET and VONAGE_FROM; VONAGE_API_URL if it is set.

        Args:
            **settings: As in the constructor.
        """
        settings.setdefault("sender", os.environ.get("VONAGE_FROM", "").strip())
        if api_url := os.environ.get("VONAGE_API_URL", "").strip():
            settings.setdefault("api_url", api_url)
        key = os.environ.get("VONAGE_API_KEY", "").strip()
        secrets = (Secret.from_env("VONAGE_API_SECRET"), Secret.from_env("VONAGE_SIGNATURE_SECRET"))
        return cls(key, *secrets, **settings)

    def __repr__(self) -> str:
        return f"Vonage({self._api_key!r}, sender={self.sender!r})"

    def check(self, channel: str) -> None:
        """Look at the settings; see `SmsProvider.check`.

        Raises:
            MissingExtra: The extra "sms" is not installed: the alphabet of each message is told to Vonage.
        """
        if not self._api_key:
            raise DefinitionError(f"{channel}: VONAGE_API_KEY is not set; it stands on the first page of the dashboard")
        for secret in (self._api_secret, self._signature_secret):
            if not secret:
                raise DefinitionError(f"{channel}: {secret.name} is not set; it stands in the dashboard's API settings")
        if len(self._signature_secret.reveal()) < SHORTEST_SECRET:
            raise DefinitionError(
                f"{channel}: {self._signature_secret.name} is shorter than {SHORTEST_SECRET} characters, so it is not "
                "the one that the dashboard shows: with a guessable one anybody can speak as a customer"
            )
        if self.algorithm not in ("sha256", "sha512"):
            raise DefinitionError(f'{channel}: algorithm is "sha256" or "sha512", not {self.algorithm!r:.40}')
        if not self.sender:
            raise DefinitionError(f"{channel}: VONAGE_FROM is not set: a number of the account, a short code or a name")
        check_sender(channel, self, "VONAGE_FROM")
        check_base_url(channel, self.api_url)
        gsm_alphabet()

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, channel: str, request: Request) -> Heard:
        """Verify and read one call; see `SmsProvider.hear`."""
        fields = _fields(request)
        if fields is None or not self._signed(fields):
            raise Forged(channel)
        told = _read({name: scrub(value) for name, value in fields.items()}, self.sender.removeprefix("+"))
        if told is None:
            raise Malformed(channel, "a call without messageId, msisdn or timestamp")
        return Heard(told=told)

    def _signed(self, fields: Mapping[str, str]) -> bool:
        if not self._signature_secret:
            return False
        expected = signature(self._signature_secret.reveal().encode(), fields, self.algorithm)
        return same(expected.encode(), fields.get("sig", "").lower().encode("utf-8", "surrogatepass"))

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, channel: str, client: Client, to: str, text: str, *, pictures: Sequence[str] = (), key: str = ""
    ) -> str | None:
        """Send one message; see `SmsProvider.send`."""
        if pictures or not text:
            raise Rejected(channel, "Vonage's SMS API carries words only")
        credentials = b64encode(f"{self._api_key}:{self._api_secret.reveal()}".encode()).decode()
        answer = await client.post_form(
            "/sms/json", self.request(to, text, key=key), headers={"authorization": f"Basic {credentials}"}, what="send"
        )
        return _sent(channel, answer)

    def request(self, to: str, text: str, *, key: str = "") -> list[tuple[str, str]]:
        """The parameters of the call that sends one message. Pure. The key comes back with the delivery receipts."""
        fields = [("from", self.sender.removeprefix("+")), ("to", to.removeprefix("+")), ("text", text)]
        fields.append(("type", "text" if gsm_alphabet().keys() >= set(text) else "unicode"))
        fields.append(("status-report-req", "true"))
        return [*fields, ("client-ref", key)] if key and len(key) <= LONGEST_REF else fields


def signature(secret: bytes, fields: Mapping[str, str], algorithm: str) -> str:
    """The signature of a call with these fields, in hex: "&name=value" for each, by name, with "&" and "=" replaced."""
    mac = hmac.new(secret, digestmod=getattr(hashlib, algorithm))
    for name in sorted(fields):
        if name != "sig":
            value = fields[name].replace("&", "_").replace("=", "_")
            mac.update(f"&{name}={value}".encode("utf-8", "surrogatepass"))
    return mac.hexdigest()


def _fields(request: Request) -> dict[str, str] | None:
    """What a call carries, in whichever of its three forms; None when two readers could read it differently."""
    try:
        if request.method == "GET" or request.body[:1] != b"{":
            text = request.query if request.method == "GET" else request.body.decode("ascii")
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, separator="&")
        else:
            told = read_json(request.body)
            pairs = [(str(name), _written(value)) for name, value in told.items()][: MOST_FIELDS + 1]
    except (ValueError, TypeError):
        return None
    fields = dict(pairs)
    plain = all(_NAME.fullmatch(name) for name in fields)
    return fields if plain and len(fields) == len(pairs) <= MOST_FIELDS else None


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"a field is text or a number, not {type(value).__name__}")


def _read(fields: Mapping[str, str], sender: str) -> tuple[Told, ...] | None:
    own, number, seconds = fields.get("messageId", ""), fields.get("msisdn", ""), digits(fields.get("timestamp", ""))
    if not own or not _DIGITS.fullmatch(number) or seconds is None:
        return None
    if fields.get("to", sender).removeprefix("+") != sender:
        return ()  # another number of the same account, which is not this channel's
    at = datetime.fromtimestamp(min(seconds, 253402300799), UTC)
    raw = {name: value for name, value in fields.items() if name not in {"sig", "nonce", "api-key"}}
    if "status" in fields:
        status, code = fields["status"], digits(fields.get("err-code", ""))
        state = _STATES.get(status)
        if state is None:
            return (Other(id=f"{own}:{status}", number=f"+{number}", kind=f"status.{status}", raw=raw, at=at),)
        reason = f"{status}: error {code}" if state == "failed" else ""
        ref = fields.get("client-ref", "")
        return (Status(id=own, number=f"+{number}", state=state, key=ref, reason=reason, at=at),)
    if fields.get("type") not in {"text", "unicode"}:
        return (Other(id=own, number=f"+{number}", kind=f"type.{fields.get('type', '')}", raw=raw, at=at),)
    parts = {name: fields[name] for name in ("concat-ref", "concat-part", "concat-total") if name in fields}
    return (Incoming(id=own, number=f"+{number}", text=fields.get("text", ""), at=at, context=parts),)


def _sent(channel: str, answer: Answer) -> str | None:
    """The id of a message that was taken.

    Raises:
        TransportError: It was not, or not all of its parts.
    """
    if answer.status == 429:  # noqa: PLR2004  HTTP's own number
        raise RateLimited(channel, "too many calls", retry_after=retry_after(answer.headers.get("retry-after")))
    if answer.status >= 500 or answer.status == 408:  # noqa: PLR2004  HTTP's own numbers
        raise Unreachable(channel, f"HTTP {answer.status}", maybe_sent=answer.status != 503)  # noqa: PLR2004  see above
    told = answer.json()
    parts = told.get("messages") if isinstance(told, dict) else None
    if not answer.ok or not isinstance(parts, list) or not all(isinstance(one, dict) for one in parts) or not parts:
        raise Rejected(channel, f"HTTP {answer.status} without a status")
    codes = [digits(str(one.get("status", ""))) for one in parts]
    if wrong := [one for one in codes if one != 0]:
        raise _failure(channel, wrong[0], some_sent=len(wrong) < len(codes))
    own = parts[0].get("message-id")
    return own if isinstance(own, str) else None


def _failure(channel: str, code: int | None, *, some_sent: bool) -> TransportError:
    reason = ": ".join(filter(None, [_MEANINGS.get(code or 0), f"status {code}"]))
    if some_sent:
        return Rejected(channel, f"only some of its parts were taken: {reason}")
    if code in _TOO_MANY:
        return RateLimited(channel, reason)
    return Unreachable(channel, reason, maybe_sent=True) if code == _FAILED else Rejected(channel, reason)


def _secret(value: str | Secret, name: str) -> Secret:
    return value if isinstance(value, Secret) else Secret(value, name)
