"""Desks: where operators work."""

from convokit.desks.local import Case, Local

__all__ = ["Case", "Local"]
