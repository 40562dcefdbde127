"""A folder with a bot in it, and the process as it was when a command is through."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BOT = """
from convokit import Bot, Turn

bot = Bot("parrot")


@bot.fallback
async def echo(turn: Turn) -> None:
    turn.reply(turn.text)
"""


@pytest.fixture(autouse=True)
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_log: None) -> Iterator[None]:
    """Each test in a folder of its own; the path, the modules and the log are put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a module into the folder: `write("shop", code)`."""

    def module(name: str = "shop", code: str = BOT) -> Path:
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
        return file

    return module
