"""Judges that nobody of this project wrote: the Bot API's schema, python-telegram-bot's limits, aiogram's updates."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convokit.errors import Rejected
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ContactShared,
    ConversationClosed,
    ConversationOpened,
    Event,
    LocationShared,
    MemberJoined,
    MessageEdited,
    MessageReceived,
)
from convokit.fitting import fit
from convokit.messages import ATTACHMENTS, Audio, Button, Card, Image, Link, Location, Message, Video
from convokit.transports.telegram.addresses import Address
from convokit.transports.telegram.parse import ALLOWED_UPDATES, Reading, parse
from convokit.transports.telegram.presses import CALLBACK_DATA_BYTES, press_key, sealed, secret_token
from convokit.transports.telegram.render import (
    CAPABILITIES,
    CAPTION,
    FILE_BYTES,
    PHOTO_BYTES,
    TEXT,
    Call,
    as_links,
    render,
)
from convokit.wire.text import scrub

KEY = press_key("7:token")
AT = datetime(2026, 11, 22, tzinfo=UTC)

Judge = Callable[[str, str, dict[str, Any]], list[str]]


# ── what we send ────────────────────────────────────────────────────────────────────────────────────────────────────


def texts(most: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=most).filter(str.strip)


def bounded(most: int) -> st.SearchStrategy[str]:
    """Texts up to the very limit in UTF-16 units, of characters of one and of two units."""
    return texts(40) | st.integers(most - 3, most).map("x".__mul__) | st.integers(1, most // 2).map("🍕".__mul__)


URLS = st.sampled_from(["https://x.example/a.jpg", "http://x.example/b?c=d"])
LABELS = texts(70)
PAYLOADS = texts(60).filter(CAPABILITIES.button_payload.holds) | st.just("x" * CAPABILITIES.button_payload.n)
BUTTONS = st.builds(Button, LABELS, PAYLOADS)
LINKS = st.builds(Link, LABELS, URLS | st.just("tel:+90232") | st.just("mailto:a@b.example"))
MANY = st.integers(98, 130).map(lambda count: [Button(f"B{place}") for place in range(count)])
ACTIONS = st.lists(BUTTONS | LINKS, max_size=4) | MANY
KINDS = st.sampled_from(list(ATTACHMENTS.values()))
MEDIA = st.builds(lambda kind, url, alt: kind(url, alt=alt), KINDS, URLS, st.just("") | texts(9))
UPLOADS = st.builds(lambda kind: kind(data=b"x", media_type="a/b"), KINDS)
AGAIN = st.builds(lambda kind: kind(ref="AbC-_9"), KINDS) | st.sampled_from(
    [Audio(ref="voice:AbC"), Video(ref="animation:AbC"), Video(ref="video_note:AbC"), Image(ref="sticker:AbC")]
)
CARDS = st.builds(
    lambda title, subtitle, image, buttons: Card(title=title, subtitle=subtitle, image=image, buttons=buttons),
    texts(100),
    st.just("") | texts(100),
    st.none() | st.builds(Image, URLS),
    st.lists(BUTTONS | LINKS, max_size=4),
)
PLACES = st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), st.just("") | texts(40))
MESSAGES = st.builds(
    lambda text, buttons, attachments, cards, place: Message(
        text, buttons=buttons, attachments=attachments, cards=cards, location=place
    ),
    st.just("") | bounded(1024) | bounded(4096) | st.just("Words and more. " * 600),
    ACTIONS,
    st.lists(MEDIA | UPLOADS | AGAIN, max_size=2) | st.lists(UPLOADS, min_size=9, max_size=12),
    st.just([]) | st.lists(CARDS, max_size=3),
    st.none() | PLACES,
)
ADDRESSES = st.builds(Address, chat=st.integers(-(2**53), 2**53).filter(bool), topic=st.none() | st.integers(1, 2**31))


def within_limits(call: Call) -> None:
    """What stands in the documentation's prose only: lengths and counts."""
    body = call.body
    if "text" in body:
        assert TEXT.holds(body["text"])
        assert body["text"].strip()
    for holder in (body, *body.get("media", ())):
        assert CAPTION.holds(holder.get("caption", ""))
    assert len(body.get("media", (1, 2))) in range(2, 11)
    rows = body.get("reply_markup", {}).get("inline_keyboard", [["x"]])
    assert 1 <= sum(map(len, rows)) <= 100
    assert all(1 <= len(row) <= 8 for row in rows)
    for button in (one for row in rows for one in row if isinstance(one, dict)):
        assert len(set(button) - {"text"}) == 1
        assert 1 <= len(button.get("callback_data", "x").encode()) <= 64


@given(message=MESSAGES, to=ADDRESSES)
@settings(max_examples=100, deadline=None)
def test_everything_that_can_be_rendered_passes_the_schema(
    telegram_schema: Judge, message: Message, to: Address
) -> None:
    for said in fit(message, CAPABILITIES).messages:
        try:
            call = render(said, to, KEY, "telegram")
        except Rejected:  # only this: stickers and their like beside other things
            assert any(":" in one.ref for one in said.attachments)
            continue
        passes(telegram_schema, call)
        plain = as_links(said)
        if plain is not None:
            passes(telegram_schema, render(plain, to, KEY, "telegram"))


def passes(telegram_schema: Judge, call: Call) -> None:
    # The schema's checker takes an uploaded file for an object in the place of its name.
    uploads = {name: {} for name in call.files if not name.startswith("file")}
    assert telegram_schema("method", call.method, {**call.body, **uploads}) == []
    assert all(isinstance(one, str) for one in call.fields().values())
    within_limits(call)


def test_the_other_calls_pass_the_schema(telegram_schema: Judge) -> None:
    calls: dict[str, dict[str, Any]] = {
        "getMe": {},
        "deleteWebhook": {},
        "getWebhookInfo": {},
        "getUpdates": {"timeout": 50, "limit": 100, "allowed_updates": list(ALLOWED_UPDATES), "offset": 1},
        "answerCallbackQuery": {"callback_query_id": "43"},
        "sendChatAction": {"chat_id": 77, "action": "typing", "message_thread_id": 3},
        "setWebhook": {
            "url": "https://shop.example/telegram",
            "secret_token": secret_token("7:x"),
            "allowed_updates": list(ALLOWED_UPDATES),
        },
    }
    assert {name: telegram_schema("method", name, body) for name, body in calls.items()} == {name: [] for name in calls}


def test_the_judge_refuses_what_is_wrong(telegram_schema: Judge) -> None:
    assert telegram_schema("method", "sendMessage", {"chat_id": 1})
    assert telegram_schema("method", "sendMessage", {"chat_id": 1, "text": 5})
    assert telegram_schema("method", "sendMessage", {"chat_id": 1, "text": "x", "txet": "y"})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_limits_are_python_telegram_bots() -> None:
    constants = pytest.importorskip("telegram.constants", reason="python-telegram-bot: the extra `interop`")
    assert TEXT.n == constants.MessageLimit.MAX_TEXT_LENGTH
    assert CAPTION.n == constants.MessageLimit.CAPTION_LENGTH
    assert CALLBACK_DATA_BYTES == constants.InlineKeyboardButtonLimit.MAX_CALLBACK_DATA
    assert CAPABILITIES.buttons == constants.InlineKeyboardMarkupLimit.TOTAL_BUTTON_NUMBER
    assert CAPABILITIES.album == constants.MediaGroupLimit.MAX_MEDIA_LENGTH
    assert PHOTO_BYTES == constants.FileSizeLimit.PHOTOSIZE_UPLOAD
    assert FILE_BYTES == constants.FileSizeLimit.FILESIZE_UPLOAD
    limits = constants.WebhookLimit
    assert limits.MIN_SECRET_TOKEN_LENGTH <= len(secret_token("7:x")) <= limits.MAX_SECRET_TOKEN_LENGTH
    assert constants.PollingLimit.MAX_LIMIT >= 100
    assert set(ALLOWED_UPDATES) <= {one.value for one in constants.UpdateType}


# ── what we read ────────────────────────────────────────────────────────────────────────────────────────────────────

PEOPLE = st.builds(
    lambda number, first, last, locale: {
        "id": number,
        "is_bot": False,
        "first_name": first,
        **({"last_name": last} if last else {}),
        **({"language_code": locale} if locale else {}),
    },
    st.integers(1, 2**52),
    texts(10),
    st.none() | texts(10),
    st.sampled_from([None, "tr", "en-GB"]),
)
CHATS = st.builds(
    lambda number, kind: {"id": number if kind == "private" else -number, "type": kind},
    st.integers(1, 2**40),
    st.sampled_from(["private", "group", "supergroup"]),
)
FILE = {"file_id": "AbC-_9", "file_unique_id": "u"}
FILM = {**FILE, "width": 1, "height": 1, "duration": 1}
PLACE = {"latitude": 38.4, "longitude": 27.1}
STICKER = {**FILE, "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}
CONTENT = (
    st.builds(lambda text: {"text": text}, texts(60) | st.sampled_from(["/start", "/start ref-1", "/menu@PizzaBot"]))
    | st.builds(lambda text: {"photo": [{**FILE, "width": 1, "height": 1}], "caption": text}, texts(20))
    | st.sampled_from(
        [
            {"document": {**FILE, "file_name": "a.pdf", "mime_type": "application/pdf"}},
            {"voice": {**FILE, "duration": 1}},
            {"audio": {**FILE, "duration": 1}},
            {"video": FILM},
            {"video_note": {**FILE, "length": 1, "duration": 1}},
            {"animation": FILM, "document": FILE},
            {"sticker": STICKER},
            {"location": PLACE},
            {"location": PLACE, "venue": {"location": PLACE, "title": "Shop", "address": "Crane St"}},
            {"contact": {"phone_number": "+90", "first_name": "Ada", "user_id": 5}},
        ]
    )
)


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    """An update as Telegram sends it."""
    person, chat, number = draw(PEOPLE), draw(CHATS), draw(st.integers(1, 2**31))
    base = {"message_id": number, "date": 1_790_000_000, "chat": chat}
    kind = draw(st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member"]))
    if kind == "callback_query":
        data = sealed(KEY, chat["id"], draw(PAYLOADS))
        keyboard = {"inline_keyboard": [[{"text": "Label", "callback_data": data}]]}
        us = {"id": 7, "is_bot": True, "first_name": "Pizza"}
        held = {"id": "43", "chat_instance": "1", "from": person, "data": data}
        held["message"] = {**base, "from": us, "text": "?", "reply_markup": keyboard}
    elif kind == "my_chat_member":
        us = {"id": 7, "is_bot": True, "first_name": "Pizza"}
        held = {
            "chat": chat,
            "from": person,
            "date": 1_790_000_000,
            "old_chat_member": {"status": "left", "user": us},
            "new_chat_member": {"status": "member", "user": us},
        }
    else:
        content = {"text": draw(texts(20)), "edit_date": 1_790_000_001} if kind == "edited_message" else draw(CONTENT)
        held = {**base, "from": person, **content}
    return {"update_id": number, kind: held}


@pytest.fixture(scope="module")
def read_by_aiogram() -> Callable[[dict[str, Any]], Any]:
    types = pytest.importorskip("aiogram.types", reason="aiogram: the extra `interop`")
    reading: Callable[[dict[str, Any]], Any] = types.Update.model_validate
    return reading


@pytest.mark.slow  # importing aiogram takes seconds
@given(update=updates())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_aiogram_reads_the_same_out_of_an_update(
    read_by_aiogram: Callable[[dict[str, Any]], Any], update: dict[str, Any]
) -> None:
    theirs = read_by_aiogram(update)
    (ours,) = parse(update, Reading(channel="telegram", key=KEY, bot_id="7", username="PizzaBot"), AT)
    assert ours.id == str(theirs.update_id)
    agree(ours, theirs)


def agree(ours: Event, theirs: Any) -> None:
    person = theirs.event.from_user
    assert ours.user is not None
    assert (ours.user.id, ours.user.locale) == (str(person.id), person.language_code or "")
    assert ours.user.name == scrub(person.full_name).strip()
    message = theirs.message
    match ours:
        case MessageReceived(text=text):
            assert text in (message.text, message.text.replace("@PizzaBot", ""), scrub(message.text))
        case ConversationOpened(ref=ref):
            assert message.text == f"/start {ref}"
        case AttachmentReceived(attachments=(one,), text=caption):
            files = [message.photo and message.photo[-1], message.document, message.voice, message.audio, message.video]
            files += [message.video_note, message.animation, message.sticker]
            assert one.ref.rpartition(":")[2] in [file.file_id for file in files if file]
            assert caption in (message.caption or "", scrub(message.caption or ""))
        case LocationShared(latitude=latitude, longitude=longitude, title=title):
            assert (latitude, longitude) == (message.location.latitude, message.location.longitude)
            assert title == (message.venue.title if message.venue else "")
        case ContactShared(phone=phone, own=own):
            assert (phone, own) == (message.contact.phone_number, message.contact.user_id == message.from_user.id)
        case ButtonPressed(payload=payload, label=label):
            assert label == "Label"
            assert payload in (theirs.callback_query.data[8:], scrub(theirs.callback_query.data[8:]))
        case MessageEdited(message_id=message_id):
            assert message_id == str(theirs.edited_message.message_id)
        case _:
            assert theirs.my_chat_member is not None
            kinds = {"private": "UnknownReceived"}
            assert type(ours).__name__ == kinds.get(theirs.my_chat_member.chat.type, "MemberJoined")
            assert isinstance(ours, MemberJoined) or not isinstance(ours, ConversationClosed)
