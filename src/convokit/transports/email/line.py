"""The line to a mailbox, by IMAP: blocking, for one thread at a time; only `cut` may be called from another.

Facts: RFC 3501 and RFC 9051 (IMAP), RFC 2177 (IDLE: renewed at least every 29 minutes); XOAUTH2 as Google and
Microsoft describe it.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any

from attrs import define, field

from convokit.errors import DefinitionError, MissingExtra, Rejected, TransportError, Unreachable
from convokit.transports.email.posting import Credentials
from convokit.transports.email.servers import Server, tls
from convokit.wire.text import scrub

PIECE = 200
"""How many UIDs one command names."""
_SAID = 200


@define(eq=False)
class Line:
    """A connection to a mailbox.

    Args:
        channel: What errors name.
        server: Where.
        login: As in `Post`.
        folder: Which mailbox.
        timeout: Seconds for each answer.
        ca_file: As in `tls`.
    """

    channel: str
    server: Server
    login: Callable[[], Credentials] = field(repr=False)
    folder: str = "INBOX"
    timeout: float = 30.0
    ca_file: str = ""
    validity: int = 0
    next_uid: int = 1
    idles: bool = False
    moved: bool = False
    """Whether a mail was announced while it was looked for last: what was found is not all."""
    _client: Any = None
    _cut: bool = False

    def open(self) -> None:
        """Connect, log in and select the mailbox.

        Raises:
            Unreachable: There is no line.
            Rejected: User, password or mailbox is refused.
        """
        with self._told("log-in"):
            self._client = self._connected()
            if self._cut:
                raise OSError("closed from our side")
            if self.server.security == "starttls":
                self._client.starttls(tls(self.ca_file))
            user, word, is_token = self.login()
            with self._refusal("log-in", "see MAIL_USER and MAIL_PASSWORD"):
                self._client.oauth2_login(user, word) if is_token else self._client.login(user, word)
            self.idles = bool(self._client.has_capability("IDLE"))
            with self._refusal(f"the mailbox {self.folder!r}", "see folder="):
                told = self._client.select_folder(self.folder)
        self.validity = int(told.get(b"UIDVALIDITY", 0))
        self.next_uid = int(told.get(b"UIDNEXT", 0)) or (max(self.after(0), default=0) + 1)

    def _connected(self) -> Any:
        try:
            from imapclient import IMAPClient  # noqa: PLC0415  an extra
        except ImportError:
            raise MissingExtra("Email", "mail") from None
        secure = self.server.security == "tls"
        return IMAPClient(
            self.server.host,
            self.server.port,
            ssl=secure,
            ssl_context=tls(self.ca_file) if secure else None,
            timeout=self.timeout,
        )

    def after(self, uid: int) -> list[int]:
        """The UIDs after this one, rising."""
        with self._told("SEARCH"):
            self._announced()
            # "n:*" names the last mail even when there is none after n.
            found = sorted(one for one in self._client.search(["UID", f"{uid + 1}:*"]) if one > uid)
            self.moved = self._announced()
            return found

    def _announced(self) -> bool:
        """Whether the server announced a mail, with the answer to whatever, since this was asked last: it does so once.

        An IDLE that begins afterwards does not tell of it again.
        """
        imap = self._client._imap  # noqa: SLF001  IMAPClient keeps to itself what servers tell unasked
        return bool(imap.response("EXISTS")[1] != [None])

    def since(self, day: date) -> list[int]:
        """The UIDs of what came on this day or later, rising."""
        with self._told("SEARCH"):
            return sorted(self._client.search(["SINCE", day]))

    def mail(self, uid: int, most: int) -> tuple[bytes, int, datetime | None] | None:
        """A mail, at most so many bytes of it; its size; when the server took it. None: it is not there any more."""
        with self._told("FETCH"):
            told = self._client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE", f"BODY.PEEK[]<0.{most}>"]).get(uid)
        if told is None:
            return None
        raw = next((value for name, value in told.items() if name.startswith(b"BODY[]")), None)
        if not isinstance(raw, bytes):
            return None
        at = told.get(b"INTERNALDATE")
        when = at.astimezone(UTC) if isinstance(at, datetime) else None
        return raw, int(told.get(b"RFC822.SIZE", len(raw))), when

    def seen(self, uids: Sequence[int]) -> None:
        """Mark mails as read, for people who look into the mailbox."""
        with self._told("STORE"):
            self._client.add_flags(list(uids), [b"\\Seen"], silent=True)

    def wait(self, seconds: float) -> None:
        """Return when something moves in the mailbox, or after so many seconds.

        Raises:
            Unreachable: The line is gone.
        """
        with self._told("IDLE"):
            self._client.idle()
            try:
                # One that says something with every beginning is asked once a second, and not for ever at once.
                self._client.idle_check(timeout=min(seconds, 1.0) if self._told_already() else seconds)
            finally:
                if not self._cut:
                    self._client.idle_done()

    def _told_already(self) -> bool:
        """Whether more was read than an IDLE's beginning: `idle_check` looks at the socket, and that is in a buffer."""
        imap = self._client._imap  # noqa: SLF001  IMAPClient does not tell what it has read
        reader = getattr(imap, "_file", None) or imap.file
        line = self._client.socket()
        line.settimeout(0)
        try:
            return bool(reader.peek(1))
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            line.settimeout(self.timeout)

    def noop(self) -> None:
        """Ask whether the line is still there."""
        with self._told("NOOP"):
            self._client.noop()

    def close(self) -> None:
        """Log out, and close."""
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(Exception):
            client.logout()
        with suppress(Exception):
            client.shutdown()

    def cut(self) -> None:
        """Shut the socket from another thread: whatever waits on it ends at once."""
        self._cut = True
        with suppress(Exception):
            # The plain socket's: an encrypted one would first take itself apart under the other thread's hands.
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)

    @contextmanager
    def _told(self, step: str) -> Iterator[None]:
        """Whatever goes wrong means that the line is gone."""
        try:
            yield
        except (TransportError, MissingExtra, DefinitionError):
            raise
        except Exception as problem:  # noqa: BLE001  they raise what comes of reading half a line, too
            said = scrub(str(problem))[:_SAID]
            raise Unreachable(
                self.channel, f"{self.server.host}:{self.server.port} {step}: {type(problem).__name__}: {said}"
            ) from None

    @contextmanager
    def _refusal(self, step: str, way_out: str) -> Iterator[None]:
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError  # noqa: PLC0415  an extra

        try:
            yield
        except IMAPClientAbortError:
            raise
        except IMAPClientError as problem:
            said = scrub(str(problem))[:_SAID]
            raise Rejected(
                self.channel, f"{self.server.host}:{self.server.port} refuses {step}: {said}; {way_out}"
            ) from None
