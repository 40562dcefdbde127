"""What a mail channel remembers between two mails, on the store's shelves, erased with whom it is about."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from attrs import frozen

from convokit._value import Value
from convokit.abc import Run
from convokit.conversations import ConversationId
from convokit.transports.email.addresses import Place
from convokit.transports.email.mime import digest
from convokit.transports.email.tags import Tags

KNOWN_FOR = timedelta(days=400)
"""For how long Message-IDs are remembered."""
MOST_CHAIN = 30
_IDS, _SENT, _THREADS, _PLACES, _STOPS, _PAGES = (
    *("mail-ids", "mail-sent", "mail-threads", "mail-places", "mail-stops", "mail-pages"),
)


@frozen(kw_only=True, eq=False, repr=False)
class Thread(Value):
    """What the next mail of a conversation answers.

    Args:
        subject: Without "Re:"; empty: none yet.
        chain: The Message-IDs, the oldest first.
    """

    subject: str = ""
    chain: tuple[str, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Position(Value):
    """How far a mailbox was read.

    Args:
        validity: The mailbox's UIDVALIDITY: with another one, its UIDs are other mails.
        uid: The last UID that was taken; 0: none.
        later: UIDs before it that could not be taken, and are tried again.
        day: When the last was taken, as a timestamp.
    """

    validity: int
    uid: int
    later: tuple[int, ...] = ()
    day: float = 0.0


class Shelves:
    """A run's shelves, for one channel."""

    def __init__(self, run: Run, channel: str) -> None:
        self.run = run
        self.channel = channel
        self._tags: Tags | None = None

    async def tags(self) -> Tags:
        """What makes names that only we can make: its key is drawn once, and kept in the store.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        if self._tags is None:
            await self.run.store.keep("secrets", f"mail-{self.channel}", os.urandom(32), only_new=True)
            self._tags = Tags(await self.run.store.kept("secrets", f"mail-{self.channel}") or b"")
        return self._tags

    def conversation(self, place: Place) -> ConversationId:
        """The conversation's name."""
        return ConversationId(self.channel, place.id)

    def _about(self, address: str) -> str:
        return f"{self.channel}:{address}"

    async def remember(self, address: str, message_id: str, thread: str) -> str:
        """Remember which thread a mail belongs to; returns the thread that was remembered first."""
        key = f"{self.channel}:{address}:{message_id}"
        ends = self.run.clock.now() + KNOWN_FOR
        value = thread.encode() or b"-"
        if await self.run.store.keep(_IDS, key, value, expires_at=ends, only_new=True, about=self._about(address)):
            return thread
        return (await self.thread_of(address, message_id)) or ""

    async def thread_of(self, address: str, message_id: str) -> str | None:
        """Which thread with this address a mail belongs to; None: it is not known."""
        found = await self.run.store.kept(_IDS, f"{self.channel}:{address}:{message_id}")
        return None if found is None else found.decode().removeprefix("-")

    async def sent(self, place: Place, message_id: str) -> None:
        """Remember a mail of ours, before it goes out: its answer or its return may be here before we know."""
        await self.remember(place.address, message_id, place.thread)
        ends = self.run.clock.now() + KNOWN_FOR
        key = f"{self.channel}:{message_id}"
        await self.run.store.keep(_SENT, key, place.id.encode(), expires_at=ends, about=self._about(place.address))

    async def sent_to(self, message_id: str) -> Place | None:
        """Where a mail of ours went."""
        found = await self.run.store.kept(_SENT, f"{self.channel}:{message_id}")
        return None if found is None else Place.parse(found.decode())

    async def thread(self, place: Place) -> Thread:
        """What the next mail there answers."""
        found = await self.run.store.kept(_THREADS, f"{self.channel}:{place.id}")
        subject, chain = msgspec.json.decode(found, type=tuple[str, list[str]]) if found else ("", [])
        return Thread(subject=subject, chain=tuple(chain))

    async def keep_thread(self, place: Place, thread: Thread) -> None:
        """Change it."""
        chain = [*thread.chain[:1], *thread.chain[1:][-(MOST_CHAIN - 1) :]]
        value = msgspec.json.encode([thread.subject, chain])
        await self.run.store.keep(
            _THREADS,
            f"{self.channel}:{place.id}",
            value,
            expires_at=self.run.clock.now() + KNOWN_FOR,
            about=self._about(place.address),
        )

    async def stop(self, address: str, reason: str) -> None:
        """Write nothing more to an address, until it writes.

        Kept under a digest of the address, which an erasure of the person leaves: what they have forbidden stays so.
        """
        told = msgspec.json.encode([reason, self.run.clock.now().timestamp()])
        await self.run.store.keep(_STOPS, digest(self._about(address)), told)

    async def stopped(self, address: str) -> str:
        """Why nothing is written to an address; empty: it is."""
        return (await self._stop(address))[0]

    async def _stop(self, address: str) -> tuple[str, float]:
        found = await self.run.store.kept(_STOPS, digest(self._about(address)))
        return msgspec.json.decode(found, type=tuple[str, float]) if found else ("", 0.0)

    async def resume(self, address: str, at: datetime) -> None:
        """It wrote. An older mail, handed in again, changes nothing; servers tell the time of a mail by the second."""
        reason, since = await self._stop(address)
        if reason and at.timestamp() + 1 > since:
            await self.run.store.take_off(_STOPS, digest(self._about(address)))

    async def page(self, name: str, place: Place, buttons: Sequence[tuple[str, str]], lasts: timedelta) -> None:
        """Keep what the links of a mail are about: payload and label of each button."""
        value = msgspec.json.encode({"c": place.id, "b": list(buttons)})
        await self.run.store.keep(
            _PAGES,
            f"{self.channel}:{name}",
            value,
            expires_at=self.run.clock.now() + lasts,
            about=self._about(place.address),
        )

    async def paged(self, name: str) -> tuple[Place, list[tuple[str, str]]] | None:
        """What the links of a mail are about; None when they are not good (any more)."""
        found = await self.run.store.kept(_PAGES, f"{self.channel}:{name}")
        if found is None:
            return None
        told: Mapping[str, Any] = msgspec.json.decode(found)
        place = Place.parse(told["c"])
        return None if place is None else (place, [(payload, label) for payload, label in told["b"]])

    async def position(self, mailbox: str) -> Position | None:
        """How far a mailbox was read; None: never."""
        found = await self.run.store.kept(_PLACES, f"{self.channel}:{mailbox}")
        if found is None:
            return None
        validity, uid, later, day = msgspec.json.decode(found, type=tuple[int, int, list[int], float])
        return Position(validity=validity, uid=uid, later=tuple(later), day=day)

    async def move(self, mailbox: str, position: Position) -> None:
        """It was read so far."""
        value = msgspec.json.encode([position.validity, position.uid, list(position.later), position.day])
        await self.run.store.keep(_PLACES, f"{self.channel}:{mailbox}", value)
