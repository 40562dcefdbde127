"""The proof of a desk: subclass `DeskContract`, say how yours is made and how its operators act, run it with pytest.

```python
class TestMyDesk(DeskContract):
    def make(self) -> Desk:
        return MyDesk(api_url=self.double.url)

    async def joins(self, desk, conversation, operator): ...
    async def says(self, desk, conversation, operator, text): ...
    async def closes(self, desk, conversation, operator): ...
    async def sees(self, desk, conversation): ...
```

Each test is a sentence of `convokit.abc.Desk`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from convokit.abc import Desk
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.events import Event, HandoffClosed, OperatorJoined, OperatorReplied
from convokit.messages import Message
from convokit.people import User
from convokit.wire.codec import decode_event, encode_event

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
GRACE = User(id="grace", name="Grace")


def waiting(name: str = "ada") -> tuple[Conversation, Handoff]:
    """A conversation that was handed off."""
    where = ConversationId("test", name)
    handoff = Handoff(id=f"{where}:1", queue="front-desk", reason="wants a person", opened_at=NOON)
    return Conversation(id=where, user=User(id=name, name=name.title()), handoff=handoff), handoff


def line(author: Any, text: str) -> Entry:
    """A line of what was said before."""
    return Entry(at=NOON, author=author, message=Message(text))


class DeskContract:
    """What every desk keeps to; async tests run on asyncio and trio."""

    # ── what a desk's author says ───────────────────────────────────────────────────────────────────────────────────

    def make(self) -> Desk:
        """A fresh desk."""
        raise NotImplementedError("make() must return the desk under test")

    async def joins(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        """Let the operator take the conversation, as a human would at this desk."""
        raise NotImplementedError("joins() must let an operator take the conversation")

    async def says(self, desk: Desk, conversation: ConversationId, operator: User, text: str) -> None:
        """Let the operator answer."""
        raise NotImplementedError("says() must let an operator answer")

    async def closes(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        """Let the operator give the conversation back."""
        raise NotImplementedError("closes() must let an operator give the conversation back")

    async def sees(self, desk: Desk, conversation: ConversationId) -> Sequence[str] | None:
        """All texts that operators read in a conversation, oldest first; None when it is not on their screens."""
        raise NotImplementedError("sees() must tell what operators read")

    # ── the promises ────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(self, request: pytest.FixtureRequest) -> str:
        """Both back ends."""
        backend: str = request.param
        return backend

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Desk, list[Event]]]:
        """A running desk, and what it hands in."""
        came: list[Event] = []

        async def accept(events: Sequence[Event]) -> Sequence[bool]:
            await anyio.lowlevel.checkpoint()
            came.extend(events)
            return [True] * len(events)

        async with self.make() as desk, anyio.create_task_group() as tasks:
            tasks.start_soon(desk.run, accept)
            await anyio.wait_all_tasks_blocked()
            yield desk, came
            tasks.cancel_scope.cancel()

    @pytest.mark.anyio
    async def test_what_operators_do_comes_in_as_events_of_the_customers_conversation(self) -> None:
        conversation, handoff = waiting()
        async with self.running() as (desk, came):
            await desk.offer(conversation, handoff, ())
            await self.joins(desk, conversation.id, GRACE)
            await self.says(desk, conversation.id, GRACE, "Hello, Ada.")
            await self.closes(desk, conversation.id, GRACE)
            await anyio.wait_all_tasks_blocked()
        kinds = [type(one) for one in came]
        assert kinds == [OperatorJoined, OperatorReplied, HandoffClosed], f"the desk handed in {kinds}"
        assert {one.conversation for one in came} == {conversation.id}
        assert len({one.id for one in came}) == len(came), "two events have the same id: one would be dropped"
        joined, replied, _ = came
        assert isinstance(joined, OperatorJoined)
        assert isinstance(replied, OperatorReplied)
        assert joined.operator.id == replied.operator.id, "the same operator goes by two ids"
        assert replied.message.text == "Hello, Ada."
        assert [decode_event(encode_event(one)) for one in came] == came, "an event changes when it is stored"

    @pytest.mark.anyio
    async def test_the_same_words_twice_are_two_events(self) -> None:
        conversation, handoff = waiting()
        async with self.running() as (desk, came):
            await desk.offer(conversation, handoff, ())
            for _ in range(2):
                await self.says(desk, conversation.id, GRACE, "One moment.")
            await anyio.wait_all_tasks_blocked()
        said = [one for one in came if isinstance(one, OperatorReplied)]
        assert len({one.id for one in said}) == 2, "the second was lost, or would be dropped"

    @pytest.mark.anyio
    async def test_operators_read_what_was_said_before_and_since_in_order(self) -> None:
        conversation, handoff = waiting()
        async with self.running() as (desk, _):
            before = (line("user", "pizza"), line("bot", "Small or large?"), line("user", "a person, please"))
            await desk.offer(conversation, handoff, before)
            for text in ("hello?", "anyone there?"):
                await desk.forward(conversation.id, handoff, Message(text))
            read = await self.sees(desk, conversation.id)
        assert read is not None, "an offered conversation is not on the operators' screens"
        expected = ["pizza", "Small or large?", "a person, please", "hello?", "anyone there?"]
        assert [one for one in read if one in expected] == expected

    @pytest.mark.anyio
    async def test_an_offer_that_is_repeated_after_a_crash_is_one_case(self) -> None:
        conversation, handoff = waiting()
        async with self.running() as (desk, _):
            for _ in range(2):
                await desk.offer(conversation, handoff, (line("user", "pizza"),))
            read = await self.sees(desk, conversation.id)
        assert read is not None
        assert list(read).count("pizza") == 1

    @pytest.mark.anyio
    async def test_conversations_are_kept_apart(self) -> None:
        ada, bob = waiting("ada"), waiting("bob")
        async with self.running() as (desk, _):
            for conversation, handoff in (ada, bob):
                await desk.offer(conversation, handoff, ())
                await desk.forward(conversation.id, handoff, Message(f"I am {conversation.id.id}"))
            for conversation, other in ((ada[0], "I am bob"), (bob[0], "I am ada")):
                read = await self.sees(desk, conversation.id)
                assert read is not None
                assert other not in read

    @pytest.mark.anyio
    async def test_a_withdrawn_conversation_leaves_the_screens_and_may_be_withdrawn_again(self) -> None:
        conversation, handoff = waiting()
        async with self.running() as (desk, _):
            await desk.offer(conversation, handoff, ())
            for _ in range(2):
                await desk.withdraw(conversation.id, handoff)
            assert await self.sees(desk, conversation.id) is None

    @pytest.mark.anyio
    async def test_a_desk_can_be_run_again_after_it_was_stopped(self) -> None:
        conversation, handoff = waiting()
        for _ in range(2):
            async with self.running() as (desk, came):
                await desk.offer(conversation, handoff, ())
                await self.says(desk, conversation.id, GRACE, "Hello.")
                await anyio.wait_all_tasks_blocked()
            assert any(isinstance(one, OperatorReplied) for one in came)
