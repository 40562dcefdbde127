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
    "drain": (0, 3600),
    "poll": (0.01, 2_592_000),
    "purge_every": (1, 2_592_000),
    "body_limit": (1024, 64 << 20),
    "body_deadline": (0.1, 600),
    "forget_after": (8, 3650),
    "remember_handoffs": (1, 36_500),
    "lane_limit": (16, 1_000_000),
    "answers_a_minute": (1, 1_000_000),
    "loop_rest": (60, 2_592_000),
}


def test_every_setting_has_its_bounds_here() -> None:
    assert set(BOUNDS) == {one.name for one in fields(Settings)} - {"files"}


def test_every_docstring_says_the_bounds_that_are_kept() -> None:
    doc = Settings.__doc__ or ""
    for name, (low, high) in BOUNDS.items():
        upper = "64 MiB" if name == "body_limit" else f"{high:g}" if high < 1e5 else str(int(high))
        assert re.search(rf"{name}: [^:]*\({low:g} to {upper}\)", doc), name


@pytest.mark.parametrize("name", list(BOUNDS))
def test_a_setting_holds_at_its_bounds_and_not_beyond(name: str) -> None:
    low, high = BOUNDS[name]
    step = 1 if isinstance(getattr(Settings(), name), int) else 0.001
    for value in (low, high):
        assert getattr(Settings(**{name: value}), name) == value  # type: ignore[arg-type]  # names and values come from the table
    for wrong in (low - step, high + step, float("nan"), "7", None, True):
        refused: Any = wrong
        with pytest.raises(DefinitionError, match=f"Settings: {name} is a .*number from .* to .*, not ") as told:
            Settings(**{name: refused})
        assert repr(wrong) in str(told.value)


@pytest.mark.parametrize(
    "name", ["turns_at_once", "sends_at_once", "tries", "body_limit", "lane_limit", "answers_a_minute"]
)
def test_a_count_is_a_whole_number(name: str) -> None:
    value: Any = 2000.5 if name == "body_limit" else 20.5
    with pytest.raises(DefinitionError, match="a whole number"):
        Settings(**{name: value})


@pytest.mark.parametrize("wrong", [None, 7, b"files"])
def test_the_folder_for_files_is_a_path_in_words(wrong: Any) -> None:
    assert Settings(files="/srv/files").files == "/srv/files"
    with pytest.raises(DefinitionError, match="Settings: files is a folder's path as a str, not "):
        Settings(files=wrong)


def test_the_pause_doubles_and_has_a_longest() -> None:
    run = Settings(retry_pause=2, longest_pause=10)
    assert [run.pause(attempt) for attempt in (1, 2, 3, 4, 5000)] == [2, 4, 8, 10, 10]
    assert Settings(retry_pause=0).pause(7) == 0
