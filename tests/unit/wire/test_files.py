"""Files come in with bounds and are known by their bytes, lose what they tell of their place, leave by signed links."""

import errno
import os
import stat
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from convokit.messages import Audio, File, Image, Video
from convokit.stores.memory import Memory
from convokit.testing.store_contract import HandClock
from convokit.wire import sniffing
from convokit.wire.disk import Coming
from convokit.wire.files import (
    Blocked,
    Empty,
    FileBox,
    FileRefused,
    Kept,
    NoRoom,
    TooBig,
    TooMuch,
    TooSlow,
    WrongType,
)
from convokit.wire.naming import FILE_ID, disposition, new_id, plain_name
from convokit.wire.pages import static
from convokit.wire.sniffing import agreed, orientation, plain_type, size_of, sniff
from convokit.wire.stripping import stripped

PLACE = b"GPS 52.520008 N 13.404954 E"
CID = "a-sender's-own-id".replace("'", "_")


# ── files, made by hand ──


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def exif(turned: int) -> bytes:
    """An EXIF as a phone writes it: little endian, the orientation, and where it was."""
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, turned, 0) + b"\0\0\0\0" + PLACE


def png(width: int = 3, height: int = 2, *extra: bytes) -> bytes:
    rows = zlib.compress(b"".join(b"\0" + bytes(n % 256 for n in range(width)) for _ in range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def segment(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content


# 8x8 grey: quantisers of 1, one Huffman code a table, and a scan that says "nothing differs".
JPEG_BODY = (
    segment(0xDB, b"\0" + b"\x01" * 64)
    + segment(0xC0, struct.pack(">BHHB", 8, 20, 10, 1) + b"\x01\x11\0")
    + segment(0xC4, b"\0" + b"\x01" + b"\0" * 15 + b"\0")
    + segment(0xC4, b"\x10" + b"\x01" + b"\0" * 15 + b"\0")
    + segment(0xDA, b"\x01\x01\0\0\x3f\0")
    + b"\x03\xff\x00\xff\xd0\x3f"
)
JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")


def jpeg(*extra: bytes, after: bytes = b"") -> bytes:
    return b"\xff\xd8" + JFIF + b"".join(extra) + JPEG_BODY + b"\xff\xd9" + after


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


VP8L = (b"VP8L", b"\x2f" + struct.pack("<I", (7 - 1) | (5 - 1) << 14) + b"\0\0\0\0")
VP8X = (b"VP8X", bytes([0x0C]) + b"\0\0\0" + (7 - 1).to_bytes(3, "little") + (5 - 1).to_bytes(3, "little"))


def gif(*extra: bytes) -> bytes:
    picture = b",\0\0\0\0\x04\0\x03\0\0" + b"\x02\x02\x4c\x01\0"
    return b"GIF89a" + struct.pack("<HH", 4, 3) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff" + b"".join(extra) + picture + b";"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def avif(brand: bytes = b"avif") -> bytes:
    """A file whose second item is an EXIF behind the boxes."""
    head = box(b"ftyp", brand + b"\0\0\0\0" + b"mif1avif")
    sizes = box(b"iprp", box(b"ipco", box(b"ispe", b"\0\0\0\0" + struct.pack(">II", 64, 48))))
    items = b"".join(
        box(b"infe", b"\x02\0\0\0" + struct.pack(">HH", n, 0) + kind) for n, kind in ((1, b"av01"), (2, b"Exif"))
    )
    info = box(b"iinf", b"\0\0\0\0\0\x02" + items)
    picture, told = b"the picture itself", b"Exif of " + PLACE

    def meta(at: int) -> bytes:
        rows = struct.pack(">HHHII", 1, 0, 1, at, len(picture)) + struct.pack(
            ">HHHII", 2, 0, 1, at + len(picture), len(told)
        )
        return box(b"meta", b"\0\0\0\0" + info + box(b"iloc", b"\0\0\0\0\x44\0\0\x02" + rows) + sizes)

    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", picture + told)


PDF = b"%PDF-1.7\n..."
ZIP = b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


async def said(*pieces: bytes) -> AsyncIterator[bytes]:
    for one in pieces:
        yield one


class Boxed:
    """A box in a folder of its own, with the clock and the store it was given."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = HandClock()
        self.store = Memory()
        self.box = FileBox(folder / "files", self.store, self.clock, **settings)

    async def put(self, *pieces: bytes, **given: str) -> Kept:
        asked = {"owner": "v_1", "cid": CID, "name": "it.txt", "declared": "", **given}
        return await self.box.take_in(said(*pieces), **asked)

    def lying(self) -> list[str]:
        return sorted(one.name for one in self.box.folder.iterdir())


Make = Callable[..., Awaitable[Boxed]]


@pytest.fixture
def boxed(tmp_path: Path) -> Make:
    async def make(**settings: Any) -> Boxed:
        made = Boxed(tmp_path, **settings)
        await made.store.open(made.clock)
        await made.box.open()
        return made

    return make


# ── in ──


async def test_a_file_is_kept_under_a_name_of_its_own_and_for_the_process_alone(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(png(), name="Rome.png", declared="image/png")
    assert FILE_ID.fullmatch(kept.id)
    assert (kept.owner, kept.name, kept.media_type, kept.width, kept.height) == ("v_1", "Rome.png", "image/png", 3, 2)
    assert (kept.size, kept.at) == (len(png()), it.clock.now())
    assert it.lying() == [kept.id]
    assert stat.S_IMODE(it.box.path(kept.id).stat().st_mode) == 0o600
    assert stat.S_IMODE(it.box.folder.stat().st_mode) == 0o700
    assert await it.box.data_of(kept.id) == png()
    assert await it.box.about(kept.id) == kept


async def test_a_folder_that_others_could_read_is_closed_to_them(tmp_path: Path, boxed: Make) -> None:
    (tmp_path / "files").mkdir(mode=0o755)
    it = await boxed()
    assert stat.S_IMODE(it.box.folder.stat().st_mode) == 0o700


async def test_what_is_known_and_the_links_outlive_the_process(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(b"hello")
    again = FileBox(it.box.folder, it.store, it.clock)
    await again.open()
    assert await again.about(kept.id) == kept
    assert again.link(kept.id) == it.box.link(kept.id)
    assert await again.take_in(said(b"hello"), owner="v_1", cid=CID) == kept


async def test_the_same_cid_gives_the_same_answer_whatever_comes_with_it(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(b"first")
    assert await it.put(b"second", name="other.pdf") == kept
    assert await it.put(PDF * 10**6) == kept
    assert await it.box.data_of(kept.id) == b"first"
    assert it.lying() == [kept.id]


async def test_the_same_cid_of_somebody_else_is_another_file(boxed: Make) -> None:
    it = await boxed()
    first = await it.put(b"first")
    assert (await it.put(b"second", owner="v_2")).id != first.id
    # Not even where the two could be written alike.
    one = await it.put(b"x", owner="v:1", cid="2" * 16)
    assert (await it.put(b"y", owner="v", cid="1:" + "2" * 16)).id != one.id


async def test_of_two_that_come_at_once_under_one_cid_one_is_kept(boxed: Make) -> None:
    it = await boxed()
    found: list[Kept] = []
    both = anyio.Event()

    async def slowly(content: bytes, waits: bool) -> AsyncIterator[bytes]:
        yield content
        if waits:
            await both.wait()
        else:
            both.set()

    async def send(content: bytes, waits: bool) -> None:
        found.append(await it.box.take_in(slowly(content, waits), owner="v_1", cid=CID))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, b"one", True)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(send, b"two", False)
    assert found[0] == found[1]
    assert it.lying() == [found[0].id]
    assert list(await it.store.on_shelf("files")) == [found[0].id]


@pytest.mark.parametrize("size", [1, 9, 10])
async def test_a_file_may_have_as_many_bytes_as_it_may_have(boxed: Make, size: int) -> None:
    it = await boxed(most_bytes=10)
    assert (await it.put(b"x" * size)).size == size


@pytest.mark.parametrize("pieces", [(b"x" * 11,), (b"x" * 10, b"x"), (b"x",) * 11])
async def test_one_byte_more_is_too_many_however_it_comes(boxed: Make, pieces: tuple[bytes, ...]) -> None:
    it = await boxed(most_bytes=10)
    with pytest.raises(TooBig) as caught:
        await it.put(*pieces)
    assert (caught.value.most, caught.value.status, caught.value.code) == (10, 413, "too_big")
    assert caught.value.figures == {"max": 10}
    assert it.lying() == []


async def test_an_empty_file_is_none(boxed: Make) -> None:
    it = await boxed()
    for pieces in ((), (b"",)):
        with pytest.raises(Empty):
            await it.put(*pieces)
    assert it.lying() == []


async def test_a_day_holds_so_many_bytes_of_one_person_and_the_next_as_many_again(boxed: Make) -> None:
    it = await boxed(most_bytes=60, most_a_day=100)
    await it.put(b"x" * 60, cid="1" * 16)
    it.clock.passes(hours=2)
    await it.put(b"x" * 40, cid="2" * 16)
    with pytest.raises(TooMuch) as caught:
        await it.put(b"x", cid="3" * 16)
    assert (caught.value.status, caught.value.code) == (429, "rate")
    assert caught.value.retry_after == 22 * 3600
    assert caught.value.figures == {"after_ms": 22 * 3600 * 1000, "max": 100}
    await it.put(b"x" * 60, cid="3" * 16, owner="v_2")
    it.clock.passes(hours=22)
    await it.put(b"x" * 60, cid="4" * 16)
    with pytest.raises(TooMuch):
        await it.put(b"x", cid="5" * 16)


async def test_what_is_still_coming_counts_for_the_day_too(boxed: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convokit.wire.files._DRAIN_SECONDS", 0.01)  # what is refused goes on only when it was refused
    it = await boxed(most_bytes=60, most_a_day=100)
    refused: list[TooMuch] = []
    full = anyio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x" * 60
        await full.wait()

    async def send(cid: str) -> None:
        try:
            await it.box.take_in(slowly(), owner="v_1", cid=cid)
        except TooMuch as problem:
            refused.append(problem)
            full.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, "1" * 16)
        tasks.start_soon(send, "2" * 16)
    assert len(refused) == 1
    assert len(it.lying()) == 1


async def test_a_repeat_costs_nothing_of_the_day(boxed: Make) -> None:
    it = await boxed(most_a_day=100)
    for _ in range(3):
        await it.put(b"x" * 60)
    assert (await it.put(b"x" * 40, cid="2" * 16)).size == 40


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"<html><script>alert(1)</script>", "text/html"),
        (b"<html><script>alert(1)</script>", "image/png"),
        (b"<html><script>alert(1)</script>", "text/plain"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>", "text/plain"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/svg+xml"),
        (b'<?xml version="1.0"?><svg/>', ""),
        (b"<?xml version='1.0'?><x/>", "text/xml"),
        (b"#!/bin/sh\nrm -r /", "text/plain"),
        (b"MZ\x90\0", "application/pdf"),
        (b"\x7fELF", ""),
        (PDF, "image/png"),
        (png(), "application/pdf"),
        (ZIP, "application/zip"),
        (b"GIF87aX", "text/plain"),
        (bytes(range(256)), ""),
        (b"hello", "text/html"),
        (b"hello", DOCX),
    ],
)
async def test_what_is_not_what_it_says_or_is_not_wanted_is_refused(boxed: Make, content: bytes, declared: str) -> None:
    it = await boxed()
    with pytest.raises(WrongType) as caught:
        await it.put(content, declared=declared)
    assert (caught.value.status, caught.value.code) == (415, "type")
    assert "image/png" in caught.value.figures["allowed"]
    assert it.lying() == []


@pytest.mark.parametrize(
    ("content", "name", "declared", "kept"),
    [
        (png(), "a.jpg", "image/jpeg", ("image/png", "a.jpg.png")),
        (PDF, "a.pdf", "application/octet-stream", ("application/pdf", "a.pdf")),
        (ZIP, "a.docx", DOCX, (DOCX, "a.docx")),
        (ZIP, "a.docx", "", (DOCX, "a.docx")),
        (b"a,b\n", "a.csv", "application/vnd.ms-excel", ("text/csv", "a.csv")),
        (b"a,b\n", "a.csv", "", ("text/csv", "a.csv")),
        ("Gr\u00fc\u00dfe;aus;K\u00f6ln".encode("cp1252"), "a.csv", "text/csv", ("text/csv", "a.csv")),
        ("\ufeffGr\u00fc\u00dfe".encode("utf-16"), "a", "text/plain", ("text/plain", "a.txt")),
        (b"OggS" + b"\0" * 24 + b"OpusHead", "a.ogg", "audio/ogg; codecs=opus", ("audio/ogg", "a.ogg")),
        (b"\x1aE\xdf\xa3\x01webm", "a.webm", "audio/webm;codecs=opus", ("audio/webm", "a.webm")),
        (b"@echo off\r\ndel *", "report.bat", "text/plain", ("text/plain", "report.bat.txt")),
    ],
)
async def test_what_people_really_send_is_taken(
    boxed: Make, content: bytes, name: str, declared: str, kept: tuple[str, str]
) -> None:
    it = await boxed()
    made = await it.put(content, name=name, declared=declared)
    assert (made.media_type, made.name) == kept


async def test_a_wrong_type_is_known_before_the_rest_has_come(boxed: Make) -> None:
    it = await boxed()
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 4096
            yield b"<html>".ljust(4096)

    with pytest.raises(WrongType):
        await it.box.take_in(endless(), owner="v_1", cid=CID)
    assert read <= it.box.most_bytes + 3 * 4096  # what comes after is thrown away, and not for ever


async def test_svg_is_taken_where_it_is_asked_for_and_stays_a_download(boxed: Make) -> None:
    it = await boxed(types=["image/svg+xml", "text/html"])
    for content, declared, name in ((b"<svg/>", "image/svg+xml", "a.svg"), (b"<html>", "text/html", "a.html")):
        kept = await it.put(content, declared=declared, name=name, cid=name.ljust(16, "_"))
        answer = await asked_for(it, it.box.link(kept.id))
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert (await it.box.as_attachment(kept.id)).kind == "file"


async def test_what_the_sender_breaks_off_leaves_nothing(boxed: Make) -> None:
    it = await boxed()

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        raise ClientDisconnect

    with pytest.raises(ClientDisconnect):
        await it.box.take_in(broken(), owner="v_1", cid=CID)
    assert it.lying() == []
    assert await it.store.on_shelf("files") == {}
    assert not it.box._coming


async def test_what_is_cancelled_leaves_nothing(boxed: Make) -> None:
    it = await boxed()
    begun = anyio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        begun.set()
        await anyio.sleep_forever()

    async def send() -> None:
        await it.box.take_in(stalled(), owner="v_1", cid=CID)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert it.lying() == []


async def test_what_does_not_arrive_in_time_is_refused(boxed: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    it = await boxed()
    monkeypatch.setattr("convokit.wire.files.UPLOAD_SECONDS", 0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"x"
        await anyio.sleep_forever()

    with pytest.raises(TooSlow):
        await it.box.take_in(stalled(), owner="v_1", cid=CID)
    assert it.lying() == []


@pytest.mark.parametrize("step", ["write", "finish", "settle"])
@pytest.mark.parametrize(("number", "told"), [(errno.ENOSPC, NoRoom), (errno.EDQUOT, NoRoom), (errno.EIO, OSError)])
async def test_a_full_disk_is_told_and_leaves_nothing(
    boxed: Make, monkeypatch: pytest.MonkeyPatch, step: str, number: int, told: type[Exception]
) -> None:
    it = await boxed()
    whole = getattr(Coming, step)

    def full(self: Coming, *given: Any) -> None:
        whole(self, *given)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Coming, step, full)
    with pytest.raises(told):
        await it.put(b"hello")
    # What has its name already is removed by the next purge, and nothing points at it.
    assert [one for one in it.lying() if step != "settle"] == []
    assert await it.store.on_shelf("files") == {}


async def test_a_file_that_the_scan_refuses_is_not_kept(boxed: Make) -> None:
    seen: list[tuple[bytes, str]] = []

    async def scan(path: Path, media_type: str) -> bool:
        seen.append((await anyio.Path(path).read_bytes(), media_type))
        return b"virus" not in seen[-1][0]

    it = await boxed(scan=scan)
    with pytest.raises(Blocked) as caught:
        await it.put(b"a virus")
    assert (caught.value.status, caught.value.code) == (422, "blocked")
    assert it.lying() == []
    assert (await it.put(b"a letter", cid="2" * 16)).size == 8
    assert seen == [(b"a virus", "text/plain"), (b"a letter", "text/plain")]


async def test_a_picture_that_nobody_can_clean_is_refused(boxed: Make) -> None:
    it = await boxed()
    with pytest.raises(Blocked):
        await it.put(b"\xff\xd8\xff\xe1\xff\xff" + PLACE, declared="image/jpeg")
    assert it.lying() == []


async def test_where_a_picture_was_taken_is_gone_from_the_disk(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(jpeg(segment(0xE1, b"Exif\0\0" + exif(6))), declared="image/jpeg", name="a.jpg")
    data = await it.box.data_of(kept.id)
    assert PLACE not in data
    assert kept.size == len(data)
    assert (kept.width, kept.height) == (20, 10)  # as shown: it lies on its side


# ── known ──


@pytest.mark.parametrize("id", ["", "f_", "../../etc/passwd", "f_" + "U" * 26, "f_" + "0" * 27, "f_" + "0" * 25 + "/"])
async def test_what_is_no_id_finds_nothing(boxed: Make, id: str) -> None:  # noqa: A002  the wire's word
    it = await boxed()
    assert await it.box.about(id) is None
    for ask in (it.box.data_of, it.box.as_attachment):
        with pytest.raises(FileNotFoundError):
            await ask(id)
    with pytest.raises(ValueError, match="not the id of a file"):
        it.box.path(id)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(png(), Image), (b"ID3\x04", Audio), (b"\0\0\0\x18ftypmp42\0\0\0\0", Video), (PDF, File), (avif(b"heic"), File)],
)
async def test_a_file_is_said_as_what_it_is(boxed: Make, content: bytes, kind: type) -> None:
    it = await boxed()
    kept = await it.put(content, name="it")
    made = await it.box.as_attachment(kept.id)
    assert type(made) is kind
    assert (made.ref, made.name, made.media_type, made.url) == (kept.id, kept.name, kept.media_type, "")


async def test_old_files_are_forgotten_with_all_that_is_known_of_them(boxed: Make) -> None:
    it = await boxed()
    old = await it.put(b"old", cid="1" * 16)
    it.clock.passes(days=2)
    new = await it.put(b"new", cid="2" * 16)
    (it.box.folder / new_id("f_", it.clock.now() - timedelta(days=3))).write_bytes(b"nobody knows it")
    cut_off = it.box.folder / "coming-0"
    cut_off.write_bytes(b"x")
    os.utime(cut_off, (0, 0))
    assert await it.box.purge(it.clock.now() - timedelta(days=1)) == 3
    assert it.lying() == [new.id]
    assert await it.box.about(old.id) is None
    assert list(await it.store.on_shelf("file-cids")) != []
    assert (await it.put(b"old again", cid="1" * 16)).id != old.id
    assert await it.put(b"new again", cid="2" * 16) == new


# ── out ──


def asgi(it: Boxed) -> Starlette:
    async def give(request: Request) -> Response:
        return await it.box.answer(
            request.path_params["id"], request.query_params.get("e"), request.query_params.get("s")
        )

    async def take(request: Request) -> Response:
        return await it.box.receive(request, owner="v_1", cid=request.path_params["cid"])

    return Starlette(routes=[Route("/files/{id}", give), Route("/files/{cid}", take, methods=["PUT"])])


class Answer:
    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""


async def call(app: Any, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
    """An ASGI app's answer to one request, on either loop."""
    got = Answer()
    bare, _, query = path.partition("?")
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote(bare),
        "raw_path": bare.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "server": ("shop.example", 443),
        "client": ("203.0.113.1", 50000),
    }

    async def receive() -> Any:
        if not waiting:
            await anyio.sleep_forever()
        return waiting.pop()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            got.body += message.get("body", b"")

    await app(scope, receive, send)
    return got


async def asked_for(it: Boxed, link: str, **headers: str) -> Answer:
    return await call(asgi(it), "GET", "/files/" + link, headers)


async def test_a_picture_is_shown_with_headers_that_let_it_do_nothing(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(png(), name="Caf\u00e9 \u201eRom\u201c.png", declared="image/png")
    answer = await asked_for(it, it.box.link(kept.id), range="bytes=0-1")
    assert (answer.status, answer.body) == (200, png())
    assert answer.headers == {
        "content-length": str(len(png())),
        "content-type": "image/png",
        "content-disposition": (
            "inline; filename=\"Caf_ _Rom_.png\"; filename*=UTF-8''Caf%C3%A9%20%E2%80%9ERom%E2%80%9C.png"
        ),
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "referrer-policy": "no-referrer",
        "cache-control": "private, max-age=600",
    }


@pytest.mark.parametrize("content", [PDF, b"hello", b"ID3\x04", avif(b"heic")])
async def test_everything_else_is_a_download_of_no_type(boxed: Make, content: bytes) -> None:
    it = await boxed()
    kept = await it.put(content)
    answer = await asked_for(it, it.box.link(kept.id))
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_picture_that_is_none_any_more_is_a_download(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(png(), name="a.png")
    it.box.path(kept.id).write_bytes(b"<script>alert(1)</script>")
    answer = await asked_for(it, it.box.link(kept.id))
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_a_link_ends_and_cannot_be_changed(boxed: Make) -> None:
    it = await boxed()
    kept, other = await it.put(b"one"), await it.put(b"two", cid="2" * 16)
    link = it.box.link(kept.id)
    query = {name: value[0] for name, value in parse_qs(link.partition("?")[2]).items()}
    assert (await asked_for(it, link)).body == b"one"
    s, e = query["s"], int(query["e"])
    for wrong in (
        f"{other.id}?e={e}&s={s}",
        f"{kept.id}?e={e + 1}&s={s}",
        f"{kept.id}?e=0{e}&s={s[:-1]}",
        f"{kept.id}?e={e}&s={s[:-1]}",
        f"{kept.id}?e={e}&s=",
        f"{kept.id}?e={e}&s=%FF%00",
        f"{kept.id}?e={e}",
        f"{kept.id}?s={s}",
        f"{kept.id}?e=-1&s={s}",
        f"{kept.id}?e=nan&s={s}",
        kept.id,
        f"%2e%2e?e={e}&s={s}",
        it.box.link("f_" + "0" * 26),
        it.box.link("../../etc/passwd"),
    ):
        assert (await asked_for(it, wrong)).status == 404, wrong
    it.clock.passes(seconds=e - it.clock.now().timestamp() - 1)
    assert (await asked_for(it, link)).status == 200
    it.clock.passes(seconds=1)
    assert (await asked_for(it, link)).status == 404


@pytest.mark.parametrize("later", range(0, 1200, 50))
async def test_a_link_lives_half_to_the_whole_of_what_was_asked_and_is_equal_meanwhile(boxed: Make, later: int) -> None:
    it = await boxed()
    it.clock.passes(seconds=later)
    link = it.box.link("f_" + "0" * 26)
    left = int(parse_qs(link.partition("?")[2])["e"][0]) - it.clock.now().timestamp()
    assert 300 <= left <= 600
    it.clock.passes(seconds=left % 300 - 1 if left % 300 else 299)
    assert it.box.link("f_" + "0" * 26) == link


async def test_a_link_wants_the_secret(tmp_path: Path) -> None:
    it = Boxed(tmp_path)
    with pytest.raises(RuntimeError, match=r"await FileBox\.open"):
        it.box.link("f_" + "0" * 26)


async def test_a_file_that_is_gone_is_not_found(boxed: Make) -> None:
    it = await boxed()
    kept = await it.put(b"one")
    it.box.path(kept.id).unlink()
    assert (await asked_for(it, it.box.link(kept.id))).status == 404
    with pytest.raises(FileNotFoundError):
        await it.box.data_of(kept.id)


async def test_a_page_sends_a_file_and_reads_what_became_of_it(boxed: Make) -> None:
    it = await boxed()
    headers = {"content-type": "image/png", "x-name": quote("Fl\u00f6\u00dfe.png"), "content-length": str(len(png()))}
    answer = await call(asgi(it), "PUT", f"/files/{CID}", headers, png())
    (known,) = (await it.store.on_shelf("files")).keys()
    assert answer.status == 201
    assert answer.body == (
        f'{{"id":"{known}","name":"Fl\u00f6\u00dfe.png","type":"image/png","size":{len(png())},"w":3,"h":2}}'.encode()
    )
    assert (await call(asgi(it), "PUT", f"/files/{CID}", headers, png())).body == answer.body


async def test_a_page_reads_the_figures_of_a_refusal(boxed: Make) -> None:
    it = await boxed(most_bytes=10, most_a_day=15)
    big = await call(asgi(it), "PUT", f"/files/{CID}", {"content-length": "11"}, b"x" * 11)
    assert (big.status, big.body) == (413, b'{"code":"too_big","max":10}')
    lying = await call(asgi(it), "PUT", f"/files/{CID}", {}, b"x" * 11)
    assert (lying.status, lying.body) == (413, b'{"code":"too_big","max":10}')
    wrong = await call(asgi(it), "PUT", f"/files/{CID}", {"content-type": "image/png"}, b"<html>")
    assert wrong.status == 415
    assert wrong.body.startswith(b'{"code":"type","allowed":["application/pdf"')
    assert (await call(asgi(it), "PUT", "/files/short", {}, b"x")).status == 400
    assert (await call(asgi(it), "PUT", f"/files/{CID}", {}, b"")).status == 422
    await call(asgi(it), "PUT", f"/files/{CID}", {}, b"x" * 10)
    much = await call(asgi(it), "PUT", f"/files/{CID}2", {}, b"x" * 10)
    assert (much.status, much.body) == (429, b'{"code":"rate","after_ms":86400000,"max":15}')
    assert much.headers["retry-after"] == "86401"


# ── names ──


@pytest.mark.parametrize(
    ("given_name", "media_type", "name"),
    [
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("C:\\fakepath\\x.png", "image/png", "x.png"),
        ("a\r\nSet-Cookie: x=1.txt", "text/plain", "aSet-Cookie: x=1.txt"),
        ("x\u202egnp.js", "text/plain", "xgnp.js.txt"),
        ("", "application/pdf", "file.pdf"),
        ("...", "image/png", "file.png"),
        (".bashrc", "text/plain", "bashrc.txt"),
        ("\0\ud800\ue000", "text/plain", "file.txt"),
        ("a/", "image/gif", "a.gif"),
        ("e\u0301.PNG", "image/png", "\u00e9.PNG"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
            "application/pdf",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
        ),
        ("x" * 300 + ".png", "image/png", "x" * 116 + ".png"),
        ("a  b\t\u2028c.txt", "text/plain", "a bc.txt"),
        ("x.exe", "application/x-unknown", "x.exe"),
    ],
)
def test_a_name_is_one_plain_line_with_an_ending_of_its_type(given_name: str, media_type: str, name: str) -> None:
    assert plain_name(given_name, media_type) == name


@given(st.text(), st.sampled_from([*sniffing.ENDINGS, "application/x-unknown"]))
def test_no_name_is_a_path_a_header_or_too_long(name: str, media_type: str) -> None:
    plain = plain_name(name, media_type)
    assert 0 < len(plain) <= 120
    assert plain == plain_name(plain, media_type)
    assert not set(plain) & set("/\\\0\r\n\u202e\u2066\x85")
    header = disposition("attachment", plain)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert unquote(header.partition("filename*=UTF-8''")[2]) == plain


# ── what a file is ──


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (png(), "image/png"),
        (jpeg(), "image/jpeg"),
        (gif(), "image/gif"),
        (riff(VP8L), "image/webp"),
        (avif(), "image/avif"),
        (avif(b"mif1"), "image/avif"),
        (avif(b"heic"), "image/heic"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "image/bmp"),
        (b"II*\0\x08", "image/tiff"),
        (b"MM\0*\0", "image/tiff"),
        (b"\0\0\x01\0\x01", "image/x-icon"),
        (PDF, "application/pdf"),
        (b"{\\rtf1", "application/rtf"),
        (ZIP, "application/zip"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c\0", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\0", "application/vnd.rar"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"fLaC\0", "audio/flac"),
        (b"ID3\x04\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x44", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"#!AMR\n", "audio/amr"),
        (b"OggS" + b"\0" * 24 + b"OpusHead", "audio/ogg"),
        (b"OggS" + b"\0" * 24 + b"\x80theora", "video/ogg"),
        (b"\0\0\0\x1cftypM4A \0\0\0\0", "audio/mp4"),
        (b"\0\0\0\x1cftypisom\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x1cftyp3gp4\0\0\0\0", "video/3gpp"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x88matroska", "video/x-matroska"),
        (b"MThd\0", "audio/midi"),
        (b"MZ\x90", "application/x-executable"),
        (b"\xca\xfe\xba\xbe", "application/x-executable"),
        (b"#!/bin/sh", "text/x-script"),
        (b"hello", "text/plain"),
        ("h\u00e9llo \u4e16".encode(), "text/plain"),
        (("\u4e16" * 2000).encode()[:4096], "text/plain"),
        (b"\xff\xfeh\0i\0", "text/plain"),
        (b"\xfe\xff\0<\0h", "text/html"),
        (b"  <!DOCTYPE html>", "text/html"),
        (b"<b>", "text/html"),
        (b"a <script>", "text/html"),
        (b"<?xml version='1.0'?><a/>", "application/xml"),
        (b"<?xml version='1.0'?><html/>", "text/html"),
        (b"<!-- x --><svg>", "image/svg+xml"),
        (b"", ""),
        (b"\0\0\0", ""),
        (b"\x80\x81\xff\xee", ""),
        (b"BM but no picture at all", "text/plain"),
    ],
)
def test_a_file_is_known_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


def test_what_is_declared_counts_as_far_as_the_bytes_agree() -> None:
    assert plain_type(" Image/JPG; q=1") == "image/jpeg"
    assert plain_type("application/octet-stream") == ""
    assert agreed("image/webp", "image/png") == "image/png"
    assert agreed("image/svg+xml", "image/png") == ""
    assert agreed("image/png", "image/svg+xml") == ""
    assert agreed("text/csv", "text/plain") == "text/csv"
    assert agreed("text/csv", "text/html") == ""


@pytest.mark.parametrize(
    ("picture", "kind", "size"),
    [
        (png(640, 480), "image/png", (640, 480)),
        (jpeg(), "image/jpeg", (10, 20)),
        (jpeg(segment(0xE1, b"Exif\0\0" + exif(3))), "image/jpeg", (10, 20)),
        (jpeg(segment(0xE1, b"Exif\0\0" + exif(8))), "image/jpeg", (20, 10)),
        (b"\xff\xd8" + segment(0xE0, b"x" * 60_000) * 9 + JPEG_BODY, "image/jpeg", (10, 20)),
        (gif(), "image/gif", (4, 3)),
        (riff(VP8L), "image/webp", (7, 5)),
        (riff(VP8X, VP8L), "image/webp", (7, 5)),
        (riff((b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 0x4000 | 9, 8))), "image/webp", (9, 8)),
        (avif(), "image/avif", (64, 48)),
        (png(0, 5), "image/png", (0, 0)),
        (png()[:18], "image/png", (0, 0)),
        (b"hello", "text/plain", (0, 0)),
    ],
)
def test_a_picture_says_how_large_it_is(picture: bytes, kind: str, size: tuple[int, int]) -> None:
    assert size_of(picture, kind) == size


# ── what a picture tells ──


def decoded(picture: bytes) -> list[bytes]:
    """The rows of a PNG, as a strict reader finds them: every checksum holds, nothing follows the end."""
    at, data, kinds = 8, b"", []
    while at < len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert picture[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(kind + content))
        kinds.append(kind)
        data += content if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    width, _ = struct.unpack_from(">II", picture, 16)
    rows = zlib.decompress(data)
    return [rows[start + 1 : start + 1 + width] for start in range(0, len(rows), width + 1)]


def segments(picture: bytes) -> list[tuple[int, bytes]]:
    """A JPEG's segments as a strict reader finds them; the scan's data belongs to its segment."""
    assert picture[:2] == b"\xff\xd8"
    found, at = [], 2
    while picture[at : at + 2] != b"\xff\xd9":
        assert picture[at] == 0xFF
        end = at + 2 + struct.unpack_from(">H", picture, at + 2)[0]
        if picture[at + 1] == 0xDA:
            while picture[end] != 0xFF or picture[end + 1] == 0 or 0xD0 <= picture[end + 1] <= 0xD7:
                end += 1
        found.append((picture[at + 1], picture[at:end]))
        at = end
    assert at + 2 == len(picture)
    return found


def test_a_jpeg_loses_what_it_tells_and_keeps_what_is_shown() -> None:
    profile, adobe = segment(0xE2, b"ICC_PROFILE\0\x01\x01..."), segment(0xEE, b"Adobe\0d\0\0\0\0\0")
    told = (
        segment(0xE1, b"Exif\0\0" + exif(1)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLACE),
        segment(0xE2, b"MPF\0" + PLACE),
        segment(0xED, b"Photoshop 3.0\0" + PLACE),
        segment(0xFE, PLACE),
    )
    clean = stripped(jpeg(profile, *told, adobe, after=jpeg(told[0]) + PLACE), "image/jpeg")
    assert clean == jpeg(profile, adobe)
    assert b"".join(content for _, content in segments(clean)) == JFIF + profile + adobe + JPEG_BODY


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_jpeg_stays_the_way_it_is_turned(turned: int) -> None:
    clean = stripped(jpeg(segment(0xE1, b"Exif\0\0" + exif(turned))), "image/jpeg")
    assert clean is not None
    assert PLACE not in clean
    kept = [content for kind, content in segments(clean) if kind == 0xE1]
    assert [orientation(one[10:]) for one in kept] == ([] if turned == 1 else [turned])
    assert clean[2 : 2 + len(JFIF)] == JFIF
    assert size_of(clean, "image/jpeg") == ((20, 10) if turned > 4 else (10, 20))
    assert stripped(clean, "image/jpeg") == clean


def test_a_jpeg_of_several_scans_keeps_them_all() -> None:
    several = b"\xff\xd8" + JPEG_BODY + segment(0xFE, PLACE) + JPEG_BODY + b"\xff\xd9"
    assert stripped(several, "image/jpeg") == b"\xff\xd8" + JPEG_BODY * 2 + b"\xff\xd9"


def test_a_jpeg_that_was_cut_off_is_shown_as_far_as_it_goes() -> None:
    cut = jpeg(segment(0xFE, PLACE))[:-4]
    assert stripped(cut, "image/jpeg") == jpeg()[:-4] + b"\xff\xd9"


def test_a_png_loses_what_it_tells_and_keeps_what_is_shown() -> None:
    needed = (chunk(b"gAMA", b"\0\0\xb1\x8f"), chunk(b"pHYs", b"\0" * 9), chunk(b"tRNS", b"\0\0"))
    told = (
        chunk(b"tEXt", b"Comment\0" + PLACE),
        chunk(b"zTXt", b"Comment\0\0" + PLACE),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0" + PLACE),
        chunk(b"eXIf", exif(1)),
        chunk(b"tIME", b"\0" * 7),
        chunk(b"caBX", PLACE),
    )
    clean = stripped(png(3, 2, *needed, *told) + PLACE, "image/png")
    assert clean == png(3, 2, *needed)
    assert decoded(clean) == [b"\0\x01\x02"] * 2


def test_a_png_stays_the_way_it_is_turned() -> None:
    clean = stripped(png(3, 2, chunk(b"eXIf", exif(6))), "image/png")
    assert clean is not None
    assert PLACE not in clean
    assert decoded(clean) == [b"\0\x01\x02"] * 2
    assert orientation(clean[clean.index(b"eXIf") + 4 :]) == 6
    assert stripped(clean, "image/png") == clean


def test_a_webp_loses_what_it_tells_and_keeps_what_is_shown() -> None:
    clean = stripped(riff(VP8X, VP8L, (b"EXIF", exif(1)), (b"XMP ", PLACE), (b"odd ", PLACE)), "image/webp")
    assert clean == riff((b"VP8X", b"\0" + VP8X[1][1:]), VP8L)
    turned = stripped(riff(VP8X, VP8L, (b"EXIF", b"Exif\0\0" + exif(6))), "image/webp")
    assert turned is not None
    assert PLACE not in turned
    assert turned[20] == 0x08
    assert orientation(turned[turned.index(b"EXIF") + 8 :]) == 6
    assert struct.unpack_from("<I", turned, 4)[0] == len(turned) - 8


def test_a_gif_loses_its_comments_and_keeps_its_loop() -> None:
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    pause = b"!\xf9\x04\0\x0a\0\0\0"
    comment = b"!\xfe" + bytes([len(PLACE)]) + PLACE + b"\0"
    xmp = b"!\xff\x0bXMP DataXMP" + bytes([len(PLACE)]) + PLACE + b"\0"
    assert stripped(gif(loop, comment, xmp, pause) + PLACE, "image/gif") == gif(loop, pause)


@pytest.mark.parametrize("brand", [b"avif", b"heic"])
def test_an_avif_keeps_its_places_while_what_it_tells_becomes_nothing(brand: bytes) -> None:
    picture = avif(brand)
    clean = stripped(picture, sniff(picture))
    assert clean == picture.replace(b"Exif of " + PLACE, bytes(len(PLACE) + 8))


def test_other_files_are_left_as_they_are() -> None:
    assert stripped(PDF, "application/pdf") is PDF


PICTURES = {
    "image/png": png(3, 2, chunk(b"eXIf", exif(6)), chunk(b"tEXt", PLACE)),
    "image/jpeg": jpeg(segment(0xE1, b"Exif\0\0" + exif(6)), segment(0xFE, PLACE)),
    "image/gif": gif(b"!\xfe\x02hi\0"),
    "image/webp": riff(VP8X, VP8L, (b"EXIF", exif(6))),
    "image/avif": avif(),
    "image/heic": avif(b"heic"),
}


@given(st.binary())
def test_no_bytes_make_the_readers_raise(content: bytes) -> None:
    assert isinstance(sniff(content), str)
    for kind in PICTURES:
        assert len(size_of(content, kind)) == 2
        stripped(content, kind)
    assert 1 <= orientation(content) <= 8


@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_no_damage_makes_the_readers_raise(kind: str, draw: st.DataObject) -> None:
    picture = bytearray(PICTURES[kind])
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(picture) - 1))
        how = draw.draw(st.sampled_from(["change", "cut", "insert", "drop"]))
        if how == "change":
            picture[at] = draw.draw(st.integers(0, 255))
        elif how == "cut":
            del picture[max(at, 1) :]
        elif how == "insert":
            picture[at:at] = draw.draw(st.binary(min_size=1, max_size=8))
        elif len(picture) > 1:
            del picture[at]
    damaged = bytes(picture)
    size_of(damaged, kind)
    clean = stripped(damaged, kind)
    if clean is not None:
        again = stripped(clean, kind)
        assert again is None or len(again) <= len(clean) + 32


@given(st.lists(st.tuples(st.sampled_from(range(0xE0, 0xFF)), st.binary(max_size=40)), max_size=6), st.integers(1, 8))
def test_whatever_a_jpeg_carries_what_is_shown_stays_byte_for_byte(extra: list[tuple[int, bytes]], turned: int) -> None:
    carried = [segment(kind, content) for kind, content in extra if kind not in range(0xF0, 0xFE)]
    clean = stripped(jpeg(*carried, segment(0xE1, b"Exif\0\0" + exif(turned))), "image/jpeg")
    assert clean is not None
    assert clean.endswith(JPEG_BODY + b"\xff\xd9")
    assert PLACE not in clean
    segments(clean)


# ── the files of a page ──


async def test_a_page_s_files_may_be_fetched_from_anywhere_and_carry_no_cookie(tmp_path: Path) -> None:
    (tmp_path / "chat.js").write_text("export {};")
    (tmp_path / "odd").write_text("?")
    app = static(tmp_path)
    answer = await call(app, "GET", "/chat.js")
    assert (answer.status, answer.body) == (200, b"export {};")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "set-cookie" not in answer.headers
    again = await call(app, "GET", "/chat.js", {"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["access-control-allow-origin"] == "*"
    assert (await call(app, "GET", "/odd")).status == 200


async def test_nothing_outside_the_folder_is_served(tmp_path: Path) -> None:
    (tmp_path / "secret.js").write_text("no")
    (tmp_path / "pages").mkdir()
    app = Starlette(routes=[])
    app.mount("/static", static(tmp_path / "pages"))
    for path in (
        "/static/../secret.js",
        "/static/%2e%2e/secret.js",
        "/static//etc/passwd",
        "/static/",
        "/static/none.js",
    ):
        assert (await call(app, "GET", path)).status == 404
    assert (await call(app, "POST", "/static/none.js")).status == 405


def test_a_refusal_says_why() -> None:
    assert str(FileRefused("why")) == "why"
