"""One turn: from a claimed event to everything it changes, as one value to commit."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from time import perf_counter
from typing import Any, get_type_hints

import anyio
from attrs import define, evolve, field

from convokit import handoff as rules
from convokit._engine import pacing, points
from convokit._engine.changes import Changes, Speech
from convokit._engine.operating import Operating, ends_by_time
from convokit._engine.selecting import handler_of, own_timer, selected
from convokit._engine.settings import Settings
from convokit._engine.telling import Telling
from convokit.abc import Clock, Committed, Desk, Lane, Store, Timer, Transport, Waiting
from convokit.conversations import Conversation, ConversationId, Entry, Handoff, Position
from convokit.dialogs import Around, Steps
from convokit.dialogs.versions import line_of, placed
from convokit.errors import DefinitionError, MigrationFailed, ReplyLoop, StoreUnavailable, TurnTooLong
from convokit.events import Event, HandoffClosed, MalformedReceived, SendRequested, TimerFired
from convokit.messages import Attachment
from convokit.people import Profile, User
from convokit.routes import Route
from convokit.routing import PATIENT, Selected, Table
from convokit.triggers import DIALOG_TIMER
from convokit.turn import NOBODY, Facts, Turn
from convokit.wire.codec import decode_json, encode, encode_event, from_json, to_json
from convokit.wire.text import scrub

logger = logging.getLogger(__name__)

Handler = Callable[[], Awaitable[None]]
SPENT = "spent"
"""The shelf where it lies what `turn.spend` used up, and for which event."""

SET_ASIDE = (
    f"it waits for the end of the handoff, where {rules.MOST_POSTPONED} others wait already; it is put back in line by "
    "itself then"
)
"""Why an event that came during a handoff is among the failed ones."""


class Unreadable(Exception):
    """The event cannot be handled by any handler and is kept as failed at once."""


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
    flushed: Callable[[ConversationId], None]
    download: Callable[[ConversationId, Attachment, int], Awaitable[bytes]]
    telling: Telling | None = None
    _speech: Speech = field(init=False)
    _around: Around = field(init=False)
    _operating: Operating = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._speech = Speech(transports=self.transports, desk=self.desk, settings=self.settings)
        self._operating = Operating(desk=self.desk, speech=self._speech)
        table = self.table
        has_desk = self.desk is not None and self.desk.promised
        self._around = Around(dialogs=table.dialogs, words=table.words, has_desk=has_desk)

    def heard(self, lane: Lane, waiting: Waiting) -> Lane:
        """The lane, when the event opens the channel's window for messages anew, with the time until which it does."""
        transport = self.transports.get(lane.conversation.id.channel)
        span = None if transport is None or transport.window is None else transport.opens_window(waiting.event)
        if span is None:
            return lane
        until, known = waiting.event.at + span, lane.conversation.reachable_until
        if known is not None and known >= until:
            return lane
        return evolve(lane, conversation=evolve(lane.conversation, reachable_until=until))

    # ── one event ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, lane: Lane, waiting: Waiting, *, release: bool) -> Committed:
        """Handle one event. Returns what to commit.

        Raises:
            Unreadable: The event is to be kept as failed, untried.
            TurnTooLong: It took longer than the settings allow.
            Exception: Whatever the handler raised; then nothing happened.
        """
        event, conversation = waiting.event, lane.conversation
        if isinstance(event, MalformedReceived):
            raise Unreadable(event.reason)
        began = perf_counter()
        event, found = selected(event, conversation, self.table)
        if self.telling is not None:
            self.telling.selected(waiting, found.action, handler_of(found), began)
        if isinstance(event, HandoffClosed) and conversation.handoff is not None:
            event = evolve(event, transcript=await self._since(conversation.handoff, conversation.id, waiting.seq))
        turn = self._turn(lane, waiting.seq, event)
        changes = self._changes(lane, waiting, turn, found.action)
        changes.handler = handler_of(found)
        if await self._before(changes, event, found):
            await self.in_time(changes, lambda: self._handle(turn, changes, found))
        self._put_together(turn, changes)
        return self._committed(lane, turn, changes, release=release)

    async def run_error_handler(self, lane: Lane, waiting: Waiting, error: Exception, route: Route) -> Committed:
        """Tell `on_error`, whose turn is committed while the event is kept among the failed ones."""
        turn = self._turn(lane, waiting.seq, waiting.event)
        turn.error = error
        changes = self._changes(lane, waiting, turn, "failed")
        changes.handler = route.name
        await self.in_time(changes, lambda: self._handle_error(turn, changes, error, route))
        self._put_together(turn, changes)
        committed = self._committed(lane, turn, changes, release=True)
        if isinstance(error, ReplyLoop):
            committed = evolve(committed, conversation=pacing.silent(committed.conversation, turn.now))
        return evolve(committed, error=scrub(f"{type(error).__name__}: {error}"))

    def loop(self, lane: Lane, waiting: Waiting) -> ReplyLoop | None:
        """What keeps the bot silent about an event; None: nothing does."""
        conversation = lane.conversation
        if not pacing.is_looping(conversation, waiting.event, self.clock.now(), self.settings):
            return None
        return ReplyLoop(str(conversation.id), self.settings.answers_a_minute)

    def unanswered(self, lane: Lane, waiting: Waiting, error: ReplyLoop) -> Committed:
        """What to commit of an event about which the bot is silent: it is kept among the failed ones."""
        silent = pacing.silent(lane.conversation, self.clock.now())
        return Committed(
            epoch=lane.epoch,
            seq=waiting.seq,
            conversation=evolve(silent, version=silent.version + 1),
            outcome="failed",
            error=scrub(f"{type(error).__name__}: {error}"),
        )

    def silenced(self, lane: Lane, waiting: Waiting, *, release: bool) -> Committed:
        """What to commit of an event whose handler must not speak any more: a person takes the conversation.

        What was due comes back when the bot has it again; what the customer said is in the log for the operator.
        """
        event, conversation, error = waiting.event, lane.conversation, ""
        if isinstance(event, PATIENT) and not own_timer(event):
            conversation, error = _postponed(conversation, event)
        conversation = evolve(
            conversation,
            version=conversation.version + 1,
            user=event.user or conversation.user,
            closed=conversation.closed and not event.said,
        )
        return Committed(
            epoch=lane.epoch,
            seq=waiting.seq,
            conversation=conversation,
            outcome="silenced",
            error=error,
            release=release,
        )

    def _changes(self, lane: Lane, waiting: Waiting, turn: Turn, outcome: str) -> Changes:
        # What on_error says has its own keys: what the failed turn flushed must not swallow it.
        prefix = "" if turn.error is None else "e"
        return Changes(
            conversation=lane.conversation,
            seq=waiting.seq,
            now=turn.now,
            came=waiting.event,
            outcome=outcome,
            prefix=prefix,
        )

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
            situation=self.table.situation,
            history=lambda limit: self.store.history(conversation.id, limit, before=seq),
            flush=lambda turn: self._flush(lane, seq, turn),
            once=lambda name, call, function: self._once(lane, seq, name, call, function),
            typing=lambda: self.show_typing(conversation.id),
            spend=lambda name, until: self._spend(event, name, until),
            download=lambda attachment, most: self.download(conversation.id, attachment, most),
            attendance=None if self.desk is None else self.desk.attendance,
            most_replies=self.settings.replies_a_turn,
        )

    async def _since(self, lease: Handoff, conversation: ConversationId, seq: int) -> tuple[Entry, ...]:
        """What was said since a handoff: all that follows our own last word before it.

        What users say bears the platform's time, in whole seconds and by a clock of its own: it cannot be compared.
        """
        entries = await self.store.history(conversation, 1000, before=seq)
        ours = [place for place, one in enumerate(entries) if one.author != "user" and one.at < lease.opened_at]
        return tuple(entries[ours[-1] + 1 if ours else 0 :])

    # ── what the engine itself does with an event, before any handler ───────────────────────────────────────────────

    async def _before(self, changes: Changes, event: Event, found: Selected) -> bool:
        """Do the engine's own part. Returns whether a handler is to run."""
        conversation = changes.conversation
        match found.action:
            case "forward":
                said = event.as_message()
                if said is not None and conversation.handoff is not None:
                    self._speech.tell_desk(changes, "forward", conversation.handoff, said)
                    changes.conversation = rules.asked(conversation, changes.now)
                return False
            case "postpone":
                changes.conversation, changes.error = _postponed(conversation, event)
                return False
            case "operator":
                return await self._operating.acted(
                    changes, event, lambda: self._last_word(conversation.id, changes.seq)
                )
            case "migrate":
                changes.conversation = self._migrated(conversation)
                return False
            case "none":
                if self.desk is not None and rules.asks_for_person(event):
                    changes.outcome = "handed over"
                    return True
                transport = self.transports.get(conversation.id.channel)
                if (said := None if transport is None else transport.answer_to(event)) is not None:
                    self._speech.bot_says(changes, said)
                    return False
                changes.outcome = "ignored"
                return False
            case _:
                return True

    def _migrated(self, conversation: Conversation) -> Conversation:
        """Everybody who stands in an older version of a dialog in the current one.

        Who cannot be placed is left where they stand; the event is kept as failed then, at once: it would fail again.
        """
        try:
            positions = [placed(self.table.dialogs, one, str(conversation.id)) for one in conversation.positions]
        except MigrationFailed as problem:
            raise Unreadable(str(problem)) from problem
        return evolve(conversation, positions=tuple(positions))

    async def _last_word(self, conversation: ConversationId, seq: int) -> Entry | None:
        said = await self.store.history(conversation, 1, before=seq)
        return said[-1] if said else None

    # ── handlers ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _handle(self, turn: Turn, changes: Changes, found: Selected) -> None:
        if isinstance(turn.event, SendRequested):
            turn.reply(turn.event.message)
            return
        if found.action == "dialog" and found.position is not None:
            position = found.position
            await self._through_middleware(turn, lambda: self._dialog_step(turn, changes, position))
        elif found.action == "none":
            turn.hand_off(rules.ASKED_FOR_PERSON)
        elif found.match is not None:
            match = found.match
            turn.params = match.params
            await self._through_middleware(turn, lambda: match.route.handler(turn))
            await self._asked_again(turn, changes)
        elif ends_by_time(turn.event) and self.desk is not None and self.desk.saying_expired:
            turn.reply(self.desk.saying_expired)
        await self._begun(turn, changes)
        returned = turn.conversation.handoff is not None and changes.conversation.handoff is None
        if returned and turn.dialog is None and turn.handoff is None:
            await self._resumed(turn, changes)

    async def _handle_error(self, turn: Turn, changes: Changes, error: Exception, route: Route) -> None:
        await self._through_middleware(turn, lambda: route.handler(turn))
        if isinstance(error, ReplyLoop):
            turn.replies.clear()
            turn.dialog = None
        await self._begun(turn, changes)

    async def in_time(self, changes: Changes, handle: Handler) -> None:
        """Let `handle` run for as long as a turn may take.

        Whatever it makes of being cancelled, its time was up: the turn is to fail. When the loop stands still, the
        watchdog reads from `changes` here what is handled.

        Raises:
            TurnTooLong: It took longer.
        """
        problem: Exception | None = None
        with anyio.move_on_after(self.settings.turn_limit) as limit:
            try:
                await handle()
            except Exception as raised:
                if anyio.current_time() < limit.deadline or isinstance(raised, StoreUnavailable):
                    raise
                problem = raised
        if limit.cancelled_caught or anyio.current_time() >= limit.deadline:
            raise TurnTooLong(changes.handler, self.settings.turn_limit) from problem

    async def _through_middleware(self, turn: Turn, handler: Handler) -> None:
        proceed = handler
        for middleware in reversed(self.table.middlewares):
            proceed = _layer(middleware, turn, proceed)
        await proceed()

    async def _dialog_step(self, turn: Turn, changes: Changes, position: Position) -> None:
        steps, event = Steps(turn, self._around), turn.event
        if not position.user:
            position = evolve(position, user=turn.user.id)  # begun before anybody had spoken
        timed = isinstance(event, TimerFired) and event.name.startswith(DIALOG_TIMER)
        after = await (
            steps.fired(position, event) if isinstance(event, TimerFired) and timed else steps.answer(position)
        )
        if turn.handoff is not None:
            _asked_later(turn)
        changes.conversation = changes.conversation.standing(after, position.user)

    async def _begun(self, turn: Turn, changes: Changes) -> None:
        if turn.taken_back and rules.nobody_has(changes.conversation):
            self._operating.took_back(changes)
        wanted = turn.dialog
        if wanted is None or changes.mute:
            return
        position = None
        if wanted.dialog is not None:
            dialog = self.table.dialogs.get(wanted.dialog.name)
            if dialog is not None and any(one is wanted.dialog for one in line_of(dialog)[1:]):
                raise DefinitionError(
                    f"turn.begin: this {dialog.name!r} is an older version, which only goes on for those who stand in "
                    f"it: begin version {dialog.version}"
                )
            if dialog is None or dialog is not wanted.dialog:
                raise DefinitionError(
                    f"turn.begin: the dialog {wanted.dialog.name!r} is not this bot's: make it with bot.dialog(…), "
                    "or include the router that has it"
                )
            below = None if wanted.instead else changes.conversation.position_of(turn.user)
            if below is not None:
                _asked_later(turn)
            position = await Steps(turn, self._around).begin(dialog, wanted.memory, turn.user.id, below)
            if turn.handoff is not None:
                _asked_later(turn)
        changes.conversation = changes.conversation.standing(position, turn.user.id)

    async def _resumed(self, turn: Turn, changes: Changes) -> None:
        """Dialogs that were open when a person took over ask their question again."""
        for position in changes.conversation.positions:
            if position.dialog not in self.table.dialogs:
                continue
            try:
                after = await Steps(turn, self._around).ask_again(position)
            except MigrationFailed as problem:
                logger.error("the handoff is over, but %s", problem)  # noqa: TRY400  it names all there is to know
                continue
            changes.conversation = changes.conversation.standing(after, position.user)

    async def _asked_again(self, turn: Turn, changes: Changes) -> None:
        """A handler has answered in the middle of a dialog, and left it open: the question follows."""
        position = changes.conversation.position_of(turn.user)
        if position is None or turn.dialog is not None or turn.handoff is not None or not turn.replies:
            return
        after = await Steps(turn, self._around).ask_again(position)
        changes.conversation = changes.conversation.standing(after, position.user)

    # ── putting together ────────────────────────────────────────────────────────────────────────────────────────────

    def _put_together(self, turn: Turn, changes: Changes) -> None:
        event, was = turn.event, turn.conversation
        silent = changes.mute or changes.conversation.handoff is not None
        # A question that was answered offers nothing any more, whatever is said instead.
        stays = changes.outcome == "migrate" or changes.conversation.positions == was.positions
        offer = was.offer if stays else None
        if turn.replies and not silent:
            for message in turn.replies:
                offer = self._speech.bot_says(changes, message) or offer
        if turn.handoff is not None and not silent:
            self._operating.opens(changes, turn.handoff, event)
        if changes.conversation.handoff is not was.handoff:
            self._operating.watch(changes, was)
        for index, (to, message) in enumerate(turn.elsewhere):
            wanted_id = f"send:{was.id}:{changes.seq}:{index}"
            changes.emits.append(SendRequested(id=wanted_id, conversation=to, at=turn.now, message=message))
        pace: Mapping[str, Any] = {}
        if changes.outcome != "refused":
            came = changes.came or event
            pace = pacing.counted(changes.conversation, came, turn.now, spoke=changes.spoken > 0)
        memory = to_json(turn.memory) if turn.memory else {}
        changes.conversation = evolve(
            changes.conversation,
            version=was.version + 1,
            user=event.user or was.user,
            memory=memory,
            offer=offer,
            closed=changes.conversation.closed and not event.said,
            **pace,
        )

    def _committed(self, lane: Lane, turn: Turn, changes: Changes, *, release: bool) -> Committed:
        conversation = changes.conversation
        reminders = (
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
            seq=changes.seq,
            conversation=conversation,
            sends=tuple(changes.sends),
            withdraw=changes.withdraw,
            timers=(*reminders, *changes.timers),
            cancelled=(*turn.forgotten, *changes.cancelled),
            facts={_profile_id(conversation.id, turn.user): to_json(facts)} if facts else {},
            emits=tuple(changes.emits),
            entries=tuple(changes.entries),
            closed=tuple(changes.closed),
            put_back=() if conversation.set_aside else turn.conversation.set_aside,
            outcome=changes.outcome,
            handler=changes.handler,
            error=changes.error,
            release=release,
        )

    # ── the verbs that wait ─────────────────────────────────────────────────────────────────────────────────────────

    async def _flush(self, lane: Lane, seq: int, turn: Turn) -> None:
        """Write what was said so far ahead of the commit, under the keys that the commit will give it."""
        if lane.conversation.handoff is not None or not turn.replies or isinstance(turn.error, ReplyLoop):
            return
        prefix = "" if turn.error is None else "e"
        ahead = Changes(conversation=lane.conversation, seq=seq, now=turn.now, prefix=prefix)
        for message in turn.replies:
            self._speech.bot_says(ahead, message)
        if await self.store.flush(lane, seq, ahead.sends, ahead.entries):
            points.reach("turn_flushed")
            self.flushed(lane.conversation.id)

    async def _spend(self, event: Event, name: str, until: datetime | None) -> bool:
        from hashlib import blake2b  # noqa: PLC0415  it loads OpenSSL's hashes, which no start needs

        # A digest: it stays when the person is erased, or they could use it again.
        mark = blake2b(encode([str(event.conversation), event.id]), digest_size=16).digest()
        if await self.store.keep(SPENT, name, mark, expires_at=until, only_new=True):
            return True
        return await self.store.kept(SPENT, name) == mark

    async def _once(self, lane: Lane, seq: int, name: str, call: Callable[[], Awaitable[Any]], function: Any) -> Any:
        kept = await self.store.recall(lane, seq, name)
        if kept is None:
            result = await call()
            points.reach("once_called")
            try:
                encoded = encode(result)
            except TypeError as problem:
                raise DefinitionError(f"turn.once({name!r}): what it returned cannot be kept: {problem}") from problem
            kept = await self.store.remember(lane, seq, name, encoded)
            points.reach("once_kept")
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


def _postponed(conversation: Conversation, event: Event) -> tuple[Conversation, str]:
    """The conversation with an event that waits for the end of its handoff, and why it is kept as failed, if it is."""
    waits = rules.postponed(conversation, encode_event(event).decode())
    return (rules.set_aside(conversation, event.id), SET_ASIDE) if waits is None else (waits, "")


def _asked_later(turn: Turn) -> None:
    """Take back the question of a dialog that pauses or goes to a person: it is asked when that returns."""
    turn.replies[:] = [one for one in turn.replies if one is not turn.question]


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
