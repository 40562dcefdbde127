"""A mail's bytes as headers, text and files, within bounds. Pure.

The standard parser is given only what it can take: it recurses where parts are nested, and looks at every line once
for each open part.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message as Part
from email.policy import compat32
from typing import Any

from attrs import field, frozen

from convokit.wire.text import scrub

MOST_DEPTH = 10
MOST_PARTS = 100
MOST_HEADERS = 200
MOST_LINES = 600_000
MOST_NESTED = 60
HEADER_BYTES = 64 << 10
LONGEST_HEADER = 8000
LONGEST_TEXT = 1 << 20
"""How many bytes of a text part are read."""

_HEADERS_END = re.compile(rb"\r?\n\r?\n|\r\r")
_NESTS = re.compile(rb"^content-type:[ \t]*(?:multipart/|message/)", re.IGNORECASE | re.MULTILINE)
_FOLDS = re.compile(r"[\r\n]+[ \t]*")
_ENCODED = re.compile(r"=\?[^?\s]{1,60}\?[bqBQ]\?[^?\r\n]{0,2000}\?=")
# Codecs of Python's that are no character sets, or that take more time than their input is long.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})
_ALSO_CALLED = {
    "x-sjis": "cp932",
    "shift-jis": "cp932",
    "ks-c-5601-1987": "cp949",
    "x-gbk": "gbk",
    "gb2312": "gb18030",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "x-mac-roman": "mac-roman",
    "iso-8859-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "unicode-1-1-utf-7": "utf-7",
}


class UnreadableError(ValueError):
    """The bytes are no mail that is read: no headers, or more of something than any mail program makes."""


@frozen(kw_only=True, eq=False)
class Enclosure:
    """A file in a mail.

    Args:
        name: What the sender calls it; may be empty.
        media_type: As declared.
        data: Its bytes.
        cid: Its Content-ID without brackets: HTML shows it by that; may be empty.
        inline: Whether it is to be shown in the text.
        number: Which part of the mail it is.
    """

    name: str
    media_type: str
    data: bytes = field(repr=False)
    cid: str = ""
    inline: bool = False
    number: int = 0


@frozen(kw_only=True, eq=False)
class Opened:
    """A mail, taken apart.

    Args:
        headers: Raw values by the name in small letters, unfolded, in their order.
        plain: The text, from the parts of type text/plain.
        html: The text, from those of type text/html.
        enclosures: The files.
        left_out: What was not read: names or types.
        kind: The type of the whole mail.
        reports: The fields of a delivery report, a mapping for each block.
        returned: The headers of the mail that a report is about.
    """

    headers: "Headers"
    plain: str
    html: str
    enclosures: tuple[Enclosure, ...]
    left_out: tuple[str, ...]
    kind: str
    reports: tuple["Headers", ...] = ()
    returned: "Headers"


class Headers:
    """Headers by name, raw; none is longer than a bound, and there are not more than a bound."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Sequence[tuple[str, Any]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs[:MOST_HEADERS]:
            text = _FOLDS.sub(" ", str(value)[:LONGEST_HEADER]).strip()
            self._values.setdefault(str(name).lower(), []).append(text)

    def get(self, name: str) -> str:
        """The first value, raw; empty when there is none."""
        return self._values.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """Every value, raw."""
        return self._values.get(name, [])

    def words(self, name: str) -> str:
        """The first value as text."""
        return words(self.get(name))

    def __contains__(self, name: str) -> bool:
        return name in self._values


def open_mail(raw: bytes) -> Opened:
    """Take a mail apart.

    Raises:
        UnreadableError: It has no headers, or more lines, headers or nested parts than are read.
    """
    raw = raw.lstrip(b"\r\n")
    first = _HEADERS_END.search(raw[: HEADER_BYTES + 4])
    if first is None and len(raw) > HEADER_BYTES:
        raise UnreadableError(f"its headers are longer than {HEADER_BYTES} bytes")
    if raw.count(b"\n") + raw.count(b"\r") > 2 * MOST_LINES:
        raise UnreadableError(f"it has more than {MOST_LINES} lines")
    if sum(1 for _ in zip(_NESTS.finditer(raw), range(MOST_NESTED + 1), strict=False)) > MOST_NESTED:
        raise UnreadableError(f"more than {MOST_NESTED} of its parts hold parts")
    try:
        whole = message_from_bytes(raw, policy=compat32)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, IndexError) as problem:
        raise UnreadableError(f"it cannot be taken apart ({type(problem).__name__})") from None
    pairs = list(whole.raw_items())
    if not pairs:
        raise UnreadableError("it has no headers")
    if len(pairs) > MOST_HEADERS:
        raise UnreadableError(f"it has more than {MOST_HEADERS} headers")
    return _taken_apart(whole, Headers(pairs))


def _taken_apart(whole: Part, headers: Headers) -> Opened:
    plain: list[str] = []
    html: list[str] = []
    enclosures: list[Enclosure] = []
    left_out: list[str] = []
    reports: list[Headers] = []
    returned = Headers()
    for number, part in enumerate(_leaves(whole, left_out)):
        kind = scrub(part.get_content_type())[:200]
        if kind == "message/delivery-status":
            reports += [Headers(list(one.raw_items())) for one in _inner(part)[:20]]
        elif kind in {"message/rfc822", "message/rfc822-headers", "text/rfc822-headers"} and _in_report(whole):
            returned = _returned(part)
        elif kind.startswith("message/"):
            left_out.append(kind)
        elif kind in {"text/plain", "text/html"} and not _is_file(part):
            (html if kind == "text/html" else plain).append(text_of(part))
        else:
            enclosures.append(_enclosure(part, kind, number))
    return Opened(
        headers=headers,
        plain="\n".join(one for one in plain if one.strip()),
        html="\n".join(one for one in html if one.strip()),
        enclosures=tuple(enclosures),
        left_out=tuple(left_out),
        kind=whole.get_content_type(),
        reports=tuple(reports),
        returned=returned,
    )


def _leaves(whole: Part, left_out: list[str]) -> Iterator[Part]:
    """The parts that hold no parts, in their order, without going deeper or further than the bounds."""
    stack = [(whole, 1)]
    count = 0
    while stack:
        part, depth = stack.pop()
        count += 1
        if count > MOST_PARTS or depth > MOST_DEPTH:
            left_out.append("parts beyond what is read")
            return
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            stack += [(one, depth + 1) for one in reversed(_inner(part))]
        else:
            yield part


def _inner(part: Part) -> list[Part]:
    inner = part.get_payload()
    return [one for one in inner if isinstance(one, Part)] if isinstance(inner, list) else []


def _in_report(whole: Part) -> bool:
    return whole.get_content_type() == "multipart/report"


def _returned(part: Part) -> Headers:
    inner = _inner(part)
    if inner:
        return Headers(list(inner[0].raw_items()))
    try:
        return Headers(list(message_from_bytes(data_of(part)[:HEADER_BYTES], policy=compat32).raw_items()))
    except (RecursionError, ValueError):
        return Headers()


def _is_file(part: Part) -> bool:
    return str(part.get("content-disposition", "")).strip().lower().startswith("attachment") or (
        part.get_content_type() == "text/plain" and bool(_name_of(part))
    )


def _enclosure(part: Part, kind: str, number: int) -> Enclosure:
    disposition = str(part.get("content-disposition", "")).strip().lower()
    cid = str(part.get("content-id", "")).strip().strip("<>")[:250]
    return Enclosure(
        name=_name_of(part),
        media_type=kind,
        data=data_of(part),
        cid=scrub(cid),
        inline=disposition.startswith("inline") or (bool(cid) and not disposition.startswith("attachment")),
        number=number,
    )


def _name_of(part: Part) -> str:
    try:
        return scrub(words(part.get_filename("") or ""))[:1000]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def data_of(part: Part) -> bytes:
    """A part's bytes, decoded; as they came where that cannot be done."""
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        data = None
    if isinstance(data, bytes):
        return data
    given = part.get_payload()
    return given.encode("utf-8", "surrogateescape") if isinstance(given, str) else b""


def text_of(part: Part) -> str:
    """A text part as text, in whatever character set; what cannot be read in it becomes U+FFFD."""
    try:
        charset = str(part.get_param("charset", "") or "")
    except (ValueError, TypeError, LookupError, AttributeError):
        charset = ""
    text = decoded(data_of(part)[:LONGEST_TEXT], charset)
    if part.get_content_type() == "text/plain" and _flowed(part):
        text = _unflowed(text, delsp=str(part.get_param("delsp", "")).lower() == "yes")
    return scrub(text)


def decoded(data: bytes, charset: str) -> str:
    """Bytes in a character set, by whatever name; in an unknown one as UTF-8, else as Windows writes Latin."""
    name = charset.strip().strip("\"'").lower().replace("_", "-")
    name = _ALSO_CALLED.get(name, name)
    tried = ["utf-8", name] if name in {"", "cp1252"} else [name, "utf-8"]
    for one in tried:
        if is_charset(one):
            try:
                return data.decode(one)
            except (UnicodeError, ValueError):
                continue
    last = next((one for one in (name, "cp1252") if is_charset(one)), "latin-1")
    try:
        return data.decode(last, "replace")
    except (UnicodeError, ValueError):
        return data.decode("latin-1")


def is_charset(name: str) -> bool:
    """Whether Python knows it as a character set: it has codecs for other things, too."""
    if not name or not name.isascii() or len(name) > 40 or name.replace("_", "-") in _NO_CHARSETS:  # noqa: PLR2004  none is longer
        return False
    try:
        return bool(getattr(codecs.lookup(name), "_is_text_encoding", True))
    except (LookupError, ValueError):
        return False


def _flowed(part: Part) -> bool:
    return str(part.get_param("format", "")).lower() == "flowed"


def _unflowed(text: str, *, delsp: bool) -> str:
    """Format=flowed (RFC 3676): a line that ends with a space goes on in the next one, unless it is a signature's."""
    lines: list[str] = []
    flows = False
    for line in text.replace("\r\n", "\n").split("\n"):
        whole = line.removeprefix(" ")
        if flows and not whole.startswith(">") and whole != "-- ":
            lines[-1] += whole
        else:
            lines.append(whole)
        flows = whole.endswith(" ") and whole != "-- " and not whole.startswith(">")
        if flows and delsp:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def words(raw: str) -> str:
    """A header as text: encoded words (RFC 2047) in whatever character set, raw bytes as UTF-8."""
    raw = raw[:LONGEST_HEADER]
    if not raw.isascii():
        raw = decoded(raw.encode("utf-8", "surrogateescape"), "")
    if not _ENCODED.search(raw):
        return scrub(raw).replace("\n", " ").strip()
    try:
        parts = decode_header(raw)
    except (HeaderParseError, ValueError, TypeError, AttributeError, LookupError):
        return scrub(raw).replace("\n", " ").strip()
    text = "".join(one if isinstance(one, str) else decoded(one, charset or "latin-1") for one, charset in parts)
    return " ".join(scrub(text).split())


def digest(*parts: str | bytes) -> str:
    """A name for what has none of its own."""
    made = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8, "big") + data)
    return made.hexdigest()[:40]
