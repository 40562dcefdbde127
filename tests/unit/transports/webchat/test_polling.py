"""The same chat where sockets are blocked."""

from typing import Any

import anyio
import pytest
from browsers import Browser, Frame

from convokit.stores import Memory

pytestmark = pytest.mark.anyio


def cid(number: int) -> str:
    return f"cid_0123456789{number:04d}"


class Poller:
    """A page that polls: it keeps its cursor, and what it has read."""

    def __init__(self, page: Browser) -> None:
        self.page = page
        self.sid: str | None = None
        self.conv: str | None = None
        self.log: str | None = None
        self.after = 0
        self.entries: list[Frame] = []

    async def poll(self, *frames: Frame, wait: int = 0) -> list[Frame]:
        body = {"sid": self.sid, "conv": self.conv, "log": self.log, "after": self.after}
        reply = await self.page.post("v1/poll", {**body, "wait": wait, "frames": list(frames)})
        assert reply.status == 200, reply.body
        said = reply.json()
        self.sid = said["sid"]
        for frame in said["frames"]:
            self.conv, self.log = frame.get("conv") or self.conv, frame.get("log") or self.log
            for one in frame.get("entries", [frame] if frame["t"] == "entry" else []):
                if one["seq"] == self.after + 1:
                    self.entries.append(one)
                    self.after += 1
        got: list[Frame] = said["frames"]
        return got


async def test_a_page_that_polls_talks_as_one_with_a_socket(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        poller = Poller(page)
        (welcome,) = await poller.poll()
        assert welcome["t"] == "welcome"
        frames = await poller.poll({"t": "send", "cid": cid(1), "text": "hi"})
        assert "ack" in {one["t"] for one in frames}
        await shop.engine.quiet()
        await anyio.wait_all_tasks_blocked()
        await poller.poll()
        assert [one["text"] for one in poller.entries] == ["hi", "You said: hi"]


async def test_a_held_poll_is_answered_as_soon_as_something_happens(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        poller = Poller(page)
        await poller.poll({"t": "hello", "v": 1, "conv": None, "log": None, "after": 0})
        await poller.poll({"t": "send", "cid": cid(1), "text": "hi"})
        await shop.engine.quiet()
        await anyio.wait_all_tasks_blocked()
        await poller.poll()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: poller.poll(wait=25_000))
            await anyio.wait_all_tasks_blocked()
            await shop.engine.send(shop.conversation(poller.conv), "news")
        assert poller.entries[-1]["text"] == "news"


async def test_an_answer_that_was_lost_is_given_again(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        poller = Poller(page)
        await poller.poll()
        await poller.poll({"t": "send", "cid": cid(1), "text": "hi"})
        await shop.engine.quiet()
        await anyio.wait_all_tasks_blocked()
        lost = {"sid": poller.sid, "conv": poller.conv, "log": poller.log, "after": poller.after, "wait": 0}
        assert (await page.post("v1/poll", {**lost, "frames": []})).json()["frames"], "this answer is lost"
        await poller.poll()
        assert [one["text"] for one in poller.entries] == ["hi", "You said: hi"]


async def test_an_unknown_sid_is_welcomed_from_its_cursor(open_shop: Any) -> None:
    store = Memory()
    async with open_shop(store=store) as shop:
        page = shop.browser()
        await page.visit()
        poller = Poller(page)
        await poller.poll()
        await poller.poll({"t": "send", "cid": cid(1), "text": "hi"})
        await shop.engine.quiet()
    async with open_shop(store=store, clock=shop.clock) as again:
        page.app = again.browser().app
        old = poller.sid
        await poller.poll()
        assert poller.sid != old
        assert [one["text"] for one in poller.entries] == ["hi", "You said: hi"]


async def test_a_sid_of_somebody_else_is_unknown(open_shop: Any) -> None:
    async with open_shop() as shop:
        ada, eve = shop.browser(), shop.browser()
        await ada.visit()
        await eve.visit()
        mine = Poller(ada)
        await mine.poll()
        theirs = Poller(eve)
        theirs.sid = mine.sid
        (frame,) = await theirs.poll()
        assert frame["t"] == "welcome"
        assert theirs.sid != mine.sid


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (b"{", 400), (b'{"frames":[1]}', 400), (b"x" * 140_000, 413)],
)
async def test_what_is_no_poll_is_refused(open_shop: Any, body: bytes, status: int) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        assert (await page.request("POST", "v1/poll", body)).status == status


async def test_who_polls_no_more_is_forgotten(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        await Poller(page).poll()
        assert len(shop.chat._pages) == 1
        await shop.passes(66)
        assert len(shop.chat._pages) == 0
