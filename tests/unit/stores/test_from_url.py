"""A store is named by a URL."""

from pathlib import Path

import pytest

from convokit.bot import open_url
from convokit.errors import DefinitionError
from convokit.stores import Memory, SQLite, from_url


@pytest.mark.parametrize(
    ("url", "path", "synchronous"),
    [
        ("sqlite:///pizzeria.db", "pizzeria.db", "FULL"),
        ("sqlite:///data/pizzeria.db", "data/pizzeria.db", "FULL"),
        ("sqlite:////var/lib/pizzeria.db", "/var/lib/pizzeria.db", "FULL"),
        ("sqlite:///pizzeria.db?synchronous=normal", "pizzeria.db", "NORMAL"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str, synchronous: str) -> None:
    store = from_url(url)
    assert isinstance(store, SQLite)
    assert (store.path, store.synchronous) == (Path(path), synchronous)


def test_memory_is_a_store_in_memory() -> None:
    assert isinstance(from_url("memory:"), Memory)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pizzeria.db",
        "sqlite:pizzeria.db",
        "sqlite://pizzeria.db",
        "sqlite:///",
        "sqlite:///x.db?cache=shared",
        "sqlite:///x.db?synchronous=off",
        "sqlite:///:memory:",
        "redis://localhost",
    ],
)
def test_any_other_url_is_refused_with_what_is_known(url: str) -> None:
    with pytest.raises(DefinitionError, match=r"sqlite:///pizzeria.db|convokit.stores.Memory"):
        from_url(url)


def test_a_refusal_shows_no_password() -> None:
    with pytest.raises(DefinitionError) as raised:
        from_url("postgresql://bot:hunter2@localhost/bot")
    assert "hunter2" not in str(raised.value)
    assert "localhost" in str(raised.value)


def test_a_url_that_no_installed_store_knows_is_refused_without_its_password() -> None:
    with pytest.raises(DefinitionError) as raised:
        open_url("mongodb://bot:hunter2@localhost/bot")
    assert "hunter2" not in str(raised.value)
    assert "no installed store is called 'mongodb'" in str(raised.value)
    assert "memory, sqlite" in str(raised.value)
