"""A lead's figures: who waits, how long, how fast people answer, how conversations end."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Literal

from attrs import define

from convokit.conversations import ConversationId, Handoff
from convokit.desks.inbox.entries import Json, owner_of, stamp
from convokit.desks.inbox.floor import Floor
from convokit.desks.inbox.people import Operator

Window = Literal["day", "week"]
WINDOWS: Mapping[Window, timedelta] = {"day": timedelta(days=1), "week": timedelta(days=7)}
LINE_FOR = timedelta(hours=2)
LINE_STEP = timedelta(minutes=5)
DOT_STEP = timedelta(minutes=15)
FEW = 10
"""Under how many cases the cases are told, and no percentile is."""
MOST_CONVERSATIONS = 1000
MOST_OVERDUE = 200


@define(frozen=True)
class Case:
    """A handoff, open or over, with its conversation."""

    conversation: ConversationId
    handoff: Handoff
    closed: bool


async def figures(floor: Floor, operator: Operator, window: Window) -> Json:
    """The figures of the last day or week, over the queues that a lead sees."""
    store, now = floor.run.store, floor.now
    since = now - WINDOWS[window]
    closed = await store.closed_handoffs(min(since, now - LINE_FOR))
    cases = [Case(key, handoff, closed=True) for key, handoff in closed if operator.sees(handoff.queue)]
    cases += [
        Case(one.id, one.handoff, closed=False)
        for one in await store.handed_over()
        if one.handoff is not None and operator.sees(one.handoff.queue)
    ]
    recent = [one.id for at, one in await store.recent(MOST_CONVERSATIONS) if at >= since]
    seen = [one for one in recent if one not in floor.threads or floor.sees(operator, floor.threads[one])]
    return {
        "window": window,
        "now": stamp(now),
        "since": stamp(since),
        "waiting": {
            "now": sum(1 for one in cases if not one.closed and not one.handoff.operator),
            "target": floor.target,
            "points": _line(cases, now),
        },
        "longest": _longest(floor, cases),
        "first_reply": _first_reply([one for one in cases if one.handoff.opened_at >= since]),
        "operators": _operators(floor, operator, cases, since),
        "outcomes": _outcomes(cases, seen, since),
        "arrivals": _arrivals(floor, cases, since, now),
        "overdue": _overdue(floor, operator, now),
    }


def _line(cases: Sequence[Case], now: datetime) -> list[list[str | int | None]]:
    """How many waited, every five minutes of the last two hours."""
    points: list[list[str | int | None]] = []
    moment = now - LINE_FOR
    while moment <= now:
        points.append([stamp(moment), sum(1 for one in cases if _waited_at(one, moment))])
        moment += LINE_STEP
    return points


def _waited_at(case: Case, moment: datetime) -> bool:
    lease = case.handoff
    if not case.closed and not lease.operator:
        # One that came back to the queue waits at its original place.
        return lease.opened_at <= moment
    until = lease.taken_at or lease.closed_at
    return lease.opened_at <= moment and (until is None or moment < until)


def _longest(floor: Floor, cases: Sequence[Case]) -> Json | None:
    waiting = [one for one in cases if not one.closed and not one.handoff.operator]
    if not waiting:
        return None
    first = min(waiting, key=lambda one: one.handoff.opened_at)
    return {
        "conv": str(first.conversation),
        "name": _name(floor, first.conversation),
        "since": stamp(first.handoff.opened_at),
    }


def _name(floor: Floor, conversation: ConversationId) -> str:
    thread = floor.threads.get(conversation)
    user = thread.conversation.user if thread is not None else None
    return user.name if user is not None else ""


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The value below which this percentage lies (1 to 99); None of no values."""
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _first_reply(cases: Sequence[Case]) -> Json:
    taken = [
        (one.handoff.opened_at, (one.handoff.answered_at - one.handoff.opened_at).total_seconds())
        for one in cases
        if one.handoff.answered_at is not None
    ]
    seconds = [wait for _, wait in taken]
    few = len(seconds) < FEW
    dots: dict[datetime, list[float]] = defaultdict(list)
    for at, wait in taken:
        dots[_floor_to(at, DOT_STEP)].append(wait)
    return {
        "count": len(seconds),
        "p50": None if few else percentile(seconds, 50),
        "p90": None if few else percentile(seconds, 90),
        "points": [[stamp(at), percentile(waits, 50)] for at, waits in sorted(dots.items())],
        "cases": sorted(seconds) if few else [],
    }


def _floor_to(moment: datetime, step: timedelta) -> datetime:
    seconds = int(moment.timestamp() // step.total_seconds() * step.total_seconds())
    return datetime.fromtimestamp(seconds, UTC)


def _operators(floor: Floor, operator: Operator, cases: Sequence[Case], since: datetime) -> list[Json]:
    closed = Counter(one.handoff.operator for one in cases if _ended_since(one, since) and one.handoff.operator)
    shown = [
        one
        for one in floor.people.values()
        if closed[one.operator.id]
        or any(operator.sees(queue) for queue in one.operator.queues)
        or "*" in one.operator.queues
    ]
    shown.sort(key=lambda one: one.operator.name)
    return [{**one.as_json(floor.now), "closed": closed[one.operator.id]} for one in shown]


def _ended_since(case: Case, since: datetime) -> bool:
    return case.closed and case.handoff.closed_at is not None and case.handoff.closed_at >= since


def _outcomes(cases: Sequence[Case], recent: Sequence[ConversationId], since: datetime) -> Json:
    """How conversations of the window ended: by the bot alone, by a person, or before a person answered."""
    ended = [one for one in cases if _ended_since(one, since)]
    person = sum(1 for one in ended if one.handoff.answered_at is not None)
    with_people = {one.conversation for one in cases}
    return {
        "bot": sum(1 for one in recent if one not in with_people),
        "person": person,
        "left": len(ended) - person,
    }


def _arrivals(floor: Floor, cases: Sequence[Case], since: datetime, now: datetime) -> list[Json]:
    hour = timedelta(hours=1)
    counted = Counter(_floor_to(one.handoff.opened_at, hour) for one in cases)
    moment, found = _floor_to(since, hour) + hour, []
    while moment <= now:
        found.append({"hour": stamp(moment), "n": counted[moment], "staffed": floor.staffed_at(moment)})
        moment += hour
    return found


def _overdue(floor: Floor, operator: Operator, now: datetime) -> list[Json]:
    late = []
    for thread in floor.threads.values():
        due_at, due = floor.promises.due(thread.conversation)
        if due_at is None or due_at > now or not floor.sees(operator, thread):
            continue
        late.append((due_at, thread, due))
    late.sort(key=lambda one: one[0])
    return [
        {
            "conv": str(thread.id),
            "name": _name(floor, thread.id),
            "due_at": stamp(due_at),
            "due": due,
            "owner": owner_of(thread.conversation.handoff),
            "queue": thread.queue,
            "epoch": thread.conversation.epoch,
        }
        for due_at, thread, due in late[:MOST_OVERDUE]
    ]
