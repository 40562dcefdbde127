"""The verdict sees every broken promise: a run that went well is made up, and one thing of it spoilt at a time."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from convokit.conversations import ConversationId
from convokit.testing.torture.api import Act
from convokit.testing.torture.observed import Chat, Observed
from convokit.testing.torture.script import Said, read
from convokit.testing.torture.verdict import judge

KEYED, EVIDENT, BARE = (ConversationId(channel, "c") for channel in ("keyed", "evident", "bare"))


def act(text: str, **more: Any) -> Act:
    return Act(**{"text": text, "key": f"k{text}", "answered": True, "life": 1, "answer_lost": False, **more})


def chat(*sent: Said, bot: tuple[str, ...] = (), turns: int, said: int, timers: tuple[int, ...] = ()) -> Chat:
    """A conversation where everything went well."""
    readable = [one for one in sent if one.kind != "garbled"]
    count = len(readable) + len(timers)
    return Chat(
        sent=sent,
        strict=True,
        heard=tuple(one.number for one in readable),
        timers=timers,
        said=said,
        count=count,
        profile=count,
        version=turns,
        wrote=tuple(one.text for one in sent if one.in_log),
        bot=bot,
        acts=tuple(act(text) for text in bot),
    )


def well(channel: ConversationId) -> Observed:
    """A run with one of everything, in one conversation, and a word from it in another."""
    other = ConversationId("keyed", "other")
    here = chat(
        Said(1, "say"),
        Said(2, "many"),
        Said(3, "opened"),
        Said(4, "remind"),
        Said(5, "garbled"),
        Said(6, "send", str(other)),
        Said(7, "once"),
        Said(8, "quiet"),
        bot=("1.0", "2.0", "2.1", "2.2", "7.0", "4.timer"),
        turns=8,
        said=6,
        timers=(4,),
    )
    there = chat(bot=(f"6 from {channel}",), turns=1, said=0)
    return Observed(
        chats={channel: here, other: there},
        sends={"sent": 7},
        failed=((channel, "5"),),
        business={f"{channel}/7": 1},
    )


def spoilt(name: str) -> Callable[[Callable[[Chat], dict[str, Any]]], Callable[[Chat], dict[str, Any]]]:
    """Note what a change of a conversation must be seen as."""

    def note(change: Callable[[Chat], dict[str, Any]]) -> Callable[[Chat], dict[str, Any]]:
        SPOILT.append((name, change))
        return change

    return note


SPOILT: list[tuple[str, Callable[[Chat], dict[str, Any]]]] = []


@spoilt("lost")
def never_handled(one: Chat) -> dict[str, Any]:
    return {"heard": one.heard[:-1]}


@spoilt("lost")
def not_in_the_log(one: Chat) -> dict[str, Any]:
    return {"wrote": one.wrote[:-1]}


@spoilt("handled twice")
def heard_twice(one: Chat) -> dict[str, Any]:
    return {"heard": (*one.heard, one.heard[-1])}


@spoilt("handled twice")
def opened_twice(one: Chat) -> dict[str, Any]:
    return {"heard": (1, 2, 3, 3, 4, 6, 7, 8)}


@spoilt("handled twice")
def logged_twice(one: Chat) -> dict[str, Any]:
    return {"wrote": (*one.wrote, one.wrote[0])}


@spoilt("made up")
def forged_and_heard(one: Chat) -> dict[str, Any]:
    return {"heard": (*one.heard, 1_000_007)}


@spoilt("out of order")
def handled_in_another_order(one: Chat) -> dict[str, Any]:
    return {"heard": (2, 1, *one.heard[2:]), "strict": False}


@spoilt("out of order")
def accepted_in_another_order_than_delivered(one: Chat) -> dict[str, Any]:
    return {"heard": (2, 1, *one.heard[2:]), "wrote": (one.wrote[1], one.wrote[0], *one.wrote[2:])}


@spoilt("replies lost")
def never_arrived(one: Chat) -> dict[str, Any]:
    return {"acts": one.acts[1:]}


@spoilt("replies made up")
def nobody_asked(one: Chat) -> dict[str, Any]:
    return {"acts": (*one.acts, act("9.0"))}


@spoilt("replies out of order")
def arrived_in_another_order(one: Chat) -> dict[str, Any]:
    return {"acts": (one.acts[1], one.acts[0], *one.acts[2:])}


@spoilt("timers lost")
def never_fired(one: Chat) -> dict[str, Any]:
    return {"timers": ()}


@spoilt("timers fired twice")
def fired_twice(one: Chat) -> dict[str, Any]:
    return {"timers": (4, 4)}


@spoilt("timers early")
def fired_early(one: Chat) -> dict[str, Any]:
    return {"early": 1}


@spoilt("state unequal to outbox")
def counted_one_word_less(one: Chat) -> dict[str, Any]:
    return {"said": one.said - 1}


@spoilt("state unequal to outbox")
def forgot_a_turn(one: Chat) -> dict[str, Any]:
    return {"count": one.count - 1}


@spoilt("state unequal to outbox")
def forgot_a_turn_in_the_profile(one: Chat) -> dict[str, Any]:
    return {"profile": one.profile - 1}


@spoilt("state unequal to outbox")
def committed_a_turn_more(one: Chat) -> dict[str, Any]:
    return {"version": one.version + 1}


@spoilt("state unequal to outbox")
def said_in_the_log_and_never_sent(one: Chat) -> dict[str, Any]:
    return {"acts": one.acts[:-1]}


@spoilt("state unequal to outbox")
def sent_and_not_in_the_log(one: Chat) -> dict[str, Any]:
    return {"bot": one.bot[:-1]}


@pytest.mark.parametrize("channel", [KEYED, EVIDENT, BARE], ids=str)
def test_a_run_that_went_well_breaks_nothing(channel: ConversationId) -> None:
    verdict = judge(well(channel), {"seed": 1})
    assert verdict.held, verdict.broken
    assert verdict.as_json()["held"]
    assert verdict.as_json()["seed"] == 1


@pytest.mark.parametrize(("name", "change"), SPOILT, ids=[change.__name__ for _, change in SPOILT])
def test_a_conversation_that_is_spoilt_is_seen(name: str, change: Callable[[Chat], dict[str, Any]]) -> None:
    observed = well(BARE)
    chats = {**observed.chats, BARE: evolve(observed.chats[BARE], **change(observed.chats[BARE]))}
    verdict = judge(evolve(observed, chats=chats))
    assert name in {row.name for row in verdict.broken}
    assert all(row.examples for row in verdict.broken)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lost", {"failed": ()}),
        ("lost", {"business": {}}),
        ("failed", {"failed": ((BARE, "5"), (BARE, "1"))}),
        ("failed", {"failed": ((BARE, "5"), (BARE, "5"))}),
        ("failed", {"sends": {"sent": 6, "failed": 1}}),
        ("failed", {"sends": {"sent": 6, "held": 1}}),
        ("left waiting", {"sends": {"sent": 6, "in flight": 1}}),
        ("left waiting", {"waiting": 1}),
        ("left waiting", {"timers": 1}),
        ("state unequal to outbox", {"sends": {"sent": 8}}),
        ("state unequal to outbox", {"sends": {"sent": 6}}),
        ("once repeated without a kill", {"business": {f"{BARE}/7": 2}}),
        ("points not reached", {"unreached": ("purged",)}),
        ("ended by itself", {"by_itself": 1}),
        ("stopped badly", {"bad_stops": 1}),
        ("nobody woken", {"asleep": 1}),
        ("forged taken", {"forged_taken": 1}),
        ("store unsound", {"unsound": ("a lane has a gap",)}),
        ("refused without a cause", {"refused": {503: 2}}),
    ],
)
def test_a_whole_that_is_spoilt_is_seen(name: str, change: dict[str, Any]) -> None:
    verdict = judge(evolve(well(BARE), **change))
    assert [row.name for row in verdict.broken] == [name]


@pytest.mark.parametrize(
    ("channel", "name", "promised"),
    [
        (KEYED, "doubled with a key", True),
        (EVIDENT, "doubled with evidence", True),
        (BARE, "doubled with neither", False),
    ],
)
def test_a_doubled_reply_is_counted_by_what_the_platform_offers(
    channel: ConversationId, name: str, promised: bool
) -> None:
    observed = well(channel)
    doubled = evolve(observed.chats[channel], acts=(*observed.chats[channel].acts, act("4.timer", life=2)))
    verdict = judge(evolve(observed, chats={**observed.chats, channel: doubled}))
    assert verdict.count(name) == 1
    assert verdict.held is not promised


@pytest.mark.parametrize(
    ("first", "second", "needless"),
    [
        ({}, {}, 1),
        ({"answered": False}, {}, 0),
        ({}, {"life": 2}, 0),
        ({}, {"answer_lost": True}, 0),
    ],
    ids=["answered", "the answer was lost", "killed between", "the answer never came"],
)
def test_a_bare_channel_says_again_only_what_may_not_have_arrived(
    first: dict[str, Any], second: dict[str, Any], needless: int
) -> None:
    observed = well(BARE)
    acts = (*observed.chats[BARE].acts[:-1], act("4.timer", **first), act("4.timer", **second))
    spoilt_one = evolve(observed.chats[BARE], acts=acts)
    verdict = judge(evolve(observed, chats={**observed.chats, BARE: spoilt_one}))
    assert verdict.count("doubled though answered") == needless


def test_a_call_of_the_business_may_be_repeated_where_a_kill_lost_its_record() -> None:
    key = f"{BARE}/7"
    allowed = judge(evolve(well(BARE), business={key: 3}, business_before={key: 2}))
    assert allowed.held
    assert allowed.count("once repeated at a kill") == 1
    broken = judge(evolve(well(BARE), business={key: 4}, business_before={key: 2}))
    assert [row.name for row in broken.broken] == ["once repeated without a kill"]


def test_what_a_customer_says_reads_back() -> None:
    assert read(Said(7, "send", "keyed:c3").text) == Said(7, "send", "keyed:c3")
    assert read(Said(7, "say").text) == Said(7, "say")
