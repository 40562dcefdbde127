"""What all values have in common: they compare, hash and show themselves by their fields.

attrs would write these methods anew for each of a hundred classes, and compiling them is a third of the time that
`import convokit` takes. Written once, they cost a comparison about a microsecond more.
"""

from functools import cache
from typing import Any

from attrs import fields


@cache
def _compared(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.eq)


@cache
def _shown(kind: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.alias or one.name) for one in fields(kind) if one.repr)


class Value:
    """A frozen attrs class made with `eq=False, repr=False`: two are equal when class and fields are."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        kind: Any = type(self)
        return all(getattr(self, name) == getattr(other, name) for name in _compared(kind))

    def __hash__(self) -> int:
        kind: Any = type(self)
        return hash((kind, *(getattr(self, name) for name in _compared(kind))))

    def __repr__(self) -> str:
        kind: Any = type(self)
        shown = ", ".join(f"{alias}={getattr(self, name)!r}" for name, alias in _shown(kind))
        return f"{kind.__name__}({shown})"
