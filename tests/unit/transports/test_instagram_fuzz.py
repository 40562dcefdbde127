"""Whatever a signed Instagram body holds: no crash, no invented event, nothing a store cannot keep."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from convokit.abc import Received
from convokit.errors import Malformed
from convokit.events import Event
from convokit.transports.instagram.parse import reader
from convokit.wire.codec import decode_event, encode_event

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FROM = {"sender": {"id": "IGSID"}, "recipient": {"id": "IGID"}, "timestamp": 1790000000123}
CDN = {"url": "https://cdn/x"}
REFERRAL = {"ad_id": "9", "source": "ADS", "type": "OPEN_THREAD", "ads_context_data": {"ad_title": "t"}}
COMMENT = {"id": "c1", "text": "How much?", "from": {"id": "IGSID", "username": "ada"}, "media": {"id": "5"}}
SEEDS: list[dict[str, Any]] = [
    {**FROM, **one}
    for one in (
        {"message": {"mid": "m1", "text": "Hello", "reply_to": {"mid": "m0"}, "referral": REFERRAL}},
        {"message": {"mid": "m2", "text": "Red", "quick_reply": {"payload": "C_RED"}}},
        {"message": {"mid": "m3", "attachments": [{"type": "image", "payload": CDN}]}},
        {"message": {"mid": "m4", "attachments": [{"type": "story_mention", "payload": CDN}]}},
        {"message": {"mid": "m5", "attachments": [{"type": "share", "payload": CDN}]}},
        {"message": {"mid": "m6", "text": "Wow", "reply_to": {"story": {"id": "s", "url": "https://cdn/s"}}}},
        {"message": {"mid": "m7", "is_echo": True, "metadata": "instagram:IGSID:1:0"}},
        {"message": {"mid": "m8", "is_deleted": True}},
        {"message": {"mid": "m9", "is_unsupported": True}},
        {"message": {"mid": "m10", "text": "Warm?", "referral": {"product": {"id": "55"}}}},
        {"postback": {"mid": "m11", "title": "Open?", "payload": "hours"}},
        {"referral": {"ref": "p", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}},
        {"reaction": {"mid": "m1", "action": "react", "reaction": "love", "emoji": "x"}},
        {"read": {"mid": "m1"}},
        {"game_play": {"score": 1}},
    )
]  # fmt: skip
FIELDS = ["messages", "messaging_postbacks", "messaging_seen", "message_reactions", "messaging_referral", "standby"]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "x",
    "\ud800",
    "\0",
    "９",
    [],
    {},
    [[]],
]


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here] if here else []
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += paths(one, (*here, key))
    return found


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """One to three recorded shapes, in one of the envelopes."""
    some = copy.deepcopy(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3)))
    entry: dict[str, Any] = {"id": "IGID", "time": 1790000000000}
    match draw(st.sampled_from(["messaging", "standby", "changes", "beside", "comment"])):
        case "changes":
            return entry | {"changes": [{"field": draw(st.sampled_from(FIELDS)), "value": one} for one in some]}
        case "beside":
            return entry | {"field": draw(st.sampled_from(FIELDS)), "value": some[0]}
        case "comment":
            return entry | {"changes": [{"field": "comments", "value": copy.deepcopy(COMMENT)}]}
        case name:
            return entry | {name: some}


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """A body with an entry, and up to four wounds."""
    body: Any = {"object": "instagram", "entry": [draw(entries())]}
    for _ in range(draw(st.integers(0, 4))):
        places = paths(body)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        parent = body
        for step in way:
            parent = parent[step]
        match draw(st.sampled_from(["delete", "mistype", "nest", "add"])):
            case "delete":
                del parent[last]
            case "mistype":
                parent[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
            case "nest":
                parent[last] = nested(draw(st.sampled_from([3, 20, 40, 300])))
            case _:
                if isinstance(parent, dict):
                    parent[draw(st.text(max_size=5))] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return body


def read(body: bytes, account_id: str = "") -> Received | None:
    try:
        return reader("instagram", account_id).read(body, NOW)
    except Malformed:
        return None


def strings(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {str(key) for key in value} | {one for part in value.values() for one in strings(part)}
    if isinstance(value, list):
        return {one for part in value for one in strings(part)}
    return {str(value)}


def check(body: Any, received: Received) -> None:
    """Nothing is said that is not there, and every event can be kept."""
    given_words = {one.replace("\ud800", "\ufffd").replace("\0", "") for one in strings(body)}
    # Null, and what JSON does not have and is read as null (infinity), is no entry.
    given_entries = body["entry"] if isinstance(body["entry"], list) else []
    items = sum(
        len(entry[name]) if isinstance(entry.get(name), list) else 1
        for entry in given_entries
        if isinstance(entry, dict)
        for name in ("messaging", "standby", "changes", "field")
        if name in entry
    )
    assert len(received.events) <= 4 * items + len(given_entries)
    for event in received.events:
        assert decode_event(encode_event(event)) == event
        place = event.conversation.id
        for prefix in ("account:", "comment:", "user_ref:"):
            place = place.removeprefix(prefix)
        assert place in given_words | {"unknown"}
        if event.said:
            assert event.user is not None
            assert event.user.id == event.conversation.id
            assert_said(event, given_words)
    for evidence in received.evidence:
        assert evidence.key in given_words


def assert_said(event: Event, given_words: set[str]) -> None:
    for name in ("text", "payload", "label", "ref"):
        value = getattr(event, name, "")
        assert not value or value in given_words


@settings(deadline=None)
@given(bodies())
@example({"object": "instagram", "entry": float("inf")})
def test_wounded_bodies_crash_nothing_and_invent_nothing(body: Any) -> None:
    received = read(json.dumps(body).encode())
    if received is not None:
        check(body, received)


@settings(deadline=None)
@given(bodies())
def test_of_another_accounts_events_none_pass(body: Any) -> None:
    received = read(json.dumps(body).encode(), account_id="OTHER")
    if received is not None:
        assert not [one for one in received.events if one.said or one.receipt]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(json_values, max_size=4))
def test_any_json_in_place_of_events_is_kept_raw(items: list[Any]) -> None:
    body = {"object": "instagram", "entry": [{"id": "IGID", "messaging": items}]}
    received = read(json.dumps(body).encode("utf-8", "surrogatepass"))
    assert received is not None
    check(body, received)
    assert len(received.events) >= len(items)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_malformed_or_read(body: bytes) -> None:
    read(body)
