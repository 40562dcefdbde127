"""Somebody in Istanbul on a Wednesday afternoon, and what they write."""

from datetime import UTC, datetime
from typing import Any

from convokit.conversations import ConversationId
from convokit.events import ButtonPressed, Event, MessageReceived
from convokit.expect import Expectation, Situation, Unclear, understood

NOW = datetime(2026, 11, 18, 11, 30, tzinfo=UTC)
COMMON: dict[str, Any] = {"id": "1", "conversation": ConversationId("a", "b"), "at": NOW}


def said(text: str) -> MessageReceived:
    return MessageReceived(**COMMON, text=text)


def pressed(label: str) -> ButtonPressed:
    return ButtonPressed(**COMMON, payload="?x", label=label)


def somebody(
    locale: str = "en-GB", *, zone: str = "Europe/Istanbul", unclear: int = 0, now: datetime = NOW
) -> Situation:
    return Situation(locale=locale, zone=zone, now=now, unclear=unclear)


def reads(expectation: Expectation[Any], text: str | Event, locale: str = "en-GB", **more: Any) -> Any:
    """What an expectation makes of a text."""
    return understood(expectation, said(text) if isinstance(text, str) else text, somebody(locale, **more))


def asked(expectation: Expectation[Any], text: str | Event, locale: str = "en-GB", **more: Any) -> Unclear:
    """What it asks back; fails when it reads an answer."""
    answer = reads(expectation, text, locale, **more)
    assert isinstance(answer, Unclear), f"{expectation} reads {text!r} ({locale}) as {answer!r}"
    return answer
