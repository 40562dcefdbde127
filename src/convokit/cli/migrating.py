"""`convokit migrate`: where people would go who stand in older versions of dialogs, and taking them there."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import anyio
from attrs import define, evolve, field

from convokit import Bot
from convokit._engine.clock import SystemClock
from convokit.abc import Store
from convokit.cli.reaching import existing, opened
from convokit.cli.speaking import FINE, WRONG, complain, say
from convokit.conversations import Conversation, ConversationId, Position
from convokit.dialogs.versions import placed
from convokit.errors import LaneFull, MigrationFailed
from convokit.events import DialogsMigrated
from convokit.routing import Table

PAGE = 500
"""How many conversations are read at once."""
MOST_TOLD = 20
"""How many of those who cannot be placed are named."""
PATIENCE = 10.0
"""Seconds without any progress after which no running bot is waited for."""
LOOK = 0.1
"""Seconds between two looks."""

Place = tuple[str, int, str]


@define
class Plan:
    """What a look at all positions found: how many people go where, who stays, who cannot be placed."""

    goes: Counter[tuple[Place, Place]] = field(factory=Counter)
    stays: Counter[tuple[str, int]] = field(factory=Counter)
    lost: Counter[tuple[Place, str]] = field(factory=Counter)
    named: list[str] = field(factory=list)

    def note(self, table: Table, conversation: Conversation) -> bool:
        """Take a conversation into account. Whether it has to be migrated, and can be."""
        moves = fails = False
        for position in conversation.positions:
            try:
                now = placed(table.dialogs, position, str(conversation.id))
            except MigrationFailed as problem:
                fails = True
                self._lost(table, position, problem)
                continue
            moves = moves or now is not position
            for old, new in zip(position.stack, now.stack, strict=True):
                self._placed(old, new)
        return moves and not fails

    def _placed(self, old: Position, new: Position) -> None:
        if place_of(old) == place_of(new):
            self.stays[old.dialog, old.version] += 1
        else:
            self.goes[place_of(old), place_of(new)] += 1

    def _lost(self, table: Table, position: Position, problem: MigrationFailed) -> None:
        """Count each dialog of a person by itself: what is wrong with one holds back the others."""
        self.named.append(str(problem))
        at_fault = (problem.dialog, problem.version, problem.state)
        for one in position.stack:
            alone = evolve(one, under=None, then="")
            if place_of(one) == at_fault:
                self.lost[place_of(one), problem.reason] += 1
                continue
            try:
                self._placed(one, placed(table.dialogs, alone, problem.conversation))
            except MigrationFailed as other:
                self.lost[place_of(one), other.reason] += 1


def place_of(position: Position) -> Place:
    """Where a position stands: dialog, version, state."""
    return position.dialog, position.version, position.state


def plan(bot: Bot, store_url: str) -> int:
    """Print how many people stand where, and where each would go; nothing is changed.

    Raises:
        DefinitionError: The bot is wrong, or no store is known for the URL.
        StoreError: The store cannot be read.
    """
    found = anyio.run(_planned, bot.table(), existing(store_url))
    for line in _lines(found, bot.table()):
        say(line)
    return _told(found)


def apply(bot: Bot, store_url: str, batch: int) -> int:
    """Have the bot that runs on a store, or runs on it next, bring everybody to the current versions.

    Raises:
        DefinitionError: The bot is wrong, or no store is known for the URL.
        StoreError: The store cannot be read or written.
    """
    return anyio.run(_applied, bot.table(), existing(store_url), batch)


async def _planned(table: Table, store: Store) -> Plan:
    found = Plan()
    async with opened(store):
        async for page in _pages(store, PAGE):
            for conversation in page:
                found.note(table, conversation)
    return found


async def _pages(store: Store, limit: int) -> AsyncIterator[Sequence[Conversation]]:
    after = None
    while page := await store.standing(limit, after=after):
        yield page
        after = page[-1].id


async def _applied(table: Table, store: Store, batch: int) -> int:
    found, put, left = Plan(), 0, 0
    run, clock, waits = os.urandom(8).hex(), SystemClock(), True
    async with opened(store):
        async for page in _pages(store, batch):
            wanted = [one.id for one in page if found.note(table, one)]
            if not wanted:
                continue
            put += len(wanted)
            await _put(
                store, [DialogsMigrated(id=f"migrate:{run}", conversation=one, at=clock.now()) for one in wanted]
            )
            if waits:
                left = len(await _until_done(table, store, wanted))
                waits = not left
            else:
                left += len(wanted)
    return _reported(found, put, left)


async def _put(store: Store, events: Sequence[DialogsMigrated]) -> None:
    """Put the events in line; where too much waits, once there is room again."""
    while True:
        try:
            await store.accept(events)
        except LaneFull as full:
            others = [one for one in events if str(one.conversation) not in full.conversations]
            if others and len(others) < len(events):
                await store.accept(others)
                events = [one for one in events if str(one.conversation) in full.conversations]
            await anyio.sleep(LOOK)
        else:
            return


async def _until_done(table: Table, store: Store, wanted: Sequence[ConversationId]) -> Sequence[ConversationId]:
    """Wait for the running bot to have done its part; where that is not done within `PATIENCE`."""
    left, since = list(wanted), anyio.current_time()
    while left and anyio.current_time() - since < PATIENCE:
        # The bot takes them in about this order: one look tells of many.
        if await _stands_in_old(table, store, left[0]):
            await anyio.sleep(LOOK)
        else:
            left.pop(0)
            since = anyio.current_time()
    return left


async def _stands_in_old(table: Table, store: Store, where: ConversationId) -> bool:
    conversation = await store.load(where)
    return conversation is not None and Plan().note(table, conversation)


def _reported(found: Plan, put: int, left: int) -> int:
    if not put:
        say("Nothing to do: nobody stands in an older version who can be brought to the current one.")
    elif left:
        say(
            f"{_people(put, 'conversation')} put in line; {left} wait for a bot with this code to run on the store. "
            "`--plan` tells how many are left."
        )
    else:
        say(f"{_people(put, 'conversation')} brought to the current versions.")
    return _told(found)


def _lines(found: Plan, table: Table) -> list[str]:
    current = {name: dialog.version for name, dialog in table.dialogs.items()}
    lines = []
    for (name, version), people in sorted(found.stays.items()):
        beside = ", which runs beside the current one" if version != current.get(name) else ""
        lines.append(f"{name} version {version}{beside}: {_people(people)} {_stays(people)}")
    for (old, new), people in sorted(found.goes.items()):
        lines.append(f"{old[0]} version {old[1]}, state {old[2]}: {_people(people)} → version {new[1]}, state {new[2]}")
    return lines or ([] if found.lost else ["Nobody is in the middle of a dialog."])


def _told(found: Plan) -> int:
    """Tell who cannot be placed; the exit status."""
    for (place, reason), people in sorted(found.lost.items()):
        complain(f"{place[0]} version {place[1]}, state {place[2]}: {_people(people)} cannot be placed: {reason}")
    for one in found.named[:MOST_TOLD]:
        complain(f"  {one}")
    if len(found.named) > MOST_TOLD:
        complain(f"  and {len(found.named) - MOST_TOLD} more")
    return WRONG if found.lost else FINE


def _stays(number: int) -> str:
    return "stays where they stand" if number == 1 else "stay where they stand"


def _people(number: int, what: str = "") -> str:
    if what:
        return f"{number} {what}" if number == 1 else f"{number} {what}s"
    return "1 person" if number == 1 else f"{number} people"
