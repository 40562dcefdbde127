"""Calls to platforms are bounded, stay on their host, and never show a token."""

import logging
import subprocess
import sys
import traceback
from typing import Any

import anyio
import httpx
import pytest

from convokit.errors import DefinitionError, Rejected, Unreachable
from convokit.testing.platform_double import Fault, HttpCall, PlatformDouble, Reply, Script
from convokit.wire.http import Answer, Client, Upload, retry_after

TOKEN = "canary-token"
OK = Reply.of({"ok": 1})


def always(answer: Reply | Fault) -> Script:
    return lambda _: answer


async def test_a_body_goes_out_as_json_and_the_answer_comes_back_whatever_its_status() -> None:
    async with PlatformDouble(lambda _: Reply.of({"no": "é"}, status=418)) as double, Client("x", double.url) as client:
        answer = await client.post_json("/bot/send", {"text": "é"}, headers={"x-more": "1"})
    assert (answer.status, answer.ok, answer.json()) == (418, False, {"no": "é"})
    assert answer.headers["content-type"] == "application/json"
    [call] = double.calls
    assert (call.method, call.path, call.json()) == ("POST", "/bot/send", {"text": "é"})
    assert (call.headers["accept-encoding"], call.headers["x-more"]) == ("identity", "1")


async def test_an_absolute_address_must_lie_below_the_base_url() -> None:
    async with PlatformDouble(lambda _: OK) as double, Client("x", double.url) as client:
        assert (await client.get(f"{double.url}/me?a=1")).ok
        for url in ("http://127.0.0.1:1/x", f"{double.url}@evil.example/x", "https://evil.example/", "me"):
            with pytest.raises(ValueError, match="nowhere else"):
                await client.get(url)
    assert [call.path for call in double.calls] == ["/me?a=1"]


async def test_files_go_out_as_multipart() -> None:
    files = {"photo": Upload(data=b"\xff\xd8", name="a.jpg", media_type="image/jpeg")}
    async with PlatformDouble(lambda _: OK) as double, Client("x", double.url) as client:
        await client.post_multipart("/send", {"chat": "77"}, files)
        with pytest.raises(Rejected):
            await client.post_multipart("/send", {"chat": "\ud800"}, files)
    [call] = double.calls
    assert b'name="photo"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\r\n' in call.body


@pytest.mark.parametrize("body", ["\ud800", object(), {1, object()}])
async def test_what_cannot_be_written_as_json_is_rejected_before_it_leaves(body: object) -> None:
    async with PlatformDouble(lambda _: OK) as double, Client("x", double.url) as client:
        with pytest.raises(Rejected):
            await client.post_json("/x", body)
    assert double.calls == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Fault.DROP, "dropped"),
        (Fault.HANG, "in time"),
        (Reply(body=b"x" * 2000), "longer than 1000 bytes"),
        (Reply(body=b"x" * 9, headers={"content-encoding": "gzip"}), "compressed"),
        (Reply(body=b"x", headers={"content-length": "10"}), "in time"),
    ],
)
async def test_once_the_request_was_on_its_way_it_may_have_been_sent(answer: Any, words: str) -> None:
    async with (
        PlatformDouble(lambda _: answer) as double,
        Client("x", double.url, total=0.3, answer_bytes=1000) as client,
    ):
        with pytest.raises(Unreachable, match=words) as told:
            await client.post_json("/x", {}, what="send")
        assert told.value.maybe_sent
        assert str(told.value).startswith("x: send: ")
        double.script = lambda _: OK
        assert (await client.get("/x")).ok


async def test_an_answer_as_long_as_the_cap_is_read() -> None:
    body = Reply(body=b"x" * 1000)
    async with PlatformDouble(lambda _: body) as double, Client("x", double.url, answer_bytes=1000) as client:
        assert len((await client.get("/x")).body) == 1000


async def test_without_a_connection_nothing_was_sent() -> None:
    async with Client("x", "http://127.0.0.1:1") as client:
        with pytest.raises(Unreachable, match="no connection") as told:
            await client.get("/x")
    assert not told.value.maybe_sent


def secure(url: str) -> str:
    return url.replace("http", "https")


async def test_a_handshake_that_fails_has_sent_nothing() -> None:
    async with PlatformDouble(lambda _: OK) as double, Client("x", secure(double.url), connect=0.3) as client:
        with pytest.raises(Unreachable) as told:
            await client.get("/x")
    assert not told.value.maybe_sent
    assert double.calls == []


async def test_waiting_for_a_free_connection_counts_in_the_time_and_has_sent_nothing() -> None:
    async with PlatformDouble(lambda _: Fault.HANG) as double, Client("x", double.url, connections=1) as client:
        told: list[bool] = []

        async def call(total: float) -> None:
            try:
                await client.get("/x", total=total)
            except Unreachable as error:
                told.append(error.maybe_sent)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, 0.4)
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(call, 0.2)
    assert told == [False, True]


async def test_a_redirect_is_an_answer_and_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    moved = Reply(status=302, headers={"location": "/elsewhere"})
    async with PlatformDouble(lambda _: moved) as double, Client("x", double.url) as client:
        assert (await client.get("/x")).status == 302
    assert len(double.calls) == 1


async def test_connections_are_kept_and_the_latest_is_used_first() -> None:
    async with PlatformDouble(lambda _: OK) as double, Client("x", double.url, connections=4) as client:
        for _ in range(5):
            await client.get("/x")
        assert len(client._idle) == 1
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(client.get, "/x")
        assert len(client._idle) <= 4
    assert len(double.calls) == 25
    assert client._idle == []


async def test_a_cancelled_call_leaves_a_client_that_works() -> None:
    async with PlatformDouble(lambda _: Fault.HANG) as double, Client("x", double.url) as client:
        with anyio.move_on_after(0.1):
            await client.get("/x")
        double.script = lambda _: OK
        assert (await client.get("/x")).ok


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client("x", "https://api.example").get("/x")


async def test_a_double_can_be_handed_in() -> None:
    double = httpx.MockTransport(lambda request: httpx.Response(200, json={"path": request.url.path}))
    async with Client("x", "https://api.example", transport=double) as client:
        assert (await client.get("/a")).json() == {"path": "/a"}


async def test_no_token_is_logged_or_raised_and_the_hosts_own_calls_are_still_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # The command line, when it ran before in this process, has quietened it.
    caplog.set_level(logging.DEBUG, "httpx")
    answers = [OK, Fault.DROP, Fault.HANG, Reply(status=500)]
    shown: list[str] = []
    async with PlatformDouble(lambda _: OK) as double, Client("x", double.url, total=0.2) as client:
        for answer in answers:
            double.script = always(answer)
            try:
                await client.get(f"/bot{TOKEN}/x", headers={"authorization": TOKEN})
            except Unreachable as error:
                shown += [*traceback.format_exception(error), repr(error.__context__), repr(error.__cause__)]
        with pytest.raises(Unreachable) as told:
            await client.get("/x", headers={"authorization": f"{TOKEN}\n"})
        shown += [repr(told.value), repr(told.value.__context__), repr(client)]
        assert not [line for line in [*shown, *(one.getMessage() for one in caplog.records)] if TOKEN in line]
        double.script = lambda _: OK
        async with httpx.AsyncClient(trust_env=False) as theirs:
            await theirs.get(f"{double.url}/theirs")
    assert [one for one in caplog.records if "/theirs" in one.getMessage()]


@pytest.mark.parametrize(
    "url",
    ["", "api.example", "ftp://api.example", "http://api.example", "https://", "https://u:p@api.example", "https://a.example?x",
     "https://a.example#x", "https://a.example:x", "http://10.0.0.1", "http://127.0.0.1.evil.example", "file:///etc"],
)  # fmt: skip
def test_an_address_that_is_not_https_or_this_machine_is_refused(url: str) -> None:
    with pytest.raises(DefinitionError, match="x: "):
        Client("x", url)


@pytest.mark.parametrize(
    "url", ["https://api.example/v1/", "http://localhost:8081", "http://127.0.0.1:1", "http://[::1]:1"]
)
def test_https_and_this_machine_are_taken(url: str) -> None:
    Client("x", url)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (b"7", 7.0), (7, 7.0), ("0", 1.0), (-5, 1.0), ("99999", 3600.0), (10**30, 3600.0), (" 7 ", 7.0),
     ("9e9", None), ("7.5", None), (7.5, None), ("", None), (None, None), (True, None), ("１", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_a_pause_is_digits_between_a_second_and_an_hour(value: object, seconds: float | None) -> None:
    assert retry_after(value) == seconds


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b"NaN", b"1" * 5000])
def test_an_answer_that_is_not_json_is_none(body: bytes) -> None:
    assert Answer(200, {}, body).json() is None


def test_an_answer_with_a_broken_character_is_still_read() -> None:
    assert Answer(200, {}, rb'["\ud800"]').json() == ["\ud800"]


def test_importing_it_does_not_import_httpx() -> None:
    code = "import sys, convokit.wire.http, convokit.transports.telegram; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  our own words


def test_a_call_shows_nothing_it_carries() -> None:
    call = HttpCall(method="GET", path="/x", headers={"authorization": TOKEN})
    assert TOKEN not in repr(call)
    assert TOKEN not in repr(Answer(200, {"set-cookie": TOKEN}, TOKEN.encode()))
