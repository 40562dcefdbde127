"""E-mail before judges that are not ours: dovecot keeps the mailbox, aiosmtpd takes the mails, all on loopback."""

import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from attrs import evolve
from mail_servers import PASSWORD, USER, Dovecot, dovecot, free_port

from convokit import Bot, Settings, Turn
from convokit._engine.engine import Engine
from convokit.abc import Store
from convokit.conversations import ConversationId
from convokit.errors import Rejected, StoreUnavailable, Unreachable
from convokit.events import AttachmentReceived, ButtonPressed, Event, MessageReceived
from convokit.messages import Button, File, Image, Message
from convokit.stores import Memory, from_url
from convokit.transports import Email
from convokit.transports.email import mailbox
from convokit.transports.email.servers import Server
from convokit.transports.email.shelves import Shelves

controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd is not installed (the extra interop)")
smtp = pytest.importorskip("aiosmtpd.smtp", reason="aiosmtpd is not installed (the extra interop)")
imapclient = pytest.importorskip("imapclient", reason="imapclient is not installed (the extra mail)")

pytestmark = pytest.mark.slow

PATIENCE = 20.0
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c626001000000ffff030000060005"
    "57bfabd40000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as one:
        yield one


class Taker:
    """What aiosmtpd hands to: it keeps every mail."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        self.got.append(envelope)
        return "250 taken"

    @property
    def mails(self) -> list[EmailMessage]:
        return [cast("EmailMessage", message_from_bytes(one.content, policy=default)) for one in self.got]


@pytest.fixture
def taker() -> Iterator[tuple[Taker, str]]:
    keeps = Taker()
    running = controller.Controller(keeps, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    running.start()
    yield keeps, f"127.0.0.1:{running.port}"
    running.stop()


async def until(true: Any, within: float = PATIENCE) -> None:
    with anyio.fail_after(within):
        while not true():  # noqa: ASYNC110  what other processes do can only be looked at again
            await anyio.sleep(0.02)


@asynccontextmanager
async def shop(
    imap: str, smtp_host: str, tmp_path: Path, store: Store | None = None, **settings: Any
) -> AsyncIterator[tuple[Engine, Email, list[Event]]]:
    got: list[Event] = []
    bot = Bot("shop")

    @bot.fallback
    async def answer(turn: Turn) -> None:
        got.append(turn.event)
        if isinstance(turn.event, MessageReceived):
            turn.reply("Which?", buttons=[Button("Small", "s"), Button("Large", "l")])

    transport = Email("support@shop.example", PASSWORD, user=USER, imap_host=imap, smtp_host=smtp_host, **settings)
    bot.attach(transport)
    quick = Settings(files=str(tmp_path / "files"), drain=5)
    async with bot.serve(store or Memory(), settings=quick) as engine:
        await until(lambda: transport.mailbox is not None and transport.mailbox.ready.is_set())
        yield engine, transport, got


def letter(text: str, *headers: str) -> bytes:
    name = f"<{time.time_ns()}@x.example>"
    head = ["From: Ada <ada@x.example>", "To: support@shop.example", "Subject: Lamp", *headers]
    if not any(one.startswith("Message-ID") for one in headers):
        head.append(f"Message-ID: {name}")
    return "\r\n".join([*head, "", text, ""]).encode()


def flags(server: Dovecot) -> list[Any]:
    """The flags of the last mail, as somebody else sees them."""
    with imapclient.IMAPClient("127.0.0.1", server.port, ssl=False) as other:
        other.login(USER, PASSWORD)
        other.select_folder("INBOX", readonly=True)
        uids = other.search("ALL")
        return list(other.get_flags(uids[-1:])[uids[-1]])


async def test_a_mail_is_answered_and_its_answer_presses_a_button(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    keeps, host = taker
    async with shop(server.host, host, tmp_path) as (_, _, got):
        server.deliver(letter("I want a lamp"))
        await until(lambda: keeps.got)
        (question,) = keeps.mails
        assert keeps.got[0].rcpt_tos == ["ada@x.example"]
        plain = question.get_body(("plain",))
        assert plain is not None
        quoted = "\r\n".join(f"> {line}" for line in plain.get_content().splitlines())
        # The tag is in the address alone: programs that lose References are found by it.
        server.deliver(
            letter(f"2\r\n\r\nOn Wed, 25 Nov 2026 at 10:00, Shop <support@shop.example> wrote:\r\n{quoted}").replace(
                b"To: support@shop.example", f"To: {question['Reply-To']}".encode()
            )
        )
        await until(lambda: len(got) == 2)
        first, second = got
        assert isinstance(second, ButtonPressed)
        assert (second.payload, second.conversation) == ("l", first.conversation)
        assert b"\\Seen" in await anyio.to_thread.run_sync(flags, server)


async def test_what_the_business_says_first_reaches_them(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    keeps, host = taker
    async with shop(server.host, host, tmp_path) as (engine, _, got):
        await engine.send(ConversationId("email", "ada@x.example"), "Your lamp is here.")
        await until(lambda: keeps.got)
        (mail,) = keeps.mails
        assert mail["Subject"] == "Your lamp is here."
        server.deliver(letter("Thanks", f"In-Reply-To: {mail['Message-ID']}"))
        await until(lambda: got)
        assert got[0].conversation.id == "ada@x.example"


async def test_a_mail_wakes_us_at_once_and_a_stop_does_not_wait(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    keeps, host = taker
    async with shop(server.host, host, tmp_path) as (_, _, got):
        await anyio.sleep(0.5)
        began = time.monotonic()
        server.deliver(letter("Hello"))
        await until(lambda: got)
        assert time.monotonic() - began < 3  # dovecot looks for new mails in a folder every second or so
        await until(lambda: keeps.got)
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 2


async def test_mails_that_come_while_others_are_read_do_not_wait(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    async with shop(server.host, taker[1], tmp_path) as (_, _, got):
        for number in range(12):
            server.deliver(letter(f"number {number}"))
            await anyio.sleep(0.05 * (number % 4))
        await until(lambda: len(got) == 12)
        assert {one.text for one in got} == {f"number {number}" for number in range(12)}


async def test_an_idle_is_renewed_as_long_as_nothing_comes(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    async with shop(server.host, taker[1], tmp_path, idle=0.2) as (_, transport, got):
        await anyio.sleep(1.0)
        first = transport.mailbox
        server.deliver(letter("Hello"))
        await until(lambda: got)
        assert transport.mailbox is first


async def test_a_server_without_idle_is_asked_now_and_then(taker: tuple[Taker, str], tmp_path: Path) -> None:
    with dovecot("imap_capability = IMAP4rev1\n") as plain:
        async with shop(plain.host, taker[1], tmp_path, poll=1) as (_, transport, got):
            plain.deliver(letter("Hello"))
            await until(lambda: got)
            findings = await transport.examine()
            assert "no IDLE" in findings[1].what


async def test_what_lay_there_before_the_first_start_is_left_alone(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    server.deliver(letter("old"))
    async with shop(server.host, taker[1], tmp_path) as (_, _, got):
        server.deliver(letter("new"))
        await until(lambda: got)
        assert [one.text for one in got] == ["new"]


async def test_what_came_while_nobody_ran_is_read_even_when_a_person_opened_it(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/shop.db"
    async with shop(server.host, taker[1], tmp_path, from_url(database)):
        pass
    server.deliver(letter("while you slept"))

    def open_it() -> None:
        with imapclient.IMAPClient("127.0.0.1", server.port, ssl=False) as other:
            other.login(USER, PASSWORD)
            other.select_folder("INBOX")
            other.add_flags(other.search("ALL"), [b"\\Seen"])

    await anyio.to_thread.run_sync(open_it)
    async with shop(server.host, taker[1], tmp_path, from_url(database)) as (_, _, got):
        await until(lambda: got)
        assert [one.text for one in got] == ["while you slept"]


async def test_a_crash_after_the_mail_was_kept_and_before_we_moved_on_repeats_nothing(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps, host = taker
    database = f"sqlite:///{tmp_path}/shop.db"
    with monkeypatch.context() as patched:

        async def stuck(self: Shelves, mailbox: str, position: Any) -> None:
            await anyio.sleep_forever()

        async with shop(server.host, host, tmp_path, from_url(database)) as (_, _, got):
            patched.setattr(Shelves, "move", stuck)
            server.deliver(letter("once"))
            await until(lambda: keeps.got)
            assert b"\\Seen" not in await anyio.to_thread.run_sync(flags, server)
            assert len(got) == 1
    async with shop(server.host, host, tmp_path, from_url(database)) as (_, _, got):
        server.deliver(letter("twice"))
        await until(lambda: len(keeps.got) == 2)
        assert [one.text for one in got] == ["twice"]
        assert b"\\Seen" in await anyio.to_thread.run_sync(flags, server)


async def test_a_mail_waits_in_the_mailbox_while_the_store_cannot_write(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "_AGAIN", 0.2)
    store = Memory()
    async with shop(server.host, taker[1], tmp_path, store) as (_, _, got):
        full = [True]
        accept = store.accept

        async def refusing(events: Any) -> Any:
            if full:
                raise StoreUnavailable("the disk is full")
            return await accept(events)

        monkeypatch.setattr(store, "accept", refusing)
        server.deliver(letter("patient"))
        await anyio.sleep(1.5)
        assert not got
        assert b"\\Seen" not in await anyio.to_thread.run_sync(flags, server)
        full.clear()
        await until(lambda: got)
        assert [one.text for one in got] == ["patient"]


async def test_a_mailbox_with_new_numbers_is_looked_at_again_and_repeats_nothing(
    taker: tuple[Taker, str], tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/shop.db"
    with dovecot() as own:
        async with shop(own.host, taker[1], tmp_path, from_url(database)) as (_, _, got):
            own.deliver(letter("before"))
            await until(lambda: got)
        await anyio.to_thread.run_sync(own.renumber)
        own.deliver(letter("between"))
        async with shop(own.host, taker[1], tmp_path, from_url(database)) as (_, _, got):
            own.deliver(letter("after"))
            await until(lambda: len(got) == 2)
            assert [one.text for one in got] == ["between", "after"]


async def test_a_server_that_goes_away_is_found_again(taker: tuple[Taker, str], tmp_path: Path) -> None:
    with dovecot() as own:
        async with shop(own.host, taker[1], tmp_path) as (_, transport, got):
            first = transport.mailbox
            await anyio.to_thread.run_sync(own.stop)
            await anyio.to_thread.run_sync(own.start)
            own.deliver(letter("are you there?"))
            await until(lambda: got)
            assert transport.mailbox is not first


async def test_of_a_mail_that_is_too_large_the_beginning_is_read(
    server: Dovecot, taker: tuple[Taker, str], tmp_path: Path
) -> None:
    big = letter("Read me\r\n" + "x" * 60 + "\r\n")[:-2] + b"y" * 70 + b"\r\n"
    async with shop(server.host, taker[1], tmp_path, mail_bytes=1 << 16) as (_, _, got):
        server.deliver(big + b"z" * 70 + b"\r\n" + (b"w" * 70 + b"\r\n") * 2000)
        server.deliver(letter("small"))
        await until(lambda: len(got) == 2)
        assert got[0].text.startswith("Read me")
        assert got[0].context["left_out"]
        assert got[1].text == "small"


async def test_files_go_both_ways(server: Dovecot, taker: tuple[Taker, str], tmp_path: Path) -> None:
    keeps, host = taker
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "ada@x.example", "Broken", f"<{time.time_ns()}@x>"
    mail.set_content("<p>See <img src='cid:pic@x'></p>", subtype="html")
    mail.add_related(PNG, "image", "png", cid="<pic@x>", filename="lamp.png", disposition="inline")
    async with shop(server.host, host, tmp_path) as (engine, _, got):
        server.deliver(bytes(mail))
        await until(lambda: got)
        (event,) = got
        assert isinstance(event, AttachmentReceived)
        assert event.text == "See"
        await engine.send(event.conversation, Message("Yours, and an invoice", attachments=list(event.attachments)))
        await engine.send(
            event.conversation,
            Message("", attachments=[File(data=b"%PDF-1.7 x", media_type="application/pdf", name="rechnung ü.pdf")]),
        )
        await until(lambda: len(keeps.got) == 2)
        picture, invoice = keeps.mails
        assert [one.get_content_type() for one in picture.walk() if one.get_content_maintype() == "image"] == [
            "image/png"
        ]
        (beside,) = invoice.iter_attachments()
        assert (beside.get_filename(), beside.get_content()) == ("rechnung ü.pdf", b"%PDF-1.7 x")


async def test_a_wrong_password_and_mailbox_are_told(server: Dovecot, taker: tuple[Taker, str]) -> None:
    for password, folder, said in (("canary-wrong", "INBOX", "MAIL_PASSWORD"), (PASSWORD, "Nowhere", "folder=")):
        settings: dict[str, Any] = {"user": USER, "imap_host": server.host, "smtp_host": taker[1], "plus": False}
        async with Email("support@shop.example", password, folder=folder, **settings) as transport:
            _, finding = await transport.examine()
        assert not finding.ok
        assert said in finding.advice
        assert "canary" not in finding.advice


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    x509 = pytest.importorskip("cryptography.x509", reason="cryptography is not installed (the extra test)")
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  as above

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def secure(certificate: tuple[Path, Path]) -> Iterator[tuple[Taker, int, list[Any]]]:
    """An aiosmtpd that wants STARTTLS and a log-in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    logins: list[Any] = []

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        logins.append((mechanism, data.login.decode(), data.password.decode()))
        return smtp.AuthResult(success=data.password.decode() == PASSWORD, handled=False)

    keeps = Taker()
    running = controller.Controller(
        keeps,
        hostname="localhost",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=known,
    )
    running.start()
    yield keeps, running.port, logins
    running.stop()


def over_starttls(port: int, password: str = PASSWORD, **settings: Any) -> Email:
    made = Email("support@shop.example", password, user=USER, smtp_host="smtp.shop.example", **settings)
    # On loopback a port of its own is spoken to as it is: this one is told to encrypt.
    made._setup = evolve(made._setup, smtp=Server(host="localhost", port=port, security="starttls"))
    return made


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_mailbox_is_read_over_an_encrypted_line(
    certificate: tuple[Path, Path], taker: tuple[Taker, str], tmp_path: Path, security: Any
) -> None:
    port = free_port()
    listener = f"service imap-login {{\n inet_listener imaps {{\n port = {port}\n ssl = yes\n }}\n}}\n"
    keys = "ssl = yes\nssl_cert = <BASE/cert.pem\nssl_key = <BASE/key.pem\n"
    with dovecot(keys + listener, certificate) as own:
        where = Server(host="localhost", port=port if security == "tls" else own.port, security=security)
        bot, got = Bot("shop"), list[str]()

        @bot.fallback
        async def hear(turn: Turn) -> None:
            got.append(turn.text)

        made = Email("support@shop.example", PASSWORD, user=USER, smtp_host=taker[1], ca_file=str(certificate[0]))
        made._setup = evolve(made._setup, imap=where)
        bot.attach(made)
        async with bot.serve(Memory(), settings=Settings(files=str(tmp_path / "files"))):
            await until(lambda: made.mailbox is not None and made.mailbox.ready.is_set())
            await anyio.sleep(0.5)
            for number in range(5):
                own.deliver(letter(f"number {number}"))
                await until(lambda count=number + 1: len(got) == count)
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 2


async def test_a_mail_goes_out_encrypted_and_logged_in(
    secure: tuple[Taker, int, list[Any]], certificate: tuple[Path, Path]
) -> None:
    keeps, port, logins = secure
    async with over_starttls(port, ca_file=str(certificate[0])) as transport:
        picture = Image(data=PNG, media_type="image/png", alt="Lamp")
        await transport.send_keyed(
            ConversationId("email", "ada@x.example"), Message("Hello", attachments=[picture]), "k"
        )
    (mail,) = keeps.mails
    assert not [part.defects for part in mail.walk() if part.defects]
    assert [(user, word) for _, user, word in logins] == [(USER, PASSWORD)]


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure: tuple[Taker, int, list[Any]]) -> None:
    keeps, port, logins = secure
    async with over_starttls(port) as transport:
        with pytest.raises(Unreachable, match="certificate"):
            await transport.send(ConversationId("email", "ada@x.example"), Message("Hello"))
    assert not keeps.got
    assert not logins


async def test_a_wrong_password_is_refused_for_good(
    secure: tuple[Taker, int, list[Any]], certificate: tuple[Path, Path]
) -> None:
    async with over_starttls(secure[1], "wrong", ca_file=str(certificate[0])) as transport:
        with pytest.raises(Rejected, match="MAIL_PASSWORD"):
            await transport.send(ConversationId("email", "ada@x.example"), Message("Hello"))
