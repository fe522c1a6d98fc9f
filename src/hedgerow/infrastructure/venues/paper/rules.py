"""What the paper venue charges, and how much of the market it lets one account be."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.money import CONTEXT, ONE, ZERO, require_exact

_DRAWS: Final = Decimal(2**32 - 1)
_LATENCY_BOUND_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class PaperVenueRules:
    """Costs and depth, as ratios (0.001 is 0.1 %); raises InvalidValue outside their ranges.

    Fees are shares of an execution's quote value. `slippage_ratio` is the share of the price by
    which market and stop_market orders execute worse. `participation_ratio` is the share of a
    candle's base volume that all orders on its symbol may fill together. Without a `seed` each
    execution slips by exactly `slippage_ratio`; a seed draws it from zero to twice as much. To
    that comes `impact_ratio` times the share of the candle's volume that the execution takes.
    An order is in the book `latency_ms` after it was sent, and acts from the next point of the
    path on. `liquidation_fee_ratio` is the share of its value that a liquidation costs.
    """

    maker_fee_ratio: Decimal = Decimal("0.001")
    taker_fee_ratio: Decimal = Decimal("0.001")
    slippage_ratio: Decimal = Decimal("0.0005")
    participation_ratio: Decimal = Decimal("0.10")
    seed: int | None = None
    impact_ratio: Decimal = ZERO
    latency_ms: int = 0
    liquidation_fee_ratio: Decimal = Decimal("0.0125")

    def __post_init__(self) -> None:
        costs = {
            "maker_fee_ratio": self.maker_fee_ratio,
            "taker_fee_ratio": self.taker_fee_ratio,
            "slippage_ratio": self.slippage_ratio,
            "impact_ratio": self.impact_ratio,
            "liquidation_fee_ratio": self.liquidation_fee_ratio,
        }
        require_exact(**costs, participation_ratio=self.participation_ratio)
        for name, value in costs.items():
            if not ZERO <= value < ONE:
                raise InvalidValue(field=name, value=value, allowed="at least 0 and below 1")
        if not ZERO < self.participation_ratio <= ONE:
            raise InvalidValue(
                field="participation_ratio",
                value=self.participation_ratio,
                allowed="above 0 and at most 1",
            )

        if not 0 <= self.latency_ms < _LATENCY_BOUND_MS:
            raise InvalidValue(
                field="latency_ms",
                value=self.latency_ms,
                allowed=f"at least 0 and below {_LATENCY_BOUND_MS}",
            )

    def slippage(self, trade_number: int, volume_share: Decimal = ZERO) -> Decimal:
        """The slippage ratio of the account's `trade_number`-th execution.

        `volume_share` is the share of the candle's volume that it takes.
        """
        return self._spread(trade_number) + self.impact_ratio * volume_share

    def _spread(self, trade_number: int) -> Decimal:
        if self.seed is None:
            return self.slippage_ratio
        digest = blake2b(f"{self.seed}|{trade_number}".encode(), digest_size=4).digest()
        drawn = CONTEXT.divide(Decimal(int.from_bytes(digest, "big")), _DRAWS)
        return 2 * self.slippage_ratio * drawn
