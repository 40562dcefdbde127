"""The words by which people stop, start and ask for help, wherever they answer a text message. Pure.

A word counts only when it is the whole message, folded: case, accents and a full stop do not matter.

Facts: 47 CFR 64.1200(a)(10) (in force since April 2025); CTIA Messaging Principles and Best Practices; Twilio, Support
for opt-out keywords (read July 2026). The words of other languages than English and French are common usage.
"""

from collections.abc import Iterable

from attrs import frozen

from convokit.wire.text import fold

STOP = frozenset(
    (
        *("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "opt out", "opt-out"),
        *("optout", "remove"),
        *("arret", "arrete", "desabonner", "stopp", "abmelden", "abbestellen", "alto", "baja", "parar", "cancelar"),
        *("dur", "durdur", "ret", "iptal", "הסר", "עצור", "توقف", "إيقاف", "إلغاء", "रोको", "बंद करो"),
    )
)
"""What forbids further messages."""
START = frozenset({"start", "unstop"})
"""What allows them again, and opens the conversation."""
ALSO_START = frozenset({"yes"})
"""What allows them again where they were forbidden, and is an answer like any other where they were not."""
HELP = frozenset({"help", "info", "aide", "ayuda", "hilfe", "yardim"})
"""What asks who writes here."""

TWILIOS = frozenset(
    (
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *("start", "yes", "unstop", "help", "info"),
    )
)
"""What Twilio answers by itself on long codes and toll-free numbers, unless that is switched off."""


def folded(words: Iterable[str]) -> frozenset[str]:
    """Words as they are compared."""
    return frozenset(fold(one) for one in words)


@frozen(kw_only=True)
class Words:
    """The words of one channel, folded."""

    stop: frozenset[str]
    start: frozenset[str]
    help: frozenset[str]

    def meant(self, text: str) -> str:
        """What the whole text means, "stop", "start" or "help"; empty when it is no such word."""
        word = fold(text)
        if word in self.stop:
            return "stop"
        if word in self.start:
            return "start"
        return "help" if word in self.help else ""


def allows(text: str) -> bool:
    """Whether a text allows messages again where they were forbidden, although it does not open anything."""
    return fold(text) in ALSO_START
