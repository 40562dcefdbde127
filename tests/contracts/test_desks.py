"""Every desk that comes with convokit keeps the contract."""

from collections.abc import Sequence

import pytest

from convokit import ConversationId, Unreachable, User
from convokit.abc import Desk
from convokit.desks import Local
from convokit.testing.desk_contract import GRACE, DeskContract


class TestLocal(DeskContract):
    """The desk in this process."""

    def make(self) -> Desk:
        return Local()

    async def joins(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        assert isinstance(desk, Local)
        await desk.join(conversation, operator)

    async def says(self, desk: Desk, conversation: ConversationId, operator: User, text: str) -> None:
        assert isinstance(desk, Local)
        await desk.reply(conversation, operator, text)

    async def closes(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        assert isinstance(desk, Local)
        await desk.close(conversation, operator)

    async def sees(self, desk: Desk, conversation: ConversationId) -> Sequence[str] | None:
        assert isinstance(desk, Local)
        case = desk.cases.get(conversation)
        return None if case is None else [*(one.message.text for one in case.transcript), *(m.text for m in case.heard)]

    @pytest.mark.anyio
    async def test_while_nothing_runs_it_operators_are_told(self) -> None:
        with pytest.raises(Unreachable, match="no engine runs this desk"):
            await Local().reply(ConversationId("test", "ada"), GRACE, "Hello.")
