"""What `convokit export` writes: one JSON document about one person, without what is other people's or the staff's."""

import os
import stat
import zipfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from convokit.abc import Belongings, Personal, SendAccount, Shelved
from convokit.conversations import Conversation, Entry, Handoff, Logged
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.wire.codec import decode_json, to_json

FORMAT = "convokit-export-1"
BOOKKEEPING = frozenset({"aliases", "file-cids", "file-quotas"})
"""Shelves that say nothing about a person that is not said elsewhere."""
STAFF = "inbox-"
"""What the names of shelves begin with that operators write: drafts, tags, who was asked."""
SECRET = frozenset({"session", "token", "secret", "ticket", "password", "hash"})
"""Names of values that open something."""


def document(found: Personal, at: datetime, *, notes: bool) -> dict[str, Any]:
    """What is kept of a person, as JSON values in a stable order.

    Args:
        found: What the store holds.
        at: When it was read (UTC).
        notes: Whether what operators wrote for each other is in it.
    """
    return {
        "format": FORMAT,
        "exported_at": stamp(at),
        "person": found.users[0],
        "also_known_as": list(found.users[1:]),
        "profiles": [{"id": one.id, "facts": to_json(one.facts)} for one in found.profiles],
        "conversations": [_conversation(one, notes=notes) for one in found.conversations],
        "kept_by_channels": [kept for one in found.shelf if (kept := _shelved(one, notes=notes)) is not None],
        "files": list(found.files),
    }


def stamp(moment: datetime) -> str:
    """A time in ISO 8601, UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def _conversation(one: Belongings, *, notes: bool) -> dict[str, Any]:
    entries = [_entry(logged, notes=notes) for logged in one.entries if notes or not logged.entry.private]
    return {
        "conversation": str(one.conversation.id),
        "alone_with_the_bot": one.alone,
        "state": _state(one.conversation),
        "entries": entries,
        "waiting": [_event(waits.event) for waits in one.waiting if waits.event.user is not None],
        "failed": [
            {"given_up_at": stamp(failed.at), **_event(failed.what)}
            for failed in one.failed
            if isinstance(failed.what, Event) and failed.what.user is not None
        ],
        "handled": [_event(event) for event in one.handled if event.user is not None],
        "sends": [_send(send) for send in one.sends if not send.send.desk],
        "timers": [{"name": timer.name, "due": stamp(timer.due), "data": to_json(timer.data)} for timer in one.timers],
        "handoffs": [_handoff(handoff, notes=notes) for handoff in one.handoffs],
    }


def _state(conversation: Conversation) -> dict[str, Any]:
    return {
        "user": None if conversation.user is None else to_json(conversation.user),
        "memory": to_json(conversation.memory),
        "dialogs": [
            {"dialog": one.dialog, "state": one.state, "memory": to_json(one.memory)} for one in conversation.positions
        ],
    }


def _entry(logged: Logged, *, notes: bool) -> dict[str, Any]:
    entry = logged.entry
    said: dict[str, Any] = {
        "number": logged.number,
        "at": stamp(entry.at),
        "author": entry.author,
        "name": entry.name,
        "kind": entry.kind,
    }
    # What changes of who speaks say in words is for colleagues.
    if notes or _public(entry):
        said["message"] = to_json(entry.message)
    return said


def _public(entry: Entry) -> bool:
    return entry.kind == "said" and not entry.private


def _event(event: Event) -> dict[str, Any]:
    fields: Mapping[str, Any] = to_json(event)
    return {"kind": type(event).__name__, **{name: value for name, value in fields.items() if name != "conversation"}}


def _send(account: SendAccount) -> dict[str, Any]:
    return {
        "by": account.send.by,
        "state": account.state,
        "written_at": stamp(account.written_at),
        "finished_at": _maybe(account.finished_at),
        "message": to_json(account.send.message),
    }


def _handoff(handoff: Handoff, *, notes: bool) -> dict[str, Any]:
    told = {
        "opened_at": stamp(handoff.opened_at),
        "taken_at": _maybe(handoff.taken_at),
        "closed_at": _maybe(handoff.closed_at),
        "operator": handoff.operator_name,
    }
    return {**told, "reason": handoff.reason, "outcome": handoff.outcome} if notes else told


def _shelved(one: Shelved, *, notes: bool) -> dict[str, Any] | None:
    if one.shelf in BOOKKEEPING or (one.shelf.startswith(STAFF) and not notes):
        return None
    try:
        value = decode_json(one.value)
    except ValueError:
        return None
    return {"shelf": one.shelf, "value": _without_secrets(value)}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(one) for key, one in value.items() if key not in SECRET}
    return [_without_secrets(one) for one in value] if isinstance(value, list) else value


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def new_private(path: Path) -> IO[bytes]:
    """A new file that only this user can read; nothing that is there already is followed or written over.

    Raises:
        DefinitionError: Something is there, or the folder is not.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.fdopen(os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR), "wb")
    except FileExistsError:
        raise DefinitionError(f"{path} is there already: name a new file") from None
    except OSError as problem:
        raise DefinitionError(f"{path} cannot be written: {problem.strerror}") from problem


def names_of(found: Personal) -> dict[str, str]:
    """What files are called, by their ids, as far as it is known."""
    called = {}
    for one in found.shelf:
        if one.shelf == "files":
            with suppress(ValueError, AttributeError):
                called[one.key] = str(decode_json(one.value).get("name", ""))
    return called


def zipped(path: Path, folder: Path, files: Sequence[str], called: Mapping[str, str]) -> Collection[str]:
    """Write files into a new archive. Returns those that are not in the folder.

    Raises:
        DefinitionError: The archive cannot be made.
    """
    missing = []
    with new_private(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in files:
            name = f"{one}-{called[one]}" if called.get(one) else one
            try:
                archive.write(folder / one, name)
            except FileNotFoundError:
                missing.append(one)
    return missing
