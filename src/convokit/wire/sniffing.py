"""What a file is, told from its bytes and never from its name; and how large a picture is. Pure, and never raises."""

# ruff: noqa: PLR2004  the numbers are those of the files' formats

import struct
from collections.abc import Callable

INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
"""The only types that are ever shown in a page. SVG and HTML are not among them: they can carry scripts."""
HEAD = 4096
"""How many bytes of a file `sniff` looks at."""
DANGEROUS = frozenset({"text/html", "image/svg+xml", "application/xml", "text/x-script", "application/x-executable"})
"""What runs when it is opened; kept only where a list of allowed types names it, and always as a download."""

# (where, what, type): the first that matches counts, so longer and rarer ones stand before shorter and commoner ones.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\xff\xf9", "audio/aac"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"MThd", "audio/midi"),
    (0, b"MZ", "application/x-executable"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\xfe\xed\xfa", "application/x-executable"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-executable"),
    (0, b"\xce\xfa\xed\xfe", "application/x-executable"),
    (0, b"\xca\xfe\xba\xbe", "application/x-executable"),
    (0, b"\x00asm", "application/x-executable"),
    (0, b"#!", "text/x-script"),
)
# The brands of ISO media files, by their first letters.
_BRANDS = (
    (b"avif", "image/avif"),
    (b"avis", "image/avif"),
    (b"hei", "image/heic"),
    (b"hev", "image/heic"),
    (b"mif1", "image/heic"),
    (b"msf1", "image/heic"),
    (b"M4A", "audio/mp4"),
    (b"M4B", "audio/mp4"),
    (b"3g", "video/3gpp"),
    (b"qt", "video/quicktime"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_MARKUP = ("<!doctype html", "<html", "<head", "<body", "<script")

ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-ms-bmp": "image/bmp",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/heif": "image/heic",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "audio/opus": "audio/ogg",
    "audio/x-aac": "audio/aac",
    "audio/3gpp": "video/3gpp",
    "video/x-m4v": "video/mp4",
    "video/avi": "video/x-msvideo",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
    "application/vnd.ms-excel.csv": "text/csv",
    "text/x-markdown": "text/markdown",
    "text/xml": "application/xml",
    "application/xhtml+xml": "text/html",
    "application/x-msdownload": "application/x-executable",
    "application/javascript": "text/javascript",
    "application/x-javascript": "text/javascript",
}
"""Other words for the same type."""

OFFICE = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
}
"""Documents that are zip files, and their endings."""
_OLE = {"application/msword": "doc", "application/vnd.ms-excel": "xls", "application/vnd.ms-powerpoint": "ppt"}
_TEXTS = {
    "text/plain": "txt",
    "text/csv": "csv",
    "text/markdown": "md",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "application/json": "json",
}
# What bytes of the first type may also be declared as: their container does not tell these apart.
_ALSO: dict[str, frozenset[str]] = {
    "application/zip": frozenset(OFFICE) | {"application/epub+zip"},
    "application/x-ole-storage": frozenset(_OLE),
    "text/plain": frozenset(_TEXTS),
    "video/mp4": frozenset({"audio/mp4", "video/quicktime"}),
    "audio/mp4": frozenset({"video/mp4"}),
    "video/quicktime": frozenset({"video/mp4"}),
    "video/webm": frozenset({"audio/webm"}),
    "audio/ogg": frozenset({"application/ogg"}),
    "video/ogg": frozenset({"application/ogg"}),
    "audio/aac": frozenset({"audio/mpeg"}),
    "text/x-script": frozenset({"text/javascript", "application/x-sh"}),
}

ENDINGS: dict[str, tuple[str, ...]] = {
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/avif": ("avif",),
    "image/heic": ("heic", "heif"),
    "image/bmp": ("bmp",),
    "image/tiff": ("tif", "tiff"),
    "image/svg+xml": ("svg",),
    "audio/mpeg": ("mp3",),
    "audio/mp4": ("m4a", "mp4"),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/wav": ("wav",),
    "audio/flac": ("flac",),
    "audio/aac": ("aac",),
    "audio/amr": ("amr",),
    "audio/webm": ("weba", "webm"),
    "video/mp4": ("mp4", "m4v"),
    "video/webm": ("webm",),
    "video/ogg": ("ogv",),
    "video/quicktime": ("mov", "qt"),
    "video/3gpp": ("3gp", "3gpp", "amr"),
    "application/pdf": ("pdf",),
    "application/rtf": ("rtf",),
    "application/zip": ("zip",),
    "text/plain": ("txt", "log", "text"),
    "text/markdown": ("md", "markdown", "txt"),
    **{kind: (ending,) for kind, ending in (*OFFICE.items(), *_OLE.items())},
    **{kind: (ending,) for kind, ending in _TEXTS.items() if kind not in {"text/plain", "text/markdown"}},
}
"""The endings that a name of a type may have; the first is given to a name that has none of them."""


def sniff(head: bytes) -> str:
    """The media type that the first bytes of a file (`HEAD` of them are enough) show; empty when they show none."""
    head = head[:HEAD]
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[:4] == b"OggS":
        return "video/ogg" if b"\x80theora" in head[:64] else "audio/ogg"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return "image/bmp"
    for place, signature, kind in _SIGNATURES:
        if head.startswith(signature, place):
            return kind
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 != 0xF:
        return "audio/mpeg"  # layer III without a tag before it
    return _written(head)


def _iso_media(head: bytes) -> str:
    # The major brand, then the compatible ones: a picture of a phone may call itself "mif1" and be "avif" besides.
    size = max(16, min(int.from_bytes(head[:4], "big"), 256))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    if brands[0] in {b"mif1", b"msf1"} and b"avif" in brands:
        return "image/avif"
    return next((kind for brand, kind in _BRANDS if brands[0].startswith(brand)), "video/mp4")


def _written(head: bytes) -> str:
    """What a file is that is none of the binary kinds: text, or markup, which is never taken for text."""
    text = _text(head)
    if not text or any(sign < " " and sign not in "\t\n\r\f\x1b" for sign in text):
        return ""
    start = text.lstrip().lower()
    if start.startswith("<"):
        if "<svg" in start:
            return "image/svg+xml"
        return "application/xml" if start.startswith("<?xml") and "<html" not in start else "text/html"
    return "text/html" if any(one in start[:256] for one in _MARKUP) else "text/plain"


def _text(head: bytes) -> str:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return head[2:].decode("utf-16-le" if head[:1] == b"\xff" else "utf-16-be", "replace")
    body = head.removeprefix(b"\xef\xbb\xbf")
    try:
        return body.decode()
    except UnicodeDecodeError as problem:
        if len(head) == HEAD and problem.start > len(body) - 4:
            return body[: problem.start].decode()  # a character that the head's end cuts
    # Spreadsheets still write one byte for a letter; then most of it is plain ASCII, unlike in anything compressed.
    plain = sum(1 for byte in body if byte < 0x7F)
    return body.decode("latin-1") if plain * 4 >= len(body) * 3 else ""


def plain_type(declared: str) -> str:
    """A declared media type in its usual spelling, without parameters; empty for one that says nothing."""
    kind = declared.partition(";")[0].strip().lower()
    kind = ALIASES.get(kind, kind)
    return "" if kind in {"application/octet-stream", "binary/octet-stream", "*/*"} else kind


def agreed(declared: str, found: str) -> str:
    """The type that a file is kept under; empty when its bytes are not what they were declared as.

    Pictures that pages can show are taken for what they are: phones and platforms often name one as another, and
    nothing follows from it. An undeclared file is what its bytes show.

    Args:
        declared: What the sender says, as `plain_type` gives it.
        found: What `sniff` says.
    """
    if not declared or declared == found or (declared in INLINE and found in INLINE):
        return found
    if (declared, found) == ("application/vnd.ms-excel", "text/plain"):
        return "text/csv"  # what Windows calls one where Excel is installed
    return declared if declared in _ALSO.get(found, ()) else ""


def by_ending(name: str, found: str) -> str:
    """The type that the ending of a name stands for, among those that bytes of the type `found` may be; or `found`."""
    ending = name.rpartition(".")[2].lower()
    kinds = (found, *sorted(_ALSO.get(found, ())))
    return next((kind for kind in kinds if ending in ENDINGS.get(kind, ())), found)


# ── how large a picture is ──────────────────────────────────────────────────────────────────────────────────────────


def size_of(picture: bytes, media_type: str) -> tuple[int, int]:
    """Width and height in pixels as the picture is shown (turned by its orientation); (0, 0) when it does not say."""
    read = _SIZES.get(media_type)
    if read is None:
        return 0, 0
    try:
        width, height = read(picture)
    except (struct.error, IndexError, ValueError):
        return 0, 0
    return (width, height) if 0 < width < 1 << 20 and 0 < height < 1 << 20 else (0, 0)


def _png(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", picture, 16)
    return width, height


def _gif(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", picture, 6)
    return width, height


def _webp(picture: bytes) -> tuple[int, int]:
    kind = picture[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(picture[24:27], "little"), 1 + int.from_bytes(picture[27:30], "little")
    if kind == b"VP8L" and picture[20] == 0x2F:
        bits = int.from_bytes(picture[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and picture[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", picture, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg(picture: bytes) -> tuple[int, int]:
    turned = False
    at = 2
    while at + 9 <= len(picture) and picture[at] == 0xFF:
        kind = picture[at + 1]
        if kind == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", picture, at + 2)
        if kind in _FRAMES:
            height, width = struct.unpack_from(">HH", picture, at + 5)
            return (height, width) if turned else (width, height)
        if kind == 0xE1 and picture[at + 4 : at + 10] == b"Exif\0\0":
            turned = orientation(picture[at + 10 : at + 2 + length]) > 4
        if length < 2 or kind == 0xDA:
            break
        at += 2 + length
    return 0, 0


def _avif(picture: bytes) -> tuple[int, int]:
    # The largest of the sizes given: a picture of tiles gives theirs too, and so does one with a thumbnail.
    sizes = [(0, 0)]
    turned = False
    for kind, start, end in boxes(picture, 0, len(picture)):
        if kind != b"meta":
            continue
        for inner, begin, stop in boxes(picture, start + 4, end):
            if inner != b"iprp":
                continue
            for box, first, last in boxes(picture, begin, stop):
                if box == b"ipco":
                    for item, one, _ in boxes(picture, first, last):
                        if item == b"ispe":
                            sizes.append(struct.unpack_from(">II", picture, one + 4))
                        elif item == b"irot":
                            turned = bool(picture[one] & 1)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return (height, width) if turned else (width, height)


def boxes(data: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """The boxes of an ISO media file between two places: kind, and where the content of each begins and ends."""
    found: list[tuple[bytes, int, int]] = []
    while start + 8 <= end and len(found) < 10_000:
        size, header = int.from_bytes(data[start : start + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            break
        found.append((data[start + 4 : start + 8], start + header, start + size))
        start += size
    return found


_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/avif": _avif,
    "image/heic": _avif,
}


def orientation(exif: bytes) -> int:
    """How a picture is turned, 1 to 8, from the TIFF structure of its EXIF; 1 (upright) when it does not say."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * min(count, 1000), 12):
            tag, kind = struct.unpack_from(order + "HH", exif, entry)
            if tag == 0x0112 and kind == 3:
                (value,) = struct.unpack_from(order + "H", exif, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
