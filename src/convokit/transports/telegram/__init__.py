"""Telegram: the Bot API, by webhook or by long polling."""

import logging
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import anyio
import msgspec
from attrs import evolve

from convokit.abc import Accept, Finding, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Forged, Rejected, StoreUnavailable, TransportError
from convokit.messages import Attachment, Message
from convokit.transports.telegram.addresses import Address
from convokit.transports.telegram.api import BotApi, MovedError, NotFetchedError
from convokit.transports.telegram.parse import ALLOWED_UPDATES, Reading, decode, parse, query_of
from convokit.transports.telegram.presses import press_key, secret_token
from convokit.transports.telegram.render import CAPABILITIES, as_links, render
from convokit.wire.http import TOTAL_SECONDS, Client, check_base_url
from convokit.wire.signing import Secret, same, whole

__all__ = ["Telegram"]

logger = logging.getLogger(__name__)

_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{16,128}", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}", re.ASCII)
_WEBHOOK_PORTS = (None, 80, 88, 443, 8443)
API_URL = "https://api.telegram.org"
_HEADER = "x-telegram-bot-api-secret-token"
UPLOAD_SECONDS = 120.0  # 50 MB, the most that Telegram takes, at 3.5 megabits a second
_STORE_PAUSE = 5.0
_BATCH_BYTES = 16 << 20  # 100 updates of the longest texts with what they answer, escaped, are 5 MiB
_REMEMBERED_MOVES = 10_000


class Telegram(Transport):
    """A Telegram bot.

    With `public_url` Telegram calls our webhook, which is set when the bot runs; without, updates are polled. A
    conversation is a chat, or a topic in it; its id is Telegram's chat id.

    Args:
        token: What @BotFather gave.
        channel: The name under which it is attached.
        mode: "webhook" or "polling"; left out: a webhook when `public_url` is given.
        public_url: The https address under which the bot's webhooks are reached from outside, without the channel:
            "https://shop.example/bot" when Telegram shall call https://shop.example/bot/telegram.
        username: The bot's name at Telegram, for `bot.link`: "pizzeria_bot".
        api_url: The Bot API's address: a server of one's own, or a double on a loopback address.
        rooms: "shared": a group is one conversation; "per user": each person in a group has one.
        timeout: Seconds for a whole call; a poll has 65, an upload 120 at least.
        http: An `httpx.AsyncBaseTransport` instead of the network, for tests.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        token: str | Secret,
        *,
        channel: str = "telegram",
        mode: Literal["webhook", "polling"] | None = None,
        public_url: str = "",
        username: str = "",
        api_url: str = API_URL,
        rooms: Literal["shared", "per user"] = "shared",
        timeout: float = TOTAL_SECONDS,
        http: Any = None,
    ) -> None:
        self.channel = channel
        self.username = username.removeprefix("@")
        self.mode: Literal["webhook", "polling"] = mode or ("webhook" if public_url else "polling")
        self.public_url = public_url.rstrip("/")
        self.api_url = api_url
        self.rooms = rooms
        self._token = token if isinstance(token, Secret) else Secret(token, "token")
        self._timeout = timeout
        self._http = http
        self._reading: Reading | None = None
        self._secret = b""
        self._api: BotApi | None = None
        self._poller: BotApi | None = None
        self._open = AsyncExitStack()
        self._offset: int | None = None
        self._moved: dict[int, int] = {}
        self._sleep: Callable[[float], Awaitable[None]] = anyio.sleep
        if self._token:
            self._learn(self._token.reveal())

    def _learn(self, token: str) -> None:
        """Derive what the token decides, once: signatures are checked for every webhook call."""
        self._secret = secret_token(token).encode()
        self._reading = Reading(
            channel=self.channel,
            key=press_key(token),
            bot_id=token.partition(":")[0],
            per_user=self.rooms == "per user",
        )

    @classmethod
    def from_env(
        cls, *, channel: str = "telegram", username: str = "", rooms: Literal["shared", "per user"] = "shared"
    ) -> Self:
        """The bot that `TELEGRAM_TOKEN` names; with `TELEGRAM_PUBLIC_URL` by webhook, else by long polling.

        `TELEGRAM_API_URL`, if set, is the address of a Bot API server of one's own; `TELEGRAM_USERNAME` is the bot's
        name there, for `bot.link`.
        A missing token is told when the bot starts, so that its module can be imported anywhere.
        """
        public_url = Secret.from_env("TELEGRAM_PUBLIC_URL")
        return cls(
            Secret.from_env("TELEGRAM_TOKEN"),
            channel=channel,
            username=username or os.environ.get("TELEGRAM_USERNAME", "").strip(),
            public_url=public_url.reveal() if public_url else "",
            api_url=os.environ.get("TELEGRAM_API_URL", "").strip() or API_URL,
            rooms=rooms,
        )

    def __repr__(self) -> str:
        return f"Telegram(channel={self.channel!r}, mode={self.mode!r})"

    def check(self) -> None:
        """Look at token, addresses and mode.

        Raises:
            DefinitionError: One of them is missing or wrong.
        """
        if not self._token:
            raise DefinitionError(
                f"{self.channel}: {self._token.name} is not set: ask @BotFather for a bot and put its token there"
            )
        if not _TOKEN.fullmatch(self._token.reveal()):
            raise DefinitionError(
                f"{self.channel}: {self._token.name} is not a bot's token: it reads 123456789:letters and digits"
            )
        check_base_url(self.channel, self.api_url)
        if self.rooms not in ("shared", "per user") or self.mode not in ("webhook", "polling"):
            raise DefinitionError(f'{self.channel}: rooms is "shared" or "per user", mode is "webhook" or "polling"')
        if self.username and not _USERNAME.fullmatch(self.username):
            raise DefinitionError(
                f"{self.channel}: username is the bot's name at Telegram, such as pizzeria_bot, not "
                f"{self.username!r:.60}"
            )
        if self.mode == "webhook":
            self._check_public_url()

    def _check_public_url(self) -> None:
        try:
            parts = urlsplit(self.public_url)
            good = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and not parts.query
            good = bool(good) and not parts.fragment and parts.port in _WEBHOOK_PORTS
        except ValueError:
            good = False
        if not good:
            raise DefinitionError(
                f"{self.channel}: public_url must read https://host/path, on port 443, 80, 88 or 8443 "
                f"(TELEGRAM_PUBLIC_URL), not {self.public_url!r:.80}; leave it out for long polling"
            )

    async def __aenter__(self) -> Self:
        """Open the client."""
        self._api = await self._connect()
        if self.mode == "polling":
            self._poller = await self._connect(connections=1, answer_bytes=_BATCH_BYTES)
        return self

    async def _connect(self, **bounds: int) -> BotApi:
        client = Client(self.channel, self.api_url, transport=self._http, total=self._timeout, **bounds)
        opened = await self._open.enter_async_context(client)
        return BotApi(self.channel, self._token, opened, upload=max(self._timeout, UPLOAD_SECONDS))

    async def __aexit__(self, *exc: object) -> None:
        """Close the client."""
        self._api = self._poller = None
        await self._open.aclose()

    @property
    def _bot(self) -> BotApi:
        if self._api is None:
            raise RuntimeError(f"{self.channel}: not entered; calls are made inside `async with`")
        return self._api

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        """Verify the secret token and read the one update of a webhook call. Raises as `Transport.receive`."""
        given = request.headers.get(_HEADER, b"")
        if self._reading is None or not same(given, self._secret):
            raise Forged(self.channel)
        update = decode(self.channel, request.body)
        events = parse(update, self._reading, request.at)
        query = query_of(update)
        if not query:
            return Received(events=events)
        # Telegram takes one call as the answer's body: the button stops spinning without a call of our own.
        body = msgspec.json.encode({"method": "answerCallbackQuery", "callback_query_id": query})
        return Received(events=events, body=body, media_type="application/json")

    async def run(self, accept: Accept) -> None:
        """Set the webhook and wait, or poll. Raises `TransportError` when Telegram cannot be reached or refuses."""
        me = await self._bot.call("getMe")
        username = me.get("username") if isinstance(me, dict) else None
        if self._reading is not None and isinstance(username, str):
            self._reading = evolve(self._reading, username=username)
        if self.mode == "webhook":
            await self._bot.call(
                "setWebhook",
                {
                    "url": self._webhook,
                    "secret_token": self._secret.decode(),
                    "allowed_updates": ALLOWED_UPDATES,
                },
            )
            await anyio.sleep_forever()
        await self._bot.call("deleteWebhook")
        while True:
            await self._poll(accept)

    @property
    def _webhook(self) -> str:
        return f"{self.public_url}/{self.channel}"

    async def _poll(self, accept: Accept) -> None:
        """Take one batch. The offset, by which Telegram forgets, moves only when the events are safe."""
        updates = await (self._poller or self._bot).updates(self._offset)
        if self._reading is None or not updates:
            return
        now = datetime.now(UTC)
        events = [event for update in updates for event in parse(update, self._reading, now)]
        if events:
            try:
                await accept(events)
            except StoreUnavailable as problem:
                logger.warning("channel=%s the store cannot write, updates wait at Telegram: %s", self.channel, problem)
                await self._sleep(_STORE_PAUSE)
                return
        numbers = [whole(one.get("update_id")) for one in updates if isinstance(one, dict)]
        seen = [number for number in numbers if number is not None]
        if not seen:
            await self._sleep(_STORE_PAUSE)  # nothing to confirm: do not ask for the same at once
            return
        self._offset = max(seen) + 1
        for query in filter(None, map(query_of, updates)):
            await self._quietly("answerCallbackQuery", {"callback_query_id": query})

    async def _quietly(self, method: str, body: dict[str, Any]) -> None:
        try:
            await self._bot.call(method, body)
        except TransportError as problem:
            logger.debug("channel=%s %s", self.channel, problem)

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say it. Raises as `Transport.send`."""
        address = self._address(to)
        try:
            return await self._say(address, message)
        except MovedError as moved:
            if len(self._moved) >= _REMEMBERED_MOVES:
                self._moved.clear()
            self._moved[address.chat] = moved.chat
            return await self._say(evolve(address, chat=moved.chat), message)

    async def _say(self, address: Address, message: Message) -> str | None:
        key = self._reading.key if self._reading else b""
        try:
            return await self._bot.say(render(message, address, key, self.channel))
        except NotFetchedError:
            plain = as_links(message)
            if plain is None:
                raise
            return await self._bot.say(render(plain, address, key, self.channel))

    def link(self, ref: str) -> str:
        """`https://t.me/<username>?start=<ref>`; Telegram carries 64 letters, digits, "-" and "_"."""
        if not self.username:
            raise DefinitionError(
                f"{self.channel}: a link needs the bot's name at Telegram: username='pizzeria_bot', or "
                "TELEGRAM_USERNAME"
            )
        return f"https://t.me/{self.username}?start={ref}"

    async def download(self, attachment: Attachment, most: int) -> bytes:
        """The bytes of what a customer sent; Telegram gives out 20 MB at most. See `Transport.download`."""
        file_id = attachment.ref.rpartition(":")[2]
        if not file_id:
            raise Rejected(self.channel, "this attachment did not come from Telegram: it has no ref")
        return await self._bot.file(file_id, most)

    async def show_typing(self, to: ConversationId) -> None:
        """Show "typing…" for five seconds or until the next message."""
        address = self._address(to)
        topic = {} if address.topic is None else {"message_thread_id": address.topic}
        await self._bot.call("sendChatAction", {"chat_id": address.chat, "action": "typing", **topic})

    def _address(self, to: ConversationId) -> Address:
        address = Address.parse(to.id)
        if address is None:
            raise Rejected(self.channel, f"{to.id!r:.60} is not a Telegram conversation: chat, chat:topic or chat/user")
        return evolve(address, chat=self._moved.get(address.chat, address.chat))

    # ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def examine(self) -> Sequence[Finding]:
        """Whether the token is good, and whether updates come in the way they should."""
        try:
            me = await self._bot.call("getMe")
            hook = await self._bot.call("getWebhookInfo")
        except TransportError as problem:
            return (Finding(what=f"{self.channel}: token", ok=False, advice=str(problem)),)
        name = me.get("username") if isinstance(me, dict) else ""
        return (
            Finding(what=f"{self.channel}: token of @{name}", ok=True),
            *self._about_webhook(hook if isinstance(hook, dict) else {}),
        )

    def _about_webhook(self, hook: dict[str, Any]) -> Sequence[Finding]:
        url, wanted = hook.get("url") or "", self._webhook if self.mode == "webhook" else ""
        waiting = whole(hook.get("pending_update_count")) or 0
        found = [
            Finding(
                what=f"{self.channel}: webhook {url or 'not set'}",
                ok=url == wanted,
                advice="" if url == wanted else "it is set when the bot runs: start it, and look for a second process",
            ),
            Finding(what=f"{self.channel}: {waiting} updates wait at Telegram", ok=True),
        ]
        trouble = hook.get("last_error_message")
        if isinstance(trouble, str) and trouble:
            advice = f"{trouble:.200}: is {self.public_url} reachable from outside, with a valid certificate?"
            found.append(Finding(what=f"{self.channel}: Telegram's last webhook call", ok=False, advice=advice))
        return found
