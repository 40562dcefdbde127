"""Which document a call goes on with: what is said, and where the platform goes then. Pure but for chance."""

import os
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from attrs import frozen

from convokit.errors import Rejected
from convokit.messages import Message
from convokit.transports.twilio import Account
from convokit.transports.voice import hearing, twiml
from convokit.transports.voice.hearing import Heard, Step
from convokit.transports.voice.sentences import Sentences
from convokit.transports.voice.speaking import Spoken, speak
from convokit.transports.voice.twiml import Listening, Manner, Part, Say

PATIENT = 3
"""How much longer than until they may say something else a caller may wait in silence: then they are asked again."""
_QUIET = frozenset({hearing.HEARD, hearing.LISTEN})
"""Where a bot that says nothing is taken to mean it: a person may answer in a moment."""


@frozen(kw_only=True)
class Documents:
    """Makes the documents of one line.

    Args:
        channel: The channel's name.
        account: At whose address the platform calls.
        manner: How it is said, and how a caller is heard.
        sentences: What the line says of its own accord.
        one_key: Whether one key answers at once where that can be.
        waits: How often a caller is sent to hear the rest, until they may say something else.
    """

    channel: str
    account: Account
    manner: Manner
    sentences: Sentences
    one_key: bool = True
    waits: int = 11

    def answer(self, heard: Heard, messages: Sequence[Message], *, whole: bool) -> tuple[bytes, float]:
        """What a call of the platform's is answered, and for about how many seconds a voice speaks then.

        Args:
            heard: The call.
            messages: What the bot says.
            whole: Whether that is all.
        """
        if not whole and heard.waits < self.waits:
            return self._so_far(heard, messages)
        if not messages and heard.what == hearing.CONNECTED and heard.dialled == hearing.ANSWERED:
            # The operator talked with them, and the bot has nothing to add.
            return twiml.ending((), self.manner), 0.0
        spoken = speak(messages, self.sentences)
        if not messages and (name := self._instead(heard, whole=whole)):
            line = (Say(self.sentences.say(name)),)
            spoken = Spoken(parts=line, last=line, asks=True)
        waits = not whole or (not messages and heard.what in _QUIET)
        if waits and heard.waits < PATIENT * self.waits:
            return self._holding(heard, spoken), spoken.seconds
        return self._listening(spoken, heard.step.next), spoken.seconds

    def _instead(self, heard: Heard, *, whole: bool) -> str:
        """The sentence that is said where the bot says nothing; empty: nothing is."""
        if not whole:
            return "later" if heard.waits == self.waits else ""
        return {hearing.RING: "hello", hearing.CONNECTED: "nobody", hearing.FAILED: "again"}.get(heard.what, "")

    def _so_far(self, heard: Heard, messages: Sequence[Message]) -> tuple[bytes, float]:
        spoken = speak(messages, self.sentences)
        if not messages and not heard.waits:
            spoken = Spoken(parts=(Say(self.sentences.say("moment")),))
        onward = self.address(hearing.LISTEN, step=heard.step.next, waits=heard.waits + 1)
        # Until they come to hear the rest nothing is open for it to go into: so long it waits.
        return twiml.waiting(twiml.within(spoken.parts), self.manner, onward), spoken.seconds + 2 * twiml.PAUSE

    def _holding(self, heard: Heard, spoken: Spoken) -> bytes:
        """The document that listens to a caller who waits for an answer, the bot's or a person's, and asks nothing."""
        onward = self.address(hearing.LISTEN, step=heard.step.next, waits=heard.waits + 1)
        return twiml.listening(self._what(spoken, heard.step.next, onward), self.manner, reprompts=0)

    def update(self, message: Message) -> tuple[bytes, float]:
        """What a live call goes on with that nobody asked in, as short as it has to be; and the seconds, as `answer`.

        Raises:
            Rejected: It is too long all the same.
        """
        spoken, step = speak((message,), self.sentences), _fresh()
        makers: tuple[Callable[[], bytes], ...] = (
            lambda: self._listening(spoken, step),
            lambda: self._listening(spoken, step, reprompts=0),
            lambda: self._listening(spoken, step, reprompts=0, hints=False),
        )
        for make in makers:
            if len((document := make()).decode()) <= twiml.LONGEST_UPDATE:
                return document, spoken.seconds
        raise Rejected(
            self.channel,
            f"what is said in the middle of a call has {twiml.LONGEST_UPDATE} characters at most, with its TwiML: "
            "offer less at once",
        )

    def silence(self) -> bytes:
        """The document that says nothing and listens."""
        return self._listening(Spoken(), _fresh())

    def _listening(self, spoken: Spoken, step: Step, *, reprompts: int | None = None, hints: bool = True) -> bytes:
        what = self._what(spoken, step, self.address(hearing.SILENT, step=step), hints=hints)
        document = twiml.listening(what, self.manner, reprompts=reprompts)
        if len(document) > twiml.LONGEST_DOCUMENT and reprompts is None:
            return self._listening(spoken, step, reprompts=0)
        return document

    def _what(self, spoken: Spoken, step: Step, silent: str, *, hints: bool = True) -> Listening:
        again: tuple[Part, ...] = (Say(self.sentences.say("unheard")), *spoken.last)
        if spoken.parts and not spoken.asks:
            again = (Say(self.sentences.say("more")),)
        return Listening(
            action=self.address(hearing.HEARD, step=step, options=len(spoken.options)),
            silent=silent,
            parts=twiml.within(spoken.parts),
            again=again,
            hints=spoken.options if hints else (),
            keys=spoken.keys if self.one_key else 0,
        )

    def address(self, path: str, *, step: Step, **more: int) -> str:
        """Where the platform goes on; it signs what it is told to ask there."""
        asked = {"step": str(step), **{name: str(value) for name, value in more.items() if value}}
        return f"{self.account.address(self.channel, path)}?{urlencode(asked)}"


def _fresh() -> Step:
    """A step that no other document has."""
    return Step(os.urandom(6).hex())
