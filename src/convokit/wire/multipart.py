"""`multipart/form-data`, read piece by piece while it comes and with bounds, for protocols that know nothing better.

What costs a parser its time in known attacks is refused: many parts, long headers, a border that never comes.
"""

import re
from collections.abc import AsyncIterator

from attrs import field, frozen

PARTS = 12
"""How many parts a body may have."""
HEADER_BYTES = 8 << 10
"""What the headers of one part may have."""

_BOUNDARY = re.compile(r'boundary=(?:"([^"\\\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r';\s*name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILE_NAME = re.compile(r';\s*filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


class NoForm(ValueError):
    """The body is no multipart form, or goes beyond a bound."""


@frozen(kw_only=True)
class Part:
    """One part of a form.

    Args:
        name: The field's name.
        file_name: What the sender calls the file; empty when it gives none.
        media_type: What it is declared as; may be empty.
        content: Its bytes, piece by piece. They have to be read, or closed, before the next part is asked for.
    """

    name: str
    file_name: str = ""
    media_type: str = ""
    content: AsyncIterator[bytes] = field(repr=False)


def boundary_of(content_type: str) -> bytes:
    """The border between parts, from the `Content-Type` header.

    Raises:
        NoForm: It is another type, or has no border.
    """
    if not content_type.lower().startswith("multipart/form-data"):
        raise NoForm("not multipart/form-data")
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise NoForm("multipart/form-data without a boundary")
    return (found.group(1) or found.group(2)).encode("latin-1", "replace")


class Form:
    """A form that is being read.

    Args:
        stream: The body.
        boundary: As `boundary_of` gives it.
    """

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._border = b"--" + boundary
        self._held = bytearray()
        self._inside = False
        self._parts = 0

    async def next(self) -> Part | None:
        """The next part; None after the last.

        Raises:
            NoForm: What comes is no form, or goes beyond a bound.
        """
        if self._inside:
            async for _ in self._content():
                pass
        await self._need(len(self._border) + 2)
        if not self._held.startswith(self._border):
            raise NoForm("a part does not begin where it should")
        ending = bytes(self._held[len(self._border) : len(self._border) + 2])
        if ending == b"--":
            return None
        if ending != b"\r\n":
            raise NoForm("a border is followed by something else")
        self._parts += 1
        if self._parts > PARTS:
            raise NoForm(f"more than {PARTS} parts")
        del self._held[: len(self._border) + 2]
        headers = await self._headers()
        self._inside = True
        told = headers.get("content-disposition", "")
        name, file_name = _NAME.search(told), _FILE_NAME.search(told)
        return Part(
            name=name.group(1) if name else "",
            file_name=_unescaped(file_name.group(1)) if file_name else "",
            media_type=headers.get("content-type", ""),
            content=self._content(),
        )

    async def _headers(self) -> dict[str, str]:
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > HEADER_BYTES:
                raise NoForm("the headers of a part are too long")
            await self._more()
        if end > HEADER_BYTES:
            raise NoForm("the headers of a part are too long")
        lines = bytes(self._held[:end]).decode("utf-8", "replace").split("\r\n")
        del self._held[: end + 4]
        named = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in named}

    async def _content(self) -> AsyncIterator[bytes]:
        border = b"\r\n" + self._border
        while (at := self._held.find(border)) < 0:
            safe = len(self._held) - len(border) + 1
            if safe > 0:
                piece = bytes(self._held[:safe])
                del self._held[:safe]
                yield piece
            else:
                await self._more()
        piece = bytes(self._held[:at])
        del self._held[: at + 2]
        self._inside = False
        if piece:
            yield piece

    async def _need(self, size: int) -> None:
        while len(self._held) < size:
            await self._more()

    async def _more(self) -> None:
        try:
            self._held += await anext(self._stream)
        except StopAsyncIteration:
            raise NoForm("it ends in the middle") from None


def _unescaped(name: str) -> str:
    """A file's name as it was before browsers wrote it into a header."""
    return name.replace("%22", '"').replace("%0D", " ").replace("%0A", " ").replace('\\"', '"')
