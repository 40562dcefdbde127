"""Any message within what a channel can show, and typed answers back to what the tap would have been."""

import string
import time

import pytest
from attrs import evolve
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from convokit.conversations import Offer, Option
from convokit.errors import DefinitionError
from convokit.fitting import Fitted, fit, resolve
from convokit.messages import (
    Audio,
    Button,
    Capabilities,
    Card,
    File,
    Image,
    Limit,
    Link,
    Location,
    Message,
    Video,
)
from convokit.wire.text import fold, shorten, spans

SMS = Capabilities(text_limit=Limit(320))
TELEGRAM = Capabilities(
    text_limit=Limit(4096, "utf16"),
    buttons=100,
    button_label=Limit(64),
    button_payload=Limit(55, "bytes"),
    links=100,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    album=10,
    caption=Limit(1024, "utf16"),
    buttons_with_attachment=True,
    location=True,
)
MESSENGER = Capabilities(
    text_limit=Limit(2000),
    buttons=13,
    button_label=Limit(20),
    button_payload=Limit(1000),
    links=3,
    text_with_links=Limit(640),
    buttons_beside_links=3,
    attachments=frozenset({"image", "audio", "video", "file"}),
    cards=10,
    card_buttons=3,
)
PIZZA = Image("https://shop.example/pizza.jpg", alt="A pizza")


def within(message: Message, can: Capabilities) -> None:
    """Assert that a message is one call within the capabilities."""
    assert not message.empty
    links = [one for one in message.buttons if isinstance(one, Link)]
    buttons = [one for one in message.buttons if isinstance(one, Button)]
    assert len(links) + len(buttons) == len(message.buttons)
    assert sum(map(bool, (message.attachments, message.cards, message.location))) <= 1
    assert not (message.text and (message.cards or message.location))
    if message.text:
        limit = can.caption if message.attachments else can.text_limit
        limit = can.text_with_links if links and can.text_with_links else limit
        assert limit is not None
        assert limit.holds(message.text)
    if message.buttons:
        assert message.text.strip() or message.attachments
        assert len(buttons) <= can.buttons
        assert len(links) <= can.links
        assert not links or can.buttons_beside_links is None or len(message.buttons) <= can.buttons_beside_links
        assert not message.attachments or (can.buttons_with_attachment and len(message.attachments) == 1)
    if message.attachments:
        assert {one.kind for one in message.attachments} <= can.attachments
        assert all(can.attachments_by_data or one.data is None for one in message.attachments)
        assert len(message.attachments) == 1 or {one.kind for one in message.attachments} <= {"image", "video"}
        assert len(message.attachments) <= max(1, can.album)
    assert message.location is None or can.location
    assert len(message.cards) <= can.cards
    for card in message.cards:
        assert can.card_title.holds(card.title)
        assert can.card_subtitle.holds(card.subtitle)
        assert len(card.buttons) <= can.card_buttons
        assert card.image is None or card.image.data is None or can.attachments_by_data
    for one in (*message.buttons, *(action for card in message.cards for action in card.buttons)):
        assert isinstance(one, Button | Link)
        assert can.button_label.holds(one.label)
        assert can.button_payload.holds(one.payload) if isinstance(one, Button) else can.links > 0


def fitted(message: Message, can: Capabilities) -> Fitted:
    made = fit(message, can)
    for one in made.messages:
        within(one, can)
    return made


def said(message: Message, can: Capabilities) -> list[str]:
    return [one.text for one in fitted(message, can).messages]


# ── any message on any channel ───────────────────────────────────────────────────────────────────────────────────────

LETTERS = string.ascii_letters + "   \n.!?" + "éßİı👍🇩👨\u200d\u0301हिन्दीשלוםمرحبا日本。"
TEXTS = st.text(alphabet=LETTERS, max_size=120) | st.text(max_size=60)
NAMES = st.text(alphabet=LETTERS, min_size=1, max_size=40).filter(lambda text: bool(text.strip()))
BUTTONS = st.builds(Button, NAMES, st.text(string.ascii_lowercase, max_size=8))
LINKS = st.builds(Link, NAMES, st.sampled_from(["https://shop.example/a", "http://b.example", "tel:+15550100"]))
ACTIONS = st.lists(BUTTONS | LINKS, max_size=7)
MEDIA = st.one_of(
    [
        st.builds(kind, url=st.just("https://shop.example/x"), alt=TEXTS, name=st.sampled_from(["", "menu.pdf"]))
        | st.builds(kind, data=st.just(b"x"), media_type=st.just("a/b"), alt=TEXTS)
        for kind in (Image, Audio, Video, File)
    ]
)
PICTURES = st.none() | st.just(PIZZA) | st.just(Image(data=b"x", media_type="image/png"))
CARDS = st.builds(Card, title=NAMES, subtitle=TEXTS, image=PICTURES, buttons=ACTIONS)
PLACES = st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), st.sampled_from(["", "Our shop"]))
MESSAGES = st.builds(
    Message,
    TEXTS,
    buttons=ACTIONS,
    attachments=st.lists(MEDIA, max_size=5),
    cards=st.lists(CARDS, max_size=3),
    location=st.none() | PLACES,
)
LIMITS = st.builds(Limit, st.integers(4, 60), st.sampled_from(["characters", "utf16", "bytes"]))
CHANNELS = st.builds(
    Capabilities,
    text_limit=LIMITS,
    buttons=st.integers(0, 4),
    button_label=LIMITS,
    button_payload=st.just(Limit(1000)),
    links=st.integers(0, 3),
    text_with_links=st.none() | LIMITS,
    buttons_beside_links=st.none() | st.integers(0, 3),
    attachments=st.frozensets(st.sampled_from(["image", "audio", "video", "file"])),
    attachments_by_data=st.booleans(),
    album=st.integers(1, 3),
    caption=st.none() | LIMITS,
    buttons_with_attachment=st.booleans(),
    cards=st.integers(0, 3),
    card_title=LIMITS,
    card_subtitle=LIMITS,
    card_buttons=st.integers(0, 3),
    location=st.booleans(),
)


@settings(max_examples=150)
@given(MESSAGES, CHANNELS | st.sampled_from([SMS, TELEGRAM, MESSENGER, Capabilities()]))
def test_whatever_comes_out_is_within_the_capabilities_and_nothing_that_can_be_pressed_is_lost(
    message: Message, can: Capabilities
) -> None:
    made = fitted(message, can)
    actions = [*message.buttons, *(one for card in message.cards for one in card.buttons)]
    offered = [Option(label=one.label, payload=one.payload) for one in actions if isinstance(one, Button)]
    assert bool(made.messages) == (not message.empty)
    assert (made.offer is None) == (not offered)
    shown = [one for part in made.messages for one in (*part.buttons, *(a for c in part.cards for a in c.buttons))]
    native = [one.payload for one in shown if isinstance(one, Button)]
    if made.offer:
        assert sorted(map(repr, made.offer.options)) == sorted(map(repr, offered))
        assert made.offer.numbered == (len(native) < len(offered))
        assert [one.payload for one in made.offer.options][len(offered) - len(native) :] == native
    written = "".join("".join(part.text for part in made.messages).split())
    addresses = {one.url for one in shown if isinstance(one, Link)}
    for one in actions:
        assert not isinstance(one, Link) or one.url in addresses or one.url.removeprefix("tel:") in written
    sent = [one for part in made.messages for one in part.attachments]
    for media in message.attachments:
        assert media in sent or "".join((media.url or media.alt.strip() or f"[{media.kind}]").split()) in written
    assert "".join(message.text.split()) in written


@settings(max_examples=150)
@given(st.text(alphabet=LETTERS, max_size=300) | st.text(max_size=200), LIMITS)
@example("word " * 50, Limit(4, "bytes"))
@example("a" + "\u0301" * 100, Limit(10))
@example("?。\u093f??", Limit(4))
@example("ab \u0301cd ef", Limit(4))
def test_a_split_text_is_whole_but_for_white_space_and_no_grapheme_is_cut(text: str, limit: Limit) -> None:
    pieces = spans(text, limit)
    boundaries = {0}
    at = 0
    for one in iter_graphemes(text):
        at += len(one)
        boundaries.add(at)
    end = 0
    for start, stop in pieces:
        assert limit.holds(text[start:stop])
        assert text[start:stop].strip()
        assert not text[end:start].strip()
        alone = next((one for one in iter_graphemes(text[max(b for b in boundaries if b <= start) :])), "")
        assert start in boundaries or not limit.holds(alone)
        end = stop
    assert not text[end:].strip()
    parts = fit(Message(text), Capabilities(text_limit=limit)).messages
    assert "".join("".join(part.text for part in parts).split()) == "".join(text.split())


@given(st.text(alphabet=LETTERS, min_size=1, max_size=60) | st.text(min_size=1, max_size=60), LIMITS)
def test_a_shortened_text_is_within_the_limit_and_says_something(text: str, limit: Limit) -> None:
    short = shorten(text, limit)
    assert limit.holds(short)
    assert short.strip() or not text.strip()
    assert short == text or short.endswith("…") or limit.measure("…") >= limit.n


def test_a_shortened_text_ends_with_a_whole_grapheme() -> None:
    family = "👨\u200d👩\u200d👧"
    assert shorten(f"Us {family}{family}", Limit(12)) == f"Us {family}…"
    assert shorten("a" + "\u0301" * 30, Limit(5)) == "a\u0301\u0301\u0301…"  # one grapheme over the limit is cut


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_text_goes_out_as_it_is() -> None:
    message = Message("Small or large?")
    assert fitted(message, SMS) == Fitted(messages=(message,), offer=None)
    assert fit(message, SMS).messages[0] is message


@pytest.mark.parametrize("message", [Message(), Message("  \n ")])
def test_an_empty_message_gives_no_messages(message: Message) -> None:
    for can in (SMS, TELEGRAM, MESSENGER):
        assert fit(message, can) == Fitted(messages=(), offer=None)


def test_a_long_text_is_cut_after_a_paragraph_else_a_sentence_else_a_word() -> None:
    can = Capabilities(text_limit=Limit(40))
    assert said(Message("We open at nine.\n\nWe close at ten. On Sundays we sleep."), can) == [
        "We open at nine.\n\nWe close at ten.",
        "On Sundays we sleep.",
    ]
    assert said(Message("This is what we open with.\n\nAnd this goes on and on. Yes."), can) == [
        "This is what we open with.",
        "And this goes on and on. Yes.",
    ]
    assert said(Message("one two three four five six seven eight nine ten"), can) == [
        "one two three four five six seven eight",
        "nine ten",
    ]
    assert said(Message("Ask for the good old doctor, Dr. Who lives next door to us"), can)[0].endswith("Dr. Who")
    assert said(Message("早上好。" * 15), can) == ["早上好。" * 10, "早上好。" * 5]


def test_each_unit_is_counted_as_its_platform_counts() -> None:
    thumbs = "👍" * 10
    assert said(Message(thumbs), Capabilities(text_limit=Limit(10))) == [thumbs]
    assert said(Message(thumbs), Capabilities(text_limit=Limit(10, "utf16"))) == ["👍" * 5] * 2
    assert said(Message(thumbs), Capabilities(text_limit=Limit(10, "bytes"))) == ["👍" * 2] * 5
    family = "👨\u200d👩\u200d👧"
    assert said(Message(family * 3), Capabilities(text_limit=Limit(9))) == [family] * 3


def test_a_giant_text_is_split_in_time_that_grows_with_its_length() -> None:
    for giant in ("日本" * 50_000, "word " * 20_000, "\u0301" * 100_000, " " * 100_000 + "x", "\u200d👍🏽" * 30_000):
        began = time.process_time()
        fitted(Message(giant), TELEGRAM)
        assert time.process_time() - began < 3


def test_a_limit_too_small_for_a_character_is_named() -> None:
    with pytest.raises(DefinitionError, match="limit of 3 bytes cannot hold"):
        fit(Message("👍👍"), Capabilities(text_limit=Limit(3, "bytes")))


# ── buttons and links ────────────────────────────────────────────────────────────────────────────────────────────────


def test_buttons_become_numbered_lines_where_there_are_none() -> None:
    made = fitted(Message("Small or large?", buttons=[Button("Small", "s"), Button("Large", "l")]), SMS)
    assert [one.text for one in made.messages] == ["Small or large?\n1) Small\n2) Large"]
    assert made.offer == Offer(
        options=(Option(label="Small", payload="s"), Option(label="Large", payload="l")), numbered=True
    )


def test_buttons_alone_become_a_list_or_stand_below_three_dots() -> None:
    message = Message(buttons=["Yes", "No"])
    assert said(message, SMS) == ["1) Yes\n2) No"]
    assert fitted(message, TELEGRAM).messages == (message.but(text="…"),)


def test_options_that_do_not_fit_beside_the_text_follow_it() -> None:
    made = said(Message("x" * 30, buttons=["alpha", "beta"]), Capabilities(text_limit=Limit(32)))
    assert made == ["x" * 30, "1) alpha\n2) beta"]


def test_buttons_over_the_count_go_into_further_messages() -> None:
    message = Message("Which?", buttons=[f"Choice {n}" for n in range(30)])
    made = fitted(message, MESSENGER)
    assert [(one.text, len(one.buttons)) for one in made.messages] == [("Which?", 13), ("…", 13), ("…", 4)]
    assert made.offer is not None
    assert not made.offer.numbered
    assert len(made.offer.options) == 30
    assert fitted(message, TELEGRAM).messages == (message,)


def test_a_label_over_the_limit_is_cut_and_the_offer_keeps_it_whole() -> None:
    label = "Margherita with extra cheese"
    made = fitted(Message("Which?", buttons=[Button(label, "m")]), MESSENGER)
    assert made.messages[0].buttons == (Button("Margherita with ext…", "m"),)
    assert made.offer == Offer(options=(Option(label=label, payload="m"),))


def test_a_payload_over_the_limit_is_an_error_that_names_label_size_and_limit() -> None:
    with pytest.raises(DefinitionError, match=r"'Track it'.* 56 bytes.* 55"):
        fit(Message("?", buttons=[Button("Track it", "x" * 56)]), TELEGRAM)


def test_links_are_written_out_where_there_are_no_link_buttons() -> None:
    message = Message("Come in", buttons=[Link("Shop", "https://shop.example"), Link("Call", "tel:+15550100"), "Hi"])
    made = fitted(message, SMS)
    assert [one.text for one in made.messages] == ["Come in\nShop: https://shop.example\nCall: +15550100\n1) Hi"]
    assert fitted(message, TELEGRAM).messages == (
        Message("Come in\nCall: +15550100", buttons=[Link("Shop", "https://shop.example"), "Hi"]),
    )


def test_links_limit_the_buttons_and_the_text_beside_them() -> None:
    link = Link("Shop", "https://shop.example")
    made = fitted(Message("Hello", buttons=["a", "b", "c", "d", link]), MESSENGER)
    assert [one.buttons for one in made.messages] == [(Button("a"), Button("b"), Button("c"), Button("d")), (link,)]
    long = "A sentence of words. " * 60
    first, second = fitted(Message(long, buttons=[link]), MESSENGER).messages
    assert len(first.text) > 600
    assert second.buttons == (link,)
    assert first.text + " " + second.text == long.strip()


# ── attachments, cards, location ─────────────────────────────────────────────────────────────────────────────────────


def test_a_text_that_fits_is_the_caption_and_carries_the_buttons() -> None:
    message = Message("Yours?", attachments=[PIZZA], buttons=["Yes"])
    assert fitted(message, TELEGRAM).messages == (message,)


def test_a_text_too_long_for_a_caption_goes_first() -> None:
    first, second = fitted(Message("x" * 1025, attachments=[PIZZA], buttons=["Yes"]), TELEGRAM).messages
    assert first == Message("x" * 1025)
    assert second == Message(attachments=[PIZZA], buttons=["Yes"])


def test_without_captions_the_text_goes_first_and_carries_the_buttons() -> None:
    made = fitted(Message("Yours?", attachments=[PIZZA], buttons=["Yes"]), MESSENGER)
    assert made.messages == (Message("Yours?", buttons=["Yes"]), Message(attachments=[PIZZA]))
    made = fitted(Message(attachments=[PIZZA], buttons=["Yes"]), MESSENGER)
    assert made.messages == (Message(attachments=[PIZZA]), Message("…", buttons=["Yes"]))


def test_pictures_and_films_are_albums_and_buttons_stand_below_them() -> None:
    film = Video("https://shop.example/film.mp4")
    message = Message("Look", attachments=[PIZZA] * 9 + [film] * 3 + [File("https://shop.example/menu.pdf")])
    assert [len(one.attachments) for one in fitted(message, TELEGRAM).messages] == [10, 2, 1]
    assert said(message, TELEGRAM) == ["Look", "", ""]
    made = fitted(Message("Look", attachments=[PIZZA, film], buttons=["Buy"]), TELEGRAM).messages
    assert made == (Message(attachments=[PIZZA, film]), Message("Look", buttons=["Buy"]))


def test_attachments_that_cannot_be_sent_are_written() -> None:
    message = Message(
        "Our menu",
        attachments=[
            PIZZA,
            File("https://shop.example/menu.pdf", name="menu.pdf"),
            Audio("https://shop.example/jingle.mp3"),
            Image(data=b"x", media_type="image/png", alt="A plan"),
            Image(data=b"x", media_type="image/png"),
        ],
    )
    assert said(message, SMS) == [
        (
            "Our menu\nA pizza: https://shop.example/pizza.jpg\nmenu.pdf: https://shop.example/menu.pdf\n"
            "https://shop.example/jingle.mp3\nA plan\n[image]"
        )
    ]


MENU = Message(
    "Our pizzas",
    cards=[
        Card(title="Margherita", subtitle="Tomato", image=PIZZA, buttons=[Button("Order", "m")]),
        Card(title="Funghi", subtitle="Mushrooms", buttons=[Button("Order", "f"), Link("More", "https://f.example")]),
    ],
    buttons=["None of these"],
)


def test_cards_are_a_carousel_where_there_are_cards() -> None:
    made = fitted(MENU, MESSENGER)
    assert made.messages == (
        Message("Our pizzas"),
        Message(cards=MENU.cards),
        Message("…", buttons=["None of these"]),
    )
    assert made.offer is not None
    assert [one.payload for one in made.offer.options] == ["m", "f", "None of these"]
    many = fitted(Message(cards=[Card(title=f"Pizza {n}") for n in range(12)]), MESSENGER).messages
    assert [len(one.cards) for one in many] == [10, 2]


def test_a_cards_titles_are_cut_and_its_further_buttons_stand_on_a_further_card() -> None:
    card = Card(title="T" * 100, subtitle="S" * 100, image=PIZZA, buttons=list("abcd"))
    (made,) = fitted(Message(cards=[card]), MESSENGER).messages
    cut = "T" * 79 + "…"
    assert made.cards == (
        Card(title=cut, subtitle="S" * 79 + "…", image=PIZZA, buttons=list("abc")),
        Card(title=cut, buttons=["d"]),
    )


def test_cards_are_pictures_with_buttons_where_there_are_no_cards() -> None:
    first, second, third, last = fitted(MENU, TELEGRAM).messages
    assert first == Message("Our pizzas")
    assert second == Message("Margherita\nTomato", attachments=[PIZZA], buttons=[Button("Order", "m")])
    assert third == Message("Funghi\nMushrooms", buttons=MENU.cards[1].buttons)
    assert last == Message("…", buttons=["None of these"])


def test_cards_are_one_numbered_text_where_there_is_nothing_but_text() -> None:
    made = fitted(MENU, SMS)
    assert [one.text for one in made.messages] == [
        (
            "Our pizzas\n\nMargherita\nTomato\nA pizza: https://shop.example/pizza.jpg\n1) Order\n\n"
            "Funghi\nMushrooms\n2) Order\nMore: https://f.example\n\n3) None of these"
        )
    ]
    assert made.offer is not None
    assert resolve("2", made.offer) == Option(label="Order", payload="f")
    assert resolve("order", made.offer, near=True) is None


def test_a_location_is_itself_or_a_map_link() -> None:
    message = Message("Here we are", location=Location(41.0082, 28.9784, "Our shop"))
    assert fitted(message, TELEGRAM).messages == (Message("Here we are"), Message(location=message.location))
    assert said(message, SMS) == ["Here we are\nOur shop: https://maps.google.com/?q=41.0082,28.9784"]
    assert said(Message(location=Location(-1e-7, 0)), SMS) == ["https://maps.google.com/?q=-0,0"]


# ── and back ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def offer(*labels: str, numbered: bool = True) -> Offer:
    return Offer(
        options=tuple(Option(label=one, payload=f"#{n}") for n, one in enumerate(labels, 1)), numbered=numbered
    )


SIZES = offer("Small", "Medium", "Large")


def pressed(text: str, given_offer: Offer = SIZES, *, near: bool = False) -> str | None:
    found = resolve(text, given_offer, near=near)
    return found.payload if found else None


@pytest.mark.parametrize(
    "text",
    [
        *("medium", "MEDIUM!", " Medium. ", "the medium", "medium please", "the medium one, please", "médium"),
        *("2", "2.", "2)", "(2)", "#2", "# 2", "2nd", "two", "second", "the second", "Second!", "option 2"),
        *("the second one", "number two", "２", "②", "2️⃣", "٢", "२"),
        *("ikinci", "İKİNCİ", "ikincisi", "iki", "ikinci lütfen", "2'nci"),
        *("दूसरा", "दूसरी", "दो", "दूसरा वाला"),
        *("השני", "שני", "השנייה", "שתיים", "השני בבקשה"),
        *("الثاني", "الثانية", "ثاني", "اثنين", "الثاني من فضلك"),
        *("segundo", "la segunda", "el segundo, por favor", "dos", "2º", "2ª"),
        *("zweite", "der zweite", "das zweite bitte", "zwei", "ZWEITENS"[:6]),
        *("deuxième", "le deuxième", "la seconde", "deux", "2e", "2ème", "le 2e s'il vous plaît"),
    ],
)
def test_the_second_option_is_pressed_however_it_is_said(text: str) -> None:
    assert pressed(text) == "#2"


@pytest.mark.parametrize(
    "text",
    [
        "last",
        "the last one",
        "sonuncu",
        "आख़िरी",
        "अंतिम",
        "האחרון",
        "الأخير",
        "último",
        "letzte",
        "la dernière",
        "üçüncü",
    ],
)
def test_the_last_option_is_pressed_however_it_is_said(text: str) -> None:
    assert pressed(text) == "#3"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "4",
        "999",
        "-1",
        "1.5",
        "2 or 3",
        "fourth",
        "no",
        "not large",
        "no large",
        "huge",
        "the",
        "please",
        "?",
    ],
)
def test_what_presses_nothing_presses_nothing(text: str) -> None:
    assert pressed(text) is None
    assert pressed(text, near=True) is None


def test_a_label_wins_over_a_number_and_a_word_in_a_label_over_an_ordinal() -> None:
    assert pressed("2", offer("4", "2", "1")) == "#2"
    assert pressed("1", offer("4", "2", "1")) == "#3"
    assert pressed("3", offer("4", "2", "1")) == "#3"
    floors = offer("Second floor", "First floor")
    assert pressed("second", floors) is None
    assert pressed("second", floors, near=True) == "#1"
    assert pressed("two", offer("Four people", "Eight people", numbered=False)) is None
    assert pressed("2a", offer("Gate 3A", "Gate 2A", "Gate 2B"), near=True) is None


def test_bare_numbers_count_only_where_numbers_were_seen_or_no_label_holds_one() -> None:
    assert pressed("2", offer("Small", "Large", numbered=False)) == "#2"
    assert pressed("2", offer("1-4 people", "5-8 people", numbered=False)) is None
    assert pressed("#2", offer("1-4 people", "5-8 people", numbered=False)) == "#2"
    assert pressed("second", offer("1-4 people", "5-8 people", numbered=False)) == "#2"
    assert pressed("2", offer("1-4 people", "5-8 people")) == "#2"


def test_two_options_of_one_label_are_never_pressed_by_it() -> None:
    twins = offer("Order", "order!", "Cancel")
    assert pressed("order", twins, near=True) is None
    assert pressed("ordr", twins, near=True) is None
    assert pressed("the order", twins, near=True) is None
    assert pressed("2", twins) == "#2"


def test_turkish_dots_and_accents_and_emoji_do_not_matter() -> None:
    turkish = offer("🍕 IŞIKLI PİZZA", "Küçük", "İptal")
    assert pressed("ışıklı pizza", turkish) == "#1"
    assert pressed("isikli pizza", turkish) == "#1"
    assert pressed("KÜÇÜK", turkish) == "#2"
    assert pressed("kucuk", turkish) == "#2"
    assert pressed("IPTAL", turkish) == "#3"
    assert pressed("iptal", turkish) == "#3"
    assert pressed("إلغاء", offer("تأكيد", "الغاء")) == "#2"


HELP = offer("Order status", "Cancel order", "Opening hours", "Talk to a person", "Größe")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("status", "#1"),
        ("order statsu", "#1"),
        ("cancel", "#2"),
        ("cansel order", "#2"),
        ("opening", "#3"),
        ("openin hours", "#3"),
        ("opn", None),
        ("order", None),  # also fits "Cancel order"
        ("cancel my order", None),
        ("don't cancel order", None),
        ("groesse", "#5"),
        ("grosse", "#5"),
        ("grose", "#5"),
        ("to a", None),
        ("ok", None),
        ("person", "#4"),
    ],
)
def test_a_near_miss_presses_the_only_label_it_can_mean(text: str, meant: str | None) -> None:
    assert pressed(text, HELP, near=True) == meant


def test_a_near_miss_counts_only_when_wanted_and_never_in_digits() -> None:
    assert pressed("larg", near=False) is None
    assert pressed("larg", near=True) == "#3"
    times = offer("12:30", "14:00 table")
    assert pressed("12:31", times, near=True) is None
    assert pressed("12:30", times) == "#1"


def test_a_giant_answer_or_offer_costs_little() -> None:
    many = offer(*(f"Option number {n} of the list" for n in range(500)))
    for text in ("word " * 5000, "x" * 100_000, "optoin " * 60, "\ufdfa" * 4096):
        began = time.process_time()
        assert pressed(text, many, near=True) is None
        assert pressed(text, evolve(many, options=many.options[:200]), near=True) is None
        assert time.process_time() - began < 1


@given(st.lists(NAMES, min_size=1, max_size=8), st.data(), st.booleans())
def test_a_typed_label_presses_its_own_option_or_none(labels: list[str], data: st.DataObject, numbered: bool) -> None:
    given_offer = offer(*labels, numbered=numbered)
    index = data.draw(st.integers(0, len(labels) - 1))
    assume(fold(labels[index]))  # what shows nothing (a joiner alone) cannot be typed
    found = resolve(labels[index].swapcase(), given_offer, near=True)
    twins = [one for one in labels if fold(one) == fold(labels[index])]
    assert found == (given_offer.options[index] if len(twins) == 1 else None)


@given(st.text(max_size=40) | st.sampled_from(["2", "second", "small"]), st.lists(NAMES, max_size=6), st.booleans())
def test_resolving_never_raises_and_presses_only_what_was_offered(text: str, labels: list[str], near: bool) -> None:
    given_offer = offer(*labels)
    assert resolve(text, given_offer, near=near) in (*given_offer.options, None)


@given(MESSAGES, st.sampled_from([SMS, Capabilities()]))
def test_the_numbers_that_the_customer_reads_press_what_they_stand_beside(message: Message, can: Capabilities) -> None:
    made = fitted(message, can)
    for number, option in enumerate(made.offer.options if made.offer else (), 1):
        found = resolve(f"#{number}", made.offer) if made.offer else None
        assert found == option


def test_white_space_at_its_end_makes_no_text_beside_links_into_two() -> None:
    can = Capabilities(links=3, text_with_links=Limit(10))
    (one,) = fit(Message("1234567890 \n", buttons=[Link("Menu", "https://x.example")]), can).messages
    assert (one.text, len(one.buttons)) == ("1234567890", 1)
