"""Mails handed over by SMTP: what each answer of a server means, and what is never tried."""

import logging
import socket
import traceback
from base64 import b64decode, b64encode
from typing import Any

import anyio
import pytest
from smtp_double import SmtpDouble

from convokit.abc import Proof
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, RateLimited, Rejected, TransportError, Unreachable
from convokit.messages import Message
from convokit.transports import Email
from convokit.transports.email import Wording
from convokit.transports.email.servers import Server

ADA = ConversationId("email", "ada@x.example")
PASSWORD = "canary-password"


def shop(host: str, **settings: Any) -> Email:
    return Email(
        "support@shop.example", settings.pop("password", ""), **{"smtp_host": host, "timeout": 2.0, **settings}
    )


async def sent(
    double: SmtpDouble, text: str = "Hello", to: ConversationId = ADA, key: str = "k1", **settings: Any
) -> str | None:
    async with shop(double.host, **settings) as transport:
        return await transport.send_keyed(to, Message(text), key)


async def test_a_mail_is_handed_over_once() -> None:
    with SmtpDouble() as double:
        message_id = await sent(double, "Hello\n.\n.hidden")
        (mail,) = double.mails
    assert message_id is not None
    assert f"Message-ID: {message_id}".encode() in mail
    assert "MAIL FROM:<support@shop.example>" in double.said[1].upper().replace(
        "SUPPORT@SHOP.EXAMPLE", "support@shop.example"
    )
    assert "ada@x.example" in double.said[2]
    assert b"\r\n.\r\n.hidden" in mail


async def test_each_try_of_a_mail_has_the_same_message_id_and_each_mail_its_own() -> None:
    with SmtpDouble() as double:
        first, again, other = [await sent(double, key=key) for key in ("k1", "k1", "k2")]
    assert first == again != other


@pytest.mark.parametrize(
    ("where", "answer", "kind", "maybe"),
    [
        ("CONNECT", "421 too many connections", RateLimited, None),
        ("CONNECT", "554 go away", Rejected, None),
        ("CONNECT", "hang up", Unreachable, False),
        ("MAIL", "451 later", Unreachable, False),
        ("MAIL", "421 closing", RateLimited, None),
        ("MAIL", "550 5.7.1 not you", Rejected, None),
        ("MAIL", "hang up", Unreachable, False),
        ("RCPT", "450 4.2.1 greylisted", Unreachable, False),
        ("RCPT", "452 4.7.28 rate limit", RateLimited, None),
        ("RCPT", "550 5.1.1 no such user", Rejected, None),
        ("RCPT", "hang up", Unreachable, False),
        ("DATA", "451 later", Unreachable, False),
        ("DATA", "554 no", Rejected, None),
        ("DATA", "hang up", Unreachable, False),
        (".", "451 4.3.0 later", Unreachable, False),
        (".", "554 5.7.1 spam", Rejected, None),
        (".", "hang up", Unreachable, True),
        (".", "silence", Unreachable, True),
        ("RCPT", "silence", Unreachable, False),
    ],
)
async def test_what_an_answer_means(where: str, answer: str, kind: type[TransportError], maybe: bool | None) -> None:
    with SmtpDouble({where: answer}) as double, pytest.raises(kind) as told:
        await sent(double, timeout=0.5)
    assert getattr(told.value, "maybe_sent", None) is maybe
    if kind is RateLimited:
        assert getattr(told.value, "everywhere") is (where != "RCPT")  # noqa: B009  only some have it


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with shop(f"127.0.0.1:{port}") as transport:
        with pytest.raises(Unreachable) as told:
            await transport.send(ADA, Message("Hello"))
    assert not told.value.maybe_sent


async def test_user_and_password_are_given_where_they_are_asked_for() -> None:
    with SmtpDouble(extensions=("AUTH PLAIN LOGIN",)) as double:
        await sent(double, password=PASSWORD, user="shop")
    words = next(one for one in double.said if one.startswith("AUTH PLAIN"))
    assert b64decode(words.split()[-1]) == b"\0shop\0" + PASSWORD.encode()


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_token_logs_in_by_xoauth2(is_async: bool) -> None:
    async def later() -> str:
        await anyio.lowlevel.checkpoint()
        return "canary-token"

    with SmtpDouble(extensions=("AUTH XOAUTH2",)) as double:
        await sent(double, token=later if is_async else lambda: "canary-token")
    words = next(one for one in double.said if one.startswith("AUTH XOAUTH2"))
    assert b64decode(words.split()[-1]) == b"user=support@shop.example\x01auth=Bearer canary-token\x01\x01"


async def test_a_wrong_password_is_for_good() -> None:
    with (
        SmtpDouble({"AUTH": "535 5.7.8 no"}, ("AUTH PLAIN",)) as double,
        pytest.raises(Rejected, match="MAIL_PASSWORD"),
    ):
        await sent(double, password=PASSWORD)


async def test_a_token_that_is_over_is_replaced_by_the_next_one() -> None:
    with SmtpDouble({"AUTH": "535 5.7.8 no"}, ("AUTH XOAUTH2",)) as double, pytest.raises(Unreachable, match="token="):
        await sent(double, token=lambda: "canary-token")


async def test_a_token_that_cannot_be_had_is_asked_for_again() -> None:
    def broken() -> str:
        raise OSError("canary-token")

    with SmtpDouble(extensions=("AUTH XOAUTH2",)) as double, pytest.raises(Unreachable):
        await sent(double, token=broken)


async def test_letters_of_every_script_need_smtputf8() -> None:
    jorg = ConversationId("email", "jörg@x.example")
    with SmtpDouble() as double, pytest.raises(Rejected, match="SMTPUTF8"):
        await sent(double, to=jorg)
    with SmtpDouble(extensions=("8BITMIME", "SMTPUTF8")) as double:
        await sent(double, to=jorg)
    assert "SMTPUTF8" in double.said[1].upper()


async def test_a_server_elsewhere_that_offers_no_encryption_gets_nothing() -> None:
    with SmtpDouble(extensions=("AUTH PLAIN",)) as double:
        transport = shop(double.host, password=PASSWORD)
        object.__setattr__(transport._setup, "smtp", Server(host="127.0.0.1", port=double.port, security="starttls"))
        async with transport:
            with pytest.raises(Rejected, match="STARTTLS"):
                await transport.send(ADA, Message("Hello"))
    assert not [one for one in double.said if one.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize(
    "id", ["ada", "unreadable", "support@shop.example", "support+x@shop.example", "ada@x.example/bad"]
)
async def test_what_is_no_customers_address_is_refused(id: str) -> None:  # noqa: A002  the word that conversations have for it
    with SmtpDouble() as double, pytest.raises(Rejected):
        await sent(double, to=ConversationId("email", id))
    assert not double.said


async def test_one_address_gets_only_so_many_mails_within_an_hour() -> None:
    with SmtpDouble() as double:
        async with shop(double.host, answers_an_hour=2) as transport:
            for key in ("1", "2", "2", "1"):  # a try again is the same mail
                await transport.send_keyed(ADA, Message("Hello"), key)
            with pytest.raises(Rejected, match="answers_an_hour"):
                await transport.send_keyed(
                    ConversationId("email", "ada@x.example/aaaaaaaaaaaaaaaa"), Message("Hello"), "3"
                )
            await transport.send_keyed(ConversationId("email", "bob@x.example"), Message("Hello"), "4")


async def test_no_secret_shows_in_logs_errors_or_reprs(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str] = []
    caplog.set_level(logging.DEBUG)
    for where, answer in (("AUTH", "535 no"), ("MAIL", "550 no"), (".", "hang up"), ("AUTH", "hang up"), ("", "")):
        with SmtpDouble({where: answer}, ("AUTH PLAIN LOGIN XOAUTH2",)) as double:
            for settings in ({"password": PASSWORD}, {"token": lambda: "canary-token"}):
                try:
                    await sent(double, **settings)
                except TransportError as problem:
                    shown += [repr(problem), *traceback.format_exception(problem)]
                shown.append(repr(shop(double.host, **settings)))
                shown.append(repr(shop(double.host, **settings)._setup))
    shown += [record.getMessage() for record in caplog.records]
    for secret in ("canary", b64encode(PASSWORD.encode()).decode()[:-2]):
        assert not [one for one in shown if secret in one and "sent(double" not in one and 'canary-token"' not in one]


async def test_doctor_says_what_is_wrong() -> None:
    with SmtpDouble({"AUTH": "535 5.7.8 no"}, ("AUTH PLAIN",)) as double:
        async with shop(double.host, password=PASSWORD, plus=False) as transport:
            (finding,) = await transport.examine()
    assert not finding.ok
    assert "MAIL_PASSWORD" in finding.advice
    with SmtpDouble() as double:
        async with shop(double.host) as transport:
            first, second = await transport.examine()
    assert first.ok
    assert second.ok


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mail.example.com", ("mail.example.com", 587, "starttls")),
        ("mail.example.com:465", ("mail.example.com", 465, "tls")),
        ("mail.example.com:2525", ("mail.example.com", 2525, "starttls")),
        ("127.0.0.1:1025", ("127.0.0.1", 1025, "none")),
        ("localhost:587", ("localhost", 587, "starttls")),
        ("[::1]:1025", ("::1", 1025, "none")),
        ("[2001:db8::1]", ("2001:db8::1", 587, "starttls")),
        ("10.0.0.1:1025", ("10.0.0.1", 1025, "starttls")),
    ],
)
def test_a_server_is_spoken_to_encrypted_unless_it_is_this_machine(text: str, wanted: tuple[str, int, str]) -> None:
    one = Server.parse(text, port=587, setting="smtp_host", channel="email")
    assert (one.host, one.port, one.security) == wanted


@pytest.mark.parametrize(
    "text", ["a b", "mail.example.com:0", "mail.example.com:99999", "mail:x", "smtp://x", "a\r\nb", "x" * 300]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="smtp_host"):
        shop(text)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "Shop\r\nBcc: eve@x.example"}, "name"),
        ({"subject": "a\nb"}, "subject"),
        ({"mark": "a\nb"}, "mark"),
        ({"conversations": "person"}, "conversations"),
        ({"authority": "mx; dmarc=pass"}, "authority"),
        ({"public_url": "http://shop.example"}, "public_url"),
        ({"public_url": "https://u@shop.example"}, "public_url"),
        ({"idle": 1800}, "idle"),
        ({"poll": 0}, "poll"),
        ({"answers_an_hour": 0}, "answers_an_hour"),
        ({"imap_host": "imap.example.com"}, "MAIL_PASSWORD"),
        ({"ca_file": "/nowhere.pem"}, "ca_file"),
        ({"smtp_host": ""}, "MAIL_SMTP_HOST"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_starts(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(DefinitionError, match=named):
        shop(**{"host": "mail.example.com", **changes}).check()


def test_an_address_that_is_none_or_too_long_for_tags_is_told() -> None:
    with pytest.raises(DefinitionError, match="MAIL_ADDRESS"):
        Email("support", smtp_host="mail.example.com").check()
    with pytest.raises(DefinitionError, match="plus=False"):
        Email("s" * 40 + "@shop.example", smtp_host="mail.example.com").check()
    Email("s" * 40 + "@shop.example", smtp_host="mail.example.com", plus=False).check()


def test_from_env_reads_what_it_names_and_tells_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADDRESS", "IMAP_HOST", "SMTP_HOST", "USER", "PASSWORD", "PUBLIC_URL"):
        monkeypatch.delenv(f"MAIL_{name}", raising=False)
    with pytest.raises(DefinitionError, match="MAIL_ADDRESS"):
        Email.from_env().check()
    monkeypatch.setenv("MAIL_ADDRESS", "support@shop.example")
    with pytest.raises(DefinitionError, match="MAIL_SMTP_HOST"):
        Email.from_env().check()
    monkeypatch.setenv("MAIL_SMTP_HOST", "smtp.shop.example")
    monkeypatch.setenv("MAIL_IMAP_HOST", "imap.shop.example")
    with pytest.raises(DefinitionError, match="MAIL_PASSWORD is not set"):
        Email.from_env().check()
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("MAIL_PUBLIC_URL", "https://shop.example/bot/")
    made = Email.from_env(name="Shop", wording=Wording(send="Los"))
    made.check()
    assert made._setup.user == "support@shop.example"
    assert made._setup.public_url == "https://shop.example/bot"


def test_nothing_is_promised_against_sending_twice() -> None:
    assert Email.proof is Proof.NONE


def test_a_link_opens_a_mail_that_carries_its_ref() -> None:
    transport = shop("mail.example.com", subject="Question")
    assert transport.link("spring-sale") == "mailto:support@shop.example?subject=Question%20%5Bref%3Aspring-sale%5D"
    assert transport.link("") == "mailto:support@shop.example?subject=Question"
    with pytest.raises(DefinitionError, match="ref"):
        transport.link("a b")


def test_a_preview_tells_the_subject() -> None:
    assert shop("mail.example.com").remarks(Message("Your lamp is here.\nx")) == ("subject: Your lamp is here.",)
