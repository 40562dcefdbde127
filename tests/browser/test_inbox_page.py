"""The operators' inbox in a real browser, against a scripted server, under the strict policy."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from inbox_fixtures import (
    IDA,
    JONAS,
    ME,
    NOON,
    NOOR,
    POLICY,
    SAMIR,
    STATIC,
    TOMAS,
    URL,
    VISITOR,
    Desk,
    ago,
    ahead,
    figures,
    shop,
)
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


@pytest.fixture
def desk() -> Desk:
    return shop()


@pytest.fixture
def opened(chromium: Browser, watched: Callable[[Page], Page], desk: Desk) -> Iterator[Open]:
    """Open the inbox at a route; `width`, `scheme`, `locale` and so on as a browser context has them."""
    contexts = []

    def make(at: str = "#/mine", *, width: int = 1280, height: int = 720, locale: str = "en-GB", **more: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=locale, timezone_id="UTC", **more
        )
        context.set_default_timeout(5_000)
        contexts.append(context)
        page = watched(context.new_page())
        page.clock.install(time=NOON)
        desk.serve(page)
        page.goto(URL + at)
        return page

    yield make
    for context in contexts:
        context.close()


def talk(conv: str) -> str:
    return f"#/c/{conv.replace(':', '%3A')}"


def row(page: Page, conv: str) -> Locator:
    return page.locator(f'a.row[data-conv="{conv}"]')


def names(page: Page) -> list[str]:
    return page.locator("a.row .name").all_inner_texts()


def writing(page: Page) -> Locator:
    return page.locator("#text")


def log(page: Page) -> Locator:
    return page.locator("ol.log")


def until(page: Page, holds: Callable[[], object]) -> None:
    """Let the page go on until something holds on the test's side."""
    for _ in range(200):
        if holds():
            return
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    assert holds()


def passes_until(page: Page, holds: Callable[[], object]) -> None:
    """Let the page's own time go on, half a second at a time, until something holds; half a minute at most."""
    for _ in range(60):
        if holds():
            return
        page.clock.run_for(500)
    assert holds()


def sees_no_violation(page: Page, *, known: tuple[str, ...] = ()) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  only where the browser is

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    bad = [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found.response["violations"]
        if one["id"] not in known
    ]
    assert bad == []


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_stand_in_the_order_of_what_is_due(opened: Open) -> None:
    page = opened()
    expect(row(page, IDA)).to_contain_text("0:38 over")
    expect(row(page, SAMIR).locator(".pill")).to_have_attribute("data-look", "warn")
    assert names(page) == ["Ida Berg", "Samir Haddad", "Visitor 7F2C", "Tomás Rey"]
    expect(page.get_by_role("tab", name="Mine")).to_have_text("Mine 4")
    expect(row(page, VISITOR).locator(".preview")).to_have_text("You: I have sent it to the warehouse.")
    expect(row(page, TOMAS)).to_contain_text("Jonas Weber is here")
    expect(row(page, IDA).locator(".unread-word")).to_contain_text("2 unread messages")
    page.get_by_role("tab", name="Queue").click()
    expect(page.get_by_role("tab", name="Queue")).to_have_text("Queue 3")
    expect(page.locator("a.row .name")).to_have_text(["نور الهاشمي", "Bo Olsen", "Ana Lima"])
    expect(page.locator("header.top")).to_contain_text("3 waiting")
    expect(page.locator("header.top")).to_contain_text("longest 4:12")


def test_clocks_tick_and_crossing_a_limit_is_said_once(opened: Open, desk: Desk) -> None:
    page = opened()
    expect(row(page, SAMIR)).to_contain_text("left")
    page.clock.run_for(36_000)
    desk.push({"t": "ping", "n": 1})
    until(page, lambda: desk.said("pong"))
    page.clock.run_for(37_000)
    expect(row(page, SAMIR).locator(".pill")).to_have_attribute("data-look", "danger")
    expect(row(page, SAMIR)).to_contain_text("over")
    expect(page.locator("#announcer")).to_have_text("Due now: Samir Haddad")
    page.clock.run_for(3_000)
    expect(page.locator("#announcer")).to_be_empty()


def test_rows_hold_still_under_the_pointer_for_five_seconds(opened: Open, desk: Desk) -> None:
    page = opened()
    row(page, TOMAS).hover()
    desk.change("mine", TOMAS, due_at=ago(minutes=9), due="next", preview="Hola?")
    expect(row(page, TOMAS)).to_contain_text("Hola?")
    assert names(page)[3] == "Tomás Rey"
    page.clock.run_for(5_100)
    expect(page.locator("a.row .name").first).to_have_text("Tomás Rey")
    page.mouse.move(900, 300)
    desk.change("mine", VISITOR, due_at=ago(minutes=20), due="next")
    expect(page.locator("a.row .name").first).to_have_text("Visitor 7F2C")


def test_the_list_is_one_stop_for_the_tab_key_and_keeps_its_focus_when_rows_move(opened: Open, desk: Desk) -> None:
    page = opened()
    expect(row(page, IDA)).to_be_visible()
    assert page.locator("a.row[tabindex='0']").count() == 1
    page.keyboard.press("j")
    expect(row(page, SAMIR).or_(row(page, IDA)).and_(page.locator(":focus"))).to_have_count(1)
    row(page, VISITOR).focus()
    page.keyboard.press("ArrowDown")
    expect(row(page, TOMAS)).to_be_focused()
    desk.change("mine", TOMAS, due_at=ago(minutes=9), due="next")
    page.clock.run_for(5_100)
    expect(page.locator("a.row .name").first).to_have_text("Tomás Rey")
    expect(row(page, TOMAS)).to_be_focused()
    page.keyboard.press("Enter")
    expect(log(page)).to_contain_text("¿Puedo cambiar la talla?")
    expect(row(page, TOMAS)).to_have_attribute("aria-current", "true")


def test_search_finds_in_all_lists_and_says_when_there_is_nothing(opened: Open) -> None:
    page = opened()
    expect(row(page, IDA)).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("léa")
    expect(page.locator("a.row .name")).to_have_text(["Léa Martin"])
    page.get_by_role("searchbox").fill("48211x")
    expect(page.locator(".list .empty")).to_contain_text("No match for “48211x”")
    page.get_by_role("button", name="Clear the search").click()
    expect(row(page, IDA)).to_be_visible()


def test_more_rows_are_asked_for_at_the_lists_end_and_several_frames_come_in_one_message(
    opened: Open, desk: Desk
) -> None:
    desk.rows["all"].clear()
    for number in range(60):
        desk.row(f"web:r{number}", "all", name=f"Row {number}", at=ago(seconds=number), mode="bot")
    total = 61
    last = {**desk.rows["all"]["web:r59"], "conv": "web:last", "name": "The last", "at": ago(hours=3)}

    def more(frame: dict[str, Any]) -> bool:
        if frame["t"] != "rows":
            return False
        desk.push({"t": "rows", "list": "all", "after": frame["after"], "rows": [last], "total": total, "end": True})
        return True

    desk.hook = more
    page = opened("#/all")
    expect(row(page, "web:r0")).to_be_visible()
    frames = [
        {"t": "row", "list": "all", "lseq": desk.lseq["all"] + 1 + at, "total": total, **made}
        for at, made in enumerate(
            {**desk.rows["all"][f"web:r{number}"], "preview": f"in one message {number}"} for number in range(2)
        )
    ]
    desk.push({"t": "batch", "frames": frames})
    for number in range(2):
        expect(row(page, f"web:r{number}")).to_contain_text(f"in one message {number}")
    page.locator(".list .scroller").evaluate("(one) => { one.scrollTop = one.scrollHeight }")
    expect(page.locator("a.row", has_text="The last")).to_be_attached()
    assert [one["after"] for one in desk.frames if one["t"] == "rows"] == ["web:r59"]


def test_who_writes_is_told_when_the_customer_has_left_the_page(opened: Open, desk: Desk) -> None:
    page = opened(talk(IDA))
    expect(page.locator(".presence")).to_be_empty()
    desk.change("mine", IDA, gone_at=ago(minutes=3))
    expect(page.locator(".presence")).to_have_text("Left the page 3 minutes ago")
    desk.change("mine", IDA, gone_at=None)
    expect(page.locator(".presence")).to_be_empty()


def test_ten_thousand_rows_and_five_changes_a_second_leave_typing_smooth(opened: Open, desk: Desk) -> None:
    for number in range(10_000):
        desk.row(f"web:r{number}", "all", name=f"Row {number}", at=ago(seconds=number), mode="bot")
    page = opened(talk(SAMIR))
    page.get_by_role("tab", name="All").click()
    expect(page.locator("a.row")).not_to_have_count(0)
    assert page.locator("a.row").count() < 60
    writing(page).click()
    page.evaluate(
        """() => {
            window.long = [];
            new PerformanceObserver((list) => list.getEntries().forEach((one) => window.long.push(one.duration)))
              .observe({ entryTypes: ["longtask"] });
        }"""
    )
    for number in range(10):
        desk.change("all", f"web:r{number * 7}", preview=f"change {number}", due_at=ahead(seconds=number), due="next")
        page.keyboard.type("ab")
    expect(writing(page)).to_have_value("ab" * 10)
    slow = page.evaluate("window.long")
    # A loaded machine stretches one task or another; what the page does itself stays far below.
    assert sorted(slow)[:-2] == [] or sorted(slow)[-3] < 100


# ── the conversation ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_conversation_shows_who_said_what_and_what_happened(opened: Open) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Assistant asked for a person: “carrier delay” · 14:00")
    expect(log(page)).to_contain_text("You took this conversation")
    expect(page.locator("li.note .note-head")).to_contain_text("Note · Jonas Weber")
    expect(page.locator("li.summary")).to_contain_text("Where is my order 48211?")
    expect(page.locator("#details")).to_contain_text("samir@example.com")
    expect(page.locator("#details")).to_contain_text("0:51")
    expect(page.locator(".presence")).to_have_text("Jonas Weber is viewing")
    until(
        page,
        lambda: page.locator(".middle .scroller").evaluate("(s) => s.scrollHeight - s.scrollTop - s.clientHeight < 3"),
    )


def test_script_in_names_and_texts_stays_text(opened: Open, desk: Desk) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    desk.talks[SAMIR]["user"]["name"] = evil
    desk.rows["mine"][SAMIR] |= {"name": evil, "preview": evil, "tags": [evil]}
    desk.talks[SAMIR]["profile"] = {"email": evil, evil: evil}
    desk.entry(
        SAMIR,
        "visitor",
        f"{evil} javascript:alert(1) https://ok.example/a?b=1.",
        files=[{"kind": "image", "url": "javascript:alert(1)", "name": evil}],
        buttons=[{"label": evil, "url": "javascript:alert(1)"}],
        cards=[{"title": evil, "subtitle": evil, "image": {"url": "https://evil.example/x.png"}}],
    )
    desk.entry(SAMIR, "person", evil, kind="note")
    desk.entry(SAMIR, "person", kind="event", event="transferred", to=evil, note=evil)
    desk.entry(SAMIR, "visitor", "w" * 8000)
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text(evil)
    expect(page.locator("#details")).to_contain_text(evil)
    assert page.title() != "owned"
    assert page.locator("ol.log img").count() == 0
    assert page.locator("ol.log a").evaluate_all("(all) => all.map((one) => one.protocol)") == ["https:"]
    assert page.locator("ol.log a").get_attribute("rel") == "noopener noreferrer nofollow"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_new_messages_are_announced_and_own_and_old_ones_are_not(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    expect(page.locator("#announcer")).to_be_empty()
    desk.says(SAMIR, "visitor", "One more thing")
    expect(page.locator("#announcer")).to_have_text("Samir Haddad: One more thing")
    page.clock.run_for(1_100)
    expect(page.locator("#announcer")).to_be_empty()


def test_older_messages_come_when_the_reader_scrolls_up_and_the_view_stays(opened: Open, desk: Desk) -> None:
    for number in range(120):
        desk.entry(IDA, "visitor", f"message {number}")
    page = opened(talk(IDA))
    expect(log(page)).to_contain_text("message 119")
    assert "message 60" not in log(page).inner_text()
    page.locator(".middle .scroller").evaluate("(one) => { one.scrollTop = 100 }")
    expect(log(page)).to_contain_text("message 60")
    assert page.locator(".middle .scroller").evaluate("(one) => one.scrollTop") > 200


def test_a_reader_of_old_messages_is_not_moved_and_is_told_of_new_ones(opened: Open, desk: Desk) -> None:
    for number in range(40):
        desk.entry(IDA, "visitor", f"message {number}")
    page = opened(talk(IDA))
    expect(log(page)).to_contain_text("message 39")
    scroller = page.locator(".middle .scroller")
    scroller.evaluate("(one) => { one.scrollTop = 300 }")
    expect(page.locator("button.newer")).to_be_visible()
    desk.says(IDA, "visitor", "and now")
    expect(page.locator("button.newer")).to_have_text("1 new")
    assert scroller.evaluate("(one) => one.scrollTop") < 400
    page.locator("button.newer").click()
    expect(page.locator("button.newer")).to_be_hidden()


def test_entries_out_of_order_are_put_in_order_and_missing_ones_fetched(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    first = desk.entry(SAMIR, "visitor", "seven")
    second = desk.says(SAMIR, "visitor", "eight")
    expect(log(page)).to_contain_text("eight")
    desk.push({"t": "entry", "conv": SAMIR, **first})
    desk.push({"t": "entry", "conv": SAMIR, **second})
    texts = page.locator("li.said .text").all_inner_texts()
    assert texts[-2:] == ["seven", "eight"]
    assert texts.count("eight") == 1


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reply_is_sent_once_and_its_row_becomes_the_entry(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    writing(page).fill("It is on its way.")
    page.keyboard.press("Enter")
    expect(page.locator("li.person:not(.waiting) .text").last).to_have_text("It is on its way.")
    expect(page.locator("li.waiting")).to_have_count(0)
    expect(writing(page)).to_have_value("")
    (sent,) = desk.said("send")
    assert sent["epoch"] == 3
    assert sent["text"] == "It is on its way."


def test_a_note_is_another_frame_and_looks_it(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    page.get_by_role("tab", name="Note (team only)").click()
    writing(page).fill("ask @Jonas Weber about the depot")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("li.note").last).to_contain_text("ask @Jonas Weber about the depot")
    assert desk.said("send") == []
    (note,) = desk.said("note")
    assert note["mentions"] == [JONAS["id"]]
    assert "epoch" not in note


def test_enter_that_ends_a_composition_does_not_send(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    writing(page).click()
    client = page.context.new_cdp_session(page)
    client.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    page.keyboard.press("Enter")
    client.send("Input.insertText", {"text": "日本"})
    expect(writing(page)).to_have_value(re.compile("日本"))
    assert desk.said("send") == []


def test_drafts_belong_to_their_conversation_over_switch_reload_and_device(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    writing(page).fill("for Samir")
    row(page, IDA).click()
    expect(page.get_by_role("heading", name="Ida Berg")).to_be_visible()
    expect(writing(page)).to_have_value("")
    page.get_by_role("tab", name="Note (team only)").click()
    writing(page).fill("note on Ida")
    row(page, SAMIR).click()
    expect(writing(page)).to_have_value("for Samir")
    expect(page.get_by_role("tab", name="Reply to Samir")).to_have_attribute("aria-selected", "true")
    page.clock.run_for(2_100)
    until(page, lambda: desk.talks[SAMIR]["draft"] and desk.talks[IDA]["draft"])
    page.reload()
    expect(writing(page)).to_have_value("for Samir")
    other = opened(talk(IDA))
    expect(writing(other)).to_have_value("note on Ida")
    expect(other.get_by_role("tab", name="Note (team only)")).to_have_attribute("aria-selected", "true")


def test_a_lease_that_was_lost_locks_the_composer_and_keeps_the_text(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    writing(page).fill("half a sen")
    desk.speaks(SAMIR, mode="person", epoch=4, owner=JONAS, at="2026-03-02T14:07:00.000Z")
    expect(page.locator(".bar")).to_contain_text("Jonas Weber took over at 14:07")
    expect(writing(page)).to_have_value("half a sen")
    expect(writing(page)).not_to_be_editable()
    page.get_by_role("button", name="Save as note").click()
    expect(page.locator("li.note").last).to_contain_text("half a sen")


def test_a_late_reply_is_refused_by_the_store_and_kept_by_the_page(opened: Open, desk: Desk) -> None:
    desk.hook = lambda frame: (
        frame["t"] == "send"
        and not desk.push(
            {
                "t": "error",
                "re": frame["cid"],
                "code": "lease_lost",
                "conv": SAMIR,
                "owner": JONAS,
                "at": "2026-03-02T14:07:00.000Z",
            }
        )
    )
    page = opened(talk(SAMIR))
    writing(page).fill("too late")
    page.keyboard.press("Enter")
    expect(page.locator("li.failed")).to_contain_text("too late")
    expect(page.locator("li.failed")).to_contain_text("Not sent: Jonas Weber has this conversation.")
    expect(page.locator("li.failed").get_by_role("button", name="Copy")).to_be_visible()


def test_taking_makes_the_conversation_mine_and_who_comes_second_is_told(opened: Open, desk: Desk) -> None:
    page = opened(talk(NOOR))
    expect(page.locator(".bar")).to_contain_text("Nobody has this conversation yet.")
    page.locator("body").press("t")
    expect(writing(page)).to_be_focused()
    assert desk.said("take")[0]["epoch"] == 1
    desk.hook = lambda frame: (
        frame["t"] == "take"
        and not desk.push({"t": "error", "re": frame["cid"], "code": "taken", "owner": JONAS, "at": ago(seconds=2)})
    )
    page.goto(URL + talk("web:c_bo"))
    page.get_by_role("button", name="Take to reply").click()
    expect(page.locator(".toast")).to_contain_text("Jonas Weber took this")


def test_saved_answers_are_found_filled_and_an_open_blank_stops_sending(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    writing(page).click()
    page.keyboard.type("/")
    expect(page.locator("#answers li")).to_have_count(3)
    expect(page.locator(".answer-preview")).to_have_text("Hello Samir, how may I help?")
    expect(writing(page)).to_have_attribute("aria-activedescendant", "answer-0")
    page.keyboard.type("vou")
    expect(page.locator("#answers li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(writing(page)).to_have_value("Here is a voucher: {customer.voucher}")
    page.keyboard.press("Enter")
    expect(page.locator(".composer .told")).to_contain_text("Fill in {customer.voucher} first.")
    assert desk.said("send") == []
    page.keyboard.type("OLIVE10")
    page.keyboard.press("Enter")
    until(page, lambda: desk.said("send"))
    assert desk.said("send")[0]["text"] == "Here is a voucher: OLIVE10"
    assert desk.said("send")[0]["canned"] == "a_3"
    page.keyboard.type("/late")
    page.keyboard.press("Enter")
    expect(writing(page)).to_have_value("Your order 48211 is late. I am sorry.")
    page.keyboard.press("Control+z")
    expect(writing(page)).to_have_value("/late")


def test_a_file_is_checked_before_it_is_sent_and_failures_are_told(opened: Open, desk: Desk) -> None:
    desk.upload_answers = [(422, {"code": "blocked"})]
    page = opened(talk(SAMIR))
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    picker = page.locator("input[type=file]")
    picker.set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": b"x" * 1_000_001})
    expect(page.locator(".chip.failed")).to_contain_text("Larger than 977 KB")
    assert desk.uploads == []
    page.get_by_role("button", name="Remove big.png").click()
    picker.set_input_files({"name": "bad.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(page.locator(".chip.failed")).to_contain_text("This file was blocked")
    page.get_by_role("button", name="Remove bad.txt").click()
    picker.set_input_files({"name": "Rëceipt.txt", "mimeType": "text/plain", "buffer": b"ok"})
    expect(page.locator(".chip.there")).to_be_visible()
    writing(page).fill("The receipt")
    page.keyboard.press("Enter")
    until(page, lambda: desk.said("send"))
    assert desk.said("send")[0]["files"] == ["f_2"]
    assert desk.uploads[1]["name"] == "Rëceipt.txt"


# ── changing hands ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_transfer_offers_who_can_take_it_first_and_wants_a_note(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    page.locator("body").press("x")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".option-name")).to_have_text(["Jonas Weber", "Omar Fahd", "Lena Sand", "Orders", "Returns"])
    expect(dialog.get_by_label("Omar Fahd")).to_be_disabled()
    expect(dialog.get_by_label("Lena Sand")).to_be_disabled()
    expect(dialog).to_contain_text("2 of 4")
    dialog.get_by_label("Jonas Weber").check()
    dialog.get_by_role("button", name="Transfer").click()
    expect(dialog).to_contain_text("A person needs a note")
    dialog.get_by_label("Note for them").fill("She knows the carrier")
    dialog.get_by_role("button", name="Transfer").click()
    expect(dialog).to_be_hidden()
    (offer,) = desk.said("offer")
    assert offer["to"] == {"operator": JONAS["id"]}
    desk.push({"t": "offered", "id": "of_1", "conv": SAMIR, "state": "declined", "by": JONAS})
    expect(page.locator(".toasts")).to_contain_text("Jonas Weber declined. It is still with you.")


def test_an_offer_can_be_accepted_by_key_declined_or_runs_out(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")

    def offers(number: int) -> None:
        desk.push(
            {
                "t": "offer",
                "id": f"of_{number}",
                "conv": "web:c_lea",
                "name": "Léa Martin",
                "from": JONAS,
                "note": "French",
                "until": ahead(seconds=60),
            }
        )

    offers(1)
    expect(page.locator(".offer")).to_contain_text("Jonas Weber offers you Léa Martin")
    page.get_by_role("button", name="Decline").click()
    expect(page.locator(".offer")).to_have_count(0)
    offers(2)
    expect(page.locator(".offer")).to_be_visible()
    page.locator("body").press("a")
    expect(page.get_by_role("heading", name="Léa Martin")).to_be_visible()
    offers(3)
    expect(page.locator(".offer")).to_be_visible()
    page.clock.run_for(61_000)
    expect(page.locator(".offer")).to_have_count(0)
    assert [frame["offer"] for frame in desk.said("decline")] == ["of_1"]
    assert [frame["offer"] for frame in desk.said("accept")] == ["of_2"]


def test_giving_back_carries_the_note(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    page.get_by_role("button", name="Give to bot").click()
    page.get_by_label("Note for the assistant and the team").fill("voucher agreed")
    page.get_by_role("dialog").get_by_role("button", name="Give to bot").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert desk.said("return")[0]["note"] == "voucher agreed"


def test_closing_can_be_undone_for_ten_seconds_and_goes_to_the_next(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    page.locator("body").press("e")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Visitor 7F2C")).to_be_visible()
    page.clock.run_for(9_000)
    assert desk.said("close") == []
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Samir Haddad")).to_be_visible()
    page.clock.run_for(11_000)
    assert desk.said("close") == []
    page.locator("body").press("e")
    page.get_by_label("Tags, with commas between").fill("Order, Late")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.clock.run_for(10_500)
    until(page, lambda: desk.said("close"))
    (closed,) = desk.said("close")
    assert (closed["outcome"], closed["tags"], closed["epoch"]) == ("solved", ["Order", "Late"], 3)


# ── the line ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_a_cut_the_lists_and_a_missed_colleague_are_caught_up_and_nothing_is_sent_twice(
    opened: Open, desk: Desk
) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    lost = []

    def hook(frame: dict[str, Any]) -> bool:
        if frame["t"] == "send" and not lost:
            lost.append(frame["cid"])
            made = desk.entry(SAMIR, "person", frame["text"], cid=frame["cid"], id=f"o:{ME['id']}:{frame['cid']}")
            desk.known[frame["cid"]] = made  # committed, and the line is cut before anybody is told
            desk.cut()
            return True
        return False

    desk.hook = hook
    writing(page).fill("once, please")
    page.keyboard.press("Enter")
    until(page, lambda: lost)
    desk.entry(SAMIR, "person", "I looked at the depot.", by={"role": "person", **JONAS})
    for number in range(30):
        desk.change("mine", f"web:n{number}", name=f"New {number}")
    desk.leave("mine", TOMAS)
    page.clock.run_for(3_000)
    expect(log(page)).to_contain_text("I looked at the depot.")
    expect(page.get_by_role("tab", name="Mine")).to_have_text("Mine 33")
    expect(page.locator("li.said .text", has_text="once, please")).to_have_count(1)
    expect(page.locator("li.waiting")).to_have_count(0)
    assert {frame["cid"] for frame in desk.said("send")} == set(lost)
    assert desk.said("hello")[1]["lists"] == {"mine": 100, "queue": 200, "all": 300}
    assert desk.said("hello")[1]["convs"][SAMIR]["log"] == "l1"


def test_while_the_line_is_lost_writing_goes_on_and_what_needs_the_server_is_off(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    desk.refuse = [1011] * 50
    page.route("**/v1/poll", lambda route: route.abort())
    desk.cut()
    page.clock.run_for(2_500)
    expect(page.locator(".line-bar")).to_contain_text("Reconnecting")
    expect(page.get_by_role("button", name="Transfer")).to_have_attribute("aria-disabled", "true")
    writing(page).fill("later")
    page.keyboard.press("Enter")
    expect(page.locator("li.waiting")).to_contain_text("Waiting to be sent")
    desk.refuse = []
    page.unroute("**/v1/poll")
    for _ in range(60):
        page.clock.run_for(1_000)
        if page.locator(".line-bar").is_hidden():
            break
    expect(page.locator("li.waiting")).to_have_count(0)
    expect(page.locator(".line-bar")).to_be_hidden()
    assert [frame["text"] for frame in desk.said("send")] == ["later"]


def test_what_waited_ten_minutes_asks_before_it_is_sent(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    desk.hook = lambda frame: frame["t"] in {"send", "hello"} and bool(desk.said("send"))
    writing(page).fill("old news")
    page.keyboard.press("Enter")
    until(page, lambda: desk.said("send"))
    page.clock.set_system_time(NOON.replace(minute=20))
    desk.hook = None
    page.reload()
    expect(page.locator("li.stale")).to_contain_text("Not sent. Send now?")
    page.locator("li.stale").get_by_role("button", name="Retry").click()
    expect(page.locator("li.stale")).to_have_count(0)
    assert len({frame["cid"] for frame in desk.said("send")}) == 1


def test_where_sockets_are_blocked_the_page_polls(opened: Open, desk: Desk) -> None:
    desk.block_sockets = True
    page = opened(talk(SAMIR))
    page.clock.run_for(5_000)
    expect(log(page)).to_contain_text("Thank you")
    writing(page).fill("by poll")
    page.keyboard.press("Enter")
    # In between the page tries a socket again: its time has to go on.
    passes_until(page, lambda: page.locator("li.person:not(.waiting) .text").last.inner_text() == "by poll")
    desk.says(SAMIR, "visitor", "heard")
    passes_until(page, lambda: "heard" in log(page).inner_text())
    assert desk.polled[0]["frames"][0]["t"] == "hello"


def test_a_new_build_asks_for_a_reload_and_a_signed_out_page_goes_to_the_form(opened: Open, desk: Desk) -> None:
    page = opened(talk(SAMIR))
    expect(log(page)).to_contain_text("Thank you")
    desk.build = "b2"
    desk.cut()
    page.clock.run_for(2_000)
    expect(page.locator(".line-bar")).to_contain_text("Updated.")
    desk.cut(4401)
    page.wait_for_url(re.compile(r"/signin\?error=expired"))
    expect(page.get_by_role("alert")).to_contain_text("You were signed out")
    expect(page.locator("input[name=next]")).to_have_value(talk(SAMIR))


def test_the_sign_in_form_works_without_a_script(chromium: Browser, desk: Desk) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    desk.serve(page)
    page.goto(URL + "signin?error=wrong#wrong")
    expect(page.locator("#wrong")).to_be_visible()
    expect(page.locator("#slow")).to_be_hidden()
    assert page.locator("form").get_attribute("method") == "post"
    assert page.locator("form").get_attribute("action") == "signin"
    context.close()


# ── keys, notifications, lead ───────────────────────────────────────────────────────────────────────────────────────


def test_single_keys_do_nothing_in_fields_and_when_they_are_switched_off(opened: Open, desk: Desk) -> None:
    page = opened(talk(NOOR))
    page.get_by_role("tab", name="Note (team only)").click()
    expect(writing(page)).to_be_focused()
    page.keyboard.type("take exit jab")
    expect(writing(page)).to_have_value("take exit jab")
    assert desk.said("take") == []
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Done").click()
    page.locator("body").press("t")
    page.locator("body").press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert desk.said("take") == []


def test_the_whole_way_of_a_conversation_goes_by_keyboard(opened: Open, desk: Desk) -> None:
    page = opened()
    expect(row(page, IDA)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(row(page, NOOR)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".bar")).to_contain_text("Nobody has")
    page.keyboard.press("t")
    expect(writing(page)).to_be_focused()
    page.keyboard.type("مرحبا")
    page.keyboard.press("Control+Enter")
    until(page, lambda: desk.said("send"))
    page.keyboard.press("Escape")
    expect(log(page)).to_be_focused()
    page.keyboard.press("n")
    page.keyboard.type("asked for the new address")
    page.keyboard.press("Control+Enter")
    until(page, lambda: desk.said("note"))
    page.keyboard.press("F6")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Close and next")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, lambda: desk.said("return"))
    assert page.evaluate("document.activeElement !== document.body")


def test_notifications_ring_once_over_three_tabs_and_not_for_what_is_in_view(
    chromium: Browser, watched: Callable[[Page], Page], desk: Desk
) -> None:
    context = chromium.new_context(timezone_id="UTC", locale="en-GB")
    context.set_default_timeout(5_000)
    context.grant_permissions(["notifications"], origin=URL.removesuffix("/desk/inbox/"))
    rung: list[str] = []
    context.expose_function("rang", lambda text: [rung.append(text)])
    context.add_init_script(
        """window.Notification = class extends EventTarget {
            static permission = "granted";
            static requestPermission = async () => "granted";
            constructor(title, rest) { super(); window.rang(JSON.stringify([title, rest.body, rest.tag])); }
            close() {}
        };
        Object.defineProperty(document, "hasFocus", { value: () => window.focused ?? false });"""
    )
    desk.serve(context)
    first = watched(context.new_page())
    first.goto(URL + talk(SAMIR))
    first.get_by_role("button", name="Settings").click()
    first.get_by_role("button", name="Turn on").click()
    first.get_by_role("button", name="Done").click()
    tabs = [first, *(watched(context.new_page()) for _ in range(2))]
    for tab in tabs[1:]:
        tab.goto(URL + talk(SAMIR))
        expect(log(tab)).to_contain_text("Thank you")
    until(first, lambda: len(desk.sockets) == 3)
    desk.change("mine", IDA, unread=3, preview="Hello?")
    until(first, lambda: rung)
    for tab in tabs:
        expect(row(tab, IDA)).to_contain_text("Hello?")
    assert [json.loads(one) for one in rung] == [["Ida Berg", "Hello?", f"ck-{IDA}"]]
    first.evaluate("window.focused = true")
    desk.change("mine", SAMIR, unread=1, preview="in view")
    for tab in tabs:
        expect(row(tab, SAMIR)).to_contain_text("in view")
    assert len(rung) == 1
    assert re.match(r"\(\d+\) Inbox", first.title())
    expect(first.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^blob:"))
    context.close()


def test_the_leads_figures_are_those_of_the_server_as_plots_and_as_tables(opened: Open, desk: Desk) -> None:
    desk.me["role"] = "lead"
    page = opened("#/lead")
    told = figures()
    expect(page.locator(".figure")).to_have_count(6)
    expect(page.locator(".figure .value").nth(0)).to_have_text("3 waiting")
    expect(page.locator(".figure .value").nth(1)).to_have_text("4:12")
    expect(page.locator(".figure .value").nth(2)).to_have_text("1:10 for half of them")
    expect(page.locator(".figure .value").nth(4)).to_have_text("90 ended")
    assert page.locator("rect.bar.bot").count() == 1 + len(told["arrivals"])
    assert page.locator("circle.case").count() == len(told["first_reply"]["points"])
    page.get_by_role("button", name="As table").click()
    cells = page.locator(".figure").nth(0).locator("tbody td").all_inner_texts()
    assert [int(cell) for cell in cells] == [n for _, n in told["waiting"]["points"]]
    arrivals = page.locator(".figure").nth(5).locator("tbody tr")
    assert [[int(x) for x in one.split("\t")[1:]] for one in arrivals.all_inner_texts()] == [
        [one["n"], one["staffed"]] for one in told["arrivals"]
    ]
    page.get_by_role("radio", name="Last week").click()
    until(page, lambda: desk.metrics_asked[-1] == "week")
    page.get_by_role("button", name="Assign: Ida Berg").click()
    page.get_by_label("Jonas Weber").check()
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    until(page, lambda: desk.said("assign"))
    assert desk.said("assign")[0]["to"] == {"operator": JONAS["id"]}
    page.locator("#lead a", has_text="Ida Berg").click()
    expect(page.get_by_role("heading", name="Ida Berg")).to_be_visible()


# ── widths, directions, readers of the page ─────────────────────────────────────────────────────────────────────────


def test_on_a_phone_the_list_and_the_conversation_are_two_pages_and_back_works(opened: Open) -> None:
    page = opened("", width=390, height=760, has_touch=True, is_mobile=True)
    row(page, SAMIR).tap()
    expect(log(page)).to_contain_text("Thank you")
    expect(page.locator("nav.list")).to_be_hidden()
    page.get_by_role("button", name="Details").tap()
    expect(page.locator("#details")).to_contain_text("samir@example.com")
    page.get_by_role("button", name="Close the details").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert writing(page).evaluate("(one) => getComputedStyle(one).fontSize") == "16px"
    page.set_viewport_size({"width": 390, "height": 380})  # a keyboard
    expect(writing(page)).to_be_in_viewport()
    expect(page.locator("li.said").last).to_be_in_viewport()
    page.go_back()
    expect(page.locator("nav.list")).to_be_visible()
    expect(page.locator("#thread")).to_be_hidden()


def test_in_the_middle_width_the_details_are_a_drawer(opened: Open) -> None:
    page = opened(talk(SAMIR), width=1000)
    expect(log(page)).to_contain_text("Thank you")
    expect(page.locator("#details")).to_be_hidden()
    page.locator("body").press("p")
    expect(page.locator("#details")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()


def test_in_a_right_to_left_language_the_page_is_mirrored_and_words_keep_their_direction(opened: Open) -> None:
    page = opened(talk(SAMIR), locale="ar")
    expect(log(page)).to_contain_text("Thank you")
    assert page.evaluate("document.documentElement.dir") == "rtl"
    listed, details = page.locator("nav.list").bounding_box(), page.locator("#details").bounding_box()
    assert listed is not None
    assert details is not None
    assert listed["x"] > details["x"]
    assert page.locator("li.visitor .text").first.evaluate("(one) => getComputedStyle(one).direction") == "ltr"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    sees_no_violation(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_of_the_page_find_nothing_amiss(opened: Open, desk: Desk, scheme: str) -> None:
    desk.me["role"] = "lead"
    page = opened(talk(SAMIR), color_scheme=scheme)
    expect(log(page)).to_contain_text("Thank you")
    sees_no_violation(page)
    page.get_by_role("tab", name="Note (team only)").click()
    sees_no_violation(page)
    page.get_by_role("button", name="Transfer").click()
    sees_no_violation(page)
    page.keyboard.press("Escape")
    page.goto(URL + talk(NOOR))
    expect(page.locator(".bar")).to_contain_text("Nobody has")
    sees_no_violation(page)
    page.goto(URL + "#/lead")
    expect(page.locator(".figure")).to_have_count(6)
    sees_no_violation(page)


def test_the_colours_keep_their_contrast() -> None:
    css = (STATIC / "inbox.css").read_text()
    pairs = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", css))

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, other: str, scheme: int) -> float:
        a, b = (light(pairs[name].split(", ")[scheme]) for name in (one, other))
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)

    texts = [
        *((text, ground) for text in ("text", "text-2") for ground in ("surface", "bg", "sunken")),
        ("text-2", "note"),
        ("on-accent", "accent"),
        *(("accent", ground) for ground in ("surface", "bg", "sunken", "soft", "note")),
        ("on-soft", "soft"),
        ("on-note", "note"),
        *((name, ground) for name in ("danger", "warn", "ok") for ground in ("surface", f"{name}-bg")),
    ]
    low = [(pair, scheme) for pair in texts for scheme in (0, 1) if contrast(*pair, scheme) < 4.5]
    controls = [("note-edge", "note"), *(("edge", ground) for ground in ("surface", "bg", "sunken"))]
    low += [(pair, scheme) for pair in controls for scheme in (0, 1) if contrast(*pair, scheme) < 3]
    assert low == []


def test_no_style_names_a_side_and_no_markup_is_written_from_text() -> None:
    css = (STATIC / "inbox.css").read_text()
    assert (
        re.findall(
            r"(?:margin|padding|border|(?<!safe-area-)inset)-(?:left|right)|(?<![\w-])(?:left|right)\s*:|text-align:\s*(?:left|right)",
            css,
        )
        == []
    )
    for script in STATIC.glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(\"style\"",
            script.read_text(),
        )
        assert found == [], script.name
    for html in STATIC.glob("*.html"):
        assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", html.read_text()) == [], (
            html.name
        )
    assert "unsafe" not in POLICY


def test_every_word_of_the_page_is_there_in_every_language() -> None:
    english = json.loads((STATIC / "locales/en.json").read_text())
    used = set()
    for script in STATIC.glob("*.js"):
        used |= set(re.findall(r"\bt\(\"([\w.]+)\"", script.read_text()))
    assert sorted(used - set(english)) == []
    places = {key: set(re.findall(r"\{([\w.|]+)\}", text)) for key, text in english.items()}
    for locale in STATIC.glob("locales/*.json"):
        words = json.loads(locale.read_text())
        keys = {re.sub(r"\.(zero|one|two|few|many|other)$", "", key) for key in words}
        assert {re.sub(r"\.(one|other)$", "", key) for key in english} - keys == set(), locale.name
        wrong = [
            key
            for key, text in words.items()
            if key in places and set(re.findall(r"\{([\w.|]+)\}", text)) - places[key]
        ]
        assert wrong == [], locale.name
