"""`convokit export`, `convokit erase`, `convokit audit`: one person's data by the command line."""

import io
import json
import os
import stat
import sys
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from convokit._engine.clock import SystemClock
from convokit.abc import Committed, Store
from convokit.cli import main
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.events import MessageReceived
from convokit.messages import Image, Message
from convokit.people import User
from convokit.stores import SQLite
from convokit.wire.codec import encode

Run = Callable[..., tuple[int, str, str]]

STORE = ("--store", "sqlite:///shop.db")
FILE = "f_01JQ0000000000000000000000"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with something on the standard input: exit status, output, errors."""

    def act(*argv: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = main(argv)
        said = capsys.readouterr()
        return status, said.out, said.err

    return act


def told(by: str, text: str, event_id: str, where: str = "") -> MessageReceived:
    return MessageReceived(
        id=event_id,
        conversation=ConversationId("web", where or by),
        at=datetime.now(UTC),
        user=User(id=by, name=by.title()),
        text=text,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A store in which Ada has talked with the bot and an operator, alone and in a room with Bob."""

    async def fill(store: Store) -> None:
        events = [told("ada", "my address", "m1"), told("bob", "bob's canary", "m2", "room")]
        await store.accept([*events, told("ada", "hello room", "m3", "room")])
        now = datetime.now(UTC)
        operator = {"author": "operator", "by": "op-1", "name": "Maya", "at": now}
        for lane in await store.claim("w", 10, 30):
            alone = lane.conversation.id.id == "ada"
            entries = [
                Entry(message=Message("here you are", attachments=[Image(ref=FILE)]), key="o:1", **operator),
                Entry(message=Message("staff canary"), key="o:2", kind="note", private=True, **operator),
                Entry(message=Message("reason canary"), key="o:3", kind="returned", **operator),
            ]
            handoff = Handoff(
                id="h",
                queue="",
                reason="reason canary",
                opened_at=now,
                operator="op-1",
                operator_name="Maya",
                closed_at=now,
            )

            await store.commit(
                [
                    Committed(
                        epoch=lane.epoch,
                        seq=1,
                        conversation=Conversation(id=lane.conversation.id, version=1, user=lane.events[0].event.user),
                        entries=tuple(entries) if alone else (),
                        closed=(handoff,) if alone else (),
                        facts={"web:ada": {"likes": "tea"}} if alone else {},
                    )
                ]
            )
        await store.keep(
            "visitors", "web:hash-canary", encode({"user": "Ada", "session": "token canary"}), about="web:ada"
        )
        await store.keep("inbox-tags", "web:ada", b'["tag canary"]', about="web:ada")
        await store.keep("files", FILE, encode({"id": FILE, "name": "photo.png"}), about="web:ada")

    on_store(fill)
    folder = tmp_path / "shop-files"
    folder.mkdir()
    (folder / FILE).write_bytes(b"picture")
    return folder


def on_store(act: Callable[[Store], Awaitable[None]]) -> None:
    async def opened() -> None:
        store = SQLite("shop.db")
        await store.open(SystemClock())
        await act(store)
        await store.close()

    anyio.run(opened)


def test_an_export_holds_the_person_and_neither_others_nor_notes_nor_secrets(run: Run, shop: Path) -> None:
    del shop
    status, said, _ = run("export", "web:ada", *STORE)
    assert status == 0
    found = json.loads(said)
    assert (found["format"], found["person"]) == ("convokit-export-1", "web:ada")
    assert found["profiles"] == [{"id": "web:ada", "facts": {"likes": "tea"}}]
    own, room = found["conversations"]
    assert [(one["author"], one["name"], one["message"]["text"]) for one in own["entries"] if "message" in one] == [
        ("user", "Ada", "my address"),
        ("operator", "Maya", "here you are"),
    ]
    assert [one["message"]["text"] for one in room["entries"]] == ["hello room"]
    assert [one["operator"] for one in own["handoffs"]] == ["Maya"]
    assert found["files"] == [FILE]
    assert {one["shelf"] for one in found["kept_by_channels"]} == {"visitors", "files"}
    for hidden in ("canary", "op-1", "bob"):
        assert hidden not in said
    assert datetime.fromisoformat(found["exported_at"]).tzinfo is not None
    again = json.loads(run("export", "web:ada", *STORE)[1])
    assert {**again, "exported_at": ""} == {**found, "exported_at": ""}

    with_notes = run("export", "web:ada", *STORE, "--notes")[1]
    for shown in ("staff canary", "reason canary", "tag canary"):
        assert shown in with_notes
    for hidden in ("bob", "token canary", "hash-canary"):
        assert hidden not in with_notes


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")
def test_an_export_is_a_new_file_for_one_user_alone(run: Run, shop: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        status, said, _ = run("export", "web:ada", *STORE, "--out", "ada.json", "--files", "--folder", str(shop))
    finally:
        os.umask(before)
    assert status == 0
    assert said == "ada.json: 2 conversations, 1 profiles\nada.json.zip: 1 files\n"
    for name in ("ada.json", "ada.json.zip"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with zipfile.ZipFile("ada.json.zip") as archive:
        assert archive.read(f"{FILE}-photo.png") == b"picture"

    target = tmp_path / "elsewhere"
    (tmp_path / "link.json").symlink_to(target)
    for name in ("ada.json", "link.json"):
        status, _, complaint = run("export", "web:ada", *STORE, "--out", name)
        assert (status, complaint) == (2, f"convokit: {name} is there already: name a new file\n")
    assert not target.exists()
    assert run("export", "web:ada", *STORE, "--files")[0] == 2
    assert run("export", "ada", *STORE)[0] == 2
    assert run("export", "web:ada")[0] == 2


def test_an_erasure_is_confirmed_by_typing_the_id(run: Run, shop: Path, tmp_path: Path) -> None:
    status, said, _ = run("erase", "web:ada", *STORE, "--dry-run")
    assert status == 0
    assert "2  conversations" in said
    assert "nothing was erased" in said.lower()
    status, _, complaint = run("erase", "web:ada", *STORE, typed="web:bob\n")
    assert (status, complaint) == (1, "convokit: that is not the id: nothing was erased\n")
    assert (shop / FILE).exists()

    status, said, _ = run("erase", "web:ada", *STORE, "--folder", str(shop), "--by", "maya", typed="web:ada\n")
    assert status == 0
    assert "1 files were removed" in said
    assert list(shop.iterdir()) == []
    assert run("erase", "web:ada", *STORE)[1] == "Nothing is kept of web:ada.\n"
    found = json.loads(run("export", "web:ada", *STORE)[1])
    assert (found["profiles"], found["conversations"], found["files"]) == ([], [], [])
    for one in (*tmp_path.glob("shop.db*"),):
        for gone in (b"my address", b"hello room", b"here you are", b"token canary"):
            assert gone not in one.read_bytes()

    status, said, _ = run("audit", *STORE)
    assert status == 0
    assert [line.split("  ")[1].split()[0] for line in said.splitlines()] == ["export", "erase", "erase", "erase"]
    assert said.count("by maya") == 3
    assert "ada" not in said
    lines = json.loads(run("audit", *STORE, "--user", "web:ada", "--json")[1])
    assert len(lines) == 4
    assert run("audit", *STORE, "--user", "web:bob")[1] == "Nothing was exported or erased.\n"


def test_the_settings_of_the_bot_say_what_is_kept_and_where_files_are(run: Run, shop: Path) -> None:
    Path("shop.py").write_text(
        'from convokit import Bot, Settings\nbot = Bot("shop", settings=Settings(erase_keeps=("profile",)))\n',
        encoding="utf-8",
    )
    status, said, _ = run("erase", "web:ada", "shop:bot", "--yes", "--keep", "handoffs")
    assert status == 0
    assert "Kept, as the settings or --keep say: handoffs, profile" in said
    assert list(shop.iterdir()) == []
    assert json.loads(run("export", "web:ada", "shop:bot")[1])["profiles"] == [
        {"id": "web:ada", "facts": {"likes": "tea"}}
    ]


def test_files_that_lie_elsewhere_are_left_to_the_running_bot(run: Run, shop: Path) -> None:
    status, said, _ = run("erase", "web:ada", *STORE, "--yes")
    assert status == 0
    assert "removed by the running bot" in said
    assert (shop / FILE).exists()


def test_a_store_that_is_not_there_is_not_made(run: Run) -> None:
    for command in (("export", "web:ada"), ("erase", "web:ada", "--yes"), ("audit",)):
        status, _, complaint = run(*command, *STORE)
        assert status == 1
        assert "there is no store shop.db" in complaint
    assert not Path("shop.db").exists()
