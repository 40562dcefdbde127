"""Ways in: addresses, QR codes that are read back, buttons; and refs that nobody can forge."""

import io
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convokit import (
    Bot,
    ConversationId,
    ConversationOpened,
    DefinitionError,
    Invitation,
    Message,
    MissingExtra,
    SignedRefs,
    Turn,
    User,
)
from convokit.abc import Transport
from convokit.links import check_ref
from convokit.testing import Simulation
from convokit.wire.signing import Secret

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECRET = "a secret of enough bytes"
WAY = Invitation(channel="tg", ref="spring-sale", url="https://t.me/shop?start=spring-sale&x=\"<>'")


class Linked(Transport):
    """A channel with an address."""

    def __init__(self, channel: str, address: str) -> None:
        self.channel, self.address = channel, address

    def link(self, ref: str) -> str:
        return self.address and f"{self.address}{ref}"

    async def send(self, to: ConversationId, message: Message) -> str | None:
        del to, message
        return None


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bot_gives_the_way_in_for_each_channel_that_has_one() -> None:
    bot = Bot("shop")
    bot.attach(Linked("a", "https://a.example/"), Linked("b", ""), Linked("c", "https://c.example/?r="))
    ways = bot.link("spring-sale")
    assert {name: way.url for name, way in ways.items()} == {
        "a": "https://a.example/spring-sale",
        "c": "https://c.example/?r=spring-sale",
    }
    assert ways["a"].ref == "spring-sale"


@pytest.mark.parametrize("ref", ["", "x" * 65, "a b", "a=b", "é", "a\n", "٣", "a/b"])
def test_a_ref_that_not_every_channel_carries_is_refused(ref: str) -> None:
    with pytest.raises(DefinitionError, match="1 to 64 letters"):
        Bot("shop").link(ref)


@pytest.mark.parametrize("ref", ["x", "x" * 64, "Spring_sale-2026"])
def test_a_ref_within_its_bounds_is_taken(ref: str) -> None:
    assert check_ref(ref) == ref


# ── codes and buttons ───────────────────────────────────────────────────────────────────────────────────────────────


def modules_of(svg: str) -> set[tuple[int, int]]:
    """The dark modules that the code's path draws: a horizontal stroke is a run of them."""
    path = next(one for one in ET.fromstring(svg).iter() if "qrline" in one.attrib.get("class", ""))  # noqa: S314  we have drawn it ourselves
    x = y = 0.0
    dark = set[tuple[int, int]]()
    for letter, first, second in re.findall(r"([Mmh])\s*(-?[\d.]+)(?:[ ,](-?[\d.]+))?", path.attrib["d"]):
        if letter == "h":
            dark |= {(int(x) + step, int(y)) for step in range(int(first))}
            x += float(first)
        else:
            x, y = (x + float(first), y + float(second or 0)) if letter == "m" else (float(first), float(second))
    return dark


def test_the_svg_is_the_code_of_the_address_with_its_free_border() -> None:
    segno = pytest.importorskip("segno")
    code = segno.make(WAY.url, micro=False, error="m")
    wanted = {(x + 4, y + 4) for y, row in enumerate(code.matrix) for x, cell in enumerate(row) if cell}
    assert modules_of(WAY.svg()) == wanted
    assert ET.fromstring(WAY.svg(size=300)).attrib["width"] == "300"  # noqa: S314  we have drawn it ourselves


def test_the_label_is_escaped_drawn_below_and_read_out() -> None:
    drawn = WAY.svg(label='Ask <us> & "them"', colour="#0a5c36")
    root = ET.fromstring(drawn)  # noqa: S314  we have drawn it ourselves
    texts = [one.text for one in root.iter() if one.tag.rpartition("}")[2] in {"title", "text"}]
    assert texts == ['Ask <us> & "them"'] * 2
    assert "<us>" not in drawn
    assert "#0a5c36" in drawn


def test_a_png_is_the_same_code() -> None:
    image = pytest.importorskip("PIL.Image")
    code = pytest.importorskip("segno").make(WAY.url, micro=False, error="m")
    picture = image.open(io.BytesIO(WAY.png(size=300))).convert("L")
    wide = len(code.matrix) + 8
    scale = picture.width // wide
    assert (picture.width, picture.height) == (wide * scale, wide * scale)
    assert picture.width <= 300
    for y, row in enumerate(code.matrix):
        for x, cell in enumerate(row):
            assert (picture.getpixel(((x + 4) * scale, (y + 4) * scale)) < 128) is bool(cell)


def test_a_png_with_a_label_grows_below_and_a_letter_that_the_font_lacks_is_told() -> None:
    image = pytest.importorskip("PIL.Image")
    plain, labelled = (image.open(io.BytesIO(WAY.png(size=300, label=one))) for one in ("", "Order here"))
    assert labelled.width == plain.width
    assert labelled.height > plain.height
    below = labelled.convert("L").crop((0, plain.height, plain.width, labelled.height))
    assert below.getextrema()[0] < 128
    with pytest.raises(ValueError, match="no letter 'ש'"):
        WAY.png(label="שלום")


@pytest.mark.parametrize("colour", ["#ffffff", "#ff0", "#8f8f8f"])
def test_a_colour_that_cameras_cannot_read_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="too light"):
        WAY.svg(colour=colour)


@pytest.mark.parametrize("colour", ["red", "#12", "#gggggg", "#000;x:url(javascript:1)", "", '#000"'])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    for draw in (WAY.svg, WAY.png):
        with pytest.raises(ValueError, match="#rrggbb"):
            draw(colour=colour)
    with pytest.raises(ValueError, match="#rrggbb"):
        WAY.button("Chat", colour=colour)


@pytest.mark.parametrize(("size", "fine"), [(63, False), (64, True), (4096, True), (4097, False)])
def test_the_size_has_bounds(size: int, fine: bool) -> None:
    if fine:
        assert f'width="{size}"' in WAY.svg(size=size)
        return
    with pytest.raises(ValueError, match="64 to 4096"):
        WAY.svg(size=size)


@pytest.mark.parametrize(("label", "fine"), [("x" * 60, True), ("x" * 61, False), ("a\nb", False), ("\u202ea", False)])
def test_the_label_has_bounds(label: str, fine: bool) -> None:
    if fine:
        assert label in WAY.svg(label=label)
        return
    with pytest.raises(ValueError, match="60 printable"):
        WAY.svg(label=label)


def test_a_button_is_one_escaped_link_with_letters_that_can_be_read() -> None:
    dark, light = WAY.button("Ask <us>", colour="#003"), WAY.button("Ask", colour="#ff0")
    link = ET.fromstring(dark)  # noqa: S314  we have drawn it ourselves
    assert (link.tag, link.attrib["href"], link.text) == ("a", WAY.url, "Ask <us>")
    assert "color:#ffffff" in dark
    assert "color:#000000" in light
    with pytest.raises(ValueError, match="must not be empty"):
        WAY.button(" ")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "segno", None)
    with pytest.raises(MissingExtra, match=r"convokit-sdk\[qr\]"):
        WAY.svg()


# ── signed refs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def signed(**changes: object) -> str:
    options: dict[str, object] = {"until": timedelta(days=1), "now": NOW, **changes}
    return SignedRefs(SECRET).sign(str(options.pop("value", "ten_percent")), **options)  # type: ignore[arg-type]  # by name, as the tests give them


def read(ref: str, *, channel: str = "tg", now: datetime = NOW, secret: str = SECRET) -> str | None:
    return SignedRefs(secret).value(ref, channel=channel, now=now)


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("value", ["a", "x" * 23, "Ten_percent_2026"])
def test_a_signed_ref_carries_its_value_and_fits_everywhere(value: str, once: bool) -> None:
    ref = signed(value=value, once=once)
    assert check_ref(ref)
    assert read(ref) == value


def test_it_counts_until_its_minute_and_no_longer() -> None:
    ref = signed(until=NOW + timedelta(minutes=30))
    assert read(ref, now=NOW + timedelta(minutes=30) - timedelta(microseconds=1)) == "ten_percent"
    assert read(ref, now=NOW + timedelta(minutes=30)) is None


def test_it_counts_on_its_channel_alone() -> None:
    assert read(signed(channel="tg")) == "ten_percent"
    assert read(signed(channel="tg"), channel="web") is None
    assert read(signed(), channel="web") == "ten_percent"


def test_another_secret_reads_nothing() -> None:
    assert read(signed(), secret="another secret of enough bytes") is None


@pytest.mark.parametrize("once", [False, True])
def test_every_changed_character_spoils_it(once: bool) -> None:
    ref = signed(once=once)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spoilt = {ref[:place] + one + ref[place + 1 :] for place in range(len(ref)) for one in alphabet} - {ref}
    # The last character of 128 bits in base 64 has two bits that say nothing: only its own spelling is taken.
    assert not {one for one in spoilt if read(one) is not None}
    assert read(ref[:-1]) is None
    assert read(ref + "A") is None


@given(st.text(max_size=80))
def test_whatever_somebody_writes_there_is_no_ref_of_ours(ref: str) -> None:
    assert read(ref) is None


@pytest.mark.parametrize("value", ["", "x" * 24, "a-b", "a b", "é"])
def test_a_value_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="1 to 23"):
        signed(value=value)


@pytest.mark.parametrize("until", [datetime(2026, 2, 1), datetime(1960, 1, 1, tzinfo=UTC)])  # noqa: DTZ001  the point
def test_a_time_that_cannot_be_carried_is_refused(until: datetime) -> None:
    with pytest.raises(ValueError, match="until"):
        signed(until=until)


def test_a_short_or_missing_secret_signs_and_reads_nothing() -> None:
    for secret in (Secret("x" * 15, "VOUCHERS"), Secret.unset("VOUCHERS")):
        with pytest.raises(DefinitionError, match="VOUCHERS"):
            SignedRefs(secret).sign("a", until=timedelta(days=1))
    assert "x" * 15 not in repr(SignedRefs("x" * 16))


# ── in a bot ────────────────────────────────────────────────────────────────────────────────────────────────────────


def voucher_bot() -> Bot:
    bot, refs, failing = Bot("shop"), SignedRefs(SECRET), {"left": 1}

    @bot.opened(refs.genuine)
    async def voucher(turn: Turn) -> None:
        value = await refs.take(turn)
        if failing["left"]:
            failing["left"] -= 1
            raise RuntimeError("the till is jammed")
        turn.reply(f"Yours: {value}" if value else "Used already.")

    @bot.opened()
    async def plain(turn: Turn) -> None:
        assert isinstance(turn.event, ConversationOpened)
        turn.reply(f"Welcome by {turn.event.ref}")

    return bot


@pytest.mark.anyio
async def test_one_that_counts_once_is_spent_by_the_first_even_if_the_turn_runs_again() -> None:
    async with Simulation(voucher_bot()) as world:
        ref = SignedRefs(SECRET).sign("ten", until=timedelta(days=3), once=True, now=world.clock.now())
        ada, ben = world.user("Ada"), world.user("Ben")
        assert await ada.opens(ref) == []
        await world.passes(minutes=5)
        assert ada.hears() == ["Yours: ten"]
        assert await ben.opens(ref) == ["Used already."]
        await world.restarts()
        assert await world.user("Eve").opens(ref) == ["Used already."]
        assert await ada.opens("spring-sale") == ["Welcome by spring-sale"]


@pytest.mark.anyio
async def test_a_forged_one_is_as_good_as_any_other_ref() -> None:
    async with Simulation(voucher_bot()) as world:
        ref = SignedRefs("a secret that is not ours").sign("ten", until=timedelta(days=3), now=world.clock.now())
        assert await world.user("Ada").opens(ref) == [f"Welcome by {ref}"]


@pytest.mark.anyio
async def test_what_is_no_opening_takes_nothing() -> None:
    event = ConversationOpened(id="1", conversation=ConversationId("tg", "1"), at=NOW, user=User(id="1"), ref="x")
    bot = Bot("shop")

    @bot.fallback
    async def said(turn: Turn) -> None:
        turn.reply(str(await SignedRefs(SECRET).take(turn)))

    del event
    async with Simulation(bot) as world:
        assert await world.user("Ada").says("hi") == ["None"]
