"""Patches on the seams of engine and stores, put on in one process and counted."""

import inspect
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

import pytest
from attrs import define, field, frozen


class Unfit(Exception):
    """A patch is on nothing: what it was to change is gone, or nobody comes by there."""


@define
class Patches:
    """The patches of one mutant, in this process.

    Args:
        patch: Puts them on, and takes them off.
        told: Called with each patch's name when the first call comes by it.
    """

    patch: pytest.MonkeyPatch
    told: Callable[[str], None] = lambda _: None
    unused: set[str] = field(factory=set)

    def replace(self, owner: Any, name: str, worse: Callable[[Any], Any]) -> None:
        """Put what `worse` makes of a method, or of a module's function, in its place.

        Raises:
            Unfit: There is none of this name.
        """
        where = f"{owner.__name__}.{name}"
        if name not in vars(owner):
            raise Unfit(f"{where} is gone: put the patch where its work is done now")
        made = worse(getattr(owner, name))
        self.unused.add(where)

        @wraps(made)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.used(where)
            return made(*args, **kwargs)

        self.patch.setattr(owner, name, staticmethod(counted) if _static(owner, name) else counted)

    def says(self, owner: Any, name: str, words: Iterable[str]) -> None:
        """Raise `Unfit` when what a method says in SQL has not all of these words."""
        said = " ".join(one for one in getattr(owner, name).__code__.co_consts if isinstance(one, str))
        if gone := [one for one in words if one not in said]:
            raise Unfit(f"{owner.__name__}.{name} does not say {gone} any more: reword what it says now")

    def used(self, where: str) -> None:
        """Somebody came by."""
        if where in self.unused:
            self.unused.discard(where)
            self.told(where)

    def check(self) -> None:
        """Raise `Unfit` when nobody came by one of the patches."""
        if self.unused:
            raise Unfit(f"nobody came by {', '.join(sorted(self.unused))}: put the patch where this is done now")


def _static(owner: Any, name: str) -> bool:
    return inspect.isclass(owner) and isinstance(vars(owner)[name], staticmethod)


@frozen
class Reworded:
    """A connection that says one thing in place of another in its SQL."""

    db: sqlite3.Connection
    words: Mapping[str, str]

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Reword, and execute."""
        for old, new in self.words.items():
            if old in sql:
                sql = sql.replace(old, new)
        return self.db.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)
