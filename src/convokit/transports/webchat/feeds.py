"""One conversation as its open pages see it: read from the store once a change, and told to each of them.

A hint only says that something moved. What is told is what the store has after the feed's own number, so that a hint
that came twice or not at all changes nothing but the time.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import anyio
import msgspec

from convokit.abc import Hint, Run
from convokit.conversations import Conversation, ConversationId, Log, Logged
from convokit.errors import StoreUnavailable
from convokit.transports.webchat.paces import Paces
from convokit.transports.webchat.showing import Showing
from convokit.wire.live import Line

logger = logging.getLogger(__name__)

PIECE = 200
"""How many entries are read at once."""
READERS = 8
"""How many conversations are read at the same time."""
RECENT = 64
"""How many of the newest entries a feed knows by their key."""
UNREAD_SECONDS = 60.0
"""After how long a feed is read anew without a hint."""
TYPING_MS = 6000
MOST_AWAY = 10_000
PLACES_FOR = timedelta(seconds=5)
"""How long the places of those who wait are known, before they are counted anew."""
MARKS = "marks"

_encoder = msgspec.json.Encoder()


class Follower(Protocol):
    """A page that follows a conversation."""

    line: Line
    sent: int | None
    """The public number of the newest entry that it was told; None before it was welcomed."""


class Feed:
    """One conversation and the pages that follow it."""

    def __init__(self, feeds: "Feeds", conversation: ConversationId) -> None:
        self.conversation = conversation
        self.pages: set[Follower] = set()
        self.log = ""
        """The numbering's name; empty before anything was read."""
        self.head = 0
        self.state: dict[str, Any] = {}
        self.standing: Conversation | None = None
        """The committed state, as it was read last."""
        self.marks: dict[str, dict[str, int]] = {"user": {}, "operator": {}}
        self.queued = False
        self.read_at: datetime | None = None
        self._feeds = feeds
        self._behind = True
        self._unsettled = True
        """Whether the state may be another one than `standing`: not when the log alone has grown."""
        self._told = b""
        self._lock = anyio.Lock()
        self._recent: OrderedDict[str, Logged] = OrderedDict()

    def moved(self, *, state: bool = True) -> None:
        """Something was written; without `state` to the log alone."""
        self._behind = True
        self._unsettled = self._unsettled or state

    async def refresh(self) -> None:
        """Read what is new and tell it; at once when nothing moved.

        Raises:
            StoreUnavailable: It could not be read; what was read before was told.
        """
        async with self._lock:
            await self._refresh()

    async def _refresh(self) -> None:
        while self._behind:
            self._behind = False
            try:
                more = await self._read()
            except BaseException:
                self._behind = True
                raise
            self._behind = self._behind or more

    async def _read(self) -> bool:
        """Read a piece; True when there is more of it."""
        run, first = self._feeds.run, not self.log
        log = await run.store.log(self.conversation, after=self.head, limit=PIECE, public=True)
        if self._unsettled:
            self._unsettled = False
            try:
                self.standing = await run.store.load(self.conversation)
            except BaseException:
                self._unsettled = True
                raise
        self.read_at = run.clock.now()
        if first:
            self.marks = read_marks(await run.store.kept(MARKS, str(self.conversation)))
        elif self.log != log.id or log.public_head < self.head:
            # The numbers begin anew: what a page has read means nothing any more, so it says hello again.
            self.log, self.head = log.id, 0
            self._recent.clear()
            for page in self.pages:
                page.line.close(1012, "renumbered")
            return True
        self.log = log.id
        for logged in log.entries:
            await self._tell(logged)
        await self.show_state()
        return bool(log.entries) and log.public_head > self.head

    async def _tell(self, logged: Logged) -> None:
        frame = _encoder.encode(await self._feeds.showing.entry(self.conversation, self.log, logged))
        self.head = logged.public
        self._recent[logged.entry.key] = logged
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        for page in self.pages:
            if page.sent is not None and page.sent < logged.public:
                page.sent = logged.public
                page.line.push_encoded(frame)

    async def show_state(self) -> None:
        """Compute who speaks, and tell it when it has changed."""
        self.state = await self._feeds.state_of(self)
        frame = _encoder.encode({"t": "state", "conv": self.conversation.id, "log": self.log, **self.state})
        if frame != self._told:
            self._told = frame
            self.push_encoded(frame)

    def push(self, frame: Mapping[str, Any], *, but: Follower | None = None) -> None:
        """Tell every welcomed page, except one."""
        self.push_encoded(_encoder.encode(frame), but=but)

    def push_encoded(self, frame: bytes, *, but: Follower | None = None) -> None:
        """As `push`."""
        for page in self.pages:
            if page.sent is not None and page is not but:
                page.line.push_encoded(frame)

    async def found(self, key: str) -> Logged | None:
        """The entry with this key, among those just told or in the store."""
        self.moved(state=False)
        await self.refresh()
        return self._recent.get(key) or await self._feeds.run.store.find(self.conversation, key)

    async def join(self, page: Follower, after: int | None) -> tuple[Log, Log | None]:
        """Let a page follow, from the newest entry on, and read what it has missed.

        Nothing falls between: the page is among the followers before the log is read, and no other reader tells
        anything meanwhile.

        Args:
            page: Who; `sent` is set here.
            after: The public number up to which it has read; None: it has read nothing.

        Returns:
            What follows `after`, oldest first, at most `PIECE` entries; and in its place the newest 50, when there is
            more than that, when some of it is forgotten, or when `after` is of another numbering.
        """
        store = self._feeds.run.store
        page.sent = None
        if not self.pages:
            self._feeds.present(self, on=True)
        self.pages.add(page)
        async with self._lock:
            if self.pages == {page} and not self.log:
                log = await store.log(self.conversation, after=after or 0, limit=PIECE, public=True)
                self.head = max(log.public_head, 0)
                await self._refresh()
                if self.head != log.public_head:
                    log = await store.log(self.conversation, after=after or 0, limit=PIECE, public=True)
            else:
                await self._refresh()
                log = await store.log(self.conversation, after=after or 0, limit=PIECE, public=True)
            newest = None
            follows = log.entries[0].public if log.entries else log.public_head + 1  # old entries may be forgotten
            if log.public_head - (after or 0) > PIECE or (after or 0) > log.public_head or follows > (after or 0) + 1:
                newest = await store.log(self.conversation, before=log.public_head + 1, limit=50, public=True)
            page.sent = log.public_head
            if self.head < log.public_head:
                self._feeds.stir(self)
        return log, newest

    def leave(self, page: Follower) -> None:
        """A page follows no more; the last one takes the feed with it."""
        self.pages.discard(page)
        self._feeds.emptied(self)


class Feeds:
    """The feeds of all conversations with open pages.

    Args:
        run: The engine's run.
        channel: Whose conversations.
        showing: Makes frames of entries.
    """

    def __init__(self, run: Run, channel: str, showing: Showing) -> None:
        self.run = run
        self.showing = showing
        self._channel = channel
        self._feeds: dict[ConversationId, Feed] = {}
        self._queue: deque[Feed] = deque()
        self._bell = anyio.Event()
        self._places: tuple[datetime, dict[ConversationId, int]] | None = None
        self._waiting: dict[str, int] = {}
        self._aways: OrderedDict[ConversationId, Mapping[str, Any]] = OrderedDict()
        self.paces = Paces(run)
        self._others: dict[ConversationId, set[Any]] = {}

    def of(self, conversation: ConversationId) -> Feed:
        """The conversation's feed; made when there is none."""
        feed = self._feeds.get(conversation)
        if feed is None:
            feed = self._feeds[conversation] = Feed(self, conversation)
        return feed

    def open(self, conversation: ConversationId) -> Feed | None:
        """The feed, if a page has it open."""
        return self._feeds.get(conversation)

    def emptied(self, feed: Feed) -> None:
        """A page left a feed."""
        if not feed.pages:
            self.present(feed, on=False)
        if not feed.pages and self._feeds.get(feed.conversation) is feed:
            del self._feeds[feed.conversation]

    def present(self, feed: Feed, *, on: bool) -> None:
        """Tell who watches that the first page of a conversation's visitor was opened, or the last one closed."""
        self.run.publish(Hint(conversation=feed.conversation, topic="presence", data={"by": "user", "on": on}))

    def stir(self, feed: Feed, *, state: bool = True) -> None:
        """Have a feed read soon; without `state` its log alone has grown."""
        feed.moved(state=state)
        if not feed.queued:
            feed.queued = True
            self._queue.append(feed)
            self._bell.set()

    def told(self, hint: Hint) -> None:
        """What every hint of the run comes to. Waits for nothing, raises nothing."""
        if hint.topic == "attendance" and hint.conversation.channel == self._channel:
            self._attended(hint)
        feed = self._feeds.get(hint.conversation)
        if feed is None:
            return
        if hint.topic == "log":
            self.stir(feed, state=bool(hint.event))
        elif hint.topic == "typing":
            _show_typing(feed, hint.data)
        elif hint.topic == "marks":
            _show_marks(feed, hint.data)
        elif hint.topic == "attendance":
            self.stir(feed)

    def _attended(self, hint: Hint) -> None:
        """Know that nobody is at the desk for who waits, also while no page of theirs is open."""
        self._aways.pop(hint.conversation, None)
        if not hint.data.get("operators"):
            self._aways[hint.conversation] = dict(hint.data)
            if len(self._aways) > MOST_AWAY:
                self._aways.popitem(last=False)

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def work(self) -> None:
        """Read what moved, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for _ in range(READERS):
                tasks.start_soon(self._serve)

    async def _serve(self) -> None:
        while True:
            while self._queue:
                feed = self._queue.popleft()
                feed.queued = False
                if feed.pages:
                    await self._read(feed)
            self._bell = anyio.Event() if self._bell.is_set() else self._bell
            await self._bell.wait()

    async def _read(self, feed: Feed) -> None:
        try:
            await feed.refresh()
        except StoreUnavailable as problem:
            # It stays behind: the next hint, or the next round, reads it.
            logger.warning("conversation=%s its pages wait: %s", feed.conversation, problem)

    async def look_again(self) -> None:
        """Read what no hint was heard of for a minute, and tell who waits of their place in the queue."""
        oldest = self.run.clock.now() - timedelta(seconds=UNREAD_SECONDS)
        self._places = None
        for feed in list(self._feeds.values()):
            if feed.read_at is None or feed.read_at <= oldest:
                self.stir(feed)
            elif feed.state.get("mode") == "waiting":
                await feed.show_state()

    # ── who speaks ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def state_of(self, feed: Feed) -> dict[str, Any]:
        """Who speaks in a conversation, as the wire has it."""
        standing = feed.standing
        lease = standing.handoff if standing is not None else None
        if standing is not None and (lease is None or lease.operator):
            self._aways.pop(feed.conversation, None)
        if lease is not None and lease.operator:
            return {"mode": "person", "people": [{"id": lease.operator, "name": lease.operator_name}]}
        if lease is not None:
            shown: dict[str, Any] = {"mode": "waiting", "people": []}
            away = self._aways.get(feed.conversation)
            if away is not None:
                shown["mode"] = "away"
                if isinstance(opens_at := away.get("opens_at"), str):
                    shown["opens_at"] = opens_at
            elif place := (await self._place_of(feed.conversation, lease.queue)):
                shown["queue"] = {"place": place}
                wait = await self.paces.wait(lease.queue)
                shown["queue"] |= {"wait_s": wait} if wait else {}
            return shown
        if standing is not None and standing.closed:
            return {"mode": "closed", "people": []}
        return {"mode": "bot", "people": []}

    async def _place_of(self, conversation: ConversationId, queue: str) -> int:
        """Its place among those who wait in the same queue, from 1; as it was some seconds ago at most."""
        now = self.run.clock.now()
        if self._places is None or now - self._places[0] > PLACES_FOR:
            waiting: dict[str, int] = {}
            places: dict[ConversationId, int] = {}
            for one in await self.run.store.handed_over():
                if one.handoff is not None and not one.handoff.operator:
                    waiting[one.handoff.queue] = places[one.id] = waiting.get(one.handoff.queue, 0) + 1
            self._places, self._waiting = (now, places), waiting
        places = self._places[1]
        if conversation not in places:
            # It came after all who were counted: no reason to count them anew.
            self._waiting[queue] = places[conversation] = self._waiting.get(queue, 0) + 1
        return places[conversation]


def read_marks(data: bytes | None) -> dict[str, dict[str, int]]:
    """How far the user and the operators have read, from the shelf; nothing when it is something else."""
    marks: dict[str, dict[str, int]] = {"user": {}, "operator": {}}
    try:
        kept = msgspec.json.decode(data) if data else {}
    except ValueError:
        kept = {}
    for by, mine in marks.items():
        for what, number in (kept.get(by) or {}).items() if isinstance(kept, dict) else ():
            if isinstance(number, int):
                mine[what] = number
    return marks


def _show_typing(feed: Feed, data: Mapping[str, Any]) -> None:
    role = {"operator": "person", "bot": "bot"}.get(str(data.get("by")))
    if role is not None and data.get("on", True):
        feed.push({"t": "typing", "by": {"role": role, "name": str(data.get("name") or "")}, "ttl": TYPING_MS})


def _show_marks(feed: Feed, data: Mapping[str, Any]) -> None:
    by = data.get("by")
    if by not in feed.marks:
        return
    for what in ("got", "seen"):
        number = data.get(what)
        if isinstance(number, int) and number > feed.marks[by].get(what, 0):
            feed.marks[by][what] = number
            if what == "seen" or by == "operator":
                feed.push({"t": what, "by": "me" if by == "user" else "them", "seq": number})
