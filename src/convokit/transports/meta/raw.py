"""What a webhook's JSON is made of, before any of it means something: bounded, clean, of the expected type."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from convokit.wire.signing import whole
from convokit.wire.text import scrub, scrub_json

DEEPEST = 32
"""How many levels of lists and objects one event may have; the platform's own go to about 8."""
LONGEST_RAW = 4000
"""How many characters of an unreadable event are kept for people to look at."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138, as milliseconds 1973


class UnreadableError(ValueError):
    """A part of a webhook is not of the shape it must have; the message names the part."""


def load(body: bytes) -> Any:
    """The JSON of a webhook's body, as lenient as is safe.

    A byte order mark is skipped, broken UTF-8 becomes U+FFFD, bare control characters stand, NaN and infinities become
    None, integers beyond 64 bits stay text: one customer's odd character must not cost the body's other events.

    Raises:
        UnreadableError: It is not JSON, or nested too deep for the parser.
    """
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"the body is not readable JSON ({type(error).__name__})") from error


def _integer(digits: str) -> int | str:
    # Not by a bare int(): it takes quadratic time, and at 4300 digits it fails the whole body.
    value = whole(digits)
    return digits if value is None else value


_DECODER = json.JSONDecoder(strict=False, parse_int=_integer, parse_constant=lambda _: None)


def tame(value: Any) -> Any:
    """A copy that every store can keep.

    Raises:
        UnreadableError: It is nested deeper than `DEEPEST`.
    """
    try:
        return scrub_json(value, DEEPEST)
    except ValueError as error:
        raise UnreadableError(f"cannot be kept: {error}") from error


def snippet(value: Any) -> str:
    """The beginning of it as JSON, for people; empty when it is nested too deep to be written."""
    try:
        return json.dumps(value)[:LONGEST_RAW]
    except RecursionError:
        return ""


def digest(value: Any) -> str:
    """Sixteen hex digits that are the same for the same JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def moment(value: Any) -> datetime | None:
    """A platform's timestamp: seconds or milliseconds since 1970, as number or digits; None for anything else."""
    number = whole(value)
    if number is None or number < 0:
        return None
    try:
        return _EPOCH + (timedelta(milliseconds=number) if number >= _MILLISECONDS_FROM else timedelta(seconds=number))
    except OverflowError:
        return None


def stamp(value: Any) -> str:
    """A timestamp as part of an event's id: its digits as sent; empty when there are none."""
    return str(value) if moment(value) is not None else ""


def identity(value: Any) -> str:
    """A platform's id, which comes as text or as a number; empty when it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return scrub(str(value))


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """`value`, when it is an object.

    Raises:
        UnreadableError: It is not.
    """
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} must be an object, not {type(value).__name__}")
    return value


def listing(value: Any, what: str) -> list[Any]:
    """`value`, when it is a list; empty when it is missing.

    Raises:
        UnreadableError: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError(f"{what} must be a list, not {type(value).__name__}")
    return value


def words(value: Any, what: str) -> str:
    """`value`, when it is text; empty when it is missing.

    Raises:
        UnreadableError: It is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableError(f"{what} must be text, not {type(value).__name__}")
    return value


def part(value: Any, *path: str) -> Any:
    """What lies at `path` in nested objects; None where there is nothing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
