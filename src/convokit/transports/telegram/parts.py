"""Reading one field of what came from outside: of the promised kind, scrubbed, bounded, or `UnreadableError`."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from convokit.people import User
from convokit.wire.signing import whole
from convokit.wire.text import scrub

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_LAST_SECOND = 253_402_300_799  # of the year 9999, where datetime ends


class UnreadableError(ValueError):
    """A part is missing, or not of the kind that Telegram's documentation promises."""


def part(of: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under `name`; raises when there is none."""
    found = of.get(name)
    if not isinstance(found, dict):
        raise UnreadableError(f"{name} is not an object")
    return found


def optional(of: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The object under `name`; None when it is absent or null; raises for anything else."""
    return None if of.get(name) is None else part(of, name)


def integer(of: dict[str, Any], name: str) -> int:
    """The whole number of 64 bits under `name`, given as number or digits; raises when there is none."""
    found = whole(of.get(name))
    if found is None:
        raise UnreadableError(f"{name} is not a whole number of 64 bits")
    return found


def words(of: Mapping[str, Any], name: str) -> str:
    """The text under `name`, scrubbed; empty when it is absent or null; raises for anything else."""
    found = of.get(name, "")
    if found is None:
        return ""
    if not isinstance(found, str):
        raise UnreadableError(f"{name} is not text")
    return scrub(found)


def degrees(of: dict[str, Any], name: str, bound: float) -> float:
    """The number under `name`, at most `bound` either way; raises for anything else."""
    found = of.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UnreadableError(f"{name} is not a number")
    if not (math.isfinite(found) and -bound <= found <= bound):
        raise UnreadableError(f"{name} is out of range")
    return float(found)


def moment(seconds: object, otherwise: datetime) -> datetime:
    """A Unix time in seconds as UTC; `otherwise` when it is none, or outside the years 1970 to 9999."""
    number = whole(seconds)
    if number is None or not 0 < number <= _LAST_SECOND:
        return otherwise
    return datetime.fromtimestamp(number, UTC)


def user_of(given: object) -> User | None:
    """A Telegram user; None for null. Raises when it is no object or has no id."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise UnreadableError("a user is not an object")
    locale = given.get("language_code")
    return User(
        id=str(integer(given, "id")),
        name=full_name(given),
        locale=locale if isinstance(locale, str) and _LOCALE.fullmatch(locale) else "",
        username=words(given, "username")[:64],
    )


def full_name(of: dict[str, Any]) -> str:
    """First and last name, at most 256 characters."""
    return f"{words(of, 'first_name')} {words(of, 'last_name')}".strip()[:256]
