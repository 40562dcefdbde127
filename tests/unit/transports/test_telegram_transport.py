"""The transport against a double of the Bot API: what it calls, and what it does with the answers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from convokit.abc import Request
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Forged, Rejected, StoreUnavailable, Unreachable
from convokit.events import Event
from convokit.messages import File, Image, Message
from convokit.testing.platform_double import HttpCall, PlatformDouble, Reply
from convokit.transports.telegram import Telegram
from convokit.transports.telegram.presses import opened, press_key, secret_token

TOKEN = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOpp"
ADA = ConversationId("telegram", "77")
ME = {"id": 123456, "is_bot": True, "username": "PizzaBot"}


def ok(result: object) -> Reply:
    return Reply.of({"ok": True, "result": result})


def no(code: int, description: str, **parameters: Any) -> Reply:
    body = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
    return Reply.of(body, status=code)


def method(call: HttpCall) -> str:
    assert call.path.startswith(f"/bot{TOKEN}/")
    return call.path.rpartition("/")[2]


def update(number: int, text: str = "hi") -> dict[str, Any]:
    person = {"id": 77, "first_name": "Ada"}
    return {
        "update_id": number,
        "message": {"date": 1, "chat": {"id": 77, "type": "private"}, "from": person, "text": text},
    }


class Api:
    """Answers by method; a list is answered one after the other, its last for ever."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"getMe": ok(ME), **answers}

    def __call__(self, call: HttpCall) -> Any:
        answer = self.answers.get(method(call), ok({}))
        return (answer.pop(0) if len(answer) > 1 else answer[0]) if isinstance(answer, list) else answer


async def send(message: Message, to: ConversationId = ADA, **answers: Any) -> tuple[str | None, list[HttpCall]]:
    async with PlatformDouble(Api(**answers)) as double, Telegram(TOKEN, api_url=double.url) as telegram:
        return await telegram.send(to, message), double.calls


async def test_the_id_of_what_was_sent_comes_back() -> None:
    sent, [call] = await send(Message("hi"), sendMessage=ok({"message_id": 9}))
    assert (sent, call.json()) == ("9", {"chat_id": 77, "text": "hi"})
    sent, _ = await send(
        Message(attachments=[Image("https://x.example/1")] * 2), sendMediaGroup=ok([{"message_id": 4}])
    )
    assert sent == "4"


async def test_bytes_are_uploaded_as_multipart() -> None:
    picture = Image(data=b"\xff\xd8jpg", media_type="image/jpeg\r\nx: y", name='a"\r\n.jpg')
    _, [call] = await send(Message("look", attachments=[picture]), sendPhoto=ok({"message_id": 9}))
    assert call.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="caption"\r\n\r\nlook' in call.body
    assert b"\xff\xd8jpg" in call.body
    assert b'filename="a%22%0D%0A.jpg"\r\nContent-Type: application/octet-stream\r\n' in call.body


async def test_an_upload_has_more_time_than_other_calls() -> None:
    async with (
        PlatformDouble(Api(sendDocument=ok({"message_id": 9}))) as double,
        Telegram(TOKEN, api_url=double.url, timeout=0) as telegram,
    ):
        with pytest.raises(Unreachable, match="in time"):
            await telegram.send(ADA, Message("hi"))
        film = File(data=b"x" * 100_000, media_type="video/mp4")
        assert await telegram.send(ADA, Message(attachments=[film])) == "9"


async def test_a_group_that_moved_is_followed_with_buttons_that_work_there() -> None:
    moved = [no(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1009), ok({"message_id": 9})]
    async with PlatformDouble(Api(sendMessage=moved)) as double, Telegram(TOKEN, api_url=double.url) as telegram:
        group = ConversationId("telegram", "-5")
        assert await telegram.send(group, Message("?", buttons=["Yes"])) == "9"
        await telegram.send(group, Message("again"))
    first, second, third = (call.json() for call in double.calls)
    assert [one["chat_id"] for one in (first, second, third)] == [-5, -1009, -1009]
    data = second["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    assert opened(press_key(TOKEN), -1009, data) == "Yes"


async def test_a_picture_that_telegram_cannot_fetch_is_sent_as_a_link() -> None:
    answers = {
        "sendPhoto": no(400, "Bad Request: failed to get HTTP URL content"),
        "sendMessage": ok({"message_id": 9}),
    }
    sent, calls = await send(Message("Look", attachments=[Image("https://x.example/1")]), **answers)
    assert sent == "9"
    assert calls[1].json()["text"] == "Look\nhttps://x.example/1"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (no(403, "Forbidden: bot was blocked by the user"), Rejected, "telegram: blocked by the user"),
        (no(401, "Unauthorized"), Rejected, "@BotFather"),
        (no(400, "Bad Request: chat not found"), Rejected, "chat not found"),
        (no(400, f"Bad Request: /bot{TOKEN}/x"), Rejected, "/bot***/x"),
        (no(409, "Conflict: terminated by other getUpdates request"), Unreachable, "Conflict"),
        (Reply(status=502, body=b"<html>"), Unreachable, "answered 502"),
        (Reply(status=200, body=b"[" * 100_000), Unreachable, "sendMessage"),
    ],
)
async def test_refusals_say_why(answer: Reply, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words.replace("*", r"\*")):
        await send(Message("hi"), sendMessage=answer)


async def test_a_conversation_that_is_not_telegrams_is_refused_without_a_call() -> None:
    with pytest.raises(Rejected, match="not a Telegram conversation"):
        await send(Message("hi"), ConversationId("telegram", "77/../x"))


async def test_typing_is_shown_in_the_topic() -> None:
    async with PlatformDouble(Api()) as double, Telegram(TOKEN, api_url=double.url) as telegram:
        await telegram.show_typing(ConversationId("telegram", "-5:3"))
    assert double.calls[0].json() == {"chat_id": -5, "action": "typing", "message_thread_id": 3}


class Door:
    """An `accept` that fails as often as told, and keeps what it took."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.taken: list[Event] = []

    async def __call__(self, events: Sequence[Event]) -> Sequence[bool]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the disk is full")
        self.taken += events
        return [True] * len(events)


async def test_polling_confirms_updates_only_when_they_are_safe() -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    with anyio.CancelScope() as scope:
        door = Door(failures=1)

        def answer(call: HttpCall) -> Reply:
            if method(call) == "getUpdates" and call.json().get("offset") == 13:
                scope.cancel()
            return ok([update(11), update(12)]) if method(call) == "getUpdates" else ok(ME)

        async with PlatformDouble(answer) as double, Telegram(TOKEN, api_url=double.url) as telegram:
            telegram._sleep = nap
            await telegram.run(door)
    asked = [call.json().get("offset") for call in double.calls if method(call) == "getUpdates"]
    assert asked == [None, None, 13]
    assert [one.id for one in door.taken] == ["11", "12"]
    assert len(naps) == 1
    assert [method(call) for call in double.calls][:2] == ["getMe", "deleteWebhook"]


async def test_polling_answers_pressed_buttons_and_skips_what_cannot_be_confirmed() -> None:
    press = {"update_id": 5, "callback_query": {"id": "43", "from": {"id": 77}, "data": "x"}}
    with anyio.CancelScope() as scope:
        door = Door()

        def answer(call: HttpCall) -> Reply:
            if method(call) == "answerCallbackQuery":
                return no(400, "Bad Request: query is too old")
            if method(call) == "getUpdates" and call.json().get("offset") == 6:
                scope.cancel()
            return ok([press, "junk"]) if method(call) == "getUpdates" else ok(ME)

        async with PlatformDouble(answer) as double, Telegram(TOKEN, api_url=double.url) as telegram:
            await telegram.run(door)
    answered = [call.json() for call in double.calls if method(call) == "answerCallbackQuery"]
    assert answered == [{"callback_query_id": "43"}]


async def test_a_webhook_is_set_with_our_secret_and_the_bots_name_is_learned() -> None:
    with anyio.CancelScope() as scope:
        door = Door()

        def answer(call: HttpCall) -> Reply:
            if method(call) == "setWebhook":
                scope.cancel()
            return ok(ME)

        shop = "https://shop.example/bot/"
        async with PlatformDouble(answer) as double, Telegram(TOKEN, api_url=double.url, public_url=shop) as telegram:
            await telegram.run(door)
    assert telegram._reading is not None
    assert telegram._reading.username == "PizzaBot"
    assert double.calls[1].json() == {
        "url": "https://shop.example/bot/telegram",
        "secret_token": secret_token(TOKEN),
        "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
    }


def test_a_press_is_answered_in_the_webhooks_answer() -> None:
    body = b'{"update_id":5,"callback_query":{"id":"43","from":{"id":77},"data":"x"}}'
    headers = {"x-telegram-bot-api-secret-token": secret_token(TOKEN).encode()}
    request = Request(method="POST", headers=headers, body=body, at=datetime(2026, 11, 22, tzinfo=UTC))
    received = Telegram(TOKEN).receive(request)
    assert received.body == b'{"method":"answerCallbackQuery","callback_query_id":"43"}'
    assert received.media_type == "application/json"
    with pytest.raises(Forged):
        Telegram("654321:AAbbCCddEEffGGhhIIjjKKllMMnnOOpp").receive(request)


async def test_the_doctor_tells_of_a_bad_token_a_foreign_webhook_and_telegrams_last_error() -> None:
    hook = {"url": "https://old.example/x", "pending_update_count": 3, "last_error_message": "502"}
    async with PlatformDouble(Api(getWebhookInfo=ok(hook))) as double, Telegram(TOKEN, api_url=double.url) as telegram:
        found = await telegram.examine()
        assert [one.ok for one in found] == [True, False, True, False]
        double.script = Api(getMe=no(401, "Unauthorized"))
        [finding] = await telegram.examine()
        assert not finding.ok
        assert "@BotFather" in finding.advice


def test_from_env_takes_token_and_address_and_a_missing_token_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELEGRAM_TOKEN", raising=False)
    monkeypatch.delenv("TELEGRAM_PUBLIC_URL", raising=False)
    with pytest.raises(DefinitionError, match="telegram: TELEGRAM_TOKEN is not set"):
        Telegram.from_env().check()
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    polling = Telegram.from_env()
    polling.check()
    assert polling.mode == "polling"
    monkeypatch.setenv("TELEGRAM_PUBLIC_URL", "https://shop.example")
    webhook = Telegram.from_env(channel="tg")
    webhook.check()
    assert (webhook.mode, webhook.channel) == ("webhook", "tg")


@pytest.mark.parametrize(
    "settings",
    [
        {"token": "not a token"},
        {"token": "123456:short"},
        {"public_url": "http://shop.example"},
        {"public_url": "https://shop.example:444"},
        {"public_url": "https://u:p@shop.example"},
        {"public_url": "https://shop.example:x"},
        {"mode": "webhook"},
        {"api_url": "http://api.example"},
        {"rooms": "each"},
    ],
)
def test_wrong_settings_are_told_with_the_way_out(settings: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        Telegram(**{"token": TOKEN, **settings}).check()


# ── links and files ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_names_the_bot_and_what_it_carries_comes_back() -> None:
    assert (
        Telegram(TOKEN, username="@pizzeria_bot").link("spring-sale") == "https://t.me/pizzeria_bot?start=spring-sale"
    )
    with pytest.raises(DefinitionError, match="TELEGRAM_USERNAME"):
        Telegram(TOKEN).link("spring-sale")
    with pytest.raises(DefinitionError, match="username"):
        Telegram(TOKEN, username="evil/..?x").check()


async def got(path: object, most: int, file: Reply, size: int = 4) -> bytes:
    def answer(call: HttpCall) -> Reply:
        found = {"ok": True, "result": {"file_id": "AgAD", "file_path": path, "file_size": size}}
        return Reply.of(found) if call.path.endswith("/getFile") else file

    async with PlatformDouble(answer) as double, Telegram(TOKEN, api_url=double.url) as telegram:
        data = await telegram.download(Image(ref="AgAD"), most)
        assert double.calls[-1].path == f"/file/bot{TOKEN}/{path}"
        return data


async def test_what_a_customer_sent_is_downloaded_up_to_the_bound() -> None:
    assert await got("photos/file_1.jpg", 4, Reply(body=b"jpeg")) == b"jpeg"
    with pytest.raises(Rejected, match="4 bytes, more than the 3"):
        await got("photos/file_1.jpg", 3, Reply(body=b"jpeg"))
    with pytest.raises(Rejected, match="more than the 4"):
        await got("photos/file_1.jpg", 4, Reply(body=b"longer"))


@pytest.mark.parametrize("path", [None, "", "../../getMe", "a?b", "a#b", 7, "http://evil.example/"])
async def test_a_path_that_is_none_is_not_asked_for(path: object) -> None:
    with pytest.raises(Rejected, match="no path"):
        await got(path, 4, Reply(body=b"jpeg"))


async def test_an_attachment_from_elsewhere_cannot_be_downloaded_here() -> None:
    with pytest.raises(Rejected, match="did not come from Telegram"):
        await Telegram(TOKEN).download(Image("https://evil.example/a.jpg"), 4)
