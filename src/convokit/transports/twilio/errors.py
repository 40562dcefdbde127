"""What Twilio answers and reports when it does not do what was asked, as convokit's errors. Pure.

Facts: Twilio, Error and warning dictionary (read July 2026).
"""

from collections.abc import Mapping
from typing import Any

from convokit.errors import OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.wire.http import Answer, retry_after
from convokit.wire.signing import Secret, whole
from convokit.wire.text import scrub

OPTED_OUT = 21610
"""The recipient sent STOP."""
OUTSIDE = 63016
"""A message that is no template, outside WhatsApp's 24 hours."""

_TOO_MANY = frozenset({14107, 20429, 30001, 30022, 30023, 63018})
_TEMPORARY = frozenset({20500, 20503})
_UNAVAILABLE = 503
_LONGEST = 300

_MEANINGS: Mapping[int, str] = {
    14107: "the sender's rate is used up",
    20003: "the credentials are not good: look at TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or the API key",
    20404: "there is no such thing in this account",
    20429: "too many calls at once",
    20500: "the platform failed",
    20503: "the platform is not available",
    21211: "it is not a phone number that can be written to",
    21220: "the phone call is over",
    21408: "the account may not send to this country: allow it in Twilio's console, Messaging, geo permissions",
    21601: "the number can neither send texts nor pictures",
    21602: "a message needs a text or a picture",
    21603: "there is no sender: set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID",
    21604: "there is no recipient",
    21606: "the sender cannot write to this number: it is not the account's, or not capable of it",
    21608: "a trial account writes to verified numbers only",
    21610: "they sent STOP to this sender: nothing more may be sent until they send START",
    21611: "too many messages wait for this sender",
    21612: "there is no way from this sender to this number",
    21614: "the number is not a mobile one",
    21617: "the text is longer than 1600 characters",
    21620: "an address of a picture cannot be read",
    21623: "a picture is larger than the platform takes",
    30001: "too much waits in the platform's queue",
    30002: "the account is suspended",
    30003: "the phone is off or out of reach",
    30004: "the recipient or their carrier blocks the message",
    30005: "nobody has this number (any more)",
    30006: "a landline, or a carrier that takes no texts",
    30007: "the carrier took it for spam and dropped it",
    30008: "the carrier does not tell why",
    30010: "it costs more than the price that was set as the most",
    30022: "the campaign's rate is used up",
    30023: "the campaign's messages for today are used up",
    30034: "the number is not registered for sending to the United States (A2P 10DLC)",
    30410: "the carrier did not answer in time",
    30453: "the platform stopped it as likely fraud (SMS pumping)",
    63016: "it is outside the 24 hours, and no template",
    63018: "the channel's rate is used up",
}


def meaning(code: int | None) -> str:
    """An error code in words, with the number; of an unknown one the number alone; empty for None."""
    if code is None:
        return ""
    known = _MEANINGS.get(code)
    return f"{known}: error {code}" if known else f"error {code}"


def failure(channel: str, answer: Answer, *secrets: Secret) -> TransportError | None:
    """The error that an answer stands for; None when it is a success.

    What may have been done all the same is `Unreachable(maybe_sent=True)`: the platform takes no idempotency key.
    Wherever one of `secrets` stands in its words, it is masked.
    """
    if answer.ok:
        return None
    told = answer.json()
    error: Mapping[str, Any] = told if isinstance(told, dict) else {}
    code = whole(error.get("code"))
    reason = _told(code, error.get("message"), answer.status, secrets)
    if code == OUTSIDE:
        return OutsideWindow(channel, None)
    if code in _TOO_MANY or answer.status == 429:  # noqa: PLR2004  HTTP's own number
        return RateLimited(channel, reason, retry_after=retry_after(answer.headers.get("retry-after")))
    if code in _TEMPORARY or answer.status >= 500 or answer.status == 408:  # noqa: PLR2004  HTTP's own numbers
        return Unreachable(channel, reason, maybe_sent=answer.status != _UNAVAILABLE)
    return Rejected(channel, reason)


def _told(code: int | None, words: Any, status: int, secrets: tuple[Secret, ...]) -> str:
    """A sentence: what it means, the number, then the platform's own words."""
    if code is None:
        return f"HTTP {status} without an error code"
    quoted = scrub(words)[: 4 * _LONGEST] if isinstance(words, str) else ""
    for secret in secrets:
        if secret:
            quoted = quoted.replace(secret.reveal(), "***")
    return ": ".join(filter(None, [meaning(code), quoted[:_LONGEST]]))
