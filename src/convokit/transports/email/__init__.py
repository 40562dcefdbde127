"""E-mail: a mailbox read by IMAP, and mails sent by SMTP."""

import os
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from importlib.util import find_spec
from inspect import isawaitable
from typing import Any, ClassVar, Literal, Self

import anyio
import anyio.from_thread
import anyio.to_thread

from convokit.abc import Accept, Finding, Proof, Run, Site, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, MissingExtra, Rejected, StoreUnavailable, TransportError, Unreachable
from convokit.messages import Capabilities, Message
from convokit.transports.email.addresses import Place, normal, split
from convokit.transports.email.incoming import NOWHERE, Incoming
from convokit.transports.email.line import Line
from convokit.transports.email.mailbox import Mailbox
from convokit.transports.email.outgoing import Outgoing
from convokit.transports.email.pages import Pages
from convokit.transports.email.parse import bare
from convokit.transports.email.posting import Credentials, Post
from convokit.transports.email.render import (
    CAPABILITIES,
    mailto,
    one_line,
    subject_of,
)
from convokit.transports.email.servers import Server
from convokit.transports.email.setup import Setup, Token, Wording
from convokit.transports.email.shelves import Shelves
from convokit.wire.files import TYPES, FileBox
from convokit.wire.signing import Secret

__all__ = ["Email", "Wording"]

MAIL_BYTES = 25 << 20
IDLE_SECONDS = 28 * 60.0
"""One IDLE is shorter than the 29 minutes after which servers may hang up (RFC 2177)."""
POLL_SECONDS = 60.0
CONNECTIONS = 4
"""How many mails are handed over at the same time."""
_REF = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Email(Transport):
    """A mailbox. A conversation is a thread with one address; its id is the address, "/" and the thread's name.

    Mails are read by IMAP as soon as they come, and sent by SMTP. What a program sent (an out-of-office reply, a
    newsletter, a bounce) is never a message: it comes as `SignalReceived("email.automatic")`, bounces as
    `MessageFailed`. What is said goes to the conversation's address only, never to a mail's `Reply-To`.

    Nothing in mail keeps a message from arriving twice when the server's answer was lost. Each try has the same
    Message-ID, by which many mailboxes show it once. Set `hold_uncertain` to have a person decide instead.

    Args:
        address: Our address.
        password: The password of the mailbox; empty with `token`.
        imap_host: Where mails are read: "imap.example.com", or with a port. Empty: nothing is read.
        smtp_host: Where mails are handed over: "smtp.example.com" (port 587, STARTTLS), or "smtp.example.com:465".
        user: Who logs in; our address when left out.
        token: Gives an OAuth access token (XOAUTH2), in place of a password; called for each log-in, may be async.
        name: Who our mails are from, in words.
        subject: Of mails that begin a thread; empty: the beginning of what is said.
        conversations: "thread": each thread with an address is one conversation; "address": all its mails are.
        public_url: The https address under which the bot is reached from outside, without the channel: then buttons
            are links that answer. Empty: a button opens a mail that answers.
        plus: Whether mail to "us+anything@…" arrives here: then answers are known by where they were sent.
        folder: The mailbox that is read.
        marks_seen: Whether mails that were taken are marked as read.
        unsubscribe: Whether our mails tell mail programs how to unsubscribe (`List-Unsubscribe`).
        authority: The name with which our own mail server begins `Authentication-Results`; what it found out comes
            in `event.context["authentication"]`. Empty: no such header is believed.
        mark: A line above our mails, such as "– please answer above this line –"; what is quoted is cut there.
        answers_an_hour: How many mails one address gets within an hour at most.
        links_for: How long links in a mail are good.
        mail_bytes: The largest mail that is read whole.
        file_types: The media types that are taken in.
        wording: What the pages behind the links say.
        ca_file: Certificates of an authority of one's own, for both servers.
        channel: The name under which it is attached.
        timeout: Seconds for each answer of a server.
        idle: For how many seconds one IDLE waits, less than 29 minutes.
        poll: For how many seconds nobody looks where the server has no IDLE.
    """

    proof: ClassVar[Proof] = Proof.NONE
    capabilities: Capabilities = CAPABILITIES

    def __init__(
        self,
        address: str,
        password: str | Secret = "",
        *,
        imap_host: str = "",
        smtp_host: str,
        user: str = "",
        token: Token | None = None,
        name: str = "",
        subject: str = "",
        conversations: Literal["thread", "address"] = "thread",
        public_url: str = "",
        plus: bool = True,
        folder: str = "INBOX",
        marks_seen: bool = True,
        unsubscribe: bool = False,
        authority: str = "",
        mark: str = "",
        answers_an_hour: int = 30,
        links_for: timedelta = timedelta(days=60),
        mail_bytes: int = MAIL_BYTES,
        file_types: Collection[str] = TYPES,
        wording: Wording | None = None,
        ca_file: str = "",
        channel: str = "email",
        timeout: float = 30.0,
        idle: float = IDLE_SECONDS,
        poll: float = POLL_SECONDS,
    ) -> None:
        self.channel = channel
        if isinstance(password, str):
            password = Secret(password, "password") if password.strip() else Secret.unset("MAIL_PASSWORD")
        self._setup = Setup(
            channel=channel,
            given=address,
            address=normal(address),
            name=name,
            user=user or normal(address),
            password=password,
            token=token,
            imap=_server(imap_host, 993, "imap_host", channel),
            smtp=_server(smtp_host, 587, "smtp_host", channel),
            folder=folder,
            subject=subject,
            conversations=conversations,
            public_url=public_url.rstrip("/"),
            plus=plus,
            marks_seen=marks_seen,
            unsubscribe=unsubscribe,
            authority=authority,
            mark=mark,
            answers_an_hour=answers_an_hour,
            links_for=links_for,
            mail_bytes=mail_bytes,
            file_types=tuple(file_types),
            timeout=timeout,
            idle=idle,
            poll=poll,
            ca_file=ca_file,
            wording=wording or Wording(),
        )
        self._run: Run | None = None
        self._shelves: Shelves | None = None
        self._lines: anyio.CapacityLimiter | None = None
        self._outgoing = Outgoing(self._setup)
        self.mailbox: Mailbox | None = None
        """The mailbox while it is read; its `ready` is set when all that lay there has been looked at once."""

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With MAIL_ADDRESS, MAIL_IMAP_HOST, MAIL_SMTP_HOST, MAIL_USER, MAIL_PASSWORD and MAIL_PUBLIC_URL.

        MAIL_USER and MAIL_PUBLIC_URL may be missing. Others that are missing are told by `check`, when the bot starts:
        the bot's module can be imported anywhere.

        Args:
            **settings: As in the constructor.
        """
        for name in ("imap_host", "smtp_host", "user", "public_url"):
            settings.setdefault(name, os.environ.get(f"MAIL_{name.upper()}", "").strip())
        address = settings.pop("address", os.environ.get("MAIL_ADDRESS", "").strip())
        return cls(address, settings.pop("password", Secret.from_env("MAIL_PASSWORD")), **settings)

    def __repr__(self) -> str:
        return f"Email({self._setup.address!r}, channel={self.channel!r})"

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        self._setup.check()
        if find_spec("imapclient") is None or find_spec("inscriptis") is None:
            raise MissingExtra("Email", "mail")

    async def __aenter__(self) -> Self:
        """Get ready; connections are made when there is something to do."""
        self._lines = anyio.CapacityLimiter(CONNECTIONS)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Forget the run."""
        self._lines = None
        self._run = self._shelves = self._outgoing.shelves = self.mailbox = None

    def site(self, run: Run) -> Site:
        """The pages behind the links of mails; see `Transport.site`."""
        self._run = run
        self._shelves = self._outgoing.shelves = Shelves(run, self.channel)
        return Pages(self._setup, self._shelves)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Read the mailbox until cancelled; see `Transport.run`."""
        setup, server = self._setup, self._setup.imap
        if server is None:
            return
        if self._run is None or self._shelves is None:
            raise RuntimeError(f"{self.channel}: site(run) comes before run(accept): the engine calls it")
        files = FileBox(
            self._run.files,
            self._run.store,
            self._run.clock,
            most_bytes=setup.mail_bytes,
            most_a_day=4 * setup.mail_bytes,
            types=setup.file_types,
        )
        incoming = Incoming(setup, self._shelves, files)
        login = await self._login()

        async def take(raw: bytes, at: Any, partial: bool) -> None:
            await incoming.take(accept, raw, at, partial)

        self.mailbox = Mailbox(
            line=lambda: self._line(server, login),
            shelves=self._shelves,
            name=f"{setup.user}@{server.host}/{setup.folder}",
            take=take,
            most=setup.mail_bytes,
            marks_seen=setup.marks_seen,
            idle=setup.idle,
            poll=setup.poll,
        )
        await self.mailbox.run()

    def _line(self, server: Server, login: Callable[[], Credentials]) -> Line:
        setup = self._setup
        return Line(self.channel, server, login, setup.folder, setup.timeout, setup.ca_file)

    async def _login(self) -> Callable[[], Credentials]:
        """User and password, or a token that is good now."""
        setup = self._setup
        if setup.token is None:
            word = setup.password.reveal()
            return lambda: (setup.user, word, False)
        try:
            given = setup.token()
            token: Any = await given if isawaitable(given) else given
        except TransportError:
            raise
        except Exception as problem:  # noqa: BLE001  what it says may hold the token, so only its kind is told
            raise Unreachable(self.channel, f"token raised {type(problem).__name__}") from None
        if not isinstance(token, str) or not token.strip().isprintable() or not token.strip():
            raise Unreachable(self.channel, "token gave no access token")
        return lambda: (setup.user, token.strip(), True)

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message; see `Transport.send`."""
        return await self.send_keyed(to, message, secrets.token_hex(16))

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say a fitted message; its Message-ID, which is returned, is made of `key`. See `Transport.send_keyed`."""
        place = Place.parse(to.id)
        if place is None:
            what = "where nobody can be written to" if to.id == NOWHERE else "an address, or an address/thread"
            raise Rejected(self.channel, f"{to.id!r:.80} is not a mail conversation: it is {what}")
        if self._setup.is_own(place.address):
            raise Rejected(self.channel, "a mail to our own address would go round in a circle")
        try:
            mail, message_id = await self._outgoing.written(place, message, key)
        except StoreUnavailable as problem:
            raise Unreachable(self.channel, f"the store cannot be asked: {problem}") from problem
        self._outgoing.count(place.address, key)
        await self._posted(place.address, mail)
        return message_id

    async def _posted(self, address: str, mail: bytes) -> None:
        if self._lines is None:
            raise RuntimeError(f"{self.channel}: not entered; calls are made inside `async with`")
        post = await self._post()
        # A thread cannot be cancelled in the middle of a mail: what was begun is finished, within its time-outs.
        await anyio.to_thread.run_sync(post.send, self._setup.address, address, mail, limiter=self._lines)

    async def _post(self) -> Post:
        setup = self._setup
        if setup.smtp is None:
            raise Rejected(self.channel, "MAIL_SMTP_HOST (smtp_host) is not set")
        login = await self._login() if setup.token is not None or setup.password else None
        return Post(
            channel=self.channel,
            server=setup.smtp,
            login=login,
            by_token=setup.token is not None,
            timeout=setup.timeout,
            ca_file=setup.ca_file,
            name=split(setup.address)[1],
        )

    def link(self, ref: str) -> str:
        """A `mailto:` address whose subject carries the ref as "[ref:…]"; see `Transport.link`."""
        if ref and not _REF.fullmatch(ref):
            raise DefinitionError(f"{self.channel}: a ref is 1 to 64 letters, digits, '-' and '_', not {ref!r:.80}")
        subject = one_line(bare(self._setup.subject or self._setup.name))
        return mailto(self._setup.address, subject=f"{subject} [ref:{ref}]".strip() if ref else subject)

    def remarks(self, message: Message) -> Sequence[str]:
        """The subject of a mail that begins a thread with it; see `Transport.remarks`."""
        return (f"subject: {one_line(self._setup.subject or subject_of(message)) or '…'}",)

    # ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def examine(self) -> Sequence[Finding]:
        """Whether both servers let us in, and what the mailbox can do."""
        found = [await self._looked("SMTP", self._look_at_smtp)]
        if self._setup.imap is not None:
            found.append(await self._looked("IMAP", self._look_at_imap))
        if self._setup.plus:
            local, domain = split(self._setup.address)
            advice = f"answers come to {local}+…@{domain}: send one there, and set plus=False if it does not arrive"
            found.append(Finding(what=f"{self.channel}: plus addresses", ok=True, advice=advice))
        return found

    async def _looked(self, what: str, look: Callable[[], Awaitable[str]]) -> Finding:
        try:
            return Finding(what=f"{self.channel}: {what}, {await look()}", ok=True)
        except TransportError as problem:
            return Finding(what=f"{self.channel}: {what}", ok=False, advice=problem.reason)

    async def _look_at_smtp(self) -> str:
        post = await self._post()
        line = await anyio.to_thread.run_sync(post.connect)
        await anyio.to_thread.run_sync(line.close)
        return f"logged in at {post.server.host}"

    async def _look_at_imap(self) -> str:
        server = self._setup.imap
        if server is None:
            return "nothing is read"
        line = self._line(server, await self._login())
        try:
            await anyio.to_thread.run_sync(line.open)
        finally:
            await anyio.to_thread.run_sync(line.close)
        return f"{self._setup.folder} at {server.host}" + (
            "" if line.idles else ": it has no IDLE, it is asked now and then"
        )


def _server(text: str, port: int, setting: str, channel: str) -> Server | None:
    return Server.parse(text, port=port, setting=setting, channel=channel) if text.strip() else None
