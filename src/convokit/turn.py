"""The handling of one event: what a handler sees, and the record of what it wants done."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ParamSpec, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from convokit._value import Value
from convokit.abc import Attendance
from convokit.conversations import Conversation, ConversationId, Entry
from convokit.errors import DefinitionError, TurnTooLarge
from convokit.events import Event
from convokit.messages import Action, Attachment, Card, Location, Message
from convokit.people import User
from convokit.reading.situation import Situation

P = ParamSpec("P")
T = TypeVar("T")

NOBODY = User(id="")

MOST_ELSEWHERE = 1000
"""How many messages one turn may send to other conversations."""
MOST_REMINDERS = 100
"""How many reminders one turn may set, and how many it may forget."""
MOST_DOWNLOADED = 25 << 20
"""How many bytes are taken of one attachment, where nothing else is said."""
MOST_ONCE = 1000
"""How many calls of one turn may go through `once`: what each returned is kept with the event."""


class Facts(MutableMapping[str, Any]):
    """A profile as a handler sees it: reads show what is stored and what this turn changed; writes are recorded.

    Values are JSON's own types. `del facts["city"]` forgets a key.
    """

    __slots__ = ("_stored", "changes")

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._stored = stored
        self.changes: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        value = self.changes[key] if key in self.changes else self._stored[key]
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self.changes[key] = value

    def __delitem__(self, key: str) -> None:
        self[key]
        self.changes[key] = None

    def __iter__(self) -> Iterator[str]:
        merged = {**self._stored, **self.changes}
        return (key for key, value in merged.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Facts({dict(self)!r})"


class Beginnable(Protocol):
    """What `turn.begin` takes: a dialog."""

    name: str

    def start(self, memory: Any) -> Any:
        """The memory to begin with, checked to be of the dialog's class."""


@frozen(kw_only=True, eq=False, repr=False)
class HandoffWanted(Value):
    """What `turn.hand_off` recorded."""

    reason: str
    queue: str


@frozen(kw_only=True, eq=False, repr=False)
class DialogWanted(Value):
    """What `turn.begin` recorded; dialog None: `turn.leave`."""

    dialog: Beginnable | None
    memory: Any
    instead: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Reminder(Value):
    """What `turn.remind` recorded."""

    name: str
    after: timedelta
    data: Mapping[str, Any]


@define(eq=False, repr=False)
class Turn:
    """The handling of one event.

    Reading verbs show what is; recording verbs write down what shall be done when the turn commits. Nothing leaves
    and nothing changes before that: if the handler raises, the record is thrown away.

    Attributes:
        event: What happened.
        conversation: The conversation as committed by the turn before.
        user: Who did it; for a timer or a signal, who spoke last in the conversation.
        params: What the route's pattern caught: `turn.params["order"]`.
        memory: The conversation's own JSON values; change them in place.
        profile: What the business keeps about the user; merged key by key at commit.
        app: What the bot's lifespan yielded.
        now: When the turn began (UTC).
        error: In an `on_error` handler, what was raised; else None.
        result: In the state in which a dialog goes on after a `call`, the memory of the called dialog (a copy), in the
            question and in the handler, whenever they come. Else None; so, too, when that dialog was changed since, and
            its memory cannot be read any more.
    """

    event: Event
    conversation: Conversation
    user: User
    now: datetime
    memory: dict[str, Any]
    profile: Facts
    app: Any = None
    params: Mapping[str, str] = field(factory=dict)
    error: Exception | None = None
    _situation: Situation = field(factory=Situation, alias="situation")
    _history: Callable[[int], Awaitable[Sequence[Entry]]] | None = field(default=None, alias="history")
    _flush: Callable[["Turn"], Awaitable[None]] | None = field(default=None, alias="flush")
    _once: Callable[[str, Callable[[], Awaitable[Any]], Any], Awaitable[Any]] | None = field(default=None, alias="once")
    _typing: Callable[[], None] | None = field(default=None, alias="typing")
    _spend: Callable[[str, datetime | None], Awaitable[bool]] | None = field(default=None, alias="spend")
    _download: Callable[[Attachment, int], Awaitable[bytes]] | None = field(default=None, alias="download")
    _attendance: Callable[[str], Attendance] | None = field(default=None, alias="attendance")
    _most_replies: int = field(default=100, alias="most_replies")

    # What was recorded; read by the engine.
    replies: list[Message] = field(factory=list, init=False)
    elsewhere: list[tuple[ConversationId, Message]] = field(factory=list, init=False)
    reminders: dict[str, Reminder] = field(factory=dict, init=False)
    forgotten: list[str] = field(factory=list, init=False)
    handoff: HandoffWanted | None = field(default=None, init=False)
    dialog: DialogWanted | None = field(default=None, init=False)
    taken_back: bool = field(default=False, init=False)
    question: Message | None = field(default=None, init=False)
    sentence: Callable[[str], str] = field(default=str, init=False)

    result: Any = field(default=None, init=False)
    _onces: int = field(default=0, init=False)

    def __repr__(self) -> str:
        return f"Turn({type(self.event).__name__} in {self.conversation.id}, {len(self.replies)} replies)"

    @property
    def text(self) -> str:
        """What the event says in words; empty for kinds that say nothing."""
        return self.event.text

    @property
    def context(self) -> Mapping[str, Any]:
        """What the channel says of the circumstances: the page, a product, a cart. A hint, never a proof."""
        return self.event.context

    @property
    def situation(self) -> Situation:
        """The user's locale or the bot's own, the bot's time zone, and the time: by these answers are read."""
        return evolve(self._situation, locale=self.user.locale or self._situation.locale, now=self.now)

    def attendance(self, queue: str = "") -> Attendance:
        """Who is at the desk right now for a queue ("": any); nobody where the bot has no desk.

        Ask before `hand_off`: `if turn.attendance().staffed`. What the desk cannot tell counts as staffed.
        """
        return Attendance(operators=0) if self._attendance is None else self._attendance(queue)

    async def history(self, limit: int = 20) -> Sequence[Entry]:
        """The last `limit` entries (1 to 1000) of this conversation before this turn, oldest first."""
        if self._history is None or not 1 <= limit <= 1000:  # noqa: PLR2004  the bound is the docstring's
            raise ValueError(f"history takes a limit from 1 to 1000, not {limit}")
        return await self._history(limit)

    def reply(
        self,
        message: Message | str = "",
        *,
        buttons: Sequence[Action | str] = (),
        attachments: Sequence[Attachment] = (),
        cards: Sequence[Card] = (),
        location: Location | None = None,
    ) -> None:
        """Say something in this conversation, after what was said before in this turn.

        Args:
            message: The text, or a whole `Message` (then nothing else may be given).
            buttons: `Button`s, `Link`s, or strings.
            attachments: `Image`, `Audio`, `Video`, `File`.
            cards: `Card`s.
            location: A `Location`.

        Raises:
            ValueError: There is nothing to say.
            TurnTooLarge: As many replies as `Settings.replies_a_turn` were given in this turn already.
        """
        if isinstance(message, Message):
            if buttons or attachments or cards or location:
                raise ValueError("reply: put buttons, attachments, cards and location into the Message")
        else:
            message = Message(message, buttons=buttons, attachments=attachments, cards=cards, location=location)
        if message.empty:
            raise ValueError("reply: there is nothing to say: the message has no text, buttons, attachments or cards")
        if len(self.replies) >= self._most_replies:
            raise TurnTooLarge(
                "replies", self._most_replies, "say more in fewer messages, or raise Settings.replies_a_turn"
            )
        self.replies.append(message)

    def begin(self, dialog: Beginnable, memory: Any = None, *, instead: bool = False) -> None:
        """Start a dialog with this user when the turn commits.

        One in progress pauses, and goes on when this one is over. The same one begins anew.

        Args:
            dialog: What `bot.dialog(...)` returned.
            memory: An instance of the dialog's class; what it already holds is not asked again.
            instead: Whether what is in progress is left for it.

        Raises:
            DefinitionError: `memory` is not of the dialog's class.
        """
        self.dialog = DialogWanted(dialog=dialog, memory=dialog.start(memory), instead=instead)

    def leave(self) -> None:
        """Leave the dialog in progress, and those paused below it, when the turn commits."""
        self.dialog = DialogWanted(dialog=None, memory=None)

    def hand_off(self, reason: str, *, to: str = "", saying: Message | str = "") -> None:
        """Give the conversation to a person when the turn commits; from then on the bot is silent.

        Args:
            reason: Why, for the operator to read.
            to: The operators' queue; empty: any.
            saying: The bot's last words before.
        """
        if saying:
            self.reply(saying)
        self.handoff = HandoffWanted(reason=reason, queue=to)

    def take_back(self) -> bool:
        """Let the bot have the conversation again while it still waits for a person, as after `HandoffUnattended`.

        The handoff ends with the outcome "unattended" when the turn commits, what was postponed comes back, and what
        this turn says and begins counts.

        Returns:
            False when an operator has the conversation, or nobody was asked for; then nothing happens.
        """
        lease = self.conversation.handoff
        self.taken_back = lease is not None and not lease.operator
        return self.taken_back

    def remind(self, after: timedelta, name: str, data: Mapping[str, Any] | None = None) -> None:
        """Come back as `TimerFired(name, data)`; a waiting reminder of the same name is replaced.

        Raises:
            ValueError: `after` is negative, or `name` is empty or begins with "~": those are the engine's own.
            TurnTooLarge: 100 reminders were set in this turn already.
        """
        given: object = after
        if not isinstance(given, timedelta) or after < timedelta(0) or not name:
            raise ValueError(f"remind takes a timedelta that is not negative, and a name, not {after!r}, {name!r}")
        if name.startswith("~"):
            raise ValueError(f'remind: names that begin with "~" are the engine\'s own; choose another than {name!r}')
        if name not in self.reminders and len(self.reminders) >= MOST_REMINDERS:
            raise TurnTooLarge("reminders", MOST_REMINDERS, "let one come back and set the next")
        self.reminders[name] = Reminder(name=name, after=after, data=dict(data or {}))

    def forget(self, name: str) -> None:
        """Cancel a waiting reminder; nothing happens when there is none.

        Raises:
            TurnTooLarge: 100 names were forgotten in this turn already.
        """
        self.reminders.pop(name, None)
        if name in self.forgotten:
            return
        if len(self.forgotten) >= MOST_REMINDERS:
            raise TurnTooLarge(
                "forgotten reminders", MOST_REMINDERS, "forget those that may be waiting, by their names"
            )
        self.forgotten.append(name)

    def send(self, to: ConversationId, message: Message | str) -> None:
        """Say something in another conversation; there it waits its turn, and a handoff there holds it back.

        Raises:
            ValueError: There is nothing to say.
            TurnTooLarge: 1000 messages were sent to other conversations in this turn already.
        """
        whole = message if isinstance(message, Message) else Message(message)
        if whole.empty:
            raise ValueError(f"send: there is nothing to say to {to}")
        if len(self.elsewhere) >= MOST_ELSEWHERE:
            raise TurnTooLarge(
                "messages to other conversations", MOST_ELSEWHERE, "send the others from outside, with engine.send(…)"
            )
        self.elsewhere.append((to, whole))

    def typing(self) -> None:
        """Show "typing…" now, for a moment, where the channel can; nothing is recorded and nothing is promised."""
        if self._typing is not None:
            self._typing()

    async def flush(self) -> None:
        """Let what was said so far leave now ("one moment…"); everything else still commits at the end.

        When the turn runs again after a crash, what was flushed is not sent again.
        """
        if self._flush is None:
            raise DefinitionError("turn.flush() needs a running engine")
        await self._flush(self)

    async def spend(self, name: str, until: datetime | None = None) -> bool:
        """Use something up that counts once in all conversations: a voucher, an invitation.

        It is kept at once, not with the turn: a turn that fails after it has spent. The same event, handled again
        after an error or a crash, is told yes again.

        Args:
            name: What is used up; any text.
            until: From when on it need not be remembered (UTC), because it counts no more; None: for ever.

        Returns:
            Whether this event is the one that has it; False: another was first.
        """
        if self._spend is None:
            raise DefinitionError("turn.spend() needs a running engine")
        return await self._spend(name, until)

    async def download(self, attachment: Attachment, most: int = MOST_DOWNLOADED) -> bytes:
        """The bytes of something that a customer sent here.

        Args:
            attachment: As it stands in the event.
            most: How many bytes are taken at most; 25 MiB when left out.

        Raises:
            Rejected: It is larger, is not there any more, or the channel cannot fetch it.
            Unreachable: No answer.
            RateLimited: The platform wants a pause.
        """
        if self._download is None:
            raise DefinitionError("turn.download() needs a running engine")
        return await self._download(attachment, most)

    async def once(self, name: str, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` once for this event, even if the turn runs again after a crash or an error.

        What it returned is kept with the event and returned again. It must have a JSON form (attrs classes, dates,
        decimals, enums, JSON's own types); an annotated return type is restored. A crash between the function's
        end and the store's answer runs it again: give the other system `turn.event.id` as its idempotency key.

        Args:
            name: Unique within the turn.
            function: What to run.
            *args: Its arguments.
            **kwargs: Its keyword arguments.

        Raises:
            TurnTooLarge: 1000 calls of this turn went through it already.
        """
        if self._once is None:
            raise DefinitionError("turn.once() needs a running engine")
        if self._onces >= MOST_ONCE:
            raise TurnTooLarge("calls through turn.once", MOST_ONCE, "let one call do more at once")
        self._onces += 1
        result: T = await self._once(name, lambda: function(*args, **kwargs), function)
        return result
