"""`convokit check`: each remark is made where it is due, and only there."""

import json
from datetime import timedelta

import pytest
from attrs import define

from convokit import END, Bot, DefinitionError, Turn
from convokit.cli.checking import CODES, check, remarks
from convokit.desks import Local
from convokit.expect import Integer
from convokit.transports import Messenger

NIGHT = timedelta(hours=12)


@define
class Order:
    size: str = ""


async def nothing(turn: Turn, memory: Order, answer: object) -> None:
    """Any state's handler."""


def made(*, desk: bool = True, **state: object) -> Bot:
    bot = Bot("shop", desk=Local() if desk else None)
    order = bot.dialog(Order, timeout=NIGHT)
    order.state(**{"ask": "Which size?", "to": [END], **state})(nothing)  # type: ignore[call-overload]  # what a state takes, whatever it is
    return bot


def codes(bot: Bot) -> list[str]:
    return [one.code for one in remarks(bot)]


def test_a_sound_bot_gets_no_remark() -> None:
    assert codes(made()) == []


def test_ways_that_do_not_meet_are_errors() -> None:
    bot = Bot("shop", desk=Local())
    order = bot.dialog(Order, timeout=NIGHT)

    @order.state(ask="One?", to=["two"])
    async def one(turn: Turn, memory: Order, answer: str) -> None: ...

    @order.state(ask="Two?", to=["one"])
    async def two(turn: Turn, memory: Order, answer: str) -> None: ...

    @order.state(ask="Three?", to=[END])
    async def three(turn: Turn, memory: Order, answer: str) -> None: ...

    assert codes(bot) == ["C102", "C102", "C101"]
    assert [one.said.split(":")[0] for one in remarks(bot)] == ["order.one", "order.two", "order.three"]


def test_a_wrong_definition_is_one_error_with_its_sentence() -> None:
    bot = made(to=["nowhere"])
    (found,) = remarks(bot)
    assert found.code == "C100"
    assert "nowhere" in found.said


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"choices": ["Cancel", "Go on"]}, "C108"),
        ({"ask": "Hello {name}, which size?"}, "C109"),
        ({"without": ["person"]}, "C104"),
    ],
)
def test_what_customers_would_stumble_over_is_a_warning(state: dict[str, object], code: str) -> None:
    assert codes(made(**state)) == [code]


def test_waiting_for_ever_and_tries_without_a_way_on_are_warnings() -> None:
    bot = Bot("shop")
    order = bot.dialog(Order)
    order.state(ask="How many?", expect=Integer(1, 3), tries=2, to=[END])(nothing)
    assert codes(bot) == ["C103", "C110", "C104"]


def test_a_called_dialog_waits_as_its_callers_do() -> None:
    def shop(timeout: timedelta | None) -> Bot:
        bot = Bot("shop", desk=Local())
        address = bot.dialog(Order, name="address")
        address.state(ask="Where?", to=[END])(nothing)
        order = bot.dialog(Order, timeout=timeout)
        order.state(ask="How many?", to=[END], calls=[address])(nothing)
        return bot

    assert codes(shop(timedelta(hours=1))) == []
    assert codes(shop(None)) == ["C103", "C103"]


def test_skipping_that_ends_the_dialog_in_silence_is_a_warning() -> None:
    bot = made(skip=END)
    assert codes(bot) == ["C111"]

    @next(iter(bot.table().dialogs.values())).on_end
    async def thanks(turn: Turn, order: Order) -> None:
        turn.reply("Thank you.")

    assert codes(bot) == []


def test_what_a_channel_cannot_show_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = made(ask="x" * 2001, choices=["A label that is far too long for it", *map(str, range(14))])
    bot.attach(Messenger("page-token", app_secret="a-secret-of-16-b", verify_token="verify-this-token", page_id="1"))
    assert codes(bot) == ["C105", "C106", "C107"]


def test_codes_can_be_left_out_and_strictness_counts_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    bot = made(choices=["Back", "On"])
    assert check(bot, ignore=[], strict=False, as_json=False) == 0
    assert "0 errors, 1 warning\n" in capsys.readouterr().out
    assert check(bot, ignore=[], strict=True, as_json=False) == 1
    capsys.readouterr()
    assert check(bot, ignore=["C108"], strict=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == []
    with pytest.raises(DefinitionError, match="C101"):
        check(bot, ignore=["C999"], strict=True, as_json=True)
    assert all(level in {"error", "warning"} for level, _ in CODES.values())
