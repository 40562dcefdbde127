"""The people outside."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from convokit._value import Value


@frozen(kw_only=True, eq=False, repr=False)
class User(Value):
    """A person on one channel.

    Args:
        id: The platform's own, immutable id. What authorises; everything else is a label.
        name: What they call themselves, as the platform tells it; may be empty and may be anything.
        locale: BCP 47, such as "tr" or "en-GB"; empty when the platform does not tell.
        username: The platform's public handle, without "@"; may change hands.
        verified: Whether the business itself vouches for who it is (a signed customer on its own pages).
    """

    id: str
    name: str = ""
    locale: str = ""
    username: str = ""
    verified: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Profile(Value):
    """What the business keeps about a person: JSON values by key, written with `turn.profile[...]`.

    Args:
        id: `channel:user id`.
        facts: The values.
    """

    id: str
    facts: Mapping[str, Any] = field(factory=dict)
