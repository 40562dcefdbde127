"""Where a mail server is, and how the line to it is made: encrypted, or within this machine."""

import re
import ssl
from typing import Literal

from attrs import frozen

from convokit._value import Value
from convokit.errors import DefinitionError

Security = Literal["tls", "starttls", "none"]
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?){1,20}|\[[0-9a-fA-F:.]{2,45}\]", re.ASCII)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FROM_THE_FIRST_BYTE = frozenset({465, 993})
_BEGINS_PLAIN = frozenset({25, 143, 587})
_MOST_PORT = 65535
_LONGEST_HOST = 253
_DIGITS = 5


@frozen(kw_only=True, eq=False, repr=False)
class Server(Value):
    """A mail server.

    Args:
        host: Its name or address.
        port: The port.
        security: "tls" from the first byte, "starttls" before anything is said, "none" only within this machine.
    """

    host: str
    port: int
    security: Security

    @classmethod
    def parse(cls, text: str, *, port: int, setting: str, channel: str) -> "Server":
        """Read "host" or "host:port". Ports 465 and 993 are encrypted from the first byte, all others by STARTTLS;
        a server on this machine, on another port than mail's own, is spoken to as it is.

        Raises:
            DefinitionError: It reads otherwise.
        """  # noqa: D205  its first sentence needs two lines
        host, colon, digits = text.strip().rpartition(":") if not text.strip().endswith("]") else (text.strip(), "", "")
        if not colon:
            host, digits = text.strip(), str(port)
        good = (
            bool(_HOST.fullmatch(host))
            and len(host) <= _LONGEST_HOST
            and digits.isascii()
            and digits.isdecimal()
            and len(digits) <= _DIGITS
        )
        if not good or not 0 < int(digits) <= _MOST_PORT:
            raise DefinitionError(
                f'{channel}: {setting} is a host, or a host and a port, such as "mail.example.com:{port}", '
                f"not {text!r:.80}"
            )
        number = int(digits)
        security: Security = "tls" if number in _FROM_THE_FIRST_BYTE else "starttls"
        if host.lower() in _LOOPBACK and number not in _FROM_THE_FIRST_BYTE | _BEGINS_PLAIN:
            security = "none"
        return cls(host=host.strip("[]"), port=number, security=security)


def tls(ca_file: str = "") -> ssl.SSLContext:
    """TLS as it is always spoken: certificates and names are checked.

    Args:
        ca_file: The certificates of an authority of one's own, in PEM; empty: those of the system.
    """
    return ssl.create_default_context(cafile=ca_file or None)
