"""What an account shows beside its messages: a greeting and ice breakers before somebody writes, and a menu. Pure.

Facts: Messenger Platform, Messenger Profile API (read May 2026); Instagram Platform, ice breakers and persistent menu
(read June 2026). At most 4 ice breakers, a greeting of 160 characters.
"""

from collections.abc import Iterable
from typing import Any, Literal

from attrs import field, frozen

from convokit.messages import Action, Button, Link, Message

ICE_BREAKERS = 4
GREETING = 160


def _actions(given: Iterable[Action | str]) -> tuple[Action, ...]:
    """Actions as `Message` takes them: a string is a `Button` whose payload is its label."""
    return Message(buttons=tuple(given)).buttons


@frozen(kw_only=True)
class Profile:
    """What is shown to everybody, whatever their language. What is empty stays as it is on the platform.

    Args:
        platform: Which product's.
        ice_breakers: Questions that are shown before somebody writes.
        menu: What is always there.
        greeting: What is read before the first word; Messenger's only.
        get_started: The payload of the start button, which Messenger's menu needs; empty: there is none.
    """

    platform: Literal["messenger", "instagram"]
    ice_breakers: tuple[Action, ...] = field(default=(), converter=_actions)
    menu: tuple[Action, ...] = field(default=(), converter=_actions)
    greeting: str = ""
    get_started: str = ""

    def __bool__(self) -> bool:
        return bool(self.ice_breakers or self.menu or self.greeting)

    def wrong(self) -> str:
        """What the platform would not take, as a sentence; empty when there is nothing."""
        if len(self.ice_breakers) > ICE_BREAKERS:
            return f"ice_breakers: there are {ICE_BREAKERS} at most, not {len(self.ice_breakers)}"
        if len(self.greeting) > GREETING:
            return f"greeting: it has {GREETING} characters at most, not {len(self.greeting)}"
        for one in self.ice_breakers:
            if not isinstance(one, Button):
                return f"ice_breakers: each is a question, a Button or a string, not {one!r:.80}"
        for one in self.menu:
            if isinstance(one, Link) and not one.url.lower().startswith(("http://", "https://")):
                return f"menu: a link opens an http or https address, not {one.url!r:.80}"
        return ""

    def body(self) -> dict[str, Any]:
        """The request that shows it."""
        told: dict[str, Any] = {"platform": self.platform}
        if self.get_started:
            told["get_started"] = {"payload": self.get_started}
        if self.greeting:
            told["greeting"] = [{"locale": "default", "text": self.greeting}]
        if self.ice_breakers:
            questions = [
                {"question": one.label, "payload": one.payload} for one in self.ice_breakers if isinstance(one, Button)
            ]
            told["ice_breakers"] = [{"locale": "default", "call_to_actions": questions}]
        if self.menu:
            told["persistent_menu"] = [{"locale": "default", "call_to_actions": [_item(one) for one in self.menu]}]
        return told


def _item(action: Action) -> dict[str, str]:
    if isinstance(action, Link):
        return {"type": "web_url", "title": action.label, "url": action.url}
    assert isinstance(action, Button)  # noqa: S101  there is no third kind
    return {"type": "postback", "title": action.label, "payload": action.payload}
