"""`convokit migrate` and `convokit draw --live` as processes of their own, on a file that the old code has written."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from convokit.cli import main, migrating

pytestmark = pytest.mark.usefixtures("own_log")

QUIET = """
from attrs import define
from convokit import END, Bot, Capabilities, Turn
from convokit.abc import Transport

class Quiet(Transport):
    channel = "quiet"
    capabilities = Capabilities()

    async def send(self, to, message):
        return None

bot = Bot("shop")
bot.attach(Quiet())
"""
OLD = f"""{QUIET}

@define
class Order:
    size: str = ""
    crust: str = ""

order = bot.dialog(Order)

@order.state(ask="Which size?", choices=["Small", "Large"], to=["crust"])
async def size(turn: Turn, memory: Order, answer: str) -> None:
    memory.size = answer

@order.state(ask="Which crust?", choices=["Thin", "Thick"], to=[END])
async def crust(turn: Turn, memory: Order, answer: str) -> None:
    turn.reply(memory.size + ", " + answer + ".")

@bot.text("order")
async def begin(turn: Turn) -> None:
    turn.begin(order)
"""
NEW = f"""{QUIET}

@define
class Order:
    size: str = ""
    street: str = ""

order = bot.dialog(Order, version=2)

@order.state(ask="Which size?", choices=["Small", "Large"], to=["street"])
async def size(turn: Turn, memory: Order, answer: str) -> None:
    memory.size = answer

@order.state(ask="Which street?", to=[END])
async def street(turn: Turn, memory: Order, answer: str) -> None:
    turn.reply(memory.size + ", to " + answer + ".")

@bot.text("order")
async def begin(turn: Turn) -> None:
    turn.begin(order)
"""
MIGRATED = f"""{NEW}
@order.migrate(1)
def without_crust(state, memory):
    memory.pop("crust")
    return ("street" if state == "crust" else state), memory
"""
WRONG = f"""{NEW}
@order.migrate(1)
def nowhere(state, memory):
    return ("sofa" if state == "crust" else state), memory
"""
CODE = {"old": OLD, "new": NEW, "migrated": MIGRATED, "wrong": WRONG}
STORE = ("--store", "sqlite:///shop.db")
TALK = "/as Ada\norder\n/as Bob\norder\nlarge\n/as Cem\norder\nsmall\n"


def ran(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """A command that ran to its end."""
    return subprocess.run(
        [sys.executable, "-m", "convokit", *words],
        input=typed,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )


@contextmanager
def running(folder: Path, target: str) -> Iterator[None]:
    """`convokit run`, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "convokit", "run", target, *STORE],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1"},
    ) as bot:
        try:
            yield
        finally:
            bot.terminate()
            bot.wait(timeout=30)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store where three people stand in the middle of a dialog, written by a process of the old code."""
    made = tmp_path_factory.mktemp("old")
    (made / "old.py").write_text(OLD)
    talked = ran(made, "chat", "old:bot", *STORE, typed=TALK)
    assert talked.returncode == 0, talked.stderr
    return made / "shop.db"


@pytest.fixture
def folder(tmp_path: Path, written: Path) -> Path:
    """All the code, beside a copy of that store."""
    for name, code in CODE.items():
        (tmp_path / f"{name}.py").write_text(code)
    shutil.copy(written, tmp_path)
    return tmp_path


def test_a_deploy_is_refused_planned_applied_while_it_runs_and_then_there_is_nothing_left_to_do(folder: Path) -> None:
    refused = ran(folder, "run", "new:bot", *STORE)
    assert refused.returncode == 2
    assert "2 in order version 1, state crust; 1 in order version 1, state size" in refused.stderr
    planned = ran(folder, "migrate", "migrated:bot", *STORE, "--plan")
    assert (planned.returncode, planned.stderr) == (0, "")
    assert planned.stdout.splitlines() == [
        "order version 1, state crust: 2 people → version 2, state street",
        "order version 1, state size: 1 person → version 2, state size",
    ]
    with running(folder, "migrated:bot"):
        applied = ran(folder, "migrate", "migrated:bot", *STORE, "--apply", "--batch", "2")
        assert (applied.returncode, applied.stderr) == (0, "")
        assert applied.stdout == "3 conversations brought to the current versions.\n"
        again = ran(folder, "migrate", "migrated:bot", *STORE, "--apply")
    assert again.stdout.startswith("Nothing to do")
    planned = ran(folder, "migrate", "migrated:bot", *STORE, "--plan")
    assert planned.stdout == "order version 2: 3 people stay where they stand\n"
    live = ran(folder, "draw", "migrated:bot", *STORE, "--text", "--live")
    assert "▶ size    Which size?   [1 here]" in live.stdout
    assert "● street  Which street?   [2 here]" in live.stdout
    # No migration is needed any more.
    said = ran(folder, "chat", "new:bot", *STORE, typed="/as Ada\nsmall\nElm St\n/as Bob\nthin\nCrane St\n")
    assert "Small, to Elm St." in said.stdout
    # He had the question about the crust before his eyes, and is asked for the street first.
    assert said.stdout.rstrip().endswith("Large, to Crane St.")


@pytest.mark.slow
def test_who_cannot_be_placed_is_named_with_the_reason_and_the_others_go(folder: Path) -> None:
    planned = ran(folder, "migrate", "wrong:bot", *STORE, "--plan")
    assert planned.returncode == 1
    assert planned.stdout == "order version 1, state size: 1 person → version 2, state size\n"
    assert (
        "order version 1, state crust: 2 people cannot be placed: migrate(1) returned the state 'sofa'"
        in planned.stderr
    )
    assert planned.stderr.count("stands in dialog order, version 1 to 2, state crust") == 2
    with running(folder, "wrong:bot"):
        applied = ran(folder, "migrate", "wrong:bot", *STORE, "--apply")
    assert applied.returncode == 1
    assert applied.stdout == "1 conversation brought to the current versions.\n"
    assert "2 people cannot be placed" in applied.stderr
    planned = ran(folder, "migrate", "wrong:bot", *STORE, "--plan")
    assert planned.stdout == "order version 2: 1 person stays where they stand\n"


@pytest.mark.slow
def test_where_no_bot_runs_it_waits_for_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(migrating, "PATIENCE", 0.05)
    assert main(["migrate", "migrated.py:bot", *STORE, "--apply", "--batch", "1"]) == 0
    assert "3 conversations put in line; 3 wait for a bot with this code" in capsys.readouterr().out
    with running(folder, "migrated:bot"):
        until = time.monotonic() + 30
        everybody = "order version 2: 3 people stay where they stand\n"
        while (told := ran(folder, "migrate", "migrated:bot", *STORE, "--plan").stdout) != everybody:
            assert time.monotonic() < until, told


def test_the_live_drawing_tells_who_stands_elsewhere(folder: Path) -> None:
    drawn = ran(folder, "draw", "old:bot", *STORE, "--live")
    assert drawn.returncode == 0, drawn.stderr
    assert "    crust : Which crust? (2 here)\n" in drawn.stdout
    assert "    class size,crust here" in drawn.stdout
    other = ran(folder, "draw", "new:bot", *STORE, "--live", "--text")
    assert "2 in order version 1, state crust: convokit migrate … --plan" in other.stdout
    without = ran(folder, "draw", "new:order", "--live")
    assert without.returncode == 2
    assert "new:order is a dialog, which has no store" in without.stderr
