# --8<-- [start:provider]
"""Pigeon, a provider of text messages of one's own: it posts JSON that it signs, and takes JSON."""

from collections.abc import Sequence

from convokit import DefinitionError, Forged, Malformed, RateLimited, Rejected, Unreachable
from convokit.abc import Proof, Request
from convokit.transports.sms import Heard, Incoming, Other, SmsProvider, Status, check_sender
from convokit.wire.http import Client, retry_after
from convokit.wire.lenient import read_json
from convokit.wire.signing import Secret, hmac_sha256, same


class Pigeon(SmsProvider):
    proof = Proof.EVIDENCE  # it gives the "ref" of a message back with what becomes of it

    def __init__(self, key: Secret, *, sender: str, api_url: str = "https://api.pigeon.example") -> None:
        self._key = key
        self.sender = sender
        self.api_url = api_url

    def check(self, channel: str) -> None:
        if not self._key:
            raise DefinitionError(f"{channel}: {self._key.name} is not set; it stands in Pigeon's dashboard")
        check_sender(channel, self, "sender")

    def hear(self, channel: str, request: Request) -> Heard:
        key = self._key.reveal().encode() if self._key else b""
        if not key or not same(hmac_sha256(key, request.body).hex().encode(), request.headers.get("x-pigeon", b"")):
            raise Forged(channel)
        try:
            told = read_json(request.body)
            kind, number, own = (str(told[name]) for name in ("kind", "number", "id"))
        except (ValueError, KeyError, TypeError) as problem:
            raise Malformed(channel, f"{type(problem).__name__} in what Pigeon posted") from None
        if kind == "message":
            return Heard(told=(Incoming(id=own, number=number, text=str(told.get("text", ""))),))
        if kind == "delivered":
            return Heard(told=(Status(id=own, number=number, state="delivered", key=str(told.get("ref", ""))),))
        if kind == "failed":
            return Heard(told=(Status(id=own, number=number, state="failed", reason=str(told.get("why", ""))),))
        return Heard(told=(Other(id=own, number=number, kind=kind, raw=told),))

    async def send(
        self, channel: str, client: Client, to: str, text: str, *, pictures: Sequence[str] = (), key: str = ""
    ) -> str | None:
        if pictures:
            raise Rejected(channel, "Pigeon carries words only")
        answer = await client.post_json(
            "/messages",
            {"from": self.sender, "to": to, "text": text, "ref": key},
            headers={"authorization": f"Bearer {self._key.reveal()}"},
            what="send",
        )
        if answer.status == 429:
            raise RateLimited(channel, "too many", retry_after=retry_after(answer.headers.get("retry-after")))
        if answer.status >= 500:
            raise Unreachable(channel, f"HTTP {answer.status}", maybe_sent=answer.status != 503)
        if not answer.ok:
            raise Rejected(channel, f"HTTP {answer.status}")
        told = answer.json()
        return str(told["id"]) if isinstance(told, dict) and "id" in told else None


# --8<-- [end:provider]
