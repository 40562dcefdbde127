"""A Twilio account: who calls whom with which credentials, and under which address we are called. No I/O of its own.

Facts: twilio/twilio-oai `twilio_api_v2010.json` (April 2026); Twilio, REST API authentication.
"""

import os
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from convokit.abc import Finding, Request
from convokit.errors import DefinitionError, Forged, TransportError
from convokit.transports.twilio.errors import failure
from convokit.transports.twilio.signature import Form, read_form
from convokit.wire.http import Answer, Client, check_base_url
from convokit.wire.signing import Secret

API_URL = "https://api.twilio.com"
SHORTEST_TOKEN = 16
VERSION = "2010-04-01"

_SID = re.compile(r"AC[0-9a-fA-F]{32}", re.ASCII)
_KEY = re.compile(r"SK[0-9a-fA-F]{32}", re.ASCII)


def _auth_token(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value, "auth_token")


def _api_secret(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value, "api_secret")


def _without_slash(value: str) -> str:
    return value.rstrip("/")


@frozen(kw_only=True)
class Account:
    """A Twilio account's credentials and addresses.

    Args:
        sid: The account's id: "AC" and 32 hex digits.
        token: Its auth token, with which the platform signs what it sends us.
        api_key: An API key's id ("SK…") for our calls to the platform; empty: the account's id.
        api_secret: That key's secret; left out: the auth token.
        public_url: The https address under which the bot's webhooks are reached from outside, without the channel. The
            platform signs the address that it calls: this and nothing in a request says which that is.
        api_url: The API's address.
    """

    sid: str
    token: Secret = field(converter=_auth_token)
    api_key: str = ""
    api_secret: Secret = field(default=Secret.unset("api_secret"), converter=_api_secret)
    public_url: str = field(converter=_without_slash)
    api_url: str = API_URL

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_PUBLIC_URL.

        TWILIO_API_KEY with TWILIO_API_SECRET, and TWILIO_API_URL, are read where they are set. What is missing is told
        by `check`, when the bot starts.
        """
        for name, variable in (
            ("sid", "TWILIO_ACCOUNT_SID"),
            ("api_key", "TWILIO_API_KEY"),
            ("public_url", "TWILIO_PUBLIC_URL"),
            ("api_url", "TWILIO_API_URL"),
        ):
            value = os.environ.get(variable, "").strip()
            if value or name in {"sid", "public_url"}:
                settings.setdefault(name, value)
        settings.setdefault("token", Secret.from_env("TWILIO_AUTH_TOKEN"))
        settings.setdefault("api_secret", Secret.from_env("TWILIO_API_SECRET"))
        return cls(**settings)

    def check(self, channel: str) -> None:
        """Look at what was given.

        Raises:
            DefinitionError: Something is missing or wrong; the message names it and the way out.
        """
        if not _SID.fullmatch(self.sid):
            raise DefinitionError(
                f'{channel}: TWILIO_ACCOUNT_SID reads "AC" and 32 hex digits, not {self.sid!r:.60}; '
                "it stands on the first page of Twilio's console"
            )
        if not self.token:
            raise DefinitionError(
                f"{channel}: {self.token.name} is not set; it stands on the first page of Twilio's console"
            )
        if len(self.token.reveal()) < SHORTEST_TOKEN:
            raise DefinitionError(
                f"{channel}: {self.token.name} is shorter than {SHORTEST_TOKEN} characters, so it is not the auth token"
                " that Twilio's console shows: with a guessable one anybody can speak as a customer"
            )
        if bool(self.api_key) != bool(self.api_secret) or (self.api_key and not _KEY.fullmatch(self.api_key)):
            raise DefinitionError(
                f'{channel}: TWILIO_API_KEY ("SK" and 32 hex digits) and TWILIO_API_SECRET come together; '
                "leave both out to call with the auth token"
            )
        self._check_public_url(channel)
        check_base_url(channel, self.api_url)

    def _check_public_url(self, channel: str) -> None:
        try:
            parts = urlsplit(self.public_url)
            good = parts.scheme in {"https", "http"} and parts.hostname and "@" not in parts.netloc
            good, _ = bool(good) and not parts.query and not parts.fragment, parts.port
        except ValueError:
            good = False
        if not good or not self.public_url.isascii():
            raise DefinitionError(
                f"{channel}: TWILIO_PUBLIC_URL must read https://host/path, the address under which Twilio reaches the "
                f"bot's webhooks without the channel, not {self.public_url!r:.80}: Twilio signs the address it calls"
            )

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def address(self, channel: str, path: str = "") -> str:
        """The address under which the platform calls a transport."""
        return f"{self.public_url}/{quote(channel)}{path}"

    def read(self, channel: str, request: Request) -> Form:
        """What a call carries, once its signature is found good.

        Raises:
            Forged: It is not.
        """
        token = self.token.reveal().encode() if self.token else b""
        form = read_form(request, self.address(channel), token) if self.public_url else None
        if form is None:
            raise Forged(channel)
        return form

    def owns(self, form: Form) -> bool:
        """Whether a call is about this account: a call that names another one is not ours."""
        return form.get("AccountSid") in {"", self.sid}

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def headers(self) -> dict[str, str]:
        """What proves to the platform who calls."""
        user, secret = (self.api_key, self.api_secret) if self.api_key else (self.sid, self.token)
        return {"authorization": "Basic " + b64encode(f"{user}:{secret.reveal()}".encode()).decode()}

    def path(self, resource: str = "") -> str:
        """Where something of the account lies: `path("/Messages.json")`."""
        return f"/{VERSION}/Accounts/{self.sid}{resource}"

    async def post(
        self, channel: str, client: Client, resource: str, fields: Sequence[tuple[str, str]], *, what: str
    ) -> Answer:
        """POST a form to something of the account.

        Raises:
            Rejected: Refused for good.
            RateLimited: The platform wants a pause.
            Unreachable: No answer, or none that tells what became of it.
        """
        return self.good(channel, await client.post_form(self.path(resource), fields, headers=self.headers, what=what))

    async def get(self, channel: str, client: Client, resource: str, *, what: str) -> Answer:
        """GET something of the account. Raises as `post`."""
        return self.good(channel, await client.get(self.path(resource), headers=self.headers, what=what))

    def good(self, channel: str, answer: Answer) -> Answer:
        """The answer, if it is a success; raises as `post`."""
        error = failure(channel, answer, self.token, self.api_secret)
        if error is not None:
            raise error
        return answer

    async def examine(self, channel: str, client: Client) -> Finding:
        """Whether the credentials are good: one line of `convokit doctor`."""
        try:
            told = (await self.get(channel, client, ".json", what="account")).json()
        except TransportError as error:
            return Finding(what="the Twilio account", ok=False, advice=str(error))
        name, status = (told.get("friendly_name"), told.get("status")) if isinstance(told, dict) else ("", "")
        active = status == "active"
        return Finding(
            what=f"the Twilio account {name!r:.80} is {status!r:.20}",
            ok=active,
            advice="" if active else "only an active account sends: see Twilio's console",
        )
