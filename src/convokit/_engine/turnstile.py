"""Counts the webhooks under way and the bytes of their bodies: what is too much is refused before it is read."""

from collections.abc import Iterator
from contextlib import contextmanager

LINGERING = 4
"""How many refused webhooks may finish what they are sending, for each that may be let through: they cost little."""


class Turnstile:
    """How many webhooks, and bytes of theirs, may be in the process at once.

    Args:
        most: How many webhooks.
        most_bytes: How many bytes of bodies, all webhooks together.

    Attributes:
        under_way: How many there are now.
        held: The bytes of their bodies that have come.
        lingering: How many refused ones still get to finish what they were sending.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self.under_way = 0
        self.held = 0
        self.lingering = 0

    @contextmanager
    def passing(self) -> "Iterator[Passage | None]":
        """Let one webhook through; None: there are as many as may be."""
        if self.under_way >= self._most:
            yield None
            return
        self.under_way += 1
        one = Passage(self)
        try:
            yield one
        finally:
            self.under_way -= 1
            self.held -= one.size

    @contextmanager
    def refusing(self) -> Iterator[bool]:
        """Whether a refused one may finish what it is sending: four times as many may as are let through."""
        if self.lingering >= LINGERING * self._most:
            yield False
            return
        self.lingering += 1
        try:
            yield True
        finally:
            self.lingering -= 1

    def take(self, size: int) -> bool:
        """Count bytes that have come; False: they are more than may be held, and are not counted."""
        if self.held + size > self._most_bytes:
            return False
        self.held += size
        return True


class Passage:
    """One webhook that was let through; `size` is what of its body has come."""

    __slots__ = ("_turnstile", "size")

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile
        self.size = 0

    def take(self, size: int) -> bool:
        """Count bytes of its body; False: all bodies together would be too much."""
        if not self._turnstile.take(size):
            return False
        self.size += size
        return True
