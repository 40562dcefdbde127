"""Mail addresses as they are compared, and the conversations that are named after them. Pure.

Facts: RFC 5321 (local part 64, domain 255 octets), RFC 5322, RFC 6531 (letters of any script).
"""

import re
import unicodedata

from attrs import frozen

from convokit._value import Value

LONGEST_LOCAL = 64
LONGEST_DOMAIN = 253

_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
_THREAD = re.compile(r"[a-z2-7]{16}", re.ASCII)


def normal(address: str) -> str:
    """The address as it is compared: small letters, the domain in its ASCII form; empty when it is none.

    Providers do not tell "Ada@" from "ada@", and people write both.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or len(local) > LONGEST_LOCAL or len(domain) > LONGEST_DOMAIN:
        return ""
    local = unicodedata.normalize("NFC", local).lower()
    if not _LOCAL.fullmatch(local) or not local.isprintable() or "\ufffd" in local:
        return ""
    try:
        domain = domain.lower() if domain.isascii() else domain.encode("idna").decode().lower()
    except UnicodeError:
        return ""
    return f"{local}@{domain}" if _DOMAIN.fullmatch(domain) else ""


def split(address: str) -> tuple[str, str]:
    """Local part and domain."""
    local, _, domain = address.rpartition("@")
    return local, domain


@frozen(kw_only=True, eq=False, repr=False)
class Place(Value):
    """What a conversation's id says: whom it is with, and which thread it is.

    Args:
        address: Normal.
        thread: 16 letters and digits made of the thread's first Message-ID; empty: what we began, and everything where
            all mails of an address are one conversation.
    """

    address: str
    thread: str = ""

    @property
    def id(self) -> str:
        """`address` or `address/thread`."""
        return f"{self.address}/{self.thread}" if self.thread else self.address

    @classmethod
    def parse(cls, id: str) -> "Place | None":  # noqa: A002  the word that conversations have for it
        """The inverse of `id`; None when it is no mail conversation's."""
        local, _, rest = id.rpartition("@")
        domain, slash, thread = rest.partition("/")
        address = f"{local}@{domain}"
        if normal(address) != address or (slash and not _THREAD.fullmatch(thread)):
            return None
        return cls(address=address, thread=thread)
