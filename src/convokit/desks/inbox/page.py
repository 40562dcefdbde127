"""One open page of an operator: what it asks for, what it is told."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import anyio
from attrs import define, field

from convokit.abc import Hint
from convokit.conversations import ConversationId, Log, Logged
from convokit.desks.inbox.asked import CID, Answered, Wrong, quoted, text_of, thread_of, whole_of
from convokit.desks.inbox.boards import Board
from convokit.desks.inbox.entries import Address, Json, entry_of, handoff_of, mode_of, owner_of, stamp
from convokit.desks.inbox.floor import CONTEXT, NEWEST, Floor
from convokit.desks.inbox.people import Operator
from convokit.desks.inbox.presence import STATUSES
from convokit.desks.inbox.speaking import MOST_FILES, MOST_TEXT, SPEAKS, Speaker
from convokit.desks.inbox.threads import Thread
from convokit.errors import StoreUnavailable
from convokit.messages import Attachment
from convokit.wire import codec
from convokit.wire.files import FileBox
from convokit.wire.live import Buckets, Frame, Line, Peer, Refused
from convokit.wire.text import scrub

logger = logging.getLogger(__name__)

DRAFTS = "inbox-drafts"
DRAFT_FOR = timedelta(days=30)
MOST_OPEN = 30
MOST_ROWS = 100
FIRST_ENTRIES = 50
MOST_GAP = 200
MOST_PAGE = 50
CHECK_EVERY = timedelta(seconds=5)
STRIKES = 5
FRAME_ROOM = 120 << 10
"""How many bytes of entries an answer holds at most: half of what may wait for a page."""

Still = Callable[[], Awaitable[Operator | None]]


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
    _speaker: Speaker = field(init=False)
    _board: Board | None = None
    _checked: Any = None
    _strikes: int = 0

    def __attrs_post_init__(self) -> None:
        self._speaker = Speaker(
            floor=self.floor, line=self.line, operator=self.operator, files=self.files, counted=self.counted
        )

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
        can = frame.get("can")
        self.line.batches = isinstance(can, list) and "batch" in can
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
        speaks, act = SPEAKS.get(kind), ACTS.get(kind)
        if speaks is None and act is None:
            if cid is not None:
                self._refuse(frame, "unknown_type")
            return
        if kind in COMMANDS and not (isinstance(cid, str) and CID.fullmatch(cid)):
            self._refuse(frame, "bad_frame")
            return
        try:
            self._slow_down(kind)
            if speaks is not None:
                await speaks(self._speaker, frame)
            elif act is not None:
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
        bucket = self.limits.commands if kind in SPEAKS else self.limits.moves
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

    def address(self, conversation: ConversationId) -> Address:
        """At which address this page gets the attachments of a conversation."""
        conv = quoted(str(conversation))

        def at(attachment: Attachment, place: Any) -> str:
            if attachment.url:
                return attachment.url
            if attachment.data is not None:
                return f"v1/said/{place.number}/{place.part}?conv={conv}"
            if not attachment.ref.startswith("f_"):
                return ""
            return f"v1/files/{self.files.link(attachment.ref)}&conv={conv}"

        return at

    async def _entries(self, thread: Thread, entries: Sequence[Logged]) -> list[Json]:
        return [await self._entry(thread, one) for one in entries]

    async def _entry(self, thread: Thread, logged: Logged) -> Json:
        entry = entry_of(thread.id, logged, self.address(thread.id))
        if logged.entry.kind == "note":
            entry["mentions"] = list(await self.floor.mentioned_in(thread.id, logged.entry.key))
        return entry

    async def _open(self, frame: Frame) -> None:
        thread = await thread_of(self.floor, self.operator, frame)
        if len(self.cursors) >= MOST_OPEN and thread.id not in self.cursors:
            self._shut(next(iter(self.cursors)))
        self.floor.opened.setdefault(thread.id, set()).add(self)
        self.cursors[thread.id] = None
        try:
            # What the lists know may be older than what the customer's page shows.
            await self.floor.refresh(thread.id)
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
        store, after = self.floor.run.store, whole_of(frame.get("after"))
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
        entries = await self._entries(thread, log.entries)
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
            "gone_at": stamp(thread.gone_at),
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
            if logged.number != cursor + 1:
                continue
            self.cursors[thread.id] = logged.number
            entry = await self._entry(thread, logged)
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
        thread = await thread_of(self.floor, self.operator, frame)
        store = self.floor.run.store
        limit = min(max(whole_of(frame.get("limit")) or MOST_PAGE, 1), MOST_PAGE)
        before, after = whole_of(frame.get("before")), whole_of(frame.get("after"))
        if before is None and after is None:
            raise Wrong("bad_frame")
        if before is not None:
            log = await store.log(thread.id, before=before, limit=limit)
        else:
            log = await store.log(thread.id, after=after or 0, limit=limit)
        entries = await self._entries(thread, log.entries)
        while len(entries) > 1 and len(json.dumps(entries)) > FRAME_ROOM:
            entries = entries[len(entries) // 2 :] if before is not None else entries[: len(entries) // 2]
        start = before is not None and (not entries or entries[0]["seq"] <= 1)
        self.line.push({"t": "page", "conv": str(thread.id), "log": log.id, "entries": entries, "start": start})

    async def _rows(self, frame: Frame) -> None:
        name, after, limit = frame.get("list"), frame.get("after"), whole_of(frame.get("limit"))
        if self._board is None or not isinstance(after, str) or name not in self._board.sheets:
            raise Wrong("bad_frame")
        limit = min(max(MOST_ROWS if limit is None else limit, 1), MOST_ROWS)
        rows = self._board.further(name, after, limit, self.floor.threads, self.floor.row)
        self.line.push({"t": "rows", "list": name, "after": scrub(after[:512]), **rows})

    # ── what is not in the log ──────────────────────────────────────────────────────────────────────────────────────

    def _draft_key(self, conversation: ConversationId) -> str:
        return f"{self.operator.id} {conversation}"

    async def _draft(self, frame: Frame) -> None:
        thread = await thread_of(self.floor, self.operator, frame)
        text = text_of(frame, "text", MOST_TEXT)
        mode = "note" if frame.get("mode") == "note" else "reply"
        store, key = self.floor.run.store, self._draft_key(thread.id)
        draft = {"text": text, "mode": mode}
        if text:
            until, whom = self.floor.now + DRAFT_FOR, str(thread.id)
            await store.keep(DRAFTS, key, codec.encode(draft), expires_at=until, about=whom)
        else:
            await store.take_off(DRAFTS, key)
        for page in self.floor.pages_of(self.operator.id):
            if page is not self and thread.id in page.cursors:
                page.line.push({"t": "draft", "conv": str(thread.id), **draft})
        self._ack(frame)

    async def _view(self, frame: Frame) -> None:
        thread = await thread_of(self.floor, self.operator, frame)
        self.floor.look(self, thread.id, on=frame.get("on") is not False)
        self._ack(frame)

    async def _typing(self, frame: Frame) -> None:
        thread = await thread_of(self.floor, self.operator, frame)
        on = frame.get("on") is not False
        note = frame.get("mode") == "note"
        self.floor.types(self, thread.id, ("note" if note else "reply") if on else "")
        if not note and thread.owner == self.operator.id:
            data = {"by": "operator", "name": self.operator.name, "on": on}
            self.floor.run.publish(Hint(conversation=thread.id, topic="typing", data=data))
        self._ack(frame)

    async def _seen(self, frame: Frame) -> None:
        thread = await thread_of(self.floor, self.operator, frame)
        seq = whole_of(frame.get("seq"))
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
    "rows": Page._rows,  # noqa: SLF001  the same
    "more": Page._more,  # noqa: SLF001  the same
    "draft": Page._draft,  # noqa: SLF001  the same
    "view": Page._view,  # noqa: SLF001  the same
    "typing": Page._typing,  # noqa: SLF001  the same
    "seen": Page._seen,  # noqa: SLF001  the same
    "status": Page._status,  # noqa: SLF001  the same
}
COMMANDS = frozenset({*SPEAKS, "draft", "view", "typing", "seen", "status"})


def _json_object(kept: bytes | None) -> Any:
    try:
        found = json.loads(kept) if kept else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
