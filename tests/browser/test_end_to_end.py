"""A shop's page, its operators' inbox and the server between them, as customers and operators use them.

The server is a process of its own on the loopback, with one SQLite file; both pages run in Chromium under the strict
policy. Nothing is scripted between them.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
pytest.importorskip("uvicorn", reason="the server's process needs uvicorn: the extra `serve` brings it")
from conftest import PNG
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

pytestmark = pytest.mark.browser
HERE = Path(__file__).parent
WAIT = 10_000
"""Milliseconds that a page gets for what should come at once; on a loaded machine nothing else decides."""
AWAY = 30_000
"""As much for what a page that lost its line waits for: it comes back after a pause that grows and is drawn by lot."""
GREETING = "Hello. I take your order, or fetch a colleague."
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """The process, on a port and a folder that it keeps over restarts."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._words = [one.format(folder=folder, port=self.port) for one in words]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, *self._words], stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
        for _ in range(6_000):
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            with socket.socket() as probe:
                probe.settimeout(0.01)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            # Nothing listens yet, and the process says nothing about it before: its end is awaited in small steps.
            try:
                self._process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(self.log.read_text()[-3000:])

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as answer:  # noqa: S310  our own server
            return json.loads(answer.read())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, str(HERE / "end_to_end_server.py"), "{folder}", "{port}")
    made.start()
    yield made
    made.end()
    # What the server had to say is trouble: it writes warnings and worse, and nothing else.
    assert [line for line in made.log.read_text().splitlines() if "ERROR" in line or "Traceback" in line] == []


class People:
    """Browsers of customers and operators, each with cookies and storage of its own.

    No page may write an error into its console or violate its policy. `losing` says that lines are cut in this test:
    then, and only then, a line or a request that failed is no error.
    """

    def __init__(self, chromium: Browser, server: Server) -> None:
        self.chromium = chromium
        self.server = server
        self.losing = False
        self.problems: list[str] = []
        self.contexts: list[BrowserContext] = []

    def browser(self, *, width: int = 1280, height: int = 720, **more: Any) -> BrowserContext:
        more = {"locale": "en-GB", "timezone_id": "UTC", **more}
        made = self.chromium.new_context(viewport={"width": width, "height": height}, **more)
        made.set_default_timeout(WAIT)
        self.contexts.append(made)
        made.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => "
            "console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`))"
        )
        return made

    def watch(self, page: Page) -> Page:
        page.on("console", self._spoke)
        page.on("pageerror", lambda problem: self.problems.append(str(problem)))
        return page

    def _spoke(self, message: ConsoleMessage) -> None:
        lost = ("WebSocket connection to", "Failed to load resource")
        if message.type == "error" and not (self.losing and message.text.startswith(lost)):
            self.problems.append(f"{message.text} {message.location.get('url', '')}")

    def customer(self, path: str = "shop", *, browser: BrowserContext | None = None, **more: Any) -> "Customer":
        """Somebody at the shop's page, with the chat open."""
        at = browser or self.browser(**more)
        page = self.watch(at.new_page())
        page.goto(f"{self.server.url}/{path}")
        customer = Customer(page)
        customer.opens()
        return customer

    def operator(self, name: str = "maya", **more: Any) -> "Operator":
        """An operator who has signed in by a one-time link."""
        page = self.watch(self.browser(**more).new_page())
        page.goto(self.server.url + self.server.get(f"test/link/{name}")["link"])
        expect(page.locator("select.status")).to_be_visible()
        return Operator(page)

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        assert self.problems == []


class Customer:
    """What a customer sees and does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.chat = page.locator("convokit-chat")
        self.log = self.chat.locator("ol.log")
        self.input = self.chat.locator("textarea.input")

    def opens(self) -> None:
        launcher = self.chat.locator("button.launcher")
        expect(launcher).to_be_visible()
        if launcher.get_attribute("aria-expanded") != "true":
            launcher.click()
        expect(self.input.or_(self.chat.locator("button.fresh")).first).to_be_visible()

    def says(self, text: str) -> None:
        self.input.fill(text)
        self.input.press("Enter")

    def presses(self, label: str) -> None:
        self.chat.get_by_role("button", name=label, exact=True).last.click()

    def reads(self, text: str | re.Pattern[str]) -> None:
        expect(self.log).to_contain_text(text, timeout=AWAY)

    def bubbles(self) -> list[str]:
        found = [one.strip() for one in self.log.locator(".bubble").all_inner_texts()]
        return found[1:] if found and found[0].startswith(GREETING) else found

    def asks_for_a_person(self) -> None:
        self.says("talk to a person")
        self.reads("One moment, a colleague will join us.")


class Operator:
    """What an operator sees and does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.log = page.locator("ol.log")
        self.box = page.locator("#text")
        self.rows = page.locator("a.row")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).first.click()

    def opens_the_queue(self) -> Locator:
        self.tab("Queue")
        row = self.rows.first
        row.click()
        expect(self.log).to_be_visible()
        return row

    def takes(self) -> None:
        self.opens_the_queue()
        self.page.get_by_role("button", name="Take to reply").click()
        expect(self.box).to_be_visible()

    def replies(self, text: str) -> None:
        self.page.get_by_role("tab", name=re.compile("^Reply to")).click()
        self.box.fill(text)
        self.page.get_by_role("button", name="Send", exact=True).click()

    def notes(self, text: str) -> None:
        self.page.get_by_role("tab", name="Note (team only)").click()
        self.box.fill(text)
        self.page.get_by_role("button", name="Add note").click()

    def reads(self, text: str | re.Pattern[str]) -> None:
        expect(self.log).to_contain_text(text, timeout=AWAY)

    def gives_back(self, note: str = "") -> None:
        self.page.get_by_role("button", name="Give to bot").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Note for the assistant and the team").fill(note)
        dialog.get_by_role("button", name="Give to bot").click()
        expect(dialog).to_be_hidden()


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    made = People(chromium, server)
    yield made
    made.close()


def trouble(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  only where the browser is

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


# ── ordering ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pizza_is_ordered_by_typing(people: People) -> None:
    ada = people.customer()
    ada.reads(GREETING)
    ada.says("pizza")
    ada.reads("Small or large?")
    ada.says("large")
    ada.reads("Where shall we bring it?")
    ada.says("12 Crane St")
    ada.reads("One large pizza is on its way to 12 Crane St.")


def test_a_pizza_is_ordered_by_buttons(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    ada.presses("pizza")
    ada.reads("Small or large?")
    ada.presses("large")
    ada.reads("Where shall we bring it?")
    ada.says("12 Crane St")
    ada.reads("One large pizza is on its way to 12 Crane St.")
    maya.tab("All")
    maya.rows.first.click()
    maya.reads("large")
    expect(maya.log.locator("li.said[data-by=visitor], li.said.visitor").first).to_be_visible()


def test_cards_are_pressed_and_a_file_of_the_bots_is_downloaded(people: People) -> None:
    ada = people.customer()
    ada.says("menu")
    ada.reads("Tomato, fior di latte, basil. 9.50")
    ada.chat.get_by_role("button", name="Order it").first.click()
    ada.reads("Small or large?")
    ada.says("large")
    ada.reads("Where shall we bring it?")
    ada.says("12 Crane St")
    ada.reads("is on its way")
    ada.says("receipt")
    ada.reads("receipt.txt")
    with ada.page.expect_download() as download:
        ada.log.get_by_role("link", name=re.compile("receipt")).click()
    assert b"9.50" in Path(download.value.path()).read_bytes()


# ── handing over ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_takes_over_answers_and_gives_back_and_the_dialog_goes_on(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    ada.says("pizza")
    ada.reads("Small or large?")
    ada.asks_for_a_person()
    expect(ada.chat.locator(".notice")).to_contain_text(re.compile("line|soon|wait", re.IGNORECASE))
    maya.takes()
    maya.reads("Small or large?")
    ada.reads("Maya Ruiz")
    maya.notes("She was here on Tuesday, too.")
    maya.reads("She was here on Tuesday, too.")
    maya.replies("Good evening, how can I help?")
    ada.reads("Good evening, how can I help?")
    ada.says("Is there parking?")
    maya.reads("Is there parking?")
    maya.replies("Yes, behind the house.")
    ada.reads("Yes, behind the house.")
    maya.gives_back("Parking is answered.")
    expect(ada.chat.locator("header .sub")).to_have_text("Assistant")
    ada.says("large")
    ada.reads("Where shall we bring it?")
    ada.says("12 Crane St")
    ada.reads("One large pizza is on its way to 12 Crane St.")
    maya.tab("All")
    maya.rows.first.click()
    maya.reads("One large pizza is on its way to 12 Crane St.")
    seen = ada.page.evaluate(
        "document.querySelector('convokit-chat').shadowRoot.textContent + JSON.stringify(localStorage)"
    )
    assert "Tuesday" not in seen
    assert "Parking is answered" not in seen


def test_notes_never_reach_the_customers_wire(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    heard: list[str] = []
    ada.page.on("websocket", lambda line: line.on("framereceived", lambda frame: heard.append(str(frame))))
    ada.page.reload()
    ada.opens()
    ada.asks_for_a_person()
    maya.takes()
    maya.notes("MARKER-7")
    maya.reads("MARKER-7")
    maya.replies("Hello Ada")
    ada.reads("Hello Ada")
    ada.page.reload()
    ada.opens()
    ada.reads("Hello Ada")
    assert any("Hello Ada" in one for one in heard)
    assert not any("MARKER-7" in one for one in heard)


def test_a_conversation_is_given_to_a_colleague(people: People) -> None:
    ada, maya, jonas = people.customer(), people.operator(), people.operator("jonas")
    ada.asks_for_a_person()
    maya.takes()
    maya.page.get_by_role("button", name="Transfer").click()
    dialog = maya.page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("Jonas Weber")).check()
    dialog.get_by_label("Note for them").fill("He wants to talk about the oven.")
    dialog.get_by_role("button", name="Transfer").click()
    offer = jonas.page.get_by_role("alertdialog")
    expect(offer).to_contain_text("He wants to talk about the oven.")
    offer.get_by_role("button", name="Accept").click()
    expect(jonas.box).to_be_editable()
    jonas.replies("Jonas here.")
    ada.reads("Jonas here.")
    expect(ada.chat.locator("header .sub")).to_have_text("Jonas Weber")
    expect(maya.page.get_by_text("Jonas Weber took it.")).to_be_visible()


def test_of_two_operators_who_take_at_once_one_has_it(people: People) -> None:
    ada, maya, jonas = people.customer(), people.operator(), people.operator("jonas")
    ada.asks_for_a_person()
    for one in (maya, jonas):
        one.opens_the_queue()
        expect(one.page.get_by_role("button", name="Take to reply")).to_be_visible()
    maya.page.keyboard.press("t")
    jonas.page.keyboard.press("t")
    has = maya.page.get_by_role("button", name="Give to bot")
    expect(has).to_be_enabled()
    expect(jonas.page.locator(".bar")).to_contain_text("Maya Ruiz has this conversation.")
    assert ada.log.get_by_text("joined").count() == 1


def test_a_closed_conversation_is_rated_and_a_new_one_begun(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    ada.asks_for_a_person()
    maya.takes()
    maya.replies("Done, it is changed.")
    ada.reads("Done, it is changed.")
    maya.page.clock.install()
    maya.page.get_by_role("button", name="Close", exact=True).click()
    dialog = maya.page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Solved", exact=True).check()
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(maya.page.get_by_role("button", name="Undo").first).to_be_visible()
    expect(ada.input).to_be_visible()
    maya.page.clock.fast_forward(10_100)  # in which it could be undone
    fresh = ada.chat.locator("button.fresh")
    expect(fresh).to_be_visible()
    expect(ada.input).to_be_hidden()
    ada.chat.get_by_role("radio", name=re.compile("4")).check(force=True)
    ada.chat.get_by_role("textbox", name=re.compile("add|comment|say", re.IGNORECASE)).fill("Quick.")
    ada.chat.locator(".rating button[type=submit]").click()
    expect(ada.chat.locator(".rating")).to_contain_text("Thank you")
    fresh.click()
    expect(ada.input).to_be_focused()
    ada.says("pizza")
    ada.reads("Small or large?")
    maya.tab("All")
    expect(maya.rows).to_have_count(2)


def test_a_customer_who_is_signed_in_has_a_name_and_is_verified(people: People) -> None:
    ida, maya = people.customer("shop-signed"), people.operator()
    ida.asks_for_a_person()
    maya.takes()
    expect(maya.page.locator(".thread-head")).to_contain_text("Ida Berg")
    expect(maya.page.locator(".thread-head .pill").first).to_have_text("verified")
    expect(maya.page.locator("#details")).to_contain_text("ida@example.com")
    expect(maya.page.locator("#details")).to_contain_text("2 pizzas")
    maya.replies("Hello Ida.")
    ida.reads("Hello Ida.")


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reload_in_the_middle_loses_and_doubles_nothing(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    ada.says("pizza")
    ada.reads("Small or large?")
    ada.page.reload()
    ada.opens()
    ada.reads("Small or large?")
    ada.says("large")
    ada.reads("Where shall we bring it?")
    ada.asks_for_a_person()
    maya.takes()
    maya.page.reload()
    maya.reads("One moment, a colleague will join us.")
    maya.replies("Good evening")
    ada.reads("Good evening")
    ada.page.reload()
    ada.opens()
    ada.reads("Good evening")
    assert ada.bubbles() == [
        "pizza",
        "Small or large?",
        "large",
        "Where shall we bring it?",
        "talk to a person",
        "One moment, a colleague will join us.",
        "Good evening",
    ]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_in_the_middle_and_everything_goes_on(
    people: People, server: Server, how: signal.Signals
) -> None:
    people.losing = True
    ada, maya = people.customer(), people.operator()
    ada.says("pizza")
    ada.reads("Small or large?")
    server.end(how)
    ada.says("large")
    expect(ada.log).to_contain_text("large")
    server.start()
    ada.reads("Where shall we bring it?")
    ada.asks_for_a_person()
    maya.takes()
    server.end(how)
    maya.replies("Back in a moment")
    server.start()
    ada.reads("Back in a moment")
    ada.says("Take your time")
    maya.reads("Take your time")
    assert ada.bubbles() == [
        "pizza",
        "Small or large?",
        "large",
        "Where shall we bring it?",
        "talk to a person",
        "One moment, a colleague will join us.",
        "Back in a moment",
        "Take your time",
    ]
    assert maya.log.locator(".text").all_inner_texts().count("Back in a moment") == 1


def test_what_was_said_offline_goes_out_once_and_in_order(people: People, server: Server) -> None:
    people.losing = True
    ada, maya = people.customer(), people.operator()
    ada.asks_for_a_person()
    maya.takes()
    server.end()  # an open socket is only stalled by being offline: this cuts it
    ada.page.context.set_offline(True)
    words = [f"message {number}" for number in range(1, 6)]
    for word in words:
        ada.says(word)
    expect(ada.chat.locator(".notice")).to_contain_text(re.compile("offline|Reconnecting"))
    server.start()
    assert not any(word in maya.log.inner_text() for word in words)
    ada.page.context.set_offline(False)
    maya.reads("message 5")
    maya.replies("All five are here")
    ada.reads("All five are here")
    assert [one for one in ada.bubbles() if one.startswith("message")] == words
    texts = maya.log.locator(".text").all_inner_texts()
    assert [one for one in texts if one.startswith("message")] == words


def test_two_tabs_of_one_visitor_stay_in_step(people: People) -> None:
    first = people.customer()
    second = people.customer(browser=first.page.context)
    first.says("pizza")
    second.reads("Small or large?")
    second.presses("large")
    first.reads("Where shall we bring it?")
    first.says("12 Crane St")
    for tab in (first, second):
        tab.reads("One large pizza is on its way to 12 Crane St.")
    assert first.bubbles() == second.bubbles()
    assert len(first.bubbles()) == 6


def test_where_sockets_are_blocked_both_pages_poll(people: People) -> None:
    people.losing = True
    blocked = (
        "window.WebSocket = class extends WebSocket "
        "{ constructor(at, protocols) { super(String(at).replace('v1/ws', 'v1/no'), protocols); } };"
    )
    at, desk = people.browser(), people.browser()
    for browser in (at, desk):
        browser.add_init_script(blocked)
    ada = people.customer(browser=at)
    ada.says("pizza")
    ada.reads("Small or large?")
    ada.asks_for_a_person()
    page = people.watch(desk.new_page())
    page.goto(people.server.url + people.server.get("test/link/maya")["link"])
    expect(page.locator("select.status")).to_be_visible()
    maya = Operator(page)
    maya.takes()
    maya.replies("By post, but quickly.")
    ada.reads("By post, but quickly.")
    ada.says("Fine")
    maya.reads("Fine")


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_go_both_ways(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    ada.asks_for_a_person()
    maya.takes()
    ada.chat.locator("input[type=file]").set_input_files({"name": "pizza.png", "mimeType": "image/png", "buffer": PNG})
    expect(ada.chat.locator(".tray")).to_contain_text("pizza.png")
    ada.says("It came like this")
    picture = maya.log.locator("img")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 160)
    maya.reads("It came like this")
    maya.page.locator("#composer input[type=file]").set_input_files(
        {"name": "voucher.txt", "mimeType": "text/plain", "buffer": b"one pizza on us"}
    )
    expect(maya.page.locator(".chips")).to_contain_text("voucher.txt")
    maya.replies("Sorry. This is for you.")
    ada.reads("voucher.txt")
    with ada.page.expect_download() as download:
        ada.log.get_by_role("link", name=re.compile("voucher")).click()
    assert Path(download.value.path()).read_bytes() == b"one pizza on us"
    expect(ada.log.locator("img").first).to_have_js_property("naturalWidth", 160)


def test_a_script_in_a_message_stays_text_on_both_sides(people: People) -> None:
    ada, maya = people.customer(), people.operator()
    ada.says(SCRIPT)
    ada.reads(f"You said: {SCRIPT}")
    ada.asks_for_a_person()
    maya.takes()
    maya.reads(SCRIPT)
    maya.replies(SCRIPT)
    expect(ada.log.get_by_text(SCRIPT, exact=True)).to_have_count(2)
    maya.notes(SCRIPT)
    expect(maya.log.locator(".text", has_text=SCRIPT)).to_have_count(4)
    for one in (ada, maya):
        assert one.log.locator("img, script").count() == 0
        assert one.page.title() != "owned"


# ── for everybody ───────────────────────────────────────────────────────────────────────────────────────────────────


def orders_by_keyboard(page: Page, ada: Customer) -> None:
    expect(ada.chat.locator("button.launcher")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(ada.input).to_be_focused()
    ada.reads(GREETING)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(ada.chat.get_by_role("button", name="pizza", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    ada.reads("Small or large?")
    expect(ada.input).to_be_focused()
    page.keyboard.type("large")
    page.keyboard.press("Enter")
    ada.reads("Where shall we bring it?")
    page.keyboard.type("talk to a person")
    page.keyboard.press("Enter")
    ada.reads("One moment, a colleague will join us.")


def answers_by_keyboard(maya: Operator, ada: Customer) -> None:
    keys = maya.page.keyboard
    expect(maya.page.locator("header.top")).to_contain_text("1 waiting")
    keys.press("g")
    keys.press("q")
    expect(maya.rows.first).to_be_focused()
    keys.press("Enter")
    maya.reads("One moment, a colleague will join us.")
    keys.press("t")
    expect(maya.box).to_be_focused()
    keys.press("r")  # whoever takes goes on with R: the caret is there already, and the letter is not meant
    expect(maya.box).to_have_value("")
    keys.type("Good evening.")
    keys.press("Enter")
    ada.reads("Good evening.")
    keys.press("Escape")
    keys.press("n")
    expect(maya.box).to_be_focused()
    keys.type("Friendly.")
    keys.press("Control+Enter")
    maya.reads("Friendly.")
    keys.press("Escape")
    keys.press("b")
    dialog = maya.page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    expect(dialog).to_be_hidden()


def test_the_whole_flow_by_keyboard_alone(people: People) -> None:
    page = people.watch(people.browser().new_page())
    page.goto(f"{people.server.url}/shop")
    ada, maya = Customer(page), people.operator()
    orders_by_keyboard(page, ada)
    answers_by_keyboard(maya, ada)
    expect(ada.chat.locator("header .sub")).to_have_text("Assistant")
    page.keyboard.type("12 Crane St")
    page.keyboard.press("Enter")
    ada.reads("One large pizza is on its way to 12 Crane St.")
    page.keyboard.press("Escape")
    expect(ada.chat.locator("button.launcher")).to_be_focused()


def test_an_arabic_page_reads_from_the_right(people: People) -> None:
    ada, maya = people.customer("shop-ar", locale="ar"), people.operator(locale="ar")
    expect(ada.input).to_have_attribute("placeholder", re.compile("[\u0600-\u06ff]"))
    panel, page = ada.chat.locator("dialog.panel").bounding_box(), ada.page.viewport_size
    assert panel is not None
    assert page is not None
    assert panel["x"] + panel["width"] / 2 < page["width"] / 2  # at the end of a page that begins at the right
    ada.says("أريد موظفا")
    ada.reads("One moment, a colleague will join us.")
    own = ada.log.locator("[part~=bubble-visitor]").bounding_box()
    theirs = ada.log.locator("[part~=bubble-bot]").last.bounding_box()
    assert own is not None
    assert theirs is not None
    assert own["x"] < theirs["x"]
    assert own["x"] + own["width"] < theirs["x"] + theirs["width"]
    expect(maya.page.locator("html")).to_have_attribute("dir", "rtl")
    maya.page.locator("#tab-queue").click()
    maya.rows.first.click()
    maya.reads("أريد موظفا")
    maya.page.keyboard.press("t")
    expect(maya.box).to_be_editable()
    maya.box.fill("مرحبا")
    maya.page.locator("button.send").click()
    ada.reads("مرحبا")
    for one in (ada, maya):
        width = one.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]


def test_on_phones_both_pages_fill_the_screen(people: People) -> None:
    phone = {"width": 360, "height": 740, "has_touch": True, "is_mobile": True}
    ada, maya = people.customer(**phone), people.operator(**phone)
    panel = ada.chat.locator("dialog.panel").bounding_box()
    assert panel == {"x": 0, "y": 0, "width": 360, "height": 740}
    ada.presses("talk to a person")
    ada.reads("One moment, a colleague will join us.")
    maya.page.get_by_role("tab", name="Queue").tap()
    maya.rows.first.tap()
    maya.page.get_by_role("button", name="Take to reply").tap()
    maya.box.fill("From my phone")
    maya.page.get_by_role("button", name="Send", exact=True).tap()
    ada.reads("From my phone")
    maya.page.go_back()
    expect(maya.page.get_by_role("tab", name="Mine")).to_be_visible()
    for one in (ada, maya):
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_axe_finds_nothing_serious_on_the_real_pages(people: People) -> None:
    # The checker itself writes styles into the page; every other test holds the policy.
    ada, maya = people.customer(bypass_csp=True), people.operator()
    assert trouble(maya.page) == []
    ada.says("menu")
    ada.reads("Margherita")
    ada.asks_for_a_person()
    maya.takes()
    maya.notes("Friendly.")
    maya.replies("Good evening.")
    ada.reads("Good evening.")
    assert trouble(ada.page) == []
    assert trouble(maya.page) == []
    maya.page.goto(f"{people.server.url}/inbox/#/lead")
    expect(maya.page.locator("#lead, .lead").first).to_be_visible()
    assert trouble(maya.page) == []
    page = people.watch(people.browser().new_page())
    page.goto(f"{people.server.url}/inbox/")
    expect(page.get_by_label("Password")).to_be_visible()
    assert trouble(page) == []


# ── the demo ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_demo_shows_both_sides_at_the_first_try(chromium: Browser, tmp_path: Path) -> None:
    demo = Server(tmp_path, "-m", "convokit", "demo", "--dir", "{folder}", "--port", "{port}", "--no-browser")
    demo.start()
    people = People(chromium, demo)
    try:
        link = ""
        while not link:
            link = next(iter(re.findall(r"http://\S+#\S+", demo.log.read_text())), "")
        page = people.watch(people.browser(width=1440, height=900).new_page())
        page.goto(link)
        shop, inbox = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
        chat = shop.locator("convokit-chat")
        chat.locator("button.launcher").click()
        box = chat.locator("textarea.input")
        for text, answer in (
            ("pizza", "Small or large?"),
            ("large", "Where shall we bring it?"),
            ("12 Crane St", "One large pizza is on its way to 12 Crane St."),
            ("talk to a person", "One moment, a colleague will join us."),
        ):
            box.fill(text)
            box.press("Enter")
            expect(chat.locator("ol.log")).to_contain_text(answer)
        inbox.get_by_role("tab", name="Queue").click()
        inbox.locator("a.row").first.click()
        inbox.get_by_role("button", name="Take to reply").click()
        inbox.locator("#text").fill("Good evening, this is Maya.")
        inbox.get_by_role("button", name="Send", exact=True).click()
        expect(chat.locator("ol.log")).to_contain_text("Good evening, this is Maya.")
    finally:
        people.close()
        demo.end(signal.SIGINT)
