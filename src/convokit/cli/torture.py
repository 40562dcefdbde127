"""`convokit torture`: kills a bot's process again and again, on this machine, and counts what was promised."""

import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio

from convokit._engine.points import POINTS
from convokit.cli.speaking import FINE, WRONG, coloured, complain, say, say_styled
from convokit.errors import DefinitionError, MissingExtra
from convokit.testing.torture import Progress, Torture, Verdict

_BACK_TO_START = "\r\x1b[2K"


def torture(*, store: str | None, kills: int, seed: int | None, chats: int, messages: int, as_json: bool) -> int:
    """Torture, and print the table; whether every promise held.

    Raises:
        DefinitionError: There are fewer kills than named points, or the store has conversations.
        MissingExtra: There is no web server.
        StoreError: The store cannot be opened.
        VictimBroken: The bot's process does not start.
    """
    if kills < len(POINTS):
        raise DefinitionError(
            f"--kills {kills}: there are {len(POINTS)} named points where a process may die, and each is hit in every "
            f"run: give {len(POINTS)} or more"
        )
    if find_spec("uvicorn") is None:
        raise MissingExtra("convokit torture: serving the webhooks of the bot that is tortured", "serve")
    folder = Path(tempfile.mkdtemp(prefix="convokit-torture-"))
    shows = sys.stderr.isatty()
    run = Torture(
        store=store or "",
        kills=kills,
        chats=chats,
        messages=messages,
        folder=folder,
        told=_show if shows else None,
        seed=secrets.randbelow(1 << 32) if seed is None else seed,
    )
    held = False
    try:
        verdict = anyio.run(run.run)
        held = verdict.held
    finally:
        if shows:
            sys.stderr.write(_BACK_TO_START)
        if any(folder.iterdir()) and not held:
            complain(f"convokit: what the process has said, and its store if none was named, are kept in {folder}")
        else:
            shutil.rmtree(folder)
    if as_json:
        say(json.dumps(verdict.as_json(), indent=2))
    else:
        for line in _told(verdict):
            say_styled(line)
    return FINE if held else WRONG


def _show(progress: Progress) -> None:
    sys.stderr.write(
        f"{_BACK_TO_START}life {progress.lives} of {progress.of}, {progress.accepted} events accepted, {progress.now}"
    )
    sys.stderr.flush()


def _told(verdict: Verdict) -> Iterator[str]:
    """The table, a line each."""
    facts = verdict.facts
    lives = facts["lives"]
    besides = ", ".join(f"{lives[end]} {end}" for end in ("late", "suspended", "stopped") if lives.get(end))
    yield (
        f"seed {facts['seed']}: {facts['kills']} kills, {facts['at named points']} of them at named points"
        f"{f'; besides {besides}' if besides else ''}; {facts['seconds']:.0f} seconds"
    )
    webhooks: dict[str, Any] = facts["webhooks"]
    yield (
        f"{facts['accepted']} events accepted, in {webhooks.get('calls', 0)} calls: {webhooks.get('again', 0)} "
        f"delivered again after a 200, {webhooks.get('hung up', 0)} hung up, {webhooks.get('no answer', 0)} without an "
        "answer"
    )
    faults = ", ".join(f"{count} {fault}" for fault, count in sorted(facts["faults"].items()))
    yield f"{facts['said']} messages arrived, in {facts['calls']} calls; faults of the API: {faults or 'none'}"
    yield ""
    for row in verdict.rows:
        note = coloured("bad", "broken") if row.broken else "ok" if row.promised else "allowed"
        yield f"  {row.name:<30}{row.count:>8}  {note}"
    yield ""
    for row in verdict.broken:
        for example in row.examples:
            yield coloured("bad", f"{row.name}: {example}")
    yield (
        coloured("good", "Every promise held.")
        if verdict.held
        else coloured("bad", f"Broken: {', '.join(row.name for row in verdict.broken)}.")
    )
