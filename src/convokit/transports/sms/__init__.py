"""Text messages and pictures by telephone number: SMS and MMS, over a provider of one's choice."""

import logging
import os
from collections.abc import Collection, Sequence
from typing import Any, Self
from urllib.parse import quote, urlsplit

from convokit.abc import Evidence, Finding, Proof, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, MissingExtra, Rejected
from convokit.events import ConversationClosed, ConversationOpened, Event, MessageReceived, SignalReceived
from convokit.messages import Attachment, AttachmentKind, Capabilities, Limit, Message
from convokit.transports.sms import words
from convokit.transports.sms.parse import REF, Reader
from convokit.transports.sms.provider import Heard, Incoming, Other, SmsProvider, Status, check_sender, kind_of_sender
from convokit.transports.sms.segments import Segments, segments
from convokit.transports.sms.twilio import Twilio
from convokit.transports.sms.vonage import Vonage
from convokit.wire.http import TOTAL_SECONDS, Client, check_base_url, fetch

__all__ = [
    "Heard",
    "Incoming",
    "Other",
    "Segments",
    "Sms",
    "SmsProvider",
    "Status",
    "Twilio",
    "Vonage",
    "check_sender",
    "segments",
]

logger = logging.getLogger(__name__)

TEXT = Limit(1600, "utf16")
"""What every provider takes as one message, which it sends in parts."""
KINDS: frozenset[AttachmentKind] = frozenset({"image", "audio", "video", "file"})
SAYING_STOPPED = "You get no more messages from us. Reply START to get them again."
SAYING_STARTED = "You get our messages again. Reply STOP to end them."

_KEYWORD_RULE = "letters and digits, not one of the words for STOP, START and HELP"


def capabilities(provider: type[SmsProvider] | SmsProvider) -> Capabilities:
    """What text messages show: words; and pictures and files where the provider carries them, by their addresses."""
    if not provider.pictures:
        return Capabilities(text_limit=TEXT)
    return Capabilities(text_limit=TEXT, attachments=KINDS, caption=TEXT, album=provider.most_pictures)


class Sms(Transport):
    """Text messages. A conversation is a telephone number: its id is the number, "+" and digits.

    Whoever sends STOP, or another of the `stop_words` and nothing else, gets one confirmation and then nothing more,
    whatever the bot or an operator says, until they send START: it is told as `ConversationClosed(reason="stop")`, and
    `ConversationOpened(source="start")`. HELP comes as `SignalReceived("sms.help")` where it is answered here or by the
    provider, and as a message where it is not. Buttons are numbered lines, and "2" presses the second.

    A number can change hands, and a sender can be forged: it names somebody, and proves nothing.

    Args:
        provider: Who carries the messages: `Twilio`, `Vonage`, or one of your own.
        channel: The channel's name.
        keyword: The word before a ref: `link` makes messages such as "JOIN spring-sale".
        stop_words: What forbids further messages, in place of the usual words in eight languages.
        start_words: What allows them again.
        help_words: What asks who writes here.
        saying_stopped: The confirmation of STOP, where the provider gives none and no handler is for it; empty: none.
        saying_started: The confirmation of START, likewise.
        saying_help: The answer to HELP, likewise: who writes, and how to reach them. Empty: the bot's own affair.
        timeout: Seconds for a whole call.
        http_transport: An `httpx.AsyncBaseTransport` instead of the network, for tests.
    """

    capabilities = Capabilities(text_limit=TEXT, attachments=KINDS, caption=TEXT, album=SmsProvider.most_pictures)
    stops = True

    def __init__(
        self,
        provider: SmsProvider,
        *,
        channel: str = "sms",
        keyword: str = "JOIN",
        stop_words: Collection[str] = words.STOP,
        start_words: Collection[str] = words.START,
        help_words: Collection[str] = words.HELP,
        saying_stopped: str = SAYING_STOPPED,
        saying_started: str = SAYING_STARTED,
        saying_help: str = "",
        timeout: float = TOTAL_SECONDS,
        http_transport: Any = None,
    ) -> None:
        self.provider = provider
        self.channel = channel
        self.keyword = keyword
        self.capabilities = capabilities(provider)
        self._words = words.Words(
            stop=words.folded(stop_words), start=words.folded(start_words), help=words.folded(help_words)
        )
        self._saying_stopped = saying_stopped
        self._saying_started = saying_started
        self._saying_help = saying_help
        self._reader = Reader(channel=channel, words=self._words, keyword=keyword, helps=bool(saying_help))
        self._timeout = timeout
        self._http_transport = http_transport
        self._client: Client | None = None

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """Over the provider that the environment names: Vonage with VONAGE_API_KEY, else Twilio.

        See `Twilio.from_env` and `Vonage.from_env`. What is missing is told by `check`, when the bot starts.

        Args:
            **settings: As in the constructor.
        """
        vonage = os.environ.get("VONAGE_API_KEY", "").strip() and not os.environ.get("TWILIO_ACCOUNT_SID", "").strip()
        return cls(Vonage.from_env() if vonage else Twilio.from_env(), **settings)

    def __repr__(self) -> str:
        return f"Sms({self.provider!r}, channel={self.channel!r})"

    @property
    def proof(self) -> Proof:  # type: ignore[override]  # the provider decides
        """The provider's."""
        return self.provider.proof

    @property
    def signs_time(self) -> bool:  # type: ignore[override]  # the provider decides
        """The provider's."""
        return self.provider.signs_time

    @property
    def methods(self) -> frozenset[str]:  # type: ignore[override]  # the provider decides
        """The provider's."""
        return self.provider.methods

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        self.provider.check(self.channel)
        check_base_url(self.channel, self.provider.api_url)
        if not (self.keyword.isascii() and self.keyword.isalnum()) or self._words.meant(self.keyword):
            raise DefinitionError(f"{self.channel}: keyword is {_KEYWORD_RULE}, not {self.keyword!r:.40}")
        if not self._words.stop:
            raise DefinitionError(f"{self.channel}: stop_words is empty: people must have a way to end the messages")

    async def __aenter__(self) -> Self:
        """Open the client."""
        client = Client(self.channel, self.provider.api_url, total=self._timeout, transport=self._http_transport)
        self._client = await client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__(*exc)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        """Verify and read one webhook call; see `Transport.receive`."""
        heard = self.provider.hear(self.channel, request)
        found = list(self._reader.read(heard.told, request.at))
        return Received(
            events=tuple(one for one in found if isinstance(one, Event)),
            evidence=tuple(one for one in found if isinstance(one, Evidence)),
            body=heard.body,
            media_type=heard.media_type,
        )

    def reopens(self, event: Event) -> bool:
        """Whether they allow messages again: with START, with a ref, or with a YES."""
        return isinstance(event, ConversationOpened) or (
            isinstance(event, MessageReceived) and words.allows(event.text)
        )

    def answer_to(self, event: Event) -> Message | None:
        """The confirmations of STOP and START and the answer to HELP, unless the provider gives them."""
        said = ""
        if isinstance(event, ConversationClosed) and not event.context.get("answered"):
            said = self._saying_stopped
        elif isinstance(event, ConversationOpened) and event.source == "start" and not event.context.get("answered"):
            said = self._saying_started
        elif isinstance(event, SignalReceived) and event.name == f"{self.channel}.help":
            said = "" if event.data.get("answered") else self._saying_help
        return Message(said) if said else None

    async def download(self, attachment: Attachment, most: int) -> bytes:
        """The bytes of a picture that a customer sent; see `Transport.download`."""
        hosts, headers = self.provider.where(self.channel)
        # The credentials are the API's: a picture elsewhere is fetched without.
        own = headers if urlsplit(attachment.url).netloc == urlsplit(self.provider.api_url).netloc else None
        return await fetch(
            self.channel, attachment.url, hosts=hosts, most=most, headers=own, transport=self._http_transport
        )

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message; see `Transport.send`."""
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say a fitted message; `key` comes back with what becomes of it, where the provider can."""
        pictures = self._fitted(message)
        if logger.isEnabledFor(logging.DEBUG):
            for one in self.remarks(message):
                logger.debug("conversation=%s %s", to, one)
        if self._client is None:
            raise RuntimeError(f"{self.channel}: the transport is not open; calls are made inside `async with`")
        return await self.provider.send(self.channel, self._client, to.id, message.text, pictures=pictures, key=key)

    def _fitted(self, message: Message) -> Sequence[str]:
        """The addresses of a message's pictures.

        Raises:
            Rejected: It is not what fitting to `capabilities` makes of one.
        """
        if message.buttons or message.cards or message.location or message.empty:
            raise Rejected(self.channel, "a text message says words and pictures: fit the message to the channel first")
        if not TEXT.holds(message.text):
            raise Rejected(self.channel, f"a text takes {TEXT.n} UTF-16 units, not {TEXT.measure(message.text)}")
        pictures = [one.url for one in message.attachments]
        if pictures and not self.provider.pictures:
            raise Rejected(self.channel, "the provider, or its settings, carry words only: fit the message first")
        if len(pictures) > self.provider.most_pictures or not all(pictures):
            raise Rejected(
                self.channel, f"a message takes {self.provider.most_pictures} pictures, each by its address on the web"
            )
        return pictures

    def remarks(self, message: Message) -> Sequence[str]:
        """How many parts it is sent and paid as; nothing where the extra "sms" is not installed."""
        if message.attachments:
            return ("1 MMS",)
        try:
            return (str(segments(message.text)),)
        except MissingExtra:
            return ()

    def link(self, ref: str) -> str:
        """The address that opens a message to this number, with the keyword and the ref in it."""
        kind = kind_of_sender(self.provider.sender)
        if kind not in {"number", "short code"}:
            raise DefinitionError(
                f"{self.channel}: a link needs a number or a short code to write to, and the sender is "
                f"{self.provider.sender!r:.40}"
            )
        if ref and not REF.fullmatch(ref):
            raise DefinitionError(
                f'{self.channel}: a ref in a text message has 1 to 128 letters, digits, "-", "_", "." and "~", not '
                f"{ref!r:.60}"
            )
        said = f"{self.keyword} {ref}" if ref else "START"
        # iOS reads what follows "&", Android what follows "?".
        return f"sms:{self.provider.sender}?&body={quote(said)}"

    async def examine(self) -> Sequence[Finding]:
        """Whether the provider's credentials are good, whether people can answer, and whether parts can be counted."""
        if self._client is None:
            raise RuntimeError(f"{self.channel}: the transport is not open; calls are made inside `async with`")
        found = list(await self.provider.examine(self.channel, self._client))
        if kind_of_sender(self.provider.sender) == "name":
            advice = "it only tells: name in each message another way to stop it, such as an address"
            found.append(Finding(what=f"nobody can answer {self.provider.sender}", ok=True, advice=advice))
        return found
