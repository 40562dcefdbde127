"""The counting program as a process of its own, and an API that hears what it says."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import httpx

from convokit.testing.platform_double import HttpCall, Reply

HERE = Path(__file__).parent


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Heard:
    """The API: what was said, to whom, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, call: HttpCall) -> Reply:
        asked = call.json()
        self.said.append((asked["to"], asked["text"]))
        return Reply.of({})

    def to(self, who: str) -> list[str]:
        """What somebody heard."""
        return [text for to, text in self.said if to == who]


class Program:
    """The process: started, called, suspended, ended."""

    def __init__(self, folder: Path, api_url: str, **environment: str) -> None:
        self.database = folder / "counting.db"
        self.errors = folder / "errors.txt"
        self._environment: Mapping[str, str] = {**os.environ, "COUNTING_API": api_url, **environment}
        self._port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The process, once it was started."""
        assert self.process is not None
        return self.process

    async def start(self) -> None:
        """Start it and wait until it listens."""
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "counting_program.py"), f"sqlite:///{self.database}", str(self._port)],
                env=dict(self._environment),
                cwd=self.database.parent,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        with anyio.fail_after(30):
            while True:
                assert self.process.poll() is None, self.errors.read_text()[-3000:]
                try:
                    async with await anyio.connect_tcp("127.0.0.1", self._port):
                        return
                except OSError:
                    await anyio.sleep(0.02)

    async def call(self, who: str, number: int) -> int:
        """One webhook call; its status, 0 where none came."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            try:
                answered = await client.post(
                    f"http://127.0.0.1:{self._port}/hook", json={"id": f"m{number}", "who": who}
                )
            except httpx.HTTPError:
                return 0
        return answered.status_code

    def end(self) -> None:
        """Ask it to stop, and wait for it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
