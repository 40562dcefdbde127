"""What proves that a mail, a press or an unsubscribing answers a mail of ours: names that only we can make. Pure.

They are HMACs, written in small letters and digits, since mail programs do not keep the case of an address.
"""

import hashlib
import re
from base64 import b32encode

from convokit.transports.email.addresses import Place
from convokit.wire.signing import hmac_sha256, same

_TAG = re.compile(r"r((?:[a-z2-7]{16})?)([a-z2-7]{16})", re.ASCII)
_LEAVES = re.compile(r"u([a-z2-7]{16})", re.ASCII)
MESSAGE_ID = re.compile(r"<[a-z2-7]{32}@[^<>\s@]{1,253}>", re.ASCII)
"""What our own Message-IDs look like."""
LONGEST_TAG = 33


def thread_of(message_id: str) -> str:
    """A thread's name, made of the Message-ID of its first mail."""
    return _b32(hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).digest()[:10])


class Tags:
    """Makes them and knows them again.

    Args:
        key: 32 bytes that nobody else has.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def _mac(self, what: str, *parts: str, size: int = 10) -> str:
        said = "\n".join((what, *parts)).encode("utf-8", "surrogatepass")
        return _b32(hmac_sha256(self._key, b"convokit.mail.1\n", said)[:size])

    def reply(self, place: Place) -> str:
        """What stands behind the "+" of the address to reply to: `r`, the thread, a mark over address and thread."""
        return f"r{place.thread}{self._mac('reply', place.address, place.thread)}"

    def replied(self, tag: str, address: str) -> Place | None:
        """The conversation with this address that a tag names; None when it is not genuine, or another address's."""
        found = _TAG.fullmatch(tag.lower())
        if found is None:
            return None
        place = Place(address=address, thread=found[1])
        return place if same(found[2].encode(), self._mac("reply", address, found[1]).encode()) else None

    def leave(self, address: str) -> str:
        """What stands behind the "+" of the address to unsubscribe at."""
        return f"u{self._mac('leave', address)}"

    def left(self, tag: str, address: str) -> bool:
        """Whether a tag is this address's `leave`."""
        found = _LEAVES.fullmatch(tag.lower())
        return found is not None and same(found[1].encode(), self._mac("leave", address).encode())

    def message_id(self, key: str, domain: str) -> str:
        """The Message-ID of what has this outbox key: the same at every try, and not to be guessed."""
        return f"<{self._mac('id', key, size=20)}@{domain}>"

    def page(self, key: str, what: str) -> str:
        """The name of a page for the mail with this outbox key."""
        return self._mac("page", what, key, size=20)


def _b32(data: bytes) -> str:
    return b32encode(data).decode().lower().rstrip("=")
