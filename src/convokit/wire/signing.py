"""Secrets, signatures and the few patterns that numbers from outside must match. Pure, and over raw bytes."""

import hashlib
import hmac
import os
import re
from typing import NoReturn, Self

from convokit.errors import DefinitionError

_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_INT64 = 1 << 63


def same(a: bytes, b: bytes) -> bool:
    """Whether two byte strings are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(a, b)


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """The HMAC-SHA-256 of the parts, one after the other: 32 bytes.

    Nothing is put between the parts. Where their borders matter, the caller separates them.

    Raises:
        ValueError: The key is empty: everybody knows it.
    """
    if not key:
        raise ValueError("an HMAC needs a key that is not empty")
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(part)
    return mac.digest()


def digits(text: str) -> int | None:
    """The number that 1 to 12 ASCII digits and nothing else spell; None for anything else.

    `int` would also read "1_0", " 7 " and full-width digits, `float` would read "nan".
    """
    return int(text) if _DIGITS.fullmatch(text) else None


def whole(value: object) -> int | None:
    """A whole number of 64 bits, given as an int or as ASCII digits with an optional minus; None for anything else."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -_INT64 <= value < _INT64 else None


class Secret:
    """A value that never shows: `str`, `repr` and formatting say `***`; only `reveal` gives it.

    Args:
        value: The secret; space around it is dropped. Not empty.
        name: The setting it comes from, for error messages.

    Raises:
        DefinitionError: The value is empty.
        TypeError: It is not a str.
    """

    __slots__ = ("_name", "_value")
    _name: str
    _value: str

    def __init__(self, value: str, name: str = "") -> None:
        if not isinstance(value, str):
            raise TypeError(f"{name or 'a secret'} must be a str, not {type(value).__name__}")
        if not value.strip():
            raise DefinitionError(f"{name or 'a secret'} is empty: give the value that the platform shows")
        self._value = value.strip()
        self._name = name

    @classmethod
    def from_env(cls, name: str) -> Self:
        """The environment variable's value; unset when there is none, so that a bot can be imported anywhere."""
        value = os.environ.get(name, "").strip()
        return cls(value, name) if value else cls.unset(name)

    @classmethod
    def unset(cls, name: str) -> Self:
        """A secret that is still missing: false in a condition, and `reveal` raises."""
        made = cls.__new__(cls)
        made._value = ""  # noqa: SLF001  a constructor beside __init__
        made._name = name  # noqa: SLF001  a constructor beside __init__
        return made

    @property
    def name(self) -> str:
        """The setting it comes from; may be empty."""
        return self._name

    def reveal(self) -> str:
        """The value.

        Raises:
            DefinitionError: It is not set; the message names the setting.
        """
        if not self._value:
            raise DefinitionError(f"{self._name or 'a secret'} is not set")
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return same(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere: it cannot be pickled or copied")
