"""What a store holds at the end of a run, read through its seam."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve

from convokit._engine.clock import SystemClock
from convokit.abc import Send, Store
from convokit.bot import open_url
from convokit.conversations import ConversationId, Logged
from convokit.errors import DefinitionError
from convokit.testing.torture.observed import Chat, Observed

PAGE = 1000
MOST_FAILED = 1_000_000


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """The store, beside whoever runs on it."""
    store = open_url(url)
    await store.open(SystemClock(), claims=False)
    try:
        yield store
    finally:
        await store.close()


async def refuse_used(url: str) -> None:
    """Refuse a store that somebody uses: a torture run fills it with made-up talk.

    Raises:
        DefinitionError: It has conversations, or is lost with its process.
    """
    if url.startswith("memory:"):
        raise DefinitionError(
            "a torture run needs a store that outlives the process: sqlite:///torture.db, not memory:"
        )
    async with opened(url) as store:
        count = (await store.stats()).conversations
    if count:
        raise DefinitionError(
            f"the store has {count} conversations already: a torture run fills a store with made-up talk, and kills "
            "what uses it. Name one that does not exist yet, such as sqlite:///torture.db"
        )


async def left(store: Store) -> tuple[int, int, int]:
    """How many events, timers and messages wait."""
    stats = await store.stats()
    open_sends = sum(count for state, count in stats.sends.items() if state in {"waiting", "in flight"})
    return stats.waiting, stats.timers, open_sends


async def observe(url: str, chats: Mapping[ConversationId, Chat]) -> Observed:
    """What the store holds of these conversations, added to what is known of them already."""
    async with opened(url) as store:
        read = {conversation: await _chat(store, conversation, known) for conversation, known in chats.items()}
        stats = await store.stats()
        failed = await store.failed(MOST_FAILED)
        unsound = await store.check()
    return Observed(
        chats=read,
        sends=stats.sends,
        waiting=stats.waiting,
        timers=stats.timers,
        failed=tuple((one.conversation, one.what.id) for one in failed if not isinstance(one.what, Send)),
        unsound=tuple(unsound),
    )


async def _chat(store: Store, conversation: ConversationId, known: Chat) -> Chat:
    kept = await store.load(conversation)
    if kept is None:
        return known
    entries = [one async for one in _log(store, conversation)]
    profile = await store.profile(f"{conversation.channel}:user-{conversation.id}")
    memory: Mapping[str, Any] = kept.memory
    return evolve(
        known,
        heard=tuple(memory.get("heard", ())),
        timers=tuple(memory.get("timers", ())),
        said=memory.get("said", 0),
        count=memory.get("count", 0),
        early=memory.get("early", 0),
        profile=0 if profile is None else profile.facts.get("count", 0),
        version=kept.version,
        wrote=_texts(entries, "user"),
        bot=_texts(entries, "bot"),
    )


async def _log(store: Store, conversation: ConversationId) -> AsyncIterator[Logged]:
    after = 0
    while True:
        piece: Sequence[Logged] = (await store.log(conversation, after=after, limit=PAGE)).entries
        for one in piece:
            yield one
        if len(piece) < PAGE:
            return
        after = piece[-1].number


def _texts(entries: Iterable[Logged], author: str) -> tuple[str, ...]:
    return tuple(one.entry.message.text for one in entries if one.entry.author == author and one.entry.kind == "said")
