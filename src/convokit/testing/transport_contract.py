"""The proof of a transport: subclass `TransportContract` in a test module, name it `Test…`, and run pytest.

```python
class TestNetcat(TransportContract):
    secrets = ("canary-token",)
    genuine = (b'{"id": 1, "text": "hi"}',)
    unknown = (b'{"id": 2, "dance": true}',)
    conversation = "42"

    def transport(self, api_url: str, timeout: float) -> Transport: ...
    def sign(self, body: bytes) -> Request: ...
    def without_secrets(self) -> Sequence[Callable[[], Transport]]: ...
```

It drives the transport through forged, damaged, repeated and unknown webhooks, and, over a loopback double of the
platform's API, through every way in which a call can fail; and it looks for the secrets in everything that was logged
or raised meanwhile.
"""

import copy
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, cast

import pytest
from attrs import evolve

from convokit.abc import Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Forged, Malformed, RateLimited, Rejected, TransportError, Unreachable
from convokit.events import Event, UnknownReceived
from convokit.messages import Message
from convokit.testing.platform_double import Fault, HttpCall, PlatformDouble, Reply, Script
from convokit.wire.codec import decode_event, encode_event

NOT_JSON = (b"", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"a":' * 100_000, b'"\\ud800"', b"1" * 5000, b"\x00")
"""Bodies that no platform sends and anybody can."""
JUNK: tuple[Any, ...] = (None, True, -1, 2**70, 1.5, "", "\ud800\0x", "x" * 5000, [], {}, [[[[]]]], {"a": {"a": 1}})
"""What a field of a genuine body is replaced with."""
ODD_SIGNATURES = (b"", b" ", b"\0", b"\xff", b"\xc3\xa9", b"sha256=", b"sha1=", b"=" * 64, b"0" * 4096)
"""What stands in the signature's place."""


class TransportContract:
    """What every transport holds. Give the members named here; override a test only to make it stricter."""

    secrets: ClassVar[Sequence[str]] = ()
    """Words that the transport of `transport` was given as its secrets; they may appear nowhere."""
    genuine: ClassVar[Sequence[bytes]] = ()
    """Bodies of webhook calls that bring events; as many kinds as the platform has."""
    unknown: ClassVar[Sequence[bytes]] = ()
    """Verified bodies of kinds that the transport does not know."""
    conversation: ClassVar[str] = ""
    """The id of a conversation that can be sent to."""
    signature_header: ClassVar[str] = ""
    """The header that proves the origin, in lower case."""
    signs_body: ClassVar[bool] = True
    """Whether the proof covers the body; False where the platform sends only a shared secret."""
    sent: ClassVar[Reply] = Reply()
    """What the platform answers to a message that it took."""

    def transport(self, api_url: str, timeout: float) -> Transport:
        """A fresh transport that calls `api_url` and gives a call up after `timeout` seconds."""
        raise NotImplementedError

    def sign(self, body: bytes) -> Request:
        """A genuine webhook call with this body, as the platform would make it."""
        raise NotImplementedError

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        """Makers of transports whose secrets are missing, empty or blank, one each."""
        raise NotImplementedError

    def refusal(self, status: int) -> Reply:
        """What the platform answers when it refuses with this status; 429 asks for 7 seconds."""
        headers = {"retry-after": "7"} if status == 429 else {}
        return Reply(status=status, body=b"{}", headers={"content-type": "application/json", **headers})

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(self, request: pytest.FixtureRequest) -> str:
        """Both event loops."""
        return cast("str", request.param)

    @pytest.fixture
    def webhook(self) -> Transport:
        """A transport that is not entered: receiving does no I/O."""
        transport = self.transport("http://127.0.0.1:1", 1.0)
        if not transport.has_webhook:
            pytest.skip("this transport takes no webhooks")
        return transport

    # ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_genuine_call_brings_events_of_its_channel_that_can_be_stored(self, webhook: Transport) -> None:
        """Ids are unique within the call, and what a store writes is what it reads back."""
        assert self.genuine, "give some genuine bodies"
        for body in self.genuine:
            events = webhook.receive(self.sign(body)).events
            assert events, body
            assert len({(one.conversation, one.id) for one in events}) == len(events)
            _storable(webhook, events)

    def test_the_same_call_again_brings_the_same_ids(self, webhook: Transport) -> None:
        """By them the store drops duplicates."""
        for body in self.genuine:
            first, again = (webhook.receive(self.sign(body)).events for _ in range(2))
            assert [(one.conversation, one.id) for one in first] == [(one.conversation, one.id) for one in again]

    def test_a_call_without_its_proof_is_refused(self, webhook: Transport) -> None:
        """Missing, empty, of bytes that are no text."""
        for body in (*self.genuine, *NOT_JSON):
            request = self.sign(body)
            bare = {name: value for name, value in request.headers.items() if name != self.signature_header}
            with pytest.raises(Forged):
                webhook.receive(evolve(request, headers=bare))
            for odd in ODD_SIGNATURES:
                with pytest.raises(Forged):
                    webhook.receive(evolve(request, headers={**bare, self.signature_header: odd}))

    def test_every_flipped_bit_of_the_proof_is_refused(self, webhook: Transport) -> None:
        """And one byte more or less."""
        request = self.sign(self.genuine[0])
        proof = request.headers[self.signature_header]
        for wrong in (*_flipped(proof), proof[:-1], proof + b"0", proof * 2):
            with pytest.raises(Forged):
                webhook.receive(evolve(request, headers={**request.headers, self.signature_header: wrong}))

    def test_every_flipped_bit_of_the_body_is_refused(self, webhook: Transport) -> None:
        """Where the proof covers the body."""
        if not self.signs_body:
            pytest.skip("the platform's proof does not cover the body")
        request = self.sign(self.genuine[0])
        for wrong in _flipped(request.body):
            with pytest.raises(Forged):
                webhook.receive(evolve(request, body=wrong))

    def test_a_transport_without_its_secrets_does_not_start_and_refuses_every_call(self) -> None:
        """Nothing turns the verification off."""
        makers = self.without_secrets()
        assert makers, "give makers of transports without secrets"
        for make in makers:
            try:
                transport = make()
            except DefinitionError:
                continue
            with pytest.raises(DefinitionError):
                transport.check()
            if transport.has_webhook:
                for body in self.genuine:
                    with pytest.raises(Forged):
                        transport.receive(self.sign(body))

    def test_a_body_that_cannot_be_read_is_malformed_and_nothing_else(self, webhook: Transport) -> None:
        """Genuinely signed."""
        for body in (*NOT_JSON, *(one[: len(one) // 2] for one in self.genuine)):
            self._read(webhook, body)

    def test_a_genuine_body_with_a_damaged_field_never_fails_otherwise(self, webhook: Transport) -> None:
        """Each field deleted, and replaced by junk of every type."""
        for body in self.genuine:
            for damaged in _damaged(body):
                self._read(webhook, damaged)

    def test_an_unknown_kind_is_accepted_and_kept_as_it_came(self, webhook: Transport) -> None:
        """So that a platform's news cost nothing."""
        for body in self.unknown:
            received = webhook.receive(self.sign(body))
            assert received.status == 200
            kept = [one for one in received.events if isinstance(one, UnknownReceived)]
            assert kept
            assert all(one.raw for one in kept)
            _storable(webhook, received.events)

    def _read(self, webhook: Transport, body: bytes) -> Received | None:
        try:
            received = webhook.receive(self.sign(body))
        except (Forged, Malformed):
            return None
        _storable(webhook, received.events)
        return received

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, script: Script, within: float = 10.0) -> list[HttpCall]:
        async with PlatformDouble(script) as double, self.transport(double.url, within) as transport:
            await transport.send(ConversationId(transport.channel, self.conversation), Message("Hello"))
            return double.calls

    @pytest.mark.anyio
    async def test_a_message_that_the_platform_takes_is_one_call(self) -> None:
        """One message, one call."""
        assert len(await self._send(lambda _: self.sent)) == 1

    @pytest.mark.anyio
    async def test_a_pause_that_the_platform_asks_for_is_told(self) -> None:
        """429."""
        with pytest.raises(RateLimited) as told:
            await self._send(lambda _: self.refusal(429))
        assert told.value.retry_after == 7.0

    @pytest.mark.anyio
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_failing_server_is_tried_again(self, status: int) -> None:
        """5xx; only 503 says that nothing was done."""
        with pytest.raises(Unreachable) as told:
            await self._send(lambda _: self.refusal(status))
        assert told.value.maybe_sent is (status != 503)

    @pytest.mark.anyio
    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    async def test_a_refusal_is_for_good(self, status: int) -> None:
        """4xx."""
        with pytest.raises(Rejected):
            await self._send(lambda _: self.refusal(status))

    @pytest.mark.anyio
    @pytest.mark.parametrize("fault", list(Fault))
    async def test_a_lost_answer_may_have_been_sent(self, fault: Fault) -> None:
        """The line dropped, or nothing came in time."""
        with pytest.raises(Unreachable) as told:
            await self._send(_always(fault), within=0.5)
        assert told.value.maybe_sent

    @pytest.mark.anyio
    async def test_a_line_that_was_never_there_has_certainly_sent_nothing(self) -> None:
        """Nobody listens."""
        async with PlatformDouble(lambda _: self.sent) as double:
            gone = double.url
        async with self.transport(gone, 5.0) as transport:
            with pytest.raises(Unreachable) as told:
                await transport.send(ConversationId(transport.channel, self.conversation), Message("Hello"))
        assert not told.value.maybe_sent

    @pytest.mark.anyio
    async def test_an_answer_without_end_or_compressed_is_not_read(self) -> None:
        """A mebibyte at most, and as it is."""
        endless = evolve(self.sent, body=self.sent.body + b" " * (2 << 20))
        compressed = evolve(self.sent, headers={**self.sent.headers, "content-encoding": "gzip"})
        for odd in (endless, compressed):
            with pytest.raises(Unreachable):
                await self._send(_always(odd))

    @pytest.mark.anyio
    async def test_a_redirect_is_not_followed(self) -> None:
        """Tokens go to the platform's own address only."""
        async with PlatformDouble(lambda _: self.sent) as sink:
            elsewhere = Reply(status=307, headers={"location": sink.url + "/x"})
            with pytest.raises(TransportError):
                await self._send(lambda _: elsewhere)
            assert sink.calls == []

    # ── secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.anyio
    async def test_no_secret_shows_in_logs_errors_or_reprs(self, caplog: pytest.LogCaptureFixture) -> None:
        """At level DEBUG, through success and every failure."""
        assert self.secrets, "name the secrets that the transport was given"
        shown: list[str] = []
        answers: list[Reply | Fault] = [self.sent, *map(self.refusal, (302, 400, 401, 403, 404, 429, 500)), *Fault]
        with caplog.at_level(logging.DEBUG):
            for name in list(logging.root.manager.loggerDict):
                if name.startswith(("convokit", "httpx", "httpcore")):
                    caplog.set_level(logging.DEBUG, name)
            for answer in answers:
                try:
                    await self._send(_always(answer), within=0.3)
                except TransportError as error:
                    shown += [repr(error), *traceback.format_exception(error)]
                    shown += [repr(one) for one in (error.__cause__, error.__context__) if one]
            transport = self.transport("http://127.0.0.1:1", 1.0)
            shown += [repr(transport), str(transport)]
            if transport.has_webhook:
                shown += [repr(transport.receive(self.sign(body))) for body in self.genuine]
        shown += [record.getMessage() for record in caplog.records]
        for secret in self.secrets:
            assert not [line for line in shown if secret in line]


def _always(answer: Reply | Fault) -> Script:
    return lambda _: answer


def _storable(transport: Transport, events: Sequence[Event]) -> None:
    for event in events:
        assert event.conversation.channel == transport.channel
        assert decode_event(encode_event(event)) == event


def _flipped(sample: bytes) -> Iterator[bytes]:
    """The sample with one bit changed, for each of its bits."""
    for place in range(len(sample) * 8):
        wrong = bytearray(sample)
        wrong[place // 8] ^= 1 << place % 8
        yield bytes(wrong)


def _damaged(body: bytes) -> Iterator[bytes]:
    """A JSON body with each field deleted, and replaced by each piece of junk; nothing for bodies of other kinds."""
    try:
        whole = json.loads(body.decode("utf-8-sig"))
    except ValueError:
        return
    for path in _paths(whole):
        for junk in (_DELETE, *JUNK):
            changed = copy.deepcopy(whole)
            holder = changed
            for step in path[:-1]:
                holder = holder[step]
            if junk is _DELETE:
                del holder[path[-1]]
            else:
                holder[path[-1]] = junk
            yield json.dumps(changed).encode()


_DELETE = object()


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*before, step)
        yield from _paths(inner, (*before, step))
