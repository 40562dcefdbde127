"""Each fitted message is one call of the Bot API."""

import json

import pytest

from convokit.errors import Rejected
from convokit.fitting import fit
from convokit.messages import Audio, Button, File, Image, Link, Location, Message, Video
from convokit.transports.telegram.addresses import Address
from convokit.transports.telegram.presses import opened, press_key
from convokit.transports.telegram.render import CAPABILITIES, Call, as_links, render

KEY = press_key("7:token")
HERE = Address(chat=77)
PIZZA = "https://shop.example/pizza.jpg"


def call(message: Message, to: Address = HERE) -> Call:
    return render(message, to, KEY, "telegram")


def test_text_goes_out_plain_and_markup_in_it_stays_text() -> None:
    made = call(Message("<b>_x_</b>"))
    assert made == Call(method="sendMessage", body={"chat_id": 77, "text": "<b>_x_</b>"})


def test_texts_and_captions_are_counted_in_utf_16_as_telegram_counts() -> None:
    said = fit(Message("🍕" * 4096), CAPABILITIES).messages
    assert [len(one.text) for one in said] == [2048, 2048]
    captioned = fit(Message("🍕" * 512, attachments=[Image(PIZZA)]), CAPABILITIES).messages
    assert [(len(one.text), len(one.attachments)) for one in captioned] == [(512, 1)]
    beside = fit(Message("🍕" * 513, attachments=[Image(PIZZA)]), CAPABILITIES).messages
    assert [(len(one.text), len(one.attachments)) for one in beside] == [(513, 0), (0, 1)]


def test_a_topic_is_answered_in_the_topic() -> None:
    assert call(Message("x"), Address(chat=-1, topic=3)).body["message_thread_id"] == 3


def test_buttons_carry_a_mark_that_only_this_chat_can_use_and_links_their_address() -> None:
    made = call(Message("Which?", buttons=[Button("Large", "size:large"), Link("Shop", "https://shop.example")]))
    [[large, shop]] = made.body["reply_markup"]["inline_keyboard"]
    assert opened(KEY, 77, large["callback_data"]) == "size:large"
    assert opened(KEY, 78, large["callback_data"]) is None
    assert shop == {"text": "Shop", "url": "https://shop.example"}


def test_the_longest_payload_fits_the_callback_data() -> None:
    payload = "x" * CAPABILITIES.button_payload.n
    [[button]] = call(Message("?", buttons=[Button("B", payload)])).body["reply_markup"]["inline_keyboard"]
    assert len(button["callback_data"].encode()) == 64


def test_short_buttons_stand_beside_each_other_and_long_ones_alone() -> None:
    labels = ["Yes", "No", "Maybe", "Later", "I would rather talk to a person"]
    rows = call(Message("?", buttons=labels)).body["reply_markup"]["inline_keyboard"]
    assert [[one["text"] for one in row] for row in rows] == [labels[:3], labels[3:4], labels[4:]]


def test_buttons_without_a_text_get_a_sign_to_hang_on() -> None:
    assert call(Message(buttons=["Yes"])).body["text"]


@pytest.mark.parametrize(
    ("attachment", "method", "field"),
    [
        (Image(PIZZA), "sendPhoto", "photo"),
        (Video(PIZZA), "sendVideo", "video"),
        (Audio(PIZZA), "sendAudio", "audio"),
        (File(PIZZA), "sendDocument", "document"),
        (Audio(ref="voice:AbC"), "sendVoice", "voice"),
        (Video(ref="animation:AbC"), "sendAnimation", "animation"),
        (Video(ref="video_note:AbC"), "sendVideoNote", "video_note"),
        (Image(ref="sticker:AbC"), "sendSticker", "sticker"),
        (Image(ref="AbC"), "sendPhoto", "photo"),
    ],
)
def test_each_kind_of_attachment_has_its_method(attachment: Image, method: str, field: str) -> None:
    text = "" if method in ("sendSticker", "sendVideoNote") else "look"
    made = call(Message(text, attachments=[attachment], buttons=["Yes"]))
    assert (made.method, made.body[field]) == (method, attachment.url or attachment.ref.rpartition(":")[2])
    assert made.body.get("caption", "") == text
    assert "reply_markup" in made.body


@pytest.mark.parametrize("ref", ["sticker:A", "video_note:A"])
def test_a_text_is_not_lost_on_what_carries_none(ref: str) -> None:
    with pytest.raises(Rejected, match="carry no text"):
        call(Message("look", attachments=[Image(ref=ref)]))


def test_bytes_are_uploaded_and_a_picture_beyond_ten_megabytes_as_a_document() -> None:
    small = call(Message("x", attachments=[Image(data=b"jpg", media_type="image/jpeg", name="a.jpg")]))
    assert (small.method, small.files["photo"].data, small.files["photo"].name) == ("sendPhoto", b"jpg", "a.jpg")
    assert "photo" not in small.body
    large = call(Message(attachments=[Image(data=b"x" * 10_000_001, media_type="image/jpeg")]))
    assert (large.method, list(large.files)) == ("sendDocument", ["document"])
    with pytest.raises(Rejected):
        call(Message(attachments=[File(data=b"x" * 50_000_001, media_type="a/b")]))


def test_an_album_is_one_call_with_its_text_below_the_first() -> None:
    made = call(Message("Our menu", attachments=[Image(PIZZA), Video(data=b"mp4", media_type="video/mp4")]))
    assert made.method == "sendMediaGroup"
    assert made.body["media"] == [
        {"type": "photo", "media": PIZZA, "caption": "Our menu"},
        {"type": "video", "media": "attach://file1"},
    ]
    assert json.loads(made.fields()["media"]) == made.body["media"]
    assert made.fields()["chat_id"] == "77"


def test_an_album_cannot_carry_buttons_or_stickers() -> None:
    with pytest.raises(Rejected):
        call(Message(attachments=[Image(PIZZA), Image(PIZZA)], buttons=["Yes"]))
    with pytest.raises(Rejected):
        call(Message(attachments=[Image(PIZZA), Image(ref="sticker:A")]))


def test_a_place_is_a_location_and_with_a_title_a_venue() -> None:
    assert call(Message(location=Location(1, 2))).method == "sendLocation"
    venue = call(Message(location=Location(1, 2, "Shop")))
    assert (venue.method, venue.body["title"], venue.body["address"]) == ("sendVenue", "Shop", "1.00000, 2.00000")


def test_files_that_cannot_be_fetched_become_links_in_the_text() -> None:
    plain = as_links(Message("Look", attachments=[Image(PIZZA, alt="A pizza")], buttons=["Yes"]))
    assert plain == Message(f"Look\nA pizza: {PIZZA}", buttons=["Yes"])
    assert as_links(Message(attachments=[Image(ref="A")])) is None
    assert as_links(Message("x")) is None


@pytest.mark.parametrize("text", ["77", "-100", "-100:3", "-100/77", "-100:3/77"])
def test_an_address_reads_back_as_it_was_written(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize("text", ["", "x", "77/", "77:", "--7", "7 7", "../7", "9" * 19 + "9", "77?", "٧"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert Address.parse(text) is None
