"""Calls to platforms' APIs: the one module that touches httpx.

Never a redirect, never a proxy from the environment, TLS always verified, answers bounded in bytes and time, and no
URL in a log or an error: URLs and headers carry tokens.
"""

import logging
import re
import ssl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

import anyio
import msgspec
from attrs import field, frozen

from convokit.errors import DefinitionError, RateLimited, Rejected, Unreachable
from convokit.wire.lenient import read_json
from convokit.wire.signing import digits

if TYPE_CHECKING:
    import httpx  # only for annotations: importing it costs 100 ms

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0
ANSWER_BYTES = 1 << 20
CONNECTIONS = 32
MOST_REDIRECTS = 3
"""How many redirects `fetch` follows."""
HEADERS = {"accept-encoding": "identity", "user-agent": "convokit"}

_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*", re.ASCII)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(; ?[\w-]+=[\w.+-]+)*", re.ASCII)
_LOGGERS = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")
_calling: ContextVar[bool] = ContextVar("convokit_calling", default=False)


class _Quiet(logging.Filter):
    """Drops what httpx and httpcore log about our calls, and lets their records about the host app's own pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        return not _calling.get()


_quiet = _Quiet()


@frozen
class Answer:
    """What a platform answered: the status, the headers with lower-case names, and the body (at most the cap)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body read as JSON; None when it is none."""
        try:
            return read_json(self.body)
        except ValueError:
            return None

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300  # noqa: PLR2004  HTTP's own numbers


@frozen(kw_only=True)
class Upload:
    """One file of a multipart body."""

    data: bytes = field(repr=False)
    name: str = "file"
    media_type: str = "application/octet-stream"


def retry_after(value: object) -> float | None:
    """The pause in seconds that a platform asks for, clamped to 1 second to 1 hour; None when it names none.

    Takes a `Retry-After` header or a number from a body. Digits only: a date, a fraction or "9e9" is none.
    """
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    seconds = digits(value.strip()) if isinstance(value, str) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        return None
    return float(min(max(seconds, 1), 3600))


def check_base_url(channel: str, url: str) -> str:
    """The address of a platform's API, without a slash at its end. Pure.

    Raises:
        DefinitionError: It is neither https nor http on a loopback address, or holds a user, query or fragment.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise DefinitionError(f"{channel}: {url!r:.80} is not an address") from None
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise DefinitionError(f"{channel}: an API's address reads https://host/path, not {url!r:.80}")
    if parts.scheme == "http" and not _loopback(host):
        raise DefinitionError(f"{channel}: {url!r:.80} must begin with https://; http is only for this machine itself")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@frozen(kw_only=True)
class _Call:
    """One request, and how far it came."""

    method: str
    path: str
    what: str
    headers: Mapping[str, str]
    content: bytes | None = None
    fields: Mapping[str, str] | None = None
    files: Mapping[str, Upload] | None = None
    most: int | None = None


class _Progress:
    """Whether the first byte of a request may have left."""

    __slots__ = ("sending",)

    def __init__(self) -> None:
        self.sending = False

    async def trace(self, name: str, _: Mapping[str, Any]) -> None:
        if name.endswith("send_request_headers.started"):
            self.sending = True


class Client:
    """A small HTTP client bound to one platform's address. Entered (`async with`) for the time of a run.

    Up to `connections` calls are under way at once, each on a connection of its own, the most recently used first:
    one shared httpx client falls to a third of the calls per second at 32 in flight.

    Args:
        channel: What errors name.
        base_url: https, or http on a loopback address. Absolute URLs handed to the calls must begin with it, so that
            no credential travels to another host.
        connect: Seconds for a connection with its TLS handshake.
        total: Seconds for a whole call.
        connections: Most calls under way at once, from 1.
        answer_bytes: The longest answer that is read.
        transport: An `httpx.AsyncBaseTransport` instead of the network, for tests.

    Raises:
        DefinitionError: `base_url` is not such an address.
    """

    def __init__(
        self,
        channel: str,
        base_url: str,
        *,
        connect: float = CONNECT_SECONDS,
        total: float = TOTAL_SECONDS,
        connections: int = CONNECTIONS,
        answer_bytes: int = ANSWER_BYTES,
        transport: Any = None,
    ) -> None:
        self._channel = channel
        self._base_url = check_base_url(channel, base_url)
        self._connect = connect
        self._total = total
        self._connections = connections
        self._answer_bytes = answer_bytes
        self._transport = transport
        self._idle: list[httpx.AsyncClient] = []
        self._free: anyio.Semaphore | None = None
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        import httpx  # noqa: PLC0415  late: it costs 100 ms that `import convokit` must not pay

        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_quiet)
        # Without https the context is never used; a bare one verifies too, and spares loading the roots (23 ms).
        https = self._base_url.startswith("https://")
        self._tls = httpx.create_ssl_context(trust_env=False) if https else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._free = anyio.Semaphore(self._connections)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._free = None
        with anyio.CancelScope(shield=True):
            while self._idle:
                await self._idle.pop().aclose()

    async def get(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        what: str = "GET",
        total: float | None = None,
        most: int | None = None,
    ) -> Answer:
        """GET. `what` names the call in errors, `total` replaces the time-out. Raises as `post_json`.

        With `most`, an answer of more bytes than that is `Rejected`: asked for again it would be no shorter.
        """
        return await self._run(_Call(method="GET", path=path, what=what, headers=headers or {}, most=most), total)

    async def post_json(
        self,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        what: str = "POST",
        total: float | None = None,
    ) -> Answer:
        """POST `body` as JSON and read the answer, whatever its status.

        Args:
            path: What follows the base URL, beginning with "/", or an absolute URL that begins with the base URL.
            body: JSON values.
            headers: Further headers.
            what: The call's name in errors; never a URL.
            total: Seconds for this call instead of the client's.

        Raises:
            Unreachable: No connection, no answer in time, or an answer that is too long or compressed; `maybe_sent`
                says whether the request may have arrived.
            Rejected: `body` cannot be written as JSON.
        """
        try:
            content = msgspec.json.encode(body)
        except (TypeError, ValueError, RecursionError) as error:
            raise Rejected(self._channel, f"{what}: cannot be written as JSON ({type(error).__name__})") from None
        call = _Call(
            method="POST",
            path=path,
            what=what,
            headers={"content-type": "application/json", **(headers or {})},
            content=content,
        )
        return await self._run(call, total)

    async def post_form(
        self,
        path: str,
        fields: Sequence[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        what: str = "POST",
        total: float | None = None,
    ) -> Answer:
        """POST fields, whose names may repeat, as application/x-www-form-urlencoded. Otherwise as `post_json`."""
        try:
            content = urlencode(fields).encode()
        except UnicodeEncodeError:
            raise Rejected(self._channel, f"{what}: a field cannot be written as UTF-8") from None
        kind = {"content-type": "application/x-www-form-urlencoded"}
        call = _Call(method="POST", path=path, what=what, headers={**kind, **(headers or {})}, content=content)
        return await self._run(call, total)

    async def post_multipart(
        self,
        path: str,
        fields: Mapping[str, str],
        files: Mapping[str, Upload],
        *,
        headers: Mapping[str, str] | None = None,
        what: str = "POST",
        total: float | None = None,
    ) -> Answer:
        """POST fields and files as multipart/form-data. Arguments and errors as `post_json`."""
        try:
            "".join([*fields.values(), *(file.name for file in files.values())]).encode()
        except UnicodeEncodeError:
            raise Rejected(self._channel, f"{what}: a field cannot be written as UTF-8") from None
        call = _Call(method="POST", path=path, what=what, headers=headers or {}, fields=fields, files=files)
        return await self._run(call, total)

    async def _run(self, call: _Call, total: float | None) -> Answer:
        progress = _Progress()
        answer: Answer | None = None
        trouble = "no answer in time"
        with anyio.move_on_after(self._total if total is None else total):
            answer, trouble = await self._attempt(call, progress)
        if answer is None:
            # Raised here, outside any except block: httpx's exceptions hold the request, and it the token.
            raise Unreachable(self._channel, f"{call.what}: {trouble}", maybe_sent=progress.sending)
        return answer

    async def _attempt(self, call: _Call, progress: _Progress) -> tuple[Answer | None, str]:
        import httpx  # noqa: PLC0415  late, as above

        never_left = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
        token = _calling.set(True)
        try:
            async with self._client() as client:
                # A transport handed in tells nothing of its progress: suppose that it sends at once.
                progress.sending = self._transport is not None
                return await self._exchange(client, call, progress)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if isinstance(error, never_left):
                progress.sending = False
            return None, _words(type(error).__name__)
        finally:
            _calling.reset(token)

    async def _exchange(
        self, client: "httpx.AsyncClient", call: _Call, progress: _Progress
    ) -> tuple[Answer | None, str]:
        files = {
            name: (file.name, file.data, _media_type(file.media_type)) for name, file in (call.files or {}).items()
        }
        async with client.stream(
            call.method,
            self._url(call.path),
            headers=dict(call.headers),
            content=call.content,
            data=dict(call.fields) if call.fields else None,
            files=files or None,
            extensions={"trace": progress.trace},
        ) as response:
            if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
                return None, "the answer is compressed, which was not asked for"
            if response.is_stream_consumed:  # a test's double that answers in one piece
                return Answer(response.status_code, dict(response.headers.items()), response.content), ""
            most = self._answer_bytes if call.most is None else call.most
            body = await self._bounded(response, most)
            if body is None and call.most is not None:
                raise Rejected(self._channel, f"{call.what}: it has more than the {most} bytes that are taken")
            if body is None:
                return None, f"the answer is longer than {most} bytes"
            return Answer(response.status_code, dict(response.headers.items()), body), ""

    async def _bounded(self, response: "httpx.Response", most: int) -> bytes | None:
        """The body; None when it is longer than `most` bytes."""
        body = bytearray()
        # Leaving the loop early would leave httpx's chain of generators unfinished, which trio reports: cancelling
        # the read from inside unwinds them all.
        with anyio.CancelScope() as cut:
            async for chunk in response.aiter_raw():
                if len(body) + len(chunk) > most:
                    cut.cancel()
                else:
                    body += chunk
        return None if cut.cancel_called else bytes(body)

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self._base_url + path
        if path.startswith(self._base_url + "/"):
            return path
        raise ValueError(f"{self._channel}: a call goes to a path or to the client's own base URL, nowhere else")

    @asynccontextmanager
    async def _client(self) -> AsyncIterator["httpx.AsyncClient"]:
        free = self._free
        if free is None:
            raise RuntimeError(f"{self._channel}: the client is not open; calls are made inside `async with`")
        async with free:
            client = self._idle.pop() if self._idle else self._open()
            sound = False
            try:
                yield client
                sound = self._free is free
            finally:
                # After an error, a cancellation or our own exit the connection's state is anybody's guess.
                if sound:
                    self._idle.append(client)
                else:
                    with anyio.CancelScope(shield=True):
                        await client.aclose()

    def _open(self) -> "httpx.AsyncClient":
        import httpx  # noqa: PLC0415  late, as above

        return httpx.AsyncClient(
            transport=self._transport,
            verify=self._tls or True,
            trust_env=False,
            follow_redirects=False,
            headers=HEADERS,
            timeout=httpx.Timeout(None, connect=self._connect),  # the rest is the call's deadline
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )


async def fetch(
    channel: str,
    url: str,
    *,
    hosts: Collection[str],
    most: int,
    headers: Mapping[str, str] | None = None,
    what: str = "download",
    total: float = 60.0,
    transport: Any = None,
) -> bytes:
    """The bytes of a file that lies at a platform's own address.

    Args:
        channel: What errors name.
        url: https on its own port, or http on a loopback address that is in `hosts`.
        hosts: Where files of this platform lie: "lookaside.fbsbx.com" is that host, ".fbcdn.net" all below it.
            Anything else is refused, before a connection is made and at each of at most 3 redirects.
        most: How many bytes are taken at most.
        headers: Further headers; they go to the first host only.
        what: The call's name in errors; never a URL.
        total: Seconds for each of the calls.
        transport: As in `Client`.

    Raises:
        Rejected: An address that is not the platform's, a file that is too large, or a refusal.
        RateLimited: The platform wants a pause.
        Unreachable: No answer.
    """
    first = there = ""
    for _ in range(1 + MOST_REDIRECTS):
        try:
            parts = urlsplit(urljoin(url, there))
            url = urlunsplit(parts._replace(path=parts.path or "/", fragment=""))
            url.encode()
            trusted = _of_platform(parts, hosts)
        except ValueError:
            raise Rejected(channel, f"{what}: its address cannot be read") from None
        if not trusted:
            raise Rejected(channel, f"{what}: its address is not the platform's ({parts.hostname or ''!r:.80})")
        first = first or parts.netloc
        own = headers if parts.netloc == first else None
        async with Client(channel, f"{parts.scheme}://{parts.netloc}", total=total, transport=transport) as client:
            answer = await client.get(url, headers=own, what=what, most=most)
        if answer.ok:
            return answer.body
        if answer.status in {301, 302, 303, 307, 308} and (there := answer.headers.get("location", "")):
            continue
        if answer.status == 429:  # noqa: PLR2004  HTTP's own number
            raise RateLimited(channel, f"{what}: too many", retry_after=retry_after(answer.headers.get("retry-after")))
        if answer.status >= 500:  # noqa: PLR2004  see above
            raise Unreachable(channel, f"{what}: the platform answered {answer.status}")
        raise Rejected(channel, f"{what}: the platform answered {answer.status}")
    raise Rejected(channel, f"{what}: more than {MOST_REDIRECTS} redirects")


def _of_platform(parts: SplitResult, hosts: Collection[str]) -> bool:
    """Whether an address is one of a platform's own.

    Raises:
        ValueError: Its port is no number.
    """
    host = (parts.hostname or "").lower()
    if "@" in parts.netloc or not any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts):
        return False
    if _loopback(host):
        return parts.scheme in ("http", "https")
    # What is no host's name is none of the platform's either, however it ends: "evil.example\\.fbcdn.net".
    return parts.scheme == "https" and parts.port in (None, 443) and _HOST.fullmatch(host) is not None


def _media_type(given: str) -> str:
    return given if _MEDIA_TYPE.fullmatch(given) else "application/octet-stream"


_WORDS: dict[str, str] = {
    "ConnectError": "no connection",
    "ConnectTimeout": "no connection in time",
    "ReadTimeout": "no answer in time",
    "WriteTimeout": "the request could not be written in time",
    "RemoteProtocolError": "the connection was dropped, or the answer is not HTTP",
    "ReadError": "the connection was dropped while reading the answer",
    "WriteError": "the connection was dropped while writing the request",
    "LocalProtocolError": "the request is not HTTP",
}


def _words(error: str) -> str:
    return _WORDS.get(error, error)
