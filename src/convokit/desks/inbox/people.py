"""Operators: who they are, where they are kept, how they prove it."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import anyio
import anyio.to_thread
import msgspec
from attrs import evolve, field, frozen

from convokit._value import Value
from convokit.abc import Store
from convokit.errors import DefinitionError, MissingExtra
from convokit.people import User
from convokit.wire import codec
from convokit.wire.signing import same
from convokit.wire.text import fold, scrub

OPERATORS = "operators"
"""The shelf of operators, by id."""
LINKS = "operator-links"
"""The shelf of one-time sign-in links, by the SHA-256 of their secret."""
SIGN_INS = "operator-sign-ins"
"""The shelf of sign-ins, by the SHA-256 of their cookie."""

LINK_FOR = timedelta(minutes=15)
IDLE_FOR = timedelta(hours=12)
SIGNED_IN_FOR = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=10)
LEAST_PASSWORD = 15
MOST_PASSWORD = 1024
EVERY_QUEUE = "*"

Role = Literal["operator", "lead"]
OPERATOR: Role = "operator"
ROLES: tuple[Role, ...] = (OPERATOR, "lead")
_PLAIN = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")


def _plain(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise ValueError(f"Operator: id has 1 to 64 letters, digits and _ . @ + -, not {value!r:.80}")


def _named(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > 80:  # noqa: PLR2004  what a row of the list shows
        raise ValueError(f"Operator: name has 1 to 80 characters, not {value!r:.100}")


def _known_role(_: object, __: object, value: Any) -> None:
    if value not in ROLES:
        raise ValueError(f"Operator: role is one of {', '.join(ROLES)}, not {value!r:.60}")


def _some(_: object, __: object, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"Operator: max is a whole number from 1, not {value!r:.60}")


def _several(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise TypeError(f"Operator: queues and languages are lists, not the single text {given!r:.60}")
    return tuple(dict.fromkeys(given))


@frozen(kw_only=True, eq=False, repr=False)
class Operator(Value):
    """Somebody who works in the inbox.

    Args:
        id: Never changes, and is never given to somebody else: 1 to 64 letters, digits and `_ . @ + -`.
        name: What colleagues and customers read: 1 to 80 characters.
        role: "operator", or "lead", who also assigns conversations and sees figures.
        queues: Which queues' conversations they see: "" is the one for everybody, "*" are all.
        max: How many conversations they take at once, from 1; colleagues cannot give them more.
        languages: BCP 47 tags of the languages they write, such as "tr".
    """

    id: str = field(validator=_plain)
    name: str = field(validator=_named)
    role: Role = field(default=OPERATOR, validator=_known_role)  # pyright: ignore[reportAssignmentType]  it widens it
    queues: tuple[str, ...] = field(default=(EVERY_QUEUE,), converter=_several)
    max: int = field(default=4, validator=_some)
    languages: tuple[str, ...] = field(default=(), converter=_several)

    def sees(self, queue: str) -> bool:
        """Whether conversations of this queue are theirs to see."""
        return EVERY_QUEUE in self.queues or queue in self.queues

    @property
    def lead(self) -> bool:
        """Whether they lead."""
        return self.role == "lead"

    @property
    def user(self) -> User:
        """As events name them."""
        return User(id=self.id, name=self.name)


@frozen(kw_only=True, eq=False, repr=False)
class Account(Value):
    """What is kept of an operator.

    Args:
        operator: Who.
        password: The Argon2id hash of the password; empty: there is none, and only a link signs them in.
        generation: Rises when their rights to be signed in change: sign-ins of an older one are void.
    """

    operator: Operator
    password: str = field(default="", repr=False)
    generation: int = 1


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def fresh_secret() -> str:
    """256 random bits as 64 hexadecimal digits."""
    return secrets.token_hex(32)


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def account_of(store: Store, operator_id: str) -> Account | None:
    """The account with this id."""
    kept = await store.kept(OPERATORS, operator_id) if _PLAIN.fullmatch(operator_id) else None
    return None if kept is None else codec.decode(Account, kept)


async def account_named(store: Store, name: str) -> Account | None:
    """The account whose id, or else whose name, this is, whatever the case and accents."""
    found = await account_of(store, name)
    if found is not None:
        return found
    wanted = fold(name)
    same = [one for one in await accounts(store) if wanted in {fold(one.operator.id), fold(one.operator.name)}]
    return same[0] if len(same) == 1 else None


async def accounts(store: Store) -> Sequence[Account]:
    """Every account, by id."""
    return [codec.decode(Account, one) for one in (await store.on_shelf(OPERATORS)).values()]


async def add(store: Store, operator: Operator, password: str = "") -> None:
    """Keep a new operator.

    Raises:
        DefinitionError: There is one of this id or name, or the password is too weak.
    """
    for one in await accounts(store):
        if fold(one.operator.name) == fold(operator.name) or fold(one.operator.id) == fold(operator.id):
            raise DefinitionError(
                f"there is the operator {one.operator.id} ({one.operator.name}) already: choose another id and name"
            )
    account = Account(operator=operator, password=await hashed(password, operator) if password else "")
    if not await store.keep(OPERATORS, operator.id, codec.encode(account), only_new=True):
        raise DefinitionError(f"there is an operator {operator.id} already: choose another id")


async def set_password(store: Store, operator_id: str, password: str) -> None:
    """Give an operator a new password; whoever is signed in as them no longer is.

    Raises:
        DefinitionError: There is no such operator, or the password is too weak.
    """
    account = await _wanted(store, operator_id)
    changed = evolve(account, password=await hashed(password, account.operator), generation=account.generation + 1)
    await store.keep(OPERATORS, account.operator.id, codec.encode(changed))


async def remove(store: Store, operator_id: str) -> None:
    """Forget an operator; whoever is signed in as them no longer is.

    Raises:
        DefinitionError: There is no such operator.
    """
    account = await _wanted(store, operator_id)
    await store.take_off(OPERATORS, account.operator.id)
    for key, kept in (await store.on_shelf(SIGN_INS)).items():
        if codec.decode(SignIn, kept).operator == account.operator.id:
            await store.take_off(SIGN_INS, key)


async def _wanted(store: Store, operator_id: str) -> Account:
    account = await account_of(store, operator_id)
    if account is None:
        known = ", ".join(one.operator.id for one in await accounts(store)) or "nobody"
        raise DefinitionError(f"there is no operator {operator_id!r}; there are: {known}")
    return account


# ── passwords ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _hasher() -> Any:
    try:
        import argon2  # noqa: PLC0415  an extra
    except ImportError:
        raise MissingExtra("an operator's password", "inbox") from None
    # The library's defaults are RFC 9106's second choice, of 64 MiB: argon2-cffi 25.1, 2025.
    return argon2.PasswordHasher()


def same_text(one: str, other: str) -> bool:
    """Whether two texts that nobody else shall know are equal."""
    return same(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def weakness(password: str, operator: Operator) -> str:
    """Why a password is too weak, as a sentence; empty when it is not."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        return f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters, this one has {len(password)}"
    if len(set(password)) < 6:  # noqa: PLR2004  "aaaaaaaaaaaaaaa", "121212121212121"
        return "a password of so few different characters is guessed at once: three or four words are easy to keep"
    folded = fold(password)
    for known in (operator.id, operator.name):
        if fold(known) and folded.replace(fold(known), "") == "":
            return "a password is not made of the operator's own name"
    return ""


async def hashed(password: str, operator: Operator) -> str:
    """What is kept of a password.

    Raises:
        DefinitionError: It is too weak; the message says why.
        MissingExtra: argon2 is not installed.
    """
    weak = weakness(password, operator)
    if weak:
        raise DefinitionError(weak)
    made: str = await anyio.to_thread.run_sync(_hasher().hash, password)
    return made


class Passwords:
    """Looks at passwords, at most two at a time: each takes 64 MiB for a moment. Made inside a run."""

    def __init__(self) -> None:
        self._hasher = _hasher()
        self._room = anyio.CapacityLimiter(2)
        self._nobody = ""

    async def fits(self, account: Account | None, password: str) -> bool:
        """Whether it is the account's; takes as long when there is no account, or none with a password."""
        kept = account.password if account is not None else ""
        if not kept:
            self._nobody = self._nobody or await self._run(self._hasher.hash, fresh_secret())
        fits = len(password) <= MOST_PASSWORD and await self._run(self._check, kept or self._nobody, password)
        return bool(kept) and fits

    async def _run(self, act: Any, *given: str) -> Any:
        return await anyio.to_thread.run_sync(act, *given, limiter=self._room)

    def _check(self, kept: str, given: str) -> bool:
        import argon2  # noqa: PLC0415  an extra

        try:
            return bool(self._hasher.verify(kept, given))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


# ── links and sign-ins ──────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True, eq=False, repr=False)
class OneTimeLink(Value):
    """What is kept of a one-time sign-in link."""

    operator: str
    generation: int


@frozen(kw_only=True, eq=False, repr=False)
class SignIn(Value):
    """What is kept of a sign-in: whose, which generation of theirs, since when, and when it was last used (UTC)."""

    operator: str
    generation: int
    since: datetime
    used: datetime


async def one_time_link(store: Store, operator_id: str, now: datetime) -> str:
    """A secret that signs this operator in once within 15 minutes: the last part of `signin/…`.

    Raises:
        DefinitionError: There is no such operator.
    """
    account = await _wanted(store, operator_id)
    secret = fresh_secret()
    link = OneTimeLink(operator=account.operator.id, generation=account.generation)
    await store.keep(LINKS, digest(secret), codec.encode(link), expires_at=now + LINK_FOR)
    return secret


async def linked(store: Store, secret: str) -> Account | None:
    """Whose link this is; it stays good. None: it was used, is too old, or never was."""
    return await _of_link(store, await store.kept(LINKS, digest(secret)))


async def use_link(store: Store, secret: str) -> Account | None:
    """Use a link up: of two who come with it, one gets the account."""
    return await _of_link(store, await store.take_off(LINKS, digest(secret)))


async def _of_link(store: Store, kept: bytes | None) -> Account | None:
    if kept is None:
        return None
    link = codec.decode(OneTimeLink, kept)
    account = await account_of(store, link.operator)
    return account if account is not None and account.generation == link.generation else None


async def sign_in(store: Store, account: Account, now: datetime) -> str:
    """Begin a sign-in; returns its cookie's value, new at every call."""
    secret = fresh_secret()
    made = SignIn(operator=account.operator.id, generation=account.generation, since=now, used=now)
    await store.keep(SIGN_INS, digest(secret), codec.encode(made), expires_at=now + IDLE_FOR)
    return secret


async def signed_in(store: Store, key: str, now: datetime) -> Account | None:
    """Whose sign-in this is, by the digest of its cookie; None when it has ended. Using it keeps it."""
    kept = await store.kept(SIGN_INS, key)
    if kept is None:
        return None
    try:
        found = codec.decode(SignIn, kept)
    except msgspec.ValidationError:
        return None
    account = await account_of(store, found.operator)
    over = now - found.since >= SIGNED_IN_FOR or now - found.used >= IDLE_FOR
    if account is None or account.generation != found.generation or over:
        await store.take_off(SIGN_INS, key)
        return None
    if now - found.used >= TOUCH_EVERY:
        expires = min(now + IDLE_FOR, found.since + SIGNED_IN_FOR)
        await store.keep(SIGN_INS, key, codec.encode(evolve(found, used=now)), expires_at=expires)
    return account


async def sign_out(store: Store, key: str) -> None:
    """End a sign-in, by the digest of its cookie."""
    await store.take_off(SIGN_INS, key)


def tidy_name(text: str) -> str:
    """A name as it is kept: scrubbed, one line, without outer space."""
    return " ".join(scrub(text).split())
