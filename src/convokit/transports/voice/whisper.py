"""What whoever answers a call hears before they are connected: who calls, why, and what they said last.

It is read from the store when it is asked for, so that any process can say it.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define

from convokit.abc import Request, Run, Site
from convokit.conversations import Conversation, Entry
from convokit.errors import Forged, StoreUnavailable
from convokit.events import OperatorJoined
from convokit.people import User
from convokit.transports.twilio import Form
from convokit.transports.voice import hearing, twiml
from convokit.transports.voice.phone import Voice
from convokit.transports.voice.speaking import in_words, spelled

logger = logging.getLogger(__name__)

WHISPER, TAKE = "/phone/whisper", "/phone/take"
MOST_BYTES = 64 << 10
HEARD = 20
"""How many of the last entries a summary gets."""
LONGEST_QUOTE = 200
LONGEST_SUMMARY = 2000
_TWICE_ENDED = re.compile("([!?\u061f])[.\u0964]$")


def digest(handoff_id: str) -> str:
    """A handoff's id as it stands in an address, where the caller's number need not."""
    return hashlib.sha256(handoff_id.encode()).hexdigest()[:32]


Summary = Callable[[Conversation, Sequence[Entry]], str]
"""What an operator hears before they take a call, of the conversation and what was said last, oldest first."""


@define(kw_only=True)
class Whisper:
    """The desk's site: two documents for the dialled leg, and what another desk serves.

    Args:
        voice: The line.
        run: Whose store tells of the conversation.
        name: The desk's, below which it is served.
        confirm: Whether whoever answers has to press a key.
        summary: Makes what they hear first; None: the usual.
        others: Another desk's pages.
    """

    voice: Voice
    run: Run
    name: str
    confirm: bool = True
    summary: Summary | None = None
    others: Site | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a call of the platform's; everything else is the other desk's."""
        path = str(scope["path"])[len(scope.get("root_path", "")) :]
        if scope["type"] != "http" or path not in {WHISPER, TAKE}:
            if self.others is not None:
                await self.others(scope, receive, send)
            elif scope["type"] == "http":
                await _respond(send, 404, b"not found", "text/plain; charset=utf-8")
            else:
                await send({"type": "websocket.close", "code": 4404})
            return
        body = await _body(receive)
        if scope["method"] != "POST" or body is None:
            await _respond(send, 405 if body is not None else 413, b"", "text/plain; charset=utf-8")
            return
        request = Request(
            method="POST",
            path=path,
            query=scope.get("query_string", b"").decode("ascii", "replace"),
            headers={name.decode("latin-1").lower(): value for name, value in scope["headers"]},
            body=body,
            at=self.run.clock.now(),
        )
        try:
            document = await self._said(request)
        except Forged:
            await _respond(send, 403, b"forbidden", "text/plain; charset=utf-8")
        except StoreUnavailable:
            await _respond(send, 503, b"try again", "text/plain; charset=utf-8")
        else:
            await _respond(send, 200, document, twiml.MEDIA_TYPE)

    async def _said(self, request: Request) -> bytes:
        voice = self.voice
        form = voice.account.read(self.name, request)
        conversation = await self._waiting(request.query.partition("handoff=")[2].partition("&")[0])
        if conversation is None or not voice.account.owns(form):
            # It was withdrawn, or the caller has hung up: there is nobody to be connected with.
            return twiml.ending((), voice.manner)
        if request.path == TAKE:
            await self._joins(conversation, form)
            return twiml.doing_nothing()
        told = (twiml.Say(await self._summary(conversation)),)
        if not self.confirm:
            await self._joins(conversation, form)
            return twiml.speaking(told, voice.manner)
        parts = (*told, twiml.Say(voice.documents.sentences.say("take")))
        take = f"{voice.account.address(self.name, TAKE)}?{request.query}"
        return twiml.asking_a_key(parts, voice.manner, take)

    async def _waiting(self, mark: str) -> Conversation | None:
        """The conversation whose open handoff this is; None: there is none (any more)."""
        channel = self.voice.channel
        for one in await self.run.store.handed_over():
            if one.id.channel == channel and one.handoff is not None and digest(one.handoff.id) == mark:
                return one
        return None

    async def _joins(self, conversation: Conversation, form: Form) -> None:
        event = OperatorJoined(
            id=f"{form.get('CallSid')[:40]}:joined",
            conversation=conversation.id,
            at=self.run.clock.now(),
            operator=User(id=hearing.OPERATOR, name=form.get("To")[:40]),
        )
        await self.run.accept([event])

    async def _summary(self, conversation: Conversation) -> str:
        transcript = await self.run.store.history(conversation.id, HEARD)
        if self.summary is not None:
            try:
                return in_words(self.summary(conversation, transcript))[:LONGEST_SUMMARY]
            except Exception:  # the operator is on the line, and hears what can be said without it
                logger.exception("conversation=%s the summary for the operator failed", conversation.id)
        return self._usual(conversation, transcript)

    def _usual(self, conversation: Conversation, transcript: Sequence[Entry]) -> str:
        say = self.voice.documents.sentences.say
        user = conversation.user
        withheld = user is None or user.id.startswith(hearing.CALL)
        who = say("withheld") if user is None or withheld else user.name or spelled(user.id)
        told = [say("whisper", who=who)]
        if conversation.handoff is not None and conversation.handoff.reason:
            told.append(say("reason", reason=in_words(conversation.handoff.reason).rstrip(".")))
        said = [one.message.text for one in transcript if one.author == "user"]
        words = [one for one in said if one and not one.startswith("#")]  # "#2" is a key that was pressed
        if words:
            quoted = say("said", said=in_words(words[-1])[:LONGEST_QUOTE].rstrip("."))
            told.append(_TWICE_ENDED.sub(r"\1", quoted))
        return " ".join(told)


async def _body(receive: Any) -> bytes | None:
    """The body; None when it is too long or did not come whole."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _respond(send: Any, status: int, body: bytes, media_type: str) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
