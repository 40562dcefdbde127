"""JSON from outside, read even where one character in it is broken."""

import json
from typing import Any, NoReturn

import msgspec


def read_json(body: bytes) -> Any:
    """A body as JSON's own types. Lone surrogates pass, for `text.scrub` to replace; NaN and infinities do not.

    Raises:
        ValueError: It is not JSON, or nested too deep, or holds a number of thousands of digits.
    """
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors; it refuses lone surrogates
        pass
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not JSON that can be read ({type(error).__name__})") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
