"""What customers say in a torture run, and what must come of it: the doubles, the bot and the verdict read it alike.

Pure. What a number stands for depends on the seed, the conversation and the number only.
"""

import random
from collections.abc import Iterator, Mapping

from attrs import frozen

from convokit.conversations import ConversationId

CHANNELS = ("keyed", "evident", "bare")
"""The channels of the bot that is tortured: the platform takes an idempotency key, gives evidence, offers neither."""

SECRET = "CONVOKIT_TORTURE_SECRET"  # noqa: S105  the name of a variable, no secret
"""The environment's variable with what webhooks are signed with."""
LEASE = 1.0
"""Seconds for which the victim holds a conversation: the shortest lease that the settings allow."""
SPARE = 1_000_000
"""Numbers from here on are those of forged webhooks: nobody may ever hear of them."""

KINDS: Mapping[str, int] = {
    "say": 26,
    "many": 12,
    "quiet": 22,
    "flush": 7,
    "once": 8,
    "remind": 8,
    "send": 7,
    "stumble": 4,
    "slow": 2,
    "opened": 3,
    "garbled": 1,
}
"""The kinds of events, each with its share.

`say` is answered once, `many` three times, `quiet` never. `flush` says its first word ahead of the commit. `once` calls
the business through `turn.once`. `remind` sets a timer, which answers. `send` speaks in another conversation.
`stumble` raises at its first try. `slow` takes its time, longer than the lease where the run says so. `opened` is no
message but an event that leaves no line in the log, and silent. `garbled` cannot be read and is kept as failed.
"""

SILENT_IN_LOG = frozenset({"opened", "garbled"})


@frozen
class Said:
    """One event of a customer's.

    Args:
        number: Unique in the conversation; from 1.
        kind: One of `KINDS`.
        to: For "send": where its word goes, as `channel:id`.
    """

    number: int
    kind: str
    to: str = ""

    @property
    def text(self) -> str:
        """The message's text."""
        return f"{self.kind} {self.number} {self.to}".rstrip()

    @property
    def replies(self) -> tuple[str, ...]:
        """What the bot says at once, in this order."""
        count = {"many": 3, "flush": 2, "say": 1, "once": 1, "stumble": 1, "slow": 1}.get(self.kind, 0)
        return tuple(reply(self.number, place) for place in range(count))

    @property
    def in_log(self) -> bool:
        """Whether it is a line of the conversation's log."""
        return self.kind not in SILENT_IN_LOG


def read(text: str) -> Said:
    """The inverse of `Said.text`."""
    kind, number, *to = text.split(" ")
    return Said(int(number), kind, to[0] if to else "")


def reply(number: int, place: int) -> str:
    """The bot's word number `place` (from 0) to an event."""
    return f"{number}.{place}"


def reminded(number: int) -> str:
    """What the bot says when the timer fires that an event has set."""
    return f"{number}.timer"


def elsewhere(where: ConversationId, number: int) -> str:
    """What the bot says in another conversation because of an event in `where`."""
    return f"{number} from {where}"


def chat(index: int) -> ConversationId:
    """The conversation with this index, from 0; channels take turns."""
    return ConversationId(CHANNELS[index % len(CHANNELS)], f"c{index}")


def drawn(seed: int, index: int, number: int, chats: int) -> Said:
    """What the customer of a chat says as number `number`."""
    chance = random.Random(f"{seed}:said:{index}:{number}")
    kind = chance.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    if kind != "send" or chats == 1:
        return Said(number, "say" if kind == "send" else kind)
    other = (index + chance.randrange(1, chats)) % chats
    return Said(number, kind, str(chat(other)))


def expected(sent: Mapping[ConversationId, tuple[Said, ...]]) -> dict[ConversationId, list[str]]:
    """Every word that the bot must say, by conversation, in no particular order."""
    words: dict[ConversationId, list[str]] = {conversation: [] for conversation in sent}
    for conversation, said in sent.items():
        for one in said:
            words[conversation] += one.replies
            if one.kind == "remind":
                words[conversation].append(reminded(one.number))
            elif one.kind == "send":
                words.setdefault(ConversationId.parse(one.to), []).append(elsewhere(conversation, one.number))
    return words


def turns(conversation: ConversationId, sent: Mapping[ConversationId, tuple[Said, ...]]) -> int:
    """How many turns a conversation must have had: one for each event, timer and word from elsewhere; none for
    what could not be read.
    """  # noqa: D205  its first sentence needs two lines
    return sum(1 for _ in _turns(conversation, sent))


def _turns(conversation: ConversationId, sent: Mapping[ConversationId, tuple[Said, ...]]) -> Iterator[Said]:
    for where, said in sent.items():
        for one in said:
            if one.kind == "send" and one.to == str(conversation):
                yield one
            if where == conversation and one.kind != "garbled":
                yield one
                if one.kind == "remind":
                    yield one
