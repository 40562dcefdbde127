"""Ids that nobody can guess, and names from strangers made fit to be shown, saved and sent in a header."""

import os
import re
import unicodedata
from datetime import datetime
from urllib.parse import quote

from convokit.wire import sniffing

NAME_LENGTH = 120
"""The longest name of a file, in characters."""
FILE_ID = re.compile(r"f_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
"""What the id of a file looks like."""
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(prefix: str, now: datetime) -> str:
    """An id that nobody can guess and that sorts by time: the prefix and a ULID's 26 characters."""
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return prefix + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


_LEFT_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # letters of Persian and Hindi, and faces, are not the same without them


def plain_name(name: str, media_type: str) -> str:
    """A file's name as it may be shown and saved: one line, no path, nothing that turns the writing round.

    It has at most `NAME_LENGTH` characters, and an ending of its type: a text that came as "report.bat" is called
    "report.bat.txt".
    """
    name = unicodedata.normalize("NFC", name[: NAME_LENGTH * 20])
    name = "".join(one for one in name if one in _JOINERS or unicodedata.category(one) not in _LEFT_OUT)
    name = " ".join(re.split(r"[/\\]", name.rstrip("/\\ ."))[-1].split()).strip(". ") or "file"
    stem, dot, ending = name.rpartition(".")
    endings = sniffing.ENDINGS.get(media_type, ())
    if not stem or (endings and ending.lower() not in endings):
        stem, dot, ending = name, "." if endings else "", endings[0] if endings else ""
    ending = ending[:20]
    return stem[: NAME_LENGTH - len(dot + ending)].rstrip(". ") + dot + ending


def disposition(how: str, name: str) -> str:
    """A `Content-Disposition`: "inline" or "attachment", with the name as RFC 6266 and RFC 5987 write it."""
    plain = re.sub(r"[^ !#$&()+,.0-9;=@A-Z\[\]^_`a-z{}~-]", "_", name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
