"""What the chat's pages and Direct Line share for one run: visitors, saying, the log, files, limits."""

import ipaddress
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from attrs import evolve

from convokit.abc import Run
from convokit.conversations import ConversationId, Log, Logged
from convokit.events import ConversationOpened, Event
from convokit.messages import Attachment, Button
from convokit.people import User
from convokit.transports.webchat.feeds import Feeds
from convokit.transports.webchat.saying import GREETING, Choice, Said, Spoken, Unsaid, event_of, offered
from convokit.transports.webchat.settings import Setup
from convokit.transports.webchat.showing import Showing
from convokit.transports.webchat.visitors import Visitors
from convokit.wire.files import TYPES, FileBox
from convokit.wire.live import Buckets
from convokit.wire.naming import new_id

logger = logging.getLogger(__name__)

SECRETS = "secrets"


class Front:
    """One web chat in one run.

    Args:
        run: The engine's run.
        setup: The chat's settings.
    """

    def __init__(self, run: Run, setup: Setup) -> None:
        self.run = run
        self.setup = setup
        self.channel = setup.channel
        self.bot_name = setup.bot_name or run.name
        bounds = setup.bounds
        self.files = FileBox(
            run.files,
            run.store,
            run.clock,
            most_bytes=setup.file_bytes,
            most_a_day=bounds.upload_bytes,
            types=frozenset(setup.file_types) or TYPES,
        )
        self.visitors = Visitors(run, setup)
        # Until the store has been asked, links are signed with a secret of this process, and found wrong by others.
        self.showing = Showing(run, self.files, self.bot_name, os.urandom(32))
        self.feeds = Feeds(run, setup.channel, self.showing)
        self.connects = Buckets(*bounds.connects)
        self.frames = Buckets(*bounds.frames)
        self.sends = Buckets(*bounds.sends)
        self.uploads = Buckets(*bounds.uploads)
        self.beginnings = Buckets(*bounds.conversations)
        self.newcomers = Buckets(*bounds.visitors)
        self.closing: list[Callable[[], None]] = []
        """What is called when the server stops."""
        self._open = False

    async def open(self) -> None:
        """Read what links are signed with; more than once is once.

        Raises:
            StoreUnavailable: The store cannot be read or written.
        """
        if self._open:
            return
        await self.files.open()
        name = f"webchat-{self.channel}"
        await self.run.store.keep(SECRETS, name, os.urandom(32), only_new=True)
        secret = await self.run.store.kept(SECRETS, name)
        if secret:
            self.showing.secret = secret
        self._open = True

    @property
    def seconds(self) -> float:
        """The time as the limits count it."""
        return self.run.clock.now().timestamp()

    # ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────

    def conversation(self, id: str) -> ConversationId:  # noqa: A002  the wire's word for it
        """A conversation by the wire's id."""
        return ConversationId(self.channel, id)

    def new_conversation(self) -> ConversationId:
        """A name for a conversation that is about to begin; nothing is written."""
        return self.conversation(new_id("c_", self.run.clock.now()))

    async def log(
        self, conversation: ConversationId, *, after: int = 0, before: int | None = None, limit: int = 200
    ) -> Log:
        """What a visitor may read of the log; numbers are public ones. Raises as `Store.log`."""
        return await self.run.store.log(conversation, after=after, before=before, limit=limit, public=True)

    async def show(self, conversation: ConversationId, log: str, logged: Logged) -> dict[str, Any]:
        """A public entry as a frame of the chat's own wire."""
        return await self.showing.entry(conversation, log, logged)

    # ── saying ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def opened(
        self, conversation: ConversationId, user: User, ref: str, source: str, context: dict[str, Any]
    ) -> None:
        """Tell the bot by which way somebody came: once for each `ref` and conversation."""
        event = ConversationOpened(
            id=f"{user.id}:opened:{ref}",
            conversation=conversation,
            at=self.run.clock.now(),
            user=user,
            context=context,
            ref=ref,
            source=source or "page",
        )
        await self.run.accept([event])

    async def say(
        self, conversation: ConversationId, user: User, cid: str, said: Said, *, was: Sequence[str] = ()
    ) -> Spoken:
        """Put what somebody says into the log, once for each `cid`; it is durable when this returns.

        Args:
            conversation: Where.
            user: Who.
            cid: The sender's own id of it, 16 to 64 letters, digits, "-" and "_"; it never changes.
            said: What.
            was: Ids that the same person had before: a `cid` that one of them has used is known.

        Raises:
            Unsaid: It was refused: closed, empty, file_missing.
            StoreUnavailable: Nothing was kept; it may be tried again with the same `cid`.
        """
        for earlier in was:
            known = await self.found(conversation, f"u:{earlier}:{cid}")
            if known is not None:
                return Spoken(logged=known, fresh=False)
        key = f"u:{user.id}:{cid}"
        if await self.is_closed(conversation):
            known = await self.found(conversation, key)
            if known is None:
                raise Unsaid("closed")
            return Spoken(logged=known, fresh=False)
        button = await self._offered(conversation, said.choice) if said.choice is not None else None
        event = event_of(
            said,
            id=key[2:],
            conversation=conversation,
            at=self.run.clock.now(),
            user=user,
            button=button,
            attachments=await self._attachments(said.files, (user.id, *was)),
        )
        fresh = (await self.run.accept([event]))[0]
        logged = await self.found(conversation, key)
        if logged is None:
            # Refused by the engine, or known from before the log was erased: there is nothing to show for it.
            raise Unsaid("unavailable", retry="same")
        return Spoken(logged=logged, fresh=fresh)

    async def found(self, conversation: ConversationId, key: str) -> Logged | None:
        """The log's entry with this key."""
        feed = self.feeds.open(conversation)
        return await (feed.found(key) if feed is not None else self.run.store.find(conversation, key))

    async def is_closed(self, conversation: ConversationId) -> bool:
        """Whether an operator has ended it."""
        feed = self.feeds.open(conversation)
        if feed is not None:
            await feed.refresh()
            standing = feed.standing
        else:
            standing = await self.run.store.load(conversation)
        return standing is not None and standing.closed

    async def signal(self, event: Event) -> bool:
        """Hand in what is not said. False: it was known already."""
        return (await self.run.accept([event]))[0]

    async def _offered(self, conversation: ConversationId, choice: Choice) -> Button | None:
        """The button that was truly offered there; None: nobody offered it."""
        if choice.of == GREETING:
            found = offered(self.setup.greeting, choice.value) if self.setup.greeting is not None else None
            # The greeting offers first words: nothing of the bot's awaits a press. One that only names itself is said.
            return None if found is not None and found.payload == found.label else found
        logged = await self.run.store.find(conversation, choice.of) if choice.of else None
        if logged is None or logged.entry.private or logged.entry.author == "user":
            return None
        return offered(logged.entry.message, choice.value)

    async def _attachments(self, files: Sequence[str], owners: Sequence[str]) -> tuple[Attachment, ...]:
        found = []
        for one in files:
            kept = await self.files.about(one)
            if kept is None or kept.owner not in owners:
                raise Unsaid("file_missing")
            try:
                found.append(await self.files.as_attachment(one))
            except FileNotFoundError:
                raise Unsaid("file_missing") from None
        return tuple(found)

    async def begin(self, visitor: str, *, closed_too: bool = False) -> tuple[ConversationId, bool]:
        """The visitor's current conversation; a new one when there is none. True: it is new.

        Args:
            visitor: The visitor's id.
            closed_too: Whether one that was ended is left for a new one.

        Raises:
            Unsaid: rate: too many were begun.
        """
        async with self.visitors.turn_of(visitor):
            chats = await self.visitors.chats(visitor)
            if chats.current:
                current = self.conversation(chats.current)
                if not (closed_too and await self.is_closed(current)):
                    return current, False
            if wait := self.beginnings.wait(visitor, self.seconds):
                raise Unsaid("rate", retry="after", after=wait)
            made = self.new_conversation()
            await self.visitors.keep_chats(visitor, chats.begun(made.id))
            return made, True

    async def put_away(self, visitor: str) -> bool:
        """Leave an ended conversation, so that the next word begins another. False: there is none that was ended."""
        async with self.visitors.turn_of(visitor):
            chats = await self.visitors.chats(visitor)
            if not chats.current or not await self.is_closed(self.conversation(chats.current)):
                return not chats.current
            await self.visitors.keep_chats(visitor, evolve(chats.begun(""), was=chats.was))
            return True


def address_of(scope: Any) -> str:
    """Whose address a request comes from, as limits count it: an IPv6 network of 64 bits counts as one."""
    client = scope.get("client")
    host = str(client[0]) if client else ""
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            mapped = address.ipv4_mapped
            return str(mapped) if mapped is not None else str(ipaddress.ip_network((address, 64), strict=False))
    return host
