"""Pictures without what they tell about where, when and with what they were taken. Pure, and never raises.

Nothing is decoded: what a picture does not need to be shown is left out of its file, down to whole other files that
phones hang behind the end. How it is to be turned is kept.
"""

# ruff: noqa: PLR2004  the numbers are those of the files' formats

import struct
import zlib
from collections.abc import Callable, Iterator

from convokit.wire.sniffing import boxes, orientation


def stripped(picture: bytes, media_type: str) -> bytes | None:
    """The picture without its metadata; itself when it has none, or is of a type that is left alone.

    Args:
        picture: The whole file.
        media_type: What `sniff` said.

    Returns:
        None when it is too damaged to tell what in it is metadata.
    """
    strip = _STRIPPERS.get(media_type)
    if strip is None:
        return picture
    try:
        return strip(picture)
    except (struct.error, IndexError, ValueError):
        return None


def _upright(turned: int) -> bytes:
    """An EXIF of nothing but the orientation."""
    return b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01" + struct.pack(">HHI", turned, 0, 0)


# ── JPEG ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN, _END = 0xDA, 0xD9
_COMMENT = 0xFE


def _jpeg(picture: bytes) -> bytes | None:
    kept = [b""]
    turned = 1
    pictured = False
    for kind, start, end in _segments(picture):
        content = picture[start + 4 : end]
        if kind == 0xE1 and content[:6] == b"Exif\0\0":
            turned = orientation(content[6:])
        if _needed(kind, content):
            kept.append(picture[start:end])
        if kind == _START_OF_SCAN:
            kept.append(picture[end : _after_scan(picture, end)])
            pictured = True
    return _cut(kept, turned) if pictured else None


def _segments(picture: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each segment up to the end of the picture, or to where its file was cut off."""
    at = 2
    while (at := picture.find(b"\xff", at)) >= 0 and at + 4 <= len(picture):
        kind = picture[at + 1]
        if kind == _END:
            return
        if kind in {0x00, 0xFF} or kind in _BARE:
            at += 1 if kind == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(picture):
            return
        yield kind, at, end
        at = _after_scan(picture, end) if kind == _START_OF_SCAN else end


def _needed(kind: int, content: bytes) -> bool:
    if kind == 0xE0:
        return content[:5] == b"JFIF\0"
    if kind == 0xE2:
        return content[:12] == b"ICC_PROFILE\0"
    if kind == 0xEE:
        return content[:5] == b"Adobe"
    return not 0xE0 <= kind <= 0xEF and kind != _COMMENT


def _after_scan(picture: bytes, at: int) -> int:
    """Where the compressed data that begins at `at` ends: at the first marker that does not belong into it."""
    while (at := picture.find(b"\xff", at)) >= 0 and at + 1 < len(picture):
        following = picture[at + 1]
        if following == 0xFF:
            at += 1
        elif following == 0 or 0xD0 <= following <= 0xD7:
            at += 2
        else:
            return at
    return len(picture)


def _cut(kept: list[bytes], turned: int) -> bytes:
    exif = b""
    if turned != 1:
        content = b"Exif\0\0" + _upright(turned)
        exif = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    first = 2 if len(kept) > 1 and kept[1][:2] == b"\xff\xe0" else 1  # JFIF wants to come first
    return b"".join((b"\xff\xd8", *kept[1:first], exif, *kept[first:], b"\xff\xd9"))


# ── PNG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_PNG_CHUNKS = frozenset(
    b"IHDR PLTE IDAT tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)


def _png(picture: bytes) -> bytes | None:
    if picture[12:16] != b"IHDR":
        return None
    kept = [picture[:8]]
    at = 8
    pictured = False
    while at + 8 <= len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        kind = picture[at + 4 : at + 8]
        end = at + 12 + length
        if kind == b"IEND":
            break
        if kind in _PNG_CHUNKS:
            kept.append(picture[at:end])
            pictured = pictured or kind == b"IDAT"
        elif kind == b"eXIf" and (turned := orientation(picture[at + 8 : end - 4])) != 1:
            kept.append(_png_chunk(b"eXIf", _upright(turned)))
        at = end
    if not pictured:
        return None
    if at <= len(picture):
        kept.append(_png_chunk(b"IEND", b""))
    return b"".join(kept)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


# ── WebP ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_WEBP_CHUNKS = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"))
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04


def _webp(picture: bytes) -> bytes | None:
    kept: list[bytes] = []
    turned = 1
    at = 12
    while at + 8 <= len(picture):
        kind = picture[at : at + 4]
        (length,) = struct.unpack_from("<I", picture, at + 4)
        end = min(at + 8 + length + length % 2, len(picture))
        if kind in _WEBP_CHUNKS:
            kept.append(picture[at:end])
        elif kind == b"EXIF":
            turned = orientation(picture[at + 8 : end].removeprefix(b"Exif\0\0"))
        at = end
    if not any(one[:4] in {b"VP8 ", b"VP8L", b"ANMF"} for one in kept):
        return None
    if kept[0][:4] == b"VP8X":
        flags = kept[0][8] & ~(_EXIF_FLAG | _XMP_FLAG)
        if turned != 1:
            exif = _upright(turned)
            kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif)
            flags |= _EXIF_FLAG
        kept[0] = kept[0][:8] + bytes([flags]) + kept[0][9:]
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


# ── GIF ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif(picture: bytes) -> bytes | None:
    flags = picture[10]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept = [picture[:at]]
    pictures = 0
    while at < len(picture) and picture[at] != _TRAILER:
        begin = at
        if picture[at] == _IMAGE:
            flags = picture[at + 9]
            at = _after_blocks(picture, at + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0))
            pictures += 1
        elif picture[at] == _EXTENSION:
            label = picture[at + 1]
            at = _after_blocks(picture, at + 2)
            looped = label == _APPLICATION and picture[begin + 3 : begin + 14] in _LOOPS
            if label != _GRAPHIC_CONTROL and not looped:
                continue
        else:
            return None
        kept.append(picture[begin:at])
    return b"".join((*kept, b";")) if pictures else None


def _after_blocks(picture: bytes, at: int) -> int:
    while at < len(picture) and picture[at]:
        at += 1 + picture[at]
    return min(at + 1, len(picture))


# ── AVIF and HEIC ───────────────────────────────────────────────────────────────────────────────────────────────────


def _heif(picture: bytes) -> bytes | None:
    """Metadata is overwritten with zeros where it stands: taking it out would move what other boxes point at."""
    cleaned = bytearray(picture)
    whole = boxes(picture, 0, len(picture))
    metas = [(start + 4, end) for kind, start, end in whole if kind == b"meta"]
    if not metas:
        return None
    for kind, start, end in whole:
        if kind in {b"uuid", b"udta"}:
            cleaned[start:end] = bytes(end - start)
    for start, end in metas:
        inner = {kind: (begin, stop) for kind, begin, stop in boxes(picture, start, end)}
        if b"iinf" not in inner or b"iloc" not in inner:
            return None
        told = _telling(picture, *inner[b"iinf"])
        data_at = inner.get(b"idat", (0, 0))[0]
        for item, method, offset, length in _places(picture, *inner[b"iloc"]):
            if item in told:
                begin = offset + (data_at if method == 1 else 0)
                stop = min(begin + length if length else len(picture), len(picture))
                cleaned[begin:stop] = bytes(max(0, stop - begin))
    return bytes(cleaned)


def _telling(picture: bytes, start: int, end: int) -> set[int]:
    """The numbers of the items that are EXIF or XMP."""
    told = set()
    for kind, at, stop in boxes(picture, start + (6 if picture[start] == 0 else 8), end):
        if kind != b"infe" or picture[at] < 2:
            continue
        wide = picture[at] > 2
        item = int.from_bytes(picture[at + 4 : at + (8 if wide else 6)], "big")
        named = at + (10 if wide else 8)
        if picture[named : named + 4] in {b"Exif", b"mime"} and named + 4 <= stop:
            told.add(item)
    return told


def _places(picture: bytes, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """Where items lie: number, method (0: in the file, 1: in the box "idat"), offset, length (0: to the end)."""
    version = picture[start]
    sizes = picture[start + 4 : start + 6]
    offset_size, length_size, base_size, index_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    index_size = index_size if version else 0
    at = start + 6

    def number(size: int) -> int:
        nonlocal at
        if at + size > end:
            raise ValueError("a box that ends too soon")
        at += size
        return int.from_bytes(picture[at - size : at], "big")

    found = []
    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_size)
        for _ in range(number(2)):
            number(index_size)
            offset, length = number(offset_size), number(length_size)
            found.append((item, method, base + offset, length))
    return found


_STRIPPERS: dict[str, Callable[[bytes], bytes | None]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/avif": _heif,
    "image/heic": _heif,
}
