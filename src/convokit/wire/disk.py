"""Files on their way to the disk and from it: for the process's own user alone, whole or not at all.

What is no coroutine here waits for the disk: call it in a thread.
"""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from attrs import define

from convokit.wire import sniffing
from convokit.wire.naming import FILE_ID
from convokit.wire.stripping import stripped

PIECE = 256 << 10
"""How many bytes are read or written at once."""
CUT_OFF_SECONDS = 3600.0
"""An upload that is older than this was cut off."""


class Damaged(ValueError):
    """A picture of which nobody can tell what in it is metadata."""


@define(eq=False)
class Coming:
    """A file on its way in, under a name of its own until it is whole."""

    path: Path
    media_type: str = ""
    size: int = 0
    _file: int = -1

    def write(self, pieces: list[bytes]) -> None:
        """Write on; the file is made with the first piece, 0600 and under a name that nothing has."""
        if self._file < 0:
            self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
        _write_all(self._file, b"".join(pieces))

    def finish(self) -> tuple[int, int, int]:
        """Take out of a picture what it tells, and have it on the disk. Returns bytes, width and height."""
        width = height = 0
        size = self.size
        if self.media_type.startswith("image/"):
            picture = self.path.read_bytes()
            clean = stripped(picture, self.media_type)
            if clean is None:
                raise Damaged("it is too damaged to be cleaned")
            width, height = sniffing.size_of(clean, self.media_type)
            if clean != picture:
                os.lseek(self._file, 0, os.SEEK_SET)
                os.ftruncate(self._file, 0)
                _write_all(self._file, clean)
                size = len(clean)
        os.fsync(self._file)
        os.close(self._file)
        self._file = -1
        return size, width, height

    def settle(self, final: Path) -> None:
        """Give it its name; durable when it returns."""
        self.path.replace(final)
        if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be synced
            folder = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """Remove it, unless it has its name already. More than once is once."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        unlink(self.path)


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def make_folder(folder: Path) -> None:
    """Make a folder that only the process's own user may look into."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def unlink(path: Path) -> bool:
    """Remove a file. False: it is not there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def sweep(folder: Path, oldest: str) -> int:
    """Remove files whose id is older than this beginning of one, and uploads cut off. Returns how many."""
    gone = 0
    for one in folder.iterdir() if folder.is_dir() else ():
        cut_off = one.name.startswith("coming-") and one.stat().st_mtime < time.time() - CUT_OFF_SECONDS
        if cut_off or (FILE_ID.fullmatch(one.name) and one.name[:12] < oldest):
            unlink(one)
            gone += 1
    return gone


def look(path: Path) -> tuple[bytes, int]:
    """The first bytes of a file, and how many it has."""
    with path.open("rb") as file:
        return file.read(sniffing.HEAD), os.fstat(file.fileno()).st_size


async def pieces(path: Path, size: int) -> AsyncIterator[bytes]:
    """The bytes of a file, `size` of them, piece by piece."""
    async with await anyio.open_file(path, "rb") as file:
        while size > 0 and (piece := await file.read(min(PIECE, size))):
            size -= len(piece)
            yield piece
