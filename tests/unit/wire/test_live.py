"""A page's line: bounds, polls, rate limits and origins."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from browsers import Browser, Closed, Frame
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from convokit.testing import VirtualClock
from convokit.wire import live
from convokit.wire.live import Buckets, Line, Peer, Polls, Refused, body_of, disconnected, origin_allowed, serve_socket

pytestmark = pytest.mark.anyio


class Echo(Peer):
    """Says back what it is told; refuses "away", fails at "fault"."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.gone = 0

    async def hello(self, frame: Frame) -> None:
        if frame.get("away"):
            raise Refused(4404, "away")
        self.line.push({"t": "welcome"})

    async def take(self, frame: Frame) -> None:
        if frame["t"] == "away":
            raise Refused(4429, "1000")
        if frame["t"] == "fault":
            raise TimeoutError("inside a peer")
        if frame["t"] == "flood":
            for _ in range(frame["n"]):
                self.line.push({"t": "filler", "x": "x" * 1000})
        if frame["t"] == "last":
            self.line.push({"t": "goodbye"})
            self.line.close(1012, "restart")
        self.line.push(frame)

    def left(self) -> None:
        self.gone += 1


def page(*, ping_seconds: float = 25.0, refused: Refused | None = None) -> tuple[Browser, list[Echo]]:
    peers: list[Echo] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        line = Line()
        peers.append(Echo(line))
        websocket = WebSocket(scope, receive, send)
        await serve_socket(websocket, line, peers[-1], refused=refused, ping_seconds=ping_seconds)

    return Browser(app, path=""), peers


async def test_frames_go_both_ways_in_order_and_the_token_is_not_echoed() -> None:
    browser, peers = page()
    async with browser.open(token="secret") as line:
        assert line.subprotocol == "convokit.v1"
        await line.hello()
        for n in range(5):
            await line.send("say", n=n)
        assert [(await line.next())["n"] for _ in range(5)] == list(range(5))
    assert peers[0].gone == 1


async def test_a_refusal_is_accepted_first_so_that_its_code_reaches_the_page() -> None:
    browser, peers = page(refused=Refused(4403, "origin"))
    async with browser.open() as line:
        end = await line.closed()
    assert (end.code, end.reason) == (4403, "origin")
    assert peers[0].gone == 0


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"t":"send"}', 4400),
        ("[]", 4400),
        ("{", 4400),
        ('{"t":1}', 4400),
        ('{"t":"hello","away":1}', 4404),
        (json.dumps({"t": "hello", "x": "x" * live.FRAME_BYTES}), 4413),
    ],
)
async def test_a_first_frame_that_is_no_hello_closes_the_line_with_its_reason(first: str, code: int) -> None:
    browser, _ = page()
    async with browser.open() as line:
        await line.raw(first)
        assert (await line.closed()).code == code


async def test_who_says_no_hello_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HELLO_SECONDS", 0.01)
    browser, peers = page()
    async with browser.open() as line:
        assert (await line.closed()).code == 4408
    assert peers[0].gone == 0


async def test_bytes_are_no_frame() -> None:
    browser, _ = page()
    async with browser.open() as line:
        await line.hello()
        await line._to_server.send({"type": "websocket.receive", "bytes": b"{}"})
        assert (await line.closed()).code == 4400


async def test_a_peer_may_send_the_page_away_and_a_fault_of_ours_is_told_as_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    browser, peers = page()
    async with browser.open() as line:
        await line.hello()
        await line.send("away")
        end = await line.closed()
    assert (end.code, end.reason) == (4429, "1000")
    async with browser.open() as line:
        await line.hello()
        await line.send("fault")
        assert (await line.closed()).code == 1011
    assert [one.gone for one in peers] == [1, 1]
    assert "could not be answered" in caplog.text


async def test_what_was_said_before_the_end_still_arrives() -> None:
    browser, _ = page()
    async with browser.open() as line:
        await line.hello()
        await line.send("last")
        assert (await line.next())["t"] == "goodbye"
        with pytest.raises(Closed, match="1012"):
            await line.next()


async def test_a_page_that_does_not_read_is_closed_and_costs_no_more_than_its_buffer() -> None:
    browser, peers = page()
    async with browser.open() as line:
        await line.hello()
        await line.send("flood", n=300)
        assert (await line.closed()).code == 4008
    assert peers[0].line._frames == []


async def test_the_server_speaks_up_when_nobody_does_and_answers_pings() -> None:
    browser, _ = page(ping_seconds=0.01)
    async with browser.open() as line:
        await line.hello()
        assert (await line.until("ping"))["n"] == 1
        await line.send("pong", n=1)
        await line.send("ping", n=5)
        assert (await line.until("pong"))["n"] == 5
        await line.raw('{"t":"ping","n":"\\ud800"}')
        assert (await line.until("pong"))["n"] is None


# ── polls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def ask(sid: str | None, *frames: Frame, wait: float = 0) -> bytes:
    return json.dumps({"sid": sid, "wait": wait, "frames": list(frames)}).encode()


async def answered(polls: Polls, body: bytes, owner: str = "ada") -> Any:
    from convokit.wire.codec import decode_json, encode  # noqa: PLC0415  beside its only use

    return decode_json(encode(await polls.answer(body, Echo, owner=owner)))


async def test_a_poll_without_a_sid_begins_with_a_hello() -> None:
    polls = Polls(VirtualClock())
    first = await answered(polls, ask(None))
    assert [one["t"] for one in first["frames"]] == ["welcome"]
    second = await answered(polls, ask(first["sid"], {"t": "say", "n": 1}))
    assert second == {"sid": first["sid"], "frames": [{"t": "say", "n": 1}]}


async def test_a_sid_belongs_to_who_got_it() -> None:
    polls = Polls(VirtualClock())
    first = await answered(polls, ask(None))
    other = await answered(polls, ask(first["sid"]), owner="eve")
    assert other["sid"] != first["sid"]


async def test_a_held_poll_is_answered_by_a_push() -> None:
    polls, made = Polls(VirtualClock()), []

    def make(line: Line) -> Echo:
        made.append(Echo(line))
        return made[-1]

    first = await polls.answer(ask(None), make, owner="ada")
    async with anyio.create_task_group() as tasks:

        async def hold() -> None:
            said = await polls.answer(ask(first["sid"], wait=25_000), make, owner="ada")
            assert len(said["frames"]) == 1

        tasks.start_soon(hold)
        await anyio.wait_all_tasks_blocked()
        made[0].line.push({"t": "news"})


async def test_a_poll_is_not_held_for_a_page_that_has_gone_and_what_there_is_to_say_stays() -> None:
    polls, made, gone = Polls(VirtualClock()), [], anyio.Event()

    def make(line: Line) -> Echo:
        made.append(Echo(line))
        return made[-1]

    first = await polls.answer(ask(None), make, owner="ada")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def hold() -> None:
                said = await polls.answer(ask(first["sid"], wait=25_000), make, owner="ada", gone=gone.wait)
                assert said["frames"] == []

            tasks.start_soon(hold)
            await anyio.wait_all_tasks_blocked()
            gone.set()
    made[0].line.push({"t": "news"})
    said = await answered(polls, ask(first["sid"]))
    assert said == {"sid": first["sid"], "frames": [{"t": "news"}]}


async def test_a_client_is_gone_when_its_request_says_so() -> None:
    messages = [{"type": "http.request"}, {"type": "http.disconnect"}, {"type": "never asked for"}]

    async def receive() -> Any:
        return messages.pop(0)

    await disconnected(receive)
    assert len(messages) == 1


async def test_an_end_is_told_in_the_answer_and_the_sid_is_unknown_from_then_on() -> None:
    polls = Polls(VirtualClock())
    first = await answered(polls, ask(None))
    end = await answered(polls, ask(first["sid"], {"t": "away"}))
    assert end["close"] == {"code": 4429, "reason": "1000"}
    assert (await answered(polls, ask(first["sid"])))["sid"] != first["sid"]
    fault = await answered(polls, ask(None, {"t": "hello"}, {"t": "fault"}))
    assert fault["close"]["code"] == 1011


async def test_too_many_who_poll_are_refused_and_the_silent_make_room() -> None:
    clock = VirtualClock()
    polls = Polls(clock, most=2)
    for _ in range(2):
        await answered(polls, ask(None))
    with pytest.raises(Refused, match="4503"):
        await answered(polls, ask(None))
    await clock.move_to(clock.now().replace(hour=clock.now().hour + 1))
    assert (await answered(polls, ask(None)))["sid"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"frames":{}}', b'{"frames":[{"t":1}]}'])
async def test_what_is_no_poll_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="4400"):
        await Polls(VirtualClock()).answer(body, Echo, owner="ada")


@given(wait=st.one_of(st.none(), st.text(), st.floats(), st.booleans(), st.lists(st.integers()), st.integers()))
def test_no_wait_holds_a_poll_longer_than_allowed(wait: object) -> None:
    try:
        body = json.dumps({"frames": [], "wait": wait}, allow_nan=False).encode()
    except ValueError:
        return
    assert 0.0 <= live._poll(body)[2] <= live.HOLD_SECONDS


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def parts(*given: bytes) -> AsyncIterator[bytes]:
    for one in given:
        yield one


async def test_a_body_is_counted_while_it_comes() -> None:
    assert await body_of(parts(b"ab", b"", b"c"), 3) == b"abc"
    assert await body_of(parts(b"ab", b"cd", b"never read"), 3) is None


def test_a_bucket_gives_its_burst_and_then_one_at_a_time() -> None:
    buckets = Buckets(3, 2.0)
    assert [buckets.wait("ada", 100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.wait("ada", 100.0) == pytest.approx(2.0)
    assert buckets.wait("ben", 100.0) == 0.0
    assert buckets.wait("ada", 101.0) == pytest.approx(1.0)
    assert buckets.wait("ada", 102.0) == 0.0
    assert buckets.wait("ada", 102.0) == pytest.approx(2.0)
    assert [buckets.wait("ada", 1000.0) for _ in range(3)] == [0.0, 0.0, 0.0]


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=50))
def test_no_clock_keeps_anybody_out_for_longer_than_the_burst(moments: list[float]) -> None:
    buckets = Buckets(3, 2.0)
    for now in moments:
        assert 0.0 <= buckets.wait("ada", now) <= 2.0 + 1e-6


def test_buckets_forget_the_oldest() -> None:
    buckets = Buckets(1, 10.0, most=2)
    for key in "abc":
        buckets.wait(key, 0.0)
    assert buckets.wait("a", 0.0) == 0.0
    assert buckets.wait("c", 0.0) > 0


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://shop.example", True),
        ("http://shop.example", True),
        ("https://other.example", True),
        ("https://OTHER.example", False),
        ("https://shop.example:8443", False),
        ("https://sub.shop.example", False),
        ("https://shop.example.evil.example", False),
        ("https://evil.example/shop.example", False),
        ("https://user@shop.example", False),
        ("file://shop.example", False),
        ("null", False),
        ("", False),
        ("https://", False),
        ("https://[", False),
    ],
)
def test_an_origin_is_the_hosts_own_or_listed_exactly(origin: str | None, allowed: bool) -> None:
    assert origin_allowed(origin, "shop.example", {"https://other.example"}) is allowed


def test_without_a_host_no_origin_is_its_own() -> None:
    assert not origin_allowed("https://", "", ())


# ── a line ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_held_poll_hears_what_is_pushed_after_another_poll_took_nothing() -> None:
    polls, made, held = Polls(VirtualClock()), [], []

    def make(line: Line) -> Echo:
        made.append(Echo(line))
        return made[-1]

    first = await polls.answer(ask(None), make, owner="ada")
    async with anyio.create_task_group() as tasks:

        async def hold() -> None:
            with anyio.fail_after(5):
                held.append(await polls.answer(ask(first["sid"], wait=25_000), make, owner="ada"))

        tasks.start_soon(hold)
        await anyio.wait_all_tasks_blocked()
        assert (await polls.answer(ask(first["sid"]), make, owner="ada"))["frames"] == []
        made[0].line.push({"t": "news"})
    assert len(held[0]["frames"]) == 1


async def test_several_frames_go_out_together_to_a_page_that_reads_batches() -> None:
    browser, peers = page()
    async with browser.open() as line:
        await line.send("hello")
        assert (await line.next())["t"] == "welcome"
        for batches in (False, True):
            peers[0].line.batches = batches
            for number in range(3):
                peers[0].line.push({"t": "news", "n": number})
            if batches:
                frame = await line.next()
                assert frame["t"] == "batch"
                assert [one["n"] for one in frame["frames"]] == [0, 1, 2]
            else:
                assert [(await line.next())["n"] for _ in range(3)] == [0, 1, 2]
