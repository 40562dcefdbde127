"""`convokit doctor`: looks at the bot's code, its channels and its store, and says what to do."""

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import anyio

from convokit import Bot
from convokit._engine.clock import SystemClock
from convokit._engine.placing import WAYS_OUT
from convokit.abc import Finding, Store, Transport
from convokit.bot import open_url
from convokit.cli.speaking import FINE, WRONG, coloured, say_styled
from convokit.errors import ConvokitError, DefinitionError
from convokit.routing import Table
from convokit.wire.text import for_terminal

PATIENCE = 20.0
"""Seconds for everything that one channel is asked."""


def doctor(bot: Bot, target: str, store: str | None) -> int:
    """Print a line for everything that was looked at; whether all is well. What cannot be reached is a finding."""
    return anyio.run(_doctor, bot, target, store or f"sqlite:///{bot.name}.db")


async def _doctor(bot: Bot, target: str, store: str) -> int:
    well = True
    async for finding in _findings(bot, target, store):
        well = well and finding.ok
        mark = coloured("good", "ok   ") if finding.ok else coloured("bad", "WRONG")
        say_styled(f"{mark}  {coloured('strong', finding.what)}")
        if finding.advice:
            say_styled(f"       {coloured('dim', finding.advice) if finding.ok else for_terminal(finding.advice)}")
    return FINE if well else WRONG


async def _findings(bot: Bot, target: str, store: str) -> AsyncIterator[Finding]:
    if _stranger():
        advice = (
            "python -m pip uninstall convokit: it is another project, whose package has the same name as this one's"
        )
        yield Finding(what="installed packages", ok=False, advice=advice)
    table: Table | None = None
    try:
        table = bot.table()
    except DefinitionError as problem:
        yield Finding(what="definition", ok=False, advice=str(problem))
    else:
        handlers = len(table.routes) + len(table.fallbacks) + len(table.error_routes)
        counts = f"{_count(handlers, 'handler')}, {_count(len(table.dialogs), 'dialog')}"
        yield Finding(what=f"definition: {counts}", ok=True)
    if not bot.transports:
        yield Finding(what="channels: none", ok=False, advice="bot.attach(Telegram.from_env()), or another transport")
    elif any(one.has_webhook for one in bot.transports.values()) and find_spec("uvicorn") is None:
        advice = 'webhooks need the extra "serve": python -m pip install "convokit-sdk[serve]"'
        yield Finding(what="web server", ok=False, advice=advice)
    for transport in bot.transports.values():
        for finding in await _channel(transport):
            yield finding
    for finding in await _store(store, target, table):
        yield finding


def _stranger() -> bool:
    """Whether the unrelated distribution called "convokit" is installed beside this one."""
    try:
        distribution("convokit")
    except PackageNotFoundError:
        return False
    return True


async def _channel(transport: Transport) -> Sequence[Finding]:
    """What a channel says of itself."""
    try:
        transport.check()
    except DefinitionError as problem:
        return [Finding(what=f"{transport.channel}: settings", ok=False, advice=str(problem))]
    found = [Finding(what=f"{transport.channel}: settings", ok=True)]
    try:
        with anyio.fail_after(PATIENCE):
            async with transport:
                found += await transport.examine()
    except TimeoutError:
        advice = f"no answer within {PATIENCE:.0f} seconds: look at the network and the platform's status page"
        found.append(Finding(what=f"{transport.channel}: reached", ok=False, advice=advice))
    except Exception as problem:  # noqa: BLE001  a channel that cannot be looked at is what a doctor is for
        advice = str(problem) if isinstance(problem, ConvokitError) else f"{type(problem).__name__}: {problem}"
        found.append(Finding(what=f"{transport.channel}: reached", ok=False, advice=advice))
    return found


async def _store(url: str, target: str, table: Table | None) -> Sequence[Finding]:
    """Whether the store opens and writes, whom this bot could not place, and what waits for a human."""
    what = f"store {url}"
    try:
        store = open_url(url)
        path = getattr(store, "path", None)
        if isinstance(path, Path) and not path.exists():
            # Opening would make the file, perhaps as another user than the one the bot runs as.
            return [_new_file(what, path.parent)]
        # Without claims it leaves a running bot, and what a stopped one left in flight, alone.
        await store.open(SystemClock(), claims=False)
        try:
            await store.replay(["event:no such key, a write that changes nothing"])
            found = [Finding(what=what, ok=True)]
            found += await _inside(store, url, target, table)
        finally:
            await store.close()
    except ConvokitError as problem:
        return [Finding(what=what, ok=False, advice=str(problem))]
    return found


def _new_file(what: str, folder: Path) -> Finding:
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as problem:
        return Finding(what=what, ok=False, advice=f"{there} cannot be written to: {os.strerror(problem.errno or 0)}")
    return Finding(what=what, ok=True, advice="not there yet: the first run makes it")


async def _inside(store: Store, url: str, target: str, table: Table | None) -> Sequence[Finding]:
    found = []
    lost = table.misplaced(await store.positions()) if table is not None else []
    if lost:
        advice = f"{'; '.join(lost)}. {WAYS_OUT}"
        found.append(Finding(what="conversations that this bot cannot go on with", ok=False, advice=advice))
    stats = await store.stats()
    given_up = stats.failed + stats.sends.get("failed", 0) + stats.sends.get("held", 0)
    if given_up:
        advice = f"convokit failed {target} --store {url}: lists them and puts them back in line"
        found.append(Finding(what=f"{given_up} given up", ok=False, advice=advice))
    return found


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
