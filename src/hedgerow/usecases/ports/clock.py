"""What time it is, for use cases that go by the clock on the wall."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, and waiting for a time. All times are in UTC."""

    def now(self) -> datetime:
        """What time it is."""
        ...

    async def wait_until(self, at: datetime, stop: asyncio.Event) -> None:
        """Wait until `at`, or until `stop` is set if that is earlier."""
        ...
