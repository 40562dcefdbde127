"""Whether a program sent a mail, so that no program of ours answers it; and what a mail server's report says. Pure.

Facts: RFC 3834 (automatic answers), RFC 3464 (delivery reports), RFC 3463 (status codes), RFC 8601 (who vouches).
"""

import re
from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from convokit._value import Value
from convokit.transports.email.addresses import split
from convokit.transports.email.mime import Headers, Opened
from convokit.transports.email.tags import MESSAGE_ID
from convokit.wire.text import scrub

_BULK = re.compile(r"\b(?:bulk|junk|list|auto_reply)\b")
_LISTS = ("list-id", "list-unsubscribe", "list-post", "x-mailing-list", "feedback-id", "x-campaign", "x-mailgun-tag")
_ROBOTS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-failed-recipients", "x-loop")
_NOBODY = re.compile(
    r"(?:mailer-daemon|postmaster|mail-daemon|mdaemon|daemon|bounces?(?:[+-].*)?|root|majordomo|listserv|"
    r"(?:.*[._-])?(?:no|do[._-]?not|dont)[._-]?reply(?:[._+-].*)?|noresponse|no-response|auto-?reply|notifications?)"
)
_SERVERS = re.compile(r"mailer-daemon|postmaster|mail-daemon|mdaemon")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_VERDICT = re.compile(r"\b(dmarc|dkim|spf)\s*=\s*([a-z]{1,20})\b")
_COMMENT = re.compile(r"\([^()]*\)")
_LONGEST_REASON = 300

Outcome = Literal["failed", "delayed", "delivered"]


@frozen(kw_only=True, eq=False, repr=False)
class Report(Value):
    """What a mail server says became of a mail of ours.

    Args:
        message_id: The mail's; empty: it does not tell.
        outcome: "failed", "delayed" or "delivered".
        recipient: Who did not get it, as the server writes it.
        status: "5.1.1"; empty: it does not tell.
        reason: A sentence, with the server's own words.
    """

    message_id: str
    outcome: Outcome
    recipient: str = ""
    status: str = ""
    reason: str = ""


def automatic(headers: Headers, sender: str, kind: str) -> str:
    """Why this mail is not to be answered by a program; empty: it may be.

    Args:
        headers: The mail's.
        sender: The normal address it is from.
        kind: The type of the whole mail.
    """
    submitted = headers.get("auto-submitted").lower().partition(";")[0].strip()
    if submitted and submitted != "no":
        return f"Auto-Submitted: {scrub(submitted):.40}"
    if headers.get("return-path").replace(" ", "") == "<>":
        return "Return-Path: <>"
    if kind in {"multipart/report", "message/disposition-notification", "message/delivery-status"}:
        return kind
    if _BULK.search(headers.get("precedence").lower()):
        return "Precedence"
    suppress = headers.get("x-auto-response-suppress").lower()
    if suppress and suppress != "none":
        return "X-Auto-Response-Suppress"
    for name in (*_LISTS, *_ROBOTS):
        if name in headers:
            return name
    if _NOBODY.fullmatch(split(sender)[0]):
        return "nobody reads this sender's mail"
    return ""


def report(opened: Opened, sender: str, raw: bytes) -> Report | None:
    """What a delivery report says; None when the mail is none."""
    if opened.kind == "multipart/report" and opened.reports:
        return _standard(opened)
    if not _SERVERS.fullmatch(split(sender)[0]) and "x-failed-recipients" not in opened.headers:
        return None
    # Servers of the old kind write a letter: what it is about is the Message-ID of ours that it quotes.
    found = MESSAGE_ID.search(raw[: 1 << 20].decode("latin-1"))
    if found is None:
        return None
    told = _STATUS.search(opened.plain[:20_000])
    late = told is not None and told[1] == "4"
    return Report(
        message_id=found[0],
        outcome="delayed" if late else "failed",
        recipient=scrub(opened.headers.get("x-failed-recipients"))[:320],
        status=told[0] if told else "",
        reason=f"the mail server returned it{f': {told[0]}' if told else ''}",
    )


def _standard(opened: Opened) -> Report:
    fields = [one for one in opened.reports if "action" in one or "status" in one] or [Headers()]
    # Of several recipients the one that fared worst: we write to one.
    about = min(fields, key=lambda one: _WORST.get(_action(one), 2))
    status = _STATUS.search(about.get("status"))
    action = _action(about)
    outcome: Outcome = "failed"
    if action == "delayed":
        outcome = "delayed"
    elif action in {"delivered", "relayed", "expanded"}:
        outcome = "delivered"
    recipient = (about.get("final-recipient") or about.get("original-recipient")).rpartition(";")[2].strip()
    said = about.words("diagnostic-code").rpartition(";")[2].strip() or status_words(status[0] if status else "")
    reason = f"{recipient or 'the recipient'}: {status[0] if status else action or 'failed'} {said}".strip()
    return Report(
        message_id=scrub(opened.returned.get("message-id")).strip()[:300],
        outcome=outcome,
        recipient=scrub(recipient)[:320],
        status=status[0] if status else "",
        reason=scrub(reason)[:_LONGEST_REASON],
    )


_WORST: Mapping[str, int] = {"failed": 0, "delayed": 1}


def _action(fields: Headers) -> str:
    return fields.get("action").strip().lower()


_MEANS: Mapping[str, str] = {
    "5.1.1": "there is no such mailbox",
    "5.1.2": "there is no such host",
    "5.1.10": "there is no such mailbox",
    "5.2.1": "the mailbox is switched off",
    "5.2.2": "the mailbox is full",
    "4.2.2": "the mailbox is full",
    "5.7.1": "their server does not take mails like this",
    "5.7.26": "their server wants SPF, DKIM and DMARC of your domain",
    "4.4.7": "their server did not answer for days",
}


def status_words(status: str) -> str:
    """What a status code means; empty when there is nothing to say of it."""
    return _MEANS.get(status, "")


def vouched(headers: Headers, authority: str) -> Mapping[str, str]:
    """What our own mail server found out: "dmarc", "dkim" and "spf" with its words, such as "pass".

    Only the headers that begin with its name count, and of those the topmost: below it stands what came along.
    """
    if not authority:
        return {}
    for value in headers.all("authentication-results"):
        name, _, results = _COMMENT.sub("", value).partition(";")
        if name.strip().lower().split(" ")[0] == authority.lower():
            found: dict[str, str] = {}
            for method, verdict in _VERDICT.findall(results.lower()):
                found.setdefault(method, verdict)
            return found
    return {}
