"""WhatsApp: a business's number by Meta's Cloud API."""

import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from convokit.abc import Finding, Proof, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Rejected, TransportError, Unreachable
from convokit.events import ConversationOpened, Event, MessageEdited, SignalReceived, UnknownReceived
from convokit.messages import Attachment, Capabilities, Message
from convokit.transports.meta import door, files
from convokit.transports.meta.graph import Graph
from convokit.transports.whatsapp.errors import CODES
from convokit.transports.whatsapp.parse import Reader
from convokit.transports.whatsapp.render import ASK_LOCATION, CAPABILITIES, UnfitError, render, render_typing
from convokit.wire.http import TOTAL_SECONDS, check_base_url
from convokit.wire.signing import Secret

__all__ = ["ASK_LOCATION", "WhatsApp"]

WINDOW = timedelta(hours=24)
AD_WINDOW = timedelta(hours=72)
MOST_REMEMBERED = 10_000
"""Of how many conversations the last message is remembered, which "typing…" names."""
ENTRY = "Hello! [{ref}]"

_NUMBER_ID = re.compile(r"[0-9]{5,25}", re.ASCII)
_PHONE = re.compile(r"\+?[0-9]{7,15}", re.ASCII)
_REF = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MEDIA_ID = re.compile(r"[\w.-]{1,200}", re.ASCII)


class WhatsApp(Transport):
    """A business's WhatsApp number. A conversation is a person.

    In the app's dashboard, point the webhook of the product WhatsApp to this transport's address, give it the
    `verify_token`, and subscribe to the field "messages" (and "user_preferences", for who stops marketing messages).

    A person's id is their business-scoped user id ("GB.1349120865"), which stays when they hide or change their
    number; the number, as long as the platform tells it, is `context["phone"]` of every event. Both can be written to:
    `ConversationId("whatsapp", "447911123456")` is the number, of whoever it is. With `by="phone"` the number is the
    id, until somebody hides it.

    Reactions, orders, answers of flows, changes of number and the like are signals: `whatsapp.reaction`,
    `whatsapp.order`, `whatsapp.flow`, `whatsapp.system`, `whatsapp.message_deleted`, `whatsapp.preferences`. What
    concerns the account and no person happens in the conversation `business:` and the account's id, where nothing can
    be sent.

    Args:
        token: The access token of a system user.
        app_secret: The app's secret, with which the platform signs; at least 16 bytes.
        verify_token: A word of your own, repeated in the dashboard where the webhook is entered.
        phone_number_id: The id of the number, from which is written. Events for other numbers are dropped.
        number: The number itself with its country's code, for links: "+44 20 7946 0018" without spaces.
        entry: What a link has customers say; `{ref}` in it is the ref.
        by: What people are known by: "user_id" or "phone".
        channel: The channel's name.
        api_version: The Graph API's version.
        api_url: The Graph API's address.
        timeout: Seconds for a whole call; an upload gets 120 at least.
        http_transport: An `httpx.AsyncBaseTransport` instead of the network, for tests.

    Raises:
        DefinitionError: A secret is empty.
    """

    proof: ClassVar[Proof] = Proof.EVIDENCE
    signs_time: ClassVar[bool] = True
    methods: ClassVar[frozenset[str]] = door.METHODS
    capabilities: Capabilities = CAPABILITIES
    window: timedelta | None = WINDOW

    def __init__(
        self,
        token: str | Secret,
        app_secret: str | Secret,
        verify_token: str | Secret,
        phone_number_id: str,
        *,
        number: str = "",
        entry: str = ENTRY,
        by: Literal["user_id", "phone"] = "user_id",
        channel: str = "whatsapp",
        api_version: str = "v25.0",
        api_url: str = "https://graph.facebook.com",
        timeout: float = TOTAL_SECONDS,
        http_transport: Any = None,
    ) -> None:
        self._token = door.secret(token, "token")
        self._app_secret = door.secret(app_secret, "app_secret")
        self._verify_token = door.secret(verify_token, "verify_token")
        self._door = door.Door(channel=channel, app_secrets=(self._app_secret,), verify_token=self._verify_token)
        self._phone_number_id = phone_number_id
        self._number = number
        self._entry = entry
        self._by = by
        self.channel = channel
        self._api_version = api_version
        self._api_url = api_url
        self._http_transport = http_transport
        self._reader = Reader(channel=channel, entry=_pattern(entry), token=self._token, number=phone_number_id, by=by)
        self._graph = Graph(channel, api_url, api_version, self._token, CODES, total=timeout, transport=http_transport)
        self._last: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With WHATSAPP_TOKEN, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN and WHATSAPP_PHONE_NUMBER_ID.

        And, if set, WHATSAPP_NUMBER; `WHATSAPP_API_URL`, if set, is used in place of the Graph API's address: for a
        double of the platform. Missing ones are told by `check`, when the bot starts.

        Args:
            **settings: As in the constructor.
        """
        for name in ("number", "api_url"):
            if value := os.environ.get(f"WHATSAPP_{name.upper()}", "").strip():
                settings.setdefault(name, value)
        return cls(
            Secret.from_env("WHATSAPP_TOKEN"),
            Secret.from_env("WHATSAPP_APP_SECRET"),
            Secret.from_env("WHATSAPP_VERIFY_TOKEN"),
            settings.pop("phone_number_id", "") or os.environ.get("WHATSAPP_PHONE_NUMBER_ID", "").strip(),
            **settings,
        )

    def __repr__(self) -> str:
        return f"WhatsApp(channel={self.channel!r}, phone_number_id={self._phone_number_id!r})"

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        door.check_set(
            self.channel,
            (self._token, "the business settings: system users, generate token"),
            (self._app_secret, "the app's dashboard, settings, basic"),
            (self._verify_token, "your own choice, repeated where the webhook is entered"),
        )
        self._door.check()
        door.check_version(self.channel, self._api_version)
        if not _NUMBER_ID.fullmatch(self._phone_number_id):
            raise DefinitionError(
                f"{self.channel}: phone_number_id is the number's id, digits that the app's dashboard shows under "
                f"WhatsApp, API setup (WHATSAPP_PHONE_NUMBER_ID), not {self._phone_number_id!r:.60}"
            )
        if self._number and not _PHONE.fullmatch(self._number):
            raise DefinitionError(
                f"{self.channel}: number reads like '+442079460018', with its country's code, not {self._number!r:.60}"
            )
        if self._entry.count("{ref}") != 1:
            raise DefinitionError(f"{self.channel}: entry has {{ref}} in it, once, not {self._entry!r:.80}")
        if self._by not in ("user_id", "phone"):
            raise DefinitionError(f'{self.channel}: by is "user_id" or "phone", not {self._by!r:.60}')
        check_base_url(self.channel, self._api_url)

    async def __aenter__(self) -> Self:
        """Open the client."""
        await self._graph.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        await self._graph.__aexit__(*exc)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        """Verify and read one webhook call; see `Transport.receive`."""
        received = self._door.enter(request) or self._reader.read(request.body, request.at)
        for event in received.events:
            # A hint for "typing…", which must name a message; lost with the process, it is not shown once.
            if event.said and event.id.startswith("wamid."):
                self._last[event.conversation.id] = event.id
                self._last.move_to_end(event.conversation.id)
        while len(self._last) > MOST_REMEMBERED:
            self._last.popitem(last=False)
        return received

    def opens_window(self, event: Event) -> timedelta | None:
        """Whatever a person does opens it for 24 hours, coming by an ad for 72; see `Transport.opens_window`."""
        # What the platform says of them, and that they want no marketing, is no word of theirs.
        platforms = isinstance(event, SignalReceived) and event.name in {f"{self.channel}.{one}" for one in _THEIRS}
        theirs = event.said or platforms or isinstance(event, ConversationOpened | MessageEdited | UnknownReceived)
        if event.user is None or not theirs:
            return None
        by_ad = isinstance(event, ConversationOpened) and event.source not in ("", "wa.me")
        return AD_WINDOW if by_ad else WINDOW

    def takes_outside(self, message: Message) -> bool:
        """A template; see `Transport.takes_outside`."""
        return message.template is not None

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message; see `Transport.send`."""
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say a fitted message; `key` comes back in every status of it. See `Transport.send_keyed`."""
        try:
            rendered = render(to, message, key=key)
            body = rendered.body
            if rendered.upload is not None:
                body = rendered.with_id(await self._uploaded(rendered.upload))
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        told = await self._graph.post(f"/{self._phone_number_id}/messages", body, "send")
        sent = told.get("messages") if isinstance(told, dict) else None
        first = sent[0] if isinstance(sent, list) and sent and isinstance(sent[0], dict) else {}
        return first["id"] if isinstance(first.get("id"), str) else None

    async def _uploaded(self, upload: Any) -> str:
        fields = {"messaging_product": "whatsapp", "type": upload.media_type}
        try:
            told = await self._graph.upload(f"/{self._phone_number_id}/media", fields, {"file": upload}, "upload")
        except Unreachable as problem:
            # Whatever became of the file, no message was sent.
            raise Unreachable(self.channel, problem.reason) from None
        found = told.get("id") if isinstance(told, dict) else None
        if not isinstance(found, str) or not _MEDIA_ID.fullmatch(found):
            raise Unreachable(self.channel, "upload: the platform gave no id for the file")
        return found

    async def show_typing(self, to: ConversationId) -> None:
        """Mark the person's last message as read, and show "typing…" for 25 seconds or until the next message."""
        message_id = self._last.get(to.id)
        if message_id is not None:
            await self._graph.post(f"/{self._phone_number_id}/messages", render_typing(message_id), "typing")

    def link(self, ref: str) -> str:
        """`https://wa.me/<number>?text=…`: what the customer then sends is told as `ConversationOpened(ref)`.

        They may change the words before they send them: then it is a message like any other.
        """
        if not self._number:
            raise DefinitionError(
                f"{self.channel}: a link needs the number: number='+442079460018', or WHATSAPP_NUMBER"
            )
        if not _REF.fullmatch(ref):
            raise DefinitionError(
                f"{self.channel}: a ref has 1 to 64 letters, digits, '-' and '_', or it does not come back, not "
                f"{ref!r:.80}"
            )
        return (
            f"https://wa.me/{self._number.removeprefix('+')}?text={quote(self._entry.replace('{ref}', ref), safe='')}"
        )

    async def download(self, attachment: Attachment, most: int) -> bytes:
        """The bytes of what a customer sent: kept by the platform for 7 days. See `Transport.download`."""
        if not _MEDIA_ID.fullmatch(attachment.ref):
            raise Rejected(self.channel, "this attachment did not come from WhatsApp: it has no ref")
        told = await self._graph.get(f"/{attachment.ref}", "media")
        url, size = (told.get(name) if isinstance(told, dict) else None for name in ("url", "file_size"))
        if not isinstance(url, str) or not url:
            raise Rejected(self.channel, "the platform gives no address for this file: it is gone after 7 days")
        if isinstance(size, int) and size > most:
            raise Rejected(self.channel, f"it has {size} bytes, more than the {most} that are taken")
        there = type(attachment)(url)  # type: ignore[call-arg]  # every kind of attachment takes its address
        return await files.download(
            self.channel, there, most, headers=self._graph.headers, transport=self._http_transport
        )

    async def examine(self) -> Sequence[Finding]:
        """Whose number it is, and how good the platform finds it; whether it is subscribed is not looked at."""
        fields = "display_phone_number,verified_name,quality_rating,platform_type"
        try:
            number = await self._graph.get(f"/{self._phone_number_id}?fields={fields}", "number")
        except TransportError as error:
            return (Finding(what="the token and the number", ok=False, advice=str(error)),)
        told = number if isinstance(number, dict) else {}
        quality = str(told.get("quality_rating", "UNKNOWN"))
        shown, name = (str(told.get(one, ""))[:80] for one in ("display_phone_number", "verified_name"))
        return (
            Finding(what=f"the token is for {name!r} ({shown})", ok=True),
            Finding(
                what=f"the number's quality is {quality.lower()}",
                ok=quality != "RED",
                advice="people block or report it: send less that they did not ask for" if quality == "RED" else "",
            ),
        )


_THEIRS = ("reaction", "order", "flow", "message_deleted")


def _pattern(entry: str) -> re.Pattern[str]:
    """What matches the words of a link, whatever their case and the space between them."""
    before, _, after = entry.partition("{ref}")
    around = [r"\s+".join(map(re.escape, part.split())) for part in (before, after)]
    gaps = [r"\s*" if part else "" for part in around]
    return re.compile(rf"{around[0]}{gaps[0]}(?P<ref>[A-Za-z0-9_-]{{1,64}}){gaps[1]}{around[1]}", re.IGNORECASE)
