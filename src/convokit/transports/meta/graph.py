"""Calls to the Graph API: the token in a header, answers read, refusals raised."""

import logging
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from convokit.errors import Rejected
from convokit.transports.meta.errors import Codes
from convokit.transports.meta.profile import Profile
from convokit.transports.meta.render import Rendered
from convokit.wire.http import Answer, Client, Upload
from convokit.wire.signing import Secret

UPLOAD_SECONDS = 120.0

logger = logging.getLogger(__name__)


class Graph:
    """One version of the Graph API, for one token. Entered (`async with`) for the time of a run.

    Every call returns the answer's JSON, None where it is none.

    Args:
        channel: What errors name.
        url: The API's address, https.
        version: Its version, "v25.0".
        token: The access token.
        codes: What the product's errors mean.
        total: Seconds for a whole call; an upload gets 120 at least.
        transport: As in `Client`.

    Raises:
        RateLimited: The platform wants a pause.
        Rejected: Refused for good; `OutsideWindow` where that is why.
        Unreachable: No answer, or one that passes.
    """

    def __init__(
        self, channel: str, url: str, version: str, token: Secret, codes: Codes, *, total: float, transport: Any = None
    ) -> None:
        self.channel = channel
        self._url = url
        self._version = version
        self._token = token
        self._codes = codes
        self._total = total
        self._transport = transport
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        """Open the client."""
        client = Client(self.channel, self._url, total=self._total, transport=self._transport)
        self._client = await client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__(*exc)

    @property
    def headers(self) -> dict[str, str]:
        """What shows who calls. Never as a parameter of the address: addresses are logged on the way."""
        return {"authorization": f"Bearer {self._token.reveal()}"}

    async def get(self, path: str, what: str) -> Any:
        """GET a path below the version: "/me?fields=id"."""
        return self._good(await self._opened.get(f"/{self._version}{path}", headers=self.headers, what=what))

    async def post(self, path: str, body: object, what: str) -> Any:
        """POST JSON to a path below the version."""
        path = f"/{self._version}{path}"
        return self._good(await self._opened.post_json(path, body, headers=self.headers, what=what))

    async def upload(self, path: str, body: Mapping[str, Any], files: Mapping[str, Upload], what: str) -> Any:
        """POST fields and files as a form; what is no text in `body` goes as JSON."""
        answer = await self._opened.post_multipart(
            f"/{self._version}{path}",
            {name: one if isinstance(one, str) else msgspec.json.encode(one).decode() for name, one in body.items()},
            files,
            headers=self.headers,
            what=what,
            total=max(self._total, UPLOAD_SECONDS),
        )
        return self._good(answer)

    async def say(self, rendered: Rendered, what: str, *, sender: str = "me") -> str | None:
        """Send a rendered message from a page or account; returns the platform's id of it, where there is one."""
        path = f"/{sender}/messages"
        if rendered.upload is None:
            told = await self.post(path, rendered.body, what)
        else:
            told = await self.upload(path, rendered.body, {"filedata": rendered.upload}, what)
        found = told.get("message_id") if isinstance(told, dict) else None
        return found if isinstance(found, str) else None

    async def show(self, profile: Profile) -> None:
        """Give the platform what an account shows beside its messages. A refusal is logged: the messages go on."""
        try:
            await self.post("/me/messenger_profile", profile.body(), "profile")
        except Rejected as problem:  # asked again it would say the same
            logger.error("channel=%s its greeting, questions and menu are not shown: %s", self.channel, problem)  # noqa: TRY400  the words say it all

    def _good(self, answer: Answer) -> Any:
        error = self._codes.failure(self.channel, answer, self._token)
        if error is not None:
            raise error
        return answer.json()

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise RuntimeError(f"{self.channel}: the transport is not open; calls are made inside `async with`")
        return self._client
