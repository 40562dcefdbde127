"""A fitted message as a mail: plain text and HTML that say the same, pictures inside, files beside. Pure.

Facts: RFC 5322 (lines of 998 octets), RFC 2045-2049, RFC 2392 (cid), RFC 3834 (Auto-Submitted), RFC 2369 and RFC 8058
(List-Unsubscribe, by one click).
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from attrs import field, frozen

from convokit.errors import Rejected
from convokit.messages import Action, Attachment, Button, Capabilities, Card, Limit, Link, Message
from convokit.transports.email.addresses import split
from convokit.wire.naming import plain_name
from convokit.wire.text import scrub, shorten

CAPABILITIES = Capabilities(
    text_limit=Limit(100_000, "characters"),
    buttons=50,
    button_label=Limit(200, "characters"),
    button_numbers=True,
    links=50,
    attachments=frozenset({"image", "audio", "video", "file"}),
    attachments_by_data=True,
    album=10,
    caption=Limit(100_000, "characters"),
    buttons_with_attachment=True,
    cards=20,
    card_title=Limit(200, "characters"),
    card_subtitle=Limit(1000, "characters"),
    card_buttons=10,
)
"""What a mail can show. Buttons are links that answer, and numbered, so that a typed "2" answers too."""

SUBJECT = Limit(150, "characters")
MOST_BYTES = 18 << 20
"""How many bytes of files go into one mail: in base64 they grow by 37 %, and many servers take 25 MB."""
MOST_REFERENCES = 20
_UNKNOWN_KIND = "application/octet-stream"
_KIND = re.compile(r"[a-z0-9][\w.+-]{0,60}/[a-z0-9][\w.+-]{0,80}", re.ASCII)
_NUMBER = re.compile(r"\d{1,3}\) ")
_SPACE = re.compile(r"\s+")
_BUTTON = (
    "display:inline-block;padding:10px 16px;margin:4px 4px 4px 0;border-radius:6px;background:#1d4ed8;color:#ffffff;"
    "text-decoration:none"
)
_LINK = (
    "display:inline-block;padding:9px 15px;margin:4px 4px 4px 0;border-radius:6px;border:1px solid #1d4ed8;"
    "color:#1d4ed8"
)
_PICTURE = "max-width:100%;height:auto;border:0"
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:16px;color:#111827"


@frozen(kw_only=True, eq=False)
class Letter:
    """Around a message: whom it is from and to, what it answers, and where its buttons lead.

    Args:
        sender: Our address.
        name: What stands before it; may be empty.
        to: The customer's address.
        reply_to: Where answers go; our address, or one with a tag.
        subject: Of the thread.
        message_id: This mail's.
        references: The Message-IDs of the mails before it, the oldest first; the last is answered.
        at: When it is written.
        press: Makes the address of the button with this number, from 0; None: a button opens a mail that answers.
        leave: The addresses to unsubscribe at, the first by one click if it is https; empty: none are told.
        mark: The line that stands above, so that what is quoted can be told; may be empty.
    """

    sender: str
    name: str = ""
    to: str
    reply_to: str
    subject: str
    message_id: str
    references: Sequence[str] = ()
    at: datetime
    press: Callable[[int], str] | None = field(default=None, repr=False)
    leave: tuple[str, ...] = ()
    mark: str = ""


def buttons_of(message: Message) -> tuple[Button, ...]:
    """The buttons of a fitted message, those of cards first: the order that their numbers have."""
    actions = [one for card in message.cards for one in card.buttons]
    return tuple(one for one in (*actions, *message.buttons) if isinstance(one, Button))


def label_of(button: Button) -> str:
    """A button's own label, without the number that stands before it here."""
    return _NUMBER.sub("", button.label, count=1)


def render(message: Message, letter: Letter, channel: str) -> bytes:
    """The mail, with CR and LF at the end of lines.

    Raises:
        Rejected: Its files are too large, or it holds what no mail can.
    """
    size = sum(len(one.data or b"") for one in _files(message))
    if size > MOST_BYTES:
        raise Rejected(channel, f"{size} bytes of files; a mail takes {MOST_BYTES}")
    writing = _Writing(message, letter)
    international = not (letter.to.isascii() and letter.sender.isascii())
    mail = EmailMessage(policy=(SMTPUTF8 if international else SMTP).clone(max_line_length=78))
    try:
        _head(mail, letter)
        mail.set_content(writing.plain(), cte="quoted-printable")
        mail.add_alternative(writing.html(), subtype="html", cte="quoted-printable")
        html = list(mail.iter_parts())[1]
        for number, picture in writing.pictures:
            main, sub = _kind(picture).split("/")
            html.add_related(
                picture.data, main, sub, cid=f"<{writing.cid(number)}>", disposition="inline", filename=_name(picture)
            )
        for one in _files(message):
            if one.data is not None and not _is_picture(one):
                main, sub = _kind(one).split("/")
                mail.add_attachment(one.data, main, sub, filename=_name(one))
        return bytes(mail)
    except (ValueError, UnicodeError, LookupError) as problem:
        raise Rejected(channel, f"it cannot be written as a mail: {problem}") from None


def _head(mail: EmailMessage, letter: Letter) -> None:
    local, domain = split(letter.sender)
    mail["From"] = Address(one_line(letter.name), local, domain)
    mail["To"] = Address("", *split(letter.to))
    mail["Reply-To"] = Address("", *split(letter.reply_to))
    mail["Subject"] = one_line(letter.subject) or "…"
    mail["Date"] = format_datetime(letter.at)
    mail["Message-ID"] = letter.message_id
    if letter.references:
        mail["In-Reply-To"] = letter.references[-1]
        kept = [letter.references[0], *letter.references[1:][-(MOST_REFERENCES - 1) :]]
        mail["References"] = " ".join(kept)
    mail["Auto-Submitted"] = "auto-replied" if letter.references else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if letter.leave:
        mail["List-Unsubscribe"] = ", ".join(f"<{one}>" for one in letter.leave)
        if letter.leave[0].startswith("https://"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def one_line(text: str) -> str:
    """A text as a header can hold it: no line breaks, no control characters."""
    return shorten(
        _SPACE.sub(" ", "".join(one for one in scrub(text) if one.isprintable() or one.isspace())).strip(), SUBJECT
    )


def subject_of(message: Message) -> str:
    """A subject for what has none: the beginning of what is said."""
    said = (
        message.text
        or next((card.title for card in message.cards), "")
        or next((one.alt or one.name for one in message.attachments), "")
    )
    return shorten(one_line(said.strip().split("\n")[0]), Limit(78, "characters"))


def mailto(address: str, *, subject: str = "", body: str = "") -> str:
    """The address of a mail that is begun."""
    query = urlencode({name: one for name, one in (("subject", subject), ("body", body)) if one}, quote_via=quote)
    return f"mailto:{quote(address, safe='@+.')}{'?' if query else ''}{query}"


class _Writing:
    """One mail's two texts."""

    def __init__(self, message: Message, letter: Letter) -> None:
        self.message = message
        self.letter = letter
        self.pictures = [(number, one) for number, one in enumerate(_files(message)) if one.data and _is_picture(one)]
        self._pressed = 0

    def cid(self, number: int) -> str:
        """The Content-ID of a picture."""
        return f"{number}.{self.letter.message_id.strip('<>')}"

    def _press(self, button: Button) -> str:
        number, self._pressed = self._pressed, self._pressed + 1
        if self.letter.press is not None:
            return self.letter.press(number)
        subject = self.letter.subject
        return mailto(self.letter.reply_to, subject=one_line(subject), body=label_of(button))

    # ── plain ──

    def plain(self) -> str:
        """The plain text."""
        message = self.message
        blocks = [self.letter.mark, message.text]
        blocks += [line for one in message.attachments if (line := _line(one))]
        for card in message.cards:
            lines = [card.title, card.subtitle, *([_line(card.image)] if card.image else [])]
            blocks.append("\n".join(filter(None, [*lines, *map(_written, card.buttons)])))
        blocks.append("\n".join(map(_written, message.buttons)))
        return scrub("\n\n".join(block.strip("\n") for block in blocks if block.strip())) + "\n"

    # ── HTML ──

    def html(self) -> str:
        """The HTML: built as a tree, so that nothing in a text becomes a tag."""
        message = self.message
        self._pressed = 0
        page = ET.Element("html")
        ET.SubElement(ET.SubElement(page, "head"), "meta", {"charset": "utf-8"})
        body = ET.SubElement(page, "body", {"style": _FONT})
        if self.letter.mark:
            _lines(ET.SubElement(body, "p", {"style": "color:#6b7280;font-size:13px"}), self.letter.mark)
        if message.text.strip():
            self._paragraphs(body, message.text)
        number = 0
        for one in message.attachments:
            self._media(body, one, number)
            number += 1
        for card in message.cards:
            box = ET.SubElement(
                body, "div", {"style": "margin:16px 0;padding:12px;border:1px solid #d1d5db", "dir": "auto"}
            )
            if card.image is not None:
                self._media(box, card.image, number)
                number += 1
            self._card(box, card)
        self._actions(body, message.buttons)
        return "<!DOCTYPE html>\n" + ET.tostring(page, encoding="unicode", method="html") + "\n"

    def _paragraphs(self, body: ET.Element, text: str) -> None:
        for block in re.split(r"\n{2,}", scrub(text).strip("\n")):
            _lines(ET.SubElement(body, "p", {"dir": "auto"}), block)

    def _card(self, box: ET.Element, card: Card) -> None:
        _lines(ET.SubElement(box, "strong"), card.title)
        if card.subtitle.strip():
            _lines(ET.SubElement(box, "p"), card.subtitle)
        self._actions(box, card.buttons)

    def _actions(self, where: ET.Element, actions: Sequence[Action]) -> None:
        if not actions:
            return
        row = ET.SubElement(where, "p", {"dir": "auto"})
        for one in actions:
            if isinstance(one, Button):
                link = ET.SubElement(row, "a", {"href": self._press(one), "style": _BUTTON})
                link.text = scrub(one.label)
            elif isinstance(one, Link):
                link = ET.SubElement(row, "a", {"href": scrub(one.url), "style": _LINK})
                link.text = scrub(one.label)

    def _media(self, where: ET.Element, one: Attachment, number: int) -> None:
        alt = scrub(one.alt or one.name)
        if _is_picture(one) and (one.data or one.url):
            source = f"cid:{self.cid(number)}" if one.data else scrub(one.url)
            ET.SubElement(ET.SubElement(where, "p"), "img", {"src": source, "alt": alt, "style": _PICTURE})
        elif one.url:
            link = ET.SubElement(ET.SubElement(where, "p"), "a", {"href": scrub(one.url)})
            link.text = alt or scrub(one.url)


def _lines(where: ET.Element, text: str) -> None:
    """A text with its line breaks."""
    first, *rest = scrub(text).split("\n")
    where.text = first
    for line in rest:
        ET.SubElement(where, "br").tail = line


def _files(message: Message) -> list[Attachment]:
    return [*message.attachments, *(card.image for card in message.cards if card.image is not None)]


def _is_picture(one: Attachment) -> bool:
    return one.kind == "image" and one.media_type.lower() != "image/svg+xml"


def _kind(one: Attachment) -> str:
    kind = one.media_type.lower().partition(";")[0].strip()
    # Mail programs take these apart in ways of their own: a file of such a type goes as bytes.
    if not _KIND.fullmatch(kind) or kind.startswith(("multipart/", "message/", "text/")):
        return _UNKNOWN_KIND
    return kind


def _name(one: Attachment) -> str:
    return plain_name(one.name or one.alt or one.kind, one.media_type.lower())


def _line(one: Attachment) -> str:
    """An attachment in the plain text: its address, or what a picture shows."""
    if one.url:
        return f"{one.alt or one.name}: {one.url}".removeprefix(": ")
    return f"[{one.alt}]" if one.alt else ""


def _written(action: Action) -> str:
    if isinstance(action, Button):
        return _SPACE.sub(" ", action.label)
    return f"{action.label}: {action.url}" if isinstance(action, Link) else ""
