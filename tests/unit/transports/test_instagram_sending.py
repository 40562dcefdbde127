"""Instagram's calls: what goes over the wire, and what becomes of the platform's answers."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from convokit.conversations import ConversationId
from convokit.errors import OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.events import ConversationOpened, Event, MessageRead, MessageReceived, SignalReceived
from convokit.messages import Button, Image, Link, Location, Message
from convokit.people import User
from convokit.transports.instagram import Instagram

ADA = ConversationId("instagram", "IGSID")
TOKEN = "token-canary"

Answering = Callable[[httpx.Request], httpx.Response]


class Graph:
    """A fake of the API: keeps what it was asked, answers what it is told to."""

    def __init__(self, answer: Answering | httpx.Response | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer or httpx.Response(200, json={"recipient_id": "IGSID", "message_id": "aWdf"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer if isinstance(self._answer, httpx.Response) else self._answer(request)

    def transport(self, **settings: Any) -> Instagram:
        return Instagram(TOKEN, "0123456789abcdef", "verify me", http_transport=httpx.MockTransport(self), **settings)


def refusal(code: int, subcode: int | None = None, status: int = 400, **more: Any) -> httpx.Response:
    told = {"message": "Some words.", "type": "OAuthException", "code": code, **more}
    return httpx.Response(status, json={"error": told | ({} if subcode is None else {"error_subcode": subcode})})


async def error(answer: httpx.Response) -> TransportError:
    async with Graph(answer).transport() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(ADA, Message("x"))
    return caught.value


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("instagram", "https://graph.instagram.com/v26.0/me/messages"),
        ("facebook", "https://graph.facebook.com/v26.0/me/messages"),
    ],
)
async def test_a_send_is_one_post_to_the_logins_host_with_the_token_in_a_header_only(login: Any, address: str) -> None:
    graph = Graph()
    async with graph.transport(login=login, account_id="77", api_version="v26.0") as transport:
        sent = await transport.send_keyed(ADA, Message("Hello"), "instagram:IGSID:7:0")
    (request,) = graph.asked
    assert sent == "aWdf"
    assert (request.method, str(request.url)) == ("POST", address)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(request.url) + request.content.decode()
    assert json.loads(request.content)["message"] == {"text": "Hello", "metadata": "instagram:IGSID:7:0"}


async def test_a_persons_late_answer_is_tagged_and_no_other_is() -> None:
    graph = Graph()
    async with graph.transport(human_tag=True) as transport:
        await transport.send_late(ADA, Message("Hello"), "key")
        await transport.send_keyed(ADA, Message("Hello"), "key")
    late, usual = (json.loads(one.content) for one in graph.asked)
    assert (late["messaging_type"], late["tag"], late["message"]["metadata"]) == ("MESSAGE_TAG", "HUMAN_AGENT", "key")
    assert (usual["messaging_type"], usual.get("tag")) == ("RESPONSE", None)


def test_operators_have_longer_only_where_the_shop_has_the_permission() -> None:
    assert Graph().transport().operators_window is None
    assert Graph().transport(human_tag=True).operators_window == timedelta(days=7)


async def test_bytes_go_along_as_one_part_of_a_form() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        await transport.send(ADA, Message(attachments=[Image(data=b"\x89PNG", media_type="image/png", name="a.png")]))
    for part in (b'name="recipient"\r\n\r\n{"id":"IGSID"}', b'name="filedata"; filename="a.png"', b"\x89PNG"):
        assert part in graph.asked[0].content


async def test_typing_is_shown_to_people() -> None:
    graph = Graph(httpx.Response(200, json={"recipient_id": "IGSID"}))
    async with graph.transport() as transport:
        await transport.show_typing(ADA)
        with pytest.raises(Rejected):
            await transport.show_typing(ConversationId("instagram", "account:1"))
    assert [json.loads(one.content)["sender_action"] for one in graph.asked] == ["typing_on"]


async def test_what_cannot_be_said_is_rejected_without_a_call() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        with pytest.raises(Rejected):
            await transport.send(ADA, Message(location=Location(1, 2)))
    assert graph.asked == []


@pytest.mark.parametrize("subcode", [2534022, 2018278])
async def test_a_closed_window_is_told_as_such(subcode: int) -> None:
    found = await error(refusal(10, subcode))
    assert isinstance(found, OutsideWindow)
    assert found.until is None
    assert str(subcode) in str(found)
    assert "not written here yet" not in str(found)


@pytest.mark.parametrize(
    ("code", "subcode", "helps"),
    [
        (10, 2018300, "another app"),
        (10, None, "permission"),
        (100, 2018001, "no such person"),
        (190, None, "INSTAGRAM_TOKEN"),
        (230, None, "permission"),
        (551, 1545041, "blocked"),
        (10900, None, "answered already"),
        (424242, None, "424242"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_do(code: int, subcode: int | None, helps: str) -> None:
    found = await error(refusal(code, subcode))
    assert type(found) is Rejected
    assert helps in str(found)


async def test_limits_and_passing_troubles_are_told_apart() -> None:
    assert isinstance(await error(refusal(613)), RateLimited)
    passing = await error(refusal(2))
    assert isinstance(passing, Unreachable)
    assert passing.maybe_sent


async def test_no_error_quotes_the_token() -> None:
    for code in (190, 100):
        told = httpx.Response(400, json={"error": {"message": f"Bad {TOKEN}", "code": code}})
        assert TOKEN not in str(await error(told))


# ── ice breakers and menu ──


async def no_events(events: Sequence[Event]) -> Sequence[bool]:
    raise AssertionError(events)


async def test_ice_breakers_and_menu_are_given_to_the_platform_when_a_run_starts() -> None:
    graph = Graph(httpx.Response(200, json={"result": "success"}))
    shown = {
        "ice_breakers": ["Are you open?", Button("Prices", "P")],
        "menu": ["Order", Link("Shop", "https://s.example")],
    }
    async with graph.transport(**shown) as transport:
        await transport.run(no_events)
    (request,) = graph.asked
    assert (request.method, request.url.path) == ("POST", "/v25.0/me/messenger_profile")
    assert json.loads(request.content) == {
        "platform": "instagram",
        "ice_breakers": [
            {
                "locale": "default",
                "call_to_actions": [
                    {"question": "Are you open?", "payload": "Are you open?"},
                    {"question": "Prices", "payload": "P"},
                ],
            }
        ],
        "persistent_menu": [
            {
                "locale": "default",
                "call_to_actions": [
                    {"type": "postback", "title": "Order", "payload": "Order"},
                    {"type": "web_url", "title": "Shop", "url": "https://s.example"},
                ],
            }
        ],
    }


async def test_what_is_not_set_stays_as_it_is() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        await transport.run(no_events)
    assert graph.asked == []
    async with graph.transport(menu=["Order"]) as transport:
        await transport.run(no_events)
    assert "ice_breakers" not in json.loads(graph.asked[0].content)


async def test_a_refused_menu_is_told_and_the_messages_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async with Graph(refusal(100)).transport(menu=["Order"]) as transport:
        await transport.run(no_events)
    assert "not shown" in caplog.text
    async with Graph(refusal(4)).transport(menu=["Order"]) as transport:
        with pytest.raises(RateLimited):  # the engine runs it again after a pause
            await transport.run(no_events)


# ── window ──


def test_what_opens_the_window_and_for_how_long() -> None:
    transport = Graph().transport()
    where: dict[str, Any] = {
        "id": "1",
        "conversation": ADA,
        "at": datetime(2026, 11, 22, tzinfo=UTC),
        "user": User(id="IGSID"),
    }
    day, week = timedelta(hours=24), timedelta(days=7)
    assert transport.opens_window(MessageReceived(text="x", **where)) == day
    assert transport.opens_window(ConversationOpened(**where)) == day
    assert transport.opens_window(SignalReceived(name="instagram.comment", **where)) == week
    assert transport.opens_window(SignalReceived(name="instagram.reaction", **where)) is None
    assert transport.opens_window(MessageRead(**where)) is None


# ── files ──


async def test_a_customers_file_is_fetched_from_the_platforms_own_addresses_only() -> None:
    graph = Graph(httpx.Response(200, content=b"picture"))
    async with graph.transport() as transport:
        for host in ("lookaside.fbsbx.com", "scontent.cdninstagram.com", "scontent.xx.fbcdn.net"):
            assert await transport.download(Image(f"https://{host}/x"), 100) == b"picture"
        for url in (
            "https://evil.example/x",
            "https://lookaside.fbsbx.com.evil.example/x",
            "http://lookaside.fbsbx.com/x",
        ):
            with pytest.raises(Rejected):
                await transport.download(Image(url), 100)
        with pytest.raises(Rejected):
            await transport.download(Image(ref="1"), 100)
    assert [one.headers.get("authorization") for one in graph.asked] == [None, None, None]


async def test_a_file_that_is_too_large_is_rejected() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 60
        yield b"x" * 60

    async with Graph(httpx.Response(200, content=pieces())).transport() as transport:
        with pytest.raises(Rejected):
            await transport.download(Image("https://lookaside.fbsbx.com/x"), 100)


# ── doctor ──

FIELDS = ["messages", "messaging_postbacks", "messaging_seen", "message_reactions", "messaging_referral"]


def examined(me: Any, subscribed: Any) -> Answering:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=me if request.url.path.endswith("/me") else subscribed)

    return answer


async def test_the_doctor_finds_a_good_account_by_the_id_that_webhooks_name() -> None:
    me = {"user_id": "77", "id": "99", "username": "cornerbakery"}
    graph = Graph(examined(me, {"data": [{"subscribed_fields": FIELDS}]}))
    async with graph.transport(account_id="77") as transport:
        findings = await transport.examine()
    assert [one.ok for one in findings] == [True, True]
    assert "@cornerbakery" in findings[0].what


async def test_the_doctor_finds_the_account_that_is_linked_to_a_page() -> None:
    me = {"id": "1", "name": "Bakery", "instagram_business_account": {"id": "77", "username": "cornerbakery"}}
    async with Graph(examined(me, {"data": [{"id": "app"}]})).transport(login="facebook", account_id="77") as transport:
        assert [one.ok for one in await transport.examine()] == [True, True]
    async with Graph(examined({"id": "1"}, {"data": []})).transport(login="facebook") as transport:
        token, subscriptions = await transport.examine()
    assert not token.ok
    assert "link the account" in token.advice
    assert not subscriptions.ok


async def test_the_doctor_names_what_is_wrong() -> None:
    graph = Graph(examined({"user_id": "78"}, {"data": [{"subscribed_fields": ["messages"]}]}))
    async with graph.transport(account_id="77") as transport:
        token, subscriptions = await transport.examine()
    assert "78" in token.advice
    assert "messaging_seen" in subscriptions.advice


@pytest.mark.parametrize("login", ["instagram", "facebook"])
@pytest.mark.parametrize("odd", [[], {"data": 5}, {"data": [5, {"subscribed_fields": 5}], "id": []}, None])
async def test_the_doctor_survives_odd_answers(odd: Any, login: Any) -> None:
    async with Graph(examined(odd, None)).transport(login=login) as transport:
        assert [one.ok for one in await transport.examine()] == [False, False]


@pytest.mark.parametrize(("data", "good"), [([{"ice_breakers": [{}]}], True), ([], False)])
async def test_the_doctor_tells_when_links_lose_their_refs(data: list[Any], good: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/messenger_profile"):
            assert dict(request.url.params) == {"fields": "ice_breakers", "platform": "instagram"}
            return httpx.Response(200, json={"data": data})
        return examined({"user_id": "77"}, {"data": [{"subscribed_fields": FIELDS}]})(request)

    async with Graph(answer).transport(username="cornerbakery") as transport:
        *_, links = await transport.examine()
    assert links.ok is good
    assert good or "ice_breakers=" in links.advice


async def test_the_doctor_tells_of_a_bad_token() -> None:
    async with Graph(refusal(190)).transport() as transport:
        (finding,) = await transport.examine()
    assert not finding.ok
    assert "INSTAGRAM_TOKEN" in finding.advice
