"""The files that people send: taken in with bounds, known by their bytes, given out by links that are signed.

A file lies under a random name in a folder that is no web root; what is known of it lies on the store's shelf "files".
Starlette is imported when a file is served, and not before.
"""

import errno
import hashlib
import logging
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import anyio
import anyio.to_thread
from attrs import define, field, frozen

from convokit._value import Value
from convokit.abc import Clock, Store
from convokit.messages import ATTACHMENTS, Attachment, AttachmentKind
from convokit.wire import sniffing
from convokit.wire.codec import decode, decode_json, encode
from convokit.wire.disk import PIECE, Coming, Damaged, look, make_folder, pieces, sweep, unlink
from convokit.wire.naming import FILE_ID, disposition, new_id, plain_name
from convokit.wire.signing import digits, hmac_sha256, same

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

logger = logging.getLogger(__name__)

TYPES = frozenset(
    (
        *sniffing.INLINE,
        "image/heic",
        *(f"audio/{kind}" for kind in ("aac", "amr", "flac", "mp4", "mpeg", "ogg", "wav", "webm")),
        *(f"video/{kind}" for kind in ("3gpp", "mp4", "quicktime", "webm")),
        *(f"text/{kind}" for kind in ("calendar", "csv", "markdown", "plain", "vcard")),
        "application/pdf",
        *sniffing.OFFICE,
    )
)
"""What is taken in where nothing else is said: nothing that runs when it is opened."""
MOST_BYTES = 10 << 20
MOST_A_DAY = 50 << 20
LINK_SECONDS = 600
UPLOAD_SECONDS = 600.0
"""How long one file may take to arrive."""
_DRAIN_SECONDS = 10.0
_SHELF, _ASKED, _SPENT = "files", "file-cids", "file-quotas"
_GONE = "files-gone"
"""The shelf on which a store puts the ids of files that an erasure leaves behind."""
_CID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


class FileRefused(Exception):
    """A file is not taken in.

    Attributes:
        status: The HTTP status that says so.
        code: The page's word for it.
        figures: What the page tells its reader besides, as JSON.
    """

    status = 422
    code = "blocked"

    def __init__(self, reason: str, **figures: Any) -> None:
        super().__init__(reason)
        self.figures: Mapping[str, Any] = figures


class TooBig(FileRefused):
    """It has more bytes than allowed: 413, with the bound in bytes as `max`."""

    status, code = 413, "too_big"

    def __init__(self, most: int) -> None:
        super().__init__(f"a file may have {most} bytes", max=most)
        self.most = most


class WrongType(FileRefused):
    """Its bytes show a type that is not taken, or another one than it was declared as: 415, with what is `allowed`."""

    status, code = 415, "type"

    def __init__(self, allowed: Collection[str], found: str, declared: str) -> None:
        super().__init__(
            f"a file of the type {found or 'unknown'} that came as {declared or 'nothing in particular'} is not taken",
            allowed=sorted(allowed),
        )
        self.allowed = tuple(sorted(allowed))
        self.found = found


class Empty(FileRefused):
    """It has no bytes: 422."""

    code = "empty"


class Blocked(FileRefused):
    """It is too damaged to be cleaned, or the `scan` says no: 422."""


class TooMuch(FileRefused):
    """Its owner has sent as much as a day allows: 429, with when to come again as `after_ms`."""

    status, code = 429, "rate"

    def __init__(self, most: int, retry_after: float) -> None:
        super().__init__(f"{most} bytes a day are taken from one person", after_ms=round(retry_after * 1000), max=most)
        self.retry_after = retry_after


class TooSlow(FileRefused):
    """It did not arrive in time: 408."""

    status, code = 408, "slow"


class NoRoom(FileRefused):
    """The disk is full: 507."""

    status, code = 507, "unavailable"


# ── what is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True, eq=False, repr=False)
class Kept(Value):
    """What is known of a file.

    Args:
        id: "f_" and 26 characters, which nobody can guess.
        owner: Who sent it.
        name: What it is called where it is shown: plain, at most 120 characters, with an ending of its type.
        media_type: What its bytes show.
        size: Bytes, as kept.
        width: Pixels, as shown; 0 for what is no picture, or does not say.
        height: As `width`.
        at: When it came (UTC).
    """

    id: str
    owner: str
    name: str
    media_type: str
    size: int
    width: int = 0
    height: int = 0
    at: datetime

    @property
    def kind(self) -> AttachmentKind:
        """Which attachment it makes: pictures that pages cannot show are files."""
        family = self.media_type.partition("/")[0]
        if family == "image":
            return "image" if self.media_type in sniffing.INLINE else "file"
        return "audio" if family == "audio" else "video" if family == "video" else "file"


@define(eq=False)
class FileBox:
    """Takes files in, knows them, and gives them out.

    Args:
        folder: Where they lie; made when needed, for the process's own user alone.
        store: Where what is known of them is kept.
        clock: The run's.
        most_bytes: What one file may have.
        most_a_day: What one owner may send within 24 hours.
        types: The media types that are taken in; those of `sniffing.DANGEROUS` only when they are named here, and
            they are never shown in a page.
        scan: Looks at a file before it is kept, given its path and its media type; False refuses it.
    """

    folder: Path
    store: Store
    clock: Clock
    most_bytes: int = field(default=MOST_BYTES, kw_only=True)
    most_a_day: int = field(default=MOST_A_DAY, kw_only=True)
    types: Collection[str] = field(default=TYPES, kw_only=True)
    scan: Callable[[Path, str], Awaitable[bool]] | None = field(default=None, kw_only=True)
    _secret: bytes = field(default=b"", init=False, repr=False)
    _coming: dict[str, int] = field(factory=dict, init=False)
    _counting: anyio.Lock = field(factory=anyio.Lock, init=False)

    async def open(self) -> None:
        """Make the folder and read the secret that links are signed with; more than once is once.

        Raises:
            StoreUnavailable: The store cannot be read or written.
            OSError: The folder cannot be made.
        """
        if self._secret:
            return
        await anyio.to_thread.run_sync(make_folder, self.folder)
        await self.store.keep("secrets", "files", os.urandom(32), only_new=True)
        secret = await self.store.kept("secrets", "files")
        if not secret:
            raise RuntimeError('the shelf "secrets" does not keep what is put there: the store is not what it promises')
        self._secret = secret

    # ── in ──

    async def receive(self, request: "Request", *, owner: str, cid: str, about: str = "") -> "Response":
        """Answer `PUT …/files/{cid}`: the raw bytes, `Content-Type`, and the name percent-encoded in `X-Name`.

        201 with `{"id", "name", "type", "size", "w", "h"}`, the same for a repeat; or a refusal with its `code` and
        figures. Who may send, and how often, is decided before; `about` is as in `take_in`.
        """
        from starlette.requests import ClientDisconnect  # noqa: PLC0415  an extra
        from starlette.responses import JSONResponse, Response  # noqa: PLC0415  an extra

        headers = {"Cache-Control": "no-store"}
        if not _CID.fullmatch(cid):
            return JSONResponse({"code": "bad_frame"}, 400, headers)
        length = digits(request.headers.get("content-length", "")) or 0
        try:
            if length > self._most:
                await _drain(request.stream(), 2 * self._most)
                raise TooBig(self._most)
            kept = await self.take_in(
                request.stream(),
                owner=owner,
                cid=cid,
                about=about,
                name=unquote(request.headers.get("x-name", ""), errors="replace"),
                declared=request.headers.get("content-type", ""),
            )
        except FileRefused as problem:
            if isinstance(problem, TooMuch):
                headers["Retry-After"] = str(round(problem.retry_after) + 1)
            return JSONResponse({"code": problem.code, **problem.figures}, problem.status, headers)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse(as_json(kept), 201, headers)

    async def take_in(
        self, stream: AsyncIterator[bytes], *, owner: str, cid: str, name: str = "", declared: str = "", about: str = ""
    ) -> Kept:
        """Take a file in; when this returns, it and what is known of it are durable.

        Pictures lose their metadata, but for how they are turned. The same owner's `cid` gives the same answer again,
        whatever comes with it.

        Args:
            stream: The bytes; counted while they come, and never more than a piece of them in memory. What it raises
                passes, and nothing is kept.
            owner: Who sends.
            cid: The sender's own id for it, unique among the owner's.
            name: What the sender calls it; any text.
            declared: The media type that the sender gives; may be empty. It is checked, not believed.
            about: The sender's profile id, so that the file is exported and erased with them; empty for operators.

        Raises:
            FileRefused: It is not taken in; the class says why, and nothing is kept.
            StoreUnavailable: The store cannot write; nothing is kept.
        """
        await self.open()
        asked = hashlib.sha256(encode([owner, cid])).hexdigest()
        known = await self._asked_before(asked)
        if known is not None:
            await _drain(stream, self._most)
            return known
        coming = Coming(self.folder / f"coming-{os.urandom(16).hex()}")
        try:
            try:
                with anyio.fail_after(UPLOAD_SECONDS):
                    await self._pour(stream, coming, owner, name, declared)
            except FileRefused:
                await _drain(stream, self._most)
                raise
            finally:
                await _end(stream)
            return await self._keep(coming, asked, owner, name, about)
        except TimeoutError:
            raise TooSlow(f"it did not arrive within {UPLOAD_SECONDS:g} seconds") from None
        except OSError as problem:
            if problem.errno in _FULL:
                raise NoRoom(f"no room for it on the disk: {problem.strerror}") from problem
            raise
        finally:
            self._coming[owner] = self._coming.get(owner, 0) - coming.size
            if self._coming[owner] <= 0:
                del self._coming[owner]
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(coming.drop)

    @property
    def _most(self) -> int:
        return min(self.most_bytes, self.most_a_day)

    async def _pour(self, stream: AsyncIterator[bytes], coming: Coming, owner: str, name: str, declared: str) -> None:
        """Write what comes to the disk, and stop as soon as it is known that it will not be kept."""
        allowance = self.most_a_day - sum((await self._spent(owner)).values())
        waiting: list[bytes] = []
        held = 0
        async for piece in stream:
            coming.size += len(piece)
            self._coming[owner] = self._coming.get(owner, 0) + len(piece)
            if coming.size > self._most:
                raise TooBig(self._most)
            if self._coming[owner] > allowance:
                raise TooMuch(self.most_a_day, await self._room_in(owner))
            waiting.append(piece)
            held += len(piece)
            if not coming.media_type and held >= sniffing.HEAD:
                coming.media_type = self._type_of(b"".join(waiting), name, declared)
            if held >= PIECE:
                await anyio.to_thread.run_sync(coming.write, waiting)
                waiting, held = [], 0
        if not coming.size:
            raise Empty("it has no bytes")
        if not coming.media_type:
            coming.media_type = self._type_of(b"".join(waiting), name, declared)
        await anyio.to_thread.run_sync(coming.write, waiting)

    def _type_of(self, head: bytes, name: str, declared: str) -> str:
        found = sniffing.sniff(head)
        said = sniffing.plain_type(declared)
        kind = sniffing.agreed(said, found) if said else sniffing.by_ending(name, found)
        if not kind or kind not in self.types:
            raise WrongType(self.types, found, said)
        return kind

    async def _keep(self, coming: Coming, asked: str, owner: str, name: str, about: str) -> Kept:
        try:
            size, width, height = await anyio.to_thread.run_sync(coming.finish)
        except Damaged as problem:
            raise Blocked(str(problem)) from None
        if self.scan is not None and not await self.scan(coming.path, coming.media_type):
            raise Blocked("it was looked at and refused")
        now = self.clock.now()
        kept = Kept(
            id=new_id("f_", now),
            owner=owner,
            name=plain_name(name, coming.media_type),
            media_type=coming.media_type,
            size=size,
            width=width,
            height=height,
            at=now,
        )
        final = self.path(kept.id)
        await anyio.to_thread.run_sync(coming.settle, final)
        try:
            await self.store.keep(_SHELF, kept.id, encode(kept), about=about)
            if not await self.store.keep(_ASKED, asked, kept.id.encode(), only_new=True, about=about):
                # The same file came twice at the same moment; the other one was quicker.
                known = await self._asked_before(asked)
                if known is not None:
                    await self.store.take_off(_SHELF, kept.id)
                    coming.path = final
                    return known
                await self.store.keep(_ASKED, asked, kept.id.encode(), about=about)
            await self._spend(owner, coming.size, about)
        except BaseException:
            coming.path = final
            raise
        return kept

    async def _asked_before(self, asked: str) -> Kept | None:
        found = await self.store.kept(_ASKED, asked)
        return None if found is None else await self.about(found.decode())

    async def _spent(self, owner: str) -> dict[int, int]:
        """Bytes by the hour that they came in, of the last 24."""
        found = await self.store.kept(_SPENT, owner)
        now = int(self.clock.now().timestamp() // 3600)
        spent: dict[str, int] = decode_json(found) if found else {}
        return {int(hour): size for hour, size in spent.items() if now - 24 < int(hour) <= now}

    async def _spend(self, owner: str, size: int, about: str) -> None:
        async with self._counting:
            spent = await self._spent(owner)
            hour = int(self.clock.now().timestamp() // 3600)
            spent[hour] = spent.get(hour, 0) + size
            until = self.clock.now() + timedelta(days=1)
            await self.store.keep(_SPENT, owner, encode(spent), expires_at=until, about=about)

    async def _room_in(self, owner: str) -> float:
        """Seconds until what was sent first no longer counts."""
        spent = await self._spent(owner)
        first = min(spent, default=int(self.clock.now().timestamp() // 3600))
        return max(1.0, (first + 24) * 3600 - self.clock.now().timestamp())

    # ── known ──

    async def about(self, id: str) -> Kept | None:  # noqa: A002  the wire's word for it
        """What is known of a file; None when there is none."""
        if not FILE_ID.fullmatch(id):
            return None
        found = await self.store.kept(_SHELF, id)
        return None if found is None else decode(Kept, found)

    def path(self, id: str) -> Path:  # noqa: A002  the wire's word for it
        """Where a file lies, if there is one.

        Raises:
            ValueError: It is no file's id.
        """
        if not FILE_ID.fullmatch(id):
            raise ValueError(f"not the id of a file: {id!r:.60}")
        return self.folder / id

    async def data_of(self, id: str) -> bytes:  # noqa: A002  the wire's word for it
        """The bytes of a file.

        Raises:
            FileNotFoundError: There is none of this id (any more).
        """
        if not FILE_ID.fullmatch(id):
            raise FileNotFoundError(f"no file has the id {id!r:.60}")
        return await anyio.to_thread.run_sync(self.path(id).read_bytes)

    async def as_attachment(self, id: str) -> Attachment:  # noqa: A002  the wire's word for it
        """The file as what is said: its kind, with `ref` its id.

        Raises:
            FileNotFoundError: There is none of this id (any more).
        """
        kept = await self.about(id)
        if kept is None:
            raise FileNotFoundError(f"no file has the id {id!r:.60}")
        return ATTACHMENTS[kept.kind](ref=kept.id, media_type=kept.media_type, name=kept.name)

    async def purge(self, before: datetime) -> int:
        """Forget the files that came before a moment, and what uploads that were cut off left. Returns how many."""
        gone = 0
        oldest = new_id("f_", before)[:12]
        while found := await self.store.on_shelf(_SHELF, limit=1000):
            old = [id for id in found if id[:12] < oldest]  # noqa: A001  the wire's word for it
            for one in old:
                await anyio.to_thread.run_sync(unlink, self.path(one))
                await self.store.take_off(_SHELF, one)
            gone += len(old)
            if len(old) < len(found):
                break
        for asked, value in (await self.store.on_shelf(_ASKED, limit=1_000_000)).items():
            if value.decode()[:12] < oldest:
                await self.store.take_off(_ASKED, asked)
        return gone + await anyio.to_thread.run_sync(sweep, self.folder, oldest)

    async def tidy(self) -> int:
        """Remove from the disk the files of people who were erased, if the folder is there. Returns how many."""
        gone = 0
        for one in await self.store.on_shelf(_GONE) if self.folder.is_dir() else ():
            gone += await anyio.to_thread.run_sync(unlink, self.path(one))
            await self.store.take_off(_GONE, one)
        return gone

    # ── out ──

    def link(self, id: str, *, seconds: int = LINK_SECONDS) -> str:  # noqa: A002  the wire's word for it
        """A link to a file, relative to where files are served, for at most `seconds` and at least half of them.

        Links made within the same half are equal, so that a page that is drawn anew need not load its pictures again.

        Raises:
            RuntimeError: `open` was not awaited.
        """
        step = max(1, seconds // 2)
        ends = (int(self.clock.now().timestamp()) // step + 2) * step
        return f"{quote(id)}?e={ends}&s={self._signed(id, ends)}"

    def _signed(self, id: str, ends: int) -> str:  # noqa: A002  the wire's word for it
        if not self._secret:
            raise RuntimeError("links are signed with a secret from the store: await FileBox.open() first")
        mac = hmac_sha256(self._secret, f"link\n{id}\n{ends}".encode("utf-8", "surrogatepass"))
        return urlsafe_b64encode(mac[:18]).decode()

    async def answer(self, id: str, e: str | None, s: str | None) -> "Response":  # noqa: A002  the wire's word for it
        """Answer `GET …/files/{id}?e=…&s=…`: the file, or 404 whatever is wrong.

        Only pictures whose bytes are what a page may show are shown; everything else is a download of no type. A
        `Range` is not looked at.
        """
        from starlette.responses import PlainTextResponse, StreamingResponse  # noqa: PLC0415  an extra

        await self.open()
        missing = PlainTextResponse(
            "Not found", 404, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        )
        ends = digits(e or "")
        left = (ends or 0) - self.clock.now().timestamp()
        if ends is None or not same(self._signed(id, ends).encode(), (s or "").encode("utf-8", "replace")) or left <= 0:
            return missing
        kept = await self.about(id)
        if kept is None:
            return missing
        try:
            head, size = await anyio.to_thread.run_sync(look, self.path(id))
        except OSError as problem:
            logger.warning("the file %s is known but cannot be read: %s", id, problem)
            return missing
        shown = kept.media_type in sniffing.INLINE and sniffing.sniff(head) == kept.media_type
        headers = {
            "Content-Length": str(size),
            "Content-Disposition": disposition("inline" if shown else "attachment", kept.name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": f"private, max-age={int(left)}",
        }
        media_type = kept.media_type if shown else "application/octet-stream"
        return StreamingResponse(pieces(self.path(id), size), 200, headers, media_type)


def as_json(kept: Kept) -> dict[str, Any]:
    """What the wire says of a file to whoever sent it."""
    return {
        "id": kept.id,
        "name": kept.name,
        "type": kept.media_type,
        "size": kept.size,
        "w": kept.width,
        "h": kept.height,
    }


async def _drain(stream: AsyncIterator[bytes], most: int) -> None:
    """Read on for a moment, so that a page that is still sending gets to read the answer."""
    with anyio.move_on_after(_DRAIN_SECONDS):
        async for piece in stream:
            most -= len(piece)
            if most < 0:
                break
    await _end(stream)


async def _end(stream: AsyncIterator[bytes]) -> None:
    """Close what is not read to its end: trio wants to be told."""
    if isinstance(stream, AsyncGenerator):
        with anyio.CancelScope(shield=True):
            await stream.aclose()
