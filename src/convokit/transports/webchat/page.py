"""One open page of a visitor: what it says, and what it is told."""

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from attrs import evolve

from convokit.abc import Hint
from convokit.conversations import ConversationId, Log, Logged
from convokit.errors import StoreUnavailable
from convokit.events import HandoffClosed, MessageRead, SignalReceived
from convokit.transports.webchat.feeds import MARKS, Feed, read_marks
from convokit.transports.webchat.front import Front
from convokit.transports.webchat.pages import Pages
from convokit.transports.webchat.saying import Unsaid, cid_of, read_choice, read_context, read_said
from convokit.transports.webchat.settings import LOCALE, REF_CHARACTERS, TEXT_CHARACTERS
from convokit.transports.webchat.showing import moment
from convokit.transports.webchat.visitors import Visitor
from convokit.wire.live import PING_SECONDS, Frame, Line, Peer, Refused
from convokit.wire.text import scrub, scrub_json

logger = logging.getLogger(__name__)

CONTEXT = "context"
"""The shelf of what a page last told of its circumstances, by conversation: what operators see beside it."""
PIECE_BYTES = 128 << 10
"""What the entries of one `welcome` or `page` may have: well below what may wait for a page."""
MOST_OF_A_PAGE = 50
STRIKES = 5
"""How often a page may ignore that it comes too often, before it is sent away."""
TYPING_SECONDS = 2.5
RATING_BYTES = 2048
MOST_EARLIER = 20
LAST_WORDS = 20
PREVIEW = 120
NEWEST = 1 << 53

_encoder = msgspec.json.Encoder()


def number(value: object) -> int | None:
    """A number of an entry, from 0; None for anything else."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
    return value if good and isinstance(value, int) else None


class VisitorPage(Peer):
    """A page with the chat in it, seen from the server.

    Args:
        front: The chat.
        pages: All open pages.
        line: The way out to it.
        visitor: Who has it open.
        address: Where from.
    """

    def __init__(self, front: Front, pages: Pages, line: Line, visitor: Visitor, address: str) -> None:
        self.front = front
        self.line = line
        self.visitor = visitor
        self.address = address
        self.sent: int | None = None
        self.feed: Feed | None = None
        self.warned = False
        self._pages = pages
        self._user = visitor.user
        self._context: dict[str, Any] = {}
        self._told: tuple[ConversationId, bytes] | None = None
        self._was: Sequence[str] = ()
        self._typed_at = 0.0
        self._blocked_until = 0.0
        self._strikes = 0
        self._takes: dict[str, Callable[[Frame], Awaitable[None]]] = {
            "hello": self.hello,
            "send": self._send,
            "act": self._act,
            "typing": self._typing,
            "seen": self._mark,
            "got": self._mark,
            "more": self._more,
            "earlier": self._earlier,
            "auth": self._auth,
        }
        pages.add(self)

    # ── hello ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def hello(self, frame: Frame) -> None:
        """Answer with `welcome`; see `Peer.hello`."""
        if frame.get("v", 1) != 1:
            raise Refused(4400, "this server speaks version 1")
        asked, log, after = frame.get("conv"), frame.get("log"), number(frame.get("after") or 0)
        if not isinstance(asked, str | None) or not isinstance(log, str | None) or after is None:
            raise Refused(4400, "hello names conv, log and after")
        can, lang = frame.get("can"), frame.get("lang")
        self.line.batches = isinstance(can, list) and "batch" in can
        if isinstance(lang, str) and LOCALE.fullmatch(lang):
            self._user = evolve(self.visitor.user, locale=lang)
        self._context = read_context(frame.get("context"))
        if self.visitor.facts:
            self._context["customer"] = dict(self.visitor.facts)
        try:
            await self.front.open()
            conversation = await self._asked_for(asked)
            conversation = await self._by_ref(frame, conversation)
            await self._welcome(conversation, log, after)
        except StoreUnavailable as problem:
            logger.warning("channel=%s a page is sent away: %s", self.front.channel, problem)
            raise Refused(4503, "unavailable") from None

    async def _asked_for(self, asked: str | None) -> ConversationId | None:
        chats = await self.front.visitors.chats(self.visitor.id)
        self._was = chats.was
        if asked and not chats.owns(asked):
            raise Refused(4404, "no such conversation")
        wanted = asked or chats.current
        return self.front.conversation(wanted) if wanted else None

    async def _by_ref(self, frame: Frame, conversation: ConversationId | None) -> ConversationId | None:
        """Somebody who came by a link that carries a ref is told to the bot; that alone begins a conversation."""
        ref, source = frame.get("ref"), frame.get("source")
        if not isinstance(ref, str) or not 0 < len(ref.strip()) <= REF_CHARACTERS:
            return conversation
        try:
            found, new = await self.front.begin(self.visitor.id, closed_too=True)
        except Unsaid:
            return conversation
        word = scrub(source)[:64] if isinstance(source, str) else ""
        await self.front.opened(found, self._user, scrub(ref).strip(), word, self._context)
        return found if new or conversation is None else conversation

    async def _welcome(self, conversation: ConversationId | None, log: str | None, after: int) -> None:
        front = self.front
        self._unfollow()
        said: Frame = {
            "t": "welcome",
            "v": 1,
            "sid": f"s_{os.urandom(16).hex()}",
            "conv": None,
            "log": None,
            "head": 0,
            "from": 1,
            "reset": bool(log),
            "gap": False,
            "entries": [],
            "seen": {"me": 0, "them": 0},
            "mode": "bot",
            "people": [],
            "visitor": {"id": self.visitor.id, "kind": self.visitor.kind, "name": self.visitor.user.name},
            "bot": {"name": front.bot_name},
            "limits": {
                "text": TEXT_CHARACTERS,
                "file_bytes": front.files.most_bytes,
                "types": sorted(front.files.types),
            },
            "can": ["bot"],
            "hb": round(PING_SECONDS * 1000),
            "now": moment(front.run.clock.now()),
        }
        if front.setup.greeting is not None:
            shown = await front.showing.message(front.setup.greeting, None, "")
            said["greeting"] = {**shown, "choices": [one for one in shown.get("buttons", ()) if "payload" in one]}
        reply = await front.feeds.paces.reply()
        if reply is not None:
            said["reply_s"] = reply
        if front.setup.away:
            said["away"] = {"note": front.setup.away}
        if conversation is None:
            self.sent = 0
        else:
            said |= await self._follow(conversation, log, after)
        self.line.push(said)

    async def _follow(self, conversation: ConversationId, log: str | None, after: int) -> Frame:
        """Follow a conversation; returns what `welcome` says of it."""
        feed = self.feed = self.front.feeds.of(conversation)
        missed, newest = await feed.join(self, after)
        reset = bool(log) and log != missed.id
        if reset and newest is None and after:
            newest = await self.front.log(conversation, before=missed.public_head + 1, limit=MOST_OF_A_PAGE)
        entries = missed.entries if newest is None else newest.entries
        # What came after the page was counted in is told by the feed.
        entries = tuple(one for one in entries if one.public <= (self.sent or 0))
        shown, cut = await self._shown(conversation, missed.id, entries, newest_first=True)
        return {
            "conv": conversation.id,
            "log": missed.id,
            "head": self.sent,
            "from": shown[0]["seq"] if shown else (self.sent or 0) + 1,
            "reset": reset or (after > missed.public_head),
            "gap": newest is not None or cut,
            "entries": shown,
            "seen": {"me": feed.marks["user"].get("seen", 0), "them": feed.marks["operator"].get("seen", 0)},
            **feed.state,
        }

    async def _shown(
        self, conversation: ConversationId, log: str, entries: Sequence[Logged], *, newest_first: bool
    ) -> tuple[list[Frame], bool]:
        """Entries as frames, in order, as many as fit; True: some at the far end were left out."""
        shown: list[Frame] = []
        size = 0
        for one in reversed(entries) if newest_first else entries:
            frame = await self.front.show(conversation, log, one)
            size += len(_encoder.encode(frame))
            if shown and size > PIECE_BYTES:
                return (shown[::-1] if newest_first else shown), True
            shown.append(frame)
        return (shown[::-1] if newest_first else shown), False

    async def now_in(self, conversation: ConversationId) -> None:
        """Another page of the same visitor began a conversation: follow it from its first entry."""
        if self.feed is None and self.sent is not None:
            await self._follow_from_start(conversation)

    async def _follow_from_start(self, conversation: ConversationId) -> None:
        feed = self.feed = self.front.feeds.of(conversation)
        missed, newest = await feed.join(self, 0)
        await self._push_all(conversation, missed if newest is None else newest)
        self.line.push({"t": "state", "conv": conversation.id, "log": missed.id, **feed.state})

    async def _push_all(self, conversation: ConversationId, log: Log) -> None:
        for one in log.entries:
            self.line.push(await self.front.show(conversation, log.id, one))

    async def look_at_another(self) -> None:
        """The visitor put the conversation away: this page shows an empty one from now on."""
        await self._welcome(None, "-", 0)

    def _unfollow(self) -> None:
        self.sent = None
        if self.feed is not None:
            self.feed.leave(self)
            self.feed = None

    def left(self) -> None:
        """The page is gone."""
        self._unfollow()
        self._pages.remove(self)

    # ── frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def take(self, frame: Frame) -> None:
        """Do what a frame says; see `Peer.take`."""
        cid = frame.get("cid")
        said = cid if isinstance(cid, str) else None
        try:
            self._count(frame["t"])
            does = self._takes.get(frame["t"])
            if does is not None:
                await does(frame)
            elif said is not None:
                self._refuse(Unsaid("unknown_type"), said)
        except Unsaid as problem:
            self._refuse(problem, said)
        except StoreUnavailable as problem:
            logger.warning("channel=%s a frame was refused: %s", self.front.channel, problem)
            self._refuse(Unsaid("unavailable", retry="same"), said)

    def _count(self, kind: str) -> None:
        """Raises `Unsaid` when the page comes too often, `Refused` when it goes on after it was told so."""
        now = self.front.seconds
        wait = self.front.frames.wait(self.visitor.id, now)
        if not wait and kind in {"send", "act"}:
            wait = self.front.sends.wait(self.visitor.id, now)
        if not wait:
            return
        if now < self._blocked_until:
            self._strikes += 1
            if self._strikes >= STRIKES:
                raise Refused(4429, str(round(max(wait, 1.0) * 1000)))
        else:
            self._strikes = 0
        self._blocked_until = now + wait
        raise Unsaid("rate", retry="after", after=wait)

    def _refuse(self, problem: Unsaid, cid: str | None) -> None:
        said: Frame = {"t": "error", "code": problem.code, "msg": problem.code, "retry": problem.retry}
        if cid is not None:
            said["re"] = scrub(cid[:64])
        if problem.retry == "after":
            said["after_ms"] = max(1, round(problem.after * 1000))
        self.line.push(said)

    async def _send(self, frame: Frame) -> None:
        cid, said = cid_of(frame), read_said(frame)
        context = {**self._context, **read_context(frame.get("context"))}
        conversation = await self._conversation()
        await self._tell_circumstances(conversation, context)
        spoken = await self.front.say(conversation, self._user, cid, evolve(said, context=context), was=self._was)
        self._acknowledge(cid, spoken.logged)

    async def _tell_circumstances(self, conversation: ConversationId, context: dict[str, Any]) -> None:
        """Keep for the operators where somebody writes from, when it is another place than before."""
        told = _encoder.encode(context)
        if context and self._told != (conversation, told):
            await self.front.run.store.keep(CONTEXT, str(conversation), told, about=str(conversation))
            self._told = (conversation, told)

    async def _conversation(self) -> ConversationId:
        """The conversation of this page; it begins when there is none."""
        if self.sent is None:
            raise Unsaid("bad_frame")  # hello was refused, or never said
        if self.feed is None:
            conversation, _ = await self.front.begin(self.visitor.id)
            await self._pages.now_in(self.visitor.id, conversation)
        if self.feed is None:  # another page of the visitor was quicker to leave it
            raise Unsaid("unavailable", retry="same")
        return self.feed.conversation

    def _acknowledge(self, cid: str, logged: Logged | None) -> None:
        said: Frame = {"t": "ack", "cid": cid, "re": cid}
        if self.feed is not None:
            said |= {"conv": self.feed.conversation.id, "log": self.feed.log}
        if logged is not None:
            said |= {"id": logged.entry.key, "seq": logged.public, "at": moment(logged.entry.at)}
        self.line.push(said)

    # ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _act(self, frame: Frame) -> None:
        cid, name, args = cid_of(frame), frame.get("name"), frame.get("args")
        if not isinstance(name, str) or not isinstance(args, dict | None):
            raise Unsaid("bad_frame")
        choice = frame.get("choice") or (args if name in {"choice", "card"} else None)
        if choice is not None:
            read_choice(choice)
            await self._send({"t": "send", "cid": cid, "choice": choice})
            return
        does = {
            "person": self._person,
            "bot": self._back_to_bot,
            "end": self._end,
            "rate": self._rate,
            "new": self._new,
        }.get(name)
        if does is None:
            raise Unsaid("unknown_type")
        await does(cid, args or {})
        self._acknowledge(cid, None)

    async def _person(self, cid: str, args: Frame) -> None:
        del args
        conversation = await self._conversation()
        if await self.front.is_closed(conversation):
            raise Unsaid("closed")
        await self._signal(conversation, cid, "person", {})

    async def _rate(self, cid: str, args: Frame) -> None:
        try:
            rated = scrub_json(args, max_depth=4)
        except ValueError:
            raise Unsaid("bad_frame") from None
        if len(_encoder.encode(rated)) > RATING_BYTES:
            raise Unsaid("too_long")
        await self._signal(self._there(), cid, "rated", rated)

    async def _end(self, cid: str, args: Frame) -> None:
        del args
        conversation = self._there()
        standing = await self.front.run.store.load(conversation)
        await self._signal(conversation, cid, "ended", {})
        if standing is not None and standing.handoff is not None:
            await self._hand_back(conversation, f"{cid}:end", "left", ended=True, epoch=None)

    async def _back_to_bot(self, cid: str, args: Frame) -> None:
        """While nobody has taken the conversation, the visitor may keep talking to the bot."""
        del args
        conversation = self._there()
        standing = await self.front.run.store.load(conversation)
        if standing is None or standing.handoff is None or standing.handoff.operator:
            raise Unsaid("forbidden")
        await self._hand_back(conversation, f"{cid}:bot", "cancelled", ended=False, epoch=standing.epoch)

    async def _hand_back(
        self, conversation: ConversationId, name: str, outcome: str, *, ended: bool, epoch: int | None
    ) -> None:
        event = HandoffClosed(
            id=f"{self.visitor.id}:{name}",
            conversation=conversation,
            at=self.front.run.clock.now(),
            user=self._user,
            outcome=outcome,
            ended=ended,
            epoch=epoch,
        )
        await self.front.signal(event)

    async def _new(self, cid: str, args: Frame) -> None:
        del cid, args
        if await self.front.put_away(self.visitor.id):
            await self._pages.put_away(self.visitor.id)

    def _there(self) -> ConversationId:
        if self.feed is None:
            raise Unsaid("not_found")
        return self.feed.conversation

    async def _signal(self, conversation: ConversationId, cid: str, name: str, told: Frame) -> None:
        event = SignalReceived(
            id=f"{self.visitor.id}:{cid}",
            conversation=conversation,
            at=self.front.run.clock.now(),
            user=self._user,
            context=self._context,
            name=f"{self.front.channel}.{name}",
            data=told,
        )
        await self.front.signal(event)

    # ── what is not kept ────────────────────────────────────────────────────────────────────────────────────────────

    async def _typing(self, frame: Frame) -> None:
        now = self.front.seconds
        if self.feed is None or frame.get("on", True) is not True or 0 <= now - self._typed_at < TYPING_SECONDS:
            return
        self._typed_at = now
        told = {"by": "user", "name": self._user.name, "on": True}
        self.front.run.publish(Hint(conversation=self.feed.conversation, topic="typing", data=told))

    async def _mark(self, frame: Frame) -> None:
        """How far the visitor has read; it only grows."""
        seq, feed, what = number(frame.get("seq")), self.feed, frame["t"]
        if feed is None or not seq or seq > (self.sent or 0):
            return
        mine = feed.marks["user"]
        if seq <= mine.get(what, 0):
            return
        # Set before the store is asked, so that two pages cannot set it back.
        mine[what] = seq
        mine["got"] = max(seq, mine.get("got", 0))
        run, key = self.front.run, str(feed.conversation)
        kept = read_marks(await run.store.kept(MARKS, key))
        for by, marks in kept.items():
            for one, value in feed.marks[by].items():
                marks[one] = max(value, marks.get(one, 0))
        await run.store.keep(MARKS, key, _encoder.encode(kept), about=key)
        told = {"by": "user", "seen": mine.get("seen", 0), "got": mine["got"]}
        run.publish(Hint(conversation=feed.conversation, topic="marks", data=told))
        if what == "seen":
            feed.push({"t": "seen", "by": "me", "seq": seq}, but=self)
            await self._read_up_to(feed, seq)

    async def _read_up_to(self, feed: Feed, seq: int) -> None:
        """Tell a bot that asks for `MessageRead`."""
        log = await self.front.log(feed.conversation, after=seq - 1, limit=1)
        for one in log.entries:
            event = MessageRead(
                id=f"{self.visitor.id}:seen:{seq}",
                conversation=feed.conversation,
                at=self.front.run.clock.now(),
                user=self._user,
                message_ids=(one.entry.key,),
                up_to=one.entry.at,
            )
            await self.front.run.accept([event])

    async def _more(self, frame: Frame) -> None:
        feed, limit = self.feed, number(frame.get("limit", MOST_OF_A_PAGE))
        before, after = number(frame.get("before")), number(frame.get("after"))
        if not limit or (before is None) == (after is None):
            raise Unsaid("bad_frame")
        said: Frame = {"t": "page", "entries": [], "start": True}
        if feed is not None:
            limit = min(limit, MOST_OF_A_PAGE)
            if before is not None:
                log = await self.front.log(feed.conversation, before=before, limit=limit)
            else:
                log = await self.front.log(feed.conversation, after=after or 0, limit=limit)
            shown, _ = await self._shown(feed.conversation, log.id, log.entries, newest_first=before is not None)
            said |= {"conv": feed.conversation.id, "log": log.id, "entries": shown}
            said["start"] = shown[0]["seq"] == 1 if shown else before is not None
        self.line.push(said)

    async def _earlier(self, frame: Frame) -> None:
        """The conversations before this one, newest first, each with its last words; `hello` with its id opens one."""
        del frame
        chats = await self.front.visitors.chats(self.visitor.id)
        here = self.feed.conversation.id if self.feed is not None else ""
        found: list[Frame] = []
        for one in reversed([*chats.earlier, chats.current]):
            if one in {"", here} or len(found) >= MOST_EARLIER:
                continue
            conversation = self.front.conversation(one)
            log = await self.front.log(conversation, before=NEWEST, limit=LAST_WORDS)
            said = [entry.entry for entry in log.entries if entry.entry.kind == "said"]
            if said:
                text = " ".join(said[-1].message.text.split())[:PREVIEW]
                found.append({"conv": one, "at": moment(said[-1].at), "text": text})
        self.line.push({"t": "earlier", "conversations": found})

    async def _auth(self, frame: Frame) -> None:
        """The business vouches for the same customer again."""
        token = frame.get("token")
        visitor = await self.front.visitors.known(token) if isinstance(token, str) and token else None
        if visitor is None or visitor.id != self.visitor.id:
            # Another person is another visitor, who begins with a visit.
            raise Refused(4401, "visit anew")
        self.visitor = evolve(visitor, session=self.visitor.session or visitor.session)
        self.warned = False
        self.line.push({"t": "auth", "ok": True})

    async def polled(self, asked: Frame) -> None:
        """A poll says how far it has read: what an answer that was lost on the way had told is told again."""
        after, feed = number(asked.get("after")), self.feed
        if feed is None or after is None or self.sent is None or after >= self.sent or asked.get("log") != feed.log:
            return
        log = await self.front.log(feed.conversation, after=after)
        await self._push_all(
            feed.conversation, evolve(log, entries=tuple(one for one in log.entries if one.public <= (self.sent or 0)))
        )
