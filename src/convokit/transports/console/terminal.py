"""Standard input and output as a chat uses them: what comes while somebody types is shown above what they type."""

import os
import re
import sys
from abc import abstractmethod
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, Protocol, Self, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

T = TypeVar("T")

ERASE_LINE = "\r\x1b[K"
_PIECE = 65536
_STYLE = re.compile(r"(?:\x1b\[[0-9;]*m)+")


class Screen(Protocol):
    """Where a chat is read from and shown.

    Attributes:
        interactive: Whether somebody types here: what they type is on the screen already, and answers may come any
            time. Else every line is shown as it is read.
        colours: Whether escape sequences for colours are understood.
    """

    interactive: bool
    colours: bool

    @abstractmethod
    async def read(self, prompt: str) -> str:
        """The next line, without its end. Raises `EOFError` when there are no more."""

    @abstractmethod
    def write(self, text: str) -> None:
        """Show whole lines, at once. Raises `BrokenPipeError` when nobody reads them any more."""


class Terminal:
    """The process's own standard input and output; enter it for the time it is used.

    Lines are read in a thread that nobody waits for: one that sits in a read cannot be called back, and must not
    hold up the end of the process.
    """

    def __init__(self) -> None:
        typed, shown = sys.stdin.isatty(), sys.stdout.isatty()
        self.interactive = typed and shown
        self.colours = shown and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._prompt: str | None = None
        self._rest = ""
        self._ended = False
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._editing: Any = None
        self._mode: list[Any] | None = None

    async def __aenter__(self) -> Self:
        if self.interactive:
            self._editing = _line_editing()
            self._mode = _terminal_mode()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._mode is not None:
            # Line editing was left in the middle of a line: the terminal would stay without echo.
            _set_terminal_mode(self._mode)
        if self._prompt is not None:
            self._prompt = None
            sys.stdout.write("\n")
            sys.stdout.flush()

    async def read(self, prompt: str) -> str:
        """The next line. Raises `EOFError` at the end of the input."""
        while not self.interactive:
            line, end, rest = self._rest.partition("\n")
            if end:
                self._rest = rest
                return line.removesuffix("\r")
            if self._ended:
                self._rest = ""
                if line:
                    return line
                raise EOFError
            piece = await _in_thread(lambda: os.read(sys.stdin.fileno(), _PIECE))
            self._ended = not piece
            self._rest += self._decoder.decode(piece, final=not piece)
        self._prompt = prompt
        line = await _in_thread(lambda: input(prompt if self._editing is None else _without_room(prompt)))
        self._prompt = None
        return line

    def write(self, text: str) -> None:
        """Show lines; a line that is being typed moves down."""
        safe = text.encode(sys.stdout.encoding or "utf-8", "replace").decode(sys.stdout.encoding or "utf-8")
        if self._prompt is None:
            sys.stdout.write(safe)
        else:
            typed = self._editing.get_line_buffer() if self._editing is not None else ""
            sys.stdout.write(f"{ERASE_LINE}{safe}{self._prompt}{typed}")
        sys.stdout.flush()


async def _in_thread(work: Callable[[], T]) -> T:
    """What `work` returns or raises, done in a thread that outlives a cancelled wait and not the process."""
    came = anyio.Event()
    results: list[T] = []
    problems: list[BaseException] = []

    def run(portal: BlockingPortal) -> None:
        try:
            results.append(work())
        except BaseException as raised:  # noqa: BLE001  raised again where it is waited for
            problems.append(raised)
        # The chat may be over by now; then nobody waits for this line.
        with suppress(RuntimeError):
            portal.start_task_soon(came.set)

    async with BlockingPortal() as portal:
        Thread(target=run, args=(portal,), name="convokit console", daemon=True).start()
        await came.wait()
    if problems:
        raise problems[0]
    return results[0]


def _without_room(prompt: str) -> str:
    """The prompt with its colours marked as taking no room on the line, as line editing counts."""
    return _STYLE.sub(lambda found: f"\x01{found.group()}\x02", prompt)


def _line_editing() -> Any:
    """The module that lets people edit what they type and fetch earlier lines back; None where there is none."""
    try:
        import readline  # noqa: PLC0415  not on every platform
    except ImportError:
        return None
    return readline


def _terminal_mode() -> list[Any] | None:
    try:
        import termios  # noqa: PLC0415  not on every platform
    except ImportError:
        return None
    return termios.tcgetattr(sys.stdin.fileno())


def _set_terminal_mode(mode: list[Any]) -> None:
    import termios  # noqa: PLC0415  not on every platform

    with suppress(termios.error):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, mode)
