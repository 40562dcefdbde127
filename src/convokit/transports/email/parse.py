"""A mail as it came, as what it says. Pure, and bounded.

Facts: RFC 5322 (headers), RFC 2045-2049 (MIME), RFC 2047 (words in headers), RFC 3676 (format=flowed).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime

from attrs import field, frozen

from convokit.transports.email.addresses import normal, split
from convokit.transports.email.guards import Report, automatic, report, vouched
from convokit.transports.email.markup import pictures_of, text_of
from convokit.transports.email.mime import Enclosure, Headers, Opened, digest, open_mail, words
from convokit.transports.email.quoting import written
from convokit.wire.text import scrub

MOST_TEXT = 50_000
"""How many characters of what was written are taken."""
MOST_REFERENCES = 50
MOST_RECIPIENTS = 100
_ID = re.compile(r"<[^<>\s]{1,250}>")
_REF = re.compile(r"\[ref:([A-Za-z0-9_-]{1,64})\]", re.ASCII)
_PREFIX = re.compile(
    r"\A(?:\s*(?:re|aw|sv|antw|odp|vs|ynt|rif|res|fwd?|wg|tr|enc|rv|i|ilt|回复|答复|回覆|转发|轉寄|رد|השב)"
    r"\s?(?:\[\d{1,3}\])?\s?[:：])+\s*",
    re.IGNORECASE,
)
_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-forwarded-to")


@frozen(kw_only=True, eq=False)
class Mail:
    """What a mail says.

    Args:
        id: Its Message-ID, in brackets; made of its content where it has none.
        sender: The normal address it is from; empty when there is none.
        name: What the sender calls themselves.
        recipients: The normal addresses it was sent to, and those that servers delivered it to.
        subject: Without line breaks.
        references: The Message-IDs of the mails before it, the newest first.
        at: When it came.
        text: What the person wrote, without what is quoted, and without the signature.
        enclosures: The files, without pictures that only stand in what is quoted.
        left_out: What was not read.
        automatic: Why no program may answer it; empty: one may.
        report: What a mail server says became of a mail of ours.
        ref: What the link carried by which the person came; empty for most mails.
        vouched: What our own mail server found out about the origin.
        alone: Whether it has one sender: where there are several, nobody vouches for one.
    """

    id: str
    sender: str
    name: str = ""
    recipients: tuple[str, ...] = ()
    subject: str = ""
    references: tuple[str, ...] = ()
    at: datetime
    text: str = ""
    enclosures: tuple[Enclosure, ...] = field(default=(), repr=False)
    left_out: tuple[str, ...] = ()
    automatic: str = ""
    report: Report | None = None
    ref: str = ""
    vouched: Mapping[str, str] = field(factory=dict)
    alone: bool = True


def read(raw: bytes, at: datetime | None, *, authority: str = "", mark: str = "") -> Mail:
    """Read a mail.

    Args:
        raw: As the server keeps it.
        at: When the server took it; None: what its Date says.
        authority: The name under which our own mail server writes `Authentication-Results`.
        mark: The line that our own mails begin with, if they do.

    Raises:
        UnreadableError: It cannot be taken apart.
        MissingExtra: It is HTML, and inscriptis is not installed.
    """
    opened = open_mail(raw)
    headers = opened.headers
    senders = _addresses(headers, ("from",), 5) or _addresses(headers, ("sender",), 1)
    name, sender = senders[0] if senders else ("", "")
    why = automatic(headers, sender, opened.kind)
    subject = headers.words("subject")[:500]
    text = said(opened, mark)
    references = _references(headers)
    return Mail(
        id=_message_id(headers, text),
        sender=sender,
        name=words(name)[:100] if name else "",
        recipients=tuple(dict.fromkeys(one for _, one in _addresses(headers, _RECIPIENTS, MOST_RECIPIENTS))),
        subject=subject,
        references=references,
        at=at or _date(headers) or datetime.now(UTC),
        text=text or ("" if opened.enclosures else subject),
        enclosures=_shown(opened),
        left_out=opened.left_out,
        automatic=why,
        report=report(opened, sender, raw),
        ref=found[1] if not references and (found := _REF.search(subject)) else "",
        vouched=vouched(headers, authority) if len(senders) == 1 else {},
        alone=len(senders) == 1,
    )


def said(opened: Opened, mark: str = "") -> str:
    """What the person wrote: the plain text if there is any, else what a reader of the HTML sees."""
    text = opened.plain.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip() and opened.html:
        text = scrub(text_of(opened.html))
    return written(text, mark)[:MOST_TEXT].strip()


def bare(subject: str) -> str:
    """A subject without the "Re:" and "Fwd:" of many languages, and without a link's mark."""
    return _PREFIX.sub("", _REF.sub("", subject[:500])).strip()


def _shown(opened: Opened) -> tuple[Enclosure, ...]:
    """The files, without pictures that the HTML shows only in what it quotes or as a signature, or not at all."""
    if not opened.html:
        return opened.enclosures
    seen = pictures_of(opened.html)
    return tuple(one for one in opened.enclosures if not (one.inline and one.cid) or one.cid in seen)


def _addresses(headers: Headers, names: tuple[str, ...], most: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for header in names:
        for value in headers.all(header)[:10]:
            try:
                pairs = getaddresses([value[:4000]])
            except (ValueError, IndexError, TypeError, AttributeError, RecursionError):
                continue
            found += [(name, made) for name, address in pairs[:most] if (made := normal(_raw(address)))]
    return found[:most]


def _raw(address: str) -> str:
    """An address whose letters came as raw UTF-8."""
    return address if address.isascii() else address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _references(headers: Headers) -> tuple[str, ...]:
    """In-Reply-To first, then References from right to left."""
    answered = _ID.findall(headers.get("in-reply-to"))[:5]
    before = _ID.findall(headers.get("references"))[-MOST_REFERENCES:]
    return tuple(scrub(one) for one in dict.fromkeys([*answered, *reversed(before)]))


def _message_id(headers: Headers, text: str) -> str:
    found = _ID.search(headers.get("message-id"))
    if found is not None:
        return scrub(found[0])
    return f"<{digest(headers.get('date'), headers.get('from'), headers.get('subject'), text)}@no.message.id>"


def _date(headers: Headers) -> datetime | None:
    try:
        date = parsedate_to_datetime(headers.get("date")[:200])
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def tags_at(mail: Mail, address: str) -> tuple[str, ...]:
    """What stands behind the "+" of our own address, wherever the mail was sent to it."""
    local, domain = split(address)
    start = f"{local}+"
    found = (split(one) for one in mail.recipients)
    return tuple(name[len(start) :] for name, where in found if where == domain and name.startswith(start))
