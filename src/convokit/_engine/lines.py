"""HTTP answers that carry what is said: a phone call's, say. While one is held open, the outbox speaks into it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import anyio
from attrs import define, field

from convokit.abc import Received
from convokit.conversations import ConversationId
from convokit.events import Event
from convokit.messages import Message

MOST_KEPT = 1000
"""How many answers are remembered, to be given again to a platform that asks again, and of how many conversations whose
answer came before their turn was over."""
LONGEST_OWED = 300.0
"""For how many seconds an event's turn is waited for, by however many calls: it may have ended in another process."""


@define(eq=False)
class Owed:
    """An event whose turn belongs in an answer."""

    since: float
    rows: frozenset[str] | None = None
    """The rows that its turn wrote and that are not said yet; None: it is not over."""


@define(eq=False)
class Line:
    """One answer that is held open."""

    events: tuple[str, ...]
    """The ids of those that came with this very call."""
    fresh: frozenset[str]
    """Those of them that no call before was waiting for."""
    owed: dict[str, Owed]
    """The events whose turns belong in it, by id."""
    messages: list[Message] = field(factory=list)
    moved: anyio.Event = field(factory=anyio.Event)

    @property
    def whole(self) -> bool:
        """Whether all that was waited for has been said."""
        return not self.owed


class Lines:
    """The answers that are held open in this process, by conversation; of several the newest is spoken into."""

    def __init__(self, now: Callable[[], float] = anyio.current_time) -> None:
        self._now = now
        self._open: dict[ConversationId, list[Line]] = {}
        self._owed: dict[ConversationId, dict[str, Owed]] = {}
        self._taken: dict[ConversationId, set[str]] = {}
        self._given: dict[tuple[ConversationId, str], bytes] = {}

    @contextmanager
    def opened(self, conversation: ConversationId, events: Iterable[Event]) -> Iterator[Line]:
        """Hold an answer open for what these events' turns say, and for what is still owed here from before.

        A call that is made again while the first is still answered shares what is said with it.
        """
        now, ids = self._now(), tuple(event.id for event in events)
        owed = self._owed.setdefault(conversation, {})
        for late in [event for event, one in owed.items() if now - one.since > LONGEST_OWED]:
            del owed[late]
        line = Line(ids, frozenset(ids) - owed.keys(), owed)
        owed.update({event: Owed(now) for event in line.fresh})
        others = self._open.setdefault(conversation, [])
        if (first := next((one for one in others if ids and one.events == ids), None)) is not None:
            line.messages = first.messages
        others.append(line)
        try:
            yield line
        finally:
            left = self._open[conversation]
            left.remove(line)
            if not left:
                del self._open[conversation]
            if not owed:
                self._owed.pop(conversation, None)
                self._taken.pop(conversation, None)
            self._forget()

    def _forget(self) -> None:
        """Keep what was never handled here within bounds."""
        if len(self._owed) > MOST_KEPT:
            for conversation in [one for one in self._owed if one not in self._open][: len(self._owed) - MOST_KEPT]:
                self._owed.pop(conversation)
                self._taken.pop(conversation, None)

    def take(self, conversation: ConversationId, key: str, message: Message) -> bool:
        """Say a row's message into the open answer, if there is one."""
        lines = self._open.get(conversation)
        if lines is None:
            return False
        lines[-1].messages.append(message)
        self._gone(conversation, key)
        return True

    def settled(self, conversation: ConversationId, key: str) -> None:
        """A row is not waited for any more: it went another way, or was given up."""
        if conversation in self._owed:
            self._gone(conversation, key)

    def committed(self, event: Event, keys: Iterable[str]) -> None:
        """An event's turn is over; it wrote these rows. The first word on it counts."""
        owed = self._owed.get(event.conversation, {}).get(event.id)
        if owed is None or owed.rows is not None:
            return
        owed.rows = frozenset(keys) - self._taken.get(event.conversation, set())
        self._move(event.conversation)

    def withdrawn(self, conversation: ConversationId) -> None:
        """The bot's rows that wait there were taken back: what was handled is waited for no more."""
        owed = self._owed.get(conversation, {})
        for event in [event for event, one in owed.items() if one.rows is not None]:
            del owed[event]
        self._move(conversation)

    def dropped(self, conversation: ConversationId, line: Line, events: Iterable[str]) -> None:
        """These events of an answer are none to be waited for: they were known already, or could not be kept.

        What another answer was waiting for before is waited for all the same: it is on its way.
        """
        owed = self._owed.get(conversation, {})
        for one in line.fresh.intersection(events):
            owed.pop(one, None)
        self._move(conversation)

    def _gone(self, conversation: ConversationId, key: str) -> None:
        self._taken.setdefault(conversation, set()).add(key)
        owed = self._owed.get(conversation, {})
        for one in owed.values():
            if one.rows is not None:
                one.rows -= {key}
        self._move(conversation)

    def _move(self, conversation: ConversationId) -> None:
        owed = self._owed.get(conversation, {})
        for event in [event for event, one in owed.items() if one.rows is not None and not one.rows]:
            del owed[event]
        for line in self._open.get(conversation, ()):
            line.moved.set()
            line.moved = anyio.Event()
        if not owed and conversation not in self._open:
            self._owed.pop(conversation, None)
            self._taken.pop(conversation, None)

    # ── answers given before ────────────────────────────────────────────────────────────────────────────────────────

    def given(self, events: Sequence[Event]) -> bytes | None:
        """What was answered to these very events before; None: nothing, as far as is remembered."""
        return self._given.get((events[0].conversation, events[0].id)) if events else None

    def remember(self, events: Sequence[Event], body: bytes) -> None:
        """Remember what was answered to events, for a platform that did not get it and asks again."""
        if events:
            self._given[events[0].conversation, events[0].id] = body
            while len(self._given) > MOST_KEPT:
                self._given.pop(next(iter(self._given)))


async def spoken(line: Line, received: Received, *, asked: bool) -> bytes:
    """The answer's body, once all is said or its time is up; `asked`: whether there were events to answer."""
    answer = received.answer
    if answer is None:  # pragma: no cover  nothing is held open for it
        return received.body
    with anyio.move_on_after(received.within):
        # A call that only listens takes what comes first, once nothing more is owed.
        while line.owed or not (asked or line.messages):
            await line.moved.wait()
    return answer(tuple(line.messages), line.whole)
