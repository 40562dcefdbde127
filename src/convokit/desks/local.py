"""A desk in this process: operators speak through its methods."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import anyio
from attrs import define, field

from convokit.abc import Accept, Attendance, Desk
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.errors import Unreachable
from convokit.events import (
    Event,
    HandoffClosed,
    HandoffTransferred,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
)
from convokit.messages import Message
from convokit.people import User


@define
class Case:
    """A conversation that waits for an operator, or has one.

    Attributes:
        conversation: Its name.
        handoff: The lease, as it was when the conversation was offered last.
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

    Args:
        silence: How long a customer waits for an operator's answer before the conversation goes back to the queue;
            None: for ever.
        patience: How long a conversation waits in the queue before the bot has it again; None: for ever.
        saying_expired: What the bot says then.

    Attributes:
        cases: The open cases by conversation, the longest waiting first.
        operators: How many operators are there; None: it cannot tell. Set it as they come and go.
        opens_at: When somebody is expected (UTC), while nobody is there.
    """

    def __init__(
        self, *, silence: timedelta | None = None, patience: timedelta | None = None, saying_expired: str = ""
    ) -> None:
        self.silence = silence
        self.patience = patience
        self.saying_expired = saying_expired
        self.cases: dict[ConversationId, Case] = {}
        self.operators: int | None = None
        self.opens_at: datetime | None = None
        self._accept: Accept | None = None

    def attendance(self, queue: str) -> Attendance:
        """Who is there, the same for every queue, and how many cases were offered to this one."""
        waiting = sum(1 for one in self.cases.values() if queue in {"", one.handoff.queue})
        return Attendance(operators=self.operators, waiting=waiting, opens_at=self.opens_at)

    async def run(self, accept: Accept) -> None:
        """Take what operators do until cancelled."""
        self._accept = accept
        try:
            await anyio.sleep_forever()
        finally:
            self._accept = None

    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """Open a case; one that came back keeps what was read in it."""
        case = Case(conversation=conversation.id, handoff=handoff, transcript=tuple(transcript))
        self.cases.setdefault(conversation.id, case).handoff = handoff

    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """Add what the customer said to the case."""
        self.cases.setdefault(conversation, Case(conversation=conversation, handoff=handoff)).heard.append(message)

    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """Close the case."""
        del handoff
        self.cases.pop(conversation, None)

    async def join(self, conversation: ConversationId, operator: User, *, epoch: int | None = None) -> None:
        """The operator takes the conversation. Raises `Unreachable` while no engine runs.

        With `epoch`, only if who speaks has not changed since it was that: so for all that operators do.
        """
        await self._hand_in(OperatorJoined(**_new(conversation), operator=operator, epoch=epoch))

    async def reply(
        self, conversation: ConversationId, operator: User, message: Message | str, *, epoch: int | None = None
    ) -> None:
        """The operator speaks; the first word takes the conversation. Raises `Unreachable` while no engine runs."""
        whole = message if isinstance(message, Message) else Message(message)
        await self._hand_in(OperatorReplied(**_new(conversation), operator=operator, message=whole, epoch=epoch))

    async def note(self, conversation: ConversationId, operator: User, message: Message | str) -> None:
        """The operator leaves a note for colleagues. Raises `Unreachable` while no engine runs."""
        whole = message if isinstance(message, Message) else Message(message)
        await self._hand_in(NoteWritten(**_new(conversation), operator=operator, message=whole))

    async def transfer(
        self,
        conversation: ConversationId,
        operator: User | None,
        *,
        to: User | None = None,
        queue: str | None = None,
        note: str = "",
        epoch: int | None = None,
    ) -> None:
        """The operator gives the conversation to a colleague or to a queue. Raises `Unreachable` while no engine runs.

        Without an operator it goes back to the queue because whoever had it fell silent or left.
        """
        await self._hand_in(
            HandoffTransferred(**_new(conversation), operator=operator, to=to, queue=queue, note=note, epoch=epoch)
        )

    async def close(
        self,
        conversation: ConversationId,
        operator: User | None = None,
        outcome: str = "",
        *,
        ended: bool = False,
        note: str = "",
        epoch: int | None = None,
    ) -> None:
        """The conversation goes back to the bot, or is `ended`. Raises `Unreachable` while no engine runs."""
        await self._hand_in(
            HandoffClosed(**_new(conversation), operator=operator, outcome=outcome, ended=ended, note=note, epoch=epoch)
        )

    async def _hand_in(self, event: Event) -> None:
        if self._accept is None:
            raise Unreachable("desk", "no engine runs this desk: use it inside `async with bot.serve()`")
        await self._accept([event])


def _new(conversation: ConversationId) -> dict[str, Any]:
    return {"id": f"desk:{uuid4().hex}", "conversation": conversation, "at": datetime.now(UTC)}
