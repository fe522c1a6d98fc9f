"""The clock of this machine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

# A sleep is counted in seconds that the machine is awake, a time to wake up by its clock, which
# may be set and which runs on while a laptop sleeps: so the clock is looked at this often.
_LOOK_EVERY_S: Final = 5.0


class SystemClock:
    """Implements the Clock port."""

    def now(self) -> datetime:
        """What time it is."""
        return datetime.now(UTC)

    async def wait_until(self, at: datetime, stop: asyncio.Event) -> None:
        """Wait until `at`, or until `stop` is set if that is earlier."""
        while not stop.is_set() and (left_s := (at - self.now()).total_seconds()) > 0:
            try:
                async with asyncio.timeout(min(left_s, _LOOK_EVERY_S)):
                    await stop.wait()
            except TimeoutError:
                continue
