"""The chat on the business's own web pages, and its server."""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import anyio

from convokit.abc import Accept, Run, Site, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, StoreUnavailable
from convokit.messages import Capabilities, Message
from convokit.transports.webchat.customers import SHORTEST_KEY, Ed25519, Keys, customer_token
from convokit.transports.webchat.feeds import TYPING_MS
from convokit.transports.webchat.front import Front
from convokit.transports.webchat.pages import Pages
from convokit.transports.webchat.settings import CAPABILITIES, Bounds, Customers, Setup, Verify
from convokit.transports.webchat.site import site
from convokit.wire.live import Polls
from convokit.wire.signing import Secret

__all__ = ["Bounds", "Ed25519", "WebChat", "customer_token"]

logger = logging.getLogger(__name__)

PURGE_EVERY = timedelta(days=1)
FIRST_PURGE = timedelta(minutes=10)
"""How long after its start a server looks for files that are too old, and from then on every day."""
ROUND_SECONDS = 5.0
"""How often the server looks after customers' sessions, places in the queue and pages that polled."""


class WebChat(Transport):
    """The chat on the business's own pages: `<convokit-chat>` and its server.

    Its address is the bot's, and the channel's name: `<script type="module" src="…/web/static/loader.js">`. A visitor
    is anonymous and known by a secret of their browser, or a customer whom the business's own server has signed in.

    What a visitor does besides speaking comes as `SignalReceived`, named after the channel: `web.person` (asked for a
    person by the page's own menu), `web.ended` (ended the conversation; an open handoff is closed too) and `web.rated`
    (with what they gave as `data`). Where no route handles `web.person`, the conversation is handed to the desk, if
    there is one. Who came by an address with a ref is
    told by `ConversationOpened(ref=…)`. What the page tells of its circumstances is in every event's `context`; what
    the business signed about a customer there under "customer".

    Args:
        channel: The name under which it is attached, and its address.
        page: The address of the page on which it stands, for `bot.link`: "https://shop.example/".
        origins: Which other origins may embed it, exactly: "https://shop.example". Its own may always.
        customers: Whether customers may be signed in ("optional"), must be ("required"), or are never ("none").
        keys: What verifies the tokens that sign customers in, by `kid`: a secret of at least 32 bytes (HS256), or an
            `Ed25519` public key.
        verify: In place of keys, or beside them: `async (token) -> User | None`, the host's own word on a token.
        greeting: What an empty chat shows; its buttons start the conversation. One without a payload of its own is said
            as its label, as if it were typed.
        bot_name: What the bot is called there; the bot's name when left out.
        away: What is shown when nobody is at the desk: hours, an address.
        file_bytes: The largest file that is taken, in bytes.
        file_types: The media types that are taken; left out: pictures, sounds, films, texts and office files.
        files_for: How long uploaded files are kept, whether or not a conversation still shows them; 400 days when left
            out. Operators' files lie in the same place and go with them.
        capacity: How many pages may be open at once.
        per_visitor: Of those, of one visitor.
        bounds: All limits in one, in place of `capacity` and `per_visitor`.
        direct_line_secret: With it, of at least 32 bytes, Direct Line 3.0 is spoken too, at `v3/directline`.
    """

    capabilities: Capabilities = CAPABILITIES
    reads_log: ClassVar[bool] = True

    def __init__(
        self,
        channel: str = "web",
        *,
        page: str = "",
        origins: Iterable[str] = (),
        customers: Customers = "optional",
        keys: Mapping[str, str | Secret | Ed25519] | None = None,
        verify: Verify | None = None,
        greeting: Message | str | None = None,
        bot_name: str = "",
        away: str = "",
        file_bytes: int = 10 << 20,
        file_types: Iterable[str] = (),
        files_for: timedelta = timedelta(days=400),
        capacity: int = 5000,
        per_visitor: int = 5,
        bounds: Bounds | None = None,
        direct_line_secret: str | Secret | None = None,
    ) -> None:
        self.channel = channel
        self.page = page
        secret = direct_line_secret
        if secret is None:
            secret = Secret.unset("direct_line_secret")
        self._setup = Setup(
            channel=channel,
            origins=frozenset((origins,) if isinstance(origins, str) else origins),
            customers=customers,
            keys=Keys(keys),
            verify=verify,
            greeting=Message(greeting) if isinstance(greeting, str) else greeting,
            bot_name=bot_name,
            away=away,
            file_types=tuple(file_types),
            file_bytes=file_bytes,
            files_for=files_for,
            bounds=bounds or Bounds(sockets=capacity, per_visitor=per_visitor),
            direct_line_secret=secret if isinstance(secret, Secret) else Secret(secret, "direct_line_secret"),
        )
        self._front: Front | None = None
        self._pages: Pages | None = None
        self._polls: Polls | None = None

    def __repr__(self) -> str:
        return f"WebChat({self.channel!r})"

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        setup = self._setup
        for origin in setup.origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise DefinitionError(
                    f"{self.channel}: an origin is a scheme and a host, such as 'https://shop.example', not {origin!r}"
                )
        if self.page and (not self.page.startswith(("https://", "http://")) or not urlsplit(self.page).netloc):
            raise DefinitionError(
                f"{self.channel}: page is the address of the page on which the chat stands, such as "
                f"'https://shop.example/', not {self.page!r:.80}"
            )
        if setup.customers not in {"optional", "required", "none"}:
            raise DefinitionError(
                f"{self.channel}: customers is 'optional', 'required' or 'none', not {setup.customers!r:.60}"
            )
        if setup.files_for < timedelta(days=1):
            raise DefinitionError(f"{self.channel}: files_for is a timedelta of a day or more, not {setup.files_for!r}")
        setup.keys.check(self.channel)
        secret = setup.direct_line_secret
        if secret and len(secret.reveal().encode()) < SHORTEST_KEY:
            raise DefinitionError(
                f"{self.channel}: direct_line_secret is shorter than {SHORTEST_KEY} bytes: with a guessable one "
                "anybody can chat as anybody; make one with `openssl rand -base64 48`"
            )
        if setup.customers == "required" and not setup.keys and setup.verify is None:
            raise DefinitionError(
                f"{self.channel}: customers='required' needs keys={{kid: secret}} or verify=…, or nobody can chat"
            )

    def link(self, ref: str) -> str:
        """The page's address with `ck-ref`, which the chat on it reads."""
        if not self.page:
            raise DefinitionError(
                f"{self.channel}: a link needs the address of the page on which the chat stands: "
                "WebChat(page='https://shop.example/')"
            )
        address, hash_mark, fragment = self.page.partition("#")
        return f"{address}{'&' if '?' in address else '?'}ck-ref={ref}{hash_mark}{fragment}"

    def site(self, run: Run) -> Site:
        """Its pages for a run; see `Transport.site`."""
        self._front = Front(run, self._setup)
        self._pages = Pages(self._setup.bounds)
        self._polls = Polls(run.clock, most=self._setup.bounds.sockets)
        return site(self._front, self._pages, self._polls)

    async def run(self, accept: Accept) -> None:
        """Tell open pages what happens, until cancelled; then tell them when to come back."""
        del accept
        if self._front is None:
            return
        front = self._front
        unwatch = front.run.watch(front.feeds.told)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(front.feeds.work)
                tasks.start_soon(self._rounds)
                tasks.start_soon(self._purges, front)
        finally:
            unwatch()
            self._goodbye()

    async def _rounds(self) -> None:
        assert self._front is not None  # noqa: S101  for the type checker: `run` has looked
        assert self._pages is not None  # noqa: S101  as above
        assert self._polls is not None  # noqa: S101  as above
        clock = self._front.run.clock
        while True:
            await clock.sleep_until(clock.now() + timedelta(seconds=ROUND_SECONDS))
            self._pages.vouch(clock.now())
            self._polls.sweep()
            try:
                await self._front.feeds.look_again()
            except StoreUnavailable as problem:
                logger.warning("channel=%s pages are looked after again later: %s", self.channel, problem)

    async def _purges(self, front: Front) -> None:
        """Forget files that are too old, once a day."""
        clock = front.run.clock
        await clock.sleep_until(clock.now() + FIRST_PURGE)
        while True:
            began = clock.now()
            try:
                await front.files.purge(began - self._setup.files_for)
            except (StoreUnavailable, OSError) as problem:
                logger.warning("channel=%s old files are looked for again tomorrow: %s", self.channel, problem)
            await clock.sleep_until(began + PURGE_EVERY)

    def _goodbye(self) -> None:
        for close in self._front.closing if self._front is not None else ():
            close()
        if self._pages is not None:
            self._pages.goodbye()
        if self._polls is not None:
            self._polls.close(1012, "restart")

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Nothing: what a turn says is in the log when it commits, and pages read the log."""
        del to, message
        return None

    async def show_typing(self, to: ConversationId) -> None:
        """Show "typing…" for six seconds, or until the next message."""
        feed = self._front.feeds.open(to) if self._front is not None else None
        if self._front is not None and feed is not None:
            by: dict[str, Any] = {"role": "bot", "name": self._front.bot_name}
            feed.push({"t": "typing", "by": by, "ttl": TYPING_MS})
