"""What a dialog is made of, in words: the same in every process, so that a change under the same version is noticed."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Any, Protocol, Union, get_args, get_origin, get_type_hints

import attrs

from convokit.wire.codec import encode


class Versioned(Protocol):
    """A dialog, as far as its versions go."""

    name: str
    version: int
    beside: Any

    @property
    def memory(self) -> Any:
        """The class of what it remembers."""
        ...

    @property
    def states(self) -> Mapping[str, Any]:
        """The states by name, in order."""
        ...

    @property
    def migrations(self) -> dict[int, Any]:
        """What leads from each older version to the next."""
        ...

    def named(self, name: str) -> Any:
        """The state of this name, or that had it in an earlier version; None: there is none."""
        ...


Description = Mapping[str, Mapping[str, str]]
"""For each state, and for "memory", what it is made of, by name."""

MEMORY = "memory"
STATE = "state "
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_DEEPEST = 6


def described(dialog: Versioned) -> Description:
    """The states with their goals and expectations, and the fields of the memory with their types."""
    found: dict[str, Mapping[str, str]] = {
        f"{STATE}{state.name}": {"expect": told(state.expect), "to": ", ".join(state.to)}
        for state in dialog.states.values()
    }
    return {**found, MEMORY: _fields(dialog.memory, ())}


def digest(description: Description) -> str:
    """Twelve characters; other ones for another description."""
    from hashlib import blake2b  # noqa: PLC0415  OpenSSL's hashes cost the start of every program 5 ms

    return blake2b(encode(description), digest_size=6).hexdigest()


def changes(old: Description, new: Description) -> Iterator[str]:
    """What has changed, a phrase each."""
    for part in sorted({*old, *new}):
        if part not in new:
            yield f"{part} is gone"
        elif part not in old:
            yield f"{part} is new"
        else:
            yield from _changes(part, old[part], new[part])


def _changes(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            continue
        field = f"{what}.{name}" if what == MEMORY else f"{what}: {name}"
        if name not in new:
            yield f"{field} is gone"
        elif name not in old:
            yield f"{field} is new ({new[name]})"
        else:
            yield f"{field} was {old[name]}, and is {new[name]}"


def told(value: object, depth: int = 0) -> str:
    """A value as text: by its fields, sets in order, functions by their names, never by an address in memory."""
    if depth > _DEEPEST:
        return "…"
    if (name := _own_name(value)) is not None:
        return name
    kind: Any = type(value)
    if attrs.has(kind):
        fields = (one for one in attrs.fields(kind) if one.init)
        inside = (f"{one.alias or one.name}={told(getattr(value, one.name), depth + 1)}" for one in fields)
        return f"{kind.__name__}({', '.join(inside)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{told(k, depth + 1)}: {told(v, depth + 1)}' for k, v in value.items())}}}"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(told(one, depth + 1) for one in value))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(told(one, depth + 1) for one in value)}]"
    if kind.__repr__ is object.__repr__:
        return _object(value, depth)
    return _ADDRESS.sub("", repr(value))


def _own_name(value: object) -> str | None:
    """What names a value by itself: a class, a function, one of an enumeration, a pattern."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, re.Pattern):
        return repr(value.pattern)
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) and callable(value) else None


def _object(value: object, depth: int) -> str:
    """An object that does not show itself: its class and what it holds."""
    held = getattr(value, "__dict__", {})
    inside = ", ".join(f"{name}={told(one, depth + 1)}" for name, one in sorted(held.items()))
    return f"{type(value).__name__}({inside})"


def _fields(kind: type[Any], above: tuple[object, ...]) -> dict[str, str]:
    try:
        hints = get_type_hints(kind)
    except (NameError, TypeError):
        hints = {}
    return {one.name: _type(hints.get(one.name, one.type), (*above, kind)) for one in attrs.fields(kind)}


def _type(kind: Any, above: tuple[object, ...]) -> str:
    """A type as text: classes of one's own with their fields, since these are stored too."""
    if kind is None or kind is type(None):
        return "None"
    if isinstance(kind, str):
        return kind
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Union or origin is UnionType:
        return " | ".join(_type(one, above) for one in inside)
    if origin is not None:
        name = getattr(origin, "__name__", str(origin))
        return f"{name}[{', '.join('…' if one is ... else _type(one, above) for one in inside)}]"
    if isinstance(kind, type) and attrs.has(kind) and kind not in above:
        fields = ", ".join(f"{name}: {one}" for name, one in _fields(kind, above).items())
        return f"{kind.__name__}({fields})"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{kind.__name__}({', '.join(one.name for one in kind)})"
    return kind.__name__ if isinstance(kind, type) else told(kind)
