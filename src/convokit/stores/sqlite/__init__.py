"""The store in one SQLite file: the default, for a bot on one machine."""

from convokit.stores.sqlite.store import SQLite

__all__ = ["SQLite"]
