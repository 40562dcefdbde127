"""Judge: the published Direct Line client (npm botframework-directlinejs), run by Node against a server on loopback."""

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from convokit import Bot, Button, Card, Message, Settings, Turn
from convokit._engine.door import enter
from convokit.desks import Local
from convokit.events import ConversationOpened
from convokit.transports import WebChat
from convokit.transports.webchat import streams
from convokit.transports.webchat.settings import Bounds

pytestmark = pytest.mark.slow

CLIENT = "botframework-directlinejs@0.15.8"
SECRET = "the secret of the business's own server"
PATIENCE = 20.0
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client, installed once a run."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node and npm, which run the Direct Line client, are not installed")
    folder = tmp_path_factory.mktemp("directline")
    (folder / "package.json").write_text('{"private": true}')
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", CLIENT, "ws@8"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603  our own words
    if made.returncode:
        pytest.skip(f"npm could not install {CLIENT}: {made.stderr.strip()[-300:]}")
    return folder


def shop() -> Bot:
    bot = Bot("shop", desk=Local())

    @bot.on(ConversationOpened)
    async def hello(turn: Turn) -> None:
        turn.reply("Welcome", buttons=[Button("Track it", "track:42")])

    @bot.button("track:{order}")
    async def track(turn: Turn) -> None:
        turn.reply(f"order {turn.params['order']}")

    @bot.text("cards")
    async def cards(turn: Turn) -> None:
        turn.reply(Message("Look", cards=[Card(title="A"), Card(title="B")]))

    @bot.attachment("image", "file")
    async def received(turn: Turn) -> None:
        turn.reply("got it")

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(f"You said: {turn.text}")

    return bot


class Served:
    """A server on loopback, in a thread of its own, that can be stopped and started on the same store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"sqlite:///{folder / 'shop.db'}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.domain = f"{self.url}/web/v3/directline"

    def start(self) -> None:
        chat = WebChat(direct_line_secret=SECRET, bounds=Bounds(sends=(1000, 0.01)))
        bot = shop()
        bot.attach(chat)
        settings = Settings(files=str(self.folder / "files"))
        app = _app(bot, self.store, settings)
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="error", ws="websockets-sansio")
        )
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        end = monotonic() + PATIENCE
        while not self._server.started and monotonic() < end:
            assert self._thread.is_alive(), "the server did not start"
            self._thread.join(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def generate(self, **asked: Any) -> dict[str, Any]:
        """What the business's own server does for its page."""
        answer = httpx.post(f"{self.domain}/tokens/generate", json=asked, headers={"authorization": f"Bearer {SECRET}"})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


def _app(bot: Bot, store: str, settings: Settings) -> Any:
    """The bot as an ASGI app with a lifespan of its own."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with bot.serve(store, settings=settings) as engine:
            app.state.engine = engine
            yield

    made = Starlette(lifespan=lifespan)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await made(scope, receive, send)
        else:
            await enter(made.state.engine, scope, receive, send)

    return serve


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Client:
    """The client in its Node."""

    def __init__(self, packages: Path) -> None:
        script = packages / "client.mjs"
        if not script.exists():
            shutil.copy(Path(__file__).parent / "directline" / "client.mjs", script)
        self._node = subprocess.Popen(  # noqa: S603  our own words
            [shutil.which("node") or "node", str(script)],
            cwd=packages,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
        )
        self._told: Queue[dict[str, Any] | None] = Queue()
        self.seen: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._node.stdout is not None
        for text in self._node.stdout:
            self._told.put(json.loads(text) if text.startswith("{") else {"what": "words", "text": text})
        self._told.put(None)

    def does(self, command: str, **given: Any) -> None:
        assert self._node.stdin is not None
        self._node.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self._node.stdin.flush()

    def until(self, what: str, matches: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """What the client tells next of this kind; a deadline and what it told before when it does not."""
        end = monotonic() + PATIENCE
        while True:
            try:
                told = self._told.get(timeout=max(0.01, end - monotonic()))
            except Empty:
                pytest.fail(f"no {what} came; before: {self.seen[-8:]}")
            assert told is not None, f"the client ended; before: {self.seen[-8:]}"
            self.seen.append(told)
            if told["what"] == what and matches(told):
                return told

    def hears(self, text: str) -> dict[str, Any]:
        """The activity with this text."""
        found: dict[str, Any] = self.until("activity", lambda told: told["activity"].get("text") == text)["activity"]
        return found

    def says(self, text: str, **activity: Any) -> str:
        """Post a message; its id."""
        self.does("post", activity={"type": "message", "from": {"id": "somebody"}, "text": text, **activity})
        posted: str = self.until("posted")["id"]
        return posted

    def texts(self) -> list[str]:
        return [one["activity"].get("text", "") for one in self.seen if one["what"] == "activity"]

    def close(self) -> None:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.close()
        self._node.kill()
        self._node.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._node.stdout.close()


@pytest.fixture
def client(packages: Path) -> Iterator[Callable[[], Client]]:
    made: list[Client] = []

    def make() -> Client:
        made.append(Client(packages))
        return made[-1]

    yield make
    for one in made:
        one.close()


def data(number: int) -> dict[str, Any]:
    """As Web Chat sends it."""
    return {"clientActivityID": f"1683{number}.k3x2"}


@pytest.mark.parametrize("web_socket", [True, False], ids=["stream", "polling"])
def test_the_client_connects_says_and_hears_each_once_and_in_order(
    served: Served, client: Callable[[], Client], web_socket: bool
) -> None:
    page = client()
    page.does(
        "connect",
        domain=served.domain,
        token=served.generate(user={"id": "dl_ida", "name": "Ida"})["token"],
        webSocket=web_socket,
        pollingInterval=200,
    )
    page.until("status", lambda told: told["status"] == 2)
    assert page.hears("Welcome")["suggestedActions"]["actions"][0]["title"] == "Track it"
    for number in range(5):
        posted = page.says(f"hello {number}", channelData=data(number))
        echo = page.until("activity", lambda told: told["activity"].get("text", "").startswith("hello"))["activity"]
        assert (echo["id"], echo["channelData"]) == (posted, data(number))
        assert echo["from"] == {"id": "dl_ida", "name": "Ida", "role": "user"}
        answer = page.hears(f"You said: hello {number}")
        assert answer["replyToId"] == posted
    page.does("told")
    told = page.until("told")
    assert (told["watermark"], told["user"]) == ("11", "dl_ida")
    said = [one for number in range(5) for one in (f"hello {number}", f"You said: hello {number}")]
    assert page.texts() == ["Welcome", *said]


def test_the_client_presses_a_button_and_shows_cards(served: Served, client: Callable[[], Client]) -> None:
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"])
    button = page.hears("Welcome")["suggestedActions"]["actions"][0]
    page.says(button["text"], value=button["value"], channelData={"messageBack": {"displayText": "Track it"}})
    page.hears("order 42")
    page.says("cards")
    page.hears("Look")
    cards = page.until("activity", lambda told: "attachments" in told["activity"])["activity"]
    assert cards["attachmentLayout"] == "carousel"
    assert [one["content"]["title"] for one in cards["attachments"]] == ["A", "B"]


def test_the_client_uploads_files_and_reads_them_back(served: Served, client: Callable[[], Client]) -> None:
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"])
    page.until("status", lambda told: told["status"] == 2)
    picture = "data:image/png;base64," + base64.b64encode(PNG).decode()
    page.says(
        "two files",
        channelData=data(1),
        attachments=[
            {"contentType": "image/png", "contentUrl": picture, "name": "a.png", "thumbnailUrl": picture},
            {"contentType": "text/plain", "contentUrl": "data:text/plain,hello", "name": "Grüße.txt"},
        ],
    )
    echo = page.hears("two files")
    assert echo["channelData"] == data(1)
    # The client fetches the files side by side and appends each as it has it.
    found = {one["name"]: httpx.get(one["contentUrl"]) for one in echo["attachments"]}
    assert found["a.png"].content == PNG
    assert found["a.png"].headers["content-type"] == "image/png"
    assert found["Grüße.txt"].content == b"hello"
    assert found["Grüße.txt"].headers["content-disposition"].startswith("attachment;")
    page.hears("got it")


def test_the_client_comes_back_after_a_restart_and_misses_nothing(served: Served, client: Callable[[], Client]) -> None:
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"])
    page.hears("Welcome")
    page.says("before")
    page.hears("You said: before")
    page.does("told")
    told = page.until("told")
    served.stop()
    served.start()
    # Said by another page of the same person, before the first has come back.
    other = client()
    other.does(
        "connect", domain=served.domain, token=told["token"], conversationId=told["conversationId"], webSocket=False
    )
    other.says("meanwhile")
    page.hears("You said: meanwhile")
    page.says("after")
    page.hears("You said: after")
    said = [one for text in ("before", "meanwhile", "after") for one in (text, f"You said: {text}")]
    assert page.texts() == ["Welcome", *said]


def test_a_page_that_is_loaded_anew_resumes_after_its_watermark_or_with_what_is_new(
    served: Served, client: Callable[[], Client]
) -> None:
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"])
    page.hears("Welcome")
    page.says("alpha")
    page.hears("You said: alpha")
    page.does("told")
    told = page.until("told")
    page.close()
    resumed = {"domain": served.domain, "token": told["token"], "conversationId": told["conversationId"]}
    again = client()
    again.does("connect", **resumed, watermark="1")
    again.hears("You said: alpha")
    assert again.texts() == ["alpha", "You said: alpha"]
    fresh = client()
    fresh.does("connect", **resumed)
    fresh.says("beta")
    fresh.hears("You said: beta")
    assert fresh.texts() == ["beta", "You said: beta"]


def test_the_client_refreshes_its_token(served: Served, client: Callable[[], Client]) -> None:
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"])
    page.until("status", lambda told: told["status"] == 2)
    page.does("refresh")
    page.until("refreshed")
    page.says("still here")
    page.hears("You said: still here")


def test_a_token_that_is_none_fails_and_a_conversation_of_somebody_else_is_refused(
    served: Served, client: Callable[[], Client]
) -> None:
    page = client()
    page.does("connect", domain=served.domain, token="nonsense")
    page.until("status", lambda told: told["status"] == 4)
    theirs, mine = served.generate(), served.generate()
    other = client()
    other.does("connect", domain=served.domain, token=mine["token"], conversationId=theirs["conversationId"])
    other.until("status", lambda told: told["status"] == 4)


def test_what_is_refused_for_good_is_told_as_that(served: Served, client: Callable[[], Client]) -> None:
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"])
    page.until("status", lambda told: told["status"] == 2)
    page.does("post", activity={"type": "message", "from": {"id": "x"}, "text": "x" * 9000})
    assert page.until("unposted")["status"] == 413


def test_empty_frames_do_no_harm(served: Served, client: Callable[[], Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    page = client()
    page.does("connect", domain=served.domain, token=served.generate()["token"], timeout=200)
    page.says("hello")
    page.hears("You said: hello")
    page.does("told")
    before = page.until("told")["streamUrl"]
    page.says("again")
    page.hears("You said: again")
    page.does("told")
    assert page.until("told")["streamUrl"] == before, "the stream was opened anew"


def test_the_newer_of_two_streams_has_the_conversation(served: Served, client: Callable[[], Client]) -> None:
    first, second = client(), client()
    first.does("connect", domain=served.domain, token=served.generate()["token"])
    first.hears("Welcome")
    first.does("told")
    told = first.until("told")
    second.does("connect", domain=served.domain, token=told["token"], conversationId=told["conversationId"])
    second.says("hello")
    second.hears("You said: hello")
