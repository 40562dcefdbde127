"""What a chat in the terminal can be given of the run behind it: the history, the end of a turn, the desk."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

from convokit.conversations import ConversationId, Entry, Handoff
from convokit.messages import Message
from convokit.people import User


class Waiting(Protocol):
    """A conversation that waits for an operator, or has one."""

    @property
    @abstractmethod
    def conversation(self) -> ConversationId:
        """Its name."""

    @property
    @abstractmethod
    def handoff(self) -> Handoff:
        """The lease, as it was when the conversation was offered."""

    @property
    @abstractmethod
    def transcript(self) -> Sequence[Entry]:
        """What was said before, oldest first."""

    @property
    @abstractmethod
    def heard(self) -> Sequence[Message]:
        """What the customer said since, oldest first."""


class Backstage(Protocol):
    """The run behind a chat. An edge sees neither engine nor desk; whoever starts the chat has both."""

    @property
    @abstractmethod
    def cases(self) -> Mapping[ConversationId, Waiting]:
        """The conversations at the desk, the longest waiting first; empty without a desk."""

    @abstractmethod
    async def settled(self) -> None:
        """Return when nothing is left to do now."""

    @abstractmethod
    async def earlier(self, conversation: ConversationId) -> Sequence[Entry]:
        """The last lines of a conversation, oldest first. A handoff that stands there is at the desk afterwards."""

    @abstractmethod
    async def join(self, conversation: ConversationId, operator: User) -> None:
        """The operator takes the conversation."""

    @abstractmethod
    async def reply(self, conversation: ConversationId, operator: User, message: Message | str) -> None:
        """The operator speaks."""

    @abstractmethod
    async def close(self, conversation: ConversationId, operator: User) -> None:
        """The conversation goes back to the bot."""
