"""Every desk that comes with convokit keeps the contract."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

import anyio
import pytest

from convokit import ConversationId, Unreachable, User
from convokit.abc import Desk
from convokit.desks import Inbox, Local, Operator
from convokit.desks.inbox.page import Limits, Page
from convokit.testing.desk_contract import GRACE, QUEUE, DeskContract
from convokit.wire.files import FileBox
from convokit.wire.live import Line


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


class TestInbox(DeskContract):
    """The inbox, with an operator's page on it."""

    numbers = count(1)

    def make(self) -> Desk:
        return Inbox(queues=[QUEUE], silence=None, patience=None)

    async def joins(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        await self._does(desk, operator, "take", conversation)

    async def says(self, desk: Desk, conversation: ConversationId, operator: User, text: str) -> None:
        await self._does(desk, operator, "send", conversation, text=text)

    async def closes(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        await self._does(desk, operator, "return", conversation)

    async def sees(self, desk: Desk, conversation: ConversationId) -> Sequence[str] | None:
        page, line = await self._page(desk, GRACE)
        try:
            (welcome,) = [one for one in _frames(line) if one["t"] == "welcome"]
            standing = [row["conv"] for name in ("mine", "queue") for row in welcome["lists"][name]["rows"]]
            if str(conversation) not in standing:
                return None
            await page.take({"t": "open", "conv": str(conversation)})
            (opened,) = [one for one in _frames(line) if one["t"] == "opened"]
            return [one["text"] for one in opened["entries"] if one["kind"] == "text"]
        finally:
            page.left()

    async def _does(self, desk: Desk, operator: User, kind: str, conversation: ConversationId, **fields: Any) -> None:
        page, line = await self._page(desk, operator)
        try:
            found = await page.floor.run.store.load(conversation)
            epoch, cid = found.epoch if found is not None else 0, f"cid-{next(self.numbers):012}"
            await page.take({"t": kind, "cid": cid, "conv": str(conversation), "epoch": epoch, **fields})
            answer = None
            with anyio.fail_after(10):
                while answer is None:
                    await line.arrived()
                    answer = next((one for one in _frames(line) if one.get("re") == cid), None)
            assert answer["t"] == "ack", answer
        finally:
            page.left()

    async def _page(self, desk: Desk, operator: User) -> tuple[Page, Line]:
        assert isinstance(desk, Inbox)
        for _ in range(100):  # what the run has told is read
            await anyio.lowlevel.checkpoint()
        assert desk._floor is not None
        run, who = desk._floor.run, Operator(id=operator.id, name=operator.name)

        async def still() -> Operator | None:
            return who

        async def counted(_: Operator, __: str) -> None: ...

        line = Line()
        page = Page(
            floor=desk._floor,
            line=line,
            operator=who,
            still=still,
            key="",
            files=FileBox(run.files, run.store, run.clock),
            limits=Limits(),
            build="1",
            counted=counted,
        )
        await page.hello({"t": "hello", "v": 1, "lists": {}, "convs": {}})
        return page, line


def _frames(line: Line) -> list[dict[str, Any]]:
    return [json.loads(one) for one in line.take()]
