"""A mailbox is read without a gap: what is announced while something else is asked wakes us, too."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from types import SimpleNamespace
from typing import cast

import anyio
import pytest

from convokit.abc import Run
from convokit.stores import Memory
from convokit.testing.store_user import HandClock
from convokit.transports.email.line import Line
from convokit.transports.email.mailbox import Mailbox
from convokit.transports.email.servers import Server
from convokit.transports.email.shelves import Shelves

MAIL = b"From: ada@x.example\r\n\r\nHello\r\n"


class ImapDouble:
    """Speaks as much IMAP as a mailbox needs. A mail can come in the middle of a command, and be announced with it."""

    def __init__(self, during: str) -> None:
        self.during = during
        self.mails = 0
        self.idles = 0
        self.said: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _listen(self) -> None:
        with suppress(OSError):
            line, _ = self._server.accept()
            with line, line.makefile("rb") as words:
                line.sendall(b"* OK [CAPABILITY IMAP4rev1 IDLE] double\r\n")
                while said := words.readline():
                    self._answer(line, said.decode().strip())

    def _answer(self, line: socket.socket, said: str) -> None:
        tag, _, rest = said.partition(" ")
        self.said.append(rest or tag)
        if tag == "DONE":
            line.sendall(self._idle + b" OK done\r\n")
            return
        told = b""
        if rest.startswith("SELECT"):
            told = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n"
        elif rest.startswith("CAPABILITY"):
            told = b"* CAPABILITY IMAP4rev1 IDLE\r\n"
        elif rest.startswith("UID SEARCH"):
            told = f"* SEARCH {self.mails or ''}".rstrip().encode() + b"\r\n"
        elif rest.startswith("UID FETCH"):
            size = str(len(MAIL)).encode()
            told = b"* 1 FETCH (UID %d RFC822.SIZE %s BODY[]<0> {%s}\r\n%s)\r\n" % (self.mails, size, size, MAIL)
        elif rest == "IDLE":
            self._idle = tag.encode()
            self.idles += 1
            begun = b"+ idling\r\n"
            if self.during == "IDLE":
                self.during, self.mails = "", self.mails + 1
                begun += f"* {self.mails} EXISTS\r\n".encode()
            line.sendall(begun)
            return
        if self.during and rest.startswith(self.during):
            # It is too late for this command's answer, and announced once: with it.
            self.during, self.mails = "", self.mails + 1
            told += f"* {self.mails} EXISTS\r\n".encode()
        line.sendall(told + tag.encode() + b" OK done\r\n")


@pytest.fixture(params=["UID SEARCH", "UID STORE", "IDLE"])
def double(request: pytest.FixtureRequest) -> Iterator[ImapDouble]:
    one = ImapDouble(request.param)
    yield one
    one.close()


@asynccontextmanager
async def reading(double: ImapDouble) -> AsyncIterator[list[bytes]]:
    got: list[bytes] = []

    async def take(raw: bytes, at: datetime | None, partial: bool) -> None:
        got.append(raw)

    clock = HandClock()
    store = Memory()
    await store.open(clock)
    run = cast("Run", SimpleNamespace(store=store, clock=clock))
    server = Server(host="127.0.0.1", port=double.port, security="none")
    box = Mailbox(
        line=lambda: Line("email", server, lambda: ("shop", "word", False), timeout=5.0),
        shelves=Shelves(run, "email"),
        name="box",
        take=take,
        most=1 << 20,
        marks_seen=True,
        idle=600.0,
        poll=600.0,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(box.run)
        yield got
        tasks.cancel_scope.cancel()
    await store.close()


async def test_a_mail_that_is_announced_with_another_answer_is_read_before_we_wait(double: ImapDouble) -> None:
    wanted = 1
    if double.during == "UID STORE":
        double.mails = wanted = 1
        wanted = 2
    async with reading(double) as got:
        with anyio.fail_after(5):
            while len(got) < wanted:  # noqa: ASYNC110  what a thread does can only be looked at again
                await anyio.sleep(0.01)
        with anyio.fail_after(5):
            while not double.idles:  # noqa: ASYNC110  as above, and no more
                await anyio.sleep(0.01)
    assert len(got) == wanted
