"""One mail out, by SMTP: blocking, to be called in a thread; and what its answers mean.

Facts: RFC 5321 (replies), RFC 3463 (enhanced codes), RFC 4954 (AUTH), RFC 6531 (SMTPUTF8), RFC 3207 (STARTTLS);
XOAUTH2 as Google and Microsoft describe it.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable

from attrs import field, frozen

from convokit.errors import RateLimited, Rejected, TransportError, Unreachable
from convokit.transports.email.servers import Server, tls
from convokit.wire.text import scrub

_EOL = re.compile(rb"\r\n|\r|\n")
_DOTS = re.compile(rb"(?m)^\.")
_TOO_MANY = re.compile(
    r"\b4\.7\.(?:0|28|500|650)\b|\b4\.3\.2\b|\btoo many\b|\brate\b|\bthrottl|\bquota\b|\blimit", re.IGNORECASE
)
_SAID = 300
_TEMPORARY, _PERMANENT, _READY, _DONE = 400, 500, 354, 250
_SHUTS = 421
_NOT_LET_IN = 535

Credentials = tuple[str, str, bool]
"""User, password or token, and whether it is a token."""


@frozen(kw_only=True, eq=False)
class Post:
    """The way out.

    Args:
        channel: What errors name.
        server: Where.
        login: Gives user and password, or user and token. None: nobody is asked.
        by_token: Whether it gives a token.
        timeout: Seconds for each step.
        ca_file: As in `tls`.
        name: What we call ourselves in EHLO: the domain of our address.
    """

    channel: str
    server: Server
    login: Callable[[], Credentials] | None = field(default=None, repr=False)
    by_token: bool = False
    timeout: float = 30.0
    ca_file: str = ""
    name: str = "localhost"

    def send(self, sender: str, to: str, mail: bytes) -> None:
        """Hand a mail over.

        Raises:
            Unreachable: Not now; `maybe_sent` when the answer to the whole mail was lost.
            RateLimited: The server wants a pause.
            Rejected: Refused for good.
        """
        line = self.connect()
        try:
            self._envelope(line, sender, to)
            self._content(line, mail)
        finally:
            _close(line)

    def connect(self) -> smtplib.SMTP:
        """A connection that is encrypted and logged in.

        Raises:
            Unreachable: There is none.
            RateLimited: The server wants a pause.
            Rejected: The server refuses user or password.
        """
        try:
            line = self._opened()
        except smtplib.SMTPConnectError as problem:
            raise self._refused(problem.smtp_code, problem.smtp_error, "greeting") from None
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            raise Unreachable(self.channel, self._no_line(problem)) from None
        try:
            self._ready(line)
        except BaseException:
            _close(line)
            raise
        return line

    def _opened(self) -> smtplib.SMTP:
        where = (self.server.host, self.server.port)
        if self.server.security == "tls":
            return smtplib.SMTP_SSL(*where, local_hostname=self.name, timeout=self.timeout, context=tls(self.ca_file))
        return smtplib.SMTP(*where, local_hostname=self.name, timeout=self.timeout)

    def _ready(self, line: smtplib.SMTP) -> None:
        try:
            line.ehlo_or_helo_if_needed()
            if self.server.security == "starttls":
                line.starttls(context=tls(self.ca_file))
                line.ehlo_or_helo_if_needed()
            # A server within this machine may know its callers otherwise.
            if self.login is not None and (line.has_extn("auth") or self.server.security != "none"):
                self._log_in(line, *self.login())
        except smtplib.SMTPNotSupportedError as problem:
            raise Rejected(self.channel, f"{self._where} does not offer what is needed: {problem}") from None
        except smtplib.SMTPResponseException as problem:
            raise self._refused(problem.smtp_code, problem.smtp_error, "log-in") from None
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            raise Unreachable(self.channel, self._no_line(problem)) from None

    def _log_in(self, line: smtplib.SMTP, user: str, word: str, is_token: bool) -> None:
        if not is_token:
            line.login(user, word)
            return
        if not line.has_extn("auth"):
            raise smtplib.SMTPNotSupportedError("AUTH")
        line.auth("XOAUTH2", lambda challenge=None: "" if challenge else xoauth2(user, word))

    def _envelope(self, line: smtplib.SMTP, sender: str, to: str) -> None:
        options = []
        if not (sender.isascii() and to.isascii()):
            if not line.has_extn("smtputf8"):
                raise Rejected(self.channel, f"{to:.80} has letters that {self._where} does not take (SMTPUTF8)")
            options = ["SMTPUTF8"]
        try:
            self._good(*line.mail(sender, options), "MAIL FROM")
            code, said = line.rcpt(to)
            if code not in {_DONE, 251}:
                raise self._refused(code, said, "RCPT TO", one=True)
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            raise Unreachable(self.channel, self._no_line(problem)) from None

    def _content(self, line: smtplib.SMTP, mail: bytes) -> None:
        try:
            code, said = line.docmd("DATA")
        except (OSError, smtplib.SMTPException) as problem:
            raise Unreachable(self.channel, self._no_line(problem)) from None
        if code != _READY:
            raise self._refused(code, said, "DATA", one=True)
        whole = _DOTS.sub(b"..", _EOL.sub(b"\r\n", mail))
        try:
            line.send(whole + (b"" if whole.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            code, said = line.getreply()
        except (OSError, smtplib.SMTPException) as problem:
            # It may have arrived whole: the server's answer is what was lost.
            raise Unreachable(self.channel, f"the answer was lost: {self._no_line(problem)}", maybe_sent=True) from None
        if not _DONE <= code < 300:  # noqa: PLR2004  SMTP's own numbers
            raise self._refused(code, said, "the mail", one=True)

    def _good(self, code: int, said: bytes, step: str) -> None:
        if code >= _TEMPORARY or code < 0:
            raise self._refused(code, said, step)

    def _refused(self, code: int, said: bytes | str, step: str, *, one: bool = False) -> TransportError:
        """What a refusal means; `one`: it is about this mail and not about all."""
        words = scrub(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))
        told = f"{self._where} answered {code} to {step}: {' '.join(words.split())[:_SAID]}"
        if code == _NOT_LET_IN and self.login is not None:
            if self.by_token:  # the next try comes with another one
                return Unreachable(self.channel, f"{told}. The access token is not good: see token=")
            return Rejected(self.channel, f"{told}. User or password is wrong: see MAIL_USER and MAIL_PASSWORD")
        if code >= _PERMANENT:
            return Rejected(self.channel, told)
        if code == _SHUTS or (code >= _TEMPORARY and _TOO_MANY.search(words)):
            return RateLimited(self.channel, told, everywhere=not one or code == _SHUTS)
        return Unreachable(self.channel, told)

    def _no_line(self, problem: BaseException) -> str:
        if isinstance(problem, ssl.SSLCertVerificationError):
            return f"{self._where}: its certificate is not good: {problem.verify_message}"
        if isinstance(problem, TimeoutError | socket.timeout):
            return f"{self._where} did not answer within {self.timeout:g} s"
        return f"{self._where}: {type(problem).__name__}: {scrub(str(problem))[:_SAID]}"

    @property
    def _where(self) -> str:
        return f"{self.server.host}:{self.server.port}"


def xoauth2(user: str, token: str) -> str:
    """The first word of XOAUTH2, before base64."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def _close(line: smtplib.SMTP) -> None:
    try:
        if line.sock is not None:
            line.sock.settimeout(2)
            line.docmd("QUIT")
    except (OSError, smtplib.SMTPException, ValueError):
        pass
    finally:
        line.close()
