"""`convokit links` and `convokit transports`: what they print, what they write, and what they say when they cannot."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from convokit.cli import installed, main

BOT = """
from convokit import Bot
from convokit.abc import Transport

class Linked(Transport):
    def __init__(self, channel, address):
        self.channel, self.address = channel, address
    def link(self, ref):
        return self.address and self.address + ref
    async def send(self, to, message):
        return None

bot = Bot("shop")
bot.attach(Linked("tg", "https://t.me/shop?start="), Linked("voice", ""))
mute = Bot("mute")
"""


@pytest.fixture(autouse=True)
def in_a_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "linkshop.py").write_text(BOT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_addresses_are_printed_and_what_has_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["links", "linkshop:bot", "spring-sale"]) == 0
    told = capsys.readouterr()
    assert told.out == "tg: https://t.me/shop?start=spring-sale\n"
    assert told.err == "no address opens a conversation on voice\n"


def test_codes_and_buttons_are_written(in_a_shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("segno")
    assert main(["links", "linkshop:bot", "table-7", "--qr", "out", "--label", "Order", "--button", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert told["files"] == ["out/tg-table-7.svg", "out/tg-table-7.png"]
    assert told["button"].startswith('<a href="https://t.me/shop?start=table-7"')
    assert "Order" in (in_a_shop / "out" / "tg-table-7.svg").read_text()
    assert (in_a_shop / "out" / "tg-table-7.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["links", "linkshop:bot", "spring sale"], "1 to 64 letters"),
        (["links", "linkshop:bot", "x", "--qr", "out", "--colour", "red"], "#rrggbb"),
        (["links", "linkshop:bot", "x", "--qr", "out", "--size", "9"], "64 to 4096"),
        (["links", "linkshop:bot", "x", "--qr", "linkshop.py"], "linkshop.py cannot be written: File exists"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_bot_without_any_way_in_says_so_with_its_status() -> None:
    assert main(["links", "linkshop:mute", "x"]) == 1


def test_the_built_in_transports_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transports"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[0] == "telegram" and "from convokit.transports import Telegram" in line for line in lines)
    assert main(["transports", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"console", "messenger", "telegram", "webchat"} <= {one["name"] for one in told}


def test_a_package_that_only_lies_there_is_listed_and_not_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], in_a_shop: Path
) -> None:
    (in_a_shop / "trap_transport.py").write_text("raise SystemExit('imported')")
    trap = EntryPoint(name="trap", value="trap_transport:Trap", group="convokit.transports")
    monkeypatch.setattr(installed, "entry_points", lambda **_: [trap])
    assert main(["transports"]) == 0
    assert "trap" in capsys.readouterr().out
