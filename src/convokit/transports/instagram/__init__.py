"""Instagram: an account's direct messages, by Instagram's own login or by that of Facebook and a linked page."""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from convokit.abc import Accept, Finding, Proof, Received, Request, Transport
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Rejected, TransportError
from convokit.events import Event, SignalReceived
from convokit.messages import Action, Attachment, Capabilities, Message
from convokit.transports.instagram.doctor import examined
from convokit.transports.instagram.errors import CODES
from convokit.transports.instagram.parse import COMMENTS, reader
from convokit.transports.instagram.render import CAPABILITIES, LIKE_HEART, RENDERER
from convokit.transports.meta import door, files
from convokit.transports.meta.graph import Graph
from convokit.transports.meta.profile import Profile
from convokit.transports.meta.render import UnfitError
from convokit.wire.http import TOTAL_SECONDS, check_base_url
from convokit.wire.signing import Secret

__all__ = ["LIKE_HEART", "Instagram"]

HOSTS = {"instagram": "https://graph.instagram.com", "facebook": "https://graph.facebook.com"}
"""Where the API is, by the login that the token comes from."""
WINDOW = timedelta(hours=24)
HUMAN_WINDOW = timedelta(days=7)
HUMAN_TAG = "HUMAN_AGENT"
COMMENT_WINDOW = timedelta(days=7)

_ACCOUNT = re.compile(r"[0-9]{1,20}", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}", re.ASCII)
_REF = re.compile(r"[A-Za-z0-9_=-]{1,250}", re.ASCII)


class Instagram(Transport):
    """A professional account's messages. A conversation is a person: its id is the Instagram-scoped id (IGSID).

    In the app's dashboard, point the webhook of the product Instagram to this transport's address, give it the
    `verify_token`, and subscribe to the fields in `doctor.SUBSCRIPTIONS`; `convokit doctor` tells what is missing.

    The account's own words come back as echoes. Ours prove that a send arrived. Those of other apps and of people in
    Instagram's inbox are `UnknownReceived("message_echo")`, of nobody.

    What a message is about stands in its event's `context`: `story` (an answer to one, or one that mentions the
    account), `shares` (posts and reels), `product`. Reactions, taken-back messages and comments are signals:
    `instagram.reaction`, `instagram.message_deleted`, `instagram.comment`. A comment happens in a conversation of its
    own, `comment:` and its id: one message said there, within 7 days, is the private reply to it.

    Args:
        token: The access token: the account's with Instagram's login, the page's with Facebook's.
        app_secret: The secret with which the platform signs; at least 16 bytes. With Instagram's login it is the
            "Instagram app secret", which is another one than the app's.
        verify_token: A word of your own, repeated in the dashboard where the webhook is entered.
        login: Where the token comes from: "instagram" or "facebook".
        meta_app_secret: The app's other secret, where it is not known which of the two signs: either one is taken.
        account_id: The account's id, as webhooks name it. Events for any other account of the same app are dropped.
            Empty: events for every account of the app are taken.
        username: The account's name, for links: "cornerbakery".
        ice_breakers: At most 4 questions shown to who has not written yet, as `Button`s or strings; they come as
            `ButtonPressed`. Given to the platform when a run starts. Empty: what is there stays.
        menu: `Button`s and `Link`s of the menu that is always there. As `ice_breakers`.
        human_tag: Whether what operators say may go out for 7 days, with the tag HUMAN_AGENT: a permission that the
            platform reviews. Without it 24 hours hold for them too.
        channel: The channel's name.
        api_version: The Graph API's version.
        api_url: The API's address; empty: that of the login.
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
        *,
        login: Literal["instagram", "facebook"] = "instagram",
        meta_app_secret: str | Secret = "",
        account_id: str = "",
        username: str = "",
        ice_breakers: Iterable[Action | str] = (),
        menu: Iterable[Action | str] = (),
        human_tag: bool = False,
        channel: str = "instagram",
        api_version: str = "v25.0",
        api_url: str = "",
        timeout: float = TOTAL_SECONDS,
        http_transport: Any = None,
    ) -> None:
        self._token = door.secret(token, "token")
        self._app_secret = door.secret(app_secret, "app_secret")
        self._verify_token = door.secret(verify_token, "verify_token")
        other = meta_app_secret or Secret.unset("meta_app_secret")
        secrets = (self._app_secret, door.secret(other, "meta_app_secret"))
        self._door = door.Door(channel=channel, app_secrets=secrets, verify_token=self._verify_token)
        self._login = login
        self._account_id = account_id
        self._username = username
        self._profile = Profile(platform="instagram", ice_breakers=ice_breakers, menu=menu)
        self.channel = channel
        self._api_version = api_version
        self._api_url = api_url or HOSTS.get(login, "")
        self._reader = reader(channel, account_id)
        self._http_transport = http_transport
        self._graph = Graph(
            channel, self._api_url, api_version, self._token, CODES, total=timeout, transport=http_transport
        )
        self.operators_window = HUMAN_WINDOW if human_tag else None

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With INSTAGRAM_TOKEN, INSTAGRAM_APP_SECRET and INSTAGRAM_VERIFY_TOKEN.

        And, if set, INSTAGRAM_LOGIN, INSTAGRAM_ACCOUNT_ID, INSTAGRAM_USERNAME and INSTAGRAM_META_APP_SECRET.
        `INSTAGRAM_API_URL`, if set, is used in place of the API's address: for a double of the platform.

        Missing ones are told by `check`, when the bot starts: the bot's module can be imported anywhere.

        Args:
            **settings: As in the constructor.
        """
        for name in ("login", "account_id", "username", "api_url"):
            if value := os.environ.get(f"INSTAGRAM_{name.upper()}", "").strip():
                settings.setdefault(name, value)
        settings.setdefault("meta_app_secret", Secret.from_env("INSTAGRAM_META_APP_SECRET"))
        return cls(
            Secret.from_env("INSTAGRAM_TOKEN"),
            Secret.from_env("INSTAGRAM_APP_SECRET"),
            Secret.from_env("INSTAGRAM_VERIFY_TOKEN"),
            **settings,
        )

    def __repr__(self) -> str:
        return f"Instagram(channel={self.channel!r}, login={self._login!r}, account_id={self._account_id!r})"

    def check(self) -> None:
        """Look at the settings; see `Transport.check`."""
        door.check_set(
            self.channel,
            (self._token, "the app's dashboard, Instagram, access tokens"),
            (self._app_secret, "the app's dashboard, Instagram, API setup (with Facebook's login: settings, basic)"),
            (self._verify_token, "your own choice, repeated where the webhook is entered"),
        )
        self._door.check()
        door.check_version(self.channel, self._api_version)
        if self._login not in HOSTS:
            raise DefinitionError(f'{self.channel}: login is "instagram" or "facebook", not {self._login!r:.60}')
        for name, value, pattern, like in (
            ("account_id", self._account_id, _ACCOUNT, "digits"),
            ("username", self._username, _USERNAME, '"cornerbakery", without "@"'),
        ):
            if value and not pattern.fullmatch(value):
                raise DefinitionError(f"{self.channel}: {name} reads like {like}, not {value!r:.60}")
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
        """Show the ice breakers and the menu that are set; then there is nothing to listen to."""
        del accept
        if self._profile:
            await self._graph.show(self._profile)

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, request: Request) -> Received:
        """Verify and read one webhook call; see `Transport.receive`."""
        return self._door.enter(request) or self._reader.read(request.body, request.at)

    def opens_window(self, event: Event) -> timedelta | None:
        """A comment may be answered for 7 days, anything said for 24 hours; see `Transport.opens_window`."""
        if isinstance(event, SignalReceived) and event.name == f"{self.channel}.{COMMENTS['comments']}":
            return COMMENT_WINDOW
        return super().opens_window(event)

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say a fitted message; see `Transport.send`."""
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say a fitted message; `key` travels as metadata and comes back in the echo. See `Transport.send_keyed`."""
        return await self._say(to, message, key, "")

    async def send_late(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say an operator's words after the 24 hours, with the tag HUMAN_AGENT. See `Transport.send_late`."""
        return await self._say(to, message, key, HUMAN_TAG)

    async def _say(self, to: ConversationId, message: Message, key: str, tag: str) -> str | None:
        try:
            rendered = RENDERER.say(to, message, key=key, tag=tag)
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        return await self._graph.say(rendered, "send")

    async def show_typing(self, to: ConversationId) -> None:
        """Show "typing…" for about 20 seconds, or until the next message."""
        try:
            rendered = RENDERER.typing(to)
        except UnfitError as error:
            raise Rejected(self.channel, str(error)) from None
        await self._graph.say(rendered, "typing")

    def link(self, ref: str) -> str:
        """`https://ig.me/m/<username>?ref=<ref>`; the account needs ice breakers for the ref to come back."""
        if not self._username:
            raise DefinitionError(
                f"{self.channel}: a link needs the account's name: username='cornerbakery', or INSTAGRAM_USERNAME"
            )
        if not _REF.fullmatch(ref):
            raise DefinitionError(
                f'{self.channel}: a ref has 1 to 250 letters, digits, "-", "_" and "=" at Instagram, not {ref!r:.80}'
            )
        return f"https://ig.me/m/{self._username}?ref={quote(ref)}"

    async def download(self, attachment: Attachment, most: int) -> bytes:
        """The bytes of what a customer sent, from Meta's own addresses. See `Transport.download`."""
        return await files.download(self.channel, attachment, most, transport=self._http_transport)

    async def examine(self) -> Sequence[Finding]:
        """Whose token it is, and which events come here."""
        try:
            return await examined(self._graph, self._login, self._account_id, links=bool(self._username))
        except TransportError as error:
            return (Finding(what="the token", ok=False, advice=str(error)),)
