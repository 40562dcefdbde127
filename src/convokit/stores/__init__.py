"""Where everything is kept: `SQLite`, the default, and `Memory`, for tests."""

from urllib.parse import parse_qs

from convokit.abc import Store
from convokit.errors import DefinitionError
from convokit.stores.memory import Memory
from convokit.stores.sqlite import SQLite

__all__ = ["Memory", "SQLite", "from_url"]

_KNOWN = (
    "known are sqlite:///pizzeria.db (a file in the current folder), sqlite:////var/lib/pizzeria.db (an absolute path; "
    "both take ?synchronous=NORMAL) and memory: (lost with the process)"
)


def from_url(url: str) -> Store:
    """The store that a URL names: `sqlite:///relative.db`, `sqlite:////absolute.db` or `memory:`; not opened yet.

    Raises:
        DefinitionError: The URL names none; the message lists what is known.
    """
    if url == "memory:":
        return Memory()
    if not url.startswith("sqlite:///"):
        raise DefinitionError(f"no store is known for {_without_secrets(url)!r}: {_KNOWN}")
    path, _, query = url.removeprefix("sqlite:///").partition("?")
    settings = parse_qs(query, keep_blank_values=True)
    synchronous = settings.pop("synchronous", ["FULL"])[-1].upper()
    if not path or settings or synchronous not in {"FULL", "NORMAL"}:
        raise DefinitionError(f"the store's URL {url!r} cannot be read: {_KNOWN}")
    return SQLite(path, synchronous="NORMAL" if synchronous == "NORMAL" else "FULL")


def _without_secrets(url: str) -> str:
    """A URL without what may be a password: what stands between `//` and `@`."""
    scheme, slashes, rest = url.partition("//")
    return f"{scheme}{slashes}…@{rest.rpartition('@')[2]}" if "@" in rest else url
