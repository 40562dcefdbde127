"""What the engine itself does with the desk's events, before any handler: who speaks, what the log says of it."""

from collections.abc import Awaitable, Callable

from attrs import define, evolve

from convokit import handoff as rules
from convokit._engine.changes import Changes, Speech
from convokit.abc import Desk, Timer
from convokit.conversations import Conversation, ConversationId, Entry, EntryKind
from convokit.errors import DefinitionError
from convokit.events import (
    Event,
    HandoffClosed,
    HandoffTransferred,
    HandoffUnattended,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
)
from convokit.messages import Message
from convokit.people import User
from convokit.turn import HandoffWanted
from convokit.wire.codec import decode_event

LastWord = Callable[[], Awaitable[Entry | None]]
"""What was said last before this turn."""


@define(kw_only=True)
class Operating:
    """Applies the desk's events to a turn's changes."""

    desk: Desk | None
    speech: Speech

    async def acted(self, changes: Changes, event: Event, last_word: LastWord) -> bool:
        """Apply what an operator did. Returns whether a handler is to run; refused: nothing else happens."""
        epoch = getattr(event, "epoch", None)
        if epoch is not None and epoch != changes.conversation.epoch:
            return _refused(changes)
        match event:
            case NoteWritten():
                changes.acted(event, "note", event.operator)
                changes.entries[-1] = evolve(changes.entries[-1], message=event.message, private=True)
                changes.mute = True
                return True
            case HandoffUnattended():
                if rules.nobody_has(changes.conversation):
                    return True
                changes.outcome = "ignored"
                return False
            case OperatorJoined():
                return await self._joined(changes, event, last_word)
            case OperatorReplied():
                return self._replied(changes, event)
            case HandoffTransferred():
                return self._transferred(changes, event)
            case HandoffClosed():
                return self._closed(changes, event)
            case _:  # pragma: no cover  these are all of them
                return False

    async def _joined(self, changes: Changes, event: OperatorJoined, last_word: LastWord) -> bool:
        was = changes.conversation
        if not self._taken(changes, event, event.operator):
            return _refused(changes)
        if was.handoff is None:
            # They may have taken it in the middle of the bot's turn: then the customer still waits for a word.
            last = await last_word()
            if last is not None and last.author == "user":
                changes.conversation = rules.asked(changes.conversation, changes.now)
        return True

    def _replied(self, changes: Changes, event: OperatorReplied) -> bool:
        who = event.operator
        if not rules.may_speak(changes.conversation, who, event.epoch):
            return _refused(changes)
        self._taken(changes, event, who, part=":taken")
        changes.conversation = rules.answered(changes.conversation, changes.now)
        self.speech.operator_says(changes, event, who, event.message)
        return True

    def _taken(self, changes: Changes, event: Event, who: User, part: str = "") -> bool:
        """Let an operator have the conversation. One who has it keeps it, and nothing is noted. False: another has."""
        was = changes.conversation
        theirs = rules.taken(was, who, handoff_id(was.id, changes.seq), changes.now)
        if theirs is None:
            return False
        changes.conversation = theirs
        if theirs is not was:
            changes.withdraw = True
            changes.acted(event, "taken", who, to=who.name or who.id, part=part)
        return True

    def _transferred(self, changes: Changes, event: HandoffTransferred) -> bool:
        was = changes.conversation
        given = rules.transferred(was, event, handoff_id(was.id, changes.seq), changes.now)
        if given is None or given.handoff is None:
            return _refused(changes)
        changes.conversation = given
        lease, before = given.handoff, was.handoff
        changes.withdraw = bool(lease.operator) and not (before and before.operator)
        to = lease.operator_name or lease.queue
        if event.operator is None and event.to is None and before is not None:
            changes.acted(event, "expired", None, event.note, to=to)
            changes.entries[-1] = evolve(changes.entries[-1], by=before.operator, name=before.operator_name)
            self.speech.tell_desk(changes, "offer", lease)
        else:
            changes.acted(event, "transferred", event.operator, event.note, to=to)
        return True

    def _closed(self, changes: Changes, event: HandoffClosed) -> bool:
        was, who = changes.conversation, event.operator
        # The bot's own conversation can be ended by somebody who has seen that it is the bot's.
        if was.handoff is None and not (event.ended and event.epoch is not None):
            return _refused(changes)
        if not rules.may_close(was, who, event.epoch):
            return _refused(changes)
        timed_out = who is None and event.outcome == rules.EXPIRED
        kind: EntryKind = "expired" if timed_out else "closed" if event.ended else "returned"
        changes.acted(event, kind, who, event.note or event.outcome)
        self.gives_back(changes, event.outcome, ended=event.ended)
        return True

    def gives_back(self, changes: Changes, outcome: str, *, ended: bool = False) -> None:
        """Let the bot have the conversation again; what was postponed comes back as events of their own."""
        was = changes.conversation
        if was.handoff is not None:
            self.speech.tell_desk(changes, "withdraw", was.handoff)
            changes.closed.append(rules.over(was.handoff, outcome, changes.now))
        again = [decode_event(one.encode()) for one in was.postponed]
        changes.emits += [evolve(one, id=f"{one.id}~{changes.seq}") for one in again]
        changes.conversation = rules.closed(was, ended=ended)

    def took_back(self, changes: Changes) -> None:
        """Let the bot have a conversation again that waits for a person."""
        key = f"w:{changes.seq}:back"
        entry = Entry(at=changes.now, author="bot", message=Message(rules.UNATTENDED), key=key, kind="returned")
        changes.entries.append(entry)
        self.gives_back(changes, rules.UNATTENDED)

    def opens(self, changes: Changes, wanted: HandoffWanted, event: Event) -> None:
        """Give the conversation to the desk; where nobody is there, the bot learns it by an event.

        Raises:
            DefinitionError: The bot has no desk.
        """
        if self.desk is None:
            raise DefinitionError('turn.hand_off: this bot has no desk: Bot("name", desk=…)')
        was = changes.conversation
        lease_id = handoff_id(was.id, changes.seq)
        given = rules.opened(was, wanted, lease_id, changes.now, asked=event.said)
        changes.conversation = given
        if given.handoff is None:
            return
        reason = Message(wanted.reason)
        changes.entries.append(
            Entry(
                at=changes.now,
                author="bot",
                message=reason,
                key=f"w:{changes.seq}",
                kind="waiting",
                to=wanted.queue,
            )
        )
        self.speech.tell_desk(changes, "offer", given.handoff)
        there = self.desk.attendance(wanted.queue)
        if not there.staffed:
            changes.emits.append(
                HandoffUnattended(
                    id=f"unattended:{lease_id}",
                    conversation=was.id,
                    at=changes.now,
                    queue=wanted.queue,
                    opens_at=there.opens_at,
                )
            )

    def watch(self, changes: Changes, was: Conversation) -> None:
        """Set and cancel the timers that end a wait and an operator's silence."""
        if self.desk is None:
            return
        now = changes.conversation
        for name, mark, after in (
            (rules.PATIENCE, rules.patience, self.desk.patience),
            (rules.SILENCE, rules.silence, self.desk.silence),
        ):
            before, since = mark(was), mark(now)
            if before == since:
                continue
            if before is not None:
                changes.cancelled.append(name)
            if since is not None and after is not None:
                changes.timers.append(Timer(conversation=now.id, name=name, due=changes.now + after, data=since))


def _refused(changes: Changes) -> bool:
    changes.outcome = "refused"
    return False


def handoff_id(conversation: ConversationId, seq: int) -> str:
    """A handoff's id: unique within the store."""
    return f"{conversation}:{seq}"


def ends_by_time(event: Event) -> bool:
    """Whether it is the desk's patience that gave the conversation back to the bot."""
    return isinstance(event, HandoffClosed) and event.operator is None and event.outcome == rules.EXPIRED
