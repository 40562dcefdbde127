"""What a seed repeats: the plan of lives, what is said, which faults a call meets."""

import json

import pytest

from convokit._engine.points import POINTS
from convokit.testing.platform_double import HttpCall
from convokit.testing.torture.api import Api
from convokit.testing.torture.plan import planned
from convokit.testing.torture.script import KINDS, chat, drawn, expected


def test_a_plan_hits_every_named_point_once_and_then_kills_at_random() -> None:
    lives = planned(7, 60)
    named = [one.point for one in lives if one.end == "at a point"]
    assert sorted(named) == sorted(POINTS)
    assert sum(one.kills for one in lives) == 60
    assert {one.end for one in lives} >= {"late", "suspended", "stopped", "at random"}


def test_a_seed_repeats_the_plan_and_another_gives_another() -> None:
    assert planned(7, 60) == planned(7, 60)
    assert planned(7, 60) != planned(8, 60)


def test_a_seed_repeats_what_is_said_and_every_kind_comes_up() -> None:
    def said(seed: int) -> list[str]:
        return [drawn(seed, index, number, 9).text for index in range(9) for number in range(1, 60)]

    assert said(7) == said(7)
    assert said(7) != said(8)
    assert {text.split(" ")[0] for text in said(7)} == set(KINDS)


def test_a_single_chat_speaks_in_no_other() -> None:
    assert all(drawn(7, 0, number, 1).kind != "send" for number in range(1, 500))


def test_what_is_sent_elsewhere_is_expected_there() -> None:
    send = next(one for number in range(1, 500) if (one := drawn(7, 0, number, 9)).kind == "send")
    words = expected({chat(0): (send,)})
    assert [word for where, said in words.items() for word in said if str(where) == send.to] == [
        f"{send.number} from keyed:c0"
    ]


@pytest.mark.parametrize("channel", ["keyed", "evident", "bare"])
def test_a_call_meets_the_same_faults_whenever_it_comes(channel: str) -> None:
    def answers(order: range) -> dict[int, object]:
        api = Api(seed=7, proven=lambda *_: None)
        said = {}
        for number in order:
            body = json.dumps({"to": "c1", "text": f"{number}.0", "key": f"k{number}"}).encode()
            got = api.answer(HttpCall(method="POST", path=f"/{channel}/say", body=body))
            said[number] = getattr(got, "status", got)
        return said

    forwards, backwards = answers(range(300)), answers(range(299, -1, -1))
    assert forwards == backwards
    assert len(set(forwards.values())) > 3


def test_a_platform_that_takes_a_key_acts_once_for_it() -> None:
    api = Api(seed=7, proven=lambda *_: None, faulty=False)
    for channel in ("keyed", "bare"):
        for _ in range(2):
            body = json.dumps({"to": "c1", "text": "1.0", "key": "k"}).encode()
            api.answer(HttpCall(method="POST", path=f"/{channel}/say", body=body))
    assert {where.channel: len(acts) for where, acts in api.acts.items()} == {"keyed": 1, "bare": 2}
