"""The commands as processes of their own: piped, in a terminal, killed in the middle of an order."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ORDER = "pizza\nlarge\n12 Crane St\n"
DONE = "One large pizza is on its way to 12 Crane St."


def convokit(*words: str) -> list[str]:
    return [sys.executable, "-m", "convokit", *words]


def ran(folder: Path, *words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ran to its end."""
    return subprocess.run(
        convokit(*words),
        input=typed,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )


def test_a_store_is_copied_verified_damaged_and_restored(tmp_path: Path) -> None:
    assert ran(tmp_path, "demo", "--terminal", typed=ORDER).returncode == 0
    (there,) = (tmp_path / ".convokit-demo").glob("*.db")
    store = ("--store", f"sqlite:///{there}")
    verified = ran(tmp_path, "verify", *store)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.startswith("Nothing is wrong; 1 conversation, 0 events waiting")
    copied = ran(tmp_path, "backup", "copy.db", *store)
    assert (copied.returncode, copied.stderr) == (0, "")
    assert "sound; 1 conversation" in copied.stdout
    again = ran(tmp_path, "backup", "copy.db", *store)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "convokit: copy.db is there already: name a new file\n"
    there.write_bytes(b"no database at all")
    broken = ran(tmp_path, "verify", *store)
    assert broken.returncode == 1
    assert "the file is not an SQLite database" in broken.stderr
    restored = ran(tmp_path, "restore", "copy.db", *store)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "What was there is in " in restored.stdout
    assert "It knows nothing of what happened after it was made." in restored.stdout
    assert ran(tmp_path, "verify", *store).returncode == 0
    result = ran(tmp_path, "demo", "--terminal", typed=ORDER)
    assert result.stdout.endswith(f"bot › {DONE}\n"), result.stderr


def test_upkeep_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    nothing = ran(tmp_path, "backup", "copy.db", "--store", "sqlite:///no.db")
    assert (nothing.returncode, (tmp_path / "no.db").exists()) == (1, False)
    assert nothing.stderr.startswith("convokit: there is no store no.db")
    memory = ran(tmp_path, "backup", "copy.db", "--store", "memory:")
    assert memory.returncode == 2
    assert "works on a store in a file" in memory.stderr
    unnamed = ran(tmp_path, "verify")
    assert unnamed.returncode == 2
    assert "name the bot or its store" in unnamed.stderr
    missing = ran(tmp_path, "restore", "copy.db", "--store", "sqlite:///bot.db")
    assert (missing.returncode, missing.stderr) == (1, "convokit: there is no store copy.db\n")


def test_a_chat_answers_every_line_that_is_piped_in_however_many(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(
        "from convokit import Bot\nbot = Bot('echo')\n"
        "@bot.fallback\nasync def echo(turn):\n    turn.reply(turn.text.upper())\n"
    )
    result = ran(tmp_path, "chat", "echo:bot", "--store", "memory:", typed="".join(f"line {n}\n" for n in range(50)))
    assert result.returncode == 0, result.stderr
    assert [f"LINE {n}" in result.stdout for n in range(50)] == [True] * 50


def test_the_demo_answers_what_is_piped_in_and_ends(tmp_path: Path) -> None:
    result = ran(tmp_path, "demo", "--terminal", typed=ORDER)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(f"bot › {DONE}\n")
    assert result.stderr == ""


def test_a_demo_killed_in_the_middle_of_an_order_goes_on_where_it_was(tmp_path: Path) -> None:
    with subprocess.Popen(
        convokit("demo", "--terminal"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1"},
        encoding="utf-8",
    ) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        killed.stdin.write("pizza\nlarge\n")
        killed.stdin.flush()
        for line in killed.stdout:
            if "Where shall we bring it?" in line:
                break
        killed.kill()
    assert killed.returncode == -signal.SIGKILL
    result = ran(tmp_path, "demo", "--terminal", typed="12 Crane St\n")
    assert result.returncode == 0, result.stderr
    assert "bot › Where shall we bring it?\nyou › 12 Crane St\n" in result.stdout
    assert result.stdout.endswith(f"bot › {DONE}\n")


IN_A_TERMINAL = """
import os, pty, signal, sys
# A run in the background ignores Ctrl-C and hands that on; whoever sits at a terminal does not.
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
THEN_LOOK_AT_THE_TERMINAL = """trap : INT; "$0" "$@"; status=$?; stty -a; exit $status"""


@pytest.mark.skipif(os.name != "posix", reason="a terminal of its own needs a POSIX system")
def test_in_a_terminal_it_asks_answers_and_leaves_at_ctrl_c(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONUTF8": "1", "TERM": "xterm", "PYTHON_HISTORY": str(tmp_path / "history")}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, "sh", "-c", THEN_LOOK_AT_THE_TERMINAL, *convokit("demo", "--terminal")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
    ) as terminal:
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        shown, seen = terminal.stdout, b""

        def until(text: str) -> None:
            nonlocal seen
            while text.encode() not in seen:
                piece = os.read(shown.fileno(), 65536)
                assert piece, seen.decode(errors="replace")
                seen += piece
            seen = seen[seen.index(text.encode()) + len(text.encode()) :]

        prompt = "\x1b[1;32myou\x1b[0m › "
        until(prompt)
        terminal.stdin.write(b"pizza\n")
        terminal.stdin.flush()
        until("\x1b[1;36mbot\x1b[0m › Small or large?")
        until(prompt)
        terminal.stdin.write(b"half a li")
        terminal.stdin.flush()
        until("half a li")
        terminal.stdin.write(b"\x03")
        terminal.stdin.flush()
        rest = shown.read()
        terminal.stdin.close()
    assert terminal.returncode == 0, (seen + rest).decode(errors="replace")
    assert b"Traceback" not in seen + rest
    assert b" echo " in rest
    assert b" icanon " in rest


BREAKING = """
from convokit import Bot, Capabilities, Limit
from convokit.abc import Received, Transport

class Hook(Transport):
    channel = "hook"
    capabilities = Capabilities(text_limit=Limit(100))

    def receive(self, request):
        return Received()

    async def send(self, to, message):
        return None

class Breaking(Hook):
    channel = "breaking"

    async def run(self, accept):
        raise ValueError("the transport's own fault")

bot = Bot("breaking")
bot.attach(Hook(), Breaking())
"""


def test_a_bot_that_breaks_while_it_runs_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = ran(tmp_path, "run", "breaking:bot", "--store", "memory:", "--port", str(port))
    assert result.returncode == 1, result.stderr
    assert "ValueError: the transport's own fault" in result.stderr


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["draw", "convokit.cli.pizzeria:ordering"], 0, "stateDiagram-v2"),
        (["chat", "convokit.cli.pizzeria:bot", "--store", "memory:"], 0, DONE),
        (["run", "convokit.cli.pizzeria:bot"], 2, "TELEGRAM_TOKEN is not set"),
        (["failed", "convokit.cli.pizzeria:bot"], 1, "there is no store pizzeria.db"),
        (["doctor", "convokit.cli.pizzeria:bot"], 1, "WRONG"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_runs_as_a_process(tmp_path: Path, words: list[str], status: int, told: str) -> None:
    result = ran(tmp_path, *words, typed=ORDER, TELEGRAM_TOKEN="", MESSENGER_PAGE_TOKEN="")
    assert result.returncode == status, result.stderr
    assert told in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
