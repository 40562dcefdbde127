"""The skill `OpenTelemetry`: one trace for each event, one span for each step, nothing that was said."""

import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode, get_current_span

from convokit import Bot, MissingExtra, Rejected, Settings, Turn
from convokit.abc import Request
from convokit.skills import OpenTelemetry
from convokit.stores import Memory
from convokit.testing import Simulation
from convokit.transports import Telegram
from convokit.transports.telegram.presses import secret_token

pytestmark = pytest.mark.faultless

SECRET = "xyzzy-4111"
BOT_TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz01234567"


class Traced:
    """A provider that keeps what is exported."""

    def __init__(self, **more: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **more)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.skill = OpenTelemetry(tracer_provider=self.provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.spans if one.name == f"convokit {name}"]


def shop(traced: Traced) -> Bot:
    bot = Bot("shop", settings=Settings(retry_pause=0, tries=2))

    @bot.text(SECRET)
    async def answer(turn: Turn) -> None:
        with traced.provider.get_tracer("shop").start_as_current_span("look up"):
            turn.reply(f"You said {turn.text}")

    @bot.text("break")
    async def breaks(turn: Turn) -> None:
        raise KeyError(SECRET)

    bot.observe(traced.skill)
    return bot


def context(span: ReadableSpan) -> Any:
    found = span.context
    assert found is not None
    return found


async def test_a_message_is_one_trace_with_one_span_for_each_step() -> None:
    traced = Traced()
    async with Simulation(shop(traced)) as world:
        await world.user("Ada").says(SECRET)
    names = [one.name for one in sorted(traced.spans, key=lambda one: one.start_time or 0)]
    assert set(names) == {
        "look up",
        *(f"convokit {step}" for step in ("accept", "load", "queue", "select", "handle", "commit", "deliver")),
    }
    assert len(names) == 8
    assert len({context(one).trace_id for one in traced.spans}) == 1
    (root,), (handle,), (select,), (looked_up,) = (
        traced.named("accept"),
        traced.named("handle"),
        traced.named("select"),
        [one for one in traced.spans if one.name == "look up"],
    )
    assert root.parent is None
    below = {one.name: one.parent and one.parent.span_id for one in traced.spans}
    assert below["convokit commit"] == below["convokit deliver"] == below["convokit queue"] == context(root).span_id
    assert below["convokit handle"] == context(root).span_id
    assert below["look up"] == context(handle).span_id == below["convokit select"]
    assert (handle.start_time or 0) <= (select.start_time or 0) <= (looked_up.start_time or 0)
    assert (
        dict(handle.attributes or {}).items()
        >= {
            "convokit.outcome": "route",
            "convokit.kind": "MessageReceived",
            "convokit.channel": "simulation",
            "convokit.attempt": 1,
            "convokit.seq": 1,
        }.items()
    )


async def test_each_event_has_a_trace_of_its_own() -> None:
    traced = Traced()
    async with Simulation(shop(traced)) as world:
        ada = world.user("Ada")
        await ada.says(SECRET)
        await ada.says(SECRET)
    assert len({context(one).trace_id for one in traced.named("handle")}) == 2
    by_trace = {context(one).trace_id for one in traced.named("deliver")}
    assert by_trace == {context(one).trace_id for one in traced.named("handle")}


async def test_a_webhook_begins_the_trace_below_the_callers_span() -> None:
    traced = Traced()
    bot = shop(traced)
    bot.attach(Telegram(BOT_TOKEN, public_url="https://shop.example/bot"))
    body = (
        b'{"update_id": 1, "message": {"message_id": 1, "date": 1764000000, "text": "hello",'
        b' "chat": {"id": 7, "type": "private"}, "from": {"id": 7, "is_bot": false, "first_name": "Ada"}}}'
    )
    headers = {"x-telegram-bot-api-secret-token": secret_token(BOT_TOKEN).encode()}
    async with bot.serve(Memory()) as engine:
        transport = engine.transports["telegram"]
        with traced.provider.get_tracer("host").start_as_current_span("POST /telegram") as caller:
            await engine.take(transport, Request(method="POST", headers=headers, body=body, at=engine.clock.now()))
        await engine.quiet()
    (receive,), (accept,), (handle,) = traced.named("receive"), traced.named("accept"), traced.named("handle")
    assert receive.parent is not None
    assert receive.parent.span_id == caller.get_span_context().span_id
    for one in (accept, handle):
        assert one.parent is not None
        assert one.parent.span_id == context(receive).span_id
        assert context(one).trace_id == caller.get_span_context().trace_id


async def test_what_was_said_and_whose_it_is_are_in_no_span() -> None:
    traced = Traced()
    async with Simulation(shop(traced)) as world:
        ada = world.user("Ada", id="+15550100")
        await ada.says(SECRET)
        await ada.says("break")
        world.troubles(Rejected("simulation", f"no {SECRET}"))
        await ada.says(SECRET)
    whole = "\n".join(one.to_json() for one in traced.spans)
    assert len(traced.spans) > 15
    assert SECRET not in whole
    assert "15550100" not in whole
    assert "event-1" not in whole
    assert traced.skill.hashed(ada.conversation) in whole


async def test_what_went_wrong_has_the_status_of_an_error_and_the_class_of_what_was_raised() -> None:
    traced = Traced()
    async with Simulation(shop(traced)) as world:
        await world.user("Ada").says("break")
    first, second = traced.named("handle")
    for number, one in enumerate((first, second), 1):
        assert one.status.status_code is StatusCode.ERROR
        assert dict(one.attributes or {}).items() >= {"error.type": "KeyError", "convokit.attempt": number}.items()
        assert one.events == (), "an exception's text may be what somebody said"
    assert context(first).trace_id == context(second).trace_id


async def test_a_restart_begins_a_new_trace_that_bears_the_same_hash() -> None:
    traced, later = Traced(), Traced()
    store = Memory()
    bot = shop(traced)
    async with Simulation(bot, store=store, settings=Settings(retry_pause=100)) as world:
        await world.user("Ada").says("break")
        bot.observers[:] = [later.skill]
        await world.restarts()
        await world.passes(seconds=200)
    earlier, after = traced.named("handle")[0], later.named("handle")[0]
    assert context(earlier).trace_id != context(after).trace_id
    names = ("convokit.event", "convokit.conversation")
    assert [(earlier.attributes or {})[one] for one in names] == [(after.attributes or {})[one] for one in names]


async def test_hashes_differ_from_store_to_store() -> None:
    found = set()
    for _ in range(2):
        traced = Traced()
        async with Simulation(shop(traced)) as world:
            found.add(traced.skill.hashed(world.user("Ada").conversation))
    assert len(found) == 2


async def test_the_samplers_decision_holds_for_the_whole_trace() -> None:
    traced = Traced(sampler=ALWAYS_OFF)
    async with Simulation(shop(traced)) as world:
        assert await world.user("Ada").says(SECRET) == [f"You said {SECRET}"]
    assert traced.spans == []


async def test_without_an_sdk_nothing_is_recorded_and_all_goes_on() -> None:
    bot = Bot("shop")
    seen = []

    @bot.fallback
    async def echo(turn: Turn) -> None:
        seen.append(get_current_span().is_recording())
        turn.reply(turn.text)

    bot.observe(OpenTelemetry())
    async with Simulation(bot) as world:
        assert await world.user("Ada").says("hi") == ["hi"]
    assert seen == [False]


async def test_nothing_is_left_open_when_a_run_is_over() -> None:
    traced = Traced()
    async with Simulation(shop(traced)) as world:
        for name in ("Ada", "Grace"):
            await world.user(name).says(SECRET)
            await world.user(name).says("break")
    assert not traced.skill._open._kept


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match="otel"):
        OpenTelemetry()
