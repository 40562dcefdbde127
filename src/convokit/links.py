"""Ways in: the address, the QR code and the button that open a conversation on a channel.

```python
for one in bot.link("spring-sale").values():
    print(one.channel, one.url)
    Path(f"{one.channel}.svg").write_text(one.svg(label="Ask us", colour="#0a5c36"))
```

Whoever comes in by one is told by `ConversationOpened(ref="spring-sale")`, in new and in running conversations.
"""

import re
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from convokit._value import Value
from convokit.errors import DefinitionError, MissingExtra

if TYPE_CHECKING:
    from segno import QRCode

LONGEST_REF = 64
"""How many characters a ref may have: what every platform carries."""
LONGEST_LABEL = 60
"""How many characters may stand below a QR code."""
LEAST_CONTRAST = 4.5
"""How much darker than white the colour of a QR code is at least: below, cameras fail and people cannot read it."""

_REF = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
_QUIET = 4
"""The free modules around a QR code, as its standard wants them."""


def check_ref(ref: str) -> str:
    """The ref, if every channel can carry it.

    Raises:
        DefinitionError: It has other characters than letters, digits, "-" and "_", or more than 64, or none.
    """
    if not _REF.fullmatch(ref):
        raise DefinitionError(
            f"a ref has 1 to {LONGEST_REF} letters, digits, '-' and '_', so that every channel carries it, "
            f"not {ref!r:.80}"
        )
    return ref


@frozen(kw_only=True, eq=False, repr=False)
class Invitation(Value):
    """The way into a conversation on one channel.

    Args:
        channel: The channel's name, as attached.
        ref: What comes back in `ConversationOpened`.
        url: The address that opens it.
    """

    channel: str
    ref: str
    url: str

    def svg(self, *, label: str = "", colour: str = "#000000", size: int = 256) -> str:
        """The QR code as an SVG document.

        Args:
            label: What stands below it, at most 60 characters; also what is read out. Empty: nothing stands there.
            colour: "#rgb" or "#rrggbb", on white.
            size: Its width in pixels, 64 to 4096; it may be scaled.

        Raises:
            ValueError: One of them is out of bounds, or the colour is too light to be read by cameras.
            MissingExtra: The extra "qr" is not installed.
        """
        _check_looks(label, colour, size)
        code = _code(self.url)
        wide = code.symbol_size(border=_QUIET)[0]
        buffer = BytesIO()
        code.save(
            buffer, kind="svg", border=_QUIET, dark=colour, light="#ffffff", xmldecl=False, svgns=False, nl=False,
            omitsize=True,
        )  # fmt: skip
        drawn = buffer.getvalue().decode()
        high = wide + (5 if label else 0)
        below = ""
        if label:
            fits = min(3.0, wide * 1.45 / len(label))
            below = (
                f'<text x="{wide / 2:g}" y="{wide + 2.8:g}" text-anchor="middle" fill="{colour}" font-weight="600" '
                f'font-family="system-ui, sans-serif" font-size="{fits:.2f}" direction="ltr" unicode-bidi="plaintext">'
                f"{escape(label)}</text>"
            )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{size}" '
            f'height="{round(size * high / wide)}" role="img"><title>{escape(label or self.url)}</title>'
            f'<path fill="#ffffff" d="M0 0h{wide}v{high}H0z"/>{drawn}{below}</svg>\n'
        )

    def png(
        self, *, label: str = "", colour: str = "#000000", size: int = 512, font: str | Path | None = None
    ) -> bytes:
        """The QR code as a PNG file.

        Args:
            label: What stands below it, at most 60 characters; it needs the package Pillow.
            colour: As in `svg`.
            size: Its width in pixels at most, 64 to 4096: modules are whole pixels.
            font: A TrueType file for the label; left out, Pillow's own, which has the letters of English only.

        Raises:
            ValueError: As in `svg`; or the font has not all the label's letters.
            MissingExtra: The extra "qr" is not installed, or for a label the extra "qr-label".
        """
        _check_looks(label, colour, size)
        code = _code(self.url)
        wide = code.symbol_size(border=_QUIET)[0]
        scale = max(size // wide, 1)
        buffer = BytesIO()
        code.save(buffer, kind="png", border=_QUIET, dark=colour, light="#ffffff", scale=scale)
        return _labelled(buffer.getvalue(), label, colour, font) if label else buffer.getvalue()

    def button(self, label: str, *, colour: str = "#0b57d0") -> str:
        """A snippet of HTML for a page's button: one link, no script.

        Args:
            label: What stands on it; not empty, at most 60 characters.
            colour: Its background; black or white letters, whichever is better read.

        Raises:
            ValueError: The label is empty or too long, or the colour is none.
        """
        if not label.strip():
            raise ValueError("button: the label is what people read; it must not be empty")
        _check_label(label)
        ink = "#ffffff" if _contrast(_rgb(colour)) >= LEAST_CONTRAST else "#000000"
        style = (
            f"display:inline-block;padding:.75em 1.25em;border-radius:.5em;background:{colour};color:{ink};"
            "font:600 1rem system-ui,sans-serif;text-decoration:none"
        )
        return f'<a href="{escape(self.url)}" rel="noopener" style="{style}">{escape(label)}</a>\n'


def _check_looks(label: str, colour: str, size: int) -> None:
    _check_label(label)
    if not 64 <= size <= 4096:  # noqa: PLR2004  named in the message
        raise ValueError(f"size is a number of pixels from 64 to 4096, not {size!r:.40}")
    if (contrast := _contrast(_rgb(colour))) < LEAST_CONTRAST:
        raise ValueError(
            f"colour {colour} is too light on white ({contrast:.1f}:1, {LEAST_CONTRAST}:1 is needed): cameras would "
            "not read the code; take a darker one"
        )


def _check_label(label: str) -> None:
    if len(label) > LONGEST_LABEL or not all(one.isprintable() for one in label):
        raise ValueError(f"a label has at most {LONGEST_LABEL} printable characters, not {label!r:.80}")


def _rgb(colour: str) -> tuple[int, int, int]:
    if not _COLOUR.fullmatch(colour):
        raise ValueError(f"a colour is written '#rrggbb' or '#rgb', not {colour!r:.40}")
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])  # noqa: PLR2004  as long as "#rrggbb" is
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _contrast(rgb: tuple[int, int, int]) -> float:
    """The contrast with white, 1 to 21, as WCAG 2.2 defines it."""
    parts = [one / 255 for one in rgb]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)  # noqa: PLR2004  the standard's numbers
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _code(url: str) -> "QRCode":
    try:
        import segno  # noqa: PLC0415  only who draws codes needs it
    except ImportError:
        raise MissingExtra("a QR code", "qr") from None
    # Never a Micro QR code, which most phones cannot read.
    return segno.make(url, micro=False, error="m", boost_error=True)


def _labelled(png: bytes, label: str, colour: str, font: str | Path | None) -> bytes:
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  only labels on PNG files need it
    except ImportError:
        raise MissingExtra("a label on a PNG file", "qr-label") from None
    code = Image.open(BytesIO(png)).convert("RGB")
    wide, high = code.size
    room = max(wide // 9, 12)
    whole = Image.new("RGB", (wide, high + room), "white")
    whole.paste(code, (0, 0))
    letters: Any = None
    for points in range(room * 2 // 3, 5, -1):
        letters = ImageFont.truetype(str(font), points) if font else ImageFont.load_default(points)
        if letters.getlength(label) <= wide * 0.92:
            break
    missing = bytes(letters.getmask("\U0010fffe"))
    if lost := [one for one in label if not one.isspace() and bytes(letters.getmask(one)) == missing]:
        raise ValueError(
            f"the font has no letter {lost[0]!r}, which stands in the label: give font='….ttf' that has it, or take svg"
        )
    drawing = ImageDraw.Draw(whole)
    drawing.text((wide / 2, high + room / 3), label, fill=colour, font=letters, anchor="mm")
    buffer = BytesIO()
    whole.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
