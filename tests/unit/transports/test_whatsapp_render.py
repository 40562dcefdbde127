"""What is sent to WhatsApp: each kind of content, within the platform's limits, to a number, a user id or a group."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convokit.conversations import ConversationId
from convokit.fitting import fit
from convokit.messages import (
    Audio,
    Button,
    Card,
    File,
    Image,
    Link,
    Location,
    Message,
    Parameter,
    Template,
    TemplateButton,
    Video,
)
from convokit.transports.whatsapp.render import ASK_LOCATION, CAPABILITIES, UnfitError, render

ADA = ConversationId("whatsapp", "447911123456")


def bodies(message: Message, to: ConversationId = ADA) -> list[dict[str, Any]]:
    return [dict(render(to, one, key="k").body) for one in fit(message, CAPABILITIES).messages]


def body(message: Message, to: ConversationId = ADA) -> dict[str, Any]:
    [made] = bodies(message, to)
    return made


def test_a_text_goes_to_the_number_with_our_key() -> None:
    assert body(Message("Hello")) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "447911123456",
        "biz_opaque_callback_data": "k",
        "type": "text",
        "text": {"body": "Hello", "preview_url": False},
    }
    assert body(Message("See https://x.example"))["text"]["preview_url"] is True


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("+447911123456", {"recipient_type": "individual", "to": "447911123456"}),
        ("GB.1349120865", {"recipient_type": "individual", "recipient": "GB.1349120865"}),
        ("US.ENT.1181579", {"recipient_type": "individual", "recipient": "US.ENT.1181579"}),
        ("group:G1", {"recipient_type": "group", "to": "G1"}),
    ],
)
def test_who_it_is_for(to: str, said: dict[str, str]) -> None:
    made = body(Message("hi"), ConversationId("whatsapp", to))
    assert {name: made[name] for name in said} == said
    assert len({"to", "recipient"} & made.keys()) == 1


@pytest.mark.parametrize("to", ["business:9", "ada", "1234", "group:", "gb.1", "GB.1\n", "+44 7911"])
def test_where_nobody_reads_nothing_is_sent(to: str) -> None:
    with pytest.raises(UnfitError):
        render(ConversationId("whatsapp", to), Message("hi"))


def titles(interactive: dict[str, Any]) -> list[str]:
    action = interactive["action"]
    if interactive["type"] == "button":
        return [one["reply"]["title"] for one in action["buttons"]]
    return [row["title"] for part in action["sections"] for row in part["rows"]]


@pytest.mark.parametrize(("count", "kind"), [(1, "button"), (3, "button"), (4, "list"), (10, "list")])
def test_up_to_three_buttons_are_buttons_and_up_to_ten_a_list(count: int, kind: str) -> None:
    interactive = body(Message("Which?", buttons=[Button(f"B{n}", f"p{n}") for n in range(count)]))["interactive"]
    assert interactive["type"] == kind
    assert interactive["body"] == {"text": "Which?"}
    assert titles(interactive) == [f"B{n}" for n in range(count)]


def test_an_eleventh_button_goes_on_a_further_message() -> None:
    made = bodies(Message("Which?", buttons=[f"B{n}" for n in range(11)]))
    assert [len(titles(one["interactive"])) for one in made] == [10, 1]


def test_labels_that_are_cut_alike_are_told_apart() -> None:
    labels = [f"A very long label indeed {n}" for n in range(3)]
    made = titles(body(Message("Which?", buttons=labels))["interactive"])
    assert len(set(made)) == 3
    assert all(len(one) <= 20 for one in made)
    assert titles(body(Message("?", buttons=[Button("a\nb", "p")]))["interactive"]) == ["a b"]


def test_a_link_is_a_message_of_its_own() -> None:
    made = bodies(Message("Look", buttons=[Link("Our shop", "https://x.example/"), Button("Later", "l")]))
    assert [one["interactive"]["type"] for one in made] == ["cta_url", "button"]
    assert made[0]["interactive"]["action"]["parameters"] == {"display_text": "Our shop", "url": "https://x.example/"}


def test_a_place_is_asked_for_by_the_platforms_own_button() -> None:
    made = body(Message("Where are you?", buttons=[Button("Send my place", ASK_LOCATION)]))["interactive"]
    assert (made["type"], made["action"]) == ("location_request_message", {"name": "send_location"})
    both = body(Message("Where?", buttons=[Button("Send my place", ASK_LOCATION), Button("At home", "home")]))
    assert both["interactive"]["type"] == "button"


@pytest.mark.parametrize(("length", "count"), [(1024, 1), (1025, 2), (4096, 4)])
def test_a_text_with_buttons_has_a_bound_of_its_own(length: int, count: int) -> None:
    made = bodies(Message("x" * length, buttons=["Yes"]))
    assert made[-1]["type"] == "interactive"
    assert len(made[-1]["interactive"]["body"]["text"]) <= 1024
    texts = [one["text"]["body"] if one["type"] == "text" else one["interactive"]["body"]["text"] for one in made]
    assert "".join(texts) == "x" * length
    assert len(made) <= count


@pytest.mark.parametrize(
    ("attachment", "kind"),
    [(Image, "image"), (Video, "video"), (Audio, "audio"), (File, "document")],
)
def test_files_go_by_their_address_or_their_id(attachment: Any, kind: str) -> None:
    by_url = body(Message(attachments=[attachment("https://x.example/a")]))
    assert (by_url["type"], by_url[kind]["link"]) == (kind, "https://x.example/a")
    assert body(Message(attachments=[attachment(ref="123")]))[kind]["id"] == "123"


def test_bytes_are_uploaded_first_and_named_by_their_id() -> None:
    [one] = fit(
        Message("Mine", attachments=[File(data=b"x", media_type="a/pdf", name="bill.pdf")]), CAPABILITIES
    ).messages
    rendered = render(ADA, one)
    assert rendered.upload is not None
    assert (rendered.upload.data, rendered.upload.name, rendered.upload.media_type) == (b"x", "bill.pdf", "a/pdf")
    assert rendered.with_id("77")["document"] == {"id": "77", "caption": "Mine", "filename": "bill.pdf"}


def test_a_caption_is_lost_nowhere() -> None:
    made = body(Message("Listen", attachments=[Audio("https://x.example/a")]))
    assert (made["type"], made["document"]["caption"]) == ("document", "Listen")
    made = body(Message("Look", attachments=[Image("https://x.example/a")]))
    assert made["image"]["caption"] == "Look"


def test_a_place_is_a_place() -> None:
    assert body(Message(location=Location(41, 29, "Our shop")))["location"] == {
        "latitude": 41.0,
        "longitude": 29.0,
        "name": "Our shop",
    }


def test_a_template_has_its_parameters_with_their_types() -> None:
    template = Template(
        "order_sent",
        "en_US",
        header="42",
        body=["Ada", Parameter("12 €", currency="EUR", thousandths=12000), Parameter("today", moment=True)],
        buttons=[TemplateButton(0, "quick_reply", "track:42"), TemplateButton(1, "url", "42")],
    )
    made = body(Message("Your order is on its way.", template=template))
    assert made["type"] == "template"
    assert made["template"] == {
        "name": "order_sent",
        "language": {"code": "en_US"},
        "components": [
            {"type": "header", "parameters": [{"type": "text", "text": "42"}]},
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Ada"},
                    {
                        "type": "currency",
                        "currency": {"fallback_value": "12 €", "code": "EUR", "amount_1000": 12000},
                    },
                    {"type": "date_time", "date_time": {"fallback_value": "today"}},
                ],
            },
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "0",
                "parameters": [{"type": "payload", "payload": "track:42"}],
            },
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "42"}]},
        ],
    }


def test_a_template_has_a_picture_or_a_place_above_it_and_names_for_its_values() -> None:
    picture = body(Message(template=Template("a", picture=Image("https://x.example/a"), body={"name": "Ada"})))
    assert picture["template"]["components"] == [
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.example/a"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ada", "parameter_name": "name"}]},
    ]
    place = body(Message(template=Template("a", place=Location(1, 2))))
    assert place["template"]["components"][0]["parameters"][0]["type"] == "location"
    with pytest.raises(UnfitError, match="address"):
        render(ADA, Message(template=Template("a", picture=Image(data=b"x", media_type="image/png"))))


def test_cards_become_pictures_and_text() -> None:
    made = bodies(Message(cards=[Card(title="One", image=Image("https://x.example/1"), buttons=["Buy"])]))
    assert [one["type"] for one in made] == ["image", "interactive"]


TEXTS = st.text(max_size=300).filter(str.strip)


@given(TEXTS, st.lists(TEXTS, max_size=12), st.booleans())
def test_everything_that_is_fitted_is_rendered_within_the_limits(text: str, labels: list[str], picture: bool) -> None:
    attachments = [Image("https://x.example/a")] if picture else []
    message = Message(text, buttons=[Button(one, f"p{n}") for n, one in enumerate(labels)], attachments=attachments)
    for made in bodies(message):
        content = made[made["type"]]
        if made["type"] == "interactive":
            assert len(content["body"]["text"]) <= 1024
            assert all(0 < len(one) <= 20 for one in titles(content))
            assert len(set(titles(content))) == len(titles(content)) <= 10
        elif made["type"] == "text":
            assert 0 < len(content["body"]) <= 4096


def test_two_buttons_with_one_payload_have_two_ids_and_bring_the_payload_back() -> None:
    from convokit.transports.whatsapp.happenings import TWIN  # noqa: PLC0415  beside its only use

    for count in (3, 5):
        action = body(Message("?", buttons=[Button(f"B{n}", "same") for n in range(count)]))["interactive"]["action"]
        rows = [one["reply"] for one in action["buttons"]] if count == 3 else action["sections"][0]["rows"]
        assert len({one["id"] for one in rows}) == count
        assert {one["id"].rstrip(TWIN) for one in rows} == {"same"}


@pytest.mark.parametrize(("size", "fits"), [(5 << 20, True), ((5 << 20) + 1, False)])
def test_a_picture_has_a_largest_size(size: int, fits: bool) -> None:
    message = Message(attachments=[Image(data=b"x" * size, media_type="image/png")])
    if fits:
        assert render(ADA, message).upload is not None
        return
    with pytest.raises(UnfitError, match="at most 5 MiB"):
        render(ADA, message)


def test_a_picture_that_is_shown_nowhere_goes_as_a_file() -> None:
    assert body(Message(attachments=[Image("https://x.example/a.gif", media_type="image/gif")]))["type"] == "document"


def test_a_template_has_no_sound() -> None:
    with pytest.raises(UnfitError, match="no sound"):
        render(ADA, Message(template=Template("a", picture=Audio("https://x.example/a"))))
