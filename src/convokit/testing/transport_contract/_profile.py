"""What a channel makes of each kind of content: a profile, found by fitting, and the table of several."""

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from convokit._value import Value
from convokit.abc import Transport
from convokit.fitting import fit
from convokit.messages import (
    Audio,
    Button,
    Capabilities,
    Card,
    File,
    Image,
    Limit,
    Link,
    Location,
    Message,
    Template,
    Video,
)

UNITS: Mapping[str, str] = {"characters": "characters", "utf16": "UTF-16 units", "bytes": "bytes"}

_SHOP = "https://shop.example/a"
_SAMPLES: Mapping[str, tuple[Message, str]] = {
    "buttons": (Message("Which?", buttons=[Button("A", "a"), Button("B", "b")]), "numbered options in the text"),
    "links": (Message("Look", buttons=[Link("Shop", "https://shop.example/")]), "written out in the text"),
    "picture": (Message(attachments=[Image(_SHOP)]), "its address in the text"),
    "picture with a text": (Message("Look", attachments=[Image(_SHOP)]), "two messages"),
    "picture as bytes": (Message(attachments=[Image(data=b"x", media_type="image/png", alt="A")]), "its words"),
    "sound": (Message(attachments=[Audio(_SHOP)]), "its address in the text"),
    "film": (Message(attachments=[Video(_SHOP)]), "its address in the text"),
    "file": (Message(attachments=[File(_SHOP)]), "its address in the text"),
    "two pictures": (Message(attachments=[Image(_SHOP), Image(_SHOP)]), "a message each"),
    "card": (Message(cards=[Card(title="A", buttons=["B"])]), "pictures and text"),
    "place": (Message(location=Location(1, 2, "Shop")), "a link to a map"),
    "template": (Message("Sent.", template=Template("sent")), "the message's text"),
}
"""What is tried of each kind, and what it becomes where a channel cannot show it."""
_LIMITS: Mapping[str, Callable[[Capabilities], str]] = {
    "buttons": lambda can: f"up to {can.buttons}",
    "links": lambda can: f"up to {can.links}",
    "two pictures": lambda can: f"up to {can.album} together",
    "card": lambda can: f"up to {can.cards}",
}


@frozen(kw_only=True, eq=False, repr=False)
class CapabilityProfile(Value):
    """What a channel makes of each kind of content.

    Args:
        name: The transport's class.
        channel: The name under which it is attached; empty, of a class that does not say.
        kinds: By kind, how it arrives: "as it is", with a bound where there is one, or what it becomes.
    """

    name: str
    channel: str
    kinds: Mapping[str, str]

    def native(self, kind: str) -> bool:
        """Whether the channel shows this kind as it is."""
        return self.kinds[kind].startswith("as it is")


def profile_of(transport: Transport | type[Transport]) -> CapabilityProfile:
    """The profile of a transport, or of its class, by what its capabilities make of a sample of each kind. Pure."""
    can = transport.capabilities
    kind_of = transport if isinstance(transport, type) else type(transport)
    kinds = {"text": f"up to {_told(can.text_limit)} a message"}
    for kind, (sample, becomes) in _SAMPLES.items():
        otherwise = becomes
        fitted = fit(sample, can).messages
        native = fitted == (sample,)
        if kind == "picture with a text" and len(fitted) == 1:
            otherwise = kinds["picture"]
        bound = _LIMITS.get(kind)
        kinds[kind] = (f"as it is, {bound(can)}" if bound is not None else "as it is") if native else otherwise
    return CapabilityProfile(name=kind_of.__name__, channel=getattr(transport, "channel", ""), kinds=kinds)


def profile_table(profiles: Sequence[CapabilityProfile]) -> str:
    """The profiles side by side as a Markdown table: a row for each kind of content, a column for each transport."""
    names = [one.name for one in profiles]
    rows = [f"| Content | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    rows += [f"| {kind} | {' | '.join(one.kinds[kind] for one in profiles)} |" for kind in ("text", *_SAMPLES)]
    return "\n".join(rows)


def _told(limit: Limit) -> str:
    return f"{limit.n} {UNITS[limit.unit]}"
