"""Sending: every way in which a call to the platform can fail; and the secrets meanwhile."""

import logging
import traceback

import pytest
from attrs import evolve

from convokit.abc import Proof
from convokit.conversations import ConversationId
from convokit.errors import RateLimited, Rejected, TransportError, Unreachable
from convokit.messages import Message
from convokit.testing.platform_double import Fault, HttpCall, PlatformDouble, Reply, Script
from convokit.testing.transport_contract._members import Members


class Sending(Members):
    """What `send` holds."""

    async def _send(self, script: Script, within: float = 10.0) -> list[HttpCall]:
        """Send one message. It is one call, however it ends: trying again is the outbox's, which knows when."""
        self.needs_http()
        async with PlatformDouble(script) as double, self.transport(double.url, within) as transport:
            try:
                await transport.send(ConversationId(transport.channel, self.conversation), Message("Hello"))
            finally:
                assert len(double.calls) <= 1, "a transport does not try again by itself"
            return double.calls

    @pytest.mark.anyio
    async def test_a_message_that_the_platform_takes_is_one_call(self) -> None:
        """One message, one call."""
        assert len(await self._send(lambda _: self.sent)) == 1

    @pytest.mark.anyio
    async def test_the_key_that_proves_a_message_goes_along(self) -> None:
        """Where `proof` says so: the same at each try of a message, another one for another message."""
        self.needs_http()
        async with PlatformDouble(lambda _: self.sent) as double, self.transport(double.url, 10.0) as transport:
            if transport.proof is Proof.NONE:
                pytest.skip("the platform offers nothing against sending twice")
            to = ConversationId(transport.channel, self.conversation)
            for number in (1, 1, 2):
                await transport.send_keyed(to, Message("Hello"), f"{to}:7:{number}")
            first, again, other = (call.body + call.path.encode() for call in double.calls)
        assert first == again, "the same message has the same key at every try"
        assert first != other, "the key does not leave, though proof says that the platform gets it"

    @pytest.mark.anyio
    async def test_a_pause_that_the_platform_asks_for_is_told(self) -> None:
        """429."""
        with pytest.raises(RateLimited) as told:
            await self._send(lambda _: self.refusal(429))
        assert told.value.retry_after == 7.0

    @pytest.mark.anyio
    async def test_a_pause_of_no_length_is_told_as_such(self) -> None:
        """429 without Retry-After: the pauses grow by themselves."""
        refused = self.refusal(429)
        silent = evolve(refused, headers={k: v for k, v in refused.headers.items() if k.lower() != "retry-after"})
        with pytest.raises(RateLimited):
            await self._send(always(silent))

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
            await self._send(always(fault), within=0.5)
        assert told.value.maybe_sent

    @pytest.mark.anyio
    async def test_a_line_that_was_never_there_has_certainly_sent_nothing(self) -> None:
        """Nobody listens."""
        self.needs_http()
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
                await self._send(always(odd))

    @pytest.mark.anyio
    async def test_a_redirect_is_not_followed(self) -> None:
        """Tokens go to the platform's own address only."""
        async with PlatformDouble(lambda _: self.sent) as sink:
            elsewhere = Reply(status=307, headers={"location": sink.url + "/x"})
            with pytest.raises(TransportError):
                await self._send(lambda _: elsewhere)
            assert sink.calls == []

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
                    await self._send(always(answer), within=0.3)
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


def always(answer: Reply | Fault) -> Script:
    return lambda _: answer
