"""The commands, in this process: what they print, what they return."""

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from convokit import Bot, Message, MessageReceived, Rejected, Turn, Unreachable
from convokit._engine.clock import SystemClock
from convokit.abc import Finding, Transport
from convokit.cli import main, parser, pizzeria
from convokit.cli.doctor import doctor
from convokit.cli.serving import way_in
from convokit.cli.speaking import HarmlessFormatter, coloured
from convokit.conversations import ConversationId
from convokit.desks import Local
from convokit.stores import SQLite
from convokit.transports import Messenger, Telegram

Write = Callable[..., Path]
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "pizzeria" / "pizza.py"


class Silent(Transport):
    """A channel to which nothing happens."""

    def __init__(self, channel: str = "silent", *, raising: Exception | None = None) -> None:
        self.channel = channel
        self._raising = raising

    async def send(self, to: ConversationId, message: Message) -> str | None:
        return None

    async def examine(self) -> Sequence[Finding]:
        if self._raising is not None:
            raise self._raising
        return [Finding(what="silent: well", ok=True)]


def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Let standard input be this text."""
    file = tmp_path / "typed"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", file.open(encoding="utf-8"))


# ── the whole ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["run", "chat", "demo", "draw", "failed", "doctor"])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"  convokit {command}" in said
    assert "--debug" in said


@pytest.mark.parametrize(
    "wrong", [[], ["nonsense"], ["run"], ["run", "x:y", "--port", "0"], ["failed", "--limit", "x"]]
)
def test_a_wrong_command_line_is_answered_with_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(wrong) == 2
    assert capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("convokit ")


def test_no_option_takes_a_secret() -> None:
    assert not [word for word in ("token", "password", "secret") if word in parser().format_help().lower().split()]


def test_an_error_is_one_sentence_and_with_debug_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "nowhere:bot"]) == 2
    assert capsys.readouterr().err.startswith("convokit: nowhere:bot: there is no module 'nowhere'")
    assert main(["draw", "nowhere:bot", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_errors_text_does_not_drive_the_terminal(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("evil", r'raise ValueError("\x1b]0;owned\x07")')
    assert main(["draw", "evil:bot"]) == 2
    assert r"\x1b]0;owned\x07" in capsys.readouterr().err


# ── draw ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dialog_and_a_bot_are_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "convokit.cli.pizzeria:ordering"]) == 0
    drawn = capsys.readouterr().out
    assert drawn == pizzeria.ordering.draw()
    assert main(["draw", "convokit.cli.pizzeria:bot"]) == 0
    assert capsys.readouterr().out == f"%% order\n{drawn}"


def test_a_bot_without_a_dialog_is_told_how_to_make_one(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write()
    assert main(["draw", "shop:bot"]) == 2
    assert "has no dialog to draw" in capsys.readouterr().err


# ── chat, demo ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_demo_is_the_example_word_for_word() -> None:
    assert Path(str(pizzeria.__file__)).read_text(encoding="utf-8") == EXAMPLE.read_text(encoding="utf-8")


def test_the_demo_reads_what_is_piped_in_and_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, tmp_path, "pizza\nlarge\n12 Crane St")
    with sys.stdin:
        assert main(["demo", "--terminal", "--dir", "here"]) == 0
    said = capsys.readouterr().out
    assert "Ctrl-C" in said
    assert said.endswith("you › 12 Crane St\nbot › One large pizza is on its way to 12 Crane St.\n")
    assert (tmp_path / "here" / "pizzeria.db").is_file()


def test_a_chat_is_kept_apart_from_production(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    typed(monkeypatch, tmp_path, "hello\n/quit\n")
    with sys.stdin:
        assert main(["chat", "shop:bot"]) == 0
    assert capsys.readouterr().out.endswith("you › hello\nbot › hello\nyou › /quit\n")
    assert (tmp_path / "parrot-chat.db").is_file()
    assert not (tmp_path / "parrot.db").exists()


def test_a_handler_that_raises_is_told_in_the_chat_with_its_line(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = 'from convokit import Bot\nbot = Bot("b")\n@bot.fallback\nasync def f(turn):\n    1 / 0\n'
    write("wrong", code)
    typed(monkeypatch, tmp_path, "hello\n")
    with sys.stdin:
        assert main(["chat", "wrong:bot", "--store", "memory:"]) == 0
    said = capsys.readouterr().out
    assert "ZeroDivisionError: division by zero (" in said
    assert "wrong.py:5; --debug" in said
    assert "Traceback" not in said


def test_a_second_chat_on_the_same_file_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, tmp_path, "pizza\n")

    async def held() -> int:
        store = SQLite(tmp_path / "pizzeria.db")
        await store.open(SystemClock())
        try:
            return await anyio.to_thread.run_sync(main, ["demo", "--terminal", "--dir", "."])
        finally:
            await store.close()

    with sys.stdin:
        assert anyio.run(held) == 1
    assert capsys.readouterr().err.startswith("convokit: another process")


# ── run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bot_without_channels_is_not_run_but_told_what_to_do(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    assert main(["run", "shop:bot"]) == 2
    assert "bot.attach(Telegram.from_env())" in capsys.readouterr().err


def test_a_missing_token_is_told_before_anything_starts(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TELEGRAM_TOKEN", raising=False)
    write("shop", "from convokit import Bot\nfrom convokit.transports import Telegram\nbot = Bot('parrot')\n"
          "bot.attach(Telegram.from_env())\n")  # fmt: skip
    assert main(["run", "shop:bot"]) == 2
    said = capsys.readouterr().err
    assert "TELEGRAM_TOKEN is not set" in said
    assert "leave this channel out of bot.attach(…)" in said
    assert "`convokit chat shop:bot`" in said
    assert not (tmp_path / "parrot.db").exists()


def test_the_way_in_of_every_channel_is_told() -> None:
    token = "123456789:" + "A" * 35
    assert way_in(Telegram(token), "127.0.0.1", 8000) == "telegram: polling"
    hooked = Telegram(token, public_url="https://bot.example.com")
    assert way_in(hooked, "::1", 80) == "telegram: webhook http://[::1]:80/telegram, from https://bot.example.com"
    assert way_in(Messenger.from_env(), "localhost", 9) == "messenger: webhook http://localhost:9/messenger"
    assert way_in(Silent(), "localhost", 9) == "silent: listens by itself"


# ── failed ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def given_up(path: Path, text: str = "hello") -> None:
    """A store with an event in it whose handler kept raising."""
    bot = Bot("parrot")

    @bot.fallback
    async def broken(turn: Turn) -> None:
        raise ValueError("out of seeds")

    async def fail() -> None:
        settings = type(bot.settings)(tries=1)
        async with bot.serve(SQLite(path), transports={"silent": Silent()}, settings=settings) as engine:
            where = ConversationId("silent", "ada")
            await engine.accept([MessageReceived(id="1", conversation=where, at=SystemClock().now(), text=text)])
            await engine.quiet()

    anyio.run(fail)


def test_nothing_given_up_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anyio.run(opened_once, tmp_path / "x.db")
    assert main(["failed", "--store", "sqlite:///x.db"]) == 0
    assert capsys.readouterr().out == "Nothing was given up.\n"


async def opened_once(path: Path) -> None:
    store = SQLite(path)
    await store.open(SystemClock())
    await store.close()


def test_what_was_given_up_is_listed_harmless_and_put_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_up(tmp_path / "parrot.db", "hello \x1b[2J")
    assert main(["failed", "--store", "sqlite:///parrot.db", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["conversation"], row["what"], row["error"]) == (
        "silent:ada",
        "MessageReceived",
        "ValueError: out of seeds",
    )
    assert main(["failed", "--store", "sqlite:///parrot.db"]) == 0
    said = capsys.readouterr().out
    assert row["key"] in said
    assert "out of seeds" in said
    assert "\x1b" not in said
    assert main(["failed", "--store", "sqlite:///parrot.db", "--retry", row["key"]]) == 0
    assert "1 put back" in capsys.readouterr().out
    assert main(["failed", "--store", "sqlite:///parrot.db"]) == 0
    assert "Nothing was given up." in capsys.readouterr().out


def test_all_is_put_back_at_once_and_an_unknown_key_is_told(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    given_up(tmp_path / "parrot.db")
    assert main(["failed", "shop:bot", "--retry", "event:nonsense"]) == 1
    assert "event:nonsense" in capsys.readouterr().err
    assert main(["failed", "shop:bot", "--retry", "all"]) == 0
    assert "1 put back" in capsys.readouterr().out


def test_what_the_bot_said_stays_given_up_while_a_person_has_the_conversation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = Bot("parrot", desk=Local())

    @bot.text("hello")
    async def hello(turn: Turn) -> None:
        turn.reply("Hello.")

    @bot.text("help")
    async def call(turn: Turn) -> None:
        turn.hand_off("wants a person")

    class Refusing(Silent):
        async def send(self, to: ConversationId, message: Message) -> str | None:
            raise Rejected("silent", "no")

    async def talk() -> None:
        async with bot.serve(SQLite(tmp_path / "parrot.db"), transports={"silent": Refusing()}) as engine:
            where = ConversationId("silent", "ada")
            for text in ("hello", "help"):
                await engine.accept([MessageReceived(id=text, conversation=where, at=SystemClock().now(), text=text)])
                await engine.quiet()

    anyio.run(talk)
    assert main(["failed", "--store", "sqlite:///parrot.db", "--retry", "all"]) == 1
    said = capsys.readouterr()
    assert "0 put back" in said.out
    assert "1 stayed where they are: a person has" in said.err


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failed", "--store", "sqlite:///nowhere.db"]) == 1
    assert "there is no store nowhere.db" in capsys.readouterr().err
    assert not (tmp_path / "nowhere.db").exists()
    assert main(["failed"]) == 2
    assert main(["failed", "--store", "mysql://x"]) == 2


# ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_well_bot_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot = Bot("parrot")
    bot.attach(Silent())
    assert doctor(bot, "shop:bot", None) == 0
    said = capsys.readouterr().out
    assert "WRONG" not in said
    assert "silent: well" in said
    assert not (tmp_path / "parrot.db").exists()


@pytest.mark.parametrize(
    "problem", [Unreachable("silent", "no route to host"), OSError("no route to host"), ValueError("no route to host")]
)
def test_what_cannot_be_reached_is_a_finding(problem: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    bot = Bot("parrot")
    bot.attach(Silent(raising=problem), Silent("second"))
    assert doctor(bot, "shop:bot", None) == 1
    said = capsys.readouterr().out
    assert "WRONG  silent: reached" in said
    assert "no route to host" in said
    assert "silent: well" in said


def test_missing_settings_channels_and_given_up_events_are_told_with_the_way_out(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    given_up(tmp_path / "parrot.db")
    assert main(["doctor", "shop:bot"]) == 1
    said = capsys.readouterr().out
    assert "WRONG  channels: none" in said
    assert "WRONG  1 given up" in said
    assert "convokit failed shop:bot" in said
    assert "ok     store sqlite:///parrot.db" in said


def test_conversations_in_dialogs_that_are_gone_are_told(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, tmp_path, "pizza\n")
    with sys.stdin:
        main(["demo", "--terminal", "--dir", "."])
    write()
    main(["doctor", "shop:bot", "--store", "sqlite:///pizzeria.db"])
    assert "1 in order version 1, state size" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    bot = Bot("parrot")
    bot.attach(Silent())
    assert doctor(bot, "shop:bot", "sqlite:///locked/x.db") == 1
    assert "cannot be written to" in capsys.readouterr().out


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.db").write_text("this is no database, and long enough to be seen as none at all" * 40)
    bot = Bot("parrot")
    bot.attach(Silent())
    assert doctor(bot, "shop:bot", "sqlite:///text.db") == 1
    assert "WRONG  store sqlite:///text.db" in capsys.readouterr().out


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_log_line_does_not_drive_the_terminal() -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "said %s", ("\x1b[2J",), None)
    assert HarmlessFormatter("%(message)s").format(record) == r"said \x1b[2J"


def test_colours_are_left_out_where_nobody_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coloured("good", "ok \x1b[2J") == r"ok \x1b[2J"
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert coloured("good", "ok") == "\x1b[32mok\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("good", "ok") == "ok"


def test_the_doctor_finds_the_other_project_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = tmp_path / "convokit-5.0.0.dist-info"
    stranger.mkdir()
    (stranger / "METADATA").write_text("Metadata-Version: 2.1\nName: convokit\nVersion: 5.0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    bot = Bot("shop")
    assert doctor(bot, "shop:bot", "memory:") == 1
    assert "pip uninstall convokit" in capsys.readouterr().out
