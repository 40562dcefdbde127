"""Values to JSON bytes and back, for stores. Data only: the class is named by the caller, or is one of `KINDS`."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from convokit.events import KINDS, Event
from convokit.messages import ATTACHMENTS, Action, Attachment, Button, Link

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


def _decode_hook(kind: type, value: Any) -> Any:
    if kind is Action:
        return msgspec.convert(value, Link if isinstance(value, dict) and "url" in value else Button)
    if kind is Attachment:
        made = ATTACHMENTS.get(str(value.get("kind"))) if isinstance(value, dict) else None
        if made is None:
            raise ValueError(f"not an attachment: {value!r:.60}")
        return msgspec.convert(value, made)
    if kind is Event:  # pragma: no cover  guarded by the annotation of every field that holds one
        return decode_event(value)
    raise NotImplementedError(f"{kind.__name__} cannot be decoded")


def _made_decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind, dec_hook=_decode_hook, strict=True)


# Typed anew, because mypy takes an attrs class, not only its instances, to be unhashable.
_decoder: Callable[[Any], Any] = cache(_made_decoder)


def encode(value: object) -> bytes:
    """A value of attrs classes, datetimes, decimals, enums and JSON's own types, as JSON.

    Raises:
        TypeError: Something in it has no JSON form; the message names its type.
        UnicodeEncodeError: A text holds a lone surrogate; what comes from outside is scrubbed at the door.
    """
    return _encoder.encode(value)


def decode(kind: type[T], data: bytes) -> T:
    """The inverse of `encode`, into `kind`.

    Raises:
        msgspec.ValidationError: The bytes are JSON of another shape.
    """
    value: T = _decoder(kind).decode(data)
    return value


def encode_event(event: Event) -> bytes:
    """`["Kind", {fields}]`: an event with its kind's name."""
    return b'["' + type(event).__name__.encode() + b'",' + _encoder.encode(event) + b"]"


def decode_event(data: bytes) -> Event:
    """The inverse of `encode_event`.

    Raises:
        ValueError: The kind is unknown: written by a newer version; or the bytes are no event.
    """
    comma = data.find(b",")
    if comma < 0:
        raise ValueError(f"not an encoded event: {data!r:.60}")
    name = data[2 : comma - 1].decode()
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(f"an event of the unknown kind {name!r}: was the store written by a newer convokit?")
    event: Event = _decoder(kind).decode(data[comma + 1 : -1])
    return event


def decode_json(data: bytes) -> Any:
    """JSON's own types out of bytes that `encode` made."""
    return msgspec.json.decode(data)


def to_json(value: object) -> Any:
    """A value as JSON's own types (dict, list, str, …): how a dialog's memory is kept in a conversation."""
    return msgspec.to_builtins(value, str_keys=True)


def from_json(kind: type[T], value: Any) -> T:
    """The inverse of `to_json`, into `kind`. Raises `msgspec.ValidationError` when the shape differs."""
    return msgspec.convert(value, kind, dec_hook=_decode_hook, str_keys=True)
