"""One open page of an operator: what it asks for, what it is told."""

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import anyio
from attrs import define, field

from convokit.abc import Hint
from convokit.conversations import Conversation, ConversationId, Log, Logged
from convokit.desks.inbox.boards import Board
from convokit.desks.inbox.entries import Address, Json, entry_of, handoff_of, mode_of, owner_of, stamp
from convokit.desks.inbox.floor import CONTEXT, NEWEST, OFFER_FOR, TAGS, Ask, Floor
from convokit.desks.inbox.people import Operator
from convokit.desks.inbox.presence import STATUSES
from convokit.desks.inbox.threads import Thread
from convokit.errors import StoreUnavailable
from convokit.events import (
    Event,
    HandoffClosed,
    HandoffTransferred,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
)
from convokit.messages import Attachment, Message
from convokit.wire import codec
from convokit.wire.files import FileBox
from convokit.wire.live import Buckets, Frame, Line, Peer, Refused
from convokit.wire.text import scrub

logger = logging.getLogger(__name__)

DRAFTS = "inbox-drafts"
DRAFT_FOR = timedelta(days=30)
MOST_TEXT = 8000
MOST_NOTE = 2000
MOST_FILES = 10
MOST_OPEN = 30
MOST_TAGS = 20
FIRST_ENTRIES = 50
MOST_GAP = 200
MOST_PAGE = 50
ANSWER_SECONDS = 20.0
"""How long a turn is waited for before the operator is told that it is not known what became of it."""
LOOK_AGAIN_SECONDS = 1.0
CHECK_EVERY = timedelta(seconds=5)
STRIKES = 5
CID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
FRAME_ROOM = 120 << 10
"""How many bytes of entries an answer holds at most: half of what may wait for a page."""

Still = Callable[[], Awaitable[Operator | None]]


class Answered(Exception):
    """A command was done before and has got its answer again."""


class Wrong(Exception):
    """A frame cannot be done. `code` is the page's word for why; `figures` go with it."""

    def __init__(self, code: str, **figures: Any) -> None:
        super().__init__(code)
        self.code = code
        self.figures = figures


@define(eq=False)
class Limits:
    """How much an operator may do, over all their pages."""

    commands: Buckets = field(factory=lambda: Buckets(20, 0.2))
    moves: Buckets = field(factory=lambda: Buckets(60, 0.1))
    most_pages: int = 20


@define(eq=False)
class Page(Peer):
    """One open page of an operator's.

    Args:
        floor: What all pages share.
        line: The way out.
        operator: Whose.
        still: Whose it is now; None when they are signed in no more.
        key: Names the sign-in; empty where the host's own is used.
        files: What operators have sent.
        limits: Shared by all pages of the inbox.
        build: Names the version of the page's own files.
        counted: Called with the id of a saved answer that was used.
    """

    floor: Floor
    line: Line
    operator: Operator
    still: Still
    key: str
    files: FileBox
    limits: Limits
    build: str
    counted: Callable[[Operator, str], Awaitable[None]]
    cursors: dict[ConversationId, int | None] = field(factory=dict)
    """How far each open conversation was sent; None while it is being opened."""
    _board: Board | None = None
    _checked: Any = None
    _strikes: int = 0

    # ── the line ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def hello(self, frame: Frame) -> None:
        """Answer with the lists, and with what is new in the conversations that the page has open."""
        if frame.get("v") != 1:
            raise Refused(4400, "this inbox speaks version 1")
        with anyio.move_on_after(10) as waited:
            await self.floor.ready.wait()
        if waited.cancelled_caught or self.floor.tasks is None:
            raise Refused(4503, "starting")
        if self._board is not None:
            raise Refused(4400, "hello was said already")
        if len(self.floor.pages_of(self.operator.id)) >= self.limits.most_pages:
            raise Refused(4429, "10000")
        floor = self.floor
        self._checked = floor.now
        # Nothing is awaited between the lists' snapshot and the first change that is pushed.
        self._board = board = floor.join(self)
        self.line.push(
            {
                "t": "welcome",
                "v": 1,
                "me": {
                    "id": self.operator.id,
                    "name": self.operator.name,
                    "role": self.operator.role,
                    "status": floor.people[self.operator.id].status,
                    "max": self.operator.max,
                    "languages": list(self.operator.languages),
                },
                "lists": board.welcome(frame.get("lists"), floor.threads, floor.row),
                "operators": floor.operators(),
                "queues": floor.queues_of(self.operator),
                "answers_rev": floor.answers_rev,
                "now": stamp(floor.now),
                "build": self.build,
                "limits": {
                    "text": MOST_TEXT,
                    "file": {"max": self.files.most_bytes, "types": sorted(self.files.types)},
                    "files": MOST_FILES,
                },
            }
        )
        for ask in floor.offers.values():
            if ask.to == self.operator.id:
                user = floor.threads[ask.conversation].conversation.user if ask.conversation in floor.threads else None
                self.line.push(ask.as_json(user.name if user is not None else ""))
        known = frame.get("convs")
        for name, cursor in list(known.items())[:MOST_OPEN] if isinstance(known, dict) else ():
            given = cursor if isinstance(cursor, dict) else {}
            await self.take({"t": "open", "conv": name, "log": given.get("log"), "after": given.get("after")})

    async def take(self, frame: Frame) -> None:
        """Do what the page asks for; what cannot be done is answered, and never raises but `Refused`."""
        await self.check()
        kind = frame["t"]
        cid = frame.get("cid")
        act = ACTS.get(kind)
        if act is None:
            if cid is not None:
                self._refuse(frame, "unknown_type")
            return
        if kind in COMMANDS and not (isinstance(cid, str) and CID.fullmatch(cid)):
            self._refuse(frame, "bad_frame")
            return
        try:
            self._slow_down(kind)
            await act(self, frame)
        except Answered:
            return
        except Wrong as problem:
            self._refuse(frame, problem.code, **problem.figures)
        except StoreUnavailable:
            self._refuse(frame, "unavailable", retry="same")

    def left(self) -> None:
        """The page is gone."""
        for conversation in list(self.cursors):
            self._shut(conversation)
        self.floor.leave(self)

    async def check(self, *, anew: bool = False) -> None:
        """Look again whether the operator is still who they were; at most every five seconds.

        Args:
            anew: Look at once, and close the line in place of raising.

        Raises:
            Refused: They are signed in no more, or their rights are others.
        """
        now = self.floor.now
        if not anew and self._checked is not None and now - self._checked < CHECK_EVERY:
            return
        self._checked = now
        found = await self.still()
        if found == self.operator:
            return
        code, reason = (4401, "signed out") if found is None else (1012, "your rights have changed")
        if not anew:
            raise Refused(code, reason)
        self.line.close(code, reason)

    def _slow_down(self, kind: str) -> None:
        bucket = self.limits.commands if kind in EVENTS else self.limits.moves
        wait = bucket.wait(self.operator.id, self.floor.now.timestamp())
        if not wait:
            self._strikes = 0
            return
        self._strikes += 1
        if self._strikes >= STRIKES * 4:
            raise Refused(4429, str(round(wait * 1000) + 1000))
        raise Wrong("rate", after_ms=round(wait * 1000) + 1, retry="after")

    def _refuse(self, frame: Frame, code: str, **figures: Any) -> None:
        answer: Json = {"t": "error", "code": code, "retry": "no", **figures}
        if isinstance(frame.get("cid"), str):
            answer["re"] = scrub(frame["cid"][:64])
        if isinstance(frame.get("conv"), str):
            answer["conv"] = scrub(frame["conv"][:512])
        self.line.push(answer)

    def _ack(self, frame: Frame, **more: Any) -> None:
        self.line.push({"t": "ack", "re": frame["cid"], **more})

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _thread(self, frame: Frame) -> Thread:
        """The conversation that a frame names; one that is not there and one that is not theirs look alike."""
        name = frame.get("conv")
        try:
            key = ConversationId.parse(name) if isinstance(name, str) and len(name) <= 512 else None  # noqa: PLR2004  more than any channel's ids
        except ValueError:
            key = None
        if key is None or scrub(str(key)) != str(key):
            raise Wrong("not_found")
        thread = await self.floor.thread(self.operator, key)
        if thread is None:
            raise Wrong("not_found")
        return thread

    def address(self, conversation: ConversationId) -> Address:
        """At which address this page gets the attachments of a conversation."""
        del conversation

        def at(attachment: Attachment, place: Any) -> str:
            if attachment.url:
                return attachment.url
            if attachment.data is not None:
                return f"v1/said/{place.number}/{place.part}?conv={_quoted(str(place.conversation))}"
            return f"v1/files/{self.files.link(attachment.ref)}" if attachment.ref.startswith("f_") else ""

        return at

    def _entries(self, thread: Thread, entries: Sequence[Logged]) -> list[Json]:
        address = self.address(thread.id)
        return [entry_of(thread.id, one, address) for one in entries]

    async def _open(self, frame: Frame) -> None:
        thread = await self._thread(frame)
        if len(self.cursors) >= MOST_OPEN and thread.id not in self.cursors:
            self._shut(next(iter(self.cursors)))
        self.floor.opened.setdefault(thread.id, set()).add(self)
        self.cursors[thread.id] = None
        try:
            log = await self._from(thread, frame)
            opened = await self._opened(thread, log)
        except BaseException:
            self._shut(thread.id)
            raise
        if self.cursors.get(thread.id, 0) is not None:
            return  # it was shut, or opened once more, meanwhile
        self.line.push(opened)
        self.cursors[thread.id] = log.entries[-1].number if log.entries else log.head
        await self.bring(thread, ())

    async def _from(self, thread: Thread, frame: Frame) -> Log:
        """The entries after the page's cursor, or the newest where it has none, or is far behind."""
        store, after = self.floor.run.store, _whole(frame.get("after"))
        newest = await store.log(thread.id, before=NEWEST, limit=FIRST_ENTRIES)
        if after is None or frame.get("log") != newest.id or newest.head - after > MOST_GAP or after > newest.head:
            return newest
        return await store.log(thread.id, after=after, limit=MOST_GAP)

    async def _opened(self, thread: Thread, log: Log) -> Json:
        store = self.floor.run.store
        conversation = thread.conversation
        user = conversation.user
        profile = await store.profile(f"{thread.id.channel}:{user.id}") if user is not None else None
        context = await store.kept(CONTEXT, str(thread.id))
        draft = await store.kept(DRAFTS, self._draft_key(thread.id))
        entries = self._entries(thread, log.entries)
        while len(entries) > 1 and len(json.dumps(entries)) > FRAME_ROOM:
            entries = entries[len(entries) // 2 :]  # the page asks for the older ones by itself
        return {
            "t": "opened",
            "conv": str(thread.id),
            "log": log.id,
            "head": log.head,
            "entries": entries,
            "profile": dict(profile.facts) if profile is not None else {},
            "user": None
            if user is None
            else {
                "id": user.id,
                "name": user.name,
                "locale": user.locale,
                "username": user.username,
                "verified": user.verified,
            },
            "channel": thread.id.channel,
            "context": _json_object(context),
            "tags": list(thread.tags),
            "queue": thread.queue,
            "mode": mode_of(conversation),
            "epoch": conversation.epoch,
            "owner": owner_of(conversation.handoff),
            "handoff": handoff_of(conversation.handoff, self.floor.lease_until(conversation)),
            "draft": _json_object(draft) if draft else None,
            "seen": dict(thread.read),
            "here": self.floor.here(thread.id),
        }

    async def bring(self, thread: Thread, fresh: Sequence[Logged]) -> None:
        """Send what an open conversation has beyond the page's cursor."""
        cursor = self.cursors.get(thread.id)
        if cursor is None:
            return  # what it is opened with is on its way
        if not fresh or fresh[0].number != cursor + 1:
            log = await self.floor.run.store.log(thread.id, after=cursor)
            fresh = log.entries
        for logged in fresh:
            cursor = self.cursors.get(thread.id)
            if cursor is None or self.line.closed is not None:
                return
            if logged.number == cursor + 1:
                self.cursors[thread.id] = logged.number
                entry = entry_of(thread.id, logged, self.address(thread.id))
                self.line.push({"t": "entry", "conv": str(thread.id), **entry})

    def close_of(self, conversation: ConversationId) -> None:
        """A conversation is no longer this operator's to see."""
        if conversation in self.cursors:
            self._shut(conversation)
            self.line.push({"t": "error", "code": "not_found", "retry": "no", "conv": str(conversation)})

    async def _shut_frame(self, frame: Frame) -> None:
        name = frame.get("conv")
        for conversation in [one for one in self.cursors if str(one) == name]:
            self._shut(conversation)

    def _shut(self, conversation: ConversationId) -> None:
        self.cursors.pop(conversation, None)
        pages = self.floor.opened.get(conversation)
        if pages is not None:
            pages.discard(self)
            if not pages:
                del self.floor.opened[conversation]
        self.floor.look(self, conversation, on=False)

    async def _more(self, frame: Frame) -> None:
        thread = await self._thread(frame)
        store = self.floor.run.store
        limit = min(max(_whole(frame.get("limit")) or MOST_PAGE, 1), MOST_PAGE)
        before, after = _whole(frame.get("before")), _whole(frame.get("after"))
        if before is None and after is None:
            raise Wrong("bad_frame")
        if before is not None:
            log = await store.log(thread.id, before=before, limit=limit)
        else:
            log = await store.log(thread.id, after=after or 0, limit=limit)
        entries = self._entries(thread, log.entries)
        while len(entries) > 1 and len(json.dumps(entries)) > FRAME_ROOM:
            entries = entries[len(entries) // 2 :] if before is not None else entries[: len(entries) // 2]
        start = before is not None and (not entries or entries[0]["seq"] <= 1)
        self.line.push({"t": "page", "conv": str(thread.id), "log": log.id, "entries": entries, "start": start})

    # ── speaking ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _command(self, frame: Frame) -> Thread:
        """The conversation of a command that ends in the log.

        Raises:
            Answered: It was done before.
            Wrong: The conversation is not there, or not theirs to see.
        """
        thread = await self._thread(frame)
        event_id = f"{self.operator.id}:{frame['cid']}"
        answer = self.floor.answers.get(event_id) or await self._done(frame, thread.id, event_id)
        if answer is not None:
            self.line.push(answer)
            raise Answered
        return thread

    async def _take(self, frame: Frame) -> None:
        thread = await self._command(frame)
        epoch = _epoch(frame)
        await self._hand_in(frame, OperatorJoined(**self._new(frame, thread), operator=self.operator.user, epoch=epoch))

    async def _send(self, frame: Frame) -> None:
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        message = await self._message(frame)
        event = OperatorReplied(
            **self._new(frame, thread), operator=self.operator.user, message=message, epoch=_epoch(frame)
        )
        await self._hand_in(frame, event)
        canned = frame.get("canned")
        if isinstance(canned, str):
            await self.counted(self.operator, canned)

    async def _note(self, frame: Frame) -> None:
        thread = await self._command(frame)
        message = await self._message(frame)
        await self._hand_in(
            frame, NoteWritten(**self._new(frame, thread), operator=self.operator.user, message=message)
        )

    async def _message(self, frame: Frame) -> Message:
        text = _text(frame, "text", MOST_TEXT)
        named = frame.get("files") or []
        if not isinstance(named, list) or len(named) > MOST_FILES:
            raise Wrong("bad_frame")
        attachments = [await self._attachment(one) for one in named]
        if not text.strip() and not attachments:
            raise Wrong("empty")
        return Message(text, attachments=attachments)

    async def _attachment(self, name: object) -> Attachment:
        kept = await self.files.about(name) if isinstance(name, str) else None
        # Only what they have sent themselves: an id is no right.
        if kept is None or kept.owner != owner_name(self.operator):
            raise Wrong("file_missing")
        return await self.files.as_attachment(kept.id)

    async def _must_hold(self, thread: Thread, frame: Frame) -> None:
        """What a colleague has is not theirs to speak in, give away or end.

        The store is asked, not the memory of it; and whoever names the epoch of what is found here is refused by the
        engine when it has changed by then.
        """
        conversation = await self.floor.run.store.load(thread.id) or thread.conversation
        lease = conversation.handoff
        if (lease is not None and lease.operator not in {"", self.operator.id}) or conversation.epoch != _epoch(frame):
            self.floor.stir(thread.id)
            raise Wrong(**self._refusal(frame["t"], conversation))

    async def _return(self, frame: Frame) -> None:
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        event = HandoffClosed(
            **self._new(frame, thread),
            operator=self.operator.user,
            note=_text(frame, "note", MOST_NOTE),
            epoch=_epoch(frame),
        )
        await self._hand_in(frame, event)

    async def _close(self, frame: Frame) -> None:
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        tags = frame.get("tags")
        if tags is not None:
            await self._tag(thread, tags)
        event = HandoffClosed(
            **self._new(frame, thread),
            operator=self.operator.user,
            outcome=_text(frame, "outcome", 200),
            ended=True,
            epoch=_epoch(frame),
        )
        await self._hand_in(frame, event)

    async def _tag(self, thread: Thread, tags: object) -> None:
        if not isinstance(tags, list) or len(tags) > MOST_TAGS or not all(isinstance(one, str) for one in tags):
            raise Wrong("bad_frame")
        tidy = [" ".join(scrub(one).split())[:40] for one in tags]
        thread.tags = tuple(dict.fromkeys(one for one in tidy if one))
        await self.floor.run.store.keep(TAGS, str(thread.id), codec.encode(thread.tags))

    # ── giving away ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _offer(self, frame: Frame) -> None:
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        epoch, note = _epoch(frame), _text(frame, "note", MOST_NOTE)
        to = _target(frame)
        if "queue" in to:
            event = HandoffTransferred(
                **self._new(frame, thread),
                operator=self.operator.user,
                queue=self._queue(to["queue"]),
                note=note,
                epoch=epoch,
            )
            await self._hand_in(frame, event)
            return
        colleague = self.floor.people.get(to["operator"])
        if (
            colleague is None
            or colleague.operator.id == self.operator.id
            or not self.floor.sees(colleague.operator, thread)
            or not colleague.has_room(self.floor.now)
        ):
            raise Wrong("not_present")
        if not note.strip():
            raise Wrong("empty")
        ask = Ask(
            id=f"offer_{secrets.token_hex(12)}",
            conversation=thread.id,
            epoch=epoch,
            giver=self.operator,
            to=colleague.operator.id,
            note=note,
            until=self.floor.now + OFFER_FOR,
        )
        answer = {"t": "ack", "re": frame["cid"], "id": ask.id, "offer": ask.id, "until": stamp(ask.until)}
        self.floor.remember(f"{self.operator.id}:{frame['cid']}", answer)
        self.line.push(answer)
        self.floor.offer(ask)

    def _asked(self, frame: Frame) -> Ask:
        name = frame.get("offer")
        ask = self.floor.offers.get(name) if isinstance(name, str) else None
        if ask is None or ask.to != self.operator.id:
            raise Wrong("offer_gone")
        return ask

    async def _accept(self, frame: Frame) -> None:
        thread = await self._command(frame)
        ask = self._asked(frame)
        if ask.conversation != thread.id:
            raise Wrong("offer_gone")
        event = HandoffTransferred(
            **self._new(frame, thread),
            operator=ask.giver.user,
            to=self.operator.user,
            note=ask.note,
            epoch=ask.epoch,
        )
        await self._hand_in(
            frame, event, lambda won: self.floor.end_offer(ask, "accepted" if won else "expired", self.operator)
        )

    async def _decline(self, frame: Frame) -> None:
        if self._said_before(f"{self.operator.id}:{frame['cid']}"):
            return
        ask = self._asked(frame)
        self.floor.end_offer(ask, "declined", self.operator)
        answer = {"t": "ack", "re": frame["cid"], "id": ask.id}
        self.floor.remember(f"{self.operator.id}:{frame['cid']}", answer)
        self.line.push(answer)

    async def _assign(self, frame: Frame) -> None:
        if not self.operator.lead:
            raise Wrong("forbidden")
        thread = await self._command(frame)
        to, note = _target(frame), _text(frame, "reason", MOST_NOTE)
        what: dict[str, Any] = {**self._new(frame, thread), "operator": self.operator.user, "note": note}
        if "queue" in to:
            event = HandoffTransferred(**what, queue=self._queue(to["queue"]), epoch=_epoch(frame))
        else:
            colleague = self.floor.people.get(to["operator"])
            if colleague is None or not self.floor.sees(colleague.operator, thread):
                raise Wrong("not_present")
            event = HandoffTransferred(**what, to=colleague.operator.user, epoch=_epoch(frame))
        await self._hand_in(frame, event)

    def _queue(self, name: str) -> str:
        known = {*self.floor.queues, *self.floor.waiting, *(one.queue for one in self.floor.threads.values())}
        if name not in known:
            raise Wrong("not_found")
        return name

    # ── a turn's answer ─────────────────────────────────────────────────────────────────────────────────────────────

    def _new(self, frame: Frame, thread: Thread) -> dict[str, Any]:
        return {
            "id": f"{self.operator.id}:{frame['cid']}",
            "conversation": thread.id,
            "at": self.floor.now,
        }

    def _said_before(self, event_id: str) -> bool:
        """Whether a command was answered already: then it gets the same answer."""
        answer = self.floor.answers.get(event_id)
        if answer is not None:
            self.line.push(answer)
        return answer is not None

    async def _hand_in(self, frame: Frame, event: Event, then: Callable[[bool], None] | None = None) -> None:
        """Make a command durable; its answer comes when its turn is over, and does not hold up the next frame."""
        if self.floor.tasks is None:
            raise Wrong("unavailable", retry="same")
        awaited = self.floor.expect(event)
        try:
            (fresh,) = await self.floor.run.accept([event])
        except BaseException:
            self.floor.forget(event)
            raise
        self.floor.tasks.start_soon(self._answer, frame, event, awaited, fresh, then)

    async def _answer(
        self, frame: Frame, event: Event, awaited: Any, fresh: bool, then: Callable[[bool], None] | None
    ) -> None:
        try:
            answer = await self._outcome(frame, event, awaited, fresh=fresh)
        except StoreUnavailable:
            answer = _unavailable(frame)
        finally:
            self.floor.forget(event)
        if answer.get("code") != "unavailable":
            self.floor.remember(event.id, answer)
        if then is not None:
            then(answer["t"] == "ack")
        self.line.push(answer)

    async def _done(self, frame: Frame, conversation: ConversationId, event_id: str) -> Json | None:
        """The answer to a command that is in the log."""
        store, key = self.floor.run.store, f"o:{event_id}"
        logged = await store.find(conversation, key)
        if logged is None:
            return None
        now = await store.load(conversation)
        return {
            "t": "ack",
            "re": frame["cid"],
            "conv": str(conversation),
            "id": key,
            "seq": logged.number,
            "at": stamp(logged.entry.at),
            "epoch": now.epoch if now is not None else 0,
        }

    async def _outcome(self, frame: Frame, event: Event, awaited: Any, *, fresh: bool) -> Json:
        # A command that was seen before was most likely decided before, too: nobody will say so again.
        patience = ANSWER_SECONDS if fresh else 2 * LOOK_AGAIN_SECONDS
        with anyio.move_on_after(patience):
            while True:
                over = awaited.done.is_set()
                answer = await self._done(frame, event.conversation, event.id)
                if answer is not None:
                    return answer
                if over:
                    break
                with anyio.move_on_after(LOOK_AGAIN_SECONDS):
                    await awaited.done.wait()
        conversation = await self.floor.run.store.load(event.conversation) or Conversation(id=event.conversation)
        if (
            frame["t"] in {"take", "reopen"}
            and conversation.handoff
            and conversation.handoff.operator == self.operator.id
        ):
            # It was theirs already: nothing changed, and nothing is in the log.
            return {"t": "ack", "re": frame["cid"], "conv": str(event.conversation), "epoch": conversation.epoch}
        if (fresh and not awaited.done.is_set()) or awaited.outcome not in {"", "refused"}:
            if awaited.done.is_set():
                logger.warning("conversation=%s an operator's command ended as %s", event.conversation, awaited.outcome)
            return _unavailable(frame)
        self.floor.stir(event.conversation)
        refusal = self._refusal(frame["t"], conversation)
        return {"t": "error", "re": frame["cid"], "conv": str(event.conversation), "retry": "no", **refusal}

    def _refusal(self, kind: str, conversation: Conversation) -> Json:
        """Why the engine refused a command, seen from the conversation as it is now."""
        lease = conversation.handoff
        if lease is not None and lease.operator and lease.operator != self.operator.id:
            code = "taken" if kind in {"take", "reopen"} else "lease_lost"
            return {
                "code": code,
                "owner": owner_of(lease),
                "at": stamp(lease.taken_at),
                "epoch": conversation.epoch,
            }
        code = "closed" if conversation.closed and kind != "take" else "lease_lost"
        return {"code": code, "owner": owner_of(lease), "epoch": conversation.epoch}

    # ── what is not in the log ──────────────────────────────────────────────────────────────────────────────────────

    def _draft_key(self, conversation: ConversationId) -> str:
        return f"{self.operator.id} {conversation}"

    async def _draft(self, frame: Frame) -> None:
        thread = await self._thread(frame)
        text = _text(frame, "text", MOST_TEXT)
        mode = "note" if frame.get("mode") == "note" else "reply"
        store, key = self.floor.run.store, self._draft_key(thread.id)
        draft = {"text": text, "mode": mode}
        if text:
            await store.keep(DRAFTS, key, codec.encode(draft), expires_at=self.floor.now + DRAFT_FOR)
        else:
            await store.take_off(DRAFTS, key)
        for page in self.floor.pages_of(self.operator.id):
            if page is not self and thread.id in page.cursors:
                page.line.push({"t": "draft", "conv": str(thread.id), **draft})
        self._ack(frame)

    async def _view(self, frame: Frame) -> None:
        thread = await self._thread(frame)
        self.floor.look(self, thread.id, on=frame.get("on") is not False)
        self._ack(frame)

    async def _typing(self, frame: Frame) -> None:
        thread = await self._thread(frame)
        on = frame.get("on") is not False
        note = frame.get("mode") == "note"
        self.floor.types(self, thread.id, ("note" if note else "reply") if on else "")
        if not note and thread.owner == self.operator.id:
            data = {"by": "operator", "name": self.operator.name, "on": on}
            self.floor.run.publish(Hint(conversation=thread.id, topic="typing", data=data))
        self._ack(frame)

    async def _seen(self, frame: Frame) -> None:
        thread = await self._thread(frame)
        seq = _whole(frame.get("seq"))
        if seq is None:
            raise Wrong("bad_frame")
        # A look by somebody else clears nothing.
        if thread.owner == self.operator.id and seq <= thread.head:
            await self.floor.mark(thread, seq)
        self._ack(frame)

    async def _status(self, frame: Frame) -> None:
        given = frame.get("status")
        status = STATUSES.get(given) if isinstance(given, str) else None
        if status is None:
            raise Wrong("bad_frame")
        await self.floor.set_status(self.operator, status)
        self._ack(frame)


ACTS: Mapping[str, Callable[[Page, Frame], Awaitable[None]]] = {
    "open": Page._open,  # noqa: SLF001  the table of what a page's frames do
    "shut": Page._shut_frame,  # noqa: SLF001  the same
    "more": Page._more,  # noqa: SLF001  the same
    "take": Page._take,  # noqa: SLF001  the same
    "reopen": Page._take,  # noqa: SLF001  who opens a conversation again has it
    "send": Page._send,  # noqa: SLF001  the same
    "note": Page._note,  # noqa: SLF001  the same
    "offer": Page._offer,  # noqa: SLF001  the same
    "accept": Page._accept,  # noqa: SLF001  the same
    "decline": Page._decline,  # noqa: SLF001  the same
    "return": Page._return,  # noqa: SLF001  the same
    "close": Page._close,  # noqa: SLF001  the same
    "assign": Page._assign,  # noqa: SLF001  the same
    "draft": Page._draft,  # noqa: SLF001  the same
    "view": Page._view,  # noqa: SLF001  the same
    "typing": Page._typing,  # noqa: SLF001  the same
    "seen": Page._seen,  # noqa: SLF001  the same
    "status": Page._status,  # noqa: SLF001  the same
}
EVENTS = frozenset({"take", "send", "note", "offer", "accept", "decline", "return", "close", "reopen", "assign"})
COMMANDS = EVENTS | {"draft", "view", "typing", "seen", "status"}


def owner_name(operator: Operator) -> str:
    """As whose an operator's files are kept."""
    return f"operator:{operator.id}"


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415  needed for bytes in the log only

    return quote(text, safe="")


def _unavailable(frame: Frame) -> Json:
    return {"t": "error", "re": frame["cid"], "code": "unavailable", "retry": "same"}


def _whole(value: object) -> int | None:
    """A number of an entry; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= NEWEST:
        return None
    return value


def _epoch(frame: Frame) -> int:
    epoch = _whole(frame.get("epoch"))
    if epoch is None:
        raise Wrong("bad_frame")
    return epoch


def _text(frame: Frame, name: str, most: int) -> str:
    given = frame.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Wrong("bad_frame")
    if len(given) > most:
        raise Wrong("too_long", max=most)
    return scrub(given)


def _target(frame: Frame) -> dict[str, str]:
    to = frame.get("to")
    if isinstance(to, dict):
        for kind in ("operator", "queue"):
            if isinstance(to.get(kind), str):
                return {kind: scrub(to[kind])}
    raise Wrong("bad_frame")


def _json_object(kept: bytes | None) -> Any:
    try:
        found = json.loads(kept) if kept else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
