"""What a turn changes, while it is put together: what is said, in the log and on its way; what the desk is told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from convokit._engine.settings import Settings
from convokit._engine.windows import closes
from convokit.abc import Desk, Send, Timer, Transport
from convokit.conversations import Conversation, ConversationId, Entry, EntryKind, Handoff, Offer
from convokit.errors import DefinitionError, TurnTooLarge
from convokit.events import Event
from convokit.fitting import fit
from convokit.messages import Message
from convokit.people import User

PIECES = 10
"""How many messages a reply may become on its channel, on an average of the turn: a long text is cut into several."""


def attached(transports: Mapping[str, Transport], conversation: ConversationId) -> Transport:
    """The transport of a conversation's channel.

    Raises:
        DefinitionError: None is attached under that name.
    """
    transport = transports.get(conversation.channel)
    if transport is None:
        known = ", ".join(transports) or "none"
        raise DefinitionError(
            f"{conversation}: no transport is attached as {conversation.channel!r}; attached: {known}"
        )
    return transport


@define(kw_only=True)
class Changes:
    """What one turn changes. Keys of rows and entries are the same when the event runs again."""

    conversation: Conversation
    seq: int
    now: datetime
    came: Event | None = None
    """The event as it came: a typed answer may be handled as a press."""
    sends: list[Send] = field(factory=list)
    withdraw: bool = False
    timers: list[Timer] = field(factory=list)
    cancelled: list[str] = field(factory=list)
    emits: list[Event] = field(factory=list)
    entries: list[Entry] = field(factory=list)
    closed: list[Handoff] = field(factory=list)
    outcome: str = "handled"
    error: str = ""
    """Why the event is kept among the failed ones, if it is."""
    handler: str = ""
    prefix: str = ""
    """What tells the words of `on_error` from those of the turn that failed."""
    mute: bool = False
    """Whether the handler's words and dialogs do not count."""
    spoken: int = 0
    """How many entries of the bot's own words there are."""
    shown: int = 0
    """How many messages the channel makes of them."""

    def row_key(self, *, spoken: bool) -> str:
        """The next row's key. What the bot says is counted by itself, so that `flush` finds the same keys again."""
        ours = [one for one in self.sends if (one.by == "bot") is spoken]
        return f"{self.conversation.id}:{self.seq}:{self.prefix if spoken else 'd'}{len(ours)}"

    def acted(
        self, event: Event, kind: EntryKind, who: User | None, text: str = "", *, to: str = "", part: str = ""
    ) -> None:
        """Note in the log what an operator did; what nobody did, the system did. `part`: of several entries."""
        self.entries.append(
            Entry(
                at=self.now,
                author="system" if who is None else "operator",
                name="" if who is None else who.name or who.id,
                by="" if who is None else who.id,
                message=Message(text),
                key=f"o:{event.id}{part}",
                kind=kind,
                to=to,
            )
        )


@define(kw_only=True)
class Speech:
    """Says things in a turn's changes: as entries of the log, and as rows of the outbox where the channel has one."""

    transports: Mapping[str, Transport]
    desk: Desk | None
    settings: Settings

    def bot_says(self, changes: Changes, message: Message) -> Offer | None:
        """Let the bot say it. Returns what it offers."""
        transport = attached(self.transports, changes.conversation.id)
        fitted = fit(message, transport.capabilities)
        changes.shown += len(fitted.messages)
        if changes.shown > (most := PIECES * self.settings.replies_a_turn):
            raise TurnTooLarge(
                f"messages as {changes.conversation.id.channel} shows them",
                most,
                "long texts are cut up: say less in one turn",
            )
        for one in fitted.messages if transport.reads_log else (message,):
            key = f"b:{changes.seq}:{changes.prefix}{changes.spoken}"
            changes.entries.append(Entry(at=changes.now, author="bot", message=one, key=key))
            changes.spoken += 1
        if not transport.reads_log:
            for one in fitted.messages:
                self._add(changes, message=one, by="bot")
        return fitted.offer

    def operator_says(self, changes: Changes, event: Event, who: User, message: Message) -> None:
        """Let an operator say it."""
        transport = attached(self.transports, changes.conversation.id)
        fitted = fit(message, transport.capabilities)
        for index, one in enumerate(fitted.messages if transport.reads_log else (message,)):
            key = f"o:{event.id}:{index}" if index else f"o:{event.id}"
            name = who.name or who.id
            changes.entries.append(Entry(at=changes.now, author="operator", name=name, by=who.id, message=one, key=key))
        if not transport.reads_log:
            for one in fitted.messages:
                self._add(changes, message=one, by="operator")

    def tell_desk(self, changes: Changes, call: str, lease: Handoff, message: Message | None = None) -> None:
        """Let the desk be called, unless it reads the store by itself."""
        if self.desk is None or not self.desk.reads_log:
            self._add(changes, message=message or Message(), by="customer", desk=call, handoff=lease)

    def _add(self, changes: Changes, **what: Any) -> None:
        conversation = changes.conversation
        expires_at = changes.now + timedelta(seconds=self.settings.give_up_after)
        if conversation.reachable_until is not None and "desk" not in what:
            transport = attached(self.transports, conversation.id)
            until = closes(transport, conversation.reachable_until, what["by"])
            if transport.window is not None and until < expires_at and not transport.takes_outside(what["message"]):
                expires_at = until  # the outbox gives it up then, without a call to the platform
        changes.sends.append(
            Send(
                key=changes.row_key(spoken=what["by"] == "bot"),
                conversation=conversation.id,
                expires_at=expires_at,
                **what,
            )
        )
