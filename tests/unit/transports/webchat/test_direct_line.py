"""Direct Line 3.0: what its clients rely on, call by call, over the same log as the chat's own page."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from attrs import define, field
from browsers import Browser, Closed, Line, Reply
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from convokit import Bot, Button, Card, Image, Link, Location, Message, Turn
from convokit.errors import StoreUnavailable
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    Event,
    MessageReceived,
    NoteWritten,
    SignalReceived,
)
from convokit.people import User
from convokit.stores import Memory
from convokit.transports.webchat.activities import activity_id, read_activity
from convokit.transports.webchat.directline import site
from convokit.transports.webchat.saying import Unsaid
from convokit.transports.webchat.settings import Bounds
from convokit.wire.multipart import Form, NoForm, boundary_of

pytestmark = pytest.mark.anyio

SECRET = "the secret that only the business's own server has"
AT = "v3/directline/"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\0\x03\0\0\0\x02\x08\0\0\0\0" + b"\0" * 4
PNG += b"\0\0\0\x01IDATx" + b"\0" * 4 + b"\0\0\0\0IEND\xaeB`\x82"


@define
class Client:
    """What such a client does, one call at a time."""

    browser: Browser
    token: str = ""
    conversation: str = ""
    stream_url: str = ""
    watermark: str = ""
    user: str = ""
    heard: list[dict[str, Any]] = field(factory=list)

    async def call(self, method: str, path: str, said: Any = None, *, bearer: str | None = None) -> Reply:
        shown = self.token if bearer is None else bearer
        headers = {"authorization": f"Bearer {shown}", "x-ms-bot-agent": "DirectLine/3.0 (directlinejs; 0.15.8)"}
        body = b"" if said is None else json.dumps(said).encode()
        return await self.browser.request(method, AT + path, body, headers)

    def _learned(self, reply: Reply) -> Reply:
        if reply.status in {200, 201}:
            told = reply.json()
            self.conversation, self.token = told["conversationId"], told["token"]
            self.stream_url = told.get("streamUrl", "")
        return reply

    async def generate(self, **asked: Any) -> Reply:
        return self._learned(await self.call("POST", "tokens/generate", asked, bearer=SECRET))

    async def start(self, **asked: Any) -> Reply:
        return self._learned(await self.call("POST", "conversations", asked))

    async def resume(self, watermark: str = "") -> Reply:
        return self._learned(await self.call("GET", f"conversations/{self.conversation}?watermark={watermark}"))

    async def refresh(self) -> Reply:
        return self._learned(await self.call("POST", "tokens/refresh"))

    async def post(self, **activity: Any) -> Reply:
        said = {"type": "message", "from": {"id": "whoever"}, **activity}
        return await self.call("POST", f"conversations/{self.conversation}/activities", said)

    async def poll(self, watermark: str | None = None) -> list[dict[str, Any]]:
        after = self.watermark if watermark is None else watermark
        reply = await self.call("GET", f"conversations/{self.conversation}/activities?watermark={after}")
        assert reply.status == 200, reply
        self.watermark = reply.json()["watermark"]
        found: list[dict[str, Any]] = reply.json()["activities"]
        return found

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Line]:
        assert self.stream_url.startswith("wss://shop.example/web/v3/directline/conversations/")
        async with self.browser.open(path=self.stream_url.removeprefix("wss://shop.example/web/"), token="") as line:
            yield line


async def begun(shop: Any, **asked: Any) -> Client:
    """A client whose conversation has begun."""
    client = Client(shop.browser())
    assert (await client.generate(**asked)).status == 200
    assert (await client.start()).status == 201
    await shop.engine.quiet()
    return client


def texts(activities: list[dict[str, Any]]) -> list[str]:
    return [one.get("text", one["type"]) for one in activities]


async def heard_on(line: Line, count: int) -> list[dict[str, Any]]:
    """The next activities of a stream."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        found += (await line.next())["activities"]
    return found


def error(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["error"]["code"]


# ── tokens ──


async def test_nobody_makes_tokens_without_the_secret(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = Client(shop.browser())
        for path in ("tokens/generate", "conversations"):
            assert error(await client.call("POST", path, bearer="")) == (401, "Unauthorized")
            assert error(await client.call("POST", path, bearer="undefined")) == (401, "Unauthorized")
            assert error(await client.call("POST", path, bearer=SECRET + "x")) == (403, "Forbidden")
        bare = await client.browser.request("POST", AT + "tokens/generate", b"", {})
        assert error(bare) == (401, "Unauthorized")


async def test_without_a_secret_the_protocol_is_not_spoken(open_shop: Any) -> None:
    async with open_shop() as shop:
        assert (await Client(shop.browser()).call("POST", "tokens/generate")).status == 404


def for_anybody(shop: Any) -> Client:
    """A client of a chat that speaks the protocol with whoever comes, as it does on its own page."""
    app = Starlette(routes=[Mount("/web/v3/directline", site(shop.chat._front))])
    return Client(Browser(app))


async def test_without_a_secret_anybody_may_begin_and_nobody_says_who_they_are(open_shop: Any) -> None:
    async with open_shop(bounds=Bounds(visitors=(2, 60.0))) as shop:
        client = for_anybody(shop)
        client.token = "undefined"
        assert (await client.start(user={"id": "dl_somebody"})).status == 201
        assert (await client.post(text="hello")).status == 200
        await shop.engine.quiet()
        (user,) = {one.user.id for one in shop.heard}
        assert user != "dl_somebody"
        for path in (f"conversations/{client.conversation}", f"conversations/{client.conversation}/activities"):
            assert error(await client.call("GET", path, bearer="")) == (401, "Unauthorized")
        assert (await client.call("POST", "tokens/generate", bearer="")).status == 200
        refused = await client.call("POST", "tokens/generate", bearer="")
        assert error(refused) == (429, "TooManyRequests")
        assert refused.headers["retry-after"] == "61"


async def test_where_only_customers_may_come_a_stranger_may_not(open_shop: Any) -> None:
    async def verify(token: str) -> User | None:
        return User(id="42") if token == "signed" else None

    async with open_shop(customers="required", verify=verify) as shop:
        client = for_anybody(shop)
        assert error(await client.start()) == (401, "Unauthorized")
        client.token = "signed"
        assert (await client.start()).status == 201


async def test_a_token_names_its_conversation_and_the_user_it_is_for(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = Client(shop.browser())
        told = (await client.generate(user={"id": "dl_42", "name": "Ida"})).json()
        assert set(told) == {"conversationId", "token", "expires_in"}
        assert told["expires_in"] == 1800
        started = (await client.start(locale="da-DK")).json()
        assert started["conversationId"] == told["conversationId"]
        await client.post(text="hello")
        await shop.engine.quiet()
        opened, said = shop.heard
        assert isinstance(opened, ConversationOpened)
        assert opened.source == "direct-line"
        assert isinstance(said, MessageReceived)
        assert said.user == User(id="dl_42", name="Ida", locale="da-DK")


@pytest.mark.parametrize("named", ["customer:42", "v_01", "r_abc", 7, "dl_" + "x" * 300])
async def test_ids_of_other_people_are_not_given_away(open_shop: Any, named: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop, user={"id": named})
        await client.post(text="hello")
        await shop.engine.quiet()
        (user,) = {one.user.id for one in shop.heard}
        assert user.startswith("dl_")
        assert len(user) == 29


async def test_whom_the_business_vouches_for_with_its_own_token_is_a_customer(open_shop: Any) -> None:
    async def verify(token: str) -> User | None:
        return User(id="42", name="Ida") if token == "signed" else None

    async with open_shop(direct_line_secret=SECRET, verify=verify) as shop:
        client = Client(shop.browser(), token="signed")
        assert (await client.start()).status == 201
        await client.post(text="hello", **{"from": {"id": "dl_somebody-else"}})
        await shop.engine.quiet()
        assert {one.user for one in shop.heard} == {User(id="customer:42", name="Ida", verified=True)}


async def test_a_token_lives_half_an_hour_and_is_prolonged_by_half_an_hour(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        first = client.token
        await shop.passes(1799)
        assert (await client.refresh()).status == 200
        assert client.token != first
        await shop.passes(1)
        assert error(await client.call("GET", f"conversations/{client.conversation}", bearer=first)) == (
            403,
            "TokenExpired",
        )
        assert (await client.post(text="hello")).status == 200
        await shop.passes(1800)
        for call in (client.refresh(), client.post(text="x"), client.resume()):
            assert error(await call) == (403, "TokenExpired")


async def test_a_token_is_good_for_its_own_conversation_only_and_cannot_be_changed(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        mine, theirs = await begun(shop), await begun(shop)
        await theirs.post(text="a secret")
        path = f"conversations/{theirs.conversation}"
        for method, what in (("GET", ""), ("GET", "/activities"), ("POST", "/activities"), ("POST", "/upload")):
            reply = await mine.call(method, path + what, {"type": "message", "text": "x"} if method == "POST" else None)
            assert error(reply) == (403, "Forbidden")
        head, body, mark = theirs.token.split(".")
        for wrong in (
            f"{head}.{body}.{mark[:-2]}xx",
            f"{head}.{body}.",
            f"{head}.{body}",
            f"..{mark}",
            "x" * 9000,
            "é",
        ):
            assert error(await mine.call("GET", path, bearer=wrong)) == (403, "Forbidden")
        assert error(await mine.call("POST", "tokens/generate")) == (403, "Forbidden")


async def test_the_secret_reads_conversations_that_began_and_no_others(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop, user={"id": "dl_1"})
        client.token = SECRET
        assert (await client.post(text="hello")).status == 200
        await shop.engine.quiet()
        assert texts(await client.poll()) == ["hello", "You said: hello"]
        assert {one.user.id for one in shop.heard} == {"dl_1"}
        assert error(await client.call("POST", "tokens/refresh")) == (403, "Forbidden")
        assert error(await client.call("GET", "conversations/c_nothing")) == (404, "NotFound")
        assert (await client.start()).status == 201


async def test_a_token_for_trusted_origins_is_refused_from_others(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, origins=["https://other.example"]) as shop:
        client = Client(shop.browser())
        await client.generate(trustedOrigins=["https://other.example"])
        assert error(await client.start()) == (403, "Forbidden")
        client.browser = shop.browser(origin="https://other.example")
        assert (await client.start()).status == 201


# ── saying and reading ──


async def test_what_is_posted_comes_back_untouched_with_the_id_that_was_answered(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop, user={"id": "dl_1", "name": "Ida"})
        data = {"clientActivityID": "16738.5k2x", "other": {"kept": [1, None, "x"]}}
        answered = await client.post(text="hello", channelData=data, locale="da-DK", **{"from": {"id": "dl_2"}})
        assert answered.json() == {"id": f"{client.conversation}|0000001"}
        await shop.engine.quiet()
        mine, answer = await client.poll()
        assert mine == {
            "type": "message",
            "id": f"{client.conversation}|0000001",
            "timestamp": mine["timestamp"],
            "channelId": "directline",
            "conversation": {"id": client.conversation},
            "from": {"id": "dl_1", "name": "Ida", "role": "user"},
            "text": "hello",
            "textFormat": "plain",
            "channelData": data,
            "locale": "da-DK",
        }
        assert mine["timestamp"].endswith("Z")
        assert answer["from"] == {"id": "shop", "name": "shop", "role": "bot"}
        assert (answer["text"], answer["replyToId"]) == ("You said: hello", mine["id"])
        assert client.watermark == "2"
        assert await client.poll() == []
        assert client.watermark == "2"


@pytest.mark.parametrize("given_id", ["a.b", "1", "x" * 64, "é" * 100, "0123456789abcdef"])
async def test_the_same_client_id_is_said_once_and_answered_alike(open_shop: Any, given_id: str) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        said = {"text": "hello", "channelData": {"clientActivityID": given_id}}
        first = await client.post(**said)
        await shop.engine.quiet()
        assert (await client.post(**said)).json() == first.json()
        await shop.engine.quiet()
        assert texts(await client.poll()) == ["hello", "You said: hello"]


async def test_a_repeat_is_answered_however_much_was_said_and_changes_nothing(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(sends=(1, 60.0))) as shop:
        client = await begun(shop)
        said = {"text": "hello", "channelData": {"clientActivityID": "a.b", "more": 1}}
        first = await client.post(**said)
        again = await client.post(text="other", channelData={"clientActivityID": "a.b"})
        assert (again.status, again.json()) == (200, first.json())
        assert (await client.poll())[0]["channelData"] == said["channelData"]


async def test_without_a_client_id_every_post_is_said(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="hello")
        await client.post(text="hello")
        await shop.engine.quiet()
        assert texts(await client.poll()).count("hello") == 2


async def test_who_has_no_name_is_not_given_the_bot_s(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop, user={"id": "dl_1"})
        await client.post(text="hello")
        assert (await client.poll())[0]["from"] == {"id": "dl_1", "name": "", "role": "user"}


async def test_the_post_is_answered_before_the_bot_has_answered(open_shop: Any) -> None:
    waiting = anyio.Event()
    bot = Bot("shop")

    @bot.fallback
    async def slow(turn: Turn) -> None:
        if turn.text:
            await waiting.wait()
            turn.reply("at last")

    async with open_shop(bot=bot, direct_line_secret=SECRET) as shop:
        client = Client(shop.browser())
        await client.generate()
        await client.start()
        assert (await client.post(text="hello")).status == 200
        assert texts(await client.poll()) == ["hello"]
        waiting.set()
        await shop.engine.quiet()
        assert texts(await client.poll()) == ["at last"]


async def test_every_watermark_gives_what_follows_it_and_an_empty_one_everything(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(sends=(1000, 0.001))) as shop:
        client = await begun(shop)
        assert await client.poll() == []
        assert client.watermark == "0"
        for number in range(3):
            await client.post(text=str(number))
            await shop.engine.quiet()
        everything = await client.poll("")
        assert len(everything) == 6
        for after in range(8):
            assert await client.poll(str(after)) == everything[after:]
            assert client.watermark == "6"
        for wrong in ("x", "-1", "1.0", "1e3", "9" * 30):
            reply = await client.call("GET", f"conversations/{client.conversation}/activities?watermark={wrong}")
            assert error(reply) == (400, "BadArgument")
        for number in range(60):
            await client.post(text=str(number))
        await shop.engine.quiet()
        found = []
        client.watermark = ""
        while more := await client.poll():
            assert len(more) <= 100
            found += more
        assert [one["id"] for one in found] == [activity_id(client.conversation, n) for n in range(1, 127)]


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (b"", (400, "MalformedData")),
        (b"{", (400, "MalformedData")),
        (b"[]", (400, "BadArgument")),
        (b"{}", (400, "BadArgument")),
        (b'{"type":7}', (400, "BadArgument")),
        (b'{"type":"message"}', (400, "BadArgument")),
        (b'{"type":"message","text":"  "}', (400, "BadArgument")),
        (b'{"type":"message","text":7}', (400, "BadArgument")),
        (b'{"type":"message","text":"' + b"x" * 8001 + b'"}', (413, "MessageSizeTooBig")),
        (b'{"type":"message","text":"x","channelData":"' + b"x" * 20_000 + b'"}', (413, "MessageSizeTooBig")),
        (b'{"type":"message","text":"x","value":' + b"[" * 50 + b"]" * 50 + b"}", (400, "BadArgument")),
        (b'{"type":"message","text":"' + b"x" * (256 << 10) + b'"}', (413, "MessageSizeTooBig")),
        (b"\xff\xfe", (400, "MalformedData")),
    ],
)
async def test_what_cannot_be_said_is_refused_for_good(open_shop: Any, said: bytes, answered: tuple[int, str]) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        path, headers = f"conversations/{client.conversation}/activities", {"authorization": f"Bearer {client.token}"}
        assert error(await client.browser.request("POST", AT + path, said, headers)) == answered
        assert await client.poll("") == []


async def test_who_says_too_much_is_told_when_to_go_on(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(sends=(2, 10.0))) as shop:
        client = await begun(shop)
        assert [(await client.post(text="x")).status for _ in range(3)] == [200, 200, 429]
        refused = await client.post(text="x")
        assert error(refused) == (429, "TooManyRequests")
        assert refused.headers["retry-after"] == "11"


async def test_a_store_that_cannot_write_is_a_reason_to_send_again(open_shop: Any) -> None:
    class Broken(Memory):
        broken = False

        async def accept(self, events: Any) -> Any:
            if self.broken:
                raise StoreUnavailable("the disk is full")
            return await super().accept(events)

    store = Broken()
    async with open_shop(store=store, direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        store.broken = True
        said = {"text": "hello", "channelData": {"clientActivityID": "a.b"}}
        assert error(await client.post(**said)) == (503, "ServiceError")
        store.broken = False
        assert (await client.post(**said)).status == 200
        await shop.engine.quiet()
        assert texts(await client.poll()) == ["hello", "You said: hello"]


async def test_a_conversation_and_its_token_outlive_the_process(open_shop: Any) -> None:
    store = Memory()
    async with open_shop(store=store, direct_line_secret=SECRET) as shop:
        client = await begun(shop, user={"id": "dl_1"})
        await client.post(text="hello")
        await shop.engine.quiet()
        clock = shop.clock
    async with open_shop(store=store, clock=clock, direct_line_secret=SECRET) as shop:
        client.browser = shop.browser()
        assert texts(await client.poll()) == ["hello", "You said: hello"]
        assert (await client.post(text="again")).json()["id"].endswith("|0000003")


# ── what is shown ──


def showing_bot() -> tuple[Bot, list[Event]]:
    bot, heard = Bot("shop"), []

    @bot.text("choices")
    async def choices(turn: Turn) -> None:
        turn.reply("Which?", buttons=[Button("Small", "size:s"), Link("Our shop", "https://shop.example/")])

    @bot.text("cards")
    async def cards(turn: Turn) -> None:
        one = Card(
            title="A",
            subtitle="a",
            image=Image("https://x.example/a.png", alt="an A"),
            buttons=[Button("Buy", "buy:a")],
        )
        turn.reply(Message("Look", cards=[one, Card(title="B", buttons=[Link("More", "https://x.example/b")])]))

    @bot.text("card")
    async def card(turn: Turn) -> None:
        turn.reply(Message(cards=[Card(title="A")]))

    @bot.text("files")
    async def files(turn: Turn) -> None:
        turn.reply(Message(attachments=[Image("https://x.example/a.png", alt="an A", name="a.png")]))
        turn.reply(Message(attachments=[Image(data=PNG, media_type="image/png", name="b.png")]))

    @bot.text("place")
    async def place(turn: Turn) -> None:
        turn.reply(Message(location=Location(55.5, 12.25, "Here")))

    @bot.button("size:{size}")
    @bot.button("buy:{size}")
    async def pressed(turn: Turn) -> None:
        turn.reply(f"pressed {turn.params['size']}")

    @bot.fallback
    async def other(turn: Turn) -> None:
        heard.append(turn.event)

    return bot, heard


async def test_buttons_are_suggested_and_links_hang_on_a_card(open_shop: Any) -> None:
    async with open_shop(bot=showing_bot()[0], direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="choices")
        await shop.engine.quiet()
        answer = (await client.poll())[-1]
        assert answer["suggestedActions"] == {
            "actions": [
                {
                    "type": "messageBack",
                    "title": "Small",
                    "text": "Small",
                    "displayText": "Small",
                    "value": {"payload": "size:s"},
                }
            ]
        }
        (links,) = answer["attachments"]
        assert links["contentType"] == "application/vnd.microsoft.card.hero"
        assert links["content"]["buttons"] == [
            {"type": "openUrl", "title": "Our shop", "value": "https://shop.example/"}
        ]


@pytest.mark.parametrize(
    "press",
    [
        {"text": "Small", "value": {"payload": "size:s"}, "channelData": {"messageBack": {"displayText": "Small"}}},
        {"value": {"payload": "size:s"}, "channelData": {"postBack": True}},
        {"value": "size:s", "channelData": {"postBack": True}},
        {"text": "size:s", "channelData": {"postBack": True}},
        {"text": "Small"},
    ],
)
async def test_a_button_is_pressed_in_each_way_that_clients_know(open_shop: Any, press: dict[str, Any]) -> None:
    async with open_shop(bot=showing_bot()[0], direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="choices")
        await shop.engine.quiet()
        await client.post(**press)
        await shop.engine.quiet()
        assert texts(await client.poll())[-1] == "pressed s"


async def test_what_nobody_offered_does_not_press(open_shop: Any) -> None:
    bot, heard = showing_bot()
    async with open_shop(bot=bot, direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="choices")
        await client.post(value={"payload": "buy:everything"}, channelData={"postBack": True})
        await shop.engine.quiet()
        assert "pressed everything" not in texts(await client.poll())
        assert [one.text for one in heard if not isinstance(one, ConversationOpened)] == ["buy:everything"]
        assert not any(isinstance(one, ButtonPressed) for one in heard)


async def test_several_cards_are_a_carousel_and_their_buttons_press(open_shop: Any) -> None:
    async with open_shop(bot=showing_bot()[0], direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="cards")
        await shop.engine.quiet()
        answer = (await client.poll())[-1]
        assert answer["attachmentLayout"] == "carousel"
        first, second = (one["content"] for one in answer["attachments"])
        assert (first["title"], first["subtitle"]) == ("A", "a")
        assert first["images"] == [{"url": "https://x.example/a.png", "alt": "an A"}]
        assert second["buttons"] == [{"type": "openUrl", "title": "More", "value": "https://x.example/b"}]
        await client.post(text="Buy", value=first["buttons"][0]["value"])
        await client.post(text="card")
        await shop.engine.quiet()
        said = await client.poll()
        assert "pressed a" in texts(said)
        assert said[-1]["attachmentLayout"] == "list"


async def test_pictures_have_addresses_that_lead_to_them(open_shop: Any) -> None:
    async with open_shop(bot=showing_bot()[0], direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="files")
        await shop.engine.quiet()
        _, far, near = await client.poll()
        assert far["attachments"] == [
            {"contentType": "image/*", "contentUrl": "https://x.example/a.png", "name": "a.png"}
        ]
        (one,) = near["attachments"]
        assert (one["contentType"], one["name"]) == ("image/png", "b.png")
        there = one["contentUrl"].removeprefix("https://shop.example/web/")
        assert (await client.browser.request("GET", there)).body == PNG


async def test_a_place_is_a_card_that_leads_to_a_map(open_shop: Any) -> None:
    async with open_shop(bot=showing_bot()[0], direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="place")
        await shop.engine.quiet()
        (card,) = (await client.poll())[-1]["attachments"]
        assert card["content"]["title"] == "Here"
        assert card["content"]["buttons"][0]["value"] == "https://maps.google.com/?q=55.500000,12.250000"


async def test_a_person_speaks_and_changes_are_told_without_what_colleagues_say(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="person please")
        await shop.engine.quiet()
        here = shop.conversation(client.conversation)
        await shop.takes(here)
        note = NoteWritten(
            id="o_grace:note",
            conversation=here,
            at=shop.clock.now(),
            operator=User(id="o_grace", name="Grace"),
            message=Message("secret note"),
        )
        await shop.engine.accept([note])
        await shop.answers(here, "It is Grace.")
        await shop.closes(here)
        told = await client.poll()
        assert texts(told) == ["person please", "One moment.", "event", "event", "It is Grace.", "endOfConversation"]
        assert [one["value"]["state"] for one in told if one["type"] == "event"] == ["waiting", "taken"]
        assert told[4]["from"] == {"id": "o_grace", "name": "Grace", "role": "bot"}
        assert "secret" not in json.dumps(told)
        assert [one["id"] for one in told] == [activity_id(client.conversation, number) for number in range(1, 7)]


async def test_what_is_said_after_the_end_opens_the_conversation_again(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="person please")
        await shop.engine.quiet()
        here = shop.conversation(client.conversation)
        await shop.takes(here)
        await shop.closes(here)
        assert (await client.post(text="one more thing")).status == 200
        await shop.engine.quiet()
        assert texts(await client.poll())[-1] == "You said: one more thing"


async def test_an_event_is_a_signal_and_typing_is_told_and_kept_nowhere(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        hints: list[Any] = []
        unwatch = shop.engine.watch(hints.append)
        assert (await client.post(type="event", name="webchat/join", value={"language": "da"})).status == 200
        assert (await client.post(type="event", name="count", value=7)).status == 200
        assert (await client.post(type="typing")).status == 200
        assert (await client.post(type="conversationUpdate")).status == 200
        await shop.engine.quiet()
        unwatch()
        signals = [one for one in shop.heard if isinstance(one, SignalReceived)]
        assert [(one.name, one.data) for one in signals] == [
            ("web.webchat/join", {"language": "da"}),
            ("web.count", {"value": 7}),
        ]
        assert [one.data["by"] for one in hints if one.topic == "typing"] == ["user"]
        assert await client.poll() == []


# ── files ──


def form(*parts: tuple[str, str, bytes], border: bytes = b"x7") -> bytes:
    """A form: each part's disposition, type and content."""
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\nContent-Type: %b\r\n\r\n%b\r\n"
        % (border, disposition.encode(), kind.encode(), content)
        for disposition, kind, content in parts
    )
    return body + b"--" + border + b"--\r\n"


def activity_part(**activity: Any) -> tuple[str, str, bytes]:
    said = json.dumps({"type": "message", "from": {"id": "x"}, **activity}).encode()
    return 'name="activity"; filename="blob"', "application/vnd.microsoft.activity", said


async def upload(client: Client, body: bytes | list[bytes], kind: str = "multipart/form-data; boundary=x7") -> Reply:
    path = f"{AT}conversations/{client.conversation}/upload?userId=dl_x"
    return await client.browser.request(
        "POST", path, body, {"authorization": f"Bearer {client.token}", "content-type": kind}
    )


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
async def test_files_and_what_is_said_of_them_come_in_one_form(open_shop: Any, size: int) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        data = {"clientActivityID": "a.b"}
        body = form(
            activity_part(text="my pictures", channelData=data, attachments=[{"name": "a.png"}]),
            ('name="file"; filename="a.png"', "image/png", PNG),
            ('name="file"; filename="n%22o\u00e9.txt"', "text/plain", b"\r\n--x\r\nnot the border"),
        )
        answered = await upload(client, [body[at : at + size] for at in range(0, len(body), size)])
        assert (answered.status, answered.json()) == (200, {"id": f"{client.conversation}|0000001"})
        await shop.engine.quiet()
        echo = (await client.poll())[0]
        assert (echo["text"], echo["channelData"]) == ("my pictures", data)
        first, second = echo["attachments"]
        assert (first["contentType"], first["name"]) == ("image/png", "a.png")
        assert (second["contentType"], second["name"]) == ("text/plain", 'n"o\u00e9.txt')
        got = await client.browser.request("GET", second["contentUrl"].removeprefix("https://shop.example/web/"))
        assert got.body == b"\r\n--x\r\nnot the border"
        assert got.headers["content-disposition"].startswith("attachment;")
        (event,) = [one for one in shop.heard if isinstance(one, AttachmentReceived)]
        assert [one.kind for one in event.attachments] == ["image", "file"]
        assert (await upload(client, body)).json() == answered.json()


async def test_one_file_may_be_the_whole_body(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        assert (await upload(client, PNG, "image/png")).status == 200
        await shop.engine.quiet()
        assert [one["contentType"] for one in (await client.poll())[0]["attachments"]] == ["image/png"]


@pytest.mark.parametrize(
    ("body", "kind", "answered"),
    [
        (form(activity_part(text="x")), "multipart/form-data; boundary=x7", (400, "MissingProperty")),
        (form(), "multipart/form-data; boundary=x7", (400, "MissingProperty")),
        (b"", "multipart/form-data; boundary=x7", (400, "MalformedData")),
        (form(activity_part(text="x"))[:-9], "multipart/form-data; boundary=x7", (400, "MalformedData")),
        (form(activity_part(text="x")), "multipart/form-data; boundary=other", (400, "MalformedData")),
        (form(activity_part(text="x")), "multipart/form-data", (400, "MalformedData")),
        (form(activity_part(text="x")), "multipart/mixed; boundary=x7", (400, "MalformedData")),
        (form(*[activity_part(text="x")] * 13), "multipart/form-data; boundary=x7", (400, "MalformedData")),
        (
            form(*[('name="file"; filename="a"', "text/plain", b"x")] * 11),
            "multipart/form-data; boundary=x7",
            (400, "BadArgument"),
        ),
        (b"--x7\r\n" + b"a: b\r\n" * 2000 + b"\r\n", "multipart/form-data; boundary=x7", (400, "MalformedData")),
        (
            form(("name=a; filename=b", "text/html", b"<html>")),
            "multipart/form-data; boundary=x7",
            (415, "BadArgument"),
        ),
        (b"<svg/>", "image/svg+xml", (415, "BadArgument")),
        (b"x" * 101, "text/plain", (413, "MessageSizeTooBig")),
        (b"", "text/plain", (422, "BadArgument")),
    ],
)
async def test_an_upload_that_is_none_is_refused(
    open_shop: Any, body: bytes, kind: str, answered: tuple[int, str]
) -> None:
    async with open_shop(direct_line_secret=SECRET, file_bytes=100) as shop:
        client = await begun(shop)
        assert error(await upload(client, body, kind)) == answered
        assert await client.poll("") == []


async def test_uploads_are_counted(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(uploads=(1, 60.0))) as shop:
        client = await begun(shop)
        assert (await upload(client, PNG, "image/png")).status == 200
        assert error(await upload(client, PNG, "image/png")) == (429, "TooManyRequests")


@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_bytes_make_the_form_reader_raise_anything_else(content: bytes, size: int) -> None:
    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]

    async def read(body: bytes) -> list[bytes]:
        made, found = Form(pieces(body), b"x7"), []
        while (part := await made.next()) is not None:
            found.append(b"".join([piece async for piece in part.content]))
        return found

    async def check() -> None:
        for body in (content, b"--x7" + content, b"--x7\r\n" + content, b"--x7\r\n\r\n" + content):
            try:
                await read(body)
            except NoForm:
                continue
        if b"--x7" not in content:
            assert await read(form(("name=a", "x/y", content), ("name=b", "x/y", content))) == [content, content]

    anyio.run(check)


@given(st.text(max_size=200))
def test_no_content_type_makes_the_reader_raise_anything_else(content_type: str) -> None:
    for one in (content_type, f"multipart/form-data; boundary={content_type}"):
        try:
            assert boundary_of(one)
        except NoForm:
            continue


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {"type": st.just("message")},
        optional={
            "text": st.text(),
            "value": json_values,
            "channelData": json_values,
            "name": json_values,
            "locale": json_values,
        },
    )
)
def test_no_activity_makes_the_reader_raise_anything_else(activity: Any) -> None:
    try:
        posted = read_activity(activity)
    except Unsaid:
        return
    assert 16 <= len(posted.cid) <= 64


# ── streams ──


async def test_the_stream_tells_each_entry_once_from_the_beginning_with_its_watermark(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        await client.post(text="early")
        await shop.engine.quiet()
        async with client.stream() as line:
            frame = await line.next()
            assert texts(frame["activities"]) == ["early", "You said: early"]
            assert frame["watermark"] == "2"
            answered = await client.post(text="late", channelData={"clientActivityID": "q"})
            echo, answer = await heard_on(line, 2)
            assert (echo["id"], echo["channelData"]) == (answered.json()["id"], {"clientActivityID": "q"})
            assert (answer["text"], answer["replyToId"]) == ("You said: late", echo["id"])
            assert await line.waiting() == []


async def test_a_stream_after_a_watermark_replays_what_follows_and_without_one_nothing(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        for text in ("one", "two"):
            await client.post(text=text)
            await shop.engine.quiet()
        assert (await client.resume("1")).status == 200
        async with client.stream() as line:
            assert texts(await heard_on(line, 3)) == ["You said: one", "two", "You said: two"]
        await client.resume("0")
        async with client.stream() as line:
            assert texts(await heard_on(line, 4)) == ["one", "You said: one", "two", "You said: two"]
        assert (await client.resume("")).status == 200
        await client.post(text="between")  # after the call, before the socket: it belongs to what is new
        async with client.stream() as line:
            assert texts(await heard_on(line, 2)) == ["between", "You said: between"]
            assert await line.waiting() == []


async def test_a_stream_that_missed_much_gets_all_of_it(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(sends=(1000, 0.001))) as shop:
        client = await begun(shop)
        for number in range(130):
            await client.post(text=str(number))
        await shop.engine.quiet()
        await client.resume("3")
        async with client.stream() as line:
            found = await heard_on(line, 257)
        assert [one["id"] for one in found] == [activity_id(client.conversation, n) for n in range(4, 261)]


async def test_nothing_is_lost_or_doubled_while_a_stream_is_opened(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(sends=(1000, 0.001))) as shop:
        client = await begun(shop)

        async def chatter() -> None:
            for number in range(60):
                await client.post(text=str(number))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chatter)
            async with client.stream() as line:
                found = await heard_on(line, 120)
        assert [one["id"] for one in found] == [activity_id(client.conversation, n) for n in range(1, 121)]


async def refused(client: Client, url: str) -> None:
    with pytest.raises((AssertionError, BaseExceptionGroup)) as caught:
        async with client.browser.open(path=url.removeprefix("wss://shop.example/web/"), token=""):
            raise RuntimeError("it was accepted")
    assert not caught.group_contains(RuntimeError) if isinstance(caught.value, BaseExceptionGroup) else True


async def test_a_stream_s_address_is_good_once_for_a_minute_and_holds_no_token(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        assert client.token not in client.stream_url
        async with client.stream():
            pass
        await refused(client, client.stream_url)
        await client.resume()
        await shop.passes(60)
        await refused(client, client.stream_url)
        other = await begun(shop)
        await refused(client, other.stream_url.replace(other.conversation, client.conversation))
        await refused(client, client.stream_url.partition("?")[0])


async def test_of_two_streams_the_older_is_closed_as_a_collision(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        async with client.stream() as first:
            await client.resume()
            async with client.stream() as second:
                closed = await first.closed()
                assert (closed.code, closed.reason) == (1000, "collision")
                await client.post(text="hello")
                assert texts(await heard_on(second, 2)) == ["hello", "You said: hello"]


async def test_empty_frames_are_taken_and_given(open_shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convokit.transports.webchat.streams.PING_SECONDS", 0.01)
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        async with client.stream() as line:
            await line.raw("")
            await line.raw("{")
            with anyio.fail_after(5):
                assert (await line._from_server.receive()) == {"type": "websocket.send", "text": ""}
            await client.post(text="hello")
            with anyio.fail_after(5):
                while not (said := await line._from_server.receive())["text"]:
                    pass
            assert texts(json.loads(said["text"])["activities"])[0] == "hello"


async def test_typing_is_on_the_stream_only(open_shop: Any) -> None:
    bot = Bot("shop")
    waiting = anyio.Event()

    @bot.fallback
    async def slow(turn: Turn) -> None:
        if turn.text:
            turn.typing()
            await waiting.wait()
            turn.reply("done")

    async with open_shop(bot=bot, direct_line_secret=SECRET) as shop:
        client = Client(shop.browser())
        await client.generate()
        await client.start()
        async with client.stream() as line:
            await client.post(text="hello")
            echo, typing = await heard_on(line, 2)
            assert (echo["text"], typing["type"], typing["from"]["role"]) == ("hello", "typing", "bot")
            assert texts(await client.poll("")) == ["hello"]
            waiting.set()
            assert texts(await heard_on(line, 1)) == ["done"]


async def test_a_stream_ends_with_its_token_and_lasts_as_long_as_that_is_refreshed(
    open_shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convokit.transports.webchat.streams.PING_SECONDS", 0.01)
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)

        async def nothing_but_pings(line: Line) -> None:
            for _ in range(3):
                assert (await line._from_server.receive()) == {"type": "websocket.send", "text": ""}

        async with client.stream() as line:
            await shop.passes(1000)
            await client.refresh()
            await shop.passes(1000)
            await nothing_but_pings(line)
            await shop.passes(801)
            with anyio.fail_after(5):
                while (said := await line._from_server.receive())["type"] == "websocket.send":
                    pass
            assert said["type"] == "websocket.close"
            assert (said["code"], said["reason"]) == (1008, "token expired")


async def test_no_more_streams_are_opened_than_allowed(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(sockets=1)) as shop:
        client, other = await begun(shop), await begun(shop)
        async with client.stream():
            await refused(other, other.stream_url)


# ── doors ──


async def test_pages_of_listed_origins_may_call_and_others_may_not(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, origins=["https://bank.example"]) as shop:
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,x-ms-bot-agent,x-requested-with",
        }
        listed = shop.browser(origin="https://bank.example")
        preflight = await listed.request("OPTIONS", AT + "conversations", b"", asked)
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == "https://bank.example"
        assert preflight.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
        allowed = preflight.headers["access-control-allow-headers"].split(", ")
        assert set(asked["access-control-request-headers"].split(",")) <= set(allowed)
        assert preflight.headers["vary"] == "Origin"
        reply = await Client(listed).generate()
        assert reply.headers["access-control-allow-origin"] == "https://bank.example"
        assert reply.headers["cache-control"] == "no-store"
        assert "set-cookie" not in reply.headers
        for origin in ("https://evil.example", "null"):
            stranger = Client(shop.browser(origin=origin))
            answered = await stranger.generate()
            assert error(answered) == (403, "Forbidden")
            assert "access-control-allow-origin" not in answered.headers
        server = Client(shop.browser(origin=None))
        assert (await server.generate()).status == 200


async def test_what_the_protocol_does_not_know_is_an_error_of_its_kind(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = await begun(shop)
        assert error(await client.call("GET", "session/getsessionid")) == (404, "NotFound")
        assert error(await client.call("POST", "nothing/at/all")) == (404, "NotFound")


async def test_a_socket_s_address_is_the_one_that_the_client_came_by(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET) as shop:
        client = Client(shop.browser(scheme="http", origin=None, host="localhost:8000"))
        await client.generate()
        await client.start()
        assert client.stream_url.startswith("ws://localhost:8000/web/v3/directline/conversations/c_")
        client.browser.origin, client.browser.host = "https://shop.example", "shop.example"
        await client.resume()  # a proxy has ended TLS
        assert client.stream_url.startswith("wss://shop.example/web/v3/directline/conversations/c_")


async def test_conversations_of_one_person_are_counted(open_shop: Any) -> None:
    async with open_shop(direct_line_secret=SECRET, bounds=Bounds(conversations=(2, 60.0))) as shop:
        statuses = []
        for _ in range(3):
            client = Client(shop.browser())
            await client.generate(user={"id": "dl_1"})
            statuses.append((await client.start()).status)
        assert statuses == [201, 201, 429]
        await shop.clock.move_to(shop.clock.now() + timedelta(seconds=60))
        assert (await client.start()).status == 201


def test_the_line_s_closing_is_what_the_helper_reads() -> None:
    assert str(Closed(1000, "collision")) == "1000 collision"
