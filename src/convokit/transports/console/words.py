"""How a chat looks in a terminal: who says what, with or without colours. What came from outside cannot drive it."""

from attrs import frozen

from convokit.messages import Button, Link, Message
from convokit.wire.text import for_terminal

_STYLES = {
    "customer": "\x1b[1;32m",
    "bot": "\x1b[1;36m",
    "operator": "\x1b[1;35m",
    "system": "\x1b[1;33m",
    "problem": "\x1b[31m",
    "hint": "\x1b[2m",
}
_PLAIN = "\x1b[0m"
_LONGEST_NAME = 40


@frozen
class Look:
    """Styles text, with ANSI colours or without."""

    colours: bool = False

    def styled(self, style: str, text: str) -> str:
        """The text, harmless, in a style."""
        safe = for_terminal(text)
        return f"{_STYLES[style]}{safe}{_PLAIN}" if self.colours else safe

    def prompt(self, style: str, name: str) -> str:
        """What stands before what somebody says: "ada › "."""
        return f"{self.styled(style, one_line(name))} › "

    def said(self, style: str, name: str, text: str) -> str:
        """What somebody said, further lines under the first."""
        shown = one_line(name)
        gap = "\n" + " " * (len(shown) + 3)
        return f"{self.prompt(style, shown)}{for_terminal(text).rstrip().replace(chr(10), gap)}\n"

    def hint(self, text: str) -> str:
        """A line of the console's own."""
        return "".join(f"{self.styled('hint', line)}\n" for line in text.splitlines())

    def problem(self, text: str) -> str:
        """Lines that say what went wrong."""
        return "".join(f"{self.styled('problem', line)}\n" for line in text.splitlines())


def one_line(text: str) -> str:
    """The text on one line of bounded length: a name that somebody gave themselves."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


def in_words(message: Message) -> str:
    """A message as text; what has no words is named."""
    parts = [message.text] if message.text.strip() else []
    parts += [f"[{one.kind}] {one.alt or one.name or one.url}".rstrip() for one in message.attachments]
    parts += [f"[card] {one.title}" for one in message.cards]
    parts += [f"{one.label}: {one.url}" for one in message.buttons if isinstance(one, Link)]
    labels = [one.label for one in message.buttons if isinstance(one, Button)]
    parts += [f"{number}) {label}" for number, label in enumerate(labels, 1)]
    if message.location is not None:
        parts.append(f"[place] {message.location.latitude:.5f},{message.location.longitude:.5f}")
    return "\n".join(parts)
