"""Patterns that routes and filters are written with: `track:{order}` for payloads and refs, and checked regexes.

Both are matched against what strangers send, so both are bounded: a `Pattern` takes time linear in the text, and a
regex that could take time exponential in it is refused where it is written.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import combinations
from typing import Any, Final

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError

LONGEST_TEXT: Final = 4096
"""How many characters of a text any pattern is matched against; what comes after them is not looked at."""

NOTHING: Final[Mapping[str, str]] = {}
"""What a pattern without placeholders catches."""

_TOKENS = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|\*|[{}]|[^{}*]+")
_DEFINING = frozenset(f"convokit.{one}" for one in ("patterns", "filters", "triggers", "routes", "router", "bot"))


def caller() -> str:
    """Where the code outside the rules stands that is being run: "file:line"."""
    frame = sys._getframe()  # noqa: SLF001  the one way to name the line without building a traceback
    while frame.f_back is not None and frame.f_globals.get("__name__") in _DEFINING:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


# ── payloads, refs, names ───────────────────────────────────────────────────────────────────────────────────────────


def _parsed(pattern: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The literal prefix, and each wildcard's name ("" for "*") with the literal after it."""
    literals, names = [""], list[str]()
    for token in _TOKENS.finditer(pattern):
        written, name = token[0], token["name"]
        if name is None and written in "{}":
            raise DefinitionError(f'{caller()}: pattern "{pattern}" has a single "{written}"; write "{written * 2}"')
        if name is None and written != "*":
            literals[-1] += written[0] if written in ("{{", "}}") else written
            continue
        if name is not None and not name.isidentifier():
            raise DefinitionError(
                f'{caller()}: pattern "{pattern}": "{{{name}}}" is no name for turn.params; '
                'write a Python name such as {order}, or "{{" and "}}" for braces'
            )
        if name in names and name is not None:
            raise DefinitionError(f'{caller()}: pattern "{pattern}" has {{{name}}} twice; give each its own name')
        if names and not literals[-1]:
            raise DefinitionError(
                f'{caller()}: pattern "{pattern}": nothing tells where one placeholder ends and the next begins; '
                'put a character between them, such as ":"'
            )
        names.append(name or "")
        literals.append("")
    return literals[0], tuple(zip(names, literals[1:], strict=True))


@frozen(eq=False, repr=False)
class Pattern(Value):
    """A payload, ref or name with placeholders; compared exactly, case included.

    `{name}` stands for one or more characters without ":" and is caught under its name; `*` for any characters, none
    too. Where several readings are possible, each placeholder takes as little as it can. "{{" and "}}" are braces.
    Matching takes time linear in the text.

    Args:
        text: As written.

    Raises:
        DefinitionError: A placeholder is misnamed, named twice, or follows another without a character between.
    """

    text: str
    prefix: str = field(init=False, eq=False, repr=False)
    gaps: tuple[tuple[str, str], ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        prefix, gaps = _parsed(self.text)
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "gaps", gaps)

    @property
    def exact(self) -> bool:
        """Whether there are no placeholders, so that only `prefix` itself matches."""
        return not self.gaps

    @property
    def anything(self) -> bool:
        """Whether every text matches."""
        return not self.prefix and self.gaps == (("", ""),)

    def match(self, value: str) -> Mapping[str, str] | None:
        """What the placeholders caught, None when `value` does not match."""
        if not self.gaps:
            return NOTHING if value == self.prefix else None
        if len(value) > LONGEST_TEXT or not value.startswith(self.prefix):
            return None
        caught: dict[str, str] = {}
        at = len(self.prefix)
        last = len(self.gaps) - 1
        for place, (name, literal) in enumerate(self.gaps):
            # The leftmost end is enough: whatever a later one allows, the following placeholder can take in as well.
            least = at + 1 if name else at
            end = value.find(literal, least) if place < last else len(value) - len(literal)
            if end < least or (place == last and not value.endswith(literal)):
                return None
            if name:
                caught[name] = value[at:end]
                if ":" in caught[name]:
                    return None
            at = end + len(literal)
        return caught


# ── regexes ─────────────────────────────────────────────────────────────────────────────────────────────────────────
# `re` backtracks and holds the interpreter while it does. What makes it exponential is a repeated part that can match
# the same text in several ways, so such a part is refused. Several repeats after each other stay polynomial; matching
# the whole text and `LONGEST_TEXT` bound those.

_parser: Any = import_module("re._parser")
_compiler: Any = import_module("re._compiler")
_Item = tuple[Any, Any]

_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_SINGLES = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})
_ONE_WAY = frozenset({"AT", "ASSERT", "ASSERT_NOT", "ATOMIC_GROUP", "POSSESSIVE_REPEAT"})


def checked(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    """The compiled regex, known not to take time exponential in the text.

    A string is compiled so that case does not matter; a compiled pattern keeps its own flags.

    Raises:
        DefinitionError: It is no regex, or a part that repeats could match the same text in several ways: it holds
            an optional part, a part of varying length that no other character ends, or alternatives that begin
            alike.
    """
    written = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not isinstance(written, str):
        raise DefinitionError(f"{caller()}: a regex is a str, since it is matched against text; {written!r} is none")
    try:
        compiled = re.compile(written, re.IGNORECASE) if isinstance(pattern, str) else pattern
    except re.error as problem:
        raise DefinitionError(f"{caller()}: {written!r} is no regex: {problem}") from problem
    tree = _parser.parse(written, compiled.flags)
    if _hazardous(tree, tree.state):
        raise DefinitionError(
            f"{caller()}: the regex {written!r} repeats a part that can match the same text in several ways, so that "
            "a hostile text could block the bot for minutes; end the inner part with a character it cannot hold, as "
            r"in (\d+,)*, or take one of the two repeats out"
        )
    return compiled


def _parts(op: str, value: Any) -> Iterator[Sequence[_Item]]:
    if op in _REPEATS:
        yield value[2]
    elif op == "SUBPATTERN":
        yield value[-1]
    elif op == "BRANCH":
        yield from value[1]
    elif op == "ATOMIC_GROUP":
        yield value
    elif op in ("ASSERT", "ASSERT_NOT"):
        yield value[1]
    elif op == "GROUPREF_EXISTS":
        yield from (part for part in value[1:] if part is not None)


def _hazardous(items: Sequence[_Item], state: Any) -> bool:
    for op, value in items:
        if str(op) in _REPEATS and value[1] > 1 and not _one_way(value[2], state):
            return True
        if any(_hazardous(part, state) for part in _parts(str(op), value)):
            return True
    return False


def _flat(items: Sequence[_Item]) -> list[_Item]:
    """The items in a row, groups opened."""
    flat: list[_Item] = []
    for op, value in items:
        flat += _flat(value[-1]) if str(op) == "SUBPATTERN" else [(op, value)]
    return flat


def _one_way(items: Sequence[_Item], state: Any) -> bool:
    """Whether repeating these items leaves, for any text, one way at most to share it out among the rounds."""
    flat = _flat(items)
    for place, item in enumerate(flat):
        if _fixed(item, state):
            continue
        # A run of varying length ends in one place only when what follows it, there or in the next round, is a
        # character that it cannot hold.
        run = _flat(item[1][2]) if str(item[0]) in _REPEATS else []
        following = flat[(place + 1) % len(flat)]
        if len(run) != 1 or not _apart(run[0], following, state):
            return False
    return True


def _fixed(item: _Item, state: Any) -> bool:
    """Whether the item matches in one way at most where it begins."""
    op, value = str(item[0]), item[1]
    if op in _SINGLES or op in _ONE_WAY:
        return True
    if op in _REPEATS:
        return bool(value[0] == value[1]) and all(_fixed(one, state) for one in _flat(value[2]))
    if op == "BRANCH":
        ways = [_flat(way) for way in value[1]]
        return all(ways) and (
            all(_fixed(one, state) for way in ways for one in way)
            and all(_apart(a[0], b[0], state) for a, b in combinations(ways, 2))
        )
    return False


def _apart(one: _Item, other: _Item, state: Any) -> bool:
    """Whether no character matches both items.

    Asked of the first 256 characters and of every end of a range written in either: two ranges that meet hold an end
    of each other, and classes that meet, meet among the first.
    """
    if str(one[0]) not in _SINGLES or str(other[0]) not in _SINGLES:
        return False
    points = {*range(256), *_points(one[1]), *_points(other[1])}
    cases = {c for point in points for c in (chr(point), chr(point).lower(), chr(point).upper()) if len(c) == 1}
    left, right = _holds(one, state), _holds(other, state)
    return not any(left(c) and right(c) for c in cases)


def _points(value: Any) -> Iterator[int]:
    if type(value) is int:
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _points(part)


def _holds(item: _Item, state: Any) -> Callable[[str], object]:
    compiled = _compiler.compile(_parser.SubPattern(state, [item]), re.IGNORECASE)
    matcher: Callable[[str], object] = compiled.fullmatch
    return matcher
