"""The pictures of the docs, taken from the real pages.

`CONVOKIT_SCREENSHOTS=docs/images pytest tests/browser/test_screenshots.py` puts them there; without the variable they
go into the test's own folder. What the pages show is scripted, so that every picture is the same at every run; the
demo's is of the demo itself.
"""

import os
import re
import signal
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from conftest import POLICY, ChatServer
from conftest import STATIC as CHAT
from inbox_fixtures import NOON, NOOR, SAMIR, URL, Desk, figures, shop
from inbox_fixtures import STATIC as INBOX
from playwright.sync_api import Browser, Locator, Page, Route, expect
from test_end_to_end import People, Server

import convokit.cli.demo

pytestmark = pytest.mark.browser

DEMO = Path(convokit.cli.demo.__file__).parent
SHOP = "https://crane.example/shop"
MOST_BYTES = 150_000
TWO = datetime(2026, 3, 2, 14, 6, tzinfo=UTC)
KINDS = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}
ARABIC = {
    '<html lang="en">': '<html lang="ar" dir="rtl">',
    "Crane Street Pizza": "بيتزا شارع كرين",
    "Wood-fired since 1987. Order below, or in the chat at the corner.": "على نار الحطب منذ 1987. اطلبوا من المحادثة.",
    "Tomato, fior di latte, basil.": "طماطم وجبن طازج وريحان.",
    "Tomato, garlic, oregano, olive oil.": "طماطم وثوم وزعتر وزيت زيتون.",
    "Ham, artichokes, mushrooms, olives.": "خرشوف وفطر وزيتون.",
    "Margherita": "مارغريتا",
    "Marinara": "مارينارا",
    "Quattro stagioni": "الفصول الأربعة",
    "Open every day from 11 to 23. 12 Crane Street.": "مفتوح كل يوم من 11 إلى 23. شارع كرين 12.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    named = os.environ.get("CONVOKIT_SCREENSHOTS")
    made = Path(named).resolve() if named else tmp_path
    made.mkdir(parents=True, exist_ok=True)
    return made


def smaller(png: bytes) -> bytes:
    """The same picture, packed as tightly as it goes: the browser packs for speed."""
    at, packed, kept = 8, b"", []
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        if kind == b"IDAT":
            packed += png[at + 8 : at + 8 + size]
        else:
            kept.append(png[at : at + 12 + size])
        at += 12 + size
    body = b"IDAT" + zlib.compress(zlib.decompress(packed), 9)
    idat = (len(body) - 4).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)
    return png[:8] + b"".join(kept[:-1]) + idat + kept[-1]


def taken(at: Page | Locator, folder: Path, name: str) -> None:
    """Take a picture, small enough for a page of the docs."""
    file = folder / f"{name}.png"
    file.write_bytes(smaller(at.screenshot(animations="disabled", caret="hide", scale="css")))
    assert file.stat().st_size <= MOST_BYTES


def shop_page(page: Page, server: ChatServer, *, arabic: bool = False) -> None:
    """Serve the demo's shop with a chat that talks with `server`."""

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("https://crane.example/")
        if path == "shop":
            text = (DEMO / "shop.html").read_text()
            for word, other in ARABIC.items() if arabic else ():
                text = text.replace(word, other)
            route.fulfill(
                body=text, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY}
            )
            return
        folder = {"demo": DEMO, "web/static": CHAT, "inbox/static": INBOX}
        root = next((one for one in folder if path.startswith(f"{one}/")), "")
        file = folder[root] / path.removeprefix(f"{root}/") if root else DEMO / "none"
        route.fulfill(body=file.read_bytes(), content_type=KINDS[file.suffix])

    page.route("https://crane.example/**", serve)
    server.serve(page)


def ordering(server: ChatServer) -> None:
    """A customer orders, asks for a person, and is answered."""
    server.hour = 14
    server.extra = {
        "bot": {"name": "Crane Street Pizza"},
        "greeting": {"text": "Hello. I take your order, or fetch a colleague.", "choices": []},
        "reply_s": 180,
    }
    choices = [{"label": "Small", "payload": "small"}, {"label": "Large", "payload": "large"}]
    server.entry("visitor", "A Margherita, please", cid="a" * 16)
    server.entry("bot", "Small or large?", buttons=choices)
    server.entry("visitor", "Large", cid="b" * 16)
    server.entry("bot", "Where shall we bring it?")
    server.entry("visitor", "12 Crane Street. Can I have it without basil?", cid="c" * 16)
    server.entry("person", None, kind="event", event="taken")
    server.entry("person", "Hello, Maya here. No basil, of course.")
    server.entry("person", "It is in the oven now and with you in about 25 minutes.")
    server.mode = "person"
    server.people = [{"id": "o_maya", "name": "Maya"}]


def ordering_in_arabic(server: ChatServer) -> None:
    server.extra = {"bot": {"name": "بيتزا شارع كرين"}, "reply_s": 180}
    choices = [{"label": "صغيرة", "payload": "small"}, {"label": "كبيرة", "payload": "large"}]
    server.entry("visitor", "بيتزا مارغريتا، من فضلك", cid="a" * 16)
    server.entry("bot", "صغيرة أم كبيرة؟", buttons=choices)
    server.entry("visitor", "كبيرة", cid="b" * 16)
    server.entry("bot", "إلى أين نوصلها؟")
    server.entry("visitor", "12 Crane Street، بدون ريحان", cid="c" * 16)
    server.entry("person", None, kind="event", event="taken", by={"role": "person", "id": "o_maya", "name": "ليلى"})
    server.entry("person", "أهلا، معك ليلى. بدون ريحان، بالطبع.", by={"role": "person", "id": "o_maya", "name": "ليلى"})
    server.mode = "person"
    server.people = [{"id": "o_maya", "name": "ليلى"}]


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("chat-order-light", {"viewport": {"width": 1180, "height": 720}}),
        ("chat-order-dark", {"viewport": {"width": 1180, "height": 720}, "color_scheme": "dark"}),
        ("chat-order-phone", {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}),
        ("chat-order-rtl", {"viewport": {"width": 1180, "height": 720}, "locale": "ar"}),
    ],
)
def test_the_chat(chromium: Browser, watched: Any, folder: Path, name: str, look: dict[str, Any]) -> None:
    server = ChatServer()
    context = chromium.new_context(**{"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce", **look})
    context.set_default_timeout(5_000)
    page = watched(context.new_page())
    page.clock.install(time=TWO)
    (ordering_in_arabic if "rtl" in name else ordering)(server)
    shop_page(page, server, arabic="rtl" in name)
    page.goto(SHOP)
    page.locator("button.launcher").click()
    expect(page.locator(".log > li")).not_to_have_count(0)
    server.push({"t": "seen", "by": "them", "seq": 5})
    expect(page.locator(".log .bubble").last).to_be_in_viewport()
    taken(page, folder, name)
    context.close()


def at_the_desk(chromium: Browser, watched: Any, desk: Desk, at: str, **look: Any) -> Page:
    more = {"viewport": {"width": 1200, "height": 720}, "locale": "en-GB", "timezone_id": "UTC", **look}
    context = chromium.new_context(**{"reduced_motion": "reduce", **more})
    context.set_default_timeout(5_000)
    page: Page = watched(context.new_page())
    page.clock.install(time=NOON)
    desk.me["role"] = "lead"
    desk.metrics = figures()
    desk.serve(page)
    page.goto(URL + at)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_inbox(chromium: Browser, watched: Any, folder: Path, scheme: str) -> None:
    page = at_the_desk(chromium, watched, shop(), f"#/c/{SAMIR.replace(':', '%3A')}", color_scheme=scheme)
    expect(page.locator("ol.log")).to_contain_text("Thank you")
    page.locator("#text").fill("I will write as soon as the carrier confirms.")
    page.locator("#text").blur()
    taken(page, folder, f"inbox-{scheme}")
    page.context.close()


def test_the_inbox_on_a_phone(chromium: Browser, watched: Any, folder: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}
    page = at_the_desk(chromium, watched, shop(), "#/mine", **phone)
    page.locator(f'a.row[data-conv="{SAMIR}"]').tap()
    expect(page.locator("ol.log")).to_contain_text("Thank you")
    taken(page, folder, "inbox-phone")
    page.context.close()


def test_the_leads_view(chromium: Browser, watched: Any, folder: Path) -> None:
    page = at_the_desk(chromium, watched, shop(), "#/lead")
    expect(page.locator(".figure")).to_have_count(6)
    taken(page, folder, "inbox-lead")
    page.context.close()


def test_the_demo(chromium: Browser, folder: Path, tmp_path: Path) -> None:
    demo = Server(tmp_path, "-m", "convokit", "demo", "--dir", "{folder}", "--port", "{port}", "--no-browser")
    demo.start()
    people = People(chromium, demo)
    try:
        link = ""
        while not link:
            link = next(iter(re.findall(r"http://\S+#\S+", demo.log.read_text())), "")
        page = people.watch(people.browser(width=1480, height=760, reduced_motion="reduce").new_page())
        page.goto(link)
        chat = page.frame_locator("iframe").nth(0).locator("convokit-chat")
        inbox = page.frame_locator("iframe").nth(1)
        chat.locator("button.launcher").click()
        for text, answer in (
            ("pizza", "Small or large?"),
            ("large", "Where shall we bring it?"),
            ("12 Crane St", "One large pizza is on its way to 12 Crane St."),
            ("talk to a person", "One moment, a colleague will join us."),
        ):
            chat.locator("textarea.input").fill(text)
            chat.locator("textarea.input").press("Enter")
            expect(chat.locator("ol.log")).to_contain_text(answer)
        inbox.get_by_role("tab", name="Queue").click()
        inbox.locator("a.row").first.click()
        inbox.get_by_role("button", name="Take to reply").click()
        inbox.locator("#text").fill("Good evening, this is Maya. How can I help?")
        inbox.get_by_role("button", name="Send", exact=True).click()
        expect(chat.locator("ol.log")).to_contain_text("Good evening, this is Maya.")
        expect(inbox.locator("ol.log")).to_contain_text("Seen")
        inbox.locator("#text").blur()
        inbox.get_by_role("tab", name="Mine").click()
        expect(inbox.locator("a.row")).to_have_count(1)
        taken(page, folder, "demo")
    finally:
        people.close()
        demo.end(signal.SIGINT)


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tongue", ["en-GB", "ar"])
def test_the_main_states_hold_in_every_look(
    chromium: Browser, watched: Any, tmp_path: Path, tongue: str, scheme: str, *, phone: bool
) -> None:
    """Both pages in their main states; the pictures are for people to look at."""
    named = os.environ.get("CONVOKIT_LOOKS")
    folder = Path(named) if named else tmp_path
    look: dict[str, Any] = {"locale": tongue, "color_scheme": scheme, "timezone_id": "UTC", "reduced_motion": "reduce"}
    look |= {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True} if phone else {}
    kind = f"{tongue[:2]}-{scheme}-{'phone' if phone else 'wide'}"
    for at, address in {
        "list": "#/queue",
        "talk": f"#/c/{SAMIR.replace(':', '%3A')}",
        "waiting": f"#/c/{NOOR.replace(':', '%3A')}",
        "lead": "#/lead",
    }.items():
        page = at_the_desk(chromium, watched, shop(), address, **look)
        shown = {"list": "a.row", "talk": "ol.log article", "waiting": "ol.log article", "lead": ".figure"}[at]
        expect(page.locator(shown).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.screenshot(path=folder / f"inbox-{at}-{kind}.png", animations="disabled")
        page.context.close()
