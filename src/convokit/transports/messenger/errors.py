"""What the Graph API answers when it does not do what was asked, as convokit's errors. Pure.

Facts: Messenger Platform, common error codes (read March 2026); Graph API, rate limiting and error handling.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from convokit.errors import RateLimited, Rejected, TransportError, Unreachable
from convokit.wire.http import Answer, retry_after
from convokit.wire.signing import Secret, whole
from convokit.wire.text import scrub

_TOO_MANY = frozenset({4, 17, 32, 613, 80006})
_TEMPORARY = frozenset({1, 2})
_UNAUTHORISED = 190
_LONGEST = 300

_WINDOW = (
    "the 24 hours after the person's last word are over: wait until they write, "
    'or let a person answer with tag="HUMAN_AGENT"'
)
_ADVICE: Mapping[tuple[int, int | None], str] = {
    (10, 2018278): _WINDOW,
    (10, 2534022): _WINDOW,
    (10, 2018300): "another app has the conversation: take the thread first",
    (10, 1893063): "the platform restricted the page for a while: see its support inbox before sending more",
    (10, None): "the app lacks a permission for this, or the platform's rules forbid it now",
    (100, 2018001): "there is no such person for this page: ids of people are made for one page only",
    (100, None): "a parameter is wrong",
    (190, None): "the page token is not valid (any more): make a new one and set MESSENGER_PAGE_TOKEN",
    (200, None): "the app lacks the permission pages_messaging for this person or page",
    (230, None): "the app lacks the permission pages_messaging",
    (368, None): "the platform judged the page's messages abusive and blocked it for a while: stop and look",
    (551, None): "the person is not available: they blocked the page or left",
    (10900, None): "this was replied to already",
    (10903, None): "the page cannot reply to this",
}


def failure(channel: str, answer: Answer, token: Secret) -> TransportError | None:
    """The error that an answer stands for; None when it is a success.

    The platform quotes a token that it does not like: wherever `token` stands in its words, it is masked. What may have
    been sent all the same is `Unreachable(maybe_sent=True)`: the platform takes no idempotency key.
    """
    error = _error(answer.json())
    if answer.ok and not error:
        return None
    code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
    told = _told(code, subcode, error, answer.status, token)
    if code in _TOO_MANY or (code is None and answer.status == 429):  # noqa: PLR2004  HTTP's own number
        return RateLimited(channel, told, retry_after=pause(answer.headers))
    if code in _TEMPORARY or error.get("is_transient") is True:
        return Unreachable(channel, told, maybe_sent=True)
    if code is None and (answer.status >= 500 or answer.status == 408):  # noqa: PLR2004  HTTP's own numbers
        return Unreachable(channel, told, maybe_sent=answer.status != 503)  # noqa: PLR2004  never reached the platform
    return Rejected(channel, told)


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


def _error(body: Any) -> Mapping[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _told(code: int | None, subcode: int | None, error: Mapping[str, Any], status: int, token: Secret) -> str:
    """A sentence: what to do, then the numbers, then the platform's own words."""
    if code is None:
        return f"HTTP {status} without an error code"
    numbers = f"error {code}" if subcode is None else f"error {code}/{subcode}"
    advice = _ADVICE.get((code, subcode)) or _ADVICE.get((code, None))
    words = error.get("message")
    # With a broken token it quotes what it was given, in whatever spelling.
    quoted = (
        scrub(words).replace(token.reveal(), "***")[:_LONGEST]
        if isinstance(words, str) and code != _UNAUTHORISED
        else ""
    )
    return ": ".join(filter(None, [advice, numbers, quoted]))
