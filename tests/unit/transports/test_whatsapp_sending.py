"""The transport against a double of the Graph API: what it calls, and what it makes of the answers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from convokit.abc import Request
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.messages import Image, Message, Template
from convokit.testing.platform_double import Fault, HttpCall, PlatformDouble, Reply
from convokit.transports.whatsapp import WhatsApp
from convokit.wire.signing import hmac_sha256

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NUMBER = "1122334455667"
SECRET = "canary-app-secret-0123456789"
TOKEN = "canary-system-token"
ADA = ConversationId("whatsapp", "GB.13491")
SENT = Reply.of({"messages": [{"id": "wamid.sent"}]})


def whatsapp(api_url: str = "https://graph.facebook.com", **settings: Any) -> WhatsApp:
    return WhatsApp(TOKEN, SECRET, "verify-token", NUMBER, api_url=api_url, timeout=5.0, **settings)


async def calls(message: Message, answer: Any = lambda _: SENT) -> tuple[str | None, list[HttpCall]]:
    async with PlatformDouble(answer) as double, whatsapp(double.url) as transport:
        return await transport.send_keyed(ADA, message, "whatsapp:GB.13491:1:0"), double.calls


async def test_the_id_of_what_was_sent_comes_back_and_the_token_stays_in_a_header() -> None:
    sent, [call] = await calls(Message("Hello"))
    assert sent == "wamid.sent"
    assert (call.method, call.path) == ("POST", f"/v25.0/{NUMBER}/messages")
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert call.json()["biz_opaque_callback_data"] == "whatsapp:GB.13491:1:0"
    assert call.json()["recipient"] == "GB.13491"


async def test_bytes_are_uploaded_and_then_sent_by_their_id() -> None:
    def answer(call: HttpCall) -> Reply:
        return Reply.of({"id": "777"}) if call.path.endswith("/media") else SENT

    _, [upload, send] = await calls(Message("Mine", attachments=[Image(data=b"png", media_type="image/png")]), answer)
    assert b'name="messaging_product"\r\n\r\nwhatsapp' in upload.body
    assert b"Content-Type: image/png\r\n\r\npng" in upload.body
    assert send.json()["image"] == {"id": "777", "caption": "Mine"}


@pytest.mark.parametrize("answer", [Fault.DROP, Reply.of({}, status=500), Reply.of({"id": "../x"})])
async def test_an_upload_that_failed_has_sent_nothing(answer: Any) -> None:
    with pytest.raises(Unreachable) as told:
        await calls(Message(attachments=[Image(data=b"png", media_type="image/png")]), lambda _: answer)
    assert not told.value.maybe_sent


def error(code: int, status: int = 400, **more: Any) -> Reply:
    return Reply.of({"error": {"code": code, "message": f"told {TOKEN}", **more}}, status=status)


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (131047, OutsideWindow, "send a template"),
        (131056, RateLimited, "131056"),
        (130429, RateLimited, "130429"),
        (80007, RateLimited, "80007"),
        (131026, Rejected, "not on WhatsApp"),
        (131050, Rejected, "stopped marketing"),
        (132000, Rejected, "number of parameters"),
        (190, Rejected, "WHATSAPP_TOKEN"),
        (131000, Unreachable, "131000"),
        (2, Unreachable, "error 2"),
    ],
)
async def test_an_error_is_of_the_class_that_says_what_to_do(code: int, kind: type[TransportError], says: str) -> None:
    with pytest.raises(kind, match=says) as told:
        await calls(Message("hi"), lambda _: error(code))
    assert type(told.value) is kind
    assert TOKEN not in str(told.value)


async def test_a_pace_for_one_person_rests_nobody_else() -> None:
    for code, everywhere in ((131056, False), (130429, True)):
        with pytest.raises(RateLimited) as told:
            await calls(Message("hi"), lambda _, code=code: error(code))
        assert told.value.everywhere is everywhere


def test_only_a_template_is_taken_at_any_time() -> None:
    assert whatsapp().takes_outside(Message("Sent.", template=Template("order_sent")))
    assert not whatsapp().takes_outside(Message("Sent."))


async def test_typing_names_the_last_message_and_marks_it_as_read() -> None:
    message = {"from": "44", "from_user_id": "GB.13491", "id": "wamid.1", "type": "text", "text": {"body": "hi"}}
    change = {"field": "messages", "value": {"metadata": {"phone_number_id": NUMBER}, "messages": [message]}}
    told = {"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": [change]}]}
    body = json.dumps(told).encode()
    signature = b"sha256=" + hmac_sha256(SECRET.encode(), body).hex().encode()
    async with PlatformDouble(lambda _: Reply.of({"success": True})) as double, whatsapp(double.url) as transport:
        await transport.show_typing(ADA)
        assert double.calls == []
        transport.receive(Request(method="POST", headers={"x-hub-signature-256": signature}, body=body, at=NOW))
        await transport.show_typing(ADA)
    assert double.calls[0].json() == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.1",
        "typing_indicator": {"type": "text"},
    }


def test_a_link_has_the_customer_say_what_comes_back_as_its_ref() -> None:
    link = whatsapp(number="+442079460018").link("spring-sale")
    assert link == "https://wa.me/442079460018?text=Hello%21%20%5Bspring-sale%5D"
    assert whatsapp(number="442079460018", entry="Order at {ref}").link("t-7").endswith("text=Order%20at%20t-7")
    with pytest.raises(DefinitionError, match="1 to 64 letters"):
        whatsapp(number="442079460018").link("a.b")
    with pytest.raises(DefinitionError, match="WHATSAPP_NUMBER"):
        whatsapp().link("x")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"number": "0044"}, "country's code"),
        ({"entry": "Hello"}, "{ref}"),
        ({"entry": "{ref} {ref}"}, "{ref}"),
        ({"by": "name"}, "user_id"),
        ({"api_version": "25"}, "v25.0"),
        ({"api_url": "http://evil.example"}, "https"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], says: str) -> None:
    api_url = settings.pop("api_url", "https://graph.facebook.com")
    with pytest.raises(DefinitionError, match=says):
        whatsapp(api_url, **settings).check()


def test_the_number_id_is_needed() -> None:
    with pytest.raises(DefinitionError, match="WHATSAPP_PHONE_NUMBER_ID"):
        WhatsApp(TOKEN, SECRET, "verify", "").check()


async def got(most: int, **media: Any) -> bytes:
    async def run() -> bytes:
        async with PlatformDouble(lambda _: Reply.of(media)) as double, whatsapp(double.url) as transport:
            return await transport.download(Image(ref="654"), most)

    return await run()


async def test_a_file_is_fetched_from_metas_hosts_alone_and_within_the_bound() -> None:
    with pytest.raises(Rejected, match="more than the 3"):
        await got(3, url="https://lookaside.fbsbx.com/x", file_size=4)
    with pytest.raises(Rejected, match="not the platform's"):
        await got(9, url="https://evil.example/x", file_size=4)
    with pytest.raises(Rejected, match="gone after 7 days"):
        await got(9)
    with pytest.raises(Rejected, match="did not come from WhatsApp"):
        await whatsapp().download(Image(ref="../../me"), 9)


async def test_the_doctor_names_the_number_and_its_quality() -> None:
    number = {"display_phone_number": "+44 20", "verified_name": "Bakery", "quality_rating": "RED"}
    async with PlatformDouble(lambda _: Reply.of(number)) as double, whatsapp(double.url) as transport:
        first, second = await transport.examine()
    assert first.ok
    assert "Bakery" in first.what
    assert not second.ok
    async with PlatformDouble(lambda _: error(190, 401)) as double, whatsapp(double.url) as transport:
        [finding] = await transport.examine()
    assert not finding.ok
    assert "WHATSAPP_TOKEN" in finding.advice
