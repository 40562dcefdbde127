"""`convokit operators`: who works in the inbox, by the command line."""

import io
import sys
from collections.abc import Callable

import argon2
import pytest

from convokit.cli import main
from convokit.desks.inbox import people

STORE = ("--store", "sqlite:///shop.db")
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_hasher", lambda: argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command with something on the standard input: exit status, output, errors."""

    def act(*argv: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = main(["operators", *argv])
        said = capsys.readouterr()
        return status, said.out, said.err

    return act


def test_an_operator_is_added_listed_given_a_link_and_removed(run: Callable[..., tuple[int, str, str]]) -> None:
    status, said, _ = run("add", "maya", *STORE, "--name", "Maya", "--role", "lead", typed=f"{PASSWORD}\n")
    assert (status, said) == (0, "maya (Maya) works in the inbox now, as lead.\n")
    assert "maya  Maya  lead  queues: *  at most 4  password" in run("list", *STORE)[1]
    status, said, _ = run("link", "maya", *STORE, "--url", "https://shop.example/inbox/")
    assert status == 0
    assert said.startswith("https://shop.example/inbox/signin/")
    assert run("remove", "maya", *STORE)[0] == 0
    assert "Nobody works in the inbox yet" in run("list", *STORE)[1]


def test_a_weak_password_or_none_adds_nobody(run: Callable[..., tuple[int, str, str]]) -> None:
    for typed, why in (("short\n", "15 to 1024 characters"), ("", "no password came"), ("abababababababab\n", "few")):
        status, _, complaint = run("add", "maya", *STORE, typed=typed)
        assert status == 2
        assert why in complaint
    assert "Nobody works" in run("list", *STORE)[1]


def test_a_password_never_comes_by_the_command_line(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("add", "maya", *STORE, "--password", PASSWORD)[0] == 2


def test_an_operator_is_added_once_and_sees_the_queues_named(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("add", "maya", *STORE, "--queue", "billing", "front", "--no-password")[0] == 0
    assert "queues: billing, front  at most 4  links only" in run("list", *STORE)[1]
    status, _, complaint = run("add", "Maya", *STORE, "--no-password")
    assert status == 2
    assert "already" in complaint


def test_who_is_not_there_is_named_with_those_who_are(run: Callable[..., tuple[int, str, str]]) -> None:
    run("add", "maya", *STORE, "--no-password")
    status, _, complaint = run("password", "bob", *STORE, typed=f"{PASSWORD}\n")
    assert status == 2
    assert "no operator 'bob'; there are: maya" in complaint


def test_a_store_that_is_not_there_is_not_made_by_looking(run: Callable[..., tuple[int, str, str]]) -> None:
    status, _, complaint = run("list", *STORE)
    assert status == 1
    assert "there is no store" in complaint
    assert "name the bot or its store" in run("list")[2]
