"""Waiting: what can be cut short, and what a service asks for."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Wait, but not beyond the moment in which `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def retry_after_s(value: str | None, now: datetime) -> float:
    """Seconds that an HTTP `Retry-After` asks for: a number, or a date (RFC 9110, 10.2.3).

    0 where it asks for nothing that can be understood, or for a moment that has passed.
    """
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return seconds if math.isfinite(seconds) and seconds > 0.0 else 0.0


def _seconds_until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    at = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (at - now).total_seconds()
