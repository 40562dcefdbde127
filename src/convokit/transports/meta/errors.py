"""What the Graph API answers when it does not do what was asked, as convokit's errors. Pure.

Facts: Messenger Platform, common error codes (read March 2026); Graph API, rate limiting and error handling.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import field, frozen

from convokit.errors import OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.wire.http import Answer, retry_after
from convokit.wire.signing import Secret, whole
from convokit.wire.text import scrub

UNAUTHORISED = 190
TOO_MANY = frozenset({4, 17, 32, 613, 80006})
TEMPORARY = frozenset({1, 2})

_LONGEST = 300

Code = tuple[int, int | None]
"""An error's code and subcode; None: whatever subcode no other entry names."""


@frozen(kw_only=True)
class Codes:
    """What a product's error codes mean.

    Args:
        advice: What to do, for codes whose own words do not say it.
        window: Which say that the platform's messaging window is closed.
        too_many: Which want a pause of the whole channel.
        too_many_here: Which want a pause of this conversation only.
        temporary: Which pass by themselves, and after which the message may have gone out all the same.
        never_sent: Which pass by themselves, and after which it certainly has not.
    """

    advice: Mapping[Code, str] = field(factory=dict)
    window: frozenset[Code] = frozenset()
    too_many: frozenset[int] = TOO_MANY
    too_many_here: frozenset[int] = frozenset()
    temporary: frozenset[int] = TEMPORARY
    never_sent: frozenset[int] = frozenset()

    def failure(self, channel: str, answer: Answer, token: Secret) -> TransportError | None:
        """The error that an answer stands for; None when it is a success.

        The platform quotes a token that it does not like: wherever `token` stands in its words, it is masked. What may
        have been sent all the same is `Unreachable(maybe_sent=True)`: the platform takes no idempotency key.
        """
        error = error_of(answer.json())
        if answer.ok and not error:
            return None
        code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
        told = self.told(error, token) or f"HTTP {answer.status} without an error code"
        if code is None:
            return _by_status(channel, told, answer)
        if (code, subcode) in self.window or (code, None) in self.window:
            return OutsideWindow(channel, None, told)
        if code in self.too_many or code in self.too_many_here:
            everywhere = code not in self.too_many_here
            return RateLimited(channel, told, retry_after=pause(answer.headers), everywhere=everywhere)
        if code in self.never_sent:
            return Unreachable(channel, told)
        if code in self.temporary or error.get("is_transient") is True:
            return Unreachable(channel, told, maybe_sent=True)
        known = (code, subcode) in self.advice or (code, None) in self.advice
        return Rejected(channel, told) if known else _by_status(channel, told, answer)

    def told(self, error: Mapping[str, Any], token: Secret) -> str:
        """A sentence of an error object: what to do, then the numbers, then its own words; empty without a code."""
        code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
        if code is None:
            return ""
        numbers = f"error {code}" if subcode is None else f"error {code}/{subcode}"
        advice = self.advice.get((code, subcode)) or self.advice.get((code, None))
        # With a broken token it quotes what it was given, in whatever spelling.
        quoted = "" if code == UNAUTHORISED else _words(error, token)
        return ": ".join(filter(None, [advice, numbers, quoted]))


def error_of(body: Any) -> Mapping[str, Any]:
    """The error object in an answer's body; empty when there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def pause(headers: Mapping[str, str]) -> float | None:
    """For how many seconds to be silent, 1 to 3600; None when the platform does not tell.

    Read from `Retry-After`, else from `X-Business-Use-Case-Usage`, which estimates it in minutes.
    """
    if (told := retry_after(headers.get("retry-after"))) is not None:
        return told
    try:
        usage = msgspec.json.decode(headers.get("x-business-use-case-usage", ""))
    except (ValueError, RecursionError):
        return None
    minutes = [
        found
        for limits in (usage.values() if isinstance(usage, dict) else ())
        for one in (limits if isinstance(limits, list) else ())
        if isinstance(one, dict) and (found := whole(one.get("estimated_time_to_regain_access"))) and found > 0
    ]
    return retry_after(max(minutes) * 60) if minutes else None


def _by_status(channel: str, told: str, answer: Answer) -> TransportError:
    """An answer without an error code, from a proxy on the way most often, or with one that is not known here."""
    if answer.status == 429:  # noqa: PLR2004  HTTP's own number
        return RateLimited(channel, told, retry_after=pause(answer.headers))
    if answer.status >= 500 or answer.status == 408:  # noqa: PLR2004  HTTP's own numbers
        return Unreachable(channel, told, maybe_sent=answer.status != 503)  # noqa: PLR2004  never reached the platform
    return Rejected(channel, told)


def _words(error: Mapping[str, Any], token: Secret) -> str:
    """The platform's own words; the data that newer products put beside them tells more."""
    details = error.get("error_data")
    found = (error.get("message"), details.get("details") if isinstance(details, dict) else None)
    return ": ".join(
        scrub(one).replace(token.reveal(), "***")[:_LONGEST] for one in found if isinstance(one, str) and one
    )
