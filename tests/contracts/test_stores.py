"""Every store keeps the same promises."""

from pathlib import Path

from convokit.abc import Store
from convokit.stores import Memory, SQLite
from convokit.testing.store_contract import StoreContract


class TestMemory(StoreContract):
    def make(self, folder: Path) -> Store:
        del folder
        return Memory()


class TestSQLite(StoreContract):
    def make(self, folder: Path) -> Store:
        return SQLite(folder / "store" / "bot.db")

    def after_crash(self, store: Store) -> Store:
        assert isinstance(store, SQLite)
        return SQLite(store.path)

    def opened_copy(self, store: Store, path: Path) -> Store:
        del store
        return SQLite(path)
