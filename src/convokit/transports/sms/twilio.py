"""Twilio's Programmable Messaging as a provider of text messages and pictures.

Facts: twilio/twilio-oai `twilio_api_v2010.json` (April 2026), Message resource; Twilio, Guide to the messaging webhook
request, Advanced Opt-Out, Track outbound message status (read July 2026).
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self, cast
from urllib.parse import parse_qsl, quote, urlsplit

from convokit.abc import Finding, Proof, Request
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Malformed
from convokit.messages import ATTACHMENTS, Attachment
from convokit.transports.sms.provider import (
    Heard,
    Incoming,
    Meant,
    Other,
    SmsProvider,
    State,
    Status,
    Told,
    check_sender,
    is_number,
)
from convokit.transports.sms.words import TWILIOS
from convokit.transports.twilio import Account, Form, meaning
from convokit.transports.twilio.errors import OPTED_OUT
from convokit.wire.http import Client
from convokit.wire.signing import Secret, digits, whole
from convokit.wire.text import fold

STATUS = "/status"
"""Where, below the transport's own address, the platform tells what became of a message."""
MEDIA_HOSTS = ("api.twilio.com", ".twiliocdn.com", "s3-external-1.amazonaws.com")
"""Where pictures of customers lie: the API leads on to one of the others."""
NOTHING = b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'

_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9:._-]{1,100}", re.ASCII)
_STATES: Mapping[str, State] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}


class Twilio(SmsProvider):
    """A Twilio account's number, short code, name or messaging service.

    Args:
        account_sid: The account's id: "AC" and 32 hex digits.
        auth_token: Its auth token, with which Twilio signs what it sends us.
        public_url: The https address under which the bot's webhooks are reached from outside, without the channel.
        sender: Who writes: a number, a short code or a name; empty with a `service`.
        service: A messaging service ("MG…"), which chooses among its numbers; empty: `sender` it is.
        pictures: Whether pictures and files are sent as MMS; else as links in the text. Left out: where the sender is a
            number of the United States or Canada, the only ones that every such number can send them to.
        keywords: Whether Twilio answers STOP, START and HELP itself, as it does unless its support has switched it off.
        smart_encoding: Whether Twilio replaces typographic signs by plain ones that cost less.
        one_way: Whether it is meant that nobody can answer: for a sender that is a name.
        api_key: An API key's id ("SK…") for our calls; empty: the account's.
        api_secret: That key's secret.
        api_url: The API's address.

    Raises:
        DefinitionError: A secret is empty.
    """

    proof = Proof.EVIDENCE
    methods = frozenset({"GET", "POST"})

    def __init__(
        self,
        account_sid: str,
        auth_token: str | Secret,
        *,
        public_url: str,
        sender: str = "",
        service: str = "",
        pictures: bool | None = None,
        keywords: bool = True,
        smart_encoding: bool = False,
        one_way: bool = False,
        api_key: str = "",
        api_secret: str | Secret | None = None,
        api_url: str = "https://api.twilio.com",
    ) -> None:
        self._account = Account(
            sid=account_sid,
            token=auth_token,
            api_key=api_key,
            api_secret=Secret.unset("TWILIO_API_SECRET") if api_secret is None else api_secret,
            public_url=public_url,
            api_url=api_url,
        )
        self.sender = sender
        self.service = service
        self.pictures = sender.startswith("+1") if pictures is None else pictures
        self.keywords = keywords
        self.smart_encoding = smart_encoding
        self.one_way = one_way
        self.api_url = api_url

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """With TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_PUBLIC_URL, and a sender.

        The sender is TWILIO_FROM, or the messaging service TWILIO_MESSAGING_SERVICE_SID.
        TWILIO_API_KEY with TWILIO_API_SECRET, and TWILIO_API_URL, are read where they are set. What is missing is told
        by `check`, when the bot starts.

        Args:
            **settings: As in the constructor.
        """
        for name, variable in (
            ("public_url", "TWILIO_PUBLIC_URL"),
            ("sender", "TWILIO_FROM"),
            ("service", "TWILIO_MESSAGING_SERVICE_SID"),
            ("api_key", "TWILIO_API_KEY"),
            ("api_url", "TWILIO_API_URL"),
        ):
            value = os.environ.get(variable, "").strip()
            if value or name == "public_url":
                settings.setdefault(name, value)
        settings.setdefault("api_secret", Secret.from_env("TWILIO_API_SECRET"))
        sid = settings.pop("account_sid", os.environ.get("TWILIO_ACCOUNT_SID", "").strip())
        return cls(sid, settings.pop("auth_token", Secret.from_env("TWILIO_AUTH_TOKEN")), **settings)

    def __repr__(self) -> str:
        return f"Twilio({self._account.sid!r}, sender={self.sender!r}, service={self.service!r})"

    def check(self, channel: str) -> None:
        """Look at the settings; see `SmsProvider.check`."""
        self._account.check(channel)
        if bool(self.sender) == bool(self.service):
            raise DefinitionError(
                f"{channel}: set TWILIO_FROM (a number, a short code or a name) or TWILIO_MESSAGING_SERVICE_SID, one "
                "of the two"
            )
        if self.service and not _SERVICE.fullmatch(self.service):
            raise DefinitionError(
                f'{channel}: TWILIO_MESSAGING_SERVICE_SID reads "MG" and 32 hex digits, not {self.service!r:.60}'
            )
        check_sender(channel, self, "TWILIO_FROM")

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, channel: str, request: Request) -> Heard:
        """Verify and read one call; see `SmsProvider.hear`."""
        form = self._account.read(channel, request)
        if not self._ours(form):
            return Heard(body=NOTHING, media_type="text/xml")
        status = request.path == STATUS or "MessageStatus" in form
        told = _status(channel, form, request.query) if status else self._message(form)
        if told is None:
            raise Malformed(channel, "a call without MessageSid, or without the number that it is about")
        return Heard(told=(told,), body=NOTHING, media_type="text/xml")

    def _ours(self, form: Form) -> bool:
        """Whether a call is about this account and this sender: another's customers are not spoken to by it."""
        ours = form.get("From" if "MessageStatus" in form else "To")
        return self._account.owns(form) and (self.sender in {"", ours} or not ours)

    def _message(self, form: Form) -> Told | None:
        own, number, text = form.get("MessageSid"), form.get("From"), form.get("Body")
        if not own or not number:
            return None
        if form.get("SmsStatus") not in {"", "received", "receiving"}:
            return Other(id=f"{own}:{form.get('SmsStatus')}", number=number, kind="message", raw=form.as_json())
        by_twilio = form.get("OptOutType").lower()
        meant = cast("Meant", by_twilio) if by_twilio in {"stop", "start", "help"} else ""
        return Incoming(
            id=own,
            number=number,
            text=text,
            attachments=tuple(_attachments(form)),
            meant=meant,
            answered=bool(meant) or (self.keywords and fold(text) in TWILIOS),
            context={name: form.get(key) for key, name in _CONTEXT.items() if form.get(key)},
        )

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, channel: str, client: Client, to: str, text: str, *, pictures: Sequence[str] = (), key: str = ""
    ) -> str | None:
        """Send one message; see `SmsProvider.send`."""
        fields = self.request(channel, to, text, pictures=pictures, key=key)
        answer = await self._account.post(channel, client, "/Messages.json", fields, what="send")
        told = answer.json()
        sid = told.get("sid") if isinstance(told, dict) else None
        return sid if isinstance(sid, str) else None

    def request(
        self, channel: str, to: str, text: str, *, pictures: Sequence[str] = (), key: str = ""
    ) -> list[tuple[str, str]]:
        """The parameters of the call that sends one message. Pure.

        The key travels in the address of the status callbacks, which the platform signs: they prove that it was sent.
        The conversation, which it begins with, is not repeated there.
        """
        where, conversation = self._account.address(channel, STATUS), ConversationId(channel, to)
        mark = key.removeprefix(f"{conversation}:")
        if mark != key and _KEY.fullmatch(mark):
            where += f"?key={quote(mark)}"
        fields = [("To", to), ("StatusCallback", where)]
        fields.append(("MessagingServiceSid", self.service) if self.service else ("From", self.sender))
        if text:
            fields.append(("Body", text))
        if self.smart_encoding:
            fields.append(("SmartEncoded", "true"))
        return [*fields, *(("MediaUrl", one) for one in pictures)]

    def where(self, channel: str) -> tuple[Collection[str], Mapping[str, str]]:
        """See `SmsProvider.where`: the credentials go to the API only."""
        del channel
        return (*MEDIA_HOSTS, urlsplit(self.api_url).hostname or ""), self._account.headers

    async def examine(self, channel: str, client: Client) -> Sequence[Finding]:
        """Whether the credentials are good, and where the sender's messages go."""
        found = [await self._account.examine(channel, client)]
        if found[0].ok and self.sender.startswith("+"):
            found.append(await self._number(channel, client))
        return found

    async def _number(self, channel: str, client: Client) -> Finding:
        resource = f"/IncomingPhoneNumbers.json?PhoneNumber={quote(self.sender)}"
        told = (await self._account.get(channel, client, resource, what="number")).json()
        numbers = told.get("incoming_phone_numbers") if isinstance(told, dict) else None
        one = numbers[0] if isinstance(numbers, list) and numbers and isinstance(numbers[0], dict) else {}
        address, there = self._account.address(channel), str(one.get("sms_url") or "").partition("#")[0]
        if not one:
            return Finding(what=f"the number {self.sender}", ok=False, advice="this account has no such number")
        return Finding(
            what=f"messages to {self.sender} come here",
            ok=there == address,
            advice="" if there == address else f'set its "A message comes in" webhook to {address}',
        )


_CONTEXT = {
    "FromCountry": "country",
    "FromCity": "city",
    "FromState": "state",
    "FromZip": "zip",
    "MessagingServiceSid": "messaging_service",
}


def _status(channel: str, form: Form, query: str) -> Told | None:
    own, number = form.get("MessageSid") or form.get("SmsSid"), form.get("To")
    status = form.get("MessageStatus") or form.get("SmsStatus")
    if not own or not number:
        return None
    state = _STATES.get(status)
    if state is None or not is_number(number):
        return Other(id=f"{own}:{status}", number=number, kind=f"status.{status}", raw=form.as_json())
    code = whole(form.get("ErrorCode"))
    mark = next((value for name, value in parse_qsl(query, max_num_fields=20) if name == "key"), "")
    return Status(
        id=own,
        number=number,
        state=state,
        key=f"{ConversationId(channel, number)}:{mark}" if _KEY.fullmatch(mark) else "",
        reason=": ".join(filter(None, [status, meaning(code)])) if state == "failed" else "",
        stopped=code == OPTED_OUT,
    )


def _attachments(form: Form) -> list[Attachment]:
    found: list[Attachment] = []
    for number in range(min(digits(form.get("NumMedia")) or 0, SmsProvider.most_pictures)):
        url, media_type = form.get(f"MediaUrl{number}"), form.get(f"MediaContentType{number}")
        if url.lower().startswith(("https://", "http://")):
            kind = media_type.partition("/")[0]
            found.append(ATTACHMENTS[kind if kind in ATTACHMENTS else "file"](url, media_type=media_type))
    return found
