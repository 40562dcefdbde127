"""The settings of a mail channel, looked at once."""

import re
import ssl
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from convokit.errors import DefinitionError
from convokit.transports.email.addresses import LONGEST_LOCAL, split
from convokit.transports.email.servers import Server, tls
from convokit.transports.email.tags import LONGEST_TAG
from convokit.wire.files import TYPES
from convokit.wire.signing import Secret

_AUTHORITY = re.compile(r"[A-Za-z0-9.-]{1,253}", re.ASCII)
_LONGEST_LINE = 150
_LONGEST_PATH = 300

Token = Callable[[], str] | Callable[[], Awaitable[str]]
"""Gives an OAuth access token that is good now; called for every log-in."""


@frozen(kw_only=True, eq=False)
class Wording:
    """What the pages behind the links of a mail say.

    Args:
        ask: Above the button that sends the answer.
        send: On it.
        done: When the answer was taken.
        leave: Above the button that unsubscribes.
        leave_now: On it.
        left: When it was done.
        over: When a link is not good any more.
        locale: The language of these sentences, for browsers and screen readers.
    """

    ask: str = "Your answer"
    send: str = "Send this answer"
    done: str = "Thank you, we got your answer."
    leave: str = "Do you want no more mails from us?"
    leave_now: str = "Unsubscribe"
    left: str = "Done: you get no more mails from us, unless you write to us."
    over: str = "This link is not good any more. Please answer the mail instead."
    locale: str = "en"


@frozen(kw_only=True, eq=False)
class Setup:
    """What was set; see `Email`."""

    channel: str
    given: str
    address: str
    name: str
    user: str
    password: Secret
    token: Token | None = field(default=None, repr=False)
    imap: Server | None
    smtp: Server | None
    folder: str
    subject: str
    conversations: Literal["thread", "address"]
    public_url: str
    plus: bool
    marks_seen: bool
    unsubscribe: bool
    authority: str
    mark: str
    answers_an_hour: int
    links_for: timedelta
    mail_bytes: int
    file_types: Collection[str] = TYPES
    timeout: float
    idle: float
    poll: float
    ca_file: str
    wording: Wording

    def is_own(self, address: str) -> bool:
        """Whether an address is ours, or one of its "+" addresses."""
        local, domain = split(address)
        return self.address in {address, f"{local.partition('+')[0]}@{domain}"}

    def with_tag(self, tag: str) -> str:
        """Our address with a tag in it."""
        local, domain = split(self.address)
        return f"{local}+{tag}@{domain}"

    @property
    def pages(self) -> str:
        """The address of our pages."""
        return f"{self.public_url}/{self.channel}"

    def check(self) -> None:
        """Look at it all.

        Raises:
            DefinitionError: Something is missing or wrong.
        """
        if not self.address:
            raise DefinitionError(
                f"{self.channel}: MAIL_ADDRESS (address) is our mail address, such as support@shop.example, "
                f"not {self.given!r:.80}"
            )
        if self.smtp is None:
            raise DefinitionError(f"{self.channel}: MAIL_SMTP_HOST (smtp_host) is not set: mails are handed over there")
        if self.imap is not None and not self.password and self.token is None:
            raise DefinitionError(f"{self.channel}: {self.password.name} is not set; or give token=… for OAuth")
        self._check_words()
        self._check_numbers()
        try:
            tls(self.ca_file)
        except (OSError, ssl.SSLError) as problem:
            raise DefinitionError(f"{self.channel}: ca_file {self.ca_file!r:.80} cannot be read: {problem}") from None

    def _check_words(self) -> None:
        for name in ("name", "subject", "mark", "user", "folder"):
            value: str = getattr(self, name)
            if not value.isprintable() or len(value) > _LONGEST_LINE:
                raise DefinitionError(
                    f"{self.channel}: {name} is one line of at most {_LONGEST_LINE} characters, not {value!r:.80}"
                )
        if self.conversations not in {"thread", "address"}:
            raise DefinitionError(f'{self.channel}: conversations is "thread" or "address"')
        if self.authority and not _AUTHORITY.fullmatch(self.authority):
            raise DefinitionError(
                f"{self.channel}: authority is what your mail server's Authentication-Results begins with, such as "
                f'"mx.example.com", not {self.authority!r:.80}'
            )
        if self.public_url and not _is_https(self.public_url):
            raise DefinitionError(
                f"{self.channel}: public_url (MAIL_PUBLIC_URL) reads https://host/path, not {self.public_url!r:.80}; "
                "left out, buttons open a mail that answers"
            )
        if self.plus and len(split(self.address)[0]) + 1 + LONGEST_TAG > LONGEST_LOCAL:
            raise DefinitionError(
                f"{self.channel}: before its @, {self.address} leaves no room for a tag (a local part has at most "
                f"{LONGEST_LOCAL} characters): set plus=False"
            )

    def _check_numbers(self) -> None:
        if not 0 < self.idle < 29 * 60:
            raise DefinitionError(f"{self.channel}: idle is less than 29 minutes (1740 seconds), not {self.idle!r}")
        for name, least in (("poll", 1), ("timeout", 0.1), ("answers_an_hour", 1), ("mail_bytes", 1 << 16)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
                raise DefinitionError(f"{self.channel}: {name} is a number from {least}, not {value!r:.60}")
        if self.links_for < timedelta(hours=1):
            raise DefinitionError(f"{self.channel}: links_for is a timedelta of an hour or more")


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    good = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and not parts.query
    return (
        bool(good)
        and not parts.fragment
        and port != 0
        and len(url) <= _LONGEST_PATH
        and url.isascii()
        and url.isprintable()
    )
