"""HTML mails read as text: what a reader sees, and nothing that is hidden from them.

Hidden text is a way to put words into a reader's mouth that they never see: it is dropped, and nothing is loaded.
"""

import re
from typing import TYPE_CHECKING, Any

from convokit.errors import MissingExtra
from convokit.wire.text import scrub

if TYPE_CHECKING:
    from inscriptis.model.html_element import HtmlElement

LONGEST = 1 << 19
"""How many characters of HTML are read."""

_NOTHING = r"0*(?:\.0+)?(?:px|pt|em|rem|%|in|cm|mm|ex|ch|vh|vw)?(?=[;!\s]|$)"
_HIDES = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all|"
    rf"(?:font-size|opacity|max-height|max-width|line-height)\s*:\s*(?=0){_NOTHING}|font-size\s*:\s*[01](?:\.\d{{1,9}})?(?:px|pt)|"
    r"(?:text-indent|left|top|margin-left|margin-top)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*0|"
    r"color\s*:\s*(?:transparent|#[0-9a-f]{6}00\b|rgba\([^)]{0,40},\s*0(?:\.0+)?\s*\)))"
)
_COLOUR = re.compile(r"(?:^|[;\s])(color|background(?:-color)?)\s*:\s*([^;!]{1,40})")
_WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)", "#fefefe", "#fffffe"})
_HEIGHT = re.compile(r"(?:^|[;\s])(?:height|width)\s*:\s*0(?:px|pt|em|%)?\s*(?=[;!]|$)")
_QUOTES = frozenset(
    {
        *("gmail_quote", "gmail_quote_container", "gmail_attr", "gmail_extra", "yahoo_quoted", "moz-cite-prefix"),
        *("protonmail_quote", "zmail_extra", "tutanota_quote", "ms-outlook-mobile-reference-message"),
    }
)
_SIGNATURES = frozenset(
    {"gmail_signature", "moz-signature", "protonmail_signature_block", "ms-outlook-mobile-signature"}
)
_IDS = frozenset({"olk_src_body_section", "mail-editor-reference-message-container", "ms-outlook-mobile-signature"})
_BLANK_LINES = re.compile(r"\n{3,}")


def text_of(html: str) -> str:
    """What a reader of the mail sees above what it quotes; with what it quotes, when that is all.

    Raises:
        MissingExtra: inscriptis is not installed.
    """
    html = scrub(html[:LONGEST])
    return _read(html, quotes=False) or _read(html, quotes=True)


def pictures_of(html: str) -> frozenset[str]:
    """The Content-IDs of pictures that stand above what the mail quotes."""
    html = html[:LONGEST]
    quote = _FIRST_QUOTE.search(html)
    return frozenset(found[1] for found in _CID.finditer(html[: quote.start()] if quote else html))


_CID = re.compile(r"""["'(]cid:([^"'<>()\s]{1,250})""", re.IGNORECASE)
_FIRST_QUOTE = re.compile(
    r"<blockquote|gmail_quote|divRplyFwdMsg|yahoo_quoted|moz-cite-prefix|OLK_SRC_BODY_SECTION|protonmail_quote|"
    r"gmail_signature|moz-signature",
    re.IGNORECASE,
)


def _read(html: str, *, quotes: bool) -> str:
    try:
        from inscriptis import get_text  # noqa: PLC0415  an extra
        from inscriptis.css_profiles import CSS_PROFILES  # noqa: PLC0415  an extra
        from inscriptis.model.attribute import DEFAULT_ATTRIBUTE_MAP  # noqa: PLC0415  an extra
        from inscriptis.model.config import ParserConfig  # noqa: PLC0415  an extra
    except ImportError:
        raise MissingExtra("Email", "mail") from None
    config = ParserConfig(css=dict(CSS_PROFILES["strict"]))
    shown = DEFAULT_ATTRIBUTE_MAP
    config.attribute_handler.attribute_mapping = {
        **shown,
        "style": _styled(shown["style"]),
        "hidden": _hide_always,
        **({} if quotes else {"class": _classed, "type": _typed, "id": _named}),
    }
    try:
        text = get_text(html, config)
    except (ValueError, AssertionError, RecursionError, LookupError, AttributeError, TypeError):
        return ""  # what no parser makes sense of, nobody reads
    lines = [line.rstrip() for line in text.replace("\u00a0", " ").split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _hide(element: "HtmlElement") -> None:
    from inscriptis.html_properties import Display  # noqa: PLC0415  an extra

    element.display = Display.none


def _hide_always(value: str, element: "HtmlElement") -> None:
    del value
    _hide(element)


def _styled(before: Any) -> Any:
    def style(value: str, element: "HtmlElement") -> None:
        before(value, element)
        if hides(value):
            _hide(element)

    return style


def hides(style: str) -> bool:
    """Whether a style attribute keeps its element from being seen."""
    small = style[:2000].lower()
    if _HIDES.search(small):
        return True
    if "overflow" in small and "hidden" in small and _HEIGHT.search(small):
        return True
    colours = {name.partition("-")[0]: "".join(value.split()) for name, value in _COLOUR.findall(small)}
    ink, ground = colours.get("color"), colours.get("background", "white")
    return ink is not None and (ink == ground or (ink in _WHITE and ground in _WHITE))


def _classed(value: str, element: "HtmlElement") -> None:
    if {one.lower() for one in value[:500].split()} & (_QUOTES | _SIGNATURES):
        _hide(element)


def _typed(value: str, element: "HtmlElement") -> None:
    if element.tag == "blockquote" and value.lower() == "cite":
        _hide(element)


def _named(value: str, element: "HtmlElement") -> None:
    if value.lower() in _IDS:
        _hide(element)
