"""The console holds what a transport holds that has no platform: whatever is said is shown whole."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define

from convokit.abc import Transport
from convokit.conversations import ConversationId
from convokit.fitting import fit
from convokit.messages import Message
from convokit.testing.transport_contract import TransportContract
from convokit.transports import Console


@define
class Paper:
    """A screen that keeps what is shown."""

    interactive: bool = False
    colours: bool = False
    shown: str = ""

    async def read(self, prompt: str) -> str:
        del prompt
        raise EOFError

    def write(self, text: str) -> None:
        self.shown += text


class TestConsole(TransportContract):
    secrets = ("the console has none",)
    conversation = "you"
    calls_http = False

    def transport(self, api_url: str, timeout: float) -> Transport:
        del api_url, timeout
        return Console(screen=Paper())

    async def delivered(self, message: Message) -> Sequence[Any]:
        paper, shown = Paper(), list[str]()
        async with Console(screen=paper) as console:
            for one in fit(message, console.capabilities).messages:
                paper.shown = ""
                await console.send(ConversationId("console", "you"), one)
                shown.append(paper.shown)
        return shown

    def said(self, call: Any) -> str:
        return str(call).removeprefix("bot › ").removesuffix("\n")

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        return ()

    def test_a_transport_without_its_secrets_does_not_start_and_refuses_every_call(self) -> None:
        """It has none."""
