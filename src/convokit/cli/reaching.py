"""The store that a command looks into, beside the bot that may run on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from convokit._engine.clock import SystemClock
from convokit.abc import Store
from convokit.bot import open_url
from convokit.errors import StoreUnavailable


def existing(url: str) -> Store:
    """The store that a URL names; one that would have to be made first is refused.

    Raises:
        DefinitionError: No store is known for the URL.
        StoreUnavailable: There is none yet.
    """
    store = open_url(url)
    path = getattr(store, "path", None)
    if isinstance(path, Path) and not path.exists():
        # Opening would make it, perhaps for another user than the bot's.
        raise StoreUnavailable(f"there is no store {path}; name the bot's own: --store sqlite:///file.db")
    return store


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """The store, open for as long as it is looked into; it leaves a running bot alone."""
    await store.open(SystemClock(), claims=False)
    try:
        yield store
    finally:
        await store.close()
