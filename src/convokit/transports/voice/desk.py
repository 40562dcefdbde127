"""A desk of phones: a handoff calls the number of the desk, and whoever answers hears first what it is about."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Self

import anyio

from convokit.abc import Accept, Attendance, Desk, Run, Site
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.errors import DefinitionError, Rejected, Unreachable
from convokit.events import HandoffClosed
from convokit.messages import Message
from convokit.people import User
from convokit.transports.voice import hearing, twiml
from convokit.transports.voice.hearing import Step
from convokit.transports.voice.phone import Voice
from convokit.transports.voice.whisper import Summary, Whisper, digest

logger = logging.getLogger(__name__)

LONGEST_RING = 600
HUNG_UP = "hung up"


class PhoneDesk(Desk):
    """Hands calls over to phones: `Bot("bakery", desk=PhoneDesk(voice, {"": "+442079460000"}))`.

    The caller's call is connected with the number of the queue. Whoever answers hears who calls and why, and takes the
    call with any key: voice mail presses none. The bot is silent meanwhile. When the operator hangs up, when nobody
    answers, or when the caller hangs up, the conversation comes back by `HandoffClosed`, whose outcome is "completed",
    "busy", "no-answer", "failed" or "hung up". What the bot says then is said to the caller; where it says nothing, a
    call that was answered is ended, and one that was not is told that nobody can take it.

    Everything lies with Twilio and in the store: a restart in the middle of a call loses nothing.

    Args:
        voice: The phone line whose calls are handed over; it is attached to the same bot.
        numbers: The number of each queue that `turn.hand_off(to=…)` names, in E.164; "" is the one for everybody, and
            for queues that are not named here.
        others: The desk for all other channels, such as an `Inbox`; its pages are served as ever.
        ring: For how many seconds it rings, 5 to 600.
        confirm: Whether whoever answers has to press a key. False: they are connected when the summary is over.
        caller_id: The number that the operator sees, one of the account's; empty: the caller's own.
        summary: Makes what is said to the operator; left out: the caller's number, the reason, their last words.
        patience: After how long a call that nobody took goes back to the bot, should the platform never tell.

    Raises:
        DefinitionError: A number cannot be called, there is none for everybody, or a time is out of bounds.
    """

    name: ClassVar[str] = "phone-desk"

    def __init__(
        self,
        voice: Voice,
        numbers: Mapping[str, str],
        *,
        others: Desk | None = None,
        ring: int = 25,
        confirm: bool = True,
        caller_id: str = "",
        summary: Summary | None = None,
        patience: timedelta = timedelta(minutes=5),
    ) -> None:
        if "" not in numbers:
            raise DefinitionError('PhoneDesk: numbers needs "", the number for everybody: {"": "+442079460000"}')
        for queue, number in (*numbers.items(), *([("caller_id", caller_id)] if caller_id else [])):
            if not hearing.is_number(number):
                raise DefinitionError(
                    f'PhoneDesk: {queue!r:.40} needs a number such as "+442079460000", with the country\'s code and '
                    f"without spaces, not {number!r:.40}"
                )
        if not 5 <= ring <= LONGEST_RING:  # noqa: PLR2004  named in the message
            raise DefinitionError(f"PhoneDesk: ring is from 5 to {LONGEST_RING} seconds, not {ring!r:.40}")
        if patience < timedelta(seconds=ring + 30):
            raise DefinitionError(f"PhoneDesk: patience ({patience}) ends before it has rung for {ring} seconds")
        if voice.desk is not None:
            raise DefinitionError(f"PhoneDesk: {voice!r} has one already")
        self.voice = voice
        self.numbers = dict(numbers)
        self.others = others
        self.confirm = confirm
        self.summary = summary
        self.patience = patience if others is None else others.patience
        self.silence = None if others is None else others.silence
        self.saying_expired = voice.documents.sentences.say("nobody") if others is None else others.saying_expired
        if others is not None:
            vars(self)["name"] = others.name  # its pages stand beside the other's
        self._ring = ring
        self._caller_id = caller_id
        self._accept: Accept | None = None
        voice.desk = self

    def __repr__(self) -> str:
        return f"PhoneDesk(queues={sorted(self.numbers)!r})"

    def attendance(self, queue: str) -> Attendance:
        """Of the other desk, if there is one: of a phone nobody knows whether somebody sits beside it."""
        return Attendance() if self.others is None else self.others.attendance(queue)

    async def __aenter__(self) -> Self:
        """Enter the other desk."""
        if self.others is not None:
            await self.others.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Leave it."""
        if self.others is not None:
            await self.others.__aexit__(*exc)

    async def run(self, accept: Accept) -> None:
        """Hand in what happens until cancelled."""
        self._accept = accept
        try:
            if self.others is not None:
                await self.others.run(accept)
            await anyio.sleep_forever()
        finally:
            self._accept = None

    def site(self, run: Run) -> Site:
        """What whoever answers hears, and the other desk's pages."""
        return Whisper(
            voice=self.voice,
            run=run,
            name=self.name,
            confirm=self.confirm,
            summary=self.summary,
            others=None if self.others is None else self.others.site(run),
        )

    # ── the three calls ─────────────────────────────────────────────────────────────────────────────────────────────

    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """Connect the caller with the queue's number; see `Desk.offer`.

        Tried again after a crash, it finds the leg that rings already and leaves it.
        """
        if conversation.id.channel != self.voice.channel:
            await self._offer_others(conversation, handoff, transcript)
            return
        if conversation.handoff is None or conversation.handoff.id != handoff.id:
            return
        call = await self.voice.live_call(conversation.id)
        if call is None:
            await self._back(conversation.id, handoff, HUNG_UP, ended=True)
            return
        if await self.voice.line.is_connected(call):
            return
        self.voice.wait_for_the_voice(conversation.id, "offer")
        try:
            await self.voice.update(conversation.id, call, self._connecting(handoff))
        except Rejected as problem:
            logger.warning("conversation=%s could not be connected: %s", conversation.id, problem)
            await self._back(conversation.id, handoff, "failed")

    async def _offer_others(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        if self.others is None:
            # Nobody can call who writes; the bot has to say so.
            await self._back(conversation.id, handoff, "failed")
        elif not self.others.reads_log:
            await self.others.offer(conversation, handoff, transcript)

    def _connecting(self, handoff: Handoff) -> bytes:
        number = self.numbers.get(handoff.queue, self.numbers[""])
        mark = digest(handoff.id)
        return twiml.connecting(
            number,
            over=self.voice.documents.address(hearing.CONNECTED, step=Step(mark[:12])),
            whisper=self.voice.account.address(self.name, f"/phone/whisper?handoff={mark}"),
            ring=self._ring,
            caller_id=self._caller_id,
        )

    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """Of a call nothing is told: they talk. See `Desk.forward`."""
        if conversation.channel != self.voice.channel and self.others is not None and not self.others.reads_log:
            await self.others.forward(conversation, handoff, message)

    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """Stop what still rings, and let the caller be listened to again; see `Desk.withdraw`."""
        if conversation.channel != self.voice.channel:
            if self.others is not None and not self.others.reads_log:
                await self.others.withdraw(conversation, handoff)
            return
        call = await self.voice.live_call(conversation)
        if call is None or not await self.voice.line.is_connected(call):
            return
        try:
            await self.voice.update(conversation, call, self.voice.documents.silence())
        except Rejected as problem:  # they have hung up in this moment
            logger.debug("conversation=%s not taken off the phone: %s", conversation, problem)

    async def _back(self, conversation: ConversationId, handoff: Handoff, outcome: str, *, ended: bool = False) -> None:
        if self._accept is None:
            raise Unreachable(self.voice.channel, "no engine runs this desk")
        event = HandoffClosed(
            id=f"{handoff.id}:{outcome}",
            conversation=conversation,
            at=handoff.opened_at,
            operator=User(id=hearing.OPERATOR),
            outcome=outcome,
            ended=ended,
        )
        await self._accept([event])
