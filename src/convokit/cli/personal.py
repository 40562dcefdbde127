"""`convokit export`, `convokit erase`, `convokit audit`: one person's data, and who did what with it."""

import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
from attrs import frozen

from convokit._engine.clock import SystemClock
from convokit._engine.settings import Settings
from convokit.abc import Audited, Erased, Store
from convokit.bot import Bot, open_url
from convokit.cli import exporting
from convokit.cli.speaking import FINE, WRONG, complain, say
from convokit.errors import DefinitionError, StoreUnavailable
from convokit.stores.forgetting import check_user
from convokit.wire.files import FileBox

T = TypeVar("T")

WORDS = {
    "accounts": "accounts of what became of events",
    "conversations": "conversations",
    "entries": "entries of logs",
    "failed": "events that were given up",
    "files": "files",
    "handoffs": "handoffs that ended",
    "profiles": "profiles",
    "records": "records of channels and desk",
    "sends": "messages in the outbox",
    "timers": "timers",
    "values": "values kept by turn.once",
    "waiting": "events that wait",
}


@frozen(kw_only=True)
class Where:
    """Where a bot's data is.

    Args:
        store: The store's URL.
        folder: Where uploaded files lie; None: not known.
        settings: The bot's; the defaults where no bot was named.
    """

    store: str
    folder: Path | None
    settings: Settings


def place(bot: Bot | None, store: str | None, folder: str | None) -> Where:
    """Where the data of a bot is, or of a store alone.

    Raises:
        DefinitionError: Neither is named.
    """
    if bot is None:
        if store is None:
            raise DefinitionError("name the bot or its store: pizza:bot, or --store sqlite:///pizzeria.db")
        return Where(store=store, folder=Path(folder) if folder else None, settings=Settings())
    files = folder or bot.settings.files or f"{bot.name}-files"
    return Where(store=store or f"sqlite:///{bot.name}.db", folder=Path(files), settings=bot.settings)


def export(where: Where, user: str, *, out: str | None, files: bool, notes: bool, by: str | None) -> int:
    """Write what is kept of a person, to a new file or to the standard output.

    Raises:
        DefinitionError: The id is none, the file is there, or no folder of files is known.
        StoreError: The store cannot be opened.
    """
    _checked(user)
    if files and (out is None or where.folder is None):
        raise DefinitionError("--files needs --out FILE, and the bot or --folder FOLDER, where the files are")
    document = Path(out) if out is not None else None
    archive = document.with_name(f"{document.name}.zip") if document is not None and files else None
    for one in (document, archive):
        if one is not None and (one.exists() or one.is_symlink()):
            raise DefinitionError(f"{one} is there already: name a new file")

    async def act(store: Store) -> int:
        clock = SystemClock()
        found = await store.export(user, by=_by(by))
        told = exporting.document(found, clock.now(), notes=notes)
        text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
        if document is None:
            sys.stdout.write(text)
            return FINE
        with exporting.new_private(document) as file:
            file.write(text.encode("utf-8", "replace"))
        say(f"{document}: {len(found.conversations)} conversations, {len(found.profiles)} profiles")
        if archive is not None and where.folder is not None:
            missing = exporting.zipped(archive, where.folder, found.files, exporting.names_of(found))
            say(f"{archive}: {len(found.files) - len(missing)} files")
            for one in missing:
                complain(f"convokit: the file {one} is not in {where.folder} any more")
        return FINE

    return _on(where.store, act)


def erase(where: Where, user: str, *, keep: Sequence[str], yes: bool, dry_run: bool, by: str | None) -> int:
    """Remove what is kept of a person, once somebody has typed the id.

    Raises:
        DefinitionError: The id is none.
        StoreError: The store cannot be opened.
    """
    _checked(user)
    keeps = tuple(dict.fromkeys((*where.settings.erase_keeps, *keep)))

    async def act(store: Store) -> int:
        would = await store.erase(user, keeps=keeps, dry=True)
        if not would.counts:
            say(f"Nothing is kept of {user}.")
            return FINE
        _tell(would, f"Of {user}{_aliases(would)} goes:")
        if dry_run:
            say("Nothing was erased: --dry-run")
            return FINE
        if not yes and _typed(f"Type {user} to erase it for good: ") != user:
            complain("convokit: that is not the id: nothing was erased")
            return WRONG
        erased = await store.erase(user, by=_by(by), keeps=keeps)
        _tell(erased, "Erased:")
        await _clear(store, where, erased)
        say("Backups from before still hold it, and so do the platforms themselves.")
        return FINE

    return _on(where.store, act)


def audit(where: Where, *, user: str | None, limit: int, as_json: bool) -> int:
    """List who exported and erased what, newest first.

    Raises:
        DefinitionError: The id is none.
        StoreError: The store cannot be opened.
    """
    if user is not None:
        _checked(user)

    async def act(store: Store) -> int:
        lines = await store.audited(limit, user=user or "")
        if as_json:
            say(json.dumps([_as_json(one) for one in lines], indent=2))
            return FINE
        for one in lines:
            say(_line(one))
        if not lines:
            say("Nothing was exported or erased.")
        return FINE

    return _on(where.store, act)


# ── pieces ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _on(url: str, act: Callable[[Store], Awaitable[int]]) -> int:
    store = open_url(url)
    path = getattr(store, "path", None)
    if isinstance(path, Path) and not path.exists():
        # Opening would make it, perhaps for another user than the bot's.
        raise StoreUnavailable(f"there is no store {path}; name the bot's own: --store sqlite:///file.db")

    async def opened() -> int:
        await store.open(SystemClock(), claims=False)
        try:
            return await act(store)
        finally:
            await store.close()

    return anyio.run(opened)


def _checked(user: str) -> None:
    try:
        check_user(user)
    except ValueError as problem:
        raise DefinitionError(str(problem)) from None


def _by(given: str | None) -> str:
    """Who does it, for the audit trail: as they say, or the operating system's user."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a process without a user's name
        return "unknown"


def _typed(question: str) -> str:
    if sys.stdin.isatty():
        return input(question)
    return sys.stdin.readline().rstrip("\r\n")


def _aliases(told: Erased) -> str:
    return f", also {', '.join(told.users[1:])}," if told.users[1:] else ""


def _tell(told: Erased, heading: str) -> None:
    say(heading)
    for kind, count in told.counts.items():
        say(f"  {count:>8}  {WORDS.get(kind, kind)}")
    if told.kept:
        say(f"Kept, as the settings or --keep say: {', '.join(told.kept)}")


async def _clear(store: Store, where: Where, erased: Erased) -> None:
    """Remove erased files from the disk."""
    if not erased.files:
        return
    if where.folder is None or not where.folder.is_dir():
        say("Their files are removed by the running bot, at its next purge; or name the bot, or --folder FOLDER.")
        return
    gone = await FileBox(where.folder, store, SystemClock()).tidy()
    say(f"{gone} files were removed from {where.folder}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing"


def _line(one: Audited) -> str:
    kept = f", kept: {', '.join(one.kept)}" if one.kept else ""
    at = one.at.strftime("%Y-%m-%d %H:%M:%S")
    return f"{at} UTC  {one.act} {one.act_id}  by {one.by or '-'}  whose {one.whose[:16]}  {_counts(one.counts)}{kept}"


def _as_json(one: Audited) -> dict[str, object]:
    return {
        "at": exporting.stamp(one.at),
        "act": one.act,
        "act_id": one.act_id,
        "by": one.by,
        "whose": one.whose,
        "counts": dict(one.counts),
        "kept": list(one.kept),
    }
