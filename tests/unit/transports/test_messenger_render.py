"""Fitted messages become exactly one request each, within the platform's limits and parameter names."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import ConversationId
from convokit.fitting import fit
from convokit.messages import (
    Action,
    Attachment,
    Audio,
    Button,
    Card,
    File,
    Image,
    Link,
    Location,
    Message,
    Video,
)
from convokit.transports.messenger.render import CAPABILITIES, RENDERER
from convokit.transports.meta.render import Rendered, UnfitError

ADA = ConversationId("messenger", "PSID")


def body(message: Message, **settings: str) -> Any:
    return RENDERER.say(ADA, message, **settings).body


def test_text_is_an_answer_with_the_outboxs_key() -> None:
    assert body(Message("Hello"), key="messenger:PSID:7:0") == {
        "recipient": {"id": "PSID"},
        "messaging_type": "RESPONSE",
        "message": {"text": "Hello", "metadata": "messenger:PSID:7:0"},
    }


def test_a_key_too_long_for_the_platform_is_left_out() -> None:
    assert len(body(Message("x"), key="k" * 999)["message"]["metadata"]) == 999
    assert "metadata" not in body(Message("x"), key="k" * 1000)["message"]


def test_a_tag_is_sent_only_when_it_was_chosen() -> None:
    assert body(Message("x"), tag="HUMAN_AGENT") | {"message": 0} == {
        "recipient": {"id": "PSID"},
        "messaging_type": "MESSAGE_TAG",
        "tag": "HUMAN_AGENT",
        "message": 0,
    }


def test_buttons_are_quick_replies() -> None:
    message = Message("Which?", buttons=["Red", Button("Blue", "C_BLUE")])
    assert body(message)["message"] == {
        "text": "Which?",
        "quick_replies": [
            {"content_type": "text", "title": "Red", "payload": "Red"},
            {"content_type": "text", "title": "Blue", "payload": "C_BLUE"},
        ],
    }


def test_a_link_makes_a_button_template() -> None:
    message = Message("Here:", buttons=[Link("Shop", "https://shop.example"), Button("No", "no")])
    assert body(message)["message"]["attachment"] == {
        "type": "template",
        "payload": {
            "template_type": "button",
            "text": "Here:",
            "buttons": [
                {"type": "web_url", "title": "Shop", "url": "https://shop.example"},
                {"type": "postback", "title": "No", "payload": "no"},
            ],
        },
    }


def test_cards_are_a_generic_template() -> None:
    card = Card(title="Shoe", subtitle="Red", image=Image("https://x.example/1.jpg"), buttons=[Button("Buy", "buy:1")])
    assert body(Message(cards=[card], buttons=["More"]))["message"] == {
        "attachment": {
            "type": "template",
            "payload": {
                "template_type": "generic",
                "elements": [
                    {
                        "title": "Shoe",
                        "subtitle": "Red",
                        "image_url": "https://x.example/1.jpg",
                        "buttons": [{"type": "postback", "title": "Buy", "payload": "buy:1"}],
                    }
                ],
            },
        },
        "quick_replies": [{"content_type": "text", "title": "More", "payload": "More"}],
    }


def test_cards_of_nothing_but_titles_are_text() -> None:
    assert body(Message(cards=[Card(title="One"), Card(title="Two")]))["message"] == {"text": "One\nTwo"}


def test_a_bare_title_among_other_cards_is_repeated_since_the_platform_wants_more_than_a_title() -> None:
    message = Message(cards=[Card(title="One"), Card(title="Two", subtitle="2")])
    elements = body(message)["message"]["attachment"]["payload"]["elements"]
    assert elements == [{"title": "One", "subtitle": "One"}, {"title": "Two", "subtitle": "2"}]


def test_a_cards_picture_that_has_no_address_is_told_in_words() -> None:
    picture = Image(data=b"x", media_type="image/png", alt="A red shoe")
    elements = body(Message(cards=[Card(title="Shoe", image=picture)]))["message"]["attachment"]["payload"]["elements"]
    assert elements == [{"title": "Shoe", "subtitle": "A red shoe"}]


@pytest.mark.parametrize("cls", [Image, Audio, Video, File])
def test_media_go_by_address_by_handle_or_as_bytes(cls: Any) -> None:
    kind = cls("https://x.example/1").kind
    by_address = RENDERER.say(ADA, Message(attachments=[cls("https://x.example/1")]))
    by_handle = RENDERER.say(ADA, Message(attachments=[cls(ref="4711")]))
    by_data = RENDERER.say(ADA, Message(attachments=[cls(data=b"abc", media_type="a/b", name="n.bin")]))
    assert by_address.body["message"] == {"attachment": {"type": kind, "payload": {"url": "https://x.example/1"}}}
    assert by_handle.body["message"] == {"attachment": {"type": kind, "payload": {"attachment_id": "4711"}}}
    assert by_data.body["message"] == {"attachment": {"type": kind, "payload": {}}}
    assert by_address.upload is by_handle.upload is None
    assert by_data.upload is not None
    assert (by_data.upload.data, by_data.upload.name, by_data.upload.media_type) == (b"abc", "n.bin", "a/b")


def test_typing_is_a_request_of_its_own() -> None:
    assert RENDERER.typing(ADA).body == {"recipient": {"id": "PSID"}, "sender_action": "typing_on"}


def test_a_person_known_by_a_plugins_reference_is_written_to_by_it() -> None:
    to = ConversationId("messenger", "user_ref:u-77")
    assert RENDERER.say(to, Message("x")).body["recipient"] == {"user_ref": "u-77"}


def test_nobody_can_be_written_to_in_the_pages_own_conversation() -> None:
    with pytest.raises(UnfitError, match="nobody"):
        RENDERER.say(ConversationId("messenger", "page:1"), Message("x"))


@pytest.mark.parametrize(
    "message",
    [
        Message(),
        Message("x" * 2000),
        Message("x" * 641, buttons=[Link("a", "https://x.example")]),
        Message("x", buttons=[str(n) for n in range(14)]),
        Message("x", buttons=[Link(str(n), "https://x.example") for n in range(4)]),
        Message("x", buttons=[Link("mail", "mailto:a@b.example")]),
        Message("x", attachments=[Image("https://x.example")]),
        Message(attachments=[Image("https://x.example"), Image("https://x.example")]),
        Message(attachments=[File(data=b"x" * 25_000_001, media_type="a/b")]),
        Message(cards=[Card(title=str(n)) for n in range(11)]),
        Message(cards=[Card(title="x", buttons=list("abcd"))]),
        Message(location=Location(1, 2)),
        Message(attachments=[Image("https://x.example")], buttons=[Link("a", "https://x.example")]),
    ],
)
def test_what_was_not_fitted_is_refused_with_a_sentence(message: Message) -> None:
    with pytest.raises(UnfitError, match=r"\w+ \w+"):
        RENDERER.say(ADA, message)


def test_quick_replies_hang_on_the_last_message_since_another_one_would_take_them_away() -> None:
    message = Message("Which?", attachments=[Image("https://x.example/1.jpg")], buttons=["Red", "Blue"])
    *before, last = [body(one)["message"] for one in fit(message, CAPABILITIES).messages]
    assert [one.get("quick_replies") for one in before] == [None]
    assert [one["title"] for one in last["quick_replies"]] == ["Red", "Blue"]


# ── everything the fitting makes ────────────────────────────────────────────────────────────────────────────────────

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(lambda one: bool(one.strip()))
long_words = st.builds(lambda one, n: (one + " ") * n, words, st.sampled_from([1, 1, 20, 200]))
urls = st.sampled_from(
    ["https://x.example/a", "http://x.example", "mailto:ada@x.example?subject=hi", "tel:+4930123456"]
)
actions: st.SearchStrategy[Action] = st.one_of(st.builds(Button, long_words, words), st.builds(Link, words, urls))
pictures = st.one_of(
    st.just(Image("https://x.example/1.jpg", alt="one")),
    st.builds(lambda alt: Image(data=b"x", media_type="image/png", alt=alt), words),
)
media: st.SearchStrategy[Attachment] = st.one_of(
    pictures,
    st.just(Audio("https://x.example/2")),
    st.just(Video(ref="9")),
    st.just(File(data=b"y", media_type="text/plain", name="y.txt")),
)
cards = st.builds(
    lambda title, subtitle, image, buttons: Card(title=title, subtitle=subtitle, image=image, buttons=buttons),
    long_words,
    st.one_of(st.just(""), long_words),
    st.none() | pictures,
    st.lists(actions, max_size=5),
)
messages = st.builds(
    lambda text, buttons, attachments, deck, place: Message(
        text, buttons=buttons, attachments=attachments, cards=deck, location=place
    ),
    st.one_of(st.just(""), long_words),
    st.lists(actions, max_size=16),
    st.lists(media, max_size=3),
    st.lists(cards, max_size=12),
    st.none() | st.just(Location(41.0, 29.0, "Home")),
)


@settings(deadline=None)
@given(messages)
def test_every_fitted_message_is_one_request_within_the_limits(message: Message) -> None:
    for fitted in fit(message, CAPABILITIES).messages:
        rendered = RENDERER.say(ADA, fitted, key="messenger:PSID:1:0")
        json.dumps(rendered.body)
        within(rendered)


def within(rendered: Rendered) -> None:
    """The limits of the platform's pages, written down here a second time."""
    assert set(rendered.body) == {"recipient", "messaging_type", "message"}
    message = dict(rendered.body["message"])
    assert len(message.pop("metadata")) < 1000
    replies = message.pop("quick_replies", [])
    assert len(replies) <= 13
    for reply in replies:
        assert set(reply) == {"content_type", "title", "payload"}
        assert 1 <= len(reply["title"]) <= 20
        assert 1 <= len(reply["payload"]) <= 1000
    assert len(message) == 1
    if "text" in message:
        assert 1 <= len(message["text"]) < 2000
        assert message["text"].strip()
        return
    attachment = message["attachment"]
    assert set(attachment) == {"type", "payload"}
    payload = attachment["payload"]
    if attachment["type"] != "template":
        assert attachment["type"] in {"image", "audio", "video", "file"}
        assert (rendered.upload is None) == (set(payload) in ({"url"}, {"attachment_id"}))
        return
    if payload["template_type"] == "button":
        assert set(payload) == {"template_type", "text", "buttons"}
        assert 1 <= len(payload["text"]) <= 640
        assert 1 <= len(payload["buttons"]) <= 3
        within_buttons(payload["buttons"])
        return
    assert set(payload) == {"template_type", "elements"}
    assert payload["template_type"] == "generic"
    assert 1 <= len(payload["elements"]) <= 10
    for element in payload["elements"]:
        assert {"title"} < set(element) <= {"title", "subtitle", "image_url", "buttons"}
        assert 1 <= len(element["title"]) <= 80
        assert len(element.get("subtitle", "")) <= 80
        assert 0 < len(element.get("buttons", [None])) <= 3
        within_buttons(element.get("buttons", []))


def within_buttons(buttons: list[dict[str, str]]) -> None:
    for button in buttons:
        assert 1 <= len(button["title"]) <= 20
        if button["type"] == "postback":
            assert 1 <= len(button["payload"]) <= 1000
        else:
            assert button["type"] == "web_url"
            assert button["url"].startswith("http")
