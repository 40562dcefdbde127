"""A file of our own folder that is said on a channel of a platform's goes out with its bytes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from convokit import (
    Bot,
    Button,
    Capabilities,
    File,
    Image,
    Message,
    MessageFailed,
    OperatorReplied,
    Settings,
    Turn,
    User,
)
from convokit.testing import Simulation
from convokit.wire.files import FileBox

pytestmark = pytest.mark.anyio

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\x0f\x00\x01\x01\x01\x00\x1b\xb6\xeeV\x00\x00\x00\x00IEND\xaeB`\x82"
)
GRACE = User(id="grace", name="Grace")


async def stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


def bot_with(folder: Path) -> tuple[Bot, list[str]]:
    bot, failures = Bot("shop", settings=Settings(files=str(folder))), list[str]()

    @bot.on(MessageFailed)
    async def failed(turn: Turn) -> None:
        assert isinstance(turn.event, MessageFailed)
        failures.append(turn.event.reason)

    return bot, failures


async def taken_in(world: Simulation, folder: Path, data: bytes, name: str) -> str:
    box = FileBox(folder, world.engine.store, world.clock)
    return (await box.take_in(stream(data), owner="grace", cid="0123456789abcdef", name=name)).id


async def test_a_customer_of_a_platform_gets_the_bytes_of_what_an_operator_sends(tmp_path: Path) -> None:
    bot, failures = bot_with(tmp_path)
    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await grace.takes(ada)
        ref = await taken_in(world, tmp_path, b"one,two\n", "prices.csv")
        said = Message("Our prices.", attachments=[File(ref=ref, alt="A list"), File("https://shop.example/a.pdf")])
        await world.happens(OperatorReplied, ada.conversation, operator=GRACE, message=said)
        ours, theirs = (one for heard in ada.hears() for one in heard.attachments)
        assert (ours.kind, ours.data, ours.media_type, ours.name) == ("file", b"one,two\n", "text/csv", "prices.csv")
        assert (ours.ref, ours.url, ours.alt) == ("", "", "A list")
        assert theirs.url == "https://shop.example/a.pdf"
        entry = (await world.engine.history(ada.conversation))[-1]
        assert entry.message.attachments[0].ref == ref, "the log names the file and does not hold it"
    assert failures == []


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_a_picture_stays_a_picture_and_buttons_stay_with_it(tmp_path: Path) -> None:
    bot, _ = bot_with(tmp_path)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        ref = await taken_in(world, tmp_path, PNG, "pizza.png")
        said = Message(attachments=[Image(ref=ref, name="ours.png")], buttons=[Button("Buy", "buy")])
        await world.engine.send(ada.conversation, said)
        await world.settles()
        (heard,) = ada.hears()
        (picture,) = heard.attachments
        assert isinstance(picture, Image)
        assert (picture.media_type, picture.name) == ("image/png", "ours.png")
        assert picture.data is not None
        assert picture.data.startswith(b"\x89PNG")
        assert len(heard.buttons) == 1


async def test_a_platforms_own_handle_is_left_to_its_transport(tmp_path: Path) -> None:
    bot, _ = bot_with(tmp_path)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await world.engine.send(ada.conversation, Message(attachments=[Image(ref="photo:AgAC"), File(ref="f_short")]))
        await world.settles()
        assert [one.ref for heard in ada.hears() for one in heard.attachments] == ["photo:AgAC", "f_short"]


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
@pytest.mark.parametrize("gone", ["from the folder", "from the shelf"])
async def test_a_file_that_is_gone_is_a_failure_that_is_told_and_kept(tmp_path: Path, gone: str) -> None:
    bot, failures = bot_with(tmp_path)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        ref = await taken_in(world, tmp_path, b"one,two\n", "prices.csv")
        if gone == "from the folder":
            (tmp_path / ref).unlink()
        else:
            await world.engine.store.take_off("files", ref)
        await world.engine.send(ada.conversation, Message(attachments=[File(ref=ref)]))
        await world.engine.send(ada.conversation, "next")
        await world.settles()
        assert ada.hears() == ["next"]
        (failed,) = await world.engine.failed()
        assert "not there any more" in failed.error
        assert len(failures) == 1


async def test_a_file_that_cannot_be_read_now_is_tried_again(tmp_path: Path) -> None:
    bot, failures = bot_with(tmp_path)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        ref = await taken_in(world, tmp_path, b"one,two\n", "prices.csv")
        (tmp_path / ref).rename(tmp_path / "aside")
        (tmp_path / ref).mkdir()
        await world.engine.send(ada.conversation, Message(attachments=[File(ref=ref)]))
        await world.settles()
        assert ada.hears() == []
        (tmp_path / ref).rmdir()
        (tmp_path / "aside").rename(tmp_path / ref)
        await world.passes(minutes=1)
        assert [one.data for heard in ada.hears() for one in heard.attachments] == [b"one,two\n"]
    assert failures == []


async def test_a_channel_that_takes_files_by_address_only_says_so(tmp_path: Path) -> None:
    bot, _ = bot_with(tmp_path)
    by_address = Capabilities(attachments=frozenset({"file"}))
    async with Simulation(bot, capabilities=by_address) as world:
        ada = world.user("Ada")
        ref = await taken_in(world, tmp_path, b"one,two\n", "prices.csv")
        await world.engine.send(ada.conversation, Message(attachments=[File(ref=ref)]))
        await world.settles()
        (failed,) = await world.engine.failed()
        assert "by their address only" in failed.error
