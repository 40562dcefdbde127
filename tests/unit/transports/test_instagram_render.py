"""Fitted messages become Instagram's requests, within its limits."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.conversations import ConversationId
from convokit.fitting import fit
from convokit.messages import Attachment, Audio, Button, Card, File, Image, Link, Location, Message, Video
from convokit.transports.instagram import LIKE_HEART
from convokit.transports.instagram.render import CAPABILITIES, MOST_BYTES, RENDERER
from convokit.transports.meta.render import UnfitError

ADA = ConversationId("instagram", "IGSID")


def render(message: Message, **more: Any) -> Any:
    return RENDERER.say(ADA, message, **more).body


def said(message: Message) -> Any:
    return render(message)["message"]


def test_a_text_answers_the_person() -> None:
    assert render(Message("Hello"), key="instagram:IGSID:1:0") == {
        "recipient": {"id": "IGSID"},
        "messaging_type": "RESPONSE",
        "message": {"text": "Hello", "metadata": "instagram:IGSID:1:0"},
    }


def test_a_persons_late_answer_carries_the_tag() -> None:
    told = render(Message("Hello"), tag="HUMAN_AGENT")
    assert (told["messaging_type"], told["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")


@pytest.mark.parametrize(("letter", "most"), [("x", 1000), ("é", 500), ("🍕", 250)])
def test_a_text_has_1000_bytes(letter: str, most: int) -> None:
    assert said(Message(letter * most)) == {"text": letter * most}
    with pytest.raises(UnfitError, match="1000 bytes"):
        render(Message(letter * most + "x"))
    pieces = fit(Message(letter * most + " x"), CAPABILITIES).messages
    assert [len(one.text.encode()) for one in pieces] == [1000, 1]


def test_buttons_are_quick_replies() -> None:
    assert said(Message("Pick", buttons=[Button("Red", "C_R"), "Blue"])) == {
        "text": "Pick",
        "quick_replies": [
            {"content_type": "text", "title": "Red", "payload": "C_R"},
            {"content_type": "text", "title": "Blue", "payload": "Blue"},
        ],
    }
    with pytest.raises(UnfitError, match="13 quick replies"):
        render(Message("Pick", buttons=[str(one) for one in range(14)]))


def test_links_are_a_button_template() -> None:
    (one,) = fit(Message("See", buttons=[Link("Menu", "https://x.example"), "Order"]), CAPABILITIES).messages
    assert said(one)["attachment"]["payload"] == {
        "template_type": "button",
        "text": "See",
        "buttons": [
            {"type": "web_url", "title": "Menu", "url": "https://x.example"},
            {"type": "postback", "title": "Order", "payload": "Order"},
        ],
    }
    with pytest.raises(UnfitError, match="640 bytes"):
        render(Message("é" * 321, buttons=[Link("Menu", "https://x.example")]))


def test_cards_are_a_generic_template_and_bare_titles_a_text_where_it_fits() -> None:
    card = Card(title="Pide", subtitle="Cheese", image=Image("https://x.example/1.jpg"), buttons=["Order"])
    assert said(Message(cards=[card]))["attachment"]["payload"]["template_type"] == "generic"
    assert said(Message(cards=[Card(title="Pide"), Card(title="Lahmacun")])) == {"text": "Pide\nLahmacun"}
    long = said(Message(cards=[Card(title="🍕" * 80)] * 4))["attachment"]["payload"]
    assert long["elements"][0]["subtitle"] == "🍕" * 80


def test_buttons_below_a_picture_take_a_message_of_their_own() -> None:
    both = Message(attachments=[Image("https://x.example/1.jpg")], buttons=["A"])
    picture, buttons = fit(both, CAPABILITIES).messages
    assert said(picture) == {"attachment": {"type": "image", "payload": {"url": "https://x.example/1.jpg"}}}
    assert said(buttons)["quick_replies"]


def test_the_heart_is_a_sticker_and_a_handle_a_post_of_the_account() -> None:
    assert said(Message(attachments=[LIKE_HEART])) == {"attachment": {"type": "like_heart"}}
    assert said(Message(attachments=[Image(ref="1789")])) == {
        "attachment": {"type": "MEDIA_SHARE", "payload": {"id": "1789"}}
    }


@pytest.mark.parametrize("kind", [Image, Audio, Video, File])
def test_a_file_has_the_size_that_its_kind_takes(kind: type[Image | Audio | Video | File]) -> None:
    name = kind(url="https://x.example").kind
    whole = kind(data=b"x" * MOST_BYTES[name], media_type="a/b", name="x.bin")
    assert RENDERER.say(ADA, Message(attachments=[whole])).upload is not None
    with pytest.raises(UnfitError, match=f"{name}: Instagram takes {MOST_BYTES[name]} bytes"):
        render(Message(attachments=[kind(data=b"x" * (MOST_BYTES[name] + 1), media_type="a/b")]))


@pytest.mark.parametrize(
    ("name", "sent"), [("menü.pdf", "file.pdf"), ("菜单", "file"), ("", "file"), ("menu.pdf", "menu.pdf")]
)
def test_a_files_name_is_ascii(name: str, sent: str) -> None:
    upload = RENDERER.say(ADA, Message(attachments=[File(data=b"x", media_type="application/pdf", name=name)])).upload
    assert upload is not None
    assert upload.name == sent


def test_a_private_reply_goes_to_a_comment() -> None:
    told = RENDERER.say(ConversationId("instagram", "comment:17900"), Message("Hello")).body
    assert told["recipient"] == {"comment_id": "17900"}


@pytest.mark.parametrize("place", ["account:IGID", "user_ref:u"])
def test_nobody_listens_in_the_accounts_own_conversation(place: str) -> None:
    with pytest.raises(UnfitError):
        RENDERER.say(ConversationId("instagram", place), Message("x"))
    with pytest.raises(UnfitError):
        RENDERER.typing(ConversationId("instagram", place))


@pytest.mark.parametrize(
    "message",
    [
        Message(),
        Message(location=Location(1, 2)),
        Message("x", attachments=[Image("https://x.example")]),
        Message(attachments=[Image("https://x.example")] * 2),
        Message(cards=[Card(title="x")] * 11),
        Message(cards=[Card(title="x", buttons=["a", "b", "c", "d"])]),
        Message("x", buttons=[Link("mail", "mailto:a@b.example")]),
    ],
)
def test_what_no_request_can_say_is_refused(message: Message) -> None:
    with pytest.raises(UnfitError):
        render(message)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
labels = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda one: bool(one.strip())
)
actions = st.lists(st.builds(Button, labels) | st.builds(Link, labels, st.just("https://x.example")), max_size=16)
media: st.SearchStrategy[Attachment] = st.sampled_from(
    [Image("https://x.example/1"), Image(data=b"x", media_type="image/png"), Audio(ref="7"), LIKE_HEART]
)
cards = st.builds(
    Card, title=labels, subtitle=words, image=st.none() | st.just(Image("https://x.example/1")), buttons=actions
)
messages = st.builds(
    Message,
    st.tuples(words, st.integers(1, 8)).map(lambda two: two[0] * two[1]),
    buttons=actions,
    attachments=st.lists(media, max_size=3),
    cards=st.lists(cards, max_size=12),
    location=st.none() | st.just(Location(41, 29, "Here")),
)


@settings(deadline=None)
@given(messages)
def test_everything_that_is_fitted_can_be_said_within_the_limits(message: Message) -> None:
    for one in fit(message, CAPABILITIES).messages:
        content = said(one)
        assert len(content.get("text", "").encode()) <= 1000
        assert len(content.get("quick_replies", ())) <= 13
        assert all(len(reply["title"]) <= 20 for reply in content.get("quick_replies", ()))
        template = content.get("attachment", {}).get("payload", {})
        assert len(template.get("text", "").encode()) <= 640
        assert len(template.get("elements", ())) <= 10
        for holder in (template, *template.get("elements", ())):
            assert len(holder.get("buttons", ())) <= 3
            assert all(len(holder.get(part, "")) <= 80 for part in ("title", "subtitle"))
