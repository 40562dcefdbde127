"""Sends what turns committed: in order per conversation, with retries; what cannot be sent is kept and told."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from convokit._engine import points
from convokit._engine.lines import Lines
from convokit._engine.loops import Feeder
from convokit._engine.settings import Settings
from convokit._engine.stops import Stops
from convokit._engine.telling import Telling
from convokit._engine.windows import closes
from convokit.abc import Clock, Desk, Proof, Send, Settled, Store, Transport
from convokit.errors import OutsideWindow, RateLimited, Rejected, StoreUnavailable, TransportError, Unreachable
from convokit.events import MessageFailed
from convokit.messages import ATTACHMENTS, Attachment, Message

if TYPE_CHECKING:
    from convokit.wire.files import FileBox

logger = logging.getLogger(__name__)

LEASE = 300.0
"""Seconds for which a row in flight is its sender's, at least; transports take 120 for the longest upload."""
MOST_AWAITED = 1000
"""How many rows' waits for a proof are remembered before those that are over are forgotten."""
TRANSCRIPT = 200
"""How many lines of what was said before an operator gets with a handoff."""


class Outbox:
    """The loop that hands outbox rows to senders."""

    def __init__(
        self,
        *,
        worker: str,
        store: Store,
        transports: Mapping[str, Transport],
        desk: Desk | None,
        clock: Clock,
        settings: Settings,
        files: Path,
        tells_failures: bool,
        told: Callable[[], None],
        retries_wait: Callable[[], None],
        stirred: Callable[[], None],
        lines: Lines,
        stops: Stops,
        telling: Telling | None = None,
    ) -> None:
        self._worker = worker
        self._store = store
        self._transports = transports
        self._desk = desk
        self._clock = clock
        self._settings = settings
        self._files = files
        self._file_box: FileBox | None = None
        self._tells_failures = tells_failures
        self._told = told
        self._retries_wait = retries_wait
        self._lines = lines
        self._stops = stops
        self._telling = telling
        self._resting: dict[str, datetime] = {}
        self._awaited: dict[str, datetime] = {}
        self._unnoted: dict[str, tuple[Send, Settled]] = {}  # at most as many as are sent at once: none is claimed then
        self._tries: dict[str, Send] = {}  # the newest claim of each row that is on its way
        self.feeder = Feeder(settings.sends_at_once, self._claim, self._work, stirred)

    async def _claim(self, free: int) -> Sequence[Send]:
        await self.note()
        # A try, an upload's too, ends long before its lease does: a row comes back only when its sender is gone.
        sends = await self._store.claim_sends(self._worker, free, max(LEASE, self._settings.lease))
        for send in sends:
            self._tries[send.key] = send
            self._unnoted.pop(send.key, None)  # the store knew it, or the row would not be here again
        return sends

    async def _work(self, send: Send) -> None:
        points.reach("send_claimed")
        outcome = await self._tried(send)
        points.reach("send_answered")
        try:
            await self._note(send, outcome)
        except StoreUnavailable as problem:
            logger.warning("conversation=%s send not settled yet: %s", send.conversation, problem)
            # Only while no other try of it has begun: told later, it would strike that one.
            if self._tries.get(send.key) is send:
                self._unnoted[send.key] = (send, outcome)
        finally:
            if self._tries.get(send.key) is send:
                del self._tries[send.key]
        self.feeder.ring()

    @property
    def owes(self) -> bool:
        """Whether the store is still to be told of something."""
        return bool(self._unnoted)

    async def note(self) -> None:
        """Tell the store what it could not be told before: a row that was sent must not be taken for uncertain.

        Raises:
            StoreUnavailable: It still cannot be told; nothing of it is forgotten.
        """
        for send, outcome in tuple(self._unnoted.values()):
            if self._unnoted.pop(send.key, None) is None:
                continue  # another tells it at the same time
            try:
                await self._note(send, outcome)
            except StoreUnavailable:
                if send.key not in self._tries:
                    self._unnoted[send.key] = (send, outcome)
                raise

    async def _note(self, send: Send, outcome: Settled) -> None:
        """Have the store know what became of a row, and wake whoever waits for that."""
        tell = self._failure(send, outcome)
        with anyio.CancelScope(shield=True):
            await self._store.settle([outcome if tell is None else evolve(outcome, tell=tell)])
        points.reach("send_settled")
        if outcome.state == "retry":
            self._retries_wait()
        elif outcome.state == "sent":
            self._lines.settled(send.conversation, send.key)
        elif outcome.state in {"failed", "held"}:
            self._lines.settled(send.conversation, send.key)
            logger.error("conversation=%s send %s: %s", send.conversation, outcome.state, outcome.reason)
            if tell is not None:
                self._told()

    def _failure(self, send: Send, outcome: Settled) -> MessageFailed | None:
        """What handlers are told of a message that was given up, if any of them asked for it."""
        if outcome.state != "failed" or send.desk or not self._tells_failures:
            return None
        return MessageFailed(
            # With its deadline, which is a new one whenever a person puts it back in line: each failure is told.
            id=f"failed:{send.key}:{send.expires_at:%Y%m%dT%H%M%S.%f}",
            conversation=send.conversation,
            at=self._clock.now(),
            message_ids=(send.key,),
            reason=outcome.reason,
        )

    async def _tried(self, send: Send) -> Settled:
        now = self._clock.now()
        waits = await self._late(send) if now >= send.expires_at else self._waits(send, now)
        if waits is not None:
            if self._telling is not None and waits.state != "retry":
                self._telling.given_up(send, waits)
            return waits
        return await (self._called(send) if self._telling is None else self._telling.deliver(send, self._called))

    async def _called(self, send: Send) -> Settled:
        try:
            platform_id = await (self._to_desk(send) if send.desk else self._to_customer(send))
        except RateLimited as problem:
            pause = problem.retry_after if problem.retry_after is not None else self._pause(send)
            retry_at = self._clock.now() + timedelta(seconds=pause)  # from the answer on: the call took its time
            if not send.desk and problem.everywhere:
                self._resting[send.conversation.channel] = retry_at
            return Settled(key=send.key, state="retry", retry_at=retry_at, reason=problem.reason)
        except Unreachable as problem:
            return self._again(send, problem.reason, maybe_sent=problem.maybe_sent)
        except TransportError as problem:
            return Settled(key=send.key, state="failed", reason=problem.reason)
        except StoreUnavailable as problem:  # it was asked for what was to be sent
            return self._again(send, str(problem), maybe_sent=False)
        except Exception as problem:  # a transport's own fault must not stop the others
            logger.exception("conversation=%s transport raised", send.conversation)
            return self._again(send, f"{type(problem).__name__} in the transport", maybe_sent=True)
        return Settled(key=send.key, state="sent", platform_id=platform_id or "")

    def _waits(self, send: Send, now: datetime) -> Settled | None:
        """Why a row is not tried now. None: it is."""
        if send.desk:
            return None
        resting = self._resting.get(send.conversation.channel)
        if resting is not None and now < resting:
            return Settled(key=send.key, state="retry", retry_at=resting, uncertain=send.uncertain)
        return self._uncertain(send, now) if send.uncertain and not self._has_waited(send, now) else None

    async def _late(self, send: Send) -> Settled:
        """What to do with a row whose time is up; why, is looked up: with most channels it was ours alone."""
        reason = "its time was up before it could be sent"
        transport = None if send.desk else self._transports.get(send.conversation.channel)
        if transport is not None and transport.window is not None:
            try:
                conversation = await self._store.load(send.conversation)
            except StoreUnavailable as problem:
                return self._again(send, str(problem), maybe_sent=False)
            until = None if conversation is None else conversation.reachable_until
            if until is not None and closes(transport, until, send.by) == send.expires_at:
                reason = OutsideWindow(send.conversation.channel, send.expires_at).reason
        return Settled(key=send.key, state="failed", reason=reason)

    def _uncertain(self, send: Send, now: datetime) -> Settled | None:
        """What to do with a row that may have gone out already. None: try it (again)."""
        transport = self._transports.get(send.conversation.channel)
        if transport is not None and transport.proof is Proof.EVIDENCE:
            retry_at = now + timedelta(seconds=self._settings.evidence_wait)
            if len(self._awaited) >= MOST_AWAITED:
                self._awaited = {key: until for key, until in self._awaited.items() if until >= now}
            self._awaited[send.key] = retry_at
            # It stays uncertain: while no process runs no proof can arrive, so another one waits anew.
            reason = "waits for the platform's proof"
            return Settled(key=send.key, state="retry", retry_at=retry_at, uncertain=True, reason=reason)
        if transport is not None and transport.proof is not Proof.NONE:
            return None
        if send.hold_uncertain or (transport is not None and transport.hold_uncertain):
            return Settled(key=send.key, state="held", uncertain=True, reason="may have been sent; a person decides")
        return None

    def _has_waited(self, send: Send, now: datetime) -> bool:
        """Whether this process has waited for the proof of a row, in vain; the row is tried then."""
        until = self._awaited.get(send.key)
        if until is None or now < until:
            return False
        del self._awaited[send.key]
        return True

    def _again(self, send: Send, reason: str, *, maybe_sent: bool) -> Settled:
        now = self._clock.now()  # what follows counts from the failure: a try may have taken half a minute
        if maybe_sent and not send.desk:
            waits = self._uncertain(send, now)
            if waits is not None:
                return waits
        retry_at = now + timedelta(seconds=self._pause(send))
        return Settled(key=send.key, state="retry", retry_at=retry_at, reason=reason)

    def _pause(self, send: Send) -> float:
        import random  # noqa: PLC0415  it loads OpenSSL's hashes, which no start needs

        # Jitter keeps rows that failed together from coming back together.
        return self._settings.pause(send.attempts + 1) * random.uniform(0.75, 1.0)  # noqa: S311  no secret

    async def _to_customer(self, send: Send) -> str | None:
        transport = self._transports.get(send.conversation.channel)
        if transport is None:
            raise Unreachable(send.conversation.channel, "no transport is attached under this name")
        await self._stops.check(send.conversation, send.key)
        if self._lines.take(send.conversation, send.key, send.message):
            return None
        message = await self._with_files(transport, send.message)
        if send.by == "operator" and transport.operators_window is not None and await self._closed(send):
            return await transport.send_late(send.conversation, message, send.key)
        return await transport.send_keyed(send.conversation, message, send.key)

    async def _closed(self, send: Send) -> bool:
        """Whether the window is closed for all but operators."""
        conversation = await self._store.load(send.conversation)
        until = None if conversation is None else conversation.reachable_until
        return until is not None and until <= self._clock.now()

    async def _with_files(self, transport: Transport, message: Message) -> Message:
        """The message with the bytes of what lies in our own folder: a platform knows nothing of it.

        Raises:
            Rejected: A file is not there any more, or the channel takes files by their address only.
            Unreachable: It cannot be read now.
        """
        if not any(one.ref.startswith("f_") and not one.url and one.data is None for one in message.attachments):
            return message
        channel = transport.channel
        if not transport.capabilities.attachments_by_data:
            raise Rejected(channel, "the channel takes files by their address only, and this one lies in our folder")
        try:
            attachments = [await self._with_data(one) for one in message.attachments]
        except FileNotFoundError as problem:
            raise Rejected(channel, f"a file that was to be sent is not there any more: {problem}") from problem
        except (OSError, StoreUnavailable) as problem:
            raise Unreachable(channel, f"a file that is to be sent cannot be read: {problem}") from problem
        return evolve(message, attachments=tuple(attachments))

    async def _with_data(self, one: Attachment) -> Attachment:
        from convokit.wire.files import FileBox  # noqa: PLC0415  few bots send files of their own folder
        from convokit.wire.naming import FILE_ID  # noqa: PLC0415  see above

        if one.url or one.data is not None or not FILE_ID.fullmatch(one.ref):
            return one
        if self._file_box is None:
            self._file_box = FileBox(self._files, self._store, self._clock)
        kept = await self._file_box.about(one.ref)
        if kept is None:
            raise FileNotFoundError(f"no file has the id {one.ref}")
        data = await self._file_box.data_of(one.ref)
        made = ATTACHMENTS[one.kind]
        return made(data=data, media_type=kept.media_type, name=one.name or kept.name, alt=one.alt)

    async def _to_desk(self, send: Send) -> None:
        if self._desk is None or send.handoff is None:
            raise Unreachable("desk", "this bot has no desk")
        match send.desk:
            case "offer":
                conversation = await self._store.load(send.conversation)
                # What came after the handoff is in the log already, and is forwarded by rows of its own.
                transcript = await self._store.history(send.conversation, TRANSCRIPT, before=_seq(send.key) + 1)
                if conversation is not None:
                    await self._desk.offer(conversation, send.handoff, transcript)
            case "forward":
                await self._desk.forward(send.conversation, send.handoff, send.message)
            case _:
                await self._desk.withdraw(send.conversation, send.handoff)


def _seq(key: str) -> int:
    """The place in its lane of the event whose turn wrote a row: `conversation:place:number`."""
    return int(key.rsplit(":", 2)[1])
