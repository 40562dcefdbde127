"""What became of an event, told to people in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from convokit.abc import Account, SendAccount
from convokit.cli import deciding
from convokit.cli.speaking import coloured
from convokit.cli.wording import dim, duration, head, one_line, quoted, utc
from convokit.conversations import Conversation, Entry
from convokit.explaining import in_words
from convokit.messages import Message
from convokit.wire.codec import to_json
from convokit.wire.text import for_terminal

BOOKKEEPING = ("id", "version", "answers", "answers_since", "positions", "epoch")
"""What of the state is the engine's own, or is told in other words."""


@frozen(kw_only=True)
class Story:
    """All that is known of one place that an event had in its lane."""

    account: Account
    routed: deciding.Routed | None
    said: tuple[Entry, ...]


def recounted(story: Story, *, code: bool) -> Iterator[str]:
    """The lines for one place that an event had, their pieces made harmless.

    Args:
        story: What is known.
        code: Whether the bot's code was named, so that its routes can be told.
    """
    account = story.account
    yield from _came(account)
    yield ""
    yield head("How it was routed")
    if story.routed is not None:
        yield from deciding.told(account, story.routed)
    else:
        yield from deciding.state_met(account.before)
        if code:
            yield dim("  it could not be read, so no route was asked")
        else:
            yield dim(
                "  name the bot (convokit why ID pizza:bot) to be told which routes were asked, and what they said"
            )
    yield ""
    yield head("What changed")
    yield from _changes(account)
    yield ""
    yield head("What was sent")
    yield from _sent(account, story.said)


# ── what came, and how it ended ─────────────────────────────────────────────────────────────────────────────────────


def _came(account: Account) -> Iterator[str]:
    event = account.event
    kind = type(event).__name__
    yield f"{head(kind)} {for_terminal(event.id)} in {for_terminal(str(event.conversation))}, place {account.seq}"
    said = in_words(event)
    if event.text or kind not in said:
        yield _row("what", quoted(event.text) if event.text else for_terminal(said))
    if event.user is not None:
        name = f"{quoted(event.user.name)} " if event.user.name else ""
        yield _row("who", f"{name}{for_terminal(event.user.id)}")
    late = (account.accepted_at - event.at).total_seconds()
    lag = f", {duration(late)} after it happened by the platform's clock" if abs(late) >= 1 else ""
    yield _row("came", f"{utc(account.accepted_at)}{lag}")
    yield _row("ended", _ended(account))
    if account.outcome in _OUTCOMES:
        yield _row("", _OUTCOMES[account.outcome])
    if account.error:
        yield _row("error", coloured("bad", one_line(account.error, 300)))


_OUTCOMES: Mapping[str, str] = {
    "silenced": "a person took the conversation before the bot had spoken: what its handler said was dropped",
    "refused": "the operator's command came too late, or from somebody who did not have the conversation",
    "ignored": "nobody was to do anything about it",
    "postpone": "it came while a person had the conversation, and comes again when the bot has it back",
}
"""What an outcome means, where its word alone does not say it."""


def _ended(account: Account) -> str:
    tries = f"{account.attempts} {'try' if account.attempts == 1 else 'tries'}"
    if account.state == "waiting":
        return f"not yet: it waits{f', after {tries} that failed' if account.attempts else ''}"
    at = utc(account.ended_at) if account.ended_at is not None else "at an unknown time"
    if account.state == "failed":
        return coloured("bad", f"{at}, given up after {tries}; `convokit failed` puts it back in line")
    by = f", by {account.handler}" if account.handler not in {"", account.outcome} else ""
    after = f", at try {account.attempts}" if account.attempts > 1 else ""
    waited = ""
    if account.ended_at is not None:
        waited = f"; {duration((account.ended_at - account.accepted_at).total_seconds())} after it came"
    took = f"; its turn took {duration(account.took)}" if account.took else ""
    return f"{at}: {coloured('good', account.outcome)}{for_terminal(by)}{after}{waited}{took}"


# ── what it did ─────────────────────────────────────────────────────────────────────────────────────────────────────


def changed(account: Account) -> list[tuple[str, Any, Any]]:
    """Each place of the state that its turn changed: its path, what was there before, what after."""
    if account.after is None:
        return []
    before = _flat("", to_json(account.before)) if account.before is not None else {}
    after = _flat("", to_json(account.after))
    paths = sorted({*before, *after})
    return [(one, before.get(one), after.get(one)) for one in paths if before.get(one) != after.get(one)]


def _flat(path: str, value: Any) -> dict[str, Any]:
    """A JSON value as its leaves, by path; what is empty has none."""
    if isinstance(value, Mapping):
        pairs = [(f"{path}.{key}" if path else str(key), one) for key, one in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        pairs = [(f"{path}[{place}]", one) for place, one in enumerate(value)]
    else:
        return {} if value is None else {path: value}
    return {leaf: one for name, inner in pairs for leaf, one in _flat(name, inner).items()}


def _changes(account: Account) -> Iterator[str]:
    if account.state == "waiting" or (account.state == "failed" and account.after == account.before):
        yield dim("  nothing: no turn of it was committed")
        return
    if account.before is None or account.after is None:
        yield dim("  not known any more")
        return
    before, after = _flat("", _view(account.before)), _flat("", _view(account.after))
    rows = [one for one in dict.fromkeys([*before, *after]) if before.get(one) != after.get(one)]
    for path in rows:
        yield f"  {for_terminal(path)}: {_value(before.get(path))} {dim('→')} {_value(after.get(path))}"
    versions = f"version {account.before.version} → {account.after.version}"
    yield dim(f"  {'' if rows else 'nothing but '}{versions}")


def _view(state: Conversation) -> dict[str, Any]:
    """A conversation's state as people read it: what is empty is not there, nor are the engine's own counts."""
    whole = {name: one for name, one in to_json(state).items() if name not in BOOKKEEPING}
    whole["dialog"] = {
        one.user: {"state": f"{one.dialog}.{one.state}", "memory": to_json(one.memory), "unclear": one.unclear}
        for one in state.positions
    }
    whole["offer"] = " | ".join(one.label for one in state.offer.options) if state.offer is not None else ""
    whole["postponed"] = f"{len(state.postponed)} events" if state.postponed else ""
    shown: dict[str, Any] = _present(whole)
    return shown


def _present(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    inner = {name: _present(one) for name, one in value.items()}
    return {name: one for name, one in inner.items() if one or (one == 0 and one is not False and name != "unclear")}


def _value(value: Any) -> str:
    if value is None:
        return dim("nothing")
    return quoted(value, 120) if isinstance(value, str) else for_terminal(str(value))


def _sent(account: Account, said: Sequence[Entry]) -> Iterator[str]:
    for one in account.sends:
        yield from _row_sent(one)
    if said and not account.sends:
        # Pages read the log: what is in it is delivered, and there is no row that could tell more.
        for entry in said:
            yield f"  {coloured('good', 'in the log')}  {utc(entry.at)}{_content(entry.message)}"
        yield dim("  where pages read the log, that is how they get it; elsewhere the outbox has forgotten its rows")
    if not account.sends and not said:
        yield dim(
            "  nothing"
            if account.state == "handled"
            else "  nothing yet"
            if account.state == "waiting"
            else "  nothing"
        )


def _row_sent(one: SendAccount) -> Iterator[str]:
    send = one.send
    to = f"desk.{send.desk}" if send.desk else "to the customer"
    colour = {"sent": "good", "failed": "bad", "held": "bad"}.get(one.state, "strong")
    tries = f"{send.attempts} {'try' if send.attempts == 1 else 'tries'}"
    when = one.finished_at or one.written_at
    answer = f", the platform's id is {quoted(one.platform_id)}" if one.platform_id else ""
    yield f"  {coloured(colour, one.state)}  {utc(when)}  {to}, {tries}{answer}{_content(send.message)}"
    if one.reason:
        yield f"    {one_line(one.reason, 300)}"
    if send.uncertain:
        yield dim("    an earlier try may have gone out")
    yield dim(f"    key {send.key}")


def _content(message: Message) -> str:
    """What a message says, after two spaces; nothing for an empty one."""
    more = [
        *([f"{len(message.attachments)} attached"] if message.attachments else []),
        *([f"{len(message.buttons)} buttons"] if message.buttons else []),
        *([f"{len(message.cards)} cards"] if message.cards else []),
        *(["a place"] if message.location else []),
    ]
    return "".join([f"  {quoted(message.text)}"] * bool(message.text) + [f"  ({', '.join(more)})"] * bool(more))


def _row(name: str, text: str) -> str:
    return f"  {dim(f'{name:<6}')}{text}"
