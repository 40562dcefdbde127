"""Mails that came, as events of the right conversation; and the pages behind the links of mails that went."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from smtp_double import SmtpDouble

from convokit import Bot, Settings, Turn
from convokit._engine.door import enter
from convokit._engine.engine import Engine
from convokit.conversations import ConversationId
from convokit.events import (
    AttachmentReceived,
    ButtonPressed,
    ConversationClosed,
    ConversationOpened,
    Event,
    MalformedReceived,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    SignalReceived,
    UnknownReceived,
)
from convokit.messages import Button
from convokit.stores import Memory
from convokit.transports import Email
from convokit.transports.email.incoming import Incoming
from convokit.wire.codec import decode_event, encode_event
from convokit.wire.files import FileBox

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c626001000000ffff030000060005"
    "57bfabd40000000049454e44ae426082"
)


@define
class World:
    """A bot with a mail channel, its SMTP double, and what its handlers got."""

    double: SmtpDouble
    engine: Engine
    transport: Email
    incoming: Incoming
    got: list[Event] = field(factory=list)

    async def mail(self, body: str = "Hello", *headers: str, sender: str = "Ada <ada@x.example>") -> Sequence[Event]:
        own = {one.partition(":")[0].lower() for one in headers}
        head = [f"From: {sender}", "To: support@shop.example", "Subject: Lamp"]
        if "message-id" not in own:
            head.append(f"Message-ID: <{len(self.got)}-{abs(hash((body, headers, sender)))}@x.example>")
        raw = "\r\n".join([*(one for one in head if one.partition(":")[0].lower() not in own), *headers, "", body])
        return await self.raw(raw.encode())

    async def raw(self, raw: bytes, *, partial: bool = False) -> Sequence[Event]:
        events = await self.incoming.events(raw, None, partial=partial)
        for event in events:
            assert event.conversation.channel == "email"
            assert decode_event(encode_event(event)) == event
        await self.engine.accept(events)
        await self.engine.quiet()
        return events

    @property
    def sent(self) -> list[EmailMessage]:
        return [cast("EmailMessage", message_from_bytes(one, policy=default)) for one in self.double.mails]

    def browser(self) -> httpx.AsyncClient:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await enter(self.engine, {**scope, "root_path": "/bot"}, receive, send)

        return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://shop.example/bot/email")

    def links(self, what: str) -> list[str]:
        """The paths of the links in the last mail that went out."""
        body = self.sent[-1].get_body(("html",))
        assert body is not None
        found = re.findall(rf'href="https://shop.example/bot/email(/{what}/[^"]+)"', body.get_content())
        return [str(one) for one in found]


@asynccontextmanager
async def world(tmp_path: Path, **changes: Any) -> AsyncIterator[World]:
    got: list[Event] = []
    bot = Bot("shop")

    @bot.on(MessageFailed)
    @bot.on(MessageDelivered)
    @bot.on(ConversationClosed)
    @bot.on(SignalReceived)
    @bot.on(ConversationOpened)
    async def told(turn: Turn) -> None:
        got.append(turn.event)

    @bot.fallback
    async def answer(turn: Turn) -> None:
        got.append(turn.event)
        if isinstance(turn.event, MessageReceived):
            turn.reply("Which?", buttons=[Button("Small", "s"), Button("Large", "l")])

    with SmtpDouble() as double:
        transport = Email(
            "support@shop.example", smtp_host=double.host, public_url="https://shop.example/bot", **changes
        )
        bot.attach(transport)
        async with bot.serve(Memory(), settings=Settings(files=str(tmp_path / "files"))) as engine:
            shelves = transport._shelves
            assert shelves is not None
            box = FileBox(engine.files, engine.store, engine.clock)
            yield World(double, engine, transport, Incoming(transport._setup, shelves, box), got=got)


# ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_thread_is_a_conversation_and_answers_find_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (first,) = await w.mail("I want a lamp", "Message-ID: <a@x>")
        (other,) = await w.mail("Another thing", "Message-ID: <b@x>")
        assert first.conversation.id.startswith("ada@x.example/")
        assert first.conversation != other.conversation
        ours = str(w.sent[0]["Message-ID"])
        tagged = str(w.sent[0]["Reply-To"])
        (by_tag,) = await w.mail("2", f"To: {tagged}")
        (by_reply,) = await w.mail("2", f"In-Reply-To: {ours}")
        (by_reference,) = await w.mail("2", f"References: <unknown@x> {ours} <other@x>")
        (by_own,) = await w.mail("and", "References: <a@x>")
        assert {one.conversation for one in (by_tag, by_reply, by_reference, by_own)} == {first.conversation}
        assert [one.context["replied"] for one in (first, by_tag, by_reply)] == [False, True, False]


async def test_the_newest_reference_that_is_known_counts(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (first,) = await w.mail("one", "Message-ID: <a@x>")
        (second,) = await w.mail("two", "Message-ID: <b@x>")
        (third,) = await w.mail("three", "References: <a@x> <b@x>")
        assert third.conversation == second.conversation != first.conversation


async def test_nobody_else_gets_into_a_conversation(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (first,) = await w.mail("mine", "Message-ID: <a@x>")
        tagged, ours = str(w.sent[0]["Reply-To"]), str(w.sent[0]["Message-ID"])
        for header in (f"To: {tagged}", f"In-Reply-To: {ours}", "References: <a@x>", "Message-ID: <a@x>"):
            (event,) = await w.mail("let me in", header, sender="eve@y.example")
            assert event.conversation.id.startswith("eve@y.example/")
            assert event.user is not None
            assert event.user.id == "eve@y.example"
            assert not event.context["replied"]
        assert {str(one["To"]) for one in w.sent[1:]} == {"eve@y.example"}
        (back,) = await w.mail("still mine", "In-Reply-To: <a@x>")
        assert back.conversation == first.conversation


async def test_answers_never_go_where_a_mail_wants_them(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.mail("Hello", "Reply-To: eve@y.example", "Return-Path: <eve@y.example>", "Cc: eve@y.example")
        assert [str(one["To"]) for one in w.sent] == ["ada@x.example"]
        said = {one.lower() for one in w.double.said if one.lower().startswith("rcpt")}
        assert said == {"rcpt to:<ada@x.example>"}


async def test_an_address_is_one_conversation_where_that_is_set(tmp_path: Path) -> None:
    async with world(tmp_path, conversations="address") as w:
        (first,) = await w.mail("one")
        (second,) = await w.mail("two", sender="ADA@X.example")
        assert first.conversation == second.conversation == ConversationId("email", "ada@x.example")


async def test_the_same_mail_again_is_the_same_event(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (first,) = await w.mail("Hello", "Message-ID: <b@x>", "References: <a@x>")
        await w.mail("earlier", "Message-ID: <a@x>")  # came late: what it belongs to is known only now
        (again,) = await w.mail("Hello", "Message-ID: <b@x>", "References: <a@x>")
        assert (first.conversation, first.id) == (again.conversation, again.id)
        assert [one.text for one in w.got] == ["Hello", "earlier"]


async def test_our_answers_stand_in_the_thread(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.mail("Hello", "Message-ID: <b@x>", "References: <a@x>", "Subject: AW: Lamp")
        (ours,) = w.sent
        assert (ours["Subject"], ours["In-Reply-To"], ours["References"]) == ("Re: Lamp", "<b@x>", "<a@x> <b@x>")


async def test_what_the_business_begins_is_a_thread_of_its_own(tmp_path: Path) -> None:
    async with world(tmp_path, subject="News of the shop") as w:
        ada = ConversationId("email", "ada@x.example")
        await w.engine.send(ada, "Your lamp is here.")
        await w.engine.send(ada, "Come soon.")
        await w.engine.quiet()
        first, second = w.sent
        assert (first["Subject"], first["In-Reply-To"]) == ("News of the shop", None)
        assert (second["Subject"], second["In-Reply-To"]) == ("Re: News of the shop", first["Message-ID"])
        (event,) = await w.mail("Thanks", f"In-Reply-To: {second['Message-ID']}")
        assert event.conversation == ada


async def test_a_message_id_is_made_of_the_outboxs_key(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (said,) = await w.mail("Hello")
        shelves = w.transport._shelves
        assert shelves is not None
        tags = await shelves.tags()
        assert w.sent[0]["Message-ID"] == tags.message_id(f"{said.conversation}:1:0", "shop.example")


# ── what comes ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_typed_number_answers(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.mail("I want a lamp", "Message-ID: <a@x>")
        await w.mail("2\r\n\r\n> Which?\r\n> 1) Small\r\n> 2) Large\r\n", "In-Reply-To: <a@x>")
        pressed = w.got[-1]
        assert isinstance(pressed, ButtonPressed)
        assert (pressed.payload, pressed.label) == ("l", "Large")


async def test_a_link_opens_a_conversation_with_its_ref(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        opened, said = await w.mail("Hello", "Subject: Question [ref:spring-sale]")
        assert isinstance(opened, ConversationOpened)
        assert (opened.ref, opened.conversation) == ("spring-sale", said.conversation)
        assert w.sent[0]["Subject"] == "Re: Question"


async def test_files_are_kept_once_and_can_be_downloaded(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["Message-ID"] = "ada@x.example", "<f@x>"
    mail.set_content("See")
    mail.add_attachment(PNG, "image", "png", filename="../../lamp.png")
    mail.add_attachment(b"MZ\x90\x00", "application", "octet-stream", filename="run.exe")
    async with world(tmp_path) as w:
        (event,) = await w.raw(bytes(mail))
        (again,) = await w.raw(bytes(mail))
        assert isinstance(event, AttachmentReceived)
        assert isinstance(again, AttachmentReceived)
        (picture,) = event.attachments
        assert again.attachments == event.attachments
        assert (picture.kind, picture.name, event.text) == ("image", "lamp.png", "See")
        assert (await w.engine.download(event.conversation, picture)).startswith(b"\x89PNG")
        assert [one for one in event.context["left_out"] if one.startswith("run.exe")]
        assert len([one for one in (tmp_path / "files").iterdir() if one.name.startswith("f_")]) == 1


async def test_of_a_mail_that_is_too_large_what_was_written_is_read(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (event,) = await w.raw(b"From: ada@x.example\r\n\r\nHello", partial=True)
        assert event.text == "Hello"
        assert event.context["left_out"] == ["what is beyond the largest mail that is read"]


async def test_what_our_own_server_vouches_for_is_told(tmp_path: Path) -> None:
    async with world(tmp_path, authority="mx.shop.example") as w:
        (event,) = await w.mail("Hi", "Authentication-Results: mx.shop.example; dmarc=pass")
        assert event.context["authentication"] == {"dmarc": "pass"}


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x>", "Return-Path: <>", "From: noreply@x.example"],
)
async def test_a_programs_mail_is_never_answered(tmp_path: Path, header: str) -> None:
    async with world(tmp_path) as w:
        (event,) = await w.mail("I am away", header)
        assert isinstance(event, SignalReceived)
        assert event.name == "email.automatic"
        assert not w.sent


@pytest.mark.parametrize("sender", ["support@shop.example", "Support+x@shop.example"])
async def test_our_own_mails_are_not_read(tmp_path: Path, sender: str) -> None:
    async with world(tmp_path) as w:
        assert not await w.mail("Hello", sender=sender)


async def test_two_programs_that_begin_new_threads_for_ever_are_stopped(tmp_path: Path) -> None:
    async with world(tmp_path, answers_an_hour=5) as w:
        for number in range(12):
            await w.mail("I am out of office", f"Message-ID: <{number}@x>")
        assert len(w.sent) == 5
        assert len(await w.engine.failed()) == 7


@pytest.mark.parametrize("raw", [b"", b"nothing", b"From: nobody\r\n\r\nHello", b"a: b\r\n" * 300 + b"\r\n"])
async def test_what_cannot_be_read_is_kept_and_stops_nobody(tmp_path: Path, raw: bytes) -> None:
    async with world(tmp_path) as w:
        (event,) = await w.raw(raw)
        assert isinstance(event, MalformedReceived)
        assert event.conversation.id == "unreadable"


# ── reports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def report(message_id: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.x.example\r\nMessage-ID: <dsn@mx.x.example>\r\nReturn-Path: <>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; ada@x.example\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {message_id}\r\n\r\nHi\r\n--b--\r\n"
    ).encode()


async def test_a_bounce_says_which_mail_failed_and_nothing_more_is_sent_there(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (said,) = await w.mail("Hello")
        ours = str(w.sent[0]["Message-ID"])
        (event,) = await w.raw(report(ours))
        assert isinstance(event, MessageFailed)
        assert (event.conversation, event.message_ids) == (said.conversation, (ours,))
        assert "ada@x.example: 5.1.1" in event.reason
        await w.engine.send(said.conversation, "Are you there?")
        await w.engine.quiet()
        assert len(w.sent) == 1
        await w.mail("I am here")
        assert len(w.sent) == 2


async def test_a_full_mailbox_or_a_delay_stops_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.mail("Hello")
        ours = str(w.sent[0]["Message-ID"])
        (late,) = await w.raw(report(ours, "delayed", "4.4.7"))
        assert isinstance(late, SignalReceived)
        (done,) = await w.raw(report(ours, "delivered", "2.0.0"))
        assert isinstance(done, MessageDelivered)
        await w.raw(report(ours, "failed", "5.2.2"))
        await w.mail("Again")
        assert len(w.sent) == 2


async def test_a_report_of_a_mail_that_is_not_ours_fails_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.mail("Hello")
        (event,) = await w.raw(report("<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@shop.example>"))
        assert isinstance(event, UnknownReceived)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_buttons_page_presses_by_post_only(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.browser() as browser:
        (said,) = await w.mail("I want a lamp")
        path = w.links("press")[1]
        for _ in range(3):
            page = await browser.get(path)
            assert page.status_code == 200
            assert ">Large</p>" in page.text
            assert page.text.count("<button") == 1
        assert (await browser.head(path)).status_code == 200
        await w.engine.quiet()
        assert not [one for one in w.got if isinstance(one, ButtonPressed)]
        once = re.search(r'name="once" value="([0-9a-f]{16})"', page.text)
        assert once
        for _ in range(2):
            done = await browser.post(path, data={"once": once[1]})
            assert done.status_code == 200
            assert "Thank you" in done.text
        await w.engine.quiet()
        (pressed,) = [one for one in w.got if isinstance(one, ButtonPressed)]
        assert (pressed.payload, pressed.label, pressed.conversation) == ("l", "Large", said.conversation)
        assert pressed.user is not None
        assert pressed.user.id == "ada@x.example"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_a_link_that_was_not_made_by_us_or_is_over_answers_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.browser() as browser:
        await w.mail("I want a lamp")
        path = w.links("press")[0]
        wrong = path[:10] + ("a" if path[10] != "a" else "b") + path[11:]
        for one, status in ((wrong, 410), (path[:-1] + "7", 404), ("/press/x/0", 404), ("/", 404), (f"{path}/..", 404)):
            assert (await browser.post(one)).status_code == status
        assert (await browser.request("PUT", path)).status_code == 405
        assert (await browser.post(path, content=b"x" * 5000)).status_code == 413
        key = f"email:{path.split('/')[2]}"
        assert await w.engine.store.take_off("mail-pages", key)  # as when its time is up
        gone = await browser.get(path)
        assert gone.status_code == 410
        assert "not good any more" in gone.text
        await w.engine.quiet()
        assert not [one for one in w.got if isinstance(one, ButtonPressed)]


async def test_one_click_unsubscribes_until_they_write_again(tmp_path: Path) -> None:
    async with world(tmp_path, unsubscribe=True) as w, w.browser() as browser:
        (said,) = await w.mail("Hello")
        header = str(w.sent[0]["List-Unsubscribe"])
        assert w.sent[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        path = re.findall(r"<https://shop.example/bot/email(/leave/[^>]+)>", header)[0]
        assert "Unsubscribe" in (await browser.get(path)).text
        answer = await browser.post(
            path, content=b"List-Unsubscribe=One-Click", headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code == 200
        await w.engine.quiet()
        assert [one.reason for one in w.got if isinstance(one, ConversationClosed)] == ["unsubscribed"]
        await w.engine.send(said.conversation, "News!")
        await w.engine.quiet()
        assert len(w.sent) == 1
        again = b"From: ada@x.example\r\nMessage-ID: <old@x>\r\n\r\nHello"
        await w.incoming.events(again, w.engine.clock.now() - timedelta(minutes=5))  # an older one, read again
        await w.engine.send(said.conversation, "More news!")
        await w.engine.quiet()
        assert len(w.sent) == 1
        await w.mail("I changed my mind")
        assert len(w.sent) == 2


async def test_a_mail_to_the_address_in_the_header_unsubscribes(tmp_path: Path) -> None:
    async with world(tmp_path, unsubscribe=True) as w:
        (said,) = await w.mail("Hello")
        address = re.findall(r"<mailto:([^?>]+)", str(w.sent[0]["List-Unsubscribe"]))[0]
        (forged,) = await w.mail("", f"To: {address}", sender="eve@y.example")
        assert not isinstance(forged, ConversationClosed)
        (event,) = await w.mail("", f"To: {address}", "Auto-Submitted: auto-generated")
        assert isinstance(event, ConversationClosed)
        sent = len(w.sent)
        await w.engine.send(said.conversation, "News!")
        await w.engine.quiet()
        assert len(w.sent) == sent


async def test_an_erasure_leaves_what_they_have_forbidden(tmp_path: Path) -> None:
    async with world(tmp_path, unsubscribe=True) as w:
        await w.mail("Hello")
        shelves = w.transport._shelves
        assert shelves is not None
        await shelves.stop("ada@x.example", "unsubscribed")
        await w.engine.store.erase("email:ada@x.example")
        assert await shelves.stopped("ada@x.example") == "unsubscribed"
        for shelf in ("mail-ids", "mail-sent", "mail-threads", "mail-pages"):
            assert not [key for key in await w.engine.store.on_shelf(shelf) if "ada" in key]


# ── anything ────────────────────────────────────────────────────────────────────────────────────────────────────────

TYPES = [
    "text/plain",
    "text/html",
    "image/png",
    "application/pdf",
    "message/rfc822",
    "message/delivery-status",
    "x",
    "text/plain; charset=rot13",
    "",
]
NAMES = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "References",
    "In-Reply-To",
    "Date",
    "Content-ID",
    "Auto-Submitted",
    "Content-Disposition",
    "Content-Transfer-Encoding",
]
VALUES = st.sampled_from(
    [
        "ada@x.example",
        "<a@b>",
        "=?utf-8?b?w?=",
        "=?x?q?=ff?=",
        "base64",
        "quoted-printable",
        "x-uuencode",
        "attachment; filename*0*=utf-8''%ff; filename*1=x",
        'inline; filename="',
        "Mon, 99 Foo 0000",
    ]
) | st.text(max_size=60)
headers = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6)
leaf = st.tuples(
    st.sampled_from(TYPES),
    headers,
    st.binary(max_size=120) | st.sampled_from([b"<p style='display:none'>x", b"> x", b"=ZZ=", b"begin 644 x\n#0V%T\n"]),
)
tree = st.recursive(
    leaf,
    lambda inner: st.tuples(
        st.sampled_from(["multipart/mixed", "multipart/alternative", "multipart/report", "multipart/related"]),
        headers,
        st.lists(inner, max_size=4),
    ),
    max_leaves=8,
)


def built(node: Any, depth: int = 0) -> bytes:
    kind, given_headers, inner = node
    boundary = f"b{depth}"
    head = "".join(f"{name}: {value}\r\n" for name, value in given_headers)
    if isinstance(inner, bytes):
        return f"Content-Type: {kind}\r\n{head}\r\n".encode("utf-8", "replace") + inner
    body = b"".join(f"--{boundary}\r\n".encode() + built(one, depth + 1) + b"\r\n" for one in inner)
    return (
        f"Content-Type: {kind}; boundary={boundary}\r\n{head}\r\n".encode("utf-8", "replace")
        + body
        + f"--{boundary}--\r\n".encode()
    )


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=150, deadline=None)
@given(st.lists(tree, min_size=4, max_size=8), st.booleans())
def test_no_mail_however_odd_raises_or_speaks_for_another(box: Path, nodes: list[Any], from_ada: bool) -> None:
    import anyio  # noqa: PLC0415  hypothesis runs plain functions

    async def read_all() -> None:
        async with world(box) as w:
            for node in nodes:
                raw = (b"From: ada@x.example\r\n" if from_ada else b"") + built(node)
                events = await w.incoming.events(raw, None)
                for event in events:
                    assert decode_event(encode_event(event)) == event
                    if isinstance(event, (MessageReceived, AttachmentReceived)):
                        assert event.user is not None
                        assert event.conversation.id.partition("/")[0] == event.user.id
                        if from_ada:
                            assert event.user.id == "ada@x.example"

    anyio.run(read_all)
