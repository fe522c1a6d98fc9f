"""Where orders are sent."""

from __future__ import annotations

from collections.abc import (
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hedgerow.domain.market import Candle
from hedgerow.domain.messages import (
    PriceMoved,
    VenueMessage,
)
from hedgerow.domain.orders import Order
from hedgerow.domain.positions import Position


class Venue(Protocol):
    """A place that executes orders. Each call returns what the venue answered at once."""

    async def submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Send a pending order under its client order id; the same order twice is one order."""
        ...

    async def cancel(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Take a working order back; an order that has already ended is answered by nothing."""
        ...

    async def amend(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """Change amount and trigger of a working order, keeping its place and its fills."""
        ...


@dataclass(frozen=True, slots=True)
class Timed:
    """A message and when it happened."""

    at: datetime
    message: VenueMessage | PriceMoved


class ReplayVenue(Venue, Protocol):
    """A venue that matches orders against candles, and whose whole state can be saved."""

    def play(self, candles: Sequence[Candle]) -> Iterator[Timed]:
        """Live through one span: one candle per symbol, all with the same open_time.

        Yields executions and the prices along the path, in order of time. Orders may be
        submitted, amended and canceled between two items. After `restore`, the span that was
        under way when the snapshot was taken goes on where it was, without repeating items.
        """
        ...

    def cover(self, positions: Iterable[Position]) -> None:
        """Take note of what stands behind each open futures position, as it is now.

        From then on they pay funding, and are closed by force where their collateral is used up.
        """
        ...

    def snapshot(self) -> dict[str, object]:
        """All state, as a JSON document."""
        ...

    def restore(self, document: Mapping[str, object]) -> None:
        """Take over a snapshot."""
        ...
