"""The lists of one operator: mine, queue, all; each with a dense number of its own, so that a page can catch up."""

import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from attrs import define, field

from convokit.conversations import ConversationId
from convokit.desks.inbox.entries import Json
from convokit.desks.inbox.people import Operator
from convokit.desks.inbox.threads import Thread
from convokit.wire.live import Line

LISTS = ("mine", "queue", "all")
REMEMBERED = 500
"""How many changes of a list a page may have missed before it gets the list whole."""
SHOWN: Mapping[str, int] = {"mine": 60, "queue": 120, "all": 150}
"""How many rows a list has when it is sent whole; `total` says how many there are."""


def belongs(operator: Operator, thread: Thread, name: str) -> bool:
    """Whether a conversation stands in a list of this operator's."""
    if name == "mine":
        return thread.owner == operator.id
    if not operator.sees(thread.queue) and thread.owner != operator.id:
        return False
    return thread.waiting if name == "queue" else True


@define(eq=False)
class Sheet:
    """One list: who stands in it, and what changed.

    The numbers begin at a random place: a number that a page has of another run is in no range of this one.
    """

    lseq: int = field(factory=lambda: secrets.randbelow(1 << 42) << 10)
    first: int = 0
    members: set[ConversationId] = field(factory=set)
    changes: deque[tuple[int, ConversationId]] = field(factory=lambda: deque(maxlen=REMEMBERED))

    def __attrs_post_init__(self) -> None:
        self.first = self.lseq

    def change(self, conversation: ConversationId) -> int:
        """Count a change; returns its number."""
        self.lseq += 1
        self.changes.append((self.lseq, conversation))
        return self.lseq

    def since(self, lseq: object) -> Sequence[ConversationId] | None:
        """What changed after a number, each once; None: it is too long ago, or the number is not of this list."""
        if isinstance(lseq, bool) or not isinstance(lseq, int) or not self.first <= lseq <= self.lseq:
            return None
        oldest = self.changes[0][0] if self.changes else self.lseq + 1
        if lseq < oldest - 1:
            return None
        return list(dict.fromkeys(conversation for number, conversation in self.changes if number > lseq))


@define(eq=False)
class Board:
    """The lists of one operator, and the lines of their pages."""

    operator: Operator
    sheets: dict[str, Sheet] = field(factory=lambda: {name: Sheet() for name in LISTS})
    lines: set[Line] = field(factory=set)

    def fill(self, threads: Mapping[ConversationId, Thread]) -> None:
        """Put every conversation in its lists."""
        for name, sheet in self.sheets.items():
            sheet.members = {key for key, thread in threads.items() if belongs(self.operator, thread, name)}

    def show(self, thread: Thread, row: bytes) -> None:
        """A conversation's row changed: tell the pages whose lists it stands in, or stood in.

        Args:
            thread: The conversation.
            row: Its row as JSON, an object.
        """
        for name, sheet in self.sheets.items():
            if belongs(self.operator, thread, name):
                sheet.members.add(thread.id)
                head = f'{{"t":"row","list":"{name}","lseq":{sheet.change(thread.id)},'.encode()
                self._push(head + row[1:])
            else:
                self.drop(thread.id, name)

    def drop(self, conversation: ConversationId, name: str) -> None:
        """A conversation is in a list no more."""
        sheet = self.sheets[name]
        if conversation in sheet.members:
            sheet.members.discard(conversation)
            frame = {"t": "gone", "list": name, "lseq": sheet.change(conversation), "conv": str(conversation)}
            self._push(msgspec.json.encode(frame))

    def _push(self, frame: bytes) -> None:
        for line in list(self.lines):
            line.push_encoded(frame)

    def welcome(self, known: object, threads: Mapping[ConversationId, Thread], row: Callable[[Thread], Any]) -> Json:
        """The lists for a page that knows them up to the numbers in `known`: whole, or what changed since."""
        numbers = known if isinstance(known, dict) else {}
        return {name: self._sheet(name, numbers.get(name), threads, row) for name in LISTS}

    def _sheet(
        self, name: str, lseq: object, threads: Mapping[ConversationId, Thread], row: Callable[[Thread], Any]
    ) -> Json:
        sheet = self.sheets[name]
        changed = sheet.since(lseq)
        if changed is None or len(changed) > SHOWN[name]:
            members = [threads[one] for one in sheet.members if one in threads]
            if name == "queue":
                members.sort(key=lambda one: one.conversation.handoff.opened_at if one.conversation.handoff else one.at)
            else:
                # Who waits or is spoken with stands before who talks with the bot, however busy that one is.
                members.sort(key=lambda one: (one.conversation.handoff is not None, one.at), reverse=True)
            shown = members[: SHOWN[name]]
            return {"lseq": sheet.lseq, "snapshot": True, "rows": [row(one) for one in shown], "total": len(members)}
        rows = [
            row(threads[one]) if one in sheet.members and one in threads else {"conv": str(one), "gone": True}
            for one in changed
        ]
        return {"lseq": sheet.lseq, "snapshot": False, "rows": rows, "total": len(sheet.members)}
