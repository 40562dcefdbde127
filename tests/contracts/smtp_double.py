"""A mail server for tests, with faults: it answers what it is told to, hangs up, or is silent."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class SmtpDouble:
    """Speaks SMTP on loopback.

    Args:
        answers: What is answered to a word ("EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."), in place of a yes; "hang up"
            and "silence" are what they say.
        extensions: What EHLO offers.
    """

    def __init__(self, answers: dict[str, str] | None = None, extensions: tuple[str, ...] = ()) -> None:
        self.answers = dict(answers or {})
        self.extensions = extensions
        self.mails: list[bytes] = []
        self.said: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._listen, daemon=True))
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._server, *self._lines):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self._lines.append(line)
            thread = threading.Thread(target=self._speak, args=(line,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _speak(self, line: socket.socket) -> None:
        try:
            with line.makefile("rb") as words:
                if not self._answer(line, "CONNECT", "220 double"):
                    return
                while said := words.readline():
                    text = said.decode("utf-8", "replace").strip()
                    self.said.append(text)
                    verb = text.split(" ")[0].upper()
                    if verb == "QUIT":
                        line.sendall(b"221 bye\r\n")
                        return
                    if verb == "EHLO":
                        offered = ["double", *self.extensions]
                        good = "\r\n".join(f"250{'-' if one != offered[-1] else ' '}{one}" for one in offered)
                    else:
                        good = {"DATA": "354 go on", "AUTH": "235 in"}.get(verb, "250 yes")
                    if not self._answer(line, verb, good):
                        return
                    if verb == "DATA" and "DATA" not in self.answers and not self._take(line, words):
                        return
        except OSError:
            return

    def _take(self, line: socket.socket, words: object) -> bool:
        mail = b""
        while (said := words.readline()) not in {b".\r\n", b""}:  # type: ignore[attr-defined]  a file of bytes
            mail += said[1:] if said.startswith(b".") else said
        self.mails.append(mail)
        return self._answer(line, ".", "250 taken")

    def _answer(self, line: socket.socket, verb: str, good: str) -> bool:
        told = self.answers.get(verb, good)
        if told == "hang up":
            line.shutdown(socket.SHUT_RDWR)
            return False
        if told == "silence":
            return True
        line.sendall(told.encode() + b"\r\n")
        return not told.startswith("421")
