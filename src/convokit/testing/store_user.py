"""Short verbs on a store and a clock to move, so that a test of a store reads as what happens."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from attrs import define, evolve, field

from convokit.abc import Clock, Committed, Lane, Send, SendState, Settled, Stats, Store
from convokit.conversations import ConversationId, Entry, EntryKind
from convokit.events import ConversationOpened, MessageReceived
from convokit.messages import Message
from convokit.people import User

LEASE = 30.0
"""Seconds that the contract's claims last."""


@define
class HandClock(Clock):
    """A clock that stands still until it is moved."""

    time: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it was moved to."""
        return self.time

    async def sleep_until(self, moment: datetime) -> None:
        """Return when somebody has moved the clock to `moment`."""
        while self.time < moment:
            await anyio.lowlevel.checkpoint()

    def passes(self, **amount: float) -> None:
        """Move it by a `timedelta` of these arguments; negative moves it back."""
        self.time += timedelta(**amount)


def conversation(name: str = "ada") -> ConversationId:
    """A conversation on a channel of the contract's own."""
    return ConversationId("test", name)


@define(eq=False)
class StoreUser:
    """Short verbs on a store, so that a test reads as what happens.

    Args:
        store: The store under test, open.
        clock: Its clock.
    """

    store: Store
    clock: HandClock
    _heard: int = field(default=0, init=False)

    def said(self, text: str, by: str = "ada", *, event_id: str = "") -> MessageReceived:
        """An event: `by` wrote `text`, with an id of its own unless one is given."""
        self._heard += 1
        return MessageReceived(
            id=event_id or f"e{self._heard}",
            conversation=conversation(by),
            at=self.clock.now(),
            user=User(id=by, name=by.title()),
            text=text,
        )

    def opened(self, by: str = "ada", *, event_id: str = "") -> ConversationOpened:
        """An event with which nobody says anything, with an id of its own unless one is given."""
        self._heard += 1
        return ConversationOpened(
            id=event_id or f"e{self._heard}", conversation=conversation(by), at=self.clock.now(), user=User(id=by)
        )

    def entry(
        self, key: str, text: str = "hello", kind: EntryKind = "said", *, private: bool = False, by: str = ""
    ) -> Entry:
        """An entry of the log: the bot's, or the operator's with this id."""
        return Entry(
            at=self.clock.now(),
            author="operator" if by else "bot",
            by=by,
            message=Message(text),
            key=key,
            kind=kind,
            private=private,
        )

    async def logged(self, by: str = "ada", **piece: Any) -> list[tuple[int, int, str]]:
        """A piece of the log: number, public number and key of each entry."""
        found = await self.store.log(conversation(by), **piece)
        return [(one.number, one.public, one.entry.key) for one in found.entries]

    async def remembers(self, limit: int = 1000, *, before: int | None = None) -> list[str]:
        """What was said in ada's conversation, in the order of the lane."""
        return [one.message.text for one in await self.store.history(conversation(), limit, before=before)]

    async def hears(self, *texts: str, by: str = "ada") -> None:
        """Accept one event per text."""
        accepted = await self.store.accept([self.said(text, by) for text in texts])
        if not all(accepted):
            raise AssertionError(f"of {texts!r} not all was accepted: {list(accepted)}")

    async def claims(self, limit: int = 100) -> list[Lane]:
        """What can be claimed now."""
        return list(await self.store.claim("worker", limit, LEASE))

    async def claims_one(self) -> Lane:
        """The only lane that can be claimed now."""
        (lane,) = await self.claims()
        return lane

    def turn(self, lane: Lane, **changes: Any) -> Committed:
        """The commit that handles the lane's first event; `changes` are fields of `Committed`."""
        seq = changes.pop("seq", lane.events[0].seq)
        state = changes.pop("state", lane.conversation)
        version = lane.conversation.version + 1
        return Committed(epoch=lane.epoch, seq=seq, conversation=evolve(state, version=version), **changes)

    async def commits(self, lane: Lane, **changes: Any) -> bool:
        """Whether the lane's first event could be committed."""
        (kept,) = await self.store.commit([self.turn(lane, **changes)])
        return kept

    def send(self, key: str, to: str = "ada", text: str = "hello", **changes: Any) -> Send:
        """An outbox row that expires in a day."""
        expires_at = self.clock.now() + timedelta(days=1)
        return Send(key=key, conversation=conversation(to), message=Message(text), expires_at=expires_at, **changes)

    async def writes(self, *sends: Send, **changes: Any) -> None:
        """A turn in the first row's conversation that writes these outbox rows."""
        await self.hears("a reason to send", by=sends[0].conversation.id)
        for lane in await self.claims():
            mine = lane.conversation.id == sends[0].conversation
            if not await self.commits(lane, **({"sends": sends, **changes} if mine else {})):
                raise AssertionError(f"the turn in {lane.conversation.id} was fenced")

    async def takes(self, limit: int = 100) -> list[Send]:
        """The outbox rows that can be claimed now."""
        return list(await self.store.claim_sends("worker", limit, LEASE))

    async def settles(self, key: str, state: SendState = "sent", **more: Any) -> None:
        """Say what became of a row."""
        await self.store.settle([Settled(key=key, state=state, **more)])

    async def counts(self) -> Stats:
        """The store's counts, without the ages of what it holds."""
        return evolve(await self.store.stats(), oldest={})


def texts(lane: Lane) -> list[str]:
    """What the lane's events say."""
    return [one.event.text for one in lane.events]


def names(lanes: Sequence[Lane]) -> list[str]:
    """Whose lanes these are."""
    return [lane.conversation.id.id for lane in lanes]


def keys(sends: Sequence[Send]) -> list[str]:
    """The rows' keys."""
    return [send.key for send in sends]
