"""What is said, either way: messages and their parts, and what a channel can show of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Self

from attrs import evolve, field, frozen

from convokit._value import Value

AttachmentKind = Literal["image", "audio", "video", "file"]
Unit = Literal["characters", "utf16", "bytes"]
UNITS: tuple[Unit, ...] = ("characters", "utf16", "bytes")

LINK_SCHEMES = ("http://", "https://", "mailto:", "tel:")
"""What a `Link` and an attachment's URL may begin with (an attachment: only the first two)."""


def _text(what: str, *, empty: bool = False) -> Callable[[Any, Any, Any], None]:
    def check(instance: object, _: object, value: object) -> None:
        owner = type(instance).__name__
        if not isinstance(value, str):
            raise TypeError(f"{owner}: {what} must be a str, not {type(value).__name__} ({value!r:.60})")
        if not empty and not value.strip():
            raise ValueError(f"{owner}: {what} must not be empty")

    return check


def _at_least(least: int) -> Callable[[Any, Any, Any], None]:
    def check(instance: object, attribute: Any, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            name = f"{type(instance).__name__}: {attribute.name}"
            raise ValueError(f"{name} must be a whole number from {least}, not {value!r:.60}")

    return check


def _degrees(bound: float) -> Callable[[Any, Any, Any], None]:
    def check(_: object, attribute: Any, value: float) -> None:
        if not -bound <= value <= bound:
            raise ValueError(f"Location: {attribute.name} must be from {-bound:g} to {bound:g} degrees, not {value!r}")

    return check


def _several(given: Iterable[Any], what: str) -> tuple[Any, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"{what} must be a list, not the single {type(given).__name__} {given!r:.60}")
    return tuple(given)


class Action:
    """What a customer can press below a message: a `Button` or a `Link`."""

    __slots__ = ()


@frozen(eq=False, repr=False)
class Button(Value, Action):
    """A button that comes back as `ButtonPressed(payload, label)`.

    Args:
        label: What the customer reads. Not empty.
        payload: What comes back; the label when left out. A handler matches it with `@bot.button(payload)`.
    """

    label: str = field(validator=_text("label"))
    payload: str = field(default="", validator=_text("payload", empty=True))

    def __attrs_post_init__(self) -> None:
        if not self.payload:
            object.__setattr__(self, "payload", self.label)


@frozen(eq=False, repr=False)
class Link(Value, Action):
    """A button that opens an address: http, https, mailto or tel, nothing else."""

    label: str = field(validator=_text("label"))
    url: str = field(validator=_text("url"))

    @url.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _known_scheme(self, _: object, value: str) -> None:
        if not value.lower().startswith(LINK_SCHEMES):
            raise ValueError(f"Link {self.label!r}: url must begin with one of {LINK_SCHEMES}, not {value!r:.60}")


class Attachment:
    """A picture, sound, film or file: one of `Image`, `Audio`, `Video`, `File`.

    Each is given by `url` (http or https) or by `data` (bytes), never both. Received attachments may instead carry
    the platform's own handle in `ref`, with which the transport can download or send it again.
    """

    __slots__ = ()
    kind: AttachmentKind
    url: str
    data: bytes | None
    media_type: str
    alt: str
    name: str
    ref: str


@frozen(eq=False, repr=False)
class _Media(Value, Attachment):
    kind: AttachmentKind = field(default="file", init=False, repr=False)
    url: str = field(default="", validator=_text("url", empty=True))
    data: bytes | None = field(default=None, kw_only=True, repr=False)
    media_type: str = field(default="", kw_only=True, validator=_text("media_type", empty=True))
    alt: str = field(default="", kw_only=True, validator=_text("alt", empty=True))
    name: str = field(default="", kw_only=True, validator=_text("name", empty=True))
    ref: str = field(default="", kw_only=True, validator=_text("ref", empty=True))

    def __attrs_post_init__(self) -> None:
        owner = type(self).__name__
        if self.data is not None and not isinstance(self.data, bytes):
            raise TypeError(f"{owner}: data must be bytes, not {type(self.data).__name__}")
        if self.url and self.data is not None:
            raise ValueError(f"{owner}: give url or data, not both")
        if not self.url and self.data is None and not self.ref:
            raise ValueError(f"{owner}: give a url, or data=b'…' with its media_type")
        if self.url and not self.url.lower().startswith(("http://", "https://")):
            raise ValueError(f"{owner}: url must begin with http:// or https://, not {self.url!r:.60}")
        if self.data is not None and "/" not in self.media_type:
            raise ValueError(f"{owner}: data needs a media_type such as 'image/jpeg', not {self.media_type!r}")


@frozen(eq=False, repr=False)
class Image(_Media):
    """A picture. `alt` is what is read out, and shown where pictures cannot be."""

    kind: AttachmentKind = field(default="image", init=False, repr=False)


@frozen(eq=False, repr=False)
class Audio(_Media):
    """A sound or a voice message."""

    kind: AttachmentKind = field(default="audio", init=False, repr=False)


@frozen(eq=False, repr=False)
class Video(_Media):
    """A film."""

    kind: AttachmentKind = field(default="video", init=False, repr=False)


@frozen(eq=False, repr=False)
class File(_Media):
    """Any other file. `name` is what it is called where it is shown."""

    kind: AttachmentKind = field(default="file", init=False, repr=False)


ATTACHMENTS: dict[str, type[Image | Audio | Video | File]] = {
    "image": Image,
    "audio": Audio,
    "video": Video,
    "file": File,
}


def _actions(given: Iterable[Action | str]) -> tuple[Action, ...]:
    made = tuple(Button(one) if isinstance(one, str) else one for one in _several(given, "buttons"))
    for one in made:
        if not isinstance(one, Action):
            raise TypeError(f"buttons must hold Button or Link, not {type(one).__name__} ({one!r:.60})")
    return made


@frozen(kw_only=True, eq=False, repr=False)
class Card(Value):
    """One card; several in a message are a carousel.

    Args:
        title: The headline. Not empty.
        subtitle: One or two lines below it.
        image: A picture above it.
        buttons: `Button`s, `Link`s, or strings (a `Button` whose payload is its label).
    """

    title: str = field(validator=_text("title"))
    subtitle: str = field(default="", validator=_text("subtitle", empty=True))
    image: Image | None = field(default=None)
    buttons: tuple[Action, ...] = field(default=(), converter=_actions)

    @image.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _picture(self, _: object, value: object) -> None:
        if value is not None and not isinstance(value, Image):
            raise TypeError(f"Card {self.title!r}: image must be an Image(url), not {value!r:.60}")


def _number(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise TypeError(f"Location: latitude and longitude must be numbers, not {given!r:.60}") from None


@frozen(eq=False, repr=False)
class Location(Value):
    """A place: latitude -90 to 90, longitude -180 to 180 (degrees, WGS 84), with an optional title."""

    latitude: float = field(converter=_number, validator=_degrees(90))
    longitude: float = field(converter=_number, validator=_degrees(180))
    title: str = field(default="", validator=_text("title", empty=True))


@frozen(eq=False, repr=False)
class Parameter(Value):
    """A value in a `Template`, with its type.

    Args:
        text: As it is read.
        name: The name of its place, in a template with named places; empty: places are numbered.
        currency: The code of the currency, for an amount of money: "EUR". Empty: it is none.
        thousandths: The amount, in thousandths of the currency's unit.
        moment: Whether it is a date or a time.
    """

    text: str = field(validator=_text("text"))
    name: str = field(default="", kw_only=True, validator=_text("name", empty=True))
    currency: str = field(default="", kw_only=True, validator=_text("currency", empty=True))
    thousandths: int = field(default=0, kw_only=True)
    moment: bool = field(default=False, kw_only=True)


TemplateButtonKind = Literal["quick_reply", "url", "copy_code"]
MOST_TEMPLATE_BUTTONS = 10
"""How many buttons a template may have."""


@frozen(eq=False, repr=False)
class TemplateButton(Value):
    """What a button of a `Template` is given: the payload of a quick reply, the end of an address, or a code.

    Args:
        index: Which button, from 0 to 9.
        kind: "quick_reply", "url" or "copy_code".
        value: What it is given. Not empty.
    """

    index: int = field(validator=_at_least(0))
    kind: TemplateButtonKind = field()
    value: str = field(validator=_text("value"))

    @index.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _a_place(self, _: object, value: int) -> None:
        if value >= MOST_TEMPLATE_BUTTONS:
            raise ValueError(
                f"TemplateButton: index is a whole number from 0 to {MOST_TEMPLATE_BUTTONS - 1}, not {value}"
            )

    @kind.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _a_kind(self, _: object, value: object) -> None:
        if value not in {"quick_reply", "url", "copy_code"}:
            raise ValueError(f"TemplateButton: kind is quick_reply, url or copy_code, not {value!r:.60}")


def _parameters(given: Any) -> tuple[Parameter, ...]:
    if isinstance(given, Mapping):
        pairs = ((one if isinstance(one, Parameter) else Parameter(one), name) for name, one in given.items())
        return tuple(evolve(one, name=name) for one, name in pairs)
    return tuple(one if isinstance(one, Parameter) else Parameter(one) for one in _several(given, "body"))


def _template_buttons(given: Iterable[TemplateButton]) -> tuple[TemplateButton, ...]:
    made = _several(given, "buttons")
    for one in made:
        if not isinstance(one, TemplateButton):
            raise TypeError(f"a template's buttons must hold TemplateButton, not {type(one).__name__} ({one!r:.60})")
    return made


def _header(given: Any) -> Any:
    return Parameter(given) if isinstance(given, str) else given


@frozen(eq=False, repr=False)
class Template(Value):
    """A message that a platform has approved beforehand, by its name there; it may be sent at any time.

    `Message("Your parcel is on its way.", template=Template("parcel_sent", "en", body=["Ada", "42"]))`: channels
    without templates say the text.

    Args:
        name: Its name at the platform.
        language: Its language there, such as "en" or "en_US".
        body: The values of its text, in order, or by the names of their places: strings or `Parameter`s.
        header: The value in its headline.
        picture: The picture, film or file above its text.
        place: The place above its text.
        buttons: What its buttons are given, as `TemplateButton`s.
    """

    name: str = field(validator=_text("name"))
    language: str = field(default="en", validator=_text("language"))
    body: tuple[Parameter, ...] = field(default=(), converter=_parameters, kw_only=True)
    header: Parameter | None = field(default=None, converter=_header, kw_only=True)
    picture: Attachment | None = field(default=None, kw_only=True)
    place: Location | None = field(default=None, kw_only=True)
    buttons: tuple[TemplateButton, ...] = field(default=(), converter=_template_buttons, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if sum(one is not None for one in (self.header, self.picture, self.place)) > 1:
            raise ValueError(f"Template {self.name!r}: give one of header, picture and place, not several")


def _attachments(given: Iterable[Attachment]) -> tuple[Attachment, ...]:
    made = _several(given, "attachments")
    for one in made:
        if not isinstance(one, Attachment):
            raise TypeError(f"attachments must hold Image, Audio, Video or File, not {type(one).__name__}")
    return made


def _cards(given: Iterable[Card]) -> tuple[Card, ...]:
    made = _several(given, "cards")
    for one in made:
        if not isinstance(one, Card):
            raise TypeError(f"cards must hold Card, not {type(one).__name__}")
    return made


@frozen(eq=False, repr=False)
class Message(Value):
    """What is said in one breath: any of text, buttons, attachments, cards and a location.

    It says what is meant, not how a channel shows it: `fitting.fit` splits and degrades it to what a channel can do.

    Args:
        text: Plain text; no markup is interpreted anywhere.
        buttons: `Button`s, `Link`s, or strings (a `Button` whose payload is its label).
        attachments: `Image`, `Audio`, `Video`, `File`.
        cards: `Card`s; several are a carousel.
        location: A `Location`.
        template: A `Template` that the platform has approved, in place of all the rest where the channel has such.
    """

    text: str = field(default="", validator=_text("text", empty=True))
    buttons: tuple[Action, ...] = field(default=(), converter=_actions, kw_only=True)
    attachments: tuple[Attachment, ...] = field(default=(), converter=_attachments, kw_only=True)
    cards: tuple[Card, ...] = field(default=(), converter=_cards, kw_only=True)
    location: Location | None = field(default=None, kw_only=True)
    template: Template | None = field(default=None, kw_only=True)

    @location.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _place(self, _: object, value: object) -> None:
        if value is not None and not isinstance(value, Location):
            raise TypeError(f"Message: location must be a Location(latitude, longitude), not {value!r:.60}")

    @template.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _approved(self, _: object, value: object) -> None:
        if value is not None and not isinstance(value, Template):
            raise TypeError(f"Message: template must be a Template(name, language), not {value!r:.60}")

    @property
    def empty(self) -> bool:
        """Whether nothing at all is said."""
        return not (
            self.text.strip() or self.buttons or self.attachments or self.cards or self.location or self.template
        )

    def but(
        self,
        *,
        text: str | None = None,
        buttons: Sequence[Action | str] | None = None,
    ) -> Self:
        """The same message with another text or other buttons."""
        changed = self
        if text is not None:
            changed = evolve(changed, text=text)
        if buttons is not None:
            changed = evolve(changed, buttons=buttons)
        return changed


@frozen(eq=False, repr=False)
class Limit(Value):
    """A bound on a text and the unit it is counted in: `Limit(4096, "utf16")`.

    Units: "characters" are code points, "utf16" are UTF-16 code units, "bytes" are UTF-8 bytes.
    """

    n: int = field(validator=_at_least(1))
    unit: Unit = field(default="characters")

    @unit.validator  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  attrs puts a validator there
    def _known_unit(self, _: object, value: object) -> None:
        if value not in UNITS:
            raise ValueError(f"Limit: unit must be one of {', '.join(UNITS)}, not {value!r:.60}")

    def measure(self, text: str) -> int:
        """How long `text` is in this limit's unit."""
        if self.unit == "bytes":
            return len(text.encode("utf-8", "surrogatepass"))
        if self.unit == "utf16":
            return len(text) + sum(1 for c in text if c > "\uffff")
        return len(text)

    def holds(self, text: str) -> bool:
        """Whether `text` is within the limit."""
        # No text is shorter in characters than a quarter of its bytes: the common short text needs no counting.
        return len(text) * 4 <= self.n or self.measure(text) <= self.n


def _kinds(given: Iterable[AttachmentKind]) -> frozenset[AttachmentKind]:
    return frozenset(given)


@frozen(kw_only=True, eq=False, repr=False)
class Capabilities(Value):
    """What a channel can show, and its limits. `fitting.fit` turns any message into messages within them.

    Each message that comes out of the fitting is one call to the platform. The defaults are the poorest channel:
    plain text of 4096 characters and nothing else.

    Args:
        text_limit: The longest text of one message.
        buttons: How many `Button`s one message can carry; 0: they become numbered options in the text.
        button_label: The longest label (longer ones are cut with an ellipsis).
        button_numbers: Whether a button's label is shown with its number before it ("2) Large"), so that a typed "2"
            presses it.
        button_payload: The longest payload; a longer one is a `DefinitionError` when the turn commits.
        text_with_buttons: The longest text of a message that carries `Button`s, where it differs from `text_limit`.
        links: How many `Link`s one message can carry as buttons; 0: they are written out in the text.
        text_with_links: The longest text of a message that carries `Link`s, where it differs from `text_limit`.
        buttons_beside_links: How many actions a message may carry in all when one of them is a `Link`; None: `Button`s
            and `Link`s each have their own count.
        attachments: The kinds that can be sent as themselves; the others become links in the text.
        attachments_by_data: Whether attachments given as bytes can be sent; where not, they become their `alt` text.
        album: How many pictures and films one message can hold together.
        caption: The longest text that an attachment can carry; None: text goes in a message of its own before it.
        buttons_with_attachment: Whether buttons can hang on a message with an attachment.
        cards: How many cards one message can hold; 0: cards become pictures and text.
        card_title: The longest card title.
        card_subtitle: The longest card subtitle.
        card_buttons: How many actions one card can carry.
        location: Whether a location can be sent as itself; where not, it becomes a map link.
        typing: Whether "typing…" can be shown.
        templates: Whether it has templates that the platform has approved; where not, the message's text is said.
    """

    text_limit: Limit = Limit(4096, "characters")
    buttons: int = field(default=0, validator=_at_least(0))
    button_label: Limit = Limit(80, "characters")
    button_numbers: bool = False
    button_payload: Limit = Limit(1000, "characters")
    text_with_buttons: Limit | None = None
    links: int = field(default=0, validator=_at_least(0))
    text_with_links: Limit | None = None
    buttons_beside_links: int | None = None
    attachments: frozenset[AttachmentKind] = field(default=frozenset(), converter=_kinds)
    attachments_by_data: bool = False
    album: int = field(default=1, validator=_at_least(1))
    caption: Limit | None = None
    buttons_with_attachment: bool = False
    cards: int = field(default=0, validator=_at_least(0))
    card_title: Limit = Limit(80, "characters")
    card_subtitle: Limit = Limit(80, "characters")
    card_buttons: int = field(default=3, validator=_at_least(0))
    location: bool = False
    typing: bool = False
    templates: bool = False
