"""Bodies and proofs made wrong in every way, and the same body written otherwise. Pure."""

import copy
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from convokit.abc import Request, Transport
from convokit.events import Event
from convokit.wire.codec import decode_event, encode_event

NOT_JSON = (b"", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"a":' * 100_000, b'"\\ud800"', b"1" * 5000, b"\x00")
"""Bodies that no platform sends and anybody can."""
JUNK: tuple[Any, ...] = (None, True, -1, 2**70, 1.5, "", "\ud800\0x", "x" * 5000, [], {}, [[[[]]]], {"a": {"a": 1}})
"""What a field of a genuine body is replaced with."""
ODD_VALUES = ("", " ", "-1", "1e9", "9" * 30, "\0x", "\ud7ff\uffff", "x" * 5000, "%", "[]", "\u0665")
"""What a field of a genuine form is replaced with."""
ODD_SIGNATURES = (b"", b" ", b"\0", b"\xff", b"\xc3\xa9", b"sha256=", b"sha1=", b"=" * 64, b"0" * 4096)
"""What stands in the signature's place."""


def storable(transport: Transport, events: Sequence[Event]) -> None:
    """Hold that the events are of this channel, and that what a store writes of them is what it reads back."""
    for event in events:
        assert event.conversation.channel == transport.channel
        assert decode_event(encode_event(event)) == event


def flipped(sample: bytes) -> Iterator[bytes]:
    """The sample with one bit changed, for each of its bits."""
    for place in range(len(sample) * 8):
        wrong = bytearray(sample)
        wrong[place // 8] ^= 1 << place % 8
        yield bytes(wrong)


def is_form(request: Request) -> bool:
    """Whether the call says that its body is a form."""
    return request.headers.get("content-type", b"").lower().startswith(b"application/x-www-form-urlencoded")


def damaged(body: bytes, form: bool) -> Iterator[bytes]:
    """A body with each field deleted, doubled and replaced by each piece of junk; nothing for bodies of other kinds."""
    whole = _parsed(body)
    if whole is None:
        yield from _damaged_form(body) if form else ()
        return
    for path in paths(whole):
        for junk in (_DELETE, *JUNK):
            changed = copy.deepcopy(whole)
            holder = _holder(changed, path)
            if junk is _DELETE:
                del holder[path[-1]]
            else:
                holder[path[-1]] = junk
            yield json.dumps(changed).encode()


def _damaged_form(body: bytes) -> Iterator[bytes]:
    fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    for place, (name, value) in enumerate(fields):
        before, after = fields[:place], fields[place + 1 :]
        yield urlencode([*before, *after]).encode()
        yield urlencode([*before, (name, value), (name, "2"), *after]).encode()
        for junk in ODD_VALUES:
            yield urlencode([*before, (name, junk), *after]).encode()


def spelled_otherwise(body: bytes) -> Iterator[bytes]:
    """A JSON body in which each id, and then all of them, is an integer where it was digits, or the other way round."""
    whole = _parsed(body)
    ids = [path for path in paths(whole) if _is_id(path[-1]) and _respelled(_at(whole, path)) is not None]
    for some in (*([one] for one in ids), *([ids] if len(ids) > 1 else [])):
        changed = copy.deepcopy(whole)
        for path in some:
            _holder(changed, path)[path[-1]] = _respelled(_at(whole, path))
        yield json.dumps(changed).encode()


def with_news(body: bytes) -> Iterator[bytes]:
    """A JSON body with a field in each of its objects that the platform has brought since."""
    whole = _parsed(body)
    for path in ((), *paths(whole)):
        changed = copy.deepcopy(whole)
        if isinstance(inner := _at(changed, path), dict):
            inner["brand_new_field"] = "2031"
            yield json.dumps(changed).encode()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except ValueError:
        return None


def _is_id(name: object) -> bool:
    """By how platforms name them: id, chat_id, messageId, mid."""
    return isinstance(name, str) and (name in {"id", "mid"} or name.endswith(("_id", "Id")))


def _respelled(value: Any) -> Any:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return int(value) if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,17}", value) else None


def _at(whole: Any, path: Sequence[Any]) -> Any:
    for step in path:
        whole = whole[step]
    return whole


def _holder(whole: Any, path: Sequence[Any]) -> Any:
    return _at(whole, path[:-1])


_DELETE = object()


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*before, step)
        yield from paths(inner, (*before, step))
