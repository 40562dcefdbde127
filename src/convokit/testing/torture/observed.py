"""What a torture run has seen: of each conversation, and of the whole."""

from collections.abc import Mapping

from attrs import field, frozen

from convokit.conversations import ConversationId
from convokit.testing.torture.api import Act
from convokit.testing.torture.script import Said


@frozen(kw_only=True)
class Chat:
    """What is known of one conversation at the end.

    Args:
        sent: What got a 200, each once; where `strict`, in the order in which it was delivered.
        strict: Whether it was delivered one webhook after another.
        heard: The numbers of the events that handlers were given and whose turns count, in order.
        timers: The numbers of the timers, likewise.
        said: How many words the handlers' turns that count have said.
        count: How many turns of handlers count, by the conversation's memory.
        profile: The same by the customer's profile.
        early: How many timers fired before they were due.
        version: How many turns were committed.
        wrote: The log's texts of the customer, in order.
        bot: The log's texts of the bot, in order.
        acts: What the customer could read, in the order in which the platform was told.
    """

    sent: tuple[Said, ...] = ()
    strict: bool = False
    heard: tuple[int, ...] = ()
    timers: tuple[int, ...] = ()
    said: int = 0
    count: int = 0
    profile: int = 0
    early: int = 0
    version: int = 0
    wrote: tuple[str, ...] = ()
    bot: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()


@frozen(kw_only=True)
class Observed:
    """Everything that a verdict is made of.

    Args:
        chats: By conversation.
        sends: The outbox's rows by state.
        waiting: Events that still wait.
        timers: Timers that still wait.
        failed: The conversation and the id of each event that was given up.
        business: How often handlers called the business, by key.
        business_before: The same when the calm began: from then on nothing was killed.
        unreached: The named points that were not reached in time.
        by_itself: How often the victim ended unasked.
        bad_stops: How often it did not stop as asked.
        asleep: How often nobody was woken in a silence for what a webhook had brought.
        forged_taken: How many forged webhooks were not refused.
        unsound: What the store finds wrong with itself.
        refused: How often a victim that was not to stop answered a good webhook with which status other than 200.
    """

    chats: Mapping[ConversationId, Chat]
    sends: Mapping[str, int] = field(factory=dict)
    waiting: int = 0
    timers: int = 0
    failed: tuple[tuple[ConversationId, str], ...] = ()
    business: Mapping[str, int] = field(factory=dict)
    business_before: Mapping[str, int] = field(factory=dict)
    unreached: tuple[str, ...] = ()
    by_itself: int = 0
    bad_stops: int = 0
    asleep: int = 0
    forged_taken: int = 0
    unsound: tuple[str, ...] = ()
    refused: Mapping[int, int] = field(factory=dict)
