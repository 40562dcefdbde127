"""Cut, delayed, doubled, in two tabs, over sockets and polls: what pages show is the server's log, exactly."""

import random
from functools import partial
from typing import Any

import anyio
from browsers import Browser, Closed, Frame, Line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_hostile import WIDE


class Page:
    """The page's side, as pages.md tells it: a cursor, a stash, an outbox of rows whose ids never change."""

    def __init__(self, browser: Browser, name: str) -> None:
        self.browser = browser
        self.name = name
        self.conv: str | None = None
        self.log: str | None = None
        self.cursor = 0
        self.shown: list[Frame] = []
        self.stash: dict[int, Frame] = {}
        self.outbox: list[tuple[str, str]] = []
        self.made = 0

    def write(self) -> None:
        self.made += 1
        self.outbox.append((f"cid_{self.name}_{self.made:012d}", f"{self.name}{self.made}"))

    def read(self, frame: Frame) -> None:
        if frame["t"] in {"ack", "entry", "state", "welcome"} and frame.get("conv"):
            self.conv, self.log = frame["conv"], frame["log"]
        if frame["t"] == "welcome" and frame["gap"]:
            self.shown, self.cursor, self.stash = [], frame["from"] - 1, {}
        if frame["t"] == "ack":
            self.outbox = [row for row in self.outbox if row[0] != frame["cid"]]
        entries = [frame] if frame["t"] == "entry" else frame.get("entries", ())
        for one in entries:
            self.outbox = [row for row in self.outbox if row[0] != one.get("cid")]
            if one["seq"] > self.cursor:
                self.stash[one["seq"]] = one
        while self.cursor + 1 in self.stash:
            self.cursor += 1
            self.shown.append(self.stash.pop(self.cursor))

    async def read_all(self, line: Line) -> None:
        for frame in await line.waiting():
            self.read(frame)

    async def live(self, chance: random.Random, steps: int) -> None:
        """One life of a line: hello, some of what is to be said (perhaps twice), and a cut at a random place."""
        async with self.browser.open() as line:
            await line.send("hello", v=1, conv=self.conv, log=self.log, after=self.cursor)
            if chance.random() < 0.2:
                return  # cut before the welcome was read
            self.read(await line.until("welcome"))
            for _ in range(steps):
                if chance.random() < 0.6:
                    self.write()
                for cid, text in self.outbox[:1]:
                    for _ in range(1 + (chance.random() < 0.3)):
                        await line.send("send", cid=cid, text=text)
                if chance.random() < 0.15:
                    return  # cut before the ack, perhaps before the commit
                if chance.random() < 0.7:
                    await self.read_all(line)

    async def settle(self) -> None:
        """A last life in which nothing goes wrong."""
        async with self.browser.open() as line:
            await line.send("hello", v=1, conv=self.conv, log=self.log, after=self.cursor)
            await self.read_all(line)
            while self.outbox:
                cid, text = self.outbox[0]
                await line.send("send", cid=cid, text=text)
                await self.read_all(line)


async def chat(open_shop: Any, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  chance, not a secret
    async with open_shop(bounds=WIDE) as shop:
        browser = shop.browser()
        await browser.visit()
        one, two = Page(browser, "a"), Page(browser, "b")
        async with anyio.create_task_group() as tasks:
            for page in (one, two):

                async def lives(page: Page = page) -> None:
                    for _ in range(6):
                        try:
                            await page.live(chance, 6)
                        except Closed as end:
                            raise AssertionError(f"the server closed the line: {end}") from None

                tasks.start_soon(lives)
        for page in (one, two):
            await page.settle()
        await shop.engine.quiet()
        for page in (one, two):
            await page.settle()
        conv = one.conv or two.conv
        if conv is None:
            assert not one.made
            assert not two.made
            return
        log = await shop.store.log(shop.conversation(conv), public=True, limit=1000)
        server = [(logged.public, logged.entry.key, logged.entry.message.text) for logged in log.entries]
        for page in (one, two):
            assert [(frame["seq"], frame["id"], frame["text"]) for frame in page.shown] == server
            mine = [text for _, _, text in server if text.startswith(page.name)]
            assert mine == [f"{page.name}{number}" for number in range(1, page.made + 1)], "each once, in order"
        answers = [text for _, _, text in server if text.startswith("You said: ")]
        said = [text for _, _, text in server if not text.startswith("You said: ")]
        assert answers == [f"You said: {text}" for text in said]


# On trio, since anyio's wait for a quiet moment sleeps a tenth of a second each time on asyncio.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_what_two_tabs_show_is_the_log_exactly_whatever_happens_to_their_lines(open_shop: Any, seed: int) -> None:
    anyio.run(partial(chat, open_shop, seed), backend="trio")


def test_it_holds_on_asyncio_too(open_shop: Any) -> None:
    anyio.run(partial(chat, open_shop, 7))
