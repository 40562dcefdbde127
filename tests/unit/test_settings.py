"""The numbers of a run: each holds at its bounds and nowhere beyond."""

import re
from typing import Any

import pytest
from attrs import fields

from convokit import Settings
from convokit.errors import DefinitionError

BOUNDS: dict[str, tuple[float, float]] = {
    "turns_at_once": (1, 10_000),
    "sends_at_once": (1, 1000),
    "lease": (1, 3600),
    "tries": (1, 100),
    "retry_pause": (0, 3600),
    "longest_pause": (1, 86_400),
    "give_up_after": (1, 604_800),
    "evidence_wait": (0, 3600),
    "turn_limit": (0.1, 86_400),
    "replies_a_turn": (1, 10_000),
    "loop_limit": (0, 3600),
    "drain": (0, 3600),
    "poll": (0.01, 2_592_000),
    "purge_every": (1, 2_592_000),
    "body_limit": (1024, 64 << 20),
    "body_deadline": (0.1, 600),
    "webhooks_at_once": (1, 100_000),
    "bodies_at_once": (1024, 16 << 30),
    "forget_after": (8, 3650),
    "keep_accounts": (0, 3650),
    "remember_handoffs": (1, 36_500),
    "lane_limit": (16, 1_000_000),
    "answers_a_minute": (1, 1_000_000),
    "loop_rest": (60, 2_592_000),
}

FOR_EVER_OR: dict[str, float] = {"keep_log": 8, "keep_failed": 1, "keep_conversations": 8, "keep_files": 1}
"""The fewest days that each may be, other than 0: platforms deliver again for up to 7."""


def test_every_setting_has_its_bounds_here() -> None:
    others = {"files", "erase_keeps", *FOR_EVER_OR}
    assert set(BOUNDS) == {one.name for one in fields(Settings)} - others


def test_every_docstring_says_the_bounds_that_are_kept() -> None:
    doc = Settings.__doc__ or ""
    for name, (low, high) in BOUNDS.items():
        sizes = {64 << 20: "64 MiB", 16 << 30: "16 GiB"}
        upper = sizes.get(int(high)) or (f"{high:g}" if high < 1e5 else str(int(high)))
        assert re.search(rf"{name}: [^:]*\({low:g} to {upper}\)", doc), name


@pytest.mark.parametrize("name", list(BOUNDS))
def test_a_setting_holds_at_its_bounds_and_not_beyond(name: str) -> None:
    low, high = BOUNDS[name]
    others = {"body_limit": 1024} if name == "bodies_at_once" else {}
    step = 1 if isinstance(getattr(Settings(), name), int) else 0.001
    for value in (low, high):
        assert getattr(Settings(**{**others, name: value}), name) == value  # type: ignore[arg-type]  # names and values come from the table
    for wrong in (low - step, high + step, float("nan"), "7", None, True):
        refused: Any = wrong
        with pytest.raises(DefinitionError, match=f"Settings: {name} is a .*number from .* to .*, not ") as told:
            Settings(**{name: refused})
        assert repr(wrong) in str(told.value)


@pytest.mark.parametrize(
    "name",
    [
        "turns_at_once",
        "sends_at_once",
        "tries",
        "replies_a_turn",
        "body_limit",
        "webhooks_at_once",
        "bodies_at_once",
        "lane_limit",
        "answers_a_minute",
    ],
)
def test_a_count_is_a_whole_number(name: str) -> None:
    value: Any = 2000.5 if name in {"body_limit", "bodies_at_once"} else 20.5
    with pytest.raises(DefinitionError, match="a whole number"):
        Settings(**{name: value})


@pytest.mark.parametrize("wrong", [None, 7, b"files"])
def test_the_folder_for_files_is_a_path_in_words(wrong: Any) -> None:
    assert Settings(files="/srv/files").files == "/srv/files"
    with pytest.raises(DefinitionError, match="Settings: files is a folder's path as a str, not "):
        Settings(files=wrong)


def test_all_bodies_together_may_not_be_less_than_one() -> None:
    assert Settings(body_limit=2048, bodies_at_once=2048).bodies_at_once == 2048
    with pytest.raises(DefinitionError, match="bodies_at_once is 2047, less than body_limit, 2048"):
        Settings(body_limit=2048, bodies_at_once=2047)


def test_the_pause_doubles_and_has_a_longest() -> None:
    run = Settings(retry_pause=2, longest_pause=10)
    assert [run.pause(attempt) for attempt in (1, 2, 3, 4, 5000)] == [2, 4, 8, 10, 10]
    assert Settings(retry_pause=0).pause(7) == 0


@pytest.mark.parametrize(("name", "least"), list(FOR_EVER_OR.items()))
def test_days_are_none_at_all_or_enough(name: str, least: float) -> None:
    assert re.search(rf"{name}: [^:]*\({least:g} to 36500\)", Settings.__doc__ or "")
    for value in (0, least, 36_500):
        assert getattr(Settings(**{name: value}), name) == value  # type: ignore[arg-type]  # see above
    for wrong in (-1, least - 0.01, 36_501, float("nan"), "7", None, True, False):
        refused: Any = wrong
        with pytest.raises(DefinitionError, match=f"{name} is a number from {least:g} to 36500.*0: for ever"):
            Settings(**{name: refused})


def test_what_an_erasure_keeps_is_of_known_kinds() -> None:
    assert Settings(erase_keeps=["log", "files"]).erase_keeps == ("log", "files")  # type: ignore[arg-type]  # a list will do
    for wrong in ("log", ("logs",), None, 3):
        refused: Any = wrong
        with pytest.raises(
            DefinitionError, match='erase_keeps is a tuple of any of "files", "handoffs", "log", "profile"'
        ):
            Settings(erase_keeps=refused)
