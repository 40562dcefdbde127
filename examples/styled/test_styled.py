"""The olive store's pages in Chromium, under the strict policy, and what visitors see there."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason='Playwright is not installed: python -m pip install -e ".[browser]"')
pytest.importorskip("uvicorn", reason="the server needs uvicorn: the extra `serve` brings it")
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from store import app

pytestmark = pytest.mark.browser

PICTURES = os.environ.get("CONVOKIT_SCREENSHOTS", "")
"""A folder for the pictures in the docs; nothing is drawn when it is not set."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The store's server on the loopback, on a file of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("store"))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.02)
        yield f"http://127.0.0.1:{port}/"
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def chromium(pytestconfig: Any) -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("Chromium is not installed; set CHROMIUM to its path")
    # A thread has one Playwright at a time: whoever comes first starts it for the whole run.
    playwright = getattr(pytestconfig, "playwright", None)
    if playwright is None:
        playwright = pytestconfig.playwright = sync_playwright().start()
        pytestconfig.add_cleanup(playwright.stop)
    browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
    yield browser
    browser.close()


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Any]:
    """Opens a page; whatever it complains about fails the test."""
    contexts, complaints = [], []

    def open_at(path: str = "", **settings: Any) -> Page:
        context = chromium.new_context(reduced_motion="reduce", **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.goto(address + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chat_wears_the_stores_look(opened: Any, scheme: str) -> None:
    page = opened(color_scheme=scheme, viewport={"width": 1000, "height": 700})
    chat = page.locator("convokit-chat")
    chat.locator("button.launcher").click()
    expect(chat.get_by_text("Good day. What may we find for you?")).to_be_visible()
    expect(page.get_by_text("Nadia and Kostas answer")).to_be_visible()
    expect(chat.get_by_placeholder("Your question about oils")).to_be_visible()
    chat.get_by_role("button", name="Our oils").click()
    expect(chat.get_by_text("Koroneiki is green and peppery, Manaki mild.")).to_be_visible()
    accent = {"light": "rgb(85, 99, 31)", "dark": "rgb(200, 214, 122)"}[scheme]
    expect(chat.locator("[part~=bubble-visitor]")).to_have_css("background-color", accent)
    picture(page, f"styled-{scheme}.png")


def test_the_chat_follows_a_page_that_is_written_from_right_to_left(opened: Any) -> None:
    page = opened("arabic", viewport={"width": 1000, "height": 700})
    chat = page.locator("convokit-chat")
    chat.locator("button.launcher").click()
    expect(chat.get_by_text("Good day. What may we find for you?")).to_be_visible()
    box = chat.locator("dialog.panel").bounding_box()
    assert box is not None
    assert box["x"] < 100, "the panel stands at the end of the line, which is on the left here"
    expect(chat.locator("dialog.panel")).to_have_css("direction", "rtl")
    picture(page, "styled-rtl.png")


def test_the_chat_stands_in_the_page_and_on_a_phone_it_fills_the_screen(opened: Any) -> None:
    page = opened("inline", viewport={"width": 1000, "height": 900})
    expect(page.locator("convokit-chat").get_by_text("Good day. What may we find for you?")).to_be_visible()
    phone = opened(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    phone.locator("convokit-chat").locator("button.launcher").tap()
    panel = phone.locator("convokit-chat").locator("dialog.panel")
    expect(panel.get_by_text("Good day. What may we find for you?")).to_be_visible()
    box = panel.bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    picture(phone, "styled-phone.png")


def test_the_chats_own_address_is_a_page_that_needs_no_host(opened: Any) -> None:
    page = opened("bot/web/", locale="de-DE", viewport={"width": 1000, "height": 700})
    chat = page.locator("convokit-chat")
    expect(chat.get_by_placeholder("Nachricht schreiben")).to_be_visible()
    chat.get_by_role("button", name="Our oils").click()
    expect(chat.get_by_text("Koroneiki is green and peppery, Manaki mild.")).to_be_visible()
