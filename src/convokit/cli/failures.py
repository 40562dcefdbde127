"""`convokit failed`: what was given up and waits for a human, and putting it back in line."""

import json
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import anyio

from convokit.abc import Failed, Send, Store
from convokit.cli.reaching import existing, opened
from convokit.cli.speaking import FINE, WRONG, complain, say
from convokit.events import Event

EVERYTHING = 1_000_000
"""How many are put back by `--retry all` at once: more than anybody will have."""


def failed(store_url: str, *, retry: Sequence[str], limit: int, as_json: bool) -> int:
    """List what was given up, or put it back in line.

    Raises:
        DefinitionError: No store is known for the URL.
        StoreError: The store cannot be opened.
    """
    return anyio.run(_failed, existing(store_url), retry, limit, as_json)


async def _failed(store: Store, retry: Sequence[str], limit: int, as_json: bool) -> int:
    async with opened(store):
        if retry:
            return await _retried(store, retry)
        found = await store.failed(limit)
    if as_json:
        say(json.dumps([_as_json(one) for one in found], indent=2))
    elif not found:
        say("Nothing was given up.")
    else:
        for one in found:
            say(_line(one))
        say("Put back in line with: convokit failed … --retry KEY, or --retry all")
        if any(isinstance(one.what, Event) for one in found):
            say("Why an event failed: convokit why KEY …")
    return FINE


async def _retried(store: Store, retry: Sequence[str]) -> int:
    known = {one.key for one in await store.failed(EVERYTHING)}
    keys = sorted(known) if "all" in retry else list(retry)
    unknown = [key for key in keys if key not in known]
    for key in unknown:
        complain(f"convokit: nothing was given up under the key {key}")
    count = await store.replay([key for key in keys if key in known])
    say(f"{count} put back in line; a running bot takes them up within a second.")
    held_back = len(keys) - len(unknown) - count
    if held_back:
        complain(
            f"convokit: {held_back} stayed where they are: a person has, or is about to take, the conversation, and "
            "the bot is silent there. Try again when the handoff is over"
        )
    return WRONG if unknown or held_back else FINE


def _line(one: Failed) -> str:
    at = one.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    what, text = _what(one.what)
    return (
        f"{one.key}\n  {at} UTC  {one.conversation}  {what} {_short(text)!r}, "
        f"tried {one.attempts} {'time' if one.attempts == 1 else 'times'}\n  {_short(one.error, 300)}"
    )


def _what(what: Event | Send) -> tuple[str, str]:
    if isinstance(what, Send):
        return (f"desk {what.desk}" if what.desk else "message"), what.message.text
    return type(what).__name__, what.text


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _as_json(one: Failed) -> dict[str, Any]:
    kind, text = _what(one.what)
    return {
        "key": one.key,
        "conversation": str(one.conversation),
        "at": one.at.isoformat(),
        "what": kind,
        "text": text,
        "error": one.error,
        "attempts": one.attempts,
    }
