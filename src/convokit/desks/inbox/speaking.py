"""What an operator does in a conversation: everything that ends in the log, and its answer when its turn is over."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
from attrs import define

from convokit.conversations import Conversation, ConversationId
from convokit.desks.inbox.asked import Answered, Wrong, epoch_of, owner_name, target_of, text_of, thread_of, unavailable
from convokit.desks.inbox.entries import Json, owner_of, stamp
from convokit.desks.inbox.floor import OFFER_FOR, TAGS, Ask, Floor
from convokit.desks.inbox.people import Operator
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
from convokit.wire.live import Frame, Line
from convokit.wire.text import scrub

logger = logging.getLogger(__name__)

MOST_TEXT = 8000
MOST_NOTE = 2000
MOST_FILES = 10
MOST_TAGS = 20
MOST_NAMED = 20
ANSWER_SECONDS = 20.0
"""How long a turn is waited for before the operator is told that it is not known what became of it."""
LOOK_AGAIN_SECONDS = 1.0


@define(eq=False)
class Speaker:
    """An operator at one of their pages, as they speak.

    Args:
        floor: What all pages share.
        line: The way out to the page.
        operator: Whose.
        files: What operators have sent.
        counted: Called with the id of a saved answer that was used.
    """

    floor: Floor
    line: Line
    operator: Operator
    files: FileBox
    counted: Callable[[Operator, str], Awaitable[None]]

    # ── speaking ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _command(self, frame: Frame) -> Thread:
        """The conversation of a command that ends in the log.

        Raises:
            Answered: It was done before.
            Wrong: The conversation is not there, or not theirs to see.
        """
        thread = await thread_of(self.floor, self.operator, frame)
        event_id = f"{self.operator.id}:{frame['cid']}"
        answer = self.floor.answers.get(event_id) or await self._done(frame, thread.id, event_id)
        if answer is not None:
            self.line.push(answer)
            raise Answered
        return thread

    async def take(self, frame: Frame) -> None:
        """Take it; also one that was closed."""
        thread = await self._command(frame)
        epoch = epoch_of(frame)
        await self._hand_in(frame, OperatorJoined(**self._new(frame, thread), operator=self.operator.user, epoch=epoch))

    async def send(self, frame: Frame) -> None:
        """Say something to the customer."""
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        message = await self._message(frame)
        event = OperatorReplied(
            **self._new(frame, thread), operator=self.operator.user, message=message, epoch=epoch_of(frame)
        )
        await self._hand_in(frame, event)
        canned = frame.get("canned")
        if isinstance(canned, str):
            await self.counted(self.operator, canned)

    async def note(self, frame: Frame) -> None:
        """Leave a note for colleagues."""
        thread = await self._command(frame)
        message = await self._message(frame)
        named = self._named(thread, frame.get("mentions"))
        if named:
            await self.floor.mention(thread.id, f"o:{self.operator.id}:{frame['cid']}", named)
        await self._hand_in(
            frame, NoteWritten(**self._new(frame, thread), operator=self.operator.user, message=message)
        )

    def _named(self, thread: Thread, mentions: object) -> Sequence[str]:
        """The operators whom a note names, of those who may see the conversation."""
        if mentions is None:
            return ()
        if not isinstance(mentions, list) or len(mentions) > MOST_NAMED:
            raise Wrong("bad_frame")
        known = [self.floor.people.get(one) for one in dict.fromkeys(one for one in mentions if isinstance(one, str))]
        return [one.operator.id for one in known if one is not None and self.floor.sees(one.operator, thread)]

    async def _message(self, frame: Frame) -> Message:
        text = text_of(frame, "text", MOST_TEXT)
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
        if (lease is not None and lease.operator not in {"", self.operator.id}) or conversation.epoch != epoch_of(
            frame
        ):
            self.floor.stir(thread.id)
            raise Wrong(**self._refusal(frame["t"], conversation))

    async def give_back(self, frame: Frame) -> None:
        """Give it back to the bot."""
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        event = HandoffClosed(
            **self._new(frame, thread),
            operator=self.operator.user,
            note=text_of(frame, "note", MOST_NOTE),
            epoch=epoch_of(frame),
        )
        await self._hand_in(frame, event)

    async def close(self, frame: Frame) -> None:
        """End it."""
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        tags = frame.get("tags")
        if tags is not None:
            await self._tag(thread, tags)
        event = HandoffClosed(
            **self._new(frame, thread),
            operator=self.operator.user,
            outcome=text_of(frame, "outcome", 200),
            ended=True,
            epoch=epoch_of(frame),
        )
        await self._hand_in(frame, event)

    async def _tag(self, thread: Thread, tags: object) -> None:
        if not isinstance(tags, list) or len(tags) > MOST_TAGS or not all(isinstance(one, str) for one in tags):
            raise Wrong("bad_frame")
        tidy = [" ".join(scrub(one).split())[:40] for one in tags]
        thread.tags = tuple(dict.fromkeys(one for one in tidy if one))
        await self.floor.run.store.keep(TAGS, str(thread.id), codec.encode(thread.tags), about=str(thread.id))

    # ── giving away ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def offer(self, frame: Frame) -> None:
        """Give it to a queue, or offer it to a colleague, who has 60 seconds."""
        thread = await self._command(frame)
        await self._must_hold(thread, frame)
        epoch, note = epoch_of(frame), text_of(frame, "note", MOST_NOTE)
        to = target_of(frame)
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

    async def accept(self, frame: Frame) -> None:
        """Take what a colleague offers."""
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

    async def decline(self, frame: Frame) -> None:
        """Leave it with the colleague who offers it."""
        if self._said_before(f"{self.operator.id}:{frame['cid']}"):
            return
        ask = self._asked(frame)
        self.floor.end_offer(ask, "declined", self.operator)
        answer = {"t": "ack", "re": frame["cid"], "id": ask.id}
        self.floor.remember(f"{self.operator.id}:{frame['cid']}", answer)
        self.line.push(answer)

    async def assign(self, frame: Frame) -> None:
        """A lead gives it to somebody, whoever has it."""
        if not self.operator.lead:
            raise Wrong("forbidden")
        thread = await self._command(frame)
        to, note = target_of(frame), text_of(frame, "reason", MOST_NOTE)
        what: dict[str, Any] = {**self._new(frame, thread), "operator": self.operator.user, "note": note}
        if "queue" in to:
            event = HandoffTransferred(**what, queue=self._queue(to["queue"]), epoch=epoch_of(frame))
        else:
            colleague = self.floor.people.get(to["operator"])
            if colleague is None or not self.floor.sees(colleague.operator, thread):
                raise Wrong("not_present")
            event = HandoffTransferred(**what, to=colleague.operator.user, epoch=epoch_of(frame))
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
            answer = unavailable(frame)
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
        patience, known = (ANSWER_SECONDS, False) if fresh else (2 * LOOK_AGAIN_SECONDS, True)
        with anyio.move_on_after(patience):
            while True:
                if not known:
                    with anyio.move_on_after(LOOK_AGAIN_SECONDS):
                        await awaited.done.wait()
                known, over = False, awaited.done.is_set()
                answer = await self._done(frame, event.conversation, event.id)
                if answer is not None:
                    return answer
                if over:
                    break
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
            return unavailable(frame)
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


SPEAKS: Mapping[str, Callable[[Speaker, Frame], Awaitable[None]]] = {
    "take": Speaker.take,
    "reopen": Speaker.take,
    "send": Speaker.send,
    "note": Speaker.note,
    "offer": Speaker.offer,
    "accept": Speaker.accept,
    "decline": Speaker.decline,
    "return": Speaker.give_back,
    "close": Speaker.close,
    "assign": Speaker.assign,
}
"""The commands that end in the log, by their type."""
