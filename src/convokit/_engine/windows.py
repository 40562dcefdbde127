"""Until when a platform's window for messages is open, and for whom."""

from datetime import datetime, timedelta

from convokit.abc import Transport


def closes(transport: Transport, until: datetime, by: str) -> datetime:
    """The moment at which the window that is open `until` closes for who speaks: "bot", "operator" or "customer"."""
    if by != "operator" or transport.window is None or transport.operators_window is None:
        return until
    return until + max(transport.operators_window - transport.window, timedelta())
