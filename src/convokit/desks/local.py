"""A desk in this process: operators speak through its methods."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import anyio
from attrs import define, field

from convokit.abc import Accept, Desk
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.errors import Unreachable
from convokit.events import Event, HandoffClosed, OperatorJoined, OperatorReplied
from convokit.messages import Message
from convokit.people import User


@define
class Case:
    """A conversation that waits for an operator, or has one.

    Attributes:
        conversation: Its name.
        handoff: The lease, as it was when the conversation was offered.
        transcript: What was said before, oldest first.
        heard: What the customer said since, oldest first.
    """

    conversation: ConversationId
    handoff: Handoff
    transcript: Sequence[Entry] = ()
    heard: list[Message] = field(factory=list)


class Local(Desk):
    """A desk in this process, for tests, the terminal, and pages of the business's own.

    It keeps its cases in memory: after a restart they are gone from it, while the handoffs stand in the store;
    operators can go on speaking there by the conversation's name.

    Attributes:
        cases: The open cases by conversation, the longest waiting first.
    """

    def __init__(self) -> None:
        self.cases: dict[ConversationId, Case] = {}
        self._accept: Accept | None = None

    async def run(self, accept: Accept) -> None:
        """Take what operators do until cancelled."""
        self._accept = accept
        try:
            await anyio.sleep_forever()
        finally:
            self._accept = None

    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """Open a case."""
        self.cases.setdefault(
            conversation.id, Case(conversation=conversation.id, handoff=handoff, transcript=tuple(transcript))
        )

    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """Add what the customer said to the case."""
        self.cases.setdefault(conversation, Case(conversation=conversation, handoff=handoff)).heard.append(message)

    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """Close the case."""
        del handoff
        self.cases.pop(conversation, None)

    async def join(self, conversation: ConversationId, operator: User) -> None:
        """The operator takes the conversation. Raises `Unreachable` while no engine runs."""
        await self._hand_in(OperatorJoined(**_new(conversation), operator=operator))

    async def reply(self, conversation: ConversationId, operator: User, message: Message | str) -> None:
        """The operator speaks; the first word takes the conversation. Raises `Unreachable` while no engine runs."""
        whole = message if isinstance(message, Message) else Message(message)
        await self._hand_in(OperatorReplied(**_new(conversation), operator=operator, message=whole))

    async def close(self, conversation: ConversationId, operator: User | None = None, outcome: str = "") -> None:
        """The conversation goes back to the bot. Raises `Unreachable` while no engine runs."""
        await self._hand_in(HandoffClosed(**_new(conversation), operator=operator, outcome=outcome))

    async def _hand_in(self, event: Event) -> None:
        if self._accept is None:
            raise Unreachable("desk", "no engine runs this desk: use it inside `async with bot.serve()`")
        await self._accept([event])


def _new(conversation: ConversationId) -> dict[str, Any]:
    return {"id": f"desk:{uuid4().hex}", "conversation": conversation, "at": datetime.now(UTC)}
