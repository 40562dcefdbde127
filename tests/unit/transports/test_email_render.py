"""Messages as mails: judged by the standard library's own parser."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.errors import Rejected
from convokit.fitting import fit, resolve
from convokit.messages import Action, Button, Card, File, Image, Link, Location, Message
from convokit.transports.email.parse import read
from convokit.transports.email.render import (
    CAPABILITIES,
    MOST_BYTES,
    Letter,
    buttons_of,
    label_of,
    one_line,
    render,
    subject_of,
)
from convokit.wire.text import scrub

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def letter(**changes: Any) -> Letter:
    values: dict[str, Any] = {
        "sender": "support@shop.example",
        "name": "Shop",
        "to": "ada@x.example",
        "reply_to": "support+rabc@shop.example",
        "subject": "Lamp",
        "message_id": "<abc@shop.example>",
        "at": NOW,
    }
    return Letter(**values | changes)


def opened(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(raw, policy=default))


def sent(message: Message, **changes: Any) -> EmailMessage:
    (fitted,) = fit(message, CAPABILITIES).messages
    return opened(render(fitted, letter(**changes), "email"))


def texts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


def test_a_text_is_plain_and_html_of_the_same_words() -> None:
    mail = sent(Message("Hello <Ada> & Bob\nbye\n\nx"))
    plain, html = texts(mail)
    assert mail.get_content_type() == "multipart/alternative"
    assert plain == "Hello <Ada> & Bob\nbye\n\nx\n"
    assert '<p dir="auto">Hello &lt;Ada&gt; &amp; Bob<br>bye</p>' in html


def test_the_headers_say_what_programs_need_to_know() -> None:
    mail = sent(Message("Hi"), references=("<1@x>", "<2@x>"), subject="Re: Lamp")
    assert str(mail["From"]) == "Shop <support@shop.example>"
    assert (mail["To"], mail["Reply-To"]) == ("ada@x.example", "support+rabc@shop.example")
    assert (mail["Message-ID"], mail["In-Reply-To"], mail["References"]) == (
        "<abc@shop.example>",
        "<2@x>",
        "<1@x> <2@x>",
    )
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert sent(Message("Hi"))["Auto-Submitted"] == "auto-generated"


def test_references_keep_the_first_and_the_last() -> None:
    mail = sent(Message("Hi"), references=tuple(f"<{n}@x>" for n in range(100)))
    kept = mail["References"].split()
    assert (len(kept), kept[0], kept[-1]) == (20, "<0@x>", "<99@x>")


def test_buttons_are_numbered_links_that_answer() -> None:
    mail = sent(Message("Which?", buttons=["Small", "Large"]), press=lambda number: f"https://shop.example/p/{number}")
    plain, html = texts(mail)
    assert plain == "Which?\n\n1) Small\n2) Large\n"
    assert 'href="https://shop.example/p/0"' in html
    assert 'href="https://shop.example/p/1"' in html
    assert ">2) Large</a>" in html


def test_without_pages_a_button_begins_the_mail_that_answers() -> None:
    html = texts(sent(Message("Which?", buttons=["Small & nice"])))[1]
    assert "mailto:support+rabc@shop.example?subject=Lamp&amp;body=Small%20%26%20nice" in html


@pytest.mark.parametrize(("typed", "payload"), [("2", "p2"), ("two pizzas", "p2"), ("3 pizzas", "p3"), ("1)", "p1")])
def test_numbers_answer_even_where_labels_have_digits(typed: str, payload: str) -> None:
    buttons = [Button("1 pizza", "p1"), Button("two pizzas", "p2"), Button("3 pizzas", "p3")]
    offer = fit(Message("How many?", buttons=buttons), CAPABILITIES).offer
    assert offer is not None
    option = resolve(typed, offer)
    assert option is not None
    assert option.payload == payload


def test_cards_and_the_buttons_after_them_are_numbered_through() -> None:
    cards = [Card(title=title, subtitle="good", buttons=[Button("Take it", title)]) for title in ("A", "B")]
    fitted = fit(Message("Look", cards=cards, buttons=["None"]), CAPABILITIES)
    labels = [one.label for message in fitted.messages for one in buttons_of(message)]
    assert labels == ["1) Take it", "2) Take it", "3) None"]
    assert [label_of(Button(one)) for one in labels] == ["Take it", "Take it", "None"]


def test_links_are_links() -> None:
    plain, html = texts(sent(Message("See", buttons=[Link("Shop", 'https://shop.example/?a=1&b="x"')])))
    assert 'Shop: https://shop.example/?a=1&b="x"' in plain
    assert 'href="https://shop.example/?a=1&amp;b=&quot;x&quot;"' in html


def test_pictures_stand_inside_and_files_beside() -> None:
    picture = Image(data=PNG, media_type="image/png", alt="The lamp", name="lamp.png")
    (one, two) = fit(
        Message(
            "See", attachments=[picture, File(data=b"%PDF-1", media_type="application/pdf", name="rechnung ä.pdf")]
        ),
        CAPABILITIES,
    ).messages
    mail = opened(render(one, letter(), "email"))
    html = texts(mail)[1]
    inside = next(part for part in mail.walk() if part.get_content_type() == "image/png")
    assert f'src="cid:{inside["Content-ID"].strip("<>")}"' in html
    assert inside.get_content() == PNG
    assert inside.get_content_disposition() == "inline"
    mail = opened(render(two, letter(), "email"))
    (beside,) = mail.iter_attachments()
    assert (beside.get_filename(), beside.get_content()) == ("rechnung ä.pdf", b"%PDF-1")


def test_what_has_an_address_only_is_shown_or_linked() -> None:
    plain, html = texts(sent(Message("", attachments=[Image("https://shop.example/a.png", alt="Lamp")])))
    assert '<img src="https://shop.example/a.png" alt="Lamp"' in html
    assert "Lamp: https://shop.example/a.png" in plain


def test_a_place_is_a_link_to_a_map() -> None:
    plain, _ = texts(sent(Message("Here", location=Location(41.0, 29.0))))
    assert "https://maps.google.com/?q=41" in plain


def test_html_and_text_files_go_as_bytes() -> None:
    (beside,) = sent(
        Message("", attachments=[File(data=b"<b>", media_type="text/html", name="a.html")])
    ).iter_attachments()
    assert (beside.get_content_type(), beside.get_content()) == ("application/octet-stream", b"<b>")


def test_files_that_no_server_takes_are_refused() -> None:
    big = File(data=b"x" * (MOST_BYTES + 1), media_type="application/pdf", name="a.pdf")
    with pytest.raises(Rejected, match="bytes of files"):
        render(Message("", attachments=[big]), letter(), "email")


def test_unsubscribing_by_one_click_is_offered() -> None:
    mail = sent(Message("Hi"), leave=("https://shop.example/l/1", "mailto:support+u@shop.example?subject=unsubscribe"))
    wanted = "<https://shop.example/l/1>, <mailto:support+u@shop.example?subject=unsubscribe>"
    assert mail["List-Unsubscribe"] == wanted
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent(Message("Hi"), leave=("mailto:x@shop.example",))["List-Unsubscribe-Post"] is None
    assert sent(Message("Hi"))["List-Unsubscribe"] is None


def test_letters_of_every_script_need_a_server_that_takes_them() -> None:
    raw = render(Message("Hi"), letter(to="jörg@x.example"), "email")
    assert "To: jörg@x.example".encode() in raw


def test_our_mark_stands_above_and_cuts_what_is_quoted() -> None:
    raw = render(Message("Which?"), letter(mark="– answer above –"), "email")
    plain, _ = texts(opened(raw))
    answer = f"From: ada@x.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nLarge\r\n{plain}".encode()
    assert read(answer, NOW, mark="– answer above –").text == "Large"


def test_a_subject_is_made_of_what_is_said() -> None:
    assert subject_of(Message("Your lamp is here.\nCome")) == "Your lamp is here."
    assert subject_of(Message("", attachments=[File("https://x.example/a", name="Invoice")])) == "Invoice"
    assert len(subject_of(Message("word " * 100))) <= 78


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

words = st.text(min_size=1, max_size=60)
said = words.filter(lambda text: text.strip())
actions: st.SearchStrategy[Action] = st.builds(Button, said, st.text(max_size=50)) | st.builds(
    Link, said, st.sampled_from(["https://x.example/?a=ü&b", "mailto:a@x.example", "tel:+491234", "http://x.example"])
)
files = st.builds(
    File,
    data=st.binary(max_size=200),
    media_type=st.sampled_from(["application/pdf", "text/html", "x/y;z", "message/rfc822"]),
    name=st.text(max_size=40),
)
images = st.builds(
    Image,
    data=st.binary(max_size=200),
    media_type=st.just("image/png"),
    alt=st.text(max_size=20),
    name=st.text(max_size=40),
)
cards = st.builds(
    Card, title=said, subtitle=st.text(max_size=20), image=st.none() | images, buttons=st.lists(actions, max_size=3)
)
messages = st.builds(
    Message,
    st.text(max_size=300),
    buttons=st.lists(actions, max_size=4),
    attachments=st.lists(files | images, max_size=3),
    cards=st.lists(cards, max_size=3),
)


@settings(max_examples=120, deadline=None)
@given(messages, st.text(max_size=100), st.text(max_size=100))
def test_everything_renderable_is_a_mail_within_the_rules(message: Message, subject: str, name: str) -> None:
    for fitted in fit(message, CAPABILITIES).messages:
        raw = render(fitted, letter(subject=subject, name=one_line(name), references=("<1@x>",)), "email")
        assert b"\r" not in raw.replace(b"\r\n", b"")
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        raw.decode("ascii")
        mail = opened(raw)
        assert not [part.defects for part in mail.walk() if part.defects]
        assert [header.lower() for header in mail].count("subject") == 1
        assert mail["To"] == "ada@x.example"
        assert not {"bcc", "cc"} & {header.lower() for header in mail}
        plain, html = texts(mail)
        for button in buttons_of(fitted):
            assert scrub("".join(label_of(button).split())) in "".join(plain.split())
        assert "<script" not in html.lower()
        assert [part.get_content_type() for part in mail.walk()].count("text/html") == 1


@given(st.text(max_size=200), st.sampled_from(["subject", "name"]))
def test_no_header_of_ours_can_be_broken_into_two(text: str, where: str) -> None:
    hostile = f"a\r\nBcc: eve@x.example\n{text}"
    if where == "name":
        hostile = one_line(hostile)
    mail = opened(render(Message("Hi"), letter(**{where: hostile}), "email"))
    assert mail["Bcc"] is None
    assert mail["To"] == "ada@x.example"


@pytest.mark.parametrize("field", ["to", "sender", "reply_to", "message_id"])
def test_a_line_break_in_an_address_is_refused(field: str) -> None:
    with pytest.raises(Rejected, match="cannot be written"):
        render(Message("Hi"), letter(**{field: "a@x.example\r\nBcc: eve@x.example"}), "email")
