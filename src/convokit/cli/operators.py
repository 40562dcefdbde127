"""`convokit operators`: who works in the inbox. Passwords come from a prompt or the standard input, never by argv."""

import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from getpass import getpass
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from convokit._engine.clock import SystemClock
from convokit.abc import Clock, Store
from convokit.bot import open_url
from convokit.cli.speaking import FINE, complain, say
from convokit.desks.inbox import people
from convokit.desks.inbox.people import Operator
from convokit.errors import DefinitionError, StoreUnavailable


def act(given: Namespace, store_url: str) -> int:
    """Do what `given.what` says with the operators of a store.

    Raises:
        DefinitionError: No store is known for the URL, the operator is not there or there already, or the password is
            too weak.
        MissingExtra: A password is to be kept, and argon2 is not installed.
        StoreError: The store cannot be opened.
    """
    store = open_url(store_url)
    path = getattr(store, "path", None)
    if isinstance(path, Path) and not path.exists() and given.what != "add":
        # Opening would make it, perhaps for another user than the bot's.
        raise StoreUnavailable(f"there is no store {path}; name the bot's own: --store sqlite:///file.db")
    wants_password = given.what == "password" or (given.what == "add" and not given.no_password)
    return anyio.run(_act, store, given, _password(given.operator) if wants_password else "")


def _password(operator: str) -> str:
    """A new password: asked for twice in a terminal, else the first line of the standard input.

    Raises:
        DefinitionError: None came, or the two are not alike.
    """
    if not sys.stdin.isatty():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise DefinitionError("no password came on the standard input: type it when asked, or pipe it in")
        return line
    first = getpass(f"New password for {operator} ({people.LEAST_PASSWORD} characters or more): ")
    again = getpass("The same once more: ")
    if not people.same_text(first, again):
        raise DefinitionError("the two passwords are not alike: nothing was changed")
    return first


async def _act(store: Store, given: Namespace, password: str) -> int:
    clock = SystemClock()
    await store.open(clock, claims=False)
    try:
        await _ACTS[given.what](store, clock, given, password)
    finally:
        await store.close()
    return FINE


async def _add(store: Store, clock: Clock, given: Namespace, password: str) -> None:
    del clock
    try:
        operator = Operator(
            id=given.operator,
            name=people.tidy_name(given.name or given.operator),
            role=given.role,
            queues=given.queue,
            max=given.max,
            languages=given.language,
        )
    except ValueError as problem:
        raise DefinitionError(str(problem)) from None
    await people.add(store, operator, password)
    say(f"{operator.id} ({operator.name}) works in the inbox now, as {operator.role}.")
    if not password:
        say(f"They have no password: convokit operators link {operator.id} … signs them in.")


async def _list(store: Store, clock: Clock, given: Namespace, password: str) -> None:
    del clock, given, password
    found = await people.accounts(store)
    for one in found:
        operator = one.operator
        queues = ", ".join(queue or "(everybody's)" for queue in operator.queues) or "none"
        way = "password" if one.password else "links only"
        say(f"{operator.id}  {operator.name}  {operator.role}  queues: {queues}  at most {operator.max}  {way}")
    if not found:
        say("Nobody works in the inbox yet: convokit operators add ID …")


async def _remove(store: Store, clock: Clock, given: Namespace, password: str) -> None:
    del clock, password
    await people.remove(store, given.operator)
    say(f"{given.operator} no longer works in the inbox.")


async def _set_password(store: Store, clock: Clock, given: Namespace, password: str) -> None:
    del clock
    await people.set_password(store, given.operator, password)
    say(f"{given.operator} has a new password; whoever was signed in as {given.operator} no longer is.")


async def _link(store: Store, clock: Clock, given: Namespace, password: str) -> None:
    del password
    parts = urlsplit(given.url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise DefinitionError(f"--url is the inbox's address, such as https://shop.example/inbox/, not {given.url!r}")
    secret = await people.one_time_link(store, given.operator, clock.now())
    say(f"{given.url.rstrip('/')}/signin/{secret}")
    complain("It signs in once, within 15 minutes: give it to nobody else.")


_ACTS: Mapping[str, Callable[[Store, Clock, Namespace, str], Awaitable[None]]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
    "password": _set_password,
    "link": _link,
}
