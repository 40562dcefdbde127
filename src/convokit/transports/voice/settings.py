"""What a phone line's settings have to be. Pure."""

import re

from convokit.errors import DefinitionError
from convokit.transports.voice.twiml import Manner

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_VOICE = re.compile(r"[A-Za-z0-9][\w.-]{0,79}", re.ASCII)
LONGEST_PAUSE = 60
MOST_REPROMPTS = 10


def checked_manner(channel: str, manner: Manner) -> None:
    """Look at how a line speaks and hears.

    Raises:
        DefinitionError: Something of it cannot be; the message names it.
    """
    for name, tag in (("language", manner.language), ("hears", manner.hears)):
        if not _TAG.fullmatch(tag):
            raise DefinitionError(f'{channel}: {name} is a language tag such as "en-GB", not {tag!r:.40}')
    if manner.voice and not _VOICE.fullmatch(manner.voice):
        raise DefinitionError(f'{channel}: voice is a name such as "Polly.Amy-Neural", not {manner.voice!r:.60}')
    for name, value, least, most in (
        ("pause", manner.pause, 1, LONGEST_PAUSE),
        ("reprompts", manner.reprompts, 0, MOST_REPROMPTS),
    ):
        if type(value) is not int or not least <= value <= most:
            raise DefinitionError(f"{channel}: {name} is a whole number from {least} to {most}, not {value!r:.40}")
