"""Facebook Messenger: the Messenger Platform's webhooks and its Send API."""

import os
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

import msgspec

from convokit.abc import Finding, Proof, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Forged, Rejected, TransportError
from convokit.messages import Capabilities, Message
from convokit.transports.messenger.errors import failure
from convokit.transports.messenger.parse import Reader
from convokit.transports.messenger.render import CAPABILITIES, Rendered, UnfitError, render, render_typing
from convokit.wire.http import TOTAL_SECONDS, Answer, Client, check_base_url
from convokit.wire.signing import Secret, hmac_sha256, same

__all__ = ["Messenger"]

SIGNATURE = "x-hub-signature-256"
SHORTEST_SECRET = 16
UPLOAD_SECONDS = 120.0
SUBSCRIPTIONS = (
    "messages",
    "messaging_postbacks",
    "messaging_referrals",
    "message_echoes",
    "message_deliveries",
    "message_reads",
)
"""The webhook fields that the page must be subscribed to; without `message_echoes` uncertain sends are sent again."""
WITHDRAWN = frozenset({"ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"})

_CHALLENGE = re.compile(r"[\w-]{1,256}", re.ASCII)
_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}", re.ASCII)
_PAGE = re.compile(r"[0-9]{1,20}", re.ASCII)
_TAG = re.compile(r"[A-Z_]{1,64}", re.ASCII)


class Messenger(Transport):
    """A Facebook page's messages. A conversation is a person: its id is the page-scoped id (PSID).

    In the app's dashboard, point the webhook for the product Messenger to this transport's address, give it the
    `verify_token`, and subscribe the page to the fields in `SUBSCRIPTIONS`; `convokit doctor` tells what is missing.

    The page's own words come back as echoes. Ours prove that a send arrived. Those of other apps and of people in the
    page's inbox are `UnknownReceived("message_echo")`, of nobody. While another app has the conversation everything
    is `SignalReceived("messenger.standby")`. What concerns the page and no person happens in the conversation
    `page:` and the page's id, where nothing can be sent.

    Args:
        page_token: The page access token.
        app_secret: The app's secret, with which the platform signs; at least 16 bytes.
        verify_token: A word of your own, repeated in the dashboard where the webhook is entered.
        page_id: The page's id. Events for any other page of the same app are dropped. Empty: the token's page is
            written from, and events for every page of the app are taken.
        channel: The channel's name.
        api_version: The Graph API's version.
        api_url: The Graph API's address.
        tag: A message tag for everything that is sent, outside the 24 hours too. The platform allows "HUMAN_AGENT"
            for 7 days, with a permission it reviews, and only for what a person wrote. Empty: answers.
        get_started: The payload of the page's start button; it comes as `ConversationOpened`.
        timeout: Seconds for a whole call; an upload gets 120 at least.
        http_transport: An `httpx.AsyncBaseTransport` instead of the network, for tests.

    Raises:
        DefinitionError: A secret is empty.
    """

    proof: ClassVar[Proof] = Proof.EVIDENCE
    signs_time: ClassVar[bool] = True
    methods: ClassVar[frozenset[str]] = frozenset({"GET", "POST"})
    capabilities: Capabilities = CAPABILITIES

    def __init__(
        self,
        page_token: str | Secret,
        app_secret: str | Secret,
        verify_token: str | Secret,
        *,
        page_id: str = "",
        channel: str = "messenger",
        api_version: str = "v25.0",
        api_url: str = "https://graph.facebook.com",
        tag: str = "",
        get_started: str = "GET_STARTED",
        timeout: float = TOTAL_SECONDS,
        http_transport: Any = None,
    ) -> None:
        self._page_token = _secret(page_token, "page_token")
        self._app_secret = _secret(app_secret, "app_secret")
        self._verify_token = _secret(verify_token, "verify_token")
        self._page_id = page_id
        self.channel = channel
        self._api_version = api_version
        self._api_url = api_url
        self._tag = tag
        self._reader = Reader(channel=channel, page_id=page_id, get_started=get_started)
        self._timeout = timeout
        self._http_transport = http_transport
        self._client: Client | None = None

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With MESSENGER_PAGE_TOKEN, MESSENGER_APP_SECRET, MESSENGER_VERIFY_TOKEN and, if set, MESSENGER_PAGE_ID.

        `MESSENGER_API_URL`, if set, is used in place of the Graph API's address: for a double of the platform.

        Missing ones are told by `check`, when the bot starts: the bot's module can be imported anywhere.

        Args:
            **settings: As in the constructor.
        """
        settings.setdefault("page_id", os.environ.get("MESSENGER_PAGE_ID", "").strip())
        if api_url := os.environ.get("MESSENGER_API_URL", "").strip():
            settings.setdefault("api_url", api_url)
        return cls(
            Secret.from_env("MESSENGER_PAGE_TOKEN"),
            Secret.from_env("MESSENGER_APP_SECRET"),
            Secret.from_env("MESSENGER_VERIFY_TOKEN"),
            **settings,
        )

    def __repr__(self) -> str:
        return f"Messenger(channel={self.channel!r}, page_id={self._page_id!r})"

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        for secret, where in (
            (self._page_token, "the app's dashboard, Messenger, access tokens"),
            (self._app_secret, "the app's dashboard, settings, basic"),
            (self._verify_token, "your own choice, repeated where the webhook is entered"),
        ):
            if not secret:
                raise DefinitionError(f"{self.channel}: {secret.name} is not set; it comes from {where}")
        if len(self._app_secret.reveal().encode()) < SHORTEST_SECRET:
            raise DefinitionError(
                f"{self.channel}: {self._app_secret.name} is shorter than {SHORTEST_SECRET} bytes, so it is not the "
                "secret that the app's dashboard shows: with a guessable one anybody can speak as a customer"
            )
        for name, value, pattern, like in (
            ("page_id", self._page_id, _PAGE, "digits"),
            ("api_version", self._api_version, _VERSION, '"v25.0"'),
            ("tag", self._tag, _TAG, '"HUMAN_AGENT"'),
        ):
            if (value or name == "api_version") and not pattern.fullmatch(value):
                raise DefinitionError(f"{self.channel}: {name} reads like {like}, not {value!r:.60}")
        if self._tag in WITHDRAWN:
            raise DefinitionError(f"{self.channel}: the platform withdrew the tag {self._tag} in April 2026")
        check_base_url(self.channel, self._api_url)

    async def __aenter__(self) -> Self:
        """Open the client."""
        client = Client(self.channel, self._api_url, total=self._timeout, transport=self._http_transport)
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
        if request.method == "GET":
            return self._handshake(request.query)
        if not self._signed(request):
            raise Forged(self.channel)
        return self._reader.read(request.body, request.at)

    def _signed(self, request: Request) -> bool:
        """Whether the SHA-256 signature is the app's, over the bytes as they came. The older SHA-1 one is not read."""
        if not self._app_secret:
            return False
        expected = hmac_sha256(self._app_secret.reveal().encode(), request.body).hex()
        return same(b"sha256=" + expected.encode(), request.headers.get(SIGNATURE, b""))

    def _handshake(self, query: str) -> Received:
        try:
            given = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50, separator="&"))
        except ValueError:
            raise Forged(self.channel) from None
        challenge, word = given.get("hub.challenge", ""), given.get("hub.verify_token", "")
        known = bool(self._verify_token) and same(
            word.encode("utf-8", "surrogatepass"), self._verify_token.reveal().encode()
        )
        if not known or given.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            raise Forged(self.channel)
        return Received(body=challenge.encode())

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message; see `Transport.send`."""
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say a fitted message; `key` travels as metadata and comes back in the echo. See `Transport.send_keyed`."""
        try:
            rendered = render(to, message, key=key, tag=self._tag)
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        answer = await self._post(rendered, "send")
        told = answer.json()
        found = told.get("message_id") if isinstance(told, dict) else None
        return found if isinstance(found, str) else None

    async def show_typing(self, to: ConversationId) -> None:
        """Show "typing…" for about 20 seconds, or until the next message."""
        try:
            rendered = render_typing(to)
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        await self._post(rendered, "typing")

    async def examine(self) -> Sequence[Finding]:
        """Whose token it is, and which events the page is subscribed to."""
        try:
            me = (await self._get("/me?fields=id,name", "who am I")).json()
            subscribed = (await self._get(f"/{self._page}/subscribed_apps", "subscriptions")).json()
        except TransportError as error:
            return (Finding(what="the page token", ok=False, advice=str(error)),)
        page, name = (str(me.get(key, "")) for key in ("id", "name")) if isinstance(me, dict) else ("", "")
        ours = not self._page_id or page == self._page_id
        apps = subscribed.get("data") if isinstance(subscribed, dict) else None
        fields = {
            str(one)
            for app in (apps if isinstance(apps, list) else ())
            if isinstance(app, dict) and isinstance(app.get("subscribed_fields"), list)
            for one in app["subscribed_fields"]
        }
        missing = [one for one in SUBSCRIPTIONS if one not in fields]
        return (
            Finding(
                what=f"the page token is for {name!r:.80} ({page!r:.30})",
                ok=ours and bool(page),
                advice="" if ours else f"page_id is {self._page_id}: take the token of that page",
            ),
            Finding(
                what="the page's subscriptions",
                ok=not missing,
                advice=f"subscribe the page to {', '.join(missing)}" if missing else "",
            ),
        )

    @property
    def _page(self) -> str:
        return self._page_id or "me"

    async def _post(self, rendered: Rendered, what: str) -> Answer:
        path = f"/{self._api_version}/{self._page}/messages"
        if rendered.upload is None:
            answer = await self._opened.post_json(path, rendered.body, headers=self._headers, what=what)
        else:
            fields = {name: one if isinstance(one, str) else _json(one) for name, one in rendered.body.items()}
            answer = await self._opened.post_multipart(
                path,
                fields,
                {"filedata": rendered.upload},
                headers=self._headers,
                what=what,
                total=max(self._timeout, UPLOAD_SECONDS),
            )
        return self._good(answer)

    async def _get(self, path: str, what: str) -> Answer:
        return self._good(await self._opened.get(f"/{self._api_version}{path}", headers=self._headers, what=what))

    def _good(self, answer: Answer) -> Answer:
        error = failure(self.channel, answer, self._page_token)
        if error is not None:
            raise error
        return answer

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise RuntimeError(f"{self.channel}: the transport is not open; calls are made inside `async with`")
        return self._client

    @property
    def _headers(self) -> dict[str, str]:
        # Never as a parameter of the address: addresses are logged on the way.
        return {"authorization": f"Bearer {self._page_token.reveal()}"}


def _secret(value: str | Secret, name: str) -> Secret:
    return value if isinstance(value, Secret) else Secret(value, name)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
