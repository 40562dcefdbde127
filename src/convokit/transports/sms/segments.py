"""How many parts a text message is sent and paid as.

Facts: 3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation). A part holds 160 septets alone and 153 beside others,
or 70 and 67 UTF-16 units as soon as one character is not in the GSM alphabet.
"""

from functools import cache
from typing import Any, Literal

from attrs import frozen

from convokit.errors import MissingExtra

SEPTETS = (160, 153)
UNITS = (70, 67)
_ASTRAL = "\uffff"
_SHOWN = 5


@frozen(kw_only=True)
class Segments:
    """What a text costs.

    Args:
        parts: How many messages it is paid as; 0 for an empty text.
        encoding: "GSM-7" or "UCS-2".
        units: Its length: septets, of which a character such as "€" takes two, or UTF-16 units, of which an emoji does.
        forcing: The characters outside the GSM alphabet, each once, in order: they make it UCS-2.
    """

    parts: int
    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    forcing: tuple[str, ...] = ()

    def __str__(self) -> str:
        counted = f"{self.parts} part{'' if self.parts == 1 else 's'} ({self.encoding}, {self.units} units)"
        if not self.forcing:
            return counted
        some = " ".join(f"{one}" if one.isprintable() else f"U+{ord(one):04X}" for one in self.forcing[:_SHOWN])
        more = " …" if len(self.forcing) > _SHOWN else ""
        return f"{counted}; 160 instead of 70 would fit into a part without: {some}{more}"


def segments(text: str) -> Segments:
    """How many parts a text is sent as.

    No part ends within a character: neither within the two septets of "€" nor within the two units of an emoji.

    Raises:
        MissingExtra: The extra "sms" is not installed.
    """
    alphabet = gsm_alphabet()
    forcing = tuple(dict.fromkeys(one for one in text if one not in alphabet))
    lengths = [1 + (one > _ASTRAL) for one in text] if forcing else [alphabet[one] for one in text]
    alone, beside = UNITS if forcing else SEPTETS
    units = sum(lengths)
    return Segments(
        parts=0 if not text else 1 if units <= alone else _parts(lengths, beside),
        encoding="UCS-2" if forcing else "GSM-7",
        units=units,
        forcing=forcing,
    )


def _parts(lengths: list[int], most: int) -> int:
    parts, used = 1, 0
    for one in lengths:
        if used + one > most:
            parts, used = parts + 1, 0
        used += one
    return parts


@cache
def gsm_alphabet() -> dict[str, int]:
    """The characters of the GSM alphabet and its extension, with the septets that each takes.

    Raises:
        MissingExtra: The extra "sms" is not installed.
    """
    try:
        from gsm0338 import Codec  # noqa: PLC0415  an extra
    except ImportError:
        raise MissingExtra("counting the parts of a text message", "sms") from None
    codec: Any = Codec()
    # One septet by itself, or one after the escape to the extension; the escape alone is no character.
    known: dict[str, int] = {}
    for number in range(0x80):
        for octets in (bytes([number]), bytes([0x1B, number])):
            try:
                found, _ = codec.decode(octets)
            except UnicodeError:
                continue
            if len(found) == 1 and found != "\x1b" and codec.encode(found)[0] == octets:
                known[found] = len(octets)
    return known
