"""The victim's lives: a process that is started, killed, suspended and stopped."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
from anyio.abc import Process
from attrs import define, field

from convokit.errors import ConvokitError
from convokit.testing.torture.script import SECRET
from convokit.testing.torture.wires import listens

START_SECONDS = 60.0
"""How long a victim may take until it listens."""
STOP_SECONDS = 30.0
"""How long it may take to stop when it is asked to: the web server's and the engine's own deadlines, and some more."""
STOPPED = frozenset({0, -signal.SIGTERM})
"""How a process ends that was asked to stop: web servers end by the signal that they were sent."""
LOOK = 0.01


class VictimBroken(ConvokitError):
    """The victim does not start: nothing can be said of its promises. The message ends with its log's last lines."""


@define
class Lives:
    """One life after another.

    Args:
        command: What starts the victim; what a life is to be like is added.
        port: Where it listens.
        secret: What webhooks are signed with.
        log: The file for what the victims say.
        begins: Called before a life begins.

    Attributes:
        by_itself: How often a victim ended that nobody had asked to.
    """

    command: Sequence[str]
    port: int
    secret: str
    log: Path
    begins: Callable[[], None]
    by_itself: int = 0
    _process: Process | None = None
    _up: anyio.Event = field(factory=anyio.Event)

    @property
    def pid(self) -> int | None:
        """The process's number; None when none runs."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether a victim runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def killed(self) -> bool:
        """Whether the victim was killed, by whomever."""
        return self._process is not None and self._process.returncode == -signal.SIGKILL

    async def up(self) -> None:
        """Return as soon as a victim listens."""
        await self._up.wait()

    async def start(self, *words: str) -> None:
        """Start the next life."""
        self.begins()
        with self.log.open("ab") as log:
            self._process = await anyio.open_process(
                [*self.command, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, SECRET: self.secret},
                # Ctrl-C in a terminal is for the run, which then ends its victim.
                start_new_session=True,
            )

    async def ready(self) -> bool:
        """Wait until it listens. False: it has ended before.

        Raises:
            VictimBroken: It does neither.
        """
        with anyio.move_on_after(START_SECONDS):
            while self._process is not None and self._process.returncode is None:
                if await listens(self.port):
                    self._up.set()
                    return True
                await anyio.sleep(LOOK)
            return False
        raise VictimBroken(f"the victim did not listen within {START_SECONDS:.0f} s. {self.last_words()}")

    async def over(self, patience: float) -> bool:
        """Wait until it has ended. False: it has not."""
        with anyio.move_on_after(patience):
            if self._process is not None:
                await self._process.wait()
            return True
        return False

    async def kill(self, *, expected: bool = True) -> None:
        """Kill it; `expected`: that it still lives, and listens if it did."""
        if expected and self.alive and self._up.is_set() and not await listens(self.port):
            self.by_itself += 1
        self._away()
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        elif expected or process.returncode != -signal.SIGKILL:
            self.by_itself += 1
        with anyio.CancelScope(shield=True):
            await process.aclose()

    async def stop(self) -> bool:
        """Ask it to stop. False: it did not, or not well, and was killed."""
        self.ask_to_stop()
        ended = await self.over(STOP_SECONDS)
        well = ended and self._process is not None and self._process.returncode in STOPPED
        self._away()
        process, self._process = self._process, None
        if process is not None:
            if not ended:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.aclose()
        return well

    def ask_to_stop(self) -> None:
        """Ask it to stop, and do not wait."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def suspend(self, seconds: float) -> None:
        """Let the whole process stand still for a while, as a machine does that sleeps or is moved."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGSTOP)
        try:
            await anyio.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    def last_words(self) -> str:
        """The end of the victims' log, for people."""
        said = self.log.read_bytes()[-3000:].decode("utf-8", "replace") if self.log.exists() else ""
        return f"The last lines of {self.log}:\n{said}"

    def _away(self) -> None:
        if self._up.is_set():
            self._up = anyio.Event()
