"""`convokit why`: what became of an event, and why: how it was routed, what it changed, what was sent."""

import json
from collections.abc import Sequence
from datetime import UTC
from difflib import get_close_matches
from typing import Any

import anyio

from convokit import Bot
from convokit._engine.selecting import handler_of, selected
from convokit.abc import Account, Store
from convokit.cli import recounting
from convokit.cli.deciding import Routed
from convokit.cli.reaching import existing, opened
from convokit.cli.recounting import Story
from convokit.cli.speaking import FINE, WRONG, complain, say, say_styled
from convokit.cli.wording import quoted
from convokit.conversations import Conversation, ConversationId, Entry
from convokit.errors import DefinitionError
from convokit.events import Event, MalformedReceived
from convokit.explaining import Look, Looking, Unselected
from convokit.filters import Reason
from convokit.routing import Table
from convokit.wire.codec import to_json

EVERYTHING = 1_000_000
"""How many given-up events are looked through: more than anybody will have."""
NEAR = 50
"""In how many of the newest conversations, and in how many entries of each, ids are looked for that are alike."""


def why(bot: Bot | None, store_url: str, event_id: str, *, conversation: str, as_json: bool) -> int:
    """Print what became of an event, or, without an id, what was said last in a conversation.

    Raises:
        DefinitionError: The conversation's name is no name, the bot's code is wrong, or no store has the URL's scheme.
        StoreError: The store cannot be opened.
    """
    where = None
    if conversation:
        try:
            where = ConversationId.parse(conversation)
        except ValueError as problem:
            raise DefinitionError(f"--conversation: {problem}, such as telegram:7") from None
    table = None if bot is None else bot.table()
    return anyio.run(_why, existing(store_url), table, event_id, where, as_json)


async def _why(store: Store, table: Table | None, event_id: str, where: ConversationId | None, as_json: bool) -> int:
    async with opened(store):
        if not event_id and where is not None:
            return await _listed(store, where)
        if event_id.startswith("event:"):
            event_id, where = await _given_up(store, event_id, where)
        accounts = await store.accounts(event_id, conversation=where)
        if not accounts:
            await _unknown(store, event_id, where)
            return WRONG
        stories = [await _story(store, table, one) for one in accounts]
    if as_json:
        say(json.dumps([_as_json(one) for one in stories], indent=2, ensure_ascii=False))
        return FINE
    for number, story in enumerate(stories):
        if number:
            say()
        for line in recounting.recounted(story, code=table is not None):
            say_styled(line)
    return FINE


async def _given_up(store: Store, key: str, where: ConversationId | None) -> tuple[str, ConversationId | None]:
    """The event that `convokit failed` lists under a key; the key itself if it lists none."""
    for one in await store.failed(EVERYTHING):
        if one.key == key and isinstance(one.what, Event):
            return one.what.id, one.conversation
    return key, where


async def _story(store: Store, table: Table | None, account: Account) -> Story:
    state = account.before or await store.load(account.event.conversation)
    routed = None
    if table is not None and not isinstance(account.event, MalformedReceived):
        routed = _routed(account, state or Conversation(id=account.event.conversation), table)
    said = []
    for prefix in ("", "e"):
        number = 0
        while logged := await store.find(account.event.conversation, f"b:{account.seq}:{prefix}{number}"):
            said.append(logged.entry)
            number += 1
    return Story(account=account, routed=routed, said=tuple(said))


def _routed(account: Account, state: Conversation, table: Table) -> Routed:
    looking = Looking(table)
    event, found, handler = account.event, None, ""
    try:
        event, found = selected(account.event, state, looking)
        handler = handler_of(found)
    except Unselected:
        pass
    looks = tuple(looking.looks)
    return Routed(event=event, state=state, now=account.before is None, found=found, handler=handler, looks=looks)


# ── ids ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _listed(store: Store, where: ConversationId) -> int:
    """Print what was said last in a conversation, each line with the id of its event."""
    log = await store.log(where, before=1 << 53, limit=100)
    lines = [one.entry for one in log.entries if _event_of(one.entry)]
    if not lines:
        complain(f"convokit: nobody has said anything in {where}")
        return WRONG
    for entry in lines[-20:]:
        text = quoted(entry.message.text)
        say(f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}  {_event_of(entry)}  {entry.name or entry.by}: {text}")
    say(f"Why one of them went as it did: convokit why ID … --conversation {where}")
    return FINE


def _event_of(entry: Entry) -> str:
    """The id of the event with which an entry was said; empty: it was not said by a customer."""
    return entry.key.removeprefix("u:") if entry.key.startswith("u:") else ""


async def _unknown(store: Store, event_id: str, where: ConversationId | None) -> None:
    there = f" in {where}" if where else ""
    complain(
        f"convokit: nothing is known of an event {event_id!r}{there}: it never came here, or what is kept of it was "
        "forgotten (Settings.keep_accounts says after how many days)"
    )
    ids: dict[str, ConversationId] = {}
    for _, one in await store.recent(NEAR):
        log = await store.log(one.id, before=1 << 53, limit=NEAR)
        ids |= {_event_of(logged.entry): one.id for logged in log.entries if _event_of(logged.entry)}
    near = get_close_matches(event_id, ids, n=3)
    if near:
        said = ", ".join(f"{one} in {ids[one]}" for one in near)
        complain(f"  Ids like it: {said}")
    elif ids:
        complain("  convokit why --conversation CHANNEL:ID … lists the last events of a conversation with their ids")


# ── for programs ────────────────────────────────────────────────────────────────────────────────────────────────────


def _as_json(story: Story) -> dict[str, Any]:
    account, routed = story.account, story.routed
    whole: dict[str, Any] = to_json(account)
    whole["event"] = {"kind": type(account.event).__name__, **to_json(account.event)}
    whole["changed"] = {path: {"before": before, "after": after} for path, before, after in recounting.changed(account)}
    whole["said"] = [to_json(one) for one in story.said]
    if routed is not None:
        whole["routed"] = {
            "as": {"kind": type(routed.event).__name__, **to_json(routed.event)},
            "action": routed.found.action if routed.found is not None else "raised",
            "handler": routed.handler,
            "state_known": not routed.now,
            "looks": [_look(one) for one in routed.looks],
        }
    return whole


def _look(look: Look) -> dict[str, Any]:
    return {
        "among": look.among,
        "considered": [
            {
                "handler": one.route.name,
                "where": one.route.where,
                "waits_for": [str(trigger) for trigger in one.route.triggers],
                "got": str(one.trigger) if one.trigger is not None else None,
                "filters": [_reason(reason) for reason in one.reasons],
                "passed": one.passed,
                "raised": one.raised,
            }
            for one in look.considered
        ],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    parts: Sequence[Reason] = reason.parts
    return {"asked": reason.asked, "passes": reason.passes, "found": reason.found, "parts": [_reason(p) for p in parts]}
