"""Messenger's calls: what goes over the wire, and what becomes of the platform's answers."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from convokit.abc import Proof
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.events import ButtonPressed, ConversationOpened, Event, MessageDelivered, MessageReceived, SignalReceived
from convokit.messages import Image, Location, Message
from convokit.people import User
from convokit.transports.messenger import Messenger

ADA = ConversationId("messenger", "PSID")
TOKEN = "page-token-canary"

Answering = Callable[[httpx.Request], httpx.Response]


class Graph:
    """A fake of the Graph API: keeps what it was asked, answers what it is told to."""

    def __init__(self, answer: Answering | httpx.Response | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer or httpx.Response(200, json={"recipient_id": "PSID", "message_id": "m_sent"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer if isinstance(self._answer, httpx.Response) else self._answer(request)

    def transport(self, **settings: Any) -> Messenger:
        return Messenger(TOKEN, "0123456789abcdef", "verify me", http_transport=httpx.MockTransport(self), **settings)


async def error(answer: httpx.Response) -> TransportError:
    async with Graph(answer).transport() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(ADA, Message("x"))
    return caught.value


def refusal(code: int, subcode: int | None = None, status: int = 400, **more: Any) -> httpx.Response:
    told = {"message": "Some words.", "type": "OAuthException", "code": code, "fbtrace_id": "t", **more}
    return httpx.Response(status, json={"error": told | ({} if subcode is None else {"error_subcode": subcode})})


async def test_a_send_is_one_post_with_the_token_in_a_header_only() -> None:
    graph = Graph()
    async with graph.transport(page_id="77", api_version="v26.0") as transport:
        sent = await transport.send_keyed(ADA, Message("Hello"), "messenger:PSID:7:0")
    (request,) = graph.asked
    assert sent == "m_sent"
    assert (request.method, str(request.url)) == ("POST", "https://graph.facebook.com/v26.0/77/messages")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(request.url) + request.content.decode()
    assert json.loads(request.content)["message"] == {"text": "Hello", "metadata": "messenger:PSID:7:0"}


async def test_without_a_page_id_the_tokens_page_is_written_from() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        await transport.send(ADA, Message("Hello"))
    assert graph.asked[0].url.path == "/v25.0/me/messages"
    assert "metadata" not in json.loads(graph.asked[0].content)["message"]


async def test_bytes_go_along_as_one_part_of_a_form() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        await transport.send(ADA, Message(attachments=[Image(data=b"\x89PNG", media_type="image/png", name="a.png")]))
    (request,) = graph.asked
    assert request.headers["content-type"].startswith("multipart/form-data")
    for part in (
        b'name="recipient"\r\n\r\n{"id":"PSID"}',
        b'name="filedata"; filename="a.png"',
        b"\x89PNG",
        b"RESPONSE",
    ):
        assert part in request.content


async def test_a_chosen_tag_goes_along() -> None:
    graph = Graph()
    async with graph.transport(tag="HUMAN_AGENT") as transport:
        await transport.send(ADA, Message("Hello"))
    told = json.loads(graph.asked[0].content)
    assert (told["messaging_type"], told["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")


async def test_an_operators_late_answer_is_tagged_and_the_bots_words_are_not() -> None:
    graph = Graph()
    async with graph.transport(human_tag=True) as transport:
        await transport.send_late(ADA, Message("Hello"), "messenger:PSID:7:0")
        await transport.send_keyed(ADA, Message("Hello"), "messenger:PSID:8:0")
    late, usual = (json.loads(one.content) for one in graph.asked)
    assert (late["messaging_type"], late["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    assert late["message"]["metadata"] == "messenger:PSID:7:0"
    assert (usual["messaging_type"], usual.get("tag")) == ("RESPONSE", None)


def test_the_window_is_a_day_and_longer_with_a_tag_or_for_people() -> None:
    day, week = timedelta(hours=24), timedelta(days=7)
    usual, people = Graph().transport(), Graph().transport(human_tag=True)
    assert (usual.window, usual.operators_window) == (day, None)
    assert (people.window, people.operators_window) == (day, week)
    assert Graph().transport(tag="HUMAN_AGENT").window == week
    assert Graph().transport(tag="SOMETHING_NEW").window is None
    where: dict[str, Any] = {"id": "1", "conversation": ADA, "at": datetime(2026, 1, 1, tzinfo=UTC)}
    where["user"] = User(id="PSID")
    for opens in (MessageReceived(text="x", **where), ButtonPressed(payload="x", **where), ConversationOpened(**where)):
        assert usual.opens_window(opens) == day
    for nothing in (MessageDelivered(**where), SignalReceived(name="messenger.reaction", **where)):
        assert usual.opens_window(nothing) is None


@pytest.mark.parametrize("subcode", [2018278, 2534022])
async def test_a_closed_window_is_told_as_such(subcode: int) -> None:
    found = await error(refusal(10, subcode))
    assert isinstance(found, OutsideWindow)
    assert found.until is None
    assert str(subcode) in str(found)
    assert "not written here yet" not in str(found)


async def no_events(events: Sequence[Event]) -> Sequence[bool]:
    raise AssertionError(events)


async def test_greeting_questions_and_menu_are_given_to_the_platform_with_the_start_button_when_a_run_starts() -> None:
    graph = Graph(httpx.Response(200, json={"result": "success"}))
    async with graph.transport(greeting="Hello!", ice_breakers=["Open?"], menu=["Order"]) as transport:
        await transport.run(no_events)
    (request,) = graph.asked
    assert (request.method, request.url.path) == ("POST", "/v25.0/me/messenger_profile")
    assert json.loads(request.content) == {
        "platform": "messenger",
        "get_started": {"payload": "GET_STARTED"},
        "greeting": [{"locale": "default", "text": "Hello!"}],
        "ice_breakers": [{"locale": "default", "call_to_actions": [{"question": "Open?", "payload": "Open?"}]}],
        "persistent_menu": [
            {"locale": "default", "call_to_actions": [{"type": "postback", "title": "Order", "payload": "Order"}]}
        ],
    }


async def test_a_page_for_which_nothing_is_set_stays_as_it_is() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        await transport.run(no_events)
    assert graph.asked == []


def test_a_greeting_that_is_too_long_is_named() -> None:
    Graph().transport(greeting="x" * 160).check()
    with pytest.raises(DefinitionError, match="greeting"):
        Graph().transport(greeting="x" * 161).check()


def test_a_link_names_the_page_and_carries_the_ref() -> None:
    assert Graph().transport(page_id="77").link("table-7") == "https://m.me/77?ref=table-7"
    assert (
        Graph().transport(page_id="77", page_name="Corner.Bakery").link("a=b") == "https://m.me/Corner.Bakery?ref=a%3Db"
    )
    with pytest.raises(DefinitionError, match="MESSENGER_PAGE_NAME"):
        Graph().transport().link("x")


@pytest.mark.parametrize("ref", ["", "a b", "é", "a&b", "x" * 251, "a\n"])
def test_a_ref_that_no_link_carries_is_named(ref: str) -> None:
    with pytest.raises(DefinitionError, match="ref"):
        Graph().transport(page_id="77").link(ref)


async def test_a_customers_file_is_fetched_from_the_platforms_own_addresses_only() -> None:
    graph = Graph(httpx.Response(200, content=b"picture"))
    async with graph.transport() as transport:
        for host in ("cdn.fbsbx.com", "scontent.xx.fbcdn.net"):
            assert await transport.download(Image(f"https://{host}/x"), 100) == b"picture"
        for url in ("https://evil.example/x", "https://fbcdn.net.evil.example/x", "http://cdn.fbsbx.com/x"):
            with pytest.raises(Rejected):
                await transport.download(Image(url), 100)
    assert [one.headers.get("authorization") for one in graph.asked] == [None, None]


async def test_typing_is_shown() -> None:
    graph = Graph(httpx.Response(200, json={"recipient_id": "PSID"}))
    async with graph.transport() as transport:
        await transport.show_typing(ADA)
        with pytest.raises(Rejected):
            await transport.show_typing(ConversationId("messenger", "page:1"))
    assert [json.loads(one.content)["sender_action"] for one in graph.asked] == ["typing_on"]


async def test_what_cannot_be_said_is_rejected_without_a_call() -> None:
    graph = Graph()
    async with graph.transport() as transport:
        with pytest.raises(Rejected):
            await transport.send(ADA, Message(location=Location(1, 2)))
        with pytest.raises(Rejected):
            await transport.send(ADA, Message("\ud800"))
    assert graph.asked == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"message_id": 5}', b"\xff"])
async def test_an_odd_success_is_a_success_without_an_id(body: bytes) -> None:
    async with Graph(httpx.Response(200, content=body)).transport() as transport:
        assert await transport.send(ADA, Message("x")) is None


@pytest.mark.parametrize("code", [4, 32, 613])
async def test_a_rate_limit_waits_as_long_as_the_platform_estimates(code: int) -> None:
    usage = json.dumps({"77": [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": 3}]})
    plain = await error(refusal(code))
    estimated = refusal(code)
    estimated.headers["X-Business-Use-Case-Usage"] = usage
    told = await error(estimated)
    assert isinstance(plain, RateLimited)
    assert isinstance(told, RateLimited)
    assert (plain.retry_after, told.retry_after) == (None, 180.0)


@pytest.mark.parametrize(
    "usage", ["", "{", "[]", '{"a": 5}', '{"a": [5]}', '{"a": [{"estimated_time_to_regain_access": "x"}]}']
)
async def test_an_odd_estimate_is_none(usage: str) -> None:
    answer = refusal(4)
    answer.headers["X-Business-Use-Case-Usage"] = usage
    found = await error(answer)
    assert isinstance(found, RateLimited)
    assert found.retry_after is None


async def test_too_many_requests_without_a_code_is_a_rate_limit() -> None:
    found = await error(httpx.Response(429, headers={"Retry-After": "7"}))
    assert isinstance(found, RateLimited)
    assert found.retry_after == 7.0


@pytest.mark.parametrize(
    ("code", "subcode", "helps"),
    [
        (10, 2018278, "window"),
        (10, 2534022, "window"),
        (10, 1893063, "restricted"),
        (10, 2018300, "another app"),
        (10, None, "permission"),
        (100, 2018001, "no such person"),
        (100, 5, "parameter"),
        (190, None, "MESSENGER_PAGE_TOKEN"),
        (200, None, "pages_messaging"),
        (230, None, "pages_messaging"),
        (368, None, "abusive"),
        (551, 1545041, "blocked"),
        (10900, None, "replied"),
        (10903, None, "cannot reply"),
        (424242, None, "424242"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_do(code: int, subcode: int | None, helps: str) -> None:
    found = await error(refusal(code, subcode))
    assert isinstance(found, Rejected)
    assert helps in str(found)
    assert str(code) in str(found)


@pytest.mark.parametrize(
    ("answer", "maybe_sent"),
    [
        (refusal(1, 1357046, 500), True),
        (refusal(2), True),
        (refusal(999, is_transient=True), True),
        (httpx.Response(500), True),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), True),
        (httpx.Response(503), False),
    ],
)
async def test_a_passing_trouble_is_tried_again(answer: httpx.Response, maybe_sent: bool) -> None:
    found = await error(answer)
    assert isinstance(found, Unreachable)
    assert found.maybe_sent is maybe_sent


def gone(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route", request=request)


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("no answer", request=request)


@pytest.mark.parametrize(("answer", "maybe_sent"), [(gone, False), (silent, True)])
async def test_a_lost_line_says_whether_the_message_may_have_gone_out(answer: Answering, maybe_sent: bool) -> None:
    async with Graph(answer).transport() as transport:
        with pytest.raises(Unreachable) as caught:
            await transport.send(ADA, Message("x"))
    assert caught.value.maybe_sent is maybe_sent


async def test_a_refusal_without_a_code_is_final() -> None:
    assert isinstance(await error(httpx.Response(404, html="<h1>?</h1>")), Rejected)
    assert isinstance(await error(httpx.Response(302, headers={"location": "https://x.example"})), Rejected)


async def test_an_error_in_a_success_is_an_error() -> None:
    assert isinstance(await error(refusal(190, status=200)), Rejected)


async def test_no_error_quotes_the_token() -> None:
    quoted = httpx.Response(400, json={"error": {"message": f"Malformed access token {TOKEN}", "code": 190}})
    other = httpx.Response(400, json={"error": {"message": f"Bad {TOKEN}", "code": 100}})
    for answer in (quoted, other):
        assert TOKEN not in str(await error(answer))


async def test_the_platform_gives_evidence_of_uncertain_sends() -> None:
    assert Messenger.proof is Proof.EVIDENCE


def examined(subscribed: Any, me: Any) -> Answering:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=me if request.url.path.endswith("/me") else subscribed)

    return answer


FIELDS = [
    "messages",
    "messaging_postbacks",
    "messaging_referrals",
    "message_echoes",
    "message_deliveries",
    "message_reads",
]


async def test_the_doctor_finds_a_good_token_and_all_subscriptions() -> None:
    graph = Graph(examined({"data": [{"subscribed_fields": FIELDS}]}, {"id": "77", "name": "Pizzeria"}))
    async with graph.transport(page_id="77") as transport:
        findings = await transport.examine()
    assert [one.ok for one in findings] == [True, True]
    assert "Pizzeria" in findings[0].what
    assert all(TOKEN not in str(one.url) for one in graph.asked)


async def test_the_doctor_names_what_is_missing() -> None:
    graph = Graph(examined({"data": [{"subscribed_fields": ["messages"]}]}, {"id": "78", "name": "Other"}))
    async with graph.transport(page_id="77") as transport:
        token, subscriptions = await transport.examine()
    assert not token.ok
    assert "77" in token.advice
    assert not subscriptions.ok
    assert "message_echoes" in subscriptions.advice


@pytest.mark.parametrize("odd", [[], {"data": 5}, {"data": [5, {"subscribed_fields": 5}]}, None])
async def test_the_doctor_survives_odd_answers(odd: Any) -> None:
    async with Graph(examined(odd, odd)).transport() as transport:
        assert [one.ok for one in await transport.examine()] == [False, False]


async def test_the_doctor_tells_of_a_bad_token() -> None:
    async with Graph(refusal(190)).transport() as transport:
        (finding,) = await transport.examine()
    assert not finding.ok
    assert "MESSENGER_PAGE_TOKEN" in finding.advice
