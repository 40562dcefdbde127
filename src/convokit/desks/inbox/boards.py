"""The lists of one operator: mine, queue, all; each with a dense number of its own, so that a page can catch up."""

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
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
BEHIND_BYTES = 48 << 10
"""How much may wait for a page before its operator's lists pause: of what changes meanwhile only the latest is told."""


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
    _stale: "dict[ConversationId, None]" = field(factory=dict)

    def fill(self, threads: Mapping[ConversationId, Thread]) -> None:
        """Put every conversation in its lists."""
        for name, sheet in self.sheets.items():
            sheet.members = {key for key, thread in threads.items() if belongs(self.operator, thread, name)}

    def show(
        self,
        changed: Iterable[ConversationId],
        threads: Mapping[ConversationId, Thread],
        rows: Mapping[ConversationId, bytes],
    ) -> bool:
        """Rows changed: tell the pages whose lists they stand in, or stood in.

        Args:
            changed: Whose.
            threads: Every conversation that is known.
            rows: Their rows as JSON, objects.

        Returns:
            False: a page does not keep up, so that it is told later, by the next call.
        """
        self._stale |= dict.fromkeys(changed)
        told = []
        for key in self._stale:
            if any(line.size > BEHIND_BYTES for line in self.lines):
                break
            told.append(key)
            thread, row = threads.get(key), rows.get(key)
            if thread is not None and row is not None:
                self._show(thread, row)
        for key in told:
            del self._stale[key]
        return not self._stale

    def _show(self, thread: Thread, row: bytes) -> None:
        for name, sheet in self.sheets.items():
            if belongs(self.operator, thread, name):
                sheet.members.add(thread.id)
                lseq = sheet.change(thread.id)
                if self.lines:
                    head = f'{{"t":"row","list":"{name}","lseq":{lseq},"total":{len(sheet.members)},'
                    self._push(head.encode() + row[1:])
            else:
                self.drop(thread.id, name)

    def drop(self, conversation: ConversationId, name: str) -> None:
        """A conversation is in a list no more."""
        sheet = self.sheets[name]
        if conversation in sheet.members:
            sheet.members.discard(conversation)
            frame = {
                "t": "gone",
                "list": name,
                "lseq": sheet.change(conversation),
                "total": len(sheet.members),
                "conv": str(conversation),
            }
            self._push(msgspec.json.encode(frame))

    def _push(self, frame: bytes) -> None:
        for line in list(self.lines):
            line.push_encoded(frame)

    def _in_order(self, name: str, threads: Mapping[ConversationId, Thread]) -> list[Thread]:
        members = [threads[one] for one in self.sheets[name].members if one in threads]
        if name == "queue":
            members.sort(
                key=lambda one: (
                    one.conversation.handoff.opened_at if one.conversation.handoff else one.at,
                    str(one.id),
                )
            )
        else:
            # Who waits or is spoken with stands before who talks with the bot, however busy that one is.
            members.sort(key=lambda one: (one.conversation.handoff is not None, one.at, str(one.id)), reverse=True)
        return members

    def further(
        self, name: str, after: str, limit: int, threads: Mapping[ConversationId, Thread], row: Callable[[Thread], Any]
    ) -> Json:
        """The rows of a list that follow a conversation's, for a page that shows what is further down.

        Args:
            name: The list's name.
            after: The conversation above; where it no longer stands in the list, its rows begin anew.
            limit: How many at most.
            threads: Every conversation that is known.
            row: Makes a row.
        """
        members = self._in_order(name, threads)
        place = next((number for number, one in enumerate(members, 1) if str(one.id) == after), 0)
        shown = members[place : place + limit]
        return {
            "lseq": self.sheets[name].lseq,
            "rows": [row(one) for one in shown],
            "total": len(members),
            "end": place + len(shown) >= len(members),
        }

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
            members = self._in_order(name, threads)
            shown = members[: SHOWN[name]]
            return {"lseq": sheet.lseq, "snapshot": True, "rows": [row(one) for one in shown], "total": len(members)}
        rows = [
            row(threads[one]) if one in sheet.members and one in threads else {"conv": str(one), "gone": True}
            for one in changed
        ]
        return {"lseq": sheet.lseq, "snapshot": False, "rows": rows, "total": len(sheet.members)}
