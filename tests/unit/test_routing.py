"""Who handles what: the decorators, the table, its index, and the precedence."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args

import pytest
from attrs import define, evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit import events
from convokit._index import refuse_unreachable
from convokit.conversations import Conversation, ConversationId, Handoff, Position
from convokit.dialogs import END
from convokit.errors import DefinitionError
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationOpened,
    DialogsMigrated,
    Event,
    HandoffClosed,
    HandoffTransferred,
    HandoffUnattended,
    LocationShared,
    MessageDelivered,
    MessageRead,
    MessageReceived,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
    SendRequested,
    SignalReceived,
    TimerFired,
)
from convokit.filters import Filter, channel, text, user
from convokit.messages import File, Image, Message
from convokit.people import User
from convokit.router import Router
from convokit.routes import Route
from convokit.routing import Action, Match, Selected, Table, select
from convokit.turn import Turn

ADA, GRACE = User(id="ada"), User(id="grace")
HERE = Conversation(id=ConversationId("telegram", "1"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def happened(kind: type[Event], who: User | None = ADA, **more: Any) -> Event:
    return kind(id="1", conversation=HERE.id, at=NOW, user=who, **more)


def said(words: str) -> Event:
    return happened(MessageReceived, text=words)


def handler(name: str) -> Callable[[Turn], Any]:
    async def handle(turn: Turn) -> None: ...

    handle.__qualname__ = handle.__name__ = name
    return handle


def found(match: Match | None) -> object:
    return match and (match.route.name, dict(match.params))


# ── decorators ──────────────────────────────────────────────────────────────────────────────────────────────────────

PICTURE = happened(AttachmentReceived, attachments=(Image("https://x.example/a.jpg"),))


@pytest.mark.parametrize(
    ("decorate", "event", "caught"),
    [
        (lambda r: r.command("start", "menu"), said("/START"), {"args": ""}),
        (lambda r: r.command("/menu"), said("/menu of  the day "), {"args": "of  the day"}),
        (lambda r: r.command("menu"), said("/menu\nplease"), {"args": "please"}),
        (lambda r: r.command("menu"), said("/menus"), None),
        (lambda r: r.command("menu"), said("menu"), None),
        (lambda r: r.command("menu"), said("/ menu"), None),
        (lambda r: r.command("menu"), said("/"), None),
        (lambda r: r.command("start"), happened(ConversationOpened), {"args": ""}),
        (lambda r: r.command("start"), happened(ConversationOpened, ref="sale"), None),
        (lambda r: r.command("menu"), happened(ConversationOpened), None),
        (lambda r: r.text("hi", "hello"), said(" Héllo! "), {}),
        (lambda r: r.text("hi"), said("hi there"), None),
        (lambda r: r.text("hi"), happened(ButtonPressed, payload="hi", label="hi"), None),
        (
            lambda r: r.regex(r"order (?P<number>\d+)( at (?P<shop>\w+))?"),
            said("Order 42"),
            {"number": "42", "shop": ""},
        ),
        (lambda r: r.regex(re.compile("order")), said("Order"), None),
        (lambda r: r.regex(".*x"), said("a" * 4096 + "x"), None),
        (lambda r: r.button("track:{order}"), happened(ButtonPressed, payload="track:42"), {"order": "42"}),
        (lambda r: r.button("yes", "no"), happened(ButtonPressed, payload="no"), {}),
        (lambda r: r.button("yes"), happened(ButtonPressed, payload="Yes"), None),
        (lambda r: r.button("a"), happened(SignalReceived, name="a"), None),
        (lambda r: r.opened("spring-*"), happened(ConversationOpened, ref="spring-sale"), {}),
        (lambda r: r.opened(), happened(ConversationOpened), {}),
        (lambda r: r.opened(channel("web")), happened(ConversationOpened), None),
        (lambda r: r.attachment("image"), PICTURE, {}),
        (lambda r: r.attachment("file"), PICTURE, None),
        (lambda r: r.attachment(), PICTURE, {}),
        (lambda r: r.location, happened(LocationShared, latitude=1.0, longitude=2.0), {}),
        (lambda r: r.location(channel("web")), happened(LocationShared, latitude=1.0, longitude=2.0), None),
        (lambda r: r.signal("order.shipped"), happened(SignalReceived, None, name="order.shipped"), {}),
        (lambda r: r.signal("order.{what}"), happened(SignalReceived, None, name="order.late"), {"what": "late"}),
        (lambda r: r.timer("cart"), happened(TimerFired, None, name="cart"), {}),
        (lambda r: r.timer("cart"), happened(SignalReceived, None, name="cart"), None),
        (lambda r: r.on(MessageRead, channel("telegram")), happened(MessageRead), {}),
        (lambda r: r.on(MessageRead), happened(MessageDelivered), None),
        (lambda r: r.on(Event), happened(MessageDelivered), {}),
        (lambda r: r.text("hi", channel("telegram"), ~user("ada")), said("hi"), None),
    ],
)
def test_a_decorator_makes_a_route_for_what_it_names(decorate: Any, event: Event, caught: object) -> None:
    router = Router()
    written = handler("it")
    assert decorate(router)(written) is written
    table = Table.compile(router)
    assert found(table.first(event, HERE)) == (None if caught is None else ("it", caught))
    assert table.interrupting(event, HERE) is None


def test_the_bare_decorators_take_filters_as_well() -> None:
    router = Router()
    router.fallback(user("grace"))(handler("for grace"))
    router.fallback(handler("for all"))
    table = Table.compile(router)
    assert found(table.fallback(said("x"), HERE)) == ("for all", {})
    assert found(table.fallback(evolve(said("x"), user=GRACE), HERE)) == ("for grace", {})
    assert found(table.fallback(happened(ConversationOpened, ref="x"), HERE)) == ("for all", {})
    assert table.fallback(happened(TimerFired, name="x"), HERE) is None
    assert table.fallback(happened(MessageRead), HERE) is None


def test_several_decorators_stand_above_one_handler() -> None:
    router = Router()

    @router.command("start")
    @router.text("hi")
    async def greet(turn: Turn) -> None: ...

    table = Table.compile(router)
    assert [route.handler for route in table.routes] == [greet, greet]
    assert table.routes[0].where.startswith(f"{__file__}:")
    assert [route.order for route in table.routes] == [0, 1]
    assert table.routes[0].kinds == (MessageReceived,)


def test_included_routes_come_after_the_bots_own_and_their_parts_come_along() -> None:
    @define
    class Order:
        size: str = ""

    async def outer(turn: Turn, proceed: Any) -> None: ...
    async def inner(turn: Turn, proceed: Any) -> None: ...

    bot, shop, deep = Router("bot"), Router("shop"), Router("deep")
    shop.include(deep)
    bot.include(shop)
    deep.regex("a.*")(handler("deep"))
    shop.text("abc")(handler("shop"))
    shop.fallback(handler("lost"))
    shop.use(inner)
    bot.use(outer)
    bot.button("x")(handler("bot"))
    ordering = shop.dialog(Order, name="ordering")

    @ordering.state(ask="Size?", to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> None: ...

    table = Table.compile(bot)
    assert [route.name for route in table.routes] == ["bot", "shop", "deep"]
    assert found(table.first(said("abc"), HERE)) == ("shop", {})
    assert table.middlewares == (outer, inner)
    assert dict(table.dialogs) == {"ordering": ordering}
    assert found(table.fallback(said("?"), HERE)) == ("lost", {})


def test_a_router_serves_two_bots() -> None:
    shared = Router()
    shared.text("hi")(handler("it"))
    for _ in range(2):
        bot = Router()
        bot.include(shared)
        assert len(Table.compile(bot).routes) == 1


def test_the_error_handler_of_the_nearest_class_is_chosen() -> None:
    router, other = Router(), Router()
    router.on_error()(handler("any"))
    router.on_error(LookupError, OSError)(handler("lookup"))
    other.on_error(KeyError)(handler("key"))
    router.include(other)
    table = Table.compile(router)
    chosen = [table.error_handler(one) for one in (KeyError(), IndexError(), TimeoutError(), ValueError())]
    assert [one and one.name for one in chosen] == ["key", "lookup", "lookup", "any"]
    assert table.error_handler(KeyboardInterrupt()) is None


def test_a_table_knows_which_kinds_are_wanted() -> None:
    router = Router()
    router.on(MessageRead, channel("web"))(handler("it"))
    router.fallback(handler("rest"))
    table = Table.compile(router)
    assert [table.wants(kind) for kind in (MessageRead, MessageDelivered, MessageReceived)] == [True, False, False]


def test_a_kind_of_ones_own_is_routed_like_the_kind_it_derives_from() -> None:
    @frozen(kw_only=True)
    class Sung(MessageReceived):
        pass

    router = Router()
    router.text("la")(handler("la"))
    assert found(Table.compile(router).first(happened(Sung, text="La!"), HERE)) == ("la", {})
    router.on(Sung)(handler("song"))
    assert found(Table.compile(router).first(happened(Sung, text="Lo!"), HERE)) == ("song", {})
    assert found(Table.compile(router).first(happened(Sung, text="La!"), HERE)) == ("la", {})
    assert Table.compile(router).first(said("lo"), HERE) is None


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def plain(turn: Turn) -> None: ...
async def greedy(turn: Turn, answer: str) -> None: ...
async def fine(turn: Turn) -> None: ...
async def stream(turn: Turn) -> Any:
    yield turn


class Wrong:
    async def __call__(self, turn: Turn) -> None: ...


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda r: r.text("hi")(plain), r"plain must be written async def plain\(turn\)"),
        (lambda r: r.text("hi")(greedy), "takes one argument, the turn"),
        (lambda r: r.text("hi")(stream), "async def"),
        (lambda r: r.text("hi")(Wrong()), "async def"),
        (lambda r: r.fallback(plain), "async def"),
        (lambda r: r.on_error()(plain), "async def"),
        (lambda r: r.location(plain), "async def"),
        (lambda r: r.text(fine), "at least one text"),
        (lambda r: r.text(""), "not empty"),
        (lambda r: r.text("\u200b"), "nothing that a customer could write"),
        (lambda r: r.text(channel("x"), "hi"), "then filters"),
        (lambda r: r.text("hi", 3), "no filter"),
        (lambda r: r.text("hi", plain), r"where\("),
        (lambda r: r.command("two words"), "one word"),
        (lambda r: r.command("/"), "one word"),
        (lambda r: r.regex("(a+)+"), "several ways"),
        (lambda r: r.regex(fine), "takes a pattern"),
        (lambda r: r.button("{a}{b}"), "where one placeholder ends"),
        (lambda r: r.attachment("picture"), "image, audio, video, file"),
        (lambda r: r.on("MessageRead"), "a kind of event"),
        (lambda r: r.on_error(fine), "classes of exceptions"),
        (lambda r: r.on_error(KeyboardInterrupt), "classes of exceptions"),
        (lambda r: r.timer("dialog:x"), "belong to dialogs"),
        (lambda r: r.use(plain), "a middleware is an async def"),
        (lambda r: r.use(fine), "takes turn and proceed"),
        (lambda r: r.include("shop"), "takes a Router"),
        (lambda r: r.include(r), "itself"),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_written(write: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint) as refused:
        write(Router())
    assert f"{__file__}:" in str(refused.value)


def test_handlers_may_be_methods_and_partials() -> None:
    class Shop:
        async def greet(self, turn: Turn) -> None: ...

    router = Router()
    router.text("a")(Shop().greet)
    router.text("b")(partial(greedy, answer="x"))
    names = [route.name for route in Table.compile(router).routes]
    assert names[0].endswith("Shop.greet")
    assert names[1] == "greedy"


TWICE: list[tuple[Any, Any]] = [
    (lambda r: r.text("hi"), lambda r: r.text("hello", "Hi!")),
    (lambda r: r.text("hi", channel("a")), lambda r: r.text("hi", channel("a"))),
    (lambda r: r.text("hi", channel("a"), user("b")), lambda r: r.text("hi", user("b"), channel("a"))),
    (lambda r: r.text("hi"), lambda r: r.text("hi", channel("a"))),
    (lambda r: r.command("menu"), lambda r: r.command("MENU")),
    (lambda r: r.button("track:{order}"), lambda r: r.button("track:{order}")),
    (lambda r: r.regex("a+"), lambda r: r.regex("a+")),
    (lambda r: r.location, lambda r: r.location),
    (lambda r: r.fallback, lambda r: r.fallback),
    (lambda r: r.fallback, lambda r: r.fallback(channel("a"))),
    (lambda r: r.on_error(OSError), lambda r: r.on_error(KeyError, OSError)),
]


@pytest.mark.parametrize(("one", "other"), TWICE)
def test_the_same_route_twice_is_refused_naming_both_lines(one: Any, other: Any) -> None:
    router = Router()

    @one(router)
    async def first(turn: Turn) -> None: ...

    with pytest.raises(DefinitionError, match="second is never reached") as refused:

        @other(router)
        async def second(turn: Turn) -> None: ...

    lines = [int(number) for number in re.findall(re.escape(__file__) + r":(\d+)", str(refused.value))]
    assert [number - first.__code__.co_firstlineno for number in lines] == [5, 0]


UNREACHABLE: list[tuple[Any, Any]] = [
    (lambda r: r.on(MessageReceived), lambda r: r.text("hi")),
    (lambda r: r.on(Event), lambda r: r.command("start")),
    (lambda r: r.on(LocationShared), lambda r: r.location),
    (lambda r: r.button("track:{order}"), lambda r: r.button("track:7")),
    (lambda r: r.button("*"), lambda r: r.button("a:{b}")),
    (lambda r: r.opened(), lambda r: r.opened("sale")),
    (lambda r: r.attachment("image", "file"), lambda r: r.attachment("image")),
    (lambda r: r.text("hi", interrupts=True), lambda r: r.text("hi")),
]


@pytest.mark.parametrize(("one", "other"), [*TWICE, *UNREACHABLE])
def test_an_unreachable_route_of_another_router_is_refused_at_start(one: Any, other: Any) -> None:
    bot, shop = Router(), Router()
    bot.include(shop)
    one(bot)(handler("first"))
    other(shop)(handler("second"))
    with pytest.raises(DefinitionError, match="second is never reached"):
        Table.compile(bot)


def test_a_route_that_an_interrupting_one_hides_is_refused_though_written_first() -> None:
    router = Router()
    router.text("stop")(handler("slow"))
    with pytest.raises(DefinitionError, match=r"slow is never reached .* to quick, which interrupts"):
        router.text("stop", interrupts=True)(handler("quick"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda r: r.text("hi", channel("a")), lambda r: r.text("hi")),
        (lambda r: r.text("hi", channel("a")), lambda r: r.text("hi", channel("b"))),
        (lambda r: r.text("hi"), lambda r: r.text("hi", channel("a"), interrupts=True)),
        (lambda r: r.on(MessageReceived), lambda r: r.command("start")),
        (lambda r: r.on(MessageReceived), lambda r: r.text("hi", interrupts=True)),
        (lambda r: r.button("track:7"), lambda r: r.button("track:{order}")),
        (lambda r: r.button("x"), lambda r: r.signal("x")),
        (lambda r: r.attachment("image"), lambda r: r.attachment()),
        (lambda r: r.on_error(LookupError), lambda r: r.on_error(KeyError)),
    ],
)
def test_routes_that_leave_each_other_something_are_accepted(one: Any, other: Any) -> None:
    router = Router()
    one(router)(handler("first"))
    other(router)(handler("second"))
    Table.compile(router)


def test_including_twice_or_in_a_circle_is_refused() -> None:
    bot, shop, deep = Router("bot"), Router("shop"), Router("deep")
    bot.include(shop)
    with pytest.raises(DefinitionError, match="included already"):
        bot.include(shop)
    shop.include(deep)
    with pytest.raises(DefinitionError, match="included already"):
        bot.include(deep)
    with pytest.raises(DefinitionError, match="includes itself"):
        deep.include(bot)


def test_including_twice_in_parts_that_met_later_is_refused_at_start() -> None:
    bot, shop, cafe, deep = Router("bot"), Router("shop"), Router("cafe"), Router("deep")
    bot.include(shop)
    bot.include(cafe)
    shop.include(deep)
    cafe.include(deep)
    with pytest.raises(DefinitionError, match=r"'deep'.* is included already") as refused:
        Table.compile(bot)
    assert str(refused.value).count(f"{__file__}:") == 2


def test_two_dialogs_of_one_name_are_refused() -> None:
    @define
    class Order:
        size: str = ""

    bot, shop = Router(), Router()
    bot.include(shop)
    for router in (bot, shop):
        dialog = router.dialog(Order)
        dialog.state(ask="?", to=[END])(_state)
        with pytest.raises(DefinitionError, match='a dialog "order"'):
            router.dialog(Order)
    with pytest.raises(DefinitionError, match='a dialog "order"'):
        Table.compile(bot)


async def _state(turn: Turn, order: object, answer: str) -> None: ...


def test_a_dialog_that_leads_nowhere_is_refused_at_start() -> None:
    @define
    class Order:
        size: str = ""

    router = Router()
    router.dialog(Order).state(ask="?", to=["nowhere"])(_state)
    with pytest.raises(DefinitionError, match="nowhere"):
        Table.compile(router)


# ── precedence ──────────────────────────────────────────────────────────────────────────────────────────────────────

LEASE = Handoff(id="h", queue="", reason="", opened_at=NOW)
ASKED = Position(dialog="order", version=1, state="size", user="ada")

free = HERE
asked = evolve(HERE, positions=(ASKED,))
held = evolve(asked, handoff=LEASE)


def everything() -> Table:
    """A route of each sort that could want an event."""
    router = Router()
    router.text("hi", "/hi")(handler("hi"))
    router.text("stop", interrupts=True)(handler("stop"))
    router.text("both")(handler("both late"))
    router.regex("bot.", interrupts=True)(handler("both first"))
    for kind in (OperatorReplied, HandoffClosed, NoteWritten, MessageRead, SendRequested, LocationShared):
        router.on(kind, interrupts=kind is LocationShared)(handler(kind.__name__))
    router.timer("*")(handler("timer"))
    router.signal("shipped")(handler("signal"))
    router.opened("sale")(handler("sale"))
    router.fallback(handler("rest"))
    return Table.compile(router)


OPERATOR = User(id="op")
PRECEDENCE: list[tuple[Event, Conversation, Action, str | None]] = [
    # Operators, whatever else.
    (happened(OperatorJoined, operator=OPERATOR), held, "operator", None),
    (happened(OperatorReplied, operator=OPERATOR, message=Message("x")), held, "operator", "OperatorReplied"),
    (happened(HandoffClosed), held, "operator", "HandoffClosed"),
    (happened(HandoffClosed), asked, "operator", "HandoffClosed"),
    (happened(NoteWritten, operator=OPERATOR, message=Message("x")), asked, "operator", "NoteWritten"),
    (happened(HandoffTransferred), held, "operator", None),
    (happened(HandoffUnattended), held, "operator", None),
    # So is where people stand, whoever has the conversation.
    (happened(DialogsMigrated, None), held, "migrate", None),
    (happened(DialogsMigrated, None), asked, "migrate", None),
    # Receipts touch neither handoffs nor dialogs.
    (happened(MessageRead), held, "receipt", "MessageRead"),
    (happened(MessageRead), asked, "receipt", "MessageRead"),
    (happened(MessageDelivered), held, "none", None),
    (happened(MessageDelivered), asked, "none", None),
    # While a person has the conversation.
    (said("hi"), held, "forward", None),
    (said("stop"), held, "forward", None),
    (happened(ButtonPressed, payload="x"), held, "forward", None),
    (happened(TimerFired, name="cart"), held, "postpone", None),
    (happened(TimerFired, name="dialog:order"), held, "postpone", None),
    (happened(SignalReceived, None, name="shipped"), held, "postpone", None),
    (happened(SendRequested, message=Message("x")), held, "postpone", None),
    (happened(ConversationOpened, ref="sale"), held, "none", None),
    # What shall be said.
    (happened(SendRequested, message=Message("x")), free, "send", None),
    (happened(SendRequested, message=Message("x")), asked, "send", None),
    # A dialog's own timers.
    (happened(TimerFired, name="dialog:order"), asked, "dialog", None),
    (happened(TimerFired, None, name="dialog:order"), asked, "dialog", None),
    (happened(TimerFired, GRACE, name="dialog:order"), asked, "none", None),
    (happened(TimerFired, name="dialog:order"), free, "none", None),
    # Interrupting routes.
    (said("stop"), asked, "route", "stop"),
    (said("stop"), free, "route", "stop"),
    (said("both"), free, "route", "both first"),
    (happened(LocationShared, latitude=0.0, longitude=0.0), asked, "route", "LocationShared"),
    # The dialog in progress: what this person says.
    (said("hi"), asked, "dialog", None),
    (said("both?"), asked, "dialog", None),
    (happened(ButtonPressed, payload="x"), asked, "dialog", None),
    (happened(MessageReceived, GRACE, text="hi"), asked, "route", "hi"),
    (happened(TimerFired, name="cart"), asked, "route", "timer"),
    (happened(SignalReceived, None, name="shipped"), asked, "route", "signal"),
    (happened(ConversationOpened, ref="sale"), asked, "route", "sale"),
    # The other routes, the fallback, nothing.
    (said("Hi!"), free, "route", "hi"),
    (said("what?"), free, "fallback", "rest"),
    (happened(ConversationOpened, ref="poster"), free, "fallback", "rest"),
    (happened(ConversationOpened, ref="poster"), asked, "fallback", "rest"),
    (happened(SignalReceived, None, name="late"), free, "none", None),
]


@pytest.mark.parametrize(("event", "conversation", "action", "name"), PRECEDENCE)
def test_precedence(event: Event, conversation: Conversation, action: Action, name: str | None) -> None:
    selected = select(event, conversation, everything())
    assert selected.action == action
    assert (selected.match and selected.match.route.name) == name
    assert selected.position == (ASKED if action == "dialog" else None)


def test_every_action_has_a_line_in_the_precedence() -> None:
    assert {action for _, _, action, _ in PRECEDENCE} == set(get_args(Action))


def test_an_empty_bot_does_nothing() -> None:
    table = Table.compile(Router())
    assert select(said("hi"), free, table) == Selected(action="none")


# ── the index against a naive scan ──────────────────────────────────────────────────────────────────────────────────

WORDS = ["hi", "Hi!", "a", "b", "a:b", "a:b:c", "ab", "aab", "start"]
PATTERNS = [*WORDS, "*", "a:{x}", "a:{x}:c", "{x}:b", "{x}", "a*", "a*b", "{x}b"]
FILTERS = [channel("telegram"), ~user("ada"), user("ada"), text("hi"), channel("web") | user("grace")]
KINDS = [MessageReceived, ButtonPressed, ConversationOpened, SignalReceived, MessageRead, AttachmentReceived, Event]


def some(of: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), min_size=1, max_size=3)


def making(word: str, arguments: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[tuple[str, list[Any]]]:
    return st.tuples(st.just(word), arguments)


sorts = st.one_of(
    making("command", some(["start", "a", "b"])),
    making("text", some(WORDS)),
    making("regex", st.sampled_from(["a.*", "(?P<x>a|b)", "h.", ".*"]).map(lambda one: [one])),
    *(making(word, some(PATTERNS)) for word in ("button", "opened", "signal", "timer")),
    making("attachment", st.lists(st.sampled_from(["image", "file"]), max_size=2)),
    making("location", st.just([])),
    making("on", st.sampled_from(KINDS).map(lambda one: [one])),
)
drawn_routes = st.lists(
    st.tuples(sorts, st.lists(st.sampled_from(FILTERS), max_size=2), st.booleans()), min_size=1, max_size=25
)
people = st.sampled_from([ADA, GRACE, None])
values = st.sampled_from([*WORDS, "", "/a x", "/start", "/B", "A!", "aXb", "a:"])
drawn_events = st.one_of(
    st.builds(lambda who, words: happened(MessageReceived, who, text=words), people, values),
    st.builds(lambda who, words: happened(ButtonPressed, who, payload=words), people, values),
    st.builds(lambda who, words: happened(ConversationOpened, who, ref=words), people, values),
    st.builds(lambda words: happened(SignalReceived, None, name=words), values),
    st.builds(lambda words: happened(TimerFired, None, name=words), values),
    st.sampled_from([File, Image]).map(
        lambda kind: happened(AttachmentReceived, attachments=(kind("https://x.example/a"),))
    ),
    st.just(happened(LocationShared, latitude=0.0, longitude=0.0)),
    st.just(happened(MessageRead)),
)


def route(word: str, arguments: list[Any], filters: list[Filter], *, interrupts: bool) -> Route:
    router = Router()
    getattr(router, word)(*arguments, *filters, interrupts=interrupts)(handler(word))
    return router._routes[0]


@settings(max_examples=300, deadline=None)
@given(drawn_routes, st.lists(drawn_events, min_size=1, max_size=12))
def test_the_index_finds_what_a_scan_over_all_routes_finds(
    written: list[tuple[tuple[str, list[Any]], list[Filter], bool]], happenings: list[Event]
) -> None:
    made = [route(*sort, filters, interrupts=interrupts) for sort, filters, interrupts in written]
    # Without `compile`, so that routes that can never be reached stand in the way as well.
    table = Table(routes=tuple(evolve(one, order=order) for order, one in enumerate(made)))
    for event in happenings:
        naive = [(one, one.match(event, HERE)) for one in table.routes]
        matching = [Match(one, caught) for one, caught in naive if caught is not None]
        assert table.first(event, HERE) == next(iter(matching), None)
        assert table.interrupting(event, HERE) == next((one for one in matching if one.route.interrupts), None)
        assert not matching or table.wants(type(event))


@settings(max_examples=200, deadline=None)
@given(drawn_routes, st.lists(drawn_events, min_size=1, max_size=12))
def test_a_route_that_is_refused_would_not_have_been_taken(
    written: list[tuple[tuple[str, list[Any]], list[Filter], bool]], happenings: list[Event]
) -> None:
    kept: list[Route] = []
    for (word, arguments), filters, _ in written:
        # One argument each: a route is refused as soon as one of several things it waits for is taken.
        made = route(word, arguments[:1], filters, interrupts=False)
        try:
            refuse_unreachable([evolve(one, order=order) for order, one in enumerate([*kept, made])])
            kept.append(made)
        except DefinitionError:
            for event in happenings:
                others = any(one.match(event, HERE) is not None for one in kept)
                assert others or made.match(event, HERE) is None


def test_every_kind_of_event_can_be_routed() -> None:
    for kind in events.KINDS.values():
        router = Router()
        router.on(kind)(handler("it"))
        assert Table.compile(router).wants(kind)
