"""What a subclass of the suite gives: the members, and the hooks that are optional."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import pytest

from convokit.abc import Request, Transport
from convokit.testing.platform_double import HttpCall, Reply


class Members:
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
    calls_http: ClassVar[bool] = True
    """Whether `send` calls an HTTP API; False: what is proved over one is skipped."""

    def transport(self, api_url: str, timeout: float) -> Transport:
        """A fresh transport that calls `api_url` and gives a call up after `timeout` seconds."""
        raise NotImplementedError

    def sign(self, body: bytes) -> Request:
        """A genuine webhook call with this body, as the platform would make it."""
        raise NotImplementedError

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        """Makers of transports whose secrets are missing, empty or blank, one each."""
        raise NotImplementedError

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        """One body that brings what these bring, in their order. Give it where the platform sends batches."""
        del bodies
        pytest.skip("no batch(bodies) is given: does this platform send several events in one call?")

    def stale(self, body: bytes) -> Request:
        """A call with this body whose proof is right and old. Give it where the proof covers a time."""
        del body
        pytest.skip("no stale(body) is given: does this platform's proof cover a time?")

    def said(self, call: Any) -> str:
        """The text that a call of the transport's (an `HttpCall`) says to the customer; empty where it says none."""
        del call
        pytest.skip("no said(call) is given: what texts arrive cannot be read")

    def answers(self, call: HttpCall) -> Reply:
        """What the platform's API answers to a call of a message that it takes; `sent`, unless calls differ."""
        del call
        return self.sent

    async def speaks(self, transport: Transport, text: str) -> None:
        """Have a customer say `text` to this transport, which listens. Give it where the transport has `run`."""
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

    def needs_http(self) -> None:
        """Skip the test where the transport calls no HTTP API."""
        if not self.calls_http:
            pytest.skip("this transport calls no HTTP API (calls_http = False)")
