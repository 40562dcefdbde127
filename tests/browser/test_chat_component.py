"""The chat component in Chromium, alone: what it shows, keeps and sends, whatever the network does to it.

Every page stands under the strict content security policy, and no error may appear in its console.
"""

import gzip
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import PNG, STATIC, ChatServer, Frame, Poll, Site, Socket
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser
NO_SOCKETS = "window.WebSocket = class { constructor() { throw new DOMException('blocked', 'SecurityError'); } };"
STORAGE_THROWS = (
    "for (const name of ['getItem', 'setItem', 'removeItem']) "
    "Storage.prototype[name] = () => { throw new DOMException('denied', 'SecurityError'); };"
)
BUTTONS = [{"label": "Track an order", "payload": "track"}, {"label": "Start a return", "payload": "return"}]


def until(page: Page, holds: Callable[[], Any], what: str = "") -> None:
    """Let the page and the server speak until something holds; five seconds at most."""
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end, what or "it never came"
        page.locator("convokit-chat").count()


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.locator(".launcher").click()
    expect(page.locator("dialog.panel")).to_be_visible()
    return page


def writes(page: Page, text: str) -> None:
    page.locator(".input").fill(text)
    page.locator(".input").press("Enter")


def bubbles(page: Page) -> list[str]:
    return page.locator(".log .bubble").all_inner_texts()


def shows(page: Page, *texts: str) -> None:
    expect(page.locator(".log .bubble")).to_have_text(list(texts))


def focused(page: Page) -> str:
    found: str = page.evaluate(
        "() => { const at = document.querySelector('convokit-chat').shadowRoot.activeElement;"
        " return at ? at.className || at.localName : document.activeElement.localName; }"
    )
    return found


# ── before anything ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_loader_panel_style_and_words_are_within_their_budgets() -> None:
    def size(*names: str) -> int:
        return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names)

    assert size("loader.js") <= 4096
    assert size("panel.js", "line.js", "content.js") <= 30 * 1024
    assert size("chat.css") <= 7 * 1024
    for locale in (STATIC / "locales").iterdir():
        assert size(f"locales/{locale.name}") <= 2048, locale.name


def test_every_language_has_every_string_with_the_same_places_to_fill() -> None:
    english = json.loads((STATIC / "locales/en.json").read_text())
    for file in (STATIC / "locales").iterdir():
        words = json.loads(file.read_text())
        assert set(english) <= set(words), file.name
        for key, text in english.items():
            if not re.search(r"_(one|two|zero)$", key):
                assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", words[key])), (file.name, key)


def test_every_word_that_the_panel_asks_for_is_in_the_language_files() -> None:
    english = json.loads((STATIC / "locales/en.json").read_text())
    source = "".join((STATIC / name).read_text() for name in ("loader.js", "panel.js", "content.js"))
    asked = set(re.findall(r"""\bt\("(\w+)""", source)) | set(
        re.findall(r"""name\(\w+(?:\.#?\w+)*, "(\w+)"\)""", source)
    )
    counted = {f"{key}_other" for key in re.findall(r"""\bn\("(\w+)""", source)}
    assert asked | counted <= set(english)


def test_the_style_has_logical_directions_only() -> None:
    style = (STATIC / "chat.css").read_text()
    assert re.findall(r"^\s*(?:margin|padding|border)?-?(?:left|right)\b.*", style, re.MULTILINE) == []


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("upon", "least", "names"),
    [
        ("surface", 4.5, ["text", "text-2", "accent", "danger", "warn", "ok"]),
        ("sunken", 4.5, ["text", "text-2", "accent"]),
        ("soft", 4.5, ["on-soft", "accent"]),
        ("accent", 4.5, ["on-accent"]),
        ("warn-bg", 4.5, ["warn"]),
        ("danger-bg", 4.5, ["danger"]),
        ("surface", 3.0, ["edge"]),
        ("sunken", 3.0, ["edge"]),
    ],
)
def test_colours_have_contrast_enough_in_light_and_dark(upon: str, least: float, names: list[str]) -> None:
    style = (STATIC / "chat.css").read_text()
    found = dict(re.findall(r"^\s*--([a-z0-9-]+): .*?light-dark\((#\w{6}, #\w{6})\)", style, re.MULTILINE))
    for name in names:
        for front, back in zip(found[name].split(", "), found[upon].split(", "), strict=True):
            dark, light = sorted((_luminance(front), _luminance(back)))
            assert (light + 0.05) / (dark + 0.05) >= least, (name, upon, front, back)


def test_before_it_is_opened_nothing_is_stored_and_no_line_is_made(page: Page, site: Site, server: ChatServer) -> None:
    page.goto(site.host())
    expect(page.locator(".launcher")).to_have_attribute("aria-label", "Open chat")
    page.locator(".launcher").hover()
    assert page.context.cookies() == []
    assert page.evaluate("() => localStorage.length + sessionStorage.length") == 0
    assert (server.visits, server.opened) == ([], 0)
    box = page.locator(".launcher").bounding_box()
    assert box is not None
    assert page.evaluate(
        "() => { const { width, height } = document.querySelector('convokit-chat').shadowRoot"
        ".querySelector('.ck').getBoundingClientRect(); return [width, height]; }"
    ) == [56, 56]


def test_a_visitor_opens_it_and_says_something(page: Page, site: Site, server: ChatServer) -> None:
    server.extra = {"greeting": {"text": "Hello. How can we help?", "choices": BUTTONS}}
    page.add_init_script("window.heard = []; for (const one of ['open', 'sent', 'received', 'mode', 'unread', 'close'])"
                         "addEventListener(`ck-${one}`, (e) => window.heard.push(one));")  # fmt: skip
    opened(page, site.host('bot="shop" ref="spring-sale"'))
    shows(page, "Hello. How can we help?")
    assert focused(page) == "input"
    writes(page, "Where is my order?")
    shows(page, "Hello. How can we help?", "Where is my order?")
    server.says("bot", "It is on its way.")
    shows(page, "Hello. How can we help?", "Where is my order?", "It is on its way.")
    expect(page.locator(".choices")).to_be_hidden()
    expect(page.locator(".visitor .meta")).to_contain_text("Sent")
    hello = server.frames[0]
    assert (hello["t"], hello["conv"], hello["ref"], hello["tz"]) == ("hello", None, "spring-sale", "UTC")
    assert hello["context"]["title"] == "Olive Store"
    until(page, lambda: any(one["t"] == "seen" and one["seq"] == 2 for one in server.frames))
    server.push({"t": "seen", "by": "them", "seq": 1, "at": "2026-03-02T14:02:00Z"})
    expect(page.locator(".visitor .meta")).to_have_text("Read 14:02")
    page.keyboard.press("Escape")
    assert {"open", "sent", "received", "close"} <= set(page.evaluate("() => window.heard"))


def test_the_ref_may_come_from_the_address(page: Page, site: Site, server: ChatServer) -> None:
    opened(page, site.host() + "?ck-ref=poster-7")
    until(page, lambda: server.frames)
    assert server.frames[0]["ref"] == "poster-7"


# ── delivery ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("when", ["before commit", "after commit", "after ack"])
def test_a_line_cut_at_any_moment_leaves_one_entry_and_one_bubble(
    page: Page, site: Site, server: ChatServer, when: str
) -> None:
    cuts = []

    def cut(line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] != "send" or cuts:
            return False
        cuts.append(when)
        if when != "before commit":
            made, _ = server.commit(frame)
            if when == "after ack":
                line.push({"t": "ack", "cid": frame["cid"], "id": made["id"], "seq": made["seq"], "at": made["at"]})
        server.cut()
        return True

    server.hook = cut
    opened(page, site.host())
    until(page, lambda: server.live)
    writes(page, "one")
    writes(page, "two")
    until(page, lambda: server.sent() == ["one", "two"])
    shows(page, "one", "two")
    expect(page.locator(".visitor .meta").last).to_contain_text("Sent")


@pytest.mark.parametrize("first", ["ack", "entry"])
def test_ack_and_entry_may_come_in_either_order(page: Page, site: Site, server: ChatServer, first: str) -> None:
    def swapped(line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] != "send":
            return False
        made, _ = server.commit(frame)
        said: list[Frame] = [
            {"t": "ack", "cid": frame["cid"], "id": made["id"], "seq": made["seq"], "at": made["at"]},
            {"t": "entry", **made},
        ]
        for one in said if first == "ack" else reversed(said):
            line.push(one)
        line.push(said[1])
        return True

    server.hook = swapped
    opened(page, site.host())
    for text in ("one", "two", "three"):
        writes(page, text)
    until(page, lambda: len(server.sent()) == 3)
    shows(page, "one", "two", "three")


def test_an_entry_that_comes_too_early_waits_for_the_one_before_it(page: Page, site: Site, server: ChatServer) -> None:
    opened(page, site.host())
    until(page, lambda: server.live)
    first, second = server.entry("bot", "first"), server.entry("bot", "second")
    server.push({"t": "entry", **second})
    shows(page, "first", "second")
    assert [one for one in server.frames if one["t"] == "more"] == [{"t": "more", "after": 0, "limit": 50}]
    server.push({"t": "entry", **first})
    server.says("bot", "third")
    shows(page, "first", "second", "third")


def test_entries_that_the_server_never_told_are_fetched_by_the_cursor(
    page: Page, site: Site, server: ChatServer
) -> None:
    opened(page, site.host())
    until(page, lambda: server.live)
    for text in ("a", "b", "c"):
        server.entry("bot", text)
    writes(page, "d")
    shows(page, "a", "b", "c", "d")
    for text in ("e", "f"):
        server.entry("bot", text)
    server.cut()
    shows(page, "a", "b", "c", "d", "e", "f")


def test_after_a_gap_the_list_is_replaced_and_older_ones_come_by_page(
    page: Page, site: Site, server: ChatServer
) -> None:
    server.entry("bot", "old")
    opened(page, site.host())
    shows(page, "old")
    for number in range(2, 302):
        server.entry("bot", f"message {number}")
    server.cut()
    expect(page.locator(".log .bubble").last).to_have_text("message 301")
    expect(page.locator(".log > li")).to_have_count(50)
    gap = "() => { const s = document.querySelector('convokit-chat').shadowRoot.querySelector('.scroll');"
    assert page.evaluate(gap + " return s.scrollHeight - s.scrollTop - s.clientHeight; }") < 2
    page.evaluate(gap + " s.scrollTop = 0; }")
    expect(page.locator(".log > li")).to_have_count(100)
    assert bubbles(page)[0] == "message 202"
    assert page.evaluate(gap + " return s.scrollTop; }") > 500


def test_a_new_numbering_starts_the_list_anew_and_keeps_the_draft(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "before")
    opened(page, site.host())
    shows(page, "before")
    page.locator(".input").fill("half a th")
    server.log.clear()
    server.log_id = "log2"
    server.entry("bot", "after")
    server.cut()
    shows(page, "after")
    expect(page.locator(".input")).to_have_value("half a th")


def test_what_was_written_offline_is_sent_once_and_in_order_after_a_reload(
    page: Page, site: Site, server: ChatServer
) -> None:
    url = site.host()
    opened(page, url)
    until(page, lambda: server.live)
    writes(page, "zero")
    until(page, lambda: server.sent() == ["zero"])
    server.hook = lambda _line, frame: frame["t"] == "send"
    for text in ("one", "two", "three"):
        writes(page, text)
    shows(page, "zero", "one", "two", "three")
    server.cut()
    server.hook = None
    opened(page, url)
    until(page, lambda: server.sent() == ["zero", "one", "two", "three"])
    shows(page, "zero", "one", "two", "three")
    assert page.evaluate("() => Object.keys(localStorage).filter((k) => k.includes(':row:')).length") == 0


def test_what_was_not_sent_for_ten_minutes_asks_before_it_goes(page: Page, site: Site, server: ChatServer) -> None:
    page.clock.install()
    opened(page, site.host())
    until(page, lambda: server.live)
    server.hook = lambda _line, frame: frame["t"] == "send"
    writes(page, "too late?")
    until(page, lambda: any(one["t"] == "send" for one in server.frames))
    server.refuse = [(1012, "")] * 40
    server.cut()
    page.clock.fast_forward(11 * 60_000)
    server.refuse = []
    server.hook = None
    page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(page.locator(".meta.stale")).to_contain_text("Not sent. Send it now?")
    assert server.sent() == []
    page.get_by_role("button", name="Send now").click()
    until(page, lambda: server.sent() == ["too late?"])
    shows(page, "too late?")


def test_a_line_without_a_sign_of_life_is_made_anew(page: Page, site: Site, server: ChatServer) -> None:
    page.clock.install()
    opened(page, site.host())
    until(page, lambda: server.live)
    for line in server.live:
        assert isinstance(line, Socket)
        line.deaf = True
    page.clock.run_for(46_000)
    until(page, lambda: server.opened == 2)
    writes(page, "still here")
    shows(page, "still here")


def test_a_page_that_wakes_up_finds_a_dead_line_within_three_seconds(
    page: Page, site: Site, server: ChatServer
) -> None:
    page.clock.install()
    opened(page, site.host())
    until(page, lambda: server.live)
    page.clock.run_for(6_000)
    server.hook = lambda _line, frame: frame["t"] == "ping"
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    until(page, lambda: any(one["t"] == "ping" for one in server.frames))
    assert server.opened == 1
    page.clock.run_for(3_100)
    until(page, lambda: server.opened == 2)


def test_after_a_goodbye_a_page_waits_as_long_as_it_was_told(page: Page, site: Site, server: ChatServer) -> None:
    page.add_init_script("Math.random = () => 0.5;")
    page.clock.install()
    opened(page, site.host())
    until(page, lambda: server.live)
    server.push({"t": "goodbye", "retry_ms": 20_000, "spread_ms": 20_000})
    until(page, lambda: not server.live)
    page.clock.run_for(28_000)
    page.locator(".input").count()
    assert server.opened == 1
    page.clock.run_for(3_000)
    until(page, lambda: server.opened == 2)


def test_where_sockets_are_blocked_the_same_is_said_by_polls(page: Page, site: Site, server: ChatServer) -> None:
    page.add_init_script(NO_SOCKETS)
    server.entry("bot", "Hello.")
    opened(page, site.host())
    shows(page, "Hello.")
    writes(page, "one")
    writes(page, "two")
    until(page, lambda: server.sent() == ["one", "two"])
    server.says("bot", "three")
    shows(page, "Hello.", "one", "two", "three")
    server.cut()
    server.entry("bot", "four")
    shows(page, "Hello.", "one", "two", "three", "four")
    assert server.opened == 0


def test_a_socket_that_opens_and_never_welcomes_gives_way_to_polls(page: Page, site: Site, server: ChatServer) -> None:
    page.clock.install()
    server.hook = lambda line, _frame: isinstance(line, Socket)
    opened(page, site.host())
    until(page, lambda: server.frames)
    page.clock.run_for(5_100)
    until(page, lambda: server.polls)
    writes(page, "by poll")
    shows(page, "by poll")


def test_a_token_that_ran_out_is_fetched_anew_and_nothing_is_lost(page: Page, site: Site, server: ChatServer) -> None:
    page.add_init_script(
        "window.asked = 0; customElements.whenDefined('convokit-chat').then(() => {"
        "document.querySelector('convokit-chat').getToken = async () => `jws.token.${(window.asked += 1)}`; });"
    )
    server.visitor = {"id": "customer:7", "kind": "customer"}
    server.refuse = [(4401, "")]
    opened(page, site.host())
    writes(page, "signed")
    until(page, lambda: server.sent() == ["signed"])
    assert [one["headers"]["authorization"] for one in server.visits] == ["Bearer jws.token.1", "Bearer jws.token.2"]
    assert page.evaluate("() => Object.values(localStorage).join().includes('jws')") is False
    server.push({"t": "auth", "exp_in": 60})
    until(page, lambda: any(one["t"] == "auth" and one["token"] == "jws.token.3" for one in server.frames))


def test_who_has_no_token_any_more_is_signed_out_and_may_read_on(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "Kept in view.")
    page.add_init_script(
        "window.token = 'a.b.c'; customElements.whenDefined('convokit-chat').then(() => {"
        "document.querySelector('convokit-chat').getToken = async () => window.token; });"
    )
    opened(page, site.host())
    shows(page, "Kept in view.")
    page.evaluate("() => { window.token = null; }")
    page.locator(".input").fill("half")
    server.cut(4401)
    expect(page.locator(".notice")).to_contain_text("Sign in again to continue.")
    expect(page.locator(".input")).to_have_value("half")
    shows(page, "Kept in view.")
    page.evaluate("() => { window.token = 'd.e.f'; }")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".notice")).to_be_hidden()


def test_a_visitor_who_is_blocked_sees_no_launcher(page: Page, site: Site, server: ChatServer) -> None:
    server.refuse = [(4403, "blocked")]
    page.goto(site.host())
    page.locator(".launcher").click()
    expect(page.locator(".launcher")).to_be_hidden()
    assert server.opened == 1


def test_a_conversation_that_is_gone_is_forgotten(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "gone")
    opened(page, site.host())
    shows(page, "gone")
    server.log.clear()
    server.conv = None
    server.cut(4404)
    until(page, lambda: len([one for one in server.frames if one["t"] == "hello"]) == 2)
    assert server.frames[-1]["conv"] is None
    expect(page.locator(".log .bubble")).to_have_count(0)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_the_network_does_the_page_shows_the_servers_log(
    page: Page, site: Site, server: ChatServer, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  chance, not secrets
    page.add_init_script("Math.random = () => 0.02;")

    def hostile(line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] != "send":
            return False
        luck = chance.random()
        if luck < 0.1:
            server.cut(1012)
            return True
        made, fresh = server.commit(frame)
        told: list[Frame] = [{"t": "entry", **made}] if fresh else []
        told.append({"t": "ack", "cid": frame["cid"], "id": made["id"], "seq": made["seq"], "at": made["at"]})
        if fresh and chance.random() < 0.5:
            answer = server.entry("bot", f"to {made['text']}")
            if chance.random() < 0.7:
                told.append({"t": "entry", **answer})
        told += [chance.choice(told)] if chance.random() < 0.3 else []
        chance.shuffle(told)
        if luck < 0.2:
            server.cut(1012)
        for one in told:
            line.push(one)
        return True

    server.hook = hostile
    opened(page, site.host())
    texts = [f"message {number}" for number in range(30)]
    for text in texts:
        writes(page, text)
    end = time.monotonic() + 25
    while len(server.sent()) < len(texts):
        assert time.monotonic() < end, server.sent()
        page.locator("convokit-chat").count()
    server.hook = None
    server.cut(1012)
    assert server.sent() == texts
    expect(page.locator(".log .bubble")).to_have_text([one["text"] for one in server.log])


def test_too_much_too_fast_is_told_and_sent_later(page: Page, site: Site, server: ChatServer) -> None:
    page.clock.install()
    refused: list[str] = []

    def rate(line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] != "send" or refused:
            return False
        refused.append(frame["cid"])
        line.push({"t": "error", "re": frame["cid"], "code": "rate", "retry": "after", "after_ms": 4000})
        return True

    server.hook = rate
    opened(page, site.host())
    until(page, lambda: server.live)
    writes(page, "quick")
    expect(page.locator(".notice")).to_contain_text("Sending goes on in")
    page.clock.run_for(4_100)
    until(page, lambda: server.sent() == ["quick"])
    expect(page.locator(".notice")).to_be_hidden()


def test_what_cannot_be_sent_says_why_and_can_be_sent_again_or_removed(
    page: Page, site: Site, server: ChatServer
) -> None:
    def refuse(line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] != "send":
            return False
        line.push({"t": "error", "re": frame["cid"], "code": "too_long", "retry": "no"})
        return True

    server.hook = refuse
    opened(page, site.host())
    writes(page, "first")
    alert = page.locator(".meta[role=alert]")
    expect(alert).to_contain_text("Not sent. The message is too long.")
    first = [one["cid"] for one in server.frames if one["t"] == "send"]
    server.hook = None
    page.get_by_role("button", name="Send again").click()
    until(page, lambda: server.sent() == ["first"])
    assert [one["cid"] for one in server.frames if one["t"] == "send"] == first * 2
    server.hook = refuse
    writes(page, "second")
    page.get_by_role("button", name="Remove").click()
    shows(page, "first")


def test_a_closed_conversation_gives_the_text_back(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "Hello.")
    opened(page, site.host())
    shows(page, "Hello.")

    def closed(line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] != "send":
            return False
        line.push({"t": "error", "re": frame["cid"], "code": "closed", "retry": "no"})
        server.turns("closed")
        return True

    server.hook = closed
    writes(page, "one more thing")
    expect(page.get_by_role("button", name="Start a new conversation")).to_be_visible()
    shows(page, "Hello.")
    expect(page.locator(".input")).to_have_value("one more thing")


# ── tabs and people ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tabs(context: BrowserContext, watched: Callable[[Page], Page], server: ChatServer, site: Site) -> tuple[Page, Page]:
    server.serve(context)
    url = site.host()
    one, two = (watched(context.new_page()) for _ in range(2))
    for tab in (one, two):
        opened(tab, url)
        until(tab, lambda: server.live)
    until(one, lambda: len(server.live) == 2)
    return one, two


def test_two_tabs_show_a_message_once_each_and_reading_clears_both(tabs: tuple[Page, Page], server: ChatServer) -> None:
    one, two = tabs
    writes(one, "from one")
    shows(one, "from one")
    shows(two, "from one")
    two.keyboard.press("Escape")
    one.bring_to_front()
    server.says("bot", "for both")
    shows(one, "from one", "for both")
    expect(two.locator(".badge")).to_be_hidden()
    assert server.sent() == ["from one"]


def test_of_several_tabs_one_makes_the_sound(tabs: tuple[Page, Page], server: ChatServer) -> None:
    for tab in tabs:
        tab.evaluate("() => { window.rung = 0; addEventListener('ck-sound', () => { window.rung += 1; }); }")
        tab.evaluate("() => document.querySelector('convokit-chat').close()")
    server.says("bot", "ding")
    for tab in tabs:
        expect(tab.locator(".badge")).to_have_text("1")
    until(tabs[0], lambda: sum(tab.evaluate("() => window.rung") for tab in tabs) == 1)


def test_signing_out_leaves_nothing_in_any_tab(tabs: tuple[Page, Page], server: ChatServer) -> None:
    one, two = tabs
    writes(one, "a secret of a")
    shows(two, "a secret of a")
    one.locator(".input").fill("and a draft of a")
    one.evaluate("() => document.querySelector('convokit-chat').signOut()")
    assert server.visits[-1]["body"] == {"out": True}
    for tab in tabs:
        expect(tab.locator(".panel")).to_be_hidden()
        expect(tab.locator(".log > li")).to_have_count(0)
        expect(tab.locator(".input")).to_have_value("")
        assert tab.evaluate(
            "() => (document.querySelector('convokit-chat').shadowRoot.textContent"
            " + Object.values(localStorage).join()).includes('of a')"
        ) is False  # fmt: skip


def test_another_person_on_the_same_browser_sees_nothing_of_the_one_before(
    page: Page, site: Site, server: ChatServer
) -> None:
    server.visitor = {"id": "customer:a", "kind": "customer"}
    opened(page, site.host())
    writes(page, "I am a")
    shows(page, "I am a")
    page.locator(".input").fill("a draft of a")
    server.visitor = {"id": "customer:b", "kind": "customer"}
    server.log.clear()
    server.known.clear()
    server.log_id, server.conv = "log-b", None
    server.cut()
    expect(page.locator(".log .bubble")).to_have_count(0)
    expect(page.locator(".input")).to_have_value("")


def test_on_another_site_the_token_is_kept_with_the_page(page: Page, site: Site, server: ChatServer) -> None:
    server.visit_answer = {"token": "v.token-1"}
    url = site.host()
    opened(page, url)
    until(page, lambda: server.live)
    server.visit_answer = {"visitor": {"id": "v_1"}}
    opened(page, url)
    until(page, lambda: len(server.visits) == 2)
    assert "authorization" not in server.visits[0]["headers"]
    assert server.visits[1]["headers"]["authorization"] == "Bearer v.token-1"


def test_where_storage_is_forbidden_it_works_and_says_so(page: Page, site: Site, server: ChatServer) -> None:
    page.add_init_script(STORAGE_THROWS)
    opened(page, site.host())
    expect(page.locator(".notice")).to_have_text("This conversation will not be kept when you leave.")
    writes(page, "hello")
    until(page, lambda: server.sent() == ["hello"])
    shows(page, "hello")


def test_a_returning_visitor_sees_what_came_meanwhile(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "Hello.")
    url = site.host()
    opened(page, url)
    shows(page, "Hello.")
    until(page, lambda: server.seen["me"] == 1)
    page.goto("about:blank")
    server.entry("person", "Your parcel has arrived.")
    page.goto(url)
    expect(page.locator(".badge")).to_have_text("1")
    expect(page.locator(".peek")).to_contain_text("Your parcel has arrived.")
    expect(page.locator(".launcher")).to_have_attribute("aria-label", "Open chat, 1 unread message")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".peek")).to_be_hidden()
    page.locator(".launcher").click()
    until(page, lambda: server.seen["me"] == 2)


# ── states ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _talk(server: ChatServer) -> None:
    server.entry("bot", "Hello. I can look up an order.", buttons=BUTTONS)
    server.entry("visitor", "Track an order", cid="c" * 16)
    server.entry("person", None, kind="event", event="taken")
    server.entry("person", "Hi Samir, I have your order here.")
    server.mode, server.people = "person", [{"id": "o_1", "name": "Maya"}]


def _rich(server: ChatServer) -> None:
    server.entry("bot", "**Bold** and a [link](https://olive.example/)\n\n- one\n- two", format="markdown")
    picture = {"id": "f_1", "kind": "image", "url": "v1/files/f_1?e=1", "name": "oil.png", "type": "image/png"}
    invoice = {"id": "f_2", "kind": "file", "url": "v1/files/f_2?e=1", "name": "invoice.pdf", "size": 182_044}
    server.entry("bot", None, files=[{**picture, "w": 160, "h": 100, "alt": "A bottle"}, invoice])
    cards = [
        {"title": f"Oil {number}", "subtitle": "500 ml", "buttons": [{"label": "Order", "payload": f"order:{number}"}]}
        for number in range(4)
    ]
    server.entry("bot", "Some that fit:", cards=cards)
    server.entry("bot", None, location={"lat": 52.1, "lon": 4.3, "title": "Olive Store"})


def _greeted(server: ChatServer) -> None:
    server.extra = {"greeting": {"text": "Hello.", "choices": BUTTONS}, "reply_s": 180}


def _waiting(server: ChatServer) -> None:
    server.entry("visitor", "A person, please.", cid="c" * 16)
    server.mode, server.extra = "waiting", {"queue": {"place": 2, "wait_s": 180}, "can": ["bot"]}


def _away(server: ChatServer) -> None:
    server.entry("bot", "Nobody is here.")
    server.mode, server.extra = "away", {"away": {"note": "Back tomorrow at 9:00.", "email": True}}


def _closed(server: ChatServer) -> None:
    _talk(server)
    server.entry("person", None, kind="event", event="closed")
    server.mode = "closed"


STATES = {
    "empty": _greeted, "person": _talk, "rich": _rich, "waiting": _waiting, "away": _away, "closed": _closed,
}  # fmt: skip


@pytest.mark.parametrize("look", ["light ltr", "dark rtl phone"])
@pytest.mark.parametrize("state", STATES)
def test_no_state_has_a_problem_for_assistive_technology(
    chromium: Browser, watched: Callable[[Page], Page], site: Site, server: ChatServer, state: str, look: str
) -> None:
    STATES[state](server)
    context = chromium.new_context(
        viewport={"width": 360, "height": 740} if "phone" in look else {"width": 900, "height": 720},
        color_scheme="dark" if "dark" in look else "light",
        has_touch="phone" in look,
        timezone_id="UTC",
        locale="en-GB",
        reduced_motion="reduce",
        bypass_csp=True,  # the checker itself writes inline styles; every other test holds the policy
    )
    page = watched(context.new_page())
    server.serve(page)
    opened(page, site.host(html='lang="ar" dir="rtl"' if "rtl" in look else 'lang="en"'))
    until(page, lambda: server.live)
    if server.log:
        expect(page.locator(".log > li")).to_have_count(len(server.log))
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]] == []
    context.close()


def test_waiting_tells_the_place_and_offers_the_assistant(page: Page, site: Site, server: ChatServer) -> None:
    _waiting(server)
    opened(page, site.host())
    expect(page.locator(".notice")).to_contain_text("You are number 2 in line. About 3")
    page.get_by_role("button", name="Keep talking to the assistant").click()
    until(page, lambda: any(one["t"] == "act" and one["name"] == "bot" for one in server.frames))


def test_while_nobody_is_there_an_address_can_be_left(page: Page, site: Site, server: ChatServer) -> None:
    _away(server)
    opened(page, site.host())
    expect(page.locator(".notice")).to_contain_text("Back tomorrow at 9:00.")
    page.get_by_label("Your e-mail address").fill("ida@example.com")
    page.get_by_role("button", name="Leave address").click()
    until(page, lambda: server.sent() == ["My e-mail address: ida@example.com"])


def test_a_person_joins_and_leaves_and_is_rated_once(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "Hello.", buttons=BUTTONS)
    url = site.host()
    opened(page, url)
    expect(page.locator(".choices button")).to_have_text(["Track an order", "Start a return"])
    server.happens("taken")
    server.people = [{"id": "o_1", "name": "Maya"}]
    server.turns("person")
    expect(page.locator(".event .line").first).to_contain_text("Maya joined · 14:02")
    expect(page.locator(".sub")).to_contain_text("Maya")
    expect(page.locator(".choices")).to_be_hidden()
    page.locator(".input").fill("half-written")
    server.happens("closed")
    server.turns("closed")
    expect(page.locator(".event .line").last).to_contain_text("Maya ended the conversation")
    page.get_by_label("4 stars of 5").check()
    page.get_by_label("Would you like to add something?").fill("Quick.")
    page.get_by_role("button", name="Send rating").click()
    expect(page.locator(".rating")).to_have_text("Thank you for your rating.")
    until(page, lambda: any(one["t"] == "act" and one["name"] == "rate" for one in server.frames))
    rated = next(one for one in server.frames if one["t"] == "act" and one["name"] == "rate")
    assert rated["args"] == {"score": 4, "comment": "Quick.", "of": "e_3"}
    opened(page, url)
    expect(page.get_by_role("button", name="Start a new conversation")).to_be_visible()
    expect(page.locator(".rating")).to_be_hidden()

    def anew(_line: Socket | Poll, frame: Frame) -> bool:
        if frame["t"] == "act":
            server.log.clear()
            server.conv, server.log_id, server.mode = None, "log2", "bot"
        return False

    server.hook = anew
    page.get_by_role("button", name="Start a new conversation").click()
    expect(page.locator(".log > li")).to_have_count(0)
    expect(page.locator(".input")).to_have_value("half-written")
    page.locator(".input").press("Enter")
    shows(page, "half-written")


def test_a_lost_line_is_told_after_two_seconds_and_not_before(page: Page, site: Site, server: ChatServer) -> None:
    page.clock.install()
    page.add_init_script("Math.random = () => 0.9;")
    server.entry("bot", "Hello.")
    opened(page, site.host())
    shows(page, "Hello.")
    server.down = True
    server.cut(1012)
    page.clock.run_for(1_000)
    expect(page.locator(".notice")).to_be_hidden()
    page.clock.run_for(2_000)
    expect(page.locator(".notice")).to_have_text("Reconnecting. Your message will be sent when you are back online.")
    writes(page, "later")
    expect(page.locator(".visitor .meta")).to_have_text("Waiting for the connection")
    for _ in range(8):
        page.clock.run_for(15_000)
        page.locator(".notice").count()
    expect(page.locator(".notice")).to_contain_text("The chat cannot be reached.")
    server.down = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".notice")).to_be_hidden()
    shows(page, "Hello.", "later")


def test_typing_is_shown_until_the_message_comes_or_time_is_up(page: Page, site: Site, server: ChatServer) -> None:
    page.clock.install()
    opened(page, site.host())
    until(page, lambda: server.live)
    server.push({"t": "typing", "by": {"role": "person", "name": "Maya"}, "ttl": 6000})
    expect(page.locator(".typing")).to_contain_text("Maya is typing")
    server.says("person", "Here I am.")
    expect(page.locator(".typing")).to_be_hidden()
    server.push({"t": "typing", "by": {"role": "person", "name": "Maya"}, "ttl": 6000})
    expect(page.locator(".typing")).to_be_visible()
    page.clock.run_for(6_100)
    expect(page.locator(".typing")).to_be_hidden()
    page.locator(".input").press_sequentially("abc")
    assert len([one for one in server.frames if one["t"] == "typing"]) == 1


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_choice_is_sent_with_its_payload_and_stays_as_what_was_chosen(
    page: Page, site: Site, server: ChatServer
) -> None:
    server.entry("bot", "What may it be?", buttons=BUTTONS)
    opened(page, site.host())
    page.get_by_role("button", name="Track an order").click()
    assert focused(page) == "input"
    until(page, lambda: server.sent() == ["Track an order"])
    sent = next(one for one in server.frames if one["t"] == "send")
    assert sent["choice"] == {"of": "e_1", "value": "track", "label": "Track an order"}
    chosen = page.get_by_role("button", name="You chose: Track an order")
    expect(chosen).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".choices")).to_be_hidden()
    chosen.dispatch_event("click")
    assert server.sent() == ["Track an order"]


def test_text_is_text_and_only_safe_addresses_are_links(page: Page, site: Site, server: ChatServer) -> None:
    evil = "<script>window.hacked = 1</script><img src=x onerror=window.hacked=1> javascript:alert(1)"
    server.entry("bot", evil)
    server.entry("bot", "See https://olive.example/a_(b)?x=1. Or www.olive.example, or help@olive.example!")
    server.entry("bot", "[bad](javascript:alert) **fine** `code`", format="markdown")
    server.entry("bot", "**no markdown here**")
    server.entry("bot", None, cards=[{"title": "<b>x</b>", "buttons": [{"label": "go", "url": "javascript:alert(1)"}]}])
    server.entry("bot", "x" * 8000)
    opened(page, site.host())
    expect(page.locator(".log .bubble")).to_have_count(5)
    assert bubbles(page)[0] == evil
    links = page.locator(".log .bubble a")
    assert [one.get_attribute("href") for one in links.all()] == [
        "https://olive.example/a_(b)?x=1",
        "https://www.olive.example/",
        "mailto:help@olive.example",
    ]
    assert {one.get_attribute("rel") for one in links.all()} == {"noopener noreferrer nofollow"}
    assert bubbles(page)[2] == "bad fine code"
    assert bubbles(page)[3] == "**no markdown here**"
    expect(page.locator(".card a")).to_have_count(0)
    assert page.evaluate("() => window.hacked") is None
    wide = "() => { const s = document.querySelector('convokit-chat').shadowRoot.querySelector('.scroll');"
    assert page.evaluate(wide + " return s.scrollWidth <= s.clientWidth; }")


def test_files_cards_and_places_are_shown_and_reachable(page: Page, site: Site, server: ChatServer) -> None:
    _rich(server)
    opened(page, site.host())
    expect(page.locator(".log > li")).to_have_count(4)
    image = page.locator(".picture img")
    assert image.get_attribute("width") == "160"
    page.locator(".picture").click()
    expect(page.locator(".viewer img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".viewer")).to_be_hidden()
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator("a.file[download='invoice.pdf']")).to_contain_text("182 kB")
    expect(page.locator("a.place")).to_have_attribute("href", re.compile("openstreetmap.*52.1"))
    page.get_by_role("button", name="Next card").click()
    page.locator(".card button").nth(1).click()
    until(page, lambda: server.sent() == ["Order"])
    assert next(one for one in server.frames if one["t"] == "send")["choice"]["value"] == "order:1"


def test_a_picture_is_shown_before_it_is_sent_and_sent_with_its_text(
    page: Page, site: Site, server: ChatServer
) -> None:
    opened(page, site.host())
    until(page, lambda: server.live)
    page.locator("input[type=file]").set_input_files({"name": "Ölflasche.png", "mimeType": "image/png", "buffer": PNG})
    expect(page.locator(".tray li")).to_contain_text("Ölflasche.png")
    expect(page.locator(".tray img")).to_be_visible()
    writes(page, "look")
    until(page, lambda: server.sent() == ["look"])
    expect(page.locator(".tray")).to_be_hidden()
    assert server.uploads[0]["name"] == "%C3%96lflasche.png"
    assert server.uploads[0]["body"] == PNG
    assert next(one for one in server.frames if one["t"] == "send")["files"] == ["f_1"]
    expect(page.locator(".visitor .picture")).to_have_count(1)


def test_files_that_are_too_large_or_of_a_wrong_kind_are_refused_before_they_travel(
    page: Page, site: Site, server: ChatServer
) -> None:
    opened(page, site.host())
    until(page, lambda: server.live)
    pick = page.locator("input[type=file]")
    pick.set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": b"x" * 1_000_001})
    expect(page.locator(".notice")).to_contain_text("big.png is too large. A file may have at most 1 MB.")
    pick.set_input_files({"name": "evil.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.locator(".notice")).to_contain_text("evil.svg cannot be sent. Allowed are PNG, PLAIN, PDF.")
    assert server.uploads == []


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (413, {"code": "too_big", "max": 500_000}, "The file may have at most 500 kB."),
        (415, {"code": "type", "allowed": ["image/png"]}, "Allowed are PNG."),
        (422, {"code": "blocked"}, "The file was refused."),
        (507, {}, "There is no room for it at the moment."),
    ],
)
def test_a_refused_upload_says_why_and_can_be_tried_again(
    page: Page, site: Site, server: ChatServer, status: int, answer: Frame, why: str
) -> None:
    server.upload_answers = [(status, answer)]
    opened(page, site.host())
    until(page, lambda: server.live)
    page.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": PNG})
    writes(page, "kept text")
    expect(page.locator(".meta.failed")).to_contain_text(f"Not sent. {why}")
    page.get_by_role("button", name="Send again").click()
    until(page, lambda: server.sent() == ["kept text"])
    assert server.uploads[0]["url"] == server.uploads[1]["url"]


# ── keys, focus, announcements ──────────────────────────────────────────────────────────────────────────────────────


def _tell(page: Page) -> None:
    """Keep what the two announcers were given."""
    page.evaluate(
        "() => { window.told = { outer: [], inner: [] };"
        "const root = document.querySelector('convokit-chat').shadowRoot;"
        "for (const [name, at] of [['outer', '.ck > .vh'], ['inner', '.panel > .vh']]) {"
        "new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach((n) =>"
        "window.told[name].push(n.textContent)))).observe(root.querySelector(at), { childList: true }); } }"
    )


@pytest.mark.parametrize("size", [(900, 720), (360, 740)])
def test_new_messages_of_others_are_announced_once_in_exactly_one_place(
    page: Page, site: Site, server: ChatServer, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    server.entry("bot", "history")
    opened(page, site.host())
    shows(page, "history")
    _tell(page)
    place, other = ("inner", "outer") if size[0] < 480 else ("outer", "inner")
    writes(page, "own")
    server.says("person", "one")
    until(page, lambda: page.evaluate(f"() => window.told.{place}") == ["Maya: one"])
    for text in ("a", "b", "c", "d"):
        server.says("person", text)
    until(page, lambda: page.evaluate(f"() => window.told.{place}") == ["Maya: one", "4 new messages"])
    assert page.evaluate(f"() => window.told.{other}") == []
    expect(page.locator(".ck > .vh > p, .panel > .vh > p")).to_have_count(0)


def test_the_whole_talk_goes_by_keyboard(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "Read https://olive.example/help first.")
    server.entry("bot", "Or choose:", buttons=BUTTONS)
    page.goto(site.host())
    page.locator(".launcher").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".choices button").first).to_be_visible()
    assert focused(page) == "input"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    until(page, lambda: server.sent() == ["Track an order"])
    assert focused(page) == "input"
    page.keyboard.type("line one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("line two")
    page.keyboard.press("Enter")
    until(page, lambda: server.sent() == ["Track an order", "line one\nline two"])
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "log"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    assert focused(page) == "article"
    page.keyboard.press("Enter")
    assert focused(page) == "a"
    page.keyboard.press("Escape")
    assert focused(page) == "article"
    page.keyboard.press("Escape")
    assert focused(page) == "input"
    page.get_by_role("button", name="More").press("Enter")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => document.querySelector('convokit-chat').shadowRoot.activeElement.role") == "menuitem"
    page.keyboard.press("Escape")
    assert focused(page) == "tool"
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    assert focused(page) == "launcher"


def test_enter_that_ends_a_composition_does_not_send(page: Page, site: Site, server: ChatServer) -> None:
    opened(page, site.host())
    until(page, lambda: server.live)
    page.locator(".input").focus()
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    page.locator(".input").evaluate(
        "(e) => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true }))"
    )
    # Safari: the composition ends first, the Enter that ended it comes after, in the same tick.
    page.locator(".input").evaluate(
        "(e) => { e.dispatchEvent(new CompositionEvent('compositionstart')); e.dispatchEvent(new CompositionEvent"
        "('compositionend')); e.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true })); }"
    )
    keyboard.send("Input.insertText", {"text": "日本"})
    assert server.sent() == []
    page.locator(".input").press("Enter")
    until(page, lambda: server.sent() == ["日本"])


def test_what_is_typed_is_no_shortcut_of_the_page_around(page: Page, site: Site, server: ChatServer) -> None:
    page.add_init_script("window.keys = []; addEventListener('keydown', (e) => window.keys.push(e.key));")
    opened(page, site.host('hotkey="alt+c"'))
    page.locator(".input").press_sequentially("kk")
    assert page.evaluate("() => window.keys") == []
    page.keyboard.press("Alt+c")
    expect(page.locator(".panel")).to_be_hidden()


def test_focus_does_not_move_when_the_host_opens_it_or_a_message_comes(
    page: Page, site: Site, server: ChatServer
) -> None:
    server.entry("bot", "Hello.")
    page.goto(site.host("open", body='<input id="search" autofocus>'))
    shows(page, "Hello.")
    server.says("bot", "More.")
    shows(page, "Hello.", "More.")
    assert page.evaluate("() => document.activeElement.id") == "search"


# ── looks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hostile_style_of_the_page_changes_nothing_inside(page: Page, site: Site, server: ChatServer) -> None:
    site.pages["/hostile.css"] = ""
    hostile = "body, body * { font-size: 40px !important; color: red !important } div, dialog { display: none }"
    page.route("**/hostile.css", lambda route: route.fulfill(content_type="text/css", body=hostile))
    _talk(server)
    opened(page, site.host(head='<link rel="stylesheet" href="/hostile.css">'))
    bubble = page.locator(".log .bubble").first
    expect(bubble).to_have_css("font-size", "15px")
    expect(bubble).to_have_css("color", "rgb(35, 34, 31)")
    assert page.locator("dialog.panel").is_visible()


def test_a_host_sets_the_accent_and_gets_readable_text_on_it(page: Page, site: Site, server: ChatServer) -> None:
    page.route(
        "**/brand.css",
        lambda route: route.fulfill(content_type="text/css", body="convokit-chat { --ck-accent: #ffd400; }"),
    )
    page.goto(site.host(head='<link rel="stylesheet" href="/brand.css">'))
    expect(page.locator(".launcher")).to_have_css("background-color", "rgb(255, 212, 0)")
    expect(page.locator(".launcher")).to_have_css("color", "rgb(16, 20, 19)")


def test_on_a_right_to_left_page_it_stands_and_reads_the_other_way(page: Page, site: Site, server: ChatServer) -> None:
    _talk(server)
    opened(page, site.host(html='lang="ar" dir="rtl"'))
    expect(page.locator(".input")).to_have_attribute("placeholder", "اكتب رسالة")
    box = page.locator(".panel").bounding_box()
    assert box is not None
    assert box["x"] < 30
    own = page.locator(".visitor .bubble").bounding_box()
    theirs = page.locator(".bot .bubble").bounding_box()
    assert own is not None
    assert theirs is not None
    assert own["x"] < theirs["x"]
    expect(page.locator(".bot .bubble .words")).to_have_css("direction", "ltr")


def test_arabic_reads_from_the_right_inside_a_left_to_right_page(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "مرحبا. كيف أساعدك؟")
    opened(page, site.host())
    expect(page.locator(".bubble .words")).to_have_css("direction", "rtl")
    expect(page.locator(".panel")).to_have_css("direction", "ltr")


def test_on_a_phone_it_fills_the_screen_above_the_keyboard(
    chromium: Browser, watched: Callable[[Page], Page], site: Site, server: ChatServer
) -> None:
    _talk(server)
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = watched(context.new_page())
    server.serve(page)
    page.goto(site.host())
    page.locator(".launcher").tap()
    shows(page, "Hello. I can look up an order.", "Track an order", "Hi Samir, I have your order here.")
    assert page.locator(".panel").evaluate("(e) => e.matches(':modal')")
    assert focused(page) != "input"
    page.evaluate(
        "() => { Object.defineProperty(visualViewport, 'height', { get: () => 380 });"
        "visualViewport.dispatchEvent(new Event('resize')); }"
    )
    field, last = page.locator(".input").bounding_box(), page.locator(".log > li").last.bounding_box()
    assert field is not None
    assert last is not None
    assert field["y"] + field["height"] <= 380
    assert last["y"] + last["height"] <= field["y"]
    expect(page.locator(".input")).to_have_css("font-size", "16px")
    page.get_by_role("button", name="Close chat").last.tap()
    expect(page.locator(".panel")).to_be_hidden()
    context.close()


def test_the_view_follows_at_the_end_and_holds_still_elsewhere(page: Page, site: Site, server: ChatServer) -> None:
    for number in range(40):
        server.entry("bot", f"message {number}")
    opened(page, site.host())
    expect(page.locator(".log .bubble").last).to_be_in_viewport()
    scroll = page.locator(".scroll")
    server.says("bot", "followed")
    expect(page.locator(".log .bubble").last).to_be_in_viewport()
    scroll.evaluate("(e) => { e.scrollTop = 300; }")
    until(page, lambda: scroll.evaluate("(e) => e.scrollTop") == 300)
    server.says("bot", "new one")
    server.says("bot", "new two")
    expect(page.locator(".newer")).to_have_text("2 new")
    assert scroll.evaluate("(e) => e.scrollTop") == 300
    page.locator(".newer").click()
    expect(page.locator(".log .bubble").nth(41)).to_be_in_viewport()
    scroll.evaluate("(e) => { e.scrollTop = 0; }")
    writes(page, "mine")
    expect(page.locator(".visitor .bubble")).to_be_in_viewport()


@pytest.mark.parametrize("zoom", ["320 px", "forced colours"])
def test_it_fits_narrow_screens_and_forced_colours(page: Page, site: Site, server: ChatServer, zoom: str) -> None:
    _rich(server)
    if zoom == "320 px":
        page.set_viewport_size({"width": 320, "height": 480})
    else:
        page.emulate_media(forced_colors="active", reduced_motion="reduce")
    opened(page, site.host())
    expect(page.locator(".log > li")).to_have_count(4)
    assert page.locator(".scroll").evaluate("(e) => e.scrollWidth <= e.clientWidth")
    expect(page.locator(".send")).to_be_in_viewport(ratio=1)
    if zoom != "320 px":
        expect(page.locator(".log .bubble").first).to_have_css("border-top-width", "1px")


def test_inline_it_is_a_part_of_the_page(page: Page, site: Site, server: ChatServer) -> None:
    server.entry("bot", "Hello.")
    page.goto(site.host('mode="inline"'))
    shows(page, "Hello.")
    expect(page.locator(".launcher")).to_be_hidden()
    page.locator(".input").press("Escape")
    expect(page.locator(".panel")).to_be_visible()


def test_opening_and_closing_a_hundred_times_leaves_no_listener_behind(
    page: Page, site: Site, server: ChatServer
) -> None:
    page.add_init_script(
        "window.listeners = 0; for (const kind of [Window, Document, VisualViewport, EventTarget])"
        "if (Object.hasOwn(kind.prototype, 'addEventListener')) { const add = kind.prototype.addEventListener;"
        "kind.prototype.addEventListener = function (...a) { window.listeners += 1; return add.apply(this, a); }; }"
    )
    opened(page, site.host())
    until(page, lambda: server.live)
    chat = "() => { const chat = document.querySelector('convokit-chat');"
    page.evaluate(chat + " chat.close(); return chat.open(); }")
    before = page.evaluate("() => window.listeners")
    page.evaluate(f"async {chat} for (let n = 0; n < 100; n += 1) {{ chat.close(); await chat.open(); }} }}")
    assert page.evaluate("() => window.listeners") == before
    assert server.opened == 1


def test_the_transcript_can_be_taken_home(page: Page, site: Site, server: ChatServer) -> None:
    _talk(server)
    opened(page, site.host())
    expect(page.locator(".log > li")).to_have_count(4)
    page.get_by_role("button", name="More").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Download transcript").click()
    text = Path(waiting.value.path()).read_text()
    assert "You: Track an order" in text
    assert "— Maya joined" in text
    assert "Maya: Hi Samir, I have your order here." in text


def test_the_host_overrides_words_and_asks_by_method(page: Page, site: Site, server: ChatServer) -> None:
    page.add_init_script(
        "customElements.whenDefined('convokit-chat').then(() => { const chat = document.querySelector('convokit-chat');"
        "chat.strings = { write: 'Ask us' }; chat.context = { cart: 3 }; });"
    )
    opened(page, site.host())
    expect(page.locator(".input")).to_have_attribute("placeholder", "Ask us")
    until(page, lambda: server.frames)
    assert server.frames[0]["context"]["cart"] == 3
    page.evaluate("() => document.querySelector('convokit-chat').send('from the host')")
    until(page, lambda: server.sent() == ["from the host"])
    page.evaluate("() => document.querySelector('convokit-chat').ask()")
    until(page, lambda: any(one["t"] == "act" and one["name"] == "person" for one in server.frames))
