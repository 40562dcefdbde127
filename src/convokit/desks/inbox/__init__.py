"""The inbox: the page on which operators read and answer conversations, served beside the bot's own channels."""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

import anyio

from convokit.abc import Accept, Attendance, Desk, Run, Site
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.desks.inbox import people
from convokit.desks.inbox.doors import Authenticate, Doors
from convokit.desks.inbox.floor import Floor
from convokit.desks.inbox.hours import Hours, Queue
from convokit.desks.inbox.people import Operator
from convokit.desks.inbox.site import make_site
from convokit.desks.inbox.threads import Promises
from convokit.errors import DefinitionError, StoreUnavailable
from convokit.messages import Message
from convokit.wire.files import MOST_BYTES, TYPES, FileBox

__all__ = ["Authenticate", "Hours", "Inbox", "Operator", "Queue"]

logger = logging.getLogger(__name__)


class Inbox(Desk):
    """The operators' inbox: a page at `/inbox/`, with queues, transcripts, notes, transfers and a lead's figures.

    Operators sign in with passwords (`convokit operators add`) or one-time links, or the host says who they are. The
    page needs the extras `serve` and, for passwords, `inbox`.

    Args:
        queues: The queues that `turn.hand_off(to=…)` names, each a name or a `Queue` with its hours; "" is the one for
            everybody. A queue that is named by a handoff alone is shown, too, and is always open.
        authenticate: The host's own `async (request) -> Operator | None`, in place of passwords and links. It gets
            Starlette's `HTTPConnection`, and is asked again while a page is open.
        silence: How long a customer who has written waits for the operator who has the conversation, before it goes
            back to the queue; None: for ever.
        patience: How long a conversation waits in the queue before it goes back to the bot; None: for ever.
        disconnected: How long an operator's pages may be gone before their conversations go back to the queue.
        first_answer: Within how long a customer who asks for a person is answered.
        next_answer: Within how long each later question is.
        waiting_target: How many should wait at most: a line in a lead's figures, nothing more.
        saying_expired: What the bot says when nobody took the conversation in time; empty: nothing.
        file_bytes: What one file of an operator's may have.
        file_types: The media types that operators may send.
        origins: Origins such as "https://desk.example", beside the page's own, that its requests may come from.
        framed_by: Origins whose pages may show the inbox in a frame, or "'self'" for the page's own; nobody's when left
            out.

    Raises:
        DefinitionError: A setting is wrong.
    """

    name: ClassVar[str] = "inbox"
    reads_log: ClassVar[bool] = True

    def __init__(
        self,
        *,
        queues: Iterable[str | Queue] = ("",),
        authenticate: Authenticate | None = None,
        silence: timedelta | None = timedelta(minutes=10),
        patience: timedelta | None = timedelta(minutes=30),
        disconnected: timedelta = timedelta(minutes=5),
        first_answer: timedelta = timedelta(minutes=2),
        next_answer: timedelta = timedelta(minutes=5),
        waiting_target: int | None = None,
        saying_expired: str = "Sorry, nobody could answer in time. I am the assistant again: how can I help?",
        file_bytes: int = MOST_BYTES,
        file_types: Collection[str] = TYPES,
        origins: Collection[str] = (),
        framed_by: Collection[str] = (),
    ) -> None:
        self.queues = _queues(queues)
        self.authenticate = authenticate
        self.silence = _span("silence", silence)
        self.patience = _span("patience", patience)
        self.disconnected = _needed("disconnected", disconnected)
        if waiting_target is not None and (isinstance(waiting_target, bool) or waiting_target < 1):
            raise DefinitionError(f"Inbox: waiting_target is a number from 1, not {waiting_target!r}")
        self.waiting_target = waiting_target
        self.saying_expired = saying_expired
        self.file_bytes = file_bytes
        self.file_types = frozenset(file_types)
        self.origins = _origins("origins", origins)
        self.framed_by = _frames(framed_by)
        self._promises = Promises(
            first=_needed("first_answer", first_answer),
            next=_needed("next_answer", next_answer),
            queues=self.queues,
        )
        self._floor: Floor | None = None
        self._opened: anyio.Event | None = None

    async def __aenter__(self) -> Self:
        """Begin a run."""
        self._floor, self._opened = None, anyio.Event()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End it."""
        self._floor, self._opened = None, None

    def site(self, run: Run) -> Site:
        """The page and its endpoints.

        Raises:
            MissingExtra: Starlette is not installed.
        """
        self._floor = Floor(
            run=run,
            queues=self.queues,
            promises=self._promises,
            silence=self.silence,
            disconnected=self.disconnected,
            target=self.waiting_target,
        )
        doors = Doors(self._floor, self.authenticate, self.origins)
        files = FileBox(run.files, run.store, run.clock, most_bytes=self.file_bytes, types=self.file_types)
        app = make_site(self._floor, doors, files, self.framed_by)
        if self._opened is not None:
            self._opened.set()
        return app

    async def run(self, accept: Accept) -> None:
        """Keep the lists in step with the store until cancelled."""
        del accept  # what operators do is handed in by the run that the site was made for
        if self._opened is None:
            raise DefinitionError("the inbox is run as part of a bot: Bot(…, desk=Inbox()), and bot.serve()")
        await self._opened.wait()
        if self._floor is None:
            return
        if self.authenticate is None:
            await self._say_who_can_enter(self._floor)
        await self._floor.work()

    @staticmethod
    async def _say_who_can_enter(floor: Floor) -> None:
        """Say so when nobody could sign in: an inbox that waits for its first operator is easily forgotten open."""
        try:
            known = await people.accounts(floor.run.store)
        except StoreUnavailable:
            return  # it waits for the store, and says that
        if not known:
            logger.warning(
                "the inbox has no operator yet, so nobody can sign in: add one with `convokit operators add`, "
                "or give Inbox an authenticate= of your own"
            )

    def attendance(self, queue: str) -> Attendance:
        """Who takes conversations of a queue now, how many wait there, and when it opens while it is closed."""
        floor = self._floor
        if floor is None:
            return Attendance(operators=0)
        return floor.attendance(queue)

    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """Never called: the inbox reads the store."""

    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """Never called: the inbox reads the store."""

    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """Never called: the inbox reads the store."""


def _queues(given: Iterable[str | Queue]) -> dict[str, Queue]:
    if isinstance(given, str):
        raise DefinitionError(f"Inbox: queues is a list of names, not the single text {given!r:.60}")
    found: dict[str, Queue] = {}
    for one in given:
        queue = one if isinstance(one, Queue) else Queue(one)
        if queue.id == "*" or queue.id in found:
            raise DefinitionError(f"Inbox: the queue {queue.id!r} is there twice, or is called *, which means all")
        found[queue.id] = queue
    return found


def _needed(name: str, given: Any) -> timedelta:
    if not isinstance(given, timedelta) or given <= timedelta(0):
        raise DefinitionError(f"Inbox: {name} is a timedelta above zero, not {given!r}")
    return given


def _span(name: str, given: timedelta | None) -> timedelta | None:
    return None if given is None else _needed(name, given)


def _frames(given: Collection[str]) -> tuple[str, ...]:
    known = [one for one in given if one != "'self'"] if not isinstance(given, str) else given
    _origins("framed_by", known)
    return tuple(given)


def _origins(name: str, given: Collection[str]) -> frozenset[str]:
    if isinstance(given, str):
        raise DefinitionError(f"Inbox: {name} is a list, not the single text {given!r:.80}")
    for one in given:
        scheme, slashes, host = one.partition("://")
        if scheme not in {"http", "https"} or not slashes or not host or set(host) & set("/*;, '\""):
            raise DefinitionError(f"Inbox: {name} are written https://desk.example, without a path, not {one!r:.80}")
    return frozenset(given)
