"""Where customers have forbidden further messages: kept before anything else is made of their word.

It lies on a shelf of the store, under a digest of the conversation's name: an erasure of the person leaves it, and a
handler that fails undoes nothing of it.
"""

from collections.abc import Mapping

from convokit.abc import Store, Transport, Waiting
from convokit.conversations import ConversationId
from convokit.errors import Rejected
from convokit.events import ConversationClosed
from convokit.wire.codec import decode_json, encode

SHELF = "stops"


class Stops:
    """Keeps them for the channels that say so (`Transport.stops`); the others cost nothing."""

    def __init__(self, store: Store, transports: Mapping[str, Transport]) -> None:
        self._store = store
        self._transports = transports

    async def heard(self, waiting: Waiting) -> None:
        """Keep or end it, when an event says so. The same event again changes nothing.

        Raises:
            StoreUnavailable: It cannot be kept now; the event must not be handled yet.
        """
        event = waiting.event
        transport = self._transports.get(event.conversation.channel)
        if transport is None or not transport.stops:
            return
        if isinstance(event, ConversationClosed):
            told = encode({"seq": waiting.seq, "reason": event.reason})
            await self._store.keep(SHELF, _name(event.conversation), told)
        elif transport.reopens(event):
            await self._store.take_off(SHELF, _name(event.conversation))

    async def check(self, to: ConversationId, key: str = "") -> None:
        """Pass where something may be said.

        Args:
            to: Where.
            key: The outbox's key of what is to be said: the first thing that the very turn of the customer's word says
                confirms it, and passes.

        Raises:
            Rejected: They have forbidden it.
            StoreUnavailable: It is not known now.
        """
        transport = self._transports.get(to.channel)
        if transport is None or not transport.stops:
            return
        kept = await self._store.kept(SHELF, _name(to))
        if kept is None:
            return
        told = decode_json(kept)
        if key and key == f"{to}:{told['seq']}:0":
            return
        raise Rejected(
            to.channel,
            f"the customer has forbidden further messages here ({told['reason']}): nothing is sent until they allow it "
            "again",
        )


def _name(conversation: ConversationId) -> str:
    from hashlib import blake2b  # noqa: PLC0415  it loads OpenSSL's hashes, which no start needs

    return blake2b(str(conversation).encode(), digest_size=16).hexdigest()
