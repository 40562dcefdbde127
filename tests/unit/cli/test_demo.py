"""The demo: the shop's page and the inbox beside it, on one file; the link signs one browser in, once."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from browsers import Browser

from convokit.cli import demo, main, pizzeria

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Browser]:
    """The demo with a browser before it, on the developer's own machine."""
    app = demo.shop(pizzeria.bot, folder, "http://127.0.0.1:8000/", program="pizzeria.py", browser=False, **settings)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": dict(state)}, receive, send)

        yield Browser(
            with_state,
            path="",
            origin="http://127.0.0.1:8000",
            host="127.0.0.1:8000",
            scheme="http",
            site="same-origin",
        )


def token_of(printed: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:8000/#(\w+)", printed)
    assert found, printed
    return found.group(1)


@pytest.mark.parametrize("path", ["", "shop", "demo/demo.css", "demo/front.js"])
async def test_its_pages_are_served_under_a_strict_policy(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as browser:
        reply = await browser.request("GET", path)
        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "unsafe" not in reply.headers["content-security-policy"]


async def test_nothing_else_of_its_folder_is_served(tmp_path: Path) -> None:
    async with served(tmp_path) as browser:
        for path in ("demo/__init__.py", "demo/front.html", "demo/../__init__.py", "pizzeria.db", "files/"):
            assert (await browser.request("GET", path)).status == 404, path


async def test_a_pizza_can_be_ordered_in_its_chat(tmp_path: Path) -> None:
    async with served(tmp_path) as browser:
        browser.path = "/web"
        assert (await browser.visit()).status == 200
        async with browser.open() as line:
            welcome = await line.hello()
            assert [one["label"] for one in welcome["greeting"]["choices"]] == ["pizza", "talk to a person"]
            for number, (text, answer) in enumerate(
                [
                    ("pizza", "Small or large?"),
                    ("large", "Where shall we bring it?"),
                    ("12 Crane St", "One large pizza is on its way to 12 Crane St."),
                ]
            ):
                await line.send("send", cid=f"{number:016d}", text=text)
                while (entry := await line.until("entry"))["by"]["role"] != "bot":
                    pass
                assert entry["text"] == answer
    assert (tmp_path / "pizzeria.db").is_file()


async def test_the_link_opens_the_inbox_and_every_start_prints_a_new_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path) as browser:
        first = token_of(capsys.readouterr().out)
        assert (await browser.request("GET", "inbox/")).status == 303
        assert (await browser.request("GET", f"inbox/signin/{first}")).status == 200
    async with served(tmp_path):
        assert token_of(capsys.readouterr().out) != first


async def test_the_inbox_may_be_framed_by_the_demo_itself_and_nobody_else(tmp_path: Path) -> None:
    async with served(tmp_path) as browser:
        policy = (await browser.request("GET", "inbox/signin")).headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy


def test_without_a_free_port_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "PORTS", range(8000, 8000))
    assert main(["demo", "--dir", str(tmp_path), "--no-browser"]) == 1
    assert "--port" in capsys.readouterr().out
