"""The skill `Prometheus`: what is counted, what is a label, who may read it."""

import sys
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from convokit import Bot, DefinitionError, MissingExtra, Rejected, Settings, Turn
from convokit._engine.server import opens_port
from convokit.abc import Mark, Step
from convokit.conversations import ConversationId
from convokit.errors import StoreUnavailable
from convokit.skills import Prometheus
from convokit.stores import Memory
from convokit.testing import Simulation

pytestmark = pytest.mark.faultless

TOKEN = "a-token-of-twenty-four-c"
HERE = ConversationId("simulation", "1")


def shop(prometheus: Prometheus) -> Bot:
    bot = Bot("shop", settings=Settings(retry_pause=0, tries=2))

    @bot.text("hi")
    async def greet(turn: Turn) -> None:
        turn.reply("Hello!")

    @bot.text("break")
    async def breaks(turn: Turn) -> None:
        raise KeyError("broken")

    @bot.fallback
    async def anything(turn: Turn) -> None: ...

    greet.__qualname__, breaks.__qualname__, anything.__qualname__ = "greet", "breaks", "anything"
    bot.observe(prometheus)
    return bot


def value(prometheus: Prometheus, name: str, **labels: str) -> float | None:
    found: float | None = prometheus.registry.get_sample_value(f"convokit_{name}", labels)
    return found


def of_turns(prometheus: Prometheus, outcome: str) -> float | None:
    found = [
        sample.value
        for metric in prometheus.registry.collect()
        for sample in metric.samples
        if sample.name == "convokit_turns_total" and sample.labels["outcome"] == outcome
    ]
    return sum(found) if found else None


async def test_what_happens_is_counted() -> None:
    prometheus = Prometheus()
    async with Simulation(shop(prometheus)) as world:
        ada = world.user("Ada")
        await ada.says("hi")
        await ada.says("break")
        world.troubles(Rejected("simulation", "blocked"))
        await ada.says("hi")
        text = (await prometheus.metrics()).decode()
    assert value(prometheus, "events_total", channel="simulation", outcome="new") == 3
    assert (of_turns(prometheus, "route"), of_turns(prometheus, "raised")) == (2, 2)
    assert value(prometheus, "sends_total", channel="simulation", to="customer", outcome="sent") == 1
    assert value(prometheus, "sends_total", channel="simulation", to="customer", outcome="failed") == 1
    assert value(prometheus, "step_seconds_count", step="commit", channel="simulation") == 2
    assert value(prometheus, "events_failed") == 1
    assert value(prometheus, "outbox", state="sent") == 1
    assert value(prometheus, "outbox", state="failed") == 1
    assert value(prometheus, "events_waiting") == 0
    assert value(prometheus, "store_up") == 0, "the run is over"
    assert "convokit_store_up 1.0" in text
    assert 'convokit_run{bot="shop",version="' in text


async def test_the_oldest_wait_is_told_in_seconds() -> None:
    prometheus = Prometheus(refresh=0)
    async with Simulation(shop(prometheus), settings=Settings(retry_pause=3600, tries=3)) as world:
        await world.user("Ada").says("break")
        await world.passes(seconds=90)
        await prometheus.metrics()
        assert value(prometheus, "events_waiting") == 1
        assert value(prometheus, "oldest_waiting_seconds") == 90


async def test_how_old_the_oldest_is_that_retention_can_remove_is_told_by_kind() -> None:
    prometheus = Prometheus(refresh=0)
    async with Simulation(shop(prometheus), settings=Settings(tries=1)) as world:
        await prometheus.metrics()
        assert value(prometheus, "oldest_seconds", kind="log") == 0
        await world.user("Ada").says("hi")
        await world.passes(days=2)
        await world.user("Bob").says("break")
        await world.passes(hours=1)
        await prometheus.metrics()
        assert value(prometheus, "oldest_seconds", kind="log") == 2 * 86_400 + 3600
        assert value(prometheus, "oldest_seconds", kind="conversations") == 2 * 86_400 + 3600
        assert value(prometheus, "oldest_seconds", kind="failed") == 3600
        assert value(prometheus, "oldest_seconds", kind="handoffs") == 0


async def test_however_much_people_write_the_series_stay_as_many() -> None:
    prometheus = Prometheus()
    async with Simulation(shop(prometheus)) as world:
        ada = world.user("Ada")
        for said in ("hi", "what", "hi"):
            await ada.says(said)
        before = len(list(series(prometheus)))
        for number in range(50):
            await world.user(f"User {number}").says(f"canary {number}")
        after = sorted(series(prometheus))
    assert len(after) == before
    assert "canary" not in str(after)


def series(prometheus: Prometheus) -> Any:
    return [
        (sample.name, tuple(sorted(sample.labels.items())))
        for metric in prometheus.registry.collect()
        for sample in metric.samples
    ]


class Counting(Memory):
    """Counts how often it is asked for its counts; may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.down = False

    async def stats(self) -> Any:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("down")
        return await super().stats()


async def test_many_scrapers_ask_the_store_once() -> None:
    prometheus, store = Prometheus(refresh=3600), Counting()
    async with Simulation(shop(prometheus), store=store):
        store.asked = 0
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(prometheus.metrics)
        assert store.asked == 1


async def test_a_store_that_is_down_is_a_figure_and_no_error() -> None:
    prometheus, store = Prometheus(refresh=0), Counting()
    async with Simulation(shop(prometheus), store=store):
        store.down = True
        assert b"convokit_store_up 0.0" in await prometheus.metrics()
        store.down = False
        assert b"convokit_store_up 1.0" in await prometheus.metrics()


async def test_figures_go_on_from_run_to_run() -> None:
    prometheus = Prometheus()
    async with Simulation(shop(prometheus)) as world:
        await world.user("Ada").says("hi")
        await world.restarts()
        await world.user("Ada").says("hi")
        assert value(prometheus, "events_total", channel="simulation", outcome="new") == 2
    assert b"convokit_events_total" in await prometheus.metrics()


async def test_two_runs_at_the_same_time_need_one_each() -> None:
    prometheus = Prometheus()
    bot = shop(prometheus)
    async with bot.serve(Memory()):
        with pytest.raises(DefinitionError, match="observes a run of the bot shop already"):
            async with bot.serve(Memory()):
                pass
        assert b"convokit_store_up 1.0" in await prometheus.metrics()
    async with bot.serve(Memory()):
        pass


# ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def anonymous() -> Any:
    bot = shop(Prometheus(token=TOKEN))
    app = bot.asgi(Memory())
    async with bot.serve(Memory()) as engine:

        async def mounted(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": {"convokit": {"shop": engine}}}, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=mounted), base_url="http://shop.example", follow_redirects=True
        ) as client:
            yield client


async def test_the_page_is_for_who_has_the_token(anonymous: httpx.AsyncClient) -> None:
    good = {"authorization": f"Bearer {TOKEN}"}
    assert (await anonymous.get("/metrics/")).status_code == 401
    assert (await anonymous.get("/metrics")).status_code == 401
    assert (await anonymous.get("/metrics/", headers={"authorization": "Bearer wrong"})).status_code == 401
    assert (await anonymous.get(f"/metrics/?token={TOKEN}")).status_code == 401
    assert (await anonymous.get("/metrics/more", headers=good)).status_code == 404
    assert (await anonymous.post("/metrics/", headers=good)).status_code == 405
    found = await anonymous.get("/metrics", headers=good)
    assert found.status_code == 200
    assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "convokit_store_up 1.0" in found.text


async def test_what_is_refused_tells_nothing(anonymous: httpx.AsyncClient) -> None:
    refused = await anonymous.get("/metrics/")
    assert refused.text == "unauthorized"
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_without_a_token_there_is_no_page() -> None:
    bot = shop(Prometheus())
    async with bot.serve(Memory()) as engine:
        assert engine.sites == {}


def test_a_run_with_pages_opens_a_port_and_one_without_does_not() -> None:
    assert opens_port(Prometheus(token=TOKEN))
    assert not opens_port(Prometheus())


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Prometheus(token="short"), "16 characters or more, not 5"),
        (lambda: Prometheus(token=""), "16 characters or more, not 0"),
        (lambda: Prometheus(refresh=-1), "from 0 to 3600"),
    ],
)
def test_settings_out_of_their_bounds_are_refused(make: Callable[[], Prometheus], complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        make()


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtra, match="metrics"):
        Prometheus()


def test_two_observers_share_no_registry() -> None:
    first, second = Prometheus(), Prometheus()
    first.told(Step(name="accept", outcome="new", channel="web", marks=(Mark(conversation=HERE),)))
    assert value(first, "events_total", channel="web", outcome="new") == 1
    assert value(second, "events_total", channel="web", outcome="new") is None
