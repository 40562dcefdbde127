"""A caller, for tests: posts what Twilio posts, and does what the answers say.

```python
async with bot.serve(Memory()) as engine:
    ada = PhoneCaller.of(bot, engine, voice)
    assert await ada.rings() == ["Hello. How can I help you?"]
    assert await ada.says("I would like a cake") == ["For chocolate, press 1, or say chocolate."]
    await ada.presses("1")
```

What the bot does by the API is read by a double of it: `async with PlatformDouble(ada.api) as double`, whose address
is the account's `api_url`.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from xml.etree.ElementTree import Element, fromstring

import anyio

from convokit.testing.platform_double import HttpCall, Reply
from convokit.transports.twilio import Account, sign

if TYPE_CHECKING:
    from convokit.bot import Bot
    from convokit.transports.voice import Voice

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""Posts a body to a path with its query, with headers; returns the status and the answer's body."""

MOST_VERBS = 1000
"""How many verbs in a row a call may do before it is taken to go in a circle."""
_ROOT, _OVER = "Response", "completed"


class PhoneCaller:
    """A phone and the platform behind it.

    Args:
        account: The bot's account.
        post: How the bot is reached.
        number: The caller's.
        to: The number that they call.
        channel: The bot's phone line.

    Attributes:
        call: The phone call's id.
        heard: Everything that the caller heard, in order; sounds as "♪" and their address.
        whispered: What the operator heard.
        listening: The `<Gather>` at which the call stands; None: nobody is listened to.
        dialled: The number that is called for the caller; empty: none.
        over: Whether the call has ended.
    """

    def __init__(
        self,
        account: Account,
        post: Post,
        *,
        number: str = "+447700900123",
        to: str = "+442079460000",
        channel: str = "voice",
    ) -> None:
        self.call = ""
        self.heard: list[str] = []
        self.whispered: list[str] = []
        self.listening: Element | None = None
        self.dialled = ""
        self.over = False
        self._account = account
        self._post = post
        self._number = number
        self._to = to
        self._channel = channel
        self._rest: list[Element] = []
        self._dial: Element | None = None
        self._dialled_last: Element | None = None
        self._leg = ""
        self._updates: list[str] = []
        self._updated = anyio.Event()

    @classmethod
    def of(cls, bot: "Bot", engine: Any, voice: "Voice", **caller: Any) -> Self:
        """A caller of a bot that is served in this process.

        Args:
            bot: The bot.
            engine: What `bot.serve()` gave.
            voice: Its phone line.
            **caller: `number` and `to`, as in the constructor.
        """
        app = bot.asgi()
        root = urlsplit(voice.account.public_url).path

        async def post(target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
            path, _, query = target.removeprefix(root).partition("?")
            scope = {
                "type": "http",
                "method": "POST",
                "path": path,
                "query_string": query.encode(),
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
                "state": {"convokit": {bot.name: engine}},
            }
            told: list[Mapping[str, Any]] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: Any) -> None:
                told.append(message)

            await app(scope, receive, send)
            return int(told[0]["status"]), b"".join(one.get("body", b"") for one in told[1:])

        return cls(voice.account, post, channel=voice.channel, **caller)

    # ── what the caller does ────────────────────────────────────────────────────────────────────────────────────────

    async def rings(self) -> list[str]:
        """Call. Returns what is heard until the caller is listened to."""
        self.call = f"CA{os.urandom(16).hex()}"
        self.over, self.listening = False, None
        return await self._asks(self._account.address(self._channel), {"CallStatus": "ringing"})

    async def says(self, words: str, *, confidence: str = "0.92") -> list[str]:
        """Say something. Returns what is heard after it."""
        return await self._answers({"SpeechResult": words, "Confidence": confidence})

    async def presses(self, keys: str) -> list[str]:
        """Press keys. Returns what is heard after it."""
        return await self._answers({"Digits": keys})

    async def stays_silent(self) -> list[str]:
        """Say nothing until the next time that the caller is asked, or the call is ended. Returns what is heard."""
        self._listens()
        return await self._goes_on(self._rest)

    async def hangs_up(self) -> None:
        """Hang up."""
        self.over, self.listening = True, None
        if self._dial is not None:
            dial, self._dial = self._dial, None
            await self._posted(dial.attrib["action"], {"CallStatus": _OVER, "DialCallStatus": _OVER})
        await self._posted(self._account.address(self._channel, "/status"), {"CallStatus": _OVER})

    def loses_the_line(self) -> None:
        """The call is gone, and the platform tells nobody."""
        self.over, self.listening, self._dial, self.dialled = True, None, None, ""

    async def is_told(self) -> list[str]:
        """Wait until the bot does something with the call of its own accord. Returns what is heard."""
        while not self._updates:
            await self._updated.wait()
        self.listening, self.dialled, self._dial = None, "", None
        return await self._goes_on(_verbs(self._updates.pop(0).encode()))

    # ── what the operator does ──────────────────────────────────────────────────────────────────────────────────────

    async def operator_answers(self) -> list[str]:
        """The dialled phone is taken up. Returns what is whispered there before anything is pressed."""
        dial = self._dial if self._dial is not None else self._dialled_last
        number = None if dial is None else dial.find("Number")
        if number is None:
            raise AssertionError(f"nobody was called; heard so far: {self.heard[-3:]}")
        self._leg = f"CA{os.urandom(16).hex()}"
        return await self._whispers(number.attrib["url"], {})

    async def operator_presses(self, key: str = "1") -> list[str]:
        """The operator presses a key. Returns what they hear after it, before they are connected."""
        gather = self.listening
        if gather is None:
            raise AssertionError("nobody asked the operator for a key")
        return await self._whispers(gather.attrib["action"], {"Digits": key})

    async def operator_hangs_up(self, status: str = _OVER) -> list[str]:
        """The dialled leg ends: "completed", "no-answer", "busy", "failed". Returns what the caller hears then."""
        dial, self._dial, self.dialled, self.listening = self._dialling(), None, "", None
        return await self._asks(dial.attrib["action"], {"DialCallStatus": status, "DialCallSid": self._leg})

    # ── the platform ────────────────────────────────────────────────────────────────────────────────────────────────

    def api(self, call: HttpCall) -> Reply:
        """What the platform's API answers: the script of a `PlatformDouble`."""
        path, _, query = call.path.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        live = {"sid": self.call, "status": "in-progress", "parent_call_sid": None}
        if call.method == "GET" and path.endswith("/Calls.json"):
            if "ParentCallSid" in asked:
                legs = [{"sid": self._leg, "status": "in-progress"}] if self._dial is not None else []
                return Reply.of({"calls": legs})
            is_here = asked.get("From") == self._number and bool(self.call) and not self.over
            return Reply.of({"calls": [live] if is_here else []})
        if call.method == "POST" and path.endswith(f"/Calls/{self.call}.json") and not self.over:
            self._updates.append(dict(parse_qsl(call.body.decode()))["Twiml"])
            self._updated.set()
            self._updated = anyio.Event()
            return Reply.of(live)
        return Reply.of({"code": 21220, "message": "Call is not in-progress. Cannot redirect.", "status": 400}, 400)

    async def _answers(self, fields: Mapping[str, str]) -> list[str]:
        gather = self._listens()
        self.listening = None
        return await self._asks(gather.attrib["action"], fields)

    def _listens(self) -> Element:
        if self.listening is None:
            raise AssertionError(f"nobody listens; heard so far: {self.heard[-3:]}")
        return self.listening

    def _dialling(self) -> Element:
        if self._dial is None:
            raise AssertionError(f"nobody is called; heard so far: {self.heard[-3:]}")
        return self._dial

    async def _asks(self, url: str, fields: Mapping[str, str]) -> list[str]:
        return await self._goes_on(_verbs(await self._posted(url, fields)))

    async def _posted(self, url: str, fields: Mapping[str, str], *, leg: bool = False) -> bytes:
        """Post to the bot as the platform does, signed; its answer."""
        form = {
            "AccountSid": self._account.sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self._leg if leg else self.call,
            "CallStatus": "in-progress",
            "Direction": "outbound-dial" if leg else "inbound",
            "From": self._number,
            "To": self.dialled if leg else self._to,
            **({"ParentCallSid": self.call} if leg else {}),
            **fields,
        }
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "x-twilio-signature": sign(self._account.token.reveal().encode(), url, form.items()).decode(),
        }
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        status, body = await self._post(target, headers, urlencode(form).encode())
        if not 200 <= status < 300:  # noqa: PLR2004  HTTP's own numbers
            raise AssertionError(f"the bot answered {status} to {parts.path}: {body[:200]!r}")
        return body

    async def _goes_on(self, verbs: Sequence[Element]) -> list[str]:
        """Do verbs until the caller is listened to, is connected, or the call ends. Returns what was heard."""
        before = len(self.heard)
        todo = list(verbs)
        for _ in range(MOST_VERBS):
            if not todo:
                # A document that is over ends the call.
                await self.hangs_up()
                return self.heard[before:]
            verb = todo.pop(0)
            if verb.tag == "Redirect":
                todo = _verbs(await self._posted(verb.text or "", {}))
            elif verb.tag == "Gather":
                self.heard += _said(verb)
                self.listening, self._rest = verb, todo
                return self.heard[before:]
            elif verb.tag == "Dial":
                self._dial = self._dialled_last = verb
                self.listening = None
                self.dialled = "".join(verb.itertext()).strip()
                return self.heard[before:]
            elif verb.tag in {"Hangup", "Reject"}:
                todo = []
            else:
                self.heard += _said([verb])
        raise AssertionError(f"the call goes in a circle: {self.heard[-5:]}")

    async def _whispers(self, url: str, fields: Mapping[str, str]) -> list[str]:
        """Do what the dialled leg is told to."""
        self.listening = None
        told: list[str] = []
        for verb in _verbs(await self._posted(url, fields, leg=True)):
            if verb.tag == "Gather":
                told += _said(verb)
                self.listening = verb
                break
            if verb.tag == "Hangup":
                break
            told += _said([verb])
        self.whispered += told
        return told


def _verbs(document: bytes) -> list[Element]:
    root = fromstring(document)  # noqa: S314  what our own bot answered
    if root.tag != _ROOT:
        raise AssertionError(f"TwiML begins with <{_ROOT}>, not <{root.tag}>")
    return list(root)


def _said(verbs: Sequence[Element] | Element) -> list[str]:
    return [("♪ " if one.tag == "Play" else "") + (one.text or "") for one in verbs if one.tag in {"Say", "Play"}]
