"""Positions that keep what called dialogs have given: their stored form, and other versions of these dialogs."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve

from convokit import END, DefinitionError, Turn, call
from convokit.conversations import Position, Step
from convokit.desks import Hours
from convokit.dialogs import Call, Dialog
from convokit.dialogs.answers import answers, before, bounded, last_asked
from convokit.dialogs.timing import Waits, waits_of
from convokit.dialogs.versions import placed
from convokit.wire.codec import decode_json, encode, from_json


@define
class Seat:
    row: int = 0


@define
class Trip:
    to: str = ""


def seating(version: int = 1, **arguments: Any) -> Dialog[Seat]:
    dialog = Dialog(Seat, version=version)

    @dialog.state(ask="Which row?", to=[END], **arguments)
    async def row(turn: Turn, memory: Seat, answer: str) -> None: ...

    return dialog


def trip(version: int = 1, name: str = "sure", **arguments: Any) -> Dialog[Trip]:
    dialog = Dialog(Trip, version=version)

    async def sure(turn: Turn, memory: Trip, answer: str) -> None: ...

    @dialog.state(ask="Where to?", to=[name])
    async def to(turn: Turn, memory: Trip, answer: str) -> None: ...

    sure.__name__ = name
    dialog.state(ask="Sure?", to=[END], **arguments)(sure)
    return dialog


END_OF_SEAT = Position(dialog="seat", version=1, state="row", user="u", memory={"row": 7})
CALLED = evolve(END_OF_SEAT, steps=(Step(state="row", undo={"row": 0}, event="{}"),), then="sure")
STANDING = Position(
    dialog="trip",
    version=1,
    state="sure",
    user="u",
    memory={"to": "Oslo"},
    steps=(Step(state="to", undo={"to": ""}, event="{}", called=CALLED),),
    result=END_OF_SEAT,
)


def of(*dialogs: Dialog[Any]) -> dict[str, Dialog[Any]]:
    return {one.name: one for one in dialogs}


def test_a_position_of_before_is_read_and_what_is_kept_now_comes_back() -> None:
    old = (
        b'{"dialog":"trip","version":1,"state":"sure","user":"u","memory":{"to":"Oslo"},"given":[],"unclear":0,'
        b'"asked":4,"steps":[{"state":"to","undo":{"to":""},"event":"{}","asked":"","given":[],"skipped":false}],'
        b'"redo":[],"changed":[],"under":null,"then":"","into":"","unasked":false}'
    )
    read = from_json(Position, decode_json(old))
    assert (read.result, read.late, read.steps[0].called) == (None, False, None)
    assert from_json(Position, decode_json(encode(STANDING))) == STANDING


def test_what_a_called_dialog_gave_is_brought_to_its_new_version() -> None:
    same = of(seating(), trip())
    assert placed(same, STANDING, "c") is STANDING
    newer = seating(version=2)

    @newer.migrate(1)
    def rows_from_ten(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return state, {"row": memory["row"] + 10}

    now = placed(of(newer, trip()), STANDING, "c")
    assert now.result is not None
    assert now.result.memory == {"row": 17}
    assert now.steps[0].called is not None
    assert (now.steps[0].called.version, now.steps[0].called.memory) == (2, {"row": 17})
    assert placed(of(newer, trip()), now, "c") is now


def test_a_called_dialog_that_is_gone_strands_nobody() -> None:
    for dialogs in (of(trip()), of(trip(), seating(version=2))):
        now = placed(dialogs, STANDING, "c")
        assert (now.result, now.steps[0].called, now.state) == (None, None, "sure")


def test_where_a_caller_went_on_bears_its_new_name() -> None:
    now = placed(of(seating(), trip(name="certain", aliases=["sure"])), STANDING, "c")
    assert now.steps[0].called is not None
    assert (now.state, now.steps[0].called.then) == ("certain", "certain")
    newer = trip(version=2, name="certain")

    @newer.migrate(1)
    def renamed(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return {"sure": "certain"}.get(state, state), memory

    now = placed(of(seating(), newer), STANDING, "c")
    assert now.steps[0].called is not None
    assert (now.state, now.steps[0].called.then, now.result) == ("certain", "certain", END_OF_SEAT)


def test_answers_are_found_in_their_order_and_going_back_to_one_opens_its_dialog() -> None:
    dialogs = of(seating(), trip())
    found = answers(lambda one: dialogs[one.dialog], STANDING)
    assert [(one.state.name, one.path, one.known) for one in found] == [("to", (0,), "Oslo"), ("row", (0, 0), 7)]
    assert last_asked(STANDING) == (0, 0)
    there = before(lambda one: dialogs[one.dialog], STANDING, (0, 0), again=True)
    assert [(one.dialog, one.state, one.then) for one in there.stack] == [("seat", "row", "sure"), ("trip", "to", "")]
    assert there.memory == {"row": 0}


def test_of_the_newest_answer_at_least_the_answer_itself_is_kept() -> None:
    long = Step(state="row", event="x" * 40_000)
    (kept,) = bounded((Step(state="to"), Step(state="to", called=evolve(CALLED, steps=(long, long)))))
    assert kept.called is not None
    assert (kept.called.steps, kept.called.memory) == ((), {"row": 7})


def test_what_a_dialog_does_not_say_of_its_times_its_caller_says() -> None:
    hour, minutes = timedelta(hours=1), timedelta(minutes=10)
    caller = Waits(reminders=(minutes,), timeout=hour, hours=Hours(zone="UTC", week={"mon-fri": "09:00-17:00"}))
    none = seating()
    assert waits_of(none, none.states["row"], caller) == caller
    own = seating(timeout=minutes)
    assert waits_of(own, own.states["row"], caller) == Waits(timeout=minutes)
    reminded = seating(reminders=[minutes / 2, hour * 2])
    assert waits_of(reminded, reminded.states["row"], caller).spans == (minutes / 2, hour)
    unreminded = seating(reminders=[])
    assert waits_of(unreminded, unreminded.states["row"], caller).spans == (hour,)


def test_what_a_call_begins_with_is_of_the_called_dialogs_class() -> None:
    made: Call = call(seating(), then="sure", memory=Seat(row=3))
    assert made.memory == Seat(row=3)
    with pytest.raises(DefinitionError, match="begins with Seat"):
        call(seating(), then="sure", memory=Trip())  # type: ignore[arg-type]  # what is refused
