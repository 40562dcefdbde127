"""One turn: from a claimed event to everything it changes, as one value to commit."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, get_type_hints

from attrs import define, evolve, field

from convokit import handoff as rules
from convokit._engine.settings import Settings
from convokit.abc import Clock, Committed, Desk, Lane, Send, Store, Timer, Transport, Waiting
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Offer, Option, Position
from convokit.errors import DefinitionError
from convokit.events import (
    ButtonPressed,
    Event,
    HandoffClosed,
    MalformedReceived,
    MessageReceived,
    OperatorJoined,
    OperatorReplied,
    SendRequested,
)
from convokit.fitting import fit, resolve
from convokit.messages import Message
from convokit.people import Profile, User
from convokit.routes import Route
from convokit.routing import Selected, Table, select
from convokit.turn import NOBODY, Facts, Turn
from convokit.wire.codec import decode_event, decode_json, encode, encode_event, from_json, to_json
from convokit.wire.text import scrub

Handler = Callable[[], Awaitable[None]]


class Unreadable(Exception):
    """The event cannot be handled by any handler and is kept as failed at once."""


@define(kw_only=True)
class Changes:
    """What a turn changes, while it is put together."""

    conversation: Conversation
    sends: list[Send] = field(factory=list)
    withdraw: bool = False
    emits: list[Event] = field(factory=list)
    entries: list[Entry] = field(factory=list)
    outcome: str = "handled"
    handler: str = ""
    prefix: str = ""

    def key(self, seq: int, *, spoken: bool) -> str:
        """The next row's key. What the bot says is counted by itself, so that `flush` finds the same keys again."""
        ours = [one for one in self.sends if (one.by == "bot") is spoken]
        return f"{self.conversation.id}:{seq}:{self.prefix if spoken else 'd'}{len(ours)}"


@define(kw_only=True)
class Turns:
    """Runs turns for one engine; holds nothing between two of them."""

    table: Table
    transports: Mapping[str, Transport]
    desk: Desk | None
    store: Store
    clock: Clock
    settings: Settings
    app: Any
    show_typing: Callable[[ConversationId], None]
    flushed: Callable[[], None]

    # ── one event ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, lane: Lane, waiting: Waiting, *, release: bool) -> tuple[Committed, str]:
        """Handle one event. Returns what to commit, and the handler's name for the log.

        Raises:
            Unreadable: The event is to be kept as failed, untried.
            Exception: Whatever the handler raised; then nothing happened.
        """
        event, conversation = waiting.event, lane.conversation
        if isinstance(event, MalformedReceived):
            raise Unreadable(event.reason)
        event, selected = self._selected(event, conversation)
        if isinstance(event, HandoffClosed) and conversation.handoff is not None:
            event = evolve(event, transcript=await self._since(conversation.id, conversation.handoff))
        turn = self._turn(lane, waiting.seq, event)
        changes = Changes(conversation=conversation, outcome=selected.action, handler=_name(selected))
        before = self._before(changes, event, selected, waiting.seq, turn.now)
        if before:
            await self._handle(turn, changes, selected)
        self._put_together(turn, changes, waiting)
        return self._committed(lane, waiting, turn, changes, release=release), changes.handler

    async def run_error_handler(self, lane: Lane, waiting: Waiting, error: Exception, route: Route) -> Committed:
        """Tell `on_error`, whose turn is committed while the event is kept among the failed ones."""
        turn = self._turn(lane, waiting.seq, waiting.event)
        turn.error = error
        # Its own keys: what the failed turn flushed must not swallow what this one says.
        changes = Changes(conversation=lane.conversation, outcome="failed", handler=route.name, prefix="e")
        await self._through_middleware(turn, lambda: route.handler(turn))
        await self._begun(turn, changes)
        self._put_together(turn, changes, waiting)
        committed = self._committed(lane, waiting, turn, changes, release=True)
        return evolve(committed, error=scrub(f"{type(error).__name__}: {error}"))

    def _selected(self, event: Event, conversation: Conversation) -> tuple[Event, Selected]:
        """What typed options stand for, and who handles it."""
        offer = conversation.offer if isinstance(event, MessageReceived) and conversation.handoff is None else None
        if offer is None or event.text.startswith("/"):
            return event, select(event, conversation, self.table)
        option = resolve(event.text, offer)
        if option is not None:
            event = _pressed(event, option)
            return event, select(event, conversation, self.table)
        selected = select(event, conversation, self.table)
        if selected.action in {"dialog", "fallback", "none"}:
            option = resolve(event.text, offer, near=True)
            if option is not None and (selected.action != "dialog" or option.payload.startswith("?")):
                event = _pressed(event, option)
                selected = select(event, conversation, self.table)
        return event, selected

    def _turn(self, lane: Lane, seq: int, event: Event) -> Turn:
        conversation = lane.conversation
        user = event.user or conversation.user or NOBODY
        stored = lane.profiles.get(_profile_id(conversation.id, user))
        return Turn(
            event=event,
            conversation=conversation,
            user=user,
            now=self.clock.now(),
            # A copy in depth: what a handler that fails has changed must not be seen by the next.
            memory=deepcopy(dict(conversation.memory)),
            profile=Facts(deepcopy(dict(stored.facts)) if stored else {}),
            app=self.app,
            history=lambda limit: self.store.history(conversation.id, limit),
            flush=lambda turn: self._flush(lane, seq, turn),
            once=lambda name, call, function: self._once(lane, seq, name, call, function),
            typing=lambda: self.show_typing(conversation.id),
        )

    async def _since(self, conversation: ConversationId, lease: Handoff) -> tuple[Entry, ...]:
        return tuple(one for one in await self.store.history(conversation, 1000) if one.at >= lease.opened_at)

    # ── what the engine itself does with an event, before any handler ───────────────────────────────────────────────

    def _before(self, changes: Changes, event: Event, selected: Selected, seq: int, now: datetime) -> bool:
        """Do the engine's own part. Returns whether a handler is to run."""
        conversation = changes.conversation
        match selected.action:
            case "forward":
                said = event.as_message()
                if said is not None and conversation.handoff is not None:
                    self._tell_desk(changes, seq, "forward", conversation.handoff, said)
                return False
            case "postpone":
                changes.conversation = rules.postponed(conversation, encode_event(event).decode())
                return False
            case "operator":
                return self._operator_acted(changes, event, seq, now)
            case "none":
                changes.outcome = "ignored"
                return False
            case _:
                return True

    def _operator_acted(self, changes: Changes, event: Event, seq: int, now: datetime) -> bool:
        conversation = changes.conversation
        if isinstance(event, HandoffClosed):
            lease = conversation.handoff
            if lease is None:
                changes.outcome = "ignored"
                return False
            self._tell_desk(changes, seq, "withdraw", lease, Message())
            again = [decode_event(one.encode()) for one in conversation.postponed]
            changes.emits += [evolve(one, id=f"{one.id}~{seq}") for one in again]
            changes.conversation = rules.closed(conversation)
            return True
        operator = event.operator if isinstance(event, OperatorJoined | OperatorReplied) else NOBODY
        if isinstance(event, OperatorReplied) and not rules.may_speak(conversation, operator):
            changes.outcome = "ignored"
            return False
        joined = rules.taken(conversation, operator, _handoff_id(conversation.id, seq), now)
        if joined is None:
            changes.outcome = "ignored"
            return False
        fresh = conversation.handoff is None or not conversation.handoff.operator
        changes.withdraw = fresh
        changes.conversation = joined
        if isinstance(event, OperatorReplied):
            self._say(changes, seq, event.message, by="operator")
            changes.entries.append(
                Entry(at=now, author="operator", name=operator.name or operator.id, message=event.message)
            )
        return True

    # ── handlers ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _handle(self, turn: Turn, changes: Changes, selected: Selected) -> None:
        if isinstance(turn.event, SendRequested):
            turn.reply(turn.event.message)
            return
        if selected.action == "dialog" and selected.position is not None:
            position = selected.position
            await self._through_middleware(turn, lambda: self._dialog_step(turn, changes, position))
        elif selected.match is not None:
            match = selected.match
            turn.params = match.params
            await self._through_middleware(turn, lambda: match.route.handler(turn))
        await self._begun(turn, changes)
        if isinstance(turn.event, HandoffClosed) and turn.dialog is None and turn.handoff is None:
            await self._resumed(turn, changes)

    async def _through_middleware(self, turn: Turn, handler: Handler) -> None:
        proceed = handler
        for middleware in reversed(self.table.middlewares):
            proceed = _layer(middleware, turn, proceed)
        await proceed()

    async def _dialog_step(self, turn: Turn, changes: Changes, position: Position) -> None:
        dialog = self.table.dialogs[position.dialog]
        after = await dialog.answer(turn, position)
        changes.conversation = changes.conversation.standing(after, position.user)

    async def _begun(self, turn: Turn, changes: Changes) -> None:
        wanted = turn.dialog
        if wanted is None:
            return
        position = None
        if wanted.dialog is not None:
            dialog = self.table.dialogs.get(wanted.dialog.name)
            if dialog is None or dialog is not wanted.dialog:
                raise DefinitionError(
                    f"turn.begin: the dialog {wanted.dialog.name!r} is not this bot's: make it with bot.dialog(…), "
                    "or include the router that has it"
                )
            position = await dialog.begin(turn, wanted.memory, turn.user.id)
        changes.conversation = changes.conversation.standing(position, turn.user.id)

    async def _resumed(self, turn: Turn, changes: Changes) -> None:
        """Dialogs that were open when a person took over ask their question again."""
        for position in changes.conversation.positions:
            dialog = self.table.dialogs.get(position.dialog)
            if dialog is not None:
                await dialog.ask_again(turn, position)

    # ── putting together ────────────────────────────────────────────────────────────────────────────────────────────

    def _put_together(self, turn: Turn, changes: Changes, waiting: Waiting) -> None:
        seq, event, was = waiting.seq, turn.event, turn.conversation
        said = event.as_message() if event.said else None
        if said is not None:
            author = Entry(at=event.at, author="user", name=turn.user.name, message=said)
            changes.entries.insert(0, author)
        silent = changes.conversation.handoff is not None
        # A question that was answered offers nothing any more, whatever is said instead.
        offer = was.offer if changes.conversation.positions == was.positions else None
        if turn.replies and not silent:
            for message in turn.replies:
                offer = self._say(changes, seq, message, by="bot") or offer
                changes.entries.append(Entry(at=turn.now, author="bot", message=message))
        if turn.handoff is not None and not silent:
            if self.desk is None:
                raise DefinitionError('turn.hand_off: this bot has no desk: Bot("name", desk=…)')
            opened = rules.opened(changes.conversation, turn.handoff, _handoff_id(was.id, seq), turn.now)
            changes.conversation = opened
            if opened.handoff is not None:
                self._tell_desk(changes, seq, "offer", opened.handoff, Message())
        for index, (to, message) in enumerate(turn.elsewhere):
            wanted_id = f"send:{was.id}:{seq}:{index}"
            changes.emits.append(SendRequested(id=wanted_id, conversation=to, at=turn.now, message=message))
        memory = to_json(turn.memory) if turn.memory else {}
        changes.conversation = evolve(
            changes.conversation,
            version=was.version + 1,
            user=event.user or was.user,
            memory=memory,
            offer=offer,
        )

    def _committed(self, lane: Lane, waiting: Waiting, turn: Turn, changes: Changes, *, release: bool) -> Committed:
        conversation = changes.conversation
        timers = tuple(
            Timer(
                conversation=conversation.id,
                name=one.name,
                due=turn.now + one.after,
                user=turn.event.user or turn.conversation.user,
                data=to_json(one.data),
            )
            for one in turn.reminders.values()
        )
        facts = turn.profile.changes
        return Committed(
            epoch=lane.epoch,
            seq=waiting.seq,
            conversation=conversation,
            sends=tuple(changes.sends),
            withdraw=changes.withdraw,
            timers=timers,
            cancelled=tuple(turn.forgotten),
            facts={_profile_id(conversation.id, turn.user): to_json(facts)} if facts else {},
            emits=tuple(changes.emits),
            entries=tuple(changes.entries),
            outcome=changes.outcome,
            release=release,
        )

    def _say(self, changes: Changes, seq: int, message: Message, *, by: str) -> Offer | None:
        """Fit a message to its channel and add its rows. Returns what it offers."""
        conversation = changes.conversation
        fitted = fit(message, self._transport(conversation.id).capabilities)
        for one in fitted.messages:
            self._add(changes, seq, message=one, by=by)
        return fitted.offer

    def _tell_desk(self, changes: Changes, seq: int, call: str, lease: Handoff, message: Message) -> None:
        self._add(changes, seq, message=message, by="customer", desk=call, handoff=lease)

    def _add(self, changes: Changes, seq: int, **what: Any) -> None:
        changes.sends.append(
            Send(
                key=changes.key(seq, spoken=what["by"] == "bot"),
                conversation=changes.conversation.id,
                expires_at=self.clock.now() + timedelta(seconds=self.settings.give_up_after),
                **what,
            )
        )

    def _transport(self, conversation: ConversationId) -> Transport:
        transport = self.transports.get(conversation.channel)
        if transport is None:
            known = ", ".join(self.transports) or "none"
            raise DefinitionError(
                f"{conversation}: no transport is attached as {conversation.channel!r}; attached: {known}"
            )
        return transport

    # ── the verbs that wait ─────────────────────────────────────────────────────────────────────────────────────────

    async def _flush(self, lane: Lane, seq: int, turn: Turn) -> None:
        """Write the rows of what was said so far ahead of the commit, under the keys that the commit will give them."""
        if lane.conversation.handoff is not None or not turn.replies:
            return
        ahead = Changes(conversation=lane.conversation)
        for message in turn.replies:
            self._say(ahead, seq, message, by="bot")
        if await self.store.flush(lane, ahead.sends):
            self.flushed()

    async def _once(self, lane: Lane, seq: int, name: str, call: Callable[[], Awaitable[Any]], function: Any) -> Any:
        kept = await self.store.recall(lane, seq, name)
        if kept is None:
            result = await call()
            try:
                encoded = encode(result)
            except TypeError as problem:
                raise DefinitionError(f"turn.once({name!r}): what it returned cannot be kept: {problem}") from problem
            kept = await self.store.remember(lane, seq, name, encoded)
        kind = _returned(function)
        return from_json(kind, decode_json(kept)) if kind is not None else decode_json(kept)


def _layer(middleware: Any, turn: Turn, proceed: Handler) -> Handler:
    async def go_on() -> None:
        await middleware(turn, proceed)

    return go_on


def _returned(function: Any) -> Any:
    """The annotated return type of a function; None when there is none to restore."""
    try:
        kind = get_type_hints(function).get("return")
    except (NameError, TypeError):
        return None
    return None if kind in {None, type(None), Any} else kind


def _pressed(event: Event, option: Option) -> ButtonPressed:
    return ButtonPressed(
        id=event.id,
        conversation=event.conversation,
        at=event.at,
        user=event.user,
        payload=option.payload,
        label=option.label,
    )


def _name(selected: Selected) -> str:
    if selected.action == "dialog" and selected.position is not None:
        return f"{selected.position.dialog}.{selected.position.state}"
    return selected.match.route.name if selected.match is not None else selected.action


def _handoff_id(conversation: ConversationId, seq: int) -> str:
    return f"{conversation}:{seq}"


def _profile_id(conversation: ConversationId, user: User) -> str:
    return f"{conversation.channel}:{user.id}"


def with_changes(lane: Lane, committed: Committed, left: Sequence[Waiting]) -> Lane:
    """The lane after a commit, for its next event."""
    profiles = dict(lane.profiles)
    for profile_id, changed in committed.facts.items():
        old = profiles[profile_id].facts if profile_id in profiles else {}
        merged = {key: value for key, value in {**old, **changed}.items() if value is not None}
        profiles[profile_id] = Profile(id=profile_id, facts=merged)
    return evolve(lane, conversation=committed.conversation, events=tuple(left), attempts=0, profiles=profiles)
