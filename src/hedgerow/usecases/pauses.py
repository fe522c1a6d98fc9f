"""Waiting that can be cut short."""

from __future__ import annotations

import asyncio


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Wait, but not beyond the moment in which `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
