"""A line that drops, stalls, resets and cuts between a bot and a platform: what is certain, and what becomes of it."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import anyio
import pytest

from convokit import Bot, ConversationId, Message, MessageReceived, Settings, Turn, Unreachable, User
from convokit._engine.clock import SystemClock
from convokit._engine.engine import Engine
from convokit.abc import Evidence, Proof, Received, Request, Transport
from convokit.messages import Capabilities, Image
from convokit.stores import Memory
from convokit.testing import FaultyProxy, Trouble
from convokit.testing.platform_double import HttpCall, PlatformDouble, Reply
from convokit.transports import Messenger, Telegram
from convokit.wire.http import Client

pytestmark = pytest.mark.anyio

TOKEN = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOpp"
QUICK = Settings(retry_pause=0.01, longest_pause=1, evidence_wait=0.05, poll=0.05, drain=5)
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 100_000


def answer(call: HttpCall) -> Reply:
    """What both platforms answer to a good call."""
    if call.path.startswith("/bot"):
        return Reply.of({"ok": True, "result": {"message_id": 1}})
    return Reply.of({"recipient_id": "PSID", "message_id": "m_1"})


def telegram(url: str, timeout: float = 5) -> tuple[Transport, ConversationId]:
    return Telegram(TOKEN, api_url=url, timeout=timeout), ConversationId("telegram", "77")


def messenger(url: str, timeout: float = 5) -> tuple[Transport, ConversationId]:
    made = Messenger("a-token", "0123456789abcdef", "verify me", api_url=url, timeout=timeout)
    return made, ConversationId("messenger", "PSID")


Made = Callable[..., tuple[Transport, ConversationId]]
both = pytest.mark.parametrize("made", [telegram, messenger])


# ── the proxy itself, and what transports make of it ────────────────────────────────────────────────────────────────


@both
async def test_a_sound_line_passes_small_calls_and_large_ones(made: Made) -> None:
    async with PlatformDouble(answer) as api, FaultyProxy(api.url) as line:
        transport, to = made(line.url)
        async with transport:
            for message in (
                Message("one"),
                Message(attachments=[Image(data=PICTURE, media_type="image/png")]),
                Message("two"),
            ):
                assert await transport.send(to, message)
        assert line.did == [Trouble.NONE] * 3
        assert PICTURE in api.calls[1].body


@both
@pytest.mark.parametrize(
    "trouble", [Trouble.DROP, Trouble.LOSE, Trouble.RESET, Trouble.CUT, Trouble.STALL], ids=lambda one: one.value
)
async def test_once_a_call_has_left_nobody_is_sure_whether_it_arrived(made: Made, trouble: Trouble) -> None:
    async with PlatformDouble(answer) as api, FaultyProxy(api.url) as line:
        transport, to = made(line.url, timeout=0.3 if trouble is Trouble.STALL else 5)
        async with transport:
            line.troubles.append(trouble)
            with pytest.raises(Unreachable) as lost:
                await transport.send(to, Message("hi"))
            assert lost.value.maybe_sent
            assert len(api.calls) == trouble.arrives
            assert await transport.send(to, Message("hi again"))


@both
async def test_where_nobody_listens_it_certainly_did_not_arrive(made: Made) -> None:
    async with PlatformDouble(answer) as api, FaultyProxy(api.url) as line:
        transport, to = made(line.url)
        async with transport:
            async with line.away():
                with pytest.raises(Unreachable) as lost:
                    await transport.send(to, Message("hi"))
                assert not lost.value.maybe_sent
            assert await transport.send(to, Message("hi"))
        assert len(api.calls) == 1


@both
async def test_a_line_kept_open_that_the_platform_closed_meanwhile_is_no_certain_failure(made: Made) -> None:
    async with PlatformDouble(answer) as api, FaultyProxy(api.url) as line:
        transport, to = made(line.url)
        async with transport:
            assert await transport.send(to, Message("one"))
            line.troubles.append(Trouble.DROP)
            with pytest.raises(Unreachable) as lost:
                await transport.send(to, Message("two"))
            assert lost.value.maybe_sent


async def test_a_seed_repeats_the_troubles_of_the_same_calls() -> None:
    async def troubles(seed: int) -> list[Trouble]:
        chances = {Trouble.DROP: 0.3, Trouble.LOSE: 0.3}
        async with PlatformDouble(answer) as api, FaultyProxy(api.url, chances=chances, seed=seed) as line:
            transport, to = telegram(line.url)
            async with transport:
                for _ in range(20):
                    try:
                        await transport.send(to, Message("hi"))
                    except Unreachable:
                        continue
            return line.did

    first = await troubles(3)
    assert first == await troubles(3)
    assert set(first) == {Trouble.NONE, Trouble.DROP, Trouble.LOSE}


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://127.0.0.1", "127.0.0.1:80"])
def test_a_proxy_needs_the_servers_whole_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"reads http://127\.0\.0\.1:8000"):
        FaultyProxy(url)


# ── an engine on such a line ────────────────────────────────────────────────────────────────────────────────────────

ROUGH = {Trouble.DROP: 0.12, Trouble.LOSE: 0.12, Trouble.RESET: 0.12, Trouble.CUT: 0.12}


class Page(Transport):
    """A made-up platform over HTTP, with a proof or without; its receipts come by webhook."""

    channel = "page"
    capabilities = Capabilities()

    def __init__(self, url: str) -> None:
        self._client = Client(self.channel, url, total=2)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__(*exc)

    def receive(self, request: Request) -> Received:
        return Received(evidence=(Evidence(key=request.body.decode()),))

    async def send(self, to: ConversationId, message: Message) -> str | None:
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        answered = await self._client.post_json("/say", {"to": to.id, "text": message.text, "key": key})
        if not answered.ok:
            raise Unreachable(self.channel, f"status {answered.status}", maybe_sent=True)
        return key


class Keyed(Page):
    """It takes an idempotency key."""

    proof: ClassVar[Proof] = Proof.KEY


class Evident(Page):
    """It returns our key in a webhook."""

    proof: ClassVar[Proof] = Proof.EVIDENCE


class Platform:
    """What the made-up platform did: what it said to whom, and which keys it has acted on."""

    def __init__(self, *, drops_copies: bool) -> None:
        self.said: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self._drops_copies = drops_copies

    def __call__(self, call: HttpCall) -> Reply:
        asked = call.json()
        if not (self._drops_copies and asked["key"] in self.keys):
            self.said.append((asked["to"], asked["text"]))
            self.keys.append(asked["key"])
        return Reply.of({})


def counting_bot(transport: Transport) -> Bot:
    bot = Bot("counting", settings=QUICK)
    bot.attach(transport)

    @bot.fallback
    async def count(turn: Turn) -> None:
        for part in ("a", "b"):
            turn.reply(f"{turn.text}{part}")

    return bot


async def chats(engine: Engine, channel: str, *, people: int, messages: int) -> None:
    """So many people say so much, all at once, each in order."""
    for number in range(messages):
        events = [
            MessageReceived(
                id=f"{number}",
                conversation=ConversationId(channel, str(person)),
                at=SystemClock().now(),
                user=User(id=str(person)),
                text=str(number),
            )
            for person in range(1, people + 1)
        ]
        await engine.accept(events)


async def all_sent(engine: Engine, sends: int) -> None:
    """Wait until the outbox has settled all of it."""
    with anyio.fail_after(60):
        while (await engine.stats()).sends != {"sent": sends}:
            await anyio.sleep(0.02)


def first_times(said: list[tuple[str, str]], person: str) -> list[str]:
    """What somebody read, each message where it came first."""
    return list(dict.fromkeys(text for to, text in said if to == person))


@asynccontextmanager
async def rough_run(made: Callable[[str], Transport], platform: Any, seed: int) -> AsyncIterator[Engine]:
    async with PlatformDouble(platform) as api, FaultyProxy(api.url, chances=ROUGH, seed=seed) as line:
        bot = counting_bot(made(line.url))
        async with bot.serve(Memory()) as engine:
            yield engine
        assert len(set(line.did)) > 3, "the line was not rough"


EXPECTED = [f"{number}{part}" for number in range(4) for part in "ab"]


async def test_with_a_key_nothing_is_lost_doubled_or_out_of_order() -> None:
    platform = Platform(drops_copies=True)
    async with rough_run(Keyed, platform, seed=1) as engine:
        await chats(engine, "page", people=5, messages=4)
        await all_sent(engine, 5 * 8)
    assert max(Counter(platform.keys).values()) == 1
    for person in range(1, 6):
        assert [text for to, text in platform.said if to == str(person)] == EXPECTED


async def test_with_evidence_nothing_is_lost_doubled_or_out_of_order() -> None:
    platform = Platform(drops_copies=False)

    async def proves(engine: Engine) -> None:
        """The platform's webhooks: a proof for each message that it has said."""
        told = 0
        while True:
            for key in platform.keys[told:]:
                told += 1
                request = Request(method="POST", body=key.encode(), at=SystemClock().now())
                await engine.take(engine.transports["page"], request)
            await anyio.sleep(0.005)

    async with rough_run(Evident, platform, seed=2) as engine, anyio.create_task_group() as tasks:
        tasks.start_soon(proves, engine)
        await chats(engine, "page", people=5, messages=4)
        await all_sent(engine, 5 * 8)
        tasks.cancel_scope.cancel()
    assert max(Counter(platform.keys).values()) == 1
    for person in range(1, 6):
        assert [text for to, text in platform.said if to == str(person)] == EXPECTED


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
async def test_with_neither_some_is_said_twice_and_nothing_is_lost_or_out_of_order(seed: int) -> None:
    said: list[tuple[str, str]] = []

    def bot_api(call: HttpCall) -> Reply:
        if call.path.endswith("/sendMessage"):
            asked = call.json()
            said.append((str(asked["chat_id"]), asked["text"]))
        return answer(call)

    async with rough_run(lambda url: Telegram(TOKEN, api_url=url), bot_api, seed) as engine:
        await chats(engine, "telegram", people=5, messages=4)
        await all_sent(engine, 5 * 8)
    assert len(said) > len(set(said)) == 5 * 8
    for person in range(1, 6):
        assert first_times(said, str(person)) == EXPECTED


async def test_what_is_to_be_held_when_uncertain_is_held_after_a_lost_answer_and_sent_after_a_refused_line() -> None:
    async with PlatformDouble(answer) as api, FaultyProxy(api.url) as line:
        transport = Telegram(TOKEN, api_url=line.url, public_url="https://shop.example", mode="webhook")
        transport.hold_uncertain = True
        bot = counting_bot(transport)
        async with bot.serve(Memory()) as engine:
            with anyio.fail_after(10):
                while len(api.calls) < 2:  # getMe, setWebhook
                    await anyio.sleep(0.01)
            async with line.away():
                await chats(engine, "telegram", people=1, messages=1)
                with anyio.fail_after(10):
                    while not (await engine.stats()).sends.get("waiting"):
                        await anyio.sleep(0.01)
                line.troubles.extend([Trouble.NONE, Trouble.LOSE])
            with anyio.fail_after(10):
                while (await engine.stats()).sends != {"sent": 1, "held": 1}:
                    await anyio.sleep(0.01)
        texts = [json.loads(call.body)["text"] for call in api.calls if call.path.endswith("/sendMessage")]
        assert texts == ["0a", "0b"]
