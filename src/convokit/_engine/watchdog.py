"""Tells when the event loop stands still: while one handler blocks it, nobody is served.

A thread asks the loop for a sign of life. The loop needs no task for it, so that a test's clock is not disturbed.
"""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread, get_ident
from time import monotonic
from types import CodeType, FrameType
from typing import Any

from anyio.lowlevel import current_token

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 0.5
"""Seconds between two questions, at most: for as long a block may begin before it is counted."""
GRACE = 0.05
"""Seconds in which the loop still answers when it was the process that stood still, and not the loop."""
FRAMES = 12
"""How many calls are told of at most, the innermost."""

_OURS = str(Path(__file__).parents[1])


class Watchdog:
    """Asks the loop in which it is made, from a thread of its own, until it is ended.

    Args:
        limit: Seconds for which the loop may stand still before the log says where; each block is told once, and once
            more when it is over.
        turn: The code of the function in whose frame the local variable `changes` says what is handled.
    """

    def __init__(self, limit: float, turn: CodeType) -> None:
        self._limit = limit
        self._turn = turn
        self._loop = get_ident()
        self._soon = _soon()
        self._over = False
        self._sign = Event()
        self._wake = Event()
        self._thread = Thread(target=self._watch, name="convokit watchdog", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Watch no longer; called in the loop's own thread."""
        self._over = True
        self._wake.set()
        self._sign.set()
        self._thread.join()

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        pause = min(self._limit / 2, LONGEST_PAUSE)
        while not self._wake.wait(pause):
            asked = monotonic()
            self._sign.clear()
            # After it is cleared: whoever ends this sets `_over` first and the sign then.
            if self._over:
                return
            try:
                self._soon(self._sign.set)
            except RuntimeError:  # the loop has ended
                return
            if not self._sign.wait(self._limit):
                self._stands_still(asked)

    def _stands_still(self, asked: float) -> None:
        frame = sys._current_frames().get(self._loop)  # noqa: SLF001  there is no other way to see another thread's calls
        told = "" if frame is None else self._place(frame)
        del frame  # it would keep what the handler holds
        if self._sign.wait(GRACE):
            waited = monotonic() - asked
            if waited > self._limit + 2 * GRACE and not self._over:
                logger.error(
                    "the event loop stood still for %.1f s, and so did this thread: the process was stopped, or a call "
                    "held the interpreter, as a regular expression on a long text does",
                    waited,
                )
            return
        logger.error("%s", f"the event loop has stood still for {monotonic() - asked:.1f} s{told}")
        self._sign.wait()
        if not self._over:
            logger.warning("the event loop goes on; it stood still for %.1f s", monotonic() - asked)

    def _place(self, frame: FrameType) -> str:
        """Who is handled, the way out, and the calls from the handler inwards."""
        calls = list(_outwards(frame))
        handled = next((_handled(one) for one in calls if one.f_code is self._turn), "")
        ours = next((at for at, one in enumerate(calls) if one.f_code.co_filename.startswith(_OURS)), len(calls))
        inner = (calls[:ours] or calls)[:FRAMES]
        summary = traceback.StackSummary.extract((one, one.f_lineno) for one in reversed(inner))
        return (
            f"{handled}: nobody is served meanwhile. Await what takes time, or give it to a thread: "
            "await anyio.to_thread.run_sync(function)\n" + "".join(traceback.format_list(summary)).rstrip()
        )


def _outwards(frame: FrameType) -> Iterator[FrameType]:
    at: FrameType | None = frame
    while at is not None:
        yield at
        at = at.f_back


def _handled(frame: FrameType) -> str:
    changes: Any = frame.f_locals.get("changes")
    if changes is None:
        return ""
    kind = type(changes.came).__name__
    return f" in conversation={ascii(str(changes.conversation.id))[1:-1]} event={kind} handler={changes.handler}"


def _soon() -> Callable[[Callable[[], object]], object]:
    """How to have something called in this loop, from a thread and without waiting for it."""
    native: Any = current_token().native_token
    soon: Callable[[Callable[[], object]], object] = (
        getattr(native, "run_sync_soon", None) or native.call_soon_threadsafe
    )
    return soon
