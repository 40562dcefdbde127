"""The verdict: what was promised, held against what the doubles saw and what the store holds. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from convokit.conversations import ConversationId
from convokit.testing.torture import script
from convokit.testing.torture.api import Act
from convokit.testing.torture.observed import Chat, Observed
from convokit.testing.torture.script import Said

SHOWN = 20
"""How many examples of a broken promise are kept."""


@frozen(kw_only=True)
class Row:
    """One line of the verdict.

    Args:
        name: What was counted.
        count: How often.
        promised: Whether it is promised that there is none.
        examples: Some of what was found.
    """

    name: str
    count: int
    promised: bool = True
    examples: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether a promise did not hold."""
        return self.promised and self.count > 0


@frozen(kw_only=True)
class Verdict:
    """What came of a torture run.

    Args:
        rows: A line for everything that was counted.
        facts: What the run was like: its seed, its kills, what was delivered and which faults were drawn.
    """

    rows: tuple[Row, ...]
    facts: Mapping[str, Any] = field(factory=dict)

    @property
    def held(self) -> bool:
        """Whether every promise held."""
        return not self.broken

    @property
    def broken(self) -> tuple[Row, ...]:
        """The promises that did not hold."""
        return tuple(row for row in self.rows if row.broken)

    def count(self, name: str) -> int:
        """How often something was counted, by its name in the table. Raises KeyError when it is not there."""
        return {row.name: row.count for row in self.rows}[name]

    def as_json(self) -> dict[str, Any]:
        """The whole as JSON values."""
        return {
            "held": self.held,
            **self.facts,
            "counts": {row.name: row.count for row in self.rows},
            "broken": {row.name: list(row.examples) for row in self.broken},
        }


class _Found:
    """Counts, and keeps some examples."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._examples: dict[str, list[str]] = {}

    def add(self, name: str, count: int, what: str) -> None:
        """Count something that was found."""
        if count <= 0:
            return
        self._counts[name] += count
        examples = self._examples.setdefault(name, [])
        if len(examples) < SHOWN:
            examples.append(what[:300])

    def row(self, name: str, *, promised: bool = True) -> Row:
        """The line for everything found under a name."""
        return Row(
            name=name,
            count=self._counts[name],
            promised=promised,
            examples=tuple(self._examples.get(name, ())),
        )


PROMISED = (
    "lost",
    "handled twice",
    "made up",
    "out of order",
    "replies lost",
    "replies made up",
    "replies out of order",
    "doubled with a key",
    "doubled with evidence",
    "doubled though answered",
    "timers lost",
    "timers fired twice",
    "timers early",
    "once repeated without a kill",
    "state unequal to outbox",
    "failed",
    "left waiting",
    "nobody woken",
    "points not reached",
    "ended by itself",
    "stopped badly",
    "forged taken",
    "refused without a cause",
    "store unsound",
)
"""What must not happen at all."""
ALLOWED = ("doubled with neither", "once repeated at a kill")
"""What may happen, and is counted."""


def judge(observed: Observed, facts: Mapping[str, Any] | None = None) -> Verdict:
    """The verdict on what was observed."""
    found = _Found()
    sent = {conversation: chat.sent for conversation, chat in observed.chats.items()}
    expected = script.expected(sent)
    for conversation, chat in observed.chats.items():
        _heard(found, conversation, chat)
        _order(found, conversation, chat)
        _timers(found, conversation, chat)
        words = expected.get(conversation, [])
        _replies(found, conversation, chat, words)
        _state(found, conversation, chat, words, script.turns(conversation, sent))
    _business(found, observed, sent)
    _store(found, observed, sum(len(words) for words in expected.values()))
    for point in observed.unreached:
        found.add("points not reached", 1, point)
    found.add("ended by itself", observed.by_itself, "its log says why")
    found.add("stopped badly", observed.bad_stops, "its log says why")
    found.add("nobody woken", observed.asleep, "what came in a silence waited until something else woke the process")
    found.add("forged taken", observed.forged_taken, "a webhook with a wrong signature was not answered 403")
    for sentence in observed.unsound:
        found.add("store unsound", 1, sentence)
    for status, count in observed.refused.items():
        found.add("refused without a cause", count, f"{count} good webhooks were answered {status}")
    rows = [found.row(name) for name in PROMISED] + [found.row(name, promised=False) for name in ALLOWED]
    return Verdict(rows=tuple(rows), facts=dict(facts or {}))


def _heard(found: _Found, where: ConversationId, chat: Chat) -> None:
    """Every event that got a 200 was handled, once."""
    must = [one for one in chat.sent if one.kind != "garbled"]
    times = Counter(chat.heard)
    lines = Counter(chat.wrote)
    for one in must:
        if not times[one.number]:
            found.add("lost", 1, f"{where}: event {one.number} ({one.kind}) got a 200 and was never handled")
        elif one.in_log and not lines[one.text]:
            found.add("lost", 1, f"{where}: event {one.number} ({one.kind}) is not in the log")
    for number, count in times.items():
        found.add("handled twice", count - 1, f"{where}: event {number} was handled {count} times")
    for text, count in lines.items():
        found.add("handled twice", count - 1, f"{where}: {text!r} is in the log {count} times")
    known = {one.number for one in must}
    for number in times.keys() - known:
        found.add("made up", 1, f"{where}: event {number} was handled and never sent")


def _order(found: _Found, where: ConversationId, chat: Chat) -> None:
    """Events are handled in the order of acceptance, which the log has; on strict lines it is that of delivery."""
    texts = {one.number: one.text for one in chat.sent if one.in_log}
    heard = [texts[number] for number in chat.heard if number in texts]
    found.add("out of order", _disorder(heard, chat.wrote), f"{where}: handled in another order than that of the log")
    if chat.strict:
        delivered = [one.number for one in chat.sent if one.kind != "garbled"]
        found.add("out of order", _disorder(chat.heard, delivered), f"{where}: handled in another order than delivered")


def _disorder(these: Sequence[Any], those: Sequence[Any]) -> int:
    """How many of `these` come before one that stands before them in `those`; what only one has is passed over."""
    places = {one: place for place, one in reversed(list(enumerate(those)))}
    highest, wrong = -1, 0
    for one in dict.fromkeys(these):
        place = places.get(one, highest)
        wrong += place < highest
        highest = max(highest, place)
    return wrong


def _timers(found: _Found, where: ConversationId, chat: Chat) -> None:
    """Every timer fired once, and not early."""
    times = Counter(chat.timers)
    heard = set(chat.heard)
    for one in chat.sent:
        if one.kind == "remind" and one.number in heard and not times[one.number]:
            found.add("timers lost", 1, f"{where}: the timer of event {one.number} never fired")
    for number, count in times.items():
        found.add("timers fired twice", count - 1, f"{where}: the timer of event {number} fired {count} times")
    found.add("timers early", chat.early, f"{where}: {chat.early} timers fired before they were due")


def _replies(found: _Found, where: ConversationId, chat: Chat, words: Sequence[str]) -> None:
    """Every word arrived, in the order in which it was said; twice only where nobody can know."""
    acts: dict[str, list[Act]] = {}
    for act in chat.acts:
        acts.setdefault(act.text, []).append(act)
    for word in words:
        if word not in acts:
            found.add("replies lost", 1, f"{where}: {word!r} never arrived")
    for word in acts.keys() - set(words):
        found.add("replies made up", 1, f"{where}: {word!r} arrived, and nothing asked for it")
    arrived = [act.text for act in chat.acts]
    found.add("replies out of order", _disorder(arrived, chat.bot), f"{where}: arrived in another order than said")
    kind = {"keyed": "doubled with a key", "evident": "doubled with evidence"}.get(
        where.channel, "doubled with neither"
    )
    for word, copies in acts.items():
        found.add(kind, len(copies) - 1, f"{where}: {word!r} arrived {len(copies)} times")
        needless = list(_needless(copies)) if where.channel == "bare" else []
        found.add("doubled though answered", len(needless), f"{where}: {word!r} was answered, and said again")


def _needless(copies: Sequence[Act]) -> Iterator[Act]:
    """The copies that nothing excuses: the one before was answered, nobody missed the answer, nobody was killed."""
    for before, after in pairwise(copies):
        if before.answered and before.life == after.life and not after.answer_lost:
            yield after


def _state(found: _Found, where: ConversationId, chat: Chat, words: Sequence[str], turns: int) -> None:
    """What a conversation's memory and its profile say is what its log says and what its customer has read."""
    name = "state unequal to outbox"
    from_elsewhere = sum(" from " in word for word in words)
    if chat.said + from_elsewhere != len(chat.bot):
        found.add(name, 1, f"{where}: turns said {chat.said} + {from_elsewhere}, the log has {len(chat.bot)}")
    if Counter(chat.bot) != Counter(words):
        found.add(name, 1, f"{where}: the log has {len(chat.bot)} words of the bot, and not the {len(words)} expected")
    if set(chat.bot) != {act.text for act in chat.acts}:
        found.add(name, 1, f"{where}: what the log says was said is not what arrived")
    if chat.count != len(chat.heard) + len(chat.timers) or chat.count != chat.profile:
        found.add(
            name,
            1,
            f"{where}: {len(chat.heard)} events and {len(chat.timers)} timers heard, {chat.count} turns by its memory, "
            f"{chat.profile} by the profile",
        )
    if chat.version != turns:
        found.add(name, 1, f"{where}: {chat.version} turns were committed, {turns} were due")


def _business(found: _Found, observed: Observed, sent: Mapping[ConversationId, Sequence[Said]]) -> None:
    """`turn.once` has called for every event, and again only where a kill came between the call and its record."""
    for where, said in sent.items():
        for one in said:
            if one.kind == "once" and not observed.business.get(f"{where}/{one.number}"):
                found.add("lost", 1, f"{where}: the business was never called for event {one.number}")
    for key, count in observed.business.items():
        before = observed.business_before.get(key, 0)
        found.add("once repeated at a kill", before - 1, f"{key}: called {before} times")
        # What was called before the calm may have lost its record to the last kill: that is one call more.
        allowed = 1 if before == 0 else before + 1
        found.add("once repeated without a kill", count - allowed, f"{key}: called {count - before} times in the calm")


def _store(found: _Found, observed: Observed, words: int) -> None:
    """The store has no work left, and holds as many rows as there were words."""
    garbled = Counter(
        (where, str(one.number)) for where, chat in observed.chats.items() for one in chat.sent if one.kind == "garbled"
    )
    failed = Counter(observed.failed)
    for (where, id_), count in (failed - garbled).items():
        found.add("failed", count, f"{where}: event {id_} is among the failed ones")
    for (where, id_), count in (garbled - failed).items():
        found.add("lost", count, f"{where}: event {id_} could not be read and is not among the failed ones")
    found.add("left waiting", observed.waiting, f"{observed.waiting} events wait")
    found.add("left waiting", observed.timers, f"{observed.timers} timers wait")
    for state, count in observed.sends.items():
        if state != "sent":
            name = "failed" if state in {"failed", "held", "withdrawn"} else "left waiting"
            found.add(name, count, f"{count} rows of the outbox are {state}")
    rows = sum(observed.sends.values())
    if rows != words:
        found.add("state unequal to outbox", 1, f"the outbox has {rows} rows, and {words} words were to be said")
