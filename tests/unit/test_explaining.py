"""What `explain` tells of a route is what `select` does: it cannot say another thing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import Conversation, ConversationId, Handoff, Position
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    Event,
    LocationShared,
    MessageRead,
    MessageReceived,
    OperatorReplied,
    SignalReceived,
    TimerFired,
)
from convokit.explaining import Look, explain, in_words
from convokit.filters import Filter, attachment, button, channel, contains, locale, regex, text, user, where
from convokit.messages import Image, Message
from convokit.people import User
from convokit.router import Router
from convokit.routing import Table, select
from convokit.turn import Turn

HERE = ConversationId("telegram", "1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = User(id="ada", locale="en-GB")


def happened(kind: type[Event], who: User | None = ADA, **more: Any) -> Event:
    return kind(id="1", conversation=HERE, at=NOW, user=who, **more)


def said(words: str, who: User | None = ADA) -> Event:
    return happened(MessageReceived, who, text=words)


def handler(name: str) -> Callable[[Turn], Any]:
    async def handle(turn: Turn) -> None: ...

    handle.__qualname__ = handle.__name__ = name
    return handle


# ── filters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def refuse(event: Event, conversation: Conversation) -> bool:
    return False


@pytest.mark.parametrize(
    ("one", "event", "told"),
    [
        (channel("web"), said("hi"), 'the channel is "telegram"'),
        (text("order"), said("hallo"), 'the text is "hallo"'),
        (text("order"), happened(TimerFired, name="x"), "a TimerFired has no text"),
        (contains("pizza"), said("pasta"), 'the text is "pasta"'),
        (regex(r"\d+"), said("two"), 'the text is "two"'),
        (button("buy:{what}"), happened(ButtonPressed, payload="sell:1"), 'the payload is "sell:1"'),
        (button("buy:{what}"), said("buy:1"), "a MessageReceived is no pressed button"),
        (user("7"), said("hi"), 'the user is "ada"'),
        (user("7"), happened(SignalReceived, None, name="x"), "nobody did it"),
        (locale("tr"), said("hi"), 'the language is "en-GB"'),
        (locale("tr"), said("hi", User(id="7")), "the language is not known"),
        (locale("tr"), happened(SignalReceived, None, name="x"), "nobody has spoken yet"),
        (
            attachment("video"),
            happened(AttachmentReceived, attachments=(Image("https://x.example/a"),)),
            "it came with image",
        ),
        (attachment("video"), said("look"), "a MessageReceived comes without attachments"),
        (where(refuse), said("hi"), "refuse returned False"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_filter_says_what_it_looked_at(one: Filter, event: Event, told: str) -> None:
    reason = one.explain(event, Conversation(id=HERE))
    assert (reason.asked, reason.passes, reason.found) == (repr(one), False, told)


@pytest.mark.parametrize(
    ("one", "deciders"),
    [
        (channel("telegram") & text("order"), ['text("order")']),
        (channel("web") & text("order"), ['channel("web")']),
        (channel("web") | text("order"), ['channel("web")', 'text("order")']),
        (~text("hallo"), ['~text("hallo")']),
        (~(text("hallo") & channel("telegram")), ['text("hallo")', 'channel("telegram")']),
        (~~text("order"), ['~text("order")']),
        (channel("telegram") & ~(text("x") | user("ada")), ['user("ada")']),
    ],
    ids=repr,
)
def test_of_composed_filters_it_is_told_which_part_said_no(one: Filter, deciders: list[str]) -> None:
    reason = one.explain(said("hallo"), Conversation(id=HERE))
    assert not reason.passes
    assert [leaf.asked for leaf in reason.decisive] == deciders
    assert all(leaf.found for leaf in reason.decisive)


class Odd(Filter):
    """A filter of somebody's own, which explains nothing."""

    def __call__(self, event: Event, conversation: Conversation) -> bool:
        return len(event.text) % 2 == 1

    def __repr__(self) -> str:
        return "Odd()"


def test_a_filter_of_your_own_need_not_explain_itself() -> None:
    reason = Odd().explain(said("even"), Conversation(id=HERE))
    assert (reason.asked, reason.passes, reason.found) == ("Odd()", False, "")


# ── routes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

LEAVES = st.sampled_from(
    [channel("telegram"), channel("web"), text("hi"), contains("pizza"), user("ada"), user("bob"), locale("en"), Odd()]
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
    ),
    max_leaves=4,
)
ROUTES: list[Callable[[Router, tuple[Filter, ...], dict[str, bool]], Any]] = [
    lambda r, f, how: r.text("hi", "one pizza", *f, **how),
    lambda r, f, how: r.command("start", *f, **how),
    lambda r, f, how: r.regex("p.*", *f, **how),
    lambda r, f, how: r.button("buy:{what}", "sell", *f, **how),
    lambda r, f, how: r.opened("ref:*", *f, **how),
    lambda r, f, how: r.attachment("image", *f, **how),
    lambda r, f, how: r.signal("order.*", *f, **how),
    lambda r, f, how: r.timer("nudge", *f, **how),
    lambda r, f, how: r.on(MessageReceived, *f, **how),
    lambda r, f, how: r.on(Event, *f, **how),
    lambda r, f, _: r.fallback(*f),
]
WRITTEN = st.lists(
    st.tuples(st.integers(0, len(ROUTES) - 1), st.lists(FILTERS, max_size=2), st.booleans()), max_size=12
)
EVENTS = st.sampled_from(
    [
        *(said(words) for words in ("hi", "HI!", "one pizza", "pasta", "/start now", "/menu", "p", "")),
        said("hi", User(id="bob", locale="tr")),
        happened(ButtonPressed, payload="buy:2"),
        happened(ButtonPressed, payload="sell"),
        happened(ConversationOpened, ref="ref:1", source="link"),
        happened(ConversationOpened, ref="", source="link"),
        happened(AttachmentReceived, attachments=(Image("https://x.example/a"),)),
        happened(LocationShared, latitude=1.0, longitude=2.0),
        happened(SignalReceived, None, name="order.shipped"),
        happened(TimerFired, None, name="nudge"),
        happened(TimerFired, None, name="dialog:order"),
        happened(MessageRead, message_ids=("m",)),
        happened(OperatorReplied, None, operator=User(id="o"), message=Message("hello")),
    ]
)
STANDS = Position(dialog="order", version=1, state="size", user="ada")
STATES = st.sampled_from(
    [
        Conversation(id=HERE),
        Conversation(id=HERE, user=ADA, positions=(STANDS,)),
        Conversation(id=HERE, handoff=Handoff(id="h", queue="", reason="", opened_at=NOW)),
    ]
)


def table_of(written: list[tuple[int, list[Filter], bool]]) -> Table:
    """The routes as drawn, those included that a router would refuse because nothing is left to them."""
    routes, fallbacks = [], []
    for place, (kind, filters, interrupts) in enumerate(written):
        router = Router("drawn")
        ROUTES[kind](router, tuple(filters), {"interrupts": interrupts})(handler(f"r{place}"))
        routes += [evolve(route, order=place) for route in router._routes]
        fallbacks += router._fallbacks
    return Table(routes=tuple(routes), fallbacks=tuple(fallbacks))


@settings(max_examples=300, deadline=None)
@given(written=WRITTEN, event=EVENTS, conversation=STATES)
def test_what_is_explained_is_what_is_selected(
    written: list[tuple[int, list[Filter], bool]], event: Event, conversation: Conversation
) -> None:
    table = table_of(written)
    wanted = select(event, conversation, table)
    found, looks = explain(event, conversation, table)
    assert found == wanted
    winners = [one.route for look in looks for one in look.considered if one.passed]
    assert winners == ([wanted.match.route] if wanted.match else [])
    for look in looks:
        assert not any(one.passed for one in look.considered[:-1])
        for one in look.considered:
            # Each word of it is true by itself.
            assert one.passed is (one.route.match(event, conversation) is not None)
            assert (one.trigger is None) is all(trigger.match(event) is None for trigger in one.route.triggers)
            for reason, asked in zip(one.reasons, one.route.filters, strict=False):
                assert reason.passes is asked(event, conversation)
                assert reason.decisive


@settings(max_examples=300, deadline=None)
@given(one=FILTERS, event=EVENTS, conversation=STATES)
def test_a_filter_explains_what_it_answers(one: Filter, event: Event, conversation: Conversation) -> None:
    reason = one.explain(event, conversation)
    assert reason.passes is one(event, conversation)
    assert reason.asked == repr(one)


def names(look: Look) -> list[tuple[str, bool]]:
    return [(one.route.name, one.passed) for one in look.considered]


def test_looks_are_told_in_the_order_of_the_precedence() -> None:
    router = Router("shop")
    router.command("stop", interrupts=True)(handler("stop"))
    router.text("order")(handler("order"))
    router.text("hallo", channel("web"))(handler("web only"))
    router.fallback(handler("anything"))
    found, looks = explain(said("hallo"), Conversation(id=HERE), Table.compile(router))
    assert found is not None
    assert found.action == "fallback"
    assert [look.among for look in looks] == ["those that interrupt", "all routes", "the fallbacks"]
    assert names(looks[1]) == [("stop", False), ("order", False), ("web only", False)]
    (reason,) = looks[1].considered[2].reasons
    assert (reason.asked, reason.found) == ('channel("web")', 'the channel is "telegram"')
    assert names(looks[2]) == [("anything", True)]


def test_a_filter_that_raises_is_named() -> None:
    def asks(event: Event, conversation: Conversation) -> bool:
        return bool(conversation.memory["vip"])

    router = Router("shop")
    router.on(MessageReceived, where(asks))(handler("vip"))
    router.fallback(handler("anything"))
    table = Table.compile(router)
    with pytest.raises(KeyError):
        select(said("hi"), Conversation(id=HERE), table)
    found, looks = explain(said("hi"), Conversation(id=HERE), table)
    assert found is None
    assert looks[-1].considered[-1].raised == "KeyError: 'vip'"


def test_what_no_customer_did_goes_to_no_fallback() -> None:
    router = Router("shop")
    router.fallback(handler("anything"))
    found, looks = explain(happened(TimerFired, None, name="nudge"), Conversation(id=HERE), Table.compile(router))
    assert found is not None
    assert found.action == "none"
    assert not any(look.considered for look in looks)


def test_a_part_that_is_not_asked_explains_nothing() -> None:
    def asks(event: Event, conversation: Conversation) -> bool:
        raise AssertionError("it is decided already")

    here = Conversation(id=HERE)
    assert (channel("telegram") | where(asks)).explain(said("hi"), here).passes
    assert not (channel("web") & where(asks)).explain(said("hi"), here).passes


def test_nothing_is_looked_up_where_no_route_is_asked() -> None:
    router = Router("shop")
    router.fallback(handler("anything"))
    taken = Conversation(id=HERE, handoff=Handoff(id="h", queue="", reason="", opened_at=NOW))
    found, looks = explain(said("hi"), taken, Table.compile(router))
    assert found is not None
    assert found.action == "forward"
    assert looks == ()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (said("hallo"), 'it says "hallo"'),
        (happened(ButtonPressed, payload="buy:2"), 'it is "buy:2"'),
        (happened(ConversationOpened, ref="", source="link"), "it has no ref"),
        (happened(LocationShared, latitude=1.0, longitude=2.0), "it is a LocationShared"),
        (happened(AttachmentReceived, attachments=(Image("https://x.example/a"),)), "it brings image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_triggers_look_at_is_told_in_words(event: Event, words: str) -> None:
    assert in_words(event) == words
