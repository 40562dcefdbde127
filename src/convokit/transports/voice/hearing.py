"""Verified calls of the platform into what happened. Pure.

Facts: Twilio, TwiML Voice: requests, Gather, Dial (action); Voice webhooks: status callbacks (read July 2026).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from attrs import frozen

from convokit.abc import Request
from convokit.conversations import ConversationId
from convokit.errors import Malformed
from convokit.events import (
    ConversationClosed,
    ConversationOpened,
    Event,
    HandoffClosed,
    MessageReceived,
    UnknownReceived,
)
from convokit.people import User
from convokit.transports.twilio import Form

RING, HEARD, LISTEN, SILENT, STATUS, CONNECTED = "", "/heard", "/listen", "/silent", "/status", "/connected"
FAILED = "failed"
"""What a call to `RING` is when the platform could not use what it was answered before: its fallback."""
OPERATOR = "phone"
"""The id under which whoever is called has the conversation."""
CALL = "call:"
"""How the conversation of a caller begins whose number is withheld: `call:` and the call's id."""
ANSWERED = "completed"
"""The status of a dialled leg that was answered and has ended; also of a call that is over."""
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
GOING_ON = frozenset({"queued", "initiated", "ringing", "in-progress", "answered"})
LONGEST_SPEECH = 5000
LONGEST_KEYS = 100

_SID = re.compile(r"CA[0-9a-fA-F]{32}", re.ASCII)
_NUMBER = re.compile(r"\+[0-9]{3,15}", re.ASCII)
# What the platform writes for callers who withhold their number: words, and on some ways the letters' keys.
_WITHHELD = frozenset({"", "anonymous", "restricted", "unavailable", "unknown", "private", "asserted", "invalid"})
_WITHHELD_KEYS = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "+464"})
_STEP = re.compile(r"([0-9a-f]{1,16})-([0-9]{1,6})", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,4}", re.ASCII)
_PRESSED = re.compile(r"[0-9]{1,2}", re.ASCII)


@frozen
class Step:
    """A place in a call: each document that is answered has its own, by which what is heard after it has an id.

    Args:
        branch: "0" for what was answered to the ring and follows on it; another for what the bot said of itself.
        number: Counts documents.
    """

    branch: str = "0"
    number: int = 0

    @property
    def next(self) -> "Step":
        """The one after it."""
        return Step(self.branch, self.number + 1)

    def __str__(self) -> str:
        return f"{self.branch}-{self.number}"


@frozen(kw_only=True)
class Heard:
    """What a call of the platform says.

    Args:
        what: One of the paths.
        call: The phone call's id.
        conversation: Whose it is.
        events: What happened.
        step: The document that it answers.
        waits: How often the caller was sent to hear the rest by now.
        dialled: With `CONNECTED`: how the dialled leg ended.
        over: Whether the caller has hung up.
    """

    what: str
    call: str
    conversation: ConversationId
    events: tuple[Event, ...] = ()
    step: Step = Step()
    waits: int = 0
    dialled: str = ""
    over: bool = False


@frozen(kw_only=True)
class Ear:
    """Reads verified calls.

    Args:
        channel: The channel's name.
        by_call: Whether each call is a conversation of its own; else a caller's number is.
        desk: Whether conversations are handed over to phones.
    """

    channel: str
    by_call: bool = False
    desk: bool = False

    def hear(self, request: Request, form: Form) -> Heard | None:
        """What a call says; None when it concerns a leg that we dialled, of which the caller's own call tells.

        Raises:
            Malformed: It is not one of the platform's voice calls.
        """
        call = form.get("CallSid")
        if not _SID.fullmatch(call):
            raise Malformed(self.channel, f"CallSid is no phone call's id: {call[:40]!r}")
        if form.get("ParentCallSid"):
            return None
        asked = _asked(request.query)
        person = self._person(form)
        failed = request.path == RING and bool(form.get("ErrorUrl"))
        if failed:
            asked = _asked(form.get("ErrorUrl").partition("?")[2].partition("#")[0])
        found = _Found(
            ear=self,
            form=form,
            call=call,
            at=request.at,
            step=self._step(request.path, asked),
            conversation=ConversationId(self.channel, CALL + call if self.by_call or not person else person),
            user=User(id=person or CALL + call, name=form.get("CallerName")[:200]),
        )
        waits = int(asked["waits"]) if _COUNT.fullmatch(asked.get("waits", "")) else 0
        ended = form.get("CallStatus") in OVER
        return Heard(
            what=FAILED if failed else request.path,
            call=call,
            conversation=found.conversation,
            events=() if failed and found.step.number else found.events(request.path, asked),
            step=found.step,
            waits=waits,
            dialled=_dialled(form) if request.path == CONNECTED else "",
            over=ended,
        )

    def _person(self, form: Form) -> str:
        """The caller's number, or their SIP or client address; empty when it is withheld."""
        ours = form.get("Direction").startswith("outbound")
        given = form.get("To" if ours else "From").strip()[:200]
        withheld = given.lower() in _WITHHELD or given in _WITHHELD_KEYS or given.lower().startswith("sip:anonymous@")
        return "" if withheld else given

    def _step(self, path: str, asked: Mapping[str, str]) -> Step:
        found = _STEP.fullmatch(asked.get("step", ""))
        if path in {STATUS, RING} and found is None:
            return Step()
        if found is None:
            raise Malformed(self.channel, f"a call to {path[:40]!r} comes from a document of ours, with its step")
        return Step(found[1], int(found[2]))


@frozen(kw_only=True)
class _Found:
    """One call's circumstances."""

    ear: Ear
    form: Form
    call: str
    at: datetime
    step: Step
    conversation: ConversationId
    user: User

    def events(self, path: str, asked: Mapping[str, str]) -> tuple[Event, ...]:
        """What happened, by where it was posted.

        Raises:
            Malformed: There is no such place.
        """
        match path:
            case "":
                return self._ring()
            case "/heard":
                return self._said(asked)
            case "/listen":
                return ()
            case "/silent":
                return (ConversationClosed(**self._who("closed"), reason="silence"),)
            case "/status":
                return self._status()
            case "/connected":
                return self._connected()
            case _:
                raise Malformed(self.ear.channel, f"there is nothing at {path[:40]!r}")

    def _who(self, mark: str, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {
            "id": f"{self.call}:{mark}",
            "conversation": self.conversation,
            "at": self.at,
            "user": self.user,
            "context": {"call": self.call, **(context or {})},
        }

    def _ring(self) -> tuple[Event, ...]:
        told = {
            "to": self.form.get("To"),
            "city": self.form.get("FromCity"),
            "country": self.form.get("FromCountry"),
            "forwarded_from": self.form.get("ForwardedFrom"),
        }
        context = {name: value[:200] for name, value in told.items() if value}
        opened = ConversationOpened(**self._who("ring", context), source="call")
        # Whoever calls has no other call any more: what was left to a phone then is over, however it ended.
        return (self._back("new", "hung up"), opened) if self.ear.desk else (opened,)

    def _said(self, asked: Mapping[str, str]) -> tuple[Event, ...]:
        keys = self.form.get("Digits")[:LONGEST_KEYS].strip()
        if keys:
            options = int(asked["options"]) if _PRESSED.fullmatch(asked.get("options", "")) else 0
            # "#2" is the second option whatever the labels are; a 2 among them may be a word of one.
            pressed = bool(_PRESSED.fullmatch(keys)) and 1 <= int(keys) <= options
            return (
                MessageReceived(**self._who(str(self.step), {"keys": keys}), text=f"#{int(keys)}" if pressed else keys),
            )
        speech = self.form.get("SpeechResult").strip()[:LONGEST_SPEECH]
        if not speech:
            return ()
        context: dict[str, Any] = {}
        if (confidence := _fraction(self.form.get("Confidence"))) is not None:
            context["confidence"] = confidence
        return (MessageReceived(**self._who(str(self.step), context), text=speech),)

    def _status(self) -> tuple[Event, ...]:
        status = self.form.get("CallStatus")
        if status in OVER:
            closed = ConversationClosed(**self._who("closed"), reason=status)
            return (self._back("over", "hung up", ended=True), closed) if self.ear.desk else (closed,)
        if status in GOING_ON:
            return ()
        who = self._who(f"status:{status[:40]}")
        return (UnknownReceived(**who, kind=f"status.{status[:40]}", raw=self.form.as_json()),)

    def _connected(self) -> tuple[Event, ...]:
        ended = self.form.get("CallStatus") in OVER
        return (self._back(f"{self.step}:back", _dialled(self.form), ended=ended),)

    def _back(self, mark: str, outcome: str, *, ended: bool = False) -> HandoffClosed:
        """The bot has the conversation again, if the phone had it, or nobody yet."""
        return HandoffClosed(
            id=f"{self.call}:{mark}",
            conversation=self.conversation,
            at=self.at,
            operator=User(id=OPERATOR),
            outcome=outcome,
            ended=ended,
        )


def _asked(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50, separator="&"))
    except ValueError:
        return {}


def _dialled(form: Form) -> str:
    """How a dialled leg ended. Who took it up and was never connected, such as voice mail, did not answer."""
    status = form.get("DialCallStatus")[:40] or "failed"
    return "no-answer" if status == ANSWERED and form.get("DialBridged").lower() == "false" else status


def _fraction(value: str) -> float | None:
    return float(value) if re.fullmatch(r"[01](?:\.[0-9]{1,20})?", value, re.ASCII) else None


def is_number(value: str) -> bool:
    """Whether it is a phone number in E.164: "+" and digits."""
    return bool(_NUMBER.fullmatch(value))


def is_call(value: str) -> bool:
    """Whether it is a phone call's id."""
    return bool(_SID.fullmatch(value))
