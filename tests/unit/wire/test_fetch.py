"""Forms go out as forms; files come from a platform's own hosts, within a bound, and no credential travels further."""

import pytest

from convokit.errors import RateLimited, Rejected, Unreachable
from convokit.testing.platform_double import Fault, PlatformDouble, Reply
from convokit.wire.http import Client, fetch

HOSTS = ("127.0.0.1", "media.example", ".cdn.example")


async def got(url: str, most: int = 100, **headers: str) -> bytes:
    return await fetch("x", url, hosts=HOSTS, most=most, headers=headers, total=2.0)


async def test_a_form_keeps_its_order_and_names_may_repeat() -> None:
    async with PlatformDouble(lambda _: Reply()) as double, Client("x", double.url) as client:
        await client.post_form("/send", [("To", "+1"), ("Body", "a&b é"), ("MediaUrl", "1"), ("MediaUrl", "2")])
        with pytest.raises(Rejected):
            await client.post_form("/send", [("Body", "\ud800")])
    [call] = double.calls
    assert call.body == b"To=%2B1&Body=a%26b+%C3%A9&MediaUrl=1&MediaUrl=2"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("size", "taken"), [(99, True), (100, True), (101, False)])
async def test_a_file_is_taken_up_to_the_bound(size: int, taken: bool) -> None:
    async with PlatformDouble(lambda _: Reply(body=b"x" * size)) as double:
        if taken:
            assert await got(f"{double.url}/a") == b"x" * size
        else:
            with pytest.raises(Rejected, match="more than the 100 bytes"):
                await got(f"{double.url}/a")


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example/a",
        "https://evil.example/a",
        "https://media.example.evil.example/a",
        "https://cdn.example/a",
        "https://evilcdn.example/a",
        "https://media.example@evil.example/a",
        "https://user@media.example/a",
        "https://169.254.169.254/latest",
        "ftp://media.example/a",
        "//media.example/a",
        "file:///etc/passwd",
        "https://:word@media.example/a",
        "https://@media.example/a",
        "https://media.example:8443/a",
        "https://media.example:99999999/a",
        "https://media.example:x/a",
        "https://evil.example\\.cdn.example/a",
        "https://evil.example%2f.cdn.example/a",
        "https://media.example/\ud800",
        "https://[",
        "",
    ],
)
async def test_an_address_elsewhere_is_refused_before_a_line_is_opened(url: str) -> None:
    with pytest.raises(Rejected, match="its address"):
        await got(url)


async def test_a_redirect_is_followed_within_the_hosts_and_credentials_stay_behind() -> None:
    async with PlatformDouble(lambda _: Reply(body=b"file")) as far:
        there = Reply(status=307, headers={"location": f"{far.url}/b"})
        async with PlatformDouble(lambda _: there) as near:
            assert await got(f"{near.url}/a", authorization="Bearer canary") == b"file"
    assert near.calls[0].headers["authorization"] == "Bearer canary"
    assert "authorization" not in far.calls[0].headers


@pytest.mark.parametrize(
    "there", ["https://evil.example/b", "http://169.254.169.254/", "//evil.example/b", "https://["]
)
async def test_a_redirect_elsewhere_is_refused(there: str) -> None:
    async with PlatformDouble(lambda _: Reply(status=302, headers={"location": there})) as double:
        with pytest.raises(Rejected, match="its address"):
            await got(f"{double.url}/a")


async def test_redirects_end() -> None:
    async with PlatformDouble(lambda _: Reply(status=302, headers={"location": "/a"})) as double:
        with pytest.raises(Rejected, match="more than 3 redirects"):
            await got(f"{double.url}/a")
    assert len(double.calls) == 4


async def test_what_may_be_tried_again_and_what_not() -> None:
    answer: Reply | Fault = Reply(status=404)
    async with PlatformDouble(lambda _: answer) as double:
        with pytest.raises(Rejected, match="404"):
            await got(f"{double.url}/a")
        answer = Reply(status=429, headers={"retry-after": "7"})
        with pytest.raises(RateLimited) as told:
            await got(f"{double.url}/a")
        assert told.value.retry_after == 7
        for trouble in (Reply(status=503), Fault.DROP):
            answer = trouble
            with pytest.raises(Unreachable):
                await got(f"{double.url}/a")


@pytest.mark.parametrize("rest", ["", "?a=1", "#here", "/?a=1#here"])
async def test_an_address_needs_no_path(rest: str) -> None:
    async with PlatformDouble(lambda _: Reply(body=b"file")) as double:
        assert await got(double.url + rest) == await got(double.url.replace("http:", "HTTP:") + rest) == b"file"
    assert {call.path.partition("?")[0] for call in double.calls} == {"/"}
