"""The database's files: private from their first byte, on a local disk, claimed by one process."""

import os
import stat
from logging import getLogger
from pathlib import Path

from filelock import FileLock, Timeout

from convokit.errors import Conflict, StoreUnavailable

log = getLogger(__name__)

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
)
"""File systems on which SQLite's write-ahead log can lose data: its shared memory does not reach other machines."""

MOUNTS = Path("/proc/self/mounts")


def filesystem(folder: Path, mounts: str) -> str:
    """The type of the file system that `folder`, absolute, is on; empty when `mounts` does not tell.

    Args:
        folder: A folder, absolute, without symbolic links.
        mounts: What Linux says in `/proc/self/mounts`.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = Path(fields[1].replace("\\040", " "))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


def create(path: Path) -> None:
    """Make sure that `path` is a file of ours alone (0600, its folder 0700 when made here), on a local disk.

    SQLite gives its side files the mode of the database, so it is set before SQLite sees it.

    Raises:
        StoreUnavailable: The folder cannot be made, the file cannot be made, or it is on a network file system.
    """
    try:
        for folder in reversed([one for one in path.parents if not one.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
        kind = filesystem(path.parent.resolve(), MOUNTS.read_text()) if MOUNTS.exists() else ""
        if kind in NETWORK:
            raise StoreUnavailable(
                f"{path} is on a network file system ({kind}), where SQLite can lose data: use a local disk"
            )
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            _check(path)
    except OSError as error:
        raise StoreUnavailable(f"the store's file {path} cannot be made: {error.strerror}") from error


def _check(path: Path) -> None:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise StoreUnavailable(f"the store's file {path} is not a file")
    if os.name == "posix" and mode & 0o077:
        log.warning("%s can be read by others (mode %o): chmod 600 it and its -wal and -shm", path, mode & 0o777)


def lock(path: Path) -> FileLock:
    """Hold the lock beside the database, so that one process claims; released by the process's end at the latest.

    Raises:
        Conflict: Another process, or another store in this one, has it.
    """
    beside = path.with_name(path.name + ".lock")
    held = FileLock(beside, timeout=0, mode=0o600, thread_local=False)
    try:
        held.acquire()
    except Timeout:
        raise Conflict(
            f"another process handles the events of {path} already (it holds {beside.name}): stop it first, or open "
            "with claims=False, which only accepts"
        ) from None
    except OSError as error:
        raise StoreUnavailable(f"the store's lock {beside} cannot be made: {error.strerror}") from error
    return held
