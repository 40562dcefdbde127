"""The Bot API's calls: one method each, and its answers as values or errors."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from convokit.errors import RateLimited, Rejected, TransportError, Unreachable
from convokit.transports.telegram.parse import ALLOWED_UPDATES
from convokit.transports.telegram.render import Call
from convokit.wire.http import Answer, Client, retry_after
from convokit.wire.signing import Secret, whole
from convokit.wire.text import scrub

LONG_POLL_SECONDS = 50  # the server caps it there
_FILE_PATH = re.compile(r"[\w./ -]{1,512}", re.ASCII)
_UNSURE = "the answer is not the Bot API's"
_NOT_FETCHED = ("http url", "webpage_", "web page", "wrong file identifier", "wrong type of the web")


class MovedError(Rejected):
    """The group became a supergroup with another id: `chat`."""

    def __init__(self, channel: str, reason: str, chat: int) -> None:
        super().__init__(channel, reason)
        self.chat = chat


class NotFetchedError(Rejected):
    """Telegram could not fetch a file from the address it was given."""


class BotApi:
    """The Bot API for one bot, over an open client.

    Args:
        channel: What errors name.
        token: The bot's token; it goes into the path and nowhere else.
        client: Bound to the API's address.
        upload: Seconds for a call that brings files.
    """

    def __init__(self, channel: str, token: Secret, client: Client, *, upload: float) -> None:
        self._channel = channel
        self._token = token
        self._client = client
        self._upload = upload

    async def call(self, method: str, body: Mapping[str, Any] | None = None, *, total: float | None = None) -> Any:
        """The `result` of a call with JSON parameters; `total` replaces the time-out, in seconds.

        Raises:
            Unreachable: No answer, or a server's error; 409 too: another process polls, or a webhook is set.
            RateLimited: 429, with the pause asked for.
            Rejected: Refused for good.
        """
        answer = await self._client.post_json(self._path(method), body or {}, what=method, total=total)
        return self._result(method, answer)

    async def say(self, call: Call) -> str | None:
        """Make a rendered call. Returns the id of the message, of an album's first. Raises as `call`."""
        if call.files:
            answer = await self._client.post_multipart(
                self._path(call.method), call.fields(), call.files, what=call.method, total=self._upload
            )
            result = self._result(call.method, answer)
        else:
            result = await self.call(call.method, call.body)
        first = result[0] if isinstance(result, list) and result else result
        sent = whole(first.get("message_id")) if isinstance(first, dict) else None
        return None if sent is None else str(sent)

    async def updates(self, offset: int | None) -> Sequence[Any]:
        """What waits from `offset` on; waits up to 50 seconds for something. Raises as `call`."""
        body: dict[str, Any] = {"timeout": LONG_POLL_SECONDS, "limit": 100, "allowed_updates": ALLOWED_UPDATES}
        if offset is not None:
            body["offset"] = offset
        found = await self.call("getUpdates", body, total=LONG_POLL_SECONDS + 15.0)
        return found if isinstance(found, list) else ()

    async def file(self, file_id: str, most: int) -> bytes:
        """The bytes of a file that a customer sent, at most `most`.

        Raises:
            Rejected: It has more than Telegram gives out (20 MB) or than `most`, or is not there any more.
            Unreachable: No answer.
            RateLimited: 429.
        """
        found = await self.call("getFile", {"file_id": file_id})
        path, size = (found.get("file_path"), found.get("file_size")) if isinstance(found, dict) else (None, None)
        if not isinstance(path, str) or not _FILE_PATH.fullmatch(path) or ".." in path:
            raise Rejected(self._channel, "getFile: the platform gives no path to it: it is too large, or gone")
        if isinstance(size, int) and size > most:
            raise Rejected(self._channel, f"getFile: it has {size} bytes, more than the {most} that are taken")
        address = f"/file/bot{self._token.reveal()}/{path}"
        answer = await self._client.get(address, what="download", total=self._upload, most=most)
        if not answer.ok:
            raise self._refusal("download", answer, {})
        return answer.body

    def _path(self, method: str) -> str:
        return f"/bot{self._token.reveal()}/{method}"

    def _result(self, method: str, answer: Answer) -> Any:
        said = answer.json()
        if isinstance(said, dict) and said.get("ok") is True and answer.ok:
            return said.get("result")
        raise self._refusal(method, answer, said if isinstance(said, dict) else {})

    def _refusal(self, method: str, answer: Answer, said: dict[str, Any]) -> TransportError:
        code = answer.status if not answer.ok else whole(said.get("error_code")) or 0
        reason = f"{method}: {self._description(said, code)}"
        hints = said.get("parameters") if isinstance(said.get("parameters"), dict) else {}
        pause = retry_after(hints.get("retry_after")) if isinstance(hints, dict) else None
        moved = whole(hints.get("migrate_to_chat_id")) if isinstance(hints, dict) else None
        if code == 429:  # noqa: PLR2004  HTTP's own numbers
            return RateLimited(
                self._channel, reason, retry_after=pause or retry_after(answer.headers.get("retry-after"))
            )
        if moved is not None:
            return MovedError(self._channel, reason, moved)
        if code in (401, 404):
            return Rejected(
                self._channel, f"{method}: the token is not valid any more: give the one that @BotFather shows"
            )
        if code in (408, 409, 503):
            return Unreachable(self._channel, reason)
        if code >= 500 or code < 300:  # noqa: PLR2004  HTTP's own numbers
            return Unreachable(self._channel, reason if code else f"{method}: {_UNSURE}", maybe_sent=True)
        description = reason.lower()
        if code == 403 and "blocked by the user" in description:  # noqa: PLR2004  HTTP's own numbers
            return Rejected(self._channel, "blocked by the user")
        if code == 400 and any(words in description for words in _NOT_FETCHED):  # noqa: PLR2004  HTTP's own numbers
            return NotFetchedError(self._channel, reason)
        return Rejected(self._channel, reason)

    def _description(self, said: dict[str, Any], code: int) -> str:
        words = said.get("description")
        if not isinstance(words, str) or not words:
            return f"answered {code}"
        # A platform's sentence is a stranger's text: bounded, and without the token should it ever quote the address.
        return scrub(words.replace(self._token.reveal(), "***"))[:200]
