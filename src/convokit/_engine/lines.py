"""HTTP answers that carry what is said: a phone call's, say. While one is held open, the outbox speaks into it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import anyio
from attrs import define, field

from convokit.abc import Received
from convokit.conversations import ConversationId
from convokit.events import Event
from convokit.messages import Message

MOST_KEPT = 1000
"""How many answers are remembered, to be given again to a platform that asks again."""


@define(eq=False)
class Line:
    """One answer that is held open."""

    owed: dict[str, frozenset[str] | None]
    """The events whose turns belong in it, and the rows that they wrote; None: not handled yet."""
    messages: list[Message] = field(factory=list)
    moved: anyio.Event = field(factory=anyio.Event)

    @property
    def whole(self) -> bool:
        """Whether all that was waited for has been said."""
        return not self.owed


class Lines:
    """The answers that are held open in this process, by conversation; of several the newest is spoken into."""

    def __init__(self) -> None:
        self._open: dict[ConversationId, list[Line]] = {}
        self._owed: dict[ConversationId, dict[str, frozenset[str] | None]] = {}
        self._taken: dict[ConversationId, set[str]] = {}
        self._given: dict[tuple[ConversationId, str], bytes] = {}

    @contextmanager
    def opened(self, conversation: ConversationId, events: Iterable[Event]) -> Iterator[Line]:
        """Hold an answer open for what these events' turns say, and for what is still owed here from before."""
        owed = self._owed.setdefault(conversation, {})
        owed.update({event.id: None for event in events})
        line = Line(owed)
        self._open.setdefault(conversation, []).append(line)
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
        owed = self._owed.get(event.conversation)
        if owed is None or owed.get(event.id, frozenset()) is not None:
            return
        owed[event.id] = frozenset(keys) - self._taken.get(event.conversation, set())
        self._move(event.conversation)

    def withdrawn(self, conversation: ConversationId) -> None:
        """The bot's rows that wait there were taken back: what was handled is waited for no more."""
        owed = self._owed.get(conversation, {})
        for event in [event for event, keys in owed.items() if keys is not None]:
            del owed[event]
        self._move(conversation)

    def dropped(self, conversation: ConversationId, events: Iterable[str]) -> None:
        """These events are none to be waited for: they were known already."""
        owed = self._owed.get(conversation, {})
        for one in events:
            owed.pop(one, None)

    def _gone(self, conversation: ConversationId, key: str) -> None:
        self._taken.setdefault(conversation, set()).add(key)
        owed = self._owed.get(conversation, {})
        for event, keys in owed.items():
            if keys is not None:
                owed[event] = keys - {key}
        self._move(conversation)

    def _move(self, conversation: ConversationId) -> None:
        owed = self._owed.get(conversation, {})
        for event in [event for event, keys in owed.items() if keys is not None and not keys]:
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
