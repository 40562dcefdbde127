"""Versions of dialogs: what is refused where it is written, one position brought to today, what a dialog is made of."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve, field

from convokit import END, Bot, DefinitionError, MigrationFailed, Turn
from convokit.conversations import Position, Step
from convokit.dialogs import Dialog
from convokit.dialogs.describing import changes, told
from convokit.dialogs.versions import placed
from convokit.expect import Choice, Integer, Text, YesNo


@define
class Order:
    size: str = ""
    guests: int = 0


def ordering(version: int = 3, **arguments: Any) -> Dialog[Order]:
    order = Dialog(Order, version=version, **arguments)

    @order.state(ask="Which size?", choices=["Small", "Large"], to=["guests"])
    async def size(turn: Turn, memory: Order, answer: str) -> None: ...

    @order.state(ask="For how many?", expect=Integer(1, 8), to=[END], aliases=["people", "seats"])
    async def guests(turn: Turn, memory: Order, answer: int) -> None: ...

    return order


def same(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return state, memory


def at(state: str, version: int = 1, **more: Any) -> Position:
    more.setdefault("memory", {"size": "Large", "guests": 2})
    return Position(dialog="order", version=version, state=state, user="ada", **more)


def today(dialog: Dialog[Any], position: Position) -> Position:
    return placed({dialog.name: dialog}, position, "test:ada")


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "complaint"),
    [(0, "takes a version from 1 to 2"), (3, "takes a version from 1 to 2"), (True, "takes a version from 1 to 2")],
)
def test_a_migration_leads_from_an_older_version(version: int, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint) as refused:
        ordering().migrate(version)(same)
    assert re.match(rf"{re.escape(__file__)}:\d+: dialog order: migrate", str(refused.value))


def test_the_first_version_has_nothing_before_it() -> None:
    with pytest.raises(DefinitionError, match="nothing older than version 1: raise it, version=2"):
        ordering(1).migrate(1)(same)


def test_a_version_is_migrated_by_one_plain_function() -> None:
    order = ordering()

    async def slow(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return state, memory

    def alone(state: str) -> str:
        return state

    with pytest.raises(DefinitionError, match="takes a plain def"):
        order.migrate(1)(slow)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(DefinitionError, match=r"takes \(state, memory\)"):
        order.migrate(1)(alone)  # type: ignore[arg-type]  # that is the mistake
    order.migrate(1)(same)
    with pytest.raises(DefinitionError, match=r"migrate\(1\) is written already \(.*:\d+\)"):
        order.migrate(1)(same)


def test_a_gap_in_the_chain_is_told() -> None:
    order = ordering(4)
    order.migrate(1)(same)
    order.migrate(3)(same)
    with pytest.raises(DefinitionError, match=r"migrate\(1\) leads nowhere: version 4 is reached by migrate\(2\) too"):
        order.compile()
    order.migrate(2)(same)
    order.compile()


def test_only_an_older_version_of_the_same_dialog_stands_beside_it() -> None:
    with pytest.raises(DefinitionError, match="another dialog: the old version needs the same name"):
        Dialog(Order, version=2, beside=Dialog(Order, name="other"))
    with pytest.raises(DefinitionError, match="not older: raise the version of the new one, version=3"):
        Dialog(Order, version=2, beside=Dialog(Order, version=2))


def test_a_name_belongs_to_one_state_old_ones_included() -> None:
    order = ordering()

    @order.state(ask="?", to=[END], aliases=["people"])
    async def other(turn: Turn, memory: Order, answer: str) -> None: ...

    with pytest.raises(DefinitionError, match="state other was called people, but so was guests"):
        order.compile()


def test_what_stands_beside_is_checked_and_timed_as_the_others() -> None:
    before = Dialog(Order, timeout=timedelta(hours=1))
    bot = Bot("shop")
    order = bot.dialog(Order, version=2, beside=before)

    @order.state(ask="?", to=[END])
    async def size(turn: Turn, memory: Order, answer: str) -> None: ...

    assert order.timed
    with pytest.raises(DefinitionError, match="has no states"):
        bot.table()


# ── where people stand ──────────────────────────────────────────────────────────────────────────────────────────────


def test_where_nothing_has_changed_the_position_is_the_same_one() -> None:
    here = at("size", 3, under=at("guests", 3))
    assert today(ordering(), here) is here


def test_who_cannot_be_placed_is_counted_by_dialog_version_and_state() -> None:
    bot = Bot("shop")
    order = bot.dialog(Order, version=3)
    order.states.update(ordering().states)
    order.migrate(2)(same)
    lost = bot.table().misplaced(
        {
            ("order", 1, "size"): 4,
            ("order", 2, "anything"): 5,
            ("order", 3, "people"): 6,
            ("order", 3, "sofa"): 7,
            ("order", 4, "size"): 8,
            ("gone", 1, "x"): 9,
        }
    )
    assert lost == [
        "9 in gone version 1, state x",
        "4 in order version 1, state size",
        "7 in order version 3, state sofa",
        "8 in order version 4, state size",
    ]


@pytest.mark.parametrize(
    ("position", "complaint"),
    [
        (at("size", 1), r"version 1 to 3, state size: nothing leads to version 3: write migrate\(1\)"),
        (at("size", 9), "this bot has version 3, which is older"),
        (at("sofa", 3), "version 3, state sofa: it has no state sofa any more"),
        (evolve(at("size"), dialog="gone"), "this bot has no dialog gone"),
        (at("size", 3, under=at("size", 1)), "nothing leads to version 3"),
    ],
)
def test_what_cannot_be_placed_is_told_with_conversation_dialog_version_and_state(
    position: Position, complaint: str
) -> None:
    with pytest.raises(MigrationFailed, match=complaint) as failed:
        today(ordering(), position)
    assert str(failed.value).startswith("test:ada stands in dialog ")


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (None, r"migrate\(2\) must return \(state, memory\), not None"),
        (("size", None), r"migrate\(2\) must return a state's name and a dict"),
        (("sofa", {}), "the state 'sofa', which version 3 does not have; its states are size, guests"),
        (("size", {"guests": "many"}), "the migrated memory is no Order of version 3"),
    ],
)
def test_what_a_migration_returns_is_looked_at(returned: Any, complaint: str) -> None:
    order = ordering()
    order.migrate(2)(lambda _, __: returned)
    with pytest.raises(MigrationFailed, match=complaint):
        today(order, at("size", 2))


def test_versions_are_gone_through_one_after_the_other_and_the_memory_is_a_copy() -> None:
    order = ordering()

    @order.migrate(1)
    def first(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        memory["persons"] = memory.pop("n") * 2
        return "people", memory

    @order.migrate(2)
    def second(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return state, {"guests": memory["persons"] + 1, "unknown": 1}

    was = at("count", memory={"n": 2})
    now = today(order, was)
    assert (now.version, now.state, now.memory) == (3, "guests", {"size": "", "guests": 5})
    assert now.unasked
    assert was.memory == {"n": 2}


def test_answers_of_states_that_are_gone_go_and_what_they_changed_is_undone_with_the_one_before() -> None:
    order = ordering(2)

    @order.migrate(1)
    def renamed(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return state, {"size": memory["kind"], "guests": memory["n"]}

    was = at(
        "people",
        memory={"kind": "Large", "n": 4},
        given=("people", "crust", "size"),
        steps=(
            Step(state="size", undo={"kind": "Small"}, event="a", given=("crust", "people")),
            Step(state="crust", undo={"n": 3}, event="b"),
            Step(state="people", undo={"n": 2}, event="c"),
        ),
        redo=(Step(state="seats", undo={"n": 1}, event="d"), Step(state="crust")),
        changed=("crust", "people"),
        unclear=2,
    )
    now = today(order, was)
    assert (now.state, now.given, now.changed, now.unclear, now.unasked) == (
        "guests",
        ("guests", "size"),
        ("guests",),
        0,
        False,
    )
    assert [(one.state, one.undo, one.event, one.given) for one in now.steps] == [
        ("size", {"size": "Small", "guests": 3}, "a", ("guests",)),
        ("guests", {"guests": 2}, "c", ()),
    ]
    assert [(one.state, one.undo) for one in now.redo] == [("guests", {})]


def test_an_earlier_memory_that_cannot_be_migrated_takes_nothing_with_it() -> None:
    order = ordering(2)

    @order.migrate(1)
    def picky(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return state, {"size": {"L": "Large"}[memory["kind"]]}

    was = at("guests", memory={"kind": "L"}, steps=(Step(state="size", undo={"kind": ""}, event="a"),))
    now = today(order, was)
    assert now.memory == {"size": "Large", "guests": 0}
    assert [(one.state, one.undo, one.event) for one in now.steps] == [("size", {}, "a")]


def test_the_oldest_version_that_can_take_somebody_does() -> None:
    middle = ordering(2)
    middle.migrate(1)(lambda _, memory: ("size", {**memory, "size": "middle"}))
    newest = ordering(3, beside=middle)
    assert today(newest, at("guests", 1)).memory["size"] == "middle"
    here = at("guests", 2)
    assert today(newest, here) is here


# ── what it is made of ──────────────────────────────────────────────────────────────────────────────────────────────

PRINT = """
from attrs import define, field
from convokit import END, Dialog, Turn
from convokit.expect import Choice, Date, Either, Email, Integer, Phone, Regex, Text, YesNo

@define
class Street:
    name: str = ""

@define
class Order:
    size: str | None = None
    street: Street = field(factory=Street)
    tags: dict[str, list[int]] = field(factory=dict)

class Own:
    def __init__(self) -> None:
        self.words = {"b", "a", "c", "hello", "world"}
        self.how = lambda text: text

    def read(self, event: object) -> object:
        return event

order = Dialog(Order)
for number, expect in enumerate(
    [Text(), Integer(1, 8), Choice(["a", "b"]), YesNo(), Date(), Email(), Phone(), Regex("a+")]
    + [Either(Integer(), Date()), Own()]
):
    async def handler(turn: Turn, memory: Order, answer: object) -> None: ...

    handler.__name__ = f"s{number}"
    order.state(ask="?", expect=expect, to=[END])(handler)
print(order.schema, order.described())
"""


def test_the_schema_is_the_same_in_every_process() -> None:
    said = {
        subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-c", PRINT],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    (only,) = said
    assert " at 0x" not in only
    assert "Street(name: str)" in only
    assert "dict[str, list[int]]" in only


def test_the_schema_changes_with_states_goals_expectations_and_memory_and_with_nothing_else() -> None:
    @define
    class Wider:
        size: str = ""
        guests: int = 0
        note: str = ""

    def variant(memory: Any = Order, to: str = END, expect: Any = None, name: str = "size", ask: str = "?") -> str:
        made: Dialog[Any] = Dialog(memory, name="order")

        async def handler(turn: Turn, memory: Any, answer: Any) -> None: ...

        handler.__name__ = name
        made.state(ask=ask, expect=expect or Text(), to=[to])(handler)
        return made.schema

    plain = variant()
    assert plain == variant(ask="Another question?")
    others = [variant(Wider), variant(to="size"), variant(expect=YesNo()), variant(expect=Integer()), variant(name="x")]
    assert len({plain, *others}) == 6


def test_what_has_changed_is_told_in_words() -> None:
    one, other = ordering(), ordering()

    @other.state(ask="?", to=[END])
    async def note(turn: Turn, memory: Order, answer: str) -> None: ...

    assert list(changes(one.described(), other.described())) == ["state note is new"]
    assert list(changes(other.described(), one.described())) == ["state note is gone"]


def test_values_are_told_without_their_places_in_memory() -> None:
    @define
    class Held:
        call: Any = field(default=print)
        kinds: frozenset[str] = frozenset({"b", "a"})

    assert told(Held()) == "Held(call=print, kinds={'a', 'b'})"
    assert told(object()) == "object()"
    assert told(re.compile("a+")) == "'a+'"
    assert told(Choice(["x"])).startswith("Choice(")
    deep: list[Any] = []
    for _ in range(20):
        deep = [deep]
    assert told(deep).count("[") < 10


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn() -> Dialog[Order]:
    made = Dialog(
        Order, name="drawn", timeout=timedelta(hours=2), reminders=[timedelta(minutes=30), timedelta(hours=1)]
    )
    called = ordering(1)

    @made.state(
        ask="Which size?", choices=["Small", "Large"], to=["guests", "other"], tries=3, exhausted="other", skip="guests"
    )
    async def size(turn: Turn, memory: Order, answer: str) -> str:
        return "guests"

    @made.state(ask="How many?", expect=Integer(1, 8), to=["other"], tries=2, calls=[called], reminders=[])
    async def guests(turn: Turn, memory: Order, answer: int) -> None: ...

    @made.state(ask=lambda _, __: "?", to=[END], timeout=timedelta(days=1, hours=2))
    async def other(turn: Turn, memory: Order, answer: str) -> None: ...

    @made.on_timeout
    async def late(turn: Turn, memory: Order) -> None: ...

    return made


def test_an_outline_has_each_question_every_way_out_and_who_stands_there() -> None:
    assert drawn().draw(text=True, standing={"guests": 12}) == (
        "drawn, version 1\n"
        "\n"
        "▶ size    Which size?\n"
        "  ├─ Small / Large ──▶ guests\n"
        "  ├─ Small / Large ──▶ other\n"
        "  ├─ skip ──▶ guests\n"
        "  ├─ 3 unclear answers ──▶ other\n"
        "  └─ no answer for 2 h, on_timeout decides ──▶ END\n"
        "     (reminded after 30 min, 1 h)\n"
        "\n"
        "● guests  How many?   [12 here]\n"
        "  ├─ Integer, maybe after order ──▶ other\n"
        "  ├─ 2 unclear answers: a person, or the dialog is cancelled ──▶ END\n"
        "  └─ no answer for 2 h, on_timeout decides ──▶ END\n"
        "\n"
        "● other   (a function asks)\n"
        "  ├─ Text ──▶ END\n"
        "  └─ no answer for 1 d 2 h, on_timeout decides ──▶ END\n"
        "     (reminded after 30 min, 1 h)\n"
    )


def test_a_mermaid_diagram_has_what_leads_out_without_an_answer_and_who_stands_there() -> None:
    assert drawn().draw(standing={"guests": 12}).splitlines()[1:] == [
        "    [*] --> size",
        "    size : Which size?",
        "    guests : How many? (12 here)",
        "    size --> guests : Small / Large / skipped",
        "    size --> other : Small / Large / after 3 unclear answers",
        "    size --> [*] : no answer for 2 h, on_timeout decides",
        "    note right of size : reminded after 30 min, 1 h",
        "    guests --> other : after order",
        "    guests --> [*] : 2 unclear answers#58; a person, or the dialog is cancelled",
        "    guests --> [*] : no answer for 2 h, on_timeout decides",
        "    other --> [*]",
        "    other --> [*] : no answer for 1 d 2 h, on_timeout decides",
        "    note right of other : reminded after 30 min, 1 h",
        "    classDef here font-weight:bold,stroke-width:3px",
        "    class guests here",
    ]
