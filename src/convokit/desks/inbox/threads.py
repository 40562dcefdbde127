"""What the inbox keeps in memory of each conversation: enough for its row in the lists."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Log, Logged
from convokit.desks.inbox.entries import DIRECTIONS, Json, mode_of, owner_of, preview_of, stamp
from convokit.desks.inbox.hours import Queue
from convokit.wire.text import fold

MOST_UNREAD = 99
"""Up to which number unread entries are told apart."""
TAIL = 60
"""How many of the newest entries are read of a conversation that is not known yet."""


@define(eq=False)
class Thread:
    """A conversation as the lists show it.

    Attributes:
        conversation: The committed state.
        log: The id of the log's numbering.
        head: The newest entry that was read.
        last: The newest entry that was said or noted.
        unanswered: The numbers of what the customer said since a person last spoke to them, the newest 99.
        queue: Whose it is; the last one it waited in, when it waits no more.
        tags: What operators put on it.
        at: When something happened last.
        read: The numbers up to which the customer and the operator who has it have seen.
        gone_at: Since when the customer has no page open, where their channel tells; None while they have one.
        mentioned: The operators whom the newest entry names, when it is a note.
    """

    conversation: Conversation
    at: datetime
    log: str = ""
    head: int = 0
    last: Entry | None = None
    unanswered: list[int] = field(factory=list)
    queue: str = ""
    tags: tuple[str, ...] = ()
    read: dict[str, int] = field(factory=lambda: {"user": 0, "operator": 0})
    gone_at: datetime | None = None
    mentioned: tuple[str, ...] = ()

    @property
    def id(self) -> ConversationId:
        """The conversation's name."""
        return self.conversation.id

    @property
    def owner(self) -> str:
        """The id of the operator who has it; empty: nobody."""
        return self.conversation.handoff.operator if self.conversation.handoff is not None else ""

    @property
    def waiting(self) -> bool:
        """Whether it waits for an operator."""
        return self.conversation.handoff is not None and not self.owner

    def take_in(self, log: Log) -> Sequence[Logged]:
        """Take a piece of the log in; returns what of it is new."""
        if log.id != self.log:
            self.log, self.head, self.last, self.unanswered = log.id, 0, None, []
            self.read = {"user": 0, "operator": 0}
        fresh = [one for one in log.entries if one.number > self.head]
        for one in fresh:
            entry = one.entry
            self.head = one.number
            self.at = max(self.at, entry.at)
            if entry.kind not in {"said", "note"}:
                continue
            self.last = entry
            if entry.kind == "said" and entry.author == "user":
                self.unanswered = [*self.unanswered, one.number][-MOST_UNREAD:]
            elif entry.kind == "said" and entry.author == "operator":
                self.unanswered = []
        return fresh

    def unread(self) -> int:
        """How much the customer said since a person spoke to them, and since its operator looked."""
        seen = self.read["operator"]
        return sum(1 for number in self.unanswered if number > seen)


@define(eq=False, frozen=True)
class Promises:
    """Within how long a customer is answered."""

    first: timedelta
    next: timedelta
    queues: Mapping[str, Queue]

    def due(self, conversation: Conversation) -> tuple[datetime | None, str | None]:
        """When an answer is due, and whether it is the "first" or the "next"; hours without operators do not count."""
        lease = conversation.handoff
        if lease is None:
            return None, None
        if lease.answered_at is None:
            since, duration, which = lease.opened_at, self.first, "first"
        elif lease.unanswered_since is not None:
            since, duration, which = lease.unanswered_since, self.next, "next"
        else:
            return None, None
        queue = self.queues.get(lease.queue)
        if queue is not None and queue.hours is not None:
            return queue.hours.after(since, duration), which
        return since + duration, which


def row_of(thread: Thread, promises: Promises, here: Sequence[Json], lookalike: Callable[[str], bool]) -> Json:
    """A conversation's row in the lists."""
    conversation = thread.conversation
    lease = conversation.handoff
    user = conversation.user
    name = user.name if user is not None else ""
    last = thread.last
    due_at, due = promises.due(conversation)
    row: dict[str, Any] = {
        "conv": str(thread.id),
        "name": name,
        "verified": user.verified if user is not None else False,
        "preview": preview_of(last) if last is not None else "",
        "dir": "" if last is None else "note" if last.kind == "note" else DIRECTIONS[last.author],
        "by": last.name if last is not None else "",
        "channel": thread.id.channel,
        "queue": thread.queue,
        "tags": list(thread.tags),
        "unread": thread.unread(),
        "mode": mode_of(conversation),
        "owner": owner_of(lease),
        "epoch": conversation.epoch,
        "due_at": stamp(due_at),
        "due": due,
        "waiting_since": stamp(_waiting_since(lease)) if lease is not None else None,
        "at": stamp(thread.at),
        "here": list(here),
        "gone_at": stamp(thread.gone_at),
    }
    if thread.mentioned:
        row["mentions"] = list(thread.mentioned)
    if name and not row["verified"] and lookalike(name):
        # A name proves nothing: one that reads like a colleague's, the bot's or "support" is marked.
        row["lookalike"] = True
    return row


def _waiting_since(lease: Handoff) -> datetime | None:
    return lease.unanswered_since if lease.operator else lease.opened_at


OFFICIAL = frozenset(
    {"support", "customer support", "customer service", "service", "help", "helpdesk", "help desk", "admin"}
)


def looks_official(name: str, known: Sequence[str]) -> bool:
    """Whether a customer's name reads like one of the business."""
    folded = fold(name)
    names = {fold(one) for one in known if one} | OFFICIAL
    return folded in names or any(part.strip() in names for part in _pieces(folded))


def _pieces(folded: str) -> Sequence[str]:
    for mark in ("·", "|", "-", "–", "—", "(", ")", ",", "/", "@", ":"):
        folded = folded.replace(mark, "\n")
    return folded.split("\n")
