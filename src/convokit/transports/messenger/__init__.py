"""Facebook Messenger: the Messenger Platform's webhooks and its Send API."""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self
from urllib.parse import quote

from convokit.abc import Accept, Finding, Proof, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Rejected, TransportError
from convokit.messages import Action, Attachment, Capabilities, Message
from convokit.transports.messenger.errors import CODES
from convokit.transports.messenger.parse import reader
from convokit.transports.messenger.render import CAPABILITIES, RENDERER
from convokit.transports.meta import door, files
from convokit.transports.meta.graph import Graph
from convokit.transports.meta.profile import Profile
from convokit.transports.meta.render import UnfitError
from convokit.wire.http import TOTAL_SECONDS, check_base_url
from convokit.wire.signing import Secret

__all__ = ["Messenger"]

SUBSCRIPTIONS = (
    "messages",
    "messaging_postbacks",
    "messaging_referrals",
    "message_echoes",
    "message_deliveries",
    "message_reads",
)
"""The webhook fields that the page must be subscribed to; without `message_echoes` uncertain sends are sent again."""
WINDOW = timedelta(hours=24)
HUMAN_WINDOW = timedelta(days=7)
HUMAN_TAG = "HUMAN_AGENT"
TAGGED = {HUMAN_TAG: HUMAN_WINDOW, "CUSTOMER_FEEDBACK": timedelta(days=7)}
"""For how long after a customer's word a tag lets something be sent; what is not told is not bounded here."""
WITHDRAWN = frozenset({"ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"})

_PAGE = re.compile(r"[0-9]{1,20}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9.]{1,100}", re.ASCII)
_REF = re.compile(r"[A-Za-z0-9_=-]{1,250}", re.ASCII)
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
        page_name: The page's name in its address, for links: "CornerBakery", as in m.me/CornerBakery. Empty: `page_id`
            stands in them.
        channel: The channel's name.
        api_version: The Graph API's version.
        api_url: The Graph API's address.
        greeting: What people read before they write, at most 160 characters. Like the next two it is given to the
            platform when a run starts, with the start button; what is empty stays as it is there.
        ice_breakers: At most 4 questions shown to who has not written yet, as `Button`s or strings; they come as
            `ButtonPressed`.
        menu: `Button`s and `Link`s of the menu that is always there.
        tag: A message tag for everything that is sent, outside the 24 hours too. The platform allows "HUMAN_AGENT"
            for 7 days, with a permission it reviews, and only for what a person wrote. Empty: answers.
        human_tag: Whether what operators say may go out for 7 days, with the tag HUMAN_AGENT: a permission that the
            platform reviews. Without it 24 hours hold for them too. What the bot says is not tagged.
        get_started: The payload of the page's start button; it comes as `ConversationOpened`.
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
        page_token: str | Secret,
        app_secret: str | Secret,
        verify_token: str | Secret,
        *,
        page_id: str = "",
        page_name: str = "",
        channel: str = "messenger",
        api_version: str = "v25.0",
        api_url: str = "https://graph.facebook.com",
        greeting: str = "",
        ice_breakers: Iterable[Action | str] = (),
        menu: Iterable[Action | str] = (),
        tag: str = "",
        human_tag: bool = False,
        get_started: str = "GET_STARTED",
        timeout: float = TOTAL_SECONDS,
        http_transport: Any = None,
    ) -> None:
        self._page_token = door.secret(page_token, "page_token")
        self._app_secret = door.secret(app_secret, "app_secret")
        self._verify_token = door.secret(verify_token, "verify_token")
        self._page_id = page_id
        self._page_name = page_name
        self.channel = channel
        self._api_version = api_version
        self._api_url = api_url
        self._tag = tag
        self._profile = Profile(
            platform="messenger", ice_breakers=ice_breakers, menu=menu, greeting=greeting, get_started=get_started
        )
        self.window = TAGGED.get(tag) if tag else WINDOW
        self.operators_window = HUMAN_WINDOW if human_tag and not tag else None
        self._door = door.Door(channel=channel, app_secrets=(self._app_secret,), verify_token=self._verify_token)
        self._reader = reader(channel, page_id, get_started)
        self._http_transport = http_transport
        self._graph = Graph(
            channel, api_url, api_version, self._page_token, CODES, total=timeout, transport=http_transport
        )

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With MESSENGER_PAGE_TOKEN, MESSENGER_APP_SECRET, MESSENGER_VERIFY_TOKEN.

        And, if set, MESSENGER_PAGE_ID and MESSENGER_PAGE_NAME.

        `MESSENGER_API_URL`, if set, is used in place of the Graph API's address: for a double of the platform.

        Missing ones are told by `check`, when the bot starts: the bot's module can be imported anywhere.

        Args:
            **settings: As in the constructor.
        """
        settings.setdefault("page_id", os.environ.get("MESSENGER_PAGE_ID", "").strip())
        settings.setdefault("page_name", os.environ.get("MESSENGER_PAGE_NAME", "").strip())
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
        door.check_set(
            self.channel,
            (self._page_token, "the app's dashboard, Messenger, access tokens"),
            (self._app_secret, "the app's dashboard, settings, basic"),
            (self._verify_token, "your own choice, repeated where the webhook is entered"),
        )
        self._door.check()
        door.check_version(self.channel, self._api_version)
        for name, value, pattern, like in (
            ("page_id", self._page_id, _PAGE, "digits"),
            ("page_name", self._page_name, _NAME, '"CornerBakery", as in m.me/CornerBakery'),
            ("tag", self._tag, _TAG, '"HUMAN_AGENT"'),
        ):
            if value and not pattern.fullmatch(value):
                raise DefinitionError(f"{self.channel}: {name} reads like {like}, not {value!r:.60}")
        if self._tag in WITHDRAWN:
            raise DefinitionError(f"{self.channel}: the platform withdrew the tag {self._tag} in April 2026")
        if told := self._profile.wrong():
            raise DefinitionError(f"{self.channel}: {told}")
        check_base_url(self.channel, self._api_url)

    async def __aenter__(self) -> Self:
        """Open the client."""
        await self._graph.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        await self._graph.__aexit__(*exc)

    async def run(self, accept: Accept) -> None:
        """Show the greeting, the ice breakers and the menu that are set; then there is nothing to listen to."""
        del accept
        if self._profile:
            await self._graph.show(self._profile)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        """Verify and read one webhook call; see `Transport.receive`."""
        return self._door.enter(request) or self._reader.read(request.body, request.at)

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message; see `Transport.send`."""
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say a fitted message; `key` travels as metadata and comes back in the echo. See `Transport.send_keyed`."""
        return await self._say(to, message, key, self._tag)

    async def send_late(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say an operator's words after the 24 hours, with the tag HUMAN_AGENT. See `Transport.send_late`."""
        return await self._say(to, message, key, HUMAN_TAG)

    async def _say(self, to: ConversationId, message: Message, key: str, tag: str) -> str | None:
        try:
            rendered = RENDERER.say(to, message, key=key, tag=tag)
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        return await self._graph.say(rendered, "send", sender=self._page)

    async def show_typing(self, to: ConversationId) -> None:
        """Show "typing…" for about 20 seconds, or until the next message."""
        try:
            rendered = RENDERER.typing(to)
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        await self._graph.say(rendered, "typing", sender=self._page)

    def link(self, ref: str) -> str:
        """`https://m.me/<page>?ref=<ref>`; Messenger carries 250 letters, digits, "-", "_" and "="."""
        page = self._page_name or self._page_id
        if not page:
            raise DefinitionError(
                f"{self.channel}: a link needs the page: page_name='CornerBakery' or page_id='1234…', or "
                "MESSENGER_PAGE_NAME or MESSENGER_PAGE_ID"
            )
        if not _REF.fullmatch(ref):
            raise DefinitionError(
                f'{self.channel}: a ref has 1 to 250 letters, digits, "-", "_" and "=" at Messenger, not {ref!r:.80}'
            )
        return f"https://m.me/{page}?ref={quote(ref)}"

    async def download(self, attachment: Attachment, most: int) -> bytes:
        """The bytes of what a customer sent, from Meta's own addresses. See `Transport.download`."""
        return await files.download(self.channel, attachment, most, transport=self._http_transport)

    async def examine(self) -> Sequence[Finding]:
        """Whose token it is, and which events the page is subscribed to."""
        try:
            me = await self._graph.get("/me?fields=id,name", "who am I")
            subscribed = await self._graph.get(f"/{self._page}/subscribed_apps", "subscriptions")
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
