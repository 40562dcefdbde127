"""Expectations of what is sent: photos, files, places."""

import re
from collections.abc import Iterable
from typing import get_args

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError
from convokit.events import AttachmentReceived, Event, LocationShared
from convokit.expect.protocol import Situated, Unclear, written
from convokit.expect.sentences import sentence
from convokit.messages import Attachment, AttachmentKind, File, Image, Location
from convokit.reading.situation import Situation

_LONGEST_PLACE = 2048


@frozen(eq=False, repr=False)
class Photo(Value, Situated[Image]):
    """A picture, sent as one or as a file; of several in one message, the first. The answer is an `Image`."""

    def read_in(self, event: Event, situation: Situation) -> Image | Unclear:
        """The picture."""
        sent = event.attachments if isinstance(event, AttachmentReceived) else ()
        for one in sent:
            if isinstance(one, Image):
                return one
            # Some platforms send pictures at their full size as files.
            if isinstance(one, File) and one.media_type.lower().startswith("image/"):
                return Image(one.url, data=one.data, media_type=one.media_type, alt=one.alt, name=one.name, ref=one.ref)
        return Unclear("no picture", say=sentence("photo", situation))


def _kinds(given: Iterable[str]) -> frozenset[str]:
    return frozenset({given} if isinstance(given, str) else given)


@frozen(eq=False, repr=False)
class Document(Value, Situated[Attachment]):
    """A file or a picture of it; of several in one message, the first that is of a kind expected.

    The answer is the attachment as the platform sent it. Its name and media type are what the sender says: look at
    the bytes before you trust them.

    Args:
        kinds: Which kinds are taken: "file", "image", "audio", "video".

    Raises:
        DefinitionError: A kind is unknown.
    """

    kinds: frozenset[str] = field(default=frozenset({"file", "image"}), converter=_kinds)

    def __attrs_post_init__(self) -> None:
        known = set(get_args(AttachmentKind))
        if not self.kinds or not self.kinds <= known:
            raise DefinitionError(
                f"Document: kinds are some of {', '.join(sorted(known))}, not {sorted(self.kinds)!r:.80}"
            )

    def read_in(self, event: Event, situation: Situation) -> Attachment | Unclear:
        """The attachment."""
        sent = event.attachments if isinstance(event, AttachmentReceived) else ()
        fitting = next((one for one in sent if one.kind in self.kinds), None)
        return fitting or Unclear("no file of a kind expected", say=sentence("document", situation))


_NUMBER = r"([+-]?\d{1,3}\.\d{1,15})"
# "41.0082, 28.9784", "geo:41.0082,28.9784", and the links that map services share.
_COORDINATES = (
    re.compile(rf"(?:geo:)?\s*{_NUMBER}\s*[,;\s]\s*{_NUMBER}(?:[;?].*)?"),
    re.compile(
        rf"https?://\S*?[@?&/](?:q=|ll=|query=|daddr=|destination=|place/)?(?:loc:)?{_NUMBER}(?:,|%2C){_NUMBER}\S*"
    ),
)


@frozen(eq=False, repr=False)
class Place(Value, Situated[Location]):
    """A place: shared by the platform's button, or written as coordinates or a map's link. The answer is a `Location`.

    Addresses in words are not looked up: ask for them with `Either(Place(), Text())`.
    """

    def read_in(self, event: Event, situation: Situation) -> Location | Unclear:
        """The place."""
        if isinstance(event, LocationShared):
            return Location(event.latitude, event.longitude, event.title)
        text = written(event)
        for form in _COORDINATES if len(text) <= _LONGEST_PLACE else ():
            found = form.fullmatch(text)
            if found and abs(float(found[1])) <= 90 and abs(float(found[2])) <= 180:  # noqa: PLR2004  degrees of latitude and longitude
                return Location(float(found[1]), float(found[2]))
        return Unclear("no place", say=sentence("place", situation))
