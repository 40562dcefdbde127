"""`convokit preview`: what each channel shows, in a terminal that it cannot drive, on a page that runs nothing."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from wcwidth import wcswidth

from convokit import Button, Card, ConversationId, Image, Link, Location, Message
from convokit.abc import Transport
from convokit.cli import main
from convokit.cli.preview_page import written
from convokit.cli.previewing import WIDE, boxed, look
from convokit.messages import Capabilities, Limit
from convokit.wire.codec import encode

BOT = """
from convokit import Bot, Button, Message
from convokit.abc import Transport
from convokit.messages import Capabilities

class Plain(Transport):
    def __init__(self, channel, **can):
        self.channel, self.capabilities = channel, Capabilities(**can)
    def remarks(self, message):
        return [f"{len(message.text)} letters"]
    async def send(self, to, message):
        raise AssertionError("nothing is sent")

bot = Bot("shop")
bot.attach(Plain("poor"), Plain("rich", buttons=3))
mute = Bot("mute")
ask = Message("Which one?", buttons=["Small", "Large"])
"""


class Channel(Transport):
    """A channel that can do what it is told."""

    def __init__(self, **can: object) -> None:
        self.channel = "some"
        self.capabilities = Capabilities(**can)  # type: ignore[arg-type]  # by name, as the tests give them

    async def send(self, to: ConversationId, message: Message) -> str | None:
        del to, message
        return None


@pytest.fixture(autouse=True)
def in_a_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "previewshop.py").write_text(BOT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_channel_shows_what_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "previewshop:bot", "previewshop:ask"]) == 0
    poor, rich = capsys.readouterr().out.split("\n\n")
    assert poor.startswith("poor Plain\n")
    assert "│ 1) Small" in poor
    assert "buttons as numbered options" in poor
    assert "letters" in poor
    assert "│ [ Small ]" in rich
    assert "numbered" not in rich


def test_a_text_is_a_text_though_it_looks_like_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "previewshop:bot", "Order:ready", "--channel", "rich"]) == 0
    told = capsys.readouterr().out
    assert "Order:ready" in told
    assert "poor" not in told


def test_a_message_can_come_from_a_file(in_a_shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (in_a_shop / "m.json").write_bytes(encode(Message("Hello", buttons=[Button("Yes")])))
    assert main(["preview", "previewshop:bot", "@m.json"]) == 0
    assert "[ Yes ]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["previewshop:bot", "previewshop:bot"], "is a Bot, not a Message"),
        (["previewshop:bot", "previewshop:nothing"], "has no 'nothing'"),
        (["previewshop:bot", "@none.json"], "none.json cannot be read"),
        (["previewshop:bot", "@previewshop.py"], "holds no message"),
        (["previewshop:bot", " "], "the message is empty"),
        (["previewshop:bot", "hi", "--channel", "fax"], "attached: poor, rich"),
        (["previewshop:mute", "hi"], "has no channels"),
        (["previewshop:bot", "hi", "--page", "none/page.html"], "none/page.html cannot be written: No such file"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_message_that_a_channel_cannot_take_is_told_with_the_status(
    in_a_shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_a_shop / "m.json").write_bytes(encode(Message("Hello", buttons=[Button("Yes", "x" * 1001)])))
    assert main(["preview", "previewshop:bot", "@m.json", "--page", "p.html"]) == 1
    assert "cannot be sent" in capsys.readouterr().out
    assert "Cannot be sent" in (in_a_shop / "p.html").read_text()


@pytest.mark.parametrize(
    ("message", "can", "said"),
    [
        (Message("a" * 30), {"text_limit": Limit(20)}, "2 messages"),
        (Message("a", buttons=[Button("Long label", "p")]), {"buttons": 1, "button_label": Limit(5)}, "Long label"),
        (Message("a", buttons=[Link("Shop", "https://x.example")]), {}, "links written out"),
        (Message("a", attachments=[Image("https://x.example/1")]), {}, "as links or words: image"),
        (Message(cards=[Card(title="One")]), {}, "cards as pictures and text"),
        (Message(location=Location(1, 2)), {}, "the place as a link to a map"),
        (Message("plain"), {}, ""),
    ],
)
def test_what_a_channel_cannot_show_is_named(message: Message, can: dict[str, object], said: str) -> None:
    assert said in "; ".join(look(Channel(**can), message).changes)
    if not said:
        assert not look(Channel(**can), message).changes


def test_a_frame_is_straight_whatever_is_written_in_it() -> None:
    texts = ("שלום לכולם", "中文字" * 30, "👩‍👩‍👧‍👦 family", "a\x1b]0;x\x07b", "word " * 60, "\u202eevil", "")
    lines = [line for text in texts for line in boxed(Message(text, buttons=[Button("OK")]))]
    assert {wcswidth(line) for line in lines} == {WIDE + 4}
    assert not [line for line in lines if "\x1b" in line or "\u202e" in line]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_nothing_of_a_message_becomes_markup() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    message = Message(
        evil,
        buttons=[Button(evil, "p"), Link(evil, "https://x.example/")],
        attachments=[Image(f"https://x.example/{evil}", alt=evil)],
        cards=[Card(title=evil, subtitle=evil, buttons=[Button(evil, "q")])],
        location=Location(1, 2, evil),
    )
    can = {"buttons": 3, "links": 3, "attachments": frozenset({"image"}), "cards": 3, "location": True}
    page = _Tags()
    page.feed(written(evil, [look(Channel(**can), message)]))
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.tags.count("img") == 1
