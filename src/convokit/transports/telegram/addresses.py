"""What names a place in Telegram: a chat, a topic in it, and with rooms "per user" a person in it."""

import re

from attrs import frozen

from convokit.wire.signing import whole

_ADDRESS = re.compile(r"(-?[0-9]{1,19})(?::([0-9]{1,19}))?(?:/([0-9]{1,19}))?", re.ASCII)


@frozen(kw_only=True)
class Address:
    """Where a conversation is; its text form is the conversation's id: `chat`, `chat:topic`, `chat/user`, or all three.

    Args:
        chat: Telegram's id of the chat; a person's own is positive, a group's negative.
        topic: The forum topic's thread id; None outside of topics.
        user: The person this conversation in a group is with; None where the whole room shares it.
    """

    chat: int
    topic: int | None = None
    user: int | None = None

    def __str__(self) -> str:
        """The conversation's id."""
        topic = "" if self.topic is None else f":{self.topic}"
        user = "" if self.user is None else f"/{self.user}"
        return f"{self.chat}{topic}{user}"

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """The inverse of `str`; None when the text is no address."""
        found = _ADDRESS.fullmatch(text)
        if found is None:
            return None
        chat, topic, user = (None if part is None else whole(part) for part in found.groups())
        return None if chat is None else cls(chat=chat, topic=topic, user=user)
