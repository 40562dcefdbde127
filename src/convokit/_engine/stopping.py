"""A stop that comes to an end: with exit status 0 where all went well, and in time where a handler holds it up."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread
from time import monotonic
from types import FrameType
from typing import Any, Self

logger = logging.getLogger(__name__)

MARGIN = 10.0
"""Seconds that a stop may take beyond what turns, sends and requests under way get: for what else is to be closed."""
STATUS = 70
"""The exit status of a process that had to be ended (EX_SOFTWARE)."""
FRAMES = 12
"""How many calls of the main thread are told of, the innermost."""
LOOK_SECONDS = 0.5


class LastResort:
    """Ends the process when it was asked to stop and has not within a time: `with LastResort(seconds) as last`.

    A handler that blocks the event loop, or swallows its cancellation, would hold the process for ever. What was
    accepted is in the store: to end at once loses no more than a power cut does, which is nothing.

    Attributes:
        asked: When the process was asked to stop, by the monotonic clock; None: not yet. Set in a signal handler,
            where no lock may be taken: so it is looked at, and nobody is woken.
    """

    def __init__(self, seconds: float) -> None:
        self.asked: float | None = None
        self._seconds = seconds
        self._over = Event()
        self._main = current_thread()
        self._thread = Thread(target=self._look, name="convokit last resort", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def ask(self) -> None:
        """The process was asked to stop; the first time counts."""
        if self.asked is None:
            self.asked = monotonic()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            if self.asked is not None and monotonic() - self.asked > self._seconds:
                self._end()

    def _end(self) -> None:
        frame = sys._current_frames().get(self._main.ident or 0)  # noqa: SLF001  another thread's calls are seen so only
        place = "" if frame is None else "".join(traceback.format_stack(frame)[-FRAMES:])
        sentence = (
            f"asked to stop {self._seconds:g} s ago and still running: a handler blocks the event loop or swallows its "
            f"cancellation. The process is ended; what was accepted is in the store for the next run.\n{place}"
        )
        logger.critical("%s", sentence)
        sys.stderr.write(f"convokit: {sentence}")
        sys.stderr.flush()
        os._exit(STATUS)


@contextmanager
def stopping(server: Any, last: LastResort) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop a web server, and nothing else.

    Once it has stopped, uvicorn raises the signal anew for whoever handled it before: a stop that went well would end
    as if the process had been killed.
    """
    if current_thread() is not main_thread():
        yield
        return
    stop = server.handle_exit

    def asked(number: int, frame: FrameType | None) -> None:
        last.ask()
        stop(number, frame)

    server.handle_exit = asked
    before = {one: signal.signal(one, asked) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
