"""One run of a bot: what is started, what is handed in, what is stopped, and in which order."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup
from attrs import evolve

from convokit._engine import points
from convokit._engine.changes import attached
from convokit._engine.lanes import Lanes
from convokit._engine.lines import Lines, spoken
from convokit._engine.loops import Bell
from convokit._engine.outbox import Outbox
from convokit._engine.placing import place
from convokit._engine.settings import Settings
from convokit._engine.stops import Stops
from convokit._engine.telling import Telling
from convokit._engine.turns import Turns
from convokit._engine.turnstile import Turnstile
from convokit._engine.watchdog import Watchdog
from convokit.abc import Clock, Desk, Failed, Hint, Observer, Received, Request, Site, Stats, Step, Store, Transport
from convokit.conversations import ConversationId, Entry
from convokit.errors import DefinitionError, LaneFull, OutsideWindow, Rejected, StoreUnavailable, TransportError
from convokit.events import Event, MessageFailed, SendRequested, SignalReceived
from convokit.messages import Attachment, Message
from convokit.routing import Table
from convokit.turn import MOST_DOWNLOADED
from convokit.wire.codec import to_json
from convokit.wire.files import FileBox
from convokit.wire.naming import FILE_ID

logger = logging.getLogger(__name__)

FIRE_BATCH = 500
AGAIN = timedelta(milliseconds=50)
"""The shortest pause between two looks at what falls due."""
MOST_DOUBTED = 1000
"""How many events are remembered of which the store did not say whether it has them."""
OLDEST = timedelta(days=7, hours=12)
"""Signed events older than this are dropped: platforms deliver again for 7 days, stores know ids for 8 by their own
clock, which may be behind the platform's."""


class Engine:
    """One run of a bot, made by `bot.serve()`. Everything that runs belongs to it; the bot holds nothing of it.

    Attributes:
        name: The bot's.
        transports: By channel.
        store: Where everything is kept.
        clock: Tells the time.
        settings: The numbers of the run.
        files: The folder for what customers and operators upload; it may not exist yet.
        sites: The pages of transports and desk, by the first part of their path.
        webhooks: Those under way are counted there.
    """

    def __init__(
        self,
        *,
        name: str,
        table: Table,
        transports: Mapping[str, Transport],
        desk: Desk | None,
        store: Store,
        clock: Clock,
        settings: Settings,
        app: Any = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.name = name
        self.transports = dict(transports)
        self.store = store
        self.clock = clock
        self.settings = settings
        self.files = Path(settings.files or f"{name}-files")
        self.sites: dict[str, Site] = {}
        self._watchers: dict[object, Callable[[Hint], None]] = {}
        self._table = table
        self._desk = desk
        self._alarm = Bell()
        self._alarm_busy = False
        self._stirred = anyio.Event()
        self._tasks: TaskGroup | None = None
        self._typing = set[ConversationId]()
        self.webhooks = Turnstile(settings.webhooks_at_once, settings.bodies_at_once)
        self._doubted: dict[tuple[ConversationId, str], None] = {}
        self._complaints: dict[tuple[str, str], tuple[datetime | None, int]] = {}
        self._observers = tuple(observers)
        self._telling = Telling(self._observers, self.transports, clock) if observers else None
        self._lines = Lines()
        worker = _random_id()
        self._stops = Stops(store, self.transports)
        turns = Turns(
            table=table,
            transports=self.transports,
            desk=desk,
            store=store,
            clock=clock,
            settings=settings,
            app=app,
            show_typing=self.show_typing,
            flushed=self._flushed,
            download=self.download,
            telling=self._telling,
        )
        self._lanes = Lanes(
            worker=worker,
            store=store,
            turns=turns,
            clock=clock,
            settings=settings,
            sends_wait=self._sends_wait,
            timers_changed=self._alarm.ring,
            ended=self._ended,
            said=self._lines.committed,
            withdrew=self._lines.withdrawn,
            unsure=self._unsure,
            stirred=self._stir,
            stops=self._stops,
            telling=self._telling,
        )
        self._outbox = Outbox(
            worker=worker,
            store=store,
            transports=self.transports,
            desk=desk,
            clock=clock,
            settings=settings,
            files=self.files,
            tells_failures=table.wants(MessageFailed),
            told=self._lanes.feeder.ring,
            retries_wait=self._alarm.ring,
            stirred=self._stir,
            lines=self._lines,
            stops=self._stops,
            telling=self._telling,
        )

    # ── what is handed in ───────────────────────────────────────────────────────────────────────────────────────────

    async def accept(self, events: Sequence[Event]) -> Sequence[bool]:
        """Make events durable, all or none; when it returns they are safe. False: seen before, or nobody asked for it.

        Raises:
            StoreUnavailable: The store cannot write; nothing was kept.
            LaneFull: Too much waits in some conversations already; what came for others is kept.
        """
        wanted = [not event.receipt or self._table.wants(type(event)) for event in events]
        kept = [event for event, wants in zip(events, wanted, strict=True) if wants]
        if not kept:
            return [False] * len(events)
        try:
            told = self._telling
            fresh = await (self.store.accept(kept) if told is None else told.accept(self.store, kept))
        except LaneFull as full:
            # The others are served all the same: when all is handed in again, theirs is known.
            others = [event for event in kept if str(event.conversation) not in full.conversations]
            if others and len(others) < len(kept):
                await self.accept(others)
            raise
        except StoreUnavailable:
            self._in_doubt(kept)
            raise
        points.reach("accepted_before_200")
        self._lanes.feeder.ring()
        for event, new in zip(kept, fresh, strict=True):
            if not new and (event.conversation, event.id) not in self._doubted:
                continue
            self._doubted.pop((event.conversation, event.id), None)
            if not event.said:
                self._lanes.accepted(event)
            elif self._watchers:
                self.publish(Hint(conversation=event.conversation))
        answers = iter(fresh)
        return [next(answers) if wants else False for wants in wanted]

    def _in_doubt(self, events: Sequence[Event]) -> None:
        """Remember what may have been kept all the same: handed in again it is not new, and has stopped nobody yet."""
        for event in events:
            self._doubted[event.conversation, event.id] = None
        while len(self._doubted) > MOST_DOUBTED:
            self._doubted.pop(next(iter(self._doubted)))

    async def take(self, transport: Transport, request: Request) -> Received:
        """Let a transport read a webhook call, and make what it says durable. Returns what to answer.

        Raises:
            Forged: Its origin could not be verified.
            Malformed: It could not be read.
            StoreUnavailable: It could not be kept: answer 503, the platform delivers again.
        """
        received = transport.receive(request) if self._telling is None else self._telling.read(transport, request)
        points.reach("webhook_read")
        if received.evidence:
            await self.store.resolve(received.evidence)
            points.reach("proof_before_200")
            self._outbox.feeder.ring()
        events = self._not_replayed(received.events) if transport.signs_time else received.events
        if received.answer is not None:
            return evolve(received, body=await self._answered(received, events))
        if events:
            await self.accept(events)
        return received

    async def _answered(self, received: Received, events: Sequence[Event]) -> bytes:
        """The body of an answer that carries what the events' turns say.

        A row counts as sent once it is in the answer: no platform of this kind tells whether it got it. One that asks
        again gets the same answer, as long as this process remembers it.
        """
        conversation = received.listens or (events[0].conversation if events else None)
        if conversation is None or received.answer is None:
            return received.body
        with self._lines.opened(conversation, events) as line:
            # What may have been kept before is not new to the store, and its turn has yet to come all the same.
            doubted = {event.id for event in events if (event.conversation, event.id) in self._doubted}
            try:
                fresh = await self.accept(events) if events else ()
            except Exception:
                self._lines.dropped(conversation, line, line.events)
                raise
            known = [event.id for event, new in zip(events, fresh, strict=True) if not new and event.id not in doubted]
            self._lines.dropped(conversation, line, known)
            if known and len(known) == len(events) and (body := self._lines.given(events)) is not None:
                return body
            body = await spoken(line, received, asked=bool(events))
            self._lines.remember(events, body)
            return body

    def _not_replayed(self, events: Sequence[Event]) -> Sequence[Event]:
        """Without those so old that their ids may be forgotten: nothing else would tell them from new ones."""
        oldest = self.clock.now() - OLDEST
        fresh = [event for event in events if event.at >= oldest]
        if len(fresh) < len(events):
            logger.warning("%d events are older than %s and were dropped", len(events) - len(fresh), oldest)
        return fresh

    async def send(self, to: ConversationId, message: Message | str) -> None:
        """Say something in a conversation: durable when it returns; a handoff there holds it back.

        Raises:
            DefinitionError: No transport is attached under the conversation's channel.
            ValueError: There is nothing to say.
            OutsideWindow: The channel's window for messages that nobody asked for is closed; nothing was kept.
            Rejected: The customer has forbidden further messages there; nothing was kept.
        """
        whole = message if isinstance(message, Message) else Message(message)
        if whole.empty:
            raise ValueError(f"send: there is nothing to say to {to}")
        await self._check_window(attached(self.transports, to), to, whole)
        await self._stops.check(to)
        event = SendRequested(id=f"send:{_random_id()}", conversation=to, at=self.clock.now(), message=whole)
        await self.accept([event])

    async def _check_window(self, transport: Transport, to: ConversationId, message: Message) -> None:
        if transport.window is None or transport.takes_outside(message):
            return
        conversation = await self.store.load(to)
        if conversation is None or conversation.user is None:
            raise OutsideWindow(to.channel, None)
        until = conversation.reachable_until
        if until is not None and until <= self.clock.now():
            raise OutsideWindow(to.channel, until)

    async def download(
        self, conversation: ConversationId, attachment: Attachment, most: int = MOST_DOWNLOADED
    ) -> bytes:
        """The bytes of something that a customer sent in a conversation.

        Args:
            conversation: Where it came.
            attachment: As it came in `AttachmentReceived`.
            most: How many bytes are taken at most; 25 MiB when left out.

        Raises:
            DefinitionError: No transport is attached under the conversation's channel.
            Rejected: It is larger, is not there any more, or the channel cannot fetch it.
            Unreachable: No answer.
            RateLimited: The platform wants a pause.
        """
        transport = attached(self.transports, conversation)
        if attachment.data is not None:
            data = attachment.data
        elif FILE_ID.fullmatch(attachment.ref) and not attachment.url:
            try:
                data = await FileBox(self.files, self.store, self.clock).data_of(attachment.ref)
            except FileNotFoundError:
                raise Rejected(conversation.channel, f"the file {attachment.ref} is not there any more") from None
        else:
            data = await transport.download(attachment, most)
        if len(data) > most:
            raise Rejected(conversation.channel, f"it has {len(data)} bytes, more than the {most} that are taken")
        return data

    async def signal(
        self,
        name: str,
        *,
        to: ConversationId,
        data: Mapping[str, Any] | None = None,
        id: str = "",  # noqa: A002  the word that events have for it
    ) -> bool:
        """Tell a conversation that something happened in the business: `SignalReceived(name, data)`.

        Args:
            name: What happened: "order.shipped".
            to: The conversation.
            data: JSON values.
            id: Makes the call repeatable: a second one with the same id is dropped. Random when left out.

        Returns:
            False when a signal with this id was seen before.

        Raises:
            DefinitionError: No transport is attached under the conversation's channel.
            TypeError: `data` has no JSON form.
        """
        attached(self.transports, to)
        event = SignalReceived(
            id=f"signal:{id or _random_id()}", conversation=to, at=self.clock.now(), name=name, data=to_json(data or {})
        )
        return (await self.accept([event]))[0]

    def unread(self, channel: str, why: str) -> None:
        """Tell observers of a webhook call that was turned away before its body was read."""
        if self._telling is not None:
            self._telling.told(Step(name="receive", outcome=why, channel=channel))

    def complain(self, channel: str, cause: str, said: str) -> None:
        """Log what is wrong with a channel, once a minute for each cause: a stranger must not fill the log."""
        now = self.clock.now()
        since, silent = self._complaints.get((channel, cause), (None, 0))
        if since is not None and now - since < timedelta(minutes=1):
            self._complaints[channel, cause] = (since, silent + 1)
            return
        self._complaints[channel, cause] = (now, 0)
        logger.warning("channel=%s %s%s", channel, said, f" ({silent} more since {since:%H:%M:%S})" if silent else "")

    def show_typing(self, conversation: ConversationId) -> None:
        """Show "typing…" there for a moment, where the channel can. Best effort.

        One call at a time for each conversation, and no more than turns at once: a handler cannot flood a platform.
        """
        transport = self.transports.get(conversation.channel)
        if transport is None or not transport.capabilities.typing or self._tasks is None:
            return
        if conversation not in self._typing and len(self._typing) < self.settings.turns_at_once:
            self._typing.add(conversation)
            self._tasks.start_soon(self._show_typing, transport, conversation)

    async def _show_typing(self, transport: Transport, conversation: ConversationId) -> None:
        try:
            await transport.show_typing(conversation)
        except TransportError as problem:
            logger.debug("typing not shown: %s", problem)
        finally:
            self._typing.discard(conversation)

    # ── hints ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def publish(self, hint: Hint) -> None:
        """Tell everybody who watches, in this process and at once. What counts is in the store: a hint may be lost."""
        for told in tuple(self._watchers.values()):
            try:
                told(hint)
            except Exception:
                logger.exception("conversation=%s a watcher raised on a hint of %r", hint.conversation, hint.topic)

    def watch(self, told: Callable[[Hint], None]) -> Callable[[], None]:
        """Have `told` called with every hint, at once and in the engine's own thread; it must not wait.

        Returns:
            What ends it; twice is once.
        """
        mark = object()
        self._watchers[mark] = told

        def end() -> None:
            self._watchers.pop(mark, None)

        return end

    def _flushed(self, conversation: ConversationId) -> None:
        self._sends_wait()
        if self._watchers:
            self.publish(Hint(conversation=conversation))

    def _unsure(self, conversation: ConversationId) -> None:
        """The store failed in the middle of a turn there: nobody knows how much of it was written."""
        self._flushed(conversation)
        self._alarm.ring()

    def _ended(self, event: Event, outcome: str) -> None:
        self._lines.committed(event, ())
        if self._watchers:
            self.publish(Hint(conversation=event.conversation, event=event.id, outcome=outcome))

    # ── what can be seen ────────────────────────────────────────────────────────────────────────────────────────────

    async def history(self, conversation: ConversationId, limit: int = 20) -> Sequence[Entry]:
        """The last `limit` entries (1 to 1000) of a conversation, oldest first."""
        return await self.store.history(conversation, limit)

    async def failed(self, limit: int = 100) -> Sequence[Failed]:
        """What was given up and waits for a human, newest first."""
        return await self.store.failed(limit)

    async def replay(self, keys: Sequence[str]) -> int:
        """Put given-up events and sends back in line; not the bot's messages where a person has the conversation.

        Returns how many.
        """
        count = await self.store.replay(keys)
        self._lanes.feeder.ring()
        self._outbox.feeder.ring()
        return count

    async def stats(self) -> Stats:
        """Counts."""
        return await self.store.stats()

    def look(self) -> None:
        """Look into the store now, as is done every `poll` seconds anyway."""
        self._alarm.ring()

    async def quiet(self) -> None:
        """Return when nothing is left to do now: what waits, waits for a later time or for somebody outside.

        A lane that is held though nobody here works on it waits for the end of its lease.
        """
        while True:
            stirred = self._stirred
            if not self._busy:
                stats = await self.store.stats()
                if self._busy:
                    continue
                if not stats.ready and not stats.sends_ready and not self._outbox.owes:
                    return
                self._ring_all()
            else:
                await stirred.wait()
            await anyio.lowlevel.checkpoint()

    @property
    def _busy(self) -> bool:
        return self._lanes.feeder.busy or self._outbox.feeder.busy or self._alarm_busy or self._alarm.rung

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = anyio.Event()

    def _sends_wait(self) -> None:
        self._outbox.feeder.ring()

    def _ring_all(self) -> None:
        self._lanes.feeder.ring()
        self._outbox.feeder.ring()

    # ── the run ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Engine"]:
        """Open store, transports and desk, run, and drain at the end. What is not finished stays in the store.

        Raises:
            DefinitionError: A setting is wrong, or conversations stand in dialogs that this bot cannot place.
            Conflict: Another process runs on this store.
            StoreUnavailable: The store cannot be opened.
        """
        if self._desk is not None and self._desk.name in self.transports:
            raise DefinitionError(
                f"bot {self.name}: a channel has the desk's name, {self._desk.name!r}, under which the desk's pages "
                "are served: give the transport another channel=…"
            )
        for transport in self.transports.values():
            transport.check()
        async with AsyncExitStack() as stack:
            self.store.most_waiting = self.settings.lane_limit
            self.store.keeps_accounts = self.settings.keep_accounts > 0
            await self.store.open(self.clock)
            stack.push_async_callback(self._closed)
            await place(self.name, self._table, self.store)
            for transport in self.transports.values():
                await stack.enter_async_context(transport)
            if self._desk is not None:
                await stack.enter_async_context(self._desk)
            await self._observed(stack)
            self._open_sites()
            stack.callback(self.sites.clear)
            if self.settings.loop_limit:
                stack.callback(Watchdog(self.settings.loop_limit, Turns.in_time.__code__).end)
            problem: Exception | None = None
            try:
                async with anyio.create_task_group() as tasks, anyio.create_task_group() as listeners:
                    self._start(tasks, listeners)
                    try:
                        yield self
                    except Exception as raised:  # noqa: BLE001  raised again below, not wrapped in two groups
                        problem = raised
                    finally:
                        listeners.cancel_scope.cancel()
                        if not tasks.cancel_scope.cancel_called:
                            with anyio.CancelScope(shield=True):
                                await self._drained()
                        tasks.cancel_scope.cancel()
                        self._tasks = None
            except BaseExceptionGroup as group:
                raise _only(group) from None
            if problem is not None:
                raise problem

    def _start(self, tasks: TaskGroup, listeners: TaskGroup) -> None:
        self._tasks = tasks
        # All are busy until they have looked once: `quiet` must not be true before the first look.
        self._ring_all()
        self._alarm_busy = True
        tasks.start_soon(self._lanes.feeder.run, tasks)
        tasks.start_soon(self._outbox.feeder.run, tasks)
        tasks.start_soon(self._lanes.renew)
        tasks.start_soon(self._alarms)
        tasks.start_soon(self._purges)
        for transport in self.transports.values():
            listeners.start_soon(self._listening, transport)
        if self._desk is not None:
            listeners.start_soon(self._desk.run, self.accept)

    def _open_sites(self) -> None:
        for channel, transport in self.transports.items():
            if (site := transport.site(self)) is not None:
                self.sites[channel] = site
        if self._desk is not None and (site := self._desk.site(self)) is not None:
            self.sites[self._desk.name] = site
        for observer in self._observers:
            if (site := observer.site(self)) is not None:
                self.sites[self._own_name(observer)] = site

    def _own_name(self, observer: Observer) -> str:
        """The name under which its pages are served."""
        taken = {*self.transports, *self.sites, *([self._desk.name] if self._desk is not None else [])}
        if not observer.name or observer.name in taken:
            kind = type(observer).__name__
            raise DefinitionError(
                f"bot {self.name}: {kind} would serve its pages under the name {observer.name!r}, which is "
                f"{'no name' if not observer.name else 'taken by a channel, the desk or another observer'}: give it "
                "another name=…"
            )
        return observer.name

    async def _observed(self, stack: AsyncExitStack) -> None:
        for observer in self._observers:
            await observer.begins(self)
            stack.callback(self._unobserved, observer)

    def _unobserved(self, observer: Observer) -> None:
        try:
            observer.ends()
        except Exception as problem:  # noqa: BLE001  an observer must not hurt what it observes
            if self._telling is not None:
                self._telling.raised(observer, problem)

    async def _closed(self) -> None:
        with anyio.CancelScope(shield=True):
            await self.store.close()

    async def _drained(self) -> None:
        """Let what is under way finish, begin nothing new."""
        self._lanes.feeder.stopping = self._outbox.feeder.stopping = True
        points.reach("draining")
        with anyio.move_on_after(self.settings.drain) as limit:
            while self._lanes.feeder.active or self._outbox.feeder.active:
                await self._stirred.wait()
            await self._noted()
        if limit.cancelled_caught:
            logger.warning(
                "stopped after %.0f s with %d turns and %d sends under way; they are in the store for the next run",
                self.settings.drain,
                self._lanes.feeder.active,
                self._outbox.feeder.active,
            )

    async def _noted(self) -> None:
        """Tell the store what it could not be told of sends: in the next run they would be uncertain."""
        try:
            await self._outbox.note()
        except StoreUnavailable as problem:
            logger.warning("what became of some sends is not in the store, the next run repeats them: %s", problem)

    async def _listening(self, transport: Transport) -> None:
        """Run a transport; when its line breaks, start it again after a growing pause."""
        attempt = 0
        while True:
            began = self.clock.now()
            try:
                await transport.run(self.accept)
            except (TransportError, StoreUnavailable) as problem:
                if self.clock.now() - began > timedelta(minutes=5):
                    attempt = 0
                attempt += 1
                pause = self.settings.pause(attempt)
                logger.warning("channel=%s listening again in %.0f s: %s", transport.channel, pause, problem)
                await anyio.sleep(pause)
            else:
                return

    async def _alarms(self) -> None:
        """Fire timers, and look again when something waits for a time."""
        while True:
            try:
                fired = FIRE_BATCH
                while fired == FIRE_BATCH:
                    fired = await self.store.fire_due(FIRE_BATCH)
                    if fired:
                        points.reach("timers_fired")
                        self._lanes.feeder.ring()
                self._ring_all()
                due = await self.store.next_due()
            except StoreUnavailable as problem:
                logger.warning("timers wait: %s", problem)
                due = None
            now = self.clock.now()
            latest = now + timedelta(seconds=self.settings.poll)
            # What is due and still there finds no free hands: it is looked for again soon, and not at once for ever.
            await self._rung_or(latest if due is None else min(max(due, now + AGAIN), latest))

    async def _rung_or(self, moment: datetime) -> None:
        async def ring_at() -> None:
            self._alarm_busy = False  # only now: a test's clock must know the next moment before all is quiet
            self._stir()
            await self.clock.sleep_until(moment)
            self._alarm.ring()

        async with anyio.create_task_group() as waits:
            waits.start_soon(ring_at)
            await self._alarm.wait()
            self._alarm_busy = True
            waits.cancel_scope.cancel()

    async def _purge_files(self, before: datetime | None) -> None:
        """Remove files that are too old, and those of people who were erased."""
        if self.files.is_dir():
            box = FileBox(self.files, self.store, self.clock)
            await box.tidy()
            if before is not None:
                await box.purge(before)

    async def _purges(self) -> None:
        while True:
            await self.clock.sleep_until(self.clock.now() + timedelta(seconds=self.settings.purge_every))
            now = self.clock.now()
            before = now - timedelta(days=self.settings.forget_after)
            try:
                await self.store.purge(
                    before,
                    handoffs=now - timedelta(days=self.settings.remember_handoffs),
                    accounts=now - timedelta(days=self.settings.keep_accounts),
                    log=_ago(now, self.settings.keep_log),
                    failed=_ago(now, self.settings.keep_failed),
                    conversations=_ago(now, self.settings.keep_conversations),
                )
                await self._purge_files(_ago(now, self.settings.keep_files))
                points.reach("purged")
            except (StoreUnavailable, OSError) as problem:
                logger.warning("purge waits: %s", problem)
            except Exception:  # one row that cannot be read must not end the run
                logger.exception("purge failed, and begins anew in %.0f s", self.settings.purge_every)


def _ago(now: datetime, days: float) -> datetime | None:
    """So many days ago; None for 0."""
    return now - timedelta(days=days) if days else None


def _random_id() -> str:
    """128 random bits in hexadecimal."""
    return os.urandom(16).hex()


def _only(group: BaseExceptionGroup[Any]) -> BaseException:
    """The one exception in nested groups; the group itself when there are several."""
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner
