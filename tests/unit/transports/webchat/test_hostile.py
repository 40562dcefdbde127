"""Whatever a page says, the server stands, and says no more than it should."""

import json
import logging
from functools import partial
from typing import Any

import anyio
import pytest
from browsers import Closed
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from convokit.transports.webchat import Bounds

WIDE = Bounds(
    sockets=1000,
    per_visitor=100,
    per_address=1000,
    connects=(10_000, 0.01),
    frames=(10_000, 0.01),
    sends=(10_000, 0.01),
    uploads=(1000, 0.01),
    conversations=(1000, 0.01),
    visitors=(10_000, 0.01),
)

TEXT = st.text(max_size=20) | st.sampled_from(["\ud800", "\u0000", "c_x", "greeting", "b:1:0", "u:x", "customer:ida"])
NUMBERS = st.integers() | st.floats(allow_nan=False) | st.sampled_from([2**63, 2**64, -1, 1e308, 10**400])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
CIDS = st.sampled_from(["cid_01234567890001", "cid_01234567890002"]) | TEXT
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "cid": CIDS | VALUES,
        "text": TEXT | VALUES,
        "files": st.lists(TEXT, max_size=3) | VALUES,
        "choice": st.fixed_dictionaries({"of": TEXT, "value": TEXT, "label": TEXT}) | VALUES,
        "location": st.fixed_dictionaries({"lat": NUMBERS, "lon": NUMBERS, "title": TEXT | VALUES}) | VALUES,
        "name": st.sampled_from(["person", "bot", "end", "rate", "new", "card", "choice"]) | VALUES,
        "args": VALUES,
        "on": VALUES,
        "seq": NUMBERS | VALUES,
        "before": NUMBERS | VALUES,
        "after": NUMBERS | VALUES,
        "limit": NUMBERS | VALUES,
        "token": VALUES,
        "conv": VALUES,
        "log": VALUES,
        "v": st.just(1) | VALUES,
        "ref": TEXT | VALUES,
        "source": VALUES,
        "context": VALUES,
        "lang": st.just("ar") | VALUES,
        "n": VALUES,
    },
)
KINDS = st.sampled_from(["hello", "send", "act", "typing", "seen", "got", "more", "auth", "ping", "pong", "entry"])
FRAMES = st.builds(lambda kind, fields: {**fields, "t": kind}, KINDS | TEXT, FIELDS)


class Faults(logging.Handler):
    """What was logged as a fault of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(logging.Formatter().format(record))


def run_with(open_shop: Any, chat: Any) -> None:
    faults = Faults()
    logging.getLogger().addHandler(faults)
    try:
        anyio.run(partial(chat, open_shop), backend="trio")
    finally:
        logging.getLogger().removeHandler(faults)
    assert not faults.found, "\n".join(faults.found)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(FRAMES, max_size=12))
@example(frames=[{"t": "send", "cid": "cid_01234567890001", "text": "\ud800"}])
@example(frames=[{"t": "send", "cid": "cid_01234567890001", "location": {"lat": 10**400, "lon": 0}}])
@example(frames=[{"t": "more", "before": 10**20}, {"t": "seen", "seq": 2**63}])
@example(frames=[{"t": "ping", "n": "\ud800"}, {"t": "hello", "v": 1, "context": {"\ud800": 10**400}}])
def test_random_frames_never_make_the_server_fall_over(open_shop: Any, frames: list[dict[str, Any]]) -> None:
    async def chat(open_it: Any) -> None:
        async with open_it(bounds=WIDE, keys={"k1": "k" * 40}) as shop:
            page = shop.browser()
            await page.visit()
            ends: list[int] = []
            for frame in frames:
                async with page.open() as line:
                    await line.hello()
                    await line.raw(json.dumps(frame))
                    await line.raw(json.dumps({"t": "ping", "n": 424242}))
                    try:
                        while (await line.next()) != {"t": "pong", "n": 424242}:
                            pass
                    except Closed as end:
                        ends.append(end.code)
            await shop.engine.quiet()
            assert all(4400 <= code < 4500 for code in ends), ends
            assert not await shop.engine.failed()

    run_with(open_shop, chat)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.text(max_size=200) | st.binary(max_size=50).map(lambda one: one.decode("latin-1")))
def test_what_is_no_frame_at_all_closes_the_line_with_our_word_for_it(open_shop: Any, raw: str) -> None:
    async def chat(open_it: Any) -> None:
        async with open_it(bounds=WIDE) as shop:
            page = shop.browser()
            await page.visit()
            async with page.open() as line:
                await line.hello()
                await line.raw(raw)
                assert (await line.closed()).code == 4400

    run_with(open_shop, chat)


HEADERS = st.dictionaries(
    st.sampled_from(["cookie", "authorization", "origin", "host", "sec-fetch-site", "content-type", "x-name"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
    | st.sampled_from(["Bearer x", "Bearer ckv_x", "Bearer a.b.c", "https://[", "null", "localhost:1", "[::1]:8000"]),
    max_size=4,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "DELETE", "HEAD"]),
    path=st.sampled_from(
        ["v1/visit", "v1/poll", "v1/ws", "v1/files/x", "v1/files/f_x?e=1&s=2", "v1/entry/c_x/dTp4/0?e=9999999999&s=x"]
    )
    | st.text(max_size=30).map(lambda one: f"v1/entry/{one}"),
    headers=HEADERS,
    body=VALUES.map(lambda one: json.dumps(one).encode()) | st.binary(max_size=60),
)
def test_random_requests_are_never_a_fault_of_the_server(
    open_shop: Any, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    async def chat(open_it: Any) -> None:
        async with open_it(bounds=WIDE, keys={"k1": "k" * 40}) as shop:
            reply = await shop.browser(path="/web").request(
                method, path.encode("ascii", "ignore").decode(), body, headers
            )
            assert reply.status < 500, (reply.status, reply.body)

    run_with(open_shop, chat)


@pytest.mark.anyio
async def test_a_note_among_operators_is_on_no_wire_of_the_visitor(open_shop: Any) -> None:
    from convokit import Message, NoteWritten, User  # noqa: PLC0415  beside its only use

    async with open_shop(bounds=WIDE) as shop:
        page = shop.browser()
        await page.visit()
        async with page.open() as line:
            await line.hello()
            await line.send("send", cid="cid_01234567890001", text="hi")
            ack = await line.until("ack")
            where = shop.conversation(ack["conv"])
            note = NoteWritten(
                id="o_grace:note", conversation=where, at=shop.clock.now(), operator=User(id="o_grace"),
                message=Message("CANARY"),
            )  # fmt: skip
            await shop.engine.accept([note])
            await shop.engine.quiet()
            await line.send("send", cid="cid_01234567890002", text="more")
            await shop.engine.quiet()
            await line.send("more", before=100, limit=50)
            told = await line.waiting()
            choice = {"of": "o:o_grace:note", "value": "x", "label": "x"}
            await line.send("send", cid="cid_01234567890003", choice=choice)
            told += await line.waiting()
        async with page.open() as line:
            told.append(await line.hello())
        polled = await page.post("v1/poll", {"sid": None, "conv": None, "log": None, "after": 0, "frames": []})
        log = await shop.store.log(where)
    assert any(one.entry.message.text == "CANARY" for one in log.entries)
    assert "CANARY" not in str(told) + polled.body.decode()
    numbers = [one["seq"] for one in told[-1]["entries"]]
    assert numbers == list(range(1, len(numbers) + 1)), "and leaves no hole to count"
