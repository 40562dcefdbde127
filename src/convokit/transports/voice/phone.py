"""The phone line as a transport."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

from convokit.abc import Desk, Finding, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, RateLimited, Rejected, TransportError
from convokit.messages import Capabilities, Message
from convokit.transports.twilio import Account
from convokit.transports.voice import hearing, twiml
from convokit.transports.voice.documents import Documents
from convokit.transports.voice.hearing import Ear, Heard
from convokit.transports.voice.line import Line
from convokit.transports.voice.sentences import Sentences
from convokit.transports.voice.settings import checked_manner
from convokit.transports.voice.speaking import CAPABILITIES, Speaking, speak
from convokit.wire.http import TOTAL_SECONDS, Client

MOST_LIVE = 10_000
"""How many calls' ids are remembered here; of others the platform is asked."""
LONGEST_PATIENCE = 1200
AT_A_DESK = 10.0
"""For how many seconds what the bot has to say waits when a person is called, or talks: it would cut them off."""
ROUND = 5.5
"""About how many seconds pass from one call of a waiting caller's to the next."""


class Voice(Transport):
    """Phone calls to a number at Twilio. A conversation is a caller: its id is their number.

    So a caller whose call broke off goes on where they were when they call again, and is known by `turn.profile`.
    A number is a hint, not a proof: it can be forged, and several people may share one. Ask for more before you tell
    what is personal; with `conversation="call"` each call is a conversation of its own, and only the profile is the
    number's. Who withholds their number has a conversation for each call: `call:` and its id.

    In Twilio's console, under the number's voice settings, let *A call comes in* and *Call status changes* call, by
    POST, the two addresses that `convokit doctor` tells: `…/voice` and `…/voice/status`.

    What is said goes into the answers to Twilio's calls; what the bot says of its own accord, by an update of the
    live call. After the call it is refused. A key that stands for an option arrives as "#2".

    Args:
        account: The account and the address at which it calls; `Account.from_env()`.
        number: The number that is called, in E.164; empty: all that point here.
        channel: The channel's name.
        language: A BCP 47 tag such as "de-DE": what is said is in it.
        voice: The name of a voice at Twilio, such as "Polly.Amy-Neural"; empty: Twilio's own choice.
        hears: The language that callers speak, where it differs.
        hints: Words that callers are likely to say: dishes, names. The options of a question are always among them.
        barge_in: Whether a caller who speaks stops what is being said.
        pause: Seconds of silence after which a caller is asked again, 1 to 60.
        reprompts: How often a caller who says nothing is asked again until the call is ended, 0 to 10.
        one_key: Whether a key answers at once where there are two to nine options. Set it to False where such a
            question takes longer numbers too: then "#" or a pause ends them.
        conversation: "caller" or "call": what a conversation is.
        sentences: One's own sentences in place of the built-in ones, by name: "hello", "goodbye", ….
        within: For how many seconds a caller waits in silence for what a turn says, 1 to 14; then they are asked for
            a moment.
        patience: For how many seconds they are kept waiting until they may say something else, 5 to 1200; the answer
            is told all the same when it comes. Three times as long they may be silent, where the bot said nothing.
        timeout: Seconds for a call to the API.
        http_transport: An `httpx.AsyncBaseTransport` instead of the network, for tests.

    Raises:
        DefinitionError: A sentence is none of its names.
    """

    methods: ClassVar[frozenset[str]] = frozenset({"POST"})
    capabilities: Capabilities = CAPABILITIES

    def __init__(
        self,
        account: Account,
        *,
        number: str = "",
        channel: str = "voice",
        language: str = "en-US",
        voice: str = "",
        hears: str = "",
        hints: Sequence[str] = (),
        barge_in: bool = True,
        pause: int = 6,
        reprompts: int = 2,
        one_key: bool = True,
        conversation: str = "caller",
        sentences: Mapping[str, str] | None = None,
        within: float = 4.5,
        patience: float = 60.0,
        timeout: float = TOTAL_SECONDS,
        http_transport: Any = None,
    ) -> None:
        self.channel = channel
        self.account = account
        self.number = number
        self.manner = twiml.Manner(
            language=language,
            voice=voice,
            hears=hears or language,
            hints=tuple(hints),
            pause=pause,
            barge_in=barge_in,
            reprompts=reprompts,
        )
        self.documents = Documents(
            channel=channel,
            account=account,
            manner=self.manner,
            sentences=Sentences(language, sentences or {}),
            one_key=one_key,
            waits=max(1, round(patience / ROUND)),
        )
        self.desk: Desk | None = None
        self._conversation = conversation
        self._within = within
        self._patience = patience
        self._timeout = timeout
        self._http_transport = http_transport
        self._line: Line | None = None
        self._live: dict[ConversationId, str] = {}
        self._speaking: dict[ConversationId, Speaking] = {}

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_PUBLIC_URL and, if set, TWILIO_VOICE_NUMBER.

        See `Account.from_env` for the others. Missing ones are told by `check`, when the bot starts.

        Args:
            **settings: As in the constructor.
        """
        settings.setdefault("number", os.environ.get("TWILIO_VOICE_NUMBER", "").strip())
        return cls(settings.pop("account", None) or Account.from_env(), **settings)

    def __repr__(self) -> str:
        return f"Voice(channel={self.channel!r}, number={self.number!r})"

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        self.account.check(self.channel)
        if self.number and not hearing.is_number(self.number):
            raise DefinitionError(
                f'{self.channel}: TWILIO_VOICE_NUMBER reads "+442079460000", with the country\'s code and without '
                f"spaces, not {self.number!r:.40}"
            )
        if self._conversation not in {"caller", "call"}:
            raise DefinitionError(f'{self.channel}: conversation is "caller" or "call", not {self._conversation!r:.40}')
        if not 1 <= self._within <= 14:  # noqa: PLR2004  the platform waits for 15
            raise DefinitionError(f"{self.channel}: within is from 1 to 14 seconds, not {self._within!r:.40}")
        if not 5 <= self._patience <= LONGEST_PATIENCE:  # noqa: PLR2004  named in the message
            raise DefinitionError(
                f"{self.channel}: patience is from 5 to {LONGEST_PATIENCE} seconds, not {self._patience!r:.40}"
            )
        checked_manner(self.channel, self.manner)

    async def __aenter__(self) -> Self:
        """Open the client."""
        client = Client(self.channel, self.account.api_url, total=self._timeout, transport=self._http_transport)
        self._line = Line(channel=self.channel, account=self.account, client=await client.__aenter__())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        line, self._line = self._line, None
        if line is not None:
            await line.client.__aexit__(*exc)

    # ── in, and out in the answer ───────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        """Verify and read one call of the platform's; see `Transport.receive`."""
        form = self.account.read(self.channel, request)
        if not self.account.owns(form):
            return self._answered(twiml.refusing())
        ear = Ear(channel=self.channel, by_call=self._conversation == "call", desk=self.desk is not None)
        heard = ear.hear(request, form)
        if heard is None:
            return self._answered(twiml.doing_nothing())
        if heard.what == hearing.SILENT:
            farewell = (twiml.Say(self.documents.sentences.say("goodbye")),)
            return self._answered(twiml.ending(farewell, self.manner), heard)
        if heard.what == hearing.STATUS or heard.over:
            return self._answered(twiml.doing_nothing(), heard)
        return Received(
            events=heard.events,
            media_type=twiml.MEDIA_TYPE,
            answer=partial(self._say, heard),
            within=self._within,
            listens=heard.conversation,
        )

    @staticmethod
    def _answered(body: bytes, heard: Heard | None = None) -> Received:
        return Received(events=heard.events if heard else (), body=body, media_type=twiml.MEDIA_TYPE)

    def _say(self, heard: Heard, messages: Sequence[Message], whole: bool) -> bytes:
        """The document that a call of the platform's is answered."""
        self._keep(self._live, heard.conversation, heard.call)
        document, seconds = self.documents.answer(heard, messages, whole=whole)
        self._keep(self._speaking, heard.conversation, Speaking(seconds))
        return document

    # ── out, by the API ─────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message in the live call; see `Transport.send`.

        It stops what is being said: while a voice speaks, the message waits until it has ended, about.
        """
        call = await self.live_call(to)
        if call is None:
            raise Rejected(self.channel, "there is no call: they have hung up")
        if self.desk is not None and await self.line.is_connected(call):
            raise RateLimited(self.channel, "they are called to a desk", retry_after=AT_A_DESK, everywhere=False)
        self.wait_for_the_voice(to, "send")
        document, seconds = self.documents.update(message)
        await self.update(to, call, document)
        self._keep(self._speaking, to, Speaking(seconds))
        return None

    def wait_for_the_voice(self, conversation: ConversationId, who: str) -> None:
        """Ask for a moment while the voice still speaks there, about.

        Raises:
            RateLimited: It speaks.
        """
        speaking = self._speaking.get(conversation)
        if speaking is not None and (moment := speaking.moment(who)):
            raise RateLimited(self.channel, "the voice still speaks", retry_after=moment, everywhere=False)

    async def live_call(self, conversation: ConversationId) -> str | None:
        """The id of the phone call that goes on there; None: there is none, as far as is known."""
        if conversation.id.startswith(hearing.CALL):
            call = conversation.id.removeprefix(hearing.CALL)
            return call if hearing.is_call(call) else None
        if (known := self._live.get(conversation)) is not None:
            return known
        found = await self.line.going_on(conversation.id, self.number)
        if found is not None:
            self._keep(self._live, conversation, found)
        return found

    async def update(self, conversation: ConversationId, call: str, document: bytes) -> None:
        """Let a live call go on with another document. Raises as `send`; a call that is over is forgotten."""
        try:
            await self.line.update(call, document)
        except Rejected:
            self._live.pop(conversation, None)
            raise

    @staticmethod
    def _keep(shelf: dict[ConversationId, Any], conversation: ConversationId, value: Any) -> None:
        shelf.pop(conversation, None)
        shelf[conversation] = value
        while len(shelf) > MOST_LIVE:
            del shelf[next(iter(shelf))]

    @property
    def line(self) -> Line:
        """The API.

        Raises:
            RuntimeError: The transport is not open.
        """
        if self._line is None:
            raise RuntimeError(f"{self.channel}: the transport is not open; calls are made inside `async with`")
        return self._line

    # ── what else there is ──────────────────────────────────────────────────────────────────────────────────────────

    def remarks(self, message: Message) -> Sequence[str]:
        """How it is spoken, and for about how long; see `Transport.remarks`."""
        spoken = speak((message,), self.documents.sentences)
        said = [f"plays {one.url}" if isinstance(one, twiml.Play) else f"says: {one.text}" for one in spoken.parts]
        return (*said, f"takes about {spoken.seconds:.0f} s to say")

    def link(self, ref: str) -> str:
        """The address that calls the number; empty for a ref, which no phone call carries."""
        return f"tel:{self.number}" if self.number and not ref else ""

    async def examine(self) -> Sequence[Finding]:
        """Whether the account is good, and whether the number calls here."""
        found = [await self.account.examine(self.channel, self.line.client)]
        if not self.number:
            return found
        wanted = {"voice_url": self.account.address(self.channel), "status_callback": self._status_address}
        try:
            told = await self.line.number(self.number)
        except TransportError as error:
            return [*found, Finding(what=f"the number {self.number}", ok=False, advice=str(error))]
        if told is None:
            advice = "the account has no such number: look at TWILIO_VOICE_NUMBER"
            return [*found, Finding(what=f"the number {self.number}", ok=False, advice=advice)]
        names = {"voice_url": "a call comes in", "status_callback": "call status changes"}
        for name, address in wanted.items():
            there: Any = told.get(name)
            good = there == address and str(told.get(name.replace("url", "method"), "POST")).upper() == "POST"
            advice = "" if good else f"let it call {address} by POST, not {there!r:.120}"
            found.append(Finding(what=f"{self.number}: {names[name]}", ok=good, advice=advice))
        return found

    @property
    def _status_address(self) -> str:
        return self.account.address(self.channel, hearing.STATUS)
