"""The machine's clock."""

from datetime import UTC, datetime

import anyio

from convokit.abc import Clock


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        """Return at `moment`; looks again every minute, since the machine may have slept or its clock been set."""
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110  time itself is waited for
            await anyio.sleep(min(left, 60.0))
