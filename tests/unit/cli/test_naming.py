"""`module:attribute` finds the object, and a wrong name is answered with the right one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from convokit import DefinitionError
from convokit.cli.naming import bot_named, drawable_named

Write = Callable[..., Path]


def said(target: str) -> str:
    with pytest.raises(DefinitionError) as raised:
        bot_named(target)
    return str(raised.value)


def test_a_module_of_the_current_folder_is_found(write: Write) -> None:
    write()
    assert bot_named("shop:bot").name == "parrot"


def test_a_file_is_found_wherever_it_is(write: Write) -> None:
    file = write("deep/inside")
    assert bot_named("deep/inside.py:bot").name == "parrot"
    assert bot_named(f"{file}:bot") is bot_named("deep/inside:bot")


def test_a_module_of_a_package_is_found(write: Write) -> None:
    write("bakery/__init__", "")
    write("bakery/bread")
    assert bot_named("bakery.bread:bot").name == "parrot"


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("shpo:bot", "did you mean shop:bot?"),
        ("shpo.py:bot", "did you mean shop:bot?"),
        ("shop:bto", "did you mean shop:bot?"),
        ("shop", "did you mean shop:bot?"),
        ("shop:echo", "is a function, not a Bot; did you mean shop:bot?"),
        ("shop:Turn", "is the class Turn, not a Bot"),
        ("shop:bot.nothing", "has no 'bot.nothing'"),
        (":bot", "write module:attribute"),
        (".shop:bot", "write module:attribute"),
        ("..:bot", "write module:attribute"),
        ("", "write module:attribute"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_one(write: Write, target: str, hint: str) -> None:
    write()
    assert hint in said(target)


def test_several_bots_are_listed(write: Write) -> None:
    write("two", 'from convokit import Bot\na, b = Bot("a"), Bot("b")\n')
    assert "its bots are two:a, two:b" in said("two:zzz")


def test_a_module_without_a_bot_is_told_how_to_make_one(write: Write) -> None:
    write("none", "x = 1\n")
    assert 'write bot = Bot("name") there' in said("none:bot")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("\nx = y\n", "wrong.py:2: NameError: name 'y' is not defined"),
        ("\n\ndef f(:\n", "wrong.py:3: invalid syntax"),
        ("import attrss\n", "wrong.py:1: No module named 'attrss'"),
        ("import json\njson.loads('[')\n", "wrong.py:2: JSONDecodeError: Expecting value"),
        ("import sys\nsys.exit(3)\n", "wrong.py:2: SystemExit: 3"),
        ('from convokit import Bot\nBot("no such name!")\n', "wrong.py:2: a bot's name"),
        ('from convokit import Bot\nb = Bot("b")\n@b.text("x")\ndef f(turn): ...\n', "wrong.py:3: handler f must"),
    ],
)
def test_what_is_wrong_in_the_module_is_told_with_its_line(write: Write, code: str, told: str) -> None:
    write("wrong", code)
    message = said("wrong:bot")
    assert told in message
    assert message.count("wrong.py") == 1


def test_what_can_be_drawn_is_a_dialog_or_a_bot(write: Write) -> None:
    write()
    assert drawable_named("shop:bot") is bot_named("shop:bot")
    with pytest.raises(DefinitionError, match="neither a Dialog nor a Bot"):
        drawable_named("shop:echo")
