"""How often and how long models are asked, and how time passes meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hedgerow.infrastructure.models.faults import Fault


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a model is asked. Seconds throughout.

    `timeout_s` is given to a whole answer, or to each piece of one that streams. Before attempt
    n + 1 there is a pause drawn evenly from 0 to min(pause_s_max, pause_s x 2^n) ("full jitter":
    Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), after what the
    provider asks for in Retry-After; where that is longer than retry_after_s_max, the model is
    given up. After `failures_max` failures in a row a provider rests for rest_s, and never for
    longer than rest_s_max.
    """

    attempts: int = 3
    timeout_s: float = 120.0
    pause_s: float = 0.5
    pause_s_max: float = 15.0
    retry_after_s_max: float = 30.0
    failures_max: int = 5
    rest_s: float = 30.0
    rest_s_max: float = 600.0

    def pause_after(self, fault: Fault, attempt: int, pace: Pace) -> float | None:
        """Seconds until another attempt after attempt `attempt` (from 1); None for no other."""
        if not fault.is_passing or attempt >= self.attempts:
            return None
        if fault.retry_after_s > self.retry_after_s_max:
            return None
        most = min(self.pause_s_max, self.pause_s * 2.0**attempt)
        return fault.retry_after_s + pace.draw(0.0, most)


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes: seconds of a clock that only goes forward, waiting, and chance."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[float, float], float] = random.uniform
