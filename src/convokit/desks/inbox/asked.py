"""What a page's frames ask for, read and checked."""

import re
from typing import Any
from urllib.parse import quote

from convokit.conversations import ConversationId
from convokit.desks.inbox.entries import Json
from convokit.desks.inbox.floor import NEWEST, Floor
from convokit.desks.inbox.people import Operator
from convokit.desks.inbox.threads import Thread
from convokit.wire.live import Frame
from convokit.wire.text import scrub

CID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


class Answered(Exception):
    """A command was done before and has got its answer again."""


class Wrong(Exception):
    """A frame cannot be done. `code` is the page's word for why; `figures` go with it."""

    def __init__(self, code: str, **figures: Any) -> None:
        super().__init__(code)
        self.code = code
        self.figures = figures


async def thread_of(floor: Floor, operator: Operator, frame: Frame) -> Thread:
    """The conversation that a frame names; one that is not there and one that is not theirs look alike.

    Raises:
        Wrong: not_found.
    """
    name = frame.get("conv")
    try:
        key = ConversationId.parse(name) if isinstance(name, str) and len(name) <= 512 else None  # noqa: PLR2004  more than any channel's ids
    except ValueError:
        key = None
    if key is None or scrub(str(key)) != str(key):
        raise Wrong("not_found")
    thread = await floor.thread(operator, key)
    if thread is None:
        raise Wrong("not_found")
    return thread


def owner_name(operator: Operator) -> str:
    """As whose an operator's files are kept."""
    return f"operator:{operator.id}"


def quoted(text: str) -> str:
    """A text as it stands in an address."""
    return quote(text, safe="")


def unavailable(frame: Frame) -> Json:
    """The answer to a command of which nobody knows yet what became of it."""
    return {"t": "error", "re": frame["cid"], "code": "unavailable", "retry": "same"}


def whole_of(value: object) -> int | None:
    """A number of an entry; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= NEWEST:
        return None
    return value


def epoch_of(frame: Frame) -> int:
    """The epoch that a command names. Raises `Wrong` where it names none."""
    epoch = whole_of(frame.get("epoch"))
    if epoch is None:
        raise Wrong("bad_frame")
    return epoch


def text_of(frame: Frame, name: str, most: int) -> str:
    """A text of a frame, scrubbed; empty where it has none. Raises `Wrong` for another thing, or a longer one."""
    given = frame.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Wrong("bad_frame")
    if len(given) > most:
        raise Wrong("too_long", max=most)
    return scrub(given)


def target_of(frame: Frame) -> dict[str, str]:
    """To whom a conversation is given: an "operator" or a "queue". Raises `Wrong` where a frame names neither."""
    to = frame.get("to")
    if isinstance(to, dict):
        for kind in ("operator", "queue"):
            if isinstance(to.get(kind), str):
                return {kind: scrub(to[kind])}
    raise Wrong("bad_frame")
