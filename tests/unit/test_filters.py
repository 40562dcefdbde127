"""Filters answer about one event, and compose."""

import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import Conversation, ConversationId
from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, ButtonPressed, Event, MessageReceived, TimerFired
from convokit.filters import (
    Filter,
    attachment,
    button,
    channel,
    contains,
    locale,
    regex,
    text,
    user,
    where,
)
from convokit.messages import File, Image
from convokit.patterns import Pattern, checked
from convokit.people import User

HERE = Conversation(id=ConversationId("telegram", "1"), user=User(id="9", locale="fr"))


def happened(kind: type[Event], who: User | None = None, **more: Any) -> Event:
    return kind(id="1", conversation=HERE.id, at=datetime(2026, 1, 1, tzinfo=UTC), user=who, **more)


def said(words: str, **of: str) -> Event:
    return happened(MessageReceived, User(id="7", **of), text=words)


PHOTO = happened(AttachmentReceived, attachments=(Image("https://x.example/a.jpg"),), text="My pizza!")


@pytest.mark.parametrize(
    ("one", "event", "answer"),
    [
        (channel("telegram"), said("hi"), True),
        (channel("messenger", "web"), said("hi"), False),
        (text("hi"), said("  HÍ!! "), True),
        (text("hi"), said("hi there"), False),
        (text("my pizza"), PHOTO, True),
        (text("hi"), happened(TimerFired, name="hi"), False),
        (contains("pizza"), said("one PIZZA, please"), True),
        (contains("pizza"), said("two pizzas"), False),
        (contains("large pizza"), said("a large, pizza"), True),
        (regex(r"order (\d+)"), said(" Order 42 "), True),
        (regex(r"order (\d+)"), said("reorder 42"), False),
        (regex(re.compile("order")), said("Order"), False),
        (button("track:{order}"), happened(ButtonPressed, payload="track:42"), True),
        (button("track:{order}"), happened(ButtonPressed, payload="Track:42"), False),
        (button("hi"), said("hi"), False),
        (user("7", "8"), said("hi"), True),
        (user("9"), happened(TimerFired, name="x"), False),
        (locale("en"), said("hi", locale="en-GB"), True),
        (locale("en-GB"), said("hi", locale="en_gb"), True),
        (locale("en-GB"), said("hi", locale="en"), False),
        (locale("e"), said("hi", locale="en"), False),
        (locale("fr"), happened(TimerFired, name="x"), True),
        (attachment("image"), PHOTO, True),
        (attachment("file", "audio"), PHOTO, False),
        (attachment(), happened(AttachmentReceived, attachments=(File("https://x.example/a"),)), True),
        (attachment(), said("hi"), False),
        (where(lambda event, _: event.text == "hi"), said("hi"), True),
    ],
    ids=repr,
)
def test_a_filter_says_whether_an_event_passes(one: Filter, event: Event, *, answer: bool) -> None:
    assert one(event, HERE) is answer
    assert (~one)(event, HERE) is not answer


YES = where(lambda _e, _c: True, "yes")
NO = where(lambda _e, _c: False, "no")
trees = st.recursive(
    st.sampled_from([(YES, True), (NO, False)]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: (two[0][0] & two[1][0], two[0][1] and two[1][1])),
        st.tuples(inner, inner).map(lambda two: (two[0][0] | two[1][0], two[0][1] or two[1][1])),
        inner.map(lambda one: (~one[0], not one[1])),
    ),
    max_leaves=12,
)


@given(trees)
def test_composed_filters_answer_as_logic_does_and_show_themselves_as_they_were_written(
    tree: tuple[Filter, bool],
) -> None:
    composed, answer = tree
    assert composed(said("hi"), HERE) is answer
    read_again = eval(repr(composed), {"where": lambda one: one, "yes": YES, "no": NO})  # noqa: S307  our own repr
    assert repr(read_again) == repr(composed)
    assert read_again(said("hi"), HERE) is answer


def test_a_filter_shows_itself_as_it_was_written() -> None:
    assert repr(channel("telegram") & ~text("hi")) == 'channel("telegram") & ~text("hi")'
    assert repr(~(attachment() | regex("a+"))) == '~(attachment() | regex("a+"))'


def test_filters_are_equal_when_they_ask_the_same() -> None:
    assert channel("a", "b") & text("x") == channel("b", "a") & text("x")
    assert channel("a") != channel("b")
    assert text("a") != contains("a")
    assert regex("a") != regex(re.compile("a"))
    assert where(str.__eq__) == where(str.__eq__)


def test_what_is_no_filter_does_not_compose() -> None:
    with pytest.raises(DefinitionError, match=r"make one of .* with where"):
        channel("a") & cast("Any", str)
    with pytest.raises(DefinitionError, match="compose with &"):
        channel("a") and text("b")


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (channel, "at least one"),
        (lambda: text("  "), "not empty"),
        (lambda: text(3), r"not \(3,\)"),
        (lambda: attachment("picture"), "image, audio, video, file"),
        (lambda: contains("!!"), "letter"),
        (lambda: regex("("), "no regex"),
        (lambda: regex(rb"a"), "is a str"),
        (lambda: button("{a}{b}"), "where one placeholder ends"),
        (lambda: button("{a}:{a}"), "twice"),
        (lambda: button("{1}"), "no name"),
        (lambda: button("a}"), "single"),
        (lambda: where(3), "plain function"),
    ],
)
def test_a_filter_that_cannot_work_is_refused_with_its_line(write: Any, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint) as refused:
        write()
    assert f"{__file__}:" in str(refused.value)


async def _later(event: Event, conversation: Conversation) -> bool:
    return bool(event and conversation)


def test_a_filter_cannot_wait() -> None:
    with pytest.raises(DefinitionError, match="plain function"):
        where(cast("Any", _later))


# ── patterns ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pattern", "value", "caught"),
    [
        ("track:{order}", "track:42", {"order": "42"}),
        ("track:{order}", "track:", None),
        ("track:{order}", "track:4:2", None),
        ("track:{order}", "Track:42", None),
        ("{shop}:{order}/ok", "a:b/ok", {"shop": "a", "order": "b"}),
        ("{shop}-{order}", "a-b-c", {"shop": "a", "order": "b-c"}),
        ("{shop}x", "xx", {"shop": "x"}),
        ("spring*", "spring", {}),
        ("*:sale", "a:b:sale", {}),
        ("*", "", {}),
        ("a{{b}}", "a{b}", {}),
        ("a*", "a" + "b" * 5000, None),
    ],
)
def test_a_pattern_catches_what_its_placeholders_stand_for(pattern: str, value: str, caught: object) -> None:
    assert Pattern(pattern).match(value) == caught


@given(st.lists(st.sampled_from(["{}", "*", "a", "b", "-", ":", "ab"]), max_size=7), st.text("ab-:", max_size=14))
def test_a_pattern_matches_what_the_regex_of_the_same_meaning_matches(parts: list[str], value: str) -> None:
    numbered = [f"{{p{place}}}" if part == "{}" else part for place, part in enumerate(parts)]
    meaning = {"{}": "([^:]+?)", "*": "(?:.*?)"}
    same = re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL).fullmatch(value)
    try:
        pattern = Pattern("".join(numbered))
    except DefinitionError:
        return
    caught = pattern.match(value)
    assert (None if caught is None else list(caught.values())) == (list(same.groups()) if same else None)


# ── regexes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a*)*",
        r"(\w+\s?)*",
        r"(a|aa)+",
        r"(a|a?)+",
        r"(.*,)*x",
        r"(a+a*,)*",
        r"(?:(?:a+)){2,}",
        r"(?=(a+)+b)a",
        r"x|(\d+\w*)+",
        r"(\d{1,3})*",
        r"((\d+,){2}|1)+",
        r"(?P<q>a)(?P=q)|((?P<w>b+)+)",
        r"(?:[ab]c|[bd]e)+",
        r"([а-я]+[я])*",
        r"(k+\u212a)*",
        r"(\d+,b*b*,)*",
        r"(\d+,[,a]+)*",
    ],
)
def test_a_regex_that_repeats_what_can_match_in_several_ways_is_refused(pattern: str) -> None:
    with pytest.raises(DefinitionError, match="several ways"):
        checked(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"order (?P<number>\d+)",
        r"(\d+,)*\d+",
        r"(?:cat|dog)+",
        r"(\w+\.)+com",
        r"(?:,\d+)*",
        r"(\d{2}:){2}\d{2}",
        r"from (.+) to (.+)",
        r"(?P<day>\d\d?)[./](?P<month>\d\d?)",
        r"(?:\s*(?:yes|no))?",
        r"(?:(?>a+)b?)?",
        r"(\w++\s)*",
        r"(\w+=\w+;)*",
        r"([а-г]+[д-я])*",
    ],
)
def test_a_regex_of_everyday_use_is_accepted_and_quick_on_evil_text(pattern: str) -> None:
    compiled = checked(pattern)
    begun = perf_counter()
    for evil in ("a" * 4095 + "!", "1," * 2047 + "!", "ab.1 " * 819):
        compiled.fullmatch(evil)
    assert perf_counter() - begun < 1  # exponential ones would take longer than the world is old


parts = st.sampled_from(["a", "b", "[ab]", "a+", "b*", "a?", "(?:a|b)", "(?:ab|a)", "(?:ab|b)", "(?:b|)", "c", "[^a]"])
bodies = st.lists(parts, min_size=1, max_size=4).map("".join)


@settings(max_examples=300, deadline=None)
@given(bodies, st.text("ab", min_size=1, max_size=3))
def test_what_the_check_lets_through_has_one_way_to_repeat(body: str, word: str) -> None:
    try:
        checked(f"(?:{body})*!")
    except DefinitionError:
        return
    # How many ways there are to share a text out among the rounds, counted by hand.
    once = re.compile(body)
    evil = word * 8
    ways = [1] + [0] * len(evil)
    for end in range(1, len(evil) + 1):
        ways[end] = sum(ways[start] for start in range(end) if once.fullmatch(evil, start, end))
    assert max(ways) <= 1
