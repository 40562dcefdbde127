"""The three made-up channels of a torture run: signed JSON webhooks in, JSON calls out.

They differ in what their platform offers against sending twice. `POST {api}/{channel}/say` says something;
`POST {api}/business` is another system, which handlers call through `turn.once`.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from convokit.abc import Evidence, Proof, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import Forged, Malformed, RateLimited, Rejected, Unreachable
from convokit.events import ConversationOpened, Event, MalformedReceived, MessageReceived
from convokit.messages import Message
from convokit.people import User
from convokit.wire.http import Client, retry_after
from convokit.wire.lenient import read_json
from convokit.wire.signing import hmac_sha256, same

SIGNATURE = "x-torture-signature"
ANSWER_LOST = "x-torture-answer-lost"
"""Set on a call whose earlier answer never came, as its caller sees it: a platform may then be told twice."""
TIMEOUT = 1.0
"""Seconds after which a call is given up."""

TOO_MANY, UNAVAILABLE, SERVER_ERRORS = 429, 503, 500


class Made(Transport):
    """A made-up channel whose platform offers nothing against sending twice.

    Args:
        channel: Its name.
        api: The address of its platform's API, on this machine.
        secret: What webhooks are signed with.
    """

    proof: ClassVar[Proof] = Proof.NONE

    def __init__(self, channel: str, api: str, secret: str) -> None:
        self.channel = channel
        self._secret = secret.encode()
        self._client = Client(channel, api, connect=TIMEOUT, total=TIMEOUT)
        self._lost: set[tuple[str, str]] = set()

    async def __aenter__(self) -> Self:
        """Open the client."""
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        await self._client.__aexit__(*exc)

    def receive(self, request: Request) -> Received:
        """Verify and read a webhook; see `Transport.receive`."""
        given = request.headers.get(SIGNATURE, b"")
        if not same(given, signature(self._secret, request.body)):
            raise Forged(self.channel)
        try:
            body = read_json(request.body)
            events = tuple(self._event(one) for one in body["events"])
            proofs = tuple(Evidence(key=one["key"], platform_id=one["id"]) for one in body["proofs"])
        except (ValueError, KeyError, TypeError) as problem:
            raise Malformed(self.channel, f"{type(problem).__name__}") from problem
        return Received(events=events, evidence=proofs)

    def _event(self, one: dict[str, Any]) -> Event:
        conversation = ConversationId(self.channel, one["chat"])
        at = datetime.fromtimestamp(one["at"], UTC)
        known: dict[str, Any] = {"id": one["id"], "conversation": conversation, "at": at}
        user = User(id=f"user-{one['chat']}", name="Ann")
        match one["kind"]:
            case "garbled":
                return MalformedReceived(**known, reason="a garbled event", raw=one["text"])
            case "opened":
                return ConversationOpened(**known, user=user, ref=one["text"])
            case _:
                return MessageReceived(**known, user=user, text=one["text"])

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say it; see `Transport.send`."""
        return await self._say(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say it under the outbox's key."""
        return await self._say(to, message, key)

    async def _say(self, to: ConversationId, message: Message, key: str) -> str | None:
        headers = {ANSWER_LOST: "1"} if (to.id, message.text) in self._lost else {}
        body = {"to": to.id, "text": message.text, "key": key}
        try:
            answer = await self._client.post_json(f"/{self.channel}/say", body, headers=headers, what="say")
        except Unreachable as problem:
            self._missed(to, message, maybe_sent=problem.maybe_sent)
            raise
        if answer.status == TOO_MANY:
            raise RateLimited(self.channel, retry_after=retry_after(answer.headers.get("retry-after")))
        if answer.status >= SERVER_ERRORS:
            # A 503 comes before the platform has looked at the body; after another 5xx nobody knows.
            maybe_sent = answer.status != UNAVAILABLE
            self._missed(to, message, maybe_sent=maybe_sent)
            raise Unreachable(self.channel, f"say: {answer.status}", maybe_sent=maybe_sent)
        if not answer.ok:
            raise Rejected(self.channel, f"say: {answer.status}")
        self._lost.discard((to.id, message.text))
        said = answer.json()
        return str(said["id"]) if isinstance(said, dict) else None

    def _missed(self, to: ConversationId, message: Message, *, maybe_sent: bool) -> None:
        # Elsewhere a platform sees by itself what it is told twice, or is not told twice.
        if maybe_sent and self.proof is Proof.NONE:
            self._lost.add((to.id, message.text))


class Keyed(Made):
    """A made-up channel whose platform takes an idempotency key."""

    proof: ClassVar[Proof] = Proof.KEY


class Evident(Made):
    """A made-up channel whose platform returns our key in a later webhook."""

    proof: ClassVar[Proof] = Proof.EVIDENCE


MADE: dict[str, type[Made]] = {"keyed": Keyed, "evident": Evident, "bare": Made}
"""The channels by their names, which are those in `script.CHANNELS`."""


def signature(secret: bytes, body: bytes) -> bytes:
    """The value of the header `SIGNATURE`."""
    return hmac_sha256(secret, body).hex().encode()
